//! IPv4 and IPv6. Sources: RFC 791, 2474 (DSCP), 3168 (ECN), 8200.

use super::field::{Layer, with};
use super::{Dissector, icmp, tcp, udp};
use api::event::Protocol;
use std::net::IpAddr;

const LEAST: usize = 20;
const IPV6_HEADER: usize = 40;
const IPIP: u8 = 4;

/// The addresses of the packet that a transport layer is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub dst: IpAddr,
    pub ttl: u8,
}

pub(super) fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        1 => "ICMP",
        2 => "IGMP",
        IPIP => "IPIP",
        6 => "TCP",
        17 => "UDP",
        58 => "ICMPv6",
        _ => "Unknown",
    }
}

pub(super) fn ipv4(to: &mut Dissector, ip: Layer) {
    let header = usize::from(ip.u8(0).unwrap_or_default() & 0xf) * 4;
    let (Some(total), Some(fragment), Some(src), Some(dst)) =
        (ip.u16(2), ip.u16(6), ip.ipv4(12), ip.ipv4(16))
    else {
        return to.say(Protocol::Other, "Truncated IPv4 header", "IPv4");
    };
    if header < LEAST || header > ip.bytes.len() {
        return to.say(Protocol::Other, "Malformed IPv4 header", "IPv4");
    }
    let (ttl, protocol) = (ip.bytes[8], ip.bytes[9]);
    to.ends(src, dst);
    to.layer(|| ipv4_tree(ip, header));
    let (offset, more) = (fragment & 0x1fff, fragment & 0x2000 != 0);
    let name = protocol_name(protocol);
    if offset != 0 {
        let info = format!("Fragmented IP protocol (proto={name} {protocol}, off={})", u32::from(offset) * 8);
        return to.say(Protocol::Other, info, format!("fragment {dst}"));
    }
    let payload = ip.first(usize::from(total).max(header)).after(header);
    transport(to, protocol, Ends { dst: dst.into(), ttl }, payload);
    if more {
        to.summary.info.push_str(" [first fragment]");
    }
}

fn ipv4_tree(ip: Layer, header: usize) -> api::inspect::Field {
    let (src, dst) = (ip.ipv4(12).map_or_else(String::new, |it| it.to_string()), ip.ipv4(16));
    let dst = dst.map_or_else(String::new, |it| it.to_string());
    let (tos, flags) = (ip.bytes[1], ip.bytes[6]);
    let protocol = ip.bytes[9];
    let offset = u32::from(ip.u16(6).unwrap_or_default() & 0x1fff) * 8;
    let text = format!("Internet Protocol Version 4, Src: {src}, Dst: {dst}");
    with(
        ip.field("ip", 0, header, text, ""),
        vec![
            ip.plain("ip.version", "Version", 0, 1, 4),
            ip.field("ip.hdr_len", 0, 1, format!("Header Length: {header} bytes"), header),
            ip.field(
                "ip.dsfield.dscp",
                1,
                1,
                format!("Differentiated Services Codepoint: {}", tos >> 2),
                tos >> 2,
            ),
            ip.field(
                "ip.dsfield.ecn",
                1,
                1,
                format!("Explicit Congestion Notification: {}", tos & 3),
                tos & 3,
            ),
            ip.plain("ip.len", "Total Length", 2, 2, ip.u16(2).unwrap_or_default()),
            ip.hex("ip.id", "Identification", 4, 2, ip.u16(4).unwrap_or_default().into()),
            with(
                ip.hex("ip.flags", "Flags", 6, 1, u32::from(flags >> 5)),
                vec![
                    ip.bit("ip.flags.df", "Don't fragment", 6, 1, flags & 0x40 != 0),
                    ip.bit("ip.flags.mf", "More fragments", 6, 1, flags & 0x20 != 0),
                ],
            ),
            ip.plain("ip.frag_offset", "Fragment Offset", 6, 2, offset),
            ip.plain("ip.ttl", "Time to Live", 8, 1, ip.bytes[8]),
            ip.field(
                "ip.proto",
                9,
                1,
                format!("Protocol: {} ({protocol})", protocol_name(protocol)),
                protocol,
            ),
            ip.hex("ip.checksum", "Header Checksum", 10, 2, ip.u16(10).unwrap_or_default().into()),
            ip.plain("ip.src", "Source Address", 12, 4, src),
            ip.plain("ip.dst", "Destination Address", 16, 4, dst),
        ],
    )
}

pub(super) fn ipv6(to: &mut Dissector, ip: Layer) {
    let (Some(first), Some(length), Some(src), Some(dst)) = (ip.u32(0), ip.u16(4), ip.ipv6(8), ip.ipv6(24))
    else {
        return to.say(Protocol::Ipv6, "Truncated IPv6 header", "IPv6");
    };
    let (next, hops) = (ip.bytes[6], ip.bytes[7]);
    to.ends(src, dst);
    to.layer(|| {
        let text = format!("Internet Protocol Version 6, Src: {src}, Dst: {dst}");
        with(
            ip.field("ipv6", 0, IPV6_HEADER, text, ""),
            vec![
                ip.plain("ipv6.version", "Version", 0, 1, 6),
                ip.hex("ipv6.tclass", "Traffic Class", 0, 2, first >> 20 & 0xff),
                ip.hex("ipv6.flow", "Flow Label", 1, 3, first & 0xf_ffff),
                ip.plain("ipv6.plen", "Payload Length", 4, 2, length),
                ip.field("ipv6.nxt", 6, 1, format!("Next Header: {} ({next})", protocol_name(next)), next),
                ip.plain("ipv6.hlim", "Hop Limit", 7, 1, hops),
                ip.plain("ipv6.src", "Source Address", 8, 16, src),
                ip.plain("ipv6.dst", "Destination Address", 24, 16, dst),
            ],
        )
    });
    let payload = ip.first(IPV6_HEADER + usize::from(length)).after(IPV6_HEADER);
    // A hop-by-hop header stands in front of MLD.
    let (next, payload) = match (next, payload.u8(0), payload.u8(1)) {
        (0, Some(after), Some(eights)) => (after, payload.after(8 + usize::from(eights) * 8)),
        _ => (next, payload),
    };
    transport(to, next, Ends { dst: dst.into(), ttl: hops }, payload);
}

fn transport(to: &mut Dissector, protocol: u8, ends: Ends, payload: Layer) {
    match protocol {
        1 => icmp::icmp(to, ends, payload),
        6 => tcp::tcp(to, ends, payload),
        17 => udp::udp(to, ends, payload),
        58 => icmp::icmp6(to, ends, payload),
        IPIP if to.summary.depth < super::DEPTH => {
            to.summary.depth += 1;
            ipv4(to, payload);
        }
        2 => to.say(Protocol::Other, "IGMP", "IGMP"),
        other => to.say(Protocol::Other, format!("IP protocol {other}"), format!("protocol {other}")),
    }
}
