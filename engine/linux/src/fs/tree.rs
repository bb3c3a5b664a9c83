//! The file tree that every machine boots with: Debian's places, and the files that networking reads.
//!
//! Always: every command has its file, or a link to the command it is, at the path that its table row names.
//! Differs from Debian: only what a session on networks meets; an executable holds its name, not its code.

use super::{Device, FileSystem, Inode, InodeNumber, Node};
use crate::cmd::Command;
use crate::run::MAGIC;
use sim::Instant;

const DIRECTORIES: &[(&str, u16)] = &[
    ("/dev/pts", 0o755),
    ("/etc/netns", 0o755),
    ("/etc/sysctl.d", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/opt/cni/bin", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr/bin", 0o755),
    ("/usr/lib", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/local/sbin", 0o755),
    ("/usr/sbin", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

const LINKS: &[(&str, &str)] = &[
    ("/bin", "usr/bin"),
    ("/sbin", "usr/sbin"),
    ("/lib", "usr/lib"),
    ("/usr/bin/sh", "dash"),
    ("/var/run", "/run"),
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/etc/alternatives/ip6tables", "/usr/sbin/ip6tables-nft"),
    ("/etc/alternatives/iptables", "/usr/sbin/iptables-nft"),
    ("/etc/alternatives/iptables-restore", "/usr/sbin/iptables-nft-restore"),
    ("/etc/alternatives/iptables-save", "/usr/sbin/iptables-nft-save"),
    ("/usr/sbin/ip6tables", "/etc/alternatives/ip6tables"),
    ("/usr/sbin/iptables", "/etc/alternatives/iptables"),
    ("/usr/sbin/iptables-restore", "/etc/alternatives/iptables-restore"),
    ("/usr/sbin/iptables-save", "/etc/alternatives/iptables-save"),
];

const DEVICES: &[(&str, Device)] = &[
    ("/dev/full", Device::Full),
    ("/dev/null", Device::Null),
    ("/dev/random", Device::Random),
    ("/dev/tty", Device::Tty),
    ("/dev/urandom", Device::Random),
    ("/dev/zero", Device::Zero),
];

const FILES: &[(&str, &str)] = &[
    ("/etc/bash.bashrc", ""),
    ("/etc/debian_version", "12.12\n"),
    ("/etc/group", include_str!("etc/group")),
    ("/etc/iproute2/rt_tables", include_str!("etc/rt_tables")),
    ("/etc/networks", include_str!("etc/networks")),
    ("/etc/nsswitch.conf", include_str!("etc/nsswitch.conf")),
    ("/etc/os-release", include_str!("etc/os-release")),
    ("/etc/passwd", include_str!("etc/passwd")),
    ("/etc/profile", ""),
    ("/etc/shells", "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n"),
    ("/etc/sysctl.conf", include_str!("etc/sysctl.conf")),
    ("/root/.bashrc", include_str!("etc/bashrc")),
    ("/root/.profile", include_str!("etc/profile")),
];

/// The tree of a machine of that name, with those commands.
pub(crate) fn standard<'a>(hostname: &str, commands: impl Iterator<Item = &'a Command>) -> FileSystem {
    let mut fs = FileSystem::empty();
    for (path, mode) in DIRECTORIES {
        let number = directory(&mut fs, path);
        fs.get_mut(number).mode = *mode;
    }
    for (path, target) in LINKS {
        put(&mut fs, path, Node::Symlink((*target).to_owned()), 0o777);
    }
    for (path, device) in DEVICES {
        put(&mut fs, path, Node::Device(*device), 0o666);
    }
    for (path, text) in FILES {
        put(&mut fs, path, Node::File(text.as_bytes().to_vec()), 0o644);
    }
    let hosts =
        format!("127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    put(&mut fs, "/etc/hosts", Node::File(hosts.into_bytes()), 0o644);
    put(&mut fs, "/etc/services", Node::File(include_bytes!("services.txt").to_vec()), 0o644);
    put(&mut fs, "/etc/protocols", Node::File(include_bytes!("protocols.txt").to_vec()), 0o644);
    put(&mut fs, "/etc/hostname", Node::File(format!("{hostname}\n").into_bytes()), 0o644);
    let shadow = b"root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n";
    put(&mut fs, "/etc/shadow", Node::File(shadow.to_vec()), 0o640);
    let is_link = |command: &&Command| LINKS.iter().any(|(path, _)| *path == command.path);
    for command in commands.filter(|command| !is_link(command)) {
        fs.put_command(command.path, command.name);
    }
    fs
}

/// Building a tree that nobody looks at yet: an image, or what a machine boots with.
impl FileSystem {
    /// What every container has: devices, and the files that its runtime lays something over.
    pub fn skeleton() -> FileSystem {
        let mut fs = FileSystem::empty();
        for (path, mode) in
            [("/proc", 0o555), ("/root", 0o700), ("/run", 0o755), ("/sys", 0o555), ("/tmp", 0o1777)]
        {
            let number = directory(&mut fs, path);
            fs.get_mut(number).mode = mode;
        }
        for (path, target) in LINKS.iter().filter(|(path, _)| path.starts_with("/dev/")) {
            put(&mut fs, path, Node::Symlink((*target).to_owned()), 0o777);
        }
        for (path, device) in DEVICES {
            put(&mut fs, path, Node::Device(*device), 0o666);
        }
        for path in ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/termination-log"] {
            put(&mut fs, path, Node::File(Vec::new()), 0o644);
        }
        fs
    }

    pub fn put_directory(&mut self, path: &str, mode: u16) {
        let number = directory(self, path);
        self.get_mut(number).mode = mode;
    }

    pub fn put_file(&mut self, path: &str, bytes: &[u8], mode: u16) {
        put(self, path, Node::File(bytes.to_vec()), mode);
    }

    pub fn put_link(&mut self, path: &str, target: &str) {
        put(self, path, Node::Symlink(target.to_owned()), 0o777);
    }

    /// The executable of that command.
    pub fn put_command(&mut self, path: &str, command: &str) {
        self.put_file(path, &[MAGIC, command.as_bytes(), b"\n"].concat(), 0o755);
    }
}

/// That directory, made with all above it where it is missing.
fn directory(fs: &mut FileSystem, path: &str) -> InodeNumber {
    let mut at = FileSystem::ROOT;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at = match fs.directory(at).and_then(|directory| directory.get(name)) {
            Some(found) => found,
            None => fs
                .add(at, name, Inode::new_directory(0o755, 0, 0, Instant::BOOT))
                .expect("the standard tree fits an empty disk"),
        };
    }
    at
}

fn put(fs: &mut FileSystem, path: &str, node: Node, mode: u16) {
    let (parent, name) = path.rsplit_once('/').expect("paths of the standard tree are absolute");
    let parent = directory(fs, parent);
    if fs.directory(parent).is_some_and(|it| it.get(name).is_some()) {
        fs.unlink(parent, name, Instant::BOOT).expect("only files are put a second time");
    }
    fs.add(parent, name, Inode::new(node, mode, 0, 0, Instant::BOOT)).expect("a new tree fits an empty disk");
}
