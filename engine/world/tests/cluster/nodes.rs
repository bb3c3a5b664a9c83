//! Nodes: what stands on them and runs there, and what a person does to them.

use super::*;

#[test]
fn all_nodes_become_ready_and_listen_where_real_ones_do() {
    let mut world = cluster();
    for name in ["control-plane", "worker-1", "worker-2"] {
        let node = get(&mut world, Kind::Node, "", name);
        let conditions = node.at(&["status", "conditions"]).items();
        let ready = conditions.iter().find(|it| it.str("type") == "Ready").expect("it is told of");
        assert_eq!((ready.str("status"), ready.str("reason")), ("True", "KubeletReady"));
        assert_eq!(run(&mut world, name, "systemctl is-active kubelet"), "active\n");
    }
    let ports = run(
        &mut world,
        "control-plane",
        "ss -Htln | awk '{ print $4 }' | sed 's/.*://' | sort -n | tr '\\n' ' '",
    );
    for port in ["2379", "2380", "2381", "6443", "10248", "10250", "10257", "10259"] {
        assert!(ports.split(' ').any(|it| it == port), "{port} is not among {ports}");
    }
    assert_eq!(
        run(&mut world, "worker-1", "curl -s http://172.18.0.2:6443/version | grep -o 'v1[0-9.]*'"),
        "v1.36.2\n"
    );
}

#[test]
fn kubectl_on_a_node_shows_the_nodes() {
    let mut world = cluster();
    let told = run(&mut world, "control-plane", "kubectl get nodes");
    let rows: Vec<&str> = told.lines().filter(|line| line.contains(" Ready ")).collect();
    assert_eq!(rows.len(), 3, "{told}");
}

#[test]
fn the_same_seed_gives_the_same_cluster() {
    let told = || {
        let mut world = cluster();
        create(&mut world, WEBS);
        wait(&mut world, 10);
        let objects = run(&mut world, "control-plane", "kubectl get all,endpointslices,events -A -o yaml");
        let worker = run(&mut world, "worker-1", "iptables-save; ip route; ip -s link; journalctl; ps -ef");
        assert!(objects.contains("name: web-") && worker.contains("KUBE-SERVICES"), "{objects}{worker}");
        objects + &worker
    };
    let (first, second) = (told(), told());
    let other = first.lines().zip(second.lines()).find(|(one, two)| one != two);
    assert!(first == second, "{other:?}");
}

#[test]
fn a_kubelet_that_restarts_leaves_its_pods_alone() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    let pids = "pgrep -x kubelet; pgrep -f netexec";
    let before = run(&mut world, "worker-1", pids);
    assert_eq!(run(&mut world, "worker-1", "systemctl restart kubelet"), "");
    wait(&mut world, 15);
    let after = run(&mut world, "worker-1", pids);
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    assert_ne!(old[0], new[0], "the kubelet is another process");
    assert_eq!(old[1..], new[1..], "the container is the same");
    assert_eq!(run(&mut world, "worker-1", "systemctl is-active kubelet"), "active\n");
    let restarts =
        "kubectl get pod echo -o jsonpath='{.status.containerStatuses[0].restartCount} {.status.phase}'";
    assert_eq!(run(&mut world, "control-plane", restarts), "0 Running");
}

#[test]
fn a_manifest_that_is_edited_restarts_its_component() {
    let mut world = cluster();
    let file = "/etc/kubernetes/manifests/kube-scheduler.yaml";
    let pid = "pgrep -x kube-scheduler";
    let before = run(&mut world, "control-plane", pid);
    run(&mut world, "control-plane", &format!("sed -i 's/--leader-elect=true/--leader-elect=false/' {file}"));
    wait(&mut world, 40);
    let after = run(&mut world, "control-plane", pid);
    assert!(!after.is_empty() && after != before, "{before}{after}");
    let words = "kubectl -n kube-system get pod kube-scheduler-control-plane -o yaml | grep leader-elect";
    assert_eq!(run(&mut world, "control-plane", words), "    - --leader-elect=false\n");
    run(&mut world, "control-plane", &format!("mv {file} /tmp"));
    wait(&mut world, 40);
    assert_eq!(run(&mut world, "control-plane", pid), "");
    let gone =
        run(&mut world, "control-plane", "kubectl -n kube-system get pod kube-scheduler-control-plane");
    assert_eq!(gone, "Error from server (NotFound): pods \"kube-scheduler-control-plane\" not found\n");
}

#[test]
fn k_is_kubectl_and_tab_knows_its_words() {
    let mut world = cluster();
    let mut terminal = Terminal::open(&mut world, "control-plane");
    assert!(terminal.typed(&mut world, "k get nodes --no-headers | wc -l\r").contains("\r\n3\r\n"));
    let shown = terminal.typed(&mut world, "k get nod\t\t work\t1\r");
    assert!(shown.contains("worker-1   Ready"), "{shown}");
    let shown = terminal.typed(&mut world, "kubectl -n kube-s\t get ds kube-p\t -o na\t\r");
    assert!(shown.contains("\r\ndaemonset.apps/kube-proxy\r\n"), "{shown}");
}

#[test]
fn who_may_what_is_said_by_roles_and_their_bindings() {
    let mut world = cluster();
    let mut said = |command: &str| run(&mut world, "control-plane", command);
    assert_eq!(
        said("kubectl auth can-i delete nodes"),
        "yes\nWarning: resource 'nodes' is not namespace scoped\n\n"
    );
    assert_eq!(said("kubectl auth can-i list pods --as=joe"), "no\n");
    said("kubectl create rolebinding joe --clusterrole=view --user=joe");
    assert_eq!(
        said("kubectl auth can-i list pods --as=joe; kubectl auth can-i list pods --as=joe -n kube-system"),
        "yes\nno\n"
    );
    assert_eq!(said("kubectl get pods --as=joe"), "No resources found in default namespace.\n");
    let refused = "Error from server (Forbidden): secrets is forbidden: User \"joe\" cannot list resource \"secrets\" in API group \"\" \
                   in the namespace \"default\"\n";
    assert_eq!(said("kubectl get secrets --as=joe"), refused);
    said(
        "kubectl create role logs --verb=get --resource=pods/log --resource-name=web; kubectl create sa teller",
    );
    said("kubectl create rolebinding teller --role=logs --serviceaccount=default:teller");
    let teller = "--as=system:serviceaccount:default:teller";
    assert_eq!(said(&format!("kubectl auth can-i get pods/web --subresource=log {teller}")), "yes\n");
    assert_eq!(said(&format!("kubectl auth can-i get pods/other --subresource=log {teller}")), "no\n");
}
