//! From a Corefile to server blocks with their plugins.
//!
//! Always: plugins are set up in the order in which they are asked; the first fault is what the process says and ends
//! with.
//! Sources: CoreDNS 1.14.7 `core/dnsserver/{register,address}.go`, `plugin.cfg`.

use super::chain::{Block, Plugin};
use super::corefile::{ServerBlock, Surroundings, parse};
use super::dispenser::Dispenser;
use super::plugin::acl::Acl;
use super::plugin::autopath::Autopath;
use super::plugin::cache::Cache;
use super::plugin::errors::Errors;
use super::plugin::forward::Forward;
use super::plugin::hosts::Hosts;
use super::plugin::kubernetes::Kubernetes;
use super::plugin::loadbalance;
use super::plugin::log::Log;
use super::plugin::loop_detect::Loop;
use super::plugin::rewrite::Rewrite;
use super::plugin::template::Templates;
use super::upkeep::{Upkeep, digest};
use super::zone::from_args;
use sim::Rng;

/// What CoreDNS was built with, in the order of its execution.
const PLUGINS: &[&str] = &[
    "root",
    "metadata",
    "geoip",
    "cancel",
    "proxyproto",
    "quic",
    "grpc_server",
    "https",
    "https3",
    "timeouts",
    "multisocket",
    "reload",
    "nsid",
    "bufsize",
    "bind",
    "debug",
    "trace",
    "ready",
    "health",
    "pprof",
    "shed",
    "prometheus",
    "errors",
    "log",
    "dnstap",
    "local",
    "dns64",
    "any",
    "chaos",
    "loadbalance",
    "tsig",
    "rewrite",
    "autopath",
    "acl",
    "cache",
    "header",
    "dnssec",
    "tls",
    "minimal",
    "template",
    "transfer",
    "hosts",
    "route53",
    "azure",
    "clouddns",
    "k8s_external",
    "kubernetes",
    "file",
    "auto",
    "secondary",
    "etcd",
    "loop",
    "forward",
    "grpc",
    "erratic",
    "whoami",
    "on",
    "sign",
    "view",
    "nomad",
];
const PORT: u16 = 53;

pub fn build(
    file: &str,
    text: &str,
    around: &dyn Surroundings,
    rng: &mut Rng,
) -> Result<(Vec<Block>, Upkeep), String> {
    let blocks = parse(file, text, around, &|name| PLUGINS.contains(&name))?;
    let mut upkeep = Upkeep { digest: digest(&blocks), ..Upkeep::default() };
    let mut built: Vec<Block> = Vec::new();
    for block in &blocks {
        let keys: Vec<(String, u16)> = block.keys.iter().map(|key| address(key)).collect::<Result<_, _>>()?;
        for (zone, port) in &keys {
            if built.iter().any(|it| it.zone == *zone && it.port == *port) {
                return Err(format!("cannot serve dns://{zone}:{port} - it is already defined"));
            }
            let zones: Vec<String> = keys.iter().map(|(zone, _)| zone.clone()).collect();
            let chain = Setup { file, block, zones, zone, port: *port, around }.chain(rng, &mut upkeep)?;
            built.push(Block { zone: zone.clone(), port: *port, chain });
        }
    }
    Ok((built, upkeep))
}

/// `example.org:1053`, `dns://.`, `10.0.0.0/8`: zone and port.
fn address(key: &str) -> Result<(String, u16), String> {
    let plain = match key.split_once("://") {
        Some(("dns", rest)) => rest,
        Some((scheme, _)) => return Err(format!("{scheme}: not simulated in vethlab; use dns://")),
        None => key,
    };
    let (zone, port) = match plain.rsplit_once(':') {
        Some((zone, port)) if !zone.contains(':') => match port.parse() {
            Ok(port) => (zone, port),
            Err(_) => return Err(format!("strconv.Atoi: parsing \"{port}\": invalid syntax")),
        },
        _ => (plain, PORT),
    };
    let zone = if zone.is_empty() { "." } else { zone };
    Ok((from_args(&[zone.to_owned()]).swap_remove(0), port))
}

/// A server block on its way to its plugins.
struct Setup<'a> {
    file: &'a str,
    block: &'a ServerBlock,
    zones: Vec<String>,
    zone: &'a str,
    port: u16,
    around: &'a dyn Surroundings,
}

impl Setup<'_> {
    fn chain(&self, rng: &mut Rng, upkeep: &mut Upkeep) -> Result<Vec<Plugin>, String> {
        let mut chain = Vec::new();
        for name in PLUGINS {
            let Some(tokens) = self.block.directives.get(*name) else { continue };
            let mut at = Dispenser::new(self.file, tokens.clone());
            let made = self.plugin(name, &mut at, rng, upkeep);
            chain.extend(made.map_err(|why| format!("plugin/{name}: {why}"))?);
        }
        Ok(chain)
    }

    fn plugin(
        &self,
        name: &str,
        at: &mut Dispenser,
        rng: &mut Rng,
        upkeep: &mut Upkeep,
    ) -> Result<Vec<Plugin>, String> {
        let (zones, around) = (self.zones.as_slice(), self.around);
        Ok(match name {
            "errors" => vec![Plugin::Errors(Errors::parse(at)?)],
            "log" => vec![Plugin::Log(Log::parse(at)?)],
            "kubernetes" => vec![Plugin::Kubernetes(Kubernetes::parse(at, zones, around)?)],
            "cache" => vec![Plugin::Cache(Cache::parse(at, zones)?)],
            "loop" => vec![Plugin::Loop(Loop::parse(at, self.zone, self.port, rng)?)],
            "forward" => Forward::parse(at, around)?.into_iter().map(Plugin::Forward).collect(),
            "hosts" => vec![Plugin::Hosts(Hosts::parse(at, zones, around)?)],
            "rewrite" => vec![Plugin::Rewrite(Rewrite::parse(at)?)],
            "template" => vec![Plugin::Template(Templates::parse(at, zones)?)],
            "acl" => vec![Plugin::Acl(Acl::parse(at, zones)?)],
            "autopath" => vec![Plugin::Autopath(Autopath::parse(at, zones, around)?)],
            "loadbalance" => {
                loadbalance::parse(at)?;
                vec![Plugin::Loadbalance]
            }
            "any" => no_arguments(at, Plugin::Any)?,
            "whoami" => no_arguments(at, Plugin::Whoami)?,
            "prometheus" => {
                upkeep.parse("prometheus", at)?;
                vec![Plugin::Prometheus]
            }
            "health" | "ready" | "reload" => {
                upkeep.parse(name, at)?;
                Vec::new()
            }
            _ => return Err("not simulated in vethlab; leave it out".to_owned()),
        })
    }
}

fn no_arguments(at: &mut Dispenser, plugin: Plugin) -> Result<Vec<Plugin>, String> {
    while at.next() {
        if at.next_arg() {
            return Err(at.arg_error());
        }
    }
    Ok(vec![plugin])
}
