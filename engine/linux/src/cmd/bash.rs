//! `bash`, `sh`: the shell. Source: bash(1), dash(1).
//! ```transcript
//! host# bash -c 'echo $0 $1' name argument
//! name argument
//! ```

use super::Command;
use crate::shell;

pub const BASH: Command = Command {
    name: "bash",
    path: "/usr/bin/bash",
    man: "bash(1)",
    run: |sys, args| Box::pin(shell::bash(sys, args)),
};
/// Debian's `sh`: dash.
pub const SH: Command = Command {
    name: "sh",
    path: "/usr/bin/dash",
    man: "dash(1)",
    run: |sys, args| Box::pin(shell::sh(sys, args)),
};
