//! `/proc/sys`: the switches of the reader's namespace, and the few of the machine that networking meets.
//!
//! Always: `sysctl` and `cat` see the same; names stand in order.
//! Differs from Linux: outside `net` there is only what tells the machine's name and kernel.
//! Source: proc(5), proc_sys(5).

use super::path::View;
use super::synthetic::Synthetic;
use crate::system::System;
use net::Errno;
use std::collections::BTreeSet;

/// uname(2) and these files agree.
pub(super) const KERNEL_RELEASE: &str = "6.18.0";
const KERNEL_VERSION: &str = "#1 SMP PREEMPT_DYNAMIC";

/// Outside `net`, with their permissions.
const OTHERS: &[(&str, u16)] = &[
    ("fs/file-max", 0o644),
    ("kernel/domainname", 0o644),
    ("kernel/hostname", 0o644),
    ("kernel/osrelease", 0o444),
    ("kernel/ostype", 0o444),
    ("kernel/pid_max", 0o644),
    ("kernel/version", 0o444),
    ("vm/overcommit_memory", 0o644),
    ("vm/swappiness", 0o644),
];

/// `below` is what follows `/proc/sys/`; empty for that folder itself.
pub fn lookup(system: &System, view: &View, below: &str) -> Option<Synthetic> {
    if let Some((_, mode)) = OTHERS.iter().find(|(path, _)| *path == below) {
        return Some(Synthetic::File { mode: *mode });
    }
    if system.net.sysctl_get(view.netns, below).is_ok() {
        return Some(Synthetic::File { mode: 0o644 });
    }
    let of_others = OTHERS.iter().any(|(path, _)| is_above(below, path));
    (of_others || system.net.sysctl_is_directory(view.netns, below)).then_some(Synthetic::Switches)
}

/// Is that the path of a directory in which `path` lies? The empty one is all of `/proc/sys`.
fn is_above(directory: &str, path: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// The names in a directory.
pub fn names(system: &System, view: &View, below: &str) -> Vec<String> {
    let all = system.net.sysctl_list(view.netns);
    let paths = all.iter().map(String::as_str).chain(OTHERS.iter().map(|(path, _)| *path));
    let names: BTreeSet<&str> = paths
        .filter_map(|path| match below {
            "" => path.split('/').next(),
            _ => path.strip_prefix(below)?.strip_prefix('/')?.split('/').next(),
        })
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

pub fn read(system: &System, view: &View, below: &str) -> Result<Vec<u8>, Errno> {
    let text = match below {
        "fs/file-max" => "9223372036854775807".to_owned(),
        "kernel/domainname" => "(none)".to_owned(),
        "kernel/hostname" => system.hostname_of(view.machine, view.container).to_owned(),
        "kernel/osrelease" => KERNEL_RELEASE.to_owned(),
        "kernel/ostype" => "Linux".to_owned(),
        "kernel/pid_max" => "4194304".to_owned(),
        "kernel/version" => KERNEL_VERSION.to_owned(),
        "vm/overcommit_memory" => "0".to_owned(),
        "vm/swappiness" => "60".to_owned(),
        _ => system.net.sysctl_get(view.netns, below)?,
    };
    Ok((text + "\n").into_bytes())
}

/// One value, up to the end of its first line.
pub fn write(system: &mut System, view: &View, below: &str, bytes: &[u8]) -> Result<(), Errno> {
    let text = String::from_utf8_lossy(bytes);
    let value = text.split('\n').next().unwrap_or_default();
    match below {
        "kernel/hostname" => {
            system.set_hostname(view.machine, view.container, value);
            Ok(())
        }
        _ if OTHERS.iter().any(|(path, _)| *path == below) => Err(Errno::EPERM),
        _ => system.net.sysctl_set(view.netns, below, value),
    }
}
