//! `crictl`: what runs on this node, asked of the container runtime. Simulated: ps [-a -q --name --pod], pods [-q],
//! images, logs [-f --tail N], inspect, inspectp, exec [-i -t], stop, rm, stopp, rmp, version.
//! Source: cri-tools 1.36 `cmd/crictl`.

use crate::runtime::{self, Container, Runtime, State};
use linux::{Args, Command, Exit, Signal, Sys, WaitOn, Woke};
use serde_json::json;
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
    let flags: Vec<&str> = rest.iter().filter(|it| it.starts_with('-')).map(String::as_str).collect();
    let has = |names: &[&str]| flags.iter().any(|it| names.contains(it));
    let value = |name: &str| rest.windows(2).find(|it| it[0] == name).map(|it| it[1].clone());
    let taking = ["--name", "--pod", "--tail", "-o", "--output", "-p"];
    let names: Vec<String> = rest
        .iter()
        .enumerate()
        .filter(|(at, it)| !it.starts_with('-') && (*at == 0 || !taking.contains(&rest[at - 1].as_str())))
        .map(|(_, it)| it.clone())
        .collect();
    match verb.as_str() {
        "ps" => {
            containers(
                &sys,
                has(&["-a", "--all"]),
                has(&["-q", "--quiet"]),
                value("--name"),
                value("--pod").or(value("-p")),
            )
            .await
        }
        "pods" => pods(&sys, has(&["-q", "--quiet"]), value("--name")).await,
        "images" | "image" | "img" => images(&sys).await,
        "logs" => logs(&sys, names.first(), has(&["-f", "--follow"]), value("--tail")).await,
        "exec" => {
            let at = rest.iter().position(|it| !it.starts_with('-')).unwrap_or(rest.len());
            exec(&sys, &rest[at..]).await
        }
        "inspect" => inspect(&sys, &names).await,
        "inspectp" => inspect_pods(&sys, &names).await,
        "stop" | "rm" | "stopp" | "rmp" => change(&sys, verb, &names).await,
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

async fn containers(sys: &Sys, all: bool, quiet: bool, name: Option<String>, pod: Option<String>) -> Exit {
    let text = sys
        .ask(move |system, id| {
            let Some(runtime) = Runtime::of(system, system.process(id).machine) else { return String::new() };
            let wanted = |it: &&Container| {
                (all || it.state == State::Running)
                    && name.as_ref().is_none_or(|name| it.name.contains(name.as_str()))
                    && pod.as_ref().is_none_or(|pod| it.sandbox.starts_with(pod.as_str()))
            };
            let mut chosen: Vec<&Container> = runtime.containers.values().filter(wanted).collect();
            chosen.sort_by_key(|it| std::cmp::Reverse((it.created, &it.id)));
            if quiet {
                return chosen.iter().map(|it| format!("{}\n", it.id)).collect();
            }
            let mut rows = vec![header(&[
                "CONTAINER",
                "IMAGE",
                "CREATED",
                "STATE",
                "NAME",
                "ATTEMPT",
                "POD ID",
                "POD",
                "NAMESPACE",
            ])];
            rows.extend(chosen.iter().map(|it| {
                vec![
                    it.id[..13].to_owned(),
                    it.image.id()[7..20].to_owned(),
                    ago(system.now().since(it.created)),
                    word(it.state).to_owned(),
                    it.name.clone(),
                    it.attempt.to_string(),
                    it.sandbox[..13].to_owned(),
                    it.pod.name.clone(),
                    it.pod.namespace.clone(),
                ]
            }));
            table(&rows)
        })
        .await;
    sys.print(text).await;
    Exit::OK
}

async fn pods(sys: &Sys, quiet: bool, name: Option<String>) -> Exit {
    let text = sys
        .ask(move |system, id| {
            let Some(runtime) = Runtime::of(system, system.process(id).machine) else { return String::new() };
            let mut all: Vec<_> = runtime
                .sandboxes
                .values()
                .filter(|it| name.as_ref().is_none_or(|name| it.pod.name.contains(name.as_str())))
                .collect();
            all.sort_by_key(|it| std::cmp::Reverse((it.created, &it.id)));
            if quiet {
                return all.iter().map(|it| format!("{}\n", it.id)).collect();
            }
            let mut rows =
                vec![header(&["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"])];
            rows.extend(all.iter().map(|it| {
                vec![
                    it.id[..13].to_owned(),
                    ago(system.now().since(it.created)),
                    if it.ready { "Ready" } else { "NotReady" }.to_owned(),
                    it.pod.name.clone(),
                    it.pod.namespace.clone(),
                    it.attempt.to_string(),
                    "(default)".to_owned(),
                ]
            }));
            table(&rows)
        })
        .await;
    sys.print(text).await;
    Exit::OK
}

async fn images(sys: &Sys) -> Exit {
    let text = sys
        .ask(|system, id| {
            let Some(runtime) = Runtime::of(system, system.process(id).machine) else { return String::new() };
            let size = |bytes: u64| match bytes {
                0..1_000_000 => format!("{}kB", bytes / 1000),
                _ => format!("{}.{}MB", bytes / 1_000_000, bytes / 100_000 % 10),
            };
            let mut rows = vec![header(&["IMAGE", "TAG", "IMAGE ID", "SIZE"])];
            rows.extend(runtime.images.values().map(|(name, image)| {
                vec![
                    name.repository.clone(),
                    name.tag.clone(),
                    name.id()[7..20].to_owned(),
                    size(image.bytes),
                ]
            }));
            table(&rows)
        })
        .await;
    sys.print(text).await;
    Exit::OK
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

fn not_found(id: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = an error occurred when try to find container \"{id}\": not found"
    )
}

async fn logs(sys: &Sys, id: Option<&String>, follow: bool, tail: Option<String>) -> Exit {
    let Some(id) = id else { return fail(sys, "ID cannot be empty").await };
    let Some(inner) = find(sys, id, |it| it.inner).await else { return fail(sys, not_found(id)).await };
    let mut skip = tail.and_then(|it| it.parse::<usize>().ok());
    let mut from = 0;
    loop {
        let read = move |system: &mut linux::System, _| {
            let container = system.find_container(inner)?;
            let (lines, next) = container.log(from);
            let lines: Vec<(u8, Vec<u8>)> = lines.map(|it| (it.stream, it.text.clone())).collect();
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

async fn inspect(sys: &Sys, names: &[String]) -> Exit {
    for name in names {
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

async fn inspect_pods(sys: &Sys, names: &[String]) -> Exit {
    for name in names {
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

async fn change(sys: &Sys, verb: &str, names: &[String]) -> Exit {
    for name in names {
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
