//! Units of a node's service manager: `containerd` and `kubelet`, with `systemctl` and `journalctl`.
//!
//! Always: a unit's process is a child of process 1; what it prints is the file `/var/log/UNIT.log`, which journalctl reads.
//! Simulated: systemctl start, stop, restart, status, is-active, enable, disable, daemon-reload; journalctl -u UNIT with -n, -f,
//! -r, -o cat. Differs from systemd: no other units; a unit that ends is not started again; a line's time is the one that
//! the program wrote into it.
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
    const PLAIN: [&str; 4] = ["--no-pager", "-l", "--full", "-q"];
    if let Some(other) = args.rest().iter().find(|it| it.starts_with('-') && !PLAIN.contains(&it.as_str())) {
        let verbs = "status, start, stop or restart";
        sys.eprint(format!("systemctl: {other}: not simulated in vethlab; use systemctl {verbs} UNIT\n"))
            .await;
        return Exit::FAILURE;
    }
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
    let all: Vec<&str> = text.lines().collect();
    print_lines(sys, name, false, &all[all.len().saturating_sub(count)..]).await;
}

/// What journalctl is asked.
#[derive(Default)]
struct Asked {
    unit: String,
    count: Option<usize>,
    follow: bool,
    reverse: bool,
    /// Without time, host and name.
    bare: bool,
}

impl Asked {
    fn parse(words: &[String]) -> Result<Asked, String> {
        let mut asked = Asked::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, given) = match word.strip_prefix("--").and_then(|it| it.split_once('=')) {
                Some((name, value)) => (format!("--{name}"), Some(value.to_owned())),
                // `-n20`, `-ukubelet`
                None if word.len() > 2
                    && (word.starts_with("-n") || word.starts_with("-u") || word.starts_with("-o")) =>
                {
                    (word[..2].to_owned(), Some(word[2..].to_owned()))
                }
                None => (word.clone(), None),
            };
            let mut value = || {
                let missing = || format!("journalctl: option '{name}' requires an argument");
                given.clone().or_else(|| words.next().cloned()).ok_or_else(missing)
            };
            match name.as_str() {
                "-u" | "--unit" => asked.unit = value()?.trim_end_matches(".service").to_owned(),
                "-n" | "--lines" => match value()?.as_str() {
                    "all" => asked.count = None,
                    text => {
                        let wrong = || format!("Failed to parse lines '{text}'");
                        asked.count = Some(text.parse().map_err(|_| wrong())?);
                    }
                },
                "-f" | "--follow" => asked.follow = true,
                "-r" | "--reverse" => asked.reverse = true,
                "-o" | "--output" => match value()?.as_str() {
                    "cat" => asked.bare = true,
                    "short" => asked.bare = false,
                    other => {
                        return Err(format!(
                            "journalctl: -o {other}: not simulated in vethlab; use -o short or -o cat"
                        ));
                    }
                },
                // There is no pager, and no catalog.
                "--no-pager" | "-e" | "--pager-end" | "-x" | "--catalog" | "-q" | "--quiet" => {}
                "-xe" | "-xeu" | "-eu" | "-fu" => {
                    asked.follow |= name.contains('f');
                    if name.ends_with('u') {
                        asked.unit = value()?.trim_end_matches(".service").to_owned();
                    }
                }
                other if LACKING.split(' ').any(|it| it == other) => {
                    return Err(format!(
                        "journalctl: {other}: not simulated in vethlab; use journalctl -u kubelet"
                    ));
                }
                long if long.starts_with("--") => {
                    return Err(format!("journalctl: unrecognized option '{long}'"));
                }
                short if short.starts_with('-') => {
                    return Err(format!(
                        "journalctl: invalid option -- '{}'",
                        short.chars().nth(1).unwrap_or('-')
                    ));
                }
                other => return Err(format!("Failed to add match '{other}': Invalid argument")),
            }
        }
        Ok(asked)
    }
}

/// Options of journalctl that are not simulated.
const LACKING: &str = "-S --since -U --until -b --boot -k --dmesg -p --priority -g --grep -t --identifier -D --directory -a --all \
    --utc --list-boots --disk-usage --vacuum-size --vacuum-time";

async fn journalctl(sys: Sys, args: Args) -> Exit {
    let asked = match Asked::parse(args.rest()) {
        Ok(asked) => asked,
        Err(words) => {
            sys.eprint(format!("{words}\n")).await;
            return Exit::FAILURE;
        }
    };
    if asked.unit.is_empty() {
        sys.eprint("journalctl: without -u UNIT: not simulated in vethlab; use journalctl -u kubelet\n")
            .await;
        return Exit::FAILURE;
    }
    if !UNITS.iter().any(|it| it.0 == asked.unit) {
        sys.print("-- No entries --\n").await;
        return Exit::OK;
    }
    let file = format!("/var/log/{}.log", asked.unit);
    let mut seen = 0;
    loop {
        let bytes = sys.read_file(&file).await.unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let text = String::from_utf8_lossy(bytes.get(seen..whole).unwrap_or_default()).into_owned();
        let mut all: Vec<&str> = text.lines().collect();
        if seen == 0 {
            let count = asked.count.or(asked.follow.then_some(10)).unwrap_or(usize::MAX);
            all = all.split_off(all.len().saturating_sub(count));
        }
        if asked.reverse {
            all.reverse();
        }
        print_lines(&sys, &asked.unit, asked.bare, &all).await;
        if !asked.follow {
            return Exit::OK;
        }
        seen = whole.max(seen);
        sys.sleep(Duration::from_secs(1)).await;
    }
}

async fn print_lines(sys: &Sys, name: &str, bare: bool, lines: &[&str]) {
    let host = sys.hostname().await;
    let mut head = format!("{host} {name}: ");
    for line in lines {
        if let Some((time, pid)) = noted(line) {
            head = format!("{time} {host} {name}[{pid}]: ");
        }
        let head = if bare { "" } else { &head };
        sys.print(format!("{head}{line}\n")).await;
    }
}

/// When a line was written, and by which process: klog begins it so, as `I1121 05:40:01.123456     612 server.go:520] `.
fn noted(line: &str) -> Option<(String, &str)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = line.strip_prefix(['I', 'W', 'E', 'F'])?.split_whitespace();
    let (day, clock, pid) = (words.next()?, words.next()?, words.next()?);
    let month = MONTHS.get(day.get(..2)?.parse::<usize>().ok()?.checked_sub(1)?)?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (day, clock) = (day.get(2..4).filter(|it| is_number(it))?, clock.get(..8)?);
    is_number(pid).then(|| (format!("{month} {day} {clock}"), pid))
}
