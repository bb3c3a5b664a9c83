//! The five hooks: what hangs on each, in the kernel's order, and a packet's way through it.
//!
//! Called by the path, once a hook. Always: tables, conntrack, NAT and confirmation come in the order of their
//! priorities: raw −300, conntrack −200, mangle −150, nat (destination) −100, filter 0, security, nat (source) 100,
//! confirmation last; conntrack is there only while a rule needs it.
//! Differs from Linux: IPv6 packets pass unseen.
//! Sources: linux netfilter_ipv4.h (nf_ip_hook_priorities), nf_nat_core.c (nf_nat_inet_fn).

use super::chain::{End, Walk, walk};
use super::conntrack::{Direction, Info, Relation, Tracked, Tracking, Tuple, status};
use super::context::{Context, Surroundings};
use super::header::{Header, ICMP};
use super::memory::Memory;
use super::nat::{self, Manip};
use super::rule::Family;
use super::table::{ChainIndex, ChainKind, Tables};
use super::{Conntrack, Hook, HookState, HookVerdict};
use crate::Packet;
use crate::trace::note::{Endpoint, Hit, Note};
use api::DropReason;
use sim::Instant;

/// One thing that hangs on a hook.
#[derive(Clone, Debug)]
enum Step {
    Chain(usize, ChainIndex),
    Conntrack,
    /// All chains of type nat at this hook.
    Nat(Vec<(usize, ChainIndex)>),
    Confirm,
}

const CONNTRACK: i32 = -200;
const NAT_DESTINATION: i32 = -100;
const NAT_SOURCE: i32 = 100;
const CONFIRM: i32 = i32::MAX;

/// All of one namespace.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub tables: Tables,
    pub memory: Memory,
    /// By hook; made anew with every change of the tables.
    steps: [Vec<Step>; 5],
    tracking: bool,
}

impl State {
    /// Whether conntrack is on (and fragments are joined ahead of it).
    pub fn is_tracking(&self) -> bool {
        self.tracking
    }

    /// After every change of the tables: what hangs where.
    pub fn hang(&mut self) {
        self.tracking = self.tables.rules().any(|rule| rule.spec.needs_conntrack());
        let bases = || {
            let tables = self.tables.list.iter().enumerate();
            let mine = tables.filter(|(_, table)| table.family == Family::V4);
            mine.flat_map(|(at, table)| {
                table.base_chains().map(move |(index, _, base)| (at, index, base.clone()))
            })
        };
        let has_nat = bases().any(|(.., base)| base.kind == ChainKind::Nat);
        for hook in Hook::ALL {
            // Equal priorities: what was registered later goes first.
            let mut found: Vec<(i32, u64, Step)> = Vec::new();
            let mut nat: Vec<(i32, u64, (usize, ChainIndex))> = Vec::new();
            for (at, index, base) in bases().filter(|(.., base)| base.hook == hook) {
                let order = u64::MAX - base.registered;
                match base.kind {
                    ChainKind::Nat => nat.push((base.priority, order, (at, index))),
                    _ => found.push((base.priority, order, Step::Chain(at, index))),
                }
            }
            nat.sort_by_key(|(priority, order, _)| (*priority, *order));
            let source = matches!(hook, Hook::Input | Hook::Postrouting);
            if self.tracking {
                match hook {
                    Hook::Prerouting | Hook::Output => found.push((CONNTRACK, 0, Step::Conntrack)),
                    Hook::Input | Hook::Postrouting => found.push((CONFIRM, 0, Step::Confirm)),
                    Hook::Forward => {}
                }
                if has_nat && hook != Hook::Forward {
                    let priority = if source { NAT_SOURCE } else { NAT_DESTINATION };
                    let chains = nat.into_iter().map(|(.., chain)| chain).collect();
                    found.push((priority, 0, Step::Nat(chains)));
                }
            }
            found.sort_by_key(|(priority, order, _)| (*priority, *order));
            self.steps[hook as usize] = found.into_iter().map(|(.., step)| step).collect();
        }
    }

    /// A packet's way through one hook. Stops are recorded where `stops` is given.
    pub fn pass(
        &mut self,
        conntrack: &mut Conntrack,
        surroundings: &dyn Surroundings,
        state: &HookState,
        packet: &mut Packet,
        now: Instant,
        mut stops: Option<&mut Vec<Note>>,
    ) -> HookVerdict {
        let steps = &self.steps[state.hook as usize];
        let Some(header) = Header::read(packet.data()).filter(|it| !steps.is_empty() && it.source.is_ipv4())
        else {
            return HookVerdict::Accept;
        };
        let name = |device: Option<_>| device.map(|it| surroundings.device_name(it)).unwrap_or_default();
        let mut at = Context {
            packet,
            header,
            state,
            input: name(state.input),
            output: name(state.output),
            physical_input: name(state.physical_input),
            physical_output: name(state.physical_output),
            surroundings,
            conntrack,
            memory: &mut self.memory,
            now,
        };
        for step in steps {
            let verdict = match step {
                Step::Chain(table, chain) => {
                    let walk = walk(&self.tables.list[*table], *chain, &mut at, stops.is_some());
                    note_walk(&self.tables, *table, *chain, &walk, state.hook, stops.as_deref_mut());
                    verdict(walk.end)
                }
                Step::Conntrack => track(&mut at, stops.as_deref_mut()),
                Step::Nat(chains) => translate(&self.tables, chains, &mut at, stops.as_deref_mut()),
                Step::Confirm => {
                    let mut tracked = std::mem::take(&mut at.packet.tracked);
                    let confirmed = at.conntrack.confirm(&mut tracked, now);
                    at.packet.tracked = tracked;
                    confirmed.map_or_else(HookVerdict::Drop, |()| HookVerdict::Accept)
                }
            };
            if verdict != HookVerdict::Accept {
                return verdict;
            }
        }
        HookVerdict::Accept
    }
}

fn verdict(end: End) -> HookVerdict {
    match end {
        End::Accept => HookVerdict::Accept,
        End::Drop => HookVerdict::Drop(DropReason::NetfilterDrop),
        End::Reject(with) => HookVerdict::Reject(with),
    }
}

/// Which rules decided or acted, and the policy where the chain ended in it.
fn note_walk(
    tables: &Tables,
    table: usize,
    base: ChainIndex,
    walk: &Walk,
    hook: Hook,
    stops: Option<&mut Vec<Note>>,
) {
    let Some(stops) = stops else { return };
    let table = &tables.list[table];
    stops.extend(walk.hits.iter().map(|hit| {
        Note::Rule(Hit {
            hook,
            table: table.name.clone(),
            chain: hit.chain.clone(),
            number: hit.number,
            walked: hit.walked,
            rule: hit.rule.clone(),
        })
    }));
    let Some(chain) = table.at(base) else { return };
    let (true, Some(base)) = (walk.by_policy && walk.walked > 0 || walk.end == End::Drop, &chain.base) else {
        return;
    };
    if walk.by_policy {
        stops.push(Note::Policy {
            hook,
            table: table.name.clone(),
            chain: chain.name.clone(),
            walked: walk.walked,
            policy: base.policy.name(),
        });
    }
}

/// Conntrack at PREROUTING and OUTPUT.
fn track(at: &mut Context<'_>, stops: Option<&mut Vec<Note>>) -> HookVerdict {
    // A packet that comes round over loopback keeps its flow.
    if !matches!(at.packet.tracked, Tracked::Unseen) {
        return HookVerdict::Accept;
    }
    let tracked = at.conntrack.track(Tracking {
        netns: at.state.netns,
        incoming: at.state.hook == Hook::Prerouting,
        sound: at.packet.sound > 0,
        header: &at.header,
        bytes: at.packet.data(),
        now: at.now,
    });
    match tracked {
        Ok(tracked) => at.packet.tracked = tracked,
        Err(reason) => return HookVerdict::Drop(reason),
    }
    if let Some(stops) = stops {
        let (state, tuple) = match at.flow() {
            Some((flow, info)) => (relation_name(info.relation), Some(*flow.tuple(info.direction))),
            None => ("INVALID", Tuple::of(&at.header, at.packet.data())),
        };
        stops.push(Note::Conntrack { state, tuple });
    }
    HookVerdict::Accept
}

fn relation_name(relation: Relation) -> &'static str {
    match relation {
        Relation::New => "NEW",
        Relation::Established => "ESTABLISHED",
        Relation::Related => "RELATED",
    }
}

/// NAT at one hook: a new flow gets its translation, every packet of a translated flow is rewritten.
fn translate(
    tables: &Tables,
    chains: &[(usize, ChainIndex)],
    at: &mut Context<'_>,
    mut stops: Option<&mut Vec<Note>>,
) -> HookVerdict {
    let drop = HookVerdict::Drop(DropReason::NetfilterDrop);
    let manip = match at.state.hook {
        Hook::Input | Hook::Postrouting => Manip::Source,
        _ => Manip::Destination,
    };
    let Some((flow, info)) = at.flow() else { return HookVerdict::Accept };
    let done = flow.has(manip.done());
    let is_error = info.relation == Relation::Related && at.header.protocol == ICMP;
    if info.relation != Relation::Established && !is_error && !done {
        for (table, chain) in chains {
            let walk = walk(&tables.list[*table], *chain, at, stops.is_some());
            note_walk(tables, *table, *chain, &walk, at.state.hook, stops.as_deref_mut());
            if walk.end != End::Accept {
                return verdict(walk.end);
            }
            if at.flow().is_none_or(|(flow, _)| flow.has(manip.done())) {
                break;
            }
        }
        let mut tracked = std::mem::take(&mut at.packet.tracked);
        if let Tracked::Carried(flow, _) = &mut tracked {
            nat::setup_null(at.conntrack, flow, manip);
        }
        at.packet.tracked = tracked;
    } else if has_moved(at, info) {
        if let Tracked::Confirmed(id, _) = at.packet.tracked {
            at.conntrack.remove(id, at.now);
        }
        return drop;
    }
    rewrite(at, info, manip, stops)
}

/// A masqueraded flow that now leaves by another device than the one whose address it took.
fn has_moved(at: &Context<'_>, info: Info) -> bool {
    let masquerade = at.flow().and_then(|(flow, _)| flow.masquerade);
    at.state.hook == Hook::Postrouting
        && info.direction == Direction::Original
        && masquerade.is_some_and(|device| at.state.output != Some(device))
}

fn rewrite(at: &mut Context<'_>, info: Info, manip: Manip, stops: Option<&mut Vec<Note>>) -> HookVerdict {
    let tracked = std::mem::take(&mut at.packet.tracked);
    let before = stops.is_some().then(|| endpoint(at, manip));
    let translated = match at.conntrack.flow_of(&tracked) {
        Some((flow, _)) if flow.has(status::NAT) && nat::is_translated(flow, info.direction, manip) => {
            Some(nat::translate(at.packet.data_mut(), flow, info, manip))
        }
        _ => None,
    };
    at.packet.tracked = tracked;
    match translated {
        None => return HookVerdict::Accept,
        Some(false) => return HookVerdict::Drop(DropReason::NetfilterDrop),
        Some(true) => at.read_header_anew(),
    }
    if let (Some(stops), Some(before)) = (stops, before) {
        let kind = match (info.direction, manip) {
            (Direction::Original, Manip::Destination) => "DNAT",
            (Direction::Original, Manip::Source) => "SNAT",
            (Direction::Reply, Manip::Source) => "un-DNAT",
            (Direction::Reply, Manip::Destination) => "un-SNAT",
        };
        stops.push(Note::Nat { kind, before, after: endpoint(at, manip) });
    }
    HookVerdict::Accept
}

/// The address (and port) that is rewritten, as it stands.
fn endpoint(at: &Context<'_>, manip: Manip) -> Endpoint {
    let ports = at.header.ports(at.packet.data());
    match manip {
        Manip::Source => Endpoint { address: at.header.source, port: ports.map(|(source, _)| source) },
        Manip::Destination => {
            Endpoint { address: at.header.destination, port: ports.map(|(_, destination)| destination) }
        }
    }
}
