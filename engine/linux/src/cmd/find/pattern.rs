//! Patterns for names, as the shell writes them.

/// fnmatch(3): `*`, `?`, `[a-z]`, `\`.
pub fn matches(pattern: &str, text: &str, fold: bool) -> bool {
    let chars = |text: &str| -> Vec<char> {
        if fold { text.chars().flat_map(char::to_lowercase).collect() } else { text.chars().collect() }
    };
    let (pattern, text) = (chars(pattern), chars(text));
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => match set(&pattern[p..], text[t]) {
                Some((true, taken)) => Some(taken),
                Some((false, _)) => None,
                None => (text[t] == '[').then_some(1),
            },
            Some('\\') if pattern.get(p + 1) == Some(&text[t]) => Some(2),
            Some(c) if *c == text[t] && *c != '\\' => Some(1),
            _ => None,
        };
        match (step, star) {
            (Some(taken), _) => (p, t) = (p + taken, t + 1),
            (None, Some((at, from))) => {
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|c| *c == '*')
}

/// Is the character in the set that begins here, and how long is the set?
fn set(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = if negated { 2 } else { 1 };
    let (mut at, mut inside) = (first, false);
    loop {
        match pattern.get(at)? {
            ']' if at > first => return Some((inside != negated, at + 1)),
            low => match (pattern.get(at + 1), pattern.get(at + 2)) {
                (Some('-'), Some(high)) if *high != ']' => {
                    inside |= (*low..=*high).contains(&c);
                    at += 3;
                }
                _ => {
                    inside |= *low == c;
                    at += 1;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, text, fits) in [
            ("*.conf", "a.conf", true),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*a*b", "xaxxb", true),
            ("é*", "été", true),
        ] {
            assert_eq!(matches(pattern, text, false), fits, "{pattern} {text}");
        }
        assert!(matches("A*", "abc", true));
    }
}
