//! VXLAN between machines, path MTU, loops and the spanning tree.

mod lab;

use api::DropReason;
use lab::{Lab, Pong, ip};
use net::rtnetlink::*;
use net::socket::MtuDiscover;
use net::{Cable, Mac};
use std::time::Duration;

const REPLY: Pong = Pong::Reply { ttl: 64 };

/// Two machines on a cable, each with a pod on a bridge and a VXLAN port there.
fn two_hosts() -> Lab {
    let mut lab = Lab::new();
    for (host, pod, number) in [("h1", "p1", 1), ("h2", "p2", 2)] {
        let ns = lab.machine(host);
        lab.net.nic_add(ns, "eth0", Some(Mac([2, 0, 0, 0, 1, number]))).expect("a card");
        lab.netns(&[pod]);
        lab.address(host, "eth0", &format!("192.168.1.1{number}/24"));
    }
    let card =
        |lab: &Lab, host: &str| lab.net.device_id(lab.ns[host], lab.index(host, "eth0")).expect("a card");
    let (a, b) = (card(&lab, "h1"), card(&lab, "h2"));
    lab.net.cable_connect(a, b, Cable::default()).expect("a cable");
    for (host, pod, number) in [("h1", "p1", 1_u8), ("h2", "p2", 2)] {
        lab.up(host, "eth0");
        lab.veth((host, "veth0", 0xe0 + number), (pod, "eth0", number));
        lab.address(pod, "eth0", &format!("10.244.0.{number}/24"));
        let request = VxlanRequest {
            id: Some(42),
            destination_port: Some(4789),
            local: Some(ip(&format!("192.168.1.1{number}")).into()),
            remote: Some(ip(&format!("192.168.1.1{}", 3 - number)).into()),
            link: Some(lab.index(host, "eth0")),
            ..VxlanRequest::default()
        };
        lab.add(host, "vx42", LinkKind::Vxlan(Box::new(request)));
        lab.bridge(host, "br0", &["veth0", "vx42"]);
    }
    lab
}

#[test]
fn pods_on_two_machines_share_a_network_through_vxlan() {
    let mut lab = two_hosts();
    assert_eq!(lab.ping("p1", "10.244.0.2"), REPLY);
    let learnt: Vec<String> = lab
        .net
        .fdb(lab.ns["h1"])
        .iter()
        .filter(|row| row.device == "vx42" && row.dst.is_some())
        .map(|row| format!("{} {:?}", row.mac, row.dst))
        .collect();
    assert_eq!(learnt, ["00:00:00:00:00:00 Some(192.168.1.12)", "02:00:00:00:00:02 Some(192.168.1.12)"]);
    let journeys = lab.net.journeys_of(lab.machine, 50);
    let texts: Vec<String> = journeys.iter().map(|it| it.summary.clone()).collect();
    assert!(texts.iter().any(|it| it.contains("ICMP echo request")), "{texts:?}");
    // What the tunnel adds does not fit any more, and the bridge says nothing.
    let since = lab.net.next_journey();
    assert_eq!(lab.ping_with("p1", "10.244.0.2", 1423, None, MtuDiscover::Do), Pong::Nothing);
    assert_eq!(lab.last_drop(since), Some(DropReason::PktTooBig));
    assert_eq!(lab.ping_with("p1", "10.244.0.2", 1422, None, MtuDiscover::Do), REPLY);
}

#[test]
fn without_a_remote_the_tunnel_has_nowhere_to_send() {
    let mut lab = two_hosts();
    let request = FdbRequest {
        index: lab.index("h1", "vx42"),
        mac: Mac::ZERO,
        flags: ntf::SELF,
        state: nud::PERMANENT,
        vlan: None,
        dst: None,
        port: None,
        vni: None,
        via: None,
        mode: Mode::Add,
    };
    lab.net.fdb_delete(lab.ns["h1"], &request).expect("the entry that came with the remote");
    let since = lab.net.next_journey();
    assert!(matches!(lab.ping("p1", "10.244.0.2"), Pong::Error { kind: 3, code: 1, .. }));
    let drops: Vec<_> = lab.net.journeys_since(since).iter().filter_map(|it| it.verdict).collect();
    assert!(drops.contains(&api::journey::Verdict::Dropped(DropReason::VxlanNoRemote)), "{drops:?}");
}

#[test]
fn tunnels_through_one_another_end_at_the_ninth() {
    let mut lab = Lab::new();
    for (number, other) in [(1, 2), (2, 1)] {
        let name = format!("vx{number}");
        let request = VxlanRequest {
            id: Some(number),
            destination_port: Some(4789),
            remote: Some(ip(&format!("10.0.{other}.2")).into()),
            ..VxlanRequest::default()
        };
        lab.add("host", &name, LinkKind::Vxlan(Box::new(request)));
        lab.set("host", &name, LinkRequest { arp: Some(false), ..LinkRequest::default() });
        lab.address("host", &name, &format!("10.0.{number}.1/24"));
    }
    let since = lab.net.next_journey();
    assert_eq!(lab.ping("host", "10.0.1.2"), Pong::Nothing);
    assert_eq!(lab.last_drop(since), Some(DropReason::TunnelTxLoop));
    let sent: u64 = lab.net.links(lab.ns["host"]).iter().map(|link| link.stats.tx_packets).sum();
    assert_eq!(sent, 9);
}

/// a -- r1 == r2 -- b, where the link between the routers bears 1400 bytes only.
fn narrow() -> Lab {
    let mut lab = Lab::new();
    lab.netns(&["a", "r1", "r2", "b"]);
    lab.veth(("a", "eth0", 1), ("r1", "eth0", 2));
    lab.veth(("r1", "eth1", 3), ("r2", "eth0", 4));
    lab.veth(("r2", "eth1", 5), ("b", "eth0", 6));
    for (ns, device) in [("r1", "eth1"), ("r2", "eth0")] {
        lab.set(ns, device, LinkRequest { mtu: Some(1400), ..LinkRequest::default() });
    }
    for (ns, device, address) in [
        ("a", "eth0", "10.0.1.2/24"),
        ("r1", "eth0", "10.0.1.1/24"),
        ("r1", "eth1", "10.0.2.1/24"),
        ("r2", "eth0", "10.0.2.2/24"),
        ("r2", "eth1", "10.0.3.1/24"),
        ("b", "eth0", "10.0.3.2/24"),
    ] {
        lab.address(ns, device, address);
    }
    lab.route("a", "0.0.0.0/0", "10.0.1.1");
    lab.route("r1", "10.0.3.0/24", "10.0.2.2");
    lab.route("r2", "10.0.1.0/24", "10.0.2.1");
    lab.route("b", "0.0.0.0/0", "10.0.3.1");
    lab.forward("r1");
    lab.forward("r2");
    lab
}

#[test]
fn the_path_mtu_is_learnt_from_a_router_and_shown() {
    let mut lab = narrow();
    let too_big = Pong::Error { by: ip("10.0.1.1").into(), kind: 3, code: 4, info: 1400 };
    assert_eq!(lab.ping_with("a", "10.0.3.2", 1472, None, MtuDiscover::Do), too_big);
    let answer = lab.net.route_get(lab.ns["a"], &RouteGetRequest::new(ip("10.0.3.2").into()));
    let answer = answer.expect("a default route");
    assert_eq!((answer.metrics, answer.expires), (vec![(Metric::Mtu, 1400)], Some(600)));
    // Without DF the router cuts the packet, and the far end joins it.
    assert_eq!(lab.ping_with("b", "10.0.1.2", 1472, None, MtuDiscover::Dont), Pong::Reply { ttl: 62 });
    lab.seconds(600);
    let answer = lab.net.route_get(lab.ns["a"], &RouteGetRequest::new(ip("10.0.3.2").into()));
    assert_eq!(answer.expect("a default route").metrics, []);
}

/// Two bridges joined by two links: a loop.
fn loop_of_bridges(stp: u32) -> Lab {
    let mut lab = Lab::new();
    lab.netns(&["a", "b", "s1", "s2"]);
    for switch in ["s1", "s2"] {
        let kind = LinkKind::Bridge(BridgeRequest {
            stp_state: Some(stp),
            forward_delay: Some(200),
            ..BridgeRequest::default()
        });
        lab.add(switch, "br0", kind);
    }
    lab.veth(("a", "eth0", 0xa), ("s1", "pa", 0x1a));
    lab.veth(("b", "eth0", 0xb), ("s2", "pb", 0x2b));
    lab.veth(("s1", "x1", 0x11), ("s2", "x1", 0x21));
    lab.veth(("s1", "x2", 0x12), ("s2", "x2", 0x22));
    for (switch, port) in [("s1", "pa"), ("s2", "pb"), ("s1", "x1"), ("s2", "x1"), ("s1", "x2"), ("s2", "x2")]
    {
        let master = Some(lab.index(switch, "br0"));
        lab.set(switch, port, LinkRequest { master, ..LinkRequest::default() });
    }
    lab.address("a", "eth0", "10.0.0.1/24");
    lab.address("b", "eth0", "10.0.0.2/24");
    lab
}

#[test]
fn a_loop_of_switches_ends_visibly() {
    let mut lab = loop_of_bridges(0);
    lab.ping("a", "10.0.0.2");
    lab.seconds(1);
    let (begun, ended) = lab.net.packet_counts();
    assert_eq!(begun, ended);
    assert!(begun < 100_000, "a storm that is bounded: {begun}");
    let reasons: Vec<_> =
        lab.net.journeys_since(api::JourneyId(0)).iter().filter_map(|it| it.verdict).collect();
    assert!(reasons.contains(&api::journey::Verdict::Dropped(DropReason::TunnelTxLoop)));
}

#[test]
fn the_spanning_tree_opens_a_loop() {
    let mut lab = loop_of_bridges(1);
    lab.seconds(10);
    let states = |lab: &mut Lab, switch: &str| -> Vec<u8> {
        let links = lab.net.links(lab.ns[switch]);
        links.iter().filter_map(|link| Some(link.port.as_ref()?.state)).collect()
    };
    // 3 forwards, 4 blocks: the bridge with the higher id blocks the way that is not the best.
    assert_eq!(states(&mut lab, "s1"), [3, 3, 3]);
    assert_eq!(states(&mut lab, "s2"), [3, 3, 4]);
    assert_eq!(lab.ping("a", "10.0.0.2"), REPLY);
    // The best way breaks: the other one opens.
    lab.down("s1", "x1");
    lab.run(Duration::from_secs(30));
    assert_eq!(lab.ping("a", "10.0.0.2"), REPLY);
}
