//! What sockets ask of the packet path: the way to a peer, and to take a packet.
//!
//! Stands between `socket` and `path`: the only file here that knows how `path` is called.
//! Differs from Linux: no IP options on what sockets send.

use super::header::IPV4;
use super::option::Options;
use super::{MtuDiscover, ReceivedError, SocketId, SocketKind};
use crate::ip::header::{Fields, ethertype, push};
use crate::packet::PacketType;
use crate::path::{FlowKey, query_of};
use crate::rtnetlink::RouteType;
use crate::{Errno, Network, Packet};
use api::{DeviceId, NetnsId};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Local,
    Unicast,
    Broadcast,
    Multicast,
}

/// How a packet for some destination leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// The socket's own address, or the one the route prefers.
    pub source: IpAddr,
    /// Of the path as far as known.
    pub mtu: u32,
    pub kind: Kind,
}

impl Network {
    /// The route for what the socket sends to `dst`; `flow` is (protocol, source port, destination port).
    pub(super) fn socket_way(
        &self,
        id: SocketId,
        dst: IpAddr,
        flow: Option<(u8, u16, u16)>,
    ) -> Result<Way, Errno> {
        let socket = self.sockets.get(id)?;
        let bound = Some(socket.local.ip()).filter(|ip| !ip.is_unspecified());
        let (protocol, source_port, destination_port) = flow.unwrap_or((0, 0, 0));
        #[cfg(test)]
        if let Some(way) = wire::way(socket.ns, dst) {
            return way;
        }
        let options = &socket.options;
        let group = dst.is_multicast().then_some(options.multicast_device).flatten();
        self.way(
            socket.ns,
            &FlowKey {
                destination: dst,
                source: bound,
                oif: options.device.or(group),
                tos: options.tos,
                mark: options.mark,
                uid: Some(socket.owner.uid),
                protocol,
                source_port,
                destination_port,
                any_source: options.transparent || options.header_included,
                on_link: options.dont_route,
            },
        )
    }

    fn way(&self, ns: NetnsId, flow: &FlowKey) -> Result<Way, Errno> {
        let route = self.route_output(ns, flow)?;
        let kind = match route.kind {
            RouteType::Local => Kind::Local,
            RouteType::Broadcast => Kind::Broadcast,
            RouteType::Multicast => Kind::Multicast,
            _ => Kind::Unicast,
        };
        Ok(Way { source: route.source, mtu: route.mtu, kind })
    }

    /// Puts the IP header with the socket's options in front of one transport message, and sends it.
    pub(super) fn datagram_out(
        &mut self,
        id: SocketId,
        way: &Way,
        (source, destination): (Ipv4Addr, Ipv4Addr),
        protocol: u8,
        mut message: Packet,
    ) -> Result<(), Errno> {
        let ns = self.sockets.get(id)?.ns;
        let (default_ttl, numbered) = (self.default_ttl(ns), self.ip_id());
        let socket = self.sockets.get(id)?;
        let options = &socket.options;
        let length = IPV4 + message.len();
        let fits = length <= way.mtu as usize;
        let probing = matches!(options.mtu_discover, MtuDiscover::Do | MtuDiscover::Probe);
        let dont_fragment = probing || (fits && options.mtu_discover == MtuDiscover::Want);
        if probing && !fits {
            let port = super::header::ports(message.data()).map_or(0, |(_, port)| port);
            self.local_error(id, Errno::EMSGSIZE, way.mtu, SocketAddr::new(destination.into(), port));
            return Err(Errno::EMSGSIZE);
        }
        let ttl = match destination.is_multicast() {
            true => options.multicast_ttl,
            false => options.ttl.unwrap_or(default_ttl),
        };
        let identification = match dont_fragment && socket.peer.is_none() {
            true => 0,
            false => numbered,
        };
        let tos = options.tos;
        push(
            &mut message,
            &Fields { source, destination, protocol, ttl, tos, identification, dont_fragment },
        );
        self.socket_output(id, message)
    }

    /// Hands a whole packet to the path; its journey begins.
    pub(super) fn socket_output(&mut self, id: SocketId, mut packet: Packet) -> Result<(), Errno> {
        let socket = self.sockets.get(id)?;
        let (ns, mark, device) = (socket.ns, socket.options.mark, socket.options.device);
        let owner = (socket.owner.uid, socket.owner.gid);
        let is_udp = socket.kind == SocketKind::Udp;
        let program = if self.trace.on { socket.owner.program.clone() } else { String::new() };
        packet.journey = self.journey_begin(ns, &program, None, ethertype::IPV4, packet.data());
        packet.mark = mark;
        packet.owner = Some(owner);
        packet.sound = u8::from(is_udp);
        self.hand_over(ns, packet, device)
    }

    /// The way of a flow that has no socket of a program (yet).
    pub(super) fn flow_way(&self, flow: &super::tcp::Flow, options: &Options) -> Result<Way, Errno> {
        #[cfg(test)]
        if let Some(way) = wire::way(flow.ns, flow.remote.ip()) {
            return way;
        }
        self.way(
            flow.ns,
            &FlowKey {
                destination: flow.remote.ip(),
                source: Some(flow.local.ip()),
                oif: options.device,
                tos: options.tos,
                mark: options.mark,
                protocol: crate::ip::header::protocol::TCP,
                source_port: flow.local.port(),
                destination_port: flow.remote.port(),
                any_source: true,
                ..FlowKey::default()
            },
        )
    }

    /// What a device is called, with its namespace, for those who come later.
    pub(crate) fn device_label(&self, device: DeviceId) -> String {
        let Some(it) = self.devices.get(device) else { return format!("device {}", device.0) };
        let ns = &self.netns[it.netns];
        let machine = &self.machines[ns.machine].name;
        match &ns.name {
            Some(name) => format!("{machine}/{name}:{}", it.name),
            None => format!("{machine}:{}", it.name),
        }
    }

    pub(super) fn frame_hand_over(
        &mut self,
        ns: NetnsId,
        device: DeviceId,
        frame: &[u8],
    ) -> Result<(), Errno> {
        if self.devices.get(device).is_none_or(|it| it.netns != ns) {
            return Err(Errno::ENXIO);
        }
        self.frame_output(device, frame)
    }

    /// May a socket be bound to it: an address of this machine, broadcast, multicast or unspecified.
    pub(super) fn may_bind(&self, ns: NetnsId, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                address.is_unspecified()
                    || !matches!(self.address_kind(ns, address), RouteType::Unicast | RouteType::Unspec)
                    || self.netns[ns].sysctl.int(crate::SysctlKey::IpNonlocalBind) != 0
            }
            IpAddr::V6(_) => true,
        }
    }

    /// The identification for a packet of a socket without its own count.
    pub(super) fn ip_id(&mut self) -> u16 {
        self.rng.next_u32() as u16
    }

    /// Conntrack's original destination of the flow that arrives here as `peer` → `local`.
    pub(super) fn flow_destination(
        &self,
        ns: NetnsId,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> Option<SocketAddr> {
        self.flow_original_destination(ns, peer, local, crate::netfilter::TCP)
    }

    pub(super) fn hand_over(
        &mut self,
        ns: NetnsId,
        packet: Packet,
        device: Option<DeviceId>,
    ) -> Result<(), Errno> {
        #[cfg(test)]
        if wire::is_used(ns) {
            wire::send(ns, packet);
            return Ok(());
        }
        let query = query_of(packet.data());
        let flow = FlowKey {
            destination: Ipv4Addr::from(query.destination).into(),
            source: Some(Ipv4Addr::from(query.source).into()),
            oif: device,
            tos: query.tos,
            mark: packet.mark,
            uid: packet.owner.map(|it| it.0).or(Some(0)),
            protocol: query.protocol,
            source_port: query.source_port,
            destination_port: query.destination_port,
            any_source: true,
            on_link: false,
        };
        match self.route_output(ns, &flow) {
            Ok(route) => self.output(ns, packet, &route),
            Err(errno) => {
                self.drop_in(ns, packet, api::DropReason::IpOutNoRoutes, "");
                Err(errno)
            }
        }
    }

    /// Queues an error of this machine itself for a socket with `RecvErr`.
    pub(super) fn local_error(&mut self, id: SocketId, errno: Errno, info: u32, destination: SocketAddr) {
        let at = self.now;
        let Ok(socket) = self.sockets.get_mut(id) else { return };
        if socket.options.recv_err {
            socket.queue_error(ReceivedError {
                errno,
                offender: None,
                icmp_type: 0,
                icmp_code: 0,
                info,
                destination,
                payload: Vec::new(),
                ttl: 0,
                at,
            });
            self.sockets.wake(id);
        }
    }

    /// Is that packet, which came in, for a group or for all on a link? The path told those of another kind apart.
    pub(super) fn is_for_many(&self, ns: NetnsId, destination: Ipv4Addr, packet: &Packet) -> bool {
        packet.kind != PacketType::Host
            && matches!(self.address_kind(ns, destination), RouteType::Broadcast | RouteType::Multicast)
    }
}

/// Instead of `path`: a wire between namespaces that each have one address, for tests of this folder alone.
#[cfg(test)]
pub(super) mod wire {
    use super::*;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    #[derive(Default)]
    pub struct Wire {
        pub addresses: Vec<(NetnsId, Ipv4Addr)>,
        pub mtu: u32,
        pub queue: VecDeque<(NetnsId, Packet)>,
    }

    thread_local! {
        pub static WIRE: RefCell<Wire> = RefCell::default();
    }

    /// Only where a test has strung it: other tests go by the real path.
    pub fn is_used(ns: NetnsId) -> bool {
        WIRE.with_borrow(|wire| wire.addresses.iter().any(|(at, _)| *at == ns))
    }

    pub fn way(ns: NetnsId, dst: IpAddr) -> Option<Result<Way, Errno>> {
        WIRE.with_borrow(|wire| {
            let own = wire.addresses.iter().find(|(at, _)| *at == ns)?;
            let source = if dst.is_loopback() { dst } else { own.1.into() };
            Some(Ok(Way { source, mtu: wire.mtu, kind: Kind::Unicast }))
        })
    }

    pub fn send(ns: NetnsId, packet: Packet) {
        WIRE.with_borrow_mut(|wire| {
            let dst =
                crate::socket::header::Ipv4::parse(packet.data()).expect("sockets write whole packets").dst;
            let to = wire.addresses.iter().find(|(_, address)| *address == dst).map_or(ns, |(at, _)| *at);
            wire.queue.push_back((to, packet));
        });
    }
}
