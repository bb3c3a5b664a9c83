//! A lesson as the page and the proof use it.
//!
//! Always: `id` never changes once published, progress hangs on it; `weight` is the sum of the checks' points.

use crate::check::Check;
use api::Lab;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    pub id: String,
    pub kind: Kind,
    pub title: String,
    pub track: String,
    pub order: u32,
    pub exams: Vec<Exam>,
    pub weight: u32,
    pub target_seconds: u32,
    pub needs: Vec<String>,
    /// What is simulated: `linux`, `k8s-1.36`.
    pub profile: String,
    pub lab: Lab,
    /// The machine of the first terminal.
    pub host: String,
    pub seed: u64,
    pub docs: Vec<Link>,
    /// The newest review: what it was held against, and when.
    pub reviewed: Reviewed,
    /// Prose in the order of the file: introduction, steps, goal.
    pub sections: Vec<Section>,
    pub checks: Vec<Check>,
    pub hints: Vec<String>,
    pub solution: Solution,
    pub debrief: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Lesson,
    Exercise,
    ExamTask,
    Playground,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exam {
    pub cert: String,
    pub domain: String,
    pub competency: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub label: String,
    pub url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviewed {
    pub against: String,
    pub date: String,
}

/// A piece of prose. `html` holds only what the renderer makes: no script, no outside resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub part: Part,
    pub html: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    Introduction,
    Step { title: String },
    Goal,
}

/// Commands that solve the lesson, where each is typed, and why they do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solution {
    pub html: String,
    pub run: Vec<Typed>,
}

/// A command line and the machine at whose prompt it is typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    pub on: String,
    pub run: String,
}

/// A named wrong attempt: what is typed, which check must fail, and what that failure must say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    pub name: String,
    pub run: Vec<Typed>,
    pub fails: String,
    pub says: String,
}

/// One row of the course map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    pub kind: Kind,
    pub title: String,
    pub track: String,
    pub order: u32,
    pub exams: Vec<Exam>,
    pub weight: u32,
    pub target_seconds: u32,
    pub needs: Vec<String>,
}

/// The course map: tracks in order, each with its lessons in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    pub tracks: Vec<Track>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    pub id: String,
    pub title: String,
    pub lessons: Vec<Entry>,
}

impl Lesson {
    pub fn entry(&self) -> Entry {
        Entry {
            id: self.id.clone(),
            kind: self.kind,
            title: self.title.clone(),
            track: self.track.clone(),
            order: self.order,
            exams: self.exams.clone(),
            weight: self.weight,
            target_seconds: self.target_seconds,
            needs: self.needs.clone(),
        }
    }

    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }
}
