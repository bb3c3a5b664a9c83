//! All terminals: a tab for each, one for each machine that has none yet, and the screens.

use super::icon::{Glyph, Icon, Tool};
use super::key_row::KeyRow;
use super::perhaps;
use super::terminal::Terminal;
use crate::platform::terminal::Terminal as Xterm;
use api::TtyId;
use app::store::lab::{Act, Tty};
use app::words;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct TerminalsProps {
    pub ttys: Rc<Vec<Tty>>,
    pub active: Option<TtyId>,
    /// A second terminal shown beside the active one.
    pub beside: Option<TtyId>,
    pub machines: Rc<Vec<String>>,
    /// Share of the engine that is loaded, while it is not.
    pub loading: Option<f64>,
    pub screen_reader: bool,
    pub folded: bool,
    pub on_act: Callback<Act>,
    pub on_open: Callback<(TtyId, Option<Rc<Xterm>>)>,
    pub on_split: Callback<()>,
    pub on_fold: Callback<()>,
    pub control: bool,
    pub on_control: Callback<()>,
}

#[component]
pub fn Terminals(props: &TerminalsProps) -> Html {
    let on_data = props.on_act.reform(|(tty, bytes)| Act::Typed { tty, bytes });
    let on_size = props.on_act.reform(|(tty, columns, rows)| Act::Resized { tty, columns, rows });
    let active = props.active;
    let on_bytes = perhaps(&props.on_act, move |bytes: &'static [u8]| {
        active.map(|tty| Act::Typed { tty, bytes: bytes.to_vec() })
    });
    let screen = |tty: &Tty| {
        let on = Some(tty.id) == props.active || Some(tty.id) == props.beside;
        html! {
            <Terminal key={tty.id.0} tty={tty.id} label={format!("{}, {}", tty.title, words::LEAVES)} {on} screen_reader={props.screen_reader}
                on_open={props.on_open.clone()} on_data={on_data.clone()} on_size={on_size.clone()} />
        }
    };
    html! {
        <section class="terminals" id="terminals" aria-label={words::TERMINALS}>
            { tabs(props) }
            <div class="screens">
                // A list of its own, so that a terminal keeps its element by its key when another one comes.
                { props.ttys.iter().map(screen).collect::<Html>() }
                if props.ttys.is_empty() { { note(props.loading) } }
            </div>
            <KeyRow control={props.control} on_control={props.on_control.clone()} {on_bytes} />
        </section>
    }
}

fn tabs(props: &TerminalsProps) -> Html {
    let idle = props.machines.iter().filter(|name| props.ttys.iter().all(|tty| tty.machine != **name));
    let idle_tab = |name: &String| {
        let machine = name.clone();
        html! {
            <button type="button" class="tab tab--idle" title={format!("{} {name}", words::TERMINAL_ON)}
                onclick={props.on_act.reform(move |_| Act::OpenTty(machine.clone()))}><span class="tab-text">{ name }</span></button>
        }
    };
    let here = props.ttys.iter().find(|tty| Some(tty.id) == props.active).map(|tty| tty.machine.clone());
    html! {
        <div class="tabs">
            <div class="tab-list" role="tablist" aria-label={words::TERMINALS}>{ for props.ttys.iter().map(|tty| tab(tty, props)) }</div>
            { for idle.map(idle_tab) }
            if let Some(here) = here {
                <Tool glyph={Glyph::Plus} label={format!("{} ({here})", words::NEW_TERMINAL)}
                    on_click={props.on_act.reform(move |()| Act::OpenTty(here.clone()))} />
            }
            <span class="push"></span>
            if props.ttys.len() > 1 {
                <Tool glyph={Glyph::Split} label={words::SPLIT} class="wide-only" pressed={props.beside.is_some()} on_click={props.on_split.clone()} />
            }
            <Tool glyph={Glyph::Down} label={words::FOLD_TERMINAL} class="wide-only" pressed={props.folded} on_click={props.on_fold.clone()} />
        </div>
    }
}

/// A tab; arrow keys go to its neighbours.
fn tab(tty: &Tty, props: &TerminalsProps) -> Html {
    let id = tty.id;
    let on = props.active == Some(id);
    let index = props.ttys.iter().position(|it| it.id == id).unwrap_or(0);
    let neighbour = |by: usize| props.ttys.get((index + by) % props.ttys.len().max(1)).map(|it| it.id);
    let (next, before) = (neighbour(1), neighbour(props.ttys.len().max(1) - 1));
    let onkeydown = perhaps(&props.on_act, move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowRight" => next.map(Act::SelectTty),
        "ArrowLeft" => before.map(Act::SelectTty),
        _ => None,
    });
    html! {
        <div class={classes!("tab", on.then_some("tab--on"))} key={id.0} role="presentation">
            <button type="button" role="tab" id={format!("tab-{}", id.0)} aria-controls={format!("screen-{}", id.0)}
                aria-selected={if on { "true" } else { "false" }} tabindex={if on { "0" } else { "-1" }} {onkeydown}
                onclick={props.on_act.reform(move |_| Act::SelectTty(id))}>{ &tty.title }</button>
            if on && props.ttys.len() > 1 {
                <button type="button" class="shut" tabindex="-1" aria-hidden="true" title={words::CLOSE_TERMINAL}
                    onclick={props.on_act.reform(move |_| Act::CloseTty(id))}><Icon glyph={Glyph::Close} /></button>
            }
        </div>
    }
}

fn note(loading: Option<f64>) -> Html {
    let Some(share) = loading else { return Html::default() };
    let percent = (share.clamp(0.0, 1.0) * 100.0) as u32;
    html! {
        <div class="note" role="status">
            <span>{ words::ENGINE_LOADING }</span>
            <div class={classes!("bar", (share < 0.0).then_some("bar--unknown"))} aria-hidden="true"><i style={(share >= 0.0).then(|| format!("width:{percent}%"))}></i></div>
        </div>
    }
}
