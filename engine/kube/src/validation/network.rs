//! NetworkPolicies, Ingresses, IngressClasses and EndpointSlices.
//!
//! Source: kubernetes `pkg/apis/networking/validation`, `pkg/apis/discovery/validation`.

use super::meta::{port, port_or_name, selector, word};
use super::name;
use crate::api::allocate::Cidr;
use crate::object::{Cause, Value};

pub fn policy(spec: &Value, causes: &mut Vec<Cause>) {
    selector(spec.get("podSelector"), "spec.podSelector", causes);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (at, rule) in spec.get(direction).items().iter().enumerate() {
            let path = format!("spec.{direction}[{at}]");
            for (at, it) in rule.get("ports").items().iter().enumerate() {
                policy_port(it, &format!("{path}.ports[{at}]"), causes);
            }
            for (at, peer) in rule.get(peers).items().iter().enumerate() {
                policy_peer(peer, &format!("{path}.{peers}[{at}]"), causes);
            }
        }
    }
    for (at, kind) in spec.get("policyTypes").items().iter().enumerate() {
        word(kind.as_str(), &["Egress", "Ingress"], format!("spec.policyTypes[{at}]"), causes);
    }
}

fn policy_port(it: &Value, path: &str, causes: &mut Vec<Cause>) {
    let protocol = it.str("protocol");
    if !protocol.is_empty() {
        word(protocol, &["SCTP", "TCP", "UDP"], format!("{path}.protocol"), causes);
    }
    if it.has("port") {
        port_or_name(it.get("port"), &format!("{path}.port"), causes);
    }
    let Some(end) = it.get("endPort").as_int() else { return };
    let path = format!("{path}.endPort");
    match it.get("port") {
        Value::Null => {
            causes.push(Cause::invalid(path, end, "may not be specified when `port` is not specified"))
        }
        Value::Int(start) => {
            if end < *start {
                causes.push(Cause::invalid(&path, *start, "must be greater than or equal to `port`"));
            }
            port(end, path, causes);
        }
        _ => causes.push(Cause::invalid(path, end, "may not be specified when `port` is non-numeric")),
    }
}

fn policy_peer(peer: &Value, path: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if peer.has(field) {
            count += 1;
            selector(peer.get(field), &format!("{path}.{field}"), causes);
        }
    }
    if peer.has("ipBlock") {
        count += 1;
        block(peer.get("ipBlock"), &format!("{path}.ipBlock"), causes);
    }
    if count == 0 {
        causes.push(Cause::required(path, "must specify a peer"));
    } else if count > 1 && peer.has("ipBlock") {
        causes.push(Cause::forbidden(path, "may not specify both ipBlock and another peer"));
    }
}

fn block(block: &Value, path: &str, causes: &mut Vec<Cause>) {
    const NOT_A_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    let text = block.str("cidr");
    if text.is_empty() {
        causes.push(Cause::required(format!("{path}.cidr"), ""));
        return;
    }
    let Some(cidr) = Cidr::parse(text) else {
        causes.push(Cause::invalid(format!("{path}.cidr"), text, NOT_A_CIDR));
        return;
    };
    for (at, it) in block.get("except").items().iter().enumerate() {
        let path = format!("{path}.except[{at}]");
        match Cidr::parse(it.as_str()) {
            None => causes.push(Cause::invalid(path, it, NOT_A_CIDR)),
            Some(inner) if !cidr.holds_strictly(&inner) => {
                causes.push(Cause::invalid(path, it, "must be a strict subset of `cidr`"));
            }
            Some(_) => {}
        }
    }
}

pub fn ingress(spec: &Value, causes: &mut Vec<Cause>) {
    if spec.get("rules").is_empty() && spec.get("defaultBackend").is_null() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", Value::list(Vec::new()), detail));
    }
    if !spec.get("defaultBackend").is_null() {
        backend(spec.get("defaultBackend"), "spec.defaultBackend", causes);
    }
    for (at, rule) in spec.get("rules").items().iter().enumerate() {
        let path = format!("spec.rules[{at}]");
        host(rule.str("host"), &format!("{path}.host"), causes);
        if rule.has("http") && rule["http"].get("paths").is_empty() {
            causes.push(Cause::required(format!("{path}.http.paths"), ""));
        }
        for (at, it) in rule.at(&["http", "paths"]).items().iter().enumerate() {
            http_path(it, &format!("{path}.http.paths[{at}]"), causes);
        }
    }
    for (at, tls) in spec.get("tls").items().iter().enumerate() {
        for (number, it) in tls.get("hosts").items().iter().enumerate() {
            host(it.as_str(), &format!("spec.tls[{at}].hosts[{number}]"), causes);
        }
    }
    let class = spec.str("ingressClassName");
    if !class.is_empty()
        && let Err(why) = name::dns1123_subdomain(class)
    {
        causes.push(Cause::invalid("spec.ingressClassName", class, &why));
    }
}

fn host(text: &str, path: &str, causes: &mut Vec<Cause>) {
    if text.is_empty() {
        return;
    }
    if text.parse::<std::net::IpAddr>().is_ok() {
        causes.push(Cause::invalid(path, text, "must be a DNS name, not an IP address"));
        return;
    }
    let rule = if text.contains('*') { name::wildcard_dns1123_subdomain } else { name::dns1123_subdomain };
    if let Err(why) = rule(text) {
        causes.push(Cause::invalid(path, text, &why));
    }
}

fn http_path(it: &Value, path: &str, causes: &mut Vec<Cause>) {
    let text = it.str("path");
    match it.get("pathType") {
        Value::Null => causes.push(Cause::required(format!("{path}.pathType"), "pathType must be specified")),
        kind => match kind.as_str() {
            "Exact" | "Prefix" => {
                if !text.starts_with('/') {
                    causes.push(Cause::invalid(format!("{path}.path"), text, "must be an absolute path"));
                }
                for part in ["//", "/./", "/../", "%2f", "%2F"] {
                    if text.contains(part) {
                        let detail = format!("must not contain '{part}'");
                        causes.push(Cause::invalid(format!("{path}.path"), text, &detail));
                    }
                }
            }
            "ImplementationSpecific" => {
                if !text.is_empty() && !text.starts_with('/') {
                    causes.push(Cause::invalid(format!("{path}.path"), text, "must be an absolute path"));
                }
            }
            other => {
                let words = ["Exact", "ImplementationSpecific", "Prefix"];
                causes.push(Cause::unsupported(format!("{path}.pathType"), other, &words));
            }
        },
    }
    backend(it.get("backend"), &format!("{path}.backend"), causes);
}

fn backend(backend: &Value, path: &str, causes: &mut Vec<Cause>) {
    let (service, resource) = (backend.get("service"), backend.get("resource"));
    match (service.is_null(), resource.is_null()) {
        (true, true) => causes.push(Cause::required(path, "must specify `service` or `resource`")),
        (false, false) => {
            causes.push(Cause::invalid(path, "", "cannot set both resource and service backends"));
        }
        (false, true) => {
            let its = service.str("name");
            if its.is_empty() {
                causes.push(Cause::required(format!("{path}.service.name"), ""));
            } else if let Err(why) = name::dns1035_label(its) {
                causes.push(Cause::invalid(format!("{path}.service.name"), its, &why));
            }
            let (number, word) = (service["port"].int("number"), service["port"].str("name"));
            match (number, word) {
                (0, "") => causes.push(Cause::required(path, "port name or number is required")),
                (0, word) => {
                    if let Err(why) = name::port_name(word) {
                        causes.push(Cause::invalid(format!("{path}.service.port.name"), word, &why));
                    }
                }
                (_, "") => port(number, format!("{path}.service.port.number"), causes),
                _ => causes.push(Cause::invalid(path, "", "cannot set both port name & port number")),
            }
        }
        _ => {}
    }
}

pub fn class(spec: &Value, causes: &mut Vec<Cause>) {
    let controller = spec.str("controller");
    if controller.is_empty() {
        causes.push(Cause::required("spec.controller", ""));
    } else if !controller.contains('/') {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        causes.push(Cause::invalid("spec.controller", controller, detail));
    }
}

pub fn slice(slice: &Value, causes: &mut Vec<Cause>) {
    word(slice.str("addressType"), &["FQDN", "IPv4", "IPv6"], "addressType", causes);
    let kind = slice.str("addressType");
    for (at, endpoint) in slice.get("endpoints").items().iter().enumerate() {
        let path = format!("endpoints[{at}].addresses");
        if endpoint.get("addresses").is_empty() {
            causes.push(Cause::required(&path, "must contain at least 1 address"));
        }
        for (number, it) in endpoint.get("addresses").items().iter().enumerate() {
            let text = it.as_str();
            let fault = match kind {
                "IPv4" if text.parse::<std::net::Ipv4Addr>().is_err() => Some("must be an IPv4 address"),
                "IPv6" if text.parse::<std::net::Ipv6Addr>().is_err() => Some("must be an IPv6 address"),
                _ => None,
            };
            if let Some(detail) = fault {
                causes.push(Cause::invalid(format!("{path}[{number}]"), text, detail));
            }
        }
    }
}
