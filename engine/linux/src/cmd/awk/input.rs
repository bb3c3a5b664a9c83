//! Where awk's lines come from and where its output goes: files, commands, arguments.

use super::run::Runner;
use super::value::Value;
use crate::cmd::Exit;
use crate::cmd::input::Lines;
use crate::fs::{Fd, OpenFlags};
use crate::process::ProcessId;
use crate::run::Start;

/// Files and commands open at once.
const OPEN: usize = 100;
/// A record by an own `RS` is looked for in at most this much.
const RECORD: usize = 16 << 20;

/// A file or command that is read.
pub(super) struct Source {
    lines: Lines,
    /// For `RS` that is no newline: what has been read.
    text: Option<String>,
    child: Option<ProcessId>,
    fd: Fd,
}

/// A file or command that is written.
pub(super) struct Sink {
    fd: Fd,
    child: Option<ProcessId>,
}

impl Runner {
    /// The next record of the main input; `None` at its end.
    pub(super) async fn next_record(&mut self) -> Result<Option<String>, Exit> {
        loop {
            if self.main.is_none() && !self.next_file().await? {
                return Ok(None);
            }
            let Some(mut source) = self.main.take() else { return Ok(None) };
            let record = self.record(&mut source).await;
            if let Some(record) = record {
                self.main = Some(source);
                self.count_record();
                return Ok(Some(record));
            }
            if source.fd != 0 {
                self.sys.close(source.fd).await.ok();
            }
        }
    }

    pub(super) async fn skip_file(&mut self) {
        if let Some(source) = self.main.take()
            && source.fd != 0
        {
            self.sys.close(source.fd).await.ok();
        }
    }

    /// Opens the next operand that is a file; does the assignments before it.
    async fn next_file(&mut self) -> Result<bool, Exit> {
        loop {
            let count = self.get("ARGC").number() as usize;
            if self.argument >= count {
                if self.used_file {
                    return Ok(false);
                }
                self.used_file = true;
                self.main = Some(self.source(0, None));
                return Ok(true);
            }
            let key = self.argument.to_string();
            self.argument += 1;
            let word = self.element("ARGV", &key).text("%.6g");
            if word.is_empty() || self.assign_argument(&word) {
                continue;
            }
            self.used_file = true;
            let fd = match word.as_str() {
                "-" => 0,
                path => match self.sys.open(path, OpenFlags::READ).await {
                    Ok(fd) => fd,
                    Err(errno) => {
                        self.sys.eprint(format!("awk: cannot open {path} ({errno})\n")).await;
                        return Err(Exit(2));
                    }
                },
            };
            self.set("FILENAME", Value::Text(word));
            self.set("FNR", Value::Number(0.0));
            self.main = Some(self.source(fd, None));
            return Ok(true);
        }
    }

    fn source(&self, fd: Fd, child: Option<ProcessId>) -> Source {
        Source { lines: Lines::new(&self.sys, fd), text: None, child, fd }
    }

    /// The next record of a source, as `RS` says.
    async fn record(&mut self, source: &mut Source) -> Option<String> {
        let separator = self.get("RS").text("%.6g");
        if separator == "\n" && source.text.is_none() {
            return source.lines.next_text().await.ok().flatten().map(|(line, _)| line);
        }
        if source.text.is_none() {
            let mut text = String::new();
            while let Ok(Some((line, newline))) = source.lines.next_text().await {
                text.push_str(&line);
                if newline {
                    text.push('\n');
                }
                if text.len() > RECORD {
                    break;
                }
            }
            source.text = Some(text);
        }
        let text = source.text.take()?;
        if separator.is_empty() {
            let text = text.trim_start_matches('\n');
            if text.is_empty() {
                return None;
            }
            let end = text.find("\n\n").unwrap_or(text.len());
            let record = text[..end].trim_end_matches('\n').to_owned();
            source.text = Some(text[end..].to_owned());
            return Some(record);
        }
        if text.is_empty() {
            return None;
        }
        let (start, end) = match separator.chars().count() {
            1 => text.find(&separator).map(|at| (at, at + separator.len())),
            _ => {
                let chars: Vec<char> = text.chars().collect();
                let found = self.regex(&separator)?.find_at(&chars, 0).filter(|it| it.end > it.start);
                found.map(|found| {
                    let bytes = |to: usize| chars[..to].iter().map(|c| c.len_utf8()).sum::<usize>();
                    (bytes(found.start), bytes(found.end))
                })
            }
        }
        .unwrap_or_else(|| {
            let end = text.strip_suffix('\n').map_or(text.len(), str::len);
            (end, text.len())
        });
        let record = text[..start].to_owned();
        source.text = Some(text[end..].to_owned());
        Some(record)
    }

    /// A line of a file or of a command's output: 1 and the line, 0 at the end, -1 where it cannot be opened.
    pub(super) async fn read_from(&mut self, name: &str, command: bool) -> Result<Option<String>, ()> {
        let key = (command, name.to_owned());
        if !self.sources.contains_key(&key) {
            if self.sources.len() >= OPEN {
                return Err(());
            }
            let source = match command {
                true => {
                    let (reader, writer) = self.sys.pipe().await.map_err(drop)?;
                    self.flush().await;
                    let start = Start {
                        files: Some(vec![(0, 0), (1, writer), (2, 2)]),
                        ..Start::new(["sh", "-c", name])
                    };
                    let child = self.sys.spawn(start).await;
                    self.sys.close(writer).await.ok();
                    self.source(reader, Some(child.map_err(drop)?))
                }
                false if name == "-" => self.source(0, None),
                false => {
                    let fd = self.sys.open(name, OpenFlags::READ).await.map_err(drop)?;
                    self.source(fd, None)
                }
            };
            self.sources.insert(key.clone(), source);
        }
        let Some(mut source) = self.sources.remove(&key) else { return Err(()) };
        let record = self.record(&mut source).await;
        self.sources.insert(key, source);
        Ok(record)
    }

    /// Writes to stdout, a file or a command.
    pub(super) async fn write_to(
        &mut self,
        target: Option<(&'static str, String)>,
        text: String,
    ) -> Result<(), Exit> {
        let Some((operator, name)) = target else {
            self.out.push_str(&text);
            if self.out.len() > 4096 {
                self.flush().await;
            }
            return Ok(());
        };
        if name == "/dev/stdout" || name == "-" {
            self.out.push_str(&text);
            return Ok(());
        }
        if name == "/dev/stderr" {
            self.sys.eprint(text).await;
            return Ok(());
        }
        let key = (operator == "|", name.clone());
        if !self.sinks.contains_key(&key) {
            let sink = self.open_sink(operator, &name).await?;
            self.sinks.insert(key.clone(), sink);
        }
        let fd = self.sinks[&key].fd;
        self.sys.write(fd, text.as_bytes()).await.ok();
        Ok(())
    }

    async fn open_sink(&mut self, operator: &str, name: &str) -> Result<Sink, Exit> {
        if operator == "|" {
            self.flush().await;
            let Ok((reader, writer)) = self.sys.pipe().await else { return Err(Exit(2)) };
            let start =
                Start { files: Some(vec![(0, reader), (1, 1), (2, 2)]), ..Start::new(["sh", "-c", name]) };
            let child = self.sys.spawn(start).await;
            self.sys.close(reader).await.ok();
            return match child {
                Ok(child) => Ok(Sink { fd: writer, child: Some(child) }),
                Err(_) => Err(Exit(2)),
            };
        }
        let flags = if operator == ">>" { OpenFlags::APPEND } else { OpenFlags::WRITE };
        match self.sys.open(name, flags).await {
            Ok(fd) => Ok(Sink { fd, child: None }),
            Err(errno) => {
                self.sys.eprint(format!("awk: cannot open \"{name}\" for output ({errno})\n")).await;
                Err(Exit(2))
            }
        }
    }

    pub(super) async fn flush(&mut self) {
        if !self.out.is_empty() {
            self.sys.print(std::mem::take(&mut self.out)).await;
        }
    }

    /// `close(name)`: its status, -1 where nothing of that name is open.
    pub(super) async fn close(&mut self, name: &str) -> f64 {
        let mut status = -1.0;
        for command in [false, true] {
            let key = (command, name.to_owned());
            let child = match (self.sources.remove(&key), self.sinks.remove(&key)) {
                (Some(source), _) => Some((source.fd, source.child)),
                (_, Some(sink)) => Some((sink.fd, sink.child)),
                _ => None,
            };
            if let Some((fd, child)) = child {
                self.flush().await;
                self.sys.close(fd).await.ok();
                status = match child {
                    Some(child) => f64::from(self.sys.wait_child(child).await.0),
                    None => 0.0,
                };
            }
        }
        status
    }

    pub(super) async fn close_all(&mut self) {
        self.flush().await;
        let names: Vec<String> =
            self.sources.keys().chain(self.sinks.keys()).map(|(_, name)| name.clone()).collect();
        for name in names {
            self.close(&name).await;
        }
    }

    pub(super) async fn system(&mut self, command: &str) -> f64 {
        self.flush().await;
        match self.sys.run(["sh", "-c", command], None).await {
            Ok(exit) => f64::from(exit.0),
            Err(_) => 127.0,
        }
    }
}
