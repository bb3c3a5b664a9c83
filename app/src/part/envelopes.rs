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

type Way = (Option<DeviceId>, DeviceId, DeviceId);

pub struct Envelopes {
    node: NodeRef,
    canvas: Option<Canvas>,
    stamps: Option<Stamps>,
    ways: BTreeMap<Way, Rc<[Point]>>,
    marks: Vec<(Mark, Point)>,
    frame: Option<AnimationFrame>,
    last_ms: f64,
    still: bool,
    told: usize,
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
            told: 0,
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
    fn at(&mut self, envelope: &Envelope, picture: &Picture) -> Option<Point> {
        let way = (envelope.came_by, envelope.flight.from, envelope.flight.to);
        if self.ways.len() > WAYS {
            self.ways.clear();
        }
        let points = self.ways.entry(way).or_insert_with(|| picture.path(way.0, way.1, way.2).into());
        along(points, if self.still { 1.0 } else { envelope.share })
    }

    fn draw(&mut self, props: &EnvelopesProps) {
        let (rect, ratio) = (props.view.shown(&props.picture), pixel_ratio());
        let scale = props.view.scale(&props.picture) * ratio;
        let stage = props.stage.read();
        let seen = |at: &Point| {
            Rect { x: rect.x - RIM, y: rect.y - RIM, w: rect.w + RIM * 2.0, h: rect.h + RIM * 2.0 }.holds(*at)
        };
        let envelopes: Vec<(Envelope, Point)> = stage
            .envelopes(&props.clock, self.last_ms)
            .filter_map(|envelope| Some((envelope, self.at(&envelope, &props.picture).filter(seen)?)))
            .collect();
        props.drawn.quietly(|drawn| {
            drawn.clear();
            drawn.extend(envelopes.iter().map(|(envelope, at)| Drawn {
                at: *at,
                frame: envelope.flight.frame,
                journey: envelope.flight.journey,
            }));
        });
        let Some(canvas) = &self.canvas else { return };
        if self.told != envelopes.len() {
            self.told = envelopes.len();
            canvas.tell("data-packets", &envelopes.len().to_string());
        }
        if !self.stamps.as_ref().is_some_and(|stamps| stamps.fits(scale)) {
            self.stamps = Stamps::draw(Palette::read(), scale);
        }
        let Some(stamps) = &self.stamps else { return };
        canvas.clear(rect.w * scale, rect.h * scale);
        for (envelope, at) in &envelopes {
            canvas.alpha(if envelope.faded { 0.35 } else { 1.0 });
            let pixel = point((at.x - rect.x) * scale, (at.y - rect.y) * scale);
            stamps.put(canvas, envelope.flight.protocol, envelope.flight.depth > 0, pixel);
        }
        canvas.scale(scale, point(rect.x, rect.y));
        let few = envelopes.len() <= LABELS;
        let speaking: Vec<(Envelope, Point)> = envelopes
            .into_iter()
            .filter(|(it, _)| speaks(it) && (few || props.over == Some(it.flight.frame)))
            .collect();
        let grow = props.view.grow(&props.picture);
        let boxes = labels(&self.marks, &speaking, rect.right(), grow);
        for ((envelope, _), around) in speaking.iter().zip(boxes) {
            stamps.say(canvas, envelope.flight.protocol, &envelope.flight.label, around, 11.0 * grow);
        }
    }
}

/// One that has arrived and is about to go says nothing any more.
fn speaks(envelope: &Envelope) -> bool {
    !envelope.faded && !envelope.flight.label.is_empty()
}

/// From an envelope's middle to its words; a tunnel's is larger.
fn beside(envelope: &Envelope) -> f64 {
    if envelope.flight.depth > 0 { 20.0 } else { 15.0 }
}

/// A box for the words of each envelope that speaks.
fn labels(marks: &[(Mark, Point)], speaking: &[(Envelope, Point)], right: f64, grow: f64) -> Vec<Rect> {
    let mark = |(mark, at): &(Mark, Point)| Rect {
        x: at.x - 11.0,
        y: at.y - 11.0,
        w: mono_width(&mark_text(mark)) + 32.0,
        h: 22.0,
    };
    let taken: Vec<Rect> = marks.iter().map(mark).collect();
    let width = |envelope: &Envelope| mono_width(&envelope.flight.label) * grow + 6.0;
    let anchor = |(envelope, at): &(Envelope, Point)| Anchor {
        at: *at,
        beside: beside(envelope),
        width: width(envelope),
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
