//! `reach`: does traffic from here get there, and how does it end? Asked with ping, curl and nc.
//!
//! Always: the outcome is read from what the tool printed and its exit code, as a learner would read it.

use super::{Ran, quoted, text};
use crate::World;
use api::Fact;
use api::probe::Outcome;

pub(super) fn reach(world: &mut World, from: &str, to: &str, timeout_ms: u32) -> Result<Fact, String> {
    let to = match text::filled(world, to) {
        Ok(to) => to,
        Err(words) => {
            let (journeys, end) = (Vec::new(), None);
            return Ok(Fact::Reached { outcome: Outcome::NoName { words }, journeys, end });
        }
    };
    let to = to.as_str();
    let seconds = timeout_ms.div_ceil(1000).max(1);
    let started = world.now();
    let (ran, read): (Ran, fn(&Ran, u64) -> Outcome) = if let Some(address) = to.strip_prefix("ping:") {
        (world.run(from, &format!("ping -c 1 -W {seconds} {}", quoted(address)))?, ping)
    } else if to.starts_with("http://") {
        let written = "'\\n%{http_code} %{remote_ip}'";
        (world.run(from, &format!("curl -sS -m {seconds} -w {written} {}", quoted(to)))?, curl)
    } else if let Some((flags, rest)) = to
        .strip_prefix("tcp://")
        .map(|rest| ("-z", rest))
        .or(to.strip_prefix("udp://").map(|rest| ("-zu", rest)))
    {
        let (host, port) = rest.rsplit_once(':').ok_or_else(|| format!("`{to}`: expected HOST:PORT"))?;
        (world.run(from, &format!("nc {flags} -v -w {seconds} {} {}", quoted(host), quoted(port)))?, nc)
    } else {
        return Err(format!("`{to}`: expected ping:ADDRESS, http://…, tcp://HOST:PORT or udp://HOST:PORT"));
    };
    let outcome = read(&ran, (world.now() - started) / 1000);
    let (journeys, end) = world.journeys_of(&ran);
    let end = end.filter(|_| !matches!(outcome, Outcome::Answered { .. }));
    Ok(Fact::Reached { outcome, journeys, end })
}

/// What follows the last `: ` of a tool's complaint.
fn complaint(err: &str) -> String {
    err.trim().lines().last().unwrap_or_default().to_owned()
}

fn ping(ran: &Ran, after_us: u64) -> Outcome {
    if let Some(line) = ran.out.lines().find(|line| line.contains(" bytes from ")) {
        let from =
            line.split(" bytes from ").nth(1).and_then(|rest| rest.split(':').next()).unwrap_or_default();
        return Outcome::Answered { status: 0, body: String::new(), from: from.to_owned(), after_us };
    }
    if let Some(rest) = ran.out.lines().find_map(|line| line.strip_prefix("From ")) {
        let (by, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let what = rest.split_once(' ').map_or(rest, |(_, what)| what);
        return Outcome::Unreachable { what: what.to_owned(), by: by.to_owned() };
    }
    match ran.exit {
        2 if ran.err.contains("Name") || ran.err.contains("name") => {
            Outcome::NoName { words: complaint(&ran.err) }
        }
        2 => Outcome::Unreachable { what: complaint(&ran.err), by: String::new() },
        _ if ran.err.contains("local error") => {
            Outcome::Unreachable { what: complaint(&ran.err), by: String::new() }
        }
        _ => Outcome::TimedOut,
    }
}

fn curl(ran: &Ran, after_us: u64) -> Outcome {
    match ran.exit {
        0 => {
            let (body, last) = ran.out.rsplit_once('\n').unwrap_or(("", &ran.out));
            let (status, from) = last.split_once(' ').unwrap_or((last, ""));
            let status = status.parse().unwrap_or(0);
            Outcome::Answered { status, body: body.to_owned(), from: from.to_owned(), after_us }
        }
        6 => Outcome::NoName { words: complaint(&ran.err) },
        28 => Outcome::TimedOut,
        7 if ran.err.contains("Couldn't connect") && !ran.err.contains("unreachable") => {
            refused(ran, after_us)
        }
        _ => Outcome::Unreachable { what: complaint(&ran.err), by: String::new() },
    }
}

/// curl 7.88 says the same of a refusal and of an unreachable host; the time tells them apart no better, so its
/// words stand with the outcome only where they name another cause.
fn refused(ran: &Ran, after_us: u64) -> Outcome {
    match ["No route to host", "Network is unreachable"].iter().find(|words| ran.err.contains(**words)) {
        Some(words) => Outcome::Unreachable { what: (*words).to_owned(), by: String::new() },
        None => Outcome::Refused { after_us },
    }
}

fn nc(ran: &Ran, after_us: u64) -> Outcome {
    let err = ran.err.as_str();
    match ran.exit {
        0 => Outcome::Answered { status: 0, body: String::new(), from: String::new(), after_us },
        _ if err.contains("refused") => Outcome::Refused { after_us },
        _ if err.contains("timed out") => Outcome::TimedOut,
        _ if err.contains("getaddrinfo") => Outcome::NoName { words: complaint(err) },
        _ => Outcome::Unreachable { what: complaint(err), by: String::new() },
    }
}
