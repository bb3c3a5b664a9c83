//! Time: pause, step, speed, the scrub bar and the clock.

use super::icon::{Glyph, Tool};
use super::perhaps;
use super::scrub::Scrub;
use crate::platform::element;
use app::store::clock::{Clock, clock_text};
use app::store::lab::{Act, Pace};
use app::store::timeline::Timeline;
use app::words;
use std::rc::Rc;
use web_sys::Event;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct TimeBarProps {
    pub clock: Clock,
    pub pace: Pace,
    pub timeline: Rc<Timeline>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn TimeBar(props: &TimeBarProps) -> Html {
    let act = |act: Act| props.on_act.reform(move |()| act.clone());
    let paused = props.pace == Pace::Paused;
    let onchange = perhaps(&props.on_act, |event: Event| {
        let index: usize = element::value(&event).parse().ok()?;
        Some(Act::Pace(*Pace::CHOICES.get(index)?))
    });
    let option = |(index, pace): (usize, &Pace)| {
        html! { <option value={index.to_string()} selected={props.pace == *pace}>{ words::pace(*pace) }</option> }
    };
    let known = Pace::CHOICES.contains(&props.pace);
    let text = clock_text(props.clock.now);
    let (coarse, micro) = text.split_at(text.rfind(' ').unwrap_or(text.len()));
    html! {
        <section class="time" id="time" tabindex="-1" aria-label={words::TIME}>
            <Tool glyph={Glyph::StepBack} label={words::STEP_BACK} keys="F9" on_click={act(Act::StepBack)} />
            <Tool glyph={if paused { Glyph::Play } else { Glyph::Pause }} label={if paused { words::GO } else { words::PAUSE }}
                keys="F8" on_click={act(Act::TogglePause)} />
            <Tool glyph={Glyph::StepOn} label={words::STEP_PACKET} keys="F10" on_click={act(Act::StepPacket)} />
            <Tool glyph={Glyph::StepEvent} label={words::STEP_EVENT} keys="F7" class="wide-only" on_click={act(Act::StepEvent)} />
            <Tool glyph={Glyph::ToEnd} label={words::TO_THE_END} class="wide-only" on_click={act(Act::ToTheEnd)} />
            <select aria-label={words::SPEED.trim_end_matches(':')} {onchange}>
                if !known { <option value="" selected=true disabled=true>{ words::pace(props.pace) }</option> }
                { for Pace::CHOICES.iter().enumerate().map(option) }
            </select>
            <Scrub clock={props.clock} timeline={props.timeline.clone()} on_seek={props.on_act.reform(Act::Seek)} />
            <span class={classes!("face", (paused || matches!(props.pace, Pace::Packets(_))).then_some("face--still"))} title={words::CLOCK}>
                { coarse.to_string() }<span class="micro">{ micro.to_string() }</span>
            </span>
        </section>
    }
}
