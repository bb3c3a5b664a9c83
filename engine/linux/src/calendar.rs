//! Seconds since 1970 as a date, for what prints one.
//!
//! Always: UTC; machines have no other time zone.
//! Source: the Gregorian calendar's rules; strftime(3) for the names.

/// `struct tm`, as far as it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: u64,
    /// 1 to 12
    pub month: u64,
    pub day: u64,
    /// 0 is Sunday.
    pub weekday: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Date {
    pub fn from_seconds(seconds: u64) -> Date {
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Counted from 1 March of year 0, so that a leap day ends its year.
        let shifted = days + 719_468;
        let (era, in_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
        let day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Date {
            year,
            month,
            day,
            weekday: (days + 4) % 7,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// `Mon`
    pub fn weekday_name(self) -> &'static str {
        WEEKDAYS[self.weekday as usize % 7]
    }

    /// `Jan`
    pub fn month_name(self) -> &'static str {
        MONTHS[(self.month as usize + 11) % 12]
    }

    /// `09:00:00`
    pub fn clock(self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// HTTP's form: `Mon, 05 Jan 2026 09:00:00 GMT` (RFC 9110 §5.6.7).
    pub fn http(self) -> String {
        let (weekday, month) = (self.weekday_name(), self.month_name());
        format!("{weekday}, {:02} {month} {} {} GMT", self.day, self.year, self.clock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_at_the_edges_of_years_and_leap_days() {
        let shown = |seconds| Date::from_seconds(seconds).http();
        assert_eq!(shown(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(shown(951_782_399), "Mon, 28 Feb 2000 23:59:59 GMT");
        assert_eq!(shown(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(shown(1_767_603_600), "Mon, 05 Jan 2026 09:00:00 GMT");
        assert_eq!(shown(4_102_444_799), "Thu, 31 Dec 2099 23:59:59 GMT");
    }
}
