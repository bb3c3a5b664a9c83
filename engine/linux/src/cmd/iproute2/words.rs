//! The words of a command line, taken one by one, and the errors that stop the reading of them.
//!
//! Always: an error carries its exact text and exit status; nothing is printed here.
//! Source: iproute2 lib/utils.c as seen from outside (texts, statuses, prefix matching).

use crate::cmd::Exit;
use crate::sys::{Sys, Syscall};

/// True where `word` is a beginning of `full`: `ip a`, `ip ro sh`. The empty word is a beginning of nothing.
pub fn matches(word: &str, full: &str) -> bool {
    !word.is_empty() && full.starts_with(word)
}

/// Why a command ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What goes to stderr, line ends included.
    pub text: String,
    pub status: u8,
    /// The whole tool ends, even in the middle of `-batch`.
    pub exits: bool,
}

impl Stop {
    /// The tool exits here.
    pub fn exit(status: u8, text: impl Into<String>) -> Stop {
        Stop { text: text.into(), status, exits: true }
    }

    /// The command fails; `-batch` tells its line and `-force` goes on.
    pub fn fail(status: u8, text: impl Into<String>) -> Stop {
        Stop { text: text.into(), status, exits: false }
    }

    /// The text goes to stderr; the status is the tool's.
    pub fn told(&self, sys: &Sys) -> Syscall<Exit> {
        sys.eprint_then(&self.text, Exit(self.status))
    }

    pub fn incomplete() -> Stop {
        Stop::exit(255, "Command line is not complete. Try option \"help\"\n")
    }

    /// `message` may end in a line break of its own; the real texts are not alike in this.
    pub fn wrong(message: &str, argument: &str) -> Stop {
        Stop::exit(255, format!("Error: argument \"{argument}\" is wrong: {message}\n"))
    }

    pub fn missing(key: &str) -> Stop {
        Stop::exit(255, format!("Error: argument \"{key}\" is required\n"))
    }

    pub fn second(key: &str, argument: &str) -> Stop {
        Stop::exit(255, format!("Error: duplicate \"{key}\": \"{argument}\" is the second value.\n"))
    }

    pub fn garbage(key: &str, argument: &str) -> Stop {
        Stop::exit(255, format!("Error: either \"{key}\" is duplicate, or \"{argument}\" is a garbage.\n"))
    }

    pub fn no_device(name: &str) -> Stop {
        Stop::fail(1, format!("Cannot find device \"{name}\"\n"))
    }

    /// `argument of "arp" must be "on" or "off"`
    pub fn not_on_off(key: &str, argument: &str) -> Stop {
        Stop::fail(1, format!("Error: argument of \"{key}\" must be \"on\" or \"off\", not \"{argument}\"\n"))
    }

    /// An option of the real tool that this world has not.
    pub fn not_simulated(tool: &str, option: &str, instead: &str) -> Stop {
        let hint = if instead.is_empty() { String::new() } else { format!("; use {instead}") };
        Stop::exit(255, format!("{tool}: {option}: not simulated in vethlab{hint}\n"))
    }
}

/// A cursor over the arguments.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    words: &'a [String],
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }
}

impl<'a> Words<'a> {
    pub fn new(words: &'a [String]) -> Words<'a> {
        Words { words, at: 0 }
    }

    /// The next word, left where it is.
    pub fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).map(String::as_str)
    }

    /// What must follow a keyword.
    pub fn value(&mut self) -> Result<&'a str, Stop> {
        self.next().ok_or_else(Stop::incomplete)
    }

    /// `on` or `off`, told with the keyword's name where it is neither.
    pub fn on_off(&mut self, key: &str) -> Result<bool, Stop> {
        match self.value()? {
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(Stop::not_on_off(key, other)),
        }
    }

    /// As [`Words::on_off`], but with beginnings (`of`, `o`), as the newer keywords read it.
    pub fn on_off_prefix(&mut self, key: &str) -> Result<bool, String> {
        let word = self.next().unwrap_or_default();
        match ["off", "on"].into_iter().position(|full| matches(word, full)) {
            Some(which) => Ok(which == 1),
            None => {
                Err(format!("Error: argument of \"{key}\" must be one of \"off\", \"on\", not \"{word}\"\n"))
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.words.len()
    }

    /// What has not been taken yet.
    pub fn rest(&self) -> &'a [String] {
        &self.words[self.at.min(self.words.len())..]
    }

    /// Puts the last taken word back.
    pub fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_matches_and_the_empty_word_does_not() {
        assert!(matches("a", "address"));
        assert!(matches("address", "address"));
        assert!(!matches("addresses", "address"));
        assert!(!matches("", "address"));
    }

    #[test]
    fn a_keyword_without_its_value_is_an_incomplete_command() {
        let line = ["mtu".to_owned()];
        let mut words = Words::new(&line);
        assert_eq!(words.next(), Some("mtu"));
        assert_eq!(words.value(), Err(Stop::incomplete()));
        assert_eq!(words.rest(), &[] as &[String]);
    }
}
