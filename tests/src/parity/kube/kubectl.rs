//! Recordings of kubectl: a command line in, what it printed and its exit code out.
//!
//! Our kubectl asks our API server without a network between. Read cases begin each with the recorded world, at the
//! second of recording; sequences share one cluster, case after case, as when they were recorded.
//! Always: standard output, standard error and exit code are compared whole. Names that the server made up, addresses
//! it chose, uids, and the clock and process id of a log line are hidden on both sides, in sequences only.
//! A stand-in plays scheduler and kubelet, as one did when the sequences were recorded.

use super::kubectl_host::{Cluster, Desk};
use super::{Says, difference};
use kube::object::Time;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub const READS: &[Says] = &[("command", "kubectl read", "/command")];

/// A sequence may have so many steps.
pub const STEPS: &[Says] = &[
    ("step 1", "kubectl sequence", "/steps/0/command"),
    ("step 2", "kubectl sequence", "/steps/1/command"),
    ("step 3", "kubectl sequence", "/steps/2/command"),
    ("step 4", "kubectl sequence", "/steps/3/command"),
    ("step 5", "kubectl sequence", "/steps/4/command"),
    ("step 6", "kubectl sequence", "/steps/5/command"),
    ("step 7", "kubectl sequence", "/steps/6/command"),
    ("step 8", "kubectl sequence", "/steps/7/command"),
    ("step 9", "kubectl sequence", "/steps/8/command"),
    ("step 10", "kubectl sequence", "/steps/9/command"),
    ("step 11", "kubectl sequence", "/steps/10/command"),
    ("step 12", "kubectl sequence", "/steps/11/command"),
    ("step 13", "kubectl sequence", "/steps/12/command"),
    ("step 14", "kubectl sequence", "/steps/13/command"),
    ("step 15", "kubectl sequence", "/steps/14/command"),
    ("step 16", "kubectl sequence", "/steps/15/command"),
    ("step 17", "kubectl sequence", "/steps/16/command"),
    ("step 18", "kubectl sequence", "/steps/17/command"),
    ("step 19", "kubectl sequence", "/steps/18/command"),
    ("step 20", "kubectl sequence", "/steps/19/command"),
];

/// What cases that are not among these left behind for one that is: namespace s1's objects, made before it runs if
/// they are not there.
const LEFT_BEHIND: &[(&str, &[&str])] = &[
    (
        "label-annotate",
        &[
            "kubectl create deployment web --image=nginx:1.27 --replicas=0",
            "kubectl run web-697578869-bbbbb --image=nginx:1.27",
            "kubectl run web-697578869-ccccc --image=nginx:1.27",
            "kubectl run web-697578869-ddddd --image=nginx:1.27",
        ],
    ),
    ("delete-forms", &["kubectl create job j --image=busybox"]),
];

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

fn time(step: &Value) -> Time {
    Time::parse(text(step, "capturedAt")).unwrap_or_default()
}

/// The second of recording is known, its parts are not: a case may be right at that second or at one beside it.
pub fn judge_read(root: &Value, case: &Value) -> Vec<Option<String>> {
    let tries = [0, 1, -1].map(|more| {
        let mut cluster = Cluster::new(&root["objects"], Time(time(case).0 + more));
        let mut desk = Desk::new(&mut cluster, "default", BTreeMap::new());
        let ours = desk.run(text(case, "command"));
        ours.map_or_else(Some, |ours| difference(&shown(&recorded(case)), &shown(&ours)))
    });
    let found = tries.iter().find(|it| it.is_none()).unwrap_or(&tries[0]);
    vec![found.clone()]
}

/// Replays what stands before the case in its file, then the case.
pub fn judge_sequence(root: &Value, case: &Value) -> Vec<Option<String>> {
    let cases = root["cases"].as_array().map_or(&[][..], Vec::as_slice);
    let start = cases.first().and_then(|it| it["steps"].get(0)).map(time).unwrap_or_default();
    let mut cluster = Cluster::new(&root["objects"], start);
    cluster.add_namespace("s1");
    let mut last = Vec::new();
    for it in cases {
        last = sequence(&mut cluster, it);
        if it["id"] == case["id"] {
            break;
        }
    }
    last.resize(STEPS.len(), None);
    last
}

fn sequence(cluster: &mut Cluster, case: &Value) -> Vec<Option<String>> {
    let files = case["files"].as_object().into_iter().flatten();
    let files = files.map(|(name, it)| (name.clone(), it.as_str().unwrap_or_default().to_owned())).collect();
    let first = case["steps"].get(0).map(time).unwrap_or_default();
    let mut desk = Desk::new(cluster, "s1", files);
    desk.set_now(first);
    let before = LEFT_BEHIND.iter().find(|(id, _)| *id == text(case, "id"));
    for command in before.into_iter().flat_map(|(_, commands)| *commands) {
        // What is there already stays.
        desk.run(command).unwrap_or_default();
    }
    let given = case.to_string();
    let mut differences = Vec::new();
    for step in case["steps"].as_array().into_iter().flatten() {
        desk.set_now(time(step));
        let ours = desk.run(text(step, "command"));
        let hidden = |said: &Said| hide(&shown(said), &given, text(step, "command"));
        differences.push(ours.map_or_else(Some, |ours| difference(&hidden(&recorded(step)), &hidden(&ours))));
    }
    differences
}

/// What a command said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub out: String,
    pub err: String,
    pub code: u8,
}

fn recorded(step: &Value) -> Said {
    let code = step["exit"].as_u64().and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX);
    Said { out: text(step, "stdout").to_owned(), err: text(step, "stderr").to_owned(), code }
}

fn shown(said: &Said) -> String {
    let err: String = said.err.split_inclusive('\n').map(|line| format!("stderr: {line}")).collect();
    format!("{}\n{err}exit {}\n", said.out, said.code)
}

static CHANCE: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-#####"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r#"(resourceVersion"?: ?)"\d+""#, "$1#"),
        (r"E\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ ", "E# "),
    ];
    rules.into_iter().map(|(rule, with)| (Regex::new(rule).expect("well formed"), with)).collect()
});
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b10\.96\.\d+\.\d+\b").expect("well formed"));

/// Hides what chance decided; an address that somebody wrote down is no chance.
fn hide(said: &str, given: &str, command: &str) -> String {
    let is_given = |it: &str| {
        command.contains(it)
            || given
                .split("\"files\"")
                .nth(1)
                .is_some_and(|files| files.split("\"steps\"").next().is_some_and(|files| files.contains(it)))
    };
    let said = ADDRESS.replace_all(said, |found: &regex::Captures<'_>| {
        if is_given(&found[0]) { found[0].to_owned() } else { "10.96.#.#".to_owned() }
    });
    CHANCE.iter().fold(said.into_owned(), |text, (rule, with)| rule.replace_all(&text, *with).into_owned())
}
