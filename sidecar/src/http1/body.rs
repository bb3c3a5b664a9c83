//! Chunked transfer coding, read byte by byte where lines are cut.
//!
//! Source: RFC 9112 section 7.1. Chunk extensions are skipped, up to a bound.

/// A line of a chunk's size, extensions included, may be so long.
const SIZE_LINE_LIMIT: u16 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { has_digit: bool },
    Extension,
    SizeEnd,
    Data,
    DataEnd,
}

/// Where in a chunked body the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    left: u64,
    line: u16,
}

/// What came of some input.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// All was read, and the body goes on.
    More,
    /// Bytes of the body.
    Data(&'a [u8]),
    /// The last chunk; trailers follow.
    End,
}

impl Default for Chunked {
    fn default() -> Chunked {
        Chunked { state: State::Size { has_digit: false }, left: 0, line: 0 }
    }
}

impl Chunked {
    /// Reads from the front of `input` and shortens it; none if it is not chunked coding.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Piece<'a>> {
        loop {
            if self.state == State::Data && self.left > 0 {
                if input.is_empty() {
                    return Some(Piece::More);
                }
                let take = self.left.min(input.len() as u64);
                let (data, rest) = input.split_at(take as usize);
                *input = rest;
                self.left -= take;
                return Some(Piece::Data(data));
            }
            let Some((byte, rest)) = input.split_first() else { return Some(Piece::More) };
            *input = rest;
            if self.byte(*byte)? {
                return Some(Piece::End);
            }
        }
    }

    /// One byte of what is around the data; whether the last chunk's size has been read.
    fn byte(&mut self, byte: u8) -> Option<bool> {
        self.line = self.line.saturating_add(1);
        if self.line > SIZE_LINE_LIMIT {
            return None;
        }
        self.state = match (self.state, byte) {
            (State::Size { .. }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map(u64::from)?;
                self.left = self.left.checked_mul(16)?.checked_add(digit)?;
                State::Size { has_digit: true }
            }
            (State::Size { has_digit: true }, b';' | b' ' | b'\t') => State::Extension,
            (State::Size { has_digit: true } | State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, 0x20..=0x7e | b'\t') => State::Extension,
            (State::SizeEnd, b'\n') => {
                self.line = 0;
                if self.left == 0 {
                    return Some(true);
                }
                State::Data
            }
            (State::Data, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => {
                self.line = 0;
                State::Size { has_digit: false }
            }
            _ => return None,
        };
        Some(false)
    }
}
