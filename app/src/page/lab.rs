//! The lab: a lesson, its machines, and everything one sees of them. Holds the one `store::lab::Lab` and the terminals.
//!
//! Always: what happens goes through `Lab::act` or `Lab::events`; `effects` carries out what they answer; `lab_view`
//! shows the rest.

use super::calls::Calls;
use super::seen::Seen;
use crate::engine::{Engine, Said};
use crate::platform::frame::AnimationFrame;
use crate::platform::keys::{self, Key};
use crate::platform::listener::Listener;
use crate::platform::terminal::Terminal as Xterm;
use crate::platform::theme::Theme;
use crate::platform::timer::{Interval, now_ms};
use crate::platform::{element, fetch, storage};
use api::{Journey, TtyId};
use app::store::command::{PageAct, Run, by_key};
use app::store::journey::{Through, through};
use app::store::lab::{Act, Lab, Pace};
use app::store::panes::{Narrow, Panes, Split};
use app::store::picture::{Picture, Point};
use app::store::progress::Progress;
use app::words;
use lessons::{Course, Lesson};
use std::collections::BTreeMap;
use std::rc::Rc;
use yew::prelude::*;

/// How often the page looks for what is due.
const TICK_MS: u32 = 120;
/// How long a toast stays; a bad one stays twice as long.
const TOAST_MS: f64 = 5_000.0;

#[derive(Properties, PartialEq)]
pub struct LabPageProps {
    pub id: AttrValue,
    pub shared: Option<AttrValue>,
    pub engine: Engine,
    pub course: Option<Rc<Course>>,
    pub theme: Theme,
    pub on_theme: Callback<()>,
}

pub enum Msg {
    Said(Said),
    Act(Act),
    Run(Run),
    Lesson(Option<Rc<Lesson>>),
    Retry,
    Terminal(TtyId, Option<Rc<Xterm>>),
    Size(Split, f64),
    Fold(Split),
    Show(Narrow),
    Palette(bool),
    Split,
    Control,
    Copied(bool),
    Toast(&'static str, bool),
    SaveCrash,
    Tick,
    Draw,
    Beat,
    Hide,
}

/// The panes in the order in which the keyboard goes round, by the ids of their elements.
const PANES: [&str; 5] = ["lesson", "picture", "time", "terminals", "drawer"];

type TrailKey = (Option<*const Journey>, *const Picture);

pub struct LabPage {
    pub(super) lab: Lab,
    pub(super) seen: Seen,
    pub(super) calls: Calls,
    pub(super) panes: Panes,
    pub(super) terminals: BTreeMap<TtyId, Rc<Xterm>>,
    /// What was put out before the terminal was there.
    pub(super) early: BTreeMap<TtyId, Vec<u8>>,
    pub(super) focus_next: Option<TtyId>,
    /// Share of the engine that is loaded, until it is ready.
    pub(super) loading: Option<f64>,
    pub(super) engine_failed: Option<String>,
    pub(super) lesson_failed: bool,
    pub(super) palette: bool,
    pub(super) fit: u32,
    pub(super) beside: Option<TtyId>,
    pub(super) control: bool,
    pub(super) screen_reader: bool,
    pub(super) announcement: String,
    trail: Option<(TrailKey, Rc<Vec<Vec<Point>>>)>,
    through: Rc<Vec<Through>>,
    toasts_since: BTreeMap<u32, f64>,
    beats: Option<(Pace, Interval)>,
    /// The world has changed, and before the next paint the page is drawn.
    draw: Option<AnimationFrame>,
    _tick: Interval,
    _listeners: [Listener; 2],
}

impl Component for LabPage {
    type Message = Msg;
    type Properties = LabPageProps;

    fn create(ctx: &Context<Self>) -> Self {
        let props = ctx.props();
        let link = ctx.link();
        let progress = Progress::read(&storage::get("progress").unwrap_or_default());
        let done = progress.lessons.get(props.id.as_str()).cloned().unwrap_or_default();
        let mut lab = Lab::new(None, done);
        if let Some(kept) = storage::get(&format!("view.{}", props.id)) {
            lab.restore_view(&kept);
        }
        props.engine.listen(link.callback(Msg::Said));
        load(ctx);
        let on_key = {
            let link = link.clone();
            move |key: &Key| match by_key(&key.code, key.alt, key.shift, key.control) {
                Some(run) => {
                    link.send_message(Msg::Run(run));
                    true
                }
                None => false,
            }
        };
        let on_hide = link.callback(|()| Msg::Hide);
        let on_tick = link.callback(|()| Msg::Tick);
        LabPage {
            lab,
            seen: Seen::default(),
            calls: Calls::new(ctx),
            panes: Panes::read(&storage::get("panes").unwrap_or_default()),
            terminals: BTreeMap::new(),
            early: BTreeMap::new(),
            focus_next: None,
            loading: Some(0.0),
            engine_failed: None,
            lesson_failed: false,
            palette: false,
            fit: 0,
            beside: None,
            control: false,
            screen_reader: storage::get("screen-reader").is_some(),
            announcement: String::new(),
            trail: None,
            through: Rc::default(),
            toasts_since: BTreeMap::new(),
            beats: None,
            draw: None,
            _tick: Interval::new(TICK_MS, move || on_tick.emit(())),
            _listeners: [keys::on_key(on_key), keys::on_hide(move || on_hide.emit(()))],
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &LabPageProps) -> bool {
        if ctx.props().theme != old.theme {
            self.terminals.values().for_each(|terminal| terminal.theme());
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Said(said) => self.said(ctx, said),
            Msg::Act(act) => self.act(ctx, act),
            Msg::Run(run) => {
                self.palette &= run == Run::Page(PageAct::Palette);
                match run {
                    Run::Act(act) => self.act(ctx, act),
                    Run::Page(act) => self.page_act(ctx, act),
                }
            }
            Msg::Lesson(lesson) => {
                self.lesson_came(ctx, lesson);
                true
            }
            Msg::Retry => {
                self.lesson_failed = false;
                load(ctx);
                true
            }
            Msg::Terminal(tty, terminal) => self.terminal_came(tty, terminal),
            Msg::Size(split, size) => {
                self.panes.set(split, size);
                self.keep_panes()
            }
            Msg::Fold(split) => {
                self.panes.toggle(split);
                self.keep_panes()
            }
            Msg::Show(narrow) => {
                self.panes.narrow = narrow;
                self.keep_panes()
            }
            Msg::Palette(open) => {
                self.palette = open;
                self.focus_next = self.lab.active.filter(|_| !open);
                true
            }
            Msg::Split => {
                let other =
                    self.lab.ttys.iter().rev().map(|tty| tty.id).find(|id| Some(*id) != self.lab.active);
                self.beside = if self.beside.is_some() { None } else { other };
                true
            }
            Msg::Control => {
                self.control = !self.control;
                true
            }
            Msg::Copied(done) => self.toast(if done { words::COPIED } else { words::NOT_COPIED }, !done),
            Msg::Toast(text, bad) => self.toast(text, bad),
            Msg::SaveCrash => self.save_crash(),
            Msg::Tick => self.tick(ctx) | self.seen.renew(&self.lab, now_ms()),
            Msg::Draw => {
                self.draw = None;
                self.seen.renew_if_due(&self.lab, now_ms());
                true
            }
            Msg::Beat => {
                let effects = self.lab.beat();
                self.perform(ctx, effects);
                false
            }
            Msg::Hide => {
                let effects = self.lab.keep_now();
                self.perform(ctx, effects);
                false
            }
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        self.show(ctx)
    }

    fn rendered(&mut self, _ctx: &Context<Self>, _first: bool) {
        if let Some(terminal) = self.focus_next.take_if(|tty| self.terminals.contains_key(tty)) {
            self.terminals[&terminal].focus();
        }
    }

    fn destroy(&mut self, ctx: &Context<Self>) {
        let engine = &ctx.props().engine;
        engine.silence();
        engine.send(&api::Command::Speed(api::request::Speed::Paused));
    }
}

/// Fetches the lesson.
fn load(ctx: &Context<LabPage>) {
    let url = format!("./lessons/{}.json", ctx.props().id);
    let came = ctx.link().callback(Msg::Lesson);
    fetch::then(url, move |text| {
        let lesson = text.and_then(|text| serde_json::from_str::<Lesson>(&text).ok());
        came.emit(lesson.map(Rc::new));
    });
}

impl LabPage {
    fn keep_panes(&self) -> bool {
        storage::set("panes", &self.panes.write());
        true
    }

    fn said(&mut self, ctx: &Context<Self>, said: Said) -> bool {
        match said {
            Said::Loading(share) => self.loading = Some(share),
            Said::Ready => (self.loading, self.engine_failed) = (None, None),
            Said::Failed(words) => {
                if !self.lab.engine_ended(&words) {
                    self.engine_failed = Some(words);
                }
            }
            Said::Events(events) => {
                let effects = self.lab.events(events, now_ms());
                self.perform(ctx, effects);
                self.trail();
                return self.draw_soon(ctx);
            }
        }
        true
    }

    /// However often the engine speaks, the page is drawn once a frame.
    fn draw_soon(&mut self, ctx: &Context<Self>) -> bool {
        if self.draw.is_none() {
            let link = ctx.link().clone();
            self.draw = Some(AnimationFrame::request(move |_| link.send_message(Msg::Draw)));
        }
        false
    }

    fn act(&mut self, ctx: &Context<Self>, act: Act) -> bool {
        let act = self.with_control(act);
        let seen = !matches!(act, Act::Typed { .. } | Act::Resized { .. });
        self.follow(&act);
        let effects = self.lab.act(act, now_ms());
        self.perform(ctx, effects);
        self.trail();
        self.pace(ctx);
        if seen {
            self.keep_view(ctx);
        }
        seen
    }

    /// A key after the Ctrl of the key row is a control key.
    fn with_control(&mut self, act: Act) -> Act {
        match act {
            Act::Typed { tty, bytes } if self.control && bytes.len() == 1 => {
                self.control = false;
                Act::Typed { tty, bytes: vec![bytes[0] & 0x1f] }
            }
            other => other,
        }
    }

    /// On a narrow screen the pane that an act is about comes to the front; a folded drawer opens.
    fn follow(&mut self, act: &Act) {
        match act {
            Act::PickJourney(_) | Act::Tab(_) | Act::Object(Some(_)) => {
                self.panes.narrow = Narrow::Packets;
                self.panes.drawer_folded = false;
            }
            Act::ShowMe(_) => {
                self.panes.narrow = Narrow::Picture;
                self.panes.drawer_folded = false;
            }
            Act::PlayJourney => self.panes.narrow = Narrow::Picture,
            Act::Run { .. } => {
                self.panes.terminal_folded = false;
                if self.panes.narrow != Narrow::Terminal {
                    self.panes.narrow = Narrow::Picture;
                }
            }
            _ => {}
        }
    }

    /// In a paced world the page's timer asks for each packet.
    fn pace(&mut self, ctx: &Context<Self>) {
        let pace = self.lab.pace;
        if self.beats.as_ref().map(|(pace, _)| *pace) == Some(pace) {
            return;
        }
        self.beats = match pace {
            Pace::Packets(count) => {
                let beat = ctx.link().callback(|()| Msg::Beat);
                let ms = (1_000.0 / count.max(0.1)) as u32;
                Some((pace, Interval::new(ms, move || beat.emit(()))))
            }
            _ => None,
        };
    }

    fn page_act(&mut self, ctx: &Context<Self>, act: PageAct) -> bool {
        match act {
            PageAct::Home => crate::platform::location::go("#/"),
            PageAct::Theme => ctx.props().on_theme.emit(()),
            PageAct::ScreenReader => return self.toggle_screen_reader(),
            PageAct::Import => {
                let came = ctx.link().callback(|text| Msg::Act(Act::Import(text)));
                crate::platform::file::open(move |text| came.emit(text));
            }
            PageAct::FoldLesson => return <Self as Component>::update(self, ctx, Msg::Fold(Split::Lesson)),
            PageAct::FoldDrawer => return <Self as Component>::update(self, ctx, Msg::Fold(Split::Drawer)),
            PageAct::FoldTerminal => {
                return <Self as Component>::update(self, ctx, Msg::Fold(Split::Terminal));
            }
            PageAct::Fit => self.fit += 1,
            PageAct::NextPane => self.go_round(1),
            PageAct::PaneBefore => self.go_round(PANES.len() - 1),
            PageAct::Palette => {
                let open = !self.palette;
                return <Self as Component>::update(self, ctx, Msg::Palette(open));
            }
        }
        true
    }

    /// From the pane that has the keyboard to another; folded ones are passed over.
    fn go_round(&mut self, by: usize) {
        let shown = |id: &&str| match *id {
            "lesson" => !self.panes.lesson_folded,
            "terminals" => !self.panes.terminal_folded,
            "drawer" => !self.panes.drawer_folded,
            _ => true,
        };
        let now = PANES.iter().position(|id| element::holds_focus(id));
        let from = now.unwrap_or(PANES.len() - by);
        let next = (1..=PANES.len()).map(|step| PANES[(from + by * step) % PANES.len()]).find(shown);
        match next {
            Some("terminals") => self.focus_next = self.lab.active,
            Some(id) => element::focus_id(id),
            None => {}
        }
    }

    fn toggle_screen_reader(&mut self) -> bool {
        self.screen_reader = !self.screen_reader;
        self.terminals.values().for_each(|terminal| terminal.screen_reader(self.screen_reader));
        if self.screen_reader {
            storage::set("screen-reader", "on");
            self.toast(words::SCREEN_READER_ON, false)
        } else {
            storage::remove("screen-reader");
            self.toast(words::SCREEN_READER_OFF, false)
        }
    }

    fn terminal_came(&mut self, tty: TtyId, terminal: Option<Rc<Xterm>>) -> bool {
        match terminal {
            Some(terminal) => {
                if let Some(bytes) = self.early.remove(&tty) {
                    terminal.write(&bytes);
                }
                if Some(tty) == self.lab.active && !crate::platform::theme::narrow() {
                    terminal.focus();
                }
                self.terminals.insert(tty, terminal);
            }
            None => {
                self.terminals.remove(&tty);
                self.early.remove(&tty);
            }
        }
        false
    }

    fn tick(&mut self, ctx: &Context<Self>) -> bool {
        let now = now_ms();
        let effects = self.lab.refresh(now);
        self.perform(ctx, effects);
        self.pace(ctx);
        let shown: Vec<(u32, bool)> = self.lab.toasts.iter().map(|toast| (toast.id, toast.bad)).collect();
        self.toasts_since.retain(|id, _| shown.iter().any(|(it, _)| it == id));
        let mut seen = false;
        for (id, bad) in shown {
            let since = *self.toasts_since.entry(id).or_insert(now);
            if now - since > if bad { TOAST_MS * 2.0 } else { TOAST_MS } {
                self.lab.act(Act::Dismiss(id), now);
                seen = true;
            }
        }
        seen
    }

    pub(super) fn toast(&mut self, text: &str, bad: bool) -> bool {
        self.lab.toast(text, bad);
        self.announcement = text.to_string();
        true
    }

    fn save_crash(&mut self) -> bool {
        if let Some(crash) = &self.lab.crash {
            let text = app::store::share::pack(&crash.replay);
            crate::platform::file::save("crash.vethlab", "text/plain", text.as_bytes());
        }
        false
    }

    /// The way of the packet that is shown, found anew when it or the picture has changed.
    fn trail(&mut self) {
        let journey = self.lab.shown.as_ref().map(|shown| Rc::as_ptr(&shown.journey));
        let key = (journey, Rc::as_ptr(&self.lab.picture));
        if self.trail.as_ref().is_some_and(|(known, _)| *known == key) {
            return;
        }
        let found =
            self.lab.shown.as_ref().map(|it| app::store::journey::trail(&self.lab.picture, &it.journey));
        self.trail = Some((key, Rc::new(found.unwrap_or_default())));
        self.through = Rc::new(self.lab.shown.as_ref().map(|it| through(&it.journey)).unwrap_or_default());
    }

    pub(super) fn shown_trail(&self) -> Rc<Vec<Vec<Point>>> {
        self.trail.as_ref().map(|(_, trail)| Rc::clone(trail)).unwrap_or_default()
    }

    pub(super) fn shown_through(&self) -> Rc<Vec<Through>> {
        Rc::clone(&self.through)
    }

    pub(super) fn set_title(&self) {
        if let Some(lesson) = &self.lab.lesson {
            element::set_title(&format!("{} · {}", lesson.title, words::NAME));
        }
    }
}
