//! The bar at the top: where the learner is, how far, and what holds for the whole page.

use super::icon::{Glyph, Icon, Tool};
use crate::platform::theme::Theme;
use app::store::lab::{Act, Mode};
use app::words;
use yew::prelude::*;

/// What the bar shows of an open lab.
#[derive(Clone, Debug, PartialEq)]
pub struct LabLine {
    pub track: String,
    pub title: String,
    /// Points won and points in all, where there are checks.
    pub points: Option<(u32, u32)>,
    pub mode: Mode,
    pub undo: bool,
    pub redo: bool,
}

#[derive(Properties, PartialEq)]
pub struct TopBarProps {
    #[prop_or_default]
    pub lab: Option<LabLine>,
    pub theme: Theme,
    pub on_theme: Callback<()>,
    #[prop_or_default]
    pub on_act: Callback<Act>,
    #[prop_or_default]
    pub on_palette: Callback<()>,
}

#[component]
pub fn TopBar(props: &TopBarProps) -> Html {
    let (glyph, label) = match props.theme {
        Theme::System => (Glyph::System, words::THEME_SYSTEM),
        Theme::Light => (Glyph::Light, words::THEME_LIGHT),
        Theme::Dark => (Glyph::Dark, words::THEME_DARK),
    };
    html! {
        <header class="top">
            <a class="brand" href="#/" aria-label={words::BRAND}><Icon glyph={Glyph::Brand} /><span class={props.lab.as_ref().map(|_| "brand-name")}>{ words::NAME }</span></a>
            if let Some(lab) = &props.lab {
                <nav class="crumbs" aria-label={words::COURSE}>
                    if !lab.track.is_empty() {
                        <a class="link link--soft wide-only" href="#/">{ &lab.track }</a>
                        <span class="wide-only"><Icon glyph={Glyph::Chevron} /></span>
                    }
                    <span class="here" aria-current="page">{ &lab.title }</span>
                </nav>
            }
            <div class="right">
                if let Some(lab) = &props.lab { { lab_tools(lab, props) } }
                <Tool {glyph} {label} on_click={props.on_theme.clone()} />
                if props.lab.is_some() {
                    <button type="button" class="tool" aria-label={format!("{} {}", words::PALETTE_KEY, words::PALETTE)} title={words::PALETTE}
                        onclick={props.on_palette.reform(|_| ())}><kbd class="wide-only">{ words::PALETTE_KEY }</kbd><span class="narrow-only"><Icon glyph={Glyph::List} /></span></button>
                }
            </div>
        </header>
    }
}

fn lab_tools(lab: &LabLine, props: &TopBarProps) -> Html {
    let act = |act: Act| props.on_act.reform(move |()| act.clone());
    html! {
        <>
            if let Some((won, all)) = lab.points {
                <span class="score wide-only">{ words::of(won as usize, all as usize) }{ " " }{ words::POINTS }</span>
                <div class="pair wide-only" role="group" aria-label={words::MODE}>
                    { mode(lab, Mode::Learn, words::LEARN, props) }
                    { mode(lab, Mode::Practise, words::PRACTISE, props) }
                </div>
                <span class="gap wide-only"></span>
            }
            <Tool glyph={Glyph::Undo} label={words::UNDO} keys="Alt+Shift+Z" disabled={!lab.undo} on_click={act(Act::Undo)} />
            <Tool glyph={Glyph::Redo} label={words::REDO} keys="Alt+Shift+Y" disabled={!lab.redo} on_click={act(Act::Redo)} />
            <Tool glyph={Glyph::Share} label={words::SHARE} class="wide-only" on_click={act(Act::Share)} />
            <span class="gap wide-only"></span>
        </>
    }
}

fn mode(lab: &LabLine, mode: Mode, text: &'static str, props: &TopBarProps) -> Html {
    let pressed = if lab.mode == mode { "true" } else { "false" };
    html! {
        <button type="button" aria-pressed={pressed} onclick={props.on_act.reform(move |_| Act::Mode(mode))}>{ text }</button>
    }
}
