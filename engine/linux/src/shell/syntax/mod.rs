//! Reading a script: characters to a tree, one complete command at a time, as bash does (so that an alias or an
//! error of a later line does not change what runs before it).
//!
//! Always: reading ends, and nesting is bounded by [`NESTING`].
//! Differs from bash: no `coproc`; patterns like `+(a|b)` only in `[[ ]]`, `case` and `${…}` once `extglob` is set.
//! Source: bash(1); POSIX.1-2017, chapter 2.

mod ast;
mod command;
mod compound;
mod condition;
mod here;
mod parameter;
pub mod print;
mod quote;
mod word;

pub use ast::*;

use std::collections::BTreeMap;
use std::rc::Rc;

/// Constructs inside one another; one more is a syntax error.
pub const NESTING: usize = 60;
/// Aliases expanded in one command line; further ones stay as they are.
const ALIASES: usize = 200;

/// Whose rules a script is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Bash,
    /// Debian's `sh`: no `[[`, `((`, arrays, `<<<`, `$'…'`, process substitution.
    Dash,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub fault: Fault,
    pub line: u32,
    /// The line it stands on.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// near unexpected token
    Token(String),
    /// The end came where that character was still to come.
    Unclosed(char),
    EndOfFile,
    /// Other words.
    Said(String),
    /// What is wrong inside `[[ … ]]`.
    Condition(String),
}

impl SyntaxError {
    /// More input could make it right: an interactive shell then asks for another line.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.fault, Fault::Unclosed(_) | Fault::EndOfFile)
    }
}

type Result<T> = std::result::Result<T, SyntaxError>;

struct PendingHere {
    line: u32,
    document: Rc<HereDocument>,
}

/// Reads one script from its start to its end.
pub struct Parser {
    chars: Vec<char>,
    at: usize,
    line: u32,
    aliases: Rc<BTreeMap<String, String>>,
    /// Aliases being read: name and where their text ends; not expanded again inside of it.
    expanding: Vec<(String, usize)>,
    expanded: usize,
    /// The alias just read ended in a blank, so the next word may be one too, from this place on.
    alias_next: Option<usize>,
    here: Vec<PendingHere>,
    depth: usize,
    dialect: Dialect,
    more: bool,
    /// Up to where the text has been taken.
    shown: usize,
    /// What bash says on stderr without refusing the script.
    pub warnings: Vec<(u32, String)>,
}

/// Longest first.
const OPERATORS: &[&str] = &[
    "&>>", "<<<", "<<-", ";;&", "&&", "||", ";;", ";&", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "|&", "|",
    "&", ";", "<", ">", "(", ")", "\n",
];

impl Parser {
    pub fn new(text: &str, dialect: Dialect, aliases: Rc<BTreeMap<String, String>>) -> Parser {
        Parser {
            chars: text.chars().collect(),
            at: 0,
            line: 1,
            aliases,
            expanding: Vec::new(),
            expanded: 0,
            alias_next: None,
            here: Vec::new(),
            depth: 0,
            dialect,
            more: false,
            shown: 0,
            warnings: Vec::new(),
        }
    }

    /// The first line counts as this one.
    pub fn at_line(mut self, line: u32) -> Self {
        self.line = line;
        self
    }

    /// Inside that many other constructs.
    pub fn nested(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// What aliases are from now on.
    pub fn set_aliases(&mut self, aliases: Rc<BTreeMap<String, String>>) {
        self.aliases = aliases;
        self.expanded = 0;
    }

    /// The end of this text need not be the end of the script: what is open there is incomplete, not wrong.
    pub fn more_may_come(&mut self, more: bool) {
        self.more = more;
    }

    /// What has been read since this was last asked, for `set -v`.
    pub fn taken(&mut self) -> String {
        let text = self.chars[self.shown.min(self.at)..self.at].iter().collect();
        self.shown = self.at;
        text
    }

    /// Nothing but blanks is left.
    pub fn at_end(&self) -> bool {
        self.chars[self.at..].iter().all(|c| c.is_whitespace())
    }

    /// The next complete command: all up to the end of its line. `None` at the end of the script.
    pub fn next_command(&mut self) -> Result<Option<List>> {
        loop {
            self.blanks();
            match self.peek() {
                None => return Ok(None),
                Some('\n') => self.newline()?,
                Some(_) => break,
            }
        }
        let list = self.line_list()?;
        self.blanks();
        if self.more && self.at >= self.chars.len() && self.chars.ends_with(&['\\', '\n']) {
            return Err(self.fault(Fault::EndOfFile, self.line));
        }
        match self.peek() {
            None => self.end_of_here()?,
            Some('\n') => self.newline()?,
            Some(_) => return Err(self.unexpected()),
        }
        Ok(Some(list))
    }

    /// Everything, for `$(…)` in backquotes and the like.
    pub fn whole(&mut self) -> Result<List> {
        let mut all = List::default();
        while let Some(list) = self.next_command()? {
            all.items.extend(list.items);
        }
        Ok(all)
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        self.line += u32::from(next == '\n');
        Some(next)
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c))
    }

    fn skip(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            for _ in text.chars() {
                self.bump();
            }
        }
        found
    }

    /// Skips blanks, continued lines and a comment.
    fn blanks(&mut self) {
        loop {
            match (self.peek(), self.peek_at(1)) {
                (Some(' ' | '\t'), _) => drop(self.bump()),
                (Some('\\'), Some('\n')) => drop((self.bump(), self.bump())),
                (Some('#'), _) => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.bump();
                    }
                }
                _ => return,
            }
        }
    }

    /// A newline, and the here-documents that begin after it.
    fn newline(&mut self) -> Result<()> {
        self.bump();
        self.read_here_bodies()
    }

    /// Skips blanks and newlines.
    fn newlines(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if self.peek() != Some('\n') {
                return Ok(());
            }
            self.newline()?;
        }
    }

    /// The operator that stands here; the dialect may not have it.
    fn operator(&self) -> Option<&'static str> {
        OPERATORS.iter().copied().find(|operator| {
            let bash_only = matches!(*operator, "&>>" | "<<<" | ";;&" | ";&" | "&>" | "|&");
            (self.dialect == Dialect::Bash || !bash_only) && self.looking_at(operator)
        })
    }

    /// Skips blanks, then that operator (exactly that one, not the start of a longer one).
    fn take_operator(&mut self, wanted: &str) -> bool {
        self.blanks();
        let found = self.operator() == Some(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err(self.said(format!("syntax error: more than {NESTING} constructs inside one another")));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn said(&self, words: impl Into<String>) -> SyntaxError {
        self.fault(Fault::Said(words.into()), self.line)
    }

    fn unclosed(&self, wanted: char, line: u32) -> SyntaxError {
        self.fault(Fault::Unclosed(wanted), line)
    }

    fn fault(&self, fault: Fault, line: u32) -> SyntaxError {
        let start =
            self.chars[..self.at.min(self.chars.len())].iter().rposition(|c| *c == '\n').map_or(0, |n| n + 1);
        let text = self.chars[start..].iter().take_while(|c| **c != '\n').collect();
        SyntaxError { fault, line, text }
    }

    /// What stands here is out of place.
    fn unexpected(&mut self) -> SyntaxError {
        self.blanks();
        let (start, line) = (self.at, self.line);
        if self.peek().is_none() {
            return self.fault(Fault::EndOfFile, line + u32::from(self.chars.last() != Some(&'\n')));
        }
        let token = match self.operator() {
            Some("\n") => "newline".to_owned(),
            Some(operator) => operator.to_owned(),
            None => match self.word() {
                Ok(_) => self.chars[start..self.at].iter().collect(),
                Err(error) => return error,
            },
        };
        self.at = start;
        self.fault(Fault::Token(token), line)
    }
}
