//! `chown`, `chgrp`: change who owns files. Source: chown(1), chgrp(1), coreutils 9.1.
//! ```transcript
//! host# touch f; chown daemon:daemon f; stat -c %U:%G f
//! daemon:daemon
//! ```

use super::chmod::DEPTH;
use super::getopt::Long;
use super::getopt::Takes::{Nothing, Value};
use super::long::Names;
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::{FileKind, Stat};
use crate::sys::Sys;

pub const CHOWN: Command = Command {
    name: "chown",
    path: "/usr/bin/chown",
    man: "chown(1)",
    run: |sys, args| Box::pin(own(sys, args, &CHOWN_TOOL)),
};
pub const CHGRP: Command = Command {
    name: "chgrp",
    path: "/usr/bin/chgrp",
    man: "chgrp(1)",
    run: |sys, args| Box::pin(own(sys, args, &CHGRP_TOOL)),
};

const LONG: &[Long] = &[
    ("changes", Nothing, 'c'),
    ("dereference", Nothing, '\u{3}'),
    ("from", Value, '\u{4}'),
    ("no-dereference", Nothing, 'h'),
    ("no-preserve-root", Nothing, '\u{6}'),
    ("preserve-root", Nothing, '\u{7}'),
    ("quiet", Nothing, 'f'),
    ("recursive", Nothing, 'R'),
    ("reference", Value, '\u{5}'),
    ("silent", Nothing, 'f'),
    ("verbose", Nothing, 'v'),
];
const CHOWN_TOOL: Tool = tool("chown");
const CHGRP_TOOL: Tool = tool("chgrp");

const fn tool(name: &'static str) -> Tool {
    Tool { name, short: "HLPRcfhv", long: LONG, missing: "HLh\u{4}", usage: 1, package: COREUTILS }
}

/// Whom files are to belong to from now on, and how it was written.
#[derive(Clone, Debug, Default)]
struct Owner {
    user: Option<u32>,
    group: Option<u32>,
}

/// `user`, `user:group`, `:group`, `user:` (that user's group); the error is which part is wrong.
fn parse(names: &Names, text: &str) -> Result<Owner, &'static str> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let number = |text: &str| text.parse::<u32>().ok();
    let mut owner = Owner::default();
    if !user.is_empty() {
        owner.user = Some(names.uid(user).or_else(|| number(user)).ok_or("invalid user")?);
    }
    owner.group = match group {
        None => None,
        Some("") if user.is_empty() => None,
        Some("") => Some(names.login_group(user).ok_or("invalid spec")?),
        Some(group) => Some(names.gid(group).or_else(|| number(group)).ok_or("invalid group")?),
    };
    Ok(owner)
}

async fn own(sys: Sys, args: Args, tool: &'static Tool) -> Exit {
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let names = Names::read(&sys).await;
    let mut files = options.operands.clone();
    let owner = if let Some(like) = options.value('\u{5}') {
        match sys.stat(like).await {
            Ok(stat) if tool.name == "chgrp" => Owner { user: None, group: Some(stat.gid) },
            Ok(stat) => Owner { user: Some(stat.uid), group: Some(stat.gid) },
            Err(errno) => {
                tool.complain(&sys, format!("failed to get attributes of {}: {errno}", quoted(like))).await;
                return Exit::FAILURE;
            }
        }
    } else {
        if files.len() < 2 {
            return tool.missing_operand(&sys, &files).await;
        }
        let text = files.remove(0);
        let read = match tool.name {
            "chgrp" => {
                let group = names.gid(&text).or_else(|| text.parse().ok());
                group.map(|group| Owner { user: None, group: Some(group) }).ok_or("invalid group")
            }
            _ => parse(&names, &text),
        };
        match read {
            Ok(owner) => owner,
            Err(words) => {
                tool.complain(&sys, format!("{words}: {}", quoted(&text))).await;
                return Exit::FAILURE;
            }
        }
    };
    if files.is_empty() {
        return tool.missing_operand(&sys, &files).await;
    }
    let mut change = Change { sys: &sys, tool, options: &options, names, owner, exit: Exit::OK };
    for file in &files {
        change.tree(file).await;
    }
    change.exit
}

struct Change<'a> {
    sys: &'a Sys,
    tool: &'a Tool,
    options: &'a Options,
    names: Names,
    owner: Owner,
    exit: Exit,
}

impl Change<'_> {
    async fn complain(&mut self, words: String) {
        self.exit = Exit::FAILURE;
        if !self.options.has('f') {
            self.tool.complain(self.sys, words).await;
        }
    }

    async fn tree(&mut self, start: &str) {
        let mut todo = vec![(start.to_owned(), 0)];
        while let Some((path, depth)) = todo.pop() {
            let stat = match self.sys.stat(&path).await {
                Ok(stat) => stat,
                // Below a directory a link that leads nowhere is passed over.
                Err(_) if depth > 0 => continue,
                Err(errno) => {
                    self.complain(format!("cannot access {}: {errno}", quoted(&path))).await;
                    continue;
                }
            };
            self.one(&path, &stat).await;
            if self.options.has('R') && stat.kind == FileKind::Directory && depth < DEPTH {
                let base = path.trim_end_matches('/');
                let below = self.sys.read_dir(&path).await.unwrap_or_default();
                let below = below.into_iter().rev().filter(|entry| entry.stat.kind != FileKind::Symlink);
                todo.extend(below.map(|entry| (format!("{base}/{}", entry.name), depth + 1)));
            }
        }
    }

    async fn one(&mut self, path: &str, stat: &Stat) {
        let only_group = self.owner.user.is_none() && self.owner.group.is_some();
        let what = if only_group { "group" } else { "ownership" };
        if let Err(errno) = self.sys.chown(path, self.owner.user, self.owner.group).await {
            self.complain(format!("changing {what} of {}: {errno}", quoted(path))).await;
            return;
        }
        let shown = |user: u32, group: u32| match (self.owner.user, self.owner.group) {
            (Some(_), Some(_)) => format!("{}:{}", self.names.user(user), self.names.group(group)),
            (None, Some(_)) => self.names.group(group),
            _ => self.names.user(user),
        };
        let (user, group) = (self.owner.user.unwrap_or(stat.uid), self.owner.group.unwrap_or(stat.gid));
        let changed = (user, group) != (stat.uid, stat.gid);
        let (from, to) = (shown(stat.uid, stat.gid), shown(user, group));
        let verbose = self.options.has('v');
        if changed && (verbose || self.options.has('c')) {
            self.sys.print(format!("changed {what} of {} from {from} to {to}\n", quoted(path))).await;
        } else if verbose {
            self.sys.print(format!("{what} of {} retained as {to}\n", quoted(path))).await;
        }
    }
}
