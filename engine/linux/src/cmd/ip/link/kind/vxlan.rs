//! `type vxlan`: the options of a VXLAN device, and what `-details` says of one.

use super::{address, not_simulated, unknown};
use crate::cmd::ip::link::parse::Context;
use crate::cmd::iproute2::run::Snapshot;
use crate::cmd::iproute2::{Family, Printer, Stop, Words, matches, number, prefix};
use net::rtnetlink::{VxlanInfo, VxlanRequest};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What is said where no port is: the kernel's default is not the assigned one.
const NO_PORT: &str = "vxlan: destination port not specified\n\
    Will use Linux kernel default (non-standard value)\n\
    Use 'dstport 4789' to get the IANA assigned value\n\
    Use 'dstport 0' to get default and quiet this message\n";

/// Keywords in the real tool's order, which decides what a beginning stands for, and the attribute each fills.
const KEYS: &[(&str, &str)] = &[
    ("id", "id"),
    ("vni", "id"),
    ("group", "group"),
    ("remote", "group"),
    ("local", "local"),
    ("dev", "dev"),
    ("ttl", "ttl"),
    ("hoplimit", "ttl"),
    ("tos", "tos"),
    ("dsfield", "tos"),
    ("df", "df"),
    ("label", "flowlabel"),
    ("flowlabel", "flowlabel"),
    ("ageing", "ageing"),
    ("maxaddress", "maxaddress"),
    ("port", "srcport"),
    ("srcport", "srcport"),
    ("dstport", "dstport"),
    ("nolearning", "learning"),
    ("learning", "learning"),
    ("noproxy", "proxy"),
    ("proxy", "proxy"),
    ("norsc", "rsc"),
    ("rsc", "rsc"),
    ("nol2miss", "l2miss"),
    ("l2miss", "l2miss"),
    ("nol3miss", "l3miss"),
    ("l3miss", "l3miss"),
    ("udpcsum", "udpcsum"),
    ("noudpcsum", "udpcsum"),
    ("udp6zerocsumtx", "udp6zerocsumtx"),
    ("noudp6zerocsumtx", "udp6zerocsumtx"),
    ("udp6zerocsumrx", "udp6zerocsumrx"),
    ("noudp6zerocsumrx", "udp6zerocsumrx"),
    ("remcsumtx", "remcsumtx"),
    ("noremcsumtx", "remcsumtx"),
    ("remcsumrx", "remcsumrx"),
    ("noremcsumrx", "remcsumrx"),
    ("external", "external"),
    ("noexternal", "external"),
    ("gbp", "gbp"),
    ("gpe", "gpe"),
    ("help", ""),
];

/// The reading of one `type vxlan …`.
struct Reading<'a> {
    request: VxlanRequest,
    given: BTreeSet<&'static str>,
    context: &'a Context<'a>,
}

pub fn parse(words: &mut Words<'_>, context: &Context<'_>) -> Result<VxlanRequest, Stop> {
    let mut reading = Reading { request: VxlanRequest::default(), given: BTreeSet::new(), context };
    while let Some(word) = words.next() {
        if word == "vnifilter" || word == "novnifilter" {
            return Err(not_simulated(word));
        }
        let Some((key, attribute)) = KEYS.iter().find(|(key, _)| matches(word, key)) else {
            return Err(unknown(format!("vxlan: unknown command \"{word}\"?\n"), "vxlan"));
        };
        if *key == "help" {
            return Err(unknown(String::new(), "vxlan"));
        }
        reading.take(key, attribute, word, words)?;
    }
    reading.finish()
}

impl Reading<'_> {
    /// Twice the same attribute is told with the word that came second.
    fn once(&mut self, attribute: &'static str, key: &str, second: &str) -> Result<(), Stop> {
        if self.given.insert(attribute) { Ok(()) } else { Err(Stop::garbage(key, second)) }
    }

    fn take(
        &mut self,
        key: &'static str,
        attribute: &'static str,
        word: &str,
        words: &mut Words<'_>,
    ) -> Result<(), Stop> {
        let on = !key.starts_with("no");
        match attribute {
            "learning" | "proxy" | "rsc" | "l2miss" | "l3miss" | "udpcsum" | "udp6zerocsumtx"
            | "udp6zerocsumrx" | "remcsumtx" | "remcsumrx" | "external" | "gbp" | "gpe" => {
                self.once(attribute, word, word)?;
                self.switch(attribute, on)
            }
            "group" => self.destination(key, words),
            "srcport" => {
                let low = words.value()?;
                self.once(attribute, attribute, low)?;
                let low = number::unsigned(low).ok_or_else(|| Stop::wrong("min port", low))?;
                let high = words.value()?;
                let high = number::unsigned(high).ok_or_else(|| Stop::wrong("max port", high))?;
                self.request.source_ports = Some((low, high));
                Ok(())
            }
            _ => {
                let value = words.value()?;
                self.once(attribute, attribute, value)?;
                self.value(attribute, value)
            }
        }
    }

    fn switch(&mut self, attribute: &'static str, on: bool) -> Result<(), Stop> {
        let request = &mut self.request;
        match attribute {
            "learning" => request.learning = Some(on),
            "proxy" => request.proxy = Some(on),
            "rsc" => request.rsc = Some(on),
            "l2miss" => request.l2miss = Some(on),
            "l3miss" => request.l3miss = Some(on),
            "udpcsum" => request.udp_checksum = Some(on),
            "udp6zerocsumtx" => request.udp6_zero_checksum_tx = Some(on),
            "udp6zerocsumrx" => request.udp6_zero_checksum_rx = Some(on),
            "external" => request.external = Some(on),
            "gbp" => request.gbp = true,
            "gpe" => request.gpe = true,
            other => return Err(not_simulated(other)),
        }
        Ok(())
    }

    fn destination(&mut self, key: &'static str, words: &mut Words<'_>) -> Result<(), Stop> {
        let group = key == "group";
        let multicast = |address: &IpAddr| address.is_multicast();
        if self
            .request
            .remote
            .as_ref()
            .is_some_and(|other| !other.is_unspecified() && multicast(other) != group)
        {
            return Err(Stop::fail(1, "vxlan: both group and remote cannot be specified\n"));
        }
        let value = words.value()?;
        self.once("group", key, value)?;
        let family = self.request.local.map_or(Family::Unspec, Family::of);
        let destination = address(value, family)?;
        if group && !multicast(&destination) {
            return Err(Stop::wrong("invalid group address", value));
        }
        if !group && (multicast(&destination) || destination.is_unspecified()) {
            return Err(Stop::wrong("invalid remote address", value));
        }
        self.request.remote = Some(destination);
        Ok(())
    }

    fn value(&mut self, attribute: &'static str, value: &str) -> Result<(), Stop> {
        let request = &mut self.request;
        match attribute {
            "id" => {
                let vni = number::unsigned::<u32>(value).filter(|vni| *vni < 1 << 24);
                request.id = Some(vni.ok_or_else(|| Stop::wrong("invalid id", value))?);
            }
            "local" => {
                let family = request.remote.map_or(Family::Unspec, Family::of);
                let local = address(value, family)?;
                if local.is_multicast() || local.is_unspecified() {
                    return Err(Stop::wrong("invalid local address", value));
                }
                request.local = Some(local);
            }
            "dev" => {
                let index = self.context.snapshot.index(value);
                let stop = || Stop::exit(255, format!("Cannot find device \"{value}\"\n"));
                request.link = Some(index.ok_or_else(stop)?);
            }
            "ttl" => match value {
                "inherit" => request.ttl_inherit = Some(true),
                "auto" => request.ttl = Some(0),
                _ => {
                    let ttl: u32 =
                        number::unsigned(value).ok_or_else(|| Stop::wrong("invalid TTL", value))?;
                    let ttl = u8::try_from(ttl).map_err(|_| Stop::wrong("TTL must be <= 255", value))?;
                    request.ttl = Some(ttl);
                }
            },
            "tos" => {
                request.tos = Some(match value {
                    "inherit" => 1,
                    _ => self.context.ds_field(value).ok_or_else(|| Stop::wrong("bad TOS value", value))?,
                });
            }
            "df" => {
                let which = ["unset", "set", "inherit"].iter().position(|word| *word == value);
                let stop = || Stop::wrong("DF must be 'unset', 'set' or 'inherit'", value);
                request.df = Some(which.ok_or_else(stop)? as u8);
            }
            "flowlabel" => {
                let label = number::unsigned::<u32>(value).filter(|label| label & !0xf_ffff == 0);
                request.flow_label = Some(label.ok_or_else(|| Stop::wrong("invalid flowlabel", value))?);
            }
            "ageing" => {
                request.ageing = Some(match value {
                    "none" => 0,
                    _ => number::unsigned(value).ok_or_else(|| Stop::wrong("ageing timer", value))?,
                });
            }
            "maxaddress" => {
                request.max_address = Some(match value {
                    "unlimited" => 0,
                    _ => number::unsigned(value).ok_or_else(|| Stop::wrong("max addresses", value))?,
                });
            }
            _ => {
                let port = number::unsigned(value).ok_or_else(|| Stop::wrong("dst port", value))?;
                request.destination_port = Some(port);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<VxlanRequest, Stop> {
        let creates = self.context.creates;
        let external = self.request.external == Some(true);
        let has = |attribute| self.given.contains(attribute);
        if external && has("id") {
            return Err(Stop::fail(1, "vxlan: both 'external' and vni cannot be specified\n"));
        }
        if !external && !has("id") && creates {
            return Err(Stop::fail(1, "vxlan: missing virtual network identifier\n"));
        }
        if self.request.remote.is_some_and(|it| it.is_multicast()) && !has("dev") {
            return Err(Stop::fail(1, "vxlan: 'group' requires 'dev' to be specified\n"));
        }
        if !has("dstport") && self.request.gpe {
            self.request.destination_port = Some(4790);
        } else if !has("dstport") && creates {
            self.context.warn(NO_PORT);
        }
        if external {
            self.request.learning = Some(false);
        } else if creates && self.request.learning.is_none() {
            self.request.learning = Some(true);
        }
        Ok(self.request)
    }
}

pub fn print(out: &mut Printer, info: &VxlanInfo, snapshot: &Snapshot) {
    let flag = |out: &mut Printer, on: bool, json: &str, text: &str| {
        if on {
            out.field(json, true, format_args!("{text} "));
        }
    };
    flag(out, info.external, "external", "external");
    if !info.external {
        out.field("id", info.id, format_args!("id {} ", info.id));
    }
    let end = |out: &mut Printer, name: &str, end: Option<IpAddr>| {
        if let Some(end) = end.filter(|end| !end.is_unspecified()) {
            let text = prefix::text(end);
            let json = if end.is_ipv6() { format!("{name}6") } else { name.to_owned() };
            out.field(&json, &text, format_args!("{name} {text} "));
        }
    };
    let multicast = info.remote.is_some_and(|remote| remote.is_multicast());
    end(out, if multicast { "group" } else { "remote" }, info.remote);
    end(out, "local", info.local);
    if info.link != 0 {
        let name = snapshot.name(info.link);
        out.field("link", &name, format_args!("dev {name} "));
    }
    out.open_object(Some("port_range"));
    out.json("low", info.source_ports.0);
    out.json("high", info.source_ports.1);
    out.close_object();
    out.text(format_args!("srcport {} {} ", info.source_ports.0, info.source_ports.1));
    out.field("port", info.destination_port, format_args!("dstport {} ", info.destination_port));
    out.json("learning", info.learning);
    if !info.learning {
        out.text("nolearning ");
    }
    flag(out, info.proxy, "proxy", "proxy");
    flag(out, info.rsc, "rsc", "rsc");
    flag(out, info.l2miss, "l2miss", "l2miss");
    flag(out, info.l3miss, "l3miss", "l3miss");
    print_header(out, info);
    for (on, json, text) in [
        (info.udp_checksum, "udp_csum", "udpcsum"),
        (info.udp6_zero_checksum_tx, "udp_zero_csum6_tx", "udp6zerocsumtx"),
        (info.udp6_zero_checksum_rx, "udp_zero_csum6_rx", "udp6zerocsumrx"),
    ] {
        out.field(json, on, format_args!("{}{text} ", if on { "" } else { "no" }));
    }
    flag(out, info.gbp, "gbp", "gbp");
    flag(out, info.gpe, "gpe", "gpe");
}

/// What goes into the outer header, and how long entries live.
fn print_header(out: &mut Printer, info: &VxlanInfo) {
    if info.tos == 1 && !out.is_json() {
        out.text("tos inherit ");
    } else if info.tos != 0 {
        let tos = format!("{:#x}", info.tos);
        out.field("tos", &tos, format_args!("tos {tos} "));
    }
    if info.ttl_inherit {
        out.text("ttl inherit ");
    } else {
        out.json("ttl", info.ttl);
        match info.ttl {
            0 => out.text("ttl auto "),
            ttl => out.text(format_args!("ttl {ttl} ")),
        }
    }
    let df = ["unset", "set", "inherit"].get(usize::from(info.df)).copied().unwrap_or("unset");
    out.json("df", df);
    if info.df != 0 {
        out.text(format_args!("df {df} "));
    }
    if info.flow_label != 0 {
        let label = format!("{:#x}", info.flow_label);
        out.field("label", &label, format_args!("flowlabel {label} "));
    }
    match info.ageing {
        0 => out.field("ageing", 0u32, "ageing none "),
        age => out.field("ageing", age, format_args!("ageing {age} ")),
    }
    if info.max_address != 0 {
        out.field("limit", info.max_address, format_args!("maxaddr {} ", info.max_address));
    }
}
