//! forward: asks other servers.
//!
//! Always: a server that failed more often than `max_fails` in a row is left out until it answers a health check; where
//! all are out, one is tried all the same. The upstream's flags, aa and ra among them, go to the client as they came.
//! Differs from CoreDNS: TLS and HTTPS upstreams and host names as upstreams are not simulated; connections are not kept
//! open between queries.
//! Source: CoreDNS 1.14.7 `plugin/forward`, `plugin/pkg/proxy`.

use super::super::chain::Cx;
use super::super::corefile::Surroundings;
use super::super::dispenser::Dispenser;
use super::super::duration;
use super::super::request::{Outcome, Request, Transport};
use super::super::zone::{from_args, is_below, normalise};
use linux::dns::{Compression, Kind, Message, Name, Rcode};
use sim::Instant;
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A query is given up after this.
const PATIENCE: Duration = Duration::from_secs(5);
/// `maxUpstreams`
const MOST_UPSTREAMS: usize = 15;
/// `defaultConnectAttemptsPerUpstream`
const ATTEMPTS_PER_UPSTREAM: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Random,
    RoundRobin,
    Sequential,
}

#[derive(Debug)]
struct Upstream {
    address: SocketAddr,
    /// Failures of health checks in a row.
    fails: Cell<u32>,
    /// When it is checked next, while it is.
    check: Cell<Option<Instant>>,
}

#[derive(Debug)]
pub struct Forward {
    from: String,
    except: Vec<String>,
    upstreams: Vec<Upstream>,
    policy: Policy,
    force_tcp: bool,
    prefer_udp: bool,
    max_fails: u32,
    interval: Duration,
    check_name: String,
    check_recursion: bool,
    max_concurrent: usize,
    concurrent: Cell<usize>,
    turn: Cell<usize>,
    fail_fast: bool,
}

/// A query under way; counted as long as it lives.
struct Turn<'a>(&'a Cell<usize>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Forward {
    /// One plugin for each line.
    pub fn parse(at: &mut Dispenser, around: &dyn Surroundings) -> Result<Vec<Forward>, String> {
        let mut all = Vec::new();
        while at.next() {
            all.push(Forward::stanza(at, around)?);
        }
        Ok(all)
    }

    fn stanza(at: &mut Dispenser, around: &dyn Surroundings) -> Result<Forward, String> {
        if !at.next_arg() {
            return Err(at.arg_error());
        }
        let from = from_args(&[at.value().to_owned()]).swap_remove(0);
        let to = at.remaining_args();
        if to.is_empty() {
            return Err(at.arg_error());
        }
        let mut forward = Forward {
            from,
            except: Vec::new(),
            upstreams: Vec::new(),
            policy: Policy::Random,
            force_tcp: false,
            prefer_udp: false,
            max_fails: 2,
            interval: Duration::from_millis(500),
            check_name: ".".to_owned(),
            check_recursion: true,
            max_concurrent: 0,
            concurrent: Cell::new(0),
            turn: Cell::new(0),
            fail_fast: false,
        };
        while at.next_block() {
            forward.property(at)?;
        }
        for address in addresses(&to, around)? {
            if !forward.upstreams.iter().any(|it| it.address == address) {
                forward.upstreams.push(Upstream { address, fails: Cell::new(0), check: Cell::new(None) });
            }
        }
        if forward.upstreams.len() > MOST_UPSTREAMS {
            let count = forward.upstreams.len();
            return Err(format!("more than {MOST_UPSTREAMS} TOs configured: {count}"));
        }
        Ok(forward)
    }

    fn property(&mut self, at: &mut Dispenser) -> Result<(), String> {
        let name = at.value().to_owned();
        let args = if name == "}" { Vec::new() } else { at.remaining_args() };
        let number = |text: &str| {
            text.parse::<u32>().map_err(|_| format!("strconv.ParseUint: parsing \"{text}\": invalid syntax"))
        };
        match (name.as_str(), args.as_slice()) {
            ("except", [_, ..]) => self.except.extend(from_args(&args)),
            ("max_fails", [text]) => self.max_fails = number(text)?,
            ("max_concurrent", [text]) => {
                let wrong = || format!("strconv.Atoi: parsing \"{text}\": invalid syntax");
                let most: i64 = text.parse().map_err(|_| wrong())?;
                let negative = |_| format!("max_concurrent can't be negative: {most}");
                self.max_concurrent = usize::try_from(most).map_err(negative)?;
            }
            ("force_tcp", []) => self.force_tcp = true,
            ("prefer_udp", []) => self.prefer_udp = true,
            ("failfast_all_unhealthy_upstreams", []) => self.fail_fast = true,
            ("expire" | "max_age" | "read_timeout", [text]) => {
                duration::parse(text)?;
            }
            ("policy", [text]) => {
                self.policy = match text.as_str() {
                    "random" => Policy::Random,
                    "round_robin" => Policy::RoundRobin,
                    "sequential" => Policy::Sequential,
                    other => return Err(at.error(&format!("unknown policy '{other}'"))),
                };
            }
            ("health_check", [interval, rest @ ..]) => self.health_check(interval, rest, at)?,
            (
                "tls"
                | "tls_servername"
                | "next"
                | "failover"
                | "next_on_nodata"
                | "max_idle_conns"
                | "max_connect_attempts"
                | "doh_method"
                | "resolver"
                | "source_address",
                _,
            ) => return Err(at.error(&format!("{name}: not simulated in vethlab"))),
            (
                "except"
                | "max_fails"
                | "max_concurrent"
                | "force_tcp"
                | "prefer_udp"
                | "expire"
                | "policy"
                | "health_check"
                | "max_age"
                | "read_timeout"
                | "failfast_all_unhealthy_upstreams",
                _,
            ) => return Err(at.arg_error()),
            _ => return Err(at.error(&format!("unknown property '{name}'"))),
        }
        Ok(())
    }

    fn health_check(&mut self, interval: &str, rest: &[String], at: &Dispenser) -> Result<(), String> {
        self.interval = duration::parse(interval)?;
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "no_rec" => self.check_recursion = false,
                "domain" => self.check_name = normalise(rest.next().ok_or_else(|| at.arg_error())?),
                other => return Err(format!("health_check: unknown option {other}")),
            }
        }
        Ok(())
    }

    fn is_for(&self, name: &str) -> bool {
        is_below(&self.from, name)
            && (name == self.from || !self.except.iter().any(|zone| is_below(zone, name)))
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        if !self.is_for(&request.name()) {
            return cx.next("forward", request).await;
        }
        self.concurrent.set(self.concurrent.get() + 1);
        let _turn = Turn(&self.concurrent);
        if self.max_concurrent > 0 && self.concurrent.get() > self.max_concurrent {
            let why = format!("concurrent queries exceeded maximum {}", self.max_concurrent);
            return Outcome::failed(Rcode::REFUSED, Some(why));
        }
        let order = self.order(cx);
        let (start, mut fails, mut at) = (cx.now(), 0, 0);
        let mut error = None;
        let most = ATTEMPTS_PER_UPSTREAM * order.len();
        let mut attempts = 0;
        while cx.now().since(start) < PATIENCE && attempts < most {
            if at >= order.len() {
                (at, fails) = (0, 0);
            }
            let mut upstream = &self.upstreams[order[at]];
            at += 1;
            if self.is_down(upstream) {
                fails += 1;
                if fails < self.upstreams.len() {
                    continue;
                }
                if self.fail_fast {
                    break;
                }
                let any = cx.with(|state| state.rng.below(self.upstreams.len() as u32));
                upstream = &self.upstreams[any as usize];
            }
            match self.exchange(cx, upstream, &request).await {
                Ok(reply) => {
                    let is_answer = reply.flags.response
                        && reply.question().is_some_and(|question| {
                            question.name.same(&request.question().name) && question.kind == request.kind()
                        });
                    let reply = if is_answer { reply } else { request.reply(Rcode::FORMERR) };
                    return Outcome::written(reply, "forward");
                }
                Err(why) => {
                    error = Some(why);
                    if self.max_fails > 0 && upstream.check.get().is_none() {
                        upstream.check.set(Some(cx.now()));
                    }
                    attempts += 1;
                    if fails >= self.upstreams.len() {
                        break;
                    }
                }
            }
        }
        Outcome::failed(Rcode::SERVFAIL, Some(error.unwrap_or_else(|| "no healthy proxies".to_owned())))
    }

    /// Sends the query under another id and waits for the answer.
    async fn exchange(&self, cx: &Cx, upstream: &Upstream, request: &Request) -> Result<Message, String> {
        let mut transport = match (self.force_tcp, self.prefer_udp) {
            (true, _) => Transport::Tcp,
            (false, true) => Transport::Udp,
            (false, false) => request.transport,
        };
        loop {
            let mut query = request.message.clone();
            query.id = cx.with(|state| state.rng.next_u32() as u16);
            let answer = cx.ask(upstream.address, transport, query.write(Compression::None)).await?;
            let mut reply = Message::read(&answer).map_err(|why| format!("dns: {why}"))?;
            if reply.id != query.id {
                return Err("dns: id mismatch".to_owned());
            }
            if reply.flags.truncated && self.prefer_udp && transport == Transport::Udp {
                transport = Transport::Tcp;
                continue;
            }
            reply.id = request.message.id;
            return Ok(reply);
        }
    }

    fn is_down(&self, upstream: &Upstream) -> bool {
        self.max_fails > 0 && upstream.fails.get() > self.max_fails
    }

    /// In which order servers are tried.
    fn order(&self, cx: &Cx) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.upstreams.len()).collect();
        let count = order.len().max(1);
        match self.policy {
            Policy::Sequential => {}
            Policy::RoundRobin => {
                self.turn.set(self.turn.get().wrapping_add(1));
                order.rotate_left(self.turn.get() % count);
            }
            Policy::Random => cx.with(|state| {
                for index in 0..order.len() {
                    let other = index + state.rng.below((order.len() - index) as u32) as usize;
                    order.swap(index, other);
                }
            }),
        }
        order
    }

    /// When the next health check is due.
    pub fn next_check(&self) -> Option<Instant> {
        self.upstreams.iter().filter_map(|it| it.check.get()).min()
    }

    /// Health checks that are due now: which upstream, and the query for it.
    pub fn checks(&self, now: Instant, id: u16) -> Vec<(usize, SocketAddr, Transport, Vec<u8>)> {
        let Ok(name) = Name::parse(&self.check_name) else { return Vec::new() };
        let mut query = Message::query(id, name, Kind::NS);
        query.flags.recursion_desired = self.check_recursion;
        let transport = if self.force_tcp { Transport::Tcp } else { Transport::Udp };
        let is_due = |(_, it): &(usize, &Upstream)| it.check.get().is_some_and(|at| at <= now);
        let due = self.upstreams.iter().enumerate().filter(is_due);
        due.map(|(index, upstream)| {
            upstream.check.set(Some(now + self.interval));
            (index, upstream.address, transport, query.write(Compression::None))
        })
        .collect()
    }

    /// How a health check went. Checks end with the first that is answered, whatever the answer.
    pub fn checked(&self, upstream: usize, is_up: bool) {
        let Some(upstream) = self.upstreams.get(upstream) else { return };
        match is_up {
            true => {
                upstream.fails.set(0);
                upstream.check.set(None);
            }
            false => upstream.fails.set(upstream.fails.get().saturating_add(1)),
        }
    }
}

/// Upstreams as they are named: addresses, or files like /etc/resolv.conf.
fn addresses(names: &[String], around: &dyn Surroundings) -> Result<Vec<SocketAddr>, String> {
    let mut found = Vec::new();
    for name in names {
        let plain = name.strip_prefix("dns://").unwrap_or(name);
        if let Some((scheme, _)) = plain.split_once("://") {
            return Err(match scheme {
                "tls" | "https" => format!("{name}: not simulated in vethlab; name a plain DNS server"),
                _ => format!("'{scheme}' is not supported as a destination protocol in forward: {plain}"),
            });
        }
        if let Some(address) = address(plain) {
            found.push(address);
        } else if let Some(text) = around.file(plain) {
            let servers = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
            let named = servers.filter(|(word, _)| *word == "nameserver");
            found.extend(named.filter_map(|(_, rest)| address(rest.trim())));
            if found.is_empty() {
                return Err(format!("no nameservers found in \"{plain}\""));
            }
        } else {
            return Err(format!("not an IP address or file: \"{plain}\""));
        }
    }
    Ok(found)
}

/// With or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53)))
}
