//! `bridge monitor`: changes of ports and forwarding entries as they come.
//!
//! Differs from iproute2: one line for each change, where the kernel tells some twice.

use super::{fdb, link};
use crate::cmd::iproute2::listen::listen;
use crate::cmd::iproute2::run::{Run, Snapshot};
use crate::cmd::iproute2::{Stop, Words, matches};
use net::rtnetlink::Change;

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/monitor.txt"))
}

/// Nothing named is everything.
#[derive(Debug, Default)]
struct Wanted {
    link: bool,
    fdb: bool,
    other: bool,
    banner: bool,
}

impl Wanted {
    fn all(&self) -> bool {
        self.banner || !(self.link || self.fdb || self.other)
    }
}

pub async fn monitor(run: &mut Run, words: Words<'_>) -> Result<(), Stop> {
    let mut wanted = Wanted::default();
    for word in words {
        match word {
            _ if matches(word, "file") => {
                return Err(Stop::not_simulated("bridge", "monitor file", "bridge monitor"));
            }
            _ if matches(word, "link") => wanted.link = true,
            _ if matches(word, "fdb") => wanted.fdb = true,
            _ if matches(word, "mdb") || matches(word, "vlan") || word == "vni" => wanted.other = true,
            "all" => wanted.banner = true,
            _ if matches(word, "help") => return Err(usage()),
            _ => {
                let text = format!("Argument \"{word}\" is unknown, try \"bridge monitor help\".\n");
                return Err(Stop::exit(255, text));
            }
        }
    }
    let end = listen(run, |run, snapshot, change, stamp| tell(run, &wanted, snapshot, change, stamp)).await;
    Err(Stop::exit(128 + end as u8, ""))
}

fn tell(run: &mut Run, wanted: &Wanted, snapshot: &Snapshot, change: &Change, stamp: &str) {
    let banner = |label| if wanted.banner { label } else { "" };
    match change {
        Change::NewLink(one) | Change::DelLink(one) if wanted.link || wanted.all() => {
            let deleted = if matches!(change, Change::DelLink(_)) { "Deleted " } else { "" };
            run.out.text(format_args!("{stamp}{}{deleted}", banner("[LINK]")));
            link::row(run, snapshot, one);
        }
        Change::NewFdb(entry) | Change::DelFdb(entry) if wanted.fdb || wanted.all() => {
            run.out.text(format_args!("{stamp}{}", banner("[NEIGH]")));
            fdb::row(run, snapshot, entry, false, matches!(change, Change::DelFdb(_)));
        }
        _ => {}
    }
}
