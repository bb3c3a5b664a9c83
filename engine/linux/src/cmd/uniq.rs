//! `uniq`: neighbouring lines that are the same, once. Source: uniq(1), coreutils 9.1.
//! ```transcript
//! host# printf 'b\na\nb\n' | sort | uniq -c
//!       1 a
//!       2 b
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::input::{contents, lines};
use super::tool::{Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const UNIQ: Command = Command {
    name: "uniq",
    path: "/usr/bin/uniq",
    man: "uniq(1)",
    run: |sys, args| Box::pin(uniq(sys, args)),
};

/// `--group`
const GROUP: char = '\u{3}';
const TOOL: Tool = Tool::gnu(
    "uniq",
    "cdDf:is:uw:z",
    &[
        ("all-repeated", MayValue, 'D'),
        ("check-chars", Value, 'w'),
        ("count", Nothing, 'c'),
        ("group", MayValue, GROUP),
        ("ignore-case", Nothing, 'i'),
        ("repeated", Nothing, 'd'),
        ("skip-chars", Value, 's'),
        ("skip-fields", Value, 'f'),
        ("unique", Nothing, 'u'),
        ("zero-terminated", Nothing, 'z'),
    ],
);

/// What of a line is compared.
struct Compared {
    fields: usize,
    characters: usize,
    width: usize,
    fold: bool,
}

impl Compared {
    fn of<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        let mut at = 0;
        for _ in 0..self.fields.min(row.len()) {
            while row.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                at += 1;
            }
            while row.get(at).is_some_and(|byte| !matches!(byte, b' ' | b'\t')) {
                at += 1;
            }
        }
        let start = at.saturating_add(self.characters).min(row.len());
        &row[start..start.saturating_add(self.width).min(row.len())]
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        if self.fold { a.eq_ignore_ascii_case(b) } else { a == b }
    }
}

/// Where groups are parted: not, before each, between them, after each, both.
const METHODS: [&str; 5] = ["none", "prepend", "separate", "append", "both"];

async fn uniq(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if let Some(extra) = options.operands.get(2) {
        return TOOL.extra_operand(&sys, extra).await;
    }
    let number = |letter: char, what: &str, default: usize| match options.value(letter) {
        None => Ok(default),
        Some(text) if !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()) => {
            Ok(text.parse().unwrap_or(usize::MAX))
        }
        Some(text) => Err(format!("{text}: invalid number of {what}")),
    };
    let compared = number('f', "fields to skip", 0).and_then(|fields| {
        let characters = number('s', "bytes to skip", 0)?;
        let width = number('w', "bytes to compare", usize::MAX)?;
        Ok(Compared { fields, characters, width, fold: options.has('i') })
    });
    let compared = match compared {
        Ok(compared) => compared,
        Err(words) => {
            TOOL.complain(&sys, words).await;
            return Exit::FAILURE;
        }
    };
    if options.has('c') && options.has('D') {
        return TOOL.wrong(&sys, "printing all duplicated lines and repeat counts is meaningless").await;
    }
    if options.has(GROUP) && ['c', 'd', 'D', 'u'].iter().any(|letter| options.has(*letter)) {
        return TOOL.wrong(&sys, "--group is mutually exclusive with -c/-d/-D/-u").await;
    }
    let method = options.value('D').or_else(|| options.value(GROUP));
    if let Some(word) = method.filter(|word| !METHODS.iter().any(|name| name.starts_with(word))) {
        return TOOL.wrong(&sys, format!("invalid argument {} for '--all-repeated'", quoted(word))).await;
    }
    let end = if options.has('z') { 0 } else { b'\n' };
    let input = options.operands.first().map_or("-", String::as_str);
    let Some(bytes) = contents(&sys, "uniq", input).await else { return Exit::FAILURE };
    let mut groups: Vec<Vec<Vec<u8>>> = Vec::new();
    for row in lines(&bytes, end) {
        match groups.last_mut() {
            Some(group) if compared.same(&group[0], &row) => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    let out = printed(&options, groups, end);
    match options.operands.get(1).filter(|path| *path != "-") {
        None => {
            if sys.write(1, &out).await.is_err() {
                return Exit::FAILURE;
            }
        }
        Some(path) => {
            if let Err(errno) = sys.write_file(path, &out).await {
                TOOL.complain(&sys, format!("{path}: {errno}")).await;
                return Exit::FAILURE;
            }
        }
    }
    Exit::OK
}

fn printed(options: &Options, groups: Vec<Vec<Vec<u8>>>, end: u8) -> Vec<u8> {
    let all = options.has('D') || options.has(GROUP);
    let default = if options.has(GROUP) { "separate" } else { "none" };
    let word = options.value('D').or_else(|| options.value(GROUP)).unwrap_or(default);
    let method = METHODS.iter().find(|name| name.starts_with(word)).copied().unwrap_or("none");
    let shown = |times: usize| match (options.has(GROUP), times > 1) {
        (true, _) => true,
        (false, true) => !options.has('u'),
        (false, false) => !options.has('d') && !options.has('D'),
    };
    let mut out: Vec<u8> = Vec::new();
    let mut first = true;
    for group in groups.into_iter().filter(|group| shown(group.len())) {
        let before = matches!(method, "prepend" | "both") || method == "separate" && !first;
        if all && before && (first || method != "both") {
            out.push(end);
        }
        first = false;
        let count = group.len();
        for row in group.into_iter().take(if all { count } else { 1 }) {
            if options.has('c') {
                out.extend(format!("{count:>7} ").into_bytes());
            }
            out.extend(row);
            out.push(end);
        }
        if all && matches!(method, "append" | "both") {
            out.push(end);
        }
    }
    out
}
