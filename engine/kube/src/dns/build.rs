//! From a Corefile to server blocks with their plugins.
//!
//! Always: plugins are set up in the order in which they are asked; the first fault is what the process says and ends
//! with.
//! Sources: CoreDNS 1.14.7 `core/dnsserver/{register,address}.go`, `plugin.cfg`.

use super::chain::{Block, Plugin};
use super::corefile::{ServerBlock, Surroundings, parse};
use super::dispenser::Dispenser;
use super::duration;
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

pub fn build(file: &str, text: &str, around: &dyn Surroundings, rng: &mut Rng) -> Result<Vec<Block>, String> {
    let blocks = parse(file, text, around, &|name| PLUGINS.contains(&name))?;
    let mut built: Vec<Block> = Vec::new();
    for block in &blocks {
        let keys: Vec<(String, u16)> = block.keys.iter().map(|key| address(key)).collect::<Result<_, _>>()?;
        for (zone, port) in &keys {
            if built.iter().any(|it| it.zone == *zone && it.port == *port) {
                return Err(format!("cannot serve dns://{zone}:{port} - it is already defined"));
            }
            let zones: Vec<String> = keys.iter().map(|(zone, _)| zone.clone()).collect();
            let chain = chain(file, block, &zones, zone, *port, around, rng)?;
            built.push(Block { zone: zone.clone(), port: *port, chain });
        }
    }
    Ok(built)
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

fn chain(
    file: &str,
    block: &ServerBlock,
    zones: &[String],
    zone: &str,
    port: u16,
    around: &dyn Surroundings,
    rng: &mut Rng,
) -> Result<Vec<Plugin>, String> {
    let mut chain = Vec::new();
    for name in PLUGINS {
        let Some(tokens) = block.directives.get(*name) else { continue };
        let mut at = Dispenser::new(file, tokens.clone());
        let made = setup(name, &mut at, zones, zone, port, around, rng);
        chain.extend(made.map_err(|why| format!("plugin/{name}: {why}"))?);
    }
    Ok(chain)
}

fn setup(
    name: &str,
    at: &mut Dispenser,
    zones: &[String],
    zone: &str,
    port: u16,
    around: &dyn Surroundings,
    rng: &mut Rng,
) -> Result<Vec<Plugin>, String> {
    Ok(match name {
        "errors" => vec![Plugin::Errors(Errors::parse(at)?)],
        "log" => vec![Plugin::Log(Log::parse(at)?)],
        "kubernetes" => vec![Plugin::Kubernetes(Kubernetes::parse(at, zones, around)?)],
        "cache" => vec![Plugin::Cache(Cache::parse(at, zones)?)],
        "loop" => vec![Plugin::Loop(Loop::parse(at, zone, port, rng)?)],
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
            listener(at)?;
            vec![Plugin::Prometheus]
        }
        "health" | "ready" | "reload" => {
            passive(name, at)?;
            Vec::new()
        }
        _ => return Err("not simulated in vethlab; leave it out".to_owned()),
    })
}

fn no_arguments(at: &mut Dispenser, plugin: Plugin) -> Result<Vec<Plugin>, String> {
    while at.next() {
        if at.next_arg() {
            return Err(at.arg_error());
        }
    }
    Ok(vec![plugin])
}

/// `prometheus [ADDRESS]`
fn listener(at: &mut Dispenser) -> Result<(), String> {
    while at.next() {
        if at.remaining_args().len() > 1 {
            return Err(at.arg_error());
        }
    }
    Ok(())
}

/// Plugins that look after the process, not after queries.
fn passive(name: &str, at: &mut Dispenser) -> Result<(), String> {
    while at.next() {
        let args = at.remaining_args();
        match (name, args.len()) {
            ("reload", 0..=2) => {
                for text in &args {
                    duration::parse(text)?;
                }
                if args.first().is_some_and(|text| {
                    duration::parse(text).is_ok_and(|time| !time.is_zero() && time.as_secs() < 2)
                }) {
                    return Err("interval value must be greater or equal to 2s".to_owned());
                }
            }
            ("health" | "ready", 0..=1) => {}
            _ => return Err(at.arg_error()),
        }
        while at.next_block() {
            match (name, at.value()) {
                ("health", "lameduck") => {
                    let args = at.remaining_args();
                    let [text] = args.as_slice() else { return Err(at.arg_error()) };
                    let wrong = |why| format!("unable to parse lameduck duration value: '{text}' : {why}");
                    duration::parse(text).map_err(wrong)?;
                }
                _ => return Err(at.arg_error()),
            }
        }
    }
    Ok(())
}
