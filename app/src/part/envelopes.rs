//! What moves in the picture: packets as envelopes on a canvas, and above it the marks where some ended.
//!
//! Always: an animation frame is asked for only while something moves, and costs what moves and is in view: the scene
//! behind is neither drawn nor laid out again.

use super::scene::{num, view_box};
use super::stamps::{Palette, Stamps};
use crate::platform::canvas::{Canvas, pixel_ratio};
use crate::platform::frame::AnimationFrame;
use crate::platform::theme::Theme;
use crate::platform::{theme, timer};
use api::{DeviceId, FrameId, JourneyId};
use app::store::clock::Clock;
use app::store::lab::Act;
use app::store::live::Live;
use app::store::picture::geometry::{along, mono_width, point};
use app::store::picture::label::{Anchor, places};
use app::store::picture::{Picture, Point, Rect};
use app::store::stage::{Envelope, Mark, Stage};
use app::store::viewport::Viewport;
use app::words;
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::prelude::*;

/// With more envelopes than this in view, labels would hide the picture; they show on hover.
const LABELS: usize = 8;
/// The longest step of the play: after a pause of the browser nothing jumps.
const LONGEST_MS: f64 = 100.0;
/// Ways remembered; more are found anew.
const WAYS: usize = 2_000;
/// An envelope this far outside the view is not drawn, in units of the picture.
const RIM: f64 = 24.0;

/// An envelope as it was drawn last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    pub at: Point,
    pub frame: FrameId,
    pub journey: JourneyId,
}

#[derive(Properties, PartialEq)]
pub struct EnvelopesProps {
    pub picture: Rc<Picture>,
    pub stage: Live<Stage>,
    pub clock: Clock,
    pub view: Viewport,
    pub theme: Theme,
    /// The envelope under the pointer.
    pub over: Option<FrameId>,
    /// Filled at every frame, for whoever must know what is where.
    pub drawn: Live<Vec<Drawn>>,
    pub on_act: Callback<Act>,
}

/// By which devices, and for which Service or other address.
type Key = (Option<DeviceId>, DeviceId, DeviceId, Option<String>);

/// A hop in the picture.
struct Way {
    points: Vec<Point>,
    /// The share of it before the packet leaves the machine that rewrites its destination.
    inside: f64,
    /// The Service whose rules do that.
    service: Option<String>,
}

/// An envelope and where it is.
struct Placed<'a> {
    envelope: Envelope<'a>,
    at: Point,
    /// Its destination is being rewritten.
    way: Option<Rc<Way>>,
}

pub struct Envelopes {
    node: NodeRef,
    canvas: Option<Canvas>,
    stamps: Option<Stamps>,
    ways: BTreeMap<Key, Rc<Way>>,
    marks: Vec<(Mark, Point)>,
    frame: Option<AnimationFrame>,
    last_ms: f64,
    still: bool,
    told: (usize, String),
}

pub enum Msg {
    Frame(f64),
}

impl Component for Envelopes {
    type Message = Msg;
    type Properties = EnvelopesProps;

    fn create(ctx: &Context<Self>) -> Self {
        let mut envelopes = Envelopes {
            node: NodeRef::default(),
            canvas: None,
            stamps: None,
            ways: BTreeMap::new(),
            marks: Vec::new(),
            frame: None,
            last_ms: timer::now_ms(),
            still: theme::reduced_motion(),
            told: Default::default(),
        };
        envelopes.go_on(ctx);
        envelopes
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &EnvelopesProps) -> bool {
        let props = ctx.props();
        let same_picture = Rc::ptr_eq(&props.picture, &old.picture);
        if !same_picture {
            self.ways.clear();
            self.find_marks(props);
        }
        if props.theme != old.theme {
            self.stamps = None;
        }
        self.go_on(ctx);
        !same_picture || props.view != old.view
    }

    fn update(&mut self, ctx: &Context<Self>, Msg::Frame(now_ms): Msg) -> bool {
        self.frame = None;
        let props = ctx.props();
        let passed = (now_ms - self.last_ms).clamp(0.0, LONGEST_MS);
        self.last_ms = now_ms;
        let moves = props.stage.quietly(|stage| stage.advance(passed, &props.clock, now_ms));
        self.draw(props);
        if moves {
            self.go_on(ctx);
        }
        let same = props.stage.read().marks().map(Mark::face).eq(self.marks.iter().map(|it| it.0.face()));
        if !same {
            self.find_marks(props);
        }
        !same
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        html! {
            <>
                <canvas ref={self.node.clone()} class="moving" aria-hidden="true"></canvas>
                <svg class="marks" aria-hidden="true" viewBox={view_box(props.view.shown(&props.picture))}>
                    { for self.marks.iter().map(|(mark, at)| mark_view(mark, *at, ctx)) }
                </svg>
            </>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if first {
            self.canvas = Canvas::of(&self.node);
            self.go_on(ctx);
        }
    }
}

impl Envelopes {
    fn go_on(&mut self, ctx: &Context<Self>) {
        if self.frame.is_none() {
            let link = ctx.link().clone();
            self.frame = Some(AnimationFrame::request(move |ms| link.send_message(Msg::Frame(ms))));
        }
    }

    fn find_marks(&mut self, props: &EnvelopesProps) {
        let place = |mark: &Mark| props.picture.place(mark.machine, mark.netns, mark.device);
        let stage = props.stage.read();
        self.marks = stage.marks().filter_map(|mark| Some((mark.clone(), place(mark)?))).collect();
    }

    /// Where an envelope is; without motion it stands where it arrives.
    fn at<'a>(&mut self, envelope: Envelope<'a>, picture: &Picture) -> Option<Placed<'a>> {
        let Envelope { came_by, flight, share, .. } = envelope;
        let before = flight.dnat.as_ref().map(|it| it.before.clone());
        if self.ways.len() > WAYS {
            self.ways.clear();
        }
        let find = || {
            let service = before.as_deref().and_then(|it| picture.service_at(it)).map(|it| it.key.clone());
            let (points, inside) = match &before {
                Some(before) => picture.path_by(came_by, flight.from, flight.to, before),
                None => (picture.path(came_by, flight.from, flight.to), 0.0),
            };
            Rc::new(Way { points, inside, service })
        };
        let key = (came_by, flight.from, flight.to, before.clone());
        let way = self.ways.entry(key).or_insert_with(find);
        let at = along(&way.points, if self.still { 1.0 } else { share })?;
        let way = (!self.still && share < way.inside).then(|| Rc::clone(way));
        Some(Placed { envelope, at, way })
    }

    fn draw(&mut self, props: &EnvelopesProps) {
        let (rect, ratio) = (props.view.shown(&props.picture), pixel_ratio());
        let scale = props.view.scale(&props.picture) * ratio;
        let stage = props.stage.read();
        let seen = Rect { x: rect.x - RIM, y: rect.y - RIM, w: rect.w + RIM * 2.0, h: rect.h + RIM * 2.0 };
        let envelopes: Vec<Placed> = stage
            .envelopes(&props.clock, self.last_ms)
            .filter_map(|envelope| self.at(envelope, &props.picture).filter(|it| seen.holds(it.at)))
            .collect();
        props.drawn.quietly(|drawn| {
            drawn.clear();
            drawn.extend(envelopes.iter().map(|it| Drawn {
                at: it.at,
                frame: it.envelope.flight.frame,
                journey: it.envelope.flight.journey,
            }));
        });
        self.tell(&envelopes);
        let Some(canvas) = &self.canvas else { return };
        if !self.stamps.as_ref().is_some_and(|stamps| stamps.fits(scale)) {
            self.stamps = Stamps::draw(Palette::read(), scale);
        }
        let Some(stamps) = &self.stamps else { return };
        canvas.clear(rect.w * scale, rect.h * scale);
        let origin = point(rect.x, rect.y);
        canvas.scale(scale, origin);
        let looked_up = envelopes.iter().filter_map(|it| it.way.as_ref());
        looked_up.filter(|way| way.service.is_some()).for_each(|way| stamps.look_up(canvas, &way.points));
        canvas.scale(1.0, point(0.0, 0.0));
        for Placed { envelope, at, .. } in &envelopes {
            canvas.alpha(if envelope.faded { 0.35 } else { 1.0 });
            let pixel = point((at.x - rect.x) * scale, (at.y - rect.y) * scale);
            stamps.put(canvas, envelope.flight.protocol, envelope.flight.depth > 0, pixel);
        }
        canvas.scale(scale, origin);
        let few = envelopes.len() <= LABELS;
        let speaking: Vec<Placed> = envelopes
            .into_iter()
            .filter(|it| speaks(it) && (few || props.over == Some(it.envelope.flight.frame)))
            .collect();
        let grow = props.view.grow(&props.picture);
        let boxes = labels(&self.marks, &speaking, rect.right(), grow);
        for (it, around) in speaking.iter().zip(boxes) {
            stamps.say(canvas, it.envelope.flight.protocol, &says(it), around, 11.0 * grow);
        }
    }

    /// What is drawn, for whoever reads the page: how many packets, and the Service whose rules one is looked up in.
    fn tell(&mut self, envelopes: &[Placed]) {
        let service = envelopes.iter().find_map(|it| it.way.as_ref()?.service.as_deref()).unwrap_or_default();
        let told = (envelopes.len(), service);
        if let Some(canvas) = self.canvas.as_ref().filter(|_| (self.told.0, self.told.1.as_str()) != told) {
            canvas.tell("data-packets", &told.0.to_string());
            canvas.tell("data-service", told.1);
            self.told = (told.0, told.1.to_owned());
        }
    }
}

/// What stands beside an envelope: its label; while its destination is rewritten, that.
fn says(it: &Placed) -> String {
    match it.envelope.flight.dnat.as_ref().filter(|_| it.way.is_some()) {
        Some(dnat) => words::dnat(&dnat.before, &dnat.after),
        None => it.envelope.flight.label.clone(),
    }
}

/// One that has arrived and is about to go says nothing any more.
fn speaks(it: &Placed) -> bool {
    !it.envelope.faded && (it.way.is_some() || !it.envelope.flight.label.is_empty())
}

/// From an envelope's middle to its words; a tunnel's is larger.
fn beside(envelope: &Envelope) -> f64 {
    if envelope.flight.depth > 0 { 20.0 } else { 15.0 }
}

/// A box for the words of each envelope that speaks.
fn labels(marks: &[(Mark, Point)], speaking: &[Placed], right: f64, grow: f64) -> Vec<Rect> {
    let mark = |(mark, at): &(Mark, Point)| Rect {
        x: at.x - 11.0,
        y: at.y - 11.0,
        w: mono_width(&mark_text(mark)) + 32.0,
        h: 22.0,
    };
    let taken: Vec<Rect> = marks.iter().map(mark).collect();
    let anchor = |it: &Placed| Anchor {
        at: it.at,
        beside: beside(&it.envelope),
        width: mono_width(&says(it)) * grow + 6.0,
    };
    let anchors: Vec<Anchor> = speaking.iter().map(anchor).collect();
    let corner = |(corner, anchor): (Point, &Anchor)| Rect {
        x: anchor.at.x + corner.x,
        y: anchor.at.y + corner.y,
        w: anchor.width,
        h: 16.0,
    };
    places(&taken, &anchors, right).into_iter().zip(&anchors).map(corner).collect()
}

fn mark_text(mark: &Mark) -> String {
    format!("{}{}", mark.reason.name(), words::times(mark.count))
}

fn mark_view(mark: &Mark, at: Point, ctx: &Context<Envelopes>) -> Html {
    let (text, journey) = (mark_text(mark), mark.journey);
    let onclick = ctx.props().on_act.reform(move |_: MouseEvent| Act::PickJourney(journey));
    html! {
        <g class="mark" transform={format!("translate({:.1} {:.1})", at.x, at.y)} {onclick}>
            <title>{ mark.reason.explain() }</title>
            <circle class="disc" r="11" />
            <path class="cross" d="M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5" />
            <rect class="label" x="13" y="-8" width={num(mono_width(&text) + 8.0)} height="16" rx="3" />
            <text x="17" y="0">{ text }</text>
        </g>
    }
}
