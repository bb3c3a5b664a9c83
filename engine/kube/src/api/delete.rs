//! Deleting: an object goes at once, or is marked and waits for a kubelet or a finalizer.
//!
//! Always: a mark once set stays; a second deletion may shorten a Pod's time, never lengthen it.
//! Source: apiserver `registry/generic/registry/store.go` (Delete), `registry/rest/delete.go`.

use super::path::Path;
use super::{Api, Request, Response, answer, strategy};
use crate::object;
use crate::object::{Kind, Status, Value};

/// What a deletion is to respect.
#[derive(Clone, Debug, Default)]
pub struct Deletion {
    pub grace: Option<i64>,
    pub propagation: String,
    pub uid: String,
    pub dry_run: bool,
}

/// How a deletion ended.
#[derive(Debug)]
pub enum Gone {
    /// With the uid it had.
    Now(String),
    /// It is marked, and waits for a kubelet or a finalizer.
    Waits(Value),
}

impl Api {
    /// Deletes, or begins to. A Pod that runs is asked to end first.
    pub fn delete(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        deletion: &Deletion,
    ) -> Result<Gone, Status> {
        let found = self.store.get(kind, namespace, name).cloned();
        let mut object = found.ok_or_else(|| Status::not_found(kind, name))?;
        let uid = object["metadata"].str("uid").to_owned();
        if !deletion.uid.is_empty() && deletion.uid != uid {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {uid}",
                deletion.uid
            );
            return Err(Status::conflict_because(kind, name, &why));
        }
        if kind == Kind::Namespace && matches!(name, "default" | "kube-system" | "kube-public") {
            return Err(Status::forbidden(kind, name, "this namespace may not be deleted"));
        }
        strategy::prepare_delete(kind, &mut object, deletion, self.store.now());
        let waits = strategy::waits_to_go(kind, &object);
        if deletion.dry_run {
            return Ok(if waits { Gone::Waits(object) } else { Gone::Now(uid) });
        }
        if waits {
            let before = self.store.get(kind, namespace, name);
            return Ok(Gone::Waits(if before == Some(&object) {
                object
            } else {
                self.store.put(kind, object)
            }));
        }
        self.allocations.give_back(kind, &object);
        self.store.remove(kind, namespace, name);
        Ok(Gone::Now(uid))
    }

    pub(super) fn delete_collection(&mut self, request: &Request, path: &Path) -> Result<Response, Status> {
        let deletion = read_deletion(request)?;
        let chosen = answer::chosen(request, path, &self.store)?;
        let mut list = answer::list_of(path.kind, self.store.revision());
        for object in chosen {
            let metadata = object.get("metadata");
            let (namespace, name) = (metadata.str("namespace").to_owned(), metadata.str("name").to_owned());
            self.delete(path.kind, &namespace, &name, &deletion)?;
            list["items"].push(object);
        }
        Ok(Response::json(200, &list))
    }
}

pub(super) fn deleted(kind: Kind, name: &str, uid: &str) -> Value {
    let resource = kind.resource();
    let mut details = object!({"name": name, "kind": (resource.plural), "uid": uid});
    if !resource.group.is_empty() {
        details.set("group", resource.group);
    }
    object!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

pub(super) fn read_deletion(request: &Request) -> Result<Deletion, Status> {
    let body = if request.body.is_empty() { Value::Null } else { Api::body(request)? };
    let of_query = |name: &str| Some(request.query(name)).filter(|it| !it.is_empty());
    let propagation = of_query("propagationPolicy").unwrap_or(body.str("propagationPolicy")).to_owned();
    let grace = body.get("gracePeriodSeconds").as_int();
    Ok(Deletion {
        grace: of_query("gracePeriodSeconds").and_then(|it| it.parse().ok()).or(grace),
        propagation,
        uid: body.at(&["preconditions", "uid"]).as_str().to_owned(),
        dry_run: request.query("dryRun") == "All"
            || body.get("dryRun").items().iter().any(|it| it.as_str() == "All"),
    })
}
