//! What the server serves: `/api`, `/apis`, `/version`, health.
//!
//! Always: the same table that serves the objects answers here.

use super::{Request, Response, VERSION};
use crate::object;
use crate::object::{KINDS, Resource, Value};

/// Groups in the order a real server lists them.
pub const GROUPS: &[(&str, &[&str])] = &[
    ("apiregistration.k8s.io", &["v1"]),
    ("apps", &["v1"]),
    ("events.k8s.io", &["v1"]),
    ("authentication.k8s.io", &["v1"]),
    ("authorization.k8s.io", &["v1"]),
    ("autoscaling", &["v2", "v1"]),
    ("batch", &["v1"]),
    ("certificates.k8s.io", &["v1"]),
    ("networking.k8s.io", &["v1"]),
    ("policy", &["v1"]),
    ("rbac.authorization.k8s.io", &["v1"]),
    ("storage.k8s.io", &["v1"]),
    ("admissionregistration.k8s.io", &["v1"]),
    ("apiextensions.k8s.io", &["v1"]),
    ("scheduling.k8s.io", &["v1"]),
    ("coordination.k8s.io", &["v1"]),
    ("node.k8s.io", &["v1"]),
    ("discovery.k8s.io", &["v1"]),
    ("resource.k8s.io", &["v1"]),
    ("flowcontrol.apiserver.k8s.io", &["v1"]),
    ("gateway.networking.k8s.io", &["v1"]),
];

pub fn answer(request: &Request) -> Option<Response> {
    let path = request.path.trim_end_matches('/');
    if request.method != "GET" {
        return None;
    }
    match path {
        "/healthz" | "/livez" | "/readyz" => return Some(health(path, request.has_query("verbose"))),
        "/version" => return Some(version()),
        "/api" => {
            return Some(Response::json(200, &object!({"kind": "APIVersions", "versions": ["v1"]})));
        }
        "/apis" => return Some(groups()),
        _ => {}
    }
    let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match words[..] {
        ["api", version] => resources("", version),
        ["apis", group, version] => resources(group, version),
        _ => None,
    }
}

/// What is looked at for health, the same each time: this API server is well while it answers.
fn health(path: &str, verbose: bool) -> Response {
    const CHECKS: [&str; 12] = [
        "ping",
        "log",
        "etcd",
        "poststarthook/start-apiserver-admission-initializer",
        "poststarthook/generic-apiserver-start-informers",
        "poststarthook/start-service-ip-repair-controllers",
        "poststarthook/rbac/bootstrap-roles",
        "poststarthook/scheduling/bootstrap-system-priority-classes",
        "poststarthook/start-system-namespaces-controller",
        "poststarthook/start-kubernetes-service-cidr-controller",
        "poststarthook/apiservice-registration-controller",
        "autoregister-completion",
    ];
    if !verbose {
        return Response::text(200, "ok");
    }
    let lines: String = CHECKS.iter().map(|it| format!("[+]{it} ok\n")).collect();
    Response::text(200, &format!("{lines}{} check passed\n", &path[1..]))
}

fn version() -> Response {
    let git = VERSION;
    Response::json(
        200,
        &object!({
            "major": "1", "minor": "36", "gitVersion": git, "gitTreeState": "clean", "goVersion": "go1.26.4",
            "compiler": "gc", "platform": "linux/amd64"
        }),
    )
}

fn groups() -> Response {
    let mut list = object!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []});
    for (name, versions) in GROUPS {
        let name = *name;
        let entry =
            |version: &str| object!({"groupVersion": (format!("{name}/{version}")), "version": version});
        let all: Vec<Value> = versions.iter().map(|it| entry(it)).collect();
        let preferred = all[0].clone();
        list["groups"].push(object!({"name": name, "versions": all, "preferredVersion": preferred}));
    }
    Response::json(200, &list)
}

fn resources(group: &str, version: &str) -> Option<Response> {
    let is_known = group.is_empty() && version == "v1"
        || GROUPS.iter().any(|(its, versions)| *its == group && versions.contains(&version));
    if !is_known {
        return None;
    }
    let its: Vec<&Resource> = KINDS.iter().filter(|it| it.group == group && it.version == version).collect();
    let full = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list =
        object!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full, "resources": []});
    for resource in its {
        list["resources"].push(entry(resource, resource.plural, resource.name, resource.verbs()));
        for part in resource.subresources() {
            let name = format!("{}/{part}", resource.plural);
            let kind = if *part == "scale" { "Scale" } else { resource.name };
            list["resources"].push(entry(resource, &name, kind, &["get", "patch", "update"]));
        }
    }
    Some(Response::json(200, &list))
}

fn entry(resource: &Resource, name: &str, kind: &str, verbs: &[&str]) -> Value {
    let texts = |words: &[&str]| Value::list(words.iter().map(|it| Value::text(it)).collect());
    let mut value = object!({"name": name, "kind": kind, "namespaced": (resource.namespaced)});
    value.set("verbs", texts(verbs));
    if !name.contains('/') {
        value.set("singularName", resource.singular());
        if !resource.short.is_empty() {
            value.set("shortNames", texts(resource.short));
        }
        if resource.in_all {
            value.set("categories", texts(&["all"]));
        }
    }
    value
}
