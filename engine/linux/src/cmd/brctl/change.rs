//! What `brctl` changes.

use super::{Told, bridge, cut};
use crate::cmd::iproute2::number::{scan, scan_decimal};
use api::NetnsId;
use net::rtnetlink::{BridgeRequest, LinkInfo, LinkKind, LinkRequest, PortRequest};
use net::{Errno, Network};

pub fn add_bridge(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let name = &words[0];
    if name.is_empty() {
        return Told::error(format!("add bridge failed: {}", Errno::EINVAL));
    }
    let kind = Some(LinkKind::Bridge(BridgeRequest::default()));
    let request = LinkRequest { name: Some(cut(name).to_owned()), kind, ..LinkRequest::default() };
    Told::done(net.link_add(ns, &request).map(drop).map_err(|error| match error.errno {
        Errno::EEXIST => format!("device {name} already exists; can't create bridge with the same name"),
        errno => format!("add bridge failed: {errno}"),
    }))
}

pub fn delete_bridge(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let name = &words[0];
    let deleted = match net.link_by_name(ns, cut(name)) {
        Err(_) => Err(Errno::ENXIO),
        Ok(link) if !matches!(link.kind, LinkInfo::Bridge(_)) => Err(Errno::EPERM),
        Ok(link) if link.is_up() => Err(Errno::EBUSY),
        Ok(link) => net.link_delete(ns, link.index).map_err(|error| error.errno),
    };
    Told::done(deleted.map_err(|errno| match errno {
        Errno::ENXIO => format!("bridge {name} doesn't exist; can't delete it"),
        Errno::EBUSY => format!("bridge {name} is still up; can't delete it"),
        errno => format!("can't delete bridge {name}: {errno}"),
    }))
}

/// What the ioctl would say of a port that is to join (`Some`) or leave (`None`).
fn enslave(net: &mut Network, ns: NetnsId, bridge_name: &str, port: &str, joins: bool) -> Result<(), Errno> {
    let port = net.link_by_name(ns, port).map_err(|_| Errno::ENODEV)?;
    let bridge = bridge(net, ns, bridge_name)?;
    if joins && port.master.is_some() {
        return Err(Errno::EBUSY);
    }
    if !joins && port.master != Some(bridge.index) {
        return Err(Errno::EINVAL);
    }
    let master = Some(if joins { bridge.index } else { 0 });
    let request = LinkRequest { index: Some(port.index), master, ..LinkRequest::default() };
    net.link_set(ns, &request).map_err(|error| error.errno)
}

/// Neither the device nor the bridge need be there.
fn missing(net: &Network, ns: NetnsId, bridge: &str, port: &str) -> String {
    match net.device_index(ns, port) {
        None => format!("interface {port} does not exist!"),
        Some(_) => format!("bridge {bridge} does not exist!"),
    }
}

pub fn add_ports(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let bridge = &words[0];
    Told::done(words[1..].iter().try_for_each(|port| {
        enslave(net, ns, bridge, port, true).map_err(|errno| match errno {
            Errno::ENODEV => missing(net, ns, bridge, port),
            Errno::EBUSY => {
                format!("device {port} is already a member of a bridge; can't add it to bridge {bridge}.")
            }
            Errno::ELOOP => format!(
                "device {port} is a bridge device itself; can't add a bridge device to a bridge device."
            ),
            errno => format!("can't add {port} to bridge {bridge}: {errno}"),
        })
    }))
}

pub fn delete_ports(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let bridge = &words[0];
    Told::done(words[1..].iter().try_for_each(|port| {
        enslave(net, ns, bridge, port, false).map_err(|errno| match errno {
            Errno::ENODEV => missing(net, ns, bridge, port),
            Errno::EINVAL => format!("device {port} is not a port of {bridge}"),
            errno => format!("can't delete {port} from {bridge}: {errno}"),
        })
    }))
}

fn set_bridge(net: &mut Network, ns: NetnsId, name: &str, change: BridgeRequest) -> Result<(), Errno> {
    let bridge = bridge(net, ns, name)?;
    let kind = Some(LinkKind::Bridge(change));
    let request = LinkRequest { index: Some(bridge.index), kind, ..LinkRequest::default() };
    net.link_set(ns, &request).map_err(|error| error.errno)
}

/// By its name alone: which bridge is named matters only for a device that is no port.
fn set_port(net: &mut Network, ns: NetnsId, words: &[String], change: PortRequest) -> Result<(), Errno> {
    let link = net.link_by_name(ns, &words[1]).map_err(|_| Errno::ENODEV)?;
    if link.port.is_none() {
        bridge(net, ns, &words[0])?;
        return Err(Errno::ENOENT);
    }
    let request = LinkRequest { index: Some(link.index), port: Some(change), ..LinkRequest::default() };
    net.link_set(ns, &request).map_err(|error| error.errno)
}

fn on_off(word: &str) -> Result<bool, String> {
    match word {
        "on" | "yes" | "1" => Ok(true),
        "off" | "no" | "0" => Ok(false),
        _ => Err("expect on/off for argument".to_owned()),
    }
}

/// Seconds as hundredths of a second.
fn hundredths(word: &str, bad: &str) -> Result<Option<u32>, String> {
    let seconds = scan_decimal(word).ok_or_else(|| bad.to_owned())?;
    // A negative time is, to the kernel, a very long one.
    let micros = (seconds.trunc() as i64).saturating_mul(1_000_000) + (seconds.fract() * 1e6) as i64;
    Ok(Some(u32::try_from(micros as u64 / 10_000).unwrap_or(u32::MAX)))
}

fn failed(what: &str) -> impl Fn(Errno) -> String {
    move |errno| format!("{what} failed: {errno}")
}

pub fn hairpin(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let (bridge, port) = (&words[0], &words[1]);
    let hairpin = match on_off(&words[2]) {
        Ok(on) => Some(on),
        Err(text) => return Told::error(text),
    };
    if net.device_index(ns, port).is_none() || net.device_index(ns, bridge).is_none() {
        return Told::error(missing(net, ns, bridge, port));
    }
    let done = set_port(net, ns, words, PortRequest { hairpin, ..PortRequest::default() });
    Told::done(done.map_err(|errno| format!("can't set {port} to hairpin on bridge {bridge}: {errno}")))
}

pub fn stp(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    Told::done(on_off(&words[1]).and_then(|on| {
        let change = BridgeRequest { stp_state: Some(u32::from(on)), ..BridgeRequest::default() };
        set_bridge(net, ns, &words[0], change).map_err(failed("set stp status"))
    }))
}

pub fn ageing(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    Told::done(hundredths(&words[1], "bad ageing time value").and_then(|ageing_time| {
        let change = BridgeRequest { ageing_time, ..BridgeRequest::default() };
        set_bridge(net, ns, &words[0], change).map_err(failed("set ageing time"))
    }))
}

pub fn forward_delay(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    Told::done(hundredths(&words[1], "bad forward delay value").and_then(|forward_delay| {
        let change = BridgeRequest { forward_delay, ..BridgeRequest::default() };
        set_bridge(net, ns, &words[0], change).map_err(failed("set forward delay"))
    }))
}

pub fn hello(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    Told::done(hundredths(&words[1], "bad hello timer value").and_then(|hello_time| {
        let change = BridgeRequest { hello_time, ..BridgeRequest::default() };
        set_bridge(net, ns, &words[0], change).map_err(failed("set hello timer"))
    }))
}

pub fn max_age(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    Told::done(hundredths(&words[1], "bad max age value").and_then(|max_age| {
        let change = BridgeRequest { max_age, ..BridgeRequest::default() };
        set_bridge(net, ns, &words[0], change).map_err(failed("set max age"))
    }))
}

pub fn bridge_priority(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let Some(priority) = scan(&words[1]) else { return Told::error("bad priority".to_owned()) };
    // Its lowest sixteen bits count.
    let change = BridgeRequest { priority: Some(priority as u16), ..BridgeRequest::default() };
    Told::done(set_bridge(net, ns, &words[0], change).map_err(failed("set bridge priority")))
}

pub fn path_cost(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let Some(cost) = scan(&words[2]) else { return Told::error("bad path cost value".to_owned()) };
    let change = PortRequest { cost: Some(cost as u32), ..PortRequest::default() };
    Told::done(set_port(net, ns, words, change).map_err(failed("set path cost")))
}

pub fn port_priority(net: &mut Network, ns: NetnsId, words: &[String]) -> Told {
    let Some(priority) = scan(&words[2]) else { return Told::error("bad path priority value".to_owned()) };
    let priority = Some(u16::try_from(priority).unwrap_or(u16::MAX));
    let change = PortRequest { priority, ..PortRequest::default() };
    Told::done(set_port(net, ns, words, change).map_err(failed("set port priority")))
}
