//! Rules as text: what `iptables`, `iptables-save` and `iptables-restore` read and write.
//!
//! Called by the commands of those names and by everything else that loads rules (there is no other way in).
//! Always: a command either does all it says or changes nothing; its words and exit codes are iptables 1.8.9's.
//! Differs from Linux: extensions that vethlab leaves out say so.
//! Sources: iptables 1.8.9 (Debian 12).

mod address;
mod arguments;
mod legacy;
pub(crate) mod list;
pub mod names;
mod nft;
pub(crate) mod number;
pub(crate) mod option;
pub(crate) mod parse;
pub(crate) mod problem;
mod restore;
pub(crate) mod save;
mod transaction;
mod usage;

pub use names::Names;
pub use problem::Query;
pub use restore::RestoreOptions;
pub use save::SaveOptions;

use super::hook::State;
use super::rule::{Family, IpMatch, Masked, Spec};
use super::table::Backend;
use super::targets::Target;
use parse::Parsed;
use problem::Problem;
use std::rc::Rc;

/// Which program is called.
#[derive(Clone, Debug)]
pub struct Tool {
    /// As it was called; `iptables`, `ip6tables-restore`.
    pub name: String,
    pub family: Family,
    pub backend: Backend,
}

impl Tool {
    pub fn new(name: &str, family: Family, backend: Backend) -> Tool {
        Tool { name: name.to_owned(), family, backend }
    }

    pub(crate) fn version(&self) -> String {
        match self.backend {
            Backend::Nft => "1.8.9 (nf_tables)".to_owned(),
            Backend::Legacy => "1.8.9 (legacy)".to_owned(),
        }
    }

    /// What may need an upgrade.
    pub(crate) fn upgrade(&self) -> &str {
        &self.name
    }
}

/// Who calls, and what it knows.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    pub names: &'a Names,
    pub is_root: bool,
    /// Seconds since 1970, for the dates of `iptables-save`.
    pub now: u64,
}

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub code: u8,
    /// A name is needed: look it up and call again with it. Nothing was done.
    pub need: Option<Query>,
}

impl Output {
    fn of(problem: &Problem, tool: &Tool, line: Option<u32>) -> Output {
        let (stderr, code) = problem.report(tool, line);
        match problem {
            Problem::Need(query) => Output { need: Some(query.clone()), ..Output::default() },
            Problem::Print(text) => Output { stdout: text.clone(), ..Output::default() },
            _ => Output { stderr, code, ..Output::default() },
        }
    }

    /// Puts `before` ahead of this command's stderr.
    fn warned(mut self, before: &str) -> Output {
        self.stderr.insert_str(0, before);
        self
    }
}

/// `iptables ARGUMENTS`
pub(crate) fn iptables(state: &mut State, tool: &Tool, arguments: &[String], caller: &Caller<'_>) -> Output {
    let sets = |name: &str| state.memory.sets.family(name);
    let reader = parse::Reader { tool, names: caller.names, sets: &sets, restore: false };
    let (parsed, warnings) = parse::parse(&reader, "filter", arguments);
    let output = match parsed {
        Err(problem) => Output::of(&problem, tool, None),
        Ok(parsed) => match tool.backend {
            Backend::Nft => nft::run(state, tool, parsed, caller),
            Backend::Legacy => legacy::run(state, tool, parsed, caller),
        },
    };
    output.warned(&warnings)
}

/// `iptables-restore`, `text` being the file.
pub(crate) fn iptables_restore(
    state: &mut State,
    tool: &Tool,
    options: &RestoreOptions,
    text: &str,
    caller: &Caller<'_>,
) -> Output {
    restore::restore(state, tool, options, text, caller)
}

/// `iptables-save`
pub(crate) fn iptables_save(
    state: &State,
    tool: &Tool,
    options: &SaveOptions,
    caller: &Caller<'_>,
) -> Output {
    save::save(state, tool, options, caller)
}

impl Parsed {
    /// The rules a line names: one for each source with each destination.
    fn specs(&self) -> Vec<Rc<Spec>> {
        let target = match &self.target {
            Some(target) => target.clone(),
            None if self.jump.is_empty() => Target::None,
            None if self.goto => Target::Goto(self.jump.clone()),
            None => Target::Jump(self.jump.clone()),
        };
        let asked = |masked: &Masked, invert: bool| {
            (invert || masked.length() != Some(0)).then_some((*masked, invert))
        };
        let mut specs = Vec::new();
        for source in &self.sources {
            for destination in &self.destinations {
                let ip = IpMatch {
                    source: asked(source, self.source_invert),
                    destination: asked(destination, self.destination_invert),
                    ..self.ip.clone()
                };
                specs.push(Rc::new(Spec { ip, matches: self.matches.clone(), target: target.clone() }));
            }
        }
        specs
    }

    /// The chain that has to be there for the rule to jump to.
    fn jumps_to(&self) -> Option<&str> {
        (self.target.is_none() && !self.jump.is_empty()).then_some(self.jump.as_str())
    }
}
