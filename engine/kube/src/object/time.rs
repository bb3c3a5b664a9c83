//! Points in time as the API writes them (RFC 3339), and ages as kubectl's tables show them.
//!
//! Always: seconds since 1970, UTC. Source: apimachinery `duration.HumanDuration`.

pub use ::api::cluster::age;

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

const DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Time {
    /// Reads `2026-11-21T05:53:44Z`, with or without a fraction or an offset.
    pub fn parse(text: &str) -> Option<Time> {
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
        let bytes = text.as_bytes();
        let is_shaped = bytes.len() >= 20
            && bytes.is_ascii()
            && [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')]
                .iter()
                .all(|(at, it)| bytes[*at] == *it);
        if !is_shaped {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let rest = text[19..].trim_start_matches('.').trim_start_matches(|it: char| it.is_ascii_digit());
        let offset = match rest.as_bytes() {
            [b'Z'] => 0,
            [sign @ (b'+' | b'-'), ..] if rest.len() == 6 => {
                let seconds = rest[1..3].parse::<i64>().ok()? * 3600 + rest[4..6].parse::<i64>().ok()? * 60;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        Some(Time(days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset))
    }

    fn civil(self) -> (i64, i64, i64, i64, i64, i64) {
        let (days, seconds) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil_from_days(days);
        (year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    pub fn rfc3339(self) -> String {
        let (year, month, day, hour, minute, second) = self.civil();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// As describe prints it: `Sat, 21 Nov 2026 05:45:28 +0000`.
    pub fn rfc1123(self) -> String {
        let (year, month, day, hour, minute, second) = self.civil();
        let weekday = WEEKDAYS[usize::try_from(self.0.div_euclid(DAY).rem_euclid(7)).unwrap_or(0)];
        let month = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
    }

    /// As Go's default shows it: `2026-11-21 05:53:44 +0000 UTC`.
    pub fn go(self) -> String {
        let (year, month, day, hour, minute, second) = self.civil();
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} +0000 UTC")
    }

    /// How long ago `text` was, as a table's AGE; `<unknown>` where there is no time.
    pub fn age_of(self, text: &str) -> String {
        Time::parse(text).map_or_else(|| "<unknown>".to_owned(), |then| age(self.0 - then.0))
    }
}

// Days between 1970 and a date of the proleptic Gregorian calendar, by Howard Hinnant's method.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back() {
        let time = Time::parse("2026-11-21T05:53:44Z").expect("well formed");
        assert_eq!(time.rfc3339(), "2026-11-21T05:53:44Z");
        assert_eq!(time.rfc1123(), "Sat, 21 Nov 2026 05:53:44 +0000");
        assert_eq!(Time::parse("2026-11-21T07:53:44.123+02:00"), Some(time));
        assert_eq!(Time::parse("yesterday"), None);
    }
}
