//! Runs many recordings and says how they went: each in a process of its own, so that one which ends in a panic or
//! never ends takes nobody along.
//!
//! Always: every step of every recording is counted, also those that were not reached; what is printed keeps the order
//! of the files; last comes `N passed, N failed`.

use super::golden::{self, Golden};
use super::host::Host;
use super::known::Known;
use super::kube;
use super::normalise::Rules;
use super::script;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

/// A recording that takes longer, in our time, hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// For a recording with no `normalisers.toml` in a folder above it.
const NORMALISERS: &str = include_str!("../../parity/linux/normalisers.toml");

/// How one step went; serialised between the two processes as JSON, one a line.
struct StepReport {
    line: usize,
    title: String,
    /// Under which it is counted, where that is not its folder.
    topic: Option<String>,
    difference: Option<String>,
}

enum Recording {
    Golden(Golden),
    Kube(kube::Recording),
}

#[derive(Clone, Copy, Default)]
struct Count {
    passed: usize,
    failed: usize,
    known: usize,
}

/// All recordings in these files and folders, in order. A file that is named must be one; in folders they are found
/// by their content.
pub fn recordings(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        let text =
            |path: &Path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if path.is_dir() {
            walk(path, &mut files)?;
        } else {
            let text = text(path).map_err(|error| format!("{}: {error}", path.display()))?;
            if !is_recording(&text) {
                return Err(format!("{}: no recording: it should begin with `@title:`", path.display()));
            }
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn is_recording(text: &str) -> bool {
    golden::is_golden(text) || kube::parse(text).is_some()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let fault = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        entries.push(entry.map_err(fault)?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, files)?;
        } else if std::fs::read_to_string(&path).is_ok_and(|text| is_recording(&text)) {
            files.push(path);
        }
    }
    Ok(())
}

/// The child's part: runs one recording and prints a line of JSON per step.
pub fn run_one(path: &Path) -> Result<(), String> {
    let mut out = std::io::stdout();
    let mut say = |line: usize, title: String, topic: Option<String>, difference: Option<String>| {
        let row = serde_json::json!([line, title, topic, difference]);
        writeln!(out, "{row}").expect("the parent listens");
        out.flush().expect("the parent listens");
    };
    match read(path)? {
        Recording::Golden(golden) => {
            let rules = rules(path)?;
            let mut host = Host::new();
            script::run(&golden, &rules, &mut host, &mut |judged| {
                say(judged.step.line, judged.step.action.title(), None, judged.difference);
            })
        }
        Recording::Kube(recording) => {
            recording.run(&mut |step, difference| say(step.line, step.title, Some(step.topic), difference));
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<Recording, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(mut recording) = kube::parse(&text) {
        recording.read_world(path)?;
        return Ok(Recording::Kube(recording));
    }
    let golden = golden::parse(&text);
    golden.map(Recording::Golden).map_err(|fault| format!("{}:{}: {}", path.display(), fault.line, fault.why))
}

impl Recording {
    /// Line, title and topic of every step.
    fn steps(&self) -> Vec<(usize, String, Option<String>)> {
        match self {
            Recording::Golden(golden) => {
                golden.steps().map(|step| (step.line, step.action.title(), None)).collect()
            }
            Recording::Kube(recording) => {
                recording.steps().into_iter().map(|step| (step.line, step.title, Some(step.topic))).collect()
            }
        }
    }
}

/// Of the nearest folder that has some.
fn rules(path: &Path) -> Result<Rules, String> {
    let path = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    let found =
        path.ancestors().skip(1).map(|folder| folder.join("normalisers.toml")).find(|it| it.is_file());
    match found {
        Some(file) => {
            let text =
                std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            Rules::parse(&text).map_err(|why| format!("{}: {why}", file.display()))
        }
        None => Rules::parse(NORMALISERS),
    }
}

/// The parent's part for one recording: all its steps, those not reached as failed.
fn run_child(path: &Path) -> Result<Vec<StepReport>, String> {
    let recording = read(path)?;
    let own = std::env::current_exe().map_err(|error| format!("our own program: {error}"))?;
    let mut child = Command::new(own)
        .arg("--one")
        .arg(path)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let stdout = child.stdout.take().expect("it is piped");
    let mut stderr = child.stderr.take().expect("it is piped");
    let reports =
        std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).collect::<Vec<_>>());
    let complaints = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr
            .read_to_end(&mut bytes)
            .map(|_| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    });
    let started = Instant::now();
    let mut ended = None;
    while ended.is_none() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
        ended = child.try_wait().map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let how = match ended {
        Some(status) => status.to_string(),
        None => {
            child.kill().map_err(|error| format!("{}: {error}", path.display()))?;
            child.wait().map_err(|error| format!("{}: {error}", path.display()))?;
            format!("it took more than {} s", PATIENCE.as_secs())
        }
    };
    let lines = reports.join().expect("reading does not panic");
    let complaints = complaints.join().expect("reading does not panic");
    let mut steps: Vec<_> = lines.iter().filter_map(|line| StepReport::read(line)).collect();
    let last: Vec<_> = complaints.lines().rev().take(12).collect();
    let last = last.into_iter().rev().fold(String::new(), |text, line| text + "  " + line + "\n");
    for (index, (line, title, topic)) in recording.steps().into_iter().enumerate().skip(steps.len()) {
        let why = if index == lines.len() {
            format!("the engine stopped here: {how}\n{last}")
        } else {
            "not reached\n".to_owned()
        };
        steps.push(StepReport { line, title, topic, difference: Some(why) });
    }
    Ok(steps)
}

impl StepReport {
    fn read(line: &str) -> Option<StepReport> {
        let (line, title, topic, difference) = serde_json::from_str(line).ok()?;
        Some(StepReport { line, title, topic, difference })
    }
}

/// Runs all of them on all processors, prints each failing step, a line per topic, and the sum. Did all pass?
pub fn run(files: &[PathBuf], mut known: Known) -> bool {
    let mut topics: BTreeMap<String, Count> = BTreeMap::new();
    side_by_side(files, |path, steps| {
        let folder =
            path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        match steps {
            Ok(steps) => {
                for step in steps {
                    let topic = step.topic.clone().unwrap_or_else(|| folder.clone());
                    topics.entry(topic).or_default().add(path, &step, &mut known);
                }
            }
            Err(why) => {
                println!("{why}");
                topics.entry(folder).or_default().failed += 1;
            }
        }
    });
    let mut sum = Count::default();
    for stale in known.left_over(files) {
        println!("{stale}: no such step; remove this line from the known failures");
        sum.failed += 1;
    }
    println!();
    for (topic, count) in &topics {
        let all = count.passed + count.failed + count.known;
        println!("{topic:<24} {:>5} of {all:>5} pass, {:>5.1} %", count.passed, percent(count.passed, all));
        sum = Count {
            passed: sum.passed + count.passed,
            failed: sum.failed + count.failed,
            known: sum.known + count.known,
        };
    }
    if sum.known > 0 {
        println!("{} more fail as listed in the known failures", sum.known);
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    sum.failed == 0
}

fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all.max(1) as f64
}

impl Count {
    fn add(&mut self, path: &Path, step: &StepReport, known: &mut Known) {
        let place = format!("{}:{}", path.display(), step.line);
        match (&step.difference, known.take(path, step.line)) {
            (None, false) => self.passed += 1,
            (Some(_), true) => self.known += 1,
            (None, true) => {
                println!("{place}: passes now: remove this line from the known failures");
                self.failed += 1;
            }
            (Some(difference), false) => {
                println!("{place}: {}", step.title);
                difference.lines().for_each(|line| println!("    {line}"));
                self.failed += 1;
            }
        }
    }
}

/// Calls `each` with every file's result, in the order of the files, while others still run.
fn side_by_side(files: &[PathBuf], mut each: impl FnMut(&Path, Result<Vec<StepReport>, String>)) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let sender = sender.lock().expect("no worker panics").clone();
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    sender.send((file, run_child(file))).expect("the receiver waits for all");
                }
            });
        }
        let mut waiting: BTreeMap<&PathBuf, _> = BTreeMap::new();
        for file in files {
            while !waiting.contains_key(file) {
                let (done, result) = receiver.recv().expect("every file is run");
                waiting.insert(done, result);
            }
            each(file, waiting.remove(file).expect("it was waited for"));
        }
    });
}
