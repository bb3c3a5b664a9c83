//! The list of packets: only the rows in view are in the page, however many there are.

use super::protocol_class;
use crate::platform::{element, theme};
use api::FrameId;
use api::inspect::FrameRow;
use api::topology::Topology;
use app::store::clock::seconds_text;
use app::store::cut::cut_place;
use app::store::frames::{Frames, brief, says_ends};
use app::store::lab::Act;
use app::store::live::Live;
use app::store::picture::describe::full_name;
use app::words;
use std::rc::Rc;
use yew::prelude::*;

/// A row's height, as the style sheet has it.
const ROW: f64 = 22.0;
/// Rows drawn above and below what is in view.
const SPARE: usize = 12;

#[derive(Properties, PartialEq)]
pub struct PacketListProps {
    pub shown: Rc<Vec<FrameId>>,
    /// What is said where there is no packet to show.
    pub empty: AttrValue,
    pub frames: Live<Frames>,
    pub topology: Rc<Topology>,
    pub chosen: Option<FrameId>,
    /// With a column for the device.
    pub on: bool,
    /// There is room for every word of a row.
    pub wide: bool,
    pub on_act: Callback<Act>,
}

#[component]
pub fn PacketList(props: &PacketListProps) -> Html {
    let node = use_node_ref();
    let scroll = use_state(|| (0.0, 400.0));
    let follow = use_mut_ref(|| true);
    let count = props.shown.len();
    {
        let (node, follow, scroll) = (node.clone(), follow.clone(), scroll.clone());
        use_effect_with(count, move |count| {
            if *follow.borrow() {
                element::scroll_to(&node, *count as f64 * ROW);
            }
            scroll.set(element::scroll(&node));
        });
    }
    let (top, height) = *scroll;
    let onscroll = {
        let node = node.clone();
        Callback::from(move |_: Event| {
            let (top, height) = element::scroll(&node);
            *follow.borrow_mut() = top + height >= count as f64 * ROW - ROW;
            scroll.set((top, height));
        })
    };
    let first = ((top / ROW) as usize).saturating_sub(SPARE);
    let last = (((top + height) / ROW) as usize + SPARE).min(count);
    let at = props.chosen.and_then(|chosen| props.shown.iter().position(|frame| *frame == chosen));
    let onkeydown = {
        let (shown, on_act, node) = (props.shown.clone(), props.on_act.clone(), node.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" {
                return on_act.emit(Act::Tab(app::store::lab::Tab::Journey));
            }
            let Some(to) = aim(&event.key(), at, shown.len().saturating_sub(1)) else { return };
            event.prevent_default();
            if let Some(frame) = shown.get(to) {
                reveal(&node, to as f64 * ROW, ROW);
                on_act.emit(Act::PickFrame(*frame));
            }
        })
    };
    let frames = props.frames.read();
    let rows: Vec<&FrameRow> = props
        .shown
        .get(first.min(last)..last)
        .unwrap_or_default()
        .iter()
        .filter_map(|id| frames.get(*id))
        .collect();
    html! {
        <div ref={node} class={classes!("rows", props.on.then_some("rows--on"), props.wide.then_some("rows--wide"))} {onscroll}
            style={columns(&rows, props)}>
            <div class="frame-head" aria-hidden="true">
                <span>{ words::COLUMN_TIME }</span>
                if props.on { <span>{ words::COLUMN_ON }</span> }
                <span>{ words::way(words::COLUMN_FROM, words::COLUMN_TO) }</span>
                <span>{ words::COLUMN_WHAT }</span>
            </div>
            <div role="listbox" aria-label={words::PACKETS} tabindex="0" {onkeydown}
                aria-activedescendant={props.chosen.map(|frame| format!("frame-{}", frame.0))}
                style={format!("padding-top:{}px;height:{}px", first as f64 * ROW, count as f64 * ROW)}>
                { for rows.iter().map(|row| row_view(row, props)) }
            </div>
            if count == 0 { <p class="empty">{ &props.empty }</p> }
        </div>
    }
}

/// The row that a key leads to, from the one that is chosen.
fn aim(key: &str, at: Option<usize>, end: usize) -> Option<usize> {
    Some(match key {
        "ArrowDown" => at.map_or(0, |at| (at + 1).min(end)),
        "ArrowUp" => at.map_or(end, |at| at.saturating_sub(1)),
        "PageDown" => at.map_or(0, |at| (at + 20).min(end)),
        "PageUp" => at.map_or(end, |at| at.saturating_sub(20)),
        "Home" => 0,
        "End" => end,
        _ => return None,
    })
}

fn device(row: &FrameRow, props: &PacketListProps) -> String {
    props.topology.devices.get(&row.device).map(|it| full_name(&props.topology, it)).unwrap_or_default()
}

/// Letters that the column of the device has at most.
fn on_room(props: &PacketListProps) -> usize {
    match (props.wide, theme::narrow()) {
        (true, _) => 24,
        (_, true) => 9,
        _ => 12,
    }
}

fn way(row: &FrameRow) -> String {
    words::way(&row.source, &row.destination)
}

/// The columns are as wide as the rows in view need them, so that nothing is given away.
fn columns(rows: &[&FrameRow], props: &PacketListProps) -> String {
    let widest = |text: &dyn Fn(&FrameRow) -> String| {
        rows.iter().map(|row| text(row).chars().count()).max().unwrap_or_default()
    };
    let on = widest(&|row| device(row, props)).clamp(4, on_room(props));
    let way = widest(&|row| if says_ends(row) { String::new() } else { way(row) }).clamp(14, 42);
    format!("--on:{on}ch;--way:{way}ch")
}

fn row_view(row: &FrameRow, props: &PacketListProps) -> Html {
    let frame = row.frame;
    let chosen = props.chosen == Some(frame);
    let time = seconds_text(row.at);
    let title = format!("{} {time} {} {}: {}", frame.0, device(row, props), way(row), row.info);
    let time = if props.wide { time.as_str() } else { &time[..time.len() - 3] };
    html! {
        <div class={classes!("frame", format!("p-{}", protocol_class(row.protocol)))} role="option" id={format!("frame-{}", frame.0)}
            key={frame.0} aria-selected={if chosen { "true" } else { "false" }} {title}
            onclick={props.on_act.reform(move |_| Act::PickFrame(frame))}
            ondblclick={props.on_act.reform(|_| Act::Tab(app::store::lab::Tab::Journey))}>
            <span class="time-cell">{ time.to_string() }</span>
            if props.on { <span class="on-cell">{ cut_place(&device(row, props), on_room(props)) }</span> }
            if !says_ends(row) { <span>{ way(row) }</span> }
            <span class={classes!("info", says_ends(row).then_some("info--all"))}>
                { if props.wide { row.info.clone() } else { brief(&row.info) } }
            </span>
        </div>
    }
}

fn reveal(node: &NodeRef, place: f64, row: f64) {
    let (top, height) = element::scroll(node);
    if place < top {
        element::scroll_to(node, place);
    } else if place + row * 2.0 > top + height {
        element::scroll_to(node, place + row * 2.0 - height);
    }
}
