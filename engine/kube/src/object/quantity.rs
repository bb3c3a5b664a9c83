//! Amounts of CPU and memory: `100m`, `64Mi`, `1.5`.
//!
//! Always: kept in thousandths, printed in the shortest form without a fraction, in the family it came in.
//! Differs from Kubernetes: nothing finer than a thousandth. Source: apimachinery `api/resource`.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    milli: i128,
    family: Family,
}

const WRONG: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
/// Larger amounts are cut here, as the real one cuts at 2^63.
const MOST: i128 = 1 << 100;

impl Default for Quantity {
    fn default() -> Quantity {
        Quantity { milli: 0, family: Family::Decimal }
    }
}

impl Quantity {
    pub fn parse(text: &str) -> Result<Quantity, String> {
        let split = text
            .find(|it: char| !it.is_ascii_digit() && !matches!(it, '+' | '-' | '.'))
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(split);
        let (negative, digits) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || whole.len() + fraction.len() == 0 || whole.len() > 24
        {
            return Err(WRONG.to_owned());
        }
        let (scale, family) = Quantity::scale(suffix).ok_or(WRONG)?;
        let fraction = &fraction[..fraction.len().min(9)];
        let mantissa: i128 = format!("{whole}{fraction}").parse().map_err(|_| WRONG.to_owned())?;
        let below = 10i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let nano = mantissa.saturating_mul(scale);
        // Rounded up, as the real one does with what it cannot hold.
        let milli = (nano + below * 1_000_000 - 1).div_euclid(below * 1_000_000).min(MOST);
        Ok(Quantity { milli: if negative { -milli } else { milli }, family })
    }

    /// What one of the suffix is, in billionths.
    fn scale(suffix: &str) -> Option<(i128, Family)> {
        const UNIT: i128 = 1_000_000_000;
        if let Some(at) = BINARY.iter().position(|it| *it == suffix) {
            return Some((UNIT << (10 * (at + 1)), Family::Binary));
        }
        if let Some(at) = DECIMAL.iter().position(|it| *it == suffix) {
            return Some((UNIT * 1000i128.pow(u32::try_from(at).ok()? + 1), Family::Decimal));
        }
        match suffix {
            "" => Some((UNIT, Family::Decimal)),
            "m" => Some((UNIT / 1000, Family::Decimal)),
            "u" => Some((UNIT / 1_000_000, Family::Decimal)),
            "n" => Some((1, Family::Decimal)),
            _ => {
                let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
                let scale = 10i128.checked_pow(u32::try_from((9 + power).clamp(0, 36)).ok()?)?;
                Some((scale, Family::Exponent))
            }
        }
    }

    pub fn milli(self) -> i128 {
        self.milli
    }

    /// Whole units, rounded up.
    pub fn value(self) -> i128 {
        self.milli.div_euclid(1000) + i128::from(self.milli.rem_euclid(1000) != 0)
    }

    /// The text of a quantity field as an amount; nothing is zero.
    pub fn of(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_default()
    }

    pub fn plus(self, other: Quantity) -> Quantity {
        let family = if self.milli == 0 { other.family } else { self.family };
        Quantity { milli: self.milli + other.milli, family }
    }

    pub fn minus(self, other: Quantity) -> Quantity {
        Quantity { milli: self.milli - other.milli, family: self.family }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milli == 0 {
            return f.write_str("0");
        }
        let is_large = self.milli.abs() >= 1_024_000;
        if self.family == Family::Binary && self.milli % 1000 == 0 && is_large {
            let (mut value, mut power) = (self.milli / 1000, 0);
            while value % 1024 == 0 && power < BINARY.len() {
                value /= 1024;
                power += 1;
            }
            return write!(f, "{value}{}", if power == 0 { "" } else { BINARY[power - 1] });
        }
        let (mut value, mut power) = (self.milli, 0);
        while value % 1000 == 0 && power <= DECIMAL.len() {
            value /= 1000;
            power += 1;
        }
        match (self.family, power) {
            (_, 0) => write!(f, "{value}m"),
            (_, 1) => write!(f, "{value}"),
            (Family::Exponent, power) => write!(f, "{value}e{}", 3 * (power - 1)),
            (_, power) => write!(f, "{value}{}", DECIMAL[power - 2]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_their_shortest_form() {
        let pairs = [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("2000", "2k"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0", "0"),
        ];
        for (written, canonical) in pairs {
            assert_eq!(
                Quantity::parse(written).map(|it| it.to_string()).as_deref(),
                Ok(canonical),
                "{written}"
            );
        }
        assert!(Quantity::parse("1x").is_err());
    }
}
