//! The commands a learner types, one file each; this is their sorted table.
//!
//! Always: a command reads its arguments, asks the system, prints; nothing else.

pub mod bash;
mod brctl;
mod bridge;
pub mod chmod;
pub mod dig;
pub mod echo;
pub mod getopt;
pub mod id;
mod ip;
pub mod iproute2;
pub mod ping;
pub mod printf;
pub mod test;

use crate::process::Program;
use crate::sys::Sys;

/// A program by its name.
pub struct Command {
    pub name: &'static str,
    /// Where its file lies: `/usr/sbin/ip`.
    pub path: &'static str,
    /// `ip(8)`
    pub man: &'static str,
    pub run: fn(Sys, Args) -> Program,
}

/// An exit status; 128 + n after signal n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    pub const OK: Exit = Exit(0);
    pub const FAILURE: Exit = Exit(1);
}

/// A command's arguments; the name it was called by comes first.
#[derive(Clone, Debug)]
pub struct Args(Vec<String>);

impl Args {
    pub fn new(words: Vec<String>) -> Args {
        Args(words)
    }

    /// `argv[0]`
    pub fn name(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// What follows the name.
    pub fn rest(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }
}

/// All commands, sorted by name.
#[rustfmt::skip]
pub const ALL: &[&Command] = &[
    &test::BRACKET,
    &bash::BASH,
    &brctl::BRCTL,
    &bridge::BRIDGE,
    &dig::DIG,
    &echo::ECHO,
    &dig::HOST,
    &ip::IP,
    &dig::NSLOOKUP,
    &ping::PING,
    &ping::PING4,
    &ping::PING6,
    &printf::PRINTF,
    &bash::SH,
    &test::TEST,
];

/// What `man NAME` and `help NAME` show: the head of the command's own file.
pub fn manual(_name: &str) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_command_once() {
        let names: Vec<_> = ALL.iter().map(|command| command.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
