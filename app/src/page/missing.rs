//! An address that leads nowhere.

use crate::part::top_bar::TopBar;
use crate::platform::theme::Theme;
use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct MissingProps {
    pub theme: Theme,
    pub on_theme: Callback<()>,
}

#[component]
pub fn Missing(props: &MissingProps) -> Html {
    html! {
        <div class="app">
            <TopBar theme={props.theme} on_theme={props.on_theme.clone()} />
            <main class="missing">
                <h1>{ words::MISSING }</h1>
                <a class="button button--chief" href="#/">{ words::TO_COURSE }</a>
            </main>
        </div>
    }
}
