//! Reading awk expressions, from the loosest operator to the tightest.
//!
//! Source: POSIX.1-2017, awk, "Expressions in Decreasing Precedence in awk".

use super::lexer::Token;
use super::parser::{Parsed, Parser};
use super::program::Expression;

impl Parser {
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
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

    pub(super) fn optional_target(&mut self) -> Parsed<Option<Box<Expression>>> {
        let begins = matches!(&self.token, Token::Name(_)) || self.is("$");
        if !begins {
            return Ok(None);
        }
        let target = self.primary()?;
        if is_target(&target) { Ok(Some(Box::new(target))) } else { Err(self.fault()) }
    }

    pub(super) fn begins_operand(&self) -> bool {
        match &self.token {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(_) | Token::Call(_) => true,
            Token::Operator(operator) => matches!(*operator, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
            _ => false,
        }
    }

    pub(super) fn concatenation(&mut self, redirect: bool) -> Parsed<Expression> {
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

    pub(super) fn postfix(&mut self) -> Parsed<Expression> {
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

    pub(super) fn primary(&mut self) -> Parsed<Expression> {
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
