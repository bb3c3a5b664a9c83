//! Containers and pod templates in words.

use super::{Text, map, volume};
use crate::kubectl::jsonpath::shown;
use crate::object::quantity::Quantity;
use crate::object::{Time, Value, selector};

/// Where container texts stand: in a pod, or indented in a template.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Empty for a pod, two blanks for a template.
    pub space: &'a str,
    /// The pod whose fields variables name; null in a template.
    pub pod: &'a Value,
}

pub fn describe(out: &mut Text, label: &str, containers: &Value, statuses: &Value, place: Place<'_>) {
    if containers.is_empty() {
        out.line(0, format!("{}{label}: <none>", place.space));
        return;
    }
    out.line(0, format!("{}{label}:", place.space));
    for container in containers.items() {
        let name = container.str("name");
        let status = statuses.items().iter().find(|it| it.str("name") == name);
        let indent = if place.space.is_empty() { "" } else { " " };
        out.line(1, format!("{indent}{name}:"));
        basics(out, container, status);
        for (label, list) in [("Command", "command"), ("Args", "args")] {
            let words = container.get(list).items();
            if !words.is_empty() {
                out.line(2, format!("{label}:"));
                words.iter().flat_map(|it| it.as_str().split('\n')).for_each(|it| out.line(3, it));
            }
        }
        if let Some(status) = status {
            state(out, "State", status.get("state"));
            if status["lastState"].has("terminated") {
                state(out, "Last State", status.get("lastState"));
            }
            out.field(2, "Ready", if status.is_true("ready") { "True" } else { "False" });
            out.field(2, "Restart Count", status.int("restartCount"));
        }
        resources(out, 2, container.get("resources"));
        for (label, field) in
            [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
        {
            if container.has(field) {
                out.field(2, label, probe(container.get(field)));
            }
        }
        environment(out, container, place.pod);
        mounts(out, container);
    }
}

pub fn resources(out: &mut Text, level: usize, resources: &Value) {
    for (label, list) in [("Limits", "limits"), ("Requests", "requests")] {
        let amounts = resources.get(list);
        if !amounts.is_empty() {
            out.line(level, format!("{label}:"));
            amounts.fields().for_each(|(name, it)| out.field(level + 1, name, shown(it)));
        }
    }
}

fn basics(out: &mut Text, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        out.field(2, "Container ID", status.str("containerID"));
    }
    out.field(2, "Image", container.str("image"));
    if let Some(status) = status {
        out.field(2, "Image ID", status.str("imageID"));
    }
    for (label, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let words = container.get("ports").items().iter().map(|it| {
            let name =
                if it.str("name").is_empty() { String::new() } else { format!(" ({})", it.str("name")) };
            format!("{}/{}{name}", it.int(field), it.str("protocol"))
        });
        let words: Vec<String> = words.collect();
        let label = if words.len() > 1 { format!("{label}s") } else { label.to_owned() };
        out.field(2, &label, if words.is_empty() { "<none>".to_owned() } else { words.join(", ") });
    }
    let profile = container.at(&["securityContext", "seccompProfile"]);
    if !profile.is_null() {
        out.field(2, "SeccompProfile", profile.str("type"));
        out.some(3, "LocalhostProfile", profile.str("localhostProfile"));
    }
}

fn date(text: &str) -> String {
    Time::parse(text).unwrap_or_default().rfc1123()
}

fn state(out: &mut Text, label: &str, state: &Value) {
    let (running, waiting, ended) = (state.get("running"), state.get("waiting"), state.get("terminated"));
    if !running.is_null() {
        out.field(2, label, "Running");
        out.field(3, "Started", date(running.str("startedAt")));
    } else if !ended.is_null() {
        out.field(2, label, "Terminated");
        out.some(3, "Reason", ended.str("reason"));
        out.some(3, "Message", ended.str("message"));
        out.field(3, "Exit Code", ended.int("exitCode"));
        if ended.int("signal") > 0 {
            out.field(3, "Signal", ended.int("signal"));
        }
        out.field(3, "Started", date(ended.str("startedAt")));
        out.field(3, "Finished", date(ended.str("finishedAt")));
    } else {
        out.field(2, label, "Waiting");
        out.some(3, "Reason", waiting.str("reason"));
    }
}

fn probe(probe: &Value) -> String {
    let times = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        probe.int("initialDelaySeconds"),
        probe.int("timeoutSeconds"),
        probe.int("periodSeconds"),
        probe.int("successThreshold"),
        probe.int("failureThreshold")
    );
    if probe.has("exec") {
        let words: Vec<&str> = probe["exec"].get("command").items().iter().map(Value::as_str).collect();
        return format!("exec [{}] {times}", words.join(" "));
    }
    if probe.has("httpGet") {
        let http = probe.get("httpGet");
        let (scheme, path) = (http.str("scheme").to_lowercase(), http.str("path"));
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23").replace(' ', "%20");
        return format!(
            "http-get {scheme}://{}:{}{slash}{path} {times}",
            http.str("host"),
            shown(http.get("port"))
        );
    }
    if probe.has("tcpSocket") {
        let tcp = probe.get("tcpSocket");
        return format!("tcp-socket {}:{} {times}", tcp.str("host"), shown(tcp.get("port")));
    }
    if probe.has("grpc") {
        let grpc = probe.get("grpc");
        return format!("grpc <pod>:{} {} {times}", grpc.int("port"), grpc.str("service"));
    }
    format!("unknown {times}")
}

fn environment(out: &mut Text, container: &Value, pod: &Value) {
    let from = container.get("envFrom").items();
    if !from.is_empty() {
        out.line(2, "Environment Variables from:");
    }
    for source in from {
        let (what, its) =
            if source.has("configMapRef") { ("ConfigMap", "configMapRef") } else { ("Secret", "secretRef") };
        let its = source.get(its);
        let prefix = match source.str("prefix") {
            "" => String::new(),
            prefix => format!(" with prefix '{prefix}'"),
        };
        out.line(3, format!("{}\t{what}{prefix}\tOptional: {}", its.str("name"), its.is_true("optional")));
    }
    let variables = container.get("env").items();
    out.line(2, if variables.is_empty() { "Environment:\t<none>" } else { "Environment:" });
    for it in variables {
        let name = it.str("name");
        let source = it.get("valueFrom");
        if source.is_null() {
            let mut head = format!("{name}:");
            for line in it.str("value").split('\n') {
                out.line(3, format!("{head}\t{line}"));
                head.clear();
            }
        } else if source.has("fieldRef") {
            let (version, path) = (source["fieldRef"].str("apiVersion"), source["fieldRef"].str("fieldPath"));
            out.line(3, format!("{name}:\t{} ({version}:{path})", field_of(pod, path)));
        } else if source.has("resourceFieldRef") {
            let resource = source["resourceFieldRef"].str("resource");
            let found = amount(container, resource, source["resourceFieldRef"].get("divisor"));
            let is_free = found == 0 && matches!(resource, "limits.cpu" | "limits.memory");
            let found = if is_free { "node allocatable".to_owned() } else { found.to_string() };
            out.line(3, format!("{name}:\t{found} ({resource})"));
        } else {
            let (what, its) = if source.has("secretKeyRef") {
                ("in secret", source.get("secretKeyRef"))
            } else {
                ("of config map", source.get("configMapKeyRef"))
            };
            let (key, of) = (its.str("key"), its.str("name"));
            let optional = its.is_true("optional");
            out.line(3, format!("{name}:\t<set to the key '{key}' {what} '{of}'>\tOptional: {optional}"));
        }
    }
}

/// A container's limit or request, in whole units of the divisor.
fn amount(container: &Value, resource: &str, divisor: &Value) -> i128 {
    let (list, name) = resource.split_once('.').unwrap_or((resource, ""));
    let value = container.at(&["resources", list, name]);
    let milli = if value.is_null() { 0 } else { Quantity::of(&shown(value)).milli() };
    let unit = if divisor.is_null() { 0 } else { Quantity::of(&shown(divisor)).milli() };
    let unit = if unit > 0 { unit } else { 1000 };
    (milli + unit - 1) / unit
}

/// A pod's own field; empty in a template.
fn field_of(pod: &Value, path: &str) -> String {
    if let Some((map, key)) = path.strip_suffix("']").and_then(|it| it.split_once("['")) {
        return pod.at(&map.split('.').collect::<Vec<_>>()).str(key).to_owned();
    }
    let found = pod.at(&path.split('.').collect::<Vec<_>>());
    if found.is_null() { String::new() } else { shown(found) }
}

fn mounts(out: &mut Text, container: &Value) {
    let mut mounts: Vec<&Value> = container.get("volumeMounts").items().iter().collect();
    mounts.sort_by_key(|it| it.str("mountPath"));
    out.line(2, if mounts.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
    for it in mounts {
        let how = if it.is_true("readOnly") { "ro" } else { "rw" };
        let path = if it.str("subPath").is_empty() {
            String::new()
        } else {
            format!(",path={:?}", it.str("subPath"))
        };
        out.line(3, format!("{} from {} ({how}{path})", it.str("mountPath"), it.str("name")));
    }
}

/// A pod template, as workloads and `rollout history` show it.
pub fn template(out: &mut Text, template: &Value) {
    let (metadata, spec) = (template.get("metadata"), template.get("spec"));
    out.line(0, "Pod Template:");
    map(out, 0, "  Labels", metadata.get("labels"));
    if !metadata.get("annotations").is_empty() {
        out.annotations_at(0, "  Annotations", metadata.get("annotations"));
    }
    out.some(0, "  Service Account", spec.str("serviceAccountName"));
    let place = Place { space: "  ", pod: crate::object::NULL };
    let none = crate::object::NULL;
    if !spec.get("initContainers").is_empty() {
        describe(out, "Init Containers", spec.get("initContainers"), none, place);
    }
    describe(out, "Containers", spec.get("containers"), none, place);
    volume::describe(out, spec.get("volumes"), "  ");
    spread(out, "  ", spec.get("topologySpreadConstraints"));
    out.some(0, "  Priority Class Name", spec.str("priorityClassName"));
    map(out, 0, "  Node-Selectors", spec.get("nodeSelector"));
    tolerations(out, "  Tolerations", spec.get("tolerations"));
}

pub fn spread(out: &mut Text, space: &str, constraints: &Value) {
    let mut sorted: Vec<&Value> = constraints.items().iter().collect();
    sorted.sort_by_key(|it| it.str("topologyKey"));
    let mut head = format!("{space}Topology Spread Constraints:");
    for it in sorted {
        let (key, unmet, skew) = (it.str("topologyKey"), it.str("whenUnsatisfiable"), it.int("maxSkew"));
        let mut text = format!("{key}:{unmet} when max skew {skew} is exceeded");
        if it.has("labelSelector") {
            text += &format!(" for selector {}", selector::shown(it.get("labelSelector")));
        }
        out.line(0, format!("{head}\t{text}"));
        head = space.to_owned();
    }
}

pub fn tolerations(out: &mut Text, name: &str, list: &Value) {
    if list.is_empty() {
        out.field(0, name, "<none>");
        return;
    }
    let mut sorted: Vec<&Value> = list.items().iter().collect();
    sorted.sort_by_key(|it| it.str("key"));
    let mut head = format!("{name}:");
    for it in sorted {
        let mut text = it.str("key").to_owned();
        if !it.str("value").is_empty() {
            text += &format!("={}", it.str("value"));
        }
        if !it.str("effect").is_empty() {
            text += &format!(":{}", it.str("effect"));
        }
        if it.str("operator") == "Exists" && it.str("value").is_empty() {
            text += if text.is_empty() { "op=Exists" } else { " op=Exists" };
        }
        if let Some(seconds) = it.get("tolerationSeconds").as_int() {
            text += &format!(" for {seconds}s");
        }
        out.line(0, format!("{head}\t{text}"));
        head.clear();
    }
}
