//! Protocols that are lines of text: HTTP, SSH's greeting, SMTP, FTP.
//!
//! Sources: tcpdump 4.99.3, util-print.c (`txtproto_print`), print-http.c, print-ssh.c.

use super::{Bytes, Cut, Printed, Printer};

const HTTP: [&str; 38] = [
    "GET",
    "PUT",
    "COPY",
    "HEAD",
    "LOCK",
    "MOVE",
    "POLL",
    "POST",
    "BCOPY",
    "BMOVE",
    "MKCOL",
    "TRACE",
    "LABEL",
    "MERGE",
    "DELETE",
    "SEARCH",
    "UNLOCK",
    "REPORT",
    "UPDATE",
    "NOTIFY",
    "BDELETE",
    "CONNECT",
    "OPTIONS",
    "CHECKIN",
    "PROPFIND",
    "CHECKOUT",
    "CCM_POST",
    "SUBSCRIBE",
    "PROPPATCH",
    "BPROPFIND",
    "BPROPPATCH",
    "UNCHECKOUT",
    "MKACTIVITY",
    "MKWORKSPACE",
    "UNSUBSCRIBE",
    "RPC_CONNECT",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
];
/// Of a token that is looked at.
const MOST_TOKEN: usize = 128;

/// A byte as `cat -v` shows it.
pub(super) fn shown(byte: u8) -> String {
    let (meta, low) = if byte >= 0x80 { ("M-", byte & 0x7f) } else { ("", byte) };
    match low {
        0x20..0x7f => format!("{meta}{}", low as char),
        _ => format!("{meta}^{}", (low ^ 0x40) as char),
    }
}

/// The next word and where the one after it begins; `None` at the line's end or at something that is no text.
fn token(bytes: &[u8], mut at: usize) -> Option<(&[u8], usize)> {
    let start = at;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => break,
            0x21..0x7f => at += 1,
            _ => return None,
        }
    }
    let found = bytes.get(start..at).filter(|word| !word.is_empty() && word.len() < MOST_TOKEN)?;
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    Some((found, at))
}

/// What a line of text came to.
enum Line<'a> {
    /// The line, and where the next begins.
    Whole(&'a [u8], usize),
    /// No end in this packet.
    Open(&'a [u8]),
    Binary,
}

fn line(bytes: &[u8], start: usize) -> Line<'_> {
    for (at, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            b'\n' => return Line::Whole(&bytes[start..at], at + 1),
            b'\r' => {
                return match bytes.get(at + 1) {
                    Some(b'\n') => Line::Whole(&bytes[start..at], at + 2),
                    _ => Line::Binary,
                };
            }
            b'\t' | 0x20..0x7f => {}
            _ => return Line::Binary,
        }
    }
    Line::Open(bytes.get(start..).unwrap_or_default())
}

impl Printer<'_> {
    /// One line; where the next begins.
    fn text_line(
        &mut self,
        prefix: &str,
        bytes: &[u8],
        start: usize,
        length: u32,
    ) -> Result<Option<usize>, Cut> {
        let (text, next) = match line(bytes, start) {
            Line::Whole(text, next) => (text, Some(next)),
            // Its end was not captured.
            Line::Open(_) if bytes.len() < length as usize => return Err(Cut),
            Line::Open(text) => (text, None),
            Line::Binary => return Ok(None),
        };
        self.say(format!("{prefix}{}", String::from_utf8_lossy(text)));
        if next.is_none() {
            self.truncated();
        }
        Ok(next)
    }

    fn text_lines(&mut self, protocol: &'static str, payload: Bytes, length: u32, shown: bool) -> Printed {
        self.protocol = protocol;
        self.say(format!(": {}", protocol.to_uppercase()));
        if !shown {
            return Ok(());
        }
        if !self.verbose(1) {
            self.text_line(": ", payload.0, 0, length)?;
            return Ok(());
        }
        self.say(format!(", length: {length}"));
        let mut at = 0;
        while at < length as usize {
            match self.text_line("\n\t", payload.0, at, length)? {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(())
    }

    pub(super) fn lines(&mut self, protocol: &'static str, payload: Bytes, length: u32) -> Printed {
        self.text_lines(protocol, payload, length, true)
    }

    pub(super) fn http(&mut self, payload: Bytes, length: u32) -> Printed {
        let first = token(payload.0, 0);
        let second = first.and_then(|(_, at)| token(payload.0, at));
        let request = first
            .is_some_and(|(word, _)| HTTP.iter().any(|method| method.as_bytes().eq_ignore_ascii_case(word)));
        let response = second.is_some_and(|(word, _)| word.len() == 3 && word.iter().all(u8::is_ascii_digit));
        self.text_lines("http", payload, length, request || response)
    }

    pub(super) fn ssh(&mut self, payload: Bytes, length: u32) -> Printed {
        self.protocol = "ssh";
        for (at, wanted) in b"SSH-".iter().enumerate() {
            if at >= length as usize || payload.u8(at)? != *wanted {
                return Ok(());
            }
        }
        match line(payload.0, 0) {
            Line::Whole(text, _) if !text.contains(&b'\t') => {
                self.say(format!(": SSH: {}", String::from_utf8_lossy(text)));
            }
            Line::Open(_) if payload.len() < length as usize => return Err(Cut),
            _ => {}
        }
        Ok(())
    }
}
