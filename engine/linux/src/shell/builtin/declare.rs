//! `declare`, `typeset`, `local`, `export`, `readonly`, `unset`, `let`.

use super::{Argument, Flow, Given, Shell, declaration, is_name};
use crate::shell::Failure;
use crate::shell::expand::Key;
use crate::shell::quoting::quote;
use crate::shell::syntax::Dialect;
use crate::shell::variables::{Content, Variable};
use std::collections::BTreeMap;

/// What the options of a declaration ask for: `true` sets an attribute, `false` (`+x`) takes it away.
#[derive(Default)]
struct Wanted {
    attributes: BTreeMap<char, bool>,
    print: bool,
    functions: bool,
    names_only: bool,
    global: bool,
}

impl Shell {
    pub(super) async fn declare(&mut self, name: &str, words: Vec<Argument>) -> Flow {
        self.status = 0;
        let local =
            name == "local" || (name != "export" && name != "readonly" && self.variables.in_function());
        if name == "local" && !self.variables.in_function() {
            let words = match self.dialect {
                Dialect::Bash => "can only be used in a function",
                Dialect::Dash => "not in a function",
            };
            self.status = self.builtin_error("local", words).await;
            return if self.dialect == Dialect::Dash && !self.interactive { Flow::Exit } else { Flow::Next };
        }
        let mut wanted = Wanted::default();
        match name {
            "export" => drop(wanted.attributes.insert('x', true)),
            "readonly" => drop(wanted.attributes.insert('r', true)),
            _ => {}
        }
        let mut words = words.into_iter().skip(1).peekable();
        while let Some(Argument::Text(text)) = words.peek() {
            let text = text.clone();
            if text == "--" {
                words.next();
                break;
            }
            if text.len() < 2 || !text.starts_with(['-', '+']) {
                break;
            }
            words.next();
            if let Err(letter) = options(name, &text, &mut wanted) {
                let usage = match name {
                    "export" => "export [-fn] [name[=value] ...] or export -p",
                    "readonly" => "readonly [-aAf] [name[=value] ...] or readonly -p",
                    "local" => "local [option] name[=value] ...",
                    _ => {
                        "declare [-aAfFgiIlnrtux] [name[=value] ...] or declare -p [-aAfFilnrtux] [name ...]"
                    }
                };
                self.status = self.usage(name, &format!("-{letter}"), usage).await;
                return Flow::Next;
            }
        }
        let words: Vec<Argument> = words.collect();
        if wanted.functions {
            self.status = self.declare_functions(&words, &wanted).await;
            return Flow::Next;
        }
        if words.is_empty() || wanted.print {
            self.status = self.print_declarations(name, &words, &wanted).await;
            return Flow::Next;
        }
        for word in words {
            if let Err(failure) = self.declare_one(name, word, &wanted, local && !wanted.global).await {
                return self.failed(failure);
            }
        }
        Flow::Next
    }

    async fn declare_one(
        &mut self,
        command: &str,
        word: Argument,
        wanted: &Wanted,
        local: bool,
    ) -> Result<(), Failure> {
        let (name, index, append, value) = match word {
            Argument::Assignment { name, index, append, value } => (name, index, append, Some(value)),
            Argument::Text(text) => split(&text),
        };
        if !is_name(&name) {
            let shown = match &value {
                Some(Given::Scalar(text)) => format!("{name}={text}"),
                _ => name.clone(),
            };
            let words = match self.dialect {
                Dialect::Bash => format!("`{shown}': not a valid identifier"),
                Dialect::Dash => format!("{name}: bad variable name"),
            };
            self.status = self.builtin_error(command, words).await;
            return if self.dialect == Dialect::Dash { Err(self.fatal(2)) } else { Ok(()) };
        }
        if local && !self.variables.is_local(&name) {
            let inherited = (self.dialect == Dialect::Dash)
                .then(|| self.variables.get(&name).and_then(|it| it.content.clone()))
                .flatten();
            self.variables.local(&name).content = inherited;
        }
        if wanted.attributes.get(&'n') == Some(&true) {
            self.declare_reference(command, &name, value).await;
            return Ok(());
        }
        let readonly = self.variables.get(&name).is_some_and(|variable| variable.readonly);
        if readonly && (value.is_some() || wanted.attributes.get(&'r') == Some(&false)) {
            self.status = match command {
                "export" | "readonly" => {
                    self.complain_line(format!("{name}: readonly variable")).await;
                    1
                }
                _ => self.builtin_error(command, format!("{name}: readonly variable")).await,
            };
            return Ok(());
        }
        self.set_attributes(&name, wanted);
        match (value, index) {
            (None, _) => {}
            (Some(Given::Scalar(text)), Some(index)) => {
                self.assign_element(&name, &index, text, append).await?
            }
            (Some(Given::Scalar(text)), None) => self.assign_text(&name, text, append).await?,
            (Some(Given::Array(elements)), _) => self.assign_array(&name, elements, append).await?,
        }
        let variable = self.variables.entry(&name);
        if let Some(true) = wanted.attributes.get(&'r') {
            variable.readonly = true
        }
        self.environment_changed = true;
        Ok(())
    }

    /// `declare -n name=target`
    async fn declare_reference(&mut self, command: &str, name: &str, value: Option<Given>) {
        let target = match value {
            Some(Given::Scalar(target)) => Some(target),
            _ => None,
        };
        if target.as_deref() == Some(name) {
            if !self.variables.in_function() {
                let words = format!("{name}: nameref variable self references not allowed");
                self.status = self.builtin_error(command, words).await;
                return;
            }
            self.builtin_error(command, format!("warning: {name}: circular name reference")).await;
        }
        let variable = self.variables.entry_direct(name);
        if let Some(target) = target {
            variable.content = Some(Content::Scalar(target));
        }
        variable.reference = true;
    }

    fn set_attributes(&mut self, name: &str, wanted: &Wanted) {
        let variable = self.variables.entry(name);
        for (letter, set) in &wanted.attributes {
            match letter {
                'x' => variable.exported = *set,
                'i' => variable.integer = *set,
                'l' => (variable.lowercase, variable.uppercase) = (*set, variable.uppercase && !*set),
                'u' => (variable.uppercase, variable.lowercase) = (*set, variable.lowercase && !*set),
                'a' if *set => drop(variable.indexed()),
                'A' if *set && !matches!(variable.content, Some(Content::Associative(_))) => {
                    variable.content = Some(Content::Associative(BTreeMap::new()));
                }
                _ => {}
            }
        }
    }

    async fn print_declarations(&mut self, command: &str, words: &[Argument], wanted: &Wanted) -> u8 {
        let (mut text, mut status) = (String::new(), 0);
        if words.is_empty() {
            let shows = |variable: &Variable| {
                wanted.attributes.iter().all(|(letter, set)| variable.flags().contains(*letter) == *set)
            };
            let local = command == "local";
            for (name, variable) in self.variables.all() {
                if !shows(variable) || local && !self.variables.is_local(name) {
                    continue;
                }
                let plain = matches!(command, "declare" | "typeset" | "local")
                    && !wanted.print
                    && wanted.attributes.is_empty();
                text.push_str(&match (plain, self.dialect) {
                    (_, Dialect::Dash) => match variable.value() {
                        Some(value) => format!("{command} {name}={}", quote(value)),
                        None => format!("{command} {name}"),
                    },
                    (true, _) if local => declaration(name, variable, true),
                    (true, _) if variable.content.is_none() => continue,
                    (true, _) => super::plain_listing(name, variable),
                    (false, _) => declaration(name, variable, true),
                });
                text.push('\n');
            }
        }
        for word in words {
            let name = word.text();
            match self.variables.get_direct(&name) {
                Some(variable) => text.push_str(&(declaration(&name, variable, true) + "\n")),
                None => status = self.builtin_error(command, format!("{name}: not found")).await,
            }
        }
        self.put_out(command, &text).await | status
    }

    async fn declare_functions(&mut self, words: &[Argument], wanted: &Wanted) -> u8 {
        let names: Vec<String> = match words {
            [] => self.functions.keys().cloned().collect(),
            words => words.iter().map(Argument::text).collect(),
        };
        let (mut text, mut status) = (String::new(), 0);
        for name in names {
            match self.functions.get(&name) {
                Some(_) if wanted.names_only && words.is_empty() => {
                    text.push_str(&format!("declare -f {name}\n"))
                }
                Some(_) if wanted.names_only => text.push_str(&format!("{name}\n")),
                Some(function) => {
                    text.push_str(&(crate::shell::syntax::print::function(&name, &function.body) + "\n"));
                }
                None => status = 1,
            }
        }
        self.put_out("declare", &text).await | status
    }

    pub(super) async fn unset(&mut self, args: &[String]) -> u8 {
        let (mut functions, mut variables, mut rest) = (false, false, args);
        while let Some((first, more)) = rest.split_first().filter(|(first, _)| first.starts_with('-')) {
            match first.as_str() {
                "-f" => functions = true,
                "-v" | "-n" => variables = true,
                "--" => {}
                option => return self.usage("unset", option, "unset [-f] [-v] [-n] [name ...]").await,
            }
            rest = more;
        }
        let mut status = 0;
        for name in rest {
            if functions {
                self.functions.remove(name);
                continue;
            }
            if let Some((array, index)) = name.strip_suffix(']').and_then(|it| it.split_once('[')) {
                status |= self.unset_element(array, index).await;
                continue;
            }
            if !is_name(name) {
                if self.functions.remove(name).is_some() || !variables && self.dialect == Dialect::Bash {
                    continue;
                }
                let words = match self.dialect {
                    Dialect::Bash => format!("`{name}': not a valid identifier"),
                    Dialect::Dash => format!("{name}: bad variable name"),
                };
                status = self.builtin_error("unset", words).await;
                continue;
            }
            match self.variables.get(name) {
                Some(variable) if variable.readonly => {
                    status =
                        self.builtin_error("unset", format!("{name}: cannot unset: readonly variable")).await;
                }
                Some(_) => {
                    let name = self.variables.referred(name);
                    self.variables.remove(&name);
                    self.environment_changed = true;
                }
                None if !variables => drop(self.functions.remove(name)),
                None => {}
            }
        }
        status
    }

    async fn unset_element(&mut self, array: &str, index: &str) -> u8 {
        if let "@" | "*" = index {
            self.variables.remove(array);
            return 0;
        }
        let Ok(key) = self.key(array, index).await else { return 1 };
        match (&mut self.variables.entry(array).content, key) {
            (Some(Content::Indexed(elements)), Key::Number(index)) => drop(elements.remove(&index)),
            (Some(Content::Associative(elements)), Key::Text(key)) => drop(elements.remove(&key)),
            _ => {}
        }
        0
    }

    pub(super) async fn let_builtin(&mut self, args: &[String]) -> u8 {
        if args.is_empty() {
            return self.builtin_error("let", "expression expected").await;
        }
        let mut value = 0;
        for text in args {
            match crate::shell::arithmetic::evaluate(text, self) {
                Ok(found) => value = found,
                Err(words) => return self.builtin_error("let", words).await,
            }
        }
        u8::from(value == 0)
    }
}

fn options(command: &str, text: &str, wanted: &mut Wanted) -> Result<(), char> {
    let set = text.starts_with('-');
    for letter in text.chars().skip(1) {
        match letter {
            'p' => wanted.print = true,
            'f' => wanted.functions = true,
            'F' => (wanted.functions, wanted.names_only) = (true, true),
            'g' => wanted.global = true,
            'n' if command == "export" => drop(wanted.attributes.insert('x', false)),
            'a' | 'A' | 'i' | 'l' | 'n' | 'r' | 'u' | 'x' => drop(wanted.attributes.insert(letter, set)),
            't' | 'I' => {}
            letter => return Err(letter),
        }
    }
    Ok(())
}

/// `name`, `name=value`, `name+=value`, `name[index]=value` in a text that came of an expansion.
fn split(text: &str) -> (String, Option<String>, bool, Option<Given>) {
    let Some((left, value)) = text.split_once('=') else { return (text.to_owned(), None, false, None) };
    let (left, append) = match left.strip_suffix('+') {
        Some(left) => (left, true),
        None => (left, false),
    };
    let (name, index) = match left.strip_suffix(']').and_then(|left| left.split_once('[')) {
        Some((name, index)) => (name, Some(index.to_owned())),
        None => (left, None),
    };
    (name.to_owned(), index, append, Some(Given::Scalar(value.to_owned())))
}
