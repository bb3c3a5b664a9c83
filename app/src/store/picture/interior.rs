//! What is inside one machine's box, from top to bottom: its name and addresses, its named netns, the host ends of
//! their veths, its bridges, other devices. Network cards are left for `grid` to put on the edge that faces their cable.
//!
//! Always: rectangles are relative to the box; nothing inside overlaps; order is by id, so what comes later stands right.

use super::describe::{drawn_name, whole_name};
use super::geometry::{Point, Rect, mono_width, name_width, point};
use super::{DeviceShape, Form, Line, Memory, NetnsShape, addresses, devices_of, given, netns_of};
use api::topology::{Device, Topology};
use api::{DeviceId, MachineId, NetnsId};

pub const TITLE: f64 = 30.0;
pub const LINE: f64 = 16.0;
pub const PAD: f64 = 14.0;
pub const CHIP: f64 = 18.0;
pub const BAR: f64 = 22.0;
/// Between two rows inside a box: room for a line and an envelope.
const GAP: f64 = 18.0;
const BETWEEN: f64 = 10.0;
/// In the line of a name: what is before it and behind it, where it stands, and how much larger it may be written.
const ICON: f64 = 28.0;
const FOLD: f64 = 16.0;
const BASE: f64 = 21.5;
const GROWN: f64 = 1.25;
/// How much lower a box is without a line for its address.
const LIFT: f64 = LINE + 6.0;
/// The free channel below the netns in which a veth between two of them runs.
pub const CHANNEL: f64 = 26.0;

/// Netns drawn in one machine; beyond, they are counted.
pub const NETNS: usize = 80;

/// What the cards on a machine's edges ask of its inside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Edges {
    /// How far the widest card on that edge reaches in.
    pub left: f64,
    pub right: f64,
    pub top: bool,
    pub bottom: bool,
}

/// A machine's inside, ready to be put somewhere.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: MachineId,
    pub w: f64,
    pub h: f64,
    pub lines: Vec<Line>,
    pub netns: Vec<NetnsShape>,
    pub devices: Vec<DeviceShape>,
    /// Cards, still to be placed; their rectangles have a size only.
    pub cards: Vec<DeviceShape>,
    pub hidden: Vec<DeviceId>,
    pub folded: bool,
    /// Netns that are counted, not drawn.
    pub more: usize,
    pub foldable: bool,
    /// Where the name is written.
    pub title: Point,
}

pub fn plan(topology: &Topology, id: MachineId, memory: &Memory, edges: Edges) -> Plan {
    let (own, named) = netns_of(topology, id);
    let own_devices: Vec<(DeviceId, &Device)> =
        own.map(|own| devices_of(topology, own).collect()).unwrap_or_default();
    let (cards, inner): (Vec<_>, Vec<_>) =
        own_devices.into_iter().partition(|(_, device)| device.kind == "nic");
    let folded = memory.folded.contains(&id);
    let foldable = !named.is_empty() || !inner.is_empty();
    let drawn = named.len().min(NETNS);
    let (named, left) = named.split_at(drawn);
    let (inner, left_ends): (Vec<_>, Vec<_>) =
        inner.into_iter().partition(|(_, device)| !leads_into(topology, device, left));
    let name = topology.machines.get(&id).map_or("", |machine| machine.name.as_str());
    // A card on the upper edge reaches into the box, so the name makes room.
    let top = if edges.top { CHIP / 2.0 - 2.0 } else { 0.0 };
    let simple = !foldable && lines_of(&cards) < 2;
    // In a plain host a card on the side fits between name and address.
    let between = if simple && edges.left + edges.right > 0.0 { 12.0 } else { 0.0 };
    let lines = lines(&cards, cards.len() > 1, TITLE + 2.0 + top + between);
    let mut plan = Plan {
        id,
        w: (name_width(name) + if left.is_empty() { 64.0 } else { 190.0 })
            .max(lines_width(&lines) - PAD * 2.0)
            .max(if foldable { 84.0 } else { 100.0 }),
        h: TITLE + top + lines.len() as f64 * LINE + PAD + between - if lines.is_empty() { 6.0 } else { 0.0 },
        lines,
        netns: Vec::new(),
        devices: Vec::new(),
        cards: cards.iter().map(|(id, device)| shape(*id, device, Form::Port)).collect(),
        hidden: left_ends.iter().map(|(id, _)| *id).collect(),
        folded,
        more: left.len(),
        foldable,
        title: point(PAD, top),
    };
    plan.hidden.extend(left.iter().flat_map(|netns| devices_of(topology, *netns).map(|(id, _)| id)));
    if folded {
        plan.hidden.extend(inner.iter().map(|(id, _)| *id));
        plan.hidden.extend(named.iter().flat_map(|netns| devices_of(topology, *netns).map(|(id, _)| id)));
        return plan;
    }
    let mut y = plan.h;
    if !named.is_empty() {
        y = put_netns(topology, named, &mut plan, y);
    }
    put_inner(&inner, &mut plan, y);
    plan.w += PAD * 2.0;
    let only_bridges = named.is_empty() && inner.iter().all(|(_, device)| device.kind == "bridge");
    if only_bridges && !inner.is_empty() && !edges.bottom && edges.top {
        plan.turn_over();
    }
    if only_bridges && inner.len() == 1 {
        plan.centre_bar();
    }
    if !simple {
        let room = |inward: f64| if inward > 0.0 { (inward - PAD + 8.0).max(0.0) } else { 0.0 };
        plan.widen(room(edges.left), room(edges.right), foldable);
    }
    plan
}

/// Whether a veth's other end is in one of those netns, which are sorted.
fn leads_into(topology: &Topology, device: &Device, netns: &[NetnsId]) -> bool {
    let peer = device.peer.and_then(|peer| topology.devices.get(&peer));
    peer.is_some_and(|peer| netns.binary_search(&peer.netns).is_ok())
}

/// How many devices have addresses.
fn lines_of(devices: &[(DeviceId, &Device)]) -> usize {
    devices.iter().filter(|(_, device)| given(device).next().is_some()).count()
}

/// Address lines of the devices that have some.
fn lines(devices: &[(DeviceId, &Device)], with_name: bool, top: f64) -> Vec<Line> {
    let with_address = devices.iter().filter(|(_, device)| given(device).next().is_some());
    with_address
        .enumerate()
        .map(|(row, (id, device))| Line {
            device: *id,
            name: if with_name { device.name.clone() } else { String::new() },
            address: addresses(device),
            at: point(PAD, top + LINE * (row as f64 + 0.75)),
        })
        .collect()
}

fn lines_width(lines: &[Line]) -> f64 {
    let width = |line: &Line| mono_width(&line.name) + mono_width(&line.address) + PAD * 2.0 + 6.0;
    lines.iter().map(width).fold(0.0, f64::max)
}

fn chip_width(text: f64) -> f64 {
    (text + 14.0).max(36.0)
}

/// The width of a card with this name.
pub fn card_width(name: &str) -> f64 {
    chip_width(mono_width(name))
}

fn shape(id: DeviceId, device: &Device, form: Form) -> DeviceShape {
    let address = if form == Form::Port { String::new() } else { addresses(device) };
    let text = mono_width(&device.name) + if address.is_empty() { 0.0 } else { mono_width(&address) + 8.0 };
    let h = if form == Form::Bar { BAR } else { CHIP };
    DeviceShape {
        id,
        netns: device.netns,
        name: device.name.clone(),
        kind: device.kind.clone(),
        detail: device.detail.clone(),
        form,
        rect: Rect { x: 0.0, y: 0.0, w: chip_width(text), h },
        address,
        up: device.up,
        running: device.running,
        master: device.master,
    }
}

/// The named netns side by side; answers the height reached.
fn put_netns(topology: &Topology, named: &[NetnsId], plan: &mut Plan, top: f64) -> f64 {
    let mut x = PAD;
    let mut tallest: f64 = 0.0;
    for id in named {
        let netns = topology.netns.get(id);
        let (name, whole) = netns.map(|it| (drawn_name(it), whole_name(it))).unwrap_or_default();
        let devices: Vec<(DeviceId, &Device)> = devices_of(topology, *id).collect();
        let (bars, chips): (Vec<_>, Vec<_>) = devices.iter().partition(|(_, device)| device.kind == "bridge");
        let chips: Vec<DeviceShape> =
            chips.iter().map(|(id, device)| shape(*id, device, Form::Port)).collect();
        let bars: Vec<DeviceShape> = bars.iter().map(|(id, device)| shape(*id, device, Form::Bar)).collect();
        let addressed: Vec<(DeviceId, &Device)> =
            devices.iter().filter(|(_, device)| device.kind != "bridge").copied().collect();
        let mut lines = lines(&addressed, addressed.len() > 1, 24.0);
        let chips_width: f64 = chips.iter().map(|chip| chip.rect.w + BETWEEN).sum::<f64>() + PAD;
        let bars_width = bars.iter().map(|bar| bar.rect.w + PAD * 2.0).fold(0.0, f64::max);
        let w = (name_width(&name) + PAD * 2.0)
            .max(lines_width(&lines))
            .max(chips_width)
            .max(bars_width)
            .max(72.0);
        let h = 24.0 + lines.len() as f64 * LINE + bars.len() as f64 * (BAR + 16.0) + 13.0;
        lines.iter_mut().for_each(|line| line.at = line.at.moved(point(x, top)));
        let mut bar_top = top + 28.0 + lines.len() as f64 * LINE;
        for mut bar in bars {
            bar.rect = Rect { x: x + PAD, y: bar_top, w: w - PAD * 2.0, h: BAR };
            bar_top += BAR + 16.0;
            plan.devices.push(bar);
        }
        let free = w - chips.iter().map(|chip| chip.rect.w).sum::<f64>();
        let step = free / (chips.len() as f64 + 1.0);
        let mut chip_x = x + step;
        for mut chip in chips {
            chip.rect = Rect { x: chip_x, y: top + h - CHIP / 2.0, ..chip.rect };
            chip_x += chip.rect.w + step;
            plan.devices.push(chip);
        }
        plan.netns.push(NetnsShape { id: *id, name, whole, rect: Rect { x, y: top, w, h }, lines });
        x += w + BETWEEN * 2.0;
        tallest = tallest.max(h);
    }
    // All stand on one line, so that their veths hang down alike.
    for shape in &mut plan.netns {
        let down = point(0.0, tallest - shape.rect.h);
        plan.devices
            .iter_mut()
            .filter(|device| device.netns == shape.id)
            .for_each(|device| device.rect = device.rect.moved(down));
        shape.lines.iter_mut().for_each(|line| line.at = line.at.moved(down));
        shape.rect = shape.rect.moved(down);
    }
    plan.w = plan.w.max(x - BETWEEN * 2.0 - PAD);
    plan.h = top + tallest + PAD + CHIP / 2.0;
    let beside = |a: &Device| {
        a.peer.and_then(|peer| topology.devices.get(&peer)).is_some_and(|b| named.contains(&b.netns))
    };
    let any_beside = topology.devices.values().any(|device| named.contains(&device.netns) && beside(device));
    plan.h += if any_beside { CHANNEL } else { 0.0 };
    top + tallest + CHIP / 2.0 + if any_beside { CHANNEL } else { 0.0 }
}

/// Host ends of veths, bridges, and the rest, in rows of that order.
fn put_inner(inner: &[(DeviceId, &Device)], plan: &mut Plan, top: f64) {
    let place =
        |plan: &Plan, id: DeviceId| plan.devices.iter().find(|it| it.id == id).map(|it| it.rect.middle().x);
    let (bridges, others): (Vec<_>, Vec<_>) = inner.iter().partition(|(_, device)| device.kind == "bridge");
    let (veths, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, device)| device.kind == "veth");
    let mut y = top + if plan.netns.is_empty() { 0.0 } else { GAP - PAD / 2.0 };
    if !veths.is_empty() {
        let mut wanted: Vec<(f64, DeviceShape)> = veths
            .iter()
            .map(|(id, device)| {
                let at = device.peer.and_then(|peer| place(plan, peer)).unwrap_or(f64::MAX);
                (at, shape(*id, device, Form::Chip))
            })
            .collect();
        wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
        put_row(plan, wanted, y);
        y += CHIP + GAP;
    }
    let first_bar = plan.devices.len();
    for (row, (id, device)) in bridges.iter().enumerate() {
        let mut bar = shape(*id, device, Form::Bar);
        bar.rect.x = PAD;
        bar.rect.y = y + row as f64 * (BAR + 14.0);
        plan.w = plan.w.max(bar.rect.w);
        plan.devices.push(bar);
    }
    if !bridges.is_empty() {
        y += bridges.len() as f64 * (BAR + 14.0) - 14.0 + GAP;
    }
    let last_bar = plan.devices.len();
    if !rest.is_empty() {
        let wanted = rest.iter().map(|(id, device)| (0.0, shape(*id, device, Form::Chip))).collect();
        put_row(plan, wanted, y);
        y += CHIP + GAP;
    }
    stretch_bars(plan, first_bar, last_bar);
    if !inner.is_empty() {
        plan.h = plan.h.max(y - GAP + PAD);
    }
}

/// A row of chips, each as near to the place it wants as its left neighbour lets it.
fn put_row(plan: &mut Plan, wanted: Vec<(f64, DeviceShape)>, y: f64) {
    let mut x = PAD;
    for (middle, mut chip) in wanted {
        let left = if middle == f64::MAX { x } else { (middle - chip.rect.w / 2.0).max(x) };
        chip.rect = Rect { x: left, y, ..chip.rect };
        x = chip.rect.right() + BETWEEN;
        plan.w = plan.w.max(chip.rect.right() - PAD);
        plan.devices.push(chip);
    }
}

/// A bridge reaches over all its ports; one with cards as ports, or alone, over the whole box.
fn stretch_bars(plan: &mut Plan, first: usize, last: usize) {
    for index in first..last {
        let bar = plan.devices[index].clone();
        let ports: Vec<Rect> =
            plan.devices.iter().filter(|it| it.master == Some(bar.id)).map(|it| it.rect).collect();
        let only =
            last - first == 1 || ports.is_empty() || plan.cards.iter().any(|it| it.master == Some(bar.id));
        let (left, right) = if only {
            (PAD, PAD + plan.w)
        } else {
            let left = ports.iter().map(|it| it.x).fold(f64::MAX, f64::min);
            (left, ports.iter().map(|it| it.right()).fold(left + bar.rect.w, f64::max))
        };
        plan.devices[index].rect.x = left;
        plan.devices[index].rect.w = right - left;
        plan.w = plan.w.max(right - PAD);
    }
}

/// Where every machine with netns has one address and room for it beside its name, at the right, it stands there, so that
/// the boxes are lower; else all are below the names, so that the boxes are alike.
pub fn lift_addresses(plans: &mut [Plan], names: &[f64]) {
    let place = |(plan, name): (&Plan, &f64)| match plan.lines.as_slice() {
        _ if plan.netns.is_empty() => Some(None),
        [line] => {
            let x = plan.w - PAD - FOLD - mono_width(&line.address) * GROWN;
            (x >= PAD + ICON + name * GROWN).then(|| Some(point(x, plan.title.y + BASE)))
        }
        _ => None,
    };
    let places: Option<Vec<Option<Point>>> = plans.iter().zip(names).map(place).collect();
    for (plan, at) in plans.iter_mut().zip(places.unwrap_or_default()) {
        let Some(at) = at else { continue };
        let title = plan.title;
        plan.shift(point(0.0, -LIFT));
        plan.title = title;
        plan.lines.iter_mut().for_each(|line| line.at = at);
        plan.h -= LIFT;
    }
}

impl Plan {
    /// Name and addresses below, bridges above: so that no wire from the upper edge crosses the name.
    fn turn_over(&mut self) {
        let bars = self.devices.iter().map(|bar| bar.rect.bottom()).fold(0.0, f64::max);
        let first = self.devices.iter().map(|bar| bar.rect.y).fold(f64::MAX, f64::min);
        let (up, gap) = (CHIP + 4.0 - first, 8.0);
        self.devices.iter_mut().for_each(|bar| bar.rect.y += up);
        let down = bars + up + gap - self.title.y;
        self.title.y += down - 4.0;
        self.lines.iter_mut().for_each(|line| line.at.y += down - 4.0);
        self.h = bars + up + gap + TITLE + self.lines.len() as f64 * LINE;
    }

    /// A switch's one bridge stands in the middle of the height, level with the cards on its sides.
    fn centre_bar(&mut self) {
        let Some(bar) = self.devices.iter().find(|device| device.form == Form::Bar).map(|bar| bar.rect)
        else {
            return;
        };
        let middle = bar.middle().y;
        if middle * 2.0 >= self.h {
            self.h = middle * 2.0;
        } else {
            let down = self.h / 2.0 - middle;
            self.devices.iter_mut().for_each(|device| device.rect.y += down);
        }
    }

    /// Room at the left and right for the cards there. Above or below other things the text may keep its place.
    fn widen(&mut self, left: f64, right: f64, text_stays: bool) {
        let title = self.title;
        self.shift(point(left, 0.0));
        self.title = title;
        if text_stays {
            self.lines.iter_mut().for_each(|line| line.at.x -= left);
        }
        self.w += left + right;
    }

    /// Moves everything inside by `by`: from the box's own corner to its place in the picture.
    pub fn shift(&mut self, by: Point) {
        self.title = self.title.moved(by);
        self.lines.iter_mut().for_each(|line| line.at = line.at.moved(by));
        self.devices.iter_mut().for_each(|device| device.rect = device.rect.moved(by));
        for netns in &mut self.netns {
            netns.rect = netns.rect.moved(by);
            netns.lines.iter_mut().for_each(|line| line.at = line.at.moved(by));
        }
    }
}
