//! `create ingress`.

use super::send;
use crate::kubectl::fault::Fault;
use crate::kubectl::flags::Flags;
use crate::kubectl::session::Session;
use crate::object;
use crate::object::{Kind, Value};

pub async fn ingress(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    let rules: Vec<&str> = flags.each("rule").collect();
    if rules.is_empty() && !flags.has("default-backend") {
        return Err(Fault::plain(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all \
             traffic) or a list of rules (which catch specific paths)",
        ));
    }
    let mut annotations = Value::Null;
    for given in flags.each("annotation") {
        let Some((key, value)) = given.split_once('=') else {
            return Err(Fault::Plain(format!(
                "annotation {given} is invalid and should be in format key=[value]"
            )));
        };
        annotations.set(key, value);
    }
    let mut made =
        object!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}});
    if !annotations.is_null() {
        made["metadata"].set("annotations", annotations);
    }
    if flags.has("class") {
        made["spec"].set("ingressClassName", flags.get("class"));
    }
    if flags.has("default-backend") {
        let given = flags.get("default-backend");
        let wrong = || {
            Fault::Plain(format!(
                "default-backend {given} is invalid and should be in format servicename:serviceport"
            ))
        };
        made["spec"].set("defaultBackend", backend(given).ok_or_else(wrong)?);
    }
    let mut hosts: Vec<(String, Vec<Value>)> = Vec::new();
    let mut tls: Vec<Value> = Vec::new();
    for rule in rules {
        read(rule, &mut hosts, &mut tls)?;
    }
    for (host, paths) in hosts {
        let mut rule = object!({"http": {"paths": paths}});
        if !host.is_empty() {
            rule.set("host", host);
        }
        made["spec"]["rules"].push(rule);
    }
    if !tls.is_empty() {
        made["spec"].set("tls", tls);
    }
    send(session, flags, Kind::Ingress, made, "created", "failed to create ingress: ").await
}

fn backend(text: &str) -> Option<Value> {
    let (service, port) =
        text.split_once(':').filter(|(service, port)| !service.is_empty() && !port.is_empty())?;
    let port = match port.parse::<i64>() {
        Ok(number) => object!({"number": number}),
        Err(_) => object!({"name": port}),
    };
    Some(object!({"service": {"name": service, "port": port}}))
}

/// `host/path=service:port[,tls[=secret]]`.
fn read(rule: &str, hosts: &mut Vec<(String, Vec<Value>)>, tls: &mut Vec<Value>) -> Result<(), Fault> {
    let wrong = || {
        Fault::Plain(format!(
            "rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
        ))
    };
    let (place, rest) = rule.split_once('=').ok_or_else(wrong)?;
    let (host, path) = place.split_once('/').ok_or_else(wrong)?;
    let (target, options) = rest.split_once(',').unwrap_or((rest, ""));
    let backend = backend(target).ok_or_else(wrong)?;
    let (path, kind) = match path.strip_suffix('*') {
        Some(path) => (format!("/{path}"), "Prefix"),
        None => (format!("/{path}"), "Exact"),
    };
    let path = object!({"backend": backend, "path": path, "pathType": kind});
    match hosts.iter_mut().find(|(its, _)| its == host) {
        Some((_, paths)) => paths.push(path),
        None => hosts.push((host.to_owned(), vec![path])),
    }
    for option in options.split(',').filter(|it| !it.is_empty()) {
        let (name, secret) = option.split_once('=').unwrap_or((option, ""));
        if name != "tls" {
            return Err(wrong());
        }
        match tls.iter_mut().find(|it| it.str("secretName") == secret) {
            Some(entry)
                if !host.is_empty() && !entry.get("hosts").items().iter().any(|it| it.as_str() == host) =>
            {
                entry["hosts"].push(host);
            }
            Some(_) => {}
            None => {
                let mut entry = Value::map();
                if !host.is_empty() {
                    entry["hosts"].push(host);
                }
                if !secret.is_empty() {
                    entry.set("secretName", secret);
                }
                tls.push(entry);
            }
        }
    }
    Ok(())
}
