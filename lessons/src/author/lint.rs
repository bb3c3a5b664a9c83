//! What a reader of YAML and Markdown cannot see: sums, names that must exist, ids that must be one.
//!
//! Always: a lesson that passes can be set up, solved and judged without meeting a name that is not there.

use super::course::Authored;
use super::{Fault, Piece};
use crate::{Ask, Kind, Part};
use std::collections::BTreeSet;

/// A hint and the solution may share no run of this many characters.
const SHARED_TEXT: usize = 120;

/// Lints one lesson.
pub(crate) fn lesson(authored: &Authored, file: Piece<'_>) -> Result<(), Fault> {
    let lesson = &authored.lesson;
    let at = |needle: &str| file.text.lines().position(|line| line.contains(needle)).unwrap_or(0);
    let fault = |needle: &str, words: String| Err(file.fault(at(needle), words));
    let good_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    };
    if !good_id(&lesson.id) {
        return fault("id:", format!("id `{}`: expected lower-case letters, digits and dashes", lesson.id));
    }
    let sum: u32 = lesson.checks.iter().map(|check| check.points).sum();
    if sum != lesson.weight {
        return fault(
            "weight:",
            format!("weight is {}, but the checks' points add up to {sum}", lesson.weight),
        );
    }
    let names = lesson.lab.names();
    let machines: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if !machines.contains(lesson.host.as_str()) {
        return fault("host:", format!("host `{}` is no machine of the lab", lesson.host));
    }
    let typed = lesson.solution.run.iter().chain(authored.wrong.iter().flat_map(|wrong| &wrong.run));
    let setup = lesson.lab.setup.iter().map(|setup| (&setup.on, &setup.run));
    for (on, run) in typed.map(|typed| (&typed.on, &typed.run)).chain(setup) {
        if !machines.contains(on.as_str()) {
            let first = run.lines().next().unwrap_or_default();
            return fault(first, format!("`{first}` is typed on `{on}`, which is no machine of the lab"));
        }
    }
    let mut ids = BTreeSet::new();
    for check in &lesson.checks {
        let id = format!("id: {}", check.id);
        if !good_id(&check.id) || !ids.insert(check.id.as_str()) {
            return fault(
                &id,
                format!("check id `{}` is not one of its own, in lower case with dashes", check.id),
            );
        }
        let is_place =
            |it: &&str| machines.contains(machine_of(it)) || lesson.lab.cluster.is_some() && is_pod(it);
        if let Some(place) = places(&check.ask).into_iter().find(|it| !is_place(it)) {
            return fault(
                &id,
                format!("check `{}` asks at `{place}`, which is no machine of the lab", check.id),
            );
        }
        if let Some(words) = texts(&check.ask).into_iter().find_map(|text| badly_filled(&text)) {
            return fault(&id, format!("check `{}`: {words}", check.id));
        }
        let is_step = |name: &String| {
            lesson.sections.iter().any(|it| matches!(&it.part, Part::Step { title } if title == name))
        };
        if let Some(step) = check.step.as_ref().filter(|name| !is_step(name)) {
            return fault(&id, format!("check `{}` belongs to a step `{step}` that is not there", check.id));
        }
    }
    if let Some(wrong) = authored.wrong.iter().find(|wrong| !ids.contains(wrong.fails.as_str())) {
        return fault(
            &wrong.name,
            format!("wrong attempt `{}` names no check of the lesson: `{}`", wrong.name, wrong.fails),
        );
    }
    if let Some(link) = lesson.docs.iter().find(|link| !link.url.starts_with("https://")) {
        return fault(&link.url, format!("link `{}`: expected https://", link.url));
    }
    whole(authored, file, at("## Solution"))
}

/// What every kind but a playground has; and that hints do not give the solution away.
fn whole(authored: &Authored, file: Piece<'_>, solution_line: usize) -> Result<(), Fault> {
    let lesson = &authored.lesson;
    if lesson.kind == Kind::Playground {
        return Ok(());
    }
    let lacks = [
        (lesson.checks.is_empty(), "## Checks"),
        (lesson.solution.run.is_empty(), "## Solution with ```sh MACHINE blocks"),
        (lesson.hints.is_empty(), "## Hint 1"),
        (authored.wrong.is_empty(), "## Wrong"),
        (lesson.debrief.trim().is_empty(), "## Debrief"),
    ];
    if let Some((_, what)) = lacks.iter().find(|(missing, _)| *missing) {
        return Err(file.fault(0, format!("the lesson lacks {what}")));
    }
    let letters: Vec<char> = lesson.solution.html.chars().collect();
    let mut windows = letters.windows(SHARED_TEXT).map(|window| window.iter().collect::<String>());
    if windows.any(|part| lesson.hints.iter().any(|hint| hint.contains(&part))) {
        return Err(
            file.fault(solution_line, format!("a hint and the solution share {SHARED_TEXT} characters"))
        );
    }
    Ok(())
}

fn machine_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

/// `pod/NAMESPACE/NAME` or `pod/NAMESPACE/KEY=VALUE`.
fn is_pod(place: &str) -> bool {
    matches!(place.splitn(3, '/').collect::<Vec<_>>()[..], ["pod", namespace, name] if !namespace.is_empty() && !name.is_empty())
}

/// What is wrong with the braces of a text that is filled in.
fn badly_filled(text: &str) -> Option<String> {
    for after in text.split('{').skip(1) {
        let Some((inside, _)) = after.split_once('}') else {
            return Some(format!("`{text}`: a brace is not closed"));
        };
        let is_good = match inside.split_once(' ') {
            Some(("veth", pod)) => is_pod(pod),
            Some((of, path)) => {
                of.splitn(3, '/').filter(|part| !part.is_empty()).count() == 3 && path.starts_with('.')
            }
            None => false,
        };
        if !is_good {
            return Some(format!(
                "`{{{inside}}}`: expected {{KIND/NAMESPACE/NAME .JSON.PATH}} or {{veth pod/NAMESPACE/NAME}}"
            ));
        }
    }
    None
}

/// What is filled in before it is asked or compared.
fn texts(ask: &Ask) -> Vec<String> {
    match ask {
        Ask::Reach(flows) => flows.iter().map(|flow| flow.to.clone()).collect(),
        Ask::Path { flow, .. } => vec![flow.to.clone()],
        Ask::Dns { name, expect, .. } => vec![name.clone(), expect.clone()],
        Ask::File { expect, .. } => vec![expect.clone()],
        Ask::Resource { of, path, is } => vec![format!("{{{of} {path}}}"), is.clone()],
        Ask::Table { .. } | Ask::Used { .. } | Ask::Answer { .. } => Vec::new(),
    }
}

fn places(ask: &Ask) -> Vec<&str> {
    match ask {
        Ask::Reach(flows) => flows.iter().map(|flow| flow.from.as_str()).collect(),
        Ask::Path { flow, .. } => vec![&flow.from],
        Ask::Dns { from, .. } => vec![from],
        Ask::Table { at, .. } => vec![at],
        Ask::File { on, .. } => vec![on],
        Ask::Used { .. } | Ask::Resource { .. } | Ask::Answer { .. } => Vec::new(),
    }
}

/// Lints what only the whole course shows: ids used twice, needs that name nothing.
pub(crate) fn course(lessons: &[Authored]) -> Result<(), Fault> {
    let whole = |authored: &Authored, words| Err(Fault { file: authored.file.clone(), line: 0, words });
    let mut ids = BTreeSet::new();
    for authored in lessons {
        if !ids.insert(authored.lesson.id.as_str()) {
            return whole(authored, format!("id `{}` is used by another lesson", authored.lesson.id));
        }
    }
    for authored in lessons {
        if let Some(need) = authored.lesson.needs.iter().find(|need| !ids.contains(need.as_str())) {
            return whole(authored, format!("needs `{need}`, which is no lesson"));
        }
    }
    Ok(())
}
