//! Netfilter as the rest of the world calls it: the path at each hook, commands with text, the clock for expiry.
//!
//! Always: a namespace without rules has no state here.

use super::conntrack::{Conntrack, Event, Flow, FlowId, Settings, Statistics, Tracked, Tuple};
use super::hook::State;
use super::memory::LogLine;
use super::table::{Chain, Table, Tables};
use super::text::{self, Caller, Output, RestoreOptions, SaveOptions, Tool};
use super::{HookState, HookVerdict, ipset};
use crate::network::Event as Due;
use crate::{Errno, Network, Packet};
use api::{DeviceId, NetnsId};
use sim::{Instant, Ticket};
use std::net::{IpAddr, SocketAddr};

/// What of netfilter the network holds.
#[derive(Debug)]
pub struct Netfilter {
    /// By namespace; `None` where nobody asked for anything yet.
    states: Vec<Option<Box<State>>>,
    conntrack: Option<Box<Conntrack>>,
    /// When flows are looked at next.
    timer: Option<(Instant, Ticket)>,
}

impl Netfilter {
    pub(crate) fn new(seed: u64) -> Netfilter {
        Netfilter { states: Vec::new(), conntrack: Some(Box::new(Conntrack::new(seed))), timer: None }
    }

    fn state(&self, ns: NetnsId) -> Option<&State> {
        self.states.get(ns.0 as usize)?.as_deref()
    }

    fn state_mut(&mut self, ns: NetnsId) -> &mut State {
        let at = ns.0 as usize;
        if at >= self.states.len() {
            self.states.resize_with(at + 1, || None);
        }
        self.states[at].get_or_insert_default()
    }

    fn conntrack(&self) -> &Conntrack {
        self.conntrack.as_deref().expect("conntrack is lent for one hook only")
    }

    fn conntrack_mut(&mut self) -> &mut Conntrack {
        self.conntrack.as_deref_mut().expect("conntrack is lent for one hook only")
    }
}

impl State {
    /// Other tables from now on.
    pub(super) fn replace_tables(&mut self, tables: Tables) {
        self.tables = tables;
        self.memory.recent.sync(&self.tables);
        self.hang();
    }
}

/// The path's calls.
impl Network {
    /// Takes `packet`, whose data start at its IP header, through one hook: every table there, conntrack and NAT.
    ///
    /// Addresses, ports and mark may be others afterwards; the path routes anew where they are (at OUTPUT).
    pub(crate) fn netfilter(&mut self, state: &HookState, packet: &mut Packet) -> HookVerdict {
        let slot = self.netfilter.states.get_mut(state.netns.0 as usize);
        let Some(mut here) = slot.and_then(Option::take) else { return HookVerdict::Accept };
        let mut conntrack = self.netfilter.conntrack.take().expect("conntrack is lent for one hook only");
        let mut stops = self.netfilter_is_watched().then(Vec::new);
        let verdict = here.pass(&mut conntrack, &*self, state, packet, self.now, stops.as_mut());
        self.netfilter.conntrack = Some(conntrack);
        self.netfilter.states[state.netns.0 as usize] = Some(here);
        self.netfilter_stops(packet, state.netns, stops.unwrap_or_default());
        self.conntrack_set_timer();
        verdict
    }

    /// Whether fragments have to be joined before PREROUTING and OUTPUT (`nf_defrag_ipv4`).
    pub(crate) fn netfilter_joins_fragments(&self, ns: NetnsId) -> bool {
        self.netfilter.state(ns).is_some_and(State::is_tracking)
    }

    /// A namespace is gone, with its rules and flows.
    pub(crate) fn netfilter_netns_gone(&mut self, ns: NetnsId) {
        if let Some(slot) = self.netfilter.states.get_mut(ns.0 as usize) {
            *slot = None;
        }
        let now = self.now;
        self.netfilter.conntrack_mut().remove_netns(ns, now);
    }

    /// A device went down, or lost `address` (all, where `None`): flows masqueraded with it are forgotten.
    pub(crate) fn netfilter_device_changed(
        &mut self,
        ns: NetnsId,
        device: DeviceId,
        address: Option<IpAddr>,
    ) {
        let now = self.now;
        self.netfilter.conntrack_mut().remove_where(ns, now, |flow| {
            flow.masquerade == Some(device) && address.is_none_or(|gone| flow.reply.destination == gone)
        });
    }

    /// Flows whose time has come are forgotten.
    pub(crate) fn conntrack_due(&mut self) {
        self.netfilter.timer = None;
        let now = self.now;
        self.netfilter.conntrack_mut().expire(now);
        self.conntrack_set_timer();
    }

    fn conntrack_set_timer(&mut self) {
        let Some(next) = self.netfilter.conntrack().next_end() else { return };
        if let Some((at, ticket)) = self.netfilter.timer {
            if at <= next {
                return;
            }
            self.queue.cancel(ticket);
        }
        let ticket = self.queue.push(next.max(self.now), Due::Conntrack);
        self.netfilter.timer = Some((next, ticket));
    }
}

/// One chain, for whoever looks at a namespace without a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownChain {
    pub table: String,
    pub chain: String,
    /// Of a base chain.
    pub policy: Option<&'static str>,
    /// Text, packets, bytes.
    pub rules: Vec<(String, u64, u64)>,
}

/// The commands' calls.
impl Network {
    pub fn iptables(
        &mut self,
        ns: NetnsId,
        tool: &Tool,
        arguments: &[String],
        caller: &Caller<'_>,
    ) -> Output {
        text::iptables(self.netfilter.state_mut(ns), tool, arguments, caller)
    }

    /// `text` is the file's content.
    pub fn iptables_restore(
        &mut self,
        ns: NetnsId,
        tool: &Tool,
        options: &RestoreOptions,
        text: &str,
        caller: &Caller<'_>,
    ) -> Output {
        text::iptables_restore(self.netfilter.state_mut(ns), tool, options, text, caller)
    }

    pub fn iptables_save(
        &mut self,
        ns: NetnsId,
        tool: &Tool,
        options: &SaveOptions,
        caller: &Caller<'_>,
    ) -> Output {
        text::iptables_save(self.netfilter.state_mut(ns), tool, options, caller)
    }

    /// Every chain of every table as it stands: table, chain, its policy, and its rules as `iptables -S` prints them,
    /// with their packets and bytes. Looking makes no table and no chain.
    pub fn chains_shown(&self, ns: NetnsId) -> Vec<ShownChain> {
        let tables = self.netfilter.state(ns).map(|state| state.tables.list.as_slice()).unwrap_or_default();
        let shown = |table: &Table, chain: &Chain| ShownChain {
            table: table.name.to_string(),
            chain: chain.name.to_string(),
            policy: chain.base.as_ref().map(|base| base.policy.name()),
            rules: chain
                .rules
                .iter()
                .map(|rule| {
                    (text::save::rule_text(&chain.name, &rule.spec), rule.packets.get(), rule.bytes.get())
                })
                .collect(),
        };
        tables.iter().flat_map(|table| table.chains().into_iter().map(|chain| shown(table, chain))).collect()
    }

    /// Runs `ipset ARGS`; `input` is what `restore` reads.
    pub fn ipset(&mut self, ns: NetnsId, args: &[String], is_root: bool, input: &str) -> ipset::Output {
        let now = self.now;
        // Any number does: nothing is ever placed by it.
        let letters = args.iter().flat_map(|arg| arg.bytes());
        let initval = letters.fold(now.since(Instant::BOOT).subsec_nanos() ^ 0x811c_9dc5, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        let state = self.netfilter.state_mut(ns);
        let mut references = std::collections::BTreeMap::new();
        for name in state.memory.sets.names() {
            let rules = state.tables.rules().filter(|rule| rule.spec.names_set(&name)).count();
            references.insert(name.clone(), rules + state.memory.sets.members_named(&name));
        }
        let caller = ipset::Caller { now, is_root, references: &references, initval, input };
        ipset::run(&mut state.memory.sets, args, &caller)
    }

    /// Lines that LOG wrote, the oldest first.
    pub fn kernel_log(&self, ns: NetnsId) -> Vec<LogLine> {
        self.netfilter.state(ns).map(|state| state.memory.logged()).unwrap_or_default()
    }

    pub fn kernel_log_clear(&mut self, ns: NetnsId) {
        self.netfilter.state_mut(ns).memory.clear_log();
    }

    /// `/proc/net/xt_recent`: the lists, and one of them.
    pub fn recent_lists(&self, ns: NetnsId) -> Vec<String> {
        let names = self.netfilter.state(ns).map(|state| state.memory.recent.names());
        names.unwrap_or_default().into_iter().map(str::to_owned).collect()
    }

    pub fn recent_list(&self, ns: NetnsId, name: &str) -> Option<String> {
        self.netfilter.state(ns)?.memory.recent.show(name)
    }

    /// A line written to the file of a list. EINVAL where it says nothing.
    pub fn recent_write(&mut self, ns: NetnsId, name: &str, line: &str) -> Result<(), Errno> {
        let now = self.now;
        match self.netfilter.state_mut(ns).memory.recent.write(name, line, now) {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        }
    }

    /// The flows of a namespace, oldest first.
    pub fn flows(&self, ns: NetnsId) -> Vec<(FlowId, &Flow)> {
        let now = self.now;
        let mut flows = self.netfilter.conntrack().list(ns);
        flows.retain(|(_, flow)| flow.expires > now);
        flows
    }

    /// As the kernel counts: with flows that were taken out, but to which a packet that waits for a MAC still belongs.
    pub fn flow_count(&self, ns: NetnsId) -> u32 {
        let conntrack = self.netfilter.conntrack();
        let waiting = self.netns[ns].neighbours.iter().flat_map(|(_, entry)| &entry.waiting);
        let mut held: Vec<FlowId> = waiting
            .filter_map(|packet| match packet.tracked {
                Tracked::Confirmed(id, _) => Some(id).filter(|id| conntrack.flow(*id).is_none()),
                _ => None,
            })
            .collect();
        held.sort_unstable();
        held.dedup();
        conntrack.count(ns) + held.len() as u32
    }

    pub fn flow_delete(&mut self, id: FlowId) -> bool {
        let now = self.now;
        self.netfilter.conntrack_mut().remove(id, now).is_some()
    }

    /// Changes one flow by hand; it is told to listeners.
    pub fn flow_change(&mut self, id: FlowId, change: impl FnOnce(&mut Flow)) {
        let now = self.now;
        self.netfilter.conntrack_mut().change(id, now, change);
    }

    /// Puts a flow in by hand. EEXIST where one of its tuples is taken.
    pub fn flow_add(&mut self, flow: Flow) -> Result<(), Errno> {
        let now = self.now;
        let added = self.netfilter.conntrack_mut().insert(Box::new(flow), now);
        self.conntrack_set_timer();
        added.map(|_| ()).map_err(|_| Errno::EEXIST)
    }

    pub fn flow_statistics(&self, ns: NetnsId) -> Statistics {
        self.netfilter.conntrack().statistics(ns)
    }

    /// Someone listens to the flows of a namespace (`conntrack -E`); the number of the next event.
    pub fn flow_listen(&mut self, ns: NetnsId) -> u64 {
        self.netfilter.conntrack_mut().listen(ns)
    }

    pub fn flow_stop_listening(&mut self, ns: NetnsId) {
        self.netfilter.conntrack_mut().stop_listening(ns);
    }

    /// Events from number `from` on, and the number of the next.
    pub fn flow_events(&self, ns: NetnsId, from: u64) -> (Vec<Event>, u64) {
        self.netfilter.conntrack().events_since(ns, from)
    }

    /// `SO_ORIGINAL_DST`: where a redirected connection was meant to go. `tuple` is that of the packets that reach
    /// the socket: from the peer to the socket's own address.
    pub(crate) fn flow_original_destination(
        &self,
        ns: NetnsId,
        peer: SocketAddr,
        own: SocketAddr,
        protocol: u8,
    ) -> Option<SocketAddr> {
        // The socket's answers are the flow's reply.
        let answer = Tuple {
            source: own.ip(),
            destination: peer.ip(),
            protocol,
            source_port: own.port(),
            destination_port: peer.port(),
        };
        let (id, _) = self.netfilter.conntrack().find(ns, &answer)?;
        let original = &self.netfilter.conntrack().flow(id)?.original;
        Some(SocketAddr::new(original.destination, original.destination_port))
    }

    /// `/proc/sys/net/netfilter/NAME`
    pub fn netfilter_sysctl(&self, ns: NetnsId, name: &str) -> Option<u64> {
        let conntrack = self.netfilter.conntrack();
        let defaults = Settings::default();
        conntrack.settings(ns).unwrap_or(&defaults).get(name, conntrack.count(ns))
    }

    pub fn netfilter_sysctl_set(&mut self, ns: NetnsId, name: &str, value: u32) -> Result<(), Errno> {
        self.netfilter.conntrack_mut().space(ns).settings.set(name, value)
    }

    /// Every name below `net/netfilter/`, sorted.
    pub fn netfilter_sysctl_names(&self) -> Vec<&'static str> {
        Settings::names()
    }
}
