//! Backslash escapes of `echo -e`, `printf` and `$'…'`.
//!
//! Differs from bash: an escape that makes a byte above 127 makes the character of that number.

/// Whose escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `echo -e` and `printf %b`: octal is `\0nnn`, and `\c` ends the output.
    Echo,
    /// The format of `printf`: octal is `\nnn`.
    Format,
    /// `$'…'`
    Ansi,
}

/// The text with its escapes replaced; true where `\c` says to stop.
pub fn expand(text: &str, style: Style) -> (String, bool) {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(next) = chars.next() else {
            out.push('\\');
            break;
        };
        let mut digits = |base: u32, most: usize, first: Option<u32>| {
            let (mut value, mut count) = (first.unwrap_or(0), 0);
            while count < most
                && let Some(digit) = chars.peek().and_then(|c| c.to_digit(base))
            {
                value = value.wrapping_mul(base).wrapping_add(digit);
                count += 1;
                chars.next();
            }
            (count > 0 || first.is_some()).then_some(value)
        };
        match next {
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'c' if style == Style::Echo => return (out, true),
            'e' | 'E' => out.push('\x1b'),
            'f' => out.push('\x0c'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\x0b'),
            '\\' => out.push('\\'),
            '"' if style != Style::Echo => out.push('"'),
            '\'' if style != Style::Echo => out.push('\''),
            '0' if style == Style::Echo => {
                out.extend(digits(8, 3, Some(0)).and_then(|v| char::from_u32(v & 255)))
            }
            '0'..='7' => {
                let first = next.to_digit(8);
                out.extend(digits(8, 2, first).and_then(|value| char::from_u32(value & 255)));
            }
            'x' | 'u' | 'U' => {
                let most = if next == 'x' {
                    2
                } else if next == 'u' {
                    4
                } else {
                    8
                };
                match digits(16, most, None) {
                    Some(value) => out.extend(char::from_u32(value)),
                    None => out.extend(['\\', next]),
                }
            }
            _ => out.extend(['\\', next]),
        }
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_differ_between_echo_and_printf() {
        assert_eq!(expand("a\\tb\\n", Style::Echo), ("a\tb\n".to_owned(), false));
        assert_eq!(expand("a\\cb", Style::Echo), ("a".to_owned(), true));
        assert_eq!(expand("\\0101\\q", Style::Echo).0, "A\\q");
        assert_eq!(expand("\\101", Style::Format).0, "A");
        assert_eq!(expand("\\x41\\u00e9\\", Style::Format).0, "Aé\\");
    }
}
