//! The list of packets: only the rows in view are in the page, however many there are.

use super::protocol_class;
use crate::platform::element;
use api::FrameId;
use api::inspect::FrameRow;
use api::topology::Topology;
use app::store::clock::seconds_text;
use app::store::frames::Frames;
use app::store::lab::Act;
use app::store::live::Live;
use app::store::picture::describe::full_name;
use app::words;
use std::rc::Rc;
use yew::prelude::*;

/// A row's height, as the style sheet has it: one line where there is room, else two.
const WIDE_ROW: f64 = 22.0;
const NARROW_ROW: f64 = 39.0;
/// Rows drawn above and below what is in view.
const SPARE: usize = 12;

#[derive(Properties, PartialEq)]
pub struct PacketListProps {
    pub shown: Rc<Vec<FrameId>>,
    /// There are packets, be they shown or not.
    pub any: bool,
    pub frames: Live<Frames>,
    pub topology: Rc<Topology>,
    pub chosen: Option<FrameId>,
    /// With a column for the device.
    pub on: bool,
    /// There is room for all columns in one line.
    pub wide: bool,
    pub on_act: Callback<Act>,
}

#[component]
pub fn PacketList(props: &PacketListProps) -> Html {
    let node = use_node_ref();
    let scroll = use_state(|| (0.0, 400.0));
    let follow = use_mut_ref(|| true);
    let count = props.shown.len();
    let row_height = if props.wide { WIDE_ROW } else { NARROW_ROW };
    {
        let (node, follow, scroll) = (node.clone(), follow.clone(), scroll.clone());
        use_effect_with(count, move |count| {
            if *follow.borrow() {
                element::scroll_to(&node, *count as f64 * row_height);
            }
            scroll.set(element::scroll(&node));
        });
    }
    let (top, height) = *scroll;
    let onscroll = {
        let node = node.clone();
        Callback::from(move |_: Event| {
            let (top, height) = element::scroll(&node);
            *follow.borrow_mut() = top + height >= count as f64 * row_height - row_height;
            scroll.set((top, height));
        })
    };
    let first = ((top / row_height) as usize).saturating_sub(SPARE);
    let last = (((top + height) / row_height) as usize + SPARE).min(count);
    let at = props.chosen.and_then(|chosen| props.shown.iter().position(|frame| *frame == chosen));
    let onkeydown = {
        let (shown, on_act, node) = (props.shown.clone(), props.on_act.clone(), node.clone());
        Callback::from(move |event: KeyboardEvent| {
            let end = shown.len().saturating_sub(1);
            let to = match event.key().as_str() {
                "ArrowDown" => at.map_or(0, |at| (at + 1).min(end)),
                "ArrowUp" => at.map_or(end, |at| at.saturating_sub(1)),
                "PageDown" => at.map_or(0, |at| (at + 20).min(end)),
                "PageUp" => at.map_or(end, |at| at.saturating_sub(20)),
                "Home" => 0,
                "End" => end,
                "Enter" => return on_act.emit(Act::Tab(app::store::lab::Tab::Journey)),
                _ => return,
            };
            event.prevent_default();
            if let Some(frame) = shown.get(to) {
                reveal(&node, to as f64 * row_height, row_height);
                on_act.emit(Act::PickFrame(*frame));
            }
        })
    };
    let frames = props.frames.read();
    let rows =
        props.shown.get(first.min(last)..last).unwrap_or_default().iter().filter_map(|id| frames.get(*id));
    html! {
        <div ref={node} class={classes!("rows", props.on.then_some("rows--on"), (!props.wide).then_some("rows--narrow"))} {onscroll}>
            <div class="frame-head" aria-hidden="true">
                { for head(props).into_iter().map(|title| html! { <span>{ title }</span> }) }
            </div>
            <div role="listbox" aria-label={words::PACKETS} tabindex="0" {onkeydown}
                aria-activedescendant={props.chosen.map(|frame| format!("frame-{}", frame.0))}
                style={format!("padding-top:{}px;height:{}px", first as f64 * row_height, count as f64 * row_height)}>
                { for rows.map(|row| row_view(row, props)) }
            </div>
            if count == 0 { <p class="empty">{ if props.any { words::NO_MATCH } else { words::NO_PACKETS } }</p> }
        </div>
    }
}

fn head(props: &PacketListProps) -> Vec<&'static str> {
    let [number, time, from, to, what] = words::COLUMNS;
    let on = (props.on && props.wide).then_some(words::COLUMN_ON);
    let ends = [Some(from), Some(to)].into_iter().filter(|_| props.wide);
    [Some(number), Some(time), on].into_iter().chain(ends).chain([Some(what)]).flatten().collect()
}

fn row_view(row: &FrameRow, props: &PacketListProps) -> Html {
    let frame = row.frame;
    let chosen = props.chosen == Some(frame);
    let device = || {
        props.topology.devices.get(&row.device).map(|it| full_name(&props.topology, it)).unwrap_or_default()
    };
    html! {
        <div class={classes!("frame", format!("p-{}", protocol_class(row.protocol)))} role="option" id={format!("frame-{}", frame.0)}
            key={frame.0} aria-selected={if chosen { "true" } else { "false" }} title={row.info.clone()}
            onclick={props.on_act.reform(move |_| Act::PickFrame(frame))}
            ondblclick={props.on_act.reform(|_| Act::Tab(app::store::lab::Tab::Journey))}>
            <span>{ frame.0 }</span>
            <span class="time-cell">{ seconds_text(row.at) }</span>
            if props.wide {
                if props.on { <span class="on-cell">{ device() }</span> }
                <span>{ &row.source }</span>
                <span>{ &row.destination }</span>
            }
            <span class="info">{ &row.info }</span>
            if !props.wide {
                <span class="way">
                    if props.on { <b>{ device() }</b>{ " " } }
                    { words::way(&row.source, &row.destination) }
                </span>
            }
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
