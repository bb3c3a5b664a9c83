//! The receive queue of a socket that takes messages: UDP, ICMP, raw.
//!
//! Always: bounded by SO_RCVBUF as Linux counts it (the message and what the kernel keeps beside it);
//! beyond, messages are dropped with SOCKET_RCVBUFF.

use super::Datagram;
use std::collections::VecDeque;

/// What one queued message costs beside its bytes (`skb->truesize` of a small message).
const OVERHEAD: usize = 768;

#[derive(Debug, Default)]
pub(super) struct Queue {
    messages: VecDeque<Datagram>,
    bytes: usize,
}

impl Queue {
    /// False where it is full.
    #[must_use]
    pub fn push(&mut self, datagram: Datagram, limit: u32) -> bool {
        if self.bytes > limit as usize {
            return false;
        }
        self.bytes += datagram.bytes.len() + OVERHEAD;
        self.messages.push_back(datagram);
        true
    }

    pub fn pop(&mut self) -> Option<Datagram> {
        let datagram = self.messages.pop_front()?;
        self.bytes -= datagram.bytes.len() + OVERHEAD;
        Some(datagram)
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Recv-Q, counted as Linux does.
    pub fn queued(&self) -> u32 {
        self.bytes as u32
    }
}
