//! Links: what `ip link add`, `set` and `del` ask for, and the rows that `ip -d -s link` prints.

use crate::Mac;
use crate::device::Stats;
use api::{DeviceId, NetnsId};
use std::net::{IpAddr, Ipv4Addr};

/// `RTM_NEWLINK`, for a new link or a change. What is `None` stays as it is (or gets its default).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkRequest {
    /// The link to change; without it `name` says which. On a new link: the index it shall have.
    pub index: Option<u32>,
    /// On a new link its name; none, or one with `%d`, lets the kernel choose a number.
    pub name: Option<String>,
    /// `ip link set X name Y`
    pub new_name: Option<String>,
    pub mac: Option<Mac>,
    pub broadcast: Option<Mac>,
    pub mtu: Option<u32>,
    pub txqlen: Option<u32>,
    pub tx_queues: Option<u32>,
    pub rx_queues: Option<u32>,
    /// An empty one takes the alias away.
    pub alias: Option<String>,
    pub group: Option<u32>,
    /// The index of the bridge to join; 0 is `nomaster`.
    pub master: Option<u32>,
    pub up: Option<bool>,
    pub arp: Option<bool>,
    pub multicast: Option<bool>,
    pub allmulticast: Option<bool>,
    pub promisc: Option<bool>,
    pub trailers: Option<bool>,
    /// `IFLA_CARRIER`
    pub carrier: Option<bool>,
    /// Where the link shall stand.
    pub netns: Option<NetnsId>,
    /// `ip link add link X`: the lower device, in the namespace of the request.
    pub link: Option<u32>,
    pub kind: Option<LinkKind>,
    /// `ip link set X type bridge_slave …`, `bridge link set dev X …`
    pub port: Option<PortRequest>,
    pub address_mode: Option<AddressMode>,
}

/// `type …`, with what is asked of that type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    Veth {
        peer: Box<LinkRequest>,
    },
    Bridge(BridgeRequest),
    Vxlan(Box<VxlanRequest>),
    Dummy,
    Vlan(VlanRequest),
    Macvlan {
        mode: Option<MacvlanMode>,
    },
    Ipvlan {
        mode: Option<IpvlanMode>,
        flag: Option<IpvlanFlag>,
    },
    Ipip(TunnelRequest),
    /// A type that this kernel does not have.
    Unknown(String),
}

impl LinkKind {
    /// As `ip link add type` says it.
    pub fn name(&self) -> &str {
        match self {
            LinkKind::Veth { .. } => "veth",
            LinkKind::Bridge(_) => "bridge",
            LinkKind::Vxlan(_) => "vxlan",
            LinkKind::Dummy => "dummy",
            LinkKind::Vlan(_) => "vlan",
            LinkKind::Macvlan { .. } => "macvlan",
            LinkKind::Ipvlan { .. } => "ipvlan",
            LinkKind::Ipip(_) => "ipip",
            LinkKind::Unknown(name) => name,
        }
    }
}

/// Times are in hundredths of a second, as netlink and sysfs have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeRequest {
    pub forward_delay: Option<u32>,
    pub hello_time: Option<u32>,
    pub max_age: Option<u32>,
    pub ageing_time: Option<u32>,
    pub stp_state: Option<u32>,
    pub priority: Option<u16>,
    pub group_fwd_mask: Option<u16>,
    pub group_address: Option<Mac>,
    pub vlan_filtering: Option<bool>,
    pub mcast_snooping: Option<bool>,
    pub mcast_router: Option<u8>,
    pub mcast_querier: Option<bool>,
    pub nf_call_iptables: Option<bool>,
    pub nf_call_ip6tables: Option<bool>,
    pub nf_call_arptables: Option<bool>,
    /// `fdb_flush`: forget what was learnt.
    pub fdb_flush: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortRequest {
    /// 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking.
    pub state: Option<u8>,
    pub priority: Option<u16>,
    pub cost: Option<u32>,
    pub hairpin: Option<bool>,
    pub guard: Option<bool>,
    pub root_block: Option<bool>,
    pub fastleave: Option<bool>,
    pub learning: Option<bool>,
    pub flood: Option<bool>,
    pub mcast_flood: Option<bool>,
    pub bcast_flood: Option<bool>,
    pub mcast_router: Option<u8>,
    pub mcast_to_unicast: Option<bool>,
    pub proxy_arp: Option<bool>,
    pub proxy_arp_wifi: Option<bool>,
    pub neigh_suppress: Option<bool>,
    pub vlan_tunnel: Option<bool>,
    pub isolated: Option<bool>,
    pub locked: Option<bool>,
    pub group_fwd_mask: Option<u16>,
    /// `type bridge_slave fdb_flush`
    pub fdb_flush: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VxlanRequest {
    pub id: Option<u32>,
    /// `remote` (unicast) or `group` (multicast).
    pub remote: Option<IpAddr>,
    pub local: Option<IpAddr>,
    /// `dev`
    pub link: Option<u32>,
    pub ttl: Option<u8>,
    /// `ttl inherit`
    pub ttl_inherit: Option<bool>,
    pub tos: Option<u8>,
    /// 0 unset, 1 set, 2 inherit.
    pub df: Option<u8>,
    pub flow_label: Option<u32>,
    /// 0 and `None` are the kernel's default, 8472.
    pub destination_port: Option<u16>,
    pub source_ports: Option<(u16, u16)>,
    pub learning: Option<bool>,
    pub proxy: Option<bool>,
    pub rsc: Option<bool>,
    pub l2miss: Option<bool>,
    pub l3miss: Option<bool>,
    pub ageing: Option<u32>,
    pub max_address: Option<u32>,
    pub udp_checksum: Option<bool>,
    pub udp6_zero_checksum_tx: Option<bool>,
    pub udp6_zero_checksum_rx: Option<bool>,
    pub external: Option<bool>,
    pub gbp: bool,
    pub gpe: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VlanRequest {
    pub id: Option<u16>,
    /// 0x8100 (`None`) or 0x88a8.
    pub protocol: Option<u16>,
    pub reorder_header: Option<bool>,
    pub gvrp: Option<bool>,
    pub mvrp: Option<bool>,
    pub loose_binding: Option<bool>,
    pub bridge_binding: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacvlanMode {
    Private,
    Vepa,
    Bridge,
    Passthru,
    Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpvlanMode {
    L2,
    L3,
    L3s,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpvlanFlag {
    Bridge,
    Private,
    Vepa,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TunnelRequest {
    pub local: Option<Ipv4Addr>,
    pub remote: Option<Ipv4Addr>,
    pub link: Option<u32>,
    /// 0 is `inherit`.
    pub ttl: Option<u8>,
    pub tos: Option<u8>,
    pub path_mtu_discovery: Option<bool>,
}

/// `addrgenmode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressMode {
    #[default]
    Eui64,
    None,
    StableSecret,
    Random,
}

/// One row of a link dump: all that `ip -d -s link` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub id: DeviceId,
    pub netns: NetnsId,
    pub index: u32,
    pub name: String,
    pub altnames: Vec<String>,
    pub link_type: LinkType,
    /// `IFF_*` of `device::flags`, RUNNING and LOWER_UP among them.
    pub flags: u32,
    pub operstate: OperState,
    pub mtu: u32,
    pub min_mtu: u32,
    pub max_mtu: u32,
    /// `noop`, `noqueue`, `fq_codel`
    pub qdisc: &'static str,
    pub txqlen: u32,
    pub group: u32,
    pub address: LinkAddress,
    pub broadcast: LinkAddress,
    /// `IFLA_LINK`: the ifindex of the peer or lower device, in whatever namespace that stands.
    pub link: Option<u32>,
    /// `IFLA_LINK_NETNSID`, where the peer or lower device stands in another namespace.
    pub link_netnsid: Option<i32>,
    pub master: Option<u32>,
    pub alias: Option<String>,
    pub promiscuity: u32,
    pub allmulti: u32,
    pub tx_queues: u32,
    pub rx_queues: u32,
    pub carrier: bool,
    pub carrier_up_count: u32,
    pub carrier_down_count: u32,
    pub address_mode: AddressMode,
    pub stats: Stats,
    pub kind: LinkInfo,
    /// What the bridge knows of it (`bridge_slave`).
    pub port: Option<PortInfo>,
}

impl Link {
    pub fn is_up(&self) -> bool {
        self.flags & crate::device::flags::UP != 0
    }
}

/// `ARPHRD_*`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    Ether,
    Loopback,
    Ipip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAddress {
    Ether(Mac),
    /// An IPv4 tunnel's end.
    Ipv4(Ipv4Addr),
}

/// RFC 2863, as `ip` spells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperState {
    #[default]
    Unknown,
    NotPresent,
    Down,
    LowerLayerDown,
    Testing,
    Dormant,
    Up,
}

impl OperState {
    /// `LOWERLAYERDOWN`; sysfs has the same in small letters.
    pub fn name(self) -> &'static str {
        match self {
            OperState::Unknown => "UNKNOWN",
            OperState::NotPresent => "NOTPRESENT",
            OperState::Down => "DOWN",
            OperState::LowerLayerDown => "LOWERLAYERDOWN",
            OperState::Testing => "TESTING",
            OperState::Dormant => "DORMANT",
            OperState::Up => "UP",
        }
    }
}

/// `IFLA_LINKINFO`: the type of a link and what is particular to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkInfo {
    /// Loopback and network cards have none.
    None,
    Veth,
    Bridge(Box<BridgeInfo>),
    Vxlan(Box<VxlanInfo>),
    Dummy,
    Vlan {
        protocol: u16,
        id: u16,
        reorder_header: bool,
    },
    Macvlan {
        mode: MacvlanMode,
    },
    Ipvlan {
        mode: IpvlanMode,
        flag: IpvlanFlag,
    },
    Ipip {
        local: Ipv4Addr,
        remote: Ipv4Addr,
        link: u32,
        ttl: u8,
        tos: u8,
        path_mtu_discovery: bool,
    },
}

impl LinkInfo {
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            LinkInfo::None => return None,
            LinkInfo::Veth => "veth",
            LinkInfo::Bridge(_) => "bridge",
            LinkInfo::Vxlan(_) => "vxlan",
            LinkInfo::Dummy => "dummy",
            LinkInfo::Vlan { .. } => "vlan",
            LinkInfo::Macvlan { .. } => "macvlan",
            LinkInfo::Ipvlan { .. } => "ipvlan",
            LinkInfo::Ipip { .. } => "ipip",
        })
    }
}

/// Priority and address of a bridge, the lower the better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BridgeId {
    pub priority: u16,
    pub mac: Mac,
}

/// Times and timers are in hundredths of a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BridgeInfo {
    pub forward_delay: u32,
    pub hello_time: u32,
    pub max_age: u32,
    /// What the root bridge says, which counts while STP runs.
    pub root_forward_delay: u32,
    pub root_hello_time: u32,
    pub root_max_age: u32,
    pub ageing_time: u32,
    pub stp_state: u32,
    pub priority: u16,
    pub bridge_id: BridgeId,
    pub designated_root: BridgeId,
    pub root_port: u16,
    pub root_path_cost: u32,
    pub topology_change: bool,
    pub topology_change_detected: bool,
    pub hello_timer: u64,
    pub tcn_timer: u64,
    pub topology_change_timer: u64,
    pub gc_timer: u64,
    pub group_fwd_mask: u16,
    pub group_address: Mac,
    pub vlan_filtering: bool,
    pub mcast_snooping: bool,
    pub mcast_router: u8,
    pub mcast_querier: bool,
    pub nf_call_iptables: bool,
    pub nf_call_ip6tables: bool,
    pub nf_call_arptables: bool,
    pub learned: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInfo {
    pub state: u8,
    pub priority: u16,
    pub cost: u32,
    pub hairpin: bool,
    pub guard: bool,
    pub root_block: bool,
    pub fastleave: bool,
    pub learning: bool,
    pub flood: bool,
    pub mcast_flood: bool,
    pub bcast_flood: bool,
    pub mcast_router: u8,
    pub mcast_to_unicast: bool,
    pub proxy_arp: bool,
    pub proxy_arp_wifi: bool,
    pub neigh_suppress: bool,
    pub vlan_tunnel: bool,
    pub isolated: bool,
    pub locked: bool,
    pub group_fwd_mask: u16,
    pub port_id: u16,
    pub port_no: u16,
    pub designated_port: u16,
    pub designated_cost: u16,
    pub designated_bridge: BridgeId,
    pub designated_root: BridgeId,
    pub topology_change_ack: bool,
    pub config_pending: bool,
    pub message_age_timer: u64,
    pub forward_delay_timer: u64,
    pub hold_timer: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VxlanInfo {
    pub id: u32,
    pub remote: Option<IpAddr>,
    pub local: Option<IpAddr>,
    /// `dev`: 0 is none.
    pub link: u32,
    /// 0 is `auto`.
    pub ttl: u8,
    pub ttl_inherit: bool,
    pub tos: u8,
    pub df: u8,
    pub flow_label: u32,
    pub destination_port: u16,
    pub source_ports: (u16, u16),
    pub learning: bool,
    pub proxy: bool,
    pub rsc: bool,
    pub l2miss: bool,
    pub l3miss: bool,
    pub ageing: u32,
    pub max_address: u32,
    pub udp_checksum: bool,
    pub udp6_zero_checksum_tx: bool,
    pub udp6_zero_checksum_rx: bool,
    pub external: bool,
    pub gbp: bool,
    pub gpe: bool,
}
