//! A lab's machines under one clock: requests in, events out.
//!
//! Always: boots to the same instant every time; nothing changes it but `handle` and time.

use crate::chores::Chores;
use crate::cluster::Objects;
use api::cluster::{ObjectKey, ObjectShown};
use api::event::{Event, Protocol};
use api::inspect::FrameRow;
use api::journey::Journey;
use api::lab::Setup;
use api::request::Request;
use api::topology::Topology;
use api::{FrameId, JourneyId, Lab, MachineId, NetnsId, TtyId};
use linux::{ExecOptions, System};
use net::Cable;
use sim::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the set-up of a lab may take: a virtual minute a command.
const SETUP_PATIENCE: u64 = 60_000_000_000;
/// After the set-up the machines are left alone for so long, so that links settle: two virtual seconds.
const SETTLING: u64 = 2_000_000_000;
/// Flight times kept for stepping back.
const FLIGHTS_KEPT: usize = 100_000;
/// Command lines kept for `used` checks.
const LINES_KEPT: usize = 10_000;
/// Packets are told apart at least every so many events, before the first of them are forgotten.
const SORTING: usize = 512;

pub struct World {
    pub(crate) system: System,
    machines: BTreeMap<String, MachineId>,
    /// What the page knows of the topology, and of which generation.
    told: Topology,
    generation: u64,
    positions: BTreeMap<MachineId, (i32, i32)>,
    next_frame: FrameId,
    flights: Vec<u64>,
    flights_counted: u64,
    entered: Vec<(TtyId, String)>,
    entered_told: usize,
    /// Both of a lab with a cluster.
    chores: Option<Chores>,
    objects: Option<Objects>,
    out: Vec<Event>,
}

impl World {
    /// The lab as it stands when its set-up has run and its links have settled.
    pub fn boot(lab: &Lab, seed: u64) -> World {
        let (lab, addresses) = &crate::cluster::with_machines(lab);
        let mut world = World {
            system: System::new(seed, linux::cmd::ALL.iter().copied()),
            machines: BTreeMap::new(),
            told: Topology::default(),
            generation: 0,
            positions: BTreeMap::new(),
            next_frame: FrameId(1),
            flights: Vec::new(),
            flights_counted: 0,
            entered: Vec::new(),
            entered_told: 0,
            chores: None,
            objects: None,
            out: Vec::new(),
        };
        for machine in &lab.machines {
            let id = world.system.machine_add(&machine.name, machine.role);
            world.machines.insert(machine.name.clone(), id);
            world.positions.extend(machine.at.map(|at| (id, at)));
        }
        for cable in &lab.cables {
            world.cable(cable);
        }
        world.start_ssh(lab);
        addresses.iter().for_each(|setup| world.set_up(setup));
        world.start_cluster(lab, seed);
        lab.setup.iter().for_each(|setup| world.set_up(setup));
        world.objects = crate::cluster::objects(&world);
        world.chores = lab.cluster.as_ref().map(|_| Chores::from(world.next_journey()));
        let settled = world.now() + SETTLING;
        world.system.net.set_watching(true);
        world.system.net.set_capturing(true);
        world.advance_to(settled);
        world.sort_chores();
        if let Some(chores) = &mut world.chores {
            chores.settle();
        }
        world
    }

    fn set_up(&mut self, setup: &Setup) {
        let Some(machine) = self.machine(&setup.on) else {
            return self.complain(&setup.run, &format!("there is no machine `{}`", setup.on));
        };
        match self.execute(machine, &setup.run, ExecOptions::default(), SETUP_PATIENCE) {
            Some((_, _, 0)) => {}
            Some((out, err, exit)) => self.complain(&setup.run, &format!("exit {exit}: {out}{err}")),
            None => self.complain(&setup.run, "did not end"),
        }
    }

    /// Machines on a cable let each other in over ssh.
    fn start_ssh(&mut self, lab: &Lab) {
        let ends = |cable: &api::lab::CableSpec| [cable.ends.0.clone(), cable.ends.1.clone()];
        let wired: Vec<String> = lab.cables.iter().flat_map(ends).collect();
        for (name, machine) in self.machines.clone() {
            if wired.iter().any(|end| end.split(':').next() == Some(name.as_str())) {
                self.system.sshd_start(machine).expect("a new machine has room for a server");
            }
        }
    }

    /// The world that this tape makes by `until`.
    pub fn replayed(lab: &Lab, seed: u64, tape: &[api::request::Recorded], until: u64) -> World {
        let mut world = World::boot(lab, seed);
        for recorded in tape {
            world.advance_to(recorded.at);
            world.handle(&recorded.request);
        }
        world.advance_to(until);
        // What was typed is known, so that a probe may ask for it.
        world.gather();
        world
    }

    pub fn now(&self) -> u64 {
        self.system.now().nanos()
    }

    pub fn next_at(&mut self) -> Option<u64> {
        self.system.next_at().map(Instant::nanos)
    }

    pub fn handle(&mut self, request: &Request) {
        match request {
            Request::OpenTty { tty, machine, columns, rows } => match self.machine(machine) {
                Some(id) => {
                    self.system.tty_open(id, *tty, *columns, *rows);
                    self.out.push(Event::TtyOpened { tty: *tty, machine: machine.clone() });
                }
                None => self.out.push(Event::TtyClosed { tty: *tty }),
            },
            Request::Type { tty, bytes } => self.system.tty_input(*tty, bytes),
            Request::Resize { tty, columns, rows } => self.system.tty_resize(*tty, *columns, *rows),
            Request::CloseTty { tty } => self.system.tty_close(*tty),
        }
        self.run_ready();
    }

    /// What is due at this very instant: the answer to a key is not put off to the next tick.
    fn run_ready(&mut self) {
        let now = self.now();
        self.advance(now, &mut 100_000);
    }

    /// Runs to `until`, however much happens on the way.
    pub(crate) fn advance_to(&mut self, until: u64) {
        let mut budget = usize::MAX;
        self.advance(until, &mut budget);
    }

    /// Runs to `until`, or until `budget` events are spent; true where it got there.
    pub fn advance(&mut self, until: u64, budget: &mut usize) -> bool {
        while *budget > 0 {
            *budget -= 1;
            if !self.system.step(Instant::from_nanos(until)) {
                return true;
            }
            if budget.is_multiple_of(SORTING) {
                self.sort_chores();
            }
        }
        false
    }

    /// One event at or before `until`; false where there is none.
    pub fn step(&mut self, until: u64) -> bool {
        let stepped = self.system.step(Instant::from_nanos(until));
        self.gather();
        stepped
    }

    /// Nothing goes on: every terminal waits at its prompt and no packet is under way.
    pub fn settled(&self) -> bool {
        self.system.is_idle() && self.system.net.open_journeys() == 0
    }

    pub fn machine(&self, name: &str) -> Option<MachineId> {
        self.machines.get(name).copied()
    }

    /// A machine's own namespace, or a named one of it.
    pub fn netns(&self, machine: &str, name: Option<&str>) -> Option<NetnsId> {
        let machine = self.machine(machine)?;
        match name {
            Some(name) => self.system.netns_named(machine, name),
            None => Some(self.system.host(machine).netns),
        }
    }

    /// For tests and benchmarks, which drive the engine below the level of requests.
    pub fn system_mut(&mut self) -> &mut System {
        &mut self.system
    }

    /// What stands where, as it was told last.
    pub fn topology(&self) -> &Topology {
        &self.told
    }

    pub(crate) fn object(&self, key: &ObjectKey) -> Option<ObjectShown> {
        self.objects.as_ref()?.shown(&self.system, key)
    }

    pub(crate) fn has_netns(&self, machine: MachineId, name: &str) -> bool {
        self.system.netns_named(machine, name).is_some()
    }

    pub(crate) fn place_name(&self, machine: MachineId, netns: NetnsId) -> String {
        self.system.place_name(machine, netns)
    }

    /// Runs a command as root until it ends: standard output, standard error, exit code.
    pub(crate) fn execute(
        &mut self,
        machine: MachineId,
        command: &str,
        options: ExecOptions,
        patience: u64,
    ) -> Option<(String, String, u8)> {
        let id = self.system.exec(machine, command, options);
        let until = self.system.now() + Duration::from_nanos(patience);
        loop {
            if let Some(exit) = self.system.exit_of(id) {
                let (out, err) = self.system.take_output(id);
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                return Some((text(out), text(err), exit.0));
            }
            if !self.system.step(until) {
                return None;
            }
        }
    }

    fn cable(&mut self, spec: &api::lab::CableSpec) {
        let macs = spec.macs.clone().map_or([None, None], |(a, b)| [a.parse().ok(), b.parse().ok()]);
        let ends = [&spec.ends.0, &spec.ends.1];
        let cards: Vec<_> = ends
            .into_iter()
            .zip(macs)
            .filter_map(|(end, mac)| {
                let (machine, device) = end.split_once(':')?;
                let netns = self.system.host(self.machine(machine)?).netns;
                self.system.net.nic_add(netns, device, mac).ok()
            })
            .collect();
        let cable = Cable {
            latency: Duration::from_micros(u64::from(spec.latency_us)),
            bits_per_second: u64::from(spec.mbit) * 1_000_000,
            loss_permille: spec.loss_permille,
        };
        let joined = match cards[..] {
            [a, b] => self.system.net.cable_connect(a, b, cable).is_ok(),
            _ => false,
        };
        if !joined {
            let what = format!("cable {} – {}", spec.ends.0, spec.ends.1);
            self.complain(&what, "expected machine:device twice, each a new card");
        }
    }

    /// A fault of the lab itself, told in the terminals' place: the page shows it, the proof fails on it.
    pub(crate) fn complain(&mut self, what: &str, words: &str) {
        self.out.push(Event::LabFault { words: format!("{what}: {words}") });
    }

    pub(crate) fn entered(&self) -> impl Iterator<Item = &str> {
        self.entered.iter().map(|(_, line)| line.as_str())
    }

    /// Command lines entered since this was last asked.
    pub(crate) fn take_entered(&mut self) -> Vec<(TtyId, String)> {
        self.gather();
        let new = self.entered[self.entered_told..].to_vec();
        self.entered_told = self.entered.len();
        new
    }

    /// Frames that have crossed from device to device since boot.
    pub fn flights(&self) -> u64 {
        self.flights_counted
    }

    pub(crate) fn last_flight(&self, at: u64) -> Option<u64> {
        self.flights.iter().rev().copied().find(|sent| *sent <= at)
    }

    /// The number that the next packet will have.
    pub(crate) fn next_journey(&self) -> JourneyId {
        self.system.net.next_journey()
    }

    /// Packets made from that one on, the oldest first.
    pub(crate) fn journeys_since(&self, first: JourneyId) -> Vec<Journey> {
        self.system.net.journeys_since(first)
    }

    /// Turns what has happened below into events.
    fn gather(&mut self) {
        self.out.extend(self.objects.as_mut().and_then(|it| it.news(&self.system)).map(Event::Objects));
        let moved = self.objects.as_mut().is_some_and(Objects::moved);
        if moved || self.system.net.topology_generation() != self.generation {
            self.generation = self.system.net.topology_generation();
            let mut places = self.system.net.places();
            for (id, machine) in &mut places.machines {
                machine.at = self.positions.get(id).copied();
            }
            crate::cluster::name_pods(&self.system, &mut places);
            self.objects.iter().for_each(|it| it.put_services(&mut places));
            let devices = std::mem::take(&mut self.told.devices);
            let mut delta = self.told.delta(&places);
            (delta.put.devices, delta.gone_devices) = self.system.net.devices_changed(&devices);
            self.told.devices = devices;
            if !delta.is_empty() {
                self.told.apply(delta.clone());
                self.out.push(Event::Topology(delta));
            }
        }
        self.sort_chores();
        let chores = self.chores.as_mut().map(Chores::take).unwrap_or_default();
        if !chores.is_empty() {
            self.out.push(Event::Chores(chores));
        }
        self.gather_trace();
        let at = self.now();
        for (tty, line) in self.system.take_entered_lines() {
            self.out.push(Event::CommandEntered { tty, line: line.clone(), at });
            if self.entered.len() < LINES_KEPT {
                self.entered.push((tty, line));
            }
        }
        self.out.extend(
            self.system.take_tty_output().into_iter().map(|(tty, bytes)| Event::Output { tty, bytes }),
        );
        self.out.extend(
            self.system.take_lab_commands().into_iter().map(|(tty, words)| Event::LabCommand { tty, words }),
        );
        self.out.extend(self.system.take_closed_ttys().into_iter().map(|tty| Event::TtyClosed { tty }));
        let frames: Vec<FrameRow> = self.system.net.frames_since(self.next_frame);
        if let Some(last) = frames.last() {
            self.next_frame = FrameId(last.frame.0 + 1);
            self.out.push(Event::Frames(frames));
        }
    }

    fn sort_chores(&mut self) {
        if let Some(chores) = &mut self.chores {
            chores.sort(&self.system.net);
        }
    }

    fn gather_trace(&mut self) {
        for event in self.system.net.take_trace() {
            // What IPv6 says unasked is no packet to step to, nor is what a cluster does for itself.
            let is_chore = |id| self.chores.as_ref().is_some_and(|chores| chores.has(id));
            if let Event::Flight(flight) = &event
                && flight.protocol != Protocol::Ipv6
                && !is_chore(flight.journey)
            {
                self.flights_counted += 1;
                if self.flights.len() == FLIGHTS_KEPT {
                    self.flights.drain(..FLIGHTS_KEPT / 2);
                }
                self.flights.push(flight.sent);
            }
            self.out.push(event);
        }
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        self.gather();
        std::mem::take(&mut self.out)
    }
}
