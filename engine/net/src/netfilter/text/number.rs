//! Numbers as iptables reads them: strtoul(3) with base 0, and nothing after.
//!
//! Sources: libxtables xtables_strtoul(); strtoul(3).

/// A number at the start of `text` (decimal, `0x…` or octal with a leading 0; blanks before it are skipped), and
/// what follows it. `None` where there is none, or a minus sign, or it is larger than 64 bits hold.
pub(crate) fn prefix(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let text = text.strip_prefix('+').unwrap_or(text);
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_hexdigit()) => (rest, 16),
        _ if text.starts_with('0') => (text, 8),
        _ => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let value = u64::from_str_radix(&digits[..end], radix).ok()?;
    Some((value, &digits[end..]))
}

/// A whole number within bounds.
pub(crate) fn within(text: &str, min: u64, max: u64) -> Option<u64> {
    let (value, rest) = prefix(text)?;
    (rest.is_empty() && (min..=max).contains(&value)).then_some(value)
}

/// A number within bounds, and what follows it.
pub(crate) fn prefix_within(text: &str, min: u64, max: u64) -> Option<(u64, &str)> {
    prefix(text).filter(|(value, _)| (min..=max).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_signs_and_garbage_are_read_as_strtoul_reads_them() {
        assert_eq!(prefix("0x1f/3"), Some((31, "/3")));
        assert_eq!(prefix("0x"), Some((0, "x")));
        assert_eq!(prefix("010"), Some((8, "")));
        assert_eq!(prefix("09"), Some((0, "9")));
        assert_eq!(prefix(" 12"), Some((12, "")));
        assert_eq!(prefix("-1"), None);
        assert_eq!(prefix(""), None);
        assert_eq!(prefix("99999999999999999999"), None);
        assert_eq!(within("80", 0, 65535), Some(80));
        assert_eq!(within("80a", 0, 65535), None);
        assert_eq!(within("80000", 0, 65535), None);
    }
}
