//! The steps that do not pass yet: one file, a line each, `path:line reason`; it may only shrink.
//!
//! Always: a step that fails and is not listed is a failure; so is a listed one that passes, and a line that names no
//! step. Paths are relative to the file's own folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Default)]
pub struct Known {
    folder: PathBuf,
    /// Path and line of each step, with the line of the list.
    steps: BTreeMap<(String, usize), usize>,
}

impl Known {
    pub fn parse(path: &Path, text: &str) -> Result<Known, String> {
        let mut steps = BTreeMap::new();
        for (number, line) in
            text.lines().enumerate().filter(|(_, it)| !it.is_empty() && !it.starts_with('#'))
        {
            let number = number + 1;
            let (place, reason) = line.split_once(' ').unwrap_or((line, ""));
            let step =
                place.rsplit_once(':').and_then(|(file, line)| Some((file.to_owned(), line.parse().ok()?)));
            let step = step.filter(|_| !reason.trim().is_empty());
            let step = step.ok_or(format!("{}:{number}: want `path:line reason`", path.display()))?;
            if steps.insert(step, number).is_some() {
                return Err(format!("{}:{number}: listed twice", path.display()));
            }
        }
        Ok(Known { folder: path.parent().unwrap_or(Path::new("")).to_owned(), steps })
    }

    /// Takes a step off the list: was it there?
    pub fn take(&mut self, file: &Path, line: usize) -> bool {
        let Some(name) = self.name(file) else { return false };
        self.steps.remove(&(name, line)).is_some()
    }

    fn name(&self, file: &Path) -> Option<String> {
        let file = file.canonicalize().ok()?;
        let folder = self.folder.canonicalize().ok()?;
        Some(file.strip_prefix(folder).ok()?.display().to_string())
    }

    /// Listed steps of these files that nobody took: no such step is there.
    pub fn left_over(&self, files: &[PathBuf]) -> Vec<String> {
        let names: Vec<_> = files.iter().filter_map(|file| self.name(file)).collect();
        let of_those =
            |(file, _): &&(String, usize)| names.contains(file) || !self.folder.join(file).exists();
        self.steps.keys().filter(of_those).map(|(file, line)| format!("{file}:{line}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_step_and_a_reason() {
        let read = |text| Known::parse(Path::new("known.txt"), text);
        assert_eq!(read("# remark\n\na/b.golden:12 ip -s: no statistics\n").unwrap().steps.len(), 1);
        assert_eq!(read("a/b.golden:12\n").unwrap_err(), "known.txt:1: want `path:line reason`");
        assert_eq!(read("a:1 x\na:1 y\n").unwrap_err(), "known.txt:2: listed twice");
    }
}
