//! firewall: lets the container's traffic through FORWARD.
//!
//! Always: stands behind another plugin; the administrator's own chain comes first.
//! Differs from the real plugin: no firewalld; `ingressPolicy` is not simulated.
//! Source: containernetworking/plugins 1.1.1 `plugins/meta/firewall`.

use super::config::NetConf;
use super::error::{CniError, CniResult};
use super::iptables::{Iptables, rule};
use super::result::Attachment;
use super::skel::Call;
use ipnet::IpNet;
use linux::Sys;

const CHAIN: &str = "CNI-FORWARD";
const ADMIN: &str = "CNI-ADMIN";
const TABLE: &str = "filter";

struct Config {
    net: NetConf,
    admin: String,
    previous: Option<Attachment>,
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let loading = |why: String| CniError::internal(format!("failed to load netconf: {why}"));
        let net = NetConf::parse(&call.stdin).map_err(loading)?;
        let (admin, backend, ingress) = {
            let text = |name: &str| net.fields().text(name).map_err(loading);
            (text("iptablesAdminChainName")?, text("backend")?, text("ingressPolicy")?)
        };
        if backend == "firewalld" {
            return Err(CniError::internal("firewalld: not simulated in vethlab; use iptables"));
        }
        if !matches!(ingress.as_str(), "" | "open") {
            return Err(CniError::internal("ingressPolicy: not simulated in vethlab; use open"));
        }
        let previous = Attachment::previous(&net)?;
        let admin = if admin.is_empty() { ADMIN.to_owned() } else { admin };
        Ok(Config { net, admin, previous })
    }

    fn required(&self) -> CniResult<&Attachment> {
        let missing = || CniError::internal("missing prevResult from earlier plugin");
        self.previous.as_ref().ok_or_else(missing)
    }

    /// What leads to our chain, and from there to the administrator's.
    fn jumps(&self) -> [(&str, Vec<String>); 2] {
        let to = |comment: &str, chain: &str| rule(&["-m", "comment", "--comment", comment, "-j", chain]);
        [
            ("FORWARD", to("CNI firewall plugin rules", CHAIN)),
            (CHAIN, to("CNI firewall plugin admin overrides", &self.admin)),
        ]
    }
}

/// Answers to the container, and all that comes from it.
fn rules(addresses: &[IpNet]) -> Vec<Vec<String>> {
    let both = |address: &IpNet| {
        let host = IpNet::from(address.addr()).to_string();
        let answers = ["-d", &host, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"];
        [rule(&answers), rule(&["-s", &host, "-j", "ACCEPT"])]
    };
    addresses.iter().flat_map(both).collect()
}

/// The rules of each family that the result has addresses of.
fn by_family(result: &Attachment) -> Vec<(Iptables, Vec<Vec<String>>)> {
    let of = |is_v4: bool| {
        let addresses = result.addresses.iter().map(|it| it.address);
        let addresses: Vec<IpNet> = addresses.filter(|it| it.addr().is_ipv4() == is_v4).collect();
        (Iptables::new(is_v4), rules(&addresses))
    };
    [of(true), of(false)].into_iter().filter(|(_, rules)| !rules.is_empty()).collect()
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call)?;
    let result = config.required()?;
    for (iptables, rules) in by_family(result) {
        for chain in [CHAIN, &config.admin] {
            iptables.ensure_chain(sys, TABLE, chain).await?;
        }
        for (chain, jump) in config.jumps() {
            iptables.add_once(sys, TABLE, chain, true, &jump).await?;
        }
        for rule in &rules {
            iptables.add_once(sys, TABLE, CHAIN, false, rule).await?;
        }
    }
    Ok(result.print(&config.net.version)?)
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    for (iptables, rules) in config.previous.iter().flat_map(by_family) {
        for rule in &rules {
            iptables.delete(sys, TABLE, CHAIN, rule).await.ok();
        }
    }
    Ok(())
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    for (iptables, rules) in by_family(config.required()?) {
        for chain in [CHAIN, &config.admin] {
            iptables.ensure_chain(sys, TABLE, chain).await?;
        }
        for (chain, jump) in config.jumps() {
            if !iptables.has(sys, TABLE, chain, &jump).await? {
                let jump = jump.join(" ");
                return Err(CniError::internal(format!("expected {chain} rule [{jump}] not found")));
            }
        }
        for rule in &rules {
            if !iptables.has(sys, TABLE, CHAIN, rule).await? {
                return Err(CniError::internal(format!("expected rule [{}] not found", rule.join(" "))));
            }
        }
    }
    Ok(())
}
