//! `rm`, `rmdir`: files and directories go. Source: rm(1), rmdir(1), coreutils 9.1. Not simulated: rm -i -I.
//! ```transcript
//! host# rm -rf /
//! rm: it is dangerous to operate recursively on '/'
//! rm: use --no-preserve-root to override this failsafe
//! ```

use super::getopt::Takes::{MayValue, Nothing};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::sys::Sys;
use net::Errno;

pub const RM: Command =
    Command { name: "rm", path: "/usr/bin/rm", man: "rm(1)", run: |sys, args| Box::pin(rm(sys, args)) };
pub const RMDIR: Command = Command {
    name: "rmdir",
    path: "/usr/bin/rmdir",
    man: "rmdir(1)",
    run: |sys, args| Box::pin(rmdir(sys, args)),
};

const RM_TOOL: Tool = Tool {
    name: "rm",
    short: "dfirvIR",
    long: &[
        ("dir", Nothing, 'd'),
        ("force", Nothing, 'f'),
        ("interactive", MayValue, '\u{3}'),
        ("no-preserve-root", Nothing, '\u{4}'),
        ("one-file-system", Nothing, '\u{5}'),
        ("preserve-root", MayValue, '\u{6}'),
        ("recursive", Nothing, 'r'),
        ("verbose", Nothing, 'v'),
    ],
    missing: "iI\u{3}",
    usage: 1,
    package: COREUTILS,
};

async fn rm(sys: Sys, args: Args) -> Exit {
    let options = match RM_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() && !options.has('f') {
        return RM_TOOL.wrong(&sys, "missing operand").await;
    }
    let recursive = options.has('r') || options.has('R');
    let mut removal = Removal { sys: &sys, options: &options, exit: Exit::OK };
    for path in &options.operands {
        let trimmed = path.trim_end_matches('/');
        let last = trimmed.rsplit('/').next().unwrap_or_default();
        if recursive && matches!(last, "." | "..") {
            let words = "refusing to remove '.' or '..' directory: skipping";
            removal.complain(format!("{words} {}", quoted(path))).await;
        } else if recursive && !options.has('\u{4}') && sys.realpath(path).await.as_deref() == Ok("/") {
            let words = "it is dangerous to operate recursively on";
            let same = if trimmed.is_empty() { String::new() } else { " (same as '/')".to_owned() };
            removal.complain(format!("{words} {}{same}", quoted(path))).await;
            RM_TOOL.complain(&sys, "use --no-preserve-root to override this failsafe").await;
        } else {
            removal.operand(path, recursive).await;
        }
    }
    removal.exit
}

struct Removal<'a> {
    sys: &'a Sys,
    options: &'a Options,
    exit: Exit,
}

impl Removal<'_> {
    async fn complain(&mut self, words: String) {
        RM_TOOL.complain(self.sys, words).await;
        self.exit = Exit::FAILURE;
    }

    async fn operand(&mut self, path: &str, recursive: bool) {
        match self.sys.lstat(path).await {
            Err(Errno::ENOENT | Errno::ENOTDIR) if self.options.has('f') => {}
            Err(errno) => self.complain(format!("cannot remove {}: {errno}", quoted(path))).await,
            Ok(stat) if stat.kind != FileKind::Directory => self.file(path).await,
            Ok(_) if recursive => self.tree(path).await,
            Ok(_) if self.options.has('d') => self.directory(path).await,
            Ok(_) => self.complain(format!("cannot remove {}: Is a directory", quoted(path))).await,
        }
    }

    async fn file(&mut self, path: &str) {
        match self.sys.remove(path).await {
            Ok(()) if self.options.has('v') => self.sys.print(format!("removed {}\n", quoted(path))).await,
            Ok(()) => {}
            Err(errno) => self.complain(format!("cannot remove {}: {errno}", quoted(path))).await,
        }
    }

    async fn directory(&mut self, path: &str) {
        match self.sys.rmdir(path).await {
            Ok(()) if self.options.has('v') => {
                self.sys.print(format!("removed directory {}\n", quoted(path))).await;
            }
            Ok(()) => {}
            Err(errno) => self.complain(format!("cannot remove {}: {errno}", quoted(path))).await,
        }
    }

    /// A directory after all that is in it.
    async fn tree(&mut self, root: &str) {
        let mut todo = vec![(root.to_owned(), false)];
        while let Some((path, emptied)) = todo.pop() {
            if emptied {
                self.directory(&path).await;
                continue;
            }
            let entries = match self.sys.read_dir(&path).await {
                Ok(entries) => entries,
                Err(errno) => {
                    self.complain(format!("cannot remove {}: {errno}", quoted(&path))).await;
                    continue;
                }
            };
            todo.push((path.clone(), true));
            let base = path.trim_end_matches('/');
            for entry in entries {
                let below = format!("{base}/{}", entry.name);
                match entry.stat.kind {
                    FileKind::Directory => todo.push((below, false)),
                    _ => self.file(&below).await,
                }
            }
        }
    }
}

const RMDIR_TOOL: Tool = Tool {
    name: "rmdir",
    short: "pv",
    long: &[
        ("ignore-fail-on-non-empty", Nothing, '\u{3}'),
        ("parents", Nothing, 'p'),
        ("verbose", Nothing, 'v'),
    ],
    missing: "",
    usage: 1,
    package: COREUTILS,
};

async fn rmdir(sys: Sys, args: Args) -> Exit {
    let options = match RMDIR_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return RMDIR_TOOL.wrong(&sys, "missing operand").await;
    }
    let mut exit = Exit::OK;
    for path in &options.operands {
        let mut step = path.as_str();
        let mut first = true;
        loop {
            if options.has('v') {
                sys.print(format!("rmdir: removing directory, {}\n", quoted(step))).await;
            }
            match sys.rmdir(step).await {
                Err(Errno::ENOTEMPTY) if options.has('\u{3}') => break,
                Err(errno) => {
                    let what = if first { "failed to remove" } else { "failed to remove directory" };
                    RMDIR_TOOL.complain(&sys, format!("{what} {}: {errno}", quoted(step))).await;
                    exit = Exit::FAILURE;
                    break;
                }
                Ok(()) => first = false,
            }
            match step.trim_end_matches('/').rsplit_once('/').filter(|_| options.has('p')) {
                Some((parent, _)) if !parent.is_empty() => step = parent,
                _ => break,
            }
        }
    }
    exit
}
