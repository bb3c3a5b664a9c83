//! kubernetes: answers for Services, endpoints and Pods of the cluster.
//!
//! Always: an answer comes from what the plugin has seen; until it has seen everything, what is missing is SERVFAIL.
//! Differs from CoreDNS: no multi-cluster zones, no `zonal`, no zone transfers; the API server's address and credentials
//! (`endpoint`, `tls`, `kubeconfig`) are not options here, and neither are label selectors.
//! Sources: CoreDNS 1.14.7 `plugin/kubernetes`, `plugin/backend_lookup.go`; the DNS specification of Kubernetes 1.1.0.

use super::super::chain::Cx;
use super::super::corefile::Surroundings;
use super::super::dispenser::Dispenser;
use super::super::duration;
use super::super::records::{Failure, Found, Host, Query, below};
use super::super::request::{Outcome, Request, record};
use super::super::zone::{Fallthrough, from_args, is_below, is_reverse, matches, normalise};
use linux::dns::{Data, Kind, Message, Name, Rcode, Record};
use linux::resolver::ResolvConf;
use std::collections::BTreeSet;

/// `maxCnameChainLength`
const MAX_CNAMES: usize = 10;
/// The zone's SOA is never kept longer than this.
const MAX_SOA_TTL: u32 = 300;
const DEFAULT_TTL: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    Disabled,
    Verified,
    Insecure,
}

#[derive(Clone, Debug)]
pub struct Kubernetes {
    pub zones: Vec<String>,
    pub pods: Pods,
    pub ttl: u32,
    pub fallthrough: Fallthrough,
    pub endpoint_pod_names: bool,
    pub no_endpoints: bool,
    pub ignore_empty_service: bool,
    /// Only these, where there are any.
    pub namespaces: BTreeSet<String>,
    /// The machine's own search list, for autopath.
    search: Vec<String>,
}

impl Kubernetes {
    pub fn parse(
        at: &mut Dispenser,
        keys: &[String],
        around: &dyn Surroundings,
    ) -> Result<Kubernetes, String> {
        let mut plugin = None;
        while at.next() {
            if plugin.is_some() {
                return Err("this plugin can only be used once per Server Block".to_owned());
            }
            plugin = Some(Kubernetes::stanza(at, keys, around)?);
        }
        plugin.ok_or_else(|| at.arg_error())
    }

    fn stanza(at: &mut Dispenser, keys: &[String], around: &dyn Surroundings) -> Result<Kubernetes, String> {
        let args = at.remaining_args();
        let zones = if args.is_empty() { keys.to_vec() } else { from_args(&args) };
        if zones.iter().all(|zone| is_reverse(zone)) {
            return Err("non-reverse zone name must be used".to_owned());
        }
        let resolv = around.file("/etc/resolv.conf").unwrap_or_default();
        let search = ResolvConf::parse(&resolv, &linux::resolver::Surroundings::default()).search;
        let mut plugin = Kubernetes {
            zones,
            pods: Pods::Disabled,
            ttl: DEFAULT_TTL,
            fallthrough: Fallthrough::default(),
            endpoint_pod_names: false,
            no_endpoints: false,
            ignore_empty_service: false,
            namespaces: BTreeSet::new(),
            search: search.iter().map(|domain| normalise(domain)).collect(),
        };
        while at.next_block() {
            plugin.property(at)?;
        }
        Ok(plugin)
    }

    fn property(&mut self, at: &mut Dispenser) -> Result<(), String> {
        let name = at.value().to_owned();
        let args = if name == "}" { Vec::new() } else { at.remaining_args() };
        let none = |at: &Dispenser| if args.is_empty() { Ok(true) } else { Err(at.arg_error()) };
        match (name.as_str(), args.as_slice()) {
            ("endpoint_pod_names", _) => self.endpoint_pod_names = none(at)?,
            ("noendpoints", _) => self.no_endpoints = none(at)?,
            ("pods", [mode]) => {
                self.pods = match mode.as_str() {
                    "disabled" => Pods::Disabled,
                    "verified" => Pods::Verified,
                    "insecure" => Pods::Insecure,
                    other => {
                        return Err(format!(
                            "wrong value for pods: {other},  must be one of: disabled, verified, insecure"
                        ));
                    }
                };
            }
            ("namespaces", [_, ..]) => self.namespaces.extend(args),
            ("fallthrough", _) => self.fallthrough = Fallthrough::from_args(&args),
            ("ttl", [number, ..]) => {
                let wrong = || format!("strconv.Atoi: parsing \"{number}\": invalid syntax");
                let ttl: i64 = number.parse().map_err(|_| wrong())?;
                let in_range = u32::try_from(ttl).ok().filter(|ttl| *ttl <= 3600);
                self.ttl =
                    in_range.ok_or_else(|| at.error(&format!("ttl must be in range [0, 3600]: {ttl}")))?;
            }
            ("ignore", [what, ..]) if what == "empty_service" => self.ignore_empty_service = true,
            ("ignore", [what, ..]) => return Err(format!("unable to parse ignore value: '{what}'")),
            ("startup_timeout", [text, ..]) => {
                duration::parse(text)
                    .map_err(|why| format!("failed to parse startup_timeout: {text}, {why}"))?;
            }
            (
                "endpoint"
                | "tls"
                | "kubeconfig"
                | "labels"
                | "namespace_labels"
                | "multicluster"
                | "zonal"
                | "apiserver_qps"
                | "apiserver_burst"
                | "apiserver_max_inflight",
                _,
            ) => return Err(at.error(&format!("{name}: not simulated in vethlab"))),
            ("pods" | "namespaces" | "ttl" | "startup_timeout", _) => return Err(at.arg_error()),
            ("ignore", []) => {}
            _ => return Err(at.error(&format!("unknown property '{name}'"))),
        }
        Ok(())
    }

    /// The first zone that is not a reverse one: names made from addresses are below it.
    pub fn primary_zone(&self) -> &str {
        let primary = self.zones.iter().find(|zone| !is_reverse(zone));
        primary.expect("a block with reverse zones only was refused")
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let name = request.name();
        let Some(zone) = matches(&self.zones, &name) else { return cx.next("kubernetes", request).await };
        // As it was written in the question.
        let asked = request.question().name.to_string();
        let zone = asked[asked.len().saturating_sub(zone.len())..].to_owned();
        let mut lookup = Lookup { plugin: self, cx, request: &request, zone: &zone, extra: Vec::new() };
        let found = lookup.records().await;
        let extra = lookup.extra;
        match found {
            Err(_) if self.fallthrough.is_for(&name) => cx.next("kubernetes", request).await,
            Err(_) => {
                let rcode =
                    if cx.with(|state| state.cluster.is_synced) { Rcode::NXDOMAIN } else { Rcode::SERVFAIL };
                Outcome::written(self.without_records(cx, &request, &zone, rcode), "kubernetes")
            }
            Ok(records) if records.is_empty() => {
                let reply = self.without_records(cx, &request, &zone, Rcode::NOERROR);
                Outcome::written(reply, "kubernetes")
            }
            Ok(records) => {
                let mut reply = request.reply(Rcode::NOERROR);
                reply.flags.authoritative = true;
                reply.answers = records;
                reply.additionals = extra;
                Outcome::written(reply, "kubernetes")
            }
        }
    }

    fn without_records(&self, cx: &Cx, request: &Request, zone: &str, rcode: Rcode) -> Message {
        let mut reply = request.reply(rcode);
        reply.flags.authoritative = true;
        reply.authorities.extend(self.soa(cx, zone));
        reply
    }

    fn soa(&self, cx: &Cx, zone: &str) -> Option<Record> {
        let name = |text: String| Name::parse(&text).ok();
        let data = Data::Soa {
            mname: name(format!("ns.dns.{}", below(zone)))?,
            rname: name(format!("hostmaster.{}", below(zone)))?,
            serial: cx.with(|state| state.cluster.modified),
            refresh: 7200,
            retry: 1800,
            expire: 86400,
            minimum: self.ttl,
        };
        Some(record(name(zone.to_owned())?, Kind::SOA, self.ttl.min(MAX_SOA_TTL), data))
    }

    /// For autopath: the search list of the Pod that asks, by its address.
    pub fn autopath(&self, cx: &Cx, request: &Request) -> Option<Vec<String>> {
        let zone = matches(&self.zones, &request.name()).filter(|_| self.pods == Pods::Verified)?;
        let ip = request.client.ip().to_string();
        let namespace = cx.with(|state| state.cluster.pods_at(&ip).next().map(str::to_owned))?;
        let end = below(zone);
        let mut search = vec![format!("{namespace}.svc.{end}"), format!("svc.{end}"), zone.to_owned()];
        search.extend(self.search.iter().cloned());
        search.push(String::new());
        Some(search)
    }
}

/// One query being answered.
struct Lookup<'a> {
    plugin: &'a Kubernetes,
    cx: &'a Cx,
    request: &'a Request,
    zone: &'a str,
    extra: Vec<Record>,
}

impl Lookup<'_> {
    async fn records(&mut self) -> Result<Vec<Record>, Failure> {
        let (kind, name) = (self.request.kind(), self.request.name());
        match kind {
            Kind::A | Kind::AAAA => self.addresses(&name, kind).await,
            Kind::TXT => self.texts(&name),
            Kind::CNAME => {
                Ok(self.find(&name, kind)?.into_iter().take(1).filter_map(|it| self.cname(&it)).collect())
            }
            Kind::PTR => self.pointers(&name),
            Kind::SRV => self.services(&name),
            Kind::SOA => {
                let is_zone = self.request.question().name.to_string() == self.zone;
                Ok(self.plugin.soa(self.cx, self.zone).into_iter().filter(|_| is_zone).collect())
            }
            Kind::NS if name == normalise(self.zone) => Ok(self.name_servers()),
            Kind::MX => self.find(&name, kind).map(|_| Vec::new()),
            _ => self.find(&name, Kind::A).map(|_| Vec::new()),
        }
    }

    fn find(&self, name: &str, kind: Kind) -> Result<Vec<Found>, Failure> {
        self.cx.with(|state| {
            let query = Query { plugin: self.plugin, cluster: &state.cluster, zone: self.zone };
            if name == format!("ns.dns.{}", normalise(self.zone)) {
                let servers = query.name_servers(&state.addresses);
                return Ok(servers.into_iter().filter(|it| it.host.kind() == Some(kind)).collect());
            }
            query.records(name)
        })
    }

    fn owner(&self) -> Name {
        self.request.question().name.clone()
    }

    fn cname(&self, found: &Found) -> Option<Record> {
        let Host::Name(target) = &found.host else { return None };
        let target = Name::parse(target).ok()?;
        Some(record(self.owner(), Kind::CNAME, self.plugin.ttl, Data::Name(target)))
    }

    /// Addresses of this family; where a Service is another name, that and what it stands for.
    async fn addresses(&self, name: &str, kind: Kind) -> Result<Vec<Record>, Failure> {
        let mut before: Vec<String> = Vec::new();
        let mut records: Vec<Record> = Vec::new();
        let mut owner = self.owner();
        let mut name = name.to_owned();
        // Follows names inside the zone; another zone's are asked of the server itself.
        loop {
            let found = match self.find(&name, kind) {
                Err(_) if !before.is_empty() => return Ok(Vec::new()),
                found => found?,
            };
            let mut seen = BTreeSet::new();
            let aliases = records.len();
            let mut follow = None;
            for it in found {
                match &it.host {
                    Host::Address(ip) if it.host.kind() == Some(kind) && seen.insert(*ip) => {
                        records.push(record(owner.clone(), kind, self.plugin.ttl, Data::from(*ip)));
                    }
                    Host::Address(_) => {}
                    Host::Name(target) => follow = follow.or(Some(normalise(target))),
                }
            }
            // An alias inside the zone is shown only with what it stands for.
            let Some(target) = follow else {
                records.truncate(if records.len() > aliases { records.len() } else { 0 });
                return Ok(records);
            };
            let is_loop = target == name || before.contains(&target) || before.len() > MAX_CNAMES;
            let Some(alias) = Name::parse(&target).ok().filter(|_| !is_loop) else { return Ok(Vec::new()) };
            before.push(target.clone());
            let cname = record(owner, Kind::CNAME, self.plugin.ttl, Data::Name(alias.clone()));
            if !is_below(&normalise(self.zone), &target) {
                let mut request = self.request.clone();
                request.ask_for(alias, kind);
                let Some(reply) = self.cx.lookup(request).await else { return Ok(Vec::new()) };
                records.push(cname);
                records.extend(reply.answers);
                return Ok(records);
            }
            records.push(cname);
            (owner, name) = (alias, target);
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<Record>, Failure> {
        if name == format!("dns-version.{}", below(&normalise(self.zone))) {
            let version = Data::Strings(vec![b"1.1.0".to_vec()]);
            return Ok(vec![record(self.owner(), Kind::TXT, 28800, version)]);
        }
        // There is a name without a text, or there is none.
        match self.find(name, Kind::A)?.is_empty() {
            true => Err(Failure),
            false => Ok(Vec::new()),
        }
    }

    fn pointers(&self, name: &str) -> Result<Vec<Record>, Failure> {
        let Some(address) = super::super::zone::reversed_address(name) else {
            return self.find(name, Kind::PTR).map(|_| Vec::new());
        };
        let names = self.cx.with(|state| {
            Query { plugin: self.plugin, cluster: &state.cluster, zone: self.zone }.names_of(address)
        });
        let names: BTreeSet<String> = names.into_iter().collect();
        let named = names.iter().filter_map(|name| Name::parse(name).ok());
        let records: Vec<Record> =
            named.map(|name| record(self.owner(), Kind::PTR, self.plugin.ttl, Data::Name(name))).collect();
        if records.is_empty() { Err(Failure) } else { Ok(records) }
    }

    fn services(&mut self, name: &str) -> Result<Vec<Record>, Failure> {
        let found = self.find(name, Kind::SRV)?;
        // A Service that is only another name has no ports to tell of.
        let found: Vec<Found> = found.into_iter().filter(|it| it.host.kind().is_some()).collect();
        let weight = (100.0 / found.len().max(1) as f64).floor().max(1.0) as u16;
        let (mut records, mut targets, mut glue) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for it in &found {
            let (Ok(port), Ok(target)) = (u16::try_from(it.port), Name::parse(&it.name)) else { continue };
            let Host::Address(address) = it.host else { continue };
            if targets.insert((it.name.clone(), port)) {
                let data = Data::Srv { priority: 0, weight, port, target: target.clone() };
                records.push(record(self.owner(), Kind::SRV, self.plugin.ttl, data));
            }
            if glue.insert((it.name.clone(), address)) {
                let kind = if address.is_ipv4() { Kind::A } else { Kind::AAAA };
                self.extra.push(record(target, kind, self.plugin.ttl, Data::from(address)));
            }
        }
        Ok(records)
    }

    /// The Service that this server itself stands behind.
    fn name_servers(&mut self) -> Vec<Record> {
        let found = self.cx.with(|state| {
            let query = Query { plugin: self.plugin, cluster: &state.cluster, zone: self.zone };
            query.name_servers(&state.addresses)
        });
        let (mut records, mut seen) = (Vec::new(), BTreeSet::new());
        for it in found {
            let (Ok(name), Host::Address(address)) = (Name::parse(&it.name), it.host.clone()) else {
                continue;
            };
            let kind = if address.is_ipv4() { Kind::A } else { Kind::AAAA };
            self.extra.push(record(name.clone(), kind, self.plugin.ttl, Data::from(address)));
            if seen.insert(it.name) {
                records.push(record(self.owner(), Kind::NS, self.plugin.ttl, Data::Name(name)));
            }
        }
        records
    }
}
