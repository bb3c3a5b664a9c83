//! What stands still in the picture: machines, netns, devices, wires. Drawn again only when one of them changes.

use super::machine::{MachineView, fit, title};
use api::cluster::ObjectKey;
use app::store::journey::Through;
use app::store::lab::{Act, Pick};
use app::store::picture::geometry::point;
use app::store::picture::service::End;
use app::store::picture::{DeviceShape, Form, Link, LinkKind, Picture, Point, Rect, ServiceShape};
use app::words;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct SceneProps {
    pub picture: Rc<Picture>,
    pub pick: Option<Pick>,
    /// The way of the packet that is shown.
    pub trail: Rc<Vec<Vec<Point>>>,
    /// The Services on that way, each with the address it gave the packet to.
    pub through: Rc<Vec<Through>>,
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
            { for picture.services.iter().map(|it| service_links(it, &props.through)) }
            { for tunnels.map(wire) }
            { for wires.map(wire) }
            { for picture.machines.iter().map(title) }
            { for props.trail.iter().map(|points| html! { <polyline class="trail" points={points_text(points)} /> }) }
            { for picture.services.iter().map(|it| service(it, props)) }
            { services_left(picture) }
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

/// A dashed line from a Service to each endpoint; strong where the packet that is shown went.
fn service_links(shape: &ServiceShape, through: &[Through]) -> Html {
    let from = shape.foot();
    let line = |end: &End| {
        let took = |it: &Through| it.service == shape.key && it.endpoint == Some(end.address);
        let on = through.iter().any(took).then_some("service-line--on");
        let off = (!end.ready).then_some("service-line--off");
        html! { <polyline class={classes!("service-line", on, off)} points={points_text(&[from, end.at])} /> }
    };
    shape.ends.iter().map(line).collect()
}

fn service(shape: &ServiceShape, props: &SceneProps) -> Html {
    let rect = shape.rect;
    let key = ObjectKey {
        kind: "Service".to_owned(),
        namespace: shape.key.split_once('/').map_or("", |it| it.0).to_owned(),
        name: shape.key.split_once('/').map_or("", |it| it.1).to_owned(),
    };
    let onclick = props.on_act.reform(move |event: MouseEvent| {
        event.stop_propagation();
        Act::Object(Some(key.clone()))
    });
    let on = props.through.iter().any(|it| it.service == shape.key).then_some("service--on");
    let none = shape.ends.is_empty().then_some("service--none");
    html! {
        <g class={classes!("service", on, none)} {onclick}>
            <title>{ &shape.whole }</title>
            <rect class="service-box" x={num(rect.x)} y={num(rect.y)} width={num(rect.w)} height={num(rect.h)} rx="8" />
            <text class="service-name" x={num(rect.x + 14.0)} y={num(rect.y + 17.0)} style={fit(&shape.name, rect.w - 24.0)}>{ &shape.name }</text>
            <text class="mono service-address" x={num(rect.x + 14.0)} y={num(rect.y + 32.0)}>{ &shape.address }</text>
        </g>
    }
}

fn services_left(picture: &Picture) -> Html {
    let Some(last) = picture.services.last().filter(|_| picture.services_left > 0) else {
        return Html::default();
    };
    let at = point(last.rect.x, last.rect.bottom() + 16.0);
    html! { <text class="service-more" x={num(at.x)} y={num(at.y)}>{ words::more_services(picture.services_left) }</text> }
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
