//! A cluster boots, and its parts reach each other with packets.

use api::Lab;
use api::lab::ClusterSpec;
use kube::api::Request;
use kube::cluster::{Cluster, change};
use kube::object::{Kind, Value, yaml};
use linux::ExecOptions;
use std::time::Duration;
use world::World;

fn cluster() -> World {
    let lab = Lab {
        name: "cluster".to_owned(),
        cluster: Some(ClusterSpec { workers: 2, pool: None }),
        ..Lab::default()
    };
    let mut world = World::boot(&lab, 1);
    let faults: Vec<String> = world
        .take_events()
        .into_iter()
        .filter_map(|it| match it {
            api::event::Event::LabFault { words } => Some(words),
            _ => None,
        })
        .collect();
    assert!(
        faults.is_empty(),
        "{faults:?}\n{}",
        run(&mut world, "control-plane", "crictl ps -a; crictl pods; journalctl -u kubelet; ss -tlnp")
    );
    world
}

/// What a command prints on a machine: both streams.
fn run(world: &mut World, machine: &str, command: &str) -> String {
    let machine = world.machine(machine).expect("a machine of the lab");
    let system = world.system_mut();
    let id = system.exec(machine, command, ExecOptions::default());
    system.run_until_exit(id, Duration::from_secs(60));
    let (out, err) = system.take_output(id);
    String::from_utf8_lossy(&[out, err].concat()).into_owned()
}

fn wait(world: &mut World, seconds: u64) {
    let until = world.now() + seconds * 1_000_000_000;
    let mut budget = usize::MAX;
    world.advance(until, &mut budget);
}

/// Creates an object as the administrator.
fn create(world: &mut World, text: &str) {
    let master = world.control_plane().expect("a cluster");
    let object = yaml::parse(text).expect("it is YAML");
    let kind = Kind::of(object.str("apiVersion"), object.str("kind")).expect("a kind we have");
    let path = kube::client::path_of(kind, object["metadata"].str("namespace"), "");
    let request = Request::new("POST", path)
        .with_header("X-Remote-User", "kubernetes-admin")
        .with_header("X-Remote-Group", "system:masters")
        .with_body("application/json", kube::object::json::compact(&object));
    let answer =
        change(world.system_mut(), master, |cluster| cluster.api.handle(&request)).expect("a cluster");
    assert!(answer.is_success(), "{}", answer.body);
}

fn get(world: &mut World, kind: Kind, namespace: &str, name: &str) -> Value {
    let master = world.control_plane().expect("a cluster");
    let cluster = world.system_mut().attached::<Cluster>(master).expect("a cluster");
    cluster.api.store.get(kind, namespace, name).cloned().unwrap_or_default()
}

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
    let log = "curl -s http://172.18.0.2:6443/api/v1/namespaces/default/pods/web/log | grep -c kube-probe";
    assert_ne!(run(&mut world, "worker-2", log), "0\n");
}

const ECHO: &str = "
apiVersion: v1
kind: Pod
metadata: {name: echo, namespace: default}
spec:
  automountServiceAccountToken: false
  nodeName: worker-1
  containers:
  - {name: echo, image: 'registry.k8s.io/e2e-test-images/agnhost:2.53', args: [netexec]}
";

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

const WEBS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'registry.k8s.io/e2e-test-images/agnhost:2.53', args: [netexec]}
";

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
fn kubectl_on_a_node_shows_the_nodes() {
    let mut world = cluster();
    let told = run(&mut world, "control-plane", "kubectl get nodes");
    let rows: Vec<&str> = told.lines().filter(|line| line.contains(" Ready ")).collect();
    assert_eq!(rows.len(), 3, "{told}");
}
