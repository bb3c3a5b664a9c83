//! `vi`, `vim`: edit a text file. `i` inserts, Esc ends that, `:wq` writes and quits, `:q!` quits without writing.
//!
//! Behaves as Vim 9 with Debian's settings: those of defaults.vim (scrolloff, incsearch, the indent of YAML) hold where
//! there is no ~/.vimrc.
//! Differs: no colours of syntax, windows, folds, mappings, scripts, completion, swap files; one file at a time.
//! Sources: Vim's help (index.txt and what it names); message.c and others for the words.

mod buffer;
mod command;
mod editor;
mod entry;
mod ex;
mod file;
mod insert;
mod keyboard;
mod lines;
mod motion;
mod normal;
mod object;
mod operator;
mod options;
mod screen;
mod search;
mod substitute;
#[cfg(test)]
mod tests;
mod visual;
mod window;
mod yaml;

use super::{Args, Command, Exit};
use crate::fs::{STDIN, STDOUT};
use crate::signal::Signal;
use crate::sys::Sys;
use editor::{Editor, Wish};
use ex::Task;
use keyboard::{Keyboard, Typed};
use screen::Screen;

programs! {
    VI "vi" "vi(1)" vi
    VIM "vim" "vim(1)" vi
}

/// The other screen with pastes marked, and back (xterm's smcup, rmcup and what Vim adds).
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?2004h\u{1b}[H\u{1b}[2J";
const LEAVE: &str = "\u{1b}[?2004l\u{1b}[?1049l";

/// What the command line asks for.
#[derive(Default)]
struct Given {
    path: Option<String>,
    readonly: bool,
    vimrc: Option<String>,
    commands: Vec<String>,
}

/// Vim's words for a wrong command line.
fn given(words: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut words = words.iter();
    let mut only_files = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" if !only_files => only_files = true,
            "-R" | "-M" if !only_files => given.readonly = true,
            "-n" | "-N" if !only_files => {}
            "-c" | "-u" if !only_files => match words.next() {
                Some(value) if word == "-u" => given.vimrc = Some(value.clone()),
                Some(value) => given.commands.push(value.clone()),
                None => return Err(format!("Argument missing after: \"{word}\"")),
            },
            word if word.starts_with('+') && !only_files => {
                let rest = &word[1..];
                given.commands.push(if rest.is_empty() { "$".to_owned() } else { rest.to_owned() });
            }
            word if word.starts_with('-') && word != "-" && !only_files => {
                return Err(format!("{word}: not simulated in vethlab"));
            }
            word if given.path.is_some() => {
                return Err(format!("{word}: a second file is not simulated in vethlab"));
            }
            word => given.path = Some(word.to_owned()),
        }
    }
    Ok(given)
}

async fn vi(sys: Sys, args: Args) -> Exit {
    const TITLE: &str = "VIM - Vi IMproved 9.0 (2022 Jun 28, compiled May 04 2023 10:24:44)";
    if args.rest().iter().any(|word| word == "--version") {
        sys.print(format!("{TITLE}\n")).await;
        return Exit::OK;
    }
    let given = match given(args.rest()) {
        Ok(given) => given,
        Err(words) => {
            sys.eprint(format!("{TITLE}\n{words}\nMore info with: \"vim -h\"\n")).await;
            return Exit::FAILURE;
        }
    };
    if !sys.is_tty(STDOUT).await {
        sys.eprint("Vim: Warning: Output is not to a terminal\n").await;
    }
    if !sys.is_tty(STDIN).await {
        sys.eprint("Vim: Warning: Input is not from a terminal\n").await;
    }
    let (Some((columns, rows)), Some(fd), true) =
        (sys.terminal_size().await, file::keyboard(&sys).await, sys.is_tty(STDOUT).await)
    else {
        sys.eprint("Vim: Error reading input, exiting...\nVim: Finished.\n").await;
        return Exit::FAILURE;
    };
    let editor = Editor::new(usize::from(columns), usize::from(rows));
    let keyboard = Keyboard::new(sys.clone(), fd);
    let mut session = Session { sys: &sys, editor, keyboard, screen: Screen::default() };
    session.begin(given).await;
    let exit = session.run().await;
    sys.print(format!("\u{1b}[{rows};1H\u{1b}[K{LEAVE}")).await;
    sys.raw_keys(false).await;
    exit
}

struct Session<'a> {
    sys: &'a Sys,
    editor: Editor,
    keyboard: Keyboard,
    screen: Screen,
}

impl Session<'_> {
    async fn begin(&mut self, given: Given) {
        self.sys.catch(Signal::WindowChange).await;
        self.sys.catch(Signal::Cont).await;
        self.sys.raw_keys(true).await;
        self.sys.print(ENTER).await;
        self.vimrc(given.vimrc).await;
        if let Some(path) = &given.path {
            self.editor.open(self.sys, path).await;
        }
        self.editor.options.readonly |= given.readonly;
        for command in given.commands {
            self.enter(&command).await;
        }
    }

    /// ~/.vimrc, or what Vim sets where there is none.
    async fn vimrc(&mut self, named: Option<String>) {
        let home = self.sys.env("HOME").await.unwrap_or_default();
        let path = named.unwrap_or(format!("{home}/.vimrc"));
        if path == "NONE" {
            return;
        }
        let Ok(bytes) = self.sys.read_file(&path).await else {
            self.editor.options.defaults();
            self.editor.filetype = true;
            return;
        };
        let mut wrong = Vec::new();
        for (at, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if let Err(words) = self.vimrc_line(line.trim()) {
                wrong.extend([format!("line {:>4}:", at + 1), words]);
            }
        }
        if !wrong.is_empty() {
            wrong.insert(0, format!("Error detected while processing {path}:"));
            self.editor.pause(wrong);
        }
    }

    fn vimrc_line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["filetype", rest @ ..] if rest.contains(&"indent") && rest.contains(&"on") => {
                self.editor.filetype = true
            }
            ["autocmd" | "au", "FileType", types, "setlocal" | "setl" | "set", rest @ ..] => {
                if types.split(',').any(|it| it == "yaml") {
                    self.editor.for_yaml.push(rest.join(" "));
                }
            }
            ["set" | "se" | ":set" | "setlocal", rest @ ..] => {
                // What follows a quote is a comment.
                for word in rest.iter().take_while(|word| !word.starts_with('"')) {
                    self.editor.options.set(word)?;
                }
            }
            _ if self.editor.ex(line)?.is_some() => return Err(format!("{line}: not simulated in vethlab")),
            _ => {}
        }
        Ok(())
    }

    async fn run(&mut self) -> Exit {
        loop {
            match self.editor.wish.take() {
                Some(Wish::Over(exit)) => return exit,
                Some(Wish::Suspend) => self.suspend().await,
                Some(Wish::Redraw) => self.screen.forget(),
                None => {}
            }
            match self.editor.stuffed_key() {
                Some(key) => self.editor.key(key),
                None => match self.typed().await {
                    Typed::End => return Exit::FAILURE,
                    Typed::Resized => continue,
                    Typed::Key(key) => {
                        self.editor.buffer.now = self.sys.realtime().await.as_secs();
                        self.editor.typed(key);
                    }
                },
            }
            if let Some(line) = self.editor.entered.take() {
                self.enter(&line).await;
            }
            if std::mem::take(&mut self.editor.beeps) {
                self.sys.print("\u{7}").await;
            }
        }
    }

    /// The next key; what has changed is shown before it is waited for.
    async fn typed(&mut self) -> Typed {
        if !self.keyboard.is_ahead().await {
            self.resize().await;
            let (rows, cursor) = self.editor.picture();
            let drawn = self.screen.update(rows, cursor, self.editor.columns);
            self.sys.print(drawn).await;
        }
        self.keyboard.key().await
    }

    async fn resize(&mut self) {
        if let Some((columns, rows)) = self.sys.terminal_size().await {
            (self.editor.columns, self.editor.rows) = (usize::from(columns).max(1), usize::from(rows).max(1));
        }
    }

    /// A line after `:`. What follows a command that fails is left out.
    async fn enter(&mut self, line: &str) {
        let beeped = std::mem::take(&mut self.editor.beeps);
        let mut rest = line;
        while !rest.is_empty() && !self.editor.beeps && self.editor.wish.is_none() {
            let done = self.editor.ex(rest);
            rest = done.as_ref().ok().and_then(Option::as_ref).map_or("", |(_, next)| *next);
            match done.map(|found| found.map(|(task, _)| task)) {
                Err(words) => self.editor.fail(words),
                Ok(None) => {}
                Ok(Some(Task::File(task))) => self.editor.file(self.sys, task).await,
                Ok(Some(Task::Filter(command, from, to))) => {
                    self.editor.filter(self.sys, &command, from, to).await
                }
                Ok(Some(Task::Shell(command))) => self.shell(&command).await,
            }
        }
        self.editor.beeps |= beeped;
        self.editor.settle();
    }

    /// `:!COMMAND`, on the screen that was there before.
    async fn shell(&mut self, command: &str) {
        self.sys.print(format!("{LEAVE}:!{command}\n")).await;
        self.sys.raw_keys(false).await;
        let exit = self.sys.run(["sh", "-c", command], None).await;
        self.sys.raw_keys(true).await;
        let ended = exit.map_or_else(
            |errno| format!("\n{errno}\n"),
            |exit| match exit {
                Exit(0) => String::new(),
                Exit(status) => format!("\nshell returned {status}\n"),
            },
        );
        self.sys.print(format!("{ended}\nPress ENTER or type command to continue")).await;
        if let Typed::Key(':') = self.keyboard.key().await {
            self.editor.begin_entry(':', "");
        }
        self.sys.print(ENTER).await;
        self.screen.forget();
    }

    /// Ctrl-Z: the shell goes on until `fg`.
    async fn suspend(&mut self) {
        self.sys.print(format!("\u{1b}[{};1H{LEAVE}", self.editor.rows)).await;
        self.sys.raw_keys(false).await;
        // Only what has no process group cannot be stopped.
        self.sys.kill(0, Some(Signal::TerminalStop)).await.unwrap_or_default();
        self.sys.yield_now().await;
        self.sys.raw_keys(true).await;
        self.sys.print(ENTER).await;
        self.screen.forget();
    }
}
