//! `complete`, `compgen`, `compopt`, `bind`: what Tab does, and what it is told.
//!
//! Differs from bash: of `bind`, only `bind 'set VARIABLE VALUE'` for the two variables that change what Tab does.
//! Source: bash(1), "Programmable Completion", "Readline Variables".

use super::Shell;
use crate::shell::completion::Typed;
use crate::shell::completion::spec::{self, Fault, Parsed, SPECIAL};
use crate::shell::quoting::quote_if_needed;
use crate::shell::variables::bucket;

const COMPLETE_USAGE: &str = "complete [-abcdefgjksuv] [-pr] [-DEI] [-o option] [-A action] [-G globpat] \
    [-W wordlist] [-F function] [-C command] [-X filterpat] [-P prefix] [-S suffix] [name ...]";
const COMPGEN_USAGE: &str = "compgen [-abcdefgjksuv] [-o option] [-A action] [-G globpat] [-W wordlist] \
    [-F function] [-C command] [-X filterpat] [-P prefix] [-S suffix] [word]";
const COMPOPT_USAGE: &str = "compopt [-o|+o option] [-DEI] [name ...]";
const BIND_USAGE: &str = "bind [-lpsvPSVX] [-m keymap] [-f filename] [-q name] [-u name] [-r keyseq] \
    [-x keyseq:shell-command] [keyseq:readline-function or readline-command]";

/// Buckets of bash's table of specifications, which `complete` walks.
const BUCKETS: u32 = 512;

impl Shell {
    async fn completion_fault(&mut self, builtin: &str, fault: Fault, usage: &str) -> u8 {
        match fault {
            Fault::Option(words) => {
                self.builtin_error(builtin, words).await;
                self.sys.eprint(format!("{builtin}: usage: {usage}\n")).await;
            }
            Fault::Said(words) => drop(self.builtin_error(builtin, words).await),
        }
        2
    }

    pub(super) async fn complete_builtin(&mut self, args: &[String]) -> u8 {
        let parsed = match spec::parse(args, true) {
            Ok(parsed) => parsed,
            Err(fault) => return self.completion_fault("complete", fault, COMPLETE_USAGE).await,
        };
        let Parsed { spec, print, remove, names } = parsed;
        if remove {
            return self.remove_specs(&names).await;
        }
        if print || args.is_empty() {
            return self.print_specs(names).await;
        }
        if names.is_empty() {
            self.sys.eprint(format!("complete: usage: {COMPLETE_USAGE}\n")).await;
            return 2;
        }
        for name in names {
            self.completions.specs.insert(name, spec.clone());
        }
        0
    }

    async fn remove_specs(&mut self, names: &[String]) -> u8 {
        let mut status = 0;
        if names.is_empty() || self.completions.specs.is_empty() {
            self.completions.specs.clear();
            return 0;
        }
        for name in names {
            if self.completions.specs.remove(name).is_none() {
                status = self.builtin_error("complete", format!("{name}: no completion specification")).await;
            }
        }
        status
    }

    async fn print_specs(&mut self, names: Vec<String>) -> u8 {
        let mut status = 0;
        let names = if names.is_empty() {
            let mut all: Vec<String> = self.completions.specs.keys().cloned().collect();
            all.sort_by_key(|name| bucket(name, BUCKETS));
            all
        } else {
            names
        };
        let mut text = String::new();
        for name in names {
            match self.completions.specs.get(&name) {
                Some(spec) => {
                    let special = SPECIAL.iter().find(|(_, special)| *special == name);
                    let shown =
                        special.map_or_else(|| quote_if_needed(&name), |(letter, _)| format!("-{letter}"));
                    text.push_str(&format!("{}{shown}\n", spec.printed()));
                }
                None => {
                    let words = format!("{name}: no completion specification");
                    status = self.builtin_error("complete", words).await;
                }
            }
        }
        self.put_out("complete", &text).await | status
    }

    pub(super) async fn compgen(&mut self, args: &[String]) -> u8 {
        let parsed = match spec::parse(args, false) {
            Ok(parsed) => parsed,
            Err(fault) => return self.completion_fault("compgen", fault, COMPGEN_USAGE).await,
        };
        for (letter, given) in [('F', &parsed.spec.function), ('C', &parsed.spec.command)] {
            if given.is_some() {
                let words = format!("warning: -{letter} option may not work as you expect");
                self.builtin_error("compgen", words).await;
            }
        }
        let word = parsed.names.into_iter().next().unwrap_or_default();
        let words = ["compgen".to_owned(), word];
        let found = self.generate(&parsed.spec, &Typed { line: "", words: &words }).await.unwrap_or_default();
        let text: String = found.iter().map(|it| format!("{it}\n")).collect();
        self.put_out("compgen", &text).await | u8::from(found.is_empty())
    }

    pub(super) async fn compopt(&mut self, args: &[String]) -> u8 {
        let mut changes = Vec::new();
        let mut words = args.iter();
        let mut names = Vec::new();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-o" | "+o" => match words.next().map(|name| spec::option(name)) {
                    Some(Ok(name)) => changes.push((name, word == "-o")),
                    Some(Err(fault)) => return self.completion_fault("compopt", fault, COMPOPT_USAGE).await,
                    None => {
                        let fault = Fault::Option(format!("{word}: option requires an argument"));
                        return self.completion_fault("compopt", fault, COMPOPT_USAGE).await;
                    }
                },
                option if option.starts_with('-') => {
                    let letter = option.chars().nth(1).unwrap_or('-');
                    match SPECIAL.iter().find(|(known, _)| *known == letter) {
                        Some((_, name)) => names.push((*name).to_owned()),
                        None => return self.usage("compopt", &format!("-{letter}"), COMPOPT_USAGE).await,
                    }
                }
                name => names.push(name.to_owned()),
            }
        }
        let change = |options: &mut std::collections::BTreeSet<&'static str>| {
            for (name, on) in &changes {
                if *on {
                    options.insert(name)
                } else {
                    options.remove(name)
                };
            }
        };
        if names.is_empty() {
            match &mut self.completions.making {
                Some(options) => change(options),
                None => {
                    return self
                        .builtin_error("compopt", "not currently executing completion function")
                        .await;
                }
            }
            return 0;
        }
        let mut status = 0;
        for name in names {
            match self.completions.specs.get_mut(&name) {
                Some(spec) => change(&mut spec.options),
                None => {
                    let words = format!("{name}: no completion specification");
                    status = self.builtin_error("compopt", words).await;
                }
            }
        }
        status
    }

    pub(super) async fn bind(&mut self, args: &[String]) -> u8 {
        if !self.interactive {
            self.builtin_error("bind", "warning: line editing not enabled").await;
        }
        for arg in args {
            let words: Vec<&str> = arg.split_whitespace().collect();
            let on = |value: &str| value.eq_ignore_ascii_case("on") || value == "1";
            match words[..] {
                ["set", "completion-ignore-case", value] => self.completions.ignore_case = on(value),
                ["set", "show-all-if-ambiguous" | "show-all-if-unmodified", value] => {
                    self.completions.all_at_once = on(value);
                }
                [option, ..]
                    if option.starts_with('-')
                        && option.chars().nth(1).is_some_and(|letter| !"lpsvPSVXmfqurx".contains(letter)) =>
                {
                    let letter: String = option.chars().take(2).collect();
                    return self.usage("bind", &letter, BIND_USAGE).await;
                }
                _ => return self.builtin_error("bind", format!("{arg}: not simulated in vethlab")).await,
            }
        }
        0
    }
}
