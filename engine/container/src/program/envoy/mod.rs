//! `envoy`: the L7 proxy of `sidecar` as a program of this world. Simulated options: -c/--config-path, --config-yaml, --mode,
//! -l/--log-level, --service-cluster, --service-node, --file-flush-interval-msec, --disable-hot-restart, --version.
//!
//! `options` reads the command line, `driver` moves bytes between sockets and the proxy, `connection` holds what waits to
//! be sent, `log` writes. Always: files are read when something moved to their path, as Envoy is told by inotify; SIGTERM
//! and SIGINT end it with what the access logs hold written.
//! Differs from Envoy: one worker; no hot restart; files that a discovered resource names are read when it comes.
//! Source: Envoy's documentation "Command line options"; envoy `source/server/server.cc`.

mod connection;
mod driver;
mod entrypoint;
mod log;
mod options;

pub use entrypoint::ENTRYPOINT;

use self::driver::{Driver, Waiting};
use self::log::{AccessLogs, Journal};
use self::options::{Asked, Mode, Options};
use linux::resolver::{Hints, getaddrinfo};
use linux::{Args, BOOT_SECONDS, Command, Exit, STDERR, STDOUT, Signal, Sys, WaitOn, Woke};
use net::Errno;
use net::rtnetlink::Family;
use sidecar::access_log::Sink;
use sidecar::config;
use sidecar::config::bootstrap::Bootstrap;
use sidecar::proxy::Proxy;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

pub static ENVOY: Command = Command {
    name: "envoy",
    path: "/usr/local/bin/envoy",
    man: "https://www.envoyproxy.io/docs/envoy/latest/operations/cli",
    run: |sys, args| Box::pin(envoy(sys, args)),
};

/// Files of a configuration that are read ahead; those named beyond count as missing.
const FILES: usize = 64;
/// Names looked up at a time; further ones wait.
const LOOKUPS: usize = 64;

async fn envoy(sys: Sys, args: Args) -> Exit {
    let options = match Options::parse(args.rest()) {
        Ok(Asked::Run(options)) => options,
        Ok(Asked::Say(words)) => {
            sys.print(words).await;
            return Exit::OK;
        }
        Err(words) => return sys.eprint_then(words, Exit::FAILURE).await,
    };
    let journal = Journal::new(sys.clone(), options.log_level);
    let server = match Server::start(&sys, &options, &journal).await {
        Ok(server) => server,
        Err(why) => {
            let what = match options.mode {
                Mode::Serve => format!("config ' {} {}'", options.config_yaml, options.config_path),
                Mode::Validate => format!("configuration '{}'", options.config_path),
            };
            journal.say("critical", "main", &format!("error initializing {what}: {why}")).await;
            return sys.eprint_then(format!("{why}\n"), Exit::FAILURE).await;
        }
    };
    if options.mode == Mode::Validate {
        sys.print(format!("configuration '{}' OK\n", options.config_path)).await;
        return Exit::OK;
    }
    server.run(&journal).await
}

/// What files hold, read ahead for a proxy that cannot wait for them.
type Files = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;
type Lookup = Pin<Box<dyn Future<Output = (String, Vec<IpAddr>)>>>;

struct Server {
    sys: Sys,
    driver: Rc<RefCell<Driver>>,
    files: Files,
    /// Watched files and the inode last read at each path.
    watched: Vec<(String, Option<u32>)>,
    names: Vec<String>,
    lookups: Vec<Lookup>,
}

/// What a server wakes for.
enum News {
    Woke(Woke),
    /// A file of this machine was.
    Renamed,
    Found(String, Vec<IpAddr>),
}

impl Server {
    /// Reads the configuration and listens. The error is Envoy's.
    async fn start(sys: &Sys, options: &Options, journal: &Journal) -> Result<Server, String> {
        if options.mode == Mode::Serve {
            let version = if options.restarts_hot { "11.104" } else { "disabled" };
            let words = format!("initializing epoch 0 (base id=0, hot restart version={version})");
            journal.info("main", &words).await;
        }
        let files = Files::default();
        let bootstrap = bootstrap(sys, options, &files).await?;
        let resources = bootstrap.static_resources.clone().unwrap_or_default();
        let seed = sys.random(8).await.iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
        let own = own_address(sys).await;
        let epoch = BOOT_SECONDS * 1_000_000_000;
        let now = epoch + sys.now().await.nanos();
        let cache = Rc::clone(&files);
        let read = move |path: &str| cache.borrow().get(path).cloned().ok_or_else(|| no_file(path));
        let proxy = Proxy::new(bootstrap, Rc::new(read), seed, now, own)?;
        let logs = AccessLogs::new(options.flush_interval_ms);
        let driver = Rc::new(RefCell::new(Driver::new(proxy, sys.id, epoch, logs)));
        let (watched, names, lookups) = (Vec::new(), Vec::new(), Vec::new());
        let mut server = Server { sys: sys.clone(), driver, files, watched, names, lookups };
        if options.mode == Mode::Serve {
            for (count, what) in [
                (resources.secrets.len(), "static secret"),
                (resources.clusters.len(), "cluster"),
                (resources.listeners.len(), "listener"),
            ] {
                journal.info("config", &format!("loading {count} {what}(s)")).await;
            }
            server.turn().await;
            let fault = server.driver.borrow_mut().fault.take();
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        Ok(server)
    }

    async fn run(mut self, journal: &Journal) -> Exit {
        for signal in [Signal::Term, Signal::Int, Signal::Hup, Signal::Usr1] {
            self.sys.catch(signal).await;
        }
        for (component, words) in [
            ("main", "all clusters initialized. initializing init manager"),
            ("config", "all dependencies initialized. starting workers"),
            ("main", "starting main dispatch loop"),
        ] {
            journal.info(component, words).await;
        }
        loop {
            let waiting = self.turn().await;
            let fault = self.driver.borrow_mut().fault.take();
            if let Some(fault) = fault {
                journal.say("warning", "config", &fault).await;
            }
            match self.next(waiting).await {
                News::Woke(Woke::Signal(signal @ (Signal::Term | Signal::Int))) => {
                    return self.end(journal, signal).await;
                }
                News::Woke(Woke::Signal(Signal::Hup)) => {
                    let words = "caught and eating SIGHUP. See documentation for how to hot restart.";
                    journal.say("warning", "main", words).await;
                }
                News::Woke(Woke::Signal(_)) => {
                    journal.info("main", "caught SIGUSR1. Reopening access logs.").await;
                }
                News::Woke(_) => {}
                News::Renamed => self.look_at_files().await,
                News::Found(name, addresses) => {
                    let driver = Rc::clone(&self.driver);
                    let tell =
                        move |system: &mut _, _| driver.borrow_mut().resolved(system, &name, &addresses);
                    self.sys.ask(tell).await;
                }
            }
        }
    }

    async fn end(&self, journal: &Journal, signal: Signal) -> Exit {
        journal.say("warning", "main", &format!("caught ENVOY_SIG{}", signal.name())).await;
        for words in ["shutting down server instance", "main dispatch loop exited", "exiting"] {
            journal.info("main", words).await;
        }
        self.write_logs(u64::MAX).await;
        Exit::OK
    }

    /// Lets the driver do what can be done, and sees to what only the program can.
    async fn turn(&mut self) -> Waiting {
        loop {
            let driver = Rc::clone(&self.driver);
            let turn = move |system: &mut linux::System, _| {
                let mut driver = driver.borrow_mut();
                let waiting = driver.turn(system);
                (waiting, driver.now(system))
            };
            let (waiting, now) = self.sys.ask(turn).await;
            let has_written = self.write_logs(now).await;
            let (files, names) = {
                let mut driver = self.driver.borrow_mut();
                (std::mem::take(&mut driver.files), std::mem::take(&mut driver.names))
            };
            // A name that already waits is asked for once.
            for name in names {
                if !self.names.contains(&name) {
                    self.names.push(name);
                }
            }
            while self.lookups.len() < LOOKUPS && !self.names.is_empty() {
                self.lookups.push(Box::pin(look_up(self.sys.clone(), self.names.remove(0))));
            }
            // While it wrote, what it is going to wait for may have come.
            if files.is_empty() && !waiting.is_short && !has_written {
                return waiting;
            }
            self.watched.extend(files.into_iter().map(|path| (path, None)));
            self.look_at_files().await;
        }
    }

    /// Reads the watched files that have become other ones.
    async fn look_at_files(&mut self) {
        for at in 0..self.watched.len() {
            let (path, before) = self.watched[at].clone();
            let Ok(stat) = self.sys.stat(&path).await else { continue };
            if before == Some(stat.inode) {
                continue;
            }
            let Ok(contents) = self.sys.read_file(&path).await else { continue };
            self.watched[at].1 = Some(stat.inode);
            read_ahead(&self.sys, &self.files, &String::from_utf8_lossy(&contents)).await;
            let driver = Rc::clone(&self.driver);
            let tell = move |system: &mut _, _| driver.borrow_mut().file(system, &path, &contents);
            self.sys.ask(tell).await;
        }
    }

    /// Whether there was anything to write.
    async fn write_logs(&self, now: u64) -> bool {
        let ready = self.driver.borrow_mut().logs.take(now);
        let has_some = !ready.is_empty();
        for (sink, lines) in ready {
            // A log that cannot be written is not the proxy's failure.
            match sink {
                Sink::Stdout => self.sys.write(STDOUT, &lines).await.ok(),
                Sink::Stderr => self.sys.write(STDERR, &lines).await.ok(),
                Sink::File(path) => self.sys.append_file(&path, &lines).await.ok(),
            };
        }
        has_some
    }

    /// The first of: a name that was found, or what [`Sys::wait`] says.
    async fn next(&mut self, waiting: Waiting) -> News {
        let Waiting { mut on, until, .. } = waiting;
        let sockets = on.len();
        if !self.watched.is_empty() {
            let machine = self.sys.ask(|system, id| system.process(id).machine).await;
            on.push(WaitOn::Renamed(machine));
        }
        let mut woken = self.sys.wait(&on, until);
        let lookups = &mut self.lookups;
        poll_fn(move |context| {
            for at in 0..lookups.len() {
                if let Poll::Ready((name, addresses)) = lookups[at].as_mut().poll(context) {
                    drop(lookups.swap_remove(at));
                    return Poll::Ready(News::Found(name, addresses));
                }
            }
            Pin::new(&mut woken).poll(context).map(|woke| match woke {
                Woke::Ready(at) if at == sockets => News::Renamed,
                woke => News::Woke(woke),
            })
        })
        .await
    }
}

/// The configuration that the command line names, with what the command line says of the node.
async fn bootstrap(sys: &Sys, options: &Options, files: &Files) -> Result<Bootstrap, String> {
    let path = &options.config_path;
    if path.is_empty() && options.config_yaml.is_empty() {
        return Err(
            "At least one of --config-path or --config-yaml or Options::configProto() should be non-empty"
                .to_owned(),
        );
    }
    let (text, is_json) = if path.is_empty() {
        (options.config_yaml.clone(), false)
    } else {
        let bytes = sys.read_file(path).await.map_err(|errno| match errno {
            Errno::ENOENT => no_file(path),
            _ => format!("unable to read file: {path}"),
        })?;
        let lower = path.to_ascii_lowercase();
        let is_json = !lower.ends_with(".yaml") && !lower.ends_with(".yml");
        (String::from_utf8_lossy(&bytes).into_owned(), is_json)
    };
    read_ahead(sys, files, &text).await;
    let mut bootstrap = config::bootstrap(&text, is_json).map_err(|refused| refused.to_string())?;
    let node = bootstrap.node.get_or_insert_default();
    if node.id.is_empty() {
        node.id.clone_from(&options.service_node);
    }
    if node.cluster.is_empty() {
        node.cluster.clone_from(&options.service_cluster);
    }
    Ok(bootstrap)
}

/// What Envoy says of a path that leads nowhere.
fn no_file(path: &str) -> String {
    format!("Invalid path: {path}")
}

/// Reads the files whose paths stand in a text of configuration.
async fn read_ahead(sys: &Sys, files: &Files, text: &str) {
    let words = text.split(|it: char| it.is_whitespace() || "\"',[]{}".contains(it));
    for path in words.filter(|it| it.len() > 1 && it.starts_with('/')) {
        if files.borrow().len() >= FILES && !files.borrow().contains_key(path) {
            return;
        }
        if let Ok(contents) = sys.read_file(path).await {
            files.borrow_mut().insert(path.to_owned(), contents);
        }
    }
}

/// The first address that is not of the loopback, as Envoy takes it for its own.
async fn own_address(sys: &Sys) -> IpAddr {
    let addresses = sys.net(|net, netns| net.addresses(netns, Family::Inet)).await;
    let first = addresses.into_iter().map(|it| it.local).find(|it| !it.is_loopback());
    first.unwrap_or(Ipv4Addr::LOCALHOST.into())
}

async fn look_up(sys: Sys, name: String) -> (String, Vec<IpAddr>) {
    let found = getaddrinfo(&sys, &name, Hints::default()).await.unwrap_or_default();
    let mut addresses: Vec<IpAddr> = found.into_iter().map(|it| it.address).collect();
    addresses.dedup();
    (name, addresses)
}
