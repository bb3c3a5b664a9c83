//! How long TCP waits for an acknowledgement: Linux's estimate, which smoltcp's own timer is made to follow.
//!
//! Always: between 200 ms and 120 s, doubled by each wait in vain; a retransmitted segment is never measured (Karn).
//! Differs from Linux: no tail loss probe, no measuring by timestamps.
//! Sources: RFC 6298; net/ipv4/tcp_input.c (`tcp_rtt_estimator`), tcp_timer.c; sysctl tcp_syn_linear_timeouts.

use sim::Instant;
use std::time::Duration;

/// TCP_TIMEOUT_INIT
const FIRST: Duration = Duration::from_secs(1);
/// TCP_RTO_MIN
const LEAST: Duration = Duration::from_millis(200);
/// TCP_RTO_MAX
const MOST: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rto {
    pub smoothed: Option<Duration>,
    pub variance: Duration,
    /// Doublings since the last acknowledgement.
    backoff: u32,
    /// The end of the segment under measurement, and when it was sent.
    sample: Option<(u32, Instant)>,
}

impl Rto {
    pub fn timeout(&self) -> Duration {
        let base = match self.smoothed {
            None => FIRST,
            Some(smoothed) => smoothed + (4 * self.variance).max(LEAST),
        };
        base.saturating_mul(1 << self.backoff.min(20)).min(MOST)
    }

    pub fn sent(&mut self, end: u32, now: Instant) {
        self.sample.get_or_insert((end, now));
    }

    pub fn acked(&mut self, ack: u32, now: Instant) {
        self.backoff = 0;
        let Some((end, sent)) = self.sample else { return };
        if super::segment::before(ack, end) {
            return;
        }
        self.sample = None;
        let rtt = now.since(sent);
        match &mut self.smoothed {
            None => {
                self.smoothed = Some(rtt);
                self.variance = rtt / 2;
            }
            Some(smoothed) => {
                self.variance = (3 * self.variance + smoothed.abs_diff(rtt)) / 4;
                *smoothed = (7 * *smoothed + rtt) / 8;
            }
        }
    }

    pub fn retransmitted(&mut self) {
        self.sample = None;
    }

    pub fn back_off(&mut self) {
        self.backoff += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wait_is_a_second_and_a_near_peer_gets_200_ms() {
        let mut rto = Rto::default();
        assert_eq!(rto.timeout(), Duration::from_secs(1));
        rto.sent(1, Instant::BOOT);
        rto.acked(1, Instant::from_nanos(1_000_000));
        assert_eq!(rto.timeout(), Duration::from_millis(201));
        rto.back_off();
        rto.back_off();
        assert_eq!(rto.timeout(), Duration::from_millis(804));
        (0..40).for_each(|_| rto.back_off());
        assert_eq!(rto.timeout(), MOST);
    }
}
