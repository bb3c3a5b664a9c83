//! Reading an awk program: rules, functions and statements.
//!
//! Source: POSIX.1-2017, awk, "Grammar".

use super::lexer::{Lexer, Token};
use super::program::{Expression, Function, Pattern, Program, Statement};
use std::rc::Rc;

/// Expressions and statements inside one another.
const NESTING: usize = 60;

pub(super) struct Parser {
    pub(super) lexer: Lexer,
    pub(super) token: Token,
    pub(super) depth: usize,
    /// `>` is a redirection, not a comparison.
    pub(super) no_greater: bool,
    /// `in` belongs to `for (k in a)`.
    pub(super) no_in: bool,
}

pub(super) type Parsed<T> = Result<T, String>;

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
    pub(super) fn advance(&mut self) -> Parsed<()> {
        self.token = self.lexer.next()?;
        Ok(())
    }

    pub(super) fn fault(&self) -> String {
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

    pub(super) fn is(&self, operator: &str) -> bool {
        matches!(&self.token, Token::Operator(it) if *it == operator)
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        matches!(&self.token, Token::Keyword(it) if *it == keyword)
    }

    pub(super) fn take(&mut self, operator: &str) -> Parsed<bool> {
        let found = self.is(operator);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, operator: &str) -> Parsed<()> {
        if self.take(operator)? { Ok(()) } else { Err(self.fault()) }
    }

    pub(super) fn newlines(&mut self) -> Parsed<()> {
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

    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > NESTING {
            Err(format!("line {}: nested too deeply", self.lexer.line))
        } else {
            Ok(())
        }
    }

    pub(super) fn name(&mut self) -> Parsed<String> {
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

    pub(super) fn expressions(&mut self, end: &str) -> Parsed<Vec<Expression>> {
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
}
