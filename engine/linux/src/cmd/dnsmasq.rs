//! `dnsmasq`: a small name server, started from its options and `/etc/dnsmasq.conf`.
//!
//! Always: it listens, or has said why not, before the prompt comes back.
//! Differs from dnsmasq 2.90: nothing is forwarded (it asks for `no-resolv`), no DHCP, no log; with `listen-address` its
//! sockets are bound to these addresses, as `bind-interfaces` has it.
//! Source: dnsmasq(8).

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::daemon::dns::{self, Server, Settings};
use crate::sys::Sys;
use crate::system::Spawn;
use net::Errno;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

pub const DNSMASQ: Command = Command {
    name: "dnsmasq",
    path: "/usr/sbin/dnsmasq",
    man: "dnsmasq(8)",
    run: |sys, args| Box::pin(dnsmasq(sys, args)),
};

const CONF_FILE: &str = "/etc/dnsmasq.conf";
const PORT: u16 = 53;
/// EC_BADCONF, EC_BADNET, EC_FILE
const BAD_CONF: Exit = Exit(1);
const BAD_NET: Exit = Exit(2);
const BAD_FILE: Exit = Exit(3);
/// The user that Debian's dnsmasq becomes.
const NOBODY: u32 = 65534;

const SHORT: &str = "a:C:dhH:kp:RS:m:Y:zv";
const LONG: &[Long] = &[
    ("listen-address", Takes::Value, 'a'),
    ("conf-file", Takes::Value, 'C'),
    ("no-daemon", Takes::Nothing, 'd'),
    ("no-hosts", Takes::Nothing, 'h'),
    ("addn-hosts", Takes::Value, 'H'),
    ("keep-in-foreground", Takes::Nothing, 'k'),
    ("port", Takes::Value, 'p'),
    ("no-resolv", Takes::Nothing, 'R'),
    ("server", Takes::Value, 'S'),
    ("local", Takes::Value, 'S'),
    ("mx-host", Takes::Value, 'm'),
    ("txt-record", Takes::Value, 'Y'),
    ("bind-interfaces", Takes::Nothing, 'z'),
    ("host-record", Takes::Value, '1'),
    ("cname", Takes::Value, '2'),
    ("test", Takes::Nothing, '3'),
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
        match found {
            Found::Option('v', _) => {
                sys.print("Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley\n").await;
                return Ok(None);
            }
            Found::Option(letter, value) => {
                let value = value.as_deref();
                let name = LONG.iter().find(|(_, _, it)| *it == letter).map_or("", |(name, ..)| *name);
                let told = settings.set(name, value);
                told.map_err(|words| bad(format!("bad command line options: {words}")))?;
            }
            Found::Wrong(_) => return Err(bad("bad command line options: try --help".to_owned())),
        }
    }
    if !options.operands().is_empty() {
        return Err(bad("junk found in command line".to_owned()));
    }
    read_files(sys, &mut settings).await?;
    if settings.test {
        sys.eprint("dnsmasq: syntax check OK.\n").await;
        return Ok(None);
    }
    let zones = dns::Zones::parse(&settings.lines).map_err(bad)?;
    let port = settings.port.unwrap_or(PORT);
    let listen = match settings.listen.as_slice() {
        [] => vec![SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)],
        addresses => addresses.iter().map(|address| SocketAddr::new(*address, port)).collect(),
    };
    Ok(Some((settings, Server::new(&listen, zones))))
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
    let resolv = sys.read_file("/etc/resolv.conf").await.unwrap_or_default();
    let servers = String::from_utf8_lossy(&resolv).lines().any(|line| line.starts_with("nameserver"));
    if servers && !settings.no_resolv {
        let words =
            "forwarding to the servers of /etc/resolv.conf is not simulated in vethlab; use no-resolv";
        return Err((BAD_CONF, words.to_owned()));
    }
    let mut hosts = settings.hosts.clone();
    if !settings.no_hosts {
        hosts.insert(0, "/etc/hosts".to_owned());
    }
    for path in hosts {
        // dnsmasq logs that it could not load one, and goes on.
        let bytes = sys.read_file(&path).await.unwrap_or_default();
        settings.read_hosts(&String::from_utf8_lossy(&bytes));
    }
    Ok(())
}

/// Serves here, or leaves a process behind that does.
async fn started(sys: &Sys, settings: Settings, server: Server) -> Exit {
    if settings.foreground {
        return match server.listen(sys).await {
            Ok(ready) => {
                ready.serve().await;
                Exit::OK
            }
            Err((address, errno)) => die(sys, BAD_NET, &refused(address, errno)).await,
        };
    }
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
                            sys.ask(|system, id| system.process_mut(id).uid = NOBODY).await;
                            ready.serve().await;
                            Exit::OK
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
            Some(Err((address, errno))) => return die(sys, BAD_NET, &refused(address, errno)).await,
            None => sys.yield_now().await,
        }
    }
}

fn refused(address: IpAddr, errno: Errno) -> String {
    match address.is_unspecified() {
        true => format!("failed to create listening socket for port {PORT}: {}", errno.text()),
        false => format!("failed to create listening socket for {address}: {}", errno.text()),
    }
}
