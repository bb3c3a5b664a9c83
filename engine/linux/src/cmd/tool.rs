//! What the tools of GNU coreutils have in common: how they read options and files, and what they say.
//!
//! Source: coreutils 9.1, lib/error.c, lib/quotearg.c.

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Exit};
use crate::fs::{Fd, OpenFlags, STDIN};
use crate::sys::{Sys, Syscall};
use net::Errno;

/// `--help`, for a tool's table of long options.
pub const HELP: Long = ("help", Takes::Nothing, '\u{1}');
/// `--version`
pub const VERSION: Long = ("version", Takes::Nothing, '\u{2}');

/// How a tool reads its command line.
pub struct Tool {
    pub name: &'static str,
    pub short: &'static str,
    pub long: &'static [Long],
    /// Options that the real tool has and this one has not.
    pub missing: &'static str,
    /// Exit status of a wrong command line.
    pub usage: u8,
    /// `(GNU coreutils) 9.1`
    pub package: &'static str,
}

pub const COREUTILS: &str = "(GNU coreutils) 9.1";

/// The options in the order they were given, and the operands.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub flags: Vec<(char, Option<String>)>,
    pub operands: Vec<String>,
}

impl Options {
    pub fn has(&self, letter: char) -> bool {
        self.flags.iter().any(|(flag, _)| *flag == letter)
    }

    /// The value given last.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.flags.iter().rev().find(|(flag, _)| *flag == letter).and_then(|(_, value)| value.as_deref())
    }

    /// Which of these was given last.
    pub fn last_of(&self, letters: &str) -> Option<char> {
        self.flags.iter().rev().map(|(flag, _)| *flag).find(|flag| letters.contains(*flag))
    }
}

impl Tool {
    /// Reads the command line; a wrong one has been complained of, `--help` and `--version` answered.
    pub async fn options(&self, sys: &Sys, args: &Args) -> Result<Options, Exit> {
        self.options_of(sys, args.name(), args.rest()).await
    }

    pub async fn options_of(&self, sys: &Sys, name: &str, words: &[String]) -> Result<Options, Exit> {
        let mut walk = Getopt::new(name, words, self.short, self.long);
        let mut options = Options::default();
        for found in walk.by_ref() {
            match found {
                Found::Wrong(text) => {
                    sys.eprint(text).await;
                    return Err(self.try_help(sys).await);
                }
                Found::Option('\u{1}', _) => {
                    sys.print(super::manual::help(self)).await;
                    return Err(Exit::OK);
                }
                Found::Option('\u{2}', _) => {
                    sys.print(format!("{} {}\n", self.name, self.package)).await;
                    return Err(Exit::OK);
                }
                Found::Option(letter, _) if self.missing.contains(letter) => {
                    let long = self.long.iter().find(|long| long.2 == letter && !letter.is_ascii_graphic());
                    let option = long.map_or(format!("-{letter}"), |long| format!("--{}", long.0));
                    self.complain(sys, format!("{option}: not simulated in vethlab")).await;
                    return Err(Exit(self.usage));
                }
                Found::Option(letter, value) => options.flags.push((letter, value)),
            }
        }
        options.operands = walk.operands();
        Ok(options)
    }

    pub fn try_help(&self, sys: &Sys) -> Syscall<Exit> {
        let text = format!("Try '{} --help' for more information.\n", self.name);
        sys.eprint_then(text, Exit(self.usage))
    }

    /// `cat: WORDS`
    pub fn complain(&self, sys: &Sys, words: impl AsRef<str>) -> Syscall<()> {
        sys.eprint(format!("{}: {}\n", self.name, words.as_ref()))
    }

    /// A wrong command line: the words, and where to find help.
    pub fn wrong(&self, sys: &Sys, words: impl AsRef<str>) -> Syscall<Exit> {
        let (name, words) = (self.name, words.as_ref());
        let text = format!("{name}: {words}\nTry '{name} --help' for more information.\n");
        sys.eprint_then(text, Exit(self.usage))
    }

    pub fn missing_operand(&self, sys: &Sys, operands: &[String]) -> Syscall<Exit> {
        let words = match operands.last() {
            None => "missing operand".to_owned(),
            Some(last) => format!("missing operand after {}", quoted(last)),
        };
        self.wrong(sys, words)
    }

    pub fn extra_operand(&self, sys: &Sys, operand: &str) -> Syscall<Exit> {
        self.wrong(sys, format!("extra operand {}", quoted(operand)))
    }

    /// Opens a file; `-` is stdin.
    pub async fn open(&self, sys: &Sys, path: &str) -> Result<Fd, Errno> {
        if path == "-" { Ok(STDIN) } else { sys.open(path, OpenFlags::READ).await }
    }
}

/// A name in the quotes of an error message.
pub fn quoted(name: &str) -> String {
    format!("'{}'", shown(name).replace('\'', "'\\''"))
}

/// A name as an error message shows it where it is quoted only if it has to be.
pub fn quoted_if_needed(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "%+,-./:=@_^".contains(c) || !c.is_ascii();
    let odd = name.is_empty() || !name.chars().all(plain);
    if odd { quoted(name) } else { name.to_owned() }
}

fn shown(name: &str) -> String {
    name.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Lines of a file, each with whether a newline ended it.
pub struct Lines {
    sys: Sys,
    fd: Fd,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    separator: u8,
}

/// Bytes that one read takes.
const BLOCK: usize = 65_536;

impl Lines {
    pub fn new(sys: &Sys, fd: Fd) -> Lines {
        Lines { sys: sys.clone(), fd, buffer: Vec::new(), start: 0, ended: false, separator: b'\n' }
    }

    pub async fn next(&mut self) -> Result<Option<(String, bool)>, Errno> {
        let mut seen = self.start;
        loop {
            if let Some(found) = self.buffer[seen..].iter().position(|byte| *byte == self.separator) {
                let end = seen + found;
                let line = String::from_utf8_lossy(&self.buffer[self.start..end]).into_owned();
                self.start = end + 1;
                return Ok(Some((line, true)));
            }
            if self.ended {
                let rest = self.buffer.split_off(self.start);
                self.buffer.clear();
                self.start = 0;
                let line = String::from_utf8_lossy(&rest).into_owned();
                return Ok((!rest.is_empty()).then_some((line, false)));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            seen = self.buffer.len();
            let more = self.sys.read(self.fd, BLOCK).await?;
            self.ended = more.is_empty();
            self.buffer.extend(more);
        }
    }
}

/// A whole file as text; `-` is stdin.
pub async fn read_text(sys: &Sys, path: &str) -> Result<String, Errno> {
    let bytes = if path == "-" { sys.read_all(STDIN).await? } else { read_file(sys, path).await? };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Through open and read, so that a directory is `EISDIR` and a file without permission `EACCES`.
pub async fn read_file(sys: &Sys, path: &str) -> Result<Vec<u8>, Errno> {
    if path == "/dev/stdin" {
        return sys.read_all(STDIN).await;
    }
    let fd = sys.open(path, OpenFlags::READ).await?;
    let bytes = sys.read_all(fd).await;
    sys.close(fd).await.ok();
    bytes
}

/// Prints in pieces that are not too small, so that a long file is few writes.
pub struct Output {
    sys: Sys,
    text: String,
}

impl Output {
    pub fn new(sys: &Sys) -> Output {
        Output { sys: sys.clone(), text: String::new() }
    }

    pub async fn put(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref());
        if self.text.len() >= BLOCK / 4 {
            self.flush().await;
        }
    }

    pub async fn flush(&mut self) {
        if !self.text.is_empty() {
            self.sys.print(std::mem::take(&mut self.text)).await;
        }
    }
}
