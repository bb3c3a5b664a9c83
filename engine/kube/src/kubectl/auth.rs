//! `auth can-i` and `auth whoami`.
//!
//! Source: kubectl `pkg/cmd/auth`.

use super::fault::Fault;
use super::flags::Flags;
use super::print::Output;
use super::resource::kind_of;
use super::session::Session;
use super::tab;
use crate::api::Request;
use crate::object;
use crate::object::{Value, json};

const VERBS: &str = "get list watch create update patch delete deletecollection use bind impersonate * approve sign escalate \
    attest proxy";

pub async fn auth(session: &mut Session<'_>, second: &str, flags: &Flags) -> Result<(), Fault> {
    match second {
        "can-i" => can_i(session, flags).await,
        "whoami" => whoami(session, flags).await,
        _ => {
            if let Some(word) = flags.words.first() {
                return Err(flags.usage(format!("unknown command {word:?}")));
            }
            session.complain(&super::command::help(super::command::command("auth")));
            Err(Fault::Silent(1))
        }
    }
}

async fn can_i(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.is_on("list") {
        return list(session, flags).await;
    }
    if flags.has("no-headers") {
        return Err(Fault::plain("--no-headers cannot be set without --list specified"));
    }
    let (verb, what) = match &flags.words[..] {
        [verb, what] => (verb, what),
        _ => {
            return Err(Fault::plain(
                "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for \
                 help and examples.",
            ));
        }
    };
    let spec = question(session, flags, verb, what);
    let body = object!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer =
        session.json(Request::new("POST", path).with_body("application/json", json::compact(&body))).await?;
    let status = answer.get("status");
    let allowed = status.is_true("allowed");
    if !flags.is_on("quiet") {
        let mut text = if allowed { "yes" } else { "no" }.to_owned();
        if !allowed && !status.str("reason").is_empty() {
            text += &format!(" - {}", status.str("reason"));
        }
        session.print(&(text + "\n"));
    }
    if allowed { Ok(()) } else { Err(Fault::Silent(1)) }
}

async fn list(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if !flags.words.is_empty() {
        return Err(Fault::plain("list option must be specified with no arguments"));
    }
    if ["quiet", "all-namespaces", "subresource"].iter().any(|it| flags.has(it)) {
        let words =
            "list option can't be specified with neither quiet, all-namespaces nor subresource options";
        return Err(Fault::plain(words));
    }
    let body = object!({
        "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": {"namespace": (session.namespace.as_str())}
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let answer =
        session.json(Request::new("POST", path).with_body("application/json", json::compact(&body))).await?;
    let status = answer.get("status");
    if status.is_true("incomplete") {
        let why = status.str("evaluationError");
        session.complain(&format!("Warning: the list may be incomplete: {why}\n"));
    }
    let mut text = "Resources\tNon-Resource URLs\tResource Names\tVerbs\n".to_owned();
    if flags.is_on("no-headers") {
        text.clear();
    }
    let rules = ["resourceRules", "nonResourceRules"].iter().flat_map(|it| status.get(it).items());
    for rule in compact(rules) {
        text += &(rule.cells() + "\n");
    }
    session.print(&tab::table(&text));
    Ok(())
}

/// One resource or one URL, and what may be done to it.
#[derive(Default, PartialEq)]
pub struct Rule {
    group: String,
    resource: String,
    name: String,
    url: String,
    verbs: Vec<String>,
}

impl Rule {
    /// As Go prints the rule, by which kubectl sorts.
    fn key(&self) -> String {
        let (verbs, group, resource) = (self.verbs.join(" "), &self.group, &self.resource);
        format!("[{verbs}] [{group}] [{resource}] [{}] [{}]", self.name, self.url)
    }

    /// Resource, URL, name and verbs.
    pub fn cells(&self) -> String {
        let (resource, part) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        let dot = if self.group.is_empty() { "" } else { "." };
        let slash = if part.is_empty() { "" } else { "/" };
        let (group, url, name, verbs) = (&self.group, &self.url, &self.name, self.verbs.join(" "));
        format!("{resource}{dot}{group}{slash}{part}\t[{url}]\t[{name}]\t[{verbs}]")
    }
}

/// A rule for each resource, with its verbs together; a rule for each URL and verb.
pub fn compact<'v>(all: impl IntoIterator<Item = &'v Value>) -> Vec<Rule> {
    let words = |rule: &Value, list: &str| -> Vec<String> {
        rule.get(list).items().iter().map(|it| it.as_str().to_owned()).collect()
    };
    let mut rules: Vec<Rule> = Vec::new();
    for rule in all {
        for url in words(rule, "nonResourceURLs") {
            let verbs = words(rule, "verbs").into_iter();
            rules.extend(verbs.map(|it| Rule { url: url.clone(), verbs: vec![it], ..Rule::default() }));
        }
        let mut names = words(rule, "resourceNames");
        if names.is_empty() {
            names.push(String::new());
        }
        let (groups, resources) = (words(rule, "apiGroups"), words(rule, "resources"));
        let each = groups.iter().flat_map(|group| resources.iter().map(move |it| (group, it)));
        for ((group, resource), name) in each.flat_map(|it| names.iter().map(move |name| (it, name))) {
            let fits = |it: &&mut Rule| {
                it.url.is_empty() && it.group == *group && it.resource == *resource && it.name == *name
            };
            let mut verbs = words(rule, "verbs");
            if let Some(there) = rules.iter_mut().find(fits) {
                verbs.retain(|it| !there.verbs.contains(it));
                there.verbs.append(&mut verbs);
            } else {
                let (group, resource, name) = (group.clone(), resource.clone(), name.clone());
                rules.push(Rule { group, resource, name, url: String::new(), verbs });
            }
        }
    }
    rules.sort_by_key(Rule::key);
    rules
}

/// What is asked, as a review's spec; what looks wrong with it is said at once.
fn question(session: &mut Session<'_>, flags: &Flags, verb: &str, what: &str) -> Value {
    let mut spec = Value::map();
    if what.starts_with('/') {
        spec["nonResourceAttributes"] = object!({"path": what, "verb": verb});
    } else {
        let (word, name) = what.split_once('/').unwrap_or((what, ""));
        let found = kind_of(word).ok();
        if found.is_none() && word != "*" {
            let group = word.split_once('.').map_or("", |(_, group)| group);
            session.complain(&if group.is_empty() {
                format!("Warning: the server doesn't have a resource type '{word}'\n\n")
            } else {
                format!("Warning: the server doesn't have a resource type '{word}' in group '{group}'\n\n")
            });
        }
        let (plural, group) = found.map_or((word, ""), |it| (it.resource().plural, it.resource().group));
        let namespace = if flags.is_on("all-namespaces") { "" } else { &session.namespace };
        let namespace = namespace.to_owned();
        spec["resourceAttributes"] = object!({"group": group, "resource": plural, "verb": verb});
        if !namespace.is_empty() {
            spec["resourceAttributes"].set("namespace", namespace);
        }
        if !name.is_empty() {
            spec["resourceAttributes"].set("name", name);
        }
        if flags.has("subresource") {
            spec["resourceAttributes"].set("subresource", flags.get("subresource"));
        }
        if !VERBS.split_whitespace().any(|it| it == verb) {
            session.complain(&format!("Warning: verb '{verb}' is not a known verb\n\n"));
        }
        if let Some(found) = found.filter(|it| !it.resource().namespaced) {
            let resource = found.resource();
            let dot = if resource.group.is_empty() {
                String::new()
            } else {
                format!(" in group '{}'", resource.group)
            };
            session.complain(&format!(
                "Warning: resource '{}' is not namespace scoped{dot}\n\n",
                resource.plural
            ));
        }
    }
    spec
}

async fn whoami(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let body =
        object!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer =
        session.json(Request::new("POST", path).with_body("application/json", json::compact(&body))).await?;
    if flags.has("output") {
        let output = Output::of_writer(session, flags).await?;
        let text = output.object(&answer, flags, true)?;
        session.print(&text);
        return Ok(());
    }
    let user = answer.at(&["status", "userInfo"]);
    let mut text = "ATTRIBUTE\tVALUE\n".to_owned();
    if !user.str("username").is_empty() {
        text += &format!("Username\t{}\n", user.str("username"));
    }
    if !user.str("uid").is_empty() {
        text += &format!("UID\t{}\n", user.str("uid"));
    }
    let groups: Vec<&str> = user.get("groups").items().iter().map(Value::as_str).collect();
    if !groups.is_empty() {
        text += &format!("Groups\t[{}]\n", groups.join(" "));
    }
    session.print(&tab::table(&text));
    Ok(())
}
