//! The whole page: which route is shown, in which theme, with which course and engine.

use crate::engine::Engine;
use crate::page::home::Home;
use crate::page::lab::LabPage;
use crate::page::missing::Missing;
use crate::platform::theme::Theme;
use crate::platform::timer::Interval;
use crate::platform::{fetch, location, service_worker};
use api::lab::EngineKind;
use app::store::route::Route;
use app::words;
use lessons::Course;
use std::cell::RefCell;
use std::rc::Rc;
use yew::prelude::*;

/// On the first page the engine is fetched after this pause, so that the page itself comes first.
const IDLE_MS: u32 = 1_200;

/// The course map, or why it is not there.
#[derive(Clone, Debug, PartialEq)]
pub enum CourseState {
    Loading,
    Failed,
    Known(Rc<Course>),
}

impl CourseState {
    pub fn known(&self) -> Option<Rc<Course>> {
        if let CourseState::Known(course) = self { Some(Rc::clone(course)) } else { None }
    }
}

#[component]
pub fn App() -> Html {
    let route = use_state(|| Route::parse(&location::hash()));
    let theme = use_state(Theme::kept);
    let course = use_state(|| CourseState::Loading);
    let update = use_state(|| None::<web_sys::ServiceWorker>);
    let engine = use_memo((), |()| Engine::default());
    {
        let (route, course, update, theme) = (route.clone(), course.clone(), update.clone(), theme.clone());
        use_effect_with((), move |()| {
            theme.put();
            crate::platform::element::remove_id("boot");
            let listener = location::on_hash(move |hash| route.set(Route::parse(&hash)));
            fetch::then("./lessons/index.json".into(), move |text| {
                let read = text.and_then(|text| serde_json::from_str::<Course>(&text).ok());
                course.set(read.map_or(CourseState::Failed, |it| CourseState::Known(Rc::new(it))));
            });
            service_worker::register(move |new| update.set(Some(new)));
            move || drop(listener)
        });
    }
    use_engine((*engine).clone(), matches!(*route, Route::Lab { .. }));
    let on_theme = {
        let theme = theme.clone();
        Callback::from(move |()| {
            let next = theme.next();
            next.put();
            theme.set(next);
        })
    };
    let page = match &*route {
        Route::Home => html! { <Home course={(*course).clone()} theme={*theme} {on_theme} /> },
        Route::Missing => {
            html! { <Missing title={words::MISSING} more={words::MISSING_MORE} theme={*theme} {on_theme} /> }
        }
        Route::Lab { id, shared } => {
            let id = id.clone().unwrap_or_else(|| "sandbox".into());
            let key = format!("{id}/{}", shared.clone().unwrap_or_default());
            html! {
                <LabPage {key} {id} shared={shared.clone()}
                    engine={(*engine).clone()} course={course.known()} theme={*theme} {on_theme} />
            }
        }
    };
    html! { <>{ page }{ update_note(&update) }</> }
}

/// Where no lab is open, one of Linux machines is made ready for once the page has been idle for a while.
#[hook]
fn use_engine(engine: Engine, is_lab: bool) {
    use_effect_with(is_lab, move |is_lab| {
        let timer: Rc<RefCell<Option<Interval>>> = Rc::default();
        if !is_lab {
            *timer.borrow_mut() = Some(Interval::new(IDLE_MS, move || engine.start(EngineKind::Linux)));
        }
        move || drop(timer.borrow_mut().take())
    });
}

/// A new version waits; it takes over only when the learner says so.
fn update_note(update: &UseStateHandle<Option<web_sys::ServiceWorker>>) -> Html {
    let Some(new) = (**update).clone() else { return Html::default() };
    let later = {
        let update = update.clone();
        Callback::from(move |_: MouseEvent| update.set(None))
    };
    html! {
        <div class="toasts" role="status">
            <div class="toast">
                <p>{ words::UPDATE }</p>
                <button type="button" class="link" onclick={Callback::from(move |_: MouseEvent| service_worker::take_over(&new))}>{ words::UPDATE_NOW }</button>
                <button type="button" class="link link--soft" onclick={later}>{ words::UPDATE_LATER }</button>
            </div>
        </div>
    }
}
