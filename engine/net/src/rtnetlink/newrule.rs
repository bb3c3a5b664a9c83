//! `RTM_NEWRULE`, `RTM_DELRULE`, `RTM_GETRULE`: `ip rule`.
//!
//! Differs from Linux: IPv6 rules are listed as they begin and cannot be changed.
//! Sources: net/core/fib_rules.c (`fib_nl_newrule`, `fib_nl_delrule`, `fib_default_rule_pref`).

use super::{Change, Family, NetlinkError, NetlinkResult, Rule, RuleAction, RuleRequest, protocol, table};
use crate::ip::FibRule;
use crate::ip::rule::MAX_RULES;
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};

impl Network {
    pub fn rule_add(&mut self, ns: NetnsId, request: &RuleRequest) -> NetlinkResult<()> {
        if request.family == Family::Inet6 {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let fib = &self.netns[ns].fib;
        if fib.rules.len() >= MAX_RULES {
            return Err(Errno::ENOBUFS.into());
        }
        // One ahead of the second rule, where nothing was said.
        let priority = request.priority.unwrap_or_else(|| match fib.rules.get(1) {
            Some(second) if second.priority > 0 => second.priority - 1,
            _ => 0,
        });
        if matches!(request.action, RuleAction::Goto(target) if target <= priority) {
            return Err(NetlinkError::new(Errno::EINVAL, "Backward goto not supported"));
        }
        let mut rule = Rule { priority: Some(priority), ..request.clone() };
        if rule.action == RuleAction::Lookup && rule.table == table::UNSPEC {
            rule.table = table::MAIN;
        }
        if rule.fwmark != 0 && rule.fwmask == 0 {
            rule.fwmask = u32::MAX;
        }
        if fib.rules.iter().any(|other| same_rule(&other.rule, &rule)) {
            return Err(Errno::EEXIST.into());
        }
        let place = fib.rules.partition_point(|other| other.priority <= priority);
        self.netns[ns].fib.rules.insert(place, FibRule::new(rule, priority));
        self.netns[ns].fib.unmerged = true;
        self.rules_changed(ns);
        let row = self.rule_row(&self.netns[ns].fib.rules[place]);
        self.netns[ns].change(|| Change::NewRule(row));
        Ok(())
    }

    /// Takes the first rule that agrees with all that was said: ENOENT where none does.
    pub fn rule_delete(&mut self, ns: NetnsId, request: &RuleRequest) -> NetlinkResult<()> {
        if request.family == Family::Inet6 {
            return Err(Errno::EOPNOTSUPP.into());
        }
        let fits = |it: &FibRule| agrees(&it.rule, request);
        let at = self.netns[ns].fib.rules.iter().position(fits).ok_or(Errno::ENOENT)?;
        let row = self.rule_row(&self.netns[ns].fib.rules[at]);
        self.netns[ns].fib.rules.remove(at);
        self.rules_changed(ns);
        self.netns[ns].change(|| Change::DelRule(row));
        Ok(())
    }

    /// In the order in which they are walked.
    pub fn rules(&self, ns: NetnsId, family: Family) -> Vec<Rule> {
        match family {
            Family::Inet => self.netns[ns].fib.rules.iter().map(|rule| self.rule_row(rule)).collect(),
            Family::Inet6 => [(0, table::LOCAL), (32766, table::MAIN)]
                .map(|(priority, table)| Rule {
                    family,
                    priority: Some(priority),
                    protocol: protocol::KERNEL,
                    ..Rule::lookup(table)
                })
                .into(),
        }
    }

    fn rule_row(&self, it: &FibRule) -> Rule {
        let mut rule = it.rule.clone();
        rule.iif_detached = rule.iif.is_some() && it.iif.is_none();
        rule.oif_detached = rule.oif.is_some() && it.oif.is_none();
        rule
    }

    fn rules_changed(&mut self, ns: NetnsId) {
        for at in 0..self.netns[ns].fib.rules.len() {
            let rule = &self.netns[ns].fib.rules[at].rule;
            let find = |name: &Option<String>| {
                let index = self.device_index(ns, name.as_deref()?)?;
                self.device_id(ns, index)
            };
            let (iif, oif) = (find(&rule.iif), find(&rule.oif));
            let unresolved = match rule.action {
                RuleAction::Goto(target) => !self.netns[ns].fib.rules.iter().any(|it| it.priority == target),
                _ => false,
            };
            let it = &mut self.netns[ns].fib.rules[at];
            (it.iif, it.oif, it.rule.unresolved) = (iif, oif, unresolved);
        }
        let fib = &mut self.netns[ns].fib;
        let plain = |it: &FibRule| {
            it.rule.protocol == protocol::KERNEL && it.rule.from.is_none() && it.rule.to.is_none()
        };
        fib.custom_rules = fib.rules.len() != 3 || !fib.rules.iter().all(plain);
        self.routes_changed(ns);
    }

    /// A device came, or got another name: rules that name it hold.
    pub(crate) fn rules_attach(&mut self, device: DeviceId) {
        let (ns, named) = (self.devices[device].netns, self.devices[device].name.clone());
        for it in &mut self.netns[ns].fib.rules {
            if it.rule.iif.as_deref() == Some(&named) {
                it.iif = Some(device);
            }
            if it.rule.oif.as_deref() == Some(&named) {
                it.oif = Some(device);
            }
        }
        self.routes_changed(ns);
    }

    pub(crate) fn rules_detach(&mut self, ns: NetnsId, device: DeviceId) {
        for it in &mut self.netns[ns].fib.rules {
            it.iif = it.iif.filter(|id| *id != device);
            it.oif = it.oif.filter(|id| *id != device);
        }
        self.routes_changed(ns);
    }
}

/// What makes two rules one (`rule_exists`).
fn same_rule(a: &Rule, b: &Rule) -> bool {
    let flat = |rule: &Rule| Rule {
        protocol: 0,
        unresolved: false,
        iif_detached: false,
        oif_detached: false,
        ..rule.clone()
    };
    flat(a) == flat(b)
}

/// Does a rule agree with all that the request says (`rule_find`)?
fn agrees(rule: &Rule, wanted: &Rule) -> bool {
    fn said<T: PartialEq>(rule: &Option<T>, wanted: &Option<T>) -> bool {
        wanted.is_none() || rule == wanted
    }
    let mask = if wanted.fwmark != 0 && wanted.fwmask == 0 { u32::MAX } else { wanted.fwmask };
    let action = match wanted.action {
        RuleAction::Lookup => rule.action == RuleAction::Lookup || wanted.table == table::UNSPEC,
        other => rule.action == other,
    };
    action
        && (wanted.table == table::UNSPEC || rule.table == wanted.table)
        && said(&rule.priority, &wanted.priority)
        && said(&rule.from, &wanted.from)
        && said(&rule.to, &wanted.to)
        && said(&rule.iif, &wanted.iif)
        && said(&rule.oif, &wanted.oif)
        && said(&rule.source_ports, &wanted.source_ports)
        && said(&rule.destination_ports, &wanted.destination_ports)
        && said(&rule.uids, &wanted.uids)
        && (wanted.fwmark == 0 || rule.fwmark == wanted.fwmark)
        && (mask == 0 || rule.fwmask == mask)
        && (wanted.tos == 0 || rule.tos == wanted.tos)
        && (wanted.ip_protocol == 0 || rule.ip_protocol == wanted.ip_protocol)
        && (!wanted.invert || rule.invert)
        && (wanted.protocol == 0 || wanted.protocol == protocol::BOOT || rule.protocol == wanted.protocol)
}
