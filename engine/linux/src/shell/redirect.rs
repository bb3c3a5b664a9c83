//! Redirections: `<`, `>`, `>>`, `<<`, `<<<`, `>&`, `&>`; done before a command, undone after it.
//!
//! Source: bash(1), "REDIRECTION".

use super::syntax::{Dialect, Redirect, RedirectFd, RedirectKind, Word};
use super::{Failure, Shell};
use crate::cmd::Services;
use crate::fs::{Fd, FileKind, OpenFlags};
use crate::resolver::{GaiError, Hints, getaddrinfo};
use net::{Errno, SocketKind};
use std::net::SocketAddr;

/// Where descriptors are kept while others stand in their place.
const SAVED_FROM: Fd = 10;

/// What a descriptor was before: a copy of it, or nothing.
pub(super) type Saved = Vec<(Fd, Option<Fd>)>;

impl Shell {
    /// Does the redirections; where one fails, those before it are undone.
    pub(super) async fn redirect(&mut self, redirects: &[Redirect]) -> Result<Saved, Failure> {
        let mut saved = Saved::new();
        for redirect in redirects {
            if let Err(failure) = self.redirect_one(redirect, &mut saved).await {
                self.undo_redirects(saved).await;
                self.status = 1;
                return Err(failure);
            }
        }
        Ok(saved)
    }

    pub(super) async fn undo_redirects(&mut self, saved: Saved) {
        for (fd, copy) in saved.into_iter().rev() {
            match copy {
                Some(copy) => {
                    self.sys.dup2(copy, fd).await.ok();
                    self.sys.close(copy).await.ok();
                }
                None => drop(self.sys.close(fd).await),
            }
        }
    }

    /// They stay (`exec >file`).
    pub(super) async fn keep_redirects(&mut self, saved: Saved) {
        for copy in saved.into_iter().filter_map(|(_, copy)| copy) {
            self.sys.close(copy).await.ok();
        }
    }

    async fn save(&mut self, fd: Fd, saved: &mut Saved) {
        let copy = self.sys.dup_above(fd, SAVED_FROM).await.ok();
        saved.push((fd, copy));
    }

    async fn redirect_one(&mut self, redirect: &Redirect, saved: &mut Saved) -> Result<(), Failure> {
        let number = match &redirect.fd {
            Some(RedirectFd::Number(number)) => Some(*number),
            _ => None,
        };
        let (from, default) = match &redirect.kind {
            RedirectKind::Input(word) => (self.open(word, OpenFlags::READ).await?, 0),
            RedirectKind::Output { to, clobber } => {
                (self.open_output(to, *clobber || !self.options.noclobber).await?, 1)
            }
            RedirectKind::Append(word) => (self.open(word, OpenFlags::APPEND).await?, 1),
            RedirectKind::ReadWrite(word) => (self.open(word, OpenFlags::READ_WRITE).await?, 0),
            RedirectKind::Here(body) => {
                let text = match body.body.get() {
                    Some(word) => self.expand_text(word).await?,
                    None => String::new(),
                };
                (self.open_text(text).await?, 0)
            }
            RedirectKind::HereString(word) => {
                let text = self.expand_text(word).await?;
                (self.open_text(text + "\n").await?, 0)
            }
            RedirectKind::Both { to, append } => {
                let flags = if *append { OpenFlags::APPEND } else { OpenFlags::WRITE };
                let file = self.open(to, flags).await?;
                self.place(file, 1, saved, true).await;
                self.save(2, saved).await;
                self.sys.dup2(1, 2).await.ok();
                return Ok(());
            }
            RedirectKind::DuplicateInput(word) | RedirectKind::DuplicateOutput(word)
                if let Some(RedirectFd::Variable(name)) = &redirect.fd =>
            {
                return self.duplicate_named(word, name).await;
            }
            RedirectKind::DuplicateInput(word) => {
                return self.duplicate(word, number.unwrap_or(0), saved).await;
            }
            RedirectKind::DuplicateOutput(word) => {
                return self.duplicate(word, number.unwrap_or(1), saved).await;
            }
        };
        match &redirect.fd {
            Some(RedirectFd::Variable(name)) => {
                let high = self.sys.dup_above(from, SAVED_FROM).await;
                self.sys.close(from).await.ok();
                let Ok(high) = high else { return Err(self.complain("file descriptor out of range").await) };
                self.set_variable(name, high.to_string()).await
            }
            _ => {
                self.place(from, number.unwrap_or(default), saved, true).await;
                Ok(())
            }
        }
    }

    /// Moves an open descriptor to its place.
    async fn place(&mut self, from: Fd, to: Fd, saved: &mut Saved, owned: bool) {
        if from == to {
            saved.push((to, None));
            return;
        }
        self.save(to, saved).await;
        self.sys.dup2(from, to).await.ok();
        if owned {
            self.sys.close(from).await.ok();
        }
    }

    async fn target(&mut self, word: &Word) -> Result<String, Failure> {
        let mut words = self.expand_word(word).await?;
        if words.len() == 1 {
            return Ok(words.remove(0));
        }
        let shown = &word.source;
        Err(self.complain(format!("{shown}: ambiguous redirect")).await)
    }

    async fn open(&mut self, word: &Word, flags: OpenFlags) -> Result<Fd, Failure> {
        let path = self.target(word).await?;
        self.open_path(&path, flags).await
    }

    async fn open_output(&mut self, word: &Word, clobber: bool) -> Result<Fd, Failure> {
        let path = self.target(word).await?;
        let regular = self.sys.stat(&path).await.is_ok_and(|stat| stat.kind == FileKind::File);
        if !clobber && regular {
            return Err(self.complain(format!("{path}: cannot overwrite existing file")).await);
        }
        self.open_path(&path, OpenFlags::WRITE).await
    }

    async fn open_path(&mut self, path: &str, flags: OpenFlags) -> Result<Fd, Failure> {
        if self.dialect == Dialect::Bash {
            for (start, kind) in [("/dev/tcp/", SocketKind::Tcp), ("/dev/udp/", SocketKind::Udp)] {
                if let Some((host, port)) = path.strip_prefix(start).and_then(|it| it.split_once('/')) {
                    return self.open_socket(path, kind, host, port).await;
                }
            }
        }
        match self.sys.open(path, flags).await {
            Ok(fd) => Ok(fd),
            Err(errno) => {
                let words = match (self.dialect, errno, flags.create) {
                    (Dialect::Bash, _, _) => format!("{path}: {errno}"),
                    (Dialect::Dash, Errno::ENOENT, true) => {
                        format!("cannot create {path}: Directory nonexistent")
                    }
                    (Dialect::Dash, Errno::ENOENT, false) => format!("cannot open {path}: No such file"),
                    (Dialect::Dash, _, true) => format!("cannot create {path}: {errno}"),
                    (Dialect::Dash, _, false) => format!("cannot open {path}: {errno}"),
                };
                Err(self.complain(words).await)
            }
        }
    }

    /// `/dev/tcp/HOST/PORT`: the first address that takes the connection.
    async fn open_socket(
        &mut self,
        path: &str,
        kind: SocketKind,
        host: &str,
        port: &str,
    ) -> Result<Fd, Failure> {
        let services = Services::read(&self.sys).await;
        let protocol = if kind == SocketKind::Tcp { "tcp" } else { "udp" };
        let Some(port) = port.parse::<u16>().ok().or_else(|| services.port(port, protocol)) else {
            self.complain_line(format!("{port}: {}", GaiError::Service.text())).await;
            return Err(self.complain(format!("{path}: {}", Errno::EINVAL)).await);
        };
        let found = match getaddrinfo(&self.sys, host, Hints::default()).await {
            Ok(found) => found,
            Err(error) => {
                self.complain_line(format!("{host}: {}", error.text())).await;
                return Err(self.complain(format!("{path}: {}", Errno::EINVAL)).await);
            }
        };
        let mut last = Errno::EINVAL;
        for info in found {
            match self.connect(kind, SocketAddr::new(info.address, port)).await {
                Ok(fd) => return Ok(fd),
                Err(errno) => last = errno,
            }
        }
        self.sys.eprint(format!("{}: connect: {last}\n", self.source)).await;
        Err(self.complain(format!("{path}: {last}")).await)
    }

    async fn connect(&mut self, kind: SocketKind, to: SocketAddr) -> Result<Fd, Errno> {
        let socket = self.sys.socket(kind).await?;
        socket.connect(to, None).await?;
        socket.into_fd().await
    }

    async fn open_text(&mut self, text: String) -> Result<Fd, Failure> {
        match self.sys.open_bytes(text.into_bytes()).await {
            Ok(fd) => Ok(fd),
            Err(errno) => {
                Err(self.complain(format!("cannot create temp file for here-document: {errno}")).await)
            }
        }
    }

    /// `{name}>&-` closes what the variable says; `{name}>&2` puts a copy under a new number there.
    async fn duplicate_named(&mut self, word: &Word, name: &str) -> Result<(), Failure> {
        let text = self.target(word).await?;
        if text == "-" {
            let fd = self.scalar(name).and_then(|text| text.parse::<Fd>().ok());
            if let Some(fd) = fd {
                self.sys.close(fd).await.ok();
            }
            return Ok(());
        }
        let Ok(from) = text.parse::<Fd>() else {
            return Err(self.complain(format!("{text}: ambiguous redirect")).await);
        };
        match self.sys.dup_above(from, SAVED_FROM).await {
            Ok(fd) => self.set_variable(name, fd.to_string()).await,
            Err(errno) => Err(self.complain(format!("{from}: {errno}")).await),
        }
    }

    /// `2>&1`, `<&3-`, `>&-`
    async fn duplicate(&mut self, word: &Word, to: Fd, saved: &mut Saved) -> Result<(), Failure> {
        let text = self.target(word).await?;
        if text == "-" {
            self.save(to, saved).await;
            self.sys.close(to).await.ok();
            return Ok(());
        }
        let (digits, moves) = match text.strip_suffix('-') {
            Some(digits) => (digits, true),
            None => (text.as_str(), false),
        };
        let Ok(from) = digits.parse::<Fd>() else {
            return Err(self.complain(format!("{text}: ambiguous redirect")).await);
        };
        self.save(to, saved).await;
        if let Err(errno) = self.sys.dup2(from, to).await {
            return Err(self.complain(format!("{from}: {errno}")).await);
        }
        if moves && from != to {
            self.save(from, saved).await;
            self.sys.close(from).await.ok();
        }
        Ok(())
    }
}
