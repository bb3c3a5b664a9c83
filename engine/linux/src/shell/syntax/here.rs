//! Here-documents: the lines between `<<WORD` and `WORD`.
//!
//! Always: bodies are read at the newline after the line that names them, in the order of that line.

use super::{HereDocument, Parser, Part, PendingHere, Result, Word};
use std::cell::OnceCell;
use std::rc::Rc;

impl Parser {
    /// After `<<` or `<<-`: the delimiter; the body follows the line.
    pub(super) fn here_start(&mut self, strip_tabs: bool) -> Result<Rc<HereDocument>> {
        self.blanks();
        if self.peek().is_none() || self.operator().is_some() {
            return Err(self.unexpected());
        }
        let line = self.line;
        let word = self.word()?;
        let quoted = word.parts.iter().any(|part| !matches!(part, Part::Text(_)));
        let delimiter = delimiter(&word.parts);
        let document = Rc::new(HereDocument { delimiter, quoted, strip_tabs, body: OnceCell::new() });
        self.here.push(PendingHere { line, document: Rc::clone(&document) });
        Ok(document)
    }

    pub(super) fn read_here_bodies(&mut self) -> Result<()> {
        for here in std::mem::take(&mut self.here) {
            self.read_here_body(&here)?;
        }
        Ok(())
    }

    /// The script ended on the very line that names here-documents: they are empty.
    pub(super) fn end_of_here(&mut self) -> Result<()> {
        self.read_here_bodies()
    }

    fn read_here_body(&mut self, pending: &PendingHere) -> Result<()> {
        let (mut text, start) = (String::new(), self.line);
        let here = &pending.document;
        loop {
            if self.peek().is_none() && self.more {
                return Err(self.fault(super::Fault::EndOfFile, self.line));
            }
            if self.peek().is_none() {
                let (line, delimiter) = (pending.line, &here.delimiter);
                let end = self.line + u32::from(self.chars.last() != Some(&'\n'));
                let words = format!(
                    "warning: here-document at line {line} delimited by end-of-file (wanted `{delimiter}')"
                );
                self.warnings.push((end, words));
                break;
            }
            let mut line = String::new();
            while let Some(c) = self.bump() {
                if c == '\n' {
                    break;
                }
                line.push(c);
            }
            let line = if here.strip_tabs { line.trim_start_matches('\t') } else { &line };
            if line == here.delimiter {
                break;
            }
            text.push_str(line);
            text.push('\n');
        }
        let parts = match here.quoted {
            true => vec![Part::Quoted(text.clone())],
            false => {
                let mut inner = Parser::new(&text, self.dialect, Rc::clone(&self.aliases))
                    .at_line(start)
                    .nested(self.depth);
                inner.quoted_parts(super::quote::Until::Here)?
            }
        };
        let word = Word { parts: vec![Part::Double(parts)], source: text };
        here.body.set(word).expect("a body is read once");
        Ok(())
    }
}

/// The delimiter without its quotes.
fn delimiter(parts: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Text(text) | Part::Quoted(text) | Part::Bad(text) => text.clone(),
        Part::Double(parts) => delimiter(parts),
        Part::Parameter(parameter) => format!("${}", parameter.name),
        _ => String::new(),
    };
    parts.iter().map(text).collect()
}
