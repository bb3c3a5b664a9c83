//! `get`: the server's tables, or objects in the form that was asked for.
//!
//! Always: columns and cells are the server's; kubectl adds namespace, labels and the kind before a name.
//! Source: kubectl `pkg/cmd/get`.

use super::fault::Fault;
use super::find::{self, Info, namespace_of, push};
use super::flags::Flags;
use super::jsonpath::{Template, relaxed, shown};
use super::print::{self, Output};
use super::resource::Wanted;
use super::session::{Session, path};
use super::tab;
use crate::api::Request;
use crate::api::table::of;
use crate::object::selector::labels_shown;
use crate::object::{Kind, Time, Value, json, quantity::Quantity};
use std::cmp::Ordering;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub async fn get(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    if flags.has("raw") {
        let response = session.send(Request::new("GET", flags.get("raw"))).await?;
        session.print(&response.body);
        return Ok(());
    }
    let output = Output::of_reader(session, flags).await?;
    if flags.words.is_empty() && !flags.has("filename") {
        session.complain(
            "You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported \
             resources.\n\n",
        );
        let text = "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that \
                    resource (e.g. kubectl explain pods).";
        return Err(flags.usage(text));
    }
    let watches = flags.is_on("watch") || flags.is_on("watch-only");
    let wanted = wanted(session, flags).await?;
    if watches {
        return watch(session, flags, &output, &wanted).await;
    }
    match &output {
        Output::Human { wide } => tables(session, flags, &wanted, *wide).await,
        _ => objects(session, flags, &output, &wanted).await,
    }
}

async fn wanted(session: &mut Session<'_>, flags: &Flags) -> Result<Wanted, Fault> {
    if !flags.has("filename") {
        return find::wanted(flags, &flags.words, true);
    }
    let (infos, faults) = super::manifest::read(session, flags).await?;
    Fault::all(faults)?;
    Ok(Wanted { kinds: infos.into_iter().map(|it| (it.kind, vec![it.name])).collect(), ..Wanted::default() })
}

fn missing_is_fine(flags: &Flags, fault: &Fault) -> bool {
    flags.is_on("ignore-not-found") && fault.is_not_found()
}

/// What is asked of the server for one kind and name, or for all of a kind.
fn request(session: &Session<'_>, flags: &Flags, kind: Kind, name: &str) -> Request {
    let namespace = namespace_of(session, flags, kind);
    let mut at = path(kind, &namespace, name);
    if flags.has("subresource") && !name.is_empty() {
        at = format!("{at}/{}", flags.get("subresource"));
    }
    let mut request = Request::new("GET", at);
    for (query, flag) in [("labelSelector", "selector"), ("fieldSelector", "field-selector")] {
        if flags.has(flag) && name.is_empty() {
            request = request.with_query(query, flags.get(flag));
        }
    }
    request
}

/// A row of a table with what kubectl needs of its object.
struct Row {
    cells: Vec<String>,
    object: Value,
}

struct Table {
    kind: Kind,
    headers: Vec<String>,
    rows: Vec<Row>,
}

async fn table(
    session: &mut Session<'_>,
    flags: &Flags,
    kind: Kind,
    name: &str,
    wide: bool,
) -> Result<Table, Fault> {
    let mut request = request(session, flags, kind, name).with_header("Accept", TABLE);
    if flags.has("sort-by") {
        request = request.with_query("includeObject", "Object");
    }
    let answer = session.json(request).await?;
    Ok(read_table(kind, &answer, wide))
}

fn read_table(kind: Kind, answer: &Value, wide: bool) -> Table {
    let shows = |column: &Value| wide || column.int("priority") == 0;
    let definitions = answer.get("columnDefinitions").items();
    let headers = definitions.iter().filter(|it| shows(it)).map(|it| it.str("name").to_uppercase()).collect();
    let rows = answer.get("rows").items().iter().map(|row| {
        let cells = row.get("cells").items().iter().zip(definitions).filter(|(_, column)| shows(column));
        let cells =
            cells.map(|(cell, _)| if cell.is_null() { "<none>".to_owned() } else { one_line(&shown(cell)) });
        Row { cells: cells.collect(), object: row.get("object").clone() }
    });
    Table { kind, headers, rows: rows.collect() }
}

/// Headers and rows as `get -o wide` has them, made without asking a server.
pub fn wide(kind: Kind, objects: &[Value], now: Time) -> (Vec<String>, Vec<Vec<String>>) {
    let table = read_table(kind, &of(kind, objects, now, false), true);
    (table.headers, table.rows.into_iter().map(|row| row.cells).collect())
}

/// A cell ends at its first line break.
fn one_line(text: &str) -> String {
    match text.find(['\n', '\r', '\u{c}']) {
        Some(at) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

async fn tables(session: &mut Session<'_>, flags: &Flags, wanted: &Wanted, wide: bool) -> Result<(), Fault> {
    let (mut all, mut faults): (Vec<Table>, Vec<Fault>) = (Vec::new(), Vec::new());
    for (kind, names) in &wanted.kinds {
        let each: Vec<&str> =
            if names.is_empty() { vec![""] } else { names.iter().map(String::as_str).collect() };
        for name in each {
            match table(session, flags, *kind, name, wide).await {
                Ok(table) => join(&mut all, table),
                Err(fault) if missing_is_fine(flags, &fault) => {}
                Err(fault) => push(&mut faults, fault)?,
            }
        }
    }
    let mut kinds: Vec<Kind> = wanted.kinds.iter().map(|(kind, _)| *kind).collect();
    kinds.dedup();
    let with_kind = flags.is_on("show-kind") || wanted.category || kinds.len() > 1;
    let mut is_first = true;
    for table in all.iter_mut().filter(|it| !it.rows.is_empty()) {
        if flags.has("sort-by") {
            sort(&mut table.rows, flags.get("sort-by"))?;
        }
        if !is_first {
            session.print("\n");
        }
        is_first = false;
        session.print(&tab::table(&lines(table, flags, with_kind, !flags.is_on("no-headers"))));
    }
    if is_first && faults.is_empty() && !flags.is_on("ignore-not-found") {
        let namespaced = kinds.iter().any(|it| it.resource().namespaced) && !flags.is_on("all-namespaces");
        session.complain(&if namespaced {
            format!("No resources found in {} namespace.\n", session.namespace)
        } else {
            "No resources found\n".to_owned()
        });
    }
    Fault::all(faults)
}

/// Neighbours of one kind stand in one table.
fn join(all: &mut Vec<Table>, table: Table) {
    match all.last_mut() {
        Some(last) if last.kind == table.kind => last.rows.extend(table.rows),
        _ => all.push(table),
    }
}

fn lines(table: &Table, flags: &Flags, with_kind: bool, headers: bool) -> String {
    let columns: Vec<String> = flags.all("label-columns");
    let with_namespace = flags.is_on("all-namespaces") && table.kind.resource().namespaced;
    let mut text = String::new();
    if headers {
        let mut cells = table.headers.clone();
        if with_namespace {
            cells.insert(0, "NAMESPACE".to_owned());
        }
        cells.extend(columns.iter().map(|it| it.rsplit('/').next().unwrap_or(it).to_uppercase()));
        if flags.is_on("show-labels") {
            cells.push("LABELS".to_owned());
        }
        text = cells.join("\t") + "\n";
    }
    let name_at = table.headers.iter().position(|it| it == "NAME");
    for row in &table.rows {
        let metadata = row.object.get("metadata");
        let mut cells = row.cells.clone();
        if let Some(at) = name_at.filter(|it| with_kind && *it < cells.len()) {
            cells[at] = print::named(table.kind, &cells[at]);
        }
        if with_namespace {
            cells.insert(0, metadata.str("namespace").to_owned());
        }
        let labels = metadata.get("labels");
        cells.extend(columns.iter().map(|it| labels.str(it).to_owned()));
        if flags.is_on("show-labels") {
            cells.push(labels_shown(labels));
        }
        text += &(cells.join("\t") + "\n");
    }
    text
}

fn sort(rows: &mut [Row], field: &str) -> Result<(), Fault> {
    let template = relaxed(field).and_then(|it| Template::parse(&it)).map_err(Fault::Plain)?;
    let key = |row: &Row| template.find(&row.object).ok().and_then(|it| it.into_iter().next());
    if !rows.is_empty() && rows.iter().all(|row| key(row).is_none()) {
        let field = relaxed(field).unwrap_or_default();
        return Err(Fault::Plain(format!(
            "couldn't find any field with path \"{field}\" in the list of objects"
        )));
    }
    rows.sort_by(|one, two| order(&key(one), &key(two)));
    Ok(())
}

/// What is missing comes first; texts that are amounts are compared as such.
fn order(one: &Option<Value>, two: &Option<Value>) -> Ordering {
    match (one, two) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(Value::Text(one)), Some(Value::Text(two))) => {
            match (Quantity::parse(one), Quantity::parse(two)) {
                (Ok(one), Ok(two)) => one.milli().cmp(&two.milli()),
                _ => natural(one, two),
            }
        }
        (Some(one), Some(two)) => match (one.as_int(), two.as_int()) {
            (Some(one), Some(two)) => one.cmp(&two),
            _ => shown(one).cmp(&shown(two)),
        },
    }
}

/// `web-2` before `web-10`: digits are compared as numbers.
fn natural(one: &str, two: &str) -> Ordering {
    let chunk = |text: &str| {
        let is_digit = text.starts_with(|it: char| it.is_ascii_digit());
        text.find(|it: char| it.is_ascii_digit() != is_digit).unwrap_or(text.len())
    };
    let (mut one, mut two) = (one, two);
    while !one.is_empty() && !two.is_empty() {
        let (left, right) = (&one[..chunk(one)], &two[..chunk(two)]);
        let order = match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, two) = (&one[left.len()..], &two[right.len()..]);
    }
    one.len().cmp(&two.len())
}

async fn objects(
    session: &mut Session<'_>,
    flags: &Flags,
    output: &Output,
    wanted: &Wanted,
) -> Result<(), Fault> {
    let (mut infos, mut faults): (Vec<Info>, Vec<Fault>) = (Vec::new(), Vec::new());
    for (kind, names) in &wanted.kinds {
        for name in names {
            match session.json(request(session, flags, *kind, name)).await {
                Ok(object) => infos.push(Info::of(*kind, object)),
                Err(fault) if missing_is_fine(flags, &fault) => {}
                Err(fault) => push(&mut faults, fault)?,
            }
        }
        if names.is_empty() {
            match session.json(request(session, flags, *kind, "")).await {
                Ok(list) => {
                    let items = list.get("items").items().iter();
                    infos.extend(items.map(|it| Info::of(*kind, super::session::typed(*kind, it))));
                }
                Err(fault) => push(&mut faults, fault)?,
            }
        }
    }
    if flags.has("sort-by") {
        let mut rows: Vec<Row> =
            infos.drain(..).map(|it| Row { cells: Vec::new(), object: it.object }).collect();
        sort(&mut rows, flags.get("sort-by"))?;
        infos = rows.into_iter().map(|it| Info::of(Kind::Pod, it.object)).collect();
    }
    let is_single = wanted.is_single() && infos.len() == 1;
    if wanted.is_single() && infos.is_empty() || infos.is_empty() && !faults.is_empty() {
        return Fault::all(faults);
    }
    let object = if is_single {
        infos.remove(0).object
    } else {
        print::list(infos.into_iter().map(|it| it.object).collect())
    };
    let text = output.object(&object, flags, !flags.is_on("no-headers"))?;
    session.print(&text);
    Fault::all(faults)
}

async fn watch(
    session: &mut Session<'_>,
    flags: &Flags,
    output: &Output,
    wanted: &Wanted,
) -> Result<(), Fault> {
    let [(kind, names)] = &wanted.kinds[..] else {
        return Err(Fault::plain(
            "watch is only supported on individual resources and resource collections - more than 1 resource was found",
        ));
    };
    if names.len() > 1 {
        let text = "watch is only supported on individual resources and resource collections - more than 1 resource was found";
        return Err(Fault::plain(text));
    }
    let wide = matches!(output, Output::Human { wide: true });
    let name = names.first().map_or("", String::as_str);
    let list = session.json(request(session, flags, *kind, name)).await?;
    // One object's own revision may be too old to watch from; what comes first then is that object again.
    let revision = if name.is_empty() { list["metadata"].str("resourceVersion") } else { "0" };
    let mut shown =
        Shown { skips_first: !name.is_empty(), headers: !flags.is_on("no-headers"), widths: Vec::new() };
    if !flags.is_on("watch-only") {
        if output.is_human() {
            let table = table(session, flags, *kind, name, wide).await?;
            if !table.rows.is_empty() {
                let text = lines(&table, flags, flags.is_on("show-kind"), shown.headers);
                shown.headers = false;
                print_watched(session, &text, &mut shown.widths);
            }
        } else {
            objects(session, flags, output, wanted).await?;
        }
    }
    let mut ask = request(session, flags, *kind, "")
        .with_query("watch", "true")
        .with_query("resourceVersion", revision);
    if !name.is_empty() {
        ask = ask.with_query("fieldSelector", format!("metadata.name={name}"));
    }
    if output.is_human() {
        ask = ask.with_header("Accept", TABLE);
    }
    session.open(ask).await?;
    follow(session, flags, output, *kind, &mut shown).await
}

/// What a watch has shown so far.
struct Shown {
    skips_first: bool,
    /// Whether they are still to come.
    headers: bool,
    widths: Vec<usize>,
}

/// Prints what a watch tells, until it ends.
async fn follow(
    session: &mut Session<'_>,
    flags: &Flags,
    output: &Output,
    kind: Kind,
    shown: &mut Shown,
) -> Result<(), Fault> {
    let wide = matches!(output, Output::Human { wide: true });
    let mut begun = String::new();
    while let (_, Ok(Some(bytes))) = session.host.next().await {
        begun.push_str(&String::from_utf8_lossy(&bytes));
        let whole = begun.rfind('\n').map_or(0, |at| at + 1);
        let text: String = begun.drain(..whole).collect();
        for event in text.lines().filter_map(|it| json::parse(it).ok()) {
            let object = event.get("object");
            if event.str("type") == "ERROR" {
                return Err(Fault::of(&json::compact(object)));
            }
            if std::mem::take(&mut shown.skips_first) {
                continue;
            }
            if !output.is_human() {
                let text = output.object(object, flags, true)?;
                session.print(&text);
                continue;
            }
            let table = read_table(kind, object, wide);
            let mut text = lines(&table, flags, flags.is_on("show-kind"), shown.headers);
            if flags.is_on("output-watch-events") {
                let head = if shown.headers { "EVENT\t" } else { "" };
                let mut rows = text.split_inclusive('\n').peekable();
                let first = if shown.headers { rows.next().map(|it| format!("{head}{it}")) } else { None };
                let rest: String = rows.map(|it| format!("{}\t{it}", event.str("type"))).collect();
                text = first.unwrap_or_default() + &rest;
            }
            shown.headers = false;
            print_watched(session, &text, &mut shown.widths);
        }
        session.flush().await;
    }
    Ok(())
}

/// Columns keep the widths they had, and grow.
fn print_watched(session: &mut Session<'_>, text: &str, widths: &mut Vec<usize>) {
    for line in text.lines() {
        for (at, cell) in line.split('\t').enumerate() {
            let wide = (cell.chars().count() + 3).max(6);
            match widths.get_mut(at) {
                Some(width) => *width = (*width).max(wide),
                None => widths.push(wide),
            }
        }
    }
    for line in text.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let last = cells.len().saturating_sub(1);
        let padded = cells.iter().enumerate().map(|(at, cell)| {
            if at == last { (*cell).to_owned() } else { format!("{cell:<wide$}", wide = widths[at]) }
        });
        session.print(&(padded.collect::<String>() + "\n"));
    }
}
