//! The way an envelope takes in the picture: through the machine it came into, then along the wire to the next device.
//!
//! Always: a path between drawn devices has at least two points, and ends in the middle of the device it goes to.

use super::geometry::{Point, point};
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
