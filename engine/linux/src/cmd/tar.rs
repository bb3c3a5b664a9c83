//! `tar`: files into an archive and out of it. Source: tar(1), GNU tar 1.34.
//! Simulated: -c -x -t, with -f -C -v -m -O -p, old style (`tar xf`) or new. Differs from tar: one -C, meant before all operands.
//! ```transcript
//! host# mkdir d; echo hi > d/f; tar cf a.tar d; tar tf a.tar; rm -r d; tar xf a.tar; cat d/f
//! d/
//! d/f
//! hi
//! host# tar cvf d/b.tar d 2>&1
//! d/
//! tar: d/b.tar: file is the archive; not dumped
//! d/f
//! ```

use super::getopt::Long;
use super::getopt::Takes::{Nothing, Value};
use super::tool::{Options, Tool};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::fs::{FileKind, STDIN, STDOUT};
use crate::sys::Sys;
use crate::tar::{self, Entry, Error, Kind};
use net::Errno;
use sim::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

pub const TAR: Command =
    Command { name: "tar", path: "/usr/bin/tar", man: "tar(1)", run: |sys, args| Box::pin(tar(sys, args)) };

const LONG: &[Long] = &[
    ("create", Nothing, 'c'),
    ("directory", Value, 'C'),
    ("extract", Nothing, 'x'),
    ("file", Value, 'f'),
    ("get", Nothing, 'x'),
    ("gzip", Nothing, 'z'),
    ("list", Nothing, 't'),
    ("no-same-owner", Nothing, '\u{4}'),
    ("no-same-permissions", Nothing, '\u{5}'),
    ("preserve-permissions", Nothing, 'p'),
    ("same-permissions", Nothing, 'p'),
    ("to-stdout", Nothing, 'O'),
    ("touch", Nothing, 'm'),
    ("verbose", Nothing, 'v'),
];
const TOOL: Tool = Tool {
    name: "tar",
    short: "cxtf:C:vmOpzjJhkPrAduT:X:b:",
    long: LONG,
    missing: "zjJhkPrAduTXb",
    usage: 64,
    package: "(GNU tar) 1.34",
};
const HELP: &str = "Try 'tar --help' or 'tar --usage' for more information.";
const FAILED: &str = "Exiting with failure status due to previous errors";
/// Letters whose value is a word of its own in the old style.
const VALUED: &str = "fCTXb";
/// Folders within folders are walked this deep.
const DEEPEST: usize = 64;
/// An archive grows no bigger.
const MOST_BYTES: usize = 64 << 20;

/// `tar xf a -C b` as `tar -x -f a -C b`.
fn dashed(words: &[String]) -> Vec<String> {
    let Some(first) = words.first().filter(|it| !it.starts_with('-')) else { return words.to_vec() };
    let mut rest = words[1..].iter().cloned();
    let mut all = Vec::new();
    for letter in first.chars() {
        all.push(format!("-{letter}"));
        all.extend(rest.by_ref().take(usize::from(VALUED.contains(letter))));
    }
    all.extend(rest);
    all
}

async fn tar(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options_of(&sys, "tar", &dashed(args.rest())).await {
        Ok(options) => options,
        Err(_) => return Exit(2),
    };
    let modes = "cxt".chars().filter(|it| options.has(*it)).count();
    if modes != 1 {
        let which = if modes == 0 { "must specify one of the" } else { "may not specify more than one" };
        let end = if modes == 0 { "options" } else { "option" };
        let words = format!("You {which} '-Acdtrux', '--delete' or '--test-label' {end}\n{HELP}");
        return wrong(&sys, &words).await;
    }
    let mut job =
        Job { sys, options, archive: Vec::new(), own: None, has_failed: false, stripped: BTreeSet::new() };
    let done = if job.options.has('c') { job.create().await } else { job.unpack().await };
    match done {
        Err(words) => {
            job.complain(&words).await;
            job.complain("Error is not recoverable: exiting now").await;
            Exit(2)
        }
        Ok(()) if job.has_failed => {
            job.complain(FAILED).await;
            Exit(2)
        }
        Ok(()) => Exit::OK,
    }
}

async fn wrong(sys: &Sys, words: &str) -> Exit {
    TOOL.complain(sys, words).await;
    Exit(2)
}

struct Job {
    sys: Sys,
    options: Options,
    archive: Vec<u8>,
    /// The inode that the archive is written to.
    own: Option<u32>,
    has_failed: bool,
    /// What was taken from the front of names, each told once.
    stripped: BTreeSet<String>,
}

fn file_of(options: &Options) -> &str {
    options.value('f').unwrap_or("-")
}

impl Job {
    async fn complain(&self, words: &str) {
        TOOL.complain(&self.sys, words).await;
    }

    async fn failed(&mut self, words: &str) {
        self.has_failed = true;
        self.complain(words).await;
    }

    async fn enter(&self) -> Result<(), String> {
        match self.options.value('C') {
            Some(place) => {
                self.sys.chdir(place).await.map_err(|errno| format!("{place}: Cannot open: {errno}"))
            }
            None => Ok(()),
        }
    }

    /// Without what would lead out of the folder it is unpacked into.
    async fn member(&mut self, name: &str) -> String {
        let (mut from, mut at) = (0, 0);
        for part in name.split_inclusive('/') {
            at += part.len();
            from = if part.trim_end_matches('/') == ".." { at } else { from };
        }
        let kept = name[from..].trim_start_matches('/');
        let head = &name[..name.len() - kept.len()];
        if !head.is_empty() && self.stripped.insert(head.to_owned()) {
            self.complain(&format!("Removing leading `{head}' from member names")).await;
        }
        if kept.is_empty() { "./".to_owned() } else { kept.to_owned() }
    }

    async fn create(&mut self) -> Result<(), String> {
        if self.options.operands.is_empty() {
            return Err(format!("Cowardly refusing to create an empty archive\n{HELP}"));
        }
        let name = file_of(&self.options).to_owned();
        if name == "-" && self.sys.is_tty(STDOUT).await {
            return Err("Refusing to write archive contents to terminal (missing -f option?)".to_owned());
        }
        let file =
            if name.starts_with('/') { name.clone() } else { format!("{}/{name}", self.sys.cwd().await) };
        if name != "-" {
            let made = self.sys.write_file(&file, b"").await;
            made.map_err(|errno| format!("{name}: Cannot open: {errno}"))?;
            self.own = self.sys.stat(&file).await.ok().map(|it| it.inode);
        }
        self.enter().await?;
        for operand in self.options.operands.clone() {
            self.add(&operand).await?;
        }
        tar::finish(&mut self.archive);
        let written = match name.as_str() {
            "-" => self.sys.write(STDOUT, &self.archive).await,
            _ => self.sys.write_file(&file, &self.archive).await,
        };
        written.map_err(|errno| format!("{name}: Cannot write: {errno}"))
    }

    /// A file, or a folder with all that is in it.
    async fn add(&mut self, operand: &str) -> Result<(), String> {
        let mut ahead = vec![(operand.trim_end_matches('/').to_owned(), 0)];
        if operand.starts_with('/') && ahead[0].0.is_empty() {
            ahead[0].0 = "/".to_owned();
        }
        while let Some((path, depth)) = ahead.pop() {
            let stat = match self.sys.lstat(&path).await {
                Ok(stat) => stat,
                Err(errno) => {
                    self.failed(&format!("{path}: Cannot stat: {errno}")).await;
                    continue;
                }
            };
            // It is empty as long as it is made.
            if self.own == Some(stat.inode) && stat.kind == FileKind::File && stat.size == 0 {
                self.complain(&format!("{path}: file is the archive; not dumped")).await;
                continue;
            }
            let at = stat.modified;
            let owner = |id: u32| if id == 0 { "root".to_owned() } else { String::new() };
            let mut entry = Entry {
                name: self.member(&path).await,
                mode: stat.mode & 0o7777,
                uid: stat.uid,
                gid: stat.gid,
                owner: owner(stat.uid),
                group: owner(stat.gid),
                modified: self.sys.ask(move |system, _| system.realtime(at)).await.as_secs(),
                ..Entry::default()
            };
            match stat.kind {
                FileKind::Directory => {
                    entry.kind = Kind::Directory;
                    if !entry.name.ends_with('/') {
                        entry.name.push('/');
                    }
                    let within = self.list(&path, depth).await;
                    ahead.extend(within.into_iter().rev().map(|it| (it, depth + 1)));
                }
                FileKind::Symlink => {
                    entry.kind = Kind::Symlink(self.sys.readlink(&path).await.unwrap_or_default())
                }
                FileKind::File => match self.sys.read_file(&path).await {
                    Ok(bytes) => entry.bytes = bytes,
                    Err(errno) => {
                        self.failed(&format!("{path}: Cannot open: {errno}")).await;
                        continue;
                    }
                },
                FileKind::Socket => {
                    self.complain(&format!("{path}: socket ignored")).await;
                    continue;
                }
                FileKind::CharacterDevice => entry.kind = Kind::Other(b'3'),
                FileKind::Fifo => entry.kind = Kind::Other(b'6'),
            }
            if self.archive.len() + entry.bytes.len() > MOST_BYTES {
                return Err(format!("{path}: {}", Errno::EFBIG));
            }
            if self.options.has('v') {
                let slash = if entry.kind == Kind::Directory && !path.ends_with('/') { "/" } else { "" };
                self.tell(format!("{path}{slash}\n"), file_of(&self.options) == "-").await;
            }
            tar::write(&mut self.archive, &entry);
        }
        Ok(())
    }

    /// What is in a folder, by name.
    async fn list(&mut self, path: &str, depth: usize) -> Vec<String> {
        let mut names: Vec<String> = match self.sys.read_dir(path).await {
            Ok(all) if depth < DEEPEST => all.into_iter().map(|it| it.name).collect(),
            other => {
                let errno = other.err().unwrap_or(Errno::ENAMETOOLONG);
                self.failed(&format!("{path}: Cannot open: {errno}")).await;
                Vec::new()
            }
        };
        names.sort();
        let head = path.trim_end_matches('/');
        names.into_iter().map(|it| format!("{head}/{it}")).collect()
    }

    /// Names go where the archive does not.
    async fn tell(&self, text: String, archive_goes_out: bool) {
        if archive_goes_out { self.sys.eprint(text).await } else { self.sys.print(text).await }
    }

    async fn unpack(&mut self) -> Result<(), String> {
        let file = file_of(&self.options).to_owned();
        if file == "-" && self.sys.is_tty(STDIN).await {
            return Err("Refusing to read archive contents from terminal (missing -f option?)".to_owned());
        }
        let read = if file == "-" { self.sys.read_all(STDIN).await } else { self.sys.read_file(&file).await };
        let bytes = read.map_err(|errno| format!("{file}: Cannot open: {errno}"))?;
        self.enter().await?;
        let (entries, broken) = tar::read(&bytes);
        let mut wanted: Vec<(String, bool)> =
            self.options.operands.iter().map(|it| (it.trim_end_matches('/').to_owned(), false)).collect();
        for entry in entries {
            let name = entry.name.trim_end_matches('/');
            let is_in = |of: &str| name == of || name.strip_prefix(of).is_some_and(|it| it.starts_with('/'));
            let asked = wanted.iter_mut().find(|(of, _)| is_in(of));
            if let Some((_, found)) = asked {
                *found = true;
            } else if !wanted.is_empty() {
                continue;
            }
            self.take(&entry).await;
        }
        for (name, _) in wanted.iter().filter(|(_, found)| !found) {
            self.failed(&format!("{name}: Not found in archive")).await;
        }
        match broken {
            None => {}
            Some(Error::UnexpectedEnd) => return Err(Error::UnexpectedEnd.to_string()),
            Some(other) => self.failed(&other.to_string()).await,
        }
        Ok(())
    }

    async fn take(&mut self, entry: &Entry) {
        if self.options.has('t') {
            let line = if self.options.has('v') { long(entry) } else { entry.name.clone() };
            self.sys.print(line + "\n").await;
            return;
        }
        if self.options.has('O') {
            // Who reads may have had enough.
            self.sys.write(STDOUT, &entry.bytes).await.ok();
            return;
        }
        let path = self.member(&entry.name).await;
        if self.options.has('v') {
            self.sys.print(format!("{}\n", entry.name)).await;
        }
        if let Err(words) = self.extract(path.trim_end_matches('/'), entry).await {
            self.failed(&words).await;
        }
    }

    async fn extract(&self, path: &str, entry: &Entry) -> Result<(), String> {
        let cannot = |what: &str, errno: Errno| format!("{path}: Cannot {what}: {errno}");
        for (at, _) in path.match_indices('/') {
            // It may be there already.
            self.sys.mkdir(&path[..at], 0o755).await.ok();
        }
        if entry.kind != Kind::Directory {
            // What was there before gives way.
            self.sys.remove(path).await.ok();
        }
        match &entry.kind {
            Kind::Directory => match self.sys.mkdir(path, entry.mode).await {
                Err(Errno::EEXIST) => {}
                made => made.map_err(|errno| cannot("mkdir", errno))?,
            },
            Kind::Symlink(target) => {
                let made = self.sys.symlink(target, path).await;
                return made.map_err(|errno| format!("{path}: Cannot create symlink to ‘{target}’: {errno}"));
            }
            Kind::Link(target) => {
                let made = self.sys.link(target, path).await;
                return made.map_err(|errno| format!("{path}: Cannot hard link to ‘{target}’: {errno}"));
            }
            Kind::File => {
                self.sys.write_file(path, &entry.bytes).await.map_err(|errno| cannot("open", errno))?;
            }
            Kind::Other(_) => return Err(format!("{path}: devices and FIFOs: not simulated in vethlab")),
        }
        self.sys.chmod(path, entry.mode).await.map_err(|errno| cannot("change mode", errno))?;
        if !self.options.has('m') {
            let time = Duration::from_secs(entry.modified);
            let now = self.sys.now().await.since(Instant::BOOT);
            let boot = self.sys.realtime().await.saturating_sub(now);
            let at = Instant::BOOT + time.saturating_sub(boot);
            self.sys.utime(path, at).await.map_err(|errno| cannot("utime", errno))?;
        }
        Ok(())
    }
}

/// `-rw-r--r-- root/root         6 2026-11-21 05:40 d/f`
fn long(entry: &Entry) -> String {
    let (letter, tail) = match &entry.kind {
        Kind::File => ('-', String::new()),
        Kind::Directory => ('d', String::new()),
        Kind::Symlink(target) => ('l', format!(" -> {target}")),
        Kind::Link(target) => ('h', format!(" link to {target}")),
        Kind::Other(_) => ('?', String::new()),
    };
    let bit = |at: usize| if entry.mode >> (8 - at) & 1 == 1 { b"rwxrwxrwx"[at] } else { b'-' };
    let mode: String = (0..9).map(|at| char::from(bit(at))).collect();
    let name = |name: &str, id: u32| if name.is_empty() { id.to_string() } else { name.to_owned() };
    let who = format!("{}/{}", name(&entry.owner, entry.uid), name(&entry.group, entry.gid));
    let size = entry.bytes.len();
    let date = Date::from_duration(Duration::from_secs(entry.modified)).format("%Y-%m-%d %H:%M");
    let width = 18_usize.saturating_sub(who.len());
    format!("{letter}{mode} {who} {size:>width$} {date} {}{tail}", entry.name)
}
