//! fnmatch(3) without flags: `*`, `?`, `[a-z]`, `[!0]`, `\` before a letter that stands for itself.

/// Steps of one comparison; a pattern that needs more matches nothing.
const MOST_STEPS: usize = 100_000;

pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last star stood, and up to where it has eaten.
    let mut star: Option<(usize, usize)> = None;
    for _ in 0..MOST_STEPS {
        if at == pattern.len() && read == text.len() {
            return true;
        }
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, read));
            at += 1;
            continue;
        }
        let step = text.get(read).and_then(|letter| one(&pattern[at..], *letter));
        match (step, star) {
            (Some(length), _) => {
                at += length;
                read += 1;
            }
            (None, Some((back, eaten))) if eaten < text.len() => {
                star = Some((back, eaten + 1));
                (at, read) = (back + 1, eaten + 1);
            }
            _ => return false,
        }
    }
    false
}

/// How much of the pattern stands for that letter, if its beginning does.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '\\' if pattern.len() > 1 => (pattern[1] == letter).then_some(2),
        '[' => match set(pattern, letter) {
            Some((true, length)) => Some(length),
            Some((false, _)) => None,
            None => (letter == '[').then_some(1),
        },
        plain => (*plain == letter).then_some(1),
    }
}

/// Whether `[…]` has the letter, and its length; `None` where it has no end.
fn set(pattern: &[char], letter: char) -> Option<(bool, usize)> {
    let inverted = matches!(pattern.get(1), Some('!' | '^'));
    let first = 1 + usize::from(inverted);
    let end = (first + 1..pattern.len()).find(|at| pattern[*at] == ']')?;
    let members = &pattern[first..end];
    let mut found = false;
    let mut at = 0;
    while at < members.len() {
        let range = at + 2 < members.len() && members[at + 1] == '-';
        let last = if range { members[at + 2] } else { members[at] };
        found |= (members[at]..=last).contains(&letter);
        at += if range { 3 } else { 1 };
    }
    Some((found != inverted, end + 1))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_fnmatch_does() {
        for (pattern, text) in [
            ("docker*", "docker0"),
            ("*", ""),
            ("e?h[0-9]", "eth1"),
            ("*a*b", "xxaxb"),
            ("[!a]", "b"),
            ("\\*", "*"),
            ("[", "["),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("docker", "docker0"), ("e?h", "eh"), ("[a-c]", "d"), ("", "a"), ("*a", "b")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(200).replace("aaaa", "aaab")));
    }
}
