//! The types of links: what may be asked of each (`type vxlan id 42 …`) and what `-details` tells.
//!
//! Always: a type this world has not is left to the kernel to refuse; an option it has not is refused here.

mod bridge;
pub mod bridge_slave;
mod macvlan;
mod vlan;
mod vxlan;

use super::parse;
use crate::cmd::iproute2::run::Snapshot;
use crate::cmd::iproute2::{Family, Printer, Stop, Words, matches};
use net::rtnetlink::{
    BridgeRequest, IpvlanFlag, IpvlanMode, Link, LinkInfo, LinkKind, LinkRequest, TunnelRequest, VlanRequest,
    VxlanRequest,
};

/// `linkinfo` of `ip -d link`.
pub fn print(out: &mut Printer, link: &Link, snapshot: &Snapshot) {
    out.open_object(Some("linkinfo"));
    if let Some(name) = link.kind.name() {
        out.line();
        out.field("info_kind", name, format_args!("    {name} "));
        if !matches!(link.kind, LinkInfo::Veth | LinkInfo::Dummy) {
            out.open_object(Some("info_data"));
            match &link.kind {
                LinkInfo::Bridge(info) => bridge::print(out, info),
                LinkInfo::Vxlan(info) => vxlan::print(out, info, snapshot),
                LinkInfo::Macvlan { mode } => macvlan::print(out, *mode),
                LinkInfo::Vlan { protocol, id, reorder_header } => {
                    vlan::print(out, *protocol, *id, *reorder_header);
                }
                LinkInfo::Ipvlan { mode, flag } => print_ipvlan(out, *mode, *flag),
                LinkInfo::Ipip { .. } => print_ipip(out, &link.kind, snapshot),
                LinkInfo::None | LinkInfo::Veth | LinkInfo::Dummy => {}
            }
            out.close_object();
        }
    }
    if let Some(port) = &link.port {
        out.line();
        out.field("info_slave_kind", "bridge", "    bridge_slave ");
        out.open_object(Some("info_slave_data"));
        bridge_slave::print(out, port);
        out.close_object();
    }
    out.close_object();
}

/// The usage of a type, where this world has that type.
pub fn usage(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "bridge" => include_str!("../../usage/type_bridge.txt"),
        "bridge_slave" => include_str!("../../usage/type_bridge_slave.txt"),
        "veth" => include_str!("../../usage/type_veth.txt"),
        "vxlan" => include_str!("../../usage/type_vxlan.txt"),
        "vlan" => include_str!("../../usage/type_vlan.txt"),
        "macvlan" => include_str!("../../usage/type_macvlan.txt"),
        "ipvlan" => include_str!("../../usage/type_ipvlan.txt"),
        "dummy" => include_str!("../../usage/type_dummy.txt"),
        "ipip" => include_str!("../../usage/type_ipip.txt"),
        _ => return None,
    })
}

/// An option that the real tool has and this world has not.
fn not_simulated(option: &str) -> Stop {
    Stop::not_simulated("ip", option, "the default")
}

/// What a link may not be asked: told with the usage, status 1.
fn unknown(text: String, kind: &str) -> Stop {
    Stop::fail(1, format!("{text}{}", usage(kind).unwrap_or_default()))
}

/// Reads what follows `type KIND`, into `request`.
pub fn parse(
    kind: &str,
    words: &mut Words<'_>,
    request: &mut LinkRequest,
    context: &parse::Context<'_>,
) -> Result<(), Stop> {
    match kind {
        "veth" => request.kind = Some(veth(words, context)?),
        "bridge" => {
            let mut bridge = BridgeRequest::default();
            bridge::parse(words, &mut bridge)?;
            request.kind = Some(LinkKind::Bridge(bridge));
        }
        "bridge_slave" => request.port = Some(bridge_slave::parse(words)?),
        "vxlan" => {
            // Without any option the kernel is asked, and says what is missing.
            let vxlan =
                if words.is_empty() { VxlanRequest::default() } else { vxlan::parse(words, context)? };
            request.kind = Some(LinkKind::Vxlan(Box::new(vxlan)));
        }
        "macvlan" => request.kind = Some(LinkKind::Macvlan { mode: macvlan::parse(words)? }),
        "vlan" => {
            let mut vlan = VlanRequest::default();
            vlan::parse(words, &mut vlan)?;
            request.kind = Some(LinkKind::Vlan(vlan));
        }
        "ipvlan" => request.kind = Some(ipvlan(words)?),
        "ipip" => request.kind = Some(LinkKind::Ipip(ipip(words, context)?)),
        "dummy" => request.kind = Some(LinkKind::Dummy),
        other => {
            // `ip` knows the options of more types than this kernel; the kernel's refusal is what counts.
            request.kind = Some(LinkKind::Unknown(other.to_owned()));
        }
    }
    Ok(())
}

fn veth(words: &mut Words<'_>, context: &parse::Context<'_>) -> Result<LinkKind, Stop> {
    let mut peer = LinkRequest::default();
    match words.next() {
        None => {}
        Some("peer") => {
            let parsed = parse::link(words, &context.for_peer())?;
            if parsed.kind.is_some() {
                return Err(Stop::second("type", words.peek().unwrap_or_default()));
            }
            if parsed.no_process {
                return Err(Stop::fail(2, "RTNETLINK answers: No such process\n"));
            }
            peer = parsed.request;
        }
        Some(_) => return Err(unknown(String::new(), "veth")),
    }
    Ok(LinkKind::Veth { peer: Box::new(peer) })
}

fn ipvlan(words: &mut Words<'_>) -> Result<LinkKind, Stop> {
    let (mut mode, mut flag) = (None, None);
    while let Some(word) = words.next() {
        if matches(word, "mode") {
            mode = Some(match words.value()? {
                "l2" => IpvlanMode::L2,
                "l3" => IpvlanMode::L3,
                "l3s" => IpvlanMode::L3s,
                _ => {
                    let text = "Error: argument of \"mode\" must be either \"l2\", \"l3\" or \"l3s\"\n";
                    return Err(Stop::fail(1, text));
                }
            });
        } else if matches(word, "private") && flag.is_none() {
            flag = Some(IpvlanFlag::Private);
        } else if matches(word, "vepa") && flag.is_none() {
            flag = Some(IpvlanFlag::Vepa);
        } else if matches(word, "bridge") && flag.is_none() {
            flag = Some(IpvlanFlag::Bridge);
        } else if matches(word, "help") {
            return Err(unknown(String::new(), "ipvlan"));
        } else {
            return Err(unknown(format!("ipvlan: unknown option \"{word}\"?\n"), "ipvlan"));
        }
    }
    Ok(LinkKind::Ipvlan { mode, flag })
}

fn print_ipvlan(out: &mut Printer, mode: IpvlanMode, flag: IpvlanFlag) {
    let mode = match mode {
        IpvlanMode::L2 => "l2",
        IpvlanMode::L3 => "l3",
        IpvlanMode::L3s => "l3s",
    };
    out.field("mode", mode, format_args!(" mode {mode} "));
    let flag = match flag {
        IpvlanFlag::Bridge => "bridge",
        IpvlanFlag::Private => "private",
        IpvlanFlag::Vepa => "vepa",
    };
    out.field("mode_flag", flag, format_args!("{flag} "));
}

/// `local`, `remote`, `dev`, `ttl`, `tos`, `pmtudisc`; the rest of the real tool's is not simulated.
fn ipip(words: &mut Words<'_>, context: &parse::Context<'_>) -> Result<TunnelRequest, Stop> {
    let mut tunnel = TunnelRequest::default();
    while let Some(word) = words.next() {
        match word {
            "remote" | "local" => {
                let value = words.value()?;
                let end = match value {
                    "any" => std::net::Ipv4Addr::UNSPECIFIED,
                    value => parse::ipv4(value)?,
                };
                *(if word == "remote" { &mut tunnel.remote } else { &mut tunnel.local }) = Some(end);
            }
            "dev" => {
                let name = words.value()?;
                let index = context
                    .snapshot
                    .index(name)
                    .ok_or_else(|| Stop::exit(255, format!("Cannot find device \"{name}\"\n")))?;
                tunnel.link = Some(index);
            }
            "ttl" | "hoplimit" | "hlim" => {
                tunnel.ttl = Some(match words.value()? {
                    "inherit" => 0,
                    value => parse::number(value, "invalid TTL")?,
                });
            }
            "tos" | "dsfield" | "tclass" => {
                tunnel.tos = Some(match words.value()? {
                    "inherit" => 1,
                    value => context.ds_field(value).ok_or_else(|| Stop::wrong("bad TOS value", value))?,
                });
            }
            "pmtudisc" => tunnel.path_mtu_discovery = Some(true),
            "nopmtudisc" => tunnel.path_mtu_discovery = Some(false),
            "help" => return Err(unknown(String::new(), "ipip")),
            "mode" | "6rd-prefix" | "external" | "noencap" | "encap" | "fwmark" | "ignore-df" => {
                return Err(not_simulated(word));
            }
            _ => return Err(unknown(String::new(), "ipip")),
        }
    }
    Ok(tunnel)
}

fn print_ipip(out: &mut Printer, kind: &LinkInfo, snapshot: &Snapshot) {
    let LinkInfo::Ipip { local, remote, link, ttl, tos, path_mtu_discovery } = kind else { return };
    let end = |address: &std::net::Ipv4Addr| match address.is_unspecified() {
        true => "any".to_owned(),
        false => address.to_string(),
    };
    out.field("proto", "ipip", "ipip ");
    out.field("remote", &end(remote), format_args!("remote {} ", end(remote)));
    out.field("local", &end(local), format_args!("local {} ", end(local)));
    if *link != 0 {
        let name = snapshot.name(*link);
        out.field("link", &name, format_args!("dev {name} "));
    }
    match ttl {
        0 => out.text("ttl inherit "),
        ttl => out.field("ttl", *ttl, format_args!("ttl {ttl} ")),
    }
    match tos {
        0 => {}
        1 => out.text("tos inherit "),
        tos => out.field("tos", &format!("{tos:#x}"), format_args!("tos {tos:#x} ")),
    }
    out.json("pmtudisc", *path_mtu_discovery);
    out.text(if *path_mtu_discovery { "pmtudisc " } else { "nopmtudisc " });
}

/// As the real tool reads an address of a tunnel or VXLAN.
fn address(word: &str, family: Family) -> Result<std::net::IpAddr, Stop> {
    crate::cmd::iproute2::Prefix::address(word, family).map(|prefix| prefix.ip())
}
