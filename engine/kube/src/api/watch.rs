//! Watching: what changed after a revision, as lines of JSON.
//!
//! Always: an object that a selector stops choosing is reported as deleted, one it begins to choose as added.
//! Differs from Kubernetes: an answer holds what is known by now and ends; a client asks again from the last revision
//! (the transport may hold a request open until there is something to say).

use super::answer::Fields;
use super::path::Path;
use super::{Api, Request, Response, json, table};
use crate::object;
use crate::object::selector::Selector;
use crate::object::{Status, Value};
use crate::store::What;

impl Api {
    pub(super) fn watch(&mut self, request: &Request, path: &Path) -> Result<Response, Status> {
        let labels = Selector::parse(request.query("labelSelector")).map_err(Status::bad_request)?;
        let fields = Fields::parse(path.kind, request.query("fieldSelector"))?;
        let as_table = request.header("Accept").contains("as=Table");
        let from = request.query("resourceVersion").parse::<u64>().unwrap_or(0);
        let changes = self.store.changes_since(from);
        let changes = changes.ok_or_else(|| {
            Status::expired(format!("too old resource version: {from} ({})", self.store.revision()))
        })?;
        let is_chosen = |object: &Value| {
            object.is_map() && labels.matches(object["metadata"].get("labels")) && fields.matches(object)
        };
        let mut body = String::new();
        for change in changes.filter(|it| it.kind == path.kind) {
            if !path.namespace.is_empty() && change.object["metadata"].str("namespace") != path.namespace {
                continue;
            }
            let (was, is) = (is_chosen(&change.before), is_chosen(&change.object));
            let what = match (change.what, was, is) {
                (What::Deleted, true, _) | (What::Modified, true, false) => "DELETED",
                (What::Added, _, true) | (What::Modified, false, true) => "ADDED",
                (What::Modified, true, true) => "MODIFIED",
                _ => continue,
            };
            let object = if as_table {
                table::of(path.kind, std::slice::from_ref(&change.object), self.store.now(), true)
            } else {
                change.object.clone()
            };
            body.push_str(&json::compact(&object!({"type": what, "object": object})));
            body.push('\n');
        }
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Revision".to_owned(), self.store.revision().to_string()),
        ];
        Ok(Response { code: 200, headers, body })
    }
}
