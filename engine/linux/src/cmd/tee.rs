//! `tee`: stdin to stdout and to files. Source: tee(1), coreutils.
//! ```transcript
//! host# echo 1 | tee f; cat f
//! 1
//! 1
//! ```

use super::coreutils::{HELP, Line, Lines, VERSION};
use super::getopt::{Long, Takes};
use super::{Args, Command, Exit};
use crate::fs::OpenFlags;
use crate::sys::Sys;

pub const TEE: Command =
    Command { name: "tee", path: "/usr/bin/tee", man: "tee(1)", run: |sys, args| Box::pin(tee(sys, args)) };

const LONG: &[Long] =
    &[HELP, VERSION, ("append", Takes::Nothing, 'a'), ("ignore-interrupts", Takes::Nothing, 'i')];

async fn tee(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(&sys, &args, "ai", LONG, "[OPTION]... [FILE]...", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    if line.has('i') {
        sys.catch(crate::Signal::Int).await;
    }
    let (mut exit, mut outputs) = (Exit::OK, vec![(1, "standard output".to_owned())]);
    let flags = if line.has('a') { OpenFlags::APPEND } else { OpenFlags::WRITE };
    for name in line.operands {
        match sys.open(&name, flags).await {
            Ok(fd) => outputs.push((fd, name)),
            Err(errno) => {
                sys.eprint(format!("tee: {name}: {errno}\n")).await;
                exit = Exit::FAILURE;
            }
        }
    }
    let mut lines = Lines::new(&sys, 0);
    while let Some(chunk) = lines.chunk().await {
        for (fd, name) in &outputs {
            if let Err(errno) = sys.write(*fd, &chunk).await {
                sys.eprint(format!("tee: {name}: {errno}\n")).await;
                exit = Exit::FAILURE;
            }
        }
    }
    exit
}
