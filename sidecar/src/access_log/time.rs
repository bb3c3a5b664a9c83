//! Times as text: HTTP dates and `%START_TIME(...)%`.
//!
//! Source: days of the proleptic Gregorian calendar after Howard Hinnant, "chrono-compatible low-level date algorithms".

use std::io::Write as _;

const SECOND: u64 = 1_000_000_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

struct Date {
    year: i64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    weekday: &'static str,
}

fn date(seconds: u64) -> Date {
    let days = seconds / 86_400;
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let month = if part < 10 { part + 3 } else { part - 9 };
    Date {
        year: (year_of_era + era * 400 + u64::from(month <= 2)) as i64,
        month,
        day: day_of_year - (153 * part + 2) / 5 + 1,
        hour: seconds / 3600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        weekday: WEEKDAYS[(days % 7) as usize],
    }
}

/// `Sat, 21 Nov 2026 17:16:23 GMT`.
pub fn http_date(nanos: u64) -> String {
    let it = date(nanos / SECOND);
    let month = MONTHS[(it.month - 1) as usize];
    format!(
        "{}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        it.weekday, it.day, it.year, it.hour, it.minute, it.second
    )
}

/// `2026-11-21T17:16:23Z`, of seconds since 1970.
pub fn rfc3339(seconds: u64) -> String {
    let it = date(seconds);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", it.year, it.month, it.day, it.hour, it.minute, it.second)
}

/// After strftime, with `%E3S` and `%3f` for fractions of a second. Empty: `2026-11-21T17:16:23.123Z`.
pub fn write(nanos: u64, format: &str, out: &mut Vec<u8>) {
    let it = date(nanos / SECOND);
    let format = if format.is_empty() { "%Y-%m-%dT%H:%M:%E3SZ" } else { format };
    let mut rest = format.chars().peekable();
    let mut put = |text: std::fmt::Arguments<'_>| out.write_fmt(text).is_ok();
    while let Some(char) = rest.next() {
        if char != '%' {
            put(format_args!("{char}"));
            continue;
        }
        let is_fraction_of_second = rest.next_if_eq(&'E').is_some();
        let digits = rest.next_if(char::is_ascii_digit).and_then(|it| it.to_digit(10));
        let fraction = |digits: u32| nanos % SECOND / 10u64.pow(9 - digits.clamp(1, 9));
        match (rest.next(), digits) {
            (Some('S'), Some(digits)) if is_fraction_of_second => {
                let width = digits.clamp(1, 9) as usize;
                put(format_args!("{:02}.{:0width$}", it.second, fraction(digits)))
            }
            (Some('f'), digits) => {
                let digits = digits.unwrap_or(9);
                put(format_args!("{:0width$}", fraction(digits), width = digits.clamp(1, 9) as usize))
            }
            (Some('Y'), _) => put(format_args!("{}", it.year)),
            (Some('y'), _) => put(format_args!("{:02}", it.year % 100)),
            (Some('m'), _) => put(format_args!("{:02}", it.month)),
            (Some('b'), _) => put(format_args!("{}", MONTHS[(it.month - 1) as usize])),
            (Some('a'), _) => put(format_args!("{}", it.weekday)),
            (Some('d'), _) => put(format_args!("{:02}", it.day)),
            (Some('e'), _) => put(format_args!("{:2}", it.day)),
            (Some('H'), _) => put(format_args!("{:02}", it.hour)),
            (Some('M'), _) => put(format_args!("{:02}", it.minute)),
            (Some('S'), _) => put(format_args!("{:02}", it.second)),
            (Some('s'), _) => put(format_args!("{}", nanos / SECOND)),
            (Some('z'), _) => put(format_args!("+0000")),
            (Some('Z'), _) => put(format_args!("UTC")),
            (Some('T'), _) => put(format_args!("{:02}:{:02}:{:02}", it.hour, it.minute, it.second)),
            (Some('F'), _) => put(format_args!("{}-{:02}-{:02}", it.year, it.month, it.day)),
            (Some(other), _) => put(format_args!("{other}")),
            (None, _) => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_envoy_writes_them() {
        let at = 1_795_281_383_042_000_000;
        assert_eq!(http_date(at), "Sat, 21 Nov 2026 17:16:23 GMT");
        let mut out = Vec::new();
        write(at, "", &mut out);
        out.push(b' ');
        write(at, "%s.%3f", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "2026-11-21T17:16:23.042Z 1795281383.042");
    }
}
