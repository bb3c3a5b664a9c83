//! Recordings of Kubernetes: files of JSON whose `cases` each hold what was given and what came of it.
//!
//! Which kind a file is stands in its `set`. Always: a case is judged by what our crates answer to what is in it, and
//! a part of a case that nothing of ours answers yet is a step that fails, under a topic of its own.

mod dns;
mod dns_search;
mod kubectl;
mod kubectl_host;
mod proxy;
mod resolv_conf;

use serde_json::Value;
use std::path::Path;

/// One thing that a case says.
pub struct Step {
    /// Where the case stands in its file.
    pub line: usize,
    pub title: String,
    /// Under which its count is shown.
    pub topic: String,
}

/// How the cases of a set are judged: the whole file, and one of its cases; a difference for each thing it says.
type Judge = fn(&Value, &Value) -> Vec<Option<String>>;

/// A `set`; what its cases say; and who judges them.
struct Set {
    name: &'static str,
    says: &'static [Says],
    judge: Judge,
}

/// What a case says, the topic under which it is counted, and where in the case it stands (a JSON pointer): a case
/// without it does not say it.
pub type Says = (&'static str, &'static str, &'static str);

const SETS: &[Set] = &[
    Set { name: "kube-proxy", says: proxy::SAYS, judge: proxy::judge },
    Set { name: "chain names", says: proxy::NAMES, judge: proxy::judge_names },
    Set { name: "dns", says: dns::SAYS, judge: dns::judge },
    Set { name: "dns search expansion", says: dns_search::SAYS, judge: dns_search::judge },
    Set { name: "resolv.conf per dnsPolicy", says: resolv_conf::SAYS, judge: resolv_conf::judge },
    Set { name: "kubectl read commands", says: kubectl::READS, judge: kubectl::judge_read },
    Set { name: "kubectl command sequences", says: kubectl::STEPS, judge: kubectl::judge_sequence },
];

pub struct Recording {
    root: Value,
    set: &'static Set,
    lines: Vec<String>,
    /// Lines on which cases begin.
    ids: Vec<usize>,
}

/// Reads a file, if it is one of ours.
pub fn parse(text: &str) -> Option<Recording> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let root: Value = serde_json::from_str(text).ok()?;
    let name = root["set"].as_str()?;
    let set = SETS.iter().find(|set| set.name == name)?;
    let is_id = |line: &&(usize, &str)| line.1.trim_start().starts_with("\"id\":");
    let ids = text.lines().enumerate().filter(|line| is_id(&line)).map(|(index, _)| index).collect();
    Some(Recording { root, set, ids, lines: text.lines().map(|line| line.trim_start().to_owned()).collect() })
}

impl Recording {
    /// Takes in the objects of the `world.json` that stands beside the recording, if there is one.
    pub fn read_world(&mut self, path: &Path) -> Result<(), String> {
        let file = path.with_file_name("world.json");
        let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
        let objects = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        self.root["objects"] = objects;
        Ok(())
    }

    fn cases(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.root["cases"].as_array().into_iter().flatten().enumerate()
    }

    /// What a case says, in order; none for what it does not.
    fn steps_of(&self, index: usize, case: &Value) -> Vec<Option<Step>> {
        let start = self.ids.get(index).copied().unwrap_or(index);
        let step = |(what, topic, pointer): &Says| {
            case.pointer(pointer).filter(|it| !it.is_null())?;
            let key = format!("\"{}\":", pointer.rsplit('/').next().unwrap_or_default());
            // Of a list's items each has its key on a line of its own.
            let before = pointer.rsplit('/').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
            let of_key = |(_, line): &(usize, &String)| line.starts_with(&key);
            let ahead = self.lines.iter().skip(start).enumerate().filter(of_key).nth(before);
            let ahead = ahead.map_or(0, |(ahead, _)| ahead);
            let title = format!("{}: {what}", case["id"].as_str().unwrap_or_default());
            Some(Step { line: start + ahead + 1, title, topic: (*topic).to_owned() })
        };
        self.set.says.iter().map(step).collect()
    }

    pub fn steps(&self) -> Vec<Step> {
        self.cases().flat_map(|(index, case)| self.steps_of(index, case)).flatten().collect()
    }

    /// Judges every case, and hands on each step as it is judged.
    pub fn run(&self, on_step: &mut dyn FnMut(Step, Option<String>)) {
        for (index, case) in self.cases() {
            let differences = (self.set.judge)(&self.root, case);
            for (step, difference) in self.steps_of(index, case).into_iter().zip(differences) {
                if let Some(step) = step {
                    on_step(step, difference);
                }
            }
        }
    }
}

/// `-` what was recorded, `+` what we say; nothing where both are the same.
pub fn difference(recorded: &str, ours: &str) -> Option<String> {
    if recorded == ours {
        return None;
    }
    let mut text = String::new();
    for change in similar::TextDiff::from_lines(recorded, ours).iter_all_changes() {
        if change.tag() != similar::ChangeTag::Equal {
            text += &format!("{}{}", change.tag(), change.value());
            text += if change.value().ends_with('\n') { "" } else { "\n" };
        }
    }
    Some(text)
}
