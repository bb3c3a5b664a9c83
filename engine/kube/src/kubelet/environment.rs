//! What a container is started with: its command, its environment, its mounts.
//!
//! Always: `$(NAME)` in a value or an argument is replaced where NAME is known, `$$` is a dollar; Services of the pod's
//! namespace (and `kubernetes`) stand in the environment where `enableServiceLinks` is set.
//! Sources: kubernetes `pkg/kubelet/kubelet_pods.go` (makeEnvironmentVariables), `pkg/kubelet/envvars`.

use super::pod::Pod;
use super::{Kubelet, volume};
use crate::object::{Kind, Value};
use container::runtime::{Runtime, Wanted};
use linux::Stdin;
use std::collections::BTreeMap;
use std::rc::Rc;

pub async fn wanted(
    kubelet: &Rc<Kubelet>,
    pod: &Pod,
    spec: &Value,
    attempt: u32,
    places: &volume::Places,
) -> Result<Wanted, String> {
    let mut environment = service_links(kubelet, pod);
    for source in spec.get("envFrom").items() {
        environment.extend(all_of(kubelet, pod, source).await?);
    }
    let mut known: BTreeMap<String, String> = environment.into_iter().collect();
    if spec.is_true("tty") {
        known.insert("TERM".to_owned(), "xterm".to_owned());
    }
    for variable in spec.get("env").items() {
        let value = match variable.get("valueFrom") {
            Value::Null => expand(variable.str("value"), &known),
            source => match one_of(kubelet, pod, spec, source).await? {
                Some(value) => value,
                None => continue,
            },
        };
        known.insert(variable.str("name").to_owned(), value);
    }
    let words =
        |name: &str| spec.get(name).items().iter().map(|it| expand(it.as_str(), &known)).collect::<Vec<_>>();
    let (command, args) = (words("command"), words("args"));
    let id = |name: &str| {
        let own = spec.at(&["securityContext", name]).as_int();
        own.or_else(|| pod.spec().at(&["securityContext", name]).as_int())
            .and_then(|it| u32::try_from(it).ok())
    };
    Ok(Wanted {
        name: spec.str("name").to_owned(),
        image: spec.str("image").to_owned(),
        attempt,
        command,
        args,
        environment: known.into_iter().collect(),
        cwd: spec.str("workingDir").to_owned(),
        uid: id("runAsUser"),
        gid: id("runAsGroup"),
        mounts: volume::mounts(kubelet, pod, spec, places).await?,
        stdin: match (spec.is_true("tty"), spec.is_true("stdin")) {
            (true, _) => Stdin::Terminal,
            (false, true) => Stdin::Pipe,
            _ => Stdin::Nothing,
        },
        stdin_once: spec.is_true("stdinOnce"),
    })
}

/// `WEB_SERVICE_HOST` and its like.
fn service_links(kubelet: &Kubelet, pod: &Pod) -> Vec<(String, String)> {
    let namespace = pod.namespace();
    let links = pod.spec().get("enableServiceLinks").as_bool() != Some(false);
    let mut all = Vec::new();
    for ((home, name), service) in kubelet.services.borrow().iter() {
        let is_master = home == "default" && name == "kubernetes";
        if !is_master && !(links && *home == namespace) {
            continue;
        }
        let (address, ports) = (service["spec"].str("clusterIP"), service["spec"].get("ports").items());
        if address.is_empty() || address == "None" || ports.is_empty() {
            continue;
        }
        let base = name.to_uppercase().replace('-', "_");
        all.push((format!("{base}_SERVICE_HOST"), address.to_owned()));
        all.push((format!("{base}_SERVICE_PORT"), ports[0].int("port").to_string()));
        for port in ports.iter().filter(|it| !it.str("name").is_empty()) {
            let suffix = port.str("name").to_uppercase().replace('-', "_");
            all.push((format!("{base}_SERVICE_PORT_{suffix}"), port.int("port").to_string()));
        }
        for (at, port) in ports.iter().enumerate() {
            let protocol = match port.str("protocol") {
                "" => "tcp".to_owned(),
                other => other.to_lowercase(),
            };
            let number = port.int("port");
            let url = format!("{protocol}://{address}:{number}");
            let prefix = format!("{base}_PORT_{number}_{}", protocol.to_uppercase());
            if at == 0 {
                all.push((format!("{base}_PORT"), url.clone()));
            }
            all.push((prefix.clone(), url));
            all.push((format!("{prefix}_PROTO"), protocol));
            all.push((format!("{prefix}_PORT"), number.to_string()));
            all.push((format!("{prefix}_ADDR"), address.to_owned()));
        }
    }
    all
}

/// `$(NAME)` as the pod's author means it.
fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|it| it.split_once(')')) {
            match known.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// The data of a ConfigMap or Secret as texts; `None` where it is missing and may be.
pub(super) async fn data_of(
    kubelet: &Kubelet,
    namespace: &str,
    kind: Kind,
    name: &str,
    optional: bool,
) -> Result<Option<BTreeMap<String, Vec<u8>>>, String> {
    let object = match kubelet.client.get(kind, namespace, name).await {
        Ok(object) => object,
        Err(_) if optional => return Ok(None),
        Err(why) if why.ends_with("not found") => {
            return Err(format!("{} \"{name}\" not found", kind.resource().singular()));
        }
        Err(why) => return Err(why),
    };
    let mut all = BTreeMap::new();
    for (key, value) in object.get("data").fields() {
        let text = value.as_str();
        let bytes = match kind {
            Kind::Secret => linux::base64::decode_lines(text).unwrap_or_default(),
            _ => text.as_bytes().to_vec(),
        };
        all.insert(key.to_string(), bytes);
    }
    for (key, value) in object.get("binaryData").fields() {
        all.insert(key.to_string(), linux::base64::decode_lines(value.as_str()).unwrap_or_default());
    }
    Ok(Some(all))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn all_of(kubelet: &Kubelet, pod: &Pod, source: &Value) -> Result<Vec<(String, String)>, String> {
    let (kind, reference) = match source.get("configMapRef") {
        Value::Null => (Kind::Secret, source.get("secretRef")),
        reference => (Kind::ConfigMap, reference),
    };
    let optional = reference.is_true("optional");
    let data = data_of(kubelet, &pod.namespace(), kind, reference.str("name"), optional).await?;
    let prefix = source.str("prefix");
    let pairs = data.unwrap_or_default().into_iter();
    Ok(pairs.map(|(key, value)| (format!("{prefix}{key}"), text(&value))).collect())
}

async fn one_of(
    kubelet: &Kubelet,
    pod: &Pod,
    spec: &Value,
    source: &Value,
) -> Result<Option<String>, String> {
    for (field, kind, word) in
        [("configMapKeyRef", Kind::ConfigMap, "ConfigMap"), ("secretKeyRef", Kind::Secret, "Secret")]
    {
        let reference = source.get(field);
        if reference.is_null() {
            continue;
        }
        let (name, key, optional) =
            (reference.str("name"), reference.str("key"), reference.is_true("optional"));
        let data = data_of(kubelet, &pod.namespace(), kind, name, optional).await?;
        return match data.and_then(|it| it.get(key).cloned()) {
            Some(value) => Ok(Some(text(&value))),
            None if optional => Ok(None),
            None => Err(format!("couldn't find key {key} in {word} {}/{name}", pod.namespace())),
        };
    }
    if let Some(value) = field(kubelet, pod, source.at(&["fieldRef", "fieldPath"]).as_str()).await {
        return Ok(Some(value));
    }
    let resource = source.at(&["resourceFieldRef", "resource"]).as_str();
    let (list, name) = resource.split_once('.').unwrap_or_default();
    Ok(Some(spec.at(&["resources", list, name]).as_str().to_owned()))
}

/// A field of the pod as the downward API gives it.
pub(super) async fn field(kubelet: &Kubelet, pod: &Pod, path: &str) -> Option<String> {
    let metadata = pod.object.get("metadata");
    let keyed = |name: &str| path.strip_prefix(name)?.strip_prefix("['")?.strip_suffix("']");
    if let Some(key) = keyed("metadata.labels") {
        return Some(metadata["labels"].str(key).to_owned());
    }
    if let Some(key) = keyed("metadata.annotations") {
        return Some(metadata["annotations"].str(key).to_owned());
    }
    let pairs = |name: &str| {
        let lines = metadata[name].fields().map(|(key, value)| format!("{key}={:?}", value.as_str()));
        lines.collect::<Vec<_>>().join("\n")
    };
    Some(match path {
        "metadata.name" | "metadata.namespace" | "metadata.uid" => {
            metadata.str(&path["metadata.".len()..]).to_owned()
        }
        "metadata.labels" | "metadata.annotations" => pairs(&path["metadata.".len()..]),
        "spec.nodeName" => kubelet.node.clone(),
        "spec.serviceAccountName" => pod.spec().str("serviceAccountName").to_owned(),
        "status.hostIP" | "status.hostIPs" => kubelet.address.clone(),
        "status.podIP" | "status.podIPs" => {
            addresses(kubelet, pod).await.first().cloned().unwrap_or_default()
        }
        _ => return None,
    })
}

/// The pod's addresses: its sandbox's, or the node's.
pub(super) async fn addresses(kubelet: &Kubelet, pod: &Pod) -> Vec<String> {
    if pod.on_host_network() {
        return vec![kubelet.address.clone()];
    }
    let (machine, uid) = (kubelet.machine, pod.uid());
    let found = kubelet
        .sys
        .ask(move |system, _| Runtime::of(system, machine)?.sandbox_of(&uid).map(|it| it.addresses.clone()));
    found.await.unwrap_or_default()
}
