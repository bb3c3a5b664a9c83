//! A request's path, taken apart: which kind, which namespace, which object, which part of it.
//!
//! Source: kubernetes.io "API concepts", resource URIs.

use super::Request;
use crate::object::Kind;

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Collection,
    Object,
    /// A subresource: `status`, `scale`, `log` …
    Part(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
    pub target: Target,
    /// What follows the subresource, for proxies.
    pub rest: String,
}

impl Path {
    pub fn parse(request: &Request) -> Option<Path> {
        let mut words = request.path.trim_start_matches('/').split('/');
        let (group, version) = match words.next()? {
            "api" => ("", words.next()?),
            "apis" => (words.next()?, words.next()?),
            _ => return None,
        };
        let words: Vec<&str> = words.collect();
        let (namespace, words) = match &words[..] {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !is_part_of_namespace(rest[0]) => {
                (*namespace, rest)
            }
            all => ("", all),
        };
        let (plural, words) = words.split_first()?;
        let kind = Kind::of_plural(group, version, plural)?;
        let mut path = Path {
            kind,
            namespace: namespace.to_owned(),
            name: String::new(),
            target: Target::Collection,
            rest: String::new(),
        };
        if let Some((name, rest)) = words.split_first().filter(|(name, _)| !name.is_empty()) {
            path.name = (*name).to_owned();
            path.target = Target::Object;
            if let Some((part, rest)) = rest.split_first() {
                path.target = Target::Part((*part).to_owned());
                path.rest = rest.join("/");
            }
        }
        Some(path)
    }

    /// The verb as authorization knows it.
    pub fn verb(&self, request: &Request) -> &'static str {
        match (request.method, &self.target) {
            ("GET", Target::Collection) if request.is_true("watch") => "watch",
            ("GET", Target::Collection) => "list",
            ("GET", _) => "get",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Target::Collection) => "deletecollection",
            _ => "delete",
        }
    }
}

fn is_part_of_namespace(word: &str) -> bool {
    matches!(word, "status" | "finalize")
}
