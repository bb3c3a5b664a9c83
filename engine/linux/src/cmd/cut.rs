//! `cut`: fields or characters of each line. Source: cut(1), coreutils.
//! ```transcript
//! host# echo a:b:c | cut -d: -f1,3
//! a:c
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::{Lines, close, open, or_stdin};
use super::tool::{Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const CUT: Command =
    Command { name: "cut", path: "/usr/bin/cut", man: "cut(1)", run: |sys, args| Box::pin(cut(sys, args)) };

const TOOL: Tool = Tool::gnu(
    "cut",
    "b:c:d:f:nsz",
    &[
        ("bytes", Value, 'b'),
        ("characters", Value, 'c'),
        ("complement", Nothing, 'C'),
        ("delimiter", Value, 'd'),
        ("fields", Value, 'f'),
        ("only-delimited", Nothing, 's'),
        ("output-delimiter", Value, 'o'),
        ("zero-terminated", Nothing, 'z'),
    ],
);

/// `1,3-5,7-`: ranges counted from 1; the error is what is told.
fn ranges(list: &str, fields: bool) -> Result<Vec<(usize, usize)>, String> {
    let zero =
        if fields { "fields are numbered from 1" } else { "byte/character positions are numbered from 1" };
    let number = |text: &str| match text.parse::<usize>() {
        Ok(0) => Err(zero.to_owned()),
        Ok(value) => Ok(value),
        Err(_) => Err(match fields {
            true => format!("invalid field value {}", quoted(text)),
            false => format!("invalid byte/character position {}", quoted(text)),
        }),
    };
    let range = |part: &str| {
        let (from, to) = match part.split_once('-') {
            None if part.is_empty() => return Err(zero.to_owned()),
            None => (number(part)?, number(part)?),
            Some(("", "")) => return Err("invalid range with no endpoint: -".to_owned()),
            Some(("", to)) => (1, number(to)?),
            Some((from, "")) => (number(from)?, usize::MAX),
            Some((from, to)) => (number(from)?, number(to)?),
        };
        if to < from { Err("invalid decreasing range".to_owned()) } else { Ok((from, to)) }
    };
    list.split([',', ' ', '\t']).map(range).collect()
}

struct Cut {
    ranges: Vec<(usize, usize)>,
    complement: bool,
    fields: bool,
    delimiter: u8,
    output: Option<Vec<u8>>,
    only_delimited: bool,
}

impl Cut {
    fn takes(&self, at: usize) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&at)) != self.complement
    }

    fn line(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !self.fields {
            let joint = self.output.as_deref().unwrap_or_default();
            let (mut out, mut last) = (Vec::new(), None);
            for (at, byte) in text.iter().enumerate().filter(|(at, _)| self.takes(at + 1)) {
                if last.is_some_and(|last| last + 1 != at) {
                    out.extend_from_slice(joint);
                }
                out.push(*byte);
                last = Some(at);
            }
            return Some(out);
        }
        if !text.contains(&self.delimiter) {
            return (!self.only_delimited).then(|| text.to_vec());
        }
        let parts = text.split(|byte| *byte == self.delimiter).enumerate();
        let kept: Vec<&[u8]> = parts.filter(|(at, _)| self.takes(at + 1)).map(|(_, part)| part).collect();
        Some(kept.join(&self.output.clone().unwrap_or_else(|| vec![self.delimiter])[..]))
    }
}

async fn cut(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let lists: Vec<(char, &str)> = options
        .flags
        .iter()
        .filter_map(|(letter, value)| Some((*letter, value.as_deref()?)))
        .filter(|(letter, _)| matches!(letter, 'b' | 'c' | 'f'))
        .collect();
    let [(letter, list)] = lists[..] else {
        let words = if lists.is_empty() {
            "you must specify a list of bytes, characters, or fields"
        } else {
            "only one list may be specified"
        };
        return TOOL.wrong(&sys, words).await;
    };
    if letter != 'f' && options.has('d') {
        let words = "an input delimiter may be specified only when operating on fields";
        return TOOL.wrong(&sys, words).await;
    }
    if letter != 'f' && options.has('s') {
        let words = "suppressing non-delimited lines makes sense\n\tonly when operating on fields";
        return TOOL.wrong(&sys, words).await;
    }
    let ranges = match ranges(list, letter == 'f') {
        Ok(ranges) => ranges,
        Err(words) => return TOOL.wrong(&sys, &words).await,
    };
    let delimiter = options.value('d').unwrap_or("\t");
    if delimiter.len() > 1 {
        return TOOL.wrong(&sys, "the delimiter must be a single character").await;
    }
    let cut = Cut {
        ranges,
        complement: options.has('C'),
        fields: letter == 'f',
        delimiter: delimiter.bytes().next().unwrap_or(0),
        output: options.value('o').map(|text| text.as_bytes().to_vec()),
        only_delimited: options.has('s'),
    };
    let end = if options.has('z') { 0 } else { b'\n' };
    let mut exit = Exit::OK;
    for operand in or_stdin(options.operands) {
        let Some(fd) = open(&sys, "cut", &operand).await else {
            exit = Exit::FAILURE;
            continue;
        };
        let mut lines = Lines::ended_by(&sys, fd, end);
        while let Some(text) = lines.next().await {
            if let Some(mut out) = cut.line(text.strip_suffix(&[end]).unwrap_or(&text)) {
                out.push(end);
                if sys.write(1, &out).await.is_err() {
                    return Exit::FAILURE;
                }
            }
        }
        if !lines.told("cut", &operand).await {
            exit = Exit::FAILURE;
        }
        close(&sys, fd).await;
    }
    exit
}
