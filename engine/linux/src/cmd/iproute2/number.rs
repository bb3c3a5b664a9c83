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

/// atoi(3): the number that a word begins with, or 0.
pub fn atoi(word: &str) -> i32 {
    let word = word.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match word.as_bytes().first() {
        Some(b'-') => (true, &word[1..]),
        Some(b'+') => (false, &word[1..]),
        _ => (false, word),
    };
    let value = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    // The real one wraps what does not fit.
    (if negative { -value } else { value }) as i32
}

/// scanf's `%i`: the number that a word begins with, in the base that its own beginning tells.
pub fn scan(word: &str) -> Option<i32> {
    let word = word.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let sign = usize::from(word.starts_with(['-', '+']));
    let hex = word[sign..].get(..2).is_some_and(|two| two.eq_ignore_ascii_case("0x"));
    let (start, radix) = match (hex, word[sign..].starts_with('0')) {
        (true, _) => (sign + 2, 16),
        (false, true) => (sign, 8),
        (false, false) => (sign, 10),
    };
    let digits = word[start..].chars().take_while(|digit| digit.is_digit(radix)).count();
    let value = i128::from_str_radix(word[start..start + digits].get(..digits.min(30))?, radix).ok()?;
    Some(if word.starts_with('-') { -value } else { value } as i32)
}

/// scanf's `%lf`, as far as people write numbers: digits, a point, an exponent; the rest does not matter.
pub fn scan_decimal(word: &str) -> Option<f64> {
    let word = word.trim_start();
    let mut end = usize::from(word.starts_with(['-', '+']));
    let digits = |from: usize| word[from..].bytes().take_while(u8::is_ascii_digit).count();
    end += digits(end);
    if word[end..].starts_with('.') {
        end += 1 + digits(end + 1);
    }
    if word[end..].starts_with(['e', 'E']) {
        let signed = end + 1 + usize::from(word[end + 1..].starts_with(['-', '+']));
        end = if digits(signed) > 0 { signed + digits(signed) } else { end };
    }
    word[..end].parse().ok()
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
        assert_eq!(["12x", "-3", "x", ""].map(atoi), [12, -3, 0, 0]);
        assert_eq!(["0x10", "10abc", "-7", "010", "0"].map(scan), [16, 10, -7, 8, 0].map(Some));
        assert_eq!(["abc", "", "-", "é"].map(scan), [None; 4]);
        assert_eq!(["2.5x", "1e9", "7", ".5", "3e"].map(scan_decimal), [2.5, 1e9, 7.0, 0.5, 3.0].map(Some));
        assert_eq!(["abc", "", ".", "-é"].map(scan_decimal), [None; 4]);
    }
}
