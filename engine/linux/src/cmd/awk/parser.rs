//! An awk program as a tree.
//!
//! Source: POSIX.1-2017, awk, "Grammar".

use super::lexer::{Lexer, Token};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Expressions and statements inside one another.
const NESTING: usize = 60;

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

struct Parser {
    lexer: Lexer,
    token: Token,
    depth: usize,
    /// `>` is a redirection, not a comparison.
    no_greater: bool,
    /// `in` belongs to `for (k in a)`.
    no_in: bool,
}

type Parsed<T> = Result<T, String>;

pub(super) fn parse(text: &str) -> Parsed<Program> {
    let mut parser =
        Parser { lexer: Lexer::new(text), token: Token::End, depth: 0, no_greater: false, no_in: false };
    parser.advance()?;
    let mut program = Program::default();
    loop {
        parser.terminators()?;
        if parser.token == Token::End {
            break;
        }
        parser.item(&mut program)?;
    }
    Ok(program)
}

impl Parser {
    fn advance(&mut self) -> Parsed<()> {
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn fault(&self) -> String {
        let near = match &self.token {
            Token::Number(number) => number.to_string(),
            Token::Text(text) => format!("\"{text}\""),
            Token::Regex(text) => format!("/{text}/"),
            Token::Name(name) | Token::Call(name) => name.clone(),
            Token::Keyword(word) => (*word).to_owned(),
            Token::Operator(operator) => (*operator).to_owned(),
            Token::Newline => "\n".to_owned(),
            Token::End => return format!("line {}: syntax error at or near end of line", self.lexer.line),
        };
        format!("line {}: syntax error at or near {near}", self.lexer.line)
    }

    fn is(&self, operator: &str) -> bool {
        matches!(&self.token, Token::Operator(it) if *it == operator)
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(&self.token, Token::Keyword(it) if *it == keyword)
    }

    fn take(&mut self, operator: &str) -> Parsed<bool> {
        let found = self.is(operator);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, operator: &str) -> Parsed<()> {
        if self.take(operator)? { Ok(()) } else { Err(self.fault()) }
    }

    fn newlines(&mut self) -> Parsed<()> {
        while self.token == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    fn terminators(&mut self) -> Parsed<()> {
        while self.token == Token::Newline || self.is(";") {
            self.advance()?;
        }
        Ok(())
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > NESTING {
            Err(format!("line {}: nested too deeply", self.lexer.line))
        } else {
            Ok(())
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.token.clone() {
            Token::Name(name) | Token::Call(name) => {
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.fault()),
        }
    }

    fn item(&mut self, program: &mut Program) -> Parsed<()> {
        if self.is_keyword("function") {
            self.advance()?;
            let name = self.name()?;
            self.expect("(")?;
            let mut parameters = Vec::new();
            while !self.is(")") {
                parameters.push(self.name()?);
                if !self.take(",")? {
                    break;
                }
                self.newlines()?;
            }
            self.expect(")")?;
            self.newlines()?;
            let body = self.block()?;
            program.functions.insert(name, Rc::new(Function { parameters, body }));
            return Ok(());
        }
        let pattern = if self.is_keyword("BEGIN") || self.is_keyword("END") {
            let begin = self.is_keyword("BEGIN");
            self.advance()?;
            if begin { Pattern::Begin } else { Pattern::End }
        } else if self.is("{") {
            Pattern::Always
        } else {
            let first = self.expression()?;
            if self.take(",")? {
                self.newlines()?;
                program.ranges += 1;
                Pattern::Range(first, self.expression()?, program.ranges - 1)
            } else {
                Pattern::If(first)
            }
        };
        let action = match self.is("{") {
            true => Some(Rc::new(Statement::Block(self.block()?))),
            false if matches!(pattern, Pattern::Begin | Pattern::End) => return Err(self.fault()),
            false => None,
        };
        program.rules.push((pattern, action));
        Ok(())
    }

    fn block(&mut self) -> Parsed<Vec<Statement>> {
        self.expect("{")?;
        let mut statements = Vec::new();
        loop {
            self.terminators()?;
            if self.take("}")? {
                return Ok(statements);
            }
            if self.token == Token::End {
                return Err(self.fault());
            }
            statements.push(self.statement()?);
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.enter()?;
        let statement = self.statement_inner()?;
        self.depth -= 1;
        Ok(statement)
    }

    fn statement_inner(&mut self) -> Parsed<Statement> {
        if self.is("{") {
            return Ok(Statement::Block(self.block()?));
        }
        if self.is(";") {
            self.advance()?;
            return Ok(Statement::Block(Vec::new()));
        }
        let Token::Keyword(keyword) = self.token else {
            let simple = self.simple()?;
            self.end_of_statement()?;
            return Ok(simple);
        };
        match keyword {
            "if" => {
                self.advance()?;
                self.expect("(")?;
                let check = self.expression()?;
                self.expect(")")?;
                self.newlines()?;
                let yes = Box::new(self.statement()?);
                self.terminators()?;
                let no = if self.is_keyword("else") {
                    self.advance()?;
                    self.newlines()?;
                    Some(Box::new(self.statement()?))
                } else {
                    None
                };
                Ok(Statement::If(check, yes, no))
            }
            "while" => {
                self.advance()?;
                self.expect("(")?;
                let check = self.expression()?;
                self.expect(")")?;
                if self.take(";")? {
                    return Ok(Statement::While(check, Box::new(Statement::Block(Vec::new()))));
                }
                self.newlines()?;
                Ok(Statement::While(check, Box::new(self.statement()?)))
            }
            "do" => {
                self.advance()?;
                self.newlines()?;
                let body = Box::new(self.statement()?);
                self.terminators()?;
                if !self.is_keyword("while") {
                    return Err(self.fault());
                }
                self.advance()?;
                self.expect("(")?;
                let check = self.expression()?;
                self.expect(")")?;
                self.end_of_statement()?;
                Ok(Statement::Do(body, check))
            }
            "for" => self.for_statement(),
            _ => {
                let simple = self.simple()?;
                self.end_of_statement()?;
                Ok(simple)
            }
        }
    }

    fn end_of_statement(&mut self) -> Parsed<()> {
        if self.token == Token::Newline || self.is(";") {
            return self.advance();
        }
        if self.is("}") || self.token == Token::End { Ok(()) } else { Err(self.fault()) }
    }

    fn for_statement(&mut self) -> Parsed<Statement> {
        self.advance()?;
        self.expect("(")?;
        let mut start = None;
        if !self.is(";") {
            let first = self.for_start()?;
            if let Statement::Expression(Expression::In(keys, array)) = &first
                && let [Expression::Variable(name)] = keys.as_slice()
                && self.is(")")
            {
                let (name, array) = (name.clone(), array.clone());
                self.advance()?;
                self.newlines()?;
                return Ok(Statement::ForIn(name, array, Box::new(self.statement()?)));
            }
            start = Some(Box::new(first));
        }
        self.expect(";")?;
        self.newlines()?;
        let check = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        self.newlines()?;
        let step = if self.is(")") { None } else { Some(Box::new(self.simple()?)) };
        self.expect(")")?;
        if self.take(";")? {
            return Ok(Statement::For(start, check, step, Box::new(Statement::Block(Vec::new()))));
        }
        self.newlines()?;
        Ok(Statement::For(start, check, step, Box::new(self.statement()?)))
    }

    fn for_start(&mut self) -> Parsed<Statement> {
        self.simple()
    }

    fn simple(&mut self) -> Parsed<Statement> {
        let Token::Keyword(keyword) = self.token else {
            return Ok(Statement::Expression(self.expression()?));
        };
        match keyword {
            "print" | "printf" => {
                self.advance()?;
                self.print(keyword == "printf")
            }
            "next" => {
                self.advance()?;
                Ok(Statement::Next)
            }
            "nextfile" => {
                self.advance()?;
                Ok(Statement::NextFile)
            }
            "break" => {
                self.advance()?;
                Ok(Statement::Break)
            }
            "continue" => {
                self.advance()?;
                Ok(Statement::Continue)
            }
            "exit" | "return" => {
                self.advance()?;
                let ends =
                    self.token == Token::Newline || self.is(";") || self.is("}") || self.token == Token::End;
                let value = if ends { None } else { Some(self.expression()?) };
                Ok(if keyword == "exit" { Statement::Exit(value) } else { Statement::Return(value) })
            }
            "delete" => {
                self.advance()?;
                let name = self.name()?;
                let index = if self.take("[")? {
                    let index = self.expressions("]")?;
                    self.expect("]")?;
                    Some(index)
                } else {
                    None
                };
                Ok(Statement::Delete(name, index))
            }
            "getline" => Ok(Statement::Expression(self.expression()?)),
            _ => Err(self.fault()),
        }
    }

    fn print(&mut self, formatted: bool) -> Parsed<Statement> {
        let mut arguments = Vec::new();
        self.no_greater = true;
        let ends = |parser: &Self| {
            parser.token == Token::Newline
                || parser.token == Token::End
                || [";", "}", ">", ">>", "|"].iter().any(|operator| parser.is(operator))
        };
        if !ends(self) {
            arguments.push(self.expression()?);
            while self.take(",")? {
                self.newlines()?;
                arguments.push(self.expression()?);
            }
        }
        if let [Expression::Group(_)] = arguments.as_slice()
            && let Some(Expression::Group(inner)) = arguments.pop()
        {
            arguments = inner;
        }
        let mut redirect = None;
        for operator in [">>", ">", "|"] {
            if redirect.is_none() && self.take(operator)? {
                redirect = Some((operator, self.concatenation(true)?));
            }
        }
        self.no_greater = false;
        if formatted {
            if arguments.is_empty() {
                return Err(self.fault());
            }
            return Ok(Statement::Printf(arguments, redirect));
        }
        Ok(Statement::Print(arguments, redirect))
    }

    fn expressions(&mut self, end: &str) -> Parsed<Vec<Expression>> {
        let mut all = Vec::new();
        self.newlines()?;
        while !self.is(end) {
            all.push(self.expression()?);
            self.newlines()?;
            if !self.take(",")? {
                break;
            }
            self.newlines()?;
        }
        Ok(all)
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.enter()?;
        let left = self.conditional()?;
        let assigns = match self.token {
            Token::Operator(operator @ ("=" | "+=" | "-=" | "*=" | "/=" | "%=" | "^=")) => Some(operator),
            _ => None,
        };
        let expression = match assigns {
            Some(operator) if is_target(&left) => {
                self.advance()?;
                self.newlines()?;
                Expression::Assign(Box::new(left), operator, Box::new(self.expression()?))
            }
            // `a == b = c` and `!x = y`: the assignment takes the last operand.
            Some(operator) => self.assign_last(left, operator)?,
            None => left,
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn assign_last(&mut self, left: Expression, operator: &'static str) -> Parsed<Expression> {
        let assign = |parser: &mut Self, target: Expression| -> Parsed<Expression> {
            if !is_target(&target) {
                return Err(parser.fault());
            }
            parser.advance()?;
            Ok(Expression::Assign(Box::new(target), operator, Box::new(parser.expression()?)))
        };
        Ok(match left {
            Expression::Unary(sign, inner) => Expression::Unary(sign, Box::new(assign(self, *inner)?)),
            Expression::And(a, b) => Expression::And(a, Box::new(assign(self, *b)?)),
            Expression::Or(a, b) => Expression::Or(a, Box::new(assign(self, *b)?)),
            Expression::Compare(a, it, b) => Expression::Compare(a, it, Box::new(assign(self, *b)?)),
            _ => return Err(self.fault()),
        })
    }

    fn conditional(&mut self) -> Parsed<Expression> {
        let check = self.or()?;
        if !self.take("?")? {
            return Ok(check);
        }
        self.newlines()?;
        let yes = self.expression()?;
        self.newlines()?;
        self.expect(":")?;
        self.newlines()?;
        let no = self.expression()?;
        Ok(Expression::Conditional(Box::new(check), Box::new(yes), Box::new(no)))
    }

    fn or(&mut self) -> Parsed<Expression> {
        let mut left = self.and()?;
        while self.take("||")? {
            self.newlines()?;
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expression> {
        let mut left = self.membership()?;
        while self.take("&&")? {
            self.newlines()?;
            left = Expression::And(Box::new(left), Box::new(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expression> {
        let mut left = self.matching()?;
        while self.is_keyword("in") && !self.no_in {
            self.advance()?;
            let array = self.name()?;
            let keys = match left {
                Expression::Group(keys) => keys,
                key => vec![key],
            };
            left = Expression::In(keys, array);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expression> {
        let mut left = self.comparison()?;
        loop {
            let negated = match &self.token {
                Token::Operator("~") => false,
                Token::Operator("!") => {
                    // `!~` comes as two tokens.
                    self.advance()?;
                    if !self.is("~") {
                        return Err(self.fault());
                    }
                    true
                }
                _ => return Ok(left),
            };
            self.advance()?;
            left = Expression::Match(Box::new(left), negated, Box::new(self.comparison()?));
        }
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        let left = self.concatenation(false)?;
        if let Token::Operator(operator @ ("<" | "<=" | "==" | "!=" | ">" | ">=")) = self.token {
            if operator == ">" && self.no_greater {
                return Ok(left);
            }
            self.advance()?;
            let right = self.concatenation(false)?;
            return Ok(Expression::Compare(Box::new(left), operator, Box::new(right)));
        }
        if self.is("|") && !self.no_greater {
            return self.piped_getline(left);
        }
        Ok(left)
    }

    fn piped_getline(&mut self, mut left: Expression) -> Parsed<Expression> {
        while self.take("|")? {
            if !self.is_keyword("getline") {
                return Err(self.fault());
            }
            self.advance()?;
            let target = self.optional_target()?;
            left = Expression::GetlineFrom(Box::new(left), target);
        }
        Ok(left)
    }

    fn optional_target(&mut self) -> Parsed<Option<Box<Expression>>> {
        let begins = matches!(&self.token, Token::Name(_)) || self.is("$");
        if !begins {
            return Ok(None);
        }
        let target = self.primary()?;
        if is_target(&target) { Ok(Some(Box::new(target))) } else { Err(self.fault()) }
    }

    fn begins_operand(&self) -> bool {
        match &self.token {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(_) | Token::Call(_) => true,
            Token::Operator(operator) => matches!(*operator, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    fn concatenation(&mut self, redirect: bool) -> Parsed<Expression> {
        let mut left = self.additive()?;
        while self.begins_operand() && !self.is("!") && !redirect {
            let right = self.additive()?;
            left = Expression::Concatenate(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn additive(&mut self) -> Parsed<Expression> {
        let mut left = self.multiplicative()?;
        while let Token::Operator(operator @ ("+" | "-")) = self.token {
            self.advance()?;
            left = Expression::Arithmetic(Box::new(left), operator, Box::new(self.multiplicative()?));
        }
        Ok(left)
    }

    fn multiplicative(&mut self) -> Parsed<Expression> {
        let mut left = self.unary()?;
        while let Token::Operator(operator @ ("*" | "/" | "%")) = self.token {
            self.advance()?;
            left = Expression::Arithmetic(Box::new(left), operator, Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        if let Token::Operator(operator @ ("!" | "-" | "+")) = self.token {
            self.enter()?;
            self.advance()?;
            let inner = self.unary()?;
            self.depth -= 1;
            return Ok(Expression::Unary(operator, Box::new(inner)));
        }
        self.power()
    }

    fn power(&mut self) -> Parsed<Expression> {
        let base = self.postfix()?;
        if !self.take("^")? {
            return Ok(base);
        }
        self.enter()?;
        let exponent = self.unary()?;
        self.depth -= 1;
        Ok(Expression::Arithmetic(Box::new(base), "^", Box::new(exponent)))
    }

    fn postfix(&mut self) -> Parsed<Expression> {
        if let Token::Operator(operator @ ("++" | "--")) = self.token {
            self.advance()?;
            let target = self.primary()?;
            if !is_target(&target) {
                return Err(self.fault());
            }
            return Ok(Expression::Step(Box::new(target), if operator == "++" { 1.0 } else { -1.0 }, true));
        }
        let operand = self.primary()?;
        if let Token::Operator(operator @ ("++" | "--")) = self.token
            && is_target(&operand)
        {
            self.advance()?;
            return Ok(Expression::Step(Box::new(operand), if operator == "++" { 1.0 } else { -1.0 }, false));
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Parsed<Expression> {
        self.enter()?;
        let primary = self.primary_inner()?;
        self.depth -= 1;
        Ok(primary)
    }

    fn primary_inner(&mut self) -> Parsed<Expression> {
        match self.token.clone() {
            Token::Number(number) => {
                self.advance()?;
                Ok(Expression::Number(number))
            }
            Token::Text(text) => {
                self.advance()?;
                Ok(Expression::Text(text.into()))
            }
            Token::Regex(text) => {
                self.advance()?;
                Ok(Expression::Regex(text.into()))
            }
            Token::Operator("$") => {
                self.advance()?;
                let index = match self.token {
                    Token::Operator("++" | "--") => self.postfix()?,
                    Token::Operator("-" | "+" | "!") => self.unary()?,
                    _ => self.primary()?,
                };
                Ok(Expression::Field(Box::new(index)))
            }
            Token::Operator("(") => self.parenthesis(),
            Token::Operator("-" | "+" | "!") => self.unary(),
            Token::Name(name) => {
                self.advance()?;
                if self.take("[")? {
                    let index = self.expressions("]")?;
                    self.expect("]")?;
                    return Ok(Expression::Element(name, index));
                }
                Ok(Expression::Variable(name))
            }
            Token::Call(name) => self.call(name),
            Token::Keyword("getline") => {
                self.advance()?;
                let target = self.optional_target()?;
                let file = if self.take("<")? { Some(Box::new(self.primary()?)) } else { None };
                Ok(Expression::Getline(target, file))
            }
            _ => Err(self.fault()),
        }
    }

    fn parenthesis(&mut self) -> Parsed<Expression> {
        self.advance()?;
        let (greater, no_in) = (std::mem::take(&mut self.no_greater), std::mem::take(&mut self.no_in));
        let mut inner = self.expressions(")")?;
        self.expect(")")?;
        (self.no_greater, self.no_in) = (greater, no_in);
        match inner.len() {
            0 => Err(self.fault()),
            // Kept apart, so that `(a) = b` is none and `(x)(y)` is joined.
            1 => Ok(match inner.remove(0) {
                target if is_target(&target) => Expression::Unary("()", Box::new(target)),
                other => other,
            }),
            _ => Ok(Expression::Group(inner)),
        }
    }

    fn call(&mut self, name: String) -> Parsed<Expression> {
        self.advance()?;
        let builtin = super::builtin::NAMES.contains(&name.as_str());
        let mut arguments = Vec::new();
        if self.is("(") {
            self.advance()?;
            let (greater, no_in) = (std::mem::take(&mut self.no_greater), std::mem::take(&mut self.no_in));
            arguments = self.expressions(")")?;
            self.expect(")")?;
            (self.no_greater, self.no_in) = (greater, no_in);
        } else if name != "length" {
            return Err(self.fault());
        }
        Ok(if builtin { Expression::Builtin(name, arguments) } else { Expression::Call(name, arguments) })
    }
}

fn is_target(expression: &Expression) -> bool {
    matches!(expression, Expression::Variable(_) | Expression::Field(_) | Expression::Element(..))
}
