//! Flags and words of a command line, as pflag and cobra read them.
//!
//! Always: an unknown flag is an error in cobra's words. Source: spf13/pflag, spf13/cobra.

use super::command::{Command, Flag, Takes, globals};
use super::fault::Fault;

#[derive(Clone, Debug)]
pub struct Flags {
    /// `kubectl create deployment`, for errors.
    pub path: String,
    pub words: Vec<String>,
    /// Words after `--`.
    pub after: Vec<String>,
    pub has_dashes: bool,
    set: Vec<(&'static str, String)>,
}

impl Flags {
    pub fn parse(command: &'static Command, words: &[String]) -> Result<Flags, Fault> {
        let mut flags = Flags {
            path: format!("kubectl {}", command.path),
            words: Vec::new(),
            after: Vec::new(),
            has_dashes: false,
            set: Vec::new(),
        };
        let all: Vec<Flag> = command.flags.iter().chain(globals()).copied().collect();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                flags.has_dashes = true;
                flags.after = rest.by_ref().cloned().collect();
            } else if let Some(long) = word.strip_prefix("--") {
                flags.long(&all, long, &mut rest)?;
            } else if word.len() > 1 && word.starts_with('-') {
                flags.shorts(&all, &word[1..], &mut rest)?;
            } else {
                flags.words.push(word.clone());
            }
        }
        // `config set-credentials` notes them, and nothing more.
        let notes = command.path.starts_with("config set");
        let lacking = |it: &&Flag| it.is_lacking && flags.has(it.long);
        match all
            .iter()
            .filter(|it| !notes || command.flags.iter().any(|own| own.long == it.long))
            .find(lacking)
        {
            Some(flag) => {
                let name = flag.long;
                Err(Fault::Plain(format!(
                    "--{name}: not simulated in vethlab; use {} without it",
                    flags.path
                )))
            }
            None => Ok(flags),
        }
    }

    fn wrong(&self, text: String) -> Fault {
        Fault::Plain(format!("{text}\nSee '{} --help' for usage.", self.path))
    }

    fn long<'a>(
        &mut self,
        all: &[Flag],
        word: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Fault> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let Some(flag) = all.iter().find(|it| it.long == name) else {
            return Err(self.wrong(format!("unknown flag: --{name}")));
        };
        let value = match (value, flag.takes) {
            (Some(value), Takes::Nothing) => self.truth(flag, value)?,
            (Some(value), _) => value.to_owned(),
            (None, Takes::Nothing) => "true".to_owned(),
            (None, Takes::Perhaps) => "unchanged".to_owned(),
            (None, Takes::Value) => {
                let missing = || self.wrong(format!("flag needs an argument: --{name}"));
                rest.next().cloned().ok_or_else(missing)?
            }
        };
        self.set.push((flag.long, value));
        Ok(())
    }

    fn truth(&self, flag: &Flag, value: &str) -> Result<String, Fault> {
        match value {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok("true".to_owned()),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok("false".to_owned()),
            _ => {
                let name =
                    flag.short.map_or(format!("--{}", flag.long), |it| format!("-{it}, --{}", flag.long));
                let why = format!("strconv.ParseBool: parsing \"{value}\": invalid syntax");
                Err(self.wrong(format!("invalid argument \"{value}\" for \"{name}\" flag: {why}")))
            }
        }
    }

    fn shorts<'a>(
        &mut self,
        all: &[Flag],
        letters: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Fault> {
        for (at, letter) in letters.char_indices() {
            let Some(flag) = all.iter().find(|it| it.short == Some(letter)) else {
                return Err(self.wrong(format!("unknown shorthand flag: '{letter}' in -{}", &letters[at..])));
            };
            let tail = &letters[at + letter.len_utf8()..];
            if flag.takes == Takes::Nothing {
                if let Some(value) = tail.strip_prefix('=') {
                    let value = self.truth(flag, value)?;
                    self.set.push((flag.long, value));
                    return Ok(());
                }
                self.set.push((flag.long, "true".to_owned()));
                continue;
            }
            let value = match tail.strip_prefix('=').unwrap_or(tail) {
                "" => rest.next().cloned(),
                value => Some(value.to_owned()),
            };
            let missing = || self.wrong(format!("flag needs an argument: '{letter}' in -{letters}"));
            self.set.push((flag.long, value.ok_or_else(missing)?));
            return Ok(());
        }
        Ok(())
    }

    /// The last value given; empty if none was.
    pub fn get(&self, name: &str) -> &str {
        self.set.iter().rev().find(|(its, _)| *its == name).map_or("", |(_, value)| value)
    }

    /// The last value given, or what it is by default.
    pub fn or<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        if self.has(name) { self.get(name) } else { default }
    }

    pub fn has(&self, name: &str) -> bool {
        self.set.iter().any(|(its, _)| *its == name)
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == "true"
    }

    /// Every value given, split at commas.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.each(name).flat_map(|value| value.split(',').map(str::to_owned)).collect()
    }

    /// Every value given, whole.
    pub fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.set.iter().filter(move |(its, _)| *its == name).map(|(_, value)| value.as_str())
    }

    /// A whole number, where one was given.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Fault> {
        if !self.has(name) {
            return Ok(None);
        }
        let text = self.get(name);
        text.parse().map(Some).map_err(|_| {
            let why = format!("strconv.ParseInt: parsing \"{text}\": invalid syntax");
            self.wrong(format!("invalid argument \"{text}\" for \"--{name}\" flag: {why}"))
        })
    }

    /// A mistake in how the command is used.
    pub fn usage(&self, text: impl std::fmt::Display) -> Fault {
        Fault::Plain(format!("{text}\nSee '{} -h' for help and examples", self.path))
    }

    /// The flags that must be there.
    pub fn require(&self, names: &[&str]) -> Result<(), Fault> {
        let missing: Vec<String> =
            names.iter().filter(|it| !self.has(it)).map(|it| format!("\"{it}\"")).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Fault::Plain(format!("required flag(s) {} not set", missing.join(", "))))
    }

    /// The one NAME of a generator.
    pub fn name(&self) -> Result<&str, Fault> {
        match &self.words[..] {
            [name] => Ok(name),
            words => Err(self.usage(format!("exactly one NAME is required, got {}", words.len()))),
        }
    }

    /// ``, `client` or `server`.
    pub fn dry_run(&self) -> Result<&'static str, Fault> {
        match self.get("dry-run") {
            "" | "none" => Ok(""),
            "client" => Ok("client"),
            "server" => Ok("server"),
            "unchanged" => Err(Fault::plain(
                "dry-run flag without a value was specified. A value must be set: \"none\", \"server\", or \"client\".",
            )),
            other => Err(Fault::Plain(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }
}
