//! `describe namespace`.
//!
//! Differs from kubectl: quotas and limit ranges are not kept, so there are never any.

use super::{Text, config};
use crate::object::{Time, Value};

pub fn namespace(out: &mut Text, object: &Value) {
    config::head(out, object);
    out.field(0, "Status", object["status"].str("phase"));
    if !object["status"].get("conditions").is_empty() {
        conditions(out, object);
    }
    out.text.push_str("\nNo resource quota.\n\nNo LimitRange resource.\n");
}

pub fn conditions(out: &mut Text, object: &Value) {
    out.line(0, "Conditions:");
    out.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
    out.line(1, "----\t------\t------------------\t------\t-------");
    for it in object["status"].get("conditions").items() {
        let time = Time::parse(it.str("lastTransitionTime")).unwrap_or_default().rfc1123();
        let (kind, status) = (it.str("type"), it.str("status"));
        out.line(1, format!("{kind}\t{status}\t{time}\t{}\t{}", it.str("reason"), it.str("message")));
    }
}
