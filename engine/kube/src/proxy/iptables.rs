//! kube-proxy in iptables mode: from Services and EndpointSlices to the text that `iptables-restore --noflush` reads.
//!
//! The caller tells what it watched, asks for a [`Sync`] when one is due, runs its commands on the node in their order,
//! and reports how it went. Always: a full sync holds every chain, the next ones only those of Services that changed;
//! the shared chains KUBE-SERVICES and KUBE-NODEPORTS are written whole each time, as the real one does.
//! Differs from kube-proxy: Services are walked in the order of their names (there: in none), and what a Service adds
//! is kept as text, so a sync costs what changed and one copy of the shared chains.
//! Source: `pkg/proxy/iptables/proxier.go`, Kubernetes 1.36.

use super::endpoints::{Endpoint, Endpoints, Slices, leaves_stale_flows};
use super::jump::{JUMPS, Jump};
use super::local::DetectLocal;
use super::name::{NamespacedName, Protocol, ServicePortName, is_service_chain};
use super::port::{Family, PortInfo, ports_of};
use super::rules::{Rendered, render};
use crate::object::endpointslice::EndpointSlice;
use crate::object::service::Service;
use ipnet::IpNet;
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

/// With more endpoints than this, rules carry no comments and stale chains are not looked for on every sync.
const LARGE_CLUSTER_ENDPOINTS: usize = 1000;
/// `proxyutil.FullSyncPeriod`
const FULL_SYNC_PERIOD: Duration = Duration::from_secs(60 * 60);
/// The label that names a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";

/// What a node's kube-proxy knows of its node.
#[derive(Clone, Debug)]
pub struct Config {
    pub family: Family,
    pub node_name: String,
    /// The primary one.
    pub node_ip: IpAddr,
    /// All of the node's addresses, as `--nodeport-addresses` is matched against them.
    pub node_ips: Vec<IpAddr>,
    /// Labels of the node's place, of which the zone counts.
    pub topology: BTreeMap<String, String>,
    pub masquerade_bit: u8,
    pub masquerade_all: bool,
    pub detect_local: DetectLocal,
    pub localhost_node_ports: bool,
    /// Ranges of addresses on which node ports answer; empty for all.
    pub node_port_addresses: Vec<IpNet>,
    /// The kernel has nfnetlink_acct.
    pub nfacct: bool,
    /// `net.netfilter.nf_conntrack_tcp_be_liberal`
    pub conntrack_tcp_liberal: bool,
    /// iptables knows `--random-fully`.
    pub random_fully: bool,
    pub sync_period: Duration,
}

impl Config {
    pub fn zone(&self) -> &str {
        self.topology.get(ZONE).map_or("", String::as_str)
    }

    fn mark(&self) -> String {
        format!("0x{:08x}", 1_u32 << (self.masquerade_bit & 31))
    }
}

/// One run of `syncProxyRules`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    pub is_full: bool,
    /// For `iptables-restore -w --noflush --counters`.
    pub restore: String,
    /// Flows to UDP endpoints that are gone must be looked for: see [`Proxier::stale_flows`].
    pub wants_conntrack_cleanup: bool,
    pub counts: Counts,
}

impl Sync {
    /// What has to stand before the restore: at a full sync only.
    pub fn jumps(&self) -> &'static [Jump] {
        if self.is_full { &JUMPS } else { &[] }
    }
}

/// What the metrics show of a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub services: usize,
    pub endpoints: usize,
    pub filter_rules: usize,
    /// All rules of the nat table, and those that this sync wrote.
    pub nat_rules: usize,
    pub nat_rules_written: usize,
    pub no_local_internal: usize,
    pub no_local_external: usize,
}

#[derive(Clone, Debug)]
struct Port {
    info: PortInfo,
    rendered: Rendered,
}

#[derive(Clone, Debug)]
pub struct Proxier {
    config: Config,
    ports: BTreeMap<ServicePortName, Port>,
    slices: Slices,
    endpoints: Endpoints,
    /// Services whose ports or endpoints changed since the last sync.
    changed: BTreeMap<NamespacedName, Option<Vec<PortInfo>>>,
    active_chains: BTreeSet<String>,
    is_large: bool,
    needs_full: bool,
    last_full: Option<Instant>,
    last_cleanup: Option<Instant>,
}

impl Proxier {
    pub fn new(config: Config) -> Proxier {
        Proxier {
            config,
            ports: BTreeMap::new(),
            slices: Slices::default(),
            endpoints: Endpoints::new(),
            changed: BTreeMap::new(),
            active_chains: BTreeSet::new(),
            is_large: false,
            needs_full: true,
            last_full: None,
            last_cleanup: None,
        }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// A Service was seen, new or changed. Does a sync follow from it?
    pub fn service_set(&mut self, service: &Service) -> bool {
        let name = NamespacedName::new(&service.metadata.namespace, &service.metadata.name);
        self.ports_set(name, ports_of(service, self.config.family))
    }

    pub fn service_delete(&mut self, namespace: &str, name: &str) -> bool {
        self.ports_set(NamespacedName::new(namespace, name), Vec::new())
    }

    fn ports_set(&mut self, name: NamespacedName, ports: Vec<PortInfo>) -> bool {
        let known: Vec<&PortInfo> = match self.changed.get(&name) {
            Some(Some(pending)) => pending.iter().collect(),
            _ => self.ports_of(&name).map(|port| &port.info).collect(),
        };
        if known.len() == ports.len() && ports.iter().all(|port| known.contains(&port)) {
            return false;
        }
        self.changed.insert(name, Some(ports));
        true
    }

    fn ports_of<'a>(&'a self, service: &'a NamespacedName) -> impl Iterator<Item = &'a Port> {
        let from = ServicePortName { service: service.clone(), port: String::new(), protocol: Protocol::Tcp };
        let range = self.ports.range(from..);
        range.take_while(move |(name, _)| name.service == *service).map(|(_, port)| port)
    }

    pub fn slice_set(&mut self, slice: EndpointSlice) -> bool {
        let changed = self.slices.set(slice, self.config.family);
        self.endpoints_changed(changed)
    }

    pub fn slice_delete(&mut self, namespace: &str, name: &str) -> bool {
        let changed = self.slices.delete(namespace, name);
        self.endpoints_changed(changed)
    }

    fn endpoints_changed(&mut self, service: Option<NamespacedName>) -> bool {
        let is_news = service.is_some();
        if let Some(service) = service {
            self.changed.entry(service).or_default();
        }
        is_news
    }

    /// The node's labels that say where it is; all rules may depend on them.
    pub fn topology_set(&mut self, topology: BTreeMap<String, String>) {
        self.config.topology = topology;
        self.needs_full = true;
    }

    /// The canary is gone: somebody flushed the tables.
    pub fn force_full_sync(&mut self) {
        self.needs_full = true;
    }

    /// Whether the next sync wants `iptables-save -t nat`, to find chains that nobody needs any more.
    pub fn wants_saved_nat(&self, now: Instant) -> bool {
        let is_due = |last: Instant| now.since(last) > self.config.sync_period;
        !self.is_large || self.last_cleanup.is_none_or(is_due)
    }

    /// Puts what changed into effect. `saved_nat` is the output of `iptables-save -t nat`, where it was wanted.
    /// Until [`Proxier::failed`] is called it counts as done.
    pub fn sync(&mut self, now: Instant, saved_nat: Option<&str>) -> Sync {
        let is_hourly = self.last_full.is_none_or(|last| now.since(last) > FULL_SYNC_PERIOD);
        let is_full = self.needs_full || is_hourly;
        let (changed, wants_conntrack_cleanup) = self.take_changes();
        let endpoints = self.ports.keys().map(|name| self.endpoints.get(name).map_or(0, Vec::len)).sum();
        self.is_large = endpoints > LARGE_CLUSTER_ENDPOINTS;
        for (name, port) in &mut self.ports {
            if is_full || changed.contains(&name.service) {
                port.rendered.chains.iter().for_each(|chain| {
                    self.active_chains.remove(chain);
                });
                let endpoints = self.endpoints.get(name).map(Vec::as_slice).unwrap_or_default();
                port.rendered = render(&self.config, &port.info, endpoints, self.is_large);
                self.active_chains.extend(port.rendered.chains.iter().cloned());
            }
        }
        let stale = saved_nat.map(|saved| self.stale_chains(saved)).unwrap_or_default();
        if saved_nat.is_some() {
            self.last_cleanup = Some(now);
        }
        if is_full {
            self.last_full = Some(now);
        }
        self.needs_full = false;
        let writes = |name: &ServicePortName| is_full || changed.contains(&name.service);
        let mut counts = Counts { services: self.ports.len(), endpoints, ..Counts::default() };
        let restore = self.restore_text(&writes, &stale, &mut counts);
        Sync { is_full, restore, wants_conntrack_cleanup, counts }
    }

    /// The restore went wrong: the next sync is a full one.
    pub fn failed(&mut self) {
        self.needs_full = true;
    }

    /// Takes over what was seen since the last sync: which Services it concerns, and whether flows may be stale.
    fn take_changes(&mut self) -> (BTreeSet<NamespacedName>, bool) {
        let mut is_stale = false;
        let changed = std::mem::take(&mut self.changed);
        for (service, ports) in &changed {
            if let Some(ports) = ports {
                self.replace_ports(service, ports);
            }
            let new = self.slices.endpoints(service, self.config.family, &self.config.node_name);
            let from =
                ServicePortName { service: service.clone(), port: String::new(), protocol: Protocol::Tcp };
            let range = self.endpoints.range(from..).take_while(|(name, _)| name.service == *service);
            let old: Endpoints = range.map(|(name, list)| (name.clone(), list.clone())).collect();
            let none: &[Endpoint] = &[];
            for name in old.keys().chain(new.keys()).filter(|name| name.protocol == Protocol::Udp) {
                let (old, new) = (old.get(name).map_or(none, Vec::as_slice), new.get(name));
                is_stale |= leaves_stale_flows(old, new.map_or(none, Vec::as_slice));
            }
            for name in old.keys() {
                self.endpoints.remove(name);
            }
            self.endpoints.extend(new);
        }
        (changed.into_keys().collect(), is_stale)
    }

    fn replace_ports(&mut self, service: &NamespacedName, ports: &[PortInfo]) {
        let old: Vec<ServicePortName> = self.ports_of(service).map(|port| port.info.name.clone()).collect();
        for name in old {
            let port = self.ports.remove(&name).expect("it was just found");
            port.rendered.chains.iter().for_each(|chain| {
                self.active_chains.remove(chain);
            });
        }
        for info in ports {
            let port = Port { info: info.clone(), rendered: Rendered::default() };
            self.ports.insert(info.name.clone(), port);
        }
    }

    /// Chains of Services in the kernel that no rule needs.
    fn stale_chains(&self, saved: &str) -> Vec<String> {
        let named = saved.lines().filter_map(|line| line.strip_prefix(':')?.split(' ').next());
        named
            .filter(|chain| is_service_chain(chain) && !self.active_chains.contains(*chain))
            .map(str::to_owned)
            .collect()
    }

    fn restore_text(
        &self,
        writes: &dyn Fn(&ServicePortName) -> bool,
        stale: &[String],
        counts: &mut Counts,
    ) -> String {
        let blocks_localnet = self.config.family == Family::V4 && self.config.localhost_node_ports;
        let (mut filter_rules, mut nat_chains, mut nat_rules) = (String::new(), String::new(), String::new());
        if blocks_localnet {
            filter_rules += LOCALNET_RULE;
        }
        self.write_fixed_nat(&mut nat_rules);
        let fixed = nat_rules.lines().count();
        for (name, port) in &self.ports {
            let rendered = &port.rendered;
            filter_rules += &rendered.filter;
            nat_rules += &rendered.entries;
            if writes(name) {
                rendered.chains.iter().for_each(|chain| chain_line(&mut nat_chains, chain));
                nat_rules += &rendered.rules;
                counts.nat_rules_written += rendered.rule_count;
            }
            counts.nat_rules_written += rendered.entry_count;
            counts.nat_rules += rendered.entry_count + rendered.rule_count;
            counts.no_local_internal += usize::from(rendered.no_local_internal);
            counts.no_local_external += usize::from(rendered.no_local_external);
        }
        for chain in stale {
            chain_line(&mut nat_chains, chain);
            nat_rules += &format!("-X {chain}\n");
        }
        let jumps = self.node_port_jumps();
        counts.nat_rules += fixed + jumps.len();
        counts.nat_rules_written += fixed + jumps.len();
        nat_rules.extend(jumps);
        self.write_forward(&mut filter_rules);
        counts.filter_rules = filter_rules.lines().count();
        let mut text = String::with_capacity(filter_rules.len() + nat_chains.len() + nat_rules.len() + 512);
        text += "*filter\n";
        FILTER_CHAINS.iter().for_each(|chain| chain_line(&mut text, chain));
        if blocks_localnet {
            chain_line(&mut text, "KUBE-FIREWALL");
        }
        text += &filter_rules;
        text += "COMMIT\n*nat\n";
        NAT_CHAINS.iter().for_each(|chain| chain_line(&mut text, chain));
        text += &nat_chains;
        text += &nat_rules;
        text += "COMMIT\n";
        text
    }

    fn write_fixed_nat(&self, rules: &mut String) {
        let mark = self.config.mark();
        let random = if self.config.random_fully { " --random-fully" } else { "" };
        for rule in [
            format!("KUBE-POSTROUTING -m mark ! --mark {mark}/{mark} -j RETURN"),
            format!("KUBE-POSTROUTING -j MARK --xor-mark {mark}"),
            format!(
                "KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE{random}"
            ),
            format!("KUBE-MARK-MASQ -j MARK --or-mark {mark}"),
        ] {
            writeln!(rules, "-A {rule}").expect("a String takes all");
        }
    }

    /// The last rules of KUBE-SERVICES: whatever was meant for this node itself.
    fn node_port_jumps(&self) -> Vec<String> {
        let start = "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\"";
        let is_v6 = self.config.family == Family::V6;
        let ranges = &self.config.node_port_addresses;
        if ranges.is_empty() || ranges.iter().any(|net| net.prefix_len() == 0) {
            let except = match (is_v6, self.config.localhost_node_ports) {
                (true, _) => " ! -d ::1/128",
                (false, false) => " ! -d 127.0.0.0/8",
                (false, true) => "",
            };
            return vec![format!("{start} -m addrtype --dst-type LOCAL{except} -j KUBE-NODEPORTS\n")];
        }
        let may_be_localhost = !is_v6 && self.config.localhost_node_ports;
        let mut addresses: Vec<&IpAddr> = Vec::new();
        for range in ranges {
            let answers = |ip: &&IpAddr| range.contains(*ip) && (may_be_localhost || !ip.is_loopback());
            for ip in self.config.node_ips.iter().filter(|ip| ip.is_ipv6() == is_v6).filter(answers) {
                if !addresses.contains(&ip) {
                    addresses.push(ip);
                }
            }
        }
        addresses.iter().map(|ip| format!("{start} -d {ip} -j KUBE-NODEPORTS\n")).collect()
    }

    fn write_forward(&self, rules: &mut String) {
        let mark = self.config.mark();
        if !self.config.conntrack_tcp_liberal {
            let count = if self.config.nfacct {
                " -m nfacct --nfacct-name ct_state_invalid_dropped_pkts"
            } else {
                ""
            };
            *rules += &format!("-A KUBE-FORWARD -m conntrack --ctstate INVALID{count} -j DROP\n");
        }
        *rules += &format!(
            "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark --mark {mark}/{mark} -j ACCEPT\n"
        );
        *rules += "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
    }

    /// The ports it has rules for, with their endpoints.
    pub fn service_ports(&self) -> impl Iterator<Item = (&PortInfo, &[Endpoint])> {
        let endpoints = |name| self.endpoints.get(name).map(Vec::as_slice).unwrap_or_default();
        self.ports.iter().map(move |(name, port)| (&port.info, endpoints(name)))
    }
}

const FILTER_CHAINS: [&str; 5] =
    ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"];
const NAT_CHAINS: [&str; 4] = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"];
/// Node ports on localhost need `route_localnet`; this keeps neighbours from using it (the kubelet sets the same rule).
const LOCALNET_RULE: &str = "-A KUBE-FIREWALL -m comment --comment \"block incoming localnet connections\" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n";

fn chain_line(to: &mut String, chain: &str) {
    writeln!(to, ":{chain} - [0:0]").expect("a String takes all");
}
