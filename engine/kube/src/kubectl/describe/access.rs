//! `describe role`, `clusterrole`, `rolebinding` and `clusterrolebinding`.

use super::Text;
use crate::kubectl::auth::compact;
use crate::object::Value;

fn head(out: &mut Text, object: &Value) {
    let metadata = object.get("metadata");
    out.field(0, "Name", metadata.str("name"));
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
}

pub fn role(out: &mut Text, object: &Value) {
    head(out, object);
    out.line(0, "PolicyRule:");
    out.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    out.line(1, "---------\t-----------------\t--------------\t-----");
    for rule in compact(object.get("rules").items()) {
        out.line(1, rule.cells());
    }
}

pub fn binding(out: &mut Text, object: &Value) {
    head(out, object);
    out.line(0, "Role:");
    out.field(1, "Kind", object["roleRef"].str("kind"));
    out.field(1, "Name", object["roleRef"].str("name"));
    out.line(0, "Subjects:");
    out.line(1, "Kind\tName\tNamespace");
    out.line(1, "----\t----\t---------");
    for it in object.get("subjects").items() {
        out.line(1, format!("{}\t{}\t{}", it.str("kind"), it.str("name"), it.str("namespace")));
    }
}
