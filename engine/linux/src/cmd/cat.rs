//! `cat`, `tac`: files one after the other; backwards. Source: cat(1), tac(1), coreutils.
//! ```transcript
//! host# printf 'a\nb\n' | cat -E
//! a$
//! b$
//! ```

use super::coreutils::{HELP, Line, Lines, VERSION, close, contents, open, or_stdin};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const CAT: Command =
    Command { name: "cat", path: "/usr/bin/cat", man: "cat(1)", run: |sys, args| Box::pin(cat(sys, args)) };
pub const TAC: Command =
    Command { name: "tac", path: "/usr/bin/tac", man: "tac(1)", run: |sys, args| Box::pin(tac(sys, args)) };

const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("number", Takes::Nothing, 'n'),
    ("number-nonblank", Takes::Nothing, 'b'),
    ("show-all", Takes::Nothing, 'A'),
    ("show-ends", Takes::Nothing, 'E'),
    ("show-nonprinting", Takes::Nothing, 'v'),
    ("show-tabs", Takes::Nothing, 'T'),
    ("squeeze-blank", Takes::Nothing, 's'),
];

struct Style {
    number: bool,
    number_nonblank: bool,
    ends: bool,
    tabs: bool,
    nonprinting: bool,
    squeeze: bool,
}

impl Style {
    fn plain(&self) -> bool {
        !(self.number || self.number_nonblank || self.ends || self.tabs || self.nonprinting || self.squeeze)
    }

    fn byte(&self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'\n' => out.extend(if self.ends { &b"$\n"[..] } else { b"\n" }),
            b'\t' if !self.tabs => out.push(b'\t'),
            b'\t' => out.extend(b"^I"),
            byte if !self.nonprinting => out.push(byte),
            byte => {
                let (meta, low) = (byte >= 128, byte & 127);
                out.extend(if meta { &b"M-"[..] } else { b"" });
                match low {
                    127 => out.extend(b"^?"),
                    0..=31 => out.extend([b'^', low + 64]),
                    _ => out.push(low),
                }
            }
        }
    }
}

async fn cat(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "AbeEnstTuv", LONG, "[OPTION]... [FILE]...", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let all = line.has('A');
    let style = Style {
        number: line.has('n'),
        number_nonblank: line.has('b'),
        ends: all || line.has('E') || line.has('e'),
        tabs: all || line.has('T') || line.has('t'),
        nonprinting: all || line.has('v') || line.has('e') || line.has('t'),
        squeeze: line.has('s'),
    };
    let (mut exit, mut number, mut blank) = (Exit::OK, 0, false);
    for operand in or_stdin(line.operands) {
        let Some(fd) = open(&sys, "cat", &operand).await else {
            exit = Exit::FAILURE;
            continue;
        };
        let mut lines = Lines::new(&sys, fd);
        if style.plain() {
            while let Some(chunk) = lines.chunk().await {
                if sys.write(1, &chunk).await.is_err() {
                    return Exit::FAILURE;
                }
            }
        } else {
            while let Some(text) = lines.next().await {
                let empty = text == b"\n";
                if style.squeeze && empty && std::mem::replace(&mut blank, empty) {
                    continue;
                }
                blank = empty;
                let mut out = Vec::new();
                if if style.number_nonblank { !empty } else { style.number } {
                    number += 1;
                    out.extend(format!("{number:>6}\t").into_bytes());
                }
                text.iter().for_each(|byte| style.byte(*byte, &mut out));
                if sys.write(1, &out).await.is_err() {
                    return Exit::FAILURE;
                }
            }
        }
        if !lines.told("cat", &operand).await {
            exit = Exit::FAILURE;
        }
        close(&sys, fd).await;
    }
    exit
}

async fn tac(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "", &[HELP, VERSION], "[OPTION]... [FILE]...", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let mut exit = Exit::OK;
    for operand in or_stdin(line.operands) {
        match contents(&sys, "tac", &operand).await {
            Some(bytes) => {
                let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').rev().collect();
                sys.write(1, &lines.concat()).await.unwrap_or_default();
            }
            None => exit = Exit::FAILURE,
        }
    }
    exit
}
