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
use std::borrow::Cow;

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

/// The components already walked, and where each led.
struct Trail {
    root: Place,
    /// The same without links; empty at the root.
    path: String,
    steps: Vec<Step>,
}

struct Step {
    /// How long the path was before it.
    above: usize,
    place: Place,
    /// What is made up when looked at is looked at once.
    stat: Option<Stat>,
}

impl Trail {
    fn here(&self) -> &Place {
        self.steps.last().map_or(&self.root, |step| &step.place)
    }

    fn down(&mut self, name: &str, place: Place, stat: Option<Stat>) {
        self.steps.push(Step { above: self.path.len(), place, stat });
        self.path.push('/');
        self.path.push_str(name);
    }

    fn up(&mut self) -> Option<Step> {
        let step = self.steps.pop()?;
        self.path.truncate(step.above);
        Some(step)
    }

    fn to_root(&mut self) {
        self.steps.clear();
        self.path.clear();
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
        let mut trail = Trail { root: view.root_place(), path: String::new(), steps: Vec::new() };
        let mut ahead: Vec<Cow<'_, str>> = components(path).map(Cow::Borrowed).collect();
        if !path.starts_with('/') {
            ahead.extend(components(&view.cwd).map(Cow::Borrowed));
        }
        let slash = path.len() > 1 && path.ends_with('/') || path.ends_with("/.");
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                trail.up();
                continue;
            }
            let last = ahead.is_empty();
            self.check_search(view, &trail)?;
            let Some((place, made_up)) = self.child(view, trail.here(), &trail.path, &name)? else {
                if !last {
                    return Err(Errno::ENOENT);
                }
                let (parent, path) = (trail.here().clone(), format!("{}/{name}", trail.path));
                return Ok(Found { place: None, parent, name: name.into_owned(), path, slash });
            };
            let target = match (&place, &made_up) {
                _ if last && !follow && !slash => None,
                (_, Some(Synthetic::Symlink(target))) => Some(target.clone()),
                (Place::Disk(..), _) => self.link_target(view, &place),
                (Place::Synthetic(_), _) => None,
            };
            match target {
                Some(target) => {
                    links += 1;
                    if links > LINKS_FOLLOWED {
                        return Err(Errno::ELOOP);
                    }
                    if target.starts_with('/') {
                        trail.to_root();
                    }
                    ahead.extend(components(&target).map(|it| Cow::Owned(it.to_owned())));
                }
                None => {
                    let stat = match (&place, &made_up) {
                        (Place::Synthetic(path), Some(made_up)) => Some(made_up.stat(path)),
                        _ => None,
                    };
                    trail.down(&name, place, stat);
                }
            }
        }
        if slash && self.stat_place(view, trail.here())?.kind != FileKind::Directory {
            return Err(Errno::ENOTDIR);
        }
        let path = if trail.path.is_empty() { "/".to_owned() } else { trail.path.clone() };
        let place = trail.up().map_or_else(|| trail.root.clone(), |step| step.place);
        let name = if path == "/" { path.clone() } else { path[trail.path.len() + 1..].to_owned() };
        Ok(Found { place: Some(place), parent: trail.here().clone(), name, path, slash })
    }

    fn check_search(&self, view: &View, trail: &Trail) -> Result<(), Errno> {
        let known = trail.steps.last().and_then(|step| step.stat.as_ref());
        let stat = known.map_or_else(|| self.stat_place(view, trail.here()), |stat| Ok(stat.clone()))?;
        match stat.kind {
            FileKind::Directory if allows(&stat, view, Access::Search) => Ok(()),
            FileKind::Directory => Err(Errno::EACCES),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// What lies under that name in the directory whose path is `above`; with it what it is, if it is made up.
    fn child(
        &self,
        view: &View,
        here: &Place,
        above: &str,
        name: &str,
    ) -> Result<Option<(Place, Option<Synthetic>)>, Errno> {
        if name.len() > super::NAME_BYTES {
            return Err(Errno::ENAMETOOLONG);
        }
        let begins_synthetic = above.is_empty() && matches!(name, "proc" | "sys");
        let Place::Disk(disk, here) = here else { return Ok(self.synthetic_child(view, above, name)) };
        if begins_synthetic {
            return Ok(self.synthetic_child(view, above, name));
        }
        if let Some(container) = view.container
            && let Some((disk, inode)) = self.container(container).mounted(&format!("{above}/{name}"))
        {
            return Ok(Some((Place::Disk(disk, inode), None)));
        }
        let found = self.tree(*disk).directory(*here).and_then(|directory| directory.get(name));
        let over = (above == "/etc").then(|| self.netns_overlay(view, name)).flatten();
        Ok(found.map(|found| (Place::Disk(*disk, over.unwrap_or(found)), None)))
    }

    fn synthetic_child(&self, view: &View, above: &str, name: &str) -> Option<(Place, Option<Synthetic>)> {
        let path = format!("{above}/{name}");
        synthetic::lookup(self, view, &path).map(|it| (Place::Synthetic(path), Some(it)))
    }

    /// What stands under that name in a directory, a link itself where it is one.
    pub(crate) fn stat_child(&self, view: &View, directory: &Found, name: &str) -> Option<Stat> {
        let above = if directory.path == "/" { "" } else { &directory.path };
        match self.child(view, directory.place.as_ref()?, above, name).ok()?? {
            (Place::Synthetic(path), Some(made_up)) => Some(made_up.stat(&path)),
            (place, _) => self.stat_place(view, &place).ok(),
        }
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

/// The components of a path, the last one first.
fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').rev().filter(|name| !name.is_empty() && *name != ".")
}
