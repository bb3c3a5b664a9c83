//! `kube-proxy`: watches Services and EndpointSlices, and writes the node's rules.
//!
//! Always: what it changes it changes by running `iptables`, `iptables-restore` and `conntrack` on its node; syncs are at
//! least `minSyncPeriod` apart; a configuration that cannot be read ends it with exit code 1.
//! Differs from kube-proxy: of its modes iptables alone; the canary is looked at in one table; events are not written.
//! Sources: `cmd/kube-proxy/app`, `pkg/proxy/iptables`, Kubernetes 1.36.

use super::config::Configuration;
use super::health::Health;
use super::iptables::{Config, Proxier, ZONE};
use super::local::DetectLocal;
use super::metrics::Metrics;
use super::node::{Node, find_node};
use super::port::Family;
use super::sync::Tables;
use crate::feed::{Feed, News};
use crate::klog::{Klog, quoted};
use crate::object::{Kind, Value, view};
use crate::page::{self, Page};
use linux::daemon::{Crew, seen};
use linux::{Args, Command, Exit, Sys};
use sim::Instant;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

pub static KUBE_PROXY: Command = Command {
    name: "kube-proxy",
    path: "/usr/local/bin/kube-proxy",
    man: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/",
    run: |sys, args| Box::pin(kube_proxy(sys, args)),
};

const VERSION: &str = "v1.36.2";
const KINDS: [Kind; 3] = [Kind::Service, Kind::EndpointSlice, Kind::Node];
const LOCALNET: &str = "Setting route_localnet=1 to allow node-ports on localhost; to change this either disable iptables.localhostNodePorts (--iptables-localhost-nodeports) or set nodePortAddresses (--nodeport-addresses) to filter loopback addresses";
const ALL_NODE_PORTS: &str = "nodePortAddresses is unset; NodePort connections will be accepted on all local IPs. Consider using `--nodeport-addresses primary`";

/// What all conversations of the process see.
struct State {
    proxiers: Vec<Proxier>,
    health: Health,
    metrics: Metrics,
    /// Something was seen that wants a sync.
    is_dirty: bool,
    is_synced: bool,
}

type Shared = Rc<RefCell<State>>;

async fn kube_proxy(sys: Sys, args: Args) -> Exit {
    // It asks for no signals.
    sys.end_at_signals(Exit(2)).await;
    let log = Klog::new(&sys);
    match run(&sys, &log, args.rest()).await {
        Ok(()) => Exit::OK,
        Err(Fault::Usage(why)) => {
            sys.eprint(format!("Error: {why}\n")).await;
            Exit::FAILURE
        }
        Err(Fault::Failed(why)) => {
            log.error("run.go:72", "command failed", &why, &[]).await;
            Exit::FAILURE
        }
    }
}

enum Fault {
    Usage(String),
    Failed(String),
}

impl From<String> for Fault {
    fn from(why: String) -> Fault {
        Fault::Failed(why)
    }
}

/// `--config` and `--hostname-override`.
fn flags(words: &[String]) -> Result<(String, String), Fault> {
    let (mut config, mut hostname) = (String::new(), String::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix("--") else {
            let word = quoted(word);
            return Err(Fault::Usage(format!("\"kube-proxy\" does not take any arguments, got [{word}]")));
        };
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let to = match name {
            "config" => &mut config,
            "hostname-override" => &mut hostname,
            "v" => continue,
            other => return Err(Fault::Usage(format!("unknown flag: --{other}"))),
        };
        let missing = || Fault::Usage(format!("flag needs an argument: --{name}"));
        *to = match value {
            Some(value) => value,
            None => words.next().cloned().ok_or_else(missing)?,
        };
    }
    Ok((config, hostname))
}

async fn run(sys: &Sys, log: &Klog, words: &[String]) -> Result<(), Fault> {
    let (path, hostname) = flags(words)?;
    let read = sys.read_file(&path).await;
    let bytes =
        read.map_err(|errno| format!("failed complete: open {path}: {}", errno.text().to_lowercase()))?;
    let configuration = Configuration::parse(&String::from_utf8_lossy(&bytes))?;
    if matches!(configuration.mode.as_str(), "ipvs" | "nftables") {
        let mode = &configuration.mode;
        return Err(Fault::Failed(format!("{mode}: not simulated in vethlab; use iptables")));
    }
    let node_name = match [hostname.as_str(), configuration.hostname_override.as_str()] {
        ["", ""] => sys.hostname().await,
        ["", name] | [name, _] => name.trim().to_lowercase(),
    };
    log.info("server_linux.go:53", "Using iptables proxy", &[]).await;
    let feed = Feed::by_kubeconfig(sys, "kube-proxy", &configuration.kubeconfig, &KINDS).await;
    let feed = match feed {
        Ok(feed) => feed,
        Err(why) => {
            log.error("server.go:141", "Error running ProxyServer", &why, &[]).await;
            return Err(Fault::Failed(why));
        }
    };
    serve(sys, log, configuration, node_name, feed).await;
    Ok(())
}

async fn serve(sys: &Sys, log: &Klog, configuration: Configuration, name: String, mut feed: Feed) {
    let (node, early) = find_node(&mut feed, &name).await;
    let ips: Vec<String> = node.addresses.iter().map(|ip| quoted(&ip.to_string())).collect();
    let ips = format!("[{}]", ips.join(","));
    log.info("server.go:220", "Successfully retrieved NodeIPs", &[("NodeIPs", &ips)]).await;
    if configuration.node_port_addresses.is_empty() && !configuration.primary_node_ports_only {
        log.error(
            "server.go:256",
            "Kube-proxy configuration may be incomplete or incorrect",
            ALL_NODE_PORTS,
            &[],
        )
        .await;
    }
    let primary = quoted("IPv4");
    log.info("server.go:265", "kube-proxy running in dual-stack mode", &[("primary ipFamily", &primary)])
        .await;
    log.info("server_linux.go:132", "Using iptables Proxier", &[]).await;
    if configuration.localhost_node_ports {
        let set = sys.write_file("/proc/sys/net/ipv4/conf/all/route_localnet", b"1").await;
        if set.is_ok() {
            log.info("proxier.go:242", LOCALNET, &[("ipFamily", &primary)]).await;
        }
    }
    let proxiers =
        [Family::V4, Family::V6].map(|family| Proxier::new(config(&configuration, &node, &name, family)));
    let state = State {
        proxiers: proxiers.into(),
        health: Health::new(configuration.sync_period),
        metrics: Metrics::default(),
        is_dirty: false,
        is_synced: false,
    };
    let (shared, crew): (Shared, Crew) = (Rc::new(RefCell::new(state)), Crew::default());
    let version = quoted(VERSION);
    log.info("server.go:519", "Version info", &[("version", &version)]).await;
    let none = quoted("");
    log.info(
        "server.go:521",
        "Golang settings",
        &[("GOGC", &none), ("GOMAXPROCS", &none), ("GOTRACEBACK", &none)],
    )
    .await;
    pages(sys, log, &crew, &shared, &configuration).await;
    for (place, what) in [
        ("config.go:200", "service config"),
        ("config.go:106", "endpoint slice config"),
        ("config.go:403", "serviceCIDR config"),
        ("config.go:309", "node config"),
    ] {
        log.info(place, &format!("Starting {what} controller"), &[]).await;
        let what = quoted(what);
        log.info("shared_informer.go:349", "Waiting for caches to sync", &[("controller", &what)]).await;
    }
    crew.add(watch(sys.clone(), log.clone(), Rc::clone(&shared), feed, early, name));
    crew.add(sync_loop(sys.clone(), log.clone(), Rc::clone(&shared), configuration));
    crew.run().await;
}

fn config(given: &Configuration, node: &Node, name: &str, family: Family) -> Config {
    let is_v4 = family == Family::V4;
    let own = node.addresses.iter().find(|ip| ip.is_ipv4() == is_v4).copied();
    let loopback = if is_v4 { IpAddr::from([127, 0, 0, 1]) } else { std::net::Ipv6Addr::LOCALHOST.into() };
    let node_ip = own.unwrap_or(loopback);
    let pod_cidr = node.pod_cidrs.iter().find(|net| net.addr().is_ipv4() == is_v4);
    let detect_local = match (given.wants_node_cidr, pod_cidr) {
        (true, Some(net)) => DetectLocal::Cidr(*net),
        _ => given.detect_local[usize::from(!is_v4)].clone(),
    };
    Config {
        family,
        node_name: name.to_owned(),
        node_ip,
        node_ips: node.addresses.clone(),
        topology: node.zone.iter().map(|zone| (ZONE.to_owned(), zone.clone())).collect(),
        masquerade_bit: given.masquerade_bit,
        masquerade_all: given.masquerade_all,
        detect_local,
        localhost_node_ports: given.localhost_node_ports && is_v4,
        node_port_addresses: match given.primary_node_ports_only {
            true => vec![node_ip.into()],
            false => given.node_port_addresses.clone(),
        },
        nfacct: false,
        conntrack_tcp_liberal: given.tcp_be_liberal,
        random_fully: true,
        sync_period: given.sync_period,
    }
}

async fn pages(sys: &Sys, log: &Klog, crew: &Crew, shared: &Shared, configuration: &Configuration) {
    let boot = sys.realtime().await.saturating_sub(sys.now().await.since(Instant::BOOT));
    if let Some(local) = configuration.healthz {
        let inner = Rc::clone(shared);
        let answer = move |path: &str, now: Instant| {
            let mut state = inner.borrow_mut();
            let page = state.health.page(path, now, boot);
            let code = format!("code=\"{}\"", page.status);
            match path {
                "/healthz" => state.metrics.add("proxy_healthz_total", &code, 1.0),
                "/livez" => state.metrics.add("proxy_livez_total", &code, 1.0),
                _ => {}
            }
            page
        };
        if let Err(errno) = page::serve(sys, crew, local, answer).await {
            let why = format!(
                "failed to start proxy healthz on {local}: listen tcp {local}: bind: {}",
                errno.text().to_lowercase()
            );
            log.error("server.go:433", "Healthz server failed", &why, &[]).await;
        }
    }
    if let Some(local) = configuration.metrics {
        let inner = Rc::clone(shared);
        let answer = move |path: &str, _: Instant| match path {
            "/proxyMode" => Page::plain(200, "iptables"),
            "/healthz" => Page::plain(200, "ok"),
            "/metrics" => Page::metrics(inner.borrow().metrics.text()),
            _ => Page::missing(),
        };
        if let Err(errno) = page::serve(sys, crew, local, answer).await {
            let why = format!(
                "starting metrics server failed: listen tcp {local}: bind: {}",
                errno.text().to_lowercase()
            );
            log.error("server.go:492", "Unhandled Error", &why, &[]).await;
        }
    }
    crew.add(service_pages(sys.clone(), log.clone(), crew.clone(), Rc::clone(shared)));
}

/// Opens a port for each Service that load balancers ask about. A port that is not wanted any more goes on saying 503.
async fn service_pages(sys: Sys, log: Klog, crew: Crew, shared: Shared) {
    let mut open = BTreeMap::new();
    loop {
        let wanted = || {
            let state = shared.borrow();
            let new = state.health.services.iter().find(|(name, (port, _))| open.get(port) != Some(*name));
            new.map(|(name, (port, _))| (name.clone(), *port))
        };
        let (name, port) = seen(wanted).await;
        let (inner, service) = (Rc::clone(&shared), name.clone());
        let answer = move |_: &str, now: Instant| inner.borrow().health.service_page(&service, now);
        let local = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port);
        if let Err(errno) = page::serve(&sys, &crew, local, answer).await {
            let why = format!("listen tcp 0.0.0.0:{port}: bind: {}", errno.text().to_lowercase());
            let named = quoted(&name.to_string());
            log.error(
                "service_health.go:145",
                "Failed to start healthcheck",
                &why,
                &[("service", &named), ("port", &port)],
            )
            .await;
        }
        open.insert(port, name);
    }
}

async fn watch(sys: Sys, log: Klog, shared: Shared, mut feed: Feed, mut early: VecDeque<News>, node: String) {
    loop {
        let news = match early.pop_front() {
            Some(news) => news,
            None => feed.next().await,
        };
        if let News::Synced = news {
            for what in ["node config", "endpoint slice config", "service config", "serviceCIDR config"] {
                let what = quoted(what);
                log.info("shared_informer.go:356", "Caches are synced", &[("controller", &what)]).await;
            }
            let mut state = shared.borrow_mut();
            (state.is_synced, state.is_dirty) = (true, true);
        } else {
            let now = sys.now().await;
            take(&shared, news, &node, now);
        }
    }
}

fn take(shared: &Shared, news: News, node: &str, now: Instant) {
    let mut state = shared.borrow_mut();
    let State { proxiers, health, metrics, is_dirty, .. } = &mut *state;
    let (kind, object, is_gone) = match &news {
        News::Set(kind, object) => (*kind, object, false),
        News::Deleted(kind, object) => (*kind, object, true),
        News::Synced => return,
    };
    let metadata = object.get("metadata");
    let (namespace, name) = (metadata.str("namespace"), metadata.str("name"));
    if kind == Kind::Node {
        if name == node {
            health.node_eligible = !is_gone && is_eligible(object);
            let zone = metadata.at(&["labels", ZONE]).as_str();
            let topology: BTreeMap<String, String> =
                (!zone.is_empty()).then(|| (ZONE.to_owned(), zone.to_owned())).into_iter().collect();
            for proxier in proxiers.iter_mut().filter(|it| it.config().topology != topology) {
                proxier.topology_set(topology.clone());
                *is_dirty = true;
            }
        }
        return;
    }
    let mut has_changed = false;
    for proxier in proxiers.iter_mut() {
        has_changed |= match (kind, is_gone) {
            (Kind::Service, false) => view::view(object).is_ok_and(|it| proxier.service_set(&it)),
            (Kind::Service, true) => proxier.service_delete(namespace, name),
            (_, false) => view::view(object).is_ok_and(|it| proxier.slice_set(it)),
            (_, true) => proxier.slice_delete(namespace, name),
        };
    }
    if has_changed {
        let what = if kind == Kind::Service { "service" } else { "endpoint" };
        metrics.add(&format!("sync_proxy_rules_{what}_changes_total"), "ip_family=\"IPv4\"", 1.0);
        health.queued(now);
        *is_dirty = true;
    }
}

/// Not being deleted, and not about to be by the autoscaler.
fn is_eligible(node: &Value) -> bool {
    let taints = node.at(&["spec", "taints"]);
    node.at(&["metadata", "deletionTimestamp"]).is_null()
        && !taints.items().iter().any(|it| it.str("key") == "ToBeDeletedByClusterAutoscaler")
}

/// Syncs when something changed, and when somebody flushed the tables.
async fn sync_loop(sys: Sys, log: Klog, shared: Shared, configuration: Configuration) {
    let both = [Tables::new(&sys, Family::V4), Tables::new(&sys, Family::V6)];
    for tables in &both {
        tables.ensure_canary().await;
    }
    let mut next_look = sys.now().await + configuration.sync_period;
    loop {
        let changed = seen(|| (shared.borrow().is_synced && shared.borrow().is_dirty).then_some(()));
        if !within(&sys, next_look, changed).await {
            next_look = sys.now().await + configuration.sync_period;
            if both[0].has_canary().await {
                continue;
            }
            let (table, chain) = (quoted("mangle"), quoted("KUBE-PROXY-CANARY"));
            log.info("iptables.go:573", "Iptables canary deleted", &[("table", &table), ("chain", &chain)])
                .await;
            for tables in &both {
                tables.ensure_canary().await;
            }
            shared.borrow_mut().proxiers.iter_mut().for_each(Proxier::force_full_sync);
        }
        shared.borrow_mut().is_dirty = false;
        let mut has_failed = false;
        for (index, tables) in both.iter().enumerate() {
            if let Err(why) = sync(&sys, &shared, tables, index).await {
                let family = quoted(tables.family.name());
                log.error(
                    "proxier.go:1546",
                    "Failed to execute iptables-restore",
                    &why,
                    &[("ipFamily", &family)],
                )
                .await;
                shared.borrow_mut().proxiers[index].failed();
                has_failed = true;
            }
        }
        // A sync that failed is tried again after `syncPeriod`.
        let pause = if has_failed { configuration.sync_period } else { configuration.min_sync_period };
        sys.sleep(pause).await;
        shared.borrow_mut().is_dirty |= has_failed;
    }
}

async fn sync(sys: &Sys, shared: &Shared, tables: &Tables, index: usize) -> Result<(), String> {
    let now = sys.now().await;
    let wants_saved = shared.borrow().proxiers[index].wants_saved_nat(now);
    let saved = if wants_saved { Some(tables.saved_nat().await) } else { None };
    let sync = shared.borrow_mut().proxiers[index].sync(now, saved.as_deref());
    if let Err(why) = tables.apply(&sync).await {
        shared.borrow_mut().metrics.add(
            "sync_proxy_rules_iptables_restore_failures_total",
            "ip_family=\"IPv4\"",
            1.0,
        );
        return Err(why);
    }
    let at = sys.realtime().await.as_secs_f64();
    {
        let mut state = shared.borrow_mut();
        let State { proxiers, health, metrics, .. } = &mut *state;
        metrics.synced(&sync, tables.family, at);
        if index == 0 {
            health.updated(now, &proxiers[0]);
        }
    }
    if sync.wants_conntrack_cleanup {
        let flows = tables.udp_flows().await;
        let stale = shared.borrow().proxiers[index].stale_flows(&flows);
        for index in stale {
            tables.forget(&flows[index]).await;
        }
    }
    Ok(())
}

/// Whether that came before its time was over.
async fn within(sys: &Sys, deadline: Instant, wanted: impl Future<Output = ()>) -> bool {
    let left = deadline.since(sys.now().await.min(deadline));
    let (mut wanted, mut timer) = (Box::pin(wanted), Box::pin(sys.sleep(left)));
    poll_fn(|context| {
        if wanted.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        timer.as_mut().poll(context).map(|_| false)
    })
    .await
}
