//! `wait`: until a condition holds, a path has a value, or an object is there or gone.
//!
//! Source: kubectl `pkg/cmd/wait`.

use super::fault::Fault;
use super::find::{self, How, Info, namespace_of};
use super::flags::Flags;
use super::jsonpath::{Template, relaxed, shown};
use super::print;
use super::session::Session;
use crate::object::Value;
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(1);
const USUAL: u64 = 30;
const WEEK: u64 = 7 * 24 * 3600;

/// Go's durations in seconds; nothing if none was given. A negative one is a week.
pub fn seconds(text: &str) -> Result<Option<u64>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        Fault::Plain(format!(
            "invalid argument \"{text}\" for \"--timeout\" flag: time: invalid duration \"{text}\""
        ))
    };
    if text.starts_with('-') {
        return Ok(Some(WEEK));
    }
    if let Ok(plain) = text.parse::<u64>() {
        if plain == 0 {
            return Ok(Some(0));
        }
        let missing = format!("time: missing unit in duration \"{text}\"");
        return Err(Fault::Plain(format!("invalid argument \"{text}\" for \"--timeout\" flag: {missing}")));
    }
    let (mut total, mut rest) = (0.0_f64, text);
    while !rest.is_empty() {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        rest = &rest[end..];
        let end = rest.find(|it: char| it.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                "us" | "µs" | "ns" => 0.0,
                _ => return Err(wrong()),
            };
        rest = &rest[end..];
    }
    Ok(Some(total.clamp(0.0, WEEK as f64).ceil() as u64))
}

enum For {
    Delete,
    Create,
    Condition(String, String),
    Path(Template, Option<String>),
}

fn parse(text: &str) -> Result<For, Fault> {
    let lower = text.to_lowercase();
    if lower == "delete" || lower == "create" {
        return Ok(if lower == "delete" { For::Delete } else { For::Create });
    }
    if let Some(rest) = text.strip_prefix("condition=") {
        let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
        let value = value.trim_matches('"');
        return Ok(For::Condition(name.trim_matches('"').to_owned(), value.to_owned()));
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        // The value begins behind the `=` that follows the braces.
        let end = rest.find('}').map_or(0, |it| it + 1);
        let (path, value) = match rest[end..].split_once('=') {
            Some((more, value)) => {
                (format!("{}{more}", &rest[..end]), Some(value.trim_matches('"').to_owned()))
            }
            None => (rest.to_owned(), None),
        };
        if value.as_deref() == Some("") {
            return Err(Fault::plain(
                "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
            ));
        }
        let template =
            relaxed(path.trim_matches('\'')).and_then(|it| Template::parse(&it)).map_err(Fault::Plain)?;
        return Ok(For::Path(template, value));
    }
    Err(Fault::Plain(format!("unrecognized condition: {text:?}")))
}

impl For {
    fn holds(&self, object: &Value) -> Result<bool, Fault> {
        Ok(match self {
            For::Delete => false,
            For::Create => true,
            For::Condition(name, value) => {
                let its = object["status"].get("conditions").items();
                let found = its.iter().find(|it| it.str("type").eq_ignore_ascii_case(name));
                let generation = object["metadata"].int("generation");
                let stale =
                    |it: &Value| it.has("observedGeneration") && it.int("observedGeneration") < generation;
                found.is_some_and(|it| !stale(it) && it.str("status").eq_ignore_ascii_case(value))
            }
            For::Path(template, value) => {
                let found = template.find(object).map_err(Fault::Plain)?;
                match (value, &found[..]) {
                    (_, []) => false,
                    (None, _) => true,
                    (Some(value), [one]) => shown(one) == *value,
                    _ => return Err(Fault::plain("given jsonpath expression matches more than one value")),
                }
            }
        })
    }
}

pub async fn wait(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let wanted = flags.get("for");
    if wanted.is_empty() {
        return Err(Fault::plain("unrecognized condition: \"\""));
    }
    let condition = parse(wanted)?;
    let limit = seconds(flags.get("timeout"))?.unwrap_or(USUAL);
    let infos = match condition {
        For::Delete => gone_or_here(session, flags).await?,
        For::Create => until_created(session, flags, limit).await?,
        _ => {
            let how = How { all_if_unnamed: flags.is_on("all"), latest: true };
            find::all(session, flags, &flags.words, how).await?
        }
    };
    if infos.is_empty() {
        if matches!(condition, For::Delete) {
            return Ok(());
        }
        return Err(Fault::plain("no matching resources found"));
    }
    let mut faults = Vec::new();
    let mut waited = 0;
    for info in infos {
        if let Err(fault) = one(session, flags, &info, &condition, (&mut waited, limit)).await {
            find::push(&mut faults, fault)?;
        }
    }
    Fault::all(faults)
}

/// What is to go; what is gone already needs no waiting.
async fn gone_or_here(session: &mut Session<'_>, flags: &Flags) -> Result<Vec<Info>, Fault> {
    let how = How { all_if_unnamed: flags.is_on("all"), latest: true };
    let (infos, mut faults) = find::find(session, flags, &flags.words, how).await?;
    faults.retain(|it| !it.is_not_found());
    Fault::all(faults)?;
    Ok(infos)
}

async fn until_created(session: &mut Session<'_>, flags: &Flags, limit: u64) -> Result<Vec<Info>, Fault> {
    let how = How { all_if_unnamed: flags.is_on("all"), latest: true };
    let mut waited = 0;
    loop {
        let (infos, mut faults) = find::find(session, flags, &flags.words, how).await?;
        faults.retain(|it| !it.is_not_found());
        Fault::all(faults)?;
        if !infos.is_empty() {
            return Ok(infos);
        }
        if waited >= limit {
            return Err(Fault::plain("timed out waiting for the condition"));
        }
        session.sleep(PAUSE).await;
        waited += 1;
    }
}

async fn one(
    session: &mut Session<'_>,
    flags: &Flags,
    info: &Info,
    condition: &For,
    (waited, limit): (&mut u64, u64),
) -> Result<(), Fault> {
    let uid = info.object["metadata"].str("uid").to_owned();
    let output = print::Output::of_writer(session, flags).await?;
    loop {
        let namespace = if info.namespace.is_empty() {
            namespace_of(session, flags, info.kind)
        } else {
            info.namespace.clone()
        };
        let found = session.fetch(info.kind, &namespace, &info.name).await;
        match (found, condition) {
            (Err(fault), For::Delete) if fault.is_not_found() => {
                return print::done(session, &output, flags, &info.object, "condition met");
            }
            (Ok(object), For::Delete) if object["metadata"].str("uid") != uid => {
                return print::done(session, &output, flags, &info.object, "condition met");
            }
            (Ok(object), _) if condition.holds(&object)? => {
                return print::done(session, &output, flags, &object, "condition met");
            }
            (Err(fault), _) if !fault.is_not_found() => return Err(fault),
            _ => {}
        }
        if *waited >= limit {
            return Err(Fault::Plain(format!("timed out waiting for the condition on {}", plural(info))));
        }
        session.sleep(PAUSE).await;
        *waited += PAUSE.as_secs();
    }
}

/// Timeouts name the resource by its plural.
fn plural(info: &Info) -> String {
    format!("{}/{}", info.kind.resource().plural, info.name)
}
