//! UDP. Source: tcpdump 4.99.3, print-udp.c.

use super::ip::{Ends, should_be};
use super::{Bytes, Cut, Printed, Printer};

const HEADER: u32 = 8;
const PROTOCOL: u8 = 17;

impl Printer<'_> {
    pub(super) fn udp(&mut self, ends: Ends, udp: Bytes, length: u32) -> Printed {
        self.protocol = "udp";
        let (Ok(from), Ok(to)) = (udp.u16(0), udp.u16(2)) else {
            let (src, dst) = (self.host(ends.src), self.host(ends.dst));
            self.say(format!("{src} > {dst}: "));
            self.truncated();
            return Ok(());
        };
        let (from_name, to_name) = (self.udp_port(from), self.udp_port(to));
        match ends.protocol == PROTOCOL {
            true => {
                let (src, dst) = (self.host(ends.src), self.host(ends.dst));
                self.say(format!("{src}.{from_name} > {dst}.{to_name}: "));
            }
            false => self.say(format!("{from_name} > {to_name}: ")),
        }
        if length < HEADER {
            self.say(format!("truncated-udp {length}"));
            return Ok(());
        }
        let Ok(claimed) = udp.u16(4) else {
            self.truncated();
            return Ok(());
        };
        let claimed = u32::from(claimed);
        if claimed < HEADER {
            self.say(format!("truncated-udplength {claimed}"));
            return Ok(());
        }
        let claimed = claimed - HEADER;
        let length = claimed.min(length - HEADER);
        if udp.len() < HEADER as usize {
            self.truncated();
            return Ok(());
        }
        self.udp_checksum(ends, udp, length)?;
        let payload = udp.after(HEADER as usize);
        if self.style.quiet == 0 && self.udp_payload((from, to), payload, length)? {
            return Ok(());
        }
        match claimed > length && !ends.fragmented {
            true => self.say(format!("UDP, bad length {claimed} > {length}")),
            false => self.say(format!("UDP, length {claimed}")),
        }
        Ok(())
    }

    fn udp_checksum(&mut self, ends: Ends, udp: Bytes, length: u32) -> Printed {
        let v4 = ends.src.is_ipv4();
        let wanted = if v4 { self.verbose(2) } else { self.verbose(1) };
        if !wanted || self.style.no_checksums || ends.fragmented {
            return Ok(());
        }
        let is = udp.u16(6)?;
        if v4 && is == 0 {
            self.say("[no cksum] ");
        } else if let Ok(whole) = udp.slice(0, (length + HEADER) as usize) {
            match ends.checksum(PROTOCOL, whole) {
                0 => self.say("[udp sum ok] "),
                sum => self.say(format!("[bad udp cksum 0x{is:04x} -> 0x{:04x}!] ", should_be(is, sum))),
            }
        }
        Ok(())
    }

    /// False where nothing is known of what is inside.
    fn udp_payload(&mut self, (from, to): (u16, u16), payload: Bytes, length: u32) -> Result<bool, Cut> {
        let port = |wanted: u16| from == wanted || to == wanted;
        match () {
            _ if port(53) => self.dns(payload, length, false)?,
            _ if port(5353) => self.dns(payload, length, true)?,
            _ if port(67) || port(68) => self.dhcp(payload, length)?,
            _ if matches!(to, 3784 | 3785 | 4784 | 6784) => self.bfd(payload, length, to)?,
            _ if port(8472) => self.otv(payload, length)?,
            _ if port(4789) => self.vxlan(payload, length)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn dhcp(&mut self, dhcp: Bytes, length: u32) -> Printed {
        self.protocol = "bootp";
        self.say("BOOTP/DHCP");
        let kind = match dhcp.u8(0)? {
            1 => "Request".to_string(),
            2 => "Reply".to_string(),
            kind => format!("unknown (0x{kind:02x})"),
        };
        self.say(format!(", {kind}"));
        if dhcp.u8(1)? == 1 && dhcp.u8(2)? == 6 && dhcp.u8(0)? == 1 {
            self.say(format!(" from {}", dhcp.mac(28)?));
        }
        self.say(format!(", length {length}"));
        Ok(())
    }
}
