//! `grep`, `egrep`, `fgrep`: print lines that match. Source: grep(1), GNU grep 3.8.
//! Not simulated: -P -z -U.
//! ```transcript
//! host# printf 'one\ntwo\nthree\n' | grep -n t
//! 2:two
//! 3:three
//! ```

mod search;

use super::getopt::Takes::{MayValue, Nothing, Value};
use super::tool::{Options, Tool};
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::regex::{Regex, Syntax};
use crate::shell::pattern::Pattern;
use crate::sys::Sys;
use search::Search;

pub const GREP: Command = Command {
    name: "grep",
    path: "/usr/bin/grep",
    man: "grep(1)",
    run: |sys, args| Box::pin(grep(sys, args)),
};
pub const EGREP: Command = Command {
    name: "egrep",
    path: "/usr/bin/egrep",
    man: "grep(1)",
    run: |sys, args| Box::pin(grep(sys, args)),
};
pub const FGREP: Command = Command {
    name: "fgrep",
    path: "/usr/bin/fgrep",
    man: "grep(1)",
    run: |sys, args| Box::pin(grep(sys, args)),
};

const TOOL: Tool = Tool {
    name: "grep",
    short: "0123456789A:B:C:EFGHILPRUVabce:f:hilm:noqrsvwxyzZ",
    long: &[
        ("after-context", Value, 'A'),
        ("before-context", Value, 'B'),
        ("basic-regexp", Nothing, 'G'),
        ("byte-offset", Nothing, 'b'),
        ("color", MayValue, '\u{3}'),
        ("colour", MayValue, '\u{3}'),
        ("context", Value, 'C'),
        ("count", Nothing, 'c'),
        ("dereference-recursive", Nothing, 'R'),
        ("exclude", Value, '\u{5}'),
        ("exclude-dir", Value, '\u{6}'),
        ("extended-regexp", Nothing, 'E'),
        ("file", Value, 'f'),
        ("files-with-matches", Nothing, 'l'),
        ("files-without-match", Nothing, 'L'),
        ("fixed-strings", Nothing, 'F'),
        ("ignore-case", Nothing, 'i'),
        ("include", Value, '\u{4}'),
        ("invert-match", Nothing, 'v'),
        ("line-buffered", Nothing, '\u{7}'),
        ("line-number", Nothing, 'n'),
        ("line-regexp", Nothing, 'x'),
        ("max-count", Value, 'm'),
        ("no-filename", Nothing, 'h'),
        ("no-messages", Nothing, 's'),
        ("null", Nothing, 'Z'),
        ("null-data", Nothing, 'z'),
        ("only-matching", Nothing, 'o'),
        ("perl-regexp", Nothing, 'P'),
        ("quiet", Nothing, 'q'),
        ("recursive", Nothing, 'r'),
        ("regexp", Value, 'e'),
        ("silent", Nothing, 'q'),
        ("text", Nothing, 'a'),
        ("with-filename", Nothing, 'H'),
        ("word-regexp", Nothing, 'w'),
    ],
    missing: "PzU",
    usage: 2,
    package: "(GNU grep) 3.8",
};

/// Directories inside one another that `-r` goes into.
const DEPTH: usize = 64;

async fn grep(sys: Sys, args: Args) -> Exit {
    let name = args.name().rsplit('/').next().unwrap_or("grep").to_owned();
    let options = match TOOL.options_of(&sys, "grep", args.rest()).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    if options.has('V') {
        sys.print(format!("grep {}\n", TOOL.package)).await;
        return Exit::OK;
    }
    let obsolete = match name.as_str() {
        "egrep" => Some("grep -E"),
        "fgrep" => Some("grep -F"),
        _ => None,
    };
    if let Some(instead) = obsolete {
        sys.eprint(format!("{name}: warning: {name} is obsolescent; using {instead}\n")).await;
    }
    let syntax = syntax(&name, &options);
    let (patterns, files) = match patterns(&sys, &options).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            sys.eprint(
                "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n",
            )
            .await;
            return Exit(2);
        }
        Err(exit) => return exit,
    };
    let compiled = match compile(&sys, &patterns, syntax, &options).await {
        Ok(compiled) => compiled,
        Err(exit) => return exit,
    };
    let context = match context(&sys, &options).await {
        Ok(context) => context,
        Err(exit) => return exit,
    };
    let recursive = options.has('r') || options.has('R');
    let many = files.len() > 1 || recursive;
    let mut search = Search {
        sys: sys.clone(),
        patterns: compiled,
        options: options.clone(),
        names: options.last_of("hH").map_or(many, |letter| letter == 'H'),
        context,
        limit: options.value('m').and_then(|text| text.parse().ok()),
        color: color(&sys, &options).await,
        matched: false,
        failed: false,
        separate: false,
    };
    let files = match (files.is_empty(), recursive) {
        (true, true) => vec![String::new()],
        (true, false) => vec!["-".to_owned()],
        _ => files,
    };
    for path in files {
        if walk(&mut search, path, recursive).await {
            break;
        }
    }
    match (search.matched, search.failed) {
        (true, _) if options.has('q') => Exit::OK,
        (_, true) => Exit(2),
        (matched, false) => Exit(u8::from(!matched)),
    }
}

fn syntax(name: &str, options: &Options) -> Syntax {
    match options.last_of("EFG") {
        Some('E') => Syntax::Extended,
        Some('F') => Syntax::Fixed,
        None if name == "egrep" => Syntax::Extended,
        None if name == "fgrep" => Syntax::Fixed,
        _ => Syntax::Basic,
    }
}

async fn compile(
    sys: &Sys,
    patterns: &[String],
    syntax: Syntax,
    options: &Options,
) -> Result<Vec<Regex>, Exit> {
    let mut compiled = Vec::new();
    for pattern in patterns {
        match Regex::new(pattern, syntax, options.has('i') || options.has('y')) {
            Ok(regex) => compiled.push(regex),
            Err(words) => {
                // grep's own reader ends at the bracket, before the library could say more.
                let bare = pattern.ends_with('[') && !pattern.ends_with("[[") || pattern.ends_with("[^");
                let words = if bare && words.starts_with("Unmatched [") {
                    "Invalid regular expression".to_owned()
                } else {
                    words
                };
                TOOL.complain(sys, words).await;
                return Err(Exit(2));
            }
        }
    }
    Ok(compiled)
}

/// The patterns, and the operands that are files. `None` where no pattern is given.
async fn patterns(sys: &Sys, options: &Options) -> Result<Option<(Vec<String>, Vec<String>)>, Exit> {
    let mut operands = options.operands.clone();
    let mut patterns: Vec<String> = Vec::new();
    let mut given = false;
    for (letter, value) in &options.flags {
        let value = value.as_deref().unwrap_or_default();
        match letter {
            'e' => {
                given = true;
                patterns.extend(value.split('\n').map(str::to_owned));
            }
            'f' => {
                given = true;
                match super::input::read_text(sys, value).await {
                    Ok(text) => patterns.extend(text.lines().map(str::to_owned)),
                    Err(errno) => {
                        TOOL.complain(sys, format!("{value}: {errno}")).await;
                        return Err(Exit(2));
                    }
                }
            }
            _ => {}
        }
    }
    if !given {
        if operands.is_empty() {
            return Ok(None);
        }
        patterns.extend(operands.remove(0).split('\n').map(str::to_owned));
    }
    Ok(Some((patterns, operands)))
}

/// Lines shown before and after a match.
async fn context(sys: &Sys, options: &Options) -> Result<(usize, usize), Exit> {
    let mut digits = String::new();
    let (mut before, mut after) = (None, None);
    for (letter, value) in &options.flags {
        if letter.is_ascii_digit() {
            digits.push(*letter);
            continue;
        }
        let ('A' | 'B' | 'C', Some(value)) = (letter, value) else { continue };
        let Ok(count) = value.parse::<usize>() else {
            TOOL.complain(sys, format!("{value}: invalid context length argument")).await;
            return Err(Exit(2));
        };
        match letter {
            'A' => after = Some(count),
            'B' => before = Some(count),
            _ => (before, after) = (before.or(Some(count)), after.or(Some(count))),
        }
    }
    let both = digits.parse().unwrap_or(0);
    Ok((before.unwrap_or(both), after.unwrap_or(both)))
}

async fn color(sys: &Sys, options: &Options) -> bool {
    if !options.has('\u{3}') {
        return false;
    }
    match options.value('\u{3}').unwrap_or("auto") {
        "always" | "yes" | "force" => true,
        "never" | "no" | "none" => false,
        _ => sys.is_tty(1).await && sys.env("TERM").await.is_some_and(|term| term != "dumb"),
    }
}

/// Searches a file, or all below a directory. True where nothing more is to be done (`-q`).
async fn walk(search: &mut Search, path: String, recursive: bool) -> bool {
    let mut open = vec![(path, 0)];
    while let Some((path, depth)) = open.pop() {
        let place = if path.is_empty() { "." } else { &path };
        let stat = if path == "-" { None } else { search.sys.stat(place).await.ok() };
        let directory = stat.is_some_and(|stat| stat.kind == FileKind::Directory);
        if directory && recursive {
            if depth >= DEPTH {
                continue;
            }
            let mut names: Vec<_> = match search.sys.read_dir(place).await {
                Ok(entries) => entries.into_iter().collect(),
                Err(errno) => {
                    search.complain(format!("{place}: {errno}")).await;
                    continue;
                }
            };
            names.reverse();
            for entry in names {
                let inner = match path.as_str() {
                    "" => entry.name.clone(),
                    _ if path.ends_with('/') => format!("{path}{}", entry.name),
                    _ => format!("{path}/{}", entry.name),
                };
                let is_directory = entry.stat.kind == FileKind::Directory;
                let link = entry.stat.kind == FileKind::Symlink && !search.options.has('R');
                if !link && !excluded(&search.options, &entry.name, is_directory) {
                    open.push((inner, depth + 1));
                }
            }
            continue;
        }
        if search.file(&path).await {
            return true;
        }
    }
    false
}

fn excluded(options: &Options, name: &str, directory: bool) -> bool {
    let any = |letter: char| {
        let mut globs = options.flags.iter().filter(|(flag, _)| *flag == letter).peekable();
        let given = globs.peek().is_some();
        (
            given,
            globs.any(|(_, glob)| Pattern::parse(glob.as_deref().unwrap_or_default(), false).matches(name)),
        )
    };
    if directory {
        return any('\u{6}').1;
    }
    let (included, include) = any('\u{4}');
    any('\u{5}').1 || included && !include
}
