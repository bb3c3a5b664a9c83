//! All namespaces, devices and cables of a world, and the events under way between them; the only owner.
//!
//! Always: nothing happens but through a public method here or an event of the queue; one event runs to completion.

use sim::{EventQueue, Instant, Rng};

/// What is due at some time.
#[derive(Debug)]
pub(crate) enum Event {
    Tcp(crate::socket::TcpEvent),
    /// Flows whose time may have come are looked at.
    Conntrack,
}

pub struct Network {
    pub(crate) now: Instant,
    pub(crate) seed: u64,
    pub(crate) queue: EventQueue<Event>,
    pub(crate) rng: Rng,
    next_journey: u64,
    pub(crate) sockets: crate::socket::Sockets,
    pub(crate) netfilter: crate::netfilter::Netfilter,
}

impl Network {
    pub fn new(seed: u64) -> Network {
        Network {
            now: Instant::BOOT,
            seed,
            queue: EventQueue::default(),
            rng: Rng::stream(seed, "net"),
            next_journey: 1,
            sockets: Default::default(),
            netfilter: crate::netfilter::Netfilter::new(seed),
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
                match event {
                    Event::Tcp(event) => self.tcp_event(event),
                    Event::Conntrack => self.conntrack_due(),
                }
                true
            }
            None => {
                self.now = self.now.max(until);
                false
            }
        }
    }

    pub(crate) fn new_journey(&mut self) -> api::JourneyId {
        self.next_journey += 1;
        api::JourneyId(self.next_journey - 1)
    }
}
