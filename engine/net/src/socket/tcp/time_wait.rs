//! TIME-WAIT: what remains of a connection for 60 seconds after both sides closed it.
//!
//! Always: no smoltcp socket behind it; the port pair stays taken until it ends; they end in the order they began,
//! a late segment lets one begin anew.
//! Differs from Linux: `tcp_tw_reuse` and PAWS are not looked at; a SYN beyond the old sequence opens anew; a bare
//! segment outside the window is not answered.
//! Sources: RFC 9293, 3.10.7.4; net/ipv4/tcp_minisocks.c (`tcp_timewait_state_process`).

use super::Flow;
use super::segment::{ACK, RST, SYN, Segment, before};
use sim::Instant;
use std::time::Duration;

/// TCP_TIMEWAIT_LEN
pub(super) const LENGTH: Duration = Duration::from_secs(60);
/// `net.ipv4.tcp_max_tw_buckets`; beyond, a connection ends without TIME-WAIT.
pub(super) const MOST: usize = 262_144;

#[derive(Clone, Debug)]
pub(super) struct TimeWait {
    pub flow: Flow,
    pub until: Instant,
    pub snd_nxt: u32,
    pub rcv_nxt: u32,
    pub window: u16,
    /// (our value's offset, the peer's last value)
    pub timestamps: Option<(u32, u32)>,
    pub mark: u32,
    pub tos: u8,
}

/// What a segment does to a TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ignore,
    /// Wait anew.
    Renew,
    /// Say again what we have, and wait anew unless it might be a new connection's.
    Acknowledge,
    /// A reset ends it.
    End,
    /// A new connection may take the ports.
    Reopen,
}

impl TimeWait {
    pub fn receive(&self, segment: &Segment) -> Outcome {
        if segment.has(RST) {
            return if segment.seq == self.rcv_nxt { Outcome::End } else { Outcome::Ignore };
        }
        if segment.has(SYN) && !segment.has(ACK) && before(self.rcv_nxt, segment.seq) {
            return Outcome::Reopen;
        }
        match segment.length() {
            0 if segment.seq == self.rcv_nxt => Outcome::Renew,
            0 => Outcome::Ignore,
            _ => Outcome::Acknowledge,
        }
    }

    /// The acknowledgement that it answers with.
    pub fn answer(&self, now_ms: u32) -> Segment {
        Segment {
            src_port: self.flow.local.port(),
            dst_port: self.flow.remote.port(),
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: ACK,
            window: self.window,
            timestamps: self.timestamps.map(|(offset, recent)| (now_ms.wrapping_add(offset), recent)),
            ..Segment::default()
        }
    }
}
