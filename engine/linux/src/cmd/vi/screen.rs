//! What stands on the screen, and the few bytes that make the terminal show it.
//!
//! Always: only cells that differ from what the terminal shows already are sent.
//! Differs from Vim: no syntax colours; a character is one column wide.
//! Source: Vim's drawscreen.c (ruler, `@`); xterm's "Control Sequences" (ctlseqs).

use super::editor::{Editor, Mode, Tone};
use super::operator::Shape;

/// How a cell looks; the numbers that select it (SGR).
type Style = &'static str;
const PLAIN: Style = "";
const NONTEXT: Style = "94";
const NUMBER: Style = "33";
const VISUAL: Style = "7";
const SEARCH: Style = "30;43";
const SPECIAL: Style = "34";
const MODE: Style = "1";
const ERROR: Style = "97;41";

type Row = Vec<(char, Style)>;

/// Columns of the ruler and of the command being typed.
const RULER: usize = 18;
const SHOWCMD: usize = 10;

/// What the terminal shows.
#[derive(Default)]
pub(super) struct Screen {
    rows: Vec<Row>,
}

impl Screen {
    /// The terminal was cleared, or is another.
    pub fn forget(&mut self) {
        self.rows.clear();
    }

    /// The bytes that bring the terminal from what it shows to this.
    pub fn update(&mut self, rows: Vec<Row>, cursor: (usize, usize), columns: usize) -> String {
        let mut out = String::new();
        if self.rows.len() != rows.len() || self.rows.first().is_some_and(|row| row.len() != columns) {
            out.push_str("\u{1b}[m\u{1b}[H\u{1b}[2J");
            self.rows = vec![vec![(' ', PLAIN); columns]; rows.len()];
        }
        for (at, (old, new)) in self.rows.iter().zip(&rows).enumerate() {
            let differs = |col: &usize| old.get(*col) != new.get(*col);
            let Some(first) = (0..columns).find(differs) else { continue };
            let last = (0..columns).rev().find(differs).unwrap_or(first);
            let end = new.iter().rposition(|cell| *cell != (' ', PLAIN)).map_or(0, |col| col + 1);
            out.push_str(&format!("\u{1b}[{};{}H", at + 1, first + 1));
            let mut style = PLAIN;
            for (c, wanted) in &new[first..(last + 1).min(end.max(first))] {
                if *wanted != style {
                    out.push_str(&if wanted.is_empty() {
                        "\u{1b}[m".to_owned()
                    } else {
                        format!("\u{1b}[0;{wanted}m")
                    });
                    style = wanted;
                }
                out.push(*c);
            }
            out.push_str(if style.is_empty() { "" } else { "\u{1b}[m" });
            out.push_str(if last >= end { "\u{1b}[K" } else { "" });
        }
        self.rows = rows;
        out.push_str(&format!("\u{1b}[{};{}H", cursor.0 + 1, cursor.1 + 1));
        out
    }
}

fn put(row: &mut Row, at: usize, text: &str, style: Style) {
    for (cell, c) in row.iter_mut().skip(at).zip(text.chars()) {
        *cell = (c, style);
    }
}

impl Editor {
    /// Messages that reach this column need a row of their own.
    pub fn message_columns(&self) -> usize {
        let ruler = if self.options.ruler { RULER } else { 1 };
        let showcmd = if self.options.showcmd { SHOWCMD } else { 0 };
        self.columns.saturating_sub(ruler + showcmd).max(1)
    }

    /// All rows, and where the cursor stands.
    pub fn picture(&mut self) -> (Vec<Row>, (usize, usize)) {
        let place = self.preview.map_or(self.cursor, |(start, _)| start);
        self.follow(place.line);
        let (height, width) = (self.height(), self.text_columns());
        let on = self.column_of(place);
        let wide = self.buffer.char_at(place).map_or(1, |c| self.width(c, on));
        let inserting = matches!(self.mode, Mode::Insert | Mode::Replace);
        let on = if inserting || self.options.list { on } else { on + wide - 1 };
        if !self.options.wrap {
            self.left = self.left.min(on).max((on + 1).saturating_sub(width));
        }
        // A line taller than the window shows the part around the cursor.
        let row_in_line = if self.options.wrap { on / width } else { 0 };
        let skip = if place.line == self.top { (row_in_line + 1).saturating_sub(height) } else { 0 };
        let (mut rows, mut cursor) = (Vec::new(), (0, 0));
        let mut line = self.top;
        while rows.len() < height && line <= self.buffer.last() {
            let all = self.line_rows(line, if line == self.top { skip } else { 0 });
            if line == place.line {
                let column = if self.options.wrap { on % width } else { on - self.left };
                cursor = (rows.len() + row_in_line - skip.min(row_in_line), self.number_columns() + column);
            }
            let room = height - rows.len();
            let cut = all.len() > room && line > self.top;
            if cut && !self.options.truncate {
                break;
            }
            rows.extend(all.into_iter().take(room));
            if let Some(last) = rows.last_mut().filter(|_| cut) {
                *last = vec![(' ', PLAIN); self.columns];
                put(last, 0, "@@@", NONTEXT);
            }
            line += 1;
        }
        let filler = if line <= self.buffer.last() { "@" } else { "~" };
        while rows.len() < height {
            let mut row = vec![(' ', PLAIN); self.columns];
            put(&mut row, 0, filler, NONTEXT);
            rows.push(row);
        }
        if self.mode == Mode::Pause {
            return self.paused(rows);
        }
        let (last, entry) = self.last_row();
        rows.push(last);
        if let Some(column) = entry {
            cursor = (self.rows.saturating_sub(1), column);
        }
        (rows, (cursor.0, cursor.1.min(self.columns.saturating_sub(1))))
    }

    /// What was said pushes the text up.
    fn paused(&self, mut rows: Vec<Row>) -> (Vec<Row>, (usize, usize)) {
        const PROMPT: &str = "Press ENTER or type command to continue";
        let is_error =
            |line: &String| line.starts_with('E') && line.contains(": ") || line.starts_with("Error ");
        for line in &self.output {
            let chars: Vec<char> = line.chars().collect();
            let style = if is_error(line) { ERROR } else { PLAIN };
            for piece in chars.chunks(self.columns.max(1)) {
                let mut row = vec![(' ', PLAIN); self.columns];
                put(&mut row, 0, &piece.iter().collect::<String>(), style);
                rows.push(row);
            }
            if chars.is_empty() {
                rows.push(vec![(' ', PLAIN); self.columns]);
            }
        }
        let mut row = vec![(' ', PLAIN); self.columns];
        put(&mut row, 0, PROMPT, "32");
        rows.push(row);
        let over = rows.len() - self.rows.max(1).min(rows.len());
        rows.drain(..over);
        let cursor = (rows.len() - 1, PROMPT.len().min(self.columns.saturating_sub(1)));
        (rows, cursor)
    }

    /// A line in rows of the window's width, from that row of it on.
    fn line_rows(&self, line: usize, skip: usize) -> Vec<Row> {
        let (width, lead) = (self.text_columns(), self.number_columns());
        let from = if self.options.wrap { skip * width } else { self.left };
        let most = from + (self.height() + 1) * width;
        let text = self.buffer.line(line);
        let styles = self.styles(line, text.len().min(most));
        let mut cells: Row = Vec::new();
        for (c, style) in text.iter().zip(&styles) {
            if cells.len() > most {
                break;
            }
            let wide = self.width(*c, cells.len());
            match *c {
                c if c.is_control() && (c != '\t' || self.options.list) => {
                    let style = if style.is_empty() { SPECIAL } else { style };
                    let letter =
                        char::from_u32(u32::from(c) ^ 64).filter(char::is_ascii_graphic).unwrap_or('?');
                    cells.extend([('^', style), (letter, style)]);
                }
                '\t' => cells.extend(std::iter::repeat_n((' ', *style), wide)),
                c => cells.push((c, style)),
            }
        }
        if self.options.list {
            cells.push(('$', NONTEXT));
        } else if text.is_empty() && styles.first().is_some_and(|style| !style.is_empty()) {
            cells.push((' ', VISUAL));
        }
        let cells = cells.get(from..).unwrap_or_default();
        let most = if self.options.wrap { self.height() + 1 } else { 1 };
        let mut rows: Vec<Row> = cells.chunks(width).take(most).map(<[_]>::to_vec).collect();
        if rows.is_empty() {
            rows.push(Vec::new());
        }
        for (at, row) in rows.iter_mut().enumerate() {
            row.resize(width, (' ', PLAIN));
            let number = match (lead, at + skip) {
                (0, _) => String::new(),
                (_, 0) => self.number_of(line),
                _ => " ".repeat(lead),
            };
            row.splice(0..0, number.chars().map(|c| (c, NUMBER)));
            row.resize(self.columns, (' ', PLAIN));
        }
        rows
    }

    fn number_of(&self, line: usize) -> String {
        let width = self.number_columns() - 1;
        let away = line.abs_diff(self.cursor.line);
        match (self.options.number, self.options.relativenumber) {
            (true, true) if away == 0 => format!("{:<width$} ", line + 1),
            (_, true) => format!("{away:>width$} "),
            _ => format!("{:>width$} ", line + 1),
        }
    }

    /// How each character of a line looks; at least one, so that an empty line can be selected.
    fn styles(&self, line: usize, end: usize) -> Vec<Style> {
        let mut styles = vec![PLAIN; end.max(1)];
        if let Some(regex) = &self.highlight {
            for found in regex.find_all(&self.buffer.line(line)[..end]) {
                styles[found.start..found.end].fill(SEARCH);
            }
        }
        if let Some((start, stop)) = self.preview.filter(|(start, _)| start.line == line) {
            let stop = stop.col.min(styles.len());
            styles[start.col.min(stop)..stop].fill(VISUAL);
        }
        if let Mode::Visual(shape) = self.mode {
            let region = self.selection(shape);
            if (region.from.line..=region.to.line).contains(&line) {
                let (from, mut to) = self.span(region, line);
                to = if end == 0 && shape != Shape::Block { 1 } else { to.min(end) };
                styles[from.min(to)..to].fill(VISUAL);
            }
        }
        styles
    }

    /// The row under the text, and the cursor's column where something is typed there.
    fn last_row(&self) -> (Row, Option<usize>) {
        let mut row = vec![(' ', PLAIN); self.columns];
        if self.mode == Mode::Entry {
            let text: Vec<char> =
                std::iter::once(self.entry.kind).chain(self.entry.text.iter().copied()).collect();
            let from = (self.entry.at + 2).saturating_sub(self.columns);
            let shown: String = text[from.min(text.len())..].iter().collect();
            put(&mut row, 0, &shown, PLAIN);
            return (row, Some(self.entry.at + 1 - from));
        }
        let recording =
            self.recording.as_ref().map(|(name, _)| format!("recording @{name}")).unwrap_or_default();
        match (&self.message, self.mode_words()) {
            (None, words) => put(&mut row, 0, &(words + &recording), MODE),
            (Some((words, tone)), _) => {
                put(&mut row, 0, words, if *tone == Tone::Error { ERROR } else { PLAIN })
            }
        }
        if self.options.showcmd && self.mode != Mode::Confirm {
            let keys: String =
                self.pending.iter().map(|key| if key.is_control() { '^' } else { *key }).collect();
            let keys = if keys.is_empty() { self.selected_size() } else { keys };
            let from = keys.chars().count().saturating_sub(SHOWCMD);
            let shown: String = keys.chars().skip(from).collect();
            put(&mut row, self.message_columns(), &shown, PLAIN);
        }
        if self.options.ruler {
            put(&mut row, self.columns.saturating_sub(RULER), &self.ruler(), PLAIN);
        }
        let asked = self.message.as_ref().filter(|_| self.mode == Mode::Confirm);
        (row, asked.map(|(words, _)| words.chars().count()))
    }

    fn mode_words(&self) -> String {
        let words = match self.mode {
            _ if !self.options.showmode => "",
            Mode::Insert => "INSERT",
            Mode::Replace => "REPLACE",
            Mode::Visual(Shape::Char) => "VISUAL",
            Mode::Visual(Shape::Line) => "VISUAL LINE",
            Mode::Visual(Shape::Block) => "VISUAL BLOCK",
            _ if matches!(self.once, Some((_, Mode::Replace))) => "(replace)",
            _ if self.once.is_some() => "(insert)",
            _ => "",
        };
        let paste = if self.options.paste && matches!(self.mode, Mode::Insert | Mode::Replace) {
            " (paste)"
        } else {
            ""
        };
        if words.is_empty() { String::new() } else { format!("-- {words}{paste} --") }
    }

    /// How much is selected.
    fn selected_size(&self) -> String {
        let Mode::Visual(shape) = self.mode else { return String::new() };
        let region = self.selection(shape);
        let lines = region.to.line - region.from.line + 1;
        match shape {
            Shape::Block => format!("{lines}x{}", region.to.col - region.from.col),
            Shape::Char if lines == 1 => (region.to.col - region.from.col).to_string(),
            _ => lines.to_string(),
        }
    }

    /// `1,1           All`: line, column in bytes and on the screen, and how far down.
    fn ruler(&self) -> String {
        let at = self.cursor;
        let line = self.buffer.line(at.line);
        let bytes: usize = line.iter().take(at.col).map(|c| c.len_utf8()).sum();
        let start = self.column_of(at);
        let wide = self.buffer.char_at(at).map_or(1, |c| self.width(c, start));
        let typing = matches!(self.mode, Mode::Insert | Mode::Replace);
        let shown = if typing || self.options.list { start + 1 } else { start + wide };
        let col = match (line.is_empty() && !typing, bytes + 1 == shown) {
            (true, _) => "0-1".to_owned(),
            (_, true) => shown.to_string(),
            _ => format!("{}-{shown}", bytes + 1),
        };
        let number = if self.buffer.none { 0 } else { at.line + 1 };
        let (place, start) = (self.place(), format!("{number},{col}"));
        let room = RULER.saturating_sub(1 + place.len()).max(start.len() + 1);
        format!("{start:<room$}{place}")
    }
}
