//! Completion: what the word at the cursor may become.
//!
//! Called at a prompt when Tab is pressed (`readline`), and by `compgen`. A specification made with `complete`
//! comes first, then what bash-completion knows of a tool, then files.
//! Always: the words found are sorted and each is there once.
//! Source: bash(1), "Completing", "Programmable Completion".

mod action;
pub mod spec;
mod tools;

use super::Shell;
use crate::fs::{FileKind, STDERR, STDOUT};
use crate::run::{DEFAULT_PATH, Start};
use spec::Spec;
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of a tool's help that are read.
const HELP_BYTES: usize = 256 * 1024;
/// How often a completion function may ask for another try (status 124).
const TRIES: usize = 4;

/// What `complete` said, and what goes on.
#[derive(Clone, Debug, Default)]
pub struct Completions {
    pub specs: BTreeMap<String, Spec>,
    /// The options of the completion being made, which `compopt` changes.
    pub making: Option<BTreeSet<&'static str>>,
    /// `bind 'set …'`
    pub ignore_case: bool,
    pub all_at_once: bool,
}

/// What may stand at the cursor.
pub struct Candidates {
    /// The word typed so far.
    pub word: String,
    pub found: Vec<String>,
    /// No blank follows a whole one.
    pub open: bool,
}

/// The line that is being completed: its words up to the cursor, the last one the word at it.
pub struct Typed<'a> {
    pub line: &'a str,
    pub words: &'a [String],
}

impl Shell {
    /// What may stand at the end of `before`, a line up to the cursor.
    pub(super) async fn candidates(&mut self, before: &str) -> Candidates {
        let start = before.rfind([' ', '\t', ';', '|', '&', '(', '<', '>', '=', '`']).map_or(0, |at| at + 1);
        let word = before[start..].to_owned();
        let command_start = before[..start].rfind([';', '|', '&', '(', '`']).map_or(0, |at| at + 1);
        let before_word: Vec<String> =
            before[command_start..start].split_whitespace().map(str::to_owned).collect();
        let words = unwrapped(&before_word);
        let mut open = false;
        let mut found = if word.starts_with('$') {
            self.variables_like(&word).await
        } else if words.is_empty() && !word.contains('/') {
            self.commands_like(&word).await
        } else {
            let typed: Vec<String> = words.iter().chain([&word]).cloned().collect();
            let line = before[command_start..].trim_start();
            match self.specified(&Typed { line, words: &typed }).await {
                Some((found, options)) => {
                    open = options.contains("nospace");
                    found
                }
                None => self.arguments_like(words, &word).await,
            }
        };
        found.sort();
        found.dedup();
        open |= found.len() == 1 && found[0].ends_with(['/', '=']);
        Candidates { word, found, open }
    }

    /// What a specification of the command gives; `None` where it has none.
    async fn specified(&mut self, typed: &Typed<'_>) -> Option<(Vec<String>, BTreeSet<&'static str>)> {
        let name = typed.words.first()?;
        let base = name.rsplit('/').next().unwrap_or(name);
        for _ in 0..TRIES {
            let specs = &self.completions.specs;
            let spec = specs.get(name).or_else(|| specs.get(base)).or_else(|| specs.get(spec::SPECIAL[0].1));
            let spec = spec?.clone();
            self.completions.making = Some(spec.options.clone());
            let found = self.generate(&spec, typed).await;
            let options = self.completions.making.take().unwrap_or_default();
            let Some(mut found) = found else { continue };
            let word = typed.words.last().map_or("", String::as_str);
            if found.is_empty() && options.contains("dirnames") || options.contains("plusdirs") {
                found.extend(self.files_like(word, true).await);
            }
            if found.is_empty() && (options.contains("default") || options.contains("bashdefault")) {
                found = self.files_like(word, false).await;
            }
            return Some((found, options));
        }
        None
    }

    async fn arguments_like(&mut self, words: &[String], word: &str) -> Vec<String> {
        let Some(first) = words.first() else { return Vec::new() };
        let name = first.rsplit('/').next().unwrap_or_default().to_owned();
        if word.starts_with('-') {
            let found = self.options_like(&name, word).await;
            if !found.is_empty() {
                return found;
            }
        }
        let plain: Vec<&str> = match tools::kin(&name) {
            "iptables" => words.iter().map(String::as_str).collect(),
            _ => words.iter().map(String::as_str).filter(|it| !it.starts_with('-')).collect(),
        };
        let previous = words.last().map_or("", String::as_str);
        let known: Vec<String> = match (tools::kin(&name), previous) {
            ("ip" | "bridge", "-n" | "-netns" | "netns") if plain != ["ip", "netns"] => {
                vec![tools::NAMESPACES.to_owned()]
            }
            ("iptables", "-i" | "-o" | "--in-interface" | "--out-interface") => {
                vec![tools::INTERFACES.to_owned()]
            }
            ("iptables", previous) if action::is_chain_option(previous) => self.chains(words).await,
            (_, "dev" | "master" | "-i" | "-I") => vec![tools::INTERFACES.to_owned()],
            (_, _) => tools::following(&plain).into_iter().map(str::to_owned).collect(),
        };
        let mut found = Vec::new();
        for next in known {
            match next.as_str() {
                tools::INTERFACES => found.extend(self.interfaces_like(word).await),
                tools::NAMESPACES => found.extend(self.namespaces_like(word).await),
                next if next.starts_with(word) => found.push(next.to_owned()),
                _ => {}
            }
        }
        if found.is_empty() && plain.len() == 1 && !word.starts_with('-') {
            found = self.first_operands(&name, word).await;
        }
        if found.is_empty() { self.files_like(word, false).await } else { found }
    }

    /// What the first operand of some commands is.
    async fn first_operands(&mut self, name: &str, word: &str) -> Vec<String> {
        match name {
            "man" | "which" | "type" | "whatis" => self.commands_like(word).await,
            "cd" | "pushd" | "rmdir" => self.files_like(word, true).await,
            "help" => self.action_like("helptopic", word).await,
            "unset" | "export" => self.action_like("variable", word).await,
            "unalias" => self.action_like("alias", word).await,
            "su" => self.action_like("user", word).await,
            name if tools::HOSTS_FIRST.contains(&name) && !word.contains('/') => self.hosts_like(word).await,
            _ => Vec::new(),
        }
    }

    /// The options of a tool: those that are known, else those its `--help` lists.
    async fn options_like(&mut self, name: &str, word: &str) -> Vec<String> {
        let mut found: Vec<String> = tools::options(name).into_iter().map(str::to_owned).collect();
        if found.is_empty() && tools::WITH_HELP.contains(&name) {
            let all = (name == "curl").then(|| "all".to_owned());
            let line = [name.to_owned(), "--help".to_owned()].into_iter().chain(all).collect();
            found = tools::in_help(&self.printed_by(line).await);
        }
        found.retain(|option| option.starts_with(word));
        found
    }

    /// What a command prints, on stdout and stderr, with nothing to read.
    async fn printed_by(&mut self, line: Vec<String>) -> String {
        let Ok((reader, writer)) = self.sys.pipe().await else { return String::new() };
        let files = Some(vec![(STDOUT, writer), (STDERR, writer)]);
        let child = self.sys.spawn(Start { files, ..Start::new(line) }).await;
        self.sys.close(writer).await.ok();
        let mut bytes = Vec::new();
        while bytes.len() < HELP_BYTES {
            match self.sys.read(reader, HELP_BYTES).await {
                Ok(more) if !more.is_empty() => bytes.extend(more),
                _ => break,
            }
        }
        self.sys.close(reader).await.ok();
        if let Ok(child) = child {
            self.sys.wait_child(child).await;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The chains that a rule may go to or jump to, with the targets after `-j`.
    async fn chains(&mut self, words: &[String]) -> Vec<String> {
        let table = words.windows(2).find(|two| two[0] == "-t").map_or("filter", |two| two[1].as_str());
        let list = [words[0].as_str(), "-t", table, "-S"].map(str::to_owned).to_vec();
        let listed = self.printed_by(list).await;
        let chain = |line: &str| {
            let rest = line.strip_prefix("-P ").or_else(|| line.strip_prefix("-N "))?;
            rest.split(' ').next().map(str::to_owned)
        };
        let mut found: Vec<String> = listed.lines().filter_map(chain).collect();
        if matches!(words.last().map(String::as_str), Some("-j" | "--jump")) {
            let targets = match table {
                "nat" => "ACCEPT DNAT LOG MASQUERADE REDIRECT RETURN SNAT",
                "mangle" => "ACCEPT CONNMARK DROP LOG MARK RETURN TCPMSS",
                _ => "ACCEPT DROP LOG REJECT RETURN",
            };
            found.extend(targets.split(' ').map(str::to_owned));
        }
        found
    }

    async fn commands_like(&mut self, word: &str) -> Vec<String> {
        let mut found: Vec<String> = self.aliases.keys().chain(self.functions.keys()).cloned().collect();
        found.extend(super::builtin::NAMES.iter().map(|it| (*it).to_owned()));
        let path = self.scalar("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
        for directory in path.split(':') {
            let entries = self.sys.read_dir(directory).await.unwrap_or_default();
            found.extend(entries.into_iter().map(|entry| entry.name));
        }
        found.retain(|name| name.starts_with(word));
        found
    }

    async fn variables_like(&mut self, word: &str) -> Vec<String> {
        let names = self.variables.all().into_keys();
        names.map(|name| format!("${name}")).filter(|name| name.starts_with(word)).collect()
    }

    async fn interfaces_like(&mut self, word: &str) -> Vec<String> {
        let entries = self.sys.read_dir("/sys/class/net").await.unwrap_or_default();
        entries.into_iter().map(|entry| entry.name).filter(|name| name.starts_with(word)).collect()
    }

    async fn namespaces_like(&mut self, word: &str) -> Vec<String> {
        let names = self.sys.netns_names().await;
        names.into_iter().map(|(name, _)| name).filter(|name| name.starts_with(word)).collect()
    }

    /// The names of /etc/hosts, after `user@` too.
    async fn hosts_like(&mut self, word: &str) -> Vec<String> {
        let (user, start) = match word.rsplit_once('@') {
            Some((user, start)) => (format!("{user}@"), start),
            None => (String::new(), word),
        };
        let bytes = self.sys.read_file("/etc/hosts").await.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let names = lines.flat_map(|line| line.split_whitespace().skip(1));
        names.filter(|name| name.starts_with(start)).map(|name| format!("{user}{name}")).collect()
    }

    pub(super) async fn files_like(&mut self, word: &str, only_directories: bool) -> Vec<String> {
        let (directory, name) =
            word.rsplit_once('/').map_or(("", word), |(directory, name)| (directory, name));
        let home = self.scalar("HOME").unwrap_or_default();
        let place = match directory {
            "" if word.starts_with('/') => "/".to_owned(),
            "" => ".".to_owned(),
            path => path.replacen('~', &home, usize::from(path.starts_with('~'))),
        };
        let fold =
            |text: &str| if self.completions.ignore_case { text.to_lowercase() } else { text.to_owned() };
        let wanted = fold(name);
        let mut found = Vec::new();
        for entry in self.sys.read_dir(&place).await.unwrap_or_default() {
            let hidden = entry.name.starts_with('.') && !name.starts_with('.');
            if hidden || !fold(&entry.name).starts_with(&wanted) {
                continue;
            }
            let prefix = &word[..word.len() - name.len()];
            let followed = self.sys.stat(&format!("{place}/{}", entry.name)).await;
            let is_directory = followed.is_ok_and(|stat| stat.kind == FileKind::Directory);
            if is_directory || !only_directories {
                found.push(format!("{prefix}{}{}", entry.name, if is_directory { "/" } else { "" }));
            }
        }
        found
    }
}

/// The words of the command that is run by others (`sudo`, `ip netns exec red`).
fn unwrapped(words: &[String]) -> &[String] {
    for (wrapper, operands) in tools::WRAPPERS {
        let names = wrapper.split(' ').count();
        let same = words.len() >= names && wrapper.split(' ').zip(words).all(|(name, word)| name == word);
        if !same {
            continue;
        }
        let skipped = names + operands;
        if words.len() < skipped {
            return words;
        }
        let rest = &words[skipped..];
        // Options of the wrapper itself, and what it sets in the environment.
        let own = rest.iter().take_while(|word| word.starts_with('-') || word.contains('=')).count();
        return unwrapped(&rest[own..]);
    }
    words
}

#[cfg(test)]
mod tests;
