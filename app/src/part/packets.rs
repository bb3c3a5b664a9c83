//! The Packets pane: filter, list, and of the chosen packet its layers and bytes.

use super::packet_bytes::PacketBytes;
use super::packet_list::PacketList;
use super::packet_tree::PacketTree;
use super::splitter::Splitter;
use crate::platform::element;
use api::inspect::Dissection;
use api::topology::Topology;
use api::{DeviceId, FrameId};
use app::store::filter::{Filter, FilterError, WORDS};
use app::store::frames::Frames;
use app::store::lab::{Act, Pick};
use app::store::live::Live;
use app::store::panes::Split;
use app::store::picture::describe::full_name;
use app::words;
use std::collections::BTreeSet;
use std::rc::Rc;
use web_sys::Event;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct PacketsProps {
    pub topology: Rc<Topology>,
    pub frames: Live<Frames>,
    pub frame: Option<FrameId>,
    pub dissection: Option<Rc<Dissection>>,
    pub field: Option<(u32, u32)>,
    pub filter_text: AttrValue,
    pub filter: Option<Filter>,
    pub filter_error: Option<FilterError>,
    pub devices: BTreeSet<DeviceId>,
    /// A cluster's chores are shown.
    pub chores: bool,
    pub pick: Option<Pick>,
    pub detail: f64,
    pub wide: bool,
    pub on_act: Callback<Act>,
    pub on_size: Callback<(Split, f64)>,
    pub on_fold: Callback<Split>,
}

#[component]
pub fn Packets(props: &PacketsProps) -> Html {
    let shown = {
        let frames = props.frames.clone();
        use_memo(
            (props.frames.version(), props.devices.clone(), props.filter.clone(), props.chores),
            move |(_, devices, filter, chores)| frames.read().shown(devices, filter.as_ref(), *chores),
        )
    };
    let detail = props.dissection.clone();
    let empty = if shown.is_empty() { nothing(props) } else { AttrValue::default() };
    html! {
        <div class={classes!("packets", detail.is_none().then_some("packets--no-detail"))}>
            { filter(props) }
            <PacketList {shown} {empty} frames={props.frames.clone()} topology={props.topology.clone()}
                chosen={props.frame} wide={props.wide} on={props.devices.len() != 1} on_act={props.on_act.clone()} />
            if let Some(dissection) = detail {
                <Splitter split={Split::Detail} size={props.detail} on_size={props.on_size.clone()} on_fold={props.on_fold.clone()} />
                <div class="detail">
                    <PacketTree dissection={dissection.clone()} field={props.field} on_act={props.on_act.clone()} />
                    <PacketBytes {dissection} field={props.field} wide={props.wide} on_act={props.on_act.clone()} />
                </div>
            }
        </div>
    }
}

/// Why the list is empty.
fn nothing(props: &PacketsProps) -> AttrValue {
    let unheard = props.filter.as_ref().and_then(|filter| props.frames.read().unheard(filter));
    match unheard {
        Some(name) => words::no_field(&name).into(),
        None if props.filter.is_some() || props.devices.len() == 1 => words::NO_MATCH.into(),
        None => words::NO_PACKETS.into(),
    }
}

fn filter(props: &PacketsProps) -> Html {
    let oninput =
        props.on_act.reform(|event: InputEvent| Act::Filter(element::value(event.as_ref() as &Event)));
    let onchange = props.on_act.reform(|event: Event| {
        let id = element::value(&event).parse().ok();
        Act::Pick(id.map(|id| Pick::Device(DeviceId(id))))
    });
    let state = match (&props.filter_error, props.filter_text.is_empty()) {
        (Some(_), _) => Some("filter--bad"),
        (None, false) => Some("filter--good"),
        (None, true) => None,
    };
    let picked = |id: DeviceId| props.pick == Some(Pick::Device(id));
    let devices =
        props.topology.devices.iter().filter(|(_, device)| device.kind != "loopback" || picked_lo(props));
    html! {
        <div class={classes!("filter", state)} role="search">
            <input type="text" aria-label={words::FILTER_LABEL} placeholder={words::FILTER} value={props.filter_text.clone()}
                list="filter-words" autocomplete="off" autocapitalize="off" spellcheck="false" {oninput}
                aria-invalid={props.filter_error.is_some().then_some("true")} />
            <datalist id="filter-words">{ for WORDS.iter().map(|word| html! { <option value={*word} /> }) }</datalist>
            <select aria-label={words::DEVICE} {onchange}>
                <option value="" selected={props.devices.len() != 1}>{ words::ALL_DEVICES }</option>
                { for devices.map(|(id, device)| html! {
                    <option value={id.0.to_string()} selected={picked(*id)}>{ full_name(&props.topology, device) }</option>
                }) }
            </select>
            { notes(props) }
            if let Some(error) = &props.filter_error { <p class="why" role="status">{ words::filter_error(error.at, error.expected) }</p> }
        </div>
    }
}

/// What is hidden, and how to see it. The rule that tells a cluster's own packets stands in the tooltip.
fn notes(props: &PacketsProps) -> Html {
    let frames = props.frames.read();
    let ipv6 = props.filter_text.is_empty() && frames.hides();
    let shown = props.chores;
    html! {
        if ipv6 || frames.has_chores() {
            <p class="notes">
                if ipv6 { <button type="button" onclick={props.on_act.reform(|_| Act::Filter("ipv6".into()))}>{ words::HOUSEKEEPING }</button> }
                if frames.has_chores() {
                    <button type="button" title={words::CHORES_RULE}
                        onclick={props.on_act.reform(move |_| Act::Chores(!shown))}>{ if shown { words::CHORES_SHOWN } else { words::CHORES_HIDDEN } }</button>
                }
            </p>
        }
    }
}

/// A loopback is offered only while it is the one that is chosen.
fn picked_lo(props: &PacketsProps) -> bool {
    let Some(Pick::Device(id)) = props.pick else { return false };
    props.topology.devices.get(&id).is_some_and(|device| device.kind == "loopback")
}
