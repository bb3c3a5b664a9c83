//! The Node object: registering it, its status, and the lease that says the kubelet lives.
//!
//! Always: the lease is renewed every ten seconds; the status is written when it changes.
//! Differs from Kubernetes: capacity is a fixed machine's; the status is not repeated every five minutes.
//! Source: kubernetes `pkg/kubelet/kubelet_node_status.go`, `pkg/kubelet/nodestatus/setters.go`, component-helpers `lease`.

use super::Kubelet;
use super::complaint;
use super::sync::NO_NETWORK;
use crate::api::Request;
use crate::client::path_of;
use crate::klog::quoted;
use crate::object;
use crate::object::{Kind, Value, json, yaml};
use container::network;
use container::runtime::{CHANGED, Runtime};
use linux::{Sys, WaitOn};
use net::rtnetlink::Family;
use std::rc::Rc;
use std::time::Duration;

/// `leaseDurationSeconds` divided by four.
const RENEWAL: Duration = Duration::from_secs(10);
/// `fileCheckFrequency`: how often the folder of manifests is read.
pub const MANIFESTS: Duration = Duration::from_secs(20);
/// Between attempts to register.
const PATIENCE: Duration = Duration::from_millis(400);

/// The node's own address: the first that is not of the loopback, by the default route's device where there is one.
pub async fn address(sys: &Sys) -> String {
    let all = sys.net(|net, netns| net.addresses(netns, Family::Inet)).await;
    let outer = all.into_iter().find(|it| it.device == "eth0").map(|it| it.local.to_string());
    outer.unwrap_or_else(|| "127.0.0.1".to_owned())
}

/// Registers the node, and keeps its status and lease.
pub async fn register(kubelet: Rc<Kubelet>) {
    let mut patience = PATIENCE;
    let mut conditions = conditions(&kubelet, object::NULL).await;
    let name = quoted(&kubelet.node);
    let node_log = "kubelet_node_status.go";
    complaint::of_network(&kubelet, &conditions).await;
    kubelet.log.info(node_log, "Attempting to register node", &[("node", &name)]).await;
    loop {
        let node = node(&kubelet, &conditions).await;
        match kubelet.client.create(Kind::Node, "", &node).await {
            Ok(_) => break,
            Err(why) if why.ends_with("already exists") => {
                let patch = object!({"status": (node.get("status"))});
                if kubelet.client.patch(Kind::Node, "", &kubelet.node, "status", &patch).await.is_ok() {
                    break;
                }
            }
            Err(why) => complaint::of_registration(&kubelet, &why).await,
        }
        kubelet.sys.sleep(patience).await;
        patience = (patience * 2).min(Duration::from_secs(7));
    }
    kubelet.log.info(node_log, "Successfully registered node", &[("node", &name)]).await;
    let about = object!({"kind": "Node", "name": (&kubelet.node), "uid": (&kubelet.node)});
    kubelet.say(about.clone(), "Normal", "Starting", "Starting kubelet.");
    let (mut lease, mut was_away) = (Value::Null, false);
    loop {
        lease = match renew(&kubelet, &lease).await {
            Ok(lease) => {
                // Meanwhile the node may have been given up.
                if std::mem::take(&mut was_away)
                    && let Ok(node) = kubelet.client.get(Kind::Node, "", &kubelet.node).await
                {
                    conditions = node.at(&["status", "conditions"]).clone();
                }
                lease
            }
            Err(why) => {
                was_away = true;
                complaint::of_lease(&kubelet, &lease, &why).await;
                Value::Null
            }
        };
        let now = self::conditions(&kubelet, &conditions).await;
        if now != conditions {
            complaint::of_network(&kubelet, &now).await;
            let was_ready = is_ready(&conditions);
            let patch = object!({"status": {"conditions": (now.clone())}});
            if kubelet.client.patch(Kind::Node, "", &kubelet.node, "status", &patch).await.is_ok() {
                conditions = now;
                match (was_ready, is_ready(&conditions)) {
                    (false, true) => {
                        let words = format!("Node {} status is now: NodeReady", kubelet.node);
                        kubelet.say(about.clone(), "Normal", "NodeReady", &words);
                    }
                    (true, false) => {
                        let words = format!("Node {} status is now: NodeNotReady", kubelet.node);
                        kubelet.say(about.clone(), "Normal", "NodeNotReady", &words);
                    }
                    _ => {}
                }
            }
        }
        // Until the network is there it is looked at more often, as the runtime watches the folder of configurations.
        let pause = if is_ready(&conditions) { RENEWAL } else { Duration::from_secs(1) };
        let deadline = kubelet.sys.now().await + pause;
        kubelet.sys.wait(&[WaitOn::Notice(kubelet.machine, CHANGED)], Some(deadline)).await;
    }
}

fn is_ready(conditions: &Value) -> bool {
    conditions.items().iter().any(|it| it.str("type") == "Ready" && it.str("status") == "True")
}

/// The four conditions; one that stays as it was keeps its times.
async fn conditions(kubelet: &Rc<Kubelet>, before: &Value) -> Value {
    let machine = kubelet.machine;
    let (now, runs) = kubelet
        .sys
        .ask(move |system, _| (crate::cluster::now(system).rfc3339(), Runtime::is_running(system, machine)))
        .await;
    let has_network = network::configuration(&kubelet.sys).await.is_some();
    let not_ready = match (runs, has_network) {
        (false, _) => Some("container runtime is down".to_owned()),
        (true, false) => Some(NO_NETWORK.to_owned()),
        _ => None,
    };
    let rows = [
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available".to_owned(),
        ),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure".to_owned()),
        (
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available".to_owned(),
        ),
        match not_ready {
            None => ("Ready", "True", "KubeletReady", "kubelet is posting ready status".to_owned()),
            Some(why) => ("Ready", "False", "KubeletNotReady", why),
        },
    ];
    let condition = |(kind, status, reason, message): (&str, &str, &str, String)| {
        let same = before.items().iter().find(|it| it.str("type") == kind);
        if let Some(same) = same.filter(|it| it.str("status") == status && it.str("message") == message) {
            return same.clone();
        }
        let since = same
            .filter(|it| it.str("status") == status)
            .map_or(now.as_str(), |it| it.str("lastTransitionTime"));
        object!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": (&now), "lastTransitionTime": since
        })
    };
    Value::list(rows.into_iter().map(condition).collect())
}

async fn node(kubelet: &Rc<Kubelet>, conditions: &Value) -> Value {
    let name = &kubelet.node;
    let resources = object!({
        "cpu": "4", "ephemeral-storage": "61202244Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": "8148128Ki",
        "pods": "110"
    });
    let mut node = object!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"
            },
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
        },
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": (&kubelet.address)}, {"type": "Hostname", "address": name}],
            "capacity": (resources.clone()), "allocatable": resources, "conditions": conditions,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64", "bootID": "0f1e2d3c-4b5a-4968-8778-695a4b3c2d1e",
                "containerRuntimeVersion": "containerd://2.1.3", "kernelVersion": "6.18.0", "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.2", "machineID": "4a5b6c7d8e9f40218a7b6c5d4e3f2a1b", "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "4a5b6c7d-8e9f-4021-8a7b-6c5d4e3f2a1b"
            }
        }
    });
    // What kubeadm wrote for this node: labels and taints.
    let instance = kubelet.sys.read_file("/var/lib/kubelet/instance-config.yaml").await.unwrap_or_default();
    let instance = yaml::parse(&String::from_utf8_lossy(&instance)).unwrap_or_default();
    for (key, value) in instance.get("nodeLabels").fields() {
        node["metadata"]["labels"].set(key, value);
    }
    if !instance.get("registerWithTaints").is_empty() {
        node["spec"].set("taints", instance.get("registerWithTaints"));
    }
    node
}

/// Says that the kubelet lives, in the lease as it was read last or in a new one; the lease as it is then.
async fn renew(kubelet: &Rc<Kubelet>, lease: &Value) -> Result<Value, String> {
    const HOME: &str = "kube-node-lease";
    const TIMEOUT: &str = "10s";
    let time = kubelet.sys.realtime().await;
    let now = crate::object::Time(i64::try_from(time.as_secs()).unwrap_or(0)).rfc3339();
    let now = format!("{}.{:06}Z", now.trim_end_matches('Z'), time.subsec_micros());
    let spec = object!({"holderIdentity": (&kubelet.node), "leaseDurationSeconds": 40, "renewTime": now});
    if !lease.is_null() {
        let mut lease = lease.clone();
        lease.set("spec", spec);
        return kubelet.client.update(Kind::Lease, &lease, TIMEOUT).await;
    }
    let path = path_of(Kind::Lease, HOME, &kubelet.node);
    let answer = kubelet.client.send(Request::new("GET", path).with_query("timeout", TIMEOUT)).await?;
    if answer.is_success() {
        let mut lease = json::parse(&answer.body)?;
        lease.set("spec", spec);
        return kubelet.client.update(Kind::Lease, &lease, TIMEOUT).await;
    }
    let lease = object!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": (&kubelet.node), "namespace": HOME}, "spec": spec
    });
    kubelet.client.create(Kind::Lease, HOME, &lease).await
}
