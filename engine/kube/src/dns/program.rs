//! `coredns`: the name server as a program on a machine or in a Pod.
//!
//! Reads a Corefile, listens on its ports over UDP and TCP, watches the API server for the kubernetes plugin, and shows
//! health, readiness and metrics over HTTP. Always: a Corefile that cannot be read ends it with exit code 1 and the real
//! words; one that is edited while it runs is taken over where it is right.
//! Differs from CoreDNS: the commit it was built from is not shown; `bind` and other protocols are not simulated; what a
//! new configuration wants of the process (pages, other ports) counts only when it starts anew.
//! Sources: CoreDNS 1.14.2 `coremain`, `plugin/{health,ready,reload,metrics}`.

use super::cluster::Cluster;
use super::corefile::Surroundings;
use super::listen::{Shared, serve_tcp, serve_udp};
use super::server::Server;
use crate::feed::{Feed, News};
use crate::object::{Kind, Value, view};
use crate::page::{self, Page};
use linux::daemon::Crew;
use linux::{Args, Command, Exit, Signal, Sys, Woke};
use net::Errno;
use sim::Instant;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

pub static COREDNS: Command = Command {
    name: "coredns",
    path: "/coredns",
    man: "https://coredns.io/manual/toc/",
    run: |sys, args| Box::pin(coredns(sys, args)),
};

const VERSION: &str = "CoreDNS-1.14.2\nlinux/amd64, go1.25.5, \n";
/// A Corefile may name so many files.
const FILES: usize = 64;
/// `reload` without options: an interval, and up to this much less or more.
const RELOAD: Duration = Duration::from_secs(30);
const JITTER: Duration = Duration::from_secs(15);
const KINDS: [Kind; 4] = [Kind::Namespace, Kind::Service, Kind::EndpointSlice, Kind::Pod];

/// Files and variables as they were when the Corefile was read.
struct Around {
    files: BTreeMap<String, Option<String>>,
    variables: BTreeMap<String, String>,
    /// Files that were asked for and are not in `files`.
    missed: RefCell<Vec<String>>,
}

impl Surroundings for Around {
    fn file(&self, path: &str) -> Option<String> {
        if !self.files.contains_key(path) {
            self.missed.borrow_mut().push(path.to_owned());
        }
        self.files.get(path).cloned().flatten()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

/// Builds a server, fetching what its Corefile names until it misses nothing.
async fn build(sys: &Sys, conf: &str, text: &str) -> Result<Server, String> {
    let variables = sys.ask(|system, id| system.process(id).environment.clone()).await;
    let mut around = Around { files: BTreeMap::new(), variables, missed: RefCell::default() };
    let seed = u64::from(sys.pid().await) << 32 | sys.realtime().await.as_secs();
    let own = own_addresses(sys).await;
    loop {
        let built = Server::start(conf, text, &around, own.clone(), seed, sys.now().await);
        let missed = around.missed.take();
        if missed.is_empty() || around.files.len() > FILES {
            return built;
        }
        for path in missed {
            let bytes = sys.read_file(&path).await.ok();
            let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            around.files.insert(path, text);
        }
    }
}

async fn own_addresses(sys: &Sys) -> Vec<IpAddr> {
    use net::rtnetlink::Family;
    let rows =
        sys.net(|net, ns| [net.addresses(ns, Family::Inet), net.addresses(ns, Family::Inet6)].concat());
    rows.await.into_iter().map(|row| row.local).filter(|ip| !ip.is_loopback()).collect()
}

async fn coredns(sys: Sys, args: Args) -> Exit {
    let mut conf = "Corefile".to_owned();
    let mut words = args.rest().iter();
    while let Some(word) = words.next() {
        match word.trim_start_matches('-') {
            "conf" => conf = words.next().cloned().unwrap_or_default(),
            "version" => {
                sys.print(VERSION).await;
                return Exit::OK;
            }
            other => {
                let option = other.split('=').next().unwrap_or_default();
                sys.eprint(format!("coredns: -{option}: not simulated in vethlab; use -conf\n")).await;
                return Exit(2);
            }
        }
    }
    match run(&sys, &conf).await {
        Ok(()) => Exit::OK,
        Err(why) => {
            sys.eprint(why + "\n").await;
            Exit::FAILURE
        }
    }
}

fn small(errno: Errno) -> String {
    errno.text().to_lowercase()
}

async fn read_conf(sys: &Sys, conf: &str) -> Result<String, String> {
    let read = sys.read_file(conf).await;
    let failed = |errno| format!("loading Caddyfile via flag: open {conf}: {}", small(errno));
    read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(failed)
}

async fn run(sys: &Sys, conf: &str) -> Result<(), String> {
    let text = read_conf(sys, conf).await?;
    let server = build(sys, conf, &text).await?;
    let shared = Shared::new(sys, server);
    let crew = Crew::default();
    if shared.with(|server| server.has_kubernetes()) {
        let count = if shared.with(|server| server.watches_pods()) { KINDS.len() } else { KINDS.len() - 1 };
        let feed = Feed::in_cluster(sys, "coredns", &KINDS[..count]).await;
        crew.add(watch(shared.clone(), feed.map_err(|why| format!("plugin/kubernetes: {why}"))?));
    }
    let ports = shared.with(|server| server.ports());
    for port in ports {
        let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let failed = |kind: &str, errno| format!("Listen: listen {kind} :{port}: bind: {}", small(errno));
        serve_udp(&crew, &shared, local).await.map_err(|errno| failed("udp", errno))?;
        serve_tcp(&crew, &shared, local).await.map_err(|errno| failed("tcp", errno))?;
    }
    pages(sys, &crew, &shared).await?;
    sys.print(shared.with(|server| server.zones_text())).await;
    let upkeep = shared.with(|server| server.upkeep().clone());
    if upkeep.reloads {
        sys.print(running(&upkeep.digest)).await;
        crew.add(reload(shared.clone(), conf.to_owned(), text));
    }
    sys.print(VERSION).await;
    shared.listening(&crew).await;
    crew.add(shared.clone().tick());
    crew.add(ends(shared.clone()));
    shared.until_over(&crew).await
}

fn running(digest: &str) -> String {
    format!("[INFO] plugin/reload: Running configuration SHA512 = {digest}\n")
}

async fn watch(shared: Shared, mut feed: Feed) {
    loop {
        let news = feed.next().await;
        let now = shared.sys.realtime().await.as_secs();
        shared.with(|server| {
            server.cluster(|cluster| {
                take(cluster, news);
                cluster.modified = u32::try_from(now).unwrap_or(u32::MAX);
            });
        });
    }
}

fn take(cluster: &mut Cluster, news: News) {
    match news {
        News::Synced => cluster.is_synced = true,
        News::Set(kind, object) => set(cluster, kind, &object),
        News::Deleted(kind, object) => {
            let metadata = object.get("metadata");
            let (namespace, name) = (metadata.str("namespace"), metadata.str("name"));
            match kind {
                Kind::Namespace => cluster.namespace_delete(name),
                Kind::Service => cluster.service_delete(namespace, name),
                Kind::EndpointSlice => cluster.slice_delete(namespace, name),
                _ => cluster.pod_delete(namespace, name),
            }
        }
    }
}

fn set(cluster: &mut Cluster, kind: Kind, object: &Value) {
    let metadata = object.get("metadata");
    let (namespace, name) = (metadata.str("namespace"), metadata.str("name"));
    match (kind, object.at(&["status", "podIP"]).as_str()) {
        (Kind::Namespace, _) => cluster.namespace_set(name),
        (Kind::Service, _) => {
            if let Ok(service) = view::view(object) {
                cluster.service_set(&service);
            }
        }
        (Kind::EndpointSlice, _) => {
            if let Ok(slice) = view::view(object) {
                cluster.slice_set(&slice);
            }
        }
        (_, "") => cluster.pod_delete(namespace, name),
        (_, ip) => cluster.pod_set(namespace, name, ip),
    }
}

/// Health, readiness and metrics, where the Corefile asks for them.
async fn pages(sys: &Sys, crew: &Crew, shared: &Shared) -> Result<(), String> {
    for (plugin, local) in shared.with(|server| server.upkeep().pages.clone()) {
        let inner = shared.clone();
        let answer = move |path: &str, _: Instant| match (plugin, path) {
            ("health", "/health") => Page::plain(200, "OK"),
            ("ready", "/ready") => {
                let missing = inner.with(|server| server.not_ready());
                match missing.is_empty() && !inner.is_ending() {
                    true => Page::plain(200, "OK"),
                    false => Page::plain(503, missing.join(",")),
                }
            }
            ("prometheus", "/metrics") => Page::metrics(inner.with(|server| server.metrics_text())),
            _ => Page::missing(),
        };
        let served = page::serve(sys, crew, local, answer).await;
        served.map_err(|errno| format!("listen tcp {local}: bind: {}", small(errno)))?;
    }
    Ok(())
}

async fn reload(shared: Shared, conf: String, mut text: String) {
    let sys = shared.sys.clone();
    loop {
        let most = 2 * JITTER.as_millis() as u64;
        let jitter = u64::from(sys.pid().await) * 7919 % most;
        sys.sleep(RELOAD - JITTER + Duration::from_millis(jitter)).await;
        let Ok(found) = read_conf(&sys, &conf).await else { continue };
        if found == text {
            continue;
        }
        // A wrong one is not tried again until it changes.
        text = found;
        match build(&sys, &conf, &text).await {
            Ok(server) if server.upkeep().digest == shared.with(|it| it.upkeep().digest.clone()) => {}
            Ok(server) => {
                let digest = server.upkeep().digest.clone();
                sys.print("[INFO] Reloading\n").await;
                shared.replace(server);
                sys.print(running(&digest) + "[INFO] Reloading complete\n").await;
            }
            Err(why) if why.contains("Syntax error") || why.contains("Unexpected") => {
                sys.print(format!("[WARNING] plugin/reload: Corefile parse failed: {why}\n")).await;
            }
            Err(why) => {
                let words = format!(
                    "[INFO] Reloading\n[ERROR] Restart failed: {why}\n\
                     [ERROR] plugin/reload: Corefile changed but reload failed: {why}\n"
                );
                sys.print(words).await;
            }
        }
    }
}

/// SIGTERM: goes on answering for the time of `lameduck`, then ends.
async fn ends(shared: Shared) {
    let sys = shared.sys.clone();
    sys.catch(Signal::Term).await;
    while sys.wait(&[], None).await != Woke::Signal(Signal::Term) {}
    shared.begin_ending();
    sys.print("[INFO] SIGTERM: Shutting down servers then terminating\n").await;
    let time = shared.with(|server| server.upkeep().lameduck);
    if !time.is_zero() {
        sys.print(format!("[INFO] plugin/health: Going into lameduck mode for {}s\n", time.as_secs())).await;
        sys.sleep(time).await;
    }
    shared.end(Ok(()));
}
