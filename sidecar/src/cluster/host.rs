//! A host of a cluster: an endpoint, its health, and the connections to it.

use crate::balance::Health;
use crate::proxy::slab::Key;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What went well of how many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Volume {
    /// All.
    pub total: u64,
    /// Those that went well.
    pub good: u64,
}

impl Volume {
    /// Counts one more.
    pub fn count(&mut self, is_good: bool) {
        self.total += 1;
        self.good += u64::from(is_good);
    }

    /// The share of successes in percent.
    pub fn rate(self) -> f64 {
        self.good as f64 * 100.0 / self.total.max(1) as f64
    }
}

/// What outlier detection has counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outlier {
    /// 5xx in a row, failures to connect among them.
    pub consecutive_5xx: u32,
    /// Gateway failures in a row.
    pub consecutive_gateway: u32,
    /// Failures to connect in a row.
    pub consecutive_local: u32,
    /// Since the last interval: requests, or, where errors are split, those that had an answer.
    pub volume: Volume,
    /// Since the last interval, where errors are split: connections for requests.
    pub local_volume: Volume,
    /// The share of successes in percent, once an interval had enough requests.
    pub success_rate: Option<f64>,
    /// What is added to the time of the present ejection.
    pub jitter: u64,
    /// Since when it is ejected.
    pub ejected_at: Option<u64>,
    /// How often it was.
    pub ejections: u32,
}

/// What `/clusters` counts of a host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Connections, those included that did not come about.
    pub connections: u64,
    /// Those.
    pub connect_failures: u64,
    /// Requests.
    pub requests: u64,
    /// Answers of 500 and more, and requests that broke off.
    pub errors: u64,
    /// Other answers.
    pub successes: u64,
    /// Requests that took too long.
    pub timeouts: u64,
}

/// What active health checks have found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Whether it is never checked.
    pub is_off: bool,
    /// Whether it failed them.
    pub is_failed: bool,
    /// Whether there was a result yet.
    pub is_known: bool,
    /// Results in a row that speak against the present state.
    pub contrary: u32,
}

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Where it is.
    pub address: SocketAddr,
    /// What balancing knows of it.
    pub seen: crate::balance::Host,
    /// What discovery says of its health.
    pub assigned: Health,
    /// Where health checks go.
    pub check_address: SocketAddr,
    /// What they found, check by check.
    pub checked: Checked,
    /// Outlier detection.
    pub outlier: Outlier,
    /// Requests under way.
    pub active: u32,
    /// HTTP connections without a request, the last used at the end.
    pub idle: Vec<Key>,
    /// HTTP/2 connections that take requests.
    pub shared: Vec<Key>,
    /// Connections on their way.
    pub connecting: u32,
    /// Connections altogether.
    pub connections: u32,
    /// Requests that wait for a connection.
    pub pending: VecDeque<Key>,
    /// Whether discovery names it no more, and it stays until an active check fails.
    pub is_leaving: bool,
    /// Whether it is a member no more and only its requests are left.
    pub is_removed: bool,
    /// Used since the last clean-up (original destination).
    pub is_used: bool,
    /// For `/clusters`.
    pub totals: Totals,
}

impl Host {
    /// A host without connections.
    pub fn new(address: SocketAddr, seen: crate::balance::Host, assigned: Health) -> Host {
        Host {
            address,
            seen,
            assigned,
            check_address: address,
            checked: Checked::default(),
            outlier: Outlier::default(),
            active: 0,
            idle: Vec::new(),
            shared: Vec::new(),
            connecting: 0,
            connections: 0,
            pending: VecDeque::new(),
            is_leaving: false,
            is_removed: false,
            is_used: true,
            totals: Totals::default(),
        }
    }

    /// Its health, all considered.
    pub fn health(&self) -> Health {
        if self.checked.is_failed || self.outlier.ejected_at.is_some() {
            Health::Unhealthy
        } else {
            self.assigned
        }
    }
}
