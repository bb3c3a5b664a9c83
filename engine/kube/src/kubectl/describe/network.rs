//! `describe service`, `endpoints`, `endpointslice`, `ingressclass`, `servicecidr` and `ipaddress`.

use super::{Text, cluster, config};
use crate::kubectl::jsonpath::shown;
use crate::kubectl::session::Session;
use crate::object::selector::labels_shown;
use crate::object::{Kind, Time, Value};

/// So many endpoints are named; the others are counted.
const SHOWN: usize = 3;

fn texts(list: &Value) -> String {
    let words: Vec<String> = list.items().iter().map(shown).collect();
    words.join(",")
}

/// The slices of a service.
pub async fn slices(session: &mut Session<'_>, namespace: &str, service: &str) -> Vec<Value> {
    let selector = format!("kubernetes.io/service-name={service}");
    session.list(Kind::EndpointSlice, namespace, &[("labelSelector", &selector)]).await.unwrap_or_default()
}

/// Ready addresses of the port with that name, `ip:port` or ip alone for a service without ports.
///
/// Once three are shown, one more endpoint makes it say how many are left, ready or not.
pub fn addresses(slices: &[Value], port: &str) -> String {
    if slices.is_empty() {
        return "<none>".to_owned();
    }
    let (mut shown, mut count, mut has_more) = (Vec::new(), 0, false);
    for slice in slices {
        let all = slice.get("ports").items();
        let ports: Vec<Option<i64>> = if all.is_empty() {
            vec![None]
        } else {
            all.iter().filter(|it| it.str("name") == port).map(|it| it.get("port").as_int()).collect()
        };
        for port in ports {
            for endpoint in slice.get("endpoints").items() {
                has_more |= shown.len() == SHOWN;
                if endpoint["conditions"].get("ready").as_bool() == Some(false) {
                    continue;
                }
                count += 1;
                let address = endpoint.get("addresses").items().first().map_or("", Value::as_str);
                if !has_more {
                    shown.push(match port {
                        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
                        Some(port) => format!("{address}:{port}"),
                        None => address.to_owned(),
                    });
                }
            }
        }
    }
    let text = shown.join(",");
    if has_more { format!("{text} + {} more...", count - SHOWN) } else { text }
}

pub async fn service(session: &mut Session<'_>, out: &mut Text, object: &Value) {
    let spec = object.get("spec");
    let (namespace, name) =
        (object["metadata"].str("namespace").to_owned(), object["metadata"].str("name").to_owned());
    let slices = slices(session, &namespace, &name).await;
    config::head(out, object);
    out.field(0, "Selector", labels_shown(spec.get("selector")));
    out.field(0, "Type", spec.str("type"));
    if spec.has("ipFamilyPolicy") {
        out.field(0, "IP Family Policy", spec.str("ipFamilyPolicy"));
    }
    let families = texts(spec.get("ipFamilies"));
    out.field(0, "IP Families", if families.is_empty() { "<none>" } else { &families });
    out.field(0, "IP", spec.str("clusterIP"));
    let addresses_of = texts(spec.get("clusterIPs"));
    out.field(0, "IPs", if addresses_of.is_empty() { "<none>" } else { &addresses_of });
    out.some(0, "External IPs", &texts(spec.get("externalIPs")));
    out.some(0, "Desired LoadBalancer IP", spec.str("loadBalancerIP"));
    out.some(0, "External Name", spec.str("externalName"));
    let ingress = object.at(&["status", "loadBalancer", "ingress"]).items();
    if !ingress.is_empty() {
        let words: Vec<String> = ingress.iter().map(load_balancer).collect();
        out.field(0, "LoadBalancer Ingress", words.join(", "));
    }
    for port in spec.get("ports").items() {
        ports(out, port, &slices);
    }
    out.field(0, "Session Affinity", spec.str("sessionAffinity"));
    out.some(0, "External Traffic Policy", spec.str("externalTrafficPolicy"));
    out.some(0, "Internal Traffic Policy", spec.str("internalTrafficPolicy"));
    if spec.int("healthCheckNodePort") != 0 {
        out.field(0, "HealthCheck NodePort", spec.int("healthCheckNodePort"));
    }
    out.some(0, "LoadBalancer Source Ranges", &texts(spec.get("loadBalancerSourceRanges")));
    out.some(0, "Traffic Distribution", spec.str("trafficDistribution"));
}

fn load_balancer(it: &Value) -> String {
    let (ip, mode) = (it.str("ip"), it.str("ipMode"));
    match (ip, mode) {
        ("", _) => it.str("hostname").to_owned(),
        (ip, "") => ip.to_owned(),
        (ip, mode) => format!("{ip} ({mode})"),
    }
}

fn ports(out: &mut Text, port: &Value, slices: &[Value]) {
    let name = if port.str("name").is_empty() { "<unset>" } else { port.str("name") };
    let protocol = port.str("protocol");
    out.field(0, "Port", format!("{name}\t{}/{protocol}", port.int("port")).replace('\t', "  "));
    let target = port.get("targetPort");
    if target.as_int() == Some(0) || target.is_null() {
        out.field(0, "TargetPort", format!("{}/{protocol}", port.int("port")));
    } else {
        out.field(0, "TargetPort", format!("{}/{protocol}", shown(target)));
    }
    out.some(0, "AppProtocol", port.str("appProtocol"));
    if port.int("nodePort") != 0 {
        out.field(0, "NodePort", format!("{name}  {}/{protocol}", port.int("nodePort")));
    }
    out.field(0, "Endpoints", addresses(slices, port.str("name")));
}

pub fn endpoints(out: &mut Text, object: &Value) {
    config::head(out, object);
    out.line(0, "Subsets:");
    for subset in object.get("subsets").items() {
        for (name, list) in [("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")] {
            let found: Vec<&str> = subset.get(list).items().iter().map(|it| it.str("ip")).collect();
            out.field(1, name, if found.is_empty() { "<none>".to_owned() } else { found.join(",") });
        }
        if !subset.get("ports").is_empty() {
            out.line(1, "Ports:");
            out.line(2, "Name\tPort\tProtocol");
            out.line(2, "----\t----\t--------");
            for port in subset.get("ports").items() {
                let name = if port.str("name").is_empty() { "<unset>" } else { port.str("name") };
                out.line(2, format!("{name}\t{}\t{}", port.int("port"), port.str("protocol")));
            }
        }
        out.text.push('\n');
    }
}

pub fn slice(out: &mut Text, object: &Value) {
    config::head(out, object);
    out.field(0, "AddressType", object.str("addressType"));
    if object.get("ports").is_empty() {
        out.line(0, "Ports: <unset>");
    } else {
        out.line(0, "Ports:");
        out.line(1, "Name\tPort\tProtocol");
        out.line(1, "----\t----\t--------");
        for port in object.get("ports").items() {
            let name = if port.str("name").is_empty() { "<unset>" } else { port.str("name") };
            let number = port.get("port").as_int().map_or("<unset>".to_owned(), |it| it.to_string());
            out.line(1, format!("{name}\t{number}\t{}", port.str("protocol")));
        }
    }
    if object.get("endpoints").is_empty() {
        out.line(0, "Endpoints: <none>");
        return;
    }
    out.line(0, "Endpoints:");
    for endpoint in object.get("endpoints").items() {
        let addresses: Vec<&str> = endpoint.get("addresses").items().iter().map(Value::as_str).collect();
        out.line(
            1,
            format!(
                "- Addresses:\t{}",
                if addresses.is_empty() { "<none>".to_owned() } else { addresses.join(", ") }
            ),
        );
        out.line(2, "Conditions:");
        let ready =
            endpoint["conditions"].get("ready").as_bool().map_or("<unset>".to_owned(), |it| it.to_string());
        out.field(3, "Ready", ready);
        out.field(2, "Hostname", or_unset(endpoint.str("hostname")));
        if endpoint.has("targetRef") {
            let target = endpoint.get("targetRef");
            out.field(2, "TargetRef", format!("{}/{}", target.str("kind"), target.str("name")));
        }
        out.field(2, "NodeName", or_unset(endpoint.str("nodeName")));
        out.field(2, "Zone", or_unset(endpoint.str("zone")));
    }
}

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

pub fn class(out: &mut Text, object: &Value) {
    config::head(out, object);
    out.field(0, "Controller", object["spec"].str("controller"));
    let parameters = object.at(&["spec", "parameters"]);
    if !parameters.is_null() {
        out.line(0, "Parameters:");
        out.some(1, "APIGroup", parameters.str("apiGroup"));
        out.field(1, "Kind", parameters.str("kind"));
        out.field(1, "Name", parameters.str("name"));
    }
}

pub fn service_cidr(out: &mut Text, object: &Value) {
    config::head(out, object);
    let ranges: Vec<&str> = object["spec"].get("cidrs").items().iter().map(Value::as_str).collect();
    out.field(0, "CIDRs", ranges.join(", "));
    if !object["status"].get("conditions").is_empty() {
        out.line(0, "Status:");
        cluster::conditions(out, object);
    }
}

pub fn ip_address(out: &mut Text, object: &Value) {
    config::head(out, object);
    let parent = object.at(&["spec", "parentRef"]);
    if !parent.is_null() {
        out.line(0, "Parent Reference:");
        for (name, field) in
            [("Group", "group"), ("Resource", "resource"), ("Namespace", "namespace"), ("Name", "name")]
        {
            out.field(1, name, parent.str(field));
        }
    }
}

/// A time as describe shows it.
pub fn time(text: &str) -> String {
    Time::parse(text).map_or_else(|| "<unset>".to_owned(), Time::rfc1123)
}
