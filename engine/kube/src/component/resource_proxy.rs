//! The API server's proxy: a request to a Service, a Pod or a Node by way of the API, as `kubectl proxy` users know it.
//!
//! Always: a Service leads to one of its ready endpoints, by a Service port's name or number.
//! Differs from Kubernetes: links in pages are not rewritten; the first ready endpoint is taken, not one by chance.
//! Source: kubernetes `pkg/registry/core/{service,pod,node}/strategy.go` (ResourceLocation).

use crate::api::path::{Path, Target};
use crate::api::{Api, Request};
use crate::http;
use crate::object::{Kind, Status, Value};
use std::net::{IpAddr, SocketAddr};

/// Where a request goes on to.
pub struct Route {
    pub place: SocketAddr,
    /// Path and query.
    pub target: String,
}

/// `[scheme:]name[:port]`
fn parts(word: &str) -> (&str, &str) {
    match word.split(':').collect::<Vec<_>>()[..] {
        [_, name, port] => (name, port),
        [name, port] => (name, port),
        _ => (word, ""),
    }
}

/// `None` where the request is none for a proxy.
pub fn route(api: &Api, request: &Request, path: &Path) -> Option<Result<Route, Status>> {
    let Target::Part(part) = &path.target else { return None };
    if part != "proxy" {
        return None;
    }
    let (name, port) = parts(&path.name);
    let object = api.store.get(path.kind, &path.namespace, name);
    let place = match object.ok_or_else(|| Status::not_found(path.kind, name)) {
        Err(status) => Err(status),
        Ok(object) => match path.kind {
            Kind::Service => service(api, object, port),
            Kind::Pod => pod(object, port),
            Kind::Node => node(object, port),
            _ => return None,
        },
    };
    let target = format!("/{}{}", path.rest, http::query(&request.query));
    Some(place.map(|place| Route { place, target }))
}

fn unavailable(words: String) -> Status {
    Status::new(503, "ServiceUnavailable", words)
}

fn place(address: &str, port: i64) -> Option<SocketAddr> {
    Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, u16::try_from(port).ok()?))
}

fn service(api: &Api, service: &Value, port: &str) -> Result<SocketAddr, Status> {
    let metadata = service.get("metadata");
    let (namespace, name) = (metadata.str("namespace"), metadata.str("name"));
    let ports = service.at(&["spec", "ports"]).items();
    let number = port.parse::<i64>();
    let wanted = match (port, &number, ports) {
        ("", _, [only]) => only.str("name"),
        (_, Ok(number), ports) => match ports.iter().find(|it| it.int("port") == *number) {
            Some(found) => found.str("name"),
            None => {
                return Err(unavailable(format!("no service port {number} found for service \"{name}\"")));
            }
        },
        _ => port,
    };
    let slices = api
        .store
        .list(Kind::EndpointSlice, Some(namespace))
        .filter(|it| it.at(&["metadata", "labels"]).str("kubernetes.io/service-name") == name);
    for slice in slices {
        let Some(port) = slice.get("ports").items().iter().find(|it| it.str("name") == wanted) else {
            continue;
        };
        let ready = |it: &&Value| it.at(&["conditions", "ready"]).as_bool() != Some(false);
        let endpoint = slice.get("endpoints").items().iter().find(ready);
        let address = endpoint.and_then(|it| it.get("addresses").items().first());
        if let Some(found) = address.and_then(|it| place(it.as_str(), port.int("port"))) {
            return Ok(found);
        }
    }
    Err(unavailable(format!("no endpoints available for service \"{name}\"")))
}

fn pod(pod: &Value, port: &str) -> Result<SocketAddr, Status> {
    let containers = pod.at(&["spec", "containers"]).items();
    let first =
        containers.iter().flat_map(|it| it.get("ports").items()).next().map(|it| it.int("containerPort"));
    let port = port.parse().ok().or(first).unwrap_or(80);
    let refused = || Status::bad_request("address not allowed");
    place(pod.at(&["status", "podIP"]).as_str(), port).ok_or_else(refused)
}

fn node(node: &Value, port: &str) -> Result<SocketAddr, Status> {
    let addresses = node.at(&["status", "addresses"]).items();
    let inner = addresses.iter().find(|it| it.str("type") == "InternalIP").map_or("", |it| it.str("address"));
    place(inner, port.parse().unwrap_or(10250)).ok_or_else(|| Status::bad_request("address not allowed"))
}
