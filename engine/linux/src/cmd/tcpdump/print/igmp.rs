//! IGMP. Source: tcpdump 4.99.3, print-igmp.c.

use super::ip::checksum;
use super::words::{Table, word};
use super::{Bytes, Printed, Printer};

pub(super) const RECORDS: Table =
    &[(1, "is_in"), (2, "is_ex"), (3, "to_in"), (4, "to_ex"), (5, "allow"), (6, "block")];

impl Printer<'_> {
    pub(super) fn igmp(&mut self, igmp: Bytes, length: u32) -> Printed {
        self.protocol = "igmp";
        if self.style.quiet > 0 {
            self.say("igmp");
            return Ok(());
        }
        match igmp.u8(0)? {
            0x11 => {
                self.say("igmp query");
                self.igmp_query(igmp, length)?;
            }
            kind @ (0x12 | 0x16 | 0x17) => {
                let what = match kind {
                    0x12 => "v1 report",
                    0x16 => "v2 report",
                    _ => "leave",
                };
                let group = self.host(igmp.ipv4(4)?);
                self.say(format!("igmp {what} {group}"));
                if kind == 0x12 && length != 8 {
                    self.say(format!(" [len {length}]"));
                }
            }
            0x22 => {
                self.say("igmp v3 report");
                self.igmp_report(igmp, length)?;
            }
            other => self.say(format!("igmp-{other}")),
        }
        if let (true, Ok(message)) = (self.verbose(1) && length >= 4, igmp.slice(0, length as usize))
            && checksum(&[message]) != 0
        {
            self.say(format!(" bad igmp cksum {:x}!", igmp.u16(2)?));
        }
        Ok(())
    }

    fn igmp_query(&mut self, igmp: Bytes, length: u32) -> Printed {
        let time = igmp.u8(1)?;
        if length >= 12 {
            self.say(" v3");
            if length & 3 != 0 {
                self.say(format!(" [invalid len {length}]"));
                return Ok(());
            }
            let tenths = match time {
                0..128 => u32::from(time),
                _ => (u32::from(time & 0x0f) | 0x10) << (u32::from(time & 0x70) >> 4) << 3,
            };
            if time != 100 {
                self.say(format!(" [max resp time {}.{}s]", tenths / 10, tenths % 10));
            }
            if igmp.u32(4)? == 0 {
                return Ok(());
            }
            let group = self.host(igmp.ipv4(4)?);
            self.say(format!(" [gaddr {group}"));
            match igmp.u16(10)? {
                0 => {}
                sources if length < 12 + u32::from(sources) * 4 => self.say(" [invalid number of sources]"),
                sources => self.say(format!(", {sources} source(s)")),
            }
            self.say("]");
            return Ok(());
        }
        match time {
            0 => self.say(" v1"),
            100 => self.say(" v2"),
            time => self.say(format!(" v2 [max resp time {time}]")),
        }
        if igmp.u32(4)? != 0 {
            let group = self.host(igmp.ipv4(4)?);
            self.say(format!(" [gaddr {group}]"));
        }
        if length != 8 {
            self.say(format!(" [len {length}]"));
        }
        Ok(())
    }

    fn igmp_report(&mut self, igmp: Bytes, length: u32) -> Printed {
        if length < 16 || length & 3 != 0 {
            self.say(format!(" [invalid len {length}]"));
            return Ok(());
        }
        let groups = igmp.u16(6)?;
        self.say(format!(", {groups} group record(s)"));
        if !self.verbose(1) {
            return Ok(());
        }
        let mut at = 8;
        for _ in 0..groups {
            if (length as usize) < at + 8 {
                self.say(" [invalid number of groups]");
                return Ok(());
            }
            let group = self.host(igmp.ipv4(at + 4)?);
            let kind = u32::from(igmp.u8(at)?);
            let name = word(RECORDS, kind).map_or_else(|| format!(" [v3-report-#{kind}]"), str::to_string);
            self.say(format!(" [gaddr {group} {name}"));
            let sources = usize::from(igmp.u16(at + 2)?);
            if (length as usize) < at + 8 + sources * 4 {
                self.say(format!(" [invalid number of sources {sources}]"));
                return Ok(());
            }
            if self.style.verbose == 1 {
                self.say(format!(", {sources} source(s)"));
            } else {
                self.say(" {");
                for source in 0..sources {
                    let address = self.host(igmp.ipv4(at + 8 + source * 4)?);
                    self.say(format!(" {address}"));
                }
                self.say(" }");
            }
            at += 8 + sources * 4;
            self.say("]");
        }
        Ok(())
    }
}
