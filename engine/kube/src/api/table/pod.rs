//! A Pod's row: the one word for its state that everybody reads first.
//!
//! Source: kubernetes `printers.go`, `printPod`.

use super::{age, name, or_none};
use crate::object::{Time, Value};

pub fn row(pod: &Value, now: Time) -> Vec<Value> {
    let (spec, status) = (pod.get("spec"), pod.get("status"));
    let state = State::of(pod);
    let restarts = match (state.restarts, state.last) {
        (count, Some(last)) if count > 0 => {
            format!("{count} ({} ago)", crate::object::time::age(now.0 - last.0))
        }
        (count, _) => count.to_string(),
    };
    let address = status.get("podIPs").items().first().map_or(status.str("podIP"), |it| it.str("ip"));
    let gates = spec.get("readinessGates").items();
    let ready_gates =
        gates.iter().filter(|gate| condition(status, gate.str("conditionType")) == "True").count();
    let gates = if gates.is_empty() { "<none>".to_owned() } else { format!("{ready_gates}/{}", gates.len()) };
    vec![
        name(pod),
        Value::from(format!("{}/{}", state.ready, state.total)),
        Value::from(state.reason),
        Value::from(restarts),
        age(pod, now),
        or_none(address),
        or_none(spec.str("nodeName")),
        or_none(status.str("nominatedNodeName")),
        Value::from(gates),
    ]
}

pub fn condition<'a>(status: &'a Value, kind: &str) -> &'a str {
    let found = status.get("conditions").items().iter().find(|it| it.str("type") == kind);
    found.map_or("", |it| it.str("status"))
}

struct State {
    reason: String,
    ready: usize,
    total: usize,
    restarts: i64,
    /// When a container last ended.
    last: Option<Time>,
}

impl State {
    fn of(pod: &Value) -> State {
        let (spec, status) = (pod.get("spec"), pod.get("status"));
        let its = status.str("reason");
        let phase = if its.is_empty() { status.str("phase") } else { its };
        let mut state = State {
            reason: phase.to_owned(),
            ready: 0,
            total: spec.get("containers").len(),
            restarts: 0,
            last: None,
        };
        let scheduled = status.get("conditions").items().iter().find(|it| it.str("type") == "PodScheduled");
        if scheduled.is_some_and(|it| it.str("reason") == "SchedulingGated") {
            state.reason = "SchedulingGated".to_owned();
        }
        let initializing = state.init(spec, status);
        if !initializing || condition(status, "Initialized") == "True" {
            state.containers(status);
        }
        if pod["metadata"].has("deletionTimestamp") {
            if its == "NodeLost" {
                state.reason = "Unknown".to_owned();
            } else if !matches!(status.str("phase"), "Succeeded" | "Failed") {
                state.reason = "Terminating".to_owned();
            }
        }
        state
    }

    fn ended(&mut self, status: &Value) {
        let at = Time::parse(status.at(&["lastState", "terminated"]).str("finishedAt"));
        self.last = self.last.max(at);
    }

    /// Whether init containers still run.
    fn init(&mut self, spec: &Value, status: &Value) -> bool {
        let all = spec.get("initContainers").items();
        let is_sidecar =
            |name: &str| all.iter().any(|it| it.str("name") == name && it.str("restartPolicy") == "Always");
        self.total += all.iter().filter(|it| it.str("restartPolicy") == "Always").count();
        for (at, container) in status.get("initContainerStatuses").items().iter().enumerate() {
            self.restarts += container.int("restartCount");
            self.ended(container);
            let state = container.get("state");
            let (terminated, waiting) = (state.get("terminated"), state.get("waiting"));
            if terminated.is_map() && terminated.int("exitCode") == 0 {
                continue;
            }
            if is_sidecar(container.str("name")) && container.is_true("started") {
                self.ready += usize::from(container.is_true("ready"));
                continue;
            }
            self.reason = if terminated.is_map() {
                match (terminated.str("reason"), terminated.int("signal")) {
                    ("", 0) => format!("Init:ExitCode:{}", terminated.int("exitCode")),
                    ("", signal) => format!("Init:Signal:{signal}"),
                    (reason, _) => format!("Init:{reason}"),
                }
            } else {
                match waiting.str("reason") {
                    "" | "PodInitializing" => format!("Init:{at}/{}", all.len()),
                    reason => format!("Init:{reason}"),
                }
            };
            return true;
        }
        false
    }

    fn containers(&mut self, status: &Value) {
        let mut is_running = false;
        for container in status.get("containerStatuses").items().iter().rev() {
            self.restarts += container.int("restartCount");
            self.ended(container);
            let state = container.get("state");
            let (terminated, waiting) = (state.get("terminated"), state.get("waiting"));
            if !waiting.str("reason").is_empty() {
                self.reason = waiting.str("reason").to_owned();
            } else if terminated.is_map() {
                self.reason = match (terminated.str("reason"), terminated.int("signal")) {
                    ("", 0) => format!("ExitCode:{}", terminated.int("exitCode")),
                    ("", signal) => format!("Signal:{signal}"),
                    (reason, _) => reason.to_owned(),
                };
            } else if container.is_true("ready") && state.has("running") {
                is_running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && is_running {
            let is_ready = condition(status, "Ready") == "True";
            self.reason = if is_ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
}
