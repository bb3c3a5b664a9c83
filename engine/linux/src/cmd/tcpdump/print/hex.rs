//! Packets in hexadecimal and ASCII: `-x`, `-X`, `-A`. Source: tcpdump 4.99.3, print-ascii.c.

use super::Printer;

const LINE: usize = 16;

fn graph(byte: u8) -> char {
    if byte.is_ascii_graphic() { byte as char } else { '.' }
}

/// Pairs of bytes in hexadecimal, a blank in front of each.
fn pairs(bytes: &[u8]) -> String {
    bytes
        .chunks(2)
        .map(|pair| {
            let digits: String = pair.iter().map(|byte| format!("{byte:02x}")).collect();
            format!(" {digits}")
        })
        .collect()
}

impl Printer<'_> {
    /// What the options ask for of the packet's bytes; `header` is the length of the link layer's.
    pub(super) fn dump(&mut self, bytes: &[u8], header: usize) {
        let style = self.style;
        let shown = |count: u32| if count > 1 { bytes } else { bytes.get(header..).unwrap_or_default() };
        if style.hex_ascii > 0 {
            self.hex_and_ascii("\n\t", shown(style.hex_ascii));
        } else if style.hex > 0 {
            for (line, bytes) in shown(style.hex).chunks(LINE).enumerate() {
                self.say(format!("\n\t0x{:04x}: {}", line * LINE, pairs(bytes)));
            }
        } else if style.ascii > 0 {
            self.ascii(shown(style.ascii));
        }
    }

    pub(super) fn hex_and_ascii(&mut self, indent: &str, bytes: &[u8]) {
        for (line, bytes) in bytes.chunks(LINE).enumerate() {
            let text: String = bytes.iter().map(|byte| graph(*byte)).collect();
            self.say(format!("{indent}0x{:04x}: {:<40}  {text}", line * LINE, pairs(bytes)));
        }
    }

    /// A protocol nobody knows: its bytes, unless they are printed anyway.
    pub(super) fn unknown(&mut self, bytes: &[u8]) {
        if self.style.hex == 0 && self.style.hex_ascii == 0 {
            self.hex_and_ascii("\n\t", bytes);
        }
    }

    fn ascii(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.say("\n");
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\r' => {
                    // Left out at the end of a line, a dot elsewhere.
                    let more = bytes.len() - at - 1;
                    if more > 1 && bytes[at + 1] != b'\n' {
                        self.say(".");
                    }
                }
                b'\t' | b' ' | b'\n' => self.out.push(*byte as char),
                byte => self.out.push(graph(*byte)),
            }
        }
    }
}
