//! Extensions on a command line: loaded by name, their options added, their words handed to them.
//!
//! Always: what is loaded later comes first, as getopt_long finds it.
//! Sources: iptables xshared.c (command_jump, command_match, load_proto), libxtables xtables.c.

use super::{BASE, Line, Long, MAX_NAME, Of, target_name};
use crate::netfilter::matches;
use crate::netfilter::targets;
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Given, Opt, Reading, protocol_name};
use crate::netfilter::text::problem::{Problem, bad};

impl Line<'_> {
    pub(super) fn jump(&mut self, name: &str) -> Result<(), Problem> {
        self.out.jump = target_name(name)?;
        if let Some(verdict) = targets::verdict(name) {
            self.out.target = Some(verdict);
            return Ok(());
        }
        let not_simulated = || Problem::NotSimulated {
            what: format!("-j {name}"),
            instead: "another target (man iptables-extensions)",
        };
        let Some(extension) = targets::find(name).map_err(|()| not_simulated())? else { return Ok(()) };
        if extension.family.is_some_and(|family| family != self.family()) {
            return Ok(());
        }
        let added = extension.options.iter().map(|option| Long {
            name: option.name,
            takes: u8::from(option.takes_argument()),
            of: Of::Target(option.id),
        });
        self.longs.splice(BASE.len()..BASE.len(), added);
        self.target = Some(Reading::new(extension, self.family()));
        Ok(())
    }

    pub(super) fn add_match(&mut self, name: &str) -> Result<(), Problem> {
        if name.len() >= MAX_NAME {
            return bad(format!("Invalid match name \"{name}\" ({} chars max)", MAX_NAME - 1));
        }
        match self.load_by_name(name)? {
            true => Ok(()),
            false => bad(format!("Couldn't load match `{name}':No such file or directory\n")),
        }
    }

    /// Adds a match of that name, where there is one; its options come ahead of those known.
    pub(super) fn load_by_name(&mut self, name: &str) -> Result<bool, Problem> {
        let not_simulated = || Problem::NotSimulated {
            what: format!("-m {name}"),
            instead: "another match (man iptables-extensions)",
        };
        let Some(extension) = matches::find(name).map_err(|()| not_simulated())? else { return Ok(false) };
        if extension.family.is_some_and(|family| family != self.family()) {
            return Ok(false);
        }
        let index = self.matches.len();
        // A second one of the same name takes the options over.
        self.longs.retain(|long| match long.of {
            Of::Match(other, _) => self.matches[other].extension.name != extension.name,
            _ => true,
        });
        let added = extension.options.iter().map(|option: &Opt| Long {
            name: option.name,
            takes: u8::from(option.takes_argument()),
            of: Of::Match(index, option.id),
        });
        self.longs.splice(BASE.len()..BASE.len(), added);
        self.matches.push(Reading::new(extension, self.family()));
        Ok(true)
    }

    /// An unknown option may be the protocol's own: `-p tcp` brings `-m tcp` when it is first needed.
    pub(super) fn load_protocol(&mut self) -> Result<bool, Problem> {
        let Some(name) = self.protocol_name.clone().filter(|_| !self.protocol_loaded) else {
            return Ok(false);
        };
        let name = match number::within(&name, 0, 255) {
            Some(number) => protocol_name(number as u8, false).unwrap_or_default().to_owned(),
            None => name,
        };
        if matches::find(&name).is_err() {
            return Ok(false);
        }
        self.protocol_loaded = self.load_by_name(&name)?;
        Ok(self.protocol_loaded)
    }

    pub(super) fn extension(&mut self, of: Of, argument: Option<String>) -> Result<(), Problem> {
        let Line { reader, arguments, out, matches, target, invert, .. } = self;
        let text = argument.clone().unwrap_or_default();
        let mut given = Given {
            text: &text,
            invert: *invert,
            family: reader.tool.family,
            protocol: (out.ip.protocol, out.ip.protocol_invert),
            names: reader.names,
            sets: reader.sets,
            rest: &mut arguments.rest,
            warnings: &mut out.warnings,
        };
        match of {
            Of::Match(index, id) => {
                let reading = &mut matches[index];
                let option = reading.extension.options.iter().find(|option| option.id == id);
                option.map_or(Ok(()), |option| reading.read(option, argument.as_deref(), &mut given))
            }
            Of::Target(id) => {
                let Some(reading) = target else { return Ok(()) };
                let option = reading.extension.options.iter().find(|option| option.id == id);
                option.map_or(Ok(()), |option| reading.read(option, argument.as_deref(), &mut given))
            }
            Of::Base(_) => Ok(()),
        }
    }
}
