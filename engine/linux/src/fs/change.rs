//! Changing the file tree by path: make, remove, rename, link, chmod, chown, touch.
//!
//! Always: below `/proc` and `/sys` nothing is made or removed; the sticky bit and directory modes are obeyed.
//! Source: the section-2 pages of the calls named as the functions are.

use super::path::{Access, Disk, Found, Place, View, allows};
use super::{FileKind, Inode, InodeNumber, Node, OpenFlags, Stat};
use crate::system::System;
use crate::waiting::WaitOn;
use net::Errno;
use sim::Instant;

impl System {
    /// Puts a new inode where `found` says nothing is yet.
    pub(crate) fn create_at(
        &mut self,
        view: &View,
        found: &Found,
        inode: Inode,
    ) -> Result<(Disk, InodeNumber), Errno> {
        if found.place.is_some() {
            return Err(Errno::EEXIST);
        }
        let (disk, parent) = self.writable_parent(view, found)?;
        Ok((disk, self.tree_mut(disk).add(parent, &found.name, inode)?))
    }

    fn writable_parent(&self, view: &View, found: &Found) -> Result<(Disk, InodeNumber), Errno> {
        let Place::Disk(disk, parent) = found.parent else {
            return Err(if found.parent == Place::Synthetic("/sys".into()) {
                Errno::EPERM
            } else {
                Errno::ENOENT
            });
        };
        let stat = self.stat_place(view, &found.parent)?;
        if stat.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        if !allows(&stat, view, Access::Write) || !allows(&stat, view, Access::Search) {
            return Err(Errno::EACCES);
        }
        Ok((disk, parent))
    }

    /// The same, and `view` may take `found` out of it (sticky bit).
    fn removable_parent(&self, view: &View, found: &Found) -> Result<(Disk, InodeNumber), Errno> {
        let place = found.existing()?;
        if matches!(place, Place::Synthetic(_)) {
            return Err(if matches!(found.parent, Place::Disk(..)) { Errno::EBUSY } else { Errno::EPERM });
        }
        if view.container.is_some_and(|it| self.container(it).mounted(&found.path).is_some()) {
            return Err(Errno::EBUSY);
        }
        let parent = self.writable_parent(view, found)?;
        let (stat, inner) = (self.stat_place(view, &found.parent)?, self.stat_place(view, place)?);
        let sticky =
            stat.mode & 0o1000 != 0 && view.uid != 0 && view.uid != stat.uid && view.uid != inner.uid;
        if sticky { Err(Errno::EPERM) } else { Ok(parent) }
    }

    pub(crate) fn mkdir_path(&mut self, view: &View, path: &str, mode: u16) -> Result<(), Errno> {
        let found = self.walk(view, path, false)?;
        let inode = Inode::new_directory(mode, view.uid, view.gid, self.now());
        self.create_at(view, &found, inode).map(drop)
    }

    pub(crate) fn symlink_path(&mut self, view: &View, target: &str, path: &str) -> Result<(), Errno> {
        let found = self.walk(view, path, false)?;
        let inode = Inode::new(Node::Symlink(target.to_owned()), 0o777, view.uid, view.gid, self.now());
        self.create_at(view, &found, inode).map(drop)
    }

    pub(crate) fn link_path(&mut self, view: &View, old: &str, new: &str) -> Result<(), Errno> {
        let from = self.walk(view, old, false)?;
        let to = self.walk(view, new, false)?;
        let Place::Disk(of, inode) = *from.existing()? else { return Err(Errno::EXDEV) };
        if to.place.is_some() {
            return Err(Errno::EEXIST);
        }
        let (disk, parent) = self.writable_parent(view, &to)?;
        if disk != of {
            return Err(Errno::EXDEV);
        }
        let now = self.now();
        self.tree_mut(disk).link(parent, &to.name, inode, now)
    }

    pub(crate) fn unlink_path(&mut self, view: &View, path: &str) -> Result<(), Errno> {
        let found = self.walk(view, path, false)?;
        if self.stat_place(view, found.existing()?)?.kind == FileKind::Directory {
            return Err(Errno::EISDIR);
        }
        let (disk, parent) = self.removable_parent(view, &found)?;
        let place = found.existing()?;
        let netns = match place {
            Place::Disk(disk, it) => match self.tree(*disk).get(*it).node {
                Node::Netns(netns) => Some(netns),
                _ => None,
            },
            Place::Synthetic(_) => None,
        };
        let now = self.now();
        self.tree_mut(disk).unlink(parent, &found.name, now)?;
        if let Some(netns) = netns {
            self.release_netns(view.machine, netns);
        }
        Ok(())
    }

    pub(crate) fn rmdir_path(&mut self, view: &View, path: &str) -> Result<(), Errno> {
        let found = self.walk(view, path, false)?;
        if self.stat_place(view, found.existing()?)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        if found.path == "/" || matches!(found.place, Some(Place::Synthetic(_))) {
            return Err(Errno::EBUSY);
        }
        let (disk, parent) = self.removable_parent(view, &found)?;
        let now = self.now();
        self.tree_mut(disk).unlink(parent, &found.name, now)
    }

    pub(crate) fn rename_path(&mut self, view: &View, old: &str, new: &str) -> Result<(), Errno> {
        let from = self.walk(view, old, false)?;
        let to = self.walk(view, new, false)?;
        let from_parent = self.removable_parent(view, &from)?;
        let to_parent = match to.place {
            Some(_) => self.removable_parent(view, &to)?,
            None => self.writable_parent(view, &to)?,
        };
        let now = self.now();
        if from_parent.0 != to_parent.0 {
            return Err(Errno::EXDEV);
        }
        self.tree_mut(to_parent.0).rename((from_parent.1, &from.name), (to_parent.1, &to.name), now)?;
        self.wake(WaitOn::Renamed(view.machine));
        Ok(())
    }

    /// The inode that `path` names, where its owner (or root) changes what only they may.
    fn owned(&mut self, view: &View, path: &str) -> Result<&mut Inode, Errno> {
        let found = self.walk(view, path, true)?;
        let Place::Disk(disk, number) = *found.existing()? else { return Err(Errno::EPERM) };
        let inode = self.tree_mut(disk).get_mut(number);
        if view.uid != 0 && view.uid != inode.uid { Err(Errno::EPERM) } else { Ok(inode) }
    }

    pub(crate) fn chmod_path(&mut self, view: &View, path: &str, mode: u16) -> Result<(), Errno> {
        self.owned(view, path)?.mode = mode & 0o7777;
        Ok(())
    }

    pub(crate) fn chown_path(
        &mut self,
        view: &View,
        path: &str,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<(), Errno> {
        let inode = self.owned(view, path)?;
        if view.uid != 0 && uid.is_some_and(|uid| uid != inode.uid) {
            return Err(Errno::EPERM);
        }
        inode.uid = uid.unwrap_or(inode.uid);
        inode.gid = gid.unwrap_or(inode.gid);
        Ok(())
    }

    pub(crate) fn utime_path(&mut self, view: &View, path: &str, modified: Instant) -> Result<(), Errno> {
        self.owned(view, path)?.modified = modified;
        Ok(())
    }

    pub(crate) fn stat_path(&self, view: &View, path: &str, follow: bool) -> Result<Stat, Errno> {
        let found = self.walk(view, path, follow)?;
        self.stat_place(view, found.existing()?)
    }

    /// The whole of a file, read at once.
    pub(crate) fn read_path(&mut self, view: &View, path: &str) -> Result<Vec<u8>, Errno> {
        let file = self.open_path(view, path, OpenFlags::READ, 0)?;
        let who = view.process.unwrap_or(crate::process::ProcessId(0));
        let read = self.read_file_open(who, file, usize::MAX);
        self.drop_file(file);
        read
    }

    /// Writes a file at once.
    pub(crate) fn write_path(
        &mut self,
        view: &View,
        path: &str,
        bytes: &[u8],
        flags: OpenFlags,
        mode: u16,
    ) -> Result<(), Errno> {
        let file = self.open_path(view, path, flags, mode)?;
        let who = view.process.unwrap_or(crate::process::ProcessId(0));
        let written = self.write_file_open(who, file, bytes);
        self.drop_file(file);
        written.map(drop)
    }
}
