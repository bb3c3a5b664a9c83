//! Facts about pictures, each over a small topology built by hand.

use super::*;
use api::topology::{Device, Machine, Netns};

/// Builds topologies: `machine`, `netns` and `device` answer the id of what they add.
#[derive(Default)]
struct Sketch(Topology);

impl Sketch {
    fn machine(&mut self, name: &str, at: Option<(i32, i32)>) -> NetnsId {
        let id = MachineId(self.0.machines.len() as u32 + 1);
        self.0.machines.insert(id, Machine { name: name.into(), role: Role::Host, at });
        self.netns(id, None)
    }

    fn netns(&mut self, machine: MachineId, name: Option<&str>) -> NetnsId {
        let id = NetnsId(self.0.netns.len() as u32 + 1);
        self.0.netns.insert(id, Netns { machine, name: name.map(Into::into), title: None });
        id
    }

    fn device(&mut self, netns: NetnsId, name: &str, kind: &str) -> DeviceId {
        let id = DeviceId(self.0.devices.len() as u32 + 1);
        let device = Device {
            netns,
            ifindex: 2,
            name: name.into(),
            kind: kind.into(),
            mac: String::new(),
            mtu: 1500,
            up: true,
            running: true,
            addresses: Vec::new(),
            master: None,
            peer: None,
            detail: String::new(),
        };
        self.0.devices.insert(id, device);
        id
    }

    fn join(&mut self, a: DeviceId, b: DeviceId) {
        for (one, other) in [(a, b), (b, a)] {
            if let Some(device) = self.0.devices.get_mut(&one) {
                device.peer = Some(other);
            }
        }
    }

    fn enslave(&mut self, port: DeviceId, bridge: DeviceId) {
        if let Some(device) = self.0.devices.get_mut(&port) {
            device.master = Some(bridge);
        }
    }

    fn cable(&mut self, a: NetnsId, b: NetnsId) -> (DeviceId, DeviceId) {
        let ends = (self.device(a, "eth0", "nic"), self.device(b, "eth0", "nic"));
        self.join(ends.0, ends.1);
        ends
    }

    fn picture(&self) -> Picture {
        layout(&self.0, &mut Memory::default())
    }
}

/// A node with two netns on a bridge, and its uplink.
fn node() -> (Sketch, MachineId) {
    let mut sketch = Sketch::default();
    let own = sketch.machine("node", Some((0, 0)));
    let other = sketch.machine("peer", Some((1, 0)));
    sketch.cable(own, other);
    let machine = MachineId(1);
    let bridge = sketch.device(own, "br0", "bridge");
    for name in ["red", "blue"] {
        let netns = sketch.netns(machine, Some(name));
        let (inside, outside) = (sketch.device(netns, "eth0", "veth"), sketch.device(own, name, "veth"));
        sketch.join(inside, outside);
        sketch.enslave(outside, bridge);
    }
    (sketch, machine)
}

#[test]
fn neighbours_in_a_row_are_joined_by_a_straight_cable() {
    let mut sketch = Sketch::default();
    let (a, b) = (sketch.machine("a", Some((0, 0))), sketch.machine("b", Some((1, 0))));
    let (left, right) = sketch.cable(a, b);
    let picture = sketch.picture();
    let cable = picture.links.iter().find(|link| link.kind == LinkKind::Cable).expect("a cable");
    assert_eq!((cable.a, cable.b, cable.points.len()), (left, right, 2));
    assert_eq!(cable.points[0].y, cable.points[1].y);
}

#[test]
fn a_cable_to_another_row_bends_once_where_a_corner_is_free() {
    let mut sketch = Sketch::default();
    let hosts: Vec<NetnsId> =
        ["a", "b", "c"].iter().zip(0..).map(|(name, x)| sketch.machine(name, Some((x, 0)))).collect();
    let switch = sketch.machine("switch", Some((1, 1)));
    for host in hosts {
        sketch.cable(host, switch);
    }
    let bends: Vec<usize> = sketch.picture().links.iter().map(|link| link.points.len() - 2).collect();
    assert_eq!(bends, [1, 0, 1]);
}

#[test]
fn nothing_overlaps_and_all_fits() {
    let (sketch, _) = node();
    let picture = sketch.picture();
    let machines: Vec<Rect> = picture.machines.iter().map(|it| it.rect).collect();
    assert!(!machines[0].overlaps(machines[1]));
    let netns: Vec<Rect> = picture.machines[0].netns.iter().map(|it| it.rect).collect();
    assert!(!netns[0].overlaps(netns[1]));
    let devices: Vec<&DeviceShape> = picture.devices.values().collect();
    for (index, a) in devices.iter().enumerate() {
        for b in &devices[index + 1..] {
            assert!(!a.rect.overlaps(b.rect), "{} over {}", a.name, b.name);
        }
        assert!(a.rect.x >= 0.0 && a.rect.right() <= picture.width && a.rect.bottom() <= picture.height);
    }
}

#[test]
fn the_host_end_of_a_veth_hangs_below_its_netns() {
    let (sketch, _) = node();
    let picture = sketch.picture();
    let veths: Vec<&Link> = picture.links.iter().filter(|link| link.kind == LinkKind::Veth).collect();
    assert_eq!(veths.len(), 2);
    for veth in veths {
        assert_eq!(veth.points.len(), 2, "straight down: {veth:?}");
        assert!((veth.points[0].x - veth.points[1].x).abs() < 1.0);
    }
}

#[test]
fn what_was_there_stays_put_when_something_comes_and_goes() {
    let (mut sketch, machine) = node();
    let mut memory = Memory::default();
    layout(&sketch.0, &mut memory);
    let third = sketch.netns(machine, Some("green"));
    sketch.device(third, "eth0", "dummy");
    let with = layout(&sketch.0, &mut memory);
    sketch.0.netns.remove(&third);
    sketch.0.devices.retain(|_, device| device.netns != third);
    let without = layout(&sketch.0, &mut memory);
    assert_eq!(with.machines[1].rect, without.machines[1].rect);
    assert_eq!(with.machines[0].netns[..2], without.machines[0].netns[..]);
}

#[test]
fn on_a_high_screen_rows_become_columns_and_back() {
    let mut sketch = Sketch::default();
    let all: Vec<NetnsId> = (0..5).map(|x| sketch.machine("m", Some((x, 0)))).collect();
    for pair in all.windows(2) {
        sketch.cable(pair[0], pair[1]);
    }
    let mut memory = Memory::default();
    let wide = layout_for(&sketch.0, &mut memory, (800.0, 300.0));
    assert!(wide.width > wide.height && !memory.turned);
    let high = layout_for(&sketch.0, &mut memory, (390.0, 700.0));
    assert!(high.height > high.width && memory.turned);
    assert_eq!(layout_for(&sketch.0, &mut memory, (800.0, 300.0)), wide);
}

#[test]
fn an_envelope_crosses_a_bridge_on_its_bar() {
    let (sketch, _) = node();
    let picture = sketch.picture();
    let by_name = |name: &str| picture.devices.values().find(|it| it.name == name).expect("a device");
    let (red, blue, bar) = (by_name("red"), by_name("blue"), by_name("br0"));
    let inside = sketch.0.devices[&blue.id].peer.expect("its other end");
    let path = picture.path(Some(red.id), blue.id, inside);
    assert_eq!(path.first(), Some(&red.rect.middle()));
    assert!(path.iter().filter(|point| point.y == bar.rect.middle().y).count() >= 2, "{path:?}");
    assert_eq!(path.last().copied(), picture.middle(inside));
}

#[test]
fn a_packet_for_a_service_goes_by_way_of_it_and_then_along_its_wire() {
    let (mut sketch, _) = node();
    let service = api::topology::Service {
        namespace: "default".into(),
        name: "web".into(),
        kind: "ClusterIP".into(),
        address: "10.96.0.7".into(),
        ports: vec!["80/TCP".into()],
        endpoints: Vec::new(),
    };
    sketch.0.services.insert("default/web".into(), service);
    let picture = sketch.picture();
    let by_name = |name: &str| picture.devices.values().find(|it| it.name == name).expect("a device");
    let (red, blue) = (by_name("red"), by_name("blue"));
    let inside = sketch.0.devices[&blue.id].peer.expect("its other end");
    let (way, share) = picture.path_by(Some(red.id), blue.id, inside, "10.96.0.7:80");
    assert_eq!(way[..3], [red.rect.middle(), picture.services[0].foot(), blue.rect.middle()]);
    assert_eq!(way.last().copied(), picture.middle(inside));
    assert!(share > 0.5 && share < 1.0, "{share}");
    let (own, _) = picture.path_by(None, blue.id, inside, "10.96.0.7:80");
    assert_eq!(own[1], picture.services[0].foot(), "one that is made there begins at its machine");
    let (plain, _) = picture.path_by(Some(red.id), blue.id, inside, "10.9.9.9:80");
    assert_eq!(plain, picture.path(Some(red.id), blue.id, inside));
}

#[test]
fn machines_without_a_place_get_one_of_their_own() {
    let mut sketch = Sketch::default();
    for index in 0..7 {
        sketch.machine(&format!("m{index}"), (index == 3).then_some((0, 0)));
    }
    let picture = sketch.picture();
    for (index, a) in picture.machines.iter().enumerate() {
        assert!(picture.machines[index + 1..].iter().all(|b| !a.rect.overlaps(b.rect)));
    }
}

#[test]
fn a_folded_machine_hides_its_inside_but_packets_still_find_it() {
    let (sketch, machine) = node();
    let mut memory = Memory { folded: [machine].into(), ..Memory::default() };
    let picture = layout(&sketch.0, &mut memory);
    let shape = picture.machine(machine).expect("a machine");
    assert!(shape.folded && shape.netns.is_empty());
    let veth = sketch.0.devices.iter().find(|(_, it)| it.kind == "veth").expect("a veth").0;
    assert_eq!(picture.middle(*veth), Some(shape.rect.middle()));
}

#[test]
fn a_thousand_netns_are_counted_and_packets_still_find_them() {
    let mut sketch = Sketch::default();
    let own = sketch.machine("node", None);
    let bridge = sketch.device(own, "cni0", "bridge");
    let mut last = bridge;
    for n in 0..1000 {
        let netns = sketch.netns(MachineId(1), Some(&format!("n{n}")));
        last = sketch.device(netns, "eth0", "veth");
        let host = sketch.device(own, &format!("veth{n}"), "veth");
        sketch.join(last, host);
        sketch.enslave(host, bridge);
    }
    let picture = sketch.picture();
    let machine = &picture.machines[0];
    assert_eq!((machine.netns.len(), machine.more), (interior::NETNS, 1000 - interior::NETNS));
    assert_eq!(picture.devices.len(), 1 + 2 * interior::NETNS);
    assert_eq!(picture.middle(last), Some(machine.rect.middle()));
}

#[test]
fn vxlan_devices_of_one_vni_are_joined_by_a_tunnel() {
    let mut sketch = Sketch::default();
    for (index, vni) in [100, 100, 200].into_iter().enumerate() {
        let netns = sketch.machine(&format!("n{index}"), Some((index as i32, 0)));
        let id = sketch.device(netns, "vxlan0", "vxlan");
        if let Some(device) = sketch.0.devices.get_mut(&id) {
            device.detail = format!("vni {vni} port 4789");
        }
    }
    assert_eq!(sketch.picture().links.iter().filter(|link| link.kind == LinkKind::Tunnel).count(), 1);
}

#[test]
fn addresses_that_nobody_gave_are_not_shown() {
    let mut sketch = Sketch::default();
    let netns = sketch.machine("a", None);
    let id = sketch.device(netns, "eth0", "nic");
    if let Some(device) = sketch.0.devices.get_mut(&id) {
        device.addresses = vec!["10.0.0.1/24".parse().expect("v4"), "fe80::1/64".parse().expect("v6")];
    }
    let lines: Vec<String> =
        sketch.picture().machines[0].lines.iter().map(|line| line.address.clone()).collect();
    assert_eq!(lines, ["10.0.0.1/24"]);
}

#[test]
fn the_words_say_what_the_picture_draws() {
    let (sketch, _) = node();
    let words = describe::describe(&sketch.0);
    let rows: Vec<&str> = words[0].rows.iter().map(|row| row.words.as_str()).collect();
    assert_eq!(rows[0], "eth0, nic, up, joined to peer eth0");
    assert!(rows.contains(&"red, veth, up, port of node br0, joined to node/red eth0"), "{rows:?}");
}
