//! A Deployment's ReplicaSets: which is new, which are old, and how many pods each is to have.
//!
//! Sources: kubernetes `pkg/controller/deployment/{sync,util/deployment_util}.go`.

use super::{Kind, Plan, Value, Write};
use crate::controller::Event;
use crate::store::Store;

pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub const MOST: &str = "deployment.kubernetes.io/max-replicas";
pub const HASH: &str = "pod-template-hash";

/// The ReplicaSets a Deployment controls, the oldest first.
pub struct Sets<'a> {
    pub new: Option<&'a Value>,
    pub old: Vec<&'a Value>,
}

impl<'a> Sets<'a> {
    pub fn of(store: &'a Store, deployment: &Value) -> Sets<'a> {
        let uid = deployment["metadata"].str("uid");
        let mut all: Vec<&Value> = store.owned_by(Kind::ReplicaSet, uid).collect();
        all.sort_by_key(|it| (it["metadata"].str("creationTimestamp"), it["metadata"].str("name")));
        let template = deployment.at(&["spec", "template"]);
        let new = all.iter().position(|it| same_template(it.at(&["spec", "template"]), template));
        let new = new.map(|at| all.remove(at));
        Sets { new, old: all }
    }

    pub fn all(&self) -> impl Iterator<Item = &'a Value> {
        self.old.iter().copied().chain(self.new)
    }

    /// Sum of a number of the spec or status.
    pub fn sum(&self, part: &str, name: &str) -> i64 {
        self.all().map(|it| it[part].int(name)).sum()
    }

    /// Whether somebody changed the number of replicas since the sets were sized.
    pub fn were_made_for_another_number(&self, deployment: &Value) -> bool {
        let wanted = deployment["spec"].int("replicas");
        let is_other = |it: &Value| {
            let noted = it.at(&["metadata", "annotations", DESIRED]).as_str().parse::<i64>();
            it["spec"].int("replicas") > 0 && noted.is_ok_and(|noted| noted != wanted)
        };
        self.all().any(is_other)
    }
}

/// Whether two templates are the same but for the hash the controller adds.
fn same_template(one: &Value, two: &Value) -> bool {
    let without = |template: &Value| {
        let mut template = template.clone();
        if template["metadata"]["labels"].has(HASH) {
            template["metadata"]["labels"].remove(HASH);
        }
        template["metadata"].remove("creationTimestamp");
        template
    };
    one.get("spec") == two.get("spec") && without(one) == without(two)
}

pub fn is_rolling(deployment: &Value) -> bool {
    deployment.at(&["spec", "strategy", "type"]).as_str() == "RollingUpdate"
}

/// How many pods may be missing, and how many may be too many, while a Deployment rolls.
pub fn bounds(deployment: &Value) -> (i64, i64) {
    let replicas = deployment["spec"].int("replicas");
    if !is_rolling(deployment) {
        return (0, 0);
    }
    let rolling = deployment.at(&["spec", "strategy", "rollingUpdate"]);
    let surge = share(rolling.get("maxSurge"), replicas, true);
    let mut missing = share(rolling.get("maxUnavailable"), replicas, false);
    if surge == 0 && missing == 0 {
        missing = 1;
    }
    (missing.min(replicas), surge)
}

/// A number, or a percentage of the whole.
pub fn share(value: &Value, whole: i64, up: bool) -> i64 {
    if let Some(number) = value.as_int() {
        return number.max(0);
    }
    let percent: i64 = value.as_str().trim_end_matches('%').parse().unwrap_or(0);
    let product = percent.clamp(0, 1_000_000).saturating_mul(whole);
    if up { product.saturating_add(99) / 100 } else { product / 100 }
}

/// Notes on a ReplicaSet how many replicas it was sized for; says whether that is new.
pub fn note_sizes(deployment: &Value, set: &mut Value) -> bool {
    let replicas = deployment["spec"].int("replicas");
    let mut changed = false;
    for (name, number) in [(DESIRED, replicas), (MOST, replicas + bounds(deployment).1)] {
        let text = number.to_string();
        if set.at(&["metadata", "annotations", name]).as_str() != text {
            set["metadata"]["annotations"].set(name, text);
            changed = true;
        }
    }
    changed
}

/// Gives a set its size and notes the Deployment's; says whether anything changed.
pub fn resize(plan: &mut Plan, deployment: &Value, set: &Value, size: i64) -> bool {
    let mut changed = set.clone();
    let noted = note_sizes(deployment, &mut changed);
    let before = set["spec"].int("replicas");
    if !noted && before == size {
        return false;
    }
    changed["spec"].set("replicas", size);
    plan.write(Write::Update(Kind::ReplicaSet, changed));
    if before != size {
        let way = if before < size { "up" } else { "down" };
        let name = set["metadata"].str("name");
        let message = format!("Scaled {way} replica set {name} from {before} to {size}");
        plan.write(Write::Tell(Event::normal(deployment, "ScalingReplicaSet", message)));
    }
    before != size
}

/// Follows a change of the Deployment's number, in proportion where several sets have pods; says whether a set changed.
pub fn scale(plan: &mut Plan, deployment: &Value, sets: &Sets) -> bool {
    let wanted = deployment["spec"].int("replicas");
    let mut active: Vec<&Value> = sets.all().filter(|it| it["spec"].int("replicas") > 0).collect();
    let single = match &active[..] {
        [] => sets.new.or(sets.old.last().copied()),
        [one] => Some(*one),
        _ => None,
    };
    if let Some(single) = single {
        return resize(plan, deployment, single, wanted);
    }
    if sets.new.is_some_and(|new| is_saturated(deployment, new)) {
        let old = sets.old.iter().filter(|it| it["spec"].int("replicas") > 0);
        return resize_all(plan, deployment, old.map(|it| (*it, 0)));
    }
    if !is_rolling(deployment) {
        return false;
    }
    let allowed = if wanted > 0 { wanted + bounds(deployment).1 } else { 0 };
    let now: i64 = active.iter().map(|it| it["spec"].int("replicas")).sum();
    let to_add = allowed - now;
    // The largest first; of equals the newest when growing, the oldest when shrinking.
    let age = |it: &Value| it["metadata"].str("creationTimestamp").to_owned();
    active.sort_by(|one, two| {
        let by_size = two["spec"].int("replicas").cmp(&one["spec"].int("replicas"));
        by_size.then_with(|| if to_add > 0 { age(two).cmp(&age(one)) } else { age(one).cmp(&age(two)) })
    });
    let mut added = 0;
    let mut sizes: Vec<i64> = Vec::new();
    for set in &active {
        let part = proportion(deployment, set, to_add, added);
        added += part;
        sizes.push(set["spec"].int("replicas") + part);
    }
    sizes[0] = (sizes[0] + to_add - added).max(0);
    resize_all(plan, deployment, active.into_iter().zip(sizes))
}

/// Gives each set its size; says whether one changed.
pub fn resize_all<'a>(
    plan: &mut Plan,
    deployment: &Value,
    sizes: impl Iterator<Item = (&'a Value, i64)>,
) -> bool {
    let mut moved = false;
    for (set, size) in sizes {
        moved |= resize(plan, deployment, set, size);
    }
    moved
}

fn is_saturated(deployment: &Value, set: &Value) -> bool {
    let wanted = deployment["spec"].int("replicas");
    set.at(&["metadata", "annotations", DESIRED]).as_str() == wanted.to_string()
        && set["spec"].int("replicas") == wanted
        && set["status"].int("availableReplicas") == wanted
}

/// A set's part of what is added or taken away.
fn proportion(deployment: &Value, set: &Value, to_add: i64, added: i64) -> i64 {
    let size = set["spec"].int("replicas");
    if size == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let wanted = deployment["spec"].int("replicas");
    let part = if wanted == 0 {
        -size
    } else {
        let noted = set.at(&["metadata", "annotations", MOST]).as_str().parse::<i64>();
        let before = noted.ok().filter(|it| *it > 0).unwrap_or(deployment["status"].int("replicas")).max(1);
        let new = (size * (wanted + bounds(deployment).1)) as f64 / before as f64;
        new.round() as i64 - size
    };
    let rest = to_add - added;
    if to_add > 0 { part.min(rest) } else { part.max(rest) }
}
