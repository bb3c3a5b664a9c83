//! Pathname expansion: patterns become the names of files that match.
//!
//! Always: names come sorted by byte (LC_ALL=C); where nothing matches, the word stays as it was.
//! Source: bash(1), "Pathname Expansion".

use super::Field;
use crate::shell::pattern::{Pattern, PatternChar, is_pattern};
use crate::shell::{Failure, Shell};

/// Directories inside one another that `**` goes into.
const DEPTH: usize = 64;
/// Paths that one pattern may become; further ones are left out.
const PATHS: usize = 20_000;

impl Shell {
    pub(super) async fn pathnames(&mut self, field: Field, into: &mut Vec<String>) -> Result<(), Failure> {
        let extended = self.options.extglob;
        if self.options.noglob || !is_pattern(&field.chars, extended) {
            into.push(field.text());
            return Ok(());
        }
        let found = self.glob(&field.chars).await;
        match found.is_empty() {
            true if self.options.failglob => {
                return Err(self.complain(format!("no match: {}", field.text())).await);
            }
            true if self.options.nullglob => {}
            true => into.push(field.text()),
            false => into.extend(found),
        }
        Ok(())
    }

    /// The paths that match, sorted.
    pub(in crate::shell) async fn glob(&mut self, chars: &[PatternChar]) -> Vec<String> {
        let absolute = matches!(chars.first(), Some(('/', _)));
        let mut paths = vec![if absolute { "/".to_owned() } else { String::new() }];
        let components: Vec<&[PatternChar]> = chars.split(|(c, _)| *c == '/').collect();
        let count = components.len();
        for (index, component) in components.into_iter().enumerate() {
            let last = index + 1 == count;
            if component.is_empty() {
                // A trailing slash asks for directories, and stays.
                if last && index > 0 {
                    paths = self.only_directories(paths).await;
                }
                continue;
            }
            let all = self.options.globstar && component == [('*', false), ('*', false)];
            paths = match all {
                true => self.below(paths, last).await,
                false => self.step(paths, component, last).await,
            };
        }
        paths.sort();
        paths
    }

    /// `**`: everything below; in the middle of a pattern, all directories with the one it starts at.
    async fn below(&self, paths: Vec<String>, last: bool) -> Vec<String> {
        let mut found = Vec::new();
        let mut ahead: Vec<(String, usize)> = paths.into_iter().rev().map(|path| (path, 0)).collect();
        while let Some((path, depth)) = ahead.pop() {
            if !last || depth > 0 && !path.is_empty() {
                found.push(path.clone());
            }
            if found.len() >= PATHS {
                break;
            }
            let directory = if path.is_empty() { "." } else { &path };
            let entries = self.sys.read_dir(directory).await.unwrap_or_default();
            for entry in entries.into_iter().filter(|it| self.options.dotglob || !it.name.starts_with('.')) {
                let path = match path.as_str() {
                    "" => entry.name,
                    _ if path.ends_with('/') => format!("{path}{}", entry.name),
                    _ => format!("{path}/{}", entry.name),
                };
                match entry.stat.kind {
                    crate::FileKind::Directory if depth < DEPTH => ahead.push((path, depth + 1)),
                    _ if last => found.push(path),
                    _ => {}
                }
            }
        }
        found
    }

    async fn only_directories(&self, paths: Vec<String>) -> Vec<String> {
        let mut kept = Vec::new();
        for path in paths {
            let directory = !path.is_empty()
                && self.sys.stat(&path).await.is_ok_and(|stat| stat.kind == crate::FileKind::Directory);
            if directory {
                kept.push(if path.ends_with('/') { path } else { path + "/" });
            }
        }
        kept
    }

    async fn step(&self, paths: Vec<String>, component: &[PatternChar], last: bool) -> Vec<String> {
        let extended = self.options.extglob;
        let plain = !is_pattern(component, extended);
        let text: String = component.iter().map(|(c, _)| *c).collect();
        let pattern = Pattern::new(component, extended).ignoring_case(self.options.nocaseglob);
        let hidden = component.first().is_some_and(|(c, _)| *c == '.');
        let mut found = Vec::new();
        for path in paths {
            let join = |name: &str| match path.as_str() {
                "" => name.to_owned(),
                _ if path.ends_with('/') => format!("{path}{name}"),
                _ => format!("{path}/{name}"),
            };
            if plain {
                let joined = join(&text);
                if !last || self.sys.lstat(&joined).await.is_ok() {
                    found.push(joined);
                }
                continue;
            }
            let directory = if path.is_empty() { "." } else { &path };
            let mut names: Vec<String> = match self.sys.read_dir(directory).await {
                Ok(entries) => entries.into_iter().map(|entry| entry.name).collect(),
                Err(_) => continue,
            };
            if hidden {
                names.extend([".".to_owned(), "..".to_owned()]);
            }
            names.retain(|name| {
                let shown = !name.starts_with('.') || hidden || self.options.dotglob;
                shown && pattern.matches(name)
            });
            found.extend(names.iter().take(PATHS - found.len().min(PATHS)).map(|name| join(name)));
        }
        found
    }
}
