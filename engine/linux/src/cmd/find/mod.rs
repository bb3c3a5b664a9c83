//! `find`: files below directories, by tests, with actions. Source: find(1), findutils 4.9.0.
//!
//! Differs: directories are walked in the kernel's order; the time of the last change stands for all times.
//! Not simulated: -D -O -fprint… -fstype -ok -okdir -regextype other than emacs' common ground, -xdev, times of access.
//! ```transcript
//! host# mkdir d; touch d/x; find d -type f
//! d/x
//! ```

mod expression;
mod pattern;
mod printf;

use super::long::Names;
use super::tool::quoted;
use super::{Args, Command, Exit};
use crate::fs::{FileKind, Stat};
use crate::run::Start;
use crate::sys::Sys;
use expression::{Action, Expression, Plan, Test, Unit};
pub use pattern::matches;
use sim::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

pub const FIND: Command = Command {
    name: "find",
    path: "/usr/bin/find",
    man: "find(1)",
    run: |sys, args| Box::pin(find(sys, args)),
};

/// Directories that `find` goes down.
const DEPTH: usize = 64;
/// Files that one command of `-exec … +` gets.
const BATCH: usize = 1000;

/// One file that is looked at.
struct Found {
    path: String,
    start: String,
    depth: usize,
    stat: Stat,
    target: Option<String>,
}

impl Found {
    fn name(&self) -> &str {
        let trimmed = self.path.trim_end_matches('/');
        if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
    }
}

async fn find(sys: Sys, args: Args) -> Exit {
    let mut words = args.rest();
    let mut follow = 'P';
    while let Some(option @ ("-H" | "-L" | "-P")) = words.first().map(String::as_str) {
        follow = option.chars().nth(1).unwrap_or('P');
        words = &words[1..];
    }
    let begins = |word: &String| word.len() > 1 && word.starts_with('-') || word == "(" || word == "!";
    let split = words.iter().position(begins).unwrap_or(words.len());
    let (starts, rest) = words.split_at(split);
    if let [only] = rest
        && (only == "--help" || only == "-help" || only == "--version" || only == "-version")
    {
        let help = only.ends_with("help");
        let text = if help {
            super::manual("find").unwrap_or_default()
        } else {
            "find (GNU findutils) 4.9.0\n".to_owned()
        };
        sys.print(text).await;
        return Exit::OK;
    }
    let names = Names::read(&sys).await;
    let mut plan = match Plan::parse(rest, &names) {
        Ok(plan) => plan,
        Err(words) => {
            sys.eprint(format!("find: {words}\n")).await;
            return Exit::FAILURE;
        }
    };
    plan.follow = plan.follow.or((follow == 'L').then_some('L'));
    let mut walk = Walk {
        sys: &sys,
        plan: &plan,
        names,
        realtime: sys.realtime().await,
        boot: sys.realtime().await.saturating_sub(sys.now().await.since(Instant::BOOT)),
        batches: BTreeMap::new(),
        compared: BTreeMap::new(),
        prune: false,
        quit: false,
        exit: Exit::OK,
    };
    if let Err(words) = walk.references().await {
        sys.eprint(format!("find: {words}\n")).await;
        return Exit::FAILURE;
    }
    let dot = [".".to_owned()];
    for start in if starts.is_empty() { &dot[..] } else { starts } {
        walk.start(start, follow == 'H').await;
        if walk.quit {
            break;
        }
    }
    walk.finish().await;
    walk.exit
}

struct Walk<'a> {
    sys: &'a Sys,
    plan: &'a Plan,
    names: Names,
    realtime: Duration,
    boot: Duration,
    /// What waits for each `-exec … +`, by the action's number.
    batches: BTreeMap<usize, Vec<String>>,
    /// The files that `-newer` and `-samefile` name.
    compared: BTreeMap<String, Stat>,
    prune: bool,
    quit: bool,
    exit: Exit,
}

impl Walk<'_> {
    async fn references(&mut self) -> Result<(), String> {
        for path in &self.plan.references {
            let stat = self.sys.stat(path).await.map_err(|errno| format!("{}: {errno}", quoted(path)))?;
            self.compared.insert(path.clone(), stat);
        }
        Ok(())
    }

    async fn complain(&mut self, path: &str, errno: net::Errno) {
        self.sys.eprint(format!("find: {}: {errno}\n", quoted(path))).await;
        self.exit = Exit::FAILURE;
    }

    async fn look(&mut self, path: &str, follow: bool) -> Option<Stat> {
        let found = match follow {
            true => match self.sys.stat(path).await {
                Err(_) => self.sys.lstat(path).await,
                found => found,
            },
            false => self.sys.lstat(path).await,
        };
        match found {
            Ok(stat) => Some(stat),
            Err(errno) => {
                self.complain(path, errno).await;
                None
            }
        }
    }

    async fn start(&mut self, start: &str, follow: bool) {
        let always = self.plan.follow == Some('L');
        // Each with whether all below it is done, for `-depth`.
        let mut todo = vec![(start.to_owned(), 0, false)];
        while let Some((path, depth, below_done)) = todo.pop() {
            let Some(stat) = self.look(&path, always || follow && depth == 0).await else { continue };
            let target = match stat.kind {
                FileKind::Symlink => self.sys.readlink(&path).await.ok(),
                _ => None,
            };
            let directory = stat.kind == FileKind::Directory;
            let found = Found { path: path.clone(), start: start.to_owned(), depth, stat, target };
            let deeper = directory && depth < self.plan.max_depth.unwrap_or(DEPTH).min(DEPTH);
            let late = self.plan.depth_first && deeper && !below_done;
            self.prune = false;
            if !late && depth >= self.plan.min_depth {
                self.holds(&self.plan.expression, &found).await;
            }
            if self.quit {
                return;
            }
            if below_done || !deeper || self.prune && !self.plan.depth_first {
                continue;
            }
            if late {
                todo.push((path.clone(), depth, true));
            }
            match self.sys.read_dir(&path).await {
                Ok(entries) => {
                    let base = if path.ends_with('/') { path.clone() } else { format!("{path}/") };
                    todo.extend(
                        entries
                            .into_iter()
                            .rev()
                            .map(|entry| (format!("{base}{}", entry.name), depth + 1, false)),
                    );
                }
                Err(errno) => self.complain(&path, errno).await,
            }
        }
    }

    /// What still waits is run.
    async fn finish(&mut self) {
        for (number, files) in std::mem::take(&mut self.batches) {
            if let Some(command) = self.plan.batch(number) {
                self.run_batch(&command, files).await;
            }
        }
    }

    async fn run_batch(&mut self, command: &[String], files: Vec<String>) {
        let argv: Vec<String> = command.iter().cloned().chain(files).collect();
        if !self.run(argv, None).await {
            self.exit = Exit::FAILURE;
        }
    }

    /// Runs a command; true where it succeeded.
    async fn run(&mut self, argv: Vec<String>, cwd: Option<String>) -> bool {
        let name = argv.first().cloned().unwrap_or_default();
        match self.sys.spawn(Start { cwd, ..Start::new(argv) }).await {
            Ok(child) => self.sys.wait_child(child).await == Exit::OK,
            Err(errno) => {
                self.sys.eprint(format!("find: {}: {errno}\n", quoted(&name))).await;
                false
            }
        }
    }

    fn holds<'b>(&'b mut self, expression: &'b Expression, found: &'b Found) -> Holding<'b> {
        Box::pin(async move {
            if self.quit {
                return false;
            }
            match expression {
                Expression::And(left, right) => {
                    self.holds(left, found).await && self.holds(right, found).await
                }
                Expression::Or(left, right) => {
                    self.holds(left, found).await || self.holds(right, found).await
                }
                Expression::Comma(left, right) => {
                    self.holds(left, found).await;
                    self.holds(right, found).await
                }
                Expression::Not(inner) => !self.holds(inner, found).await,
                Expression::Test(test) => self.test(test, found).await,
                Expression::Action(action) => self.act(action, found).await,
            }
        })
    }

    async fn test(&self, test: &Test, found: &Found) -> bool {
        let stat = &found.stat;
        match test {
            Test::Constant(value) => *value,
            Test::Name(pattern, fold) => matches(pattern, found.name(), *fold),
            Test::Path(pattern, fold) => matches(pattern, &found.path, *fold),
            Test::LinkName(pattern, fold) => {
                found.target.as_ref().is_some_and(|target| matches(pattern, target, *fold))
            }
            Test::Regex(regex) => {
                let chars: Vec<char> = found.path.chars().collect();
                regex.find_at(&chars, 0).is_some_and(|it| it.start == 0 && it.end == chars.len())
            }
            Test::Kind(kinds) => kinds.contains(&stat.kind),
            Test::Empty => match stat.kind {
                FileKind::File => stat.size == 0,
                FileKind::Directory => self.sys.read_dir(&found.path).await.is_ok_and(|it| it.is_empty()),
                _ => false,
            },
            Test::Size(count, unit) => count.holds(match unit {
                Unit::Bytes(1) => stat.size,
                Unit::Bytes(size) => stat.size.div_ceil(*size),
            }),
            Test::Perm(how, mode) => match how {
                '-' => stat.mode & mode == *mode,
                '/' => *mode == 0 || stat.mode & mode != 0,
                _ => stat.mode == *mode,
            },
            Test::User(uid) => stat.uid == *uid,
            Test::Group(gid) => stat.gid == *gid,
            Test::Links(count) => count.holds(stat.links.into()),
            Test::Inode(count) => count.holds(stat.inode.into()),
            Test::Age(count, unit) => {
                let age = self.realtime.saturating_sub(self.changed(stat)).as_secs();
                // Minutes are rounded up, days down.
                count.holds(if *unit == 60 { age.div_ceil(60) } else { age / unit })
            }
            Test::Newer(path) => self.compared.get(path).is_some_and(|other| stat.modified > other.modified),
            Test::Same(path) => self.compared.get(path).is_some_and(|other| stat.inode == other.inode),
            Test::May(bits) => self.sys.access(&found.path, *bits).await,
        }
    }

    /// When it was changed, since 1970.
    fn changed(&self, stat: &Stat) -> Duration {
        self.boot + stat.modified.since(Instant::BOOT)
    }

    async fn act(&mut self, action: &Action, found: &Found) -> bool {
        match action {
            Action::Print(end) => {
                self.sys.print(format!("{}{end}", found.path)).await;
                true
            }
            Action::Printf(format) => {
                let at = crate::calendar::Date::from_duration(self.changed(&found.stat));
                self.sys.print(printf::printed(format, found, &self.names, at)).await;
                true
            }
            Action::List => {
                let at = crate::calendar::Date::from_duration(self.changed(&found.stat));
                self.sys.print(printf::listed(found, &self.names, at)).await;
                true
            }
            Action::Prune => {
                self.prune = true;
                true
            }
            Action::Quit => {
                self.quit = true;
                true
            }
            Action::Delete => {
                if found.path == "." {
                    return true;
                }
                let done = match found.stat.kind {
                    FileKind::Directory => self.sys.rmdir(&found.path).await,
                    _ => self.sys.remove(&found.path).await,
                };
                if let Err(errno) = done {
                    let words = format!("find: cannot delete {}: {errno}\n", quoted(&found.path));
                    self.sys.eprint(words).await;
                    self.exit = Exit::FAILURE;
                }
                done.is_ok()
            }
            Action::Exec { command, in_directory } => {
                let (cwd, shown) = match in_directory {
                    false => (None, found.path.clone()),
                    true => {
                        let (parent, name) = found.path.rsplit_once('/').unwrap_or((".", &found.path));
                        let parent = if parent.is_empty() { "/" } else { parent };
                        (self.sys.realpath(parent).await.ok(), format!("./{name}"))
                    }
                };
                let argv: Vec<String> = command.iter().map(|word| word.replace("{}", &shown)).collect();
                self.run(argv, cwd).await
            }
            Action::Batch { number, command } => {
                let files = self.batches.entry(*number).or_default();
                files.push(found.path.clone());
                if files.len() >= BATCH {
                    let files = std::mem::take(files);
                    self.run_batch(command, files).await;
                }
                true
            }
        }
    }
}

type Holding<'a> = std::pin::Pin<Box<dyn Future<Output = bool> + 'a>>;
