//! Where the words of a specification come from: actions, word lists, globs, functions and commands.
//!
//! Always: the words of one source keep its order; those that do not begin with the word at the cursor are
//! left out, but for what a function or a command gives, which bash believes.
//! Source: bash(1), "Programmable Completion".

use super::spec::Spec;
use super::{Shell, Typed};
use crate::shell::builtin::NAMES;
use crate::shell::pattern::Pattern;
use crate::shell::syntax::Parser;
use crate::shell::variables::{Content, Variable};
use crate::signal::Signal;

/// What a completion function answers when it wants to be asked again.
const AGAIN: u8 = 124;

/// Options of iptables that a chain, or a target, follows.
pub(super) fn is_chain_option(word: &str) -> bool {
    let long =
        ["--append", "--check", "--delete", "--insert", "--list", "--flush", "--zero", "--policy", "--jump"];
    let short = ["-A", "-C", "-D", "-I", "-L", "-S", "-F", "-Z", "-P", "-X", "-E", "-R", "-j"];
    long.contains(&word) || short.contains(&word)
}

impl Shell {
    /// The words that a specification gives; `None` where its function asks for another try.
    pub(in crate::shell) async fn generate(&mut self, spec: &Spec, typed: &Typed<'_>) -> Option<Vec<String>> {
        let word = typed.words.last().cloned().unwrap_or_default();
        let mut found = Vec::new();
        for action in &spec.actions {
            found.extend(self.action_like(action, &word).await);
        }
        if let Some(glob) = &spec.glob {
            let mut names: Vec<String> = self.expanded(&format!("printf '%s\\n' {glob}")).await;
            names.retain(|name| name != glob);
            found.extend(names);
        }
        if let Some(words) = &spec.words {
            let text = self.expanded_text(words).await;
            let separators = self.scalar("IFS").unwrap_or_else(|| " \t\n".to_owned());
            let words = text.split(|c| separators.contains(c)).map(|it| it.trim_matches(['\'', '"']));
            found.extend(words.filter(|it| !it.is_empty() && it.starts_with(&word)).map(str::to_owned));
        }
        if let Some(function) = &spec.function {
            let (words, again) = self.completed_by_function(function, typed).await;
            if again {
                return None;
            }
            found.extend(words);
        }
        if let Some(command) = &spec.command {
            found.extend(self.completed_by_command(command, typed).await);
        }
        if let Some(filter) = &spec.filter {
            let filter = filter.replace('&', &word);
            let (text, kept) = filter.strip_prefix('!').map_or((filter.as_str(), false), |text| (text, true));
            let pattern = Pattern::parse(text, true);
            found.retain(|it| pattern.matches(it) == kept);
        }
        let (prefix, suffix) = (spec.prefix.as_deref().unwrap_or(""), spec.suffix.as_deref().unwrap_or(""));
        Some(found.into_iter().map(|it| format!("{prefix}{it}{suffix}")).collect())
    }

    /// `compgen -A ACTION WORD`
    pub(super) async fn action_like(&mut self, action: &str, word: &str) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<String>>();
        let which = |shell: &Shell, wanted: fn(&Variable) -> bool| -> Vec<String> {
            let all = shell.variables.all().into_iter();
            all.filter(|(_, variable)| wanted(variable)).map(|(name, _)| name.clone()).collect()
        };
        let mut found = match action {
            "alias" => self.aliases.keys().cloned().collect(),
            "builtin" | "helptopic" => owned(NAMES),
            "enabled" => owned(NAMES).into_iter().filter(|it| !self.disabled.contains(it)).collect(),
            "disabled" => self.disabled.iter().cloned().collect(),
            "command" => return self.commands_like(word).await,
            "directory" | "file" => {
                let files = self.files_like(word, action == "directory").await;
                return files.into_iter().map(|it| it.trim_end_matches('/').to_owned()).collect();
            }
            "export" => which(self, |variable| variable.exported),
            "variable" => which(self, |_| true),
            "arrayvar" => which(self, |variable| {
                matches!(variable.content, Some(Content::Indexed(_) | Content::Associative(_)))
            }),
            "function" => self.functions.keys().cloned().collect(),
            "keyword" => owned(crate::shell::builtin::KEYWORDS),
            "hostname" => return self.hosts_like(word).await,
            "signal" => Signal::ALL.iter().map(|signal| format!("SIG{}", signal.name())).collect(),
            "setopt" | "shopt" => crate::shell::option::Options::names(action == "shopt"),
            "user" | "group" => {
                let path = if action == "user" { "/etc/passwd" } else { "/etc/group" };
                let bytes = self.sys.read_file(path).await.unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                text.lines().filter_map(|line| line.split(':').next().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        found.retain(|name| name.starts_with(word));
        found
    }

    /// Expanded as within double quotes; as it stands where it cannot be read.
    async fn expanded_text(&mut self, text: &str) -> String {
        let mut parser = Parser::new(text, self.dialect, Default::default());
        match parser.quoted_text() {
            Ok(word) => self.expand_text(&word).await.unwrap_or_default(),
            Err(_) => text.to_owned(),
        }
    }

    /// The lines that a command line of the shell prints.
    async fn expanded(&mut self, line: &str) -> Vec<String> {
        let text = self.substituted_line(line).await;
        text.lines().map(str::to_owned).collect()
    }

    async fn substituted_line(&mut self, line: &str) -> String {
        let mut parser = Parser::new(line, self.dialect, self.aliases_in_use());
        match parser.whole() {
            Ok(list) => self.substitute(std::rc::Rc::new(list)).await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Calls `FUNCTION NAME WORD PREVIOUS` and takes what it left in `COMPREPLY`.
    async fn completed_by_function(&mut self, name: &str, typed: &Typed<'_>) -> (Vec<String>, bool) {
        let Some(function) = self.functions.get(name).cloned() else {
            self.complain_line(format!("completion: function `{name}' not found")).await;
            return (Vec::new(), false);
        };
        let words = typed.words.iter().enumerate().map(|(at, text)| (at as u64, text.clone())).collect();
        *self.variables.global("COMP_WORDS") =
            Variable { content: Some(Content::Indexed(words)), ..Variable::default() };
        let told = told(typed);
        for (variable, value) in &told {
            *self.variables.global(variable) = Variable::scalar(value.clone());
        }
        self.variables.remove("COMPREPLY");
        let status = self.status;
        let flow = self.call_function(name, &function, three(typed)).await;
        let again = flow == crate::shell::Flow::Next && self.status == AGAIN;
        self.status = status;
        let reply = self.variables.get("COMPREPLY").map(Variable::values).unwrap_or_default();
        for variable in told.iter().map(|it| it.0).chain(["COMP_WORDS", "COMPREPLY"]) {
            self.variables.remove(variable);
        }
        (reply, again)
    }

    /// Runs `COMMAND NAME WORD PREVIOUS`; each line it prints is a word.
    async fn completed_by_command(&mut self, command: &str, typed: &Typed<'_>) -> Vec<String> {
        let quoted = |text: &String| crate::shell::quoting::quote(text);
        let told: Vec<String> =
            told(typed).iter().map(|(name, value)| format!("export {name}={}", quoted(value))).collect();
        let three: Vec<String> = three(typed).iter().map(quoted).collect();
        self.expanded(&format!("{}; {command} {}", told.join("; "), three.join(" "))).await
    }
}

/// The name, the word at the cursor and the word before it.
fn three(typed: &Typed<'_>) -> Vec<String> {
    let (name, word) = (typed.words.first(), typed.words.last());
    let previous = typed.words.len().checked_sub(2).and_then(|at| typed.words.get(at));
    [name, word, previous].map(|it| it.cloned().unwrap_or_default()).to_vec()
}

/// The variables that a completion function finds.
fn told(typed: &Typed<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("COMP_CWORD", typed.words.len().saturating_sub(1).to_string()),
        ("COMP_KEY", "9".to_owned()),
        ("COMP_LINE", typed.line.to_owned()),
        ("COMP_POINT", typed.line.len().to_string()),
        ("COMP_TYPE", "9".to_owned()),
    ]
}
