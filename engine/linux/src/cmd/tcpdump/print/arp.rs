//! ARP. Source: tcpdump 4.99.3, print-arp.c.

use super::words::{ETHERTYPES, Table, word};
use super::{Bytes, Cut, Printed, Printer, colons};

const HEADER: usize = 8;
const HARDWARE: Table =
    &[(1, "Ethernet"), (6, "TokenRing"), (7, "ArcNet"), (15, "FrameRelay"), (20, "Strip"), (24, "IEEE 1394")];
const OPERATIONS: Table = &[
    (1, "Request"),
    (2, "Reply"),
    (3, "Reverse Request"),
    (4, "Reverse Reply"),
    (8, "Inverse Request"),
    (9, "Inverse Reply"),
    (10, "NACK Reply"),
];

fn link(octets: &[u8]) -> String {
    if octets.is_empty() { "<empty>".into() } else { colons(octets) }
}

impl Printer<'_> {
    pub(super) fn arp(&mut self, arp: Bytes, length: u32) -> Printed {
        self.protocol = "arp";
        arp.slice(0, HEADER)?;
        let (hardware, protocol, operation) = (arp.u16(0)?, arp.u16(2)?, arp.u16(6)?);
        let (link_length, address_length) = (usize::from(arp.u8(4)?), usize::from(arp.u8(5)?));
        let sender_at = HEADER + link_length;
        let target_link_at = sender_at + address_length;
        let target_at = target_link_at + link_length;
        arp.slice(target_at, address_length)?;
        if !self.style.link {
            self.say("ARP, ");
        }
        let strange = (protocol != 0x0800 && protocol != 0x1000) || address_length != 4 || link_length == 0;
        if strange || self.verbose(1) {
            let known = word(HARDWARE, hardware.into());
            let hardware = known.map_or_else(|| format!("Unknown Hardware ({hardware})"), str::to_string);
            let known = word(ETHERTYPES, protocol.into());
            let protocol =
                known.map_or_else(|| format!("Unknown Protocol (0x{protocol:04x})"), str::to_string);
            self.say(format!("{hardware} (len {link_length}), {protocol} (len {address_length})"));
            if !self.verbose(1) {
                self.say(format!(", length {length}"));
                return Ok(());
            }
        }
        if self.verbose(1) {
            self.say(", ");
        }
        let known = word(OPERATIONS, operation.into());
        self.say(format!("{} ", known.map_or_else(|| format!("Unknown ({operation})"), str::to_string)));
        let ip = matches!(protocol, 0x0800 | 0x1000);
        let sender_link = link(arp.slice(HEADER, link_length)?);
        let target = arp.slice(target_link_at, link_length)?;
        match operation {
            1 => {
                let address = self.arp_address(arp, target_at, ip, address_length)?;
                self.say(format!("who-has {address}"));
                if target.iter().any(|octet| *octet != 0) {
                    self.say(format!(" ({})", link(target)));
                }
                let sender = self.arp_address(arp, sender_at, ip, address_length)?;
                self.say(format!(" tell {sender}"));
            }
            2 => {
                let sender = self.arp_address(arp, sender_at, ip, address_length)?;
                self.say(format!("{sender} is-at {sender_link}"));
            }
            3 | 8 => self.say(format!("who-is {} tell {sender_link}", link(target))),
            4 => {
                let address = self.arp_address(arp, target_at, ip, address_length)?;
                self.say(format!("{} at {address}", link(target)));
            }
            9 => {
                let sender = self.arp_address(arp, sender_at, ip, address_length)?;
                self.say(format!("{sender_link} at {sender}"));
            }
            _ => {
                self.unknown(arp.0);
                return Ok(());
            }
        }
        self.say(format!(", length {length}"));
        Ok(())
    }

    fn arp_address(&mut self, arp: Bytes, at: usize, ip: bool, length: usize) -> Result<String, Cut> {
        match (ip, length) {
            (false, _) => Ok("<wrong proto type>".into()),
            (true, 4) => Ok(self.host(arp.ipv4(at)?)),
            (true, _) => Ok("<wrong len>".into()),
        }
    }
}
