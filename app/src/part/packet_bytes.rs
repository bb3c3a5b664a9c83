//! A packet's bytes; pointing at one marks the field it belongs to.

use super::perhaps;
use api::inspect::Dissection;
use app::store::bytes::{field_at, lines};
use app::store::lab::Act;
use app::words;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::Element;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct PacketBytesProps {
    pub dissection: Rc<Dissection>,
    pub field: Option<(u32, u32)>,
    /// Sixteen bytes a line; else eight.
    pub wide: bool,
    pub on_act: Callback<Act>,
}

#[component]
pub fn PacketBytes(props: &PacketBytesProps) -> Html {
    let width = if props.wide { 16 } else { 8 };
    let onclick = {
        let dissection = props.dissection.clone();
        perhaps(&props.on_act, move |event: MouseEvent| {
            let target = event.target()?.dyn_into::<Element>().ok()?;
            let at = target.get_attribute("data-at")?.parse().ok()?;
            Some(Act::Field(field_at(&dissection.layers, at)))
        })
    };
    let (from, length) = props.field.unwrap_or_default();
    let marked = |at: usize| (at as u32) >= from && (at as u32) < from.saturating_add(length);
    let byte = |at: usize, text: String| {
        html! { <span data-at={at.to_string()} class={marked(at).then_some("on")}>{ text }</span> }
    };
    html! {
        <div class="bytes" role="group" aria-label={words::BYTES} tabindex="0" {onclick}>
            { for lines(&props.dissection.bytes, width).into_iter().map(|line| html! {
                <div>
                    <span class="offset">{ format!("{:04x}  ", line.start) }</span>
                    { for line.bytes.iter().enumerate().map(|(index, it)| byte(line.start + index, format!("{it:02x} "))) }
                    { gap(width - line.bytes.len()) }
                    { for line.text.chars().enumerate().map(|(index, c)| byte(line.start + index, c.to_string())) }
                </div>
            }) }
        </div>
    }
}

/// Keeps the characters of a short line below those of the others.
fn gap(missing: usize) -> String {
    " ".repeat(missing * 3 + 1)
}
