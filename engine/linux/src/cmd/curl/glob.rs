//! `{a,b}` and `[1-3]` in URLs.
//!
//! Always: at most [`URLS`] come of one pattern.
//! Source: curl 7.88.1 `src/tool_urlglob.c`.

/// More would be a mistake rather than a wish.
const URLS: usize = 10_000;

/// What is wrong, and where: counted from 1.
pub(super) type Bad = (&'static str, usize);

/// The error as curl prints it behind `curl: (3) `.
pub(super) fn complaint((what, position): Bad, url: &str) -> String {
    match position {
        0 => what.to_owned(),
        at => format!("{what} in URL position {at}:\n{url}\n{:>width$}^", " ", width = at - 1),
    }
}

/// The pattern's URLs, with what each `#1` stands for.
pub(super) fn expand(pattern: &str) -> Result<Vec<(String, Vec<String>)>, Bad> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut urls = vec![(String::new(), Vec::new())];
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let next = letters.get(at + 1).copied();
        match letter {
            '[' if v6(&letters[at..]) > 0 || next == Some(']') => {
                let length = v6(&letters[at..]).max(2);
                let text: String = letters[at..at + length].iter().collect();
                urls.iter_mut().for_each(|(url, _)| url.push_str(&text));
                at += length;
                continue;
            }
            '{' | '[' => {
                let (choices, end) = if letter == '{' { set(&letters, at)? } else { range(&letters, at)? };
                if urls.len().saturating_mul(choices.len()) > URLS {
                    return Err(("range overflow", 0));
                }
                let one = |(url, marks): &(String, Vec<String>), choice: &String| {
                    let mut marks = marks.clone();
                    marks.push(choice.clone());
                    (format!("{url}{choice}"), marks)
                };
                urls = urls
                    .iter()
                    .flat_map(|so_far| choices.iter().map(move |choice| one(so_far, choice)))
                    .collect();
                at = end;
                continue;
            }
            '}' | ']' => return Err(("unmatched close brace/bracket", at + 1)),
            '\\' if next.is_some_and(|next| "{}[]".contains(next)) => at += 1,
            _ => {}
        }
        let letter = letters[at];
        urls.iter_mut().for_each(|(url, _)| url.push(letter));
        at += 1;
    }
    Ok(urls)
}

/// How long the IPv6 address in brackets is that stands here, or 0.
fn v6(letters: &[char]) -> usize {
    let Some(end) = letters.iter().position(|letter| *letter == ']') else { return 0 };
    let inside: String = letters[1..end].iter().collect();
    let address = inside.split('%').next().unwrap_or_default();
    if address.parse::<std::net::Ipv6Addr>().is_ok() { end + 1 } else { 0 }
}

fn set(letters: &[char], open: usize) -> Result<(Vec<String>, usize), Bad> {
    let mut choices = Vec::new();
    let mut choice = String::new();
    let mut at = open + 1;
    loop {
        match letters.get(at) {
            None => return Err(("unmatched brace", open + 1)),
            Some('{' | '[') => return Err(("nested brace", at + 1)),
            Some(']') => return Err(("unexpected close bracket", at + 1)),
            Some('}') if at == open + 1 => return Err(("empty string within braces", at + 1)),
            Some('}') => {
                choices.push(choice);
                return Ok((choices, at + 1));
            }
            Some(',') => choices.push(std::mem::take(&mut choice)),
            Some('\\') if letters.get(at + 1).is_some() => {
                at += 1;
                choice.push(letters[at]);
            }
            Some(letter) => choice.push(*letter),
        }
        at += 1;
    }
}

fn range(letters: &[char], open: usize) -> Result<(Vec<String>, usize), Bad> {
    let first = letters.get(open + 1).copied().unwrap_or(' ');
    if !first.is_ascii_alphanumeric() {
        return Err(("bad range specification", open + 2));
    }
    let bad = ("bad range", open + 2);
    let end = letters[open..].iter().position(|letter| *letter == ']').ok_or(bad)? + open;
    let inside: String = letters[open + 1..end].iter().collect();
    let (bounds, step) = inside.split_once(':').unwrap_or((&inside, "1"));
    let (low, high) = bounds.split_once('-').ok_or(bad)?;
    let step: u64 = step.parse().ok().filter(|step| *step > 0).ok_or(bad)?;
    let choices: Vec<String> = if first.is_ascii_alphabetic() {
        let one = |text: &str| match text.as_bytes() {
            [byte] if byte.is_ascii_alphabetic() => Ok(*byte),
            _ => Err(bad),
        };
        let (low, high) = (one(low)?, one(high)?);
        if low > high {
            return Err(bad);
        }
        (low..=high)
            .step_by(step.try_into().unwrap_or(usize::MAX))
            .map(|byte| char::from(byte).to_string())
            .collect()
    } else {
        let width = if low.starts_with('0') { low.len() } else { 0 };
        let (low, high): (u64, u64) =
            (low.parse().map_err(|_| bad)?, high.trim_start().parse().map_err(|_| bad)?);
        if low > high || (high - low) / step >= URLS as u64 {
            return Err(if low > high { bad } else { ("range overflow", open + 2) });
        }
        let step = step.try_into().unwrap_or(usize::MAX);
        (low..=high).step_by(step).map(|number| format!("{number:0width$}")).collect()
    };
    Ok((choices, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(pattern: &str) -> Vec<String> {
        expand(pattern).expect("a pattern").into_iter().map(|(url, _)| url).collect()
    }

    #[test]
    fn sets_and_ranges_multiply() {
        assert_eq!(urls("h/{a,b}[08-10:2]"), ["h/a08", "h/a10", "h/b08", "h/b10"]);
        assert_eq!(urls("http://[::1]/[a-c]"), ["http://[::1]/a", "http://[::1]/b", "http://[::1]/c"]);
    }

    #[test]
    fn a_bad_pattern_is_told_with_its_place() {
        let text = complaint(expand("http://[::1/").expect_err("bad"), "http://[::1/");
        assert_eq!(text, "bad range specification in URL position 9:\nhttp://[::1/\n        ^");
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_is_too_much_for_it(pattern in "[a-c0-9{},\\[\\]:\\\\%-]{0,24}") {
            expand(&pattern).ok();
        }
    }
}
