//! ICMPv6 with neighbour discovery and MLD. Source: tcpdump 4.99.3, print-icmp6.c.

use super::igmp::RECORDS;
use super::ip::{Ends, should_be};
use super::words::{Table, bits, word};
use super::{Bytes, Cut, Printed, Printer, colons};

const PROTOCOL: u8 = 58;
const TYPES: Table = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded in-transit"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (138, "router renumbering"),
    (141, "inverse neighbor solicitation"),
    (142, "inverse neighbor advertisement"),
    (143, "multicast listener report v2"),
];
const UNREACHABLE: Table = &[
    (0, "unreachable route"),
    (1, " unreachable prohibited"),
    (2, "beyond scope"),
    (3, "unreachable address"),
    (4, "unreachable port"),
];
const OPTIONS: Table = &[
    (1, "source link-address"),
    (2, "destination link-address"),
    (3, "prefix info"),
    (4, "redirected header"),
    (5, "mtu"),
    (25, "rdnss"),
    (31, "dnssl"),
    (7, "advertisement interval"),
    (8, "homeagent information"),
    (24, "route info"),
];
const ADVERTISEMENT: Table =
    &[(0x8000_0000, "router"), (0x4000_0000, "solicited"), (0x2000_0000, "override")];
const PREFIX: Table = &[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")];
const ROUTER: Table = &[(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent")];

impl Printer<'_> {
    pub(super) fn icmp6(&mut self, ends: Ends, icmp: Bytes, length: u32) -> Printed {
        self.protocol = "icmp6";
        if length == 0 {
            self.say("ICMP6, length 0");
            self.invalid();
            return Ok(());
        }
        if let (true, Ok(message)) = (self.verbose(1) && !ends.fragmented, icmp.slice(0, length as usize)) {
            let sum = ends.checksum(PROTOCOL, message);
            let is = icmp.u16(2)?;
            match sum {
                0 => self.say("[icmp6 sum ok] "),
                sum => self.say(format!("[bad icmp6 cksum 0x{is:04x} -> 0x{:04x}!] ", should_be(is, sum))),
            }
        }
        let kind = icmp.u8(0)?;
        let name =
            word(TYPES, kind.into()).map_or_else(|| format!("unknown icmp6 type ({kind})"), str::to_string);
        self.say(format!("ICMP6, {name}"));
        if self.verbose(1) && (133..=137).contains(&kind) {
            self.say(format!(", length {length}"));
        }
        match kind {
            1 => self.unreachable6(icmp)?,
            2 => self.say(format!(", mtu {}", icmp.u32(4)?)),
            3 => match icmp.u8(1)? {
                0 => {
                    let address = self.host(icmp.ipv6(8 + 24)?);
                    self.say(format!(" for {address}"));
                }
                1 => self.say(" (reassembly)"),
                code => self.say(format!(", unknown code ({code})")),
            },
            128 | 129 => self.say(format!(", id {}, seq {}", icmp.u16(4)?, icmp.u16(6)?)),
            130 if length >= 28 => self.listener_query(icmp, length)?,
            130..=132 if icmp.len() >= 24 => {
                let address = self.host(icmp.ipv6(8)?);
                self.say(format!("max resp delay: {} addr: {address}", icmp.u16(4)?));
            }
            130..=132 => {}
            133..=137 => self.discovery(kind, icmp)?,
            143 => self.listener_report(icmp, length)?,
            _ => {
                self.say(format!(", length {length}"));
                if self.style.verbose <= 1 {
                    self.unknown_data("\n\t", icmp.first(length as usize).0);
                }
                return Ok(());
            }
        }
        if !self.verbose(1) {
            self.say(format!(", length {length}"));
        }
        Ok(())
    }

    fn unknown_data(&mut self, indent: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            let mut lines = String::new();
            for (line, chunk) in bytes.chunks(16).enumerate() {
                let pairs: String = chunk
                    .chunks(2)
                    .map(|pair| {
                        format!(" {}", pair.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
                    })
                    .collect();
                lines += &format!("{indent}0x{:04x}: {pairs}", line * 16);
            }
            self.say(lines);
        }
    }

    fn unreachable6(&mut self, icmp: Bytes) -> Printed {
        let code = icmp.u8(1)?;
        let name = word(UNREACHABLE, code.into())
            .map_or_else(|| format!("unknown unreach code ({code})"), str::to_string);
        self.say(format!(", {name}"));
        let inner = icmp.after(8);
        let dst = self.host(inner.ipv6(24)?);
        match code {
            0 | 1 | 3 => self.say(format!(" {dst}")),
            2 => {
                let src = self.host(inner.ipv6(8)?);
                self.say(format!(" {dst}, source address {src}"));
            }
            4 => {
                let (protocol, port) = (inner.u8(6)?, inner.u16(40 + 2)?);
                match protocol {
                    6 => self.say(format!(", {dst} tcp port {}", self.tcp_port(port))),
                    17 => self.say(format!(", {dst} udp port {}", self.udp_port(port))),
                    protocol => self.say(format!(", {dst} protocol {protocol} port {port} unreachable")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn discovery(&mut self, kind: u8, icmp: Bytes) -> Printed {
        let header = match kind {
            133 => 8,
            134 => {
                if self.verbose(1) {
                    let flags = u32::from(icmp.u8(5)?);
                    let preference = ["medium", "high", "*reserved*", "low"][(flags >> 3 & 3) as usize];
                    self.say(format!(
                        "\n\thop limit {}, Flags [{}], pref {preference}, router lifetime {}s, reachable time {}ms, retrans timer {}ms",
                        icmp.u8(4)?,
                        bits(ROUTER, flags, "none", ", "),
                        icmp.u16(6)?,
                        icmp.u32(8)?,
                        icmp.u32(12)?,
                    ));
                }
                16
            }
            135 => {
                let target = self.host(icmp.ipv6(8)?);
                self.say(format!(", who has {target}"));
                24
            }
            136 => {
                let target = self.host(icmp.ipv6(8)?);
                self.say(format!(", tgt is {target}"));
                if self.verbose(1) {
                    self.say(format!(", Flags [{}]", bits(ADVERTISEMENT, icmp.u32(4)?, "none", ", ")));
                }
                24
            }
            _ => {
                let (to, target) = (self.host(icmp.ipv6(24)?), self.host(icmp.ipv6(8)?));
                self.say(format!(", {to} to {target}"));
                40
            }
        };
        if self.verbose(1) && !self.discovery_options(icmp.after(header))? {
            self.truncated();
        }
        Ok(())
    }

    /// False where one is cut short.
    fn discovery_options(&mut self, mut options: Bytes) -> Result<bool, Cut> {
        while options.len() > 0 {
            let kind = options.u8(0)?;
            let Ok(eights) = options.u8(1) else { return Ok(false) };
            let size = usize::from(eights) * 8;
            if size == 0 || size > options.len() {
                return Ok(false);
            }
            let name = word(OPTIONS, kind.into()).unwrap_or("unknown");
            self.say(format!("\n\t  {name} option ({kind}), length {size} ({eights}): "));
            match kind {
                1 | 2 => self.say(colons(options.slice(2, size - 2)?)),
                3 => {
                    let prefix = self.host(options.ipv6(16)?);
                    let lifetime = |seconds: u32| {
                        if seconds == u32::MAX { "infinity".into() } else { format!("{seconds}s") }
                    };
                    self.say(format!(
                        "{prefix}/{}{}, Flags [{}], valid time {}, pref. time {}",
                        options.u8(2)?,
                        if eights == 4 { "" } else { "badlen" },
                        bits(PREFIX, options.u8(3)?.into(), "none", ", "),
                        lifetime(options.u32(4)?),
                        lifetime(options.u32(8)?),
                    ));
                }
                5 => self.say(format!(
                    " {}{}",
                    options.u32(4)?,
                    if eights == 1 { "" } else { "bad option length" }
                )),
                _ if self.style.verbose <= 1 => {
                    self.unknown_data("\n\t  ", options.slice(2, size - 2)?);
                    return Ok(true);
                }
                _ => {}
            }
            if self.verbose(2) {
                self.unknown_data("\n\t    ", options.slice(2, size - 2)?);
            }
            options = options.after(size);
        }
        Ok(true)
    }

    fn listener_query(&mut self, icmp: Bytes, length: u32) -> Printed {
        self.say(" v2");
        let code = u32::from(icmp.u16(4)?);
        let delay = if code < 32_768 { code } else { (code & 0xfff | 0x1000) << ((code >> 12 & 7) + 3) };
        if self.verbose(1) {
            self.say(format!(" [max resp delay={delay}]"));
        }
        let group = self.host(icmp.ipv6(8)?);
        self.say(format!(" [gaddr {group}"));
        if self.verbose(1) {
            let flags = icmp.u8(24)?;
            if flags & 8 != 0 {
                self.say(" sflag");
            }
            if flags & 7 != 0 {
                self.say(format!(" robustness={}", flags & 7));
            }
            let code = u32::from(icmp.u8(25)?);
            let interval = if code < 128 { code } else { (code & 0xf | 0x10) << ((code >> 4 & 7) + 3) };
            self.say(format!(" qqi={interval}"));
        }
        match u32::from(icmp.u16(26)?) {
            0 => {}
            sources if length < 28 + sources * 16 => self.say(" [invalid number of sources]"),
            sources => self.say(format!(", {sources} source(s)")),
        }
        self.say("]");
        Ok(())
    }

    fn listener_report(&mut self, icmp: Bytes, length: u32) -> Printed {
        if length < 8 {
            self.say(format!(" [invalid len {length}]"));
            return Ok(());
        }
        let groups = icmp.u16(6)?;
        self.say(format!(", {groups} group record(s)"));
        if !self.verbose(1) {
            return Ok(());
        }
        let (mut at, length) = (8, length as usize);
        for _ in 0..groups {
            if length < at + 20 {
                self.say(" [invalid number of groups]");
                return Ok(());
            }
            let group = self.host(icmp.ipv6(at + 4)?);
            let kind = u32::from(icmp.u8(at)?);
            let name = word(RECORDS, kind).map_or_else(|| format!(" [v2-report-#{kind}]"), str::to_string);
            self.say(format!(" [gaddr {group} {name}"));
            let sources = usize::from(icmp.u16(at + 2)?);
            if length < at + 20 + sources * 16 {
                self.say(format!(" [invalid number of sources {sources}]"));
                return Ok(());
            }
            if self.style.verbose == 1 {
                self.say(format!(", {sources} source(s)"));
            } else {
                self.say(" {");
                for source in 0..sources {
                    let address = self.host(icmp.ipv6(at + 20 + source * 16)?);
                    self.say(format!(" {address}"));
                }
                self.say(" }");
            }
            at += 20 + sources * 16;
            self.say("]");
        }
        Ok(())
    }
}
