//! What a stop of a journey remembers until somebody reads it: numbers and shared names, no words.
//!
//! Made by every stage of the path while journeys are told; its words are made by [`Note::tell`], for the few journeys
//! that are looked at. Always: what it tells is what was so when the packet came by, whatever was changed since.

use crate::Mac;
use crate::netfilter::conntrack::Tuple;
use crate::netfilter::{Hook, Rule, rule_text};
use crate::path::RouteResult;
use crate::rtnetlink::RouteType;
use api::journey::StopKind;
use api::{DeviceId, FrameId, MachineId, NetnsId};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// One stop.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub at: u64,
    pub machine: MachineId,
    pub netns: NetnsId,
    pub device: Option<DeviceId>,
    pub device_name: Option<Rc<str>>,
    pub frame: Option<FrameId>,
    pub note: Note,
}

/// What happened there; each but the last is a [`StopKind`] of the same name.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Made(Rc<str>),
    Sent,
    Received,
    BridgeForward(Rc<str>),
    Rule(Hit),
    Policy {
        hook: Hook,
        table: Rc<str>,
        chain: Rc<str>,
        walked: u32,
        policy: &'static str,
    },
    Conntrack {
        state: &'static str,
        tuple: Option<Tuple>,
    },
    Nat {
        kind: &'static str,
        before: Endpoint,
        after: Endpoint,
    },
    Route(Route),
    Forward {
        ttl: u8,
    },
    Neighbour {
        ip: Option<IpAddr>,
        mac: Mac,
    },
    Vxlan {
        inward: bool,
        source: SocketAddr,
        destination: SocketAddr,
        vni: u32,
    },
    /// The rarer ones, in words already.
    Said(Box<StopKind>),
}

/// One rule that matched and decided or acted.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub hook: Hook,
    pub table: Rc<str>,
    pub chain: Rc<str>,
    /// From 1.
    pub number: u32,
    /// Rules looked at since the base chain began.
    pub walked: u32,
    pub rule: Rc<Rule>,
}

/// An address with its port, where the protocol has ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    pub address: IpAddr,
    pub port: Option<u16>,
}

/// Of a [`RouteResult`], what `ip route get` would print.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    kind: RouteType,
    to: IpAddr,
    via: Option<IpAddr>,
    source: IpAddr,
    device: Rc<str>,
}

impl Route {
    pub fn of(route: &RouteResult, device: Rc<str>) -> Route {
        Route { kind: route.kind, to: route.destination, via: route.gateway, source: route.source, device }
    }
}

impl Endpoint {
    pub fn tell(&self) -> String {
        self.port.map_or_else(|| self.address.to_string(), |port| format!("{}:{port}", self.address))
    }
}

impl From<StopKind> for Note {
    fn from(kind: StopKind) -> Note {
        Note::Said(Box::new(kind))
    }
}

impl Note {
    pub fn tell(&self) -> StopKind {
        match self {
            Note::Made(by) => StopKind::Made { by: by.to_string() },
            Note::Sent => StopKind::Sent,
            Note::Received => StopKind::Received,
            Note::BridgeForward(port) => StopKind::BridgeForward { port: port.to_string() },
            Note::Rule(hit) => StopKind::Rule {
                hook: hit.hook.name().to_owned(),
                table: hit.table.to_string(),
                chain: hit.chain.to_string(),
                rule: hit.number,
                walked: hit.walked,
                text: rule_text(&hit.chain, &hit.rule.spec),
            },
            Note::Policy { hook, table, chain, walked, policy } => StopKind::Policy {
                hook: hook.name().to_owned(),
                table: table.to_string(),
                chain: chain.to_string(),
                walked: *walked,
                policy: (*policy).to_owned(),
            },
            Note::Conntrack { state, tuple } => StopKind::Conntrack {
                state: (*state).to_owned(),
                tuple: tuple.map_or_else(String::new, |it| it.to_string()),
            },
            Note::Nat { kind, before, after } => {
                StopKind::Nat { kind: (*kind).to_owned(), before: before.tell(), after: after.tell() }
            }
            Note::Route(route) => route.tell(),
            Note::Forward { ttl } => StopKind::Forward { ttl: *ttl },
            Note::Neighbour { ip, mac } => StopKind::Neighbour {
                ip: ip.map_or_else(String::new, |ip| ip.to_string()),
                mac: mac.to_string(),
            },
            Note::Vxlan { inward, source, destination, vni } => {
                let (how, ends) = (
                    "vxlan".to_owned(),
                    [source, destination].map(|end| format!("{}.{}", end.ip(), end.port())),
                );
                let outer = format!("{} > {} vni {vni}", ends[0], ends[1]);
                match inward {
                    true => StopKind::Decapsulate { how, outer },
                    false => StopKind::Encapsulate { how, outer },
                }
            }
            Note::Said(kind) => (**kind).clone(),
        }
    }
}

impl Route {
    fn tell(&self) -> StopKind {
        let kind = match self.kind {
            RouteType::Local => "local ",
            RouteType::Broadcast => "broadcast ",
            RouteType::Multicast => "multicast ",
            _ => "",
        };
        let via = self.via.map_or(String::new(), |gateway| format!(" via {gateway}"));
        let to = self.to.to_string();
        let route = format!("{kind}{to}{via} dev {} src {}", self.device, self.source);
        StopKind::Route { to, route }
    }
}
