//! What curl tells on stderr while it works: -v's lines and the progress meter.
//!
//! Source: curl 7.88.1 `src/tool_cb_dbg.c`, `lib/progress.c`, `src/tool_cb_prg.c`.

use super::options::Meter;
use crate::sys::Sys;
use sim::Instant;

/// The head of a line of -v.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Text,
    HeadIn,
    HeadOut,
    DataIn,
    DataOut,
}

impl Mark {
    fn text(self) -> &'static str {
        match self {
            Mark::Text => "* ",
            Mark::HeadIn => "< ",
            Mark::HeadOut => "> ",
            Mark::DataIn => "{ ",
            Mark::DataOut => "} ",
        }
    }
}

pub(super) struct Show {
    sys: Sys,
    verbose: bool,
    /// The body goes to a terminal, so there is no need to count it.
    on_terminal: bool,
    /// The last line is not ended.
    open_line: bool,
    /// The data that flows has been told of.
    data_told: bool,
    meter: Meter,
    progress: Progress,
}

/// What the meter counts in one request.
#[derive(Default)]
struct Progress {
    head_shown: bool,
    start: Instant,
    /// The second last shown in; `None` before the first.
    shown: Option<u64>,
    received: u64,
    expected: Option<u64>,
    sent: u64,
    to_send: Option<u64>,
    /// Amounts and times of the last shows.
    past: Vec<(u64, Instant)>,
    bar_shown: bool,
}

/// How many shows the current speed looks back on.
const LOOK_BACK: usize = 6;

impl Show {
    pub fn new(sys: &Sys, verbose: bool) -> Show {
        Show {
            sys: sys.clone(),
            verbose,
            on_terminal: false,
            open_line: false,
            data_told: false,
            meter: Meter::Off,
            progress: Progress::default(),
        }
    }

    /// A transfer begins; its header line comes again.
    pub fn transfer(&mut self, meter: Meter, on_terminal: bool) {
        (self.meter, self.on_terminal) = (meter, on_terminal);
        self.progress = Progress::default();
    }

    pub async fn info(&mut self, text: impl AsRef<str>) {
        let text = format!("{}\n", text.as_ref());
        self.lines(Mark::Text, text.as_bytes()).await;
    }

    /// Lines of a head, or a text.
    pub async fn lines(&mut self, mark: Mark, bytes: &[u8]) {
        if !self.verbose || bytes.is_empty() {
            return;
        }
        let mut text = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.open_line {
                text.extend_from_slice(mark.text().as_bytes());
            }
            text.extend_from_slice(line);
            self.open_line = line.last() != Some(&b'\n');
        }
        self.data_told = false;
        self.sys.write(2, &text).await.ok();
    }

    pub async fn data(&mut self, mark: Mark, bytes: usize) {
        if !self.verbose || self.data_told || self.on_terminal {
            return;
        }
        let head = if self.open_line { "" } else { mark.text() };
        (self.open_line, self.data_told) = (false, true);
        self.sys.eprint(format!("{head}[{bytes} bytes data]\n")).await;
    }

    /// A request begins.
    pub async fn request(&mut self, now: Instant) {
        let old = std::mem::take(&mut self.progress);
        self.progress = Progress {
            head_shown: old.head_shown,
            bar_shown: old.bar_shown,
            start: now,
            shown: old.shown,
            ..Progress::default()
        };
        self.tick(now).await;
    }

    pub fn expect(&mut self, bytes: Option<u64>) {
        self.progress.expected = bytes;
    }

    pub fn will_send(&mut self, bytes: u64) {
        self.progress.to_send = Some(bytes);
    }

    pub fn received(&mut self, bytes: usize) {
        self.progress.received += bytes as u64;
    }

    pub fn sent(&mut self, bytes: usize) {
        self.progress.sent += bytes as u64;
    }

    /// When the meter wants to be shown again.
    pub fn next_tick(&self) -> Option<Instant> {
        let shown = self.progress.shown.filter(|_| self.meter != Meter::Off)?;
        Some(self.progress.start + std::time::Duration::from_secs(shown + 1))
    }

    /// Shows the meter, at most once a second.
    pub async fn tick(&mut self, now: Instant) {
        let second = (now - self.progress.start).as_secs();
        if self.meter != Meter::Off && self.progress.shown != Some(second) {
            self.progress.shown = Some(second);
            self.draw(now).await;
        }
    }

    /// The request is over: the meter's last word.
    pub async fn done(&mut self, now: Instant) {
        if self.meter == Meter::Off {
            return;
        }
        self.progress.shown = Some((now - self.progress.start).as_secs());
        self.draw(now).await;
        if self.meter == Meter::Table {
            self.sys.eprint("\n").await;
        }
    }

    /// The transfer is over.
    pub async fn end(&mut self) {
        if self.meter == Meter::Bar && self.progress.bar_shown {
            self.sys.eprint("\n").await;
        }
    }

    async fn draw(&mut self, now: Instant) {
        let text = match self.meter {
            Meter::Bar => self
                .progress
                .bar(self.sys.terminal_size().await.map_or(79, |(columns, _)| usize::from(columns) - 1)),
            _ => self.progress.table(now),
        };
        self.sys.eprint(text).await;
    }
}

impl Progress {
    fn table(&mut self, now: Instant) -> String {
        let mut text = String::new();
        if !self.head_shown {
            self.head_shown = true;
            text.push_str(
                "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 \
                 Dload  Upload   Total   Spent    Left  Speed\n",
            );
        }
        let spent = (now - self.start).as_micros() as u64;
        let speed = |bytes: u64| (u128::from(bytes) * 1_000_000 / u128::from(spent.max(1))) as u64;
        let (down, up) = (speed(self.received), speed(self.sent));
        self.past.push((self.received + self.sent, now));
        if self.past.len() > LOOK_BACK {
            self.past.remove(0);
        }
        let current = match self.past[..] {
            [(before, then), .., (amount, _)] => {
                (u128::from(amount - before) * 1000 / (now - then).as_millis().max(1)) as u64
            }
            _ => down + up,
        };
        let estimate =
            |size: Option<u64>, speed: u64| size.filter(|_| speed > 0).map_or(0, |size| size / speed);
        let part = |done: u64, size: Option<u64>, speed: u64| {
            size.filter(|_| speed > 0).map_or(0, |size| percent(done, size))
        };
        let seconds = spent / 1_000_000;
        let total = estimate(self.to_send, up).max(estimate(self.expected, down));
        let expected = self.to_send.unwrap_or(self.sent) + self.expected.unwrap_or(self.received);
        text + &format!(
            "\r{:3} {}  {:3} {}  {:3} {}  {}  {} {} {} {} {}",
            percent(self.received + self.sent, expected),
            amount(expected),
            part(self.received, self.expected, down),
            amount(self.received),
            part(self.sent, self.to_send, up),
            amount(self.sent),
            amount(down),
            amount(up),
            clock(total),
            clock(seconds),
            clock(if total > 0 { total.saturating_sub(seconds) } else { 0 }),
            amount(current),
        )
    }

    fn bar(&mut self, width: usize) -> String {
        let expected = self.expected.unwrap_or(0) + self.to_send.unwrap_or(0);
        if expected == 0 {
            return String::new();
        }
        self.bar_shown = true;
        let share = ((self.received + self.sent) as f64 / expected as f64).min(1.0);
        let room = width.clamp(20, 400) - 7;
        let marks = "#".repeat((room as f64 * share) as usize);
        format!("\r{marks:room$} {:5.1}%", share * 100.0)
    }
}

fn percent(done: u64, of: u64) -> u64 {
    match of {
        0 => 0,
        1..=10_000 => done * 100 / of,
        _ => done / (of / 100),
    }
}

/// max5data
pub(super) fn amount(bytes: u64) -> String {
    const KILO: u64 = 1 << 10;
    const MEGA: u64 = 1 << 20;
    const GIGA: u64 = 1 << 30;
    match bytes {
        0..100_000 => format!("{bytes:5}"),
        _ if bytes < 10_000 * KILO => format!("{:4}k", bytes / KILO),
        _ if bytes < 100 * MEGA => format!("{:2}.{}M", bytes / MEGA, bytes % MEGA / (MEGA / 10)),
        _ if bytes < 10_000 * MEGA => format!("{:4}M", bytes / MEGA),
        _ if bytes < 100 * GIGA => format!("{:2}.{}G", bytes / GIGA, bytes % GIGA / (GIGA / 10)),
        _ => format!("{:4}G", bytes / GIGA),
    }
}

/// time2str
fn clock(seconds: u64) -> String {
    match (seconds, seconds / 3600) {
        (0, _) => String::from("--:--:--"),
        (_, hours @ 0..=99) => format!("{hours:2}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
        _ => match seconds / 86_400 {
            days @ 0..=999 => format!("{days:3}d {:02}h", seconds % 86_400 / 3600),
            days => format!("{days:7}d"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_meter_is_curls_to_the_column() {
        let mut progress = Progress { head_shown: true, ..Progress::default() };
        let zero = "\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0";
        assert_eq!(progress.table(Instant::default()), zero);
        (progress.received, progress.expected) = (23, Some(23));
        let end = "\r100    23  100    23    0     0   1000      0 --:--:-- --:--:-- --:--:--  1000";
        assert_eq!(progress.table(Instant::default() + Duration::from_millis(23)), end);
    }

    #[test]
    fn amounts_take_five_columns() {
        let texts = [0, 99_999, 100_000, 10_300_000, 200 << 20].map(amount);
        assert_eq!(texts, ["    0", "99999", "  97k", " 9.8M", " 200M"]);
    }
}
