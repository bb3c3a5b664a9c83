//! `readlink`, `realpath`, `basename`, `dirname`: names of files. Source: their pages, coreutils 9.1.
//! ```transcript
//! host# realpath /bin/ls; basename /etc/hosts; dirname /etc/hosts
//! /usr/bin/ls
//! hosts
//! /etc
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::tool::{COREUTILS, Options, Tool, quoted_if_needed};
use super::{Args, Command, Exit};
use crate::sys::Sys;
use net::Errno;

super::programs! {
    READLINK "readlink" "readlink(1)" readlink
    REALPATH "realpath" "realpath(1)" realpath
    BASENAME "basename" "basename(1)" basename
    DIRNAME "dirname" "dirname(1)" dirname
}

/// What of a path has to be there.
#[derive(Clone, Copy, PartialEq)]
enum Must {
    All,
    AllButLast,
    Nothing,
}

/// The path without links and dots, as far as it is there.
async fn canonical(sys: &Sys, path: &str, must: Must) -> Result<String, Errno> {
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    if must == Must::All {
        sys.stat(path).await?;
    }
    match sys.realpath(path).await {
        Err(Errno::ENOENT | Errno::ENOTDIR) if must == Must::Nothing => {}
        found => return found,
    }
    // What is missing is taken as it is written.
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", sys.cwd().await) };
    let parts: Vec<&str> = whole.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let mut done = "/".to_owned();
    for part in parts {
        let next = format!("{}/{part}", done.trim_end_matches('/'));
        done = match (part, sys.realpath(&next).await) {
            ("..", _) => match done.rsplit_once('/') {
                Some((parent, _)) if !parent.is_empty() => parent.to_owned(),
                _ => "/".to_owned(),
            },
            (_, Ok(found)) => found,
            (_, Err(_)) => next,
        };
    }
    Ok(done)
}

/// The way from the directory `from` to `to`, both canonical.
pub(super) fn relative(from: &str, to: &str) -> String {
    let parts =
        |path: &str| path.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(from), parts(to));
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - same);
    let way: Vec<String> = up.chain(to[same..].iter().cloned()).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

const READLINK_TOOL: Tool = Tool::gnu(
    "readlink",
    "efmnqsvz",
    &[
        ("canonicalize", Nothing, 'f'),
        ("canonicalize-existing", Nothing, 'e'),
        ("canonicalize-missing", Nothing, 'm'),
        ("no-newline", Nothing, 'n'),
        ("quiet", Nothing, 'q'),
        ("silent", Nothing, 's'),
        ("verbose", Nothing, 'v'),
        ("zero", Nothing, 'z'),
    ],
);

async fn readlink(sys: Sys, args: Args) -> Exit {
    let options = match READLINK_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return READLINK_TOOL.wrong(&sys, "missing operand").await;
    }
    let end = match (options.has('z'), options.has('n') && options.operands.len() == 1) {
        (_, true) => "",
        (true, _) => "\0",
        _ => "\n",
    };
    let mut exit = Exit::OK;
    for path in &options.operands {
        let found = match options.last_of("efm") {
            None => sys.readlink(path).await,
            Some('e') => canonical(&sys, path, Must::All).await,
            Some('m') => canonical(&sys, path, Must::Nothing).await,
            Some(_) => canonical(&sys, path, Must::AllButLast).await,
        };
        match found {
            Ok(target) => sys.print(target + end).await,
            Err(errno) => {
                if options.last_of("qsv") == Some('v') {
                    READLINK_TOOL.complain(&sys, format!("{}: {errno}", quoted_if_needed(path))).await;
                }
                exit = Exit::FAILURE;
            }
        }
    }
    exit
}

const REALPATH_TOOL: Tool = Tool {
    name: "realpath",
    short: "eLmPqsz",
    long: &[
        ("canonicalize-existing", Nothing, 'e'),
        ("canonicalize-missing", Nothing, 'm'),
        ("logical", Nothing, 'L'),
        ("no-symlinks", Nothing, 's'),
        ("physical", Nothing, 'P'),
        ("quiet", Nothing, 'q'),
        ("relative-base", Value, '\u{3}'),
        ("relative-to", Value, '\u{4}'),
        ("strip", Nothing, 's'),
        ("zero", Nothing, 'z'),
    ],
    missing: "L\u{3}",
    usage: 1,
    package: COREUTILS,
};

async fn one(sys: &Sys, options: &Options, path: &str) -> Result<String, Errno> {
    let must = match options.last_of("em") {
        Some('e') => Must::All,
        Some(_) => Must::Nothing,
        None => Must::AllButLast,
    };
    if !options.has('s') {
        return canonical(sys, path, must).await;
    }
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    // Links stay; only dots go.
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", sys.cwd().await) };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    let plain = format!("/{}", parts.join("/"));
    if must == Must::All {
        sys.stat(&plain).await?;
    }
    Ok(plain)
}

async fn realpath(sys: Sys, args: Args) -> Exit {
    let options = match REALPATH_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return REALPATH_TOOL.wrong(&sys, "missing operand").await;
    }
    let end = if options.has('z') { '\0' } else { '\n' };
    let base = match options.value('\u{4}') {
        None => None,
        Some(path) => match one(&sys, &options, path).await {
            Ok(base) => Some(base),
            Err(errno) => {
                REALPATH_TOOL.complain(&sys, format!("{}: {errno}", quoted_if_needed(path))).await;
                return Exit::FAILURE;
            }
        },
    };
    let mut exit = Exit::OK;
    for path in &options.operands {
        match one(&sys, &options, path).await {
            Ok(found) => {
                let shown = base.as_ref().map_or(found.clone(), |base| relative(base, &found));
                sys.print(format!("{shown}{end}")).await;
            }
            Err(errno) => {
                exit = Exit::FAILURE;
                if !options.has('q') {
                    let shown = if path.is_empty() { "''".to_owned() } else { quoted_if_needed(path) };
                    REALPATH_TOOL.complain(&sys, format!("{shown}: {errno}")).await;
                }
            }
        }
    }
    exit
}

/// The last part of a path.
fn last_part(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() && !path.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or_default() }
}

async fn basename(sys: Sys, args: Args) -> Exit {
    let tool = Tool::gnu(
        "basename",
        "+as:z",
        &[("multiple", Nothing, 'a'), ("suffix", Value, 's'), ("zero", Nothing, 'z')],
    );
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let several = options.has('a') || options.has('s');
    let (paths, suffix) = match (options.operands.as_slice(), several) {
        ([], _) => return tool.wrong(&sys, "missing operand").await,
        ([_, _, extra, ..], false) => return tool.extra_operand(&sys, extra).await,
        ([path, suffix], false) => (std::slice::from_ref(path), suffix.as_str()),
        (paths, _) => (paths, options.value('s').unwrap_or_default()),
    };
    let end = if options.has('z') { '\0' } else { '\n' };
    for path in paths {
        let last = last_part(path);
        let bare = last.strip_suffix(suffix).filter(|bare| !bare.is_empty()).unwrap_or(last);
        sys.print(format!("{bare}{end}")).await;
    }
    Exit::OK
}

async fn dirname(sys: Sys, args: Args) -> Exit {
    let tool = Tool::gnu("dirname", "+z", &[("zero", Nothing, 'z')]);
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return tool.wrong(&sys, "missing operand").await;
    }
    let end = if options.has('z') { '\0' } else { '\n' };
    for path in &options.operands {
        let trimmed = path.trim_end_matches('/');
        let parent = match trimmed.rsplit_once('/') {
            _ if trimmed.is_empty() && !path.is_empty() => "/",
            None => ".",
            Some((parent, _)) if parent.trim_end_matches('/').is_empty() => "/",
            Some((parent, _)) => parent.trim_end_matches('/'),
        };
        sys.print(format!("{parent}{end}")).await;
    }
    Exit::OK
}
