//! `cat`, `tac`: files one after the other; backwards. Source: cat(1), tac(1), coreutils.
//! ```transcript
//! host# printf 'a\nb\n' | cat -E
//! a$
//! b$
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::{Lines, close, contents, open, or_stdin};
use super::tool::Tool;
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const CAT: Command =
    Command { name: "cat", path: "/usr/bin/cat", man: "cat(1)", run: |sys, args| Box::pin(cat(sys, args)) };
pub const TAC: Command =
    Command { name: "tac", path: "/usr/bin/tac", man: "tac(1)", run: |sys, args| Box::pin(tac(sys, args)) };

const TOOL: Tool = Tool::gnu(
    "cat",
    "AbeEnstTuv",
    &[
        ("number", Nothing, 'n'),
        ("number-nonblank", Nothing, 'b'),
        ("show-all", Nothing, 'A'),
        ("show-ends", Nothing, 'E'),
        ("show-nonprinting", Nothing, 'v'),
        ("show-tabs", Nothing, 'T'),
        ("squeeze-blank", Nothing, 's'),
    ],
);
const TAC_TOOL: Tool = Tool {
    missing: "brs",
    ..Tool::gnu(
        "tac",
        "brs:",
        &[("before", Nothing, 'b'), ("regex", Nothing, 'r'), ("separator", Value, 's')],
    )
};

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
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let all = options.has('A');
    let style = Style {
        number: options.has('n'),
        number_nonblank: options.has('b'),
        ends: all || options.has('E') || options.has('e'),
        tabs: all || options.has('T') || options.has('t'),
        nonprinting: all || options.has('v') || options.has('e') || options.has('t'),
        squeeze: options.has('s'),
    };
    let (mut exit, mut number, mut blank) = (Exit::OK, 0, false);
    for operand in or_stdin(options.operands) {
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
    let options = match TAC_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut exit = Exit::OK;
    for operand in or_stdin(options.operands) {
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
