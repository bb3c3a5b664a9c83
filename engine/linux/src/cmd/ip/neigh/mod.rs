//! `ip neigh`: the neighbours of a namespace, and the addresses it answers for.
//!
//! Differs from iproute2: no managed entries, no vrf.

mod modify;
pub mod print;

use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Run, Snapshot, refused};
use crate::cmd::iproute2::{Family, Names, Prefix, Stop, Words, matches, number};
use net::Errno;
use net::rtnetlink::{Family as Kernel, Mode, Neighbour, NeighbourRequest, NetlinkError, ntf, nud};
use print::Row;

/// Rounds of a flush before it gives up.
const MOST_ROUNDS: u32 = 10;

fn usage() -> Stop {
    Stop::exit(255, include_str!("../usage/neigh.txt"))
}

pub async fn neigh(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return show(run, words).await };
    if matches(verb, "add") {
        modify::modify(run, words, Some(Mode::Add)).await
    } else if matches(verb, "change") || verb == "chg" {
        modify::modify(run, words, Some(Mode::Change)).await
    } else if matches(verb, "replace") {
        modify::modify(run, words, Some(Mode::Replace)).await
    } else if matches(verb, "delete") {
        modify::modify(run, words, None).await
    } else if matches(verb, "get") {
        get(run, words).await
    } else if matches(verb, "show") || matches(verb, "lst") || matches(verb, "list") {
        show(run, words).await
    } else if matches(verb, "flush") {
        flush(run, words).await
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip neigh help\".\n")))
    }
}

/// `reachable`, `perm`, `0x40`.
fn state(word: &str) -> Option<u16> {
    let exact = ["noarp", "none", "stale", "incomplete", "delay", "probe"];
    Some(match word {
        _ if matches(word, "permanent") => nud::PERMANENT,
        _ if matches(word, "reachable") => nud::REACHABLE,
        _ if exact.contains(&word) => match word {
            "noarp" => nud::NOARP,
            "stale" => nud::STALE,
            "incomplete" => nud::INCOMPLETE,
            "delay" => nud::DELAY,
            "probe" => nud::PROBE,
            _ => nud::NONE,
        },
        _ if matches(word, "failed") => nud::FAILED,
        _ => number::unsigned::<u16>(word).filter(|bits| *bits < 0x100 && bits.count_ones() <= 1)?,
    })
}

/// What `show` and `flush` look for.
#[derive(Clone, Debug)]
struct Filter {
    family: Family,
    index: Option<u32>,
    states: u16,
    /// `nud none`
    none: bool,
    unused: bool,
    prefix: Option<Prefix>,
    master: Option<Option<u32>>,
    protocol: u8,
    proxy: bool,
}

impl Filter {
    fn read(
        words: &mut Words<'_>,
        family: Family,
        snapshot: &Snapshot,
        names: &Names,
        flush: bool,
    ) -> Result<Filter, Stop> {
        let mut filter = Filter {
            family,
            index: None,
            states: if flush { !(nud::PERMANENT | nud::NOARP) } else { 0xff & !nud::NOARP },
            none: flush,
            unused: false,
            prefix: None,
            master: None,
            protocol: 0,
            proxy: false,
        };
        let mut device = None;
        let mut given = false;
        while let Some(word) = words.next() {
            match word {
                "dev" => {
                    let value = words.value()?;
                    if device.is_some() {
                        return Err(Stop::second("dev", value));
                    }
                    device = Some(value);
                }
                "master" => {
                    let value = words.value()?;
                    let index = snapshot.index(value);
                    filter.master =
                        Some(Some(index.ok_or_else(|| Stop::wrong("Device does not exist\n", value))?));
                }
                "vrf" => return Err(Stop::wrong("Not a valid VRF name\n", words.value()?)),
                "nomaster" => filter.master = Some(None),
                "unused" => filter.unused = true,
                "nud" => {
                    filter.take_state(words.value()?, flush, !given)?;
                    given = true;
                }
                "proxy" => filter.proxy = true,
                _ if matches(word, "protocol") => {
                    let value = words.value()?;
                    let number = names.number(List::Protocol, value).and_then(|it| u8::try_from(it).ok());
                    if number.is_none() && value != "all" {
                        return Err(Stop::wrong("invalid \"protocol\"\n", value));
                    }
                    filter.protocol = number.unwrap_or(0);
                }
                _ => {
                    let value = if word == "to" { words.value()? } else { word };
                    if matches(value, "help") {
                        return Err(usage());
                    }
                    let prefix = Prefix::parse(value, filter.family)?;
                    if filter.family == Family::Unspec {
                        filter.family = prefix.family;
                    }
                    filter.prefix = Some(prefix);
                }
            }
        }
        filter.index = device.map(|name| snapshot.device(name)).transpose()?;
        Ok(filter)
    }

    fn take_state(&mut self, word: &str, flush: bool, first: bool) -> Result<(), Stop> {
        if first {
            (self.states, self.none) = (0, false);
        }
        match state(word) {
            Some(nud::NONE) => self.none = true,
            Some(bits) => self.states |= bits,
            None if word == "all" => {
                self.states |= if flush { !nud::NOARP } else { u16::MAX };
                self.none = true;
            }
            None => return Err(Stop::wrong("nud state is bad", word)),
        }
        Ok(())
    }

    fn fits(&self, entry: &Neighbour, snapshot: &Snapshot) -> bool {
        let master = || snapshot.link(entry.index).and_then(|link| link.master);
        let stated = entry.state & self.states != 0
            || entry.flags & (ntf::PROXY | ntf::EXT_LEARNED) != 0
            || (entry.state == nud::NONE && self.none);
        (self.family == Family::Unspec || Family::of(entry.destination) == self.family)
            && self.index.is_none_or(|index| entry.index == index)
            && stated
            && self.master.is_none_or(|wanted| master() == wanted)
            && self.prefix.is_none_or(|prefix| prefix.length == 0 || prefix.covers(entry.destination))
            && (self.protocol == 0 || entry.protocol == self.protocol)
            && !(self.unused && entry.references != 0)
    }
}

fn dump(net: &net::Network, ns: api::NetnsId, family: Family, proxy: bool) -> Vec<Neighbour> {
    let of = |family| net.neighbours(ns, family, proxy);
    match family {
        Family::Inet => of(Kernel::Inet),
        Family::Inet6 => of(Kernel::Inet6),
        Family::Unspec => [of(Kernel::Inet), of(Kernel::Inet6)].concat(),
        _ => Vec::new(),
    }
}

async fn show(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let filter = Filter::read(&mut words, run.options.family, &snapshot, &run.names, false)?;
    let (family, proxy) = (filter.family, filter.proxy);
    let mut entries = run.kernel(move |net, ns| dump(net, ns, family, proxy)).await;
    entries.retain(|entry| filter.fits(entry, &snapshot));
    let options = run.options.clone();
    let row = Row {
        options: &options,
        names: &run.names,
        snapshot: &snapshot,
        device_asked: filter.index.is_some(),
        deleted: false,
    };
    run.out.begin();
    entries.iter().for_each(|entry| row.neighbour(&mut run.out, entry));
    run.out.end();
    Ok(())
}

async fn flush(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    if words.is_empty() {
        return Err(Stop::fail(1, "Flush requires arguments.\n"));
    }
    let snapshot = run.snapshot().await;
    let mut filter = Filter::read(&mut words, run.options.family, &snapshot, &run.names, true)?;
    let options = run.options.clone();
    for round in 0..MOST_ROUNDS {
        let (family, proxy) = (filter.family, filter.proxy);
        let mut entries = run.kernel(move |net, ns| dump(net, ns, family, proxy)).await;
        entries.retain(|entry| filter.fits(entry, &snapshot));
        if entries.is_empty() {
            run.tell_flushed(round);
            return Ok(());
        }
        if options.stats > 1 {
            let row = Row {
                options: &options,
                names: &run.names,
                snapshot: &snapshot,
                device_asked: filter.index.is_some(),
                deleted: false,
            };
            entries.iter().for_each(|entry| row.neighbour(&mut run.out, entry));
        }
        let count = entries.len();
        let done = run
            .change(move |net, ns| {
                entries.iter().try_for_each(|entry| net.neighbour_delete(ns, &exactly(entry)))
            })
            .await;
        done.map_err(|error| Stop::exit(1, format!("Failed to send flush request: {}\n", error.errno)))?;
        if options.stats > 0 {
            run.out.text(format_args!("\n*** Round {}, deleting {count} entries ***\n", round + 1));
        }
        filter.states &= !nud::FAILED;
    }
    run.out.text(format_args!("*** Flush not complete bailing out after {MOST_ROUNDS} rounds\n"));
    Err(Stop::fail(255, ""))
}

fn exactly(entry: &Neighbour) -> NeighbourRequest {
    NeighbourRequest {
        index: entry.index,
        destination: entry.destination,
        mac: entry.mac,
        state: entry.state,
        flags: entry.flags,
        protocol: entry.protocol,
        mode: Mode::default(),
    }
}

async fn get(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let family = run.options.family;
    let (mut device, mut destination, mut proxy) = (None, None, false);
    while let Some(word) = words.next() {
        if word == "dev" {
            device = Some(words.value()?);
            continue;
        }
        let as_proxy = matches(word, "proxy");
        let value = if as_proxy || word == "to" { words.value()? } else { word };
        if matches(value, "help") {
            return Err(usage());
        }
        if destination.is_some() {
            return Err(if as_proxy { Stop::second("address", value) } else { Stop::garbage("to", value) });
        }
        destination = Some(Prefix::address(value, family)?);
        proxy |= as_proxy;
    }
    let Some(destination) = destination.and_then(|it| it.address).filter(|_| device.is_some() || proxy)
    else {
        return Err(Stop::fail(1, "Device and address are required arguments.\n"));
    };
    let snapshot = run.snapshot().await;
    let index = device.map(|name| snapshot.device(name)).transpose()?;
    let entries = run.kernel(move |net, ns| dump(net, ns, Family::of(destination), proxy)).await;
    let found = entries
        .iter()
        .find(|entry| entry.destination == destination && index.is_none_or(|index| entry.index == index));
    let Some(entry) = found else {
        let what = if proxy { "Proxy neighbour entry not found" } else { "Neighbour entry not found" };
        return Err(refused(&NetlinkError::new(Errno::ENOENT, what), 2));
    };
    let options = run.options.clone();
    let row = Row {
        options: &options,
        names: &run.names,
        snapshot: &snapshot,
        device_asked: false,
        deleted: false,
    };
    row.neighbour(&mut run.out, entry);
    Ok(())
}
