//! Linux's userland: machines with files, processes, a shell, and the commands a learner types.
//!
//! Stands on `net`; `container`, `kube` and `world` stand on it. One owner: [`System`] holds all machines.
//!
//! How a command runs: the shell spawns a process; its program is a future that is polled in the order of
//! process ids; every system call is an `await` on [`Sys`], which leaves a closure in the process's mailbox,
//! and the system runs that closure on itself. So a program borrows no part of the world, and a world can be
//! replayed call by call.
//!
//! Always: a process sees its own machine and its own netns only; what it prints leaves through file descriptors.

pub mod base64;
pub mod calendar;
mod captured;
pub mod cmd;
mod container;
pub mod daemon;
pub mod dns;
mod fs;
mod host;
pub mod percent;
mod process;
mod regex;
pub mod resolver;
mod run;
mod schedule;
mod shell;
mod signal;
pub mod socket;
mod ssh;
mod sys;
mod system;
pub mod tar;
pub mod tls;
mod tty;
mod waiting;

pub use calendar::Date;
pub use captured::ExecOptions;
pub use cmd::{Args, Command, Exit};
pub use container::{Container, ContainerId, LogPlace, Printed, Stdin};
pub use fs::{Entry, Fd, FileKind, FileSystem, Found, OpenFlags, STDERR, STDIN, STDOUT, Stat};
pub use host::{Host, NETNS_RUN};
pub use process::{Process, ProcessId, Program};
pub use run::{DEFAULT_PATH, Group, Start};
pub use signal::Signal;
pub use sys::{Sys, Woke};
pub use system::{BOOT_SECONDS, Spawn, System};
pub use waiting::WaitOn;
