//! What the tools of GNU coreutils have in common: how they read options and files, and what they say.
//!
//! Source: coreutils 9.1, lib/error.c, lib/quotearg.c.

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Exit};
use crate::sys::{Sys, Syscall};

/// What every tool knows beside its own long options.
const HELP: Long = ("help", Takes::Nothing, '\u{1}');
const VERSION: Long = ("version", Takes::Nothing, '\u{2}');

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

/// What tools say after a wrong command line that say more than where to find help.
const USAGE: &[(&str, &str)] = &[
    ("grep", "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n"),
    ("sed", include_str!("sed/usage.txt")),
    ("watch", include_str!("watch.txt")),
];

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
    /// One of GNU coreutils with the options that all have: nothing is missing, a wrong command line is status 1.
    pub const fn gnu(name: &'static str, short: &'static str, long: &'static [Long]) -> Tool {
        Tool { name, short, long, missing: "", usage: 1, package: COREUTILS }
    }

    /// Reads the command line; a wrong one has been complained of, `--help` and `--version` answered.
    pub async fn options(&self, sys: &Sys, args: &Args) -> Result<Options, Exit> {
        self.options_of(sys, args.name(), args.rest()).await
    }

    pub async fn options_of(&self, sys: &Sys, name: &str, words: &[String]) -> Result<Options, Exit> {
        let mut walk = Getopt::new(name, words, self.short, self.long).with(&[HELP, VERSION]);
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

    /// The words under a wrong command line, and the exit status that goes with them.
    fn after_wrong(&self) -> String {
        match USAGE.iter().find(|(name, _)| *name == self.name) {
            Some((_, usage)) => (*usage).to_owned(),
            None => format!("Try '{} --help' for more information.\n", self.name),
        }
    }

    pub fn try_help(&self, sys: &Sys) -> Syscall<Exit> {
        sys.eprint_then(self.after_wrong(), Exit(self.usage))
    }

    /// `cat: WORDS`
    pub fn complain(&self, sys: &Sys, words: impl AsRef<str>) -> Syscall<()> {
        sys.eprint(format!("{}: {}\n", self.name, words.as_ref()))
    }

    /// A wrong command line: the words, and where to find help.
    pub fn wrong(&self, sys: &Sys, words: impl AsRef<str>) -> Syscall<Exit> {
        let text = format!("{}: {}\n{}", self.name, words.as_ref(), self.after_wrong());
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
