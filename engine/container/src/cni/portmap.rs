//! portmap: a port of the host that leads to a port of the container.
//!
//! Always: stands behind another plugin and hands its result on; what comes from the host itself or from the container is
//! masqueraded.
//! Source: containernetworking/plugins 1.1.1 `plugins/meta/portmap`.

use super::chain::Chain;
use super::config::{Fields, NetConf};
use super::error::{CniError, CniResult};
use super::iptables::{Iptables, rule};
use super::link;
use super::masquerade::chain_name;
use super::netns::{self, write_sysctl};
use super::result::Attachment;
use super::skel::Call;
use crate::output::run;
use ipnet::IpNet;
use linux::Sys;
use net::rtnetlink::RouteGetRequest;
use std::collections::BTreeMap;
use std::net::IpAddr;

const DNAT: &str = "CNI-HOSTPORT-DNAT";
const SET_MARK: &str = "CNI-HOSTPORT-SETMARK";
const MASQUERADE: &str = "CNI-HOSTPORT-MASQ";
/// Kubernetes has 14 and 15.
const MARK_BIT: i64 = 13;
/// Of one multiport match.
const MOST_PORTS: usize = 15;
const COMMENT_BYTES: usize = 255;

struct Mapping {
    host_port: i64,
    container_port: i64,
    protocol: String,
    host_ip: String,
}

struct Config {
    net: NetConf,
    container: String,
    previous: Option<Attachment>,
    mappings: Vec<Mapping>,
    masquerades: bool,
    conditions: [Vec<String>; 2],
    mark_bit: i64,
    external_chain: Option<String>,
    /// The container's, of each family.
    addresses: [Option<IpNet>; 2],
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let net = NetConf::parse(&call.stdin);
        let net = net.map_err(|why| format!("failed to parse network configuration: {why}"))?;
        let fields = net.fields();
        let previous = Attachment::previous(&net)?;
        let mappings =
            mappings(&fields).map_err(|why| format!("failed to parse network configuration: {why}"))?;
        let external_chain = fields.get("externalSetMarkChain").and_then(|it| it.as_str()).map(str::to_owned);
        if external_chain.is_some() && fields.get("markMasqBit").is_some() {
            return Err(CniError::internal("Cannot specify externalSetMarkChain and markMasqBit"));
        }
        let mark_bit = fields.get("markMasqBit").and_then(|it| it.as_i64()).unwrap_or(MARK_BIT);
        if !(0..=31).contains(&mark_bit) {
            return Err(CniError::internal("MasqMarkBit must be between 0 and 31"));
        }
        for it in &mappings {
            if it.container_port <= 0 {
                let words = format!("Invalid container port number: {}", it.container_port);
                return Err(CniError::internal(words));
            }
            if it.host_port <= 0 {
                return Err(CniError::internal(format!("Invalid host port number: {}", it.host_port)));
            }
        }
        let addresses = previous.as_ref().map_or([None, None], |it| container_addresses(it, &call.ifname));
        Ok(Config {
            container: call.container.clone(),
            mappings,
            masquerades: fields.flag("snat")?.unwrap_or(true),
            conditions: [
                fields.texts("conditionsV4")?.unwrap_or_default(),
                fields.texts("conditionsV6")?.unwrap_or_default(),
            ],
            mark_bit,
            external_chain,
            addresses,
            previous,
            net: net.clone(),
        })
    }

    /// The container's own chain.
    fn chain(&self) -> Chain {
        let name = chain_name("DN-", &self.net.name, &self.container);
        Chain { name, entry_chains: vec![DNAT], ..Chain::default() }
    }

    fn filled(&self, address: IpNet) -> Chain {
        let is_v6 = address.addr().is_ipv6();
        let mut chain = self.chain();
        let mut comment = format!("dnat name: \"{}\" id: \"{}\"", self.net.name, self.container);
        if comment.len() > COMMENT_BYTES {
            comment.truncate(COMMENT_BYTES - 2);
            comment += "...";
        }
        let mut by_protocol: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for it in &self.mappings {
            by_protocol.entry(&it.protocol).or_default().push(it.host_port.to_string());
        }
        for (protocol, ports) in by_protocol {
            for ports in ports.chunks(MOST_PORTS) {
                let head = ["-m", "comment", "--comment", &comment, "-m", "multiport", "-p", protocol];
                let mut entry = rule(&head);
                entry.extend(["--destination-ports".to_owned(), ports.join(",")]);
                entry.extend(self.conditions[usize::from(is_v6)].iter().cloned());
                chain.entry_rules.push(entry);
            }
        }
        self.mappings.iter().for_each(|it| chain.rules.extend(self.rules(it, address)));
        chain
    }

    /// What comes from the container and from the host is marked, then all is led to the container.
    fn rules(&self, it: &Mapping, address: IpNet) -> Vec<Vec<String>> {
        let is_v6 = address.addr().is_ipv6();
        let port = it.host_port.to_string();
        let mut base = rule(&["-p", &it.protocol, "--dport", &port]);
        if let Ok(host) = it.host_ip.parse::<IpAddr>() {
            if host.is_ipv6() != is_v6 {
                return Vec::new();
            }
            if !host.is_unspecified() {
                base.extend(rule(&["-d", &it.host_ip]));
            }
        }
        let with = |words: &[&str]| [base.clone(), rule(words)].concat();
        let mark = self.external_chain.as_deref().unwrap_or(SET_MARK);
        let mut rules = Vec::new();
        if self.masquerades {
            rules.push(with(&["-s", &address.to_string(), "-j", mark]));
            if !is_v6 {
                rules.push(with(&["-s", "127.0.0.1", "-j", mark]));
            }
        }
        let to = match address.addr() {
            IpAddr::V4(v4) => format!("{v4}:{}", it.container_port),
            IpAddr::V6(v6) => format!("[{v6}]:{}", it.container_port),
        };
        rules.push(with(&["-j", "DNAT", "--to-destination", &to]));
        rules
    }

    async fn forward(&self, sys: &Sys, address: IpNet) -> CniResult<()> {
        let is_v4 = address.addr().is_ipv4();
        let iptables = Iptables::new(is_v4);
        if self.masquerades {
            if self.external_chain.is_none() {
                for chain in mark_chains(self.mark_bit) {
                    let set = chain.set_up(sys, iptables).await;
                    set.map_err(|error| error.within(&format!("unable to create chain {SET_MARK}")))?;
                }
            }
            if is_v4 && let Some(device) = routable_device(sys, address.addr()).await {
                let key = format!("net/ipv4/conf/{device}/route_localnet");
                let host = netns::own(sys).await;
                let set = write_sysctl(sys, host, &key, "1").await;
                set.map_err(|error| error.within("unable to enable route_localnet"))?;
            }
        }
        let top = Chain {
            name: DNAT.to_owned(),
            entry_chains: vec!["PREROUTING", "OUTPUT"],
            entry_rules: vec![rule(&["-m", "addrtype", "--dst-type", "LOCAL"])],
            ..Chain::default()
        };
        let set = top.set_up(sys, iptables).await;
        set.map_err(|error| error.within("failed to create top-level DNAT chain"))?;
        let set = self.filled(address).set_up(sys, iptables).await;
        set.map_err(|error| error.within("unable to setup DNAT"))?;
        // Old flows of UDP would go on as they did.
        for it in self.mappings.iter().filter(|it| it.protocol.eq_ignore_ascii_case("udp")) {
            let port = it.host_port.to_string();
            let words = ["conntrack", "-D", "-p", "udp", "--orig-port-dst", &port];
            run(sys, &words, "", None).await.ok();
        }
        Ok(())
    }
}

fn mappings(fields: &Fields<'_>) -> Result<Vec<Mapping>, String> {
    let runtime = fields.object("runtimeConfig", "struct")?;
    let mut all = Vec::new();
    for item in runtime.list("portMappings", "[]main.PortMapEntry")? {
        let it = Fields::new("main.PortMapEntry", item)?;
        all.push(Mapping {
            host_port: it.number("hostPort")?,
            container_port: it.number("containerPort")?,
            protocol: it.text("protocol")?,
            host_ip: it.text("hostIP")?,
        });
    }
    Ok(all)
}

/// The first of each family that is not another interface's.
fn container_addresses(result: &Attachment, ifname: &str) -> [Option<IpNet>; 2] {
    let mut found = [None, None];
    for it in &result.addresses {
        let interface = it.interface.and_then(|index| result.interfaces.get(index));
        if interface.is_some_and(|interface| interface.name != ifname || interface.sandbox.is_empty()) {
            continue;
        }
        let family = usize::from(it.address.addr().is_ipv6());
        found[family] = found[family].or(Some(it.address));
    }
    found
}

/// The mark that asks for masquerading, and the rule that obeys it.
fn mark_chains(bit: i64) -> [Chain; 2] {
    let mark = format!("{0:#x}/{0:#x}", 1_u32 << bit);
    let set =
        ["-m", "comment", "--comment", "CNI portfwd masquerade mark", "-j", "MARK", "--set-xmark", &mark];
    [
        Chain { name: SET_MARK.to_owned(), rules: vec![rule(&set)], ..Chain::default() },
        Chain {
            name: MASQUERADE.to_owned(),
            entry_chains: vec!["POSTROUTING"],
            entry_rules: vec![rule(&["-m", "comment", "--comment", "CNI portfwd requiring masquerade"])],
            rules: vec![rule(&["-m", "mark", "--mark", &mark, "-j", "MASQUERADE"])],
            // Ahead of what bridge and ptp masquerade.
            is_first: true,
        },
    ]
}

/// The host's device towards the container.
async fn routable_device(sys: &Sys, address: IpAddr) -> Option<String> {
    let answer = sys.net(move |net, ns| net.route_get(ns, &RouteGetRequest::new(address))).await.ok()?;
    let host = netns::own(sys).await;
    link::by_name(sys, host, &answer.device).await.map(|link| link.name)
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call).map_err(|error| error.within("failed to parse config"))?;
    let Some(previous) = &config.previous else {
        return Err(CniError::internal("must be called as chained plugin"));
    };
    if !config.mappings.is_empty() {
        for address in config.addresses.into_iter().flatten() {
            config.forward(sys, address).await?;
        }
    }
    Ok(previous.print(&config.net.version)?)
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call).map_err(|error| error.within("failed to parse config"))?;
    if config.mappings.is_empty() {
        return Ok(());
    }
    for (family, is_v4) in [("ipv4", true), ("ipv6", false)] {
        let gone = config.chain().tear_down(sys, Iptables::new(is_v4)).await;
        gone.map_err(|error| error.within(&format!("could not teardown {family} dnat")))?;
    }
    Ok(())
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    if config.previous.is_none() {
        return Err(CniError::internal("Required prevResult missing"));
    }
    if config.mappings.is_empty() {
        return Ok(());
    }
    for address in config.addresses.into_iter().flatten() {
        let chain = config.filled(address);
        // Both families, whichever the address is of.
        for (family, is_v4) in [("ipv4", true), ("ipv6", false)] {
            let checked = chain.check(sys, Iptables::new(is_v4)).await;
            checked.map_err(|error| error.within(&format!("could not check {family} dnat")))?;
        }
    }
    Ok(())
}
