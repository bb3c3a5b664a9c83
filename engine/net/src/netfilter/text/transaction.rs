//! A transaction of iptables-nft: commands worked out on a copy of the tables, then handed to the kernel whole.
//!
//! The tool's part looks chains and rules up as its cache would show them; the kernel's part checks each change as
//! nf_tables does, and refuses the whole transaction where one of them does not pass.
//! Always: nothing of a refused transaction is kept.
//! Sources: iptables nft.c, nft-cache.c; linux nf_tables_api.c, nft_compat.c.

use super::Tool;
use super::problem::Problem;
use crate::Errno;
use crate::netfilter::check;
use crate::netfilter::rule::{Rule, Spec};
use crate::netfilter::table::{
    Backend, Base, BuiltinChain, BuiltinTable, Chain, Counters, Policy, Table, Tables, builtin,
};
use std::rc::Rc;

/// Why a command could not be worked out (the tool's `errno`), with the words it has for it there.
#[derive(Debug)]
pub(super) enum Failure {
    Words(&'static str),
    /// EINVAL adds a hint.
    Invalid(&'static str),
    Problem(Problem),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

pub(super) const NO_CHAIN: Failure = Failure::Words("No chain/target/match by that name");
pub(super) const BAD_RULE: Failure = Failure::Words("Bad rule (does a matching rule exist in that chain?)");

/// Errors of the kernel kept at most; their text is as long as iptables' buffer.
const MAX_ERRORS: usize = 1024;

/// A change that the kernel refused.
#[derive(Debug)]
struct Refused {
    line: u32,
    change: &'static str,
    errno: Errno,
    subject: String,
}

pub(super) struct Transaction<'a> {
    tool: &'a Tool,
    pub tables: Tables,
    refused: Vec<Refused>,
    /// Tables whose chains have to be looked through for loops and misplaced targets, with the change to blame.
    unchecked: Vec<(String, Refused)>,
    /// Of the command being worked out, in the file being restored; 0 on a command line.
    pub line: u32,
    /// The whole is validated after each rule, since it failed when looked at as a whole.
    careful: bool,
}

impl<'a> Transaction<'a> {
    pub fn new(tool: &'a Tool, tables: Tables, careful: bool) -> Transaction<'a> {
        Transaction { tool, tables, refused: Vec::new(), unchecked: Vec::new(), line: 0, careful }
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.find(Backend::Nft, self.tool.family, name)
    }

    fn table_mut(&mut self, name: &str) -> &mut Table {
        self.tables.make(Backend::Nft, self.tool.family, name)
    }

    /// The chain as the tool's cache has it: a base chain only under its own name and hook.
    pub fn chain(&self, table: &str, name: &str) -> Option<&Chain> {
        let chain = self.table(table)?.chain(name)?;
        is_listed(table, chain).then_some(chain)
    }

    /// As [`Transaction::chain`], or a built-in chain, there or not (`nft_chain_exists`).
    pub fn exists(&self, table: &str, name: &str) -> bool {
        builtin(table).is_some_and(|it| it.chain(name).is_some()) || self.chain(table, name).is_some()
    }

    /// Makes the table, and the chain if it is a built-in one that is not there (`nft_xt_builtin_init`).
    pub fn init(&mut self, table: &str, chain: Option<&str>) {
        let Some(known) = builtin(table) else { return };
        self.table_mut(table);
        for one in known.chains.iter().filter(|one| chain.is_none_or(|name| name == one.name)) {
            if self.chain(table, one.name).is_none() {
                self.add_base(known, one);
            }
        }
    }

    fn add_base(&mut self, table: &BuiltinTable, chain: &BuiltinChain) {
        let number = self.tables.number();
        if self.table_mut(table.name).chain(chain.name).is_some() {
            // A chain of that name that hangs elsewhere.
            self.refuse("CHAIN_ADD", Errno::EEXIST, format!("chain {}", chain.name));
            return;
        }
        self.table_mut(table.name).add(Chain::new(chain.name, Some(Base::of(chain, number)), number));
    }

    fn refuse(&mut self, change: &'static str, errno: Errno, subject: String) {
        if self.refused.len() < MAX_ERRORS {
            self.refused.push(Refused { line: self.line, change, errno, subject });
        }
    }

    pub fn add_chain(&mut self, table: &str, name: &str) -> Result<(), Failure> {
        self.table_mut(table);
        if self.exists(table, name) {
            return Err(Failure::Words("Chain already exists"));
        }
        if self.table(table).is_some_and(|it| it.chain(name).is_some()) {
            self.refuse("CHAIN_USER_ADD", Errno::EEXIST, format!("chain {name}"));
            return Ok(());
        }
        let number = self.tables.number();
        self.table_mut(table).add(Chain::new(name, None, number));
        Ok(())
    }

    /// `:CHAIN -` in a file: the chain is there afterwards, and empty.
    pub fn restore_chain(&mut self, table: &str, name: &str) {
        self.table_mut(table);
        match self.chain(table, name).is_some() {
            true => self.flush_rules(table, name),
            false => {
                let number = self.tables.number();
                self.table_mut(table).add(Chain::new(name, None, number));
            }
        }
    }

    fn flush_rules(&mut self, table: &str, name: &str) {
        if let Some(chain) = self.table_mut(table).chain_mut(name) {
            chain.rules_mut().clear();
        }
    }

    pub fn flush_table(&mut self, table: &str) {
        self.tables.remove(Backend::Nft, self.tool.family, table);
    }

    pub fn delete_chain(&mut self, table: &str, name: &str) {
        let Some(kernel) = self.table(table) else { return };
        let used = kernel.references(name) + kernel.chain(name).map_or(0, |chain| chain.rules.len());
        if used > 0 {
            self.refuse("CHAIN_DEL", Errno::EBUSY, format!("chain {name}"));
        } else {
            self.table_mut(table).remove(name);
        }
    }

    pub fn rename_chain(&mut self, table: &str, old: &str, new: &str) -> Result<(), Failure> {
        if self.exists(table, new) {
            return Err(Failure::Words("File exists"));
        }
        if self.chain(table, old).is_none() {
            return Err(NO_CHAIN);
        }
        if self.table(table).is_some_and(|it| it.chain(new).is_some()) {
            self.refuse("CHAIN_RENAME", Errno::EEXIST, format!("chain {new}"));
        } else {
            self.table_mut(table).rename(old, new);
        }
        Ok(())
    }

    pub fn set_policy(
        &mut self,
        table: &str,
        name: &str,
        policy: &str,
        counters: (u64, u64),
    ) -> Result<(), Failure> {
        let policy = match policy {
            "DROP" => Some(Policy::Drop),
            "ACCEPT" => Some(Policy::Accept),
            "-" => None,
            _ => return Err(Failure::Invalid("Bad policy name")),
        };
        self.init(table, Some(name));
        if builtin(table).is_none_or(|it| it.chain(name).is_none()) {
            return Err(Failure::Words("Bad built-in chain name"));
        }
        let base = self.table_mut(table).chain_mut(name).and_then(|chain| chain.base.as_mut());
        if let Some(base) = base {
            base.policy = policy.unwrap_or(base.policy);
            base.counters = Some(Counters::of(counters.0, counters.1));
        }
        Ok(())
    }

    /// Counters of a chain and its rules to zero; from now on the chain's policy counts.
    pub fn zero_chain(&mut self, table: &str, name: &str) {
        let Some(chain) = self.table_mut(table).chain_mut(name) else { return };
        if let Some(base) = &mut chain.base {
            base.counters = Some(Counters::of(0, 0));
        }
        for rule in chain.rules_mut() {
            if rule.packets.get() != 0 || rule.bytes.get() != 0 {
                *rule = Rc::new(Rule::new(rule.spec.clone(), 0, 0));
            }
        }
    }

    /// The rules of a chain, to be changed.
    pub fn rules_mut(&mut self, table: &str, name: &str) -> Option<&mut Vec<Rc<Rule>>> {
        Some(self.table_mut(table).chain_mut(name)?.rules_mut())
    }

    /// Puts a rule in at `place` (`None` at the end, `replace` in the place of what is there), if the kernel takes it.
    pub fn put_rule(&mut self, table: &str, name: &str, rule: Rc<Rule>, place: Option<usize>, replace: bool) {
        let change = match (place, replace) {
            (_, true) => "RULE_REPLACE",
            (Some(_), _) => "RULE_INSERT",
            (None, _) => "RULE_APPEND",
        };
        let subject = format!("rule in chain {name}");
        let spec = rule.spec.clone();
        let allowed = match self.table(table).zip(self.chain(table, name)) {
            Some((kernel, chain)) => check::rule(kernel, chain, &spec),
            None => return,
        };
        if let Err(errno) = allowed {
            self.refuse(change, errno, subject);
            return;
        }
        let Some(rules) = self.rules_mut(table, name) else { return };
        match place {
            Some(at) if replace => rules[at] = rule,
            Some(at) => rules.insert(at, rule),
            None => rules.push(rule),
        }
        if needs_validation(&spec) {
            let blame = Refused { line: self.line, change, errno: Errno::EINVAL, subject };
            if self.careful {
                self.validate(table, blame);
            } else if self.unchecked.iter().all(|(other, _)| other != table) {
                self.unchecked.push((table.to_owned(), blame));
            }
        }
    }

    fn validate(&mut self, table: &str, blame: Refused) {
        if let Some(Err(errno)) = self.table(table).map(check::chains)
            && self.refused.len() < MAX_ERRORS
        {
            self.refused.push(Refused { errno, ..blame });
        }
    }

    /// The tables as they are to be; or `None` where everything has to be worked out again, with care, to know
    /// which rule is to blame.
    pub fn commit(mut self) -> Result<Option<Tables>, Problem> {
        for (table, blame) in std::mem::take(&mut self.unchecked) {
            let before = self.refused.len();
            self.validate(&table, blame);
            if self.refused.len() > before {
                return Ok(None);
            }
        }
        if self.refused.is_empty() {
            return Ok(Some(self.tables));
        }
        Err(Problem::Resource(self.refusal()))
    }

    /// What iptables says of changes that the kernel refused.
    fn refusal(&self) -> String {
        let mut text = String::new();
        for refused in &self.refused {
            let Refused { line, change, errno, subject } = refused;
            match line {
                0 => put!(text, " {change} failed ({errno}): {subject}"),
                _ => put!(text, "\nline {line}: {change} failed ({errno}): {subject}"),
            }
            if *line == 0 {
                break;
            }
        }
        text
    }
}

/// Rules that jump, or whose target or match may stand at some hooks only.
fn needs_validation(spec: &Spec) -> bool {
    spec.jumps_to().is_some() || spec.target.as_action().is_some() || !spec.matches.is_empty()
}

/// Whether iptables-nft lists that chain: user chains, and base chains that are what their names say.
pub(super) fn is_listed(table: &str, chain: &Chain) -> bool {
    let Some(base) = &chain.base else { return true };
    let known = builtin(table).and_then(|it| it.chain(&chain.name));
    known.is_some_and(|it| (it.hook, it.priority, it.kind) == (base.hook, base.priority, base.kind))
}
