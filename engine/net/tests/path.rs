//! The packet path as a learner meets it: namespaces, veth, routers, errors.

mod lab;

use lab::{Lab, Pong};
use net::socket::MtuDiscover;

const REPLY: Pong = Pong::Reply { ttl: 64 };

/// a -- b on one veth, 10.0.0.0/24.
fn pair() -> Lab {
    let mut lab = Lab::new();
    lab.netns(&["a", "b"]);
    lab.veth(("a", "eth0", 0xa), ("b", "eth0", 0xb));
    lab.address("a", "eth0", "10.0.0.1/24");
    lab.address("b", "eth0", "10.0.0.2/24");
    lab
}

#[test]
fn two_namespaces_on_a_veth_reach_each_other_and_themselves() {
    let mut lab = pair();
    assert_eq!(lab.ping("a", "10.0.0.2"), REPLY);
    assert_eq!(lab.neigh("a"), ["10.0.0.2 dev eth0 02:00:00:00:00:0b REACHABLE"]);
    assert_eq!(lab.neigh("b"), ["10.0.0.1 dev eth0 02:00:00:00:00:0a DELAY"]);
    assert_eq!(lab.ping("a", "10.0.0.1"), REPLY);
    assert_eq!(lab.ping("a", "127.0.0.1"), REPLY);
    assert_eq!(lab.ping("a", "10.9.9.9"), Pong::Refused(net::Errno::ENETUNREACH));
    assert_eq!(lab.routes("a"), ["10.0.0.0/24 dev eth0 src 10.0.0.1"]);
}

#[test]
fn a_neighbour_that_does_not_answer_is_an_error_of_ones_own() {
    let mut lab = pair();
    let error = Pong::Error { by: lab::ip("10.0.0.1").into(), kind: 3, code: 1, info: 0 };
    assert_eq!(lab.ping("a", "10.0.0.9"), error);
    assert_eq!(lab.neigh("a"), ["10.0.0.9 dev eth0 FAILED"]);
    // That error travels over lo.
    lab.down("a", "lo");
    assert_eq!(lab.ping("a", "10.0.0.9"), Pong::Nothing);
}

/// a -- r -- b, with a router that forwards.
fn routed() -> Lab {
    let mut lab = Lab::new();
    lab.netns(&["a", "r", "b"]);
    lab.veth(("a", "eth0", 0xa), ("r", "ra", 1));
    lab.veth(("b", "eth0", 0xb), ("r", "rb", 2));
    lab.address("a", "eth0", "10.0.1.2/24");
    lab.address("r", "ra", "10.0.1.1/24");
    lab.address("r", "rb", "10.0.2.1/24");
    lab.address("b", "eth0", "10.0.2.2/24");
    lab.route("a", "0.0.0.0/0", "10.0.1.1");
    lab.route("b", "0.0.0.0/0", "10.0.2.1");
    lab
}

#[test]
fn a_router_forwards_only_when_told_to() {
    let mut lab = routed();
    assert_eq!(lab.ping("a", "10.0.2.2"), Pong::Nothing);
    lab.forward("r");
    assert_eq!(lab.ping("a", "10.0.2.2"), Pong::Reply { ttl: 63 });
    let exceeded = Pong::Error { by: lab::ip("10.0.1.1").into(), kind: 11, code: 0, info: 0 };
    assert_eq!(lab.ping_with("a", "10.0.2.2", 56, Some(1), MtuDiscover::Want), exceeded);
    let unknown = Pong::Error { by: lab::ip("10.0.1.1").into(), kind: 3, code: 0, info: 0 };
    assert_eq!(lab.ping("a", "172.16.0.1"), unknown);
}

#[test]
fn a_switch_learns_and_the_host_joins_it() {
    let mut lab = Lab::new();
    lab.netns(&["a", "b", "c"]);
    for (name, last) in [("a", 0xa), ("b", 0xb), ("c", 0xc)] {
        lab.veth((name, "eth0", last), ("host", &format!("port-{name}"), 0x10 + last));
        lab.address(name, "eth0", &format!("10.0.0.{last}/24"));
    }
    lab.bridge("host", "br0", &["port-a", "port-b", "port-c"]);
    assert_eq!(lab.ping("a", "10.0.0.12"), REPLY);
    lab.address("host", "br0", "10.0.0.1/24");
    assert_eq!(lab.ping("host", "10.0.0.11"), REPLY);
    assert_eq!(lab.ping("c", "10.0.0.1"), REPLY);
    let learnt: Vec<String> = lab
        .net
        .fdb(lab.ns["host"])
        .iter()
        .filter(|row| row.state == net::rtnetlink::nud::REACHABLE)
        .map(|row| format!("{} {}", row.mac, row.device))
        .collect();
    assert_eq!(learnt, ["02:00:00:00:00:0a port-a", "02:00:00:00:00:0b port-b", "02:00:00:00:00:0c port-c"]);
}

#[test]
fn a_large_packet_is_cut_and_joined_again() {
    let mut lab = pair();
    assert_eq!(lab.ping_with("a", "10.0.0.2", 4000, None, MtuDiscover::Dont), REPLY);
    assert_eq!(
        lab.ping_with("a", "10.0.0.2", 4000, None, MtuDiscover::Do),
        Pong::Refused(net::Errno::EMSGSIZE)
    );
}
