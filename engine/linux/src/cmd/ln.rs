//! `ln`: further names for files. Source: ln(1), coreutils 9.1. Not simulated: -b -i -S.
//! ```transcript
//! host# ln -s /etc/hosts h; readlink h
//! /etc/hosts
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::mkdir::is_directory;
use super::tool::{COREUTILS, Options, Tool, quoted, quoted_if_needed};
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::sys::Sys;
use net::Errno;

pub const LN: Command =
    Command { name: "ln", path: "/usr/bin/ln", man: "ln(1)", run: |sys, args| Box::pin(ln(sys, args)) };

const TOOL: Tool = Tool {
    name: "ln",
    short: "bdfinrst:vFLPS:T",
    long: &[
        ("backup", MayValue, 'b'),
        ("directory", Nothing, 'd'),
        ("force", Nothing, 'f'),
        ("interactive", Nothing, 'i'),
        ("logical", Nothing, 'L'),
        ("no-dereference", Nothing, 'n'),
        ("no-target-directory", Nothing, 'T'),
        ("physical", Nothing, 'P'),
        ("relative", Nothing, 'r'),
        ("suffix", Value, 'S'),
        ("symbolic", Nothing, 's'),
        ("target-directory", Value, 't'),
        ("verbose", Nothing, 'v'),
    ],
    missing: "bdFiLS",
    usage: 1,
    package: COREUTILS,
};

async fn ln(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut targets = options.operands.clone();
    let Some(last) = targets.last().cloned() else {
        return TOOL.wrong(&sys, "missing file operand").await;
    };
    if options.has('r') && !options.has('s') {
        TOOL.complain(&sys, "cannot do --relative without --symbolic").await;
        return Exit::FAILURE;
    }
    let kept = |stat: &crate::fs::Stat| stat.kind != FileKind::Symlink || !options.has('n');
    let into = match (options.value('t'), options.has('T'), targets.len()) {
        (Some(place), ..) => {
            if !is_directory(&sys, place).await {
                return not_a_directory(&sys, place).await;
            }
            Some(place.to_owned())
        }
        (None, true, 1) => {
            let words = format!("missing destination file operand after {}", quoted(&last));
            return TOOL.wrong(&sys, words).await;
        }
        (None, true, 3..) => return TOOL.extra_operand(&sys, &targets[2]).await,
        (None, false, 1) => Some(".".to_owned()),
        (None, true, _) => None,
        (None, false, count) => {
            let directory =
                is_directory(&sys, &last).await && sys.lstat(&last).await.is_ok_and(|it| kept(&it));
            if !directory && count > 2 {
                return not_a_directory(&sys, &last).await;
            }
            directory.then(|| {
                targets.pop();
                last.clone()
            })
        }
    };
    let mut exit = Exit::OK;
    match into {
        None => {
            if !link(&sys, &options, &targets[0], &last).await {
                exit = Exit::FAILURE;
            }
        }
        Some(place) => {
            for target in &targets {
                let name = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                let path = match place.as_str() {
                    "." if options.value('t').is_none() => format!("./{name}"),
                    place => format!("{}/{name}", place.trim_end_matches('/')),
                };
                if !link(&sys, &options, target, &path).await {
                    exit = Exit::FAILURE;
                }
            }
        }
    }
    exit
}

async fn not_a_directory(sys: &Sys, place: &str) -> Exit {
    let errno = sys.stat(place).await.err().unwrap_or(Errno::ENOTDIR);
    TOOL.complain(sys, format!("target {}: {errno}", quoted(place))).await;
    Exit::FAILURE
}

async fn link(sys: &Sys, options: &Options, target: &str, path: &str) -> bool {
    let symbolic = options.has('s');
    if !symbolic {
        match sys.lstat(target).await {
            Err(errno) => {
                TOOL.complain(sys, format!("failed to access {}: {errno}", quoted(target))).await;
                return false;
            }
            Ok(stat) if stat.kind == FileKind::Directory => {
                let shown = quoted_if_needed(target);
                TOOL.complain(sys, format!("{shown}: hard link not allowed for directory")).await;
                return false;
            }
            Ok(stat) => {
                let same = sys.lstat(path).await.is_ok_and(|other| other.inode == stat.inode);
                if same && options.has('f') {
                    let words = format!("{} and {} are the same file", quoted(target), quoted(path));
                    TOOL.complain(sys, words).await;
                    return false;
                }
            }
        }
    }
    let target = match options.has('r') {
        true => relative(sys, target, path).await,
        false => target.to_owned(),
    };
    if options.has('f') && sys.lstat(path).await.is_ok_and(|stat| stat.kind != FileKind::Directory) {
        sys.remove(path).await.ok();
    }
    let made = if symbolic { sys.symlink(&target, path).await } else { sys.link(&target, path).await };
    match made {
        Ok(()) if options.has('v') => {
            let arrow = if symbolic { "->" } else { "=>" };
            sys.print(format!("{} {arrow} {}\n", quoted(path), quoted(&target))).await;
            true
        }
        Ok(()) => true,
        Err(errno) => {
            let shown = path.strip_prefix("./").unwrap_or(path);
            let words = match (symbolic, errno) {
                (true, Errno::ENAMETOOLONG | Errno::EINVAL) => {
                    format!(
                        "failed to create symbolic link {} -> {}: {errno}",
                        quoted(shown),
                        quoted(&target)
                    )
                }
                (true, _) => format!("failed to create symbolic link {}: {errno}", quoted(shown)),
                (false, Errno::EEXIST) => format!("failed to create hard link {}: {errno}", quoted(shown)),
                (false, _) => {
                    format!("failed to create hard link {} => {}: {errno}", quoted(shown), quoted(&target))
                }
            };
            TOOL.complain(sys, words).await;
            false
        }
    }
}

/// From where the link lies to its target.
async fn relative(sys: &Sys, target: &str, path: &str) -> String {
    let parent = match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
        None => ".",
    };
    let (Ok(from), Ok(to)) = (sys.realpath(parent).await, sys.realpath(target).await) else {
        return target.to_owned();
    };
    super::realpath::relative(&from, &to)
}
