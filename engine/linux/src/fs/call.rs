//! The file calls of a program: open, read, write, and the calls on paths.
//!
//! Always: a call that would block waits; writing to a pipe that nobody reads ends the process with SIGPIPE.
//! Source: the section-2 pages of the calls named as the functions are.

use super::path::{Place, View};
use super::{Descriptor, Fd, FileKind, OpenFlags, OpenKind, Stat, synthetic};
use crate::process::ProcessId;
use crate::signal::Signal;
use crate::sys::{Sys, Syscall};
use crate::system::System;
use crate::waiting::WaitOn;
use api::NetnsId;
use net::Errno;
use sim::Instant;
use std::task::Poll;

pub const STDIN: Fd = 0;
pub const STDOUT: Fd = 1;
pub const STDERR: Fd = 2;

/// The longest line [`Sys::read_line`] keeps; a longer one comes in pieces.
const LINE_BYTES: usize = 1 << 20;
/// What [`Sys::read_all`] takes at most; the rest is left unread.
const READ_ALL_BYTES: usize = 32 << 20;

/// What a read finds that does not wait.
#[derive(Debug)]
pub enum Found {
    Bytes(Vec<u8>),
    End,
    /// Nothing yet; what to wait for, where something may come.
    Wait(Option<WaitOn>),
}

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub stat: Stat,
}

impl System {
    pub(crate) fn descriptor(&self, id: ProcessId, fd: Fd) -> Result<Descriptor, Errno> {
        self.process(id).files.get(&fd).copied().ok_or(Errno::EBADF)
    }

    /// Puts an open file under a descriptor, closing what was there.
    pub(crate) fn install(&mut self, id: ProcessId, fd: Fd, descriptor: Descriptor) {
        if let Some(old) = self.process_mut(id).files.insert(fd, descriptor) {
            self.drop_file(old.file);
        }
    }

    /// The lowest free descriptor from `least` on.
    pub(crate) fn free_fd(&self, id: ProcessId, least: Fd) -> Result<Fd, Errno> {
        let files = &self.process(id).files;
        let limit = super::open::DESCRIPTORS as Fd;
        (least..limit).find(|fd| !files.contains_key(fd)).ok_or(Errno::EMFILE)
    }

    pub(crate) fn close_fd(&mut self, id: ProcessId, fd: Fd) -> Result<(), Errno> {
        let descriptor = self.process_mut(id).files.remove(&fd).ok_or(Errno::EBADF)?;
        self.drop_file(descriptor.file);
        Ok(())
    }

    pub(crate) fn view(&self, id: ProcessId) -> View {
        View::of(self.process(id))
    }

    /// Writes what comes after the first `done` bytes, as far as it goes without waiting.
    fn write_all(
        &mut self,
        id: ProcessId,
        fd: Fd,
        bytes: &[u8],
        done: &mut usize,
    ) -> Poll<Result<(), Errno>> {
        let file = match self.descriptor(id, fd) {
            Ok(descriptor) => descriptor.file,
            Err(errno) => return Poll::Ready(Err(errno)),
        };
        loop {
            match self.write_file_open(id, file, &bytes[*done..]) {
                Ok(written) => *done += written,
                Err(Errno::EAGAIN) => {
                    if let Some(thing) = self.file_wait(file) {
                        self.wait_on(thing, id);
                    }
                    return Poll::Pending;
                }
                Err(Errno::EPIPE) => {
                    self.signal(id, Signal::Pipe);
                    return Poll::Ready(Err(Errno::EPIPE));
                }
                Err(errno) => return Poll::Ready(Err(errno)),
            }
            if *done >= bytes.len() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// A directory's names, in the kernel's order.
    pub(crate) fn read_dir_path(&self, view: &View, path: &str) -> Result<Vec<Entry>, Errno> {
        let found = self.walk(view, path, true)?;
        let place = found.existing()?;
        let stat = self.stat_place(view, place)?;
        if stat.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        if !super::path::allows(&stat, view, super::path::Access::Read) {
            return Err(Errno::EACCES);
        }
        let names = match place {
            Place::Disk(disk, number) => match self.tree(*disk).directory(*number) {
                Some(directory) => directory.names(),
                None => return Err(Errno::ENOTDIR),
            },
            Place::Synthetic(path) => synthetic::names(self, view, path).ok_or(Errno::ENOTDIR)?,
        };
        // Who may not search it learns names, but not what they stand for.
        let may_search = super::path::allows(&stat, view, super::path::Access::Search);
        let entry = |name: String| {
            let stat = self.stat_child(view, &found, &name).filter(|_| may_search)?;
            Some(Entry { name, stat })
        };
        Ok(names.into_iter().filter_map(entry).collect())
    }
}

/// A call that writes all of it, waiting as long as it takes.
fn whole(fd: Fd, bytes: &[u8]) -> Box<dyn FnMut(&mut System, ProcessId) -> Poll<Result<(), Errno>>> {
    let bytes = bytes.to_vec();
    let mut done = 0;
    Box::new(move |system, id| system.write_all(id, fd, &bytes, &mut done))
}

impl Sys {
    /// Reads what is there already. A descriptor that cannot be read counts as at its end.
    pub fn read_now(&self, fd: Fd, max: usize) -> Syscall<Found> {
        self.ask(move |system, id| {
            let Ok(descriptor) = system.descriptor(id, fd) else { return Found::End };
            match system.read_file_open(id, descriptor.file, max) {
                Ok(bytes) if !bytes.is_empty() => Found::Bytes(bytes),
                Err(Errno::EAGAIN) => Found::Wait(system.file_wait(descriptor.file)),
                _ => Found::End,
            }
        })
    }

    /// Writes to stdout.
    pub fn print(&self, text: impl AsRef<str>) -> Syscall<()> {
        let mut write = whole(STDOUT, text.as_ref().as_bytes());
        self.call(move |system, id| write(system, id).map(|_| ()))
    }

    /// Writes to stderr.
    pub fn eprint(&self, text: impl AsRef<str>) -> Syscall<()> {
        self.eprint_then(text, ())
    }

    /// Writes to stderr and answers with that; for what says what is wrong and then ends with a status.
    pub fn eprint_then<T: Copy + 'static>(&self, text: impl AsRef<str>, then: T) -> Syscall<T> {
        let mut write = whole(STDERR, text.as_ref().as_bytes());
        self.call(move |system, id| write(system, id).map(|_| then))
    }

    /// Up to `max` bytes; none means the end.
    pub fn read(&self, fd: Fd, max: usize) -> Syscall<Result<Vec<u8>, Errno>> {
        self.call(move |system, id| {
            let file = match system.descriptor(id, fd) {
                Ok(descriptor) => descriptor.file,
                Err(errno) => return Poll::Ready(Err(errno)),
            };
            match system.read_file_open(id, file, max) {
                Err(Errno::EAGAIN) => {
                    if let Some(thing) = system.file_wait(file) {
                        system.wait_on(thing, id);
                    }
                    Poll::Pending
                }
                answer => Poll::Ready(answer),
            }
        })
    }

    /// Writes all of it, waiting as long as it takes.
    pub fn write(&self, fd: Fd, bytes: &[u8]) -> Syscall<Result<(), Errno>> {
        self.call(whole(fd, bytes))
    }

    /// Everything until the end.
    pub async fn read_all(&self, fd: Fd) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        while all.len() < READ_ALL_BYTES {
            let some = self.read(fd, 65_536).await?;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        Ok(all)
    }

    /// One line without its newline; `None` at the end. Reads byte by byte from what cannot be put back
    /// (a pipe, a terminal), so that whoever reads on finds the next line.
    pub async fn read_line(&self, fd: Fd) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let byte = self.read(fd, 1).await.ok()?;
            match byte.first() {
                None if line.is_empty() => return None,
                None | Some(b'\n') => return Some(String::from_utf8_lossy(&line).into_owned()),
                Some(byte) => line.push(*byte),
            }
            if line.len() >= LINE_BYTES {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }

    pub fn open(&self, path: &str, flags: OpenFlags) -> Syscall<Result<Fd, Errno>> {
        self.open_mode(path, flags, 0o666)
    }

    /// The same; a file it makes gets `mode` less the umask.
    pub fn open_mode(&self, path: &str, flags: OpenFlags, mode: u16) -> Syscall<Result<Fd, Errno>> {
        let path = path.to_owned();
        self.ask(move |system, id| {
            let fd = system.free_fd(id, 0)?;
            let (view, umask) = (system.view(id), system.process(id).umask);
            let file = system.open_path(&view, &path, flags, mode & !umask)?;
            system.install(id, fd, Descriptor { file, close_on_exec: false });
            Ok(fd)
        })
    }

    pub fn close(&self, fd: Fd) -> Syscall<Result<(), Errno>> {
        self.ask(move |system, id| system.close_fd(id, fd))
    }

    pub fn dup2(&self, from: Fd, to: Fd) -> Syscall<Result<(), Errno>> {
        self.ask(move |system, id| {
            let descriptor = system.descriptor(id, from)?;
            if !(0..super::open::DESCRIPTORS as Fd).contains(&to) {
                return Err(Errno::EBADF);
            }
            if from != to {
                system.hold(descriptor.file);
                system.install(id, to, Descriptor { file: descriptor.file, close_on_exec: false });
            }
            Ok(())
        })
    }

    /// A copy under the lowest free descriptor from `least` on, closed on exec (`F_DUPFD_CLOEXEC`).
    pub fn dup_above(&self, from: Fd, least: Fd) -> Syscall<Result<Fd, Errno>> {
        self.ask(move |system, id| {
            let descriptor = system.descriptor(id, from)?;
            let fd = system.free_fd(id, least)?;
            system.hold(descriptor.file);
            system.install(id, fd, Descriptor { file: descriptor.file, close_on_exec: true });
            Ok(fd)
        })
    }

    /// Read end and write end.
    pub fn pipe(&self) -> Syscall<Result<(Fd, Fd), Errno>> {
        self.ask(|system, id| {
            let (reader, writer) = system.open_pipe();
            let mut install = |file| {
                let fd = system.free_fd(id, 0)?;
                system.install(id, fd, Descriptor { file, close_on_exec: false });
                Ok(fd)
            };
            Ok((install(reader)?, install(writer)?))
        })
    }

    /// A descriptor that reads these bytes (a here-document).
    pub fn open_bytes(&self, bytes: Vec<u8>) -> Syscall<Result<Fd, Errno>> {
        self.ask(move |system, id| {
            let fd = system.free_fd(id, 0)?;
            let file = system.open_kind(OpenKind::Bytes(bytes), OpenFlags::READ, "/tmp/sh-thd".to_owned());
            system.install(id, fd, Descriptor { file, close_on_exec: false });
            Ok(fd)
        })
    }

    pub fn is_tty(&self, fd: Fd) -> Syscall<bool> {
        self.ask(move |system, id| {
            let file = system.descriptor(id, fd).map(|descriptor| system.open_file(descriptor.file));
            file.is_ok_and(|file| matches!(file.kind, OpenKind::Tty(_)))
        })
    }

    pub fn read_file(&self, path: &str) -> Syscall<Result<Vec<u8>, Errno>> {
        let path = path.to_owned();
        self.ask(move |system, id| {
            let view = system.view(id);
            system.read_path(&view, &path)
        })
    }

    pub fn write_file(&self, path: &str, bytes: &[u8]) -> Syscall<Result<(), Errno>> {
        self.put_file(path, bytes, OpenFlags::WRITE)
    }

    pub fn append_file(&self, path: &str, bytes: &[u8]) -> Syscall<Result<(), Errno>> {
        self.put_file(path, bytes, OpenFlags::APPEND)
    }

    fn put_file(&self, path: &str, bytes: &[u8], flags: OpenFlags) -> Syscall<Result<(), Errno>> {
        let bytes = bytes.to_vec();
        self.on_path(path, move |system, view, path, umask| {
            system.write_path(view, path, &bytes, flags, 0o666 & !umask)
        })
    }

    fn on_path<T: 'static>(
        &self,
        path: &str,
        act: impl FnOnce(&mut System, &View, &str, u16) -> T + 'static,
    ) -> Syscall<T> {
        let path = path.to_owned();
        self.ask(move |system, id| {
            let (view, umask) = (system.view(id), system.process(id).umask);
            act(system, &view, &path, umask)
        })
    }

    /// A directory's names, in the kernel's order.
    pub fn read_dir(&self, path: &str) -> Syscall<Result<Vec<Entry>, Errno>> {
        self.on_path(path, |system, view, path, _| system.read_dir_path(view, path))
    }

    pub fn stat(&self, path: &str) -> Syscall<Result<Stat, Errno>> {
        self.on_path(path, |system, view, path, _| system.stat_path(view, path, true))
    }

    /// Like [`Sys::stat`], of the link itself.
    pub fn lstat(&self, path: &str) -> Syscall<Result<Stat, Errno>> {
        self.on_path(path, |system, view, path, _| system.stat_path(view, path, false))
    }

    pub async fn exists(&self, path: &str) -> bool {
        self.stat(path).await.is_ok()
    }

    /// access(2): may this process read (4), write (2), execute (1) it?
    pub fn access(&self, path: &str, mode: u8) -> Syscall<bool> {
        use super::path::{Access, allows};
        self.on_path(path, move |system, view, path, _| {
            let Ok(stat) = system.stat_path(view, path, true) else { return false };
            let may = |bit, access| mode & bit == 0 || allows(&stat, view, access);
            may(4, Access::Read) && may(2, Access::Write) && may(1, Access::Search)
        })
    }

    pub fn mkdir(&self, path: &str, mode: u16) -> Syscall<Result<(), Errno>> {
        self.on_path(path, move |system, view, path, umask| system.mkdir_path(view, path, mode & !umask))
    }

    /// unlink(2)
    pub fn remove(&self, path: &str) -> Syscall<Result<(), Errno>> {
        self.on_path(path, |system, view, path, _| system.unlink_path(view, path))
    }

    pub fn rmdir(&self, path: &str) -> Syscall<Result<(), Errno>> {
        self.on_path(path, |system, view, path, _| system.rmdir_path(view, path))
    }

    pub fn rename(&self, old: &str, new: &str) -> Syscall<Result<(), Errno>> {
        let new = new.to_owned();
        self.on_path(old, move |system, view, old, _| system.rename_path(view, old, &new))
    }

    pub fn symlink(&self, target: &str, path: &str) -> Syscall<Result<(), Errno>> {
        let target = target.to_owned();
        self.on_path(path, move |system, view, path, _| system.symlink_path(view, &target, path))
    }

    /// A second name `new` for `old`.
    pub fn link(&self, old: &str, new: &str) -> Syscall<Result<(), Errno>> {
        let new = new.to_owned();
        self.on_path(old, move |system, view, old, _| system.link_path(view, old, &new))
    }

    pub fn readlink(&self, path: &str) -> Syscall<Result<String, Errno>> {
        self.on_path(path, |system, view, path, _| {
            let found = system.walk(view, path, false)?;
            match found.existing()? {
                Place::Synthetic(path) => {
                    synthetic::lookup(system, view, path).and_then(|found| found.link())
                }
                place => system.link_target(view, place),
            }
            .ok_or(Errno::EINVAL)
        })
    }

    /// The path without links, `.` and `..`; its last component need not exist.
    pub fn realpath(&self, path: &str) -> Syscall<Result<String, Errno>> {
        self.on_path(path, |system, view, path, _| system.walk(view, path, true).map(|found| found.path))
    }

    pub fn chmod(&self, path: &str, mode: u16) -> Syscall<Result<(), Errno>> {
        self.on_path(path, move |system, view, path, _| system.chmod_path(view, path, mode))
    }

    pub fn chown(&self, path: &str, uid: Option<u32>, gid: Option<u32>) -> Syscall<Result<(), Errno>> {
        self.on_path(path, move |system, view, path, _| system.chown_path(view, path, uid, gid))
    }

    /// Sets the time of the last change.
    pub fn utime(&self, path: &str, modified: Instant) -> Syscall<Result<(), Errno>> {
        self.on_path(path, move |system, view, path, _| system.utime_path(view, path, modified))
    }

    pub fn chdir(&self, path: &str) -> Syscall<Result<(), Errno>> {
        self.ask_path_directory(path)
    }

    fn ask_path_directory(&self, path: &str) -> Syscall<Result<(), Errno>> {
        let path = path.to_owned();
        self.ask(move |system, id| {
            let view = system.view(id);
            let found = system.walk(&view, &path, true)?;
            let stat = system.stat_place(&view, found.existing()?)?;
            match stat.kind {
                FileKind::Directory if super::path::allows(&stat, &view, super::path::Access::Search) => {
                    system.process_mut(id).cwd = found.path;
                    Ok(())
                }
                FileKind::Directory => Err(Errno::EACCES),
                _ => Err(Errno::ENOTDIR),
            }
        })
    }

    /// The namespace that a file such as `/run/netns/red` or `/proc/7/ns/net` stands for; `EINVAL` where it is
    /// another kind of file.
    pub fn netns_at(&self, path: &str) -> Syscall<Result<NetnsId, Errno>> {
        self.on_path(path, |system, view, path, _| system.netns_of_path(view, path))
    }
}
