//! Matches (`-m NAME`), one file each: options, texts, and what they ask of a packet.
//!
//! Called by the parser, the listings and the traversal. Always: what a match saves, the parser reads back as equal.
//! Sources: iptables-extensions(8); each file names its kernel counterpart.

use super::context::Context;
use super::text::names::Names;
use super::text::option::Extension;
use std::cell::Cell;

/// How `-L` prints: with or without names.
pub(crate) struct Style<'a> {
    pub numeric: bool,
    pub names: &'a Names,
    /// The rule's protocol, which gives ports their names.
    pub protocol: u8,
}

pub(crate) trait Matcher {
    /// The name after `-m`.
    fn name(&self) -> &'static str;
    /// As `iptables-save` writes it after the name, each word with a blank before it.
    fn save(&self, out: &mut String);
    /// As `iptables -L` prints it, with a blank before it.
    fn print(&self, out: &mut String, style: &Style<'_>);
    /// `cells` are this match's own memory in this rule.
    fn matches(&self, at: &mut Context<'_>, cells: &[Cell<u64>]) -> bool;
    /// What its memory holds at first.
    fn initial_cells(&self) -> &'static [u64] {
        &[]
    }
    fn needs_conntrack(&self) -> bool {
        false
    }
}

macro_rules! all {
    ($($module:ident $variant:ident)*) => {
        $(pub mod $module;)*

        #[derive(Clone, Debug, PartialEq)]
        pub enum Match { $($variant($module::$variant)),* }

        impl Match {
            pub(crate) fn as_matcher(&self) -> &dyn Matcher {
                match self { $(Match::$variant(it) => it),* }
            }

            /// Whether the packet matches; static dispatch, for the packet path.
            pub(crate) fn matches(&self, at: &mut Context<'_>, cells: &[Cell<u64>]) -> bool {
                match self { $(Match::$variant(it) => it.matches(at, cells)),* }
            }
        }

        const EXTENSIONS: &[&[Extension<Match>]] = &[$($module::EXTENSIONS),*];
    };
}

all! {
    addrtype Addrtype
    comment Comment
    connmark Connmark
    conntrack ConntrackMatch
    icmp Icmp
    iprange Iprange
    length Length
    limit Limit
    mac Mac
    mark Mark
    multiport Multiport
    owner Owner
    physdev Physdev
    pkttype Pkttype
    recent Recent
    set Set
    statistic Statistic
    tcp Tcp
    tcpmss Tcpmss
    ttl Ttl
    udp Udp
}

/// Matches of iptables 1.8.9 that vethlab leaves out.
const NOT_SIMULATED: &[&str] = &[
    "ah",
    "bpf",
    "cgroup",
    "cluster",
    "connbytes",
    "connlabel",
    "connlimit",
    "cpu",
    "dccp",
    "devgroup",
    "dscp",
    "dst",
    "ecn",
    "esp",
    "eui64",
    "frag",
    "hashlimit",
    "hbh",
    "helper",
    "hl",
    "icmp6",
    "ipcomp",
    "ipv6header",
    "ipvs",
    "mh",
    "nfacct",
    "osf",
    "policy",
    "quota",
    "rateest",
    "realm",
    "rpfilter",
    "rt",
    "sctp",
    "socket",
    "srh",
    "string",
    "time",
    "tos",
    "u32",
];

/// The match of that name; `Err` is a name that iptables has and vethlab has not.
pub(crate) fn find(name: &str) -> Result<Option<&'static Extension<Match>>, ()> {
    if NOT_SIMULATED.contains(&name) {
        return Err(());
    }
    Ok(EXTENSIONS.iter().copied().flatten().find(|extension| extension.name == name))
}

impl Match {
    pub fn name(&self) -> &'static str {
        self.as_matcher().name()
    }

    pub(crate) fn save(&self, out: &mut String) {
        self.as_matcher().save(out);
    }

    pub(crate) fn print(&self, out: &mut String, style: &Style<'_>) {
        self.as_matcher().print(out, style);
    }

    pub(crate) fn initial_cells(&self) -> impl Iterator<Item = u64> + use<> {
        self.as_matcher().initial_cells().iter().copied()
    }

    pub(crate) fn needs_conntrack(&self) -> bool {
        self.as_matcher().needs_conntrack()
    }
}

/// ` !` where it is inverted.
pub(super) fn not(invert: bool) -> &'static str {
    if invert { " !" } else { "" }
}
