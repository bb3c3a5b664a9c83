//! `sysctl`: the kernel's switches below /proc/sys, by name.
//!
//! Always: it reads and writes the files below /proc/sys and nothing else; names may have dots or slashes.
//! Differs from procps: `-p` takes no `~` and no `{a,b}`.
//! Source: sysctl(8) of procps-ng 4.0.2 and its observable behaviour.

mod setting;

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::fs::FileKind;
use crate::regex::{Regex, Syntax};
use crate::sys::Sys;
use net::Errno;
use setting::{Line, Setting, dotted, expand, parse_line, path_of};

pub const SYSCTL: Command = Command {
    name: "sysctl",
    path: "/usr/sbin/sysctl",
    man: "sysctl(8)",
    run: |sys, args| Box::pin(sysctl(sys, args)),
};

const ROOT: &str = "/proc/sys/";
const DEFAULT_FILE: &str = "/etc/sysctl.conf";
const SYSTEM_FOLDERS: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
/// Left out of listings unless `--deprecated`.
const DEPRECATED: [&str; 2] = ["base_reachable_time", "retrans_time"];
/// Folders within folders of /proc/sys.
const DEEPEST: usize = 12;

const OPTIONS: &[Long] = &[
    ("all", Takes::Nothing, 'a'),
    ("deprecated", Takes::Nothing, 'D'),
    ("dry-run", Takes::Nothing, 'Y'),
    ("binary", Takes::Nothing, 'b'),
    ("ignore", Takes::Nothing, 'e'),
    ("names", Takes::Nothing, 'N'),
    ("values", Takes::Nothing, 'n'),
    ("load", Takes::MayValue, 'p'),
    ("quiet", Takes::Nothing, 'q'),
    ("write", Takes::Nothing, 'w'),
    ("system", Takes::Nothing, 'S'),
    ("pattern", Takes::Value, 'r'),
    ("help", Takes::Nothing, 'h'),
    ("version", Takes::Nothing, 'V'),
];

/// What the options ask for.
#[derive(Debug, Default)]
struct Asked {
    name_only: bool,
    no_name: bool,
    no_newline: bool,
    ignore: bool,
    quiet: bool,
    dry: bool,
    deprecated: bool,
    pattern: Option<String>,
    writes: bool,
    all: bool,
    system: bool,
    load: Option<Option<String>>,
}

impl Asked {
    fn fits(&self, text: &str) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        Regex::new(pattern, Syntax::Extended, false).is_ok_and(|regex| regex.is_match(text))
    }
}

async fn sysctl(sys: Sys, args: Args) -> Exit {
    if args.rest().is_empty() {
        sys.eprint(include_str!("usage.txt")).await;
        return Exit::FAILURE;
    }
    let mut asked = Asked::default();
    let mut options = Getopt::new(args.name(), args.rest(), "bneNwfp::qoxaAXr:Vdh", OPTIONS);
    for found in options.by_ref() {
        match found {
            Found::Option('b', _) => (asked.no_newline, asked.no_name) = (true, true),
            Found::Option('n', _) => asked.no_name = true,
            Found::Option('e', _) => asked.ignore = true,
            Found::Option('N', _) => asked.name_only = true,
            Found::Option('w', _) => asked.writes = true,
            Found::Option('f' | 'p', file) => {
                let before = asked.load.take().flatten();
                asked.load = Some(file.or(before));
            }
            Found::Option('q', _) => asked.quiet = true,
            Found::Option('a' | 'A' | 'X', _) => asked.all = true,
            Found::Option('D', _) => asked.deprecated = true,
            Found::Option('Y', _) => asked.dry = true,
            Found::Option('r', pattern) => asked.pattern = pattern,
            Found::Option('S', _) => {
                asked.system = true;
                break;
            }
            Found::Option('V', _) => {
                sys.print("sysctl from procps-ng 4.0.2\n").await;
                return Exit::OK;
            }
            Found::Option('h' | 'd', _) => {
                sys.print(include_str!("usage.txt")).await;
                return Exit::OK;
            }
            Found::Option(..) => {}
            Found::Wrong(text) => {
                sys.eprint(text).await;
                sys.print(include_str!("usage.txt")).await;
                return Exit::OK;
            }
        }
    }
    let words = options.operands();
    let status = Run { sys, asked }.all(words).await;
    Exit(status as u8)
}

struct Run {
    sys: Sys,
    asked: Asked,
}

impl Run {
    async fn warn(&self, text: &str) {
        self.sys.eprint(format!("sysctl: {text}\n")).await;
    }

    async fn all(mut self, words: Vec<String>) -> i32 {
        if self.asked.system {
            self.asked.ignore = true;
            return self.system().await;
        }
        if self.asked.all {
            return self.list(ROOT.to_owned()).await;
        }
        if let Some(file) = self.asked.load.take() {
            let mut files: Vec<String> = file.into_iter().collect();
            if files.is_empty() && words.is_empty() {
                files.push(DEFAULT_FILE.to_owned());
            }
            files.extend(words);
            return self.load(files).await;
        }
        let hint = "Try `sysctl --help' for more information.";
        if words.is_empty() {
            self.warn(&format!("no variables specified\n{hint}")).await;
            return 1;
        }
        if self.asked.name_only && self.asked.quiet {
            self.warn(&format!("options -N and -q cannot coexist\n{hint}")).await;
            return 1;
        }
        let mut status = 0;
        for word in words {
            if self.asked.writes || word.contains('=') {
                status |= match self.line("command line", 0, &word).await {
                    Some(setting) => self.write(&setting, &setting.path).await,
                    None => 1,
                };
            } else {
                status += self.read(&word).await;
            }
        }
        status
    }

    /// One variable, or all below a folder.
    async fn read(&self, name: &str) -> i32 {
        if name.is_empty() {
            self.warn("\"\" is an unknown key").await;
            return -1;
        }
        let (shown, first) = dotted(name);
        let (path, second) = path_of(name);
        // The real one converts the name for the page twice, and warns each time.
        for warning in [&first, &second, &first].into_iter().flatten() {
            self.warn(warning).await;
        }
        let stat = match self.sys.stat(&path).await {
            Ok(stat) => stat,
            Err(_) if self.asked.ignore => return 0,
            Err(error) => {
                self.warn(&format!("cannot stat {path}: {error}")).await;
                return 1;
            }
        };
        if stat.mode & 0o400 == 0 {
            return 0;
        }
        if !self.is_below_root(&path).await {
            return -1;
        }
        if stat.kind == FileKind::Directory {
            return self.list(format!("{path}/")).await;
        }
        if !self.asked.fits(&shown) {
            return 0;
        }
        if self.asked.name_only {
            self.sys.print(format!("{shown}\n")).await;
            return 0;
        }
        match self.sys.read_file(&path).await {
            Ok(bytes) => {
                self.show(&shown, &String::from_utf8_lossy(&bytes)).await;
                0
            }
            Err(Errno::ENOENT) if self.asked.ignore => 0,
            Err(error) => {
                match error {
                    Errno::ENOENT => self.warn(&format!("\"{shown}\" is an unknown key")).await,
                    Errno::EACCES => self.warn(&format!("permission denied on key '{shown}'")).await,
                    Errno::EIO => {}
                    error => self.warn(&format!("reading key \"{shown}\": {error}")).await,
                }
                1
            }
        }
    }

    async fn show(&self, name: &str, text: &str) {
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            match (self.asked.no_name, self.asked.no_newline) {
                (false, _) => out += &format!("{name} = {}\n", line.trim_end_matches('\n')),
                (true, true) => out += line.trim_end_matches('\n'),
                (true, false) => out += line,
            }
        }
        self.sys.print(out).await;
    }

    async fn is_below_root(&self, path: &str) -> bool {
        match self.sys.realpath(path).await {
            Ok(real) if real.starts_with(ROOT) || format!("{real}/") == ROOT => true,
            Ok(_) => {
                self.warn(&format!("Path is not under {ROOT}: {path}")).await;
                false
            }
            Err(_) => false,
        }
    }

    /// All variables below a folder whose path ends in a slash, folder by folder.
    async fn list(&self, folder: String) -> i32 {
        let mut status = 0;
        let mut folders = vec![(folder, 0)];
        // The last is the next to be looked at; a folder's own entries come before what follows it.
        while let Some((path, depth)) = folders.pop() {
            let Some(folder) = path.strip_suffix('/') else {
                status |= Box::pin(self.read(&path[ROOT.len()..])).await;
                continue;
            };
            let Ok(entries) = self.sys.read_dir(folder).await else {
                self.warn(&format!("unable to open directory \"{path}\"")).await;
                status |= 1;
                continue;
            };
            let mut below = Vec::new();
            for entry in entries {
                let hidden = !self.asked.deprecated && DEPRECATED.contains(&entry.name.as_str());
                if hidden || depth >= DEEPEST || matches!(entry.name.as_str(), "." | "..") {
                    continue;
                }
                let end = if entry.stat.kind == FileKind::Directory { "/" } else { "" };
                below.push((format!("{path}{}{end}", entry.name), depth + 1));
            }
            folders.extend(below.into_iter().rev());
        }
        status
    }

    /// Writes, and tells the value written.
    async fn write(&self, setting: &Setting, path: &str) -> i32 {
        let stat = match self.sys.stat(path).await {
            Ok(stat) => stat,
            Err(_) if self.asked.ignore => return 0,
            Err(error) => {
                self.warn(&format!("cannot stat {path}: {error}")).await;
                return 1;
            }
        };
        if !self.is_below_root(path).await {
            return 1;
        }
        let (name, warning) = dotted(path.strip_prefix(ROOT).unwrap_or(path));
        if let Some(warning) = warning {
            self.warn(&warning).await;
        }
        if stat.mode & 0o200 == 0 || stat.kind == FileKind::Directory {
            // The real one tells whatever went wrong last, which is nothing.
            self.warn(&format!("setting key \"{name}\": Success")).await;
            return 0;
        }
        let value = setting.value.as_deref().unwrap_or("(null)");
        if !self.asked.dry
            && let Err(error) = self.sys.write_file(path, format!("{value}\n").as_bytes()).await
        {
            let ignoring = if setting.may_fail { ", ignoring" } else { "" };
            let denied = matches!(error, Errno::EPERM | Errno::EROFS | Errno::EACCES);
            self.warn(&match denied {
                true => format!("permission denied on key \"{name}\"{ignoring}"),
                false => format!("setting key \"{name}\": {error}"),
            })
            .await;
            return i32::from(!denied || !setting.may_fail);
        }
        if !self.asked.quiet || self.asked.dry {
            let line = match (self.asked.name_only || self.asked.no_name, self.asked.no_newline) {
                (false, _) => format!("{name} = {value}\n"),
                (true, true) if !self.asked.name_only => value.to_owned(),
                (true, _) => format!("{value}\n"),
            };
            self.sys.print(line).await;
        }
        0
    }

    /// What a line of a file or a word of the command line sets, if it sets anything.
    async fn line(&self, file: &str, number: usize, text: &str) -> Option<Setting> {
        if !self.asked.fits(text.trim_start()) {
            return None;
        }
        match parse_line(text) {
            Line::Empty => None,
            Line::Wrong => {
                self.warn(&format!("{file}({number}): invalid syntax, continuing...")).await;
                None
            }
            Line::Setting(setting, warning) => {
                if let Some(warning) = warning {
                    self.warn(&warning).await;
                }
                Some(setting)
            }
        }
    }

    /// `-p`: reads all files, then sets.
    async fn load(&self, files: Vec<String>) -> i32 {
        let mut settings = Vec::new();
        let mut status = 0;
        for file in files {
            for path in expand(&self.sys, &file).await {
                status |= self.preload(&path, &mut settings).await;
            }
        }
        status | self.write_all(&settings).await
    }

    async fn preload(&self, file: &str, settings: &mut Vec<Setting>) -> i32 {
        let bytes = match file {
            "-" => self.sys.read_all(crate::fs::STDIN).await,
            _ => self.sys.read_file(file).await,
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                self.warn(&format!("cannot open \"{file}\": {error}")).await;
                return 1;
            }
        };
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            settings.extend(self.line(file, number + 1, line).await);
        }
        0
    }

    /// `--system`: the files of all folders by their names, then /etc/sysctl.conf.
    async fn system(&self) -> i32 {
        let mut files: Vec<(String, String)> = Vec::new();
        for folder in SYSTEM_FOLDERS {
            for entry in self.sys.read_dir(folder).await.unwrap_or_default() {
                let known = files.iter().any(|(name, _)| *name == entry.name);
                if entry.name.len() >= 5 && entry.name.ends_with(".conf") && !known {
                    files.push((entry.name.clone(), format!("{folder}/{}", entry.name)));
                }
            }
        }
        files.sort();
        if self.sys.stat(DEFAULT_FILE).await.is_ok_and(|stat| stat.kind == FileKind::File) {
            files.push((String::new(), DEFAULT_FILE.to_owned()));
        }
        let mut settings = Vec::new();
        let mut status = 0;
        for (_, path) in files {
            if !self.asked.quiet {
                self.sys.print(format!("* Applying {path} ...\n")).await;
            }
            status |= self.preload(&path, &mut settings).await;
        }
        status | self.write_all(&settings).await
    }

    async fn write_all(&self, settings: &[Setting]) -> i32 {
        let mut status = 0;
        for setting in settings.iter().filter(|setting| !setting.excludes) {
            if !setting::is_glob(&setting.path) {
                status |= self.write(setting, &setting.path).await;
                continue;
            }
            for path in expand(&self.sys, &setting.path).await {
                let overridden = settings.iter().any(|other| other.path == path);
                if !overridden && !setting::is_glob(&path) {
                    status |= self.write(setting, &path).await;
                }
            }
        }
        status
    }
}
