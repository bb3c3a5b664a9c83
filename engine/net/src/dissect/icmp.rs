//! ICMP, and what IPv6 neighbours say. Sources: RFC 792, 1191 (next-hop MTU), 4443, 4861, 3810.

use super::Dissector;
use super::field::{Layer, with};
use super::ip::{Ends, protocol_name};
use api::event::Protocol;

const HEADER: usize = 8;

/// (Wireshark's words, a label)
fn meaning(kind: u8, code: u8) -> (&'static str, &'static str) {
    match (kind, code) {
        (0, _) => ("Echo (ping) reply", "echo reply"),
        (3, 0) => ("Destination unreachable (Network unreachable)", "net unreachable"),
        (3, 1) => ("Destination unreachable (Host unreachable)", "host unreachable"),
        (3, 2) => ("Destination unreachable (Protocol unreachable)", "protocol unreachable"),
        (3, 3) => ("Destination unreachable (Port unreachable)", "port unreachable"),
        (3, 4) => ("Destination unreachable (Fragmentation needed)", "fragmentation needed"),
        (3, 9) => ("Destination unreachable (Network administratively prohibited)", "net prohibited"),
        (3, 10) => ("Destination unreachable (Host administratively prohibited)", "host prohibited"),
        (3, 13) => ("Destination unreachable (Communication administratively filtered)", "admin prohibited"),
        (3, _) => ("Destination unreachable", "unreachable"),
        (5, _) => ("Redirect", "redirect"),
        (8, _) => ("Echo (ping) request", "echo request"),
        (11, 0) => ("Time-to-live exceeded (Time to live exceeded in transit)", "TTL exceeded"),
        (11, _) => ("Time-to-live exceeded (Fragment reassembly time exceeded)", "reassembly time exceeded"),
        (12, _) => ("Parameter problem", "parameter problem"),
        _ => ("ICMP", "ICMP"),
    }
}

pub(super) fn icmp(to: &mut Dissector, ends: Ends, icmp: Layer) {
    let (Some(kind), Some(code), Some(rest)) = (icmp.u8(0), icmp.u8(1), icmp.u32(4)) else {
        return to.say(Protocol::Icmp, "Truncated ICMP message", "ICMP");
    };
    let (words, label) = meaning(kind, code);
    let echo = matches!(kind, 0 | 8);
    let (ident, sequence) = ((rest >> 16) as u16, rest as u16);
    let mut fields = vec![
        icmp.field("icmp.type", 0, 1, format!("Type: {kind} ({words})"), kind),
        icmp.plain("icmp.code", "Code", 1, 1, code),
        icmp.hex("icmp.checksum", "Checksum", 2, 2, icmp.u16(2).unwrap_or_default().into()),
    ];
    let mut info = words.to_string();
    let mut label = label.to_string();
    if echo {
        let swapped = sequence.swap_bytes();
        info += &format!("  id=0x{ident:04x}, seq={sequence}/{swapped}, ttl={}", ends.ttl);
        label += &format!(" {}", ends.dst);
        fields.push(icmp.plain("icmp.ident", "Identifier (BE)", 4, 2, ident));
        fields.push(icmp.plain("icmp.seq", "Sequence Number (BE)", 6, 2, sequence));
        let data = icmp.after(HEADER);
        fields.push(data.field(
            "data",
            0,
            data.bytes.len(),
            format!("Data ({} bytes)", data.bytes.len()),
            "",
        ));
    } else if matches!(kind, 3 | 5 | 11 | 12) {
        if (kind, code) == (3, 4) {
            label += &format!(", MTU {sequence}");
            fields.push(icmp.plain("icmp.mtu", "MTU of next hop", 6, 2, sequence));
        }
        if let Some(gateway) = icmp.ipv4(4).filter(|_| kind == 5) {
            info += &format!("             (Redirect for host)   gateway {gateway}");
            fields.push(icmp.plain("icmp.redir_gw", "Gateway Address", 4, 4, gateway));
        }
        fields.extend(inner(icmp.after(HEADER)));
    }
    to.layer(|| {
        with(icmp.field("icmp", 0, icmp.bytes.len(), "Internet Control Message Protocol", ""), fields)
    });
    to.say(Protocol::Icmp, info, label);
}

/// The packet an error is about: its addresses and ports.
fn inner(ip: Layer) -> Option<api::inspect::Field> {
    let header = usize::from(ip.u8(0)? & 0xf) * 4;
    let (protocol, src, dst) = (ip.u8(9)?, ip.ipv4(12)?, ip.ipv4(16)?);
    let text = format!("Internet Protocol Version 4, Src: {src}, Dst: {dst}");
    let mut fields = vec![
        ip.field("ip.proto", 9, 1, format!("Protocol: {} ({protocol})", protocol_name(protocol)), protocol),
        ip.plain("ip.src", "Source Address", 12, 4, src),
        ip.plain("ip.dst", "Destination Address", 16, 4, dst),
    ];
    let name = match protocol {
        6 => "tcp",
        17 => "udp",
        _ => "",
    };
    if !name.is_empty() {
        let ports = ip.after(header);
        fields.push(ports.plain(&format!("{name}.srcport"), "Source Port", 0, 2, ports.u16(0)?));
        fields.push(ports.plain(&format!("{name}.dstport"), "Destination Port", 2, 2, ports.u16(2)?));
    }
    Some(with(ip.field("ip", 0, ip.bytes.len(), text, ""), fields))
}

pub(super) fn icmp6(to: &mut Dissector, ends: Ends, icmp: Layer) {
    let Some(kind) = icmp.u8(0) else { return to.say(Protocol::Ipv6, "Truncated ICMPv6 message", "ICMPv6") };
    let target = icmp.ipv6(8);
    let target = || target.map_or_else(String::new, |it| it.to_string());
    let (info, label) = match kind {
        128 => ("Echo (ping) request".to_string(), format!("echo request {}", ends.dst)),
        129 => ("Echo (ping) reply".to_string(), format!("echo reply {}", ends.dst)),
        133 => ("Router Solicitation".to_string(), "router solicitation".to_string()),
        134 => ("Router Advertisement".to_string(), "router advertisement".to_string()),
        135 => (format!("Neighbor Solicitation for {}", target()), format!("who has {}?", target())),
        136 => (format!("Neighbor Advertisement {}", target()), format!("I have {}", target())),
        143 => ("Multicast Listener Report Message v2".to_string(), "multicast listener report".to_string()),
        other => (format!("ICMPv6 type {other}"), "ICMPv6".to_string()),
    };
    to.layer(|| {
        with(
            icmp.field("icmpv6", 0, icmp.bytes.len(), "Internet Control Message Protocol v6", ""),
            vec![
                icmp.field("icmpv6.type", 0, 1, format!("Type: {info} ({kind})"), kind),
                icmp.plain("icmpv6.code", "Code", 1, 1, icmp.u8(1).unwrap_or_default()),
                icmp.hex("icmpv6.checksum", "Checksum", 2, 2, icmp.u16(2).unwrap_or_default().into()),
            ],
        )
    });
    to.say(Protocol::Ipv6, info, label);
}
