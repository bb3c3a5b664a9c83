//! `env`, `timeout`, `watch`: commands that run commands. Source: their man pages.
//! Not simulated: watch -g, env -S -v.
//! ```transcript
//! host# env -i A=1 env; timeout 0.1 sleep 5; echo $?
//! A=1
//! 124
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::small::interval;
use super::tool::{Tool, quoted};
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

const ENV_TOOL: Tool = Tool {
    missing: "Sv\u{3}\u{4}\u{5}\u{6}",
    usage: 125,
    ..Tool::gnu(
        "env",
        "+C:iS:u:v0",
        &[
            ("block-signal", MayValue, '\u{3}'),
            ("chdir", Value, 'C'),
            ("debug", Nothing, 'v'),
            ("default-signal", MayValue, '\u{4}'),
            ("ignore-environment", Nothing, 'i'),
            ("ignore-signal", MayValue, '\u{5}'),
            ("list-signal-handling", Nothing, '\u{6}'),
            ("null", Nothing, '0'),
            ("split-string", Value, 'S'),
            ("unset", Value, 'u'),
        ],
    )
};

async fn env(sys: Sys, args: Args) -> Exit {
    let options = match ENV_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut environment: BTreeMap<String, String> =
        match options.has('i') || options.operands.first().is_some_and(|it| it == "-") {
            true => BTreeMap::new(),
            false => sys.ask(|system, id| system.process(id).environment.clone()).await,
        };
    for (_, name) in options.flags.iter().filter(|(letter, _)| *letter == 'u') {
        environment.remove(name.as_deref().unwrap_or_default());
    }
    let mut words = options.operands.iter().skip_while(|word| *word == "-").peekable();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        environment.insert(name.to_owned(), value.to_owned());
        words.next();
    }
    let command: Vec<String> = words.cloned().collect();
    let Some(name) = command.first().cloned() else {
        let end = if options.has('0') { '\0' } else { '\n' };
        let text: String = environment.iter().map(|(name, value)| format!("{name}={value}{end}")).collect();
        sys.print(text).await;
        return Exit::OK;
    };
    let cwd = options.value('C').map(str::to_owned);
    let start = Start { environment: Some(environment), cwd, ..Start::new(command) };
    match sys.spawn(start).await {
        Ok(child) => sys.wait_child(child).await,
        Err(errno) => not_started(&sys, "env", &name, errno).await,
    }
}

const TIMEOUT_TOOL: Tool = Tool {
    missing: "\u{3}",
    usage: 125,
    ..Tool::gnu(
        "timeout",
        "+k:s:v",
        &[
            ("foreground", Nothing, '\u{3}'),
            ("kill-after", Value, 'k'),
            ("preserve-status", Nothing, 'p'),
            ("signal", Value, 's'),
            ("verbose", Nothing, 'v'),
        ],
    )
};

async fn timeout(sys: Sys, args: Args) -> Exit {
    let options = match TIMEOUT_TOOL.options(&sys, &args).await {
        Ok(options) if options.operands.len() < 2 => {
            sys.eprint("Try 'timeout --help' for more information.\n").await;
            return Exit(125);
        }
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let Some(time) = interval(&options.operands[0]) else {
        return TIMEOUT_TOOL
            .wrong(&sys, &format!("invalid time interval {}", quoted(&options.operands[0])))
            .await;
    };
    let signal = options.value('s').map_or(Some(Signal::Term), Signal::parse);
    let Some(signal) = signal else {
        let words = format!("{}: invalid signal", quoted(options.value('s').unwrap_or_default()));
        return TIMEOUT_TOOL.wrong(&sys, &words).await;
    };
    let child = match sys.spawn(Start::new(options.operands[1..].to_vec())).await {
        Ok(child) => child,
        Err(errno) => return not_started(&sys, "timeout", &options.operands[1], errno).await,
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
    let mut kill_after = options.value('k').and_then(interval);
    let (mut signal, mut late) = (signal, false);
    while !ended(&sys).await {
        if sys.wait(&[WaitOn::Child(child)], Some(deadline)).await == Woke::Timeout && !ended(&sys).await {
            late = true;
            if options.has('v') {
                let (signal, command) = (signal.name(), quoted(&options.operands[1]));
                sys.eprint(format!("timeout: sending signal {signal} to command {command}\n")).await;
            }
            sys.ask(move |system, _| system.signal(child, signal)).await;
            signal = Signal::Kill;
            deadline = kill_after.take().map_or(sim::Instant::NEVER, |more| deadline + more);
        }
    }
    let exit = sys.wait_child(child).await;
    if late && !options.has('p') && exit != Exit(137) { Exit(124) } else { exit }
}

const WATCH_TOOL: Tool = Tool {
    name: "watch",
    short: "+bcd::ehgn:pqtvwx",
    long: &[
        ("beep", Nothing, 'b'),
        ("chgexit", Nothing, 'g'),
        ("color", Nothing, 'c'),
        ("differences", MayValue, 'd'),
        ("equexit", Value, 'q'),
        ("errexit", Nothing, 'e'),
        ("exec", Nothing, 'x'),
        ("interval", Value, 'n'),
        ("no-title", Nothing, 't'),
        ("no-wrap", Nothing, 'w'),
        ("precise", Nothing, 'p'),
    ],
    missing: "bcpqwdge",
    usage: 1,
    package: "from procps-ng 4.0.2",
};

async fn watch(sys: Sys, args: Args) -> Exit {
    let options = match WATCH_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        sys.eprint("Usage:\n watch [options] command\n").await;
        return Exit::FAILURE;
    }
    let every = options.value('n').map_or(Some(Duration::from_secs(2)), interval);
    let Some(every) = every.map(|every| every.max(Duration::from_millis(100))) else {
        sys.eprint(format!(
            "watch: failed to parse argument: {}\n",
            quoted(options.value('n').unwrap_or_default())
        ))
        .await;
        return Exit::FAILURE;
    };
    let command = options.operands.join(" ");
    let argv = match options.has('x') {
        true => options.operands.clone(),
        false => vec!["sh".to_owned(), "-c".to_owned(), command.clone()],
    };
    loop {
        let (columns, _) = sys.terminal_size().await.unwrap_or((80, 24));
        sys.print("\u{1b}[H\u{1b}[2J").await;
        if !options.has('t') {
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
