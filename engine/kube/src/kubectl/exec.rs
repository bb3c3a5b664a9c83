//! Verbs that join a program in a container: `exec`, `attach`, `run -i`.
//!
//! Always: what is asked for is settled here; the stream itself is the host's.
//! Sources: kubectl `pkg/cmd/{exec,attach,run}`.

use super::Exec;
use super::fault::Fault;
use super::flags::Flags;
use super::pod::{PAUSE, chosen, container_of, limit, pod_of};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Kind, Value, json};

/// The first word and the rest; words after `--` count as the rest.
fn target(flags: &Flags) -> (Option<&String>, Vec<String>) {
    let rest = flags.words.iter().skip(1).chain(&flags.after).cloned().collect();
    (flags.words.first(), rest)
}

pub async fn exec(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let (word, command) = target(flags);
    let Some(word) = word else {
        return Err(flags.usage("pod, type/name or --filename must be specified"));
    };
    if flags.words.len() > 1 {
        return Err(
            flags.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
        );
    }
    if command.is_empty() {
        return Err(flags.usage("you must specify at least one command for the container"));
    }
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    is_not_over(&pod, "exec into")?;
    let container = container_of(session, flags, &pod)?;
    let streams = streams(session, flags).await;
    join(session, &pod, &container, Part::Exec(command), streams).await
}

/// Whether the program gets standard input and a terminal. A terminal takes one to be had from.
async fn streams(session: &mut Session<'_>, flags: &Flags) -> (bool, bool) {
    let (stdin, tty) = (flags.is_on("stdin"), flags.is_on("tty"));
    if stdin && tty && !session.host.is_terminal().await {
        if !flags.is_on("quiet") {
            session.complain("Unable to use a TTY - input is not a terminal or the right kind of file\n");
        }
        return (true, false);
    }
    (stdin, stdin && tty)
}

/// What is joined: a command of its own, or process 1.
enum Part {
    Exec(Vec<String>),
    Attach,
}

/// What the host could not do: the server's status, or words.
pub fn refused(why: String) -> Fault {
    match json::parse(&why) {
        Ok(status) if status.str("kind") == "Status" => Fault::of(&why),
        _ => Fault::Plain(why),
    }
}

fn joining(
    session: &Session<'_>,
    pod: &Value,
    container: &str,
    part: Part,
    (stdin, tty): (bool, bool),
) -> Exec {
    let metadata = pod.get("metadata");
    let place = path(Kind::Pod, metadata.str("namespace"), metadata.str("name"));
    let (verb, words) = match part {
        Part::Exec(words) => ("exec", words),
        Part::Attach => ("attach", Vec::new()),
    };
    let mut request = Request::new("GET", format!("{place}/{verb}"));
    for word in words {
        request = request.with_query("command", word);
    }
    request = request.with_query("container", container);
    for (name, is_on) in [("stderr", !tty), ("stdin", stdin), ("stdout", true), ("tty", tty)] {
        if is_on {
            request = request.with_query(name, "true");
        }
    }
    Exec { server: session.server.clone(), request: session.sign(request), stdin, tty }
}

async fn join(
    session: &mut Session<'_>,
    pod: &Value,
    container: &str,
    part: Part,
    streams: (bool, bool),
) -> Result<(), Fault> {
    let exec = joining(session, pod, container, part, streams);
    session.flush().await;
    match session.host.exec(exec).await {
        Ok(code) => ended(session, code),
        Err(why) => Err(refused(why)),
    }
}

fn ended(session: &mut Session<'_>, code: u8) -> Result<(), Fault> {
    if code == 0 {
        return Ok(());
    }
    session.complain(&format!("command terminated with exit code {code}\n"));
    Err(Fault::Silent(code))
}

/// What a command in a container came to.
#[derive(Debug, Default)]
pub struct Captured {
    /// Which container was taken, where that is worth a word.
    pub note: String,
    pub code: u8,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
}

impl Captured {
    pub fn ended(&self, session: &mut Session<'_>) -> Result<(), Fault> {
        ended(session, self.code)
    }
}

/// Runs a command in a container, away from the terminal.
pub async fn captured(
    session: &mut Session<'_>,
    flags: &Flags,
    (namespace, name): (&str, &str),
    words: Vec<String>,
    input: Option<Vec<u8>>,
) -> Result<Captured, Fault> {
    let pod = session.fetch(Kind::Pod, namespace, name).await?;
    is_not_over(&pod, "exec into")?;
    let (container, note) = chosen(flags, &pod)?;
    let exec = joining(session, &pod, &container, Part::Exec(words), (input.is_some(), false));
    session.flush().await;
    match session.host.capture(exec, input.unwrap_or_default()).await {
        Ok((code, out, err)) => Ok(Captured { note, code, out, err }),
        Err(why) => Err(refused(why)),
    }
}

fn is_not_over(pod: &Value, doing: &str) -> Result<(), Fault> {
    let phase = pod["status"].str("phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Fault::Plain(format!(
            "cannot {doing} a container in a completed pod; current phase is {phase}"
        )));
    }
    Ok(())
}

pub async fn attach(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let Some(word) = flags.words.first() else {
        return Err(flags.usage("at least 1 argument is required for attach"));
    };
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    is_not_over(&pod, "attach")?;
    let container = container_of(session, flags, &pod)?;
    watch(session, flags, &pod, &container).await
}

const RECORDED: &str = "All commands and output from this session will be recorded in container logs, including credentials and \
    sensitive information passed through the command prompt.\n";
const NO_PROMPT: &str = "If you don't see a command prompt, try pressing enter.\n";

/// Joins process 1, on a terminal where it has one.
pub async fn watch(
    session: &mut Session<'_>,
    flags: &Flags,
    pod: &Value,
    container: &str,
) -> Result<(), Fault> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let mut specs = lists.iter().flat_map(|list| pod["spec"].get(list).items());
    let has_tty = specs.find(|it| it.str("name") == container).is_some_and(|it| it.is_true("tty"));
    let is_quiet = flags.is_on("quiet");
    let (stdin, mut tty) = streams(session, flags).await;
    if flags.is_on("tty") && !has_tty {
        tty = false;
        if !is_quiet {
            session.complain(&format!(
                "error: Unable to use a TTY - container {container} did not allocate one\n"
            ));
        }
    } else if has_tty && stdin {
        tty = session.host.is_terminal().await;
    }
    if !is_quiet {
        session.complain(RECORDED);
        session.complain(NO_PROMPT);
    }
    join(session, pod, container, Part::Attach, (stdin, tty)).await?;
    if !is_quiet && stdin && tty && pod["spec"].str("restartPolicy") == "Always" {
        let name = pod["metadata"].str("name");
        session.print(&format!(
            "Session ended, resume using 'kubectl attach {name} -c {container} -i -t' command when the pod is running\n"
        ));
    }
    Ok(())
}

/// `run -i`: waits until the pod runs, attaches, and perhaps removes it.
pub async fn attached_run(
    session: &mut Session<'_>,
    flags: &Flags,
    name: &str,
    removes: bool,
) -> Result<(), Fault> {
    let namespace = session.namespace.clone();
    let done = run_to_its_end(session, flags, &namespace, name).await;
    if removes {
        super::delete::pod(session, &namespace, name).await?;
        session.print(&format!("pod \"{name}\" deleted from {namespace} namespace\n"));
    }
    done
}

async fn run_to_its_end(
    session: &mut Session<'_>,
    flags: &Flags,
    namespace: &str,
    name: &str,
) -> Result<(), Fault> {
    let is_over = |phase: &str| matches!(phase, "Succeeded" | "Failed");
    let limit = limit(flags)?;
    let runs = |_: &mut Session<'_>, pod: &Value| {
        pod["status"].str("phase") == "Running" || is_over(pod["status"].str("phase"))
    };
    let pod = until(session, namespace, name, limit, runs).await?;
    if is_over(pod["status"].str("phase")) {
        let text = super::logs::log(session, &pod, name, &[]).await?;
        session.print(&text);
    } else {
        watch(session, flags, &pod, name).await?;
    }
    let restart = pod["spec"].str("restartPolicy");
    if restart == "Always" || flags.is_on("leave-stdin-open") {
        return Ok(());
    }
    let pod = until(session, namespace, name, u64::MAX, |_, pod| is_over(pod["status"].str("phase"))).await?;
    if pod["status"].str("phase") == "Succeeded" {
        return Ok(());
    }
    let statuses = pod["status"].get("containerStatuses").items();
    let state = statuses.first().map(|it| it.at(&["state", "terminated"]).clone()).unwrap_or_default();
    match u8::try_from(state.int("exitCode")) {
        Ok(code @ 1..) => {
            let (reason, message) = (state.str("reason"), state.str("message"));
            session.complain(&format!("pod {namespace}/{name} terminated ({reason})\n{message}"));
            Err(Fault::Silent(code))
        }
        _ => Err(Fault::Plain(format!("pod {namespace}/{name} failed with unknown exit code"))),
    }
}

/// The pod, once it is as wanted; looked at for so many seconds.
pub async fn until(
    session: &mut Session<'_>,
    namespace: &str,
    name: &str,
    limit: u64,
    mut is: impl FnMut(&mut Session<'_>, &Value) -> bool,
) -> Result<Value, Fault> {
    let mut waited = 0;
    loop {
        let pod = session.fetch(Kind::Pod, namespace, name).await?;
        if is(session, &pod) {
            return Ok(pod);
        }
        if waited >= limit {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += PAUSE.as_secs();
    }
}
