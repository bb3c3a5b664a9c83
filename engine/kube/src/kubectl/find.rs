//! From words and flags to objects: by name, by selector, all of a kind, or out of files.
//!
//! Always: what is missing is an error of its own and does not hide what is there.
//! Source: cli-runtime `pkg/resource/builder.go`.

use super::fault::Fault;
use super::flags::Flags;
use super::manifest;
use super::resource::Wanted;
use super::session::Session;
use crate::object::{Kind, Value};

/// One object, and where it came from.
#[derive(Clone, Debug)]
pub struct Info {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
    pub object: Value,
    /// The file; empty if it is the server's.
    pub source: String,
}

impl Info {
    pub fn of(kind: Kind, object: Value) -> Info {
        let metadata = object.get("metadata");
        let (namespace, name) = (metadata.str("namespace").to_owned(), metadata.str("name").to_owned());
        Info { kind, namespace, name, object, source: String::new() }
    }
}

/// How a command looks for its objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Without names all of a kind are meant.
    pub all_if_unnamed: bool,
    /// Files name objects of the server, which are asked for.
    pub latest: bool,
}

/// Without names all, as the server has them.
pub const EVERYTHING: How = How { all_if_unnamed: true, latest: true };

pub fn nothing_given() -> Fault {
    Fault::plain(
        "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   \
         '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
    )
}

/// The words and flags as what is wanted, or the mistake in them.
pub fn wanted(flags: &Flags, words: &[String], all_if_unnamed: bool) -> Result<Wanted, Fault> {
    let has_selector = flags.has("selector");
    if has_selector && flags.is_on("all") && flags.path != "kubectl delete" {
        return Err(Fault::Plain(format!(
            "setting 'all' parameter but found a non empty selector. {}",
            flags.get("selector")
        )));
    }
    let wanted = Wanted::parse(words)?;
    if wanted.kinds.is_empty() {
        return Err(nothing_given());
    }
    let chosen = has_selector || flags.has("field-selector") || flags.is_on("all");
    if wanted.slashed && chosen {
        return Err(Fault::plain(
            "selectors and the all flag cannot be used when passing resource/name arguments",
        ));
    }
    if wanted.has_names() && has_selector {
        return Err(Fault::plain("name cannot be provided when a selector is specified"));
    }
    if !wanted.has_names() && !chosen && !all_if_unnamed {
        return Err(Fault::plain("resource(s) were provided, but no name was specified"));
    }
    if wanted.has_names() && flags.is_on("all-namespaces") {
        return Err(Fault::plain("a resource cannot be retrieved by name across all namespaces"));
    }
    Ok(wanted)
}

/// The namespace in which a kind is looked for; empty for all, and for what has none.
pub fn namespace_of(session: &Session<'_>, flags: &Flags, kind: Kind) -> String {
    if !kind.resource().namespaced || flags.is_on("all-namespaces") {
        return String::new();
    }
    session.namespace.clone()
}

pub async fn find(
    session: &mut Session<'_>,
    flags: &Flags,
    words: &[String],
    how: How,
) -> Result<(Vec<Info>, Vec<Fault>), Fault> {
    if flags.has("filename") || flags.has("kustomize") {
        if !words.is_empty() {
            return Err(Fault::plain(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
            ));
        }
        let (infos, faults) = manifest::read(session, flags).await?;
        return if how.latest { latest(session, infos, faults).await } else { Ok((infos, faults)) };
    }
    let wanted = wanted(flags, words, how.all_if_unnamed)?;
    let (mut infos, mut faults) = (Vec::new(), Vec::new());
    for (kind, names) in &wanted.kinds {
        let namespace = namespace_of(session, flags, *kind);
        for name in names {
            match session.fetch(*kind, &namespace, name).await {
                Ok(object) => infos.push(Info::of(*kind, object)),
                Err(fault) => push(&mut faults, fault)?,
            }
        }
        if names.is_empty() {
            let selectors =
                [("labelSelector", flags.get("selector")), ("fieldSelector", flags.get("field-selector"))];
            match session.list(*kind, &namespace, &selectors).await {
                Ok(items) => infos.extend(items.into_iter().map(|it| Info::of(*kind, it))),
                Err(fault) => push(&mut faults, fault)?,
            }
        }
    }
    Ok((infos, faults))
}

/// The server's own answers gather; that there is no server ends the search.
pub fn push(faults: &mut Vec<Fault>, fault: Fault) -> Result<(), Fault> {
    if matches!(fault, Fault::Raw(_)) {
        return Err(fault);
    }
    if !faults.contains(&fault) {
        faults.push(fault);
    }
    Ok(())
}

async fn latest(
    session: &mut Session<'_>,
    infos: Vec<Info>,
    mut faults: Vec<Fault>,
) -> Result<(Vec<Info>, Vec<Fault>), Fault> {
    let mut found = Vec::new();
    for info in infos {
        match session.fetch(info.kind, &info.namespace, &info.name).await {
            Ok(object) => found.push(Info { object, ..info }),
            Err(fault) => push(&mut faults, fault)?,
        }
    }
    Ok((found, faults))
}

/// The objects, if nothing went wrong.
pub async fn all(
    session: &mut Session<'_>,
    flags: &Flags,
    words: &[String],
    how: How,
) -> Result<Vec<Info>, Fault> {
    let (infos, faults) = find(session, flags, words, how).await?;
    Fault::all(faults)?;
    Ok(infos)
}
