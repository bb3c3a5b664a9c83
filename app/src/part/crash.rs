//! What is shown when the engine has stopped: what happened, and the way back.

use crate::platform::element;
use app::store::lab::Act;
use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct CrashedProps {
    pub message: AttrValue,
    /// The replay as text, to be saved with a report.
    pub on_save: Callback<()>,
    pub on_act: Callback<Act>,
}

#[component]
pub fn Crashed(props: &CrashedProps) -> Html {
    use_effect_with((), |()| element::focus_id("crash-restart"));
    html! {
        <div class="veil">
            <div class="dialog" role="alertdialog" aria-modal="true" aria-labelledby="crash-title">
                <h2 id="crash-title">{ words::CRASHED }</h2>
                <p>{ words::CRASHED_MORE }</p>
                <pre tabindex="0">{ &props.message }</pre>
                <div class="row">
                    <button type="button" class="button button--chief" id="crash-restart"
                        onclick={props.on_act.reform(|_| Act::Restart)}>{ words::RESTART }</button>
                    <button type="button" class="button" onclick={props.on_save.reform(|_| ())}>{ words::CRASH_SAVE }</button>
                </div>
            </div>
        </div>
    }
}
