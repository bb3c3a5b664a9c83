//! A machine's file tree: inodes with modes, owners, times and links; what is on its disk.
//!
//! Stands under `path` (which names a thing) and `open` (which reads and writes it); calls nothing.
//! Always: an inode lives while a directory or an open file names it; used bytes and inodes stay within the limits.
//! Differs from Linux: one file system per machine; no access times, no hard links to directories, no quotas.

mod call;
mod change;
mod open;
mod path;
mod pipe;
mod proc;
mod proc_net;
mod proc_recent;
mod proc_sys;
mod synthetic;
mod sys_class_net;
mod tree;

pub use call::{Entry, Found, STDERR, STDIN, STDOUT};
pub(crate) use open::{DESCRIPTORS, Descriptor, OpenFileId, OpenFiles, OpenKind};
pub use open::{Fd, OpenFlags};
pub(crate) use path::{Access, Disk, Place, View, allows};
pub(crate) use pipe::{Pipe, PipeId};
pub(crate) use synthetic::{Synthetic, lookup as synthetic_lookup};
pub(crate) use tree::standard;

use api::NetnsId;
use net::Errno;
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Bytes of all files of one machine; beyond it a write fails with `ENOSPC`.
pub const DISK_BYTES: usize = 32 << 20;
/// Inodes of one machine; beyond it making one fails with `ENOSPC`.
pub const DISK_INODES: usize = 20_000;
/// NAME_MAX of limits.h; a longer name is `ENAMETOOLONG`.
pub const NAME_BYTES: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InodeNumber(pub u32);

/// What a file is, as `stat` and `ls -F` tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    CharacterDevice,
    Fifo,
    Socket,
}

/// The devices of `/dev` that are more than a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Null,
    Zero,
    Full,
    Random,
    /// The terminal of whoever opens it.
    Tty,
}

#[derive(Clone, Debug)]
pub enum Node {
    File(Vec<u8>),
    Directory(Directory),
    Symlink(String),
    Device(Device),
    /// A namespace bound to a name by `ip netns add`.
    Netns(NetnsId),
}

#[derive(Clone, Debug)]
pub struct Directory {
    pub parent: InodeNumber,
    /// By name; with each the order in which it was made, for a directory is listed newest first (tmpfs).
    entries: BTreeMap<String, (u64, InodeNumber)>,
}

#[derive(Clone, Debug)]
pub struct Inode {
    pub node: Node,
    /// The permission bits, `0o7777`.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub modified: Instant,
    pub links: u32,
    pub(crate) opens: u32,
}

/// stat(2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: FileKind,
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub links: u32,
    pub inode: u32,
    pub modified: Instant,
}

impl Inode {
    pub fn kind(&self) -> FileKind {
        match self.node {
            Node::File(_) | Node::Netns(_) => FileKind::File,
            Node::Directory(_) => FileKind::Directory,
            Node::Symlink(_) => FileKind::Symlink,
            Node::Device(_) => FileKind::CharacterDevice,
        }
    }

    fn size(&self) -> usize {
        match &self.node {
            Node::File(bytes) => bytes.len(),
            Node::Symlink(target) => target.len(),
            Node::Directory(_) => 4096,
            Node::Device(_) | Node::Netns(_) => 0,
        }
    }
}

impl Directory {
    pub fn get(&self, name: &str) -> Option<InodeNumber> {
        self.entries.get(name).map(|(_, inode)| *inode)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names, the newest first.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.entries.iter().map(|(name, (order, _))| (*order, name)).collect();
        names.sort_by(|a, b| b.cmp(a));
        names.into_iter().map(|(_, name)| name.clone()).collect()
    }
}

/// The inodes of one machine, or of a container over those of its image (overlayfs).
#[derive(Clone, Debug)]
pub struct FileSystem {
    /// What lies under its own inodes and stays as it is.
    below: Option<Rc<FileSystem>>,
    /// Its own; nothing where one from below is gone.
    inodes: BTreeMap<InodeNumber, Option<Inode>>,
    /// How many there are, with those from below.
    count: usize,
    next: u32,
    order: u64,
    used: usize,
    /// Its inodes that are namespaces bound to a name; an image has none.
    bound: BTreeMap<NetnsId, BTreeSet<InodeNumber>>,
}

impl FileSystem {
    pub const ROOT: InodeNumber = InodeNumber(2);

    /// Only `/`.
    pub fn empty() -> FileSystem {
        let root = Node::Directory(Directory { parent: Self::ROOT, entries: BTreeMap::new() });
        let root = Inode::new(root, 0o755, 0, 0, Instant::BOOT);
        let inodes = [(Self::ROOT, Some(root))].into();
        FileSystem { below: None, inodes, count: 1, next: 3, order: 0, used: 0, bound: BTreeMap::new() }
    }

    /// A tree that begins as `below`: what is changed is copied first, inode by inode.
    pub fn over(below: Rc<FileSystem>) -> FileSystem {
        let FileSystem { count, next, order, used, .. } = *below;
        let (inodes, bound) = (BTreeMap::new(), BTreeMap::new());
        FileSystem { below: Some(below), inodes, count, next, order, used, bound }
    }

    fn find(&self, number: InodeNumber) -> Option<&Inode> {
        match self.inodes.get(&number) {
            Some(own) => own.as_ref(),
            None => self.below.as_ref()?.find(number),
        }
    }

    pub fn get(&self, number: InodeNumber) -> &Inode {
        self.find(number).expect("an inode lives while something names it")
    }

    pub fn get_mut(&mut self, number: InodeNumber) -> &mut Inode {
        let below = &self.below;
        let copied = || below.as_ref().and_then(|it| it.find(number)).cloned();
        let own = self.inodes.entry(number).or_insert_with(copied);
        own.as_mut().expect("an inode lives while something names it")
    }

    pub fn directory(&self, number: InodeNumber) -> Option<&Directory> {
        match &self.get(number).node {
            Node::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    pub fn stat(&self, number: InodeNumber) -> Stat {
        let inode = self.get(number);
        let (kind, mode, uid, gid) = (inode.kind(), inode.mode, inode.uid, inode.gid);
        let size = inode.size() as u64;
        Stat { kind, mode, uid, gid, size, links: inode.links, inode: number.0, modified: inode.modified }
    }

    /// Is that namespace bound to a name?
    pub fn binds_netns(&self, netns: NetnsId) -> bool {
        self.bound.get(&netns).is_some_and(|all| all.iter().any(|it| self.get(*it).links > 0))
    }

    /// Puts a new inode under a name; `EEXIST` where the name is taken.
    pub fn add(&mut self, parent: InodeNumber, name: &str, mut inode: Inode) -> Result<InodeNumber, Errno> {
        if name.len() > NAME_BYTES {
            return Err(Errno::ENAMETOOLONG);
        }
        if self.directory(parent).ok_or(Errno::ENOTDIR)?.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        let size = inode.size();
        if self.count >= DISK_INODES || self.used + size > DISK_BYTES {
            return Err(Errno::ENOSPC);
        }
        let number = InodeNumber(self.next);
        self.next += 1;
        if let Node::Directory(directory) = &mut inode.node {
            directory.parent = parent;
            inode.links = 2;
            self.get_mut(parent).links += 1;
        }
        self.used += if inode.kind() == FileKind::Directory { 0 } else { size };
        let now = inode.modified;
        if let Node::Netns(netns) = inode.node {
            self.bound.entry(netns).or_default().insert(number);
        }
        self.inodes.insert(number, Some(inode));
        self.count += 1;
        self.enter(parent, name, number, now);
        Ok(number)
    }

    fn enter(&mut self, parent: InodeNumber, name: &str, number: InodeNumber, now: Instant) {
        self.order += 1;
        let order = self.order;
        let parent = self.get_mut(parent);
        parent.modified = now;
        if let Node::Directory(directory) = &mut parent.node {
            directory.entries.insert(name.to_owned(), (order, number));
        }
    }

    /// A second name for an inode; link(2).
    pub fn link(
        &mut self,
        parent: InodeNumber,
        name: &str,
        number: InodeNumber,
        now: Instant,
    ) -> Result<(), Errno> {
        if self.get(number).kind() == FileKind::Directory {
            return Err(Errno::EPERM);
        }
        if self.directory(parent).ok_or(Errno::ENOTDIR)?.get(name).is_some() {
            return Err(Errno::EEXIST);
        }
        if name.len() > NAME_BYTES {
            return Err(Errno::ENAMETOOLONG);
        }
        self.get_mut(number).links += 1;
        self.enter(parent, name, number, now);
        Ok(())
    }

    /// Takes a name away, and the inode with it when that was its last use. A directory has to be empty.
    pub fn unlink(&mut self, parent: InodeNumber, name: &str, now: Instant) -> Result<(), Errno> {
        let number = self.directory(parent).ok_or(Errno::ENOTDIR)?.get(name).ok_or(Errno::ENOENT)?;
        let is_directory = match self.directory(number) {
            Some(directory) if !directory.is_empty() => return Err(Errno::ENOTEMPTY),
            found => found.is_some(),
        };
        self.detach(parent, name, now);
        let inode = self.get_mut(number);
        inode.links = if is_directory { 0 } else { inode.links.saturating_sub(1) };
        if is_directory {
            self.get_mut(parent).links -= 1;
        }
        self.release(number);
        Ok(())
    }

    fn detach(&mut self, parent: InodeNumber, name: &str, now: Instant) {
        let parent = self.get_mut(parent);
        parent.modified = now;
        if let Node::Directory(directory) = &mut parent.node {
            directory.entries.remove(name);
        }
    }

    /// Moves a name; what stood at the new one is replaced, as rename(2) allows it.
    pub fn rename(
        &mut self,
        from: (InodeNumber, &str),
        to: (InodeNumber, &str),
        now: Instant,
    ) -> Result<(), Errno> {
        let number = self.directory(from.0).ok_or(Errno::ENOTDIR)?.get(from.1).ok_or(Errno::ENOENT)?;
        let is_directory = self.get(number).kind() == FileKind::Directory;
        if is_directory && self.is_within(to.0, number) {
            return Err(Errno::EINVAL);
        }
        if let Some(old) = self.directory(to.0).ok_or(Errno::ENOTDIR)?.get(to.1) {
            if old == number {
                return Ok(());
            }
            match (is_directory, self.get(old).kind() == FileKind::Directory) {
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                _ => self.unlink(to.0, to.1, now)?,
            }
        }
        self.detach(from.0, from.1, now);
        self.enter(to.0, to.1, number, now);
        if let Node::Directory(directory) = &mut self.get_mut(number).node {
            directory.parent = to.0;
            self.get_mut(from.0).links -= 1;
            self.get_mut(to.0).links += 1;
        }
        Ok(())
    }

    /// Is `inner` that directory or one below it?
    fn is_within(&self, mut inner: InodeNumber, outer: InodeNumber) -> bool {
        loop {
            if inner == outer {
                return true;
            }
            match self.directory(inner) {
                Some(directory) if inner != Self::ROOT => inner = directory.parent,
                _ => return false,
            }
        }
    }

    /// Drops an inode that neither a name nor an open file holds.
    pub(crate) fn release(&mut self, number: InodeNumber) {
        let held = self.find(number).filter(|it| it.links == 0 && it.opens == 0);
        let size = held.map(|it| if it.kind() == FileKind::Directory { 0 } else { it.size() });
        let Some(size) = size else { return };
        self.used -= size;
        self.count -= 1;
        if let Node::Netns(netns) = self.get(number).node
            && let Some(all) = self.bound.get_mut(&netns)
        {
            all.remove(&number);
            if all.is_empty() {
                self.bound.remove(&netns);
            }
        }
        match self.below.as_ref().is_some_and(|it| it.find(number).is_some()) {
            true => drop(self.inodes.insert(number, None)),
            false => drop(self.inodes.remove(&number)),
        }
    }

    /// Writes into a file at `offset`, growing it (with zeros) as needed; `ENOSPC` writes nothing.
    pub fn write(
        &mut self,
        number: InodeNumber,
        offset: usize,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), Errno> {
        let room = DISK_BYTES - self.used;
        let inode = self.get_mut(number);
        let Node::File(content) = &mut inode.node else { return Err(Errno::EINVAL) };
        let end = offset.checked_add(bytes.len()).ok_or(Errno::EFBIG)?;
        let grown = end.saturating_sub(content.len());
        if grown > room {
            return Err(Errno::ENOSPC);
        }
        content.resize(content.len() + grown, 0);
        content[offset..end].copy_from_slice(bytes);
        inode.modified = now;
        self.used += grown;
        Ok(())
    }

    pub fn truncate(&mut self, number: InodeNumber, length: usize, now: Instant) -> Result<(), Errno> {
        let room = DISK_BYTES - self.used;
        let inode = self.get_mut(number);
        let Node::File(content) = &mut inode.node else { return Err(Errno::EINVAL) };
        let before = content.len();
        if length.saturating_sub(before) > room {
            return Err(Errno::ENOSPC);
        }
        content.resize(length, 0);
        inode.modified = now;
        self.used = self.used - before + length;
        Ok(())
    }
}

impl Inode {
    pub fn new(node: Node, mode: u16, uid: u32, gid: u32, modified: Instant) -> Inode {
        Inode { node, mode, uid, gid, modified, links: 1, opens: 0 }
    }

    pub fn new_directory(mode: u16, uid: u32, gid: u32, modified: Instant) -> Inode {
        let directory = Directory { parent: FileSystem::ROOT, entries: BTreeMap::new() };
        Inode::new(Node::Directory(directory), mode, uid, gid, modified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> Inode {
        Inode::new(Node::File(bytes.to_vec()), 0o644, 0, 0, Instant::BOOT)
    }

    #[test]
    fn a_removed_file_gives_its_bytes_back() {
        let mut fs = FileSystem::empty();
        let half = vec![0; DISK_BYTES / 2 + 1];
        fs.add(FileSystem::ROOT, "a", file(&half)).expect("there is room");
        assert_eq!(fs.add(FileSystem::ROOT, "b", file(&half)), Err(Errno::ENOSPC));
        fs.unlink(FileSystem::ROOT, "a", Instant::BOOT).expect("it is there");
        assert!(fs.add(FileSystem::ROOT, "b", file(&half)).is_ok());
    }

    #[test]
    fn what_is_changed_over_an_image_is_copied_first() {
        let mut image = FileSystem::empty();
        let kept = image.add(FileSystem::ROOT, "kept", file(b"old")).expect("room");
        image.add(FileSystem::ROOT, "gone", file(b"bytes")).expect("room");
        let image = Rc::new(image);
        let mut fs = FileSystem::over(Rc::clone(&image));
        fs.write(kept, 0, b"new", Instant::BOOT).expect("room");
        fs.unlink(FileSystem::ROOT, "gone", Instant::BOOT).expect("it is there");
        fs.add(FileSystem::ROOT, "own", file(b"")).expect("room");
        let names = |fs: &FileSystem| fs.directory(FileSystem::ROOT).expect("a directory").names();
        assert_eq!((names(&fs), fs.used, fs.count), (vec!["own".to_owned(), "kept".to_owned()], 3, 3));
        assert_eq!((names(&image), image.used), (vec!["gone".to_owned(), "kept".to_owned()], 8));
        let Node::File(bytes) = &image.get(kept).node else { panic!("a file") };
        assert_eq!(bytes, b"old");
    }

    #[test]
    fn a_directory_is_not_moved_into_itself() {
        let mut fs = FileSystem::empty();
        let directory = || Inode::new_directory(0o755, 0, 0, Instant::BOOT);
        let a = fs.add(FileSystem::ROOT, "a", directory()).expect("room");
        let b = fs.add(a, "b", directory()).expect("room");
        let moved = fs.rename((FileSystem::ROOT, "a"), (b, "a"), Instant::BOOT);
        assert_eq!(moved, Err(Errno::EINVAL));
        assert_eq!(fs.unlink(FileSystem::ROOT, "a", Instant::BOOT), Err(Errno::ENOTEMPTY));
    }

    #[test]
    fn directories_list_the_newest_first() {
        let mut fs = FileSystem::empty();
        for name in ["red", "blue"] {
            fs.add(FileSystem::ROOT, name, file(b"")).expect("room");
        }
        let root = fs.directory(FileSystem::ROOT).expect("a directory");
        assert_eq!(root.names(), ["blue", "red"]);
    }
}
