//! What the kubelet says in its log, which `journalctl -u kubelet` shows.
//!
//! Always: the words are the kubelet's; of a container's fault, and of the network's, what stays as it is is said once.
//! Differs from Kubernetes: a selection of its lines; a file's line is left out where it is not known.
//! Source: kubernetes 1.36 `pkg/kubelet`.

use super::Kubelet;
use super::pod::Pod;
use super::sync::NO_NETWORK;
use crate::api::Request;
use crate::client::path_of;
use crate::klog::quoted;
use crate::object::{Kind, Value};
use std::rc::Rc;

/// As often as a lease or a status is tried before the kubelet gives up for now.
const TRIES: usize = 5;
/// Why a container does not run, as far as it is a fault.
const FAULTS: [&str; 8] = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// The first lines.
pub async fn begin(kubelet: &Kubelet, manifests: &str) {
    let (version, none, path) = (quoted("v1.36.2"), quoted(""), quoted(manifests));
    let log = &kubelet.log;
    log.info("server.go", "Kubelet version", &[("kubeletVersion", &version)]).await;
    let go: [(&str, &dyn std::fmt::Display); 3] =
        [("GOGC", &none), ("GOMAXPROCS", &none), ("GOTRACEBACK", &none)];
    log.info("server.go", "Golang settings", &go).await;
    if !manifests.is_empty() {
        log.info("kubelet.go", "Adding static pod path", &[("path", &path)]).await;
    }
    log.info("server.go", "Started kubelet", &[]).await;
    log.info("kubelet.go", "Starting kubelet main sync loop", &[]).await;
}

pub async fn of_manifest(kubelet: &Kubelet, path: &str, why: &str) {
    let why = format!("{path}: couldn't parse as pod({why}), please check config file");
    let path = quoted(path);
    kubelet.log.error("file.go", "Could not process manifest file", &why, &[("path", &path)]).await;
}

/// That the pod as a whole cannot be brought forward.
pub async fn of_sync(kubelet: &Kubelet, pod: &mut Pod, why: &str) {
    if pod.complained == why {
        return;
    }
    why.clone_into(&mut pod.complained);
    let (name, uid) = (quoted(&format!("{}/{}", pod.namespace(), pod.name())), quoted(&pod.uid()));
    let pairs: [(&str, &dyn std::fmt::Display); 2] = [("pod", &name), ("podUID", &uid)];
    kubelet.log.error("pod_workers.go", "Error syncing pod, skipping", why, &pairs).await;
}

/// Its containers that do not start.
pub async fn of_pod(kubelet: &Kubelet, pod: &mut Pod) {
    let waiting = pod.waiting.iter().filter(|(_, (reason, _))| FAULTS.contains(&reason.as_str()));
    let each: Vec<String> = waiting
        .map(|(name, (reason, why))| {
            format!("failed to \"StartContainer\" for {name:?} with {reason}: {}", quoted(why))
        })
        .collect();
    match &each[..] {
        [] => pod.complained.clear(),
        [one] => of_sync(kubelet, pod, one).await,
        all => of_sync(kubelet, pod, &format!("[{}]", all.join(", "))).await,
    }
}

pub async fn of_sandbox(kubelet: &Kubelet, pod: &mut Pod, why: &str) {
    let why = format!("rpc error: code = Unknown desc = {why}");
    let full = format!("{}_{}({})", pod.name(), pod.namespace(), pod.uid());
    let inner = quoted(&format!("Failed to create sandbox for pod {}: {why}", quoted(&full)));
    let words = format!("failed to \"CreatePodSandbox\" for {full:?} with CreatePodSandboxError: {inner}");
    let name = quoted(&format!("{}/{}", pod.namespace(), pod.name()));
    let place = "kuberuntime_sandbox.go";
    kubelet.log.error(place, "Failed to create sandbox for pod", &why, &[("pod", &name)]).await;
    of_sync(kubelet, pod, &words).await;
}

pub async fn of_registration(kubelet: &Kubelet, why: &str) {
    let node = quoted(&kubelet.node);
    let words = "Unable to register node with API server";
    kubelet.log.error("kubelet_node_status.go", words, why, &[("node", &node)]).await;
}

/// The lease cannot be renewed, or made; then the node's status cannot be told either.
pub async fn of_lease(kubelet: &Rc<Kubelet>, lease: &Value, why: &str) {
    let log = &kubelet.log;
    if lease.is_null() {
        let interval = quoted("7s");
        let words = "Failed to ensure lease exists, will retry";
        log.error("controller.go", words, why, &[("interval", &interval)]).await;
    } else {
        for _ in 0..TRIES {
            log.error("controller.go", "Failed to update lease", why, &[]).await;
        }
        let words = "Failed to update lease using latest lease, fallback to ensure lease";
        let gave_up = quoted("failed 5 attempts to update lease");
        log.info("controller.go", words, &[("err", &gave_up)]).await;
    }
    let request = Request::new("GET", path_of(Kind::Node, "", &kubelet.node));
    let request = request.with_query("resourceVersion", "0").with_query("timeout", "10s");
    if let Err(why) = kubelet.client.send(request).await {
        let why = format!("error getting node {:?}: {why}", kubelet.node);
        let place = "kubelet_node_status.go";
        for _ in 0..TRIES {
            log.error(place, "Error updating node status, will retry", &why, &[]).await;
        }
        log.error(place, "Unable to update node status", "update node status exceeds retry count", &[]).await;
    }
}

/// The network is not there yet, or no longer.
pub async fn of_network(kubelet: &Kubelet, conditions: &Value) {
    if conditions.items().iter().any(|it| it.str("message") == NO_NETWORK) {
        let state = NO_NETWORK.split_once(": ").map_or(NO_NETWORK, |(_, state)| state);
        let state = quoted(state);
        let words = "Container runtime network not ready";
        kubelet.log.say('E', "kubelet.go", &format!("{} networkReady={state}", quoted(words))).await;
    }
}
