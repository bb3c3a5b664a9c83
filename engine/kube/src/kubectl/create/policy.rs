//! `create role`, `clusterrole`, their bindings, `quota`, `poddisruptionbudget` and `priorityclass`.

use super::send;
use crate::kubectl::fault::Fault;
use crate::kubectl::flags::Flags;
use crate::kubectl::resource::kind_of;
use crate::kubectl::session::Session;
use crate::object;
use crate::object::{Kind, Value};

const RBAC: &str = "rbac.authorization.k8s.io";

fn texts(words: &[String]) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for word in words.iter().filter(|it| !it.is_empty()) {
        let word = Value::from(word);
        if !all.contains(&word) {
            all.push(word);
        }
    }
    all
}

pub async fn role(session: &mut Session<'_>, what: &str, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    let verbs = texts(&flags.all("verb"));
    if verbs.is_empty() {
        return Err(Fault::plain("at least one verb must be specified"));
    }
    let mut rules: Vec<(String, Vec<Value>)> = Vec::new();
    for word in flags.all("resource") {
        let (kind, part) = word.split_once('/').map_or((word.as_str(), ""), |(kind, part)| (kind, part));
        let (group, plural) = match kind {
            "*" => (String::new(), "*".to_owned()),
            kind => {
                let found = kind_of(kind)?.resource();
                (found.group.to_owned(), found.plural.to_owned())
            }
        };
        let plural = if part.is_empty() { plural } else { format!("{plural}/{part}") };
        match rules.iter_mut().find(|(its, _)| *its == group) {
            Some((_, list)) => list.push(Value::from(plural)),
            None => rules.push((group, vec![Value::from(plural)])),
        }
    }
    let urls = texts(&flags.all("non-resource-url"));
    if rules.is_empty() && urls.is_empty() {
        return Err(Fault::plain("at least one resource must be specified"));
    }
    let names = texts(&flags.all("resource-name"));
    let mut list = Vec::new();
    for (group, resources) in rules {
        let mut rule = object!({"apiGroups": [(group)], "resources": resources, "verbs": (verbs.clone())});
        if !names.is_empty() {
            rule.set("resourceNames", names.clone());
        }
        list.push(rule);
    }
    if !urls.is_empty() {
        list.push(object!({"nonResourceURLs": urls, "verbs": verbs}));
    }
    let (kind, word) = if what == "role" { (Kind::Role, "Role") } else { (Kind::ClusterRole, "ClusterRole") };
    let made = object!({"apiVersion": (format!("{RBAC}/v1")), "kind": word, "metadata": {"name": name}, "rules": list});
    send(session, flags, kind, made, "created", &format!("failed to create {what}: ")).await
}

pub async fn binding(session: &mut Session<'_>, what: &str, flags: &Flags) -> Result<(), Fault> {
    if what == "clusterrolebinding" {
        flags.require(&["clusterrole"])?;
    }
    let name = flags.name()?;
    let (of, role) = match (flags.get("clusterrole"), flags.get("role")) {
        ("", "") => return Err(Fault::plain("exactly one of clusterrole or role must be specified")),
        (role, "") => ("ClusterRole", role),
        ("", role) => ("Role", role),
        _ => return Err(Fault::plain("exactly one of clusterrole or role must be specified")),
    };
    let mut subjects = Vec::new();
    for (kind, flag) in [("User", "user"), ("Group", "group")] {
        subjects
            .extend(flags.all(flag).iter().map(|it| object!({"apiGroup": RBAC, "kind": kind, "name": it})));
    }
    for given in flags.all("serviceaccount") {
        let Some((namespace, name)) = given.split_once(':').filter(|(_, name)| !name.is_empty()) else {
            return Err(Fault::plain("serviceaccount must be <namespace>:<name>"));
        };
        subjects.push(object!({"kind": "ServiceAccount", "name": name, "namespace": namespace}));
    }
    let (kind, word) = if what == "rolebinding" {
        (Kind::RoleBinding, "RoleBinding")
    } else {
        (Kind::ClusterRoleBinding, "ClusterRoleBinding")
    };
    let mut made = object!({
        "apiVersion": (format!("{RBAC}/v1")), "kind": word, "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": of, "name": role}
    });
    if !subjects.is_empty() {
        made.set("subjects", subjects);
    }
    send(session, flags, kind, made, "created", &format!("failed to create {what}: ")).await
}

pub async fn quota(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let mut made = object!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": (flags.name()?)}, "spec": {}, "status": {}
    });
    for pair in flags.all("hard") {
        let Some((name, amount)) = pair.split_once('=') else {
            return Err(Fault::Plain(format!("invalid argument syntax {pair}, expected <resource>=<value>")));
        };
        made["spec"]["hard"].set(name, amount);
    }
    let scopes = texts(&flags.all("scopes"));
    if !scopes.is_empty() {
        made["spec"].set("scopes", scopes);
    }
    send(session, flags, Kind::ResourceQuota, made, "created", "failed to create quota: ").await
}

pub async fn budget(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    if flags.get("selector").is_empty() {
        return Err(Fault::plain("a selector must be specified"));
    }
    let (least, most) = (flags.get("min-available"), flags.get("max-unavailable"));
    if least.is_empty() == most.is_empty() {
        return Err(Fault::plain(if least.is_empty() {
            "one of min-available or max-unavailable must be specified"
        } else {
            "min-available and max-unavailable cannot be both specified"
        }));
    }
    let mut labels = Value::map();
    for pair in flags.get("selector").split(',') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        labels.set(key, value);
    }
    let amount = |text: &str| text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from);
    let (field, text) = if least.is_empty() { ("maxUnavailable", most) } else { ("minAvailable", least) };
    let mut made = object!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}
    });
    made["spec"].set(field, amount(text));
    send(
        session,
        flags,
        Kind::PodDisruptionBudget,
        made,
        "created",
        "failed to create poddisruptionbudgets: ",
    )
    .await
}

pub async fn priority(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    flags.require(&["value"])?;
    let mut made = object!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": (flags.name()?)},
        "preemptionPolicy": (flags.or("preemption-policy", "PreemptLowerPriority")),
        "value": (flags.number("value")?.unwrap_or(0))
    });
    if flags.is_on("global-default") {
        made.set("globalDefault", true);
    }
    if flags.has("description") {
        made.set("description", flags.get("description"));
    }
    send(session, flags, Kind::PriorityClass, made, "created", "failed to create priorityclass: ").await
}
