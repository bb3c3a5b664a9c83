//! The `## Checks` block: YAML to [`Check`]s. The block's list is one entry a check:
//!
//! ```yaml
//! - id: reaches-b
//!   label: "**a** reaches **b**"
//!   points: 2
//!   reach: {from: a, to: "ping:10.0.0.2", expect: answered}
//! ```
//! Always: a check has exactly one kind; an unknown field is a fault.

use super::{Fault, Piece, prose};
use crate::{Ask, Check, Flow, Link};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    label: String,
    points: u32,
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    invariant: bool,
    #[serde(default)]
    why: String,
    #[serde(default)]
    hint: String,
    #[serde(default)]
    docs: Vec<Link>,
    reach: Option<Flow>,
    matrix: Option<Vec<Flow>>,
    dns: Option<Dns>,
    path: Option<Path>,
    table: Option<Table>,
    file: Option<File>,
    used: Option<String>,
    resource: Option<Resource>,
    answer: Option<Answer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dns {
    from: String,
    name: String,
    #[serde(rename = "type", default = "a")]
    record: String,
    expect: String,
}

fn a() -> String {
    "A".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Path {
    from: String,
    to: String,
    #[serde(default)]
    passes: Vec<String>,
    #[serde(default)]
    avoids: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    at: String,
    table: String,
    #[serde(default)]
    argument: String,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    on: String,
    path: String,
    expect: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    of: String,
    path: String,
    is: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    question: String,
    #[serde(default)]
    choices: Vec<String>,
    correct: String,
}

pub(crate) fn read(block: Piece<'_>) -> Result<Vec<Check>, Fault> {
    let entries: Vec<Entry> = block.yaml()?;
    entries.into_iter().map(|entry| check(entry, block)).collect()
}

fn check(entry: Entry, block: Piece<'_>) -> Result<Check, Fault> {
    let line = block.text.lines().position(|line| line.contains(&format!("id: {}", entry.id))).unwrap_or(0);
    let fault = |words: &str| block.fault(line, format!("check `{}`: {words}", entry.id));
    let mut asks = [
        entry.reach.map(|flow| Ask::Reach(vec![flow])),
        entry.matrix.map(Ask::Reach),
        entry.dns.map(|dns| Ask::Dns {
            from: dns.from,
            name: dns.name,
            record: dns.record,
            expect: dns.expect,
        }),
        entry.path.map(|path| Ask::Path {
            flow: Flow {
                from: path.from,
                to: path.to,
                expect: crate::Expect(crate::Want::Answered),
                times: 1,
            },
            passes: path.passes,
            avoids: path.avoids,
        }),
        entry.table.map(|it| Ask::Table {
            at: it.at,
            table: it.table,
            argument: it.argument,
            has: it.has,
            lacks: it.lacks,
        }),
        entry.file.map(|file| Ask::File { on: file.on, path: file.path, expect: file.expect }),
        entry.used.map(|command| Ask::Used { command }),
        entry.resource.map(|it| Ask::Resource { of: it.of, path: it.path, is: it.is }),
        entry.answer.map(|it| Ask::Answer {
            question: it.question,
            choices: it.choices,
            correct: it.correct,
        }),
    ]
    .into_iter()
    .flatten();
    let ask = asks.next().ok_or_else(|| {
        fault("expected one of reach, matrix, dns, path, table, file, used, resource, answer")
    })?;
    if asks.next().is_some() {
        return Err(fault("has two kinds; a check asks one thing"));
    }
    let empty = match &ask {
        Ask::Reach(flows) => !flows.iter().any(|flow| flow.times > 0),
        Ask::Path { passes, avoids, .. } => passes.is_empty() && avoids.is_empty(),
        Ask::Table { has, lacks, .. } => has.is_empty() && lacks.is_empty(),
        _ => false,
    };
    if empty {
        return Err(fault("asks for nothing, so it could not fail"));
    }
    Ok(Check {
        label: prose::line(&entry.label).map_err(|_| fault("the label is not one line of prose"))?,
        id: entry.id,
        points: entry.points,
        step: entry.step,
        invariant: entry.invariant,
        ask,
        why: entry.why,
        hint: entry.hint,
        docs: entry.docs,
    })
}
