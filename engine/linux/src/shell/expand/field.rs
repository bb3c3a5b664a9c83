//! Fields being put together: characters with their quoting, split at `IFS` as they come in.
//!
//! Source: bash(1), "Word Splitting"; POSIX.1-2017, 2.6.5.

use crate::shell::pattern::PatternChar;

/// Characters of one field, and whether any quote stood in it (an empty quoted field stays).
#[derive(Clone, Debug, Default)]
pub(in crate::shell) struct Field {
    pub chars: Vec<PatternChar>,
    quoted: bool,
}

#[derive(Debug, Default)]
pub(in crate::shell) struct Fields {
    done: Vec<Field>,
    current: Field,
    /// `None`: nothing is split.
    separators: Option<String>,
    /// Text inside `${x:-…}` is split too.
    pub split_text: bool,
}

impl Field {
    pub fn text(&self) -> String {
        self.chars.iter().map(|(c, _)| *c).collect()
    }

    fn is_there(&self) -> bool {
        self.quoted || !self.chars.is_empty()
    }
}

impl Fields {
    pub fn splitting(separators: String) -> Fields {
        Fields { separators: Some(separators), ..Fields::default() }
    }

    pub fn whole() -> Fields {
        Fields::default()
    }

    pub fn splits(&self) -> bool {
        self.separators.is_some()
    }

    pub fn finish(mut self) -> Vec<Field> {
        self.end_field();
        self.done
    }

    /// All of it as one text; fields of `"$@"` are joined by blanks.
    pub fn text(self) -> String {
        self.chars().into_iter().map(|(c, _)| c).collect()
    }

    pub fn chars(self) -> Vec<PatternChar> {
        let mut chars = Vec::new();
        for (index, field) in self.finish().into_iter().enumerate() {
            if index > 0 {
                chars.push((' ', true));
            }
            chars.extend(field.chars);
        }
        chars
    }

    pub fn mark_quoted(&mut self) {
        self.current.quoted = true;
    }

    pub fn push(&mut self, text: &str, quoted: bool) {
        self.current.chars.extend(text.chars().map(|c| (c, quoted)));
        self.current.quoted |= quoted;
    }

    /// Text as it stands in the script.
    pub fn text_part(&mut self, text: &str, quoted: bool) {
        if self.split_text && !quoted {
            self.split(text);
        } else {
            self.current.chars.extend(text.chars().map(|c| (c, quoted)));
        }
    }

    /// What an expansion gave: split unless quoted.
    pub fn expansion(&mut self, text: &str, quoted: bool) {
        if quoted || !self.splits() {
            self.current.chars.extend(text.chars().map(|c| (c, quoted)));
        } else {
            self.split(text);
        }
    }

    fn split(&mut self, text: &str) {
        let Some(separators) = self.separators.clone() else {
            self.current.chars.extend(text.chars().map(|c| (c, false)));
            return;
        };
        let mut after_blank = false;
        for c in text.chars() {
            if !separators.contains(c) {
                after_blank = false;
                self.current.chars.push((c, false));
            } else if c.is_ascii_whitespace() {
                if self.current.is_there() {
                    self.end_field();
                    after_blank = true;
                }
            } else if after_blank {
                // A separator after blanks is one separator with them.
                after_blank = false;
            } else {
                self.break_field();
            }
        }
    }

    /// Ends the field if there is one.
    pub fn end_field(&mut self) {
        if self.current.is_there() {
            self.break_field();
        }
    }

    /// Ends the field, empty or not.
    pub fn break_field(&mut self) {
        self.done.push(std::mem::take(&mut self.current));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(separators: &str, text: &str) -> Vec<String> {
        let mut fields = Fields::splitting(separators.to_owned());
        fields.expansion(text, false);
        fields.finish().iter().map(Field::text).collect()
    }

    #[test]
    fn blanks_join_and_other_separators_count() {
        assert_eq!(split(" \t\n", "  a  b "), ["a", "b"]);
        assert_eq!(split(":", "a::b:"), ["a", "", "b"]);
        assert_eq!(split(": ", "a : b"), ["a", "b"]);
        assert_eq!(split("", "a b"), ["a b"]);
        assert_eq!(split(":", ":a"), ["", "a"]);
    }
}
