//! Ethernet II, 802.1Q and spanning tree. Sources: IEEE 802.3, 802.1Q, 802.1D.

use super::field::{Layer, with};
use super::{Dissector, arp, ip};
use api::event::Protocol;

const HEADER: usize = 14;
const TAG: usize = 4;
/// Tags within tags that are looked into.
const TAGS: u8 = 4;
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
const VLAN: u16 = 0x8100;
pub(super) const IPV6: u16 = 0x86dd;
/// Below, the two bytes are a length (802.3 with LLC).
const FIRST_ETHERTYPE: u16 = 0x0600;

fn name(ethertype: u16) -> &'static str {
    match ethertype {
        IPV4 => "IPv4",
        ARP => "ARP",
        VLAN => "802.1Q Virtual LAN",
        IPV6 => "IPv6",
        _ => "Unknown",
    }
}

pub(super) fn ethernet(to: &mut Dissector, frame: Layer) {
    let (Some(destination), Some(source), Some(ethertype)) = (frame.mac(0), frame.mac(6), frame.u16(12))
    else {
        to.say(Protocol::Other, "Truncated Ethernet header", "truncated");
        return;
    };
    to.ends(&source, &destination);
    to.layer(|| {
        let text = format!("Ethernet II, Src: {source}, Dst: {destination}");
        with(
            frame.field("eth", 0, HEADER, text, ""),
            vec![
                frame.plain("eth.dst", "Destination", 0, 6, &destination),
                frame.plain("eth.src", "Source", 6, 6, &source),
                frame.field(
                    "eth.type",
                    12,
                    2,
                    format!("Type: {} (0x{ethertype:04x})", name(ethertype)),
                    format!("0x{ethertype:04x}"),
                ),
            ],
        )
    });
    if ethertype < FIRST_ETHERTYPE {
        return llc(to, frame.after(HEADER));
    }
    payload(to, ethertype, frame.after(HEADER), TAGS);
}

fn payload(to: &mut Dissector, ethertype: u16, rest: Layer, tags: u8) {
    match ethertype {
        IPV4 => ip::ipv4(to, rest),
        IPV6 => ip::ipv6(to, rest),
        ARP => arp::arp(to, rest),
        VLAN if tags > 0 => vlan(to, rest, tags),
        _ => to.say(Protocol::Other, format!("Ethertype 0x{ethertype:04x}"), format!("0x{ethertype:04x}")),
    }
}

fn vlan(to: &mut Dissector, tag: Layer, tags: u8) {
    let (Some(control), Some(ethertype)) = (tag.u16(0), tag.u16(2)) else { return };
    let id = control & 0xfff;
    to.layer(|| {
        let text =
            format!("802.1Q Virtual LAN, PRI: {}, DEI: {}, ID: {id}", control >> 13, control >> 12 & 1);
        with(
            tag.field("vlan", 0, TAG, text, id),
            vec![
                tag.plain("vlan.priority", "Priority", 0, 2, control >> 13),
                tag.plain("vlan.id", "ID", 0, 2, id),
                tag.hex("vlan.etype", "Type", 2, 2, ethertype.into()),
            ],
        )
    });
    payload(to, ethertype, tag.after(TAG), tags - 1);
}

fn llc(to: &mut Dissector, rest: Layer) {
    let spanning_tree = rest.bytes.starts_with(&[0x42, 0x42, 0x03, 0, 0]);
    if !spanning_tree {
        return to.say(Protocol::Other, "LLC", "LLC");
    }
    let bpdu = rest.after(3);
    let root = bpdu.mac(7).unwrap_or_default();
    let cost = bpdu.u32(13).unwrap_or_default();
    let port = bpdu.u16(25).unwrap_or_default();
    to.layer(|| {
        with(
            bpdu.field("stp", 0, 35, "Spanning Tree Protocol", ""),
            vec![
                bpdu.hex("stp.type", "BPDU Type", 3, 1, bpdu.u8(3).unwrap_or_default().into()),
                bpdu.plain("stp.root.hw", "Root Bridge System ID", 7, 6, &root),
                bpdu.plain("stp.root.cost", "Root Path Cost", 13, 4, cost),
                bpdu.hex("stp.port", "Port identifier", 25, 2, port.into()),
            ],
        )
    });
    to.say(Protocol::Other, format!("Conf. Root = {root}  Cost = {cost}  Port = 0x{port:04x}"), "STP");
}
