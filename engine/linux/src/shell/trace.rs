//! `set -x`: each command, expanded, on stderr before it runs; and what `BASH_COMMAND` and the DEBUG trap are told.
//!
//! Always: nothing that the trace itself expands (`PS4`) is traced.
//! Source: bash(1), "set"; the output of bash 5.2.

use super::builtin::{Argument as Given, Given as Assigned};
use super::quoting::{quote_single, quote_trace};
use super::syntax::{Assignment, Parser};
use super::trap::Event;
use super::{Flow, Shell};

impl Shell {
    /// The command that is about to run, for `BASH_COMMAND`; a trap's own commands do not count.
    pub(super) fn note(&mut self, text: String) {
        if !self.traps.is_running() {
            self.command_text = text;
        }
    }

    /// The same, and the DEBUG trap.
    pub(super) async fn before(&mut self, text: String) -> Flow {
        self.note(text);
        match self.traps.get(Event::Debug).map(str::to_owned) {
            Some(command) => self.run_trap(Event::Debug, &command).await,
            None => Flow::Next,
        }
    }

    /// `set -v`: what was read, as it was read.
    pub(super) async fn show_read(&mut self, parser: &mut Parser) {
        let text = parser.taken();
        if self.options.verbose {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            self.sys.eprint(text + end).await;
        }
    }

    pub(super) async fn trace_assignment(&mut self, assignment: &Assignment, text: Option<&str>) {
        if !self.options.xtrace {
            return;
        }
        let line = match text {
            None => assignment.source.clone(),
            Some(text) => {
                let index = assignment.index.as_ref().map(|word| format!("[{}]", word.source));
                let sign = if assignment.append { "+=" } else { "=" };
                let text = if text.is_empty() { String::new() } else { quote_trace(text) };
                format!("{}{}{sign}{text}", assignment.name, index.unwrap_or_default())
            }
        };
        self.trace_plain(&line).await;
    }

    pub(super) async fn trace(&mut self, words: &[Given]) {
        if !self.options.xtrace {
            return;
        }
        for word in words {
            if let Given::Assignment { name, append, value: Assigned::Array(elements), .. } = word {
                let element = |(index, text): &(Option<String>, String)| match index {
                    Some(index) => format!("[{}]={}", quote_single(index), quote_single(text)),
                    None => quote_single(text),
                };
                let elements: Vec<String> = elements.iter().map(element).collect();
                let sign = if *append { "+=" } else { "=" };
                self.trace_plain(&format!("{name}{sign}({})", elements.join(" "))).await;
            }
        }
        let shown = words.iter().map(|word| match word {
            Given::Assignment { name, value: Assigned::Array(_), .. } => name.clone(),
            word => quote_trace(&word.text()),
        });
        let line = shown.collect::<Vec<_>>().join(" ");
        self.trace_plain(&line).await;
        // These two assign by themselves, and show it once more.
        if matches!(words.first().map(Given::text).as_deref(), Some("export" | "readonly")) {
            for word in words {
                if let Given::Assignment { name, value: Assigned::Scalar(text), .. } = word {
                    self.trace_plain(&format!("{name}={}", quote_trace(text))).await;
                }
            }
        }
    }

    pub(super) async fn trace_plain(&mut self, text: &str) {
        if !self.options.xtrace {
            return;
        }
        let prompt = self.scalar("PS4").unwrap_or_default();
        self.options.xtrace = false;
        let prompt = self.decode_prompt(&prompt).await;
        self.options.xtrace = true;
        let first: String = prompt.chars().take(1).collect();
        self.sys.eprint(format!("{}{prompt}{text}\n", first.repeat(self.indirection))).await;
    }
}
