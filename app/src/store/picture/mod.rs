//! The picture of a topology as plain geometry: where each machine, netns, device and cable is drawn.
//!
//! Stands between `api::Topology` and the SVG. Pure; drawn by `part/scene`, walked by envelopes through `path`.
//! Always: the same topology and memory give the same picture; a machine keeps its cell, and its box never shrinks
//! while things come and go, so that the eye finds everything where it was.
//! Differs from the real thing: a switch is a machine with a bridge in it.

pub mod cable;
pub mod describe;
pub mod geometry;
pub mod grid;
pub mod interior;
pub mod label;
pub mod path;
pub mod service;

use crate::store::viewport::fitting;
use api::topology::{Role, Topology};
use api::{DeviceId, MachineId, NetnsId};
pub use geometry::{Point, Rect};
pub use service::ServiceShape;
use std::collections::{BTreeMap, BTreeSet};

/// What outlives one layout, so that the next looks like it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    pub cells: BTreeMap<MachineId, (i32, i32)>,
    pub sizes: BTreeMap<MachineId, (f64, f64)>,
    /// Machines shown without what is inside them.
    pub folded: BTreeSet<MachineId>,
    /// Rows are drawn as columns: for a screen that is higher than wide.
    pub turned: bool,
    /// Places of Services, in order; an empty one is free.
    pub services: Vec<Option<String>>,
}

/// How far above or below a device its drop marks stand.
const BESIDE: f64 = 13.0;

/// A picture is turned from its author's way only if it then appears this much larger.
const TURN_GAIN: f64 = 1.1;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    pub width: f64,
    pub height: f64,
    pub machines: Vec<MachineShape>,
    pub devices: BTreeMap<DeviceId, DeviceShape>,
    pub links: Vec<Link>,
    pub services: Vec<ServiceShape>,
    /// Services that are not drawn.
    pub services_left: usize,
    /// Where a device that is not drawn would be: the middle of its machine.
    pub hidden: BTreeMap<DeviceId, Point>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MachineShape {
    pub id: MachineId,
    pub name: String,
    pub role: Role,
    pub rect: Rect,
    pub netns: Vec<NetnsShape>,
    pub lines: Vec<Line>,
    pub folded: bool,
    /// Netns that are counted, not drawn.
    pub more: usize,
    /// The corner of the line that holds name and role.
    pub title: Point,
    /// There is something inside to fold away.
    pub foldable: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NetnsShape {
    pub id: NetnsId,
    /// As it is written on the box.
    pub name: String,
    /// All there is to say, for whoever points at it.
    pub whole: String,
    pub rect: Rect,
    pub lines: Vec<Line>,
}

/// A line of text in a box: a device and its address.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub device: DeviceId,
    pub name: String,
    pub address: String,
    pub at: Point,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Astride the edge of its machine or netns.
    Port,
    /// A bridge: as long as its ports stand apart.
    Bar,
    Chip,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeviceShape {
    pub id: DeviceId,
    pub netns: NetnsId,
    pub name: String,
    pub kind: String,
    pub detail: String,
    pub form: Form,
    pub rect: Rect,
    /// Shown on a bar; elsewhere a line of the box says it.
    pub address: String,
    pub up: bool,
    pub running: bool,
    pub master: Option<DeviceId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    Cable,
    Veth,
    /// From a bridge to its port.
    Port,
    /// From a vlan, macvlan or vxlan to the device below it.
    Lower,
    /// Between two VXLAN devices of one VNI: no wire, but where its frames seem to go.
    Tunnel,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub kind: LinkKind,
    pub a: DeviceId,
    pub b: DeviceId,
    pub points: Vec<Point>,
    /// Both ends are up and running.
    pub live: bool,
}

/// Lays a topology out so that it appears as large as it can on a screen of that size.
pub fn layout_for(topology: &Topology, memory: &mut Memory, screen: (f64, f64)) -> Picture {
    let now = layout(topology, memory);
    let mut turned = Memory { turned: !memory.turned, sizes: BTreeMap::new(), ..memory.clone() };
    let other = layout(topology, &mut turned);
    let scale = |picture: &Picture| fitting(screen, (picture.width, picture.height)).0.min(1.0);
    if scale(&other) > scale(&now) * if memory.turned { 1.0 } else { TURN_GAIN } {
        *memory = turned;
        return other;
    }
    now
}

/// Lays a topology out.
pub fn layout(topology: &Topology, memory: &mut Memory) -> Picture {
    grid::assign_cells(topology, memory);
    let cells = memory.cells.clone();
    if memory.turned {
        memory.cells.values_mut().for_each(|cell| *cell = (cell.1, cell.0));
    }
    let mut picture = layout_cells(topology, memory);
    memory.cells = cells;
    service::place(topology, memory, &mut picture);
    picture
}

fn layout_cells(topology: &Topology, memory: &mut Memory) -> Picture {
    let sides = grid::sides(topology, memory);
    let plan = |id: &MachineId| interior::plan(topology, *id, memory, grid::edges(topology, *id, &sides));
    let mut plans: Vec<interior::Plan> = topology.machines.keys().map(plan).collect();
    let names: Vec<f64> = topology.machines.values().map(|it| geometry::name_width(&it.name)).collect();
    interior::lift_addresses(&mut plans, &names);
    let mut picture = grid::place(topology, plans, memory, &sides);
    cable::route(topology, memory, &mut picture);
    picture
}

impl Picture {
    /// Makes room at the left upper corner for what is put there after.
    fn shift(&mut self, by: Point) {
        (self.width, self.height) = (self.width + by.x, self.height + by.y);
        let moved = |line: &mut Line| line.at = line.at.moved(by);
        for machine in &mut self.machines {
            machine.rect = machine.rect.moved(by);
            machine.title = machine.title.moved(by);
            machine.lines.iter_mut().for_each(moved);
            for netns in &mut machine.netns {
                netns.rect = netns.rect.moved(by);
                netns.lines.iter_mut().for_each(moved);
            }
        }
        self.devices.values_mut().for_each(|device| device.rect = device.rect.moved(by));
        self.links.iter_mut().flat_map(|it| &mut it.points).for_each(|it| *it = it.moved(by));
        self.hidden.values_mut().for_each(|it| *it = it.moved(by));
    }

    pub fn machine(&self, id: MachineId) -> Option<&MachineShape> {
        self.machines.iter().find(|machine| machine.id == id)
    }

    /// The boxes of all machines and of the netns inside them.
    fn boxes(&self) -> impl Iterator<Item = Rect> {
        let netns = self.machines.iter().flat_map(|machine| &machine.netns).map(|netns| netns.rect);
        self.machines.iter().map(|machine| machine.rect).chain(netns)
    }

    /// The middle of a device, drawn or not.
    pub fn middle(&self, id: DeviceId) -> Option<Point> {
        self.devices.get(&id).map(|device| device.rect.middle()).or_else(|| self.hidden.get(&id).copied())
    }

    /// Where a drop mark goes: above its device, or below where that stands on a lower edge, so that names and addresses
    /// can be read; else in its netns or machine.
    pub fn place(&self, machine: MachineId, netns: NetnsId, device: Option<DeviceId>) -> Option<Point> {
        let beside = |id| {
            let rect = self.devices.get(&id)?.rect;
            let x = rect.middle().x;
            let stands_on =
                |it: Rect| it.bottom() > rect.y && it.bottom() < rect.bottom() && it.x < x && x < it.right();
            let below = self.boxes().any(stands_on);
            let y = if below { rect.bottom() + BESIDE } else { rect.y - BESIDE };
            Some(geometry::point(x, y))
        };
        let on_device = device.and_then(|id| beside(id).or_else(|| self.middle(id)));
        on_device.or_else(|| {
            let machine = self.machine(machine)?;
            let rect = machine.netns.iter().find(|it| it.id == netns).map_or(machine.rect, |it| it.rect);
            // On the upper edge, where neither a name nor an address stands.
            Some(geometry::point(rect.x + BESIDE, rect.y))
        })
    }
}

/// Devices of a netns in the order in which they were made; loopbacks stand in no picture.
pub fn devices_of(
    topology: &Topology,
    netns: NetnsId,
) -> impl Iterator<Item = (DeviceId, &api::topology::Device)> {
    topology
        .devices
        .iter()
        .filter(move |(_, device)| device.netns == netns && device.kind != "loopback")
        .map(|(id, device)| (*id, device))
}

/// The netns of a machine: its own, and those `ip netns` names.
pub fn netns_of(topology: &Topology, machine: MachineId) -> (Option<NetnsId>, Vec<NetnsId>) {
    let mine = |(id, netns): (&NetnsId, &api::topology::Netns)| (netns.machine == machine).then_some(*id);
    let all: Vec<NetnsId> = topology.netns.iter().filter_map(mine).collect();
    let named = |id: &NetnsId| topology.netns.get(id).is_some_and(|netns| netns.name.is_some());
    (all.iter().find(|id| !named(id)).copied(), all.iter().filter(|id| named(id)).copied().collect())
}

/// The addresses of a device that somebody gave it, as one line.
pub fn addresses(device: &api::topology::Device) -> String {
    given(device).map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Every device that is up has a link-local IPv6 address of its own making; a picture full of them shows nothing.
pub fn given(device: &api::topology::Device) -> impl Iterator<Item = &ipnet::IpNet> {
    device.addresses.iter().filter(|net| match net {
        ipnet::IpNet::V4(_) => true,
        ipnet::IpNet::V6(net) => !net.addr().is_unicast_link_local(),
    })
}

#[cfg(test)]
mod tests;
