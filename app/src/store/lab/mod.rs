//! One open lab: everything the page knows of a running world and of the learner at work in it.
//!
//! A fold: `events` takes in what the engine says, `act` what the learner does; both answer with `Effect`s, which the
//! page carries out. Always: nothing here touches a browser, so a whole session can be replayed in a native test.

mod acts;
mod ask;
mod events;
mod history;
pub use history::unreadable;
mod lesson;
pub use lesson::{flights, plain};
#[cfg(test)]
mod tests;

use super::checks::Checks;
use super::clock::Clock;
use super::filter::{Filter, FilterError};
use super::frames::Frames;
use super::live::Live;
use super::objects::Objects;
use super::picture::{Memory, Picture};
use super::progress::Done;
use super::stage::Stage;
use super::tables::Tables;
use super::timeline::Timeline;
use api::cluster::{ObjectKey, ObjectShown};
use api::inspect::Dissection;
use api::request::{Replay, Speed};
use api::{Command, DeviceId, FrameId, Journey, JourneyId, MachineId, NetnsId, Topology, TtyId};
use lessons::Lesson;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// What the learner may do. Every control of the page is one of these, and so is every `lab` command.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Pace(Pace),
    /// Pause, or on at the pace before.
    TogglePause,
    StepEvent,
    StepPacket,
    StepBack,
    ToTheEnd,
    Seek(u64),
    Undo,
    Redo,
    Reset,
    Check,
    Hint,
    Solution,
    Mode(Mode),
    Answer {
        check: String,
        said: String,
    },
    OpenCheck(String),
    ShowMe(String),
    Tab(Tab),
    Pick(Option<Pick>),
    PickFrame(FrameId),
    PickJourney(JourneyId),
    /// Plays the shown journey in the picture.
    PlayJourney,
    Filter(String),
    /// Shows or hides a cluster's chores.
    Chores(bool),
    /// Objects of that kind.
    Kind(String),
    /// Objects of that namespace, or of all.
    Namespace(Option<String>),
    /// One object, whole.
    Object(Option<ObjectKey>),
    /// Kernel tables of what is selected; else the cluster's objects.
    Place(bool),
    /// Marks the bytes of one field of the tree.
    Field(Option<(u32, u32)>),
    Fold(MachineId),
    /// The picture's pane has this width and height.
    Screen(f64, f64),
    OpenTty(String),
    CloseTty(TtyId),
    SelectTty(TtyId),
    Typed {
        tty: TtyId,
        bytes: Vec<u8>,
    },
    Resized {
        tty: TtyId,
        columns: u16,
        rows: u16,
    },
    /// Types a line at a machine's prompt (`None`: the open terminal's).
    Run {
        line: String,
        on: Option<String>,
    },
    Share,
    Export,
    Import(String),
    Capture(Option<DeviceId>),
    Dismiss(u32),
    /// After a crash: the world up to the command before.
    Restart,
}

/// How fast the world goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    #[default]
    Live,
    /// Virtual seconds a second.
    Slow(f64),
    /// Packets a second.
    Packets(f64),
    Paused,
}

impl Pace {
    pub const CHOICES: &'static [Pace] = &[
        Pace::Live,
        Pace::Slow(0.1),
        Pace::Slow(0.01),
        Pace::Slow(0.001),
        Pace::Packets(4.0),
        Pace::Packets(1.0),
    ];
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Judged after every command.
    #[default]
    Learn,
    /// Judged when asked.
    Practise,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tab {
    #[default]
    Packets,
    Journey,
    Objects,
    Rules,
}

/// A thing selected in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pick {
    Machine(MachineId),
    Netns(NetnsId),
    Device(DeviceId),
}

/// What the page must do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Send(Command),
    Output(TtyId, Vec<u8>),
    /// The terminals begin anew; what follows fills them again.
    ClearTerminals,
    FocusTerminal(TtyId),
    /// Keep this world, so that a reload finds it.
    Keep(Replay),
    /// Copy the link of this world.
    Link(Replay),
    Download {
        name: String,
        mime: &'static str,
        bytes: Vec<u8>,
    },
    Learned(Done),
    /// The engine's worker is started again.
    NewEngine,
    Announce(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tty {
    pub id: TtyId,
    pub machine: String,
    /// `client`, and `client 2` for the second one there.
    pub title: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    pub id: u32,
    pub text: String,
    pub bad: bool,
}

/// The packet whose life is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub journey: Rc<Journey>,
    /// It happened in a fork that answered a check, not in the world on screen.
    pub forked: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Crash {
    pub message: String,
    pub replay: Box<Replay>,
}

/// Why a `Command::Save` was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SaveFor {
    Keeping,
    Link,
    File,
}

/// What a numbered question was about.
#[derive(Clone, Debug, PartialEq)]
enum Question {
    Checks,
    Journey,
    Frame(FrameId),
    Fields,
    Tables(Pick),
    Object(ObjectKey),
    Capture(String),
    /// Nothing: its answer comes after that of all that was asked before.
    Turn,
}

#[derive(Default)]
pub struct Lab {
    pub lesson: Option<Rc<Lesson>>,
    pub topology: Rc<Topology>,
    pub picture: Rc<Picture>,
    pub memory: Memory,
    /// Width and height of the picture's pane.
    screen: (f64, f64),
    pub clock: Clock,
    pub pace: Pace,
    before_pause: Pace,
    /// A speed that was asked for and that the engine has not confirmed.
    speed_asked: Option<Speed>,
    /// The name of the lab that was booted; what another lab still says is not ours.
    lab_name: String,
    pub ttys: Rc<Vec<Tty>>,
    pub active: Option<TtyId>,
    next_tty: u32,
    /// Lines to type once a terminal on that machine is there.
    waiting: Vec<(String, String)>,
    pub frames: Live<Frames>,
    /// The latest packets of IPv6's housekeeping.
    quiet: VecDeque<JourneyId>,
    pub stage: Live<Stage>,
    pub timeline: Rc<Timeline>,
    pub checks: Rc<Checks>,
    pub mode: Mode,
    pub done: Done,
    pub hints: usize,
    pub solution: bool,
    pub tab: Tab,
    pub pick: Option<Pick>,
    pub filter_text: String,
    pub filter: Option<Filter>,
    pub filter_error: Option<FilterError>,
    /// A cluster's chores are shown.
    pub chores: bool,
    pub frame: Option<FrameId>,
    pub dissection: Option<Rc<Dissection>>,
    pub field: Option<(u32, u32)>,
    pub shown: Option<Shown>,
    pub objects: Live<Objects>,
    pub kind: String,
    pub namespace: Option<String>,
    pub object: Option<ObjectKey>,
    pub object_shown: Option<Rc<ObjectShown>>,
    object_stale: bool,
    /// The Objects pane is about the place that is selected.
    pub place: bool,
    pub tables: Rc<Tables>,
    tables_of: Option<Pick>,
    pub toasts: Rc<Vec<Toast>>,
    next_toast: u32,
    pub crash: Option<Crash>,
    pub booted: bool,
    /// The world as it was kept last.
    kept: Option<Replay>,
    questions: BTreeMap<u32, Question>,
    next_question: u32,
    saves: VecDeque<SaveFor>,
    /// Something happened since the checks were last judged, and since the world was last kept.
    unjudged: bool,
    unkept: bool,
    /// A replay has begun, and terminals not opened again by its end are gone.
    rebuilding: Option<BTreeSet<TtyId>>,
    /// The learner travels in time, so that what lies ahead is remembered.
    travelling: bool,
    /// Page time of the last question for tables and of the last command.
    asked_tables_ms: f64,
    commanded_ms: f64,
    tables_stale: bool,
}

impl Lab {
    pub fn new(lesson: Option<Rc<Lesson>>, done: Done) -> Lab {
        Lab { lesson, done, screen: (690.0, 460.0), kind: "Pod".into(), ..Lab::default() }
    }

    pub fn toast(&mut self, text: impl Into<String>, bad: bool) -> Effect {
        let text = text.into();
        self.next_toast += 1;
        let toasts = Rc::make_mut(&mut self.toasts);
        toasts.push(Toast { id: self.next_toast, text: text.clone(), bad });
        if toasts.len() > TOASTS {
            toasts.remove(0);
        }
        Effect::Announce(text)
    }

    /// What is looked at, to be kept across a reload.
    pub fn view_text(&self) -> String {
        let (active, tab, mode) = (self.active.map(|tty| tty.0), self.tab, self.mode);
        let view = View { active, tab, mode, chores: self.chores };
        serde_json::to_string(&view).expect("a view is plain data")
    }

    pub fn restore_view(&mut self, text: &str) {
        if let Ok(view) = serde_json::from_str::<View>(text) {
            (self.active, self.tab, self.mode) = (view.active.map(TtyId), view.tab, view.mode);
            self.chores = view.chores;
        }
    }

    /// The engine is at work for the learner: it boots, replays, or judges.
    pub fn busy(&self) -> bool {
        let asked = self.questions.values().any(|it| matches!(it, Question::Turn | Question::Checks));
        asked && self.crash.is_none()
    }

    /// The Objects pane is about the cluster.
    pub fn shows_cluster(&self) -> bool {
        !self.place && !self.objects.read().is_empty()
    }

    /// The machine whose tables are shown when nothing is selected: that of the open terminal.
    pub fn home_pick(&self) -> Option<Pick> {
        let name = self.ttys.iter().find(|tty| Some(tty.id) == self.active).map(|tty| tty.machine.as_str());
        let by_name =
            |name: &str| self.topology.machines.iter().find(|(_, it)| it.name == name).map(|(id, _)| *id);
        name.and_then(by_name).or_else(|| self.topology.machines.keys().next().copied()).map(Pick::Machine)
    }

    /// The devices a selection stands for; empty stands for all.
    pub fn picked_devices(&self) -> BTreeSet<DeviceId> {
        let of_netns = |netns: NetnsId| {
            self.topology.devices.iter().filter(move |(_, it)| it.netns == netns).map(|(id, _)| *id)
        };
        match self.pick {
            None => BTreeSet::new(),
            Some(Pick::Device(id)) => [id].into(),
            Some(Pick::Netns(id)) => of_netns(id).collect(),
            Some(Pick::Machine(id)) => {
                let mine = self.topology.netns.iter().filter(|(_, it)| it.machine == id).map(|(id, _)| *id);
                mine.flat_map(of_netns).collect()
            }
        }
    }
}

/// What is looked at, as it is kept.
#[derive(Serialize, Deserialize)]
struct View {
    active: Option<u32>,
    tab: Tab,
    mode: Mode,
    #[serde(default)]
    chores: bool,
}

/// Toasts shown at once.
const TOASTS: usize = 4;
