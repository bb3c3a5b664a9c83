//! Tab: puts in what the word at the cursor may become, or lists it.
//!
//! Always: one candidate is put in, several are put in as far as they agree, and listed at the second Tab.
//! Source: readline(3), "Completing".

use super::editor::Editor;
use super::{Screen, Shell};
use crate::fs::STDIN;
use crate::shell::completion::Candidates;

/// More candidates than this are listed only when asked for (`completion-query-items`).
const ASKED: usize = 100;
/// Candidates that are listed at most.
const LISTED: usize = 400;

impl Shell {
    pub(super) async fn complete(&mut self, editor: &mut Editor, screen: &mut Screen, again: bool) {
        let before: String = editor.text[..editor.cursor].iter().collect();
        let Candidates { word, found, open } = self.candidates(&before).await;
        let common = found
            .iter()
            .cloned()
            .reduce(|a, b| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect());
        let Some(common) = common else {
            self.sys.eprint("\x07").await;
            return;
        };
        // Several that differ in the case of letters (`completion-ignore-case`) may agree in less than was typed.
        let common = if common.chars().count() < word.chars().count() { word.clone() } else { common };
        let added = common != word;
        if added {
            word.chars().for_each(|_| editor.erase_before());
            common.chars().for_each(|c| editor.insert(c));
        }
        if found.len() == 1 {
            if !open {
                editor.insert(' ');
            }
        } else if !added && (again || self.completions.all_at_once) {
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
        } else if !added {
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
