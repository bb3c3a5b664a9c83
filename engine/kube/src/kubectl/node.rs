//! `taint`, `cordon`, `uncordon`, `drain`.
//!
//! Sources: kubectl `pkg/cmd/{taint,drain}`, `pkg/drain`.

use super::fault::Fault;
use super::find::{self, How, Info};
use super::flags::Flags;
use super::label::split;
use super::patch;
use super::print::{self, Output};
use super::session::{Session, path};
use crate::api::Request;
use crate::object;
use crate::object::{Kind, Value, json};
use crate::store::controller_of;
use std::time::Duration;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const PAUSE: Duration = Duration::from_secs(1);
/// As long as `drain` waits for pods if nobody says how long.
const LONGEST_WAIT: u64 = 24 * 3600;

/// `key=value:NoSchedule`.
pub fn taint_shown(taint: &Value) -> String {
    let (key, value, effect) = (taint.str("key"), taint.str("value"), taint.str("effect"));
    let value = if value.is_empty() { String::new() } else { format!("={value}") };
    let effect = if effect.is_empty() { String::new() } else { format!(":{effect}") };
    format!("{key}{value}{effect}")
}

/// `key=value:effect`, `key:effect`, or with a minus behind to remove one or all of a key.
fn parse(word: &str) -> Result<(Value, bool), Fault> {
    let (text, removes) = word.strip_suffix('-').map_or((word, false), |it| (it, true));
    let wrong = |why: String| Fault::Plain(format!("invalid taint spec: {word}{why}"));
    let (key, effect) = text.split_once(':').unwrap_or((text, ""));
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    if key.is_empty() || effect.is_empty() && !removes {
        return Err(wrong(String::new()));
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        return Err(Fault::Plain(format!("invalid taint effect: {effect}, unsupported taint effect")));
    }
    if let Err(why) = crate::validation::name::qualified_name(key) {
        return Err(wrong(format!(", {why}")));
    }
    let mut taint = object!({"effect": effect, "key": key});
    if !value.is_empty() {
        taint.set("value", value);
    }
    Ok((taint, removes))
}

pub async fn taint(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let is_taint = |it: &String| it.contains('=') || it.contains(':') || it.ends_with('-');
    let at = flags.words.iter().position(is_taint).unwrap_or(flags.words.len());
    let (resources, words) = flags.words.split_at(at);
    split(&flags.words[..at], "taint")?;
    if resources.is_empty() || resources.len() == 1 && !flags.has("selector") && !flags.is_on("all") {
        return Err(Fault::plain("one or more resources must be specified as <resource> <name>"));
    }
    if words.is_empty() {
        return Err(Fault::plain("at least one taint update is required"));
    }
    let kind = &resources[0];
    if super::resource::kind_of(kind.split('/').next().unwrap_or(kind))? != Kind::Node {
        return Err(Fault::Plain(format!(
            "invalid resource type {kind}, only [\"node\" \"nodes\"] are supported"
        )));
    }
    let changes = words.iter().map(|it| parse(it)).collect::<Result<Vec<_>, _>>()?;
    let output = Output::of_writer(session, flags).await?;
    let how = How { all_if_unnamed: flags.is_on("all"), latest: true };
    let (infos, mut faults) = find::find(session, flags, resources, how).await?;
    for info in infos {
        if let Err(fault) = taint_one(session, flags, &info, &changes, &output).await {
            find::push(&mut faults, fault)?;
        }
    }
    Fault::all(faults)
}

async fn taint_one(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    changes: &[(Value, bool)],
    output: &Output,
) -> Result<(), Fault> {
    let old = info.object["spec"].get("taints").items().to_vec();
    let same =
        |one: &Value, two: &Value| one.str("key") == two.str("key") && one.str("effect") == two.str("effect");
    let added: Vec<&Value> = changes.iter().filter(|(_, removes)| !removes).map(|(it, _)| it).collect();
    if !flags.is_on("overwrite") {
        let taken: Vec<&str> =
            added.iter().filter(|it| old.iter().any(|its| same(its, it))).map(|it| it.str("key")).collect();
        if !taken.is_empty() {
            return Err(Fault::Plain(format!(
                "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
                info.name,
                taken.join(",")
            )));
        }
    }
    let mut new: Vec<Value> = added.iter().map(|it| (*it).clone()).collect();
    for (removed, _) in changes.iter().filter(|(_, removes)| *removes) {
        let any = removed.str("effect").is_empty();
        let hit = |it: &Value| it.str("key") == removed.str("key") && (any || same(it, removed));
        if !old.iter().any(hit) {
            return Err(Fault::Plain(format!("taint \"{}\" not found", taint_shown(removed))));
        }
    }
    let is_removed = |it: &Value| {
        let of_key = |removed: &Value| {
            removed.str("key") == it.str("key") && (removed.str("effect").is_empty() || same(removed, it))
        };
        changes.iter().any(|(removed, removes)| *removes && of_key(removed))
    };
    let kept: Vec<Value> =
        old.iter().filter(|it| !is_removed(it) && !added.iter().any(|its| same(its, it))).cloned().collect();
    new.extend(kept);
    let removes = changes.iter().any(|(_, removes)| *removes);
    let said = match (added.is_empty(), removes) {
        (false, true) => "modified",
        (true, _) => "untainted",
        (false, false) => "tainted",
    };
    let mut after = info.object.clone();
    let taints = if new.is_empty() { Value::Null } else { Value::list(new) };
    after["spec"].set("taints", &taints);
    if flags.dry_run()? != "client" {
        let body = object!({"spec": {"taints": taints}});
        after =
            patch::send(session, flags, info, "application/merge-patch+json", &body, "kubectl-taint").await?;
    }
    print::done(session, output, flags, &after, said)
}

async fn nodes(session: &mut Session<'_>, flags: &Flags) -> Result<Vec<Info>, Fault> {
    if flags.words.is_empty() && !flags.has("selector") {
        let verb = flags.path.trim_start_matches("kubectl ");
        return Err(flags.usage(format!("USAGE: {verb} NODE [flags]")));
    }
    if !flags.words.is_empty() && flags.has("selector") {
        return Err(flags.usage("error: cannot specify both a node name and a --selector option"));
    }
    let mut words = vec!["nodes".to_owned()];
    words.extend(
        flags.words.iter().map(|it| it.trim_start_matches("node/").trim_start_matches("nodes/").to_owned()),
    );
    find::all(session, flags, &words, How { all_if_unnamed: false, latest: true }).await
}

pub async fn cordon(session: &mut Session<'_>, flags: &Flags, wants: bool) -> Result<(), Fault> {
    for info in nodes(session, flags).await? {
        cordon_one(session, flags, &info, wants).await?;
    }
    Ok(())
}

async fn cordon_one(session: &mut Session<'_>, flags: &Flags, info: &Info, wants: bool) -> Result<(), Fault> {
    let what = if wants { "cordoned" } else { "uncordoned" };
    let said = if info.object["spec"].is_true("unschedulable") == wants {
        format!("already {what}")
    } else {
        if flags.dry_run()? != "client" {
            let value = if wants { Value::Bool(true) } else { Value::Null };
            let body = object!({"spec": {"unschedulable": value}});
            let content = "application/strategic-merge-patch+json";
            patch::send(session, flags, info, content, &body, "kubectl-cordon").await?;
        }
        what.to_owned()
    };
    print::done(session, &Output::Human { wide: false }, flags, &info.object, &said)
}

/// Why a pod may not simply go, or that it stays.
enum Verdict {
    Goes(Option<String>),
    Stays(String),
    Blocks(&'static str),
}

fn verdict(flags: &Flags, pod: &Value) -> Verdict {
    if pod["metadata"]["annotations"].has("kubernetes.io/config.mirror") {
        return Verdict::Stays(String::new());
    }
    let owner = controller_of(pod);
    let place = format!("{}/{}", pod["metadata"].str("namespace"), pod["metadata"].str("name"));
    if owner.str("kind") == "DaemonSet" {
        return if flags.is_on("ignore-daemonsets") {
            Verdict::Stays(place)
        } else {
            Verdict::Blocks("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
        };
    }
    let is_done = matches!(pod["status"].str("phase"), "Succeeded" | "Failed");
    let is_local = pod["spec"].get("volumes").items().iter().any(|it| it.has("emptyDir"));
    if is_local && !is_done && !flags.is_on("delete-emptydir-data") {
        return Verdict::Blocks(
            "cannot delete Pods with local storage (use --delete-emptydir-data to override)",
        );
    }
    if owner.is_null() && !is_done {
        return if flags.is_on("force") {
            Verdict::Goes(Some(place))
        } else {
            Verdict::Blocks("cannot delete Pods that declare no controller (use --force to override)")
        };
    }
    Verdict::Goes(None)
}

pub async fn drain(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let nodes = nodes(session, flags).await?;
    for info in &nodes {
        cordon_one(session, flags, info, true).await?;
    }
    for info in &nodes {
        drain_one(session, flags, &info.name).await?;
    }
    Ok(())
}

async fn drain_one(session: &mut Session<'_>, flags: &Flags, node: &str) -> Result<(), Fault> {
    let fields = format!("spec.nodeName={node}");
    let selectors = [("fieldSelector", fields.as_str()), ("labelSelector", flags.get("pod-selector"))];
    let pods = session.list(Kind::Pod, "", &selectors).await?;
    let (mut going, mut bare, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    let mut blocked: Vec<(&str, Vec<String>)> = Vec::new();
    for pod in pods {
        let place = format!("{}/{}", pod["metadata"].str("namespace"), pod["metadata"].str("name"));
        match verdict(flags, &pod) {
            Verdict::Goes(note) => {
                bare.extend(note);
                going.push(pod);
            }
            Verdict::Stays(place) => ignored.extend(Some(place).filter(|it| !it.is_empty())),
            Verdict::Blocks(why) => match blocked.iter_mut().find(|(its, _)| *its == why) {
                Some((_, places)) => places.push(place),
                None => blocked.push((why, vec![place])),
            },
        }
    }
    if !blocked.is_empty() {
        blocked.sort_by_key(|(why, _)| *why);
        let whys: Vec<String> =
            blocked.iter().map(|(why, places)| format!("{why}: {}", places.join(", "))).collect();
        let whys = if whys.len() == 1 { whys.concat() } else { format!("[{}]", whys.join(", ")) };
        session.complain(&format!(
            "error: unable to drain node \"{node}\" due to error: {whys}, continuing command...\nThere are pending nodes to be \
             drained:\n {node}\n"
        ));
        return Err(Fault::Plain(
            whys.trim_start_matches('[').trim_end_matches(']').replace(", cannot", "\ncannot"),
        ));
    }
    let mut warnings = Vec::new();
    if !bare.is_empty() {
        warnings.push(format!("deleting Pods that declare no controller: {}", bare.join(", ")));
    }
    if !ignored.is_empty() {
        warnings.push(format!("ignoring DaemonSet-managed Pods: {}", ignored.join(", ")));
    }
    if !warnings.is_empty() {
        session.complain(&format!("Warning: {}\n", warnings.join("; ")));
    }
    if flags.dry_run()?.is_empty() {
        evict(session, flags, &going).await?;
    }
    let tail = if flags.dry_run()?.is_empty() { "" } else { " (dry run)" };
    session.print(&format!("node/{node} drained{tail}\n"));
    Ok(())
}

async fn evict(session: &mut Session<'_>, flags: &Flags, pods: &[Value]) -> Result<(), Fault> {
    let limit = super::wait::seconds(flags.get("timeout"))?.filter(|it| *it > 0).unwrap_or(LONGEST_WAIT);
    for pod in pods {
        let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
        session.print(&format!("evicting pod {namespace}/{name}\n"));
        let mut body = object!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}
        });
        if let Some(grace) = flags.number("grace-period")?.filter(|it| *it >= 0) {
            body["deleteOptions"].set("gracePeriodSeconds", grace);
        }
        let request = if flags.is_on("disable-eviction") {
            Request::new("DELETE", path(Kind::Pod, namespace, name))
        } else {
            Request::new("POST", format!("{}/eviction", path(Kind::Pod, namespace, name)))
                .with_body("application/json", json::compact(&body))
        };
        session.send(request).await?;
    }
    let mut waited = 0;
    for pod in pods {
        let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
        let uid = pod["metadata"].str("uid");
        while session.fetch(Kind::Pod, namespace, name).await.is_ok_and(|it| it["metadata"].str("uid") == uid)
        {
            if waited >= limit {
                return Err(Fault::Plain(format!(
                    "error when waiting for pod \"{name}\" in namespace \"{namespace}\" to terminate: global timeout reached: \
                     {limit}s"
                )));
            }
            session.sleep(PAUSE).await;
            waited += PAUSE.as_secs();
        }
        session.print(&format!("pod/{name} evicted\n"));
    }
    Ok(())
}
