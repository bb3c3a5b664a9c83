//! `ls`: what is in a directory. Source: ls(1), coreutils 9.1.
//! Not simulated: -D -T -Z --hyperlink --zero, hosts' own LS_COLORS. Differs: one time stands for all.
//! ```transcript
//! host# mkdir d; touch d/b d/a; ls d
//! a
//! b
//! ```

mod name;
mod show;

use super::getopt::Long;
use super::getopt::Takes::{MayValue, Nothing, Value};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::{FileKind, STDOUT, Stat};
use crate::sys::Sys;
use name::Quoting;
pub use show::{mode_text, permissions};

pub const LS: Command =
    Command { name: "ls", path: "/usr/bin/ls", man: "ls(1)", run: |sys, args| Box::pin(ls(sys, args)) };

/// Long options without a letter.
const COLOR: char = '\u{10}';
const GROUP_DIRECTORIES: char = '\u{11}';
const HIDE: char = '\u{12}';
const QUOTING: char = '\u{13}';
const SORT: char = '\u{14}';
const TIME_STYLE: char = '\u{15}';
const FULL_TIME: char = '\u{16}';
const FORMAT: char = '\u{17}';
const INDICATOR: char = '\u{18}';
const FILE_TYPE: char = '\u{19}';
const SHOW_CONTROL: char = '\u{1a}';
const SI: char = '\u{1b}';
const AUTHOR: char = '\u{1c}';
const BLOCK_SIZE: char = '\u{1d}';
const HYPERLINK: char = '\u{1e}';
const TIME: char = '\u{1f}';
const ZERO: char = '\u{7f}';

const LONG: &[Long] = &[
    ("all", Nothing, 'a'),
    ("almost-all", Nothing, 'A'),
    ("author", Nothing, AUTHOR),
    ("block-size", Value, BLOCK_SIZE),
    ("classify", MayValue, 'F'),
    ("color", MayValue, COLOR),
    ("dereference", Nothing, 'L'),
    ("dereference-command-line", Nothing, 'H'),
    ("directory", Nothing, 'd'),
    ("dired", Nothing, 'D'),
    ("escape", Nothing, 'b'),
    ("file-type", Nothing, FILE_TYPE),
    ("format", Value, FORMAT),
    ("full-time", Nothing, FULL_TIME),
    ("group-directories-first", Nothing, GROUP_DIRECTORIES),
    ("hide", Value, HIDE),
    ("hide-control-chars", Nothing, 'q'),
    ("human-readable", Nothing, 'h'),
    ("hyperlink", MayValue, HYPERLINK),
    ("ignore", Value, 'I'),
    ("ignore-backups", Nothing, 'B'),
    ("indicator-style", Value, INDICATOR),
    ("inode", Nothing, 'i'),
    ("kibibytes", Nothing, 'k'),
    ("literal", Nothing, 'N'),
    ("no-group", Nothing, 'G'),
    ("numeric-uid-gid", Nothing, 'n'),
    ("quote-name", Nothing, 'Q'),
    ("quoting-style", Value, QUOTING),
    ("recursive", Nothing, 'R'),
    ("reverse", Nothing, 'r'),
    ("show-control-chars", Nothing, SHOW_CONTROL),
    ("si", Nothing, SI),
    ("size", Nothing, 's'),
    ("sort", Value, SORT),
    ("tabsize", Value, 'T'),
    ("time", Value, TIME),
    ("time-style", Value, TIME_STYLE),
    ("width", Value, 'w'),
    ("zero", Nothing, ZERO),
];
const TOOL: Tool = Tool {
    name: "ls",
    short: "abcdfghiklmnopqrstuvw:xABCDFGHI:LNQRST:UXZ1",
    long: LONG,
    missing: "DTZ\u{1c}\u{1d}\u{1e}\u{1f}\u{7f}",
    usage: 2,
    package: COREUTILS,
};

/// Directories that `-R` goes down.
const DEPTH: usize = 64;

struct Row {
    name: String,
    stat: Stat,
    /// Where a link leads, and what is there.
    target: Option<(String, Option<Stat>)>,
}

impl Row {
    async fn of(sys: &Sys, name: String, path: &str, stat: Stat) -> Row {
        let target = match stat.kind {
            FileKind::Symlink => {
                let led = sys.stat(path).await.ok();
                sys.readlink(path).await.ok().map(|target| (target, led))
            }
            _ => None,
        };
        Row { name, stat, target }
    }

    /// A directory, or a link to one.
    fn is_directory(&self) -> bool {
        let led = self.target.as_ref().and_then(|(_, stat)| stat.as_ref());
        led.unwrap_or(&self.stat).kind == FileKind::Directory
    }
}

/// How rows stand.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    One,
    Long,
    Down,
    Across,
    Commas,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Name,
    None,
    Size,
    Time,
    Extension,
    Version,
    Width,
}

/// What the options come to.
struct Wanted {
    options: Options,
    format: Format,
    order: Order,
    quoting: Quoting,
    color: bool,
    /// `-F`, `-p`, `--file-type`
    indicator: Option<char>,
    width: usize,
    time_style: String,
}

impl Wanted {
    fn has(&self, letter: char) -> bool {
        self.options.has(letter)
    }

    fn hidden(&self, name: &str) -> bool {
        let all = matches!(self.options.last_of("aAf"), Some('a' | 'f'));
        let almost = self.options.last_of("aA").is_some() || all;
        let matches = |letter: char| {
            let patterns = self.options.flags.iter().filter(|(flag, _)| *flag == letter);
            patterns.filter_map(|(_, value)| value.as_deref()).any(|pattern| name::matches(pattern, name))
        };
        name.starts_with('.') && !almost
            || self.has('B') && name.ends_with('~')
            || matches('I')
            || !almost && matches(HIDE)
    }
}

/// One of several words, by its beginning; the error is what is told.
fn choice<T: Copy>(option: &str, word: &str, table: &[(&str, T)]) -> Result<T, String> {
    let exact = table.iter().find(|(name, _)| *name == word);
    if let Some(found) =
        exact.or_else(|| table.iter().find(|(name, _)| !word.is_empty() && name.starts_with(word)))
    {
        return Ok(found.1);
    }
    let names: String = table.iter().map(|(name, _)| format!("\n  - {}", quoted(name))).collect();
    Err(format!("invalid argument {} for {}\nValid arguments are:{names}", quoted(word), quoted(option)))
}

const WHEN: &[(&str, Option<bool>)] = &[
    ("always", Some(true)),
    ("yes", Some(true)),
    ("force", Some(true)),
    ("never", Some(false)),
    ("no", Some(false)),
    ("none", Some(false)),
    ("auto", None),
    ("tty", None),
    ("if-tty", None),
];
const FORMATS: &[(&str, Format)] = &[
    ("verbose", Format::Long),
    ("long", Format::Long),
    ("commas", Format::Commas),
    ("horizontal", Format::Across),
    ("across", Format::Across),
    ("vertical", Format::Down),
    ("single-column", Format::One),
];
const ORDERS: &[(&str, Order)] = &[
    ("none", Order::None),
    ("time", Order::Time),
    ("size", Order::Size),
    ("extension", Order::Extension),
    ("version", Order::Version),
    ("width", Order::Width),
];
const INDICATORS: &[(&str, Option<char>)] =
    &[("none", None), ("slash", Some('p')), ("file-type", Some('t')), ("classify", Some('F'))];

/// What the options come to on a terminal of that width, or on none.
fn wanted(options: Options, terminal: Option<usize>) -> Result<Wanted, String> {
    let tty = terminal.is_some();
    let flags = options.flags.clone();
    let mut wanted = Wanted {
        options,
        format: if tty { Format::Down } else { Format::One },
        order: Order::Name,
        quoting: if tty { Quoting::ShellEscape } else { Quoting::Literal },
        color: false,
        indicator: None,
        width: terminal.unwrap_or(80),
        time_style: "locale".to_owned(),
    };
    let mut sorted = false;
    for (letter, value) in &flags {
        let value = value.as_deref();
        sorted |= matches!(*letter, 'f' | 'U' | 'S' | 't' | 'X' | 'v' | SORT);
        if !wanted.take_order(*letter, value)? {
            wanted.take_look(*letter, value, tty)?;
        }
    }
    // These say which time is meant; without a long list they also sort by it.
    if !sorted && wanted.format != Format::Long && (wanted.has('c') || wanted.has('u')) {
        wanted.order = Order::Time;
    }
    Ok(wanted)
}

impl Wanted {
    /// How rows stand and in which order; false where the option says something else.
    fn take_order(&mut self, letter: char, value: Option<&str>) -> Result<bool, String> {
        let word = value.unwrap_or_default();
        match letter {
            // A list stays long, unless columns were asked for by name.
            '1' if self.format != Format::Long => self.format = Format::One,
            'l' | 'n' | 'g' | 'o' => self.format = Format::Long,
            'C' => self.format = Format::Down,
            'x' => self.format = Format::Across,
            'm' => self.format = Format::Commas,
            FULL_TIME => (self.format, self.time_style) = (Format::Long, "full-iso".to_owned()),
            FORMAT => self.format = choice("--format", word, FORMATS)?,
            'f' | 'U' => self.order = Order::None,
            'S' => self.order = Order::Size,
            't' => self.order = Order::Time,
            'X' => self.order = Order::Extension,
            'v' => self.order = Order::Version,
            SORT => self.order = choice("--sort", word, ORDERS)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How names and times are written.
    fn take_look(&mut self, letter: char, value: Option<&str>, tty: bool) -> Result<(), String> {
        let word = value.unwrap_or_default();
        let by_terminal = |option: &str| {
            let chosen = choice(option, value.unwrap_or("always"), WHEN).map_err(when)?;
            Ok::<bool, String>(chosen.unwrap_or(tty))
        };
        match letter {
            'Q' => self.quoting = Quoting::C,
            'b' => self.quoting = Quoting::Escape,
            'N' => self.quoting = Quoting::Literal,
            QUOTING => self.quoting = choice("--quoting-style", word, name::STYLES)?,
            COLOR => self.color = by_terminal("--color")?,
            'F' => self.indicator = by_terminal("--classify")?.then_some('F'),
            'p' => self.indicator = Some('p'),
            FILE_TYPE => self.indicator = Some('t'),
            INDICATOR => self.indicator = choice("--indicator-style", word, INDICATORS)?,
            'w' => self.width = word.parse().map_err(|_| format!("invalid line width: {}", quoted(word)))?,
            TIME_STYLE => {
                let style = word.strip_prefix("posix-").map_or(word, |_| "locale");
                let known = ["full-iso", "long-iso", "iso", "locale"].contains(&style);
                if !known && !style.starts_with('+') {
                    return Err(format!(
                        "invalid argument {} for 'time style'\nValid arguments are:\n  - [posix-]full-iso\n  \
                         - [posix-]long-iso\n  - [posix-]iso\n  - [posix-]locale\n  - +FORMAT (e.g., +%H:%M) for a \
                         'date'-style format",
                        quoted(style)
                    ));
                }
                self.time_style = style.to_owned();
            }
            _ => {}
        }
        Ok(())
    }
}

/// The words that mean the same stand on one line.
fn when(words: String) -> String {
    let head = words.split("\nValid").next().unwrap_or_default().to_owned();
    head + "\nValid arguments are:\n  - 'always', 'yes', 'force'\n  - 'never', 'no', 'none'\n  - 'auto', 'tty', 'if-tty'"
}

async fn ls(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let terminal = match sys.is_tty(STDOUT).await {
        true => sys.terminal_size().await.map(|(columns, _)| usize::from(columns)),
        false => None,
    };
    let wanted = match wanted(options, terminal) {
        Ok(wanted) => wanted,
        Err(words) if words.starts_with("invalid line") => {
            TOOL.complain(&sys, words).await;
            return Exit(2);
        }
        Err(words) if words.contains("time style") => return TOOL.wrong(&sys, words).await,
        // A wrong word ends with another status than a wrong letter.
        Err(words) => {
            TOOL.wrong(&sys, words).await;
            return Exit::FAILURE;
        }
    };
    let mut listing =
        Listing { sys: &sys, wanted: &wanted, names: super::long::Names::read(&sys).await, exit: Exit::OK };
    listing.run().await;
    listing.exit
}

struct Listing<'a> {
    sys: &'a Sys,
    wanted: &'a Wanted,
    names: super::long::Names,
    exit: Exit,
}

impl Listing<'_> {
    async fn run(&mut self) {
        let wanted = self.wanted;
        let operands = match wanted.options.operands.as_slice() {
            [] => vec![".".to_owned()],
            operands => operands.to_vec(),
        };
        let (count, mut files, mut directories) = (operands.len(), Vec::new(), Vec::new());
        let follow = match wanted.options.last_of("HL") {
            Some(_) => true,
            None => wanted.format != Format::Long && !wanted.has('d') && wanted.indicator != Some('F'),
        };
        for operand in operands {
            let found = if follow { self.sys.stat(&operand).await } else { self.sys.lstat(&operand).await };
            let stat = match (found, wanted.has('L')) {
                (Ok(stat), _) => stat,
                (Err(errno), true) => {
                    self.refuse("cannot access", &operand, errno).await;
                    continue;
                }
                (Err(errno), false) => match self.sys.lstat(&operand).await {
                    Ok(stat) => stat,
                    Err(_) => {
                        self.refuse("cannot access", &operand, errno).await;
                        continue;
                    }
                },
            };
            let row = Row::of(self.sys, operand.clone(), &operand, stat).await;
            match row.stat.kind == FileKind::Directory && !wanted.has('d') {
                true => directories.push(row),
                false => files.push(row),
            }
        }
        self.order(&mut files);
        self.order(&mut directories);
        let titled = count > 1 || wanted.has('R');
        let mut first = files.is_empty();
        self.show(&files, false).await;
        let mut todo: Vec<(String, usize)> = directories.into_iter().rev().map(|row| (row.name, 0)).collect();
        while let Some((directory, depth)) = todo.pop() {
            let Some(rows) = self.read(&directory).await else { continue };
            if titled {
                let gap = if std::mem::replace(&mut first, false) { "" } else { "\n" };
                let shown = self.wanted.quoting.title(&directory);
                self.sys.print(format!("{gap}{shown}:\n")).await;
            }
            self.show(&rows, true).await;
            if wanted.has('R') && depth < DEPTH {
                let base = directory.trim_end_matches('/');
                let below = rows.iter().filter(|row| row.stat.kind == FileKind::Directory);
                let below = below.filter(|row| row.name != "." && row.name != "..");
                let below: Vec<_> = below.map(|row| (format!("{base}/{}", row.name), depth + 1)).collect();
                todo.extend(below.into_iter().rev());
            }
        }
    }

    async fn refuse(&mut self, what: &str, path: &str, errno: net::Errno) {
        TOOL.complain(self.sys, format!("{what} {}: {errno}", quoted(path))).await;
        self.exit = Exit(2);
    }

    async fn read(&mut self, directory: &str) -> Option<Vec<Row>> {
        let entries = match self.sys.read_dir(directory).await {
            Ok(entries) => entries,
            Err(errno) => {
                self.refuse("cannot open directory", directory, errno).await;
                return None;
            }
        };
        let base = directory.trim_end_matches('/');
        let mut rows = Vec::new();
        if matches!(self.wanted.options.last_of("aAf"), Some('a' | 'f')) {
            for name in [".", ".."] {
                if let Ok(stat) = self.sys.stat(&format!("{directory}/{name}")).await {
                    rows.push(Row { name: name.to_owned(), stat, target: None });
                }
            }
        }
        for entry in entries.into_iter().filter(|entry| !self.wanted.hidden(&entry.name)) {
            let path = format!("{base}/{}", entry.name);
            let stat = match self.wanted.has('L') {
                true => self.sys.stat(&path).await.unwrap_or(entry.stat),
                false => entry.stat,
            };
            rows.push(Row::of(self.sys, entry.name, &path, stat).await);
        }
        self.order(&mut rows);
        Some(rows)
    }

    fn order(&self, rows: &mut [Row]) {
        let wanted = self.wanted;
        if wanted.order == Order::None {
            return;
        }
        rows.sort_by(|a, b| {
            let by_name = a.name.cmp(&b.name);
            let extension =
                |row: &Row| row.name.rfind('.').map_or(String::new(), |at| row.name[at..].to_owned());
            match wanted.order {
                Order::Size => b.stat.size.cmp(&a.stat.size).then(by_name),
                Order::Time => b.stat.modified.cmp(&a.stat.modified).then(by_name),
                Order::Extension => extension(a).cmp(&extension(b)).then(by_name),
                Order::Version => super::sort::versions(&a.name, &b.name).then(by_name),
                Order::Width => a.name.chars().count().cmp(&b.name.chars().count()).then(by_name),
                _ => by_name,
            }
        });
        if wanted.has('r') {
            rows.reverse();
        }
        if wanted.has(GROUP_DIRECTORIES) {
            rows.sort_by_key(|row| !row.is_directory());
        }
    }
}
