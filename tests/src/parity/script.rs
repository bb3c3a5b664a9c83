//! Runs a recording on a machine, step by step, as the recorder runs it on a real host.
//!
//! Always: the pauses are the recorder's own, in the machine's time: a scenario may depend on them.
//! Source: `record.py` (`Runner`).

use super::golden::{Action, Golden, Item, Step};
use super::judge::{Judge, lines_of};
use super::machine::{Job, Machine, Outcome};
use super::normalise::{Normaliser, Rules};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a command may take where the step does not say.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same of each run that a share is counted from.
const PATIENCE_OF_SHARES: Duration = Duration::from_secs(10);
/// Starting bash and a program takes a real host about so long.
const START: Duration = Duration::from_millis(5);
/// A background command gets so long to begin; tcpdump until it listens, and a little.
const BEGIN: Duration = Duration::from_millis(400);
const LISTEN: Duration = Duration::from_secs(2);
const LISTENING: Duration = Duration::from_millis(150);
/// Before a signal is sent, so that what is under way arrives.
const SETTLE: Duration = Duration::from_millis(350);
/// How long a background command may take to end, and then after SIGINT.
const END: Duration = Duration::from_secs(8);
const END_BY_FORCE: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_millis(20);

/// A step, and what differs if it failed.
pub struct Judged<'a> {
    pub step: &'a Step,
    pub difference: Option<String>,
}

/// Runs all items and hands on each step as it is judged. An error is about the recording, not about a step.
pub fn run(
    golden: &Golden,
    rules: &Rules,
    machine: &mut dyn Machine,
    on_step: &mut dyn FnMut(Judged),
) -> Result<(), String> {
    let names = golden.header.get("norm").map_or("", String::as_str);
    let mut judge = Judge::new(Normaliser::new(rules, names)?);
    let mut script = Script { machine, jobs: BTreeMap::new() };
    // A fixture that is not there fails the steps that miss it; they say why.
    let mut missing = String::new();
    for item in &golden.items {
        match item {
            Item::Step(step) => {
                let mut difference = match &step.action {
                    Action::Shares { times, command, .. } => {
                        let tally = script.tally(*times, command);
                        tally.map_or_else(Some, |tally| judge.shares(step, &tally))
                    }
                    _ => script.outcome(step).map_or_else(Some, |got| judge.outcome(step, &got)),
                };
                difference = difference.map(|it| it + &missing);
                on_step(Judged { step, difference });
            }
            Item::Start { name, command } => {
                if let Err(why) = script.begin(name, command) {
                    missing += &format!("({name}: {why})\n");
                }
            }
            Item::FixtureStart(fixture) => {
                if let Err(why) = script.machine.fixture_start(fixture) {
                    missing += &format!("(fixture of line {}: {why})\n", fixture.line);
                }
            }
            Item::FixtureStop(id) => {
                if let Err(why) = script.machine.fixture_stop(id) {
                    missing += &format!("(fixture {id}: {why})\n");
                }
            }
            Item::Advance(time) => script.machine.advance(*time),
        }
    }
    Ok(())
}

struct Script<'a> {
    machine: &'a mut dyn Machine,
    jobs: BTreeMap<String, Job>,
}

impl Script<'_> {
    fn outcome(&mut self, step: &Step) -> Result<Outcome, String> {
        match &step.action {
            Action::Wait { name, signal } => self.collect(name, signal.as_deref()),
            Action::Run(command) | Action::Shares { command, .. } => {
                self.command(command, step.options.timeout.unwrap_or(PATIENCE), step.options.tty)
            }
        }
    }

    fn command(
        &mut self,
        command: &str,
        limit: Duration,
        tty: Option<(u16, u16)>,
    ) -> Result<Outcome, String> {
        self.machine.advance(START);
        let job = self.machine.start(command, tty)?;
        if self.machine.wait(job, limit) {
            return Ok(self.machine.take(job));
        }
        self.machine.signal(job, "KILL")?;
        let mut outcome = self.machine.take(job);
        let note = format!("*** record.py: killed after {} s\n", limit.as_secs());
        outcome.stderr.extend(note.into_bytes());
        Ok(outcome)
    }

    fn begin(&mut self, name: &str, command: &str) -> Result<(), String> {
        self.machine.advance(START);
        let is_simple = !command.contains(['\n', '|', ';', '&']);
        let job = self
            .machine
            .start(&if is_simple { format!("exec {command}") } else { command.to_owned() }, None)?;
        if command.contains("tcpdump") {
            let listens = |text: &[u8]| String::from_utf8_lossy(text).contains("listening on");
            let mut waited = Duration::ZERO;
            while waited < LISTEN && !self.machine.has_ended(job) && !listens(self.machine.stderr(job)) {
                self.machine.advance(TICK);
                waited += TICK;
            }
            self.machine.advance(LISTENING);
        } else {
            self.machine.advance(BEGIN);
        }
        self.jobs.insert(name.to_owned(), job);
        Ok(())
    }

    fn collect(&mut self, name: &str, signal: Option<&str>) -> Result<Outcome, String> {
        let job = self.jobs.remove(name).ok_or(format!("nothing called {name} was started\n"))?;
        if let Some(signal) = signal {
            self.machine.advance(SETTLE);
            if !self.machine.has_ended(job) {
                self.machine.signal(job, signal)?;
            }
        }
        if self.machine.wait(job, END) {
            return Ok(self.machine.take(job));
        }
        self.machine.signal(job, "INT")?;
        if !self.machine.wait(job, END_BY_FORCE) {
            self.machine.signal(job, "KILL")?;
        }
        let mut outcome = self.machine.take(job);
        outcome.stderr.extend(b"*** record.py: did not end by itself\n");
        Ok(outcome)
    }

    /// How often each first line came.
    fn tally(&mut self, times: u32, command: &str) -> Result<BTreeMap<String, u32>, String> {
        let mut tally = BTreeMap::new();
        for _ in 0..times {
            let got = self.command(command, PATIENCE_OF_SHARES, None)?;
            let said = if got.stdout.is_empty() { &got.stderr } else { &got.stdout };
            let first = lines_of(said).0.into_iter().next();
            *tally.entry(first.unwrap_or(format!("(exit {})", got.code))).or_default() += 1;
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{FixtureLine, parse};
    use super::*;

    /// Says what it is told, after so many seconds.
    #[derive(Default)]
    struct Parrot {
        log: Vec<String>,
        jobs: Vec<String>,
    }

    impl Machine for Parrot {
        fn start(&mut self, command: &str, _tty: Option<(u16, u16)>) -> Result<Job, String> {
            self.jobs.push(command.to_owned());
            Ok(Job(self.jobs.len() as u32 - 1))
        }
        fn wait(&mut self, job: Job, _limit: Duration) -> bool {
            self.has_ended(job)
        }
        fn has_ended(&self, job: Job) -> bool {
            !self.jobs[job.0 as usize].contains("forever")
        }
        fn stderr(&mut self, _job: Job) -> &[u8] {
            b""
        }
        fn signal(&mut self, job: Job, name: &str) -> Result<(), String> {
            self.log.push(format!("{name} {}", self.jobs[job.0 as usize]));
            Ok(())
        }
        fn take(&mut self, job: Job) -> Outcome {
            let stdout = format!("{}\n", self.jobs[job.0 as usize]).into_bytes();
            Outcome { stdout, ..Outcome::default() }
        }
        fn advance(&mut self, _time: Duration) {}
        fn fixture_start(&mut self, fixture: &FixtureLine) -> Result<(), String> {
            Err(format!("no {}", fixture.kind))
        }
        fn fixture_stop(&mut self, _id: &str) -> Result<(), String> {
            Ok(())
        }
    }

    fn differences(text: &str) -> (Vec<Option<String>>, Vec<String>) {
        let (mut parrot, mut all) = (Parrot::default(), Vec::new());
        let rules = Rules::parse("[[normaliser]]\nname = 'x'\ngroup = 'default'\npattern = 'zzz'\n").unwrap();
        let golden = parse(text).unwrap();
        run(&golden, &rules, &mut parrot, &mut |judged| all.push(judged.difference)).unwrap();
        (all, parrot.log)
    }

    #[test]
    fn a_background_command_is_collected_and_signalled() {
        let (all, log) = differences(
            "& a say; forever\n& b echo\n= a INT\n| say; forever\n! *** record.py: did not end by itself\n= b\n| exec echo\n",
        );
        assert_eq!(all, [None, None]);
        assert_eq!(log, ["INT say; forever", "INT say; forever", "KILL say; forever"]);
    }

    #[test]
    fn a_command_that_does_not_end_is_killed() {
        let (all, log) = differences("$ forever\n| forever\n! *** record.py: killed after 60 s\n");
        assert_eq!((all, log), (vec![None], vec!["KILL forever".to_owned()]));
    }

    #[test]
    fn shares_count_first_lines() {
        assert_eq!(differences("* 4 ±1 a\n> b\n| 100% a\n").0, [None]);
        assert!(differences("* 4 ±1 a\n| 100% b\n").0[0].is_some());
    }

    #[test]
    fn a_step_that_fails_says_which_fixture_was_missing() {
        let (all, _) = differences("+ http web listen=:80\n$ a\n| b\n");
        assert_eq!(all[0].as_deref().unwrap(), "@@ stdout @@\n-b\n+a\n(fixture of line 1: no http)\n");
    }
}
