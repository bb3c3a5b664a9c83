//! What a tool reads: files that are named, stdin, and the lines in them.
//!
//! Always: a file that cannot be read is told on stderr and the tool goes on, its exit status remembered.
//! Source: coreutils 9.1.

use crate::fs::{Fd, OpenFlags, OpenKind, STDIN};
use crate::sys::Sys;
use net::Errno;

/// Bytes asked for at one read.
const BLOCK: usize = 64 * 1024;

/// fstat(2): the size of what is open there, where it is a file.
pub async fn file_size(sys: &Sys, fd: Fd) -> Option<u64> {
    sys.ask(move |system, id| {
        let file = system.descriptor(id, fd).ok()?.file;
        match system.open_file(file).kind {
            OpenKind::Disk(disk, inode) => Some(system.tree(disk).stat(inode).size),
            _ => None,
        }
    })
    .await
}

/// Opens an operand for reading; `-` is stdin.
pub async fn open_fd(sys: &Sys, operand: &str) -> Result<Fd, Errno> {
    if operand == "-" { Ok(STDIN) } else { sys.open(operand, OpenFlags::READ).await }
}

/// The same, where a refusal is told.
pub async fn open(sys: &Sys, tool: &str, operand: &str) -> Option<Fd> {
    match open_fd(sys, operand).await {
        Ok(fd) => Some(fd),
        Err(errno) => {
            sys.eprint(format!("{tool}: {operand}: {errno}\n")).await;
            None
        }
    }
}

pub async fn close(sys: &Sys, fd: Fd) {
    if fd > 2 {
        sys.close(fd).await.unwrap_or_default();
    }
}

/// The operands, or stdin where there are none.
pub fn or_stdin(operands: Vec<String>) -> Vec<String> {
    if operands.is_empty() { vec!["-".to_owned()] } else { operands }
}

/// Everything an operand holds; `None` where it was refused, which has been told.
pub async fn contents(sys: &Sys, tool: &str, operand: &str) -> Option<Vec<u8>> {
    match read_file(sys, operand).await {
        Ok(bytes) => Some(bytes),
        Err(errno) => {
            sys.eprint(format!("{tool}: {operand}: {errno}\n")).await;
            None
        }
    }
}

/// A whole file as text; `-` is stdin.
pub async fn read_text(sys: &Sys, path: &str) -> Result<String, Errno> {
    Ok(String::from_utf8_lossy(&read_file(sys, path).await?).into_owned())
}

/// Through open and read, so that a directory is `EISDIR` and a file without permission `EACCES`; `-` is stdin.
pub async fn read_file(sys: &Sys, path: &str) -> Result<Vec<u8>, Errno> {
    if matches!(path, "-" | "/dev/stdin") {
        return sys.read_all(STDIN).await;
    }
    let fd = sys.open(path, OpenFlags::READ).await?;
    let bytes = sys.read_all(fd).await;
    close(sys, fd).await;
    bytes
}

/// Lines without what ends them.
pub fn lines(bytes: &[u8], end: u8) -> Vec<Vec<u8>> {
    let whole = bytes.strip_suffix(&[end]).unwrap_or(bytes);
    if bytes.is_empty() { Vec::new() } else { whole.split(|byte| *byte == end).map(<[u8]>::to_vec).collect() }
}

/// Lines as they come, so that a tool in the middle of a pipe answers at once.
pub struct Lines {
    sys: Sys,
    fd: Fd,
    buffer: Vec<u8>,
    /// Where in the buffer the next line begins.
    start: usize,
    /// What ends a line.
    end: u8,
    ended: bool,
    refused: Option<Errno>,
}

impl Lines {
    pub fn new(sys: &Sys, fd: Fd) -> Lines {
        Lines::ended_by(sys, fd, b'\n')
    }

    pub fn ended_by(sys: &Sys, fd: Fd, end: u8) -> Lines {
        Lines { sys: sys.clone(), fd, buffer: Vec::new(), start: 0, end, ended: false, refused: None }
    }

    async fn fill(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        match self.sys.read(self.fd, BLOCK).await {
            Ok(bytes) if bytes.is_empty() => self.ended = true,
            Ok(bytes) => self.buffer.extend(bytes),
            Err(errno) => {
                self.ended = true;
                self.refused = Some(errno);
            }
        }
    }

    /// Whatever has come and was not taken yet.
    fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.split_off(self.start);
        self.buffer.clear();
        self.start = 0;
        (!rest.is_empty()).then_some(rest)
    }

    /// The next line with what ends it, which the last one may lack.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let mut seen = 0;
        loop {
            let from = self.start + seen;
            if let Some(at) = self.buffer[from..].iter().position(|byte| *byte == self.end) {
                let line = self.buffer[self.start..=from + at].to_vec();
                self.start = from + at + 1;
                return Some(line);
            }
            if self.ended {
                return self.rest();
            }
            seen = self.buffer.len() - self.start;
            self.fill().await;
        }
    }

    /// The next line as text, and whether it was ended.
    pub async fn next_text(&mut self) -> Result<Option<(String, bool)>, Errno> {
        let Some(mut line) = self.next().await else { return self.refused.map_or(Ok(None), Err) };
        let ended = line.last() == Some(&self.end);
        line.truncate(line.len() - usize::from(ended));
        Ok(Some((String::from_utf8_lossy(&line).into_owned(), ended)))
    }

    /// Whatever has come.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        if self.buffer.len() == self.start && !self.ended {
            self.fill().await;
        }
        self.rest()
    }

    /// Why a read failed.
    pub fn refused(&self) -> Option<Errno> {
        self.refused
    }

    /// Tells a read that failed (a directory, say); false where one did.
    pub async fn told(&self, tool: &str, operand: &str) -> bool {
        if let Some(errno) = self.refused {
            self.sys.eprint(format!("{tool}: {operand}: {errno}\n")).await;
        }
        self.refused.is_none()
    }
}
