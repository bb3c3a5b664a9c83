//! Dates: from seconds since 1970 to year, month, day, and to text as strftime(3) writes it. UTC only.
//!
//! Source: H. Hinnant, "chrono-compatible low-level date algorithms".

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The widest a field may be asked to be.
const WIDTH: usize = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: i64,
    /// From 1.
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub nanos: u32,
}

impl Date {
    pub fn from_seconds(seconds: u64) -> Date {
        Self::from_duration(std::time::Duration::from_secs(seconds))
    }

    pub fn from_duration(since_1970: std::time::Duration) -> Date {
        let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX / 2);
        Self::from_signed(seconds, since_1970.subsec_nanos())
    }

    /// Seconds since 1970, before it negative.
    pub fn from_signed(seconds: i64, nanos: u32) -> Date {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Date {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u32,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32,
            hour: (rest / 3600) as u32,
            minute: (rest / 60 % 60) as u32,
            second: (rest % 60) as u32,
            nanos,
        }
    }

    /// `Mon`
    pub fn weekday_name(self) -> &'static str {
        &DAYS[self.weekday()][..3]
    }

    /// `Jan`
    pub fn month_name(self) -> &'static str {
        &MONTHS[(self.month as usize + 11) % 12][..3]
    }

    /// `09:00:00`
    pub fn clock(self) -> String {
        self.format("%H:%M:%S")
    }

    /// HTTP's form: `Mon, 05 Jan 2026 09:00:00 GMT` (RFC 9110 §5.6.7).
    pub fn http(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S GMT")
    }

    /// Reads HTTP's form.
    pub fn parse_http(text: &str) -> Option<Date> {
        let (_, rest) = text.split_once(", ")?;
        let words: Vec<&str> = rest.split(' ').collect();
        let [day, month, year, clock, "GMT"] = words[..] else { return None };
        let mut parts = clock.split(':').map(|part| part.parse::<u32>().ok());
        Some(Date {
            year: year.parse().ok().filter(|year| (1..=9999).contains(year))?,
            month: Date::month_named(month)?,
            day: day.parse().ok().filter(|day| (1..=31).contains(day))?,
            hour: parts.next()??.min(23),
            minute: parts.next()??.min(59),
            second: parts.next()??.min(59),
            nanos: 0,
        })
    }

    /// Days since 1970.
    fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = i64::from(self.month);
        let day_of_year =
            (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    pub fn epoch(self) -> i64 {
        self.days() * 86_400
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    /// 0 is Sunday.
    pub fn weekday(self) -> usize {
        (self.days() + 4).rem_euclid(7) as usize
    }

    fn day_of_year(self) -> i64 {
        self.days() - Date { month: 1, day: 1, ..self }.days() + 1
    }

    /// The year and the week of ISO 8601.
    fn iso_week(self) -> (i64, i64) {
        let weekday = ((self.weekday() + 6) % 7) as i64;
        let thursday = Date::from_signed((self.days() - weekday + 3) * 86_400, 0);
        (thursday.year, (thursday.day_of_year() - 1) / 7 + 1)
    }

    /// strftime(3), with `%N` and the flags `-`, `_`, `0` of date(1).
    pub fn format(self, format: &str) -> String {
        let mut out = String::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut flag = None;
            let mut next = chars.next();
            while let Some(f @ ('-' | '_' | '0' | '^' | '#' | '+')) = next {
                flag = Some(f);
                next = chars.next();
            }
            let mut width = String::new();
            while let Some(digit) = next.filter(char::is_ascii_digit) {
                width.push(digit);
                next = chars.next();
            }
            let colons = chars.clone().take_while(|c| *c == ':').count() + usize::from(next == Some(':'));
            if colons > 0 && next == Some(':') && chars.clone().nth(colons - 1) == Some('z') {
                // UTC is `+00:00`, or `+00:00:00`.
                out.push_str(&format!("+00{}", ":00".repeat(colons.min(2))));
                chars.nth(colons - 1);
                continue;
            }
            match next {
                Some(letter) => self.field(letter, flag, width.parse().ok(), &mut out),
                None => out.push('%'),
            }
        }
        out
    }

    fn field(self, letter: char, flag: Option<char>, width: Option<usize>, out: &mut String) {
        let twelve = if self.hour.is_multiple_of(12) { 12 } else { self.hour % 12 };
        let mut number = |value: i64, least: usize, pad: char| {
            let width = width.unwrap_or(least).clamp(least, WIDTH);
            match flag {
                Some('-') => out.push_str(&value.to_string()),
                Some('_') => out.push_str(&format!("{value:width$}")),
                Some('0' | '+') => out.push_str(&format!("{value:0width$}")),
                _ if pad == ' ' => out.push_str(&format!("{value:width$}")),
                _ => out.push_str(&format!("{value:0width$}")),
            }
        };
        match letter {
            'Y' => number(self.year, 1, '0'),
            'C' => number(self.year.div_euclid(100), 2, '0'),
            'y' => number(self.year.rem_euclid(100), 2, '0'),
            'm' => number(self.month.into(), 2, '0'),
            'd' => number(self.day.into(), 2, '0'),
            'e' => number(self.day.into(), 2, ' '),
            'H' => number(self.hour.into(), 2, '0'),
            'I' => number(twelve.into(), 2, '0'),
            'k' => number(self.hour.into(), 2, ' '),
            'l' => number(twelve.into(), 2, ' '),
            'M' => number(self.minute.into(), 2, '0'),
            'S' => number(self.second.into(), 2, '0'),
            'j' => number(self.day_of_year(), 3, '0'),
            's' => number(self.epoch(), 1, '0'),
            'u' => number(if self.weekday() == 0 { 7 } else { self.weekday() as i64 }, 1, '0'),
            'w' => number(self.weekday() as i64, 1, '0'),
            'V' => number(self.iso_week().1, 2, '0'),
            'G' => number(self.iso_week().0, 1, '0'),
            'g' => number(self.iso_week().0.rem_euclid(100), 2, '0'),
            'q' => number((i64::from(self.month) + 2) / 3, 1, '0'),
            'U' => number((self.day_of_year() + 6 - self.weekday() as i64) / 7, 2, '0'),
            'W' => number((self.day_of_year() + 6 - (self.weekday() as i64 + 6) % 7) / 7, 2, '0'),
            letter => self.text_field(letter, flag, width, out),
        }
    }

    fn text_field(self, letter: char, flag: Option<char>, width: Option<usize>, out: &mut String) {
        let month = MONTHS[(self.month as usize + 11) % 12];
        let day = DAYS[self.weekday()];
        let text = match letter {
            'a' => day[..3].to_owned(),
            'A' => day.to_owned(),
            'b' | 'h' => month[..3].to_owned(),
            'B' => month.to_owned(),
            'c' => self.format("%a %b %e %H:%M:%S %Y"),
            'D' | 'x' => self.format("%m/%d/%y"),
            'F' => self.format("%Y-%m-%d"),
            'T' | 'X' => self.format("%H:%M:%S"),
            'R' => self.format("%H:%M"),
            'r' => self.format("%I:%M:%S %p"),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'P' => if self.hour < 12 { "am" } else { "pm" }.to_owned(),
            'N' => {
                let digits: String = format!("{:09}", self.nanos).chars().take(width.unwrap_or(9)).collect();
                let short = digits.trim_end_matches('0');
                if flag == Some('-') && !short.is_empty() { short.to_owned() } else { digits }
            }
            'z' => "+0000".to_owned(),
            'Z' => "UTC".to_owned(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            other => format!("%{other}"),
        };
        let text = match (flag, letter) {
            (Some('#'), 'p' | 'Z') => text.to_lowercase(),
            (Some('^' | '#'), _) => text.to_uppercase(),
            _ => text,
        };
        let width = width.filter(|_| letter != 'N').unwrap_or(0).min(WIDTH);
        match flag {
            Some('0') => out.push_str(&format!("{text:0>width$}")),
            _ => out.push_str(&format!("{text:>width$}")),
        }
    }

    /// A month by the first three letters of its name, from 1.
    pub fn month_named(word: &str) -> Option<u32> {
        let word = word.to_ascii_lowercase();
        let found =
            MONTHS.iter().position(|name| word.len() >= 3 && name.to_ascii_lowercase().starts_with(&word))?;
        Some(found as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_known_seconds() {
        let date = Date::from_seconds(crate::BOOT_SECONDS);
        assert_eq!(date.format("%a %b %e %H:%M:%S %Z %Y"), "Mon Jan  5 09:00:00 UTC 2026");
        assert_eq!(date.epoch(), crate::BOOT_SECONDS as i64);
        assert_eq!(Date::from_seconds(951_782_400).format("%F %j %-d"), "2000-02-29 060 29");
        assert_eq!(Date::from_signed(-1, 0).format("%F %T"), "1969-12-31 23:59:59");
        assert_eq!(Date::from_seconds(1_609_459_199).format("%G-W%V %U"), "2020-W53 52");
    }
}
