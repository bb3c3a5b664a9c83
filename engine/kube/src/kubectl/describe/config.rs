//! `describe configmap`, `secret` and `serviceaccount`.

use super::Text;
use crate::object::Value;
use linux::base64;

pub fn head(out: &mut Text, object: &Value) {
    let metadata = object.get("metadata");
    out.field(0, "Name", metadata.str("name"));
    if metadata.has("namespace") {
        out.field(0, "Namespace", metadata.str("namespace"));
    }
    out.labels("Labels", metadata.get("labels"));
    out.annotations("Annotations", metadata.get("annotations"));
}

pub fn config_map(out: &mut Text, object: &Value) {
    head(out, object);
    out.text.push_str("\nData\n====\n");
    for (key, value) in object.get("data").fields() {
        out.text.push_str(&format!("{key}:\n----\n{}\n\n", value.as_str()));
    }
    out.text.push_str("\nBinaryData\n====\n");
    for (key, value) in object.get("binaryData").fields() {
        out.text.push_str(&format!("{key}: {} bytes\n", length(value)));
    }
    out.text.push('\n');
}

fn length(value: &Value) -> usize {
    base64::decode_lines(value.as_str()).map_or(0, |it| it.len())
}

pub fn secret(out: &mut Text, object: &Value) {
    head(out, object);
    out.text.push_str(&format!("\nType:\t{}\n\nData\n====\n", object.str("type")));
    for (key, value) in object.get("data").fields() {
        if &**key == "token" && object.str("type") == "kubernetes.io/service-account-token" {
            let bytes = base64::decode_lines(value.as_str()).unwrap_or_default();
            out.text.push_str(&format!("{key}:\t{}\n", String::from_utf8_lossy(&bytes)));
        } else {
            out.text.push_str(&format!("{key}:\t{} bytes\n", length(value)));
        }
    }
}

pub fn service_account(out: &mut Text, object: &Value) {
    head(out, object);
    let names: Vec<&str> = object.get("imagePullSecrets").items().iter().map(|it| it.str("name")).collect();
    out.field(0, "Image pull secrets", names.first().unwrap_or(&"<none>"));
    names.iter().skip(1).for_each(|it| out.line(0, format!("                   \t{it}")));
}
