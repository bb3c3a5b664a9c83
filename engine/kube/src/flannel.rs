//! `flanneld`: joins the nodes' Pod networks by VXLAN.
//!
//! Watches Nodes; gives this node a VTEP, writes down its subnet for the CNI plugin, and for each other node a
//! neighbour, a forwarding entry and a route. Always: what it changes it asks for by rtnetlink and `iptables-restore`.
//! Differs from flannel: of its backends vxlan over IPv4 alone; the subnet manager is Kubernetes; leases do not expire.
//! Sources: flannel-io/flannel 0.27 `main.go`, `pkg/backend/vxlan`, `pkg/subnet/kube`, `pkg/trafficmngr/iptables`.

use crate::feed::{Feed, News};
use crate::klog::Klog;
use crate::object::value::Value;
use crate::object::{Kind, json};
use container::output::run;
use ipnet::Ipv4Net;
use linux::{Args, Command, Exit, Sys};
use net::rtnetlink::{
    AddressRequest, Family, FdbRequest, Link, LinkAddress, LinkKind, LinkRequest, Mode, NeighbourRequest,
    NetlinkResult, NexthopRequest, RouteRequest, VxlanRequest, ntf, nud, scope,
};
use net::{Errno, Mac};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

pub static FLANNELD: Command = Command {
    name: "flanneld",
    path: "/opt/bin/flanneld",
    man: "https://github.com/flannel-io/flannel/blob/master/Documentation/kubernetes.md",
    run: |sys, args| Box::pin(flanneld(sys, args)),
};

const CONFIG: &str = "/etc/kube-flannel/net-conf.json";
const SUBNET_FILE: &str = "/run/flannel/subnet.env";
const DEVICE: &str = "flannel.1";
const VNI: u32 = 1;
const PORT: u16 = 8472;
/// Outer Ethernet, IP, UDP and VXLAN headers.
const OVERHEAD: u32 = 50;
const PREFIX: &str = "flannel.alpha.coreos.com";

/// Another node, as its annotations describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lease {
    subnet: Ipv4Net,
    mac: Mac,
    address: Ipv4Addr,
}

impl Lease {
    fn of(node: &Value) -> Option<Lease> {
        let annotation = |name: &str| {
            node.at(&["metadata", "annotations", &format!("{PREFIX}/{name}")]).as_str().to_owned()
        };
        let data = json::parse(&annotation("backend-data")).ok()?;
        Some(Lease {
            subnet: node.at(&["spec", "podCIDR"]).as_str().parse().ok()?,
            mac: data.str("VtepMAC").parse().ok()?,
            address: annotation("public-ip").parse().ok()?,
        })
    }
}

/// This node's end.
struct Vtep {
    sys: Sys,
    index: u32,
}

async fn flanneld(sys: Sys, args: Args) -> Exit {
    sys.end_at_signals(Exit::OK).await;
    let log = Klog::new(&sys);
    let known = ["--ip-masq", "--kube-subnet-mgr"];
    if let Some(word) = args.rest().iter().find(|word| !known.contains(&word.as_str())) {
        sys.eprint(format!("{word}: not simulated in vethlab; use {}\n", known.join(" "))).await;
        return Exit(2);
    }
    let Err(why) = work(&sys, &log).await;
    log.say('E', "main.go:359", &why).await;
    Exit::FAILURE
}

async fn work(sys: &Sys, log: &Klog) -> Result<Infallible, String> {
    let node = match sys.env("NODE_NAME").await {
        Some(name) => name,
        None => sys.hostname().await,
    };
    let feed = Feed::in_cluster(sys, "flanneld", &[Kind::Node]).await;
    let mut feed = feed.map_err(|why| format!("Failed to create SubnetManager: {why}"))?;
    log.say('I', "main.go:235", &format!("Created subnet manager: Kubernetes Subnet Manager - {node}")).await;
    log.say('I', "main.go:238", "Installing signal handlers").await;
    let bytes = sys.read_file(CONFIG).await;
    let bytes = bytes.map_err(|errno| {
        format!(
            "Failed to create SubnetManager: error reading net-conf: open {CONFIG}: {}",
            errno.text().to_lowercase()
        )
    })?;
    let network = network(&String::from_utf8_lossy(&bytes))?;
    log.say('I', "main.go:491", "Found network config - Backend type: vxlan").await;
    let outer = outer_link(sys)
        .await
        .ok_or("Failed to find any valid interface to use: failed to get default interface")?;
    let (link, own) = outer;
    log.say('I', "match.go:211", "Determining IP address of default interface").await;
    log.say('I', "match.go:264", &format!("Using interface with name {} and address {own}", link.name)).await;
    log.say('I', "match.go:286", &format!("Defaulting external address to interface address ({own})")).await;
    log.say(
        'I',
        "vxlan.go:141",
        &format!("VXLAN config: VNI={VNI} Port=0 GBP=false Learning=false DirectRouting=false"),
    )
    .await;
    let mut nodes: BTreeMap<String, Lease> = BTreeMap::new();
    let subnet = own_subnet(&mut feed, &node, &mut nodes).await?;
    let (vtep, mac) = Vtep::make(sys, &link, own, subnet).await?;
    announce(&feed, &node, mac, own).await?;
    forwarding_rules(sys, network, subnet).await?;
    write_subnet(sys, network, subnet, link.mtu.saturating_sub(OVERHEAD)).await?;
    log.say('I', "main.go:396", &format!("Wrote subnet file to {SUBNET_FILE}")).await;
    log.say('I', "main.go:400", "Running backend.").await;
    for lease in nodes.values() {
        vtep.add(lease).await.map_err(|error| format!("failed to add vxlanRoute: {error}"))?;
    }
    follow(log, &vtep, &node, &mut feed, nodes).await
}

/// Keeps the ways to the other nodes as those say they are.
async fn follow(
    log: &Klog,
    vtep: &Vtep,
    own: &str,
    feed: &mut Feed,
    mut nodes: BTreeMap<String, Lease>,
) -> Result<Infallible, String> {
    loop {
        let (name, lease) = seen(&feed.next().await);
        if name == own || name.is_empty() || nodes.get(&name) == lease.as_ref() {
            continue;
        }
        if let Some(old) = nodes.remove(&name) {
            log.say('I', "vxlan_network.go:142", &format!("Subnet removed: {}", old.subnet)).await;
            vtep.remove(&old).await;
        }
        if let Some(lease) = lease {
            log.say(
                'I',
                "vxlan_network.go:100",
                &format!("Received Subnet Event with VxLan: {}", lease.subnet),
            )
            .await;
            if let Err(error) = vtep.add(&lease).await {
                log.say(
                    'E',
                    "vxlan_network.go:180",
                    &format!(
                        "failed to add vxlanRoute ({} -> {}): {error}",
                        lease.subnet,
                        lease.subnet.network()
                    ),
                )
                .await;
            }
            nodes.insert(name, lease);
        }
    }
}

fn network(text: &str) -> Result<Ipv4Net, String> {
    let failed = |why: String| format!("Failed to create SubnetManager: error parsing subnet config: {why}");
    let config = json::parse(text).map_err(failed)?;
    let kind = config.at(&["Backend", "Type"]).as_str();
    if !matches!(kind, "vxlan" | "") {
        return Err(format!("Backend {kind}: not simulated in vethlab; use vxlan"));
    }
    let text = config.str("Network");
    text.parse().map_err(|_| failed(format!("invalid CIDR address: {text}")))
}

fn seen(news: &News) -> (String, Option<Lease>) {
    match news {
        News::Set(_, node) => (node.at(&["metadata", "name"]).as_str().to_owned(), Lease::of(node)),
        News::Deleted(_, node) => (node.at(&["metadata", "name"]).as_str().to_owned(), None),
        News::Synced => (String::new(), None),
    }
}

/// Waits until all nodes are known, this one among them.
async fn own_subnet(
    feed: &mut Feed,
    name: &str,
    nodes: &mut BTreeMap<String, Lease>,
) -> Result<Ipv4Net, String> {
    let mut own = None;
    loop {
        let news = feed.next().await;
        let (node, lease) = seen(&news);
        if let News::Synced = news {
            break;
        }
        if node == name {
            let News::Set(_, object) = &news else { continue };
            own = Some(object.at(&["spec", "podCIDR"]).as_str().to_owned());
        } else if let Some(lease) = lease {
            nodes.insert(node, lease);
        }
    }
    let failed = |why: &str| format!("Error registering network: failed to acquire lease: {why}");
    let cidr = own.ok_or_else(|| failed(&format!("node \"{name}\" not found")))?;
    cidr.parse().map_err(|_| failed(&format!("node \"{name}\" pod cidr not assigned")))
}

/// The device of the default route, and its address.
async fn outer_link(sys: &Sys) -> Option<(Link, Ipv4Addr)> {
    sys.net(|net, ns| {
        let routes = net.routes(ns, Family::Inet, None).ok()?;
        let default = routes.iter().find(|route| route.destination.prefix_len() == 0)?;
        let index = default.nexthops.first()?.index;
        let addresses = net.addresses(ns, Family::Inet);
        let own = addresses.iter().find(|row| row.index == index && row.scope == scope::UNIVERSE)?;
        let IpAddr::V4(own) = own.local else { return None };
        Some((net.link_by_index(ns, index).ok()?, own))
    })
    .await
}

impl Vtep {
    async fn make(sys: &Sys, outer: &Link, own: Ipv4Addr, subnet: Ipv4Net) -> Result<(Vtep, Mac), String> {
        let vxlan = VxlanRequest {
            id: Some(VNI),
            local: Some(own.into()),
            link: Some(outer.index),
            destination_port: Some(PORT),
            learning: Some(false),
            ..VxlanRequest::default()
        };
        let request = LinkRequest {
            name: Some(DEVICE.to_owned()),
            mtu: Some(outer.mtu.saturating_sub(OVERHEAD)),
            kind: Some(LinkKind::Vxlan(Box::new(vxlan))),
            ..LinkRequest::default()
        };
        let address = subnet.network();
        let made = sys
            .net(move |net, ns| -> NetlinkResult<Link> {
                match net.link_add(ns, &request) {
                    Err(error) if error.errno != Errno::EEXIST => return Err(error),
                    _ => {}
                }
                let link = net.link_by_name(ns, DEVICE)?;
                match net.address_add(ns, &AddressRequest::new(link.index, address.into(), 32), Mode::Add) {
                    Err(error) if error.errno != Errno::EEXIST => return Err(error),
                    _ => {}
                }
                let up = LinkRequest { index: Some(link.index), up: Some(true), ..LinkRequest::default() };
                net.link_set(ns, &up)?;
                Ok(link)
            })
            .await;
        let link = made.map_err(|error| {
            format!("Error registering network: failed to configure interface {DEVICE}: {error}")
        })?;
        let LinkAddress::Ether(mac) = link.address else { return Err(format!("{DEVICE} has no MAC")) };
        sys.write_file(&format!("/proc/sys/net/ipv6/conf/{DEVICE}/accept_ra"), b"0").await.ok();
        Ok((Vtep { sys: sys.clone(), index: link.index }, mac))
    }

    /// The way to another node's Pods.
    async fn add(&self, lease: &Lease) -> NetlinkResult<()> {
        let (neighbour, fdb, route) = self.requests(lease, Mode::Replace);
        let done = self.sys.net(move |net, ns| {
            net.neighbour_add(ns, &neighbour)?;
            net.fdb_add(ns, &fdb)?;
            net.route_add(ns, &route)
        });
        done.await
    }

    /// What is gone already is no fault.
    async fn remove(&self, lease: &Lease) {
        let (neighbour, fdb, route) = self.requests(lease, Mode::Replace);
        let done = self.sys.net(move |net, ns| {
            net.route_delete(ns, &route).ok();
            net.fdb_delete(ns, &fdb).ok();
            net.neighbour_delete(ns, &neighbour).ok();
        });
        done.await;
    }

    fn requests(&self, lease: &Lease, mode: Mode) -> (NeighbourRequest, FdbRequest, RouteRequest) {
        let index = self.index;
        let gateway = IpAddr::V4(lease.subnet.network());
        let neighbour = NeighbourRequest {
            index,
            destination: gateway,
            mac: Some(lease.mac),
            state: nud::PERMANENT,
            flags: 0,
            protocol: 0,
            mode,
        };
        let fdb = FdbRequest {
            index,
            mac: lease.mac,
            flags: ntf::SELF,
            state: nud::PERMANENT,
            vlan: None,
            dst: Some(lease.address.into()),
            port: None,
            vni: None,
            via: None,
            mode,
        };
        let mut route = RouteRequest::new(lease.subnet.trunc().into());
        route.mode = mode;
        route.scope = Some(scope::UNIVERSE);
        let hop = NexthopRequest {
            gateway: Some(gateway),
            device: Some(index),
            onlink: true,
            ..NexthopRequest::default()
        };
        route.nexthops.push(hop);
        (neighbour, fdb, route)
    }
}

/// Writes this node's end where the others look for it.
async fn announce(feed: &Feed, node: &str, mac: Mac, own: Ipv4Addr) -> Result<(), String> {
    let data = format!("{{\\\"VNI\\\":{VNI},\\\"VtepMAC\\\":\\\"{mac}\\\"}}");
    let patch = format!(
        "{{\"metadata\":{{\"annotations\":{{\"{PREFIX}/backend-data\":\"{data}\",\"{PREFIX}/backend-type\":\"vxlan\",\
         \"{PREFIX}/kube-subnet-manager\":\"true\",\"{PREFIX}/public-ip\":\"{own}\"}}}}}}"
    );
    let answer = feed.patch(&format!("/api/v1/nodes/{node}/status"), &patch).await;
    answer.map_err(|why| format!("Error registering network: failed to acquire lease: {why}"))
}

async fn write_subnet(sys: &Sys, network: Ipv4Net, subnet: Ipv4Net, mtu: u32) -> Result<(), String> {
    let gateway = Ipv4Addr::from(u32::from(subnet.network()).wrapping_add(1));
    let prefix = subnet.prefix_len();
    let text = format!(
        "FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={gateway}/{prefix}\nFLANNEL_MTU={mtu}\nFLANNEL_IPMASQ=true\n"
    );
    match sys.mkdir("/run/flannel", 0o755).await {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(format!("Failed to write subnet file: {}", errno.text().to_lowercase())),
    }
    let written = sys.write_file(SUBNET_FILE, text.as_bytes()).await;
    written.map_err(|errno| format!("Failed to write subnet file: {}", errno.text().to_lowercase()))
}

/// Masquerading of what leaves the Pod network, and leave to forward what is of it.
async fn forwarding_rules(sys: &Sys, network: Ipv4Net, subnet: Ipv4Net) -> Result<(), String> {
    let masq = "-m comment --comment \"flanneld masq\"";
    let forward = "-m comment --comment \"flanneld forward\"";
    let text = format!(
        "*filter\n:FLANNEL-FWD - [0:0]\n-A FLANNEL-FWD -s {network} {forward} -j ACCEPT\n\
         -A FLANNEL-FWD -d {network} {forward} -j ACCEPT\nCOMMIT\n*nat\n:FLANNEL-POSTRTG - [0:0]\n\
         -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 {masq} -j RETURN\n\
         -A FLANNEL-POSTRTG -s {subnet} -d {network} {masq} -j RETURN\n\
         -A FLANNEL-POSTRTG -s {network} -d {subnet} {masq} -j RETURN\n\
         -A FLANNEL-POSTRTG ! -s {network} -d {subnet} {masq} -j RETURN\n\
         -A FLANNEL-POSTRTG -s {network} ! -d 224.0.0.0/4 {masq} -j MASQUERADE --random-fully\n\
         -A FLANNEL-POSTRTG ! -s {network} -d {network} {masq} -j MASQUERADE --random-fully\nCOMMIT\n"
    );
    execute(sys, &["iptables-restore", "--noflush"], &text).await?;
    for (table, from, comment, to) in [
        ("filter", "FORWARD", "flanneld forward", "FLANNEL-FWD"),
        ("nat", "POSTROUTING", "flanneld masq", "FLANNEL-POSTRTG"),
    ] {
        let jump =
            |verb| ["iptables", "-t", table, verb, from, "-m", "comment", "--comment", comment, "-j", to];
        if execute(sys, &jump("-C"), "").await.is_err() {
            execute(sys, &jump("-A"), "").await?;
        }
    }
    Ok(())
}

async fn execute(sys: &Sys, words: &[&str], stdin: &str) -> Result<(), String> {
    let said = run(sys, words, stdin, None).await;
    let said = said.map_err(|errno| format!("Failed to setup masq: {}", errno.text().to_lowercase()))?;
    match said.exit {
        Exit::OK => Ok(()),
        _ => Err(format!("Failed to ensure iptables rules: {}", said.stderr.trim_end())),
    }
}
