//! What `-o` asks for: names, YAML, JSON, templates, columns.
//!
//! Always: managed fields are left out unless they are asked for. Source: cli-runtime `pkg/printers`.

use super::fault::Fault;
use super::flags::Flags;
use super::gotemplate;
use super::jsonpath::{self, Template};
use super::session::Session;
use super::tab;
use crate::object;
use crate::object::{Kind, Value, json, yaml};

#[derive(Debug)]
pub enum Output {
    Human { wide: bool },
    Name,
    Yaml,
    Json,
    JsonPath(Template, String),
    JsonPathAsJson(Template),
    Columns(Vec<Column>),
    Go(gotemplate::Template),
}

#[derive(Debug)]
pub struct Column {
    header: String,
    path: Template,
}

const TEMPLATES: &str = "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,\
    templatefile";

impl Output {
    /// Of `get`, which knows columns and `wide`.
    pub async fn of_reader(session: &mut Session<'_>, flags: &Flags) -> Result<Output, Fault> {
        let formats = format!("custom-columns,custom-columns-file,{TEMPLATES},wide,yaml");
        Output::parse(session, flags, &formats).await
    }

    pub async fn of_writer(session: &mut Session<'_>, flags: &Flags) -> Result<Output, Fault> {
        let formats = format!("{TEMPLATES},yaml");
        Output::parse(session, flags, &formats).await
    }

    async fn parse(session: &mut Session<'_>, flags: &Flags, formats: &str) -> Result<Output, Fault> {
        let given = flags.get("output");
        let (name, argument) = given.split_once('=').unwrap_or((given, ""));
        let argument = if argument.is_empty() { flags.get("template") } else { argument };
        let (name, is_implied) =
            if name.is_empty() && flags.has("template") { ("go-template", true) } else { (name, false) };
        let unknown = || {
            Fault::Plain(format!(
                "unable to match a printer suitable for the output format \"{given}\", allowed formats are: {formats}"
            ))
        };
        if !name.is_empty() && !is_implied && !formats.split(',').any(|it| it == name) {
            return Err(unknown());
        }
        let is_template = name.contains("template") || name.starts_with("jsonpath");
        if is_template && argument.is_empty() {
            return Err(Fault::plain("template format specified but no template given"));
        }
        let argument = match name {
            "jsonpath-file" | "go-template-file" | "templatefile" => {
                let text = session.text(argument).await;
                text.map_err(|why| {
                    Fault::Plain(format!("error reading --template {argument}, {}", why.message()))
                })?
            }
            "custom-columns-file" => columns_of_file(&session.text(argument).await?)?,
            _ => argument.to_owned(),
        };
        Ok(match name {
            "" => Output::Human { wide: false },
            "wide" => Output::Human { wide: true },
            "name" => Output::Name,
            "yaml" => Output::Yaml,
            "json" => Output::Json,
            "kyaml" => return Err(Fault::plain("-o kyaml: not simulated in vethlab; use -o yaml")),
            "jsonpath" | "jsonpath-file" => Output::JsonPath(path(&argument)?, argument),
            "jsonpath-as-json" => Output::JsonPathAsJson(path(&argument)?),
            "custom-columns" | "custom-columns-file" => Output::Columns(columns(&argument)?),
            _ => {
                let parsed = gotemplate::Template::parse(&argument);
                Output::Go(parsed.map_err(|why| {
                    Fault::Plain(format!("error parsing template {argument}, template: output:{why}"))
                })?)
            }
        })
    }

    pub fn is_human(&self) -> bool {
        matches!(self, Output::Human { .. })
    }

    /// One object, or a List of them.
    pub fn object(&self, object: &Value, flags: &Flags, headers: bool) -> Result<String, Fault> {
        let mut object = object.clone();
        if !flags.is_on("show-managed-fields") {
            hide_managed_fields(&mut object);
        }
        Ok(match self {
            Output::Human { .. } | Output::Name => names(&object),
            Output::Yaml => yaml::print(&object),
            Output::Json => json::pretty(&object, 4) + "\n",
            Output::JsonPath(template, text) => {
                let lenient = flags.or("allow-missing-template-keys", "true") == "true";
                template.run(&object, lenient).map_err(|why| jsonpath_failed(text, &why, &object))?
            }
            Output::JsonPathAsJson(template) => {
                let found = template.find(&object).map_err(Fault::Plain)?;
                json::pretty(&Value::list(found), 4) + "\n"
            }
            Output::Columns(columns) => in_columns(columns, &object, headers),
            Output::Go(template) => template.run(&object).map_err(|why| {
                Fault::Plain(format!("error executing template {:?}: {why}", template.text))
            })?,
        })
    }
}

fn path(text: &str) -> Result<Template, Fault> {
    Template::parse(text).map_err(|why| Fault::Plain(format!("error parsing jsonpath {text}, {why}")))
}

fn jsonpath_failed(text: &str, why: &str, object: &Value) -> Fault {
    Fault::Plain(format!(
        "error executing jsonpath {text:?}: Error executing template: {why}. Printing more information for debugging the \
         template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n",
        gotemplate::go_syntax(object)
    ))
}

/// One object as `-o yaml` prints it.
pub fn yaml_of(object: &Value) -> String {
    let mut object = object.clone();
    hide_managed_fields(&mut object);
    yaml::print(&object)
}

fn hide_managed_fields(object: &mut Value) {
    if object.str("kind") == "List" {
        object["items"].items_mut().iter_mut().for_each(hide_managed_fields);
    } else if object.has("metadata") {
        object["metadata"].remove("managedFields");
    }
}

/// `pod/web`; a line for each item of a List.
fn names(object: &Value) -> String {
    if object.str("kind") == "List" {
        return object.get("items").items().iter().map(names).collect();
    }
    let name = object["metadata"].str("name");
    let kind = object.str("kind").to_lowercase();
    let group = object.str("apiVersion").split_once('/').map_or("", |(group, _)| group);
    let dot = if group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{group}/{name}\n")
}

/// Several objects as the List that kubectl makes of them.
pub fn list(items: Vec<Value>) -> Value {
    object!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

fn columns(text: &str) -> Result<Vec<Column>, Fault> {
    if text.is_empty() {
        return Err(Fault::plain("custom-columns format specified but no custom columns given"));
    }
    let mut all = Vec::new();
    for part in text.split(',') {
        let Some((header, path)) = part.split_once(':') else {
            let words = "expected <header>:<json-path-expr>";
            return Err(Fault::Plain(format!("unexpected custom-columns spec: {part}, {words}")));
        };
        let path = jsonpath::relaxed(path).and_then(|it| Template::parse(&it)).map_err(Fault::Plain)?;
        all.push(Column { header: header.to_owned(), path });
    }
    Ok(all)
}

/// A file has headers on its first line, paths on its second.
fn columns_of_file(text: &str) -> Result<String, Fault> {
    let mut lines = text.lines();
    let mut words = || lines.next().unwrap_or_default().split_whitespace().collect::<Vec<&str>>();
    let (headers, paths) = (words(), words());
    if headers.len() != paths.len() {
        let count = (headers.len(), paths.len());
        return Err(Fault::Plain(format!(
            "number of headers ({}) and field specifications ({}) don't match",
            count.0, count.1
        )));
    }
    Ok(headers
        .iter()
        .zip(paths)
        .map(|(header, path)| format!("{header}:{path}"))
        .collect::<Vec<_>>()
        .join(","))
}

fn in_columns(columns: &[Column], object: &Value, headers: bool) -> String {
    let mut text = String::new();
    if headers {
        text = columns.iter().map(|it| it.header.as_str()).collect::<Vec<_>>().join("\t") + "\n";
    }
    let items =
        if object.str("kind") == "List" { object.get("items").items() } else { std::slice::from_ref(object) };
    for item in items {
        let cells = columns.iter().map(|column| {
            let found = column.path.find(item).unwrap_or_default();
            let words: Vec<String> = found.iter().map(cell).collect();
            if words.is_empty() { "<none>".to_owned() } else { words.join(",") }
        });
        text += &(cells.collect::<Vec<_>>().join("\t") + "\n");
    }
    tab::table(&text)
}

/// As Go's `%v` prints it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "<none>".to_owned(),
        Value::Map(_) | Value::List(_) => gotemplate::shown(value),
        other => jsonpath::shown(other),
    }
}

/// What a writer did, or the object in the form that was asked for.
pub fn done(
    session: &mut Session<'_>,
    output: &Output,
    flags: &Flags,
    object: &Value,
    what: &str,
) -> Result<(), Fault> {
    if let Output::Human { .. } = output {
        let tail = match flags.dry_run()? {
            "client" => " (dry run)",
            "server" => " (server dry run)",
            _ => "",
        };
        let name = names(object);
        session.print(&format!("{} {what}{tail}\n", name.trim_end()));
        return Ok(());
    }
    if let Output::Yaml = output {
        // Several documents are parted.
        if session.printed_yaml {
            session.print("---\n");
        }
        session.printed_yaml = true;
    }
    let text = output.object(object, flags, true)?;
    session.print(&text);
    Ok(())
}

/// `pod/web` of a kind and a name.
pub fn named(kind: Kind, name: &str) -> String {
    format!("{}/{name}", kind.resource().qualified_singular())
}
