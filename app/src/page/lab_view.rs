//! How the lab is laid out: top bar, lesson, picture over terminals, drawer.

use super::lab::LabPage;
use super::missing::Missing;
use crate::part::bottom_bar::BottomBar;
use crate::part::crash::Crashed;
use crate::part::drawer::Drawer;
use crate::part::lesson_pane::LessonPane;
use crate::part::palette::Palette;
use crate::part::picture::PictureView;
use crate::part::splitter::Splitter;
use crate::part::terminals::Terminals;
use crate::part::time_bar::TimeBar;
use crate::part::toasts::Toasts;
use crate::part::top_bar::{LabLine, TopBar};
use app::store::command::entries;
use app::store::panes::{Narrow, Split};
use app::store::progress::Progress;
use app::words;
use lessons::Course;
use std::rc::Rc;
use yew::prelude::*;

/// From this width on the drawer has room for sixteen bytes in a line.
const WIDE_DRAWER: f64 = 540.0;

impl LabPage {
    pub(super) fn show(&self, ctx: &Context<Self>) -> Html {
        if self.lesson_failed {
            return self.missing(ctx);
        }
        let (panes, calls) = (&self.panes, &self.calls);
        let narrow = match panes.narrow {
            Narrow::Lesson => "lesson",
            Narrow::Picture => "picture",
            Narrow::Terminal => "terminal",
            Narrow::Packets => "packets",
        };
        let class = classes!(
            "lab",
            panes.lesson_folded.then_some("lab--no-lesson"),
            panes.drawer_folded.then_some("lab--no-drawer")
        );
        html! {
            <div class="app app--lab">
                <a class="skip" href="#lesson" onclick={Callback::from(skip)}>{ words::SKIP }</a>
                { self.top(ctx) }
                <main {class} data-narrow={narrow} style={panes.style()}>
                    { self.heading() }
                    { self.progress_bar() }
                    { self.lesson(ctx) }
                    <Splitter split={Split::Lesson} size={panes.lesson} on_size={calls.size.clone()} on_fold={calls.fold.clone()} />
                    { self.middle(ctx) }
                    <Splitter split={Split::Drawer} size={panes.drawer} on_size={calls.size.clone()} on_fold={calls.fold.clone()} />
                    { self.drawer(ctx) }
                </main>
                <BottomBar shown={panes.narrow} on_show={calls.show.clone()} />
                { self.floating() }
            </div>
        }
    }

    /// There is no lesson, so there are no machines either.
    fn missing(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let all = |course: &Rc<Course>| {
            course.tracks.iter().flat_map(|it| &it.lessons).any(|it| it.id == *props.id)
        };
        let unknown = props.course.as_ref().is_some_and(|course| !all(course));
        let (title, more) = if unknown {
            (words::no_lab(&props.id), words::MISSING_MORE)
        } else {
            (words::LESSON_FAILED.to_owned(), words::LESSON_FAILED_MORE)
        };
        let on_retry = (!unknown).then(|| self.calls.retry.clone());
        html! { <Missing {title} {more} {on_retry} theme={props.theme} on_theme={props.on_theme.clone()} /> }
    }

    fn top(&self, ctx: &Context<Self>) -> Html {
        let lab = &self.lab;
        let lesson = lab.lesson.as_deref();
        let line = LabLine {
            track: lesson
                .map(|it| words::track(&it.track))
                .filter(|track| lesson.is_some_and(|it| it.title != *track))
                .unwrap_or_default(),
            title: lesson.map(|it| it.title.clone()).unwrap_or_default(),
            points: lesson.filter(|it| !it.checks.is_empty()).map(|it| lab.checks.points(it)),
            mode: lab.mode,
            undo: lab.clock.undo > 0,
            redo: lab.clock.redo > 0,
        };
        html! {
            <TopBar lab={line} theme={ctx.props().theme} on_theme={ctx.props().on_theme.clone()}
                on_act={self.calls.act.clone()} on_palette={self.calls.palette.clone()} />
        }
    }

    /// Where the lesson, and its title, is not the pane that is shown.
    fn heading(&self) -> Html {
        match &self.lab.lesson {
            Some(lesson) if self.panes.narrow != Narrow::Lesson => {
                html! { <h1 class="unseen narrow-only">{ &lesson.title }</h1> }
            }
            _ => Html::default(),
        }
    }

    /// Share of the engine that is loaded; below 0 while it makes the machines.
    fn waits(&self) -> Option<f64> {
        let boots = (!self.lab.booted && self.lab.crash.is_none()).then_some(-1.0);
        self.loading.or(boots).filter(|_| self.engine_failed.is_none())
    }

    fn progress_bar(&self) -> Html {
        let Some(share) = self.waits().or(self.lab.busy().then_some(-1.0)) else {
            return Html::default();
        };
        let unknown = share < 0.0;
        let late = self.lab.booted.then_some("loading--late");
        let style = (!unknown).then(|| format!("transform:scaleX({share:.3})"));
        html! { <div class={classes!("loading", unknown.then_some("loading--unknown"), late)} aria-hidden="true"><div class="bar" {style}></div></div> }
    }

    fn lesson(&self, ctx: &Context<Self>) -> Html {
        let (lab, calls) = (&self.lab, &self.calls);
        let next = ctx.props().course.as_ref().and_then(|course| {
            let progress = Progress::default();
            progress.after(course, &ctx.props().id).cloned()
        });
        html! {
            <LessonPane lesson={lab.lesson.clone()} checks={lab.checks.clone()} mode={lab.mode}
                hints={lab.hints} solution={lab.solution} done={lab.done.clone()} {next} on_act={calls.act.clone()}
                on_copied={calls.copied.clone()} />
        }
    }

    fn middle(&self, ctx: &Context<Self>) -> Html {
        let (lab, calls) = (&self.lab, &self.calls);
        let machines: Vec<String> =
            lab.topology.machines.values().map(|machine| machine.name.clone()).collect();
        let folded = self.panes.terminal_folded;
        html! {
            <div class={classes!("middle", folded.then_some("middle--no-terminal"))}>
                <PictureView picture={lab.picture.clone()} topology={lab.topology.clone()} stage={lab.stage.clone()} clock={lab.clock}
                    pick={lab.pick} trail={self.shown_trail()} through={self.shown_through()} theme={ctx.props().theme} fit={self.fit} on_act={calls.act.clone()} />
                <TimeBar clock={lab.clock} pace={lab.pace} timeline={self.seen.timeline.clone()} on_act={calls.act.clone()} />
                <Splitter split={Split::Terminal} size={self.panes.terminal} on_size={calls.size.clone()} on_fold={calls.fold.clone()} />
                <Terminals ttys={lab.ttys.clone()} active={lab.active} beside={self.beside.filter(|it| Some(*it) != lab.active)}
                    machines={Rc::new(machines)} loading={self.waits()}
                    screen_reader={self.screen_reader} {folded} on_act={calls.act.clone()} control={self.control}
                    on_open={calls.terminal.clone()} on_split={calls.split.clone()}
                    on_fold={calls.fold_terminal.clone()} on_control={calls.control.clone()} />
            </div>
        }
    }

    fn drawer(&self, ctx: &Context<Self>) -> Html {
        let (lab, calls) = (&self.lab, &self.calls);
        html! {
            <Drawer tab={lab.tab} topology={lab.topology.clone()} frames={self.seen.frames.clone()} frame={lab.frame}
                dissection={lab.dissection.clone()} field={lab.field} filter_text={lab.filter_text.clone()} filter={lab.filter.clone()}
                filter_error={lab.filter_error.clone()} devices={lab.picked_devices()} chores={lab.chores} pick={lab.pick} table_pick={lab.table_pick()}
                shown={lab.shown.clone()} tables={lab.tables.clone()} objects={lab.objects.clone()} kind={lab.kind.clone()}
                namespace={lab.namespace.clone().map(AttrValue::from)} object={lab.object.clone()} object_shown={lab.object_shown.clone()}
                cluster={lab.shows_cluster()} seconds={lab.clock.now / 1_000_000_000} course={ctx.props().course.clone()} open={ctx.props().id.clone()} detail={self.panes.detail} wide={self.panes.drawer >= WIDE_DRAWER && !crate::platform::theme::narrow()}
                on_act={calls.act.clone()} on_size={calls.size.clone()} on_split_fold={calls.fold.clone()} on_fold={calls.fold_drawer.clone()} />
        }
    }

    fn floating(&self) -> Html {
        let (lab, calls) = (&self.lab, &self.calls);
        html! {
            <>
                <div class="unseen" role="status" aria-live="polite">{ &self.announcement }</div>
                <Toasts toasts={lab.toasts.clone()} on_act={calls.act.clone()} />
                if let Some(words) = &self.engine_failed {
                    <div class="toasts"><div class="toast toast--bad" role="alert"><p>{ words::ENGINE_FAILED }{ " " }{ words }</p></div></div>
                }
                if self.palette {
                    <Palette entries={Rc::new(entries(lab))} on_run={calls.run.clone()} on_close={calls.shut_palette.clone()} />
                }
                if let Some(crash) = &lab.crash {
                    <Crashed message={crash.message.clone()} on_save={calls.save_crash.clone()} on_act={calls.act.clone()} />
                }
            </>
        }
    }
}

/// The hash is the route, so the link must not change it.
fn skip(event: MouseEvent) {
    event.prevent_default();
    crate::platform::element::focus_id("lesson");
}
