//! ipsets: named sets of addresses, networks and ports that rules look up.
//!
//! Always: a set holds each element once.
//! Sources: ipset(8).

use super::header::Header;
use super::rule::Family;
use sim::Instant;

/// Which side of a packet a part of an element is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

/// How `-m set` looks a packet up.
pub(crate) struct TestOptions<'a> {
    pub sides: &'a [Side],
    pub count: bool,
    pub count_members: bool,
    pub return_nomatch: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Sets {}

impl Sets {
    pub(crate) fn family(&self, _name: &str) -> Option<Option<Family>> {
        None
    }
    pub(crate) fn members_named(&self, _name: &str) -> usize {
        0
    }
    pub(crate) fn test_packet(
        &mut self,
        _name: &str,
        _options: &TestOptions<'_>,
        _header: &Header,
        _bytes: &[u8],
        _interface: &str,
        _now: Instant,
    ) -> Option<(u64, u64)> {
        None
    }
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn add_packet(
        &mut self,
        _name: &str,
        _sides: &[Side],
        _header: &Header,
        _bytes: &[u8],
        _interface: &str,
        _timeout: Option<u32>,
        _exist: bool,
        _now: Instant,
    ) {
    }
    pub(crate) fn delete_packet(
        &mut self,
        _name: &str,
        _sides: &[Side],
        _header: &Header,
        _bytes: &[u8],
        _interface: &str,
    ) {
    }
}
