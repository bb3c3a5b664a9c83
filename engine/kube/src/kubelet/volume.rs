//! Volumes: what is written on the node for a pod, and where each container sees it.
//!
//! Always: a pod's own files lie below `/var/lib/kubelet/pods/UID`; every container has `/etc/hosts`, `/etc/resolv.conf` and
//! `/etc/hostname` of its pod. Simulated: emptyDir, hostPath, configMap, secret, downwardAPI, projected.
//! Differs from Kubernetes: files stand in the volume themselves, without the link `..data`.
//! Source: kubernetes `pkg/volume`, `pkg/kubelet/kubelet_pods.go`.

use super::Kubelet;
use super::environment::{addresses, data_of, field};
use super::pod::Pod;
use super::sync::hostname;
use crate::api::Request;
use crate::client::path_of;
use crate::dns::resolv_conf::{PodDns, ResolvConf, for_pod};
use crate::object::{Kind, Value, json};
use linux::Sys;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// After so long the contents of ConfigMaps and Secrets are read anew (`syncFrequency`).
const RENEWAL: Duration = Duration::from_secs(60);
/// Folders inside one another that are removed with a pod.
const DEEPEST: usize = 16;

/// The node's path of each volume.
pub type Places = BTreeMap<String, String>;

/// Where the files of a pod lie on its node.
pub fn home(uid: &str) -> String {
    format!("/var/lib/kubelet/pods/{uid}")
}

/// `mkdir -p`
pub(super) async fn make_folder(sys: &Sys, path: &str) {
    let mut at = String::new();
    for name in path.split('/').filter(|it| !it.is_empty()) {
        at = format!("{at}/{name}");
        // What is there already is as good.
        sys.mkdir(&at, 0o755).await.ok();
    }
}

/// Writes what is due; the place of each volume. The error is kubelet's message.
pub async fn write(kubelet: &Rc<Kubelet>, pod: &mut Pod) -> Result<Places, String> {
    let now = kubelet.sys.now().await;
    let is_due = pod.mounted.is_none_or(|at| now >= at + RENEWAL);
    let mut places = Places::new();
    let mut changes = false;
    for volume in pod.spec().get("volumes").items().to_vec() {
        let name = volume.str("name").to_owned();
        if let Value::Map(_) = volume.get("hostPath") {
            let path = volume["hostPath"].str("path").to_owned();
            host_path(kubelet, &path, volume["hostPath"].str("type"))
                .await
                .map_err(|why| format!("MountVolume.SetUp failed for volume \"{name}\" : {why}"))?;
            places.insert(name, path);
            continue;
        }
        let (word, files) = match contents(kubelet, pod, &volume, is_due).await {
            Ok(found) => found,
            Err(why) => return Err(format!("MountVolume.SetUp failed for volume \"{name}\" : {why}")),
        };
        changes |= word != "empty-dir";
        let place = format!("{}/volumes/kubernetes.io~{word}/{name}", home(&pod.uid()));
        if pod.mounted.is_none() {
            make_folder(&kubelet.sys, &place).await;
        }
        for (path, bytes) in files {
            let file = format!("{place}/{path}");
            if let Some((folder, _)) = file.rsplit_once('/').filter(|_| path.contains('/')) {
                make_folder(&kubelet.sys, folder).await;
            }
            kubelet.sys.write_file(&file, &bytes).await.map_err(|errno| errno.to_string())?;
        }
        places.insert(name, place);
    }
    if pod.mounted.is_none() {
        own_files(kubelet, pod).await?;
    }
    if is_due {
        pod.mounted = Some(now);
    }
    if let Some(at) = pod.mounted.filter(|_| changes) {
        pod.look_at(at + RENEWAL);
    }
    Ok(places)
}

async fn host_path(kubelet: &Kubelet, path: &str, kind: &str) -> Result<(), String> {
    let found = kubelet.sys.stat(path).await.ok().map(|it| it.kind);
    match (kind, found) {
        ("DirectoryOrCreate" | "", None) => make_folder(&kubelet.sys, path).await,
        ("FileOrCreate", None) => {
            kubelet.sys.write_file(path, b"").await.map_err(|errno| errno.to_string())?
        }
        ("Directory", it) if it != Some(linux::FileKind::Directory) => {
            return Err(format!("hostPath type check failed: {path} is not a directory"));
        }
        ("File", it) if it != Some(linux::FileKind::File) => {
            return Err(format!("hostPath type check failed: {path} is not a file"));
        }
        _ => {}
    }
    Ok(())
}

type Files = Vec<(String, Vec<u8>)>;

/// The kind of a volume as its path names it, and what is to be written into it.
async fn contents(
    kubelet: &Rc<Kubelet>,
    pod: &Pod,
    volume: &Value,
    is_due: bool,
) -> Result<(&'static str, Files), String> {
    for (key, word) in [
        ("configMap", "configmap"),
        ("secret", "secret"),
        ("projected", "projected"),
        ("downwardAPI", "downward-api"),
    ] {
        let source = volume.get(key);
        if source.is_null() {
            continue;
        }
        if !is_due {
            return Ok((word, Files::new()));
        }
        let sources = source.get("sources").items();
        let mut files = Files::new();
        if key == "projected" {
            for source in sources {
                for (key, value) in source.fields() {
                    files.extend(source_of(kubelet, pod, key, value).await?);
                }
            }
        } else {
            files = source_of(kubelet, pod, key, source).await?;
        }
        return Ok((word, files));
    }
    match volume.fields().map(|(key, _)| &**key).find(|key| *key != "name") {
        Some("emptyDir") | None => Ok(("empty-dir", Files::new())),
        Some(other) => {
            Err(format!("{other}: not simulated in vethlab; use emptyDir, hostPath, configMap or secret"))
        }
    }
}

async fn source_of(kubelet: &Rc<Kubelet>, pod: &Pod, key: &str, source: &Value) -> Result<Files, String> {
    let kind = match key {
        "configMap" => Kind::ConfigMap,
        "secret" => Kind::Secret,
        "serviceAccountToken" => {
            let account = pod.spec().str("serviceAccountName");
            let path = path_of(
                Kind::ServiceAccount,
                &pod.namespace(),
                if account.is_empty() { "default" } else { account },
            );
            let body = crate::object!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"audiences": [], "expirationSeconds": (source.get("expirationSeconds"))}
            });
            let request = Request::new("POST", format!("{path}/token"))
                .with_body("application/json", json::compact(&body));
            let answer = kubelet.client.send(request).await?;
            let status = json::parse(&answer.body)?;
            if !answer.is_success() {
                return Err(format!("failed to fetch token: {}", status.str("message")));
            }
            let token = status.at(&["status", "token"]).as_str().as_bytes().to_vec();
            return Ok(vec![(source.str("path").to_owned(), token)]);
        }
        "downwardAPI" => {
            let mut files = Files::new();
            for item in source.get("items").items() {
                let value = field(kubelet, pod, item.at(&["fieldRef", "fieldPath"]).as_str())
                    .await
                    .unwrap_or_default();
                files.push((item.str("path").to_owned(), value.into_bytes()));
            }
            return Ok(files);
        }
        other => return Err(format!("{other}: not simulated in vethlab")),
    };
    let name = [source.str("name"), source.str("secretName")].concat();
    let data = data_of(kubelet, &pod.namespace(), kind, &name, source.is_true("optional")).await?;
    let data = data.unwrap_or_default();
    if source.get("items").is_empty() {
        return Ok(data.into_iter().collect());
    }
    let mut files = Files::new();
    for item in source.get("items").items() {
        match data.get(item.str("key")) {
            Some(bytes) => files.push((item.str("path").to_owned(), bytes.clone())),
            None if source.is_true("optional") => {}
            None => {
                return Err(format!(
                    "references non-existent {} key: {}",
                    if kind == Kind::Secret { "secret" } else { "config" },
                    item.str("key")
                ));
            }
        }
    }
    Ok(files)
}

/// `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname` of the pod.
async fn own_files(kubelet: &Rc<Kubelet>, pod: &Pod) -> Result<(), String> {
    let home = home(&pod.uid());
    make_folder(&kubelet.sys, &home).await;
    let name = hostname(pod);
    let hosts = if pod.on_host_network() {
        let own = kubelet.sys.read_file("/etc/hosts").await.unwrap_or_default();
        format!("# Kubernetes-managed hosts file (host network).\n{}", String::from_utf8_lossy(&own))
    } else {
        let mut text = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
             fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
            .to_owned();
        let subdomain = pod.spec().str("subdomain");
        let full = if subdomain.is_empty() {
            name.clone()
        } else {
            format!("{name}.{subdomain}.{}.svc.{}\t{name}", pod.namespace(), kubelet.dns.cluster_domain)
        };
        for address in addresses(kubelet, pod).await {
            text += &format!("{address}\t{full}\n");
        }
        text
    };
    let mut hosts = hosts;
    let aliases = pod.spec().get("hostAliases").items();
    if !aliases.is_empty() {
        hosts += "\n# Entries added by HostAliases.\n";
        for alias in aliases {
            let names: Vec<&str> = alias.get("hostnames").items().iter().map(Value::as_str).collect();
            hosts += &format!("{}\t{}\n", alias.str("ip"), names.join("\t"));
        }
    }
    let (conf, warnings) = for_pod(&pod_dns(pod), &kubelet.dns)?;
    for warning in warnings {
        kubelet.event(pod, "Warning", warning.reason, &warning.message, "");
    }
    for (file, text) in
        [("etc-hosts", hosts), ("resolv.conf", conf.text()), ("hostname", format!("{name}\n"))]
    {
        kubelet
            .sys
            .write_file(&format!("{home}/{file}"), text.as_bytes())
            .await
            .map_err(|errno| errno.to_string())?;
    }
    Ok(())
}

fn pod_dns(pod: &Pod) -> PodDns {
    let words = |value: &Value| value.items().iter().map(|it| it.as_str().to_owned()).collect::<Vec<_>>();
    let config = match pod.spec().get("dnsConfig") {
        Value::Null => None,
        config => Some(ResolvConf {
            servers: words(config.get("nameservers")),
            searches: words(config.get("searches")),
            options: config
                .get("options")
                .items()
                .iter()
                .map(|it| match it.str("value") {
                    "" => it.str("name").to_owned(),
                    value => format!("{}:{value}", it.str("name")),
                })
                .collect(),
        }),
    };
    PodDns {
        namespace: pod.namespace(),
        name: pod.name(),
        uid: pod.uid(),
        policy: pod.spec().str("dnsPolicy").to_owned(),
        host_network: pod.on_host_network(),
        config,
    }
}

/// The node's paths that a container sees, each with its path there.
pub async fn mounts(
    kubelet: &Rc<Kubelet>,
    pod: &Pod,
    spec: &Value,
    places: &Places,
) -> Result<Vec<(String, String)>, String> {
    let home = home(&pod.uid());
    let mut all: Vec<(String, String)> =
        [("etc-hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname")]
            .map(|(file, path)| (format!("{home}/{file}"), path.to_owned()))
            .into();
    for mount in spec.get("volumeMounts").items() {
        let name = mount.str("name");
        let Some(place) = places.get(name) else {
            return Err(format!(
                "cannot find volume \"{name}\" to mount into container \"{}\"",
                spec.str("name")
            ));
        };
        let source = match mount.str("subPath") {
            "" => place.clone(),
            part => format!("{place}/{part}"),
        };
        if !kubelet.sys.exists(&source).await {
            make_folder(&kubelet.sys, &source).await;
        }
        all.retain(|(_, path)| path != mount.str("mountPath"));
        all.push((source, mount.str("mountPath").to_owned()));
    }
    Ok(all)
}

/// Removes the files of a pod that is gone.
pub async fn remove(kubelet: &Kubelet, uid: &str) {
    let mut folders = vec![home(uid)];
    let mut at = 0;
    while at < folders.len() && at < 1 << DEEPEST {
        let folder = folders[at].clone();
        for entry in kubelet.sys.read_dir(&folder).await.unwrap_or_default() {
            let path = format!("{folder}/{}", entry.name);
            match entry.stat.kind {
                linux::FileKind::Directory => folders.push(path),
                // What cannot be removed stays, as it would on a node.
                _ => kubelet.sys.remove(&path).await.unwrap_or_default(),
            }
        }
        at += 1;
    }
    for folder in folders.into_iter().rev() {
        kubelet.sys.rmdir(&folder).await.ok();
    }
}
