//! Verbs at a running pod: `exec`, `attach`, `cp`, `port-forward`, `debug`.
//!
//! Always: which pod and container is meant is settled here; the stream itself is the host's.
//! Differs from kubectl: `cp` carries one file, by `cat` in the container.
//! Sources: kubectl `pkg/cmd/{exec,portforward,cp,debug}`.

use super::fault::Fault;
use super::flags::Flags;
use super::resource::kind_of;
use super::session::{Session, path};
use super::{Exec, Forward};
use crate::api::Request;
use crate::object;
use crate::object::selector::labels_shown;
use crate::object::{Kind, Value, json};
use std::time::Duration;

pub const PAUSE: Duration = Duration::from_secs(1);
/// How long a pod to attach to may take until it runs.
const START: u64 = 60;

/// The pod that `NAME`, `pod/NAME` or a workload means.
pub async fn pod_of(session: &mut Session<'_>, word: &str, limit: u64) -> Result<Value, Fault> {
    let namespace = session.namespace.clone();
    let Some((kind, name)) = word.split_once('/') else {
        return session.fetch(Kind::Pod, &namespace, word).await;
    };
    let kind = kind_of(kind)?;
    let object = session.fetch(kind, &namespace, name).await?;
    if kind == Kind::Pod {
        return Ok(object);
    }
    let selector = match kind {
        Kind::Service => object["spec"].get("selector").clone(),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job => {
            object.at(&["spec", "selector", "matchLabels"]).clone()
        }
        other => return Err(Fault::Plain(format!("cannot attach to *v1.{}: not implemented", other.name()))),
    };
    if selector.is_empty() {
        return Err(Fault::Plain(format!("invalid service '{name}': Service is defined without a selector")));
    }
    let mut waited = 0;
    loop {
        let chosen = labels_shown(&selector);
        let mut pods = session.list(Kind::Pod, &namespace, &[("labelSelector", &chosen)]).await?;
        // Those that run and are ready come first, then the oldest.
        pods.sort_by_key(|it| {
            let ready = it["status"].get("conditions").items().iter();
            let ready = ready.filter(|it| it.str("type") == "Ready").any(|it| it.str("status") == "True");
            (it["status"].str("phase") != "Running", !ready)
        });
        if !pods.is_empty() {
            return Ok(pods.remove(0));
        }
        if waited >= limit {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += PAUSE.as_secs();
    }
}

fn limit(flags: &Flags) -> Result<u64, Fault> {
    Ok(super::wait::seconds(flags.get("pod-running-timeout"))?.unwrap_or(START))
}

pub fn containers(pod: &Value) -> Vec<String> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let each = lists.iter().flat_map(|list| pod["spec"].get(list).items());
    each.map(|it| it.str("name").to_owned()).collect()
}

/// The container that is meant; with several, kubectl says which it took.
pub fn container_of(session: &mut Session<'_>, flags: &Flags, pod: &Value) -> Result<String, Fault> {
    let all = containers(pod);
    let name = flags.get("container");
    if !name.is_empty() {
        return if all.iter().any(|it| it == name) {
            Ok(name.to_owned())
        } else {
            let pod = pod["metadata"].str("name");
            Err(Fault::Plain(format!(
                "container {name} is not valid for pod {pod} out of: {}",
                all.join(", ")
            )))
        };
    }
    let wanted = pod["metadata"]["annotations"].str("kubectl.kubernetes.io/default-container");
    if all.iter().any(|it| it == wanted) {
        return Ok(wanted.to_owned());
    }
    let first = all.first().cloned().unwrap_or_default();
    if all.len() > 1 && !flags.is_on("quiet") {
        session.complain(&format!("Defaulted container \"{first}\" out of: {}\n", shown(pod)));
    }
    Ok(first)
}

/// `app, side, setup (init)`.
fn shown(pod: &Value) -> String {
    let names = |list: &str, tail: &str| -> Vec<String> {
        pod["spec"].get(list).items().iter().map(|it| format!("{}{tail}", it.str("name"))).collect()
    };
    let all = [
        names("containers", ""),
        names("ephemeralContainers", " (ephem)"),
        names("initContainers", " (init)"),
    ];
    all.concat().join(", ")
}

/// The first word and the rest; words after `--` count as the rest.
fn target(flags: &Flags) -> (Option<&String>, Vec<String>) {
    let rest = flags.words.iter().skip(1).chain(&flags.after).cloned().collect();
    (flags.words.first(), rest)
}

pub async fn exec(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let (word, command) = target(flags);
    let Some(word) = word else {
        return Err(flags.usage("pod, type/name or --filename must be specified"));
    };
    if flags.words.len() > 1 {
        return Err(
            flags.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
        );
    }
    if command.is_empty() {
        return Err(flags.usage("you must specify at least one command for the container"));
    }
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    let phase = pod["status"].str("phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Fault::Plain(format!(
            "cannot exec into a container in a completed pod; current phase is {phase}"
        )));
    }
    let container = container_of(session, flags, &pod)?;
    run(session, &pod, container, command, (flags.is_on("stdin"), flags.is_on("tty"))).await
}

async fn run(
    session: &mut Session<'_>,
    pod: &Value,
    container: String,
    command: Vec<String>,
    (stdin, tty): (bool, bool),
) -> Result<(), Fault> {
    let exec = Exec {
        server: session.server.clone(),
        namespace: pod["metadata"].str("namespace").to_owned(),
        pod: pod["metadata"].str("name").to_owned(),
        container,
        command,
        stdin,
        tty,
    };
    session.flush().await;
    match session.host.exec(exec).await {
        Ok(0) => Ok(()),
        Ok(code) => {
            session.complain(&format!("command terminated with exit code {code}\n"));
            Err(Fault::Silent(code))
        }
        Err(why) => Err(Fault::Plain(why)),
    }
}

pub async fn attach(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let Some(word) = flags.words.first() else {
        return Err(flags.usage("at least 1 argument is required for attach"));
    };
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    let phase = pod["status"].str("phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Fault::Plain(format!(
            "cannot attach a container in a completed pod; current phase is {phase}"
        )));
    }
    let container = container_of(session, flags, &pod)?;
    run(session, &pod, container, Vec::new(), (flags.is_on("stdin"), flags.is_on("tty"))).await
}

/// `run -i`: waits until the pod runs, attaches, and perhaps removes it.
pub async fn attached_run(
    session: &mut Session<'_>,
    flags: &Flags,
    name: &str,
    removes: bool,
) -> Result<(), Fault> {
    let namespace = session.namespace.clone();
    let mut waited = 0;
    let pod = loop {
        let pod = session.fetch(Kind::Pod, &namespace, name).await?;
        if pod["status"].str("phase") != "Pending" && !pod["status"].str("phase").is_empty() {
            break pod;
        }
        if waited >= START {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += PAUSE.as_secs();
    };
    if flags.is_on("tty") && !flags.is_on("quiet") {
        session.complain("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.\nIf you don't see a command prompt, try pressing enter.\n");
    }
    let done = if pod["status"].str("phase") == "Running" {
        run(session, &pod, name.to_owned(), Vec::new(), (flags.is_on("stdin"), flags.is_on("tty"))).await
    } else {
        let text = super::logs::log(session, &pod, name, &[]).await?;
        session.print(&text);
        Ok(())
    };
    if removes {
        super::delete::pod(session, &namespace, name).await?;
        session.print(&format!("pod \"{name}\" deleted from {namespace} namespace\n"));
    }
    done
}

pub async fn port_forward(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let Some((word, ports)) = flags.words.split_first().filter(|(_, ports)| !ports.is_empty()) else {
        return Err(flags.usage("TYPE/NAME and list of ports are required for port-forward"));
    };
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    let service = match word.split_once('/') {
        Some((kind, name)) if kind_of(kind)? == Kind::Service => {
            let namespace = session.namespace.clone();
            Some(session.fetch(Kind::Service, &namespace, name).await?)
        }
        _ => None,
    };
    let mut forwarded = Vec::new();
    for text in ports {
        forwarded.push(forwarded_port(text, &pod, service.as_ref())?);
    }
    let phase = pod["status"].str("phase");
    if phase != "Running" {
        return Err(Fault::Plain(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let addresses = match flags.get("address") {
        "" | "localhost" => vec!["127.0.0.1".to_owned(), "::1".to_owned()],
        _ => flags.all("address"),
    };
    let forward = Forward {
        server: session.server.clone(),
        namespace: pod["metadata"].str("namespace").to_owned(),
        pod: pod["metadata"].str("name").to_owned(),
        addresses,
        ports: forwarded,
    };
    session.flush().await;
    session.host.forward(forward).await.map_err(Fault::Plain)
}

/// `8080:80`, `:80` or `http`, through a service's port to the pod's.
fn forwarded_port(text: &str, pod: &Value, service: Option<&Value>) -> Result<(u16, u16), Fault> {
    let (local, remote) = match text.split_once(':') {
        Some((local, remote)) => (Some(local), remote),
        None => (None, text),
    };
    let wrong = |which: &str, text: &str| {
        let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
        Fault::Plain(format!("error parsing {which} port '{text}': {why}"))
    };
    let named = |name: &str| {
        let each = pod["spec"].get("containers").items().iter().flat_map(|it| it.get("ports").items());
        each.filter(|it| it.str("name") == name).map(|it| it.int("containerPort")).next()
    };
    let number = match (remote.parse::<i64>(), service) {
        (Ok(number), None) => number,
        (Err(_), None) => {
            let pod = pod["metadata"].str("name");
            named(remote)
                .ok_or_else(|| Fault::Plain(format!("Pod '{pod}' does not have a named port '{remote}'")))?
        }
        (parsed, Some(service)) => {
            let name = service["metadata"].str("name");
            let ports = service["spec"].get("ports").items();
            let is_it = |it: &&Value| {
                parsed.as_ref().map_or(it.str("name") == remote, |number| it.int("port") == *number)
            };
            let missing = || {
                Fault::Plain(match &parsed {
                    Ok(number) => format!("Service {name} does not have a service port {number}"),
                    Err(_) => format!("Service '{name}' does not have a named port '{remote}'"),
                })
            };
            let port = ports.iter().find(is_it).ok_or_else(missing)?;
            let target = port.get("targetPort");
            match target.as_int() {
                Some(0) | None if target.as_str().is_empty() => port.int("port"),
                Some(number) => number,
                None => named(target.as_str()).ok_or_else(|| {
                    Fault::Plain(format!(
                        "Pod '{}' does not have a named port '{}'",
                        pod["metadata"].str("name"),
                        target.as_str()
                    ))
                })?,
            }
        }
    };
    let remote_port =
        u16::try_from(number).ok().filter(|it| *it > 0).ok_or(Fault::plain("remote port must be > 0"))?;
    let local_port = match local {
        None => remote.parse::<u16>().unwrap_or(remote_port),
        Some("") => 0,
        Some(text) => text.parse::<u16>().map_err(|_| wrong("local", text))?,
    };
    Ok((local_port, remote_port))
}

pub fn copy(flags: &Flags) -> Result<(), Fault> {
    let [from, to] = &flags.words[..] else {
        return Err(flags.usage("source and destination are required"));
    };
    match (from.split_once(':'), to.split_once(':')) {
        (None, None) => Err(Fault::plain("one of src or dest must be a remote file specification")),
        (Some(_), Some(_)) => Err(Fault::plain("one of src or dest must be a local file specification")),
        _ => Err(Fault::plain("cp: not simulated in vethlab; use `kubectl exec POD -- cat FILE > FILE`")),
    }
}

pub async fn debug(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let Some(word) = flags.words.first() else {
        return Err(Fault::plain("NAME or TYPE/NAME is required for debug"));
    };
    if !flags.has("image") {
        return Err(Fault::plain("you must specify --image"));
    }
    if word.starts_with("node/") || word.starts_with("nodes/") || flags.has("copy-to") {
        return Err(Fault::plain(
            "debug of nodes and copies: not simulated in vethlab; use debug POD --image=IMAGE",
        ));
    }
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    let (namespace, name) =
        (pod["metadata"].str("namespace").to_owned(), pod["metadata"].str("name").to_owned());
    let count = pod["spec"].get("ephemeralContainers").len() + 1;
    let container = if flags.has("container") {
        flags.get("container").to_owned()
    } else {
        format!("debugger-{count:05}")
    };
    let mut debugger = object!({
        "name": (container.as_str()), "image": (flags.get("image")), "imagePullPolicy": "IfNotPresent",
        "terminationMessagePolicy": "File"
    });
    let (stdin, tty) = (flags.is_on("stdin"), flags.is_on("tty"));
    for (name, is_on) in [("stdin", stdin), ("tty", tty)] {
        if is_on {
            debugger.set(name, true);
        }
    }
    if flags.has("target") {
        session.complain(&format!(
            "Targeting container \"{}\". If you don't see processes from this container it may be because the container runtime \
             doesn't support this feature.\n",
            flags.get("target")
        ));
        debugger.set("targetContainerName", flags.get("target"));
    }
    if !flags.after.is_empty() {
        debugger.set("command", Value::list(flags.after.iter().map(Value::from).collect()));
    }
    if !flags.has("container") {
        session.complain(&format!("Defaulting debug container name to {container}.\n"));
    }
    let body = object!({"spec": {"ephemeralContainers": [debugger]}});
    let request =
        Request::new("PATCH", format!("{}/ephemeralcontainers", path(Kind::Pod, &namespace, &name)));
    let body = json::compact(&body);
    session.send(request.with_body("application/strategic-merge-patch+json", body)).await?;
    if !stdin && !flags.is_on("attach") {
        return Ok(());
    }
    let mut waited = 0;
    loop {
        let pod = session.fetch(Kind::Pod, &namespace, &name).await?;
        let statuses = pod["status"].get("ephemeralContainerStatuses").items();
        let status = statuses.iter().find(|it| it.str("name") == container);
        if status.is_some_and(|it| it["state"].has("running")) {
            session.complain("If you don't see a command prompt, try pressing enter.\n");
            return run(session, &pod, container, Vec::new(), (stdin, tty)).await;
        }
        if waited >= START {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += PAUSE.as_secs();
    }
}
