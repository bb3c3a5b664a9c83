//! `__complete`: what the last word of a line may become. The shell asks at Tab.
//!
//! Always: nothing that goes wrong is shown; then there are no candidates.
//! Sources: cobra's `__complete`, kubectl `pkg/util/completion`.

use super::command::{self, Command, Flag, Takes};
use super::fault::Fault;
use super::find::namespace_of;
use super::flags::Flags;
use super::resource::kind_of;
use super::session::Session;
use crate::object::{KINDS, Kind};

const FORMATS: &str = "json yaml name go-template go-template-file template templatefile jsonpath jsonpath-as-json \
    jsonpath-file custom-columns custom-columns-file wide";
/// Commands whose operand is a pod unless a type is named.
const OF_PODS: [&str; 6] = ["logs", "exec", "attach", "port-forward", "cp", "debug"];
const OF_NODES: [&str; 4] = ["cordon", "uncordon", "drain", "top node"];
/// Commands that take a type, and then names.
const OF_TYPES: [&str; 22] = [
    "get",
    "describe",
    "delete",
    "edit",
    "label",
    "annotate",
    "patch",
    "scale",
    "autoscale",
    "expose",
    "wait",
    "taint",
    "rollout history",
    "rollout pause",
    "rollout restart",
    "rollout resume",
    "rollout status",
    "rollout undo",
    "set image",
    "set env",
    "set resources",
    "set serviceaccount",
];

/// Prints the candidates, one a line.
pub async fn complete(session: &mut Session<'_>, words: &[String]) {
    let Some((partial, before)) = words.split_last() else { return };
    // A shell parts `--output=wide` at the sign.
    let before = before.iter().filter(|it| *it != "=").map(|it| it.trim_end_matches('=').to_owned());
    let before: Vec<String> = before.collect();
    let mut found = candidates(session, &before, partial).await.unwrap_or_default();
    found.retain(|it| it.starts_with(partial.as_str()));
    found.sort();
    found.dedup();
    let text: String = found.iter().map(|it| format!("{it}\n")).collect();
    session.print(&(text + ":4\n"));
}

fn texts<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

async fn candidates(
    session: &mut Session<'_>,
    before: &[String],
    partial: &str,
) -> Result<Vec<String>, Fault> {
    let (found, rest) = command::find(before);
    let flags_of = |command: Option<&'static Command>| -> Vec<Flag> {
        command.map_or(&[][..], |it| &it.flags).iter().chain(command::globals()).copied().collect()
    };
    let all = flags_of(found);
    if let Some(flag) = waiting(&all, before) {
        let flags =
            Flags::parse(found.unwrap_or(&command::commands()[0]), &rest[..rest.len().saturating_sub(1)])?;
        session.settle(&flags).await?;
        return value_of(session, flag, &flags).await;
    }
    if partial.starts_with('-') {
        return Ok(all
            .iter()
            .map(|it| format!("--{}{}", it.long, if it.takes == Takes::Value { "=" } else { "" }))
            .collect());
    }
    let prefix = found.map_or(String::new(), |it| format!("{} ", it.path));
    let parts = command::commands().iter().filter_map(|it| it.path.strip_prefix(&prefix));
    let parts: Vec<String> = texts(parts.filter(|it| !it.is_empty() && !it.contains(' ')));
    let Some(command) = found else { return Ok(parts) };
    if !parts.is_empty() && rest.iter().all(|it| it.starts_with('-')) {
        return Ok(parts);
    }
    let flags = Flags::parse(command, &rest)?;
    session.settle(&flags).await?;
    operands(session, command.path, &flags, partial).await
}

/// The flag that still waits for its value.
fn waiting(all: &[Flag], before: &[String]) -> Option<Flag> {
    let last = before.last()?;
    let is_it = |it: &&Flag| {
        it.takes == Takes::Value
            && match last.strip_prefix("--") {
                Some(long) => it.long == long,
                None => last.len() == 2 && last.starts_with('-') && it.short == last.chars().nth(1),
            }
    };
    all.iter().find(is_it).copied()
}

async fn value_of(session: &mut Session<'_>, flag: Flag, flags: &Flags) -> Result<Vec<String>, Fault> {
    match flag.long {
        "namespace" => names(session, flags, Kind::Namespace).await,
        "output" => Ok(texts(FORMATS.split_whitespace())),
        "context" => Ok(entries(session, "contexts")),
        "cluster" => Ok(entries(session, "clusters")),
        "user" => Ok(entries(session, "users")),
        "container" => match flags.words.first() {
            Some(pod) => {
                let namespace = session.namespace.clone();
                let pod = session.fetch(Kind::Pod, &namespace, pod.trim_start_matches("pod/")).await?;
                Ok(texts(pod["spec"].get("containers").items().iter().map(|it| it.str("name"))))
            }
            None => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

fn entries(session: &Session<'_>, list: &str) -> Vec<String> {
    texts(session.config.get(list).items().iter().map(|it| it.str("name")))
}

async fn names(session: &mut Session<'_>, flags: &Flags, kind: Kind) -> Result<Vec<String>, Fault> {
    let namespace = namespace_of(session, flags, kind);
    let list = session.list(kind, &namespace, &[]).await?;
    Ok(texts(list.iter().map(|it| it["metadata"].str("name"))))
}

fn types() -> Vec<String> {
    KINDS.iter().filter(|it| it.verbs().contains(&"get")).map(|it| it.qualified()).collect()
}

async fn operands(
    session: &mut Session<'_>,
    path: &str,
    flags: &Flags,
    partial: &str,
) -> Result<Vec<String>, Fault> {
    if let Some((kind, _)) = partial.split_once('/') {
        let names = names(session, flags, kind_of(kind)?).await?;
        return Ok(names.into_iter().map(|it| format!("{kind}/{it}")).collect());
    }
    if OF_NODES.contains(&path) {
        return names(session, flags, Kind::Node).await;
    }
    if path == "top pod" || OF_PODS.contains(&path) && flags.words.is_empty() {
        return names(session, flags, Kind::Pod).await;
    }
    if path.starts_with("config ") && path.ends_with("-context") {
        return Ok(entries(session, "contexts"));
    }
    if path == "explain" {
        return Ok(types());
    }
    if !OF_TYPES.contains(&path) {
        return Ok(Vec::new());
    }
    match flags.words.first() {
        None => Ok(types()),
        Some(kind) => {
            let all = names(session, flags, kind_of(kind)?).await?;
            Ok(all.into_iter().filter(|it| !flags.words[1..].contains(it)).collect())
        }
    }
}
