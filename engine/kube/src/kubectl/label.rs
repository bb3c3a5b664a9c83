//! `label` and `annotate`.
//!
//! Source: kubectl `pkg/cmd/{label,annotate}`.

use super::fault::Fault;
use super::find::{self, How, Info};
use super::flags::Flags;
use super::print::{self, Output};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Value, json};
use crate::validation::name;

/// Words up to the first that sets or removes something; then those.
pub fn split(words: &[String], what: &str) -> Result<(Vec<String>, Vec<String>), Fault> {
    let is_change = |it: &String| it.contains('=') && !it.starts_with('=') || it.ends_with('-') && it != "-";
    let at = words.iter().position(is_change).unwrap_or(words.len());
    let (resources, changes) = words.split_at(at);
    if let Some(late) = changes.iter().find(|it| !is_change(it)) {
        return Err(Fault::Plain(format!("all resources must be specified before {what} changes: {late}")));
    }
    Ok((resources.to_vec(), changes.to_vec()))
}

/// What is set, and what is removed.
#[derive(Default)]
struct Changes {
    set: Vec<(String, String)>,
    removed: Vec<String>,
}

fn changes(words: &[String], what: &str) -> Result<Changes, Fault> {
    let mut changes = Changes::default();
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => {
                if what == "label"
                    && let Err(why) = name::label_value(value)
                {
                    return Err(Fault::Plain(format!("invalid label value: \"{word}\": {why}")));
                }
                changes.set.push((key.to_owned(), value.to_owned()));
            }
            None => changes.removed.push(word.trim_end_matches('-').to_owned()),
        }
    }
    if changes.removed.iter().any(|it| changes.set.iter().any(|(key, _)| key == it)) {
        let plural = if what == "label" { "a label" } else { "an annotation" };
        return Err(Fault::Plain(format!("can not both modify and remove {plural} in the same command")));
    }
    Ok(changes)
}

pub async fn label(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    change(session, flags, "label").await
}

pub async fn annotate(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    change(session, flags, "annotation").await
}

async fn change(session: &mut Session<'_>, flags: &Flags, what: &str) -> Result<(), Fault> {
    let (resources, words) = split(&flags.words, what)?;
    let lists = flags.is_on("list");
    if resources.is_empty() && !flags.has("filename") {
        return Err(Fault::plain(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    if words.is_empty() && !lists {
        return Err(Fault::Plain(format!("at least one {what} update is required")));
    }
    let changes = changes(&words, what)?;
    let output = Output::of_writer(session, flags).await?;
    let how = How { all_if_unnamed: flags.is_on("all") || lists, latest: true };
    let (infos, mut faults) = find::find(session, flags, &resources, how).await?;
    for info in &infos {
        let done = if lists {
            list(session, info, what, infos.len() == 1);
            Ok(())
        } else {
            one(session, flags, info, what, &changes, &output).await
        };
        if let Err(fault) = done {
            find::push(&mut faults, fault)?;
        }
    }
    Fault::all(faults)
}

fn field(what: &str) -> &'static str {
    if what == "label" { "labels" } else { "annotations" }
}

fn list(session: &mut Session<'_>, info: &Info, what: &str, is_only: bool) {
    let indent = if is_only { "" } else { " " };
    if !is_only {
        let resource = info.kind.resource();
        let text = format!("Listing {}s for {}.{}/{}:\n", what, resource.name, resource.group, info.name);
        session.complain(&text);
    }
    for (key, value) in info.object["metadata"].get(field(what)).fields() {
        session.print(&format!("{indent}{key}={}\n", value.as_str()));
    }
}

async fn one(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    what: &str,
    changes: &Changes,
    output: &Output,
) -> Result<(), Fault> {
    let old = info.object["metadata"].get(field(what)).clone();
    if !flags.is_on("overwrite") {
        keeps(&old, changes, what)?;
    }
    let mut new = old.clone();
    let mut patch = Value::map();
    for (key, value) in &changes.set {
        new.set(key, value.as_str());
        patch.set(key, value.as_str());
    }
    for key in &changes.removed {
        if new.remove(key).is_none() && what == "label" {
            session.print(&format!("label \"{key}\" not found.\n"));
        }
        patch.set(key, Value::Null);
    }
    let said = match what {
        "label" if new == old || new.is_empty() && old.is_empty() => "not labeled",
        "label" if !flags.is_on("overwrite") && new.len() < old.len() => "unlabeled",
        "label" => "labeled",
        _ => "annotated",
    };
    let mut after = info.object.clone();
    after["metadata"].set(field(what), new);
    if flags.dry_run()? != "client" && !flags.is_on("local") && said != "not labeled" {
        let mut body = Value::map();
        body["metadata"].set(field(what), patch);
        if flags.has("resource-version") {
            body["metadata"].set("resourceVersion", flags.get("resource-version"));
        }
        let mut request = Request::new("PATCH", path(info.kind, &info.namespace, &info.name));
        request =
            request.with_query("fieldManager", flags.or("field-manager", &flags.path.replace(' ', "-")));
        if flags.dry_run()? == "server" {
            request = request.with_query("dryRun", "All");
        }
        after = session.json(request.with_body("application/merge-patch+json", json::compact(&body))).await?;
    }
    print::done(session, output, flags, &after, said)
}

/// A key that is there keeps its value unless it may be overwritten.
fn keeps(old: &Value, changes: &Changes, what: &str) -> Result<(), Fault> {
    let has = |key: &str, value: &str| old.has(key) && (what != "label" || old.str(key) != value);
    let taken = changes.set.iter().filter(|(key, value)| has(key, value));
    let taken: Vec<String> =
        taken.map(|(key, _)| format!("'{key}' already has a value ({})", old.str(key))).collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(Fault::Plain(if what == "label" {
        let words = taken.iter().map(|it| format!("{it}, and --overwrite is false"));
        let words: Vec<String> = words.collect();
        if words.len() == 1 { words.concat() } else { format!("[{}]", words.join(", ")) }
    } else {
        format!("--overwrite is false but found the following declared annotation(s): {}", taken.join("; "))
    }))
}
