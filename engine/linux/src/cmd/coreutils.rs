//! What the GNU core utilities share: how options are refused, how operands are read.
//!
//! Always: a file that cannot be read is told on stderr and the tool goes on, its exit status remembered.
//! Differs from coreutils: `--help` prints the usage line only.
//! Sources: coreutils manual, "Common options"; Debian's coreutils 9.1.

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Exit};
use crate::fs::{Fd, OpenFlags};
use crate::sys::Sys;

/// Bytes asked for at one read.
const CHUNK: usize = 16 * 1024;

/// `--help` and `--version`, which all of them have.
pub const HELP: Long = ("help", Takes::Nothing, '\u{1}');
pub const VERSION: Long = ("version", Takes::Nothing, '\u{2}');

/// A command line taken apart.
pub struct Line {
    pub options: Vec<(char, Option<String>)>,
    pub operands: Vec<String>,
}

impl Line {
    /// Reads the arguments; where they are refused, or ask for help, says so and gives the exit status.
    pub async fn read(
        sys: &Sys,
        args: &Args,
        short: &'static str,
        long: &'static [Long],
        usage: &str,
        refused: u8,
    ) -> Result<Line, Exit> {
        let name = short_name(args);
        let mut walk = Getopt::new(name, args.rest(), short, long);
        let mut options = Vec::new();
        for found in walk.by_ref() {
            match found {
                Found::Option('\u{1}', _) => {
                    sys.print(format!("Usage: {name} {usage}\n")).await;
                    return Err(Exit::OK);
                }
                Found::Option('\u{2}', _) => {
                    sys.print(format!("{name} (GNU coreutils) 9.1\n")).await;
                    return Err(Exit::OK);
                }
                Found::Option(letter, value) => options.push((letter, value)),
                Found::Wrong(text) => {
                    sys.eprint(format!("{text}Try '{name} --help' for more information.\n")).await;
                    return Err(Exit(refused));
                }
            }
        }
        Ok(Line { options, operands: walk.operands() })
    }

    pub fn has(&self, letter: char) -> bool {
        self.options.iter().any(|(option, _)| *option == letter)
    }

    /// The last value given for a letter.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.options.iter().rfind(|(option, _)| *option == letter)?.1.as_deref()
    }
}

pub fn short_name(args: &Args) -> &str {
    args.name().rsplit('/').next().unwrap_or_default()
}

/// `missing operand`, `extra operand`.
pub async fn misused(sys: &Sys, name: &str, words: &str) -> Exit {
    sys.eprint(format!("{name}: {words}\nTry '{name} --help' for more information.\n")).await;
    Exit::FAILURE
}

pub fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', "'\\''"))
}

/// fstat(2): the size of what is open there, where it is a file.
pub async fn file_size(sys: &Sys, fd: Fd) -> Option<u64> {
    sys.ask(move |system, id| {
        let file = system.descriptor(id, fd).ok()?.file;
        match system.open_file(file).kind {
            crate::fs::OpenKind::Disk(disk, inode) => Some(system.tree(disk).stat(inode).size),
            _ => None,
        }
    })
    .await
}

/// Opens an operand for reading: `-` is stdin.
pub async fn open(sys: &Sys, tool: &str, operand: &str) -> Option<Fd> {
    if operand == "-" {
        return Some(0);
    }
    match sys.open(operand, OpenFlags::READ).await {
        Ok(fd) => Some(fd),
        Err(errno) => {
            sys.eprint(format!("{tool}: {operand}: {errno}\n")).await;
            None
        }
    }
}

pub async fn close(sys: &Sys, fd: Fd) {
    if fd > 2 {
        sys.close(fd).await.unwrap_or_default();
    }
}

/// The operands, or stdin where there are none.
pub fn or_stdin(operands: Vec<String>) -> Vec<String> {
    if operands.is_empty() { vec!["-".to_owned()] } else { operands }
}

/// Everything an operand holds; `None` where it was refused, which has been told.
pub async fn contents(sys: &Sys, tool: &str, operand: &str) -> Option<Vec<u8>> {
    let fd = open(sys, tool, operand).await?;
    let mut lines = Lines::new(sys, fd);
    let mut whole = Vec::new();
    while let Some(chunk) = lines.chunk().await {
        whole.extend(chunk);
    }
    let read = lines.told(tool, operand).await;
    close(sys, fd).await;
    read.then_some(whole)
}

/// Lines as they come, so that a tool in the middle of a pipe answers at once.
pub struct Lines<'a> {
    sys: &'a Sys,
    fd: Fd,
    buffer: Vec<u8>,
    ended: bool,
    refused: Option<net::Errno>,
}

impl<'a> Lines<'a> {
    pub fn new(sys: &'a Sys, fd: Fd) -> Lines<'a> {
        Lines { sys, fd, buffer: Vec::new(), ended: false, refused: None }
    }

    async fn fill(&mut self) {
        match self.sys.read(self.fd, CHUNK).await {
            Ok(bytes) if bytes.is_empty() => self.ended = true,
            Ok(bytes) => self.buffer.extend(bytes),
            Err(errno) => {
                self.ended = true;
                self.refused = Some(errno);
            }
        }
    }

    /// The next line with its line feed, which the last one may lack.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let mut from = 0;
        loop {
            if let Some(at) = self.buffer[from..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(from + at + 1);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            if self.ended {
                let last = std::mem::take(&mut self.buffer);
                return (!last.is_empty()).then_some(last);
            }
            from = self.buffer.len();
            self.fill().await;
        }
    }

    /// Whatever has come.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        if self.buffer.is_empty() && !self.ended {
            self.fill().await;
        }
        let chunk = std::mem::take(&mut self.buffer);
        (!chunk.is_empty()).then_some(chunk)
    }

    /// Why a read failed.
    pub fn refused(&self) -> Option<net::Errno> {
        self.refused
    }

    /// Tells a read that failed (a directory, say); false where one did.
    pub async fn told(&self, tool: &str, operand: &str) -> bool {
        if let Some(errno) = self.refused {
            self.sys.eprint(format!("{tool}: {operand}: {errno}\n")).await;
        }
        self.refused.is_none()
    }
}

/// A count with the suffixes of the core utilities (`10K`, `2MB`).
pub fn count(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "b" => 512,
        "K" | "KiB" | "k" => 1 << 10,
        "kB" | "KB" => 1000,
        "M" | "MiB" => 1 << 20,
        "MB" => 1_000_000,
        "G" | "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
