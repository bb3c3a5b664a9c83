//! The first page: what this is in one sentence, the way in, the course.

use crate::app::CourseState;
use crate::part::icon::{Glyph, Icon};
use crate::part::top_bar::TopBar;
use crate::platform::theme::Theme;
use crate::platform::{element, storage};
use app::store::progress::{Mark, Progress, counts};
use app::words;
use lessons::{Course, Entry, Kind, Track};
use std::rc::Rc;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct HomeProps {
    pub course: CourseState,
    pub theme: Theme,
    pub on_theme: Callback<()>,
}

#[component]
pub fn Home(props: &HomeProps) -> Html {
    let progress = use_memo((), |()| Progress::read(&storage::get("progress").unwrap_or_default()));
    use_effect_with((), |()| element::set_title(words::NAME));
    let course = props.course.known();
    let next = course.as_ref().and_then(|course| progress.next(course)).cloned();
    let begun = !progress.lessons.is_empty();
    let start = next.as_ref().map_or("#/sandbox".to_string(), |entry| format!("#/lab/{}", entry.id));
    html! {
        <div class="app">
            <TopBar theme={props.theme} on_theme={props.on_theme.clone()} />
            <main class="home" id="main">
                <div class="home-inner">
                    <section class="lead">
                        <div>
                            <h1>{ words::LEAD }</h1>
                            <p>{ words::LEAD_MORE }</p>
                            <div class="actions">
                                <a class="button button--chief" href={start}>{ if begun { words::GO_ON } else { words::START } }</a>
                                <a class="button" href="#/sandbox">{ words::SANDBOX }</a>
                                <a class="button" href="#/lab/cluster">{ words::CLUSTER }</a>
                            </div>
                        </div>
                        <figure aria-hidden="true"><Figure /></figure>
                    </section>
                    {
                        match &props.course {
                            CourseState::Known(course) => map(course, &progress, next.as_ref()),
                            CourseState::Loading => html! { <p role="status">{ words::LOADING_COURSE }</p> },
                            CourseState::Failed => html! { <p role="alert">{ words::NO_COURSE }</p> },
                        }
                    }
                </div>
            </main>
        </div>
    }
}

fn map(course: &Rc<Course>, progress: &Progress, next: Option<&Entry>) -> Html {
    let of_kind = |tasks: bool| {
        let all = course.tracks.iter().flat_map(|track| &track.lessons);
        progress.count(all.filter(|entry| (entry.kind == Kind::ExamTask) == tasks))
    };
    let tracks = course.tracks.iter().filter(|track| track.lessons.iter().any(counts));
    html! {
        <section class="course" aria-labelledby="course-title">
            <h2 id="course-title">{ words::COURSE }<span class="count">{ words::solved(of_kind(false), of_kind(true)) }</span></h2>
            { for tracks.enumerate().map(|(index, it)| track(index + 1, it, progress, next)) }
        </section>
    }
}

fn track(number: usize, track: &Track, progress: &Progress, next: Option<&Entry>) -> Html {
    let (solved, all) = progress.count(track.lessons.iter());
    html! {
        <section class="track" key={track.id.clone()}>
            <h3>
                <span class="number">{ format!("{number:02}") }</span>{ &track.title }
                <span class="count">{ words::of(solved, all) }</span>
            </h3>
            <ul class="lessons">{ for track.lessons.iter().filter(|it| counts(it)).map(|entry| lesson(entry, progress, next)) }</ul>
        </section>
    }
}

fn lesson(entry: &Entry, progress: &Progress, next: Option<&Entry>) -> Html {
    let (class, state) = match progress.mark(&entry.id) {
        Mark::New => ("", words::NEW),
        Mark::Begun => ("state--begun", words::BEGUN),
        Mark::Solved => ("state--solved", words::DONE),
        Mark::Clean => ("state--clean", words::DONE_CLEAN),
    };
    let solved = progress.solved(&entry.id);
    let is_next = next.is_some_and(|it| it.id == entry.id);
    let kind = words::kind(entry.kind);
    html! {
        <li key={entry.id.clone()}>
            <a href={format!("#/lab/{}", entry.id)}>
                <span class={classes!("state", class)} title={state}>
                    if solved { <Icon glyph={Glyph::Check} /> }
                    <span class="unseen">{ state }</span>
                </span>
                <span class="title">{ &entry.title }if is_next { <span class="next">{ words::NEXT_UP }</span> }</span>
                <span class="kind">{ kind }</span>
                <span class="minutes">if entry.target_seconds > 0 { { words::minutes(entry.target_seconds) } }</span>
            </a>
        </li>
    }
}

/// A packet on its way, and one that is refused: the picture of the lab, in small.
#[component]
fn Figure() -> Html {
    html! {
        <svg viewBox="0 0 400 210" class="figure">
            <g class="figure-box"><rect x="8" y="30" width="112" height="62" rx="8" /><rect x="280" y="30" width="112" height="62" rx="8" />
                <rect x="152" y="132" width="96" height="46" rx="8" /></g>
            <path class="figure-wire" d="M64 92v63h88M248 155h88V92" />
            <g class="figure-port"><rect x="46" y="84" width="36" height="16" rx="4" /><rect x="318" y="84" width="36" height="16" rx="4" />
                <rect x="134" y="147" width="36" height="16" rx="4" /><rect x="230" y="147" width="36" height="16" rx="4" /></g>
            <g class="figure-text">
                <text x="22" y="54" class="strong">{ "red" }</text><text x="22" y="72" class="mono">{ "10.0.0.1/24" }</text>
                <text x="294" y="54" class="strong">{ "blue" }</text><text x="294" y="72" class="mono">{ "10.0.0.2/24" }</text>
                <text x="200" y="159" class="mid mono">{ "br0" }</text>
            </g>
            <g class="figure-env"><rect x="-12" y="-8.5" width="24" height="17" rx="2.5" /><path d="M-11-6.5L0 2 11-6.5" /></g>
        </svg>
    }
}
