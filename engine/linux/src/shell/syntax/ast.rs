//! What a script says, as a tree: lists of pipelines of commands made of words.
//!
//! Always: a tree is never changed once it is read, so loops, functions and subshells share it.
//! Source: bash(1), "SHELL GRAMMAR".

use std::cell::OnceCell;
use std::rc::Rc;

/// Commands joined by `;`, `&` or newlines.
#[derive(Debug, Default)]
pub struct List {
    pub items: Vec<Item>,
}

#[derive(Debug)]
pub struct Item {
    pub and_or: Rc<AndOr>,
    /// It ended in `&`.
    pub background: bool,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub struct AndOr {
    pub first: Pipeline,
    pub rest: Vec<(Join, Pipeline)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    And,
    Or,
}

#[derive(Debug)]
pub struct Pipeline {
    pub negated: bool,
    pub timed: Option<TimeFormat>,
    /// None where only `!` or `time` was written.
    pub commands: Vec<Rc<Command>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    Bash,
    /// `time -p`
    Posix,
}

#[derive(Debug)]
pub struct Command {
    pub kind: Kind,
    pub redirects: Vec<Redirect>,
    pub line: u32,
}

#[derive(Debug)]
pub enum Kind {
    Simple(Simple),
    Group(List),
    Subshell(Rc<List>),
    If {
        branches: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    For {
        variable: String,
        /// `None`: the positional parameters.
        words: Option<Vec<Word>>,
        body: List,
    },
    Select {
        variable: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    ArithmeticFor {
        start: Word,
        check: Word,
        step: Word,
        body: List,
    },
    While {
        until: bool,
        check: List,
        body: List,
    },
    Case {
        subject: Word,
        arms: Vec<Arm>,
    },
    Function {
        name: String,
        body: Rc<Command>,
    },
    /// `(( … ))`
    Arithmetic(Word),
    /// `[[ … ]]`
    Conditional(Condition),
}

#[derive(Debug)]
pub struct Arm {
    pub patterns: Vec<Word>,
    pub body: List,
    pub end: ArmEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmEnd {
    /// `;;`
    Leave,
    /// `;&`
    FallThrough,
    /// `;;&`
    TestNext,
}

#[derive(Debug, Default)]
pub struct Simple {
    pub assignments: Vec<Assignment>,
    pub words: Vec<Argument>,
}

/// A word of a command; `declare`, `local`, `export` and their like take assignments too.
#[derive(Debug)]
pub enum Argument {
    Word(Word),
    Assignment(Assignment),
}

#[derive(Debug)]
pub struct Assignment {
    pub name: String,
    pub index: Option<Word>,
    /// `+=`
    pub append: bool,
    pub value: Value,
    /// As it was written.
    pub source: String,
}

impl Argument {
    pub fn source(&self) -> &str {
        match self {
            Argument::Word(word) => &word.source,
            Argument::Assignment(assignment) => &assignment.source,
        }
    }
}

#[derive(Debug)]
pub enum Value {
    Scalar(Word),
    /// `(a b [5]=c)`
    Array(Vec<(Option<Word>, Word)>),
}

#[derive(Debug)]
pub struct Redirect {
    pub fd: Option<RedirectFd>,
    pub kind: RedirectKind,
}

#[derive(Debug)]
pub enum RedirectFd {
    Number(i32),
    /// `{name}>file`
    Variable(String),
}

#[derive(Debug)]
pub enum RedirectKind {
    Input(Word),
    Output {
        to: Word,
        clobber: bool,
    },
    Append(Word),
    ReadWrite(Word),
    DuplicateInput(Word),
    DuplicateOutput(Word),
    /// `&>` and `&>>`
    Both {
        to: Word,
        append: bool,
    },
    Here(Rc<HereDocument>),
    HereString(Word),
}

/// `<<delimiter`
#[derive(Debug)]
pub struct HereDocument {
    pub delimiter: String,
    pub quoted: bool,
    pub strip_tabs: bool,
    /// It stands after the line, so it is filled in later.
    pub body: OnceCell<Word>,
}

#[derive(Debug)]
pub enum Condition {
    Word(Word),
    /// `( … )`
    Group(Box<Condition>),
    Unary(String, Word),
    Binary(Word, String, Word),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Clone, Debug, Default)]
pub struct Word {
    pub parts: Vec<Part>,
    /// As it was written; of a here-document and of arithmetic, what stands between the delimiters.
    pub source: String,
}

#[derive(Clone, Debug)]
pub enum Part {
    /// Unquoted: patterns, braces and `~` are special in it.
    Text(String),
    /// Quoted by `'…'`, `\` or inside `"…"`.
    Quoted(String),
    /// `"…"`
    Double(Vec<Part>),
    Parameter(Rc<Parameter>),
    /// `$(…)`
    Substitution(Rc<List>),
    /// `` `…` ``, read when it is expanded.
    Backquoted(String),
    /// `$((…))`
    Arithmetic(Rc<Word>),
    /// `<(…)` (reading) and `>(…)`
    Process {
        reading: bool,
        list: Rc<List>,
    },
    /// A `${…}` that means nothing; an error when it is expanded.
    Bad(String),
}

/// `${…}`
#[derive(Debug)]
pub struct Parameter {
    pub name: String,
    pub index: Option<Index>,
    /// `${!name}`
    pub indirect: bool,
    /// `$name`, without braces.
    pub bare: bool,
    pub operation: Operation,
}

impl Parameter {
    pub fn bare(name: String) -> Parameter {
        Parameter { name, index: None, indirect: false, bare: true, operation: Operation::None }
    }
}

#[derive(Debug)]
pub enum Index {
    /// `[@]`
    All,
    /// `[*]`
    Joined,
    Of(Word),
}

#[derive(Debug)]
pub enum Operation {
    None,
    /// `${#name}`
    Length,
    /// `-`
    Default {
        unless_empty: bool,
        word: Word,
    },
    /// `=`
    Assign {
        unless_empty: bool,
        word: Word,
    },
    /// `?`
    Error {
        unless_empty: bool,
        word: Word,
    },
    /// `+`
    Alternative {
        unless_empty: bool,
        word: Word,
    },
    /// `#`, `##`
    RemovePrefix {
        longest: bool,
        pattern: Word,
    },
    /// `%`, `%%`
    RemoveSuffix {
        longest: bool,
        pattern: Word,
    },
    Replace {
        place: ReplacePlace,
        pattern: Word,
        with: Word,
    },
    Substring {
        offset: Word,
        length: Option<Word>,
    },
    /// `^`, `^^`, `,`, `,,`, `~`, `~~`
    Case {
        /// `None`: the other case.
        upper: Option<bool>,
        all: bool,
        pattern: Option<Word>,
    },
    /// `${name@Q}`
    Transform(char),
    /// `${!prefix*}` (joined) and `${!prefix@}`
    Names {
        joined: bool,
    },
    /// `${!name[@]}`
    Keys {
        joined: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplacePlace {
    First,
    All,
    Start,
    End,
}

impl Word {
    pub fn text(text: impl Into<String>) -> Word {
        let text = text.into();
        Word { source: text.clone(), parts: vec![Part::Text(text)] }
    }

    /// The word where it is plain text without quotes or expansions.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}
