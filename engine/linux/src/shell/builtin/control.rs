//! `break`, `continue`, `return`, `exit`, `eval`, `exec`, `source`, `trap`.

use super::{Flow, Shell};
use crate::fs::OpenFlags;
use crate::run::{DEFAULT_PATH, Start};
use crate::shell::quoting::quote;
use crate::shell::syntax::Dialect;
use crate::shell::trap::{Event, SOURCED};
use crate::signal::Signal;

impl Shell {
    pub(super) async fn break_or_continue(&mut self, name: &str, args: &[String]) -> Flow {
        let count = match args.first() {
            None => 1,
            Some(text) => match text.parse::<i64>() {
                Ok(count) if count > 0 => u32::try_from(count).unwrap_or(u32::MAX),
                Ok(_) => {
                    self.status = self.builtin_error(name, format!("{text}: loop count out of range")).await;
                    return if self.loops > 0 { Flow::Break(self.loops) } else { Flow::Next };
                }
                Err(_) => {
                    self.builtin_error(name, format!("{text}: numeric argument required")).await;
                    self.status = 128;
                    return if self.interactive { Flow::Discard } else { Flow::Exit };
                }
            },
        };
        if self.loops == 0 {
            if self.dialect == Dialect::Bash {
                self.builtin_error(name, "only meaningful in a `for', `while', or `until' loop").await;
            }
            self.status = 0;
            return Flow::Next;
        }
        self.status = 0;
        let count = count.min(self.loops);
        if name == "break" { Flow::Break(count) } else { Flow::Continue(count) }
    }

    /// The number given to `exit` or `return`; `None` where it is no number.
    async fn status_argument(&mut self, name: &str, args: &[String]) -> Option<u8> {
        match args.first().filter(|arg| *arg != "--") {
            None => Some(self.status),
            Some(text) => match text.trim().parse::<i64>() {
                Ok(number) => Some(number as u8),
                Err(_) if self.dialect == Dialect::Dash => {
                    self.builtin_error(name, format!("Illegal number: {text}")).await;
                    None
                }
                Err(_) => {
                    self.builtin_error(name, format!("{text}: numeric argument required")).await;
                    None
                }
            },
        }
    }

    pub(super) async fn return_builtin(&mut self, args: &[String]) -> Flow {
        if self.frames.is_empty() {
            if self.dialect == Dialect::Dash {
                return self.exit_builtin("return", args).await;
            }
            let words = "can only `return' from a function or sourced script";
            self.builtin_error("return", words).await;
            self.status = 2;
            return Flow::Next;
        }
        self.status = self.status_argument("return", args).await.unwrap_or(2);
        Flow::Return
    }

    pub(super) async fn exit_builtin(&mut self, name: &str, args: &[String]) -> Flow {
        let top = self.interactive && self.subshell == 0;
        if name == "logout" && !self.is_login() {
            self.status = self.builtin_error(name, "not login shell: use `exit'").await;
            return Flow::Next;
        }
        if top {
            self.sys.eprint(if self.is_login() { "logout\n" } else { "exit\n" }).await;
        }
        if args.len() > 1 && args[0].trim().parse::<i64>().is_ok() {
            self.status = self.builtin_error(name, "too many arguments").await;
            return if self.interactive { Flow::Next } else { Flow::Discard };
        }
        self.update_jobs().await;
        let stopped = self.jobs.list.iter().any(|job| !job.is_over() && job.is_stopped());
        if top && stopped && !self.warned_of_jobs {
            self.sys.eprint("There are stopped jobs.\n").await;
            self.warned_of_jobs = true;
            self.status = 1;
            return Flow::Next;
        }
        self.status = self.status_argument(name, args).await.unwrap_or(2);
        Flow::Exit
    }

    pub(super) async fn eval(&mut self, args: &[String]) -> Flow {
        let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
        self.status = 0;
        let text = args.join(" ");
        self.indirection += 1;
        let flow = self.run_text(&text, "eval: ").await;
        self.indirection -= 1;
        flow
    }

    pub(super) async fn source_file(&mut self, name: &str, args: &[String]) -> Flow {
        let Some((path, arguments)) = args.split_first() else {
            if self.dialect == Dialect::Bash {
                self.builtin_error(name, "filename argument required").await;
                self.sys.eprint(format!("{name}: usage: {name} filename [arguments]\n")).await;
            }
            self.status = 2;
            return Flow::Next;
        };
        let mut found = path.clone();
        if !path.contains('/') {
            let search = self.scalar("PATH").unwrap_or_default();
            for directory in search.split(':') {
                let candidate = format!("{directory}/{path}");
                if self.sys.exists(&candidate).await {
                    found = candidate;
                    break;
                }
            }
        }
        let bytes = match self.read_whole(&found).await {
            Ok(bytes) => bytes,
            Err(errno) => {
                self.status = 1;
                if self.dialect == Dialect::Dash {
                    let words = match path.contains('/') {
                        true => format!("cannot open {path}: No such file"),
                        false => format!("{path}: not found"),
                    };
                    self.builtin_error(name, words).await;
                    self.status = 2;
                    return if self.interactive { Flow::Discard } else { Flow::Exit };
                }
                let words = match errno {
                    net::Errno::EISDIR => format!("{name}: {path}: is a directory"),
                    errno => format!("{path}: {errno}"),
                };
                self.complain_line(words).await;
                return Flow::Next;
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let positional = match arguments {
            [] => None,
            arguments => Some(std::mem::replace(&mut self.positional, arguments.to_vec())),
        };
        let (line, source) = (self.line, self.enter_frame("source", path));
        self.status = 0;
        self.indirection += 1;
        let mut flow = self.run_text(&text, SOURCED).await;
        self.indirection -= 1;
        if let Some(command) = self.traps.get(Event::Return).map(str::to_owned)
            && flow != Flow::Exit
        {
            let after = self.run_trap(Event::Return, &command).await;
            flow = if after == Flow::Next { flow } else { after };
        }
        self.leave_frame(source);
        self.line = line;
        if let Some(positional) = positional {
            self.positional = positional;
        }
        if flow == Flow::Return { Flow::Next } else { flow }
    }

    /// A file's bytes, or all that comes out of a pipe (`. <(…)`).
    async fn read_whole(&self, path: &str) -> Result<Vec<u8>, net::Errno> {
        let fd = self.sys.open(path, OpenFlags::READ).await?;
        let bytes = self.sys.read_all(fd).await;
        self.sys.close(fd).await?;
        bytes
    }

    pub(super) async fn exec(&mut self, args: &[String]) -> Flow {
        let (mut rest, mut login, mut clean, mut name) = (args, false, false, None);
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "-l" => login = true,
                "-c" => clean = true,
                "-a" => {
                    let Some((given, more)) = more.split_first() else {
                        self.builtin_error("exec", "-a: option requires an argument").await;
                        self.status = 2;
                        return Flow::Next;
                    };
                    name = Some(given.clone());
                    rest = more;
                    continue;
                }
                "--" => {
                    rest = more;
                    break;
                }
                option if option.starts_with('-') && option.len() > 1 => {
                    let usage = "exec [-cl] [-a name] [command [argument ...]] [redirection ...]";
                    self.status = self.usage("exec", option, usage).await;
                    return if self.interactive { Flow::Next } else { Flow::Exit };
                }
                _ => break,
            }
            rest = more;
        }
        let Some(word) = rest.first() else {
            self.status = 0;
            return Flow::Next;
        };
        let search = self.scalar("PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
        let path = match self.find(word, &search).await {
            Ok(path) => path,
            Err(errno) => {
                let (words, status) = match errno {
                    net::Errno::ENOENT => ("not found".to_owned(), 127),
                    errno => (errno.to_string(), 126),
                };
                match errno {
                    net::Errno::ENOENT if word.contains('/') => {
                        self.complain_line(format!("{word}: {errno}")).await;
                    }
                    _ => drop(self.builtin_error("exec", format!("{word}: {words}")).await),
                }
                self.status = status;
                return if self.interactive { Flow::Next } else { Flow::Exit };
            }
        };
        let mut arguments = rest.to_vec();
        if let Some(name) = name {
            arguments[0] = name;
        }
        if login {
            arguments[0].insert(0, '-');
        }
        let environment = if clean { Default::default() } else { self.variables.exported() };
        let start = self.start_of(path, arguments, environment).await;
        let errno = self.sys.exec(Start { group: Default::default(), ..start }).await;
        self.complain_line(format!("{word}: {errno}")).await;
        self.status = 126;
        if self.interactive { Flow::Next } else { Flow::Exit }
    }

    pub(super) async fn trap(&mut self, args: &[String]) -> u8 {
        let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
        match args.first().map(String::as_str) {
            None => return self.print_traps(&[]).await,
            Some("-p") => return self.print_traps(&args[1..]).await,
            Some("-l") => return self.list_signals().await,
            _ => {}
        }
        // `trap INT` resets, as `trap - INT` does.
        let resets = args[0] == "-" || args.len() == 1 || args[0].parse::<u8>().is_ok();
        let events = if args[0] == "-" || !resets { &args[1..] } else { args };
        let mut status = 0;
        if events.is_empty() {
            self.sys.eprint("trap: usage: trap [-lp] [[arg] signal_spec ...]\n").await;
            return 2;
        }
        for word in events {
            match Event::parse(word) {
                Some(event) => self.set_trap(event, (!resets).then(|| args[0].clone())).await,
                None => {
                    let words = match self.dialect {
                        Dialect::Bash => format!("{word}: invalid signal specification"),
                        Dialect::Dash => format!("{word}: bad trap"),
                    };
                    status = self.builtin_error("trap", words).await;
                }
            }
        }
        status
    }

    async fn print_traps(&mut self, only: &[String]) -> u8 {
        let mut text = String::new();
        for (event, command) in self.traps.all() {
            let wanted = only.is_empty() || only.iter().any(|word| Event::parse(word) == Some(*event));
            if wanted {
                let name = if self.dialect == Dialect::Dash {
                    event.name().trim_start_matches("SIG").to_owned()
                } else {
                    event.name()
                };
                text.push_str(&format!("trap -- {} {name}\n", quote(command)));
            }
        }
        self.put_out("trap", &text).await
    }

    /// `kill -l`, `trap -l`
    pub(super) async fn list_signals(&mut self) -> u8 {
        let mut text = String::new();
        let known =
            Signal::ALL.iter().map(|signal| (u32::from(signal.number()), format!("SIG{}", signal.name())));
        let real_time = (34..=64).map(|number| {
            let name = match number {
                34 => "SIGRTMIN".to_owned(),
                35..=49 => format!("SIGRTMIN+{}", number - 34),
                50..=63 => format!("SIGRTMAX-{}", 64 - number),
                _ => "SIGRTMAX".to_owned(),
            };
            (number, name)
        });
        for (index, (number, name)) in known.chain(real_time).enumerate() {
            text.push_str(&format!("{number:2}) {name}"));
            text.push(if index % 5 == 4 { '\n' } else { '\t' });
        }
        text.push('\n');
        self.put_out("kill", &text).await
    }
}
