//! The commands a shell is itself, because they change it.
//!
//! Always: `echo`, `printf`, `test`, `kill`, `pwd` say the same as the programs of that name.
//! Source: bash(1), "SHELL BUILTIN COMMANDS".

mod complete;
mod control;
mod declare;
mod directory;
mod history;
mod input;
mod jobs;
mod lookup;
mod mapfile;
mod setting;
mod stack;

pub(in crate::shell) use lookup::KEYWORDS;

use super::quoting::quote_double;
use super::syntax::Dialect;
use super::variables::{Content, Variable};
use super::{Flow, Running, Shell};
use crate::sys::Syscall;

/// An argument, expanded.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Text(String),
    /// `name=value` after `declare`, `local`, `export`, `readonly`.
    Assignment {
        name: String,
        index: Option<String>,
        append: bool,
        value: Given,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Given {
    Scalar(String),
    Array(Vec<(Option<String>, String)>),
}

impl Argument {
    /// As a program would get it.
    pub fn text(&self) -> String {
        match self {
            Argument::Text(text) => text.clone(),
            Argument::Assignment { name, index, append, value } => {
                let index = index.as_ref().map(|index| format!("[{index}]")).unwrap_or_default();
                let sign = if *append { "+=" } else { "=" };
                let value = match value {
                    Given::Scalar(text) => text.clone(),
                    Given::Array(elements) => {
                        let texts: Vec<&str> = elements.iter().map(|(_, text)| text.as_str()).collect();
                        format!("({})", texts.join(" "))
                    }
                };
                format!("{name}{index}{sign}{value}")
            }
        }
    }
}

/// Sorted.
pub(in crate::shell) const NAMES: &[&str] = &[
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
];

/// What bash has and dash has not.
const BASH_ONLY: &[&str] = &[
    "bind",
    "compgen",
    "complete",
    "compopt",
    "builtin",
    "caller",
    "declare",
    "dirs",
    "disown",
    "enable",
    "help",
    "history",
    "let",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "readarray",
    "shopt",
    "source",
    "suspend",
    "typeset",
];

pub(super) fn is_builtin(name: &str, dialect: Dialect) -> bool {
    NAMES.binary_search(&name).is_ok() && (dialect == Dialect::Bash || !BASH_ONLY.contains(&name))
}

/// `-pvV` in any order.
fn is_letters(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|it| !it.is_empty() && it.chars().all(|c| "pvV".contains(c)))
}

/// Can it be a variable's name?
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// As `declare -p` prints it.
pub(super) fn declaration(name: &str, variable: &Variable, with_flags: bool) -> String {
    let flags = variable.flags();
    let flags = if flags.is_empty() { "-".to_owned() } else { flags };
    let pairs = |pairs: Vec<(String, &String)>| -> String {
        pairs
            .iter()
            .map(|(key, value)| format!("[{key}]={}", quote_double(value)))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let value = match &variable.content {
        None => return format!("declare -{flags} {name}"),
        Some(Content::Scalar(text)) => quote_double(text),
        Some(Content::Indexed(elements)) => {
            format!("({})", pairs(elements.iter().map(|(index, text)| (index.to_string(), text)).collect()))
        }
        Some(Content::Associative(elements)) => {
            let keys = variable.keys();
            let known = keys.iter().filter_map(|key| Some((key_text(key), elements.get(key)?))).collect();
            format!("({} )", pairs(known)).replace("( )", "()")
        }
    };
    if with_flags { format!("declare -{flags} {name}={value}") } else { format!("{name}={value}") }
}

/// As `set` lists it.
pub(super) fn plain_listing(name: &str, variable: &Variable) -> String {
    match &variable.content {
        Some(Content::Scalar(text)) => format!("{name}={}", crate::shell::quoting::quote_if_needed(text)),
        _ => declaration(name, variable, false),
    }
}

fn key_text(key: &str) -> String {
    if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        key.to_owned()
    } else {
        quote_double(key)
    }
}

impl Shell {
    /// A builtin that `enable -n` has not taken away.
    pub(super) fn runs_builtin(&self, name: &str) -> bool {
        is_builtin(name, self.dialect) && !self.disabled.contains(name)
    }

    pub(super) fn run_builtin<'a>(&'a mut self, name: &'a str, words: Vec<Argument>) -> Running<'a, Flow> {
        Box::pin(async move {
            if let "declare" | "typeset" | "local" | "export" | "readonly" = name {
                return self.declare(name, words).await;
            }
            let words: Vec<String> = words.iter().map(Argument::text).collect();
            let args = words.get(1..).unwrap_or_default();
            match name {
                "break" | "continue" => return self.break_or_continue(name, args).await,
                "return" => return self.return_builtin(args).await,
                "exit" | "logout" => return self.exit_builtin(name, args).await,
                "eval" => return self.eval(args).await,
                "exec" => return self.exec(args).await,
                "." | "source" => return self.source_file(name, args).await,
                "command" => return self.command_builtin(args).await,
                "builtin" => return self.builtin_builtin(args).await,
                "fc" => return self.fc(args).await,
                "fg" | "bg" => return self.fg_or_bg(name, args).await,
                _ => {}
            }
            self.status = self.plain_builtin(name, args).await;
            Flow::Next
        })
    }

    async fn plain_builtin(&mut self, name: &str, args: &[String]) -> u8 {
        match name {
            ":" | "true" => 0,
            "false" => 1,
            "echo" => self.echo(args).await,
            "printf" => self.printf(args).await,
            "test" | "[" => self.test(name, args).await,
            "cd" => self.cd(args).await,
            "pwd" => self.pwd(args).await,
            "dirs" => self.dirs(args).await,
            "pushd" => self.pushd(args).await,
            "popd" => self.popd(args).await,
            "caller" => self.caller(args).await,
            "unset" => self.unset(args).await,
            "set" => self.set(args).await,
            "shopt" => self.shopt(args).await,
            "shift" => self.shift(args).await,
            "let" => self.let_builtin(args).await,
            "getopts" => self.getopts(args).await,
            "read" => self.read(args).await,
            "mapfile" | "readarray" => self.mapfile(name, args).await,
            "alias" => self.alias(args).await,
            "unalias" => self.unalias(args).await,
            "trap" => self.trap(args).await,
            "umask" => self.umask(args).await,
            "ulimit" => self.ulimit(args).await,
            "hash" => self.hash(args).await,
            "type" => self.type_builtin(args).await,
            "help" => self.help(args).await,
            "history" => self.history_builtin(args).await,
            "times" => {
                self.sys.print("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n").await;
                0
            }
            "enable" => self.enable(args).await,
            "bind" => self.bind(args).await,
            "compgen" => self.compgen(args).await,
            "complete" => self.complete_builtin(args).await,
            "compopt" => self.compopt(args).await,
            "suspend" => self.builtin_error("suspend", "cannot suspend: no job control").await,
            "jobs" => self.jobs_builtin(args).await,
            "disown" => self.disown(args).await,
            "wait" => self.wait(args).await,
            "kill" => self.kill(args).await,
            _ => 127,
        }
    }

    /// An error of a builtin.
    fn builtin_error(&self, name: &str, words: impl AsRef<str>) -> Syscall<u8> {
        self.sys.eprint_then(format!("{}{name}: {}\n", self.prefix(), words.as_ref()), 1)
    }

    async fn usage(&mut self, name: &str, option: &str, usage: &str) -> u8 {
        match self.dialect {
            Dialect::Bash => {
                self.builtin_error(name, format!("{option}: invalid option")).await;
                self.sys.eprint(format!("{name}: usage: {usage}\n")).await;
            }
            Dialect::Dash => drop(self.builtin_error(name, format!("Illegal option {option}")).await),
        }
        2
    }

    /// Writes what a builtin prints; a closed or full stdout is its error.
    async fn put_out(&mut self, name: &str, text: &str) -> u8 {
        match self.sys.write(1, text.as_bytes()).await {
            Ok(()) => 0,
            Err(errno) => self.builtin_error(name, format!("write error: {errno}")).await,
        }
    }

    async fn echo(&mut self, args: &[String]) -> u8 {
        let text = match self.dialect {
            Dialect::Bash => crate::cmd::echo::bash(args),
            Dialect::Dash => crate::cmd::echo::dash(args),
        };
        self.put_out("echo", &text).await
    }

    async fn printf(&mut self, args: &[String]) -> u8 {
        let (into, args) = match args {
            [option, name, rest @ ..] if option == "-v" && self.dialect == Dialect::Bash => {
                (Some(name), rest)
            }
            [dashes, rest @ ..] if dashes == "--" => (None, rest),
            [option, ..] if option.len() > 1 && option.starts_with('-') && self.dialect == Dialect::Bash => {
                let letter: String = option.chars().take(2).collect();
                return self.usage("printf", &letter, "printf [-v var] format [arguments]").await;
            }
            args => (None, args),
        };
        let Some((format, arguments)) = args.split_first() else {
            self.sys.eprint("printf: usage: printf [-v var] format [arguments]\n").await;
            return 2;
        };
        let now = self.realtime;
        let done = crate::cmd::printf::format(format, arguments, now);
        let mut status = u8::from(!done.errors.is_empty());
        match into {
            Some(name) => match name.split_once('[') {
                Some((name, index)) => {
                    let index = index.trim_end_matches(']').to_owned();
                    let name = name.to_owned();
                    status |= u8::from(self.assign_element(&name, &index, done.text, false).await.is_err());
                }
                None => status |= u8::from(self.set_variable(name, done.text).await.is_err()),
            },
            None => status |= self.put_out("printf", &done.text).await,
        }
        for words in done.errors {
            self.builtin_error("printf", words).await;
        }
        status
    }

    async fn test(&mut self, name: &str, args: &[String]) -> u8 {
        let args = match (name, args.split_last()) {
            ("[", Some((last, rest))) if last == "]" => rest,
            ("[", _) => {
                let words = if self.dialect == Dialect::Bash { "missing `]'" } else { "missing ]" };
                self.builtin_error(name, words).await;
                return 2;
            }
            _ => args,
        };
        let mut variables = std::collections::BTreeSet::new();
        for word in args {
            if self.scalar(word).is_some()
                || self.variables.get(word).is_some_and(|it| !it.values().is_empty())
            {
                variables.insert(word.clone());
            }
        }
        match crate::cmd::test::evaluate(&self.sys, args, &variables).await {
            Ok(holds) => u8::from(!holds),
            Err(fault) => {
                let words = if self.dialect == Dialect::Bash { fault.bash() } else { fault.dash() };
                self.builtin_error(name, words).await;
                2
            }
        }
    }

    async fn command_builtin(&mut self, args: &[String]) -> Flow {
        let (mut rest, mut standard) = (args, false);
        let mut verbose = None;
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                letters if is_letters(letters) => {
                    for letter in letters.chars().skip(1) {
                        match letter {
                            'p' => standard = true,
                            letter => verbose = Some(letter == 'V'),
                        }
                    }
                }
                "--" => {
                    rest = more;
                    break;
                }
                option if option.starts_with('-') && option.len() > 1 => {
                    self.status = self.usage("command", option, "command [-pVv] command [arg ...]").await;
                    return Flow::Next;
                }
                _ => break,
            }
            rest = more;
        }
        if let Some(long) = verbose {
            self.status = self.describe_all(rest, long).await;
            return Flow::Next;
        }
        let Some(name) = rest.first() else {
            self.status = 0;
            return Flow::Next;
        };
        if self.runs_builtin(name) {
            let words = rest.iter().cloned().map(Argument::Text).collect();
            return self.run_builtin(name, words).await;
        }
        let search = match standard {
            true => crate::run::DEFAULT_PATH.to_owned(),
            false => self.scalar("PATH").unwrap_or_else(|| crate::run::DEFAULT_PATH.to_owned()),
        };
        self.run_program(rest.to_vec(), &search).await
    }

    /// Runs a program as a foreground job, whatever functions and builtins are called that.
    async fn run_program(&mut self, words: Vec<String>, search: &str) -> Flow {
        let name = words[0].clone();
        let path = match self.locate(&name, search).await {
            Ok(path) => path,
            Err(status) => {
                self.status = status;
                return Flow::Next;
            }
        };
        let source = words.join(" ");
        let environment = self.variables.exported();
        let start = self.start_of(path, words, environment).await;
        match self.sys.spawn(start).await {
            Ok(child) => self.wait_foreground(vec![child], &source).await,
            Err(errno) => {
                self.complain_line(format!("{name}: {errno}")).await;
                self.status = 126;
                Flow::Next
            }
        }
    }

    async fn builtin_builtin(&mut self, args: &[String]) -> Flow {
        let Some(name) = args.first() else {
            self.status = 0;
            return Flow::Next;
        };
        if !is_builtin(name, self.dialect) {
            self.status = self.builtin_error("builtin", format!("{name}: not a shell builtin")).await;
            return Flow::Next;
        }
        self.run_builtin(name, args.iter().cloned().map(Argument::Text).collect()).await
    }
}
