//! An awk program as a tree.
//!
//! Always: a tree is never changed once it is read.
//! Source: POSIX.1-2017, awk, "Grammar".

use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Number(f64),
    Text(Rc<str>),
    Regex(Rc<str>),
    Variable(String),
    Field(Box<Expression>),
    Element(String, Vec<Expression>),
    Assign(Box<Expression>, &'static str, Box<Expression>),
    Conditional(Box<Expression>, Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    In(Vec<Expression>, String),
    Match(Box<Expression>, bool, Box<Expression>),
    Compare(Box<Expression>, &'static str, Box<Expression>),
    Concatenate(Box<Expression>, Box<Expression>),
    Arithmetic(Box<Expression>, &'static str, Box<Expression>),
    Unary(&'static str, Box<Expression>),
    /// `++`/`--` by that much, before or after.
    Step(Box<Expression>, f64, bool),
    Call(String, Vec<Expression>),
    Builtin(String, Vec<Expression>),
    /// `getline [target] [< file]`
    Getline(Option<Box<Expression>>, Option<Box<Expression>>),
    /// `command | getline [target]`
    GetlineFrom(Box<Expression>, Option<Box<Expression>>),
    /// `(a, b)` before `in`, or of print.
    Group(Vec<Expression>),
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Expression(Expression),
    Print(Vec<Expression>, Option<(&'static str, Expression)>),
    Printf(Vec<Expression>, Option<(&'static str, Expression)>),
    If(Expression, Box<Statement>, Option<Box<Statement>>),
    While(Expression, Box<Statement>),
    Do(Box<Statement>, Expression),
    For(Option<Box<Statement>>, Option<Expression>, Option<Box<Statement>>, Box<Statement>),
    ForIn(String, String, Box<Statement>),
    Block(Vec<Statement>),
    Next,
    NextFile,
    Exit(Option<Expression>),
    Return(Option<Expression>),
    Break,
    Continue,
    Delete(String, Option<Vec<Expression>>),
}

#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Begin,
    End,
    Always,
    If(Expression),
    /// From one line to another; its number among the ranges.
    Range(Expression, Expression, usize),
}

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub parameters: Vec<String>,
    pub body: Vec<Statement>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    /// Without an action the line is printed.
    pub rules: Vec<(Pattern, Option<Rc<Statement>>)>,
    pub functions: BTreeMap<String, Rc<Function>>,
    pub ranges: usize,
}
