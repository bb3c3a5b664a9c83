//! Node IPAM: gives each node its part of the cluster's pod network.
//!
//! Source: kubernetes `pkg/controller/nodeipam` (RangeAllocator), `--node-cidr-mask-size=24`.

use super::{Controller, Event, Plan, View, Write, wake_itself};
use crate::object::{Kind, Value};
use crate::store::Key;
use std::collections::BTreeSet;

const NODE_BITS: u8 = 24;

pub const NODE_IPAM: Controller = Controller {
    name: "cidrAllocator",
    wakes: |_, change, keys| wake_itself(Kind::Node, change, keys),
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(node) = view.store.get(Kind::Node, "", &key.name) else { return plan };
    if !node["spec"].str("podCIDR").is_empty() {
        return plan;
    }
    let taken: BTreeSet<&str> =
        view.store.list(Kind::Node, None).map(|it| it["spec"].str("podCIDR")).collect();
    let cidr = view.settings.cluster_cidr;
    let free = cidr.subnets(NODE_BITS.max(cidr.prefix_len())).ok();
    let free = free.and_then(|mut all| all.find(|it| !taken.contains(it.to_string().as_str())));
    let Some(free) = free else {
        let message = format!("Node {} status is now: CIDRNotAvailable", key.name);
        plan.write(Write::Tell(Event::normal(node, "CIDRNotAvailable", message)));
        return plan;
    };
    let mut changed = node.clone();
    changed["spec"].set("podCIDR", free.to_string());
    changed["spec"].set("podCIDRs", Value::list(vec![free.to_string().into()]));
    plan.write(Write::Update(Kind::Node, changed));
    plan
}
