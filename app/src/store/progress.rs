//! What the learner has solved, and how.
//!
//! Kept in the browser only. Always: ids are a lesson's own, so that re-ordering the course loses nothing; what is
//! once solved stays solved.

use lessons::{Course, Entry};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub lessons: BTreeMap<String, Done>,
    /// The lesson last opened.
    pub last: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Checks that were green at some time.
    pub checks: BTreeSet<String>,
    pub solved: bool,
    /// Solved without a hint and without looking at the solution.
    pub clean: bool,
    pub hints: usize,
    pub solution: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    New,
    Begun,
    Solved,
    Clean,
}

impl Progress {
    pub fn read(text: &str) -> Progress {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("progress is plain data")
    }

    pub fn mark(&self, id: &str) -> Mark {
        match self.lessons.get(id) {
            Some(done) if done.solved && done.clean => Mark::Clean,
            Some(done) if done.solved => Mark::Solved,
            Some(_) => Mark::Begun,
            None => Mark::New,
        }
    }

    pub fn solved(&self, id: &str) -> bool {
        self.lessons.get(id).is_some_and(|done| done.solved)
    }

    /// Solved and all, of the lessons that can be solved.
    pub fn count<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> (usize, usize) {
        entries
            .filter(|entry| counts(entry))
            .fold((0, 0), |(solved, all), entry| (solved + usize::from(self.solved(&entry.id)), all + 1))
    }

    /// Where *Start* leads: the lesson last opened and not solved, else the first that is not solved.
    pub fn next<'a>(&self, course: &'a Course) -> Option<&'a Entry> {
        let mut all = course.tracks.iter().flat_map(|track| &track.lessons).filter(|entry| counts(entry));
        let open = |entry: &&Entry| !self.solved(&entry.id);
        let last = all.clone().filter(open).find(|entry| Some(&entry.id) == self.last.as_ref());
        last.or_else(|| all.clone().find(open)).or_else(|| all.next())
    }

    /// The lesson that follows `id` in the course.
    pub fn after<'a>(&self, course: &'a Course, id: &str) -> Option<&'a Entry> {
        let all = course.tracks.iter().flat_map(|track| &track.lessons).filter(|entry| counts(entry));
        all.skip_while(|entry| entry.id != id).nth(1)
    }
}

/// A playground has nothing to solve.
pub fn counts(entry: &Entry) -> bool {
    entry.kind != lessons::Kind::Playground
}

#[cfg(test)]
mod tests {
    use super::*;
    use lessons::{Kind, Track};

    fn course() -> Course {
        let entry = |id: &str, kind| Entry {
            id: id.into(),
            kind,
            title: id.into(),
            track: "t".into(),
            order: 1,
            exams: Vec::new(),
            weight: 1,
            target_seconds: 60,
            needs: Vec::new(),
        };
        let lessons =
            vec![entry("play", Kind::Playground), entry("a", Kind::Lesson), entry("b", Kind::Exercise)];
        Course { tracks: vec![Track { id: "t".into(), title: "T".into(), lessons }] }
    }

    fn solved(id: &str) -> Progress {
        let done = Done { solved: true, ..Done::default() };
        Progress { lessons: [(id.to_string(), done)].into(), last: None }
    }

    #[test]
    fn start_leads_to_what_is_not_solved() {
        let (course, none) = (course(), Progress::default());
        assert_eq!(none.next(&course).map(|entry| entry.id.as_str()), Some("a"));
        assert_eq!(solved("a").next(&course).map(|entry| entry.id.as_str()), Some("b"));
        let at_b = Progress { last: Some("b".into()), ..Progress::default() };
        assert_eq!(at_b.next(&course).map(|entry| entry.id.as_str()), Some("b"));
        assert_eq!(none.after(&course, "a").map(|entry| entry.id.as_str()), Some("b"));
        assert_eq!(none.after(&course, "b"), None);
    }

    #[test]
    fn a_playground_is_not_counted() {
        let course = course();
        assert_eq!(solved("a").count(course.tracks[0].lessons.iter()), (1, 2));
    }

    #[test]
    fn what_was_stored_reads_back() {
        let progress = solved("a");
        assert_eq!(Progress::read(&progress.write()), progress);
        assert_eq!(Progress::read("[]"), Progress::default());
    }
}
