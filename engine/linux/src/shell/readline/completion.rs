//! Tab: what the word at the cursor may become. Commands first, then files, variables, namespaces, objects of `ip`.
//!
//! Always: one candidate is put in, several are put in as far as they agree, and listed at the second Tab.
//! Differs from bash-completion: options are not completed.
//! Source: bash(1), "Completing"; bash-completion's `ip`.

use super::editor::Editor;
use super::{Screen, Shell};
use crate::fs::{FileKind, STDIN};
use crate::run::DEFAULT_PATH;

/// More candidates than this are listed only when asked for (`completion-query-items`).
const ASKED: usize = 100;
/// Commands whose first operand is a host.
const HOSTS_FIRST: &[&str] =
    &["curl", "dig", "host", "nc", "nslookup", "ping", "ping4", "ping6", "ssh", "traceroute"];
/// Candidates that are listed at most.
const LISTED: usize = 400;

/// Words that a command takes first.
const SUBCOMMANDS: &[(&str, &[&str])] = &[
    ("bridge", &["fdb", "link", "mdb", "monitor", "vlan"]),
    ("ip", &["address", "link", "maddress", "monitor", "neighbour", "netns", "route", "rule", "tunnel"]),
    ("ip address", &["add", "change", "del", "flush", "replace", "show"]),
    ("ip link", &["add", "delete", "help", "property", "set", "show"]),
    ("ip neighbour", &["add", "change", "del", "flush", "get", "replace", "show"]),
    ("ip netns", &["add", "attach", "delete", "exec", "identify", "list", "list-id", "pids", "set"]),
    ("ip route", &["add", "append", "change", "del", "flush", "get", "replace", "show"]),
    ("ip rule", &["add", "del", "flush", "list"]),
    (
        "lab",
        &[
            "back", "capture", "check", "export", "hint", "pause", "play", "redo", "reset", "share",
            "solution", "speed", "step", "undo",
        ],
    ),
];

/// What may stand at the cursor, and what follows a whole one.
struct Candidates {
    /// The word typed so far.
    word: String,
    found: Vec<String>,
}

impl Shell {
    pub(super) async fn complete(&mut self, editor: &mut Editor, screen: &mut Screen, again: bool) {
        let before: String = editor.text[..editor.cursor].iter().collect();
        let Candidates { word, found } = self.candidates(&before).await;
        let common = found
            .iter()
            .cloned()
            .reduce(|a, b| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect());
        let Some(common) = common else {
            self.sys.eprint("\x07").await;
            return;
        };
        let added: String = common.chars().skip(word.chars().count()).collect();
        added.chars().for_each(|c| editor.insert(c));
        if let [one] = &found[..] {
            if !one.ends_with('/') {
                editor.insert(' ');
            }
        } else if added.is_empty() && again {
            if found.len() > ASKED && !self.wants_all(found.len()).await {
                self.sys.eprint(format!("\r\n{}", screen.prompt)).await;
                screen.row = 0;
                let drawn = screen.draw(&editor.text, editor.cursor);
                self.sys.eprint(drawn).await;
                return;
            }
            let end = screen.draw(&editor.text, editor.text.len());
            let names: Vec<String> = found.iter().take(LISTED).map(|it| shown(it)).collect();
            let listed = columns(&names, screen.columns);
            self.sys.eprint(format!("{end}\r\n{listed}{}", screen.prompt)).await;
            screen.row = 0;
        } else if added.is_empty() {
            self.sys.eprint("\x07").await;
        }
        let drawn = screen.draw(&editor.text, editor.cursor);
        self.sys.eprint(drawn).await;
    }

    /// `Display all 123 possibilities? (y or n)`
    async fn wants_all(&mut self, count: usize) -> bool {
        self.sys.eprint(format!("\r\nDisplay all {count} possibilities? (y or n)")).await;
        loop {
            match self.sys.read(STDIN, 1).await.unwrap_or_default().first() {
                Some(b'y' | b'Y' | b' ' | b'\t') => return true,
                Some(b'n' | b'N' | 127 | 3) | None => return false,
                Some(_) => self.sys.eprint("\x07").await,
            }
        }
    }

    /// The names of /etc/hosts and of the machines on the network, after `user@` too.
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

    async fn candidates(&mut self, before: &str) -> Candidates {
        let start = before.rfind([' ', '\t', ';', '|', '&', '(', '<', '>', '=', '`']).map_or(0, |at| at + 1);
        let word = before[start..].to_owned();
        let command_start = before[..start].rfind([';', '|', '&', '(', '`']).map_or(0, |at| at + 1);
        let words: Vec<&str> =
            before[command_start..start].split_whitespace().skip_while(|it| *it == "sudo").collect();
        let mut found = if let Some(name) = word.strip_prefix('$') {
            let names = self.variables.all().into_keys();
            names.filter(|it| it.starts_with(name)).map(|it| format!("${it}")).collect()
        } else if words.is_empty() && !word.contains('/') {
            self.commands_like(&word).await
        } else {
            self.arguments_like(&words, &word).await
        };
        found.sort();
        found.dedup();
        Candidates { word, found }
    }

    async fn commands_like(&mut self, word: &str) -> Vec<String> {
        let mut found: Vec<String> = self.aliases.keys().chain(self.functions.keys()).cloned().collect();
        found.extend(super::super::builtin::NAMES.iter().map(|it| (*it).to_owned()));
        let path = self.scalar("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
        for directory in path.split(':') {
            let entries = self.sys.read_dir(directory).await.unwrap_or_default();
            found.extend(entries.into_iter().map(|entry| entry.name));
        }
        found.retain(|name| name.starts_with(word));
        found
    }

    async fn arguments_like(&mut self, words: &[&str], word: &str) -> Vec<String> {
        let plain: Vec<&str> = words.iter().copied().filter(|it| !it.starts_with('-')).collect();
        let namespace = matches!(words, [.., "-n" | "-netns"])
            || matches!(plain[..], ["ip", "netns", "exec" | "delete" | "del" | "pids" | "attach" | "set"])
            || matches!(words, [.., "netns"] if !matches!(plain[..], ["ip", "netns"]));
        if namespace {
            let names = self.sys.netns_names().await;
            return names.into_iter().map(|(name, _)| name).filter(|name| name.starts_with(word)).collect();
        }
        if matches!(words, [.., "dev" | "master" | "-i" | "-I"]) {
            let entries = self.sys.read_dir("/sys/class/net").await.unwrap_or_default();
            return entries
                .into_iter()
                .map(|entry| entry.name)
                .filter(|name| name.starts_with(word))
                .collect();
        }
        if plain.len() == 1
            && HOSTS_FIRST.contains(&plain[0])
            && !word.starts_with('-')
            && !word.contains('/')
        {
            let found = self.hosts_like(word).await;
            if !found.is_empty() {
                return found;
            }
        }
        let asked = plain.join(" ");
        let full = SUBCOMMANDS.iter().find(|(command, _)| *command == asked || abbreviates(&asked, command));
        let found: Vec<String> = full
            .map(|(_, next)| {
                next.iter().filter(|it| it.starts_with(word)).map(|it| (*it).to_owned()).collect()
            })
            .unwrap_or_default();
        if !found.is_empty() {
            return found;
        }
        self.files_like(word).await
    }

    async fn files_like(&mut self, word: &str) -> Vec<String> {
        let (directory, name) =
            word.rsplit_once('/').map_or(("", word), |(directory, name)| (directory, name));
        let place = match directory {
            "" if word.starts_with('/') => "/".to_owned(),
            "" => ".".to_owned(),
            path => path.replacen(
                '~',
                &self.scalar("HOME").unwrap_or_default(),
                usize::from(path.starts_with('~')),
            ),
        };
        let mut found = Vec::new();
        for entry in self.sys.read_dir(&place).await.unwrap_or_default() {
            if !entry.name.starts_with(name) || (entry.name.starts_with('.') && !name.starts_with('.')) {
                continue;
            }
            let prefix = &word[..word.len() - name.len()];
            let followed = self.sys.stat(&format!("{place}/{}", entry.name)).await;
            let is_directory = followed.is_ok_and(|stat| stat.kind == FileKind::Directory);
            found.push(format!("{prefix}{}{}", entry.name, if is_directory { "/" } else { "" }));
        }
        found
    }
}

/// `ip a` for `ip address`: every word begins the other's.
fn abbreviates(short: &str, full: &str) -> bool {
    let (short, full): (Vec<&str>, Vec<&str>) = (short.split(' ').collect(), full.split(' ').collect());
    short.len() == full.len()
        && short.iter().zip(&full).all(|(short, full)| full.starts_with(short))
        && short[0] == full[0]
}

/// A file is listed by its last part.
fn shown(candidate: &str) -> String {
    let bare = candidate.trim_end_matches('/');
    let last = bare.rsplit('/').next().unwrap_or(bare);
    format!("{last}{}", if candidate.ends_with('/') { "/" } else { "" })
}

/// Columns read downwards, two blanks between.
fn columns(names: &[String], width: usize) -> String {
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2;
    let across = (width / wide).max(1);
    let rows = names.len().div_ceil(across);
    let mut out = String::new();
    for row in 0..rows {
        let line: String = names.iter().skip(row).step_by(rows).map(|name| format!("{name:wide$}")).collect();
        out.push_str(line.trim_end());
        out.push_str("\r\n");
    }
    out
}
