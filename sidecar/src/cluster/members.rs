//! The members of a cluster: who they are, and what balancing is told of them.

use super::{Cluster, Host};
use crate::balance::{self, Health};
use crate::config::core::HealthStatus;
use crate::config::endpoint::{ClusterLoadAssignment, LbEndpointHostIdentifier as Identifier};
use crate::config::extension::Struct;
use crate::source;
use crate::stats::Stats;
use std::net::{IpAddr, SocketAddr};

/// A member to be.
#[derive(Clone, Debug)]
pub struct Member {
    /// Host and port as configured.
    pub name: (String, u16),
    /// What balancing is to know.
    pub seen: balance::Host,
    /// What discovery says of its health.
    pub assigned: Health,
    /// Another port for health checks.
    pub check_port: Option<u16>,
    /// Whether active health checks leave it alone.
    pub is_unchecked: bool,
}

/// The endpoints of an assignment; an error where one has no address.
pub fn of_assignment(assignment: &ClusterLoadAssignment) -> Result<Vec<Member>, String> {
    let mut members = Vec::new();
    for locality in &assignment.endpoints {
        let place = locality.locality.clone().unwrap_or_default();
        for endpoint in &locality.lb_endpoints {
            let Some(Identifier::Endpoint(it)) = &endpoint.host_identifier else { continue };
            let Some(address) = &it.address else { return Err("endpoint: address is required".to_owned()) };
            let (host, port) = source::host_port(address)?;
            let metadata: Struct = endpoint
                .metadata
                .as_ref()
                .and_then(|it| it.filter_metadata.get("envoy.lb"))
                .cloned()
                .unwrap_or_default();
            let check = it.health_check_config.as_ref();
            members.push(Member {
                name: (host.to_owned(), port),
                seen: balance::Host {
                    id: 0,
                    address: format!("{host}:{port}"),
                    hostname: it.hostname.clone(),
                    hash_key: metadata.get("hash_key").and_then(|it| it.as_str()).map(str::to_owned),
                    weight: endpoint.load_balancing_weight.unwrap_or(1),
                    priority: locality.priority,
                    locality: (place.region.clone(), place.zone.clone(), place.sub_zone.clone()),
                    locality_weight: locality.load_balancing_weight.unwrap_or(0),
                    metadata,
                    health: Health::Healthy,
                    active: 0,
                },
                assigned: match endpoint.health_status {
                    HealthStatus::Unhealthy | HealthStatus::Draining | HealthStatus::Timeout => {
                        Health::Unhealthy
                    }
                    HealthStatus::Degraded => Health::Degraded,
                    HealthStatus::Unknown | HealthStatus::Healthy => Health::Healthy,
                },
                check_port: check.map(|it| it.port_value as u16).filter(|it| *it != 0),
                is_unchecked: check.is_some_and(|it| it.disable_active_health_check),
            });
        }
    }
    Ok(members)
}

/// A member whose host is an address.
pub fn at(member: &Member) -> Option<SocketAddr> {
    member.name.0.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, member.name.1))
}

impl Cluster {
    /// Makes these the members. Returns the numbers of those that are new, and of those that left.
    pub fn set_members(
        &mut self,
        members: &[(SocketAddr, Member)],
        stats: &mut Stats,
    ) -> (Vec<u32>, Vec<u32>) {
        let (mut new, mut kept) = (Vec::new(), Vec::new());
        for (address, member) in members {
            let mut seen = member.seen.clone();
            seen.address = address.to_string();
            if let Some(id) = self.by_address.get(address).copied()
                && let Some(host) = self.hosts.get_mut(&id)
            {
                seen.id = id;
                host.seen = seen;
                host.assigned = member.assigned;
                host.is_leaving = false;
                kept.push(id);
                continue;
            }
            let id = self.next_host;
            self.next_host += 1;
            seen.id = id;
            let mut host = Host::new(*address, seen, member.assigned);
            host.check_address.set_port(member.check_port.unwrap_or(address.port()));
            // Until the first check a host of a checked cluster counts as unhealthy.
            host.checked.is_off = member.is_unchecked;
            host.checked.is_failed = !self.config.health_checks.is_empty() && !member.is_unchecked;
            self.hosts.insert(id, host);
            self.by_address.insert(*address, id);
            new.push(id);
        }
        // A host that active checks find well stays until they do not.
        let checks = !self.config.health_checks.is_empty() && !self.config.ignore_health_on_host_removal;
        let mut gone = Vec::new();
        for (id, host) in self.hosts.iter_mut().filter(|it| !it.1.is_removed) {
            if kept.contains(id) || new.contains(id) {
                continue;
            }
            host.is_leaving = checks && !host.checked.is_failed && host.assigned != Health::Unhealthy;
            if !host.is_leaving {
                gone.push(*id);
            }
        }
        gone.iter().for_each(|id| self.remove_member(*id));
        if !new.is_empty() || !gone.is_empty() {
            stats.inc(self.stats.membership_change);
        }
        self.refresh(stats);
        (new, gone)
    }

    /// A host is a member no more.
    pub fn remove_member(&mut self, id: u32) {
        if let Some(host) = self.hosts.get_mut(&id) {
            host.is_removed = true;
            self.by_address.remove(&host.address);
        }
    }

    /// Tells balancing of the hosts as they are now.
    pub fn refresh(&mut self, stats: &mut Stats) {
        let members: Vec<balance::Host> = self
            .hosts
            .values()
            .filter(|it| !it.is_removed)
            .map(|it| balance::Host { health: it.health(), active: it.active, ..it.seen.clone() })
            .collect();
        let healthy = members.iter().filter(|it| it.health == Health::Healthy).count();
        let degraded = members.iter().filter(|it| it.health == Health::Degraded).count();
        stats.set(self.stats.membership_total, members.len() as u64);
        stats.set(self.stats.membership_healthy, healthy as u64);
        stats.set(self.stats.membership_degraded, degraded as u64);
        if let Some(health) = self.health_stats {
            stats.set(health.healthy, healthy as u64);
        }
        let heaviest = members.iter().map(|it| it.weight).max().unwrap_or(0);
        stats.set(self.stats.max_host_weight, u64::from(heaviest));
        self.balancer.update(members);
        let balance = self.balancer.stats;
        stats.set(self.stats.lb_subsets_active, balance.lb_subsets_active);
        if balance.table_size > 0 {
            let policy = if self.config.lb_policy == crate::config::cluster::LbPolicy::Maglev {
                "maglev_lb"
            } else {
                "ring_hash_lb"
            };
            let (least, most) = if policy == "maglev_lb" {
                ("min_entries_per_host", "max_entries_per_host")
            } else {
                ("min_hashes_per_host", "max_hashes_per_host")
            };
            for (name, value) in
                [("size", balance.table_size), (least, balance.least_entries), (most, balance.most_entries)]
            {
                let gauge = stats.gauge(&format!("{}{policy}.{name}", self.prefix));
                stats.set(gauge, value);
            }
        }
    }
}
