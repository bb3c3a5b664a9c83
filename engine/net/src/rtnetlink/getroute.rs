//! `RTM_GETROUTE`: `ip route get`, what would happen to such a packet.
//!
//! Sources: net/ipv4/route.c (`inet_rtm_getroute`, `rt_fill_info`).

use super::{Metric, NetlinkResult, RouteAnswer, RouteGetRequest, RouteType, route_flags as rtcf, scope};
use crate::ip::FibQuery;
use crate::ip::header::{Fields, push};
use crate::path::{FlowKey, InputRoute, RouteResult};
use crate::{Errno, Network, Packet};
use api::NetnsId;
use std::net::{IpAddr, Ipv4Addr};

impl Network {
    pub fn route_get(&mut self, ns: NetnsId, request: &RouteGetRequest) -> NetlinkResult<RouteAnswer> {
        let IpAddr::V4(destination) = request.destination else { return Err(Errno::ENETUNREACH.into()) };
        let source = match request.source {
            Some(IpAddr::V4(source)) => Some(source),
            _ => None,
        };
        let route = match request.iif {
            Some(index) => self.route_get_input(ns, request, index, source, destination)?,
            None => self.route_output(ns, &self.route_get_flow(ns, request)?)?,
        };
        if request.fib_match {
            return self.route_get_match(ns, request, destination, &route);
        }
        Ok(self.route_answer(ns, request, source, &route))
    }

    fn route_get_flow(&self, ns: NetnsId, request: &RouteGetRequest) -> NetlinkResult<FlowKey> {
        let oif = match request.oif {
            Some(index) => Some(self.device_id(ns, index).ok_or(Errno::ENODEV)?),
            None => None,
        };
        Ok(FlowKey {
            destination: request.destination,
            source: request.source,
            oif,
            tos: request.tos,
            mark: request.mark,
            uid: Some(request.uid),
            protocol: request.protocol,
            source_port: request.source_port,
            destination_port: request.destination_port,
            any_source: false,
            on_link: false,
        })
    }

    /// As if a packet came in: a made-up one asks.
    fn route_get_input(
        &mut self,
        ns: NetnsId,
        request: &RouteGetRequest,
        index: u32,
        source: Option<Ipv4Addr>,
        destination: Ipv4Addr,
    ) -> NetlinkResult<RouteResult> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        let mut probe = Packet::new(api::JourneyId(0), &[0; 8]);
        let fields = Fields {
            source: source.unwrap_or(Ipv4Addr::UNSPECIFIED),
            destination,
            protocol: request.protocol,
            ttl: 64,
            tos: request.tos,
            identification: 0,
            dont_fragment: false,
        };
        push(&mut probe, &fields);
        probe.mark = request.mark;
        match self.route_input(ns, device, &probe) {
            InputRoute::Local(route) | InputRoute::Forward(route) => Ok(route),
            InputRoute::Unreachable(errno, _) => Err(errno.into()),
            InputRoute::Drop(api::DropReason::IpForwardingDisabled, _) => Err(Errno::EHOSTUNREACH.into()),
            InputRoute::Drop(api::DropReason::IpRpFilter, _) => Err(Errno::EXDEV.into()),
            InputRoute::Drop(..) => Err(Errno::EINVAL.into()),
        }
    }

    fn route_answer(
        &self,
        ns: NetnsId,
        request: &RouteGetRequest,
        source: Option<Ipv4Addr>,
        route: &RouteResult,
    ) -> RouteAnswer {
        let local = route.is_local() && request.iif.is_some();
        let device = if local { self.netns[ns].loopback } else { route.device };
        let it = &self.devices[device];
        let prefsrc = match (request.iif, source) {
            (Some(_), _) if route.is_local() => None,
            (Some(_), _) => None,
            // What was asked with is not told again.
            (None, Some(source)) if IpAddr::V4(source) == route.source => None,
            _ => Some(route.source),
        };
        let merged = route.table == super::table::LOCAL && !self.netns[ns].fib.unmerged;
        let table = if merged { super::table::MAIN } else { route.table };
        let learnt = self.learnt_of(ns, request, route);
        RouteAnswer {
            destination: request.destination,
            from: source.map(IpAddr::V4),
            kind: route.kind,
            table,
            scope: scope::UNIVERSE,
            gateway: route.gateway,
            oif: it.ifindex,
            device: it.name.to_string(),
            prefsrc,
            mark: request.mark,
            uid: request.iif.is_none().then_some(request.uid),
            iif: request.iif,
            flags: rtcf::CLONED | route.flags,
            metrics: if route.mtu_learnt || route.mtu != it.mtu.min(65535) && !route.is_local() {
                vec![(Metric::Mtu, route.mtu)]
            } else {
                Vec::new()
            },
            expires: learnt,
            route: None,
        }
    }

    /// Seconds until what was learnt of that host's path is forgotten.
    fn learnt_of(&self, ns: NetnsId, request: &RouteGetRequest, route: &RouteResult) -> Option<u32> {
        if !route.mtu_learnt {
            return None;
        }
        let query = FibQuery {
            destination: crate::path::v4(request.destination).into(),
            iif: Some(self.netns[ns].loopback),
            mark: request.mark,
            ..FibQuery::default()
        };
        let found = self.fib_lookup(ns, &query).ok()?;
        let host = crate::path::v4(request.destination);
        let learnt = self.netns[ns].exceptions.get(host, &found.hop, self.now)?;
        u32::try_from(learnt.expires.since(self.now).as_secs()).ok()
    }

    /// `fibmatch`: the route as it stands in its table.
    fn route_get_match(
        &self,
        ns: NetnsId,
        request: &RouteGetRequest,
        destination: Ipv4Addr,
        route: &RouteResult,
    ) -> NetlinkResult<RouteAnswer> {
        let query = FibQuery {
            destination: destination.into(),
            iif: Some(self.netns[ns].loopback),
            mark: request.mark,
            ..FibQuery::default()
        };
        let found = self.fib_lookup(ns, &query)?;
        let table = self.netns[ns].fib.table(found.table).ok_or(Errno::ENETUNREACH)?;
        let stands =
            table.routes(found.prefix.into(), found.prefix_length).iter().find(|it| it.scope == found.scope);
        let stands = stands.ok_or(Errno::ENETUNREACH)?;
        let mut answer = self.route_answer(ns, request, None, route);
        answer.kind = if found.kind == RouteType::Unspec { RouteType::Unicast } else { found.kind };
        answer.flags = rtcf::FIB_MATCH;
        answer.route = Some(self.route_row(found.table, found.prefix, found.prefix_length, stands));
        Ok(answer)
    }
}
