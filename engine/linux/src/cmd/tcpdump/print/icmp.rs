//! ICMP. Source: tcpdump 4.99.3, print-icmp.c.

use super::ip::{Ends, checksum, should_be};
use super::words::{Table, word};
use super::{Bytes, Cut, Printed, Printer};
use std::net::IpAddr;

const HEADER: usize = 8;
/// Errors: what follows their header is the packet they are about.
const ERRORS: [u8; 5] = [3, 4, 5, 11, 12];
const OTHERS: Table = &[
    (4, "source quench"),
    (10, "router solicitation"),
    (15, "information request"),
    (16, "information reply"),
    (17, "address mask request"),
];

impl Printer<'_> {
    pub(super) fn icmp(&mut self, ends: Ends, icmp: Bytes, length: u32) -> Printed {
        self.protocol = "icmp";
        let (kind, code) = (icmp.u8(0)?, icmp.u8(1)?);
        let text = match kind {
            0 | 8 => {
                let what = if kind == 8 { "request" } else { "reply" };
                format!("echo {what}, id {}, seq {}", icmp.u16(4)?, icmp.u16(6)?)
            }
            3 => self.unreachable(icmp, code)?,
            5 => self.redirect(icmp, code)?,
            9 => self.router_advertisement(icmp)?,
            11 => {
                icmp.slice(HEADER + 16, 4)?;
                match code {
                    0 => "time exceeded in-transit".into(),
                    1 => "ip reassembly time exceeded".into(),
                    code => format!("time exceeded-#{code}"),
                }
            }
            12 if code != 0 => format!("parameter problem - code {code}"),
            12 => format!("parameter problem - octet {}", icmp.u8(4)?),
            13 => format!("time stamp query id {} seq {}", icmp.u16(4)?, icmp.u16(6)?),
            14 => {
                let clock = |ms: u32| {
                    format!(
                        "{:02}:{:02}:{:02}.{:03}",
                        ms / 3_600_000,
                        ms / 60_000 % 60,
                        ms / 1000 % 60,
                        ms % 1000
                    )
                };
                format!(
                    "time stamp reply id {} seq {}: org {}, recv {}, xmit {}",
                    icmp.u16(4)?,
                    icmp.u16(6)?,
                    clock(icmp.u32(8)?),
                    clock(icmp.u32(12)?),
                    clock(icmp.u32(16)?)
                )
            }
            18 => format!("address mask is 0x{:08x}", icmp.u32(8)?),
            kind => word(OTHERS, kind.into()).map_or_else(|| format!("type-#{kind}"), str::to_string),
        };
        self.say(format!("ICMP {text}, length {length}"));
        if !self.verbose(1) {
            return Ok(());
        }
        if let (false, Ok(message)) = (ends.fragmented, icmp.slice(0, length as usize)) {
            let sum = checksum(&[message]);
            if sum != 0 {
                let is = icmp.u16(2)?;
                self.say(format!(" (wrong icmp cksum {is:x} (->{:x})!)", should_be(is, sum)));
            }
        }
        if ERRORS.contains(&kind) {
            self.say("\n\t");
            let inner = icmp.after(HEADER);
            let total = u32::from(inner.u16(2)?);
            self.ip(inner.first(total as usize), total)?;
            self.protocol = "icmp";
        }
        Ok(())
    }

    /// Whom the packet inside was for.
    fn inner_destination(&mut self, icmp: Bytes) -> Result<String, Cut> {
        let address: IpAddr = icmp.ipv4(HEADER + 16)?;
        Ok(self.host(address))
    }

    fn unreachable(&mut self, icmp: Bytes, code: u8) -> Result<String, Cut> {
        if code == 3 {
            return self.port_unreachable(icmp);
        }
        let dst = self.inner_destination(icmp)?;
        Ok(match code {
            0 => format!("net {dst} unreachable"),
            1 => format!("host {dst} unreachable"),
            2 => format!("{dst} protocol {} unreachable", icmp.u8(HEADER + 9)?),
            4 => match icmp.u16(6)? {
                0 => format!("{dst} unreachable - need to frag"),
                mtu => format!("{dst} unreachable - need to frag (mtu {mtu})"),
            },
            5 => format!("{dst} unreachable - source route failed"),
            6 => format!("net {dst} unreachable - unknown"),
            7 => format!("host {dst} unreachable - unknown"),
            8 => format!("{dst} unreachable - source host isolated"),
            9 => format!("net {dst} unreachable - admin prohibited"),
            10 => format!("host {dst} unreachable - admin prohibited"),
            11 => format!("net {dst} unreachable - tos prohibited"),
            12 => format!("host {dst} unreachable - tos prohibited"),
            13 => format!("host {dst} unreachable - admin prohibited filter"),
            14 => format!("host {dst} unreachable - host precedence violation"),
            15 => format!("host {dst} unreachable - precedence cutoff"),
            code => format!("{dst} unreachable - #{code}"),
        })
    }

    fn port_unreachable(&mut self, icmp: Bytes) -> Result<String, Cut> {
        let header = usize::from(icmp.u8(HEADER)? & 0xf) * 4;
        let port = icmp.u16(HEADER + header + 2)?;
        let dst = self.inner_destination(icmp)?;
        Ok(match icmp.u8(HEADER + 9)? {
            6 => format!("{dst} tcp port {} unreachable", self.tcp_port(port)),
            17 => format!("{dst} udp port {} unreachable", self.udp_port(port)),
            protocol => format!("{dst} protocol {protocol} port {port} unreachable"),
        })
    }

    fn redirect(&mut self, icmp: Bytes, code: u8) -> Result<String, Cut> {
        let dst = self.inner_destination(icmp)?;
        let gateway = self.host(icmp.ipv4(4)?);
        Ok(match code {
            0 => format!("redirect {dst} to net {gateway}"),
            1 => format!("redirect {dst} to host {gateway}"),
            2 => format!("redirect-tos {dst} to net {gateway}"),
            3 => format!("redirect-tos {dst} to host {gateway}"),
            code => format!("redirect-#{code} {dst} to {gateway}"),
        })
    }

    fn router_advertisement(&mut self, icmp: Bytes) -> Result<String, Cut> {
        let seconds = icmp.u16(6)?;
        let (hours, minutes, left) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let lifetime = match seconds {
            0..60 => seconds.to_string(),
            60..3600 => format!("{minutes}:{left:02}"),
            _ => format!("{hours}:{minutes:02}:{left:02}"),
        };
        let (count, size) = (icmp.u8(4)?, icmp.u8(5)?);
        let mut text = format!("router advertisement lifetime {lifetime} {count}:");
        if size != 2 {
            return Ok(text + &format!(" [size {size}]"));
        }
        for entry in 0..usize::from(count) {
            let at = HEADER + entry * 8;
            let address = self.host(icmp.ipv4(at)?);
            text += &format!(" {{{address} {}}}", icmp.u32(at + 4)?);
        }
        Ok(text)
    }
}
