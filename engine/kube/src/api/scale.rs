//! Parts of objects that are objects of their own: `scale`, `binding`, `eviction`, `token`.
//!
//! Sources: autoscaling/v1 Scale, policy/v1 Eviction, authentication.k8s.io/v1 TokenRequest.

use super::delete::Deletion;
use super::path::{Path, Target};
use super::{Api, Options, Request, Response};
use crate::object;
use crate::object::{Kind, Status, Time, Value, json, patch, selector};
use linux::base64;

impl Api {
    pub(super) fn scale(
        &mut self,
        request: &Request,
        path: &Path,
        options: &mut Options,
    ) -> Result<Response, Status> {
        let found = self.store.get(path.kind, &path.namespace, &path.name).cloned();
        let object = found.ok_or_else(|| Status::not_found(path.kind, &path.name))?;
        let scale = scale_of(&object);
        let wanted = match request.method {
            "GET" => return Ok(Response::json(200, &scale)),
            "PUT" => Self::body(request)?,
            "PATCH" => {
                let mut wanted = scale;
                patch::merge(&mut wanted, &json::parse(&request.body).map_err(Status::bad_request)?);
                wanted
            }
            _ => return Err(Status::no_such_path()),
        };
        let version = wanted["metadata"].str("resourceVersion");
        if !version.is_empty() && version != object["metadata"].str("resourceVersion") {
            return Err(Status::conflict(path.kind, &path.name));
        }
        let mut changed = object.clone();
        changed["spec"].set("replicas", wanted["spec"].int("replicas"));
        let whole = Path { target: Target::Object, ..path.clone() };
        let done = self.update(&whole, changed, "", options)?;
        Ok(Response::json(200, &scale_of(&done)))
    }

    /// What the scheduler does, and whoever plays it with curl.
    pub(super) fn bind_pod(&mut self, request: &Request, path: &Path) -> Result<Response, Status> {
        let body = Self::body(request)?;
        let node = body.at(&["target", "name"]).as_str().to_owned();
        self.bind(&path.namespace, &path.name, &node)?;
        let answer =
            object!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(Response::json(201, &answer))
    }

    pub fn bind(&mut self, namespace: &str, name: &str, node: &str) -> Result<(), Status> {
        let found = self.store.get(Kind::Pod, namespace, name).cloned();
        let mut pod = found.ok_or_else(|| Status::not_found(Kind::Pod, name))?;
        let bound = pod["spec"].str("nodeName");
        if !bound.is_empty() {
            let why = format!("pod {name} is already assigned to node \"{bound}\"");
            return Err(Status::conflict_because(Kind::Pod, name, &why));
        }
        pod["spec"].set("nodeName", node);
        let now = self.store.now();
        set_condition(&mut pod["status"], "PodScheduled", "True", "", "", now);
        self.store.put(Kind::Pod, pod);
        Ok(())
    }

    pub(super) fn evict(&mut self, request: &Request, path: &Path) -> Result<Response, Status> {
        let body = Self::body(request)?;
        let deletion = Deletion {
            grace: body.at(&["deleteOptions", "gracePeriodSeconds"]).as_int(),
            dry_run: request.query("dryRun") == "All",
            ..Deletion::default()
        };
        self.delete(Kind::Pod, &path.namespace, &path.name, &deletion)?;
        let answer =
            object!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(Response::json(201, &answer))
    }

    /// A token that says whose it is; nothing checks its signature in this world.
    pub(super) fn token(&mut self, request: &Request, path: &Path) -> Result<Response, Status> {
        let found = self.store.get(Kind::ServiceAccount, &path.namespace, &path.name);
        let account = found.ok_or_else(|| Status::not_found(Kind::ServiceAccount, &path.name))?;
        let body = if request.body.is_empty() { Value::map() } else { Self::body(request)? };
        let seconds = body.at(&["spec", "expirationSeconds"]).as_int().unwrap_or(3600);
        let now = self.store.now();
        let claims = object!({
            "aud": ["https://kubernetes.default.svc.cluster.local"],
            "exp": (now.0 + seconds),
            "iat": (now.0),
            "iss": "https://kubernetes.default.svc.cluster.local",
            "kubernetes.io": {
                "namespace": (path.namespace.as_str()),
                "serviceaccount": {"name": (path.name.as_str()), "uid": (account["metadata"].get("uid"))}
            },
            "nbf": (now.0),
            "sub": (format!("system:serviceaccount:{}:{}", path.namespace, path.name))
        });
        let part =
            |text: &str| base64::encode(text.as_bytes()).replace('+', "-").replace('/', "_").replace('=', "");
        let head = part(r#"{"alg":"RS256","kid":"vethlab"}"#);
        let token = format!("{head}.{}.{}", part(&json::compact(&claims)), part(&self.uid()));
        let mut answer = body;
        answer.set("apiVersion", "authentication.k8s.io/v1");
        answer.set("kind", "TokenRequest");
        answer.set(
            "status",
            object!({"token": token, "expirationTimestamp": (Time(now.0 + seconds).rfc3339())}),
        );
        Ok(Response::json(201, &answer))
    }
}

fn scale_of(object: &Value) -> Value {
    let metadata = object.get("metadata");
    let mut scale = object!({"kind": "Scale", "apiVersion": "autoscaling/v1"});
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        scale["metadata"].set(name, metadata.get(name));
    }
    scale["spec"].set("replicas", object["spec"].int("replicas"));
    scale["status"].set("replicas", object["status"].int("replicas"));
    scale["status"].set("selector", selector::shown(object["spec"].get("selector")));
    scale
}

/// Sets a condition; its transition time moves only when its status does.
pub fn set_condition(status: &mut Value, kind: &str, is: &str, reason: &str, message: &str, now: Time) {
    let old = status.get("conditions").items().iter().position(|it| it.str("type") == kind);
    let mut condition = old.map_or_else(Value::map, |at| status["conditions"].items()[at].clone());
    let changed = condition.str("status") != is;
    condition.set("type", kind);
    condition.set("status", is);
    if changed {
        condition.set("lastTransitionTime", now.rfc3339());
    }
    for (name, text) in [("reason", reason), ("message", message)] {
        if text.is_empty() {
            condition.remove(name);
        } else {
            condition.set(name, text);
        }
    }
    match old {
        Some(at) => status["conditions"].items_mut()[at] = condition,
        None => status["conditions"].push(condition),
    }
}
