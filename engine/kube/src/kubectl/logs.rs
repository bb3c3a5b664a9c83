//! `logs`: what containers said. Source: kubectl `pkg/cmd/logs`.

use super::fault::Fault;
use super::flags::Flags;
use super::pod::{container_of, containers, pod_of};
use super::session::{Session, path};
use crate::api::Request;
use crate::object::{Kind, Value};

/// How long a workload's pod may take to appear.
const APPEAR: u64 = 20;

fn request(pod: &Value, container: &str, options: &[(&str, String)]) -> Request {
    let (namespace, name) = (pod["metadata"].str("namespace"), pod["metadata"].str("name"));
    let mut request = Request::new("GET", format!("{}/log", path(Kind::Pod, namespace, name)));
    request = request.with_query("container", container);
    for (name, value) in options {
        request = request.with_query(name, value.clone());
    }
    request
}

pub async fn log(
    session: &mut Session<'_>,
    pod: &Value,
    container: &str,
    options: &[(&str, String)],
) -> Result<String, Fault> {
    Ok(session.send(request(pod, container, options)).await?.body)
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
    if !flags.is_on("follow") {
        for (pod, container) in sources {
            let text = log(session, pod, container, options).await?;
            print_lines(session, &prefix(pod, container), &text);
        }
        return Ok(());
    }
    let most = flags.number("max-log-requests")?.unwrap_or(5);
    if usize::try_from(most).is_ok_and(|most| sources.len() > most) {
        return Err(Fault::Plain(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {most}, use --max-log-requests to \
             increase the limit",
            sources.len()
        )));
    }
    for (pod, container) in sources {
        session.open(request(pod, container, options).with_query("follow", "true")).await?;
    }
    let mut open = sources.len();
    while open > 0 {
        session.flush().await;
        match session.host.next().await {
            (at, Ok(Some(bytes))) => {
                let head = sources.get(at).map(|(pod, container)| prefix(pod, container));
                print_lines(session, &head.unwrap_or_default(), &String::from_utf8_lossy(&bytes));
            }
            (_, Ok(None)) => open -= 1,
            (_, Err(_)) if flags.is_on("ignore-errors") => open -= 1,
            (_, Err(why)) => return Err(Fault::Plain(why)),
        }
    }
    Ok(())
}

fn print_lines(session: &mut Session<'_>, head: &str, text: &str) {
    let text: String = text.split_inclusive('\n').map(|it| format!("{head}{it}")).collect();
    session.print(&text);
}
