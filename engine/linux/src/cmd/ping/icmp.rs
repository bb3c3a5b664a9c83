//! ICMP in `ping`'s words, and its echo requests.
//!
//! Source: iputils 20221126 `pr_icmph` (ping.c) and `print_icmp` (ping6_common.c).

use std::net::IpAddr;

pub(super) const ECHO_REPLY: u8 = 0;
pub(super) const UNREACHABLE: u8 = 3;
pub(super) const QUENCH: u8 = 4;
pub(super) const REDIRECT: u8 = 5;
pub(super) const ECHO: u8 = 8;
pub(super) const EXCEEDED: u8 = 11;
pub(super) const PARAMETER: u8 = 12;
pub(super) const ECHO6: u8 = 128;
pub(super) const ECHO_REPLY6: u8 = 129;

/// An ICMPv4 message other than an echo reply; `info` is the MTU, the gateway or the pointer.
pub(super) fn text(kind: u8, code: u8, info: u32) -> String {
    match (kind, code) {
        (ECHO_REPLY, _) => "Echo Reply".to_owned(),
        (UNREACHABLE, 4) => format!("Frag needed and DF set (mtu = {info})"),
        (UNREACHABLE, code) => match UNREACHABLE_CODES.get(usize::from(code)) {
            Some(text) => (*text).to_owned(),
            None => format!("Dest Unreachable, Bad Code: {code}"),
        },
        (QUENCH, _) => "Source Quench".to_owned(),
        (REDIRECT, code) => {
            let what = match code {
                0 => "Redirect Network".to_owned(),
                1 => "Redirect Host".to_owned(),
                2 => "Redirect Type of Service and Network".to_owned(),
                3 => "Redirect Type of Service and Host".to_owned(),
                code => format!("Redirect, Bad Code: {code}"),
            };
            format!("{what}(New nexthop: {})", IpAddr::from(info.to_be_bytes()))
        }
        (ECHO, _) => "Echo Request".to_owned(),
        (EXCEEDED, 0) => "Time to live exceeded".to_owned(),
        (EXCEEDED, 1) => "Frag reassembly time exceeded".to_owned(),
        (EXCEEDED, code) => format!("Time exceeded, Bad Code: {code}"),
        (PARAMETER, _) => format!("Parameter problem: pointer = {info}"),
        (13, _) => "Timestamp".to_owned(),
        (14, _) => "Timestamp Reply".to_owned(),
        (15, _) => "Information Request".to_owned(),
        (16, _) => "Information Reply".to_owned(),
        (17, _) => "Address Mask Request".to_owned(),
        (18, _) => "Address Mask Reply".to_owned(),
        (kind, _) => format!("Bad ICMP type: {kind}"),
    }
}

const UNREACHABLE_CODES: [&str; 16] = [
    "Destination Net Unreachable",
    "Destination Host Unreachable",
    "Destination Protocol Unreachable",
    "Destination Port Unreachable",
    "",
    "Source Route Failed",
    "Destination Net Unknown",
    "Destination Host Unknown",
    "Source Host Isolated",
    "Destination Net Prohibited",
    "Destination Host Prohibited",
    "Destination Net Unreachable for Type of Service",
    "Destination Host Unreachable for Type of Service",
    "Packet filtered",
    "Precedence Violation",
    "Precedence Cutoff",
];

/// An ICMPv6 error.
pub(super) fn text6(kind: u8, code: u8, info: u32) -> String {
    match (kind, code) {
        (1, 0) => "Destination unreachable: No route".to_owned(),
        (1, 1) => "Destination unreachable: Administratively prohibited".to_owned(),
        (1, 2) => "Destination unreachable: Beyond scope of source address".to_owned(),
        (1, 3) => "Destination unreachable: Address unreachable".to_owned(),
        (1, 4) => "Destination unreachable: Port unreachable".to_owned(),
        (1, code) => format!("Destination unreachable: Unknown code {code}"),
        (2, 0) => format!("Packet too big: mtu={info}"),
        (2, code) => format!("Packet too big: mtu={info}, code={code}"),
        (3, 0) => "Time exceeded: Hop limit".to_owned(),
        (3, 1) => "Time exceeded: Defragmentation failure".to_owned(),
        (3, code) => format!("Time exceeded: code {code}"),
        (4, 0) => format!("Parameter problem: Wrong header field at {info}"),
        (4, 1) => format!("Parameter problem: Unknown header at {info}"),
        (4, 2) => format!("Parameter problem: Unknown option at {info}"),
        (4, code) => format!("Parameter problem: code {code} at {info}"),
        (ECHO6, _) => "Echo request".to_owned(),
        (ECHO_REPLY6, _) => "Echo reply".to_owned(),
        (130, _) => "MLD Query".to_owned(),
        (131, _) => "MLD Report".to_owned(),
        (132, _) => "MLD Reduction".to_owned(),
        (kind, _) => format!("unknown icmp type: {kind}"),
    }
}

/// RFC 1071's sum over an ICMP message; 0 over one whose checksum is right.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        pair => u32::from(pair[0]) << 8,
    });
    let mut sum = words.fold(0_u64, |sum, word| sum + u64::from(word));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An echo request or reply, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    pub kind: u8,
    pub ident: u16,
    pub sequence: u16,
}

impl Echo {
    pub fn read(bytes: &[u8]) -> Option<Echo> {
        let two = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        Some(Echo { kind: *bytes.first()?, ident: two(4)?, sequence: two(6)? })
    }

    /// The message with this header and `data` behind; IPv6's checksum is the kernel's.
    pub fn write(self, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![self.kind, 0, 0, 0];
        bytes.extend(self.ident.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(data);
        if self.kind == ECHO {
            let sum = checksum(&bytes);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }
}

/// The ICMP part of a whole IPv4 packet, where it is one.
pub(super) fn behind_ip(packet: &[u8]) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 15) * 4;
    packet.get(header..).filter(|rest| header >= 20 && rest.len() >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_reads_back_and_sums_to_nothing() {
        let echo = Echo { kind: ECHO, ident: 7, sequence: 300 };
        let bytes = echo.write(b"odd");
        assert_eq!(checksum(&bytes), 0);
        assert_eq!(Echo::read(&bytes), Some(echo));
        assert_eq!(Echo::read(&bytes[..7]), None);
    }

    #[test]
    fn what_is_no_packet_has_nothing_behind_its_header() {
        assert_eq!(behind_ip(&[]), None);
        assert_eq!(behind_ip(&[0x4f; 30]), None);
        assert_eq!(behind_ip(&[0x45; 28]).map(<[u8]>::len), Some(8));
        assert_eq!(behind_ip(&[0x41; 28]), None);
    }
}
