//! A machine's box: name, role, addresses, and the boxes of its netns.

use super::scene::num;
use api::topology::Role;
use app::store::lab::{Act, Pick};
use app::store::picture::{Line, MachineShape, NetnsShape};
use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct MachineViewProps {
    pub shape: MachineShape,
    pub pick: Option<Pick>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn MachineView(props: &MachineViewProps) -> Html {
    let MachineShape { id, rect, .. } = props.shape;
    let picked = props.pick == Some(Pick::Machine(id));
    let onclick = props.on_act.reform(move |event: MouseEvent| {
        event.stop_propagation();
        Act::Pick((!picked).then_some(Pick::Machine(id)))
    });
    html! {
        <g class={classes!("machine", picked.then_some("machine--picked"))} {onclick}>
            <rect class="machine-box" x={num(rect.x)} y={num(rect.y)} width={num(rect.w)} height={num(rect.h)} rx="8" />
            if props.shape.foldable { { fold(props) } }
            { for props.shape.lines.iter().map(line) }
            { for props.shape.netns.iter().map(|netns| netns_box(netns, props)) }
        </g>
    }
}

/// Role and name, drawn above the wires.
pub fn title(shape: &MachineShape) -> Html {
    let at = shape.title;
    html! {
        <g class="machine-title">
            <path class="role" transform={format!("translate({:.1} {:.1})", at.x - 2.0, at.y + 11.0)} d={role(shape.role)} />
            <text class="machine-name" x={num(at.x + 20.0)} y={num(at.y + 21.5)}>{ &shape.name }{ more(shape) }</text>
        </g>
    }
}

fn more(shape: &MachineShape) -> Html {
    html! { if shape.more > 0 { <tspan class="machine-more">{ words::more_netns(shape.more) }</tspan> } }
}

/// On a grid of 14 by 12.
fn role(role: Role) -> &'static str {
    match role {
        Role::Host => "M1 1h12v8H1zM4.5 11.5h5M7 9v2.5",
        Role::Router => "M7 .5a5.5 5.5 0 100 11 5.5 5.5 0 000-11zM4 6h6M7.8 3.8L10 6 7.8 8.2",
        Role::Switch => "M1 2.5h12v7H1zM4 6h6M5.6 4.5L4 6l1.6 1.5M8.4 4.5L10 6 8.4 7.5",
        Role::Node => "M7 .5l5.5 3v5L7 11.5l-5.5-3v-5zM1.5 3.5L7 6.5l5.5-3M7 6.5v5",
    }
}

fn fold(props: &MachineViewProps) -> Html {
    let MachineShape { id, rect, folded, title, .. } = props.shape;
    let onclick = props.on_act.reform(move |event: MouseEvent| {
        event.stop_propagation();
        Act::Fold(id)
    });
    let d = if folded { "M-2-3.5L2 0-2 3.5" } else { "M-3.5-2L0 2 3.5-2" };
    let (x, y) = (rect.right() - 17.0, title.y + 17.0);
    html! {
        <g {onclick}>
            <title>{ if folded { words::UNFOLD } else { words::FOLD } }</title>
            <rect class="fold-hit" x={num(x - 10.0)} y={num(y - 10.0)} width="20" height="20" rx="4" />
            <path class="fold" transform={format!("translate({x:.1} {y:.1})")} {d} />
        </g>
    }
}

fn line(line: &Line) -> Html {
    let gap = if line.name.is_empty() { "" } else { " " };
    html! {
        <text class={classes!("mono", (!line.name.is_empty()).then_some("mono--two"))} x={num(line.at.x)} y={num(line.at.y)}>
            <tspan class="line-name">{ &line.name }</tspan>{ gap }<tspan class="line-address">{ &line.address }</tspan>
        </text>
    }
}

/// A share of the size that a bold letter is wide, in the widest font that is likely.
const LETTER: f64 = 0.7;

/// As large as there is room for.
pub fn fit(text: &str, room: f64) -> String {
    format!("--fit:{:.1}px", room / (text.chars().count().max(1) as f64 * LETTER))
}

fn netns_box(netns: &NetnsShape, props: &MachineViewProps) -> Html {
    let (id, rect) = (netns.id, netns.rect);
    let picked = props.pick == Some(Pick::Netns(id));
    let onclick = props.on_act.reform(move |event: MouseEvent| {
        event.stop_propagation();
        Act::Pick((!picked).then_some(Pick::Netns(id)))
    });
    html! {
        <g class={classes!("netns", picked.then_some("netns--picked"))} {onclick}>
            <title>{ &netns.whole }</title>
            <rect class="netns-box" x={num(rect.x)} y={num(rect.y)} width={num(rect.w)} height={num(rect.h)} rx="6" />
            <text class="netns-name" x={num(rect.x + 14.0)} y={num(rect.y + 18.0)} style={fit(&netns.name, rect.w - 22.0)}>{ &netns.name }</text>
            { for netns.lines.iter().map(line) }
        </g>
    }
}
