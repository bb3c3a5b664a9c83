//! What a recording needs of a host, whoever plays it.
//!
//! Always: time is the machine's own and moves only in `wait` and `advance`; a command starts with an empty stdin, in
//! `/root`, as root, in its own process group.

use super::golden::FixtureLine;
use std::time::Duration;

/// What a command gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// 128 + n after signal n.
    pub code: i32,
}

/// A started command, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job(pub u32);

pub trait Machine {
    /// Starts `bash -c command`; with a size, in a terminal of so many columns and rows, where all it says is stdout.
    fn start(&mut self, command: &str, tty: Option<(u16, u16)>) -> Result<Job, String>;

    /// Lets time pass until the job has ended and its output is closed, `limit` at most; has it?
    fn wait(&mut self, job: Job, limit: Duration) -> bool;

    /// Has it ended by now?
    fn has_ended(&self, job: Job) -> bool;

    /// What it has said on stderr so far.
    fn stderr(&mut self, job: Job) -> &[u8];

    /// Sends a signal (`INT`, `KILL`) to all its processes.
    fn signal(&mut self, job: Job, name: &str) -> Result<(), String>;

    /// What it gave in the end.
    fn take(&mut self, job: Job) -> Outcome;

    fn advance(&mut self, time: Duration);

    /// Starts a server, or writes a file.
    fn fixture_start(&mut self, fixture: &FixtureLine) -> Result<(), String>;

    fn fixture_stop(&mut self, id: &str) -> Result<(), String>;
}
