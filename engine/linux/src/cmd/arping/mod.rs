//! `arping`: asks for a neighbour by ARP, tests an address for duplicates, or announces one.
//!
//! Always: frames are built here, byte by byte, and pass the device as any others.
//! Source: arping(8) of iputils 20221126 and its observable behaviour; RFC 826, RFC 5227.

mod exchange;

use super::getopt::{Found, Getopt};
use super::iproute2::number::integer;
use super::{Args, Command, Exit};
use crate::resolver::{GaiError, Hints, getaddrinfo, inet_aton};
use crate::sys::Sys;
use api::NetnsId;
use exchange::Exchange;
use net::device::flags;
use net::rtnetlink::{Family, Link, LinkAddress, RouteGetRequest};
use net::{Errno, Network};
use std::net::{IpAddr, Ipv4Addr};

pub const ARPING: Command = Command {
    name: "arping",
    path: "/usr/bin/arping",
    man: "arping(8)",
    run: |sys, args| Box::pin(arping(sys, args)),
};

const VERSION: &str = "arping from iputils 20221126\n\
    libcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes\n";

/// What the options ask for.
#[derive(Clone, Debug, Default)]
struct Asked {
    broadcast_only: bool,
    /// Is the address somebody else's?
    duplicates: bool,
    unsolicited: bool,
    answer: bool,
    quiet: bool,
    quit_on_reply: bool,
    count: Option<i32>,
    timeout: i32,
    interval: i32,
    device: Option<String>,
    source: Option<String>,
}

/// What ends the program before the first probe.
#[derive(Debug)]
struct Stop {
    out: String,
    err: String,
    status: u8,
}

impl Stop {
    fn error(status: u8, text: impl std::fmt::Display) -> Stop {
        Stop { out: String::new(), err: format!("arping: {text}\n"), status }
    }

    fn told(status: u8, out: String) -> Stop {
        Stop { out, err: String::new(), status }
    }
}

/// A number within bounds, or the real text.
fn bounded(value: Option<String>, least: i32) -> Result<i32, Stop> {
    let value = value.unwrap_or_default();
    let wrong = || Stop::error(1, format!("invalid argument: '{value}'"));
    let number = integer(&value).ok_or_else(wrong)?;
    match i32::try_from(number).ok().filter(|number| *number >= least) {
        Some(number) => Ok(number),
        None => {
            let text = format!("invalid argument: '{value}': out of range: {least} <= value <= {}", i32::MAX);
            Err(Stop::error(1, text))
        }
    }
}

fn options(name: &str, words: &[String]) -> Result<(Asked, String), Stop> {
    let usage = |before: String| {
        let err = before + include_str!("usage.txt");
        Stop { out: String::new(), err, status: 2 }
    };
    let mut asked = Asked { interval: 1, ..Asked::default() };
    let mut options = Getopt::new(name, words, "h?bfDUAqc:w:i:s:I:V", &[]);
    for found in options.by_ref() {
        match found {
            Found::Option('b', _) => asked.broadcast_only = true,
            Found::Option('D', _) => (asked.duplicates, asked.quit_on_reply) = (true, true),
            Found::Option('U', _) => asked.unsolicited = true,
            Found::Option('A', _) => (asked.answer, asked.unsolicited) = (true, true),
            Found::Option('q', _) => asked.quiet = true,
            Found::Option('c', value) => asked.count = Some(bounded(value, 1)?),
            Found::Option('w', value) => asked.timeout = bounded(value, 0)?,
            Found::Option('i', value) => asked.interval = bounded(value, 0)?,
            Found::Option('I', value) => asked.device = value.filter(|name| !name.is_empty()),
            Found::Option('f', _) => asked.quit_on_reply = true,
            Found::Option('s', value) => asked.source = value,
            Found::Option('V', _) => return Err(Stop::told(0, VERSION.to_owned())),
            Found::Option(..) => return Err(usage(String::new())),
            Found::Wrong(text) => return Err(usage(text)),
        }
    }
    match options.operands().as_slice() {
        [target] => Ok((asked, target.clone())),
        _ => Err(usage(String::new())),
    }
}

async fn arping(sys: Sys, args: Args) -> Exit {
    let found = match options(args.name(), args.rest()) {
        Ok((asked, target)) => prepare(&sys, asked, &target).await,
        Err(stop) => Err(stop),
    };
    match found {
        Ok(exchange) => Exit(exchange.run(&sys).await),
        Err(stop) => {
            sys.eprint(stop.err).await;
            sys.print(stop.out).await;
            Exit(stop.status)
        }
    }
}

async fn target_address(sys: &Sys, target: &str) -> Result<Ipv4Addr, Stop> {
    if let Some(address) = inet_aton(target) {
        return Ok(address);
    }
    let hints = Hints { family: Some(Family::Inet), ..Hints::default() };
    let told = |error: GaiError| Stop::error(2, format!("{target}: {}", error.text()));
    let found = getaddrinfo(sys, target, hints).await.map_err(told)?;
    found.into_iter().find_map(|info| v4(info.address)).ok_or_else(|| told(GaiError::NoName))
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// The device that probes leave by: the named one, or where the route leads.
fn device(net: &mut Network, ns: NetnsId, asked: &Asked, target: Ipv4Addr) -> Result<Link, Stop> {
    let name = match &asked.device {
        Some(name) => name.clone(),
        None => {
            let answer = net.route_get(ns, &RouteGetRequest::new(target.into()));
            answer.map_err(|_| Stop::error(1, "NETLINK_ROUTE unexpected iov element"))?.device
        }
    };
    let link = net.links(ns).into_iter().find(|link| link.name == name);
    let link = link.ok_or_else(|| Stop::error(2, format!("Device {name} not available.")))?;
    let told = |status, text| {
        let text = if asked.quiet { String::new() } else { format!("Interface \"{name}\" is {text}\n") };
        Err(Stop::told(status, text))
    };
    if !link.is_up() {
        return told(2, "down");
    }
    if link.flags & (flags::NOARP | flags::LOOPBACK) != 0 {
        return told(if asked.duplicates { 0 } else { 2 }, "not ARPable");
    }
    Ok(link)
}

/// The address that probes come from.
fn source(
    net: &mut Network,
    ns: NetnsId,
    asked: &Asked,
    target: Ipv4Addr,
    link: &Link,
) -> Result<Ipv4Addr, Stop> {
    let given = match &asked.source {
        Some(source) => {
            Some(inet_aton(source).ok_or_else(|| Stop::error(2, format!("invalid source {source}")))?)
        }
        None => None,
    };
    let owned = |net: &mut Network, address: Ipv4Addr| {
        let own = net.addresses(ns, Family::Inet).iter().any(|it| it.local == IpAddr::V4(address));
        let bound = own || address.is_unspecified();
        if bound { Ok(address) } else { Err(Stop::error(2, format!("bind: {}", Errno::EADDRNOTAVAIL))) }
    };
    match given {
        Some(address) => owned(net, address),
        None if asked.duplicates => Ok(Ipv4Addr::UNSPECIFIED),
        None if asked.unsolicited => owned(net, target),
        None => {
            let request = RouteGetRequest { oif: Some(link.index), ..RouteGetRequest::new(target.into()) };
            let answer = net.route_get(ns, &request);
            let answer = answer.map_err(|error| Stop::error(2, format!("connect: {}", error.errno)))?;
            Ok(answer.prefsrc.and_then(v4).unwrap_or(Ipv4Addr::UNSPECIFIED))
        }
    }
}

async fn prepare(sys: &Sys, asked: Asked, target: &str) -> Result<Exchange, Stop> {
    let target = target_address(sys, target).await?;
    let wanted = asked.clone();
    let (link, source) = sys
        .net(move |net, ns| {
            let link = device(net, ns, &wanted, target)?;
            let source = source(net, ns, &wanted, target, &link)?;
            Ok::<_, Stop>((link, source))
        })
        .await?;
    let (LinkAddress::Ether(me), LinkAddress::Ether(broadcast)) = (link.address, link.broadcast) else {
        let text = format!("Interface \"{}\" is not ARPable (no ll address)\n", link.name);
        return Err(Stop::told(2, text));
    };
    if !asked.quiet {
        sys.print(format!("ARPING {target} from {source} {}\n", link.name)).await;
    }
    if asked.source.is_none() && source.is_unspecified() && !asked.duplicates {
        let text = format!("no source address in not-DAD mode: {}", Errno::ENOENT);
        return Err(Stop::error(2, text));
    }
    Ok(Exchange::new(asked, link.id, me, broadcast, source, target))
}
