//! Reading and writing: files, and what shell commands print.
//!
//! Differs from Vim: no swap files, no backups, no question whether another has changed the file; lines end with `\n`.
//! Source: Vim's editing.txt; fileio.c, bufwrite.c for the messages.

use super::buffer::{Buffer, Line, Pos};
use super::editor::{Editor, Wish};
use crate::cmd::Exit;
use crate::cmd::input::read_file;
use crate::fs::{FileKind, OpenFlags};
use crate::run::Start;
use crate::sys::Sys;
use net::Errno;

/// What an ex command wants of files.
pub(super) enum File {
    Write {
        path: String,
        lines: Option<(usize, usize)>,
        append: bool,
        force: bool,
        quits: bool,
    },
    /// `:x` with nothing to write.
    Nothing {
        quits: bool,
    },
    /// Into which place among the lines.
    Read(String, usize),
    ReadShell(String, usize),
    Edit(String),
    /// `:w !COMMAND`
    Pipe(String, usize, usize),
}

/// Bytes as lines: of UTF-8, else of Latin-1; and whether it was that, and whether the last line was ended.
fn split(bytes: &[u8]) -> (Vec<Line>, bool, bool) {
    let text = std::str::from_utf8(bytes);
    let (text, latin1): (Vec<char>, bool) = match text {
        Ok(text) => (text.chars().collect(), false),
        Err(_) => (bytes.iter().map(|byte| char::from(*byte)).collect(), true),
    };
    let whole = text.strip_suffix(&['\n']).unwrap_or(&text);
    let ended = whole.len() < text.len() || text.is_empty();
    let lines = if text.is_empty() {
        Vec::new()
    } else {
        whole.split(|c| *c == '\n').map(<[char]>::to_vec).collect()
    };
    (lines, latin1, ended)
}

fn join(lines: &[Line], latin1: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut letter = [0; 4];
    for c in lines.iter().flat_map(|line| line.iter().copied().chain(['\n'])) {
        match u8::try_from(c) {
            Ok(byte) if latin1 => bytes.push(byte),
            _ => bytes.extend(c.encode_utf8(&mut letter).as_bytes()),
        }
    }
    bytes
}

impl Editor {
    /// Opens a file in place of the text.
    pub async fn open(&mut self, sys: &Sys, path: &str) {
        let read = read_file(sys, path).await;
        self.path = Some(path.to_owned());
        self.options.readonly = false;
        (self.cursor, self.top, self.is_new, self.latin1) = (Pos::default(), 0, false, false);
        self.buffer = Buffer::new(Vec::new());
        self.filetype(path);
        let bytes = match read {
            Ok(bytes) if bytes.len() <= super::buffer::CHARS => bytes,
            Ok(_) => return self.fail("E342: Out of memory!  (files are at most 4194304 bytes)"),
            Err(Errno::ENOENT) => {
                let folder = path
                    .rsplit_once('/')
                    .map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
                let there = sys.exists(folder).await;
                self.is_new = true;
                return self
                    .say_short(format!("\"{path}\" {}", if there { "[New]" } else { "[New DIRECTORY]" }));
            }
            Err(Errno::EISDIR) => return self.say_short(format!("\"{path}\" is a directory")),
            Err(_) => return self.say_short(format!("\"{path}\" [Permission Denied]")),
        };
        self.options.readonly = !sys.access(path, 2).await;
        let (lines, latin1, ended) = split(&bytes);
        self.latin1 = latin1;
        let mut words = format!("\"{path}\" ");
        words.push_str(if self.options.readonly { "[readonly] " } else { "" });
        words.push_str(if ended { "" } else { "[noeol] " });
        words.push_str(if latin1 { "[converted] " } else { "" });
        self.say_short(format!("{words}{}L, {}B", lines.len(), bytes.len()));
        self.buffer = Buffer::new(lines);
    }

    /// YAML has options of its own.
    fn filetype(&mut self, path: &str) {
        self.options.yaml = false;
        if !path.ends_with(".yaml") && !path.ends_with(".yml") {
            return;
        }
        if self.filetype {
            self.options.filetype_yaml();
        }
        for word in self.for_yaml.clone().iter().flat_map(|line| line.split_whitespace()) {
            if let Err(words) = self.options.set(word) {
                self.fail(words);
            }
        }
    }

    pub async fn file(&mut self, sys: &Sys, task: File) {
        match task {
            File::Edit(path) => self.open(sys, &path).await,
            File::Nothing { quits } => self.wish = quits.then_some(Wish::Over(Exit::OK)).or(self.wish),
            File::Write { path, lines, append, force, quits } => {
                if self.write(sys, &path, lines, append, force).await && quits {
                    self.wish = Some(Wish::Over(Exit::OK));
                }
            }
            File::Read(path, at) => match read_file(sys, &path).await {
                Ok(bytes) if bytes.len() <= super::buffer::CHARS => {
                    let count = self.insert_lines(&bytes, at);
                    self.say_short(format!("\"{path}\" {count}L, {}B", bytes.len()));
                }
                Err(Errno::EISDIR) => self.say_short(format!("\"{path}\" is a directory")),
                _ => self.fail(format!("E484: Can't open file {path}")),
            },
            File::ReadShell(command, at) => {
                if let Ok((bytes, _)) = output(sys, &command, &[]).await {
                    let count = self.insert_lines(&bytes, at);
                    self.report_lines(count, true);
                }
            }
            File::Pipe(command, from, to) => {
                let input = join(&self.buffer.lines()[from..=to], self.latin1);
                if let Ok((bytes, _)) = output(sys, &command, &input).await {
                    let shown = String::from_utf8_lossy(&bytes).into_owned();
                    self.pause(shown.lines().map(str::to_owned).collect());
                }
            }
        }
    }

    /// Puts what was read among the lines; how many they are.
    fn insert_lines(&mut self, bytes: &[u8], at: usize) -> usize {
        let (lines, ..) = split(bytes);
        let count = lines.len();
        self.buffer.replace(at, 0, lines);
        let at = if count > 0 { at } else { at.saturating_sub(1) }.min(self.buffer.last());
        self.cursor = Pos::new(at, self.first_nonblank(at));
        count
    }

    /// Lines through a command: `:%!sort`.
    pub async fn filter(&mut self, sys: &Sys, command: &str, from: usize, to: usize) {
        let input = join(&self.buffer.lines()[from..=to], self.latin1);
        let Ok((bytes, exit)) = output(sys, command, &input).await else {
            return self.fail(format!("E282: Cannot run {command}"));
        };
        let (lines, ..) = split(&bytes);
        let count = to - from + 1;
        self.buffer.replace(from, count, lines);
        self.cursor = Pos::new(from.min(self.buffer.last()), 0);
        if exit != Exit::OK {
            self.say(format!("shell returned {}", exit.0));
        } else if count > 2 {
            self.say(format!("{count} lines filtered"));
        }
    }

    async fn write(
        &mut self,
        sys: &Sys,
        path: &str,
        lines: Option<(usize, usize)>,
        append: bool,
        force: bool,
    ) -> bool {
        let own = self.path.as_deref() == Some(path);
        let stat = sys.stat(path).await;
        if stat.as_ref().is_ok_and(|stat| stat.kind == FileKind::Directory) {
            self.fail(format!("E17: \"{path}\" is a directory"));
            return false;
        }
        if own && self.options.readonly && !force {
            self.fail("E45: 'readonly' option is set (add ! to override)");
            return false;
        }
        let whole = lines.is_none_or(|it| it == (0, self.buffer.last()));
        if own && !whole && !append && !force {
            self.fail("E140: Use ! to write partial buffer");
            return false;
        }
        if !own && stat.is_ok() && !append && !force {
            self.fail("E13: File exists (add ! to override)");
            return false;
        }
        let (from, to) = lines.unwrap_or((0, self.buffer.last()));
        let lines_of = if self.buffer.none { &[] } else { &self.buffer.lines()[from..=to] };
        let (count, bytes) = (lines_of.len(), join(lines_of, self.latin1));
        let written = match append {
            true => sys.append_file(path, &bytes).await,
            false => sys.write_file(path, &bytes).await,
        };
        match written {
            Ok(()) => {}
            Err(Errno::ENOSPC) => {
                self.fail(format!("\"{path}\" E514: Write error (file system full?)"));
                return false;
            }
            Err(_) => {
                self.fail(format!("\"{path}\" E212: Can't open file for writing"));
                return false;
            }
        }
        let new = if stat.is_err() { "[New] " } else { "" };
        let done = if append { "appended" } else { "written" };
        if self.path.is_none() {
            self.path = Some(path.to_owned());
        }
        if self.path.as_deref() == Some(path) {
            self.is_new = false;
            if whole && !append {
                self.buffer.set_saved();
                self.options.readonly &= !force;
            }
        }
        self.say_short(format!("\"{path}\" {new}{count}L, {}B {done}", bytes.len()));
        true
    }
}

/// What a shell command prints, with errors among it, and how it ends. Its input comes from a file without a name.
async fn output(sys: &Sys, command: &str, input: &[u8]) -> Result<(Vec<u8>, Exit), Errno> {
    let (reader, writer) = sys.pipe().await?;
    let stdin = sys.open_bytes(input.to_vec()).await?;
    let files = Some(vec![(0, stdin), (1, writer), (2, writer)]);
    let child = sys.spawn(Start { files, ..Start::new(["sh", "-c", command]) }).await;
    sys.close(writer).await?;
    sys.close(stdin).await?;
    let bytes = sys.read_all(reader).await;
    sys.close(reader).await?;
    let exit = sys.wait_child(child?).await;
    Ok((bytes?, exit))
}

/// Opens the terminal's keyboard.
pub(super) async fn keyboard(sys: &Sys) -> Option<crate::fs::Fd> {
    sys.open("/dev/tty", OpenFlags::READ).await.ok()
}
