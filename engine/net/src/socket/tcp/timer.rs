//! What a connection waits for, and what happens when it has waited.
//!
//! Always: a connection has at most one event in the queue that matters; one that comes too early is put off.
//! Sources: net/ipv4/tcp_timer.c; ip-sysctl (tcp_syn_retries 6, tcp_syn_linear_timeouts 4, tcp_synack_retries 5,
//! tcp_retries2 15, tcp_orphan_retries 8, tcp_fin_timeout 60 s, tcp_keepalive_intvl 75 s, tcp_keepalive_probes 9).

use super::connection::Connection;
use super::output::Sender;
use super::segment::ACK;
use super::{ConnectionId, TcpEvent};
use crate::network::Event;
use crate::socket::{SocketTimer, TimerKind};
use crate::{Errno, Network};
use sim::Instant;
use smoltcp::socket::tcp::State;
use std::time::Duration;

const SYN_RETRIES: u8 = 6;
const SYN_LINEAR_TIMEOUTS: u8 = 4;
const SYNACK_RETRIES: u8 = 5;
const RETRIES: u8 = 15;
const ORPHAN_RETRIES: u8 = 8;
pub(super) const FIN_TIMEOUT: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(75);
const KEEPALIVE_PROBES: u8 = 9;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deadlines {
    pub retransmit: Option<Instant>,
    /// The peer's window is zero and there is something to send.
    pub probe: Option<Instant>,
    /// An acknowledgement put off by smoltcp.
    pub delayed_ack: Option<Instant>,
    /// The acknowledgement of a FIN, put off by us.
    pub fin_ack: Option<Instant>,
    pub keep_alive: Option<Instant>,
    /// FIN-WAIT-2 without a program.
    pub fin_wait: Option<Instant>,
    /// When the queue will call.
    scheduled: Option<Instant>,
}

impl Deadlines {
    fn next(&self) -> Option<Instant> {
        let all =
            [self.retransmit, self.probe, self.delayed_ack, self.fin_ack, self.keep_alive, self.fin_wait];
        all.into_iter().flatten().min()
    }
}

/// Takes a deadline that has come.
fn due(deadline: &mut Option<Instant>, now: Instant) -> bool {
    let due = deadline.is_some_and(|at| at <= now);
    if due {
        *deadline = None;
    }
    due
}

impl Connection {
    /// Sets the timers that follow from what is under way.
    pub fn arm(&mut self, now: Instant) {
        let state = self.state();
        if self.outstanding() > 0 && !self.ended() {
            self.deadlines.retransmit.get_or_insert(now + self.wait(state));
        } else {
            self.deadlines.retransmit = None;
        }
        let stuck = self.outstanding() == 0
            && self.peer_window == 0
            && self.engine.socket().send_queue() > 0
            && !self.ended()
            && state != State::SynSent;
        if stuck {
            self.deadlines.probe.get_or_insert(now + self.rto.timeout());
        } else {
            self.deadlines.probe = None;
        }
        let alive = self.options.keep_alive && matches!(state, State::Established | State::CloseWait);
        if alive && self.outstanding() == 0 {
            let idle_since = [self.last_receive, self.last_ack, self.last_send].into_iter().flatten().max();
            let at = match self.probes {
                0 => idle_since.unwrap_or(now) + self.options.keep_idle,
                _ => now + KEEPALIVE_INTERVAL,
            };
            match &mut self.deadlines.keep_alive {
                Some(before) if self.probes > 0 => *before = (*before).max(now),
                deadline => *deadline = Some(at.max(now)),
            }
        } else {
            self.deadlines.keep_alive = None;
        }
        let orphan = self.socket.is_none() && self.listener.is_none() && state == State::FinWait2;
        if orphan {
            self.deadlines.fin_wait.get_or_insert(now + FIN_TIMEOUT);
        }
        if self.ended() {
            self.deadlines = Deadlines { scheduled: self.deadlines.scheduled, ..Deadlines::default() };
        }
    }

    /// SYNs go out every second at first, then ever more slowly.
    fn wait(&self, state: State) -> Duration {
        match state {
            State::SynSent if self.retransmits <= SYN_LINEAR_TIMEOUTS => Duration::from_secs(1),
            State::SynSent => Duration::from_secs(1 << (self.retransmits - SYN_LINEAR_TIMEOUTS).min(7)),
            State::SynReceived => Duration::from_secs(1 << self.retransmits.min(7)),
            _ => self.rto.timeout(),
        }
    }

    fn gives_up(&self, now: Instant) -> bool {
        let most = match self.state() {
            State::SynSent => SYN_RETRIES + SYN_LINEAR_TIMEOUTS,
            State::SynReceived => SYNACK_RETRIES,
            _ if self.socket.is_none() => ORPHAN_RETRIES,
            _ => RETRIES,
        };
        // With nothing under way it is probes of a window of zero that nobody answers.
        let tried = if self.outstanding() > 0 { self.retransmits } else { self.probes };
        let heard = self.last_ack.or(self.last_send);
        let by_user =
            self.options.user_timeout.zip(heard).is_some_and(|(limit, since)| now.since(since) >= limit);
        tried >= most || (by_user && tried > 0)
    }

    pub fn timer(&self, now: Instant) -> Option<SocketTimer> {
        let left = |at: Instant| at.since(now);
        let of = |kind, at, retransmits| Some(SocketTimer { kind, left: left(at), retransmits });
        match self.deadlines {
            Deadlines { retransmit: Some(at), .. } => of(TimerKind::On, at, self.retransmits),
            Deadlines { probe: Some(at), .. } => of(TimerKind::Persist, at, self.probes),
            Deadlines { fin_wait: Some(at), .. } => of(TimerKind::TimeWait, at, 0),
            Deadlines { keep_alive: Some(at), .. } => of(TimerKind::KeepAlive, at, self.probes),
            _ => None,
        }
    }
}

impl Network {
    /// Puts the connection's next deadline into the queue, unless an earlier call is due anyway.
    pub(super) fn tcp_schedule(&mut self, id: ConnectionId) {
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        let Some(at) = connection.deadlines.next() else { return };
        if connection.deadlines.scheduled.is_none_or(|scheduled| at < scheduled) {
            connection.deadlines.scheduled = Some(at);
            self.queue.push(at, Event::Tcp(TcpEvent::Timer(id)));
        }
    }

    pub(super) fn tcp_timer(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        if connection.deadlines.scheduled.is_some_and(|at| at <= now) {
            connection.deadlines.scheduled = None;
        }
        if due(&mut connection.deadlines.fin_wait, now) {
            return self.tcp_forget(id);
        }
        let answer =
            due(&mut connection.deadlines.delayed_ack, now) | due(&mut connection.deadlines.fin_ack, now);
        let again = due(&mut connection.deadlines.retransmit, now);
        let probe = due(&mut connection.deadlines.probe, now);
        let alive = due(&mut connection.deadlines.keep_alive, now);
        if again || probe {
            if connection.gives_up(now) {
                return self.tcp_give_up(id);
            }
            connection.rto.back_off();
            if again {
                connection.retransmits += 1
            } else {
                connection.probes = connection.probes.saturating_add(1)
            }
            connection.count.retransmits = connection.retransmits.into();
            self.tcp_drive(id, |connection, now, stack, outbox| connection.time_out(now, stack, outbox));
        } else if alive {
            return self.tcp_keep_alive(id);
        } else if answer {
            self.tcp_drive(id, |connection, now, stack, outbox| {
                connection.acknowledge_late(now, stack, outbox)
            });
        }
        self.tcp_schedule(id);
    }

    fn tcp_keep_alive(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        if connection.probes >= KEEPALIVE_PROBES {
            return self.tcp_give_up(id);
        }
        connection.probes += 1;
        let before_the_first = connection.snd_una.wrapping_sub(1);
        let probe = connection.craft(now, ACK, before_the_first);
        connection.deadlines.keep_alive = Some(now + KEEPALIVE_INTERVAL);
        let sender = Sender::of(connection, self.trace.on);
        probe.into_iter().for_each(|sent| self.tcp_output(&sender, sent));
        self.tcp_schedule(id);
    }

    /// Nobody answers: ETIMEDOUT, or what an ICMP error said meanwhile.
    fn tcp_give_up(&mut self, id: ConnectionId) {
        let Some(connection) = self.sockets.tcp.connections.get_mut(id) else { return };
        let errno = connection.soft_error.unwrap_or(Errno::ETIMEDOUT);
        self.tcp_end(id, Some(errno));
    }
}
