//! `type`, `command -v`, `hash`, `help`, `enable`.

use super::{NAMES, Shell, is_builtin};
use crate::run::DEFAULT_PATH;
use crate::shell::quoting::quote;
use crate::shell::syntax::Dialect;
use crate::shell::syntax::print::function;

pub(in crate::shell) const KEYWORDS: &[&str] = &[
    "!", "[[", "]]", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while", "{", "}",
];

/// POSIX's special builtins.
const SPECIAL: &[&str] = &[
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift",
    "source", "times", "trap", "unset",
];

impl Shell {
    pub(super) async fn type_builtin(&mut self, args: &[String]) -> u8 {
        let (mut short, mut all, mut path, mut force) = (false, false, false, false);
        let mut names = Vec::new();
        for arg in args {
            match arg.strip_prefix('-').filter(|letters| !letters.is_empty() && names.is_empty()) {
                Some(letters) if self.dialect == Dialect::Bash => {
                    for letter in letters.chars() {
                        match letter {
                            't' => short = true,
                            'a' => all = true,
                            'p' => path = true,
                            'P' => force = true,
                            'f' => {}
                            letter => {
                                return self
                                    .usage("type", &format!("-{letter}"), "type [-afptP] name [name ...]")
                                    .await;
                            }
                        }
                    }
                }
                _ => names.push(arg.clone()),
            }
        }
        let (mut text, mut status) = (String::new(), 0);
        for name in names {
            let kinds = self.kinds(&name, all || force).await;
            let kinds: Vec<_> =
                kinds.into_iter().filter(|kind| !force || matches!(kind, Known::File(..))).collect();
            if kinds.is_empty() {
                status = 1;
                if !(short || path || force) {
                    match self.dialect {
                        Dialect::Bash => drop(self.builtin_error("type", format!("{name}: not found")).await),
                        Dialect::Dash => {
                            self.sys.print(format!("{name}: not found\n")).await;
                            status = 127;
                        }
                    }
                }
            }
            for kind in kinds.iter().take(if all { usize::MAX } else { 1 }) {
                text.push_str(&match (short, path || force, kind) {
                    (true, _, kind) => format!("{}\n", kind.word()),
                    (_, true, Known::File(path, _)) => format!("{path}\n"),
                    (_, true, _) => continue,
                    _ => self.sentence(&name, kind),
                });
            }
        }
        self.put_out("type", &text).await | status
    }

    fn sentence(&self, name: &str, kind: &Known) -> String {
        match (kind, self.dialect) {
            (Known::Alias(value), Dialect::Bash) => format!("{name} is aliased to `{value}'\n"),
            (Known::Alias(value), Dialect::Dash) => format!("{name} is an alias for {value}\n"),
            (Known::Keyword, _) => format!("{name} is a shell keyword\n"),
            (Known::Function, Dialect::Bash) => {
                let text = self.functions.get(name).map(|it| function(name, &it.body)).unwrap_or_default();
                format!("{name} is a function\n{text}\n")
            }
            (Known::Function, Dialect::Dash) => format!("{name} is a shell function\n"),
            (Known::Builtin, Dialect::Dash)
                if [":", ".", "eval", "exec", "exit", "export", "set"].contains(&name) =>
            {
                format!("{name} is a special shell builtin\n")
            }
            (Known::Builtin, _) => format!("{name} is a shell builtin\n"),
            (Known::File(path, true), Dialect::Bash) => format!("{name} is hashed ({path})\n"),
            (Known::File(path, _), _) => format!("{name} is {path}\n"),
        }
    }

    /// What a command word may stand for, the first that counts first.
    async fn kinds(&mut self, name: &str, all: bool) -> Vec<Known> {
        let mut kinds = Vec::new();
        if let Some(value) = self.aliases_in_use().get(name) {
            kinds.push(Known::Alias(value.clone()));
        }
        if KEYWORDS.contains(&name) {
            kinds.push(Known::Keyword);
        }
        if self.functions.contains_key(name) {
            kinds.push(Known::Function);
        }
        if self.runs_builtin(name) {
            kinds.push(Known::Builtin);
        }
        if !kinds.is_empty() && !all {
            return kinds;
        }
        if let Some((path, _)) = self.hashed.get(name).filter(|_| !all) {
            kinds.push(Known::File(path.clone(), true));
            return kinds;
        }
        let search = self.scalar("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
        let places: Vec<String> =
            if all { search.split(':').map(str::to_owned).collect() } else { vec![search] };
        for place in places {
            if let Ok(path) = self.find(name, &place).await {
                let known = Known::File(path, false);
                if !kinds.contains(&known) {
                    kinds.push(known);
                }
            }
        }
        kinds
    }

    /// `command -v` and `command -V`.
    pub(super) async fn describe_all(&mut self, names: &[String], long: bool) -> u8 {
        let (mut status, mut found) = (0, false);
        for name in names {
            let kinds = self.kinds(name, false).await;
            let Some(kind) = kinds.first() else {
                status = if self.dialect == Dialect::Dash { 127 } else { 1 };
                if long {
                    self.builtin_error("command", format!("{name}: not found")).await;
                }
                continue;
            };
            let text = match (long, kind) {
                (true, kind) => self.sentence(name, kind),
                (false, Known::Alias(value)) => format!("alias {name}={}\n", quote(value)),
                (false, Known::File(path, _)) => format!("{path}\n"),
                (false, _) => format!("{name}\n"),
            };
            found = true;
            status |= self.put_out("command", &text).await;
        }
        // bash is content with one that it knows.
        if found && self.dialect == Dialect::Bash { 0 } else { status }
    }

    pub(super) async fn hash(&mut self, args: &[String]) -> u8 {
        match args.first().map(String::as_str) {
            None if self.hashed.is_empty() => {
                if self.dialect == Dialect::Bash {
                    self.sys.print("hash: hash table empty\n").await;
                }
                0
            }
            None => {
                let mut text = "hits\tcommand\n".to_owned();
                for (path, hits) in self.hashed.values() {
                    text.push_str(&format!("{hits:>4}\t{path}\n"));
                }
                self.put_out("hash", &text).await
            }
            Some("-l") => {
                let row =
                    |(name, (path, _)): (&String, &(String, u32))| format!("builtin hash -p {path} {name}\n");
                let text: String = self.hashed.iter().map(row).collect();
                self.put_out("hash", &text).await
            }
            Some("-p") if args.len() > 2 => {
                for name in &args[2..] {
                    self.hashed.insert(name.clone(), (args[1].clone(), 0));
                }
                0
            }
            Some(option @ ("-d" | "-t")) => {
                let mut status = 0;
                for name in &args[1..] {
                    match (self.hashed.get(name), option) {
                        (None, _) => {
                            status = self.builtin_error("hash", format!("{name}: not found")).await;
                        }
                        (Some(_), "-d") => drop(self.hashed.remove(name)),
                        (Some((path, _)), _) => self.sys.print(format!("{path}\n")).await,
                    }
                }
                status
            }
            Some("-r") => {
                self.hashed.clear();
                0
            }
            Some(_) => {
                let mut status = 0;
                let search = self.scalar("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
                for name in args.iter().filter(|arg| !arg.starts_with('-')) {
                    match self.find(name, &search).await {
                        Ok(path) => drop(self.hashed.insert(name.clone(), (path, 0))),
                        Err(_) => status = self.builtin_error("hash", format!("{name}: not found")).await,
                    }
                }
                status
            }
        }
    }

    /// `enable [-n] [name …]`
    pub(super) async fn enable(&mut self, args: &[String]) -> u8 {
        let (mut off, mut all, mut special) = (false, false, false);
        let mut rest = args;
        while let Some((first, more)) = rest.split_first().filter(|(first, _)| first.starts_with('-')) {
            for letter in first.chars().skip(1) {
                match letter {
                    'n' => off = true,
                    'a' => all = true,
                    's' => special = true,
                    'p' => {}
                    'd' | 'f' => {
                        let words = format!("-{letter}: not simulated in vethlab");
                        return self.builtin_error("enable", words).await;
                    }
                    letter => {
                        let usage = "enable [-a] [-dnps] [-f filename] [name ...]";
                        return self.usage("enable", &format!("-{letter}"), usage).await;
                    }
                }
            }
            rest = more;
        }
        if rest.is_empty() {
            let mut text = String::new();
            for name in NAMES.iter().filter(|name| !special || SPECIAL.contains(name)) {
                match (self.disabled.contains(*name), off || all) {
                    (true, true) => text.push_str(&format!("enable -n {name}\n")),
                    (false, _) if !off => text.push_str(&format!("enable {name}\n")),
                    _ => {}
                }
            }
            return self.put_out("enable", &text).await;
        }
        let mut status = 0;
        for name in rest {
            match (is_builtin(name, self.dialect), off) {
                (false, _) => {
                    status = self.builtin_error("enable", format!("{name}: not a shell builtin")).await;
                }
                (true, true) => drop(self.disabled.insert(name.clone())),
                (true, false) => drop(self.disabled.remove(name)),
            }
        }
        status
    }

    pub(super) async fn help(&mut self, args: &[String]) -> u8 {
        if let Some(name) = args.first() {
            if let Some(text) = crate::cmd::manual(name) {
                return self.put_out("help", &text).await;
            }
            if is_builtin(name, self.dialect) {
                return self.put_out("help", &format!("{name}: a shell builtin; see bash(1)\n")).await;
            }
            let words = format!(
                "no help topics match `{name}'.  Try `help help' or `man -k {name}' or `info {name}'."
            );
            return self.builtin_error("help", words).await;
        }
        let mut text = "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu), simulated by vethlab\n\
                        Builtins of the shell:\n"
            .to_owned();
        text.push_str(&columns(NAMES));
        text.push_str("\nPrograms (`man NAME' says what each does here):\n");
        let names: Vec<&str> =
            self.sys.ask(|system, _| system.commands().map(|command| command.name).collect()).await;
        text.push_str(&columns(&names));
        self.put_out("help", &text).await
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Alias(String),
    Keyword,
    Function,
    Builtin,
    /// Its path, and whether the shell has it in its hash table.
    File(String, bool),
}

impl Known {
    /// `type -t`
    fn word(&self) -> &'static str {
        match self {
            Known::Alias(_) => "alias",
            Known::Keyword => "keyword",
            Known::Function => "function",
            Known::Builtin => "builtin",
            Known::File(..) => "file",
        }
    }
}

fn columns(names: &[&str]) -> String {
    let mut text = String::new();
    for row in names.chunks(6) {
        let row: Vec<String> = row.iter().map(|name| format!("{name:<12}")).collect();
        text.push_str(&format!(" {}\n", row.join(" ").trim_end()));
    }
    text
}
