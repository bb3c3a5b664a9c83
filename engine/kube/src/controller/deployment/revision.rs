//! A Deployment's history: revisions noted on its ReplicaSets, the set of a new template, and how many old are kept.
//!
//! Sources: kubernetes `pkg/controller/deployment/sync.go` (getNewReplicaSet, cleanupDeployment),
//! `util/deployment_util.go` (SetNewReplicaSetAnnotations).

use super::replicas::{HASH, Sets, note_sizes};
use super::{Kind, Plan, Value, View, Write, pod, rolling, status};
use crate::controller::Event;
use crate::object;
use crate::object::hash;
use crate::store::{Key, controller_of};

pub const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Of a Deployment's annotations its ReplicaSets do not get these.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    super::replicas::DESIRED,
    super::replicas::MOST,
    "deprecated.deployment.rollback.to",
];

fn revision_of(object: &Value) -> i64 {
    object.at(&["metadata", "annotations", REVISION]).as_str().parse().unwrap_or(0)
}

/// Sees to it that the present template has a set with the highest revision; says whether that took a write, after
/// which another look follows.
pub fn renew(view: &View, plan: &mut Plan, deployment: &Value, sets: &Sets) -> bool {
    let next = sets.old.iter().map(|it| revision_of(it)).max().unwrap_or(0) + 1;
    let Some(new) = sets.new else {
        make(view, plan, deployment, sets, next);
        return true;
    };
    let mut changed = new.clone();
    let is_changed = annotate(deployment, &mut changed, next);
    let ready_seconds = deployment["spec"].int("minReadySeconds");
    if is_changed || new["spec"].int("minReadySeconds") != ready_seconds {
        if ready_seconds != 0 || new["spec"].has("minReadySeconds") {
            changed["spec"].set("minReadySeconds", ready_seconds);
        }
        plan.write(Write::Update(Kind::ReplicaSet, changed));
        return true;
    }
    let message = format!("Found new replica set \"{}\"", new["metadata"].str("name"));
    let is_unknown = pod::condition(deployment, "Progressing").is_null();
    note(view, plan, deployment, revision_of(new), is_unknown.then_some(("FoundNewReplicaSet", &*message)))
}

/// Notes the revision, and how the rollout goes, on the Deployment itself.
fn note(view: &View, plan: &mut Plan, deployment: &Value, revision: i64, said: Option<(&str, &str)>) -> bool {
    let mut changed = deployment.clone();
    let mut is_noted = false;
    if revision_of(deployment) != revision {
        changed["metadata"]["annotations"].set(REVISION, revision.to_string());
        plan.write(Write::Update(Kind::Deployment, changed.clone()));
        is_noted = true;
    }
    if let Some((reason, message)) = said.filter(|_| status::has_deadline(deployment)) {
        let mut status = deployment.get("status").clone();
        status::set(&mut status, "Progressing", "True", reason, message, view.now);
        changed.set("status", status);
        plan.write(Write::Status(Kind::Deployment, changed));
        is_noted = true;
    }
    is_noted
}

fn make(view: &View, plan: &mut Plan, deployment: &Value, sets: &Sets, revision: i64) {
    let template = deployment.at(&["spec", "template"]);
    let collisions = deployment["status"].get("collisionCount").as_int();
    let hash = hash::of_template(template, collisions);
    let (namespace, base) = (deployment["metadata"].str("namespace"), deployment["metadata"].str("name"));
    let name = format!("{base}-{hash}");
    if let Some(there) = view.store.get(Kind::ReplicaSet, namespace, &name) {
        let is_ours = controller_of(there).str("uid") == deployment["metadata"].str("uid");
        if !is_ours {
            let mut status = deployment.get("status").clone();
            status.set("collisionCount", collisions.unwrap_or(0) + 1);
            plan.status(Kind::Deployment, deployment, status);
        }
        return;
    }
    let mut template = template.clone();
    template["metadata"]["labels"].set(HASH, hash.as_str());
    let labels = template["metadata"].get("labels").clone();
    let mut selector = deployment.at(&["spec", "selector"]).clone();
    selector["matchLabels"].set(HASH, hash);
    let size = rolling::size_of_new(deployment, sets, 0);
    let mut set = object!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": (name.as_str()), "namespace": namespace, "labels": labels,
            "ownerReferences": [(pod::owner_reference(deployment))]
        },
        "spec": {"replicas": size, "selector": selector, "template": template}
    });
    let ready_seconds = deployment["spec"].int("minReadySeconds");
    if ready_seconds != 0 {
        set["spec"].set("minReadySeconds", ready_seconds);
    }
    annotate(deployment, &mut set, revision);
    note_sizes(deployment, &mut set);
    let message = format!("Scaled up replica set {{}} from 0 to {size}");
    let told = (size > 0).then(|| Event::normal(deployment, "ScalingReplicaSet", message));
    plan.write(Write::Create(Kind::ReplicaSet, set, told));
    note(
        view,
        plan,
        deployment,
        revision,
        Some(("NewReplicaSetCreated", &format!("Created new replica set \"{name}\""))),
    );
}

/// Copies the Deployment's annotations and raises the revision; the one it had goes into its history.
fn annotate(deployment: &Value, set: &mut Value, revision: i64) -> bool {
    let mut changed = false;
    for (name, value) in deployment["metadata"].get("annotations").fields() {
        if !NOT_COPIED.contains(&&**name) && set.at(&["metadata", "annotations", name]) != value {
            set["metadata"]["annotations"].set(name, value);
            changed = true;
        }
    }
    let had = revision_of(set);
    if had >= revision {
        return changed;
    }
    let annotations = &mut set["metadata"]["annotations"];
    if had > 0 {
        let before = annotations.str(HISTORY);
        let all = if before.is_empty() { had.to_string() } else { format!("{before},{had}") };
        annotations.set(HISTORY, all);
    }
    annotations.set(REVISION, revision.to_string());
    true
}

/// Deletes what is beyond `revisionHistoryLimit`, the lowest revision first.
pub fn clean_up(plan: &mut Plan, deployment: &Value, sets: &Sets) {
    let Some(limit) = deployment["spec"].get("revisionHistoryLimit").as_int() else { return };
    let mut old: Vec<&Value> = sets.old.iter().copied().filter(|it| !pod::is_terminating(it)).collect();
    let surplus = old.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    old.sort_by_key(|it| revision_of(it));
    for set in &old[..surplus] {
        let is_seen = set["metadata"].int("generation") <= set["status"].int("observedGeneration");
        if set["status"].int("replicas") == 0 && set["spec"].int("replicas") == 0 && is_seen {
            plan.write(Write::Delete(Key::of(Kind::ReplicaSet, set), None));
        }
    }
}
