//! Dates as people write them: `2024-02-29 12:30`, `@1700000000`, `next month`, `3 days ago`.
//!
//! Differs from GNU: UTC and offsets such as `+02:00` are the only time zones; no ordinals but `next`, `last`, `this`.
//! Source: coreutils manual, "Date input formats".

use crate::calendar::Date;
use std::time::Duration;

/// The farthest that a relative item leads.
const FAR: i64 = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Number(i64, usize),
    /// With its sign before it.
    Signed(i64, usize),
    Name(String),
    Mark(char),
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    day: Option<(i64, u32, u32)>,
    clock: Option<(u32, u32, u32, u32)>,
    offset: i64,
    weekday: Option<(i64, usize)>,
    years: i64,
    months: i64,
    days: i64,
    seconds: i64,
    /// `now` and its like keep the time of day.
    relative: bool,
}

/// The moment that `text` means at `now`; `None` where it means none.
pub fn parse(text: &str, now: Duration) -> Option<Date> {
    let trimmed = text.trim();
    if let Some(seconds) = trimmed.strip_prefix('@') {
        return epoch(seconds);
    }
    let words = split(trimmed)?;
    let mut reading = Reading::default();
    let mut at = 0;
    while at < words.len() {
        at += reading.item(&words[at..], Date::from_duration(now).year)?;
    }
    reading.finish(now)
}

fn epoch(text: &str) -> Option<Date> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok().filter(|seconds: &i64| seconds.abs() < 1 << 40)?;
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    match seconds {
        0.. => Some(Date::from_signed(seconds, nanos)),
        _ if whole.starts_with('-') && nanos > 0 => {
            Some(Date::from_signed(seconds - 1, 1_000_000_000 - nanos))
        }
        _ => Some(Date::from_signed(seconds, nanos)),
    }
}

fn split(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(rest.len());
        let taken = match first {
            c if c.is_ascii_whitespace() => 1,
            c if c.is_ascii_digit() => {
                let end = end(|c| c.is_ascii_digit());
                words.push(Word::Number(rest[..end].parse().ok()?, end));
                end
            }
            c if c.is_ascii_alphabetic() => {
                let end = end(|c| c.is_ascii_alphabetic() || c == '.');
                words.push(Word::Name(rest[..end].trim_end_matches('.').to_ascii_lowercase()));
                end
            }
            '+' | '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) && signs(&words) => {
                let digits = rest[1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - 1);
                let value: i64 = rest[1..=digits].parse().ok()?;
                words.push(Word::Signed(if first == '-' { -value } else { value }, digits));
                digits + 1
            }
            c if ":-/.,+".contains(c) => {
                words.push(Word::Mark(c));
                1
            }
            _ => return None,
        };
        // A date's dashes have no blanks about them.
        if first.is_ascii_whitespace() && words.last() != Some(&Word::Mark(' ')) && !words.is_empty() {
            words.push(Word::Mark(' '));
        }
        rest = &rest[taken..];
    }
    Some(words)
}

/// May a sign follow here? Not within `2024-02-29`.
fn signs(words: &[Word]) -> bool {
    match words {
        [.., Word::Mark(':'), Word::Number(..)] => true,
        [.., Word::Mark('.'), Word::Number(..)] => true,
        [.., Word::Number(..)] | [.., Word::Mark('-')] => false,
        _ => true,
    }
}

impl Reading {
    /// Reads one item and says how many words it took.
    fn item(&mut self, words: &[Word], this_year: i64) -> Option<usize> {
        use Word::{Mark, Name, Number, Signed};
        if let Some(taken) = self.clock_or_month(words, this_year) {
            return Some(taken);
        }
        match words {
            [Mark(' ' | ','), ..] => Some(1),
            [Number(year, 4..), Mark('-'), Number(month, _), Mark('-'), Number(day, _), ..] => {
                self.set_day(*year, *month, *day)?;
                Some(5)
            }
            [Number(year, 4), Mark('/'), Number(month, _), Mark('/'), Number(day, _), ..] => {
                self.set_day(*year, *month, *day)?;
                Some(5)
            }
            [Number(month, _), Mark('/'), Number(day, _), Mark('/'), Number(year, digits), ..] => {
                self.set_day(century(*year, *digits), *month, *day)?;
                Some(5)
            }
            [Number(month, _), Mark('/'), Number(day, _), ..] => {
                self.set_day(this_year, *month, *day)?;
                Some(3)
            }
            [Number(digits, 8), ..] => {
                self.set_day(digits / 10_000, digits / 100 % 100, digits % 100)?;
                Some(1)
            }
            [Signed(count, _) | Number(count, _), Mark(' '), Name(unit), rest @ ..] => {
                self.relative(*count, unit, rest, 3)
            }
            [Signed(count, _) | Number(count, _), Name(unit), rest @ ..] => {
                self.relative(*count, unit, rest, 2)
            }
            [Name(word), Mark(' '), Name(unit), rest @ ..] if ordinal(word).is_some() => {
                match weekday(unit) {
                    Some(day) => {
                        self.weekday = Some((ordinal(word)?, day));
                        Some(3)
                    }
                    None => self.relative(ordinal(word)?, unit, rest, 3),
                }
            }
            [Name(word), rest @ ..] => self.word(word, rest),
            _ => None,
        }
    }

    /// `12:30`, `5pm`, `29 Feb 2024`, `Feb 29 2024`; `None` where it is another item.
    fn clock_or_month(&mut self, words: &[Word], this_year: i64) -> Option<usize> {
        use Word::{Mark, Name, Number};
        match words {
            [Number(hour, _), Mark(':'), Number(minute, _), rest @ ..] => self.clock(*hour, *minute, rest, 3),
            [Number(hour, 1..=2), Mark(' '), Name(half), ..] if half == "am" || half == "pm" => {
                self.set_clock(twelve(*hour, half)?, 0, 0, 0)?;
                Some(3)
            }
            [Number(hour, 1..=2), Name(half), ..] if half == "am" || half == "pm" => {
                self.set_clock(twelve(*hour, half)?, 0, 0, 0)?;
                Some(2)
            }
            [Number(day, _), Mark(' ' | '-'), Name(month), Mark(' ' | '-'), Number(year, digits), ..]
                if Date::month_named(month).is_some() && words.get(5) != Some(&Mark(':')) =>
            {
                self.set_day(century(*year, *digits), Date::month_named(month)?.into(), *day)?;
                Some(5)
            }
            [Number(day, _), Mark(' '), Name(month), ..] if Date::month_named(month).is_some() => {
                self.set_day(this_year, Date::month_named(month)?.into(), *day)?;
                Some(3)
            }
            [Name(month), Mark(' '), Number(day, _), rest @ ..] if Date::month_named(month).is_some() => {
                let month = i64::from(Date::month_named(month)?);
                match rest {
                    [Mark(' '), Number(year, 4), after @ ..] if after.first() != Some(&Mark(':')) => {
                        self.set_day(*year, month, *day)?;
                        Some(5)
                    }
                    [Mark(','), Mark(' '), Number(year, 4), ..] => {
                        self.set_day(*year, month, *day)?;
                        Some(6)
                    }
                    _ => {
                        self.set_day(this_year, month, *day)?;
                        Some(3)
                    }
                }
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &str, rest: &[Word]) -> Option<usize> {
        match word {
            "now" | "today" => self.relative = true,
            "tomorrow" => (self.days, self.relative) = (self.days + 1, true),
            "yesterday" => (self.days, self.relative) = (self.days - 1, true),
            "midnight" => self.set_clock(0, 0, 0, 0)?,
            "noon" => self.set_clock(12, 0, 0, 0)?,
            "utc" | "gmt" | "z" | "ut" => {}
            "t" if self.day.is_some() => {}
            word => match weekday(word) {
                Some(day) => self.weekday = Some((0, day)),
                None => return self.relative(1, word, rest, 1),
            },
        }
        Some(1)
    }

    fn set_day(&mut self, year: i64, month: i64, day: i64) -> Option<()> {
        let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..=9999).contains(&year);
        if self.day.is_some() || !fits {
            return None;
        }
        let date =
            Date { year, month: month as u32, day: day as u32, hour: 0, minute: 0, second: 0, nanos: 0 };
        if Date::from_signed(date.epoch(), 0) != date {
            return None;
        }
        self.day = Some((year, month as u32, day as u32));
        Some(())
    }

    fn set_clock(&mut self, hour: i64, minute: i64, second: i64, nanos: u32) -> Option<()> {
        let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
        if self.clock.is_some() || !fits {
            return None;
        }
        self.clock = Some((hour as u32, minute as u32, second as u32, nanos));
        Some(())
    }

    /// Behind `HH:MM`: seconds, a fraction, am or pm, an offset.
    fn clock(&mut self, hour: i64, minute: i64, mut rest: &[Word], mut taken: usize) -> Option<usize> {
        use Word::{Mark, Name, Number, Signed};
        let (mut second, mut nanos, mut hour) = (0, 0, hour);
        if let [Mark(':'), Number(value, _), more @ ..] = rest {
            (second, rest, taken) = (*value, more, taken + 2);
            if let [Mark('.' | ','), Number(value, digits), more @ ..] = rest {
                let scale = 10_i64.checked_pow(9_u32.checked_sub(u32::try_from(*digits).ok()?)?)?;
                nanos = u32::try_from(value * scale).ok()?;
                (rest, taken) = (more, taken + 2);
            }
        }
        let blank = usize::from(rest.first() == Some(&Mark(' ')));
        if let Some(Name(half)) = rest.get(blank)
            && (half == "am" || half == "pm")
        {
            hour = twelve(hour, half)?;
            (rest, taken) = (&rest[blank + 1..], taken + blank + 1);
        }
        // `+02:00` may stand apart, unlike `+2 days`.
        if let [Mark(' '), Signed(_, 2), Mark(':'), ..] = rest {
            (rest, taken) = (&rest[1..], taken + 1);
        }
        if let [Signed(value, digits), more @ ..] = rest {
            let minutes = match (*digits, more) {
                (..=2, [Mark(':'), Number(minutes, _), ..]) => {
                    taken += 2;
                    value * 60 + minutes * value.signum()
                }
                (..=2, _) => value * 60,
                _ => value / 100 * 60 + value % 100,
            };
            self.offset = minutes * 60;
            taken += 1;
        }
        self.set_clock(hour, minute, second, nanos)?;
        Some(taken)
    }

    fn relative(&mut self, count: i64, unit: &str, rest: &[Word], taken: usize) -> Option<usize> {
        let ago = matches!(rest, [Word::Mark(' '), Word::Name(ago), ..] if ago == "ago");
        let count = if ago { -count } else { count };
        if count.abs() > FAR * 1000 {
            return None;
        }
        match unit.strip_suffix('s').filter(|unit| unit.len() > 2).unwrap_or(unit) {
            "year" => self.years += count,
            "month" => self.months += count,
            "fortnight" => self.days += 14 * count,
            "week" => self.days += 7 * count,
            "day" => self.days += count,
            "hour" => self.seconds += 3600 * count,
            "min" | "minute" => self.seconds += 60 * count,
            "sec" | "second" => self.seconds += count,
            _ => return None,
        }
        let bounded = [self.years, self.months, self.days].iter().all(|value| value.abs() <= FAR);
        self.relative = true;
        bounded.then_some(taken + if ago { 2 } else { 0 })
    }

    fn finish(self, now: Duration) -> Option<Date> {
        let today = Date::from_duration(now);
        let (year, month, day) = self.day.unwrap_or((today.year, today.month, today.day));
        // A relative item alone keeps the time of day; a date or weekday begins at midnight.
        let running = self.relative && self.day.is_none() && self.weekday.is_none();
        let (hour, minute, second, nanos) = match self.clock {
            Some(clock) => clock,
            None if running => (today.hour, today.minute, today.second, today.nanos),
            None => (0, 0, 0, 0),
        };
        let months = i64::from(month) - 1 + self.months;
        let year = year + self.years + months.div_euclid(12);
        // The 31st of a short month is a day of the next one.
        let first =
            Date { year, month: months.rem_euclid(12) as u32 + 1, day: 1, hour, minute, second, nanos };
        let mut seconds = first.epoch() + (i64::from(day) - 1 + self.days) * 86_400;
        if let Some((count, wanted)) = self.weekday {
            let is = Date::from_signed(seconds, 0).weekday() as i64;
            let ahead = (wanted as i64 - is).rem_euclid(7);
            let weeks = if count > 0 && ahead != 0 { count - 1 } else { count };
            seconds += (ahead + 7 * weeks) * 86_400;
        }
        Some(Date::from_signed(seconds + self.seconds - self.offset, nanos))
    }
}

fn century(year: i64, digits: usize) -> i64 {
    match (digits, year) {
        (..=2, ..69) => year + 2000,
        (..=2, _) => year + 1900,
        _ => year,
    }
}

fn twelve(hour: i64, half: &str) -> Option<i64> {
    (1..=12).contains(&hour).then(|| hour % 12 + if half == "pm" { 12 } else { 0 })
}

fn ordinal(word: &str) -> Option<i64> {
    match word {
        "last" => Some(-1),
        "this" => Some(0),
        "next" => Some(1),
        _ => None,
    }
}

fn weekday(word: &str) -> Option<usize> {
    const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    NAMES.iter().position(|name| word.len() >= 3 && name.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        // 2024-01-31 10:20:30, a Wednesday.
        let now = Duration::from_secs(1_706_696_430);
        parse(text, now).map_or("none".to_owned(), |date| date.format("%F %T"))
    }

    #[test]
    fn dates_are_read_as_date_reads_them() {
        assert_eq!(at("@0"), "1970-01-01 00:00:00");
        assert_eq!(at("2024-02-29"), "2024-02-29 00:00:00");
        assert_eq!(at("2024-02-29 12:34:56"), "2024-02-29 12:34:56");
        assert_eq!(at("2024-02-29T12:34:56Z"), "2024-02-29 12:34:56");
        assert_eq!(at("2024-02-29 12:34:56 +02:00"), "2024-02-29 10:34:56");
        assert_eq!(at("2024-02-29 +1 day"), "2024-03-01 00:00:00");
        assert_eq!(at("2024-02-29 1 month ago"), "2024-01-29 00:00:00");
        assert_eq!(at("next month"), "2024-03-02 10:20:30");
        assert_eq!(at("29 Feb 2024"), "2024-02-29 00:00:00");
        assert_eq!(at("Feb 29 2024 5pm"), "2024-02-29 17:00:00");
        assert_eq!(at("02/29/2024"), "2024-02-29 00:00:00");
        assert_eq!(at("tomorrow"), "2024-02-01 10:20:30");
        assert_eq!(at("2 hours ago"), "2024-01-31 08:20:30");
        assert_eq!(at("12:34"), "2024-01-31 12:34:00");
        assert_eq!(at(""), "2024-01-31 00:00:00");
        assert_eq!(at("friday"), "2024-02-02 00:00:00");
        for wrong in ["frob", "2024-02-30", "25:00", "13/1/2024", "é", "99999999999999999999"] {
            assert_eq!(at(wrong), "none", "{wrong}");
        }
    }
}
