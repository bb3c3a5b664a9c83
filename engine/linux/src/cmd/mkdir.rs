//! `mkdir`: new directories. Source: mkdir(1), coreutils 9.1. Not simulated: -Z.
//! ```transcript
//! host# mkdir a/b
//! mkdir: cannot create directory 'a/b': No such file or directory
//! ```

use super::chmod;
use super::getopt::Takes::{MayValue, Nothing, Value};
use super::tool::{COREUTILS, Options, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::sys::Sys;
use net::Errno;

pub const MKDIR: Command = Command {
    name: "mkdir",
    path: "/usr/bin/mkdir",
    man: "mkdir(1)",
    run: |sys, args| Box::pin(mkdir(sys, args)),
};

const TOOL: Tool = Tool {
    name: "mkdir",
    short: "m:pvZ",
    long: &[
        ("context", MayValue, 'Z'),
        ("mode", Value, 'm'),
        ("parents", Nothing, 'p'),
        ("verbose", Nothing, 'v'),
    ],
    missing: "Z",
    usage: 1,
    package: COREUTILS,
};

pub(super) async fn is_directory(sys: &Sys, path: &str) -> bool {
    sys.stat(path).await.is_ok_and(|stat| stat.kind == FileKind::Directory)
}

async fn mkdir(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return TOOL.wrong(&sys, "missing operand").await;
    }
    let umask = sys.ask(|system, id| system.process(id).umask).await;
    let mode = match options.value('m') {
        None => None,
        Some(text) => match chmod::parse(text, 0o777, umask, true) {
            Some(mode) => Some(mode),
            None => {
                TOOL.complain(&sys, format!("invalid mode {}", quoted(text))).await;
                return Exit::FAILURE;
            }
        },
    };
    let mut exit = Exit::OK;
    for path in &options.operands {
        if let Err((step, errno)) = make(&sys, &options, path, mode).await {
            TOOL.complain(&sys, format!("cannot create directory {}: {errno}", quoted(&step))).await;
            exit = Exit::FAILURE;
        }
    }
    exit
}

/// The directory, and with `-p` those above it.
async fn make(sys: &Sys, options: &Options, path: &str, mode: Option<u16>) -> Result<(), (String, Errno)> {
    let trimmed = path.trim_end_matches('/');
    let above = trimmed.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0 && options.has('p'));
    let steps: Vec<&str> = above.map(|at| &trimmed[..at]).collect();
    for step in steps.into_iter().chain([path]) {
        match sys.mkdir(step, 0o777).await {
            Ok(()) => {}
            Err(Errno::EEXIST) if options.has('p') && is_directory(sys, step).await => continue,
            Err(Errno::EEXIST) if options.has('p') && step != path => {
                return Err((step.to_owned(), Errno::ENOTDIR));
            }
            Err(errno) => return Err((step.to_owned(), errno)),
        }
        if let Some(mode) = mode.filter(|_| step == path) {
            sys.chmod(step, mode).await.map_err(|errno| (step.to_owned(), errno))?;
        }
        if options.has('v') {
            sys.print(format!("mkdir: created directory {}\n", quoted(step))).await;
        }
    }
    Ok(())
}
