//! Routes: what `ip route` asks for and lists, and the answer to `ip route get`.

use super::{Family, Mode};
use ipnet::IpNet;
use std::net::IpAddr;

/// `RT_TABLE_*`
pub mod table {
    pub const UNSPEC: u32 = 0;
    pub const DEFAULT: u32 = 253;
    pub const MAIN: u32 = 254;
    pub const LOCAL: u32 = 255;
}

/// `RTPROT_*`
pub mod protocol {
    pub const UNSPEC: u8 = 0;
    pub const REDIRECT: u8 = 1;
    pub const KERNEL: u8 = 2;
    pub const BOOT: u8 = 3;
    pub const STATIC: u8 = 4;
    pub const RA: u8 = 9;
}

/// `RTNH_F_*`
pub mod nexthop_flags {
    pub const DEAD: u32 = 1;
    pub const PERVASIVE: u32 = 2;
    pub const ONLINK: u32 = 4;
    pub const OFFLOAD: u32 = 8;
    pub const LINKDOWN: u32 = 16;
    pub const UNRESOLVED: u32 = 32;
}

/// `RTM_F_*` and `RTCF_*`, as `rtm_flags` carries them.
pub mod route_flags {
    pub const CLONED: u32 = 0x200;
    pub const PREFIX: u32 = 0x800;
    pub const FIB_MATCH: u32 = 0x2000;
    pub const NOTIFY: u32 = 0x0001_0000;
    pub const REDIRECTED: u32 = 0x0004_0000;
    pub const DOREDIRECT: u32 = 0x0100_0000;
    pub const DIRECTSRC: u32 = 0x0400_0000;
    pub const BROADCAST: u32 = 0x1000_0000;
    pub const MULTICAST: u32 = 0x2000_0000;
    pub const LOCAL: u32 = 0x8000_0000;
}

/// `RTN_*`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteType {
    Unspec = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
    Throw = 9,
    Nat = 10,
}

/// `RTAX_*`: what a route says about the connections over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    Lock = 1,
    Mtu = 2,
    Window = 3,
    Rtt = 4,
    RttVar = 5,
    SsThresh = 6,
    Cwnd = 7,
    AdvMss = 8,
    Reordering = 9,
    HopLimit = 10,
    InitCwnd = 11,
    Features = 12,
    RtoMin = 13,
    InitRwnd = 14,
    QuickAck = 15,
    CongestionControl = 16,
    FastOpenNoCookie = 17,
}

/// `RTM_NEWROUTE`, `RTM_DELROUTE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRequest {
    pub family: Family,
    /// Host bits included, as they were typed; 0.0.0.0/0 is the default route.
    pub destination: IpNet,
    pub kind: RouteType,
    pub tos: u8,
    pub table: u32,
    /// `None` is `boot` on adding, any on deleting.
    pub protocol: Option<u8>,
    /// `None`: the kernel is told what `ip` would tell it (link without gateway, else universe; any on deleting).
    pub scope: Option<u8>,
    /// Of the route itself (`metric`).
    pub priority: Option<u32>,
    pub prefsrc: Option<IpAddr>,
    /// None or one for a plain route; several for a multipath one.
    pub nexthops: Vec<NexthopRequest>,
    pub metrics: Vec<(Metric, u32)>,
    pub mode: Mode,
    /// Typed as a multipath route (`nexthop …`), be there one hop only.
    pub multipath: bool,
}

impl RouteRequest {
    pub fn new(destination: IpNet) -> RouteRequest {
        RouteRequest {
            family: Family::of(destination.addr()),
            destination,
            kind: RouteType::Unicast,
            tos: 0,
            table: table::MAIN,
            protocol: None,
            scope: None,
            priority: None,
            prefsrc: None,
            nexthops: Vec::new(),
            metrics: Vec::new(),
            mode: Mode::Add,
            multipath: false,
        }
    }

    pub fn via(mut self, gateway: IpAddr) -> RouteRequest {
        self.nexthops.push(NexthopRequest { gateway: Some(gateway), ..NexthopRequest::default() });
        self
    }

    pub fn dev(mut self, index: u32) -> RouteRequest {
        match self.nexthops.last_mut() {
            Some(nexthop) => nexthop.device = Some(index),
            None => self.nexthops.push(NexthopRequest { device: Some(index), ..NexthopRequest::default() }),
        }
        self
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NexthopRequest {
    pub gateway: Option<IpAddr>,
    pub device: Option<u32>,
    /// `weight` less one, as netlink has it.
    pub hops: u8,
    pub onlink: bool,
    pub pervasive: bool,
}

/// One row of a route dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub destination: IpNet,
    pub kind: RouteType,
    pub tos: u8,
    pub table: u32,
    pub protocol: u8,
    pub scope: u8,
    /// `metric`; IPv6 routes always show it.
    pub priority: u32,
    pub prefsrc: Option<IpAddr>,
    pub nexthops: Vec<Nexthop>,
    pub metrics: Vec<(Metric, u32)>,
    /// Of [`route_flags`].
    pub flags: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nexthop {
    pub gateway: Option<IpAddr>,
    /// 0 where the route has no device (blackhole and its like).
    pub index: u32,
    pub device: String,
    pub hops: u8,
    /// Of [`nexthop_flags`].
    pub flags: u32,
}

/// `RTM_GETROUTE`: what would happen to such a packet?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteGetRequest {
    pub destination: IpAddr,
    pub source: Option<IpAddr>,
    /// As if it came in there.
    pub iif: Option<u32>,
    pub oif: Option<u32>,
    pub tos: u8,
    pub mark: u32,
    pub uid: u32,
    pub protocol: u8,
    pub source_port: u16,
    pub destination_port: u16,
    /// `fibmatch`: answer with the route as it stands in its table.
    pub fib_match: bool,
}

impl RouteGetRequest {
    pub fn new(destination: IpAddr) -> RouteGetRequest {
        RouteGetRequest {
            destination,
            source: None,
            iif: None,
            oif: None,
            tos: 0,
            mark: 0,
            uid: 0,
            protocol: 0,
            source_port: 0,
            destination_port: 0,
            fib_match: false,
        }
    }
}

/// The answer to [`RouteGetRequest`]. `from` is what was asked with, where anything was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteAnswer {
    pub destination: IpAddr,
    pub from: Option<IpAddr>,
    pub kind: RouteType,
    pub table: u32,
    pub scope: u8,
    pub gateway: Option<IpAddr>,
    pub oif: u32,
    pub device: String,
    pub prefsrc: Option<IpAddr>,
    pub mark: u32,
    /// Not shown for what came in by `iif`.
    pub uid: Option<u32>,
    pub iif: Option<u32>,
    /// Of [`route_flags`].
    pub flags: u32,
    pub metrics: Vec<(Metric, u32)>,
    /// Seconds until a learnt MTU or redirect is forgotten.
    pub expires: Option<u32>,
    /// `fibmatch`
    pub route: Option<Route>,
}
