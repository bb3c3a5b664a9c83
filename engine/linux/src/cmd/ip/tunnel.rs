//! `ip tunnel`: IPv4 tunnels by the old words; of their modes only ipip is simulated.

use super::link::parse;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Run, Snapshot};
use crate::cmd::iproute2::{Color, Printer, Stop, Words, matches};
use net::rtnetlink::{Link, LinkInfo, LinkKind, LinkRequest, TunnelRequest};
use std::net::Ipv4Addr;

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/tunnel.txt"))
}

#[derive(Debug, Default)]
struct Parameters {
    name: Option<String>,
    ipip: bool,
    tunnel: TunnelRequest,
}

pub async fn tunnel(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let Some(verb) = words.next() else { return show(run, &Parameters::default(), &snapshot) };
    let is = |full| matches(verb, full);
    if is("add") {
        let wanted = read(run, &mut words, &snapshot)?;
        add(run, wanted).await
    } else if is("change") || is("prl") || is("6rd") {
        Err(Stop::not_simulated("ip", &format!("tunnel {verb}"), "ip tunnel del and add"))
    } else if is("delete") {
        let wanted = read(run, &mut words, &snapshot)?;
        delete(run, wanted, &snapshot).await
    } else if is("show") || is("lst") || is("list") {
        let wanted = read(run, &mut words, &snapshot)?;
        show(run, &wanted, &snapshot)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip tunnel help\"\n")))
    }
}

fn read(run: &Run, words: &mut Words<'_>, snapshot: &Snapshot) -> Result<Parameters, Stop> {
    let mut wanted = Parameters::default();
    let mut device = None;
    while let Some(word) = words.next() {
        match word {
            "mode" => match words.value()? {
                "ipip" | "ip/ip" => wanted.ipip = true,
                mode @ ("gre" | "gre/ip" | "sit" | "ipv6/ip" | "isatap" | "vti") => {
                    return Err(Stop::not_simulated("ip", &format!("tunnel mode {mode}"), "mode ipip"));
                }
                mode => return Err(Stop::exit(255, format!("Unknown tunnel mode \"{mode}\"\n"))),
            },
            "key" | "ikey" | "okey" | "seq" | "iseq" | "oseq" | "csum" | "icsum" | "ocsum" => {
                return Err(Stop::not_simulated("ip", word, "mode ipip"));
            }
            "nopmtudisc" => wanted.tunnel.path_mtu_discovery = Some(false),
            "pmtudisc" => wanted.tunnel.path_mtu_discovery = Some(true),
            "remote" => wanted.tunnel.remote = Some(end(words.value()?)?),
            "local" => wanted.tunnel.local = Some(end(words.value()?)?),
            "dev" => device = Some(words.value()?),
            "ttl" | "hoplimit" | "hlim" => match words.value()? {
                "inherit" => {}
                value => wanted.tunnel.ttl = Some(parse::number(value, "invalid TTL\n")?),
            },
            _ if word == "tos" || word == "tclass" || matches(word, "dsfield") => match words.value()? {
                "inherit" => wanted.tunnel.tos = Some(1),
                value => {
                    let tos = run.names.number(List::DsField, value).and_then(|tos| u8::try_from(tos).ok());
                    wanted.tunnel.tos = Some(tos.ok_or_else(|| Stop::wrong("bad TOS value", value))?);
                }
            },
            _ => {
                let name = match word {
                    "name" => words.value()?,
                    _ if matches(word, "help") => return Err(usage()),
                    _ => word,
                };
                if wanted.name.is_some() {
                    return Err(Stop::garbage("name", name));
                }
                if !parse::is_ifname(name) {
                    return Err(Stop::wrong("\"name\" not a valid ifname", name));
                }
                wanted.name = Some(name.to_owned());
            }
        }
    }
    wanted.ipip |= wanted.name.as_ref().is_some_and(|name| name.starts_with("ipip"));
    wanted.tunnel.link = device.map(|name| snapshot.device(name)).transpose()?;
    Ok(wanted)
}

/// `any` is no address.
fn end(word: &str) -> Result<Ipv4Addr, Stop> {
    if matches!(word, "any" | "all" | "default") { Ok(Ipv4Addr::UNSPECIFIED) } else { parse::ipv4(word) }
}

async fn add(run: &mut Run, wanted: Parameters) -> Result<(), Stop> {
    if wanted.tunnel.ttl.unwrap_or(0) != 0 && wanted.tunnel.path_mtu_discovery == Some(false) {
        return Err(Stop::fail(1, "ttl != 0 and nopmtudisc are incompatible\n"));
    }
    if !wanted.ipip {
        return Err(Stop::fail(1, "cannot determine tunnel mode (ipip, gre, vti or sit)\n"));
    }
    let name = wanted.name.clone();
    let request = LinkRequest {
        name: wanted.name,
        kind: Some(LinkKind::Ipip(wanted.tunnel)),
        ..LinkRequest::default()
    };
    let done = run.change(move |net, ns| net.link_add(ns, &request)).await;
    let shown = name.as_deref().unwrap_or("tunl0");
    done.map(|_| ())
        .map_err(|error| Stop::fail(1, format!("add tunnel \"{shown}\" failed: {}\n", error.errno)))
}

async fn delete(run: &mut Run, wanted: Parameters, snapshot: &Snapshot) -> Result<(), Stop> {
    let name = wanted.name.unwrap_or_else(|| "tunl0".to_owned());
    let link =
        snapshot.links.iter().find(|link| link.name == name && matches!(link.kind, LinkInfo::Ipip { .. }));
    let refusal = |error| Stop::fail(1, format!("delete tunnel \"{name}\" failed: {error}\n"));
    let index = link.map(|link| link.index).ok_or_else(|| refusal(net::Errno::ENODEV))?;
    run.change(move |net, ns| net.link_delete(ns, index)).await.map_err(|error| refusal(error.errno))
}

fn show(run: &mut Run, wanted: &Parameters, snapshot: &Snapshot) -> Result<(), Stop> {
    run.out.begin();
    for link in &snapshot.links {
        let LinkInfo::Ipip { local, remote, link: lower, .. } = &link.kind else { continue };
        let same =
            |asked: Option<Ipv4Addr>, is: &Ipv4Addr| asked.is_none_or(|it| it.is_unspecified() || it == *is);
        if wanted.name.as_ref().is_none_or(|name| *name == link.name)
            && same(wanted.tunnel.local, local)
            && same(wanted.tunnel.remote, remote)
            && wanted.tunnel.link.is_none_or(|index| index == *lower)
        {
            print(&mut run.out, link, snapshot);
        }
    }
    run.out.end();
    Ok(())
}

fn print(out: &mut Printer, link: &Link, snapshot: &Snapshot) {
    let LinkInfo::Ipip { local, remote, link: lower, ttl, tos, path_mtu_discovery } = &link.kind else {
        return;
    };
    let shown = |address: &Ipv4Addr| match address.is_unspecified() {
        true => "any".to_owned(),
        false => address.to_string(),
    };
    out.open_object(None);
    out.field_in(Some(Color::Ifname), "ifname", &link.name, format_args!("{}: ", link.name));
    out.field("mode", "ip/ip", "ip/ip ");
    out.text("remote ");
    out.field_in(Some(Color::Inet), "remote", &shown(remote), format_args!("{} ", shown(remote)));
    out.text("local ");
    out.field_in(Some(Color::Inet), "local", &shown(local), shown(local));
    if *lower != 0 {
        let name = snapshot.name(*lower);
        out.field("dev", &name, format_args!(" dev {name}"));
    }
    match ttl {
        0 => out.text(" ttl inherit"),
        ttl => out.field("ttl", *ttl, format_args!(" ttl {ttl}")),
    }
    match tos {
        0 => {}
        1 => out.text(" tos inherit"),
        tos => out.field("tos", &format!("{tos:#04x}"), format_args!(" tos {tos:#04x}")),
    }
    if !path_mtu_discovery {
        out.text(" nopmtudisc");
    }
    out.text("\n");
    out.close_object();
}
