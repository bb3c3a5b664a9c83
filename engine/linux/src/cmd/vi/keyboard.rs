//! From bytes to keys, each a `char`: what xterm sends as a sequence gets a private one.
//!
//! Always: an Esc that nothing has followed yet is the key Esc; nothing waits for time to pass.
//! Source: xterm's "Control Sequences" (ctlseqs).

use crate::fs::{Fd, Found};
use crate::sys::{Sys, Woke};

pub(super) const ESC: char = '\u{1b}';
pub(super) const UP: char = '\u{f700}';
pub(super) const DOWN: char = '\u{f701}';
pub(super) const RIGHT: char = '\u{f702}';
pub(super) const LEFT: char = '\u{f703}';
pub(super) const HOME: char = '\u{f704}';
pub(super) const END: char = '\u{f705}';
pub(super) const PAGE_UP: char = '\u{f706}';
pub(super) const PAGE_DOWN: char = '\u{f707}';
pub(super) const DELETE: char = '\u{f708}';
pub(super) const INSERT: char = '\u{f709}';
pub(super) const PASTE: char = '\u{f70a}';
pub(super) const PASTED: char = '\u{f70b}';
/// A sequence that means nothing here.
const NOTHING: char = '\u{f70f}';

/// A longer sequence is thrown away.
const LONGEST: usize = 16;

pub(super) enum Typed {
    Key(char),
    Resized,
    /// The terminal is gone.
    End,
}

pub(super) struct Keyboard {
    pub sys: Sys,
    pub fd: Fd,
    held: Option<u8>,
}

impl Keyboard {
    pub fn new(sys: Sys, fd: Fd) -> Keyboard {
        Keyboard { sys, fd, held: None }
    }

    /// The next byte if it is there already.
    async fn more(&mut self) -> Option<u8> {
        match self.held.take() {
            None => match self.sys.read_now(self.fd, 1).await {
                Found::Bytes(bytes) => bytes.first().copied(),
                _ => None,
            },
            held => held,
        }
    }

    /// Has something been typed ahead?
    pub async fn is_ahead(&mut self) -> bool {
        self.held = self.more().await;
        self.held.is_some()
    }

    pub async fn key(&mut self) -> Typed {
        let first = loop {
            if let Some(byte) = self.held.take() {
                break byte;
            }
            match self.sys.read_now(self.fd, 1).await {
                Found::Bytes(bytes) => break bytes.first().copied().unwrap_or_default(),
                Found::End => return Typed::End,
                Found::Wait(on) => {
                    let on: Vec<_> = on.into_iter().collect();
                    if matches!(self.sys.wait(&on, None).await, Woke::Signal(_)) {
                        return Typed::Resized;
                    }
                }
            }
        };
        Typed::Key(match first {
            0x1b => self.escape().await,
            127 => '\u{8}',
            byte if byte < 128 => char::from(byte),
            byte => self.utf8(byte).await,
        })
    }

    async fn escape(&mut self) -> char {
        match self.more().await {
            Some(b'[' | b'O') => {}
            held => {
                self.held = held;
                return ESC;
            }
        }
        let mut sequence = Vec::new();
        while sequence.len() < LONGEST {
            let Some(byte) = self.more().await else { break };
            sequence.push(byte);
            if (0x40..=0x7e).contains(&byte) {
                break;
            }
        }
        match sequence.as_slice() {
            b"A" => UP,
            b"B" => DOWN,
            b"C" => RIGHT,
            b"D" => LEFT,
            b"H" | b"1~" | b"7~" => HOME,
            b"F" | b"4~" | b"8~" => END,
            b"2~" => INSERT,
            b"3~" => DELETE,
            b"5~" => PAGE_UP,
            b"6~" => PAGE_DOWN,
            b"200~" => PASTE,
            b"201~" => PASTED,
            _ => NOTHING,
        }
    }

    async fn utf8(&mut self, first: u8) -> char {
        let mut bytes = vec![first];
        let length = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        while bytes.len() < length {
            match self.more().await {
                Some(byte) if byte & 0xc0 == 0x80 => bytes.push(byte),
                held => {
                    self.held = held;
                    break;
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

/// Does that key stand for a letter to insert?
pub(super) fn is_text(key: char) -> bool {
    !key.is_control() && !('\u{f700}'..='\u{f70f}').contains(&key)
}
