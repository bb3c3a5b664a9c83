//! Lists, pipelines, simple commands and redirections.
//!
//! Source: bash(1), "SHELL GRAMMAR", "REDIRECTION", "ALIASES".

use super::*;

/// Builtins whose arguments may be assignments.
const DECLARATIONS: &[&str] = &["declare", "typeset", "local", "export", "readonly"];
/// Words that end a list where a command could begin.
const CLOSERS: &[&str] = &["then", "else", "elif", "fi", "do", "done", "esac", "}"];

impl Parser {
    /// Commands up to the end of the line.
    pub(super) fn line_list(&mut self) -> Result<List> {
        let mut list = List::default();
        loop {
            let and_or = Rc::new(self.and_or()?);
            let background = self.take_operator("&");
            let more = background || self.take_operator(";");
            list.items.push(Item { and_or, background });
            self.blanks();
            if !more || matches!(self.peek(), None | Some('\n')) {
                return Ok(list);
            }
        }
    }

    /// Commands up to one of `closers` (reserved words), `)` or the end; at least one.
    pub(super) fn list(&mut self, closers: &[&str]) -> Result<List> {
        let mut list = List::default();
        loop {
            self.newlines()?;
            if self.list_ends(closers) {
                return if list.items.is_empty() && !closers.is_empty() {
                    Err(self.unexpected())
                } else {
                    Ok(list)
                };
            }
            let and_or = Rc::new(self.and_or()?);
            let background = self.take_operator("&");
            let separated = background || self.take_operator(";");
            list.items.push(Item { and_or, background });
            self.blanks();
            if !separated && self.peek() != Some('\n') {
                return Ok(list);
            }
        }
    }

    fn list_ends(&mut self, closers: &[&str]) -> bool {
        if self.peek().is_none() || matches!(self.operator(), Some(")" | ";;" | ";&" | ";;&")) {
            return true;
        }
        self.reserved()
            .is_some_and(|word| closers.contains(&word.as_str()) || CLOSERS.contains(&word.as_str()))
    }

    fn and_or(&mut self) -> Result<AndOr> {
        self.blanks();
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let join = match () {
                () if self.take_operator("&&") => Join::And,
                () if self.take_operator("||") => Join::Or,
                () => break,
            };
            self.newlines()?;
            rest.push((join, self.pipeline()?));
        }
        Ok(AndOr { first, rest })
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        self.blanks();
        let (mut negated, mut timed) = (false, None);
        loop {
            self.blanks();
            if self.take_reserved("!") {
                negated = !negated;
            } else if timed.is_none() && self.dialect == Dialect::Bash && self.take_reserved("time") {
                self.blanks();
                timed = Some(if self.take_reserved("-p") { TimeFormat::Posix } else { TimeFormat::Bash });
            } else {
                break;
            }
        }
        let ends =
            matches!(self.operator(), Some(";" | "&" | "\n" | ")" | "&&" | "||")) || self.peek().is_none();
        if (negated || timed.is_some()) && ends {
            return Ok(Pipeline { negated, timed, commands: Vec::new() });
        }
        let mut commands = vec![self.command()?];
        loop {
            if self.take_operator("|&") {
                let last =
                    commands.last_mut().and_then(Rc::get_mut).expect("a command just read is not shared");
                let both = RedirectKind::DuplicateOutput(Word::text("1"));
                last.redirects.push(Redirect { fd: Some(RedirectFd::Number(2)), kind: both });
            } else if !self.take_operator("|") {
                break;
            }
            self.newlines()?;
            commands.push(self.command()?);
        }
        let commands = commands.into_iter().collect();
        Ok(Pipeline { negated, timed, commands })
    }

    fn command(&mut self) -> Result<Rc<Command>> {
        self.enter()?;
        self.blanks();
        self.expand_alias();
        let line = self.line;
        let (kind, redirects) = match self.compound()? {
            Some(kind) => {
                let mut redirects = Vec::new();
                if !matches!(kind, Kind::Function { .. }) {
                    while let Some(redirect) = self.redirect()? {
                        redirects.push(redirect);
                    }
                }
                (kind, redirects)
            }
            None => self.simple()?,
        };
        self.leave();
        Ok(Rc::new(Command { kind, redirects, line }))
    }

    fn simple(&mut self) -> Result<(Kind, Vec<Redirect>)> {
        let (mut simple, mut redirects) = (Simple::default(), Vec::new());
        let mut declares = false;
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if self.peek().is_none() || self.operator().is_some_and(|found| !self.starts_process(found)) {
                break;
            }
            if simple.words.is_empty() {
                if let Some(assignment) = self.assignment()? {
                    simple.assignments.push(assignment);
                    continue;
                }
                self.expand_alias();
                if self.operator().is_some_and(|found| !self.starts_process(found)) {
                    continue;
                }
            } else if self.alias_next == Some(self.at) {
                self.expand_alias();
            }
            if declares && let Some(assignment) = self.assignment()? {
                simple.words.push(Argument::Assignment(assignment));
                continue;
            }
            let before = self.at;
            let word = self.word()?;
            if self.at == before {
                break;
            }
            if simple.words.is_empty() {
                declares = word.literal().is_some_and(|name| DECLARATIONS.contains(&name));
                self.alias_word_end(before);
            }
            simple.words.push(Argument::Word(word));
            if simple.words.len() == 1
                && simple.assignments.is_empty()
                && redirects.is_empty()
                && let Some(kind) = self.function_after_name(&simple.words)?
            {
                return Ok((kind, redirects));
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && redirects.is_empty() {
            return Err(self.unexpected());
        }
        Ok((Kind::Simple(simple), redirects))
    }

    fn starts_process(&self, operator: &str) -> bool {
        matches!(operator, "<" | ">") && self.peek_at(1) == Some('(') && self.dialect == Dialect::Bash
    }

    /// `name ()`, which makes it a function.
    fn function_after_name(&mut self, words: &[Argument]) -> Result<Option<Kind>> {
        self.blanks();
        if self.peek() != Some('(') {
            return Ok(None);
        }
        let [Argument::Word(word)] = words else { return Ok(None) };
        let Some(name) = word.literal().map(str::to_owned) else { return Err(self.unexpected()) };
        let at = self.at;
        self.bump();
        self.blanks();
        if self.peek() != Some(')') {
            if self.peek().is_some() && self.peek() != Some('\n') && at + 1 == self.at {
                self.at = at;
            }
            return Err(self.unexpected());
        }
        self.bump();
        self.function_body(name).map(Some)
    }

    /// Replaces an alias that stands here by its text.
    fn expand_alias(&mut self) {
        while let Some((name, end)) = self.plain_word() {
            self.expanding.retain(|(_, until)| *until > self.at);
            let known = self.expanding.iter().any(|(expanding, _)| *expanding == name);
            let Some(value) = self.aliases.get(&name).filter(|_| !known && self.expanded < ALIASES) else {
                return;
            };
            self.expanded += 1;
            let text: Vec<char> = value.chars().collect();
            let (old, new) = (end - self.at, text.len());
            for (_, until) in &mut self.expanding {
                *until = *until + new - old;
            }
            let blank = text.last().is_some_and(|c| c.is_whitespace());
            self.chars.splice(self.at..end, text);
            self.expanding.push((name, self.at + new));
            self.alias_next = blank.then_some(self.at + new);
            self.blanks();
        }
    }

    /// After the word of a command, the place where an alias that ended in a blank lets the next word be one.
    fn alias_word_end(&mut self, _before: usize) {
        if let Some(next) = self.alias_next
            && self.at <= next
        {
            let here = (self.at, self.line);
            self.blanks();
            self.alias_next = Some(self.at);
            (self.at, self.line) = here;
        }
    }

    /// The word that stands here, where it has no quotes or expansions, and its end.
    pub(super) fn plain_word(&self) -> Option<(String, usize)> {
        let mut end = self.at;
        while let Some(c) = self.chars.get(end) {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\\' | '\'' | '"' | '$' | '`' => return None,
                _ => end += 1,
            }
        }
        (end > self.at).then(|| (self.chars[self.at..end].iter().collect(), end))
    }

    /// The reserved word that stands here.
    pub(super) fn reserved(&self) -> Option<String> {
        const WORDS: &[&str] = &[
            "!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until",
            "while", "{", "}", "[[", "function", "select", "time", "-p",
        ];
        let (word, _) = self.plain_word()?;
        let bash_only = matches!(word.as_str(), "[[" | "function" | "select" | "time");
        (WORDS.contains(&word.as_str()) && (self.dialect == Dialect::Bash || !bash_only)).then_some(word)
    }

    pub(super) fn take_reserved(&mut self, wanted: &str) -> bool {
        self.blanks();
        let found = self.reserved().is_some_and(|word| word == wanted);
        if found {
            self.at += wanted.chars().count();
        }
        found
    }

    pub(super) fn expect_reserved(&mut self, wanted: &str) -> Result<()> {
        self.newlines()?;
        if self.take_reserved(wanted) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// `name=value`, `name+=value`, `name[index]=value`, `name=(…)`, if that is what stands here.
    fn assignment(&mut self) -> Result<Option<Assignment>> {
        let (start, line) = (self.at, self.line);
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Ok(None);
        }
        let name = self.name();
        let index = if name.is_empty() { None } else { self.assignment_index()? };
        let append = self.looking_at("+=") && self.dialect == Dialect::Bash;
        if name.is_empty() || !(append || self.peek() == Some('=')) {
            (self.at, self.line) = (start, line);
            return Ok(None);
        }
        self.skip(if append { "+=" } else { "=" });
        let array = self.peek() == Some('(') && index.is_none() && self.dialect == Dialect::Bash;
        let value = if array { Value::Array(self.array()?) } else { Value::Scalar(self.word()?) };
        let source = self.chars[start..self.at].iter().collect();
        Ok(Some(Assignment { name, index, append, value, source }))
    }

    /// `[index]` where `=` or `+=` follows it; else nothing is read.
    fn assignment_index(&mut self) -> Result<Option<Word>> {
        if self.peek() != Some('[') || self.dialect == Dialect::Dash {
            return Ok(None);
        }
        let (start, line) = (self.at, self.line);
        self.bump();
        let word = self.word_until(super::word::WordEnd::Bracket, false)?;
        if self.skip("]") && (self.peek() == Some('=') || self.looking_at("+=")) {
            return Ok(Some(word));
        }
        (self.at, self.line) = (start, line);
        Ok(None)
    }

    fn array(&mut self) -> Result<Vec<(Option<Word>, Word)>> {
        let line = self.line;
        self.bump();
        let mut elements = Vec::new();
        loop {
            self.newlines()?;
            match self.peek() {
                None => return Err(self.unclosed(')', line)),
                Some(')') => {
                    self.bump();
                    return Ok(elements);
                }
                Some(_) if self.operator().is_some_and(|found| !self.starts_process(found)) => {
                    return Err(self.unexpected());
                }
                Some(_) => {}
            }
            let index = self.assignment_index()?;
            if index.is_some() {
                self.skip("+");
                self.skip("=");
            }
            elements.push((index, self.word()?));
        }
    }

    fn redirect_fd(&mut self) -> Option<RedirectFd> {
        let mut end = self.at;
        while self.chars.get(end).is_some_and(char::is_ascii_digit) {
            end += 1;
        }
        if end > self.at && matches!(self.chars.get(end), Some('<' | '>')) {
            let number = self.chars[self.at..end].iter().collect::<String>().parse().ok()?;
            self.at = end;
            return Some(RedirectFd::Number(number));
        }
        if self.peek() == Some('{') && self.dialect == Dialect::Bash {
            let start = self.at;
            self.bump();
            let name = self.name();
            if !name.is_empty() && self.skip("}") && matches!(self.peek(), Some('<' | '>')) {
                return Some(RedirectFd::Variable(name));
            }
            self.at = start;
        }
        None
    }

    pub(super) fn redirect(&mut self) -> Result<Option<Redirect>> {
        self.blanks();
        let fd = self.redirect_fd();
        let Some(operator) = self.operator().filter(|it| it.contains(['<', '>']) && !self.starts_process(it))
        else {
            return Ok(None);
        };
        self.at += operator.len();
        if let "<<" | "<<-" = operator {
            let document = self.here_start(operator == "<<-")?;
            return Ok(Some(Redirect { fd, kind: RedirectKind::Here(document) }));
        }
        self.blanks();
        if self.peek().is_none() && fd.is_none() {
            self.chars.push('\n');
        }
        if self.operator().is_some_and(|found| !self.starts_process(found)) || self.peek().is_none() {
            return Err(self.unexpected());
        }
        let word = self.word()?;
        let kind = match operator {
            "<" => RedirectKind::Input(word),
            ">" => RedirectKind::Output { to: word, clobber: false },
            ">|" => RedirectKind::Output { to: word, clobber: true },
            ">>" => RedirectKind::Append(word),
            "<>" => RedirectKind::ReadWrite(word),
            "<&" => RedirectKind::DuplicateInput(word),
            // `>&word` without a number means `&>word`.
            ">&" if fd.is_none() && self.dialect == Dialect::Bash && !is_fd_word(&word) => {
                RedirectKind::Both { to: word, append: false }
            }
            ">&" => RedirectKind::DuplicateOutput(word),
            "&>" => RedirectKind::Both { to: word, append: false },
            "&>>" => RedirectKind::Both { to: word, append: true },
            _ => RedirectKind::HereString(word),
        };
        Ok(Some(Redirect { fd, kind }))
    }
}

fn is_fd_word(word: &Word) -> bool {
    match word.literal() {
        Some(text) => text == "-" || text.trim_end_matches('-').chars().all(|c| c.is_ascii_digit()),
        None => true,
    }
}
