//! The packet path as a learner meets it: namespaces, veth, routers, errors.

mod lab;

use lab::{Lab, Pong};
use net::Errno;
use net::rtnetlink::*;
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
    assert_eq!(lab.ping("a", "10.9.9.9"), Pong::Refused(Errno::ENETUNREACH));
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
        .filter(|row| row.state == nud::REACHABLE)
        .map(|row| format!("{} {}", row.mac, row.device))
        .collect();
    assert_eq!(learnt, ["02:00:00:00:00:0a port-a", "02:00:00:00:00:0b port-b", "02:00:00:00:00:0c port-c"]);
}

#[test]
fn a_large_packet_is_cut_and_joined_again() {
    let mut lab = pair();
    assert_eq!(lab.ping_with("a", "10.0.0.2", 4000, None, MtuDiscover::Dont), REPLY);
    assert_eq!(lab.ping_with("a", "10.0.0.2", 4000, None, MtuDiscover::Do), Pong::Refused(Errno::EMSGSIZE));
}

/// A link of that kind on `lower`, up.
fn put_on(lab: &mut Lab, ns: &str, lower: &str, name: &str, kind: LinkKind) -> NetlinkResult<()> {
    let request = LinkRequest {
        name: Some(name.to_owned()),
        link: Some(lab.index(ns, lower)),
        kind: Some(kind),
        up: Some(true),
        ..LinkRequest::default()
    };
    lab.net.link_add(lab.ns[ns], &request).map(drop)
}

fn vlan(id: u16) -> LinkKind {
    LinkKind::Vlan(VlanRequest { id: Some(id), ..VlanRequest::default() })
}

#[test]
fn a_tower_of_devices_ends_and_does_not_stand_on_itself() {
    let mut lab = Lab::new();
    lab.add("host", "v0", LinkKind::Dummy);
    for level in 1..8 {
        let put = put_on(&mut lab, "host", &format!("v{}", level - 1), &format!("v{level}"), vlan(level));
        assert_eq!(put, Ok(()), "{level}");
    }
    assert_eq!(put_on(&mut lab, "host", "v7", "v8", vlan(8)), Err(Errno::EMLINK.into()));
    lab.bridge("host", "br0", &[]);
    assert_eq!(put_on(&mut lab, "host", "br0", "br0.7", vlan(7)), Ok(()));
    let master = Some(lab.index("host", "br0"));
    let index = Some(lab.index("host", "br0.7"));
    let request = LinkRequest { index, master, ..LinkRequest::default() };
    assert_eq!(lab.net.link_set(lab.ns["host"], &request), Err(Errno::EBUSY.into()));
}

#[test]
fn a_vlan_device_on_a_bridge_port_gets_its_frames() {
    let mut lab = pair();
    lab.bridge("b", "br0", &["eth0"]);
    for (ns, last) in [("a", 1), ("b", 2)] {
        assert_eq!(put_on(&mut lab, ns, "eth0", "eth0.7", vlan(7)), Ok(()));
        lab.address(ns, "eth0.7", &format!("10.0.7.{last}/24"));
    }
    assert_eq!(lab.ping("a", "10.0.7.2"), REPLY);
}

#[test]
fn a_vxlan_goes_with_the_device_it_was_given_last() {
    let mut lab = Lab::new();
    lab.add("host", "d0", LinkKind::Dummy);
    lab.add("host", "d1", LinkKind::Dummy);
    let kind = |link| {
        LinkKind::Vxlan(Box::new(VxlanRequest { id: Some(1), link: Some(link), ..VxlanRequest::default() }))
    };
    let (first, second) = (lab.index("host", "d0"), lab.index("host", "d1"));
    lab.add("host", "vx", kind(first));
    lab.set("host", "vx", LinkRequest { kind: Some(kind(second)), ..LinkRequest::default() });
    lab.net.link_delete(lab.ns["host"], first).expect("a dummy");
    assert!(lab.net.device_index(lab.ns["host"], "vx").is_some());
    lab.net.link_delete(lab.ns["host"], second).expect("a dummy");
    assert!(lab.net.device_index(lab.ns["host"], "vx").is_none());
}

#[test]
fn the_connected_route_follows_its_address_metric() {
    let mut lab = pair();
    let priorities = |lab: &Lab| -> Vec<u32> {
        let routes = lab.net.routes(lab.ns["a"], Family::Inet, Some(table::MAIN)).expect("the main table");
        routes.iter().map(|route| route.priority).collect()
    };
    let mut request = AddressRequest::new(lab.index("a", "eth0"), lab::ip("10.0.0.1").into(), 24);
    for metric in [Some(100), Some(50), None] {
        request.metric = metric;
        assert_eq!(lab.net.address_add(lab.ns["a"], &request, Mode::Replace), Ok(()));
        assert_eq!(priorities(&lab), [metric.unwrap_or(0)]);
    }
    assert_eq!(lab.net.address_delete(lab.ns["a"], &request), Ok(()));
    assert_eq!(priorities(&lab), []);
}

#[test]
fn a_macvlan_keeps_its_routes_when_its_mac_changes() {
    let mut lab = pair();
    let mode = Some(MacvlanMode::Bridge);
    assert_eq!(put_on(&mut lab, "a", "eth0", "mac0", LinkKind::Macvlan { mode }), Ok(()));
    lab.address("a", "mac0", "10.0.9.1/24");
    lab.route("a", "10.1.0.0/16", "10.0.9.9");
    let before = lab.routes("a");
    lab.set("a", "mac0", LinkRequest { mac: Some(net::Mac([2, 0, 0, 0, 9, 9])), ..LinkRequest::default() });
    assert_eq!(lab.routes("a"), before);
    let taken = LinkRequest {
        index: Some(lab.index("a", "mac0")),
        mac: Some(net::Mac([2, 0, 0, 0, 0, 0xa])),
        ..LinkRequest::default()
    };
    assert_eq!(lab.net.link_set(lab.ns["a"], &taken), Err(Errno::EADDRINUSE.into()));
}
