//! The congestion window, laid over smoltcp, which has none of its own: the smaller of it and the peer's window is
//! what smoltcp is told.
//!
//! Always: at least one segment. Differs from Linux: named cubic and cuts as cubic does, but grows as Reno after a
//! loss; no pacing, no HyStart.
//! Sources: RFC 5681, 6928 (initial window), 6582 (partial acknowledgements), 9438 (beta 0.7).

/// TCP_INIT_CWND
const INITIAL: u32 = 10;

#[derive(Clone, Copy, Debug)]
pub(super) struct Congestion {
    /// In segments.
    pub window: u32,
    pub threshold: Option<u32>,
    /// Acknowledged since the window last grew in congestion avoidance.
    count: u32,
    duplicates: u32,
    /// Recovering until this is acknowledged.
    recover: Option<u32>,
}

impl Default for Congestion {
    fn default() -> Congestion {
        Congestion { window: INITIAL, threshold: None, count: 0, duplicates: 0, recover: None }
    }
}

impl Congestion {
    /// `segments` newly acknowledged; `limited` while the window was what held the sender back. True where the
    /// acknowledgement ends at a further hole, whose segment is to be sent again at once.
    pub fn acked(&mut self, ack: u32, segments: u32, limited: bool) -> bool {
        self.duplicates = 0;
        if let Some(recover) = self.recover {
            if super::segment::before(ack, recover) {
                return true;
            }
            self.recover = None;
            return false;
        }
        if !limited {
            return false;
        }
        match self.threshold {
            Some(threshold) if self.window >= threshold => {
                self.count += segments;
                if self.count >= self.window {
                    self.count -= self.window;
                    self.window += 1;
                }
            }
            _ => self.window = self.window.saturating_add(segments),
        }
        false
    }

    /// A duplicate acknowledgement; the third in a row is a loss.
    pub fn duplicate(&mut self, snd_nxt: u32) {
        self.duplicates += 1;
        if self.duplicates == 3 && self.recover.is_none() {
            self.cut();
            self.window = self.threshold.unwrap_or(INITIAL);
            self.recover = Some(snd_nxt);
        }
    }

    pub fn timed_out(&mut self) {
        self.cut();
        self.window = 1;
        self.recover = None;
        self.duplicates = 0;
    }

    fn cut(&mut self) {
        self.threshold = Some((self.window * 7 / 10).max(2));
        self.count = 0;
    }
}
