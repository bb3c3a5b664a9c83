//! `stat`: what the file system knows of a file. Source: stat(1), coreutils 9.1. Not simulated: -f, --cached.
//! Differs: the time of the last change stands for all times.
//! ```transcript
//! host# stat -c '%n %F %a %U' /etc/hosts
//! /etc/hosts regular file 644 root
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::long::Names;
use super::ls::mode_text;
use super::tool::{COREUTILS, Tool, quoted};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::fs::{FileKind, Stat};
use crate::sys::Sys;
use sim::Instant;
use std::time::Duration;

pub const STAT: Command = Command {
    name: "stat",
    path: "/usr/bin/stat",
    man: "stat(1)",
    run: |sys, args| Box::pin(stat(sys, args)),
};

const TOOL: Tool = Tool {
    name: "stat",
    short: "c:fLt",
    long: &[
        ("cached", Value, '\u{3}'),
        ("dereference", Nothing, 'L'),
        ("file-system", Nothing, 'f'),
        ("format", Value, 'c'),
        ("printf", Value, '\u{4}'),
        ("terse", Nothing, 't'),
    ],
    missing: "f\u{3}",
    usage: 1,
    package: COREUTILS,
};

/// The widest a field may be asked to be.
const WIDTH: usize = 10_000;
/// The machine's disk, as major and minor number.
const DEVICE: (u32, u32) = (254, 1);
const NULL: (u32, u32) = (1, 3);

/// `regular file`
pub(super) fn kind_name(stat: &Stat) -> &'static str {
    match stat.kind {
        FileKind::File if stat.size == 0 => "regular empty file",
        FileKind::File => "regular file",
        FileKind::Directory => "directory",
        FileKind::Symlink => "symbolic link",
        FileKind::CharacterDevice => "character special file",
        FileKind::Fifo => "fifo",
        FileKind::Socket => "socket",
    }
}

/// Blocks of 512 bytes that it takes on the disk.
pub(super) fn blocks(stat: &Stat) -> u64 {
    match stat.kind {
        FileKind::File | FileKind::Directory => stat.size.div_ceil(4096) * 8,
        _ => 0,
    }
}

/// The type's bits of `st_mode`.
fn type_bits(kind: FileKind) -> u32 {
    match kind {
        FileKind::Fifo => 0o010_000,
        FileKind::CharacterDevice => 0o020_000,
        FileKind::Directory => 0o040_000,
        FileKind::File => 0o100_000,
        FileKind::Symlink => 0o120_000,
        FileKind::Socket => 0o140_000,
    }
}

/// One file, and what its fields need.
struct Shown<'a> {
    path: &'a str,
    stat: Stat,
    target: Option<String>,
    names: &'a Names,
    /// The wall clock at the machine's start.
    boot: Duration,
}

impl Shown<'_> {
    fn date(&self) -> Date {
        Date::from_duration(self.boot + self.stat.modified.since(Instant::BOOT))
    }

    /// The value of a directive, and whether it is a number.
    fn field(&self, letter: char) -> Option<(String, bool)> {
        let stat = &self.stat;
        let number = |value: u64| Some((value.to_string(), true));
        let text = |value: String| Some((value, false));
        let special = if stat.kind == FileKind::CharacterDevice { NULL } else { (0, 0) };
        match letter {
            'a' => Some((format!("{:o}", stat.mode), true)),
            'A' => text(mode_text(stat)),
            'b' => number(blocks(stat)),
            'B' => number(512),
            'C' => text("?".to_owned()),
            'd' => number(u64::from(DEVICE.0 << 8 | DEVICE.1)),
            'D' => Some((format!("{:x}", DEVICE.0 << 8 | DEVICE.1), true)),
            'f' => Some((format!("{:x}", type_bits(stat.kind) | u32::from(stat.mode)), true)),
            'F' => text(kind_name(stat).to_owned()),
            'g' => number(stat.gid.into()),
            'G' => text(self.names.group(stat.gid)),
            'h' => number(stat.links.into()),
            'i' => number(stat.inode.into()),
            'm' => text("/".to_owned()),
            'n' => text(self.path.to_owned()),
            'N' => text(match &self.target {
                Some(target) => format!("{} -> {}", quoted(self.path), quoted(target)),
                None => quoted(self.path),
            }),
            'o' => number(4096),
            's' => number(stat.size),
            't' => Some((format!("{:x}", special.0), true)),
            'T' => Some((format!("{:x}", special.1), true)),
            'u' => number(stat.uid.into()),
            'U' => text(self.names.user(stat.uid)),
            'x' | 'y' | 'z' | 'w' => text(self.date().format("%Y-%m-%d %H:%M:%S.%N %z")),
            'X' | 'Y' | 'Z' | 'W' => number(self.date().epoch().unsigned_abs()),
            _ => None,
        }
    }

    fn formatted(&self, format: &str) -> String {
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let flags_end = rest.find(|c: char| !"-+ #0'".contains(c)).unwrap_or(rest.len());
            let (flags, after) = rest.split_at(flags_end);
            let width_end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let (width, after) = after.split_at(width_end);
            let (precision, after) = match after.strip_prefix('.') {
                Some(after) => {
                    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
                    (after[..end].parse::<usize>().ok(), &after[end..])
                }
                None => (None, after),
            };
            let width = width.parse::<usize>().unwrap_or(0).min(WIDTH);
            // `%Hd` and `%Ld` are the halves of a device's number.
            let (half, after) = match (after.starts_with(['H', 'L']), after.chars().nth(1)) {
                (true, Some('d' | 'r')) => (after.chars().next(), &after[1..]),
                _ => (None, after),
            };
            let Some(letter) = after.chars().next() else {
                out.push('%');
                rest = after;
                continue;
            };
            rest = &after[letter.len_utf8()..];
            if letter == '%' {
                out.push('%');
                continue;
            }
            let found = match half {
                Some('H') => Some((DEVICE.0.to_string(), true)),
                Some(_) => Some((DEVICE.1.to_string(), true)),
                None => self.field(letter),
            };
            let Some((mut value, number)) = found else {
                out.push('?');
                continue;
            };
            match precision {
                Some(precision) if number => value = format!("{value:0>precision$}"),
                Some(precision) => value = value.chars().take(precision).collect(),
                None => {}
            }
            if flags.contains('#') && matches!(letter, 'a') && !value.starts_with('0') {
                value.insert(0, '0');
            }
            out.push_str(&match (flags.contains('-'), flags.contains('0') && number) {
                (true, _) => format!("{value:<width$}"),
                (_, true) => format!("{value:0>width$}"),
                _ => format!("{value:>width$}"),
            });
        }
        out + rest
    }

    /// What is shown without a format.
    fn usual(&self) -> String {
        let named = if self.target.is_some() { "%N" } else { "%n" };
        let named = self.formatted(named).replace('\'', "");
        let device = if self.stat.kind == FileKind::CharacterDevice { "     Device type: %t,%T" } else { "" };
        let head = format!("  File: {named}\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n");
        let middle = format!("Device: %Hd,%Ld\tInode: %-10i  Links: %h{device}\n");
        let owners = "Access: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n";
        self.formatted(&(head + &middle + owners + "Access: %x\nModify: %y\nChange: %z\n Birth: %w\n"))
    }
}

async fn stat(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return TOOL.wrong(&sys, "missing operand").await;
    }
    let names = Names::read(&sys).await;
    let boot = sys.realtime().await.saturating_sub(sys.now().await.since(Instant::BOOT));
    let mut exit = Exit::OK;
    for path in &options.operands {
        let found = if options.has('L') { sys.stat(path).await } else { sys.lstat(path).await };
        let stat = match found {
            Ok(stat) => stat,
            Err(errno) => {
                TOOL.complain(&sys, format!("cannot statx {}: {errno}", quoted(path))).await;
                exit = Exit::FAILURE;
                continue;
            }
        };
        let target = match stat.kind {
            FileKind::Symlink => sys.readlink(path).await.ok(),
            _ => None,
        };
        let shown = Shown { path, stat, target, names: &names, boot };
        let text = match (options.value('\u{4}'), options.value('c'), options.has('t')) {
            (Some(format), ..) => {
                let style = crate::shell::escape::Style::Format;
                shown.formatted(&crate::shell::escape::expand(format, style).0)
            }
            (_, Some(format), _) => shown.formatted(format) + "\n",
            (_, _, true) => shown.formatted("%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o") + "\n",
            _ => shown.usual(),
        };
        sys.print(text).await;
    }
    exit
}
