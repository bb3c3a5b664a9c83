//! `bridge fdb`: which address lives behind which port, and behind which VXLAN end.
//!
//! Differs from iproute2: no nexthop groups; ports by number only.

mod flush;
mod modify;

use super::{no_bridge, no_device, unknown_command};
use crate::cmd::ip::address::print::color;
use crate::cmd::iproute2::number::{atoi, integer, unsigned};
use crate::cmd::iproute2::run::{Run, Snapshot, refused};
use crate::cmd::iproute2::{Color, Stop, Words, lladdr, matches, prefix};
use net::Mac;
use net::rtnetlink::{FdbEntry, LinkInfo, Mode, NetlinkError, NetlinkResult, ntf, nud};
use net::{Errno, Network};

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/fdb.txt"))
}

pub async fn fdb(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return show(run, words).await };
    if matches(verb, "add") {
        modify::modify(run, words, Some(Mode::Add)).await
    } else if matches(verb, "append") {
        modify::modify(run, words, Some(Mode::Append)).await
    } else if matches(verb, "replace") {
        modify::modify(run, words, Some(Mode::Replace)).await
    } else if matches(verb, "delete") {
        modify::modify(run, words, None).await
    } else if matches(verb, "get") {
        get(run, words).await
    } else if matches(verb, "show") || matches(verb, "lst") || matches(verb, "list") {
        show(run, words).await
    } else if verb == "flush" {
        flush::flush(run, words).await
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(unknown_command("fdb", verb))
    }
}

/// A MAC as sscanf reads it: what follows the sixth byte does not matter.
fn mac(word: &str) -> Result<Mac, Stop> {
    let wrong = || Stop::fail(255, format!("Invalid mac address {word}\n"));
    let parts: Vec<&str> = word.splitn(6, ':').collect();
    let mut bytes = [0; 6];
    if parts.len() != 6 {
        return Err(wrong());
    }
    for (place, (byte, part)) in bytes.iter_mut().zip(&parts).enumerate() {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let whole = place == 5 || digits == part.len();
        let value = Some(&part[..digits]).filter(|_| whole).and_then(|it| u64::from_str_radix(it, 16).ok());
        *byte = value.ok_or_else(wrong)? as u8;
    }
    Ok(Mac(bytes))
}

/// What `show` looks for.
#[derive(Debug, Default)]
struct Filter {
    index: Option<u32>,
    bridge: Option<u32>,
    vlan: u16,
    states: u16,
    dynamic: bool,
}

/// `permanent`, `stale`, `0x40`.
fn state(word: &str) -> Option<u16> {
    Some(match word {
        _ if matches(word, "permanent") => nud::PERMANENT,
        _ if matches(word, "static") || matches(word, "temp") => nud::NOARP,
        _ if matches(word, "stale") => nud::STALE,
        _ if matches(word, "reachable") || matches(word, "dynamic") => nud::REACHABLE,
        "all" => u16::MAX,
        _ => unsigned::<u32>(word)? as u16,
    })
}

impl Filter {
    fn keeps(&self, entry: &FdbEntry, snapshot: &Snapshot) -> bool {
        let of_bridge = |bridge| {
            let link = snapshot.link(entry.index);
            link.is_some_and(|link| {
                let is_it = link.index == bridge && matches!(link.kind, LinkInfo::Bridge(_));
                is_it || (link.master == Some(bridge) && link.port.is_some())
            })
        };
        self.index.is_none_or(|index| index == entry.index)
            && self.bridge.is_none_or(of_bridge)
            && (self.states == 0 || entry.state & self.states != 0)
            && (self.vlan == 0 || entry.vlan == Some(self.vlan))
            && !(self.dynamic && entry.state & nud::PERMANENT != 0)
    }
}

async fn show(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut filter = Filter::default();
    let (mut device, mut bridge) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "brport" | "dev" => device = Some(words.value()?),
            "br" => bridge = Some(words.value()?),
            "vlan" => {
                let value = words.value()?;
                if filter.vlan != 0 {
                    return Err(Stop::second("vlan", value));
                }
                filter.vlan = atoi(value) as u16;
            }
            "state" => {
                let value = words.value()?;
                filter.states |= state(value).ok_or_else(|| Stop::wrong("invalid state", value))?;
            }
            "dynamic" => filter.dynamic = true,
            _ if matches(word, "help") => return Err(usage()),
            _ => {}
        }
    }
    let snapshot = run.snapshot().await;
    filter.bridge = bridge.map(|name| snapshot.index(name).ok_or_else(|| no_bridge(name))).transpose()?;
    filter.index = device.map(|name| snapshot.index(name).ok_or_else(|| no_device(name))).transpose()?;
    let entries = run.kernel(|net, ns| net.fdb(ns)).await;
    run.out.begin();
    for entry in entries.iter().filter(|entry| filter.keeps(entry, &snapshot)) {
        row(run, &snapshot, entry, filter.index.is_some(), false);
    }
    run.out.end();
    Ok(())
}

/// One entry, its line ended.
pub fn row(run: &mut Run, snapshot: &Snapshot, entry: &FdbEntry, device_asked: bool, deleted: bool) {
    let stats = run.options.stats > 0;
    let out = &mut run.out;
    out.open_object(None);
    if deleted {
        out.field("deleted", true, "Deleted ");
    }
    let mac = lladdr::text(&entry.mac.0);
    out.field_in(Some(Color::Mac), "mac", &mac, format_args!("{mac} "));
    if !device_asked && entry.index != 0 {
        let name = snapshot.name(entry.index);
        out.text("dev ");
        out.field_in(Some(Color::Ifname), "ifname", &name, format_args!("{name} "));
    }
    if let Some(dst) = entry.dst {
        let text = prefix::text(dst);
        out.text("dst ");
        out.field_in(color(dst), "dst", &text, format_args!("{text} "));
    }
    if let Some(vlan) = entry.vlan.filter(|vlan| *vlan != 0) {
        out.field("vlan", vlan, format_args!("vlan {vlan} "));
    }
    if let Some(port) = entry.port {
        out.field("port", port, format_args!("port {port} "));
    }
    if let Some(vni) = entry.vni {
        out.field("vni", vni, format_args!("vni {vni} "));
    }
    if let Some(via) = entry.via {
        let name = snapshot.name(via);
        out.field("viaIf", &name, format_args!("via {name} "));
    }
    // The list of a device's own addresses keeps no times.
    if stats && (entry.master.is_some() || entry.dst.is_some()) {
        out.json("used", entry.used);
        out.json("updated", entry.updated);
        out.text(format_args!("used {}/{} ", entry.used, entry.updated));
    }
    out.open_array("flags");
    for (bit, name) in [
        (ntf::SELF, "self"),
        (ntf::ROUTER, "router"),
        (ntf::EXT_LEARNED, "extern_learn"),
        (ntf::OFFLOADED, "offload"),
        (ntf::MASTER, "master"),
        (ntf::STICKY, "sticky"),
    ] {
        if entry.flags & bit != 0 {
            out.item(name, format_args!("{name} "));
        }
    }
    out.close_array();
    if let Some(master) = entry.master {
        let name = snapshot.name(master);
        out.field("master", &name, format_args!("master {name} "));
    }
    let state = state_text(entry.state, out.is_json());
    out.field("state", &state, format_args!("{state}\n"));
    out.close_object();
}

fn state_text(state: u16, json: bool) -> String {
    let known =
        [(nud::PERMANENT, "permanent"), (nud::NOARP, "static"), (nud::STALE, "stale"), (nud::REACHABLE, "")];
    match known.iter().find(|(bit, _)| state & bit != 0) {
        Some((_, name)) => (*name).to_owned(),
        None if json => format!("{state:#x}"),
        None => format!("state={state:#x}"),
    }
}

/// What `get` asks for.
#[derive(Debug, Default)]
struct Question<'a> {
    address: Option<&'a str>,
    device: Option<&'a str>,
    bridge: Option<&'a str>,
    vlan: Option<u16>,
    flags: u8,
}

impl<'a> Question<'a> {
    fn word(&mut self, word: &'a str, words: &mut Words<'a>) -> Result<(), Stop> {
        match word {
            "brport" | "dev" => self.device = Some(words.value()?),
            "br" => self.bridge = Some(words.value()?),
            "vni" => {
                let value = words.value()?;
                let vni = integer(value).filter(|vni| (0..1 << 24).contains(vni));
                vni.ok_or_else(|| Stop::wrong("invalid VNI\n", value))?;
            }
            "self" => self.flags |= ntf::SELF,
            _ if matches(word, "master") => self.flags |= ntf::MASTER,
            _ if matches(word, "vlan") => {
                if self.vlan.is_some() {
                    return Err(Stop::garbage("vlan", word));
                }
                self.vlan = u16::try_from(atoi(words.value()?) as i16).ok();
            }
            _ if matches(word, "dynamic") => {}
            _ => {
                let value = if word == "to" { words.value()? } else { word };
                if matches(value, "help") {
                    return Err(usage());
                }
                if self.address.is_some() {
                    return Err(Stop::garbage("to", value));
                }
                self.address = Some(value);
            }
        }
        Ok(())
    }
}

async fn get(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut question = Question::default();
    while let Some(word) = words.next() {
        question.word(word, &mut words)?;
    }
    let given = question.device.is_some() || question.bridge.is_some();
    let Some(address) = question.address.filter(|_| given) else {
        return Err(Stop::fail(255, "Device or master and address are required arguments.\n"));
    };
    let mac = mac(address)?;
    let snapshot = run.snapshot().await;
    let device = question.device.map(|name| snapshot.index(name).ok_or_else(|| no_device(name)));
    let device = device.transpose()?;
    let bridge = question.bridge.map(|name| snapshot.index(name).ok_or_else(|| no_bridge(name)));
    let bridge = bridge.transpose()?;
    let Question { vlan, flags, .. } = question;
    let found = run
        .kernel(move |net, ns| {
            let index = table_of(net, ns, device, bridge, flags)?;
            net.fdb_get(ns, index, mac, vlan)
        })
        .await;
    let entry = found.map_err(|error| refused(&error, 254))?;
    run.out.begin();
    row(run, &snapshot, &entry, false, false);
    run.out.end();
    Ok(())
}

/// The device whose table is to be asked.
fn table_of(
    net: &mut Network,
    ns: api::NetnsId,
    device: Option<u32>,
    bridge: Option<u32>,
    flags: u8,
) -> NetlinkResult<u32> {
    let index = match (device, bridge) {
        (Some(_), Some(_)) => {
            return Err(NetlinkError::new(Errno::EINVAL, "Master and device are mutually exclusive"));
        }
        (Some(port), None) if flags == 0 || flags & ntf::MASTER != 0 => {
            let link = net.link_by_index(ns, port)?;
            let master = link.master.filter(|_| link.port.is_some());
            master.ok_or_else(|| NetlinkError::new(Errno::EINVAL, "Device is not a bridge port"))?
        }
        (Some(index), None) | (None, Some(index)) => index,
        (None, None) => return Err(Errno::EINVAL.into()),
    };
    match net.link_by_index(ns, index)?.kind {
        LinkInfo::Bridge(_) | LinkInfo::Vxlan(_) => Ok(index),
        _ => Err(NetlinkError::new(Errno::EOPNOTSUPP, "Fdb get operation not supported by device")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_read_as_sscanf_reads_it() {
        let text = |word| mac(word).map(|mac| lladdr::text(&mac.0)).ok();
        assert_eq!(text("2:0:0:0:0:a").as_deref(), Some("02:00:00:00:00:0a"));
        assert_eq!(text("02:00:00:00:00:01xyz").as_deref(), Some("02:00:00:00:00:01"));
        assert_eq!(text("102:00:00:00:00:01").as_deref(), Some("02:00:00:00:00:01"));
        for bad in ["xx", "02:00:00:00:00", "02:00:00:00:00:", "02:0x:00:00:00:01", "é2:00:00:00:00:01"] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_state_is_one_word_and_the_strongest_counts() {
        assert_eq!(state_text(nud::PERMANENT | nud::NOARP, false), "permanent");
        assert_eq!(state_text(nud::REACHABLE, false), "");
        assert_eq!(state_text(0, false), "state=0x0");
        assert_eq!(state_text(0x100, true), "0x100");
        assert_eq!(state("dyn"), Some(nud::REACHABLE));
        assert_eq!(state("0x40"), Some(nud::NOARP));
        assert_eq!(state("sleeping"), None);
    }
}
