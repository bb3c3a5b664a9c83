//! On a narrow screen: which pane is shown.

use super::icon::{Glyph, Icon};
use app::store::panes::Narrow;
use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct BottomBarProps {
    pub shown: Narrow,
    pub on_show: Callback<Narrow>,
}

#[component]
pub fn BottomBar(props: &BottomBarProps) -> Html {
    const ALL: [(Narrow, Glyph, &str); 4] = [
        (Narrow::Lesson, Glyph::Lesson, words::LESSON),
        (Narrow::Picture, Glyph::Picture, words::PICTURE),
        (Narrow::Terminal, Glyph::Terminal, words::TERMINAL),
        (Narrow::Packets, Glyph::Packets, words::PACKETS),
    ];
    let button = |(narrow, glyph, text): (Narrow, Glyph, &'static str)| {
        let pressed = if props.shown == narrow { "true" } else { "false" };
        html! {
            <button type="button" aria-pressed={pressed} onclick={props.on_show.reform(move |_| narrow)}>
                <Icon {glyph} />{ text }
            </button>
        }
    };
    html! { <nav class="bottom" aria-label={words::NAME}>{ for ALL.into_iter().map(button) }</nav> }
}
