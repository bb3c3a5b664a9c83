//! Names of variables and lines that set them.
//!
//! Always: the first separator of a name says which kind it has; then dots and slashes change places.

use super::ROOT;
use crate::cmd::iproute2::glob;
use crate::sys::Sys;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Empty,
    Wrong,
    /// With a warning, where there is one.
    Setting(Setting, Option<String>),
}

/// `[-]key = value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub path: String,
    pub value: Option<String>,
    /// `-key = value`
    pub may_fail: bool,
    /// `-key`: what a pattern shall not set.
    pub excludes: bool,
}

/// The name with `new` for `old` as its separator; a warning where two separators meet.
fn convert(name: &str, old: char, new: char) -> (String, Option<String>) {
    let is_separator = |letter: char| matches!(letter, '.' | '/');
    match name.find(is_separator).and_then(|at| name[at..].chars().next()) {
        Some(first) if first != new => {}
        _ => return (name.to_owned(), None),
    }
    let letters: Vec<char> = name.chars().collect();
    let mut warning = None;
    let mut out = String::with_capacity(name.len());
    for (at, letter) in letters.iter().enumerate() {
        let meets = is_separator(*letter) && letters.get(at + 1).is_some_and(|next| is_separator(*next));
        if meets && warning.is_none() {
            let rest: String = letters[at..].iter().collect();
            warning = Some(format!("separators should not be repeated: {rest}"));
        }
        out.push(match *letter {
            it if it == old => new,
            it if it == new => old,
            it => it,
        });
    }
    (out, warning)
}

/// `net.ipv4.ip_forward`
pub fn dotted(name: &str) -> (String, Option<String>) {
    convert(name, '/', '.')
}

/// `/proc/sys/net/ipv4/ip_forward`
pub fn path_of(name: &str) -> (String, Option<String>) {
    let (path, warning) = convert(name, '.', '/');
    (format!("{ROOT}{path}"), warning)
}

pub fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

pub fn parse_line(line: &str) -> Line {
    let line = line.trim_start();
    if line.len() < 2 || line.starts_with(['#', ';']) {
        return Line::Empty;
    }
    let (key, value) = match line.split_once('=') {
        Some((key, value)) => (key, Some(value.trim().to_owned())),
        None => (line, None),
    };
    let (key, dash) = key.strip_prefix('-').map_or((key, false), |key| (key, true));
    if value.is_none() && !dash {
        return Line::Wrong;
    }
    let key = key.trim_end();
    let (path, warning) = path_of(key.strip_prefix('-').unwrap_or(key));
    let (may_fail, excludes) = (dash && value.is_some(), value.is_none());
    Line::Setting(Setting { path, value, may_fail, excludes }, warning)
}

/// The files that a pattern stands for, in order; itself where there is none.
pub async fn expand(sys: &Sys, pattern: &str) -> Vec<String> {
    if !is_glob(pattern) {
        return vec![pattern.to_owned()];
    }
    let (mut paths, start) = match pattern.strip_prefix('/') {
        Some(rest) => (vec!["/".to_owned()], rest),
        None => (vec![String::new()], pattern),
    };
    for part in start.split('/').filter(|part| !part.is_empty()) {
        let mut longer = Vec::new();
        for path in &paths {
            let joined = |name: &str| match path.as_str() {
                "" => name.to_owned(),
                path if path.ends_with('/') => format!("{path}{name}"),
                path => format!("{path}/{name}"),
            };
            if !is_glob(part) {
                longer.push(joined(part));
                continue;
            }
            let folder = if path.is_empty() { "." } else { path };
            let entries = sys.read_dir(folder).await.unwrap_or_default();
            let mut names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
            names.retain(|name| {
                glob::matches(part, name) && (!name.starts_with('.') || part.starts_with('.'))
            });
            names.sort();
            longer.extend(names.iter().map(|name| joined(name)));
        }
        paths = longer;
    }
    let mut found = Vec::new();
    for path in paths {
        if sys.exists(&path).await {
            found.push(path);
        }
    }
    if found.is_empty() { vec![pattern.to_owned()] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes_change_places_by_the_first_of_them() {
        let path = |name| path_of(name).0;
        assert_eq!(path("net.ipv4.ip_forward"), "/proc/sys/net/ipv4/ip_forward");
        assert_eq!(path("net/ipv4/ip_forward"), "/proc/sys/net/ipv4/ip_forward");
        assert_eq!(path("net.ipv4.conf.eth0/10.forwarding"), "/proc/sys/net/ipv4/conf/eth0.10/forwarding");
        assert_eq!(dotted("net/ipv4/conf/eth0.10/forwarding").0, "net.ipv4.conf.eth0/10.forwarding");
        assert_eq!(path_of("net..ipv4").1.as_deref(), Some("separators should not be repeated: ..ipv4"));
    }

    #[test]
    fn a_line_sets_excludes_or_is_wrong() {
        let setting = |path: &str, value: Option<&str>, may_fail, excludes| {
            let (path, value) = (path.to_owned(), value.map(str::to_owned));
            Line::Setting(Setting { path, value, may_fail, excludes }, None)
        };
        assert_eq!(parse_line(" a.b = 1 "), setting("/proc/sys/a/b", Some("1"), false, false));
        assert_eq!(parse_line("-a/b=1"), setting("/proc/sys/a/b", Some("1"), true, false));
        assert_eq!(parse_line("-a.*.b"), setting("/proc/sys/a/*/b", None, false, true));
        assert_eq!(parse_line("# a=b"), Line::Empty);
        assert_eq!(parse_line("a.b"), Line::Wrong);
        assert_eq!(parse_line("a.b="), setting("/proc/sys/a/b", Some(""), false, false));
    }
}
