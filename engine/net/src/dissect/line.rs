//! A packet in one line, as tcpdump begins its own: `10.0.0.1.41822 > 10.96.0.20.80: Flags [S]`.
//!
//! Called by `trace.rs` for a journey's summary. The whole of tcpdump's printing is `linux/cmd/tcpdump`.

use super::ethernet::{ARP, IPV4, IPV6};
use super::field::Layer;
use std::net::IpAddr;

/// Of a frame, from its Ethernet header.
pub fn frame_line(frame: &[u8]) -> String {
    let layer = Layer { bytes: frame, at: 0 };
    let rest = layer.after(14);
    match layer.u16(12) {
        Some(IPV4 | IPV6) => packet_line(rest.bytes),
        Some(ARP) => arp(rest).unwrap_or_else(|| "ARP, truncated".into()),
        Some(ethertype) => {
            format!("{} > {}: ethertype 0x{ethertype:04x}", text(layer.mac(6)), text(layer.mac(0)))
        }
        None => "truncated frame".into(),
    }
}

fn text(mac: Option<String>) -> String {
    mac.unwrap_or_default()
}

fn arp(arp: Layer) -> Option<String> {
    let (sender, target) = (arp.ipv4(14)?, arp.ipv4(24)?);
    Some(match arp.u16(6)? {
        1 => format!("ARP, Request who-has {target} tell {sender}"),
        2 => format!("ARP, Reply {sender} is-at {}", arp.mac(8)?),
        other => format!("ARP, operation {other}"),
    })
}

/// Of an IP packet.
pub fn packet_line(packet: &[u8]) -> String {
    let ip = Layer { bytes: packet, at: 0 };
    let parsed = match ip.u8(0).map(|first| first >> 4) {
        Some(4) => v4(ip),
        Some(6) => v6(ip),
        _ => None,
    };
    parsed.unwrap_or_else(|| "truncated packet".into())
}

fn v4(ip: Layer) -> Option<String> {
    let header = usize::from(ip.u8(0)? & 0xf) * 4;
    let fragment = ip.u16(6)? & 0x1fff != 0;
    let (src, dst) = (IpAddr::from(ip.ipv4(12)?), IpAddr::from(ip.ipv4(16)?));
    match fragment {
        true => Some(format!("{src} > {dst}: fragment at {}", u32::from(ip.u16(6)? & 0x1fff) * 8)),
        false => transport(ip.u8(9)?, src, dst, ip.after(header)),
    }
}

fn v6(ip: Layer) -> Option<String> {
    transport(ip.u8(6)?, ip.ipv6(8)?.into(), ip.ipv6(24)?.into(), ip.after(40))
}

fn transport(protocol: u8, src: IpAddr, dst: IpAddr, payload: Layer) -> Option<String> {
    let ports = || Some((payload.u16(0)?, payload.u16(2)?));
    Some(match protocol {
        6 => {
            let (from, to) = ports()?;
            format!("{src}.{from} > {dst}.{to}: Flags [{}]", flags(payload.u8(13)?))
        }
        17 => {
            let (from, to) = ports()?;
            format!("{src}.{from} > {dst}.{to}: UDP, length {}", payload.u16(4)?.saturating_sub(8))
        }
        1 => format!("{src} > {dst}: ICMP {}", icmp(payload)?),
        58 => format!("{src} > {dst}: ICMP6, type {}", payload.u8(0)?),
        other => format!("{src} > {dst}: ip-proto-{other}"),
    })
}

/// tcpdump's letters.
fn flags(flags: u8) -> String {
    let letters = [(0x01, 'F'), (0x02, 'S'), (0x04, 'R'), (0x08, 'P'), (0x10, '.'), (0x20, 'U')];
    let set: String = letters.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, letter)| letter).collect();
    if set.is_empty() { "none".into() } else { set }
}

fn icmp(icmp: Layer) -> Option<String> {
    Some(match (icmp.u8(0)?, icmp.u8(1)?) {
        (8, _) => format!("echo request, id {}, seq {}", icmp.u16(4)?, icmp.u16(6)?),
        (0, _) => format!("echo reply, id {}, seq {}", icmp.u16(4)?, icmp.u16(6)?),
        (3, 0) => "net unreachable".into(),
        (3, 1) => "host unreachable".into(),
        (3, 2) => "protocol unreachable".into(),
        (3, 3) => "port unreachable".into(),
        (3, 4) => format!("unreachable - need to frag (mtu {})", icmp.u16(6)?),
        (3, 13) => "admin prohibited".into(),
        (5, _) => format!("redirect to host {}", icmp.ipv4(4)?),
        (11, _) => "time exceeded in-transit".into(),
        (kind, code) => format!("type {kind}, code {code}"),
    })
}
