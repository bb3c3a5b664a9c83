//! What `ping` counts: packets under way, round-trip times, duplicates; and the lines it ends with.
//!
//! Times are whole microseconds, as in the real one; so their rounding is its rounding.
//! Source: iputils 20221126 `ping_common.c` (gather_statistics, finish, status).

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

/// Sequence numbers 0 to 65535: which of them have been answered.
const BITS: usize = 1 << 16;

#[derive(Clone, Debug)]
pub(super) struct Statistics {
    pub transmitted: i64,
    pub received: i64,
    pub repeats: i64,
    pub corrupted: i64,
    pub errors: i64,
    /// Microseconds.
    pub shortest: i64,
    pub longest: i64,
    sum: f64,
    square_sum: f64,
    /// Eight times the moving average.
    pub average8: i64,
    acknowledged: u16,
    pipe: i64,
    answered: VecDeque<bool>,
}

/// What an answer turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub trip_us: i64,
    pub duplicate: bool,
}

impl Statistics {
    pub fn new() -> Statistics {
        Statistics {
            transmitted: 0,
            received: 0,
            repeats: 0,
            corrupted: 0,
            errors: 0,
            shortest: i64::MAX,
            longest: 0,
            sum: 0.0,
            square_sum: 0.0,
            average8: 0,
            acknowledged: 0,
            pipe: -1,
            answered: std::iter::repeat_n(false, BITS).collect(),
        }
    }

    pub fn pipe(&self) -> i64 {
        self.pipe
    }

    /// Requests without an answer so far.
    pub fn in_flight(&self) -> i64 {
        let behind = (self.transmitted as u16).wrapping_sub(self.acknowledged);
        if behind <= 0x7fff { i64::from(behind) } else { self.transmitted - self.received - self.errors }
    }

    pub fn acknowledge(&mut self, sequence: u16) {
        let behind = (self.transmitted as u16).wrapping_sub(sequence);
        if behind > 0x7fff {
            return;
        }
        self.pipe = self.pipe.max(i64::from(behind) + 1);
        let newer = (sequence.wrapping_sub(self.acknowledged) as i16) > 0;
        if newer || (self.transmitted as u16).wrapping_sub(self.acknowledged) > 0x7fff {
            self.acknowledged = sequence;
        }
    }

    /// The next request is about to go out.
    pub fn forget_next(&mut self) {
        self.answered[(self.transmitted + 1) as usize % BITS] = false;
    }

    pub fn sent(&mut self) {
        self.transmitted += 1;
        if (self.transmitted as u16).wrapping_sub(self.acknowledged) > 0x7fff {
            self.acknowledged = (self.transmitted as u16).wrapping_add(1);
        }
    }

    pub fn is_answered(&self, sequence: i64) -> bool {
        self.answered[sequence as usize % BITS]
    }

    /// An answer came; `trip` where it could be timed.
    pub fn gather(&mut self, sequence: u16, trip: Option<Duration>) -> Answer {
        self.received += 1;
        self.acknowledge(sequence);
        let mut answer = Answer { trip_us: 0, duplicate: false };
        if let Some(trip) = trip {
            let us = i64::try_from(trip.as_micros()).unwrap_or(i64::MAX);
            answer.trip_us = us;
            self.sum += us as f64;
            self.square_sum += us as f64 * us as f64;
            self.shortest = self.shortest.min(us);
            self.longest = self.longest.max(us);
            self.average8 += if self.average8 == 0 { us * 8 } else { us - self.average8 / 8 };
        }
        answer.duplicate = std::mem::replace(&mut self.answered[usize::from(sequence)], true);
        if answer.duplicate {
            self.repeats += 1;
            self.received -= 1;
        }
        answer
    }

    fn average_us(&self) -> i64 {
        (self.sum / (self.received + self.repeats).max(1) as f64) as i64
    }

    /// The closing lines. `steady` is false for floods, whose pace is told too.
    pub fn summary(&self, host: &str, timed: bool, took: Duration, steady: bool) -> String {
        let mut text =
            format!("\n--- {host} ping statistics ---\n{} packets transmitted, ", self.transmitted);
        write!(text, "{} received", self.received).ok();
        for (count, word) in
            [(self.repeats, "duplicates"), (self.corrupted, "corrupted"), (self.errors, "errors")]
        {
            if count > 0 {
                write!(text, ", +{count} {word}").ok();
            }
        }
        if self.transmitted > 0 {
            let loss = (self.transmitted - self.received) as f64 * 100.0 / self.transmitted as f64;
            let ms = took.as_secs() * 1000 + u64::from(took.subsec_nanos() + 500_000) / 1_000_000;
            write!(text, ", {}% packet loss, time {ms}ms", six_digits(loss)).ok();
        }
        text.push('\n');
        let mut parts = Vec::new();
        if self.received > 0 && timed {
            let times =
                [self.shortest, self.average_us(), self.longest, self.deviation_us()].map(thousandths);
            parts.push(format!("rtt min/avg/max/mdev = {} ms", times.join("/")));
        }
        if self.pipe > 1 {
            parts.push(format!("pipe {}", self.pipe));
        }
        if self.received > 0 && !steady && self.transmitted > 1 {
            let gap = took.as_micros() as i64 / (self.transmitted - 1);
            parts.push(format!("ipg/ewma {}/{} ms", thousandths(gap), thousandths(self.average8 / 8)));
        }
        text + &parts.join(", ") + "\n"
    }

    fn deviation_us(&self) -> i64 {
        let total = (self.received + self.repeats) as f64;
        let average = self.average_us() as f64;
        let variance = if self.sum < f64::from(i32::MAX) {
            (self.square_sum - self.sum * self.sum / total) / total
        } else {
            self.square_sum / total - average * average
        };
        whole_root(variance as i64)
    }

    /// What SIGQUIT shows.
    pub fn status(&self, timed: bool) -> String {
        let loss = (self.transmitted - self.received) * 100 / self.transmitted.max(1);
        let mut text = format!("\r{}/{} packets, {loss}% loss", self.received, self.transmitted);
        if self.received > 0 && timed {
            let times = [self.shortest, self.average_us(), self.average8 / 8, self.longest].map(thousandths);
            write!(text, ", min/avg/ewma/max = {} ms", times.join("/")).ok();
        }
        text + "\n"
    }
}

/// Milliseconds with three decimals.
fn thousandths(us: i64) -> String {
    format!("{}.{:03}", us / 1000, us % 1000)
}

/// Newton's square root of whole numbers, as the real one takes it.
fn whole_root(number: i64) -> i64 {
    let (mut before, mut root) = (i64::MAX, number);
    while root > 0 && root < before {
        before = root;
        root = (root + number / root) / 2;
    }
    root.max(0)
}

/// C's `%g`: six significant digits, no zeros behind them.
fn six_digits(value: f64) -> String {
    // Percentages need no exponent: the smallest above zero is larger than 1e-4 up to a million packets.
    let value = f64::from(value as f32);
    let before = if value >= 1.0 { value.log10().floor() as usize + 1 } else { 0 };
    let text = format!("{value:.*}", 6_usize.saturating_sub(before));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `time=` as ping rounds it: three decimals below a millisecond, none from 100 ms on.
pub(super) fn trip_text(us: i64) -> String {
    match us {
        99_950.. => format!("{}", (us + 500) / 1000),
        9_995.. => format!("{}.{}", (us + 50) / 1000, (us + 50) % 1000 / 100),
        1_000.. => format!("{}.{:02}", (us + 5) / 1000, (us + 5) % 1000 / 10),
        _ => thousandths(us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lose_decimals_as_they_grow() {
        let shown = [31, 999, 1000, 1994, 9994, 9995, 12_345, 99_949, 99_950, 1_000_499].map(trip_text);
        assert_eq!(shown, ["0.031", "0.999", "1.00", "1.99", "9.99", "10.0", "12.3", "99.9", "100", "1000"]);
    }

    #[test]
    fn losses_have_six_digits_at_most() {
        assert_eq!(
            [0.0, 100.0, 33.333_333_3, 50.0, 66.666_666].map(six_digits),
            ["0", "100", "33.3333", "50", "66.6667"]
        );
    }

    #[test]
    fn the_summary_counts_what_came_back() {
        let mut counted = Statistics::new();
        for _ in 0..3 {
            counted.forget_next();
            counted.sent();
        }
        let us = Duration::from_micros;
        assert!(!counted.gather(1, Some(us(100))).duplicate);
        assert!(!counted.gather(2, Some(us(300))).duplicate);
        assert!(counted.gather(2, Some(us(350))).duplicate);
        assert_eq!(counted.in_flight(), 1);
        let text = counted.summary("10.0.0.2", true, Duration::from_millis(2003), true);
        assert_eq!(
            text,
            "\n--- 10.0.0.2 ping statistics ---\n3 packets transmitted, 2 received, +1 duplicates, 33.3333% packet \
             loss, time 2003ms\nrtt min/avg/max/mdev = 0.100/0.250/0.350/0.108 ms, pipe 3\n"
        );
    }

    #[test]
    fn nothing_received_ends_in_an_empty_line() {
        let mut counted = Statistics::new();
        counted.sent();
        counted.errors = 1;
        let text = counted.summary("a", true, Duration::ZERO, true);
        assert!(
            text.ends_with("1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n\n")
        );
    }
}
