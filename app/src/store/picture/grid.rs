//! Machines in cells: the author's where given, else the first free one; cards on the edge that faces their cable.
//!
//! Always: no two machines share a cell; a cell once given is kept for the machine's life.

use super::geometry::{Point, Rect, point};
use super::interior::{CHIP, Edges, Plan, card_width};
use super::{DeviceShape, MachineShape, Memory, Picture};
use api::topology::{Role, Topology};
use api::{DeviceId, MachineId};
use std::collections::{BTreeMap, BTreeSet};

/// Free space between columns and rows: an envelope with its label fits.
const GAP_X: f64 = 58.0;
const GAP_Y: f64 = 38.0;
/// With few columns or rows, of small machines, there is room for longer cables.
const WIDE_GAP_X: f64 = 116.0;
const WIDE_GAP_Y: f64 = 72.0;
const FEW: usize = 3;
const SMALL: (f64, f64) = (640.0, 420.0);
const MARGIN: f64 = 20.0;
/// From one card to the next on the same edge.
const CARD_STEP: f64 = 30.0;
/// Cells beyond this distance are a mistake in the lab, and are brought nearer.
const FAR: i32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Left,
    Right,
    Top,
    Bottom,
}

/// Gives every machine a cell. Without an author's wish, switches and routers stand below the first row of hosts.
pub fn assign_cells(topology: &Topology, memory: &mut Memory) {
    memory.cells.retain(|id, _| topology.machines.contains_key(id));
    memory.sizes.retain(|id, _| topology.machines.contains_key(id));
    let mut taken: BTreeSet<(i32, i32)> = memory.cells.values().copied().collect();
    let new: Vec<MachineId> =
        topology.machines.keys().filter(|id| !memory.cells.contains_key(id)).copied().collect();
    let wished = new.iter().filter_map(|id| Some((*id, topology.machines.get(id)?.at?)));
    for (id, (column, row)) in wished {
        let cell = (column.clamp(-FAR, FAR), row.clamp(-FAR, FAR));
        if taken.insert(cell) {
            memory.cells.insert(id, cell);
        }
    }
    let hosts = topology.machines.values().filter(|machine| !joins(machine.role)).count() as i32;
    let columns = (f64::from(hosts).sqrt().ceil() as i32 + 1).clamp(2, FAR);
    for id in new {
        if memory.cells.contains_key(&id) {
            continue;
        }
        let role = topology.machines.get(&id).map_or(Role::Host, |machine| machine.role);
        let rows = if joins(role) { 1..i32::MAX } else { 0..i32::MAX };
        let of_role = |row: &i32| if joins(role) { row % 2 == 1 } else { row % 2 == 0 };
        let mut free = rows.filter(of_role).flat_map(|row| (0..columns).map(move |column| (column, row)));
        if let Some(cell) = free.find(|cell| !taken.contains(cell)) {
            taken.insert(cell);
            memory.cells.insert(id, cell);
        }
    }
}

/// A machine that others are joined by.
fn joins(role: Role) -> bool {
    matches!(role, Role::Router | Role::Switch)
}

/// On which edge each card stands.
pub fn sides(topology: &Topology, memory: &Memory) -> BTreeMap<DeviceId, Side> {
    let cards = topology.devices.iter().filter(|(_, device)| device.kind == "nic");
    cards
        .filter_map(|(id, device)| {
            let netns = topology.netns.get(&device.netns).filter(|netns| netns.name.is_none())?;
            Some((*id, side(topology, memory, netns.machine, *id)))
        })
        .collect()
}

/// What those cards ask of the inside of one machine.
pub fn edges(topology: &Topology, machine: MachineId, sides: &BTreeMap<DeviceId, Side>) -> Edges {
    let mut edges = Edges::default();
    for (id, side) in sides {
        let Some(device) = topology.devices.get(id) else { continue };
        if topology.netns.get(&device.netns).is_none_or(|netns| netns.machine != machine) {
            continue;
        }
        let inward = card_width(&device.name) / 2.0;
        match side {
            Side::Left => edges.left = edges.left.max(inward),
            Side::Right => edges.right = edges.right.max(inward),
            Side::Top => edges.top = true,
            Side::Bottom => edges.bottom = true,
        }
    }
    edges
}

/// Puts every plan into its cell and every card on its edge.
pub fn place(
    topology: &Topology,
    mut plans: Vec<Plan>,
    memory: &mut Memory,
    sides: &BTreeMap<DeviceId, Side>,
) -> Picture {
    let mut columns: BTreeMap<i32, f64> = BTreeMap::new();
    let mut rows: BTreeMap<i32, f64> = BTreeMap::new();
    for plan in &mut plans {
        let (w, h) = room_for_cards(plan, sides);
        let kept = memory.sizes.get(&plan.id).copied().filter(|_| !memory.folded.contains(&plan.id));
        let (old_w, old_h) = kept.unwrap_or_default();
        (plan.w, plan.h) = (plan.w.max(w).max(old_w), plan.h.max(h).max(old_h));
        memory.sizes.insert(plan.id, if plan.folded { (0.0, 0.0) } else { (plan.w, plan.h) });
        let (column, row) = memory.cells.get(&plan.id).copied().unwrap_or_default();
        let width = columns.entry(column).or_insert(0.0);
        *width = width.max(plan.w);
        let height = rows.entry(row).or_insert(0.0);
        *height = height.max(plan.h);
    }
    let few = |sizes: &BTreeMap<i32, f64>, small| sizes.len() <= FEW && sizes.values().sum::<f64>() <= small;
    let (lefts, width) = starts(&columns, if few(&columns, SMALL.0) { WIDE_GAP_X } else { GAP_X });
    let (tops, height) = starts(&rows, if few(&rows, SMALL.1) { WIDE_GAP_Y } else { GAP_Y });
    let mut picture = Picture { width, height, ..Picture::default() };
    for plan in plans {
        let (column, row) = memory.cells.get(&plan.id).copied().unwrap_or_default();
        let slack = point((columns[&column] - plan.w) / 2.0, (rows[&row] - plan.h) / 2.0);
        let corner = point(lefts[&column], tops[&row]).moved(slack);
        put(topology, plan, corner, sides, &mut picture);
    }
    picture
}

/// Where each column (or row) begins, and where the last one ends.
fn starts(sizes: &BTreeMap<i32, f64>, gap: f64) -> (BTreeMap<i32, f64>, f64) {
    let mut at = MARGIN;
    let mut starts = BTreeMap::new();
    for (index, size) in sizes {
        starts.insert(*index, at);
        at += size + gap;
    }
    let end = if sizes.is_empty() { MARGIN } else { at - gap };
    (starts, end + MARGIN)
}

/// The edge that faces the other end of a card's cable.
fn side(topology: &Topology, memory: &Memory, machine: MachineId, card: DeviceId) -> Side {
    let device = |id: DeviceId| topology.devices.get(&id);
    let other = device(card).and_then(|it| device(it.peer?)).and_then(|it| topology.netns.get(&it.netns));
    let cell = |id: MachineId| memory.cells.get(&id).copied();
    let (Some((x, y)), Some((to_x, to_y))) = (cell(machine), other.and_then(|netns| cell(netns.machine)))
    else {
        return Side::Bottom;
    };
    let clear = |a: (i32, i32), b: (i32, i32)| !memory.cells.values().any(|cell| between(*cell, a, b));
    let sideways = if to_x > x { Side::Right } else { Side::Left };
    let upright = if to_y > y { Side::Bottom } else { Side::Top };
    match (to_x - x, to_y - y) {
        (0, 0) => Side::Bottom,
        (_, 0) if clear((x, y), (to_x, to_y)) => sideways,
        (_, 0) => Side::Bottom,
        (0, _) => upright,
        _ => {
            // One bend, at the lower corner if it is free, else at the upper one; else up or down to a free row.
            let mut corners = [(to_x, y), (x, to_y)];
            corners.sort_by_key(|corner| -corner.1);
            let free = |corner: &&(i32, i32)| {
                let taken = memory.cells.values().any(|cell| cell == *corner);
                !taken && clear((x, y), **corner) && clear(**corner, (to_x, to_y))
            };
            match corners.iter().find(free) {
                Some(corner) if corner.1 == y => sideways,
                _ => upright,
            }
        }
    }
}

/// Does a cell stand between two others of the same row or column?
fn between(cell: (i32, i32), a: (i32, i32), b: (i32, i32)) -> bool {
    let inside = |value: i32, a: i32, b: i32| value > a.min(b) && value < a.max(b);
    (a.1 == b.1 && cell.1 == a.1 && inside(cell.0, a.0, b.0))
        || (a.0 == b.0 && cell.0 == a.0 && inside(cell.1, a.1, b.1))
}

/// How large a box must be for its cards to stand side by side.
fn room_for_cards(plan: &Plan, sides: &BTreeMap<DeviceId, Side>) -> (f64, f64) {
    let on = |side: Side| plan.cards.iter().filter(move |card| sides.get(&card.id) == Some(&side));
    let wide = |side: Side| on(side).map(|card| card.rect.w + 14.0).sum::<f64>() + 14.0;
    let high = |side: Side| on(side).count() as f64 * CARD_STEP + 14.0;
    (wide(Side::Top).max(wide(Side::Bottom)), high(Side::Left).max(high(Side::Right)))
}

fn put(
    topology: &Topology,
    mut plan: Plan,
    corner: Point,
    sides: &BTreeMap<DeviceId, Side>,
    picture: &mut Picture,
) {
    let rect = Rect { x: corner.x, y: corner.y, w: plan.w, h: plan.h };
    plan.shift(corner);
    for side in [Side::Left, Side::Right, Side::Top, Side::Bottom] {
        let mut cards: Vec<DeviceShape> =
            plan.cards.iter().filter(|card| sides.get(&card.id) == Some(&side)).cloned().collect();
        // In the order of their cables' other ends, so that cables do not cross.
        cards.sort_by_key(|card| (peer_cell(topology, card.id, side), card.id));
        put_cards(cards, rect, side, picture);
    }
    let own = topology.machines.get(&plan.id);
    picture.hidden.extend(plan.hidden.iter().map(|id| (*id, rect.middle())));
    picture.devices.extend(plan.devices.into_iter().map(|device| (device.id, device)));
    picture.machines.push(MachineShape {
        id: plan.id,
        name: own.map_or(String::new(), |machine| machine.name.clone()),
        role: own.map_or(Role::Host, |machine| machine.role),
        rect,
        netns: plan.netns,
        lines: plan.lines,
        folded: plan.folded,
        more: plan.more,
        title: plan.title,
        foldable: plan.foldable,
    });
}

/// Sorts cards along an edge by where their cables lead.
fn peer_cell(topology: &Topology, card: DeviceId, side: Side) -> i32 {
    let peer = topology.devices.get(&card).and_then(|device| topology.devices.get(&device.peer?));
    let machine = peer.and_then(|peer| topology.netns.get(&peer.netns)).map(|netns| netns.machine);
    let at = machine.and_then(|id| topology.machines.get(&id)).and_then(|machine| machine.at);
    match (at, side) {
        (Some((x, _)), Side::Top | Side::Bottom) => x,
        (Some((_, y)), Side::Left | Side::Right) => y,
        (None, _) => i32::MAX,
    }
}

fn put_cards(cards: Vec<DeviceShape>, rect: Rect, side: Side, picture: &mut Picture) {
    let middle = rect.middle();
    let count = cards.len() as f64;
    let whole: f64 = cards.iter().map(|card| card.rect.w + 14.0).sum::<f64>() - 14.0;
    let step = if count > 1.0 { ((rect.w - whole) / (count + 1.0)).max(14.0) } else { 0.0 };
    let mut x = if count > 1.0 {
        middle.x - (whole + (step - 14.0) * (count - 1.0)) / 2.0
    } else {
        middle.x - whole / 2.0
    };
    for (index, mut card) in cards.into_iter().enumerate() {
        let y = middle.y + (index as f64 - (count - 1.0) / 2.0) * CARD_STEP;
        let at = match side {
            Side::Left => point(rect.x, y),
            Side::Right => point(rect.right(), y),
            Side::Top => point(x + card.rect.w / 2.0, rect.y),
            Side::Bottom => point(x + card.rect.w / 2.0, rect.bottom()),
        };
        x += card.rect.w + step;
        card.rect = Rect::around(at, card.rect.w, CHIP);
        picture.devices.insert(card.id, card);
    }
}

/// Which edge of its box a card stands on.
pub fn side_of(machine: Rect, card: Rect) -> Side {
    let middle = card.middle();
    let near = |a: f64, b: f64| (a - b).abs() < 0.5;
    if near(middle.x, machine.x) {
        Side::Left
    } else if near(middle.x, machine.right()) {
        Side::Right
    } else if near(middle.y, machine.y) {
        Side::Top
    } else {
        Side::Bottom
    }
}
