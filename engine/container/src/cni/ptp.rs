//! ptp: a veth pair with the host as the container's only neighbour.
//!
//! Always: all traffic of the container goes by way of the host; the host has a route to each of its addresses.
//! Source: containernetworking/plugins 1.1.1 `plugins/main/ptp`.

use super::config::NetConf;
use super::delegate;
use super::error::{CniError, CniResult};
use super::link::{self, mac, text};
use super::masquerade::Masquerade;
use super::netns::{self, NoNetns};
use super::result::{Attachment, Interface};
use super::skel::Call;
use api::NetnsId;
use ipnet::IpNet;
use linux::Sys;
use net::Errno;
use net::rtnetlink::{LinkInfo, NexthopRequest, RouteRequest, scope};
use std::net::IpAddr;

struct Config {
    net: NetConf,
    masquerade: bool,
    mtu: u32,
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let read = || {
            let net = NetConf::parse(&call.stdin)?;
            let masquerade = net.fields().flag("ipMasq")?.unwrap_or_default();
            let mtu = u32::try_from(net.fields().number("mtu")?).unwrap_or_default();
            Ok(Config { net, masquerade, mtu })
        };
        read().map_err(|why: String| CniError::internal(format!("failed to load netconf: {why}")))
    }
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call)?;
    let mut result = delegate::add(sys, &config.net.ipam, call, &call.stdin).await?;
    if let Err(error) = set_up(sys, call, &config, &mut result).await {
        delegate::delete(sys, &config.net.ipam, call, &call.stdin).await.ok();
        return Err(error);
    }
    if config.net.dns.is_some() {
        result.dns.clone_from(&config.net.dns);
    }
    Ok(result.print(&config.net.version)?)
}

async fn set_up(sys: &Sys, call: &Call, config: &Config, result: &mut Attachment) -> CniResult<()> {
    if result.addresses.is_empty() {
        return Err(CniError::internal("IPAM plugin returned missing IP config"));
    }
    for is_v4 in [true, false] {
        if result.addresses.iter().any(|it| it.address.addr().is_ipv4() == is_v4) {
            let done = link::enable_forwarding(sys, is_v4).await;
            done.map_err(|error| error.within("Could not enable IP forwarding"))?;
        }
    }
    let host = netns::own(sys).await;
    let container = netns::open(sys, &call.netns).await?;
    let (outer, inner) = link::veth_pair(sys, (container, host), &call.ifname, config.mtu, None).await?;
    result.addresses.iter_mut().for_each(|it| it.interface = Some(1));
    result.interfaces = vec![
        Interface { name: outer.name.clone(), mac: mac(&outer), sandbox: String::new() },
        Interface { name: inner.name.clone(), mac: mac(&inner), sandbox: call.netns.clone() },
    ];
    link::configure(sys, container, &call.ifname, result).await?;
    for it in &result.addresses {
        let gateway = it.gateway.ok_or_else(|| CniError::internal("IPAM plugin returned no gateway"))?;
        only_by_gateway(sys, container, inner.index, it.address, gateway).await?;
        let added = link::add_address(sys, host, outer.index, IpNet::from(gateway)).await;
        added.map_err(|error| format!("failed to add IP addr ({gateway}) to veth: {}", text(&error)))?;
        let mut route = RouteRequest::new(IpNet::from(it.address.addr())).dev(outer.index);
        route.scope = Some(scope::HOST);
        match link::add_route(sys, host, route).await {
            Err(error) if error.errno != Errno::EEXIST => {
                return Err(format!("failed to add route on host: {}", text(&error)).into());
            }
            _ => {}
        }
    }
    if config.masquerade {
        let rules = Masquerade::new(&config.net.name, &call.container);
        for it in &result.addresses {
            rules.set_up(sys, it.address).await?;
        }
    }
    Ok(())
}

/// In the place of the route that came with the address: the gateway on the link, the rest of the network by way of it.
async fn only_by_gateway(
    sys: &Sys,
    container: NetnsId,
    index: u32,
    address: IpNet,
    gateway: IpAddr,
) -> CniResult<()> {
    let direct = RouteRequest::new(address.trunc()).dev(index);
    let deleted = sys.net(move |net, _| net.route_delete(container, &direct)).await;
    let network = address.trunc();
    deleted.map_err(|error| format!("failed to delete route {network}: {}", text(&error)))?;
    let mut to_gateway = RouteRequest::new(IpNet::from(gateway)).dev(index);
    to_gateway.scope = Some(scope::LINK);
    let mut by_gateway = RouteRequest::new(network);
    let hop = NexthopRequest { gateway: Some(gateway), device: Some(index), ..NexthopRequest::default() };
    by_gateway.nexthops.push(hop);
    for mut route in [to_gateway, by_gateway] {
        route.prefsrc = Some(address.addr());
        let destination = route.destination;
        let added = link::add_route(sys, container, route).await;
        added.map_err(|error| format!("failed to add route {destination}: {}", text(&error)))?;
    }
    Ok(())
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    delegate::delete(sys, &config.net.ipam, call, &call.stdin).await?;
    if call.netns.is_empty() {
        return Ok(());
    }
    let container = match netns::find(sys, &call.netns).await {
        Ok(netns) => netns,
        Err(NoNetns::Gone(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let held = link::delete_by_name(sys, container, &call.ifname).await?;
    if config.masquerade {
        let rules = Masquerade::new(&config.net.name, &call.container);
        for address in held {
            rules.tear_down(sys, address).await?;
        }
    }
    Ok(())
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    let container = netns::open(sys, &call.netns).await?;
    delegate::check(sys, &config.net.ipam, call, &call.stdin).await?;
    let Some(previous) = config.net.previous() else {
        return Err(CniError::internal("ptp: Required prevResult missing"));
    };
    let result = Attachment::read(previous, &config.net.version)?;
    let mut inside = result.interfaces.iter();
    let Some(inner) = inside.rfind(|it| it.name == call.ifname && it.sandbox == call.netns) else {
        let netns = &call.netns;
        let words = format!("Sandbox in prevResult  doesn't match configured netns: {netns}");
        return Err(CniError::internal(words));
    };
    let name = &inner.name;
    let link = link::by_name(sys, container, name).await.ok_or_else(|| {
        CniError::internal(format!("ptp: Container Interface name in prevResult: {name} not found"))
    })?;
    if link.kind != LinkInfo::Veth {
        let words = format!("Error: Container interface {name} not of type veth/p2p");
        return Err(CniError::internal(words));
    }
    if !inner.mac.is_empty() && inner.mac != mac(&link) {
        let (recorded, held) = (&inner.mac, mac(&link));
        let words = format!("ptp: Interface {name} Mac {recorded} doesn't match container Mac: {held}");
        return Err(CniError::internal(words));
    }
    link::check_addresses(sys, container, &call.ifname, &result).await?;
    link::check_routes(sys, container, &result).await
}
