//! `pgrep`, `pkill`, `pidof`, `killall`, `kill`: find processes and send them signals.
//! Source: pgrep(1), kill(1), procps-ng 4.0.2; killall(1), psmisc; pidof(8).
//! ```transcript
//! host# sleep 99 & pgrep -c sleep; pkill sleep; wait $!; echo $?
//! 1
//! 143
//! ```

use super::ps::{Row, processes};
use super::{Args, Command, Exit};
use crate::regex::{Regex, Syntax};
use crate::signal::Signal;
use crate::sys::Sys;

super::programs! {
    PGREP "pgrep" "pgrep(1)" pgrep
    PKILL "pkill" "pkill(1)" pgrep
    PIDOF "pidof" "pidof(8)" pidof
    KILLALL "killall" "killall(1)" killall
    KILL "kill" "kill(1)" kill
}

#[derive(Default)]
struct Wanted {
    full: bool,
    exact: bool,
    inverse: bool,
    ignore_case: bool,
    newest: bool,
    oldest: bool,
    count: bool,
    names: bool,
    lines: bool,
    echo: bool,
    delimiter: Option<String>,
    signal: Option<Signal>,
    pattern: Option<String>,
}

async fn pgrep(sys: Sys, args: Args) -> Exit {
    let kills = args.name().ends_with("pkill");
    let tool = if kills { "pkill" } else { "pgrep" };
    let wanted = match wanted(&sys, &args, kills).await {
        Ok(wanted) => wanted,
        Err(exit) => return exit,
    };
    let Some(pattern) = wanted.pattern.clone() else {
        let words = "no matching criteria specified";
        sys.eprint(format!("{tool}: {words}\nTry `{tool} --help' for more information.\n")).await;
        return Exit(2);
    };
    let expression = if wanted.exact { format!("^({pattern})$") } else { pattern };
    let regex = match Regex::new(&expression, Syntax::Extended, wanted.ignore_case) {
        Ok(regex) => regex,
        Err(words) => {
            sys.eprint(format!("{tool}: {words}\n")).await;
            return Exit(2);
        }
    };
    let matches = |row: &Row| {
        let text = if wanted.full { row.arguments.join(" ") } else { row.name.clone() };
        regex.is_match(&text) != wanted.inverse
    };
    let mut found: Vec<Row> =
        processes(&sys).await.into_iter().filter(|row| !row.own && matches(row)).collect();
    if wanted.newest {
        found.drain(..found.len().saturating_sub(1));
    }
    if wanted.oldest {
        found.truncate(1);
    }
    if kills {
        for row in &found {
            if wanted.echo {
                sys.print(format!("{} killed (pid {})\n", row.name, row.pid)).await;
            }
            if let Err(errno) = sys.kill(row.pid.into(), Some(wanted.signal.unwrap_or(Signal::Term))).await {
                sys.eprint(format!("pkill: killing pid {} failed: {errno}\n", row.pid)).await;
            }
        }
    } else if wanted.count {
        sys.print(format!("{}\n", found.len())).await;
    } else {
        let shown = |row: &Row| match (wanted.lines, wanted.names) {
            (true, _) => format!("{} {}", row.pid, row.arguments.join(" ")),
            (_, true) => format!("{} {}", row.pid, row.name),
            _ => row.pid.to_string(),
        };
        let rows: Vec<String> = found.iter().map(shown).collect();
        if !rows.is_empty() {
            sys.print(rows.join(wanted.delimiter.as_deref().unwrap_or("\n")) + "\n").await;
        }
    }
    Exit(u8::from(found.is_empty()))
}

async fn wanted(sys: &Sys, args: &Args, kills: bool) -> Result<Wanted, Exit> {
    let tool = if kills { "pkill" } else { "pgrep" };
    let mut wanted = Wanted::default();
    let mut words = args.rest().iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            wanted.pattern = Some(word.clone());
            continue;
        };
        if kills && let Some(signal) = Signal::parse(letters) {
            wanted.signal = Some(signal);
            continue;
        }
        if let Some(signal) = letters.strip_prefix("-signal=").and_then(Signal::parse) {
            wanted.signal = Some(signal);
            continue;
        }
        for letter in letters.chars() {
            match letter {
                'f' => wanted.full = true,
                'x' => wanted.exact = true,
                'v' => wanted.inverse = true,
                'i' => wanted.ignore_case = true,
                'n' => wanted.newest = true,
                'o' => wanted.oldest = true,
                'c' => wanted.count = true,
                'l' => wanted.names = true,
                'a' => wanted.lines = true,
                'e' if kills => wanted.echo = true,
                'd' if !kills => wanted.delimiter = words.next().cloned(),
                letter if "guGUPstF".contains(letter) => {
                    sys.eprint(format!("{tool}: -{letter}: not simulated in vethlab\n")).await;
                    return Err(Exit(2));
                }
                letter => {
                    let help = format!("\nUsage:\n {tool} [options] <pattern>\n");
                    sys.eprint(format!("{tool}: invalid option -- '{letter}'\n{help}")).await;
                    return Err(Exit(2));
                }
            }
        }
    }
    Ok(wanted)
}

async fn pidof(sys: Sys, args: Args) -> Exit {
    let names: Vec<&String> = args.rest().iter().filter(|word| !word.starts_with('-')).collect();
    let mut found: Vec<u32> = processes(&sys)
        .await
        .into_iter()
        .filter(|row| names.iter().any(|name| **name == row.name || row.arguments.first() == Some(name)))
        .map(|row| row.pid)
        .collect();
    found.reverse();
    if args.rest().iter().any(|word| word == "-s") {
        found.truncate(1);
    }
    if found.is_empty() {
        return Exit::FAILURE;
    }
    sys.print(found.iter().map(u32::to_string).collect::<Vec<_>>().join(" ") + "\n").await;
    Exit::OK
}

async fn killall(sys: Sys, args: Args) -> Exit {
    let (mut signal, mut quiet, mut names) = (Signal::Term, false, Vec::new());
    for word in args.rest() {
        match word.strip_prefix('-') {
            Some("q") => quiet = true,
            Some(letters) => match Signal::parse(letters) {
                Some(found) => signal = found,
                None => {
                    sys.eprint(format!("{letters}: unknown signal; killall -l lists signals.\n")).await;
                    return Exit::FAILURE;
                }
            },
            None => names.push(word.clone()),
        }
    }
    let rows = processes(&sys).await;
    let mut exit = Exit::OK;
    for name in names {
        let found: Vec<u32> = rows.iter().filter(|row| row.name == name).map(|row| row.pid).collect();
        if found.is_empty() {
            exit = Exit::FAILURE;
            if !quiet {
                sys.eprint(format!("{name}: no process found\n")).await;
            }
        }
        for pid in found {
            sys.kill(pid.into(), Some(signal)).await.ok();
        }
    }
    exit
}

async fn kill(sys: Sys, args: Args) -> Exit {
    let (mut signal, mut pids) = (Some(Signal::Term), Vec::new());
    let mut words = args.rest().iter();
    while let Some(word) = words.next() {
        let name = match word.as_str() {
            "-l" | "-L" => {
                let names: Vec<&str> = Signal::ALL.iter().map(|signal| signal.name()).collect();
                sys.print(names.join(" ") + "\n").await;
                return Exit::OK;
            }
            "-s" | "--signal" => words.next().cloned().unwrap_or_default(),
            "--" => continue,
            option if option.starts_with('-') && pids.is_empty() => option[1..].to_owned(),
            pid => {
                pids.push(pid.to_owned());
                continue;
            }
        };
        signal = match (name.as_str(), Signal::parse(&name)) {
            ("0", _) => None,
            (_, Some(signal)) => Some(signal),
            _ => {
                sys.eprint(format!("kill: unknown signal {name}\n")).await;
                return Exit::FAILURE;
            }
        };
    }
    if pids.is_empty() {
        sys.eprint("\nUsage:\n kill [options] <pid> [...]\n").await;
        return Exit::FAILURE;
    }
    let mut exit = Exit::OK;
    for text in pids {
        let Ok(pid) = text.parse::<i64>() else {
            sys.eprint(format!("kill: failed to parse argument: '{text}'\n")).await;
            exit = Exit::FAILURE;
            continue;
        };
        if let Err(errno) = sys.kill(pid, signal).await {
            sys.eprint(format!("kill: sending signal to {pid} failed: {errno}\n")).await;
            exit = Exit::FAILURE;
        }
    }
    exit
}
