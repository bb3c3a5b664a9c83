//! Open files: what a descriptor stands for, and reading and writing through it.
//!
//! Always: an open file lives while a descriptor names it; offset and mode belong to it, so `dup` shares them.
//! Differs from Linux: a file of `/proc` or `/sys` is read once, at the first read.
//! Source: open(2), read(2), write(2).

use super::path::{Access, Disk, Place, View, allows};
use super::{Device, FileKind, Inode, InodeNumber, Node, Pipe, PipeId, synthetic};
use crate::container::ContainerId;
use crate::process::ProcessId;
use crate::system::System;
use crate::waiting::WaitOn;
use api::TtyId;
use net::Errno;
use std::collections::BTreeMap;

/// A file descriptor.
pub type Fd = i32;

/// Descriptors of one process (`ulimit -n`); one more is `EMFILE`.
pub const DESCRIPTORS: usize = 1024;
/// What one stream of a captured command may print; beyond it the command gets `ENOSPC`.
const CAPTURE_BYTES: usize = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenFileId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub file: OpenFileId,
    pub close_on_exec: bool,
}

/// The flags of open(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFlags {
    pub read: bool,
    pub write: bool,
    pub append: bool,
    pub create: bool,
    pub truncate: bool,
    pub exclusive: bool,
}

impl OpenFlags {
    const NONE: OpenFlags = OpenFlags {
        read: false,
        write: false,
        append: false,
        create: false,
        truncate: false,
        exclusive: false,
    };
    /// `<`
    pub const READ: OpenFlags = OpenFlags { read: true, ..Self::NONE };
    /// `>`
    pub const WRITE: OpenFlags = OpenFlags { write: true, create: true, truncate: true, ..Self::NONE };
    /// `>>`
    pub const APPEND: OpenFlags = OpenFlags { write: true, create: true, append: true, ..Self::NONE };
    /// `<>`
    pub const READ_WRITE: OpenFlags = OpenFlags { read: true, write: true, create: true, ..Self::NONE };
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OpenKind {
    Disk(Disk, InodeNumber),
    /// Bytes that were there at opening: a captured command's stdin, a here-document.
    Bytes(Vec<u8>),
    /// A file of `/proc` or `/sys`; its bytes once read.
    Synthetic(Box<View>, String, Option<Vec<u8>>),
    Directory,
    PipeRead(PipeId),
    PipeWrite(PipeId),
    Tty(TtyId),
    Device(Device),
    /// What `/dev/tcp/HOST/PORT` opens.
    Socket(net::SocketId),
    /// Stream 1 or 2 of a captured command.
    Capture(ProcessId, u8),
    /// Stream 1 or 2 of a container.
    Log(ContainerId, u8),
}

impl PartialEq for View {
    fn eq(&self, other: &View) -> bool {
        (self.machine, self.container, self.netns, self.uid)
            == (other.machine, other.container, other.netns, other.uid)
    }
}

impl Eq for View {}

#[derive(Debug)]
pub(crate) struct OpenFile {
    pub kind: OpenKind,
    pub flags: OpenFlags,
    pub offset: usize,
    /// Without links, as `/proc/PID/fd` shows it.
    pub path: String,
    users: u32,
}

#[derive(Debug, Default)]
pub(crate) struct OpenFiles {
    files: BTreeMap<OpenFileId, OpenFile>,
    next: u32,
    pub pipes: BTreeMap<PipeId, Pipe>,
    next_pipe: u32,
}

impl OpenFiles {
    pub fn kinds(&self) -> impl Iterator<Item = &OpenKind> {
        self.files.values().map(|file| &file.kind)
    }
}

impl System {
    /// Opens what `path` names, for nobody yet: the caller puts it under a descriptor.
    pub(crate) fn open_path(
        &mut self,
        view: &View,
        path: &str,
        flags: OpenFlags,
        mode: u16,
    ) -> Result<OpenFileId, Errno> {
        let found = self.walk(view, path, !flags.exclusive)?;
        let place = match (&found.place, flags.create) {
            (Some(_), true) if flags.exclusive => return Err(Errno::EEXIST),
            (Some(place), _) => place.clone(),
            (None, true) if found.slash => return Err(Errno::EISDIR),
            (None, true) => {
                let inode = Inode::new(Node::File(Vec::new()), mode, view.uid, view.gid, self.now());
                return self.create_at(view, &found, inode).map(|(disk, number)| {
                    self.tree_mut(disk).get_mut(number).opens += 1;
                    self.open_kind(OpenKind::Disk(disk, number), flags, found.path)
                });
            }
            (None, false) => return Err(Errno::ENOENT),
        };
        if let Some(opened) = self.reopen(view, &found.path) {
            return opened;
        }
        let stat = self.stat_place(view, &place)?;
        if stat.kind == FileKind::Directory && (flags.write || flags.create) {
            return Err(Errno::EISDIR);
        }
        if flags.read && !allows(&stat, view, Access::Read)
            || flags.write && !allows(&stat, view, Access::Write)
        {
            return Err(Errno::EACCES);
        }
        let kind = self.kind_of(view, &place, flags)?;
        Ok(self.open_kind(kind, flags, found.path))
    }

    /// `/proc/PID/fd/N`, which opens what is open there.
    fn reopen(&mut self, view: &View, path: &str) -> Option<Result<OpenFileId, Errno>> {
        let (pid, fd) = path.strip_prefix("/proc/")?.split_once("/fd/")?;
        let (pid, fd) = (pid.parse::<u32>().ok()?, fd.parse::<Fd>().ok()?);
        let process = self.process_numbered(view.machine, view.container, pid)?;
        let descriptor = process.files.get(&fd).copied().ok_or(Errno::ENOENT);
        Some(descriptor.map(|descriptor| {
            self.hold(descriptor.file);
            descriptor.file
        }))
    }

    fn kind_of(&mut self, view: &View, place: &Place, flags: OpenFlags) -> Result<OpenKind, Errno> {
        let (disk, number) = match place {
            Place::Synthetic(path) => {
                return Ok(match synthetic::lookup(self, view, path) {
                    Some(
                        synthetic::Synthetic::Directory(_)
                        | synthetic::Synthetic::Switches
                        | synthetic::Synthetic::Processes,
                    ) => OpenKind::Directory,
                    _ => OpenKind::Synthetic(Box::new(view.clone()), path.clone(), None),
                });
            }
            Place::Disk(disk, number) => (*disk, *number),
        };
        let now = self.now();
        let files = self.tree_mut(disk);
        match &files.get(number).node {
            Node::Directory(_) => return Ok(OpenKind::Directory),
            Node::Symlink(_) => return Err(Errno::ELOOP),
            Node::Device(Device::Tty) => {
                let tty = view.process.and_then(|id| self.find_process(id)).and_then(|process| process.tty);
                return tty.map(OpenKind::Tty).ok_or(Errno::ENXIO);
            }
            Node::Device(device) => return Ok(OpenKind::Device(*device)),
            Node::Netns(_) => return Ok(OpenKind::Bytes(Vec::new())),
            Node::File(_) => {}
        }
        if flags.truncate {
            files.truncate(number, 0, now)?;
        }
        files.get_mut(number).opens += 1;
        Ok(OpenKind::Disk(disk, number))
    }

    pub(crate) fn open_kind(&mut self, kind: OpenKind, flags: OpenFlags, path: String) -> OpenFileId {
        let id = OpenFileId(self.open.next);
        self.open.next += 1;
        self.open.files.insert(id, OpenFile { kind, flags, offset: 0, path, users: 1 });
        id
    }

    /// A new pipe: its read end and its write end.
    pub(crate) fn open_pipe(&mut self) -> (OpenFileId, OpenFileId) {
        let pipe = PipeId(self.open.next_pipe);
        self.open.next_pipe += 1;
        self.open.pipes.insert(pipe, Pipe::open());
        let path = format!("pipe:[{}]", 20_000 + pipe.0);
        let write = OpenFlags { write: true, ..OpenFlags::default() };
        let reader = self.open_kind(OpenKind::PipeRead(pipe), OpenFlags::READ, path.clone());
        (reader, self.open_kind(OpenKind::PipeWrite(pipe), write, path))
    }

    pub(crate) fn open_file(&self, id: OpenFileId) -> &OpenFile {
        self.open.files.get(&id).expect("an open file lives while a descriptor names it")
    }

    pub(crate) fn open_file_mut(&mut self, id: OpenFileId) -> &mut OpenFile {
        self.open.files.get_mut(&id).expect("an open file lives while a descriptor names it")
    }

    /// May somebody still write to what is captured of that command?
    pub(crate) fn captures(&self, id: ProcessId) -> bool {
        self.open.files.values().any(|file| matches!(file.kind, OpenKind::Capture(it, _) if it == id))
    }

    /// One more descriptor names it.
    pub(crate) fn hold(&mut self, id: OpenFileId) {
        self.open_file_mut(id).users += 1;
    }

    /// One descriptor less; the last one closes it.
    pub(crate) fn drop_file(&mut self, id: OpenFileId) {
        let file = self.open_file_mut(id);
        file.users -= 1;
        if file.users > 0 {
            return;
        }
        let closed = self.open.files.remove(&id).expect("it was just there");
        match closed.kind {
            OpenKind::Disk(disk, inode) => {
                let files = self.tree_mut(disk);
                files.get_mut(inode).opens -= 1;
                files.release(inode);
            }
            OpenKind::Socket(id) => drop(self.net.close(id)),
            OpenKind::PipeRead(pipe) => self.leave_pipe(pipe, |pipe| pipe.readers -= 1),
            OpenKind::PipeWrite(pipe) => self.leave_pipe(pipe, |pipe| pipe.writers -= 1),
            _ => {}
        }
    }

    fn leave_pipe(&mut self, id: PipeId, leave: impl FnOnce(&mut Pipe)) {
        let pipe = self.pipe_mut(id);
        leave(pipe);
        if pipe.readers == 0 && pipe.writers == 0 {
            self.open.pipes.remove(&id);
        }
        self.wake(WaitOn::Pipe(id.0));
    }

    fn pipe_mut(&mut self, id: PipeId) -> &mut Pipe {
        self.open.pipes.get_mut(&id).expect("a pipe lives while an end of it is open")
    }

    /// What a reader or writer of that file waits for.
    pub(crate) fn file_wait(&self, id: OpenFileId) -> Option<WaitOn> {
        match self.open_file(id).kind {
            OpenKind::PipeRead(pipe) | OpenKind::PipeWrite(pipe) => Some(WaitOn::Pipe(pipe.0)),
            OpenKind::Tty(tty) => Some(WaitOn::Tty(tty)),
            OpenKind::Socket(id) => Some(WaitOn::Socket(id)),
            _ => None,
        }
    }

    /// Would a read answer at once?
    pub(crate) fn has_input(&self, id: OpenFileId) -> bool {
        match &self.open_file(id).kind {
            OpenKind::PipeRead(pipe) => self.open.pipes.get(pipe).is_some_and(Pipe::has_input),
            OpenKind::Tty(tty) => self.tty_has_input(*tty),
            OpenKind::Socket(id) => self.net.readiness(*id).is_ok_and(|ready| ready.readable),
            OpenKind::PipeWrite(_) | OpenKind::Capture(..) | OpenKind::Log(..) | OpenKind::Directory => false,
            _ => true,
        }
    }

    /// Some bytes, or none at the end; `EAGAIN` where it has to wait for [`System::file_wait`].
    pub(crate) fn read_file_open(
        &mut self,
        who: ProcessId,
        id: OpenFileId,
        max: usize,
    ) -> Result<Vec<u8>, Errno> {
        let file = self.open_file(id);
        if !file.flags.read {
            return Err(Errno::EBADF);
        }
        let offset = file.offset;
        let bytes = match &file.kind {
            OpenKind::Directory => return Err(Errno::EISDIR),
            OpenKind::PipeWrite(_) | OpenKind::Capture(..) | OpenKind::Log(..) => return Err(Errno::EBADF),
            OpenKind::Device(Device::Null | Device::Tty) => return Ok(Vec::new()),
            OpenKind::Device(Device::Zero | Device::Full) => {
                return Ok(vec![0; max.min(super::pipe::PIPE_BYTES)]);
            }
            OpenKind::Device(Device::Random) => {
                let mut bytes = vec![0; max.min(super::pipe::PIPE_BYTES)];
                self.random.fill(&mut bytes);
                return Ok(bytes);
            }
            OpenKind::PipeRead(pipe) => {
                let pipe = *pipe;
                let read = self.pipe_mut(pipe).read(max)?;
                self.wake(WaitOn::Pipe(pipe.0));
                return Ok(read);
            }
            OpenKind::Tty(tty) => return self.tty_read(*tty, who, max),
            OpenKind::Socket(id) => {
                let id = *id;
                return self.net.recv(id, max);
            }
            OpenKind::Bytes(bytes) => slice(bytes, offset, max),
            OpenKind::Disk(disk, inode) => match &self.tree(*disk).get(*inode).node {
                Node::File(bytes) => slice(bytes, offset, max),
                _ => Vec::new(),
            },
            OpenKind::Synthetic(_, _, Some(bytes)) => slice(bytes, offset, max),
            OpenKind::Synthetic(view, path, None) => {
                let bytes = synthetic::read(self, view, path)?;
                let read = slice(&bytes, offset, max);
                if let OpenKind::Synthetic(_, _, snapshot) = &mut self.open_file_mut(id).kind {
                    *snapshot = Some(bytes);
                }
                read
            }
        };
        self.open_file_mut(id).offset += bytes.len();
        Ok(bytes)
    }

    /// How many of `bytes` were written; `EAGAIN` where it has to wait for [`System::file_wait`].
    pub(crate) fn write_file_open(
        &mut self,
        who: ProcessId,
        id: OpenFileId,
        bytes: &[u8],
    ) -> Result<usize, Errno> {
        let file = self.open_file(id);
        if !file.flags.write {
            return Err(Errno::EBADF);
        }
        let (offset, append) = (file.offset, file.flags.append);
        match &file.kind {
            OpenKind::Directory | OpenKind::PipeRead(_) | OpenKind::Bytes(_) => return Err(Errno::EBADF),
            OpenKind::Device(Device::Full) => return Err(Errno::ENOSPC),
            OpenKind::Device(_) => {}
            OpenKind::PipeWrite(pipe) => {
                let pipe = *pipe;
                let written = self.pipe_mut(pipe).write(bytes)?;
                self.wake(WaitOn::Pipe(pipe.0));
                return Ok(written);
            }
            OpenKind::Tty(tty) => return self.tty_write(*tty, who, bytes),
            OpenKind::Socket(id) => {
                let id = *id;
                return self.net.send(id, bytes);
            }
            OpenKind::Capture(of, stream) => {
                let (of, stream) = (*of, *stream);
                let Some(captured) = self.captured.get_mut(&of) else { return Ok(bytes.len()) };
                let kept = if stream == 2 { &mut captured.stderr } else { &mut captured.stdout };
                if kept.len() + bytes.len() > CAPTURE_BYTES {
                    return Err(Errno::ENOSPC);
                }
                kept.extend_from_slice(bytes);
            }
            OpenKind::Log(container, stream) => {
                let (container, stream) = (*container, *stream);
                self.container_print(container, stream, bytes);
            }
            OpenKind::Disk(disk, inode) => {
                let (disk, inode, now) = (*disk, *inode, self.now());
                let files = self.tree_mut(disk);
                let at = if append { files.stat(inode).size as usize } else { offset };
                files.write(inode, at, bytes, now)?;
                self.open_file_mut(id).offset = at + bytes.len();
            }
            OpenKind::Synthetic(view, path, _) => {
                let (view, path) = (view.clone(), path.clone());
                synthetic::write(self, &view, &path, bytes)?;
            }
        }
        Ok(bytes.len())
    }
}

fn slice(bytes: &[u8], offset: usize, max: usize) -> Vec<u8> {
    let rest = bytes.get(offset..).unwrap_or_default();
    rest[..rest.len().min(max)].to_vec()
}
