//! The lists of `ls`: long, one a line, in columns, with commas.

use super::name::{colored, indicator, plain};
use super::{Format, Listing, Row, SHOW_CONTROL, SI};
use crate::calendar::Date;
use crate::cmd::stat::blocks;
use crate::fs::{FileKind, STDOUT, Stat};
use sim::Instant;

/// Half a year in seconds: older files show their year instead of the time.
const RECENT: i64 = 31_556_952 / 2;

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

/// `1.5K`: rounded up, in powers of 1024 or 1000.
pub(in crate::cmd) fn human(size: u64, base: f64) -> String {
    let (mut value, mut unit) = (size as f64, 0);
    while value >= base && unit < 6 {
        (value, unit) = (value / base, unit + 1);
    }
    let letters = if base == 1000.0 { "kMGTPE" } else { "KMGTPE" };
    match unit {
        0 => size.to_string(),
        _ if (value * 10.0).ceil() < 100.0 => {
            format!("{:.1}{}", (value * 10.0).ceil() / 10.0, &letters[unit - 1..unit])
        }
        _ => format!("{}{}", value.ceil(), &letters[unit - 1..unit]),
    }
}

impl Listing<'_> {
    fn size(&self, size: u64) -> String {
        match self.wanted.options.last_of("h\u{1b}") {
            Some(SI) => human(size, 1000.0),
            Some(_) => human(size, 1024.0),
            None => size.to_string(),
        }
    }

    /// Blocks of 1024 bytes.
    fn blocks(&self, stat: &Stat) -> String {
        let kilobytes = blocks(stat) / 2;
        if self.wanted.has('h') || self.wanted.has(SI) {
            self.size(kilobytes * 1024)
        } else {
            kilobytes.to_string()
        }
    }

    pub(super) async fn show(&mut self, rows: &[Row], directory: bool) {
        let wanted = self.wanted;
        if directory && (wanted.format == Format::Long || wanted.has('s')) {
            let total: u64 = rows.iter().map(|row| blocks(&row.stat) / 2).sum();
            let total =
                if wanted.has('h') || wanted.has(SI) { self.size(total * 1024) } else { total.to_string() };
            self.sys.print(format!("total {total}\n")).await;
        }
        if rows.is_empty() {
            return;
        }
        let terminal = self.sys.is_tty(STDOUT).await;
        let marks = wanted.has('q') || terminal && !wanted.has(SHOW_CONTROL) && !wanted.has('N');
        let style = wanted.indicator;
        let texts: Vec<String> = rows.iter().map(|row| plain(row, wanted.quoting, style, marks)).collect();
        // Where one name is quoted, the others stand one column further in.
        let quoted = wanted.quoting.aligns()
            && terminal
            && matches!(wanted.format, Format::Long | Format::Down | Format::Across)
            && texts.iter().any(|text| text.starts_with(['\'', '"']));
        let pad = |text: &str| if quoted && !text.starts_with(['\'', '"']) { " " } else { "" };
        let mut first = true;
        let shown: Vec<String> = rows
            .iter()
            .zip(&texts)
            .map(|(row, text)| {
                let mark = indicator(&row.stat, style);
                let bare = text.strip_suffix(mark).unwrap_or(text);
                let name = if wanted.color { colored(bare, &row.stat, &mut first) } else { bare.to_owned() };
                format!("{}{name}{mark}", pad(text))
            })
            .collect();
        let leads = self.leads(rows);
        if wanted.format == Format::Long {
            return self.show_long(rows, &shown, &leads, marks).await;
        }
        let lengths: Vec<usize> = texts
            .iter()
            .zip(&leads)
            .map(|(text, lead)| text.chars().count() + pad(text).len() + lead.chars().count())
            .collect();
        let whole: Vec<String> =
            leads.iter().zip(&shown).map(|(lead, name)| format!("{lead}{name}")).collect();
        let width = if wanted.width == 0 { usize::MAX } else { wanted.width };
        let text = match wanted.format {
            Format::Down => columns(&whole, &lengths, width, true),
            Format::Across => columns(&whole, &lengths, width, false),
            Format::Commas => commas(&whole, &lengths, width),
            _ => whole.into_iter().map(|name| name + "\n").collect(),
        };
        self.sys.print(text).await;
    }

    /// Inode numbers and blocks in front of the names.
    fn leads(&self, rows: &[Row]) -> Vec<String> {
        let inodes: Vec<String> = rows.iter().map(|row| row.stat.inode.to_string()).collect();
        let blocks: Vec<String> = rows.iter().map(|row| self.blocks(&row.stat)).collect();
        let widest = |cells: &[String]| match self.wanted.format {
            Format::Commas => 0,
            _ => cells.iter().map(String::len).max().unwrap_or(0),
        };
        let (inode, block) = (widest(&inodes), widest(&blocks));
        let cell = |wanted: bool, text: &str, width: usize| match wanted {
            true => format!("{text:>width$} "),
            false => String::new(),
        };
        let pairs = inodes.iter().zip(&blocks);
        let (i, s) = (self.wanted.has('i'), self.wanted.has('s'));
        pairs.map(|(number, size)| cell(i, number, inode) + &cell(s, size, block)).collect()
    }

    async fn show_long(&self, rows: &[Row], shown: &[String], leads: &[String], marks: bool) {
        let now = self.sys.realtime().await;
        let boot = now.saturating_sub(self.sys.now().await.since(Instant::BOOT));
        let numeric = self.wanted.has('n');
        let mut cells: Vec<[String; 6]> = Vec::new();
        for row in rows {
            let (owner, group) = match numeric {
                true => (row.stat.uid.to_string(), row.stat.gid.to_string()),
                false => (self.names.user(row.stat.uid), self.names.group(row.stat.gid)),
            };
            let at = Date::from_duration(boot + row.stat.modified.since(Instant::BOOT));
            let date = self.date(at, now.as_secs() as i64);
            let size = match row.stat.kind {
                FileKind::CharacterDevice => "1, 3".to_owned(),
                _ => self.size(row.stat.size),
            };
            cells.push([mode_text(&row.stat), row.stat.links.to_string(), owner, group, size, date]);
        }
        let widths = [1, 2, 3, 4].map(|column| cells.iter().map(|row| row[column].len()).max().unwrap_or(0));
        let [links_width, owner_width, group_width, size_width] = widths;
        let owners = !self.wanted.has('g');
        let groups = !self.wanted.has('o') && !self.wanted.has('G');
        let mut text = String::new();
        let mut first = false;
        for (at, row) in rows.iter().enumerate() {
            let [mode, links, owner, group, size, date] = &cells[at];
            let name = &shown[at];
            text.push_str(&format!("{}{mode} {links:>links_width$} ", leads[at]));
            if owners {
                text.push_str(&match numeric {
                    true => format!("{owner:>owner_width$} "),
                    false => format!("{owner:<owner_width$} "),
                });
            }
            if groups {
                text.push_str(&match numeric {
                    true => format!("{group:>group_width$} "),
                    false => format!("{group:<group_width$} "),
                });
            }
            // A link is known by its arrow, and the mark is its target's.
            let name = if row.target.is_some() { name.strip_suffix('@').unwrap_or(name) } else { name };
            text.push_str(&format!("{size:>size_width$} {date} {name}"));
            if let Some((target, led)) = &row.target {
                let target = self.wanted.quoting.quote(target, marks);
                let mark = led.as_ref().map_or("", |led| indicator(led, self.wanted.indicator));
                let target = match led.as_ref().filter(|_| self.wanted.color) {
                    Some(led) => colored(&target, led, &mut first),
                    None => target,
                };
                text.push_str(&format!(" -> {target}{mark}"));
            }
            text.push('\n');
        }
        self.sys.print(text).await;
    }

    fn date(&self, at: Date, now: i64) -> String {
        let age = now - at.epoch();
        let recent = (0..RECENT).contains(&age);
        match self.wanted.time_style.as_str() {
            "full-iso" => at.format("%Y-%m-%d %H:%M:%S.%N %z"),
            "long-iso" => at.format("%Y-%m-%d %H:%M"),
            "iso" => at.format(if recent { "%m-%d %H:%M" } else { "%Y-%m-%d " }),
            "locale" => at.format(if recent { "%b %e %H:%M" } else { "%b %e  %Y" }),
            style => {
                let style = style.strip_prefix('+').unwrap_or(style);
                let (old, new) = style.split_once('\n').unwrap_or((style, style));
                at.format(if recent { new } else { old })
            }
        }
    }
}

/// As many columns as fit, each as wide as it has to be.
fn columns(names: &[String], lengths: &[usize], width: usize, down: bool) -> String {
    let count = names.len();
    let place = |index: usize, rows: usize, columns: usize| match down {
        true => (index % rows, index / rows),
        false => (index / columns, index % columns),
    };
    let layout = |columns: usize| {
        let rows = count.div_ceil(columns);
        let mut widths = vec![0; columns];
        for (index, length) in lengths.iter().enumerate() {
            let (_, column) = place(index, rows, columns);
            let gap = if column + 1 == columns { 0 } else { 2 };
            widths[column] = widths[column].max(length + gap);
        }
        (rows, widths)
    };
    // A column is three wide at least.
    let most = (width / 3).clamp(1, count);
    let (rows, widths) = (1..=most)
        .rev()
        .map(layout)
        .find(|(_, widths)| widths.iter().map(|it| (*it).max(3)).sum::<usize>() < width.max(4))
        .unwrap_or_else(|| layout(1));
    let columns = widths.len();
    let mut lines: Vec<String> = vec![String::new(); rows];
    let mut pads = vec![0; rows];
    for column in 0..columns {
        for row in 0..rows {
            let index = if down { column * rows + row } else { row * columns + column };
            let Some(name) = names.get(index) else { continue };
            lines[row].push_str(&" ".repeat(pads[row]));
            lines[row].push_str(name);
            pads[row] = widths[column].max(3).saturating_sub(lengths[index]);
        }
    }
    lines.into_iter().filter(|line| !line.is_empty()).map(|line| line + "\n").collect()
}

fn commas(names: &[String], lengths: &[usize], width: usize) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            let fits = at + lengths[index] + 2 < width;
            out.push_str(if fits { ", " } else { ",\n" });
            at = if fits { at + 2 } else { 0 };
        }
        out.push_str(name);
        at += lengths[index];
    }
    out + "\n"
}
