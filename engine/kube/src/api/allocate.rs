//! Cluster addresses and node ports of Services: which are taken, which is next.
//!
//! Always: an address or port belongs to one Service; freeing follows the Service's end or change.
//! Differs from Kubernetes: taken at once by the API server, without a repair loop. Sources: `pkg/registry/core/service`
//! (`portallocator`, `ipallocator`), KEP-3070 and KEP-3668 (upper band first).

use super::Api;
use crate::object::{Cause, Kind, Value};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// Kept for those who ask for one by number.
const STATIC_PORTS: u16 = 86;
/// How often a random address is tried before the range is walked.
const TRIES: u32 = 64;

#[derive(Debug, Default)]
pub struct Allocations {
    addresses: BTreeSet<IpAddr>,
    ports: BTreeSet<(u16, bool)>,
}

/// A service network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cidr {
    base: u128,
    bits: u8,
    is_v6: bool,
}

impl Cidr {
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, length) = text.split_once('/')?;
        let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
        let (number, whole) = number_of(address);
        (length <= whole).then(|| {
            let bits = whole - length;
            let base = if bits >= 128 { 0 } else { number >> bits << bits };
            Cidr { base, bits, is_v6: whole == 128 }
        })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let (number, whole) = number_of(address);
        (whole == 128) == self.is_v6 && (self.bits >= 128 || number >> self.bits == self.base >> self.bits)
    }

    pub fn is_v6(&self) -> bool {
        self.is_v6
    }

    /// Whether every address of `other` is one of ours, and we have more.
    pub fn holds_strictly(&self, other: &Cidr) -> bool {
        self.is_v6 == other.is_v6
            && self.bits > other.bits
            && (other.base >> self.bits) == (self.base >> self.bits)
    }

    fn address(&self, offset: u128) -> IpAddr {
        let number = self.base + offset;
        if self.is_v6 {
            IpAddr::V6(Ipv6Addr::from(number))
        } else {
            IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)))
        }
    }

    /// How many addresses a Service may have: without the first, and for IPv4 the last.
    fn usable(&self) -> u128 {
        let all = 1u128 << self.bits.min(64);
        all.saturating_sub(if self.is_v6 { 1 } else { 2 })
    }
}

fn number_of(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(it) => (u32::from(it).into(), 32),
        IpAddr::V6(it) => (it.into(), 128),
    }
}

impl Allocations {
    /// Notes what a stored Service holds.
    pub fn take_in(&mut self, kind: Kind, object: &Value) {
        if kind != Kind::Service {
            return;
        }
        let (addresses, ports) = held(object);
        self.addresses.extend(addresses);
        self.ports.extend(ports);
    }

    pub fn give_back(&mut self, kind: Kind, object: &Value) {
        if kind != Kind::Service {
            return;
        }
        let (addresses, ports) = held(object);
        addresses.iter().for_each(|it| {
            self.addresses.remove(it);
        });
        ports.iter().for_each(|it| {
            self.ports.remove(it);
        });
    }
}

fn held(service: &Value) -> (Vec<IpAddr>, Vec<(u16, bool)>) {
    let spec = service.get("spec");
    let addresses = spec.get("clusterIPs").items().iter().filter_map(|it| it.as_str().parse().ok()).collect();
    let port = |it: i64| u16::try_from(it).ok().filter(|it| *it != 0);
    let mut ports: Vec<(u16, bool)> = spec
        .get("ports")
        .items()
        .iter()
        .filter_map(|it| port(it.int("nodePort")).map(|number| (number, it.str("protocol") == "UDP")))
        .collect();
    ports.extend(port(spec.int("healthCheckNodePort")).map(|it| (it, false)));
    (addresses, ports)
}

impl Api {
    /// The networks Services take addresses from: the ServiceCIDR `kubernetes`, or kubeadm's if there is none.
    fn service_networks(&self) -> Vec<Cidr> {
        let mut networks: Vec<Cidr> = self
            .store
            .list(Kind::ServiceCIDR, None)
            .flat_map(|it| it.at(&["spec", "cidrs"]).items())
            .filter_map(|it| Cidr::parse(it.as_str()))
            .collect();
        if networks.is_empty() {
            networks.extend(Cidr::parse("10.96.0.0/12"));
        }
        networks
    }

    /// Fills in and takes addresses and ports of a Service; what `before` held may stay.
    pub(crate) fn allocate(&mut self, service: &mut Value, before: &Value) -> Result<(), Vec<Cause>> {
        let (old_addresses, old_ports) = held(before);
        let spec = &mut service["spec"];
        let kind = spec.str("type").to_owned();
        if kind == "ExternalName" {
            return Ok(());
        }
        self.families(spec)?;
        if spec["clusterIPs"].items().first().is_none_or(|it| it.as_str() != "None") {
            self.addresses(spec, &old_addresses)?;
        }
        let wants_ports = kind == "NodePort"
            || kind == "LoadBalancer" && spec.get("allocateLoadBalancerNodePorts").as_bool() != Some(false);
        self.node_ports(spec, &old_ports, wants_ports)
    }

    fn families(&mut self, spec: &mut Value) -> Result<(), Vec<Cause>> {
        if spec["clusterIPs"].is_empty() && !spec.str("clusterIP").is_empty() {
            let first = spec.get("clusterIP").clone();
            spec.set("clusterIPs", Value::list(vec![first]));
        }
        let networks = self.service_networks();
        let has_both = networks.iter().any(Cidr::is_v6) && networks.iter().any(|it| !it.is_v6());
        if spec["ipFamilyPolicy"].is_empty() {
            let two = spec["ipFamilies"].len() > 1 || spec["clusterIPs"].len() > 1;
            spec.set("ipFamilyPolicy", if two { "RequireDualStack" } else { "SingleStack" });
        }
        let policy = spec.str("ipFamilyPolicy").to_owned();
        if policy == "RequireDualStack" && !has_both {
            let detail = "this cluster is not configured for dual-stack services";
            return Err(vec![Cause::invalid("spec.ipFamilyPolicy", "RequireDualStack", detail)]);
        }
        let is_headless = spec.str("clusterIP") == "None";
        if spec["ipFamilies"].is_empty() {
            let given = spec["clusterIPs"].items().iter().filter(|it| it.as_str() != "None");
            let mut families: Vec<Value> = given
                .map(|it| Value::from(if it.as_str().contains(':') { "IPv6" } else { "IPv4" }))
                .collect();
            if families.is_empty() {
                let is_v6 = networks.first().is_some_and(Cidr::is_v6);
                families.push(if is_v6 { "IPv6" } else { "IPv4" }.into());
            }
            spec.set("ipFamilies", families);
        }
        let wants_two =
            policy == "RequireDualStack" || policy == "PreferDualStack" && (has_both || is_headless);
        if wants_two && spec["ipFamilies"].len() == 1 {
            let other = if spec["ipFamilies"].items()[0].as_str() == "IPv4" { "IPv6" } else { "IPv4" };
            spec["ipFamilies"].push(other);
        }
        Ok(())
    }

    fn addresses(&mut self, spec: &mut Value, old: &[IpAddr]) -> Result<(), Vec<Cause>> {
        let wanted = if spec.str("ipFamilyPolicy") == "SingleStack" { 1 } else { spec["ipFamilies"].len() };
        let mut given: Vec<String> =
            spec["clusterIPs"].items().iter().map(|it| it.as_str().to_owned()).collect();
        given.truncate(wanted);
        for text in &given {
            let Ok(address) = text.parse::<IpAddr>() else { continue };
            if old.contains(&address) {
                continue;
            }
            let shown = Value::list(given.iter().map(|it| Value::from(it.as_str())).collect());
            let refuse = |why: &str| {
                Cause::invalid(
                    "spec.clusterIPs",
                    shown.clone(),
                    &format!("failed to allocate IP {text}: {why}"),
                )
            };
            if !self.service_networks().iter().any(|it| it.contains(address)) {
                return Err(vec![refuse("the provided network does not match the current range")]);
            }
            if self.allocations.addresses.contains(&address) {
                return Err(vec![refuse("provided IP is already allocated")]);
            }
        }
        while given.len() < wanted {
            let is_v6 = spec["ipFamilies"].items().get(given.len()).is_some_and(|it| it.as_str() == "IPv6");
            let Some(address) = self.next_address(is_v6) else {
                let detail = "failed to allocate a serviceIP: range is full";
                return Err(vec![Cause::invalid("spec.clusterIPs", Value::Null, detail)]);
            };
            given.push(address.to_string());
        }
        spec.set("clusterIP", given.first().map_or(Value::Null, |it| Value::from(it.as_str())));
        spec.set("clusterIPs", given.iter().map(|it| Value::from(it.as_str())).collect::<Vec<_>>());
        Ok(())
    }

    fn next_address(&mut self, is_v6: bool) -> Option<IpAddr> {
        let network = self.service_networks().into_iter().find(|it| it.is_v6() == is_v6)?;
        let usable = network.usable();
        // The lower band is left to those who choose by number.
        let band = (usable / 16).clamp(16, 256).min(usable);
        let span = u32::try_from((usable - band).clamp(1, u128::from(u32::MAX))).unwrap_or(u32::MAX);
        for _ in 0..TRIES {
            let address = network.address(1 + band + u128::from(self.rng.below(span)));
            if !self.allocations.addresses.contains(&address) && network.contains(address) {
                return Some(address);
            }
        }
        (1..=usable.min(1 << 20))
            .map(|it| network.address(it))
            .find(|it| !self.allocations.addresses.contains(it))
    }

    fn node_ports(&mut self, spec: &mut Value, old: &[(u16, bool)], wants: bool) -> Result<(), Vec<Cause>> {
        let mut taken_here: Vec<(u16, bool)> = Vec::new();
        let count = spec["ports"].len();
        for index in 0..count {
            let port = &spec["ports"].items()[index];
            let is_udp = port.str("protocol") == "UDP";
            let number = port.int("nodePort");
            if number == 0 && !wants {
                continue;
            }
            let field = format!("spec.ports[{index}].nodePort");
            let chosen = if number == 0 {
                // Two protocols of one port share a number.
                let twin = (0..index)
                    .map(|at| &spec["ports"].items()[at])
                    .find(|it| it.int("port") == port.int("port"));
                let twin = twin.and_then(|it| u16::try_from(it.int("nodePort")).ok());
                let free = twin.filter(|it| !self.allocations.ports.contains(&(*it, is_udp)));
                match free.or_else(|| self.next_port(is_udp, &taken_here)) {
                    Some(it) => it,
                    None => {
                        let detail = "failed to allocate a nodePort: range is full";
                        return Err(vec![Cause::invalid(field, number, detail)]);
                    }
                }
            } else {
                let chosen = u16::try_from(number).ok().filter(|it| PORTS.contains(it));
                let Some(chosen) = chosen else {
                    let detail =
                        "provided port is not in the valid range. The range of valid ports is 30000-32767";
                    return Err(vec![Cause::invalid(field, number, detail)]);
                };
                let is_taken = self.allocations.ports.contains(&(chosen, is_udp))
                    && !old.contains(&(chosen, is_udp))
                    || taken_here.contains(&(chosen, is_udp));
                if is_taken {
                    return Err(vec![Cause::invalid(field, number, "provided port is already allocated")]);
                }
                chosen
            };
            taken_here.push((chosen, is_udp));
            spec["ports"].items_mut()[index].set("nodePort", i64::from(chosen));
        }
        let wants_health = spec.str("type") == "LoadBalancer" && spec.str("externalTrafficPolicy") == "Local";
        if wants_health
            && spec.int("healthCheckNodePort") == 0
            && let Some(port) = self.next_port(false, &taken_here)
        {
            spec.set("healthCheckNodePort", i64::from(port));
        }
        Ok(())
    }

    fn next_port(&mut self, is_udp: bool, here: &[(u16, bool)]) -> Option<u16> {
        let span = u32::from(PORTS.end() - PORTS.start() - STATIC_PORTS);
        for _ in 0..TRIES {
            let offset = u16::try_from(self.rng.below(span)).unwrap_or(0);
            let port = PORTS.start() + STATIC_PORTS + offset;
            if !self.allocations.ports.contains(&(port, is_udp)) && !here.contains(&(port, is_udp)) {
                return Some(port);
            }
        }
        PORTS
            .rev()
            .find(|it| !self.allocations.ports.contains(&(*it, is_udp)) && !here.contains(&(*it, is_udp)))
    }
}
