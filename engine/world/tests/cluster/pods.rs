//! Pods: from object to processes, and what becomes of those.

use super::*;

const WEB: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec:
  automountServiceAccountToken: false
  nodeName: worker-1
  hostNetwork: true
  containers:
  - name: nginx
    image: nginx:1.27
    readinessProbe:
      httpGet: {path: /, port: 80}
      periodSeconds: 1
";

#[test]
fn a_pod_is_processes_of_its_node_that_answer_probes_and_log() {
    let mut world = cluster();
    create(&mut world, WEB);
    wait(&mut world, 5);
    let pod = get(&mut world, Kind::Pod, "default", "web");
    assert_eq!(
        pod["status"].str("phase"),
        "Running",
        "{}",
        run(&mut world, "worker-1", "crictl ps -a; crictl pods")
    );
    assert!(
        pod.at(&["status", "containerStatuses"]).items()[0].is_true("ready"),
        "{}",
        run(&mut world, "worker-1", "crictl logs $(crictl ps -aq --name nginx | head -n 1)")
    );
    let title = "curl -s http://172.18.0.3/ | grep -o '<title>.*</title>'";
    assert_eq!(run(&mut world, "worker-2", title), "<title>Welcome to nginx!</title>\n");
    assert_eq!(
        run(&mut world, "worker-1", "crictl exec $(crictl ps -q --name nginx) cat /proc/1/comm"),
        "nginx\n"
    );
    let log = "kubectl logs web | grep -c kube-probe";
    assert_ne!(run(&mut world, "worker-2", log), "0\n");
}

#[test]
fn a_pod_has_a_network_of_its_own_that_other_nodes_reach() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    let pod = get(&mut world, Kind::Pod, "default", "echo");
    assert_eq!(pod["status"].str("podIP"), "10.244.1.2", "{}", pod["status"]);
    assert_eq!(run(&mut world, "worker-2", "curl -s http://10.244.1.2:8080/hostname"), "echo");
    let inside =
        "crictl exec $(crictl ps -q --name echo) sh -c 'hostname; ip route; ps -o pid,comm | head -n 2'";
    let told = run(&mut world, "worker-1", inside);
    assert!(told.starts_with("echo\ndefault via 10.244.1.1 dev eth0"), "{told}");
}

#[test]
fn a_container_whose_process_is_killed_on_its_node_starts_anew() {
    let mut world = cluster();
    create(&mut world, ECHO);
    wait(&mut world, 5);
    assert_eq!(run(&mut world, "worker-1", "kill -KILL $(pgrep -f netexec)"), "");
    wait(&mut world, 3);
    let pod = get(&mut world, Kind::Pod, "default", "echo");
    let container = &pod.at(&["status", "containerStatuses"]).items()[0];
    assert_eq!(container.int("restartCount"), 1, "{}", pod["status"]);
    assert_eq!(container.at(&["lastState", "terminated"]).int("exitCode"), 137, "{}", pod["status"]);
    assert_eq!(run(&mut world, "worker-2", "curl -s http://10.244.1.2:8080/hostname"), "echo");
}

#[test]
fn what_does_not_heed_sigterm_is_killed_when_its_grace_is_over() {
    let mut world = cluster();
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: deaf, namespace: default}
spec:
  nodeName: worker-1
  terminationGracePeriodSeconds: 4
  containers:
  - {name: deaf, image: busybox, command: [sleep, '1000']}
";
    create(&mut world, pod);
    wait(&mut world, 10);
    let phase =
        |world: &mut World| get(world, Kind::Pod, "default", "deaf")["status"].str("phase").to_owned();
    assert_eq!(phase(&mut world), "Running");
    run(&mut world, "control-plane", "kubectl delete pod deaf --wait=false");
    wait(&mut world, 2);
    assert_eq!(phase(&mut world), "Running");
    wait(&mut world, 4);
    assert_eq!(phase(&mut world), "");
    assert_eq!(run(&mut world, "worker-1", "pgrep -fx 'sleep 1000'"), "");
}

#[test]
fn a_server_with_several_sockets_ends_at_sigterm_as_a_whole() {
    let mut world = cluster();
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: heeds, namespace: default}
spec:
  nodeName: worker-1
  containers:
  - {name: server, image: 'registry.k8s.io/e2e-test-images/agnhost:2.53', args: [netexec]}
";
    create(&mut world, pod);
    wait(&mut world, 10);
    assert_eq!(run(&mut world, "worker-1", "pgrep -fc netexec"), "1\n");
    run(&mut world, "control-plane", "kubectl delete pod heeds --wait=false");
    wait(&mut world, 2);
    assert_eq!(run(&mut world, "worker-1", "pgrep -fc netexec"), "0\n");
}

#[test]
fn a_deleted_pod_of_a_deployment_comes_back_by_another_name() {
    let mut world = cluster();
    create(&mut world, WEBS);
    wait(&mut world, 10);
    let names = |world: &mut World| {
        run(
            world,
            "control-plane",
            "kubectl get pods -l app=web --no-headers | awk '$2 == \"1/1\" { print $1 }'",
        )
    };
    let before = names(&mut world);
    assert_eq!(before.lines().count(), 2, "{before}");
    let gone = before.lines().next().expect("two lines");
    run(&mut world, "control-plane", &format!("kubectl delete pod {gone} --now"));
    wait(&mut world, 10);
    let after = names(&mut world);
    assert_eq!(after.lines().count(), 2, "{after}");
    assert!(!after.contains(gone), "{gone} is still among {after}");
}

const FURNISHED: &str = "
apiVersion: v1
kind: Pod
metadata: {name: furnished, namespace: default}
spec:
  nodeName: worker-1
  terminationGracePeriodSeconds: 1
  volumes:
  - {name: plain, configMap: {name: plain}}
  - {name: hidden, secret: {secretName: hidden, defaultMode: 0400}}
  - {name: shared, emptyDir: {}}
  initContainers:
  - name: first
    image: busybox
    command: [sh, -c, 'sleep 3; echo first >/shared/log']
    volumeMounts: [{name: shared, mountPath: /shared}]
  - name: second
    image: busybox
    command: [sh, -c, 'echo second >>/shared/log']
    volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
  - name: main
    image: busybox
    command: [sh, -c, 'touch /tmp/healthy; sleep 1000']
    volumeMounts:
    - {name: plain, mountPath: /etc/plain}
    - {name: hidden, mountPath: /etc/hidden}
    - {name: shared, mountPath: /shared}
    livenessProbe:
      exec: {command: [cat, /tmp/healthy]}
      periodSeconds: 1
      failureThreshold: 2
";

#[test]
fn volumes_and_init_containers_come_before_the_containers_and_liveness_restarts_them() {
    let mut world = cluster();
    let made = "kubectl create configmap plain --from-literal=color=blue; kubectl create secret generic hidden --from-literal=word=xyz";
    run(&mut world, "control-plane", made);
    create(&mut world, FURNISHED);
    wait(&mut world, 2);
    let status = "kubectl get pod furnished --no-headers | awk '{ print $2, $3 }'";
    assert_eq!(run(&mut world, "control-plane", status), "0/1 Init:0/2\n");
    wait(&mut world, 8);
    assert_eq!(run(&mut world, "control-plane", status), "1/1 Running\n");
    let inside = "kubectl exec furnished -- sh -c 'cat /etc/plain/color /etc/hidden/word; echo; cat /shared/log; rm /tmp/healthy' 2>&1";
    let told = run(&mut world, "control-plane", inside);
    assert_eq!(
        told,
        "Defaulted container \"main\" out of: main, first (init), second (init)\nbluexyz\nfirst\nsecond\n"
    );
    wait(&mut world, 8);
    let events = "kubectl get events --field-selector involvedObject.name=furnished -o custom-columns=R:.reason,M:.message --no-headers";
    let events = run(&mut world, "control-plane", events);
    let killing = "Killing   Container main failed liveness probe, will be restarted";
    let unhealthy = "Liveness probe failed: cat: /tmp/healthy: No such file or directory";
    assert!(events.contains(killing) && events.contains("Unhealthy"), "{events}");
    assert!(events.contains(unhealthy) || events.contains("cat: can't open '/tmp/healthy'"), "{events}");
    // It does not heed SIGTERM, so its grace of a second goes by first; the first restart comes without back-off.
    wait(&mut world, 3);
    let restarts = "kubectl get pod furnished -o jsonpath='{.status.containerStatuses[0].restartCount}'";
    assert_eq!(run(&mut world, "control-plane", restarts), "1");
}

#[test]
fn flannel_joins_the_nodes_by_vxlan() {
    let mut world = cluster_with(PodNetwork::Flannel);
    create(&mut world, ECHO);
    wait(&mut world, 5);
    assert_eq!(
        run(&mut world, "worker-1", "ls /etc/cni/net.d /opt/cni/bin/flannel"),
        "/opt/cni/bin/flannel\n\n/etc/cni/net.d:\n10-flannel.conflist\n"
    );
    let address = run(&mut world, "control-plane", "kubectl get pod echo -o jsonpath='{.status.podIP}'");
    assert!(address.starts_with("10.244."), "{address}");
    let route = run(&mut world, "worker-2", &format!("ip route get {address} | head -n 1"));
    assert!(route.contains(" dev flannel.1 "), "{route}");
    assert_eq!(run(&mut world, "worker-2", &format!("curl -s http://{address}:8080/hostname")), "echo");
    let mtu = run(&mut world, "control-plane", "kubectl exec echo -- cat /sys/class/net/eth0/mtu");
    assert_eq!(mtu, "1450\n");
}
