//! Starting a shell: its options, and where its commands come from.
//!
//! Source: bash(1), "OPTIONS", "INVOCATION"; dash(1).

use super::option::Options;
use super::random::Random;
use super::syntax::Dialect;
use super::variables::{Content, Variable};
use super::{Flow, Shell};
use crate::cmd::{Args, Exit};
use crate::process::{Process, ProcessId};
use crate::sys::Sys;
use crate::system::System;
use net::Errno;
use sim::{Instant, Rng};
use std::collections::BTreeMap;
use std::time::Duration;

const VERSION: &str = "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)
Copyright (C) 2022 Free Software Foundation, Inc.
License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>

This is free software; you are free to change and redistribute it.
There is NO WARRANTY, to the extent permitted by law.
";

pub async fn bash(sys: Sys, args: Args) -> Exit {
    run(sys, args, Dialect::Bash).await
}

pub async fn sh(sys: Sys, args: Args) -> Exit {
    run(sys, args, Dialect::Dash).await
}

/// What the command line asks for.
#[derive(Default)]
struct Wanted {
    command: bool,
    interactive: bool,
    login: bool,
    stdin: bool,
    /// `--norc`, `--noprofile`
    no_rc: bool,
    no_profile: bool,
    /// `-e`, `+x`, `-o pipefail`.
    letters: Vec<(bool, char)>,
    names: Vec<(bool, String)>,
    shopt: Vec<(bool, String)>,
    rest: Vec<String>,
}

async fn run(sys: Sys, args: Args, dialect: Dialect) -> Exit {
    let wanted = match options(&sys, &args, dialect).await {
        Ok(wanted) => wanted,
        Err(exit) => return exit,
    };
    let terminal = sys.is_tty(0).await && sys.is_tty(2).await;
    let reads_stdin = !wanted.command && (wanted.rest.is_empty() || wanted.stdin);
    let interactive = wanted.interactive || (reads_stdin && terminal);
    let mut shell = Shell::new(sys, &args, dialect, interactive).await;
    if let Err(exit) = shell.apply(&wanted).await {
        return exit;
    }
    shell.login = args.name().starts_with('-') || wanted.login;
    let startup = if shell.login { !wanted.no_profile } else { !wanted.no_rc };
    let mut rest = wanted.rest.into_iter();
    if wanted.command {
        let Some(text) = rest.next() else {
            let words = if dialect == Dialect::Bash {
                "-c: option requires an argument"
            } else {
                "0: -c requires an argument"
            };
            shell.sys.eprint(format!("{}: {words}\n", args.name())).await;
            return Exit(2);
        };
        if let Some(name) = rest.next() {
            shell.name.clone_from(&name);
            shell.source = name;
        }
        shell.positional = rest.collect();
        shell.command_string = true;
        if shell.login && startup {
            shell.read_profile().await;
        }
        let flow = shell.run_text(&text, "-c: ").await;
        return shell.finish(flow).await;
    }
    if reads_stdin {
        shell.positional = rest.collect();
        shell.stdin_script = true;
        return match interactive {
            true => shell.interact(startup).await,
            false => shell.run_stdin().await,
        };
    }
    let Some(path) = rest.next() else { return Exit::FAILURE };
    shell.positional = rest.collect();
    shell.run_script(path).await
}

async fn options(sys: &Sys, args: &Args, dialect: Dialect) -> Result<Wanted, Exit> {
    let mut wanted = Wanted::default();
    let mut words = args.rest().iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" | "-" => break,
            "--version" if dialect == Dialect::Bash => {
                sys.print(VERSION).await;
                return Err(Exit::OK);
            }
            "--help" if dialect == Dialect::Bash => {
                let usage = "Usage:\tbash [GNU long option] [option] ...\n\tbash [GNU long option] [option] script-file ...\n";
                sys.print(format!("GNU bash, version 5.2.15(1)-release-(x86_64-pc-linux-gnu)\n{usage}"))
                    .await;
                return Err(Exit::OK);
            }
            "--login" => wanted.login = true,
            "--norc" => wanted.no_rc = true,
            "--noprofile" => wanted.no_profile = true,
            "--posix" => wanted.names.push((true, "posix".to_owned())),
            long if long.starts_with("--") && dialect == Dialect::Bash => {
                sys.eprint(format!("{}: {long}: invalid option\n", args.name())).await;
                return Err(Exit(2));
            }
            letters if letters.len() > 1 && letters.starts_with(['-', '+']) => {
                let on = letters.starts_with('-');
                for letter in letters.chars().skip(1) {
                    match letter {
                        'c' if on => wanted.command = true,
                        'i' if on => wanted.interactive = true,
                        'l' if on => wanted.login = true,
                        's' if on => wanted.stdin = true,
                        'o' => wanted.names.push((on, words.next().cloned().unwrap_or_default())),
                        'O' => wanted.shopt.push((on, words.next().cloned().unwrap_or_default())),
                        letter => wanted.letters.push((on, letter)),
                    }
                }
            }
            word => {
                wanted.rest.push(word.to_owned());
                break;
            }
        }
    }
    wanted.rest.extend(words.cloned());
    Ok(wanted)
}

/// What a new shell finds.
struct Surroundings {
    pid: u32,
    environment: BTreeMap<String, String>,
    clock: Instant,
    realtime: Duration,
    parent: u32,
    uid: u32,
    host: String,
    seed: u64,
}

impl Surroundings {
    fn of(system: &System, id: ProcessId) -> Surroundings {
        let process = system.process(id);
        let parent = process.parent.and_then(|parent| system.find_process(parent));
        Surroundings {
            pid: process.own_pid(),
            environment: process.environment.clone(),
            clock: system.now(),
            realtime: system.realtime(system.now()),
            parent: parent.map_or(1, Process::own_pid),
            uid: process.uid,
            host: system.hostname(process).to_owned(),
            seed: system.seed() ^ u64::from(id.0),
        }
    }
}

impl Shell {
    async fn new(sys: Sys, args: &Args, dialect: Dialect, interactive: bool) -> Shell {
        let Surroundings { pid, environment, clock, realtime, parent, uid, host, seed } =
            sys.ask(|system, id| Surroundings::of(system, id)).await;
        let mut shell = Shell {
            sys,
            dialect,
            name: args.name().to_owned(),
            source: args.name().to_owned(),
            interactive,
            login: false,
            command_string: false,
            stdin_script: false,
            warned_of_jobs: false,
            numbered: !interactive,
            positional: Vec::new(),
            variables: Default::default(),
            functions: BTreeMap::new(),
            aliases: Default::default(),
            options: Options::new(interactive),
            traps: Default::default(),
            jobs: Default::default(),
            hashed: BTreeMap::new(),
            history: Vec::new(),
            completions: Default::default(),
            status: 0,
            pipe_status: vec![0],
            substituted: None,
            last_background: None,
            line: 1,
            pid,
            own_pid: pid,
            subshell: 0,
            indirection: 0,
            loops: 0,
            calls: 0,
            conditions: 0,
            frames: Vec::new(),
            command_text: String::new(),
            last_argument: args.name().to_owned(),
            negated_condition: false,
            directories: Vec::new(),
            disabled: Default::default(),
            seconds: 0,
            nesting: 0,
            process_fds: Vec::new(),
            environment_changed: false,
            signalled: Vec::new(),
            interrupted: false,
            getopts: (0, 0),
            random: Random::new(Rng::stream(seed, "RANDOM")),
            started: clock,
            clock,
            realtime,
        };
        shell.import(environment).await;
        shell.set_up_variables(parent, uid, &host);
        shell
    }

    async fn import(&mut self, environment: BTreeMap<String, String>) {
        for (name, value) in environment {
            if super::builtin::is_name(&name) {
                *self.variables.entry(&name) = Variable { exported: true, ..Variable::scalar(value) };
            }
        }
    }

    fn set_up_variables(&mut self, parent: u32, uid: u32, host: &str) {
        let mut default = |name: &str, value: &str| {
            if self.variables.get(name).is_none() {
                *self.variables.entry(name) = Variable::scalar(value);
            }
        };
        default("PATH", crate::run::DEFAULT_PATH);
        default("PS4", "+ ");
        default("OPTIND", "1");
        let mut set = |name: &str, value: String| *self.variables.entry(name) = Variable::scalar(value);
        set("IFS", " \t\n".to_owned());
        if self.dialect == Dialect::Bash {
            set("BASH", "/bin/bash".to_owned());
            set("BASH_VERSION", "5.2.15(1)-release".to_owned());
            set("HOSTNAME", host.to_owned());
            set("HOSTTYPE", "x86_64".to_owned());
            set("MACHTYPE", "x86_64-pc-linux-gnu".to_owned());
            set("OSTYPE", "linux-gnu".to_owned());
            set("OPTERR", "1".to_owned());
            let version = ["5", "2", "15", "1", "release", "x86_64-pc-linux-gnu"];
            let version = version.iter().enumerate().map(|(at, text)| (at as u64, (*text).to_owned()));
            let content = Some(Content::Indexed(version.collect()));
            *self.variables.entry("BASH_VERSINFO") =
                Variable { content, readonly: true, ..Variable::default() };
            for (name, value) in [("UID", uid), ("EUID", uid), ("PPID", parent)] {
                let variable =
                    Variable { readonly: true, integer: true, ..Variable::scalar(value.to_string()) };
                *self.variables.entry(name) = variable;
            }
            let level = self
                .variables
                .get("SHLVL")
                .and_then(Variable::value)
                .and_then(|text| text.parse::<i64>().ok());
            let level = level.unwrap_or(0).saturating_add(1).max(0).to_string();
            *self.variables.entry("SHLVL") = Variable { exported: true, ..Variable::scalar(level) };
        }
        if self.dialect == Dialect::Bash && self.variables.get("OLDPWD").is_none() {
            self.variables.entry("OLDPWD").exported = true;
        }
        self.environment_changed = true;
    }

    async fn apply(&mut self, wanted: &Wanted) -> Result<(), Exit> {
        for (on, letter) in &wanted.letters {
            match self.options.by_letter(*letter) {
                Some(option) => *option = *on,
                None => {
                    let words = match self.dialect {
                        Dialect::Bash => format!("{}: -{letter}: invalid option\n", self.name),
                        Dialect::Dash => format!("{}: 0: Illegal option -{letter}\n", self.name),
                    };
                    self.sys.eprint(words).await;
                    return Err(Exit(2));
                }
            }
        }
        let all = wanted.names.iter().map(|it| (it, false)).chain(wanted.shopt.iter().map(|it| (it, true)));
        for ((on, name), shopt) in all {
            let option = if shopt { self.options.shopt(name) } else { self.options.by_name(name) };
            match option {
                Some(option) => *option = *on,
                None => {
                    let kind = if shopt { "shell option" } else { "option" };
                    self.sys.eprint(format!("{}: {name}: invalid {kind} name\n", self.name)).await;
                    return Err(Exit(2));
                }
            }
        }
        let cwd = self.logical_directory().await;
        *self.variables.entry("PWD") = Variable { exported: true, ..Variable::scalar(cwd) };
        Ok(())
    }

    async fn run_script(&mut self, path: String) -> Exit {
        self.name.clone_from(&path);
        let bytes = match self.sys.read_file(&path).await {
            Ok(bytes) => bytes,
            Err(errno) => {
                let shell = std::mem::take(&mut self.source);
                let (words, status) = match (self.dialect, errno) {
                    (Dialect::Bash, Errno::EISDIR) => (format!("{path}: {path}: Is a directory"), 126),
                    (Dialect::Bash, Errno::ENOENT) => (format!("{shell}: {path}: {errno}"), 127),
                    (Dialect::Bash, _) => (format!("{shell}: {path}: {errno}"), 126),
                    (Dialect::Dash, Errno::ENOENT) => {
                        (format!("{shell}: 0: cannot open {path}: No such file"), 2)
                    }
                    (Dialect::Dash, _) => (format!("{shell}: 0: cannot open {path}: {errno}"), 2),
                };
                self.sys.eprint(format!("{words}\n")).await;
                return Exit(status);
            }
        };
        if bytes.iter().take(80).take_while(|byte| **byte != b'\n').any(|byte| *byte == 0)
            || bytes.starts_with(b"\x7fELF")
        {
            let shell = &self.source;
            self.sys
                .eprint(
                    format!("{path}: {path}: cannot execute binary file\n")
                        .replace(": :", &format!(": {shell}:")),
                )
                .await;
            return Exit(126);
        }
        self.source = path;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let flow = self.run_whole(&text).await;
        self.finish(flow).await
    }

    /// A whole script; an error throws away its line only.
    async fn run_whole(&mut self, text: &str) -> Flow {
        let mut parser = super::syntax::Parser::new(text, self.dialect, self.aliases_in_use());
        loop {
            parser.set_aliases(self.aliases_in_use());
            let read = parser.next_command();
            for (line, warning) in std::mem::take(&mut parser.warnings) {
                self.line = line;
                self.complain_line(warning).await;
            }
            match read {
                Ok(None) => return Flow::Next,
                Ok(Some(list)) => {
                    self.show_read(&mut parser).await;
                    let flow = self.run_list(&list, parser.at_end()).await;
                    if !matches!(flow, Flow::Next | Flow::Discard) {
                        return flow;
                    }
                }
                Err(error) => {
                    self.report_syntax(&error, "").await;
                    self.status = 2;
                    return Flow::Exit;
                }
            }
        }
    }

    pub(super) fn is_login(&self) -> bool {
        self.login
    }

    pub(super) fn name_is_command_string(&self) -> bool {
        self.command_string
    }

    pub(super) fn reads_stdin(&self) -> bool {
        self.stdin_script
    }
}
