//! Fixtures of kube-proxy: objects and a node in, rules out.
//!
//! Our rules are compared twice: as the text handed to `iptables-restore`, and as what `iptables-save` says once our
//! netfilter has loaded them. Always: chains and the rules of each chain in their order, except in the chains that all
//! Services share, where the real one walks Services in no order.
//! Differs from the fixtures: the nftables and ipvs modes are not there yet, and so are steps that fail.

use super::{Says, difference};
use api::topology::Role;
use kube::object::endpointslice::EndpointSlice;
use kube::object::service::Service;
use kube::proxy::iptables::{Config, Proxier, ZONE};
use kube::proxy::local::DetectLocal;
use kube::proxy::name::{NamespacedName, Protocol, ServicePortName};
use kube::proxy::port::Family;
use net::netfilter::text::{Caller, Names, RestoreOptions, SaveOptions, Tool};
use net::netfilter::{Backend, Family as RuleFamily};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

pub const SAYS: &[Says] = &[
    ("iptables-restore", "kube-proxy iptables", "/iptables/restore"),
    ("iptables-save", "kube-proxy iptables", "/iptables/save"),
    ("nftables", "kube-proxy nftables", "/nftables"),
    ("ipvs", "kube-proxy ipvs", "/ipvs"),
];
pub const NAMES: &[Says] = &[("chains", "kube-proxy chain names", "/id")];

/// Chains in which Services come in no order.
const SHARED: [&str; 4] =
    ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL"];

pub fn judge(_root: &Value, case: &Value) -> Vec<Option<String>> {
    let (restore, save) = match run(case) {
        Ok((restore, saved)) => {
            let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
            let restored = difference(&by_chain(&text(&case["iptables"]["restore"])), &by_chain(&restore));
            let recorded = text(&case["iptables"]["save"]);
            (restored, saved.map_or_else(Some, |saved| difference(&by_chain(&recorded), &by_chain(&saved))))
        }
        Err(why) => (Some(format!("{why}\n")), Some(format!("{why}\n"))),
    };
    let missing = || Some("this mode is not there yet\n".to_owned());
    vec![restore, save, missing(), missing()]
}

pub fn judge_names(_root: &Value, case: &Value) -> Vec<Option<String>> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let protocol = Protocol::parse(&text("protocol").to_ascii_uppercase());
    let name = ServicePortName {
        service: NamespacedName::new(text("namespace"), text("service")),
        port: text("portName").to_owned(),
        protocol: protocol.unwrap_or(Protocol::Tcp),
    };
    let (mut recorded, mut ours) = (String::new(), String::new());
    for kind in ["SVC", "SVL", "EXT", "FW"] {
        recorded += &format!("{}\n", text(kind));
        ours += &format!("KUBE-{kind}-{}\n", name.hash());
    }
    recorded += text("SEP");
    ours += &name.endpoint_chain(text("endpoint"));
    vec![difference(&recorded, &ours)]
}

/// The restore text, and what our `iptables-save` says afterwards, or how it failed to load.
fn run(case: &Value) -> Result<(String, Result<String, String>), String> {
    let config = config(&case["config"])?;
    let family = config.family;
    let mut proxier = Proxier::new(config);
    for object in case["objects"].as_array().into_iter().flatten() {
        let fault = |error: serde_json::Error| format!("{}: {error}", object["kind"]);
        match object["kind"].as_str().unwrap_or_default() {
            "Service" => {
                let service: Service = serde_json::from_value(object.clone()).map_err(fault)?;
                proxier.service_set(&service);
            }
            "EndpointSlice" => {
                let slice: EndpointSlice = serde_json::from_value(object.clone()).map_err(fault)?;
                proxier.slice_set(slice);
            }
            other => return Err(format!("no reader for a {other}")),
        }
    }
    let sync = proxier.sync(sim::Instant::BOOT, Some(""));
    let saved = load(&sync, family);
    Ok((sync.restore, saved))
}

fn config(given: &Value) -> Result<Config, String> {
    let text = |key: &str| given[key].as_str().unwrap_or_default();
    let flag = |key: &str| given[key].as_bool().unwrap_or_default();
    let address = |it: &Value| it.as_str().and_then(|it| it.parse().ok());
    let ranges = |it: &Value| it.as_str().and_then(|it| it.parse().ok());
    let list = |key: &str| given[key].as_array().into_iter().flatten();
    let cidr = || text("clusterCIDR").parse().map(DetectLocal::Cidr);
    let detect_local = match text("detectLocal").split_once(':').unwrap_or((text("detectLocal"), "")) {
        ("none", _) => DetectLocal::None,
        ("prefix", prefix) => DetectLocal::InterfaceNamePrefix(prefix.to_owned()),
        ("bridge", name) => DetectLocal::BridgeInterface(name.to_owned()),
        _ => cidr().unwrap_or(DetectLocal::None),
    };
    Ok(Config {
        family: if text("ipFamily") == "IPv6" { Family::V6 } else { Family::V4 },
        node_name: text("node").to_owned(),
        node_ip: address(&given["nodeIP"]).ok_or("no nodeIP")?,
        node_ips: list("nodeIPs").filter_map(address).collect(),
        topology: given["zone"].as_str().map(|zone| (ZONE.to_owned(), zone.to_owned())).into_iter().collect(),
        masquerade_bit: given["masqueradeBit"].as_u64().unwrap_or(14) as u8,
        masquerade_all: flag("masqueradeAll"),
        detect_local,
        localhost_node_ports: flag("localhostNodePorts"),
        node_port_addresses: list("nodePortAddresses").filter_map(ranges).collect(),
        nfacct: flag("nfacct"),
        conntrack_tcp_liberal: flag("conntrackTCPLiberal"),
        random_fully: flag("randomFully"),
        sync_period: Duration::from_secs(30),
    })
}

/// Jump rules and restore, on a fresh machine; then `iptables-save` of filter and nat.
fn load(sync: &kube::proxy::iptables::Sync, family: Family) -> Result<String, String> {
    let mut network = net::Network::new(1);
    let (_, ns) = network.machine_add("node", Role::Node);
    let names = Names::default();
    let caller = Caller { names: &names, is_root: true, now: 0 };
    let (command, family) = match family {
        Family::V4 => ("iptables", RuleFamily::V4),
        Family::V6 => ("ip6tables", RuleFamily::V6),
    };
    let tool = |suffix: &str| Tool::new(&format!("{command}{suffix}"), family, Backend::Nft);
    for jump in sync.jumps() {
        network.iptables(ns, &tool(""), &jump.make_chain(), &caller);
        if network.iptables(ns, &tool(""), &jump.check(), &caller).code != 0 {
            let output = network.iptables(ns, &tool(""), &jump.insert(), &caller);
            if output.code != 0 {
                return Err(output.stderr);
            }
        }
    }
    let options = RestoreOptions { counters: true, no_flush: true, ..RestoreOptions::default() };
    let output = network.iptables_restore(ns, &tool("-restore"), &options, &sync.restore, &caller);
    if output.code != 0 {
        return Err(output.stderr);
    }
    let mut saved = String::new();
    for table in ["filter", "nat"] {
        let options = SaveOptions { counters: false, table: Some(table.to_owned()) };
        saved += &network.iptables_save(ns, &tool("-save"), &options, &caller).stdout;
    }
    Ok(saved)
}

/// The same rules with their chains in order of name, and those of shared chains in order of text but for the jump
/// to node ports, which has to stay last.
fn by_chain(text: &str) -> String {
    let mut tables: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let mut table = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.to_owned();
        } else if let Some(chain) = line.strip_prefix(':') {
            let (name, rest) = chain.split_once(' ').unwrap_or((chain, ""));
            let rules = tables.entry(table.clone()).or_default().entry(name.to_owned()).or_default();
            rules.insert(0, format!(":{name} {rest}"));
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let chain = rule.split(' ').next().unwrap_or_default();
            let rules = tables.entry(table.clone()).or_default().entry(chain.to_owned()).or_default();
            rules.push(line.to_owned());
        }
    }
    let mut out = String::new();
    for (table, chains) in &mut tables {
        out += &format!("*{table}\n");
        for (name, rules) in chains {
            if SHARED.contains(&name.as_str()) {
                rules.sort_by_cached_key(|rule| (rule.contains("NOTE: this must be the last"), rule.clone()));
            }
            rules.iter().for_each(|rule| out += &format!("{rule}\n"));
        }
    }
    out
}
