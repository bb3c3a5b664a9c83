//! `env`, `timeout`, `watch`: commands that run commands. Source: their man pages.
//! Not simulated: watch -b -c -p -q -w, env -S -v.
//! ```transcript
//! host# env -i A=1 env; timeout 0.1 sleep 5; echo $?
//! A=1
//! 124
//! ```

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::small::interval;
use super::tool::{Tool, quoted};
use super::{Args, Command, Exit};
use crate::fs::{STDERR, STDIN, STDOUT};
use crate::run::Start;
use crate::signal::Signal;
use crate::sys::{Sys, Woke};
use crate::waiting::WaitOn;
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
        let name = name.as_deref().unwrap_or_default();
        if name.is_empty() || name.contains('=') {
            ENV_TOOL.complain(&sys, format!("cannot unset {}: Invalid argument", quoted(name))).await;
            return Exit(125);
        }
        environment.remove(name);
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
    if options.has('0') {
        return ENV_TOOL.wrong(&sys, "cannot specify --null (-0) with command").await;
    }
    let cwd = options.value('C').map(str::to_owned);
    if let Some(path) = &cwd
        && let Err(errno) = sys.read_dir(path).await
    {
        ENV_TOOL.complain(&sys, format!("cannot change directory to {}: {errno}", quoted(path))).await;
        return Exit(125);
    }
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
            .wrong(&sys, format!("invalid time interval {}", quoted(&options.operands[0])))
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
    missing: "bcpqw",
    usage: 1,
    package: "from procps-ng 4.0.2",
};

async fn watch(sys: Sys, args: Args) -> Exit {
    let options = match WATCH_TOOL.options(&sys, &args).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.operands.is_empty() {
        return WATCH_TOOL.try_help(&sys).await;
    }
    let every = options.value('n').map_or(Some(Duration::from_secs(2)), interval);
    let Some(every) = every.map(|every| every.max(Duration::from_millis(100))) else {
        sys.eprint(format!(
            "watch: failed to parse argument: {}: Invalid argument\n",
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
    let mut before: Option<String> = None;
    loop {
        let (columns, rows) = sys.terminal_size().await.unwrap_or((80, 24));
        let head = match options.has('t') {
            true => String::new(),
            false => title(&sys, &command, every, usize::from(columns)).await,
        };
        let (text, exit) = match sys.output_of(argv.clone()).await {
            Ok(done) => done,
            Err(errno) => return not_started(&sys, "watch", &argv[0], errno).await,
        };
        let room = usize::from(rows).saturating_sub(head.lines().count()).max(1);
        let shown = marked(&text, before.as_deref().filter(|_| options.has('d')), room);
        sys.print(format!("\u{1b}[H\u{1b}[2J{head}{shown}")).await;
        let changed = before.as_ref().is_some_and(|before| *before != text);
        if changed && options.has('g') {
            return Exit::OK;
        }
        if exit != Exit::OK && options.has('e') {
            return exit;
        }
        before = Some(text);
        if sys.sleep(every).await != Woke::Timeout {
            return Exit::OK;
        }
    }
}

/// `Every 2.0s: COMMAND          HOST: DATE`
async fn title(sys: &Sys, command: &str, every: Duration, columns: usize) -> String {
    let title = format!("Every {:.1}s: {command}", every.as_secs_f64());
    let now = crate::calendar::Date::from_duration(sys.realtime().await).format("%a %b %e %H:%M:%S %Y");
    let right = format!("{}: {now}", sys.hostname().await);
    let room = columns.saturating_sub(right.len() + 1);
    let title: String = title.chars().take(room).collect();
    format!("{title:<room$} {right}\n\n")
}

/// The first lines of a text; what is not as it was `before` in reverse video.
fn marked(text: &str, before: Option<&str>, rows: usize) -> String {
    let Some(before) = before else { return text.split_inclusive('\n').take(rows).collect() };
    let mut old = before.lines();
    let mut out = String::new();
    for line in text.lines().take(rows) {
        let (mut was, mut reverse) = (old.next().unwrap_or_default().chars(), false);
        for c in line.chars() {
            let differs = was.next().unwrap_or(' ') != c;
            if differs != reverse {
                out.push_str(if differs { "\u{1b}[7m" } else { "\u{1b}[27m" });
                reverse = differs;
            }
            out.push(c);
        }
        out.push_str(if reverse { "\u{1b}[27m\n" } else { "\n" });
    }
    out
}

impl Sys {
    /// Runs a command to its end, and what it printed.
    async fn output_of(&self, argv: Vec<String>) -> Result<(String, Exit), net::Errno> {
        let (reader, writer) = self.pipe().await?;
        let files = Some(vec![(STDIN, STDIN), (STDOUT, writer), (STDERR, writer)]);
        let child = self.spawn(Start { files, ..Start::new(argv) }).await;
        self.close(writer).await.ok();
        let bytes = match child {
            Ok(_) => self.read_all(reader).await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        self.close(reader).await.ok();
        let exit = self.wait_child(child?).await;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), exit))
    }
}

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn watch_marks_what_changed() {
        assert_eq!(marked("a 12\nb\n", Some("a 10\nb\n"), 9), "a 1\u{1b}[7m2\u{1b}[27m\nb\n");
        assert_eq!(marked("a\nb\nc\n", None, 2), "a\nb\n");
    }
}
