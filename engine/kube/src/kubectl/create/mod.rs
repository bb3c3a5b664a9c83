//! `create`: from a file, or by a generator for one kind.
//!
//! Always: with `--dry-run=client` nothing is asked of the server and the object is printed as Go would write it.
//! Source: kubectl `pkg/cmd/create`.

mod config;
mod ingress;
mod policy;
mod service;
mod workload;

use super::fault::Fault;
use super::find::Info;
use super::flags::Flags;
use super::manifest;
use super::print::{self, Output};
use super::session::Session;
use crate::api::Request;
use crate::object;
use crate::object::decode::decode;
use crate::object::{Kind, Value, json};

const MANAGER: &str = "kubectl-create";

pub async fn create(session: &mut Session<'_>, what: &str, flags: &Flags) -> Result<(), Fault> {
    match what {
        "" => from_file(session, flags).await,
        "namespace" => {
            let made =
                object!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": (flags.name()?)}});
            send(session, flags, Kind::Namespace, made, "created", "").await
        }
        "serviceaccount" => {
            let made = object!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": (flags.name()?)}});
            send(session, flags, Kind::ServiceAccount, made, "created", "failed to create serviceaccount: ")
                .await
        }
        "deployment" => workload::deployment(session, flags).await,
        "job" => workload::job(session, flags).await,
        "cronjob" => workload::cron_job(session, flags).await,
        "configmap" => config::config_map(session, flags).await,
        "secret generic" => config::generic(session, flags).await,
        "secret tls" => config::tls(session, flags).await,
        "secret docker-registry" => config::docker(session, flags).await,
        "ingress" => ingress::ingress(session, flags).await,
        "service clusterip" | "service nodeport" | "service loadbalancer" | "service externalname" => {
            service::service(session, what.trim_start_matches("service "), flags).await
        }
        "role" | "clusterrole" => policy::role(session, what, flags).await,
        "rolebinding" | "clusterrolebinding" => policy::binding(session, what, flags).await,
        "quota" => policy::quota(session, flags).await,
        "poddisruptionbudget" => policy::budget(session, flags).await,
        "priorityclass" => policy::priority(session, flags).await,
        "token" => token(session, flags).await,
        // `create service` and `create secret` alone.
        group => {
            if let Some(word) = flags.words.first() {
                return Err(flags.usage(format!("unknown command {word:?}")));
            }
            session.complain(&super::command::help(super::command::command(&format!("create {group}"))));
            Err(Fault::Silent(1))
        }
    }
}

async fn from_file(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.has("filename") || flags.has("kustomize") {
        return manifest::create(session, flags).await;
    }
    session.complain("Error: must specify one of -f and -k\n\n");
    if !flags.words.is_empty() {
        return Err(flags.usage(format!("unknown command {:?}", flags.words.join(" "))));
    }
    session.complain(&super::command::help(super::command::command("create")));
    Err(Fault::Silent(1))
}

/// Creates what a generator made, and prints it. `failed` stands before an error.
pub async fn send(
    session: &mut Session<'_>,
    flags: &Flags,
    kind: Kind,
    mut made: Value,
    what: &str,
    failed: &str,
) -> Result<(), Fault> {
    let output = Output::of_writer(session, flags).await?;
    if kind.resource().namespaced && flags.has("namespace") {
        made["metadata"].set("namespace", session.namespace.as_str());
    }
    if flags.is_on("save-config") {
        super::apply::note(&mut made);
    }
    // As Go writes the struct the generator filled.
    let made = decode(kind, &made).map(|it| it.value).unwrap_or(made);
    if flags.dry_run()? == "client" {
        return print::done(session, &output, flags, &made, what);
    }
    let namespace = if kind.resource().namespaced { session.namespace.clone() } else { String::new() };
    let info = Info {
        kind,
        namespace,
        name: made["metadata"].str("name").to_owned(),
        object: made,
        source: String::new(),
    };
    let done = manifest::post(session, flags, &info, MANAGER).await;
    let done = done.map_err(|fault| if failed.is_empty() { fault } else { fault.wrap(failed) })?;
    print::done(session, &output, flags, &done, what)
}

async fn token(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let name = flags.name()?;
    let mut spec = object!({"audiences": null, "boundObjectRef": null, "expirationSeconds": null});
    if let Some(seconds) = super::wait::seconds(flags.get("duration"))? {
        spec.set("expirationSeconds", i64::try_from(seconds).unwrap_or(i64::MAX));
    }
    let audiences: Vec<Value> = flags.each("audience").map(Value::from).collect();
    if !audiences.is_empty() {
        spec.set("audiences", audiences);
    }
    let body = object!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec});
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{name}/token", session.namespace);
    let request = Request::new("POST", path).with_body("application/json", json::compact(&body));
    let answer = session.json(request).await.map_err(|it| it.wrap("failed to create token: "))?;
    if flags.has("output") {
        let output = Output::of_writer(session, flags).await?;
        return print::done(session, &output, flags, &answer, "created");
    }
    session.print(&format!("{}\n", answer["status"].str("token")));
    Ok(())
}

/// `app=name`, as generators label.
pub fn app_label(name: &str) -> Value {
    object!({"app": name})
}
