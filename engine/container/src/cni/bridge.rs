//! bridge: a veth pair between the container and a Linux bridge on the host.
//!
//! Always: a bridge that is there is used as it is; with `isGateway` it has the network's gateway address and keeps its
//! own MAC.
//! Differs from the real plugin: `vlan` and `macspoofchk` are not simulated.
//! Source: containernetworking/plugins 1.1.1 `plugins/main/bridge`.

use super::config::{NetConf, argument};
use super::delegate;
use super::error::{CniError, CniResult, words};
use super::link::{self, mac, text};
use super::masquerade::Masquerade;
use super::netns::{self, NoNetns, write_sysctl};
use super::result::{Attachment, Interface, Route};
use super::skel::Call;
use api::NetnsId;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use linux::Sys;
use net::rtnetlink::{
    AddressRequest, BridgeRequest, Link, LinkInfo, LinkKind, LinkRequest, OperState, PortRequest,
};
use net::{Errno, Mac};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const BRIDGE: &str = "cni0";
/// Index of the container's interface in the result.
const CONTAINER: usize = 2;
/// Times to wait for the port's carrier.
const PATIENCE: [u64; 5] = [0, 50, 500, 1000, 1000];

struct Config {
    net: NetConf,
    bridge: String,
    is_gateway: bool,
    is_default_gateway: bool,
    force_address: bool,
    masquerade: bool,
    mtu: u32,
    hairpin: bool,
    promiscuous: bool,
    dad: bool,
    mac: Option<String>,
}

impl Config {
    fn parse(call: &Call) -> CniResult<Config> {
        let net = NetConf::parse(&call.stdin).map_err(|why| format!("failed to load netconf: {why}"))?;
        let config = Config::read(net, call).map_err(|why| format!("failed to load netconf: {why}"))?;
        let vlan = config.net.fields().number("vlan").unwrap_or_default();
        if !(0..=4094).contains(&vlan) {
            let words = format!("invalid VLAN ID {vlan} (must be between 0 and 4094)");
            return Err(CniError::internal(words));
        }
        let missing = [("vlan", vlan != 0), ("macspoofchk", config.net.value["macspoofchk"] == true)];
        match missing.iter().find(|(_, is_set)| *is_set) {
            Some((name, _)) => {
                Err(CniError::internal(format!("{name}: not simulated in vethlab; leave it out")))
            }
            None => Ok(config),
        }
    }

    fn read(net: NetConf, call: &Call) -> Result<Config, String> {
        let fields = net.fields();
        let flag = |name: &str| Ok::<bool, String>(fields.flag(name)?.unwrap_or_default());
        fields.number("vlan")?;
        let set = |text: String| (!text.is_empty()).then_some(text);
        let asked = fields.object("args", "struct")?.object("cni", "BridgeArgs")?.text("mac")?;
        let told = fields.object("runtimeConfig", "struct")?.text("mac")?;
        let mac = set(told).or(set(asked)).or(argument(&call.arguments, "MAC")?);
        Ok(Config {
            bridge: set(fields.text("bridge")?).unwrap_or_else(|| BRIDGE.to_owned()),
            is_gateway: flag("isGateway")? || flag("isDefaultGateway")?,
            is_default_gateway: flag("isDefaultGateway")?,
            force_address: flag("forceAddress")?,
            masquerade: flag("ipMasq")?,
            mtu: u32::try_from(fields.number("mtu")?).unwrap_or_default(),
            hairpin: flag("hairpinMode")?,
            promiscuous: flag("promiscMode")?,
            dad: flag("enabledad")?,
            mac,
            net: net.clone(),
        })
    }
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let config = Config::parse(call)?;
    if config.hairpin && config.promiscuous {
        let words = "cannot set hairpin mode and promiscuous mode at the same time.";
        return Err(CniError::internal(words));
    }
    let host = netns::own(sys).await;
    let bridge = ensure_bridge(sys, host, &config).await;
    let bridge =
        bridge.map_err(|error| error.within(&format!("failed to create bridge \"{}\"", config.bridge)))?;
    let container = netns::open(sys, &call.netns).await?;
    let (outer, inner) = attach(sys, (container, host), &bridge, &config, &call.ifname).await?;
    let on_host = |link: &Link| Interface { name: link.name.clone(), mac: mac(link), sandbox: String::new() };
    let mut result = Attachment {
        interfaces: vec![on_host(&bridge), on_host(&outer), on_host(&inner)],
        ..Attachment::default()
    };
    result.interfaces[CONTAINER].sandbox.clone_from(&call.netns);
    if config.net.ipam.is_empty() {
        let up = link::set_up(sys, container, &inner).await;
        let name = &call.ifname;
        up.map_err(|error| format!("failed to set \"{name}\" up: {}", text(&error)))?;
    } else {
        let ipam = delegate::add(sys, &config.net.ipam, call, &call.stdin).await?;
        if let Err(error) = layer3(sys, (container, host), &config, call, ipam, &mut result).await {
            delegate::delete(sys, &config.net.ipam, call, &call.stdin).await.ok();
            return Err(error);
        }
    }
    // Its address may have changed with its ports.
    result.interfaces[0].mac = mac(&bridge_by_name(sys, host, &config.bridge).await?);
    result.dns = config.net.dns.clone();
    Ok(result.print(&config.net.version)?)
}

/// What the container has of the IP layer, and the bridge as its gateway.
async fn layer3(
    sys: &Sys,
    (container, host): (NetnsId, NetnsId),
    config: &Config,
    call: &Call,
    ipam: Attachment,
    result: &mut Attachment,
) -> CniResult<()> {
    (result.addresses, result.routes) = (ipam.addresses, ipam.routes);
    if result.addresses.is_empty() {
        return Err(CniError::internal("IPAM plugin returned missing IP config"));
    }
    let gateways = gateways(config, result);
    let dad = if config.dad { "1" } else { "0" };
    for (key, value) in [
        (format!("net/ipv6/conf/{}/accept_dad", call.ifname), dad),
        (format!("net/ipv4/conf/{}/arp_notify", call.ifname), "1"),
    ] {
        write_sysctl(sys, container, &key, value).await.ok();
    }
    link::configure(sys, container, &call.ifname, result).await?;
    wait_for_port(sys, host, &result.interfaces[1].name).await?;
    if config.is_gateway {
        let bridge = bridge_by_name(sys, host, &config.bridge).await?;
        let original = &result.interfaces[0].mac;
        for gateway in &gateways {
            let done = ensure_address(sys, host, &bridge, original, *gateway, config.force_address).await;
            done.map_err(|error| error.within("failed to set bridge addr"))?;
        }
        for is_v4 in [true, false] {
            if gateways.iter().any(|it| it.addr().is_ipv4() == is_v4) {
                let done = link::enable_forwarding(sys, is_v4).await;
                done.map_err(|error| error.within("failed to enable forwarding"))?;
            }
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

async fn bridge_by_name(sys: &Sys, host: NetnsId, name: &str) -> CniResult<Link> {
    let link = link::by_name(sys, host, name).await;
    let link =
        link.ok_or_else(|| CniError::internal(format!("could not lookup \"{name}\": Link not found")))?;
    match link.kind {
        LinkInfo::Bridge(_) => Ok(link),
        _ => Err(CniError::internal(format!("\"{name}\" already exists but is not a bridge"))),
    }
}

async fn ensure_bridge(sys: &Sys, host: NetnsId, config: &Config) -> CniResult<Link> {
    let name = &config.bridge;
    let kind = Some(LinkKind::Bridge(BridgeRequest::default()));
    let mtu = (config.mtu > 0).then_some(config.mtu);
    let request = LinkRequest { name: Some(name.clone()), mtu, kind, ..LinkRequest::default() };
    match link::add(sys, host, request).await {
        Err(error) if error.errno != Errno::EEXIST => {
            return Err(CniError::internal(format!("could not add \"{name}\": {}", text(&error))));
        }
        _ => {}
    }
    let bridge = bridge_by_name(sys, host, name).await?;
    let mut request = LinkRequest { index: Some(bridge.index), ..LinkRequest::default() };
    if config.promiscuous {
        request.promisc = Some(true);
        let set = link::set(sys, host, request.clone()).await;
        set.map_err(|error| format!("could not set promiscuous mode on \"{name}\": {}", text(&error)))?;
    }
    write_sysctl(sys, host, &format!("net/ipv6/conf/{name}/accept_ra"), "0").await.ok();
    request.up = Some(true);
    link::set(sys, host, request).await.map_err(|error| text(&error))?;
    Ok(bridge)
}

/// The veth pair with its host end on the bridge.
async fn attach(
    sys: &Sys,
    (container, host): (NetnsId, NetnsId),
    bridge: &Link,
    config: &Config,
    name: &str,
) -> CniResult<(Link, Link)> {
    let mac: Option<Mac> = match &config.mac {
        Some(text) => {
            let wrong = || format!("failed to make veth pair: address {text}: invalid MAC address");
            Some(text.parse().map_err(|_| wrong())?)
        }
        None => None,
    };
    let (outer, inner) = link::veth_pair(sys, (container, host), name, config.mtu, mac).await?;
    let (shown, bridge_name) = (&outer.name, &bridge.name);
    let joins =
        LinkRequest { index: Some(outer.index), master: Some(bridge.index), ..LinkRequest::default() };
    let joined = link::set(sys, host, joins).await;
    joined.map_err(|error| {
        format!("failed to connect \"{shown}\" to bridge {bridge_name}: {}", text(&error))
    })?;
    let port = PortRequest { hairpin: Some(config.hairpin), ..PortRequest::default() };
    let hairpin = LinkRequest { index: Some(outer.index), port: Some(port), ..LinkRequest::default() };
    let set = link::set(sys, host, hairpin).await;
    set.map_err(|error| format!("failed to setup hairpin mode for {shown}: {}", text(&error)))?;
    Ok((outer, inner))
}

/// Fills in gateways and default routes; returns the bridge's addresses.
fn gateways(config: &Config, result: &mut Attachment) -> Vec<IpNet> {
    let mut gateways = Vec::new();
    let mut has_default = [false; 2];
    for it in &mut result.addresses {
        it.interface = Some(CONTAINER);
        if it.gateway.is_none() && config.is_gateway {
            it.gateway = first_host(it.address);
        }
        let family = usize::from(it.address.addr().is_ipv6());
        let all = match it.address {
            IpNet::V4(_) => IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0)),
            IpNet::V6(_) => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0)),
        };
        if config.is_default_gateway && !has_default[family] {
            let is_there = result.routes.iter().any(|it| it.gateway.is_some() && it.destination == all);
            if !is_there {
                result.routes.push(Route { destination: all, gateway: it.gateway });
            }
            has_default[family] = true;
        }
        if let (true, Some(gateway)) = (config.is_gateway, it.gateway) {
            gateways.extend(IpNet::new(gateway, it.address.prefix_len()));
        }
    }
    gateways
}

/// The address after the network's own.
fn first_host(net: IpNet) -> Option<IpAddr> {
    match net.network() {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

async fn wait_for_port(sys: &Sys, host: NetnsId, name: &str) -> CniResult<()> {
    let mut state = OperState::Unknown;
    for time in PATIENCE {
        sys.sleep(Duration::from_millis(time)).await;
        let port = link::by_name(sys, host, name).await;
        state = port.ok_or_else(|| CniError::internal("Link not found"))?.operstate;
        if state == OperState::Up {
            return Ok(());
        }
    }
    let state = state.name().to_lowercase();
    Err(CniError::internal(format!("bridge port in error state: {state}")))
}

async fn ensure_address(
    sys: &Sys,
    host: NetnsId,
    bridge: &Link,
    original: &str,
    address: IpNet,
    force: bool,
) -> CniResult<()> {
    let name = &bridge.name;
    for held in link::addresses(sys, host, bridge.index).await {
        if held.addr().is_ipv4() != address.addr().is_ipv4() {
            continue;
        }
        if held == address {
            return Ok(());
        }
        let overlaps = held.contains(&address.addr()) || address.contains(&held.addr());
        if address.addr().is_ipv4() || overlaps {
            if !force {
                let words = format!("\"{name}\" already has an IP address different from {address}");
                return Err(CniError::internal(words));
            }
            let request = AddressRequest::new(bridge.index, held.addr(), held.prefix_len());
            let deleted = sys.net(move |net, _| net.address_delete(host, &request)).await;
            deleted
                .map_err(|error| format!("could not remove IP address from \"{name}\": {}", text(&error)))?;
        }
    }
    match link::add_address(sys, host, bridge.index, address).await {
        Err(error) if error.errno != Errno::EEXIST => {
            return Err(format!("could not add IP address to \"{name}\": {}", text(&error)).into());
        }
        _ => {}
    }
    // Else it takes the lowest address of its ports, and changes with them.
    let mac = original.parse().ok();
    let request = LinkRequest { index: Some(bridge.index), mac, ..LinkRequest::default() };
    let set = link::set(sys, host, request).await;
    Ok(set.map_err(|error| format!("could not set bridge's mac: {}", words(error.errno)))?)
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    let ipam = &config.net.ipam;
    let release = async || match ipam.is_empty() {
        true => Ok(()),
        false => delegate::delete(sys, ipam, call, &call.stdin).await,
    };
    if call.netns.is_empty() {
        return release().await;
    }
    let container = match netns::find(sys, &call.netns).await {
        Ok(netns) => netns,
        Err(NoNetns::Gone(_)) => return release().await,
        Err(error) => return Err(error.into()),
    };
    let held = link::delete_by_name(sys, container, &call.ifname).await?;
    release().await?;
    if !ipam.is_empty() && config.masquerade {
        let rules = Masquerade::new(&config.net.name, &call.container);
        for address in held {
            rules.tear_down(sys, address).await?;
        }
    }
    Ok(())
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let config = Config::parse(call)?;
    let host = netns::own(sys).await;
    let container = netns::open(sys, &call.netns).await?;
    if !config.net.ipam.is_empty() {
        delegate::check(sys, &config.net.ipam, call, &call.stdin).await?;
    }
    let Some(previous) = config.net.previous() else {
        return Err(CniError::internal("Required prevResult missing"));
    };
    let result = Attachment::read(previous, &config.net.version)?;
    let find = |name: &str, sandbox: &str| {
        result.interfaces.iter().rfind(|it| it.name == name && it.sandbox == sandbox)
    };
    let Some(inner) = find(&call.ifname, &call.netns) else {
        let netns = &call.netns;
        return Err(CniError::internal(format!(
            "Sandbox in prevResult  doesn't match configured netns: {netns}"
        )));
    };
    if let Some(bridge) = find(&config.bridge, "") {
        let link = link::by_name(sys, host, &bridge.name).await;
        let link =
            link.ok_or_else(|| CniError::internal(format!("Interface name {} not found", bridge.name)))?;
        same_mac(bridge, &link, "Bridge interface")?;
    }
    let link = link::by_name(sys, container, &inner.name).await;
    let link = link.ok_or_else(|| CniError::internal(format!("Interface name {} not found", inner.name)))?;
    same_mac(inner, &link, "Interface")?;
    link::check_addresses(sys, container, &call.ifname, &result).await?;
    link::check_routes(sys, container, &result).await
}

fn same_mac(interface: &Interface, link: &Link, what: &str) -> CniResult<()> {
    if interface.mac.is_empty() || interface.mac == mac(link) {
        return Ok(());
    }
    let (name, recorded) = (&interface.name, &interface.mac);
    Err(CniError::internal(format!("{what} {name} Mac doesn't match: {recorded}")))
}
