//! Names of hosts that are resolved, again and again, and hosts that clients name themselves.
//!
//! Source: Envoy's documentation "Service discovery".

use super::{Output, Proxy, Timer};
use crate::cluster::members::Member;
use crate::config;
use crate::source::nanos;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// The members of a cluster that are names, and what was found for them.
pub(crate) struct Names {
    pub members: Vec<Member>,
    pub found: BTreeMap<String, Vec<IpAddr>>,
    pub is_logical: bool,
}

const DNS_REFRESH: u64 = 5_000_000_000;

impl Proxy {
    /// Asks for the addresses of a cluster's names.
    pub(super) fn resolve(&mut self, id: usize) {
        let Some(names) = self.discovery.names.get(&id) else { return };
        let wanted: BTreeSet<String> = names.members.iter().map(|it| it.name.0.clone()).collect();
        let mut is_known = true;
        for name in wanted {
            if let Ok(ip) = name.parse::<IpAddr>() {
                if let Some(names) = self.discovery.names.get_mut(&id) {
                    names.found.insert(name, vec![ip]);
                }
                continue;
            }
            is_known = false;
            if self.discovery.names.get(&id).is_some_and(|it| !it.found.contains_key(&name)) {
                self.discovery.unresolved.insert(name.clone());
            }
            self.output.push_back(Output::Resolve(name));
        }
        if is_known {
            return self.members_resolved(id);
        }
        let rate = self.cluster(id).and_then(|it| it.config.dns_refresh_rate).map_or(DNS_REFRESH, nanos);
        self.timers.set(self.now + rate, Timer::Resolve(id));
    }

    /// A name was resolved, or could not be.
    pub(super) fn resolved(&mut self, name: &str, addresses: &[IpAddr]) {
        self.discovery.unresolved.remove(name);
        let ids: Vec<usize> = self
            .discovery
            .names
            .iter()
            .filter(|it| it.1.members.iter().any(|it| it.name.0 == name))
            .map(|it| *it.0)
            .collect();
        for id in ids {
            let family = self.cluster(id).map(|it| it.config.dns_lookup_family).unwrap_or_default();
            let mut kept = of_family(addresses, family);
            kept.sort();
            let Some(prefix) = self.cluster(id).map(|it| it.prefix.clone()) else { continue };
            self.stats.count(&format!("{prefix}update_attempt"));
            if addresses.is_empty() {
                self.stats.count(&format!("{prefix}update_failure"));
                continue;
            }
            self.stats.count(&format!("{prefix}update_success"));
            if let Some(names) = self.discovery.names.get_mut(&id) {
                names.found.insert(name.to_owned(), kept);
            }
            self.members_resolved(id);
        }
        self.bind_when_ready();
    }

    fn members_resolved(&mut self, id: usize) {
        let Some(names) = self.discovery.names.get(&id) else { return };
        let mut members: Vec<(SocketAddr, Member)> = Vec::new();
        for member in &names.members {
            let found = names.found.get(&member.name.0).map_or(&[][..], |it| it.as_slice());
            let count = if names.is_logical { 1 } else { found.len() };
            for ip in found.iter().take(count) {
                let mut member = member.clone();
                if member.seen.hostname.is_empty() {
                    member.seen.hostname = member.name.0.clone();
                }
                members.push((SocketAddr::new(*ip, member.name.1), member));
            }
        }
        self.set_members(id, &members);
    }

    /// Hosts that clients named and that nobody used since the last time are forgotten.
    pub(super) fn cleanup(&mut self, id: usize) {
        let now = self.now;
        let Some(Some(cluster)) = self.clusters.get_mut(id) else { return };
        let interval = cluster.config.cleanup_interval.map_or(5_000_000_000, nanos);
        let unused: Vec<u32> = cluster
            .hosts
            .iter()
            .filter(|(_, it)| !it.is_used && it.connections == 0 && it.pending.is_empty())
            .map(|it| *it.0)
            .collect();
        for host in &unused {
            if let Some(it) = cluster.hosts.remove(host) {
                cluster.by_address.remove(&it.address);
            }
        }
        cluster.hosts.values_mut().for_each(|it| it.is_used = it.active > 0);
        if !unused.is_empty() {
            cluster.refresh(&mut self.stats);
        }
        self.timers.set(now + interval, Timer::Cleanup(id));
    }
}

/// The addresses of the family that a cluster prefers.
fn of_family(addresses: &[IpAddr], family: config::cluster::DnsLookupFamily) -> Vec<IpAddr> {
    use config::cluster::DnsLookupFamily as Family;
    let four: Vec<IpAddr> = addresses.iter().copied().filter(IpAddr::is_ipv4).collect();
    let six: Vec<IpAddr> = addresses.iter().copied().filter(IpAddr::is_ipv6).collect();
    match family {
        Family::V4Only => four,
        Family::V6Only => six,
        Family::V4Preferred => {
            if four.is_empty() {
                six
            } else {
                four
            }
        }
        Family::Auto => {
            if six.is_empty() {
                four
            } else {
                six
            }
        }
        Family::All => addresses.to_vec(),
    }
}
