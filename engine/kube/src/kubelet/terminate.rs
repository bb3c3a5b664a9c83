//! The end of a pod: SIGTERM, the grace period, SIGKILL; then its network, its files, and its object.
//!
//! Always: the object is deleted only once no container runs; CNI DEL comes before the namespace goes.
//! Differs from Kubernetes: of hooks only `preStop.sleep` and `preStop.exec` are simulated: exec is run, not waited for.

use super::pod::Pod;
use super::sync::{Outcome, attachment};
use super::{Kubelet, status};
use container::network;
use container::runtime::{self, Runtime, State};
use linux::{Signal, Start};
use std::rc::Rc;
use std::time::Duration;

/// What a pod gets where it says nothing.
const GRACE: i64 = 30;

pub async fn terminate(kubelet: &Rc<Kubelet>, pod: &mut Pod) -> Outcome {
    let (machine, now) = (kubelet.machine, kubelet.sys.now().await);
    let running = running(kubelet, &pod.uid()).await;
    if !running.is_empty() {
        match pod.deadline {
            None => begin(kubelet, pod, running).await,
            Some(deadline) if now >= deadline => {
                kubelet
                    .sys
                    .ask(move |system, _| {
                        for (id, _) in running {
                            runtime::signal_container(system, machine, &id, Signal::Kill);
                        }
                    })
                    .await;
            }
            Some(deadline) => pod.look_at(deadline),
        }
        status::tell(kubelet, pod).await;
        return Outcome::Kept;
    }
    release_network(kubelet, pod).await;
    status::tell(kubelet, pod).await;
    let uid = pod.uid();
    let ids: Vec<String> = kubelet
        .sys
        .ask(move |system, _| {
            let Some(runtime) = Runtime::of(system, machine) else { return Vec::new() };
            runtime.containers_of(&uid).map(|it| it.id.clone()).collect()
        })
        .await;
    for id in ids {
        forget(kubelet, &id).await;
    }
    super::volume::remove(kubelet, &pod.uid()).await;
    if let Some(object) = pod.api_object() {
        kubelet.outbox.delete(kubelet, object);
    }
    Outcome::Gone
}

/// Containers of that pod that still run: id and name.
async fn running(kubelet: &Kubelet, uid: &str) -> Vec<(String, String)> {
    let (machine, uid) = (kubelet.machine, uid.to_owned());
    kubelet
        .sys
        .ask(move |system, _| {
            let Some(runtime) = Runtime::of(system, machine) else { return Vec::new() };
            let living = runtime.containers_of(&uid).filter(|it| it.state == State::Running);
            living.map(|it| (it.id.clone(), it.name.clone())).collect()
        })
        .await
}

/// Tells all containers to stop, and notes until when they may take.
async fn begin(kubelet: &Rc<Kubelet>, pod: &mut Pod, running: Vec<(String, String)>) {
    let own = pod.spec().get("terminationGracePeriodSeconds").as_int().unwrap_or(GRACE);
    let asked = pod.object["metadata"].get("deletionGracePeriodSeconds").as_int();
    let grace = u64::try_from(asked.unwrap_or(own)).unwrap_or(0);
    let deadline = kubelet.sys.now().await + Duration::from_secs(grace.max(1));
    pod.deadline = Some(deadline);
    pod.look_at(deadline);
    for (id, name) in running {
        kubelet.event(pod, "Normal", "Killing", &format!("Stopping container {name}"), &name);
        let specs = super::sync::all_specs(pod);
        let hook =
            specs.iter().find(|it| it.str("name") == name).map(|it| it.at(&["lifecycle", "preStop"]).clone());
        kubelet.crew.add(stop(Rc::clone(kubelet), id, hook.unwrap_or_default()));
    }
}

/// The hook, then SIGTERM.
async fn stop(kubelet: Rc<Kubelet>, id: String, hook: crate::object::Value) {
    let machine = kubelet.machine;
    let words = hook.at(&["exec", "command"]).items().iter().map(|it| it.as_str().to_owned());
    let words: Vec<String> = words.collect();
    if !words.is_empty()
        && let Some(start) = inside(&kubelet, &id, words).await
        && let Ok(child) = kubelet.sys.spawn(start).await
    {
        kubelet.sys.wait_child(child).await;
    }
    let seconds = u64::try_from(hook.at(&["sleep"]).int("seconds")).unwrap_or(0);
    if seconds > 0 {
        kubelet.sys.sleep(Duration::from_secs(seconds)).await;
    }
    kubelet.sys.ask(move |system, _| runtime::signal_container(system, machine, &id, Signal::Term)).await;
}

/// How a command is started in a running container.
pub(super) async fn inside(kubelet: &Kubelet, id: &str, words: Vec<String>) -> Option<Start> {
    let (machine, id) = (kubelet.machine, id.to_owned());
    kubelet.sys.ask(move |system, _| runtime::exec_start(system, machine, &id, words)).await
}

/// Forgets a container that has ended.
pub(super) async fn forget(kubelet: &Kubelet, id: &str) {
    let (machine, id) = (kubelet.machine, id.to_owned());
    kubelet.sys.ask(move |system, _| runtime::remove_container(system, machine, &id)).await;
}

/// CNI DEL and the end of the sandbox.
pub(super) async fn release_network(kubelet: &Rc<Kubelet>, pod: &Pod) {
    let (machine, uid) = (kubelet.machine, pod.uid());
    let found = kubelet
        .sys
        .ask(move |system, _| {
            let sandbox = Runtime::of(system, machine)?.sandbox_of(&uid)?;
            Some((sandbox.id.clone(), sandbox.result.clone()))
        })
        .await;
    let Some((id, result)) = found else { return };
    if let (Some(conf), Some(to)) =
        (network::configuration(&kubelet.sys).await, attachment(kubelet, pod, &id).await)
        && let Err(why) = conf.delete(&kubelet.sys, &to, &result).await
    {
        let words = format!(
            "error killing pod: failed to \"KillPodSandbox\" for \"{}\" with KillPodSandboxError: \
             \"rpc error: code = Unknown desc = failed to destroy network for sandbox \\\"{id}\\\": {why}\"",
            pod.uid()
        );
        kubelet.event(pod, "Warning", "FailedKillPod", &words, "");
    }
    release_sandbox(kubelet, &id).await;
}

pub(super) async fn release_sandbox(kubelet: &Kubelet, id: &str) {
    let (machine, id) = (kubelet.machine, id.to_owned());
    kubelet
        .sys
        .ask(move |system, _| {
            runtime::stop_sandbox(system, machine, &id);
            runtime::remove_sandbox(system, machine, &id);
        })
        .await;
}
