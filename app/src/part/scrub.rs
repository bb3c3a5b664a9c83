//! The bar of all that happened: a mark for each frame sent and each drop; drag it to go there.

use super::protocol_class;
use crate::platform::element;
use app::store::clock::{Clock, clock_text};
use app::store::timeline::{Timeline, What};
use app::words;
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct ScrubProps {
    pub clock: Clock,
    pub timeline: Rc<Timeline>,
    pub on_seek: Callback<u64>,
}

#[component]
pub fn Scrub(props: &ScrubProps) -> Html {
    let node = use_node_ref();
    // While dragged, the place of the pointer; the world follows when it is let go.
    let held = use_state(|| None::<f64>);
    // Down and up may come before the next drawing, so whether it is held is known at once.
    let down = use_mut_ref(|| false);
    let share = {
        let node = node.clone();
        move |event: &PointerEvent| {
            let (left, _, width, _) = element::place(&node).unwrap_or_default();
            ((f64::from(event.client_x()) - left) / width.max(1.0)).clamp(0.0, 1.0)
        }
    };
    let onpointerdown = {
        let (held, share, down) = (held.clone(), share.clone(), down.clone());
        Callback::from(move |event: PointerEvent| {
            element::capture(&event);
            *down.borrow_mut() = true;
            held.set(Some(share(&event)));
        })
    };
    let onpointermove = {
        let (held, share, down) = (held.clone(), share.clone(), down.clone());
        Callback::from(move |event: PointerEvent| {
            if *down.borrow() {
                held.set(Some(share(&event)));
            }
        })
    };
    let onpointerup = {
        let (held, timeline, on_seek) = (held.clone(), props.timeline.clone(), props.on_seek.clone());
        Callback::from(move |event: PointerEvent| {
            if std::mem::take(&mut *down.borrow_mut()) {
                held.set(None);
                on_seek.emit(timeline.instant(share(&event)));
            }
        })
    };
    let now = props.clock.now;
    let onkeydown = {
        let (timeline, on_seek) = (props.timeline.clone(), props.on_seek.clone());
        Callback::from(move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowLeft" => timeline.marks().map(|mark| mark.at).filter(|at| *at < now).max(),
                "ArrowRight" => timeline.marks().map(|mark| mark.at).find(|at| *at > now),
                "Home" => Some(0),
                "End" => Some(timeline.horizon()),
                _ => return,
            };
            event.prevent_default();
            if let Some(to) = to {
                on_seek.emit(to);
            }
        })
    };
    let place = held.unwrap_or_else(|| props.timeline.place(now));
    let seen = held.map_or(now, |place| props.timeline.instant(place));
    html! {
        <div ref={node} class="scrub" role="slider" tabindex="0" aria-label={words::SCRUB} aria-valuemin="0" aria-valuemax="1000"
            aria-valuenow={format!("{:.0}", place * 1000.0)} aria-valuetext={clock_text(seen)} title={clock_text(seen)}
            {onpointerdown} {onpointermove} onpointercancel={onpointerup.clone()} {onpointerup} {onkeydown}>
            <Marks timeline={props.timeline.clone()} past={if props.timeline.horizon() > now { now } else { u64::MAX }} />
            <b style={format!("left:{:.2}%", place * 100.0)}></b>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct MarksProps {
    timeline: Rc<Timeline>,
    /// Marks after this instant are still ahead.
    past: u64,
}

/// One line for all marks of a kind, however many there are.
#[component]
fn Marks(props: &MarksProps) -> Html {
    let mut lines: BTreeMap<(bool, &str), String> = BTreeMap::new();
    for (mark, place) in props.timeline.places() {
        let (kind, ends) = match mark.what {
            What::Frame(protocol) => (protocol_class(protocol), "9v12"),
            What::Drop => ("drop", "6v18"),
        };
        let line = lines.entry((mark.at > props.past, kind)).or_default();
        line.push_str(&format!("M{:.1} {ends}", place * 1000.0));
    }
    let line = |((ahead, kind), d): ((bool, &str), String)| {
        html! { <path class={classes!(format!("p-{kind}"), ahead.then_some("ahead"))} {d} /> }
    };
    html! {
        <svg viewBox="0 0 1000 30" preserveAspectRatio="none" aria-hidden="true">{ for lines.into_iter().map(line) }</svg>
    }
}
