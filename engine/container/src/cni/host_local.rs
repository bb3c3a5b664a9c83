//! host-local: gives addresses out of ranges and remembers them on this machine's disk.
//!
//! Always: the next address is the one after the last given, so a container that comes again gets another.
//! Source: containernetworking/plugins 1.1.1 `plugins/ipam/host-local`.

use super::config::{Fields, NetConf, argument};
use super::error::{CniError, CniResult, file_error};
use super::range::{Given, Range, RangeSet};
use super::result::{Address, Attachment, Route, routes};
use super::skel::{Call, at_least};
use super::store::{Store, owner};
use linux::Sys;
use serde_json::{Map, Value};
use std::net::IpAddr;

struct Config {
    net: NetConf,
    sets: Vec<RangeSet>,
    routes: Vec<Route>,
    folder: String,
    resolv_conf: String,
    /// Addresses that the caller wants.
    wanted: Vec<IpAddr>,
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let net = NetConf::parse(&call.stdin)?;
        let fields = net.fields();
        if fields.get("ipam").is_none() {
            return Err(CniError::internal("IPAM config missing 'ipam' key"));
        }
        let ipam = fields.object("ipam", "allocator.IPAMConfig")?;
        let runtime = fields.object("runtimeConfig", "struct")?;
        let mut given: Vec<Vec<Given>> = Vec::new();
        for value in runtime.list("ipRanges", "[]allocator.RangeSet")? {
            given.push(RangeSet::read(value)?);
        }
        given.extend(Range::read(&ipam)?.map(|range| vec![range]));
        for value in ipam.list("ranges", "[]allocator.RangeSet")? {
            given.push(RangeSet::read(value)?);
        }
        let routes = routes(ipam.list("routes", "[]*types.Route")?)?;
        if given.is_empty() {
            return Err(CniError::internal("no IP ranges specified"));
        }
        let mut sets = Vec::new();
        for (index, set) in given.iter().enumerate() {
            let checked = RangeSet::checked(set);
            sets.push(checked.map_err(|why| format!("invalid range set {index}: {why}"))?);
        }
        Config::check_sets(&sets, &net.version)?;
        let (folder, resolv_conf) = (ipam.text("dataDir")?, ipam.text("resolvConf")?);
        let wanted = wanted(call, &fields, &runtime)?;
        Ok(Config { sets, routes, folder, resolv_conf, wanted, net: net.clone() })
    }

    fn check_sets(sets: &[RangeSet], version: &str) -> CniResult<()> {
        let of_v4 = sets.iter().filter(|set| set.0.iter().all(|range| range.start.is_ipv4())).count();
        if (of_v4 > 1 || sets.len() - of_v4 > 1) && !at_least(version, "0.3.0").unwrap_or(false) {
            let words = format!("CNI version {version} does not support more than 1 address per family");
            return Err(CniError::internal(words));
        }
        for (index, set) in sets.iter().enumerate() {
            if let Some(other) = sets[index + 1..].iter().position(|it| set.overlaps(it)) {
                let other = index + other + 1;
                return Err(CniError::internal(format!("range set {index} overlaps with {other}")));
            }
        }
        Ok(())
    }

    async fn store(&self, sys: &Sys) -> CniResult<Store> {
        Store::open(sys, &self.net.name, &self.folder).await
    }
}

/// Of CNI_ARGS, of `args` and of the capability, in this order.
fn wanted(call: &Call, fields: &Fields<'_>, runtime: &Fields<'_>) -> CniResult<Vec<IpAddr>> {
    let mut texts: Vec<String> = argument(&call.arguments, "IP")?.into_iter().collect();
    texts.extend(
        fields
            .object("args", "struct")?
            .object("cni", "allocator.IPAMArgs")?
            .texts("ips")?
            .into_iter()
            .flatten(),
    );
    texts.extend(runtime.texts("ips")?.into_iter().flatten());
    let address = |text: &String| {
        let bare = text.split('/').next().unwrap_or_default();
        bare.parse().map_err(|_| CniError::internal(format!("invalid IP address {text}")))
    };
    texts.iter().map(address).collect()
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call)?;
    let mut result = Attachment { routes: config.routes.clone(), ..Attachment::default() };
    if !config.resolv_conf.is_empty() {
        let path = &config.resolv_conf;
        let bytes = sys.read_file(path).await.map_err(|errno| file_error("open", path, errno))?;
        result.dns = Some(dns(&String::from_utf8_lossy(&bytes)));
    }
    let store = config.store(sys).await?;
    let mut wanted = config.wanted.clone();
    for (index, set) in config.sets.iter().enumerate() {
        let place = wanted.iter().position(|address| set.range_of(*address).is_some());
        let asked = place.map(|place| wanted.remove(place));
        match allocate(sys, call, &store, set, index, asked).await {
            Ok(address) => result.addresses.push(address),
            Err(error) => {
                store.release(sys, &call.container, &call.ifname).await;
                return Err(error.within(&format!("failed to allocate for range {index}")));
            }
        }
    }
    if !wanted.is_empty() {
        store.release(sys, &call.container, &call.ifname).await;
        let left: String = wanted.iter().map(|address| format!(" {address}")).collect();
        return Err(CniError::internal(format!("failed to allocate all requested IPs:{left}")));
    }
    Ok(result.print(&config.net.version)?)
}

async fn allocate(
    sys: &Sys,
    call: &Call,
    store: &Store,
    set: &RangeSet,
    index: usize,
    asked: Option<IpAddr>,
) -> CniResult<Address> {
    let owner = owner(&call.container, &call.ifname);
    let given = |address, gateway| Address { interface: None, address, gateway: Some(gateway) };
    if let Some(address) = asked
        && let Some(range) = set.range_of(address)
    {
        if address == range.gateway {
            return Err(CniError::internal(format!("requested ip {address} is subnet's gateway")));
        }
        if !store.reserve(sys, &owner, address, index).await? {
            let set = set.text();
            let words = format!("requested IP address {address} is not available in range set {set}");
            return Err(CniError::internal(words));
        }
        let net = ipnet::IpNet::new(address, range.subnet.prefix_len());
        return Ok(given(net.map_err(|_| "invalid prefix".to_owned())?, range.gateway));
    }
    let held = store.addresses_of(sys, &call.container, &call.ifname).await;
    if let Some(address) = held.iter().find(|address| set.range_of(**address).is_some()) {
        let id = &call.container;
        let words = format!("{address} has been allocated to {id}, duplicate allocation is not allowed");
        return Err(CniError::internal(words));
    }
    let mut walk = set.after(store.last_reserved(sys, index).await);
    while let Some((net, gateway)) = walk.step() {
        if store.reserve(sys, &owner, net.addr(), index).await? {
            return Ok(given(net, gateway));
        }
    }
    Err(CniError::internal(format!("no IP addresses available in range set: {}", set.text())))
}

/// A resolv.conf as the result's `dns`.
fn dns(text: &str) -> Value {
    let mut out: Map<String, Value> = Map::new();
    let (mut servers, mut domain, mut search, mut options) = (Vec::new(), None, Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["nameserver", server, ..] => servers.push(Value::from(*server)),
            ["domain", name, ..] => domain = Some(Value::from(*name)),
            ["search", domains @ ..] => search.extend(domains.iter().map(|it| Value::from(*it))),
            ["options", all @ ..] => options.extend(all.iter().map(|it| Value::from(*it))),
            _ => {}
        }
    }
    let list = |items: Vec<Value>| (!items.is_empty()).then_some(Value::Array(items));
    for (name, value) in [
        ("nameservers", list(servers)),
        ("domain", domain),
        ("search", list(search)),
        ("options", list(options)),
    ] {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    }
    Value::Object(out)
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    config.store(sys).await?.release(sys, &call.container, &call.ifname).await;
    Ok(())
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let store = Config::parse(call)?.store(sys).await?;
    if store.has(sys, &call.container, &call.ifname).await {
        return Ok(());
    }
    let id = &call.container;
    Err(CniError::internal(format!("host-local: Failed to find address added by container {id}")))
}
