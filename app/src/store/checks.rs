//! The check list: what was asked of the world, what came back, and what a learner sees of it.
//!
//! Always: rows stand in the lesson's order; a step's check that was green stays green until the lab is reset;
//! a row is red only after the learner has done something, and then only the first open one (all, when asked for).

use api::{Fact, Probe};
use lessons::{Ask, Check, Judgement, Lesson, State, judge};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing to be said yet.
    Todo,
    Pass,
    Fail,
    /// The question could not be asked.
    Error,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    judged: BTreeMap<String, Judgement>,
    /// Step checks that were green once.
    stuck: BTreeSet<String>,
    /// What the learner answered, by check.
    pub said: BTreeMap<String, String>,
    /// Rows opened or closed by hand.
    opened: BTreeMap<String, bool>,
    /// The learner has typed a command, so that red means something.
    pub begun: bool,
    /// The learner asked for a judgement of everything.
    pub asked: bool,
}

/// One row as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: String,
    pub label: String,
    pub points: u32,
    pub look: Look,
    pub open: bool,
    pub judgement: Option<Judgement>,
    pub hint: String,
    pub docs: Vec<lessons::Link>,
    /// The question and its choices, where the learner is asked rather than the world.
    pub question: Option<(String, Vec<String>)>,
    pub said: String,
}

impl Checks {
    /// All probes of the lesson, in one list; `facts` cuts the answers the same way.
    pub fn probes(lesson: &Lesson) -> Vec<Probe> {
        lesson.checks.iter().flat_map(Check::probes).collect()
    }

    /// Judges every check by the facts that came back for `Checks::probes`.
    pub fn facts(&mut self, lesson: &Lesson, facts: &[Fact]) {
        let mut rest = facts;
        for check in &lesson.checks {
            let (mine, others) = rest.split_at(check.probes().len().min(rest.len()));
            rest = others;
            let judgement = judge(check, mine, self.said.get(&check.id).map(String::as_str));
            if judgement.state == State::Pass && check.step.is_some() {
                self.stuck.insert(check.id.clone());
            }
            self.judged.insert(check.id.clone(), judgement);
        }
    }

    pub fn say(&mut self, lesson: &Lesson, id: &str, said: &str) {
        self.said.insert(id.to_string(), said.to_string());
        if let Some(check) = lesson.check(id) {
            let judgement = judge(check, &[], Some(said));
            if judgement.state == State::Pass && check.step.is_some() {
                self.stuck.insert(id.to_string());
            }
            self.judged.insert(id.to_string(), judgement);
        }
    }

    pub fn toggle(&mut self, lesson: &Lesson, id: &str) {
        let open = self.rows(lesson).into_iter().find(|row| row.id == id).is_some_and(|row| row.open);
        self.opened.insert(id.to_string(), !open);
    }

    pub fn judgement(&self, id: &str) -> Option<&Judgement> {
        self.judged.get(id)
    }

    pub fn passes(&self, id: &str) -> bool {
        self.stuck.contains(id) || self.judged.get(id).is_some_and(|it| it.state == State::Pass)
    }

    /// Every check is green.
    pub fn solved(&self, lesson: &Lesson) -> bool {
        !lesson.checks.is_empty() && lesson.checks.iter().all(|check| self.passes(&check.id))
    }

    pub fn rows(&self, lesson: &Lesson) -> Vec<Row> {
        let mut first = true;
        lesson
            .checks
            .iter()
            .map(|check| {
                let judgement = self.judged.get(&check.id).cloned();
                let is_question = matches!(check.ask, Ask::Answer { .. });
                let tried = !is_question || self.said.contains_key(&check.id);
                let look = match judgement.as_ref().map(|it| it.state) {
                    _ if self.passes(&check.id) => Look::Pass,
                    Some(State::Fail) if tried && self.asked => Look::Fail,
                    Some(State::Fail) if tried && self.begun && first => Look::Fail,
                    Some(State::Error) if self.begun || self.asked => Look::Error,
                    _ => Look::Todo,
                };
                let chosen = self.opened.get(&check.id).copied();
                let open = chosen.unwrap_or(first && (look == Look::Fail || look == Look::Error));
                first &= look == Look::Pass;
                Row {
                    id: check.id.clone(),
                    label: check.label.clone(),
                    points: check.points,
                    look,
                    open,
                    judgement,
                    hint: check.hint.clone(),
                    docs: check.docs.clone(),
                    question: match &check.ask {
                        Ask::Answer { question, choices, .. } => Some((question.clone(), choices.clone())),
                        _ => None,
                    },
                    said: self.said.get(&check.id).cloned().unwrap_or_default(),
                }
            })
            .collect()
    }

    /// Points won and points in all.
    pub fn points(&self, lesson: &Lesson) -> (u32, u32) {
        lesson.checks.iter().fold((0, 0), |(won, all), check| {
            (won + if self.passes(&check.id) { check.points } else { 0 }, all + check.points)
        })
    }

    /// Green checks, for what is kept of the learner's progress.
    pub fn green(&self) -> BTreeSet<String> {
        let passed = self.judged.iter().filter(|(_, it)| it.state == State::Pass).map(|(id, _)| id.clone());
        passed.chain(self.stuck.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lessons::{Kind, Reviewed, Solution};

    fn used(id: &str, step: Option<&str>) -> Check {
        Check {
            id: id.into(),
            label: id.into(),
            points: 2,
            step: step.map(Into::into),
            invariant: false,
            ask: Ask::Used { command: "ping".into() },
            why: String::new(),
            hint: String::new(),
            docs: Vec::new(),
        }
    }

    fn lesson(checks: Vec<Check>) -> Lesson {
        Lesson {
            id: "t".into(),
            kind: Kind::Lesson,
            title: String::new(),
            track: String::new(),
            order: 0,
            exams: Vec::new(),
            weight: 0,
            target_seconds: 0,
            needs: Vec::new(),
            profile: String::new(),
            lab: api::Lab::default(),
            host: String::new(),
            seed: 0,
            docs: Vec::new(),
            reviewed: Reviewed { against: String::new(), date: String::new() },
            sections: Vec::new(),
            checks,
            hints: Vec::new(),
            solution: Solution { html: String::new(), run: Vec::new() },
            debrief: String::new(),
        }
    }

    fn looks(checks: &Checks, lesson: &Lesson) -> Vec<Look> {
        checks.rows(lesson).into_iter().map(|row| row.look).collect()
    }

    #[test]
    fn nothing_is_red_before_the_learner_has_typed() {
        let lesson = lesson(vec![used("a", None), used("b", None)]);
        let mut checks = Checks::default();
        checks.facts(&lesson, &[Fact::Used(false), Fact::Used(false)]);
        assert_eq!(looks(&checks, &lesson), [Look::Todo, Look::Todo]);
        checks.begun = true;
        assert_eq!(looks(&checks, &lesson), [Look::Fail, Look::Todo]);
        assert!(checks.rows(&lesson)[0].open);
        checks.asked = true;
        assert_eq!(looks(&checks, &lesson), [Look::Fail, Look::Fail]);
    }

    #[test]
    fn a_steps_check_stays_green_and_a_goals_does_not() {
        let lesson = lesson(vec![used("step", Some("Look")), used("goal", None)]);
        let mut checks = Checks { begun: true, ..Checks::default() };
        checks.facts(&lesson, &[Fact::Used(true), Fact::Used(true)]);
        assert!(checks.solved(&lesson));
        checks.facts(&lesson, &[Fact::Used(false), Fact::Used(false)]);
        assert_eq!(looks(&checks, &lesson), [Look::Pass, Look::Fail]);
        assert_eq!(checks.points(&lesson), (2, 4));
    }

    #[test]
    fn a_question_is_judged_by_what_the_learner_says() {
        let ask =
            Ask::Answer { question: "?".into(), choices: vec!["x".into(), "y".into()], correct: "y".into() };
        let lesson = lesson(vec![Check { ask, ..used("q", None) }]);
        let mut checks = Checks { begun: true, ..Checks::default() };
        checks.facts(&lesson, &[]);
        assert_eq!(looks(&checks, &lesson), [Look::Todo], "not red before it was answered");
        checks.say(&lesson, "q", "x");
        assert_eq!(looks(&checks, &lesson), [Look::Fail]);
        checks.say(&lesson, "q", "y");
        checks.facts(&lesson, &[]);
        assert!(checks.solved(&lesson));
    }

    #[test]
    fn a_row_opened_by_hand_stays_open() {
        let lesson = lesson(vec![used("a", None), used("b", None)]);
        let mut checks = Checks { begun: true, ..Checks::default() };
        checks.facts(&lesson, &[Fact::Used(false), Fact::Used(false)]);
        checks.toggle(&lesson, "b");
        checks.toggle(&lesson, "a");
        assert_eq!(checks.rows(&lesson).iter().map(|row| row.open).collect::<Vec<_>>(), [false, true]);
    }
}
