//! Answers to a lesson's questions. Each is asked with a command that a learner could type.
//!
//! Always: asked of a forked world; a question that cannot be asked says why.

mod place;
mod reach;
mod resolve;
mod table;
mod text;

pub(crate) use place::Place;

use crate::World;
use api::journey::{Journey, StopKind, Verdict};
use api::probe::End;
use api::{Fact, JourneyId, Probe};

/// The longest a probe's command may take: twenty virtual seconds.
const PATIENCE: u64 = 20_000_000_000;

/// What a command left behind.
pub(crate) struct Ran {
    pub out: String,
    pub err: String,
    pub exit: u8,
    first: JourneyId,
}

impl World {
    pub fn probe(&mut self, probe: &Probe) -> Fact {
        let fact = match probe {
            Probe::Reach { from, to, timeout_ms } => reach::reach(self, from, to, *timeout_ms),
            Probe::Dns { from, name, record } => resolve::resolve(self, from, name, record),
            Probe::Table { at, table, argument } => table::rows(self, at, table, argument),
            Probe::File { on, path } => self
                .run(on, &format!("cat {}", quoted(path)))
                .map(|ran| Fact::File((ran.exit == 0).then_some(ran.out))),
            Probe::Used { command } => Ok(Fact::Used(self.entered().any(|line| uses(line, command)))),
            Probe::Text { text } => Ok(Fact::Text(text::filled(self, text))),
        };
        fact.unwrap_or_else(Fact::Impossible)
    }

    /// Runs a command as root at a place until it ends.
    pub(crate) fn run(&mut self, place: &str, command: &str) -> Result<Ran, String> {
        let (machine, options, before) = self.place(place)?;
        let first = self.next_journey();
        let (out, err, exit) = self
            .execute(machine, &format!("{before}{command}"), options, PATIENCE)
            .ok_or_else(|| format!("`{command}` did not end"))?;
        Ok(Ran { out, err, exit, first })
    }

    /// The packets of a command, and where the one that decided its outcome ended.
    pub(crate) fn journeys_of(&self, ran: &Ran) -> (Vec<Journey>, Option<End>) {
        let journeys: Vec<Journey> = self
            .journeys_since(ran.first)
            .into_iter()
            .filter(|journey| !journey.summary.contains("IP6"))
            .collect();
        let dropped = |journey: &&Journey| matches!(journey.verdict, Some(Verdict::Dropped(_)));
        let end = journeys.iter().rfind(dropped).and_then(|journey| self.end_of(journey));
        (journeys, end)
    }

    fn end_of(&self, journey: &Journey) -> Option<End> {
        let stop = journey.stops.iter().rfind(|stop| matches!(stop.kind, StopKind::Dropped { .. }))?;
        let StopKind::Dropped { reason, detail } = &stop.kind else { return None };
        let place = self.place_name(stop.machine, stop.netns);
        Some(End { place, reason: *reason, detail: detail.clone(), summary: journey.summary.clone() })
    }
}

/// A word for the shell.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Is one of the commands of this line `command`? `sudo` and `ip netns exec NAME` stand before one, not for it.
fn uses(line: &str, command: &str) -> bool {
    line.split(['|', ';', '&', '(', ')']).any(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        let rest = match words[..] {
            ["sudo", ref rest @ ..] => rest,
            ref all => all,
        };
        rest.first() == Some(&command)
            || matches!(rest, ["ip", "netns", "exec", _, inner, ..] if *inner == command)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_seen_behind_pipes_sudo_and_netns_but_not_as_an_argument() {
        assert!(uses("ip a | grep x", "grep"));
        assert!(uses("sudo tcpdump -i eth0", "tcpdump"));
        assert!(uses("ip netns exec red ping -c 1 10.0.0.1", "ping"));
        assert!(!uses("echo tcpdump", "tcpdump"));
    }
}
