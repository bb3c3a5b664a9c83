//! `debug`: a container joins a pod, runs in a copy of it, or looks at a node from a pod of its own.
//!
//! Always: what is made is what kubectl makes, by the profile that was chosen. Differs from Kubernetes: processes are seen
//! of their own container only, whatever `hostPID` and `shareProcessNamespace` say; `--custom` is not simulated.
//! Source: kubectl `pkg/cmd/debug`.

use super::exec::{until, watch};
use super::fault::Fault;
use super::flags::Flags;
use super::resource::kind_of;
use super::session::{Session, path};
use crate::api::Request;
use crate::object;
use crate::object::{Kind, Value, json};

const PROFILES: [&str; 6] = ["legacy", "general", "baseline", "restricted", "netadmin", "sysadmin"];

/// What is debugged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Ephemeral,
    Copy,
    Node,
}

pub async fn debug(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let profile = flags.or("profile", "general");
    if !PROFILES.contains(&profile) {
        return Err(Fault::Plain(format!("unknown profile: {profile}")));
    }
    check(session, flags)?;
    for word in &flags.words {
        let (kind, name) = word.split_once('/').unwrap_or(("pods", word));
        let kind = kind_of(kind)?;
        let namespace = if kind.resource().namespaced { session.namespace.clone() } else { String::new() };
        let target = session.fetch(kind, &namespace, name).await?;
        let (pod, container) = match kind {
            Kind::Node => of_node(session, flags, profile, name).await?,
            Kind::Pod if flags.has("copy-to") => copy(session, flags, profile, &target).await?,
            Kind::Pod => join(session, flags, profile, &target).await?,
            other => {
                let (group, version) = (other.resource().group, other.resource().version);
                let name = format!("{group}/{version}, Kind={}", other.name());
                return Err(Fault::Plain(format!("{name:?} not supported by debug")));
            }
        };
        let attaches = if flags.has("attach") { flags.is_on("attach") } else { flags.is_on("stdin") };
        if attaches && !container.is_empty() {
            attach(session, flags, &pod, &container).await?;
        }
    }
    Ok(())
}

fn check(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let has_image = !flags.get("image").is_empty();
    if flags.is_on("attach") && !has_image && !flags.has("container") {
        let words =
            "you must specify --container or create a new container using --image in order to attach.";
        return Err(Fault::plain(words));
    }
    let wrong = if flags.has("copy-to") {
        if !has_image && !flags.has("set-image") && flags.after.is_empty() {
            "you must specify --image, --set-image or command arguments."
        } else if !flags.after.is_empty() && !flags.has("container") && !has_image {
            "you must specify an existing container or a new image when specifying args."
        } else if flags.has("target") {
            "--target is incompatible with --copy-to. Use --share-processes instead."
        } else {
            ""
        }
    } else if flags.is_on("replace") {
        "--replace may only be used with --copy-to."
    } else if flags.is_on("same-node") {
        "--same-node may only be used with --copy-to."
    } else if flags.has("set-image") {
        "--set-image may only be used with --copy-to."
    } else if !has_image {
        "you must specify --image when not using --copy-to."
    } else {
        ""
    };
    if !wrong.is_empty() {
        return Err(Fault::plain(wrong));
    }
    if flags.words.is_empty() {
        return Err(Fault::plain("NAME or filename is required for debug"));
    }
    let policy = flags.get("image-pull-policy");
    if !["", "Always", "IfNotPresent", "Never"].contains(&policy) {
        return Err(Fault::Plain(format!("invalid image pull policy: {policy}")));
    }
    if flags.has("target") && !flags.is_on("quiet") {
        session.print(&format!(
            "Targeting container {:?}. If you don't see processes from this container it may be because the container runtime \
             doesn't support this feature.\n",
            flags.get("target")
        ));
    }
    if flags.is_on("tty") && !flags.is_on("stdin") {
        return Err(Fault::plain("-i/--stdin is required for containers with -t/--tty=true"));
    }
    if flags.get("profile") == "legacy" {
        session.complain(
            "--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other profile, \
             for example \"--profile=general\".\n",
        );
    }
    Ok(())
}

async fn of_node(
    session: &mut Session<'_>,
    flags: &Flags,
    profile: &str,
    node: &str,
) -> Result<(Value, String), Fault> {
    let container = flags.or("container", "debugger").to_owned();
    let name = format!("node-debugger-{node}-{}", session.host.suffix().await);
    if !flags.is_on("quiet") {
        session.print(&format!("Creating debugging pod {name} with container {container} on node {node}.\n"));
    }
    let mut debugger = object!({"name": (container.as_str())});
    fill(flags, &mut debugger)?;
    grant(profile, Style::Node, &mut debugger);
    let mut pod = object!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}},
        "spec": {"nodeName": node, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}]}
    });
    let spec = &mut pod["spec"];
    if matches!(profile, "general" | "sysadmin" | "legacy") {
        spec.set("volumes", object!([{"name": "host-root", "hostPath": {"path": "/"}}]));
        debugger.set("volumeMounts", object!([{"name": "host-root", "mountPath": "/host"}]));
    }
    if matches!(profile, "general" | "sysadmin" | "legacy" | "netadmin") {
        for name in ["hostNetwork", "hostPID", "hostIPC"] {
            spec.set(name, true);
        }
    }
    spec["containers"].push(debugger);
    Ok((make(session, &pod).await?, container))
}

async fn make(session: &mut Session<'_>, pod: &Value) -> Result<Value, Fault> {
    let place = path(Kind::Pod, &session.namespace, "");
    session.json(Request::new("POST", place).with_body("application/json", json::compact(pod))).await
}

/// A container of its own joins the pod.
async fn join(
    session: &mut Session<'_>,
    flags: &Flags,
    profile: &str,
    pod: &Value,
) -> Result<(Value, String), Fault> {
    let container = name_of(session, flags, pod).await;
    let mut debugger = object!({"name": (container.as_str())});
    fill(flags, &mut debugger)?;
    if flags.has("target") {
        debugger.set("targetContainerName", flags.get("target"));
    }
    grant(profile, Style::Ephemeral, &mut debugger);
    warn(session, pod, &debugger);
    let metadata = pod.get("metadata");
    let place = path(Kind::Pod, metadata.str("namespace"), metadata.str("name"));
    let body = json::compact(&object!({"spec": {"ephemeralContainers": [debugger]}}));
    let request = Request::new("PATCH", format!("{place}/ephemeralcontainers"));
    let pod = session.json(request.with_body("application/strategic-merge-patch+json", body)).await?;
    Ok((pod, container))
}

async fn copy(
    session: &mut Session<'_>,
    flags: &Flags,
    profile: &str,
    pod: &Value,
) -> Result<(Value, String), Fault> {
    let mut copied = object!({"apiVersion": "v1", "kind": "Pod", "spec": (pod.get("spec"))});
    copied["metadata"].set("name", flags.get("copy-to"));
    for name in ["labels", "annotations"] {
        if profile == "legacy" && name == "annotations"
            || profile != "legacy" && flags.is_on(&format!("keep-{name}"))
        {
            copied["metadata"].set(name, pod["metadata"].get(name));
        }
    }
    let spec = &mut copied["spec"];
    spec.remove("ephemeralContainers");
    if flags.has("share-processes") {
        spec.set("shareProcessNamespace", flags.is_on("share-processes"));
    }
    if !flags.is_on("same-node") {
        spec.remove("nodeName");
    }
    let images: Vec<String> = flags.all("set-image");
    let image = |name: &str| {
        let pairs = || images.iter().filter_map(|it| it.split_once('='));
        pairs().find(|(its, _)| *its == name).or_else(|| pairs().find(|(its, _)| *its == "*"))
    };
    for container in spec["containers"].items_mut() {
        if let Some((_, image)) = image(container.str("name")) {
            container.set("image", image);
        }
    }
    let wanted = flags.get("container");
    let is_new = !spec.get("containers").items().iter().any(|it| it.str("name") == wanted);
    let mut container = String::new();
    if is_new && flags.get("image").is_empty() {
        if images.is_empty() {
            return Err(Fault::plain("you must specify image when creating new container"));
        }
    } else {
        container = if is_new { name_of(session, flags, pod).await } else { wanted.to_owned() };
        let list = &mut copied["spec"]["containers"];
        if is_new {
            list.push(object!({"name": (container.as_str())}));
        }
        let debugger = list.items_mut().iter_mut().find(|it| it.str("name") == container);
        let debugger = debugger.expect("it was found or pushed");
        fill(flags, debugger)?;
        grant(profile, Style::Copy, debugger);
        let debugger = debugger.clone();
        shape(flags, profile, &mut copied["spec"]);
        warn(session, &copied, &debugger);
    }
    let made = make(session, &copied).await?;
    if flags.is_on("replace") {
        let place = path(Kind::Pod, pod["metadata"].str("namespace"), pod["metadata"].str("name"));
        let body = json::compact(&object!({"gracePeriodSeconds": 0}));
        session.send(Request::new("DELETE", place).with_body("application/json", body)).await?;
    }
    Ok((made, container))
}

/// What of a pod a copy for debugging goes without.
fn shape(flags: &Flags, profile: &str, spec: &mut Value) {
    if profile == "legacy" {
        return;
    }
    for container in spec["containers"].items_mut() {
        for probe in ["liveness", "readiness", "startup"] {
            if !flags.is_on(&format!("keep-{probe}")) {
                container.remove(&format!("{probe}Probe"));
            }
        }
    }
    if flags.or("keep-init-containers", "true") != "true" {
        spec.remove("initContainers");
    }
    if !spec.has("shareProcessNamespace") {
        spec.set("shareProcessNamespace", true);
    }
}

/// The name that was asked for, or one that no container of the pod has.
async fn name_of(session: &mut Session<'_>, flags: &Flags, pod: &Value) -> String {
    if !flags.get("container").is_empty() {
        return flags.get("container").to_owned();
    }
    let taken = super::pod::containers(pod);
    let name = loop {
        let name = format!("debugger-{}", session.host.suffix().await);
        if !taken.contains(&name) {
            break name;
        }
    };
    if !flags.is_on("quiet") {
        session.print(&format!("Defaulting debug container name to {name}.\n"));
    }
    name
}

/// Image, command and streams, as the flags say.
fn fill(flags: &Flags, container: &mut Value) -> Result<(), Fault> {
    if !container.has("terminationMessagePolicy") {
        container.set("terminationMessagePolicy", "File");
    }
    for (flag, field) in [("image", "image"), ("image-pull-policy", "imagePullPolicy")] {
        if !flags.get(flag).is_empty() {
            container.set(field, flags.get(flag));
        }
    }
    let mut variables = Vec::new();
    for pair in flags.all("env") {
        let Some((key, value)) = pair.split_once('=') else {
            let words = format!(
                "invalid argument {pair:?} for \"--env\" flag: {pair} must be formatted as key=value"
            );
            return Err(flags.usage(words));
        };
        variables.push(object!({"name": key, "value": value}));
    }
    if !variables.is_empty() {
        container.set("env", variables);
    }
    for name in ["stdin", "tty"] {
        container.remove(name);
        if flags.is_on(name) {
            container.set(name, true);
        }
    }
    if !flags.after.is_empty() {
        let words = Value::list(flags.after.iter().map(Value::from).collect());
        if flags.is_on("arguments-only") {
            container.set("args", words);
        } else {
            container.remove("args");
            container.set("command", words);
        }
    }
    Ok(())
}

/// What a profile allows the container.
fn grant(profile: &str, style: Style, container: &mut Value) {
    let mut add = |names: &[&str]| {
        for name in names {
            container["securityContext"]["capabilities"]["add"].push(*name);
        }
    };
    match profile {
        "general" if style != Style::Node => add(&["SYS_PTRACE"]),
        "general" | "baseline" => drop(container.remove("securityContext")),
        "netadmin" => add(&["NET_ADMIN", "NET_RAW"]),
        "sysadmin" => container["securityContext"].set("privileged", true),
        "restricted" => container.set(
            "securityContext",
            object!({
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true,
                "seccompProfile": {"type": "RuntimeDefault"}
            }),
        ),
        _ => {}
    }
}

fn warn(session: &mut Session<'_>, pod: &Value, container: &Value) {
    let (whole, own) = (pod["spec"].get("securityContext"), container.get("securityContext"));
    let has_more = own.is_true("privileged") || !own.at(&["capabilities", "add"]).is_empty();
    let is_root = own.has("runAsUser") && own.int("runAsUser") == 0;
    if whole.int("runAsUser") != 0 && has_more && !is_root {
        session.complain(
            "Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may \
             not work. Please consider using \"--custom\" with a custom profile that specifies \"securityContext.runAsUser: 0\".\n",
        );
    }
}

/// Waits until the container has started, and joins it.
async fn attach(session: &mut Session<'_>, flags: &Flags, pod: &Value, container: &str) -> Result<(), Fault> {
    let state = |pod: &Value| {
        let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
        let mut all = lists.iter().flat_map(|it| pod["status"].get(it).items());
        all.find(|it| it.str("name") == container).map(|it| it.get("state").clone()).unwrap_or_default()
    };
    let metadata = pod.get("metadata");
    let (namespace, name) = (metadata.str("namespace"), metadata.str("name"));
    let mut said = String::new();
    let pod = until(session, namespace, name, u64::MAX, |session, pod| {
        let state = state(pod);
        let why = state["waiting"].str("message");
        if !why.is_empty() && why != said && !flags.is_on("quiet") {
            session.complain(&format!("Warning: container {container}: {why}\n"));
            said = why.to_owned();
        }
        state.has("running") || state.has("terminated")
    })
    .await?;
    if state(&pod).has("terminated") {
        let text = super::logs::log(session, &pod, container, &[]).await?;
        session.print(&text);
        return Ok(());
    }
    watch(session, flags, &pod, container).await
}
