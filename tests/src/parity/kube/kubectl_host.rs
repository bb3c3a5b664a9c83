//! The machine on which the recorded kubectl runs: files, an editor, a clock, and the API server without a network.
//!
//! Always: waiting moves the clock; then the stand-in for scheduler and kubelet has its turn.

use super::kubectl::Said;
use kube::api::{Api, Request, Response};
use kube::controller::ControllerManager;
use kube::kubectl::{Edited, Entry, Exec, Forward, Host, Later, Piece, Stream, kubectl};
use kube::object::{Kind, Time, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Turns of controllers and kubelet after each change: a Deployment makes a ReplicaSet, that makes Pods, they run.
const ROUNDS: usize = 4;
const SERVER: &str = "https://172.18.0.2:6443";

pub struct Cluster {
    api: Api,
    controllers: ControllerManager,
    now: Time,
}

impl Cluster {
    /// With every object of a recorded world.
    pub fn new(objects: &Value, now: Time) -> Cluster {
        let mut api = Api::new(1, now);
        for object in
            objects.as_object().into_iter().flatten().flat_map(|(_, list)| list.as_array()).flatten()
        {
            if let Ok(object) = json::parse(&object.to_string()) {
                api.load(object);
            }
        }
        let mut cluster = Cluster { api, controllers: ControllerManager::new(), now };
        cluster.note_addresses();
        cluster
    }

    /// The IPAddress of every service's address, which the recorded world left out.
    fn note_addresses(&mut self) {
        let mut all = Vec::new();
        for service in self.api.store.list(Kind::Service, None) {
            let metadata = service.get("metadata");
            for address in service["spec"].get("clusterIPs").items().iter().filter(|it| it.as_str() != "None")
            {
                all.push(kube::object!({
                    "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": address},
                    "spec": {"parentRef": {
                        "group": "", "resource": "services", "namespace": (metadata.get("namespace")),
                        "name": (metadata.get("name"))
                    }}
                }));
            }
        }
        all.into_iter().for_each(|it| self.api.load(it));
    }

    pub fn add_namespace(&mut self, name: &str) {
        let body =
            format!("{{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{{\"name\":\"{name}\"}}}}");
        self.ask(Request::new("POST", "/api/v1/namespaces").with_body("application/json", body));
        // As the service account controller does.
        let body = "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":\"default\"}}";
        let path = format!("/api/v1/namespaces/{name}/serviceaccounts");
        self.ask(Request::new("POST", path).with_body("application/json", body));
    }

    fn ask(&mut self, request: Request) -> Response {
        let is_change = request.method != "GET";
        self.api.set_now(self.now);
        let user = [("X-Remote-User", "kubernetes-admin"), ("X-Remote-Group", "system:masters")];
        let request = if request.header("X-Remote-User").is_empty() {
            user.iter().fold(request, |it, (name, value)| it.with_header(name, *value))
        } else {
            request
        };
        let answer = self.api.handle(&request);
        if is_change {
            self.settle();
        }
        answer
    }

    /// The controllers, then scheduler and kubelet: every Pod finds a node, runs, and goes when it is told to.
    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            self.controllers.step(&mut self.api);
            self.run_pods();
        }
    }

    fn run_pods(&mut self) {
        let names: Vec<(String, String, bool)> = self
            .api
            .store
            .list(Kind::Pod, Some("s1"))
            .map(|it| {
                let metadata = it.get("metadata");
                (
                    metadata.str("name").to_owned(),
                    it["status"].str("phase").to_owned(),
                    metadata.has("deletionTimestamp"),
                )
            })
            .collect();
        for (at, (name, phase, is_going)) in names.into_iter().enumerate() {
            if is_going {
                self.api.store.remove(Kind::Pod, "s1", &name);
            } else if phase != "Running" {
                self.run_pod(&name, at);
            }
        }
    }

    fn run_pod(&mut self, name: &str, at: usize) {
        let Some(mut pod) = self.api.store.get(Kind::Pod, "s1", name).cloned() else { return };
        if pod["spec"].str("nodeName").is_empty() {
            pod["spec"].set("nodeName", if at.is_multiple_of(2) { "worker-1" } else { "worker-2" });
        }
        let now = self.now.rfc3339();
        let mut statuses = Vec::new();
        for container in pod["spec"].get("containers").items() {
            statuses.push(kube::object!({
                "name": (container.get("name")), "image": (container.get("image")), "ready": true, "restartCount": 0,
                "started": true, "state": {"running": {"startedAt": (now.as_str())}}
            }));
        }
        let conditions: Vec<kube::object::Value> = [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ]
        .iter()
        .map(|kind| kube::object!({"type": (*kind), "status": "True", "lastTransitionTime": (now.as_str())}))
        .collect();
        let address = format!("10.244.1.{}", 100 + at);
        pod.set(
            "status",
            kube::object!({
                "phase": "Running", "podIP": (address.as_str()), "podIPs": [{"ip": (address.as_str())}],
                "conditions": conditions, "containerStatuses": statuses, "startTime": (now.as_str()), "qosClass": "BestEffort"
            }),
        );
        self.api.store.put(Kind::Pod, pod);
    }
}

/// Where the commands are typed.
pub struct Desk<'c> {
    cluster: &'c mut Cluster,
    files: BTreeMap<String, String>,
    kubeconfig: String,
    editor: String,
    said: Said,
}

impl<'c> Desk<'c> {
    pub fn new(cluster: &'c mut Cluster, namespace: &str, files: BTreeMap<String, String>) -> Desk<'c> {
        let namespace =
            if namespace == "default" { String::new() } else { format!("    namespace: {namespace}\n") };
        let kubeconfig = format!(
            "apiVersion: v1\nclusters:\n- cluster:\n    server: {SERVER}\n  name: kubernetes\ncontexts:\n- context:\n    \
             cluster: kubernetes\n{namespace}    user: kubernetes-admin\n  name: kubernetes-admin@kubernetes\n\
             current-context: kubernetes-admin@kubernetes\nkind: Config\npreferences: {{}}\nusers:\n- name: \
             kubernetes-admin\n  user:\n    client-certificate: admin.crt\n    client-key: admin.key\n"
        );
        Desk { cluster, files, kubeconfig, editor: String::new(), said: Said::default() }
    }

    pub fn set_now(&mut self, now: Time) {
        self.cluster.now = now;
    }

    /// Runs a line of the recording: `VARIABLE=value… kubectl …`.
    pub fn run(&mut self, line: &str) -> Result<Said, String> {
        let mut words = shlex::split(line).ok_or(format!("cannot read `{line}`\n"))?;
        while words.first().is_some_and(|it| it != "kubectl") {
            let word = words.remove(0);
            if let Some(editor) = word.strip_prefix("EDITOR=").or_else(|| word.strip_prefix("KUBE_EDITOR=")) {
                self.editor = editor.to_owned();
            }
        }
        self.said = Said::default();
        let words = words.get(1..).unwrap_or_default().to_vec();
        let code = {
            let mut run = pin!(kubectl(self, &words));
            match run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(code) => code,
                Poll::Pending => return Err(format!("`{line}` waits for something\n")),
            }
        };
        self.said.code = code;
        Ok(self.said.clone())
    }
}

fn ready<'a, T: 'a>(value: T) -> Later<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Host for Desk<'_> {
    fn send(&mut self, server: &str, request: Request) -> Later<'_, Result<Response, String>> {
        if server != SERVER {
            let address = server.split("://").last().unwrap_or_default();
            return ready(Err(format!("dial tcp {address}: connect: connection refused")));
        }
        ready(Ok(self.cluster.ask(request)))
    }

    fn print(&mut self, to: Stream, text: String) -> Later<'_, ()> {
        match to {
            Stream::Out => self.said.out += &text,
            Stream::Err => self.said.err += &text,
        }
        ready(())
    }

    fn read(&mut self, path: &str) -> Later<'_, Result<Entry, String>> {
        let found = self.files.get(path).map(|it| Entry::File(it.clone().into_bytes()));
        ready(found.ok_or("no such file or directory".to_owned()))
    }

    fn write(&mut self, path: &str, bytes: Vec<u8>) -> Later<'_, Result<(), String>> {
        self.files.insert(path.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
        ready(Ok(()))
    }

    fn remove(&mut self, path: &str) -> Later<'_, ()> {
        self.files.remove(path);
        ready(())
    }

    /// `true`, or a `sed -i s/one/two/`.
    fn edit(&mut self, text: String, extension: &'static str) -> Later<'_, Result<Edited, String>> {
        let path = format!("/tmp/kubectl-edit-1{extension}");
        let Some(script) = self.editor.strip_prefix("sed -i s") else {
            return ready(Ok(Edited { text, path }));
        };
        let script = script.replace("\\ ", " ");
        let mark = script.chars().next().unwrap_or('/');
        let mut parts = script.split(mark).skip(1);
        let (from, to) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let edited = regex::Regex::new(from).map(|it| {
            text.split_inclusive('\n').map(|line| it.replace(line, to).into_owned()).collect::<String>()
        });
        ready(edited.map(|text| Edited { text, path }).map_err(|error| error.to_string()))
    }

    fn digits(&mut self) -> Later<'_, u32> {
        ready(1)
    }

    fn suffix(&mut self) -> Later<'_, String> {
        ready("bcdfg".to_owned())
    }

    fn sleep(&mut self, time: Duration) -> Later<'_, ()> {
        self.cluster.now.0 += i64::try_from(time.as_secs().max(1)).unwrap_or(1);
        self.cluster.settle();
        ready(())
    }

    fn now(&self) -> Time {
        self.cluster.now
    }

    fn kubeconfig(&mut self, _path: &str) -> Later<'_, String> {
        ready(self.kubeconfig.clone())
    }

    fn write_kubeconfig(&mut self, _path: &str, text: String) -> Later<'_, Result<(), String>> {
        self.kubeconfig = text;
        ready(Ok(()))
    }

    fn exec(&mut self, _exec: Exec) -> Later<'_, Result<u8, String>> {
        ready(Err("no kubelet here".to_owned()))
    }

    fn capture(&mut self, _: Exec, _: Vec<u8>) -> Later<'_, Result<(u8, Vec<u8>, Vec<u8>), String>> {
        ready(Err("no kubelet here".to_owned()))
    }

    fn gather(&mut self, _path: &str) -> Later<'_, Result<Vec<linux::tar::Entry>, String>> {
        ready(Err("no folders here".to_owned()))
    }

    fn make_folder(&mut self, _path: &str) -> Later<'_, Result<(), String>> {
        ready(Err("no folders here".to_owned()))
    }

    fn forward(&mut self, _forward: Forward) -> Later<'_, Result<(), String>> {
        ready(Err("no kubelet here".to_owned()))
    }

    fn open(&mut self, _server: &str, _request: Request) -> Later<'_, Result<Response, String>> {
        ready(Err("no stream here".to_owned()))
    }

    fn next(&mut self) -> Later<'_, (usize, Piece)> {
        ready((0, Ok(None)))
    }

    fn is_terminal(&mut self) -> Later<'_, bool> {
        ready(false)
    }

    fn proxy(&mut self, _server: &str, _like: Request, _local: SocketAddr) -> Later<'_, Result<(), String>> {
        ready(Err("no network here".to_owned()))
    }
}
