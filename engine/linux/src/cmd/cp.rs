//! `cp`, `mv`: files to other places. Source: cp(1), mv(1), coreutils 9.1.
//! Not simulated: -b -i -S -x -Z --attributes-only --parents --reflink --sparse.
//! ```transcript
//! host# echo 1 > a; cp a b; mv -v b c; cat c
//! renamed 'b' -> 'c'
//! 1
//! ```

use super::getopt::Long;
use super::getopt::Takes::{MayValue, Nothing, Value};
use super::mkdir::is_directory;
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::{FileKind, Stat};
use crate::sys::Sys;
use net::Errno;

pub const CP: Command = Command {
    name: "cp",
    path: "/usr/bin/cp",
    man: "cp(1)",
    run: |sys, args| Box::pin(transfer(sys, args, &CP_TOOL)),
};
pub const MV: Command = Command {
    name: "mv",
    path: "/usr/bin/mv",
    man: "mv(1)",
    run: |sys, args| Box::pin(transfer(sys, args, &MV_TOOL)),
};

const LONG: &[Long] = &[
    ("backup", MayValue, 'b'),
    ("force", Nothing, 'f'),
    ("interactive", Nothing, 'i'),
    ("no-clobber", Nothing, 'n'),
    ("no-target-directory", Nothing, 'T'),
    ("suffix", Value, 'S'),
    ("target-directory", Value, 't'),
    ("update", Nothing, 'u'),
    ("verbose", Nothing, 'v'),
];
const CP_LONG: &[Long] = &[
    ("archive", Nothing, 'a'),
    ("attributes-only", Nothing, '\u{3}'),
    ("backup", MayValue, 'b'),
    ("dereference", Nothing, 'L'),
    ("force", Nothing, 'f'),
    ("interactive", Nothing, 'i'),
    ("link", Nothing, 'l'),
    ("no-clobber", Nothing, 'n'),
    ("no-dereference", Nothing, 'P'),
    ("no-target-directory", Nothing, 'T'),
    ("one-file-system", Nothing, 'x'),
    ("parents", Nothing, '\u{4}'),
    ("preserve", MayValue, 'p'),
    ("recursive", Nothing, 'r'),
    ("reflink", MayValue, '\u{5}'),
    ("sparse", Value, '\u{6}'),
    ("suffix", Value, 'S'),
    ("symbolic-link", Nothing, 's'),
    ("target-directory", Value, 't'),
    ("update", Nothing, 'u'),
    ("verbose", Nothing, 'v'),
];
const CP_TOOL: Tool = Tool {
    name: "cp",
    short: "abdfHilLnprst:uvxPRS:TZ",
    long: CP_LONG,
    missing: "bHiSxZ\u{3}\u{4}\u{5}\u{6}",
    usage: 1,
    package: COREUTILS,
};
const MV_TOOL: Tool =
    Tool { name: "mv", short: "bfint:uvS:TZ", long: LONG, missing: "biSZ", usage: 1, package: COREUTILS };

async fn transfer(sys: Sys, args: Args, tool: &'static Tool) -> Exit {
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut sources = options.operands.clone();
    let Some(last) = sources.last().cloned() else {
        return tool.wrong(&sys, "missing file operand").await;
    };
    let into = if let Some(place) = options.value('t') {
        if options.has('T') {
            let words = "cannot combine --target-directory (-t) and --no-target-directory (-T)";
            tool.complain(&sys, words).await;
            return Exit::FAILURE;
        }
        if !is_directory(&sys, place).await {
            return not_a_directory(&sys, tool, "target directory", place).await;
        }
        Some(place.to_owned())
    } else if sources.len() == 1 {
        let words = format!("missing destination file operand after {}", quoted(&last));
        return tool.wrong(&sys, words).await;
    } else if options.has('T') {
        if let Some(extra) = sources.get(2) {
            return tool.extra_operand(&sys, extra).await;
        }
        None
    } else if is_directory(&sys, &last).await {
        sources.pop();
        Some(last.clone())
    } else if sources.len() > 2 {
        return not_a_directory(&sys, tool, "target", &last).await;
    } else {
        None
    };
    if into.is_none() {
        sources.truncate(1);
    }
    let mut exit = Exit::OK;
    for source in &sources {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let target = match &into {
            Some(place) => format!("{}/{name}", place.trim_end_matches('/')),
            None => last.clone(),
        };
        let job = Job { sys: &sys, tool, options: &options };
        let done = if tool.name == "mv" {
            job.rename(source, &target).await
        } else {
            job.copy(source, &target).await
        };
        for words in &done {
            tool.complain(&sys, words).await;
            exit = Exit::FAILURE;
        }
    }
    exit
}

async fn not_a_directory(sys: &Sys, tool: &Tool, what: &str, place: &str) -> Exit {
    let errno = sys.stat(place).await.err().unwrap_or(Errno::ENOTDIR);
    tool.complain(sys, format!("{what} {}: {errno}", quoted(place))).await;
    Exit::FAILURE
}

struct Job<'a> {
    sys: &'a Sys,
    tool: &'a Tool,
    options: &'a Options,
}

impl Job<'_> {
    /// Is the target to stay as it is?
    fn stays(&self, source: &Stat, target: Option<&Stat>) -> bool {
        let newer = target.is_some_and(|target| target.modified >= source.modified);
        target.is_some() && self.options.last_of("fn") == Some('n') || self.options.has('u') && newer
    }

    async fn told(&self, source: &str, target: &str) {
        if self.options.has('v') {
            let verb = if self.tool.name == "mv" { "renamed " } else { "" };
            self.sys.print(format!("{verb}{} -> {}\n", quoted(source), quoted(target))).await;
        }
    }

    /// Why a file cannot take the place of what is there.
    fn conflict(source: &str, from: &Stat, target: &str, to: Option<&Stat>) -> Option<String> {
        let (is, was) = (from.kind == FileKind::Directory, to?.kind == FileKind::Directory);
        match (is, was) {
            _ if to?.inode == from.inode => {
                Some(format!("{} and {} are the same file", quoted(source), quoted(target)))
            }
            (false, true) => {
                Some(format!("cannot overwrite directory {} with non-directory", quoted(target)))
            }
            (true, false) => {
                let (target, source) = (quoted(target), quoted(source));
                Some(format!("cannot overwrite non-directory {target} with directory {source}"))
            }
            _ => None,
        }
    }

    async fn rename(&self, source: &str, target: &str) -> Vec<String> {
        let from = match self.sys.lstat(source).await {
            Ok(from) => from,
            Err(errno) => return vec![format!("cannot stat {}: {errno}", quoted(source))],
        };
        let to = self.sys.lstat(target).await.ok();
        if self.stays(&from, to.as_ref()) {
            return Vec::new();
        }
        if let Some(words) = Job::conflict(source, &from, target, to.as_ref()) {
            return vec![words];
        }
        match self.sys.rename(source, target).await {
            Ok(()) => {
                self.told(source, target).await;
                Vec::new()
            }
            Err(Errno::EINVAL) => {
                vec![format!(
                    "cannot move {} to a subdirectory of itself, {}",
                    quoted(source),
                    quoted(target)
                )]
            }
            Err(errno) => vec![format!("cannot move {} to {}: {errno}", quoted(source), quoted(target))],
        }
    }

    /// All that went wrong.
    async fn copy(&self, source: &str, target: &str) -> Vec<String> {
        let has = |letter| self.options.has(letter);
        let recursive = has('r') || has('R') || has('a');
        let follow = match self.options.last_of("LPda") {
            Some('L') => true,
            Some(_) => false,
            None => !recursive && !has('l') && !has('s'),
        };
        let mut wrong = Vec::new();
        let mut todo = vec![(source.to_owned(), target.to_owned(), true)];
        // Modes and times of directories are set when all is in them.
        let mut finish: Vec<(String, Stat)> = Vec::new();
        let root = self.sys.realpath(source).await.unwrap_or_default();
        while let Some((from, to, first)) = todo.pop() {
            let found = if follow { self.sys.stat(&from).await } else { self.sys.lstat(&from).await };
            let stat = match found {
                Ok(stat) => stat,
                Err(errno) => {
                    wrong.push(format!("cannot stat {}: {errno}", quoted(&from)));
                    continue;
                }
            };
            if stat.kind == FileKind::Directory && !recursive {
                wrong.push(format!("-r not specified; omitting directory {}", quoted(&from)));
                continue;
            }
            let there = match stat.kind {
                FileKind::Symlink => self.sys.lstat(&to).await.ok(),
                _ => self.sys.stat(&to).await.ok(),
            };
            if stat.kind != FileKind::Directory {
                wrong.extend(self.one(&from, &stat, &to, there.as_ref()).await.err());
                continue;
            }
            let place = self.sys.realpath(&to).await.unwrap_or_default();
            if first && (place == root || place.starts_with(&format!("{}/", root.trim_end_matches('/')))) {
                let (from, to) = (quoted(&from), quoted(&to));
                wrong.push(format!("cannot copy a directory, {from}, into itself, {to}"));
                continue;
            }
            if let Some(words) = Job::conflict(&from, &stat, &to, there.as_ref()) {
                wrong.push(words);
                continue;
            }
            if there.is_none() {
                if let Err(errno) = self.sys.mkdir(&to, stat.mode & 0o777 | 0o700).await {
                    wrong.push(format!("cannot create directory {}: {errno}", quoted(&to)));
                    continue;
                }
                self.told(&from, &to).await;
            }
            if has('p') || has('a') {
                finish.push((to.clone(), stat));
            }
            match self.sys.read_dir(&from).await {
                Ok(entries) => todo.extend(entries.into_iter().rev().map(|entry| {
                    let base = from.trim_end_matches('/');
                    (format!("{base}/{}", entry.name), format!("{to}/{}", entry.name), false)
                })),
                Err(errno) => wrong.push(format!("cannot access {}: {errno}", quoted(&from))),
            }
        }
        for (path, stat) in finish.iter().rev() {
            self.keep(path, stat).await;
        }
        wrong
    }

    /// Mode, owner and time of the source.
    async fn keep(&self, path: &str, stat: &Stat) {
        self.sys.chown(path, Some(stat.uid), Some(stat.gid)).await.ok();
        self.sys.chmod(path, stat.mode).await.ok();
        self.sys.utime(path, stat.modified).await.ok();
    }

    async fn one(&self, from: &str, stat: &Stat, to: &str, there: Option<&Stat>) -> Result<(), String> {
        if self.stays(stat, there) {
            return Ok(());
        }
        if let Some(words) = Job::conflict(from, stat, to, there) {
            return Err(words);
        }
        let (link, symbolic) = (self.options.has('l'), self.options.has('s'));
        if link || symbolic || stat.kind == FileKind::Symlink {
            if there.is_some() {
                self.sys.remove(to).await.ok();
            }
            let (made, what) = if link {
                (self.sys.link(from, to).await, "hard")
            } else if symbolic {
                (self.sys.symlink(from, to).await, "symbolic")
            } else {
                let target = self.sys.readlink(from).await.unwrap_or_default();
                (self.sys.symlink(&target, to).await, "symbolic")
            };
            made.map_err(|errno| {
                format!("cannot create {what} link {} to {}: {errno}", quoted(to), quoted(from))
            })?;
            self.told(from, to).await;
            return Ok(());
        }
        let bytes = super::input::read_file(self.sys, from).await;
        let bytes = bytes.map_err(|errno| format!("cannot open {} for reading: {errno}", quoted(from)))?;
        if there.is_none() && self.sys.lstat(to).await.is_ok() {
            return Err(format!("not writing through dangling symlink {}", quoted(to)));
        }
        if let Err(errno) = self.sys.write_file(to, &bytes).await {
            let forced = self.options.has('f') && there.is_some() && self.sys.remove(to).await.is_ok();
            if !forced || self.sys.write_file(to, &bytes).await.is_err() {
                return Err(format!("cannot create regular file {}: {errno}", quoted(to)));
            }
        }
        if self.options.has('p') || self.options.has('a') {
            self.keep(to, stat).await;
        } else if there.is_none() {
            let umask = self.sys.ask(|system, id| system.process(id).umask).await;
            self.sys.chmod(to, stat.mode & 0o777 & !umask).await.ok();
        }
        self.told(from, to).await;
        Ok(())
    }
}
