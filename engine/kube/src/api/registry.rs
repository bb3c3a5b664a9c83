//! Creating, changing and deleting objects: what happens between a request and the store.
//!
//! Always: decode → default → admit → validate → allocate → store, as in kube-apiserver; a change that changes nothing
//! is not written. Source: apiserver `registry/generic/registry/store.go`.

use super::delete::{Gone, deleted, read_deletion};
use super::path::{Path, Target};
use super::{Api, Options, Request, Response, Validation, access, answer, apply, strategy};
use crate::object::decode::decode;
use crate::object::kind::Served;
use crate::object::schema::schema;
use crate::object::{Cause, Kind, Status, Value, default, json, patch, yaml};
use crate::{object, validation};

/// How often a random name is tried.
const NAME_TRIES: u32 = 8;

impl Api {
    pub(super) fn collection(
        &mut self,
        request: &Request,
        path: &Path,
        options: &mut Options,
    ) -> Result<Response, Status> {
        match request.method {
            "GET" if request.is_true("watch") => self.watch(request, path),
            "GET" => self.list(request, path, options),
            "POST" => {
                let body = self.read(request, path, options)?;
                let created = self.create(path.kind, &path.namespace, body, options)?;
                Ok(answer::object(request, path.kind, &created, self.store.now(), 201))
            }
            "DELETE" => self.delete_collection(request, path),
            _ => Err(not_allowed()),
        }
    }

    pub(super) fn object(
        &mut self,
        request: &Request,
        path: &Path,
        options: &mut Options,
    ) -> Result<Response, Status> {
        let kind = path.kind;
        if kind == Kind::Endpoints {
            options.warnings.push(ENDPOINTS_ARE_OLD.to_owned());
        }
        let (done, code) = match request.method {
            "GET" => {
                let found = self.store.get(kind, &path.namespace, &path.name);
                (found.cloned().ok_or_else(|| Status::not_found(kind, &path.name))?, 200)
            }
            "PUT" => {
                let body = self.read(request, path, options)?;
                (self.update(path, body, "", options)?, 200)
            }
            "PATCH" => {
                let is_new = self.store.get(kind, &path.namespace, &path.name).is_none();
                (self.patch(request, path, "", options)?, if is_new { 201 } else { 200 })
            }
            "DELETE" => {
                let deletion = read_deletion(request)?;
                return self.delete(kind, &path.namespace, &path.name, &deletion).map(|gone| match gone {
                    Gone::Waits(object) => answer::object(request, kind, &object, self.store.now(), 200),
                    Gone::Now(uid) => Response::json(200, &deleted(kind, &path.name, &uid)),
                });
            }
            _ => return Err(not_allowed()),
        };
        Ok(answer::object(request, kind, &done, self.store.now(), code))
    }

    pub(super) fn part(
        &mut self,
        request: &Request,
        path: &Path,
        options: &mut Options,
        user: &access::User,
    ) -> Result<Response, Status> {
        let Target::Part(part) = &path.target else { return Err(Status::no_such_path()) };
        let known = path.kind.resource().subresources().contains(&part.as_str());
        match (request.method, part.as_str()) {
            ("GET", "status") if known => {
                let found = self.store.get(path.kind, &path.namespace, &path.name);
                let found = found.ok_or_else(|| Status::not_found(path.kind, &path.name))?;
                Ok(Response::json(200, found))
            }
            ("PUT", "status" | "finalize") if known => {
                let body = self.read(request, path, options)?;
                let done = self.update(path, body, part, options)?;
                Ok(answer::object(request, path.kind, &done, self.store.now(), 200))
            }
            ("PATCH", "status" | "ephemeralcontainers") if known => {
                let done = self.patch(request, path, part, options)?;
                Ok(answer::object(request, path.kind, &done, self.store.now(), 200))
            }
            (_, "scale") if known => self.scale(request, path, options),
            ("POST", "binding") if path.kind == Kind::Pod => self.bind_pod(request, path),
            ("POST", "eviction") if path.kind == Kind::Pod => self.evict(request, path),
            ("POST", "token") if path.kind == Kind::ServiceAccount => self.token(request, path),
            _ if path.kind == Kind::Pod || path.kind == Kind::Node || path.kind == Kind::Service => {
                if self.store.get(path.kind, &path.namespace, &path.name).is_none() {
                    return Err(Status::not_found(path.kind, &path.name));
                }
                let words = format!("{part} of {} by user {}: needs a kubelet", path.kind.name(), user.name);
                Err(Status::new(501, "NotImplemented", words))
            }
            _ => Err(Status::no_such_path()),
        }
    }

    /// The object of a request: strictly or leniently decoded, of the kind the path names.
    fn read(&mut self, request: &Request, path: &Path, options: &mut Options) -> Result<Value, Status> {
        if path.kind.resource().served == Served::Answer && path.kind != Kind::Binding {
            return Self::body(request);
        }
        let parsed = if request.header("Content-Type").contains("yaml") {
            let value = Self::body(request)?;
            json::Parsed { value, duplicates: Vec::new() }
        } else {
            json::parse_noting(&request.body).map_err(Status::bad_request)?
        };
        self.decode_checked(path.kind, parsed, options)
    }

    fn decode_checked(
        &self,
        kind: Kind,
        parsed: json::Parsed,
        options: &mut Options,
    ) -> Result<Value, Status> {
        let resource = kind.resource();
        let (version, name) = (resource.version, resource.name);
        let body = parsed.value;
        if body.str("kind").is_empty() {
            let words = format!("Object 'Kind' is missing in '{}'", json::compact(&body));
            return Err(Status::bad_request(words));
        }
        let wanted = resource.api_version();
        if body.str("apiVersion") != wanted || body.str("kind") != name {
            let words = format!(
                "the API version in the data ({}) does not match the expected API version ({wanted})",
                body.str("apiVersion")
            );
            return Err(Status::bad_request(words));
        }
        let head = format!("{name} in version \"{version}\" cannot be handled as a {name}: ");
        let decoded = decode(kind, &body).map_err(|why| Status::bad_request(head.clone() + &why))?;
        let duplicates = parsed.duplicates.iter().map(|it| format!("duplicate field \"{it}\""));
        let unknown = decoded.unknown.iter().map(|it| format!("unknown field \"{it}\""));
        let faults: Vec<String> = duplicates.chain(unknown).collect();
        match options.validation {
            Validation::Strict if !faults.is_empty() => {
                let words = format!("{head}strict decoding error: {}", faults.join(", "));
                return Err(Status::bad_request(words));
            }
            Validation::Warn => options.warnings.extend(faults),
            _ => {}
        }
        Ok(decoded.value)
    }

    /// Creates an object that was decoded.
    pub fn create(
        &mut self,
        kind: Kind,
        namespace: &str,
        mut object: Value,
        options: &mut Options,
    ) -> Result<Value, Status> {
        let resource = kind.resource();
        match resource.served {
            Served::Whole => {}
            Served::Named => {
                let words = format!("{}: not simulated in vethlab", resource.qualified());
                return Err(Status::new(501, "NotImplemented", words));
            }
            Served::Answer => return Ok(object),
        }
        if kind == Kind::Endpoints {
            options.warnings.push(ENDPOINTS_ARE_OLD.to_owned());
        }
        if resource.namespaced {
            self.check_namespace(kind, namespace, &mut object)?;
        }
        self.name(kind, namespace, &mut object)?;
        default::apply(kind, &mut object);
        strategy::prepare_create(kind, &mut object);
        let metadata = &mut object["metadata"];
        metadata.set("uid", self.uid());
        metadata.set("creationTimestamp", self.store.now().rfc3339());
        metadata.remove("resourceVersion");
        metadata.remove("deletionTimestamp");
        if resource.counts_generation() {
            metadata.set("generation", 1);
        }
        if kind == Kind::Job {
            strategy::choose_own_pods(&mut object);
        }
        self.admit(kind, &mut object)?;
        let name = object["metadata"].str("name").to_owned();
        let causes = validation::create(kind, &object);
        if !causes.is_empty() {
            return Err(Status::invalid(kind, &name, causes));
        }
        if self.store.get(kind, namespace, &name).is_some() {
            return Err(Status::already_exists(kind, &name));
        }
        if kind == Kind::Service {
            self.allocate(&mut object, object::NULL)
                .map_err(|causes| Status::invalid(kind, &name, causes))?;
        }
        options.warnings.extend(validation::warnings(kind, &object));
        apply::note_update(kind, object::NULL, &mut object, options, "", self.store.now());
        if options.dry_run {
            return Ok(object);
        }
        let stored = self.store.put(kind, object);
        self.allocations.take_in(kind, &stored);
        if kind == Kind::Event {
            self.recorder.note_made(namespace, &name, self.store.now());
        }
        Ok(stored)
    }

    fn check_namespace(&self, kind: Kind, namespace: &str, object: &mut Value) -> Result<(), Status> {
        let its = object["metadata"].str("namespace");
        if !its.is_empty() && its != namespace {
            let words =
                "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Status::bad_request(words));
        }
        let Some(home) = self.store.get(Kind::Namespace, "", namespace) else {
            return Err(Status::not_found(Kind::Namespace, namespace));
        };
        if home.at(&["status", "phase"]).as_str() == "Terminating" {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            return Err(Status::forbidden(kind, object["metadata"].str("name"), &why));
        }
        object["metadata"].set("namespace", namespace);
        Ok(())
    }

    fn name(&mut self, kind: Kind, namespace: &str, object: &mut Value) -> Result<(), Status> {
        let metadata = object.get("metadata");
        let base = metadata.str("generateName").to_owned();
        if !metadata.str("name").is_empty() {
            return Ok(());
        }
        if base.is_empty() {
            let cause = Cause::required("metadata.name", "name or generateName is required");
            return Err(Status::invalid(kind, "", vec![cause]));
        }
        for _ in 0..NAME_TRIES {
            // As much of the base as leaves room for the suffix.
            let name = format!("{}{}", &base[..base.floor_char_boundary(58)], self.suffix());
            if self.store.get(kind, namespace, &name).is_none() {
                object["metadata"].set("name", name);
                return Ok(());
            }
        }
        Err(Status::already_exists(kind, &base))
    }

    /// Replaces an object, or a part of it, by what was decoded.
    pub fn update(
        &mut self,
        path: &Path,
        object: Value,
        part: &str,
        options: &mut Options,
    ) -> Result<Value, Status> {
        let (kind, name) = (path.kind, path.name.as_str());
        let its = object["metadata"].str("name");
        if its != name && !its.is_empty() {
            let words = format!("the name of the object ({its}) does not match the name on the URL ({name})");
            return Err(Status::bad_request(words));
        }
        let before = self.store.get(kind, &path.namespace, name).cloned();
        let before = before.ok_or_else(|| Status::not_found(kind, name))?;
        let version = object["metadata"].str("resourceVersion");
        if !version.is_empty() && version != before["metadata"].str("resourceVersion") {
            return Err(Status::conflict(kind, name));
        }
        self.write(kind, before, object, part, options)
    }

    fn write(
        &mut self,
        kind: Kind,
        before: Value,
        mut object: Value,
        part: &str,
        options: &mut Options,
    ) -> Result<Value, Status> {
        let name = before["metadata"].str("name").to_owned();
        let wanted_uid = object["metadata"].str("uid").to_owned();
        if !wanted_uid.is_empty() && wanted_uid != before["metadata"].str("uid") {
            let why = format!(
                "Precondition failed: UID in precondition: {wanted_uid}, UID in object meta: {}",
                before["metadata"].str("uid")
            );
            return Err(Status::conflict_because(kind, &name, &why));
        }
        let applied = object["metadata"].get("managedFields").clone();
        // The last finalizer that is taken away must not come back as a default.
        if part != "finalize" {
            default::apply(kind, &mut object);
        }
        strategy::prepare_update(kind, &before, &mut object, part);
        let causes = validation::update(kind, &before, &object, part);
        if !causes.is_empty() {
            return Err(Status::invalid(kind, &name, causes));
        }
        if kind == Kind::Service && part.is_empty() {
            self.allocate(&mut object, &before).map_err(|causes| Status::invalid(kind, &name, causes))?;
        }
        options.warnings.extend(validation::warnings(kind, &object));
        if options.manager == SERVER_SIDE_APPLY {
            object["metadata"].set("managedFields", applied);
        } else {
            apply::note_update(kind, &before, &mut object, options, part, self.store.now());
        }
        if same_but_times(&before, &object) {
            return Ok(before);
        }
        if options.dry_run {
            return Ok(object);
        }
        self.allocations.give_back(kind, &before);
        self.allocations.take_in(kind, &object);
        if strategy::is_gone(&object) {
            self.allocations.give_back(kind, &object);
            let metadata = object.get("metadata");
            self.store.remove(kind, metadata.str("namespace"), metadata.str("name"));
            return Ok(object);
        }
        Ok(self.store.put(kind, object))
    }

    fn patch(
        &mut self,
        request: &Request,
        path: &Path,
        part: &str,
        options: &mut Options,
    ) -> Result<Value, Status> {
        let kind = path.kind;
        let before = self.store.get(kind, &path.namespace, &path.name).cloned();
        let content = request.header("Content-Type").split(';').next().unwrap_or_default().to_owned();
        if content.starts_with("application/apply-patch") {
            return self.apply(request, path, before, options);
        }
        let before = before.ok_or_else(|| Status::not_found(kind, &path.name))?;
        let body = json::parse(&request.body)
            .or_else(|_| yaml::parse(&request.body))
            .map_err(|why| Status::bad_request(format!("error decoding patch: {why}")))?;
        let mut after = before.clone();
        match content.as_str() {
            "application/strategic-merge-patch+json" => {
                let id = kind.resource().type_id().filter(|_| !kind.resource().schema.starts_with("gateway"));
                let id = id.ok_or_else(|| unknown_patch("json-patch+json, application/merge-patch+json"))?;
                patch::strategic(Some(schema().get(id)), &mut after, &body).map_err(Status::bad_request)?;
            }
            "application/merge-patch+json" => patch::merge(&mut after, &body),
            "application/json-patch+json" => patch::json_patch(&mut after, &body).map_err(|why| {
                Status::new(
                    422,
                    "Invalid",
                    format!("the server rejected our request due to an error in our request: {why}"),
                )
            })?,
            _ => {
                return Err(unknown_patch(
                    "json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
                ));
            }
        }
        let after =
            self.decode_checked(kind, json::Parsed { value: after, duplicates: Vec::new() }, options)?;
        if after["metadata"].str("name") != path.name {
            let its = after["metadata"].str("name");
            let words =
                format!("the name of the object ({its}) does not match the name on the URL ({})", path.name);
            return Err(Status::bad_request(words));
        }
        let version = body["metadata"].str("resourceVersion");
        if !version.is_empty() && version != before["metadata"].str("resourceVersion") {
            return Err(Status::conflict(kind, &path.name));
        }
        self.write(kind, before, after, part, options)
    }

    fn apply(
        &mut self,
        request: &Request,
        path: &Path,
        before: Option<Value>,
        options: &mut Options,
    ) -> Result<Value, Status> {
        if request.query("fieldManager").is_empty() {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            let mut status = Status::invalid(path.kind, &path.name, vec![cause]);
            status.message =
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for \
                              apply patch"
                    .to_owned();
            return Err(status);
        }
        let body = yaml::parse(&request.body).map_err(|why| {
            Status::bad_request(format!("error decoding YAML: {}", why.trim_start_matches("yaml: ")))
        })?;
        let config = self.decode_checked(
            path.kind,
            json::Parsed { value: body.clone(), duplicates: Vec::new() },
            options,
        )?;
        // What a struct always writes was not said by the one who applies.
        let config = only_said(&config, &body);
        let live = before.clone().unwrap_or_else(|| object!({"metadata": {}}));
        let mut merged = apply::apply(path.kind, &live, &config, options, self.store.now())?;
        let managed = merged["metadata"].get("managedFields").clone();
        options.manager = SERVER_SIDE_APPLY.to_owned();
        match before {
            Some(before) => self.write(path.kind, before, merged, "", options),
            None => {
                options.manager.clear();
                merged = decode(path.kind, &merged).map_err(Status::bad_request)?.value;
                merged["metadata"].set("managedFields", managed);
                self.create(path.kind, &path.namespace, merged, options)
            }
        }
    }
}

/// The manager's place is taken by the apply itself, which has noted it.
const SERVER_SIDE_APPLY: &str = "\u{0}apply";
pub const ENDPOINTS_ARE_OLD: &str =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

fn not_allowed() -> Status {
    Status::method_not_allowed("the server does not allow this method on the requested resource")
}

fn unknown_patch(list: &str) -> Status {
    Status::unsupported_media_type(format!(
        "the body of the request was in an unknown format - accepted media types include: application/{list}, \
         application/apply-patch+yaml"
    ))
}

fn same_but_times(before: &Value, after: &Value) -> bool {
    let strip = |value: &Value| {
        let mut value = value.clone();
        for entry in value["metadata"].get("managedFields").items().to_vec().iter().enumerate() {
            value["metadata"]["managedFields"].items_mut()[entry.0].remove("time");
        }
        value["metadata"].remove("resourceVersion");
        value
    };
    if before["metadata"].get("managedFields").is_empty() && after["metadata"].get("managedFields").is_empty()
    {
        let mut after = after.clone();
        after["metadata"].set("resourceVersion", before["metadata"].get("resourceVersion"));
        return *before == after;
    }
    strip(before) == strip(after)
}

/// What stands in `value` and in `said` alike: leaves of `value`, shape of `said`.
fn only_said(value: &Value, said: &Value) -> Value {
    match (value, said) {
        (Value::Map(map), Value::Map(_)) => {
            let kept = map.iter().filter(|(name, _)| said.has(name));
            kept.map(|(name, it)| (name.clone(), only_said(it, said.get(name))))
                .collect::<object::Map>()
                .into()
        }
        (Value::List(items), Value::List(said)) => {
            Value::list(items.iter().zip(said.iter()).map(|(it, said)| only_said(it, said)).collect())
        }
        (value, _) => value.clone(),
    }
}
