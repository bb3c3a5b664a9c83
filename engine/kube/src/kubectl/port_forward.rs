//! `port-forward`: which ports of which pod; the connections are the host's.
//!
//! Source: kubectl `pkg/cmd/portforward`.

use super::Forward;
use super::exec::refused;
use super::fault::Fault;
use super::flags::Flags;
use super::pod::{limit, pod_of};
use super::resource::kind_of;
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Kind, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub async fn port_forward(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let Some((word, ports)) = flags.words.split_first().filter(|(_, ports)| !ports.is_empty()) else {
        return Err(flags.usage("TYPE/NAME and list of ports are required for port-forward"));
    };
    let limit = limit(flags)?;
    let pod = pod_of(session, word, limit).await?;
    let service = match word.split_once('/') {
        Some((kind, name)) if kind_of(kind)? == Kind::Service => {
            let namespace = session.namespace.clone();
            Some(session.fetch(Kind::Service, &namespace, name).await?)
        }
        _ => None,
    };
    let mut forwarded = Vec::new();
    for text in ports {
        forwarded.push(forwarded_port(text, &pod, service.as_ref())?);
    }
    let phase = pod["status"].str("phase");
    if phase != "Running" {
        return Err(Fault::Plain(format!(
            "unable to forward port because pod is not running. Current status={phase}"
        )));
    }
    let named = if flags.has("address") { flags.all("address") } else { vec!["localhost".to_owned()] };
    let mut addresses = Vec::new();
    for name in named {
        match name.as_str() {
            "localhost" => {
                let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                addresses.extend(both);
            }
            text => addresses
                .push(text.parse::<IpAddr>().map_err(|_| Fault::Plain(format!("{text} is not a valid IP")))?),
        }
    }
    let metadata = pod.get("metadata");
    let place = path(Kind::Pod, metadata.str("namespace"), metadata.str("name"));
    let request = session.sign(Request::new("GET", format!("{place}/portforward")));
    let forward = Forward { server: session.server.clone(), request, addresses, ports: forwarded };
    session.flush().await;
    session.host.forward(forward).await.map_err(refused)
}

/// `8080:80`, `:80` or `http`, through a service's port to the pod's.
fn forwarded_port(text: &str, pod: &Value, service: Option<&Value>) -> Result<(u16, u16), Fault> {
    let (local, remote) = match text.split_once(':') {
        Some((local, remote)) => (Some(local), remote),
        None => (None, text),
    };
    let wrong = |which: &str, text: &str| {
        let why = format!("strconv.ParseUint: parsing \"{text}\": invalid syntax");
        Fault::Plain(format!("error parsing {which} port '{text}': {why}"))
    };
    let named = |name: &str| {
        let each = pod["spec"].get("containers").items().iter().flat_map(|it| it.get("ports").items());
        each.filter(|it| it.str("name") == name).map(|it| it.int("containerPort")).next()
    };
    let number = match (remote.parse::<i64>(), service) {
        (Ok(number), None) => number,
        (Err(_), None) => {
            let pod = pod["metadata"].str("name");
            named(remote)
                .ok_or_else(|| Fault::Plain(format!("Pod '{pod}' does not have a named port '{remote}'")))?
        }
        (parsed, Some(service)) => {
            let name = service["metadata"].str("name");
            let ports = service["spec"].get("ports").items();
            let is_it = |it: &&Value| {
                parsed.as_ref().map_or(it.str("name") == remote, |number| it.int("port") == *number)
            };
            let missing = || {
                Fault::Plain(match &parsed {
                    Ok(number) => format!("Service {name} does not have a service port {number}"),
                    Err(_) => format!("Service '{name}' does not have a named port '{remote}'"),
                })
            };
            let port = ports.iter().find(is_it).ok_or_else(missing)?;
            let target = port.get("targetPort");
            match target.as_int() {
                Some(0) | None if target.as_str().is_empty() => port.int("port"),
                Some(number) => number,
                None => named(target.as_str()).ok_or_else(|| {
                    Fault::Plain(format!(
                        "Pod '{}' does not have a named port '{}'",
                        pod["metadata"].str("name"),
                        target.as_str()
                    ))
                })?,
            }
        }
    };
    let remote_port =
        u16::try_from(number).ok().filter(|it| *it > 0).ok_or(Fault::plain("remote port must be > 0"))?;
    let local_port = match local {
        None => remote.parse::<u16>().unwrap_or(remote_port),
        Some("") => 0,
        Some(text) => text.parse::<u16>().map_err(|_| wrong("local", text))?,
    };
    Ok((local_port, remote_port))
}
