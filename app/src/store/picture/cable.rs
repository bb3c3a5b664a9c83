//! Lines between devices: cables and veths with right angles, bridge ports, lower devices, and tunnels.
//!
//! Always: a line begins at device `a` and ends at device `b`; a link is listed once.

use super::geometry::{Point, Rect, point};
use super::grid::{Side, side_of};
use super::interior::CHANNEL;
use super::{Form, Link, LinkKind, Memory, Picture};
use api::topology::{Device, Topology};
use api::{DeviceId, MachineId};
use std::collections::BTreeMap;

/// VXLAN devices of one VNI are joined pairwise up to this many; a larger mesh would be a black spot.
const TUNNELS: usize = 8;
/// Cables that bend in the same gap keep this distance.
const APART: f64 = 9.0;

/// Adds all links to the picture.
pub fn route(topology: &Topology, memory: &Memory, picture: &mut Picture) {
    let mut bends: BTreeMap<i64, u32> = BTreeMap::new();
    let mut links = Vec::new();
    for (id, device) in &topology.devices {
        if !picture.devices.contains_key(id) {
            continue;
        }
        if let Some(bridge) = device.master {
            links.extend(port(picture, bridge, *id, live(topology, &[bridge, *id])));
        }
        let Some(peer) = device.peer.filter(|peer| picture.devices.contains_key(peer)) else { continue };
        let both = topology.devices.get(&peer).is_some_and(|other| other.peer == Some(*id));
        if both && peer < *id {
            continue;
        }
        let live = live(topology, &[*id, peer]);
        let (kind, points) = match device.kind.as_str() {
            "nic" => (LinkKind::Cable, cable(topology, picture, (*id, peer), &mut bends)),
            "veth" => (LinkKind::Veth, veth(topology, picture, *id, peer)),
            _ => (LinkKind::Lower, straight(picture, *id, peer)),
        };
        links.push(Link { kind, a: *id, b: peer, points, live });
    }
    links.extend(tunnels(topology, memory, picture));
    let lowest = links.iter().flat_map(|link| &link.points).map(|point| point.y).fold(0.0, f64::max);
    picture.height = picture.height.max(lowest + 24.0);
    picture.links = links;
}

fn live(topology: &Topology, ends: &[DeviceId]) -> bool {
    let good = |id: &DeviceId| topology.devices.get(id).is_some_and(|device| device.up && device.running);
    ends.iter().all(good)
}

fn middle(picture: &Picture, id: DeviceId) -> Point {
    picture.middle(id).unwrap_or_default()
}

fn straight(picture: &Picture, a: DeviceId, b: DeviceId) -> Vec<Point> {
    vec![middle(picture, a), middle(picture, b)]
}

/// From a bridge's bar to a port: straight up or down where the bar reaches, else around a corner.
fn port(picture: &Picture, bridge: DeviceId, port: DeviceId, live: bool) -> Option<Link> {
    let bar = picture.devices.get(&bridge)?;
    let to = picture.devices.get(&port)?.rect.middle();
    let y = if to.y < bar.rect.y { bar.rect.y } else { bar.rect.bottom() };
    let beside = to.y > bar.rect.y - 1.0 && to.y < bar.rect.bottom() + 1.0;
    let points = if beside {
        let x = if to.x < bar.rect.middle().x { bar.rect.x } else { bar.rect.right() };
        vec![point(x, to.y), to]
    } else {
        let x = to.x.clamp(bar.rect.x + 6.0, (bar.rect.right() - 6.0).max(bar.rect.x + 6.0));
        vec![point(x, y), point(x, to.y), to]
    };
    Some(Link { kind: LinkKind::Port, a: bridge, b: port, points, live })
}

/// Between two netns of a machine: down, across the channel and up; else with one bend.
fn veth(topology: &Topology, picture: &Picture, a: DeviceId, b: DeviceId) -> Vec<Point> {
    let (from, to) = (middle(picture, a), middle(picture, b));
    let form = |id: DeviceId| picture.devices.get(&id).map(|device| device.form);
    let netns = |id: DeviceId| topology.devices.get(&id).map(|device| device.netns);
    if form(a) == Some(Form::Port) && form(b) == Some(Form::Port) {
        let nest = if netns(a) == netns(b) { CHANNEL / 2.0 } else { CHANNEL };
        let y = from.y.max(to.y) + nest;
        return vec![from, point(from.x, y), point(to.x, y), to];
    }
    if form(a) == Some(Form::Chip) && form(b) == Some(Form::Chip) {
        let y = from.y.max(to.y) + CHANNEL / 2.0 + 4.0;
        return vec![from, point(from.x, y), point(to.x, y), to];
    }
    elbow_down(from, to, (from.y + to.y) / 2.0)
}

fn elbow_down(from: Point, to: Point, y: f64) -> Vec<Point> {
    if (from.x - to.x).abs() < 1.0 {
        return vec![from, to];
    }
    vec![from, point(from.x, y), point(to.x, y), to]
}

/// A cable between two boxes, leaving each at a right angle.
fn cable(
    topology: &Topology,
    picture: &Picture,
    ends: (DeviceId, DeviceId),
    bends: &mut BTreeMap<i64, u32>,
) -> Vec<Point> {
    let (a, b) = ends;
    let (from, to) = (middle(picture, a), middle(picture, b));
    let (Some(box_a), Some(box_b)) = (machine_box(topology, picture, a), machine_box(topology, picture, b))
    else {
        return vec![from, to];
    };
    let rect = |id: DeviceId| picture.devices.get(&id).map(|device| device.rect).unwrap_or_default();
    let mut apart = |place: f64| {
        let count = bends.entry(place as i64).or_insert(0);
        *count += 1;
        // 0, +1, -1, +2 … so that the first one is in the middle.
        let nth = f64::from(*count / 2);
        if count.is_multiple_of(2) { nth * APART } else { -nth * APART }
    };
    match (side_of(box_a, rect(a)), side_of(box_b, rect(b))) {
        (Side::Left | Side::Right, Side::Left | Side::Right) => {
            if (from.y - to.y).abs() < 1.0 {
                return vec![from, to];
            }
            let x = (from.x + to.x) / 2.0;
            let x = x + apart(x);
            vec![from, point(x, from.y), point(x, to.y), to]
        }
        (Side::Bottom, Side::Bottom) => {
            let y = box_a.bottom().max(box_b.bottom()) + 30.0;
            let y = y + apart(y).abs();
            vec![from, point(from.x, y), point(to.x, y), to]
        }
        (Side::Bottom, Side::Top) | (Side::Top, Side::Bottom) => {
            if (from.x - to.x).abs() < 1.0 {
                return vec![from, to];
            }
            let y = (from.y + to.y) / 2.0;
            elbow_down(from, to, y + apart(y))
        }
        (Side::Left | Side::Right, _) => vec![from, point(to.x, from.y), to],
        (_, Side::Left | Side::Right) => vec![from, point(from.x, to.y), to],
        _ => vec![from, to],
    }
}

fn machine_box(topology: &Topology, picture: &Picture, device: DeviceId) -> Option<Rect> {
    let machine = machine_of(topology, topology.devices.get(&device)?)?;
    picture.machine(machine).map(|it| it.rect)
}

fn machine_of(topology: &Topology, device: &Device) -> Option<MachineId> {
    topology.netns.get(&device.netns).map(|netns| netns.machine)
}

/// VXLAN devices of the same VNI on different machines.
fn tunnels(topology: &Topology, memory: &Memory, picture: &Picture) -> Vec<Link> {
    let ends: Vec<(DeviceId, &Device)> = topology
        .devices
        .iter()
        .filter(|(id, device)| device.kind == "vxlan" && picture.devices.contains_key(id))
        .map(|(id, device)| (*id, device))
        .collect();
    let mut links = Vec::new();
    for (index, (a, one)) in ends.iter().enumerate() {
        for (b, other) in &ends[index + 1..] {
            let same = vni(&one.detail).is_some() && vni(&one.detail) == vni(&other.detail);
            let folded = machine_of(topology, one).is_some_and(|id| memory.folded.contains(&id));
            if same
                && !folded
                && machine_of(topology, one) != machine_of(topology, other)
                && links.len() < TUNNELS
            {
                let points = straight(picture, *a, *b);
                links.push(Link {
                    kind: LinkKind::Tunnel,
                    a: *a,
                    b: *b,
                    points,
                    live: live(topology, &[*a, *b]),
                });
            }
        }
    }
    links
}

/// The VNI in a device's detail, `vni 100 port 4789 …` or as `ip -d link` writes it, `vxlan id 100 …`.
fn vni(detail: &str) -> Option<&str> {
    let mut words = detail.split_whitespace();
    words.find(|word| *word == "vni" || *word == "id")?;
    words.next()
}
