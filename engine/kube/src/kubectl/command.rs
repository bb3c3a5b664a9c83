//! The commands of kubectl, their flags and what they say of themselves: one table, `commands.txt`.
//!
//! Always: parsing, `--help`, completion and errors read this one table.
//! Sources: kubectl v1.36 `pkg/cmd`; spf13/cobra for how a command is found and a near one suggested.

use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Value,
    /// `--dry-run` alone, or `--dry-run=client`.
    Perhaps,
}

#[derive(Clone, Copy, Debug)]
pub struct Flag {
    pub long: &'static str,
    pub short: Option<char>,
    pub takes: Takes,
    /// Known, and not simulated.
    pub is_lacking: bool,
}

#[derive(Debug)]
pub struct Command {
    /// `get`, `create deployment`.
    pub path: &'static str,
    pub says: &'static str,
    pub usage: &'static str,
    pub flags: Vec<Flag>,
}

const GLOBAL: &str = "as= as-group= as-uid=! cache-dir= certificate-authority= client-certificate=! client-key=! \
    cluster= context= disable-compression insecure-skip-tls-verify kubeconfig= kuberc=! match-server-version \
    namespace/n= password=! profile=! profile-output=! request-timeout=! server/s= tls-server-name= token= user= username=! \
    v/v=! vmodule=! warnings-as-errors help/h";

/// Short names of commands.
const ALIASES: &[(&str, &str)] = &[
    ("create cm", "create configmap"),
    ("create cj", "create cronjob"),
    ("create deploy", "create deployment"),
    ("create ing", "create ingress"),
    ("create ns", "create namespace"),
    ("create pdb", "create poddisruptionbudget"),
    ("create pc", "create priorityclass"),
    ("create resourcequota", "create quota"),
    ("create sa", "create serviceaccount"),
    ("create svc", "create service"),
    ("rollout hist", "rollout history"),
    ("set sa", "set serviceaccount"),
    ("top nodes", "top node"),
    ("top no", "top node"),
    ("top pods", "top pod"),
    ("top po", "top pod"),
    ("config use", "config use-context"),
];

static COMMANDS: LazyLock<Vec<Command>> = LazyLock::new(|| read(include_str!("commands.txt")));
static GLOBALS: LazyLock<Vec<Flag>> = LazyLock::new(|| flags(GLOBAL, &[]));

pub fn commands() -> &'static [Command] {
    &COMMANDS
}

pub fn globals() -> &'static [Flag] {
    &GLOBALS
}

pub fn command(path: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|it| it.path == path)
}

fn read(text: &'static str) -> Vec<Command> {
    let mut sets: Vec<(&str, &str)> = Vec::new();
    let mut all: Vec<Command> = Vec::new();
    for line in text.lines().filter(|it| !it.starts_with('#')) {
        if line.starts_with('@') {
            sets.extend(line.split_once(' '));
        } else if let Some(words) = line.strip_prefix("  ") {
            if let Some(last) = all.last_mut() {
                last.flags = flags(words, &sets);
            }
        } else {
            let mut parts = line.splitn(3, '|');
            let mut part = || parts.next().unwrap_or_default();
            all.push(Command { path: part(), says: part(), usage: part(), flags: Vec::new() });
        }
    }
    all
}

fn flags(words: &'static str, sets: &[(&str, &'static str)]) -> Vec<Flag> {
    let mut all = Vec::new();
    for word in words.split_whitespace() {
        if word.starts_with('@') {
            let set = sets.iter().find(|(name, _)| *name == word);
            all.extend(set.into_iter().flat_map(|(_, words)| flags(words, &[])));
            continue;
        }
        let (word, is_lacking) = word.strip_suffix('!').map_or((word, false), |it| (it, true));
        let takes = match word.as_bytes().last() {
            Some(b'=') => Takes::Value,
            Some(b'?') => Takes::Perhaps,
            _ => Takes::Nothing,
        };
        let (long, short) = word.trim_end_matches(['=', '?']).split_once('/').unwrap_or((word, ""));
        let long = long.trim_end_matches(['=', '?']);
        all.push(Flag { long, short: short.chars().next(), takes, is_lacking });
    }
    all
}

/// The command that some words name, and the words that are left: flags may stand before it.
pub fn find(words: &[String]) -> (Option<&'static Command>, Vec<String>) {
    let mut rest = words.to_vec();
    let mut path = String::new();
    let mut found = None;
    let mut at = 0;
    while at < rest.len() {
        let word = rest[at].as_str();
        if word == "--" {
            break;
        }
        if word.len() > 1 && word.starts_with('-') {
            at += if takes_next(found, word) { 2 } else { 1 };
            continue;
        }
        let longer = if path.is_empty() { word.to_owned() } else { format!("{path} {word}") };
        let longer =
            ALIASES.iter().find(|(from, _)| *from == longer).map_or(longer, |(_, to)| (*to).to_owned());
        let Some(command) = command(&longer) else { break };
        rest.remove(at);
        (path, found) = (longer, Some(command));
    }
    (found, rest)
}

fn takes_next(found: Option<&'static Command>, word: &str) -> bool {
    if word.contains('=') {
        return false;
    }
    let own = found.map_or(&[][..], |it| &it.flags);
    let flag = |it: &&Flag| match word.strip_prefix("--") {
        Some(long) => it.long == long,
        None => word.len() == 2 && it.short == word.chars().nth(1),
    };
    let known = own.iter().chain(globals()).find(flag);
    known.map_or(word.starts_with("--"), |it| it.takes == Takes::Value)
}

/// What kubectl says of a word that is none of its commands.
pub fn unknown(name: &str) -> String {
    // In the order in which kubectl's groups name them, as cobra walks them.
    const ORDER: &[&str] = &[
        "create",
        "expose",
        "run",
        "set",
        "explain",
        "get",
        "edit",
        "delete",
        "rollout",
        "scale",
        "autoscale",
        "certificate",
        "cluster-info",
        "top",
        "cordon",
        "uncordon",
        "drain",
        "taint",
        "describe",
        "logs",
        "attach",
        "exec",
        "port-forward",
        "proxy",
        "cp",
        "auth",
        "debug",
        "events",
        "diff",
        "apply",
        "patch",
        "replace",
        "wait",
        "kustomize",
        "label",
        "annotate",
        "completion",
        "api-resources",
        "api-versions",
        "config",
        "plugin",
        "version",
    ];
    let mut text = format!("error: unknown command \"{name}\" for \"kubectl\"\n");
    let lower = name.to_lowercase();
    let is_near = |it: &&&str| distance(&lower, it) <= 2 || it.starts_with(&lower);
    let near: Vec<&&str> = ORDER.iter().filter(is_near).collect();
    if !near.is_empty() {
        text.push_str("\nDid you mean this?\n");
        near.iter().for_each(|it| text.push_str(&format!("\t{it}\n")));
    }
    text
}

/// Levenshtein's distance.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (at, it) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, other) in two.iter().enumerate() {
            let cost = before + usize::from(it != *other);
            before = row[column + 1];
            row[column + 1] = cost.min(row[column] + 1).min(before + 1);
        }
    }
    row[two.len()]
}

/// `kubectl COMMAND --help`, in short: what it does, its commands or options, how it is used.
pub fn help(command: Option<&'static Command>) -> String {
    let Some(command) = command else { return overview() };
    let mut text = format!("{}\n", command.says);
    let prefix = format!("{} ", command.path);
    let parts: Vec<&Command> = COMMANDS.iter().filter(|it| it.path.starts_with(&prefix)).collect();
    let parts: Vec<&&Command> = parts.iter().filter(|it| !it.path[prefix.len()..].contains(' ')).collect();
    if !parts.is_empty() {
        let wide = parts.iter().map(|it| it.path.len() - prefix.len()).max().unwrap_or(0);
        text.push_str("\nAvailable Commands:\n");
        for part in parts {
            let says = part.says.trim_end_matches('.');
            text.push_str(&format!("  {:wide$}   {says}\n", &part.path[prefix.len()..]));
        }
    }
    if !command.flags.is_empty() {
        text.push_str("\nOptions:\n");
        let mut flags = command.flags.clone();
        flags.sort_by_key(|it| it.long);
        for flag in flags {
            let short = flag.short.map_or("    ".to_owned(), |it| format!("-{it}, "));
            let value = match flag.takes {
                Takes::Nothing => "=false",
                Takes::Value => "=''",
                Takes::Perhaps => "='none'",
            };
            text.push_str(&format!("    {short}--{}{value}\n", flag.long));
        }
    }
    let usage = format!("kubectl {} {}", command.path, command.usage);
    text.push_str(&format!("\nUsage:\n  {} [options]\n\n", usage.trim_end()));
    text.push_str(
        "Use \"kubectl options\" for a list of global command-line options (applies to all commands).\n",
    );
    text
}

/// The groups in which `kubectl` alone names its commands.
const GROUPS: &[(&str, &str)] = &[
    ("Basic Commands (Beginner)", "create expose run set"),
    ("Basic Commands (Intermediate)", "explain get edit delete"),
    ("Deploy Commands", "rollout scale autoscale"),
    ("Cluster Management Commands", "certificate cluster-info top cordon uncordon drain taint"),
    (
        "Troubleshooting and Debugging Commands",
        "describe logs attach exec port-forward proxy cp auth debug events",
    ),
    ("Advanced Commands", "diff apply patch replace wait kustomize"),
    ("Settings Commands", "label annotate completion"),
    ("Other Commands", "api-resources api-versions config plugin version"),
];

fn overview() -> String {
    let mut text = "kubectl controls the Kubernetes cluster manager.\n\n Find more information at: \
                    https://kubernetes.io/docs/reference/kubectl/\n"
        .to_owned();
    for (title, names) in GROUPS {
        text.push_str(&format!("\n{title}:\n"));
        let names: Vec<&str> = names.split(' ').collect();
        let wide = names.iter().map(|it| it.len()).max().unwrap_or(0);
        for name in names {
            let says = command(name).map_or("", |it| it.says.trim_end_matches('.'));
            text.push_str(&format!("  {name:wide$}   {says}\n"));
        }
    }
    text + "\nUsage:\n  kubectl [flags] [options]\n\nUse \"kubectl <command> --help\" for more information about a given \
            command.\nUse \"kubectl options\" for a list of global command-line options (applies to all commands).\n"
}

/// `kubectl options`.
pub fn options() -> String {
    let mut text = "The following options can be passed to any command:\n\n".to_owned();
    for flag in globals().iter().filter(|it| it.long != "help") {
        let short = flag.short.filter(|it| *it != 'v').map_or("    ".to_owned(), |it| format!("-{it}, "));
        let value = if flag.takes == Takes::Nothing { "=false" } else { "=''" };
        text.push_str(&format!("    {short}--{}{value}\n", flag.long));
    }
    text
}
