//! Who asks, and whether they may.
//!
//! Always: members of `system:masters` may do all, everybody may look at discovery and ask what they may do; else `rbac`
//! says, also whom somebody may impersonate (`--as`).
//! Differs from Kubernetes: nodes and the cluster's own service accounts may do all, without roles.
//! Source: kubernetes.io "Authorization".

use super::path::{Path, Target};
use super::rbac::{self, Wish};
use super::{Request, Response};
use crate::object;
use crate::object::{Kind, Status, Value, json};
use crate::store::Store;
use linux::base64;

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub name: String,
    pub groups: Vec<String>,
}

impl User {
    /// By the headers of the request: who asks, or whom they may speak for.
    pub fn of(store: &Store, request: &Request) -> Result<User, Status> {
        let (own, name) = (User::own(request), request.header("Impersonate-User"));
        if name.is_empty() {
            return Ok(own);
        }
        let asked = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Impersonate-Group"));
        let mut groups: Vec<String> = asked.map(|(_, group)| group.clone()).collect();
        match name.strip_prefix("system:serviceaccount:").and_then(|it| it.split_once(':')) {
            Some((namespace, name)) => own.may_be(store, "serviceaccounts", namespace, name)?,
            None => own.may_be(store, "users", "", name)?,
        }
        groups.iter().try_for_each(|group| own.may_be(store, "groups", "", group))?;
        groups.push("system:authenticated".to_owned());
        Ok(User { name: name.to_owned(), groups })
    }

    /// Refuses to take somebody for one whom they may not impersonate.
    fn may_be(&self, store: &Store, resource: &str, namespace: &str, name: &str) -> Result<(), Status> {
        let wish = Wish::Resource { verb: "impersonate", group: "", resource, namespace, name };
        if self.may_do_all() || rbac::allows(store, self, wish).is_some() {
            return Ok(());
        }
        let why = self.cannot("impersonate", resource, "", namespace);
        Err(Status::new(403, "Forbidden", format!("{resource} \"{name}\" is forbidden: {why}")))
    }

    /// In the authorizer's words.
    fn cannot(&self, verb: &str, resource: &str, group: &str, namespace: &str) -> String {
        let place = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{namespace}\"")
        };
        let name = &self.name;
        format!("User \"{name}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}")
    }

    /// Who asks; a kubeconfig's certificate is the header `X-Remote-User` here.
    fn own(request: &Request) -> User {
        if let Some(user) = User::of_token(request.header("Authorization")) {
            return user;
        }
        match request.header("X-Remote-User") {
            "" => User {
                name: "system:anonymous".to_owned(),
                groups: vec!["system:unauthenticated".to_owned()],
            },
            name => {
                let group = request.header("X-Remote-Group");
                let mut groups = vec!["system:authenticated".to_owned()];
                groups.extend(Some(group).filter(|it| !it.is_empty()).map(str::to_owned));
                User { name: name.to_owned(), groups }
            }
        }
    }

    /// Whom a ServiceAccount's token names. Nothing checks its signature, as nothing signs it.
    fn of_token(header: &str) -> Option<User> {
        let claims = header.strip_prefix("Bearer ")?.trim().split('.').nth(1)?;
        let mut text = claims.replace('-', "+").replace('_', "/");
        text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
        let claims = json::parse(&String::from_utf8(base64::decode_lines(&text).ok()?).ok()?).ok()?;
        let name = claims.str("sub").to_owned();
        let namespace = name.strip_prefix("system:serviceaccount:")?.split(':').next()?;
        let groups = vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ];
        Some(User { name, groups })
    }

    pub fn may_do_all(&self) -> bool {
        const MASTERS: [&str; 3] = ["system:masters", "kubeadm:cluster-admins", "system:nodes"];
        self.groups.iter().any(|group| MASTERS.contains(&group.as_str()))
            || self.name.starts_with("system:kube-")
            || self.name.starts_with("system:serviceaccount:kube-system:")
    }
}

/// Refuses what the user may not do, in the authorizer's words.
pub fn check(store: &Store, user: &User, request: &Request, path: &Path) -> Result<(), Status> {
    let resource = path.kind.resource();
    let is_question = resource.served == object::kind::Served::Answer && path.kind != object::Kind::Binding;
    if user.may_do_all() || is_question {
        return Ok(());
    }
    let part = if let Target::Part(part) = &path.target { format!("/{part}") } else { String::new() };
    let (verb, group, named) = (path.verb(request), resource.group, format!("{}{part}", resource.plural));
    let (namespace, name) = (path.namespace.as_str(), path.name.as_str());
    let wish = Wish::Resource { verb, group, resource: &named, namespace, name };
    if rbac::allows(store, user, wish).is_some() {
        return Ok(());
    }
    let why = user.cannot(verb, &named, group, namespace);
    Err(Status::forbidden(path.kind, &path.name, &why))
}

/// The same for what is no object: `/api`, `/version`.
pub fn check_path(store: &Store, user: &User, path: &str) -> Result<(), Status> {
    let trimmed = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    if user.may_do_all() || rbac::allows(store, user, Wish::Path { verb: "get", path: trimmed }).is_some() {
        return Ok(());
    }
    let words = format!("forbidden: User \"{}\" cannot get path \"{path}\"", user.name);
    Err(Status::new(403, "Forbidden", words))
}

pub fn is_review(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::SelfSubjectReview
            | Kind::SelfSubjectAccessReview
            | Kind::SubjectAccessReview
            | Kind::LocalSubjectAccessReview
            | Kind::SelfSubjectRulesReview
    )
}

/// Answers who asks, or whether they may.
pub fn review(store: &Store, user: &User, path: &Path, body: &Value) -> Response {
    let mut answer = body.clone();
    if path.kind == Kind::SelfSubjectReview {
        let groups: Vec<Value> = user.groups.iter().map(Value::from).collect();
        answer.set("status", object!({"userInfo": {"username": (user.name.as_str()), "groups": groups}}));
        return Response::json(201, &answer);
    }
    if path.kind == Kind::SelfSubjectRulesReview {
        answer.set("status", rules(store, user, body.at(&["spec", "namespace"]).as_str()));
        return Response::json(201, &answer);
    }
    let name = body.at(&["spec", "user"]).as_str();
    let asked = if name.is_empty() {
        user.clone()
    } else {
        let groups = body.at(&["spec", "groups"]).items().iter().map(|it| it.as_str().to_owned()).collect();
        User { name: name.to_owned(), groups }
    };
    let spec = body.get("spec");
    let (of, url) = (spec.get("resourceAttributes"), spec.get("nonResourceAttributes"));
    let part = of.str("subresource");
    let resource = if part.is_empty() {
        of.str("resource").to_owned()
    } else {
        format!("{}/{part}", of.str("resource"))
    };
    let wish = match url {
        Value::Null => Wish::Resource {
            verb: of.str("verb"),
            group: of.str("group"),
            resource: &resource,
            namespace: of.str("namespace"),
            name: of.str("name"),
        },
        url => Wish::Path { verb: url.str("verb"), path: url.str("path") },
    };
    answer.set("status", object!({"allowed": (asked.may_do_all())}));
    if !asked.may_do_all()
        && let Some(reason) = rbac::allows(store, &asked, wish)
    {
        answer.set("status", object!({"allowed": true, "reason": reason}));
    }
    Response::json(201, &answer)
}

/// All that somebody may do in a namespace, as a review's status.
fn rules(store: &Store, user: &User, namespace: &str) -> Value {
    let everything = object!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
    let anywhere = object!({"verbs": ["*"], "nonResourceURLs": ["*"]});
    let mut rules = rbac::rules(store, user, namespace);
    let is_all = |rule: &&Value| rule.get("resources") == everything.get("resources");
    if user.may_do_all() && !rules.iter().any(is_all) {
        rules.splice(0..0, [&everything, &anywhere]);
    }
    let (mut resources, mut urls) = (Vec::new(), Vec::new());
    for rule in rules {
        let mut entry = object!({"verbs": (rule.get("verbs"))});
        let (names, to) = if rule.get("nonResourceURLs").is_empty() {
            (&["apiGroups", "resources", "resourceNames"][..], &mut resources)
        } else {
            (&["nonResourceURLs"][..], &mut urls)
        };
        for name in names.iter().filter(|it| !rule.get(it).is_empty()) {
            entry.set(name, rule.get(name));
        }
        to.push(entry);
    }
    let mut status = object!({"incomplete": false, "nonResourceRules": urls, "resourceRules": resources});
    if user.groups.iter().any(|it| it == "system:nodes") {
        status.set("incomplete", true);
        status.set("evaluationError", "node authorizer does not support user rule resolution");
    }
    status
}
