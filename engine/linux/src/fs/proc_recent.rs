//! `/proc/net/xt_recent`: the lists that `-m recent` keeps; `+ADDRESS`, `-ADDRESS` and `/` written to one change it.
//!
//! Source: iptables-extensions(8), "recent".

use super::path::View;
use super::synthetic::Synthetic;
use crate::system::System;
use net::Errno;

/// `name` is what follows the folder; empty for the folder itself.
pub fn lookup(system: &System, view: &View, name: &str) -> Option<Synthetic> {
    let lists = system.net.recent_lists(view.netns);
    match name {
        "" if lists.is_empty() => None,
        "" => Some(Synthetic::Directory(lists)),
        _ => lists.iter().any(|list| list == name).then_some(Synthetic::File { mode: 0o644 }),
    }
}

pub fn read(system: &System, view: &View, name: &str) -> Result<Vec<u8>, Errno> {
    system.net.recent_list(view.netns, name).map(String::into_bytes).ok_or(Errno::ENOENT)
}

pub fn write(system: &mut System, view: &View, name: &str, bytes: &[u8]) -> Result<(), Errno> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    system.net.recent_write(view.netns, name, text.trim_end_matches('\n'))
}
