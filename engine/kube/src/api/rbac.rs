//! RBAC: what Roles and ClusterRoles allow, and to whom their bindings give it.
//!
//! Asked by `access` and by the reviews behind `kubectl auth can-i`. Always: rules only allow; a RoleBinding gives what it
//! gives within its namespace, a ClusterRoleBinding everywhere.
//! Differs from Kubernetes: roles are not aggregated; who makes a role need not have what it allows.
//! Source: kubernetes `plugin/pkg/auth/authorizer/rbac`, `pkg/apis/rbac/v1/evaluation_helpers.go`.

use super::access::User;
use crate::object::{Kind, Value};
use crate::store::Store;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// `resource` may have a part: `pods/log`.
    Resource {
        verb: &'a str,
        group: &'a str,
        resource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
    Path {
        verb: &'a str,
        path: &'a str,
    },
}

/// Why it is allowed; `None` where nothing allows it.
pub fn allows(store: &Store, user: &User, wish: Wish<'_>) -> Option<String> {
    let found = |kind: Kind, namespace: Option<&str>| {
        store.list(kind, namespace).find_map(|binding| {
            let subject = subjects(binding, user)?;
            let role = role(store, binding)?;
            role.get("rules").items().iter().find(|rule| fits(rule, wish))?;
            Some(reason(kind, binding, &subject))
        })
    };
    let everywhere = found(Kind::ClusterRoleBinding, None);
    everywhere.or_else(|| match wish {
        Wish::Resource { namespace, .. } if !namespace.is_empty() => {
            found(Kind::RoleBinding, Some(namespace))
        }
        _ => None,
    })
}

/// Every rule that allows that user anything in a namespace.
pub fn rules<'a>(store: &'a Store, user: &User, namespace: &str) -> Vec<&'a Value> {
    let everywhere = store.list(Kind::ClusterRoleBinding, None);
    let here = store.list(Kind::RoleBinding, Some(namespace)).filter(|_| !namespace.is_empty());
    let bindings = everywhere.chain(here).filter(|it| subjects(it, user).is_some());
    bindings.filter_map(|it| role(store, it)).flat_map(|it| it.get("rules").items()).collect()
}

/// The first subject of a binding that the user is, as the reason names it.
fn subjects(binding: &Value, user: &User) -> Option<String> {
    let own = binding["metadata"].str("namespace");
    binding.get("subjects").items().iter().find_map(|subject| {
        let (kind, name) = (subject.str("kind"), subject.str("name"));
        let namespace = match subject.str("namespace") {
            "" => own,
            namespace => namespace,
        };
        match kind {
            "User" if user.name == name => Some(format!("User \"{name}\"")),
            "Group" if user.groups.iter().any(|it| it == name) => Some(format!("Group \"{name}\"")),
            "ServiceAccount" if user.name == format!("system:serviceaccount:{namespace}:{name}") => {
                Some(format!("ServiceAccount \"{name}/{namespace}\""))
            }
            _ => None,
        }
    })
}

fn role<'a>(store: &'a Store, binding: &Value) -> Option<&'a Value> {
    let reference = binding.get("roleRef");
    match reference.str("kind") {
        "ClusterRole" => store.get(Kind::ClusterRole, "", reference.str("name")),
        _ => store.get(Kind::Role, binding["metadata"].str("namespace"), reference.str("name")),
    }
}

fn reason(kind: Kind, binding: &Value, subject: &str) -> String {
    let metadata = binding.get("metadata");
    let (name, namespace) = (metadata.str("name"), metadata.str("namespace"));
    let place = if namespace.is_empty() { name.to_owned() } else { format!("{name}/{namespace}") };
    let reference = binding.get("roleRef");
    let role = reference.str("name");
    format!(
        "RBAC: allowed by {} \"{place}\" of {} \"{role}\" to {subject}",
        kind.name(),
        reference.str("kind")
    )
}

fn has(rule: &Value, list: &str, wanted: &str) -> bool {
    rule.get(list).items().iter().any(|it| it.as_str() == wanted || it.as_str() == "*")
}

fn fits(rule: &Value, wish: Wish<'_>) -> bool {
    match wish {
        Wish::Resource { verb, group, resource, name, .. } => {
            let part = resource.split_once('/').map_or("", |(_, part)| part);
            let any_with_part = !part.is_empty() && has(rule, "resources", &format!("*/{part}"));
            let names = rule.get("resourceNames").items();
            has(rule, "verbs", verb)
                && has(rule, "apiGroups", group)
                && (has(rule, "resources", resource) || any_with_part)
                && (names.is_empty() || !name.is_empty() && names.iter().any(|it| it.as_str() == name))
        }
        Wish::Path { verb, path } => {
            let fits_path = |it: &Value| match it.as_str().strip_suffix('*') {
                Some(head) => path.starts_with(head),
                None => it.as_str() == path,
            };
            has(rule, "verbs", verb) && rule.get("nonResourceURLs").items().iter().any(fits_path)
        }
    }
}
