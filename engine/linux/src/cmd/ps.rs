//! `ps`: list processes. Source: ps(1), procps-ng 4.0.2.
//! Simulated: BSD `a u x f`, `-e -A -f -p -o -C -u -H --no-headers --forest --sort`.
//! ```transcript
//! host# sleep 99 & ps -o comm= -p $!; kill $!
//! sleep
//! ```

use super::long::Names;
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::process::{Process, ProcessId};
use crate::sys::Sys;
use std::time::Duration;

pub const PS: Command =
    Command { name: "ps", path: "/usr/bin/ps", man: "ps(1)", run: |sys, args| Box::pin(ps(sys, args)) };

/// A process as `ps` and `pgrep` see it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    pub uid: u32,
    pub name: String,
    pub arguments: Vec<String>,
    pub state: char,
    pub tty: Option<String>,
    pub foreground: bool,
    pub started: Duration,
    pub own: bool,
}

/// All processes of this machine, by their numbers.
pub(super) async fn processes(sys: &Sys) -> Vec<Row> {
    sys.ask(|system, id| {
        let (machine, container) = (system.process(id).machine, system.process(id).container);
        let tty_of = |tty: api::TtyId| format!("pts/{}", crate::tty::tty_number(tty));
        let seen = |process: &Process| process.pid_for(container);
        let number = |id: Option<ProcessId>| id.and_then(|id| system.find_process(id)).map(seen);
        let here = system.processes_seen(machine, container);
        let mut rows: Vec<Row> = here
            .map(|process: &Process| Row {
                pid: seen(process),
                parent: number(process.parent.filter(|_| seen(process) != 1))
                    .unwrap_or(u32::from(container.is_none() && process.pid != 1)),
                group: number(Some(process.group)).unwrap_or(seen(process)),
                uid: process.uid,
                name: process.name.clone(),
                arguments: process.arguments.clone(),
                state: if process.id == id { 'R' } else { process.state() },
                tty: process.tty.map(tty_of),
                foreground: process.tty.is_some() && process.id == id,
                started: system.realtime(process.started),
                own: process.id == id,
            })
            .collect();
        rows.sort_by_key(|row| row.pid);
        rows
    })
    .await
}

/// A column: its keyword, heading, width, and whether it is put to the right.
const COLUMNS: &[(&str, &str, usize, bool)] = &[
    ("pid", "PID", 7, true),
    ("ppid", "PPID", 7, true),
    ("pgid", "PGID", 7, true),
    ("user", "USER", 8, false),
    ("uid", "UID", 5, true),
    ("uname", "UID", 8, false),
    ("tty", "TT", 8, false),
    ("ttyname", "TTY", 8, false),
    ("time", "TIME", 8, true),
    ("bsdtime", "TIME", 6, true),
    ("comm", "COMMAND", 15, false),
    ("ucmd", "CMD", 15, false),
    ("args", "COMMAND", 27, false),
    ("cmd", "CMD", 27, false),
    ("stat", "STAT", 4, false),
    ("state", "S", 1, false),
    ("c", "C", 2, true),
    ("%cpu", "%CPU", 4, true),
    ("%mem", "%MEM", 4, true),
    ("vsz", "VSZ", 6, true),
    ("rss", "RSS", 5, true),
    ("stime", "STIME", 5, true),
    ("start", "START", 5, false),
    ("lstart", "STARTED", 24, true),
    ("etime", "ELAPSED", 11, true),
    ("nlwp", "NLWP", 4, true),
    ("ni", "NI", 3, true),
    ("pri", "PRI", 3, true),
];

const ALIASES: &[(&str, &str)] = &[
    ("command", "args"),
    ("pcpu", "%cpu"),
    ("pmem", "%mem"),
    ("euser", "user"),
    ("tname", "ttyname"),
    ("s", "state"),
    ("pgrp", "pgid"),
    ("start_time", "stime"),
    ("cputime", "time"),
    ("fname", "comm"),
    ("vsize", "vsz"),
    ("euid", "uid"),
    ("nice", "ni"),
];

#[derive(Default)]
struct Wanted {
    all: bool,
    with_tty: bool,
    without_tty: bool,
    full: bool,
    user_oriented: bool,
    forest: bool,
    no_headers: bool,
    pids: Vec<u32>,
    names: Vec<String>,
    users: Vec<String>,
    columns: Vec<(String, Option<String>)>,
    /// By which columns, and whether the greatest comes first.
    sort: Vec<(bool, &'static str)>,
}

async fn ps(sys: Sys, args: Args) -> Exit {
    let wanted = match wanted(args.rest()) {
        Ok(wanted) => wanted,
        Err(words) => {
            sys.eprint(format!("error: {words}\n\n{USAGE}")).await;
            return Exit::FAILURE;
        }
    };
    let columns = match columns(&wanted) {
        Ok(columns) => columns,
        Err(word) => {
            let words = format!("error: unknown user-defined format specifier \"{word}\"\n\n{USAGE}");
            sys.eprint(words).await;
            return Exit::FAILURE;
        }
    };
    let users = Names::read(&sys).await;
    let rows = processes(&sys).await;
    let (own_tty, own_uid) = match rows.iter().find(|row| row.own) {
        Some(own) => (own.tty.clone(), own.uid),
        None => (None, 0),
    };
    let mut chosen: Vec<Row> = rows
        .into_iter()
        .filter(|row| match () {
            () if !wanted.pids.is_empty() => wanted.pids.contains(&row.pid),
            () if !wanted.names.is_empty() => wanted.names.contains(&row.name),
            () if !wanted.users.is_empty() => {
                wanted.users.contains(&users.user(row.uid)) || wanted.users.contains(&row.uid.to_string())
            }
            () if wanted.all || wanted.with_tty && wanted.without_tty => true,
            () if wanted.with_tty => row.tty.is_some(),
            () if wanted.without_tty => row.uid == own_uid,
            () => row.tty == own_tty && row.uid == own_uid,
        })
        .collect();
    let missing = chosen.is_empty();
    let now = sys.realtime().await;
    let order = |a: &Row, b: &Row, key: &str| match key {
        "pid" | "ppid" | "pgid" | "uid" => {
            let number = |row: &Row| cell(row, key, &users, now, "").parse::<u32>().unwrap_or(0);
            number(a).cmp(&number(b))
        }
        "stime" | "start" | "lstart" => a.started.cmp(&b.started),
        "etime" => b.started.cmp(&a.started),
        key => cell(a, key, &users, now, "").cmp(&cell(b, key, &users, now, "")),
    };
    for (reverse, key) in wanted.sort.iter().rev() {
        chosen.sort_by(|a, b| if *reverse { order(b, a, key) } else { order(a, b, key) });
    }
    let width = sys.terminal_size().await.filter(|_| true).map(|(columns, _)| usize::from(columns));
    let width = if sys.is_tty(1).await { width } else { None };
    sys.print(table(&chosen, &columns, &wanted, &users, now, width)).await;
    Exit(u8::from(missing))
}

const USAGE: &str = "Usage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  \
                     or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n";

fn wanted(words: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut words = words.iter().cloned();
    while let Some(word) = words.next() {
        let mut value = |rest: &str| -> Result<String, String> {
            match rest.is_empty() {
                false => Ok(rest.to_owned()),
                true => words.next().ok_or_else(|| "list of process IDs must follow -p".to_owned()),
            }
        };
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=').unwrap_or((long, "")) {
                ("forest", _) => wanted.forest = true,
                ("no-headers" | "no-heading" | "noheader", _) => wanted.no_headers = true,
                ("pid", list) => wanted.pids = pids(&value(list)?)?,
                ("format", list) => formats(&value(list)?, &mut wanted),
                ("sort", list) => wanted.sort.extend(sort_keys(&value(list)?)?),
                ("ppid" | "cols" | "width", _) => {
                    return Err(format!("--{long}: not simulated in vethlab"));
                }
                _ => return Err("unknown gnu long option".to_owned()),
            }
            continue;
        }
        let dashed = word.starts_with('-');
        let letters = word.trim_start_matches('-').to_owned();
        if letters.starts_with(|c: char| c.is_ascii_digit()) {
            wanted.pids.extend(pids(&letters)?);
            continue;
        }
        let chars = letters.char_indices();
        for (at, letter) in chars {
            let rest = &letters[at + letter.len_utf8()..];
            match (dashed, letter) {
                (true, 'e' | 'A') => wanted.all = true,
                (true, 'a') => wanted.with_tty = true,
                (true, 'f' | 'F') => wanted.full = true,
                (true, 'H') => wanted.forest = true,
                (false, 'a') => wanted.with_tty = true,
                (false, 'x') => wanted.without_tty = true,
                (false, 'u') => wanted.user_oriented = true,
                (false, 'f') => wanted.forest = true,
                (false, 'h') => wanted.no_headers = true,
                (_, 'w' | 'l') if letter == 'w' => {}
                (_, 'p' | 'o' | 'C' | 'u' | 'U') => {
                    let list = value(rest)?;
                    match letter {
                        'p' => wanted.pids.extend(pids(&list)?),
                        'o' => formats(&list, &mut wanted),
                        'C' => wanted.names.extend(list.split(',').map(str::to_owned)),
                        _ => wanted.users.extend(list.split(',').map(str::to_owned)),
                    }
                    break;
                }
                (true, letter) => return Err(format!("-{letter}: not simulated in vethlab")),
                (false, _) => return Err("garbage option".to_owned()),
            }
        }
    }
    Ok(wanted)
}

fn pids(list: &str) -> Result<Vec<u32>, String> {
    list.split([',', ' '])
        .filter(|it| !it.is_empty())
        .map(|it| it.parse().map_err(|_| "process ID list syntax error".to_owned()))
        .collect()
}

/// `-pid,+comm`
fn sort_keys(list: &str) -> Result<Vec<(bool, &'static str)>, String> {
    let key = |word: &str| {
        let name = word.trim_start_matches(['+', '-']);
        let known = known_column(name).ok_or_else(|| "unknown sort specifier".to_owned())?;
        Ok((word.starts_with('-'), known.0))
    };
    list.split([',', ' ']).filter(|it| !it.is_empty()).map(key).collect()
}

fn known_column(name: &str) -> Option<(&'static str, &'static str, usize, bool)> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, known)| known);
    COLUMNS.iter().find(|(key, ..)| *key == name).copied()
}

/// `pid,comm=NAME`: after `=` comes the heading, to the end.
fn formats(list: &str, wanted: &mut Wanted) {
    for item in list.split([',', ' ']).filter(|it| !it.is_empty()) {
        match item.split_once('=') {
            Some((name, heading)) => wanted.columns.push((name.to_owned(), Some(heading.to_owned()))),
            None => wanted.columns.push((item.to_owned(), None)),
        }
    }
}

type Column = (&'static str, String, usize, bool);

fn columns(wanted: &Wanted) -> Result<Vec<Column>, String> {
    let standard =
        |names: &[&'static str]| names.iter().map(|name| ((*name).to_owned(), None)).collect::<Vec<_>>();
    let given = match () {
        () if !wanted.columns.is_empty() => wanted.columns.clone(),
        () if wanted.user_oriented => standard(&[
            "user", "pid", "%cpu", "%mem", "vsz", "rss", "ttyname", "stat", "start", "bsdtime", "args",
        ]),
        () if wanted.full => standard(&["uname", "pid", "ppid", "c", "stime", "ttyname", "time", "cmd"]),
        () if wanted.with_tty || wanted.without_tty => {
            standard(&["pid", "ttyname", "stat", "bsdtime", "args"])
        }
        () => standard(&["pid", "ttyname", "time", "ucmd"]),
    };
    given
        .into_iter()
        .map(|(name, heading)| {
            let (key, title, width, right) = known_column(&name).ok_or(name)?;
            let heading = heading.unwrap_or_else(|| title.to_owned());
            let width = width.max(heading.chars().count());
            Ok((key, heading, width, right))
        })
        .collect()
}

fn cell(row: &Row, key: &str, users: &Names, now: Duration, indent: &str) -> String {
    let elapsed = now.saturating_sub(row.started).as_secs();
    match key {
        "pid" => row.pid.to_string(),
        "ppid" => row.parent.to_string(),
        "pgid" => row.group.to_string(),
        "user" | "uname" => users.user(row.uid),
        "uid" => row.uid.to_string(),
        "tty" | "ttyname" => row.tty.clone().unwrap_or_else(|| "?".to_owned()),
        "time" => "00:00:00".to_owned(),
        "bsdtime" => "0:00".to_owned(),
        "comm" | "ucmd" if row.state == 'Z' => format!("{indent}{} <defunct>", row.name),
        "comm" | "ucmd" => format!("{indent}{}", row.name),
        "args" | "cmd" if row.state == 'Z' => format!("{indent}[{}] <defunct>", row.name),
        "args" | "cmd" => format!("{indent}{}", row.arguments.join(" ")),
        "state" => row.state.to_string(),
        "stat" => {
            let leader = if row.pid == row.group { "s" } else { "" };
            format!("{}{leader}{}", row.state, if row.foreground { "+" } else { "" })
        }
        "c" | "ni" => "0".to_owned(),
        "pri" => "19".to_owned(),
        "nlwp" => "1".to_owned(),
        "%cpu" | "%mem" => "0.0".to_owned(),
        "vsz" => "0".to_owned(),
        "rss" => "0".to_owned(),
        "stime" | "start" => Date::from_duration(row.started).format("%H:%M"),
        "lstart" => Date::from_duration(row.started).format("%a %b %e %H:%M:%S %Y"),
        _ => match (elapsed / 86_400, elapsed / 3600 % 24, elapsed / 60 % 60, elapsed % 60) {
            (0, 0, minutes, seconds) => format!("{minutes:02}:{seconds:02}"),
            (0, hours, minutes, seconds) => format!("{hours:02}:{minutes:02}:{seconds:02}"),
            (days, hours, minutes, seconds) => format!("{days}-{hours:02}:{minutes:02}:{seconds:02}"),
        },
    }
}

fn table(
    rows: &[Row],
    columns: &[Column],
    wanted: &Wanted,
    users: &Names,
    now: Duration,
    width: Option<usize>,
) -> String {
    let mut out = String::new();
    let mut line = |cells: Vec<String>| {
        let mut text = String::new();
        let last = cells.len().saturating_sub(1);
        for (index, (cell, (_, _, width, right))) in cells.iter().zip(columns).enumerate() {
            if index > 0 {
                text.push(' ');
            }
            match (right, index == last) {
                (true, _) => text.push_str(&format!("{cell:>width$}")),
                (false, true) => text.push_str(cell),
                (false, false) => text.push_str(&format!("{cell:<width$}")),
            }
        }
        match width {
            Some(width) => out.extend(text.chars().take(width)),
            None => out.push_str(&text),
        }
        out.push('\n');
    };
    let silent = columns.iter().all(|(_, heading, ..)| heading.is_empty());
    if !wanted.no_headers && !silent {
        line(columns.iter().map(|(_, heading, ..)| heading.clone()).collect());
    }
    let order =
        if wanted.forest { forest(rows) } else { rows.iter().map(|row| (row, String::new())).collect() };
    for (row, indent) in order {
        line(columns.iter().map(|(key, ..)| cell(row, key, users, now, &indent)).collect());
    }
    out
}

/// Children below their parents, with the lines that `ps f` draws.
fn forest(rows: &[Row]) -> Vec<(&Row, String)> {
    let known = |pid: u32| rows.iter().any(|row| row.pid == pid);
    let mut order = Vec::new();
    let mut open: Vec<(&Row, String, String)> = rows
        .iter()
        .rev()
        .filter(|row| !known(row.parent))
        .map(|row| (row, String::new(), String::new()))
        .collect();
    while let Some((row, indent, below)) = open.pop() {
        order.push((row, indent));
        let children: Vec<&Row> =
            rows.iter().filter(|child| child.parent == row.pid && child.pid != row.pid).collect();
        let count = children.len();
        for (index, child) in children.into_iter().enumerate().rev() {
            let more = if index + 1 < count { " |  " } else { "    " };
            open.push((child, format!("{below} \\_ "), format!("{below}{more}")));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use crate::{ExecOptions, System};
    use api::topology::Role;
    use std::time::Duration;

    fn run(command: &str) -> String {
        let mut system = System::new(1, crate::cmd::ALL.iter().copied());
        let host = system.machine_add("host", Role::Host);
        let id = system.exec(host, command, ExecOptions::default());
        system.run_until_exit(id, Duration::from_secs(60));
        let (out, err) = system.take_output(id);
        String::from_utf8_lossy(&[out, err].concat()).into_owned()
    }

    #[test]
    fn processes_are_sorted_by_columns() {
        let two = "sleep 7 & sleep 8 & sleep 0.1; ps --no-headers -C sleep -o args";
        assert_eq!(run(two), "sleep 7\nsleep 8\n");
        assert_eq!(run(&format!("{two} --sort=-pid")), "sleep 8\nsleep 7\n");
        assert_eq!(run(&format!("{two} --sort user,-args")), "sleep 8\nsleep 7\n");
        assert!(run("ps --sort=frob").starts_with("error: unknown sort specifier\n"));
    }
}
