//! What stands still in the picture: machines, netns, devices, wires. Drawn again only when one of them changes.

use super::machine::{MachineView, title};
use app::store::lab::{Act, Pick};
use app::store::picture::{DeviceShape, Form, Link, LinkKind, Picture, Point, Rect};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct SceneProps {
    pub picture: Rc<Picture>,
    pub pick: Option<Pick>,
    /// The way of the packet that is shown.
    pub trail: Rc<Vec<Vec<Point>>>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn Scene(props: &SceneProps) -> Html {
    let picture = &props.picture;
    let tunnels = picture.links.iter().filter(|link| link.kind == LinkKind::Tunnel);
    let wires = picture.links.iter().filter(|link| link.kind != LinkKind::Tunnel);
    html! {
        <g class="scene">
            { for picture.machines.iter().map(|machine| html! {
                <MachineView key={machine.id.0} shape={machine.clone()} pick={props.pick} on_act={props.on_act.clone()} />
            }) }
            { for tunnels.map(wire) }
            { for wires.map(wire) }
            { for picture.machines.iter().map(title) }
            { for props.trail.iter().map(|points| html! { <polyline class="trail" points={points_text(points)} /> }) }
            { for picture.devices.values().map(|shape| device(shape, props)) }
        </g>
    }
}

/// `x,y x,y …`, as SVG wants it.
pub fn points_text(points: &[Point]) -> String {
    points.iter().map(|point| format!("{:.1},{:.1}", point.x, point.y)).collect::<Vec<_>>().join(" ")
}

fn wire(link: &Link) -> Html {
    let kind = match link.kind {
        LinkKind::Cable => "wire--cable",
        LinkKind::Veth => "wire--veth",
        LinkKind::Port => "wire--port",
        LinkKind::Lower => "wire--lower",
        LinkKind::Tunnel => "wire--tunnel",
    };
    let dead = (!link.live).then_some("wire--dead");
    html! { <polyline class={classes!("wire", kind, dead)} points={points_text(&link.points)} /> }
}

fn device(shape: &DeviceShape, props: &SceneProps) -> Html {
    let (id, rect, middle) = (shape.id, shape.rect, shape.rect.middle());
    let picked = props.pick == Some(Pick::Device(id));
    let class = classes!(
        "device",
        (shape.form == Form::Bar).then_some("device--bar"),
        (!shape.up || !shape.running).then_some("device--down"),
        picked.then_some("device--picked")
    );
    let onclick = props.on_act.reform(move |event: MouseEvent| {
        event.stop_propagation();
        Act::Pick((!picked).then_some(Pick::Device(id)))
    });
    let title = [shape.name.as_str(), &shape.kind, &shape.address, &shape.detail].join(" ");
    html! {
        <g {class} {onclick}>
            <title>{ title.trim().to_string() }</title>
            <rect x={num(rect.x)} y={num(rect.y)} width={num(rect.w)} height={num(rect.h)} rx="4" />
            if shape.form == Form::Bar {
                <text x={num(rect.x + 8.0)} y={num(middle.y)}>
                    { &shape.name }{ " " }<tspan class="line-address">{ &shape.address }</tspan>
                </text>
            } else {
                <text x={num(middle.x)} y={num(middle.y)}>
                    { &shape.name }
                    if !shape.address.is_empty() { <tspan class="line-address">{ format!(" {}", shape.address) }</tspan> }
                </text>
            }
        </g>
    }
}

/// A rectangle as `viewBox` wants it.
pub fn view_box(rect: Rect) -> String {
    format!("{:.1} {:.1} {:.1} {:.1}", rect.x, rect.y, rect.w, rect.h)
}

/// A length, to a tenth.
pub fn num(value: f64) -> String {
    format!("{value:.1}")
}
