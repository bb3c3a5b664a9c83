//! Manifests: files, folders and standard input as objects; `replace`, and what `create -f` does.
//!
//! Always: an error names the file and what kubectl says of it.
//! Source: cli-runtime `pkg/resource/visitor.go`, kubectl `pkg/cmd/{create,replace}`.

use super::Entry;
use super::fault::Fault;
use super::find::Info;
use super::flags::Flags;
use super::print::{self, Output};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Kind, Value, json, yaml};

/// Files of a folder are taken in no deeper than this.
const DEEPEST: usize = 16;

/// What a manifest's documents gave: objects, and what is wrong with others.
pub type Read = (Vec<Info>, Vec<Fault>);

/// The files that `-f` names, each with its text.
async fn texts(session: &mut Session<'_>, flags: &Flags) -> Result<Vec<(String, String)>, Fault> {
    let mut texts = Vec::new();
    for name in flags.all("filename") {
        if name.starts_with("http://") || name.starts_with("https://") {
            return Err(Fault::Plain(format!(
                "{name}: URLs are not simulated in vethlab; save the file and name it"
            )));
        }
        let mut ahead = vec![(name.clone(), 0)];
        while let Some((name, depth)) = ahead.pop() {
            match session.host.read(&name).await {
                Ok(Entry::File(bytes)) => {
                    let shown = if name == "-" { "STDIN".to_owned() } else { name };
                    texts.push((shown, String::from_utf8_lossy(&bytes).into_owned()));
                }
                Ok(Entry::Folder(names)) if depth == 0 || flags.is_on("recursive") && depth < DEEPEST => {
                    let inner = names
                        .into_iter()
                        .rev()
                        .map(|it| (format!("{}/{it}", name.trim_end_matches('/')), depth + 1));
                    let is_manifest =
                        |it: &str| [".json", ".yaml", ".yml"].iter().any(|end| it.ends_with(end));
                    ahead.extend(inner.filter(|(it, _)| is_manifest(it) || flags.is_on("recursive")));
                }
                Ok(Entry::Folder(_)) => {}
                Err(_) if depth == 0 => {
                    return Err(Fault::Plain(format!("the path \"{name}\" does not exist")));
                }
                Err(_) => {}
            }
        }
    }
    Ok(texts)
}

/// The objects of all `-f`.
pub async fn read(session: &mut Session<'_>, flags: &Flags) -> Result<Read, Fault> {
    if flags.has("kustomize") {
        return Err(Fault::plain("-k: not simulated in vethlab; use -f"));
    }
    let (mut infos, mut faults) = (Vec::new(), Vec::new());
    for (file, text) in texts(session, flags).await? {
        let documents = match documents(&text) {
            Ok(documents) => documents,
            Err(why) => {
                faults.push(Fault::Plain(format!("error parsing {file}: {why}")));
                continue;
            }
        };
        for document in documents {
            match objects(session, flags, &file, document) {
                Ok(found) => infos.extend(found),
                Err(fault) => faults.push(fault),
            }
        }
    }
    Ok((infos, faults))
}

/// The objects of a text that came from nowhere else.
pub fn parsed(session: &Session<'_>, flags: &Flags, file: &str, text: &str) -> Result<Vec<Info>, Fault> {
    let mut infos = Vec::new();
    for document in documents(text).map_err(Fault::Plain)? {
        infos.extend(objects(session, flags, file, document)?);
    }
    Ok(infos)
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with('{') {
        return json::parse(text).map(|it| vec![it]);
    }
    let all = yaml::parse_all(text).map_err(|why| format!("error converting YAML to JSON: {why}"))?;
    Ok(all.into_iter().filter(|it| !it.is_null()).collect())
}

fn objects(session: &Session<'_>, flags: &Flags, file: &str, document: Value) -> Result<Vec<Info>, Fault> {
    let skips = matches!(flags.get("validate"), "false" | "ignore" | "warn");
    let (version, kind) = (document.str("apiVersion"), document.str("kind"));
    let missing = match (version, kind) {
        ("", "") => "[apiVersion not set, kind not set]",
        ("", _) => "apiVersion not set",
        (_, "") => "kind not set",
        _ => "",
    };
    if !missing.is_empty() {
        if skips || !flags_validate(flags) {
            let what = if kind.is_empty() {
                "Object 'Kind' is missing in"
            } else {
                "Object 'apiVersion' is missing in"
            };
            let shown = json::compact(&document);
            return Err(Fault::Plain(format!("unable to decode \"{file}\": {what} '{shown}'")));
        }
        return Err(Fault::Plain(format!(
            "error validating \"{file}\": error validating data: {missing}; if you choose to ignore these errors, turn \
             validation off with --validate=false"
        )));
    }
    if kind == "List" {
        let items = document.get("items").items().to_vec();
        let parts = items.into_iter().map(|it| objects(session, flags, file, it));
        return parts.collect::<Result<Vec<_>, _>>().map(|it| it.concat());
    }
    let metadata = document.get("metadata");
    let (name, namespace) = (metadata.str("name").to_owned(), metadata.str("namespace").to_owned());
    let Some(known) = Kind::of(version, kind) else {
        return Err(Fault::Plain(format!(
            "resource mapping not found for name: \"{name}\" namespace: \"{namespace}\" from \"{file}\": no matches for \
             kind \"{kind}\" in version \"{version}\"\nensure CRDs are installed first"
        )));
    };
    let mut object = document;
    let mut info =
        Info { kind: known, namespace: String::new(), name, object: Value::Null, source: file.to_owned() };
    if known.resource().namespaced {
        if flags.has("namespace") && !namespace.is_empty() && namespace != session.namespace {
            return Err(Fault::Plain(format!(
                "the namespace from the provided object \"{namespace}\" does not match the namespace \"{}\". You must pass \
                 '--namespace={namespace}' to perform this operation.",
                session.namespace
            )));
        }
        info.namespace = if namespace.is_empty() { session.namespace.clone() } else { namespace };
        object["metadata"].set("namespace", info.namespace.as_str());
    }
    info.object = object;
    Ok(vec![info])
}

/// Whether this command validates manifests before it sends them.
fn flags_validate(flags: &Flags) -> bool {
    ["create", "apply", "replace"].iter().any(|it| flags.path == format!("kubectl {it}"))
}

/// `Strict`, `Warn` or `Ignore`, as `--validate` says it.
pub fn validation(flags: &Flags) -> Result<&'static str, Fault> {
    match flags.get("validate") {
        "" | "true" | "strict" | "unchanged" => Ok("Strict"),
        "warn" => Ok("Warn"),
        "false" | "ignore" => Ok("Ignore"),
        other => Err(Fault::Plain(format!(
            "invalid - validate option {other}; must be one of: strict (or true), warn, ignore (or false)"
        ))),
    }
}

/// Dry run, validation and the writer's name, as they stand in a request.
pub fn options(flags: &Flags, mut request: Request, manager: &str) -> Result<Request, Fault> {
    if flags.dry_run()? == "server" {
        request = request.with_query("dryRun", "All");
    }
    request = request.with_query("fieldManager", flags.or("field-manager", manager));
    Ok(request.with_query("fieldValidation", validation(flags)?))
}

/// Sends an object that is to be created.
pub async fn post(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    manager: &str,
) -> Result<Value, Fault> {
    let request = Request::new("POST", path(info.kind, &info.namespace, ""));
    let request =
        options(flags, request, manager)?.with_body("application/json", json::compact(&info.object));
    session.json(request).await
}

/// `create -f`.
pub async fn create(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let output = Output::of_writer(session, flags).await?;
    let (infos, mut faults) = read(session, flags).await?;
    if infos.is_empty() && faults.is_empty() {
        return Err(Fault::plain("no objects passed to create"));
    }
    for info in infos {
        let mut info = info;
        if flags.is_on("save-config") {
            super::apply::note(&mut info.object);
        }
        let made = if flags.dry_run()? == "client" {
            Ok(info.object.clone())
        } else {
            post(session, flags, &info, "kubectl-create").await
        };
        match made {
            Ok(made) => print::done(session, &output, flags, &made, "created")?,
            Err(fault) => faults.push(fault.when("creating", &info.source)),
        }
    }
    Fault::all(faults)
}

/// `replace -f`.
pub async fn replace(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if !flags.has("filename") {
        return Err(flags.usage("must specify one of -f and -k"));
    }
    let output = Output::of_writer(session, flags).await?;
    let (infos, mut faults) = read(session, flags).await?;
    if infos.is_empty() && faults.is_empty() {
        return Err(Fault::plain("no objects passed to replace"));
    }
    if flags.is_on("force") {
        super::delete::of_infos(session, flags, &infos, true).await?;
    }
    for info in infos {
        let mut info = info;
        let noted = super::apply::LAST_APPLIED;
        let at = path(info.kind, &info.namespace, &info.name);
        let done = if flags.is_on("force") {
            post(session, flags, &info, "kubectl-replace").await
        } else {
            if flags.is_on("save-config") || has_note(session, &info, noted).await {
                super::apply::note(&mut info.object);
            }
            if flags.dry_run()? == "client" {
                session.fetch(info.kind, &info.namespace, &info.name).await.map(|_| info.object.clone())
            } else {
                let request = options(flags, Request::new("PUT", at), "kubectl-replace")?;
                session.json(request.with_body("application/json", json::compact(&info.object))).await
            }
        };
        match done {
            Ok(done) => print::done(session, &output, flags, &done, "replaced")?,
            Err(fault) => faults.push(fault.when("replacing", &info.source)),
        }
    }
    Fault::all(faults)
}

async fn has_note(session: &mut Session<'_>, info: &Info, name: &str) -> bool {
    let found = session.fetch(info.kind, &info.namespace, &info.name).await;
    found.is_ok_and(|it| it["metadata"].get("annotations").has(name))
}
