//! Watched files: read at once, and again when another file or a newer one stands at their path.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How often files are looked at.
pub const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

impl State {
    fn of(metadata: &Metadata) -> State {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        State { inode: metadata.ino(), modified, length: metadata.len() }
    }
}

#[derive(Debug, Default)]
pub struct Files {
    watched: Vec<(String, Option<State>)>,
    looked: Option<Instant>,
}

impl Files {
    pub fn watch(&mut self, path: String) {
        if !self.watched.iter().any(|it| it.0 == path) {
            self.watched.push((path, None));
            self.looked = None;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// The files that changed since they were last read, with their contents.
    pub fn changed(&mut self) -> Vec<(String, Vec<u8>)> {
        if self.looked.is_some_and(|it| it.elapsed() < INTERVAL) {
            return Vec::new();
        }
        self.looked = Some(Instant::now());
        let mut changed = Vec::new();
        for (path, state) in &mut self.watched {
            let now = std::fs::metadata(&*path).ok().map(|it| State::of(&it));
            if now.is_none() || now == *state {
                continue;
            }
            if let Ok(contents) = std::fs::read(&*path) {
                *state = now;
                changed.push((path.clone(), contents));
            }
        }
        changed
    }
}
