//! The way that most packets of a cluster go: from a pod through a Service's address (DNAT) and VXLAN to another pod.
//!
//! The lab is flannel-shaped: a pod on each of two nodes.

use super::Outcome;
use api::lab::{CableSpec, Lab, MachineSpec, Setup};
use api::topology::Role;
use net::socket::{Owner, SocketId, SocketKind};
use std::net::SocketAddr;
use web_time::Instant;
use world::World;

const FLOWS: usize = 100;
const PACKETS: usize = 200_000;
const PAYLOAD: usize = 1_422;
const STREAM_BYTES: usize = 512 << 20;
const CONNECTIONS: usize = 20_000;
/// So many are made before their TIME-WAITs are let go: a client has 28,232 ports, and a search for a free one among
/// few is not what is to be measured.
const AT_ONCE: usize = 5_000;
const TIME_WAIT: u64 = 60_000_000_000;
/// Virtual time an exchange may take before the bench gives up.
const PATIENCE: u64 = 30_000_000_000;

/// Two nodes with a pod each, an overlay, and the Service 10.96.0.20:80 → 10.244.2.2:8080 on the first.
fn lab() -> Lab {
    let machine = |name: &str| MachineSpec { name: name.to_owned(), role: Role::Node, at: None };
    let mut setup = Vec::new();
    for (own, other) in [(1, 2), (2, 1)] {
        for run in [
            "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.ip_forward=1".to_owned(),
            format!("ip link set eth0 up; ip addr add 192.168.1.1{own}/24 dev eth0"),
            format!(
                "ip netns add pod; ip link add cni0 type bridge; ip addr add 10.244.{own}.1/24 dev cni0; ip link set cni0 up"
            ),
            "ip link add veth0 type veth peer name eth0 netns pod; ip link set veth0 master cni0 up"
                .to_owned(),
            format!(
                "ip -n pod link set lo up; ip -n pod addr add 10.244.{own}.2/24 dev eth0; ip -n pod link set eth0 mtu 1450 up"
            ),
            format!("ip -n pod route add default via 10.244.{own}.1"),
            format!(
                "ip link add flannel.1 address 02:00:00:00:0f:0{own} type vxlan id 1 dstport 8472 local 192.168.1.1{own} dev eth0 nolearning"
            ),
            format!("ip addr add 10.244.{own}.0/32 dev flannel.1; ip link set flannel.1 up"),
            format!("ip route add 10.244.{other}.0/24 via 10.244.{other}.0 dev flannel.1 onlink"),
            format!(
                "ip neigh add 10.244.{other}.0 lladdr 02:00:00:00:0f:0{other} dev flannel.1 nud permanent"
            ),
            format!("bridge fdb add 02:00:00:00:0f:0{other} dev flannel.1 dst 192.168.1.1{other}"),
        ] {
            setup.push(Setup { on: format!("node{own}"), run });
        }
    }
    for kind in ["tcp", "udp"] {
        let run = format!(
            "iptables -t nat -A PREROUTING -d 10.96.0.20/32 -p {kind} --dport 80 -j DNAT --to-destination 10.244.2.2:8080"
        );
        setup.push(Setup { on: "node1".to_owned(), run });
    }
    let cable = CableSpec {
        ends: ("node1:eth0".to_owned(), "node2:eth0".to_owned()),
        latency_us: 50,
        mbit: 0,
        loss_permille: 0,
        macs: None,
    };
    Lab {
        name: "bench".to_owned(),
        machines: vec![machine("node1"), machine("node2")],
        cables: vec![cable],
        setup,
        cluster: None,
    }
}

/// The world with a socket factory in each pod.
struct Bench {
    world: World,
    client: api::NetnsId,
    server: api::NetnsId,
}

impl Bench {
    fn new() -> Outcome<Bench> {
        let world = World::boot(&lab(), 1);
        let pod = |node: &str| {
            world.netns(node, Some("pod")).ok_or(format!("{node} has no pod: the set-up failed"))
        };
        Ok(Bench { client: pod("node1")?, server: pod("node2")?, world })
    }

    fn net(&mut self) -> &mut net::Network {
        &mut self.world.system_mut().net
    }

    /// With everything the page shows, or with nothing of it: journeys, frames in flight, frames kept.
    fn watched(&mut self, on: bool) {
        let net = self.net();
        net.set_tracing(on);
        net.set_watching(on);
        net.set_capturing(on);
    }

    fn socket(&mut self, on: api::NetnsId, kind: SocketKind) -> Outcome<SocketId> {
        Ok(self.net().socket(on, kind, Owner::default())?)
    }

    /// Runs the network until `done`, or says that it never was.
    fn until<T>(&mut self, mut done: impl FnMut(&mut net::Network) -> Outcome<Option<T>>) -> Outcome<T> {
        let end = sim::Instant::from_nanos(self.world.now() + PATIENCE);
        loop {
            if let Some(answer) = done(self.net())? {
                return Ok(answer);
            }
            if !self.net().step(end) {
                return Err("the exchange did not end".into());
            }
        }
    }
}

fn service() -> SocketAddr {
    SocketAddr::from(([10, 96, 0, 20], 80))
}

fn listener() -> SocketAddr {
    SocketAddr::from(([10, 244, 2, 2], 8080))
}

/// One-way UDP packets through the Service: nanoseconds each.
pub fn packets(tracing: bool) -> Outcome<f64> {
    let mut bench = Bench::new()?;
    let (client, server) = (bench.client, bench.server);
    let inbox = bench.socket(server, SocketKind::Udp)?;
    bench.net().bind(inbox, listener())?;
    let sockets: Vec<SocketId> =
        (0..FLOWS).map(|_| bench.socket(client, SocketKind::Udp)).collect::<Outcome<_>>()?;
    let payload = [7; PAYLOAD];
    bench.watched(tracing);
    let send = |bench: &mut Bench, socket: SocketId| -> Outcome<()> {
        bench.net().send_to(socket, &payload, service())?;
        bench.until(|net| Ok(net.recv_from(inbox).ok()))?;
        Ok(())
    };
    for socket in &sockets {
        send(&mut bench, *socket)?;
    }
    let started = Instant::now();
    for round in 0..PACKETS {
        send(&mut bench, sockets[round % FLOWS])?;
    }
    Ok(started.elapsed().as_nanos() as f64 / PACKETS as f64)
}

/// A TCP connection through the Service, both ends.
fn connection(bench: &mut Bench, inbox: SocketId) -> Outcome<(SocketId, SocketId)> {
    let socket = bench.socket(bench.client, SocketKind::Tcp)?;
    match bench.net().connect(socket, service()) {
        Ok(()) | Err(net::Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno.into()),
    }
    let (accepted, _) = bench.until(|net| match net.accept(inbox) {
        Ok(pair) => Ok(Some(pair)),
        Err(net::Errno::EAGAIN) => Ok(None),
        Err(errno) => Err(errno.into()),
    })?;
    Ok((socket, accepted))
}

fn listen(bench: &mut Bench) -> Outcome<SocketId> {
    let inbox = bench.socket(bench.server, SocketKind::Tcp)?;
    bench.net().bind(inbox, listener())?;
    bench.net().listen(inbox, 128)?;
    bench.watched(false);
    Ok(inbox)
}

/// One TCP stream across the overlay: gigabits a second.
pub fn stream() -> Outcome<f64> {
    let mut bench = Bench::new()?;
    let inbox = listen(&mut bench)?;
    let (from, to) = connection(&mut bench, inbox)?;
    let chunk = vec![7; 1 << 16];
    let started = Instant::now();
    let (mut sent, mut got) = (0, 0);
    bench.until(|net| {
        while sent < STREAM_BYTES {
            match net.send(from, &chunk) {
                Ok(0) | Err(net::Errno::EAGAIN) => break,
                Ok(count) => sent += count,
                Err(errno) => return Err(errno.into()),
            }
        }
        while let Ok(bytes) = net.recv(to, 1 << 20) {
            got += bytes.len();
            if bytes.is_empty() {
                break;
            }
        }
        Ok((got >= STREAM_BYTES).then_some(()))
    })?;
    Ok(got as f64 * 8.0 / started.elapsed().as_secs_f64() / 1e9)
}

/// Connections through the Service, opened and closed: so many a second.
pub fn connections() -> Outcome<f64> {
    let mut bench = Bench::new()?;
    let inbox = listen(&mut bench)?;
    let started = Instant::now();
    for made in 0..CONNECTIONS {
        if made % AT_ONCE == AT_ONCE - 1 {
            let later = sim::Instant::from_nanos(bench.net().now().nanos() + TIME_WAIT);
            while bench.net().step(later) {}
        }
        let (client, server) = connection(&mut bench, inbox)?;
        bench.net().close(client)?;
        bench.until(|net| Ok(net.readiness(server)?.readable.then_some(())))?;
        bench.net().close(server)?;
    }
    Ok(CONNECTIONS as f64 / started.elapsed().as_secs_f64())
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: 10.96.0.20\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
const OK: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n\r\nNOW: 2026-11-21 21:10\r\n";
const REQUESTS: usize = 100_000;
const REQUESTS_SINGLE: usize = 10_000;

/// The bytes that have come, taken in; nothing before they are whole.
fn taken(net: &mut net::Network, socket: SocketId, whole: usize) -> Outcome<Option<()>> {
    match net.recv(socket, whole) {
        Ok(bytes) if bytes.len() == whole => Ok(Some(())),
        Ok(bytes) => Err(format!("{} of {whole} bytes came", bytes.len()).into()),
        Err(net::Errno::EAGAIN) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn exchange(bench: &mut Bench, client: SocketId, server: SocketId) -> Outcome<()> {
    bench.net().send(client, GET)?;
    bench.until(|net| taken(net, server, GET.len()))?;
    bench.net().send(server, OK)?;
    bench.until(|net| taken(net, client, OK.len()))
}

/// Requests over connections that stay, one after the other: so many a second.
pub fn requests_kept() -> Outcome<f64> {
    let mut bench = Bench::new()?;
    let inbox = listen(&mut bench)?;
    let pairs: Vec<_> = (0..FLOWS).map(|_| connection(&mut bench, inbox)).collect::<Outcome<_>>()?;
    let started = Instant::now();
    for number in 0..REQUESTS {
        let (client, server) = pairs[number % FLOWS];
        exchange(&mut bench, client, server)?;
    }
    Ok(REQUESTS as f64 / started.elapsed().as_secs_f64())
}

/// Requests each with a connection of its own, which the server closes: so many a second.
pub fn requests_single() -> Outcome<f64> {
    let mut bench = Bench::new()?;
    let inbox = listen(&mut bench)?;
    let started = Instant::now();
    for _ in 0..REQUESTS_SINGLE {
        let (client, server) = connection(&mut bench, inbox)?;
        exchange(&mut bench, client, server)?;
        bench.net().close(server)?;
        bench.until(|net| Ok(net.readiness(client)?.readable.then_some(())))?;
        bench.net().close(client)?;
    }
    Ok(REQUESTS_SINGLE as f64 / started.elapsed().as_secs_f64())
}
