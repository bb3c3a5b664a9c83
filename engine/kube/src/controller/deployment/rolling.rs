//! The rolling update: the new set grows, the old ones shrink, within what may be too many and what may be missing.
//!
//! Source: kubernetes `pkg/controller/deployment/rolling.go`.

use super::replicas::{Sets, bounds, resize, resize_all};
use super::{Plan, Value};

/// As many of the new template as fit.
pub fn grow(plan: &mut Plan, deployment: &Value, sets: &Sets) -> bool {
    let Some(new) = sets.new else { return false };
    let size = size_of_new(deployment, sets, new["spec"].int("replicas"));
    resize(plan, deployment, new, size)
}

/// What the new set may have now, if it has `size`.
pub fn size_of_new(deployment: &Value, sets: &Sets, size: i64) -> i64 {
    let wanted = deployment["spec"].int("replicas");
    if size >= wanted || !super::replicas::is_rolling(deployment) {
        return wanted;
    }
    let most = wanted + bounds(deployment).1;
    let now = sets.sum("spec", "replicas");
    if now >= most { size } else { size + (most - now).min(wanted - size) }
}

/// Takes away old pods: first those that do not work anyway, then as many as the new ones replace.
pub fn shrink(plan: &mut Plan, deployment: &Value, sets: &Sets) -> bool {
    let Some(new) = sets.new else { return false };
    let old: i64 = sets.old.iter().map(|it| it["spec"].int("replicas")).sum();
    if old == 0 {
        return false;
    }
    let least = deployment["spec"].int("replicas") - bounds(deployment).0;
    let new_size = new["spec"].int("replicas");
    let new_missing = new_size - new["status"].int("availableReplicas");
    let most_gone = old + new_size - least - new_missing;
    if most_gone <= 0 {
        return false;
    }
    let mut sizes: Vec<i64> = sets.old.iter().map(|it| it["spec"].int("replicas")).collect();
    let mut gone = 0;
    for (size, set) in sizes.iter_mut().zip(&sets.old) {
        let broken = (*size - set["status"].int("availableReplicas")).max(0);
        let part = broken.min(most_gone - gone).max(0);
        *size -= part;
        gone += part;
    }
    let mut spare = (sets.sum("status", "availableReplicas") - least).max(0);
    for size in &mut sizes {
        let part = (*size).min(spare);
        *size -= part;
        spare -= part;
    }
    let pairs = sets.old.iter().copied().zip(sizes);
    resize_all(plan, deployment, pairs.filter(|(set, size)| set["spec"].int("replicas") != *size))
}
