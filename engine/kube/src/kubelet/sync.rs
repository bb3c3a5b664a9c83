//! One look at a pod: the next steps towards what is wanted.
//!
//! Always: each step is taken once it can be, in the real order: sandbox and its network, volumes, init containers one after
//! the other, then the containers; what has to wait notes when it wants to be looked at again.
//! Source: kubernetes `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (computePodActions, SyncPod).

use super::pod::{Backoff, Pod};
use super::{Kubelet, complaint, environment, image, probe, status, terminate, volume};
use crate::object::Value;
use container::network::{self, Attachment};
use container::runtime::{self, Runtime, State, Wanted};
use std::rc::Rc;
use std::time::Duration;

/// The delays between restarts of a container (MaxContainerBackOff).
const FIRST_RESTART: Duration = Duration::from_secs(10);
const LAST_RESTART: Duration = Duration::from_secs(300);
/// Between attempts at a sandbox or a volume.
const FIRST_TRY: Duration = Duration::from_secs(2);
const LAST_TRY: Duration = Duration::from_secs(122);
pub(super) const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false \
     reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Kept,
    /// Nothing of the pod is left.
    Gone,
}

/// What the runtime has of a container now.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub id: String,
    pub state: State,
    pub attempt: u32,
    pub exit: u8,
    pub finished: sim::Instant,
}

pub async fn sync(kubelet: &Rc<Kubelet>, pod: &mut Pod) -> Outcome {
    if pod.over && !pod.is_ending() {
        return Outcome::Kept;
    }
    if pod.started.is_none() {
        pod.started = Some(kubelet.sys.ask(|system, _| crate::cluster::now(system)).await);
    }
    if pod.is_ending() {
        return terminate::terminate(kubelet, pod).await;
    }
    advance(kubelet, pod).await;
    complaint::of_pod(kubelet, pod).await;
    status::tell(kubelet, pod).await;
    Outcome::Kept
}

/// `None` where the next step has to wait.
async fn advance(kubelet: &Rc<Kubelet>, pod: &mut Pod) -> Option<()> {
    if status::is_finished(kubelet, pod).await {
        pod.over = true;
        terminate::release_network(kubelet, pod).await;
        return None;
    }
    let sandbox = sandbox(kubelet, pod).await?;
    let mounts = volumes(kubelet, pod).await?;
    let inits = pod.spec().get("initContainers").items().to_vec();
    for spec in &inits {
        let is_sidecar = spec.str("restartPolicy") == "Always";
        let found = instance(kubelet, &pod.uid(), spec.str("name")).await;
        match found {
            Some(it) if it.state == State::Exited && it.exit == 0 && !is_sidecar => continue,
            Some(it) if it.state == State::Running && is_sidecar => {
                probe::start(kubelet, pod, spec, &it.id);
                continue;
            }
            Some(it) if it.state == State::Running => return None,
            _ => {}
        }
        run(kubelet, pod, spec, &sandbox, &mounts, true).await;
        if !is_sidecar {
            return None;
        }
    }
    for list in ["containers", "ephemeralContainers"] {
        for spec in pod.spec().get(list).items().to_vec() {
            run(kubelet, pod, &spec, &sandbox, &mounts, false).await;
        }
    }
    Some(())
}

/// The newest instance of a container.
pub(super) async fn instance(kubelet: &Kubelet, uid: &str, name: &str) -> Option<Instance> {
    let (machine, uid, name) = (kubelet.machine, uid.to_owned(), name.to_owned());
    kubelet
        .sys
        .ask(move |system, _| {
            let runtime = Runtime::of(system, machine)?;
            let newest =
                runtime.containers_of(&uid).filter(|it| it.name == name).max_by_key(|it| it.attempt)?;
            let (state, attempt) = (newest.state, newest.attempt);
            Some(Instance {
                id: newest.id.clone(),
                state,
                attempt,
                exit: newest.exit,
                finished: newest.finished,
            })
        })
        .await
}

/// The sandbox's id, once there is one with a network.
async fn sandbox(kubelet: &Rc<Kubelet>, pod: &mut Pod) -> Option<String> {
    let (machine, uid) = (kubelet.machine, pod.uid());
    let (ready, stale, last) = kubelet
        .sys
        .ask(move |system, _| {
            let found = Runtime::of(system, machine).and_then(|it| it.sandbox_of(&uid));
            let id = found.map(|it| it.id.clone());
            let is_ready = found.is_some_and(|it| it.ready);
            (id.clone().filter(|_| is_ready), id.filter(|_| !is_ready), found.map(|it| it.attempt))
        })
        .await;
    if ready.is_some() {
        return ready;
    }
    let now = kubelet.sys.now().await;
    if let Some(backoff) = pod.sandbox_backoff.filter(|it| it.until > now) {
        pod.look_at(backoff.until);
        return None;
    }
    if let Some(id) = stale {
        kubelet.event(
            pod,
            "Normal",
            "SandboxChanged",
            "Pod sandbox changed, it will be killed and re-created.",
            "",
        );
        terminate::release_sandbox(kubelet, &id).await;
    }
    let conf = network::configuration(&kubelet.sys).await;
    if conf.is_none() && !pod.on_host_network() {
        let words = format!("network is not ready: {NO_NETWORK}");
        kubelet.event(pod, "Warning", "NetworkNotReady", &words, "");
        complaint::of_sync(kubelet, pod, &words).await;
        return later(pod, now);
    }
    let attempt = pod.sandboxes.max(last.map_or(0, |it| it + 1));
    pod.sandboxes = attempt + 1;
    let hostname = hostname(pod);
    let own = (!pod.on_host_network()).then_some(hostname);
    let name = pod.pod_name();
    let made =
        kubelet.sys.ask(move |system, _| runtime::run_sandbox(system, machine, name, attempt, own)).await;
    let made = match made {
        Ok(id) => match conf.filter(|_| !pod.on_host_network()) {
            Some(conf) => connect(kubelet, pod, &conf, id).await,
            None => Ok(id),
        },
        Err(why) => Err(format!("failed to create sandbox: {why}")),
    };
    match made {
        Ok(id) => {
            pod.sandbox_backoff = None;
            Some(id)
        }
        Err(why) => {
            let words = format!("Failed to create pod sandbox: rpc error: code = Unknown desc = {why}");
            kubelet.event(pod, "Warning", "FailedCreatePodSandBox", &words, "");
            complaint::of_sandbox(kubelet, pod, &why).await;
            later(pod, now)
        }
    }
}

fn later(pod: &mut Pod, now: sim::Instant) -> Option<String> {
    let backoff = Backoff::after(pod.sandbox_backoff, now, FIRST_TRY, LAST_TRY);
    pod.sandbox_backoff = Some(backoff);
    pod.look_at(backoff.until);
    None
}

/// `spec.hostname`, else the pod's name, cut to 63 letters.
pub(super) fn hostname(pod: &Pod) -> String {
    let wanted = pod.spec().str("hostname");
    let name = if wanted.is_empty() { pod.name() } else { wanted.to_owned() };
    let end = name.floor_char_boundary(63);
    name[..end].trim_end_matches(['-', '.']).to_owned()
}

async fn connect(
    kubelet: &Rc<Kubelet>,
    pod: &Pod,
    conf: &network::ConfList,
    id: String,
) -> Result<String, String> {
    let Some(to) = attachment(kubelet, pod, &id).await else { return Err("sandbox not found".to_owned()) };
    let machine = kubelet.machine;
    match conf.add(&kubelet.sys, &to).await {
        Ok(result) => {
            let key = id.clone();
            kubelet
                .sys
                .ask(move |system, _| {
                    let found = Runtime::of_mut(system, machine).and_then(|it| it.sandboxes.get_mut(&key));
                    if let Some(sandbox) = found {
                        sandbox.addresses = network::addresses(&result);
                        sandbox.result = result;
                    }
                })
                .await;
            Ok(id)
        }
        Err(why) => {
            // A failed ADD is followed by a DEL, whose own failure changes nothing.
            conf.delete(&kubelet.sys, &to, "").await.ok();
            terminate::release_sandbox(kubelet, &id).await;
            Err(format!("failed to setup network for sandbox \"{id}\": {why}"))
        }
    }
}

/// What CNI is told of a sandbox.
pub(super) async fn attachment(kubelet: &Kubelet, pod: &Pod, id: &str) -> Option<Attachment> {
    let (machine, key) = (kubelet.machine, id.to_owned());
    let name = kubelet
        .sys
        .ask(move |system, _| Runtime::of(system, machine)?.sandboxes.get(&key)?.netns_name.clone())
        .await?;
    let ports = pod.spec().get("containers").items().iter().flat_map(|it| it.get("ports").items());
    let ports = ports.filter(|it| it.int("hostPort") > 0).map(|it| {
        serde_json::json!({
            "hostPort": it.int("hostPort"), "containerPort": it.int("containerPort"),
            "protocol": it.str("protocol").to_lowercase(), "hostIP": it.str("hostIP")
        })
    });
    Some(Attachment {
        container: id.to_owned(),
        netns: format!("/var/run/netns/{name}"),
        interface: "eth0".to_owned(),
        namespace: pod.namespace(),
        pod: pod.name(),
        uid: pod.uid(),
        ports: serde_json::Value::Array(ports.collect()),
    })
}

/// Where each volume lies, once all are written.
async fn volumes(kubelet: &Rc<Kubelet>, pod: &mut Pod) -> Option<volume::Places> {
    let now = kubelet.sys.now().await;
    if let Some(backoff) = pod.volume_backoff.filter(|it| it.until > now) {
        pod.look_at(backoff.until);
        return None;
    }
    match volume::write(kubelet, pod).await {
        Ok(places) => {
            pod.volume_backoff = None;
            Some(places)
        }
        Err(why) => {
            kubelet.event(pod, "Warning", "FailedMount", &why, "");
            let backoff = Backoff::after(pod.volume_backoff, now, Duration::from_millis(500), LAST_TRY);
            pod.volume_backoff = Some(backoff);
            pod.look_at(backoff.until);
            None
        }
    }
}

/// Sees to it that a container runs, if it is to run.
async fn run(
    kubelet: &Rc<Kubelet>,
    pod: &mut Pod,
    spec: &Value,
    sandbox: &str,
    places: &volume::Places,
    is_init: bool,
) {
    let name = spec.str("name").to_owned();
    let now = kubelet.sys.now().await;
    let mut attempt = 0;
    if let Some(it) = instance(kubelet, &pod.uid(), &name).await {
        match it.state {
            State::Running => {
                probe::start(kubelet, pod, spec, &it.id);
                return probe::judge(kubelet, pod, spec, &it.id).await;
            }
            // Left over from a start that was cut short.
            State::Created => terminate::forget(kubelet, &it.id).await,
            State::Exited => {
                pod.verdicts.remove(&name);
                if !restarts(pod, is_init, spec, it.exit) {
                    return;
                }
                if backs_off(kubelet, pod, &name, it.finished, now) {
                    return;
                }
                attempt = it.attempt + 1;
            }
        }
    }
    if !image::ready(kubelet, pod, spec).await {
        return;
    }
    let wanted = match environment::wanted(kubelet, pod, spec, attempt, places).await {
        Ok(wanted) => wanted,
        Err(why) => {
            pod.waiting.insert(name.clone(), ("CreateContainerConfigError".to_owned(), why.clone()));
            kubelet.event(pod, "Warning", "Failed", &format!("Error: {why}"), &name);
            pod.look_at(now + FIRST_RESTART);
            return;
        }
    };
    if attempt > 0 {
        count_restart(pod, &name, now);
    }
    start(kubelet, pod, &name, sandbox, wanted).await;
}

fn restarts(pod: &Pod, is_init: bool, spec: &Value, exit: u8) -> bool {
    if pod.spec().get("ephemeralContainers").items().iter().any(|it| it.str("name") == spec.str("name")) {
        return false;
    }
    match (pod.spec().str("restartPolicy"), spec.str("restartPolicy")) {
        (_, "Always") => true,
        ("Never", _) => false,
        ("OnFailure", _) => exit != 0,
        _ => !is_init || exit != 0,
    }
}

/// Is it too soon for a restart? Notes so, and when it will be time.
fn backs_off(
    kubelet: &Kubelet,
    pod: &mut Pod,
    name: &str,
    finished: sim::Instant,
    now: sim::Instant,
) -> bool {
    // After ten quiet minutes it begins anew.
    let before = pod.restarts.get(name).copied().filter(|it| now < it.until + LAST_RESTART * 2);
    let until = before.map(|it| finished + it.delay);
    if let (Some(until), Some(backoff)) = (until.filter(|it| *it > now), before) {
        let seconds = backoff.delay.as_secs();
        let delay =
            if seconds >= 60 { format!("{}m{}s", seconds / 60, seconds % 60) } else { format!("{seconds}s") };
        let words = format!("back-off {delay} restarting failed container={name} pod={}", pod.full_name());
        pod.waiting.insert(name.to_owned(), ("CrashLoopBackOff".to_owned(), words.clone()));
        let event = format!("Back-off restarting failed container {name} in pod {}", pod.full_name());
        kubelet.event(pod, "Warning", "BackOff", &event, name);
        pod.look_at(until);
        return true;
    }
    false
}

/// A container starts once more: the next time it waits longer.
fn count_restart(pod: &mut Pod, name: &str, now: sim::Instant) {
    let before = pod.restarts.get(name).copied().filter(|it| now < it.until + LAST_RESTART * 2);
    pod.restarts.insert(name.to_owned(), Backoff::after(before, now, FIRST_RESTART, LAST_RESTART));
}

async fn start(kubelet: &Rc<Kubelet>, pod: &mut Pod, name: &str, sandbox: &str, wanted: Wanted) {
    let (machine, sandbox) = (kubelet.machine, sandbox.to_owned());
    let asked = wanted.clone();
    let created =
        kubelet.sys.ask(move |system, _| runtime::create_container(system, machine, &sandbox, &asked)).await;
    let id = match created {
        Ok(id) => id,
        Err(why) => {
            pod.waiting.insert(name.to_owned(), ("CreateContainerError".to_owned(), why.clone()));
            kubelet.event(pod, "Warning", "Failed", &format!("Error: {why}"), name);
            let now = kubelet.sys.now().await;
            pod.look_at(now + FIRST_RESTART);
            return;
        }
    };
    kubelet.event(pod, "Normal", "Created", "Container created", name);
    let key = id.clone();
    let started =
        kubelet.sys.ask(move |system, _| runtime::start_container(system, machine, &key, &wanted)).await;
    match started {
        Ok(()) => {
            pod.waiting.remove(name);
            kubelet.event(pod, "Normal", "Started", "Container started", name);
            let found = all_specs(pod).into_iter().find(|it| it.str("name") == name);
            if let Some(spec) = found {
                probe::start(kubelet, pod, &spec, &id);
            }
        }
        Err(why) => {
            pod.waiting.insert(name.to_owned(), ("RunContainerError".to_owned(), why.clone()));
            kubelet.event(pod, "Warning", "Failed", &format!("Error: {why}"), name);
            let now = kubelet.sys.now().await;
            pod.look_at(now + Duration::from_secs(1));
        }
    }
}

/// Its init containers, its containers, and those for debugging.
pub(super) fn all_specs(pod: &Pod) -> Vec<Value> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    lists.iter().flat_map(|list| pod.spec().get(list).items().to_vec()).collect()
}
