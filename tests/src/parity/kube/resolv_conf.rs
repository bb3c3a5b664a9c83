//! resolv.conf by dnsPolicy: a Pod, a kubelet and its machine's file in, the Pod's file and the events out.
//!
//! Always: options are compared in order of name, since the real kubelet merges them in no order.

use super::dns::{text, texts};
use super::{Says, difference};
use kube::dns::resolv_conf::{NodeDns, PodDns, ResolvConf, for_pod};
use serde_json::Value;

pub const SAYS: &[Says] = &[("resolv.conf", "resolv.conf by dnsPolicy", "/expect")];

/// The Pod's name where the recording says none.
const NAME: &str = "p";

pub fn judge(_root: &Value, case: &Value) -> Vec<Option<String>> {
    let expect = &case["expect"];
    let recorded =
        texts(&expect["events"]).iter().fold(sorted(text(&expect["resolvConf"])), |all, it| line(all, it));
    let ours = match for_pod(&pod(&case["pod"]), &node(&case["kubelet"])) {
        Ok((conf, warnings)) => {
            let events = warnings.iter().map(|it| format!("Warning {} {}", it.reason, it.message));
            events.fold(sorted(&conf.text()), |all, it| line(all, &it))
        }
        Err(why) => why,
    };
    vec![difference(&recorded, &ours)]
}

fn line(all: String, line: &str) -> String {
    all + line + "\n"
}

fn pod(pod: &Value) -> PodDns {
    let config = &pod["dnsConfig"];
    let option = |it: &Value| match it["value"].as_str() {
        Some(value) => format!("{}:{value}", text(&it["name"])),
        None => text(&it["name"]).to_owned(),
    };
    PodDns {
        namespace: text(&pod["namespace"]).to_owned(),
        name: pod["name"].as_str().unwrap_or(NAME).to_owned(),
        uid: text(&pod["uid"]).to_owned(),
        policy: text(&pod["dnsPolicy"]).to_owned(),
        host_network: pod["hostNetwork"].as_bool().unwrap_or_default(),
        config: config.is_object().then(|| ResolvConf {
            servers: texts(&config["nameservers"]),
            searches: texts(&config["searches"]),
            options: config["options"].as_array().into_iter().flatten().map(option).collect(),
        }),
    }
}

fn node(kubelet: &Value) -> NodeDns {
    NodeDns {
        cluster_dns: texts(&kubelet["clusterDNS"]),
        cluster_domain: text(&kubelet["clusterDomain"]).to_owned(),
        host: kubelet["hostResolvConf"].as_str().map(str::to_owned),
    }
}

/// With the words of its options in order.
fn sorted(conf: &str) -> String {
    let line = |line: &str| match line.strip_prefix("options ") {
        Some(options) => {
            let mut words: Vec<&str> = options.split(' ').collect();
            words.sort_unstable();
            format!("options {}\n", words.join(" "))
        }
        None => format!("{line}\n"),
    };
    conf.lines().map(line).collect()
}
