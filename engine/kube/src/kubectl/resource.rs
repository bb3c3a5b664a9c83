//! Which kinds and names some words mean: `pods`, `deploy/web svc/web`, `pods,svc`, `all`.
//!
//! Source: cli-runtime `pkg/resource/builder.go`.

use super::fault::Fault;
use crate::object::{KINDS, Kind, Resource};

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Kinds in order, each with names; none means all of the kind.
    pub kinds: Vec<(Kind, Vec<String>)>,
    /// Whether names were given as `kind/name`.
    pub slashed: bool,
    /// Whether `all` stood among the kinds.
    pub category: bool,
}

/// A kind by any of its names: `svc`, `service`, `services`, `deployments.apps`, `deployments.v1.apps`.
pub fn kind_of(word: &str) -> Result<Kind, Fault> {
    let lower = word.to_lowercase();
    let (name, group) = lower.split_once('.').unwrap_or((&lower, ""));
    let is_it = |it: &&Resource| {
        let named = it.plural == name || it.singular() == name || it.short.contains(&name);
        let versioned = format!("{}.{}", it.version, it.group);
        named
            && (group.is_empty()
                || it.group == group
                || versioned.trim_end_matches('.') == group.trim_end_matches('.'))
    };
    let missing = if group.is_empty() {
        format!("the server doesn't have a resource type \"{word}\"")
    } else {
        format!("the server doesn't have a resource type \"{name}\" in group \"{group}\"")
    };
    KINDS.iter().find(is_it).map(|it| it.kind).ok_or(Fault::Plain(missing))
}

/// `all`: the kinds of that category, group by group.
const ALL: &[Kind] = &[
    Kind::Pod,
    Kind::ReplicationController,
    Kind::Service,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::HorizontalPodAutoscaler,
    Kind::CronJob,
    Kind::Job,
];

impl Wanted {
    pub fn parse(words: &[String]) -> Result<Wanted, Fault> {
        let mut wanted = Wanted { slashed: words.iter().any(|it| it.contains('/')), ..Wanted::default() };
        if wanted.slashed {
            for word in words {
                wanted.kinds.push(slashed(word)?);
            }
            return Ok(wanted);
        }
        let Some((kinds, names)) = words.split_first() else { return Ok(wanted) };
        for word in kinds.split(',').filter(|it| !it.is_empty()) {
            if word == "all" {
                wanted.category = true;
                wanted.kinds.extend(ALL.iter().map(|it| (*it, names.to_vec())));
            } else {
                wanted.kinds.push((kind_of(word)?, names.to_vec()));
            }
        }
        Ok(wanted)
    }

    pub fn has_names(&self) -> bool {
        self.kinds.iter().any(|(_, names)| !names.is_empty())
    }

    /// Whether one object was named, so that it is not wrapped into a List.
    pub fn is_single(&self) -> bool {
        matches!(&self.kinds[..], [(_, names)] if names.len() == 1)
    }
}

fn slashed(word: &str) -> Result<(Kind, Vec<String>), Fault> {
    let parts: Vec<&str> = word.split('/').collect();
    let [kind, name] = parts[..] else {
        let text = if parts.len() == 1 {
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name \
             form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'"
        } else {
            "arguments in resource/name form may not have more than one slash"
        };
        return Err(Fault::plain(text));
    };
    if name.is_empty() || kind.is_empty() {
        return Err(Fault::plain("arguments in resource/name form must have a single resource and name"));
    }
    if kind.contains(',') {
        return Err(Fault::plain("arguments in resource/name form must have a single resource and name"));
    }
    Ok((kind_of(kind)?, vec![name.to_owned()]))
}
