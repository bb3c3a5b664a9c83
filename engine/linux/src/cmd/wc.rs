//! `wc`: lines, words and bytes. Source: wc(1), coreutils.
//! ```transcript
//! host# printf 'a b\nc\n' | wc
//!       2       3       6
//! ```

use super::coreutils::{HELP, Line, VERSION, contents};
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
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    [lines, text.split_whitespace().count(), text.chars().count(), bytes.len(), longest]
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
    for operand in if stdin { vec!["-".to_owned()] } else { line.operands.clone() } {
        let Some(bytes) = contents(&sys, "wc", &operand).await else {
            exit = Exit::FAILURE;
            continue;
        };
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
    let from_pipe = line.operands.iter().any(|operand| operand == "-") || stdin;
    let width = match (single, from_pipe) {
        (true, _) => 1,
        (false, true) => 7,
        (false, false) => total[3].to_string().len(),
    };
    for (counts, name) in rows {
        let cells =
            counts.iter().zip(shown).filter(|(_, shown)| *shown).map(|(count, _)| format!("{count:>width$}"));
        sys.print(format!("{}{name}\n", cells.collect::<Vec<_>>().join(" "))).await;
    }
    exit
}
