//! Endpoints: the old form of what EndpointSlices say, one object a Service.
//!
//! Always: addresses are sorted; those that are not ready stand apart.
//! Differs from Kubernetes: not cut at 1,000 addresses; ports stand in the Service's order.
//! Source: kubernetes `pkg/controller/endpoint`.

use super::endpointslice::{HEADLESS, TRIGGER, chosen, protocol, target, wake_services_of_pod};
use super::{Controller, Plan, View, Write, pod, wake_itself};
use crate::object;
use crate::object::{Kind, Value};
use crate::store::{Key, What};
use std::collections::BTreeMap;

pub const ENDPOINTS: Controller = Controller {
    name: "endpoint-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::Service, change, keys);
        wake_services_of_pod(store, change, keys);
        if change.kind == Kind::Endpoints && change.what == What::Deleted {
            let metadata = change.object.get("metadata");
            keys.insert(Key::new(Kind::Service, metadata.str("namespace"), metadata.str("name")));
        }
    },
    reconcile,
};

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let there = view.store.get(Kind::Endpoints, &key.namespace, &key.name);
    let Some(service) = view.store.get(Kind::Service, &key.namespace, &key.name) else {
        let is_ours = |it: &&Value| it["metadata"].get("labels").has(MANAGED_BY);
        if there.filter(is_ours).is_some() {
            plan.write(Write::Delete(Key::new(Kind::Endpoints, &key.namespace, &key.name), None));
        }
        return plan;
    };
    let Some(pods) = chosen(view.store, service) else { return plan };
    let subsets = subsets(service, pods);
    let mut wanted = there.cloned().unwrap_or_else(|| {
        object!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": (&*key.name), "namespace": (&*key.namespace)}
        })
    });
    let mut labels = service["metadata"].get("labels").clone();
    labels.set(MANAGED_BY, "endpoint-controller");
    if service["spec"].str("clusterIP") == "None" {
        labels.set(HEADLESS, "");
    }
    let is_same = there.is_some_and(|it| it.get("subsets").items() == subsets.as_slice());
    if is_same && *wanted["metadata"].get("labels") == labels {
        return plan;
    }
    wanted["metadata"].set("labels", labels);
    wanted["metadata"]["annotations"].set(TRIGGER, view.now.rfc3339());
    if subsets.is_empty() {
        wanted.remove("subsets");
    } else {
        wanted.set("subsets", subsets);
    }
    plan.write(match there {
        Some(_) => Write::Update(Kind::Endpoints, wanted),
        None => Write::Create(Kind::Endpoints, wanted, None),
    });
    plan
}

/// Addresses by the ports they serve.
fn subsets<'a>(service: &Value, pods: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut groups: Vec<(Vec<Value>, [BTreeMap<String, Value>; 2])> = Vec::new();
    let publishes = service["spec"].is_true("publishNotReadyAddresses");
    for pod in pods.filter(|it| !pod::is_terminating(it)) {
        let address = pod["status"].str("podIP");
        let is_ready = publishes || pod::is_ready(pod);
        if address.is_empty() {
            continue;
        }
        let ports = ports_of(service, pod);
        if ports.is_empty() && !service.at(&["spec", "ports"]).is_empty() {
            continue;
        }
        let at = groups.iter().position(|it| it.0 == ports).unwrap_or_else(|| {
            groups.push((ports, [BTreeMap::new(), BTreeMap::new()]));
            groups.len() - 1
        });
        groups[at].1[usize::from(!is_ready)].insert(address.to_owned(), address_of(service, pod, address));
    }
    let made = groups.into_iter().map(|(ports, [ready, waiting])| {
        let mut subset = Value::map();
        for (name, addresses) in [("addresses", ready), ("notReadyAddresses", waiting)] {
            if !addresses.is_empty() {
                subset.set(name, addresses.into_values().collect::<Vec<_>>());
            }
        }
        if !ports.is_empty() {
            subset.set("ports", ports);
        }
        subset
    });
    made.collect()
}

fn ports_of(service: &Value, pod: &Value) -> Vec<Value> {
    let ports = service.at(&["spec", "ports"]).items().iter();
    let one = |port: &Value| {
        let mut one = object!({"port": (target(port, pod)?), "protocol": (protocol(port))});
        if !port.str("name").is_empty() {
            one.set("name", port.get("name"));
        }
        if port.has("appProtocol") {
            one.set("appProtocol", port.get("appProtocol"));
        }
        Some(one)
    };
    ports.filter_map(one).collect()
}

fn address_of(service: &Value, pod: &Value, ip: &str) -> Value {
    let (metadata, spec) = (pod.get("metadata"), pod.get("spec"));
    let mut address = object!({
        "ip": ip,
        "targetRef": {
            "kind": "Pod", "namespace": (metadata.get("namespace")), "name": (metadata.get("name")),
            "uid": (metadata.get("uid"))
        }
    });
    if !spec.str("nodeName").is_empty() {
        address.set("nodeName", spec.get("nodeName"));
    }
    if !spec.str("hostname").is_empty() && spec.str("subdomain") == service["metadata"].str("name") {
        address.set("hostname", spec.get("hostname"));
    }
    address
}
