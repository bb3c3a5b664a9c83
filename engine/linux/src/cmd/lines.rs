//! `paste`, `fold`, `comm`, `shuf`: small tools for lines. Source: their pages, coreutils.
//! ```transcript
//! host# printf 'a\nb\n' | paste -sd,
//! a,b
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::read_text;
use super::tool::{COREUTILS, Tool, quoted, quoted_if_needed};
use super::{Args, Command, Exit};
use crate::sys::Sys;

super::programs! {
    PASTE "paste" "paste(1)" paste
    FOLD "fold" "fold(1)" fold
    COMM "comm" "comm(1)" comm
    SHUF "shuf" "shuf(1)" shuf
}

const fn tool(name: &'static str, short: &'static str, missing: &'static str) -> Tool {
    Tool { name, short, long: &[], missing, usage: 1, package: COREUTILS }
}

/// The files' texts; what cannot be read has been complained of.
async fn texts(sys: &Sys, tool: &Tool, operands: &[String]) -> (Vec<String>, Exit) {
    let (mut texts, mut exit) = (Vec::new(), Exit::OK);
    let stdin = ["-".to_owned()];
    for path in if operands.is_empty() { &stdin } else { operands } {
        match read_text(sys, path).await {
            Ok(text) => texts.push(text),
            Err(errno) => {
                let words = format!("{}: {errno}", quoted_if_needed(path));
                tool.complain(sys, words).await;
                exit = Exit::FAILURE;
            }
        }
    }
    (texts, exit)
}

async fn paste(sys: Sys, args: Args) -> Exit {
    let tool = tool("paste", "d:sz", "z");
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let delimiters = options.value('d').unwrap_or("\t");
    let delimiters = crate::shell::escape::expand(delimiters, crate::shell::escape::Style::Format).0;
    let delimiters: Vec<String> = delimiters.chars().map(String::from).collect();
    let between = |index: usize| match delimiters.is_empty() {
        true => "",
        false => delimiters[index % delimiters.len()].as_str(),
    };
    let join = |parts: &[&str]| {
        let mut line = String::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                line.push_str(between(index - 1));
            }
            line.push_str(part);
        }
        line + "\n"
    };
    let dashes = options.operands.iter().filter(|path| *path == "-").count().max(1);
    let mut operands = options.operands.clone();
    if !options.has('s') {
        // Several `-` take turns with the lines of one stdin.
        let mut seen = false;
        operands.retain(|path| path != "-" || !std::mem::replace(&mut seen, true));
    }
    let (texts, exit) = texts(&sys, &tool, &operands).await;
    let mut out = String::new();
    if options.has('s') {
        for text in &texts {
            out.push_str(&join(&text.lines().collect::<Vec<_>>()));
        }
    } else {
        let mut columns: Vec<Vec<&str>> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let lines: Vec<&str> = text.lines().collect();
            if dashes > 1 && operands.get(index).is_some_and(|path| path == "-") {
                columns.extend(
                    (0..dashes).map(|start| lines.iter().skip(start).step_by(dashes).copied().collect()),
                );
            } else {
                columns.push(lines);
            }
        }
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..rows {
            let parts: Vec<&str> =
                columns.iter().map(|lines| lines.get(row).copied().unwrap_or_default()).collect();
            out.push_str(&join(&parts));
        }
    }
    sys.print(out).await;
    exit
}

async fn fold(sys: Sys, args: Args) -> Exit {
    let tool = tool("fold", "bsw:", "b");
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let Ok(width @ 1..) = options.value('w').unwrap_or("80").parse::<usize>() else {
        let shown = quoted(options.value('w').unwrap_or_default());
        tool.complain(&sys, format!("invalid number of columns: {shown}")).await;
        return Exit::FAILURE;
    };
    let (texts, exit) = texts(&sys, &tool, &options.operands).await;
    let mut out = String::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        let mut rest: Vec<char> = line.chars().collect();
        while rest.len() > width {
            let space = rest[..width].iter().rposition(|c| *c == ' ').filter(|_| options.has('s'));
            let cut = space.map_or(width, |at| at + 1);
            out.extend(rest.drain(..cut));
            out.push('\n');
        }
        out.extend(rest);
        out.push('\n');
    }
    sys.print(out).await;
    exit
}

async fn comm(sys: Sys, args: Args) -> Exit {
    let tool = tool("comm", "123z", "z");
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.len() < 2 {
        return tool.missing_operand(&sys, &options.operands).await;
    }
    let (texts, exit) = texts(&sys, &tool, &options.operands[..2]).await;
    let [left, right] = texts.as_slice() else { return exit };
    let (mut left, mut right) = (left.lines().peekable(), right.lines().peekable());
    let mut out = String::new();
    let mut put = |column: usize, line: &str| {
        let hidden = |column: usize| options.has(char::from(b'0' + column as u8));
        if !hidden(column) {
            let tabs = (1..column).filter(|before| !hidden(*before)).count();
            out.push_str(&format!("{}{line}\n", "\t".repeat(tabs)));
        }
    };
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => {
                put(3, a);
                left.next();
                right.next();
            }
            (Some(a), b) if b.is_none_or(|b| a.as_bytes() < b.as_bytes()) => {
                put(1, a);
                left.next();
            }
            (_, Some(b)) => {
                put(2, b);
                right.next();
            }
            (Some(_), None) => break,
        }
    }
    sys.print(out).await;
    exit
}

async fn shuf(sys: Sys, args: Args) -> Exit {
    let tool =
        Tool { long: &[("head-count", Value, 'n'), ("echo", Nothing, 'e')], ..tool("shuf", "ei:n:r", "r") };
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut lines: Vec<String> = if options.has('e') {
        options.operands.clone()
    } else if let Some(range) = options.value('i') {
        let numbers =
            range.split_once('-').and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
        match numbers {
            Some((low, high)) if low <= high && high - low < 1_000_000 => {
                (low..=high).map(|n| n.to_string()).collect()
            }
            _ => {
                tool.complain(&sys, format!("invalid input range: {}", quoted(range))).await;
                return Exit::FAILURE;
            }
        }
    } else {
        let (texts, exit) = texts(&sys, &tool, &options.operands).await;
        if exit != Exit::OK {
            return exit;
        }
        texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
    };
    let count = options.value('n').and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    let lines = sys
        .ask(move |system, _| {
            for index in (1..lines.len()).rev() {
                let other = system.random.below(index as u32 + 1) as usize;
                lines.swap(index, other);
            }
            lines
        })
        .await;
    sys.print(lines.iter().take(count).map(|line| format!("{line}\n")).collect::<String>()).await;
    Exit::OK
}
