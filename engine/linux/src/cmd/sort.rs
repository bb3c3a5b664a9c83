//! `sort`: lines in order. Source: sort(1), coreutils 9.1, `src/sort.c`; strverscmp as gnulib's filevercmp.
//! Not simulated: -R --debug --files0-from --compress-program. Differs: the locale is C.
//! ```transcript
//! host# printf '10.0.0.10\n10.0.0.9\n' | sort -t. -k4n
//! 10.0.0.9
//! 10.0.0.10
//! ```

use super::coreutils::{contents, or_stdin};
use super::getopt::Long;
use super::getopt::Takes::{MayValue, Nothing, Value};
use super::tool::{COREUTILS, HELP, Options, Tool, VERSION, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;
use std::cmp::Ordering;

pub const SORT: Command = Command {
    name: "sort",
    path: "/usr/bin/sort",
    man: "sort(1)",
    run: |sys, args| Box::pin(sort(sys, args)),
};

const SORT_BY: char = '\u{3}';
const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("batch-size", Value, '\u{5}'),
    ("buffer-size", Value, 'S'),
    ("check", MayValue, 'c'),
    ("compress-program", Value, '\u{6}'),
    ("debug", Nothing, '\u{7}'),
    ("dictionary-order", Nothing, 'd'),
    ("field-separator", Value, 't'),
    ("files0-from", Value, '\u{8}'),
    ("general-numeric-sort", Nothing, 'g'),
    ("human-numeric-sort", Nothing, 'h'),
    ("ignore-case", Nothing, 'f'),
    ("ignore-leading-blanks", Nothing, 'b'),
    ("ignore-nonprinting", Nothing, 'i'),
    ("key", Value, 'k'),
    ("merge", Nothing, 'm'),
    ("month-sort", Nothing, 'M'),
    ("numeric-sort", Nothing, 'n'),
    ("output", Value, 'o'),
    ("parallel", Value, '\u{9}'),
    ("random-sort", Nothing, 'R'),
    ("random-source", Value, '\u{10}'),
    ("reverse", Nothing, 'r'),
    ("sort", Value, SORT_BY),
    ("stable", Nothing, 's'),
    ("temporary-directory", Value, 'T'),
    ("unique", Nothing, 'u'),
    ("version-sort", Nothing, 'V'),
    ("zero-terminated", Nothing, 'z'),
];
const TOOL: Tool = Tool {
    name: "sort",
    short: "bcCdfghik:mMno:rRsS:t:T:uVyz",
    long: LONG,
    missing: "RyST\u{5}\u{6}\u{7}\u{8}\u{9}\u{10}",
    usage: 2,
    package: COREUTILS,
};

/// How two keys compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct How {
    numeric: bool,
    general: bool,
    human: bool,
    month: bool,
    version: bool,
    fold: bool,
    dictionary: bool,
    printable: bool,
    reverse: bool,
    /// Blanks are skipped at the key's start, and at its end.
    blanks: (bool, bool),
}

impl How {
    fn set(&mut self, letter: char) -> bool {
        match letter {
            'n' => self.numeric = true,
            'g' => self.general = true,
            'h' => self.human = true,
            'M' => self.month = true,
            'V' => self.version = true,
            'f' => self.fold = true,
            'd' => self.dictionary = true,
            'i' => self.printable = true,
            'r' => self.reverse = true,
            _ => return false,
        }
        true
    }

    /// Letters that cannot stand together.
    fn clash(&self) -> Option<String> {
        let kinds = [
            ('g', self.general),
            ('h', self.human),
            ('M', self.month),
            ('n', self.numeric),
            ('V', self.version || self.dictionary || self.printable),
        ];
        let set = kinds.iter().filter(|(_, on)| *on).count();
        if set < 2 {
            return None;
        }
        let letters = [
            ('d', self.dictionary),
            ('f', self.fold),
            ('g', self.general),
            ('h', self.human),
            ('i', self.printable),
            ('M', self.month),
            ('n', self.numeric),
            ('V', self.version),
        ];
        Some(letters.iter().filter(|(_, on)| *on).map(|(letter, _)| *letter).collect())
    }

    fn kept(&self, text: &[u8]) -> Vec<u8> {
        let keeps = |byte: &u8| {
            !(self.dictionary && !(byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\t'))
                || self.printable && !(32..127).contains(byte))
        };
        let kept = text.iter().copied().filter(keeps);
        if self.fold { kept.map(|byte| byte.to_ascii_uppercase()).collect() } else { kept.collect() }
    }

    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let order = if self.numeric || self.human {
            let (left, right) = (Decimal::of(a, self.human), Decimal::of(b, self.human));
            left.compare(&right)
        } else if self.general {
            general(a, b)
        } else if self.month {
            month(a).cmp(&month(b))
        } else if self.version {
            versions(&String::from_utf8_lossy(a), &String::from_utf8_lossy(b))
        } else if self.fold || self.dictionary || self.printable {
            self.kept(a).cmp(&self.kept(b))
        } else {
            a.cmp(b)
        };
        if self.reverse { order.reverse() } else { order }
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A number of any length, as `-n` reads it.
struct Decimal<'a> {
    negative: bool,
    /// The suffix of `-h`: 1 is K.
    power: usize,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    fn of(text: &'a [u8], human: bool) -> Decimal<'a> {
        let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
        let (negative, text) = match &text[start..] {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let digits = |text: &[u8]| text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = text.split_at(digits(text));
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => rest.split_at(digits(rest)),
            rest => (&[][..], rest),
        };
        let zeros = whole.iter().position(|byte| *byte != b'0').unwrap_or(whole.len());
        let end = fraction.iter().rposition(|byte| *byte != b'0').map_or(0, |at| at + 1);
        let (whole, fraction) = (&whole[zeros..], &fraction[..end]);
        let suffix =
            rest.first().filter(|_| human).and_then(|letter| b"KMGTPEZY".iter().position(|it| it == letter));
        let small = rest.first().filter(|_| human).is_some_and(|letter| *letter == b'k');
        let zero = whole.is_empty() && fraction.is_empty();
        let power = if zero {
            0
        } else if small {
            1
        } else {
            suffix.map_or(0, |at| at + 1)
        };
        Decimal { negative: negative && !zero, power, whole, fraction }
    }

    fn compare(&self, other: &Decimal<'_>) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let order = self.power.cmp(&other.power);
        let order = order.then(self.whole.len().cmp(&other.whole.len()));
        let order =
            order.then_with(|| self.whole.cmp(other.whole)).then_with(|| self.fraction.cmp(other.fraction));
        if self.negative { order.reverse() } else { order }
    }
}

/// `-g`: what is no number comes first, then NaN.
fn general(a: &[u8], b: &[u8]) -> Ordering {
    let value = |text: &[u8]| -> Option<f64> {
        let text = String::from_utf8_lossy(text);
        let text = text.trim_start();
        if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            return u64::from_str_radix(&hex[..end], 16).ok().map(|value| value as f64);
        }
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect::<Vec<_>>();
        ends.into_iter().rev().take(40).find_map(|end| text[..end].parse::<f64>().ok())
    };
    match (value(a), value(b)) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(a), Some(b)) => match (a.is_nan(), b.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        },
    }
}

fn month(text: &[u8]) -> u32 {
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let word = String::from_utf8_lossy(&text[start..]).chars().take(3).collect::<String>();
    crate::calendar::Date::month_named(&word).unwrap_or(0)
}

/// Runs of digits compare as numbers, `~` sorts before all, letters before other signs.
pub fn versions(a: &str, b: &str) -> Ordering {
    let order = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => c as i64,
        Some(c) => c as i64 + 256,
    };
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        loop {
            let digit = |c: Option<&char>| c.is_none_or(char::is_ascii_digit);
            if digit(a.peek()) && digit(b.peek()) {
                break;
            }
            let found = order(a.peek().copied()).cmp(&order(b.peek().copied()));
            if found != Ordering::Equal {
                return found;
            }
            a.next();
            b.next();
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.trim_start_matches('0').to_owned()
        };
        let (left, right) = (number(&mut a), number(&mut b));
        let found = left.len().cmp(&right.len()).then(left.cmp(&right));
        if found != Ordering::Equal || a.peek().is_none() && b.peek().is_none() {
            return found;
        }
    }
}

/// `-k 2.3,4n`: fields and characters counted from 0; no end is the line's.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    from: (usize, usize),
    /// The last field, and how many of its characters (0: all).
    to: Option<(usize, usize)>,
    how: How,
    own: bool,
}

fn key(text: &str) -> Result<Key, String> {
    let invalid = |words: &str, rest: &str| format!("{words}: invalid field specification {}", quoted(rest));
    let number = |rest: &str, words: &str| -> Result<(usize, usize), String> {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        match &rest[..end] {
            "" => Err(format!("{words}: invalid count at start of {}", quoted(rest))),
            digits => Ok((digits.parse().unwrap_or(usize::MAX), end)),
        }
    };
    let mut key = Key { from: (0, 0), to: None, how: How::default(), own: false };
    let (field, taken) = number(text, "invalid number at field start")?;
    if field == 0 {
        return Err(invalid("field number is zero", text));
    }
    let mut rest = &text[taken..];
    let mut character = 1;
    if let Some(after) = rest.strip_prefix('.') {
        let (value, taken) = number(after, "invalid number after '.'")?;
        if value == 0 {
            return Err(invalid("character offset is zero", text));
        }
        (character, rest) = (value, &after[taken..]);
    }
    key.from = (field - 1, character - 1);
    let letters = |rest: &str, how: &mut How, end: bool| {
        let mut taken = 0;
        for letter in rest.chars() {
            match letter {
                'b' if end => how.blanks.1 = true,
                'b' => how.blanks.0 = true,
                letter if how.set(letter) => {}
                _ => break,
            }
            taken += 1;
        }
        taken
    };
    let taken = letters(rest, &mut key.how, false);
    key.own |= taken > 0;
    rest = &rest[taken..];
    if let Some(after) = rest.strip_prefix(',') {
        let (field, taken) = number(after, "invalid number after ','")?;
        if field == 0 {
            return Err(invalid("field number is zero", text));
        }
        rest = &after[taken..];
        let mut count = 0;
        if let Some(after) = rest.strip_prefix('.') {
            let (value, taken) = number(after, "invalid number after '.'")?;
            (count, rest) = (value, &after[taken..]);
        }
        key.to = Some((field - 1, count));
        let taken = letters(rest, &mut key.how, true);
        key.own |= taken > 0;
        rest = &rest[taken..];
    }
    if rest.is_empty() { Ok(key) } else { Err(invalid("stray character in field spec", text)) }
}

impl Key {
    /// The part of a line that this key looks at.
    fn part<'a>(&self, line: &'a [u8], separator: Option<u8>, how: &How) -> &'a [u8] {
        let skip_blanks = |mut at: usize| {
            while line.get(at).is_some_and(is_blank) {
                at += 1;
            }
            at
        };
        // Where that field begins; the line's end where there is none.
        let field = |count: usize| {
            let mut at = 0;
            for _ in 0..count {
                if at >= line.len() {
                    break;
                }
                match separator {
                    Some(separator) => {
                        let next = line[at..].iter().position(|byte| *byte == separator);
                        at = next.map_or(line.len(), |next| at + next + 1);
                    }
                    None => {
                        at = skip_blanks(at);
                        while line.get(at).is_some_and(|byte| !is_blank(byte)) {
                            at += 1;
                        }
                    }
                }
            }
            at
        };
        let mut start = field(self.from.0);
        if how.blanks.0 {
            start = skip_blanks(start);
        }
        let start = start.saturating_add(self.from.1).min(line.len());
        let end = match self.to {
            None => line.len(),
            Some((last, 0)) => match separator {
                Some(_) => {
                    let next = field(last + 1);
                    let ended = next > 0 && line.get(next - 1) == separator.as_ref() && next > field(last);
                    if ended { next - 1 } else { next }
                }
                None => field(last + 1),
            },
            Some((last, count)) => {
                let mut at = field(last);
                if how.blanks.1 {
                    at = skip_blanks(at);
                }
                at.saturating_add(count).min(line.len())
            }
        };
        &line[start..end.max(start)]
    }
}

/// What the options come to.
struct Sorting {
    keys: Vec<Key>,
    how: How,
    separator: Option<u8>,
    unique: bool,
    stable: bool,
}

impl Sorting {
    fn parse(options: &Options) -> Result<Sorting, String> {
        let mut sorting = Sorting {
            keys: Vec::new(),
            how: How::default(),
            separator: None,
            unique: options.has('u'),
            stable: options.has('s'),
        };
        for (letter, value) in &options.flags {
            let value = value.as_deref().unwrap_or_default();
            match letter {
                'k' => sorting.keys.push(key(value)?),
                'b' => sorting.how.blanks = (true, true),
                't' => {
                    sorting.separator = Some(match value.as_bytes() {
                        [] => return Err("empty tab".to_owned()),
                        [one] => *one,
                        b"\\0" => 0,
                        _ => return Err(format!("multi-character tab {}", quoted(value))),
                    });
                }
                letter => {
                    sorting.how.set(*letter);
                }
            }
        }
        let clash = sorting.how.clash().or_else(|| sorting.keys.iter().find_map(|key| key.how.clash()));
        match clash {
            Some(letters) => Err(format!("options '-{letters}' are incompatible")),
            None => Ok(sorting),
        }
    }

    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        if self.keys.is_empty() {
            let blank = |text: &[u8]| text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
            let (a, b) = if self.how.blanks.0 { (&a[blank(a)..], &b[blank(b)..]) } else { (a, b) };
            return self.how.compare(a, b);
        }
        let by_key = self.keys.iter().map(|key| {
            let how = if key.own { &key.how } else { &self.how };
            how.compare(key.part(a, self.separator, how), key.part(b, self.separator, how))
        });
        by_key.fold(Ordering::Equal, Ordering::then)
    }

    /// With whole lines as the last resort.
    fn whole(&self, a: &[u8], b: &[u8]) -> Ordering {
        let order = self.compare(a, b);
        if self.stable || self.unique {
            return order;
        }
        order.then_with(|| if self.how.reverse { b.cmp(a) } else { a.cmp(b) })
    }
}

async fn sort(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut flags = options.flags.clone();
    for (letter, value) in &mut flags {
        // `--sort=WORD` is one of the letters.
        if *letter == SORT_BY {
            let word = value.take().unwrap_or_default();
            let table = [
                ("general-numeric", 'g'),
                ("human-numeric", 'h'),
                ("month", 'M'),
                ("numeric", 'n'),
                ("version", 'V'),
            ];
            match table.iter().find(|(name, _)| !word.is_empty() && name.starts_with(&word)) {
                Some((_, found)) => *letter = *found,
                None => {
                    let words = format!("invalid argument {} for '--sort'", quoted(&word));
                    return TOOL.wrong(&sys, words).await;
                }
            }
        }
    }
    let options = Options { flags, ..options };
    let sorting = match Sorting::parse(&options) {
        Ok(sorting) => sorting,
        Err(words) => {
            TOOL.complain(&sys, words).await;
            return Exit(2);
        }
    };
    let quiet = options.has('C') || matches!(options.value('c'), Some("quiet" | "silent"));
    if options.has('c') || quiet {
        return check(&sys, &options, &sorting, quiet).await;
    }
    let end = if options.has('z') { 0 } else { b'\n' };
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for operand in or_stdin(options.operands.clone()) {
        let Some(bytes) = contents(&sys, "sort: cannot read", &operand).await else { return Exit(2) };
        rows.extend(lines(&bytes, end));
    }
    rows.sort_by(|a, b| sorting.whole(a, b));
    if sorting.unique {
        rows.dedup_by(|b, a| sorting.compare(a, b) == Ordering::Equal);
    }
    let mut out: Vec<u8> = Vec::new();
    for row in rows {
        out.extend(row);
        out.push(end);
    }
    match options.value('o') {
        None => {
            if sys.write(1, &out).await.is_err() {
                return Exit(2);
            }
        }
        Some(path) => {
            if let Err(errno) = sys.write_file(path, &out).await {
                TOOL.complain(&sys, format!("open failed: {path}: {errno}")).await;
                return Exit(2);
            }
        }
    }
    Exit::OK
}

/// Lines without what ends them.
pub(super) fn lines(bytes: &[u8], end: u8) -> Vec<Vec<u8>> {
    let whole = bytes.strip_suffix(&[end]).unwrap_or(bytes);
    if bytes.is_empty() { Vec::new() } else { whole.split(|byte| *byte == end).map(<[u8]>::to_vec).collect() }
}

async fn check(sys: &Sys, options: &Options, sorting: &Sorting, quiet: bool) -> Exit {
    if let Some(extra) = options.operands.get(1) {
        TOOL.complain(sys, format!("extra operand {} not allowed with -c", quoted(extra))).await;
        return Exit(2);
    }
    let path = options.operands.first().map_or("-", String::as_str);
    let Some(bytes) = contents(sys, "sort: cannot read", path).await else { return Exit(2) };
    let rows = lines(&bytes, if options.has('z') { 0 } else { b'\n' });
    let wrong = |two: &[Vec<u8>]| match sorting.unique {
        true => sorting.compare(&two[0], &two[1]) != Ordering::Less,
        false => sorting.whole(&two[0], &two[1]) == Ordering::Greater,
    };
    let Some(at) = rows.windows(2).position(wrong) else { return Exit::OK };
    if !quiet {
        let row = String::from_utf8_lossy(&rows[at + 1]).into_owned();
        TOOL.complain(sys, format!("{path}:{}: disorder: {row}", at + 2)).await;
    }
    Exit::FAILURE
}
