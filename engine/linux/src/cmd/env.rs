//! `env`, `timeout`, `watch`: commands that run commands. Source: their man pages.
//! Not simulated: watch -g, env -S -v.
//! ```transcript
//! host# env -i A=1 env; timeout 0.1 sleep 5; echo $?
//! A=1
//! 124
//! ```

use super::coreutils::{HELP, Line, VERSION, misused, quoted};
use super::getopt::{Long, Takes};
use super::small::interval;
use super::{Args, Command, Exit};
use crate::run::Start;
use crate::signal::Signal;
use crate::sys::{Sys, Woke};
use crate::system::WaitOn;
use std::collections::BTreeMap;
use std::time::Duration;

pub const ENV: Command =
    Command { name: "env", path: "/usr/bin/env", man: "env(1)", run: |sys, args| Box::pin(env(sys, args)) };
pub const TIMEOUT: Command = Command {
    name: "timeout",
    path: "/usr/bin/timeout",
    man: "timeout(1)",
    run: |sys, args| Box::pin(timeout(sys, args)),
};
pub const WATCH: Command = Command {
    name: "watch",
    path: "/usr/bin/watch",
    man: "watch(1)",
    run: |sys, args| Box::pin(watch(sys, args)),
};

/// A command that cannot be started: 127 where there is none, 126 else.
pub(super) async fn not_started(sys: &Sys, tool: &str, name: &str, errno: net::Errno) -> Exit {
    let what = match tool {
        "timeout" => format!("failed to run command {}", quoted(name)),
        "env" => quoted(name),
        _ => name.to_owned(),
    };
    sys.eprint(format!("{tool}: {what}: {errno}\n")).await;
    Exit(if errno == net::Errno::ENOENT { 127 } else { 126 })
}

const ENV_LONG: &[Long] = &[
    HELP,
    VERSION,
    ("ignore-environment", Takes::Nothing, 'i'),
    ("unset", Takes::Value, 'u'),
    ("chdir", Takes::Value, 'C'),
];

async fn env(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(
        &sys,
        &args,
        "+iu:C:0",
        ENV_LONG,
        "[OPTION]... [-] [NAME=VALUE]... [COMMAND [ARG]...]",
        125,
    )
    .await
    {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let mut environment: BTreeMap<String, String> =
        match line.has('i') || line.operands.first().is_some_and(|it| it == "-") {
            true => BTreeMap::new(),
            false => sys.ask(|system, id| system.process(id).environment.clone()).await,
        };
    for (_, name) in line.options.iter().filter(|(letter, _)| *letter == 'u') {
        environment.remove(name.as_deref().unwrap_or_default());
    }
    let mut words = line.operands.iter().skip_while(|word| *word == "-").peekable();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        environment.insert(name.to_owned(), value.to_owned());
        words.next();
    }
    let command: Vec<String> = words.cloned().collect();
    let Some(name) = command.first().cloned() else {
        let end = if line.has('0') { '\0' } else { '\n' };
        let text: String = environment.iter().map(|(name, value)| format!("{name}={value}{end}")).collect();
        sys.print(text).await;
        return Exit::OK;
    };
    let cwd = line.value('C').map(str::to_owned);
    let start = Start { environment: Some(environment), cwd, ..Start::new(command) };
    match sys.spawn(start).await {
        Ok(child) => sys.wait_child(child).await,
        Err(errno) => not_started(&sys, "env", &name, errno).await,
    }
}

const TIMEOUT_LONG: &[Long] = &[
    HELP,
    VERSION,
    ("kill-after", Takes::Value, 'k'),
    ("preserve-status", Takes::Nothing, 'p'),
    ("signal", Takes::Value, 's'),
    ("verbose", Takes::Nothing, 'v'),
];

async fn timeout(sys: Sys, args: Args) -> Exit {
    let line = match Line::read(
        &sys,
        &args,
        "+k:s:v",
        TIMEOUT_LONG,
        "[OPTION] DURATION COMMAND [ARG]...",
        125,
    )
    .await
    {
        Ok(line) if line.operands.len() < 2 => {
            sys.eprint("Try 'timeout --help' for more information.\n").await;
            return Exit(125);
        }
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let Some(time) = interval(&line.operands[0]) else {
        misused(&sys, "timeout", &format!("invalid time interval {}", quoted(&line.operands[0]))).await;
        return Exit(125);
    };
    let signal = line.value('s').map_or(Some(Signal::Term), Signal::parse);
    let Some(signal) = signal else {
        let words = format!("{}: invalid signal", quoted(line.value('s').unwrap_or_default()));
        misused(&sys, "timeout", &words).await;
        return Exit(125);
    };
    let child = match sys.spawn(Start::new(line.operands[1..].to_vec())).await {
        Ok(child) => child,
        Err(errno) => return not_started(&sys, "timeout", &line.operands[1], errno).await,
    };
    let ended = |sys: &Sys| {
        let sys = sys.clone();
        async move {
            sys.ask(move |system, _| system.find_process(child).is_none_or(|it| it.exit.is_some())).await
        }
    };
    let mut deadline = sys.now().await + time;
    if time.is_zero() {
        deadline = sim::Instant::NEVER;
    }
    let mut kill_after = line.value('k').and_then(interval);
    let (mut signal, mut late) = (signal, false);
    while !ended(&sys).await {
        if sys.wait(&[WaitOn::Child(child)], Some(deadline)).await == Woke::Timeout && !ended(&sys).await {
            late = true;
            if line.has('v') {
                let (signal, command) = (signal.name(), quoted(&line.operands[1]));
                sys.eprint(format!("timeout: sending signal {signal} to command {command}\n")).await;
            }
            sys.ask(move |system, _| system.signal(child, signal)).await;
            signal = Signal::Kill;
            deadline = kill_after.take().map_or(sim::Instant::NEVER, |more| deadline + more);
        }
    }
    let exit = sys.wait_child(child).await;
    if late && !line.has('p') && exit != Exit(137) { Exit(124) } else { exit }
}

async fn watch(sys: Sys, args: Args) -> Exit {
    let long: &'static [Long] = &[
        HELP,
        VERSION,
        ("interval", Takes::Value, 'n'),
        ("no-title", Takes::Nothing, 't'),
        ("differences", Takes::MayValue, 'd'),
        ("exec", Takes::Nothing, 'x'),
    ];
    let line = match Line::read(&sys, &args, "+n:tdx", long, "[options] command", 1).await {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    if line.operands.is_empty() {
        sys.eprint("Usage:\n watch [options] command\n").await;
        return Exit::FAILURE;
    }
    let every = line.value('n').map_or(Some(Duration::from_secs(2)), interval);
    let Some(every) = every.map(|every| every.max(Duration::from_millis(100))) else {
        sys.eprint(format!(
            "watch: failed to parse argument: {}\n",
            quoted(line.value('n').unwrap_or_default())
        ))
        .await;
        return Exit::FAILURE;
    };
    let command = line.operands.join(" ");
    let argv = match line.has('x') {
        true => line.operands.clone(),
        false => vec!["sh".to_owned(), "-c".to_owned(), command.clone()],
    };
    loop {
        let (columns, _) = sys.terminal_size().await.unwrap_or((80, 24));
        sys.print("\u{1b}[H\u{1b}[2J").await;
        if !line.has('t') {
            let title = format!("Every {:.1}s: {command}", every.as_secs_f64());
            let now =
                crate::calendar::Date::from_duration(sys.realtime().await).format("%a %b %e %H:%M:%S %Y");
            let right = format!("{}: {now}", sys.hostname().await);
            let room = usize::from(columns).saturating_sub(right.len() + 1);
            let title: String = title.chars().take(room).collect();
            sys.print(format!("{title:<room$} {right}\n\n")).await;
        }
        if let Err(errno) = sys.spawn_and_wait(argv.clone()).await {
            return not_started(&sys, "watch", &argv[0], errno).await;
        }
        if sys.sleep(every).await != Woke::Timeout {
            return Exit::OK;
        }
    }
}

impl Sys {
    /// Starts a command and waits for its end.
    async fn spawn_and_wait(&self, argv: Vec<String>) -> Result<Exit, net::Errno> {
        let child = self.spawn(Start::new(argv)).await?;
        Ok(self.wait_child(child).await)
    }
}
