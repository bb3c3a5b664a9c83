//! A program whose input and output somebody far away holds: a child of a server, on a terminal or on pipes.
//!
//! Used by `sshd`, and by servers of the crates above (the kubelet's exec). Always: the program is over once it has ended
//! and nothing holds its output any more; with its terminal it hangs up.
//! Differs from Linux: a terminal's master has no descriptor; its server asks for it by number.
//! Source: pty(7).

use crate::fs::Fd;
use crate::process::ProcessId;
use crate::run::{Group, Start};
use crate::sys::Sys;
use crate::system::{ChildState, System};
use crate::waiting::WaitOn;
use api::TtyId;
use net::Errno;

/// What one turn takes from a pipe or a terminal.
const BUFFER: usize = 16_384;
/// Input that the program has not read yet; beyond it its server reads no more.
const PENDING: usize = 64 * 1024;

/// Columns and rows of a terminal, and the number of the page's terminal that it is typed on from.
pub type Window = (u16, u16, u32);

pub struct Remote {
    sys: Sys,
    child: ProcessId,
    ends: Ends,
    /// For its stdin, and whether that is all.
    pending: Vec<u8>,
    ended: bool,
    status: Option<u8>,
}

enum Ends {
    Terminal(TtyId),
    /// stdin, stdout, stderr; `None` once closed.
    Pipes([Option<Fd>; 3]),
}

/// What happened at a program's ends since the last turn.
#[derive(Debug, Default)]
pub struct Turn {
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
    /// Its status, once it has ended and all it printed is here.
    pub over: Option<u8>,
    /// Something has moved: there is no reason to wait yet.
    pub moved: bool,
}

impl Remote {
    /// Starts a program in a process group of its own: on a new terminal, else on pipes.
    pub async fn start(sys: &Sys, start: Start, window: Option<Window>) -> Result<Remote, Errno> {
        let start = Start { group: Group::New, ..start };
        let (child, ends) = match window {
            Some((columns, rows, typed_from)) => {
                let tty = sys.ask(move |system, id| system.pty_open(id, columns, rows, typed_from)).await;
                let fd = sys.ask(move |system, id| system.pty_fd(id, tty)).await?;
                let child = sys.spawn(Start { files: Some(vec![(0, fd), (1, fd), (2, fd)]), ..start }).await;
                sys.close(fd).await.ok();
                let child = match child {
                    Ok(child) => child,
                    Err(errno) => {
                        sys.ask(move |system, _| system.tty_close(tty)).await;
                        return Err(errno);
                    }
                };
                sys.ask(move |system, _| system.pty_give(tty, child)).await;
                (child, Ends::Terminal(tty))
            }
            None => {
                let (input, output, errors) = (sys.pipe().await?, sys.pipe().await?, sys.pipe().await?);
                let files = vec![(0, input.0), (1, output.1), (2, errors.1)];
                let child = sys.spawn(Start { files: Some(files), ..start }).await;
                for fd in [input.0, output.1, errors.1] {
                    sys.close(fd).await.ok();
                }
                let ends = [input.1, output.0, errors.0];
                if child.is_err() {
                    for fd in ends {
                        sys.close(fd).await.ok();
                    }
                }
                (child?, Ends::Pipes(ends.map(Some)))
            }
        };
        Ok(Remote { sys: sys.clone(), child, ends, pending: Vec::new(), ended: false, status: None })
    }

    /// Does it take more input?
    pub fn has_room(&self) -> bool {
        self.pending.len() < PENDING
    }

    pub fn type_in(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// No more input comes.
    pub fn end_input(&mut self) {
        self.ended = true;
    }

    /// Nothing happens to a program without a terminal.
    pub async fn resize(&self, columns: u16, rows: u16) {
        if let Ends::Terminal(tty) = self.ends {
            self.sys.ask(move |system, _| system.tty_resize(tty, columns, rows)).await;
        }
    }

    /// Hands input over, takes output, and adds what to wait for if nothing moved.
    pub async fn turn(&mut self, waits: &mut Vec<WaitOn>) -> Turn {
        let mut turn = Turn { moved: self.feed(waits).await, ..Turn::default() };
        let open = self.collect(&mut turn, waits).await;
        let is_quiet = turn.output.is_empty() && turn.errors.is_empty();
        turn.moved |= !is_quiet;
        if self.status.is_none() {
            let child = self.child;
            match self.sys.ask(move |system, id| system.child_state(id, child)).await {
                ChildState::Running | ChildState::Stopped(_) => waits.push(WaitOn::Child(child)),
                // What it printed last is taken in the next turn.
                state => (self.status, turn.moved) = (Some(state.status()), true),
            }
        } else if !open && is_quiet {
            turn.over = self.status;
        }
        turn
    }

    /// Hands on what was typed, as far as the program takes it.
    async fn feed(&mut self, waits: &mut Vec<WaitOn>) -> bool {
        let bytes = std::mem::take(&mut self.pending);
        match &mut self.ends {
            Ends::Terminal(tty) => {
                let tty = *tty;
                let moved = !bytes.is_empty();
                self.sys.ask(move |system, _| system.tty_input(tty, &bytes)).await;
                moved
            }
            Ends::Pipes([input, ..]) => {
                let Some(fd) = *input else { return false };
                let (written, rest, wait) = self.sys.ask(move |system, id| push(system, id, fd, bytes)).await;
                self.pending = rest;
                waits.extend(wait.filter(|_| !self.pending.is_empty()));
                if written.is_err() || self.ended && self.pending.is_empty() {
                    *input = None;
                    self.pending.clear();
                    self.sys.close(fd).await.ok();
                }
                matches!(written, Ok(count) if count > 0)
            }
        }
    }

    /// Takes what the program has printed; whether something may still print.
    async fn collect(&mut self, turn: &mut Turn, waits: &mut Vec<WaitOn>) -> bool {
        match &mut self.ends {
            Ends::Terminal(tty) => {
                let tty = *tty;
                turn.output = self.sys.ask(move |system, _| system.pty_output(tty)).await;
                waits.push(WaitOn::TtyOutput(tty));
                false
            }
            Ends::Pipes([_, output, errors]) => {
                for (end, taken) in [(&mut *output, &mut turn.output), (&mut *errors, &mut turn.errors)] {
                    let Some(fd) = *end else { continue };
                    let (read, wait) = self.sys.ask(move |system, id| pull(system, id, fd)).await;
                    match read {
                        Ok(bytes) if bytes.is_empty() => {
                            *end = None;
                            self.sys.close(fd).await.ok();
                        }
                        Ok(bytes) => *taken = bytes,
                        Err(_) => waits.extend(wait),
                    }
                }
                output.is_some() || errors.is_some()
            }
        }
    }

    /// Nobody is there any more: so is the terminal.
    pub async fn hang_up(&mut self) {
        match &self.ends {
            Ends::Terminal(tty) => {
                let tty = *tty;
                self.sys.ask(move |system, _| system.tty_close(tty)).await;
            }
            Ends::Pipes(ends) => {
                for fd in ends.iter().flatten() {
                    self.sys.close(*fd).await.ok();
                }
                // It may go on; process 1 takes it over.
                if self.status.is_none() {
                    let child = self.child;
                    self.sys.ask(move |system, _| system.orphan(child)).await;
                }
            }
        }
    }
}

fn push(
    system: &mut System,
    id: ProcessId,
    fd: Fd,
    mut bytes: Vec<u8>,
) -> (Result<usize, Errno>, Vec<u8>, Option<WaitOn>) {
    let Ok(descriptor) = system.descriptor(id, fd) else { return (Err(Errno::EBADF), bytes, None) };
    if bytes.is_empty() {
        return (Ok(0), bytes, None);
    }
    match system.write_file_open(id, descriptor.file, &bytes) {
        Ok(count) => {
            bytes.drain(..count);
            (Ok(count), bytes, system.file_wait(descriptor.file))
        }
        Err(Errno::EAGAIN) => (Ok(0), bytes, system.file_wait(descriptor.file)),
        Err(errno) => (Err(errno), bytes, None),
    }
}

fn pull(system: &mut System, id: ProcessId, fd: Fd) -> (Result<Vec<u8>, Errno>, Option<WaitOn>) {
    match system.descriptor(id, fd) {
        Ok(descriptor) => {
            (system.read_file_open(id, descriptor.file, BUFFER), system.file_wait(descriptor.file))
        }
        Err(_) => (Ok(Vec::new()), None),
    }
}
