//! `-printf` and `-ls` of `find`. Source: find(1), findutils 4.9.0.

use super::Found;
use crate::calendar::Date;
use crate::cmd::long::Names;
use crate::cmd::ls::mode_text;
use crate::cmd::stat::blocks;
use crate::fs::FileKind;
use crate::shell::escape::{Style, expand};

/// The widest a field may be asked to be.
const WIDTH: usize = 10_000;

fn kind(found: &Found) -> &'static str {
    match found.stat.kind {
        FileKind::File => "f",
        FileKind::Directory => "d",
        FileKind::Symlink => "l",
        FileKind::CharacterDevice => "c",
        FileKind::Fifo => "p",
        FileKind::Socket => "s",
    }
}

pub(super) fn printed(format: &str, found: &Found, names: &Names, at: Date) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(start) = rest.find('%') {
        out.push_str(&expand(&rest[..start], Style::Format).0);
        rest = &rest[start + 1..];
        let flags = rest.find(|c: char| !"-0+ #".contains(c)).unwrap_or(rest.len());
        let (flags, after) = rest.split_at(flags);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let width = after[..end].parse::<usize>().unwrap_or(0).min(WIDTH);
        let mut letters = after[end..].chars();
        let Some(letter) = letters.next() else {
            out.push('%');
            rest = "";
            break;
        };
        let value = match letter {
            '%' => "%".to_owned(),
            'T' | 'A' | 'C' | 'B' => match letters.next() {
                Some('@') => format!("{}.{:09}0", at.epoch(), at.nanos),
                Some('+') => at.format("%Y-%m-%d+%H:%M:%S.%N0"),
                Some('S') => at.format("%S.%N0"),
                Some('T' | 'X') => at.format("%H:%M:%S.%N0"),
                Some(field) => at.format(&format!("%{field}")),
                None => String::new(),
            },
            't' | 'a' | 'c' => at.format("%a %b %e %H:%M:%S.%N0 %Y"),
            letter => field(letter, found, names),
        };
        out.push_str(&if flags.contains('-') {
            format!("{value:<width$}")
        } else {
            format!("{value:>width$}")
        });
        rest = letters.as_str();
    }
    out + &expand(rest, Style::Format).0
}

fn field(letter: char, found: &Found, names: &Names) -> String {
    let stat = &found.stat;
    let path = found.path.as_str();
    match letter {
        'p' => path.to_owned(),
        'f' => found.name().to_owned(),
        'h' => match path.trim_end_matches('/').rsplit_once('/') {
            Some((parent, _)) => parent.to_owned(),
            None => ".".to_owned(),
        },
        'P' => path.strip_prefix(&found.start).unwrap_or(path).trim_start_matches('/').to_owned(),
        'H' => found.start.clone(),
        'd' => found.depth.to_string(),
        's' => stat.size.to_string(),
        'm' => format!("{:o}", stat.mode),
        'M' => mode_text(stat),
        'y' | 'Y' => kind(found).to_owned(),
        'u' => names.user(stat.uid),
        'U' => stat.uid.to_string(),
        'g' => names.group(stat.gid),
        'G' => stat.gid.to_string(),
        'l' => found.target.clone().unwrap_or_default(),
        'i' => stat.inode.to_string(),
        'n' => stat.links.to_string(),
        'b' => blocks(stat).to_string(),
        'k' => (blocks(stat) / 2).to_string(),
        other => format!("%{other}"),
    }
}

/// One line of `ls -dils`.
pub(super) fn listed(found: &Found, names: &Names, at: Date) -> String {
    let stat = &found.stat;
    let target = found.target.as_ref().map_or(String::new(), |target| format!(" -> {target}"));
    format!(
        "{:9} {:6} {} {:3} {:<8} {:<8} {:>8} {} {}{target}\n",
        stat.inode,
        blocks(stat) / 2,
        mode_text(stat),
        stat.links,
        names.user(stat.uid),
        names.group(stat.gid),
        stat.size,
        at.format("%b %e %H:%M"),
        found.path
    )
}
