//! `ipset`'s command line: what it does to the sets, and what it says.
//!
//! Always: a line that fails part-way keeps what it added before.
//! Differs from Linux: no interactive mode, no XML; `-resolve` shows numbers all the same.
//! Sources: ipset 7.17 lib/ipset.c, lib/args.c, lib/errcode.c.

use super::element;
use super::options::{make_room, read_member, read_settings};
use super::show::{list, save};
use super::{Kind, MAX_SETS, Part, Range, Set, Sets, Settings};
use sim::Instant;
use std::collections::BTreeMap;

pub const VERSION: &str = "7.17";
const USAGE: &str = include_str!("usage.txt");
const MAX_NAME: usize = 31;
const TRY_HELP: &str = "Try `ipset help' for more information.";

/// Who runs the command, and what else it has to know.
pub struct Caller<'a> {
    pub now: Instant,
    pub is_root: bool,
    /// Rules and sets that hold each set.
    pub references: &'a BTreeMap<String, usize>,
    /// The seed of a new set's hash.
    pub initval: u32,
    /// What `restore` reads.
    pub input: &'a str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub code: u8,
}

/// What went wrong: text, and whether it is a matter of how the command is used.
pub(super) struct Failure {
    text: String,
    is_usage: bool,
    is_plain: bool,
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure { text, is_usage: false, is_plain: false }
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Failure {
        text.to_owned().into()
    }
}

pub(super) fn usage(text: impl Into<String>) -> Failure {
    Failure { text: text.into(), is_usage: true, is_plain: false }
}

pub(super) type Done = Result<(), Failure>;

const MISSING: &str = "The set with the given name does not exist";

#[derive(Default)]
struct Flags {
    exist: bool,
    quiet: bool,
    names: bool,
    terse: bool,
    save: bool,
}

struct Run<'a> {
    sets: &'a mut Sets,
    caller: &'a Caller<'a>,
    flags: Flags,
    out: Output,
}

/// Runs `ipset ARGS`.
pub fn run(sets: &mut Sets, args: &[String], caller: &Caller<'_>) -> Output {
    let mut run = Run { sets, caller, flags: Flags::default(), out: Output::default() };
    let result = run.line(args);
    run.finish(result, None)
}

/// Takes the options out that may stand anywhere.
fn split_flags(args: &[String], flags: &mut Flags) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-!" | "-exist" | "--exist" => flags.exist = true,
            "-q" | "-quiet" | "--quiet" => flags.quiet = true,
            "-n" | "-name" | "--name" => flags.names = true,
            "-t" | "-terse" | "--terse" => flags.terse = true,
            "-s" | "-sorted" | "--sorted" | "-r" | "-resolve" | "--resolve" => {}
            "-o" | "-output" | "--output" => match args.next().map(String::as_str) {
                Some("plain") => {}
                Some("save") => flags.save = true,
                Some(other) => return Err(format!("Syntax error: unknown output mode '{other}'").into()),
                None => return Err(usage(format!("Missing mandatory argument of option `{arg}'"))),
            },
            _ => words.push(arg.clone()),
        }
    }
    Ok(words)
}

impl Run<'_> {
    fn finish(mut self, result: Done, line: Option<usize>) -> Output {
        if let Err(failure) = result {
            let at = line.map(|line| format!("Error in line {line}: ")).unwrap_or_default();
            self.out.code = if failure.is_usage { 2 } else { 1 };
            if !self.flags.quiet || failure.is_usage {
                match failure.is_plain {
                    true => put!(self.out.stderr, "{}\n", failure.text),
                    false => put!(self.out.stderr, "ipset v{VERSION}: {at}{}\n", failure.text),
                }
            }
            if failure.is_usage {
                put!(self.out.stderr, "{TRY_HELP}\n");
            }
        }
        self.out
    }

    fn line(&mut self, args: &[String]) -> Done {
        let words = split_flags(args, &mut self.flags)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((command, rest)) = words.split_first() else { return Err(usage("No command specified.")) };
        match *command {
            "help" | "-h" | "-H" | "--help" => {
                self.help();
                return Ok(());
            }
            "version" | "-v" | "-V" | "--version" => {
                put!(self.out.stdout, "ipset v{VERSION}, protocol version: 7\n");
                return Ok(());
            }
            _ => {}
        }
        let (least, most) = match *command {
            "create" | "new" | "-N" | "--create" | "add" | "-A" | "--add" | "del" | "-D" | "--del"
            | "test" | "-T" | "--test" => (2, usize::MAX),
            "rename" | "e" | "-E" | "--rename" | "swap" | "w" | "-W" | "--swap" => (2, 2),
            "restore" | "-R" | "--restore" => (0, 0),
            "destroy" | "x" | "-X" | "--destroy" | "list" | "-L" | "--list" | "save" | "-S" | "--save"
            | "flush" | "-F" | "--flush" => (0, 1),
            other => return Err(usage(format!("No command specified: unknown argument {other}"))),
        };
        if rest.len() < least {
            let which = if rest.is_empty() { "" } else { "second " };
            return Err(usage(format!("Missing {which}mandatory argument to command {command}")));
        }
        if rest.len() > most {
            return Err(usage(format!("Unknown argument {}", rest[most])));
        }
        if let Some(name) = rest.first().filter(|name| name.len() > MAX_NAME) {
            return Err(format!("Syntax error: setname '{name}' is longer than {MAX_NAME} characters").into());
        }
        if !self.caller.is_root {
            return Err("Kernel error received: Operation not permitted".into());
        }
        self.execute(command.trim_start_matches("--"), rest)
    }

    fn execute(&mut self, command: &str, rest: &[&str]) -> Done {
        match command {
            "create" | "new" | "-N" => self.create(rest[0], rest[1], &rest[2..]),
            "add" | "-A" => self.add(rest[0], rest[1], &rest[2..]),
            "del" | "-D" => self.delete(rest[0], rest[1]),
            "test" | "-T" => self.test(rest[0], rest[1]),
            "rename" | "e" | "-E" => self.rename(rest[0], rest[1]),
            "swap" | "w" | "-W" => self.swap(rest[0], rest[1]),
            "restore" | "-R" => self.restore(),
            "list" | "-L" => self.list(rest.first().copied()),
            "save" | "-S" => {
                self.flags.save = true;
                self.list(rest.first().copied())
            }
            "flush" | "-F" => self.flush(rest.first().copied()),
            _ => self.destroy(rest.first().copied()),
        }
    }

    fn help(&mut self) {
        put!(self.out.stdout, "ipset v{VERSION}\n\n{USAGE}");
        for kind in Kind::all() {
            put!(self.out.stdout, "    {}\t\t{}\n", kind.name, kind.revision);
        }
    }

    fn references(&self, name: &str) -> usize {
        self.caller.references.get(name).copied().unwrap_or(0)
    }

    fn create(&mut self, name: &str, kind: &str, options: &[&str]) -> Done {
        if Kind::is_left_out(kind) {
            return Err(format!("{kind}: not simulated in vethlab; use hash:ip or hash:mac").into());
        }
        let Some(kind) = Kind::named(kind) else {
            return Err(format!("Syntax error: typename '{kind}' is unknown").into());
        };
        let settings = read_settings(kind, options)?;
        if let Some(there) = self.sets.get(name) {
            let same = Settings { initval: there.settings.initval, ..settings.clone() } == there.settings;
            return match self.flags.exist && same {
                true => Ok(()),
                false => Err("Set cannot be created: set with the same name already exists".into()),
            };
        }
        if self.sets.iter().count() >= MAX_SETS {
            return Err("Kernel error received: maximal number of sets reached, cannot create more.".into());
        }
        self.sets.create(Set {
            name: name.to_owned(),
            initval: settings.initval.unwrap_or(self.caller.initval),
            settings,
            members: BTreeMap::new(),
            prefixes: BTreeMap::new(),
        });
        Ok(())
    }

    fn set(&mut self, name: &str) -> Result<&mut Set, Failure> {
        let now = self.caller.now;
        let set = self.sets.get_mut(name).ok_or(MISSING)?;
        set.drop_expired(now);
        Ok(set)
    }

    /// Elements of the text, each within the set's range.
    fn elements(&mut self, name: &str, text: &str) -> Result<Vec<element::Key>, Failure> {
        let set = self.set(name)?;
        let keys = element::read(text, &set.shape())?;
        let inside = |key: &element::Key| match (&set.settings.range, key.first()) {
            (Some(Range::Addresses(first, last)), Some(Part::Net(address, _))) => {
                (*first..=*last).contains(&element::bits(*address))
            }
            (Some(Range::Ports(first, last)), Some(Part::BarePort(port))) => (*first..=*last).contains(port),
            _ => true,
        };
        if !keys.iter().all(inside) {
            return Err("Element is out of the range of the set".into());
        }
        if let Some(Part::Set(inner)) = keys.first().and_then(|key| key.first()) {
            match self.sets.get(inner) {
                None => return Err("Set to be added/deleted/tested as element does not exist.".into()),
                Some(set) if set.settings.kind.is_list() => {
                    return Err("Sets with list:set type cannot be added to the set.".into());
                }
                Some(_) => {}
            }
        }
        Ok(keys)
    }

    fn add(&mut self, name: &str, text: &str, options: &[&str]) -> Done {
        let (exist, now) = (self.flags.exist, self.caller.now);
        let keys = self.elements(name, text)?;
        let set = self.set(name)?;
        let (mut member, beside) = read_member(set, options, now)?;
        if let Some((before, reference)) = beside {
            member.place = make_room(set, before, &reference)?;
        }
        for key in keys {
            let is_there = set.members.contains_key(&key);
            if is_there && !exist {
                return Err("Element cannot be added to the set: it's already added".into());
            }
            if !is_there && set.members.len() >= set.capacity() {
                return Err(match set.settings.kind.is_list() {
                    true => "The set is full, more elements cannot be added.".into(),
                    false => "Hash is full, cannot add more elements".into(),
                });
            }
            set.insert(key, member.clone());
        }
        Ok(())
    }

    fn delete(&mut self, name: &str, text: &str) -> Done {
        let exist = self.flags.exist;
        let keys = self.elements(name, text)?;
        let set = self.set(name)?;
        for key in keys {
            if !set.members.contains_key(&key) && !exist {
                return Err("Element cannot be deleted from the set: it's not added".into());
            }
            set.remove(&key);
        }
        Ok(())
    }

    fn test(&mut self, name: &str, text: &str) -> Done {
        let now = self.caller.now;
        let keys = self.elements(name, text)?;
        let set = self.set(name)?;
        let found = keys.first().and_then(|key| set.find(key, now));
        let is_in = found.and_then(|key| set.members.get(&key)).is_some_and(|member| !member.nomatch);
        let shown = keys.first().map(element::text).unwrap_or_default();
        if is_in {
            if !self.flags.quiet {
                put!(self.out.stderr, "Warning: {shown} is in set {name}.\n");
            }
            return Ok(());
        }
        Err(Failure { text: format!("{shown} is NOT in set {name}."), is_usage: false, is_plain: true })
    }

    fn rename(&mut self, from: &str, to: &str) -> Done {
        if self.sets.get(from).is_none() {
            return Err(MISSING.into());
        }
        if self.references(from) > 0 {
            return Err("Set cannot be renamed: it is in use by another system".into());
        }
        if self.sets.get(to).is_some() {
            return Err("Set cannot be renamed: a set with the new name already exists".into());
        }
        self.set(from)?.name = to.to_owned();
        Ok(())
    }

    fn swap(&mut self, from: &str, to: &str) -> Done {
        let slot = |name: &str| {
            self.sets.slots.iter().position(|slot| slot.as_ref().is_some_and(|set| set.name == name))
        };
        let one = slot(from).ok_or(MISSING)?;
        let other = slot(to).ok_or("Sets cannot be swapped: the second set does not exist")?;
        let kind =
            |at: usize| self.sets.slots[at].as_ref().map(|set| (set.settings.kind, set.settings.family));
        if kind(one) != kind(other) {
            return Err("The sets cannot be swapped: their type does not match".into());
        }
        self.sets.slots.swap(one, other);
        for (at, name) in [(one, from), (other, to)] {
            if let Some(set) = &mut self.sets.slots[at] {
                set.name = name.to_owned();
            }
        }
        Ok(())
    }

    fn flush(&mut self, name: Option<&str>) -> Done {
        if name.is_some_and(|name| self.sets.get(name).is_none()) {
            return Err(MISSING.into());
        }
        for set in self.sets.slots.iter_mut().flatten() {
            if name.is_none_or(|name| name == set.name) {
                set.members.clear();
                set.prefixes.clear();
            }
        }
        Ok(())
    }

    fn destroy(&mut self, name: Option<&str>) -> Done {
        let busy = "Set cannot be destroyed: it is in use by a kernel component";
        let Some(name) = name else {
            let held = |set: &Set| self.references(&set.name) > self.sets.members_named(&set.name);
            if self.sets.iter().any(held) {
                return Err(busy.into());
            }
            self.sets.slots.clear();
            return Ok(());
        };
        if self.sets.get(name).is_none() {
            return Err(MISSING.into());
        }
        if self.references(name) > 0 {
            return Err(busy.into());
        }
        for slot in &mut self.sets.slots {
            if slot.as_ref().is_some_and(|set| set.name == name) {
                *slot = None;
            }
        }
        Ok(())
    }

    fn restore(&mut self) -> Done {
        for (at, line) in self.caller.input.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line == "COMMIT" {
                continue;
            }
            if let Err(failure) = self.line(&split_words(line)) {
                let text = format!("Error in line {}: {}", at + 1, failure.text);
                return Err(Failure { text, ..failure });
            }
        }
        Ok(())
    }

    fn list(&mut self, name: Option<&str>) -> Done {
        if name.is_some_and(|name| self.sets.get(name).is_none()) {
            return Err(MISSING.into());
        }
        let mut is_first = true;
        let mut shown: Vec<&Set> =
            self.sets.iter().filter(|set| name.is_none_or(|name| name == set.name)).collect();
        // Sets of sets come last, so that `restore` finds their members there (`IPSET_DUMP_LAST`).
        shown.sort_by_key(|set| set.settings.kind.is_list());
        for set in shown {
            let out = &mut self.out.stdout;
            match () {
                () if self.flags.names => put!(out, "{}\n", set.name),
                () if self.flags.save => save(out, set, self.caller.now),
                () => {
                    if !is_first {
                        out.push('\n');
                    }
                    let references = self.caller.references.get(&set.name).copied().unwrap_or(0);
                    list(out, set, references, self.flags.terse, self.caller.now);
                }
            }
            is_first = false;
        }
        Ok(())
    }
}

/// Words of a line of `restore`; a comment stands in double quotes.
fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}
