//! Variables: scalars and arrays with their attributes, and the scopes of functions.
//!
//! Always: a name has one variable per scope; the innermost that has it answers (dynamic scoping).
//! Source: bash(1), "PARAMETERS", "Arrays".

use std::collections::BTreeMap;

/// Elements of all arrays a shell may hold in one variable; further ones are not stored.
pub const ELEMENTS: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Scalar(String),
    Indexed(BTreeMap<u64, String>),
    Associative(BTreeMap<String, String>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variable {
    /// `None`: declared, but not set.
    pub content: Option<Content>,
    pub exported: bool,
    pub readonly: bool,
    pub integer: bool,
    pub lowercase: bool,
    pub uppercase: bool,
    /// `declare -n`: the name stands for another.
    pub reference: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Variables {
    globals: BTreeMap<String, Variable>,
    /// One for each function being run, the innermost last.
    locals: Vec<BTreeMap<String, Variable>>,
}

impl Variable {
    pub fn scalar(text: impl Into<String>) -> Variable {
        Variable { content: Some(Content::Scalar(text.into())), ..Variable::default() }
    }

    /// What `$name` stands for: of an array, its element 0.
    pub fn value(&self) -> Option<&str> {
        match self.content.as_ref()? {
            Content::Scalar(text) => Some(text),
            Content::Indexed(elements) => elements.get(&0).map(String::as_str),
            Content::Associative(elements) => elements.get("0").map(String::as_str),
        }
    }

    pub fn values(&self) -> Vec<String> {
        match &self.content {
            None => Vec::new(),
            Some(Content::Scalar(text)) => vec![text.clone()],
            Some(Content::Indexed(elements)) => elements.values().cloned().collect(),
            Some(Content::Associative(elements)) => {
                hashed(elements).into_iter().map(|key| elements[key].clone()).collect()
            }
        }
    }

    pub fn keys(&self) -> Vec<String> {
        match &self.content {
            None => Vec::new(),
            Some(Content::Scalar(_)) => vec!["0".to_owned()],
            Some(Content::Indexed(elements)) => elements.keys().map(u64::to_string).collect(),
            Some(Content::Associative(elements)) => hashed(elements).into_iter().cloned().collect(),
        }
    }

    /// Sets the scalar, or element 0 of an array, with what the attributes make of the text.
    pub fn set(&mut self, text: String) {
        let text = self.fold(text);
        match &mut self.content {
            Some(Content::Indexed(elements)) => drop(elements.insert(0, text)),
            Some(Content::Associative(elements)) => drop(elements.insert("0".to_owned(), text)),
            content => *content = Some(Content::Scalar(text)),
        }
    }

    pub fn fold(&self, text: String) -> String {
        match (self.lowercase, self.uppercase) {
            (true, _) => text.to_lowercase(),
            (_, true) => text.to_uppercase(),
            _ => text,
        }
    }

    /// The indexed array that this is or becomes.
    pub fn indexed(&mut self) -> &mut BTreeMap<u64, String> {
        if let Some(Content::Scalar(text)) = &mut self.content {
            self.content = Some(Content::Indexed([(0, std::mem::take(text))].into()));
        }
        if !matches!(self.content, Some(Content::Indexed(_))) {
            self.content = Some(Content::Indexed(BTreeMap::new()));
        }
        match &mut self.content {
            Some(Content::Indexed(elements)) => elements,
            _ => unreachable!("it was just made one"),
        }
    }

    /// The letters of `declare -p`, without the dash.
    pub fn flags(&self) -> String {
        let mut flags = String::new();
        match self.content {
            Some(Content::Indexed(_)) => flags.push('a'),
            Some(Content::Associative(_)) => flags.push('A'),
            _ => {}
        }
        for (set, letter) in [
            (self.integer, 'i'),
            (self.lowercase, 'l'),
            (self.reference, 'n'),
            (self.readonly, 'r'),
            (self.uppercase, 'u'),
            (self.exported, 'x'),
        ] {
            if set {
                flags.push(letter);
            }
        }
        flags
    }
}

/// The place of a key in one of bash's hash tables: FNV-1 of 32 bits.
pub(super) fn bucket(key: &str, buckets: u32) -> u32 {
    let hash =
        key.bytes().fold(2_166_136_261_u32, |hash, byte| hash.wrapping_mul(16_777_619) ^ u32::from(byte));
    hash % buckets
}

/// Keys in the order of the hash table of an associative array.
fn hashed(elements: &BTreeMap<String, String>) -> Vec<&String> {
    let mut keys: Vec<_> = elements.keys().collect();
    keys.sort_by_key(|key| bucket(key, 1024));
    keys
}

impl Variables {
    pub fn get(&self, name: &str) -> Option<&Variable> {
        let name = self.referred(name);
        self.find(&name)
    }

    fn find(&self, name: &str) -> Option<&Variable> {
        self.locals.iter().rev().find_map(|scope| scope.get(name)).or_else(|| self.globals.get(name))
    }

    /// The variable itself, where it is a reference too.
    pub fn get_direct(&self, name: &str) -> Option<&Variable> {
        self.find(name)
    }

    /// The variable, made global where nobody has it.
    pub fn entry(&mut self, name: &str) -> &mut Variable {
        let name = self.referred(name);
        self.entry_direct(&name)
    }

    pub fn entry_direct(&mut self, name: &str) -> &mut Variable {
        match self.locals.iter().rposition(|scope| scope.contains_key(name)) {
            Some(scope) => self.locals[scope].entry(name.to_owned()).or_default(),
            None => self.globals.entry(name.to_owned()).or_default(),
        }
    }

    /// Where references (`declare -n`) lead; at most a few steps, so that a circle ends.
    pub fn referred(&self, name: &str) -> String {
        let mut name = name.to_owned();
        for _ in 0..8 {
            match self.find(&name) {
                Some(variable) if variable.reference => match variable.value() {
                    Some(target) if target != name => name = target.to_owned(),
                    _ => break,
                },
                _ => break,
            }
        }
        name
    }

    pub fn global(&mut self, name: &str) -> &mut Variable {
        self.globals.entry(name.to_owned()).or_default()
    }

    /// A variable of the function being run; it begins unset, with the attributes of no other.
    pub fn local(&mut self, name: &str) -> &mut Variable {
        match self.locals.last_mut() {
            Some(scope) => scope.entry(name.to_owned()).or_default(),
            None => self.globals.entry(name.to_owned()).or_default(),
        }
    }

    pub fn is_local(&self, name: &str) -> bool {
        self.locals.last().is_some_and(|scope| scope.contains_key(name))
    }

    pub fn remove(&mut self, name: &str) {
        for scope in self.locals.iter_mut().rev() {
            if scope.contains_key(name) {
                scope.insert(name.to_owned(), Variable::default());
                return;
            }
        }
        self.globals.remove(name);
    }

    pub fn enter(&mut self) {
        self.locals.push(BTreeMap::new());
    }

    pub fn leave(&mut self) {
        self.locals.pop();
    }

    pub fn in_function(&self) -> bool {
        !self.locals.is_empty()
    }

    /// All names with what they stand for, sorted.
    pub fn all(&self) -> BTreeMap<&String, &Variable> {
        let mut all: BTreeMap<_, _> = self.globals.iter().collect();
        self.locals.iter().for_each(|scope| all.extend(scope.iter()));
        all
    }

    /// The environment of what the shell starts.
    pub fn exported(&self) -> BTreeMap<String, String> {
        let value = |(name, variable): (&String, &Variable)| {
            let value = variable.value().filter(|_| variable.exported)?;
            Some((name.clone(), value.to_owned()))
        };
        self.all().into_iter().filter_map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_hides_a_global_until_its_function_ends() {
        let mut variables = Variables::default();
        variables.entry("x").set("outer".into());
        variables.enter();
        variables.local("x").set("inner".into());
        assert_eq!(variables.get("x").and_then(Variable::value), Some("inner"));
        variables.leave();
        assert_eq!(variables.get("x").and_then(Variable::value), Some("outer"));
    }

    #[test]
    fn a_circle_of_references_ends() {
        let mut variables = Variables::default();
        for (name, target) in [("a", "b"), ("b", "a")] {
            let variable = variables.entry_direct(name);
            variable.set(target.into());
            variable.reference = true;
        }
        variables.get("a");
    }
}
