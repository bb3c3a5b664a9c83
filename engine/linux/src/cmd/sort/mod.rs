//! `sort`: lines in order. Source: sort(1), coreutils 9.1, `src/sort.c`; strverscmp as gnulib's filevercmp.
//! Not simulated: -R --debug --files0-from --compress-program. Differs: the locale is C.
//! ```transcript
//! host# printf '10.0.0.10\n10.0.0.9\n' | sort -t. -k4n
//! 10.0.0.9
//! 10.0.0.10
//! ```

mod compare;
mod key;

use super::getopt::Long;
use super::getopt::Takes::{MayValue, Nothing, Value};
use super::input::{contents, lines, or_stdin};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;
pub use compare::versions;
use compare::{How, is_blank};
use key::Key;
use std::cmp::Ordering;

pub const SORT: Command = Command {
    name: "sort",
    path: "/usr/bin/sort",
    man: "sort(1)",
    run: |sys, args| Box::pin(sort(sys, args)),
};

const SORT_BY: char = '\u{3}';
const LONG: &[Long] = &[
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
                'k' => sorting.keys.push(key::parse(value)?),
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
