//! Volumes in words.

use super::Text;
use crate::kubectl::jsonpath::shown;
use crate::object::Value;
use crate::object::quantity::Quantity;

pub fn describe(out: &mut Text, volumes: &Value, space: &str) {
    if volumes.is_empty() {
        out.line(0, format!("{space}Volumes:\t<none>"));
        return;
    }
    out.line(0, format!("{space}Volumes:"));
    for it in volumes.items() {
        let indent = if space.is_empty() { "" } else { " " };
        out.line(1, format!("{indent}{}:", it.str("name")));
        one(out, it);
    }
}

fn one(out: &mut Text, volume: &Value) {
    let its = |name: &str| Some(volume.get(name)).filter(|it| !it.is_null());
    let optional = |it: &Value| it.is_true("optional");
    if let Some(it) = its("hostPath") {
        out.field(2, "Type", "HostPath (bare host directory volume)");
        out.field(2, "Path", it.str("path"));
        out.field(2, "HostPathType", it.str("type"));
    } else if let Some(it) = its("emptyDir") {
        out.field(2, "Type", "EmptyDir (a temporary directory that shares a pod's lifetime)");
        out.field(2, "Medium", it.str("medium"));
        let limit = it.get("sizeLimit");
        let has_limit = !limit.is_null() && Quantity::of(&shown(limit)).milli() > 0;
        out.field(2, "SizeLimit", if has_limit { shown(limit) } else { "<unset>".to_owned() });
    } else if let Some(it) = its("secret") {
        out.field(2, "Type", "Secret (a volume populated by a Secret)");
        out.field(2, "SecretName", it.str("secretName"));
        out.field(2, "Optional", optional(it));
    } else if let Some(it) = its("configMap") {
        out.field(2, "Type", "ConfigMap (a volume populated by a ConfigMap)");
        out.field(2, "Name", it.str("name"));
        out.field(2, "Optional", optional(it));
    } else if let Some(it) = its("downwardAPI") {
        out.field(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
        out.line(2, "Items:");
        for item in it.get("items").items() {
            for (source, field) in [("fieldRef", "fieldPath"), ("resourceFieldRef", "resource")] {
                if item.has(source) {
                    out.line(3, format!("{} -> {}", item[source].str(field), item.str("path")));
                }
            }
        }
    } else if let Some(it) = its("persistentVolumeClaim") {
        out.field(
            2,
            "Type",
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        );
        out.field(2, "ClaimName", it.str("claimName"));
        out.field(2, "ReadOnly", it.is_true("readOnly"));
    } else if let Some(it) = its("nfs") {
        out.field(2, "Type", "NFS (an NFS mount that lasts the lifetime of a pod)");
        out.field(2, "Server", it.str("server"));
        out.field(2, "Path", it.str("path"));
        out.field(2, "ReadOnly", it.is_true("readOnly"));
    } else if let Some(it) = its("image") {
        out.field(2, "Type", "Image (a container image or OCI artifact)");
        out.field(2, "Reference", it.str("reference"));
        out.field(2, "PullPolicy", it.str("pullPolicy"));
    } else if let Some(it) = its("projected") {
        out.field(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
        it.get("sources").items().iter().for_each(|it| source(out, it));
    } else {
        out.line(1, "<unknown>");
    }
}

fn source(out: &mut Text, source: &Value) {
    if source.has("secret") {
        out.field(2, "SecretName", source["secret"].str("name"));
        out.field(2, "Optional", source["secret"].is_true("optional"));
    } else if source.has("downwardAPI") {
        out.field(2, "DownwardAPI", true);
    } else if source.has("configMap") {
        out.field(2, "ConfigMapName", source["configMap"].str("name"));
        out.field(2, "Optional", source["configMap"].is_true("optional"));
    } else if source.has("serviceAccountToken") {
        out.field(2, "TokenExpirationSeconds", source["serviceAccountToken"].int("expirationSeconds"));
    }
}
