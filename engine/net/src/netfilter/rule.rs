//! A rule: what it looks at in the IP header, its matches, its target, and how often it was hit.
//!
//! Held by chains; read by the traversal and by every listing. Always: a rule's text can be written and read back.
//! Differs from Linux: one form for both back ends; nf_tables holds the same as expressions.
//! Sources: linux ip_tables.h (struct ipt_entry); iptables(8).

use super::matches::Match;
use super::targets::Target;
use super::text::number;
use std::cell::Cell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }

    pub fn any(self) -> IpAddr {
        match self {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    /// The mask of that many leading ones.
    pub fn mask(self, length: u8) -> IpAddr {
        match self {
            Family::V4 => {
                Ipv4Addr::from(u32::MAX.checked_shl(u32::from(32 - length.min(32))).unwrap_or(0)).into()
            }
            Family::V6 => {
                Ipv6Addr::from(u128::MAX.checked_shl(u32::from(128 - length.min(128))).unwrap_or(0)).into()
            }
        }
    }

    /// An address written as numbers, whole.
    pub fn parse(self, text: &str) -> Option<IpAddr> {
        match self {
            Family::V4 => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            Family::V6 => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(it) => u32::from(it).into(),
        IpAddr::V6(it) => it.into(),
    }
}

/// Bit by bit.
pub(crate) fn and(a: IpAddr, b: IpAddr) -> IpAddr {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Ipv4Addr::from(u32::from(a) & u32::from(b)).into(),
        (IpAddr::V6(a), IpAddr::V6(b)) => Ipv6Addr::from(u128::from(a) & u128::from(b)).into(),
        _ => a,
    }
}

/// An address and the bits of it that count; the mask may have holes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Masked {
    pub address: IpAddr,
    pub mask: IpAddr,
}

impl Masked {
    pub fn host(address: IpAddr) -> Masked {
        Masked { address, mask: Family::of(address).mask(128) }
    }

    pub fn holds(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && and(address, self.mask) == and(self.address, self.mask)
    }

    /// The length of the mask, where it has no holes.
    pub fn length(&self) -> Option<u8> {
        let family = Family::of(self.mask);
        let length = bits(self.mask).count_ones() as u8;
        (family.mask(length) == self.mask).then_some(length)
    }

    /// Whether it is one address, all bits counting.
    pub fn is_host(&self) -> bool {
        self.length() == Some(Family::of(self.address).bits())
    }

    /// `/24`, `/255.0.255.0`, nothing for a single address (`xtables_ipmask_to_numeric`).
    pub fn mask_suffix(&self) -> String {
        match self.length() {
            Some(_) if self.is_host() => String::new(),
            Some(length) => format!("/{length}"),
            None => format!("/{}", self.mask),
        }
    }
}

/// As `iptables-save` writes it, always with a mask.
impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length() {
            Some(length) => write!(f, "{}/{length}", self.address),
            None => write!(f, "{}/{}", self.address, self.mask),
        }
    }
}

/// `-i NAME`, `-i NAME+`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As written, with its `+`.
    pub pattern: String,
    pub invert: bool,
}

impl Interface {
    /// `+` alone matches every name.
    pub fn matches_all(&self) -> bool {
        self.pattern == "+" || self.pattern.is_empty()
    }

    pub fn matches(&self, name: &str) -> bool {
        let matches = match self.pattern.strip_suffix('+') {
            Some(prefix) => name.starts_with(prefix),
            None => name == self.pattern,
        };
        matches != self.invert
    }
}

/// What is asked of the IP header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpMatch {
    /// With whether it is inverted, as below.
    pub source: Option<(Masked, bool)>,
    pub destination: Option<(Masked, bool)>,
    /// 0 is every protocol.
    pub protocol: u8,
    pub protocol_invert: bool,
    pub input: Option<Interface>,
    pub output: Option<Interface>,
    /// `-f`: second and further fragments.
    pub fragment: Option<bool>,
}

/// All of a rule but its counters.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub ip: IpMatch,
    pub matches: Vec<Match>,
    pub target: Target,
}

impl Spec {
    /// Whether conntrack has to be on for it.
    pub fn needs_conntrack(&self) -> bool {
        self.target.needs_conntrack() || self.matches.iter().any(Match::needs_conntrack)
    }

    /// Whether it looks an ipset of that name up, or changes it.
    pub fn names_set(&self, name: &str) -> bool {
        let matches = self.matches.iter().any(|one| matches!(one, Match::Set(set) if set.name == name));
        let chosen = |it: &Option<(String, Vec<_>)>| it.as_ref().is_some_and(|(set, _)| set == name);
        matches || matches!(&self.target, Target::Set(set) if chosen(&set.add) || chosen(&set.del))
    }

    /// The chain it jumps or goes to.
    pub fn jumps_to(&self) -> Option<&str> {
        match &self.target {
            Target::Jump(chain) | Target::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}

/// A rule in a chain. What changes while packets pass is in cells, so that listings and the packet path share it.
#[derive(Debug)]
pub struct Rule {
    pub spec: Rc<Spec>,
    pub packets: Cell<u64>,
    pub bytes: Cell<u64>,
    /// Memory of stateful matches (`statistic --mode nth`, `limit`), in the order of the matches.
    pub(super) cells: Box<[Cell<u64>]>,
}

impl Rule {
    pub fn new(spec: Rc<Spec>, packets: u64, bytes: u64) -> Rule {
        let cells = spec.matches.iter().flat_map(Match::initial_cells).map(Cell::new).collect();
        Rule { spec, packets: Cell::new(packets), bytes: Cell::new(bytes), cells }
    }

    /// The same rule with its jump to `old` turned to `new`, where it has one.
    pub(super) fn retargeted(&self, old: &str, new: &str) -> Option<Rule> {
        let target = match &self.spec.target {
            Target::Jump(chain) if chain == old => Target::Jump(new.to_owned()),
            Target::Goto(chain) if chain == old => Target::Goto(new.to_owned()),
            _ => return None,
        };
        let spec = Spec { target, ..self.spec.as_ref().clone() };
        let (packets, bytes) = (self.packets.clone(), self.bytes.clone());
        Some(Rule { spec: Rc::new(spec), packets, bytes, cells: self.cells.clone() })
    }

    pub(super) fn count(&self, bytes: u64) {
        self.packets.set(self.packets.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
    }
}

/// `1.2.3.4`, `1.2`, `010.0.0.1`: as iptables reads numbers with dots; missing parts at the end are zero unless it is
/// a mask (`xtables_numeric_to_ipaddr`).
pub(crate) fn dotted(text: &str, is_mask: bool) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let parts: Vec<_> = text.splitn(4, '.').collect();
    if is_mask && parts.len() < 4 {
        return None;
    }
    for (octet, part) in octets.iter_mut().zip(&parts) {
        *octet = number::within(part, 0, 255)? as u8;
    }
    Some(octets.into())
}
