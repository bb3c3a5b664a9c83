//! What may stand in an object of each kind: one table per API group, as data.
//!
//! Strict decoding, defaults, `kubectl explain`, strategic merge, server-side apply and the pod template's hash all
//! read this one table. Each file of `schema/` lists types; a line that is not indented opens a type
//! (`Container`) or names a word type (`Protocol = string TCP|UDP`). A field is `name GoType` and then marks:
//! `go=` its name in Go, `always` written even when empty, `required`, `patch=`/`key=` strategic merge,
//! `list=` how server-side apply sees a list, `atomic`, `default=` (JSON). `...T` takes all fields of `T` in.
//! Always: names are resolved when the table is read, so a type that is missing is found by the first test.
//! Sources: k8s.io/api v0.36.2 and gateway-api v1 for the names; words of documentation are our own.

use super::value::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLES: &[(&str, &str)] = &[
    ("meta", include_str!("schema/meta.txt")),
    ("core", include_str!("schema/core.txt")),
    ("apps", include_str!("schema/apps.txt")),
    ("batch", include_str!("schema/batch.txt")),
    ("discovery", include_str!("schema/discovery.txt")),
    ("networking", include_str!("schema/networking.txt")),
    ("coordination", include_str!("schema/coordination.txt")),
    ("rbac", include_str!("schema/rbac.txt")),
    ("gateway", include_str!("schema/gateway.txt")),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeId(u16);

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Text,
    /// A text with a name of its own, and the words it may be if they are few.
    Word {
        name: &'static str,
        words: &'static [&'static str],
    },
    Bool,
    Int32,
    Int64,
    Float,
    /// Base64 in JSON.
    Bytes,
    Time,
    MicroTime,
    Quantity,
    IntOrString,
    /// Anything at all.
    Any,
    Struct(TypeId),
    List(Box<Type>),
    Map(Box<Type>),
}

/// How server-side apply sees a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListType {
    Atomic,
    Set,
    Map(Vec<&'static str>),
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub go_name: String,
    pub kind: Type,
    /// As Go writes it, with the package short.
    pub go_type: String,
    pub pointer: bool,
    pub always: bool,
    pub required: bool,
    pub patch_merge: bool,
    pub retain_keys: bool,
    pub merge_key: Option<&'static str>,
    pub list: ListType,
    pub atomic: bool,
    pub default: Option<&'static str>,
    /// The type this field was taken in from, for Go's view of the struct.
    pub inlined: Option<(&'static str, bool)>,
}

#[derive(Debug)]
pub struct Struct {
    pub package: &'static str,
    pub name: &'static str,
    pub fields: Vec<Field>,
}

impl Struct {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// As Go names it in a message: `v1.PodSpec`.
    pub fn go(&self) -> String {
        format!("v1.{}", self.name)
    }
}

impl Field {
    pub fn default_value(&self) -> Option<Value> {
        let text = self.default?;
        Some(super::json::parse(text).expect("a default of our table is JSON"))
    }
}

pub struct Schema {
    structs: Vec<Struct>,
    by_name: BTreeMap<String, TypeId>,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

pub fn schema() -> &'static Schema {
    &SCHEMA
}

impl Schema {
    /// A type by package and name: `core.Pod`.
    pub fn find(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    pub fn get(&self, id: TypeId) -> &Struct {
        &self.structs[usize::from(id.0)]
    }

    pub fn structure(&self, kind: &Type) -> Option<&Struct> {
        match kind {
            Type::Struct(id) => Some(self.get(*id)),
            _ => None,
        }
    }

    fn read() -> Schema {
        let raw = Raw::read();
        let mut schema = Schema { structs: Vec::new(), by_name: BTreeMap::new() };
        for (number, (package, name, _)) in raw.structs.iter().enumerate() {
            let id = TypeId(u16::try_from(number).expect("fewer than 65,536 types"));
            schema.by_name.insert(format!("{package}.{name}"), id);
        }
        for (package, name, lines) in &raw.structs {
            let mut fields = Vec::new();
            for line in lines {
                raw.field(&schema.by_name, package, line, &mut fields);
            }
            schema.structs.push(Struct { package, name, fields });
        }
        schema
    }
}

/// The tables as they stand in their files.
#[derive(Default)]
struct Raw {
    structs: Vec<(&'static str, &'static str, Vec<&'static str>)>,
    words: BTreeMap<String, (&'static str, &'static [&'static str])>,
}

impl Raw {
    fn read() -> Raw {
        let mut raw = Raw::default();
        for (package, text) in TABLES {
            for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                if let Some(field) = line.strip_prefix("  ") {
                    let (_, _, fields) = raw.structs.last_mut().expect("a field stands under its type");
                    fields.push(field);
                } else if let Some((name, rest)) = line.split_once(" = ") {
                    let (base, words) = rest.split_once(' ').unwrap_or((rest, ""));
                    let words: Vec<&str> = words.split('|').filter(|it| !it.is_empty()).collect();
                    raw.words.insert(format!("{package}.{name}"), (base, words.leak()));
                } else {
                    raw.structs.push((package, line, Vec::new()));
                }
            }
        }
        raw
    }

    fn field(
        &self,
        names: &BTreeMap<String, TypeId>,
        package: &'static str,
        line: &'static str,
        fields: &mut Vec<Field>,
    ) {
        if let Some(name) = line.strip_prefix("...") {
            let (_, name, lines) = self
                .structs
                .iter()
                .find(|(its, it, _)| *its == package && *it == name)
                .expect("what is taken in stands in the same table");
            let first = fields.len();
            for line in lines {
                self.field(names, package, line, fields);
            }
            fields[first..].iter_mut().for_each(|field| {
                field.inlined.get_or_insert((name, false));
            });
            return;
        }
        let mut words = line.split(' ');
        let name = words.next().expect("a field has a name");
        let go_type = words.next().expect("a field has a type");
        let mut capital = name.to_owned();
        capital[..1].make_ascii_uppercase();
        let mut field = Field {
            name,
            go_name: capital,
            kind: self.kind(names, package, go_type),
            go_type: go_type.trim_start_matches('*').to_owned(),
            pointer: go_type.starts_with('*'),
            always: false,
            required: false,
            patch_merge: false,
            retain_keys: false,
            merge_key: None,
            list: ListType::Atomic,
            atomic: false,
            default: None,
            inlined: None,
        };
        let rest = line.splitn(3, ' ').nth(2).unwrap_or_default();
        mark(&mut field, rest);
        fields.push(field);
    }

    fn kind(&self, names: &BTreeMap<String, TypeId>, package: &str, go: &'static str) -> Type {
        let go = go.trim_start_matches('*');
        if go == "[]byte" {
            return Type::Bytes;
        }
        if let Some(item) = go.strip_prefix("[]") {
            return Type::List(Box::new(self.kind(names, package, item)));
        }
        if let Some((_, item)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
            return Type::Map(Box::new(self.kind(names, package, item)));
        }
        match go {
            "string" | "types.UID" | "metav1.Duration" => return Type::Text,
            "bool" => return Type::Bool,
            "int32" | "uint16" => return Type::Int32,
            "int64" | "int" => return Type::Int64,
            "float64" => return Type::Float,
            "metav1.Time" => return Type::Time,
            "metav1.MicroTime" => return Type::MicroTime,
            "resource.Quantity" => return Type::Quantity,
            "intstr.IntOrString" => return Type::IntOrString,
            "runtime.RawExtension" => return Type::Any,
            _ => {}
        }
        let full = match go.split_once('.') {
            Some(("v1" | "corev1", name)) => format!("core.{name}"),
            Some(("metav1", name)) => format!("meta.{name}"),
            _ => format!("{package}.{go}"),
        };
        if let Some(id) = names.get(&full) {
            return Type::Struct(*id);
        }
        match self.words.get(&full) {
            Some(("string", words)) => {
                Type::Word { name: go.split_once('.').map_or(go, |(_, name)| name), words }
            }
            Some((base, _)) => self.kind(names, package, base),
            None => panic!("the schema names {full}, which no table has"),
        }
    }
}

fn mark(field: &mut Field, marks: &'static str) {
    let (marks, default) = match marks.split_once("default=") {
        Some((marks, default)) => (marks, Some(default)),
        None => (marks, None),
    };
    field.default = default;
    for word in marks.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("always", _) => field.always = true,
            ("required", _) => field.required = true,
            ("atomic", _) => field.atomic = true,
            ("go", name) => field.go_name = name.to_owned(),
            ("key", key) => field.merge_key = Some(key),
            ("patch", how) => {
                field.patch_merge = how.split(',').any(|it| it == "merge");
                field.retain_keys = how.split(',').any(|it| it == "retainKeys");
            }
            ("list", "set") => field.list = ListType::Set,
            ("list", how) => {
                let keys = how.strip_prefix("map:").unwrap_or_default();
                field.list = ListType::Map(keys.split(',').collect());
            }
            ("embed", _) => field.go_name = "ObjectMeta".to_owned(),
            _ => panic!("a mark of the schema: {word}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_knows_how_containers_merge() {
        let schema = schema();
        let spec = schema.get(schema.find("core.PodSpec").expect("there"));
        let containers = spec.field("containers").expect("there");
        assert_eq!((containers.merge_key, containers.patch_merge), (Some("name"), true));
        let volume = schema.get(schema.find("core.Volume").expect("there"));
        assert!(volume.field("configMap").is_some(), "a source is taken in");
    }
}
