//! `arp`: the neighbours of IPv4 in the words of net-tools.
//!
//! Differs from net-tools: Ethernet only; entries of the address family are those of /proc/net/arp.
//! Source: arp(8) of net-tools 2.10 and its observable behaviour; net/ipv4/arp.c for the ioctls.

use super::names::{Telling, resolve, tell};
use super::{NAME_BYTES, RELEASE, cut, ether, usage};
use crate::cmd::getopt::{Found, Getopt, Long, Takes};
use crate::cmd::iproute2::lladdr;
use crate::cmd::{Args, Command, Exit};
use crate::sys::Sys;
use api::NetnsId;
use net::rtnetlink::{Family, LinkAddress, Mode, Neighbour, NeighbourRequest, RouteGetRequest, ntf, nud};
use net::{Errno, Mac, Network};
use std::net::{IpAddr, Ipv4Addr};

pub const ARP: Command =
    Command { name: "arp", path: "/usr/sbin/arp", man: "arp(8)", run: |sys, args| Box::pin(arp(sys, args)) };

const FEATURES: &str = "+I18N +SELINUX\n\
    AF: (inet) +UNIX +INET +INET6 +IPX +AX25 +NETROM +X25 +ATALK +ECONET +ROSE -BLUETOOTH\n\
    HW: (ether) +ETHER +ARC +SLIP +PPP +TUNNEL -TR +AX25 +NETROM +X25 +FR +ROSE +ASH +SIT +FDDI +HIPPI \
    +HDLC/LAPB +EUI64 \n";

const OPTIONS: &[Long] = &[
    ("verbose", Takes::Nothing, 'v'),
    ("version", Takes::Nothing, 'V'),
    ("all", Takes::Nothing, 'a'),
    ("delete", Takes::Nothing, 'd'),
    ("file", Takes::Nothing, 'f'),
    ("numeric", Takes::Nothing, 'n'),
    ("set", Takes::Nothing, 's'),
    ("protocol", Takes::Value, 'A'),
    ("hw-type", Takes::Value, 'H'),
    ("device", Takes::Value, 'i'),
    ("help", Takes::Nothing, 'h'),
    ("use-device", Takes::Nothing, 'D'),
    ("symbolic", Takes::Nothing, 'N'),
];

const HEADING: &str = "Address                  HWtype  HWaddress           Flags Mask            Iface\n";
const USAGE: &str = include_str!("usage/arp.txt");

#[derive(Debug, Default)]
struct Asked {
    verb: Verb,
    numeric: bool,
    verbose: bool,
    use_device: bool,
    /// The default style: a table.
    table: bool,
    device: String,
    hardware: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verb {
    #[default]
    Show,
    ShowAll,
    File,
    Delete,
    Set,
}

/// What goes wrong: the usage text, or words on stderr (or stdout) and 255.
enum Wrong {
    Usage,
    Told(String),
    Out(String),
}

async fn arp(sys: Sys, args: Args) -> Exit {
    let mut asked = Asked::default();
    let mut options = Getopt::new(args.name(), args.rest(), "A:H:adfp:nsei:t:vh?DNV", OPTIONS);
    for found in options.by_ref() {
        match found {
            Found::Option('a', _) => asked.verb = Verb::ShowAll,
            Found::Option('f', _) => asked.verb = Verb::File,
            Found::Option('d', _) => asked.verb = Verb::Delete,
            Found::Option('s', _) => asked.verb = Verb::Set,
            Found::Option('e', _) => asked.table = true,
            Found::Option('n', _) => asked.numeric = true,
            Found::Option('D', _) => asked.use_device = true,
            Found::Option('N', _) => sys.eprint("arp: -N not yet supported.\n").await,
            Found::Option('v', _) => asked.verbose = true,
            Found::Option('A' | 'p', Some(name)) if name != "inet" => {
                let text = match name.as_str() {
                    "inet6" | "unix" => format!("arp: {name}: kernel only supports 'inet'.\n"),
                    _ => format!("arp: {name}: unknown address family.\n"),
                };
                sys.eprint(text).await;
                return Exit(255);
            }
            Found::Option('H' | 't', Some(name)) if name != "ether" => {
                sys.eprint(format!("arp: {name}: unknown hardware type.\n")).await;
                return Exit(255);
            }
            Found::Option('H' | 't', _) => asked.hardware = true,
            Found::Option('i', Some(name)) => asked.device = cut(&name, NAME_BYTES),
            Found::Option('V', _) => {
                sys.print(format!("{RELEASE}{FEATURES}")).await;
                return Exit::OK;
            }
            Found::Option('h', _) => return usage(&sys, USAGE, true).await,
            Found::Option('?', _) => return usage(&sys, USAGE, false).await,
            Found::Option(..) => {}
            Found::Wrong(text) => {
                sys.eprint(text).await;
                return usage(&sys, USAGE, false).await;
            }
        }
    }
    let words = options.operands();
    asked.table |= asked.verb == Verb::Show;
    let done = match asked.verb {
        Verb::Show | Verb::ShowAll => show(&sys, &asked, words.first().map(String::as_str)).await,
        Verb::File => file(&sys, &mut asked, words.first().map_or("/etc/ethers", String::as_str)).await,
        Verb::Delete => delete(&sys, &mut asked, &words).await,
        Verb::Set => set(&sys, &mut asked, &words).await,
    };
    match done {
        Ok(()) => Exit::OK,
        Err(Wrong::Usage) => usage(&sys, USAGE, false).await,
        Err(Wrong::Told(text)) => {
            sys.eprint(text).await;
            Exit(255)
        }
        Err(Wrong::Out(text)) => {
            sys.print(text).await;
            Exit(255)
        }
    }
}

async fn address(sys: &Sys, name: &str) -> Result<Ipv4Addr, Wrong> {
    resolve(sys, name, false).await.map(|found| found.address).map_err(Wrong::Told)
}

/// An entry as /proc/net/arp has it.
struct Row {
    address: Ipv4Addr,
    mac: Option<Mac>,
    /// ATF_COM, ATF_PERM, ATF_PUBL
    complete: bool,
    permanent: bool,
    published: bool,
    device: String,
}

/// Entries that never asked are not listed; what is answered for others comes last.
fn rows(net: &Network, ns: NetnsId) -> Vec<Row> {
    let row = |entry: Neighbour, published: bool| match entry.destination {
        IpAddr::V4(address) => Some(Row {
            address,
            complete: published || entry.state & (nud::INCOMPLETE | nud::FAILED) == 0,
            permanent: published || entry.state & nud::PERMANENT != 0,
            mac: entry.mac.filter(|_| !published && entry.state & nud::INCOMPLETE == 0),
            published,
            device: if entry.index == 0 { "*".to_owned() } else { entry.device },
        }),
        IpAddr::V6(_) => None,
    };
    let own = net.neighbours(ns, Family::Inet, false).into_iter();
    let own = own.filter(|entry| entry.state & nud::NOARP == 0);
    let own: Vec<Row> = own.filter_map(|entry| row(entry, false)).collect();
    let proxies = net.neighbours(ns, Family::Inet, true).into_iter().filter_map(|entry| row(entry, true));
    own.into_iter().chain(proxies).collect()
}

async fn show(sys: &Sys, asked: &Asked, name: Option<&str>) -> Result<(), Wrong> {
    let wanted = match name {
        Some(name) => Some(address(sys, name).await?),
        None => None,
    };
    let rows = sys.net(|net, ns| rows(net, ns)).await;
    let entries = rows.len();
    let (mut out, mut shown) = (String::new(), 0);
    for row in rows {
        let here = asked.device.is_empty() || asked.device == row.device;
        if !here || wanted.is_some_and(|wanted| wanted != row.address) {
            continue;
        }
        shown += 1;
        let ip = row.address.to_string();
        let mask = Ipv4Addr::new(255, 255, 255, 0);
        let telling = Telling { numeric: asked.numeric, default: true, host: false, mask };
        let host = Some(tell(sys, row.address, telling).await).filter(|host| *host != ip);
        if asked.table {
            if shown == 1 {
                out += HEADING;
            }
            out += &table_row(&row, host.as_deref().unwrap_or(&ip));
        } else {
            out += &bsd_row(&row, host.as_deref().unwrap_or("?"), &ip);
        }
    }
    if asked.verbose {
        out += &format!("Entries: {entries}\tSkipped: {}\tFound: {shown}\n", entries - shown);
    }
    if shown == 0 {
        match (name, wanted) {
            (Some(name), Some(wanted)) if asked.verb != Verb::ShowAll => {
                out += &format!("{name} ({wanted}) -- no entry\n");
            }
            _ if asked.hardware || wanted.is_some() || !asked.device.is_empty() => {
                out += &format!("arp: in {entries} entries no match found.\n");
            }
            _ => {}
        }
    }
    sys.print(out).await;
    Ok(())
}

fn mac_text(row: &Row) -> String {
    lladdr::text(&row.mac.unwrap_or(Mac([0; 6])).0)
}

fn table_row(row: &Row, name: &str) -> String {
    let mut flags = String::new();
    flags.extend(
        [(row.complete && !row.published, 'C'), (row.permanent, 'M'), (row.published, 'P')]
            .iter()
            .filter_map(|(on, letter)| on.then_some(*letter)),
    );
    let middle = match (row.complete && !row.published, row.published) {
        (true, _) => format!("{:<8.8}{:<20.20}", "ether", mac_text(row)),
        (false, true) => format!("{:<8.8}{:<20.20}", "*", "<from_interface>"),
        (false, false) => format!("{:<8.8}{:<20.20}", "", "(incomplete)"),
    };
    format!("{name:<23.23}  {middle}{flags:<6.6}{:<15.15} {}\n", "", row.device)
}

fn bsd_row(row: &Row, name: &str, ip: &str) -> String {
    let middle = match (row.complete && !row.published, row.published) {
        (true, _) => format!("{} [ether] ", mac_text(row)),
        (false, true) => "<from_interface> ".to_owned(),
        (false, false) => "<incomplete> ".to_owned(),
    };
    let permanent = if row.permanent { "PERM " } else { "" };
    let published = if row.published { "PUB " } else { "" };
    format!("{name} ({ip}) at {middle}{permanent}{published}on {}\n", row.device)
}

/// The words behind an address: how it is kept and where.
#[derive(Debug, Default)]
struct Modifiers {
    temporary: bool,
    published: bool,
    private: bool,
}

async fn modifiers(
    sys: &Sys,
    asked: &mut Asked,
    words: &mut std::slice::Iter<'_, String>,
) -> Result<Modifiers, Wrong> {
    let mut found = Modifiers::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "temp" => found.temporary = true,
            "pub" => found.published = true,
            "priv" => found.private = true,
            "trail" | "dontpub" | "auto" => {}
            "dev" => asked.device = cut(words.next().ok_or(Wrong::Usage)?, NAME_BYTES),
            "netmask" => {
                let mask = words.next().ok_or(Wrong::Usage)?;
                if mask != "255.255.255.255" {
                    address(sys, mask).await?;
                    return Err(Wrong::Told("SIOCSARP: Invalid argument\n".to_owned()));
                }
            }
            _ => return Err(Wrong::Usage),
        }
    }
    Ok(found)
}

/// The device of an entry: the named one, or where the route leads.
fn device_for(net: &mut Network, ns: NetnsId, name: &str, address: Ipv4Addr) -> Result<u32, Errno> {
    if !name.is_empty() {
        return net.device_index(ns, name).ok_or(Errno::ENODEV);
    }
    let answer = net.route_get(ns, &RouteGetRequest::new(address.into())).map_err(|error| error.errno)?;
    Ok(answer.oif)
}

fn entry_request(index: u32, address: Ipv4Addr, mac: Option<Mac>, temporary: bool) -> NeighbourRequest {
    NeighbourRequest {
        index,
        destination: address.into(),
        mac,
        state: if temporary { nud::STALE } else { nud::PERMANENT },
        flags: 0,
        protocol: 0,
        mode: Mode::Replace,
    }
}

async fn set(sys: &Sys, asked: &mut Asked, words: &[String]) -> Result<(), Wrong> {
    let mut words = words.iter();
    let name = words.next().ok_or_else(|| Wrong::Told("arp: need host name\n".to_owned()))?;
    let address = address(sys, name).await?;
    let hardware = words.next().ok_or_else(|| Wrong::Told("arp: need hardware address\n".to_owned()))?;
    let mac = if asked.use_device {
        device_mac(sys, hardware).await?
    } else {
        ether(hardware).ok_or_else(|| Wrong::Told("arp: invalid hardware address\n".to_owned()))?
    };
    let modifiers = modifiers(sys, asked, &mut words).await?;
    let device = asked.device.clone();
    let done = sys
        .net_admin(move |net, ns| {
            let published = modifiers.published && !modifiers.private;
            let index = match (published, device.is_empty()) {
                (true, true) => 0,
                _ => device_for(net, ns, &device, address)?,
            };
            let mut request = entry_request(index, address, Some(mac), modifiers.temporary);
            if published {
                (request.flags, request.mac) = (ntf::PROXY, None);
            }
            net.neighbour_add(ns, &request).map_err(|error| error.errno)
        })
        .await;
    done.map_err(|errno: Errno| Wrong::Told(format!("SIOCSARP: {errno}\n")))
}

async fn device_mac(sys: &Sys, name: &str) -> Result<Mac, Wrong> {
    let wanted = name.to_owned();
    let link = sys.net(move |net, ns| net.link_by_name(ns, &wanted)).await;
    match link.map(|link| link.address) {
        Ok(LinkAddress::Ether(mac)) => Ok(mac),
        Ok(_) => Err(Wrong::Told("arp: protocol type mismatch.\n".to_owned())),
        Err(_) => {
            let text = format!("arp: cant get HW-Address for `{name}': {}.\n", Errno::ENODEV);
            Err(Wrong::Told(text))
        }
    }
}

async fn delete(sys: &Sys, asked: &mut Asked, words: &[String]) -> Result<(), Wrong> {
    let mut words = words.iter();
    let name = words.next().ok_or_else(|| Wrong::Told("arp: need host name\n".to_owned()))?;
    let address = address(sys, name).await?;
    let modifiers = modifiers(sys, asked, &mut words).await?;
    let (private, published) = match (modifiers.private, modifiers.published) {
        (false, false) => (true, true),
        both => both,
    };
    let device = asked.device.clone();
    let mut error = None;
    for (wanted, is_public) in [(private, false), (published, true)] {
        if !wanted {
            continue;
        }
        let device = device.clone();
        let done = sys.net_admin(move |net, ns| remove(net, ns, &device, address, is_public)).await;
        match done {
            Ok(()) => return Ok(()),
            Err(Errno::ENXIO | Errno::ENOENT) => {
                error = Some(Wrong::Out(format!("No ARP entry for {name}\n")))
            }
            Err(errno) => {
                let which = if is_public { "pub" } else { "dontpub" };
                return Err(Wrong::Told(format!("SIOCDARP({which}): {errno}\n")));
            }
        }
    }
    error.map_or(Ok(()), Err)
}

fn remove(
    net: &mut Network,
    ns: NetnsId,
    device: &str,
    address: Ipv4Addr,
    is_public: bool,
) -> Result<(), Errno> {
    let index = match (is_public, device.is_empty()) {
        (true, true) => 0,
        _ => device_for(net, ns, device, address)?,
    };
    let mut request = entry_request(index, address, None, false);
    if is_public {
        request.flags = ntf::PROXY;
    } else {
        let known = net.neighbours(ns, Family::Inet, false);
        let entry = known.iter().find(|it| it.index == index && it.destination == IpAddr::V4(address));
        let there = entry.is_some_and(|entry| entry.state & nud::NOARP == 0);
        if !there {
            return Err(Errno::ENXIO);
        }
    }
    net.neighbour_delete(ns, &request).map_err(|error| error.errno)
}

/// Each line of a file is a host and an address, or the other way round.
async fn file(sys: &Sys, asked: &mut Asked, name: &str) -> Result<(), Wrong> {
    let Ok(bytes) = sys.read_file(name).await else {
        return Err(Wrong::Told(format!("arp: cannot open etherfile {name} !\n")));
    };
    for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let number = number + 1;
        if words.len() < 2 {
            sys.eprint(format!("arp: format error on line {number} of etherfile {name} !\n")).await;
            continue;
        }
        if words[0].contains(':') {
            words.swap(0, 1);
        }
        if let Err(wrong) = set(sys, asked, &words).await {
            match wrong {
                Wrong::Usage => return Err(Wrong::Usage),
                Wrong::Told(text) | Wrong::Out(text) => sys.eprint(text).await,
            }
            let text = format!("arp: cannot set entry on line {number} of etherfile {name} !\n");
            sys.eprint(text).await;
        }
    }
    Ok(())
}
