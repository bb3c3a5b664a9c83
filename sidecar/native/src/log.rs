//! Access logs: lines gathered, and written together.

use sidecar::access_log::Sink;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Write, stderr, stdout};
use std::time::{Duration, Instant};

/// How long a line may wait.
const LONGEST: Duration = Duration::from_millis(50);
/// How many bytes may.
const MOST: usize = 64 << 10;

#[derive(Debug, Default)]
pub struct Logs {
    out: Vec<u8>,
    err: Vec<u8>,
    files: BTreeMap<String, (Option<File>, Vec<u8>)>,
    since: Option<Instant>,
}

impl Logs {
    pub fn write(&mut self, sink: Sink, line: &[u8]) {
        self.since.get_or_insert_with(Instant::now);
        let buffer = match sink {
            Sink::Stdout => &mut self.out,
            Sink::Stderr => &mut self.err,
            Sink::File(path) => {
                let open = |path: &String| OpenOptions::new().append(true).create(true).open(path).ok();
                &mut self.files.entry(path.clone()).or_insert_with(|| (open(&path), Vec::new())).1
            }
        };
        buffer.extend_from_slice(line);
        if buffer.len() > MOST {
            self.flush();
        }
    }

    /// When the lines that wait are due.
    pub fn due(&self) -> Option<Duration> {
        self.since.map(|it| LONGEST.saturating_sub(it.elapsed()))
    }

    /// Writes what waits. A log that cannot be written is not the proxy's failure.
    pub fn flush(&mut self) {
        self.since = None;
        let mut out = stdout().lock();
        out.write_all(&self.out).and_then(|()| out.flush()).unwrap_or_default();
        stderr().lock().write_all(&self.err).unwrap_or_default();
        self.out.clear();
        self.err.clear();
        for (file, lines) in self.files.values_mut() {
            if let Some(file) = file {
                file.write_all(lines).unwrap_or_default();
            }
            lines.clear();
        }
    }
}
