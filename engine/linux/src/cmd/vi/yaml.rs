//! The indent that a new line of YAML gets: a map below `key:`, a list's items under each other.
//!
//! Differs from Vim's plugin: no quoted lines that go on, no flow lists over several lines; comments do not go on by
//! themselves. Source: Vim's indent/yaml.vim, what it does.

use super::buffer::Buffer;

fn text(buffer: &Buffer, line: usize) -> String {
    buffer.line(line).iter().collect::<String>()
}

fn indent_of(buffer: &Buffer, line: usize) -> usize {
    let columns = |column: usize, c: &char| if *c == '\t' { column + 8 - column % 8 } else { column + 1 };
    buffer.line(line)[..buffer.indent(line)].iter().fold(0, columns)
}

fn is_blank(buffer: &Buffer, line: usize) -> bool {
    buffer.indent(line) == buffer.line(line).len()
}

fn is_item(text: &str) -> bool {
    let text = text.trim_start();
    text == "-" || text.starts_with("- ")
}

/// Does it begin with `key:`?
fn is_key(text: &str) -> bool {
    let text = text.trim_start();
    let starts = |c: char| !"#-[]{},&*!|>%@`".contains(c);
    text.starts_with(starts) && (text.contains(": ") || text.trim_end().ends_with(':'))
}

/// The nearest line above with less indent than that, other than blank ones.
fn above(buffer: &Buffer, from: usize, less_than: usize) -> Option<usize> {
    (0..from).rev().find(|line| !is_blank(buffer, *line) && indent_of(buffer, *line) < less_than)
}

/// The nearest line above of that kind which is not deeper.
fn above_of_kind(buffer: &Buffer, from: usize, kind: fn(&str) -> bool) -> Option<usize> {
    let mut at = above(buffer, from, indent_of(buffer, from) + 1)?;
    while !kind(&text(buffer, at)) {
        at = above(buffer, at, indent_of(buffer, at))?;
    }
    Some(at)
}

/// Columns for that line.
pub(super) fn indent(buffer: &Buffer, at: usize, shift: usize) -> usize {
    let before = |from: usize| (0..from).rev().find(|line| !is_blank(buffer, *line));
    let Some(mut last) = before(at) else { return 0 };
    let line = text(buffer, at);
    let is_comment = |line: usize| text(buffer, line).trim_start().starts_with('#');
    if is_comment(at) && at > 0 && is_comment(at - 1) {
        return indent_of(buffer, last);
    }
    if line.trim_start().starts_with([']', '}']) {
        return above(buffer, at, indent_of(buffer, at)).map_or(0, |line| indent_of(buffer, line));
    }
    let first = indent_of(buffer, last);
    while is_comment(last) {
        match before(last) {
            Some(line) => last = line,
            None => return first,
        }
    }
    let (now, above) = (indent_of(buffer, last), text(buffer, last));
    let end = above.trim_end();
    let is_block = [": |", ": >", "- |", "- >"].iter().any(|mark| {
        let plain = end.trim_end_matches(['+', '-']);
        end.ends_with(mark) || plain.ends_with(mark)
    });
    if above.ends_with([':', '[', '{']) || is_block {
        return now + shift;
    }
    if is_item(&line) {
        return above_of_kind(buffer, at, is_item).map_or(0, |line| indent_of(buffer, line));
    }
    if is_key(&line) {
        return above_of_kind(buffer, at, |text| is_key(text.trim_start().trim_start_matches("- ")))
            .map_or(0, |line| indent_of(buffer, line) + if is_item(&text(buffer, line)) { 2 } else { 0 });
    }
    if is_item(&above) {
        return now + 2;
    }
    now + if is_key(&above) && end.ends_with(':') { shift } else { 0 }
}
