//! The line between two panes: dragged, moved by arrow keys, folded by a double click.

use crate::platform::element;
use app::store::panes::Split;
use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct SplitterProps {
    pub split: Split,
    /// In the split's own unit: pixels, or per cent of the whole.
    pub size: f64,
    pub on_size: Callback<(Split, f64)>,
    pub on_fold: Callback<Split>,
}

/// Where a drag began: pointer, size, and how many pixels the whole has.
#[derive(Clone, Copy)]
struct Drag {
    at: f64,
    size: f64,
    whole: f64,
}

fn sideways(split: Split) -> bool {
    matches!(split, Split::Lesson | Split::Drawer)
}

/// Panes right of or below their splitter grow as it moves left or up.
fn sign(split: Split) -> f64 {
    if split == Split::Lesson { 1.0 } else { -1.0 }
}

#[component]
pub fn Splitter(props: &SplitterProps) -> Html {
    let (split, size) = (props.split, props.size);
    let node = use_node_ref();
    let drag = use_mut_ref(|| None::<Drag>);
    let held = use_state(|| false);
    let (least, most, step) = split.limits();
    let position = move |event: &PointerEvent| {
        f64::from(if sideways(split) { event.client_x() } else { event.client_y() })
    };
    let onpointerdown = {
        let (drag, held, node) = (drag.clone(), held.clone(), node.clone());
        Callback::from(move |event: PointerEvent| {
            element::capture(&event);
            let whole = if sideways(split) { 0.0 } else { element::parent_height(&node) };
            *drag.borrow_mut() = Some(Drag { at: position(&event), size, whole });
            held.set(true);
        })
    };
    let onpointermove = {
        let (drag, on_size) = (drag.clone(), props.on_size.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(from) = *drag.borrow() else { return };
            let moved = (position(&event) - from.at) * sign(split);
            let by = if sideways(split) { moved } else { moved / from.whole.max(1.0) * 100.0 };
            on_size.emit((split, from.size + by));
        })
    };
    let onpointerup = {
        let held = held.clone();
        Callback::from(move |_: PointerEvent| {
            *drag.borrow_mut() = None;
            held.set(false);
        })
    };
    let onkeydown = {
        let (on_size, on_fold) = (props.on_size.clone(), props.on_fold.clone());
        Callback::from(move |event: KeyboardEvent| {
            let by = match (event.key().as_str(), sideways(split)) {
                ("ArrowLeft", true) | ("ArrowUp", false) => -step,
                ("ArrowRight", true) | ("ArrowDown", false) => step,
                ("Enter", _) => return on_fold.emit(split),
                _ => return,
            };
            event.prevent_default();
            on_size.emit((split, size + by * sign(split)));
        })
    };
    let name = match split {
        Split::Lesson => "split--lesson",
        Split::Drawer => "split--drawer",
        Split::Terminal => "split--terminal",
        Split::Detail => "split--detail",
    };
    html! {
        <div ref={node} class={classes!("split", name, held.then_some("split--held"))} role="separator" tabindex="0"
            aria-orientation={if sideways(split) { "vertical" } else { "horizontal" }} aria-label={words::RESIZE}
            aria-valuenow={format!("{size:.0}")} aria-valuemin={format!("{least:.0}")} aria-valuemax={format!("{most:.0}")}
            {onpointerdown} {onpointermove} onpointercancel={onpointerup.clone()} {onpointerup} {onkeydown}
            ondblclick={props.on_fold.reform(move |_| split)} />
    }
}
