//! `sort`, `uniq`: lines in order, and each once. Source: sort(1), uniq(1), coreutils. Not simulated: -m -R --parallel.
//! ```transcript
//! host# printf 'b\na\nb\n' | sort | uniq -c
//!       1 a
//!       2 b
//! ```

use super::coreutils::{HELP, Line, VERSION, contents, or_stdin};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::sys::Sys;
use std::cmp::Ordering;

pub const SORT: Command = Command {
    name: "sort",
    path: "/usr/bin/sort",
    man: "sort(1)",
    run: |sys, args| Box::pin(sort(sys, args)),
};
pub const UNIQ: Command = Command {
    name: "uniq",
    path: "/usr/bin/uniq",
    man: "uniq(1)",
    run: |sys, args| Box::pin(uniq(sys, args)),
};

const SORT_LONG: &[Long] = &[
    HELP,
    VERSION,
    ("check", Takes::Nothing, 'C'),
    ("field-separator", Takes::Value, 't'),
    ("human-numeric-sort", Takes::Nothing, 'h'),
    ("ignore-case", Takes::Nothing, 'f'),
    ("ignore-leading-blanks", Takes::Nothing, 'b'),
    ("key", Takes::Value, 'k'),
    ("numeric-sort", Takes::Nothing, 'n'),
    ("output", Takes::Value, 'o'),
    ("reverse", Takes::Nothing, 'r'),
    ("stable", Takes::Nothing, 's'),
    ("unique", Takes::Nothing, 'u'),
    ("version-sort", Takes::Nothing, 'V'),
];

/// How two keys compare.
#[derive(Clone, Copy, Default)]
struct How {
    numeric: bool,
    human: bool,
    version: bool,
    fold: bool,
    blanks: bool,
    reverse: bool,
}

impl How {
    fn of(letters: &str) -> How {
        let has = |letter| letters.contains(letter);
        How {
            numeric: has('n'),
            human: has('h'),
            version: has('V'),
            fold: has('f'),
            blanks: has('b'),
            reverse: has('r'),
        }
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        let trimmed = |text: &str| if self.blanks { text.trim_start().to_owned() } else { text.to_owned() };
        let order = if self.numeric || self.human {
            number(a, self.human).total_cmp(&number(b, self.human))
        } else if self.version {
            versions(a, b)
        } else if self.fold {
            trimmed(a).to_uppercase().cmp(&trimmed(b).to_uppercase())
        } else {
            trimmed(a).cmp(&trimmed(b))
        };
        if self.reverse { order.reverse() } else { order }
    }
}

/// The number a text begins with; none is zero.
fn number(text: &str, human: bool) -> f64 {
    let text = text.trim_start();
    let end =
        text.char_indices().find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && *c == '-')));
    let (digits, rest) = text.split_at(end.map_or(text.len(), |(at, _)| at));
    let value: f64 = digits.parse().unwrap_or(0.0);
    let power =
        rest.chars().next().filter(|_| human).and_then(|unit| "KMGTPE".find(unit.to_ascii_uppercase()));
    power.map_or(value, |power| value * 1024_f64.powi(power as i32 + 1))
}

/// Runs of digits compare as numbers.
fn versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let plain = |text: &str| text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let order = a[..plain(a)].cmp(&b[..plain(b)]);
        (a, b) = (&a[plain(a)..], &b[plain(b)..]);
        let value = |text: &str| text[..digits(text)].trim_start_matches('0').to_owned();
        let (left, right) = (value(a), value(b));
        let order = order.then(left.len().cmp(&right.len())).then(left.cmp(&right));
        (a, b) = (&a[digits(a)..], &b[digits(b)..]);
        if order != Ordering::Equal || (a.is_empty() && b.is_empty()) {
            return order;
        }
    }
}

/// `-k 2,3n`: from a field (and character) to another.
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    how: How,
    own: bool,
}

fn key(text: &str) -> Option<Key> {
    let place = |part: &str| {
        let numbers = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (field, character) = numbers.split_once('.').unwrap_or((numbers, "0"));
        Some((field.parse::<usize>().ok().filter(|field| *field > 0)?, character.parse::<usize>().ok()?))
    };
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let (from, to) = text.split_once(',').map_or((text, None), |(from, to)| (from, Some(to)));
    let to = match to {
        Some(to) => Some(place(to)?),
        None => None,
    };
    Some(Key { from: place(from)?, to, how: How::of(&letters), own: !letters.is_empty() })
}

impl Key {
    /// The part of a line that this key looks at.
    fn part<'a>(&self, line: &'a str, separator: Option<char>) -> &'a str {
        let starts = fields(line, separator);
        let start =
            starts.get(self.from.0 - 1).map_or(line.len(), |(at, _)| at + self.from.1.saturating_sub(1));
        let end = match self.to {
            None => line.len(),
            Some((field, 0)) => starts.get(field - 1).map_or(line.len(), |(_, end)| *end),
            Some((field, character)) => starts.get(field - 1).map_or(line.len(), |(at, _)| at + character),
        };
        line.get(start.min(line.len())..end.min(line.len())).unwrap_or_default()
    }
}

/// Where fields begin and end. Without a separator a field begins with the blanks before it.
fn fields(line: &str, separator: Option<char>) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    match separator {
        Some(separator) => {
            for part in line.split(separator) {
                found.push((at, at + part.len()));
                at += part.len() + separator.len_utf8();
            }
        }
        None => {
            while at < line.len() {
                let rest = &line[at..];
                let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
                let word = rest[blanks..].find([' ', '\t']).unwrap_or(rest.len() - blanks);
                found.push((at, at + blanks + word));
                at += blanks + word;
            }
        }
    }
    found
}

async fn sort(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "bcfhk:no:rst:uV", SORT_LONG, "[OPTION]... [FILE]...", 2).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let letters: String = line.options.iter().map(|(letter, _)| *letter).collect();
    let how = How::of(&letters);
    let mut keys = Vec::new();
    for (_, value) in line.options.iter().filter(|(letter, _)| *letter == 'k') {
        let text = value.as_deref().unwrap_or_default();
        let Some(key) = key(text) else {
            sys.eprint(format!("sort: invalid number at field start: invalid count at start of '{text}'\n"))
                .await;
            return Exit(2);
        };
        keys.push(key);
    }
    let separator = line.value('t').and_then(|text| text.chars().next());
    let mut rows: Vec<String> = Vec::new();
    for operand in or_stdin(line.operands.clone()) {
        let Some(bytes) = contents(&sys, "sort: cannot read", &operand).await else { return Exit(2) };
        rows.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
    }
    let keyed = |a: &str, b: &str| {
        let by_keys = keys.iter().map(|key| {
            let how = if key.own { key.how } else { how };
            how.compare(key.part(a, separator), key.part(b, separator))
        });
        let order = by_keys.fold(Ordering::Equal, Ordering::then);
        if keys.is_empty() { how.compare(a, b) } else { order }
    };
    let whole = |a: &str, b: &str| if how.reverse { b.cmp(a) } else { a.cmp(b) };
    if line.has('c') || line.has('C') {
        let wrong = rows.windows(2).position(|two| keyed(&two[0], &two[1]) == Ordering::Greater);
        if let Some(at) = wrong {
            sys.eprint(format!("sort: -:{}: disorder: {}\n", at + 2, rows[at + 1])).await;
        }
        return Exit(u8::from(wrong.is_some()));
    }
    let last_resort = !line.has('s') && !line.has('u');
    rows.sort_by(|a, b| keyed(a, b).then_with(|| if last_resort { whole(a, b) } else { Ordering::Equal }));
    if line.has('u') {
        rows.dedup_by(|b, a| keyed(a, b) == Ordering::Equal);
    }
    let text: String = rows.into_iter().flat_map(|row| [row, "\n".to_owned()]).collect();
    match line.value('o') {
        None => sys.print(text).await,
        Some(path) => {
            if let Err(errno) = sys.write_file(path, text.as_bytes()).await {
                sys.eprint(format!("sort: open failed: {path}: {errno}\n")).await;
                return Exit(2);
            }
        }
    }
    Exit::OK
}

const UNIQ_LONG: &[Long] = &[
    HELP,
    VERSION,
    ("check-chars", Takes::Value, 'w'),
    ("count", Takes::Nothing, 'c'),
    ("ignore-case", Takes::Nothing, 'i'),
    ("repeated", Takes::Nothing, 'd'),
    ("skip-chars", Takes::Value, 's'),
    ("skip-fields", Takes::Value, 'f'),
    ("unique", Takes::Nothing, 'u'),
];

async fn uniq(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "cdf:is:uw:", UNIQ_LONG, "[OPTION]... [INPUT [OUTPUT]]", 1).await
    {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let input = line.operands.first().map_or("-", String::as_str);
    let Some(bytes) = contents(&sys, "uniq", input).await else { return Exit::FAILURE };
    let count = |letter| line.value(letter).and_then(|text| text.parse::<usize>().ok());
    let compared = |row: &str| {
        let skipped =
            fields(row, None).get(count('f').unwrap_or(0).wrapping_sub(1)).map_or(0, |(_, end)| *end);
        let rest =
            row[skipped..].chars().skip(count('s').unwrap_or(0)).take(count('w').unwrap_or(usize::MAX));
        if line.has('i') { rest.flat_map(char::to_lowercase).collect() } else { rest.collect::<String>() }
    };
    let mut groups: Vec<(String, String, usize)> = Vec::new();
    for row in String::from_utf8_lossy(&bytes).lines() {
        let key = compared(row);
        match groups.last_mut() {
            Some((last, _, times)) if *last == key => *times += 1,
            _ => groups.push((key, row.to_owned(), 1)),
        }
    }
    let shown = |times: usize| if times > 1 { !line.has('u') } else { !line.has('d') };
    let text: String = groups
        .into_iter()
        .filter(|(.., times)| shown(*times))
        .map(|(_, row, times)| if line.has('c') { format!("{times:>7} {row}\n") } else { format!("{row}\n") })
        .collect();
    match line.operands.get(1) {
        None => sys.print(text).await,
        Some(path) => {
            if let Err(errno) = sys.write_file(path, text.as_bytes()).await {
                sys.eprint(format!("uniq: {path}: {errno}\n")).await;
                return Exit::FAILURE;
            }
        }
    }
    Exit::OK
}
