//! `describe ingress`.

use super::Text;
use super::network::{addresses, slices};
use crate::kubectl::jsonpath::shown;
use crate::kubectl::session::Session;
use crate::object::{Kind, Value};

pub async fn describe(session: &mut Session<'_>, out: &mut Text, object: &Value) {
    let (metadata, spec) = (object.get("metadata"), object.get("spec"));
    let namespace = metadata.str("namespace");
    out.field(0, "Name", metadata.str("name"));
    out.labels("Labels", metadata.get("labels"));
    out.field(0, "Namespace", namespace);
    let address =
        object.at(&["status", "loadBalancer", "ingress"]).items().iter().map(|it| match it.str("ip") {
            "" => it.str("hostname"),
            ip => ip,
        });
    out.field(0, "Address", address.collect::<Vec<_>>().join(","));
    out.field(
        0,
        "Ingress Class",
        match spec.str("ingressClassName") {
            "" => "<none>",
            name => name,
        },
    );
    let default = spec.get("defaultBackend");
    let default_shown =
        if default.is_null() { "<default>".to_owned() } else { backend(session, namespace, default).await };
    out.field(0, "Default backend", &default_shown);
    if !spec.get("tls").is_empty() {
        out.line(0, "TLS:");
        for it in spec.get("tls").items() {
            let hosts: Vec<&str> = it.get("hosts").items().iter().map(Value::as_str).collect();
            match it.str("secretName") {
                "" => out.line(1, format!("SNI routes {}", hosts.join(","))),
                name => out.line(1, format!("{name} terminates {}", hosts.join(","))),
            }
        }
    }
    out.line(0, "Rules:\n  Host\tPath\tBackends");
    out.line(0, "  ----\t----\t--------");
    let mut count = 0;
    for rule in spec.get("rules").items().iter().filter(|it| it.has("http")) {
        count += 1;
        let host = if rule.str("host").is_empty() { "*" } else { rule.str("host") };
        out.line(0, format!("  {host}\t"));
        for path in rule.at(&["http", "paths"]).items() {
            let backend = backend(session, namespace, path.get("backend")).await;
            out.line(0, format!("    \t{} \t{backend}", path.str("path")));
        }
    }
    if count == 0 {
        out.line(0, format!("  *\t*\t{default_shown}"));
    }
    out.annotations("Annotations", metadata.get("annotations"));
}

/// `web:80 (10.244.1.3:80)`.
async fn backend(session: &mut Session<'_>, namespace: &str, backend: &Value) -> String {
    let resource = backend.get("resource");
    if !resource.is_null() {
        let group = resource.str("apiGroup");
        let group = if group.is_empty() { "<none>" } else { group };
        return format!("APIGroup: {group}, Kind: {}, Name: {}", resource.str("kind"), resource.str("name"));
    }
    let service = backend.get("service");
    let (name, port) = (service.str("name"), service.get("port"));
    let port_shown = match port.str("name") {
        "" => shown(port.get("number")),
        name => name.to_owned(),
    };
    let endpoints = match session.fetch(Kind::Service, namespace, name).await {
        Err(fault) => format!("<error: {}>", fault.message()),
        Ok(found) => {
            let ports = found.at(&["spec", "ports"]).items();
            let is_it = |it: &&Value| match port.str("name") {
                "" => it.get("port").as_int() == port.get("number").as_int(),
                name => it.str("name") == name,
            };
            // Of a port that is not there, kubectl looks for the one without a name.
            let port_name = ports.iter().find(is_it).map(|it| it.str("name").to_owned());
            let slices = slices(session, namespace, name).await;
            addresses(&slices, &port_name.unwrap_or_default())
        }
    };
    format!("{name}:{port_shown} ({endpoints})")
}
