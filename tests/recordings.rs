//! The recordings themselves: each is readable, and agrees with a host that says exactly what was recorded, also when
//! chance gives other values than on the day of recording; and disagrees as soon as anything else is said.

use regex::{Captures, Regex};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::parity::golden::{self, Action, Expected, FixtureLine, Golden, Item, Step};
use tests::parity::machine::{Job, Machine, Outcome};
use tests::parity::normalise::Rules;
use tests::parity::{report, script};

/// Says what was recorded, whatever it is asked.
struct Echo<'a> {
    steps: Vec<&'a Step>,
    next: usize,
    /// What is done to every line before it is said.
    twist: &'a dyn Fn(&str) -> String,
}

impl Echo<'_> {
    fn text(&self, lines: &[String], ends_open: bool) -> Vec<u8> {
        let mut text: String = lines.iter().map(|line| (self.twist)(line) + "\n").collect();
        // As the recorder shows a carriage return.
        text = text.replace("\\r", "\r");
        if ends_open {
            text.pop();
        }
        text.into_bytes()
    }
}

impl Machine for Echo<'_> {
    fn start(&mut self, _command: &str, _tty: Option<(u16, u16)>) -> Result<Job, String> {
        Ok(Job(0))
    }
    fn wait(&mut self, _job: Job, _limit: Duration) -> bool {
        true
    }
    fn has_ended(&self, _job: Job) -> bool {
        true
    }
    fn stderr(&mut self, _job: Job) -> &[u8] {
        b""
    }
    fn signal(&mut self, _job: Job, _name: &str) -> Result<(), String> {
        Ok(())
    }
    fn take(&mut self, _job: Job) -> Outcome {
        let Expected { code, stdout, stderr, stdout_ends_open, stderr_ends_open } =
            &self.steps[self.next].expected;
        let (stdout, stderr) = (self.text(stdout, *stdout_ends_open), self.text(stderr, *stderr_ends_open));
        self.next += 1;
        Outcome { stdout, stderr, code: *code }
    }
    fn advance(&mut self, _time: Duration) {}
    fn fixture_start(&mut self, _fixture: &FixtureLine) -> Result<(), String> {
        Ok(())
    }
    fn fixture_stop(&mut self, _id: &str) -> Result<(), String> {
        Ok(())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/linux")
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(folder().join("normalisers.toml")).expect("it is ours");
    Rules::parse(&text).expect("the test may write where it runs")
}

/// All of them, without the steps that count shares: those have no output to say again.
fn recordings() -> Vec<(PathBuf, Golden)> {
    let files = report::recordings(&[folder()]).expect("the test may write where it runs");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("it was just found");
        let mut golden = golden::parse(&text).unwrap_or_else(|fault| panic!("{}: {fault:?}", path.display()));
        golden.items.retain(|item| match item {
            Item::Step(step) => !matches!(step.action, Action::Shares { .. }),
            _ => true,
        });
        (path, golden)
    };
    files.into_iter().map(read).collect()
}

/// How many steps fail, and the first of them, when the host says its lines with such a twist.
fn failing(path: &Path, golden: &Golden, rules: &Rules, twist: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut failing = Vec::new();
    let mut echo = Echo { steps: golden.steps().collect(), next: 0, twist };
    let judged = script::run(golden, rules, &mut echo, &mut |judged| {
        let place = format!("{}:{}", path.display(), judged.step.line);
        failing.extend(judged.difference.map(|difference| format!("{place}\n{difference}")));
    });
    judged.unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    failing
}

/// Puts values of another day where the recording has numbered ones.
fn another_day(line: &str) -> String {
    let numbered = Regex::new("<([A-Z0-9]+):([0-9]+)>").expect("the test may write where it runs");
    let value = |captures: &Captures| {
        let number: u64 = captures[2].parse().expect("the test may write where it runs");
        match &captures[1] {
            "MAC" => format!("9e:00:00:00:00:{number:02x}"),
            "LL" => format!("fe80::9c00:ff:fe00:{number:x}"),
            "PORT" => format!("{}", 40_000 + number),
            "DNSID" => format!("{}", 1_000 + number),
            "ID" => format!("{}", 700 + number),
            "VETH" => format!("veth{number:08x}"),
            "CHAIN" => format!("CNI-{number:024x}"),
            other => panic!("no value for {other}"),
        }
    };
    numbered.replace_all(line, value).into_owned()
}

#[test]
fn a_recording_agrees_with_itself() {
    let rules = rules();
    for (path, golden) in recordings() {
        assert_eq!(failing(&path, &golden, &rules, &|line| line.to_owned()), [""; 0]);
    }
}

#[test]
fn a_recording_agrees_with_itself_on_another_day() {
    let rules = rules();
    for (path, golden) in recordings() {
        assert_eq!(failing(&path, &golden, &rules, &another_day), [""; 0]);
    }
}

#[test]
fn a_recording_agrees_with_nothing_else() {
    let rules = rules();
    for (path, golden) in recordings() {
        let says_something =
            |step: &&Step| !step.expected.stdout.is_empty() || !step.expected.stderr.is_empty();
        let all = golden.steps().filter(says_something).count();
        let failed = failing(&path, &golden, &rules, &|line| format!("x{line}"));
        assert_eq!(failed.len(), all, "{}", path.display());
    }
}
