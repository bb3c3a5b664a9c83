//! What is wrong with a command line, and how iptables says so.
//!
//! Always: the words and the exit code are those of iptables 1.8.9.
//! Sources: libxtables basic_exit_err(), iptables xtables_exit_error().

use super::Tool;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// PARAMETER_PROBLEM, 2: the words, then how to get help.
    Parameter(String),
    /// OTHER_PROBLEM, 1.
    Other(String),
    /// VERSION_PROBLEM, 3.
    Version(String),
    /// RESOURCE_PROBLEM, 4.
    Resource(String),
    /// ``Bad argument `x'``, without the program's name; 2.
    BadArgument(String),
    /// Just how to get help; 2.
    Help,
    /// An option or extension that vethlab leaves out; 2.
    NotSimulated { what: String, instead: &'static str },
    /// Text for stdout, and 0: `--help`, `--version`.
    Print(String),
    /// Not wrong: a name is needed, and the same text shall be read again with it.
    Need(Query),
}

/// A name to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    Host(String),
    Address(IpAddr),
}

/// PARAMETER_PROBLEM with these words.
pub(crate) fn bad<T>(words: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Parameter(words.into()))
}

impl Problem {
    /// What goes to stderr, and the exit code. `line` is that of the file being restored.
    pub(crate) fn report(&self, tool: &Tool, line: Option<u32>) -> (String, u8) {
        let head = format!("{} v{}: ", tool.name, tool.version());
        let mut help = line.map(|line| format!("Error occurred at line: {line}\n")).unwrap_or_default();
        help.push_str(&format!("Try `{0} -h' or '{0} --help' for more information.\n", tool.name));
        match self {
            Problem::Parameter(words) => (format!("{head}{words}\n{help}"), 2),
            Problem::Other(words) => (format!("{head}{words}\n"), 1),
            Problem::Version(words) => (
                format!("{head}{words}\nPerhaps {} or your kernel needs to be upgraded.\n", tool.upgrade()),
                3,
            ),
            Problem::Resource(words) => (format!("{head}{words}\n"), 4),
            Problem::BadArgument(argument) => (format!("Bad argument `{argument}'\n{help}"), 2),
            Problem::Help => (help, 2),
            Problem::NotSimulated { what, instead } => {
                (format!("{}: {what}: not simulated in vethlab; use {instead}\n", tool.name), 2)
            }
            Problem::Print(_) | Problem::Need(_) => (String::new(), 0),
        }
    }
}
