//! A terminal: the line discipline between what a learner types and what programs read and write.
//!
//! Always: input is echoed, edited and turned into signals as stty(1) `sane` says, unless a program took the
//! terminal raw; at most [`INPUT_BYTES`] wait to be read, the rest is dropped.
//! Differs from Linux: no flow control (^S, ^Q), no parity, one column per character is assumed when erasing.
//! Source: termios(3).

use crate::process::ProcessId;
use crate::sys::Sys;
use crate::system::System;
use api::TtyId;
use net::Errno;

impl System {
    /// Who gets the keyboard and its signals: a job's group, or again the group of the shell that asks.
    pub(crate) fn tty_foreground(&mut self, _shell: ProcessId, _group: Option<ProcessId>) {}

    pub(crate) fn tty_read(&mut self, _tty: TtyId, _who: ProcessId, _max: usize) -> Result<Vec<u8>, Errno> {
        Ok(Vec::new())
    }

    pub(crate) fn tty_write(&mut self, _tty: TtyId, _who: ProcessId, bytes: &[u8]) -> Result<usize, Errno> {
        Ok(bytes.len())
    }
}

impl Sys {
    /// Columns and rows of the terminal this process belongs to.
    pub async fn terminal_size(&self) -> Option<(u16, u16)> {
        None
    }
}
