//! `iptables-restore`: a file of tables, chains and rules, loaded table by table.
//!
//! Always: a table is loaded whole at its `COMMIT`, or not at all; tables before a mistake stay loaded.
//! Sources: iptables xtables-restore.c, xshared.c (add_param_to_argv, tokenize_rule_counters), iptables-restore.c.

use super::nft::{self, Change, Step};
use super::parse::{self, Parsed, Reader, valid_chain_name};
use super::problem::{Problem, bad};
use super::transaction::Failure;
use super::{Caller, Output, Tool, legacy};
use crate::netfilter::hook::State;
use crate::netfilter::table::{Backend, BuiltinTable, builtin};
use std::collections::BTreeMap;

/// Words of a line at most, and letters of a word (`MAX_ARGC`, `struct xt_param_buf`).
const MAX_WORDS: usize = 255;
const MAX_WORD: usize = 1024;

#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    pub counters: bool,
    pub verbose: u32,
    /// Read everything, change nothing.
    pub test: bool,
    pub no_flush: bool,
    /// Only that table.
    pub table: Option<String>,
}

struct Restore<'a> {
    state: &'a mut State,
    tool: &'a Tool,
    options: &'a RestoreOptions,
    caller: &'a Caller<'a>,
    table: Option<&'static BuiltinTable>,
    in_table: bool,
    /// Rules that are read already, by their lines, with the table they were taken to stand in.
    read: BTreeMap<u32, (&'static str, Rule)>,
    steps: Vec<Step>,
    output: Output,
    line: u32,
}

/// A line that is a rule: what it says or what is wrong with it, and warnings.
type Rule = Result<(Result<Parsed, Problem>, String), Problem>;

/// Why reading stopped.
enum Stop {
    Problem(Problem),
    /// `iptables-restore: line N failed`, with iptables' words for it.
    Failed(u32, Option<&'static str>),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(problem)
    }
}

pub(super) fn restore(
    state: &mut State,
    tool: &Tool,
    options: &RestoreOptions,
    text: &str,
    caller: &Caller<'_>,
) -> Output {
    // A name that has to be looked up first must leave nothing half done: read all before loading any.
    let read = match read_all(state, tool, options, text, caller) {
        Ok(read) => read,
        Err(query) => return Output { need: Some(query), ..Output::default() },
    };
    let (output, line) = (Output::default(), 0);
    let mut restore = Restore {
        state,
        tool,
        options,
        caller,
        table: None,
        in_table: false,
        read,
        steps: Vec::new(),
        output,
        line,
    };
    let result = restore.lines(text);
    let (line, mut output) = (restore.line, restore.output);
    match result {
        Ok(()) => {}
        Err(Stop::Problem(problem)) => {
            let (stderr, code) = problem.report(tool, Some(line));
            output.stderr.push_str(&stderr);
            output.code = code;
        }
        Err(Stop::Failed(line, words)) => {
            put!(output.stderr, "{}: line {line} failed", tool.name);
            if let Some(words) = words {
                put!(output.stderr, ": {words}.");
            }
            output.stderr.push('\n');
            output.code = 1;
        }
    }
    output
}

/// Every rule of the text, by its line; or the first name that has to be looked up.
fn read_all(
    state: &State,
    tool: &Tool,
    options: &RestoreOptions,
    text: &str,
    caller: &Caller<'_>,
) -> Result<BTreeMap<u32, (&'static str, Rule)>, super::Query> {
    let mut read = BTreeMap::new();
    let mut table = "filter";
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let line = line.strip_suffix('\n').unwrap_or(line);
        if let Some(rest) = line.strip_prefix('*') {
            let word = rest.split([' ', '\t']).find(|word| !word.is_empty());
            table = word.and_then(builtin).map_or(table, |known| known.name);
        } else if line.starts_with(['-', '[']) {
            match read_rule(state, tool, options, (number, line), table, caller) {
                Ok((Err(Problem::Need(query)), _)) => return Err(query),
                rule => drop(read.insert(number, (table, rule))),
            }
        }
    }
    Ok(read)
}

fn read_rule(
    state: &State,
    tool: &Tool,
    options: &RestoreOptions,
    (number, line): (u32, &str),
    table: &str,
    caller: &Caller<'_>,
) -> Rule {
    let (counters, rest) =
        rule_counters(line).map_err(|what| Problem::Parameter(format!("Bad line {number}: need {what}")))?;
    let mut arguments = vec!["-t".to_owned(), table.to_owned()];
    if !options.no_flush {
        arguments.extend((0..options.verbose).map(|_| "-v".to_owned()));
    }
    if let (true, Some((packets, bytes))) = (options.counters, counters) {
        arguments.extend(["--set-counters".to_owned(), packets.to_owned(), bytes.to_owned()]);
    }
    arguments.extend(words(rest)?);
    let sets = |name: &str| state.memory.sets.family(name);
    let reader = Reader { tool, names: caller.names, sets: &sets, restore: true };
    Ok(parse::parse(&reader, table, &arguments))
}

impl Restore<'_> {
    fn lines(&mut self, text: &str) -> Result<(), Stop> {
        for line in text.split_inclusive('\n') {
            self.line += 1;
            self.one(line)?;
        }
        if self.in_table {
            self.output.stderr.push_str(&format!(
                "{}: COMMIT expected at line {}\n",
                self.tool.name,
                self.line + 1
            ));
            self.output.code = 1;
        }
        Ok(())
    }

    fn one(&mut self, line: &str) -> Result<(), Stop> {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        if bare.is_empty() {
            // An empty line without its line feed is none at all.
            return Ok(());
        }
        if bare.starts_with('#') {
            if self.options.verbose > 0 {
                self.output.stdout.push_str(line);
            }
            return Ok(());
        }
        if self.in_table && bare == "COMMIT" {
            return self.commit();
        }
        if let (Some(rest), false) = (bare.strip_prefix('*'), self.in_table) {
            return self.new_table(rest);
        }
        if self.skips() {
            return Ok(());
        }
        match bare.strip_prefix(':') {
            Some(rest) if self.in_table => self.chain(rest),
            _ if self.in_table => self.rule(bare),
            _ => Err(Stop::Failed(self.line, None)),
        }
    }

    /// `-T TABLE`: the others are passed over.
    fn skips(&self) -> bool {
        match (&self.options.table, self.table) {
            (Some(wanted), Some(table)) => wanted != table.name,
            _ => false,
        }
    }

    fn new_table(&mut self, rest: &str) -> Result<(), Stop> {
        let name = &self.tool.name;
        let Some(table) = rest.split([' ', '\t']).find(|word| !word.is_empty()) else {
            return Ok(bad(format!("{name}: line {} table name invalid", self.line))?);
        };
        let Some(known) = builtin(table) else {
            return Ok(bad(format!("{name}: line {} table name '{table}' invalid", self.line))?);
        };
        self.table = Some(known);
        if self.skips() {
            return Ok(());
        }
        self.in_table = true;
        if !self.options.no_flush {
            self.push(Change::FlushTable);
        }
        Ok(())
    }

    fn push(&mut self, change: Change) {
        let table = self.table.map_or("", |table| table.name).to_owned();
        self.steps.push(Step { line: self.line, table, change });
    }

    /// `:CHAIN POLICY [PACKETS:BYTES]`
    fn chain(&mut self, rest: &str) -> Result<(), Stop> {
        let (name, line) = (&self.tool.name, self.line);
        let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
        let Some(chain) = words.next() else {
            return Ok(bad(format!("{name}: line {line} chain name invalid"))?);
        };
        let Some(table) = self.table else { return Ok(()) };
        let is_builtin = table.chain(chain).is_some();
        valid_chain_name(chain)?;
        let Some(policy) = words.next() else {
            return Ok(bad(format!("{name}: line {line} policy invalid"))?);
        };
        if !is_builtin {
            self.push(Change::RestoreChain(chain.to_owned()));
            return Ok(());
        }
        let mut counters = (0, 0);
        if self.options.counters {
            counters = match words.next().and_then(policy_counters) {
                Some(counters) => counters,
                None => return Ok(bad(format!("invalid policy counters for chain '{chain}'"))?),
            };
        }
        let (chain, policy) = (chain.to_owned(), policy.to_owned());
        self.push(Change::Policy { chain, policy, counters });
        Ok(())
    }

    fn rule(&mut self, line: &str) -> Result<(), Stop> {
        let Some(table) = self.table else { return Ok(()) };
        let rule = match self.read.remove(&self.line) {
            Some((of, rule)) if of == table.name => rule,
            _ => read_rule(self.state, self.tool, self.options, (self.line, line), table.name, self.caller),
        };
        let (parsed, warnings) = rule?;
        self.output.stderr.push_str(&warnings);
        let parsed = match parsed {
            Err(Problem::Print(text)) => {
                self.output.stdout.push_str(&text);
                return Ok(());
            }
            parsed => parsed?,
        };
        if parsed.command != 0 {
            self.push(Change::Command(Box::new(parsed)));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Stop> {
        self.in_table = false;
        let steps = std::mem::take(&mut self.steps);
        if let Some(refused) = nft::refuse(self.tool, self.caller) {
            self.output.stderr.push_str(&refused.stderr);
            self.output.code = refused.code;
            return Ok(());
        }
        if self.options.test {
            return Ok(());
        }
        let (out, result) = match self.tool.backend {
            Backend::Nft => nft::commit(self.state, self.tool, &steps, self.caller),
            Backend::Legacy => legacy::commit(self.state, self.tool, &steps, self.caller),
        };
        self.output.stdout.push_str(&out);
        match result {
            Ok(()) => Ok(()),
            Err((Failure::Problem(problem), _)) => Err(problem.into()),
            Err((Failure::Words(words) | Failure::Invalid(words), line)) => {
                Err(Stop::Failed(line, Some(words)))
            }
        }
    }
}

fn policy_counters(text: &str) -> Option<(u64, u64)> {
    let (packets, bytes) = text.strip_prefix('[')?.split_once(':')?;
    let end = bytes.find(|c: char| !c.is_ascii_digit()).unwrap_or(bytes.len());
    Some((packets.parse().ok()?, bytes[..end].parse().ok()?))
}

/// Packets and bytes as they stand in the text, and what follows them.
type Counted<'a> = (Option<(&'a str, &'a str)>, &'a str);

/// `[PACKETS:BYTES]` ahead of a rule, and what follows; `Err` names what is missing.
fn rule_counters(line: &str) -> Result<Counted<'_>, &'static str> {
    let Some(rest) = line.strip_prefix('[') else { return Ok((None, line)) };
    let Some((inside, after)) = rest.split_once(']') else { return Err("]") };
    match inside.split_once(':') {
        Some((packets, bytes)) if !packets.is_empty() => match bytes.is_empty() {
            true => Err("]"),
            false => Ok((Some((packets, bytes)), after)),
        },
        _ => Err(":"),
    }
}

/// A line taken apart: blanks part words, double quotes hold them together, a backslash within quotes escapes.
fn words(line: &str) -> Result<Vec<String>, Problem> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars().chain(std::iter::once('\n')) {
        match c {
            _ if quoted && escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' if quoted => {
                quoted = false;
                // A closing quote ends the word, even an empty one.
                words.push(std::mem::take(&mut word));
            }
            _ if quoted => word.push(c),
            '"' => quoted = true,
            ' ' | '\t' | '\n' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
        if word.len() >= MAX_WORD {
            return bad("Parameter too long!");
        }
        if words.len() >= MAX_WORDS {
            return bad("Parser cannot handle more arguments");
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_iptables_restore_parts_them() {
        let split = |line: &str| words(line).expect("short");
        assert_eq!(
            split(r#"-A X -m comment --comment "a b""#),
            ["-A", "X", "-m", "comment", "--comment", "a b"]
        );
        assert_eq!(split(r#"--comment "say \"hi\"" -j X"#), ["--comment", "say \"hi\"", "-j", "X"]);
        assert_eq!(split("  -A\tX  "), ["-A", "X"]);
    }

    #[test]
    fn counters_ahead_of_a_rule_are_taken_off() {
        assert_eq!(rule_counters("[1:84] -A X"), Ok((Some(("1", "84")), " -A X")));
        assert_eq!(rule_counters("-A X"), Ok((None, "-A X")));
        assert_eq!(rule_counters("[1:84 -A X"), Err("]"));
        assert_eq!(rule_counters("[184] -A X"), Err(":"));
    }
}
