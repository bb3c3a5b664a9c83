//! `ip route add`, `change`, `replace`, `append`, `prepend`, `delete`.

use super::usage;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Run, Snapshot};
use crate::cmd::iproute2::{Family, Names, Prefix, Stop, Words, matches, number};
use ipnet::IpNet;
use net::rtnetlink::{Metric, Mode, NexthopRequest, RouteRequest, RouteType, protocol, scope, table};
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Put(Mode),
    Delete,
}

struct Reading<'a> {
    verb: Verb,
    names: &'a Names,
    family: Family,
    destination: Option<Prefix>,
    kind: Option<RouteType>,
    tos: u8,
    table: Option<u32>,
    protocol: Option<u8>,
    scope: Option<u8>,
    priority: Option<u32>,
    prefsrc: Option<IpAddr>,
    gateway: Option<IpAddr>,
    device: Option<String>,
    onlink: bool,
    metrics: Vec<(Metric, u32)>,
    locked: u32,
    hops: Vec<NexthopRequest>,
    multipath: bool,
}

pub async fn modify(run: &mut Run, mut words: Words<'_>, verb: Verb) -> Result<(), Stop> {
    if run.options.echo {
        return Err(Stop::not_simulated("ip", "-echo", "ip route show"));
    }
    let snapshot = run.snapshot().await;
    let mut reading = Reading {
        verb,
        names: &run.names,
        family: run.options.family,
        destination: None,
        kind: None,
        tos: 0,
        table: None,
        protocol: None,
        scope: None,
        priority: None,
        prefsrc: None,
        gateway: None,
        device: None,
        onlink: false,
        metrics: Vec::new(),
        locked: 0,
        hops: Vec::new(),
        multipath: false,
    };
    reading.words(&mut words)?;
    let request = reading.finish(&mut words, &snapshot)?;
    run.request(move |net, ns| match verb {
        Verb::Put(_) => net.route_add(ns, &request),
        Verb::Delete => net.route_delete(ns, &request),
    })
    .await
}

/// A number, or `"KEY" value is invalid`.
fn value<T: TryFrom<u64>>(words: &mut Words<'_>, key: &str) -> Result<T, Stop> {
    let word = words.value()?;
    number::unsigned(word).ok_or_else(|| Stop::wrong(&format!("\"{key}\" value is invalid\n"), word))
}

/// `rtt 300ms`, `rto_min 1s`: milliseconds, and whether a unit was written.
fn milliseconds(word: &str, key: &str) -> Result<(u32, bool), Stop> {
    let wrong = || Stop::wrong(&format!("\"{key}\" value is invalid\n"), word);
    let digits = word.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let (factor, raw) = match unit.to_ascii_lowercase().as_str() {
        "" => (1.0, true),
        "s" | "sec" | "secs" => (1000.0, false),
        "ms" | "msec" | "msecs" => (1.0, false),
        _ => return Err(wrong()),
    };
    Ok(((number * factor).ceil() as u32, raw))
}

fn not_simulated(option: &str) -> Stop {
    Stop::not_simulated("ip", option, "a plain route")
}

impl Reading<'_> {
    fn settle(&mut self, family: Family) {
        if self.family == Family::Unspec {
            self.family = family;
        }
    }

    /// Up to the end, or up to `nexthop`.
    fn words(&mut self, words: &mut Words<'_>) -> Result<(), Stop> {
        while let Some(word) = words.next() {
            if word == "nexthop" {
                words.back();
                self.multipath = true;
                break;
            }
            self.word(word, words)?;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            "src" => {
                let address = Prefix::address(words.value()?, self.family)?;
                self.settle(address.family);
                self.prefsrc = Some(address.ip());
            }
            "via" => {
                if self.gateway.is_some() {
                    return Err(Stop::wrong("use nexthop syntax to specify multiple via\n", word));
                }
                let address = via(words, self.family)?;
                self.settle(Family::of(address));
                self.gateway = Some(address);
            }
            "as" | "from" | "expires" | "encap" | "ttl-propagate" | "nhid" => {
                return Err(not_simulated(word));
            }
            _ if word == "tos" || is("dsfield") => {
                let value = words.value()?;
                let tos = self.names.number(List::DsField, value).and_then(|tos| u8::try_from(tos).ok());
                self.tos = tos.ok_or_else(|| Stop::wrong("\"tos\" value is invalid\n", value))?;
            }
            _ if is("metric") || is("priority") || word == "preference" => {
                self.priority = Some(value(words, "metric")?);
            }
            "scope" => {
                let word = words.value()?;
                let scope = self.names.number(List::Scope, word).and_then(|scope| u8::try_from(scope).ok());
                self.scope = Some(scope.ok_or_else(|| Stop::wrong("invalid \"scope\" value\n", word))?);
            }
            "onlink" => self.onlink = true,
            "dev" | "oif" => self.device = Some(words.value()?.to_owned()),
            _ => return self.other(word, words),
        }
        Ok(())
    }

    /// Metrics, protocol, table, and at last type and destination; the order is the real tool's.
    fn other(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        let metric = match word {
            "mtu" => Some((Metric::Mtu, "mtu", true)),
            "hoplimit" => Some((Metric::HopLimit, "hoplimit", true)),
            "advmss" => Some((Metric::AdvMss, "mss", true)),
            _ if is("reordering") => Some((Metric::Reordering, "reordering", true)),
            "rtt" => Some((Metric::Rtt, "rtt", true)),
            "rto_min" => Some((Metric::RtoMin, "rto_min", false)),
            _ if is("window") => Some((Metric::Window, "window", true)),
            _ if is("cwnd") => Some((Metric::Cwnd, "cwnd", true)),
            _ if is("initcwnd") => Some((Metric::InitCwnd, "initcwnd", true)),
            _ if is("initrwnd") => Some((Metric::InitRwnd, "initrwnd", true)),
            _ if is("quickack") => Some((Metric::QuickAck, "quickack", false)),
            _ if is("rttvar") => Some((Metric::RttVar, "rttvar", true)),
            _ if is("ssthresh") => Some((Metric::SsThresh, "ssthresh", true)),
            _ => None,
        };
        if let Some((metric, key, lockable)) = metric {
            return self.metric(metric, key, lockable, words);
        }
        match word {
            _ if is("features") => {
                let value = words.value()?;
                if value != "ecn" {
                    return Err(Stop::wrong("\"features\" value not valid\n", value));
                }
                self.metrics.push((Metric::Features, 1));
            }
            _ if is("congctl") || is("realms") => return Err(not_simulated(word)),
            _ if is("protocol") => {
                let value = words.value()?;
                let number = self.names.number(List::Protocol, value).and_then(|it| u8::try_from(it).ok());
                self.protocol =
                    Some(number.ok_or_else(|| Stop::wrong("\"protocol\" value is invalid\n", value))?);
            }
            _ if is("table") => {
                let value = words.value()?;
                let table = self.names.number(List::Table, value);
                self.table = Some(table.ok_or_else(|| Stop::wrong("\"table\" value is invalid\n", value))?);
            }
            _ if is("vrf") || is("pref") || is("fastopen_no_cookie") => return Err(not_simulated(word)),
            _ => return self.type_and_destination(word, words),
        }
        Ok(())
    }

    fn metric(
        &mut self,
        metric: Metric,
        key: &str,
        lockable: bool,
        words: &mut Words<'_>,
    ) -> Result<(), Stop> {
        let mut word = words.value()?;
        if metric == Metric::RtoMin {
            self.locked |= 1 << (metric as u32);
        }
        if lockable && word == "lock" {
            self.locked |= 1 << (metric as u32);
            word = words.value()?;
        }
        let wrong = || Stop::wrong(&format!("\"{key}\" value is invalid\n"), word);
        let value = match metric {
            Metric::Rtt | Metric::RttVar | Metric::RtoMin => {
                let (time, raw) = milliseconds(word, key)?;
                match metric {
                    Metric::Rtt if !raw => time.saturating_mul(8),
                    Metric::RttVar if !raw => time.saturating_mul(4),
                    _ => time,
                }
            }
            _ => number::unsigned(word).ok_or_else(wrong)?,
        };
        if metric == Metric::HopLimit && value > 255 {
            return Err(wrong());
        }
        if metric == Metric::QuickAck && value > 1 {
            return Err(Stop::wrong("\"quickack\" value should be 0 or 1\n", word));
        }
        self.metrics.push((metric, value));
        Ok(())
    }

    fn type_and_destination(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
        let mut word = if word == "to" { words.value()? } else { word };
        if !word.starts_with(|letter: char| letter.is_ascii_digit())
            && let Some(kind) = Names::route_type_number(word)
        {
            self.kind = Some(route_type(kind).ok_or_else(|| not_simulated(word))?);
            word = words.value()?;
        }
        if matches(word, "help") {
            return Err(usage());
        }
        if self.destination.is_some() {
            return Err(Stop::garbage("to", word));
        }
        let destination = Prefix::parse(word, self.family)?;
        self.settle(destination.family);
        self.destination = Some(destination);
        Ok(())
    }

    fn finish(mut self, words: &mut Words<'_>, snapshot: &Snapshot) -> Result<RouteRequest, Stop> {
        let Some(destination) = self.destination else { return Err(usage()) };
        let device = self.device.as_deref().map(|name| snapshot.device(name)).transpose()?;
        if !self.metrics.is_empty() && self.locked != 0 {
            self.metrics.push((Metric::Lock, self.locked));
        }
        if self.multipath {
            self.nexthops(words, snapshot)?;
        } else if self.gateway.is_some() || device.is_some() || self.onlink {
            self.hops.push(NexthopRequest {
                gateway: self.gateway,
                device,
                onlink: self.onlink,
                ..NexthopRequest::default()
            });
        }
        self.settle(Family::Inet);
        let family = match self.family {
            Family::Inet6 => net::rtnetlink::Family::Inet6,
            _ => net::rtnetlink::Family::Inet,
        };
        let address = destination.address.unwrap_or(match family {
            net::rtnetlink::Family::Inet => IpAddr::from([0; 4]),
            net::rtnetlink::Family::Inet6 => IpAddr::from([0; 16]),
        });
        let deletes = self.verb == Verb::Delete;
        let kind = self.kind.unwrap_or(if deletes { RouteType::Unspec } else { RouteType::Unicast });
        let table = self.table.unwrap_or(match kind {
            RouteType::Local | RouteType::Broadcast | RouteType::Nat | RouteType::Anycast => table::LOCAL,
            _ => table::MAIN,
        });
        Ok(RouteRequest {
            family,
            destination: IpNet::new(address, destination.length).map_err(|_| usage())?,
            kind,
            tos: self.tos,
            table,
            protocol: self.protocol.or((!deletes).then_some(protocol::BOOT)),
            scope: self.scope.or(self.usual_scope(kind, deletes)),
            priority: self.priority,
            prefsrc: self.prefsrc,
            nexthops: self.hops,
            metrics: self.metrics,
            mode: match self.verb {
                Verb::Put(mode) => mode,
                Verb::Delete => Mode::default(),
            },
            multipath: self.multipath,
        })
    }

    /// The scope that `ip` adds by itself; any on deleting.
    fn usual_scope(&self, kind: RouteType, deletes: bool) -> Option<u8> {
        if self.family == Family::Inet6 {
            return Some(scope::UNIVERSE);
        }
        match kind {
            RouteType::Local | RouteType::Nat => Some(scope::HOST),
            RouteType::Broadcast | RouteType::Multicast | RouteType::Anycast => Some(scope::LINK),
            _ if deletes => None,
            RouteType::Unicast | RouteType::Unspec if self.gateway.is_none() && !self.multipath => {
                Some(scope::LINK)
            }
            _ => Some(scope::UNIVERSE),
        }
    }

    fn nexthops(&mut self, words: &mut Words<'_>, snapshot: &Snapshot) -> Result<(), Stop> {
        while let Some(word) = words.next() {
            if word != "nexthop" {
                let text = format!("Error: \"nexthop\" or end of line is expected instead of \"{word}\"\n");
                return Err(Stop::exit(255, text));
            }
            if words.is_empty() {
                return Err(Stop::exit(255, "Error: unexpected end of line after \"nexthop\"\n"));
            }
            let hop = self.nexthop(words, snapshot)?;
            self.hops.push(hop);
        }
        Ok(())
    }

    fn nexthop(&mut self, words: &mut Words<'_>, snapshot: &Snapshot) -> Result<NexthopRequest, Stop> {
        let mut hop = NexthopRequest::default();
        while let Some(word) = words.next() {
            match word {
                "via" => {
                    let address = via(words, self.family)?;
                    self.settle(Family::of(address));
                    hop.gateway = Some(address);
                }
                "dev" => {
                    let name = words.value()?;
                    let stop = || {
                        let text = format!("Cannot find device \"{name}\"\nError: cannot parse nexthop\n");
                        Stop::exit(255, text)
                    };
                    hop.device = Some(snapshot.index(name).ok_or_else(stop)?);
                }
                "weight" => {
                    let value = words.value()?;
                    let weight = number::unsigned::<u32>(value).filter(|weight| (1..=256).contains(weight));
                    let weight = weight.ok_or_else(|| Stop::wrong("\"weight\" is invalid\n", value))?;
                    hop.hops = (weight - 1) as u8;
                }
                "onlink" => hop.onlink = true,
                "encap" | "as" => return Err(not_simulated(word)),
                _ if matches(word, "realms") => return Err(not_simulated(word)),
                _ => {
                    words.back();
                    break;
                }
            }
        }
        Ok(hop)
    }
}

/// `via ADDRESS`, `via inet ADDRESS`. Another family than the route's is not simulated.
fn via(words: &mut Words<'_>, route: Family) -> Result<IpAddr, Stop> {
    let word = words.value()?;
    let (family, word) = match Family::from_name(word) {
        Some(family) => (family, words.value()?),
        None => (route, word),
    };
    let address = Prefix::address(word, family)?;
    if route != Family::Unspec && address.family != route {
        return Err(not_simulated("via of another family"));
    }
    Ok(address.ip())
}

fn route_type(number: u8) -> Option<RouteType> {
    [
        RouteType::Unspec,
        RouteType::Unicast,
        RouteType::Local,
        RouteType::Broadcast,
        RouteType::Anycast,
        RouteType::Multicast,
        RouteType::Blackhole,
        RouteType::Unreachable,
        RouteType::Prohibit,
        RouteType::Throw,
        RouteType::Nat,
    ]
    .into_iter()
    .find(|kind| *kind as u8 == number)
}
