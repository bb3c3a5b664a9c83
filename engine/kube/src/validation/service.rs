//! What a Service may say.
//!
//! Sources: kubernetes `pkg/apis/core/validation` (ValidateService), `pkg/api/service/warnings.go`.

use super::meta::{label, port, port_or_name, word};
use super::name;
use crate::object::{Cause, Value};
use std::net::IpAddr;

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const NOT_AN_ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

pub fn validate(spec: &Value, causes: &mut Vec<Cause>) {
    let kind = spec.str("type");
    let is_headless = spec.str("clusterIP") == "None";
    let ports = spec.get("ports").items();
    if ports.is_empty() && !is_headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    match kind {
        "LoadBalancer" | "NodePort" if is_headless => {
            let detail = format!("may not be set to 'None' for {kind} services");
            causes.push(Cause::invalid("spec.clusterIPs[0]", "None", &detail));
        }
        "ExternalName" => external_name(spec, causes),
        _ => {}
    }
    for (at, it) in ports.iter().enumerate() {
        one_port(it, &format!("spec.ports[{at}]"), ports.len() > 1, &ports[..at], causes);
    }
    for (key, value) in spec.get("selector").fields() {
        label(key, value.as_str(), "spec.selector", causes);
    }
    word(spec.str("sessionAffinity"), &["ClientIP", "None"], "spec.sessionAffinity", causes);
    affinity(spec, causes);
    for (at, it) in spec.get("externalIPs").items().iter().enumerate() {
        outer_address(it.as_str(), &format!("spec.externalIPs[{at}]"), causes);
    }
    word(kind, &TYPES, "spec.type", causes);
    same_protocol_twice(ports, causes);
    for (at, it) in spec.get("loadBalancerSourceRanges").items().iter().enumerate() {
        if crate::api::allocate::Cidr::parse(it.as_str().trim()).is_none() {
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            causes.push(Cause::invalid(format!("spec.loadBalancerSourceRanges[{at}]"), it, detail));
        }
    }
    policies(spec, kind, causes);
    addresses(spec, kind, causes);
}

fn external_name(spec: &Value, causes: &mut Vec<Cause>) {
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if !spec.get(field).is_empty() {
            let detail = "may not be set for ExternalName services";
            causes.push(Cause::forbidden(format!("spec.{field}"), detail));
        }
    }
    let name = spec.str("externalName").trim_end_matches('.');
    if name.is_empty() {
        causes.push(Cause::required("spec.externalName", ""));
    } else if let Err(why) = name::dns1123_subdomain(name) {
        causes.push(Cause::invalid("spec.externalName", spec.get("externalName"), &why));
    }
}

fn one_port(it: &Value, path: &str, needs_name: bool, earlier: &[Value], causes: &mut Vec<Cause>) {
    let its = it.str("name");
    if needs_name && its.is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    } else if !its.is_empty() {
        if let Err(why) = name::dns1123_label(its) {
            causes.push(Cause::invalid(format!("{path}.name"), its, &why));
        } else if earlier.iter().any(|it| it.str("name") == its) {
            causes.push(Cause::duplicate(format!("{path}.name"), its));
        }
    }
    port(it.int("port"), format!("{path}.port"), causes);
    word(it.str("protocol"), &["SCTP", "TCP", "UDP"], format!("{path}.protocol"), causes);
    port_or_name(it.get("targetPort"), &format!("{path}.targetPort"), causes);
    let application = it.str("appProtocol");
    if !application.is_empty()
        && let Err(why) = name::qualified_name(application)
    {
        causes.push(Cause::invalid(format!("{path}.appProtocol"), application, &why));
    }
}

fn affinity(spec: &Value, causes: &mut Vec<Cause>) {
    let seconds = spec.at(&["sessionAffinityConfig", "clientIP", "timeoutSeconds"]);
    let path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    if let Some(number) = seconds.as_int().filter(|it| !(1..=86_400).contains(it)) {
        causes.push(Cause::invalid(path, number, "must be greater than 0 and less than 86400"));
    }
}

fn outer_address(text: &str, path: &str, causes: &mut Vec<Cause>) {
    let Ok(address) = text.parse::<IpAddr>() else {
        causes.push(Cause::invalid(path, text, NOT_AN_ADDRESS));
        return;
    };
    let is_link_local = match address {
        IpAddr::V4(it) => it.is_link_local(),
        IpAddr::V6(it) => it.segments()[0] & 0xffc0 == 0xfe80,
    };
    if address.is_unspecified() {
        causes.push(Cause::invalid(path, text, &format!("may not be unspecified ({text})")));
    }
    if address.is_loopback() {
        let detail = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
        causes.push(Cause::invalid(path, text, detail));
    }
    if is_link_local {
        let detail = "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
        causes.push(Cause::invalid(path, text, detail));
    }
    if address.is_multicast() {
        causes.push(Cause::invalid(path, text, "may not be in the multicast range (224.0.0.0/4, ff00::/8)"));
    }
}

fn same_protocol_twice(ports: &[Value], causes: &mut Vec<Cause>) {
    for (at, it) in ports.iter().enumerate() {
        let is_same = |other: &&Value| {
            other.get("port") == it.get("port") && other.get("protocol") == it.get("protocol")
        };
        if ports[..at].iter().any(|other| is_same(&other)) {
            // The key of the comparison, as Go shows it: only what is compared is filled in.
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":\"{}\",\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                it.str("protocol"),
                it.int("port")
            );
            causes.push(Cause::duplicate_shown(format!("spec.ports[{at}]"), &shown));
        }
    }
    for (at, it) in ports.iter().enumerate().filter(|(_, it)| it.int("nodePort") != 0) {
        let is_same = |other: &Value| {
            other.get("nodePort") == it.get("nodePort") && other.get("protocol") == it.get("protocol")
        };
        if ports[..at].iter().any(is_same) {
            causes.push(Cause::duplicate(format!("spec.ports[{at}].nodePort"), it.int("nodePort")));
        }
    }
}

fn policies(spec: &Value, kind: &str, causes: &mut Vec<Cause>) {
    let outer = spec.str("externalTrafficPolicy");
    let may = matches!(kind, "NodePort" | "LoadBalancer") || !spec.get("externalIPs").is_empty();
    if !outer.is_empty() && !may {
        let detail = "may only be set for externally-accessible services";
        causes.push(Cause::invalid("spec.externalTrafficPolicy", outer, detail));
    } else if !outer.is_empty() && !["Cluster", "Local"].contains(&outer) {
        causes.push(Cause::unsupported("spec.externalTrafficPolicy", outer, &["Cluster", "Local"]));
    }
    let inner = spec.str("internalTrafficPolicy");
    if !inner.is_empty() && !["Cluster", "Local"].contains(&inner) {
        causes.push(Cause::unsupported("spec.internalTrafficPolicy", inner, &["Cluster", "Local"]));
    }
    let distribution = spec.str("trafficDistribution");
    let words = ["PreferClose", "PreferSameNode", "PreferSameZone"];
    if !distribution.is_empty() && !words.contains(&distribution) {
        causes.push(Cause::unsupported("spec.trafficDistribution", distribution, &words));
    }
}

fn addresses(spec: &Value, kind: &str, causes: &mut Vec<Cause>) {
    if kind == "ExternalName" {
        return;
    }
    for (at, it) in spec.get("clusterIPs").items().iter().enumerate() {
        let is_fine = it.as_str() == "None" && at == 0 || it.as_str().parse::<IpAddr>().is_ok();
        if !is_fine {
            causes.push(Cause::invalid(format!("spec.clusterIPs[{at}]"), it, NOT_AN_ADDRESS));
        }
    }
    let first = spec.str("clusterIP");
    if spec.get("clusterIPs").is_empty()
        && !first.is_empty()
        && first != "None"
        && first.parse::<IpAddr>().is_err()
    {
        causes.push(Cause::invalid("spec.clusterIPs[0]", first, NOT_AN_ADDRESS));
    }
}

/// What may not change while the Service keeps its address.
pub fn update(before: &Value, after: &Value, causes: &mut Vec<Cause>) {
    let (old, new) = (&before["spec"], &after["spec"]);
    if old.str("type") == "ExternalName" || new.str("type") == "ExternalName" {
        return;
    }
    let (was, is) = (old.get("clusterIPs"), new.get("clusterIPs"));
    if !was.is_empty() && was.items().first() != is.items().first() {
        causes.push(Cause::invalid("spec.clusterIPs[0]", is, "may not change once set"));
    }
    if !old.get("ipFamilies").is_empty()
        && old["ipFamilies"].items().first() != new["ipFamilies"].items().first()
    {
        let value = new.get("ipFamilies").clone();
        causes.push(Cause::invalid("spec.ipFamilies[0]", value, "may not change once set"));
    }
}

pub fn warnings(spec: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    let kind = spec.str("type");
    let has_external = !spec.get("externalIPs").is_empty();
    let is_headless = kind == "ClusterIP" && spec.str("clusterIP") == "None";
    if is_headless {
        if !spec.str("loadBalancerIP").is_empty() {
            warnings.push("spec.loadBalancerIP is ignored for headless services".to_owned());
        }
        if has_external {
            warnings.push("spec.externalIPs is ignored for headless services".to_owned());
        }
        if spec.str("sessionAffinity") != "None" {
            warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
        }
    }
    if has_external && !is_headless && kind != "ExternalName" {
        let text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        warnings.push(text.to_owned());
    }
    if kind == "ExternalName" && has_external {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if kind != "ExternalName" && !spec.str("externalName").is_empty() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if spec.str("trafficDistribution") == "PreferClose" {
        let text = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.push(text.to_owned());
    }
    warnings
}
