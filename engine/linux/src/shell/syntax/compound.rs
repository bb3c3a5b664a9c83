//! Compound commands: groups, subshells, `if`, `for`, `while`, `case`, functions, `((…))`, `[[…]]`.
//!
//! Source: bash(1), "Compound Commands".

use super::*;

impl Parser {
    /// The compound command that begins here, if one does.
    pub(super) fn compound(&mut self) -> Result<Option<Kind>> {
        if self.peek() == Some('(') {
            return self.parenthesis().map(Some);
        }
        if self.dialect == Dialect::Bash && self.plain_word().is_some_and(|(word, _)| word == "coproc") {
            return Err(self.said("coproc: not simulated in vethlab; use a pipe, <(…) or >(…)"));
        }
        let Some(word) = self.reserved() else { return Ok(None) };
        let kind = match word.as_str() {
            "{" => {
                self.take_reserved("{");
                let list = self.list(&["}"])?;
                self.expect_reserved("}")?;
                Kind::Group(list)
            }
            "if" => self.if_command()?,
            "for" => self.for_command()?,
            "select" => self.select_command()?,
            "while" | "until" => {
                self.take_reserved(&word);
                let check = self.list(&["do"])?;
                let body = self.do_group()?;
                Kind::While { until: word == "until", check, body }
            }
            "case" => self.case_command()?,
            "function" => self.function_command()?,
            "[[" => {
                self.take_reserved("[[");
                Kind::Conditional(self.conditional()?)
            }
            "!" | "time" | "-p" | "in" => return Ok(None),
            _ => return Err(self.unexpected()),
        };
        Ok(Some(kind))
    }

    fn parenthesis(&mut self) -> Result<Kind> {
        if self.peek_at(1) == Some('(') && self.dialect == Dialect::Bash {
            let (start, line) = (self.at, self.line);
            self.skip("((");
            if let Some(raw) = self.until_double_parenthesis(line)? {
                return Ok(Kind::Arithmetic(self.arithmetic_word(&raw, line)?));
            }
            (self.at, self.line) = (start, line);
        }
        self.bump();
        let list = self.list(&[")"])?;
        self.newlines()?;
        if self.peek() != Some(')') {
            return Err(self.unexpected());
        }
        self.bump();
        Ok(Kind::Subshell(Rc::new(list)))
    }

    fn if_command(&mut self) -> Result<Kind> {
        let mut branches = Vec::new();
        self.take_reserved("if");
        loop {
            let check = self.list(&["then"])?;
            self.expect_reserved("then")?;
            branches.push((check, self.list(&["elif", "else", "fi"])?));
            self.newlines()?;
            if !self.take_reserved("elif") {
                break;
            }
        }
        let otherwise = match self.take_reserved("else") {
            true => Some(self.list(&["fi"])?),
            false => None,
        };
        self.expect_reserved("fi")?;
        Ok(Kind::If { branches, otherwise })
    }

    fn do_group(&mut self) -> Result<List> {
        self.expect_reserved("do")?;
        let body = self.list(&["done"])?;
        self.expect_reserved("done")?;
        Ok(body)
    }

    fn for_command(&mut self) -> Result<Kind> {
        self.take_reserved("for");
        self.blanks();
        if self.looking_at("((") && self.dialect == Dialect::Bash {
            return self.arithmetic_for();
        }
        let (variable, words) = self.loop_head()?;
        let body = self.loop_body()?;
        Ok(Kind::For { variable, words, body })
    }

    fn select_command(&mut self) -> Result<Kind> {
        self.take_reserved("select");
        let (variable, words) = self.loop_head()?;
        let body = self.loop_body()?;
        Ok(Kind::Select { variable, words, body })
    }

    /// `name [in words…]` and what separates it from `do`.
    fn loop_head(&mut self) -> Result<(String, Option<Vec<Word>>)> {
        self.blanks();
        let Some((variable, end)) = self.plain_word() else { return Err(self.unexpected()) };
        self.at = end;
        self.newlines()?;
        let mut words = None;
        if self.take_reserved("in") {
            let mut list = Vec::new();
            loop {
                self.blanks();
                if self.peek().is_none() || self.operator().is_some() {
                    break;
                }
                list.push(self.word()?);
            }
            words = Some(list);
            if !self.take_operator(";") && self.peek() != Some('\n') {
                return Err(self.unexpected());
            }
        } else {
            self.take_operator(";");
        }
        self.newlines()?;
        Ok((variable, words))
    }

    /// `do … done`, or in bash `{ … }`.
    fn loop_body(&mut self) -> Result<List> {
        if self.dialect == Dialect::Bash && self.take_reserved("{") {
            let body = self.list(&["}"])?;
            self.expect_reserved("}")?;
            return Ok(body);
        }
        self.do_group()
    }

    fn arithmetic_for(&mut self) -> Result<Kind> {
        let line = self.line;
        self.skip("((");
        let Some(raw) = self.until_double_parenthesis(line)? else { return Err(self.unexpected()) };
        let parts: Vec<&str> = raw.splitn(3, ';').collect();
        let [start, check, step] = parts.as_slice() else {
            return Err(self.said("syntax error: arithmetic expression required"));
        };
        let [start, check, step] = [start, check, step].map(|raw| self.arithmetic_word(raw, line));
        self.take_operator(";");
        self.newlines()?;
        let body = self.loop_body()?;
        Ok(Kind::ArithmeticFor { start: start?, check: check?, step: step?, body })
    }

    fn case_command(&mut self) -> Result<Kind> {
        self.take_reserved("case");
        self.blanks();
        if self.peek().is_none() || self.operator().is_some() {
            return Err(self.unexpected());
        }
        let subject = self.word()?;
        self.expect_reserved("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines()?;
            if self.take_reserved("esac") {
                return Ok(Kind::Case { subject, arms });
            }
            arms.push(self.arm()?);
            let last = arms.last_mut().expect("one was just pushed");
            self.newlines()?;
            last.end = match () {
                () if self.take_operator(";;") => ArmEnd::Leave,
                () if self.take_operator(";&") => ArmEnd::FallThrough,
                () if self.take_operator(";;&") => ArmEnd::TestNext,
                () if self.take_reserved("esac") => return Ok(Kind::Case { subject, arms }),
                () => return Err(self.unexpected()),
            };
        }
    }

    fn arm(&mut self) -> Result<Arm> {
        self.take_operator("(");
        let mut patterns = Vec::new();
        loop {
            self.blanks();
            if self.peek().is_none() || self.operator().is_some() {
                return Err(self.unexpected());
            }
            patterns.push(self.word_until(word::WordEnd::Pattern, false)?);
            if !self.take_operator("|") {
                break;
            }
        }
        if !self.take_operator(")") {
            return Err(self.unexpected());
        }
        let body = self.list(&[])?;
        Ok(Arm { patterns, body, end: ArmEnd::Leave })
    }

    fn function_command(&mut self) -> Result<Kind> {
        self.take_reserved("function");
        self.blanks();
        let Some((name, end)) = self.plain_word() else { return Err(self.unexpected()) };
        self.at = end;
        self.blanks();
        if self.peek() == Some('(') {
            self.bump();
            self.blanks();
            if self.peek() != Some(')') {
                return Err(self.unexpected());
            }
            self.bump();
        }
        self.function_body(name)
    }

    pub(super) fn function_body(&mut self, name: String) -> Result<Kind> {
        self.enter()?;
        self.newlines()?;
        let line = self.line;
        let dash = self.dialect == Dialect::Dash;
        let Some(kind) = self.compound()? else {
            if dash && self.peek().is_some() {
                let body = self.function_simple(line)?;
                return Ok(Kind::Function { name, body });
            }
            return Err(self.unexpected());
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        self.leave();
        Ok(Kind::Function { name, body: Rc::new(Command { kind, redirects, line }) })
    }

    /// dash takes any command as a function's body.
    fn function_simple(&mut self, line: u32) -> Result<Rc<Command>> {
        let list = self.line_list()?;
        self.leave();
        Ok(Rc::new(Command { kind: Kind::Group(list), redirects: Vec::new(), line }))
    }
}
