//! The judge: facts in, ticks out. A failure says what was wanted, what came, why, and which packet shows it.
//!
//! Always: pure; the same facts give the same judgement on the page and in the proof.

use crate::check::{Ask, Check, Flow};
use crate::expect::outcome_words;
use api::journey::{Journey, Verdict};
use api::probe::{End, Fact};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Pass,
    Fail,
    /// The question could not be asked.
    Error,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub state: State,
    pub want: String,
    pub got: String,
    pub why: String,
    /// The packet to show.
    pub show: Option<Journey>,
}

impl Judgement {
    fn of(holds: bool, want: impl Into<String>, got: impl Into<String>) -> Judgement {
        let state = if holds { State::Pass } else { State::Fail };
        Judgement { state, want: want.into(), got: got.into(), why: String::new(), show: None }
    }

    fn error(got: impl Into<String>) -> Judgement {
        Judgement {
            state: State::Error,
            want: String::new(),
            got: got.into(),
            why: String::new(),
            show: None,
        }
    }
}

/// Judges one check by the facts that answered its probes, in their order.
/// `answer` is what the learner said, for a question.
pub fn judge(check: &Check, facts: &[Fact], answer: Option<&str>) -> Judgement {
    if let Some(Fact::Impossible(words)) = facts.iter().find(|fact| matches!(fact, Fact::Impossible(_))) {
        return Judgement::error(words);
    }
    let mut judgement = match (&check.ask, facts) {
        (Ask::Reach(flows), facts) => reach(flows, facts),
        (Ask::Path { flow, passes, avoids }, [fact]) => path(flow, passes, avoids, fact),
        (
            Ask::Dns { expect, name, .. },
            [Fact::Resolved { status, records, end, journeys }, computed @ ..],
        ) => {
            let got = if records.is_empty() { status.clone() } else { records.join(", ") };
            let expect = filled(expect, computed);
            let holds = expect == status || records.iter().any(|record| record == expect);
            explained(Judgement::of(holds, format!("{name}: {expect}"), got), end.as_ref(), journeys)
        }
        (Ask::Table { table, at, has, lacks, .. }, [Fact::Rows(rows)]) => {
            rows_judged(table, at, has, lacks, rows)
        }
        (Ask::File { path, expect, .. }, [Fact::File(content), computed @ ..]) => {
            let expect = filled(expect, computed);
            let got = content.as_deref().map_or("no such file", str::trim_end);
            let holds = content.as_deref().is_some_and(|content| lines(content) == lines(expect));
            Judgement::of(holds, format!("{path} with “{}”", expect.trim_end()), got)
        }
        (Ask::Resource { of, path, is }, [Fact::Text(found), computed @ ..]) => {
            let is = filled(is, computed);
            let got = match found {
                Ok(text) if text.is_empty() => "nothing",
                Ok(text) | Err(text) => text.trim_end(),
            };
            let want = if is.is_empty() { "nothing" } else { is };
            Judgement::of(found.as_deref() == Ok(is), format!("{of} {path}: {want}"), got)
        }
        (Ask::Used { command }, [Fact::Used(used)]) => {
            let got = if *used { "it was" } else { "not yet" };
            Judgement::of(*used, format!("`{command}` typed at a prompt"), got)
        }
        (Ask::Answer { correct, .. }, []) => {
            let got = answer.map_or("no answer yet", str::trim);
            Judgement::of(got.eq_ignore_ascii_case(correct), "the right answer", got)
        }
        _ => Judgement::error("the world answered another question"),
    };
    if judgement.state == State::Fail && !check.why.is_empty() {
        judgement.why = [judgement.why.as_str(), check.why.as_str()].join(" ").trim().to_owned();
    }
    judgement
}

/// An expectation as written, or as it was computed in the world; a fault is no value anything could have.
fn filled<'a>(written: &'a str, computed: &'a [Fact]) -> &'a str {
    match computed {
        [Fact::Text(Ok(text) | Err(text))] => text,
        _ => written,
    }
}

/// The words of each line: how much space stands between them does not matter, nor empty lines at the end.
fn lines(text: &str) -> Vec<Vec<&str>> {
    text.trim_end().lines().map(|line| line.split_whitespace().collect()).collect()
}

/// The first flow that does not end as it should, or the last one.
fn reach(flows: &[Flow], facts: &[Fact]) -> Judgement {
    let sent = flows.iter().flat_map(|flow| std::iter::repeat_n(flow, usize::from(flow.times)));
    if sent.clone().count() != facts.len() {
        return Judgement::error("the world answered another question");
    }
    let mut last = Judgement::error("no flow to judge");
    for (flow, fact) in sent.zip(facts) {
        let Fact::Reached { outcome, journeys, end } = fact else {
            return Judgement::error("the world answered another question");
        };
        let want = match flows.len() {
            1 => flow.expect.words(),
            _ => format!("{} → {}: {}", flow.from, flow.to, flow.expect.words()),
        };
        let holds = flow.expect.holds(outcome);
        last = explained(Judgement::of(holds, want, outcome_words(outcome)), end.as_ref(), journeys);
        if !holds {
            break;
        }
    }
    last
}

fn path(flow: &Flow, passes: &[String], avoids: &[String], fact: &Fact) -> Judgement {
    let Fact::Reached { journeys, .. } = fact else {
        return Judgement::error("the world answered another question");
    };
    let reached = reach(std::slice::from_ref(flow), std::slice::from_ref(fact));
    if reached.state != State::Pass {
        return reached;
    }
    let texts: Vec<String> =
        journeys.iter().flat_map(|journey| &journey.stops).map(|stop| stop.kind.text()).collect();
    let seen = |words: &String| texts.iter().any(|text| holds_words(text, words));
    let show = journeys.first().cloned();
    if let Some(missing) = passes.iter().find(|words| !seen(words)) {
        return Judgement {
            show,
            ..Judgement::of(false, format!("the packets pass “{missing}”"), "they do not")
        };
    }
    if let Some(found) = avoids.iter().find(|words| seen(words)) {
        return Judgement {
            show,
            ..Judgement::of(false, format!("the packets do not pass “{found}”"), "they do")
        };
    }
    Judgement::of(true, passes.join(", "), "passed")
}

fn rows_judged(table: &str, at: &str, has: &[String], lacks: &[String], rows: &[String]) -> Judgement {
    let found = |words: &String| rows.iter().find(|row| holds_words(row, words));
    if let Some(missing) = has.iter().find(|words| found(words).is_none()) {
        let got = match rows {
            [] => "an empty table".to_owned(),
            [row] => format!("only “{}”", squeezed(row)),
            [first, rest @ ..] => format!("“{}” and {} more, but not that", squeezed(first), rest.len()),
        };
        return Judgement::of(false, format!("{table} on {at}: “{missing}”"), got);
    }
    if let Some((words, row)) = lacks.iter().find_map(|words| Some((words, found(words)?))) {
        return Judgement::of(false, format!("{table} on {at} without “{words}”"), row.trim());
    }
    Judgement::of(true, has.join(", "), "there")
}

fn squeezed(row: &str) -> String {
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All words of `words`, in this order, each a whole word of `text`.
fn holds_words(text: &str, words: &str) -> bool {
    let mut rest = text.split_whitespace();
    words.split_whitespace().all(|word| rest.any(|seen| seen == word))
}

/// Says why from the packet that ended worst, and keeps it to be shown.
fn explained(mut judgement: Judgement, end: Option<&End>, journeys: &[Journey]) -> Judgement {
    if let Some(End { place, reason, detail, summary }) = end {
        let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
        judgement.why =
            format!("{summary} ended at {place}: {}. {}{detail}", reason.name(), reason.explain());
    }
    let dropped = |journey: &&Journey| matches!(journey.verdict, Some(Verdict::Dropped(_)));
    judgement.show = journeys.iter().find(dropped).or(journeys.first()).cloned();
    judgement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ask: Ask) -> Check {
        Check {
            id: "x".into(),
            label: "x".into(),
            points: 1,
            step: None,
            invariant: false,
            ask,
            why: "Look again.".into(),
            hint: String::new(),
            docs: Vec::new(),
        }
    }

    fn judged(ask: &Ask, facts: &[Fact]) -> (State, String, String) {
        let judgement = judge(&check(ask.clone()), facts, None);
        (judgement.state, judgement.want, judgement.got)
    }

    #[test]
    fn an_object_is_compared_with_what_is_written_or_computed_and_its_absence_is_told() {
        let ask = Ask::Resource { of: "svc/shop/web".into(), path: ".spec.x".into(), is: "80".into() };
        let text = |text: &str| Fact::Text(Ok(text.into()));
        assert_eq!(judged(&ask, &[text("80")]).0, State::Pass);
        let want = "svc/shop/web .spec.x: 80";
        assert_eq!(judged(&ask, &[text("8080")]), (State::Fail, want.into(), "8080".into()));
        assert_eq!(judged(&ask, &[text("")]), (State::Fail, want.into(), "nothing".into()));
        let gone = Fact::Text(Err("not found".into()));
        assert_eq!(judged(&ask, std::slice::from_ref(&gone)), (State::Fail, want.into(), "not found".into()));
        assert_eq!(judged(&ask, &[text("81"), text("81")]).0, State::Pass);
        assert_eq!(judged(&ask, &[gone.clone(), gone]).0, State::Fail);
    }

    #[test]
    fn a_file_is_compared_by_words_and_lines_not_by_space() {
        let ask = Ask::File { on: "a".into(), path: "/x".into(), expect: "a 1\nb 2".into() };
        let file = |text: &str| Fact::File(Some(text.into()));
        assert_eq!(judged(&ask, &[file("a   1\r\nb 2  \n\n")]).0, State::Pass);
        assert_eq!(judged(&ask, &[file("a 1 b 2")]).0, State::Fail);
        assert_eq!(judged(&ask, &[file("a 1\nb 2\nc")]).0, State::Fail);
        assert_eq!(judged(&ask, &[Fact::File(None)]).2, "no such file");
    }

    #[test]
    fn every_flow_counts_as_often_as_it_is_sent() {
        let expect = crate::Expect(crate::Want::Refused);
        let flow = Flow { from: "a".into(), to: "tcp://b:1".into(), expect, times: 2 };
        let reached = |outcome| Fact::Reached { outcome, journeys: Vec::new(), end: None };
        let refused = || reached(api::probe::Outcome::Refused { after_us: 1 });
        let silent = reached(api::probe::Outcome::TimedOut);
        let ask = Ask::Reach(vec![flow]);
        assert_eq!(judged(&ask, &[refused(), refused()]).0, State::Pass);
        assert_eq!(judged(&ask, &[refused(), silent]).0, State::Fail);
        assert_eq!(judged(&ask, &[refused()]).0, State::Error);
    }
}
