//! `create service clusterip|nodeport|loadbalancer|externalname`.

use super::{app_label, send};
use crate::kubectl::fault::Fault;
use crate::kubectl::flags::Flags;
use crate::kubectl::session::Session;
use crate::object;
use crate::object::{Kind, Value};

/// `80`, `80:8080` or `80:http` as ports of a service.
pub fn ports(flags: &Flags) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    for text in flags.all("tcp") {
        let (port, target) = text.split_once(':').unwrap_or((&text, &text));
        let wrong = |part: &str| {
            let why = format!("strconv.Atoi: parsing \"{part}\": invalid syntax");
            Fault::Plain(if port.parse::<i64>().is_err() {
                why
            } else {
                format!("{part} is not a valid port")
            })
        };
        let number: i64 = port.parse().map_err(|_| wrong(port))?;
        if !(0..=65535).contains(&number) {
            return Err(Fault::plain("must be between 1 and 65535, inclusive"));
        }
        let target = match target.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => {
                crate::validation::name::port_name(target).map_err(Fault::Plain)?;
                Value::from(target)
            }
        };
        all.push(object!({
            "name": (text.replace(':', "-")), "port": number, "protocol": "TCP", "targetPort": target
        }));
    }
    Ok(all)
}

pub async fn service(session: &mut Session<'_>, what: &str, flags: &Flags) -> Result<(), Fault> {
    if what == "externalname" {
        flags.require(&["external-name"])?;
    }
    let name = flags.name()?;
    let (kind, shown) = match what {
        "clusterip" => ("ClusterIP", "ClusterIP"),
        "nodeport" => ("NodePort", "NodePort"),
        "loadbalancer" => ("LoadBalancer", "LoadBalancer"),
        _ => ("ExternalName", "ExternalName"),
    };
    let mut ports = ports(flags)?;
    let headless = flags.get("clusterip") == "None";
    if ports.is_empty() && what != "externalname" && !headless {
        return Err(Fault::plain("at least one tcp port specifier must be provided"));
    }
    if let Some(number) = flags.number("node-port")?.filter(|it| *it > 0) {
        ports.iter_mut().for_each(|it| it.set("nodePort", number));
    }
    let mut made = object!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"labels": (app_label(name)), "name": name},
        "spec": {"ports": ports, "selector": (app_label(name)), "type": kind}
    });
    if what == "externalname" {
        made["spec"].set("externalName", flags.get("external-name"));
    }
    if !flags.get("clusterip").is_empty() {
        made["spec"].set("clusterIP", flags.get("clusterip"));
    }
    send(session, flags, Kind::Service, made, "created", &format!("failed to create {shown} service: ")).await
}
