//! What is shown where there is nothing to show: what is missing, and the ways on.

use crate::part::top_bar::TopBar;
use crate::platform::element;
use crate::platform::theme::Theme;
use app::words;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct MissingProps {
    pub title: AttrValue,
    pub more: AttrValue,
    /// Where trying again may help.
    #[prop_or_default]
    pub on_retry: Option<Callback<()>>,
    pub theme: Theme,
    pub on_theme: Callback<()>,
}

#[component]
pub fn Missing(props: &MissingProps) -> Html {
    use_effect_with((), |()| element::set_title(words::NAME));
    html! {
        <div class="app">
            <TopBar theme={props.theme} on_theme={props.on_theme.clone()} />
            <main class="missing">
                <h1>{ &props.title }</h1>
                <p>{ &props.more }</p>
                <div class="row">
                    if let Some(retry) = &props.on_retry {
                        <button type="button" class="button" onclick={retry.reform(|_| ())}>{ words::RETRY }</button>
                    }
                    <a class="button button--chief" href="#/">{ words::TO_COURSE }</a>
                    <a class="button" href="#/sandbox">{ words::SANDBOX }</a>
                </div>
            </main>
        </div>
    }
}
