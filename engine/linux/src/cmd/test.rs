//! `test`, `[`: check files, strings and numbers. Source: test(1), coreutils; bash(1).
//! ```transcript
//! host# [ -d /etc -a 3 -gt 2 ] && echo yes
//! yes
//! ```

use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::sys::Sys;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

pub const TEST: Command = Command {
    name: "test",
    path: "/usr/bin/test",
    man: "test(1)",
    run: |sys, args| Box::pin(run(sys, args)),
};
pub const BRACKET: Command =
    Command { name: "[", path: "/usr/bin/[", man: "test(1)", run: |sys, args| Box::pin(run(sys, args)) };

/// Parentheses and `!` inside one another; more are an error.
const NESTING: usize = 40;

async fn run(sys: Sys, args: Args) -> Exit {
    let name = args.name().rsplit('/').next().unwrap_or_default().to_owned();
    let words = match (name.as_str(), args.rest().split_last()) {
        ("[", Some((last, rest))) if last == "]" => rest,
        ("[", _) => {
            sys.eprint("[: missing ']'\n").await;
            return Exit(2);
        }
        _ => args.rest(),
    };
    match evaluate(&sys, words, &BTreeSet::new()).await {
        Ok(holds) => Exit(u8::from(!holds)),
        Err(fault) => {
            sys.eprint(format!("{name}: {}\n", fault.coreutils())).await;
            Exit(2)
        }
    }
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Integer(String),
    Unary(String),
    Binary(String),
    Missing(String),
    Argument(String),
    TooMany(String),
}

impl Fault {
    pub fn bash(&self) -> String {
        match self {
            Fault::Integer(word) => format!("{word}: integer expression expected"),
            Fault::Unary(word) => format!("{word}: unary operator expected"),
            Fault::Binary(word) => format!("{word}: binary operator expected"),
            Fault::Missing(word) => format!("`{word}' expected"),
            Fault::Argument(_) => "argument expected".to_owned(),
            Fault::TooMany(_) => "too many arguments".to_owned(),
        }
    }

    pub fn dash(&self) -> String {
        match self {
            Fault::Integer(word) => format!("Illegal number: {word}"),
            Fault::Unary(word) | Fault::Binary(word) | Fault::TooMany(word) => {
                format!("{word}: unexpected operator")
            }
            Fault::Missing(_) => "closing paren expected".to_owned(),
            Fault::Argument(_) => "argument expected".to_owned(),
        }
    }

    fn coreutils(&self) -> String {
        match self {
            Fault::Integer(word) => format!("invalid integer '{word}'"),
            Fault::Unary(word) => format!("'{word}': unary operator expected"),
            Fault::Binary(word) => format!("'{word}': binary operator expected"),
            Fault::Missing(word) => format!("'{word}' expected"),
            Fault::Argument(word) => format!("missing argument after '{word}'"),
            Fault::TooMany(word) => format!("extra argument '{word}'"),
        }
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<bool, Fault>> + 'a>>;

struct Reader<'a> {
    sys: &'a Sys,
    words: &'a [String],
    at: usize,
    depth: usize,
    /// Names that `-v` finds set.
    variables: &'a BTreeSet<String>,
}

const BINARY: &[&str] =
    &["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "-a", "-o"];

fn is_unary(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-') && "abcdefghknoprstuvwxzGLNOSR".contains(&word[1..])
}

/// Does the expression hold?
pub async fn evaluate(sys: &Sys, words: &[String], variables: &BTreeSet<String>) -> Result<bool, Fault> {
    let mut reader = Reader { sys, words, at: 0, depth: 0, variables };
    reader.by_count(words.len()).await
}

impl<'a> Reader<'a> {
    fn word(&self, ahead: usize) -> &'a str {
        self.words.get(self.at + ahead).map_or("", String::as_str)
    }

    /// POSIX says what up to four arguments mean.
    fn by_count<'s>(&'s mut self, count: usize) -> Answer<'s> {
        Box::pin(async move {
            match count {
                0 => Ok(false),
                1 => Ok(!self.word(0).is_empty()),
                2 if self.word(0) == "!" => Ok(self.word(1).is_empty()),
                2 if is_unary(self.word(0)) => self.unary().await,
                2 => Err(Fault::Unary(self.word(0).to_owned())),
                3 if BINARY.contains(&self.word(1)) => self.binary().await,
                3 if self.word(0) == "!" => {
                    self.at += 1;
                    Ok(!self.by_count(2).await?)
                }
                3 if self.word(0) == "(" && self.word(2) == ")" => Ok(!self.word(1).is_empty()),
                3 => Err(Fault::Binary(self.word(1).to_owned())),
                4 if self.word(0) == "!" => {
                    self.at += 1;
                    Ok(!self.by_count(3).await?)
                }
                4 if self.word(0) == "(" && self.word(3) == ")" => {
                    self.at += 1;
                    self.by_count(2).await
                }
                _ => {
                    let holds = self.or().await?;
                    match self.words.get(self.at) {
                        None => Ok(holds),
                        Some(word) => Err(Fault::TooMany(word.clone())),
                    }
                }
            }
        })
    }

    fn or<'s>(&'s mut self) -> Answer<'s> {
        Box::pin(async move {
            let mut holds = self.and().await?;
            while self.word(0) == "-o" {
                self.at += 1;
                holds |= self.and().await?;
            }
            Ok(holds)
        })
    }

    async fn and(&mut self) -> Result<bool, Fault> {
        let mut holds = self.term().await?;
        while self.word(0) == "-a" {
            self.at += 1;
            holds &= self.term().await?;
        }
        Ok(holds)
    }

    fn term<'s>(&'s mut self) -> Answer<'s> {
        Box::pin(async move {
            self.depth += 1;
            if self.depth > NESTING {
                return Err(Fault::TooMany(self.word(0).to_owned()));
            }
            let left = self.words.len() - self.at.min(self.words.len());
            let holds = match self.word(0) {
                _ if left == 0 => Err(Fault::Argument(self.words.last().cloned().unwrap_or_default())),
                "!" => {
                    self.at += 1;
                    Ok(!self.term().await?)
                }
                "(" => {
                    self.at += 1;
                    let holds = self.or().await?;
                    if self.word(0) != ")" {
                        return Err(Fault::Missing(")".to_owned()));
                    }
                    self.at += 1;
                    Ok(holds)
                }
                _ if left >= 3 && BINARY[..14].contains(&self.word(1)) => {
                    let holds = self.binary().await;
                    self.at += 3;
                    holds
                }
                word if left >= 2 && is_unary(word) => {
                    let holds = self.unary().await;
                    self.at += 2;
                    holds
                }
                word => {
                    self.at += 1;
                    Ok(!word.is_empty())
                }
            };
            self.depth -= 1;
            holds
        })
    }

    async fn unary(&mut self) -> Result<bool, Fault> {
        let (operator, word) = (self.word(0), self.word(1));
        Ok(match operator {
            "-z" => word.is_empty(),
            "-n" => !word.is_empty(),
            "-v" => self.variables.contains(word),
            "-o" | "-R" => false,
            "-t" => self.sys.is_tty(number(word)?.try_into().unwrap_or(-1)).await,
            operator => file(self.sys, operator, word).await,
        })
    }

    async fn binary(&mut self) -> Result<bool, Fault> {
        let (left, operator, right) = (self.word(0), self.word(1), self.word(2));
        Ok(match operator {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "-a" => !left.is_empty() && !right.is_empty(),
            "-o" => !left.is_empty() || !right.is_empty(),
            "-nt" | "-ot" | "-ef" => compare_files(self.sys, left, operator, right).await,
            _ => compare(number(left)?, operator, number(right)?),
        })
    }
}

fn number(word: &str) -> Result<i64, Fault> {
    let trimmed = word.trim();
    let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
    digits.parse().map_err(|_| Fault::Integer(word.to_owned()))
}

/// `-eq`, `-lt` and their like.
pub fn compare(left: i64, operator: &str, right: i64) -> bool {
    match operator {
        "-eq" => left == right,
        "-ne" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        _ => left >= right,
    }
}

/// `-f` and its like.
pub async fn file(sys: &Sys, operator: &str, path: &str) -> bool {
    match operator {
        "-r" => return sys.access(path, 4).await,
        "-w" => return sys.access(path, 2).await,
        "-x" => return sys.access(path, 1).await,
        "-t" => return sys.is_tty(path.parse().unwrap_or(-1)).await,
        _ => {}
    }
    let stat = if let "-h" | "-L" = operator { sys.lstat(path).await } else { sys.stat(path).await };
    let Ok(stat) = stat else { return false };
    match operator {
        "-a" | "-e" => true,
        "-f" => stat.kind == FileKind::File,
        "-d" => stat.kind == FileKind::Directory,
        "-h" | "-L" => stat.kind == FileKind::Symlink,
        "-c" => stat.kind == FileKind::CharacterDevice,
        "-p" => stat.kind == FileKind::Fifo,
        "-S" => stat.kind == FileKind::Socket,
        "-s" => stat.size > 0,
        "-u" => stat.mode & 0o4000 != 0,
        "-g" => stat.mode & 0o2000 != 0,
        "-k" => stat.mode & 0o1000 != 0,
        "-O" | "-G" => stat.uid == sys.uid().await,
        _ => false,
    }
}

/// `-nt`, `-ot`, `-ef`
pub async fn compare_files(sys: &Sys, left: &str, operator: &str, right: &str) -> bool {
    let (left, right) = (sys.stat(left).await, sys.stat(right).await);
    match (operator, left, right) {
        ("-ef", Ok(left), Ok(right)) => left.inode == right.inode,
        ("-nt", Ok(left), Ok(right)) => left.modified > right.modified,
        ("-ot", Ok(left), Ok(right)) => left.modified < right.modified,
        ("-nt", Ok(_), Err(_)) | ("-ot", Err(_), Ok(_)) => true,
        _ => false,
    }
}
