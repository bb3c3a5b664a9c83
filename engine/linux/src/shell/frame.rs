//! Functions, and the frames of those being run: what `caller`, `FUNCNAME`, `BASH_SOURCE` and `BASH_LINENO` tell.
//!
//! Always: `return` leaves the innermost frame; outside of all it is an error.
//! Source: bash(1), "Shell Variables", "caller".

use super::Shell;
use super::syntax::{Command, Dialect};
use super::variables::Content;
use std::rc::Rc;

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub body: Rc<Command>,
    /// The file that defined it; `environment` for `bash -c`, `main` at a prompt.
    pub source: String,
}

#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The function; `source` for a file.
    pub name: String,
    pub source: String,
    /// Where it was called.
    pub line: u32,
}

impl Shell {
    /// Errors name the file from now on, where the shell is not interactive.
    pub(super) fn enter_frame(&mut self, name: &str, source: &str) -> String {
        self.frames.push(Frame { name: name.to_owned(), source: source.to_owned(), line: self.line });
        let silent = self.interactive || self.dialect == Dialect::Dash && name != "source";
        match silent {
            true => self.source.clone(),
            false => std::mem::replace(&mut self.source, source.to_owned()),
        }
    }

    pub(super) fn leave_frame(&mut self, source: String) {
        self.frames.pop();
        self.source = source;
    }

    /// What a function defined here says it comes from.
    pub(super) fn definition_source(&self) -> String {
        match self.frames.last() {
            Some(frame) => frame.source.clone(),
            None if self.command_string => "environment".to_owned(),
            None if self.interactive || self.stdin_script => "main".to_owned(),
            None => self.name.clone(),
        }
    }

    /// Name, line of the call and source of each frame, the innermost first; a script itself is `main`.
    fn all_frames(&self) -> Vec<(String, u32, String)> {
        let frames = self.frames.iter().rev().map(|it| (it.name.clone(), it.line, it.source.clone()));
        let script = !(self.command_string || self.stdin_script || self.interactive);
        let main = script.then(|| ("main".to_owned(), 0, self.name.clone()));
        frames.chain(main).collect()
    }

    /// The elements of an array that the shell keeps by itself.
    pub(super) fn kept_array(&self, name: &str) -> Option<Vec<String>> {
        Some(match name {
            "FUNCNAME" if self.frames.iter().all(|frame| frame.name == "source") => Vec::new(),
            "FUNCNAME" => self.all_frames().into_iter().map(|(name, ..)| name).collect(),
            "BASH_LINENO" => self.all_frames().into_iter().map(|(_, line, _)| line.to_string()).collect(),
            "BASH_SOURCE" => self.all_frames().into_iter().map(|(.., source)| source).collect(),
            "PIPESTATUS" => self.pipe_status.iter().map(u8::to_string).collect(),
            "GROUPS" => vec!["0".to_owned()],
            _ => return None,
        })
    }

    /// Puts the present elements of such an array where expansions look for them.
    pub(super) fn refresh(&mut self, name: &str) {
        if let Some(elements) = self.kept_array(name) {
            let elements =
                elements.into_iter().enumerate().map(|(index, text)| (index as u64, text)).collect();
            self.variables.global(name).content = Some(Content::Indexed(elements));
        }
    }

    /// `caller [N]`
    pub(super) async fn caller(&mut self, args: &[String]) -> u8 {
        let frames = self.all_frames();
        let above = match args.first() {
            None => None,
            Some(text) => match text.parse::<usize>() {
                Ok(above) => Some(above),
                Err(_) => {
                    self.complain_line(format!("caller: {text}: invalid number")).await;
                    self.sys.eprint("caller: usage: caller [expr]\n").await;
                    return 2;
                }
            },
        };
        let at = above.unwrap_or(0);
        let text = match (frames.get(at), frames.get(at + 1), above) {
            (Some((_, line, _)), outer, None) => {
                format!("{line} {}\n", outer.map_or("NULL", |(.., source)| source.as_str()))
            }
            (Some((_, line, _)), Some((name, _, source)), Some(_)) => format!("{line} {name} {source}\n"),
            _ => return 1,
        };
        self.sys.print(text).await;
        0
    }
}
