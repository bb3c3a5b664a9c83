//! `events`: what happened, oldest first.
//!
//! Source: kubectl `pkg/cmd/events`.

use super::fault::Fault;
use super::flags::Flags;
use super::print::{self, Output};
use super::resource::kind_of;
use super::session::{Session, path};
use super::tab;
use crate::api::Request;
use crate::object::{Kind, Time, Value};

pub async fn events(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let output = Output::of_writer(session, flags).await?;
    let types = types(flags)?;
    let mut fields = String::new();
    if flags.has("for") {
        let Some((kind, name)) = flags.get("for").split_once('/') else {
            return Err(Fault::plain("--for must be in resource/name form"));
        };
        let kind = kind_of(kind)?;
        let version = kind.resource().api_version();
        fields = format!(
            "involvedObject.kind={},involvedObject.apiVersion={version},involvedObject.name={name}",
            kind.name()
        );
    }
    let namespace = if flags.is_on("all-namespaces") { String::new() } else { session.namespace.clone() };
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut headers = !flags.is_on("no-headers");
    if flags.is_on("watch") {
        let request = Request::new("GET", path(Kind::Event, &namespace, ""));
        session
            .open(request.with_query("fieldSelector", fields.as_str()).with_query("watch", "true"))
            .await?;
    }
    loop {
        let mut list = session.list(Kind::Event, &namespace, &[("fieldSelector", &fields)]).await?;
        list.retain(|it| {
            types.is_empty() || types.iter().any(|word| word.eq_ignore_ascii_case(it.str("type")))
        });
        list.sort_by_key(when);
        let key = |it: &Value| {
            (it["metadata"].str("uid").to_owned(), it["metadata"].str("resourceVersion").to_owned())
        };
        list.retain(|it| !seen.contains(&key(it)));
        seen.extend(list.iter().map(key));
        let watches = flags.is_on("watch");
        if list.is_empty() && !watches {
            session.complain(&if namespace.is_empty() {
                "No events found.\n".to_owned()
            } else {
                format!("No events found in {namespace} namespace.\n")
            });
            return Ok(());
        }
        if output.is_human() {
            let now = session.host.now();
            let text = rows(&list, now, namespace.is_empty(), headers && !list.is_empty());
            headers = headers && list.is_empty();
            session.print(&tab::table(&text));
        } else {
            let text = output.object(&print::list(list), flags, true)?;
            session.print(&text);
        }
        if !watches {
            return Ok(());
        }
        session.flush().await;
        let (_, Ok(Some(_))) = session.host.next().await else { return Ok(()) };
    }
}

fn types(flags: &Flags) -> Result<Vec<String>, Fault> {
    let types: Vec<String> = flags.all("types");
    match types.iter().find(|it| !["normal", "warning"].contains(&it.to_lowercase().as_str())) {
        Some(other) => Err(Fault::Plain(format!("valid --types are Normal or Warning, got {other}"))),
        None => Ok(types),
    }
}

/// When it happened last.
pub fn when(event: &Value) -> i64 {
    let series = event.at(&["series", "lastObservedTime"]);
    let texts = [series, event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp")];
    let found = texts.iter().find_map(|it| Time::parse(it.as_str()));
    found.map_or(0, |it| it.0)
}

fn rows(list: &[Value], now: Time, with_namespace: bool, headers: bool) -> String {
    let mut text = String::new();
    if headers {
        let head = if with_namespace { "NAMESPACE\t" } else { "" };
        text = format!("{head}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n");
    }
    for event in list {
        let object = event.get("involvedObject");
        let head =
            if with_namespace { format!("{}\t", event["metadata"].str("namespace")) } else { String::new() };
        text += &format!(
            "{head}{}\t{}\t{}\t{}/{}\t{}\n",
            interval(event, now),
            event.str("type"),
            event.str("reason"),
            object.str("kind"),
            object.str("name"),
            event.str("message").trim()
        );
    }
    text
}

/// Whether it tells of that very object: one of its name that was there before has another uid.
pub fn is_about(event: &Value, kind: Kind, object: &Value) -> bool {
    let (about, metadata) = (event.get("involvedObject"), object.get("metadata"));
    let is_same = about.str("uid").is_empty() || about.str("uid") == metadata.str("uid");
    about.str("kind") == kind.name()
        && about.str("name") == metadata.str("name")
        && (kind == Kind::Node || is_same)
}

/// Type, reason, age, source and message, as `describe` has them: a container's with its place in the pod.
pub fn described(event: &Value, now: Time) -> [String; 5] {
    let source = event["source"].str("component");
    let source = if source.is_empty() { event.str("reportingComponent") } else { source };
    let text = |name: &str| event.str(name).to_owned();
    let message = event.str("message").trim();
    let message = match event["involvedObject"].str("fieldPath") {
        "" => message.to_owned(),
        part => format!("{part}: {message}"),
    };
    [text("type"), text("reason"), interval(event, now), source.to_owned(), message]
}

/// `83s`, or `5s (x3 over 83s)` for what happened more than once.
pub fn interval(event: &Value, now: Time) -> String {
    let since = |text: &str| now.age_of(text);
    let time = event.str("eventTime");
    let first = since(if time.is_empty() { event.str("firstTimestamp") } else { time });
    let series = event.get("series");
    if !series.is_null() {
        return format!("{} (x{} over {first})", since(series.str("lastObservedTime")), series.int("count"));
    }
    if event.int("count") > 1 {
        return format!("{} (x{} over {first})", since(event.str("lastTimestamp")), event.int("count"));
    }
    first
}
