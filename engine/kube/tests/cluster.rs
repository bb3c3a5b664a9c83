//! Controllers and scheduler together, with kubelets played by a few lines: what a learner sees with kubectl.
//!
//! Always: after each act the world comes to rest, and looking again changes nothing.

use kube::api::{Api, Request};
use kube::controller::ControllerManager;
use kube::object;
use kube::object::{Kind, Time, Value, json, yaml};
use kube::scheduler::Scheduler;
use std::net::Ipv4Addr;

struct Cluster {
    api: Api,
    controllers: ControllerManager,
    scheduler: Scheduler,
    now: Time,
    /// Whether pods that are bound become ready.
    kubelets: bool,
    addresses: u32,
}

impl Cluster {
    fn new(workers: u32) -> Cluster {
        let now = Time::parse("2026-11-21T05:40:00Z").expect("a time");
        let mut api = Api::new(7, now);
        let services = "10.96.0.0/12".parse().expect("a network");
        api.bootstrap(Ipv4Addr::new(172, 18, 0, 2), 6443, services);
        let (controllers, scheduler) = (ControllerManager::new(), Scheduler::new());
        let mut cluster = Cluster { api, controllers, scheduler, now, kubelets: true, addresses: 0 };
        let taint = object!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        cluster.node("control-plane", taint);
        for number in 1..=workers {
            cluster.node(&format!("worker-{number}"), Value::Null);
        }
        cluster.rest();
        cluster
    }

    fn node(&mut self, name: &str, taints: Value) {
        let mut node = object!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
            "status": {
                "allocatable": {"cpu": "4", "memory": "8148128Ki", "pods": "1100"},
                "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": (self.now.rfc3339())}]
            }
        });
        if !taints.is_null() {
            node["spec"].set("taints", taints);
        }
        self.post("/api/v1/nodes", &node);
    }

    fn ask(&mut self, method: &'static str, path: &str, form: &str, body: &str) -> (u16, Value) {
        let request = Request::new(method, path)
            .with_header("X-Remote-User", "admin")
            .with_header("X-Remote-Group", "system:masters")
            .with_body(form, body);
        let response = self.api.handle(&request);
        (response.code, json::parse(&response.body).expect("JSON"))
    }

    fn post(&mut self, path: &str, object: &Value) {
        let (code, answer) = self.ask("POST", path, "application/json", &object.to_string());
        assert_eq!(code, 201, "{answer}");
    }

    /// `kubectl create -f`, in the namespace default.
    fn create(&mut self, text: &str) {
        let object = yaml::parse(text).expect("YAML");
        let kind = Kind::of(object.str("apiVersion"), object.str("kind")).expect("a kind of ours");
        let resource = kind.resource();
        let group =
            if resource.group.is_empty() { "api".to_owned() } else { format!("apis/{}", resource.group) };
        let path = format!("/{group}/{}/namespaces/default/{}", resource.version, resource.plural);
        self.post(&path, &object);
        self.rest();
    }

    fn patch(&mut self, path: &str, patch: &str) {
        let (code, answer) = self.ask("PATCH", path, "application/strategic-merge-patch+json", patch);
        assert_eq!(code, 200, "{answer}");
        self.rest();
    }

    fn delete(&mut self, path: &str) {
        let (code, answer) = self.ask("DELETE", path, "", "");
        assert_eq!(code, 200, "{answer}");
        self.rest();
    }

    /// Lets everything run until nothing changes any more.
    fn rest(&mut self) {
        for _ in 0..10_000 {
            let before = self.api.store.revision();
            self.controllers.step(&mut self.api);
            self.scheduler.step(&mut self.api);
            if self.kubelets {
                self.play_kubelets();
            }
            if self.api.store.revision() == before {
                return;
            }
        }
        panic!("the cluster does not come to rest");
    }

    fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now.0 += 1;
            self.api.set_now(self.now);
            self.rest();
        }
    }

    fn play_kubelets(&mut self) {
        let pods: Vec<Value> = self.api.store.list(Kind::Pod, None).cloned().collect();
        for pod in pods.iter().filter(|it| !it["spec"].str("nodeName").is_empty()) {
            if pod["metadata"].has("deletionTimestamp") {
                let metadata = pod.get("metadata");
                let path =
                    format!("/api/v1/namespaces/{}/pods/{}", metadata.str("namespace"), metadata.str("name"));
                self.ask("DELETE", &path, "application/json", r#"{"gracePeriodSeconds":0}"#);
            } else if pod["status"].str("phase") == "Pending" {
                self.addresses += 1;
                let address = format!("10.244.{}.{}", self.addresses / 250 + 1, self.addresses % 250 + 2);
                self.set_status(pod, &address, "True");
            }
        }
    }

    fn set_status(&mut self, pod: &Value, address: &str, ready: &str) {
        let mut pod = pod.clone();
        let now = self.now.rfc3339();
        pod["status"].set("phase", "Running");
        pod["status"].set("podIP", address);
        pod["status"].set("podIPs", object!([{"ip": address}]));
        pod["status"]
            .set("conditions", object!([{"type": "Ready", "status": ready, "lastTransitionTime": now}]));
        self.api.store.put(Kind::Pod, pod);
    }

    fn get(&self, kind: Kind, name: &str) -> Value {
        self.api.store.get(kind, "default", name).cloned().unwrap_or_default()
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        let all = self.api.store.list(kind, Some("default"));
        all.map(|it| it["metadata"].str("name").to_owned()).collect()
    }

    /// What was told of objects of a kind, in order, each once.
    fn told(&self, kind: &str) -> Vec<String> {
        let mut events: Vec<&Value> = self.api.store.list(Kind::Event, Some("default")).collect();
        events.retain(|it| it["involvedObject"].str("kind") == kind);
        let made = |it: &Value| it["metadata"].str("name").rsplit('.').next().unwrap_or_default().to_owned();
        events.sort_by_key(|it| made(it));
        let shown = |it: &&Value| format!("{} {} {}", it.str("type"), it.str("reason"), it.str("message"));
        events.iter().map(shown).collect()
    }
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: 'nginx:1.27', ports: [{name: http, containerPort: 80}]}
";
const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: web},
  spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}}";
const WEB_PATH: &str = "/apis/apps/v1/namespaces/default/deployments/web";

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object.at(&["status", "conditions"]).items();
    conditions.iter().find(|it| it.str("type") == kind).unwrap_or(object::NULL)
}

#[test]
fn a_deployment_becomes_pods_on_the_workers() {
    let mut cluster = Cluster::new(2);
    cluster.create(WEB);
    let web = cluster.get(Kind::Deployment, "web");
    let set = &cluster.names(Kind::ReplicaSet)[0];
    assert_eq!(web["status"].int("availableReplicas"), 3);
    assert_eq!(
        condition(&web, "Progressing").str("message"),
        format!("ReplicaSet \"{set}\" has successfully progressed.")
    );
    assert_eq!(condition(&web, "Available").str("message"), "Deployment has minimum availability.");
    assert_eq!(web.at(&["metadata", "annotations", "deployment.kubernetes.io/revision"]).as_str(), "1");
    assert_eq!(
        cluster.told("Deployment"),
        [format!("Normal ScalingReplicaSet Scaled up replica set {set} from 0 to 3")]
    );
    let pods: Vec<Value> = cluster.api.store.list(Kind::Pod, Some("default")).cloned().collect();
    assert!(pods.iter().all(|it| it["spec"].str("nodeName").starts_with("worker-")));
    let on_first = pods.iter().filter(|it| it["spec"].str("nodeName") == "worker-1").count();
    assert!((1..=2).contains(&on_first), "spread over both");
}

#[test]
fn a_new_image_rolls_within_its_bounds_and_can_be_undone() {
    let mut cluster = Cluster::new(2);
    cluster.create(WEB);
    cluster.wait(1);
    let first = cluster.names(Kind::ReplicaSet)[0].clone();
    let image = |tag: &str| {
        format!(
            r#"{{"spec":{{"template":{{"spec":{{"containers":[{{"name":"nginx","image":"nginx:{tag}"}}]}}}}}}}}"#
        )
    };
    cluster.kubelets = false;
    cluster.patch(WEB_PATH, &image("1.28"));
    // 25 % of 3: one too many, none missing. The new pod is not ready, so no old one goes.
    assert_eq!(cluster.names(Kind::Pod).len(), 4);
    assert_eq!(cluster.get(Kind::Deployment, "web")["status"].int("availableReplicas"), 3);
    cluster.kubelets = true;
    cluster.rest();
    assert_eq!(cluster.names(Kind::Pod).len(), 3);
    let second = cluster.names(Kind::ReplicaSet).into_iter().find(|it| *it != first).expect("a second set");
    let told = cluster.told("Deployment");
    assert_eq!(told[1], format!("Normal ScalingReplicaSet Scaled up replica set {second} from 0 to 1"));
    assert_eq!(told[2], format!("Normal ScalingReplicaSet Scaled down replica set {first} from 3 to 2"));
    assert_eq!(
        told.last().map(String::as_str),
        Some(&*format!("Normal ScalingReplicaSet Scaled down replica set {first} from 1 to 0"))
    );
    cluster.patch(WEB_PATH, &image("1.27"));
    let revision = |cluster: &Cluster, set: &str| {
        cluster
            .get(Kind::ReplicaSet, set)
            .at(&["metadata", "annotations", "deployment.kubernetes.io/revision"])
            .as_str()
            .to_owned()
    };
    assert_eq!((revision(&cluster, &first).as_str(), revision(&cluster, &second).as_str()), ("3", "2"));
    assert_eq!(cluster.get(Kind::ReplicaSet, &first)["status"].int("readyReplicas"), 3);
}

#[test]
fn a_rollout_that_stands_still_is_given_up_after_its_deadline() {
    let mut cluster = Cluster::new(1);
    cluster.kubelets = false;
    cluster.create(&WEB.replace("replicas: 3", "replicas: 1\n  progressDeadlineSeconds: 20"));
    cluster.wait(25);
    let web = cluster.get(Kind::Deployment, "web");
    let progressing = condition(&web, "Progressing");
    assert_eq!((progressing.str("status"), progressing.str("reason")), ("False", "ProgressDeadlineExceeded"));
    assert_eq!(condition(&web, "Available").str("message"), "Deployment does not have minimum availability.");
}

#[test]
fn what_a_deployment_owned_goes_with_it() {
    let mut cluster = Cluster::new(1);
    cluster.create(WEB);
    cluster.delete(WEB_PATH);
    assert_eq!(cluster.names(Kind::ReplicaSet).len() + cluster.names(Kind::Pod).len(), 0);
}

#[test]
fn a_pod_that_fits_nowhere_says_why() {
    let mut cluster = Cluster::new(2);
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: unsched}
spec:
  nodeSelector: {disk: ssd}
  containers: [{name: c, image: nginx}]
";
    cluster.create(pod);
    let words = "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node \
                 affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is \
                 not helpful for scheduling.";
    assert_eq!(condition(&cluster.get(Kind::Pod, "unsched"), "PodScheduled").str("message"), words);
    assert_eq!(cluster.told("Pod"), [format!("Warning FailedScheduling {words}")]);
    cluster.patch("/api/v1/nodes/worker-2", r#"{"metadata":{"labels":{"disk":"ssd"}}}"#);
    assert_eq!(cluster.get(Kind::Pod, "unsched")["spec"].str("nodeName"), "worker-2");
}

#[test]
fn a_service_knows_who_is_ready() {
    let mut cluster = Cluster::new(2);
    cluster.create(SERVICE);
    let name =
        cluster.names(Kind::EndpointSlice).into_iter().find(|it| it.starts_with("web-")).expect("a slice");
    assert!(cluster.get(Kind::EndpointSlice, &name).get("endpoints").is_empty());
    cluster.create(WEB);
    let slice = cluster.get(Kind::EndpointSlice, &name);
    assert_eq!((slice["endpoints"].len(), slice["ports"].items()[0].int("port")), (3, 80), "{slice}");
    let victim = slice["endpoints"].items()[1].at(&["targetRef", "name"]).as_str().to_owned();
    let pod = cluster.get(Kind::Pod, &victim);
    cluster.set_status(&pod, pod["status"].str("podIP"), "False");
    cluster.rest();
    let slice = cluster.get(Kind::EndpointSlice, &name);
    assert_eq!(
        slice["endpoints"].items()[1]["conditions"],
        object!({"ready": false, "serving": false, "terminating": false})
    );
    let endpoints = cluster.get(Kind::Endpoints, "web");
    let subset = &endpoints["subsets"].items()[0];
    assert_eq!((subset["addresses"].len(), subset["notReadyAddresses"].len()), (2, 1));
}

#[test]
fn a_daemonset_runs_once_on_each_node_it_bears() {
    let mut cluster = Cluster::new(2);
    cluster.create(
        "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: busybox}]}
",
    );
    let status = |cluster: &Cluster| cluster.get(Kind::DaemonSet, "agent")["status"].clone();
    assert_eq!((status(&cluster).int("desiredNumberScheduled"), status(&cluster).int("numberReady")), (2, 2));
    cluster.node("worker-3", Value::Null);
    cluster.rest();
    assert_eq!(status(&cluster).int("numberReady"), 3);
    let path = "/apis/apps/v1/namespaces/default/daemonsets/agent";
    cluster.patch(
        path,
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"busybox:1.36"}]}}}}"#,
    );
    assert_eq!(status(&cluster).int("updatedNumberScheduled"), 3);
}

#[test]
fn a_statefulset_counts_up_and_down() {
    let mut cluster = Cluster::new(2);
    cluster.create(
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: pg, image: 'postgres:16', ports: [{name: pg, containerPort: 5432}]}]}
",
    );
    assert_eq!(cluster.names(Kind::Pod), ["db-0", "db-1"]);
    assert_eq!(
        cluster.told("StatefulSet"),
        [
            "Normal SuccessfulCreate Create Pod db-0 in StatefulSet db successful",
            "Normal SuccessfulCreate Create Pod db-1 in StatefulSet db successful"
        ]
    );
    // The revision's name in a recorded cluster, for this very template.
    assert_eq!(cluster.get(Kind::StatefulSet, "db")["status"].str("currentRevision"), "db-5459f895bc");
    let path = "/apis/apps/v1/namespaces/default/statefulsets/db";
    cluster.patch(path, r#"{"spec":{"replicas":1}}"#);
    assert_eq!(cluster.names(Kind::Pod), ["db-0"]);
}

#[test]
fn a_job_ends_when_enough_pods_have() {
    let mut cluster = Cluster::new(1);
    cluster.create(
        "
apiVersion: batch/v1
kind: Job
metadata: {name: sum}
spec:
  completions: 2
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}
",
    );
    for round in 0..2 {
        let name = cluster
            .names(Kind::Pod)
            .into_iter()
            .find(|it| cluster.get(Kind::Pod, it)["status"].str("phase") == "Running");
        let mut pod = cluster.get(Kind::Pod, &name.unwrap_or_else(|| panic!("a pod runs in round {round}")));
        pod["status"].set("phase", "Succeeded");
        cluster.api.store.put(Kind::Pod, pod);
        cluster.rest();
    }
    let job = cluster.get(Kind::Job, "sum");
    assert_eq!(job["status"].int("succeeded"), 2);
    assert_eq!(condition(&job, "Complete").str("message"), "Reached expected number of succeeded pods");
    assert_eq!(cluster.told("Job").last().map(String::as_str), Some("Normal Completed Job completed"));
}

#[test]
fn a_silent_node_loses_its_pods_after_its_grace_and_theirs() {
    let mut cluster = Cluster::new(2);
    cluster.create(WEB);
    let renew = |cluster: &mut Cluster, name: &str| {
        let node = cluster.api.store.get(Kind::Node, "", name).cloned();
        let mut node = node.expect("a node");
        let heartbeat = cluster.now.rfc3339();
        node["status"]["conditions"].items_mut()[0].set("lastHeartbeatTime", heartbeat);
        cluster.api.store.put(Kind::Node, node);
    };
    let pods_on = |cluster: &Cluster, name: &str| {
        cluster.api.store.list(Kind::Pod, None).filter(|it| it["spec"].str("nodeName") == name).count()
    };
    for _ in 0..40 {
        cluster.wait(10);
        renew(&mut cluster, "worker-1");
        renew(&mut cluster, "control-plane");
        cluster.rest();
    }
    let node = cluster.api.store.get(Kind::Node, "", "worker-2").cloned().unwrap_or_default();
    assert_eq!(condition(&node, "Ready").str("message"), "Kubelet stopped posting node status.");
    let taints: Vec<&str> = node.at(&["spec", "taints"]).items().iter().map(|it| it.str("key")).collect();
    assert_eq!(taints, ["node.kubernetes.io/unreachable", "node.kubernetes.io/unreachable"]);
    assert_eq!(pods_on(&cluster, "worker-2"), 0);
    assert_eq!(pods_on(&cluster, "worker-1"), 3);
}

#[test]
fn a_namespace_takes_all_with_it() {
    let mut cluster = Cluster::new(1);
    cluster.post(
        "/api/v1/namespaces",
        &object!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}),
    );
    cluster.rest();
    assert!(cluster.api.store.get(Kind::ServiceAccount, "demo", "default").is_some());
    assert!(cluster.api.store.get(Kind::ConfigMap, "demo", "kube-root-ca.crt").is_some());
    cluster.delete("/api/v1/namespaces/demo");
    assert!(cluster.api.store.get(Kind::Namespace, "", "demo").is_none());
    assert_eq!(cluster.api.store.list(Kind::ConfigMap, Some("demo")).count(), 0);
}

#[test]
fn each_node_gets_its_part_of_the_pod_network_and_each_balancer_an_address() {
    let mut cluster = Cluster::new(2);
    let cidrs: Vec<String> =
        cluster.api.store.list(Kind::Node, None).map(|it| it["spec"].str("podCIDR").to_owned()).collect();
    assert_eq!(cidrs, ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]);
    cluster.controllers.settings.pool =
        Some((Ipv4Addr::new(203, 0, 113, 10), Ipv4Addr::new(203, 0, 113, 11)));
    cluster.create("{apiVersion: v1, kind: Service, metadata: {name: lb}, spec: {type: LoadBalancer, ports: [{port: 80}]}}");
    let lb = cluster.get(Kind::Service, "lb");
    assert_eq!(
        lb.at(&["status", "loadBalancer", "ingress"]),
        &object!([{"ip": "203.0.113.10", "ipMode": "VIP"}])
    );
    assert_eq!(
        cluster.told("Service"),
        [
            "Normal EnsuringLoadBalancer Ensuring load balancer",
            "Normal EnsuredLoadBalancer Ensured load balancer"
        ]
    );
    assert!(cluster.api.store.get(Kind::IPAddress, "", lb["spec"].str("clusterIP")).is_some());
}

#[test]
fn a_watch_is_told_of_each_change_once() {
    let mut cluster = Cluster::new(1);
    let request = Request::new("GET", "/api/v1/pods")
        .with_query("watch", "1")
        .with_query("fieldSelector", "spec.nodeName=worker-1")
        .with_header("X-Remote-User", "system:kube-scheduler");
    let mut watch = cluster.api.watch_open(&request).expect("a watch");
    assert_eq!(watch.next(&mut cluster.api).len(), 0);
    cluster.create(&WEB.replace("replicas: 3", "replicas: 1"));
    let lines = watch.next(&mut cluster.api);
    assert!(lines[0].contains(r#""type":"ADDED""#), "{lines:?}");
    assert_eq!(lines.len(), 2, "bound, then ready: {lines:?}");
    assert_eq!(watch.next(&mut cluster.api).len(), 0);
}

#[test]
fn who_looks_at_everything_anew_finds_nothing_to_do() {
    let mut cluster = Cluster::new(2);
    cluster.create(WEB);
    cluster.create(SERVICE);
    let before = cluster.api.store.revision();
    ControllerManager::new().step(&mut cluster.api);
    assert_eq!(cluster.api.store.revision(), before);
}

#[test]
fn a_thousand_pods_come_up() {
    let mut cluster = Cluster::new(10);
    cluster.create(&WEB.replace("replicas: 3", "replicas: 1000"));
    assert_eq!(cluster.get(Kind::Deployment, "web")["status"].int("availableReplicas"), 1000);
}
