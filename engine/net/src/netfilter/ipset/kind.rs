//! Types of ipset: what an element of each consists of.
//!
//! Sources: ipset(8), "SET TYPES"; `ipset help` for the revisions.

/// One part of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    Address,
    Network,
    /// With its protocol.
    Port,
    BarePort,
    Mac,
    Interface,
    Set,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    pub revision: u8,
    pub dimensions: &'static [Dimension],
}

use Dimension::{Address, BarePort, Interface, Mac, Network, Port};

const fn kind(name: &'static str, revision: u8, dimensions: &'static [Dimension]) -> Kind {
    Kind { name, revision, dimensions }
}

const KINDS: &[Kind] = &[
    kind("bitmap:ip", 3, &[Address]),
    kind("bitmap:port", 3, &[BarePort]),
    kind("hash:ip", 6, &[Address]),
    kind("hash:ip,port", 7, &[Address, Port]),
    kind("hash:ip,port,ip", 6, &[Address, Port, Address]),
    kind("hash:ip,port,net", 8, &[Address, Port, Network]),
    kind("hash:mac", 1, &[Mac]),
    kind("hash:net", 7, &[Network]),
    kind("hash:net,iface", 8, &[Network, Interface]),
    kind("hash:net,net", 4, &[Network, Network]),
    kind("hash:net,port", 8, &[Network, Port]),
    kind("hash:net,port,net", 3, &[Network, Port, Network]),
    kind("list:set", 3, &[Dimension::Set]),
];

/// Names from the time of ipset 4.
const OLD: &[(&str, &str)] = &[
    ("ipmap", "bitmap:ip"),
    ("portmap", "bitmap:port"),
    ("iphash", "hash:ip"),
    ("ipporthash", "hash:ip,port"),
    ("ipportiphash", "hash:ip,port,ip"),
    ("ipportnethash", "hash:ip,port,net"),
    ("nethash", "hash:net"),
    ("setlist", "list:set"),
];

/// ipset knows them, vethlab does not.
const OTHERS: &[&str] = &["bitmap:ip,mac", "hash:ip,mac", "hash:ip,mark", "macipmap"];

impl Kind {
    pub fn is_left_out(name: &str) -> bool {
        OTHERS.contains(&name)
    }

    pub fn named(name: &str) -> Option<&'static Kind> {
        let name = OLD.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new);
        KINDS.iter().find(|kind| kind.name == name)
    }

    pub fn all() -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().rev()
    }

    pub fn is_hash(&self) -> bool {
        self.name.starts_with("hash:")
    }

    pub fn is_bitmap(&self) -> bool {
        self.name.starts_with("bitmap:")
    }

    pub fn is_list(&self) -> bool {
        self.name.starts_with("list:")
    }

    /// Whether elements have an address family.
    pub fn has_family(&self) -> bool {
        self.is_hash() && self.name != "hash:mac"
    }

    pub fn has_networks(&self) -> bool {
        self.dimensions.contains(&Network)
    }
}
