//! `printenv`, `nproc`: the environment of a program, and how many processors it has. Source: their pages,
//! coreutils 9.1. Differs: a machine has one processor.
//! ```transcript
//! host# printenv HOME; nproc
//! /root
//! 1
//! ```

use super::getopt::Takes::{Nothing, Value};
use super::tool::{COREUTILS, Tool, quoted};
use super::{Args, Command, Exit};
use crate::sys::Sys;

pub const PRINTENV: Command = Command {
    name: "printenv",
    path: "/usr/bin/printenv",
    man: "printenv(1)",
    run: |sys, args| Box::pin(printenv(sys, args)),
};
pub const NPROC: Command = Command {
    name: "nproc",
    path: "/usr/bin/nproc",
    man: "nproc(1)",
    run: |sys, args| Box::pin(nproc(sys, args)),
};

async fn printenv(sys: Sys, args: Args) -> Exit {
    let tool = Tool {
        name: "printenv",
        short: "+0",
        long: &[("null", Nothing, '0')],
        missing: "",
        usage: 2,
        package: COREUTILS,
    };
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let end = if options.has('0') { '\0' } else { '\n' };
    let environment = sys.ask(|system, id| system.process(id).environment.clone()).await;
    if options.operands.is_empty() {
        let all: String = environment.iter().map(|(name, value)| format!("{name}={value}{end}")).collect();
        sys.print(all).await;
        return Exit::OK;
    }
    let found: Vec<&String> = options.operands.iter().filter_map(|name| environment.get(name)).collect();
    sys.print(found.iter().map(|value| format!("{value}{end}")).collect::<String>()).await;
    Exit(u8::from(found.len() < options.operands.len()))
}

async fn nproc(sys: Sys, args: Args) -> Exit {
    let tool = Tool::gnu("nproc", "", &[("all", Nothing, 'a'), ("ignore", Value, 'i')]);
    let options = match tool.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if let Some(extra) = options.operands.first() {
        return tool.extra_operand(&sys, extra).await;
    }
    if let Some(wrong) = options.value('i').filter(|count| count.parse::<u64>().is_err()) {
        tool.complain(&sys, format!("invalid number: {}", quoted(wrong))).await;
        return Exit::FAILURE;
    }
    // At least one is left, however many are ignored.
    sys.print("1\n").await;
    Exit::OK
}
