//! One check: its state, and opened what was wanted, what came, why, and the packet that shows it.

use super::icon::{Glyph, Icon};
use crate::platform::element;
use app::store::checks::{Look, Row};
use app::store::lab::Act;
use app::words;
use web_sys::Event;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct CheckRowProps {
    pub row: Row,
    pub on_act: Callback<Act>,
}

fn look(look: Look) -> (&'static str, Glyph, &'static str) {
    match look {
        Look::Todo => ("check--todo", Glyph::Dot, words::STATE_TODO),
        Look::Pass => ("check--pass", Glyph::Check, words::STATE_PASS),
        Look::Fail => ("check--fail", Glyph::Cross, words::STATE_FAIL),
        Look::Error => ("check--error", Glyph::Unknown, words::STATE_ERROR),
    }
}

#[component]
pub fn CheckRow(CheckRowProps { row, on_act }: &CheckRowProps) -> Html {
    let (class, glyph, state) = look(row.look);
    let id = row.id.clone();
    let label = Html::from_html_unchecked(format!("<span>{}</span>", row.label).into());
    html! {
        <li class={classes!("check", class)} data-check={row.id.clone()}>
            <button type="button" class="check-row" aria-expanded={if row.open { "true" } else { "false" }}
                onclick={on_act.reform(move |_| Act::OpenCheck(id.clone()))}>
                <span class="check-mark"><Icon {glyph} /><span class="unseen">{ state }</span></span>
                <span class="check-label">{ label }</span>
                if row.points > 0 { <span class="check-points" title={words::POINTS}>{ row.points }</span> }
            </button>
            if row.open || (row.question.is_some() && row.look != Look::Pass) { { body(row, on_act) } }
        </li>
    }
}

fn body(row: &Row, on_act: &Callback<Act>) -> Html {
    let pair = |term: &'static str, text: &str| {
        if text.is_empty() {
            Html::default()
        } else {
            html! { <><dt>{ term }</dt><dd>{ with_code(text) }</dd></> }
        }
    };
    let judged = row.judgement.as_ref().filter(|_| row.question.is_none());
    let show = judged.is_some_and(|it| it.show.is_some());
    let id = row.id.clone();
    html! {
        <div class="check-body">
            if let Some((question, choices)) = &row.question { { ask(row, question, choices, on_act) } }
            if let Some(judgement) = judged {
                <dl>
                    { pair(words::WANT, &judgement.want) }
                    { pair(words::GOT, &judgement.got) }
                    { pair(words::WHY, if row.look == Look::Pass { "" } else { &judgement.why }) }
                </dl>
            }
            <div class="more">
                if show {
                    <button type="button" class="link" onclick={on_act.reform(move |_| Act::ShowMe(id.clone()))}>{ words::SHOW_ME }</button>
                }
                { for row.docs.iter().map(|link| html! {
                    <a class="link link--soft" href={link.url.clone()} target="_blank" rel="noreferrer noopener">{ &link.label }</a>
                }) }
            </div>
        </div>
    }
}

/// Words between backquotes are code.
fn with_code(text: &str) -> Html {
    let part = |(index, part): (usize, &str)| {
        if index % 2 == 1 {
            html! { <code>{ part }</code> }
        } else {
            html! { { part } }
        }
    };
    text.split('`').enumerate().map(part).collect()
}

fn ask(row: &Row, question: &str, choices: &[String], on_act: &Callback<Act>) -> Html {
    let id = row.id.clone();
    let said =
        on_act.reform(move |event: Event| Act::Answer { check: id.clone(), said: element::value(&event) });
    let question = Html::from_html_unchecked(format!("<span>{question}</span>").into());
    html! {
        <fieldset class="question">
            <legend>{ question }</legend>
            if choices.is_empty() {
                <input type="text" aria-label={words::ANSWER} value={row.said.clone()} onchange={said.clone()} />
            }
            { for choices.iter().map(|choice| html! {
                <label>
                    <input type="radio" name={row.id.clone()} value={choice.clone()} checked={row.said == *choice} onchange={said.clone()} />
                    <span>{ choice }</span>
                </label>
            }) }
        </fieldset>
    }
}
