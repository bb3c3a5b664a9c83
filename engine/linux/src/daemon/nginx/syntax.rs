//! The form of nginx's configuration: words, `;` and blocks, without what they mean.
//!
//! Read by `config.rs`, which gives the directives their sense. Always: an error names its line.
//! Source: nginx 1.22 `core/ngx_conf_file.c`.

/// Blocks within blocks, at most.
const DEPTH: usize = 8;

/// `name words… ;` or `name words… { … }`.
#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub name: String,
    pub words: Vec<String>,
    pub block: Option<Vec<Directive>>,
    pub line: usize,
}

/// The text of an error, without the place.
pub(super) type Wrong = (String, usize);

/// Takes a text apart.
pub(super) fn read(text: &str) -> Result<Vec<Directive>, Wrong> {
    let mut tokens = tokens(text)?.into_iter();
    let mut stack: Vec<(Vec<Directive>, Vec<String>, usize)> = Vec::new();
    let (mut all, mut words, mut line) = (Vec::new(), Vec::new(), 1);
    for (token, at) in tokens.by_ref() {
        match token {
            Token::Word(word) => {
                if words.is_empty() {
                    line = at;
                }
                words.push(word);
            }
            Token::End => {
                let (name, rest) =
                    split(std::mem::take(&mut words)).ok_or((String::from("unexpected \";\""), at))?;
                all.push(Directive { name, words: rest, block: None, line });
            }
            Token::Open => {
                if words.is_empty() || stack.len() >= DEPTH {
                    return Err((String::from("unexpected \"{\""), at));
                }
                stack.push((std::mem::take(&mut all), std::mem::take(&mut words), line));
            }
            Token::Close => {
                if let Some(name) = words.first() {
                    return Err((format!("directive \"{name}\" is not terminated by \";\""), at));
                }
                let (outer, head, line) = stack.pop().ok_or((String::from("unexpected \"}\""), at))?;
                let block = std::mem::replace(&mut all, outer);
                if let Some((name, words)) = split(head) {
                    all.push(Directive { name, words, block: Some(block), line });
                }
            }
        }
    }
    let last = text.lines().count().max(1);
    if !words.is_empty() {
        return Err((String::from("unexpected end of file, expecting \";\" or \"}\""), last));
    }
    if !stack.is_empty() {
        return Err((String::from("unexpected end of file, expecting \"}\""), last));
    }
    Ok(all)
}

fn split(words: Vec<String>) -> Option<(String, Vec<String>)> {
    let mut words = words.into_iter();
    Some((words.next()?, words.collect()))
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
}

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Wrong> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    let mut line = 1;
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => line += 1,
            letter if letter.is_whitespace() => {}
            '#' => while letters.next_if(|letter| *letter != '\n').is_some() {},
            ';' => tokens.push((Token::End, line)),
            '{' => tokens.push((Token::Open, line)),
            '}' => tokens.push((Token::Close, line)),
            '"' | '\'' => {
                let (begun, mut word) = (line, String::new());
                loop {
                    match letters.next() {
                        None => {
                            return Err((
                                String::from("unexpected end of file, expecting \";\" or \"}\""),
                                begun,
                            ));
                        }
                        Some(end) if end == letter => break,
                        Some('\\') => word.push(escape(letters.next().unwrap_or('\\'))),
                        Some(other) => {
                            line += usize::from(other == '\n');
                            word.push(other);
                        }
                    }
                }
                tokens.push((Token::Word(word), begun));
            }
            first => {
                let mut word = String::from(first);
                let mut variable = first == '$';
                while let Some(next) = letters.peek().copied() {
                    // `${name}` belongs to the word.
                    if next.is_whitespace() || next == ';' || next == '{' && !variable {
                        break;
                    }
                    letters.next();
                    word.push(next);
                    if next == '\\' {
                        word.extend(letters.next());
                    }
                    variable = next == '$';
                }
                tokens.push((Token::Word(word), line));
            }
        }
    }
    Ok(tokens)
}

fn escape(letter: char) -> char {
    match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        other => other,
    }
}

pub(super) fn arguments(directive: &Directive) -> Wrong {
    (format!("invalid number of arguments in \"{}\" directive", directive.name), directive.line)
}

impl Directive {
    pub fn word(&self) -> Result<&str, Wrong> {
        match &self.words[..] {
            [word] => Ok(word),
            _ => Err(arguments(self)),
        }
    }

    pub fn inside(&self) -> Result<&[Directive], Wrong> {
        self.block
            .as_deref()
            .ok_or_else(|| (format!("directive \"{}\" has no opening \"{{\"", self.name), self.line))
    }

    pub fn seconds(&self) -> Result<u64, Wrong> {
        let text = self.words.first().ok_or_else(|| arguments(self))?;
        let wrong = || (format!("\"{}\" directive invalid value", self.name), self.line);
        let (digits, unit) =
            text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len()));
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        match unit {
            "" | "s" => Ok(number),
            "ms" => Ok(number.div_ceil(1000)),
            "m" => Ok(number.saturating_mul(60)),
            "h" => Ok(number.saturating_mul(3600)),
            _ => Err(wrong()),
        }
    }
}
