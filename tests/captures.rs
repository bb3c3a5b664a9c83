//! What vethlab exports, Wireshark reads: every frame whole, every checksum right, nothing malformed.
//!
//! Needs Debian's `tshark`; without it the tests fail and say so. The page's Packets pane writes the same files.

use api::DeviceId;
use api::event::Event;
use api::lab::{CableSpec, Lab, MachineSpec, Setup};
use api::topology::Role;
use linux::ExecOptions;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tests::labs::Story;
use world::World;

/// What tshark is to find fault with. A checksum's status 0 is "bad".
const FAULTS: &str = "_ws.malformed || _ws.short || _ws.unreassembled || frame.cap_len < frame.len \
    || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 \
    || icmp.checksum.status == 0 || icmpv6.checksum.status == 0 || ip.bogus_header_length || udp.length.bad";

/// One frame as tshark sees it.
#[derive(Debug)]
struct Seen {
    protocols: String,
    /// Of the frames that [`FAULTS`] finds, and of no other.
    faulty: bool,
    line: String,
}

fn tshark(arguments: &[&str], file: &PathBuf) -> String {
    let mut command = Command::new("tshark");
    for check in ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"] {
        command.args(["-o", &format!("{check}:TRUE")]);
    }
    let output = command.arg("-n").arg("-r").arg(file).args(arguments).output();
    let output = output.unwrap_or_else(|error| {
        panic!("tshark cannot be run ({error}); install Debian's package tshark (scripts/setup.sh test does)")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tshark does not read the file: {said}");
    assert!(!said.contains("damaged") && !said.contains("cut short"), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn read(name: &str, pcapng: &[u8]) -> Vec<Seen> {
    let file = std::env::temp_dir().join(format!("vethlab-{}-{name}.pcapng", std::process::id()));
    std::fs::write(&file, pcapng).expect("room for a file");
    let faulty: BTreeSet<String> = tshark(&["-Y", FAULTS, "-T", "fields", "-e", "frame.number"], &file)
        .lines()
        .map(str::to_owned)
        .collect();
    let all =
        tshark(&["-T", "fields", "-e", "frame.number", "-e", "frame.protocols", "-e", "_ws.col.Info"], &file);
    std::fs::remove_file(&file).expect("our own file");
    let seen = |line: &str| {
        let mut columns = line.split('\t');
        let number = columns.next().unwrap_or_default();
        Seen {
            faulty: faulty.contains(number),
            protocols: columns.next().unwrap_or_default().to_owned(),
            line: line.to_owned(),
        }
    };
    all.lines().map(seen).collect()
}

fn run(world: &mut World, on: &str, run: &str, seconds: u64) -> String {
    let machine = world.machine(on).expect("a machine of the lab");
    let system = world.system_mut();
    let id = system.exec(machine, run, ExecOptions::default());
    let until = system.now() + Duration::from_secs(seconds);
    while system.exit_of(id).is_none() && system.step(until) {}
    let (out, err) = system.take_output(id);
    format!("{}{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err))
}

/// The file of all devices, and of so many of them alone, hold what was captured; no frame has a fault.
fn check(world: &mut World, story: &str, devices: usize) -> BTreeMap<String, usize> {
    let mut frames: BTreeMap<DeviceId, usize> = BTreeMap::new();
    for event in world.take_events() {
        let Event::Frames(rows) = event else { continue };
        rows.iter().for_each(|row| *frames.entry(row.device).or_default() += 1);
    }
    let net = &world.system_mut().net;
    let all = read("all", &net.pcapng(None));
    assert_eq!(all.len(), frames.values().sum::<usize>(), "{story}");
    let faulty: Vec<&String> = all.iter().filter(|seen| seen.faulty).map(|seen| &seen.line).collect();
    assert!(faulty.is_empty(), "{story}\n{faulty:#?}");
    for (device, count) in frames.iter().take(devices) {
        let own = read(&format!("device-{}", device.0), &net.pcapng(Some(*device)));
        assert_eq!(own.len(), *count, "{story}");
        assert!(own.iter().all(|seen| !seen.faulty), "{story}");
    }
    let mut protocols = BTreeMap::new();
    for seen in &all {
        *protocols.entry(seen.protocols.clone()).or_default() += 1;
    }
    protocols
}

/// a – r – b in a row, with everything on it that looks different on a wire.
fn varied() -> Lab {
    let machine = |name: &str| MachineSpec { name: name.to_owned(), role: Role::Host, at: None };
    let cable = |a: &str, b: &str, loss_permille| CableSpec {
        ends: (a.to_owned(), b.to_owned()),
        latency_us: 100,
        mbit: 0,
        loss_permille,
        macs: None,
    };
    let mut setup = Vec::new();
    let mut on = |on: &str, lines: &[&str]| {
        setup.extend(lines.iter().map(|run| Setup { on: on.to_owned(), run: (*run).to_owned() }));
    };
    on(
        "r",
        &[
            "ip addr add 10.0.0.1/24 dev eth0; ip addr add 10.0.1.1/24 dev eth1; ip link set eth0 up; ip link set eth1 mtu 1400 up; sysctl -qw net.ipv4.ip_forward=1",
        ],
    );
    for (name, own, net, other, mtu) in [("a", 2, 0, 1, 1500), ("b", 2, 1, 0, 1400)] {
        let peer = format!("10.0.{other}.{own}");
        on(
            name,
            &[
                &format!(
                    "ip addr add 10.0.{net}.{own}/24 dev eth0; ip link set eth0 mtu {mtu} up; ip route add default via 10.0.{net}.1"
                ),
                &format!(
                    "ip link add vx type vxlan id 42 local 10.0.{net}.{own} remote {peer} dstport 4789; ip addr add 10.1.0.{net}/24 dev vx; ip link set vx up"
                ),
                &format!(
                    "ip link add t0 type ipip local 10.0.{net}.{own} remote {peer}; ip addr add 10.2.0.{net}/24 dev t0; ip link set t0 up"
                ),
                "ip netns add pod; ip link add v0 type veth peer name eth0 netns pod; ip link set v0 up; ip -n pod link set eth0 up; ip link add br0 type bridge stp_state 1 forward_delay 200; ip link set br0 up; ip link set v0 master br0",
                &format!(
                    "ip -n pod link add link eth0 name eth0.7 type vlan id 7; ip -n pod link set eth0.7 up; ip -n pod addr add 10.3.{net}.2/24 dev eth0.7; ip link add link br0 name br0.7 type vlan id 7; ip addr add 10.3.{net}.1/24 dev br0.7; ip link set br0.7 up; ip -n pod route add default via 10.3.{net}.1"
                ),
            ],
        );
    }
    on(
        "b",
        &[
            "iptables -A INPUT -p tcp --dport 81 -j REJECT --reject-with tcp-reset; iptables -A INPUT -p tcp --dport 82 -j DROP; iptables -t nat -A PREROUTING -p tcp --dport 83 -j REDIRECT --to-ports 8080",
        ],
    );
    Lab {
        name: "varied".to_owned(),
        machines: ["a", "r", "b"].map(machine).to_vec(),
        cables: vec![cable("a:eth0", "r:eth0", 0), cable("r:eth1", "b:eth0", 50)],
        setup,
        cluster: None,
    }
}

#[test]
fn wireshark_finds_no_fault_with_traffic_of_every_kind() {
    let mut world = World::boot(&varied(), 5);
    let told = run(&mut world, "b", "nc -lk -p 8080 > /tmp/got & nc -ulk -p 9000 > /dev/null & sleep 1", 3);
    assert_eq!(told, "");
    for line in [
        "ping -c 3 -i 0.2 10.0.1.2",
        "ping -c 2 -W 1 -s 4000 10.0.1.2",
        "ping -c 2 -W 1 -M do -s 1472 10.0.1.2",
        "ping -c 1 -W 1 -t 1 10.0.1.2",
        "ping -c 1 -W 1 10.0.0.77",
        "ping -c 2 -W 1 10.1.0.1",
        "ping -c 2 -W 1 -s 3000 10.1.0.1",
        "ping -c 2 -W 1 10.2.0.1",
        "ip netns exec pod ping -c 2 -W 1 10.3.0.1",
        "ip netns exec pod ping -c 2 -W 1 -s 2000 10.3.0.1",
        "traceroute -n -q 1 -w 1 -m 4 10.0.1.2",
        "seq 40000 | nc -N -w 5 10.0.1.2 8080",
        "seq 4000 | nc -N -w 5 10.1.0.1 83",
        "nc -z -w 1 10.0.1.2 80",
        "nc -z -w 1 10.0.1.2 81",
        "nc -z -w 2 10.0.1.2 82",
        "echo data | nc -u -w 1 10.0.1.2 9000",
        "echo data | nc -u -w 1 10.0.1.2 9",
        "dig +time=1 +tries=1 @10.0.1.2 www.example.com",
        "curl -m 2 -s http://10.0.1.2:8080/",
    ] {
        run(&mut world, "a", line, 20);
    }
    let got = run(&mut world, "b", "wc -l < /tmp/got", 5);
    assert!(got.trim().parse::<u32>().is_ok_and(|lines| lines >= 40_000), "over a wire that loses: {got}");
    let protocols = check(&mut world, "varied", usize::MAX);
    for wanted in [
        "eth:ethertype:arp",
        "eth:ethertype:ip:icmp",
        "eth:ethertype:ip:icmp:data",
        "eth:ethertype:ip:icmp:ip:udp",
        "eth:ethertype:ip:tcp",
        "eth:ethertype:ip:udp:dns",
        "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:icmp",
        "eth:ethertype:vlan:ethertype:ip:icmp",
        "eth:ethertype:ip:ip:icmp",
        "raw:ip:icmp",
        "eth:llc:stp",
        "eth:ethertype:ipv6:icmpv6",
    ] {
        assert!(protocols.keys().any(|it| it.starts_with(wanted)), "no {wanted} in {protocols:#?}");
    }
}

#[test]
fn wireshark_finds_no_fault_in_labs_drawn_by_chance() {
    for seed in 100..104 {
        let story = Story::drawn(seed, 12);
        let mut world = World::boot(&story.lab, seed);
        for act in &story.acts {
            run(&mut world, &act.on, &act.run, 20);
        }
        check(&mut world, &story.to_string(), 1);
    }
}
