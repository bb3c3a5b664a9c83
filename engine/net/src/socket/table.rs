//! All sockets of all namespaces, and who is to be woken.
//!
//! Always: a [`SocketId`] names one socket for ever (slot and generation); a socket is listed in its namespace
//! from `socket` to `close`; it stands in the list of the woken at most once.

use super::{Owner, ReceivedError, SocketId, SocketKind, SocketOption};
use crate::socket::option::Options;
use crate::{Errno, Network};
use api::{DeviceId, JourneyId, NetnsId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Errors kept for `recv_error`; beyond, the newest is lost (Linux: by the receive buffer's size).
const ERROR_QUEUE: usize = 64;
/// Sockets of a world; beyond, `socket` is ENFILE.
const MOST_SOCKETS: usize = 1 << 20;

pub(super) const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What is the same for sockets of every kind.
#[derive(Debug)]
pub(super) struct Socket {
    pub ns: NetnsId,
    pub kind: SocketKind,
    pub owner: Owner,
    pub inode: u64,
    pub options: Options,
    pub local: SocketAddr,
    pub peer: Option<SocketAddr>,
    /// SO_ERROR
    pub error: Option<Errno>,
    pub errors: VecDeque<ReceivedError>,
    /// Already in the list of the woken.
    pub woken: bool,
    /// The packet that came for it last.
    pub heard: Option<JourneyId>,
    pub shut_read: bool,
    pub shut_write: bool,
    /// `bind` named the port: it is not given to others by `connect`.
    pub port_bound: bool,
    pub body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Tcp(super::tcp::TcpState),
    Datagram(super::datagram::Queue),
    Packet(super::packet::FrameQueue),
}

impl Socket {
    /// AF_INET6
    pub fn v6(&self) -> bool {
        self.local.is_ipv6()
    }

    pub fn queue_error(&mut self, error: ReceivedError) {
        if self.errors.len() < ERROR_QUEUE {
            self.errors.push_back(error);
        }
    }
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    socket: Option<Box<Socket>>,
}

/// The lookup tables of one namespace.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// Every socket, by inode: the order of their making.
    pub all: BTreeMap<u64, SocketId>,
    /// Bound UDP sockets by port.
    pub udp: BTreeMap<u16, BTreeSet<SocketId>>,
    /// All TCP sockets that have a local port, by it.
    pub tcp: BTreeMap<u16, BTreeSet<SocketId>>,
    /// Listeners among them, newest first.
    pub listeners: BTreeMap<u16, Vec<SocketId>>,
    /// ICMP sockets by identifier.
    pub icmp: BTreeMap<u16, SocketId>,
    pub raw: BTreeSet<SocketId>,
    pub packet: BTreeSet<SocketId>,
}

#[derive(Debug, Default)]
pub(crate) struct Sockets {
    slots: Vec<Slot>,
    free: Vec<u32>,
    woken: VecDeque<SocketId>,
    pub(super) spaces: BTreeMap<NetnsId, Space>,
    /// Packet sockets of all namespaces.
    pub(super) packets_open: usize,
    last_inode: u64,
    /// The identifier given last to an ICMP socket (`ping_port_rover`).
    pub(super) icmp_rover: u16,
    pub(super) tcp: super::tcp::Tcp,
    pub(crate) capture: crate::capture::Capture,
}

impl Sockets {
    pub(super) fn get(&self, id: SocketId) -> Result<&Socket, Errno> {
        let slot = self.slots.get(id.0 as u32 as usize).ok_or(Errno::EBADF)?;
        (slot.generation == (id.0 >> 32) as u32)
            .then_some(slot.socket.as_deref())
            .flatten()
            .ok_or(Errno::EBADF)
    }

    pub(super) fn get_mut(&mut self, id: SocketId) -> Result<&mut Socket, Errno> {
        let slot = self.slots.get_mut(id.0 as u32 as usize).ok_or(Errno::EBADF)?;
        (slot.generation == (id.0 >> 32) as u32)
            .then_some(slot.socket.as_deref_mut())
            .flatten()
            .ok_or(Errno::EBADF)
    }

    pub(super) fn insert(
        &mut self,
        ns: NetnsId,
        kind: SocketKind,
        owner: Owner,
        body: Body,
    ) -> Result<SocketId, Errno> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < MOST_SOCKETS => {
                self.slots.push(Slot::default());
                self.slots.len() as u32 - 1
            }
            None => return Err(Errno::ENFILE),
        };
        let inode = self.new_inode();
        let slot = &mut self.slots[index as usize];
        slot.socket = Some(Box::new(Socket {
            ns,
            kind,
            owner,
            inode,
            options: Options::default(),
            local: ANY,
            peer: None,
            error: None,
            errors: VecDeque::new(),
            woken: false,
            heard: None,
            shut_read: false,
            shut_write: false,
            port_bound: false,
            body,
        }));
        let id = SocketId(u64::from(slot.generation) << 32 | u64::from(index));
        self.spaces.entry(ns).or_default().all.insert(inode, id);
        Ok(id)
    }

    /// Inode numbers start where a booted Linux machine's sockets roughly do.
    pub(super) fn new_inode(&mut self) -> u64 {
        self.last_inode += 1;
        16_000 + self.last_inode
    }

    pub(super) fn remove(&mut self, id: SocketId) -> Result<Box<Socket>, Errno> {
        self.get(id)?;
        let slot = &mut self.slots[id.0 as u32 as usize];
        let socket = slot.socket.take().ok_or(Errno::EBADF)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.0 as u32);
        if socket.woken {
            self.woken.retain(|woken| *woken != id);
        }
        if let Some(space) = self.spaces.get_mut(&socket.ns) {
            space.all.remove(&socket.inode);
        }
        Ok(socket)
    }

    pub(super) fn space(&self, ns: NetnsId) -> Option<&Space> {
        self.spaces.get(&ns)
    }

    pub(super) fn wake(&mut self, id: SocketId) {
        let Ok(socket) = self.get_mut(id) else { return };
        if !std::mem::replace(&mut socket.woken, true) {
            self.woken.push_back(id);
        }
    }

    pub(super) fn fail(&mut self, id: SocketId, errno: Errno) {
        if let Ok(socket) = self.get_mut(id) {
            socket.error = Some(errno);
            self.wake(id);
        }
    }

    pub(super) fn take_woken(&mut self) -> Vec<SocketId> {
        let woken: Vec<SocketId> = self.woken.drain(..).collect();
        for id in &woken {
            if let Ok(socket) = self.get_mut(*id) {
                socket.woken = false;
            }
        }
        woken
    }

    /// In the order of their making.
    pub(super) fn ids(&self, ns: NetnsId) -> impl Iterator<Item = SocketId> + '_ {
        self.spaces.get(&ns).into_iter().flat_map(|space| space.all.values().copied())
    }

    pub(super) fn ids_bound_to(&self, device: DeviceId) -> Vec<SocketId> {
        let bound = |id: &SocketId| {
            self.get(*id).is_ok_and(|socket| {
                socket.options.device == Some(device)
                    || matches!(socket.kind, SocketKind::Packet { device: Some(on), .. } if on == device)
            })
        };
        self.spaces.values().flat_map(|space| space.all.values().copied()).filter(bound).collect()
    }
}

impl Network {
    /// Sets a socket's option; what a kind of socket does not know is ENOPROTOOPT.
    pub fn set_option(&mut self, id: SocketId, option: SocketOption) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        socket.options.set(&socket.kind, socket.owner.uid, &option)?;
        if let Body::Tcp(_) = socket.body {
            self.tcp_option_changed(id);
        }
        Ok(())
    }
}
