//! `diff`, `cmp`: compare files. Source: diff(1), cmp(1), diffutils 3.8.
//! Not simulated of diff: -y -c -e -r and others; of cmp: -i -n.
//! ```transcript
//! host# printf 'a\nb\n' > x; printf 'a\nc\n' > y; diff x y
//! 2c2
//! < b
//! ---
//! > c
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::input::{read_file, read_text};
use super::long;
use super::tool::{Options, Tool};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::sys::Sys;

pub const DIFF: Command = Command {
    name: "diff",
    path: "/usr/bin/diff",
    man: "diff(1)",
    run: |sys, args| Box::pin(diff(sys, args)),
};
pub const CMP: Command =
    Command { name: "cmp", path: "/usr/bin/cmp", man: "cmp(1)", run: |sys, args| Box::pin(cmp(sys, args)) };

const PACKAGE: &str = "(GNU diffutils) 3.8";
const DIFF_TOOL: Tool = Tool {
    name: "diff",
    short: "0123456789abBcC:dD:eEfF:hHiI:lL:nNpPqrsS:tTuU:vwW:x:X:yZ",
    long: &[
        ("brief", Nothing, 'q'),
        ("ignore-case", Nothing, 'i'),
        ("ignore-all-space", Nothing, 'w'),
        ("ignore-space-change", Nothing, 'b'),
        ("ignore-blank-lines", Nothing, 'B'),
        ("unified", MayValue, 'U'),
        ("label", Value, 'L'),
        ("report-identical-files", Nothing, 's'),
        ("new-file", Nothing, 'N'),
    ],
    missing: "cCdDeEfFhHIlnpPrStTvWxXyZB",
    usage: 2,
    package: PACKAGE,
};
const CMP_TOOL: Tool = Tool {
    name: "cmp",
    short: "bi:ln:sv",
    long: &[("verbose", Nothing, 'l'), ("quiet", Nothing, 's'), ("silent", Nothing, 's')],
    missing: "bin",
    usage: 2,
    package: PACKAGE,
};

/// Cells of the table in which common lines are found; beyond it the files count as wholly different.
const CELLS: usize = 16_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Keep,
    Delete,
    Insert,
}

async fn diff(sys: Sys, args: Args) -> Exit {
    let options = match DIFF_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let [left, right] = options.operands.as_slice() else {
        let words = match options.operands.as_slice() {
            [] => "missing operand after 'diff'".to_owned(),
            [only] => format!("missing operand after '{only}'"),
            [_, _, extra, ..] => format!("extra operand '{extra}'"),
            _ => String::new(),
        };
        DIFF_TOOL.complain(&sys, words).await;
        sys.eprint("diff: Try 'diff --help' for more information.\n").await;
        return Exit(2);
    };
    let (mut texts, mut failed) = (Vec::new(), false);
    for path in [left, right] {
        match read_text(&sys, path).await {
            Ok(text) => texts.push(text),
            Err(net::Errno::ENOENT) if options.has('N') => texts.push(String::new()),
            Err(errno) => {
                DIFF_TOOL.complain(&sys, format!("{path}: {errno}")).await;
                failed = true;
            }
        }
    }
    if failed {
        return Exit(2);
    }
    let a: Vec<&str> = texts[0].split_inclusive('\n').collect();
    let b: Vec<&str> = texts[1].split_inclusive('\n').collect();
    let key = |line: &str| {
        let line = match (options.has('w'), options.has('b')) {
            (true, _) => line.split_whitespace().collect(),
            (_, true) => line.split_whitespace().collect::<Vec<_>>().join(" "),
            _ => line.to_owned(),
        };
        if options.has('i') { line.to_lowercase() } else { line }
    };
    let edits = edits(
        &a.iter().map(|it| key(it)).collect::<Vec<_>>(),
        &b.iter().map(|it| key(it)).collect::<Vec<_>>(),
    );
    if edits.iter().all(|edit| *edit == Edit::Keep) {
        if options.has('s') {
            sys.print(format!("Files {left} and {right} are identical\n")).await;
        }
        return Exit::OK;
    }
    if options.has('q') {
        sys.print(format!("Files {left} and {right} differ\n")).await;
        return Exit::FAILURE;
    }
    let text = match options.has('u') || options.has('U') {
        true => {
            let heads =
                [header(&sys, "---", left, &options, 0).await, header(&sys, "+++", right, &options, 1).await];
            heads.concat() + &unified(&a, &b, &edits, context(&options))
        }
        false => normal(&a, &b, &edits),
    };
    sys.print(text).await;
    Exit::FAILURE
}

fn context(options: &Options) -> usize {
    options.value('U').and_then(|text| text.parse().ok()).unwrap_or(3)
}

async fn header(sys: &Sys, sign: &str, path: &str, options: &Options, index: usize) -> String {
    let labels: Vec<&String> = options
        .flags
        .iter()
        .filter(|(letter, _)| *letter == 'L')
        .filter_map(|(_, value)| value.as_ref())
        .collect();
    if let Some(label) = labels.get(index) {
        return format!("{sign} {label}\n");
    }
    let (seconds, nanos) = match sys.stat(path).await {
        Ok(stat) => (long::seconds(&stat) as i64, (stat.modified.nanos() % 1_000_000_000) as u32),
        Err(_) => (sys.realtime().await.as_secs() as i64, 0),
    };
    format!("{sign} {path}\t{}\n", Date::from_signed(seconds, nanos).format("%F %T.%N %z"))
}

/// The fewest lines to delete and insert, by the longest common subsequence.
fn edits(a: &[String], b: &[String]) -> Vec<Edit> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (rest_a, rest_b) = (&a[start..], &b[start..]);
    let end = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (rest_a, rest_b) = (&rest_a[..rest_a.len() - end], &rest_b[..rest_b.len() - end]);
    let mut edits = vec![Edit::Keep; start];
    let (rows, columns) = (rest_a.len() + 1, rest_b.len() + 1);
    if rows.saturating_mul(columns) > CELLS {
        edits.extend(vec![Edit::Delete; rest_a.len()]);
        edits.extend(vec![Edit::Insert; rest_b.len()]);
    } else {
        let mut common = vec![0_u32; rows * columns];
        for i in (0..rest_a.len()).rev() {
            for j in (0..rest_b.len()).rev() {
                common[i * columns + j] = match rest_a[i] == rest_b[j] {
                    true => common[(i + 1) * columns + j + 1] + 1,
                    false => common[(i + 1) * columns + j].max(common[i * columns + j + 1]),
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < rest_a.len() || j < rest_b.len() {
            if i < rest_a.len() && j < rest_b.len() && rest_a[i] == rest_b[j] {
                edits.push(Edit::Keep);
                (i, j) = (i + 1, j + 1);
            } else if j >= rest_b.len()
                || i < rest_a.len() && common[(i + 1) * columns + j] >= common[i * columns + j + 1]
            {
                edits.push(Edit::Delete);
                i += 1;
            } else {
                edits.push(Edit::Insert);
                j += 1;
            }
        }
    }
    edits.extend(vec![Edit::Keep; end]);
    edits
}

fn shown(sign: &str, line: &str) -> String {
    match line.strip_suffix('\n') {
        Some(_) => format!("{sign}{line}"),
        None => format!("{sign}{line}\n\\ No newline at end of file\n"),
    }
}

/// Runs of changes: (from, to) in both files, counted from 0.
fn hunks(edits: &[Edit]) -> Vec<((usize, usize), (usize, usize))> {
    let (mut hunks, mut i, mut j, mut open) = (Vec::new(), 0, 0, None);
    for edit in edits.iter().chain([&Edit::Keep]) {
        match edit {
            Edit::Keep => {
                if let Some((start_i, start_j)) = open.take() {
                    hunks.push(((start_i, i), (start_j, j)));
                }
                (i, j) = (i + 1, j + 1);
            }
            edit => {
                open.get_or_insert((i, j));
                if *edit == Edit::Delete {
                    i += 1;
                } else {
                    j += 1;
                }
            }
        }
    }
    hunks
}

fn normal(a: &[&str], b: &[&str], edits: &[Edit]) -> String {
    let mut out = String::new();
    let range = |from: usize, to: usize| match to - from {
        0 => from.to_string(),
        1 => (from + 1).to_string(),
        _ => format!("{},{to}", from + 1),
    };
    for ((a1, a2), (b1, b2)) in hunks(edits) {
        let letter = match (a1 == a2, b1 == b2) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        out.push_str(&format!("{}{letter}{}\n", range(a1, a2), range(b1, b2)));
        a[a1..a2].iter().for_each(|line| out.push_str(&shown("< ", line)));
        if letter == 'c' {
            out.push_str("---\n");
        }
        b[b1..b2].iter().for_each(|line| out.push_str(&shown("> ", line)));
    }
    out
}

fn unified(a: &[&str], b: &[&str], edits: &[Edit], context: usize) -> String {
    let mut groups: Vec<Vec<((usize, usize), (usize, usize))>> = Vec::new();
    for hunk in hunks(edits) {
        match groups.last_mut().and_then(|group| group.last().copied().map(|last| (group, last))) {
            Some((group, last)) if hunk.0.0 - last.0.1 <= 2 * context => group.push(hunk),
            _ => groups.push(vec![hunk]),
        }
    }
    let mut out = String::new();
    for group in groups {
        let (first, last) = (group[0], group[group.len() - 1]);
        let before = context.min(first.0.0);
        let (a1, b1) = (first.0.0 - before, first.1.0 - before);
        let after = context.min(a.len() - last.0.1);
        let (a2, b2) = (last.0.1 + after, last.1.1 + after);
        let range = |from: usize, to: usize| match to - from {
            0 => format!("{from},0"),
            1 => (from + 1).to_string(),
            count => format!("{},{count}", from + 1),
        };
        out.push_str(&format!("@@ -{} +{} @@\n", range(a1, a2), range(b1, b2)));
        let mut at = a1;
        for ((from, to), (new_from, new_to)) in group {
            a[at..from].iter().for_each(|line| out.push_str(&shown(" ", line)));
            a[from..to].iter().for_each(|line| out.push_str(&shown("-", line)));
            b[new_from..new_to].iter().for_each(|line| out.push_str(&shown("+", line)));
            at = to;
        }
        a[at..a2].iter().for_each(|line| out.push_str(&shown(" ", line)));
    }
    out
}

async fn cmp(sys: Sys, args: Args) -> Exit {
    let options = match CMP_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let (left, right) = match options.operands.as_slice() {
        [left, right] => (left.as_str(), right.as_str()),
        [left] => (left.as_str(), "-"),
        [] => {
            CMP_TOOL.complain(&sys, "missing operand after 'cmp'").await;
            sys.eprint("cmp: Try 'cmp --help' for more information.\n").await;
            return Exit(2);
        }
        words => {
            CMP_TOOL.complain(&sys, format!("extra operand '{}'", words[2])).await;
            sys.eprint("cmp: Try 'cmp --help' for more information.\n").await;
            return Exit(2);
        }
    };
    let mut files = Vec::new();
    for path in [left, right] {
        match read_file(&sys, path).await {
            Ok(bytes) => files.push(bytes),
            Err(errno) => {
                CMP_TOOL.complain(&sys, format!("{path}: {errno}")).await;
                return Exit(2);
            }
        }
    }
    let (a, b) = (&files[0], &files[1]);
    let differing: Vec<usize> = (0..a.len().min(b.len())).filter(|at| a[*at] != b[*at]).collect();
    if differing.is_empty() && a.len() == b.len() {
        return Exit::OK;
    }
    if options.has('s') {
        return Exit::FAILURE;
    }
    if options.has('l') {
        for at in &differing {
            sys.print(format!("{} {:3o} {:3o}\n", at + 1, a[*at], b[*at])).await;
        }
    } else if let Some(at) = differing.first() {
        let line = a[..*at].iter().filter(|byte| **byte == b'\n').count() + 1;
        sys.print(format!("{left} {right} differ: byte {}, line {line}\n", at + 1)).await;
        return Exit::FAILURE;
    }
    if a.len() != b.len() {
        let (short, bytes) = if a.len() < b.len() { (left, a) } else { (right, b) };
        if bytes.is_empty() {
            CMP_TOOL.complain(&sys, format!("EOF on {short} which is empty")).await;
        } else {
            let line = bytes.iter().filter(|byte| **byte == b'\n').count();
            let place =
                if bytes.ends_with(b"\n") { format!("line {line}") } else { format!("in line {}", line + 1) };
            CMP_TOOL.complain(&sys, format!("EOF on {short} after byte {}, {place}", bytes.len())).await;
        }
    }
    Exit::FAILURE
}
