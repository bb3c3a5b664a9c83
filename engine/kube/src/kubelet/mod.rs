//! The kubelet: makes a node's pods what the API server and the node's own manifests want.
//!
//! Stands between the API server, which it reaches over the network, and the node's container runtime. One future holds
//! the pods and brings each towards what is wanted ([`sync`]); others bring news (the informer, probes) and carry words
//! away ([`outbox`]), so that pods go on where the API server cannot be reached.
//! Always: a pod is looked at when it, one of its containers or a probe's verdict has changed, or when it asked to be;
//! nothing is polled but what Kubernetes itself polls.
//! Differs from Kubernetes: no cgroups, no eviction, no image garbage collection, no device or volume plugins beyond
//! emptyDir, hostPath, configMap, secret, downwardAPI and projected; a volume's contents are renewed once a minute.
//! Sources: kubernetes 1.36 `pkg/kubelet`.

mod complaint;
mod environment;
mod image;
mod log;
mod node;
mod outbox;
mod pod;
mod probe;
mod server;
mod status;
mod stream;
mod sync;
mod terminate;
mod volume;

pub use volume::home;

use crate::client::{Client, Informer, News};
use crate::dns::resolv_conf::NodeDns;
use crate::klog::Klog;
use crate::object::{Kind, Value, json, yaml};
use crate::store::What;
use api::MachineId;
use container::runtime::{CHANGED, Runtime};
use linux::daemon::Crew;
use linux::{Command, Exit, Sys, WaitOn};
use outbox::Outbox;
use pod::Pod;
use sim::Instant;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

pub use stream::{DATA, FAULT, TERMINAL};

pub static KUBELET: Command = Command {
    name: "kubelet",
    path: "/usr/bin/kubelet",
    man: "kubelet(1)",
    run: |sys, _| Box::pin(run(sys)),
};

const CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
/// The notice under which the kubelet's futures call the one that holds the pods.
const WORK: u32 = 200;
/// And the one that carries words away.
const SEND: u32 = 201;

/// What its futures share.
pub(crate) struct Kubelet {
    pub sys: Sys,
    pub log: Klog,
    pub client: Client,
    pub machine: MachineId,
    pub node: String,
    pub address: String,
    pub dns: NodeDns,
    pub crew: Crew,
    pub outbox: Outbox,
    /// What the informer and the probes have said and the pods have not heard yet.
    inbox: RefCell<VecDeque<Word>>,
    /// Services by namespace and name, for the environment of containers.
    pub services: RefCell<BTreeMap<(String, String), Value>>,
    /// Instances whose startup probe has gone well.
    pub started: RefCell<BTreeSet<String>>,
}

pub(crate) enum Word {
    /// Pods that the API server has for this node.
    Pods(News),
    /// A probe's verdict: of which pod, container, and kind of probe.
    Probed(String, String, probe::Kind, bool),
}

impl Kubelet {
    pub fn tell(&self, word: Word) {
        self.inbox.borrow_mut().push_back(word);
        self.ring(WORK);
    }

    fn ring(&self, number: u32) {
        let machine = self.machine;
        self.sys.post(move |system, _| system.wake(WaitOn::Notice(machine, number)));
    }
}

async fn run(sys: Sys) -> Exit {
    let fail = |words: String| {
        let sys = sys.clone();
        async move {
            Klog::new(&sys).error("run.go:72", "command failed", &words, &[]).await;
            Exit::FAILURE
        }
    };
    let Ok(config) = sys.read_file(CONFIG).await else {
        let why = format!(
            "failed to read kubelet config file \"{CONFIG}\", error: open {CONFIG}: no such file or directory"
        );
        return fail(format!("failed to load kubelet config file, path: {CONFIG}, error: {why}")).await;
    };
    let config = match yaml::parse(&String::from_utf8_lossy(&config)) {
        Ok(config) => config,
        Err(why) => {
            return fail(format!("failed to load kubelet config file, path: {CONFIG}, error: {why}")).await;
        }
    };
    let kubeconfig = sys.read_file(KUBECONFIG).await.unwrap_or_default();
    let Some(server) = Client::server_of(&String::from_utf8_lossy(&kubeconfig)) else {
        let why = "unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory";
        return fail(format!("failed to run Kubelet: {why}")).await;
    };
    let node = sys.hostname().await.to_lowercase();
    let machine = sys.ask(|system, id| system.process(id).machine).await;
    let text = |value: &Value| value.as_str().to_owned();
    let resolv = match config.str("resolvConf") {
        "" => "/etc/resolv.conf",
        path => path,
    };
    let host = sys.read_file(resolv).await.ok().map(|it| String::from_utf8_lossy(&it).into_owned());
    let dns = NodeDns {
        cluster_dns: config.get("clusterDNS").items().iter().map(text).collect(),
        cluster_domain: config.str("clusterDomain").to_owned(),
        host,
    };
    let client = Client::new(&sys, server, "kubelet", &format!("system:node:{node}"), "system:nodes");
    let address = node::address(&sys).await;
    let kubelet = Rc::new(Kubelet {
        sys: sys.clone(),
        log: Klog::new(&sys),
        client,
        machine,
        node,
        address,
        dns,
        crew: Crew::default(),
        outbox: Outbox::default(),
        inbox: RefCell::default(),
        services: RefCell::default(),
        started: RefCell::default(),
    });
    let manifests = config.str("staticPodPath").to_owned();
    complaint::begin(&kubelet, &manifests).await;
    kubelet.crew.add(hold(Rc::clone(&kubelet), manifests));
    kubelet.crew.add(inform(Rc::clone(&kubelet)));
    kubelet.crew.add(inform_of_services(Rc::clone(&kubelet)));
    kubelet.crew.add(outbox::carry(Rc::clone(&kubelet)));
    kubelet.crew.add(node::register(Rc::clone(&kubelet)));
    if !server::serve(&kubelet).await {
        return fail("listen tcp 0.0.0.0:10250: bind: address already in use".to_owned()).await;
    }
    let crew = kubelet.crew.clone();
    crew.run().await;
    Exit::OK
}

/// Brings what the API server says of this node's pods.
async fn inform(kubelet: Rc<Kubelet>) {
    let mut informer = Informer::new(&kubelet.client.another(), Kind::Pod, "")
        .with("fieldSelector", format!("spec.nodeName={}", kubelet.node))
        .logged(&kubelet.log);
    loop {
        let news = informer.next().await;
        kubelet.tell(Word::Pods(news));
    }
}

/// Knows the Services, whose addresses stand in the environment of containers.
async fn inform_of_services(kubelet: Rc<Kubelet>) {
    let mut informer = Informer::new(&kubelet.client.another(), Kind::Service, "").logged(&kubelet.log);
    let key =
        |it: &Value| (it["metadata"].str("namespace").to_owned(), it["metadata"].str("name").to_owned());
    loop {
        let news = informer.next().await;
        let mut services = kubelet.services.borrow_mut();
        match news {
            News::Listed(all) => *services = all.into_iter().map(|it| (key(&it), it)).collect(),
            News::Changed(What::Deleted, it) => drop(services.remove(&key(&it))),
            News::Changed(_, it) => drop(services.insert(key(&it), it)),
        }
    }
}

/// The pod that a file of the folder describes.
fn manifest(bytes: &[u8]) -> Result<Value, String> {
    let object = yaml::parse(&String::from_utf8_lossy(bytes))?;
    match object.str("kind") {
        "Pod" => Ok(object),
        "" => Err(format!("Object 'Kind' is missing in '{}'", json::compact(&object))),
        other => Err(format!("invalid pod: {other}")),
    }
}

/// The pods, and which of them are to be looked at.
struct Holder {
    kubelet: Rc<Kubelet>,
    pods: BTreeMap<String, Pod>,
    due: BTreeSet<String>,
}

/// Holds the pods for as long as the kubelet runs.
async fn hold(kubelet: Rc<Kubelet>, manifests: String) {
    let sys = kubelet.sys.clone();
    let machine = kubelet.machine;
    let mut holder = Holder { kubelet: Rc::clone(&kubelet), pods: BTreeMap::new(), due: BTreeSet::new() };
    holder.read_manifests(&manifests).await;
    let mut manifests_at = sys.now().await + node::MANIFESTS;
    loop {
        let words: Vec<Word> = kubelet.inbox.borrow_mut().drain(..).collect();
        words.into_iter().for_each(|word| holder.hear(word));
        let changed = sys
            .ask(move |system, _| {
                Runtime::of_mut(system, machine).map(|it| std::mem::take(&mut it.changed)).unwrap_or_default()
            })
            .await;
        holder.due.extend(changed);
        let now = sys.now().await;
        if now >= manifests_at && !manifests.is_empty() {
            holder.read_manifests(&manifests).await;
            manifests_at = now + node::MANIFESTS;
        }
        let late = holder.pods.iter().filter(|(_, pod)| pod.next.is_some_and(|at| at <= now));
        let late: Vec<String> = late.map(|(uid, _)| uid.clone()).collect();
        holder.due.extend(late);
        let due = std::mem::take(&mut holder.due);
        let idle = due.is_empty();
        for uid in due {
            if holder.has_to_wait(&uid) {
                continue;
            }
            if let Some(pod) = holder.pods.get_mut(&uid) {
                pod.next = None;
                if sync::sync(&kubelet, pod).await == sync::Outcome::Gone {
                    let name = pod.full_name_of_static();
                    holder.pods.remove(&uid);
                    let heirs = holder
                        .pods
                        .iter()
                        .filter(|(_, it)| name.is_some() && it.full_name_of_static() == name);
                    let heirs: Vec<String> = heirs.map(|(uid, _)| uid.clone()).collect();
                    holder.due.extend(heirs);
                }
            }
        }
        if idle {
            let next = holder.pods.values().filter_map(|pod| pod.next).min();
            let manifests_at = Some(manifests_at).filter(|_| !manifests.is_empty());
            let deadline: Option<Instant> = next.into_iter().chain(manifests_at).min();
            sys.wait(&[WaitOn::Notice(machine, WORK), WaitOn::Notice(machine, CHANGED)], deadline).await;
        }
    }
}

impl Holder {
    /// A static pod waits until the one of its name that it takes the place of has gone.
    fn has_to_wait(&self, uid: &str) -> bool {
        let Some(pod) = self.pods.get(uid).filter(|it| it.is_static && !it.is_ending()) else { return false };
        let name = pod.full_name_of_static();
        self.pods.values().any(|it| it.is_ending() && it.full_name_of_static() == name)
    }

    fn hear(&mut self, word: Word) {
        match word {
            Word::Pods(News::Listed(all)) => {
                let known: BTreeSet<String> =
                    all.iter().map(|it| it["metadata"].str("uid").to_owned()).collect();
                all.into_iter().for_each(|it| self.want(it));
                let gone = self.pods.iter().filter(|(uid, pod)| !pod.is_static && !known.contains(*uid));
                let gone: Vec<String> = gone.map(|(uid, _)| uid.clone()).collect();
                gone.into_iter().for_each(|uid| self.unwanted(&uid));
            }
            Word::Pods(News::Changed(What::Deleted, object)) => self.unwanted(object["metadata"].str("uid")),
            Word::Pods(News::Changed(_, object)) => self.want(object),
            Word::Probed(uid, container, kind, well) => {
                if let Some(pod) = self.pods.get_mut(&uid) {
                    pod.probed(&container, kind, well);
                    self.due.insert(uid);
                }
            }
        }
    }

    /// A pod as the API server has it. A static pod's mirror is only noted.
    fn want(&mut self, object: Value) {
        let mirrored = object.at(&["metadata", "annotations"]).str(pod::MIRROR).to_owned();
        let uid =
            if mirrored.is_empty() { object["metadata"].str("uid").to_owned() } else { mirrored.clone() };
        match self.pods.get_mut(&uid) {
            Some(pod) if !mirrored.is_empty() => pod.mirror = Some(object),
            Some(pod) if pod.object == object => return,
            Some(pod) => pod.object = object,
            // The mirror of a manifest that is gone goes too.
            None if !mirrored.is_empty() => self.kubelet.outbox.delete(&self.kubelet, &object),
            None => drop(self.pods.insert(uid.clone(), Pod::new(object))),
        }
        self.due.insert(uid);
    }

    fn unwanted(&mut self, uid: &str) {
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.unwanted = true;
            self.due.insert(uid.to_owned());
        } else if let Some(pod) = self
            .pods
            .values_mut()
            .find(|it| it.mirror.as_ref().is_some_and(|it| it["metadata"].str("uid") == uid))
        {
            (pod.mirror, pod.mirroring, pod.told) = (None, false, Value::Null);
            self.due.insert(pod.uid());
        }
    }

    /// The static pods: what their manifests say, and that the others are gone.
    async fn read_manifests(&mut self, folder: &str) {
        let mut wanted = BTreeSet::new();
        let mut names: Vec<String> = self
            .kubelet
            .sys
            .read_dir(folder)
            .await
            .unwrap_or_default()
            .into_iter()
            .map(|it| it.name)
            .collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        for name in names {
            let bytes = self.kubelet.sys.read_file(&format!("{folder}/{name}")).await.unwrap_or_default();
            let mut object = match manifest(&bytes) {
                Ok(object) => object,
                Err(why) => {
                    complaint::of_manifest(&self.kubelet, &format!("{folder}/{name}"), &why).await;
                    continue;
                }
            };
            let uid =
                container::image::hex(&format!("{} {name} {}", self.kubelet.node, json::compact(&object)));
            let uid = uid[..32].to_owned();
            wanted.insert(uid.clone());
            if !self.pods.contains_key(&uid) {
                pod::make_static(&mut object, &uid, &self.kubelet.node);
                let mut pod = Pod::new(object);
                pod.is_static = true;
                self.pods.insert(uid.clone(), pod);
                self.due.insert(uid);
            }
        }
        for (uid, pod) in &mut self.pods {
            if pod.is_static && !wanted.contains(uid) && !pod.unwanted {
                pod.unwanted = true;
                self.due.insert(uid.clone());
            }
        }
    }
}
