//! `cp`: files to and from containers, packed by `tar` on the container's side.
//!
//! Always: a file goes where kubectl puts it, whatever the archive says; an image without `tar` says so.
//! Differs from kubectl: `--retries` is not simulated; links between files become empty files, as there.
//! Source: kubectl `pkg/cmd/cp`.

use super::exec::{Captured, captured};
use super::fault::Fault;
use super::flags::Flags;
use super::session::Session;
use linux::tar::{self, Entry, Kind};

/// `[[namespace/]pod:]path`; no pod is this machine.
#[derive(Clone, Debug, Default)]
struct Place {
    namespace: String,
    pod: String,
    path: String,
}

impl Place {
    fn parse(word: &str) -> Result<Place, Fault> {
        let wrong = || Fault::plain("filespec must match the canonical format: [[namespace/]pod:]file/path");
        let Some((pod, path)) = word.split_once(':') else {
            return Ok(Place { path: unslashed(word), ..Place::default() });
        };
        let (namespace, pod) = pod.split_once('/').unwrap_or(("", pod));
        if word.starts_with(':') || pod.contains('/') {
            return Err(wrong());
        }
        let path = unslashed(path).replace('\\', "/");
        Ok(Place { namespace: namespace.to_owned(), pod: pod.to_owned(), path })
    }
}

pub async fn copy(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let [from, to] = &flags.words[..] else {
        return Err(Fault::plain("source and destination are required"));
    };
    let (from, to) = (Place::parse(from)?, Place::parse(to)?);
    if !from.pod.is_empty() && !to.pod.is_empty() {
        return Err(Fault::plain("one of src or dest must be a local file specification"));
    }
    if from.path.is_empty() || to.path.is_empty() {
        return Err(Fault::plain("filepath can not be empty"));
    }
    match (from.pod.is_empty(), to.pod.is_empty()) {
        (false, _) => from_pod(session, flags, &from, &to.path).await,
        (_, false) => to_pod(session, flags, &from.path, &to).await,
        _ => Err(Fault::plain("one of src or dest must be a remote file specification")),
    }
}

async fn run(
    session: &mut Session<'_>,
    flags: &Flags,
    place: &Place,
    words: &[&str],
    input: Option<Vec<u8>>,
) -> Result<Captured, Fault> {
    let namespace =
        if place.namespace.is_empty() { session.namespace.clone() } else { place.namespace.clone() };
    let words = words.iter().map(|it| (*it).to_owned()).collect();
    captured(session, flags, (&namespace, &place.pod), words, input).await
}

async fn to_pod(session: &mut Session<'_>, flags: &Flags, from: &str, to: &Place) -> Result<(), Fault> {
    let gathered = session.host.gather(from).await;
    let entries = gathered.map_err(|why| match why.as_str() {
        "No such file or directory" => Fault::Plain(format!("{from} doesn't exist in local filesystem")),
        why => Fault::Plain(format!("open {from}: {}", why.to_lowercase())),
    })?;
    let is_folder = run(session, flags, to, &["test", "-d", &to.path], None).await;
    let target = match is_folder {
        Ok(Captured { code: 0, .. }) => joined(&to.path, base(&clean(from))),
        _ => clean(&to.path),
    };
    let mut archive = Vec::new();
    for mut entry in entries {
        entry.name = joined(base(&target), &entry.name);
        tar::write(&mut archive, &entry);
    }
    tar::finish(&mut archive);
    let mut words = vec!["tar"];
    if flags.is_on("no-preserve") {
        words.extend(["--no-same-permissions", "--no-same-owner"]);
    }
    words.extend(["-xmf", "-", "-C", folder(&target)]);
    let done = run(session, flags, to, &words, Some(archive)).await?;
    session.complain(&done.note);
    session.print(&String::from_utf8_lossy(&done.out));
    session.complain(&String::from_utf8_lossy(&done.err));
    done.ended(session)
}

async fn from_pod(session: &mut Session<'_>, flags: &Flags, from: &Place, to: &str) -> Result<(), Fault> {
    let done = run(session, flags, from, &["tar", "cf", "-", &from.path], None).await?;
    // What kubectl and tar have to say of it goes to standard output here.
    session.print(&done.note);
    session.print(&String::from_utf8_lossy(&done.err));
    let prefix = clean(from.path.trim_start_matches('/'));
    let prefix = without_shortcuts(&prefix);
    let (entries, broken) = tar::read(&done.out);
    let mut has_warned = false;
    for entry in entries {
        let Some(name) = entry.name.strip_prefix(prefix) else {
            return Err(Fault::plain("tar contents corrupted"));
        };
        unpack(session, from, (to, &joined(to, &unslashed(name))), &entry, &mut has_warned).await?;
    }
    done.ended(session)?;
    match broken {
        Some(tar::Error::UnexpectedEnd) => Err(Fault::plain("unexpected EOF")),
        Some(_) => Err(Fault::plain("archive/tar: invalid tar header")),
        None => Ok(()),
    }
}

async fn unpack(
    session: &mut Session<'_>,
    from: &Place,
    (to, path): (&str, &str),
    entry: &Entry,
    has_warned: &mut bool,
) -> Result<(), Fault> {
    if !is_below(&clean(to), path) {
        session.complain(&format!("warning: file {path:?} is outside target destination, skipping\n"));
        return Ok(());
    }
    let made = |why: String| Fault::Plain(format!("mkdir {path}: {}", why.to_lowercase()));
    session.host.make_folder(folder(path)).await.map_err(made)?;
    match &entry.kind {
        Kind::Directory => session.host.make_folder(path).await.map_err(made),
        Kind::Symlink(target) => {
            let hint = format!(
                " (consider using \"kubectl exec -n {:?} {:?} -- tar cf - {:?} | tar xf -\")",
                from.namespace, from.pod, from.path
            );
            let hint = if std::mem::replace(has_warned, true) { "" } else { &hint };
            session.complain(&format!("warning: skipping symlink: {path:?} -> {target:?}{hint}\n"));
            Ok(())
        }
        _ => {
            let written = session.host.write(path, entry.bytes.clone()).await;
            written.map_err(|why| Fault::Plain(format!("open {path}: {}", why.to_lowercase())))
        }
    }
}

fn unslashed(path: &str) -> String {
    path.strip_suffix('/').filter(|it| !it.is_empty()).unwrap_or(path).to_owned()
}

/// As Go's `path.Clean`.
fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|it| !it.is_empty() && *it != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => drop(parts.pop()),
            ("..", _) if is_absolute => {}
            _ => parts.push(part),
        }
    }
    match (is_absolute, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

fn joined(folder: &str, name: &str) -> String {
    if name.is_empty() { clean(folder) } else { clean(&format!("{folder}/{name}")) }
}

/// The last part of a clean path.
fn base(path: &str) -> &str {
    path.rsplit('/').next().filter(|it| !it.is_empty()).unwrap_or("/")
}

/// What a clean path stands in.
fn folder(path: &str) -> &str {
    match path.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
    }
}

/// Without `../` in front.
fn without_shortcuts(path: &str) -> &str {
    let rest = path.trim_start_matches("../");
    if rest == "." || rest == ".." { "" } else { rest }
}

/// Both clean.
fn is_below(folder: &str, path: &str) -> bool {
    match folder {
        "." => path != ".." && !path.starts_with("../") && !path.starts_with('/'),
        "/" => path.starts_with('/'),
        _ => path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does_it() {
        for (path, cleaned) in [
            ("", "."),
            ("/", "/"),
            ("/../a", "/a"),
            ("a/./b//c/..", "a/b"),
            ("../../a", "../../a"),
            ("..", ".."),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
        assert_eq!((base("/a/b"), folder("/a/b"), folder("/a"), folder("a")), ("b", "/a", "/", "."));
    }

    #[test]
    fn nothing_is_unpacked_outside_of_where_it_was_to_go() {
        assert!(is_below("/tmp/x", "/tmp/x/y") && is_below("/tmp/x", "/tmp/x") && is_below(".", "y"));
        assert!(!is_below("/tmp/x", "/tmp/xy") && !is_below("/tmp/x", "/etc") && !is_below(".", "../y"));
    }
}
