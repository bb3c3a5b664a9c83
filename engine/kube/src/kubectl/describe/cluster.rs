//! `describe namespace`.
//!
//! Differs from kubectl: quotas and limit ranges are not kept, so there are never any.

use super::{Text, config};
use crate::object::Value;

pub fn namespace(out: &mut Text, object: &Value) {
    config::head(out, object);
    out.field(0, "Status", object["status"].str("phase"));
    let conditions = object["status"].get("conditions").items();
    if !conditions.is_empty() {
        out.line(0, "Conditions:");
        out.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        out.line(1, "----\t------\t------------------\t------\t-------");
        for it in conditions {
            let time = crate::object::Time::parse(it.str("lastTransitionTime"))
                .map_or(String::new(), |it| it.rfc1123());
            let (kind, status) = (it.str("type"), it.str("status"));
            out.line(1, format!("{kind}\t{status}\t{time}\t{}\t{}", it.str("reason"), it.str("message")));
        }
    }
    out.text.push_str("\nNo resource quota.\n\nNo LimitRange resource.\n");
}
