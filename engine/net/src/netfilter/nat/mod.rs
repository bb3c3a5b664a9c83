//! NAT: chooses a flow's translation once, at its first packet, and applies it to every packet of the flow.
//!
//! Stands at PREROUTING and OUTPUT (destination), INPUT and POSTROUTING (source), after conntrack. Called by
//! `netfilter/hook` and by the targets DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP.
//! Always: the reply tuple of a flow is no other flow's tuple, or its first packet is dropped when it is confirmed.
//! Differs from Linux: where a range of addresses is given, the choice among them is by another hash.
//! Sources: linux nf_nat_core.c, nf_nat_proto.c, nf_nat_masquerade.c; iptables-extensions(8).

mod mangle;

pub(crate) use mangle::translate;

use super::conntrack::{Conntrack, Direction, Flow, Tuple, status};
use super::header::{ICMP, has_ports};
use api::NetnsId;
use sim::Rng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which half of the tuple is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manip {
    Source,
    Destination,
}

impl Manip {
    pub fn other(self) -> Manip {
        match self {
            Manip::Source => Manip::Destination,
            Manip::Destination => Manip::Source,
        }
    }

    pub(super) fn done(self) -> u32 {
        match self {
            Manip::Source => status::SRC_NAT_DONE,
            Manip::Destination => status::DST_NAT_DONE,
        }
    }

    fn changed(self) -> u32 {
        match self {
            Manip::Source => status::SRC_NAT,
            Manip::Destination => status::DST_NAT,
        }
    }
}

/// What a target allows (`struct nf_nat_range2`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First and last address; `None` leaves the address.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// First and last port (or ICMP identifier).
    pub ports: Option<(u16, u16)>,
    /// `--to-destination ADDR:A-B/BASE`: the port keeps its distance from this base.
    pub base: Option<u16>,
    pub random: bool,
    pub random_fully: bool,
    pub persistent: bool,
}

impl Range {
    pub fn address(address: IpAddr) -> Range {
        Range { addresses: Some((address, address)), ..Range::default() }
    }

    fn holds_address(&self, address: IpAddr) -> bool {
        self.addresses.is_none_or(|(first, last)| (first..=last).contains(&address))
    }

    fn holds_port(&self, port: u16) -> bool {
        self.ports.is_none_or(|(first, last)| (first..=last).contains(&port))
    }

    /// Any random choice of ports asked for.
    fn is_random(&self) -> bool {
        self.random || self.random_fully
    }
}

/// Ports tried in a row before another place is tried (`max_attempts`).
const MAX_ATTEMPTS: u32 = 128;

fn part(tuple: &Tuple, manip: Manip) -> (IpAddr, u16) {
    match manip {
        Manip::Source => (tuple.source, tuple.source_port),
        Manip::Destination if tuple.protocol == ICMP => (tuple.destination, tuple.source_port),
        Manip::Destination => (tuple.destination, tuple.destination_port),
    }
}

fn set_address(tuple: &mut Tuple, manip: Manip, address: IpAddr) {
    match manip {
        Manip::Source => tuple.source = address,
        Manip::Destination => tuple.destination = address,
    }
}

fn set_port(tuple: &mut Tuple, manip: Manip, port: u16) {
    match manip {
        // The identifier is the same in both directions.
        Manip::Destination if tuple.protocol != ICMP => tuple.destination_port = port,
        _ => tuple.source_port = port,
    }
}

/// Gives an unconfirmed flow its translation. Confirmed flows keep theirs.
pub(crate) fn setup(conntrack: &mut Conntrack, flow: &mut Flow, range: &Range, manip: Manip) {
    if flow.is_confirmed() || flow.has(manip.done()) {
        return;
    }
    let Some(current) = flow.reply.inverted() else { return };
    let mut rng = conntrack.rng.clone();
    let chosen = Choice { conntrack, netns: flow.netns, range, manip }.unique(&current, &mut rng);
    conntrack.rng = rng;
    if chosen != current
        && let Some(reply) = chosen.inverted()
    {
        flow.reply = reply;
        flow.status |= manip.changed();
    }
    flow.status |= manip.done();
}

/// No rule wanted anything: the flow keeps its address, and its port unless another flow's replies have it.
pub(crate) fn setup_null(conntrack: &mut Conntrack, flow: &mut Flow, manip: Manip) {
    let address = match manip {
        Manip::Source => flow.reply.destination,
        Manip::Destination => flow.reply.source,
    };
    setup(conntrack, flow, &Range::address(address), manip);
}

struct Choice<'a> {
    conntrack: &'a Conntrack,
    netns: NetnsId,
    range: &'a Range,
    manip: Manip,
}

impl Choice<'_> {
    /// Whether replies to this tuple would be taken for another flow's packets.
    fn is_used(&self, tuple: &Tuple) -> bool {
        tuple.inverted().is_none_or(|reply| self.conntrack.find(self.netns, &reply).is_some())
    }

    fn in_range(&self, tuple: &Tuple) -> bool {
        self.range.holds_address(tuple.source)
            && (!(has_ports(tuple.protocol) || tuple.protocol == ICMP)
                || self.range.holds_port(tuple.source_port))
    }

    /// A mapping that this source has already, towards another destination.
    fn same_source(&self, current: &Tuple) -> Option<Tuple> {
        self.conntrack.of_source(self.netns, current).find_map(|flow| {
            let mapped = flow.reply.inverted()?;
            let tuple = Tuple { source: mapped.source, source_port: mapped.source_port, ..*current };
            self.in_range(&tuple).then_some(tuple)
        })
    }

    fn unique(&self, current: &Tuple, rng: &mut Rng) -> Tuple {
        if self.manip == Manip::Source && !self.range.is_random() {
            if self.in_range(current) {
                if !self.is_used(current) {
                    return *current;
                }
            } else if let Some(tuple) = self.same_source(current).filter(|tuple| !self.is_used(tuple)) {
                return tuple;
            }
        }
        let mut tuple = *current;
        self.choose_address(&mut tuple);
        if !self.range.is_random() {
            match self.range.ports {
                Some((first, last)) => {
                    let held = self.range.base.is_none() && self.range.holds_port(part(&tuple, self.manip).1);
                    if held && (first == last || !self.is_used(&tuple)) {
                        return tuple;
                    }
                }
                None if !self.is_used(&tuple) => return tuple,
                None => {}
            }
        }
        self.choose_port(&mut tuple, rng);
        tuple
    }

    /// One address of the range, the same for the same client (and server, unless persistent).
    fn choose_address(&self, tuple: &mut Tuple) {
        let Some((first, last)) = self.range.addresses else { return };
        let key = (tuple.source, (!self.range.persistent).then_some(tuple.destination));
        let hash = crate::hash::hash_of(&key);
        let pick = |first: u128, last: u128| match last.saturating_sub(first).checked_add(1) {
            Some(size) => first + u128::from(hash) % size,
            None => first,
        };
        let address = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                IpAddr::from(Ipv4Addr::from(pick(u32::from(first).into(), u32::from(last).into()) as u32))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                IpAddr::from(Ipv6Addr::from(pick(first.into(), last.into())))
            }
            _ => first,
        };
        set_address(tuple, self.manip, address);
    }

    /// Looks for a port (or ICMP identifier) that makes the tuple unique; gives up after some hundreds.
    fn choose_port(&self, tuple: &mut Tuple, rng: &mut Rng) {
        let port = part(tuple, self.manip).1;
        let (first, size): (u32, u32) = match (tuple.protocol, self.range.ports) {
            (_, Some((a, b))) if tuple.protocol == ICMP || has_ports(tuple.protocol) => {
                (a.min(b).into(), u32::from(a.abs_diff(b)) + 1)
            }
            (ICMP, _) => (0, 65536),
            (protocol, _) if !has_ports(protocol) || self.manip == Manip::Destination => return,
            // Ports below 512 stay there (rlogin's credentials), those below 1024 below 1024.
            _ if port < 512 => (1, 511),
            _ if port < 1024 => (600, 424),
            _ => (1024, 65536 - 1024),
        };
        let mut offset = match self.range.base {
            Some(base) => u32::from(port.wrapping_sub(base)),
            None => rng.below(65536),
        };
        let mut attempts = size.min(MAX_ATTEMPTS);
        loop {
            for _ in 0..attempts {
                set_port(tuple, self.manip, (first + offset % size) as u16);
                if !self.is_used(tuple) {
                    return;
                }
                offset = (offset + 1) & 0xffff;
            }
            if attempts >= size || attempts < 16 {
                return;
            }
            attempts /= 2;
            offset = rng.below(65536);
        }
    }
}

/// Whether packets of that flow are rewritten at a hook of that kind, in that direction.
pub(crate) fn is_translated(flow: &Flow, direction: Direction, manip: Manip) -> bool {
    flow.has(match direction {
        Direction::Original => manip.changed(),
        Direction::Reply => manip.other().changed(),
    })
}
