//! Writing a text so that a shell reads it back: what `set -x`, `declare -p`, `printf %q` and `${x@Q}` print.

/// `printf %q`: backslashes, or `$'…'` where control characters stand in it.
pub fn quote_backslash(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    if text.chars().any(char::is_control) {
        return ansi(text);
    }
    let mut quoted = String::new();
    for (index, c) in text.chars().enumerate() {
        let special = " \t!\"$&'()*,;<>?[\\]^`{|}".contains(c) || (index == 0 && matches!(c, '#' | '~'));
        if special {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

/// `${x@Q}`, `alias`, `trap -p`: single quotes.
pub fn quote(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return ansi(text);
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Single quotes, whatever stands between them.
pub fn quote_single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `set -x`: single quotes where a shell would read anything else, `$'…'` for control characters.
pub fn quote_trace(text: &str) -> String {
    let special = |(index, c): (usize, char)| {
        let first = index == 0;
        " \t\n'\"\\|&;()<>!{}*[?]^$`".contains(c) || first && matches!(c, '~' | '#')
    };
    match () {
        () if text.is_empty() => "''".to_owned(),
        () if text.chars().enumerate().any(special) && !text.chars().any(is_unseen) => quote_single(text),
        () if text.chars().any(char::is_control) => ansi(text),
        () => text.to_owned(),
    }
}

/// Control characters other than those that a terminal lays text out with.
fn is_unseen(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n')
}

/// `set -x`, `set`: quotes only where needed.
pub fn quote_if_needed(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%_+=:,./-".contains(c);
    let fine = !text.is_empty() && text.chars().all(|c| plain(c) || c == '#' || c == '~' || !c.is_ascii());
    if fine && !text.starts_with(['#', '~']) { text.to_owned() } else { quote(text) }
}

/// `declare -p`: double quotes.
pub fn quote_double(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return ansi(text);
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

fn ansi(text: &str) -> String {
    let mut quoted = String::from("$'");
    for c in text.chars() {
        match c {
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x1b' => quoted.push_str("\\E"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\{:03o}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_bash_quotes_them() {
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote("a\nb"), "$'a\\nb'");
        assert_eq!(quote_backslash("a b"), "a\\ b");
        assert_eq!(quote_if_needed("a=b"), "a=b");
        assert_eq!(quote_if_needed("a b"), "'a b'");
        assert_eq!(quote_double("a\"$b"), "\"a\\\"\\$b\"");
    }
}
