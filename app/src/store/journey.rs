//! A journey cut into legs, one for each place the packet was in; and its way in the picture.
//!
//! Always: every stop stands in exactly one leg, in order.

use super::lab::flights;
use super::picture::{Picture, Point, describe::place_name};
use crate::words::kube;
use api::NetnsId;
use api::journey::{Journey, Stop, StopKind};
use api::topology::Topology;
use std::net::{IpAddr, SocketAddr};

/// The stops in one netns, until the packet leaves it.
#[derive(Debug)]
pub struct Leg<'a> {
    pub netns: NetnsId,
    pub place: String,
    /// Each stop with the nanoseconds since the stop before.
    pub stops: Vec<(&'a Stop, u64)>,
}

pub fn legs<'a>(topology: &Topology, journey: &'a Journey) -> Vec<Leg<'a>> {
    let mut legs: Vec<Leg<'a>> = Vec::new();
    let mut before = journey.stops.first().map_or(0, |stop| stop.at);
    for stop in &journey.stops {
        let waited = stop.at.saturating_sub(before);
        before = stop.at;
        match legs.last_mut() {
            Some(leg) if leg.netns == stop.netns => leg.stops.push((stop, waited)),
            _ => legs.push(Leg {
                netns: stop.netns,
                place: place_name(topology, stop.netns),
                stops: vec![(stop, waited)],
            }),
        }
    }
    legs
}

/// The journey's way as lines, hop by hop.
pub fn trail(picture: &Picture, journey: &Journey) -> Vec<Vec<Point>> {
    let mut came_by = None;
    let hops = flights(journey).into_iter().map(|flight| {
        let path = picture.path(came_by, flight.from, flight.to);
        came_by = Some(flight.to);
        path
    });
    hops.filter(|path| path.len() > 1).collect()
}

/// A Service that a packet was for.
#[derive(Clone, Debug, PartialEq)]
pub struct Through {
    /// `NAMESPACE/NAME`.
    pub service: String,
    /// To whom it was given; `None` where nobody took it.
    pub endpoint: Option<IpAddr>,
}

/// The Services on a packet's way, as kube-proxy's rules name them; on the way back, none.
pub fn through(journey: &Journey) -> Vec<Through> {
    let mut all: Vec<Through> = Vec::new();
    for stop in &journey.stops {
        let StopKind::Rule { chain, text, .. } = &stop.kind else { continue };
        let Some(port) = kube::service(text).filter(|_| chain.starts_with("KUBE-")) else { continue };
        let service = port.split(':').next().unwrap_or(port).to_owned();
        let end = text.split("--to-destination ").nth(1).and_then(|it| it.split_whitespace().next());
        let endpoint = end.and_then(|it| it.parse::<SocketAddr>().ok()).map(|it| it.ip());
        match all.last_mut().filter(|it| it.service == service) {
            Some(known) => known.endpoint = endpoint.or(known.endpoint),
            None => all.push(Through { service, endpoint }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::journey::StopKind;
    use api::{DeviceId, JourneyId, MachineId};

    fn stop(at: u64, netns: u32, device: u32, kind: StopKind) -> Stop {
        Stop {
            at,
            machine: MachineId(netns),
            netns: NetnsId(netns),
            device: Some(DeviceId(device)),
            device_name: String::new(),
            frame: None,
            kind,
        }
    }

    #[test]
    fn a_journey_is_cut_where_the_packet_changes_place() {
        let stops = vec![
            stop(0, 1, 1, StopKind::Made { by: "ping".into() }),
            stop(5, 1, 1, StopKind::Sent),
            stop(9, 2, 2, StopKind::Received),
            stop(9, 2, 3, StopKind::Sent),
            stop(20, 3, 4, StopKind::Received),
        ];
        let journey = Journey { id: JourneyId(1), summary: String::new(), stops, verdict: None, cause: None };
        let topology = Topology::default();
        let legs = legs(&topology, &journey);
        assert_eq!(legs.iter().map(|leg| leg.stops.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(legs[1].stops[0].1, 4);
        let hops: Vec<_> = flights(&journey).iter().map(|hop| (hop.from.0, hop.to.0)).collect();
        assert_eq!(hops, [(1, 2), (3, 4)]);
    }
}
