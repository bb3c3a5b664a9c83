//! IPv4. Sources: tcpdump 4.99.3, print-ip.c, print-ip-demux.c.

use super::words::{PROTOCOL_NAMES, PROTOCOLS, Table, bits, word};
use super::{Bytes, Cut, Printed, Printer};
use std::net::IpAddr;

const HEADER: u32 = 20;
const FLAGS: Table = &[(0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd")];
const OPTIONS: Table = &[
    (0, "EOL"),
    (1, "NOP"),
    (68, "timestamp"),
    (130, "security"),
    (7, "RR"),
    (137, "SSRR"),
    (131, "LSRR"),
    (148, "RA"),
    (0x86, "RFC1393"),
];

/// Where the packet that a transport header is in comes from and goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// The header's own protocol: a transport printer names the addresses only where nothing stands between.
    pub protocol: u8,
    pub fragmented: bool,
}

/// The Internet checksum: 0 where what is inside is right.
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What the field would have to be for a total of 0.
pub(super) fn should_be(field: u16, computed: u16) -> u16 {
    let mut sum = u32::from(field) + u32::from(computed);
    sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

impl Ends {
    /// Over the pseudo-header and the segment; 0 where the one inside is right.
    pub fn checksum(&self, protocol: u8, segment: &[u8]) -> u16 {
        let length = (segment.len() as u32).to_be_bytes();
        let kind = [0, 0, 0, protocol];
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                checksum(&[&src.octets(), &dst.octets(), &kind, &length, segment])
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                checksum(&[&src.octets(), &dst.octets(), &kind, &length, segment])
            }
            _ => 0,
        }
    }
}

impl Printer<'_> {
    pub(super) fn ip(&mut self, packet: Bytes, length: u32) -> Printed {
        self.deeper(|printer| printer.ip_header(packet, length))
    }

    fn ip_header(&mut self, packet: Bytes, length: u32) -> Printed {
        self.protocol = "ip";
        let first = packet.u8(0)?;
        if first >> 4 != 4 {
            match first >> 4 {
                6 => self.say("IP6, wrong link-layer encapsulation"),
                version => self.say(format!("IP{version}")),
            }
            self.invalid();
            return Ok(());
        }
        if !self.style.link {
            self.say("IP ");
        }
        if packet.len() < HEADER as usize {
            self.truncated();
            return Ok(());
        }
        if length < HEADER {
            self.say(format!("truncated-ip {length}"));
            return Ok(());
        }
        let header = u32::from(first & 0xf) * 4;
        if header < HEADER {
            self.say(format!("bad-hlen {header}"));
            return Ok(());
        }
        let mut total = u32::from(packet.u16(2)?);
        if length < total {
            self.say(format!("truncated-ip - {} bytes missing! ", total - length));
        }
        if total < header {
            if total != 0 {
                self.say(format!("bad-len {total}"));
                return Ok(());
            }
            total = length;
        }
        let packet = packet.first(total as usize);
        let (offset, protocol) = (packet.u16(6)?, packet.u8(9)?);
        let (src, dst) = (packet.ipv4(12)?, packet.ipv4(16)?);
        if self.verbose(1) && !self.ip_verbose(packet, header, offset, protocol)? {
            let (src, dst) = (self.host(src), self.host(dst));
            self.say(format!("{src} > {dst}: "));
            self.truncated();
            return Ok(());
        }
        if offset & 0x1fff != 0 {
            if self.style.quiet > 1 {
                return Ok(());
            }
            let (src, dst) = (self.host(src), self.host(dst));
            self.say(format!("{src} > {dst}:"));
            self.protocol_name(protocol);
            return Ok(());
        }
        if !matches!(protocol, 6 | 17) {
            let (src, dst) = (self.host(src), self.host(dst));
            self.say(format!("{src} > {dst}: "));
        }
        if packet.len() < header as usize {
            self.say(format!(" [remaining caplen({}) < header length({header})]", packet.len()));
            return Err(Cut);
        }
        let ends = Ends { src, dst, protocol, fragmented: offset & 0x2000 != 0 };
        self.transport(protocol, ends, packet.after(header as usize), total - header)
    }

    fn protocol_name(&mut self, protocol: u8) {
        match word(PROTOCOL_NAMES, protocol.into()).filter(|_| self.style.numeric == 0) {
            Some(name) => self.say(format!(" {name}")),
            None => self.say(format!(" ip-proto-{protocol}")),
        }
    }

    /// False where the options are cut short.
    fn ip_verbose(&mut self, packet: Bytes, header: u32, offset: u16, protocol: u8) -> Result<bool, Cut> {
        let tos = packet.u8(1)?;
        let ecn = ["", ",ECT(1)", ",ECT(0)", ",CE"][usize::from(tos & 3)];
        self.say(format!("(tos 0x{tos:x}{ecn}"));
        let ttl = packet.u8(8)?;
        if ttl >= 1 {
            self.say(format!(", ttl {ttl}"));
        }
        self.say(format!(
            ", id {}, offset {}, flags [{}], proto {} ({protocol}), length {}",
            packet.u16(4)?,
            u32::from(offset & 0x1fff) * 8,
            bits(FLAGS, u32::from(offset & 0xe000), "none", ", "),
            word(PROTOCOLS, protocol.into()).unwrap_or("unknown"),
            packet.u16(2)?,
        ));
        let mut whole = true;
        if header > HEADER {
            self.say(", options (");
            whole = self.ip_options(packet.first(header as usize).after(HEADER as usize), header - HEADER);
            if !whole {
                self.say(" [truncated-option]");
            }
            self.say(")");
        }
        if !self.style.no_checksums && packet.len() >= header as usize {
            let sum = checksum(&[packet.slice(0, header as usize)?]);
            if sum != 0 {
                let is = packet.u16(10)?;
                self.say(format!(", bad cksum {is:x} (->{:x})!", should_be(is, sum)));
            }
        }
        self.say(")\n    ");
        Ok(whole)
    }

    fn ip_options(&mut self, options: Bytes, length: u32) -> bool {
        let (mut at, mut separator) = (0, "");
        while at < length as usize {
            self.say(separator);
            separator = ",";
            let Ok(kind) = options.u8(at) else { return false };
            let size = match kind {
                0 | 1 => 1,
                _ => match options.u8(at + 1) {
                    Ok(size) => usize::from(size),
                    Err(Cut) => return false,
                },
            };
            match word(OPTIONS, kind.into()) {
                Some(name) => self.say(name),
                None => self.say(format!("unknown {kind}")),
            }
            if size < 1 || (kind > 1 && size < 2) {
                return false;
            }
            if at + size > options.len() {
                return false;
            }
            if kind == 0 {
                return true;
            }
            at += size;
        }
        true
    }

    /// What an IP packet carries; also called behind IPv6's extension headers.
    pub(super) fn transport(&mut self, protocol: u8, ends: Ends, payload: Bytes, length: u32) -> Printed {
        match (protocol, ends.src.is_ipv4()) {
            (6, _) => self.tcp(ends, payload, length),
            (17, _) => self.udp(ends, payload, length),
            (1, true) => self.icmp(ends, payload, length),
            (58, false) => self.icmp6(ends, payload, length),
            (2, true) => self.igmp(payload, length),
            (1, false) | (2, false) => {
                self.say(format!(
                    "[{} requires IPv4]",
                    word(PROTOCOLS, protocol.into()).unwrap_or("unknown")
                ));
                self.invalid();
                Ok(())
            }
            (58, true) => {
                self.say("[ICMPv6 requires IPv6]");
                self.invalid();
                Ok(())
            }
            (4, _) => self.ip(payload, length),
            (41, _) => self.ip6(payload, length),
            (47, _) => self.gre(payload, length),
            (59, _) => {
                self.say("no next header");
                Ok(())
            }
            (other, _) => {
                self.protocol_name(other);
                self.say(format!(" {length}"));
                Ok(())
            }
        }
    }
}
