//! ServiceCIDR and IPAddress: the networks of Services, and an object for each address that is taken.
//!
//! Differs from Kubernetes: IPAddresses follow what the API server gave, where there it is the other way round.
//! Sources: kubernetes `pkg/controller/servicecidrs`, `pkg/registry/core/service/ipallocator`.

use super::{Controller, Plan, View, Write, pod, wake_itself};
use crate::api::allocate::Cidr;
use crate::api::scale::set_condition;
use crate::object;
use crate::object::{Kind, Value};
use crate::store::{Key, What};

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";

pub const SERVICE_CIDR: Controller = Controller {
    name: "service-cidr-controller",
    wakes: |store, change, keys| {
        wake_itself(Kind::ServiceCIDR, change, keys);
        if change.kind == Kind::IPAddress && change.what == What::Deleted {
            keys.extend(store.list(Kind::ServiceCIDR, None).map(|it| Key::of(Kind::ServiceCIDR, it)));
        }
    },
    reconcile,
};

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some(cidr) = view.store.get(Kind::ServiceCIDR, "", &key.name) else { return plan };
    let is_held = cidr["metadata"].get("finalizers").items().iter().any(|it| it.as_str() == FINALIZER);
    let mut status = cidr.get("status").clone();
    if pod::is_terminating(cidr) {
        let ours = networks(cidr);
        let others: Vec<Cidr> =
            view.store.list(Kind::ServiceCIDR, None).filter(|it| *it != cidr).flat_map(networks).collect();
        let mut addresses =
            view.store.list(Kind::IPAddress, None).filter_map(|it| it["metadata"].str("name").parse().ok());
        let is_used = addresses.any(|it| {
            ours.iter().any(|cidr| cidr.contains(it)) && !others.iter().any(|cidr| cidr.contains(it))
        });
        if is_used {
            let message = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
            set_condition(&mut status, "Ready", "False", "Terminating", message, view.now);
            plan.status(Kind::ServiceCIDR, cidr, status);
        } else if is_held {
            let mut freed = cidr.clone();
            freed["metadata"]["finalizers"].items_mut().retain(|it| it.as_str() != FINALIZER);
            plan.write(Write::Update(Kind::ServiceCIDR, freed));
        }
        return plan;
    }
    if !is_held {
        let mut held = cidr.clone();
        held["metadata"]["finalizers"].push(FINALIZER);
        plan.write(Write::Update(Kind::ServiceCIDR, held));
        return plan;
    }
    if pod::condition(cidr, "Ready").str("status") != "True" {
        let message = "Kubernetes Service CIDR is ready";
        set_condition(&mut status, "Ready", "True", "", message, view.now);
        status["conditions"].items_mut().iter_mut().for_each(|it| it.set("reason", ""));
        plan.status(Kind::ServiceCIDR, cidr, status);
    }
    plan
}

fn networks(cidr: &Value) -> Vec<Cidr> {
    cidr.at(&["spec", "cidrs"]).items().iter().filter_map(|it| Cidr::parse(it.as_str())).collect()
}

pub const IP_ADDRESS: Controller = Controller {
    name: "ipallocator-repair-controller",
    wakes: |_, change, keys| {
        if change.before.at(&["spec", "clusterIPs"]) != change.object.at(&["spec", "clusterIPs"])
            || change.what == What::Deleted
        {
            wake_itself(Kind::Service, change, keys);
        }
    },
    reconcile: addresses,
};

fn addresses(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let service = view.store.get(Kind::Service, &key.namespace, &key.name).unwrap_or(object::NULL);
    let all = service.at(&["spec", "clusterIPs"]).items().iter().map(Value::as_str);
    let wanted: Vec<&str> = all.filter(|it| !it.is_empty() && *it != "None").collect();
    if wanted.is_empty() {
        let is_its = |it: &&Value| {
            let parent = it.at(&["spec", "parentRef"]);
            parent.str("namespace") == &*key.namespace && parent.str("name") == &*key.name
        };
        for address in view.store.list(Kind::IPAddress, None).filter(is_its) {
            plan.write(Write::Delete(Key::of(Kind::IPAddress, address), None));
        }
    }
    for address in wanted.into_iter().filter(|it| view.store.get(Kind::IPAddress, "", it).is_none()) {
        let family = if address.contains(':') { "IPv6" } else { "IPv4" };
        let object = object!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": {"name": address, "labels": {
                "ipaddress.kubernetes.io/ip-family": family, "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"
            }},
            "spec": {"parentRef": {
                "group": "", "resource": "services", "namespace": (&*key.namespace), "name": (&*key.name)
            }}
        });
        plan.write(Write::Create(Kind::IPAddress, object, None));
    }
    plan
}
