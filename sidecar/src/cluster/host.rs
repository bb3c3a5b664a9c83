//! A host of a cluster: an endpoint, its health, and the connections to it.

use crate::balance::Health;
use crate::proxy::slab::Key;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What outlier detection has counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outlier {
    /// 5xx in a row, failures to connect among them.
    pub consecutive_5xx: u32,
    /// Gateway failures in a row.
    pub consecutive_gateway: u32,
    /// Failures to connect in a row.
    pub consecutive_local: u32,
    /// Requests and successes since the last interval.
    pub volume: (u64, u64),
    /// Since when it is ejected.
    pub ejected_at: Option<u64>,
    /// How often it was.
    pub ejections: u32,
}

/// What active health checks have found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
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
    /// Whether it is a member no more and only its requests are left.
    pub is_removed: bool,
    /// Used since the last clean-up (original destination).
    pub is_used: bool,
    /// Requests, failures and successes, for `/clusters`.
    pub totals: (u64, u64, u64),
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
            is_removed: false,
            is_used: true,
            totals: (0, 0, 0),
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
