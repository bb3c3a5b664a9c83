//! What processes wait for: things of other modules, and times.
//!
//! Called by whoever has news; the scheduler runs what is ready. Always: a process and the system note the same waits, so
//! that its end costs no look at the others'.

use crate::container::ContainerId;
use crate::process::ProcessId;
use crate::sys::ALL_CALLS;
use crate::system::System;
use api::{MachineId, TtyId};
use sim::Instant;

/// When a process is woken, and which asking of one instant it was.
pub(crate) type Timer = (Instant, u64);

/// What a process can wait for besides time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitOn {
    Child(ProcessId),
    /// Any child of that process.
    Children(ProcessId),
    /// A thing of another module under that module's own number (pipe, terminal, socket).
    Pipe(u32),
    Tty(TtyId),
    /// Something was printed on it: what sshd waits for.
    TtyOutput(TtyId),
    Socket(net::SocketId),
    /// A file of that machine, or of a container on it, was renamed: what inotify(7) calls IN_MOVED_TO.
    Renamed(MachineId),
    /// What a container prints.
    Log(ContainerId),
    /// News that a crate above tells of with [`System::wake`], under its own number.
    Notice(MachineId, u32),
}

impl System {
    /// Notes that the call which `id` is making waits; forgotten when the thing wakes it.
    pub fn wait_on(&mut self, thing: WaitOn, id: ProcessId) {
        // One that has ended waits for nothing.
        if let Some(process) = self.processes.get_mut(&id).filter(|it| it.exit.is_none()) {
            let calls = process.waits.entry(thing).or_default();
            if !calls.contains(&self.calling) {
                calls.push(self.calling);
            }
            self.waiting.entry(thing).or_default().insert(id);
        }
    }

    /// Does the call that `id` is making still wait for `thing`?
    pub(crate) fn is_waiting(&self, thing: WaitOn, id: ProcessId) -> bool {
        let waits = self.processes.get(&id).and_then(|it| it.waits.get(&thing));
        waits.is_some_and(|calls| calls.contains(&self.calling))
    }

    pub(crate) fn forget(&mut self, thing: WaitOn, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let Some(calls) = process.waits.get_mut(&thing) else { return };
        calls.retain(|it| *it != self.calling);
        if calls.is_empty() {
            process.waits.remove(&thing);
            self.leave(thing, id);
        }
    }

    fn leave(&mut self, thing: WaitOn, id: ProcessId) {
        if let Some(ids) = self.waiting.get_mut(&thing) {
            ids.remove(&id);
            if ids.is_empty() {
                self.waiting.remove(&thing);
            }
        }
    }

    pub fn wake_at(&mut self, at: Instant, id: ProcessId) {
        self.timer_add(at, id);
    }

    pub(crate) fn timer_add(&mut self, at: Instant, id: ProcessId) -> Timer {
        let timer = (at, self.next_timer);
        self.next_timer += 1;
        if let Some(process) = self.processes.get_mut(&id).filter(|it| it.exit.is_none()) {
            process.timers.insert(timer);
            self.timers.insert(timer, (id, self.calling));
        }
        timer
    }

    /// Takes a timer back; nothing happens where it has run out.
    pub(crate) fn timer_cancel(&mut self, timer: Timer) {
        let of = self.timers.remove(&timer);
        if let Some(process) = of.and_then(|it| self.processes.get_mut(&it.0)) {
            process.timers.remove(&timer);
        }
    }

    /// The timer that runs out first has: its process is ready.
    pub(crate) fn timer_over(&mut self) {
        if let Some((timer, (id, call))) = self.timers.pop_first() {
            if let Some(process) = self.processes.get_mut(&id) {
                process.timers.remove(&timer);
                process.woken.insert(call);
            }
            self.ready.insert(id);
        }
    }

    /// Wakes all that wait for `thing`.
    pub fn wake(&mut self, thing: WaitOn) {
        for id in self.waiting.remove(&thing).unwrap_or_default() {
            if let Some(process) = self.processes.get_mut(&id) {
                process.woken.extend(process.waits.remove(&thing).unwrap_or_default());
            }
            self.ready.insert(id);
        }
    }

    /// Whatever that process waits for, it looks again.
    pub(crate) fn wake_whole(&mut self, id: ProcessId) {
        if let Some(process) = self.processes.get_mut(&id) {
            process.woken.insert(ALL_CALLS);
        }
        self.ready.insert(id);
    }

    /// The process is over.
    pub(crate) fn stop_waiting(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        let (waits, timers) = (std::mem::take(&mut process.waits), std::mem::take(&mut process.timers));
        for timer in timers {
            self.timers.remove(&timer);
        }
        for thing in waits.into_keys() {
            self.leave(thing, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::captured::ExecOptions;
    use crate::cmd;
    use crate::system::System;
    use api::topology::Role;
    use std::time::Duration;

    #[test]
    fn what_a_process_waited_for_goes_with_it() {
        let mut system = System::new(1, cmd::ALL.iter().copied());
        let machine = system.machine_add("a", Role::Host);
        let command = "(sleep 100 | cat) & sleep 1; kill $!; kill $(pgrep -x 'sleep|cat')";
        let id = system.exec(machine, command, ExecOptions::default());
        system.run_until_exit(id, Duration::from_secs(5));
        let now = system.now();
        while system.step(now) {}
        assert!(system.timers.is_empty() && system.waiting.is_empty(), "{:?}", system.waiting);
        assert_eq!(system.host(machine).processes.len(), 1);
    }
}
