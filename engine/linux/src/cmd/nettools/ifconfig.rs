//! `ifconfig`: devices and their IPv4 addresses in the words of net-tools.
//!
//! Always: words are done one by one, as they stand; an error does not stop the next.
//! Differs from net-tools: no media, memory, interrupts or tunnels; hardware other than Ethernet is not simulated.
//! Source: ifconfig(8) of net-tools 2.10 and its observable behaviour.

use super::interface::{SHORT_HEADING, all_names, fetch, long, short};
use super::names::resolve;
use super::{NAME_BYTES, RELEASE, cut, ether, ioctl, usage};
use crate::cmd::iproute2::number::{atoi, integer};
use crate::cmd::{Args, Command, Exit};
use crate::sys::Sys;
use api::NetnsId;
use net::device::flags;
use net::rtnetlink::{AddressRequest, LinkRequest, Mode};
use net::{Errno, Network};
use std::net::{Ipv4Addr, Ipv6Addr};

pub const IFCONFIG: Command = Command {
    name: "ifconfig",
    path: "/usr/sbin/ifconfig",
    man: "ifconfig(8)",
    run: |sys, args| Box::pin(ifconfig(sys, args)),
};

const USAGE: &str = include_str!("usage/ifconfig.txt");
const HINT: &str = "ifconfig: `--help' gives usage information.\n";
/// Aliases of one device.
const MOST_ALIASES: u32 = 256;

async fn ifconfig(sys: Sys, args: Args) -> Exit {
    let (mut all, mut in_short) = (false, false);
    let mut words = args.rest().iter().peekable();
    while let Some(word) = words.next_if(|word| word.starts_with('-')) {
        match word.as_str() {
            "-a" => all = true,
            "-s" => in_short = true,
            "-v" => {}
            "-V" | "-version" | "--version" => {
                sys.print(RELEASE).await;
                return Exit::OK;
            }
            "-?" | "-h" | "-help" | "--help" => return usage(&sys, USAGE, true).await,
            _ => {
                sys.eprint(format!("ifconfig: option `{word}' not recognised.\n{HINT}")).await;
                return Exit::FAILURE;
            }
        }
    }
    let rest: Vec<String> = words.cloned().collect();
    match rest.split_first() {
        None => show_all(&sys, all, in_short).await,
        Some((name, [])) => show(&sys, &cut(name, NAME_BYTES), in_short).await,
        Some((name, words)) => {
            let mut run = Run { sys: sys.clone(), name: cut(name, NAME_BYTES), status: 0, netmask: None };
            match run.all(words).await {
                Ok(()) => Exit(run.status as u8),
                Err(Stop::Usage) => usage(&sys, USAGE, false).await,
                Err(Stop::Told(text)) => {
                    sys.eprint(text).await;
                    Exit::FAILURE
                }
            }
        }
    }
}

async fn show_all(sys: &Sys, all: bool, in_short: bool) -> Exit {
    let text = sys
        .net(move |net, ns| {
            let mut out = if in_short { SHORT_HEADING.to_owned() } else { String::new() };
            for name in all_names(net, ns) {
                let Ok(interface) = fetch(net, ns, &name) else { continue };
                if all || interface.link.is_up() {
                    out += &if in_short { short(&interface) } else { long(&interface) };
                }
            }
            out
        })
        .await;
    sys.print(text).await;
    Exit::OK
}

async fn show(sys: &Sys, name: &str, in_short: bool) -> Exit {
    let wanted = name.to_owned();
    if in_short {
        sys.print(SHORT_HEADING).await;
    }
    match sys.net(move |net, ns| fetch(net, ns, &wanted)).await {
        Ok(interface) => {
            sys.print(if in_short { short(&interface) } else { long(&interface) }).await;
            Exit::OK
        }
        Err(_) => {
            sys.eprint(format!("{name}: error fetching interface information: Device not found\n")).await;
            Exit::FAILURE
        }
    }
}

/// Why the reading of words ends at once.
enum Stop {
    Usage,
    Told(String),
}

type Words<'a> = std::slice::Iter<'a, String>;

struct Run {
    sys: Sys,
    name: String,
    /// What the real one or-s together; -1 is 255.
    status: i32,
    /// Of `ADDRESS/PREFIX`, set at the end.
    netmask: Option<Ipv4Addr>,
}

fn value<'a>(words: &mut Words<'a>) -> Result<&'a str, Stop> {
    words.next().map(String::as_str).ok_or(Stop::Usage)
}

/// A switch by its word: which bit, and its name where the kernel may not let go of it.
fn switch(word: &str) -> Option<(u32, Option<&'static str>)> {
    Some(match word {
        "promisc" => (flags::PROMISC, None),
        "multicast" => (flags::MULTICAST, Some("MULTICAST")),
        "allmulti" => (flags::ALLMULTI, Some("ALLMULTI")),
        "dynamic" => (flags::DYNAMIC, Some("DYNAMIC")),
        _ => return None,
    })
}

impl Run {
    async fn all(&mut self, words: &[String]) -> Result<(), Stop> {
        let mut words = words.iter();
        let mut given_netmask = false;
        if let Some("inet6") = words.as_slice().first().map(String::as_str) {
            let text = "Don't know how to set addresses for family 10.\n";
            words.next();
            if words.len() == 0 {
                return Ok(());
            }
            if !matches!(words.as_slice()[0].as_str(), "add" | "del" | "up" | "down") {
                return Err(Stop::Told(text.to_owned()));
            }
        } else if words.as_slice().first().is_some_and(|word| word == "inet") {
            words.next();
        }
        while let Some(word) = words.next() {
            match word.as_str() {
                "arp" => self.flags(0, flags::NOARP).await,
                "-arp" => self.flags(flags::NOARP, 0).await,
                "trailers" => self.flags(0, flags::NOTRAILERS).await,
                "-trailers" => self.flags(flags::NOTRAILERS, 0).await,
                "up" => self.flags(flags::UP, 0).await,
                "down" => self.flags(0, flags::UP).await,
                "netmask" => {
                    let host = words.next().filter(|_| !given_netmask).ok_or(Stop::Usage)?;
                    if let Some(mask) = self.resolve(host).await {
                        given_netmask = true;
                        self.call("SIOCSIFNETMASK", move |net, ns, name| {
                            ioctl::set_netmask(net, ns, name, mask)
                        })
                        .await;
                    }
                }
                word => self.word(word, &mut words, given_netmask).await?,
            }
        }
        if let Some(mask) = self.netmask {
            self.call("SIOCSIFNETMASK", move |net, ns, name| ioctl::set_netmask(net, ns, name, mask)).await;
        }
        Ok(())
    }

    /// Was it a switch like `promisc` or `-promisc`?
    async fn switched(&mut self, word: &str) -> bool {
        if let Some((bit, _)) = switch(word) {
            self.flags(bit, 0).await;
            return true;
        }
        if let Some((bit, kept)) = word.strip_prefix('-').and_then(switch) {
            self.flags(0, bit).await;
            if bit == flags::PROMISC {
                let text = format!(
                    "Warning: Interface {} still in promisc mode... maybe other application is running?\n",
                    self.name
                );
                self.warn_if_still(bit, text).await;
            } else if let Some(kept) = kept {
                self.warn_if_still(bit, format!("Warning: Interface {} still in {kept} mode.\n", self.name))
                    .await;
            }
            return true;
        }
        false
    }

    async fn word(&mut self, word: &str, words: &mut Words<'_>, given_netmask: bool) -> Result<(), Stop> {
        if self.switched(word).await {
            return Ok(());
        }
        match word {
            "mtu" => {
                let mtu = u32::try_from(atoi(value(words)?)).unwrap_or(u32::MAX);
                self.set("SIOCSIFMTU", LinkRequest { mtu: Some(mtu), ..LinkRequest::default() }).await;
            }
            "txqueuelen" => {
                let length = integer(value(words)?).unwrap_or(0) as u32;
                self.set("SIOCSIFTXQLEN", LinkRequest { txqlen: Some(length), ..LinkRequest::default() })
                    .await;
            }
            "name" => {
                let name = Some(cut(value(words)?, NAME_BYTES));
                self.set("SIOCSIFNAME", LinkRequest { new_name: name, ..LinkRequest::default() }).await;
            }
            "hw" => self.hardware(words).await?,
            "-broadcast" => self.kept(flags::BROADCAST, "BROADCAST").await,
            "-pointopoint" | "-pointtopoint" => self.kept(flags::POINTOPOINT, "POINTOPOINT").await,
            "broadcast" => {
                if let Some(host) = words.next()
                    && let Some(address) = self.resolve(host).await
                {
                    self.call("SIOCSIFBRDADDR", move |net, ns, name| {
                        ioctl::set_broadcast(net, ns, name, address)
                    })
                    .await;
                }
                self.flags(flags::BROADCAST, 0).await;
            }
            "dstaddr" | "pointopoint" | "pointtopoint" => {
                if word == "dstaddr" || words.len() > 0 {
                    let host = value(words)?;
                    if let Some(peer) = self.resolve(host).await {
                        self.call("SIOCSIFDSTADDR", move |net, ns, name| {
                            ioctl::set_peer(net, ns, name, peer)
                        })
                        .await;
                    }
                }
                if word != "dstaddr" {
                    self.flags(flags::POINTOPOINT, 0).await;
                }
            }
            "add" => self.address(value(words)?, true).await?,
            "del" => self.address(value(words)?, false).await?,
            "media" | "port" | "mem_start" | "io_addr" | "irq" | "outfill" | "keepalive" | "tunnel" => {
                let text = format!("ifconfig: {word}: not simulated in vethlab; use ip link\n");
                return Err(Stop::Told(text));
            }
            host => self.own_address(host, given_netmask).await?,
        }
        Ok(())
    }

    fn failed(&mut self, status: i32) {
        self.status |= status;
    }

    /// An ioctl on this interface; what it refuses is told.
    async fn call(
        &mut self,
        call: &str,
        done: impl FnOnce(&mut Network, NetnsId, &str) -> Result<(), Errno> + 'static,
    ) {
        let name = self.name.clone();
        if let Err(errno) = self.sys.net_admin(move |net, ns| done(net, ns, &name)).await {
            let hint = match (call, errno) {
                ("SIOCSIFHWADDR", Errno::EBUSY) => " - you may need to down the interface",
                _ => "",
            };
            self.sys.eprint(format!("{call}: {errno}{hint}\n")).await;
            self.failed(1);
        }
    }

    async fn set(&mut self, call: &str, request: LinkRequest) {
        self.call(call, move |net, ns, name| {
            let index = Some(ioctl::device(net, ns, name)?.index);
            net.link_set(ns, &LinkRequest { index, ..request }).map_err(|error| error.errno)
        })
        .await;
    }

    async fn flags(&mut self, set: u32, clear: u32) {
        let name = self.name.clone();
        let there = self.sys.net({
            let name = name.clone();
            move |net, ns| ioctl::device(net, ns, &name).is_ok()
        });
        let text = if there.await {
            match self.sys.net_admin(move |net, ns| ioctl::set_flags(net, ns, &name, set, clear)).await {
                Err(errno) => format!("SIOCSIFFLAGS: {errno}\n"),
                Ok(()) => return,
            }
        } else {
            format!("{}: ERROR while getting interface flags: {}\n", self.name, Errno::ENODEV)
        };
        self.sys.eprint(text).await;
        self.failed(-1);
    }

    async fn warn_if_still(&self, bit: u32, text: String) {
        let name = self.name.clone();
        let still = self.sys.net(move |net, ns| ioctl::device(net, ns, &name)).await;
        if still.is_ok_and(|link| link.flags & bit != 0) {
            self.sys.eprint(text).await;
        }
    }

    /// A kind of device is not the user's to take away.
    async fn kept(&mut self, bit: u32, name: &str) {
        self.flags(0, bit).await;
        self.warn_if_still(bit, format!("Warning: Interface {} still in {name} mode.\n", self.name)).await;
    }

    async fn resolve(&mut self, host: &str) -> Option<Ipv4Addr> {
        match resolve(&self.sys, host, false).await {
            Ok(found) => Some(found.address),
            Err(text) => {
                self.sys.eprint(text).await;
                self.failed(1);
                None
            }
        }
    }

    async fn hardware(&mut self, words: &mut Words<'_>) -> Result<(), Stop> {
        if value(words)? != "ether" {
            return Err(Stop::Usage);
        }
        let host = value(words)?;
        match ether(host) {
            Some(mac) => {
                self.set("SIOCSIFHWADDR", LinkRequest { mac: Some(mac), ..LinkRequest::default() }).await;
            }
            None => {
                self.sys.eprint(format!("{host}: invalid ether address.\n")).await;
                self.failed(1);
            }
        }
        Ok(())
    }

    /// The address without a keyword; a classless one has its mask set at the end.
    async fn own_address(&mut self, word: &str, given_netmask: bool) -> Result<(), Stop> {
        let (host, prefix) = word.split_once('/').map_or((word, None), |(host, rest)| (host, Some(rest)));
        if let Some(prefix) = prefix {
            let prefix = if prefix.is_empty() { Some(0) } else { integer(prefix) };
            let prefix = prefix.filter(|_| !given_netmask).ok_or(Stop::Usage)?;
            self.netmask = Some(Ipv4Addr::from(!u32::MAX.wrapping_shr(prefix as u32)));
        }
        let resolved = resolve(&self.sys, host, false).await;
        let address = resolved.map_err(|text| Stop::Told(text + HINT))?.address;
        self.call("SIOCSIFADDR", move |net, ns, name| ioctl::set_address(net, ns, name, address)).await;
        let deleted = self.name.contains(':') && (self.name.ends_with('-') || address.is_unspecified());
        if !deleted {
            self.flags(flags::UP, 0).await;
        }
        Ok(())
    }

    /// `add` and `del`: an IPv6 address, or an alias with an IPv4 one.
    async fn address(&mut self, word: &str, adds: bool) -> Result<(), Stop> {
        if !word.contains(':') {
            if let Some(address) = self.resolve(word).await {
                let name = self.name.clone();
                // The real one does not tell what goes wrong here.
                let done = self.sys.net_admin(move |net, ns| alias(net, ns, &name, address, adds));
                done.await.ok();
            }
            return Ok(());
        }
        let (host, prefix) = word.split_once('/').map_or((word, 128), |(host, rest)| (host, atoi(rest)));
        let prefix = u8::try_from(prefix).ok().filter(|prefix| *prefix <= 128).ok_or(Stop::Usage)?;
        let Ok(address) = host.parse::<Ipv6Addr>() else {
            self.sys.eprint(format!("{host}: Unknown host\n")).await;
            self.failed(1);
            return Ok(());
        };
        let call = if adds { "SIOCSIFADDR" } else { "SIOCDIFADDR" };
        self.call(call, move |net, ns, name| {
            let index = ioctl::device(net, ns, name)?.index;
            let request = AddressRequest::new(index, address.into(), prefix);
            let done = match adds {
                true => net.address_add(ns, &request, Mode::Add),
                false => net.address_delete(ns, &request),
            };
            done.map_err(|error| error.errno)
        })
        .await;
        Ok(())
    }
}

/// Brings the alias with that address up or down; where there is none, a new one is made (even by `del`).
fn alias(net: &mut Network, ns: NetnsId, parent: &str, address: Ipv4Addr, adds: bool) -> Result<(), Errno> {
    let mut taken = Vec::new();
    for name in all_names(net, ns) {
        let Some((_, number)) = name.split_once(':').filter(|_| name.starts_with(parent)) else { continue };
        if number.contains('-') {
            continue;
        }
        taken.push(atoi(number));
        let is_it = ioctl::labelled(net, ns, &name).is_some_and(|found| found.peer == address);
        if is_it {
            let (set, clear) = if adds { (flags::UP, 0) } else { (0, flags::UP) };
            return ioctl::set_flags(net, ns, &name, set, clear);
        }
    }
    let free = (0..MOST_ALIASES).find(|number| !taken.contains(&(*number as i32))).ok_or(Errno::ENOBUFS)?;
    let own = ioctl::labelled(net, ns, parent);
    let mask = own.as_ref().map_or(Ipv4Addr::UNSPECIFIED, |own| ioctl::mask(own.prefix));
    let broadcast = own.and_then(|own| own.broadcast).unwrap_or(Ipv4Addr::UNSPECIFIED);
    let name = cut(&format!("{parent}:{free}"), NAME_BYTES);
    ioctl::set_address(net, ns, &name, address)?;
    ioctl::set_netmask(net, ns, &name, mask)?;
    ioctl::set_broadcast(net, ns, &name, broadcast)
}
