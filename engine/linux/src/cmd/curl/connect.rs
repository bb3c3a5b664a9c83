//! From a host's name to a connection: look-ups, their cache, two families racing, and binding.
//!
//! Always: one socket a family at a time; the second family starts when the first has failed or 200 ms have passed.
//! Source: curl 7.88.1 `lib/connect.c` (happy eyeballs), `lib/cf-socket.c` (bindlocal), `lib/hostip.c`.

use super::handle::{Failure, Handle};
use super::options::Options;
use super::url::Url;
use crate::resolver::{self, Hints};
use crate::socket::{Socket, connected};
use net::rtnetlink::Family;
use net::{Errno, SocketKind, SocketOption};
use sim::Instant;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// DEFAULT_CONNECT_TIMEOUT
const CONNECT: Duration = Duration::from_secs(300);

/// Where a request really goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub host: String,
    pub port: u16,
    /// What stands in `Connected to …`; curl has no name for a host that --connect-to chose.
    pub shown: String,
    pub proxy: bool,
}

/// The attempts within one family.
struct Racer {
    name: &'static str,
    addresses: VecDeque<SocketAddr>,
    socket: Option<(Socket, SocketAddr)>,
    timeout: Instant,
    millis: u128,
    begun: bool,
}

impl Racer {
    fn over(&self) -> bool {
        self.begun && self.socket.is_none() && self.addresses.is_empty()
    }
}

/// How the attempts ended so far.
struct Fate {
    code: u8,
    text: &'static str,
    errno: Option<Errno>,
    /// The first error that was told, which is the one curl ends with.
    told: Option<String>,
}

impl Handle<'_> {
    pub fn target(&self, url: &Url) -> Target {
        let options = self.options;
        if let Some(proxy) = self.proxy(url) {
            return Target {
                host: proxy.host.clone(),
                port: proxy.port.unwrap_or(1080),
                shown: proxy.host,
                proxy: true,
            };
        }
        for entry in &options.connect_to {
            if let Some((host, port)) = rerouted(entry, &url.host, url.port()) {
                let shown = if host.is_some() { String::from("(nil)") } else { url.host.clone() };
                let host = host.unwrap_or_else(|| url.host.clone());
                return Target { host, port: port.unwrap_or(url.port()), shown, proxy: false };
            }
        }
        Target { host: url.host.clone(), port: url.port(), shown: url.host.clone(), proxy: false }
    }

    fn proxy(&self, url: &Url) -> Option<Url> {
        let text = self.options.proxy.as_ref().filter(|text| !text.is_empty())?;
        let excepted = self.options.no_proxy.as_deref().unwrap_or_default();
        let mut names = excepted.split([',', ' ']).map(|name| name.trim_start_matches('.'));
        if names.any(|name| {
            name == "*" || !name.is_empty() && (url.host == name || url.host.ends_with(&format!(".{name}")))
        }) {
            return None;
        }
        Url::parse(text, true)
    }

    /// The addresses, in the order to try.
    pub async fn addresses(&mut self, target: &Target) -> Result<Vec<SocketAddr>, Failure> {
        let key = (target.host.to_ascii_lowercase(), target.port);
        if let Some(found) = self.names.get(&key) {
            let found = found.clone();
            self.show.info(format!("Hostname {} was found in DNS cache", target.host)).await;
            return Ok(found);
        }
        let found: Vec<SocketAddr> = if let Some((address, zone)) = resolver::address(&target.host) {
            let zone = zone.map(str::to_owned);
            vec![self.with_zone(address, zone, target.port).await]
        } else if key.0 == "localhost" || key.0.ends_with(".localhost") {
            [IpAddr::from([127, 0, 0, 1]), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)]
                .map(|address| SocketAddr::new(address, target.port))
                .to_vec()
        } else {
            self.look_up(target).await?
        };
        self.names.insert(key, found.clone());
        Ok(found)
    }

    async fn look_up(&mut self, target: &Target) -> Result<Vec<SocketAddr>, Failure> {
        let family = match self.options.family {
            Some(4) => Some(Family::Inet),
            Some(_) => Some(Family::Inet6),
            None => None,
        };
        let deadline = self.deadline(true);
        let hints = Hints { family, ..Hints::default() };
        let answer = {
            let mut look_up = pin!(resolver::getaddrinfo(&self.sys, &target.host, hints));
            let mut timer = pin!(self.sys.wait(&[], Some(deadline.unwrap_or(self.single + CONNECT))));
            poll_fn(|context| match look_up.as_mut().poll(context) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => timer.as_mut().poll(context).map(|_| None),
            })
            .await
        };
        match answer {
            None => {
                let millis = (self.sys.now().await - self.single).as_millis();
                Err(self.fail(28, format!("Resolving timed out after {millis} milliseconds")).await)
            }
            Some(Err(_)) => {
                let (code, what) = if target.proxy { (5, "proxy") } else { (6, "host") };
                Err(self.fail(code, format!("Could not resolve {what}: {}", target.host)).await)
            }
            Some(Ok(found)) => {
                let mut addresses = Vec::new();
                for info in found {
                    addresses.push(self.with_zone(info.address, info.scope, target.port).await);
                }
                Ok(addresses)
            }
        }
    }

    async fn with_zone(&self, address: IpAddr, zone: Option<String>, port: u16) -> SocketAddr {
        match (address, zone) {
            (IpAddr::V6(address), Some(zone)) => {
                let index =
                    self.sys.net(move |net, ns| net.device_index(ns, &zone)).await.unwrap_or_default();
                SocketAddr::V6(SocketAddrV6::new(address, port, 0, index))
            }
            _ => SocketAddr::new(address, port),
        }
    }

    /// When this request must be over, or connected.
    pub fn deadline(&self, connecting: bool) -> Option<Instant> {
        let whole = self.options.max_time.map(|time| self.operation + time);
        let connect = self.single + self.options.connect_timeout.unwrap_or(CONNECT);
        if connecting { Some(whole.map_or(connect, |whole| whole.min(connect))) } else { whole }
    }

    /// A connection to one of them.
    pub async fn dial(
        &mut self,
        target: &Target,
        addresses: &[SocketAddr],
    ) -> Result<(Socket, SocketAddr), Failure> {
        let mut fate = Fate { code: 7, text: "Couldn't connect to server", errno: None, told: None };
        let started = self.sys.now().await;
        let mut families = self.families(addresses, started);
        loop {
            let now = self.sys.now().await;
            for index in 0..families.len() {
                let first_over = index == 0 || families[0].over();
                let family = &mut families[index];
                if !family.begun && (first_over || now - started >= self.options.eyeballs) {
                    family.begun = true;
                    self.begin(family, &mut fate).await;
                }
                if let Some(winner) = self.look_at(&mut families[index], now, &mut fate).await {
                    return Ok(winner);
                }
            }
            if families.iter().all(Racer::over) {
                return Err(self.unconnected(target, fate).await);
            }
            let whole = self.options.max_time.map(|time| self.operation + time);
            if whole.is_some_and(|whole| now >= whole) {
                let millis = (now - self.single).as_millis();
                return Err(self.fail(28, format!("Connection timed out after {millis} milliseconds")).await);
            }
            if families.iter().any(|family| !family.begun && families[0].over()) {
                continue;
            }
            let mut deadline =
                families.iter().filter(|family| family.socket.is_some()).map(|family| family.timeout).min();
            deadline = earliest(deadline, whole);
            deadline = earliest(deadline, self.show.next_tick());
            if families.iter().any(|family| !family.begun) {
                deadline = earliest(deadline, Some(started + self.options.eyeballs));
            }
            let waits: Vec<_> = families
                .iter()
                .filter_map(|family| family.socket.as_ref().map(|(socket, _)| socket.wait_on()))
                .collect();
            self.sys.wait(&waits, deadline).await;
            let now = self.sys.now().await;
            self.show.tick(now).await;
        }
    }

    fn families(&self, addresses: &[SocketAddr], now: Instant) -> Vec<Racer> {
        let one = |v4: bool| Racer {
            name: if v4 { "ipv4" } else { "ipv6" },
            addresses: addresses.iter().copied().filter(|address| address.is_ipv4() == v4).collect(),
            socket: None,
            timeout: now,
            millis: 0,
            begun: false,
        };
        let first = addresses.first().is_none_or(SocketAddr::is_ipv4);
        let mut families = match self.options.family {
            Some(4) => vec![one(true)],
            Some(_) => vec![one(false)],
            None => vec![one(first), one(!first)],
        };
        families.retain(|family| !family.addresses.is_empty());
        families
    }

    /// Begins the family's next attempt.
    async fn begin(&mut self, family: &mut Racer, fate: &mut Fate) {
        while let Some(address) = family.addresses.pop_front() {
            let now = self.sys.now().await;
            let left = self.deadline(true).map_or(CONNECT, |deadline| deadline - now);
            let left = if family.addresses.is_empty() { left } else { left / 2 };
            (family.timeout, family.millis) = (now + left, left.as_millis());
            match self.attempt(address, fate).await {
                Ok(socket) => {
                    family.socket = Some((socket, address));
                    return;
                }
                Err((code, text)) => (fate.code, fate.text) = (code, text),
            }
        }
    }

    async fn attempt(&mut self, address: SocketAddr, fate: &mut Fate) -> Result<Socket, (u8, &'static str)> {
        const UNCONNECTED: (u8, &str) = (7, "Couldn't connect to server");
        self.show.info(format!("  Trying {address}...")).await;
        let socket = self.sys.socket(SocketKind::Tcp).await.map_err(|_| UNCONNECTED)?;
        if let Err(text) = self.bind(&socket, address).await {
            self.show.info(&text).await;
            fate.told.get_or_insert(text);
            return Err((45, "Failed binding local connection end"));
        }
        match socket.call(move |net, id| net.connect(id, address)).await {
            Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
            Err(errno) => {
                self.show.info(format!("Immediate connect fail for {}: {errno}", address.ip())).await;
                fate.errno = Some(errno);
                Err(UNCONNECTED)
            }
        }
    }

    /// Has the family's attempt come to something?
    async fn look_at(
        &mut self,
        family: &mut Racer,
        now: Instant,
        fate: &mut Fate,
    ) -> Option<(Socket, SocketAddr)> {
        loop {
            let (socket, address) = family.socket.take()?;
            match socket.call(connected).await {
                Ok(()) => return Some((socket, address)),
                Err(Errno::EAGAIN) if now < family.timeout => {
                    family.socket = Some((socket, address));
                    return None;
                }
                Err(Errno::EAGAIN) => {
                    // The whole time is up: that is told elsewhere.
                    if self.options.max_time.is_some_and(|time| now >= self.operation + time) {
                        family.socket = Some((socket, address));
                        return None;
                    }
                    self.show
                        .info(format!("{} connect timeout after {}ms, move on!", family.name, family.millis))
                        .await;
                    (fate.code, fate.text, fate.errno) = (28, "Timeout was reached", Some(Errno::ETIMEDOUT));
                }
                Err(errno) => {
                    let text = format!("connect to {} port {} failed: {errno}", address.ip(), address.port());
                    self.show.info(text).await;
                    (fate.code, fate.text, fate.errno) = (7, "Couldn't connect to server", Some(errno));
                }
            }
            drop(socket);
            self.begin(family, fate).await;
        }
    }

    async fn unconnected(&mut self, target: &Target, fate: Fate) -> Failure {
        let millis = (self.sys.now().await - self.single).as_millis();
        let text = format!(
            "Failed to connect to {} port {} after {millis} ms: {}",
            target.host, target.port, fate.text
        );
        let code = if fate.errno == Some(Errno::ETIMEDOUT) { 28 } else { fate.code };
        let mut failure = self.fail(code, text).await;
        failure.refused = fate.errno == Some(Errno::ECONNREFUSED);
        if let Some(told) = fate.told {
            failure.text = told;
        }
        failure
    }

    /// --interface and --local-port.
    async fn bind(&mut self, socket: &Socket, peer: SocketAddr) -> Result<(), String> {
        let options: &Options = self.options;
        let (first, last) = options.local_port.unwrap_or((0, 0));
        let mut local = if peer.is_ipv4() { IpAddr::from([0, 0, 0, 0]) } else { IpAddr::from([0u16; 8]) };
        match &options.interface {
            None if first == 0 => return Ok(()),
            None => {}
            Some(name) => {
                let (name, device, host) = match (name.strip_prefix("if!"), name.strip_prefix("host!")) {
                    (Some(name), _) => (name, true, false),
                    (_, Some(name)) => (name, false, true),
                    _ => (name.as_str(), false, false),
                };
                let wanted = name.to_owned();
                let id = self.sys.net(move |net, ns| net.device_id(ns, net.device_index(ns, &wanted)?)).await;
                if let Some(id) = id.filter(|_| !host)
                    && socket.set(SocketOption::BindToDevice(Some(id))).await.is_ok()
                {
                    return Ok(());
                }
                if device {
                    return Err(format!("Couldn't bind to interface '{name}'"));
                }
                let family = if peer.is_ipv4() { Family::Inet } else { Family::Inet6 };
                let hints = Hints { family: Some(family), ..Hints::default() };
                let found = resolver::getaddrinfo(&self.sys, name, hints).await.unwrap_or_default();
                let Some(found) = found.first() else {
                    self.show.info(format!("Could not resolve host: {name}")).await;
                    return Err(format!("Couldn't bind to '{name}'"));
                };
                let number = if peer.is_ipv4() { 2 } else { 10 };
                let text =
                    format!("Name '{name}' family {number} resolved to '{}' family {number}", found.address);
                self.show.info(text).await;
                local = found.address;
            }
        }
        for port in first..=last {
            match socket.bind(SocketAddr::new(local, port)).await {
                Ok(()) => {
                    self.show.info(format!("Local port: {port}")).await;
                    return Ok(());
                }
                Err(_) if port < last => {
                    self.show.info(format!("Bind to local port {port} failed, trying next")).await;
                }
                Err(errno) => return Err(format!("bind failed with errno {}: {errno}", errno.number())),
            }
        }
        Ok(())
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// --connect-to HOST1:PORT1:HOST2:PORT2, if it is about this host and port; an empty part fits all, or keeps.
fn rerouted(entry: &str, host: &str, port: u16) -> Option<(Option<String>, Option<u16>)> {
    let mut parts = Vec::new();
    let mut rest = entry;
    loop {
        let end =
            if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find(':').unwrap_or(rest.len()) };
        parts.push(rest[..end].trim_matches(['[', ']']));
        match rest.get(end..)?.strip_prefix(':') {
            Some(after) => rest = after,
            None => break,
        }
    }
    let [from, from_port, to, to_port] = parts[..] else { return None };
    let fits = (from.is_empty() || from.eq_ignore_ascii_case(host))
        && (from_port.is_empty() || from_port.parse() == Ok(port));
    fits.then(|| (Some(to.to_owned()).filter(|to| !to.is_empty()), to_port.parse().ok()))
}
