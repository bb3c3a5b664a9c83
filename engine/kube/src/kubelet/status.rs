//! A pod's status as the kubelet sees it: phase, conditions, and each container's state.
//!
//! Always: told only when it has changed; a condition keeps its time while its status stays.
//! Source: kubernetes `pkg/kubelet/kubelet_pods.go` (generateAPIPodStatus), `pkg/kubelet/status/generate.go`.

use super::Kubelet;
use super::environment::addresses;
use super::pod::{MIRROR, Pod};
use crate::api::strategy::quality;
use crate::object;
use crate::object::{Time, Value};
use container::runtime::{Runtime, State};
use sim::Instant;
use std::rc::Rc;

/// What the status says of an instance.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    id: String,
    image: String,
    digest: String,
    state: State,
    attempt: u32,
    exit: u8,
    signal: u8,
    message: String,
    started: Time,
    finished: Time,
}

fn time(system: &linux::System, at: Instant) -> Time {
    Time(i64::try_from(system.realtime(at).as_secs()).unwrap_or(i64::MAX))
}

async fn seen(kubelet: &Kubelet, pod: &Pod) -> Vec<Seen> {
    let (machine, uid) = (kubelet.machine, pod.uid());
    kubelet
        .sys
        .ask(move |system, _| {
            let Some(runtime) = Runtime::of(system, machine) else { return Vec::new() };
            let row = |it: &container::runtime::Container| Seen {
                name: it.name.clone(),
                id: it.id.clone(),
                image: it.image.full(),
                digest: it.image.digest(),
                state: it.state,
                attempt: it.attempt,
                exit: it.exit,
                signal: it.signal,
                message: it.message.clone(),
                started: time(system, it.started),
                finished: time(system, it.finished),
            };
            runtime.containers_of(&uid).map(row).collect()
        })
        .await
}

/// Have all containers ended for good?
pub async fn is_finished(kubelet: &Kubelet, pod: &Pod) -> bool {
    let policy = pod.spec().str("restartPolicy");
    if !matches!(policy, "Never" | "OnFailure") {
        return false;
    }
    let all = seen(kubelet, pod).await;
    let last = |name: &str| all.iter().filter(|it| it.name == name).max_by_key(|it| it.attempt);
    let ended = |spec: &Value, good: bool| {
        last(spec.str("name"))
            .is_some_and(|it| it.state == State::Exited && (good || it.exit == 0 || policy == "Never"))
    };
    let failed = |spec: &Value| {
        let it = last(spec.str("name"));
        policy == "Never" && it.is_some_and(|it| it.state == State::Exited && it.exit != 0)
    };
    pod.spec().get("initContainers").items().iter().any(failed)
        || pod.spec().get("containers").items().iter().all(|spec| ended(spec, false))
}

fn terminated(it: &Seen) -> Value {
    let reason = match (it.exit, it.message.is_empty()) {
        (0, _) => "Completed",
        (_, false) => "StartError",
        _ => "Error",
    };
    let mut state = object!({
        "containerID": (format!("containerd://{}", it.id)), "exitCode": (i64::from(it.exit)), "reason": reason,
        "startedAt": (it.started.rfc3339()), "finishedAt": (it.finished.rfc3339())
    });
    if !it.message.is_empty() {
        state.set("message", &it.message);
    }
    if it.signal != 0 && it.signal != 9 && it.signal != 15 {
        state.set("signal", i64::from(it.signal));
    }
    object!({"terminated": state})
}

fn container_status(pod: &Pod, spec: &Value, all: &[Seen], is_init: bool) -> Value {
    let name = spec.str("name");
    let mut mine: Vec<&Seen> = all.iter().filter(|it| it.name == name).collect();
    mine.sort_by_key(|it| it.attempt);
    let last = mine.last().copied();
    let waiting = pod.waiting.get(name);
    let verdicts = pod.verdicts.get(name).copied().unwrap_or_default();
    let running = last.is_some_and(|it| it.state == State::Running);
    let started = running && (!spec.has("startupProbe") || verdicts.started == Some(true));
    let ready = if is_init && spec.str("restartPolicy") != "Always" {
        last.is_some_and(|it| it.state == State::Exited && it.exit == 0)
    } else {
        started && (!spec.has("readinessProbe") || verdicts.ready == Some(true))
    };
    let (mut state, mut before) = (Value::Null, Value::map());
    let ended = |it: Option<&Seen>| it.filter(|it| it.state == State::Exited).map(terminated);
    match (last, waiting) {
        (Some(it), _) if running => {
            state = object!({"running": {"startedAt": (it.started.rfc3339())}});
            before = ended(mine.iter().rev().nth(1).copied()).unwrap_or(before);
        }
        (_, Some((reason, message))) if !pod.is_ending() => {
            state = object!({"waiting": {"reason": reason, "message": message}});
            before = ended(last).unwrap_or(before);
        }
        (Some(_), _) => {
            state = ended(last).unwrap_or_default();
            before = ended(mine.iter().rev().nth(1).copied()).unwrap_or(before);
        }
        (None, _) => {}
    }
    if state.is_null() {
        let has_inits = !pod.spec().get("initContainers").is_empty();
        let reason = if has_inits { "PodInitializing" } else { "ContainerCreating" };
        state = object!({"waiting": {"reason": reason}});
    }
    let mut status = object!({
        "name": name, "image": (spec.get("image")), "imageID": "", "lastState": before, "ready": ready,
        "restartCount": (last.map_or(0, |it| i64::from(it.attempt))), "started": started, "state": state
    });
    if let Some(it) = last {
        status.set("containerID", format!("containerd://{}", it.id));
        status.set("image", &it.image);
        status.set("imageID", &it.digest);
    }
    status
}

fn phase(pod: &Pod, inits: &[Value], own: &[Value]) -> &'static str {
    let exit = |it: &Value| it.at(&["state", "terminated"]).get("exitCode").as_int();
    let policy = pod.spec().str("restartPolicy");
    let init_failed = policy == "Never" && inits.iter().any(|it| exit(it).is_some_and(|code| code != 0));
    let all_ended = !own.is_empty() && own.iter().all(|it| exit(it).is_some());
    let any_failed = own.iter().any(|it| exit(it).is_some_and(|code| code != 0));
    let begun = |it: &Value| {
        it.at(&["state", "running"]).is_map() || exit(it).is_some() || !it["lastState"].is_empty()
    };
    match () {
        () if init_failed => "Failed",
        () if all_ended && (policy == "Never" || pod.is_ending() || !any_failed && policy != "Always") => {
            if any_failed {
                "Failed"
            } else {
                "Succeeded"
            }
        }
        () if own.iter().any(begun) => "Running",
        () => "Pending",
    }
}

/// Tells the API server what has changed.
pub async fn tell(kubelet: &Rc<Kubelet>, pod: &mut Pod) {
    let all = seen(kubelet, pod).await;
    let inits_done = pod.spec().get("initContainers").items().iter().all(|spec| {
        let last = all.iter().filter(|it| it.name == spec.str("name")).max_by_key(|it| it.attempt);
        last.is_some_and(|it| {
            it.state == State::Exited && it.exit == 0
                || spec.str("restartPolicy") == "Always" && it.state == State::Running
        })
    });
    let statuses = |list: &str, is_init: bool| -> Vec<Value> {
        let specs = pod.spec().get(list).items();
        specs.iter().map(|spec| container_status(pod, spec, &all, is_init)).collect()
    };
    let (inits, own) = (statuses("initContainers", true), statuses("containers", false));
    let ephemeral = statuses("ephemeralContainers", false);
    let phase = phase(pod, &inits, &own);
    let ips = addresses(kubelet, pod).await;
    let mut status = object!({
        "phase": phase, "hostIP": (&kubelet.address), "hostIPs": [{"ip": (&kubelet.address)}],
        "qosClass": (quality(pod.spec()))
    });
    if let Some(started) = pod.started {
        status.set("startTime", started.rfc3339());
    }
    if let Some(first) = ips.first() {
        status.set("podIP", first);
        status.set("podIPs", ips.iter().map(|it| object!({"ip": it})).collect::<Vec<Value>>());
    }
    let has_network = !ips.is_empty() && phase != "Succeeded" && phase != "Failed";
    status.set("conditions", conditions(kubelet, pod, &own, phase, inits_done, has_network).await);
    if !inits.is_empty() {
        status.set("initContainerStatuses", inits);
    }
    status.set("containerStatuses", own);
    if !ephemeral.is_empty() {
        status.set("ephemeralContainerStatuses", ephemeral);
    }
    mirror(kubelet, pod);
    if pod.told == status {
        return;
    }
    let Some(object) = pod.api_object() else { return };
    kubelet.outbox.status(kubelet, object, status.clone());
    pod.told = status;
}

/// A static pod's mirror is made where there is none.
fn mirror(kubelet: &Rc<Kubelet>, pod: &mut Pod) {
    if !pod.is_static || pod.mirror.is_some() || pod.is_ending() || pod.mirroring {
        return;
    }
    pod.mirroring = true;
    let mut object = pod.object.clone();
    let uid = pod.uid();
    object["metadata"].remove("uid");
    object["metadata"]["annotations"].set(MIRROR, uid);
    kubelet.outbox.create(kubelet, object);
}

async fn conditions(
    kubelet: &Rc<Kubelet>,
    pod: &Pod,
    own: &[Value],
    phase: &str,
    inits_done: bool,
    has_network: bool,
) -> Vec<Value> {
    let now = kubelet.sys.ask(|system, _| crate::cluster::now(system)).await.rfc3339();
    let unready: Vec<&str> = own.iter().filter(|it| !it.is_true("ready")).map(|it| it.str("name")).collect();
    let (reason, message) = match phase {
        "Succeeded" => ("PodCompleted", String::new()),
        "Failed" => ("PodFailed", String::new()),
        _ => ("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))),
    };
    let ready = unready.is_empty() && phase == "Running" && inits_done;
    let gates = pod.spec().get("readinessGates").items();
    let existing = pod.api_object().map(|it| it.at(&["status", "conditions"]).clone()).unwrap_or_default();
    let is_true =
        |kind: &str| existing.items().iter().any(|it| it.str("type") == kind && it.str("status") == "True");
    let open: Vec<&str> = gates.iter().map(|it| it.str("conditionType")).filter(|it| !is_true(it)).collect();
    let names: Vec<&str> = pod.spec().get("initContainers").items().iter().map(|it| it.str("name")).collect();
    let incomplete = format!("containers with incomplete status: [{}]", names.join(" "));
    let mut all = Vec::new();
    let mut add = |kind: &str, is: bool, reason: &str, message: &str| {
        let is = if is { "True" } else { "False" };
        let before = pod.told.get("conditions").items().iter().chain(existing.items());
        let same = before.into_iter().find(|it| it.str("type") == kind && it.str("status") == is);
        let since = same.map_or(now.as_str(), |it| it.str("lastTransitionTime"));
        let mut condition =
            object!({"type": kind, "status": is, "lastProbeTime": null, "lastTransitionTime": since});
        if is == "False" && !reason.is_empty() {
            condition.set("reason", reason);
            if !message.is_empty() {
                condition.set("message", message);
            }
        }
        all.push(condition);
    };
    add("PodReadyToStartContainers", has_network, "", "");
    match phase {
        "Succeeded" => add("Initialized", true, "", ""),
        _ => add("Initialized", inits_done, "ContainersNotInitialized", &incomplete),
    }
    let gate =
        format!("corresponding condition of pod readiness gate \"{}\" does not exist.", open.join("\", \""));
    match ready && !open.is_empty() {
        true => add("Ready", false, "ReadinessGatesNotReady", &gate),
        false => add("Ready", ready, reason, &message),
    }
    add("ContainersReady", ready, reason, &message);
    add("PodScheduled", true, "", "");
    let others = existing.items().iter().filter(|it| {
        let own = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
        !own.contains(&it.str("type"))
    });
    all.extend(others.cloned());
    all
}
