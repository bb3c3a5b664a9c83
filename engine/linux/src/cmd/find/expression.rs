//! The expression of `find`: tests, actions and what joins them.

use crate::cmd::chmod;
use crate::cmd::long::Names;
use crate::cmd::tool::quoted;
use crate::fs::FileKind;
use crate::regex::{Regex, Syntax};

/// Parentheses and negations inside one another.
const NESTING: usize = 100;

/// `+5`, `-5`, `5`
#[derive(Clone, Copy, Debug)]
pub struct Count {
    sign: Option<char>,
    value: u64,
}

impl Count {
    fn parse(text: &str) -> Option<Count> {
        let sign = text.chars().next().filter(|sign| matches!(sign, '+' | '-'));
        let value = text[sign.map_or(0, |_| 1)..].parse().ok()?;
        Some(Count { sign, value })
    }

    pub fn holds(self, value: u64) -> bool {
        match self.sign {
            Some('+') => value > self.value,
            Some(_) => value < self.value,
            None => value == self.value,
        }
    }
}

/// What `-size` counts in.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    Bytes(u64),
}

pub enum Test {
    Constant(bool),
    Name(String, bool),
    Path(String, bool),
    LinkName(String, bool),
    Regex(Regex),
    Kind(Vec<FileKind>),
    Empty,
    Size(Count, Unit),
    Perm(char, u16),
    User(u32),
    Group(u32),
    Links(Count),
    Inode(Count),
    /// So many units of so many seconds ago.
    Age(Count, u64),
    Newer(String),
    Same(String),
    May(u8),
}

pub enum Action {
    Print(char),
    Printf(String),
    List,
    Prune,
    Quit,
    Delete,
    Exec { command: Vec<String>, in_directory: bool },
    Batch { number: usize, command: Vec<String> },
}

pub enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Comma(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Test(Test),
    Action(Action),
}

pub struct Plan {
    pub expression: Expression,
    pub max_depth: Option<usize>,
    pub min_depth: usize,
    pub depth_first: bool,
    pub follow: Option<char>,
    /// Files that tests compare with.
    pub references: Vec<String>,
    batches: Vec<Vec<String>>,
}

impl Plan {
    /// The error is what `find` says.
    pub fn parse(words: &[String], names: &Names) -> Result<Plan, String> {
        let plan = Plan {
            expression: Expression::Test(Test::Constant(true)),
            max_depth: None,
            min_depth: 0,
            depth_first: false,
            follow: None,
            references: Vec::new(),
            batches: Vec::new(),
        };
        let mut parser = Parser { words, at: 0, names, plan, acts: false, nesting: 0 };
        let expression = if words.is_empty() { None } else { Some(parser.comma()?) };
        if let Some(word) = parser.words.get(parser.at) {
            return Err(match word.as_str() {
                ")" => "invalid expression; you have too many ')'".to_owned(),
                word => format!("paths must precede expression: `{word}'"),
            });
        }
        let print = Expression::Action(Action::Print('\n'));
        let Parser { mut plan, acts, .. } = parser;
        plan.expression = match expression {
            None => print,
            Some(expression) if acts => expression,
            Some(expression) => Expression::And(Box::new(expression), Box::new(print)),
        };
        Ok(plan)
    }

    /// The command of `-exec … +` with that number.
    pub fn batch(&self, number: usize) -> Option<Vec<String>> {
        self.batches.get(number).cloned()
    }
}

struct Parser<'a> {
    words: &'a [String],
    at: usize,
    names: &'a Names,
    plan: Plan,
    /// There is an action other than -prune and -quit, so nothing is printed unasked.
    acts: bool,
    nesting: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn value(&mut self, option: &str) -> Result<String, String> {
        let value =
            self.words.get(self.at).cloned().ok_or_else(|| format!("missing argument to `{option}'"))?;
        self.at += 1;
        Ok(value)
    }

    fn comma(&mut self) -> Result<Expression, String> {
        let mut left = self.or()?;
        while self.peek() == Some(",") {
            self.at += 1;
            self.operand_after(",")?;
            left = Expression::Comma(Box::new(left), Box::new(self.or()?));
        }
        Ok(left)
    }

    fn or(&mut self) -> Result<Expression, String> {
        let mut left = self.and()?;
        while let Some(word @ ("-o" | "-or")) = self.peek().map(str::to_owned).as_deref() {
            self.at += 1;
            self.operand_after(word)?;
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn operand_after(&self, operator: &str) -> Result<(), String> {
        match self.peek() {
            Some(_) => Ok(()),
            None => Err(format!("expected an expression after '{operator}'")),
        }
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.not()?;
        loop {
            match self.peek() {
                None | Some("-o" | "-or" | ")" | ",") => return Ok(left),
                Some(word @ ("-a" | "-and")) => {
                    let word = word.to_owned();
                    self.at += 1;
                    self.operand_after(&word)?;
                }
                Some(_) => {}
            }
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
    }

    fn not(&mut self) -> Result<Expression, String> {
        let Some(word) = self.peek().map(str::to_owned) else {
            return Err("expected an expression".to_owned());
        };
        match word.as_str() {
            "!" | "-not" => {
                self.at += 1;
                self.operand_after(&word)?;
                self.deeper()?;
                let inner = self.not()?;
                self.nesting -= 1;
                Ok(Expression::Not(Box::new(inner)))
            }
            "(" => {
                self.at += 1;
                self.deeper()?;
                if self.peek() == Some(")") {
                    return Err("invalid expression; empty parentheses are not allowed.".to_owned());
                }
                let missing =
                    "invalid expression; I was expecting to find a ')' somewhere but did not see one.";
                if self.peek().is_none() {
                    return Err(missing.to_owned());
                }
                let inner = self.comma()?;
                if self.peek() != Some(")") {
                    return Err(missing.to_owned());
                }
                self.at += 1;
                self.nesting -= 1;
                Ok(inner)
            }
            "-o" | "-or" | "-a" | "-and" | "," => Err(format!(
                "invalid expression; you have used a binary operator '{word}' with nothing before it."
            )),
            _ => self.primary(),
        }
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.nesting += 1;
        if self.nesting > NESTING {
            Err("invalid expression; it is nested too deeply".to_owned())
        } else {
            Ok(())
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let word = self.value("")?;
        let test = match word.as_str() {
            "-name" => Test::Name(self.value(&word)?, false),
            "-iname" => Test::Name(self.value(&word)?, true),
            "-path" | "-wholename" => Test::Path(self.value(&word)?, false),
            "-ipath" | "-iwholename" => Test::Path(self.value(&word)?, true),
            "-lname" => Test::LinkName(self.value(&word)?, false),
            "-ilname" => Test::LinkName(self.value(&word)?, true),
            "-regex" | "-iregex" => {
                let pattern = self.value(&word)?;
                let regex = Regex::new(&pattern, Syntax::Basic, word == "-iregex");
                Test::Regex(
                    regex.map_err(|words| {
                        format!("failed to compile regular expression '{pattern}': {words}")
                    })?,
                )
            }
            "-type" => Test::Kind(kinds(&self.value(&word)?)?),
            "-empty" => Test::Empty,
            "-true" => Test::Constant(true),
            "-false" => Test::Constant(false),
            "-readable" => Test::May(4),
            "-writable" => Test::May(2),
            "-executable" => Test::May(1),
            "-size" => self.size()?,
            "-perm" => self.perm()?,
            "-user" | "-uid" => {
                let name = self.value(&word)?;
                let uid = self.names.uid(&name).or_else(|| name.parse().ok());
                Test::User(uid.ok_or_else(|| format!("{} is not the name of a known user", quoted(&name)))?)
            }
            "-group" | "-gid" => {
                let name = self.value(&word)?;
                let gid = self.names.gid(&name).or_else(|| name.parse().ok());
                let words = format!("{} is not the name of an existing group", quoted(&name));
                Test::Group(gid.ok_or(words)?)
            }
            "-links" => Test::Links(self.count(&word)?),
            "-inum" => Test::Inode(self.count(&word)?),
            "-mmin" | "-cmin" => Test::Age(self.count(&word)?, 60),
            "-mtime" | "-ctime" => Test::Age(self.count(&word)?, 86_400),
            "-newer" | "-cnewer" => {
                let path = self.value(&word)?;
                self.plan.references.push(path.clone());
                Test::Newer(path)
            }
            "-samefile" => {
                let path = self.value(&word)?;
                self.plan.references.push(path.clone());
                Test::Same(path)
            }
            _ => return self.option_or_action(&word),
        };
        Ok(Expression::Test(test))
    }

    fn option_or_action(&mut self, word: &str) -> Result<Expression, String> {
        let action = match word {
            "-print" => Action::Print('\n'),
            "-print0" => Action::Print('\0'),
            "-printf" => Action::Printf(self.value(word)?),
            "-ls" => Action::List,
            "-delete" => {
                self.plan.depth_first = true;
                Action::Delete
            }
            "-exec" | "-execdir" => self.exec(word)?,
            "-prune" => return Ok(Expression::Action(Action::Prune)),
            "-quit" => return Ok(Expression::Action(Action::Quit)),
            "-depth" | "-d" => {
                self.plan.depth_first = true;
                return Ok(Expression::Test(Test::Constant(true)));
            }
            "-follow" => {
                self.plan.follow = Some('L');
                return Ok(Expression::Test(Test::Constant(true)));
            }
            "-noleaf" | "-warn" | "-nowarn" | "-mount" | "-xdev" => {
                return Ok(Expression::Test(Test::Constant(true)));
            }
            "-maxdepth" | "-mindepth" => {
                let text = self.value(word)?;
                let depth = text.parse().map_err(|_| {
                    format!(
                        "Expected a positive decimal integer argument to {word}, but got {}",
                        quoted(&text)
                    )
                })?;
                match word {
                    "-maxdepth" => self.plan.max_depth = Some(depth),
                    _ => self.plan.min_depth = depth,
                }
                return Ok(Expression::Test(Test::Constant(true)));
            }
            "-ok"
            | "-okdir"
            | "-fprint"
            | "-fprint0"
            | "-fprintf"
            | "-fls"
            | "-fstype"
            | "-regextype"
            | "-amin"
            | "-atime"
            | "-anewer"
            | "-used"
            | "-newermt"
            | "-daystart"
            | "-files0-from"
            | "-nouser"
            | "-nogroup"
            | "-ignore_readdir_race"
            | "-context"
            | "-xtype" => {
                return Err(format!("{word}: not simulated in vethlab; use -name, -type, -mtime or -exec"));
            }
            word if word.starts_with('-') && word.len() > 1 => {
                return Err(format!("unknown predicate `{word}'"));
            }
            word => return Err(format!("paths must precede expression: `{word}'")),
        };
        self.acts = true;
        Ok(Expression::Action(action))
    }

    fn count(&mut self, option: &str) -> Result<Count, String> {
        let text = self.value(option)?;
        Count::parse(&text).ok_or_else(|| format!("invalid argument `{text}' to `{option}'"))
    }

    fn size(&mut self) -> Result<Test, String> {
        let text = self.value("-size")?;
        let (digits, unit) = match text.chars().last() {
            Some('c') => (&text[..text.len() - 1], 1),
            Some('w') => (&text[..text.len() - 1], 2),
            Some('b') => (&text[..text.len() - 1], 512),
            Some('k') => (&text[..text.len() - 1], 1 << 10),
            Some('M') => (&text[..text.len() - 1], 1 << 20),
            Some('G') => (&text[..text.len() - 1], 1 << 30),
            Some(letter) if letter.is_alphabetic() => return Err(format!("invalid -size type `{letter}'")),
            _ => (text.as_str(), 512),
        };
        let count = Count::parse(digits).ok_or_else(|| format!("Invalid argument `{text}' to -size"))?;
        Ok(Test::Size(count, Unit::Bytes(unit)))
    }

    fn perm(&mut self) -> Result<Test, String> {
        let text = self.value("-perm")?;
        let how = text.chars().next().filter(|how| matches!(how, '-' | '/')).unwrap_or('=');
        let mode = if how == '=' { &text[..] } else { &text[1..] };
        match chmod::parse(mode, 0, 0, false) {
            Some(mode) => Ok(Test::Perm(how, mode)),
            None => Err(format!("invalid mode {}", quoted(&text))),
        }
    }

    fn exec(&mut self, option: &str) -> Result<Action, String> {
        let mut command = Vec::new();
        loop {
            let word = self.value(option)?;
            match word.as_str() {
                ";" => break,
                "+" if command.last().is_some_and(|last| last == "{}") => {
                    command.pop();
                    if option == "-execdir" {
                        return Err("-execdir … +: not simulated in vethlab; use \\;".to_owned());
                    }
                    let number = self.plan.batches.len();
                    self.plan.batches.push(command.clone());
                    return Ok(Action::Batch { number, command });
                }
                _ => command.push(word),
            }
        }
        if command.is_empty() {
            return Err(format!("invalid argument `;' to `{option}'"));
        }
        Ok(Action::Exec { command, in_directory: option == "-execdir" })
    }
}

fn kinds(text: &str) -> Result<Vec<FileKind>, String> {
    if text.is_empty() {
        return Err("Arguments to -type should contain at least one letter".to_owned());
    }
    text.split(',')
        .map(|letter| match letter {
            "f" => Ok(FileKind::File),
            "d" => Ok(FileKind::Directory),
            "l" => Ok(FileKind::Symlink),
            "c" => Ok(FileKind::CharacterDevice),
            "p" => Ok(FileKind::Fifo),
            "s" => Ok(FileKind::Socket),
            other if other.chars().count() > 1 => {
                Err("Must separate multiple arguments to -type using: ','".to_owned())
            }
            other => Err(format!("Unknown argument to -type: {other}")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_expressions_are_told_as_find_tells_them() {
        let names = Names::default();
        let told = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Plan::parse(&words, &names).err().unwrap_or_default()
        };
        assert_eq!(told("-name"), "missing argument to `-name'");
        assert_eq!(told("-frob"), "unknown predicate `-frob'");
        assert_eq!(told("-name a -exec echo {}"), "missing argument to `-exec'");
        assert_eq!(told("!"), "expected an expression after '!'");
        assert_eq!(told("-name f ( -print").split(';').next(), Some("invalid expression"));
        assert!(!told(&"! ".repeat(10_000)).is_empty());
        assert_eq!(told("-name a -o ( -type f -print )"), "");
    }
}
