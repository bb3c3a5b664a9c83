//! Labs drawn by chance: machines in a row, pods of every kind on them, tunnels, rules; and what is done in them.
//!
//! Called by the tests of what holds in every lab. Always: a seed determines the story, and a story is nothing but
//! commands, so that a failing one can be typed again by hand ([`Story`] shows itself as such a list).
//! What is asked may be refused (a link that is gone, a rule that is twice there); it may only not break anything.

use api::lab::{CableSpec, Lab, MachineSpec, Setup};
use api::topology::Role;
use sim::Rng;
use std::fmt;
use std::time::Duration;

/// A command that is run on a machine, and how long it is left alone then.
#[derive(Clone, Debug)]
pub struct Act {
    pub on: String,
    pub run: String,
    pub pause: Duration,
}

/// A lab, and what is done in it.
#[derive(Clone, Debug)]
pub struct Story {
    pub seed: u64,
    pub lab: Lab,
    pub acts: Vec<Act>,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        for Setup { on, run } in &self.lab.setup {
            writeln!(f, "{on}# {run}")?;
        }
        for Act { on, run, pause } in &self.acts {
            writeln!(f, "{on}# {run}; sleep {}", pause.as_secs_f32())?;
        }
        Ok(())
    }
}

/// Where a command may be run: a machine, or a namespace of it.
#[derive(Clone, Debug)]
struct Place {
    machine: usize,
    netns: Option<String>,
    /// Its devices, for those who tear them down.
    devices: Vec<String>,
}

struct Draw {
    rng: Rng,
    machines: usize,
    places: Vec<Place>,
    addresses: Vec<String>,
    setup: Vec<Setup>,
}

const FILTERS: &[&str] = &[
    "iptables -A FORWARD -p icmp -m statistic --mode random --probability 0.3 -j DROP",
    "iptables -A FORWARD -p tcp --dport 8080 -j REJECT --reject-with tcp-reset",
    "iptables -A INPUT -p udp --dport 9000 -j REJECT",
    "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "iptables -A OUTPUT -m ttl --ttl-lt 5 -j DROP",
    "iptables -t mangle -A PREROUTING -j TTL --ttl-dec 3",
    "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
    "iptables -t raw -A PREROUTING -p icmp -j CT --notrack",
    "iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE",
    "iptables -t nat -A POSTROUTING -o eth0 -p udp -j MASQUERADE --to-ports 5000-5003",
    "iptables -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.0.0.2",
    "iptables -t nat -A OUTPUT -d 10.96.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.2:8080",
    "iptables -t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 8080",
    "ipset create s hash:ip; ipset add s 10.1.0.2; iptables -A FORWARD -m set --match-set s src -j ACCEPT",
    "ip rule add from 10.0.0.0/16 lookup 7; ip route add 10.1.0.0/16 via 192.168.0.2 table 7",
    "ip route add blackhole 10.2.0.0/16",
    "ip route add unreachable 10.1.1.0/24",
    "ip route add prohibit 10.0.1.0/24",
    "sysctl -qw net.ipv4.conf.all.rp_filter=1",
    "sysctl -qw net.ipv4.conf.all.proxy_arp=1",
    "sysctl -qw net.ipv4.ip_forward=0",
    "sysctl -qw net.netfilter.nf_conntrack_max=4",
    "ip link set eth0 mtu 1200",
    "ip link set eth1 mtu 600",
];

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.rng.below(bound as u32) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len());
        from[at].clone()
    }

    fn on(&mut self, machine: usize, run: String) {
        self.setup.push(Setup { on: format!("m{machine}"), run });
    }

    /// Cards, addresses, and routes to all the others: a row of routers.
    fn machine(&mut self, at: usize) {
        let last = self.machines - 1;
        let mut devices = Vec::new();
        self.on(at, "sysctl -qw net.ipv4.ip_forward=1".to_owned());
        if !self.one_in(4) {
            self.on(at, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1".to_owned());
        }
        if at > 0 {
            let net = at - 1;
            self.on(at, format!("ip addr add 192.168.{net}.2/24 dev eth0; ip link set eth0 up"));
            (0..at).for_each(|other| {
                self.on(at, format!("ip route add 10.{other}.0.0/16 via 192.168.{net}.1"));
                if other < net {
                    self.on(at, format!("ip route add 192.168.{other}.0/24 via 192.168.{net}.1"));
                }
            });
            devices.push("eth0".to_owned());
            self.addresses.push(format!("192.168.{net}.2"));
        }
        if at < last {
            self.on(at, format!("ip addr add 192.168.{at}.1/24 dev eth1; ip link set eth1 up"));
            (at + 1..=last).for_each(|other| {
                self.on(at, format!("ip route add 10.{other}.0.0/16 via 192.168.{at}.2"));
                if other < last {
                    self.on(at, format!("ip route add 192.168.{other}.0/24 via 192.168.{at}.2"));
                }
            });
            devices.push("eth1".to_owned());
            self.addresses.push(format!("192.168.{at}.1"));
        }
        // What nobody knows goes round between two of them until its TTL is spent.
        let onward = if at < last { format!("192.168.{at}.2") } else { format!("192.168.{}.1", at - 1) };
        self.on(at, format!("ip route add default via {onward}"));
        self.places.push(Place { machine: at, netns: None, devices });
    }

    fn pod(&mut self, machine: usize, number: usize) {
        let (pod, gateway) = (format!("p{number}"), format!("10.{machine}.{number}.1"));
        let address = format!("10.{machine}.{number}.2");
        let mtu = self.pick(&[1500, 1500, 1450, 900]);
        self.on(machine, format!("ip netns add {pod}; ip -n {pod} link set lo up"));
        let veth = format!("ip link add v{number} type veth peer name eth0 netns {pod}");
        let mut device = "eth0";
        let outside = match self.below(5) {
            0 => {
                let stp = self.below(2);
                self.on(machine, format!("ip link add br{number} type bridge stp_state {stp} forward_delay 200; {veth}; ip link set v{number} master br{number} up"));
                format!("br{number}")
            }
            1 => {
                device = "eth0.7";
                self.on(machine, format!("{veth}; ip link set v{number} up; ip -n {pod} link set eth0 up"));
                self.on(machine, format!("ip link add link v{number} name w{number} type vlan id 7; ip -n {pod} link add link eth0 name eth0.7 type vlan id 7"));
                format!("w{number}")
            }
            2 => {
                let kind = self.pick(&["macvlan mode bridge", "ipvlan mode l2", "ipvlan mode l3"]);
                self.on(machine, format!("ip link add u{number} type dummy; ip link set u{number} up; ip link add link u{number} name x{number} type {kind}; ip link add link u{number} name eth0 netns {pod} type {kind}"));
                format!("x{number}")
            }
            _ => {
                self.on(machine, veth);
                format!("v{number}")
            }
        };
        self.on(machine, format!("ip addr add {gateway}/24 dev {outside}; ip link set {outside} up"));
        self.on(machine, format!("ip -n {pod} addr add {address}/24 dev {device}; ip -n {pod} link set {device} up; ip -n {pod} link set {device} mtu {mtu}; ip -n {pod} route add default via {gateway}"));
        self.addresses.extend([gateway, address]);
        self.places[machine].devices.push(outside);
        self.places.push(Place { machine, netns: Some(pod), devices: vec![device.to_owned()] });
    }

    /// A tunnel between the first machine and the last.
    fn tunnel(&mut self) {
        let last = self.machines - 1;
        let ends = ["192.168.0.1".to_owned(), format!("192.168.{}.2", last - 1)];
        let is_vxlan = self.one_in(2);
        let mtu = self.pick(&[1450, 1500, 1300]);
        for (at, local, remote) in [(0, &ends[0], &ends[1]), (last, &ends[1], &ends[0])] {
            let add = if is_vxlan {
                format!("ip link add t0 type vxlan id 42 local {local} remote {remote} dstport 4789")
            } else {
                format!("ip link add t0 type ipip local {local} remote {remote}")
            };
            self.on(
                at,
                format!("{add}; ip link set t0 mtu {mtu} up; ip addr add 172.16.0.{}/24 dev t0", at + 1),
            );
            self.addresses.push(format!("172.16.0.{}", at + 1));
            self.places[at].devices.push("t0".to_owned());
        }
    }

    fn at(&mut self, place: &Place, run: &str, pause: u64) -> Act {
        let run = match &place.netns {
            Some(netns) => format!("ip netns exec {netns} {run}"),
            None => run.to_owned(),
        };
        Act { on: format!("m{}", place.machine), run, pause: Duration::from_millis(pause) }
    }

    fn talk(&mut self) -> Act {
        let places = self.places.clone();
        let place = self.pick(&places);
        let addresses = self.addresses.clone();
        let to = match self.below(8) {
            0 => "10.96.0.1".to_owned(),
            1 => "10.77.1.1".to_owned(),
            _ => self.pick(&addresses),
        };
        let run = match self.below(8) {
            0 => format!("ping -c 2 -i 0.2 -W 1 -s {} {to}", self.rng.below(4000)),
            1 => format!("ping -c 1 -W 1 -t {} {to}", 1 + self.rng.below(6)),
            2 => format!("ping -c 1 -W 1 -M do -s {} {to}", self.pick(&[572, 1172, 1422, 1472])),
            3 => format!("bash -c 'echo hello | nc -u -w 1 {to} 9000'"),
            4 => format!("bash -c 'seq 3000 | nc -w 2 {to} 8080'"),
            5 => format!("nc -z -w 1 {to} 81"),
            6 => format!("traceroute -n -q 1 -w 1 -m 6 {to}"),
            _ => format!("dig +time=1 +tries=1 @{to} a.b"),
        };
        let pause = self.pick(&[0, 10, 500]);
        self.at(&place, &run, pause)
    }

    /// Something is taken away, or changed, while packets may be under way.
    fn tear(&mut self) -> Act {
        let places = self.places.clone();
        let place = self.pick(&places);
        let device = self.pick(&place.devices);
        let run = match self.below(8) {
            0 => format!("ip link del {device}"),
            1 => format!("ip link set {device} down"),
            2 | 3 => format!("ip link set {device} up"),
            4 => format!("ip link set {device} mtu {}", self.pick(&[576, 1280, 1500])),
            5 => format!("ip addr flush dev {device}"),
            6 => "ip neigh flush all".to_owned(),
            _ => self.pick(FILTERS).to_owned(),
        };
        self.at(&place, &format!("bash -c '{run}'"), 0)
    }
}

impl Story {
    /// `acts` commands in a lab; one in six of them tears something down.
    pub fn drawn(seed: u64, acts: usize) -> Story {
        let mut draw = Draw {
            rng: Rng::stream(seed, "story"),
            machines: 0,
            places: Vec::new(),
            addresses: Vec::new(),
            setup: Vec::new(),
        };
        draw.machines = 2 + draw.below(3);
        let mut cables = Vec::new();
        for at in 1..draw.machines {
            cables.push(CableSpec {
                ends: (format!("m{}:eth1", at - 1), format!("m{at}:eth0")),
                latency_us: draw.pick(&[10, 100, 2000]),
                mbit: draw.pick(&[0, 0, 10]),
                loss_permille: draw.pick(&[0, 0, 100]),
                macs: None,
            });
        }
        (0..draw.machines).for_each(|at| draw.machine(at));
        for machine in 0..draw.machines {
            (0..draw.below(4)).for_each(|number| draw.pod(machine, number));
            if draw.one_in(2) {
                let rule = draw.pick(FILTERS).to_owned();
                draw.on(machine, rule);
            }
        }
        if draw.one_in(2) {
            draw.tunnel();
        }
        let mut done = Vec::new();
        for place in draw.places.clone() {
            done.push(draw.at(
                &place,
                "bash -c 'nc -lk -p 8080 >/dev/null & nc -ulk -p 9000 >/dev/null &'",
                0,
            ));
        }
        for _ in 0..acts {
            done.push(if draw.one_in(6) { draw.tear() } else { draw.talk() });
        }
        let machine = |at| MachineSpec { name: format!("m{at}"), role: Role::Router, at: None };
        let machines = (0..draw.machines).map(machine).collect();
        let lab = Lab { name: format!("story {seed}"), machines, cables, setup: draw.setup, cluster: None };
        Story { seed, lab, acts: done }
    }
}
