//! From a path to the thing it names: components, `..`, symbolic links, permissions, and what lies over what.
//!
//! Always: the answer is the same for every process with the same [`View`].
//! Differs from Linux: a machine has no mounts but `/proc` and `/sys`, a container those it was started with; the files of `/etc/netns/NAME` lie over `/etc` for as
//! long as a process runs in NAME, not as they were when it started.
//! Sources: path_resolution(7); ip-netns(8) on `/etc/netns`.

use super::synthetic::{self, Synthetic};
use super::{FileKind, FileSystem, InodeNumber, Node, Stat};
use crate::container::ContainerId;
use crate::process::{Process, ProcessId};
use crate::system::System;
use api::{MachineId, NetnsId};
use net::Errno;

/// Symbolic links followed in one path, as on Linux; one more is `ELOOP`.
const LINKS_FOLLOWED: usize = 40;
/// PATH_MAX; a longer path is `ENAMETOOLONG`.
const PATH_BYTES: usize = 4096;

/// Through whose eyes a path is read.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub machine: MachineId,
    pub container: Option<ContainerId>,
    pub netns: NetnsId,
    pub netns_name: Option<String>,
    pub uid: u32,
    pub gid: u32,
    pub cwd: String,
    pub process: Option<ProcessId>,
}

impl View {
    pub fn of(process: &Process) -> View {
        View {
            machine: process.machine,
            container: process.container,
            netns: process.netns,
            netns_name: process.netns_name.clone(),
            uid: process.uid,
            gid: process.gid,
            cwd: process.cwd.clone(),
            process: Some(process.id),
        }
    }

    pub fn root(machine: MachineId, netns: NetnsId) -> View {
        View {
            machine,
            container: None,
            netns,
            netns_name: None,
            uid: 0,
            gid: 0,
            cwd: "/".to_owned(),
            process: None,
        }
    }

    /// Where `/` lies.
    fn root_place(&self) -> Place {
        let disk = self.container.map_or(Disk::Machine(self.machine), Disk::Container);
        Place::Disk(disk, FileSystem::ROOT)
    }
}

/// Whose inodes: a machine's, or those of a container's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disk {
    Machine(MachineId),
    Container(ContainerId),
}

/// A thing of the file tree: on the disk, or made up when looked at (below `/proc` and `/sys`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Disk(Disk, InodeNumber),
    Synthetic(String),
}

/// What a path leads to. `place` is `None` where only its directory exists.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub place: Option<Place>,
    pub parent: Place,
    pub name: String,
    /// The same path without links, `.` and `..`.
    pub path: String,
    /// It ended in a slash, so it has to be a directory.
    pub slash: bool,
}

impl Found {
    pub fn existing(&self) -> Result<&Place, Errno> {
        self.place.as_ref().ok_or(Errno::ENOENT)
    }
}

/// Read, write, search: the bits of one class of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read = 4,
    Write = 2,
    Search = 1,
}

pub(crate) fn allows(stat: &Stat, view: &View, access: Access) -> bool {
    if view.uid == 0 {
        let executable = stat.kind == FileKind::Directory || stat.mode & 0o111 != 0;
        return access != Access::Search || executable;
    }
    let shift = match () {
        () if stat.uid == view.uid => 6,
        () if stat.gid == view.gid => 3,
        () => 0,
    };
    (stat.mode >> shift) & access as u16 != 0
}

/// The components already walked: names and where each led.
struct Trail {
    root: Place,
    steps: Vec<(String, Place)>,
}

impl Trail {
    fn here(&self) -> Place {
        self.steps.last().map_or_else(|| self.root.clone(), |(_, place)| place.clone())
    }

    fn path(&self, name: &str) -> String {
        let mut path = String::new();
        for (step, _) in &self.steps {
            path.push('/');
            path.push_str(step);
        }
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

impl System {
    /// Follows `path`; the last component's link only if `follow`.
    pub(crate) fn walk(&self, view: &View, path: &str, follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_BYTES {
            return Err(Errno::ENAMETOOLONG);
        }
        let mut trail = Trail { root: view.root_place(), steps: Vec::new() };
        let mut ahead: Vec<String> = components(path);
        if !path.starts_with('/') {
            ahead.extend(components(&view.cwd));
        }
        let slash = path.len() > 1 && path.ends_with('/') || path.ends_with("/.");
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                trail.steps.pop();
                continue;
            }
            let last = ahead.is_empty();
            let here = trail.here();
            self.check_search(view, &here)?;
            let Some(place) = self.child(view, &here, &trail, &name)? else {
                if !last {
                    return Err(Errno::ENOENT);
                }
                let path = trail.path(&name);
                return Ok(Found { place: None, parent: here, name, path, slash });
            };
            let target = if last && !follow && !slash { None } else { self.link_target(view, &place) };
            match target {
                Some(target) => {
                    links += 1;
                    if links > LINKS_FOLLOWED {
                        return Err(Errno::ELOOP);
                    }
                    if target.starts_with('/') {
                        trail.steps.clear();
                    }
                    ahead.extend(components(&target));
                }
                None => trail.steps.push((name, place)),
            }
        }
        let place = trail.here();
        if slash && self.stat_place(view, &place)?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        let path = trail.path("");
        let name = trail.steps.pop().map_or_else(|| "/".to_owned(), |(name, _)| name);
        Ok(Found { place: Some(place), parent: trail.here(), name, path, slash })
    }

    fn check_search(&self, view: &View, here: &Place) -> Result<(), Errno> {
        let stat = self.stat_place(view, here)?;
        match stat.kind {
            FileKind::Directory if allows(&stat, view, Access::Search) => Ok(()),
            FileKind::Directory => Err(Errno::EACCES),
            _ => Err(Errno::ENOTDIR),
        }
    }

    fn child(&self, view: &View, here: &Place, trail: &Trail, name: &str) -> Result<Option<Place>, Errno> {
        if name.len() > super::NAME_BYTES {
            return Err(Errno::ENAMETOOLONG);
        }
        let path = trail.path(name);
        if matches!(here, Place::Synthetic(_)) || path == "/proc" || path == "/sys" {
            return Ok(synthetic::lookup(self, view, &path).map(|_| Place::Synthetic(path)));
        }
        let Place::Disk(disk, here) = here else { return Ok(None) };
        if let Some((disk, inode)) = view.container.and_then(|it| self.container(it).mounted(&path)) {
            return Ok(Some(Place::Disk(disk, inode)));
        }
        let found = self.tree(*disk).directory(*here).and_then(|directory| directory.get(name));
        let over = (path.len() == "/etc/".len() + name.len() && path.starts_with("/etc/"))
            .then(|| self.netns_overlay(view, name))
            .flatten();
        Ok(found.map(|found| Place::Disk(*disk, over.unwrap_or(found))))
    }

    /// `/etc/netns/NAME/FILE`, which lies over `/etc/FILE` for who was started by `ip netns exec NAME`.
    fn netns_overlay(&self, view: &View, file: &str) -> Option<InodeNumber> {
        let Place::Disk(disk, mut at) = view.root_place() else { return None };
        let fs = self.tree(disk);
        for name in ["etc", "netns", view.netns_name.as_deref()?, file] {
            at = fs.directory(at)?.get(name)?;
        }
        Some(at)
    }

    pub(crate) fn link_target(&self, view: &View, place: &Place) -> Option<String> {
        match place {
            Place::Disk(disk, inode) => match &self.tree(*disk).get(*inode).node {
                Node::Symlink(target) => Some(target.clone()),
                _ => None,
            },
            Place::Synthetic(path) => match synthetic::lookup(self, view, path) {
                Some(Synthetic::Symlink(target)) => Some(target),
                _ => None,
            },
        }
    }

    pub(crate) fn stat_place(&self, view: &View, place: &Place) -> Result<Stat, Errno> {
        match place {
            Place::Disk(disk, inode) => Ok(self.tree(*disk).stat(*inode)),
            Place::Synthetic(path) => {
                synthetic::lookup(self, view, path).map(|found| found.stat(path)).ok_or(Errno::ENOENT)
            }
        }
    }
}

/// The components of a path, the first one last.
fn components(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|name| !name.is_empty() && *name != ".").map(str::to_owned).collect()
}
