//! What the cluster is and serves: `api-resources`, `api-versions`, `cluster-info`, `version`, `top`, `proxy`, `completion`.
//!
//! Sources: kubectl `pkg/cmd/{apiresources,clusterinfo,version,top,proxy}`.

use super::fault::Fault;
use super::flags::Flags;
use super::session::Session;
use super::tab;
use crate::api::Request;
use crate::object::{Value, json, yaml};
use std::net::SocketAddr;

/// One resource of the server's discovery.
struct Row {
    group: String,
    version: String,
    entry: Value,
}

async fn discover(session: &mut Session<'_>) -> Result<Vec<Row>, Fault> {
    let mut versions = vec!["v1".to_owned()];
    let groups = session.json(Request::new("GET", "/apis")).await?;
    versions.extend(
        groups.get("groups").items().iter().map(|it| it["preferredVersion"].str("groupVersion").to_owned()),
    );
    let mut rows = Vec::new();
    for version in versions {
        let path = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let list = session.json(Request::new("GET", path)).await?;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        for entry in list.get("resources").items().iter().filter(|it| !it.str("name").contains('/')) {
            rows.push(Row { group: group.to_owned(), version: version.clone(), entry: entry.clone() });
        }
    }
    Ok(rows)
}

fn texts(list: &Value) -> String {
    list.items().iter().map(Value::as_str).collect::<Vec<_>>().join(",")
}

pub async fn api_resources(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if let Some(word) = flags.words.first() {
        return Err(flags.usage(format!("unexpected arguments: [{word}]")));
    }
    let output = flags.get("output");
    if !["", "wide", "name", "json", "yaml"].contains(&output) {
        return Err(Fault::Plain(format!("--output {output} is not available")));
    }
    let verbs = flags.all("verbs");
    let mut rows = discover(session).await?;
    rows.retain(|it| {
        let has = |verb: &String| it.entry.get("verbs").items().iter().any(|its| its.as_str() == verb);
        let in_category = flags
            .all("categories")
            .iter()
            .all(|category| it.entry.get("categories").items().iter().any(|its| its.as_str() == category));
        (!flags.has("api-group") || it.group == flags.get("api-group"))
            && (!flags.has("namespaced") || it.entry.is_true("namespaced") == flags.is_on("namespaced"))
            && verbs.iter().all(has)
            && in_category
            && !it.entry.get("verbs").is_empty()
    });
    match flags.get("sort-by") {
        "" => rows.sort_by_key(|it| (it.group.clone(), it.entry.str("name").to_owned())),
        "name" => rows.sort_by_key(|it| it.entry.str("name").to_owned()),
        "kind" => rows.sort_by_key(|it| it.entry.str("kind").to_owned()),
        _ => return Err(Fault::plain("--sort-by accepts only name or kind")),
    }
    if output == "name" {
        for row in rows {
            let dot = if row.group.is_empty() { "" } else { "." };
            session.print(&format!("{}{dot}{}\n", row.entry.str("name"), row.group));
        }
        return Ok(());
    }
    let mut text = String::new();
    if !flags.is_on("no-headers") {
        text += "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND";
        text += if output == "wide" { "\tVERBS\tCATEGORIES\n" } else { "\n" };
    }
    for row in rows {
        let it = &row.entry;
        let (name, short, kind) = (it.str("name"), texts(it.get("shortNames")), it.str("kind"));
        text += &format!("{name}\t{short}\t{}\t{}\t{kind}", row.version, it.is_true("namespaced"));
        if output == "wide" {
            text += &format!("\t{}\t{}", texts(it.get("verbs")), texts(it.get("categories")));
        }
        text.push('\n');
    }
    session.print(&tab::table(&text));
    Ok(())
}

pub async fn api_versions(session: &mut Session<'_>) -> Result<(), Fault> {
    let groups = session.json(Request::new("GET", "/apis")).await?;
    let each = groups.get("groups").items().iter().flat_map(|it| it.get("versions").items());
    let mut all: Vec<String> = each.map(|it| it.str("groupVersion").to_owned()).collect();
    all.push("v1".to_owned());
    all.sort();
    all.iter().for_each(|it| session.print(&format!("{it}\n")));
    Ok(())
}

pub async fn cluster_info(session: &mut Session<'_>, second: &str) -> Result<(), Fault> {
    if second == "dump" {
        return Err(Fault::plain("cluster-info dump: not simulated in vethlab; use get -A -o yaml"));
    }
    let selector = [("labelSelector", "kubernetes.io/cluster-service=true")];
    let services = session.list(crate::object::Kind::Service, "kube-system", &selector).await?;
    let server = session.server.clone();
    session.print(&format!(
        "\u{1b}[0;32mKubernetes control plane\u{1b}[0m is running at \u{1b}[0;33m{server}\u{1b}[0m\n"
    ));
    for it in services {
        let metadata = it.get("metadata");
        let name = match metadata["labels"].str("kubernetes.io/name") {
            "" => metadata.str("name"),
            name => name,
        };
        let ports = it["spec"].get("ports").items();
        let port = ports.first().map_or("", |it| it.str("name"));
        let colon = if port.is_empty() { String::new() } else { format!(":{port}") };
        let place =
            format!("{server}/api/v1/namespaces/kube-system/services/{}{colon}/proxy", metadata.str("name"));
        session.print(&format!("\u{1b}[0;32m{name}\u{1b}[0m is running at \u{1b}[0;33m{place}\u{1b}[0m\n"));
    }
    session.print("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
    Ok(())
}

pub async fn version(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let output = flags.get("output");
    if !["", "json", "yaml"].contains(&output) {
        return Err(Fault::plain("--output must be 'yaml' or 'json'"));
    }
    let wants_server = !flags.is_on("client");
    let server = if wants_server { Some(session.json(Request::new("GET", "/version")).await) } else { None };
    let client = crate::object!({
        "buildDate": "2026-06-10T00:00:00Z", "compiler": "gc", "gitCommit": "", "gitTreeState": "clean",
        "gitVersion": (crate::api::VERSION), "goVersion": "go1.26.4", "major": "1", "minor": "36", "platform": "linux/amd64"
    });
    let mut all = crate::object!({"clientVersion": client, "kustomizeVersion": "v5.8.1"});
    if output.is_empty() {
        session.print(&format!("Client Version: {}\nKustomize Version: v5.8.1\n", crate::api::VERSION));
    }
    match server {
        Some(Ok(server)) if output.is_empty() => {
            session.print(&format!("Server Version: {}\n", server.str("gitVersion")));
        }
        Some(Ok(server)) => all.set("serverVersion", server),
        Some(Err(fault)) => return Err(fault),
        None => {}
    }
    match output {
        "json" => session.print(&(json::pretty(&all, 2) + "\n")),
        "yaml" => session.print(&yaml::print(&all)),
        _ => {}
    }
    Ok(())
}

/// No metrics server stands in these clusters, as in a fresh one of kubeadm.
pub async fn top(session: &mut Session<'_>, second: &str, _flags: &Flags) -> Result<(), Fault> {
    if second.is_empty() {
        session.complain(&super::command::help(super::command::command("top")));
        return Err(Fault::Silent(1));
    }
    session.json(Request::new("GET", "/apis")).await?;
    Err(Fault::plain("Metrics API not available"))
}

pub async fn proxy(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let port = flags.number("port")?.unwrap_or(8001);
    let port =
        u16::try_from(port).map_err(|_| Fault::Plain(format!("listen tcp: address {port}: invalid port")))?;
    let lacking = [
        "www",
        "www-prefix",
        "unix-socket",
        "reject-methods",
        "accept-paths",
        "reject-paths",
        "accept-hosts",
        "api-prefix",
        "keepalive",
        "append-server-path",
        "disable-filter",
    ];
    for name in lacking {
        if flags.has(name) {
            return Err(Fault::Plain(format!("--{name}: not simulated in vethlab; leave it out")));
        }
    }
    let address = flags.or("address", "127.0.0.1");
    let wrong = || Fault::Plain(format!("listen tcp: lookup {address}: no such host"));
    let local = SocketAddr::new(address.parse().map_err(|_| wrong())?, port);
    let (server, like) = (session.server.clone(), session.sign(Request::default()));
    session.host.proxy(&server, like, local).await.map_err(Fault::Plain)
}

pub fn completion(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    match &flags.words[..] {
        [] => Err(flags.usage("Shell not specified.")),
        [shell] if shell == "bash" => {
            session.print(include_str!("completion.bash"));
            Ok(())
        }
        [shell] if ["zsh", "fish", "powershell"].contains(&shell.as_str()) => {
            Err(Fault::Plain(format!("completion {shell}: not simulated in vethlab; use completion bash")))
        }
        [shell] => Err(flags.usage(format!("Unsupported shell type {shell:?}."))),
        _ => Err(flags.usage("Too many arguments. Expected only the shell type.")),
    }
}
