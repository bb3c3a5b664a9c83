//! `apply` and `diff`: the object in a file becomes the object in the cluster.
//!
//! Always: client-side apply notes what it applied, and next time removes what left the file.
//! Differs from kubectl: no `--prune`. Sources: kubectl `pkg/cmd/apply`, `pkg/cmd/diff`.

use super::fault::Fault;
use super::find::{self, EVERYTHING, Info};
use super::flags::Flags;
use super::manifest;
use super::print::{self, Output};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::patch::structure_of;
use crate::object::schema::{Struct, Type};
use crate::object::{Kind, Value, diff, json, yaml};

pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const MANAGER: &str = "kubectl-client-side-apply";

/// The struct of a kind, for patches.
pub fn structure(kind: Kind) -> Option<&'static Struct> {
    kind.resource().type_id().and_then(|id| structure_of(&Type::Struct(id)))
}

/// Notes in an object what it was applied from.
pub fn note(object: &mut Value) {
    object["metadata"]["annotations"].fields_mut().remove(LAST_APPLIED);
    let text = json::compact(object) + "\n";
    object["metadata"]["annotations"].set(LAST_APPLIED, text);
}

pub async fn apply(session: &mut Session<'_>, second: &str, flags: &Flags) -> Result<(), Fault> {
    if !second.is_empty() {
        return view_last_applied(session, flags).await;
    }
    if !flags.has("filename") && !flags.has("kustomize") {
        return Err(Fault::plain("must specify one of -f and -k"));
    }
    if let Some(word) = flags.words.first() {
        return Err(flags.usage(format!("Unexpected args: [{word}]")));
    }
    for name in ["prune", "applyset"] {
        if flags.has(name) {
            return Err(Fault::Plain(format!("--{name}: not simulated in vethlab; use kubectl delete")));
        }
    }
    let server_side = flags.is_on("server-side");
    if flags.is_on("force-conflicts") && !server_side {
        return Err(Fault::plain("--force-conflicts only works with --server-side"));
    }
    if server_side && flags.dry_run()? == "client" {
        return Err(Fault::plain(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ));
    }
    let output = Output::of_writer(session, flags).await?;
    let (infos, mut faults) = manifest::read(session, flags).await?;
    if infos.is_empty() && faults.is_empty() {
        return Err(Fault::plain("no objects passed to apply"));
    }
    for info in infos {
        let done = if server_side {
            on_server(session, flags, &info).await
        } else {
            on_client(session, flags, info).await
        };
        match done {
            Ok((object, what)) => print::done(session, &output, flags, &object, what)?,
            Err(fault) => find::push(&mut faults, fault)?,
        }
    }
    Fault::all(faults)
}

type Done = Result<(Value, &'static str), Fault>;

async fn on_client(session: &mut Session<'_>, flags: &Flags, mut info: Info) -> Done {
    note(&mut info.object);
    let dry = flags.dry_run()?;
    let current = match session.fetch(info.kind, &info.namespace, &info.name).await {
        Ok(current) => current,
        Err(fault) if fault.is_not_found() => {
            if dry == "client" {
                return Ok((info.object, "created"));
            }
            let made = manifest::post(session, flags, &info, MANAGER).await;
            return made.map(|it| (it, "created")).map_err(|it| it.when("creating", &info.source));
        }
        Err(fault) => {
            return Err(fault.when("retrieving current configuration of:\nfrom server for:", &info.source));
        }
    };
    let place = format!("{}/{}", info.kind.resource().plural, info.name);
    let applied = current["metadata"]["annotations"].str(LAST_APPLIED);
    if applied.is_empty() {
        session.complain(&format!(
            "Warning: resource {place} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl \
             apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl \
             apply. The missing annotation will be patched automatically.\n"
        ));
    }
    warn_if_deleting(session, &info, &current);
    if dry == "client" {
        return Ok((info.object, "configured"));
    }
    let original = json::parse(applied).unwrap_or_default();
    let patch = diff::three_way(structure(info.kind), &original, &info.object, &current);
    if patch.is_empty() {
        return Ok((current, "unchanged"));
    }
    let request = Request::new("PATCH", path(info.kind, &info.namespace, &info.name));
    let request = manifest::options(flags, request, MANAGER)?;
    let content = if structure(info.kind).is_some() {
        "application/strategic-merge-patch+json"
    } else {
        "application/merge-patch+json"
    };
    let sent = session.json(request.with_body(content, json::compact(&patch))).await;
    match sent {
        Ok(object) => Ok((object, "configured")),
        Err(fault) => {
            if flags.is_on("force") && matches!(fault.reason(), "Invalid" | "Conflict") {
                super::delete::of_infos(session, flags, std::slice::from_ref(&info), true).await?;
                return manifest::post(session, flags, &info, MANAGER).await.map(|it| (it, "configured"));
            }
            let resource = info.kind.resource();
            let (group, version, plural) = (resource.group, resource.version, resource.plural);
            let what = format!(
                "applying patch:\n{}\nto:\nResource: \"{group}/{version}, Resource={plural}\", GroupVersionKind: \
                 \"{group}/{version}, Kind={}\"\nName: \"{}\", Namespace: \"{}\"\nfor:",
                json::compact(&patch),
                resource.name,
                info.name,
                info.namespace
            );
            Err(fault.when(&what, &info.source))
        }
    }
}

pub fn warn_if_deleting(session: &mut Session<'_>, info: &Info, current: &Value) {
    if current["metadata"].has("deletionTimestamp") {
        let place = format!("{}/{}", info.kind.resource().plural, info.name);
        session.complain(&format!(
            "Warning: Detected changes to resource {place} which is currently being deleted.\n"
        ));
    }
}

const CONFLICT: &str = "Please review the fields above--they currently have other managers. Here\nare the ways you can resolve \
    this warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the \
    `--force-conflicts` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to remove \
    references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating your manifest \
    to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  stop managing the \
    field (remove it from its configuration).\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts";

async fn on_server(session: &mut Session<'_>, flags: &Flags, info: &Info) -> Done {
    let request = Request::new("PATCH", path(info.kind, &info.namespace, &info.name));
    let mut request = manifest::options(flags, request, "kubectl")?;
    if flags.is_on("force-conflicts") {
        request = request.with_query("force", "true");
    }
    let sent =
        session.json(request.with_body("application/apply-patch+yaml", json::compact(&info.object))).await;
    sent.map(|it| (it, "serverside-applied")).map_err(|fault| match fault.reason() {
        "Conflict" => Fault::Plain(format!("{}\n{CONFLICT}", fault.message())),
        _ => fault,
    })
}

async fn view_last_applied(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let infos = find::all(session, flags, &flags.words, EVERYTHING).await?;
    for info in infos {
        let applied = info.object["metadata"]["annotations"].str(LAST_APPLIED);
        if applied.is_empty() {
            let words = format!("no last-applied-configuration annotation found on resource: {}", info.name);
            return Err(Fault::Plain(words));
        }
        let object = json::parse(applied).map_err(Fault::Plain)?;
        match flags.or("output", "yaml") {
            "json" => session.print(&(json::pretty(&object, 2) + "\n")),
            "yaml" => session.print(&yaml::print(&object)),
            other => {
                return Err(flags.usage(format!(
                    "Unexpected -o output mode: {other}, the flag 'output' must be one of yaml|json"
                )));
            }
        }
    }
    Ok(())
}
