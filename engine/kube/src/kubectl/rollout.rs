//! `rollout`: status, history, undo, restart, pause, resume.
//!
//! Source: kubectl `pkg/cmd/rollout`, `pkg/polymorphichelpers`.

use super::describe::{Text, pod_template, replica_sets};
use super::fault::Fault;
use super::find::{self, How, Info};
use super::flags::Flags;
use super::patch;
use super::print::{self, Output, named};
use super::session::Session;
use super::tab;
use crate::object;
use crate::object::{Kind, Value};
use crate::store::controller_of;
use std::time::Duration;

const REVISION: &str = "deployment.kubernetes.io/revision";
const CAUSE: &str = "kubernetes.io/change-cause";
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";
const PAUSE: Duration = Duration::from_secs(1);

pub async fn rollout(session: &mut Session<'_>, what: &str, flags: &Flags) -> Result<(), Fault> {
    if what.is_empty() {
        session.complain(&super::command::help(super::command::command("rollout")));
        return Err(Fault::Silent(1));
    }
    if flags.words.is_empty() && !flags.has("filename") && !flags.has("selector") {
        return Err(flags.usage("required resource not specified"));
    }
    let how = How { all_if_unnamed: true, latest: true };
    let output = Output::of_writer(session, flags).await?;
    let (infos, mut faults) = find::find(session, flags, &flags.words, how).await?;
    for info in infos {
        let done = match what {
            "status" => status(session, flags, &info).await,
            "history" => history(session, flags, &info).await,
            "undo" => undo(session, flags, &info, &output).await,
            "restart" => restart(session, flags, &info, &output).await,
            _ => pause(session, flags, &info, &output, what == "pause").await,
        };
        if let Err(fault) = done {
            find::push(&mut faults, fault)?;
        }
    }
    Fault::all(faults)
}

/// A line about how far it is, and whether it is done.
type Progress = Result<(String, bool), Fault>;

fn progress(info: &Info, object: &Value, revision: i64) -> Progress {
    let seen = object["status"].int("observedGeneration") >= object["metadata"].int("generation");
    let on_delete = object.at(&["spec", "updateStrategy"]).str("type") == "OnDelete";
    if on_delete && matches!(info.kind, Kind::DaemonSet | Kind::StatefulSet) {
        return Err(Fault::plain("rollout status is only available for RollingUpdate strategy type"));
    }
    match info.kind {
        Kind::Deployment => of_deployment(&info.name, object, revision, seen),
        Kind::DaemonSet => Ok(of_daemon_set(&info.name, object, seen)),
        Kind::StatefulSet => Ok(of_stateful_set(object, seen)),
        other => Err(Fault::Plain(format!("no status viewer has been implemented for {}", go_kind(other)))),
    }
}

fn of_deployment(name: &str, object: &Value, revision: i64, seen: bool) -> Progress {
    let (spec, status) = (object.get("spec"), object.get("status"));
    if revision > 0 {
        let now = object["metadata"]["annotations"].str(REVISION).parse().unwrap_or(0);
        if revision != now {
            let text =
                format!("desired revision ({revision}) is different from the running revision ({now})");
            return Err(Fault::Plain(text));
        }
    }
    if !seen {
        return Ok(("Waiting for deployment spec update to be observed...\n".to_owned(), false));
    }
    let late = |it: &Value| it.str("type") == "Progressing" && it.str("reason") == "ProgressDeadlineExceeded";
    if status.get("conditions").items().iter().any(late) {
        return Err(Fault::Plain(format!("deployment \"{name}\" exceeded its progress deadline")));
    }
    let (wanted, updated) = (spec.get("replicas").as_int().unwrap_or(1), status.int("updatedReplicas"));
    let head = format!("Waiting for deployment \"{name}\" rollout to finish: ");
    if updated < wanted {
        return Ok((format!("{head}{updated} out of {wanted} new replicas have been updated...\n"), false));
    }
    if status.int("replicas") > updated {
        let old = status.int("replicas") - updated;
        return Ok((format!("{head}{old} old replicas are pending termination...\n"), false));
    }
    let available = status.int("availableReplicas");
    if available < updated {
        return Ok((format!("{head}{available} of {updated} updated replicas are available...\n"), false));
    }
    Ok((format!("deployment \"{name}\" successfully rolled out\n"), true))
}

fn of_daemon_set(name: &str, object: &Value, seen: bool) -> (String, bool) {
    if !seen {
        return ("Waiting for daemon set spec update to be observed...\n".to_owned(), false);
    }
    let status = object.get("status");
    let wanted = status.int("desiredNumberScheduled");
    let (updated, available) = (status.int("updatedNumberScheduled"), status.int("numberAvailable"));
    let head = format!("Waiting for daemon set \"{name}\" rollout to finish: ");
    if updated < wanted {
        return (format!("{head}{updated} out of {wanted} new pods have been updated...\n"), false);
    }
    if available < wanted {
        return (format!("{head}{available} of {wanted} updated pods are available...\n"), false);
    }
    (format!("daemon set \"{name}\" successfully rolled out\n"), true)
}

fn of_stateful_set(object: &Value, seen: bool) -> (String, bool) {
    let (spec, status) = (object.get("spec"), object.get("status"));
    if status.int("observedGeneration") == 0 || !seen {
        return ("Waiting for statefulset spec update to be observed...\n".to_owned(), false);
    }
    let wanted = spec.get("replicas").as_int().unwrap_or(1);
    if status.int("readyReplicas") < wanted {
        let left = wanted - status.int("readyReplicas");
        return (format!("Waiting for {left} pods to be ready...\n"), false);
    }
    let (current, update) = (status.str("currentRevision"), status.str("updateRevision"));
    if current != update {
        let updated = status.int("updatedReplicas");
        let head = "waiting for statefulset rolling update to complete";
        return (format!("{head} {updated} pods at revision {update}...\n"), false);
    }
    let count = status.int("currentReplicas");
    (format!("statefulset rolling update complete {count} pods at revision {current}...\n"), true)
}

/// `{apps ReplicaSet}` as Go prints a group and kind.
fn go_kind(kind: Kind) -> String {
    let resource = kind.resource();
    let dot = if resource.group.is_empty() { "" } else { "." };
    format!("{}{dot}{}", resource.name, resource.group)
}

async fn status(session: &mut Session<'_>, flags: &Flags, info: &Info) -> Result<(), Fault> {
    let revision = flags.number("revision")?.unwrap_or(0);
    let limit = super::wait::seconds(flags.get("timeout"))?.filter(|it| *it > 0);
    let mut waited = 0;
    let mut last = String::new();
    loop {
        let object = session.fetch(info.kind, &info.namespace, &info.name).await?;
        let (text, is_done) = progress(info, &object, revision)?;
        if text != last {
            session.print(&text);
            last = text;
        }
        if is_done || flags.get("watch") == "false" {
            return Ok(());
        }
        if limit.is_some_and(|it| waited >= it) {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += PAUSE.as_secs();
    }
}

/// Revisions with the template each stands for.
async fn revisions(session: &mut Session<'_>, info: &Info) -> Result<Vec<(i64, Value, String)>, Fault> {
    let mut all: Vec<(i64, Value, String)> = match info.kind {
        Kind::Deployment => {
            let (mut sets, new) = replica_sets(session, &info.object).await;
            sets.extend(new);
            let one = |it: &Value| {
                let annotations = it["metadata"].get("annotations");
                let revision = annotations.str(REVISION).parse().unwrap_or(0);
                (revision, it.at(&["spec", "template"]).clone(), annotations.str(CAUSE).to_owned())
            };
            sets.iter().map(one).collect()
        }
        Kind::DaemonSet | Kind::StatefulSet => {
            let uid = info.object["metadata"].str("uid");
            let list = session.list(Kind::ControllerRevision, &info.namespace, &[]).await?;
            let its = list.iter().filter(|it| controller_of(it).str("uid") == uid);
            its.map(|it| {
                let template = it.at(&["data", "spec", "template"]).clone();
                (it.int("revision"), template, it["metadata"]["annotations"].str(CAUSE).to_owned())
            })
            .collect()
        }
        other => {
            return Err(Fault::Plain(format!(
                "no history viewer has been implemented for \"{}\"",
                go_kind(other)
            )));
        }
    };
    all.sort_by_key(|it| it.0);
    Ok(all)
}

async fn history(session: &mut Session<'_>, flags: &Flags, info: &Info) -> Result<(), Fault> {
    let wanted = flags.number("revision")?.unwrap_or(0);
    if wanted < 0 {
        return Err(Fault::Plain(format!("revision must be a positive integer: {wanted}")));
    }
    let revisions = revisions(session, info).await?;
    let head = named(info.kind, &info.name);
    if wanted > 0 {
        let Some((_, template, cause)) = revisions.iter().find(|it| it.0 == wanted) else {
            return Err(Fault::plain("unable to find the specified revision"));
        };
        let mut template = template.clone();
        if !cause.is_empty() {
            template["metadata"]["annotations"].set(CAUSE, cause.as_str());
        }
        let mut out = Text::default();
        pod_template(&mut out, &template);
        session.print(&format!("{head} with revision #{wanted}\n{}\n", out.text));
        return Ok(());
    }
    if revisions.is_empty() {
        session.print(&format!("{head} \nNo rollout history found.\n"));
        return Ok(());
    }
    let mut text = "REVISION\tCHANGE-CAUSE\n".to_owned();
    for (revision, _, cause) in &revisions {
        text += &format!("{revision}\t{}\n", if cause.is_empty() { "<none>" } else { cause });
    }
    // This table is laid out as describe's are.
    session.print(&format!("{head} \n{}\n", tab::describe(&text)));
    Ok(())
}

async fn undo(session: &mut Session<'_>, flags: &Flags, info: &Info, output: &Output) -> Result<(), Fault> {
    let to = flags.number("to-revision")?.unwrap_or(0);
    if to < 0 {
        return Err(Fault::Plain(format!("unable to find specified revision {to} in history")));
    }
    if info.object["spec"].is_true("paused") {
        let words = format!(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume deployment/{}' and try again",
            info.name
        );
        return Err(Fault::Plain(words));
    }
    let mut revisions = revisions(session, info).await?;
    let current = revisions.pop();
    let found = match to {
        0 => revisions.pop(),
        to if current.as_ref().is_some_and(|it| it.0 == to) => current.clone(),
        to => revisions.into_iter().find(|it| it.0 == to),
    };
    let Some((revision, mut template, _)) = found else {
        return Err(Fault::Plain(match to {
            0 => format!("no rollout history found for deployment \"{}\"", info.name),
            to => format!("unable to find specified revision {to} in history"),
        }));
    };
    if template.at(&["metadata", "labels"]).has("pod-template-hash") {
        template["metadata"]["labels"].remove("pod-template-hash");
    }
    if current.is_some_and(|it| it.0 == revision) {
        let said = format!("skipped rollback (current template already matches revision {revision})");
        return print::done(session, output, flags, &info.object, &said);
    }
    if flags.dry_run()? == "client" {
        return print::done(session, output, flags, &info.object, "rolled back");
    }
    let body = Value::list(vec![object!({"op": "replace", "path": "/spec/template", "value": template})]);
    let after =
        patch::send(session, flags, info, "application/json-patch+json", &body, "kubectl-rollout").await?;
    print::done(session, output, flags, &after, "rolled back")
}

async fn restart(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    output: &Output,
) -> Result<(), Fault> {
    if !matches!(info.kind, Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet) {
        let words =
            format!("{} \"{}\" restarting is not supported", info.kind.resource().qualified(), info.name);
        return Err(Fault::Plain(words));
    }
    if info.object["spec"].is_true("paused") {
        return Err(Fault::Plain(format!(
            "{} \"{}\" can't restart paused deployment (run rollout resume first)",
            info.kind.resource().qualified(),
            info.name
        )));
    }
    let now = session.host.now().rfc3339();
    let mut body = Value::map();
    body["spec"]["template"]["metadata"]["annotations"].set(RESTARTED, now);
    let content = "application/strategic-merge-patch+json";
    let after = patch::send(session, flags, info, content, &body, "kubectl-rollout").await?;
    print::done(session, output, flags, &after, "restarted")
}

async fn pause(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    output: &Output,
    wants: bool,
) -> Result<(), Fault> {
    let resource = info.kind.resource().qualified();
    let (verb, done, state) =
        if wants { ("pausing", "paused", "already") } else { ("resuming", "resumed", "not") };
    if info.kind != Kind::Deployment {
        return Err(Fault::Plain(format!("{resource} \"{}\" {verb} is not supported", info.name)));
    }
    if info.object["spec"].is_true("paused") == wants {
        return Err(Fault::Plain(format!("{resource} \"{}\" is {state} paused", info.name)));
    }
    let value = if wants { Value::Bool(true) } else { Value::Null };
    let body = object!({"spec": {"paused": value}});
    let content = "application/strategic-merge-patch+json";
    let after = patch::send(session, flags, info, content, &body, "kubectl-rollout").await?;
    print::done(session, output, flags, &after, done)
}
