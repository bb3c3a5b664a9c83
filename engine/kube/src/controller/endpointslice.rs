//! EndpointSlice: who answers for a Service that chooses pods by labels.
//!
//! Always: pods that share the same ports share slices of at most 100; a slice keeps its name and the order of its
//! endpoints as long as it can. A Service without pods keeps one slice without ports.
//! Differs from Kubernetes: no topology hints by CPU share (the annotation `topology-mode`); ports are sorted by name.
//! Source: kubernetes `staging/src/k8s.io/endpointslice`.

use super::{Controller, Plan, View, Write, pod, wake_itself, wake_owner};
use crate::object;
use crate::object::endpointslice::SERVICE_NAME;
use crate::object::selector::Selector;
use crate::object::{Kind, Value};
use crate::store::{Change, Key, Store};
use std::collections::{BTreeMap, BTreeSet};

const MOST_ENDPOINTS: usize = 100;
pub const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
pub const HEADLESS: &str = "service.kubernetes.io/headless";
pub const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";

pub const ENDPOINTSLICE: Controller = Controller {
    name: "endpoint-slice-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::Service, change, keys);
        wake_services_of_pod(store, change, keys);
        if change.kind == Kind::EndpointSlice {
            wake_owner(Kind::Service, change, keys);
        }
    },
    reconcile,
};

/// The Services that choose a changed pod, before or after the change.
pub fn wake_services_of_pod(store: &Store, change: &Change, keys: &mut BTreeSet<Key>) {
    if change.kind != Kind::Pod || !matters(&change.before, &change.object) {
        return;
    }
    let namespace = change.object["metadata"].str("namespace");
    for service in store.list(Kind::Service, Some(namespace)) {
        let selector = service.at(&["spec", "selector"]);
        let selector = Selector::of_map(selector);
        let is_chosen = |pod: &Value| pod.is_map() && selector.matches(pod["metadata"].get("labels"));
        if !selector.is_empty() && (is_chosen(&change.before) || is_chosen(&change.object)) {
            keys.insert(Key::of(Kind::Service, service));
        }
    }
}

/// Whether a change of a pod can change an endpoint.
fn matters(before: &Value, after: &Value) -> bool {
    before.is_null()
        || before["metadata"].get("labels") != after["metadata"].get("labels")
        || before.at(&["status", "podIPs"]) != after.at(&["status", "podIPs"])
        || before["spec"].get("nodeName") != after["spec"].get("nodeName")
        || pod::is_terminating(before) != pod::is_terminating(after)
        || pod::phase(before) != pod::phase(after)
        || pod::is_ready(before) != pod::is_ready(after)
        // The pod is gone.
        || before.get("status") == after.get("status")
}

/// The pods a Service chooses, in the order of their names; none if it chooses none by itself.
pub fn chosen<'a>(store: &'a Store, service: &Value) -> Option<impl Iterator<Item = &'a Value> + use<'a>> {
    let selector = service.at(&["spec", "selector"]);
    if selector.is_empty() || service["spec"].str("type") == "ExternalName" {
        return None;
    }
    let selector = Selector::of_map(selector);
    let pods = store.list(Kind::Pod, Some(service["metadata"].str("namespace")));
    Some(pods.filter(move |it| selector.matches(it["metadata"].get("labels")) && !pod::is_terminal(it)))
}

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(service) = view.store.get(Kind::Service, &key.namespace, &key.name) else { return plan };
    let Some(pods) = chosen(view.store, service) else { return plan };
    let pods: Vec<&Value> = pods.collect();
    let uid = service["metadata"].str("uid");
    let existing: Vec<&Value> = view.store.owned_by(Kind::EndpointSlice, uid).collect();
    let families = service.at(&["spec", "ipFamilies"]).items();
    for family in families.iter().map(Value::as_str) {
        let here: Vec<&Value> =
            existing.iter().copied().filter(|it| it.str("addressType") == family).collect();
        one_family(view, &mut plan, service, &pods, family, here);
    }
    for slice in existing {
        if !families.iter().any(|it| it.as_str() == slice.str("addressType")) {
            plan.write(Write::Delete(Key::of(Kind::EndpointSlice, slice), None));
        }
    }
    plan
}

/// Ports of a group of pods, and their endpoints by the pod's uid.
type Groups = Vec<(Value, BTreeMap<String, Value>, Vec<String>)>;

fn groups_of(view: &View, service: &Value, pods: &[&Value], family: &str) -> Groups {
    let mut groups: Groups = Vec::new();
    for pod in pods {
        let Some(address) = address_of(pod, family) else { continue };
        let ports = ports_for(service, pod);
        let at = groups.iter().position(|it| it.0 == ports).unwrap_or_else(|| {
            groups.push((ports, BTreeMap::new(), Vec::new()));
            groups.len() - 1
        });
        let uid = pod["metadata"].str("uid").to_owned();
        groups[at].1.insert(uid.clone(), endpoint(view.store, service, pod, address));
        groups[at].2.push(uid);
    }
    if groups.is_empty() {
        groups.push((Value::Null, BTreeMap::new(), Vec::new()));
    }
    groups
}

fn one_family(
    view: &View,
    plan: &mut Plan,
    service: &Value,
    pods: &[&Value],
    family: &str,
    here: Vec<&Value>,
) {
    let mut groups = groups_of(view, service, pods, family);
    let mut spare: Vec<&Value> = Vec::new();
    let mut fresh: Vec<(Value, Vec<Value>)> = Vec::new();
    let mut kept: Vec<(&Value, Value, Vec<Value>)> = Vec::new();
    for slice in here {
        match groups.iter_mut().find(|it| it.0 == *slice.get("ports")) {
            Some((ports, wanted, _)) => {
                let uid = |it: &Value| it.at(&["targetRef", "uid"]).as_str().to_owned();
                let stay: Vec<Value> =
                    slice.get("endpoints").items().iter().filter_map(|it| wanted.remove(&uid(it))).collect();
                if stay.is_empty() && !slice.get("endpoints").is_empty() {
                    spare.push(slice);
                } else {
                    kept.push((slice, ports.clone(), stay));
                }
            }
            None => spare.push(slice),
        }
    }
    for (ports, mut wanted, order) in groups {
        let mut rest: Vec<Value> = order.iter().filter_map(|uid| wanted.remove(uid)).collect();
        for (_, _, endpoints) in kept.iter_mut().filter(|it| it.1 == ports) {
            let room = MOST_ENDPOINTS.saturating_sub(endpoints.len()).min(rest.len());
            endpoints.extend(rest.drain(..room));
        }
        let is_bare = ports.is_null() && !kept.iter().any(|it| it.1 == ports);
        while !rest.is_empty() || is_bare && !fresh.iter().any(|it| it.0.is_null()) {
            let part = rest.drain(..rest.len().min(MOST_ENDPOINTS)).collect();
            fresh.push((ports.clone(), part));
        }
    }
    for (ports, endpoints) in fresh {
        match spare.pop() {
            Some(slice) => kept.push((slice, ports, endpoints)),
            None => {
                let slice = shaped(view, service, object!({"addressType": family}), &ports, endpoints);
                plan.write(Write::Create(Kind::EndpointSlice, slice, None));
            }
        }
    }
    for (slice, ports, endpoints) in kept {
        let changed = shaped(view, service, slice.clone(), &ports, endpoints);
        if changed != *slice {
            plan.write(Write::Update(Kind::EndpointSlice, changed));
        }
    }
    for slice in spare {
        plan.write(Write::Delete(Key::of(Kind::EndpointSlice, slice), None));
    }
}

/// A slice with its labels, owner, ports and endpoints as they ought to be.
fn shaped(view: &View, service: &Value, mut slice: Value, ports: &Value, endpoints: Vec<Value>) -> Value {
    let endpoints = if endpoints.is_empty() { Value::Null } else { Value::list(endpoints) };
    let (name, namespace) = (service["metadata"].str("name"), service["metadata"].get("namespace"));
    let is_new = slice.get("metadata").is_null();
    if is_new {
        slice.set("apiVersion", "discovery.k8s.io/v1");
        slice.set("kind", "EndpointSlice");
        slice.set(
            "metadata",
            object!({
                "generateName": (format!("{name}-")), "namespace": namespace,
                "ownerReferences": [(pod::owner_reference(service))]
            }),
        );
    }
    let mut labels = service["metadata"].get("labels").clone();
    labels.set(SERVICE_NAME, name);
    labels.set(MANAGED_BY, CONTROLLER);
    if service["spec"].str("clusterIP") == "None" {
        labels.set(HEADLESS, "");
    } else {
        labels.remove(HEADLESS);
    }
    let is_same = !is_new && *slice.get("ports") == *ports && *slice.get("endpoints") == endpoints;
    slice["metadata"].set("labels", labels);
    if !is_same {
        slice["metadata"]["annotations"].set(TRIGGER, view.now.rfc3339());
        slice.set("ports", ports);
        slice.set("endpoints", endpoints);
    }
    slice
}

fn address_of<'a>(pod: &'a Value, family: &str) -> Option<&'a str> {
    let is_v6 = family == "IPv6";
    let addresses = pod.at(&["status", "podIPs"]).items().iter().map(|it| it.str("ip"));
    let mut all = addresses.chain([pod["status"].str("podIP")]).filter(|it| !it.is_empty());
    all.find(|it| it.contains(':') == is_v6)
}

fn endpoint(store: &Store, service: &Value, pod: &Value, address: &str) -> Value {
    let (serving, terminating) = (pod::is_ready(pod), pod::is_terminating(pod));
    let ready = service["spec"].is_true("publishNotReadyAddresses") || serving && !terminating;
    let metadata = pod.get("metadata");
    let mut endpoint = object!({
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": {
            "kind": "Pod", "namespace": (metadata.get("namespace")), "name": (metadata.get("name")),
            "uid": (metadata.get("uid"))
        }
    });
    let spec = pod.get("spec");
    if !spec.str("hostname").is_empty() && spec.str("subdomain") == service["metadata"].str("name") {
        endpoint.set("hostname", spec.get("hostname"));
    }
    let node = spec.str("nodeName");
    if !node.is_empty() {
        endpoint.set("nodeName", node);
    }
    let labels = store.get(Kind::Node, "", node).map_or(object::NULL, |it| it["metadata"].get("labels"));
    let zone = labels.str("topology.kubernetes.io/zone");
    if !zone.is_empty() {
        endpoint.set("zone", zone);
    }
    match service["spec"].str("trafficDistribution") {
        "PreferClose" | "PreferSameZone" if ready && !zone.is_empty() => {
            endpoint["hints"].set("forZones", Value::list(vec![object!({"name": zone})]));
        }
        "PreferSameNode" if ready && !node.is_empty() => {
            endpoint["hints"].set("forNodes", Value::list(vec![object!({"name": node})]));
            if !zone.is_empty() {
                endpoint["hints"].set("forZones", Value::list(vec![object!({"name": zone})]));
            }
        }
        _ => {}
    }
    endpoint
}

/// The number behind a Service's port on this pod; none where the pod has no port of that name.
pub fn target(port: &Value, pod: &Value) -> Option<i64> {
    let target = port.get("targetPort");
    if target.is_null() {
        return Some(port.int("port"));
    }
    if let Some(number) = target.as_int() {
        return Some(number);
    }
    let spec = pod.get("spec");
    let sidecars = spec.get("initContainers").items().iter().filter(|it| it.str("restartPolicy") == "Always");
    let containers = spec.get("containers").items().iter().chain(sidecars);
    let mut ports = containers.flat_map(|it| it.get("ports").items());
    let found = ports.find(|it| it.str("name") == target.as_str() && protocol(it) == protocol(port));
    found.map(|it| it.int("containerPort"))
}

pub fn protocol(port: &Value) -> &str {
    Some(port.str("protocol")).filter(|it| !it.is_empty()).unwrap_or("TCP")
}

fn ports_for(service: &Value, pod: &Value) -> Value {
    let mut ports: Vec<Value> = Vec::new();
    for port in service.at(&["spec", "ports"]).items() {
        let Some(number) = target(port, pod) else { continue };
        let mut one = object!({"name": (port.str("name")), "port": number, "protocol": (protocol(port))});
        if port.has("appProtocol") {
            one.set("appProtocol", port.get("appProtocol"));
        }
        ports.push(one);
    }
    ports.sort_by(|one, two| one.str("name").cmp(two.str("name")));
    if ports.is_empty() { Value::Null } else { Value::list(ports) }
}
