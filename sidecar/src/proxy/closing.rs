//! How connections from clients end: by their peer, by time, or by a drain; and when they are read no more.

use super::chain::Guard;
use super::downstream::{Down, State};
use super::wire::Ending;
use super::{ConnId, Proxy, Timer};

impl Proxy {
    /// The client sends no more: for HTTP that is as good as gone.
    pub(super) fn down_ended(&mut self, number: u32) {
        if let Some(down) = self.down(number) {
            down.is_remote = true;
        }
        match self.down(number).map(|it| &it.state) {
            Some(State::Tcp(_)) => self.tcp_down_ended(number),
            Some(_) => {
                self.streams_of_down_gone(number, "downstream_remote_disconnect");
                self.end(ConnId::accepted(number), Ending::Close);
            }
            None => {}
        }
    }

    pub(super) fn down_closed(&mut self, number: u32) {
        if let Some(down) = self.down(number) {
            down.is_remote = true;
        }
        self.streams_of_down_gone(number, "downstream_remote_disconnect");
        self.forget_down(number);
    }

    /// Closes in order, once all is sent. A client of HTTP is given `delayed_close_timeout` to close first, so that what
    /// it still sends costs it no answer.
    pub(super) fn close_down(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        let delay = match &down.state {
            State::Http1(_) | State::Http2(_) => down.settings().and_then(|it| it.times.delayed_close),
            _ => None,
        };
        let Some(delay) = delay else { return self.close_down_at_once(number) };
        self.leave_http(number);
        if let Some(down) = self.down(number) {
            down.state = State::Closing;
        }
        let timer = self.timers.set(self.now + delay, Timer::DelayedClose(number));
        if let Some(down) = self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut()) {
            self.timers.cancel(&mut down.drain);
            down.drain = Some(timer);
        }
        self.set_paused(ConnId::accepted(number), false);
        self.touch(ConnId::accepted(number));
    }

    /// Closes once all is sent. Listener filters only peek: what they saw is unread, and the socket resets.
    pub(super) fn close_down_at_once(&mut self, number: u32) {
        let mut how = Ending::Close;
        if let Some(down) = self.down(number)
            && matches!(down.state, State::Inspecting)
            && !down.sniffed.is_empty()
        {
            how = Ending::Reset;
        }
        if let Some(down) = self.down(number)
            && !matches!(down.state, State::Tcp(_))
        {
            self.leave_http(number);
            if let Some(down) = self.down(number) {
                down.state = State::Closing;
            }
        }
        self.end(ConnId::accepted(number), how);
    }

    /// The client has not closed.
    pub(super) fn delayed_close(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        down.drain = None;
        if let Some(settings) = down.settings().cloned() {
            self.stats.count(&format!("{}downstream_cx_delayed_close_timeout", settings.prefix));
        }
        self.end(ConnId::accepted(number), Ending::Close);
    }

    /// Closes without finishing what is under way.
    pub(super) fn abort_down(&mut self, number: u32) {
        self.streams_of_down_gone(number, "downstream_local_disconnect");
        self.close_down(number);
    }

    pub(super) fn leave_http(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        let kind = match &down.state {
            State::Http1(_) => Some(false),
            State::Http2(_) => Some(true),
            State::Sniffing => None,
            _ => return,
        };
        let Some(settings) = down.settings().cloned() else { return };
        let stats = &settings.stats;
        self.stats.dec(stats.downstream_cx_active);
        match kind {
            Some(true) => self.stats.dec(stats.downstream_cx_http2_active),
            Some(false) => self.stats.dec(stats.downstream_cx_http1_active),
            None => {}
        }
    }

    pub(super) fn forget_down(&mut self, number: u32) {
        self.leave_http(number);
        let Some(mut down) = self.downs.get_mut(number as usize).and_then(Option::take) else { return };
        for timer in
            [&mut down.idle, &mut down.max_duration, &mut down.head, &mut down.drain, &mut down.looks]
        {
            self.timers.cancel(timer);
        }
        if let State::Tcp(tcp) = &mut down.state {
            self.tcp_forgotten(number, tcp, &down.facts);
        }
        self.log_connection(&mut down);
        self.count_down_end(&down);
        for guard in down.chain.iter().flat_map(|it| &it.guards) {
            if let Guard::Limit { active, .. } = guard {
                self.stats.dec(*active);
            }
        }
        if let Some(Some(listener)) = self.listeners.get(down.listener) {
            let active = self.stats.gauge(&format!("{}downstream_cx_active", listener.prefix));
            self.stats.dec(active);
            self.stats.count(&format!("{}downstream_cx_destroy", listener.prefix));
        }
    }

    fn count_down_end(&mut self, down: &Down) {
        let Some(settings) = down.settings().filter(|_| down.is_http) else { return };
        let stats = &settings.stats;
        let (ended, ended_busy) = if down.is_remote {
            (stats.downstream_cx_destroy_remote, stats.downstream_cx_destroy_remote_active_rq)
        } else {
            (stats.downstream_cx_destroy_local, stats.downstream_cx_destroy_local_active_rq)
        };
        self.stats.inc(stats.downstream_cx_destroy);
        self.stats.inc(ended);
        if down.was_busy {
            self.stats.inc(stats.downstream_cx_destroy_active_rq);
            self.stats.inc(ended_busy);
        }
    }

    /// Starts the timer of a connection without requests.
    pub(super) fn set_down_idle(&mut self, number: u32) {
        let now = self.now;
        let Some(down) = self.downs.get_mut(number as usize).and_then(|it| it.as_deref_mut()) else { return };
        if let Some(timeout) = down.settings().and_then(|it| it.times.idle_timeout) {
            self.timers.put_off(&mut down.idle, now + timeout, Timer::DownIdle(number));
        }
    }

    /// The timer of a connection without requests fired. It is left to run while there are some.
    pub(super) fn down_idle(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        down.idle = None;
        let is_busy = match &down.state {
            State::Http1(http1) => http1.stream.is_some() || http1.decoder.is_in_head(),
            State::Http2(http2) => !http2.streams.is_empty(),
            State::Sniffing => false,
            _ => true,
        };
        if is_busy {
            return;
        }
        if let Some(settings) = down.settings().cloned() {
            self.stats.inc(settings.stats.downstream_cx_idle_timeout);
        }
        self.drain_down(number);
    }

    pub(super) fn down_max_duration(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        down.max_duration = None;
        if let Some(settings) = down.settings().cloned() {
            self.stats.inc(settings.stats.downstream_cx_max_duration_reached);
        }
        self.drain_down(number);
    }

    /// Lets a connection end: with its next response, or after the drain time if there is none.
    pub(super) fn drain_down(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        let is_idle = match &down.state {
            State::Http2(_) => return self.drain_http2(number),
            State::Http1(http1) => http1.stream.is_none(),
            State::Sniffing => return self.close_down(number),
            _ => return,
        };
        if std::mem::replace(&mut down.is_draining, true) || !is_idle {
            return;
        }
        let wait = down.settings().map_or(0, |it| it.times.drain);
        let timer = Some(self.timers.set(self.now + wait, Timer::DownDrain(number)));
        if let Some(down) = self.down(number) {
            down.drain = timer;
        }
    }

    pub(super) fn down_drained(&mut self, number: u32) {
        let Some(down) = self.down(number) else { return };
        down.drain = None;
        match &down.state {
            State::Http2(_) => self.http2_drained(number),
            State::Http1(http1) if http1.stream.is_none() => self.close_down(number),
            _ => {}
        }
    }

    pub(super) fn count_sent(&mut self, conn: ConnId, sent: u64) {
        let (number, is_down) = conn.parts();
        if is_down {
            if let Some(entry) = self.down(number).and_then(|it| it.entry.as_mut()) {
                entry.info.sent += sent;
            }
            if let Some(settings) = self.down(number).and_then(|it| it.settings().cloned()) {
                self.stats.add(settings.stats.downstream_cx_tx_bytes_total, sent);
            }
        } else {
            self.count_up_sent(number, sent);
        }
    }
}
