//! What the cluster's parts say when something is wrong, and where.

use super::*;

#[test]
fn the_kubelet_says_in_its_log_why_a_pod_does_not_run() {
    let mut world = cluster();
    let first = run(&mut world, "worker-1", "journalctl -u kubelet -o cat | head -n 1");
    assert!(first.ends_with("\"Kubelet version\" kubeletVersion=\"v1.36.2\"\n"), "{first}");
    run(&mut world, "control-plane", "kubectl run broken --image=nginx:nope");
    wait(&mut world, 20);
    let told = run(&mut world, "worker-1", "journalctl -u kubelet")
        + &run(&mut world, "worker-2", "journalctl -u kubelet");
    assert!(
        told.contains("\"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"broken\\\" with ImagePullBackOff: \\\"Back-off pulling image"),
        "{told}"
    );
    run(&mut world, "worker-1", "echo 'kind: Pod: x' >/etc/kubernetes/manifests/wrong.yaml");
    wait(&mut world, 25);
    let told = run(&mut world, "worker-1", "journalctl -u kubelet | grep manifest");
    assert!(told.contains("\"Could not process manifest file\" err=\"/etc/kubernetes/manifests/wrong.yaml: couldn't parse as pod(yaml: "), "{told}");
}

#[test]
fn a_kubelet_whose_api_server_is_away_says_so_and_comes_back() {
    let mut world = cluster();
    run(&mut world, "control-plane", "mv /etc/kubernetes/manifests/kube-apiserver.yaml /root");
    wait(&mut world, 60);
    let told = run(&mut world, "worker-1", "journalctl -u kubelet");
    for said in [
        "\"Failed to update lease\" err=\"Put \\\"https://172.18.0.2:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/worker-1?timeout=10s\\\": dial tcp 172.18.0.2:6443: connect: connection refused\"",
        "\"Error updating node status, will retry\" err=\"error getting node \\\"worker-1\\\": Get \\\"https://172.18.0.2:6443/api/v1/nodes/worker-1?resourceVersion=0&timeout=10s\\\": dial tcp",
        "\"Failed to ensure lease exists, will retry\"",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    run(&mut world, "control-plane", "mv /root/kube-apiserver.yaml /etc/kubernetes/manifests");
    wait(&mut world, 60);
    let told = run(&mut world, "control-plane", "kubectl get nodes --no-headers | awk '{ print $2 }'");
    assert_eq!(told, "Ready\nReady\nReady\n");
}

#[test]
fn a_static_pod_that_cannot_start_has_its_mirror() {
    let mut world = cluster();
    let change = "sed -i 's|image: registry.k8s.io/kube-scheduler:v.*|image: registry.k8s.io/kube-scheduler:v9.nope|' /etc/kubernetes/manifests/kube-scheduler.yaml";
    run(&mut world, "control-plane", change);
    wait(&mut world, 60);
    let told = run(
        &mut world,
        "control-plane",
        "kubectl get pod -n kube-system kube-scheduler-control-plane --no-headers | awk '{ print $2, $3 }'",
    );
    assert_eq!(told, "0/1 ImagePullBackOff\n");
}

#[test]
fn kube_proxy_says_which_server_does_not_answer() {
    let mut world = cluster();
    let moved = "kubectl get cm kube-proxy -n kube-system -o yaml | sed 's/172.18.0.2:6443/172.18.0.99:6443/' | kubectl apply -f - 2>&1; \
        kubectl delete pod -n kube-system -l k8s-app=kube-proxy --wait=false";
    run(&mut world, "control-plane", moved);
    wait(&mut world, 60);
    let told =
        run(&mut world, "control-plane", "kubectl logs -n kube-system -l k8s-app=kube-proxy --tail=-1");
    let said = "\"Failed to watch\" err=\"failed to list *v1.Service: Get \\\"https://172.18.0.99:6443/api/v1/services?\
        limit=500&resourceVersion=0\\\": dial tcp 172.18.0.99:6443: connect: no route to host\" logger=\"UnhandledError\" \
        reflector=\"k8s.io/client-go/informers/factory.go:160\" type=\"*v1.Service\"";
    assert!(told.contains(said), "{told}");
}

#[test]
fn the_journal_has_the_times_that_the_kubelet_notes() {
    let mut world = cluster();
    let told = run(&mut world, "worker-1", "journalctl -u kubelet | head -n 1");
    let (head, line) = told.split_once(": ").expect("a head and a line");
    let (time, place) = head.split_once(" worker-1 ").expect(head);
    assert!(place.starts_with("kubelet[") && place.ends_with(']'), "{told}");
    assert_eq!(time.len(), "Jan 05 09:00:00".len(), "{told}");
    assert!(line.starts_with("I0") && line.contains(&time[7..]), "{told}");
    let status = run(&mut world, "worker-1", "systemctl status kubelet | tail -n 1");
    assert!(status.contains(" worker-1 kubelet["), "{status}");
}

#[test]
fn etcdctl_says_that_it_is_not_simulated() {
    let mut world = cluster();
    let asked = "kubectl exec -n kube-system etcd-control-plane -- etcdctl endpoint health 2>&1";
    let told = run(&mut world, "control-plane", asked);
    assert!(told.starts_with("etcdctl: not simulated in vethlab; use kubectl"), "{told}");
    let health = run(&mut world, "control-plane", "curl -s http://127.0.0.1:2381/health");
    assert_eq!(health, "ok");
}
