//! Every lesson is proven: red after its set-up, green after its solution, undone and redone and reset to the same
//! configuration, and each wrong attempt fails as it says.
//!
//! Always: solutions and wrong attempts are typed at prompts, as a learner would; three seeds each.

use api::event::Event;
use api::inspect::Answer;
use api::request::{Command, Query, Replay, Request};
use api::{Fact, TtyId};
use lessons::author::{Authored, read_course};
use lessons::{Ask, Check, Judgement, State, Typed, judge};
use std::collections::BTreeMap;
use std::path::Path;
use world::Session;

const SEEDS: u64 = 3;

struct Sitting {
    session: Session,
    terminals: BTreeMap<String, TtyId>,
    next_query: u32,
    /// Command lines typed so far.
    lines: usize,
}

impl Sitting {
    fn new(authored: &Authored, seed: u64) -> Sitting {
        let lab = authored.lesson.lab.clone();
        let mut session = Session::new(Replay { lab, seed, requests: Vec::new(), until: 0 });
        let faults: Vec<String> = session
            .take_events()
            .into_iter()
            .filter_map(|event| if let Event::LabFault { words } = event { Some(words) } else { None })
            .collect();
        assert_eq!(faults, Vec::<String>::new(), "{}: the lab's set-up fails", authored.file);
        Sitting { session, terminals: BTreeMap::new(), next_query: 0, lines: 0 }
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
            self.session.command(Command::ToTheEnd);
        }
        let entered = self.session.take_events();
        self.lines += entered.iter().filter(|event| matches!(event, Event::CommandEntered { .. })).count();
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
            self.session.command(Command::ToTheEnd);
        }
    }

    fn judge(&mut self, check: &Check) -> Judgement {
        self.next_query += 1;
        let id = self.next_query;
        self.session.command(Command::Probes { id, probes: check.probes() });
        let facts: Vec<Fact> = self
            .session
            .take_events()
            .into_iter()
            .find_map(|event| match event {
                Event::Facts { id: answered, facts } if answered == id => Some(facts),
                _ => None,
            })
            .expect("probes are answered at once");
        judge(check, &facts, None)
    }
}

/// Checks that the world alone decides.
fn of_world(authored: &Authored) -> impl Iterator<Item = &Check> {
    authored.lesson.checks.iter().filter(|check| !matches!(check.ask, Ask::Used { .. } | Ask::Answer { .. }))
}

fn told(check: &Check, judgement: &Judgement) -> String {
    format!("{}: want {} | got {} | why {}", check.id, judgement.want, judgement.got, judgement.why)
}

/// What is wrong with undo, redo and reset after the solution.
fn and_back(sitting: &mut Sitting, fresh: &[Vec<String>]) -> Option<String> {
    let solved = sitting.configuration();
    let lines = sitting.lines;
    sitting.all(|| Command::Undo, lines);
    let undone = sitting.configuration();
    sitting.all(|| Command::Redo, lines);
    let redone = sitting.configuration();
    sitting.session.command(Command::Reset);
    let reset = sitting.configuration();
    let all = [("undo", fresh, &undone), ("redo", &solved, &redone), ("reset", fresh, &reset)];
    let (name, want, got) = all.into_iter().find(|(_, want, got)| want != &got.as_slice())?;
    Some(format!("{name} after the solution: want {want:?} | got {got:?}"))
}

/// What is wrong with a lesson, in sentences; empty when it is proven.
fn faults(authored: &Authored, seed: u64) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sitting = Sitting::new(authored, seed);
    for check in of_world(authored) {
        let judgement = sitting.judge(check);
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
    for check in of_world(authored) {
        let judgement = sitting.judge(check);
        if judgement.state != State::Pass {
            faults.push(format!("red after the solution: {}", told(check, &judgement)));
        }
    }
    faults.extend(and_back(&mut sitting, &fresh));
    for wrong in &authored.wrong {
        let mut sitting = Sitting::new(authored, seed);
        sitting.type_all(&wrong.run);
        let check = authored.lesson.check(&wrong.fails).expect("the reader has seen to it");
        let judgement = sitting.judge(check);
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

#[test]
fn every_lesson_starts_red_and_its_solution_turns_it_green() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lessons");
    let course = read_course(&root).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(course.len() >= 7, "the course has lost lessons: {}", course.len());
    let mut all = Vec::new();
    for authored in &course {
        for seed in authored.lesson.seed..authored.lesson.seed + SEEDS {
            let found = faults(authored, seed).into_iter();
            all.extend(found.map(|fault| format!("{} (seed {seed}): {fault}", authored.file)));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
