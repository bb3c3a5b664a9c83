//! All commands by name: typed, chosen with the arrow keys, run with Enter.

use crate::platform::element;
use app::store::command::{Entry, Run, search};
use app::words;
use std::rc::Rc;
use web_sys::Event;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct PaletteProps {
    pub entries: Rc<Vec<Entry>>,
    pub on_run: Callback<Run>,
    pub on_close: Callback<()>,
}

#[component]
pub fn Palette(props: &PaletteProps) -> Html {
    let typed = use_state(String::new);
    let chosen = use_state(|| 0usize);
    let input = use_node_ref();
    {
        let input = input.clone();
        use_effect_with((), move |()| element::focus(&input));
    }
    let found = search(&props.entries, &typed);
    let at = (*chosen).min(found.len().saturating_sub(1));
    {
        use_effect_with(at, |at| element::reveal(&format!("palette-{at}")));
    }
    let oninput = {
        let (typed, chosen) = (typed.clone(), chosen.clone());
        Callback::from(move |event: InputEvent| {
            typed.set(element::value(event.as_ref() as &Event));
            chosen.set(0);
        })
    };
    let onkeydown = {
        let (found, chosen) = (found.clone(), chosen.clone());
        let (on_run, on_close) = (props.on_run.clone(), props.on_close.clone());
        Callback::from(move |event: KeyboardEvent| {
            match event.key().as_str() {
                "ArrowDown" => chosen.set((at + 1).min(found.len().saturating_sub(1))),
                "ArrowUp" => chosen.set(at.saturating_sub(1)),
                "Enter" => {
                    if let Some(entry) = found.get(at) {
                        on_run.emit(entry.run.clone());
                    }
                }
                "Escape" | "Tab" => on_close.emit(()),
                _ => return,
            }
            event.prevent_default();
        })
    };
    let row = |(index, entry): (usize, &Entry)| {
        let run = entry.run.clone();
        html! {
            <li id={format!("palette-{index}")} role="option" aria-selected={if index == at { "true" } else { "false" }}
                onclick={props.on_run.reform(move |_| run.clone())}>
                <span>{ &entry.title }</span>
                if !entry.typed.is_empty() { <code>{ "lab " }{ entry.typed }</code> }
                if !entry.keys.is_empty() { <kbd>{ entry.keys }</kbd> }
            </li>
        }
    };
    html! {
        <div class="veil" onclick={props.on_close.reform(|_| ())}>
            <div class="palette" role="dialog" aria-modal="true" aria-label={words::PALETTE}
                onclick={Callback::from(|event: MouseEvent| event.stop_propagation())}>
                <input ref={input} type="text" role="combobox" aria-expanded="true" aria-controls="palette-list"
                    aria-activedescendant={format!("palette-{at}")} aria-label={words::PALETTE_TYPE}
                    placeholder={words::PALETTE_TYPE} autocomplete="off" spellcheck="false" {oninput} {onkeydown} />
                <ul id="palette-list" role="listbox" aria-label={words::PALETTE}>
                    { for found.iter().enumerate().map(row) }
                    if found.is_empty() { <li class="none" role="option" aria-selected="false">{ words::PALETTE_NONE }</li> }
                </ul>
            </div>
        </div>
    }
}
