//! `edit`: objects as YAML in an editor, what changed as patches.
//!
//! Always: a text that is left as it was changes nothing; a wrong one comes back with what is wrong with it.
//! Source: kubectl `pkg/cmd/util/editor`.

use super::apply::structure;
use super::fault::Fault;
use super::find::{self, EVERYTHING, Info};
use super::flags::Flags;
use super::print::{self, Output};
use super::session::{Session, path};
use super::{gotemplate, manifest};
use crate::api::Request;
use crate::object;
use crate::object::{Value, diff, json, yaml};

const HEAD: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort \
    the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";
/// As often as a wrong text is given back.
const TRIES: usize = 64;
const INVALID: &str = "Edit cancelled, no valid changes were saved.";

/// What became of the objects of one text.
#[derive(Default)]
struct Results {
    /// Comments that say what is wrong.
    reasons: String,
    invalid: usize,
    not_found: usize,
    retryable: usize,
}

pub async fn edit(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.words.is_empty() && !flags.has("filename") {
        return Err(find::nothing_given());
    }
    let output = Output::of_writer(session, flags).await?;
    let mut infos = find::all(session, flags, &flags.words, EVERYTHING).await?;
    for info in &mut infos {
        info.object["metadata"].remove("managedFields");
    }
    let original = match &infos[..] {
        [] => return Err(Fault::plain("edit cancelled, no objects found")),
        [info] => info.object.clone(),
        all => {
            let items: Vec<Value> = all.iter().map(|it| it.object.clone()).collect();
            object!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}})
        }
    };
    let (original, head, extension) = match output {
        Output::Json => (json::pretty(&original, 4) + "\n", "", ".json"),
        _ => (yaml::print(&original), HEAD, ".yaml"),
    };
    let (mut given, mut reasons, mut file) = (original.clone(), String::new(), String::new());
    for _ in 0..TRIES {
        session.flush().await;
        // JSON bears no comments.
        let text = if head.is_empty() { given.clone() } else { format!("{head}{reasons}{given}") };
        let left = match session.host.edit(text, extension).await {
            Ok(left) => left,
            Err(why) => return Err(kept(session, &file, Fault::Plain(why))),
        };
        if !reasons.is_empty() && bare(&given) == bare(&left.text) {
            return Err(kept(session, &left.path, Fault::plain(INVALID)));
        }
        if !file.is_empty() {
            session.host.remove(&file).await;
        }
        file = left.path;
        let results = match turn(session, flags, &infos, &output, (&original, &left.text)).await {
            Ok(Some(results)) => results,
            Ok(None) => {
                session.host.remove(&file).await;
                return Ok(());
            }
            Err(fault) => return Err(kept(session, &file, fault)),
        };
        if results.retryable > 0 {
            session.complain(&format!("You can run `kubectl replace -f {file}` to try this update again.\n"));
            return Err(Fault::Silent(1));
        }
        if results.not_found > 0 {
            session
                .complain(&format!("The edits you made on deleted resources have been saved to {file:?}\n"));
            return Err(Fault::Silent(1));
        }
        if results.invalid == 0 && results.reasons.is_empty() {
            session.host.remove(&file).await;
            return Ok(());
        }
        (given, reasons) = (stripped(&left.text), results.reasons);
    }
    Err(kept(session, &file, Fault::plain(INVALID)))
}

/// What the editor left is checked and sent; `None` if there is nothing to send.
async fn turn(
    session: &mut Session<'_>,
    flags: &Flags,
    infos: &[Info],
    output: &Output,
    (original, text): (&str, &str),
) -> Result<Option<Results>, Fault> {
    let mut results = Results::default();
    if manifest::validation(flags)? != "Ignore"
        && let Some(why) = objection(text)
    {
        let place = place(&infos[0]);
        session.complain(&format!("error: {place} is invalid\n"));
        let why = format!("<nil>: Invalid value: \"The edited file failed validation\": {why}");
        results.reasons = reasons(&format!("{place} was not valid"), &[why]);
        results.invalid = 1;
        return Ok(Some(results));
    }
    if bare(original) == bare(text) {
        session.complain("Edit cancelled, no changes made.\n");
        return Ok(None);
    }
    if text.lines().map(str::trim).all(|it| it.is_empty() || it.starts_with('#')) {
        session.complain("Edit cancelled, saved file was empty.\n");
        return Ok(None);
    }
    let edited = match manifest::parsed(session, flags, "edited-file", text) {
        Ok(edited) => edited,
        Err(why) => {
            let why = format!("The edited file had a syntax error: {}", why.message());
            results.reasons = reasons(&why, &[]);
            return Ok(Some(results));
        }
    };
    for info in edited {
        let uid = info.object["metadata"].get("uid");
        let Some(before) = infos.iter().find(|it| it.object["metadata"].get("uid") == uid) else {
            let shown = gotemplate::go_syntax(&info.object);
            let words = format!("no original object found for &unstructured.Unstructured{{Object:{shown}}}");
            return Err(Fault::Plain(words));
        };
        if info.namespace != before.namespace {
            let (its, ours) = (&info.namespace, &before.namespace);
            return Err(Fault::Plain(format!(
                "the namespace from the provided object \"{its}\" does not match the namespace \"{ours}\". You must pass \
                 '--namespace={its}' to perform this operation."
            )));
        }
        if info.object == before.object {
            print::done(session, output, flags, &info.object, "skipped")?;
            continue;
        }
        match save(session, flags, before, &info.object).await? {
            Ok(after) => print::done(session, output, flags, &after, "edited")?,
            Err(fault) => results.add(session, &fault, before),
        }
    }
    Ok(Some(results))
}

impl Results {
    fn add(&mut self, session: &mut Session<'_>, fault: &Fault, info: &Info) {
        let place = place(info);
        match (fault.reason(), fault) {
            ("Invalid", Fault::Server { status, .. }) => {
                let causes = status.at(&["details", "causes"]).items().iter();
                let causes: Vec<String> =
                    causes.map(|it| format!("{}: {}", it.str("field"), it.str("message"))).collect();
                self.reasons += &reasons(&format!("{place} was not valid"), &causes);
                self.invalid += 1;
                session.complain(&format!("error: {place} is invalid\n"));
            }
            ("NotFound", _) => {
                self.not_found += 1;
                session.complain(&format!("error: {place} could not be found on the server\n"));
            }
            _ => {
                self.retryable += 1;
                session.complain(&format!("error: {place} could not be patched: {}\n", fault.message()));
            }
        }
    }
}

/// The outer error ends the command, the inner one is the server's.
async fn save(
    session: &mut Session<'_>,
    flags: &Flags,
    before: &Info,
    changed: &Value,
) -> Result<Result<Value, Fault>, Fault> {
    let is_same = |it: &Value| {
        it.str("kind") == before.kind.name()
            && it.str("apiVersion") == before.object.str("apiVersion")
            && it["metadata"].str("name") == before.name
    };
    if !is_same(changed) {
        return Err(Fault::plain("At least one of apiVersion, kind and name was changed"));
    }
    let its = structure(before.kind);
    let body = json::compact(&diff::three_way(its, &before.object, changed, &before.object));
    if flags.is_on("output-patch") {
        session.print(&format!("Patch: {body}\n"));
    }
    let content =
        if its.is_some() { "application/strategic-merge-patch+json" } else { "application/merge-patch+json" };
    let request = Request::new("PATCH", path(before.kind, &before.namespace, &before.name));
    let request = manifest::options(flags, request, "kubectl-edit")?;
    Ok(session.json(request.with_body(content, body)).await)
}

fn place(info: &Info) -> String {
    format!("{} \"{}\"", info.kind.resource().qualified(), info.name)
}

/// Words as comments over the text.
fn reasons(head: &str, others: &[String]) -> String {
    let commented = |text: &str| text.replace("\n#", "\n").replace('\n', "\n# ");
    let colon = if others.is_empty() { "" } else { ":" };
    let mut text = format!("# {}{colon}\n", commented(head));
    for other in others {
        text += &format!("# * {}\n", commented(other));
    }
    text + "#\n"
}

/// Without the lines that are comments.
fn stripped(text: &str) -> String {
    let is_comment = |line: &&str| {
        let line = line.trim_start();
        line.starts_with('#') && !line.starts_with("#!")
    };
    text.split_inclusive('\n').filter(|it| !is_comment(it)).collect()
}

/// What a text says, whatever its comments and its form are.
fn bare(text: &str) -> String {
    yaml::parse(text).map_or_else(|_| stripped(text), |it| json::compact(&it))
}

/// What makes a text no object at all.
fn objection(text: &str) -> Option<String> {
    let object = match yaml::parse(&stripped(text)) {
        Ok(object) => object,
        Err(why) => return Some(why),
    };
    if !object.is_map() {
        return Some("invalid object to validate".to_owned());
    }
    let mut missing = Vec::new();
    for name in ["apiVersion", "kind"] {
        match object.get(name) {
            Value::Null => missing.push(format!("{name} not set")),
            Value::Text(_) => {}
            _ => missing.push(format!("{name} isn't string type")),
        }
    }
    match &missing[..] {
        [] => None,
        [one] => Some(one.clone()),
        all => Some(format!("[{}]", all.join(", "))),
    }
}

/// Says where the edited text lies, before what went wrong.
fn kept(session: &mut Session<'_>, file: &str, fault: Fault) -> Fault {
    if !file.is_empty() {
        session.complain(&format!("A copy of your changes has been stored to {file:?}\n"));
    }
    fault
}
