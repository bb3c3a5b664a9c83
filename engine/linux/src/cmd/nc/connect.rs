//! `nc` as a client: one connection for each port, in turn.
//!
//! Always: over UDP "succeeded" means only that no ICMP error came back while it waited.

use super::options::{Options, number};
use super::{Fatal, addresses, relay, wildcard};
use crate::cmd::services::Services;
use crate::socket::Socket;
use crate::sys::Sys;
use net::{Errno, SocketKind, SocketOption};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a UDP port has to answer with an error.
const UDP_SCAN: Duration = Duration::from_secs(3);

struct Target<'a> {
    host: &'a str,
    port: u16,
    udp: bool,
}

impl Target<'_> {
    fn protocol(&self) -> &'static str {
        protocol(self.udp)
    }
}

fn protocol(udp: bool) -> &'static str {
    if udp { "udp" } else { "tcp" }
}

/// Was there a connection?
pub async fn connect_all(sys: &Sys, options: &Options) -> Result<bool, Fatal> {
    let (Some(host), Some(ports)) = (&options.host, &options.port) else { return Ok(false) };
    let services = Services::read(sys).await;
    let mut all = ports_of(sys, options, ports, &services).await?;
    for more in &options.more_ports {
        all.extend(ports_of(sys, options, more, &services).await?);
    }
    let mut any = false;
    for port in all {
        let target = Target { host, port, udp: options.udp };
        let Some((socket, peer)) = open(sys, options, &target).await? else { continue };
        any = true;
        let mut told = true;
        if options.udp && (options.verbose || options.scan) {
            told = udp_test(sys, options, &socket).await;
        }
        if !told {
            any = false;
            continue;
        }
        if options.verbose {
            tell(sys, options, &target, peer, &services).await;
        }
        if !options.scan {
            relay::relay(sys, options, &socket, None).await;
        }
    }
    Ok(any)
}

/// `80`, `http`, `20-25`
async fn ports_of(sys: &Sys, options: &Options, text: &str, services: &Services) -> Result<Vec<u16>, Fatal> {
    let one = |text: &str| port_of(text, options.udp, services);
    let is_range = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let Some((low, high)) = text.split_once('-').filter(|_| is_range(text) && one(text).is_err()) else {
        return Ok(vec![one(text)?]);
    };
    let (high, low) = (one(high)?, one(low)?);
    let mut ports: Vec<u16> = (low.min(high)..=low.max(high)).collect();
    if options.random {
        let length = ports.len();
        let draws: Vec<usize> = sys
            .ask(move |system, _| {
                (0..length)
                    .map(|at| at + system.random.below(u32::try_from(length - at).unwrap_or(1)) as usize)
                    .collect()
            })
            .await;
        draws.into_iter().enumerate().for_each(|(at, with)| ports.swap(at, with));
    }
    Ok(ports)
}

pub fn port_of(text: &str, udp: bool, services: &Services) -> Result<u16, Fatal> {
    if let Some(port) = services.port(text, protocol(udp)) {
        return Ok(port);
    }
    let port = number(text, 1, 65535).map_err(|why| Fatal(format!("port number {why}: {text}")))?;
    u16::try_from(port).map_err(|_| Fatal(format!("port number invalid: {text}")))
}

/// Tries the host's addresses in turn.
async fn open(
    sys: &Sys,
    options: &Options,
    target: &Target<'_>,
) -> Result<Option<(Socket, SocketAddr)>, Fatal> {
    let found = addresses(sys, options, target.host, target.port).await.map_err(|error| {
        Fatal(format!("getaddrinfo for host \"{}\" port {}: {}", target.host, target.port, error.text()))
    })?;
    for peer in found {
        let kind = if target.udp { SocketKind::Udp } else { SocketKind::Tcp };
        let Ok(socket) = sys.socket(kind).await else { continue };
        bind(sys, options, &socket, peer).await?;
        for option in options.socket_options() {
            socket.set(option).await.ok();
        }
        let deadline = match options.timeout {
            Some(time) => Some(sys.now().await + time),
            None => None,
        };
        let failure = match socket.connect(peer, deadline).await {
            Ok(Some(())) => return Ok(Some((socket, peer))),
            Ok(None) => format!("timed out: {}", Errno::EINPROGRESS),
            Err(errno) => format!("failed: {errno}"),
        };
        if options.verbose {
            let host = shown(options, target.host, peer);
            let (port, protocol) = (target.port, target.protocol());
            sys.eprint(format!("nc: connect to {host} port {port} ({protocol}) {failure}\n")).await;
        }
    }
    Ok(None)
}

/// `srv (10.0.0.2)`, or the host alone where it is the address.
fn shown(options: &Options, host: &str, peer: SocketAddr) -> String {
    match peer.ip().to_string() {
        ip if options.numeric || ip == host => host.to_owned(),
        ip => format!("{host} ({ip})"),
    }
}

/// -s and -p
async fn bind(sys: &Sys, options: &Options, socket: &Socket, peer: SocketAddr) -> Result<(), Fatal> {
    if options.source.is_none() && options.source_port.is_none() {
        return Ok(());
    }
    let port = match options.source_port.as_deref() {
        None => 0,
        Some(text) => {
            let services = Services::read(sys).await;
            let bad = || Fatal("getaddrinfo: Servname not supported for ai_socktype".to_owned());
            match services.port(text, protocol(options.udp)) {
                Some(port) => port,
                None => text.parse().map_err(|_| bad())?,
            }
        }
    };
    let local = match options.source.as_deref() {
        Some(source) => {
            let found = addresses(sys, options, source, port)
                .await
                .map_err(|error| Fatal(format!("getaddrinfo: {}", error.text())))?;
            found.first().copied().unwrap_or_else(|| wildcard(options, port))
        }
        None if peer.is_ipv6() => (std::net::Ipv6Addr::UNSPECIFIED, port).into(),
        None => wildcard(options, port),
    };
    socket.set(SocketOption::ReuseAddr(true)).await.ok();
    socket.bind(local).await.map_err(|errno| Fatal(format!("bind failed: {errno}")))
}

/// Sends an X twice, and then one each second: does an error come back?
async fn udp_test(sys: &Sys, options: &Options, socket: &Socket) -> bool {
    let refused = |sent: Result<usize, Errno>| sent == Err(Errno::ECONNREFUSED);
    if socket.send(b"X".to_vec()).await.is_err() || refused(socket.send(b"X".to_vec()).await) {
        return false;
    }
    for _ in 0..options.timeout.unwrap_or(UDP_SCAN).as_secs() {
        sys.sleep(Duration::from_secs(1)).await;
        if refused(socket.send(b"X".to_vec()).await) {
            return false;
        }
    }
    true
}

async fn tell(sys: &Sys, options: &Options, target: &Target<'_>, peer: SocketAddr, services: &Services) {
    let name = (!options.numeric).then(|| services.name(target.port, target.protocol())).flatten();
    let host = shown(options, target.host, peer);
    let (port, protocol, name) = (target.port, target.protocol(), name.unwrap_or("*"));
    sys.eprint(format!("Connection to {host} {port} port [{protocol}/{name}] succeeded!\n")).await;
}
