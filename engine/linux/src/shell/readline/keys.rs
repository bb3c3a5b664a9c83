//! From bytes to keys: UTF-8, control characters, the escape sequences of xterm.
//!
//! Always: any bytes make keys or nothing, never a wait beyond the next byte of a sequence that has begun.
//! Source: xterm's "Control Sequences" (ctlseqs); readline(3), default key bindings.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    /// `Ctrl('a')`
    Ctrl(char),
    Alt(char),
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    Delete,
    Backspace,
    WordLeft,
    WordRight,
}

/// Bytes that have not made a key yet; at most a few.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    held: Vec<u8>,
}

/// An escape sequence that is longer is thrown away.
const LONGEST: usize = 16;

impl Keys {
    /// One more byte; `None` while more are needed, or the sequence means nothing.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        self.held.push(byte);
        let key = match self.held[..] {
            [0x1b] | [0x1b, b'[' | b'O'] => return None,
            [0x1b, b'[' | b'O', ref rest @ ..] => match rest.last() {
                Some(0x40..=0x7e) => sequence(rest),
                _ if self.held.len() < LONGEST => return None,
                _ => None,
            },
            [0x1b, 0x7f] => Some(Key::Alt('\u{7f}')),
            [0x1b, letter] => Some(Key::Alt(char::from(letter).to_ascii_lowercase())),
            [b'\r' | b'\n'] => Some(Key::Ctrl('m')),
            [8 | 127] => Some(Key::Backspace),
            [control @ 0..=31] => Some(Key::Ctrl(char::from(control + 96))),
            ref bytes => match std::str::from_utf8(bytes) {
                Ok(text) => text.chars().next().map(Key::Char),
                Err(error) if error.error_len().is_none() && bytes.len() < 4 => return None,
                Err(_) => Some(Key::Char(char::REPLACEMENT_CHARACTER)),
            },
        };
        self.held.clear();
        key
    }
}

fn sequence(rest: &[u8]) -> Option<Key> {
    Some(match rest {
        b"A" => Key::Up,
        b"B" => Key::Down,
        b"C" => Key::Right,
        b"D" => Key::Left,
        b"H" | b"1~" | b"7~" => Key::Home,
        b"F" | b"4~" | b"8~" => Key::End,
        b"3~" => Key::Delete,
        b"1;5C" | b"1;3C" => Key::WordRight,
        b"1;5D" | b"1;3D" => Key::WordLeft,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|byte| keys.feed(*byte)).collect()
    }

    #[test]
    fn sequences_letters_and_controls_are_told_apart() {
        assert_eq!(
            keys(b"a\x1b[A\x1bOD\x01\x7f"),
            [Key::Char('a'), Key::Up, Key::Left, Key::Ctrl('a'), Key::Backspace]
        );
        assert_eq!(keys("é".as_bytes()), [Key::Char('é')]);
        assert_eq!(keys(b"\x1b[1;5D\x1b[3~\x1bb"), [Key::WordLeft, Key::Delete, Key::Alt('b')]);
    }

    #[test]
    fn broken_bytes_make_a_mark_or_nothing() {
        assert_eq!(keys(b"\xffa"), [Key::Char(char::REPLACEMENT_CHARACTER), Key::Char('a')]);
        assert_eq!(keys(b"\x1b[99999999999999999999z!").last(), Some(&Key::Char('!')));
    }
}
