//! All namespaces, devices and cables of a world, and the events under way between them; the only owner.
//!
//! Always: nothing happens but through a public method here or an event of the queue; one event runs to completion.

use crate::Packet;
use crate::arena::Arena;
use crate::device::{Device, StpTimer};
use crate::ip::FragmentKey;
use crate::machine::Machine;
use crate::neighbour::NeighbourId;
use crate::netns::Netns;
use crate::trace::Trace;
use api::{DeviceId, MachineId, NetnsId};
use sim::{EventQueue, Instant, Rng};

/// What is due at some time.
#[derive(Debug)]
pub(crate) enum Event {
    Tcp(crate::socket::TcpEvent),
    /// Flows whose time may have come are looked at.
    Conntrack,
    /// A frame reaches a device: `data()` starts at its Ethernet header.
    Arrive {
        device: DeviceId,
        packet: Packet,
    },
    /// Changes of carrier are looked at.
    LinkWatch(MachineId),
    Neighbour {
        ns: NetnsId,
        id: NeighbourId,
        generation: u32,
    },
    /// Proxied ARP requests wait a moment before they are answered.
    ProxyArp {
        device: DeviceId,
        packet: Packet,
    },
    Stp {
        device: DeviceId,
        timer: StpTimer,
        generation: u32,
    },
    Fragments {
        ns: NetnsId,
        key: FragmentKey,
        generation: u32,
    },
    /// The next step of a new IPv6 address (duplicate address detection, router solicitation).
    Ipv6 {
        device: DeviceId,
        generation: u32,
    },
}

pub struct Network {
    pub(crate) now: Instant,
    pub(crate) seed: u64,
    pub(crate) queue: EventQueue<Event>,
    pub(crate) rng: Rng,
    pub(crate) sockets: crate::socket::Sockets,
    pub(crate) netfilter: crate::netfilter::Netfilter,
    pub(crate) mac_rng: Rng,
    pub(crate) loss_rng: Rng,
    pub(crate) neighbour_rng: Rng,
    pub(crate) machines: Arena<MachineId, Machine>,
    pub(crate) netns: Arena<NetnsId, Netns>,
    pub(crate) devices: Arena<DeviceId, Device>,
    pub(crate) trace: Trace,
    /// Machines whose changes of carrier are looked at as soon as the call or event is over.
    pub(crate) watch_now: Vec<MachineId>,
    /// How many devices are just handing a frame on to one another (`dev_xmit_recursion`).
    pub(crate) handing_on: u8,
    /// Changes with everything that `topology.rs` shows.
    pub(crate) generation: u64,
}

impl Network {
    pub fn new(seed: u64) -> Network {
        Network {
            now: Instant::BOOT,
            seed,
            queue: EventQueue::default(),
            rng: Rng::stream(seed, "net"),
            sockets: Default::default(),
            netfilter: crate::netfilter::Netfilter::new(seed),
            mac_rng: Rng::stream(seed, "mac"),
            loss_rng: Rng::stream(seed, "cable loss"),
            neighbour_rng: Rng::stream(seed, "neighbour"),
            machines: Arena::default(),
            netns: Arena::default(),
            devices: Arena::default(),
            trace: Trace::default(),
            watch_now: Vec::new(),
            handing_on: 0,
            generation: 1,
        }
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    /// When the next event is due.
    pub fn next_at(&mut self) -> Option<Instant> {
        self.queue.next_at()
    }

    /// Runs the next event due at or before `until`; else sets the clock to `until` and says false.
    pub fn step(&mut self, until: Instant) -> bool {
        match self.queue.pop(until) {
            Some((at, event)) => {
                self.now = self.now.max(at);
                self.run(event);
                self.settle();
                true
            }
            None => {
                self.now = self.now.max(until);
                false
            }
        }
    }

    fn run(&mut self, event: Event) {
        match event {
            Event::Arrive { device, packet } => self.arrive(device, packet),
            Event::LinkWatch(machine) => self.linkwatch_due(machine),
            Event::Neighbour { ns, id, generation } => self.neighbour_timer(ns, id, generation),
            Event::ProxyArp { device, packet } => self.arp_proxy_answer(device, packet),
            Event::Stp { device, timer, generation } => self.stp_timer(device, timer, generation),
            Event::Fragments { ns, key, generation } => self.fragments_timeout(ns, key, generation),
            Event::Ipv6 { device, generation } => self.ipv6_timer(device, generation),
            Event::Tcp(event) => self.tcp_event(event),
            Event::Conntrack => self.conntrack_due(),
        }
    }

    /// What the kernel does when it lets go of its lock: looks at changes of carrier that are urgent.
    pub(crate) fn settle(&mut self) {
        while let Some(machine) = self.watch_now.pop() {
            self.linkwatch_run(machine);
        }
    }
}
