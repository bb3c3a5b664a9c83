//! `patch`, and sending patches for other verbs.
//!
//! Source: kubectl `pkg/cmd/patch`.

use super::fault::Fault;
use super::find::{self, How, Info};
use super::flags::Flags;
use super::print::{self, Output};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Value, json, patch as patches, yaml};

pub async fn patch(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let kind = flags.or("type", "strategic").to_lowercase();
    let content = match kind.as_str() {
        "strategic" => "application/strategic-merge-patch+json",
        "merge" => "application/merge-patch+json",
        "json" => "application/json-patch+json",
        _ => {
            let given = flags.get("type");
            return Err(flags.usage(format!("--type must be one of [json merge strategic], not {given:?}")));
        }
    };
    let text = match (flags.get("patch"), flags.get("patch-file")) {
        ("", "") => {
            return Err(
                flags.usage("must specify --patch or --patch-file containing the contents of the patch")
            );
        }
        ("", file) => session
            .text(file)
            .await
            .map_err(|why| Fault::Plain(format!("unable to read patch file: {}", why.message())))?,
        (text, _) => text.to_owned(),
    };
    let body = yaml::parse(&text).map_err(|why| {
        Fault::Plain(format!("unable to parse {text:?}: yaml: {}", why.trim_start_matches("yaml: ")))
    })?;
    let output = Output::of_writer(session, flags).await?;
    let (infos, mut faults) =
        find::find(session, flags, &flags.words, How { all_if_unnamed: false, latest: true }).await?;
    for info in infos {
        match one(session, flags, &info, content, &body).await {
            Ok(after) => {
                let said = if after == info.object { "patched (no change)" } else { "patched" };
                print::done(session, &output, flags, &after, said)?;
            }
            Err(fault) => find::push(&mut faults, fault)?,
        }
    }
    Fault::all(faults)
}

async fn one(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    content: &str,
    body: &Value,
) -> Result<Value, Fault> {
    if flags.is_on("local") || flags.dry_run()? == "client" {
        let mut after = info.object.clone();
        match content {
            "application/json-patch+json" => patches::json_patch(&mut after, body).map_err(Fault::Plain)?,
            "application/merge-patch+json" => patches::merge(&mut after, body),
            _ => patches::strategic(super::apply::structure(info.kind), &mut after, body)
                .map_err(Fault::Plain)?,
        }
        return Ok(after);
    }
    send(session, flags, info, content, body, "kubectl-patch").await
}

/// Sends a patch of any kind.
pub async fn send(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    content: &str,
    body: &Value,
    manager: &str,
) -> Result<Value, Fault> {
    let mut at = path(info.kind, &info.namespace, &info.name);
    if flags.has("subresource") {
        at = format!("{at}/{}", flags.get("subresource"));
    }
    let mut request =
        Request::new("PATCH", at).with_query("fieldManager", flags.or("field-manager", manager));
    if flags.dry_run()? == "server" {
        request = request.with_query("dryRun", "All");
    }
    session.json(request.with_body(content, json::compact(body))).await
}
