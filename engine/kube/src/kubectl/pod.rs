//! Which pod, and which of its containers, the verbs at a running pod mean.
//!
//! Sources: kubectl `pkg/polymorphichelpers/attachablepodforobject.go`, `pkg/cmd/util/podcmd`.

use super::fault::Fault;
use super::flags::Flags;
use super::resource::kind_of;
use super::session::Session;
use crate::object::selector::labels_shown;
use crate::object::{Kind, Value};
use std::time::Duration;

pub const PAUSE: Duration = Duration::from_secs(1);
/// How long a pod to attach to may take until it runs.
pub const START: u64 = 60;

/// The pod that `NAME`, `pod/NAME` or a workload means.
pub async fn pod_of(session: &mut Session<'_>, word: &str, limit: u64) -> Result<Value, Fault> {
    let namespace = session.namespace.clone();
    let Some((kind, name)) = word.split_once('/') else {
        return session.fetch(Kind::Pod, &namespace, word).await;
    };
    let kind = kind_of(kind)?;
    let object = session.fetch(kind, &namespace, name).await?;
    if kind == Kind::Pod {
        return Ok(object);
    }
    let selector = match kind {
        Kind::Service => object["spec"].get("selector").clone(),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job => {
            object.at(&["spec", "selector", "matchLabels"]).clone()
        }
        other => return Err(Fault::Plain(format!("cannot attach to *v1.{}: not implemented", other.name()))),
    };
    if selector.is_empty() {
        return Err(Fault::Plain(format!("invalid service '{name}': Service is defined without a selector")));
    }
    let mut waited = 0;
    loop {
        let chosen = labels_shown(&selector);
        let mut pods = session.list(Kind::Pod, &namespace, &[("labelSelector", &chosen)]).await?;
        // Those that run and are ready come first, then the oldest.
        pods.sort_by_key(|it| {
            let ready = it["status"].get("conditions").items().iter();
            let ready = ready.filter(|it| it.str("type") == "Ready").any(|it| it.str("status") == "True");
            (it["status"].str("phase") != "Running", !ready)
        });
        if !pods.is_empty() {
            return Ok(pods.remove(0));
        }
        if waited >= limit {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += PAUSE.as_secs();
    }
}

pub fn limit(flags: &Flags) -> Result<u64, Fault> {
    Ok(super::wait::seconds(flags.get("pod-running-timeout"))?.unwrap_or(START))
}

pub fn containers(pod: &Value) -> Vec<String> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let each = lists.iter().flat_map(|list| pod["spec"].get(list).items());
    each.map(|it| it.str("name").to_owned()).collect()
}

/// The container that is meant; with several, kubectl says which it took.
pub fn container_of(session: &mut Session<'_>, flags: &Flags, pod: &Value) -> Result<String, Fault> {
    let (container, note) = chosen(flags, pod)?;
    session.complain(&note);
    Ok(container)
}

/// The container that is meant, and which of several was taken.
pub fn chosen(flags: &Flags, pod: &Value) -> Result<(String, String), Fault> {
    let all = containers(pod);
    let name = flags.get("container");
    if !name.is_empty() {
        return if all.iter().any(|it| it == name) {
            Ok((name.to_owned(), String::new()))
        } else {
            let pod = pod["metadata"].str("name");
            Err(Fault::Plain(format!(
                "container {name} is not valid for pod {pod} out of: {}",
                all.join(", ")
            )))
        };
    }
    let wanted = pod["metadata"]["annotations"].str("kubectl.kubernetes.io/default-container");
    if all.iter().any(|it| it == wanted) {
        return Ok((wanted.to_owned(), String::new()));
    }
    let first = all.first().cloned().unwrap_or_default();
    let is_quiet = all.len() < 2 || flags.is_on("quiet");
    let note = format!("Defaulted container \"{first}\" out of: {}\n", shown(pod));
    Ok((first, if is_quiet { String::new() } else { note }))
}

/// `app, side, setup (init)`.
fn shown(pod: &Value) -> String {
    let names = |list: &str, tail: &str| -> Vec<String> {
        pod["spec"].get(list).items().iter().map(|it| format!("{}{tail}", it.str("name"))).collect()
    };
    let all = [
        names("containers", ""),
        names("ephemeralContainers", " (ephem)"),
        names("initContainers", " (init)"),
    ];
    all.concat().join(", ")
}
