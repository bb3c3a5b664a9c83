//! `edit`: the object as YAML in an editor, what changed as a patch.
//!
//! Always: a text that is left as it was changes nothing; a wrong one comes back with what is wrong with it.
//! Source: kubectl `pkg/cmd/util/editor`.

use super::apply::structure;
use super::fault::Fault;
use super::find::{self, EVERYTHING, Info};
use super::flags::Flags;
use super::patch;
use super::print::{self, Output};
use super::session::Session;
use crate::object::{Value, diff, yaml};

const HEAD: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort \
    the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";
/// As often as a wrong text is given back.
const TRIES: usize = 16;

pub async fn edit(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.words.is_empty() && !flags.has("filename") {
        return Err(find::nothing_given());
    }
    let output = Output::of_writer(session, flags).await?;
    let mut infos = find::all(session, flags, &flags.words, EVERYTHING).await?;
    for info in &mut infos {
        info.object["metadata"].remove("managedFields");
        one(session, flags, info, &output).await?;
    }
    if infos.is_empty() {
        return Err(Fault::plain("edit cancelled, no objects found"));
    }
    Ok(())
}

async fn one(session: &mut Session<'_>, flags: &Flags, info: &Info, output: &Output) -> Result<(), Fault> {
    let original = yaml::print(&info.object);
    let mut given = original.clone();
    let mut trouble = String::new();
    for _ in 0..TRIES {
        let text = format!("{HEAD}{trouble}{given}");
        session.flush().await;
        let left = session
            .host
            .edit(text)
            .await
            .map_err(|why| Fault::Plain(format!("there was a problem with the editor \"vi\": {why}")))?;
        let body: String = left.split_inclusive('\n').filter(|it| !it.starts_with('#')).collect();
        if body == given {
            if trouble.is_empty() {
                session.complain("Edit cancelled, no changes made.\n");
                return Ok(());
            }
            return Err(kept(session, &left).await);
        }
        if body.trim().is_empty() {
            session.complain("Edit cancelled, saved file was empty.\n");
            return Ok(());
        }
        let changed = match yaml::parse(&body) {
            Ok(changed) => changed,
            Err(why) => {
                trouble = format!(
                    "# The edited file had a syntax error: error converting YAML to JSON: {why}\n#\n"
                );
                given = body;
                continue;
            }
        };
        if changed == info.object {
            session.complain("Edit cancelled, no changes made.\n");
            return Ok(());
        }
        match save(session, flags, info, &changed).await {
            Ok(after) => return print::done(session, output, flags, &after, "edited"),
            Err(fault) => {
                let place = format!("{} \"{}\"", info.kind.resource().qualified(), info.name);
                trouble = reasons(&fault, &place);
                let text = if fault.reason() == "Invalid" {
                    format!("error: {place} is invalid\n")
                } else {
                    format!(
                        "error: {place} could not be patched: {}\nYou can run `kubectl replace -f FILE` to try this update again.\n",
                        fault.message()
                    )
                };
                session.complain(&text);
                given = body;
            }
        }
    }
    Err(Fault::plain("Edit cancelled, no valid changes were saved."))
}

async fn save(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    changed: &Value,
) -> Result<Value, Fault> {
    if changed["metadata"].str("name") != info.name || changed.str("kind") != info.kind.name() {
        let words = "At least one of apiVersion, kind and name was changed";
        return Err(Fault::plain(words));
    }
    let its = structure(info.kind);
    let body = diff::three_way(its, &info.object, changed, &info.object);
    let content =
        if its.is_some() { "application/strategic-merge-patch+json" } else { "application/merge-patch+json" };
    patch::send(session, flags, info, content, &body, "kubectl-edit").await
}

/// The server's words as comments over the text.
fn reasons(fault: &Fault, place: &str) -> String {
    let message = fault.message();
    let parts: Vec<&str> = message.split(": ").collect();
    let tail = parts.get(1..).unwrap_or_default().join(": ");
    format!("# {place} was not valid:\n# * {}\n#\n", tail.replace('\n', "\n# "))
}

/// The edited text is kept in a file for another try.
async fn kept(session: &mut Session<'_>, text: &str) -> Fault {
    let path = "/tmp/kubectl-edit-1.yaml";
    if session.host.write(path, text.as_bytes().to_vec()).await.is_ok() {
        session.complain(&format!("A copy of your changes has been stored to \"{path}\"\n"));
    }
    Fault::plain("Edit cancelled, no valid changes were saved.")
}
