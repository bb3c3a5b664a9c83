//! The proof of a lesson: red after its set-up, green after its solution, undone and redone and reset to the same
//! configuration, and each wrong attempt fails as it says.
//!
//! Called by the test of the course and by `prove`, which an author runs. Always: solutions and wrong attempts are typed
//! at prompts, as a learner would; the checks are asked together, as the page asks them.
//! Differs between labs: a cluster is given some virtual seconds after the last line, since its parts learn of a change
//! one after the other. And it takes long to boot: a lesson's own seed proves all, the others that the solution is green;
//! and a world that nobody needs any more is asked itself, not a fork of it.

use api::event::Event;
use api::inspect::Answer;
use api::request::{Command, Query, Replay, Request};
use api::{Fact, Probe, TtyId};
use lessons::author::Authored;
use lessons::{Ask, Check, Judgement, State, Typed, judge};
use std::collections::BTreeMap;
use world::Session;

/// A lesson holds on its own seed and on the next two.
const SEEDS: u64 = 3;
/// How long a cluster may take to follow: twenty virtual seconds.
const FOLLOWING: u64 = 20_000_000_000;

struct Sitting<'a> {
    session: Session,
    authored: &'a Authored,
    terminals: BTreeMap<String, TtyId>,
    /// Command lines typed so far.
    lines: usize,
}

impl<'a> Sitting<'a> {
    fn new(authored: &'a Authored, seed: u64) -> Sitting<'a> {
        let lab = authored.lesson.lab.clone();
        let mut session = Session::new(Replay { lab, seed, requests: Vec::new(), until: 0 });
        let faults: Vec<String> = session
            .take_events()
            .into_iter()
            .filter_map(|event| if let Event::LabFault { words } = event { Some(words) } else { None })
            .collect();
        assert_eq!(faults, Vec::<String>::new(), "{}: the lab's set-up fails", authored.file);
        Sitting { session, authored, terminals: BTreeMap::new(), lines: 0 }
    }

    fn type_all(&mut self, typed: &[Typed]) {
        for Typed { on, run } in typed {
            let next = TtyId(self.terminals.len() as u32 + 1);
            let tty = *self.terminals.entry(on.clone()).or_insert(next);
            if tty == next {
                self.session.command(Command::Request(Request::OpenTty {
                    tty,
                    machine: on.clone(),
                    columns: 80,
                    rows: 24,
                }));
                self.session.command(Command::ToTheEnd);
            }
            let bytes = format!("{}\r", run.replace('\n', "\r")).into_bytes();
            self.session.command(Command::Request(Request::Type { tty, bytes }));
            self.end();
        }
        self.follow();
        let entered = self.session.take_events();
        self.lines += entered.iter().filter(|event| matches!(event, Event::CommandEntered { .. })).count();
    }

    /// Until the prompt is back. One call looks ahead for seconds; a command may take a minute.
    fn end(&mut self) {
        for _ in 0..12 {
            self.session.command(Command::ToTheEnd);
            if self.session.world().settled() {
                break;
            }
        }
    }

    fn follow(&mut self) {
        if self.authored.lesson.lab.cluster.is_some() {
            self.session.command(Command::Seek(self.session.world().now() + FOLLOWING));
        }
    }

    /// How each namespace is set up: its links, addresses, routes and rules, without what traffic leaves behind.
    fn configuration(&mut self) -> Vec<Vec<String>> {
        self.session.take_events();
        let world = self.session.world();
        let netns = world.topology().netns.keys().copied();
        let tables = netns.flat_map(|id| match world.answer(&Query::Netns(id)) {
            Some(Answer::Tables(tables)) => tables,
            other => panic!("the tables of {id:?}: {other:?}"),
        });
        tables
            .filter(|it| {
                ["links", "addresses", "routes"].contains(&it.title.as_str())
                    || it.title.starts_with("iptables")
            })
            .flat_map(|it| {
                let counted =
                    it.columns.iter().position(|column| column == "packets").unwrap_or(it.columns.len());
                it.rows.into_iter().map(move |row| row[..counted].to_vec())
            })
            .collect()
    }

    /// Takes all lines back, or types all again.
    fn all(&mut self, command: fn() -> Command, lines: usize) {
        for _ in 0..lines {
            self.session.command(command());
            self.end();
        }
    }

    /// The checks that the world alone decides, each with its judgement.
    fn judged(&mut self) -> Vec<(&'a Check, Judgement)> {
        let probes = probes(self.authored);
        self.session.command(Command::Probes { id: 1, probes });
        let facts = self
            .session
            .take_events()
            .into_iter()
            .find_map(|event| if let Event::Facts { facts, .. } = event { Some(facts) } else { None })
            .expect("probes are answered at once");
        judged(self.authored, facts)
    }

    /// The same at the end of the sitting.
    fn judged_last(mut self) -> Vec<(&'a Check, Judgement)> {
        let authored = self.authored;
        if authored.lesson.lab.cluster.is_some() {
            return judged(authored, self.session.last_facts(&probes(authored)));
        }
        self.judged()
    }
}

fn of_world(authored: &Authored) -> impl Iterator<Item = &Check> {
    authored.lesson.checks.iter().filter(|it| !matches!(it.ask, Ask::Used { .. } | Ask::Answer { .. }))
}

fn probes(authored: &Authored) -> Vec<Probe> {
    of_world(authored).flat_map(Check::probes).collect()
}

fn judged(authored: &Authored, mut facts: Vec<Fact>) -> Vec<(&Check, Judgement)> {
    let judged = of_world(authored).map(|check| {
        let rest = facts.split_off(check.probes().len());
        let own = std::mem::replace(&mut facts, rest);
        (check, judge(check, &own, None))
    });
    judged.collect()
}

fn told(check: &Check, judgement: &Judgement) -> String {
    format!("{}: want {} | got {} | why {}", check.id, judgement.want, judgement.got, judgement.why)
}

/// What is wrong with undo, redo and reset after the solution.
fn and_back(sitting: &mut Sitting<'_>, fresh: &[Vec<String>]) -> Option<String> {
    let solved = sitting.configuration();
    let lines = sitting.lines;
    sitting.all(|| Command::Undo, lines);
    let undone = sitting.configuration();
    sitting.all(|| Command::Redo, lines);
    sitting.follow();
    let redone = sitting.configuration();
    sitting.session.command(Command::Reset);
    let reset = sitting.configuration();
    let all = [("undo", fresh, &undone), ("redo", &solved, &redone), ("reset", fresh, &reset)];
    let (name, want, got) = all.into_iter().find(|(_, want, got)| want != &got.as_slice())?;
    let differ = |these: &[Vec<String>], those: &[Vec<String>]| -> Vec<String> {
        these.iter().filter(|row| !those.contains(row)).map(|row| row.join(" ")).collect()
    };
    Some(format!("{name} after the solution: want {:?} | got {:?}", differ(want, got), differ(got, want)))
}

fn red<'a>(judged: impl IntoIterator<Item = (&'a Check, Judgement)>) -> Vec<String> {
    judged
        .into_iter()
        .filter(|(_, judgement)| judgement.state != State::Pass)
        .map(|(check, judgement)| format!("red after the solution: {}", told(check, &judgement)))
        .collect()
}

/// The solution alone.
fn solved(authored: &Authored, seed: u64) -> Vec<String> {
    let mut sitting = Sitting::new(authored, seed);
    sitting.type_all(&authored.lesson.solution.run);
    red(sitting.judged_last())
}

/// Red at first, green after the solution, and back.
fn there_and_back(authored: &Authored, seed: u64) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sitting = Sitting::new(authored, seed);
    for (check, judgement) in sitting.judged() {
        if (judgement.state == State::Pass) != check.invariant {
            let words = if check.invariant {
                "does not hold after the set-up"
            } else {
                "is green before anything is done"
            };
            faults.push(format!("{words}: {}", told(check, &judgement)));
        }
    }
    let fresh = sitting.configuration();
    sitting.type_all(&authored.lesson.solution.run);
    faults.extend(red(sitting.judged()));
    faults.extend(and_back(&mut sitting, &fresh));
    faults
}

/// Wrong attempts that do not fail, or do not say why.
fn gone_right(authored: &Authored, seed: u64) -> Vec<String> {
    let mut faults = Vec::new();
    for wrong in &authored.wrong {
        let mut sitting = Sitting::new(authored, seed);
        sitting.type_all(&wrong.run);
        let mut judged = sitting.judged_last().into_iter();
        let (check, judgement) =
            judged.find(|(check, _)| check.id == wrong.fails).expect("the reader has seen to it");
        let words = told(check, &judgement);
        if judgement.state == State::Pass || !words.contains(&wrong.says) {
            faults.push(format!(
                "wrong attempt `{}` should fail saying `{}`, but: {words}",
                wrong.name, wrong.says
            ));
        }
    }
    faults
}

/// What is wrong with a lesson, in sentences; empty when it is proven.
pub fn faults(authored: &Authored) -> Vec<String> {
    let own = authored.lesson.seed;
    let is_cheap = authored.lesson.lab.cluster.is_none();
    let mut faults = Vec::new();
    for seed in own..own + SEEDS {
        let found = match is_cheap || seed == own {
            true => [there_and_back(authored, seed), gone_right(authored, seed)].concat(),
            false => solved(authored, seed),
        };
        faults.extend(found.into_iter().map(|fault| format!("{} (seed {seed}): {fault}", authored.file)));
    }
    faults
}
