//! What `complete` says of a command: where the words come from that may stand at the cursor.
//!
//! Always: printed by `complete -p`, a specification reads as the line that makes it again.
//! Source: bash(1), "Programmable Completion".

use crate::shell::quoting::quote;
use std::collections::BTreeSet;

/// `-o`, in the order in which `complete -p` prints them.
const OPTIONS: &[&str] =
    &["bashdefault", "default", "dirnames", "filenames", "noquote", "nosort", "nospace", "plusdirs"];

/// `-A`, each with its letter where it has one, in the order in which `complete -p` prints them.
const ACTIONS: &[(&str, Option<char>)] = &[
    ("alias", Some('a')),
    ("builtin", Some('b')),
    ("command", Some('c')),
    ("directory", Some('d')),
    ("export", Some('e')),
    ("file", Some('f')),
    ("group", Some('g')),
    ("job", Some('j')),
    ("keyword", Some('k')),
    ("service", Some('s')),
    ("user", Some('u')),
    ("variable", Some('v')),
    ("arrayvar", None),
    ("binding", None),
    ("disabled", None),
    ("enabled", None),
    ("function", None),
    ("helptopic", None),
    ("hostname", None),
    ("running", None),
    ("setopt", None),
    ("shopt", None),
    ("signal", None),
    ("stopped", None),
];

/// Actions that the real shell has and this one has not.
const MISSING: &[&str] = &["binding", "job", "running", "service", "stopped"];

/// Which commands a specification is for, when it is not named ones.
pub const SPECIAL: [(char, &str); 3] = [('D', "_DefaultCmD_"), ('E', "_EmptycmD_"), ('I', "_InitialWorD_")];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    pub options: BTreeSet<&'static str>,
    pub actions: BTreeSet<&'static str>,
    pub glob: Option<String>,
    pub words: Option<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub filter: Option<String>,
    pub command: Option<String>,
    pub function: Option<String>,
}

/// A command line of `complete` or `compgen`, taken apart.
#[derive(Debug, Default)]
pub struct Parsed {
    pub spec: Spec,
    pub print: bool,
    pub remove: bool,
    pub names: Vec<String>,
}

/// What is wrong with one.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// The option; the usage line follows.
    Option(String),
    /// The words are all there is.
    Said(String),
}

pub fn option(name: &str) -> Result<&'static str, Fault> {
    let known = OPTIONS.iter().find(|known| **known == name).copied();
    known.ok_or_else(|| Fault::Said(format!("{name}: invalid option name")))
}

fn action(name: &str) -> Result<&'static str, Fault> {
    if MISSING.contains(&name) {
        return Err(Fault::Said(format!("-A {name}: not simulated in vethlab")));
    }
    let known = ACTIONS.iter().find(|(known, _)| *known == name);
    known.map(|known| known.0).ok_or_else(|| Fault::Said(format!("{name}: invalid action name")))
}

impl Spec {
    fn set(&mut self, letter: char, value: String) -> Result<(), Fault> {
        match letter {
            'o' => drop(self.options.insert(option(&value)?)),
            'A' => drop(self.actions.insert(action(&value)?)),
            'G' => self.glob = Some(value),
            'W' => self.words = Some(value),
            'P' => self.prefix = Some(value),
            'S' => self.suffix = Some(value),
            'X' => self.filter = Some(value),
            'C' => self.command = Some(value),
            _ => self.function = Some(value),
        }
        Ok(())
    }

    /// The line that makes it, without its name.
    pub fn printed(&self) -> String {
        let mut text = "complete ".to_owned();
        for name in OPTIONS.iter().filter(|name| self.options.contains(*name)) {
            text.push_str(&format!("-o {name} "));
        }
        for (name, letter) in ACTIONS.iter().filter(|(name, _)| self.actions.contains(name)) {
            text.push_str(&letter.map_or_else(|| format!("-A {name} "), |letter| format!("-{letter} ")));
        }
        let quoted = [
            ('G', &self.glob),
            ('W', &self.words),
            ('P', &self.prefix),
            ('S', &self.suffix),
            ('X', &self.filter),
            ('C', &self.command),
        ];
        for (letter, value) in quoted {
            if let Some(value) = value {
                text.push_str(&format!("-{letter} {} ", quote(value)));
            }
        }
        if let Some(function) = &self.function {
            text.push_str(&format!("-F {function} "));
        }
        text
    }
}

/// Reads the options of `complete` (which has `-p`, `-r`, `-D`, `-E` and `-I`) or of `compgen`.
pub fn parse(args: &[String], complete: bool) -> Result<Parsed, Fault> {
    let mut parsed = Parsed::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            parsed.names.push(word.clone());
            break;
        };
        if letters == "-" {
            break;
        }
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let short = ACTIONS.iter().find(|(_, short)| *short == Some(letter));
            match (letter, short) {
                (_, Some((name, _))) => drop(parsed.spec.actions.insert(action(name)?)),
                ('o' | 'A' | 'G' | 'W' | 'P' | 'S' | 'X' | 'C' | 'F', _) => {
                    let together = std::mem::replace(&mut rest, "".chars()).as_str().to_owned();
                    let value = if together.is_empty() { words.next().cloned() } else { Some(together) };
                    let missing = || Fault::Option(format!("-{letter}: option requires an argument"));
                    parsed.spec.set(letter, value.ok_or_else(missing)?)?;
                }
                ('p', _) if complete => parsed.print = true,
                ('r', _) if complete => parsed.remove = true,
                ('D' | 'E' | 'I', _) if complete => {
                    let special = SPECIAL.iter().find(|(known, _)| *known == letter);
                    parsed.names.extend(special.map(|(_, name)| (*name).to_owned()));
                }
                _ => return Err(Fault::Option(format!("-{letter}: invalid option"))),
            }
        }
    }
    parsed.names.extend(words.cloned());
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Parsed, Fault> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&words, true)
    }

    #[test]
    fn what_is_printed_makes_the_same_again() {
        for line in
            ["-o default -F f kubectl", "-W x -S y a", "-A hostname ssh", "-c -X *.o cc", "-C x -P y z"]
        {
            let parsed = of(line).expect("a right line");
            let printed = parsed.spec.printed().replace('\'', "");
            let again = of(&format!("{}{}", printed.trim_start_matches("complete "), parsed.names[0]));
            assert_eq!(again.expect("a right line").spec, parsed.spec, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(of("-Z a").expect_err("a wrong line"), Fault::Option("-Z: invalid option".to_owned()));
        assert_eq!(
            of("-F").expect_err("a wrong line"),
            Fault::Option("-F: option requires an argument".to_owned())
        );
        assert_eq!(
            of("-A frob a").expect_err("a wrong line"),
            Fault::Said("frob: invalid action name".to_owned())
        );
        assert_eq!(
            of("-o frob a").expect_err("a wrong line"),
            Fault::Said("frob: invalid option name".to_owned())
        );
    }
}
