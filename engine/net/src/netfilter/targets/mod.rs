//! Targets (`-j NAME`), one file each: options, texts, and what they do to a packet.
//!
//! Called by the parser, the listings and the traversal. Always: what a target saves, the parser reads back as equal.
//! Sources: iptables-extensions(8); each file names its kernel counterpart.

use super::context::Context;
use super::matches::Style;
use super::text::option::Extension;
use super::{Hook, RejectWith};

/// How a target ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The next rule is looked at (`XT_CONTINUE`).
    Continue,
    Accept,
    Drop,
    Reject(RejectWith),
}

/// Where a target may stand; the kernel refuses a rule elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The only table, where there is one.
    pub table: Option<&'static str>,
    /// The only hooks, where there are some.
    pub hooks: Option<&'static [Hook]>,
}

pub(crate) const ANYWHERE: Place = Place { table: None, hooks: None };

pub(crate) trait Action {
    /// The name after `-j`.
    fn name(&self) -> &'static str;
    fn save(&self, out: &mut String);
    fn print(&self, out: &mut String, style: &Style<'_>);
    fn act(&self, at: &mut Context<'_>) -> Outcome;
    fn place(&self) -> Place {
        ANYWHERE
    }
    /// Asks the rule's protocol, as a few do; false is EINVAL.
    fn fits_protocol(&self, _protocol: u8, _invert: bool) -> bool {
        true
    }
    fn needs_conntrack(&self) -> bool {
        false
    }
}

macro_rules! all {
    ($($module:ident $variant:ident)*) => {
        $(pub mod $module;)*

        #[derive(Clone, Debug, PartialEq)]
        pub enum Target {
            /// No `-j`: the rule counts, and the next one is looked at.
            None,
            Accept,
            Drop,
            Return,
            Queue,
            Jump(String),
            Goto(String),
            $($variant($module::$variant)),*
        }

        impl Target {
            /// A target with a file of its own.
            pub(crate) fn as_action(&self) -> Option<&dyn Action> {
                match self {
                    $(Target::$variant(it) => Some(it),)*
                    _ => None,
                }
            }
        }

        const EXTENSIONS: &[&[Extension<Target>]] = &[$($module::EXTENSIONS),*];
    };
}

all! {
    checksum Checksum
    connmark Connmark
    ct Ct
    log Log
    mark Mark
    nat Nat
    netmap Netmap
    reject Reject
    set Set
    tcpmss Tcpmss
    ttl Ttl
}

/// Targets of iptables 1.8.9 that vethlab leaves out.
const NOT_SIMULATED: &[&str] = &[
    "AUDIT",
    "CLASSIFY",
    "CLUSTERIP",
    "CONNSECMARK",
    "DNPT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "NFLOG",
    "NFQUEUE",
    "RATEEST",
    "SECMARK",
    "SNPT",
    "SYNPROXY",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "ULOG",
];

/// The target of that name; `Err` is a name that iptables has and vethlab has not.
pub(crate) fn find(name: &str) -> Result<Option<&'static Extension<Target>>, ()> {
    if NOT_SIMULATED.contains(&name) {
        return Err(());
    }
    Ok(EXTENSIONS.iter().copied().flatten().find(|extension| extension.name == name))
}

/// `ACCEPT`, `DROP`, `RETURN`, `QUEUE`.
pub(crate) fn verdict(name: &str) -> Option<Target> {
    Some(match name {
        "ACCEPT" => Target::Accept,
        "DROP" => Target::Drop,
        "RETURN" => Target::Return,
        "QUEUE" => Target::Queue,
        _ => return None,
    })
}

/// Whether a chain of that name would be taken for a target.
pub(crate) fn is_known(name: &str) -> bool {
    verdict(name).is_some() || find(name).map_or(true, |found| found.is_some())
}

impl Target {
    /// As listings show it, where NOTRACK is CT.
    pub fn listed(&self) -> &str {
        if let Target::Ct(_) = self { "CT" } else { self.name() }
    }

    /// As it is asked for; empty without one.
    pub fn name(&self) -> &str {
        match self {
            Target::None => "",
            Target::Accept => "ACCEPT",
            Target::Drop => "DROP",
            Target::Return => "RETURN",
            Target::Queue => "QUEUE",
            Target::Jump(chain) | Target::Goto(chain) => chain,
            _ => self.as_action().map_or("", |action| action.name()),
        }
    }

    pub(crate) fn needs_conntrack(&self) -> bool {
        self.as_action().is_some_and(|action| action.needs_conntrack())
    }
}
