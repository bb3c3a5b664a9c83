//! Numbers as C reads them: decimal, 0x hexadecimal, 0 octal.
//!
//! Always: the whole word is the number, or there is none.

/// strtol(3) with base 0 over a whole word; blanks in front and a sign are allowed.
pub fn integer(word: &str) -> Option<i128> {
    let word = word.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match word.as_bytes().first()? {
        b'-' => (true, &word[1..]),
        b'+' => (false, &word[1..]),
        _ => (false, word),
    };
    let value = magnitude(digits)?;
    Some(if negative { -value } else { value })
}

fn magnitude(digits: &str) -> Option<i128> {
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    // More digits than any 64-bit number has; the sign was taken before.
    if digits.is_empty() || digits.len() > 30 || !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    i128::from_str_radix(digits, radix).ok()
}

/// An unsigned number that fits in `T`.
pub fn unsigned<T: TryFrom<u64>>(word: &str) -> Option<T> {
    T::try_from(u64::try_from(integer(word)?).ok()?).ok()
}

/// strtoul(3) with base 16 over a whole word.
pub fn hexadecimal(word: &str) -> Option<u32> {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        assert_eq!(integer("10"), Some(10));
        assert_eq!(integer("0x10"), Some(16));
        assert_eq!(integer("010"), Some(8));
        assert_eq!(integer("-1"), Some(-1));
        assert_eq!(integer("0"), Some(0));
        for bad in ["", "-", "abc", "1a", "08", "0x", "1 ", "--1", "+-1"] {
            assert_eq!(integer(bad), None, "{bad}");
        }
        assert_eq!(unsigned::<u8>("256"), None);
        assert_eq!(unsigned::<u32>("4294967295"), Some(u32::MAX));
        assert_eq!(unsigned::<u32>("-1"), None);
        assert_eq!(hexadecimal("0x10"), Some(16));
        assert_eq!(hexadecimal("b8"), Some(0xb8));
    }
}
