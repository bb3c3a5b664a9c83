//! `describe node`.

use super::Text;
use crate::kubectl::jsonpath::shown;
use crate::kubectl::session::Session;
use crate::object::quantity::Quantity;
use crate::object::{Kind, Time, Value};
use std::collections::BTreeMap;

const ROLE: &str = "node-role.kubernetes.io/";

pub async fn describe(session: &mut Session<'_>, out: &mut Text, node: &Value) {
    let (metadata, spec, status) = (node.get("metadata"), node.get("spec"), node.get("status"));
    out.field(0, "Name", metadata.str("name"));
    let roles: Vec<&str> =
        metadata.get("labels").fields().filter_map(|(key, _)| key.strip_prefix(ROLE)).collect();
    out.field(0, "Roles", if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") });
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
    out.field(0, "CreationTimestamp", date(metadata.str("creationTimestamp")));
    taints(out, spec.get("taints"));
    out.field(0, "Unschedulable", spec.is_true("unschedulable"));
    lease(session, out, metadata.str("name")).await;
    out.line(0, "Conditions:");
    out.line(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    out.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for it in status.get("conditions").items() {
        out.line(
            1,
            format!(
                "{} \t{} \t{} \t{} \t{} \t{}",
                it.str("type"),
                it.str("status"),
                date(it.str("lastHeartbeatTime")),
                date(it.str("lastTransitionTime")),
                it.str("reason"),
                it.str("message")
            ),
        );
    }
    out.line(0, "Addresses:");
    status.get("addresses").items().iter().for_each(|it| out.field(1, it.str("type"), it.str("address")));
    for (label, list) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        if !status.get(list).is_empty() {
            out.line(0, format!("{label}:"));
            status.get(list).fields().for_each(|(name, it)| out.field(1, name, shown(it)));
        }
    }
    system(out, status.get("nodeInfo"));
    out.some(0, "PodCIDR", spec.str("podCIDR"));
    let ranges: Vec<&str> = spec.get("podCIDRs").items().iter().map(Value::as_str).collect();
    out.some(0, "PodCIDRs", &ranges.join(","));
    out.some(0, "ProviderID", spec.str("providerID"));
    pods(session, out, node).await;
}

fn date(text: &str) -> String {
    Time::parse(text).unwrap_or_default().rfc1123()
}

fn taints(out: &mut Text, taints: &Value) {
    let mut words: Vec<String> = taints.items().iter().map(crate::kubectl::node::taint_shown).collect();
    words.sort();
    out.field(0, "Taints", words.first().map_or("<none>", String::as_str));
    words.iter().skip(1).for_each(|it| out.line(0, format!("\t{it}")));
}

async fn lease(session: &mut Session<'_>, out: &mut Text, name: &str) {
    match session.fetch(Kind::Lease, "kube-node-lease", name).await {
        Err(fault) => out.field(0, "Lease", format!("Failed to get lease: {}", fault.message())),
        Ok(lease) => {
            let spec = lease.get("spec");
            let time = |name: &str| Time::parse(spec.str(name)).map_or("<unset>".to_owned(), Time::rfc1123);
            out.line(0, "Lease:");
            let holder = if spec.has("holderIdentity") { spec.str("holderIdentity") } else { "<unset>" };
            out.field(1, "HolderIdentity", holder);
            out.field(1, "AcquireTime", time("acquireTime"));
            out.field(1, "RenewTime", time("renewTime"));
        }
    }
}

fn system(out: &mut Text, info: &Value) {
    out.line(0, "System Info:");
    for (label, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        out.field(1, label, info.str(field));
    }
}

/// What a pod asks for or may use at most, by resource.
fn amounts(pod: &Value, list: &str) -> BTreeMap<String, Quantity> {
    let mut sum: BTreeMap<String, Quantity> = BTreeMap::new();
    for container in pod["spec"].get("containers").items() {
        for (name, it) in container["resources"].get(list).fields() {
            let amount = Quantity::of(&shown(it));
            sum.entry(name.to_string()).and_modify(|all| *all = all.plus(amount)).or_insert(amount);
        }
    }
    for container in pod["spec"].get("initContainers").items() {
        for (name, it) in container["resources"].get(list).fields() {
            let amount = Quantity::of(&shown(it));
            let most = sum.entry(name.to_string()).or_insert(amount);
            if amount.milli() > most.milli() {
                *most = amount;
            }
        }
    }
    sum
}

fn share(amount: Quantity, of: &Value) -> String {
    let whole = Quantity::of(&shown(of)).milli();
    let percent = if whole == 0 { 0 } else { amount.milli() * 100 / whole };
    format!("{amount} ({percent}%)")
}

async fn pods(session: &mut Session<'_>, out: &mut Text, node: &Value) {
    let name = node["metadata"].str("name");
    let fields = format!("spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed");
    let pods = session.list(Kind::Pod, "", &[("fieldSelector", &fields)]).await.unwrap_or_default();
    let now = session.host.now();
    let mut room = node.at(&["status", "allocatable"]);
    if room.is_empty() {
        room = node.at(&["status", "capacity"]);
    }
    out.field(0, "Non-terminated Pods", format!("({} in total)", pods.len()));
    out.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    out.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let zero = Quantity::of("0");
    let mut totals: [BTreeMap<String, Quantity>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for pod in &pods {
        let own = [amounts(pod, "requests"), amounts(pod, "limits")];
        let part =
            |which: usize, name: &str| share(own[which].get(name).copied().unwrap_or(zero), room.get(name));
        let metadata = pod.get("metadata");
        out.line(
            1,
            format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{}",
                metadata.str("namespace"),
                metadata.str("name"),
                part(0, "cpu"),
                part(1, "cpu"),
                part(0, "memory"),
                part(1, "memory"),
                now.age_of(metadata.str("creationTimestamp"))
            ),
        );
        for (total, own) in totals.iter_mut().zip(own) {
            for (name, amount) in own {
                total.entry(name).and_modify(|all| *all = all.plus(amount)).or_insert(amount);
            }
        }
    }
    out.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    out.line(0, "  Resource\tRequests\tLimits\n  --------\t--------\t------");
    let standard = ["cpu", "memory", "ephemeral-storage"];
    let others = room.fields().map(|(name, _)| &**name).filter(|it| it.starts_with("hugepages-"));
    for name in standard.into_iter().chain(others) {
        let part = |which: usize| share(totals[which].get(name).copied().unwrap_or(zero), room.get(name));
        out.line(0, format!("  {name}\t{}\t{}", part(0), part(1)));
    }
}
