//! `wc`: lines, words and bytes. Source: wc(1), coreutils.
//! ```transcript
//! host# printf 'a b\nc\n' | wc
//!       2       3       6
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::{close, file_size, open};
use super::tool::Tool;
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const WC: Command =
    Command { name: "wc", path: "/usr/bin/wc", man: "wc(1)", run: |sys, args| Box::pin(wc(sys, args)) };

const TOOL: Tool = Tool {
    missing: "\u{3}",
    ..Tool::gnu(
        "wc",
        "clLmw",
        &[
            ("bytes", Nothing, 'c'),
            ("chars", Nothing, 'm'),
            ("lines", Nothing, 'l'),
            ("max-line-length", Nothing, 'L'),
            ("words", Nothing, 'w'),
            ("files0-from", Value, '\u{3}'),
        ],
    )
};
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
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let asked = COLUMNS.map(|column| options.has(column));
    let shown = if asked.contains(&true) { asked } else { [true, true, false, true, false] };
    let stdin = options.operands.is_empty();
    let (mut exit, mut rows, mut total) = (Exit::OK, Vec::new(), [0; 5]);
    let (mut sizes, mut least) = (0, 1);
    for operand in if stdin { vec!["-".to_owned()] } else { options.operands.clone() } {
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
        close(&sys, fd).await;
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
    if options.operands.len() > 1 {
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
