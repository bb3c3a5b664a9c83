//! IPv6 and its extension headers. Sources: tcpdump 4.99.3, print-ip6.c, print-ip6opts.c, print-frag6.c.

use super::ip::Ends;
use super::words::{PROTOCOLS, word};
use super::{Bytes, Cut, Printed, Printer};

const HEADER: u32 = 40;
const HOP_BY_HOP: u8 = 0;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

impl Printer<'_> {
    pub(super) fn ip6(&mut self, packet: Bytes, length: u32) -> Printed {
        self.deeper(|printer| printer.ip6_header(packet, length))
    }

    fn ip6_header(&mut self, packet: Bytes, length: u32) -> Printed {
        self.protocol = "ip6";
        if packet.len() < HEADER as usize {
            self.truncated();
            return Ok(());
        }
        if length < HEADER {
            self.say(format!("truncated-ip6 {length}"));
            return Ok(());
        }
        if !self.style.link {
            self.say("IP6 ");
        }
        let first = packet.u32(0)?;
        if first >> 28 != 6 {
            self.say(format!("version error: {} != 6", first >> 28));
            return Ok(());
        }
        let payload = u32::from(packet.u16(4)?);
        if length < payload + HEADER {
            self.say(format!("truncated-ip6 - {} bytes missing!", payload + HEADER - length));
        }
        let next = packet.u8(6)?;
        if self.verbose(1) {
            self.say("(");
            if first & 0x0ff0_0000 != 0 {
                self.say(format!("class 0x{:02x}, ", first >> 20 & 0xff));
            }
            if first & 0x000f_ffff != 0 {
                self.say(format!("flowlabel 0x{:05x}, ", first & 0x000f_ffff));
            }
            let name = word(PROTOCOLS, next.into()).unwrap_or("unknown");
            let hops = packet.u8(7)?;
            self.say(format!("hlim {hops}, next-header {name} ({next}) payload length: {payload}) "));
        }
        let (src, dst) = (packet.ipv6(8)?, packet.ipv6(24)?);
        let packet = packet.first((payload + HEADER) as usize);
        if !matches!(next, 6 | 17) {
            let (src, dst) = (self.host(src), self.host(dst));
            self.say(format!("{src} > {dst}: "));
        }
        let ends = Ends { src, dst, protocol: next, fragmented: false };
        self.extensions(next, ends, packet.after(HEADER as usize), payload)
    }

    fn extensions(&mut self, mut next: u8, mut ends: Ends, mut rest: Bytes, mut length: u32) -> Printed {
        loop {
            let size = match next {
                HOP_BY_HOP | DESTINATION => {
                    self.protocol = if next == HOP_BY_HOP { "hbhopt" } else { "dstopt" };
                    let size = (usize::from(rest.u8(1)?) + 1) * 8;
                    self.say(if next == HOP_BY_HOP { "HBH " } else { "DSTOPT " });
                    if rest.len() < size || !self.ip6_options(rest.first(size).after(2))? {
                        self.truncated();
                        return Ok(());
                    }
                    size
                }
                FRAGMENT => {
                    self.protocol = "frag6";
                    let field = rest.u16(2)?;
                    let offset = u32::from(field & 0xfff8);
                    let last = length.saturating_sub(8);
                    match self.verbose(1) {
                        true => self.say(format!("frag (0x{:08x}:{offset}|{last})", rest.u32(4)?)),
                        false => self.say(format!("frag ({offset}|{last})")),
                    }
                    if offset != 0 {
                        return Ok(());
                    }
                    self.say(" ");
                    ends.fragmented = true;
                    8
                }
                _ => return self.transport(next, ends, rest, length),
            };
            next = rest.u8(0)?;
            rest = rest.after(size);
            length = length.saturating_sub(size as u32);
            self.protocol = "ip6";
            if rest.len() == 0 {
                return Ok(());
            }
        }
    }

    /// False where they are cut short.
    fn ip6_options(&mut self, options: Bytes) -> Result<bool, Cut> {
        let mut at = 0;
        while at < options.len() {
            let kind = options.u8(at)?;
            if kind == 0 {
                self.say(if self.verbose(1) { "(pad1)" } else { "" });
                at += 1;
                continue;
            }
            let Ok(length) = options.u8(at + 1) else { return Ok(false) };
            let size = usize::from(length) + 2;
            if at + size > options.len() {
                return Ok(false);
            }
            if self.verbose(1) {
                match (kind, length) {
                    (1, _) => self.say("(padn)"),
                    (5, 2) => self.say(format!("(rtalert: 0x{:04x}) ", options.u16(at + 2)?)),
                    (5, length) => {
                        self.say(format!("(rtalert: invalid len {length})"));
                        return Ok(false);
                    }
                    _ => self.say(format!("(opt_type 0x{kind:02x}: len={length})")),
                }
            }
            at += size;
        }
        if self.verbose(1) && options.len() > 0 {
            self.say(" ");
        }
        Ok(true)
    }
}
