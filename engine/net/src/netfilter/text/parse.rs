//! One command line of iptables, read: the command, the rule it names, and everything wrong with it.
//!
//! Called for command lines and for each line of a restored file. Always: checks come in the order of iptables', so
//! that of several mistakes the same one is named.
//! Differs from Linux: `--modprobe` is read and does nothing, as where all modules are loaded.
//! Sources: iptables xshared.c (do_parse), libxtables xtables.c.

mod extension;
mod legal;

use super::arguments::{Arguments, BASE, Found, Long};
use super::names::Names;
use super::number;
use super::option::{Reading, protocol};
use super::problem::{Problem, bad};
use super::{Tool, usage};
use crate::netfilter::matches::Match;
use crate::netfilter::rule::{Family, IpMatch, Masked};
use crate::netfilter::targets::Target;

pub(crate) use legal::{command, given, interface, valid_chain_name};
use legal::{legal_options, rule_number, target_name};

/// Longest chain or target name (`XT_EXTENSION_MAXNAMELEN`), the end of string included.
pub(crate) const MAX_NAME: usize = 29;

/// What reading depends on.
pub(crate) struct Reader<'a> {
    pub tool: &'a Tool,
    pub names: &'a Names,
    /// The family of an ipset of that name.
    pub sets: &'a dyn Fn(&str) -> Option<Option<Family>>,
    /// Reading a file for iptables-restore.
    pub restore: bool,
}

/// A command line.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// Of [`command`]; 0 is a line to pass over.
    pub command: u32,
    pub table: String,
    pub chain: Option<String>,
    pub number: u32,
    pub new_name: Option<String>,
    pub policy: Option<String>,
    /// Of [`given`].
    pub options: u32,
    pub verbose: u32,
    pub ip: IpMatch,
    pub sources: Vec<Masked>,
    pub destinations: Vec<Masked>,
    pub source_invert: bool,
    pub destination_invert: bool,
    pub matches: Vec<Match>,
    pub target: Option<Target>,
    /// What `-j` or `-g` named.
    pub jump: String,
    pub goto: bool,
    pub packets: u64,
    pub bytes: u64,
    /// For stderr, whatever comes of the rest.
    pub warnings: String,
}

/// Whose a long option is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Base(char),
    /// Index into the matches being read, and the option.
    Match(usize, u8),
    Target(u8),
}

/// A line being read.
struct Line<'a> {
    reader: &'a Reader<'a>,
    arguments: Arguments,
    longs: Vec<Long<Of>>,
    out: Parsed,
    invert: bool,
    inverted: u32,
    source: Option<String>,
    destination: Option<String>,
    protocol_name: Option<String>,
    protocol_loaded: bool,
    table_set: bool,
    matches: Vec<Reading<Match>>,
    target: Option<Reading<Target>>,
    wait: bool,
    wait_interval: bool,
}

pub(crate) fn parse(reader: &Reader<'_>, table: &str, words: &[String]) -> (Result<Parsed, Problem>, String) {
    let longs =
        BASE.iter().map(|&(name, letter, takes)| Long { name, takes, of: Of::Base(letter) }).collect();
    let mut line = Line {
        reader,
        arguments: Arguments::new(&reader.tool.name, words),
        longs,
        out: Parsed { table: table.to_owned(), ..Parsed::default() },
        invert: false,
        inverted: 0,
        source: None,
        destination: None,
        protocol_name: None,
        protocol_loaded: false,
        table_set: false,
        matches: Vec::new(),
        target: None,
        wait: false,
        wait_interval: false,
    };
    let result = line.read();
    let warnings = std::mem::take(&mut line.out.warnings);
    (result.map(|()| line.out), warnings)
}

impl Line<'_> {
    fn family(&self) -> Family {
        self.reader.tool.family
    }

    fn read(&mut self) -> Result<(), Problem> {
        while let Some(found) = self.arguments.next(&self.longs) {
            match found {
                Found::Word(word) if word == "!" => {
                    if self.invert {
                        return bad("multiple consecutive ! not allowed");
                    }
                    self.invert = true;
                    continue;
                }
                Found::Word(word) => return Err(Problem::BadArgument(word)),
                Found::Letter(letter, argument) | Found::Long(Of::Base(letter), argument) => {
                    if !self.base(letter, argument)? {
                        return Ok(());
                    }
                }
                Found::Long(of, argument) => self.extension(of, argument)?,
                Found::Missing(_) | Found::Unknown(_) if self.load_protocol()? => {
                    self.arguments.again();
                    continue;
                }
                Found::Missing(word) => {
                    return bad(format!("option \"{word}\" requires an argument"));
                }
                Found::Unknown(word) => return bad(format!("unknown option \"{word}\"")),
            }
            self.invert = false;
        }
        self.finish()
    }

    /// One of iptables' own options; false where the rest of the line is to be passed over.
    fn base(&mut self, letter: char, argument: Option<String>) -> Result<bool, Problem> {
        let argument_text = argument.clone().unwrap_or_default();
        match letter {
            'A' | 'C' | 'D' | 'R' | 'I' | 'L' | 'S' | 'F' | 'Z' | 'N' | 'X' | 'E' | 'P' => {
                self.command(letter, argument)?;
            }
            'h' => return Err(self.help(argument)),
            'p' => self.protocol(&argument_text)?,
            's' => {
                self.option(given::SOURCE)?;
                self.source = Some(argument_text);
            }
            'd' => {
                self.option(given::DESTINATION)?;
                self.destination = Some(argument_text);
            }
            'g' => {
                self.option(given::JUMP)?;
                self.out.goto = true;
                self.out.jump = target_name(&argument_text)?;
            }
            'j' => {
                self.option(given::JUMP)?;
                self.jump(&argument_text)?;
            }
            'i' | 'o' => self.interface(letter, &argument_text)?,
            'f' => {
                if self.family() == Family::V6 {
                    return bad("`-f' is not supported in IPv6, use -m frag instead");
                }
                self.option(given::FRAGMENT)?;
                self.out.ip.fragment = Some(self.invert);
            }
            'v' => {
                if self.out.verbose == 0 {
                    self.option(given::VERBOSE)?;
                }
                self.out.verbose += 1;
            }
            'm' => {
                if self.invert {
                    return bad("unexpected ! flag before --match");
                }
                self.add_match(&argument_text)?;
            }
            'n' => self.option(given::NUMERIC)?,
            't' => self.table(argument_text)?,
            'x' => self.option(given::EXACT)?,
            'V' => return Err(self.version()),
            'w' | 'W' => self.wait(letter, argument)?,
            '0' => self.option(given::LINE_NUMBERS)?,
            'c' => self.counters(&argument_text)?,
            '4' | '6' => {
                let family = if letter == '4' { Family::V4 } else { Family::V6 };
                if family != self.family() {
                    return if self.reader.restore { Ok(false) } else { Err(Problem::Help) };
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn table(&mut self, name: String) -> Result<(), Problem> {
        if self.invert {
            return bad("unexpected ! flag before --table");
        }
        if self.reader.restore && self.table_set {
            return bad(format!("The -t option cannot be used in {}.\n", self.reader.tool.name));
        }
        self.out.table = name;
        self.table_set = true;
        Ok(())
    }

    fn version(&self) -> Problem {
        let tool = self.reader.tool;
        let version = tool.version();
        Problem::Print(match self.invert {
            true => format!("Not {version} ;-)\n"),
            false => format!("{} v{version}\n", tool.name),
        })
    }

    /// `-b` is a letter without meaning; it falls to the extensions, which do not know it either.
    fn option(&mut self, bit: u32) -> Result<(), Problem> {
        let letter = char::from(given::LETTERS[bit.trailing_zeros() as usize]);
        if self.out.options & bit != 0 {
            return bad(format!("multiple -{letter} flags not allowed"));
        }
        self.out.options |= bit;
        if self.invert {
            const INVERTIBLE: u32 = given::SOURCE
                | given::DESTINATION
                | given::PROTOCOL
                | given::INPUT
                | given::OUTPUT
                | given::FRAGMENT;
            if bit & INVERTIBLE == 0 {
                return bad(format!("cannot have ! before -{letter}"));
            }
            self.inverted |= bit;
        }
        Ok(())
    }

    fn command(&mut self, letter: char, argument: Option<String>) -> Result<(), Problem> {
        use command::*;
        if letter == 'N' {
            valid_chain_name(argument.as_deref().unwrap_or_default())?;
        }
        let (bit, with) = match letter {
            'A' => (APPEND, 0),
            'C' => (CHECK, 0),
            'D' => (DELETE, 0),
            'R' => (REPLACE, 0),
            'I' => (INSERT, 0),
            'L' => (LIST, ZERO | ZERO_NUMBER),
            'S' => (LIST_RULES, ZERO | ZERO_NUMBER),
            'F' => (FLUSH, 0),
            'Z' => (ZERO, LIST | LIST_RULES),
            'N' => (NEW_CHAIN, 0),
            'X' => (DELETE_CHAIN, 0),
            'E' => (RENAME_CHAIN, 0),
            _ => (SET_POLICY, 0),
        };
        if self.invert {
            return bad("unexpected '!' flag");
        }
        let others = self.out.command & !with;
        if others != 0 {
            let char_of = |bits: u32| char::from(LETTERS[31 - bits.leading_zeros() as usize]);
            return bad(format!("Cannot use -{} with -{}", char_of(bit), char_of(others)));
        }
        self.out.command |= bit;
        let chain = match argument {
            None if matches!(letter, 'L' | 'S' | 'F' | 'Z' | 'X') => self.arguments.operand(),
            chain => chain,
        };
        if chain.is_some() {
            self.out.chain = chain;
        }
        match letter {
            'D' | 'Z' => {
                if let Some(number) = self.arguments.operand() {
                    self.out.number = rule_number(&number)?;
                    self.out.command = if letter == 'D' { DELETE_NUMBER } else { ZERO_NUMBER };
                }
            }
            'R' => match self.arguments.operand() {
                Some(number) => self.out.number = rule_number(&number)?,
                None => return bad("-R requires a rule number"),
            },
            'I' => self.out.number = self.arguments.operand().map_or(Ok(1), |number| rule_number(&number))?,
            'L' | 'S' => {
                if let Some(number) = self.arguments.operand() {
                    self.out.number = rule_number(&number)?;
                }
            }
            'E' => match self.arguments.operand() {
                Some(name) => self.out.new_name = Some(name),
                None => return bad("-E requires old-chain-name and new-chain-name"),
            },
            'P' => match self.arguments.operand() {
                Some(policy) => self.out.policy = Some(policy),
                None => return bad("-P requires a chain and a policy"),
            },
            _ => {}
        }
        Ok(())
    }

    fn help(&mut self, argument: Option<String>) -> Problem {
        if let (true, Some(name)) = (self.matches.is_empty(), self.protocol_name.clone())
            && let Err(problem) = self.load_by_name(&name)
        {
            return problem;
        }
        // The help of an extension named with -m or -j is left out.
        drop(argument);
        Problem::Print(usage::usage(self.reader.tool))
    }

    fn protocol(&mut self, text: &str) -> Result<(), Problem> {
        self.option(given::PROTOCOL)?;
        let text = text.to_ascii_lowercase();
        let number = protocol(&text)?;
        if number == 0 && self.invert {
            return bad("rule would never match protocol");
        }
        (self.out.ip.protocol, self.out.ip.protocol_invert) = (number, self.invert);
        self.protocol_name = Some(text);
        Ok(())
    }

    fn interface(&mut self, letter: char, text: &str) -> Result<(), Problem> {
        if text.is_empty() {
            return bad("Empty interface is likely to be undesired");
        }
        self.option(if letter == 'i' { given::INPUT } else { given::OUTPUT })?;
        let found = interface(text, self.invert, &mut self.out.warnings)?;
        let place = if letter == 'i' { &mut self.out.ip.input } else { &mut self.out.ip.output };
        *place = (!found.matches_all()).then_some(found);
        Ok(())
    }

    fn wait(&mut self, letter: char, argument: Option<String>) -> Result<(), Problem> {
        if self.reader.restore {
            return bad(format!("You cannot use `-{letter}' from iptables-restore"));
        }
        let value = argument.or_else(|| self.arguments.operand());
        let digits = |text: &str| text.trim_start().starts_with(|c: char| c.is_ascii_digit());
        if letter == 'w' {
            self.wait = true;
            let signed = |text: &str| digits(text.trim_start().trim_start_matches(['-', '+']));
            return match value {
                Some(text) if !signed(&text) => bad("wait seconds not numeric"),
                _ => Ok(()),
            };
        }
        match value {
            None => bad("wait interval value required"),
            Some(text) if !digits(&text) => bad("wait interval not numeric"),
            Some(text) => match number::prefix(&text) {
                Some((micros, _)) if micros > 999_999 => {
                    bad(format!("too long usec wait {micros} > 999999 usec"))
                }
                _ => {
                    self.out.warnings.push_str("Ignoring deprecated --wait-interval option.\n");
                    self.wait_interval = true;
                    Ok(())
                }
            },
        }
    }

    /// `-c PACKETS BYTES` or `-c PACKETS,BYTES`.
    fn counters(&mut self, text: &str) -> Result<(), Problem> {
        self.option(given::COUNTERS)?;
        let bytes = match text.char_indices().skip(1).find(|(_, c)| *c == ',') {
            Some((comma, _)) => Some(text[comma + 1..].to_owned()),
            None => self.arguments.operand(),
        };
        let Some(bytes) = bytes else { return bad("-c requires packet and byte counter") };
        let leading = |text: &str| {
            let text = text.trim_start();
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text[..end].parse::<u64>().ok()
        };
        let Some(packets) = leading(text) else { return bad("-c packet counter not numeric") };
        let Some(bytes) = leading(&bytes) else { return bad("-c byte counter not numeric") };
        (self.out.packets, self.out.bytes) = (packets, bytes);
        Ok(())
    }

    /// The checks at the end of the line.
    fn finish(&mut self) -> Result<(), Problem> {
        let drops = self.out.policy.as_deref() == Some("DROP") || self.out.jump == "DROP";
        if self.out.table == "nat" && drops {
            return bad(
                "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n",
            );
        }
        if !self.wait && self.wait_interval {
            return bad("--wait-interval only makes sense with --wait\n");
        }
        for reading in std::mem::take(&mut self.matches) {
            self.out.matches.push(reading.finish()?);
        }
        if let Some(reading) = self.target.take() {
            self.out.target = Some(reading.finish()?);
        }
        if !self.arguments.rest.is_empty() {
            return bad("unknown arguments found on commandline");
        }
        if self.out.command == 0 {
            return bad("no command specified");
        }
        if self.invert {
            return bad("nothing appropriate following !");
        }
        self.addresses()?;
        if self.out.command == command::REPLACE
            && (self.out.sources.len() != 1 || self.out.destinations.len() != 1)
        {
            return bad("Replacement rule does not specify a unique address");
        }
        legal_options(self.out.command, self.out.options)?;
        let Some(chain) = &self.out.chain else { return Ok(()) };
        if chain.len() >= MAX_NAME {
            return bad(format!("chain name `{chain}' too long (must be under {MAX_NAME} chars)"));
        }
        if self.out.command & (command::WITH_RULE | command::DELETE_NUMBER) != 0 {
            let options = self.out.options;
            if matches!(chain.as_str(), "PREROUTING" | "INPUT") && options & given::OUTPUT != 0 {
                return bad(format!("Can't use -o with {chain}\n"));
            }
            if matches!(chain.as_str(), "POSTROUTING" | "OUTPUT") && options & given::INPUT != 0 {
                return bad(format!("Can't use -i with {chain}\n"));
            }
        }
        Ok(())
    }

    fn addresses(&mut self) -> Result<(), Problem> {
        let any = Masked { address: self.family().any(), mask: self.family().mask(0) };
        let with_rule = self.out.command & command::WITH_RULE != 0;
        let (family, names) = (self.family(), self.reader.names);
        let parse = |text: &Option<String>| match text {
            Some(text) => super::address::parse(text, family, names),
            None if with_rule => Ok(vec![any]),
            None => Ok(Vec::new()),
        };
        self.out.sources = parse(&self.source)?;
        self.out.destinations = parse(&self.destination)?;
        self.out.source_invert = self.inverted & given::SOURCE != 0;
        self.out.destination_invert = self.inverted & given::DESTINATION != 0;
        let several = self.out.sources.len() > 1 || self.out.destinations.len() > 1;
        if several && (self.out.source_invert || self.out.destination_invert) {
            return bad("! not allowed with multiple source or destination IP addresses");
        }
        Ok(())
    }
}
