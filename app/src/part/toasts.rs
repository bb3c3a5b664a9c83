//! Short messages that go away.

use super::icon::{Glyph, Tool};
use app::store::lab::{Act, Toast};
use app::words;
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct ToastsProps {
    pub toasts: Rc<Vec<Toast>>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn Toasts(props: &ToastsProps) -> Html {
    html! {
        <div class="toasts">
            { for props.toasts.iter().map(|toast| {
                let id = toast.id;
                html! {
                    <div class={classes!("toast", toast.bad.then_some("toast--bad"))} key={id}>
                        <p>{ &toast.text }</p>
                        <Tool glyph={Glyph::Close} label={words::CLOSE} on_click={props.on_act.reform(move |()| Act::Dismiss(id))} />
                    </div>
                }
            }) }
        </div>
    }
}
