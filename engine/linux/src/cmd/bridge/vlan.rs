//! `bridge vlan`: VLANs of ports, on a kernel whose bridges do not filter them: there are none.
//!
//! Differs from iproute2: options of single VLANs (`set`, `global set`) are refused without a look at their words.

use super::{no_bridge, no_device, unknown_command};
use crate::cmd::iproute2::number::atoi;
use crate::cmd::iproute2::run::{Run, refusal};
use crate::cmd::iproute2::{Stop, Words, matches};
use net::Errno;

/// VLAN ids end here.
const VLANS: i32 = 4096;

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/vlan.txt"))
}

pub async fn vlan(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return show(run, words, Table::Vlans).await };
    if matches(verb, "add") {
        modify(run, words, true).await
    } else if matches(verb, "delete") {
        modify(run, words, false).await
    } else if matches(verb, "show") || matches(verb, "lst") || matches(verb, "list") {
        show(run, words, Table::Vlans).await
    } else if matches(verb, "tunnelshow") {
        show(run, words, Table::Tunnels).await
    } else if matches(verb, "set") {
        set(words)
    } else if verb == "global" {
        match words.next() {
            None => show(run, words, Table::Global).await,
            Some("show" | "lst" | "list") => show(run, words, Table::Global).await,
            Some("set") => set(words),
            Some(_) => Err(usage()),
        }
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(unknown_command("vlan", verb))
    }
}

fn unsupported() -> String {
    refusal(&Errno::EOPNOTSUPP.into())
}

fn set(words: Words<'_>) -> Result<(), Stop> {
    if words.is_empty() {
        return Err(Stop::fail(255, "Device and VLAN ID are required arguments.\n"));
    }
    Err(Stop::fail(255, unsupported()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Vlans,
    Tunnels,
    Global,
}

async fn show(run: &mut Run, mut words: Words<'_>, table: Table) -> Result<(), Stop> {
    let (mut device, mut vid) = (None, None);
    while let Some(word) = words.next() {
        let slot = match word {
            "dev" => &mut device,
            "vid" => &mut vid,
            _ => continue,
        };
        let value = words.value()?;
        if slot.replace(value).is_some() {
            return Err(Stop::second(word, value));
        }
    }
    let snapshot = run.snapshot().await;
    if let Some(name) = device {
        snapshot.index(name).ok_or_else(|| no_device(name))?;
    }
    let options = (run.options.details, run.options.stats > 0);
    run.out.begin();
    let heading = match table {
        _ if run.out.is_json() => String::new(),
        Table::Tunnels => format!("{:<16}  {:<9}  tunnel-id\n", "port", "vlan-id"),
        Table::Vlans if options == (false, true) => format!("{:<16}  vlan-id\n", "port"),
        _ => format!("{:<16}  {:<9}\n", "port", "vlan-id"),
    };
    run.out.text(heading);
    // The newer dump, which this kernel does not know.
    if table == Table::Global || (table == Table::Vlans && run.options.details) {
        run.flush().await;
        return Err(Stop::exit(1, format!("{}Dump terminated\n", unsupported())));
    }
    run.out.end();
    Ok(())
}

async fn modify(run: &mut Run, mut words: Words<'_>, adds: bool) -> Result<(), Stop> {
    let (mut device, mut vid, mut end, mut pvid) = (None, None, None, false);
    while let Some(word) = words.next() {
        match word {
            "dev" => device = Some(words.value()?),
            "vid" => {
                let value = words.value()?;
                let (first, last) = value.split_once('-').map_or((value, None), |(a, b)| (a, Some(b)));
                vid = Some(atoi(first) as i16);
                end = last.map(|last| atoi(last) as i16);
            }
            "pvid" => pvid = true,
            _ => {}
        }
    }
    let (Some(device), Some(vid)) = (device, vid.filter(|vid| *vid != -1)) else {
        return Err(Stop::fail(255, "Device and VLAN ID are required arguments.\n"));
    };
    let snapshot = run.snapshot().await;
    snapshot.index(device).ok_or_else(|| no_bridge(device))?;
    if i32::from(vid) >= VLANS {
        return Err(Stop::fail(255, format!("Invalid VLAN ID \"{vid}\"\n")));
    }
    if let Some(end) = end {
        if end == -1 || i32::from(end) >= VLANS || vid >= end {
            return Err(Stop::fail(255, format!("Invalid VLAN range \"{vid}-{end}\"\n")));
        }
        if pvid {
            return Err(Stop::fail(255, "pvid cannot be configured for a vlan range\n"));
        }
    }
    // Without filtering there is nothing to take away, which the kernel does not mind.
    if adds { Err(Stop::fail(255, unsupported())) } else { Ok(()) }
}
