//! `column`: put text into columns. Source: column(1), util-linux 2.38.
//! Simulated: -t -s -o, and filling columns.
//! ```transcript
//! host# printf 'a:bb:c\naaa:b:c\n' | column -t -s:
//! a    bb  c
//! aaa  b   c
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::input::read_text;
use super::tool::Tool;
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const COLUMN: Command = Command {
    name: "column",
    path: "/usr/bin/column",
    man: "column(1)",
    run: |sys, args| Box::pin(column(sys, args)),
};

const TOOL: Tool = Tool {
    name: "column",
    short: "c:C:dE:eH:i:JLl:N:n:O:o:p:R:r:s:T:tW:x",
    long: &[
        ("table", Nothing, 't'),
        ("separator", Value, 's'),
        ("output-separator", Value, 'o'),
        ("output-width", Value, 'c'),
        ("json", Nothing, 'J'),
    ],
    missing: "CdEeHiJLlNnOpRrTWx",
    usage: 1,
    package: "from util-linux 2.38.1",
};

async fn column(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let operands = if options.operands.is_empty() { vec!["-".to_owned()] } else { options.operands.clone() };
    let (mut lines, mut exit) = (Vec::new(), Exit::OK);
    for path in operands {
        match read_text(&sys, &path).await {
            Ok(text) => lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned)),
            Err(errno) => {
                TOOL.complain(&sys, format!("cannot open {path}: {errno}")).await;
                exit = Exit::FAILURE;
            }
        }
    }
    if options.has('t') {
        let between = options.value('o').unwrap_or("  ");
        let rows: Vec<Vec<&str>> = lines.iter().map(|line| cells(line, options.value('s'))).collect();
        sys.print(table(&rows, between)).await;
        return exit;
    }
    let width = match options.value('c').map(str::parse) {
        Some(Ok(width)) => width,
        Some(Err(_)) => {
            TOOL.complain(&sys, "invalid columns argument").await;
            return Exit::FAILURE;
        }
        None => sys.terminal_size().await.map_or(80, |(columns, _)| usize::from(columns)),
    };
    sys.print(fill(&lines, width)).await;
    exit
}

fn cells<'a>(line: &'a str, separators: Option<&str>) -> Vec<&'a str> {
    match separators {
        Some(separators) => line.split(|c| separators.contains(c)).collect(),
        None => line.split_whitespace().collect(),
    }
}

fn table(rows: &[Vec<&str>], between: &str) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for (column, width) in widths.iter().enumerate() {
            let cell = row.get(column).copied().unwrap_or_default();
            if column + 1 == count {
                out.push_str(cell);
            } else {
                let room = width.saturating_sub(cell.chars().count());
                out.push_str(&format!("{cell}{}{between}", " ".repeat(room)));
            }
        }
        out.push('\n');
    }
    out
}

/// Filled downwards; columns are tab stops wide.
fn fill(lines: &[String], width: usize) -> String {
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let step = (longest / 8 + 1) * 8;
    let columns = (width / step).max(1);
    let rows = lines.len().div_ceil(columns);
    let mut out = String::new();
    for row in 0..rows {
        for column in 0..columns {
            let Some(line) = lines.get(column * rows + row) else { break };
            out.push_str(line);
            if lines.get((column + 1) * rows + row).is_some() {
                out.push_str(&"\t".repeat((step - line.chars().count()).div_ceil(8)));
            }
        }
        out.push('\n');
    }
    out
}
