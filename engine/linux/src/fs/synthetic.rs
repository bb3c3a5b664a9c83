//! Files that nobody wrote: `/proc` and `/sys`, made up from the system's state whenever they are looked at.
//!
//! Always: reading one tells what the commands tell; writing one does what the commands do.

use super::path::View;
use super::{FileKind, Stat, proc, proc_net, proc_recent, proc_sys, sys_class_net};
use crate::system::System;
use api::NetnsId;
use net::Errno;
use sim::Instant;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Synthetic {
    /// Names, in the order in which the kernel lists them.
    Directory(Vec<String>),
    /// A directory of `/proc/sys`; its many names are made only where it is listed.
    Switches,
    /// `/proc` itself, which too is long where it is listed.
    Processes,
    File {
        mode: u16,
    },
    Symlink(String),
    /// `/proc/PID/ns/net`
    Netns(NetnsId),
    /// `/proc/PID/fd/N`: what is open there.
    Open {
        target: String,
        kind: FileKind,
        size: u64,
    },
}

impl Synthetic {
    pub fn stat(&self, path: &str) -> Stat {
        let inode = path.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        let (kind, mode) = match self {
            Synthetic::Open { kind, size, .. } => return Synthetic::open_stat(*kind, *size, inode),
            Synthetic::Directory(_) | Synthetic::Switches | Synthetic::Processes => {
                (FileKind::Directory, 0o555)
            }
            Synthetic::File { mode } => (FileKind::File, *mode),
            Synthetic::Symlink(_) => (FileKind::Symlink, 0o777),
            Synthetic::Netns(_) => (FileKind::File, 0o444),
        };
        Stat { kind, mode, uid: 0, gid: 0, size: 0, links: 1, inode, modified: Instant::BOOT }
    }
}

/// What of `path` follows `root`: empty for the folder itself.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(root)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// What stands at that path (without links, below `/proc` or `/sys`).
pub(crate) fn lookup(system: &System, view: &View, path: &str) -> Option<Synthetic> {
    if let Some(below) = below(path, "/proc/sys") {
        return proc_sys::lookup(system, view, below);
    }
    if let Some(name) = below(path, "/proc/net/xt_recent") {
        return proc_recent::lookup(system, view, name);
    }
    match path {
        "/proc/net" => {
            let recent = proc_recent::lookup(system, view, "").map(|_| "xt_recent");
            let names = proc_net::FILES.iter().copied().chain(recent);
            Some(Synthetic::Directory(names.map(str::to_owned).collect()))
        }
        "/sys" => Some(Synthetic::Directory(vec!["class".to_owned()])),
        "/sys/class" => Some(Synthetic::Directory(vec!["net".to_owned()])),
        _ => match (below(path, "/sys/class/net"), below(path, "/proc/net")) {
            (Some(below), _) => sys_class_net::lookup(system, view, below),
            (_, Some(name)) => proc_net::lookup(name),
            _ => proc::lookup(system, view, below(path, "/proc")?),
        },
    }
}

/// The names in a directory; none where it is no directory.
pub(crate) fn names(system: &System, view: &View, path: &str) -> Option<Vec<String>> {
    match lookup(system, view, path)? {
        Synthetic::Directory(names) => Some(names),
        Synthetic::Switches => Some(proc_sys::names(system, view, below(path, "/proc/sys")?)),
        Synthetic::Processes => Some(proc::names(system, view)),
        _ => None,
    }
}

pub(crate) fn read(system: &System, view: &View, path: &str) -> Result<Vec<u8>, Errno> {
    if let Some(below) = below(path, "/proc/sys") {
        return proc_sys::read(system, view, below);
    }
    if let Some(name) = below(path, "/proc/net/xt_recent") {
        return proc_recent::read(system, view, name);
    }
    if let Some(below) = below(path, "/sys/class/net") {
        return sys_class_net::read(system, view, below);
    }
    if let Some(name) = below(path, "/proc/net") {
        return proc_net::read(system, view, name);
    }
    proc::read(system, view, below(path, "/proc").ok_or(Errno::EIO)?)
}

pub(crate) fn write(system: &mut System, view: &View, path: &str, bytes: &[u8]) -> Result<(), Errno> {
    if let Some(below) = below(path, "/proc/sys") {
        return proc_sys::write(system, view, below, bytes);
    }
    if let Some(name) = below(path, "/proc/net/xt_recent") {
        return proc_recent::write(system, view, name, bytes);
    }
    match below(path, "/sys/class/net") {
        Some(below) => sys_class_net::write(system, view, below, bytes),
        None => Err(Errno::EIO),
    }
}
