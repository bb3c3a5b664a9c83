//! ControllerRevisions: the templates a DaemonSet or StatefulSet had, numbered.
//!
//! Always: equal templates are one revision; going back to an old one gives it the highest number.
//! Source: kubernetes `pkg/controller/history`, `pkg/controller/daemon/update.go`.

use super::{Plan, View, Write, pod};
use crate::object;
use crate::object::{Kind, Value};
use crate::store::Key;

/// What a revision keeps: the template, as a patch that replaces it.
pub fn data_of(owner: &Value) -> Value {
    let mut template = owner.at(&["spec", "template"]).clone();
    template["metadata"].remove("creationTimestamp");
    template.set("$patch", "replace");
    object!({"spec": {"template": template}})
}

/// An owner's revisions, the lowest number first.
pub fn all<'a>(view: &View<'a>, owner: &Value) -> Vec<&'a Value> {
    let uid = owner["metadata"].str("uid");
    let mut all: Vec<&Value> = view.store.owned_by(Kind::ControllerRevision, uid).collect();
    all.sort_by_key(|it| it.int("revision"));
    all
}

/// Sees to it that the present template is the highest revision. `hash` names a new one; the name of the revision of
/// the present template, and whether it stands already.
pub fn renew(plan: &mut Plan, owner: &Value, all: &[&Value], hash: &str) -> (String, bool) {
    let data = data_of(owner);
    let highest = all.last().map_or(0, |it| it.int("revision"));
    if let Some(there) = all.iter().rev().find(|it| *it.get("data") == data) {
        if there.int("revision") < highest {
            let mut raised = (*there).clone();
            raised.set("revision", highest + 1);
            plan.write(Write::Update(Kind::ControllerRevision, raised));
        }
        return (there["metadata"].str("name").to_owned(), true);
    }
    let name = format!("{}-{hash}", owner["metadata"].str("name"));
    let mut labels = owner.at(&["spec", "template", "metadata", "labels"]).clone();
    let of_statefulset = owner.str("kind") == "StatefulSet";
    labels
        .set(if of_statefulset { "controller.kubernetes.io/hash" } else { "controller-revision-hash" }, hash);
    let revision = object!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": (name.as_str()), "namespace": (owner["metadata"].get("namespace")), "labels": labels,
            "ownerReferences": [(pod::owner_reference(owner))]
        },
        "data": data, "revision": (highest + 1)
    });
    plan.write(Write::Create(Kind::ControllerRevision, revision, None));
    (name, false)
}

/// Deletes what is beyond `revisionHistoryLimit` and no pod has any more.
pub fn clean_up(plan: &mut Plan, owner: &Value, all: &[&Value], live: &[&str]) {
    let limit = owner["spec"].get("revisionHistoryLimit").as_int().unwrap_or(10);
    let dead: Vec<&&Value> = all.iter().filter(|it| !live.contains(&it["metadata"].str("name"))).collect();
    let surplus = dead.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for revision in &dead[..surplus] {
        plan.write(Write::Delete(Key::of(Kind::ControllerRevision, revision), None));
    }
}
