//! `tr`: other characters for characters. Source: tr(1), coreutils. Not simulated: equivalence classes, repeats `[c*n]`.
//! ```transcript
//! host# echo Hello | tr a-z A-Z
//! HELLO
//! ```

use super::coreutils::{HELP, Line, Lines, VERSION, misused, quoted};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const TR: Command =
    Command { name: "tr", path: "/usr/bin/tr", man: "tr(1)", run: |sys, args| Box::pin(tr(sys, args)) };

const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("complement", Takes::Nothing, 'c'),
    ("delete", Takes::Nothing, 'd'),
    ("squeeze-repeats", Takes::Nothing, 's'),
    ("truncate-set1", Takes::Nothing, 't'),
];

fn class(name: &str) -> Option<fn(&u8) -> bool> {
    Some(match name {
        "alnum" => u8::is_ascii_alphanumeric,
        "alpha" => u8::is_ascii_alphabetic,
        "blank" => |byte| matches!(byte, b' ' | b'\t'),
        "cntrl" => u8::is_ascii_control,
        "digit" => u8::is_ascii_digit,
        "graph" => u8::is_ascii_graphic,
        "lower" => u8::is_ascii_lowercase,
        "print" => |byte| (32..127).contains(byte),
        "punct" => u8::is_ascii_punctuation,
        "space" => |byte| matches!(byte, b' ' | 9..=13),
        "upper" => u8::is_ascii_uppercase,
        "xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

/// One character with its escapes, and how much of the text it took.
fn one(text: &[u8]) -> (u8, usize) {
    match text {
        [b'\\', digits @ ..] if digits.first().is_some_and(|digit| (b'0'..b'8').contains(digit)) => {
            let octal: Vec<u8> =
                digits.iter().copied().take(3).take_while(|it| (b'0'..b'8').contains(it)).collect();
            let value = octal.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
            (value as u8, 1 + octal.len())
        }
        [b'\\', escaped, ..] => {
            let byte = match escaped {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'f' => 12,
                b'v' => 11,
                other => *other,
            };
            (byte, 2)
        }
        [byte, ..] => (*byte, 1),
        [] => (0, 0),
    }
}

/// A set written out; the error is what `tr` says.
fn set(text: &str) -> Result<Vec<u8>, String> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while !rest.is_empty() {
        if let Some(end) =
            rest.strip_prefix(b"[:").and_then(|inner| inner.windows(2).position(|two| two == b":]"))
        {
            let name = String::from_utf8_lossy(&rest[2..2 + end]).into_owned();
            let member = class(&name).ok_or_else(|| format!("invalid character class {}", quoted(&name)))?;
            out.extend((0..=255_u8).filter(member));
            rest = &rest[end + 4..];
            continue;
        }
        let (from, taken) = one(rest);
        rest = &rest[taken..];
        if rest.len() > 1 && rest[0] == b'-' {
            let (to, taken) = one(&rest[1..]);
            if to < from {
                let range = format!("{}-{}", char::from(from), char::from(to));
                return Err(format!("range-endpoints of '{range}' are in reverse collating sequence order"));
            }
            out.extend(from..=to);
            rest = &rest[1 + taken..];
        } else {
            out.push(from);
        }
    }
    Ok(out)
}

async fn tr(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "+cCdst", LONG, "[OPTION]... STRING1 [STRING2]", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let (delete, squeeze) = (line.has('d'), line.has('s'));
    let most = if delete && !squeeze { 1 } else { 2 };
    let least = if delete == squeeze { 2 } else { 1 };
    if line.operands.len() < least {
        let words = match line.operands.first() {
            None => "missing operand".to_owned(),
            Some(last) => {
                let more = if squeeze {
                    "Two strings must be given when both deleting and squeezing repeats."
                } else {
                    "Two strings must be given when translating."
                };
                format!("missing operand after {}\n{more}", quoted(last))
            }
        };
        return misused(&sys, "tr", &words).await;
    }
    if let Some(extra) = line.operands.get(most) {
        return misused(&sys, "tr", &format!("extra operand {}", quoted(extra))).await;
    }
    let sets: Result<Vec<Vec<u8>>, String> = line.operands.iter().map(|operand| set(operand)).collect();
    let mut sets = match sets {
        Ok(sets) => sets.into_iter(),
        Err(words) => {
            sys.eprint(format!("tr: {words}\n")).await;
            return Exit::FAILURE;
        }
    };
    let (mut first, second) = (sets.next().unwrap_or_default(), sets.next());
    if line.has('c') || line.has('C') {
        first = (0..=255).filter(|byte| !first.contains(byte)).collect();
    }
    let mut map: Vec<u8> = (0..=255).collect();
    if let (false, Some(second)) = (delete, &second) {
        let Some(last) = second.last() else {
            sys.eprint("tr: when not truncating set1, string2 must be non-empty\n").await;
            return Exit::FAILURE;
        };
        let pairs = first.iter().enumerate().filter(|(at, _)| !line.has('t') || *at < second.len());
        pairs.for_each(|(at, byte)| map[usize::from(*byte)] = *second.get(at).unwrap_or(last));
    }
    let squeezed = second.as_ref().unwrap_or(&first);
    let mut last: Option<u8> = None;
    let mut lines = Lines::new(&sys, 0);
    while let Some(chunk) = lines.chunk().await {
        let mut out = Vec::with_capacity(chunk.len());
        for byte in chunk
            .into_iter()
            .filter(|byte| !delete || !first.contains(byte))
            .map(|byte| map[usize::from(byte)])
        {
            if squeeze && last == Some(byte) && squeezed.contains(&byte) {
                continue;
            }
            last = Some(byte);
            out.push(byte);
        }
        if sys.write(1, &out).await.is_err() {
            return Exit::FAILURE;
        }
    }
    Exit::OK
}
