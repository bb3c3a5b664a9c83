//! VXLAN, and what tcpdump takes VXLAN for on other ports: OTV on 8472, BFD on 6784; GRE.
//!
//! Sources: tcpdump 4.99.3, print-vxlan.c, print-otv.c, print-bfd.c, print-gre.c.

use super::words::{Table, bits, word};
use super::{Bytes, Printed, Printer};

const HEADER: u32 = 8;
const DIAGNOSTICS: Table = &[
    (0, "No Diagnostic"),
    (1, "Control Detection Time Expired"),
    (2, "Echo Function Failed"),
    (3, "Neighbor Signaled Session Down"),
    (4, "Forwarding Plane Reset"),
    (5, "Path Down"),
    (6, "Concatenated Path Down"),
    (7, "Administratively Down"),
    (8, "Reverse Concatenated Path Down"),
];
const FLAGS_0: Table = &[
    (0x80, "I Hear You"),
    (0x40, "Demand"),
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (0x04, "Authentication Present"),
    (0x02, "Reserved"),
    (0x01, "Reserved"),
];
const FLAGS_1: Table = &[
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (0x04, "Authentication Present"),
    (0x02, "Demand"),
    (0x01, "Multipoint"),
];
const PORTS: Table = &[(3784, "Control"), (4784, "Multihop"), (6784, "Lag")];
const ECHO: u16 = 3785;
/// Of a BFD control packet without authentication.
const CONTROL: usize = 24;

impl Printer<'_> {
    pub(super) fn vxlan(&mut self, vxlan: Bytes, length: u32) -> Printed {
        self.protocol = "vxlan";
        self.say("VXLAN");
        if length < HEADER {
            self.invalid();
            return Ok(());
        }
        let flags = vxlan.u8(0)?;
        self.say(format!(", flags [{}] (0x{flags:02x}), ", bits(&[(8, "I")], flags.into(), "invalid", "")));
        self.say(format!("vni {}\n", vxlan.u24(4)?));
        vxlan.u8(7)?;
        self.inner_ethernet(vxlan.after(HEADER as usize), length - HEADER)
    }

    pub(super) fn otv(&mut self, otv: Bytes, length: u32) -> Printed {
        self.protocol = "otv";
        self.say("OTV, ");
        if length < HEADER {
            self.say(format!("[length {length} < {HEADER}]"));
            self.invalid();
            return Ok(());
        }
        let flags = otv.u8(0)?;
        let instance = if flags & 8 != 0 { "I" } else { "." };
        self.say(format!("flags [{instance}] (0x{flags:02x}), overlay {}, ", otv.u24(1)?));
        self.say(format!("instance {}\n", otv.u24(4)?));
        otv.u8(7)?;
        self.inner_ethernet(otv.after(HEADER as usize), length - HEADER)
    }

    pub(super) fn bfd(&mut self, bfd: Bytes, length: u32, port: u16) -> Printed {
        self.protocol = "bfd";
        let Some(kind) = word(PORTS, port.into()) else {
            match port {
                ECHO => self.say(format!("BFD, Echo, length: {length}")),
                port => self.say(format!("BFD, unknown ({port}), length: {length}")),
            }
            return Ok(());
        };
        bfd.slice(0, CONTROL)?;
        let (first, flags) = (bfd.u8(0)?, u32::from(bfd.u8(1)?));
        let version = first >> 5;
        let state = ["AdminDown", "Down", "Init", "Up"][(flags >> 6) as usize];
        let described = match version {
            0 => format!("Control, Flags: [{}]", bits(FLAGS_0, flags, "none", ", ")),
            1 => format!("{kind}, State {state}, Flags: [{}]", bits(FLAGS_1, flags & 0x3f, "none", ", ")),
            version => {
                self.say(format!("BFDv{version}, Control, length: {length}"));
                return Ok(());
            }
        };
        if !self.verbose(1) {
            self.say(format!("BFDv{version}, {described}, length: {length}"));
            return Ok(());
        }
        let diagnostic = first & 0x1f;
        let name = word(DIAGNOSTICS, diagnostic.into()).unwrap_or("unknown");
        self.say(format!(
            "BFDv{version}, length: {length}\n\t{described}, Diagnostic: {name} (0x{diagnostic:02x})"
        ));
        let (multiplier, interval) = (u32::from(bfd.u8(2)?), bfd.u32(12)?);
        self.say(format!(
            "\n\tDetection Timer Multiplier: {multiplier} ({} ms Detection time), BFD Length: {}",
            multiplier.wrapping_mul(interval) / 1000,
            bfd.u8(3)?
        ));
        self.say(format!(
            "\n\tMy Discriminator: 0x{:08x}, Your Discriminator: 0x{:08x}",
            bfd.u32(4)?,
            bfd.u32(8)?
        ));
        self.say(format!("\n\t  Desired min Tx Interval:    {:4} ms", interval / 1000));
        self.say(format!("\n\t  Required min Rx Interval:   {:4} ms", bfd.u32(16)? / 1000));
        self.say(format!("\n\t  Required min Echo Interval: {:4} ms", bfd.u32(20)? / 1000));
        Ok(())
    }

    pub(super) fn gre(&mut self, gre: Bytes, length: u32) -> Printed {
        self.protocol = "gre";
        let flags = gre.u16(0)?;
        self.say(format!("GREv{}", flags & 7));
        if flags & 7 != 0 {
            self.say(" ERROR: unknown-version");
            return Ok(());
        }
        let ethertype = gre.u16(2)?;
        let mut header = 4;
        let mut optional = |present: bool| {
            let at = header;
            header += if present { 4 } else { 0 };
            present.then_some(at)
        };
        let (sum, key, sequence) =
            (optional(flags & 0x8000 != 0), optional(flags & 0x2000 != 0), optional(flags & 0x1000 != 0));
        if self.verbose(1) {
            let set = bits(
                &[(0x8000, "checksum present"), (0x2000, "key present"), (0x1000, "sequence# present")],
                flags.into(),
                "none",
                ", ",
            );
            self.say(format!(", Flags [{set}]"));
        }
        if let (Some(at), true) = (sum, self.verbose(1)) {
            self.say(format!(", sum 0x{:x}", gre.u16(at)?));
        }
        if let Some(at) = key {
            self.say(format!(", key=0x{:x}", gre.u32(at)?));
        }
        if let Some(at) = sequence {
            self.say(format!(", seq {}", gre.u32(at)?));
        }
        let name = word(super::words::ETHERTYPES, ethertype.into()).unwrap_or("unknown");
        if self.style.link {
            self.say(format!(", proto {name} (0x{ethertype:04x})"));
        }
        self.say(format!(", length {length}"));
        self.say(if self.verbose(1) { "\n\t" } else { ": " });
        let (inner, left) = (gre.after(header), length.saturating_sub(header as u32));
        match ethertype {
            0x6558 => self.inner_ethernet(inner, left),
            0x0800 => self.ip(inner, left),
            0x86dd => self.ip6(inner, left),
            other => {
                self.say(format!("gre-proto-0x{other:x}"));
                Ok(())
            }
        }
    }
}
