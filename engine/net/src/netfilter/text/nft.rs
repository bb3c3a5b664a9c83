//! iptables-nft: each command, worked out in a transaction.
//!
//! Always: tables and chains are made when something first needs them; listing makes nothing.
//! Sources: iptables xtables.c (do_commandx), nft.c (nft_prepare), xtables-standalone.c.

use super::list::{self, Format};
use super::parse::{Parsed, command, given};
use super::problem::{Problem, bad};
use super::save::{Counts, rule_line};
use super::transaction::{BAD_RULE, Failure, NO_CHAIN, Transaction, is_listed};
use super::{Caller, Output, Tool};
use crate::netfilter::hook::State;
use crate::netfilter::rule::{Rule, Spec};
use crate::netfilter::table::{Backend, Base, Chain, Tables, builtin};
use std::rc::Rc;

/// One change that a line asks for.
#[derive(Debug)]
pub(super) enum Change {
    FlushTable,
    RestoreChain(String),
    Policy { chain: String, policy: String, counters: (u64, u64) },
    Command(Box<Parsed>),
}

/// A change with the line it stands on (0 on a command line) and its table.
#[derive(Debug)]
pub(super) struct Step {
    pub line: u32,
    pub table: String,
    pub change: Change,
}

/// What a non-root caller is told.
pub(super) fn refuse(tool: &Tool, caller: &Caller<'_>) -> Option<Output> {
    if caller.is_root {
        return None;
    }
    let stderr = match tool.backend {
        Backend::Nft => format!(
            "{} v{}: Could not fetch rule set generation id: Permission denied (you must be root)\n",
            tool.name,
            tool.version()
        ),
        Backend::Legacy => "Fatal: can't open lock file /run/xtables.lock: Permission denied\n".to_owned(),
    };
    Some(Output { stderr, code: 4, ..Output::default() })
}

pub(super) fn run(state: &mut State, tool: &Tool, parsed: Parsed, caller: &Caller<'_>) -> Output {
    let table = parsed.table.clone();
    if builtin(&table).is_none() {
        return Output::of(&Problem::Version(format!("table '{table}' does not exist")), tool, None);
    }
    if parsed.command == 0 {
        return Output::default();
    }
    if let Some(refused) = refuse(tool, caller) {
        return refused;
    }
    let lists = parsed.command & (command::LIST | command::LIST_RULES) != 0;
    let step = Step { line: 0, table, change: Change::Command(Box::new(parsed)) };
    let mut output = match commit(state, tool, &[step], caller) {
        (out, Ok(())) => Output { stdout: out, ..Output::default() },
        (out, Err((Failure::Problem(problem), _))) => {
            let mut output = Output::of(&problem, tool, None);
            output.stdout.insert_str(0, &out);
            output
        }
        (out, Err((Failure::Words(words), _))) => {
            Output { stdout: out, stderr: format!("{}: {words}.\n", tool.name), code: 1, need: None }
        }
        (out, Err((Failure::Invalid(words), _))) => {
            let stderr = format!("{}: {words}. Run `dmesg' for more information.\n", tool.name);
            Output { stdout: out, stderr, code: 1, need: None }
        }
    };
    if lists {
        let mut warning = String::new();
        warn_of_legacy(&mut warning, state, tool, false);
        output.stderr.insert_str(0, &warning);
    }
    output
}

/// Works all steps out and puts the result in the place of the tables; else the failure and its line.
/// What was printed comes with either.
pub(super) fn commit(
    state: &mut State,
    tool: &Tool,
    steps: &[Step],
    caller: &Caller<'_>,
) -> (String, Result<(), (Failure, u32)>) {
    for careful in [false, true] {
        let mut work = Work {
            tool,
            caller,
            transaction: Transaction::new(tool, state.tables.clone(), careful),
            out: String::new(),
        };
        for step in steps {
            work.transaction.line = step.line;
            if let Err(failure) = work.step(step) {
                return (work.out, Err((failure, step.line)));
            }
        }
        match work.transaction.commit() {
            Ok(Some(tables)) => {
                state.replace_tables(tables);
                return (work.out, Ok(()));
            }
            Ok(None) => {}
            Err(problem) => return (work.out, Err((problem.into(), 0))),
        }
    }
    (String::new(), Ok(()))
}

struct Work<'a> {
    tool: &'a Tool,
    caller: &'a Caller<'a>,
    transaction: Transaction<'a>,
    out: String,
}

impl Work<'_> {
    fn step(&mut self, step: &Step) -> Result<(), Failure> {
        let table = step.table.as_str();
        match &step.change {
            Change::FlushTable => self.transaction.flush_table(table),
            Change::RestoreChain(chain) => self.transaction.restore_chain(table, chain),
            Change::Policy { chain, policy, counters } => {
                self.transaction.set_policy(table, chain, policy, *counters)?;
            }
            Change::Command(parsed) => self.command(table, parsed)?,
        }
        Ok(())
    }

    fn command(&mut self, table: &str, parsed: &Parsed) -> Result<(), Failure> {
        let chain = parsed.chain.as_deref();
        let named = chain.unwrap_or_default();
        let verbose = parsed.verbose > 0;
        let command = parsed.command;
        if command & command::WITH_RULE != 0 {
            return parsed.specs().into_iter().try_for_each(|spec| self.rule(table, named, parsed, spec));
        }
        if command & command::LIST != 0 {
            self.list(table, chain, parsed)?;
        }
        if command & command::LIST_RULES != 0 {
            self.list_rules(table, chain, parsed)?;
        }
        if command & command::ZERO != 0 {
            return self.zero(table, chain, verbose);
        }
        if command & command::ZERO_NUMBER != 0 {
            return self.zero_rule(table, named, parsed.number as usize - 1);
        }
        match command {
            command::DELETE_NUMBER => self.delete_number(table, named, parsed.number as usize - 1),
            command::FLUSH => self.flush(table, chain, verbose),
            command::NEW_CHAIN => self.transaction.add_chain(table, named),
            command::DELETE_CHAIN => self.delete_chain(table, chain, verbose),
            command::RENAME_CHAIN => {
                self.transaction.rename_chain(table, named, parsed.new_name.as_deref().unwrap_or_default())
            }
            command::SET_POLICY => self.transaction.set_policy(
                table,
                named,
                parsed.policy.as_deref().unwrap_or_default(),
                (0, 0),
            ),
            _ => Ok(()),
        }
    }

    /// Append, insert, replace, delete or check one rule.
    fn rule(&mut self, table: &str, chain: &str, parsed: &Parsed, spec: Rc<Spec>) -> Result<(), Failure> {
        if let Err(problem) = needs_protocol(&spec) {
            return Err(problem.into());
        }
        if let Some(to) = parsed.jumps_to()
            && !self.transaction.exists(table, to)
        {
            return Err(Problem::Parameter(format!("Chain '{to}' does not exist")).into());
        }
        let rule = Rc::new(Rule::new(spec.clone(), parsed.packets, parsed.bytes));
        let number = parsed.number as usize;
        match parsed.command {
            command::APPEND | command::INSERT => {
                self.transaction.init(table, Some(chain));
                let Some(length) = self.transaction.chain(table, chain).map(|it| it.rules.len()) else {
                    return Err(NO_CHAIN);
                };
                let place = match (parsed.command, number) {
                    (command::APPEND, _) => None,
                    (_, number) if number - 1 < length => Some(number - 1),
                    (_, 1) => Some(0),
                    (_, number) if number - 1 == length => None,
                    _ => return Err(Failure::Words("Index of insertion too big")),
                };
                self.show(parsed, &rule)?;
                self.transaction.put_rule(table, chain, rule, place, false);
            }
            command::REPLACE => {
                let length = self.transaction.chain(table, chain).ok_or(NO_CHAIN)?.rules.len();
                if number > length {
                    return Err(Failure::Words("Index of replacement too big"));
                }
                self.show(parsed, &rule)?;
                self.transaction.put_rule(table, chain, rule, Some(number - 1), true);
            }
            _ => {
                let found = self.transaction.chain(table, chain).ok_or(BAD_RULE)?;
                let place = found.rules.iter().position(|it| *it.spec == *spec).ok_or(BAD_RULE)?;
                let found = found.rules[place].clone();
                if parsed.command == command::DELETE
                    && let Some(rules) = self.transaction.rules_mut(table, chain)
                {
                    rules.remove(place);
                }
                self.show(parsed, &found)?;
            }
        }
        Ok(())
    }

    /// `-v`: the rule as it was read.
    fn show(&mut self, parsed: &Parsed, rule: &Rule) -> Result<(), Failure> {
        if parsed.verbose > 0 {
            list::rule(&mut self.out, rule, self.tool.family, 0, Format::RULE, self.caller.names)?;
        }
        Ok(())
    }

    fn delete_number(&mut self, table: &str, chain: &str, place: usize) -> Result<(), Failure> {
        let length = self.transaction.chain(table, chain).ok_or(NO_CHAIN)?.rules.len();
        if place >= length {
            return Err(Failure::Words("Index of deletion too big"));
        }
        if let Some(rules) = self.transaction.rules_mut(table, chain) {
            rules.remove(place);
        }
        Ok(())
    }

    fn flush(&mut self, table: &str, chain: Option<&str>, verbose: bool) -> Result<(), Failure> {
        if chain.is_some() || verbose {
            self.transaction.init(table, chain);
        } else if self.transaction.table(table).is_none() {
            return Ok(());
        }
        let names = match chain {
            Some(name) => {
                self.transaction.chain(table, name).ok_or(NO_CHAIN)?;
                vec![name.to_owned()]
            }
            // Without words for each chain the kernel is told to flush all, those of others too.
            None if !verbose => {
                let kernel = self.transaction.table(table).map(|it| it.chains());
                kernel.unwrap_or_default().into_iter().map(|chain| chain.name.to_string()).collect()
            }
            None => self.names(table),
        };
        for name in names {
            if verbose {
                put!(self.out, "Flushing chain `{name}'\n");
            }
            if let Some(rules) = self.transaction.rules_mut(table, &name) {
                rules.clear();
            }
        }
        Ok(())
    }

    /// The chains of a table that are there, as listings sort them.
    fn names(&self, table: &str) -> Vec<String> {
        let Some(kernel) = self.transaction.table(table) else { return Vec::new() };
        sorted(table, kernel.chains().into_iter().cloned())
            .into_iter()
            .map(|chain| chain.name.to_string())
            .collect()
    }

    fn delete_chain(&mut self, table: &str, chain: Option<&str>, verbose: bool) -> Result<(), Failure> {
        let names = match chain {
            Some(name) => {
                self.transaction.chain(table, name).ok_or(NO_CHAIN)?;
                vec![name.to_owned()]
            }
            None => self.names(table),
        };
        for name in names {
            let Some(found) = self.transaction.chain(table, &name) else { continue };
            let Some(base) = &found.base else {
                if verbose {
                    put!(self.out, "Deleting chain `{name}'\n");
                }
                self.transaction.delete_chain(table, &name);
                continue;
            };
            // An empty built-in chain that accepts may go: it comes again when it is needed.
            // Asked for by name it is not looked into: the kernel refuses one with rules.
            let accepts = base.policy == crate::netfilter::table::Policy::Accept;
            if accepts && (found.rules.is_empty() || chain.is_some()) {
                self.transaction.delete_chain(table, &name);
            } else if chain.is_some() {
                return Err(Failure::Words("Directory not empty"));
            }
        }
        Ok(())
    }

    fn zero(&mut self, table: &str, chain: Option<&str>, verbose: bool) -> Result<(), Failure> {
        let names = match chain {
            Some(name) => {
                self.transaction.chain(table, name).ok_or(NO_CHAIN)?;
                vec![name.to_owned()]
            }
            None => self.names(table),
        };
        for name in names {
            if verbose {
                put!(self.out, "Zeroing chain `{name}'\n");
            }
            self.transaction.zero_chain(table, &name);
        }
        Ok(())
    }

    fn zero_rule(&mut self, table: &str, chain: &str, place: usize) -> Result<(), Failure> {
        if self.transaction.chain(table, chain).is_none() {
            return Err(Failure::Words("Incompatible with this kernel"));
        }
        // A rule that is not there is passed over in silence, as iptables does.
        let rule = self.transaction.rules_mut(table, chain).and_then(|rules| rules.get_mut(place));
        if let Some(rule) = rule {
            *rule = Rc::new(Rule::new(rule.spec.clone(), 0, 0));
        }
        Ok(())
    }

    /// What a listing shows: the chain asked for, or all.
    fn listed(&mut self, table: &str, chain: Option<&str>) -> Result<Vec<Chain>, Failure> {
        let chains = listed_chains(&self.transaction.tables, self.tool, table);
        let Some(name) = chain else {
            self.note_tainted(table);
            return Ok(chains);
        };
        let found: Vec<_> = chains.into_iter().filter(|it| *it.name == *name).collect();
        if found.is_empty() {
            let words = format!("chain `{name}' in table `{table}' is incompatible, use 'nft' tool.");
            return Err(Problem::Other(words).into());
        }
        self.note_tainted(table);
        Ok(found)
    }

    fn note_tainted(&mut self, table: &str) {
        if is_tainted(&self.transaction.tables, self.tool, table) {
            put!(
                self.out,
                "# Table `{table}' contains incompatible base-chains, use 'nft' tool to list them.\n"
            );
        }
    }

    fn list(&mut self, table: &str, chain: Option<&str>, parsed: &Parsed) -> Result<(), Failure> {
        let format = format(parsed);
        let chains = self.listed(table, chain)?;
        let kernel = self.transaction.table(table);
        let mut out = String::new();
        for (index, chain) in chains.iter().enumerate() {
            if parsed.number == 0 {
                if index > 0 {
                    out.push('\n');
                }
                let references = kernel.map_or(0, |it| it.references(&chain.name));
                list::header(&mut out, chain, references, format);
            }
            let (family, names) = (self.tool.family, self.caller.names);
            for (number, rule) in (1..).zip(&chain.rules) {
                if parsed.number == 0 || parsed.number == number {
                    list::rule(&mut out, rule, family, number, format, names)?;
                }
            }
        }
        self.out.push_str(&out);
        Ok(())
    }

    fn list_rules(&mut self, table: &str, chain: Option<&str>, parsed: &Parsed) -> Result<(), Failure> {
        let chains = self.listed(table, chain)?;
        list_rules(&mut self.out, &chains, parsed);
        Ok(())
    }
}

/// How `-L` was asked to print.
pub(super) fn format(parsed: &Parsed) -> Format {
    let has = |bit: u32| parsed.options & bit != 0;
    Format {
        numeric: has(given::NUMERIC),
        verbose: has(given::VERBOSE),
        exact: has(given::EXACT),
        line_numbers: has(given::LINE_NUMBERS),
        loose: false,
    }
}

/// `-S`: policies and chains, then rules.
pub(super) fn list_rules(out: &mut String, chains: &[Chain], parsed: &Parsed) {
    let counts = if parsed.options & given::VERBOSE != 0 { Counts::Inside } else { Counts::None };
    for chain in chains.iter().filter(|_| parsed.number == 0) {
        let Some(base) = &chain.base else {
            put!(out, "-N {}\n", chain.name);
            continue;
        };
        put!(out, "-P {} {}", chain.name, base.policy.name());
        if counts == Counts::Inside {
            let counters = base.counters.as_ref();
            let (packets, bytes) = counters.map_or((0, 0), |it| (it.packets.get(), it.bytes.get()));
            put!(out, " -c {packets} {bytes}");
        }
        out.push('\n');
    }
    for chain in chains {
        for (number, rule) in (1..).zip(&chain.rules) {
            if parsed.number == 0 || parsed.number == number {
                rule_line(out, &chain.name, rule, counts);
            }
        }
    }
}

/// Built-in chains in the order of their hooks, then the others by name.
fn sorted(table: &str, chains: impl Iterator<Item = Chain>) -> Vec<Chain> {
    let mut chains: Vec<Chain> = chains.filter(|chain| is_listed(table, chain)).collect();
    chains.sort_by(|a, b| {
        let key = |chain: &Chain| (chain.base.is_none(), chain.base.as_ref().map(|base| base.hook));
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    chains
}

/// The chains of a table as listings show them: built-in ones even where they are not there.
pub(super) fn listed_chains(tables: &Tables, tool: &Tool, table: &str) -> Vec<Chain> {
    let mut chains: Vec<Chain> =
        tables.find(tool.backend, tool.family, table).map_or_else(Vec::new, |kernel| {
            kernel.chains().into_iter().filter(|chain| is_listed(table, chain)).cloned().collect()
        });
    for known in builtin(table).map_or(&[][..], |it| it.chains) {
        if chains.iter().all(|chain| *chain.name != *known.name) {
            chains.push(Chain::new(known.name, Some(Base::of(known, 0)), 0));
        }
    }
    sorted(table, chains.into_iter())
}

/// A base chain is there that is none of iptables' own.
pub(super) fn is_tainted(tables: &Tables, tool: &Tool, table: &str) -> bool {
    let kernel = tables.find(tool.backend, tool.family, table);
    kernel.is_some_and(|it| it.chains().iter().any(|chain| !is_listed(table, chain)))
}

pub(super) fn warn_of_legacy(stderr: &mut String, state: &State, tool: &Tool, save: bool) {
    let present = |table: &Rc<crate::netfilter::table::Table>| {
        table.backend == Backend::Legacy && table.family == tool.family
    };
    if tool.backend == Backend::Nft && state.tables.list.iter().any(present) {
        let suffix = if save { "-save" } else { "" };
        let family = if tool.family == crate::netfilter::rule::Family::V4 { "iptables" } else { "ip6tables" };
        put!(stderr, "# Warning: {family}-legacy tables present, use {family}-legacy{suffix} to see them\n");
    }
}

/// Ports can only be compared where the protocol is known.
fn needs_protocol(spec: &Spec) -> Result<(), Problem> {
    use crate::netfilter::header::{TCP, UDP};
    use crate::netfilter::matches::Match;
    let protocol = (spec.ip.protocol, spec.ip.protocol_invert);
    for one in &spec.matches {
        match one {
            Match::Tcp(tcp) if protocol.0 != TCP && tcp.option.is_none() && *tcp != Default::default() => {
                return bad("TCP match requires '-p tcp'");
            }
            Match::Udp(udp) if protocol.0 != UDP && *udp != Default::default() => {
                return bad("UDP match requires '-p udp'");
            }
            _ => {}
        }
    }
    Ok(())
}
