//! Watching: what changed after a revision, as lines of JSON.
//!
//! Always: an object that a selector stops choosing is reported as deleted, one it begins to choose as added. A change
//! is written as JSON once, whoever watches.
//! Differs from Kubernetes: no bookmarks; `handle` answers a watch with what is known by now and ends, and only a
//! transport that keeps a `Watch` goes on.

use super::answer::{Fields, chosen};
use super::path::Path;
use super::{Api, Request, Response, access, json, table};
use crate::object;
use crate::object::selector::Selector;
use crate::object::{Kind, Status, Value};
use crate::store::What;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Lines kept for those who come later; the oldest are written again if somebody asks.
const MOST_LINES: usize = 1024;

/// Changes as JSON, by revision and type.
#[derive(Debug, Default)]
pub struct Lines {
    kept: BTreeMap<(u64, &'static str), Rc<str>>,
}

impl Lines {
    fn line(&mut self, revision: u64, what: &'static str, object: &Value) -> Rc<str> {
        let line = self.kept.entry((revision, what)).or_insert_with(|| line(what, object).into()).clone();
        if self.kept.len() > MOST_LINES {
            self.kept.pop_first();
        }
        line
    }
}

fn line(what: &str, object: &Value) -> String {
    json::compact(&object!({"type": what, "object": object})) + "\n"
}

/// One who watches: what is watched, and up to where it was told.
#[derive(Debug)]
pub struct Watch {
    path: Path,
    labels: Selector,
    fields: Fields,
    as_table: bool,
    seen: u64,
    /// What stood already when a watch began without a revision.
    first: Vec<Rc<str>>,
    is_over: bool,
}

impl Watch {
    pub fn kind(&self) -> Kind {
        self.path.kind
    }

    /// Whether it fell too far behind; its reader lists again.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What happened since the last time, as lines that each end in a newline.
    pub fn next(&mut self, api: &mut Api) -> Vec<Rc<str>> {
        let mut lines = std::mem::take(&mut self.first);
        let Some(changes) = api.store.changes_since(self.seen) else {
            self.is_over = true;
            let status = too_old(self.seen, api.store.revision());
            lines.push(line("ERROR", &status.to_value()).into());
            return lines;
        };
        for change in changes.filter(|it| it.kind == self.path.kind) {
            let namespace = &self.path.namespace;
            if !namespace.is_empty() && change.object["metadata"].str("namespace") != namespace {
                continue;
            }
            let (was, is) = (self.chooses(&change.before), self.chooses(&change.object));
            let what = match (change.what, was, is) {
                (What::Deleted, true, _) | (What::Modified, true, false) => "DELETED",
                (What::Added, _, true) | (What::Modified, false, true) => "ADDED",
                (What::Modified, true, true) => "MODIFIED",
                _ => continue,
            };
            lines.push(if self.as_table {
                let object = std::slice::from_ref(&change.object);
                line(what, &table::of(self.path.kind, object, api.store.now(), true)).into()
            } else {
                api.lines.line(change.revision, what, &change.object)
            });
        }
        self.seen = api.store.revision();
        lines
    }

    fn chooses(&self, object: &Value) -> bool {
        let name = &self.path.name;
        object.is_map()
            && (name.is_empty() || object["metadata"].str("name") == name)
            && self.labels.matches(object["metadata"].get("labels"))
            && self.fields.matches(object)
    }
}

fn too_old(from: u64, now: u64) -> Status {
    Status::expired(format!("too old resource version: {from} ({now})"))
}

impl Api {
    /// Begins to watch. An `Err` is the answer to the request.
    pub fn watch_open(&mut self, request: &Request) -> Result<Watch, Response> {
        let open = |api: &Api| {
            let path = Path::parse(request).ok_or_else(Status::no_such_path)?;
            let user = access::User::of(&api.store, request)?;
            access::check(&api.store, &user, request, &path)?;
            api.watch_from(request, path)
        };
        open(self).map_err(|status| Response::json(status.code, &status.to_value()))
    }

    fn watch_from(&self, request: &Request, path: Path) -> Result<Watch, Status> {
        let labels = Selector::parse(request.query("labelSelector")).map_err(Status::bad_request)?;
        let fields = Fields::parse(path.kind, request.query("fieldSelector"))?;
        let as_table = request.header("Accept").contains("as=Table");
        let from = request.query("resourceVersion").parse::<u64>().unwrap_or(0);
        let mut watch =
            Watch { path, labels, fields, as_table, seen: from, first: Vec::new(), is_over: false };
        if from == 0 {
            let there = chosen(request, &watch.path, &self.store)?;
            let shown = |it: &Value| {
                if !watch.as_table {
                    return line("ADDED", it).into();
                }
                let table = table::of(watch.path.kind, std::slice::from_ref(it), self.store.now(), true);
                line("ADDED", &table).into()
            };
            watch.first = there.iter().filter(|it| watch.chooses(it)).map(shown).collect();
            watch.seen = self.store.revision();
        } else if self.store.changes_since(from).is_none() {
            return Err(too_old(from, self.store.revision()));
        }
        Ok(watch)
    }

    pub(super) fn watch(&mut self, request: &Request, path: &Path) -> Result<Response, Status> {
        let mut watch = self.watch_from(request, path.clone())?;
        let body = watch.next(self).concat();
        let headers = vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Revision".to_owned(), self.store.revision().to_string()),
        ];
        Ok(Response { code: 200, headers, body })
    }
}
