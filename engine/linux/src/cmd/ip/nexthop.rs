//! `ip nexthop`: nexthop objects, of which this world has none; routes name their nexthops themselves.

use crate::cmd::iproute2::run::{Run, refused};
use crate::cmd::iproute2::{Stop, Words, matches};
use net::Errno;

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/nexthop.txt"))
}

pub async fn nexthop(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list(run, words) };
    if matches(verb, "list") || matches(verb, "show") || matches(verb, "lst") {
        return list(run, words);
    }
    if matches(verb, "help") {
        return Err(usage());
    }
    let known = ["add", "replace", "delete", "get", "flush", "bucket"];
    match known.into_iter().find(|full| matches(verb, full)) {
        Some(full) => Err(Stop::not_simulated("ip", &format!("nexthop {full}"), "ip route add … nexthop")),
        None => Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip nexthop help\".\n"))),
    }
}

fn list(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    match words.next() {
        Some("id") => {
            words.value()?;
            Err(refused(&Errno::ENOENT.into(), 2))
        }
        Some(word) if matches(word, "help") => Err(usage()),
        _ => {
            run.out.begin();
            run.out.end();
            Ok(())
        }
    }
}
