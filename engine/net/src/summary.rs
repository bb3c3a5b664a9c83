//! A packet in one line, for journeys and for the envelopes of the picture.
//!
//! Differs from tcpdump: no options, no checksums, addresses as numbers; a full dissection is `capture.rs`'s.

use api::event::Protocol;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What the picture writes on an envelope.
pub(crate) struct Shown {
    pub protocol: Protocol,
    pub label: String,
    /// Tunnels around it.
    pub depth: u8,
}

/// Tunnels that are looked into; one more is shown from outside.
const MAX_TUNNELS: u8 = 4;

fn word(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]))
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(word(bytes, at)) << 16 | u32::from(word(bytes, at + 2))
}

fn ip4(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(long(bytes, at))
}

/// An IPv4 packet's payload, and whether it is the first piece.
fn payload4(bytes: &[u8]) -> (&[u8], bool) {
    let header = usize::from(bytes.first().copied().unwrap_or(0) & 15) * 4;
    (bytes.get(header..).unwrap_or(&[]), word(bytes, 6) & 0x1fff == 0)
}

/// `10.0.0.1.41822 > 10.96.0.20.80: Flags [S]`; `bytes` from the layer-3 header.
pub(crate) fn line(protocol: u16, bytes: &[u8]) -> String {
    match protocol {
        0x0800 => line4(bytes),
        0x0806 => format!("ARP, {}", arp(bytes)),
        0x86dd => {
            let address = |at: usize| {
                bytes.get(at..at + 16).and_then(|it| <[u8; 16]>::try_from(it).ok()).map(Ipv6Addr::from)
            };
            match (address(8), address(24)) {
                (Some(from), Some(to)) => format!("IP6 {from} > {to}: {}", name6(bytes)),
                _ => "IP6".to_owned(),
            }
        }
        other => format!("ethertype 0x{other:04x}"),
    }
}

fn line4(bytes: &[u8]) -> String {
    let (from, to) = (ip4(bytes, 12), ip4(bytes, 16));
    let (inner, first) = payload4(bytes);
    let ports = |what: String| format!("{from}.{} > {to}.{}: {what}", word(inner, 0), word(inner, 2));
    match bytes.get(9) {
        Some(_) if !first => format!("{from} > {to}: fragment at {}", (word(bytes, 6) & 0x1fff) * 8),
        Some(1) => format!("{from} > {to}: ICMP {}", icmp(inner)),
        Some(6) => ports(format!("Flags [{}]", tcp_flags(inner))),
        Some(17) => ports(format!("UDP, length {}", inner.len().saturating_sub(8))),
        Some(protocol) => format!("{from} > {to}: ip-proto-{protocol}"),
        None => "IP".to_owned(),
    }
}

fn tcp_flags(segment: &[u8]) -> String {
    let bits = segment.get(13).copied().unwrap_or(0);
    let letters: String = [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.'), (32, 'U')]
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, letter)| *letter)
        .collect();
    if letters.is_empty() { "none".to_owned() } else { letters }
}

fn icmp(message: &[u8]) -> String {
    let code = message.get(1).copied().unwrap_or(0);
    let about = || ip4(message, 24);
    match message.first() {
        Some(0) => format!("echo reply, id {}, seq {}", word(message, 4), word(message, 6)),
        Some(8) => format!("echo request, id {}, seq {}", word(message, 4), word(message, 6)),
        Some(3) => match code {
            0 => format!("net {} unreachable", about()),
            1 => format!("host {} unreachable", about()),
            2 => format!("{} protocol unreachable", about()),
            3 => format!("{} port unreachable", about()),
            4 => format!("{} unreachable - need to frag (mtu {})", about(), word(message, 6)),
            13 => format!("host {} unreachable - admin prohibited filter", about()),
            code => format!("{} unreachable, code {code}", about()),
        },
        Some(5) => format!("redirect {} to host {}", about(), ip4(message, 4)),
        Some(11) => "time exceeded in-transit".to_owned(),
        Some(kind) => format!("type {kind}, code {code}"),
        None => String::new(),
    }
}

fn arp(bytes: &[u8]) -> String {
    match word(bytes, 6) {
        1 => format!("Request who-has {} tell {}", ip4(bytes, 24), ip4(bytes, 14)),
        2 => format!(
            "Reply {} is-at {}",
            ip4(bytes, 14),
            crate::Mac::from_slice(bytes.get(8..).unwrap_or(&[]))
        ),
        other => format!("op {other}"),
    }
}

fn name6(bytes: &[u8]) -> &'static str {
    let next = bytes.get(6).copied().unwrap_or(0);
    // A router alert comes before listener reports.
    let message = if next == 0 { bytes.get(48) } else { bytes.get(40) };
    match (next, message) {
        (0 | 58, Some(143)) => "ICMP6, multicast listener report v2",
        (58, Some(128)) => "ICMP6, echo request",
        (58, Some(129)) => "ICMP6, echo reply",
        (58, Some(133)) => "ICMP6, router solicitation",
        (58, Some(135)) => "ICMP6, neighbor solicitation",
        (58, Some(136)) => "ICMP6, neighbor advertisement",
        (6, _) => "TCP",
        (17, _) => "UDP",
        _ => "IPv6",
    }
}

/// What to draw for a frame (from its Ethernet header): the innermost packet counts.
pub(crate) fn flight(frame: &[u8]) -> Shown {
    let mut depth = 0;
    let mut frame = frame;
    loop {
        let (protocol, bytes) = match word(frame, 12) {
            0x8100 | 0x88a8 => (word(frame, 16), frame.get(18..).unwrap_or(&[])),
            protocol => (protocol, frame.get(14..).unwrap_or(&[])),
        };
        if protocol == 0x0800 && depth < MAX_TUNNELS {
            let (inner, first) = payload4(bytes);
            if first
                && bytes.get(9) == Some(&17)
                && matches!(word(inner, 2), 4789 | 8472)
                && inner.len() >= 30
            {
                frame = inner.get(16..).unwrap_or(&[]);
                depth += 1;
                continue;
            }
        }
        let (protocol, label) = label(protocol, bytes);
        return Shown { protocol, label, depth };
    }
}

fn label(protocol: u16, bytes: &[u8]) -> (Protocol, String) {
    match protocol {
        0x0806 if word(bytes, 6) == 1 => (Protocol::Arp, format!("who has {}?", ip4(bytes, 24))),
        0x0806 => {
            let mac = crate::Mac::from_slice(bytes.get(8..).unwrap_or(&[]));
            (Protocol::Arp, format!("{} is at {mac}", ip4(bytes, 14)))
        }
        0x86dd => (Protocol::Ipv6, name6(bytes).trim_start_matches("ICMP6, ").to_owned()),
        0x0800 => label4(bytes),
        other => (Protocol::Other, format!("0x{other:04x}")),
    }
}

fn label4(bytes: &[u8]) -> (Protocol, String) {
    let to = ip4(bytes, 16);
    let (inner, first) = payload4(bytes);
    if !first {
        return (Protocol::Other, format!("fragment for {to}"));
    }
    let (from_port, to_port) = (word(inner, 0), word(inner, 2));
    match bytes.get(9) {
        Some(1) => {
            let words = icmp(inner);
            let short = words.split(',').next().unwrap_or_default();
            (Protocol::Icmp, format!("{short} {to}"))
        }
        Some(6) => {
            let header = usize::from(inner.get(12).copied().unwrap_or(0) >> 4) * 4;
            let data = inner.len().saturating_sub(header);
            let what = match inner.get(13).copied().unwrap_or(0) {
                flags if flags & 0x12 == 0x02 => "SYN".to_owned(),
                flags if flags & 0x12 == 0x12 => "SYN ACK".to_owned(),
                flags if flags & 0x04 != 0 => "RST".to_owned(),
                flags if flags & 0x01 != 0 => "FIN".to_owned(),
                _ if data > 0 => format!("{data} bytes"),
                _ => "ACK".to_owned(),
            };
            let web = matches!((from_port, to_port), (80 | 8080, _) | (_, 80 | 8080)) && data > 0;
            (if web { Protocol::Http } else { Protocol::Tcp }, format!("{what} {to}:{to_port}"))
        }
        Some(17) if from_port == 53 || to_port == 53 => (Protocol::Dns, dns(inner.get(8..).unwrap_or(&[]))),
        Some(17) => (Protocol::Udp, format!("UDP {to}:{to_port}")),
        Some(protocol) => (Protocol::Other, format!("protocol {protocol} {to}")),
        None => (Protocol::Other, String::new()),
    }
}

/// `A web.default.svc` of a DNS message's first question.
fn dns(message: &[u8]) -> String {
    let mut name = String::new();
    let mut at = 12;
    // A name has at most 255 bytes (RFC 1035 §3.1).
    while let Some(&length) = message.get(at) {
        at += 1;
        if length == 0 || length > 63 || name.len() > 255 {
            break;
        }
        let label = message.get(at..at + usize::from(length)).unwrap_or(&[]);
        name.push_str(&String::from_utf8_lossy(label));
        name.push('.');
        at += usize::from(length);
    }
    let kind = match word(message, at) {
        1 => "A",
        28 => "AAAA",
        12 => "PTR",
        33 => "SRV",
        15 => "MX",
        16 => "TXT",
        5 => "CNAME",
        2 => "NS",
        6 => "SOA",
        _ => "?",
    };
    let answer = if message.get(2).is_some_and(|flags| flags & 0x80 != 0) { " answer" } else { "" };
    format!("{kind} {}{answer}", name.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_at_all_make_it_stumble() {
        for length in 0..80 {
            for byte in [0, 0x45, 0x4f, 0xff] {
                let bytes = vec![byte; length];
                for protocol in [0x0800, 0x0806, 0x86dd, 0x8100, 5] {
                    line(protocol, &bytes);
                    label(protocol, &bytes);
                }
                flight(&bytes);
            }
        }
    }
}
