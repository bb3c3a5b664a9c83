//! `dnsmasq`: a small name server, started from its options and `/etc/dnsmasq.conf`.
//!
//! Always: it listens, or has said why not, before the prompt comes back.
//! Differs from dnsmasq 2.90: no DHCP; without `bind-interfaces` the addresses of an interface are those at the start.
//! Source: dnsmasq(8).
//! ```transcript
//! host# dnsmasq --no-resolv --port=5353 --bind-interfaces --listen-address=127.0.0.1 --address=/lab/10.1.1.1
//! host# dnsmasq --no-resolv --server=/lab/127.0.0.1#5353
//! host# dig +short web.lab @127.0.0.1; dig +short a.example @127.0.0.1; dig +short web.lab @127.0.0.1 +tcp
//! 10.1.1.1
//! 10.1.1.1
//! host# dnsmasq --no-resolv
//!
//! dnsmasq: failed to create listening socket for port 53: Address already in use
//! ```

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::daemon::dns::{Ready, Refusal, Rules, Server, Settings, To};
use crate::signal::Signal;
use crate::sys::{Sys, Woke};
use crate::system::Spawn;
use net::Errno;
use net::rtnetlink::{Address, Family};
use std::cell::Cell;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

pub const DNSMASQ: Command = Command {
    name: "dnsmasq",
    path: "/usr/sbin/dnsmasq",
    man: "dnsmasq(8)",
    run: |sys, args| Box::pin(dnsmasq(sys, args)),
};

const CONF_FILE: &str = "/etc/dnsmasq.conf";
/// EC_BADCONF, EC_BADNET, EC_FILE
const BAD_CONF: Exit = Exit(1);
const BAD_NET: Exit = Exit(2);
const BAD_FILE: Exit = Exit(3);
/// The user that Debian's dnsmasq becomes.
const NOBODY: u32 = 65534;

const SHORT: &str = "a:A:bc:C:dDg:hH:i:km:nNp:qr:RS:u:vwW:x::Y:z8:";
const LONG: &[Long] = &[
    ("addn-hosts", Takes::Value, 'H'),
    ("address", Takes::Value, 'A'),
    ("all-servers", Takes::Nothing, '1'),
    ("bind-interfaces", Takes::Nothing, 'z'),
    ("bogus-priv", Takes::Nothing, 'b'),
    ("cache-size", Takes::Value, 'c'),
    ("cname", Takes::Value, '2'),
    ("conf-file", Takes::Value, 'C'),
    ("domain-needed", Takes::Nothing, 'D'),
    ("group", Takes::Value, 'g'),
    ("help", Takes::Nothing, 'w'),
    ("host-record", Takes::Value, '3'),
    ("interface", Takes::Value, 'i'),
    ("keep-in-foreground", Takes::Nothing, 'k'),
    ("listen-address", Takes::Value, 'a'),
    ("local", Takes::Value, '4'),
    ("log-facility", Takes::Value, '8'),
    ("log-queries", Takes::MayValue, 'q'),
    ("mx-host", Takes::Value, 'm'),
    ("no-daemon", Takes::Nothing, 'd'),
    ("no-hosts", Takes::Nothing, 'h'),
    ("no-negcache", Takes::Nothing, 'N'),
    ("no-poll", Takes::Nothing, 'n'),
    ("no-resolv", Takes::Nothing, 'R'),
    ("pid-file", Takes::MayValue, 'x'),
    ("port", Takes::Value, 'p'),
    ("ptr-record", Takes::Value, '5'),
    ("resolv-file", Takes::Value, 'r'),
    ("server", Takes::Value, 'S'),
    ("srv-host", Takes::Value, 'W'),
    ("test", Takes::Nothing, '6'),
    ("txt-record", Takes::Value, 'Y'),
    ("user", Takes::Value, 'u'),
    ("version", Takes::Nothing, 'v'),
];

async fn dnsmasq(sys: Sys, args: Args) -> Exit {
    match prepared(&sys, &args).await {
        Ok(None) => Exit::OK,
        Ok(Some((settings, server))) => started(&sys, settings, server).await,
        Err((exit, words)) => die(&sys, exit, &words).await,
    }
}

/// An empty line first, for start-up scripts.
async fn die(sys: &Sys, exit: Exit, words: &str) -> Exit {
    sys.eprint(format!("\ndnsmasq: {words}\n")).await;
    exit
}

type Fault = (Exit, String);

/// Nothing where there is nothing to start.
async fn prepared(sys: &Sys, args: &Args) -> Result<Option<(Settings, Server)>, Fault> {
    let mut settings = Settings::default();
    let bad = |words: String| (BAD_CONF, words);
    let mut options = Getopt::new(args.name(), args.rest(), SHORT, LONG);
    for found in options.by_ref() {
        let (letter, value) = match found {
            Found::Option('v', _) => {
                sys.print("Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley\n").await;
                return Ok(None);
            }
            Found::Option('w', _) => {
                let words = "not simulated in vethlab; use man dnsmasq";
                return Err(bad(format!("bad command line options: --help: {words}")));
            }
            Found::Option(letter, value) => (letter, value),
            Found::Wrong(_) => return Err(bad("bad command line options: try --help".to_owned())),
        };
        let name = LONG.iter().find(|(_, _, it)| *it == letter).map_or("", |(name, ..)| *name);
        settings.set(name, value.as_deref()).map_err(|refusal| match refusal {
            Refusal::Told(words) => bad(format!("bad command line options: {words}")),
            Refusal::Plain => bad("bad command line options: try --help".to_owned()),
        })?;
    }
    if !options.operands().is_empty() {
        return Err(bad("junk found in command line".to_owned()));
    }
    read_files(sys, &mut settings).await?;
    if settings.test {
        sys.eprint("dnsmasq: syntax check OK.\n").await;
        return Ok(None);
    }
    for (file, wanted) in [("/etc/passwd", &settings.user), ("/etc/group", &settings.group)] {
        if let Some(name) = wanted
            && !is_listed(sys, file, name).await
        {
            return Err(bad(format!("unknown user or group: {name}")));
        }
    }
    let zones = settings.zones(&sys.hostname().await).map_err(bad)?;
    let (listen, only) = places(sys, &settings).await;
    let (standard, log, cache_size) = (settings.standard(), settings.log(), settings.cache_size);
    Ok(Some((settings, Server { listen, zones, standard, only, log, cache_size })))
}

async fn is_listed(sys: &Sys, file: &str, name: &str) -> bool {
    let text = sys.read_file(file).await.unwrap_or_default();
    String::from_utf8_lossy(&text).lines().any(|line| line.split(':').next() == Some(name))
}

/// Where it listens, and to which addresses alone.
async fn places(sys: &Sys, settings: &Settings) -> (Vec<SocketAddr>, Vec<IpAddr>) {
    let all =
        sys.net(|net, ns| [net.addresses(ns, Family::Inet), net.addresses(ns, Family::Inet6)].concat()).await;
    let wanted = |address: &Address| {
        settings.interfaces.is_empty() && settings.listen.is_empty()
            || settings.interfaces.contains(&address.device)
            || (!settings.interfaces.is_empty() && address.device == "lo")
    };
    let mut addresses: Vec<IpAddr> = all.iter().filter(|it| wanted(it)).map(|it| it.local).collect();
    addresses.extend(&settings.listen);
    let here = |address: IpAddr| SocketAddr::new(address, settings.port);
    if settings.bind_interfaces {
        return (addresses.into_iter().map(here).collect(), Vec::new());
    }
    let open = settings.interfaces.is_empty() && settings.listen.is_empty();
    let wildcards = vec![here(Ipv4Addr::UNSPECIFIED.into()), here(Ipv6Addr::UNSPECIFIED.into())];
    (wildcards, if open { Vec::new() } else { addresses })
}

async fn read_files(sys: &Sys, settings: &mut Settings) -> Result<(), Fault> {
    let path = settings.conf_file.clone().unwrap_or_else(|| CONF_FILE.to_owned());
    match sys.read_file(&path).await {
        Ok(bytes) => {
            settings.read(&path, &String::from_utf8_lossy(&bytes)).map_err(|words| (BAD_CONF, words))?;
        }
        Err(Errno::ENOENT) if settings.conf_file.is_none() => {}
        Err(errno) => return Err((BAD_FILE, format!("cannot read {path}: {}", errno.text()))),
    }
    if settings.test {
        return Ok(());
    }
    let mut hosts = settings.hosts.clone();
    if !settings.no_hosts {
        hosts.insert(0, "/etc/hosts".to_owned());
    }
    for path in hosts {
        match sys.read_file(&path).await {
            Ok(bytes) => settings.read_hosts(&path, &String::from_utf8_lossy(&bytes)),
            // It says so in its log, and goes on.
            Err(errno) => settings.read.push((path, Err(errno))),
        }
    }
    if let To::File(path) = settings.log().to
        && let Err(errno) = sys.append_file(&path, &[]).await
    {
        return Err((BAD_FILE, format!("cannot open log {path}: {}", errno.text())));
    }
    Ok(())
}

/// Says that it has started, and serves until it is told to end.
async fn serve(sys: &Sys, settings: &Settings, rules: &Rules, ready: Ready) -> Exit {
    let log = settings.log();
    log.started(sys, settings, rules).await;
    sys.catch(Signal::Term).await;
    if settings.debug {
        sys.catch(Signal::Int).await;
    }
    let mut serving = pin!(ready.serve());
    let mut ended = pin!(async {
        loop {
            if let Woke::Signal(signal) = sys.wait(&[], None).await {
                return signal;
            }
        }
    });
    let signal = poll_fn(|context| match ended.as_mut().poll(context) {
        Poll::Ready(signal) => Poll::Ready(Some(signal)),
        Poll::Pending => serving.as_mut().poll(context).map(|()| None),
    })
    .await;
    match signal {
        Some(Signal::Int) => Exit(5),
        _ => {
            log.line(sys, "exiting on receipt of SIGTERM").await;
            Exit::OK
        }
    }
}

/// Serves here, or leaves a process behind that does.
async fn started(sys: &Sys, settings: Settings, server: Server) -> Exit {
    let rules = server.zones.rules.clone();
    if settings.foreground {
        return match server.listen(sys).await {
            Ok(ready) => serve(sys, &settings, &rules, ready).await,
            Err((address, errno)) => die(sys, BAD_NET, &refused(address, errno, settings.port)).await,
        };
    }
    let port = settings.port;
    let outcome = Rc::new(Cell::new(None));
    let told = Rc::clone(&outcome);
    let spawned = sys
        .ask(move |system, id| {
            let parent = system.process(id);
            let spawn = Spawn {
                machine: parent.machine,
                container: None,
                parent: None,
                netns: parent.netns,
                netns_name: parent.netns_name.clone(),
                uid: parent.uid,
                cwd: "/".to_owned(),
                environment: parent.environment.clone(),
                arguments: parent.arguments.clone(),
                group: None,
                tty: None,
            };
            system.spawn_program(spawn, move |sys| {
                Box::pin(async move {
                    match server.listen(&sys).await {
                        Ok(ready) => {
                            told.set(Some(Ok(())));
                            // With port 53 its own, it needs root no longer.
                            let pid = format!("{}\n", sys.pid().await);
                            if !settings.pid_file.is_empty() {
                                sys.write_file(&settings.pid_file, pid.as_bytes()).await.ok();
                            }
                            if settings.user.as_deref() != Some("root") {
                                if let To::File(path) = settings.log().to {
                                    sys.chown(&path, Some(NOBODY), None).await.ok();
                                }
                                sys.ask(|system, id| system.process_mut(id).uid = NOBODY).await;
                            }
                            serve(&sys, &settings, &rules, ready).await
                        }
                        Err(fault) => {
                            told.set(Some(Err(fault)));
                            BAD_NET
                        }
                    }
                })
            })
        })
        .await;
    if let Err(errno) = spawned {
        return die(sys, Exit(5), &format!("cannot fork into background: {}", errno.text())).await;
    }
    loop {
        match outcome.take() {
            Some(Ok(())) => return Exit::OK,
            Some(Err((address, errno))) => return die(sys, BAD_NET, &refused(address, errno, port)).await,
            None => sys.yield_now().await,
        }
    }
}

fn refused(address: IpAddr, errno: Errno, port: u16) -> String {
    match address.is_unspecified() {
        true => format!("failed to create listening socket for port {port}: {}", errno.text()),
        false => format!("failed to create listening socket for {address}: {}", errno.text()),
    }
}
