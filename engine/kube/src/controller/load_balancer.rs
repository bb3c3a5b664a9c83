//! LoadBalancer: gives a Service of that type an address of the lab's pool.
//!
//! Always: the lowest free address; one that was asked for (`loadBalancerIP`) if it is in the pool and free. Without a
//! pool the address stays `<pending>`, as in a cluster without a cloud.
//! Differs from a cloud: no machine stands behind the address; it is the nodes that answer for it.
//! Source: cloud-provider `controllers/service` (events, finalizer).

use super::{Controller, Event, Plan, View, Write, pod, wake_itself};
use crate::object;
use crate::object::{Kind, Value};
use crate::store::Key;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

pub const LOAD_BALANCER: Controller = Controller {
    name: "service-controller",
    wakes: |store, change, keys| {
        let is_lb = |it: &Value| it.at(&["spec", "type"]).as_str() == "LoadBalancer";
        if change.kind == Kind::Service && (is_lb(&change.object) || is_lb(&change.before)) {
            wake_itself(Kind::Service, change, keys);
            // An address that was given back may be waited for.
            let waiting = store.list(Kind::Service, None).filter(|it| is_lb(it) && given(it).is_empty());
            keys.extend(waiting.map(|it| Key::of(Kind::Service, it)));
        }
    },
    reconcile,
};

fn given(service: &Value) -> &str {
    let ingress = service.at(&["status", "loadBalancer", "ingress"]).items();
    ingress.first().map_or("", |it| it.str("ip"))
}

fn reconcile(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    let Some((first, last)) = view.settings.pool else { return plan };
    let Some(service) = view.store.get(Kind::Service, &key.namespace, &key.name) else { return plan };
    let is_held = service["metadata"].get("finalizers").items().iter().any(|it| it.as_str() == FINALIZER);
    let spec = service.get("spec");
    let is_wanted = spec.str("type") == "LoadBalancer"
        && spec.str("loadBalancerClass").is_empty()
        && !pod::is_terminating(service);
    if !is_wanted {
        if is_held {
            let mut freed = service.clone();
            freed["metadata"]["finalizers"].items_mut().retain(|it| it.as_str() != FINALIZER);
            plan.status(Kind::Service, service, object!({"loadBalancer": {}}));
            plan.write(Write::Update(Kind::Service, freed));
        }
        return plan;
    }
    if !given(service).is_empty() {
        return plan;
    }
    let taken: BTreeSet<&str> = view.store.list(Kind::Service, None).map(given).collect();
    let asked = spec.str("loadBalancerIP").parse::<Ipv4Addr>().ok();
    let range = u32::from(first)..=u32::from(last);
    let is_free = |it: &Ipv4Addr| range.contains(&u32::from(*it)) && !taken.contains(it.to_string().as_str());
    let found = match asked {
        Some(asked) => Some(asked).filter(is_free),
        None => range.clone().map(Ipv4Addr::from).find(is_free),
    };
    let Some(address) = found else {
        let message =
            "Error syncing load balancer: failed to ensure load balancer: no address of the pool is free";
        plan.write(Write::Tell(Event::warning(service, "SyncLoadBalancerFailed", message)));
        return plan;
    };
    if !is_held {
        let mut held = service.clone();
        held["metadata"]["finalizers"].push(FINALIZER);
        plan.write(Write::Update(Kind::Service, held));
    }
    plan.write(Write::Tell(Event::normal(service, "EnsuringLoadBalancer", "Ensuring load balancer")));
    let ingress = object!({"ip": (address.to_string()), "ipMode": "VIP"});
    plan.status(Kind::Service, service, object!({"loadBalancer": {"ingress": [ingress]}}));
    plan.write(Write::Tell(Event::normal(service, "EnsuredLoadBalancer", "Ensured load balancer")));
    plan
}
