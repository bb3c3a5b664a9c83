//! `crictl`: what runs on this node, asked of the container runtime. Simulated: ps, pods, images, logs, inspect, inspectp,
//! exec, stop, rm, stopp, rmp, version, with the flags of `options`.
//! Source: cri-tools 1.36 `cmd/crictl`.

mod options;

use crate::runtime::{self, Container, Runtime, Sandbox, State};
use linux::{Args, Command, Date, Exit, Printed, Signal, Sys, WaitOn, Woke};
use options::Options;
use serde_json::json;
use sim::Instant;
use std::time::Duration;

pub static CRICTL: Command = Command {
    name: "crictl",
    path: "/usr/bin/crictl",
    man: "crictl(1)",
    run: |sys, args| Box::pin(crictl(sys, args)),
};

async fn fail(sys: &Sys, words: impl AsRef<str>) -> Exit {
    sys.eprint(format!("FATA[0000] {}\n", words.as_ref())).await;
    Exit::FAILURE
}

async fn crictl(sys: Sys, args: Args) -> Exit {
    let words: Vec<String> = args.rest().to_vec();
    let up = sys.ask(|system, id| Runtime::is_running(system, system.process(id).machine)).await;
    if !up {
        return fail(&sys, "validate service connection: validate CRI v1 runtime API for endpoint \
             \"unix:///run/containerd/containerd.sock\": rpc error: code = Unavailable desc = connection error: desc = \
             \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused\"").await;
    }
    let Some((verb, rest)) = words.split_first() else {
        sys.print("NAME:\n   crictl - client for CRI\n\nUSAGE:\n   crictl [global options] command [command options]\n").await;
        return Exit::OK;
    };
    let verb = match verb.as_str() {
        "image" | "img" => "images",
        verb => verb,
    };
    let options = match Options::parse(verb, rest) {
        Ok(options) => options,
        Err(words) => {
            sys.eprint(format!("Incorrect Usage: {words}\n\n")).await;
            return fail(&sys, words).await;
        }
    };
    match verb {
        "ps" => show(&sys, move |runtime, now| containers(runtime, now, &options)).await,
        "pods" => show(&sys, move |runtime, now| pods(runtime, now, &options)).await,
        "images" => show(&sys, move |runtime, _| Ok(images(runtime, &options))).await,
        "logs" => logs(&sys, &options).await,
        "exec" => exec(&sys, &options.words).await,
        "inspect" => inspect(&sys, &options).await,
        "inspectp" => inspect_pods(&sys, &options).await,
        "stop" | "rm" | "stopp" | "rmp" => change(&sys, verb, &options).await,
        "version" => {
            sys.print("Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v2.1.3\nRuntimeApiVersion:  v1\n").await;
            Exit::OK
        }
        other => {
            fail(
                &sys,
                format!(
                    "{other}: not simulated in vethlab; use ps, pods, images, logs, inspect, exec, stop or rm"
                ),
            )
            .await
        }
    }
}

/// How long ago, in crictl's words.
fn ago(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => "Less than a second ago".to_owned(),
        1 => "1 second ago".to_owned(),
        2..60 => format!("{seconds} seconds ago"),
        60..120 => "About a minute ago".to_owned(),
        120..3600 => format!("{} minutes ago", seconds / 60),
        3600..7200 => "About an hour ago".to_owned(),
        _ => format!("{} hours ago", seconds / 3600),
    }
}

/// Columns as wide as their widest cell and three blanks.
fn table(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let wide = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0) + 3;
    let widths: Vec<usize> = (0..count).map(|at| wide(at).div_ceil(1)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect::<String>();
        cells.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn header(words: &[&str]) -> Vec<String> {
    words.iter().map(|it| (*it).to_owned()).collect()
}

fn word(state: State) -> &'static str {
    match state {
        State::Created => "Created",
        State::Running => "Running",
        State::Exited => "Exited",
    }
}

/// Prints what the runtime has.
async fn show(sys: &Sys, tell: impl FnOnce(&Runtime, Instant) -> Result<String, String> + 'static) -> Exit {
    let told = sys.ask(move |system, id| {
        let now = system.now();
        Runtime::of(system, system.process(id).machine)
            .map_or(Ok(String::new()), |runtime| tell(runtime, now))
    });
    match told.await {
        Ok(text) => {
            sys.print(text).await;
            Exit::OK
        }
        Err(words) => fail(sys, words).await,
    }
}

/// An id, cut to 13 letters unless it is wanted whole.
fn id(options: &Options, whole: &str) -> String {
    if options.has("no-trunc") { whole.to_owned() } else { whole[..13].to_owned() }
}

/// Of things from the newest on, those that `--latest` and `--last` leave.
fn newest<T>(options: &Options, mut all: Vec<T>) -> Result<Vec<T>, String> {
    let last = match options.get("last") {
        _ if options.has("latest") => 1,
        None => return Ok(all),
        Some(text) => text.parse::<usize>().map_err(|_| {
            let why = format!("strconv.ParseInt: parsing \"{text}\": invalid syntax");
            format!("invalid value \"{text}\" for flag -n: {why}")
        })?,
    };
    all.truncate(last);
    Ok(all)
}

fn containers(runtime: &Runtime, now: Instant, options: &Options) -> Result<String, String> {
    let state = options.get("state").map(str::to_lowercase);
    if let Some(other) =
        state.as_deref().filter(|it| !["created", "running", "exited", "unknown"].contains(it))
    {
        return Err(format!(
            "listing containers: --state should be one of created, running, exited or unknown, got {other}"
        ));
    }
    let fits = |name: &str, of: &str| options.get(name).is_none_or(|it| of.starts_with(it));
    let shows_all = options.has("all") || options.has("latest") || options.has("last");
    let wanted = |it: &&Container| {
        let word = word(it.state).to_lowercase();
        state.as_ref().map_or(shows_all || it.state == State::Running, |state| *state == word)
            && options.get("name").is_none_or(|name| it.name.contains(name))
            && options.get("namespace").is_none_or(|name| it.pod.namespace == name)
            && fits("pod", &it.sandbox)
            && fits("id", &it.id)
    };
    let mut chosen: Vec<&Container> = runtime.containers.values().filter(wanted).collect();
    chosen.sort_by_key(|it| std::cmp::Reverse((it.created, &it.id)));
    let chosen = newest(options, chosen)?;
    if options.has("quiet") {
        return Ok(chosen.iter().map(|it| format!("{}\n", it.id)).collect());
    }
    let names = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    let mut rows = vec![header(&names)];
    rows.extend(chosen.iter().map(|it| {
        vec![
            id(options, &it.id),
            it.image.id()[7..20].to_owned(),
            ago(now.since(it.created)),
            word(it.state).to_owned(),
            it.name.clone(),
            it.attempt.to_string(),
            id(options, &it.sandbox),
            it.pod.name.clone(),
            it.pod.namespace.clone(),
        ]
    }));
    Ok(table(&rows))
}

fn pods(runtime: &Runtime, now: Instant, options: &Options) -> Result<String, String> {
    let state = options.get("state").map(str::to_lowercase);
    if let Some(other) = state.as_deref().filter(|it| !["ready", "notready"].contains(it)) {
        return Err(format!("listing pod sandboxes: --state should be ready or notready, got {other}"));
    }
    let wanted = |it: &&Sandbox| {
        state.as_ref().is_none_or(|state| (state == "ready") == it.ready)
            && options.get("name").is_none_or(|name| it.pod.name.contains(name))
            && options.get("namespace").is_none_or(|name| it.pod.namespace == name)
            && options.get("id").is_none_or(|id| it.id.starts_with(id))
    };
    let mut chosen: Vec<&Sandbox> = runtime.sandboxes.values().filter(wanted).collect();
    chosen.sort_by_key(|it| std::cmp::Reverse((it.created, &it.id)));
    let chosen = newest(options, chosen)?;
    if options.has("quiet") {
        return Ok(chosen.iter().map(|it| format!("{}\n", it.id)).collect());
    }
    let mut rows = vec![header(&["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"])];
    rows.extend(chosen.iter().map(|it| {
        vec![
            id(options, &it.id),
            ago(now.since(it.created)),
            if it.ready { "Ready" } else { "NotReady" }.to_owned(),
            it.pod.name.clone(),
            it.pod.namespace.clone(),
            it.attempt.to_string(),
            "(default)".to_owned(),
        ]
    }));
    Ok(table(&rows))
}

fn images(runtime: &Runtime, options: &Options) -> String {
    let size = |bytes: u64| match bytes {
        0..1_000_000 => format!("{}kB", bytes / 1000),
        _ => format!("{}.{}MB", bytes / 1_000_000, bytes / 100_000 % 10),
    };
    if options.has("quiet") {
        return runtime.images.values().map(|(name, _)| format!("{}\n", name.id())).collect();
    }
    let digests = options.has("digests");
    let mut rows = vec![header(&["IMAGE", "TAG", "IMAGE ID", "SIZE"])];
    if digests {
        rows[0].insert(2, "DIGEST".to_owned());
    }
    rows.extend(runtime.images.values().map(|(name, image)| {
        let whole = name.id();
        let id = if options.has("no-trunc") { whole.clone() } else { whole[7..20].to_owned() };
        let mut row = vec![name.repository.clone(), name.tag.clone(), id, size(image.bytes)];
        if digests {
            let digest = name.digest();
            let digest = digest.rsplit_once("sha256:").map_or(digest.as_str(), |(_, hex)| hex).to_owned();
            row.insert(
                2,
                if options.has("no-trunc") { digest } else { digest[..13.min(digest.len())].to_owned() },
            );
        }
        row
    }));
    table(&rows)
}

/// The container that a prefix of an id names.
async fn find<T: 'static>(
    sys: &Sys,
    prefix: &str,
    read: impl FnOnce(&Container) -> T + 'static,
) -> Option<T> {
    let prefix = prefix.to_owned();
    sys.ask(move |system, id| {
        Runtime::of(system, system.process(id).machine)?.container_named(&prefix).map(read)
    })
    .await
}

/// A time of day in UTC with its nanoseconds.
fn stamp(time: Duration) -> String {
    Date::from_duration(time).format("%Y-%m-%dT%H:%M:%S.%NZ")
}

fn not_found(id: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = an error occurred when try to find container \"{id}\": not found"
    )
}

async fn logs(sys: &Sys, options: &Options) -> Exit {
    let (follow, stamps) = (options.has("follow"), options.has("timestamps"));
    let tail = options.get("tail").filter(|it| *it != "-1").map(str::parse::<usize>);
    let Ok(mut skip) = tail.transpose() else {
        return fail(sys, "invalid value for flag -tail: parse error").await;
    };
    let Some(id) = options.words.first() else { return fail(sys, "ID cannot be empty").await };
    let Some(inner) = find(sys, id, |it| it.inner).await else { return fail(sys, not_found(id)).await };
    let mut from = 0;
    loop {
        let read = move |system: &mut linux::System, _| {
            let container = system.find_container(inner)?;
            let (lines, next) = container.log(from);
            let stamp = |it: &Printed| match stamps {
                true => format!("{} ", stamp(system.realtime(it.at))).into_bytes(),
                false => Vec::new(),
            };
            let line = |it: &Printed| (it.stream, [stamp(it), it.text.clone()].concat());
            let lines: Vec<(u8, Vec<u8>)> = lines.map(line).collect();
            Some((lines, next))
        };
        let Some((lines, next)) = sys.ask(read).await else { return Exit::OK };
        let drop = skip.take().map_or(0, |it| lines.len().saturating_sub(it));
        for (stream, text) in lines.into_iter().skip(drop) {
            sys.write(i32::from(stream), &text).await.ok();
        }
        from = next;
        if !follow || matches!(sys.wait(&[WaitOn::Log(inner)], None).await, Woke::Signal(_)) {
            return Exit::OK;
        }
    }
}

async fn exec(sys: &Sys, words: &[String]) -> Exit {
    let Some((id, command)) = words.split_first().filter(|it| !it.1.is_empty()) else {
        return fail(sys, "exec command requires both CONTAINER and COMMAND").await;
    };
    let Some(full) = find(sys, id, |it| it.id.clone()).await else { return fail(sys, not_found(id)).await };
    let arguments = command.to_vec();
    let start = sys
        .ask(move |system, id| runtime::exec_start(system, system.process(id).machine, &full, arguments))
        .await;
    let Some(start) = start else {
        return fail(
            sys,
            "execing command in container: rpc error: code = Unknown desc = container is not running",
        )
        .await;
    };
    match sys.spawn(start).await {
        Ok(child) => sys.wait_child(child).await,
        Err(errno) => {
            let why = format!("exec: \"{}\": executable file not found in $PATH", command[0]);
            let words = if errno == net::Errno::ENOENT { why } else { errno.to_string() };
            fail(sys, format!("execing command in container: rpc error: code = Unknown desc = failed to exec in container: \
                failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: {words}: unknown")).await
        }
    }
}

/// Both tell JSON, whatever form of it is asked for.
fn form(options: &Options) -> Result<(), String> {
    match options.get("output") {
        None | Some("json") => Ok(()),
        Some(other) => Err(format!("--output={other}: not simulated in vethlab; use --output=json")),
    }
}

async fn inspect(sys: &Sys, options: &Options) -> Exit {
    if let Err(words) = form(options) {
        return fail(sys, words).await;
    }
    for name in &options.words {
        let read = |it: &Container| {
            json!({
                "status": {
                    "id": it.id, "metadata": {"attempt": it.attempt, "name": it.name},
                    "state": format!("CONTAINER_{}", word(it.state).to_uppercase()),
                    "exitCode": it.exit, "message": it.message,
                    "image": {"image": it.image.full()}, "imageRef": it.image.digest(),
                    "labels": {
                        "io.kubernetes.container.name": it.name, "io.kubernetes.pod.name": it.pod.name,
                        "io.kubernetes.pod.namespace": it.pod.namespace, "io.kubernetes.pod.uid": it.pod.uid
                    }
                },
                "info": {"sandboxID": it.sandbox, "config": {"envs": it.environment}}
            })
        };
        let prefix = name.clone();
        let told = sys
            .ask(move |system, id| {
                let container = Runtime::of(system, system.process(id).machine)?.container_named(&prefix)?;
                let mut told = read(container);
                let pid = container.process.and_then(|it| system.find_process(it)).map_or(0, |it| it.pid);
                told["info"]["pid"] = json!(pid);
                Some(told)
            })
            .await;
        let Some(told) = told else { return fail(sys, not_found(name)).await };
        sys.print(serde_json::to_string_pretty(&told).unwrap_or_default() + "\n").await;
    }
    Exit::OK
}

async fn inspect_pods(sys: &Sys, options: &Options) -> Exit {
    if let Err(words) = form(options) {
        return fail(sys, words).await;
    }
    for name in &options.words {
        let prefix = name.clone();
        let told = sys
            .ask(move |system, id| {
                let runtime = Runtime::of(system, system.process(id).machine)?;
                let it = runtime.sandboxes.values().find(|it| it.id.starts_with(&prefix))?;
                let path = it.netns_name.as_ref().map(|name| format!("/var/run/netns/{name}"));
                Some(json!({
                    "status": {
                        "id": it.id,
                        "metadata": {"attempt": it.attempt, "name": it.pod.name, "namespace": it.pod.namespace, "uid": it.pod.uid},
                        "state": if it.ready { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" },
                        "network": {"additionalIps": [], "ip": it.addresses.first()}
                    },
                    "info": {"runtimeSpec": {"linux": {"namespaces": [{"type": "network", "path": path}]}}}
                }))
            })
            .await;
        let Some(told) = told else { return fail(sys, not_found(name)).await };
        sys.print(serde_json::to_string_pretty(&told).unwrap_or_default() + "\n").await;
    }
    Exit::OK
}

async fn change(sys: &Sys, verb: &str, options: &Options) -> Exit {
    for name in &options.words {
        let (prefix, verb) = (name.clone(), verb.to_owned());
        let id = sys
            .ask(move |system, id| {
                let machine = system.process(id).machine;
                let runtime = Runtime::of(system, machine)?;
                let pods = verb.ends_with('p') && verb != "stop";
                let id = match pods {
                    true => runtime.sandboxes.keys().find(|it| it.starts_with(&prefix))?.clone(),
                    false => runtime.container_named(&prefix)?.id.clone(),
                };
                match verb.as_str() {
                    "stop" => runtime::signal_container(system, machine, &id, Signal::Kill),
                    "rm" => runtime::remove_container(system, machine, &id),
                    "stopp" => runtime::stop_sandbox(system, machine, &id),
                    _ => {
                        runtime::stop_sandbox(system, machine, &id);
                        runtime::remove_sandbox(system, machine, &id);
                    }
                }
                system.wake(WaitOn::Notice(machine, runtime::CHANGED));
                Some(id)
            })
            .await;
        match id {
            Some(id) => sys.print(format!("{id}\n")).await,
            None => return fail(sys, not_found(name)).await,
        }
    }
    Exit::OK
}
