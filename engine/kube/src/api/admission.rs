//! What the API server adds to a new object of its own accord: a Pod's service account, tolerations, priority.
//!
//! Sources: kubernetes `plugin/pkg/admission` (ServiceAccount, DefaultTolerationSeconds, Priority, DefaultIngressClass).

use super::Api;
use crate::object;
use crate::object::{Kind, Status, Value};

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

impl Api {
    pub(super) fn admit(&mut self, kind: Kind, object: &mut Value) -> Result<(), Status> {
        match kind {
            Kind::Pod => self.admit_pod(object),
            Kind::Ingress => {
                self.default_class(object);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn admit_pod(&mut self, pod: &mut Value) -> Result<(), Status> {
        let metadata = pod.get("metadata");
        let (namespace, name) = (metadata.str("namespace").to_owned(), metadata.str("name").to_owned());
        let is_mirror = metadata.get("annotations").has("kubernetes.io/config.mirror");
        let spec = &mut pod["spec"];
        if !is_mirror {
            if spec.str("serviceAccountName").is_empty() {
                spec.set("serviceAccountName", "default");
                spec.set("serviceAccount", "default");
            }
            let account = spec.str("serviceAccountName").to_owned();
            let Some(found) = self.store.get(Kind::ServiceAccount, &namespace, &account) else {
                let why = format!(
                    "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
                );
                return Err(Status::forbidden(Kind::Pod, &name, &why));
            };
            let wants = spec.get("automountServiceAccountToken").as_bool();
            if wants.or(found.get("automountServiceAccountToken").as_bool()) != Some(false) {
                let volume = format!("kube-api-access-{}", self.suffix());
                mount_token(spec, &volume);
            }
        }
        let tolerations: Vec<Value> = spec.get("tolerations").items().to_vec();
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let is_tolerated = tolerations.iter().any(|it| {
                (it.str("key") == key || it.str("key").is_empty())
                    && matches!(it.str("effect"), "" | "NoExecute")
            });
            if !is_tolerated {
                spec["tolerations"].push(object!({
                    "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300
                }));
            }
        }
        let priority = match spec.str("priorityClassName") {
            "" => 0,
            "system-cluster-critical" => 2_000_000_000,
            "system-node-critical" => 2_000_001_000,
            class => {
                let why = format!("no PriorityClass with name {class} was found");
                return Err(Status::forbidden(Kind::Pod, &name, &why));
            }
        };
        spec.set("priority", priority);
        if spec.str("preemptionPolicy").is_empty() {
            spec.set("preemptionPolicy", "PreemptLowerPriority");
        }
        Ok(())
    }

    fn default_class(&self, ingress: &mut Value) {
        let is_said = ingress["spec"].has("ingressClassName")
            || ingress["metadata"].get("annotations").has("kubernetes.io/ingress.class");
        if is_said {
            return;
        }
        let is_default = |class: &&Value| {
            class.at(&["metadata", "annotations"]).str("ingressclass.kubernetes.io/is-default-class")
                == "true"
        };
        if let Some(class) = self.store.list(Kind::IngressClass, None).find(is_default) {
            ingress["spec"].set("ingressClassName", class["metadata"].get("name"));
        }
    }
}

fn mount_token(spec: &mut Value, volume: &str) {
    let mut mounted = false;
    for list in ["containers", "initContainers"] {
        if spec.get(list).is_empty() {
            continue;
        }
        for container in spec[list].items_mut() {
            if container.get("volumeMounts").items().iter().any(|it| it.str("mountPath") == TOKEN_PATH) {
                continue;
            }
            mounted = true;
            container["volumeMounts"]
                .push(object!({"mountPath": TOKEN_PATH, "name": volume, "readOnly": true}));
        }
    }
    if !mounted {
        return;
    }
    spec["volumes"].push(object!({
        "name": volume,
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": [
                    {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}
                ]}}
            ]
        }
    }));
}
