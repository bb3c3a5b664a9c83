//! `nohup`: a command that outlives its terminal. Source: nohup(1), coreutils 9.1.
//! ```transcript
//! host# nohup echo on
//! on
//! ```

use super::tool::{COREUTILS, Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::{Fd, OpenFlags, STDERR, STDIN, STDOUT};
use crate::run::Start;
use crate::signal::Signal;
use crate::sys::Sys;
use net::Errno;

pub const NOHUP: Command = Command {
    name: "nohup",
    path: "/usr/bin/nohup",
    man: "nohup(1)",
    run: |sys, args| Box::pin(nohup(sys, args)),
};

/// Exit status where nohup itself fails.
const CANCELED: Exit = Exit(125);

const TOOL: Tool = Tool { name: "nohup", short: "+", long: &[], missing: "", usage: 125, package: COREUTILS };

async fn nohup(sys: Sys, args: Args) -> Exit {
    let options = match TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let Some(name) = options.operands.first().cloned() else {
        return TOOL.wrong(&sys, "missing operand").await;
    };
    let (input, output, error) =
        (sys.is_tty(STDIN).await, sys.is_tty(STDOUT).await, sys.is_tty(STDERR).await);
    if input
        && put(&sys, "/dev/null", OpenFlags { write: true, ..OpenFlags::default() }, STDIN).await.is_err()
    {
        TOOL.complain(&sys, "failed to render standard input unusable").await;
        return CANCELED;
    }
    let lead = if input { "ignoring input and " } else { "" };
    if output {
        let home = sys.env("HOME").await.map(|home| format!("{home}/nohup.out"));
        let mut opened = append(&sys, "nohup.out").await.map(|()| "nohup.out".to_owned());
        if let (Err(_), Some(home)) = (&opened, home) {
            opened = append(&sys, &home).await.map(|()| home);
        }
        match opened {
            Ok(file) => TOOL.complain(&sys, format!("{lead}appending output to {}", quoted(&file))).await,
            Err(errno) => {
                TOOL.complain(&sys, format!("failed to open 'nohup.out': {errno}")).await;
                return CANCELED;
            }
        }
    } else if input {
        let more = if error { " and redirecting stderr to stdout" } else { "" };
        TOOL.complain(&sys, format!("ignoring input{more}")).await;
    }
    if error && sys.dup2(STDOUT, STDERR).await.is_err() {
        return CANCELED;
    }
    sys.ask(|system, id| system.process_mut(id).ignored.insert(Signal::Hup)).await;
    let errno = sys.exec(Start::new(options.operands)).await;
    TOOL.complain(&sys, format!("failed to run command {}: {errno}", quoted(&name))).await;
    Exit(if errno == Errno::ENOENT { 127 } else { 126 })
}

async fn append(sys: &Sys, path: &str) -> Result<(), Errno> {
    let fd = sys.open_mode(path, OpenFlags::APPEND, 0o600).await?;
    sys.dup2(fd, STDOUT).await?;
    sys.close(fd).await
}

async fn put(sys: &Sys, path: &str, flags: OpenFlags, at: Fd) -> Result<(), Errno> {
    let fd = sys.open(path, flags).await?;
    sys.dup2(fd, at).await?;
    sys.close(fd).await
}
