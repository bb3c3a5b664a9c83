//! `wc`: lines, words and bytes. Source: wc(1), coreutils.
//! ```transcript
//! host# printf 'a b\nc\n' | wc
//!       2       3       6
//! ```

use super::coreutils::{HELP, Line, VERSION, file_size, open};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const WC: Command =
    Command { name: "wc", path: "/usr/bin/wc", man: "wc(1)", run: |sys, args| Box::pin(wc(sys, args)) };

const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("bytes", Takes::Nothing, 'c'),
    ("chars", Takes::Nothing, 'm'),
    ("lines", Takes::Nothing, 'l'),
    ("max-line-length", Takes::Nothing, 'L'),
    ("words", Takes::Nothing, 'w'),
];
/// The columns, in the order in which they are printed.
const COLUMNS: [char; 5] = ['l', 'w', 'm', 'c', 'L'];

fn counted(bytes: &[u8]) -> [usize; 5] {
    let text = String::from_utf8_lossy(bytes);
    let longest = text.lines().map(columns).max().unwrap_or(0);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    [lines, text.split_whitespace().count(), text.chars().count(), bytes.len(), longest]
}

/// As wide as the line is on a screen: tabs stop at every eighth column, what cannot be seen has no width.
fn columns(line: &str) -> usize {
    line.chars().fold(0, |at, c| match c {
        '\t' => at / 8 * 8 + 8,
        c if c.is_control() || c == char::REPLACEMENT_CHARACTER => at,
        _ => at + 1,
    })
}

async fn wc(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "clLmw", LONG, "[OPTION]... [FILE]...", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let asked = COLUMNS.map(|column| line.has(column));
    let shown = if asked.contains(&true) { asked } else { [true, true, false, true, false] };
    let stdin = line.operands.is_empty();
    let (mut exit, mut rows, mut total) = (Exit::OK, Vec::new(), [0; 5]);
    let (mut sizes, mut least) = (0, 1);
    for operand in if stdin { vec!["-".to_owned()] } else { line.operands.clone() } {
        let Some(fd) = open(&sys, "wc", &operand).await else {
            exit = Exit::FAILURE;
            continue;
        };
        // What is no file may grow to any size.
        match file_size(&sys, fd).await {
            Some(size) => sizes += size,
            None => least = 7,
        }
        let read = sys.read_all(fd).await;
        super::coreutils::close(&sys, fd).await;
        if let Err(errno) = read {
            sys.eprint(format!("wc: {operand}: {errno}\n")).await;
            exit = Exit::FAILURE;
        }
        let bytes = read.unwrap_or_default();
        let counts = counted(&bytes);
        for at in 0..5 {
            total[at] = if at == 4 { total[at].max(counts[at]) } else { total[at] + counts[at] };
        }
        rows.push((counts, if stdin { String::new() } else { format!(" {operand}") }));
    }
    if line.operands.len() > 1 {
        rows.push((total, " total".to_owned()));
    }
    let single = shown.iter().filter(|it| **it).count() == 1 && rows.len() == 1;
    let width = if single { 1 } else { sizes.to_string().len().max(least) };
    for (counts, name) in rows {
        let cells =
            counts.iter().zip(shown).filter(|(_, shown)| *shown).map(|(count, _)| format!("{count:>width$}"));
        sys.print(format!("{}{name}\n", cells.collect::<Vec<_>>().join(" "))).await;
    }
    exit
}
