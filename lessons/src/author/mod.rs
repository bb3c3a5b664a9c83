//! Reading lessons: a Markdown file with YAML at its head and in its checks, a lab in TOML.
//!
//! Always: an error names the file, the line, and what was expected there.
//! Sources: CommonMark 0.31; YAML 1.2 as serde_norway reads it; TOML 1.1.

mod checks;
mod course;
mod front;
mod lint;
mod prose;
mod sections;

pub use course::{Authored, publish, read_course, read_lesson};

use std::fmt;

/// Where in which file a lesson is wrong, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    pub words: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.words),
            line => write!(f, "{}:{line}: {}", self.file, self.words),
        }
    }
}

impl std::error::Error for Fault {}

/// A piece of a file that remembers the line it begins on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub file: &'a str,
    pub line: usize,
    pub text: &'a str,
}

impl Piece<'_> {
    /// A fault `offset` lines into the piece.
    pub fn fault(&self, offset: usize, words: impl Into<String>) -> Fault {
        Fault { file: self.file.to_owned(), line: self.line + offset, words: words.into() }
    }

    /// Reads the piece as YAML.
    pub fn yaml<T: serde::de::DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_norway::from_str(self.text).map_err(|error| {
            let offset = error.location().map_or(0, |at| at.line().saturating_sub(1));
            self.fault(offset, error.to_string())
        })
    }
}
