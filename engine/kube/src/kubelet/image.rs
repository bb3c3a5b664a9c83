//! Is a container's image on the node? Pulling, and what is said where it cannot be pulled.
//!
//! Differs from Kubernetes: a pull takes as long as its bytes at [`BYTES_PER_SECOND`], several at once.
//! Source: kubernetes `pkg/kubelet/images/image_manager.go`.

use super::Kubelet;
use super::pod::{Backoff, Pod, Pull};
use crate::object::Value;
use container::Reference;
use container::runtime::Runtime;
use std::rc::Rc;
use std::time::Duration;

const BYTES_PER_SECOND: u64 = 100_000_000;
/// Besides the bytes: manifests and unpacking.
const OVERHEAD: Duration = Duration::from_millis(300);
const FIRST_TRY: Duration = Duration::from_secs(10);
const LAST_TRY: Duration = Duration::from_secs(300);

/// True where it is there; else notes what is waited for.
pub async fn ready(kubelet: &Rc<Kubelet>, pod: &mut Pod, spec: &Value) -> bool {
    let (name, image, machine) = (spec.str("name").to_owned(), spec.str("image").to_owned(), kubelet.machine);
    let now = kubelet.sys.now().await;
    if Reference::parse(&image).is_none() {
        let why = format!(
            "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid reference format"
        );
        kubelet.event(pod, "Warning", "InspectFailed", &why, &name);
        kubelet.event(pod, "Warning", "Failed", "Error: InvalidImageName", &name);
        pod.waiting.insert(name, ("InvalidImageName".to_owned(), why));
        return false;
    }
    match pod.pulls.get(&name).cloned() {
        Some(Pull::Until(at, bytes)) => {
            if at > now {
                pod.look_at(at);
                return false;
            }
            let key = image.clone();
            kubelet
                .sys
                .ask(move |system, _| Runtime::of_mut(system, machine).map(|it| it.pull(&key).ok()))
                .await;
            pod.pulls.remove(&name);
            let took = millis(time(bytes));
            let words = format!(
                "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {bytes} bytes."
            );
            kubelet.event(pod, "Normal", "Pulled", &words, &name);
            return true;
        }
        Some(Pull::Failed(backoff, why)) if backoff.until > now => {
            pod.look_at(backoff.until);
            return backs_off(kubelet, pod, name, &image, &why);
        }
        _ => {}
    }
    let key = image.clone();
    let (is_here, found) = kubelet
        .sys
        .ask(move |system, _| match Runtime::of(system, machine) {
            Some(runtime) => (runtime.has_image(&key), runtime.resolve(&key)),
            None => (false, Err("containerd is not running".to_owned())),
        })
        .await;
    let policy = spec.str("imagePullPolicy");
    if is_here && policy != "Always" {
        let words =
            format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
        kubelet.event(pod, "Normal", "Pulled", &words, &name);
        return true;
    }
    if policy == "Never" {
        return never(kubelet, pod, name, &image);
    }
    kubelet.event(pod, "Normal", "Pulling", &format!("Pulling image \"{image}\""), &name);
    match found {
        Ok(bytes) => {
            let at = now + if is_here { OVERHEAD } else { time(bytes) };
            pod.pulls.insert(name, Pull::Until(at, bytes));
            pod.look_at(at);
        }
        Err(why) => failed(kubelet, pod, name, &image, why, now),
    }
    false
}

/// It failed, and it is too soon to try again.
fn backs_off(kubelet: &Rc<Kubelet>, pod: &mut Pod, name: String, image: &str, why: &str) -> bool {
    let words = format!("Back-off pulling image \"{image}\"");
    kubelet.event(pod, "Normal", "BackOff", &words, &name);
    kubelet.event(pod, "Warning", "Failed", "Error: ImagePullBackOff", &name);
    pod.waiting.insert(name, ("ImagePullBackOff".to_owned(), format!("{words}: ErrImagePull: {why}")));
    false
}

/// The pull policy forbids what would be needed.
fn never(kubelet: &Rc<Kubelet>, pod: &mut Pod, name: String, image: &str) -> bool {
    let words = format!("Container image \"{image}\" is not present with pull policy of Never");
    kubelet.event(pod, "Warning", "ErrImageNeverPull", &words, &name);
    kubelet.event(pod, "Warning", "Failed", "Error: ErrImageNeverPull", &name);
    pod.waiting.insert(name, ("ErrImageNeverPull".to_owned(), words));
    false
}

fn failed(kubelet: &Rc<Kubelet>, pod: &mut Pod, name: String, image: &str, why: String, now: sim::Instant) {
    let code = if why.ends_with(": not found") { "NotFound" } else { "Unknown" };
    let why = format!("rpc error: code = {code} desc = {why}");
    kubelet.event(pod, "Warning", "Failed", &format!("Failed to pull image \"{image}\": {why}"), &name);
    kubelet.event(pod, "Warning", "Failed", "Error: ErrImagePull", &name);
    let before = match pod.pulls.get(&name) {
        Some(Pull::Failed(backoff, _)) => Some(*backoff),
        _ => None,
    };
    let backoff = Backoff::after(before, now, FIRST_TRY, LAST_TRY);
    pod.pulls.insert(name.clone(), Pull::Failed(backoff, why.clone()));
    pod.waiting.insert(name, ("ErrImagePull".to_owned(), why));
    // Soon it is said that it backs off.
    pod.look_at(now + Duration::from_secs(1));
}

fn time(bytes: u64) -> Duration {
    OVERHEAD + Duration::from_millis(bytes * 1000 / BYTES_PER_SECOND)
}

/// A duration as Go prints it.
fn millis(time: Duration) -> String {
    match time.as_millis() {
        it @ 0..1000 => format!("{it}ms"),
        it => {
            let text = format!("{}.{:03}", it / 1000, it % 1000);
            format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}
