//! A check: a label, points, a question to the world, and what is expected of the answer.
//!
//! Always: the kinds are a closed set, so a lesson holds no code; each kind knows which probes it sends.

use api::Probe;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub id: String,
    /// HTML of one line.
    pub label: String,
    pub points: u32,
    /// The step it belongs to; a goal check has none. A step's check that was green stays green.
    pub step: Option<String>,
    /// Must hold all the time, from the set-up on; other checks must be red at first.
    pub invariant: bool,
    pub ask: Ask,
    /// The lesson's own words on what a failure means, shown after what was measured.
    pub why: String,
    pub hint: String,
    pub docs: Vec<crate::Link>,
}

/// What a check asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Every flow must end as expected; one flow is `reach`, many are a `matrix`.
    Reach(Vec<Flow>),
    Dns {
        from: String,
        name: String,
        record: String,
        expect: String,
    },
    /// The packets of a flow pass, or do not pass, a stop whose text holds these words.
    Path {
        flow: Flow,
        passes: Vec<String>,
        avoids: Vec<String>,
    },
    /// A row of a table holds all these words in this order; or no row does.
    Table {
        at: String,
        table: String,
        argument: String,
        has: Vec<String>,
        lacks: Vec<String>,
    },
    File {
        on: String,
        path: String,
        expect: String,
    },
    Used {
        command: String,
    },
    /// What the API server says of an object, for what traffic cannot tell.
    Resource {
        /// `KIND/NAMESPACE/NAME`, or `KIND/NAMESPACE/KEY=VALUE` for all with that label.
        of: String,
        /// A JSONPath without braces: `.spec.ports[0].targetPort`.
        path: String,
        is: String,
    },
    /// A question to the learner; never asked of the world.
    Answer {
        question: String,
        choices: Vec<String>,
        correct: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    pub from: String,
    /// `ping:ADDRESS`, `http://HOST[:PORT]/PATH`, `tcp://HOST:PORT`, `udp://HOST:PORT`.
    pub to: String,
    pub expect: Expect,
    /// How often it is sent; each must end as expected.
    #[serde(default = "once")]
    pub times: u8,
}

fn once() -> u8 {
    1
}

/// How a flow should end; written `answered`, `200`, `200 body~TEXT`, `refused`, `timeout`, `unreachable`,
/// `no name`, `fails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expect(pub Want);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    Answered,
    Status { status: u16, body: Option<String> },
    Refused,
    TimedOut,
    Unreachable,
    NoName,
    Fails,
}

/// How long a probe waits for an answer.
const PATIENCE_MS: u32 = 3_000;

impl Check {
    /// The questions to put to the world, in the order in which [`judge`](fn@crate::judge) reads the facts.
    pub fn probes(&self) -> Vec<Probe> {
        let reach = |flow: &Flow| Probe::Reach {
            from: flow.from.clone(),
            to: flow.to.clone(),
            timeout_ms: PATIENCE_MS,
        };
        let with = |probe: Probe, expect: &String| -> Vec<Probe> {
            let text = Some(Probe::Text { text: expect.clone() }).filter(|_| expect.contains('{'));
            std::iter::once(probe).chain(text).collect()
        };
        match &self.ask {
            Ask::Reach(flows) => flows
                .iter()
                .flat_map(|flow| std::iter::repeat_n(reach(flow), usize::from(flow.times)))
                .collect(),
            Ask::Path { flow, .. } => vec![reach(flow)],
            Ask::Dns { from, name, record, expect } => {
                with(Probe::Dns { from: from.clone(), name: name.clone(), record: record.clone() }, expect)
            }
            Ask::Table { at, table, argument, .. } => {
                vec![Probe::Table { at: at.clone(), table: table.clone(), argument: argument.clone() }]
            }
            Ask::File { on, path, expect } => {
                with(Probe::File { on: on.clone(), path: path.clone() }, expect)
            }
            Ask::Resource { of, path, is } => with(Probe::Text { text: format!("{{{of} {path}}}") }, is),
            Ask::Used { command } => vec![Probe::Used { command: command.clone() }],
            Ask::Answer { .. } => Vec::new(),
        }
    }
}
