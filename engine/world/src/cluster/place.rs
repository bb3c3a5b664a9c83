//! A Pod as a place that a lesson asks from.
//!
//! Always: it is asked in its own network namespace, with its own `resolv.conf` and `hosts`, by tools that a debug
//! container brings along; so a Pod whose image holds nothing but a server can be asked too.
//! Source: `kubectl debug --image=nicolaka/netshoot`.

use crate::World;
use crate::probe::Place;
use container::image::{self, Reference};
use container::runtime::Runtime;
use kube::cluster::Cluster;
use kube::object::{Kind, Value};
use linux::ExecOptions;
use std::rc::Rc;

/// The image whose tools a Pod is asked with.
const TOOLS: &str = "nicolaka/netshoot";

impl World {
    /// A debug container beside those of the Pod `NAMESPACE/NAME`.
    pub(crate) fn pod(&mut self, pod: &str) -> Result<Place, String> {
        let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
        let (node, uid) = self.running(namespace, name).ok_or_else(|| match name.contains('=') {
            true => format!("no Pod with the label {name} runs in the namespace {namespace}"),
            false => format!("no Pod {name} runs in the namespace {namespace}"),
        })?;
        let gone = || format!("the Pod {name} has no sandbox on {node}");
        let machine = self.machine(&node).ok_or_else(gone)?;
        let sandbox =
            Runtime::of(&self.system, machine).and_then(|it| it.sandbox_of(&uid)).ok_or_else(gone)?;
        let (netns, hostname) = ((sandbox.netns, sandbox.netns_name.clone()), sandbox.hostname.clone());
        let tools = Reference::parse(TOOLS).ok_or("the tools' image has a bad name")?;
        let files = image::find(&[image::IMAGES], &tools)?.files(&self.system);
        let container = self.system.container_add(machine, Rc::new(files), hostname);
        for (file, path) in [("etc-hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf")] {
            self.system
                .container_mount(container, &format!("{}/{file}", kube::kubelet::home(&uid)), path)
                .map_err(|errno| format!("{path} of the Pod {name}: {errno}"))?;
        }
        let options =
            ExecOptions { container: Some(container), netns: Some(netns), ..ExecOptions::default() };
        Ok((machine, options, String::new()))
    }

    /// Node and UID of a Pod that runs: of that name, or the first with that label.
    fn running(&self, namespace: &str, name: &str) -> Option<(String, String)> {
        let cluster = self.system.attached::<Cluster>(self.control_plane()?)?;
        let is_it = |pod: &&Value| match name.split_once('=') {
            Some((key, value)) => pod.at(&["metadata", "labels", key]).as_str() == value,
            None => pod["metadata"].str("name") == name,
        };
        let runs = |pod: &&Value| pod["status"].str("phase") == "Running";
        let pod = cluster.api.store.list(Kind::Pod, Some(namespace)).filter(is_it).find(runs)?;
        Some((pod["spec"].str("nodeName").to_owned(), pod["metadata"].str("uid").to_owned()))
    }
}
