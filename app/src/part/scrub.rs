//! The bar of all that happened: a mark for each frame sent and each drop; drag it to go there.

use super::protocol_class;
use crate::platform::element;
use app::store::clock::{Clock, clock_text};
use app::store::timeline::{Timeline, What};
use app::words;
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

#[component]
fn Marks(props: &MarksProps) -> Html {
    let mark = |mark: &app::store::timeline::Mark| {
        let kind = match mark.what {
            What::Frame(protocol) => format!("p-{}", protocol_class(protocol)),
            What::Drop => "drop".to_string(),
        };
        let style = format!("left:{:.2}%", props.timeline.place(mark.at) * 100.0);
        html! { <i class={classes!(kind, (mark.at > props.past).then_some("ahead"))} {style}></i> }
    };
    html! { <>{ for props.timeline.marks().map(mark) }</> }
}
