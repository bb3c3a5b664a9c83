//! `/proc`: processes, and what the kernel says of itself.
//!
//! Stands under `synthetic`; `/proc/sys` and `/proc/net` have files of their own.
//! Always: `/proc/PID/fd/N` is what is open there: opening it shares the open file, as `/dev/stdin` needs.
//! Differs from Linux: no memory, no processor time; only what shells and network tools read.
//! Source: proc(5).

use super::path::View;
use super::synthetic::Synthetic;
use super::{FileKind, OpenKind, Stat};
use crate::process::Process;
use crate::system::System;
use net::Errno;

/// The first number of a namespace's inode, as Linux counts them.
const NETNS_INODE: u32 = 4_026_531_840;

const FILES: &[&str] = &[
    "cmdline",
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "modules",
    "mounts",
    "stat",
    "uptime",
    "version",
];
const PROCESS_FILES: &[&str] = &["cmdline", "comm", "environ", "stat", "status"];

fn process<'a>(system: &'a System, view: &View, pid: &str) -> Option<&'a Process> {
    let pid: u32 = pid.parse().ok()?;
    system.process_numbered(view.machine, view.container, pid)
}

/// What stands at `/proc/BELOW`.
pub(super) fn lookup(system: &System, view: &View, below: &str) -> Option<Synthetic> {
    let file = || Some(Synthetic::File { mode: 0o444 });
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    match below.split_once('/') {
        None if below.is_empty() => Some(Synthetic::Processes),
        None if below == "self" => {
            let own = view.process.and_then(|id| system.find_process(id))?;
            Some(Synthetic::Symlink(own.own_pid().to_string()))
        }
        None if FILES.contains(&below) => file(),
        None => {
            process(system, view, below)?;
            let mut all = names(PROCESS_FILES);
            all.extend(names(&["cwd", "exe", "fd", "ns"]));
            Some(Synthetic::Directory(all))
        }
        Some((pid, inside)) => {
            let process = process(system, view, pid)?;
            match inside {
                "cwd" => Some(Synthetic::Symlink(process.cwd.clone())),
                "exe" => Some(Synthetic::Symlink(format!("/usr/bin/{}", process.name))),
                "fd" => Some(Synthetic::Directory(process.files.keys().map(i32::to_string).collect())),
                "ns" => Some(Synthetic::Directory(vec!["net".to_owned()])),
                "ns/net" => Some(Synthetic::Netns(process.netns)),
                _ if PROCESS_FILES.contains(&inside) => file(),
                _ => descriptor(system, process, inside.strip_prefix("fd/")?),
            }
        }
    }
}

/// The names in `/proc`.
pub(super) fn names(system: &System, view: &View) -> Vec<String> {
    let here = system.processes_seen(view.machine, view.container);
    let pids = here.map(|it| it.pid_for(view.container).to_string());
    let others = FILES.iter().chain(&["net", "self", "sys"]).map(|name| (*name).to_owned());
    pids.chain(others).collect()
}

fn descriptor(system: &System, process: &Process, fd: &str) -> Option<Synthetic> {
    let descriptor = process.files.get(&fd.parse().ok()?)?;
    let file = system.open_file(descriptor.file);
    let kind = match &file.kind {
        OpenKind::Disk(..) | OpenKind::Bytes(_) | OpenKind::Synthetic(..) => FileKind::File,
        OpenKind::Directory => FileKind::Directory,
        OpenKind::PipeRead(_) | OpenKind::PipeWrite(_) | OpenKind::Capture(..) | OpenKind::Log(..) => {
            FileKind::Fifo
        }
        OpenKind::Tty(_) | OpenKind::Device(_) => FileKind::CharacterDevice,
        OpenKind::Socket(_) => FileKind::Socket,
    };
    let size = match &file.kind {
        OpenKind::Disk(disk, inode) => system.tree(*disk).stat(*inode).size,
        OpenKind::Bytes(bytes) => bytes.len() as u64,
        _ => 0,
    };
    Some(Synthetic::Open { target: file.path.clone(), kind, size })
}

/// What `readlink` says of a namespace.
pub(super) fn netns_name(netns: api::NetnsId) -> String {
    format!("net:[{}]", NETNS_INODE.saturating_add(netns.0))
}

pub(super) fn read(system: &System, view: &View, below: &str) -> Result<Vec<u8>, Errno> {
    let uptime = system.now().nanos() / 10_000_000;
    let text = match below {
        "uptime" => format!("{0}.{1:02} {0}.{1:02}\n", uptime / 100, uptime % 100),
        "loadavg" => "0.00 0.00 0.00 1/1 1\n".to_owned(),
        "version" => {
            let release = super::proc_sys::KERNEL_RELEASE;
            format!("Linux version {release} (vethlab) #1 SMP PREEMPT_DYNAMIC\n")
        }
        "cmdline" => "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro\n".to_owned(),
        "cpuinfo" => {
            "processor\t: 0\nvendor_id\t: vethlab\nmodel name\t: simulated\ncpu MHz\t\t: 1000.000\n\n"
                .to_owned()
        }
        "meminfo" => {
            "MemTotal:        2097152 kB\nMemFree:         2097152 kB\nMemAvailable:    2097152 kB\n"
                .to_owned()
        }
        "filesystems" => "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\n\text4\n".to_owned(),
        "mounts" => "/dev/vda1 / ext4 rw,relatime 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n\
                     sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0\n"
            .to_owned(),
        "modules" => crate::cmd::loaded_modules(),
        "stat" => format!("cpu  0 0 0 {uptime} 0 0 0 0 0 0\nbtime {}\n", crate::BOOT_SECONDS),
        _ => return read_process(system, view, below),
    };
    Ok(text.into_bytes())
}

fn read_process(system: &System, view: &View, below: &str) -> Result<Vec<u8>, Errno> {
    let (pid, inside) = below.split_once('/').ok_or(Errno::EIO)?;
    let process = process(system, view, pid).ok_or(Errno::ENOENT)?;
    let parent = process
        .parent
        .and_then(|id| system.find_process(id))
        .filter(|it| view.container.is_none() || it.container == process.container)
        .map_or(u32::from(view.container.is_none() && process.pid != 1), |it| it.pid_for(view.container));
    let zeros = |words: Vec<String>| words.into_iter().flat_map(|word| (word + "\0").into_bytes()).collect();
    Ok(match inside {
        "cmdline" => zeros(process.arguments.clone()),
        "environ" => {
            zeros(process.environment.iter().map(|(name, value)| format!("{name}={value}")).collect())
        }
        "comm" => format!("{}\n", process.name).into_bytes(),
        "stat" => format!(
            "{} ({}) {} {parent} 0 0 0 -1 0\n",
            process.pid_for(view.container),
            process.name,
            process.state()
        )
        .into_bytes(),
        "status" => {
            let state = match process.state() {
                'R' => "R (running)",
                'T' => "T (stopped)",
                'Z' => "Z (zombie)",
                _ => "S (sleeping)",
            };
            let (name, pid, uid, gid) =
                (&process.name, process.pid_for(view.container), process.uid, process.gid);
            format!(
                "Name:\t{name}\nUmask:\t{:04o}\nState:\t{state}\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{parent}\n\
                 Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nThreads:\t1\n",
                process.umask
            )
            .into_bytes()
        }
        _ => return Err(Errno::EIO),
    })
}

impl Synthetic {
    /// What readlink(2) says of it.
    pub(super) fn link(&self) -> Option<String> {
        match self {
            Synthetic::Symlink(target) | Synthetic::Open { target, .. } => Some(target.clone()),
            Synthetic::Netns(netns) => Some(netns_name(*netns)),
            _ => None,
        }
    }

    /// A stat of what a descriptor stands for.
    pub(super) fn open_stat(kind: FileKind, size: u64, inode: u32) -> Stat {
        let mode = if kind == FileKind::Directory { 0o755 } else { 0o600 };
        Stat { kind, mode, uid: 0, gid: 0, size, links: 1, inode, modified: sim::Instant::BOOT }
    }
}
