//! What moves in the picture: packets as envelopes, and the marks where some ended.
//!
//! Always: an animation frame is asked for only while something moves; the scene behind is not drawn again.

use super::protocol_class;
use super::scene::num;
use crate::platform::frame::AnimationFrame;
use crate::platform::{theme, timer};
use api::JourneyId;
use app::store::clock::Clock;
use app::store::live::Live;
use app::store::picture::geometry::{along, mono_width, point};
use app::store::picture::label::{Anchor, places};
use app::store::picture::{Picture, Point, Rect};
use app::store::stage::{Envelope, Mark, Stage};
use app::words;
use std::rc::Rc;
use yew::prelude::*;

/// With more envelopes than this in view, labels would hide the picture; they show on hover.
const LABELS: usize = 8;
/// The longest step of the play: after a pause of the browser nothing jumps.
const LONGEST_MS: f64 = 100.0;

#[derive(Properties, PartialEq)]
pub struct EnvelopesProps {
    pub picture: Rc<Picture>,
    pub stage: Live<Stage>,
    pub clock: Clock,
    pub on_pick: Callback<JourneyId>,
}

pub struct Envelopes {
    frame: Option<AnimationFrame>,
    last_ms: f64,
    still: bool,
}

pub enum Msg {
    Frame(f64),
}

impl Component for Envelopes {
    type Message = Msg;
    type Properties = EnvelopesProps;

    fn create(ctx: &Context<Self>) -> Self {
        let mut envelopes =
            Envelopes { frame: None, last_ms: timer::now_ms(), still: theme::reduced_motion() };
        envelopes.go_on(ctx);
        envelopes
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &EnvelopesProps) -> bool {
        let props = ctx.props();
        if props.stage != old.stage
            || props.clock.speed != old.clock.speed
            || props.clock.now != old.clock.now
        {
            self.go_on(ctx);
        }
        !Rc::ptr_eq(&props.picture, &old.picture)
    }

    fn update(&mut self, ctx: &Context<Self>, Msg::Frame(now_ms): Msg) -> bool {
        self.frame = None;
        let props = ctx.props();
        let passed = (now_ms - self.last_ms).clamp(0.0, LONGEST_MS);
        self.last_ms = now_ms;
        if props.stage.quietly(|stage| stage.advance(passed, &props.clock, now_ms)) {
            self.go_on(ctx);
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let stage = props.stage.read();
        let marks: Vec<(Mark, Point)> = stage
            .marks()
            .into_iter()
            .filter_map(|mark| Some((props.picture.place(mark.machine, mark.netns, mark.device)?, mark)))
            .map(|(at, mark)| (mark, at))
            .collect();
        let envelopes: Vec<(Envelope, Point)> = stage
            .envelopes(&props.clock, self.last_ms)
            .into_iter()
            .filter_map(|envelope| Some((self.at(&envelope, &props.picture)?, envelope)))
            .map(|(at, envelope)| (envelope, at))
            .collect();
        let mut labels = labels(&marks, &envelopes, props.picture.width).into_iter();
        html! {
            <g class="moving">
                { for marks.iter().map(|(mark, at)| mark_view(mark, *at, ctx)) }
                { for envelopes.iter().map(|(envelope, at)| {
                    let label = speaks(envelope).then(|| labels.next()).flatten();
                    envelope_view(envelope, *at, label, ctx)
                }) }
            </g>
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

    /// Where an envelope is; without motion it stands where it arrives.
    fn at(&self, envelope: &Envelope, picture: &Picture) -> Option<Point> {
        let path = picture.path(envelope.came_by, envelope.flight.from, envelope.flight.to);
        along(&path, if self.still { 1.0 } else { envelope.share })
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

/// A place for the words of each envelope that speaks; with too many of them there are none.
fn labels(marks: &[(Mark, Point)], envelopes: &[(Envelope, Point)], right: f64) -> Vec<Point> {
    if envelopes.len() > LABELS {
        return Vec::new();
    }
    let mark = |(mark, at): &(Mark, Point)| Rect {
        x: at.x - 11.0,
        y: at.y - 11.0,
        w: mono_width(&mark_text(mark)) + 32.0,
        h: 22.0,
    };
    let taken: Vec<Rect> = marks.iter().map(mark).collect();
    let anchors: Vec<Anchor> = envelopes
        .iter()
        .filter(|(envelope, _)| speaks(envelope))
        .map(|(envelope, at)| Anchor {
            at: *at,
            beside: beside(envelope),
            width: mono_width(&envelope.flight.label) + 6.0,
        })
        .collect();
    places(&taken, &anchors, right)
}

fn envelope_view(envelope: &Envelope, at: Point, label: Option<Point>, ctx: &Context<Envelopes>) -> Html {
    let flight = &envelope.flight;
    let class = classes!(
        "env",
        format!("env--{}", protocol_class(flight.protocol)),
        envelope.faded.then_some("env--faded")
    );
    let label = label.map(|it| (it, point(it.x + 3.0, it.y + 8.0)));
    html! {
        <g {class} transform={translate(at)} onclick={pick(ctx, flight.journey)}>
            <title>{ &flight.label }</title>
            if flight.depth > 0 { <rect class="around" x="-17" y="-12.5" width="34" height="25" rx="4" /> }
            <rect class="paper" x="-12" y="-8.5" width="24" height="17" rx="2.5" />
            <path class="flap" d="M-11-6.5L0 2 11-6.5" />
            if let Some((corner, words)) = label {
                <rect class="label" x={num(corner.x)} y={num(corner.y)} width={num(mono_width(&flight.label) + 6.0)} height="16" rx="3" />
                <text x={num(words.x)} y={num(words.y)}>{ &flight.label }</text>
            }
        </g>
    }
}

fn mark_text(mark: &Mark) -> String {
    format!("{}{}", mark.reason.name(), words::times(mark.count))
}

fn mark_view(mark: &Mark, at: Point, ctx: &Context<Envelopes>) -> Html {
    let text = mark_text(mark);
    html! {
        <g class="mark" transform={translate(at)} onclick={pick(ctx, mark.journey)}>
            <title>{ mark.reason.explain() }</title>
            <circle class="disc" r="11" />
            <path class="cross" d="M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5" />
            <rect class="label" x="13" y="-8" width={num(mono_width(&text) + 8.0)} height="16" rx="3" />
            <text x="17" y="0">{ text }</text>
        </g>
    }
}

fn pick(ctx: &Context<Envelopes>, journey: JourneyId) -> Callback<MouseEvent> {
    ctx.props().on_pick.reform(move |event: MouseEvent| {
        event.stop_propagation();
        journey
    })
}

fn translate(at: Point) -> String {
    format!("translate({:.1} {:.1})", at.x, at.y)
}
