//! The texts that kubeadm writes: configurations, manifests of static pods, objects of kube-system.

/// `/var/lib/kubelet/config.yaml`
pub fn kubelet_config() -> String {
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\nclusterDNS:\n\
     - 10.96.0.10\nclusterDomain: cluster.local\ncontainerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n\
     healthzBindAddress: 127.0.0.1\nhealthzPort: 10248\nrotateCertificates: true\n\
     staticPodPath: /etc/kubernetes/manifests\n"
        .to_owned()
}

pub fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: DATA+OMITTED\n    server: {server}\n  \
         name: kubernetes\ncontexts:\n- context:\n    cluster: kubernetes\n    user: {user}\n  name: {user}@kubernetes\n\
         current-context: {user}@kubernetes\nkind: Config\npreferences: {{}}\nusers:\n- name: {user}\n  user:\n    \
         client-certificate-data: DATA+OMITTED\n    client-key-data: DATA+OMITTED\n"
    )
}

/// What the node is registered with.
pub fn instance(is_control_plane: bool) -> String {
    if !is_control_plane {
        return "{}\n".to_owned();
    }
    "nodeLabels:\n  node-role.kubernetes.io/control-plane: \"\"\n  \
     node.kubernetes.io/exclude-from-external-load-balancers: \"\"\n\
     registerWithTaints:\n- effect: NoSchedule\n  key: node-role.kubernetes.io/control-plane\n"
        .to_owned()
}

/// `/etc/cni/net.d/10-bridge.conflist` of the node of that number.
pub fn conflist(at: usize) -> String {
    format!(
        r#"{{
  "name": "cbr0",
  "cniVersion": "1.0.0",
  "plugins": [
    {{
      "type": "bridge",
      "bridge": "cni0",
      "isDefaultGateway": true,
      "hairpinMode": true,
      "ipam": {{
        "type": "host-local",
        "ranges": [[{{"subnet": "10.244.{at}.0/24"}}]]
      }}
    }},
    {{
      "type": "portmap",
      "capabilities": {{"portMappings": true}}
    }}
  ]
}}
"#
    )
}

fn static_pod(name: &str, image: &str, command: &[String], labels: &str) -> String {
    let words: String = command.iter().map(|it| format!("    - {it}\n")).collect();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n{labels}  labels:\n    component: {name}\n    tier: control-plane\n  \
         name: {name}\n  namespace: kube-system\nspec:\n  containers:\n  - command:\n{words}    image: {image}\n    \
         imagePullPolicy: IfNotPresent\n    name: {name}\n  hostNetwork: true\n  priority: 2000001000\n  \
         priorityClassName: system-node-critical\n  securityContext:\n    seccompProfile:\n      type: RuntimeDefault\n"
    )
}

/// Name and text of each manifest of the control plane.
pub fn static_pods(node: &str, address: &str) -> Vec<(&'static str, String)> {
    let words = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<String>>();
    let url = |port: u16| format!("https://127.0.0.1:{port},https://{address}:{port}");
    let mut etcd = words(&["etcd", "--data-dir=/var/lib/etcd"]);
    etcd.extend([
        format!("--advertise-client-urls=https://{address}:2379"),
        format!("--listen-client-urls={}", url(2379)),
        "--listen-metrics-urls=http://127.0.0.1:2381".to_owned(),
        format!("--listen-peer-urls=https://{address}:2380"),
        format!("--name={node}"),
    ]);
    let mut apiserver = words(&["kube-apiserver"]);
    apiserver.extend([format!("--advertise-address={address}")]);
    apiserver.extend(words(&[
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--etcd-servers=https://127.0.0.1:2379",
        "--secure-port=6443",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-cluster-ip-range=10.96.0.0/12",
    ]));
    let controllers = words(&[
        "kube-controller-manager",
        "--allocate-node-cidrs=true",
        "--bind-address=127.0.0.1",
        "--cluster-cidr=10.244.0.0/16",
        "--cluster-name=kubernetes",
        "--kubeconfig=/etc/kubernetes/controller-manager.conf",
        "--leader-elect=true",
        "--service-cluster-ip-range=10.96.0.0/12",
    ]);
    let scheduler = words(&[
        "kube-scheduler",
        "--bind-address=127.0.0.1",
        "--kubeconfig=/etc/kubernetes/scheduler.conf",
        "--leader-elect=true",
    ]);
    let endpoint = format!(
        "  annotations:\n    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: {address}:6443\n"
    );
    let image = |name: &str| format!("registry.k8s.io/{name}:v1.36.2");
    vec![
        ("etcd", static_pod("etcd", "registry.k8s.io/etcd:3.6.8-0", &etcd, "")),
        ("kube-apiserver", static_pod("kube-apiserver", &image("kube-apiserver"), &apiserver, &endpoint)),
        (
            "kube-controller-manager",
            static_pod("kube-controller-manager", &image("kube-controller-manager"), &controllers, ""),
        ),
        ("kube-scheduler", static_pod("kube-scheduler", &image("kube-scheduler"), &scheduler, "")),
    ]
}

/// kubeadm's ConfigMaps.
pub fn objects(address: &str) -> String {
    include_str!("objects.yaml").replace("ADDRESS", address)
}

pub fn kube_proxy(address: &str) -> String {
    include_str!("kube-proxy.yaml").replace("ADDRESS", address)
}

pub fn coredns() -> String {
    include_str!("coredns.yaml").to_owned()
}
