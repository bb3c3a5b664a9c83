//! `explain`: a kind's fields, from the same table that the server reads.
//!
//! Differs from kubectl: the words of a description are there for few fields.
//! Source: kubectl `pkg/explain/v2`.

use super::fault::Fault;
use super::flags::Flags;
use super::resource::kind_of;
use super::session::Session;
use crate::object::Kind;
use crate::object::patch::structure_of;
use crate::object::schema::{Field, Struct, Type};

/// Types that name themselves end here.
const DEEPEST: usize = 12;
const WIDTH: usize = 80;

pub async fn explain(session: &mut Session<'_>, flags: &Flags) -> Result<(), Fault> {
    let [word] = &flags.words[..] else {
        return Err(if flags.words.is_empty() {
            flags.usage("You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.\n")
        } else {
            flags.usage("We accept only this format: explain RESOURCE\n")
        });
    };
    let mut parts = word.split('.');
    let name = parts.next().unwrap_or_default();
    let kind = kind_of(name)
        .map_err(|_| Fault::Plain(format!("the server doesn't have a resource type \"{name}\"")))?;
    let Some(root) = kind.resource().type_id().and_then(|id| structure_of(&Type::Struct(id))) else {
        return Err(Fault::Plain(format!("explain of {name}: not simulated in vethlab")));
    };
    session.print(&head(kind));
    let (mut its, mut field): (Option<&'static Struct>, Option<&'static Field>) = (Some(root), None);
    for part in parts {
        let found = its.and_then(|it| it.field(part));
        let Some(found) = found else {
            return Err(Fault::Plain(format!("field \"{part}\" does not exist")));
        };
        its = structure_of(&found.kind);
        field = Some(found);
    }
    session.print(&body(kind, field, its, flags.is_on("recursive")));
    Ok(())
}

fn head(kind: Kind) -> String {
    let resource = kind.resource();
    let group =
        if resource.group.is_empty() { String::new() } else { format!("GROUP:      {}\n", resource.group) };
    format!("{group}KIND:       {}\nVERSION:    {}\n\n", resource.name, resource.version)
}

/// What a field or a type says of itself.
fn words(kind: Kind, field: Option<&Field>) -> &'static str {
    let owner = kind.name();
    let name = field.map_or("", |it| it.name);
    let found = TEXTS
        .lines()
        .filter_map(|it| it.split_once('|'))
        .find(|(key, _)| key.split_once('.').unwrap_or((key, "")) == (owner, name));
    found.map_or("<empty>", |(_, text)| text)
}

static TEXTS: &str = include_str!("explain.txt");

fn body(kind: Kind, field: Option<&'static Field>, its: Option<&'static Struct>, recursive: bool) -> String {
    let mut out = String::new();
    if let Some(field) = field {
        let required = if field.required { " -required-" } else { "" };
        out += &format!("FIELD: {} <{}>{required}\n\n", field.name, shown(field));
        if let Type::Word { words, .. } = &field.kind
            && !words.is_empty()
        {
            out += "ENUM:\n";
            words.iter().for_each(|it| out += &format!("    {it}\n"));
        }
        out += "\n";
    }
    out += "DESCRIPTION:\n";
    wrap(&mut out, words(kind, field), 4);
    out += "    \n";
    if let Some(its) = its {
        out += "FIELDS:\n";
        fields(&mut out, its, 1, recursive, kind, field.is_none());
    }
    out + "\n"
}

fn fields(out: &mut String, its: &'static Struct, level: usize, recursive: bool, kind: Kind, is_root: bool) {
    let indent = "  ".repeat(level);
    let mut all: Vec<(&str, String, Option<&'static Field>)> =
        its.fields.iter().map(|it| (it.name, shown(it), Some(it))).collect();
    if is_root {
        all.push(("apiVersion", "string".to_owned(), None));
        all.push(("kind", "string".to_owned(), None));
    }
    all.sort_by_key(|it| it.0);
    for (name, type_name, field) in all {
        let required = if field.is_some_and(|it| it.required) { " -required-" } else { "" };
        *out += &format!("{indent}{name}\t<{type_name}>{required}\n");
        if let Some(Type::Word { words, .. }) = field.map(|it| &it.kind)
            && !words.is_empty()
        {
            *out += &format!("{indent}enum: {}\n", words.join(", "));
        }
        if recursive {
            let inner = field.and_then(|it| structure_of(&it.kind));
            if let Some(inner) = inner.filter(|_| level < DEEPEST) {
                fields(out, inner, level + 1, true, kind, false);
            }
        } else {
            let text = field.map_or("<empty>", |it| words(kind, Some(it)));
            wrap(out, text, 4);
            *out += "\n";
        }
    }
}

/// `[]string`, `map[string]string`, `PodSpec`, `Object`.
fn shown(field: &Field) -> String {
    type_name(&field.kind)
}

fn type_name(kind: &Type) -> String {
    match kind {
        Type::Text | Type::Word { .. } | Type::Bytes | Type::Time | Type::MicroTime | Type::Quantity => {
            "string".to_owned()
        }
        Type::Bool => "boolean".to_owned(),
        Type::Int32 | Type::Int64 => "integer".to_owned(),
        Type::Float => "number".to_owned(),
        Type::IntOrString => "IntOrString".to_owned(),
        Type::Any => "Object".to_owned(),
        Type::Struct(_) => structure_of(kind).map_or("Object".to_owned(), |it| it.name.to_owned()),
        Type::List(item) => format!("[]{}", type_name(item)),
        Type::Map(item) => format!("map[string]{}", type_name(item)),
    }
}

fn wrap(out: &mut String, text: &str, indent: usize) {
    let space = " ".repeat(indent);
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent + line.len() + 1 + word.len() > WIDTH {
            *out += &format!("{space}{line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    *out += &format!("{space}{line}\n");
}
