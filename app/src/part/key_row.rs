//! The keys a touch screen lacks.

use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct KeyRowProps {
    /// Ctrl is held for the next key.
    pub control: bool,
    pub on_control: Callback<()>,
    pub on_bytes: Callback<&'static [u8]>,
}

#[component]
pub fn KeyRow(props: &KeyRowProps) -> Html {
    const KEYS: [(&str, &[u8]); 7] = [
        ("Tab", b"\t"),
        ("Esc", b"\x1b"),
        ("↑", b"\x1b[A"),
        ("↓", b"\x1b[B"),
        ("|", b"|"),
        ("-", b"-"),
        ("/", b"/"),
    ];
    // The terminal keeps the focus, so that the screen's own keyboard stays.
    let stay = Callback::from(|event: PointerEvent| event.prevent_default());
    let key = |(text, bytes): (&'static str, &'static [u8])| {
        html! { <button type="button" onpointerdown={stay.clone()} onclick={props.on_bytes.reform(move |_| bytes)}>{ text }</button> }
    };
    html! {
        <div class="keys" role="toolbar" aria-label={words::KEYS}>
            <button type="button" aria-pressed={if props.control { "true" } else { "false" }} onpointerdown={stay.clone()}
                onclick={props.on_control.reform(|_| ())}>{ "Ctrl" }</button>
            { for KEYS.into_iter().map(key) }
        </div>
    }
}
