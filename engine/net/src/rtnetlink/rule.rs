//! Policy rules: what `ip rule` asks for and lists.

use super::Family;
use ipnet::IpNet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    Lookup,
    Goto(u32),
    Nop,
    Blackhole,
    Unreachable,
    Prohibit,
}

/// A rule as asked for (`priority` may be left to the kernel) and as listed (`priority` is there).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub family: Family,
    pub priority: Option<u32>,
    pub invert: bool,
    pub from: Option<IpNet>,
    pub to: Option<IpNet>,
    pub tos: u8,
    pub iif: Option<String>,
    pub oif: Option<String>,
    pub fwmark: u32,
    /// All ones where only a mark was given.
    pub fwmask: u32,
    pub protocol: u8,
    pub source_ports: Option<(u16, u16)>,
    pub destination_ports: Option<(u16, u16)>,
    pub ip_protocol: u8,
    pub uids: Option<(u32, u32)>,
    pub suppress_prefix_length: Option<u8>,
    pub action: RuleAction,
    /// 0 where the action is not `Lookup`.
    pub table: u32,
    /// The device of `iif` or `oif` is not there.
    pub iif_detached: bool,
    pub oif_detached: bool,
    /// A `goto` whose target is not there.
    pub unresolved: bool,
}

pub type RuleRequest = Rule;

impl Rule {
    pub fn lookup(table: u32) -> Rule {
        Rule {
            family: Family::Inet,
            priority: None,
            invert: false,
            from: None,
            to: None,
            tos: 0,
            iif: None,
            oif: None,
            fwmark: 0,
            fwmask: 0,
            protocol: super::protocol::BOOT,
            source_ports: None,
            destination_ports: None,
            ip_protocol: 0,
            uids: None,
            suppress_prefix_length: None,
            action: RuleAction::Lookup,
            table,
            iif_detached: false,
            oif_detached: false,
            unresolved: false,
        }
    }
}
