//! https:// to the cluster's own servers: who they say they are, and who may ask what.

use super::*;

fn typed(world: &mut World, machine: &str, line: &str) -> String {
    run(world, machine, &format!("{{ {line}; }} 2>&1; echo \"[$?]\""))
}

#[test]
fn the_api_server_is_believed_by_the_authority_of_its_cluster_alone() {
    let mut world = cluster();
    let told = typed(&mut world, "worker-1", "curl -sS https://172.18.0.2:6443/version");
    assert!(
        told.starts_with(
            "curl: (60) SSL certificate problem: unable to get local issuer certificate\nMore details here:"
        ) && told.ends_with("visit the web page mentioned above.\n[60]\n"),
        "{told}"
    );
    let version = "/version | grep -o 'v1[0-9.]*'";
    let known = format!("curl -sS --cacert /etc/kubernetes/pki/ca.crt https://172.18.0.2:6443{version}");
    assert_eq!(typed(&mut world, "worker-1", &known), "v1.36.2\n[0]\n");
    let blind = format!("curl -sSk https://10.96.0.1{version}");
    assert_eq!(typed(&mut world, "worker-1", &blind), "v1.36.2\n[0]\n");
    // kubeadm's certificate names the node and its address, and not the loopback.
    let told = typed(
        &mut world,
        "control-plane",
        "curl -sS --cacert /etc/kubernetes/pki/ca.crt https://127.0.0.1:6443/version | head -n 1",
    );
    let said =
        "curl: (60) SSL: no alternative certificate subject name matches target host name '127.0.0.1'\n";
    assert!(told.starts_with(said), "{told}");
    let told = typed(&mut world, "worker-1", "curl -sS --cacert /none https://172.18.0.2:6443/version");
    assert_eq!(told, "curl: (77) error setting certificate file: /none\n[77]\n");
    // Another certificate vouches for itself.
    let told = typed(&mut world, "worker-1", "curl -sSk https://localhost:10250/healthz; echo");
    assert_eq!(told, "ok\n[0]\n");
}

#[test]
fn a_pod_asks_the_api_server_with_its_token_and_without_it_is_nobody() {
    let mut world = cluster();
    run(&mut world, "control-plane", "kubectl run client --image=nicolaka/netshoot -- sleep 1000");
    wait_ready(&mut world, "run=client");
    let ask = |world: &mut World, line: &str| {
        let home = "/var/run/secrets/kubernetes.io/serviceaccount";
        let script = format!("cd {home}; {line}");
        typed(world, "control-plane", &format!("kubectl exec client -- sh -c '{script}'"))
    };
    let told = ask(
        &mut world,
        "curl -s --cacert ca.crt -H \"Authorization: Bearer $(cat token)\" https://kubernetes.default.svc/api",
    );
    assert!(told.contains("\"APIVersions\"") && told.ends_with("[0]\n"), "{told}");
    let told = ask(&mut world, "curl -sk https://kubernetes.default.svc/api");
    assert!(told.contains("forbidden: User \\\"system:anonymous\\\" cannot get path \\\"/api\\\""), "{told}");
    let pods = "/api/v1/namespaces/default/pods";
    let told = ask(
        &mut world,
        &format!(
            "curl -s --cacert ca.crt -H \"Authorization: Bearer $(cat token)\" https://kubernetes{pods}"
        ),
    );
    assert!(
        told.contains("User \\\"system:serviceaccount:default:default\\\" cannot list resource \\\"pods\\\""),
        "{told}"
    );
}
