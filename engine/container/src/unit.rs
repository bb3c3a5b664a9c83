//! Units of a node's service manager: `containerd` and `kubelet`, with `systemctl` and `journalctl`.
//!
//! Always: a unit's process is a child of process 1; what it prints is the file `/var/log/UNIT.log`, which journalctl reads.
//! Simulated: systemctl start, stop, restart, status, is-active, enable, disable, daemon-reload; journalctl -u UNIT [-n N] [-f
//! is not]. Differs from systemd: no other units; a unit that ends is not started again.
//! Source: systemctl(1), journalctl(1), systemd 252.

use api::MachineId;
use linux::{Args, Command, Date, Exit, ProcessId, Signal, Sys, System};
use std::collections::BTreeMap;
use std::time::Duration;

pub static SYSTEMCTL: Command = Command {
    name: "systemctl",
    path: "/usr/bin/systemctl",
    man: "systemctl(1)",
    run: |sys, args| Box::pin(systemctl(sys, args)),
};

pub static JOURNALCTL: Command = Command {
    name: "journalctl",
    path: "/usr/bin/journalctl",
    man: "journalctl(1)",
    run: |sys, args| Box::pin(journalctl(sys, args)),
};

/// Name, description, program.
const UNITS: &[(&str, &str, &str)] = &[
    ("containerd", "containerd container runtime", "/usr/bin/containerd"),
    ("kubelet", "kubelet: The Kubernetes Node Agent", "/usr/bin/kubelet"),
];

/// The processes of a machine's units.
#[derive(Default)]
struct Units(BTreeMap<&'static str, ProcessId>);

/// Starts a unit, if it is known and does not run.
pub fn start(system: &mut System, machine: MachineId, name: &str) {
    let Some((name, _, program)) = UNITS.iter().find(|it| it.0 == name) else { return };
    if running(system, machine, name).is_some() {
        return;
    }
    let log = format!("/var/log/{name}.log");
    let Ok(process) = system.daemon_start(machine, program, &[program], &log) else { return };
    if system.attached::<Units>(machine).is_none() {
        system.attach(machine, Units::default());
    }
    if let Some(units) = system.attached_mut::<Units>(machine) {
        units.0.insert(name, process);
    }
}

/// The process of a unit that runs.
fn running(system: &System, machine: MachineId, name: &str) -> Option<ProcessId> {
    let process = *system.attached::<Units>(machine)?.0.get(name)?;
    system.find_process(process).filter(|it| it.exit.is_none()).map(|_| process)
}

async fn systemctl(sys: Sys, args: Args) -> Exit {
    let words: Vec<&String> = args.rest().iter().filter(|it| !it.starts_with('-')).collect();
    let Some((verb, names)) = words.split_first() else {
        sys.eprint("systemctl: list-units: not simulated in vethlab; use systemctl status UNIT\n").await;
        return Exit::FAILURE;
    };
    if verb.as_str() == "daemon-reload" {
        return Exit::OK;
    }
    let mut exit = Exit::OK;
    for name in names {
        let name = name.trim_end_matches(".service").to_owned();
        let Some(unit) = UNITS.iter().find(|it| it.0 == name) else {
            let (words, code) = match verb.as_str() {
                "status" => (format!("Unit {name}.service could not be found.\n"), 4),
                "is-active" => ("inactive\n".to_owned(), 3),
                _ => (format!("Failed to {verb} {name}.service: Unit {name}.service not found.\n"), 5),
            };
            sys.eprint(words).await;
            return Exit(code);
        };
        match verb.as_str() {
            "stop" => stop(&sys, &name).await,
            "start" | "restart" | "try-restart" => {
                if verb.as_str() != "start" {
                    stop(&sys, &name).await;
                }
                sys.ask(move |system, id| start(system, system.process(id).machine, &name)).await;
            }
            "enable" | "disable" => {}
            "is-active" => {
                let runs =
                    sys.ask(move |system, id| running(system, system.process(id).machine, &name)).await;
                sys.print(if runs.is_some() { "active\n" } else { "inactive\n" }).await;
                exit = if runs.is_some() { Exit::OK } else { Exit(3) };
            }
            "status" => exit = status(&sys, unit).await,
            other => {
                sys.eprint(format!(
                    "systemctl: {other}: not simulated in vethlab; use status, start, stop or restart\n"
                ))
                .await;
                return Exit::FAILURE;
            }
        }
    }
    exit
}

async fn stop(sys: &Sys, name: &str) {
    let name = name.to_owned();
    let process = sys
        .ask(move |system, id| {
            let process = running(system, system.process(id).machine, &name)?;
            system.signal(process, Signal::Term);
            Some(process)
        })
        .await;
    while let Some(process) = process {
        if sys.ask(move |system, _| system.find_process(process).is_none_or(|it| it.exit.is_some())).await {
            return;
        }
        sys.sleep(Duration::from_millis(10)).await;
    }
}

async fn status(sys: &Sys, unit: &'static (&str, &str, &str)) -> Exit {
    let (name, description, program) = *unit;
    let found = sys
        .ask(move |system, id| {
            let process = running(system, system.process(id).machine, name)?;
            let process = system.process(process);
            Some((process.pid, system.realtime(process.started), system.now().since(process.started)))
        })
        .await;
    let mark = if found.is_some() { "●" } else { "○" };
    let mut text = format!(
        "{mark} {name}.service - {description}\n     Loaded: loaded (/lib/systemd/system/{name}.service; enabled; preset: enabled)\n"
    );
    match found {
        Some((pid, since, age)) => {
            let date = Date::from_duration(since);
            text += &format!(
                "     Active: active (running) since {}; {}s ago\n   Main PID: {pid} ({name})\n     CGroup: /system.slice/{name}.service\n             └─{pid} {program}\n",
                date.http().trim_end_matches(" GMT"),
                age.as_secs()
            );
        }
        None => text += "     Active: inactive (dead)\n",
    }
    sys.print(text + "\n").await;
    lines(sys, name, 10).await;
    if found.is_some() { Exit::OK } else { Exit(3) }
}

/// The last lines of a unit's log, as the journal shows them.
async fn lines(sys: &Sys, name: &str, count: usize) {
    let bytes = sys.read_file(&format!("/var/log/{name}.log")).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let host = sys.hostname().await;
    let all: Vec<&str> = text.lines().collect();
    for line in &all[all.len().saturating_sub(count)..] {
        sys.print(format!("{host} {name}: {line}\n")).await;
    }
}

async fn journalctl(sys: Sys, args: Args) -> Exit {
    let words = args.rest();
    let unit =
        words.iter().zip(words.iter().skip(1)).find(|(it, _)| *it == "-u").map(|(_, name)| name.clone());
    let unit = unit.or_else(|| words.iter().find_map(|it| it.strip_prefix("-u").map(str::to_owned)));
    let Some(unit) = unit.filter(|it| !it.is_empty()) else {
        sys.eprint("journalctl: without -u UNIT: not simulated in vethlab; use journalctl -u kubelet\n")
            .await;
        return Exit::FAILURE;
    };
    let count =
        words.windows(2).find(|it| it[0] == "-n").and_then(|it| it[1].parse().ok()).unwrap_or(usize::MAX);
    let name = unit.trim_end_matches(".service");
    if !UNITS.iter().any(|it| it.0 == name) {
        sys.print("-- No entries --\n").await;
        return Exit::OK;
    }
    lines(&sys, name, count).await;
    Exit::OK
}
