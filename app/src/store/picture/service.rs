//! Services above the machines: they stand nowhere, so they stand apart, dashed, each with lines to its endpoints.
//!
//! Always: a Service keeps its place while others come and go; beyond `DRAWN` they are counted, not drawn.

use super::describe::pod_name;
use super::geometry::{Point, Rect, mono_width, name_width, point};
use super::{Memory, Picture, netns_of};
use api::topology::{Service, Topology};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Services drawn.
const DRAWN: usize = 24;
const HEIGHT: f64 = 40.0;
const GAP: f64 = 16.0;
/// Between the Services and the machines: room for the lines to spread.
const BELOW: f64 = 34.0;
const MARGIN: f64 = 24.0;
/// Services side by side are at least this wide in all before a new line begins.
const LEAST: f64 = 560.0;

#[derive(Clone, Debug, PartialEq)]
pub struct ServiceShape {
    /// `NAMESPACE/NAME`.
    pub key: String,
    pub name: String,
    /// Address and ports.
    pub address: String,
    pub whole: String,
    /// The cluster IP and the ports, as the cluster has them.
    front: (String, Vec<String>),
    pub rect: Rect,
    /// To each endpoint that stands in the picture.
    pub ends: Vec<End>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    pub address: IpAddr,
    pub ready: bool,
    pub at: Point,
}

impl ServiceShape {
    /// Whether that address with its port, `10.96.0.20:80`, is this Service's: its own, or a node port.
    fn answers(&self, end: &str) -> bool {
        let Some((address, port)) = end.rsplit_once(':') else { return false };
        let (cluster, ports) = &self.front;
        let own = |it: &str| it.split(['/', ':']).next() == Some(port);
        let node =
            |it: &str| it.split('/').next().and_then(|it| it.split_once(':')).is_some_and(|it| it.1 == port);
        ports.iter().any(|it| if address == cluster { own(it) } else { node(it) })
    }

    /// Where its lines begin.
    pub fn foot(&self) -> Point {
        point(self.rect.middle().x, self.rect.bottom())
    }
}

impl Picture {
    /// The Service that a packet to that address and port is for.
    pub fn service_at(&self, end: &str) -> Option<&ServiceShape> {
        self.services.iter().find(|it| it.answers(end))
    }
}

/// Puts the Services above what is there.
pub fn place(topology: &Topology, memory: &mut Memory, picture: &mut Picture) {
    remember(topology, memory);
    if topology.services.is_empty() {
        return;
    }
    let shown = memory.services.iter().take(DRAWN);
    let wide = picture.width.max(LEAST) - MARGIN;
    let (mut x, mut y) = (MARGIN, MARGIN);
    for key in shown {
        let Some((key, service)) = key.as_ref().and_then(|it| topology.services.get_key_value(it)) else {
            continue;
        };
        let shape = shape(key, service);
        if x > MARGIN && x + shape.rect.w > wide {
            (x, y) = (MARGIN, y + HEIGHT + GAP);
        }
        let rect = Rect { x, y, ..shape.rect };
        x = rect.right() + GAP;
        picture.width = picture.width.max(rect.right() + MARGIN);
        picture.services.push(ServiceShape { rect, ..shape });
    }
    picture.services_left = topology.services.len() - picture.services.len();
    picture.shift(point(0.0, y + HEIGHT + BELOW - MARGIN));
    let places = places(topology, picture);
    for shape in &mut picture.services {
        let endpoints = topology.services.get(&shape.key).into_iter().flat_map(|it| &it.endpoints);
        let end = |it: &api::topology::Endpoint| {
            Some(End { address: it.address, ready: it.ready, at: *places.get(&it.address)? })
        };
        shape.ends = endpoints.filter_map(end).collect();
    }
}

/// A Service that went leaves its place to the next that comes.
fn remember(topology: &Topology, memory: &mut Memory) {
    for place in &mut memory.services {
        place.take_if(|it| !topology.services.contains_key(it));
    }
    for key in topology.services.keys() {
        if memory.services.iter().any(|it| it.as_ref() == Some(key)) {
            continue;
        }
        match memory.services.iter_mut().find(|it| it.is_none()) {
            Some(free) => *free = Some(key.clone()),
            None => memory.services.push(Some(key.clone())),
        }
    }
}

fn shape(key: &str, service: &Service) -> ServiceShape {
    let name = pod_name(key).to_owned();
    let ports = service.ports.join(",");
    let address = match service.address.as_str() {
        "None" => format!("headless {ports}"),
        "" => service.kind.clone(),
        address => format!("{address} {ports}"),
    };
    let w = name_width(&name).max(mono_width(&address)) + 28.0;
    let whole = format!("Service {key}, {}, {address}", service.kind);
    ServiceShape {
        key: key.to_owned(),
        name,
        address,
        whole,
        front: (service.address.clone(), service.ports.clone()),
        rect: Rect { x: 0.0, y: 0.0, w, h: HEIGHT },
        ends: Vec::new(),
    }
}

/// Where each address is: the upper edge of its netns, or of its machine.
fn places(topology: &Topology, picture: &Picture) -> BTreeMap<IpAddr, Point> {
    let mut places = BTreeMap::new();
    let above = |rect: Rect| point(rect.middle().x, rect.y);
    for machine in &picture.machines {
        let (own, named) = netns_of(topology, machine.id);
        for netns in named.into_iter().chain(own) {
            let shape = machine.netns.iter().find(|it| it.id == netns);
            let at = above(shape.map_or(machine.rect, |it| it.rect));
            for device in topology.devices.values().filter(|it| it.netns == netns) {
                places.extend(device.addresses.iter().map(|it| (it.addr(), at)));
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::layout;
    use super::*;
    use api::topology::{Device, Endpoint, Machine, Netns, Role};
    use api::{DeviceId, MachineId, NetnsId};

    fn service(name: &str, endpoints: &[&str]) -> (String, Service) {
        let end = |it: &&str| Endpoint { address: it.parse().expect("an address"), ready: true };
        let service = Service {
            namespace: "default".into(),
            name: name.into(),
            kind: "ClusterIP".into(),
            address: "10.96.0.7".into(),
            ports: vec!["80/TCP".into()],
            endpoints: endpoints.iter().map(end).collect(),
        };
        (format!("default/{name}"), service)
    }

    /// A node with one Pod.
    fn node() -> Topology {
        let mut topology = Topology::default();
        topology.machines.insert(MachineId(1), Machine { name: "n".into(), role: Role::Node, at: None });
        let netns = |name: Option<&str>| Netns {
            machine: MachineId(1),
            name: name.map(str::to_owned),
            title: name.map(|_| "default/web-0".to_owned()),
        };
        topology.netns.insert(NetnsId(1), netns(None));
        topology.netns.insert(NetnsId(2), netns(Some("cni-1")));
        let device = Device {
            netns: NetnsId(2),
            ifindex: 2,
            name: "eth0".into(),
            kind: "veth".into(),
            mac: String::new(),
            mtu: 1500,
            up: true,
            running: true,
            addresses: vec!["10.244.1.5/24".parse().expect("a net")],
            master: None,
            peer: None,
            detail: String::new(),
        };
        topology.devices.insert(DeviceId(1), device);
        topology
    }

    #[test]
    fn a_service_stands_above_the_machines_and_leads_to_its_pods() {
        let mut topology = node();
        let bare = layout(&topology, &mut Memory::default());
        topology.services.extend([service("web", &["10.244.1.5", "10.244.9.9"])]);
        let picture = layout(&topology, &mut Memory::default());
        let (shape, machine) = (&picture.services[0], &picture.machines[0]);
        assert!(shape.rect.bottom() < machine.rect.y);
        assert_eq!(shape.ends.len(), 1, "an endpoint that stands nowhere has no line");
        assert_eq!(shape.ends[0].at.y, machine.netns[0].rect.y);
        assert_eq!(picture.height - bare.height, machine.rect.y - bare.machines[0].rect.y);
    }

    #[test]
    fn a_service_is_found_by_its_address_and_by_its_node_port() {
        let mut topology = node();
        topology.services.extend([service("web", &[])]);
        if let Some(service) = topology.services.get_mut("default/web") {
            service.ports = vec!["80:30080/TCP".into(), "443/TCP".into()];
        }
        let picture = layout(&topology, &mut Memory::default());
        let found = |end: &str| picture.service_at(end).map(|it| it.key.as_str());
        assert_eq!(found("10.96.0.7:80"), Some("default/web"));
        assert_eq!(found("10.96.0.7:443"), Some("default/web"));
        assert_eq!(found("192.168.1.11:30080"), Some("default/web"));
        assert_eq!(found("192.168.1.11:80"), None);
        assert_eq!(found("10.96.0.7:30080"), None);
        assert_eq!(found("10.96.0.7"), None);
    }

    #[test]
    fn a_service_keeps_its_place_and_a_new_one_takes_a_free_one() {
        let mut topology = node();
        let mut memory = Memory::default();
        topology.services.extend([service("b", &[]), service("c", &[])]);
        layout(&topology, &mut memory);
        topology.services.remove("default/b");
        topology.services.extend([service("a", &[])]);
        let names: Vec<String> =
            layout(&topology, &mut memory).services.iter().map(|it| it.name.clone()).collect();
        assert_eq!(names, ["a", "c"]);
    }

    #[test]
    fn services_without_room_are_counted() {
        let mut topology = node();
        topology.services.extend((0..30).map(|n| service(&format!("s{n:02}"), &[])));
        let picture = layout(&topology, &mut Memory::default());
        assert_eq!((picture.services.len(), picture.services_left), (DRAWN, 30 - DRAWN));
    }
}
