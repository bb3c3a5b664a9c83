//! Links, addresses and routes, as plugins ask the kernel for them.
//!
//! Always: each call is one rtnetlink request in the namespace that is named.
//! Source: containernetworking/plugins 1.1.1 `pkg/ip`, `pkg/ipam`; vishvananda/netlink (broadcast, scopes).

use super::error::{CniError, CniResult, words};
use super::netns::write_sysctl;
use super::result::{Address, Attachment};
use api::NetnsId;
use ipnet::IpNet;
use linux::{OpenFlags, Sys};
use net::rtnetlink::{
    AddressRequest, Family, Link, LinkAddress, LinkKind, LinkRequest, Mode, NetlinkError, RouteRequest,
};
use net::{Errno, Mac};
use std::net::IpAddr;

/// How often another name is tried for the host's end.
const NAMES: usize = 10;
/// `IFNAMSIZ` without its end.
const NAME_BYTES: usize = 15;
/// `calcBroadcast` leaves out networks with no room for one.
const BROADCAST_PREFIX: u8 = 31;

pub fn text(error: &NetlinkError) -> String {
    words(error.errno)
}

pub fn mac(link: &Link) -> String {
    match link.address {
        LinkAddress::Ether(mac) => mac.to_string(),
        LinkAddress::Ipv4(address) => address.to_string(),
    }
}

pub async fn by_name(sys: &Sys, netns: NetnsId, name: &str) -> Option<Link> {
    let name = name.to_owned();
    sys.net(move |net, _| net.link_by_name(netns, &name).ok()).await
}

/// By name; `what` goes ahead of the words.
pub async fn lookup(sys: &Sys, netns: NetnsId, name: &str) -> CniResult<Link> {
    let link = by_name(sys, netns, name).await;
    link.ok_or_else(|| CniError::internal(format!("failed to lookup \"{name}\": Link not found")))
}

pub async fn add(sys: &Sys, netns: NetnsId, request: LinkRequest) -> Result<(), NetlinkError> {
    // The attribute's policy refuses a longer one, before rtnetlink looks at it.
    if request.name.as_ref().is_some_and(|name| name.len() > NAME_BYTES) {
        return Err(Errno::ERANGE.into());
    }
    sys.net(move |net, _| net.link_add(netns, &request).map(drop)).await
}

pub async fn set(sys: &Sys, netns: NetnsId, request: LinkRequest) -> Result<(), NetlinkError> {
    sys.net(move |net, _| net.link_set(netns, &request)).await
}

pub async fn set_up(sys: &Sys, netns: NetnsId, link: &Link) -> Result<(), NetlinkError> {
    set(sys, netns, LinkRequest { index: Some(link.index), up: Some(true), ..LinkRequest::default() }).await
}

pub async fn addresses(sys: &Sys, netns: NetnsId, index: u32) -> Vec<IpNet> {
    let rows = sys
        .net(move |net, _| {
            let mut rows = net.addresses(netns, Family::Inet);
            rows.extend(net.addresses(netns, Family::Inet6));
            rows
        })
        .await;
    let of_link = rows.into_iter().filter(|row| row.index == index);
    of_link.filter_map(|row| IpNet::new(row.local, row.prefix).ok()).collect()
}

/// With the network's broadcast address, where it has room for one.
pub async fn add_address(sys: &Sys, netns: NetnsId, index: u32, address: IpNet) -> Result<(), NetlinkError> {
    let mut request = AddressRequest::new(index, address.addr(), address.prefix_len());
    if let (IpNet::V4(v4), true) = (address, address.prefix_len() < BROADCAST_PREFIX) {
        request.broadcast = Some(v4.broadcast());
    }
    sys.net(move |net, _| net.address_add(netns, &request, Mode::Add)).await
}

pub async fn add_route(sys: &Sys, netns: NetnsId, request: RouteRequest) -> Result<(), NetlinkError> {
    sys.net(move |net, _| net.route_add(netns, &request)).await
}

/// A veth pair made in the container's namespace with its other end on the host, which is brought up.
pub async fn veth_pair(
    sys: &Sys,
    (container, host): (NetnsId, NetnsId),
    name: &str,
    mtu: u32,
    mac: Option<Mac>,
) -> CniResult<(Link, Link)> {
    let failed =
        |error: &NetlinkError| CniError::internal(format!("failed to make veth pair: {}", text(error)));
    for _ in 0..NAMES {
        let peer = random_name(sys).await?;
        // The real one says nothing of its queue, which its library takes for none.
        let (mtu, txqlen) = ((mtu > 0).then_some(mtu), Some(0));
        let other = LinkRequest {
            name: Some(peer.clone()),
            netns: Some(host),
            mtu,
            txqlen,
            ..LinkRequest::default()
        };
        let kind = Some(LinkKind::Veth { peer: Box::new(other) });
        let request =
            LinkRequest { name: Some(name.to_owned()), mtu, txqlen, mac, kind, ..LinkRequest::default() };
        match add(sys, container, request).await {
            Ok(()) => {}
            Err(error) if error.errno == Errno::EEXIST => {
                if by_name(sys, host, &peer).await.is_some() {
                    continue;
                }
                let words = format!("container veth name provided ({name}) already exists");
                return Err(CniError::internal(words));
            }
            Err(error) => return Err(failed(&error)),
        }
        let inner = lookup(sys, container, name).await?;
        let outer = lookup(sys, host, &peer).await?;
        let set = set_up(sys, host, &outer).await;
        set.map_err(|error| CniError::internal(format!("failed to set \"{peer}\" up: {}", text(&error))))?;
        write_sysctl(sys, host, &format!("net/ipv6/conf/{peer}/accept_ra"), "0").await.ok();
        return Ok((outer, inner));
    }
    Err(CniError::internal("failed to find a unique veth name"))
}

/// `veth` and eight hexadecimal digits.
async fn random_name(sys: &Sys) -> CniResult<String> {
    let failed = |errno| CniError::internal(format!("failed to generate random veth name: {}", words(errno)));
    let random = sys.open("/dev/urandom", OpenFlags::READ).await.map_err(failed)?;
    let bytes = sys.read(random, 4).await.map_err(failed)?;
    sys.close(random).await.map_err(failed)?;
    Ok(bytes.iter().fold("veth".to_owned(), |name, byte| format!("{name}{byte:02x}")))
}

/// `ConfigureIface`: addresses, up, routes.
pub async fn configure(sys: &Sys, netns: NetnsId, name: &str, result: &Attachment) -> CniResult<()> {
    if result.interfaces.is_empty() {
        return Err(CniError::internal("no interfaces to configure"));
    }
    let link = lookup(sys, netns, name).await?;
    let mut gateways: [Option<IpAddr>; 2] = [None, None];
    for it in &result.addresses {
        let Some(index) = it.interface else { continue };
        if result.interfaces.get(index).is_none_or(|interface| interface.name != name) {
            let shown = it.address;
            let words = format!("failed to add IP addr {shown} to \"{name}\": invalid interface index");
            return Err(CniError::internal(words));
        }
        if it.address.addr().is_ipv6() {
            for device in ["lo", name] {
                let key = format!("net/ipv6/conf/{device}/disable_ipv6");
                write_sysctl(sys, netns, &key, "0").await.ok();
            }
        }
        let added = add_address(sys, netns, link.index, it.address).await;
        added.map_err(|error| {
            let (shown, why) = (shown(it), text(&error));
            CniError::internal(format!("failed to add IP addr {shown} to \"{name}\": {why}"))
        })?;
        let family = usize::from(it.address.addr().is_ipv6());
        gateways[family] = gateways[family].or(it.gateway);
    }
    let set = set_up(sys, netns, &link).await;
    set.map_err(|error| CniError::internal(format!("failed to set \"{name}\" UP: {}", text(&error))))?;
    for route in &result.routes {
        let gateway = route.gateway.or(gateways[usize::from(route.destination.addr().is_ipv6())]);
        let mut request = RouteRequest::new(route.destination);
        request.mode = Mode::Prepend;
        if let Some(gateway) = gateway {
            request = request.via(gateway);
        }
        let added = add_route(sys, netns, request.dev(link.index)).await;
        added.map_err(|error| {
            let via = gateway.map_or("<nil>".to_owned(), |it| it.to_string());
            let (destination, why) = (route.destination, text(&error));
            CniError::internal(format!("failed to add route '{destination} via {via} dev {name}': {why}"))
        })?;
    }
    Ok(())
}

/// As Go prints an `IPConfig`.
fn shown(it: &Address) -> String {
    let gateway = it.gateway.map_or("<nil>".to_owned(), |it| it.to_string());
    let (ip, mask) = (it.address.addr(), it.address.netmask());
    let mask: String = match mask {
        IpAddr::V4(v4) => v4.octets().iter().map(|byte| format!("{byte:02x}")).collect(),
        IpAddr::V6(v6) => v6.octets().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    format!("{{Interface:{} Address:{{IP:{ip} Mask:{mask}}} Gateway:{gateway}}}", it.interface.unwrap_or(0))
}

/// Takes the link away and tells what global addresses it had; nothing where there is no such link.
pub async fn delete_by_name(sys: &Sys, netns: NetnsId, name: &str) -> CniResult<Vec<IpNet>> {
    let Some(link) = by_name(sys, netns, name).await else { return Ok(Vec::new()) };
    let held = addresses(sys, netns, link.index).await;
    let deleted = sys.net(move |net, _| net.link_delete(netns, link.index)).await;
    deleted.map_err(|error| CniError::internal(format!("failed to delete \"{name}\": {}", text(&error))))?;
    Ok(held.into_iter().filter(|it| is_global(it.addr())).collect())
}

/// `IsGlobalUnicast`
fn is_global(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(is_link_local || address.is_loopback() || address.is_multicast() || address.is_unspecified())
}

/// Writes a one to what lets the machine forward packets of a family, if it is not there.
pub async fn enable_forwarding(sys: &Sys, is_v4: bool) -> CniResult<()> {
    let path = match is_v4 {
        true => "/proc/sys/net/ipv4/ip_forward",
        false => "/proc/sys/net/ipv6/conf/all/forwarding",
    };
    if sys.read_file(path).await.is_ok_and(|bytes| bytes.trim_ascii() == b"1") {
        return Ok(());
    }
    sys.write_file(path, b"1").await.map_err(|errno| super::error::file_error("open", path, errno))
}

/// CHECK: the interface has the addresses of the result.
pub async fn check_addresses(sys: &Sys, netns: NetnsId, name: &str, result: &Attachment) -> CniResult<()> {
    let Some(link) = by_name(sys, netns, name).await else {
        return Err(CniError::internal(format!("Cannot find container link {name}")));
    };
    let held = addresses(sys, netns, link.index).await;
    for it in &result.addresses {
        if !held.contains(&it.address) {
            let words = format!("Failed to match addr {} on interface {name}", it.address);
            return Err(CniError::internal(words));
        }
    }
    Ok(())
}

/// CHECK: the namespace has the routes of the result.
pub async fn check_routes(sys: &Sys, netns: NetnsId, result: &Attachment) -> CniResult<()> {
    for route in &result.routes {
        let family = Family::of(route.destination.addr());
        let rows = sys.net(move |net, _| net.routes(netns, family, None)).await.unwrap_or_default();
        let is_it = |row: &net::rtnetlink::Route| {
            row.destination.trunc() == route.destination
                && route.gateway.is_none_or(|it| row.nexthops.iter().any(|hop| hop.gateway == Some(it)))
        };
        if !rows.iter().any(is_it) {
            let (destination, gateway) = (route.destination, route.gateway);
            let gateway = gateway.map_or("<nil>".to_owned(), |it| it.to_string());
            let words =
                format!("Expected Route {{Dst:{destination} GW:{gateway}}} not found in routing table");
            return Err(CniError::internal(words));
        }
    }
    Ok(())
}
