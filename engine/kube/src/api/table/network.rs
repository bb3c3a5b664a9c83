//! Rows of Services, endpoints, Ingresses, policies and the Gateway API.
//!
//! Source: kubernetes `printers.go`; gateway-api CRDs.

use super::{age, name, or_none};
use crate::object::selector::{labels_shown, shown};
use crate::object::{Time, Value, json};

/// So many addresses are listed, then `+ N more...`.
const SHOWN: usize = 3;
/// A load balancer's addresses are cut at this width, unless the table is wide.
const BALANCER_WIDTH: usize = 16;

pub fn service(it: &Value, now: Time) -> Vec<Value> {
    let spec = it.get("spec");
    let first = spec.get("clusterIPs").items().first().map_or(spec.str("clusterIP"), Value::as_str);
    vec![
        name(it),
        Value::from(spec.str("type")),
        or_none(first),
        Value::from(external(it)),
        Value::from(ports(spec.get("ports"))),
        age(it, now),
        Value::from(labels_shown(spec.get("selector"))),
    ]
}

fn external(service: &Value) -> String {
    let spec = service.get("spec");
    let outer: Vec<&str> = spec.get("externalIPs").items().iter().map(Value::as_str).collect();
    match spec.str("type") {
        "LoadBalancer" => {
            let balancer = balancers(service);
            let mut all = outer.clone();
            let has_balancer = !balancer.is_empty();
            if has_balancer {
                all.insert(0, &balancer);
            }
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        "ExternalName" => spec.str("externalName").to_owned(),
        _ if outer.is_empty() => "<none>".to_owned(),
        _ => outer.join(","),
    }
}

fn balancers(object: &Value) -> String {
    let all = object.at(&["status", "loadBalancer", "ingress"]).items();
    let mut names: Vec<&str> = all
        .iter()
        .map(|it| if it.str("ip").is_empty() { it.str("hostname") } else { it.str("ip") })
        .collect();
    names.retain(|it| !it.is_empty());
    names.sort_unstable();
    names.dedup();
    let text = names.join(",");
    if text.len() > BALANCER_WIDTH { text[..BALANCER_WIDTH - 3].to_owned() + "..." } else { text }
}

fn ports(ports: &Value) -> String {
    let one = |it: &Value| match it.int("nodePort") {
        0 => format!("{}/{}", it.int("port"), it.str("protocol")),
        node => format!("{}:{node}/{}", it.int("port"), it.str("protocol")),
    };
    let all: Vec<String> = ports.items().iter().map(one).collect();
    if all.is_empty() { "<none>".to_owned() } else { all.join(",") }
}

pub fn endpoints(it: &Value, now: Time) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in it.get("subsets").items() {
        let ports = subset.get("ports").items();
        for address in subset.get("addresses").items() {
            if ports.is_empty() {
                all.push(address.str("ip").to_owned());
            }
            all.extend(ports.iter().map(|port| joined(address.str("ip"), port.int("port"))));
        }
    }
    // The real one lists port by port.
    if let [subset] = it.get("subsets").items() {
        let by_port = subset.get("ports").items().iter().flat_map(|port| {
            subset.get("addresses").items().iter().map(move |it| joined(it.str("ip"), port.int("port")))
        });
        let by_port: Vec<String> = by_port.collect();
        if !by_port.is_empty() {
            all = by_port;
        }
    }
    vec![name(it), Value::from(cut(&all, "<none>")), age(it, now)]
}

fn joined(address: &str, port: i64) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn cut(all: &[String], none: &str) -> String {
    match all.len() {
        0 => none.to_owned(),
        count if count > SHOWN => format!("{} + {} more...", all[..SHOWN].join(","), count - SHOWN),
        _ => all.join(","),
    }
}

pub fn slice(it: &Value, now: Time) -> Vec<Value> {
    let ports: Vec<String> = it
        .get("ports")
        .items()
        .iter()
        .map(|port| match port.get("port").as_int() {
            Some(number) => number.to_string(),
            None if port.str("name").is_empty() => "*".to_owned(),
            None => port.str("name").to_owned(),
        })
        .collect();
    let addresses: Vec<String> = it
        .get("endpoints")
        .items()
        .iter()
        .flat_map(|endpoint| endpoint.get("addresses").items())
        .map(|it| it.as_str().to_owned())
        .collect();
    vec![
        name(it),
        Value::from(it.str("addressType")),
        Value::from(cut(&ports, "<unset>")),
        Value::from(cut(&addresses, "<unset>")),
        age(it, now),
    ]
}

pub fn ingress(it: &Value, now: Time) -> Vec<Value> {
    let spec = it.get("spec");
    let class = match spec.str("ingressClassName") {
        "" => it["metadata"].get("annotations").str("kubernetes.io/ingress.class"),
        class => class,
    };
    let mut hosts: Vec<String> = spec
        .get("rules")
        .items()
        .iter()
        .map(|it| it.str("host").to_owned())
        .filter(|it| !it.is_empty())
        .collect();
    let more = hosts.len() > SHOWN;
    let count = hosts.len();
    hosts.truncate(SHOWN);
    let hosts = match (hosts.is_empty(), more) {
        (true, _) => "*".to_owned(),
        (false, true) => format!("{} + {} more...", hosts.join(","), count - SHOWN),
        (false, false) => hosts.join(","),
    };
    let ports = if spec.get("tls").is_empty() { "80" } else { "80, 443" };
    vec![
        name(it),
        or_none(class),
        Value::from(hosts),
        Value::from(balancers(it)),
        Value::from(ports),
        age(it, now),
    ]
}

pub fn class(it: &Value, now: Time) -> Vec<Value> {
    let parameters = it.at(&["spec", "parameters"]);
    let parameters = match (parameters.is_null(), parameters.str("apiGroup")) {
        (true, _) => "<none>".to_owned(),
        (false, "") => format!("{}/{}", parameters.str("kind"), parameters.str("name")),
        (false, group) => format!("{}.{group}/{}", parameters.str("kind"), parameters.str("name")),
    };
    let annotation = it["metadata"].get("annotations").str("ingressclass.kubernetes.io/is-default-class");
    let mut shown = it["metadata"].str("name").to_owned();
    if annotation == "true" {
        shown += " (default)";
    }
    vec![Value::from(shown), Value::from(it["spec"].str("controller")), Value::from(parameters), age(it, now)]
}

pub fn policy(it: &Value, now: Time) -> Vec<Value> {
    vec![name(it), Value::from(shown(it["spec"].get("podSelector"))), age(it, now)]
}

/// `<unknown>` never shows in columns of a CRD: what is missing is empty.
fn condition(it: &Value, kind: &str) -> Value {
    let all = it.at(&["status", "conditions"]).items();
    all.iter().find(|it| it.str("type") == kind).map_or(Value::from(""), |it| it.get("status").clone())
}

pub fn gateway(it: &Value, now: Time) -> Vec<Value> {
    let addresses = it.at(&["status", "addresses"]).items().iter().map(|it| it.str("value"));
    let addresses: Vec<&str> = addresses.collect();
    vec![
        name(it),
        it["spec"].get("gatewayClassName").clone(),
        Value::from(addresses.join(",")),
        condition(it, "Programmed"),
        age(it, now),
    ]
}

pub fn gateway_class(it: &Value, now: Time) -> Vec<Value> {
    let spec = it.get("spec");
    vec![
        name(it),
        spec.get("controllerName").clone(),
        condition(it, "Accepted"),
        age(it, now),
        Value::from(spec.str("description")),
    ]
}

pub fn http_route(it: &Value, now: Time) -> Vec<Value> {
    let names = it["spec"].get("hostnames");
    let shown = if names.is_null() { String::new() } else { json::compact(names) };
    vec![name(it), Value::from(shown), age(it, now)]
}

pub fn cidr(it: &Value, now: Time) -> Vec<Value> {
    let all: Vec<&str> = it.at(&["spec", "cidrs"]).items().iter().map(Value::as_str).collect();
    vec![name(it), Value::from(all.join(",")), age(it, now)]
}

pub fn address(it: &Value, _: Time) -> Vec<Value> {
    let parent = it.at(&["spec", "parentRef"]);
    let (group, place, its) = (parent.str("group"), parent.str("namespace"), parent.str("name"));
    let resource = parent.str("resource");
    let parts = [group, resource, place, its];
    let shown: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    vec![name(it), or_none(&shown.join("/"))]
}
