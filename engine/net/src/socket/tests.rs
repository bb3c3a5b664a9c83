//! Sockets over a bare wire: no path, no devices.

use super::route::wire::{WIRE, Wire};
use super::*;
use crate::Network;
use crate::ip::header::{Fields, push};
use ::api::NetnsId;
use sim::{Instant, Rng};
use std::net::Ipv4Addr;
use std::time::Duration;

const A: NetnsId = NetnsId(1);
const B: NetnsId = NetnsId(2);

struct Lab {
    network: Network,
    log: Vec<String>,
    /// Of a thousand packets.
    loss: u32,
    rng: Rng,
    delay: Duration,
    under_way: std::collections::VecDeque<(Instant, NetnsId, Packet)>,
}

fn lab(mtu: u32) -> Lab {
    WIRE.with_borrow_mut(|wire| {
        *wire = Wire {
            addresses: vec![(A, Ipv4Addr::new(10, 0, 0, 1)), (B, Ipv4Addr::new(10, 0, 0, 2))],
            mtu,
            ..Wire::default()
        };
    });
    let mut network = Network::new(1);
    for name in ["nobody", "a", "b"] {
        network.machine_add(name, ::api::topology::Role::Host);
    }
    Lab {
        network,
        log: Vec::new(),
        loss: 0,
        rng: Rng::stream(1, "loss"),
        delay: Duration::from_micros(100),
        under_way: Default::default(),
    }
}

impl Lab {
    fn socket(&mut self, ns: NetnsId, kind: SocketKind) -> SocketId {
        self.network.socket(ns, kind, Owner::default()).expect("room for a socket")
    }

    fn collect(&mut self) {
        let sent: Vec<_> = WIRE.with_borrow_mut(|wire| wire.queue.drain(..).collect());
        for (to, packet) in sent {
            self.log.push(tcp::describe(packet.data()));
            if self.rng.below(1000) >= self.loss {
                self.under_way.push_back((self.network.now + self.delay, to, packet));
            } else {
                self.log.push("  lost".into());
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.network.now + time;
        loop {
            self.collect();
            let arrival = self.under_way.front().map(|(at, ..)| *at);
            let timer = self.network.next_at();
            match (arrival, timer) {
                (Some(at), timer) if timer.is_none_or(|timer| at <= timer) && at <= end => {
                    self.network.now = at;
                    let (_, to, mut packet) = self.under_way.pop_front().expect("just seen");
                    assert!(!matches!(
                        self.network.deliver(to, &mut packet),
                        Delivery::Unreachable { code: 255, .. }
                    ));
                }
                (_, Some(timer)) if timer <= end => drop(self.network.step(timer)),
                _ => break,
            }
        }
        self.network.now = end;
    }

    fn pair(&mut self, port: u16) -> (SocketId, SocketId) {
        let server = self.socket(B, SocketKind::Tcp);
        self.network.bind(server, SocketAddr::from(([0, 0, 0, 0], port))).expect("a free port");
        self.network.listen(server, 5).expect("bound");
        let client = self.socket(A, SocketKind::Tcp);
        assert_eq!(
            self.network.connect(client, SocketAddr::from(([10, 0, 0, 2], port))),
            Err(Errno::EINPROGRESS)
        );
        self.run(Duration::from_secs(8));
        let (accepted, _) = self.network.accept(server).expect("a connection");
        (client, accepted)
    }
}

#[test]
fn a_short_talk_looks_as_on_linux() {
    let mut lab = lab(1500);
    let (client, server) = lab.pair(7);
    lab.network.send(client, b"hello\n").expect("connected");
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.network.recv(server, 100), Ok(b"hello\n".to_vec()));
    lab.network.send(server, b"hello\n").expect("connected");
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.network.recv(client, 100), Ok(b"hello\n".to_vec()));
    lab.network.close(client).expect("open");
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.network.recv(server, 100), Ok(vec![]));
    lab.network.close(server).expect("open");
    lab.run(Duration::from_secs(61));
    assert_eq!(
        lab.log,
        [
            "10.0.0.1 [S] 0 win 64240",
            "10.0.0.2 [S.] 0 win 65160",
            "10.0.0.1 [.] 0 win 63",
            "10.0.0.1 [P.] 6 win 63",
            "10.0.0.2 [.] 0 win 63",
            "10.0.0.2 [P.] 6 win 63",
            "10.0.0.1 [.] 0 win 63",
            "10.0.0.1 [F.] 0 win 63",
            "10.0.0.2 [F.] 0 win 63",
            "10.0.0.1 [.] 0 win 63",
        ]
    );
    assert_eq!(lab.network.sockets(A), []);
}

#[test]
fn a_closed_port_refuses() {
    let mut lab = lab(1500);
    let client = lab.socket(A, SocketKind::Tcp);
    assert_eq!(lab.network.connect(client, SocketAddr::from(([10, 0, 0, 2], 81))), Err(Errno::EINPROGRESS));
    lab.run(Duration::from_millis(1));
    assert_eq!(lab.log[1], "10.0.0.2 [R.] 0 win 0");
    assert_eq!(lab.network.take_woken(), [client]);
    assert_eq!(lab.network.take_error(client), Ok(Some(Errno::ECONNREFUSED)));
    assert_eq!(lab.network.send(client, b"x"), Err(Errno::EPIPE));
}

#[test]
fn syns_go_out_every_second_then_slower_and_time_out_after_131_seconds() {
    let mut lab = lab(1500);
    lab.loss = 1000;
    let client = lab.socket(A, SocketKind::Tcp);
    assert_eq!(lab.network.connect(client, SocketAddr::from(([10, 0, 0, 2], 80))), Err(Errno::EINPROGRESS));
    let mut at = Vec::new();
    for second in 0..140 {
        let before = lab.log.len();
        lab.run(Duration::from_millis(if second == 0 { 500 } else { 1000 }));
        if lab.log.len() > before {
            at.push(second);
        }
        if lab.network.readiness(client).expect("open").error {
            at.push(second);
            break;
        }
    }
    assert_eq!(at, [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 131]);
    assert_eq!(lab.network.take_error(client), Ok(Some(Errno::ETIMEDOUT)));
}

#[test]
fn data_arrives_whole_whatever_is_lost() {
    for (loss, mtu) in [(0, 1500), (20, 1500), (100, 1450), (200, 576), (50, 65536)] {
        let mut lab = lab(mtu);
        let (client, server) = lab.pair(80);
        lab.loss = loss;
        let sent: Vec<u8> = (0..300_000_u32).map(|n| (n * 7 + n / 251) as u8).collect();
        let (mut at, mut got) = (0, Vec::new());
        for _ in 0..1_000_000 {
            if at < sent.len() {
                at += lab.network.send(client, &sent[at..]).unwrap_or(0);
            }
            while let Ok(bytes) = lab.network.recv(server, 5000) {
                got.extend(bytes);
            }
            if got.len() == sent.len() {
                break;
            }
            lab.run(Duration::from_millis(1));
        }
        assert!(got == sent, "{loss} of 1000 lost at MTU {mtu}: {} of {} came", got.len(), sent.len());
    }
}

#[test]
fn the_backlog_lets_one_more_in_than_asked_for() {
    let mut lab = lab(1500);
    let server = lab.socket(B, SocketKind::Tcp);
    lab.network.bind(server, SocketAddr::from(([0, 0, 0, 0], 80))).expect("free");
    lab.network.listen(server, 1).expect("bound");
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let client = lab.socket(A, SocketKind::Tcp);
            let begun = lab.network.connect(client, SocketAddr::from(([10, 0, 0, 2], 80)));
            assert_eq!(begun, Err(Errno::EINPROGRESS));
            lab.run(Duration::from_millis(10));
            client
        })
        .collect();
    let connected: Vec<bool> =
        clients.iter().map(|id| lab.network.readiness(*id).expect("open").writable).collect();
    assert_eq!(connected, [true, true, false]);
    let row = &lab.network.sockets(B)[0];
    assert_eq!((row.state, row.receive_queue, row.send_queue), (SocketState::Listen, 2, 1));
}

#[test]
fn a_udp_port_is_taken_once_and_gives_up_its_datagrams_in_order() {
    let mut lab = lab(1500);
    let server = lab.socket(B, SocketKind::Udp);
    let again = lab.socket(B, SocketKind::Udp);
    let any = SocketAddr::from(([0, 0, 0, 0], 53));
    assert_eq!(lab.network.bind(server, any), Ok(()));
    assert_eq!(lab.network.bind(again, any), Err(Errno::EADDRINUSE));
    let client = lab.socket(A, SocketKind::Udp);
    for word in ["one", "two"] {
        let to = SocketAddr::from(([10, 0, 0, 2], 53));
        assert_eq!(lab.network.send_to(client, word.as_bytes(), to), Ok(3));
    }
    WIRE.with_borrow_mut(|wire| {
        for (to, mut packet) in wire.queue.drain(..) {
            assert_eq!(lab.network.deliver(to, &mut packet), Delivery::Delivered(server));
        }
    });
    let got = lab.network.recv_from(server).expect("a datagram");
    assert_eq!((got.bytes, got.from.ip()), (b"one".to_vec(), Ipv4Addr::new(10, 0, 0, 1).into()));
    assert_eq!(lab.network.recv(server, 2), Ok(b"tw".to_vec()));
    assert_eq!(lab.network.recv(server, 2), Err(Errno::EAGAIN));
}

#[test]
fn a_datagram_shorter_than_its_header_is_dropped() {
    let mut lab = lab(1500);
    let fields = Fields {
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        protocol: header::UDP_PROTOCOL,
        ttl: 64,
        tos: 0,
        identification: 0,
        dont_fragment: true,
    };
    for length in 0..header::UDP {
        let mut packet = Packet::new(::api::JourneyId(0), &vec![0; length]);
        push(&mut packet, &fields);
        let outcome = lab.network.deliver(B, &mut packet);
        assert_eq!(outcome, Delivery::Dropped(::api::DropReason::PktTooSmall), "{length} bytes");
    }
}
