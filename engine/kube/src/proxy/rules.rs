//! The rules of one service port, as lines for iptables-restore.
//!
//! Always: what depends on one Service only is rendered once and kept until that Service or its endpoints change; the
//! lines and their order are kube-proxy's.
//! Source: kube-proxy's `syncProxyRules`, Kubernetes 1.36.

use super::endpoints::Endpoint;
use super::iptables::Config;
use super::port::{Family, PortInfo};
use super::topology::{Choice, Place, choose};
use std::fmt::Write as _;
use std::net::IpAddr;

/// What one service port adds to a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Lines of table filter.
    pub filter: String,
    /// Lines of KUBE-SERVICES and KUBE-NODEPORTS in table nat, written on every sync.
    pub entries: String,
    /// Chains of its own in table nat.
    pub chains: Vec<String>,
    /// Lines of those chains.
    pub rules: String,
    /// Lines of `entries` and of `rules`.
    pub entry_count: usize,
    pub rule_count: usize,
    /// Policy Local, endpoints somewhere, none here.
    pub no_local_internal: bool,
    pub no_local_external: bool,
}

/// Why packets are turned away in table filter.
struct Refusal {
    target: &'static str,
    comment: String,
}

struct Render<'a> {
    config: &'a Config,
    info: &'a PortInfo,
    choice: Choice<'a>,
    name: String,
    hash: String,
    /// Comments of endpoint rules are left out in large clusters.
    is_large: bool,
    out: Rendered,
}

pub fn render(config: &Config, info: &PortInfo, endpoints: &[Endpoint], is_large: bool) -> Rendered {
    let place = Place { node: &config.node_name, zone: config.zone() };
    let choice = choose(endpoints, info, place);
    let (name, hash) = (info.name.to_string(), info.name.hash());
    let mut render = Render { config, info, choice, name, hash, is_large, out: Rendered::default() };
    render.entries();
    render.internal();
    render.external();
    render.firewall();
    if render.uses_cluster_chain() {
        let (chain, endpoints) = (render.cluster_chain(), render.choice.cluster.clone());
        render.dispatch(&chain, &endpoints);
    }
    if render.uses_local_chain() {
        let (chain, endpoints) = (render.local_chain(), render.choice.local.clone());
        render.dispatch(&chain, &endpoints);
    }
    render.endpoints();
    render.out.entry_count = render.out.entries.lines().count();
    render.out.rule_count = render.out.rules.lines().count();
    render.out
}

impl Render<'_> {
    fn cluster_chain(&self) -> String {
        format!("KUBE-SVC-{}", self.hash)
    }

    fn local_chain(&self) -> String {
        format!("KUBE-SVL-{}", self.hash)
    }

    fn external_chain(&self) -> String {
        format!("KUBE-EXT-{}", self.hash)
    }

    fn firewall_chain(&self) -> String {
        format!("KUBE-FW-{}", self.hash)
    }

    fn policy_chain(&self, is_local: bool) -> String {
        if is_local { self.local_chain() } else { self.cluster_chain() }
    }

    fn uses_cluster_chain(&self) -> bool {
        !self.choice.cluster.is_empty() && self.info.uses_cluster_endpoints()
    }

    fn uses_local_chain(&self) -> bool {
        !self.choice.local.is_empty() && self.info.uses_local_endpoints()
    }

    fn uses_firewall_chain(&self) -> bool {
        self.choice.has_any
            && !self.info.load_balancer_vips.is_empty()
            && !self.info.load_balancer_source_ranges.is_empty()
    }

    fn has_internal(&self) -> bool {
        self.choice.has_any && !(self.info.internal_policy_local && self.choice.local.is_empty())
    }

    fn has_external(&self) -> bool {
        self.choice.has_any && !(self.info.external_policy_local && self.choice.local.is_empty())
    }

    fn refusal(&self) -> Refusal {
        let (target, what) =
            if self.choice.has_any { ("DROP", "no local endpoints") } else { ("REJECT", "no endpoints") };
        Refusal { target, comment: format!("{} has {what}", self.name) }
    }

    /// `-m tcp -p tcp -d 10.96.0.1 --dport 443`
    fn to(&self, address: IpAddr) -> String {
        let protocol = self.info.name.protocol.lower();
        format!("-m {protocol} -p {protocol} -d {address} --dport {}", self.info.port)
    }

    fn filter(&mut self, chain: &str, comment: &str, matches: &str, target: &str) {
        line(
            &mut self.out.filter,
            &format!("-A {chain} -m comment --comment \"{comment}\" {matches} -j {target}"),
        );
    }

    fn entry(&mut self, what: &str, address: IpAddr, target: &str) {
        let rule = format!(
            "-A KUBE-SERVICES -m comment --comment \"{} {what}\" {} -j {target}",
            self.name,
            self.to(address)
        );
        line(&mut self.out.entries, &rule);
    }

    fn rule(&mut self, rule: &str) {
        line(&mut self.out.rules, rule);
    }

    /// Who is sent here: lines of the chains that all Services share.
    fn entries(&mut self) {
        let refusal = self.refusal();
        let (has_any, has_internal, has_external) =
            (self.choice.has_any, self.has_internal(), self.has_external());
        self.out.no_local_internal = has_any && !has_internal;
        self.out.no_local_external = has_any && !has_external;
        let cluster_ip = self.info.cluster_ip;
        if has_internal {
            self.entry("cluster IP", cluster_ip, &self.policy_chain(self.info.internal_policy_local));
        } else {
            self.filter("KUBE-SERVICES", &refusal.comment, &self.to(cluster_ip), refusal.target);
        }
        for &address in &self.info.external_ips {
            if has_any {
                self.entry("external IP", address, &self.external_chain());
            }
            if !has_external {
                self.filter("KUBE-EXTERNAL-SERVICES", &refusal.comment, &self.to(address), refusal.target);
            }
        }
        for &address in &self.info.load_balancer_vips {
            if has_any {
                let chain =
                    if self.uses_firewall_chain() { self.firewall_chain() } else { self.external_chain() };
                self.entry("loadbalancer IP", address, &chain);
            }
            if self.uses_firewall_chain() {
                let comment = format!("{} traffic not accepted by {}", self.name, self.firewall_chain());
                self.filter("KUBE-PROXY-FIREWALL", &comment, &self.to(address), "DROP");
            }
        }
        for &address in self.info.load_balancer_vips.iter().filter(|_| !has_external) {
            self.filter("KUBE-EXTERNAL-SERVICES", &refusal.comment, &self.to(address), refusal.target);
        }
        if self.info.node_port != 0 {
            self.node_port(&refusal);
        }
        if self.info.health_check_node_port != 0 {
            let comment = format!("{} health check node port", self.name);
            let matches = format!("-m tcp -p tcp --dport {}", self.info.health_check_node_port);
            self.filter("KUBE-NODEPORTS", &comment, &matches, "ACCEPT");
        }
    }

    fn node_port(&mut self, refusal: &Refusal) {
        let protocol = self.info.name.protocol.lower();
        let (port, chain) = (self.info.node_port, self.external_chain());
        if self.choice.has_any {
            let start =
                format!("-A KUBE-NODEPORTS -m comment --comment {} -m {protocol} -p {protocol}", self.name);
            if self.config.localhost_node_ports && self.config.family == Family::V4 && self.config.nfacct {
                let rule = format!(
                    "{start} -d 127.0.0.0/8 --dport {port} -m nfacct --nfacct-name localhost_nps_accepted_pkts -j {chain}"
                );
                line(&mut self.out.entries, &rule);
            }
            line(&mut self.out.entries, &format!("{start} --dport {port} -j {chain}"));
        }
        if !self.has_external() {
            let matches = format!("-m addrtype --dst-type LOCAL -m {protocol} -p {protocol} --dport {port}");
            self.filter("KUBE-EXTERNAL-SERVICES", &refusal.comment, &matches, refusal.target);
        }
    }

    /// Traffic to the cluster IP from outside the cluster is masqueraded, since it may leave this node again.
    fn internal(&mut self) {
        let not_local = self.config.detect_local.if_not_local();
        if !self.has_internal() || (!self.config.masquerade_all && not_local.is_none()) {
            return;
        }
        let from = match not_local {
            Some(arguments) if !self.config.masquerade_all => format!(" {arguments}"),
            _ => String::new(),
        };
        let rule = format!(
            "-A {} -m comment --comment \"{} cluster IP\" {}{from} -j KUBE-MARK-MASQ",
            self.policy_chain(self.info.internal_policy_local),
            self.name,
            self.to(self.info.cluster_ip)
        );
        self.rule(&rule);
    }

    fn external(&mut self) {
        if !self.choice.has_any || !self.info.is_externally_accessible() {
            return;
        }
        let (chain, cluster, name) = (self.external_chain(), self.cluster_chain(), self.name.clone());
        self.out.chains.push(chain.clone());
        let mut rows = Vec::new();
        if self.info.external_policy_local {
            if let Some(is_pod) = self.config.detect_local.if_local() {
                rows.push(("pod traffic", format!("{is_pod} -j {cluster}")));
            }
            let from_here = "-m addrtype --src-type LOCAL -j";
            rows.push(("masquerade LOCAL traffic", format!("{from_here} KUBE-MARK-MASQ")));
            rows.push(("route LOCAL traffic", format!("{from_here} {cluster}")));
        } else {
            rows.push(("masquerade traffic", "-j KUBE-MARK-MASQ".to_owned()));
        }
        for (what, rest) in rows {
            let comment = format!("{what} for {name} external destinations");
            self.rule(&format!("-A {chain} -m comment --comment \"{comment}\" {rest}"));
        }
        if self.has_external() {
            let policy = self.policy_chain(self.info.external_policy_local);
            self.rule(&format!("-A {chain} -j {policy}"));
        }
    }

    fn firewall(&mut self) {
        if !self.uses_firewall_chain() {
            return;
        }
        let (chain, external) = (self.firewall_chain(), self.external_chain());
        self.out.chains.push(chain.clone());
        let start = format!("-A {chain} -m comment --comment \"{} loadbalancer IP\"", self.name);
        for range in &self.info.load_balancer_source_ranges {
            self.rule(&format!("{start} -s {range} -j {external}"));
        }
        // A request from this node to the address comes back to it with that address as its source.
        if self.info.load_balancer_source_ranges.iter().any(|range| range.contains(&self.config.node_ip)) {
            for address in &self.info.load_balancer_vips {
                self.rule(&format!("{start} -s {address} -j {external}"));
            }
        }
        let comment = format!("other traffic to {} will be dropped by KUBE-PROXY-FIREWALL", self.name);
        self.rule(&format!("-A {chain} -m comment --comment \"{comment}\""));
    }

    /// From a policy's chain to its endpoints: first those that clients stick to, then by lot.
    fn dispatch(&mut self, chain: &str, endpoints: &[&Endpoint]) {
        self.out.chains.push(chain.to_owned());
        let start = |render: &Render<'_>, endpoint: &Endpoint| match render.is_large {
            true => format!("-A {chain}"),
            false => format!("-A {chain} -m comment --comment \"{} -> {}\"", render.name, endpoint.text),
        };
        if let Some(seconds) = self.info.affinity_seconds {
            for endpoint in endpoints {
                let (start, to) = (start(self, endpoint), &endpoint.chain);
                self.rule(&format!(
                    "{start} -m recent --name {to} --rcheck --seconds {seconds} --reap -j {to}"
                ));
            }
        }
        for (index, endpoint) in endpoints.iter().enumerate() {
            let (start, to, left) = (start(self, endpoint), &endpoint.chain, endpoints.len() - index);
            let chance = match left {
                1 => String::new(),
                _ => format!(" -m statistic --mode random --probability {:.10}", 1.0 / left as f64),
            };
            self.rule(&format!("{start}{chance} -j {to}"));
        }
    }

    fn endpoints(&mut self) {
        let protocol = self.info.name.protocol.lower();
        let comment =
            if self.is_large { String::new() } else { format!(" -m comment --comment {}", self.name) };
        for endpoint in self.choice.reachable.clone() {
            let (chain, text) = (&endpoint.chain, &endpoint.text);
            self.out.chains.push(chain.clone());
            // What loops back to the endpoint that sent it needs another source.
            self.rule(&format!("-A {chain}{comment} -s {} -j KUBE-MARK-MASQ", endpoint.address.ip()));
            let affinity = match self.info.affinity_seconds {
                Some(_) => format!(" -m recent --name {chain} --set"),
                None => String::new(),
            };
            self.rule(&format!(
                "-A {chain}{comment}{affinity} -m {protocol} -p {protocol} -j DNAT --to-destination {text}"
            ));
        }
    }
}

fn line(to: &mut String, text: &str) {
    writeln!(to, "{text}").expect("a String takes all");
}

/// How many endpoints on this node a load balancer may count on.
pub fn local_ready(endpoints: &[Endpoint]) -> usize {
    endpoints.iter().filter(|it| it.is_local && it.is_ready).count()
}
