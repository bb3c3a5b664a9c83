//! What Envoy writes: its own log on stderr, and access logs.
//!
//! Always: the first line of an access log is written at once; later ones are gathered and written together, once every
//! `--file-flush-interval-msec` or when 64 KiB wait.
//! Differs from Envoy: a line of its own log does not say where in Envoy's source it was written (`%g:%#`); of its
//! messages only those of start and end are there.
//! Source: envoy `source/common/access_log/access_log_manager_impl.cc`, `source/server/server.cc`.

use linux::{Date, Sys};
use sidecar::access_log::Sink;
use std::time::Duration;

const MILLISECOND: u64 = 1_000_000;
/// Bytes that wait at most; more are written at once.
const MOST: usize = 64 << 10;

/// Levels of Envoy's own log, the least first.
pub const LEVELS: &[&str] = &["trace", "debug", "info", "warning", "error", "critical", "off"];

/// Envoy's own log.
pub struct Journal {
    sys: Sys,
    /// Of [`LEVELS`]; what is below is not written.
    least: usize,
}

impl Journal {
    pub fn new(sys: Sys, least: usize) -> Journal {
        Journal { sys, least }
    }

    pub async fn info(&self, component: &str, words: &str) {
        self.say("info", component, words).await;
    }

    pub async fn say(&self, level: &str, component: &str, words: &str) {
        if LEVELS.iter().position(|it| *it == level).is_some_and(|it| it >= self.least) {
            let (time, pid) = (self.sys.realtime().await, self.sys.pid().await);
            let stamp = stamp(time);
            self.sys.eprint(format!("[{stamp}][{pid}][{level}][{component}] {words}\n")).await;
        }
    }
}

/// `2026-01-05 09:00:00.000`
fn stamp(time: Duration) -> String {
    format!("{}.{:03}", Date::from_duration(time).format("%Y-%m-%d %H:%M:%S"), time.subsec_millis())
}

struct AccessLog {
    sink: Sink,
    waiting: Vec<u8>,
    /// When its first line was written: it is looked at in whole intervals from then on.
    since: u64,
    due: u64,
}

pub struct AccessLogs {
    interval: u64,
    logs: Vec<AccessLog>,
    ready: Vec<(Sink, Vec<u8>)>,
}

impl AccessLogs {
    pub fn new(interval_ms: u64) -> AccessLogs {
        let interval = interval_ms.clamp(1, u64::MAX / MILLISECOND) * MILLISECOND;
        AccessLogs { interval, logs: Vec::new(), ready: Vec::new() }
    }

    pub fn write(&mut self, now: u64, sink: Sink, line: &[u8]) {
        let Some(log) = self.logs.iter_mut().find(|it| it.sink == sink) else {
            self.logs.push(AccessLog { sink: sink.clone(), waiting: Vec::new(), since: now, due: 0 });
            return self.ready.push((sink, line.to_vec()));
        };
        if log.waiting.is_empty() {
            let intervals = (now - log.since) / self.interval + 1;
            log.due = log.since.saturating_add(intervals.saturating_mul(self.interval));
        }
        log.waiting.extend_from_slice(line);
        if log.waiting.len() > MOST {
            self.ready.push((sink, std::mem::take(&mut log.waiting)));
        }
    }

    /// When lines that wait are to be written.
    pub fn due(&self) -> Option<u64> {
        self.logs.iter().filter(|it| !it.waiting.is_empty()).map(|it| it.due).min()
    }

    /// What is to be written by now, and to where; with `u64::MAX` all of it.
    pub fn take(&mut self, now: u64) -> Vec<(Sink, Vec<u8>)> {
        for log in self.logs.iter_mut().filter(|it| it.due <= now && !it.waiting.is_empty()) {
            self.ready.push((log.sink.clone(), std::mem::take(&mut log.waiting)));
        }
        std::mem::take(&mut self.ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_written_at_once_and_the_next_ones_together() {
        let mut logs = AccessLogs::new(10_000);
        let mut write = |at: u64, line: &[u8]| {
            logs.write(at * 1000 * MILLISECOND, Sink::Stdout, line);
            let ready = logs.take(at * 1000 * MILLISECOND);
            (ready.concat_lines(), logs.due().map(|it| it / (1000 * MILLISECOND)))
        };
        assert_eq!(write(3, b"one\n"), ("one\n".to_owned(), None));
        assert_eq!(write(15, b"two\n"), (String::new(), Some(23)));
        assert_eq!(write(16, b"three\n"), (String::new(), Some(23)));
        assert_eq!(logs.take(23_000 * MILLISECOND).concat_lines(), "two\nthree\n");
    }

    trait Lines {
        fn concat_lines(self) -> String;
    }

    impl Lines for Vec<(Sink, Vec<u8>)> {
        fn concat_lines(self) -> String {
            self.into_iter().map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect()
        }
    }
}
