//! Walking a chain: the first rule that matches decides, jumps come back, gotos do not.
//!
//! Runs of rules that ask the same of the header (one destination, protocol and port each, as kube-proxy writes
//! them) are compiled to a hash of what they ask → their places, so that a packet goes straight to the next rule
//! that can match. The rules in between count as walked, as the kernel walks them one by one.
//! Always: the rule found is the one that a walk rule by rule would find.
//! Sources: linux nf_tables_core.c (nft_do_chain), ip_tables.c (ipt_do_table).

use super::RejectWith;
use super::context::Context;
use super::matches::Match;
use super::rule::{IpMatch, Masked, Rule};
use super::table::{Chain, ChainIndex, Policy, Table};
use super::targets::{Outcome, Target};
use crate::hash::Map;
use std::net::IpAddr;
use std::rc::Rc;

/// `NFT_JUMP_STACK_SIZE`: jumps inside one another; what goes deeper is refused when it is loaded.
pub(crate) const MAX_JUMPS: usize = 16;
/// Rules looked at for one packet at one hook, against a legacy table that loops.
const MAX_WALK: u32 = 10_000_000;
/// Fewer rules of one shape in a row are walked.
const MIN_RUN: usize = 8;

/// Where a rule that matches leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leads {
    On,
    Accept,
    Drop,
    Return,
    Jump(ChainIndex),
    Goto(ChainIndex),
    /// A target that acts.
    Act,
    /// A chain that is not there (any more): nothing happens.
    Nowhere,
}

/// What the rules of a run ask: which parts of the header, and for each value the places of its rules.
#[derive(Debug)]
struct Run {
    first: usize,
    end: usize,
    asks: Asks,
    places: Map<Key, Vec<u32>>,
}

/// The shape of a rule: which of these it asks, all exactly and not inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asks {
    source: bool,
    destination: bool,
    protocol: bool,
    destination_port: bool,
}

type Key = (Option<IpAddr>, Option<IpAddr>, Option<u8>, Option<u16>);

#[derive(Debug)]
pub(crate) struct Compiled {
    leads: Vec<Leads>,
    runs: Vec<Run>,
}

fn host(asked: Option<(Masked, bool)>) -> Option<Option<IpAddr>> {
    match asked {
        None => Some(None),
        Some((masked, false)) if masked.is_host() => Some(Some(masked.address)),
        Some(_) => None,
    }
}

/// What a rule asks exactly; `None` where it asks something that no hash answers.
fn key(rule: &Rule) -> Option<(Asks, Key)> {
    let IpMatch { source, destination, protocol, protocol_invert, fragment, .. } = &rule.spec.ip;
    if *protocol_invert || fragment.is_some() {
        return None;
    }
    let (source, destination) = (host(*source)?, host(*destination)?);
    let port = rule.spec.matches.iter().find_map(|it| match it {
        Match::Tcp(tcp) => tcp.destination.exactly(),
        Match::Udp(udp) => udp.destination.exactly(),
        _ => None,
    });
    let protocol = (*protocol != 0).then_some(*protocol);
    let asks = Asks {
        source: source.is_some(),
        destination: destination.is_some(),
        protocol: protocol.is_some(),
        destination_port: port.is_some(),
    };
    let asks_much = asks.source || asks.destination || asks.destination_port;
    asks_much.then_some((asks, (source, destination, protocol, port)))
}

impl Compiled {
    fn of(table: &Table, chain: &Chain) -> Compiled {
        let leads = chain.rules.iter().map(|rule| match &rule.spec.target {
            Target::None => Leads::On,
            Target::Accept => Leads::Accept,
            Target::Drop | Target::Queue => Leads::Drop,
            Target::Return => Leads::Return,
            Target::Jump(name) => table.index(name).map_or(Leads::Nowhere, Leads::Jump),
            Target::Goto(name) => table.index(name).map_or(Leads::Nowhere, Leads::Goto),
            _ => Leads::Act,
        });
        let mut compiled = Compiled { leads: leads.collect(), runs: Vec::new() };
        let keys: Vec<_> = chain.rules.iter().map(|rule| key(rule)).collect();
        let mut first = 0;
        while first < keys.len() {
            let Some((asks, _)) = keys[first] else {
                first += 1;
                continue;
            };
            let same = |it: &Option<(Asks, Key)>| matches!(it, Some((other, _)) if *other == asks);
            let end = first + keys[first..].iter().take_while(|it| same(it)).count();
            if end - first >= MIN_RUN {
                let mut places: Map<Key, Vec<u32>> = Map::default();
                for (place, it) in keys[first..end].iter().enumerate() {
                    if let Some((_, key)) = it {
                        places.entry(*key).or_default().push((first + place) as u32);
                    }
                }
                compiled.runs.push(Run { first, end, asks, places });
            }
            first = end;
        }
        compiled
    }

    pub(super) fn has_unresolved(&self) -> bool {
        self.leads.contains(&Leads::Nowhere)
    }

    /// The first rule at or after `place` that can match the packet, as far as the hashes know.
    fn next(&self, place: usize, at: &Context<'_>) -> usize {
        let before = self.runs.partition_point(|run| run.end <= place);
        let Some(run) = self.runs.get(before).filter(|run| run.first <= place) else { return place };
        let header = &at.header;
        let port = match run.asks.destination_port {
            true => match header.ports(at.packet.data()) {
                Some((_, port)) => Some(port),
                None => return run.end,
            },
            false => None,
        };
        let key = (
            run.asks.source.then_some(header.source),
            run.asks.destination.then_some(header.destination),
            run.asks.protocol.then_some(header.protocol),
            port,
        );
        let Some(places) = run.places.get(&key) else { return run.end };
        let next = places.partition_point(|it| (*it as usize) < place);
        places.get(next).map_or(run.end, |it| *it as usize)
    }
}

impl Chain {
    pub(super) fn compiled(&self, table: &Table) -> Rc<Compiled> {
        let compile = || {
            let compiled = Compiled::of(table, self);
            if compiled.has_unresolved() {
                table.has_unresolved.set(true);
            }
            Rc::new(compiled)
        };
        self.compiled.get_or_init(compile).clone()
    }
}

/// How a base chain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Accept,
    Drop,
    Reject(RejectWith),
}

/// One rule that matched and decided or acted, for the journey.
#[derive(Debug)]
pub(crate) struct Hit {
    pub chain: Rc<str>,
    /// From 1.
    pub number: u32,
    /// Rules looked at since the base chain began.
    pub walked: u32,
    pub rule: Rc<Rule>,
}

/// What a walk through a base chain came to.
#[derive(Debug)]
pub(crate) struct Walk {
    pub end: End,
    pub walked: u32,
    /// It ended in the policy of the base chain.
    pub by_policy: bool,
    /// Filled in only where asked for.
    pub hits: Vec<Hit>,
}

impl Rule {
    /// Whether the packet is what the rule asks for.
    fn matches(&self, at: &mut Context<'_>) -> bool {
        if !self.spec.ip.matches(at) {
            return false;
        }
        let mut cells = &self.cells[..];
        for one in &self.spec.matches {
            let (mine, rest) = cells.split_at(one.initial_cells().count());
            if !one.matches(at, mine) {
                return false;
            }
            cells = rest;
        }
        true
    }
}

impl IpMatch {
    fn matches(&self, at: &Context<'_>) -> bool {
        let header = &at.header;
        self.destination.is_none_or(|(it, invert)| it.holds(header.destination) != invert)
            && (self.protocol == 0 || (self.protocol == header.protocol) != self.protocol_invert)
            && self.source.is_none_or(|(it, invert)| it.holds(header.source) != invert)
            && self.input.as_ref().is_none_or(|it| it.matches(at.input))
            && self.output.as_ref().is_none_or(|it| it.matches(at.output))
            && self.fragment.is_none_or(|invert| header.is_later_fragment() != invert)
    }
}

/// Takes a packet through a base chain.
pub(crate) fn walk(table: &Table, base: ChainIndex, at: &mut Context<'_>, watched: bool) -> Walk {
    let mut result = Walk { end: End::Accept, walked: 0, by_policy: false, hits: Vec::new() };
    let mut stack: Vec<(ChainIndex, usize)> = Vec::new();
    let (mut index, mut place) = (base, 0);
    let length = at.header.length as u64;
    while result.walked < MAX_WALK {
        let Some(chain) = table.at(index) else { break };
        let compiled = chain.compiled(table);
        let (jumped, walked) = walk_chain(chain, &compiled, place, length, at);
        result.walked += walked;
        let Some((number, leads)) = jumped else {
            // The end of a chain: back to where it was jumped from, or the base chain's policy.
            match stack.pop() {
                Some(back) => (index, place) = back,
                None => {
                    result.end = policy(table, base, length);
                    result.by_policy = true;
                    return result;
                }
            }
            continue;
        };
        let rule = &chain.rules[number];
        if watched {
            let (chain, walked) = (chain.name.clone(), result.walked);
            result.hits.push(Hit { chain, number: number as u32 + 1, walked, rule: rule.clone() });
        }
        match leads {
            Leads::Accept => return result,
            Leads::Drop => {
                result.end = End::Drop;
                return result;
            }
            Leads::Jump(to) if stack.len() < MAX_JUMPS => {
                stack.push((index, number + 1));
                (index, place) = (to, 0);
            }
            Leads::Goto(to) => (index, place) = (to, 0),
            Leads::Return => place = usize::MAX,
            Leads::On | Leads::Nowhere | Leads::Jump(_) => place = number + 1,
            Leads::Act => match rule.spec.target.as_action().map(|action| action.act(at)) {
                None | Some(Outcome::Continue) => place = number + 1,
                Some(Outcome::Accept) => return result,
                Some(Outcome::Drop) => {
                    result.end = End::Drop;
                    return result;
                }
                Some(Outcome::Reject(with)) => {
                    result.end = End::Reject(with);
                    return result;
                }
            },
        }
    }
    result
}

/// From `place` on, the next rule that matches and has a target (those without one are counted and passed by), and
/// how many rules were looked at.
fn walk_chain(
    chain: &Chain,
    compiled: &Compiled,
    mut place: usize,
    length: u64,
    at: &mut Context<'_>,
) -> (Option<(usize, Leads)>, u32) {
    let first = place.min(chain.rules.len());
    loop {
        place = compiled.next(place, at);
        let Some(rule) = chain.rules.get(place) else {
            return (None, (chain.rules.len() - first) as u32);
        };
        if rule.matches(at) {
            rule.count(length);
            let leads = compiled.leads[place];
            if leads != Leads::On {
                return (Some((place, leads)), (place + 1 - first) as u32);
            }
        }
        place += 1;
    }
}

/// A packet came to the end of the base chain.
fn policy(table: &Table, base: ChainIndex, length: u64) -> End {
    let Some(base) = table.at(base).and_then(|chain| chain.base.as_ref()) else { return End::Accept };
    if let Some(counters) = &base.counters {
        counters.count(length);
    }
    match base.policy {
        Policy::Accept => End::Accept,
        Policy::Drop => End::Drop,
    }
}
