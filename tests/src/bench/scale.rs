//! What a packet costs on longer ways, and where more exists that it does not touch.

use super::Outcome;
use api::topology::Role;
use api::{MachineId, NetnsId};
use net::netfilter::text::{Caller, Names, RestoreOptions, Tool};
use net::netfilter::{Backend, Family};
use net::rtnetlink::{
    AddressRequest, BridgeRequest, LinkKind, LinkRequest, Mode, NeighbourRequest, RouteRequest, nud,
};
use net::socket::{Owner, SocketKind};
use net::{Mac, Network};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use web_time::Instant;

const PACKETS: usize = 20_000;
const PAYLOAD: [u8; 100] = [7; 100];
const PORT: u16 = 9000;

/// What there is many of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Many {
    Routes,
    Rules,
    Neighbours,
    Flows,
    Namespaces,
}

pub struct Lab {
    pub net: Network,
    machine: MachineId,
    /// Of [`Lab::routed`].
    hosts: [NetnsId; 3],
}

impl Lab {
    fn new() -> Lab {
        let mut net = Network::new(1);
        let (machine, _) = net.machine_add("bench", Role::Host);
        net.set_tracing(false);
        Lab { net, machine, hosts: [NetnsId(0); 3] }
    }

    fn netns(&mut self, name: &str) -> Outcome<NetnsId> {
        let ns = self.net.netns_add(self.machine, Some(name))?;
        for whose in ["all", "default"] {
            self.net.sysctl_set(ns, &format!("net/ipv6/conf/{whose}/disable_ipv6"), "1")?;
        }
        self.net.sysctl_set(ns, "net/ipv4/ip_forward", "1")?;
        Ok(ns)
    }

    fn veth(&mut self, (a, name): (NetnsId, &str), (b, peer): (NetnsId, &str)) -> Outcome<()> {
        let end = |ns, name: &str| LinkRequest {
            name: Some(name.to_owned()),
            netns: Some(ns),
            up: Some(true),
            ..LinkRequest::default()
        };
        let kind = Some(LinkKind::Veth { peer: Box::new(end(b, peer)) });
        self.net.link_add(a, &LinkRequest { kind, ..end(a, name) })?;
        Ok(())
    }

    fn index(&self, ns: NetnsId, name: &str) -> Outcome<u32> {
        Ok(self.net.device_index(ns, name).ok_or("no such device")?)
    }

    fn address(&mut self, ns: NetnsId, name: &str, address: Ipv4Addr, prefix: u8) -> Outcome<()> {
        let request = AddressRequest::new(self.index(ns, name)?, address.into(), prefix);
        Ok(self.net.address_add(ns, &request, Mode::Add)?)
    }

    fn route(&mut self, ns: NetnsId, to: &str, via: Ipv4Addr) -> Outcome<()> {
        Ok(self.net.route_add(ns, &RouteRequest::new(to.parse()?).via(via.into()))?)
    }

    /// Nanoseconds for each of many packets from one socket to another address.
    fn packets(&mut self, from: NetnsId, to_ns: NetnsId, to: Ipv4Addr) -> Outcome<f64> {
        let to = SocketAddr::from((to, PORT));
        self.each((from, to_ns), to, to, false)
    }

    /// Nanoseconds for each of many packets to `to`, which arrive at `inbox`; each from a socket of its own, if
    /// they are to be `new`.
    fn each(
        &mut self,
        (from, to_ns): (NetnsId, NetnsId),
        inbox: SocketAddr,
        to: SocketAddr,
        new: bool,
    ) -> Outcome<f64> {
        let place = inbox;
        let inbox = self.net.socket(to_ns, SocketKind::Udp, Owner::default())?;
        self.net.bind(inbox, place)?;
        let mut socket = self.net.socket(from, SocketKind::Udp, Owner::default())?;
        let mut started = Instant::now();
        for round in 0..PACKETS + 10 {
            if round == 10 {
                started = Instant::now();
            }
            self.net.send_to(socket, &PAYLOAD, to)?;
            let until = self.net.now() + std::time::Duration::from_secs(5);
            while self.net.recv_from(inbox).is_err() {
                if !self.net.step(until) {
                    return Err("a packet did not arrive".into());
                }
            }
            if new {
                self.net.close(socket)?;
                socket = self.net.socket(from, SocketKind::Udp, Owner::default())?;
            }
        }
        let time = started.elapsed().as_nanos() as f64 / PACKETS as f64;
        self.net.close(inbox)?;
        Ok(time)
    }
}

/// From one host to another through so many routers: nanoseconds a packet.
pub fn routers(hops: usize) -> Outcome<f64> {
    let mut lab = Lab::new();
    let all: Vec<NetnsId> = (0..hops + 2).map(|at| lab.netns(&format!("n{at}"))).collect::<Outcome<_>>()?;
    let address = |net: usize, host: u8| Ipv4Addr::new(10, (net / 250) as u8, (net % 250) as u8, host);
    for (net, pair) in all.windows(2).enumerate() {
        lab.veth((pair[0], "right"), (pair[1], "left"))?;
        lab.address(pair[0], "right", address(net, 1), 24)?;
        lab.address(pair[1], "left", address(net, 2), 24)?;
    }
    let last = address(hops, 2);
    let (first, end) = (all[0], all[hops + 1]);
    for (net, ns) in all[..hops].iter().enumerate() {
        lab.route(*ns, &format!("{last}/32"), address(net, 2))?;
    }
    for (net, ns) in all.iter().enumerate().skip(2) {
        lab.route(*ns, &format!("{}/32", address(0, 1)), address(net - 1, 1))?;
    }
    lab.net.sysctl_set(first, "net/ipv4/ip_default_ttl", "200")?;
    lab.packets(first, end, last)
}

/// From one host to another through so many bridges in a row: nanoseconds a frame.
pub fn bridges(count: usize) -> Outcome<f64> {
    let mut lab = Lab::new();
    let (a, b) = (lab.netns("a")?, lab.netns("b")?);
    let mut before = (a, "eth0".to_owned());
    let mut switches = Vec::new();
    for at in 0..=count {
        let (ns, name) = if at == count {
            (b, "eth0".to_owned())
        } else {
            (lab.netns(&format!("s{at}"))?, "left".to_owned())
        };
        lab.veth((before.0, &before.1), (ns, &name))?;
        if at < count {
            let request = LinkRequest {
                name: Some("br0".to_owned()),
                kind: Some(LinkKind::Bridge(BridgeRequest::default())),
                up: Some(true),
                ..LinkRequest::default()
            };
            lab.net.link_add(ns, &request)?;
            switches.push(ns);
        }
        before = (ns, "right".to_owned());
    }
    for ns in switches {
        let master = Some(lab.index(ns, "br0")?);
        for port in ["left", "right"] {
            let index = Some(lab.index(ns, port)?);
            lab.net.link_set(ns, &LinkRequest { index, master, ..LinkRequest::default() })?;
        }
    }
    lab.address(a, "eth0", Ipv4Addr::new(10, 0, 0, 1), 24)?;
    lab.address(b, "eth0", Ipv4Addr::new(10, 0, 0, 2), 24)?;
    lab.packets(a, b, Ipv4Addr::new(10, 0, 0, 2))
}

pub fn address(net: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, net, host)
}

impl Lab {
    /// A host, a router and another host.
    pub fn routed() -> Outcome<Lab> {
        let mut lab = Lab::new();
        let (a, r, b) = (lab.netns("a")?, lab.netns("r")?, lab.netns("b")?);
        lab.veth((a, "eth0"), (r, "left"))?;
        lab.veth((r, "right"), (b, "eth0"))?;
        lab.address(a, "eth0", address(0, 2), 24)?;
        lab.address(r, "left", address(0, 1), 24)?;
        lab.address(r, "right", address(1, 1), 24)?;
        lab.address(b, "eth0", address(1, 2), 24)?;
        lab.route(a, "0.0.0.0/0", address(0, 1))?;
        lab.route(b, "0.0.0.0/0", address(1, 1))?;
        lab.hosts = [a, r, b];
        Ok(lab)
    }

    /// Packets of one flow from the first host to the last: nanoseconds each.
    pub fn known(&mut self, inbox: SocketAddr, to: SocketAddr) -> Outcome<f64> {
        self.each((self.hosts[0], self.hosts[2]), inbox, to, false)
    }

    /// The same, each packet of a flow of its own.
    pub fn first(&mut self, inbox: SocketAddr, to: SocketAddr) -> Outcome<f64> {
        self.each((self.hosts[0], self.hosts[2]), inbox, to, true)
    }
}

/// Through one router that has so many of something else: nanoseconds a packet.
pub fn with(what: Many, count: usize) -> Outcome<f64> {
    let mut lab = Lab::routed()?;
    let [a, r, b] = lab.hosts;
    let other = |number: usize| Ipv4Addr::from(0xac10_0000 + number as u32);
    match what {
        Many::Routes => {
            for number in 0..count {
                lab.route(r, &format!("{}/32", other(number)), address(1, 2))?;
            }
        }
        Many::Rules => {
            let mut text = "*filter\n".to_owned();
            for number in 0..count {
                writeln!(text, "-A FORWARD -d {}/32 -p tcp -m tcp --dport 80 -j ACCEPT", other(number))?;
            }
            lab.restore_with(&(text + "COMMIT\n"), &RestoreOptions::default())?;
        }
        Many::Neighbours => {
            lab.address(r, "right", Ipv4Addr::new(172, 16, 255, 254), 16)?;
            for number in 0..count {
                let device = lab.index(r, "right")?;
                let request = NeighbourRequest {
                    index: device,
                    destination: other(number).into(),
                    mac: Some(Mac([2, 0, 0, 0, 0, 9])),
                    state: nud::PERMANENT,
                    flags: 0,
                    protocol: 0,
                    mode: Mode::Add,
                };
                lab.net.neighbour_add(r, &request)?;
            }
        }
        Many::Flows => {
            lab.net.sysctl_set(r, "net/netfilter/nf_conntrack_max", "262144")?;
            let rule = "*filter\n-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n";
            lab.restore_with(rule, &RestoreOptions::default())?;
            lab.flows(a, count)?;
        }
        Many::Namespaces => {
            for number in 0..count {
                lab.netns(&format!("other{number}"))?;
            }
        }
    }
    lab.packets(a, b, address(1, 2))
}

impl Lab {
    /// Rules for the router.
    pub fn restore_with(&mut self, text: &str, options: &RestoreOptions) -> Outcome<()> {
        let (ns, names) = (self.hosts[1], Names::default());
        let caller = Caller { names: &names, is_root: true, now: 0 };
        let tool = Tool::new("iptables-restore", Family::V4, Backend::Nft);
        let said = self.net.iptables_restore(ns, &tool, options, text, &caller).stderr;
        if said.is_empty() { Ok(()) } else { Err(said.into()) }
    }

    /// Datagrams to ever another port, each a flow of its own on the router.
    fn flows(&mut self, from: NetnsId, count: usize) -> Outcome<()> {
        let mut socket = self.net.socket(from, SocketKind::Udp, Owner::default())?;
        for number in 0..count {
            let port = 1 + (number % 60_000) as u16;
            if port == 1 {
                socket = self.net.socket(from, SocketKind::Udp, Owner::default())?;
            }
            let to = SocketAddr::from(([10, 0, 1, 99], port));
            self.net.send_to(socket, &PAYLOAD, to)?;
            let until = self.net.now() + std::time::Duration::from_micros(50);
            while self.net.step(until) {}
        }
        Ok(())
    }
}
