//! `tr`: other characters for characters. Source: tr(1), coreutils. Differs: bytes are characters.
//! ```transcript
//! host# echo Hello | tr a-z A-Z
//! HELLO
//! ```

use super::getopt::Takes::Nothing;
use super::input::Lines;
use super::tool::{Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const TR: Command =
    Command { name: "tr", path: "/usr/bin/tr", man: "tr(1)", run: |sys, args| Box::pin(tr(sys, args)) };

const TOOL: Tool = Tool::gnu(
    "tr",
    "+cCdst",
    &[
        ("complement", Nothing, 'c'),
        ("delete", Nothing, 'd'),
        ("squeeze-repeats", Nothing, 's'),
        ("truncate-set1", Nothing, 't'),
    ],
);

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

/// `[c*n]`: the character, how often (0: as often as it takes), and how much of the text that is.
fn repeat(text: &[u8]) -> Option<(u8, usize, usize)> {
    let inner = text.strip_prefix(b"[")?;
    let (byte, taken) = one(inner);
    let after = inner.get(taken..)?.strip_prefix(b"*")?;
    let end = after.iter().position(|byte| *byte == b']')?;
    let digits = std::str::from_utf8(&after[..end]).ok()?;
    let count = match digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        Some(octal) => usize::from_str_radix(octal, 8).ok()?,
        None if digits.is_empty() => 0,
        None => digits.parse().ok()?,
    };
    Some((byte, count.min(REPEATS), taken + end + 3))
}

/// Most repeats of one character.
const REPEATS: usize = 65_536;

/// A set written out, to be as long as `length` where it repeats; the error is what `tr` says.
fn set(text: &str, length: usize) -> Result<Vec<u8>, String> {
    let fixed = if length > 0 { set(text, 0)?.len() } else { 0 };
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while !rest.is_empty() {
        if let Some((byte, count, taken)) = repeat(rest) {
            let count = if count == 0 { length.saturating_sub(fixed) } else { count };
            out.extend(std::iter::repeat_n(byte, count));
            rest = &rest[taken..];
            continue;
        }
        if let [b'[', b'=', byte, b'=', b']', after @ ..] = rest {
            out.push(*byte);
            rest = after;
            continue;
        }
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

/// The two sets, and what each byte becomes.
struct Sets {
    first: Vec<u8>,
    second: Option<Vec<u8>>,
    map: Vec<u8>,
}

impl Sets {
    /// The error is what `tr` says.
    fn read(options: &Options, delete: bool) -> Result<Sets, String> {
        let cases = |text: &str| text.starts_with("[:upper:]") || text.starts_with("[:lower:]");
        let other = |text: &String| {
            text.contains(":]") && text.match_indices("[:").any(|(at, _)| !cases(&text[at..]))
        };
        if !delete && options.operands.get(1).is_some_and(other) {
            let words = "when translating, the only character classes that may appear in";
            return Err(format!("{words}\nstring2 are 'upper' and 'lower'"));
        }
        let complement = options.has('c') || options.has('C');
        let mut first = set(options.operands.first().map_or("", String::as_str), 0)?;
        if complement {
            first = (0..=255).filter(|byte| !first.contains(byte)).collect();
        }
        let second = options.operands.get(1).map(|text| set(text, first.len())).transpose()?;
        let mut map: Vec<u8> = (0..=255).collect();
        if let (false, Some(second)) = (delete, &second) {
            let last = second.last().ok_or("when not truncating set1, string2 must be non-empty")?;
            let pairs = first.iter().enumerate().filter(|(at, _)| !options.has('t') || *at < second.len());
            pairs.for_each(|(at, byte)| map[usize::from(*byte)] = *second.get(at).unwrap_or(last));
        }
        Ok(Sets { first, second, map })
    }
}

async fn tr(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let (delete, squeeze) = (options.has('d'), options.has('s'));
    let most = if delete && !squeeze { 1 } else { 2 };
    let least = if delete == squeeze { 2 } else { 1 };
    if options.operands.len() < least {
        let words = match options.operands.first() {
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
        return TOOL.wrong(&sys, words).await;
    }
    if let Some(extra) = options.operands.get(most) {
        let more = "\nOnly one string may be given when deleting without squeezing repeats.";
        let more = if delete && !squeeze { more } else { "" };
        return TOOL.wrong(&sys, format!("extra operand {}{more}", quoted(extra))).await;
    }
    let Sets { first, second, map } = match Sets::read(&options, delete) {
        Ok(sets) => sets,
        Err(words) => {
            sys.eprint(format!("tr: {words}\n")).await;
            return Exit::FAILURE;
        }
    };
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
