//! Tables and chains of one namespace, of both back ends, and where they hang on the hooks.
//!
//! Changed by transactions, walked by the traversal, printed by the listings.
//! Always: names within a table are unique; rules are shared with whoever lists them, so a copy is cheap.
//! Sources: linux nf_tables_api.c, ip_tables.c; iptables nft.c (the built-in tables).

use super::Hook;
use super::chain::Compiled;
use super::rule::{Family, Rule};
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// `iptables-nft`, Debian's `iptables`.
    Nft,
    /// `iptables-legacy`
    Legacy,
}

/// `filter`, `nat` and `route` of nf_tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainKind {
    Filter,
    Nat,
    Route,
}

/// A built-in chain as the tools know it.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinChain {
    pub name: &'static str,
    pub kind: ChainKind,
    pub priority: i32,
    pub hook: Hook,
}

#[derive(Clone, Copy, Debug)]
pub struct BuiltinTable {
    pub name: &'static str,
    pub chains: &'static [BuiltinChain],
}

const fn chain(name: &'static str, kind: ChainKind, priority: i32, hook: Hook) -> BuiltinChain {
    BuiltinChain { name, kind, priority, hook }
}

use ChainKind::{Filter, Nat, Route};

/// In the order in which `iptables-save` writes them.
pub const BUILTIN: &[BuiltinTable] = &[
    BuiltinTable {
        name: "mangle",
        chains: &[
            chain("PREROUTING", Filter, -150, Hook::Prerouting),
            chain("INPUT", Filter, -150, Hook::Input),
            chain("FORWARD", Filter, -150, Hook::Forward),
            chain("OUTPUT", Route, -150, Hook::Output),
            chain("POSTROUTING", Filter, -150, Hook::Postrouting),
        ],
    },
    BuiltinTable {
        name: "security",
        chains: &[
            chain("INPUT", Filter, 150, Hook::Input),
            chain("FORWARD", Filter, 150, Hook::Forward),
            chain("OUTPUT", Filter, 150, Hook::Output),
        ],
    },
    BuiltinTable {
        name: "raw",
        chains: &[
            chain("PREROUTING", Filter, -300, Hook::Prerouting),
            chain("OUTPUT", Filter, -300, Hook::Output),
        ],
    },
    BuiltinTable {
        name: "filter",
        chains: &[
            chain("INPUT", Filter, 0, Hook::Input),
            chain("FORWARD", Filter, 0, Hook::Forward),
            chain("OUTPUT", Filter, 0, Hook::Output),
        ],
    },
    BuiltinTable {
        name: "nat",
        chains: &[
            chain("PREROUTING", Nat, -100, Hook::Prerouting),
            chain("INPUT", Nat, 100, Hook::Input),
            chain("POSTROUTING", Nat, 100, Hook::Postrouting),
            chain("OUTPUT", Nat, -100, Hook::Output),
        ],
    },
];

pub fn builtin(name: &str) -> Option<&'static BuiltinTable> {
    BUILTIN.iter().find(|table| *table.name == *name)
}

impl BuiltinTable {
    pub fn chain(&self, name: &str) -> Option<&'static BuiltinChain> {
        self.chains.iter().find(|chain| chain.name == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Accept,
    Drop,
}

impl Policy {
    pub fn name(self) -> &'static str {
        match self {
            Policy::Accept => "ACCEPT",
            Policy::Drop => "DROP",
        }
    }
}

/// Packets and bytes, counted while a chain is shared.
#[derive(Debug, Default)]
pub struct Counters {
    pub packets: Cell<u64>,
    pub bytes: Cell<u64>,
}

impl Counters {
    pub fn of(packets: u64, bytes: u64) -> Rc<Counters> {
        Rc::new(Counters { packets: Cell::new(packets), bytes: Cell::new(bytes) })
    }

    pub fn count(&self, bytes: u64) {
        self.packets.set(self.packets.get() + 1);
        self.bytes.set(self.bytes.get() + bytes);
    }
}

/// What makes a chain a base chain.
#[derive(Clone, Debug)]
pub struct Base {
    pub kind: ChainKind,
    pub priority: i32,
    pub hook: Hook,
    pub policy: Policy,
    /// nf_tables counts only once a policy was set or counters were zeroed.
    pub counters: Option<Rc<Counters>>,
    /// When it was hung on the hook: of equal priorities the later one goes first.
    pub registered: u64,
}

impl Base {
    pub fn of(chain: &BuiltinChain, registered: u64) -> Base {
        let &BuiltinChain { kind, priority, hook, .. } = chain;
        Base { kind, priority, hook, policy: Policy::Accept, counters: None, registered }
    }
}

#[derive(Clone, Debug)]
pub struct Chain {
    pub name: Rc<str>,
    pub base: Option<Base>,
    pub rules: Vec<Rc<Rule>>,
    /// Of all chains of the namespace, in the order they were made (`nft list`).
    pub created: u64,
    /// Made when a packet first comes by; forgotten with every change.
    pub(super) compiled: OnceCell<Rc<Compiled>>,
}

impl Chain {
    pub fn new(name: &str, base: Option<Base>, created: u64) -> Chain {
        Chain { name: name.into(), base, rules: Vec::new(), created, compiled: OnceCell::new() }
    }

    /// The rules, to be changed.
    pub fn rules_mut(&mut self) -> &mut Vec<Rc<Rule>> {
        self.compiled = OnceCell::new();
        &mut self.rules
    }
}

/// Names a chain within its table, as long as the chain is there.
pub(crate) type ChainIndex = u32;

#[derive(Clone, Debug)]
pub struct Table {
    pub name: Rc<str>,
    pub family: Family,
    pub backend: Backend,
    /// Places stay the same while other chains come and go.
    chains: Vec<Option<Rc<Chain>>>,
    free: Vec<ChainIndex>,
    by_name: BTreeMap<Rc<str>, ChainIndex>,
    /// A chain was compiled that jumps to one that was not there.
    pub(super) has_unresolved: Cell<bool>,
}

impl Table {
    pub fn new(name: &str, family: Family, backend: Backend) -> Table {
        Table {
            name: name.into(),
            family,
            backend,
            chains: Vec::new(),
            free: Vec::new(),
            by_name: BTreeMap::new(),
            has_unresolved: Cell::new(false),
        }
    }

    pub fn index(&self, name: &str) -> Option<ChainIndex> {
        self.by_name.get(name).copied()
    }

    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.at(self.index(name)?)
    }

    pub(crate) fn at(&self, index: ChainIndex) -> Option<&Chain> {
        self.chains.get(index as usize)?.as_deref()
    }

    /// The chain, to be changed; it is copied first if a transaction's other side still holds it.
    pub fn chain_mut(&mut self, name: &str) -> Option<&mut Chain> {
        let index = self.index(name)?;
        self.chains.get_mut(index as usize)?.as_mut().map(Rc::make_mut)
    }

    /// Adds a chain under a name that is free.
    pub fn add(&mut self, chain: Chain) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.chains.push(None);
            self.chains.len() as ChainIndex - 1
        });
        self.by_name.insert(chain.name.clone(), index);
        self.chains[index as usize] = Some(Rc::new(chain));
        if self.has_unresolved.take() {
            self.forget_compiled();
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Rc<Chain>> {
        let index = self.by_name.remove(name)?;
        self.free.push(index);
        self.chains[index as usize].take()
    }

    /// Gives a chain another name, and every jump to it with it.
    pub fn rename(&mut self, old: &str, new: &str) {
        let Some(index) = self.by_name.remove(old) else { return };
        self.by_name.insert(new.into(), index);
        for chain in self.chains.iter_mut().flatten() {
            let jumps = chain.rules.iter().any(|rule| rule.spec.jumps_to() == Some(old));
            if jumps || *chain.name == *old {
                let chain = Rc::make_mut(chain);
                if *chain.name == *old {
                    chain.name = new.into();
                }
                for rule in chain.rules_mut() {
                    if let Some(renamed) = rule.retargeted(old, new) {
                        *rule = Rc::new(renamed);
                    }
                }
            }
        }
    }

    /// A chain has come that others may jump to: theirs are looked up anew.
    fn forget_compiled(&mut self) {
        for chain in self.chains.iter_mut().flatten() {
            if chain.compiled.get().is_some_and(|compiled| compiled.has_unresolved()) {
                Rc::make_mut(chain).compiled = OnceCell::new();
            }
        }
    }

    /// In the order they were made.
    pub fn chains(&self) -> Vec<&Chain> {
        let mut chains: Vec<&Chain> = self.chains.iter().flatten().map(Rc::as_ref).collect();
        chains.sort_by_key(|chain| chain.created);
        chains
    }

    /// Jumps and gotos to that chain.
    pub fn references(&self, name: &str) -> usize {
        let rules = self.chains.iter().flatten().flat_map(|chain| &chain.rules);
        rules.filter(|rule| rule.spec.jumps_to() == Some(name)).count()
    }

    pub(crate) fn base_chains(&self) -> impl Iterator<Item = (ChainIndex, &Chain, &Base)> {
        self.chains.iter().enumerate().filter_map(|(index, chain)| {
            let chain = chain.as_deref()?;
            Some((index as ChainIndex, chain, chain.base.as_ref()?))
        })
    }

    fn rules(&self) -> impl Iterator<Item = &Rc<Rule>> {
        self.chains.iter().flatten().flat_map(|chain| &chain.rules)
    }
}

/// All tables of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub list: Vec<Rc<Table>>,
    /// For `created` and `registered`.
    next: u64,
}

impl Tables {
    pub fn find(&self, backend: Backend, family: Family, name: &str) -> Option<&Table> {
        let mut tables = self.list.iter().map(Rc::as_ref);
        tables.find(|table| table.backend == backend && table.family == family && *table.name == *name)
    }

    /// The table, made empty if it is not there.
    pub fn make(&mut self, backend: Backend, family: Family, name: &str) -> &mut Table {
        let is_it =
            |table: &Rc<Table>| table.backend == backend && table.family == family && *table.name == *name;
        let index = self.list.iter().position(is_it).unwrap_or_else(|| {
            self.list.push(Rc::new(Table::new(name, family, backend)));
            self.list.len() - 1
        });
        Rc::make_mut(&mut self.list[index])
    }

    pub fn remove(&mut self, backend: Backend, family: Family, name: &str) {
        self.list.retain(|table| table.backend != backend || table.family != family || *table.name != *name);
    }

    /// A number greater than all before.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Every rule of every table.
    pub fn rules(&self) -> impl Iterator<Item = &Rc<Rule>> {
        self.list.iter().flat_map(|table| table.rules())
    }
}
