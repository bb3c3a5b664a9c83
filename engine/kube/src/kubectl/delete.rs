//! `delete`: by name, selector, file, or all; and waiting until it is done.
//!
//! Source: kubectl `pkg/cmd/delete`.

use super::fault::Fault;
use super::find::{self, Info, namespace_of};
use super::flags::Flags;
use super::session::{Session, path};
use crate::api::Request;
use crate::object;
use crate::object::{Kind, json};
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);
/// A week, as kubectl waits if nobody says how long.
const LONGEST_WAIT: u64 = 7 * 24 * 3600;

pub async fn delete(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.has("raw") {
        let response = session.send(Request::new("DELETE", flags.get("raw"))).await?;
        session.print(&response.body);
        return Ok(());
    }
    let grace = flags.number("grace-period")?.unwrap_or(-1);
    if flags.is_on("now") && grace >= 0 {
        return Err(Fault::plain("--now and --grace-period cannot be specified together"));
    }
    if flags.is_on("all") && flags.has("selector") {
        return Err(Fault::plain("cannot set --all and --selector at the same time"));
    }
    let cascade = flags.or("cascade", "background");
    if !["true", "false", "background", "orphan", "foreground"].contains(&cascade) {
        return Err(Fault::Plain(format!(
            "invalid cascade value ({cascade}). Must be \"background\", \"foreground\", or \"orphan\""
        )));
    }
    if flags.is_on("force") && grace <= 0 {
        session.complain(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The \
             resource may continue to run on the cluster indefinitely.\n",
        );
    }
    let (infos, mut faults) = chosen(session, flags).await?;
    let ignores = flags.is_on("ignore-not-found") || flags.is_on("all") || flags.has("selector");
    faults.retain(|it| !(ignores && it.is_not_found()));
    let mut gone = Vec::new();
    let mut count = 0;
    for info in infos {
        match one(session, flags, &info).await {
            Ok(()) => {
                count += 1;
                gone.push(info);
            }
            Err(fault) if ignores && fault.is_not_found() => {}
            Err(fault) => find::push(&mut faults, fault.when("deleting", &info.source))?,
        }
    }
    if count == 0 && faults.is_empty() && !flags.is_on("ignore-not-found") {
        session.print("No resources found\n");
    }
    if flags.or("wait", "true") == "true" && !flags.is_on("force") && flags.dry_run()?.is_empty() {
        wait(session, flags, &gone).await?;
    }
    Fault::all(faults)
}

/// What is to go: a name is not asked for first, its deletion says whether it is there.
async fn chosen(session: &mut Session<'_>, flags: &Flags) -> Result<(Vec<Info>, Vec<Fault>), Fault> {
    if flags.has("filename") || flags.has("kustomize") {
        return find::find(session, flags, &flags.words, find::How::default()).await;
    }
    let wanted = find::wanted(flags, &flags.words, false)?;
    let (mut infos, mut faults) = (Vec::new(), Vec::new());
    for (kind, names) in wanted.kinds {
        let namespace = namespace_of(session, flags, kind);
        infos.extend(names.iter().map(|name| Info {
            kind,
            namespace: namespace.clone(),
            name: name.clone(),
            object: object::Value::Null,
            source: String::new(),
        }));
        if names.is_empty() {
            let selectors =
                [("labelSelector", flags.get("selector")), ("fieldSelector", flags.get("field-selector"))];
            match session.list(kind, &namespace, &selectors).await {
                Ok(list) => infos.extend(list.into_iter().map(|it| Info::of(kind, it))),
                Err(fault) => find::push(&mut faults, fault)?,
            }
        }
    }
    Ok((infos, faults))
}

async fn one(session: &mut Session<'_>, flags: &Flags, info: &Info) -> Result<(), Fault> {
    let dry = flags.dry_run()?;
    if dry == "client" {
        session.fetch(info.kind, &info.namespace, &info.name).await?;
    } else {
        let policy = match flags.or("cascade", "background") {
            "false" | "orphan" => "Orphan",
            "foreground" => "Foreground",
            _ => "Background",
        };
        let mut body = object!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
        let grace = match flags.number("grace-period")? {
            _ if flags.is_on("now") => Some(1),
            None if flags.is_on("force") => Some(0),
            Some(0) if !flags.is_on("force") => Some(1),
            given => given.filter(|it| *it >= 0),
        };
        if let Some(grace) = grace {
            body.set("gracePeriodSeconds", grace);
        }
        if dry == "server" {
            body.set("dryRun", vec![object::Value::from("All")]);
        }
        let request = Request::new("DELETE", path(info.kind, &info.namespace, &info.name));
        session.send(request.with_body("application/json", json::compact(&body))).await?;
    }
    let resource = info.kind.resource();
    if flags.get("output") == "name" {
        session.print(&format!("{}/{}\n", resource.qualified_singular(), info.name));
        return Ok(());
    }
    let mut what = if flags.is_on("force") { "force deleted" } else { "deleted" }.to_owned();
    what += match dry {
        "client" => " (dry run)",
        "server" => " (server dry run)",
        _ => "",
    };
    if resource.namespaced {
        what += &format!(" from {} namespace", info.namespace);
    }
    session.print(&format!("{} \"{}\" {what}\n", resource.qualified_singular(), info.name));
    Ok(())
}

/// Waits until what was deleted is gone, or another stands under its name.
async fn wait(session: &mut Session<'_>, flags: &Flags, gone: &[Info]) -> Result<(), Fault> {
    let limit = super::wait::seconds(flags.get("timeout"))?.filter(|it| *it > 0).unwrap_or(LONGEST_WAIT);
    let mut waited = 0;
    for info in gone {
        loop {
            match session.fetch(info.kind, &info.namespace, &info.name).await {
                Err(_) => break,
                Ok(object) if !object["metadata"].has("deletionTimestamp") => break,
                Ok(_) if waited >= limit => {
                    let place = super::print::named(info.kind, &info.name);
                    return Err(Fault::Plain(format!("timed out waiting for the condition on {place}")));
                }
                Ok(_) => {}
            }
            session.sleep(PAUSE).await;
            waited += PAUSE.as_secs();
        }
    }
    Ok(())
}

/// Deletes what is to be made anew.
pub async fn of_infos(
    session: &mut Session<'_>,
    flags: &Flags,
    infos: &[Info],
    now: bool,
) -> Result<(), Fault> {
    let mut gone = Vec::new();
    for info in infos {
        let grace = if now { 0 } else { 30 };
        let body = object!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": grace});
        let request = Request::new("DELETE", path(info.kind, &info.namespace, &info.name));
        match session.send(request.with_body("application/json", json::compact(&body))).await {
            Ok(_) => gone.push(info.clone()),
            Err(fault) if fault.is_not_found() => {}
            Err(fault) => return Err(fault),
        }
    }
    wait(session, flags, &gone).await
}

/// A pod of a debug or drain session.
pub async fn pod(session: &mut Session<'_>, namespace: &str, name: &str) -> Result<(), Fault> {
    session.send(Request::new("DELETE", path(Kind::Pod, namespace, name))).await.map(|_| ())
}
