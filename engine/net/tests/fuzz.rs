//! No bytes on a wire and no text given to a tool make the engine stumble: no panic, no endless loop, nothing lost.
//!
//! Short runs with every test, the same each time; another seed and more cases in `runs` dig deeper.

mod lab;

use lab::Lab;
use net::netfilter::text::{Caller, Names, RestoreOptions, SaveOptions, Tool};
use net::netfilter::{Backend, Family as RuleFamily};
use net::rtnetlink::*;
use net::{Network, Owner, SocketKind};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, RngSeed};
use std::net::SocketAddr;

/// Events that one frame may lead to before it counts as a storm.
const MOST_EVENTS: usize = 20_000;

/// What failed once is kept, and tried first from then on.
fn runs(cases: u32) -> ProptestConfig {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz.regressions");
    let failure_persistence: Option<Box<dyn FailurePersistence>> =
        Some(Box::new(FileFailurePersistence::Direct(kept)));
    ProptestConfig { cases, failure_persistence, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() }
}

/// A namespace with a device of every kind, each reachable by frames from `w`.
fn every_kind() -> (Lab, Vec<u32>) {
    let mut lab = Lab::new();
    lab.netns(&["w", "x"]);
    for whose in ["all", "default"] {
        lab.sysctl("x", &format!("net/ipv6/conf/{whose}/disable_ipv6"), "0");
    }
    lab.forward("x");
    for (number, last) in ["bare", "bridged", "vlans", "macvlans", "ipvlans", "tunnels"].into_iter().zip(10..)
    {
        lab.veth(("w", number, last), ("x", number, last + 10));
    }
    lab.bridge("x", "br0", &["bridged"]);
    let on = |lab: &mut Lab, lower: &str, name: &str, kind: LinkKind| {
        let link = Some(lab.index("x", lower));
        let request = LinkRequest {
            name: Some(name.to_owned()),
            link,
            kind: Some(kind),
            up: Some(true),
            ..Default::default()
        };
        lab.net.link_add(lab.ns["x"], &request).expect("a new link");
    };
    on(&mut lab, "vlans", "vlan7", LinkKind::Vlan(VlanRequest { id: Some(7), ..Default::default() }));
    on(&mut lab, "macvlans", "mac0", LinkKind::Macvlan { mode: Some(MacvlanMode::Bridge) });
    for (name, last) in [("bare", 0), ("br0", 1), ("vlan7", 2), ("mac0", 3), ("tunnels", 5)] {
        lab.address("x", name, &format!("10.0.{last}.1/24"));
    }
    let vxlan = VxlanRequest {
        id: Some(42),
        destination_port: Some(4789),
        local: Some(lab::ip("10.0.5.1").into()),
        remote: Some(lab::ip("10.0.5.2").into()),
        ..Default::default()
    };
    lab.add("x", "vx0", LinkKind::Vxlan(Box::new(vxlan)));
    lab.address("x", "vx0", "10.0.6.1/24");
    let rules = "*raw\n-A PREROUTING -p tcp -m multiport --dports 1,2 -j CT --notrack\nCOMMIT\n\
        *nat\n-A PREROUTING -d 10.0.0.1 -p udp -j DNAT --to-destination 10.0.1.9\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n\
        *filter\n-A FORWARD -m conntrack --ctstate INVALID -j LOG\n-A INPUT -p tcp -m tcp --tcp-option 8 -j REJECT --reject-with tcp-reset\n-A INPUT -p udp -j REJECT\nCOMMIT\n";
    let loaded = restore(&mut lab.net, lab.ns["x"], rules);
    assert_eq!(loaded, "");
    let socket = lab.net.socket(lab.ns["x"], SocketKind::Tcp, Owner::default()).expect("a socket");
    lab.net.bind(socket, SocketAddr::from(([0, 0, 0, 0], 80))).expect("a free port");
    lab.net.listen(socket, 4).expect("a bound socket");
    lab.seconds(2);
    let names = ["bare", "bridged", "vlans", "macvlans", "ipvlans", "tunnels"];
    let indexes = names.iter().map(|name| lab.index("w", name)).collect();
    (lab, indexes)
}

/// An IP packet from 10.0.`net`.2 to 10.0.`net`.1.
fn ip(net: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, net, 2, 10, 0, net, 1];
    packet.extend(payload);
    let total = packet.len() as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    let sum: u32 = packet[..20].chunks(2).map(|it| u32::from(it[0]) << 8 | u32::from(it[1])).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn udp(port: u16, data: &[u8]) -> Vec<u8> {
    let mut message = vec![0x12, 0x34];
    message.extend(port.to_be_bytes());
    message.extend((8 + data.len() as u16).to_be_bytes());
    message.extend([0, 0]);
    message.extend(data);
    message
}

const ECHO: [u8; 8] = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
const SYN: [u8; 24] =
    [0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 5, 0xb4];
const BPDU: [u8; 38] = [
    0x42, 0x42, 3, 0, 0, 0, 0, 0, 0x80, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x80, 0, 2, 0, 0, 0, 0, 1, 0x80, 1,
    0, 0, 20, 0, 2, 0, 15, 0,
];

/// Frames that are right, to be spoilt: to the MAC address 02:00:00:00:00:`last`.
fn right(kind: u8, last: u8) -> Vec<u8> {
    let net = last - 20;
    let frame = |ethertype: u16, payload: &[u8]| {
        let mut frame = vec![2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, last - 10];
        frame.extend(ethertype.to_be_bytes());
        frame.extend(payload);
        frame
    };
    match kind {
        0 => {
            let arp = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, last - 10, 10, 0, net, 2];
            frame(0x806, &[&arp[..], &[0; 6], &[10, 0, net, 1]].concat())
        }
        1 => frame(0x800, &ip(net, 1, &ECHO)),
        2 => frame(0x800, &ip(net, 6, &SYN)),
        3 => frame(0x800, &ip(net, 17, &udp(9, b"data"))),
        4 => {
            let inner = [&[8, 0, 0, 0, 0, 0, 42, 0], right(1, last).as_slice()].concat();
            frame(0x800, &ip(net, 17, &udp(4789, &inner)))
        }
        5 => {
            let quoted = ip(net, 17, &udp(9, b"data"));
            frame(0x800, &ip(net, 1, &[&[3, 4, 0, 0, 0, 0, 2, 0], quoted.as_slice()].concat()))
        }
        6 => frame(0x8100, &[&[0, 7], &right(1, last)[12..]].concat()),
        7 => {
            let mut bpdu = frame(38, &BPDU);
            bpdu[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0]);
            bpdu
        }
        8 => {
            let mut first = ip(net, 1, &[8; 64]);
            first[6] = 0x20;
            frame(0x800, &first)
        }
        9 => frame(0x800, &ip(net, 4, &ip(net, 1, &ECHO))),
        10 => {
            let mut solicitation = vec![0x60, 0, 0, 0, 0, 32, 58, 255];
            solicitation.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 9]);
            solicitation.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, last]);
            solicitation.extend([135, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff]);
            solicitation.extend([0xfe, 0, 0, last, 1, 1, 2, 0, 0, 0, 0, 9]);
            frame(0x86dd, &solicitation)
        }
        _ => frame(0x800, &ip(net, 132, &[0, 1, 0, 2, 0, 0, 0, 0])),
    }
}

/// A frame that is right but for some bytes.
fn spoilt() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let byte = (any::<prop::sample::Index>(), any::<u8>());
    (0..6_usize, 0..12_u8, vec(byte, 0..6), prop::option::weighted(0.3, any::<prop::sample::Index>()))
        .prop_map(|(wire, kind, bytes, end)| {
            let mut frame = right(kind, 20 + wire as u8);
            for (at, byte) in bytes {
                let at = at.index(frame.len());
                frame[at] = byte;
            }
            frame.truncate(end.map_or(frame.len(), |it| 14 + it.index(frame.len() - 13)));
            (wire, frame)
        })
}

fn send(lab: &mut Lab, device: u32, frame: &[u8]) {
    let ns = lab.ns["w"];
    let device = lab.net.device_id(ns, device).expect("a device of the lab");
    let kind = SocketKind::Packet { device: Some(device), protocol: 3 };
    let socket = lab.net.socket(ns, kind, Owner::default()).expect("a packet socket");
    lab.net.send_frame(socket, device, frame).expect("a frame that the device bears");
    lab.net.close(socket).expect("a socket that is open");
    let until = lab.net.now() + std::time::Duration::from_millis(50);
    for events in 0.. {
        assert!(events < MOST_EVENTS, "a storm");
        if !lab.net.step(until) {
            break;
        }
    }
}

/// After all of it every packet has come to an end, and the stack still answers.
fn quiet(lab: &mut Lab) {
    lab.seconds(200);
    let (begun, ended) = lab.net.packet_counts();
    assert_eq!(begun, ended);
    lab.address("w", "bare", "10.0.0.2/24");
    assert!(matches!(lab.ping("w", "10.0.0.1"), lab::Pong::Reply { .. }));
}

proptest! {
    #![proptest_config(runs(24))]

    #[test]
    fn spoilt_frames_break_nothing(frames in vec(spoilt(), 40)) {
        let (mut lab, wires) = every_kind();
        for (wire, frame) in &frames {
            send(&mut lab, wires[*wire], frame);
        }
        quiet(&mut lab);
    }

    #[test]
    fn bytes_without_sense_break_nothing(frames in vec((0..6_usize, vec(any::<u8>(), 2..120)), 40)) {
        let (mut lab, wires) = every_kind();
        for (wire, bytes) in &frames {
            let mut frame = vec![2, 0, 0, 0, 0, 20 + *wire as u8, 2, 0, 0, 0, 0, 10];
            frame.extend(bytes);
            send(&mut lab, wires[*wire], &frame);
        }
        quiet(&mut lab);
    }
}

fn tool(name: &str) -> Tool {
    Tool::new(name, RuleFamily::V4, Backend::Nft)
}

/// What it complains of; a warning is none.
fn restore(net: &mut Network, ns: api::NetnsId, text: &str) -> String {
    let names = Names::default();
    let caller = Caller { names: &names, is_root: true, now: 0 };
    let said =
        net.iptables_restore(ns, &tool("iptables-restore"), &RestoreOptions::default(), text, &caller).stderr;
    said.lines().filter(|line| !line.starts_with("Warning: ")).collect()
}

fn save(net: &mut Network, ns: api::NetnsId) -> String {
    let names = Names::default();
    let caller = Caller { names: &names, is_root: true, now: 0 };
    net.iptables_save(ns, &tool("iptables-save"), &SaveOptions::default(), &caller).stdout
}

fn iptables(net: &mut Network, ns: api::NetnsId, words: &[String]) -> (String, u8) {
    let names = Names::default();
    let caller = Caller { names: &names, is_root: true, now: 0 };
    let output = net.iptables(ns, &tool("iptables"), words, &caller);
    (output.stdout, output.code)
}

const RULES: &[&str] = &[
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT ! -i eth+ -s 10.0.0.0/8 ! -d 10.1.0.0/255.255.0.0 -p tcp -m tcp --dport 22:80 ! --sport 1024: --syn -j DROP",
    "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN --tcp-option 3 -j RETURN",
    "-A INPUT -p udp -m udp --dport 53 -m limit --limit 5/min --limit-burst 7 -j LOG --log-prefix \"dns: \" --log-level 7 --log-uid",
    "-A INPUT -p icmp -m icmp --icmp-type 3/4 -m comment --comment \"a word, 'quoted'\" -j REJECT --reject-with icmp-host-prohibited",
    "-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED --ctdir ORIGINAL -m mark --mark 0x1/0xff -j MARK --set-xmark 0x4000/0x4000",
    "-A FORWARD -m multiport --dports 1,2:3,80 -p tcp -j REJECT --reject-with tcp-reset",
    "-A FORWARD -m statistic --mode random --probability 0.33333333349 -j ACCEPT",
    "-A FORWARD -m statistic --mode nth --every 3 --packet 1 -j ACCEPT",
    "-A FORWARD -m iprange --src-range 10.0.0.1-10.0.0.9 -m ttl --ttl-gt 3 -m length --length 20:60 -j ACCEPT",
    "-A OUTPUT -m owner --uid-owner 0-100 --gid-owner 1337 -m addrtype ! --dst-type LOCAL --limit-iface-out -j ACCEPT",
    "-A FORWARD -m mac --mac-source 02:00:00:00:00:01 -m pkttype --pkt-type broadcast -j DROP",
    "-A FORWARD -m physdev --physdev-in v+ --physdev-is-bridged -j ACCEPT",
    "-A INPUT -m recent --rcheck --seconds 60 --hitcount 3 --name X --mask 255.255.255.0 --rsource -j DROP",
    "-A INPUT -m tcpmss -p tcp --tcp-flags SYN SYN --mss 1:500 -g A",
    "-A A -m connmark ! --mark 0x2 -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
    "-A A -p sctp -f -j A",
    "-I FORWARD 1 -j A",
    "-A NOSUCH -j ACCEPT",
    "-D INPUT 1",
    "-R INPUT 1 -j DROP",
    "-N B",
    "-P FORWARD DROP",
    "-F INPUT",
    "-Z",
    "-X A",
    "-E A B",
];

const OTHER_TABLES: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n:K - [0:0]\n\
    -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2-10.0.0.4:8080-8090 --random --persistent\n\
    -A PREROUTING -d 10.96.0.1/32 -m addrtype --dst-type LOCAL -j K\n\
    -A K -j REDIRECT --to-ports 15001\n\
    -A POSTROUTING -s 10.0.0.0/24 ! -o br0 -j MASQUERADE --random-fully\n\
    -A POSTROUTING -o eth0 -j SNAT --to-source 192.0.2.1\n\
    -A POSTROUTING -j NETMAP --to 10.5.0.0/24\nCOMMIT\n\
    *mangle\n-A PREROUTING -j TTL --ttl-set 3\n-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n\
    -A POSTROUTING -p udp -j CHECKSUM --checksum-fill\nCOMMIT\n\
    *raw\n-A PREROUTING -j CT --notrack\nCOMMIT\n";

/// Words of rules in any order, some of them broken, now and then one of no rule at all.
fn line() -> impl Strategy<Value = String> {
    let word = prop::sample::select(RULES.iter().flat_map(|rule| rule.split(' ')).collect::<Vec<_>>());
    let odd = prop_oneof![
        4 => word.prop_map(str::to_owned),
        1 => "[!-~äß\"'\\\\]{0,12}",
        1 => prop::sample::select(vec!["!", "", "-", "--", "0", "-1", "99999999999", "0x", "1:2:3", "10.0.0.0/33", "::1", "+", "[1:2]", "-t", "nat", "-m", "set", "string", "-j", "TPROXY", "-c", "-h", "-v", "-L", "-S", "-C"]).prop_map(str::to_owned),
    ];
    (prop::sample::select(RULES), vec((any::<prop::sample::Index>(), 0..4_u8, odd), 0..4)).prop_map(
        |(rule, changes)| {
            let mut words: Vec<String> = rule.split(' ').map(str::to_owned).collect();
            for (at, how, word) in changes {
                let at = at.index(words.len().max(1));
                match how {
                    0 if at < words.len() => words[at] = word,
                    1 if at < words.len() => drop(words.remove(at)),
                    2 => words.push(word),
                    _ => words.insert(at, word),
                }
            }
            words.join(" ")
        },
    )
}

proptest! {
    #![proptest_config(runs(400))]

    /// What was saved restores to itself, whatever led there.
    #[test]
    fn rules_saved_and_restored_are_the_same_rules(lines in vec(line(), 0..12), whole in any::<bool>()) {
        let mut lab = Lab::new();
        let ns = lab.ns["host"];
        restore(&mut lab.net, ns, OTHER_TABLES);
        restore(&mut lab.net, ns, "*filter\n:A - [0:0]\n-A A -j ACCEPT\nCOMMIT\n");
        if whole {
            restore(&mut lab.net, ns, &format!("*filter\n:A - [0:0]\n{}\nCOMMIT\n", lines.join("\n")));
        } else {
            for line in &lines {
                let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
                iptables(&mut lab.net, ns, &words);
            }
        }
        let saved = save(&mut lab.net, ns);
        let said = restore(&mut lab.net, ns, &saved);
        prop_assert_eq!(said, "", "{}", saved);
        prop_assert_eq!(&save(&mut lab.net, ns), &saved);
        for table in ["filter", "nat", "mangle", "raw"] {
            for how in ["-nvL", "-S"] {
                let words: Vec<String> = ["-t", table, how].map(str::to_owned).to_vec();
                prop_assert_eq!(iptables(&mut lab.net, ns, &words).1, 0);
            }
        }
    }

    #[test]
    fn no_text_at_all_breaks_the_reader(text in "[ -~\\n\\täß*:#]{0,200}") {
        let mut lab = Lab::new();
        let ns = lab.ns["host"];
        restore(&mut lab.net, ns, &text);
        restore(&mut lab.net, ns, &format!("*filter\n{text}\nCOMMIT\n"));
        let saved = save(&mut lab.net, ns);
        prop_assert_eq!(restore(&mut lab.net, ns, &saved), "", "{}", saved);
    }
}

const SETS: &[&str] = &[
    "create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 60 counters comment",
    "create b hash:net,port,net",
    "create c bitmap:ip range 10.0.0.0/24 netmask 28",
    "create d bitmap:port range 1-1024",
    "create e list:set size 8",
    "create f hash:ip,port,ip family inet6",
    "create g hash:net,iface forceadd",
    "create h bitmap:ip,mac range 10.0.0.0-10.0.0.9",
    "add a 10.0.0.1-10.0.0.9 timeout 5 packets 3 bytes 9 comment \"x y\"",
    "add b 10.0.0.0/8,tcp:80-90,0.0.0.0/0 nomatch",
    "add c 10.0.0.3",
    "add d 80-90",
    "add e a",
    "add g 10.0.0.0/8,physdev:eth0",
    "add h 10.0.0.1,02:00:00:00:00:01",
    "del a 10.0.0.1",
    "test a 10.0.0.1",
    "swap a b",
    "rename c z",
    "flush d",
    "destroy e",
];

proptest! {
    #![proptest_config(runs(300))]

    /// And what `ipset save` says, `ipset restore` reads.
    #[test]
    fn sets_saved_and_restored_are_the_same_sets(
        picks in vec((prop::sample::select(SETS), prop::option::weighted(0.3, (any::<prop::sample::Index>(), "[a-z0-9][a-z0-9:/.,-]{0,8}"))), 0..16)
    ) {
        let mut lab = Lab::new();
        let ns = lab.ns["host"];
        for (line, spoil) in picks {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            if let Some((at, word)) = spoil {
                let at = at.index(words.len());
                words[at] = word;
            }
            lab.net.ipset(ns, &words, true, "");
        }
        let word = |text: &str| vec![text.to_owned()];
        let saved = lab.net.ipset(ns, &word("save"), true, "").stdout;
        lab.net.ipset(ns, &word("destroy"), true, "");
        let said = lab.net.ipset(ns, &word("restore"), true, &saved);
        prop_assert_eq!(said.code, 0, "{}{}", said.stderr, saved);
        prop_assert_eq!(lab.net.ipset(ns, &word("save"), true, "").stdout, saved);
    }
}
