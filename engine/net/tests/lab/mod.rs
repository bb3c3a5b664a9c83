//! A small lab for tests of the whole stack: namespaces and links by name, pings as facts.

#![allow(dead_code, reason = "each test file uses its part")]

use api::topology::Role;
use api::{DropReason, JourneyId, MachineId, NetnsId};
use net::rtnetlink::*;
use net::socket::{MtuDiscover, ReceivedError};
use net::{Errno, Mac, Network, Owner, SocketKind, SocketOption};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub struct Lab {
    pub net: Network,
    pub machine: MachineId,
    pub ns: BTreeMap<String, NetnsId>,
}

pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an IPv4 address")
}

/// What a ping brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pong {
    /// From there, with that TTL.
    Reply {
        ttl: u8,
    },
    /// An ICMP error: who, type, code.
    Error {
        by: IpAddr,
        kind: u8,
        code: u8,
        info: u32,
    },
    Refused(Errno),
    Nothing,
}

impl Lab {
    /// One machine, `host`, without IPv6 talk.
    pub fn new() -> Lab {
        let mut net = Network::new(7);
        let (machine, ns) = net.machine_add("host", Role::Host);
        let mut lab = Lab { net, machine, ns: BTreeMap::from([("host".to_owned(), ns)]) };
        lab.quiet("host");
        lab
    }

    pub fn quiet(&mut self, ns: &str) {
        for whose in ["all", "default"] {
            self.sysctl(ns, &format!("net/ipv6/conf/{whose}/disable_ipv6"), "1");
        }
    }

    pub fn sysctl(&mut self, ns: &str, path: &str, value: &str) {
        self.net.sysctl_set(self.ns[ns], path, value).expect("a sysctl that can be set");
    }

    pub fn machine(&mut self, name: &str) -> NetnsId {
        let (_, ns) = self.net.machine_add(name, Role::Host);
        self.ns.insert(name.to_owned(), ns);
        self.quiet(name);
        ns
    }

    pub fn netns(&mut self, names: &[&str]) {
        for name in names {
            let ns = self.net.netns_add(self.machine, Some(name)).expect("room for a namespace");
            self.ns.insert((*name).to_owned(), ns);
            self.quiet(name);
            self.up(name, "lo");
        }
    }

    pub fn index(&self, ns: &str, name: &str) -> u32 {
        self.net.device_index(self.ns[ns], name).unwrap_or_else(|| panic!("{ns} has no {name}"))
    }

    pub fn set(&mut self, ns: &str, name: &str, request: LinkRequest) {
        let index = Some(self.index(ns, name));
        self.net.link_set(self.ns[ns], &LinkRequest { index, ..request }).expect("a change of a link");
    }

    pub fn up(&mut self, ns: &str, name: &str) {
        self.set(ns, name, LinkRequest { up: Some(true), ..LinkRequest::default() });
    }

    pub fn down(&mut self, ns: &str, name: &str) {
        self.set(ns, name, LinkRequest { up: Some(false), ..LinkRequest::default() });
    }

    /// Both ends up; an end reads (namespace, name, last byte of its MAC).
    pub fn veth(&mut self, a: (&str, &str, u8), b: (&str, &str, u8)) {
        let end = |lab: &Lab, (ns, name, last): (&str, &str, u8)| LinkRequest {
            name: Some(name.to_owned()),
            netns: Some(lab.ns[ns]),
            mac: Some(Mac([2, 0, 0, 0, 0, last])),
            ..LinkRequest::default()
        };
        let peer = Box::new(end(self, b));
        let request = LinkRequest { kind: Some(LinkKind::Veth { peer }), ..end(self, a) };
        self.net.link_add(self.ns["host"], &request).expect("a veth pair");
        self.up(a.0, a.1);
        self.up(b.0, b.1);
    }

    pub fn add(&mut self, ns: &str, name: &str, kind: LinkKind) {
        let request = LinkRequest { name: Some(name.to_owned()), kind: Some(kind), ..LinkRequest::default() };
        self.net.link_add(self.ns[ns], &request).expect("a new link");
        self.up(ns, name);
    }

    pub fn bridge(&mut self, ns: &str, name: &str, ports: &[&str]) {
        self.add(ns, name, LinkKind::Bridge(BridgeRequest::default()));
        for port in ports {
            let master = Some(self.index(ns, name));
            self.set(ns, port, LinkRequest { master, ..LinkRequest::default() });
        }
    }

    pub fn address(&mut self, ns: &str, name: &str, address: &str) {
        let (local, prefix) = address.split_once('/').expect("ADDRESS/PREFIX");
        let request =
            AddressRequest::new(self.index(ns, name), ip(local).into(), prefix.parse().expect("a prefix"));
        self.net.address_add(self.ns[ns], &request, Mode::Add).expect("a new address");
    }

    pub fn route(&mut self, ns: &str, to: &str, via: &str) {
        let to = to.parse().expect("a prefix");
        let request = RouteRequest::new(to).via(ip(via).into());
        self.net.route_add(self.ns[ns], &request).expect("a new route");
    }

    pub fn forward(&mut self, ns: &str) {
        self.sysctl(ns, "net/ipv4/ip_forward", "1");
    }

    pub fn run(&mut self, time: Duration) {
        let until = self.net.now() + time;
        while self.net.step(until) {}
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    pub fn ping(&mut self, ns: &str, to: &str) -> Pong {
        self.ping_with(ns, to, 56, None, MtuDiscover::Want)
    }

    /// One echo request with so many bytes, and what came of it within five seconds.
    pub fn ping_with(&mut self, ns: &str, to: &str, size: usize, ttl: Option<u8>, mtu: MtuDiscover) -> Pong {
        self.sysctl(ns, "net/ipv4/ping_group_range", "0 2147483647");
        let net = &mut self.net;
        let id = net.socket(self.ns[ns], SocketKind::Icmp, Owner::default()).expect("a socket");
        net.set_option(id, SocketOption::RecvErr(true)).expect("an option");
        net.set_option(id, SocketOption::MtuDiscover(mtu)).expect("an option");
        if let Some(ttl) = ttl {
            net.set_option(id, SocketOption::Ttl(ttl)).expect("an option");
        }
        let mut message = vec![8, 0, 0, 0, 0, 0, 0, 1];
        message.resize(8 + size, b'.');
        let to = SocketAddr::from((ip(to), 0));
        let sent = net.send_to(id, &message, to);
        let pong = match sent {
            Err(errno) => Pong::Refused(errno),
            Ok(_) => self.pong(id),
        };
        self.net.close(id).expect("a socket that is open");
        pong
    }

    fn pong(&mut self, id: net::SocketId) -> Pong {
        let until = self.net.now() + Duration::from_secs(5);
        loop {
            if let Ok(datagram) = self.net.recv_from(id) {
                return Pong::Reply { ttl: datagram.ttl };
            }
            if let Ok(ReceivedError { offender: Some(by), icmp_type, icmp_code, info, .. }) =
                self.net.recv_error(id)
            {
                return Pong::Error { by, kind: icmp_type, code: icmp_code, info };
            }
            if !self.net.step(until) {
                return Pong::Nothing;
            }
        }
    }

    /// `10.0.0.2 dev eth0 02:00:00:00:00:0b REACHABLE`
    pub fn neigh(&self, ns: &str) -> Vec<String> {
        let rows = self.net.neighbours(self.ns[ns], Family::Inet, false);
        rows.iter()
            .map(|row| {
                let mac = row.mac.map_or(String::new(), |mac| format!("{mac} "));
                let state = match row.state {
                    nud::INCOMPLETE => "INCOMPLETE",
                    nud::REACHABLE => "REACHABLE",
                    nud::STALE => "STALE",
                    nud::DELAY => "DELAY",
                    nud::PROBE => "PROBE",
                    nud::FAILED => "FAILED",
                    nud::PERMANENT => "PERMANENT",
                    _ => "?",
                };
                format!("{} dev {} {mac}{state}", row.destination, row.device)
            })
            .collect()
    }

    /// Routes of table main, roughly as `ip route` prints them.
    pub fn routes(&self, ns: &str) -> Vec<String> {
        let rows = self.net.routes(self.ns[ns], Family::Inet, Some(table::MAIN)).expect("the main table");
        rows.iter()
            .map(|row| {
                let hop = row.nexthops.first();
                let via = hop.and_then(|hop| hop.gateway).map_or(String::new(), |it| format!(" via {it}"));
                let dev = hop.map_or(String::new(), |hop| format!(" dev {}", hop.device));
                let src = row.prefsrc.map_or(String::new(), |it| format!(" src {it}"));
                let down = if row.flags & nexthop_flags::LINKDOWN != 0 { " linkdown" } else { "" };
                format!("{}{via}{dev}{src}{down}", row.destination)
            })
            .collect()
    }

    /// Why the newest packet that was dropped was dropped.
    pub fn last_drop(&self, since: JourneyId) -> Option<DropReason> {
        self.net.journeys_since(since).iter().rev().find_map(|journey| match journey.verdict {
            Some(api::journey::Verdict::Dropped(reason)) => Some(reason),
            _ => None,
        })
    }
}
