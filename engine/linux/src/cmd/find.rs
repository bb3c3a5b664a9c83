//! `find`: looking for files. Source: find(1), findutils.
//! Not simulated: find -exec … +, -mtime and its like, -printf, -delete.
//! ```transcript
//! host# mkdir d; touch d/x; find d
//! d
//! d/x
//! ```

use super::{Args, Command, Exit};
use crate::fs::{FileKind, Stat};
use crate::run::Start;
use crate::sys::Sys;

pub const FIND: Command = Command {
    name: "find",
    path: "/usr/bin/find",
    man: "find(1)",
    run: |sys, args| Box::pin(find(sys, args)),
};
/// Directories that `find` goes down.
const DEPTH: usize = 64;

enum Test {
    Name(String),
    Path(String),
    Kind(FileKind),
    Not(Box<Test>),
}

impl Test {
    fn holds(&self, path: &str, stat: &Stat) -> bool {
        match self {
            Test::Name(pattern) => {
                matches(pattern.as_bytes(), path.rsplit('/').next().unwrap_or(path).as_bytes())
            }
            Test::Path(pattern) => matches(pattern.as_bytes(), path.as_bytes()),
            Test::Kind(kind) => stat.kind == *kind,
            Test::Not(test) => !test.holds(path, stat),
        }
    }
}

/// fnmatch(3) with `*` and `?`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[derive(Default)]
struct Plan {
    tests: Vec<Test>,
    max_depth: Option<usize>,
    min_depth: usize,
    exec: Option<Vec<String>>,
    null: bool,
}

/// The expression after the starting points; the error is what `find` says.
fn plan(words: &[String]) -> Result<Plan, String> {
    let mut plan = Plan::default();
    let mut words = words.iter();
    let mut negated = false;
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or_else(|| format!("missing argument to `{word}'"));
        let test = match word.as_str() {
            "!" | "-not" => {
                negated = !negated;
                continue;
            }
            "-name" => Test::Name(value()?),
            "-path" => Test::Path(value()?),
            "-type" => match value()?.as_str() {
                "f" => Test::Kind(FileKind::File),
                "d" => Test::Kind(FileKind::Directory),
                "l" => Test::Kind(FileKind::Symlink),
                "c" => Test::Kind(FileKind::CharacterDevice),
                other => return Err(format!("Unknown argument to -type: {other}")),
            },
            "-maxdepth" | "-mindepth" => {
                let text = value()?;
                let depth = text.parse().map_err(|_| {
                    format!("Expected a positive decimal integer argument to {word}, but got ‘{text}’")
                })?;
                if word == "-maxdepth" {
                    plan.max_depth = Some(depth)
                } else {
                    plan.min_depth = depth
                }
                continue;
            }
            "-print" | "-a" | "-and" => continue,
            "-print0" => {
                plan.null = true;
                continue;
            }
            "-exec" => {
                let command: Vec<String> = words.by_ref().take_while(|word| *word != ";").cloned().collect();
                plan.exec = Some(command);
                continue;
            }
            other if other.starts_with('-') => {
                return Err(format!(
                    "{other}: not simulated in vethlab; use -name, -path, -type, -maxdepth, -exec … \\;"
                ));
            }
            other => return Err(format!("paths must precede expression: `{other}'")),
        };
        plan.tests.push(if std::mem::take(&mut negated) { Test::Not(Box::new(test)) } else { test });
    }
    Ok(plan)
}

async fn find(sys: Sys, args: Args) -> Exit {
    let split =
        args.rest().iter().position(|word| word.starts_with('-') || word == "!").unwrap_or(args.rest().len());
    let (starts, expression) = args.rest().split_at(split);
    let plan = match plan(expression) {
        Ok(plan) => plan,
        Err(words) => {
            sys.eprint(format!("find: {words}\n")).await;
            return Exit::FAILURE;
        }
    };
    let starts = if starts.is_empty() { vec![".".to_owned()] } else { starts.to_vec() };
    let mut exit = Exit::OK;
    let mut todo: Vec<(String, usize)> = starts.into_iter().rev().map(|start| (start, 0)).collect();
    while let Some((path, depth)) = todo.pop() {
        let stat = match sys.lstat(&path).await {
            Ok(stat) => stat,
            Err(errno) => {
                sys.eprint(format!("find: ‘{path}’: {errno}\n")).await;
                exit = Exit::FAILURE;
                continue;
            }
        };
        if depth >= plan.min_depth && plan.tests.iter().all(|test| test.holds(&path, &stat)) {
            match &plan.exec {
                None => sys.print(format!("{path}{}", if plan.null { '\0' } else { '\n' })).await,
                Some(command) => {
                    let argv: Vec<String> = command.iter().map(|word| word.replace("{}", &path)).collect();
                    if let Ok(child) = sys.spawn(Start::new(argv)).await {
                        sys.wait_child(child).await;
                    }
                }
            }
        }
        if stat.kind == FileKind::Directory && depth < plan.max_depth.unwrap_or(DEPTH).min(DEPTH) {
            let entries = sys.read_dir(&path).await.unwrap_or_default();
            let below = entries
                .into_iter()
                .map(|entry| (format!("{}/{}", path.trim_end_matches('/'), entry.name), depth + 1));
            todo.extend(below.collect::<Vec<_>>().into_iter().rev());
        }
    }
    exit
}
