//! `less`, `more`: a text page by page. Source: less(1), 590; more(1), util-linux 2.38.
//!
//! Always: all input is read before the first page is shown; where stdout is no terminal they are `cat`.
//! Differs: no commands beyond moving, searching and leaving; a page is as tall as the terminal was at its start.
//! ```transcript
//! host# seq 3 | less
//! 1
//! 2
//! 3
//! ```

mod less;
mod page;

use super::getopt::{Long, Takes};
use super::input::read_file;
use super::tool::{Options, Tool};
use super::{Args, Command, Exit};
use crate::fs::{Fd, FileKind, OpenFlags, STDIN, STDOUT};
use crate::sys::Sys;
use page::Text;

pub const LESS: Command = Command {
    name: "less",
    path: "/usr/bin/less",
    man: "less(1)",
    run: |sys, args| Box::pin(pager(sys, args, &LESS_TOOL)),
};
pub const MORE: Command = Command {
    name: "more",
    path: "/usr/bin/more",
    man: "more(1)",
    run: |sys, args| Box::pin(pager(sys, args, &MORE_TOOL)),
};

const LESS_TOOL: Tool = Tool {
    name: "less",
    short: "FINRSXei",
    long: &[
        ("chop-long-lines", Takes::Nothing, 'S'),
        ("ignore-case", Takes::Nothing, 'i'),
        ("quit-if-one-screen", Takes::Nothing, 'F'),
        ("LINE-NUMBERS", Takes::Nothing, 'N'),
        ("RAW-CONTROL-CHARS", Takes::Nothing, 'R'),
        ("no-init", Takes::Nothing, 'X'),
        ("quit-at-eof", Takes::Nothing, 'e'),
    ],
    missing: "",
    usage: 1,
    package: "590",
};
const MORE_TOOL: Tool = Tool {
    name: "more",
    short: "",
    long: MORE_LONG,
    missing: "",
    usage: 1,
    package: "from util-linux 2.38.1",
};
const MORE_LONG: &[Long] = &[];

/// Keys pressed, byte by byte.
struct Keyboard {
    sys: Sys,
    fd: Fd,
    held: std::collections::VecDeque<u8>,
}

impl Keyboard {
    async fn byte(&mut self) -> Option<u8> {
        while self.held.is_empty() {
            let more = self.sys.read(self.fd, 256).await.ok().filter(|more| !more.is_empty())?;
            self.held.extend(more);
        }
        self.held.pop_front()
    }
}

async fn pager(sys: Sys, args: Args, tool: &'static Tool) -> Exit {
    // `+G` and `+/PATTERN` are commands to begin with.
    let (first, words): (Vec<String>, Vec<String>) =
        args.rest().iter().cloned().partition(|word| word.starts_with('+') && word.len() > 1);
    let options = match tool.options_of(&sys, args.name(), &words).await {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let Some(files) = read(&sys, tool, &options).await else { return Exit::FAILURE };
    let size = sys.terminal_size().await;
    let keyboard = sys.open("/dev/tty", OpenFlags::READ).await;
    let (Some((columns, rows)), Ok(fd), true) = (size, keyboard, sys.is_tty(STDOUT).await) else {
        for (_, bytes) in files {
            sys.write(STDOUT, &bytes).await.ok();
        }
        return Exit::OK;
    };
    let keyboard = Keyboard { sys: sys.clone(), fd, held: Default::default() };
    let text = Text::new(&files, usize::from(columns).max(2), usize::from(rows).max(2), &options);
    sys.raw_keys(true).await;
    match tool.name {
        "more" => page::more(&sys, keyboard, text).await,
        _ => less::less(&sys, keyboard, text, &options, first).await,
    }
    sys.raw_keys(false).await;
    Exit::OK
}

/// The files, or stdin; what cannot be read has been told, and `None` where nothing is left.
async fn read(sys: &Sys, tool: &Tool, options: &Options) -> Option<Vec<(String, Vec<u8>)>> {
    if options.operands.is_empty() {
        if sys.is_tty(STDIN).await {
            let words = match tool.name {
                "more" => "more: bad usage\nTry 'more --help' for more information.\n",
                _ => "Missing filename (\"less --help\" for help)\n",
            };
            sys.eprint(words).await;
            return None;
        }
        return Some(vec![(String::new(), sys.read_all(STDIN).await.unwrap_or_default())]);
    }
    let mut files = Vec::new();
    for path in &options.operands {
        let directory = sys.stat(path).await.is_ok_and(|stat| stat.kind == FileKind::Directory);
        let words = match (directory, tool.name, read_file(sys, path).await) {
            (true, "more", _) => format!("\n*** {path}: directory ***\n\n"),
            (true, ..) => format!("{path} is a directory\n"),
            (_, "more", Err(errno)) => format!("more: cannot open {path}: {errno}\n"),
            (_, _, Err(errno)) => format!("{path}: {errno}\n"),
            (_, _, Ok(bytes)) => {
                files.push((path.clone(), bytes));
                continue;
            }
        };
        sys.eprint(words).await;
    }
    (!files.is_empty()).then_some(files)
}

#[cfg(test)]
mod tests {
    use crate::System;
    use api::TtyId;
    use api::topology::Role;

    /// What the screen is told after those keys.
    fn typed(system: &mut System, keys: &str) -> String {
        system.tty_input(TtyId(1), keys.as_bytes());
        system.run_until_quiet();
        let printed = system.take_tty_output().into_iter().flat_map(|(_, bytes)| bytes).collect();
        String::from_utf8(printed).expect("text")
    }

    fn terminal() -> System {
        let mut system = System::new(1, crate::cmd::ALL.iter().copied());
        let host = system.machine_add("host", Role::Host);
        system.tty_open(host, TtyId(1), 20, 6);
        typed(&mut system, "seq 100 > f\r");
        system
    }

    #[test]
    fn less_turns_pages_finds_and_quits() {
        let mut system = terminal();
        let first = typed(&mut system, "less f\r");
        assert!(first.contains("\r\n5\r\n") && !first.contains("\r\n6\r\n"), "{first:?}");
        assert!(typed(&mut system, " ").contains("\u{1b}[H\u{1b}[2J6\r\n7\r\n"));
        assert!(typed(&mut system, "/42\r").contains("\u{1b}[7m42\u{1b}[27m\r\n43\r\n"));
        assert!(typed(&mut system, "/nothing\r").contains("Pattern not found"));
        assert!(typed(&mut system, "G").contains("(END)"));
        assert!(typed(&mut system, "q").contains("\u{1b}[?1049l"));
        assert!(typed(&mut system, "echo over\r").contains("\r\nover\r\n"));
    }

    #[test]
    fn more_goes_on_page_by_page_and_line_by_line() {
        let mut system = terminal();
        assert!(typed(&mut system, "more f\r").contains("5\r\n\u{1b}[7m--More--(5%)"));
        let line = typed(&mut system, "\r");
        assert!(line.contains("6\r\n") && !line.contains("7\r\n"), "{line:?}");
        assert!(typed(&mut system, " ").contains("11\r\n"));
        assert!(!typed(&mut system, "q").contains("12"));
    }
}
