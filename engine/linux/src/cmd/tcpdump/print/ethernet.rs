//! Ethernet and the cooked header of `-i any`. Sources: tcpdump 4.99.3, print-ether.c, print-sll.c.

use super::words::{ETHERTYPES, word};
use super::{Bytes, Cut, Printed, Printer};

const HEADER: usize = 14;
const COOKED: usize = 20;
const TAG: usize = 4;
/// Beyond, it is a type, not a length.
const MOST_LENGTH: u16 = 1500;
/// What follows is LLC, as behind a length.
const JUMBO: u16 = 0x8870;
const VLANS: [u16; 4] = [0x8100, 0x9100, 0x9200, 0x88a8];

fn type_name(ethertype: u16) -> &'static str {
    word(ETHERTYPES, ethertype.into()).unwrap_or("Unknown")
}

fn tag(control: u16) -> String {
    let drop_eligible = if control & 0x1000 != 0 { ", DEI" } else { "" };
    format!("vlan {}, p {}{drop_eligible}", control & 0xfff, control >> 13)
}

impl Printer<'_> {
    fn ethertype(&mut self, ethertype: u16) {
        match self.style.quiet {
            0 => self.say(format!("ethertype {} (0x{ethertype:04x})", type_name(ethertype))),
            _ => match word(ETHERTYPES, ethertype.into()) {
                Some(name) => self.say(name),
                None => self.say(format!("Unknown Ethertype (0x{ethertype:04x})")),
            },
        }
    }

    /// How long the link layer's headers are.
    pub(super) fn ethernet(&mut self, frame: Bytes, length: u32) -> Result<usize, Cut> {
        self.protocol = "ether";
        if frame.len() < HEADER {
            self.truncated();
            return Ok(frame.len());
        }
        let (destination, source) = (frame.mac(0)?, frame.mac(6)?);
        if self.style.link {
            self.say(format!("{source} > {destination}, "));
        }
        let (mut ethertype, mut at, mut said_length) = (frame.u16(12)?, HEADER, false);
        while VLANS.contains(&ethertype) {
            if frame.len() < at + TAG {
                self.protocol = "vlan";
                self.truncated();
                return Ok(frame.len());
            }
            if self.style.link {
                self.ethertype(ethertype);
                self.say(if said_length { ", ".into() } else { format!(", length {length}: ") });
                said_length = true;
                self.say(format!("{}, ", tag(frame.u16(at)?)));
            }
            ethertype = frame.u16(at + 2)?;
            at += TAG;
        }
        let rest = frame.after(at);
        let left = length.saturating_sub(at as u32);
        if ethertype <= MOST_LENGTH {
            let left = left.min(ethertype.into());
            if self.style.link {
                self.say("802.3");
                if !said_length {
                    self.say(format!(", length {left}: "));
                }
            }
            let (rest, ends) = (rest.first(left as usize), Some((source.as_str(), destination.as_str())));
            return Ok(at + self.llc(rest, left, ends)?);
        }
        if ethertype == JUMBO {
            return Ok(at + self.llc(rest, left, Some((source.as_str(), destination.as_str())))?);
        }
        if self.style.link {
            self.ethertype(ethertype);
            self.say(if said_length { ", ".into() } else { format!(", length {length}: ") });
        }
        if !self.network(ethertype, rest, left)? {
            if !self.style.link {
                self.say(format!("{source} > {destination}, "));
                self.ethertype(ethertype);
                self.say(format!(", length {length}: "));
            }
            self.unknown(rest.0);
        }
        Ok(at)
    }

    /// A frame inside something else.
    pub(super) fn inner_ethernet(&mut self, frame: Bytes, length: u32) -> Printed {
        self.deeper(|printer| printer.ethernet(frame, length).map(drop))
    }

    /// False where the EtherType is not known.
    pub(super) fn network(&mut self, ethertype: u16, packet: Bytes, length: u32) -> Result<bool, Cut> {
        match ethertype {
            0x0800 => self.ip(packet, length)?,
            0x86dd => self.ip6(packet, length)?,
            0x0806 | 0x8035 => self.arp(packet, length)?,
            0x9000 => self.loopback(packet, length)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The configuration test protocol.
    fn loopback(&mut self, message: Bytes, length: u32) -> Printed {
        self.protocol = "loopback";
        let skip = message.u16(0)?.swap_bytes();
        self.say(format!("Loopback, skipCount {skip}, "));
        if skip % 8 != 0 {
            self.say(" (bogus)");
        }
        let at = 2 + usize::from(skip);
        match message.u16(at)?.swap_bytes() {
            1 => self.say(format!("Reply, receipt number {}", message.u16(at + 2)?.swap_bytes())),
            2 => self.say(format!("Forward Data, forwarding address {}", message.mac(at + 2)?)),
            other => {
                self.say(format!(" invalid ({other})"));
                return Ok(());
            }
        }
        self.say(format!(", length {length}"));
        Ok(())
    }

    pub(super) fn cooked(&mut self, frame: Bytes, length: u32) -> Result<usize, Cut> {
        self.protocol = "sll2";
        frame.slice(0, COOKED)?;
        let (protocol, index, kind) = (frame.u16(0)?, frame.u32(4)?, frame.u8(10)?);
        let device = self.lookup.devices.get(&index).map_or("?", String::as_str);
        self.say(format!("{device:<5} "));
        let direction = match kind {
            0 => "In",
            1 => "B",
            2 => "M",
            3 => "P",
            4 => "Out",
            _ => "?",
        };
        self.say(format!("{direction:<3} "));
        if self.style.link {
            self.cooked_header(frame, length)?;
        }
        let (mut ethertype, mut at) = (protocol, COOKED);
        while ethertype == VLANS[0] {
            let control = frame.u16(at)?;
            if self.style.link {
                self.say(format!("{}, ", tag(control)));
            }
            ethertype = frame.u16(at + 2)?;
            if ethertype <= MOST_LENGTH {
                ethertype = 4;
            }
            if self.style.quiet == 0 {
                self.say(format!("ethertype {}, ", type_name(ethertype)));
            }
            at += TAG;
        }
        let (rest, left) = (frame.after(at), length.saturating_sub(at as u32));
        if ethertype <= MOST_LENGTH {
            if ethertype == 4 {
                return Ok(at + self.llc(rest, left, None)?);
            }
            self.unknown(rest.0);
        } else if !self.network(ethertype, rest, left)? {
            if !self.style.link {
                self.cooked_header(frame, length)?;
            }
            self.unknown(rest.0);
        }
        Ok(at)
    }

    fn cooked_header(&mut self, frame: Bytes, length: u32) -> Printed {
        self.say(format!("ifindex {} ", frame.u32(4)?));
        if frame.u8(11)? == 6 {
            self.say(format!("{} ", frame.mac(12)?));
        }
        if self.style.quiet == 0 {
            match frame.u16(0)? {
                1 => self.say("802.3"),
                4 => self.say("802.2"),
                protocol => self.say(format!("ethertype {} (0x{protocol:04x})", type_name(protocol))),
            }
            self.say(format!(", length {length}: "));
        }
        Ok(())
    }
}
