//! The Corefile's text: tokens, server blocks and snippets.
//!
//! Always: an error names file and line in the words of the real parser; imports are bounded, so parsing ends.
//! Differs from CoreDNS: `import` takes snippets and files by name, but no globs.
//! Source: coredns/caddy `caddyfile/{lexer,parse}.go`.

use super::dispenser::Dispenser;
use std::collections::BTreeMap;

/// `maxSnippetExpansions`, for snippets and files alike.
const MAX_IMPORTS: usize = 10_000;
/// Imports may multiply what they import; a Corefile of more tokens than this is refused.
const MAX_TOKENS: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where it comes from; empty for the Corefile itself.
    pub file: String,
    pub line: usize,
    pub text: String,
}

/// Addresses, and for each directive its tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerBlock {
    pub keys: Vec<String>,
    pub directives: BTreeMap<String, Vec<Token>>,
}

/// What the process sees around it.
pub trait Surroundings {
    fn file(&self, path: &str) -> Option<String>;
    fn variable(&self, name: &str) -> Option<String>;
}

pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let (mut line, mut value, mut start) = (1, String::new(), 1);
    let (mut comment, mut quoted, mut escaped) = (false, false, false);
    for letter in text.trim_start_matches('\u{feff}').chars() {
        if quoted {
            if !escaped && letter == '\\' {
                escaped = true;
                continue;
            }
            if !escaped && letter == '"' {
                quoted = false;
                tokens.push(Token { file: String::new(), line: start, text: std::mem::take(&mut value) });
                continue;
            }
            line += usize::from(letter == '\n');
            if escaped && letter != '"' {
                value.push('\\');
            }
            value.push(letter);
            escaped = false;
            continue;
        }
        if letter.is_whitespace() {
            if letter == '\r' {
                continue;
            }
            if !value.is_empty() {
                tokens.push(Token { file: String::new(), line: start, text: std::mem::take(&mut value) });
            }
            if letter == '\n' {
                line += 1;
                comment = false;
            }
            continue;
        }
        comment |= letter == '#';
        if comment {
            continue;
        }
        if value.is_empty() {
            start = line;
            if letter == '"' {
                quoted = true;
                continue;
            }
        }
        value.push(letter);
    }
    if !value.is_empty() {
        tokens.push(Token { file: String::new(), line: start, text: value });
    }
    tokens
}

/// `{$NAME}` and `{%NAME%}` stand for variables of the environment.
pub fn with_variables(text: &str, around: &dyn Surroundings) -> String {
    let mut out = text.to_owned();
    for (open, close) in [("{%", "%}"), ("{$", "}")] {
        let mut done = String::new();
        let mut rest = out.as_str();
        while let Some(at) = rest.find(open) {
            let inside = &rest[at + open.len()..];
            let Some(end) = inside.find(close).filter(|end| *end > 0) else { break };
            done += &rest[..at];
            done += &around.variable(&inside[..end]).unwrap_or_default();
            rest = &inside[end + close.len()..];
        }
        done += rest;
        out = done;
    }
    out
}

struct Parser<'a> {
    at: Dispenser,
    around: &'a dyn Surroundings,
    is_directive: &'a dyn Fn(&str) -> bool,
    snippets: BTreeMap<String, Vec<Token>>,
    imports: usize,
    block: ServerBlock,
}

/// The server blocks of a Corefile. `is_directive` knows the names that CoreDNS was built with.
pub fn parse(
    file: &str,
    text: &str,
    around: &dyn Surroundings,
    is_directive: &dyn Fn(&str) -> bool,
) -> Result<Vec<ServerBlock>, String> {
    let at = Dispenser::new(file, tokens(text));
    let (snippets, block) = (BTreeMap::new(), ServerBlock::default());
    let mut parser = Parser { at, around, is_directive, snippets, imports: 0, block };
    let mut blocks = Vec::new();
    while parser.at.next() {
        parser.block = ServerBlock::default();
        parser.one()?;
        let block = std::mem::take(&mut parser.block);
        if !block.keys.is_empty() {
            blocks.push(block);
        }
    }
    Ok(blocks)
}

impl Parser<'_> {
    fn one(&mut self) -> Result<(), String> {
        if self.addresses()? {
            return Ok(());
        }
        let name = match self.block.keys.as_slice() {
            [key] => key.strip_prefix('(').and_then(|key| key.strip_suffix(')')).map(str::to_owned),
            _ => None,
        };
        match name {
            Some(name) => self.snippet(name),
            None => self.contents(),
        }
    }

    /// Reads the keys of a block. Was that all there was?
    fn addresses(&mut self) -> Result<bool, String> {
        let mut expects_another = false;
        loop {
            let mut token = with_variables(self.at.value(), self.around);
            if token == "import" && self.at.is_new_line() {
                self.import()?;
                if !self.at.next() {
                    return Ok(true);
                }
                continue;
            }
            if token == "{" {
                if expects_another {
                    return Err(self.at.error(&format!(
                        "Expected another address but had '{token}' - check for extra comma"
                    )));
                }
                return Ok(false);
            }
            if !token.is_empty() {
                expects_another = token.ends_with(',');
                if expects_another {
                    token.pop();
                }
                self.block.keys.push(token);
            }
            let has_next = self.at.next();
            if expects_another && !has_next {
                return Err(self.at.error("Unexpected EOF"));
            }
            if !has_next {
                return Ok(true);
            }
            if !expects_another && self.at.is_new_line() {
                return Ok(false);
            }
        }
    }

    fn snippet(&mut self, name: String) -> Result<(), String> {
        if self.snippets.contains_key(&name) {
            return Err(self.at.error(&format!("redeclaration of previously declared snippet {name}")));
        }
        if self.at.value() != "{" {
            return Err(self.at.syntax_error("{"));
        }
        let (mut depth, mut held) = (1, Vec::new());
        while self.at.next() {
            match self.at.value() {
                "}" => depth -= 1,
                "{" => depth += 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            held.extend(self.at.token().cloned());
        }
        if depth != 0 {
            return Err(self.at.syntax_error("}"));
        }
        self.snippets.insert(name, held);
        self.block.keys.clear();
        Ok(())
    }

    fn contents(&mut self) -> Result<(), String> {
        let has_brace = self.at.value() == "{";
        if !has_brace {
            self.at.back();
        }
        while self.at.next() {
            match self.at.value() {
                "}" => break,
                "import" => self.import()?,
                _ => self.directive()?,
            }
        }
        if has_brace && self.at.value() != "}" {
            return Err(self.at.syntax_error("}"));
        }
        Ok(())
    }

    /// Puts what is imported in the place of the two tokens that import it; `next` then finds the first of it.
    fn import(&mut self) -> Result<(), String> {
        if !self.at.next_arg() {
            return Err(self.at.arg_error());
        }
        let name = with_variables(self.at.value(), self.around);
        if name.is_empty() {
            return Err(self.at.error("Import requires a non-empty filepath"));
        }
        if self.at.next_arg() {
            return Err(self.at.error("Import takes only one argument (glob pattern or file)"));
        }
        self.imports += 1;
        if self.imports > MAX_IMPORTS {
            let depth = MAX_IMPORTS;
            return Err(self.at.error(&format!("maximum snippet import depth ({depth}) exceeded")));
        }
        let imported = match self.snippets.get(&name) {
            Some(tokens) => tokens.clone(),
            None => self.import_file(&name)?,
        };
        if self.at.splice(imported) > MAX_TOKENS {
            return Err(self.at.error(&format!("maximum snippet import depth ({MAX_IMPORTS}) exceeded")));
        }
        Ok(())
    }

    fn import_file(&self, name: &str) -> Result<Vec<Token>, String> {
        if name.contains(['*', '?', '[']) {
            let why = format!("import {name}: glob patterns are not simulated in vethlab; name the file");
            return Err(self.at.error(&why));
        }
        let path = match (name.starts_with('/'), self.at.file().rsplit_once('/')) {
            (false, Some((folder, _))) => format!("{folder}/{name}"),
            _ => name.to_owned(),
        };
        let text = self.around.file(&path);
        let text = text.ok_or_else(|| self.at.error(&format!("File to import not found: {name}")))?;
        let named = |token: Token| Token { file: path.clone(), ..token };
        Ok(tokens(&text).into_iter().map(named).collect())
    }

    fn directive(&mut self) -> Result<(), String> {
        let name = with_variables(self.at.value(), self.around);
        if !(self.is_directive)(&name) {
            return Err(self.at.error(&format!("Unknown directive '{name}'")));
        }
        let mut held: Vec<Token> = self.at.token().cloned().into_iter().collect();
        let mut nesting = 0;
        while self.at.next() {
            match self.at.value() {
                "{" => nesting += 1,
                _ if nesting == 0 && self.at.is_new_line() => {
                    self.at.back();
                    break;
                }
                "}" if nesting > 0 => nesting -= 1,
                "}" => return Err(self.at.error("Unexpected '}' because no matching opening brace")),
                "import" if self.at.is_new_line() => {
                    self.import()?;
                    continue;
                }
                _ => {}
            }
            if let Some(token) = self.at.token() {
                held.push(Token { text: with_variables(&token.text, self.around), ..token.clone() });
            }
        }
        if nesting > 0 {
            return Err(self.at.error("Unexpected EOF"));
        }
        self.block.directives.entry(name).or_default().extend(held);
        Ok(())
    }
}
