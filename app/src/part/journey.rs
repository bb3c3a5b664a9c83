//! One packet's journey: where it was, what was decided there, and how it ended.

use api::journey::{Journey, Stop, StopKind, Verdict};
use api::topology::{Device, Topology};
use app::store::clock::span_text;
use app::store::journey::{Leg, legs};
use app::store::lab::{Act, Shown};
use app::store::picture::describe::pod_name;
use app::store::teach;
use app::words;
use app::words::kube::rewritten_by;
use app::words::stop::tell;
use lessons::Course;
use std::rc::Rc;
use yew::prelude::*;

/// A pause between two stops that is worth a word: it is why the learner waited.
const PAUSE: u64 = 5_000_000;

#[derive(Properties, PartialEq)]
pub struct JourneyViewProps {
    pub shown: Option<Shown>,
    pub topology: Rc<Topology>,
    pub course: Option<Rc<Course>>,
    /// The lesson that is open.
    pub open: AttrValue,
    pub on_act: Callback<Act>,
}

#[component]
pub fn JourneyView(props: &JourneyViewProps) -> Html {
    let Some(shown) = &props.shown else { return html! { <p class="empty">{ words::PICK_JOURNEY }</p> } };
    let journey = &shown.journey;
    let cause = journey.cause;
    html! {
        <article class="journey">
            <header>
                <h3>{ &journey.summary }</h3>
                { verdict(journey) }
                <div class="row-of">
                    <button type="button" class="link" onclick={props.on_act.reform(|_| Act::PlayJourney)}>{ words::PLAY }</button>
                    if let Some(cause) = cause {
                        <button type="button" class="link link--soft" onclick={props.on_act.reform(move |_| Act::PickJourney(cause))}>{ words::CAUSED_BY }</button>
                    }
                </div>
                if shown.forked { <p class="note">{ words::FORKED }</p> }
            </header>
            { for legs(&props.topology, journey).iter().map(|leg| leg_view(leg, shown, props)) }
        </article>
    }
}

/// An address, and whose it is where a Pod has it.
fn pod(topology: &Topology, end: &str) -> String {
    let address = end.rsplit_once(':').map_or(end, |(address, _)| address);
    let has = |device: &&Device| device.addresses.iter().any(|it| it.addr().to_string() == address);
    let netns = topology.devices.values().find(has).and_then(|it| topology.netns.get(&it.netns));
    match netns.and_then(|it| it.title.as_deref()) {
        Some(title) => format!("{end} ({})", pod_name(title)),
        None => end.to_owned(),
    }
}

fn verdict(journey: &Journey) -> Html {
    let (class, bold, text) = match journey.verdict {
        None => ("", words::UNDER_WAY.to_string(), ""),
        Some(Verdict::Delivered) => ("verdict--good", words::DELIVERED.to_string(), ""),
        Some(Verdict::Consumed) => ("verdict--good", words::CONSUMED.to_string(), ""),
        Some(Verdict::Dropped(reason)) => {
            ("verdict--bad", format!("{} {}.", words::ENDED, reason.name()), reason.explain())
        }
    };
    html! { <p class={classes!("verdict", class)}><b>{ bold }</b>{ " " }{ text }</p> }
}

fn leg_view(leg: &Leg<'_>, shown: &Shown, props: &JourneyViewProps) -> Html {
    html! {
        <section>
            <h4 class="place">{ &leg.place }</h4>
            <ol>
                { for leg.stops.iter().enumerate().map(|(index, (stop, waited))| {
                    let before = index.checked_sub(1).and_then(|before| leg.stops.get(before));
                    let named = before.is_none_or(|(before, _)| before.device_name != stop.device_name);
                    stop_view(stop, before.map(|(before, _)| *before), (*waited, named), shown, props)
                }) }
            </ol>
        </section>
    }
}

/// `named` says whether the device is another one than at the stop before.
fn stop_view(
    stop: &Stop,
    before: Option<&Stop>,
    (waited, named): (u64, bool),
    shown: &Shown,
    props: &JourneyViewProps,
) -> Html {
    let words = tell(&stop.kind);
    let by = Some(&stop.kind).filter(|it| matches!(it, StopKind::Nat { .. }));
    let by = by.and_then(|_| rewritten_by(before.map(|it| &it.kind))).unwrap_or_default();
    let end = matches!(stop.kind, StopKind::Dropped { .. });
    let good = matches!(stop.kind, StopKind::Delivered { .. } | StopKind::Consumed { .. });
    let class = classes!(
        "stop",
        end.then_some("stop--end"),
        good.then_some("stop--good"),
        (words.quiet && !end).then_some("stop--quiet")
    );
    let taught = props.course.as_ref().and_then(|course| teach::lesson(course, &props.open, &stop.kind));
    let frame = stop.frame.filter(|_| !shown.forked);
    html! {
        <li {class}>
            <div class="what">
                if waited >= PAUSE { <span class="later">{ words::waited(&span_text(waited)) }{ " " }</span> }
                if named && !stop.device_name.is_empty() { <span class="mono">{ &stop.device_name }{ " " }</span> }
                if !words.term.is_empty() { <b>{ &words.term }</b>{ " " } }
                <span class="soft">{ &words.sentence }</span>
                if let Some(frame) = frame {
                    <button type="button" class="link link--soft to" onclick={props.on_act.reform(move |_| Act::PickFrame(frame))}>{ format!("#{}", frame.0) }</button>
                }
                if let Some(plain) = &words.plain { <div class="plain">{ plain }</div> }
                if let Some((before, after)) = &words.rewrite {
                    <div><del>{ before }</del>{ " → " }<ins>{ pod(&props.topology, after) }</ins>{ " " }<span class="soft">{ by }</span></div>
                }
                if let Some(code) = &words.code { <code class="rule">{ code }</code> }
                if let Some(entry) = taught {
                    <div><a class="link" href={format!("#/lab/{}", entry.id)}>{ words::LESSON }{ ": " }{ &entry.title }</a></div>
                }
            </div>
        </li>
    }
}
