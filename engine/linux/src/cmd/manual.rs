//! What `man NAME` and `NAME --help` show: the head of the command's own file.
//!
//! Always: only the heads are in the program, not the sources they stand in; the transcripts in them are tests.

use super::Command;
use super::getopt::{Long, Takes};
use super::tool::Tool;

/// How long the comment is that a source begins with.
const fn head_length(source: &str) -> usize {
    let bytes = source.as_bytes();
    let mut at = 0;
    while at + 2 < bytes.len() && bytes[at] == b'/' && bytes[at + 1] == b'/' && bytes[at + 2] == b'!' {
        while at < bytes.len() && bytes[at] != b'\n' {
            at += 1;
        }
        at += 1;
    }
    if at < bytes.len() { at } else { bytes.len() }
}

const fn head<const N: usize>(source: &str) -> [u8; N] {
    let mut copy = [0; N];
    let mut at = 0;
    while at < N {
        copy[at] = source.as_bytes()[at];
        at += 1;
    }
    copy
}

macro_rules! pages {
    ($($file:literal)*) => {
        &[$({
            const SOURCE: &str = include_str!($file);
            static HEAD: [u8; head_length(SOURCE)] = head(SOURCE);
            &HEAD as &[u8]
        }),*]
    };
}

/// The heads of all files that are a command.
const PAGES: &[&[u8]] = pages! {
    "arping/mod.rs" "awk/mod.rs" "bash.rs" "brctl/mod.rs" "bridge/mod.rs" "cat.rs" "chmod.rs" "chown.rs" "column.rs"
    "conntrack/mod.rs" "cp.rs" "curl/mod.rs" "cut.rs" "date/mod.rs" "diff.rs" "dig/mod.rs" "digest.rs" "dnsmasq.rs" "echo.rs"
    "env.rs" "ethtool.rs" "expr.rs" "find/mod.rs" "getent/mod.rs" "grep/mod.rs" "head.rs" "ip/mod.rs" "ipset.rs"
    "iptables/mod.rs" "iptables/restore.rs" "iptables/save.rs" "lab.rs" "lines.rs" "ln.rs" "ls/mod.rs" "machine.rs"
    "missing.rs" "mkdir.rs" "mktemp.rs" "nc/mod.rs" "netstat/mod.rs" "nettools/arp.rs" "nettools/ifconfig.rs"
    "nettools/route.rs" "nohup.rs" "pager/mod.rs" "pgrep.rs" "ping/mod.rs" "printenv.rs" "printf.rs" "ps.rs" "python3.rs"
    "realpath.rs" "rm.rs" "sed/mod.rs" "seq.rs" "small.rs" "sort/mod.rs" "ss/mod.rs" "ssh/mod.rs" "stat.rs" "sudo.rs"
    "sysctl/mod.rs" "tail.rs" "tar.rs" "tcpdump/mod.rs" "tee.rs" "test.rs" "touch.rs" "tr.rs" "tracepath.rs"
    "traceroute/mod.rs" "uname.rs" "uniq.rs" "wc.rs" "why.rs" "xargs.rs"
};

/// The same, of commands that only the engine of a cluster has.
#[cfg(feature = "cluster")]
const MORE_PAGES: &[&[u8]] = pages! { "vi/mod.rs" };
#[cfg(not(feature = "cluster"))]
const MORE_PAGES: &[&[u8]] = &[];

/// What follows the name in the usage line of the GNU tools.
const OPERANDS: &[(&str, &str)] = &[
    ("base64", "[OPTION]... [FILE]"),
    ("basename", "NAME [SUFFIX]\n  or:  basename OPTION... NAME..."),
    ("chgrp", "[OPTION]... GROUP FILE..."),
    ("chmod", "[OPTION]... MODE[,MODE]... FILE..."),
    ("chown", "[OPTION]... [OWNER][:[GROUP]] FILE..."),
    ("comm", "[OPTION]... FILE1 FILE2"),
    ("cp", "[OPTION]... [-T] SOURCE DEST\n  or:  cp [OPTION]... SOURCE... DIRECTORY"),
    ("cut", "OPTION... [FILE]..."),
    ("date", "[OPTION]... [+FORMAT]"),
    ("dirname", "[OPTION] NAME..."),
    ("env", "[OPTION]... [-] [NAME=VALUE]... [COMMAND [ARG]...]"),
    ("ln", "[OPTION]... [-T] TARGET LINK_NAME"),
    ("mkdir", "[OPTION]... DIRECTORY..."),
    ("mktemp", "[OPTION]... [TEMPLATE]"),
    ("mv", "[OPTION]... [-T] SOURCE DEST\n  or:  mv [OPTION]... SOURCE... DIRECTORY"),
    ("nohup", "COMMAND [ARG]...\n  or:  nohup OPTION"),
    ("nproc", "[OPTION]..."),
    ("printenv", "[OPTION]... [VARIABLE]..."),
    ("rmdir", "[OPTION]... DIRECTORY..."),
    (
        "seq",
        "[OPTION]... LAST\n  or:  seq [OPTION]... FIRST LAST\n  or:  seq [OPTION]... FIRST INCREMENT LAST",
    ),
    ("sleep", "NUMBER[SUFFIX]...\n  or:  sleep OPTION"),
    ("timeout", "[OPTION] DURATION COMMAND [ARG]...\n  or:  timeout [OPTION]"),
    ("touch", "[OPTION]... FILE..."),
    ("tr", "[OPTION]... STRING1 [STRING2]"),
    ("uname", "[OPTION]..."),
    ("uniq", "[OPTION]... [INPUT [OUTPUT]]"),
    ("watch", "[options] command"),
    ("xargs", "[OPTION]... COMMAND [INITIAL-ARGS]..."),
    ("yes", "[STRING]...\n  or:  yes OPTION"),
];

/// The head's lines, without what makes them a comment.
fn lines(page: &[u8]) -> Vec<&str> {
    let text = std::str::from_utf8(page).unwrap_or_default();
    text.lines()
        .map(|line| line.strip_prefix("//!").map_or("", |line| line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}

/// The names that a head speaks of, before its colon.
fn names(page: &[u8]) -> Vec<&str> {
    let text = std::str::from_utf8(page).unwrap_or_default();
    let before = text.split(": ").next().unwrap_or_default().split(":\n").next().unwrap_or_default();
    before.split('`').skip(1).step_by(2).collect()
}

fn page(name: &str) -> Option<&'static [u8]> {
    // The kin of a command have its page.
    let kin = |name: &str| match name {
        "netcat" => Some("nc"),
        "ping4" | "ping6" => Some("ping"),
        name if name.starts_with("ip") && name.ends_with("-save") => Some("iptables-save"),
        name if name.starts_with("ip") && name.ends_with("-restore") => Some("iptables-restore"),
        name if name.contains("tables") => Some("iptables"),
        _ => None,
    };
    let found = |name: &str| PAGES.iter().chain(MORE_PAGES).find(|page| names(page).contains(&name)).copied();
    found(name).or_else(|| found(kin(name)?))
}

/// The sentence behind the names: `what is in a directory`.
fn purpose(name: &str) -> Option<String> {
    let text = lines(page(name)?).join(" ");
    let (_, rest) = text.split_once(": ")?;
    let end = rest.find(". ").map_or(rest.len(), |at| at + 1);
    Some(rest[..end].trim_end().to_owned())
}

/// `--lines=VALUE`
fn shown(long: &Long) -> String {
    let value = match long.1 {
        Takes::Nothing => "",
        Takes::Value => "=VALUE",
        Takes::MayValue => "[=VALUE]",
    };
    format!("--{}{value}", long.0)
}

/// `NAME --help` of a tool whose options are a table.
pub fn help(tool: &Tool) -> String {
    let operands =
        OPERANDS.iter().find(|(name, _)| *name == tool.name).map_or("[OPTION]... [FILE]...", |it| it.1);
    let mut text = format!("Usage: {} {operands}\n", tool.name);
    if let Some(purpose) = purpose(tool.name) {
        let mut letters = purpose.chars();
        let first =
            letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
        text.push_str(&format!("{first}{}\n", letters.as_str()));
    }
    text.push('\n');
    let short = tool.short.trim_start_matches(['+', '-', ':']);
    let mut lines: Vec<String> = Vec::new();
    for (at, letter) in short.char_indices().filter(|(_, letter)| *letter != ':') {
        if tool.missing.contains(letter) {
            continue;
        }
        let value = if short[at + letter.len_utf8()..].starts_with(':') { " VALUE" } else { "" };
        let long: Vec<String> = tool.long.iter().filter(|long| long.2 == letter).map(shown).collect();
        let names = [vec![format!("-{letter}{value}")], long].concat();
        lines.push(format!("  {}\n", names.join(", ")));
    }
    let plain = |letter: char| !short.contains(letter) && !tool.missing.contains(letter);
    lines
        .extend(tool.long.iter().filter(|long| plain(long.2)).map(|long| format!("      {}\n", shown(long))));
    let common = ["help", "version"].map(|name| format!("      --{name}\n"));
    lines.extend(common);
    text.extend(lines);
    text + &format!("\nWhat is simulated, with an example: man {}\n", tool.name)
}

/// The page of a command, where its file has one.
pub fn text(command: &Command) -> Option<String> {
    let lines = lines(page(command.name)?);
    let title = command.man.to_uppercase();
    let mut text = format!("{title}\n\n");
    let mut example = false;
    for line in lines {
        match line.trim_end() {
            "```transcript" => {
                example = true;
                text.push_str("\nExample:\n\n");
            }
            "```" => example = false,
            line if example => text.push_str(&format!("    {line}\n")),
            line => text.push_str(&format!("{line}\n")),
        }
    }
    let (name, section) = command.man.trim_end_matches(')').split_once('(').unwrap_or((command.man, "1"));
    let link = format!("https://man7.org/linux/man-pages/man{section}/{name}.{section}.html");
    Some(format!("{}\n\nThe whole page of the real tool: {link}\n", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExecOptions, System};
    use std::time::Duration;

    /// Commands that an example of a page runs, each with the lines that it prints.
    fn transcript(page: &[u8]) -> Vec<(String, String)> {
        let mut steps: Vec<(String, String)> = Vec::new();
        let mut inside = false;
        for line in lines(page) {
            match line {
                "```transcript" => inside = true,
                "```" => inside = false,
                line if inside => match line.strip_prefix("host# ").or_else(|| line.strip_prefix("host$ ")) {
                    Some(command) => steps.push((command.to_owned(), String::new())),
                    None => {
                        if let Some((_, output)) = steps.last_mut() {
                            output.push_str(&format!("{line}\n"));
                        }
                    }
                },
                _ => {}
            }
        }
        steps
    }

    #[test]
    fn the_examples_of_the_pages_are_true() {
        let mut wrong = String::new();
        let mut checked = 0;
        for page in PAGES {
            let mut system = System::new(1, super::super::ALL.iter().copied());
            let host = system.machine_add("host", api::topology::Role::Host);
            for (command, expected) in transcript(page) {
                let command = format!("cd /root; {command}");
                let id = system.exec(host, &command, ExecOptions::default());
                system.run_until_exit(id, Duration::from_secs(60));
                let (out, err) = system.take_output(id);
                let bare = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
                let printed = String::from_utf8_lossy(&[out, err].concat()).into_owned();
                checked += 1;
                if bare(&printed) != bare(&expected) {
                    wrong.push_str(&format!("{command}\n  says\n{printed}\n  not\n{expected}\n"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
        assert!(checked > 30, "only {checked} examples");
    }

    #[test]
    fn most_commands_have_a_page() {
        let without: Vec<_> = super::super::ALL
            .iter()
            .filter(|command| page(command.name).is_none())
            .map(|it| it.name)
            .collect();
        assert!(without.len() < 12, "{without:?}");
        assert!(purpose("ls").is_some_and(|words| words == "what is in a directory."));
    }
}
