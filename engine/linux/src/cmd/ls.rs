//! `ls`: what is in a directory. Source: ls(1), coreutils. Not simulated: --color by default, -Z, --time.
//! ```transcript
//! host# mkdir d; touch d/b d/a; ls d
//! a
//! b
//! ```

use super::coreutils::{HELP, Line, VERSION, quoted};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::fs::{Entry, FileKind, Stat};
use crate::sys::Sys;

pub const LS: Command =
    Command { name: "ls", path: "/usr/bin/ls", man: "ls(1)", run: |sys, args| Box::pin(ls(sys, args)) };

const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("all", Takes::Nothing, 'a'),
    ("almost-all", Takes::Nothing, 'A'),
    ("classify", Takes::MayValue, 'F'),
    ("color", Takes::MayValue, 'c'),
    ("directory", Takes::Nothing, 'd'),
    ("human-readable", Takes::Nothing, 'h'),
    ("inode", Takes::Nothing, 'i'),
    ("recursive", Takes::Nothing, 'R'),
    ("reverse", Takes::Nothing, 'r'),
];
/// Directories that `-R` goes down.
const DEPTH: usize = 32;

struct Row {
    name: String,
    stat: Stat,
    target: Option<String>,
}

/// `drwxr-xr-x`
pub fn mode_text(stat: &Stat) -> String {
    let kind = match stat.kind {
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::CharacterDevice => 'c',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::File => '-',
    };
    format!("{kind}{}", permissions(stat.mode))
}

/// `rwxr-xr-x`
pub fn permissions(mode: u16) -> String {
    let bits = |shift: u16, special: u16, letter: char| {
        let (r, w, x) = (mode >> shift & 4 != 0, mode >> shift & 2 != 0, mode >> shift & 1 != 0);
        let last = match (mode & special != 0, x) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        };
        [if r { 'r' } else { '-' }, if w { 'w' } else { '-' }, last]
    };
    [bits(6, 0o4000, 's'), bits(3, 0o2000, 's'), bits(0, 0o1000, 't')].into_iter().flatten().collect()
}

fn human(size: u64) -> String {
    let (mut value, mut unit) = (size as f64, 0);
    while value >= 1024.0 {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    match unit {
        0 => size.to_string(),
        _ if value < 10.0 => format!("{:.1}{}", (value * 10.0).ceil() / 10.0, &"KMGTPE"[unit - 1..unit]),
        _ => format!("{}{}", value.ceil(), &"KMGTPE"[unit - 1..unit]),
    }
}

async fn ls(sys: Sys, args: Args) -> Exit {
    let short = "1aACdFhilrRStUG";
    let line = match Line::read(&sys, &args, short, LONG, "[OPTION]... [FILE]...", 2).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let operands = if line.operands.is_empty() { vec![".".to_owned()] } else { line.operands.clone() };
    let (mut exit, mut files, mut directories) = (Exit::OK, Vec::new(), Vec::new());
    for operand in operands {
        let followed =
            if line.has('l') || line.has('d') { sys.lstat(&operand).await } else { sys.stat(&operand).await };
        let found = match followed {
            Err(_) => sys.lstat(&operand).await,
            found => found,
        };
        match found {
            Err(errno) => {
                sys.eprint(format!("ls: cannot access {}: {errno}\n", quoted(&operand))).await;
                exit = Exit(2);
            }
            Ok(stat) if stat.kind == FileKind::Directory && !line.has('d') => directories.push(operand),
            Ok(stat) => {
                let target = sys.readlink(&operand).await.ok();
                files.push(Row { name: operand, stat, target });
            }
        }
    }
    let titled = !files.is_empty() || directories.len() > 1 || line.has('R') || exit != Exit::OK;
    order(&line, &mut files);
    let mut first = files.is_empty();
    show(&sys, &line, files, false).await;
    directories.sort();
    let mut todo: Vec<(String, usize)> = directories.into_iter().rev().map(|name| (name, 0)).collect();
    while let Some((directory, depth)) = todo.pop() {
        if titled {
            sys.print(format!(
                "{}{directory}:\n",
                if std::mem::replace(&mut first, false) { "" } else { "\n" }
            ))
            .await;
        }
        let Some(rows) = read(&sys, &line, &directory).await else {
            exit = Exit(2);
            continue;
        };
        if line.has('R') && depth < DEPTH {
            let below =
                rows.iter().filter(|row| row.stat.kind == FileKind::Directory && !row.name.starts_with('.'));
            let below: Vec<_> = below.map(|row| (format!("{directory}/{}", row.name), depth + 1)).collect();
            todo.extend(below.into_iter().rev());
        }
        show(&sys, &line, rows, true).await;
    }
    exit
}

async fn read(sys: &Sys, line: &Line, directory: &str) -> Option<Vec<Row>> {
    let entries = match sys.read_dir(directory).await {
        Ok(entries) => entries,
        Err(errno) => {
            sys.eprint(format!("ls: cannot open directory {}: {errno}\n", quoted(directory))).await;
            return None;
        }
    };
    let mut rows = Vec::new();
    if line.has('a') {
        for name in [".", ".."] {
            if let Ok(stat) = sys.stat(&format!("{directory}/{name}")).await {
                rows.push(Row { name: name.to_owned(), stat, target: None });
            }
        }
    }
    for Entry { name, stat } in entries {
        if !name.starts_with('.') || line.has('a') || line.has('A') {
            let target = match stat.kind {
                FileKind::Symlink => sys.readlink(&format!("{directory}/{name}")).await.ok(),
                _ => None,
            };
            rows.push(Row { name, stat, target });
        }
    }
    order(line, &mut rows);
    Some(rows)
}

fn order(line: &Line, rows: &mut [Row]) {
    if !line.has('U') {
        rows.sort_by(|a, b| a.name.cmp(&b.name));
    }
    if line.has('S') {
        rows.sort_by_key(|row| std::cmp::Reverse(row.stat.size));
    }
    if line.has('t') {
        rows.sort_by_key(|row| std::cmp::Reverse(row.stat.modified));
    }
    if line.has('r') {
        rows.reverse();
    }
}

async fn show(sys: &Sys, line: &Line, rows: Vec<Row>, directory: bool) {
    let marked = |row: &Row| match row.stat.kind {
        _ if !line.has('F') => row.name.clone(),
        FileKind::Directory => format!("{}/", row.name),
        FileKind::Symlink => format!("{}@", row.name),
        FileKind::File if row.stat.mode & 0o111 != 0 => format!("{}*", row.name),
        _ => row.name.clone(),
    };
    let inode = |row: &Row| if line.has('i') { format!("{} ", row.stat.inode) } else { String::new() };
    if line.has('l') {
        return show_long(sys, line, &rows, directory).await;
    }
    let names: Vec<String> = rows.iter().map(|row| inode(row) + &marked(row)).collect();
    let wide = sys.is_tty(1).await && !line.has('1');
    let text = match sys.terminal_size().await.filter(|_| wide || line.has('C')) {
        Some((columns, _)) => in_columns(&names, usize::from(columns)),
        None => names.into_iter().map(|name| name + "\n").collect(),
    };
    sys.print(text).await;
}

/// As many columns as fit, read downwards.
fn in_columns(names: &[String], width: usize) -> String {
    let lengths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
    for rows in 1..=names.len() {
        let widths: Vec<usize> =
            lengths.chunks(rows).map(|column| column.iter().max().copied().unwrap_or(0)).collect();
        let total: usize = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
        if total > width && rows < names.len() {
            continue;
        }
        let mut text = String::new();
        for row in 0..rows {
            for (column, wide) in widths.iter().enumerate() {
                let Some(name) = names.get(column * rows + row) else { continue };
                let last = names.get((column + 1) * rows + row).is_none();
                let pad = if last { 0 } else { wide + 2 - lengths[column * rows + row] };
                text.push_str(name);
                text.push_str(&" ".repeat(pad));
            }
            text.push('\n');
        }
        return text;
    }
    String::new()
}

async fn show_long(sys: &Sys, line: &Line, rows: &[Row], directory: bool) {
    let boot = sys.realtime().await.saturating_sub(sys.now().await.since(sim::Instant::BOOT));
    let size = |row: &Row| if line.has('h') { human(row.stat.size) } else { row.stat.size.to_string() };
    let mut cells = Vec::new();
    for row in rows {
        let owner = super::id::user_name(sys, row.stat.uid).await;
        let group = super::id::user_name(sys, row.stat.gid).await;
        let at = Date::from_duration(boot + row.stat.modified.since(sim::Instant::BOOT));
        let date = at.format("%b %e %H:%M");
        cells.push([mode_text(&row.stat), row.stat.links.to_string(), owner, group, size(row), date]);
    }
    let widths = [1, 2, 3, 4].map(|column| cells.iter().map(|row| row[column].len()).max().unwrap_or(0));
    let mut text = String::new();
    if directory {
        let blocks: u64 = rows.iter().map(|row| row.stat.size.div_ceil(4096) * 4).sum();
        text.push_str(&format!("total {blocks}\n"));
    }
    for (row, [mode, links, owner, group, size, date]) in rows.iter().zip(&cells) {
        let [a, b, c, d] = widths;
        let target = row.target.as_ref().map_or(String::new(), |target| format!(" -> {target}"));
        let inode = if line.has('i') { format!("{} ", row.stat.inode) } else { String::new() };
        text.push_str(&format!(
            "{inode}{mode} {links:>a$} {owner:<b$} {group:<c$} {size:>d$} {date} {}{target}\n",
            row.name
        ));
    }
    sys.print(text).await;
}
