//! `cp`, `mv`: files to other places. Source: cp(1), mv(1), coreutils. Not simulated: -i, --backup, --sparse.
//! ```transcript
//! host# echo 1 > a; cp a b; mv b c; cat c
//! 1
//! ```

use super::coreutils::{HELP, Line, VERSION, misused, quoted, short_name};
use super::file::is_directory;
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::sys::Sys;
use net::Errno;

pub const CP: Command =
    Command { name: "cp", path: "/usr/bin/cp", man: "cp(1)", run: |sys, args| Box::pin(transfer(sys, args)) };
pub const MV: Command =
    Command { name: "mv", path: "/usr/bin/mv", man: "mv(1)", run: |sys, args| Box::pin(transfer(sys, args)) };

const LONG: &[Long] = &[
    HELP,
    VERSION,
    ("archive", Takes::Nothing, 'a'),
    ("force", Takes::Nothing, 'f'),
    ("no-clobber", Takes::Nothing, 'n'),
    ("preserve", Takes::MayValue, 'p'),
    ("recursive", Takes::Nothing, 'r'),
    ("verbose", Takes::Nothing, 'v'),
];

async fn transfer(sys: Sys, args: Args) -> Exit {
    let tool = short_name(&args).to_owned();
    let line = match Line::read(&sys, &args, "afnpPrRvT", LONG, "[OPTION]... SOURCE... DEST", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let (sources, to) = match line.operands.split_last() {
        None => return misused(&sys, &tool, "missing file operand").await,
        Some((only, [])) => {
            return misused(&sys, &tool, &format!("missing destination file operand after {}", quoted(only)))
                .await;
        }
        Some((to, sources)) => (sources.to_vec(), to.clone()),
    };
    let into = is_directory(&sys, &to).await;
    if sources.len() > 1 && !into {
        let words = if sys.exists(&to).await { "Not a directory" } else { "No such file or directory" };
        sys.eprint(format!("{tool}: target {}: {words}\n", quoted(&to))).await;
        return Exit::FAILURE;
    }
    let mut exit = Exit::OK;
    for source in sources {
        let last = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let target = if into { format!("{}/{last}", to.trim_end_matches('/')) } else { to.clone() };
        if line.has('n') && sys.exists(&target).await {
            continue;
        }
        let done = match tool.as_str() {
            "mv" => rename(&sys, &source, &target).await,
            _ => copy(&sys, &line, &source, &target).await,
        };
        match done {
            Err(words) => {
                sys.eprint(format!("{tool}: {words}\n")).await;
                exit = Exit::FAILURE;
            }
            Ok(()) if line.has('v') => {
                let verb = if tool == "mv" { "renamed " } else { "" };
                sys.print(format!("{verb}{} -> {}\n", quoted(&source), quoted(&target))).await;
            }
            Ok(()) => {}
        }
    }
    exit
}

async fn rename(sys: &Sys, source: &str, target: &str) -> Result<(), String> {
    if let Err(errno) = sys.lstat(source).await {
        return Err(format!("cannot stat {}: {errno}", quoted(source)));
    }
    let moved = sys.rename(source, target).await;
    moved.map_err(|errno| format!("cannot move {} to {}: {errno}", quoted(source), quoted(target)))
}

async fn copy(sys: &Sys, line: &Line, source: &str, target: &str) -> Result<(), String> {
    let stat = sys.stat(source).await.map_err(|errno| format!("cannot stat {}: {errno}", quoted(source)))?;
    if stat.kind != FileKind::Directory {
        return copy_file(sys, source, target, stat.mode).await;
    }
    if !(line.has('r') || line.has('R') || line.has('a')) {
        return Err(format!("-r not specified; omitting directory {}", quoted(source)));
    }
    if target.starts_with(&format!("{}/", source.trim_end_matches('/'))) {
        return Err(format!("cannot copy a directory, {}, into itself, {}", quoted(source), quoted(target)));
    }
    let mut todo = vec![(source.to_owned(), target.to_owned())];
    while let Some((from, to)) = todo.pop() {
        match sys.mkdir(&to, 0o755).await {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(format!("cannot create directory {}: {errno}", quoted(&to))),
        }
        let entries =
            sys.read_dir(&from).await.map_err(|errno| format!("cannot access {}: {errno}", quoted(&from)))?;
        for entry in entries {
            let (from, to) = (format!("{from}/{}", entry.name), format!("{to}/{}", entry.name));
            match entry.stat.kind {
                FileKind::Directory => todo.push((from, to)),
                _ => copy_file(sys, &from, &to, entry.stat.mode).await?,
            }
        }
    }
    Ok(())
}

async fn copy_file(sys: &Sys, source: &str, target: &str, mode: u16) -> Result<(), String> {
    let bytes = sys.read_file(source).await;
    let bytes = bytes.map_err(|errno| format!("cannot open {} for reading: {errno}", quoted(source)))?;
    let new = !sys.exists(target).await;
    let written = sys.write_file(target, &bytes).await;
    written.map_err(|errno| format!("cannot create regular file {}: {errno}", quoted(target)))?;
    if new {
        sys.chmod(target, mode).await.unwrap_or_default();
    }
    Ok(())
}
