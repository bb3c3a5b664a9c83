//! Policy rules: which routing tables are asked for a packet, and in which order.
//!
//! Stands ahead of the tables of `fib.rs`. Always: rules stand by rising priority; rule 0 is the local table's.
//! Differs from Linux: no l3mdev rules, no tunnel ids.
//! Sources: ip-rule(8); net/core/fib_rules.c, net/ipv4/fib_rules.c.

use super::fib::{FibQuery, FibResult, Hop, NOT_HERE, Table, mask};
use crate::Errno;
use crate::rtnetlink::{Rule, RuleAction, protocol, table};
use api::DeviceId;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Rules of one namespace; one more is ENOBUFS. Every packet that is routed walks them.
pub(crate) const MAX_RULES: usize = 4096;

/// All that routes IPv4 in one namespace.
#[derive(Debug)]
pub(crate) struct Fib {
    /// A table is there from its first route on, for ever.
    pub tables: BTreeMap<u32, Table>,
    pub rules: Vec<FibRule>,
    /// Rules other than the three of the beginning: source checks cannot be cut short any more.
    pub custom_rules: bool,
    /// A rule was added once: before that the local table is shown as a part of main (`fib_unmerge`).
    pub unmerged: bool,
    /// Changes with every change of rules, routes, addresses or links: what was looked up before may be wrong.
    pub generation: u32,
}

/// A rule ready to be matched.
#[derive(Clone, Debug)]
pub(crate) struct FibRule {
    pub rule: Rule,
    pub priority: u32,
    /// It asks nothing, as the three of the beginning.
    any: bool,
    from: (u32, u32),
    to: (u32, u32),
    /// Where `iif` and `oif` are now.
    pub iif: Option<DeviceId>,
    pub oif: Option<DeviceId>,
}

impl FibRule {
    pub fn new(rule: Rule, priority: u32) -> FibRule {
        let key = |net: &Option<IpNet>| match net {
            Some(IpNet::V4(net)) => (u32::from(net.network()), mask(net.prefix_len())),
            _ => (0, 0),
        };
        let any =
            rule == Rule { priority: rule.priority, protocol: rule.protocol, ..Rule::lookup(rule.table) };
        FibRule { any, from: key(&rule.from), to: key(&rule.to), priority, rule, iif: None, oif: None }
    }

    fn matches(&self, query: &FibQuery) -> bool {
        if self.any {
            return true;
        }
        let rule = &self.rule;
        let ports = |range: Option<(u16, u16)>, port: u16| {
            range.is_none_or(|(low, high)| port != 0 && (low..=high).contains(&port))
        };
        let fits = (rule.iif.is_none() || (self.iif.is_some() && self.iif == query.iif))
            && (rule.oif.is_none() || (self.oif.is_some() && self.oif == query.oif))
            && (rule.fwmark ^ query.mark) & rule.fwmask == 0
            && rule.uids.is_none_or(|(low, high)| query.uid.is_some_and(|uid| (low..=high).contains(&uid)))
            && query.source & self.from.1 == self.from.0
            && query.destination & self.to.1 == self.to.0
            && (rule.tos == 0 || rule.tos == query.tos)
            && (rule.ip_protocol == 0 || rule.ip_protocol == query.protocol)
            && ports(rule.source_ports, query.source_port)
            && ports(rule.destination_ports, query.destination_port);
        fits != rule.invert
    }
}

impl Default for Fib {
    fn default() -> Fib {
        let rule = |priority, number| {
            let rule = Rule { protocol: protocol::KERNEL, priority: Some(priority), ..Rule::lookup(number) };
            FibRule::new(rule, priority)
        };
        Fib {
            tables: [table::LOCAL, table::MAIN].map(|id| (id, Table::default())).into(),
            rules: vec![rule(0, table::LOCAL), rule(32766, table::MAIN), rule(32767, table::DEFAULT)],
            custom_rules: false,
            unmerged: false,
            generation: 1,
        }
    }
}

impl Fib {
    pub fn table(&self, id: u32) -> Option<&Table> {
        self.tables.get(&id)
    }

    /// Asks the tables in the order of the rules. ENETUNREACH where none has an answer.
    pub fn lookup(&self, query: &FibQuery, usable: impl Fn(&Hop) -> bool) -> Result<FibResult, Errno> {
        let mut at = 0;
        while let Some(entry) = self.rules.get(at) {
            at += 1;
            if !entry.matches(query) {
                continue;
            }
            let rule = &entry.rule;
            match rule.action {
                RuleAction::Lookup => {
                    let Some(table) = self.tables.get(&rule.table) else { continue };
                    match table.lookup(rule.table, query, &usable) {
                        Err(NOT_HERE) => {}
                        Ok(found) if suppressed(rule, &found) => {}
                        answer => return answer,
                    }
                }
                // A target stands behind its `goto`, so this ends.
                RuleAction::Goto(target) => {
                    let to = self.rules.iter().position(|other| other.priority == target);
                    at = to.map_or(at, |to| to.max(at));
                }
                RuleAction::Nop => {}
                RuleAction::Blackhole => return Err(Errno::EINVAL),
                RuleAction::Unreachable => return Err(Errno::ENETUNREACH),
                RuleAction::Prohibit => return Err(Errno::EACCES),
            }
        }
        Err(Errno::ENETUNREACH)
    }

    pub fn routes(&self) -> usize {
        self.tables.values().map(Table::len).sum()
    }
}

fn suppressed(rule: &Rule, found: &FibResult) -> bool {
    rule.suppress_prefix_length.is_some_and(|longest| found.prefix_length <= longest)
}
