//! A cluster as `kubeadm init` and `kubeadm join` leave it: files on the nodes, objects in the store, two units started.
//!
//! Called by `world` once the nodes have their addresses. Always: what stands here is what a person would find on such a
//! node; all that runs is started by containerd, by the kubelet from its manifests, or by the controllers from objects.
//! Differs from kubeadm: no certificates; a network of pods is there: flannel, or the bridge plugin with a subnet a node
//! and a route from node to node.
//! Source: kubernetes 1.36 `cmd/kubeadm/app/phases`.

mod manifest;

use crate::api::Request;
use crate::client::path_of;
use crate::cluster::{self, Cluster};
use crate::component::page::AUTHORITY;
use crate::object::{Kind, Value, yaml};
use crate::{COMMANDS, IMAGES};
use api::MachineId;
use api::lab::PodNetwork;
use container::runtime::Runtime;
use ipnet::Ipv4Net;
use linux::System;
use std::net::Ipv4Addr;

/// A machine that becomes a node.
#[derive(Clone, Debug)]
pub struct Node {
    pub machine: MachineId,
    pub name: String,
    pub address: Ipv4Addr,
    pub is_control_plane: bool,
}

/// `--service-cluster-ip-range`
const SERVICES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12);

/// Images that are on every node from the beginning.
const PULLED: &[&str] = &["registry.k8s.io/kube-proxy:v1.36.2", "registry.k8s.io/pause:3.10.1"];
/// And on the control plane's.
const PULLED_THERE: &[&str] = &[
    "registry.k8s.io/coredns/coredns:v1.14.2",
    "registry.k8s.io/etcd:3.6.8-0",
    "registry.k8s.io/kube-apiserver:v1.36.2",
    "registry.k8s.io/kube-controller-manager:v1.36.2",
    "registry.k8s.io/kube-scheduler:v1.36.2",
];

/// Makes these machines a cluster; the first control-plane node holds the store.
pub fn boot(system: &mut System, seed: u64, nodes: &[Node], network: PodNetwork) {
    system.add_commands(container::COMMANDS);
    system.add_commands(container::cni::COMMANDS);
    system.add_commands(COMMANDS);
    let Some(master) = nodes.iter().find(|it| it.is_control_plane) else { return };
    let now = cluster::now(system);
    system.attach(master.machine, Cluster::new(seed, now));
    load(system, master, network);
    for (at, node) in nodes.iter().enumerate() {
        system.attach(node.machine, Runtime::new(vec![container::image::IMAGES, IMAGES]));
        let pulled = PULLED.iter().chain(PULLED_THERE.iter().filter(|_| node.is_control_plane));
        if let Some(runtime) = Runtime::of_mut(system, node.machine) {
            // What is not among this world's images is pulled by nobody.
            pulled.for_each(|name| drop(runtime.pull(name)));
        }
        files(system, node, master, nodes);
        if network == PodNetwork::Bridge {
            let files = &mut system.host_mut(node.machine).files;
            files.put_file("/etc/cni/net.d/10-bridge.conflist", manifest::conflist(at).as_bytes(), 0o644);
        }
        container::unit::start(system, node.machine, "containerd");
        container::unit::start(system, node.machine, "kubelet");
    }
}

/// The files of one node.
fn files(system: &mut System, node: &Node, master: &Node, nodes: &[Node]) {
    // flannel brings its own plugin.
    let is_tool = |it: &&&'static linux::Command| {
        let path = it.path;
        path.starts_with("/usr/bin/") || path.starts_with("/opt/cni/bin/") && !path.ends_with("/flannel")
    };
    let tools: Vec<&linux::Command> = container::COMMANDS
        .iter()
        .chain(container::cni::COMMANDS)
        .chain(COMMANDS)
        .filter(is_tool)
        .copied()
        .collect();
    system.install_commands(node.machine, &tools);
    let files = &mut system.host_mut(node.machine).files;
    files.put_directory("/etc/kubernetes/manifests", 0o755);
    let mut put = |path: &str, text: String| files.put_file(path, text.as_bytes(), 0o644);
    let server = format!("https://{}:6443", master.address);
    put("/etc/kubernetes/pki/ca.crt", AUTHORITY.to_owned());
    put("/var/lib/kubelet/config.yaml", manifest::kubelet_config());
    put("/etc/kubernetes/kubelet.conf", manifest::kubeconfig(&server, &format!("system:node:{}", node.name)));
    put("/var/lib/kubelet/instance-config.yaml", manifest::instance(node.is_control_plane));
    let mut hosts = format!(
        "127.0.0.1\tlocalhost\n127.0.1.1\t{}\n::1\tlocalhost ip6-localhost ip6-loopback\n",
        node.name
    );
    for other in nodes.iter().filter(|it| it.name != node.name) {
        hosts += &format!("{}\t{}\n", other.address, other.name);
    }
    put("/etc/hosts", hosts);
    put("/root/.bashrc", include_str!("bashrc").to_owned());
    put("/root/.kube/config", manifest::kubeconfig(&server, "kubernetes-admin"));
    if node.is_control_plane {
        put("/etc/kubernetes/admin.conf", manifest::kubeconfig(&server, "kubernetes-admin"));
        for (name, text) in manifest::static_pods(&node.name, &node.address.to_string()) {
            put(&format!("/etc/kubernetes/manifests/{name}.yaml"), text);
        }
    }
}

/// The objects that are there before anything runs: the API server's own, and those of the requests that kubeadm makes.
fn load(system: &mut System, master: &Node, network: PodNetwork) {
    cluster::change(system, master.machine, |it| it.api.bootstrap(master.address, 6443, SERVICES));
    let address = master.address.to_string();
    let has = |name: &str| system.command(name).is_some();
    let parts = [
        (true, manifest::objects(&address)),
        (has("kube-proxy"), manifest::kube_proxy(&address)),
        (has("coredns"), manifest::coredns()),
        (network == PodNetwork::Flannel, include_str!("flannel.yaml").to_owned()),
    ];
    let texts: Vec<String> =
        parts.into_iter().filter(|(is_there, _)| *is_there).map(|(_, text)| text).collect();
    let texts = texts.iter().flat_map(|text| text.split("\n---\n").map(str::to_owned)).collect::<Vec<_>>();
    for text in texts {
        let Ok(object) = yaml::parse(&text) else { continue };
        create(system, master.machine, &object);
    }
}

fn create(system: &mut System, machine: MachineId, object: &Value) {
    let Some(kind) = Kind::of(object.str("apiVersion"), object.str("kind")) else { return };
    let path = path_of(kind, object["metadata"].str("namespace"), "");
    let request = Request::new("POST", path)
        .with_header("X-Remote-User", "kubernetes-admin")
        .with_header("X-Remote-Group", "system:masters")
        .with_body("application/json", crate::object::json::compact(object));
    let answer = cluster::handle(system, machine, &request);
    debug_assert!(answer.is_success() || answer.code == 409, "{}", answer.body);
}

/// Are all nodes Ready, and all pods of the cluster's own parts running?
pub fn is_settled(system: &System, machine: MachineId, nodes: usize) -> bool {
    let Some(cluster) = system.attached::<Cluster>(machine) else { return true };
    let is = |object: &Value, kind: &str| {
        let conditions = object.at(&["status", "conditions"]).items();
        conditions.iter().any(|it| it.str("type") == kind && it.str("status") == "True")
    };
    let store = &cluster.api.store;
    let ready = store.list(Kind::Node, None).filter(|it| is(it, "Ready")).count();
    let namespaces = ["kube-system", "kube-flannel"];
    let mut pods = namespaces.iter().flat_map(|it| store.list(Kind::Pod, Some(it))).peekable();
    ready == nodes && pods.peek().is_some() && pods.all(|it| is(it, "Ready"))
}
