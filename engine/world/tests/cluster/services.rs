//! Services: from object to rules, and what stays of those where kube-proxy does not run.

use super::*;

#[test]
fn a_service_is_rules_that_lead_to_the_pods_of_a_deployment() {
    let mut world = cluster();
    create(&mut world, WEBS);
    let service = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  clusterIP: 10.96.7.7
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
";
    create(&mut world, service);
    wait(&mut world, 10);
    let told = run(&mut world, "worker-2", "curl -sS -m 3 http://10.96.7.7/hostname");
    assert!(told.starts_with("web-"), "{told}");
    let inside =
        "crictl exec $(crictl ps -q --name web) sh -c 'cat /etc/resolv.conf; wget -qO- http://web/hostname'";
    let told = run(&mut world, "worker-1", inside);
    assert!(told.contains("nameserver 10.96.0.10") && told.contains("web-"), "{told}");
}

#[test]
fn where_kube_proxy_does_not_run_the_old_rules_stay() {
    let mut world = cluster();
    create(&mut world, WEBS);
    run(&mut world, "control-plane", "kubectl expose deployment web --port=80 --target-port=8080");
    wait_ready(&mut world, "app=web");
    wait(&mut world, 3);
    let rules = "iptables-save -t nat | grep -c default/web";
    let before = ["worker-1", "worker-2"].map(|name| run(&mut world, name, rules));
    assert_ne!(before[0], "0\n");
    assert_eq!(before[0], before[1]);
    let without = "kubectl label node control-plane worker-1 proxied=yes && kubectl -n kube-system patch ds kube-proxy -p \
                   '{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"proxied\":\"yes\"}}}}}'";
    run(&mut world, "control-plane", without);
    wait(&mut world, 40);
    assert_eq!(run(&mut world, "worker-2", "pgrep -c kube-proxy"), "0\n");
    assert_eq!(run(&mut world, "worker-1", "pgrep -c kube-proxy"), "1\n");
    run(&mut world, "control-plane", "kubectl delete service web");
    wait(&mut world, 5);
    assert_eq!(run(&mut world, "worker-1", rules), "0\n");
    assert_eq!(run(&mut world, "worker-2", rules), before[1]);
}
