//! `tee`: stdin to stdout and to files. Source: tee(1), coreutils.
//! ```transcript
//! host# echo 1 | tee f; cat f
//! 1
//! 1
//! ```

use super::getopt::Takes::{MayValue, Nothing};
use super::input::Lines;
use super::tool::Tool;
use super::{Args, Command, Exit};
use crate::fs::OpenFlags;
use crate::sys::Sys;

pub const TEE: Command =
    Command { name: "tee", path: "/usr/bin/tee", man: "tee(1)", run: |sys, args| Box::pin(tee(sys, args)) };

const TOOL: Tool = Tool {
    missing: "p",
    ..Tool::gnu(
        "tee",
        "aip",
        &[("append", Nothing, 'a'), ("ignore-interrupts", Nothing, 'i'), ("output-error", MayValue, 'p')],
    )
};

async fn tee(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.has('i') {
        sys.catch(crate::Signal::Int).await;
    }
    let (mut exit, mut outputs) = (Exit::OK, vec![(1, "standard output".to_owned())]);
    let flags = if options.has('a') { OpenFlags::APPEND } else { OpenFlags::WRITE };
    for name in options.operands {
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
