//! iptables-legacy: a table fetched whole, changed, and given back whole.
//!
//! Always: any use of a table, a listing too, makes it with all its chains (the kernel loads its module).
//! Sources: iptables iptables.c (do_command4), libiptc libiptc.c; linux ip_tables.c.

use super::list::{self, Format};
use super::nft::{Change, Step, format, list_rules, listed_chains, refuse};
use super::parse::{Parsed, command};
use super::problem::Problem;
use super::transaction::{BAD_RULE, Failure, NO_CHAIN};
use super::{Caller, Output, Tool};
use crate::Errno;
use crate::netfilter::check;
use crate::netfilter::hook::State;
use crate::netfilter::rule::Rule;
use crate::netfilter::table::{Backend, Base, Chain, Counters, Policy, Table, Tables, builtin};
use crate::netfilter::targets;
use std::rc::Rc;

pub(super) fn run(state: &mut State, tool: &Tool, parsed: Parsed, caller: &Caller<'_>) -> Output {
    let table = parsed.table.clone();
    if let Some(refused) = refuse(tool, caller) {
        return refused;
    }
    if builtin(&table).is_none() {
        let words = "Table does not exist (do you need to insmod?)";
        let problem = Problem::Version(format!("can't initialize iptables table `{table}': {words}"));
        return Output::of(&problem, tool, None);
    }
    if parsed.command == 0 {
        return Output::default();
    }
    let step = Step { line: 0, table, change: Change::Command(Box::new(parsed)) };
    let (stdout, result) = commit(state, tool, &[step], caller);
    let mut output = match result {
        Ok(()) => Output::default(),
        Err((Failure::Problem(problem), _)) => Output::of(&problem, tool, None),
        Err((Failure::Words(words), _)) => {
            Output { stderr: format!("iptables: {words}.\n"), code: 1, ..Output::default() }
        }
        Err((Failure::Invalid(words), _)) => {
            let stderr = format!("iptables: {words}. Run `dmesg' for more information.\n");
            Output { stderr, code: 1, ..Output::default() }
        }
    };
    output.stdout.insert_str(0, &stdout);
    output
}

/// Works all steps out on a copy, checks it as the kernel does, and puts it in place.
pub(super) fn commit(
    state: &mut State,
    tool: &Tool,
    steps: &[Step],
    caller: &Caller<'_>,
) -> (String, Result<(), (Failure, u32)>) {
    let mut work = Work { tool, caller, tables: state.tables.clone(), out: String::new() };
    for step in steps {
        work.make(&step.table);
        if let Err(failure) = work.step(step) {
            // The table itself stays: its module is loaded.
            make(&mut state.tables, tool, &step.table);
            state.hang();
            return (work.out, Err((failure, step.line)));
        }
    }
    let names: std::collections::BTreeSet<&str> = steps.iter().map(|step| step.table.as_str()).collect();
    for name in names {
        let Some(table) = work.tables.find(Backend::Legacy, tool.family, name) else { continue };
        if let Err(failure) = check_table(table) {
            return (work.out, Err((failure, steps.last().map_or(0, |step| step.line))));
        }
    }
    state.replace_tables(work.tables);
    (work.out, Ok(()))
}

/// What the kernel says of the whole table.
fn check_table(table: &Table) -> Result<(), Failure> {
    let rules =
        table.chains().into_iter().flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)));
    let each = rules.map(|(chain, rule)| check::rule(table, chain, &rule.spec));
    let result = each.chain(std::iter::once_with(|| check::chains(table))).find_map(Result::err);
    match result {
        None => Ok(()),
        Some(Errno::EMLINK) => Err(Failure::Words("Too many levels of symbolic links")),
        Some(Errno::ENOENT) => Err(NO_CHAIN),
        Some(_) => Err(Failure::Invalid("Invalid argument")),
    }
}

fn make(tables: &mut Tables, tool: &Tool, name: &str) {
    if tables.find(Backend::Legacy, tool.family, name).is_some() {
        return;
    }
    let number = tables.number();
    let table = tables.make(Backend::Legacy, tool.family, name);
    for chain in builtin(name).map_or(&[][..], |it| it.chains) {
        let counters = Some(Counters::of(0, 0));
        let base = Base { counters, ..Base::of(chain, number) };
        table.add(Chain::new(chain.name, Some(base), number));
    }
}

struct Work<'a> {
    tool: &'a Tool,
    caller: &'a Caller<'a>,
    tables: Tables,
    out: String,
}

impl Work<'_> {
    fn make(&mut self, name: &str) {
        make(&mut self.tables, self.tool, name);
    }

    fn table(&mut self, name: &str) -> &mut Table {
        self.tables.make(Backend::Legacy, self.tool.family, name)
    }

    fn rules(&mut self, table: &str, chain: &str) -> Result<&mut Vec<Rc<Rule>>, Failure> {
        self.table(table).chain_mut(chain).map(Chain::rules_mut).ok_or(NO_CHAIN)
    }

    fn step(&mut self, step: &Step) -> Result<(), Failure> {
        let table = step.table.as_str();
        match &step.change {
            Change::FlushTable => {
                for name in self.names(table) {
                    self.rules(table, &name)?.clear();
                }
                let user = |chain: &&Chain| chain.base.is_none();
                let names: Vec<_> = self
                    .table(table)
                    .chains()
                    .into_iter()
                    .filter(user)
                    .map(|chain| chain.name.clone())
                    .collect();
                names.iter().for_each(|name| {
                    self.table(table).remove(name);
                });
            }
            Change::RestoreChain(chain) => match self.table(table).chain(chain).is_some() {
                true => self.rules(table, chain)?.clear(),
                false => self.add_chain(table, chain)?,
            },
            Change::Policy { chain, policy, counters } => self.set_policy(table, chain, policy, *counters)?,
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
            return self.rule(table, named, parsed);
        }
        if command & command::LIST != 0 {
            self.list(table, chain, parsed)?;
        }
        if command & command::LIST_RULES != 0 {
            let chains = self.listed(table, chain)?;
            list_rules(&mut self.out, &chains, parsed);
        }
        if command & command::ZERO != 0 {
            return self.each(table, chain, |work, name| work.zero(table, name, verbose));
        }
        if command & command::ZERO_NUMBER != 0 {
            let place = parsed.number as usize - 1;
            let rule = self.rules(table, named)?.get_mut(place);
            let rule = rule.ok_or(Failure::Words("Index of counter too big"))?;
            *rule = Rc::new(Rule::new(rule.spec.clone(), 0, 0));
            return Ok(());
        }
        match command {
            command::DELETE_NUMBER => {
                let rules = self.rules(table, named)?;
                let place = parsed.number as usize - 1;
                if place >= rules.len() {
                    return Err(Failure::Words("Index of deletion too big"));
                }
                rules.remove(place);
                Ok(())
            }
            command::FLUSH => self.each(table, chain, |work, name| {
                if verbose {
                    put!(work.out, "Flushing chain `{name}'\n");
                }
                work.rules(table, name)?.clear();
                Ok(())
            }),
            command::NEW_CHAIN => self.add_chain(table, named),
            command::DELETE_CHAIN => self.delete_chains(table, chain, verbose),
            command::RENAME_CHAIN => {
                self.rename(table, named, parsed.new_name.as_deref().unwrap_or_default())
            }
            command::SET_POLICY => {
                let policy = parsed.policy.as_deref().unwrap_or_default();
                self.set_policy(table, named, policy, (parsed.packets, parsed.bytes))
            }
            _ => Ok(()),
        }
    }

    fn rule(&mut self, table: &str, chain: &str, parsed: &Parsed) -> Result<(), Failure> {
        if let Some(to) = parsed.jumps_to()
            && self.table(table).chain(to).is_none()
        {
            let words = match parsed.goto {
                true => format!("goto '{to}' is not a chain\n"),
                false => format!("Couldn't load target `{to}':No such file or directory\n"),
            };
            return Err(Problem::Parameter(words).into());
        }
        for spec in parsed.specs() {
            let rule = Rc::new(Rule::new(spec.clone(), parsed.packets, parsed.bytes));
            if parsed.verbose > 0 {
                list::rule(&mut self.out, &rule, self.tool.family, 0, Format::RULE, self.caller.names)?;
            }
            let rules = self.rules(table, chain);
            match parsed.command {
                command::APPEND => rules?.push(rule),
                command::INSERT => {
                    let (rules, place) = (rules?, parsed.number as usize - 1);
                    if place > rules.len() {
                        return Err(Failure::Words("Index of insertion too big"));
                    }
                    rules.insert(place, rule);
                }
                command::REPLACE => {
                    let place = rules?.get_mut(parsed.number as usize - 1);
                    *place.ok_or(Failure::Words("Index of replacement too big"))? = rule;
                }
                _ => {
                    let rules = rules.map_err(|_| BAD_RULE)?;
                    let place = rules.iter().position(|it| *it.spec == *spec).ok_or(BAD_RULE)?;
                    if parsed.command == command::DELETE {
                        rules.remove(place);
                    }
                }
            }
        }
        Ok(())
    }

    fn names(&mut self, table: &str) -> Vec<String> {
        listed_chains(&self.tables, self.tool, table)
            .into_iter()
            .map(|chain| chain.name.to_string())
            .collect()
    }

    /// The chain named, or every one.
    fn each(
        &mut self,
        table: &str,
        chain: Option<&str>,
        mut what: impl FnMut(&mut Self, &str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let names = match chain {
            Some(name) => vec![name.to_owned()],
            None => self.names(table),
        };
        names.iter().try_for_each(|name| what(self, name))
    }

    fn zero(&mut self, table: &str, name: &str, verbose: bool) -> Result<(), Failure> {
        if verbose {
            put!(self.out, "Zeroing chain `{name}'\n");
        }
        let chain = self.table(table).chain_mut(name).ok_or(NO_CHAIN)?;
        if let Some(base) = &mut chain.base {
            base.counters = Some(Counters::of(0, 0));
        }
        for rule in chain.rules_mut() {
            *rule = Rc::new(Rule::new(rule.spec.clone(), 0, 0));
        }
        Ok(())
    }

    fn add_chain(&mut self, table: &str, name: &str) -> Result<(), Failure> {
        if self.table(table).chain(name).is_some() || targets::verdict(name).is_some() {
            return Err(Failure::Words("Chain already exists"));
        }
        let number = self.tables.number();
        self.table(table).add(Chain::new(name, None, number));
        Ok(())
    }

    fn delete_chains(&mut self, table: &str, chain: Option<&str>, verbose: bool) -> Result<(), Failure> {
        let names = match chain {
            Some(name) => vec![name.to_owned()],
            None => {
                let user = |chain: &Chain| chain.base.is_none();
                let chains = listed_chains(&self.tables, self.tool, table);
                chains.into_iter().filter(user).map(|chain| chain.name.to_string()).collect()
            }
        };
        for name in names {
            if verbose {
                put!(self.out, "Deleting chain `{name}'\n");
            }
            let references = self.table(table).references(&name);
            let found = self.table(table).chain(&name).ok_or(NO_CHAIN)?;
            if found.base.is_some() {
                return Err(Failure::Invalid("Can't delete built-in chain"));
            }
            if references > 0 {
                return Err(Failure::Words("Can't delete chain with references left"));
            }
            if !found.rules.is_empty() {
                return Err(Failure::Words("Chain is not empty"));
            }
            self.table(table).remove(&name);
        }
        Ok(())
    }

    fn rename(&mut self, table: &str, old: &str, new: &str) -> Result<(), Failure> {
        if self.table(table).chain(new).is_some() || targets::verdict(new).is_some() {
            return Err(Failure::Words("File exists"));
        }
        match self.table(table).chain(old) {
            Some(chain) if chain.base.is_none() => {
                self.table(table).rename(old, new);
                Ok(())
            }
            _ => Err(NO_CHAIN),
        }
    }

    fn set_policy(
        &mut self,
        table: &str,
        chain: &str,
        policy: &str,
        counters: (u64, u64),
    ) -> Result<(), Failure> {
        let no_such = || Failure::Words("Bad built-in chain name");
        let base =
            self.table(table).chain_mut(chain).ok_or_else(no_such)?.base.as_mut().ok_or_else(no_such)?;
        base.policy = match policy {
            "ACCEPT" => Policy::Accept,
            "DROP" => Policy::Drop,
            _ => return Err(Failure::Invalid("Bad policy name")),
        };
        if counters != (0, 0) {
            base.counters = Some(Counters::of(counters.0, counters.1));
        }
        Ok(())
    }

    fn listed(&mut self, table: &str, chain: Option<&str>) -> Result<Vec<Chain>, Failure> {
        let mut chains = listed_chains(&self.tables, self.tool, table);
        if let Some(name) = chain {
            chains.retain(|chain| *chain.name == *name);
        }
        if chains.is_empty() { Err(NO_CHAIN) } else { Ok(chains) }
    }

    fn list(&mut self, table: &str, chain: Option<&str>, parsed: &Parsed) -> Result<(), Failure> {
        let format = format(parsed);
        let mut out = String::new();
        for (index, chain) in self.listed(table, chain)?.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            if parsed.number == 0 {
                let references = self.table(table).references(&chain.name);
                list::header(&mut out, chain, references, format);
            }
            for (number, rule) in (1..).zip(&chain.rules) {
                if parsed.number == 0 || parsed.number == number {
                    list::rule(&mut out, rule, self.tool.family, number, format, self.caller.names)?;
                }
            }
        }
        self.out.push_str(&out);
        Ok(())
    }
}
