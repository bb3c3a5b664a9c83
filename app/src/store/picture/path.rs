//! The way an envelope takes in the picture: through the machine it came into, then along the wire to the next device.
//!
//! Always: a path between drawn devices has at least two points, and ends in the middle of the device it goes to.

use super::geometry::{Point, length, point};
use super::{LinkKind, Picture};
use api::DeviceId;

impl Picture {
    /// From where the packet came in (`came_by`), out of `from`, along the wire, to `to`.
    pub fn path(&self, came_by: Option<DeviceId>, from: DeviceId, to: DeviceId) -> Vec<Point> {
        let mut points = came_by.map_or(Vec::new(), |by| self.within(by, from));
        points.extend(self.wire(from, to));
        points.dedup();
        points
    }

    /// The same for a packet whose destination was rewritten, from `before`: through the machine it comes in by way of
    /// the Service whose rules did that, if one did. Answers also which share of the way is spent there.
    ///
    /// A Service stands nowhere: its rules are in the kernel of the machine that the packet is in. The way to its box and
    /// back is a way of looking it up, not one of the packet's hops.
    pub fn path_by(
        &self,
        came_by: Option<DeviceId>,
        from: DeviceId,
        to: DeviceId,
        before: &str,
    ) -> (Vec<Point>, f64) {
        let mut points = match (self.service_at(before), came_by) {
            (Some(service), came_by) => {
                let start = came_by.and_then(|it| self.middle(it)).or_else(|| self.home(from));
                start.into_iter().chain([service.foot()]).chain(self.middle(from)).collect()
            }
            (None, Some(by)) => self.within(by, from),
            (None, None) => Vec::new(),
        };
        let inside = length(&points);
        points.extend(self.wire(from, to));
        points.dedup();
        let whole = length(&points);
        (points, if whole > 0.0 { inside / whole } else { 0.0 })
    }

    /// The upper edge of the netns or machine that a device is in.
    fn home(&self, device: DeviceId) -> Option<Point> {
        let device = self.devices.get(&device)?;
        let netns =
            self.machines.iter().flat_map(|it| &it.netns).find(|it| it.id == device.netns).map(|it| it.rect);
        let machine = || self.machines.iter().map(|it| it.rect).find(|it| it.overlaps(device.rect));
        let rect = netns.or_else(machine)?;
        Some(point(rect.middle().x, rect.y))
    }

    /// Along a cable or veth, in the direction of travel; straight where no line is drawn.
    fn wire(&self, from: DeviceId, to: DeviceId) -> Vec<Point> {
        let ends = |a: DeviceId, b: DeviceId| {
            self.links
                .iter()
                .filter(|link| matches!(link.kind, LinkKind::Cable | LinkKind::Veth | LinkKind::Port))
                .find(|link| link.a == a && link.b == b)
        };
        if let Some(link) = ends(from, to) {
            return link.points.clone();
        }
        if let Some(link) = ends(to, from) {
            return link.points.iter().rev().copied().collect();
        }
        [self.middle(from), self.middle(to)].into_iter().flatten().collect()
    }

    /// Inside one netns: over the bridge that both are ports of, else straight across.
    fn within(&self, from: DeviceId, to: DeviceId) -> Vec<Point> {
        let (Some(start), Some(end)) = (self.middle(from), self.middle(to)) else { return Vec::new() };
        if from == to {
            return vec![start];
        }
        let device = |id| self.devices.get(&id);
        let shared = device(from).zip(device(to)).and_then(|(a, b)| {
            let bridge = a.master.or(b.master)?;
            let on_it = |it: &super::DeviceShape| it.master == Some(bridge) || it.id == bridge;
            (on_it(a) && on_it(b)).then_some(bridge)
        });
        match shared.and_then(device) {
            Some(bar) => {
                let y = bar.rect.middle().y;
                let on_bar = |at: Point| point(at.x.clamp(bar.rect.x, bar.rect.right()), y);
                vec![start, on_bar(start), on_bar(end), end]
            }
            None => vec![start, end],
        }
    }
}
