//! The picture and what one does with it: zoom, pan, fit, or read it as a list.
//!
//! Always: until the learner moves it, the whole picture is in view, however it grows.

use super::envelopes::{Drawn, Envelopes};
use super::icon::{Glyph, Tool};
use super::picture_list::PictureList;
use super::scene::{Scene, view_box};
use crate::platform::element;
use crate::platform::listener::Listener;
use crate::platform::resize::Resize;
use crate::platform::theme::Theme;
use api::topology::Topology;
use app::store::clock::Clock;
use app::store::journey::Through;
use app::store::lab::{Act, Pick};
use app::store::live::Live;
use app::store::picture::geometry::point;
use app::store::picture::{Picture, Point, Rect};
use app::store::stage::Stage;
use app::store::viewport::Viewport;
use app::words;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct PictureViewProps {
    pub picture: Rc<Picture>,
    pub topology: Rc<Topology>,
    pub stage: Live<Stage>,
    pub clock: Clock,
    pub pick: Option<Pick>,
    pub trail: Rc<Vec<Vec<Point>>>,
    pub through: Rc<Vec<Through>>,
    pub theme: Theme,
    /// Grows with each wish to fit.
    pub fit: u32,
    pub on_act: Callback<Act>,
}

pub struct PictureView {
    node: NodeRef,
    view: Viewport,
    /// Pointers that are down, by id: where they are.
    held: BTreeMap<i32, (f64, f64)>,
    /// A pointer that moved was not a click.
    moved: bool,
    list: bool,
    /// Where the pointer was last, on the screen, and the envelope under it.
    pointer: (f64, f64),
    over: Option<Drawn>,
    drawn: Live<Vec<Drawn>>,
    /// What the scene's own clicks ask for; made once, so that the scene is not drawn again for it.
    on_scene: Callback<Act>,
    wheel: Option<Listener>,
    size: Option<Resize>,
}

/// The reach of a pointer: an envelope with its rim.
const REACH: (f64, f64) = (34.0, 25.0);

pub enum Msg {
    Scene(Act),
    Down(PointerEvent),
    Move(PointerEvent),
    Up(PointerEvent),
    Wheel(f64, (f64, f64)),
    Zoom(f64),
    Fit,
    List,
    Size(f64, f64),
}

impl Component for PictureView {
    type Message = Msg;
    type Properties = PictureViewProps;

    fn create(ctx: &Context<Self>) -> Self {
        PictureView {
            node: NodeRef::default(),
            view: Viewport::default(),
            held: BTreeMap::new(),
            moved: false,
            list: false,
            pointer: (0.0, 0.0),
            over: None,
            drawn: Live::default(),
            on_scene: ctx.link().callback(Msg::Scene),
            wheel: None,
            size: None,
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &PictureViewProps) -> bool {
        if ctx.props().fit != old.fit {
            self.view.fit();
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Down(event) => {
                self.pointer = place(&event);
                self.held.insert(event.pointer_id(), self.pointer);
                self.moved = false;
                self.held.len() > 1
            }
            Msg::Move(event) => self.moves(ctx, &event),
            Msg::Up(event) => self.held.remove(&event.pointer_id()).is_some(),
            Msg::Wheel(by, at) => {
                self.view.zoom(&ctx.props().picture, by, self.inside(at));
                true
            }
            Msg::Zoom(by) => {
                let middle = self.view.middle();
                self.view.zoom(&ctx.props().picture, by, middle);
                true
            }
            Msg::Fit => {
                self.view.fit();
                true
            }
            Msg::List => {
                self.list = !self.list;
                true
            }
            Msg::Size(width, height) => {
                let changed = self.view.resize(width, height);
                if changed {
                    ctx.props().on_act.emit(Act::Screen(width, height));
                }
                changed
            }
            Msg::Scene(act) => {
                // An envelope lies above what the scene has under the pointer.
                let over = self.under(ctx).map(|it| Act::PickJourney(it.journey));
                if !self.moved {
                    ctx.props().on_act.emit(over.unwrap_or(act));
                }
                false
            }
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let link = ctx.link();
        let rect = self.view.shown(&props.picture);
        html! {
            <section class={classes!("picture", (!self.held.is_empty()).then_some("picture--held"), self.over.map(|_| "picture--over"))} id="picture" tabindex="-1" aria-label={words::PICTURE}>
                <svg ref={self.node.clone()} aria-hidden="true"
                    viewBox={view_box(rect)} style={format!("--grow:{:.3}", self.view.grow(&props.picture))}
                    onpointerdown={link.callback(Msg::Down)} onpointermove={link.callback(Msg::Move)}
                    onpointerup={link.callback(Msg::Up)} onpointercancel={link.callback(Msg::Up)}
                    onpointerleave={link.callback(Msg::Up)} onclick={self.on_scene.reform(|_| Act::Pick(None))}>
                    <Scene picture={props.picture.clone()} pick={props.pick} trail={props.trail.clone()} through={props.through.clone()} on_act={self.on_scene.clone()} />
                </svg>
                <Envelopes picture={props.picture.clone()} stage={props.stage.clone()} clock={props.clock} view={self.view.clone()}
                    theme={props.theme} over={self.over.map(|it| it.frame)} drawn={self.drawn.clone()} on_act={props.on_act.clone()} />
                if self.list { <PictureList topology={props.topology.clone()} pick={props.pick} on_act={props.on_act.clone()} /> }
                <div class="picture-tools">
                    <Tool glyph={Glyph::Plus} label={words::ZOOM_IN} on_click={link.callback(|()| Msg::Zoom(1.25))} />
                    <Tool glyph={Glyph::Minus} label={words::ZOOM_OUT} on_click={link.callback(|()| Msg::Zoom(0.8))} />
                    <Tool glyph={Glyph::Fit} label={words::FIT} keys="Alt+0" on_click={link.callback(|()| Msg::Fit)} />
                    <Tool glyph={Glyph::List} label={words::AS_LIST} pressed={self.list} on_click={link.callback(|()| Msg::List)} />
                </div>
            </section>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, _first: bool) {
        if self.wheel.is_none()
            && let Some(svg) = self.node.cast::<web_sys::Element>()
        {
            let link = ctx.link().clone();
            self.wheel = Some(Listener::new(&svg, "wheel", move |event| {
                let Some(event) = event.dyn_ref::<web_sys::WheelEvent>() else { return };
                event.prevent_default();
                let by = (-event.delta_y() * 0.0015).clamp(-0.4, 0.4).exp();
                link.send_message(Msg::Wheel(by, (f64::from(event.client_x()), f64::from(event.client_y()))));
            }));
        }
        if self.size.is_none()
            && let Some(svg) = self.node.cast::<web_sys::Element>()
        {
            let link = ctx.link().clone();
            self.size = Resize::of(&svg, move |width, height| link.send_message(Msg::Size(width, height)));
        }
    }
}

fn place(event: &PointerEvent) -> (f64, f64) {
    (f64::from(event.client_x()), f64::from(event.client_y()))
}

impl PictureView {
    /// From the screen into the element.
    fn inside(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (left, top, _, _) = element::place(&self.node).unwrap_or_default();
        (x - left, y - top)
    }

    /// The uppermost envelope under the pointer.
    fn under(&self, ctx: &Context<Self>) -> Option<Drawn> {
        let picture = &ctx.props().picture;
        let (rect, scale) = (self.view.shown(picture), self.view.scale(picture));
        let (x, y) = self.inside(self.pointer);
        let reach = Rect::around(point(rect.x + x / scale, rect.y + y / scale), REACH.0, REACH.1);
        self.drawn.read().iter().rfind(|it| reach.holds(it.at)).copied()
    }

    /// One pointer pans, two zoom about the point between them.
    fn moves(&mut self, ctx: &Context<Self>, event: &PointerEvent) -> bool {
        let now = place(event);
        self.pointer = now;
        let Some(before) = self.held.get_mut(&event.pointer_id()).map(|at| std::mem::replace(at, now)) else {
            let over = self.under(ctx);
            return std::mem::replace(&mut self.over, over).map(|it| it.frame) != over.map(|it| it.frame);
        };
        let picture = &ctx.props().picture;
        let other = self.held.iter().find(|(id, _)| **id != event.pointer_id()).map(|(_, at)| *at);
        if (now.0 - before.0).hypot(now.1 - before.1) < 0.5 {
            return false;
        }
        if !self.moved {
            self.moved = true;
            element::capture(event);
        }
        match other {
            None => self.view.pan(picture, before.0 - now.0, before.1 - now.1),
            Some(other) => {
                let apart = |at: (f64, f64)| (at.0 - other.0).hypot(at.1 - other.1).max(1.0);
                let middle = ((now.0 + other.0) / 2.0, (now.1 + other.1) / 2.0);
                self.view.zoom(picture, apart(now) / apart(before), self.inside(middle));
            }
        }
        true
    }
}
