//! A sed script as a list of steps.
//!
//! Source: sed.info, "sed scripts".

use crate::regex::Regex;

#[derive(Clone, Debug)]
pub(super) enum Address {
    Line(usize),
    /// `first~step`
    Step(usize, usize),
    Last,
    /// `None` is the last expression used (`//`).
    Match(Option<Regex>),
    /// `addr,+n`
    Plus(usize),
    /// `addr,~n`
    Multiple(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub first: Option<Address>,
    pub second: Option<Address>,
    pub negated: bool,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    /// `{`: where its `}` stands.
    Block(usize),
    EndBlock,
    Append(String),
    Insert(String),
    Change(String),
    Branch(String),
    BranchIf(String),
    BranchUnless(String),
    Label,
    Delete,
    DeleteFirst,
    Print,
    PrintFirst,
    List,
    Next,
    NextAppend,
    Hold,
    HoldAppend,
    Get,
    GetAppend,
    Exchange,
    LineNumber,
    Quit(u8, bool),
    Read(String),
    Write(String),
    Zap,
    Substitute(Box<Substitute>),
    Translate(Vec<(char, char)>),
}

#[derive(Clone, Debug)]
pub(super) struct Substitute {
    pub regex: Option<Regex>,
    pub with: Vec<Piece>,
    pub global: bool,
    pub print: u32,
    pub number: usize,
    pub write: Option<String>,
}

/// A piece of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `&` is group 0.
    Group(usize),
    Case(char),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub steps: Vec<Step>,
    /// Labels with where they stand.
    pub labels: Vec<(String, usize)>,
    /// `#n` in the first line.
    pub quiet: bool,
}
