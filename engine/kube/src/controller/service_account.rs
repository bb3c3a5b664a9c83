//! What each namespace gets: the ServiceAccount `default`, and the ConfigMap `kube-root-ca.crt`.
//!
//! Sources: kubernetes `pkg/controller/serviceaccount`, `pkg/controller/certificates/rootcacertpublisher`.

use super::{Controller, Plan, View, Write};
use crate::object;
use crate::object::{Kind, Value};
use crate::store::{Change, Key, Store, What};
use std::collections::BTreeSet;

pub const SERVICE_ACCOUNT: Controller = Controller {
    name: "service-account-controller",
    wakes: |_, change, keys| wake(change, Kind::ServiceAccount, keys),
    reconcile: |view, key| {
        let mut plan = Plan::default();
        if is_wanted(view.store, key) && view.store.get(Kind::ServiceAccount, &key.name, "default").is_none()
        {
            let metadata = object!({"name": "default", "namespace": (&*key.name)});
            let account = object!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
            plan.write(Write::Create(Kind::ServiceAccount, account, None));
        }
        plan
    },
};

pub const ROOT_CA: Controller = Controller {
    name: "root-ca-certificate-publisher",
    wakes: |_, change, keys| wake(change, Kind::ConfigMap, keys),
    reconcile: publish,
};

const NAME: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
    distributions of Kubernetes clusters.";

fn wake(change: &Change, kind: Kind, keys: &mut BTreeSet<Key>) {
    let metadata = change.object.get("metadata");
    if change.kind == Kind::Namespace {
        keys.insert(Key::new(Kind::Namespace, "", metadata.str("name")));
    }
    if change.kind == kind && matches!(change.what, What::Deleted | What::Modified) {
        keys.insert(Key::new(Kind::Namespace, "", metadata.str("namespace")));
    }
}

fn is_wanted(store: &Store, key: &Key) -> bool {
    let namespace = store.get(Kind::Namespace, "", &key.name);
    namespace.is_some_and(|it| it.at(&["status", "phase"]).as_str() == "Active")
}

fn publish(view: &View, key: &Key) -> Plan {
    let mut plan = Plan::default();
    if !is_wanted(view.store, key) {
        return plan;
    }
    let data = object!({"ca.crt": (view.settings.root_ca.as_str())});
    match view.store.get(Kind::ConfigMap, &key.name, NAME) {
        Some(there) if *there.get("data") == data => {}
        Some(there) => {
            let mut changed: Value = there.clone();
            changed.set("data", data);
            plan.write(Write::Update(Kind::ConfigMap, changed));
        }
        None => {
            let metadata = object!({
                "name": NAME, "namespace": (&*key.name),
                "annotations": {"kubernetes.io/description": DESCRIPTION}
            });
            let map = object!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
            plan.write(Write::Create(Kind::ConfigMap, map, None));
        }
    }
    plan
}
