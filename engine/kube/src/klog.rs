//! klog: the lines that Kubernetes' components write to stderr.
//!
//! Always: severity, date, process number and place stand ahead of the message; text in quotes is quoted as Go quotes it.
//! Differs from klog: the place is the file alone where its line is not known.
//! Source: k8s.io/klog/v2.

use linux::{Date, Sys};
use std::fmt::Display;

#[derive(Clone)]
pub struct Klog(Sys);

impl Klog {
    pub fn new(sys: &Sys) -> Klog {
        Klog(sys.clone())
    }

    pub async fn info(&self, place: &str, message: &str, pairs: &[(&str, &dyn Display)]) {
        self.line('I', place, message, pairs).await;
    }

    pub async fn error(&self, place: &str, message: &str, why: &str, pairs: &[(&str, &dyn Display)]) {
        let error = quoted(why);
        let all: Vec<(&str, &dyn Display)> =
            [("err", &error as &dyn Display)].into_iter().chain(pairs.iter().copied()).collect();
        self.line('E', place, message, &all).await;
    }

    /// A line without structure.
    pub async fn say(&self, severity: char, place: &str, message: &str) {
        let head = self.head(severity, place).await;
        self.0.eprint(format!("{head}{message}\n")).await;
    }

    async fn head(&self, severity: char, place: &str) -> String {
        let (now, pid) = (Date::from_duration(self.0.realtime().await), self.0.pid().await);
        format!(
            "{severity}{:02}{:02} {}.{:06} {pid:>7} {place}] ",
            now.month,
            now.day,
            now.clock(),
            now.nanos / 1000
        )
    }

    async fn line(&self, severity: char, place: &str, message: &str, pairs: &[(&str, &dyn Display)]) {
        let mut line = self.head(severity, place).await;
        line += &quoted(message);
        pairs.iter().for_each(|(key, value)| line += &format!(" {key}={value}"));
        self.0.eprint(line + "\n").await;
    }
}

/// A value in quotes, as Go's `%q` writes it.
pub fn quoted(text: &str) -> String {
    format!("{text:?}")
}
