//! `logs`: what containers said.
//!
//! Differs from kubectl: `-f` asks again every second instead of holding a connection. Source: kubectl `pkg/cmd/logs`.

use super::fault::Fault;
use super::flags::Flags;
use super::pod::{PAUSE, container_of, containers, pod_of};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Kind, Value};

/// How long a workload's pod may take to appear.
const APPEAR: u64 = 20;

pub async fn log(
    session: &mut Session<'_>,
    pod: &Value,
    container: &str,
    options: &[(&str, String)],
) -> Result<String, Fault> {
    let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
    let mut request = Request::new("GET", format!("{}/log", path(Kind::Pod, namespace, name)));
    request = request.with_query("container", container);
    for (name, value) in options {
        request = request.with_query(name, value.clone());
    }
    Ok(session.send(request).await?.body)
}

pub async fn logs(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.words.is_empty() && !flags.has("selector") {
        return Err(flags.usage("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command"));
    }
    let pods = if flags.has("selector") {
        let namespace = session.namespace.clone();
        let pods = session.list(Kind::Pod, &namespace, &[("labelSelector", flags.get("selector"))]).await?;
        if pods.is_empty() {
            session.complain(&format!("No resources found in {namespace} namespace.\n"));
            return Ok(());
        }
        pods
    } else {
        let word = &flags.words[0];
        let namespace = session.namespace.clone();
        let found = pod_of(session, word, APPEAR).await;
        vec![found.map_err(|fault| match fault {
            Fault::Server { .. } if fault.is_not_found() => Fault::Plain(format!(
                "error from server (NotFound): {} in namespace \"{namespace}\"",
                fault.message()
            )),
            other => other,
        })?]
    };
    let mut options: Vec<(&str, String)> = Vec::new();
    let tail = match flags.number("tail")? {
        Some(tail) => tail,
        None if flags.has("selector") => 10,
        None => -1,
    };
    if tail < -1 {
        return Err(Fault::plain("--tail must be greater than or equal to -1"));
    }
    if tail >= 0 {
        options.push(("tailLines", tail.to_string()));
    }
    if let Some(seconds) = super::wait::seconds(flags.get("since"))? {
        options.push(("sinceSeconds", seconds.to_string()));
    }
    for (flag, query) in [
        ("previous", "previous"),
        ("timestamps", "timestamps"),
        ("since-time", "sinceTime"),
        ("limit-bytes", "limitBytes"),
    ] {
        if flags.has(flag) {
            options.push((query, flags.get(flag).to_owned()));
        }
    }
    let mut sources = Vec::new();
    for pod in &pods {
        if flags.is_on("all-containers") {
            sources.extend(containers(pod).into_iter().map(|it| (pod, it)));
        } else {
            let name = container_of(session, flags, pod)?;
            sources.push((pod, name));
        }
    }
    print_logs(session, flags, &sources, &options).await
}

async fn print_logs(
    session: &mut Session<'_>,
    flags: &Flags,
    sources: &[(&Value, String)],
    options: &[(&str, String)],
) -> Result<(), Fault> {
    let prefix = |pod: &Value, container: &str| {
        if flags.is_on("prefix") {
            format!("[pod/{}/{container}] ", pod["metadata"].str("name"))
        } else {
            String::new()
        }
    };
    for (pod, container) in sources {
        let text = log(session, pod, container, options).await?;
        let head = prefix(pod, container);
        let text: String = text.split_inclusive('\n').map(|it| format!("{head}{it}")).collect();
        session.print(&text);
    }
    if !flags.is_on("follow") {
        return Ok(());
    }
    // What came since: the whole log is asked for again, and what is known of it is passed over.
    let mut known = Vec::new();
    for (pod, container) in sources {
        known.push(log(session, pod, container, &[]).await?.len());
    }
    loop {
        session.sleep(PAUSE).await;
        for ((pod, container), known) in sources.iter().zip(&mut known) {
            let text = log(session, pod, container, &[]).await?;
            let fresh = text.get((*known).min(text.len())..).unwrap_or_default();
            let head = prefix(pod, container);
            let shown: String = fresh.split_inclusive('\n').map(|it| format!("{head}{it}")).collect();
            session.print(&shown);
            *known = text.len();
        }
    }
}
