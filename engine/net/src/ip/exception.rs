//! What was learnt of the way to single hosts: a smaller MTU, a better router (`ip route get` shows it as cached).
//!
//! Always: an exception counts only while the route it was learnt on is the way, and until it expires.
//! Differs from Linux: kept for each namespace instead of each next hop.
//! Sources: net/ipv4/route.c (`update_or_create_fnhe`, `__ip_rt_update_pmtu`); RFC 1191.

use super::Hop;
use api::DeviceId;
use sim::Instant;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Hosts of which something is remembered; the one that expires first makes room.
const MAX_EXCEPTIONS: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    device: Option<DeviceId>,
    /// The route's own gateway.
    over: Option<Ipv4Addr>,
    pub mtu: Option<u32>,
    /// By a redirect.
    pub gateway: Option<Ipv4Addr>,
    pub expires: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Exceptions(BTreeMap<Ipv4Addr, Exception>);

impl Exceptions {
    /// What is known of `host` on that way, now.
    #[inline]
    pub fn get(&self, host: Ipv4Addr, hop: &Hop, now: Instant) -> Option<&Exception> {
        if self.0.is_empty() {
            return None;
        }
        let it = self.0.get(&host)?;
        (it.device == hop.device && it.over == hop.gateway && it.expires > now).then_some(it)
    }

    pub fn learn(
        &mut self,
        host: Ipv4Addr,
        hop: &Hop,
        mtu: Option<u32>,
        gateway: Option<Ipv4Addr>,
        expires: Instant,
    ) {
        if self.0.len() >= MAX_EXCEPTIONS && !self.0.contains_key(&host) {
            let oldest = self.0.iter().min_by_key(|(_, it)| it.expires).map(|(host, _)| *host);
            oldest.map(|host| self.0.remove(&host));
        }
        let fresh = Exception { device: hop.device, over: hop.gateway, mtu: None, gateway: None, expires };
        let it = self.0.entry(host).or_insert(fresh);
        if (it.device, it.over) != (fresh.device, fresh.over) {
            *it = fresh;
        }
        it.mtu = mtu.or(it.mtu);
        it.gateway = gateway.or(it.gateway);
        it.expires = expires;
    }

    pub fn forget_device(&mut self, device: DeviceId) {
        self.0.retain(|_, it| it.device != Some(device));
    }
}
