//! The edge to smoltcp: one socket in a set of its own, driven one packet at a time.
//!
//! Called by `connection`. Always: an [`Engine`] holds exactly one smoltcp socket; nothing here knows of devices.
//! Differs from Linux, and stays so: fixed buffers of 64 KiB each way, one SACK block sent and received ones ignored,
//! no PAWS, no ECN, no fast open.
//! Sources: smoltcp 0.14, `iface::Interface`, `socket::tcp`.

use crate::hash::hash_of;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::HardwareAddress;

/// Of each direction; the largest window without scaling.
pub(super) const BUFFER: usize = 65_535;

/// One smoltcp socket.
#[derive(Debug)]
pub(super) struct Engine {
    set: SocketSet<'static>,
    handle: SocketHandle,
}

impl Engine {
    pub fn new() -> Engine {
        let mut set = SocketSet::new(Vec::with_capacity(1));
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let handle = set.add(Socket::new(buffer(), buffer()));
        Engine { set, handle }
    }

    pub fn socket(&self) -> &Socket<'static> {
        self.set.get(self.handle)
    }

    pub fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.set.get_mut(self.handle)
    }
}

/// An Interface of one (namespace, MTU): smoltcp reads the segment size off it.
pub(super) struct Stack {
    interface: Interface,
    mtu: usize,
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stack({})", self.mtu)
    }
}

/// What smoltcp sent during one call.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Outbox {
    pub fn packets(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl Stack {
    /// Initial sequence numbers come from `seed` and the namespace alone.
    pub fn new(seed: u64, ns: api::NetnsId, mtu: usize) -> Stack {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = hash_of(&(seed, ns.0, mtu));
        let mut interface = Interface::new(
            config,
            &mut Wire { incoming: None, outbox: &mut Outbox::default(), mtu },
            Instant::ZERO,
        );
        interface.set_any_ip(true);
        Stack { interface, mtu }
    }

    pub fn interface(&mut self) -> &mut Interface {
        &mut self.interface
    }

    /// One packet in; what smoltcp answers at once goes to `outbox`.
    pub fn ingress(&mut self, engine: &mut Engine, clock: Instant, packet: &[u8], outbox: &mut Outbox) {
        let mut wire = Wire { incoming: Some(packet), outbox, mtu: self.mtu };
        // It says whether a socket may have changed; the caller looks for itself.
        let _changed = self.interface.poll_ingress_single(clock, &mut wire, &mut engine.set);
    }

    /// All that the socket wants to send now.
    pub fn egress(&mut self, engine: &mut Engine, clock: Instant, outbox: &mut Outbox) {
        /// A socket sends no more than two buffers of one byte each at one stroke.
        const MOST: usize = 2 * BUFFER;
        let mut wire = Wire { incoming: None, outbox, mtu: self.mtu };
        for _ in 0..MOST {
            let sent = wire.outbox.ends.len();
            let _changed = self.interface.poll_egress(clock, &mut wire, &mut engine.set);
            if wire.outbox.ends.len() == sent {
                return;
            }
        }
    }

    /// When the socket's own timers want it looked at.
    pub fn due(&mut self, engine: &Engine, clock: Instant) -> Option<Instant> {
        self.interface.poll_at(clock, &engine.set)
    }
}

struct Wire<'a> {
    incoming: Option<&'a [u8]>,
    outbox: &'a mut Outbox,
    mtu: usize,
}

struct Incoming<'a>(&'a [u8]);
struct Outgoing<'a>(&'a mut Outbox);

impl Device for Wire<'_> {
    type RxToken<'b>
        = Incoming<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Outgoing<'b>
    where
        Self: 'b;

    fn receive(&mut self, _: Instant) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        Some((Incoming(self.incoming.take()?), Outgoing(self.outbox)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(self.outbox))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let start = self.0.bytes.len();
        self.0.bytes.resize(start + length, 0);
        self.0.ends.push(start + length);
        f(&mut self.0.bytes[start..])
    }
}
