//! `run` and `expose`.
//!
//! Sources: kubectl `pkg/cmd/{run,expose}`.

use super::create::send;
use super::exec;
use super::fault::Fault;
use super::find::{self, How, Info};
use super::flags::Flags;
use super::session::Session;
use crate::object;
use crate::object::{Kind, Value, json, patch};

pub async fn run(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    flags.require(&["image"])?;
    let Some((name, arguments)) = flags.words.split_first() else {
        return Err(flags.usage("NAME is required for run"));
    };
    let image = flags.get("image");
    if image.is_empty() {
        return Err(Fault::plain("--image is required"));
    }
    if image.chars().any(|it| it.is_whitespace() || it.is_ascii_uppercase()) && !image.contains('/') {
        return Err(Fault::Plain(format!("Invalid image name \"{image}\": invalid reference format")));
    }
    let restart = flags.or("restart", "Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(flags.usage(format!("invalid restart policy: {restart}")));
    }
    let (stdin, tty, removes) = (flags.is_on("stdin"), flags.is_on("tty"), flags.is_on("rm"));
    let attaches = flags.is_on("attach") || stdin;
    if removes && !attaches {
        return Err(Fault::plain("--rm should only be used for attached containers"));
    }
    if tty && !stdin {
        return Err(Fault::plain("-i/--stdin is required for containers with -t/--tty=true"));
    }
    if attaches && !flags.dry_run()?.is_empty() {
        return Err(Fault::plain(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        ));
    }
    if flags.is_on("expose") && !flags.has("port") {
        return Err(flags.usage("--port must be set when exposing a service"));
    }
    let words: Vec<String> = arguments.iter().chain(&flags.after).cloned().collect();
    let made = pod_of(flags, name, &words)?;
    if flags.is_on("expose") {
        let port = flags.number("port")?.unwrap_or(0);
        let service = object!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"ports": [{"port": port, "protocol": "TCP", "targetPort": port}], "selector": (labels(flags, name)?)}
        });
        send(session, flags, Kind::Service, service, "created", "").await?;
    }
    if !attaches {
        return send(session, flags, Kind::Pod, made, "created", "").await;
    }
    let info = Info {
        kind: Kind::Pod,
        namespace: session.namespace.clone(),
        name: name.clone(),
        object: made,
        source: String::new(),
    };
    super::manifest::post(session, flags, &info, "kubectl-run").await?;
    exec::attached_run(session, flags, name, removes).await
}

fn labels(flags: &Flags, name: &str) -> Result<Value, Fault> {
    let mut labels = Value::map();
    for pair in flags.all("labels") {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Fault::Plain(format!("unexpected label spec: {pair}")));
        };
        labels.set(key, value);
    }
    if labels.is_empty() {
        labels.set("run", name);
    }
    Ok(labels)
}

fn pod_of(flags: &Flags, name: &str, words: &[String]) -> Result<Value, Fault> {
    let mut container = object!({"image": (flags.get("image")), "name": name});
    if !words.is_empty() {
        let list = Value::list(words.iter().map(Value::from).collect());
        container.set(if flags.is_on("command") { "command" } else { "args" }, list);
    }
    for pair in flags.each("env") {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Fault::Plain(format!("invalid env: {pair}")));
        };
        container["env"].push(object!({"name": key, "value": value}));
    }
    if let Some(port) = flags.number("port")? {
        container["ports"].push(object!({"containerPort": port}));
    }
    if flags.has("image-pull-policy") {
        container.set("imagePullPolicy", flags.get("image-pull-policy"));
    }
    if flags.is_on("stdin") {
        container.set("stdin", true);
        container.set("stdinOnce", !flags.is_on("leave-stdin-open"));
    }
    if flags.is_on("tty") {
        container.set("tty", true);
    }
    if flags.is_on("privileged") {
        container["securityContext"].set("privileged", true);
    }
    let mut made = object!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"labels": (labels(flags, name)?), "name": name},
        "spec": {
            "containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": (flags.or("restart", "Always"))
        }
    });
    for pair in flags.each("annotations") {
        if let Some((key, value)) = pair.split_once('=') {
            made["metadata"]["annotations"].set(key, value);
        }
    }
    if flags.has("overrides") {
        let overrides = json::parse(flags.get("overrides"))
            .map_err(|why| Fault::Plain(format!("Invalid JSON Patch: {why}")))?;
        if flags.get("override-type") == "strategic" {
            patch::strategic(super::apply::structure(Kind::Pod), &mut made, &overrides)
                .map_err(Fault::Plain)?;
        } else {
            patch::merge(&mut made, &overrides);
        }
    }
    Ok(made)
}

pub async fn expose(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let how = How { all_if_unnamed: false, latest: true };
    let infos = find::all(session, flags, &flags.words, how).await?;
    for info in infos {
        let made = service_of(flags, &info)?;
        send(session, flags, Kind::Service, made, "exposed", "").await?;
    }
    Ok(())
}

/// A container's ports with their protocols, in a pod or a template.
fn ports(info: &Info) -> Vec<(i64, String)> {
    let spec = if info.kind == Kind::Pod {
        info.object.get("spec")
    } else {
        info.object.at(&["spec", "template", "spec"])
    };
    let own = info.object["spec"].get("ports").items();
    let protocol = |it: &Value| {
        if it.str("protocol").is_empty() { "TCP".to_owned() } else { it.str("protocol").to_owned() }
    };
    if info.kind == Kind::Service {
        return own.iter().map(|it| (it.int("port"), protocol(it))).collect();
    }
    let each = spec.get("containers").items().iter().flat_map(|it| it.get("ports").items());
    each.map(|it| (it.int("containerPort"), protocol(it))).collect()
}

fn selector_of(info: &Info) -> Result<Value, Fault> {
    let selector = match info.kind {
        Kind::Pod => info.object["metadata"].get("labels").clone(),
        Kind::Service => info.object["spec"].get("selector").clone(),
        Kind::ReplicationController => info.object["spec"].get("selector").clone(),
        Kind::Deployment | Kind::ReplicaSet => {
            let selector = info.object["spec"].get("selector");
            if !selector.get("matchExpressions").is_empty() {
                return Err(Fault::plain("couldn't convert expressions - \"\" to map-based selector format"));
            }
            selector.get("matchLabels").clone()
        }
        other => {
            let resource = other.resource();
            let dot = if resource.group.is_empty() { "" } else { "." };
            return Err(Fault::Plain(format!("cannot expose a {}{dot}{}", resource.name, resource.group)));
        }
    };
    if selector.is_empty() {
        let what = if info.kind == Kind::Pod {
            "the pod has no labels and cannot be exposed"
        } else {
            "the service has no pod selector set"
        };
        return Err(Fault::Plain(format!(
            "couldn't retrieve selectors via --selector flag or introspection: {what}"
        )));
    }
    Ok(selector)
}

fn service_of(flags: &Flags, info: &Info) -> Result<Value, Fault> {
    let selector = if flags.has("selector") {
        let mut map = Value::map();
        for pair in flags.all("selector") {
            let (key, value) = pair.split_once('=').unwrap_or((&pair, ""));
            map.set(key, value);
        }
        map
    } else {
        selector_of(info)?
    };
    let known = ports(info);
    let headless = flags.get("cluster-ip") == "None";
    let wanted: Vec<i64> = if flags.has("port") {
        let parsed = flags.all("port").iter().map(|it| it.parse::<i64>()).collect::<Result<Vec<_>, _>>();
        parsed.map_err(|_| {
            Fault::Plain(format!("strconv.Atoi: parsing \"{}\": invalid syntax", flags.get("port")))
        })?
    } else {
        known.iter().map(|(port, _)| *port).collect()
    };
    if wanted.is_empty() && !headless {
        return Err(Fault::plain("couldn't find port via --port flag or introspection"));
    }
    let many = wanted.len() > 1;
    let mut list = Vec::new();
    for (at, port) in wanted.iter().enumerate() {
        let target = match flags.get("target-port") {
            "" => Value::from(*port),
            text => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        };
        let of_pod = known.iter().find(|(its, _)| its == port).map(|(_, protocol)| protocol.as_str());
        let protocol = if flags.has("protocol") { flags.get("protocol") } else { of_pod.unwrap_or("TCP") };
        let mut entry = object!({"port": (*port), "protocol": protocol, "targetPort": target});
        if many {
            entry.set("name", format!("port-{}", at + 1));
        }
        list.push(entry);
    }
    let name = flags.or("name", &info.name);
    let mut made = object!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list, "selector": selector}
    });
    if flags.has("labels") {
        made["metadata"].set("labels", labels(flags, name)?);
    } else if !info.object["metadata"].get("labels").is_empty() {
        made["metadata"].set("labels", info.object["metadata"].get("labels"));
    }
    for (flag, field) in [
        ("type", "type"),
        ("cluster-ip", "clusterIP"),
        ("session-affinity", "sessionAffinity"),
        ("load-balancer-ip", "loadBalancerIP"),
    ] {
        if flags.has(flag) {
            made["spec"].set(field, flags.get(flag));
        }
    }
    if flags.has("external-ip") {
        made["spec"].set("externalIPs", vec![Value::from(flags.get("external-ip"))]);
    }
    Ok(made)
}
