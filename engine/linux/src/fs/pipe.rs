//! A pipe: bytes from those who hold its write end to those who hold its read end.
//!
//! Always: at most [`PIPE_BYTES`] wait in it; a writer of more waits; reading an empty one without writers is the end.
//! Source: pipe(7).

use net::Errno;
use std::collections::VecDeque;

/// Capacity as on Linux; a writer waits while it is full.
pub const PIPE_BYTES: usize = 65_536;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PipeId(pub u32);

#[derive(Debug, Default)]
pub struct Pipe {
    buffer: VecDeque<u8>,
    pub readers: u32,
    pub writers: u32,
}

impl Pipe {
    /// With one reader and one writer.
    pub fn open() -> Pipe {
        Pipe { readers: 1, writers: 1, ..Pipe::default() }
    }

    /// Would a read answer at once?
    pub fn has_input(&self) -> bool {
        !self.buffer.is_empty() || self.writers == 0
    }

    /// Some bytes, or none at the end; `EAGAIN` where it has to wait.
    pub fn read(&mut self, max: usize) -> Result<Vec<u8>, Errno> {
        if self.buffer.is_empty() && self.writers > 0 && max > 0 {
            return Err(Errno::EAGAIN);
        }
        let count = max.min(self.buffer.len());
        Ok(self.buffer.drain(..count).collect())
    }

    /// How many of `bytes` went in; `EPIPE` where nobody can read them.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        if self.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let count = bytes.len().min(PIPE_BYTES - self.buffer.len());
        if count == 0 && !bytes.is_empty() {
            return Err(Errno::EAGAIN);
        }
        self.buffer.extend(&bytes[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pipe_takes_no_more_and_an_abandoned_one_says_so() {
        let mut pipe = Pipe::open();
        assert_eq!(pipe.read(1), Err(Errno::EAGAIN));
        assert_eq!(pipe.write(&[7; PIPE_BYTES + 1]), Ok(PIPE_BYTES));
        assert_eq!(pipe.write(&[7]), Err(Errno::EAGAIN));
        pipe.writers = 0;
        assert_eq!(pipe.read(usize::MAX).map(|bytes| bytes.len()), Ok(PIPE_BYTES));
        assert_eq!(pipe.read(1), Ok(vec![]));
        pipe.readers = 0;
        assert_eq!(pipe.write(b"x"), Err(Errno::EPIPE));
    }
}
