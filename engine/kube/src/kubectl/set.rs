//! `set image`, `env`, `resources`, `selector`, `serviceaccount`.
//!
//! Source: kubectl `pkg/cmd/set`.

use super::apply::structure;
use super::fault::Fault;
use super::find::{self, How, Info};
use super::flags::Flags;
use super::patch;
use super::print::{self, Output};
use super::session::Session;
use crate::object::{Kind, Value, diff};

pub async fn set(session: &mut Session<'_>, what: &str, flags: &Flags) -> Result<(), Fault> {
    let words = &flags.words;
    match what {
        "image" => {
            let (resources, pairs) = pairs(words);
            named(flags, &resources)?;
            if pairs.is_empty() {
                return Err(Fault::plain("at least one image update is required"));
            }
            change(session, flags, &resources, "image updated", &|info| image(info, &pairs)).await
        }
        "env" => {
            let (resources, mut changes) = env_words(words);
            changes.extend(flags.each("env").map(str::to_owned));
            named(flags, &resources)?;
            if flags.is_on("list") {
                return list_env(session, flags, &resources).await;
            }
            let (from, chosen) = (from(session, flags).await?, flags.all("containers"));
            change(session, flags, &resources, "env updated", &|info| {
                let is_chosen =
                    |name: &str| chosen.is_empty() || chosen.iter().any(|it| it == "*" || it == name);
                env(info, &changes, &from, &is_chosen)
            })
            .await
        }
        "resources" => {
            if !flags.has("limits") && !flags.has("requests") {
                return Err(Fault::plain(
                    "you must specify an update to requests or limits (in the form of --requests/--limits)",
                ));
            }
            let chosen = flags.all("containers");
            let (limits, requests) = (flags.all("limits"), flags.all("requests"));
            change(session, flags, words, "resource requirements updated", &|info| {
                let is_chosen =
                    |name: &str| chosen.is_empty() || chosen.iter().any(|it| it == "*" || it == name);
                resources(info, &limits, &requests, &is_chosen)
            })
            .await
        }
        "selector" => {
            let (resources, pairs) = match words.split_last() {
                Some((last, rest)) => (rest.to_vec(), last.clone()),
                None => return Err(find::nothing_given()),
            };
            change(session, flags, &resources, "selector updated", &|info| selector(info, &pairs)).await
        }
        "serviceaccount" => {
            let (resources, account) = match words.split_last() {
                Some((last, rest)) if !rest.is_empty() || flags.has("filename") => {
                    (rest.to_vec(), last.clone())
                }
                _ => return Err(Fault::plain("serviceaccount is required")),
            };
            change(session, flags, &resources, "serviceaccount updated", &|info| {
                let mut object = info.object.clone();
                let spec = object.at_mut(template_path(info.kind)?);
                spec.set("serviceAccountName", account.as_str());
                Ok(object)
            })
            .await
        }
        "subject" => Err(Fault::plain("set subject: not simulated in vethlab; use kubectl edit")),
        _ => {
            session.complain(&super::command::help(super::command::command("set")));
            Err(Fault::Silent(1))
        }
    }
}

fn named(flags: &Flags, resources: &[String]) -> Result<(), Fault> {
    if resources.is_empty() && !flags.has("filename") {
        let words = "one or more resources must be specified as <resource> <name> or <resource>/<name>";
        return Err(Fault::plain(words));
    }
    Ok(())
}

/// Words with a `=` are changes.
fn pairs(words: &[String]) -> (Vec<String>, Vec<String>) {
    words.iter().cloned().partition(|it| !it.contains('='))
}

fn env_words(words: &[String]) -> (Vec<String>, Vec<String>) {
    words.iter().cloned().partition(|it| !it.contains('=') && !it.ends_with('-'))
}

/// Where the pod's spec stands in a kind.
fn template_path(kind: Kind) -> Result<&'static [&'static str], Fault> {
    match kind {
        Kind::Pod => Ok(&["spec"]),
        Kind::CronJob => Ok(&["spec", "jobTemplate", "spec", "template", "spec"]),
        Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet | Kind::StatefulSet | Kind::Job => {
            Ok(&["spec", "template", "spec"])
        }
        other => Err(Fault::Plain(format!(
            "the object is not a pod or does not have a pod template: {}",
            other.name()
        ))),
    }
}

type Edit<'a> = &'a dyn Fn(&Info) -> Result<Value, Fault>;

async fn change(
    session: &mut Session<'_>,
    flags: &Flags,
    resources: &[String],
    said: &str,
    edit: Edit<'_>,
) -> Result<(), Fault> {
    let output = Output::of_writer(session, flags).await?;
    let how = How { all_if_unnamed: flags.is_on("all"), latest: !flags.is_on("local") };
    let (infos, mut faults) = find::find(session, flags, resources, how).await?;
    for info in infos {
        let done = match edit(&info) {
            Ok(changed) => save(session, flags, &info, changed).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(Some(after)) => print::done(session, &output, flags, &after, said)?,
            Ok(None) => {}
            Err(fault) => find::push(&mut faults, fault)?,
        }
    }
    Fault::all(faults)
}

async fn save(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    changed: Value,
) -> Result<Option<Value>, Fault> {
    if flags.is_on("local") || flags.dry_run()? == "client" {
        return Ok(Some(changed));
    }
    let its = structure(info.kind);
    let body = diff::three_way(its, &info.object, &changed, &info.object);
    if body.is_empty() {
        return Ok(None);
    }
    let content = "application/strategic-merge-patch+json";
    let sent = patch::send(session, flags, info, content, &body, "kubectl-set").await;
    sent.map(Some).map_err(|fault| match fault {
        Fault::Server { .. } if fault.reason() != "Invalid" => fault.wrap("failed to patch: "),
        other => other,
    })
}

fn image(info: &Info, pairs: &[String]) -> Result<Value, Fault> {
    let mut object = info.object.clone();
    let spec = object.at_mut(template_path(info.kind)?);
    for pair in pairs {
        let (name, image) = pair.split_once('=').unwrap_or((pair, ""));
        let mut found = name == "*";
        for list in ["initContainers", "containers"] {
            if !spec.has(list) {
                continue;
            }
            for container in spec[list].items_mut() {
                if name == "*" || container.str("name") == name {
                    container.set("image", image);
                    found = true;
                }
            }
        }
        if !found {
            return Err(Fault::Plain(format!("unable to find container named \"{name}\"")));
        }
    }
    Ok(object)
}

/// Variables out of a ConfigMap or Secret: `--from=configmap/x`.
async fn from(session: &mut Session<'_>, flags: &Flags) -> Result<Vec<Value>, Fault> {
    if !flags.has("from") {
        return Ok(Vec::new());
    }
    let infos = find::all(session, flags, &[flags.get("from").to_owned()], How::default()).await?;
    let keys = flags.all("keys");
    let mut variables = Vec::new();
    for info in infos {
        let source = if info.kind == Kind::Secret { "secretKeyRef" } else { "configMapKeyRef" };
        for (key, _) in info.object.get("data").fields() {
            if !keys.is_empty() && !keys.iter().any(|it| **it == **key) {
                continue;
            }
            let name: String = key
                .chars()
                .map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_uppercase() } else { '_' })
                .collect();
            let mut variable = crate::object!({"name": (format!("{}{name}", flags.get("prefix")))});
            variable["valueFrom"][source].set("key", &**key);
            variable["valueFrom"][source].set("name", info.name.as_str());
            variables.push(variable);
        }
    }
    Ok(variables)
}

fn env(
    info: &Info,
    changes: &[String],
    from: &[Value],
    is_chosen: &dyn Fn(&str) -> bool,
) -> Result<Value, Fault> {
    let mut object = info.object.clone();
    let spec = object.at_mut(template_path(info.kind)?);
    for list in ["initContainers", "containers"] {
        if !spec.has(list) {
            continue;
        }
        for container in spec[list].items_mut().iter_mut().filter(|it| is_chosen(it.str("name"))) {
            let set = changes.iter().filter_map(|it| it.split_once('='));
            let set = set.map(|(name, value)| crate::object!({"name": name, "value": value}));
            for variable in set.chain(from.iter().cloned()) {
                let all = container["env"].items_mut();
                match all.iter_mut().find(|it| it.str("name") == variable.str("name")) {
                    Some(old) => *old = variable,
                    None => all.push(variable),
                }
            }
            for name in changes.iter().filter(|it| !it.contains('=')).filter_map(|it| it.strip_suffix('-')) {
                container["env"].items_mut().retain(|it| it.str("name") != name);
            }
            if container.get("env").is_empty() {
                container.remove("env");
            }
        }
    }
    Ok(object)
}

async fn list_env(session: &mut Session<'_>, flags: &Flags, resources: &[String]) -> Result<(), Fault> {
    let infos =
        find::all(session, flags, resources, How { all_if_unnamed: flags.is_on("all"), latest: true })
            .await?;
    for info in infos {
        let spec = info.object.at(template_path(info.kind)?).clone();
        for container in spec.get("containers").items() {
            let place = format!("{}/{}", info.kind.resource().plural, info.name);
            session.print(&format!("# {place}, container {}\n", container.str("name")));
            for it in container.get("env").items() {
                let source = it.get("valueFrom");
                let text = if source.is_null() {
                    format!("{}={}\n", it.str("name"), it.str("value"))
                } else if source.has("secretKeyRef") {
                    let its = source.get("secretKeyRef");
                    format!("# {} from secret {}, key {}\n", it.str("name"), its.str("name"), its.str("key"))
                } else if source.has("configMapKeyRef") {
                    let its = source.get("configMapKeyRef");
                    format!(
                        "# {} from configmap {}, key {}\n",
                        it.str("name"),
                        its.str("name"),
                        its.str("key")
                    )
                } else {
                    format!("# {} from field path {}\n", it.str("name"), source["fieldRef"].str("fieldPath"))
                };
                session.print(&text);
            }
        }
    }
    Ok(())
}

fn resources(
    info: &Info,
    limits: &[String],
    requests: &[String],
    is_chosen: &dyn Fn(&str) -> bool,
) -> Result<Value, Fault> {
    let mut object = info.object.clone();
    let spec = object.at_mut(template_path(info.kind)?);
    for container in spec["containers"].items_mut().iter_mut().filter(|it| is_chosen(it.str("name"))) {
        for (list, amounts) in [("limits", limits), ("requests", requests)] {
            for amount in amounts {
                let (name, value) = amount.split_once('=').ok_or_else(|| {
                    Fault::Plain(format!("invalid argument syntax {amount}, expected <resource>=<value>"))
                })?;
                if value == "0" {
                    container["resources"][list].fields_mut().remove(name);
                } else {
                    container["resources"][list].set(name, value);
                }
            }
            if container["resources"].get(list).is_empty() {
                container["resources"].fields_mut().remove(list);
            }
        }
    }
    Ok(object)
}

fn selector(info: &Info, pairs: &str) -> Result<Value, Fault> {
    let mut labels = Value::map();
    for pair in pairs.split(',').filter(|it| !it.is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Fault::Plain(format!("invalid selector: {pair}")))?;
        labels.set(key, value);
    }
    let mut object = info.object.clone();
    if info.kind != Kind::Service {
        return Err(Fault::Plain(format!(
            "setting a selector is only supported for Services, not {}",
            info.kind.name()
        )));
    }
    object["spec"].set("selector", labels);
    Ok(object)
}
