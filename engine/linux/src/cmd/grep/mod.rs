//! `grep`, `egrep`, `fgrep`: print lines that match. Source: grep(1), GNU grep 3.8.
//! Not simulated: -T; of -P no `(?i)`, `\Q…\E`, possessive repeats, recursion.
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
use search::{Binary, Search};

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

const BINARY: char = '\u{8}';
const SEPARATOR: char = '\u{e}';
const NO_SEPARATOR: char = '\u{f}';
const LABEL: char = '\u{10}';

const TOOL: Tool = Tool {
    name: "grep",
    short: "0123456789A:B:C:EFGHILPRTUVabcd:e:f:hilm:noqrsvwxyzZ",
    long: &[
        ("after-context", Value, 'A'),
        ("before-context", Value, 'B'),
        ("basic-regexp", Nothing, 'G'),
        ("binary", Nothing, 'U'),
        ("binary-files", Value, BINARY),
        ("byte-offset", Nothing, 'b'),
        ("color", MayValue, '\u{3}'),
        ("colour", MayValue, '\u{3}'),
        ("context", Value, 'C'),
        ("count", Nothing, 'c'),
        ("dereference-recursive", Nothing, 'R'),
        ("directories", Value, 'd'),
        ("exclude", Value, '\u{5}'),
        ("exclude-dir", Value, '\u{6}'),
        ("extended-regexp", Nothing, 'E'),
        ("file", Value, 'f'),
        ("files-with-matches", Nothing, 'l'),
        ("files-without-match", Nothing, 'L'),
        ("fixed-strings", Nothing, 'F'),
        ("group-separator", Value, SEPARATOR),
        ("ignore-case", Nothing, 'i'),
        ("include", Value, '\u{4}'),
        ("initial-tab", Nothing, 'T'),
        ("invert-match", Nothing, 'v'),
        ("label", Value, LABEL),
        ("line-buffered", Nothing, '\u{7}'),
        ("line-number", Nothing, 'n'),
        ("line-regexp", Nothing, 'x'),
        ("max-count", Value, 'm'),
        ("no-filename", Nothing, 'h'),
        ("no-group-separator", Nothing, NO_SEPARATOR),
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
    missing: "T",
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
    let binary = match binary(&sys, &options).await {
        Ok(binary) => binary,
        Err(exit) => return exit,
    };
    let limit = match limit(&sys, &options).await {
        Ok(limit) => limit,
        Err(exit) => return exit,
    };
    let context = match context(&sys, &options).await {
        Ok(context) => context,
        Err(exit) => return exit,
    };
    let recursive = options.has('r') || options.has('R') || options.value('d') == Some("recurse");
    let many = files.len() > 1 || recursive;
    let mut search = Search {
        sys: sys.clone(),
        patterns: compiled,
        options: options.clone(),
        names: options.last_of("hH").map_or(many, |letter| letter == 'H'),
        context,
        limit,
        binary,
        end: if options.has('z') { '\0' } else { '\n' },
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

/// How many lines of a file are enough (`-m`; a negative number is none), and is what `-d` says a way to read directories?
async fn limit(sys: &Sys, options: &Options) -> Result<Option<usize>, Exit> {
    let limit = options.value('m').map(str::parse::<i64>);
    if let Some(Err(_)) = limit {
        TOOL.complain(sys, "invalid max count").await;
        return Err(Exit(2));
    }
    if let Some(word) = options.value('d').filter(|word| !["read", "recurse", "skip"].contains(word)) {
        let valid = "Valid arguments are:\n  - 'read'\n  - 'recurse'\n  - 'skip'";
        return Err(TOOL.wrong(sys, format!("invalid argument '{word}' for '--directories'\n{valid}")).await);
    }
    Ok(limit.and_then(Result::ok).and_then(|count| usize::try_from(count).ok()))
}

fn syntax(name: &str, options: &Options) -> Syntax {
    match options.last_of("EFGP") {
        Some('P') => Syntax::Perl,
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
        if outer_class(pattern) && syntax != Syntax::Fixed {
            TOOL.complain(sys, "character class syntax is [[:space:]], not [:space:]").await;
            return Err(Exit(2));
        }
        if syntax == Syntax::Extended && pattern.starts_with('*') {
            TOOL.complain(sys, "warning: * at start of expression").await;
        }
        let whole = match (syntax, options.last_of("xw")) {
            (Syntax::Perl, Some('x')) => format!("^(?:{pattern})$"),
            (Syntax::Perl, Some(_)) => format!("(?<!\\w)(?:{pattern})(?!\\w)"),
            _ => pattern.clone(),
        };
        match Regex::new(&whole, syntax, options.has('i') || options.has('y')) {
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

/// `[:space:]` where `[[:space:]]` was meant.
fn outer_class(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some(at) = rest.find(['[', '\\']) {
        let inside = &rest[at + 1..];
        if rest[at..].starts_with('\\') {
            let mut after = inside.chars();
            after.next();
            rest = after.as_str();
            continue;
        }
        let Some(end) = bracket_end(inside) else { return false };
        let content = &inside[..end];
        if content.len() > 1 && content.starts_with(':') && content.ends_with(':') {
            return true;
        }
        rest = &inside[end + 1..];
    }
    false
}

/// Where the `]` stands that ends a bracket expression.
fn bracket_end(inside: &str) -> Option<usize> {
    let mut at = usize::from(inside.starts_with('^'));
    at += usize::from(inside[at..].starts_with(']'));
    loop {
        let next = at + inside[at..].find(['[', ']'])?;
        match &inside[next..] {
            class if class.starts_with("[:") => at = next + class.find(":]").filter(|end| *end > 1)? + 2,
            open if open.starts_with('[') => at = next + 1,
            _ => return Some(next),
        }
    }
}

/// What is made of a file that is not text.
async fn binary(sys: &Sys, options: &Options) -> Result<Binary, Exit> {
    let last = options.flags.iter().rev().find(|(letter, _)| ['a', 'I', BINARY].contains(letter));
    Ok(match last {
        Some(('a', _)) => Binary::Text,
        Some(('I', _)) => Binary::Without,
        Some((_, Some(word))) => match word.as_str() {
            "binary" => Binary::Told,
            "text" => Binary::Text,
            "without-match" => Binary::Without,
            _ => {
                TOOL.complain(sys, "unknown binary-files type").await;
                return Err(Exit(2));
            }
        },
        _ => Binary::Told,
    })
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
        if directory && search.options.value('d') == Some("skip") {
            continue;
        }
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
