//! How two keys of `sort` compare: by bytes, numbers, sizes, months, versions.

use std::cmp::Ordering;

/// How two keys compare.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct How {
    numeric: bool,
    general: bool,
    human: bool,
    month: bool,
    version: bool,
    fold: bool,
    dictionary: bool,
    printable: bool,
    pub reverse: bool,
    /// Blanks are skipped at the key's start, and at its end.
    pub blanks: (bool, bool),
}

impl How {
    pub fn set(&mut self, letter: char) -> bool {
        match letter {
            'n' => self.numeric = true,
            'g' => self.general = true,
            'h' => self.human = true,
            'M' => self.month = true,
            'V' => self.version = true,
            'f' => self.fold = true,
            'd' => self.dictionary = true,
            'i' => self.printable = true,
            'r' => self.reverse = true,
            _ => return false,
        }
        true
    }

    /// Letters that cannot stand together.
    pub fn clash(&self) -> Option<String> {
        let kinds = [
            ('g', self.general),
            ('h', self.human),
            ('M', self.month),
            ('n', self.numeric),
            ('V', self.version || self.dictionary || self.printable),
        ];
        let set = kinds.iter().filter(|(_, on)| *on).count();
        if set < 2 {
            return None;
        }
        let letters = [
            ('d', self.dictionary),
            ('f', self.fold),
            ('g', self.general),
            ('h', self.human),
            ('i', self.printable),
            ('M', self.month),
            ('n', self.numeric),
            ('V', self.version),
        ];
        Some(letters.iter().filter(|(_, on)| *on).map(|(letter, _)| *letter).collect())
    }

    fn kept(&self, text: &[u8]) -> Vec<u8> {
        let keeps = |byte: &u8| {
            !(self.dictionary && !(byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\t'))
                || self.printable && !(32..127).contains(byte))
        };
        let kept = text.iter().copied().filter(keeps);
        if self.fold { kept.map(|byte| byte.to_ascii_uppercase()).collect() } else { kept.collect() }
    }

    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        let order = if self.numeric || self.human {
            let (left, right) = (Decimal::of(a, self.human), Decimal::of(b, self.human));
            left.compare(&right)
        } else if self.general {
            general(a, b)
        } else if self.month {
            month(a).cmp(&month(b))
        } else if self.version {
            versions(&String::from_utf8_lossy(a), &String::from_utf8_lossy(b))
        } else if self.fold || self.dictionary || self.printable {
            self.kept(a).cmp(&self.kept(b))
        } else {
            a.cmp(b)
        };
        if self.reverse { order.reverse() } else { order }
    }
}

pub fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A number of any length, as `-n` reads it.
struct Decimal<'a> {
    negative: bool,
    /// The suffix of `-h`: 1 is K.
    power: usize,
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl<'a> Decimal<'a> {
    fn of(text: &'a [u8], human: bool) -> Decimal<'a> {
        let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
        let (negative, text) = match &text[start..] {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let digits = |text: &[u8]| text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = text.split_at(digits(text));
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => rest.split_at(digits(rest)),
            rest => (&[][..], rest),
        };
        let zeros = whole.iter().position(|byte| *byte != b'0').unwrap_or(whole.len());
        let end = fraction.iter().rposition(|byte| *byte != b'0').map_or(0, |at| at + 1);
        let (whole, fraction) = (&whole[zeros..], &fraction[..end]);
        let suffix =
            rest.first().filter(|_| human).and_then(|letter| b"KMGTPEZY".iter().position(|it| it == letter));
        let small = rest.first().filter(|_| human).is_some_and(|letter| *letter == b'k');
        let zero = whole.is_empty() && fraction.is_empty();
        let power = if zero {
            0
        } else if small {
            1
        } else {
            suffix.map_or(0, |at| at + 1)
        };
        Decimal { negative: negative && !zero, power, whole, fraction }
    }

    fn compare(&self, other: &Decimal<'_>) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let order = self.power.cmp(&other.power);
        let order = order.then(self.whole.len().cmp(&other.whole.len()));
        let order =
            order.then_with(|| self.whole.cmp(other.whole)).then_with(|| self.fraction.cmp(other.fraction));
        if self.negative { order.reverse() } else { order }
    }
}

/// `-g`: what is no number comes first, then NaN.
fn general(a: &[u8], b: &[u8]) -> Ordering {
    let value = |text: &[u8]| -> Option<f64> {
        let text = String::from_utf8_lossy(text);
        let text = text.trim_start();
        if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            return u64::from_str_radix(&hex[..end], 16).ok().map(|value| value as f64);
        }
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect::<Vec<_>>();
        ends.into_iter().rev().take(40).find_map(|end| text[..end].parse::<f64>().ok())
    };
    match (value(a), value(b)) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(a), Some(b)) => match (a.is_nan(), b.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        },
    }
}

fn month(text: &[u8]) -> u32 {
    let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let word = String::from_utf8_lossy(&text[start..]).chars().take(3).collect::<String>();
    crate::calendar::Date::month_named(&word).unwrap_or(0)
}

/// Runs of digits compare as numbers, `~` sorts before all, letters before other signs.
pub fn versions(a: &str, b: &str) -> Ordering {
    let order = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_digit() => 0,
        Some(c) if c.is_ascii_alphabetic() => c as i64,
        Some(c) => c as i64 + 256,
    };
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        loop {
            let digit = |c: Option<&char>| c.is_none_or(char::is_ascii_digit);
            if digit(a.peek()) && digit(b.peek()) {
                break;
            }
            let found = order(a.peek().copied()).cmp(&order(b.peek().copied()));
            if found != Ordering::Equal {
                return found;
            }
            a.next();
            b.next();
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits.trim_start_matches('0').to_owned()
        };
        let (left, right) = (number(&mut a), number(&mut b));
        let found = left.len().cmp(&right.len()).then(left.cmp(&right));
        if found != Ordering::Equal || a.peek().is_none() && b.peek().is_none() {
            return found;
        }
    }
}
