//! 802.2 LLC and the spanning tree inside it. Sources: tcpdump 4.99.3, print-llc.c, print-stp.c.

use super::words::{ETHERTYPES, Table, bits, word};
use super::{Bytes, Cut, Printed, Printer};

const SAPS: Table = &[
    (0x00, "Null"),
    (0xff, "Global"),
    (0x02, "802.1B I"),
    (0x03, "802.1B G"),
    (0x06, "IP"),
    (0x04, "SNA"),
    (0x0e, "ProWay NM"),
    (0x42, "STP"),
    (0x4e, "RS511"),
    (0x7e, "ISO8208"),
    (0x8e, "ProWay"),
    (0xaa, "SNAP"),
    (0xe0, "IPX"),
    (0xf0, "NetBeui"),
    (0xfe, "OSI"),
];
const STP_FLAGS: Table = &[
    (0x01, "Topology change"),
    (0x02, "Proposal"),
    (0x10, "Learn"),
    (0x20, "Forward"),
    (0x40, "Agreement"),
    (0x80, "Topology change ACK"),
];
const STP: u8 = 0x42;
const SNAP: u8 = 0xaa;
/// Unnumbered information.
const UI: u16 = 3;
/// Of a configuration BPDU.
const BPDU: u32 = 35;

impl Printer<'_> {
    /// How long its header is. `ends` are the MAC addresses, for frames that nobody understands.
    pub(super) fn llc(&mut self, llc: Bytes, length: u32, ends: Option<(&str, &str)>) -> Result<usize, Cut> {
        self.protocol = "llc";
        if llc.len() < 3 {
            self.truncated();
            self.unknown(llc.0);
            return Ok(llc.len());
        }
        let (to, from) = (llc.u8(0)?, llc.u8(1)?);
        let unnumbered = llc.u8(2)? & 3 == 3;
        let (control, header) = match unnumbered {
            true => (u16::from(llc.u8(2)?), 3),
            false => (llc.u16(2)?.swap_bytes(), 4),
        };
        let name = |sap: u8| word(SAPS, u32::from(sap & !1));
        if self.style.link {
            let side = |set: u8, on: &'static str, off: &'static str| if set & 1 == 0 { off } else { on };
            self.say(format!(
                "LLC, dsap {} (0x{:02x}) {}, ssap {} (0x{:02x}) {}, ctrl 0x{control:0width$x}: ",
                name(to).unwrap_or("Unknown"),
                to & !1,
                side(to, "Group", "Individual"),
                name(from).unwrap_or("Unknown"),
                from & !1,
                side(from, "Response", "Command"),
                width = (header - 2) * 2,
            ));
        }
        let (rest, left) = (llc.after(header), length.saturating_sub(header as u32));
        match (to & !1, from & !1, control) {
            (STP, STP, UI) => {
                self.stp(rest, left)?;
                return Ok(header);
            }
            (SNAP, SNAP, UI) if rest.len() >= 5 && rest.u24(0)? == 0 => {
                let ethertype = rest.u16(3)?;
                if self.style.link {
                    let name = word(ETHERTYPES, ethertype.into()).unwrap_or("Unknown");
                    let left = left.saturating_sub(5);
                    self.say(format!(
                        "oui Ethernet (0x000000), ethertype {name} (0x{ethertype:04x}), length {left}: "
                    ));
                }
                if self.network(ethertype, rest.after(5), left.saturating_sub(5))? {
                    return Ok(header + 5);
                }
            }
            _ => {}
        }
        if !self.style.link {
            let sap = name(to).map_or_else(|| format!("Unknown DSAP 0x{:02x}", to & !1), str::to_string);
            match ends {
                Some((source, destination)) => self.say(format!("{source} > {destination} {sap} ")),
                None => self.say(format!("{sap} ")),
            }
        }
        let kind = if unnumbered { "Unnumbered" } else { "Information" };
        self.say(format!("{kind}, {control:02x}, Flags [Command], length {length}"));
        self.unknown(rest.0);
        Ok(header)
    }

    fn stp(&mut self, bpdu: Bytes, length: u32) -> Printed {
        self.protocol = "stp";
        if length < 4 {
            self.invalid();
            return Ok(());
        }
        if bpdu.u16(0)? != 0 {
            self.say(format!("unknown STP version, length {length}"));
            return Ok(());
        }
        let version = bpdu.u8(2)?;
        let Some(name) = word(&[(0, "802.1d"), (2, "802.1w"), (3, "802.1s"), (4, "802.1aq")], version.into())
        else {
            self.say(format!("STP Unknown STP protocol (0x{version:02x})"));
            return Ok(());
        };
        let kind = bpdu.u8(3)?;
        self.say(format!("STP {name}, "));
        match word(&[(0, "Config"), (2, "Rapid STP"), (0x80, "Topology Change")], kind.into()) {
            Some(kind) => self.say(kind),
            None => self.say(format!("Unknown BPDU Type (0x{kind:02x})")),
        }
        match (kind, version) {
            (0, _) | (2, 2) if length >= BPDU => self.configuration(bpdu, length, version),
            (0, _) | (2, 2) => {
                self.invalid();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn configuration(&mut self, bpdu: Bytes, length: u32, version: u8) -> Printed {
        let flags = u32::from(bpdu.u8(4)?);
        let bridge =
            |at: usize| -> Result<String, Cut> { Ok(format!("{:04x}.{}", bpdu.u16(at)?, bpdu.mac(at + 2)?)) };
        self.say(format!(
            ", Flags [{}], bridge-id {}.{:04x}, length {length}",
            bits(STP_FLAGS, flags, "none", ", "),
            bridge(17)?,
            bpdu.u16(25)?
        ));
        if !self.verbose(1) {
            return Ok(());
        }
        let seconds =
            |at: usize| -> Result<String, Cut> { Ok(format!("{:.2}s", f32::from(bpdu.u16(at)?) / 256.0)) };
        self.say(format!(
            "\n\tmessage-age {}, max-age {}, hello-time {}, forwarding-delay {}",
            seconds(27)?,
            seconds(29)?,
            seconds(31)?,
            seconds(33)?
        ));
        self.say(format!("\n\troot-id {}, root-pathcost {}", bridge(5)?, bpdu.u32(13)?));
        if version == 2 {
            let role =
                word(&[(0, "Unknown"), (1, "Alternate"), (2, "Root"), (3, "Designated")], flags >> 2 & 3);
            self.say(format!(", port-role {}", role.unwrap_or("Unknown")));
        }
        Ok(())
    }
}
