//! `route`: the routing table in the words of net-tools.
//!
//! Always: a refused route is told by its errno alone, as the ioctl tells it.
//! Differs from net-tools: inet and inet6 only; no cache.
//! Source: route(8) of net-tools 2.10, rtentry(4) and their observable behaviour.

use super::names::{Resolved, resolve};
use super::routes::{Columns, inet, inet6};
use super::{E_LOOKUP, E_OPTERR, E_SOCK, RELEASE, usage};
use crate::cmd::getopt::{Found, Getopt, Long, Takes};
use crate::cmd::iproute2::number::atoi;
use crate::cmd::{Args, Command, Exit};
use crate::sys::Sys;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use net::rtnetlink::{Family, Metric, Mode, NexthopRequest, RouteRequest, RouteType, scope};
use net::{Errno, Network};
use std::net::{IpAddr, Ipv4Addr};

pub const ROUTE: Command = Command {
    name: "route",
    path: "/usr/sbin/route",
    man: "route(8)",
    run: |sys, args| Box::pin(route(sys, args)),
};

const FEATURES: &str = "+NEW_ADDRT +RTF_IRTT +RTF_REJECT +I18N +SELINUX\n\
    AF: (inet) +UNIX +INET +INET6 +IPX +AX25 +NETROM +X25 +ATALK +ECONET +ROSE -BLUETOOTH\n\
    HW:  +ETHER +ARC +SLIP +PPP +TUNNEL -TR +AX25 +NETROM +X25 +FR +ROSE +ASH +SIT +FDDI +HIPPI +HDLC/LAPB \
    +EUI64 \n";

const OPTIONS: &[Long] = &[
    ("inet", Takes::Nothing, '4'),
    ("inet6", Takes::Nothing, '6'),
    ("extend", Takes::Nothing, 'e'),
    ("verbose", Takes::Nothing, 'v'),
    ("version", Takes::Nothing, 'V'),
    ("numeric", Takes::Nothing, 'n'),
    ("symbolic", Takes::Nothing, 'N'),
    ("protocol", Takes::Value, 'A'),
    ("cache", Takes::Nothing, 'C'),
    ("fib", Takes::Nothing, 'F'),
    ("help", Takes::Nothing, 'h'),
];

const USAGE: &str = include_str!("usage/route.txt");
const USAGE_INET: &str = include_str!("usage/route_inet.txt");
const USAGE_INET6: &str = "Usage: inet6_route [-vF] del Target\n       \
    inet6_route [-vF] add Target [gw Gw] [metric M] [[dev] If]\n       inet6_route [-FC] flush      NOT supported\n";
/// Largest segments that may be asked for, and the smallest window.
const MSS: std::ops::RangeInclusive<i32> = 64..=65_536;
const LEAST_WINDOW: i32 = 128;
/// Headers of IPv4 and TCP, which the ioctl's `mss` counts in.
const HEADERS: u32 = 40;

#[derive(Debug, Default)]
struct Asked {
    family: Option<Family>,
    numeric: bool,
    extended: u8,
    cache: bool,
    help: bool,
}

/// The options and what follows them; or the exit, where all is said.
async fn options(sys: &Sys, name: &str, words: &[String]) -> Result<(Asked, Vec<String>), Exit> {
    let mut asked = Asked::default();
    let mut options = Getopt::new(name, words, "A:eCFhnN64Vv?", OPTIONS);
    for found in options.by_ref() {
        match found {
            Found::Option('n', _) => asked.numeric = true,
            Found::Option('e', _) => asked.extended = asked.extended.saturating_add(1),
            Found::Option('C', _) => asked.cache = true,
            Found::Option('4', _) => asked.family = Some(Family::Inet),
            Found::Option('6', _) => asked.family = Some(Family::Inet6),
            Found::Option('A', Some(family)) => match family.as_str() {
                "inet" | "ip" => asked.family = Some(Family::Inet),
                "inet6" => asked.family = Some(Family::Inet6),
                _ => {
                    sys.eprint(format!("Unknown address family `{family}'.\n")).await;
                    return Err(Exit::FAILURE);
                }
            },
            Found::Option('V', _) => {
                sys.print(format!("{RELEASE}{FEATURES}")).await;
                return Err(Exit::OK);
            }
            Found::Option('h' | '?', _) => asked.help = true,
            Found::Option(..) => {}
            Found::Wrong(text) => {
                sys.eprint(text).await;
                asked.help = true;
            }
        }
    }
    Ok((asked, options.operands()))
}

async fn route(sys: Sys, args: Args) -> Exit {
    // getopt would take these for clusters.
    let words: Vec<String> = args
        .rest()
        .iter()
        .map(|word| match word.as_str() {
            "-net" => "#net".to_owned(),
            "-host" => "#host".to_owned(),
            _ => word.clone(),
        })
        .collect();
    let (asked, words) = match options(&sys, args.name(), &words).await {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let six = asked.family == Some(Family::Inet6);
    let own_usage = if six { USAGE_INET6 } else { USAGE_INET };
    if asked.help {
        let text = if asked.family.is_some() { own_usage } else { USAGE };
        return if six { usage(&sys, text, false).await } else { asked_usage(&sys, text).await };
    }
    let Some(verb) = words.first() else { return show(&sys, &asked).await };
    let adds = match verb.as_str() {
        "add" => true,
        "del" | "delete" => false,
        "flush" => {
            let family = if six { "inet6" } else { "inet" };
            sys.eprint(format!("Flushing `{family}' routing table not supported\n")).await;
            return usage(&sys, own_usage, false).await;
        }
        _ => return usage(&sys, USAGE, false).await,
    };
    if asked.cache {
        sys.eprint("Modifying `inet' routing cache not supported\n").await;
        return usage(&sys, own_usage, false).await;
    }
    if words.len() == 1 && !six {
        return asked_usage(&sys, own_usage).await;
    }
    let done =
        if six { change6(&sys, &words[1..], adds).await } else { change(&sys, &words[1..], adds).await };
    match done {
        Ok(()) => Exit::OK,
        Err(Wrong::Usage(text)) => {
            sys.eprint(text).await;
            usage(&sys, own_usage, false).await
        }
        Err(Wrong::Told(text, status)) => {
            sys.eprint(text).await;
            Exit(status)
        }
    }
}

/// The family's own usage text, which always goes to stderr.
async fn asked_usage(sys: &Sys, text: &str) -> Exit {
    if text == USAGE {
        return usage(sys, text, true).await;
    }
    sys.eprint(text).await;
    Exit::OK
}

async fn show(sys: &Sys, asked: &Asked) -> Exit {
    let text = match (asked.family, asked.cache) {
        (Some(Family::Inet6), _) => inet6(sys, asked.numeric).await,
        (_, true) => "Kernel IP routing cache\nSource          Destination     Gateway         \
                      Flags Metric Ref    Use Iface\n"
            .to_owned(),
        (_, false) => {
            let columns = match asked.extended {
                0 => Columns::Metric,
                1 => Columns::Window,
                _ => Columns::All,
            };
            inet(sys, columns, asked.numeric).await
        }
    };
    sys.print(text).await;
    Exit::OK
}

/// Why nothing was changed.
enum Wrong {
    /// A remark, and the usage text.
    Usage(String),
    Told(String, u8),
}

fn usage_error<T>() -> Result<T, Wrong> {
    Err(Wrong::Usage(String::new()))
}

/// What a line asks for; a request of the old ioctl.
#[derive(Debug, Default)]
struct Entry {
    target: Option<Ipv4Addr>,
    is_host: bool,
    mask: Option<Ipv4Addr>,
    mask_text: String,
    gateway: Option<Ipv4Addr>,
    has_gateway: bool,
    metric: Option<u32>,
    mss: Option<u32>,
    window: Option<u32>,
    irtt: Option<u32>,
    rejects: bool,
    device: Option<String>,
}

fn value<'a>(words: &mut std::slice::Iter<'a, String>) -> Result<&'a str, Wrong> {
    words.next().map(String::as_str).ok_or_else(|| Wrong::Usage(String::new()))
}

/// The address of a word that may end in `/PREFIX`, with the mask of that.
fn split_prefix(word: &str) -> Result<(&str, Option<Ipv4Addr>), Wrong> {
    let Some((name, length)) = word.split_once('/') else { return Ok((word, None)) };
    let length = crate::cmd::iproute2::number::integer(length).or((length.is_empty()).then_some(0));
    let Some(length) = length else { return usage_error() };
    // As the real one shifts it: 33 is 1.
    Ok((name, Some(Ipv4Addr::from(!(u32::MAX.wrapping_shr(length as u32))))))
}

async fn lookup(sys: &Sys, name: &str, hosts_first: bool) -> Result<Resolved, Wrong> {
    resolve(sys, name, hosts_first).await.map_err(|text| Wrong::Told(text, E_LOOKUP))
}

impl Entry {
    async fn word(
        &mut self,
        sys: &Sys,
        word: &str,
        words: &mut std::slice::Iter<'_, String>,
    ) -> Result<(), Wrong> {
        match word {
            "metric" => {
                let value = value(words)?;
                if !value.starts_with(|first: char| first.is_ascii_digit()) {
                    return usage_error();
                }
                self.metric = Some(atoi(value) as u32);
            }
            "netmask" => {
                let value = value(words)?;
                if self.mask.is_some_and(|mask| !mask.is_unspecified()) {
                    return usage_error();
                }
                self.mask = Some(lookup(sys, value, false).await?.address);
                self.mask_text = value.to_owned();
            }
            "gw" | "gateway" => {
                let value = value(words)?;
                if self.has_gateway {
                    return usage_error();
                }
                let found = lookup(sys, value, true).await?;
                if found.is_network {
                    let text = format!("route: {value}: cannot use a NETWORK as gateway!\n");
                    return Err(Wrong::Usage(text));
                }
                (self.gateway, self.has_gateway) = (Some(found.address), true);
            }
            "mss" | "mtu" => {
                let mss = atoi(value(words)?);
                if !MSS.contains(&mss) {
                    return Err(Wrong::Usage("route: Invalid MSS/MTU.\n".to_owned()));
                }
                self.mss = Some(mss as u32);
            }
            "window" => {
                let window = atoi(value(words)?);
                if window < LEAST_WINDOW {
                    return Err(Wrong::Usage("route: Invalid window.\n".to_owned()));
                }
                self.window = Some(window as u32);
            }
            "irtt" => self.irtt = Some(atoi(value(words)?).max(0) as u32),
            "reject" => self.rejects = true,
            // Marks that the kernel does not keep.
            "mod" | "dyn" | "reinstate" => {}
            "dev" | "device" => {
                if self.device.is_some() {
                    return usage_error();
                }
                self.device = Some(value(words)?.to_owned());
            }
            _ if self.device.is_none() && words.len() == 0 => self.device = Some(word.to_owned()),
            _ => return usage_error(),
        }
        Ok(())
    }

    /// What `route` itself finds wrong.
    fn check(&self) -> Result<(), Wrong> {
        let Some(mask) = self.mask.filter(|mask| !mask.is_unspecified()) else { return Ok(()) };
        let host = !u32::from(mask);
        if self.is_host && host != u32::MAX {
            let text = format!("route: netmask {host:08x} doesn't make sense with host route\n");
            return Err(Wrong::Usage(text));
        }
        if host & host.wrapping_add(1) != 0 {
            return Err(Wrong::Usage(format!("route: bogus netmask {}\n", self.mask_text)));
        }
        if self.target.is_some_and(|target| u32::from(target) & host != 0) {
            return Err(Wrong::Usage("route: netmask doesn't match route address\n".to_owned()));
        }
        Ok(())
    }

    /// What the ioctl makes of it.
    fn request(&self, net: &Network, ns: api::NetnsId, adds: bool) -> Result<RouteRequest, Errno> {
        let target = self.target.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let mask = self.mask.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let length = if self.is_host { 32 } else { u32::from(mask).leading_ones() as u8 };
        let net_of = Ipv4Net::new(target, length).map_err(|_| Errno::EINVAL)?;
        if net_of.network() != target {
            return Err(Errno::EINVAL);
        }
        let mut request = RouteRequest::new(IpNet::V4(net_of));
        request.mode = Mode::Prepend;
        request.priority = self.metric.filter(|metric| adds || *metric != 0);
        if !adds {
            request.kind = RouteType::Unspec;
        }
        if self.rejects {
            request.kind = RouteType::Unreachable;
            request.scope = Some(scope::HOST);
            return Ok(request);
        }
        if let Some(name) = &self.device {
            request = request.dev(net.device_index(ns, name).ok_or(Errno::ENODEV)?);
        }
        if let Some(gateway) = self.gateway.filter(|gateway| !gateway.is_unspecified()) {
            let hop = NexthopRequest { gateway: Some(gateway.into()), ..NexthopRequest::default() };
            let device = request.nexthops.first().and_then(|hop| hop.device);
            request.nexthops = vec![NexthopRequest { device, ..hop }];
        }
        if adds {
            let advmss = self.mss.map(|mss| (Metric::AdvMss, mss - HEADERS));
            let window = self.window.map(|window| (Metric::Window, window));
            let rtt = self.irtt.map(|irtt| (Metric::Rtt, irtt << 3));
            request.metrics = [advmss, window, rtt].into_iter().flatten().collect();
        }
        Ok(request)
    }
}

async fn change(sys: &Sys, words: &[String], adds: bool) -> Result<(), Wrong> {
    let mut words = words.iter();
    let mut first = value(&mut words)?;
    let kind = Some(first).filter(|word| matches!(*word, "#net" | "#host"));
    if kind.is_some() {
        first = value(&mut words)?;
    }
    let (name, mask) = split_prefix(first)?;
    let found = lookup(sys, name, kind == Some("#host")).await?;
    let is_host = match kind {
        Some(kind) => kind == "#host",
        None => !found.is_network,
    };
    let mut entry = Entry { target: Some(found.address), is_host, mask, ..Entry::default() };
    while let Some(word) = words.next() {
        entry.word(sys, word, &mut words).await?;
    }
    entry.check()?;
    let done = sys
        .net_admin(move |net, ns| {
            let request = entry.request(net, ns, adds)?;
            let done = if adds { net.route_add(ns, &request) } else { net.route_delete(ns, &request) };
            done.map_err(|error| error.errno)
        })
        .await;
    refused(done, adds)
}

fn refused(done: Result<(), Errno>, adds: bool) -> Result<(), Wrong> {
    let call = if adds { "SIOCADDRT" } else { "SIOCDELRT" };
    done.map_err(|errno| Wrong::Told(format!("{call}: {errno}\n"), E_SOCK))
}

/// IPv6: target, `gw`, `metric` and device.
async fn change6(sys: &Sys, words: &[String], adds: bool) -> Result<(), Wrong> {
    let mut words = words.iter();
    let target = value(&mut words)?;
    let (name, length) = target.split_once('/').map_or((target, 128), |(name, rest)| (name, atoi(rest)));
    let target = match name {
        "default" => Some((std::net::Ipv6Addr::UNSPECIFIED, 0)),
        name => name.parse().ok().map(|address| (address, length)),
    };
    let Some((address, length)) = target else {
        return Err(Wrong::Told(format!("getaddrinfo: {name}: -2\n{name}: Unknown host\n"), 1));
    };
    let length = u8::try_from(length).ok().filter(|length| *length <= 128);
    let Some(length) = length else { return usage_error() };
    let (mut gateway, mut metric, mut device) = (None, 1, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "metric" => metric = atoi(value(&mut words)?) as u32,
            "gw" | "gateway" => {
                let word = value(&mut words)?;
                let parsed: Option<IpAddr> = word.parse().ok().filter(IpAddr::is_ipv6);
                gateway =
                    Some(parsed.ok_or_else(|| Wrong::Told(format!("{word}: Unknown host\n"), E_LOOKUP))?);
            }
            "mod" | "dyn" => {}
            "dev" | "device" => device = Some(value(&mut words)?.to_owned()),
            other if device.is_none() && words.len() == 0 => device = Some(other.to_owned()),
            _ => return usage_error(),
        }
    }
    let net6 = Ipv6Net::new(address, length).map_err(|_| Wrong::Told(String::new(), E_OPTERR))?;
    let index = match device {
        None => None,
        Some(name) => {
            let index = sys.net(move |net, ns| net.device_index(ns, &name)).await;
            let missing = || Wrong::Told(format!("SIOGIFINDEX: {}\n", Errno::ENODEV), E_SOCK);
            Some(index.ok_or_else(missing)?)
        }
    };
    let mut request = RouteRequest::new(IpNet::V6(net6));
    request.priority = (adds || metric != 1).then_some(metric);
    if gateway.is_some() || index.is_some() {
        request.nexthops = vec![NexthopRequest { gateway, device: index, ..NexthopRequest::default() }];
    }
    if !adds {
        request.kind = RouteType::Unspec;
    }
    let done = sys
        .net_admin(
            move |net, ns| if adds { net.route_add(ns, &request) } else { net.route_delete(ns, &request) },
        )
        .await;
    refused(done.map_err(|error| error.errno), adds)
}
