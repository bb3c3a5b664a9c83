//! Lists, selections, and the form an answer takes: the object itself, its metadata, or a table.
//!
//! Sources: kubernetes.io API concepts ("Receiving resources as Tables", "Retrieving large results sets in chunks").

use super::path::Path;
use super::{Api, Options, Request, Response, registry, table};
use crate::object;
use crate::object::selector::Selector;
use crate::object::{Kind, Status, Time, Value};
use crate::store::Store;

impl Api {
    pub(super) fn list(
        &mut self,
        request: &Request,
        path: &Path,
        options: &mut Options,
    ) -> Result<Response, Status> {
        if path.kind == Kind::Endpoints {
            options.warnings.push(registry::ENDPOINTS_ARE_OLD.to_owned());
        }
        let mut items = chosen(request, path, &self.store)?;
        let mut rest = None;
        // A token is the number of items passed over: the list does not change while a page of it is read.
        let start = request.query("continue").parse::<usize>().unwrap_or(0).min(items.len());
        items.drain(..start);
        // At "0", any state of the store, the whole list is at hand.
        if let Ok(limit) = request.query("limit").parse::<usize>()
            && request.query("resourceVersion") != "0"
            && limit > 0
            && items.len() > limit
        {
            rest = Some((start + limit, items.len() - limit));
            items.truncate(limit);
        }
        let mut list = if wants_table(request) {
            table::of(path.kind, &items, self.store.now(), includes_object(request))
        } else {
            let mut list = list_of(path.kind, self.store.revision());
            list.set("items", items);
            list
        };
        list["metadata"].set("resourceVersion", self.store.revision().to_string());
        if let Some((next, remaining)) = rest {
            list["metadata"].set("continue", next.to_string());
            list["metadata"].set("remainingItemCount", remaining);
        }
        Ok(Response::json(200, &list))
    }
}

pub fn list_of(kind: Kind, revision: u64) -> Value {
    let resource = kind.resource();
    object!({
        "kind": (format!("{}List", resource.name)), "apiVersion": (resource.api_version()),
        "metadata": {"resourceVersion": (revision.to_string())}, "items": []
    })
}

/// The objects a request's selectors choose, in key order.
pub fn chosen(request: &Request, path: &Path, store: &Store) -> Result<Vec<Value>, Status> {
    let labels = Selector::parse(request.query("labelSelector"))
        .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
    let fields = Fields::parse(path.kind, request.query("fieldSelector"))?;
    let namespace = Some(path.namespace.as_str()).filter(|it| !it.is_empty());
    let found = store.list(path.kind, namespace);
    Ok(found
        .filter(|it| labels.matches(it["metadata"].get("labels")) && fields.matches(it))
        .cloned()
        .collect())
}

/// A field selector: `status.phase=Running,spec.nodeName!=worker-1`.
#[derive(Debug, Default)]
pub struct Fields {
    terms: Vec<(String, bool, String)>,
}

impl Fields {
    pub fn parse(kind: Kind, text: &str) -> Result<Fields, Status> {
        let mut fields = Fields::default();
        for term in text.split(',').filter(|it| !it.is_empty()) {
            let (name, equal, value) = if let Some((name, value)) = term.split_once("!=") {
                (name, false, value)
            } else if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (name, true, value)
            } else {
                let words = format!("invalid selector: '{text}'; can't understand '{term}'");
                return Err(Status::bad_request(words));
            };
            if !is_selectable(kind, name) {
                let words = if matches!(
                    kind,
                    Kind::Pod | Kind::Node | Kind::Event | Kind::Namespace | Kind::Secret | Kind::Service
                ) {
                    format!("field label not supported: {name}")
                } else {
                    format!(
                        "\"{name}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
                };
                return Err(Status::bad_request(words));
            }
            fields.terms.push((name.to_owned(), equal, value.to_owned()));
        }
        Ok(fields)
    }

    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|(name, equal, value)| {
            let found = name.split('.').fold(object, |at, word| at.get(word));
            let text = match found {
                Value::Bool(it) => it.to_string(),
                Value::Null if name == "spec.unschedulable" => "false".to_owned(),
                Value::Text(it) => it.to_string(),
                other => other.as_int().map(|it| it.to_string()).unwrap_or_default(),
            };
            (text == *value) == *equal
        })
    }
}

fn is_selectable(kind: Kind, name: &str) -> bool {
    const OF_POD: &[&str] = &[
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ];
    const OF_EVENT: &[&str] = &[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ];
    let own: &[&str] = match kind {
        Kind::Pod => OF_POD,
        Kind::Event => OF_EVENT,
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Job => &["status.successful"],
        Kind::ReplicaSet => &["status.replicas"],
        _ => &[],
    };
    matches!(name, "metadata.name" | "metadata.namespace") || own.contains(&name)
}

fn wants_table(request: &Request) -> bool {
    request.header("Accept").split(',').next().is_some_and(|it| it.contains("as=Table"))
}

fn includes_object(request: &Request) -> bool {
    request.query("includeObject") == "Object"
}

/// One object, as a table if that was asked for.
pub fn object(request: &Request, kind: Kind, object: &Value, now: Time, code: u16) -> Response {
    if wants_table(request) {
        let mut table = table::of(kind, std::slice::from_ref(object), now, includes_object(request));
        table["metadata"].set("resourceVersion", object["metadata"].get("resourceVersion"));
        return Response::json(code, &table);
    }
    Response::json(code, object)
}
