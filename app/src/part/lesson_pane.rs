//! The lesson: prose, steps with their checks, the goal with its checks, hints, solution, and what happened.
//!
//! Always: prose is HTML made by the `lessons` crate, which lets no script and no outside resource through; its buttons
//! (`data-run`, `data-copy`) are heard here, at the edge of the pane.

use super::check_row::CheckRow;
use super::icon::{Glyph, Icon};
use crate::platform::{clipboard, element};
use app::store::checks::{Checks, Row};
use app::store::lab::{Act, Mode};
use app::store::progress::Done;
use app::words;
use lessons::{Entry, Lesson, Part};
use std::rc::Rc;
use web_sys::Event;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct LessonPaneProps {
    pub lesson: Option<Rc<Lesson>>,
    pub checks: Rc<Checks>,
    pub mode: Mode,
    pub hints: usize,
    pub solution: bool,
    pub done: Done,
    pub next: Option<Entry>,
    pub on_act: Callback<Act>,
    pub on_copied: Callback<bool>,
}

/// A command up to this length stays on one line.
const SHORT: usize = 34;

pub fn prose(html: &str) -> Html {
    Html::from_html_unchecked(format!("<div class=\"prose\">{}</div>", words_of_the_line(html)).into())
}

/// A `button` cannot be broken across lines, so the full stop after a long command would stand alone. What is to be
/// clicked in running text is made a part of the line; it is reached and pressed by keyboard as a button is.
fn words_of_the_line(html: &str) -> String {
    let mut pieces = html.split("<button type=\"button\"");
    let mut text = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let length = piece.split(['>', '<']).nth(1).map_or(0, str::len);
        let short = if length < SHORT { " data-short" } else { "" };
        text.push_str(&format!("<span role=\"button\" tabindex=\"0\"{short}{piece}"));
    }
    text.replace("</button>", "</span>")
}

#[component]
pub fn LessonPane(props: &LessonPaneProps) -> Html {
    let onclick = {
        let (on_act, on_copied) = (props.on_act.clone(), props.on_copied.clone());
        Callback::from(move |event: MouseEvent| {
            let event: &Event = event.as_ref();
            if let Some((line, on)) =
                element::clicked(event, "run").or_else(|| element::clicked(event, "apply"))
            {
                on_act.emit(Act::Run { line, on });
            } else if let Some((text, _)) = element::clicked(event, "copy") {
                let on_copied = on_copied.clone();
                clipboard::copy(&text, move |done| on_copied.emit(done));
            }
        })
    };
    let onkeydown = Callback::from(|event: KeyboardEvent| {
        if matches!(event.key().as_str(), "Enter" | " ") && element::press(event.as_ref()) {
            event.prevent_default();
        }
    });
    html! {
        <section class="pane lesson-pane" id="lesson" tabindex="-1" aria-label={words::LESSON} {onclick} {onkeydown}>
            {
                match &props.lesson {
                    Some(lesson) => body(lesson, props),
                    None => html! {
                        <div class="lesson skeleton" role="status" aria-label={words::LOADING_LESSON}>
                            <span></span><span></span><span></span><span></span>
                        </div>
                    },
                }
            }
        </section>
    }
}

fn body(lesson: &Rc<Lesson>, props: &LessonPaneProps) -> Html {
    let rows = props.checks.rows(lesson);
    let step_of = |row: &Row| lesson.check(&row.id).and_then(|check| check.step.clone());
    let goal: Vec<&Row> = rows.iter().filter(|row| step_of(row).is_none()).collect();
    let mut number = 0;
    let sections: Vec<Html> = lesson
        .sections
        .iter()
        .map(|section| match &section.part {
            Part::Introduction => prose(&section.html),
            Part::Step { title } => {
                number += 1;
                let mine: Vec<&Row> =
                    rows.iter().filter(|row| step_of(row).as_ref() == Some(title)).collect();
                html! {
                    <section>
                        <h2><span class="number">{ number }</span>{ title }</h2>
                        { prose(&section.html) }
                        { checks(&mine, props) }
                    </section>
                }
            }
            Part::Goal => html! { <section><h2>{ words::GOAL }</h2>{ prose(&section.html) }</section> },
        })
        .collect();
    html! {
        <article class="lesson">
            <div class="eyebrow">{ for eyebrow(lesson).into_iter().map(|text| html! { <span>{ text }</span> }) }</div>
            <h1>{ &lesson.title }</h1>
            { for sections }
            { checks(&goal, props) }
            if !rows.is_empty() { { actions(lesson, props) } }
            { help(lesson, props) }
            if props.checks.solved(lesson) && props.checks.begun { { solved(lesson, props) } }
            if !lesson.docs.is_empty() {
                <div class="docs">
                    <div>{ words::READ_MORE }</div>
                    <ul>
                        { for lesson.docs.iter().map(|link| html! {
                            <li><a href={link.url.clone()} target="_blank" rel="noreferrer noopener">{ &link.label }</a></li>
                        }) }
                    </ul>
                </div>
            }
        </article>
    }
}

fn eyebrow(lesson: &Lesson) -> Vec<String> {
    let mut parts: Vec<String> =
        [words::track(&lesson.track)].into_iter().filter(|track| *track != lesson.title).collect();
    let mut certs: Vec<&str> = lesson.exams.iter().map(|exam| exam.cert.as_str()).collect();
    certs.dedup();
    if !certs.is_empty() {
        parts.push(certs.join(", "));
    }
    if lesson.target_seconds > 0 {
        parts.push(words::minutes(lesson.target_seconds));
    }
    parts
}

fn checks(rows: &[&Row], props: &LessonPaneProps) -> Html {
    if rows.is_empty() {
        return Html::default();
    }
    html! {
        <ol class="checks" aria-label={words::CHECKS}>
            { for rows.iter().map(|row| html! { <CheckRow key={row.id.clone()} row={(*row).clone()} on_act={props.on_act.clone()} /> }) }
        </ol>
    }
}

fn actions(lesson: &Lesson, props: &LessonPaneProps) -> Html {
    let act = |act: Act| props.on_act.reform(move |_: MouseEvent| act.clone());
    let more_hints = props.hints < lesson.hints.len();
    let hint = if props.hints == 0 { words::HINT } else { words::NEXT_HINT };
    let solution = if props.solution { words::HIDE_SOLUTION } else { words::SOLUTION };
    html! {
        <div class="lesson-actions">
            if props.mode == Mode::Practise {
                <button type="button" class="button button--small button--chief" onclick={act(Act::Check)}>{ words::CHECK }</button>
            }
            if more_hints { <button type="button" class="link" onclick={act(Act::Hint)}>{ hint }</button> }
            <button type="button" class="link link--soft" onclick={act(Act::Solution)}>{ solution }</button>
            <button type="button" class="link link--soft" onclick={act(Act::Reset)}>{ words::RESET }</button>
        </div>
    }
}

fn help(lesson: &Lesson, props: &LessonPaneProps) -> Html {
    html! {
        <>
            { for lesson.hints.iter().take(props.hints).enumerate().map(|(index, hint)| html! {
                <section class="hint"><h3>{ words::hint(index + 1) }</h3>{ prose(hint) }</section>
            }) }
            if props.solution {
                <section class="solution"><h3>{ words::SOLUTION }</h3>{ prose(&lesson.solution.html) }</section>
            }
        </>
    }
}

fn solved(lesson: &Lesson, props: &LessonPaneProps) -> Html {
    let title = if props.done.clean { words::SOLVED_CLEAN } else { words::SOLVED };
    html! {
        <section class="solved">
            <h2><Icon glyph={Glyph::Check} />{ title }</h2>
            if !lesson.debrief.is_empty() { { prose(&lesson.debrief) } }
            if let Some(next) = &props.next {
                <p class="next">{ words::NEXT_LESSON }{ " " }<a href={format!("#/lab/{}", next.id)}>{ &next.title }</a></p>
            }
        </section>
    }
}
