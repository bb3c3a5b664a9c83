//! `diff`: how the server's objects differ from what applying a manifest would make of them.
//!
//! Always: exit 0 without a difference, 1 with one, more if something went wrong. Differs from kubectl: the comparison is
//! its own, in the form of `diff -u -N`; `KUBECTL_EXTERNAL_DIFF` is not asked. Source: kubectl `pkg/cmd/diff`.

use super::apply::{LAST_APPLIED, structure, warn_if_deleting};
use super::fault::Fault;
use super::find::Info;
use super::flags::Flags;
use super::manifest;
use super::session::{Session, path};
use super::unified::unified;
use crate::api::Request;
use crate::object::{Kind, Value, diff as patches, json, yaml};
use std::collections::BTreeMap;

pub async fn diff(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    match compare(session, flags).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(Fault::Silent(1)),
        Err(fault) => {
            session.complain(&fault.text());
            Err(Fault::Silent(fault.code() + 1))
        }
    }
}

/// Before and after by the name of the file that holds them.
type Versions = BTreeMap<String, (String, String)>;

async fn compare(session: &mut Session<'_>, flags: &Flags) -> Result<bool, Fault> {
    if !flags.words.is_empty() {
        return Err(flags.usage(format!("Unexpected args: [{}]", flags.words.join(" "))));
    }
    if !flags.has("filename") && !flags.has("kustomize") {
        return Err(Fault::plain("must specify one of -f and -k"));
    }
    if flags.is_on("force-conflicts") && !flags.is_on("server-side") {
        return Err(Fault::plain("--force-conflicts only works with --server-side"));
    }
    let (infos, faults) = manifest::read(session, flags).await?;
    let mut versions = Versions::new();
    for info in infos {
        let mut live = match session.fetch(info.kind, &info.namespace, &info.name).await {
            Ok(live) => live,
            Err(fault) if fault.is_not_found() => Value::Null,
            Err(fault) => return Err(fault),
        };
        let mut merged = merged(session, flags, &info, &live).await?;
        if !flags.is_on("show-managed-fields") {
            for object in [&mut live, &mut merged].into_iter().filter(|it| it.is_map()) {
                object["metadata"].remove("managedFields");
            }
        }
        if info.kind == Kind::Secret && !flags.is_on("show-secrets") {
            mask(&mut live, &mut merged);
        }
        warn_if_deleting(session, &info, &live);
        let version = info.kind.resource().api_version().replace('/', ".");
        let file = format!("{version}.{}.{}.{}", info.kind.name(), info.namespace, info.name);
        let text = |object: &Value| if object.is_null() { String::new() } else { yaml::print(object) };
        versions.insert(file, (text(&live), text(&merged)));
    }
    Fault::all(faults)?;
    let time = session.host.now().rfc3339().replace('T', " ").replace('Z', ".000000000 +0000");
    let (live, merged) = (session.host.digits().await, session.host.digits().await);
    let mut differs = false;
    for (file, (before, after)) in versions.iter().filter(|(_, (before, after))| before != after) {
        differs = true;
        let (live, merged) = (format!("/tmp/LIVE-{live}/{file}"), format!("/tmp/MERGED-{merged}/{file}"));
        let head = format!("diff -u -N {live} {merged}\n--- {live}\t{time}\n+++ {merged}\t{time}\n");
        session.print(&(head + &unified(before, after)));
    }
    Ok(differs)
}

/// What the server would make of it.
async fn merged(session: &mut Session<'_>, flags: &Flags, info: &Info, live: &Value) -> Result<Value, Fault> {
    let place = path(info.kind, &info.namespace, &info.name);
    let (request, manager) = if flags.is_on("server-side") {
        let force = if flags.is_on("force-conflicts") { "true" } else { "false" };
        let request = Request::new("PATCH", place).with_query("force", force);
        (request.with_body("application/apply-patch+yaml", json::compact(&info.object)), "kubectl")
    } else if live.is_null() {
        let request = Request::new("POST", path(info.kind, &info.namespace, ""));
        (request.with_body("application/json", json::compact(&info.object)), "kubectl-client-side-apply")
    } else {
        let original = json::parse(live["metadata"]["annotations"].str(LAST_APPLIED)).unwrap_or_default();
        let its = structure(info.kind);
        let patch = patches::three_way(its, &original, &info.object, live);
        if patch.is_empty() {
            return Ok(live.clone());
        }
        let content = if its.is_some() {
            "application/strategic-merge-patch+json"
        } else {
            "application/merge-patch+json"
        };
        let request = Request::new("PATCH", place).with_body(content, json::compact(&patch));
        (request, "kubectl-client-side-apply")
    };
    let manager = flags.or("field-manager", manager).to_owned();
    session.json(request.with_query("dryRun", "All").with_query("fieldManager", manager)).await
}

/// Stars instead of a Secret's values; a changed one shows that it has changed.
fn mask(before: &mut Value, after: &mut Value) {
    let values = |object: &Value| object.get("data").clone();
    let (old, new) = (values(before), values(after));
    for (object, own, other, suffix) in [(before, &old, &new, "before"), (after, &new, &old, "after")] {
        for (name, value) in own.fields() {
            let differs = other.has(name) && other.get(name) != value;
            let stars = if differs { format!("*** ({suffix})") } else { "***".to_owned() };
            object["data"].set(name, stars);
        }
    }
}
