//! A terminal: the line discipline between what a learner types and what programs read and write.
//!
//! Always: input is echoed, edited and turned into signals as stty(1) `sane` says, unless the shell's line editor
//! took the terminal raw; at most [`INPUT_BYTES`] wait to be read, the rest is dropped.
//! Differs from Linux: no flow control (^S, ^Q), no parity, one column per character is assumed when erasing.
//! Source: termios(3).

use crate::cmd::Exit;
use crate::container::ContainerId;
use crate::fs::{Descriptor, Fd, OpenFlags, OpenKind};
use crate::process::ProcessId;
use crate::signal::Signal;
use crate::sys::{Sys, Syscall};
use crate::system::{Spawn, System};
use crate::waiting::WaitOn;
use api::{MachineId, TtyId};
use net::Errno;
use std::collections::{BTreeMap, VecDeque};

/// Bytes typed that no program has read yet.
const INPUT_BYTES: usize = 64 * 1024;
/// Bytes printed that the page has not fetched; the oldest go first.
const OUTPUT_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug)]
struct Terminal {
    columns: u16,
    rows: u16,
    /// The shell reads key by key.
    raw: bool,
    /// The line that is being typed, not yet given to a program.
    editing: Vec<u8>,
    input: VecDeque<u8>,
    /// ^D at the start of a line: the next read finds the end.
    ended: bool,
    output: Vec<u8>,
    /// The shell that was started with it.
    session: ProcessId,
    /// The process group that the keyboard belongs to.
    foreground: ProcessId,
    /// The shell waits at its prompt.
    prompts: bool,
    /// It belongs to a session of sshd: not shown itself, but typed on from that terminal of the page.
    typed_from: Option<TtyId>,
    /// What is printed on it goes to the log of that container.
    log: Option<ContainerId>,
}

/// Terminals of servers have ids from here on; the page's are below.
const REMOTE: u32 = 1 << 20;

/// All terminals of a world, and what the page is to be told of them.
#[derive(Debug, Default)]
pub(crate) struct Terminals {
    open: BTreeMap<TtyId, Terminal>,
    entered: Vec<(TtyId, String)>,
    lab: Vec<(TtyId, Vec<String>)>,
    next_remote: u32,
}

/// What the page does with terminals.
impl System {
    /// A login shell of root in a new terminal.
    pub fn tty_open(&mut self, machine: MachineId, tty: TtyId, columns: u16, rows: u16) {
        let mut environment = crate::captured::environment();
        environment.insert("TERM".to_owned(), "xterm-256color".to_owned());
        let of_root = Spawn::of_root(machine, self.host(machine).netns, "-bash");
        let spawn = Spawn { cwd: "/root".to_owned(), environment, tty: Some(tty), ..of_root };
        let bash = self.command("bash").expect("every world has bash");
        let session = self.spawn(bash, spawn).expect("the world itself is not limited in processes");
        for fd in 0..3 {
            let flags = OpenFlags { read: true, write: true, ..OpenFlags::default() };
            let file = self.open_kind(OpenKind::Tty(tty), flags, format!("/dev/pts/{}", tty_number(tty)));
            self.install(session, fd, Descriptor { file, close_on_exec: false });
        }
        self.terminals.open.insert(tty, Terminal::new(columns, rows, session, None));
    }

    /// Keys were pressed.
    pub fn tty_input(&mut self, tty: TtyId, bytes: &[u8]) {
        for byte in bytes {
            let Some(terminal) = self.terminals.open.get_mut(&tty) else { return };
            if terminal.raw {
                if terminal.input.len() < INPUT_BYTES {
                    terminal.input.push_back(*byte);
                }
            } else if let Some(signal) = terminal.cook(*byte) {
                let group = terminal.foreground;
                self.signal_group(group, signal);
            }
        }
        self.wake(WaitOn::Tty(tty));
        self.tty_printed(tty);
    }

    /// Something was printed: whoever shows it is told, or it goes to a log.
    fn tty_printed(&mut self, tty: TtyId) {
        self.wake(WaitOn::TtyOutput(tty));
        let Some(terminal) = self.terminals.open.get_mut(&tty) else { return };
        if let Some(container) = terminal.log {
            let printed = std::mem::take(&mut terminal.output);
            self.container_print(container, 1, &printed);
        }
    }

    pub fn tty_resize(&mut self, tty: TtyId, columns: u16, rows: u16) {
        if let Some(terminal) = self.terminals.open.get_mut(&tty) {
            (terminal.columns, terminal.rows) = (columns.max(1), rows.max(1));
            let group = terminal.foreground;
            self.signal_group(group, Signal::WindowChange);
        }
    }

    /// The window is closed: its processes hang up.
    pub fn tty_close(&mut self, tty: TtyId) {
        if self.terminals.open.remove(&tty).is_some() {
            let of_it = |system: &System| -> Vec<ProcessId> {
                let members = system.processes().filter(|it| it.tty == Some(tty) && it.exit.is_none());
                members.map(|process| process.id).collect()
            };
            for id in of_it(self) {
                self.signal(id, Signal::Hup);
            }
            for id in of_it(self) {
                self.end(id, Exit(129));
            }
        }
    }

    /// What was printed since last asked.
    pub fn take_tty_output(&mut self) -> Vec<(TtyId, Vec<u8>)> {
        let shown = |(tty, terminal): &(&TtyId, &mut Terminal)| tty.0 < REMOTE && !terminal.output.is_empty();
        let printed = self.terminals.open.iter_mut().filter(shown);
        printed.map(|(tty, terminal)| (*tty, std::mem::take(&mut terminal.output))).collect()
    }

    /// Terminals whose shell has ended, since last asked.
    pub fn take_closed_ttys(&mut self) -> Vec<TtyId> {
        let ended = |it: &Terminal| self.find_process(it.session).is_none_or(|shell| shell.exit.is_some());
        let gone = |(tty, it): (&TtyId, &Terminal)| {
            (tty.0 < REMOTE && it.output.is_empty() && ended(it)).then_some(*tty)
        };
        let closed: Vec<TtyId> = self.terminals.open.iter().filter_map(gone).collect();
        for tty in &closed {
            self.terminals.open.remove(tty);
        }
        closed
    }

    /// Commands entered at a prompt since last asked.
    pub fn take_entered_lines(&mut self) -> Vec<(TtyId, String)> {
        std::mem::take(&mut self.terminals.entered)
    }

    /// Words that `lab` handed to the page since last asked.
    pub fn take_lab_commands(&mut self) -> Vec<(TtyId, Vec<String>)> {
        std::mem::take(&mut self.terminals.lab)
    }

    /// No process is about to run, and every terminal's shell waits at its prompt with nothing to read.
    pub fn is_idle(&self) -> bool {
        self.nobody_is_ready() && self.terminals.open.values().all(|it| it.prompts && it.input.is_empty())
    }
}

impl Terminal {
    fn new(columns: u16, rows: u16, session: ProcessId, typed_from: Option<TtyId>) -> Terminal {
        Terminal {
            columns: columns.max(1),
            rows: rows.max(1),
            raw: false,
            editing: Vec::new(),
            input: VecDeque::new(),
            ended: false,
            output: Vec::new(),
            session,
            foreground: session,
            prompts: false,
            typed_from,
            log: None,
        }
    }

    /// One key in cooked mode; a signal is for the foreground.
    fn cook(&mut self, byte: u8) -> Option<Signal> {
        match byte {
            3 | 26 | 28 => {
                self.echo(&[b'^', byte + 64]);
                self.editing.clear();
                self.input.clear();
                return Some(match byte {
                    3 => Signal::Int,
                    26 => Signal::TerminalStop,
                    _ => Signal::Quit,
                });
            }
            4 if self.editing.is_empty() => self.ended = true,
            4 => self.input.extend(self.editing.drain(..)),
            b'\r' | b'\n' => {
                self.echo(b"\n");
                self.editing.push(b'\n');
                self.input.extend(self.editing.drain(..));
            }
            8 | 127 => self.erase(1),
            21 => self.erase(usize::MAX),
            23 => {
                let blanks = self.editing.iter().rev().take_while(|byte| **byte == b' ').count();
                let word = self.editing.iter().rev().skip(blanks).take_while(|byte| **byte != b' ').count();
                self.erase(blanks + word);
            }
            _ if self.editing.len() + self.input.len() >= INPUT_BYTES => {}
            9 | 32.. => {
                self.editing.push(byte);
                self.echo(&[byte]);
            }
            control => {
                self.editing.push(control);
                self.echo(&[b'^', control + 64]);
            }
        }
        None
    }

    /// Takes so many characters of the line back.
    fn erase(&mut self, count: usize) {
        for _ in 0..count {
            // The bytes that continue a character in UTF-8 go with it.
            while self.editing.last().is_some_and(|byte| byte & 0xc0 == 0x80) {
                self.editing.pop();
            }
            match self.editing.pop() {
                Some(_) => self.echo(b"\x08 \x08"),
                None => return,
            }
        }
    }

    fn echo(&mut self, bytes: &[u8]) {
        if self.output.len() > OUTPUT_BYTES {
            self.output.drain(..OUTPUT_BYTES / 2);
        }
        for byte in bytes {
            if *byte == b'\n' && self.output.last() != Some(&b'\r') {
                self.output.push(b'\r');
            }
            self.output.push(*byte);
        }
    }
}

/// What programs do with terminals.
impl System {
    /// Who gets the keyboard and its signals: a job's group, or again the group of the shell that asks.
    pub(crate) fn tty_foreground(&mut self, shell: ProcessId, group: Option<ProcessId>) {
        let own = self.process(shell).group;
        let tty = self.process(shell).tty;
        if let Some(terminal) = tty.and_then(|tty| self.terminals.open.get_mut(&tty)) {
            terminal.foreground = group.unwrap_or(own);
        }
    }

    /// A program of another group than the foreground's is stopped when it reads (SIGTTIN).
    pub(crate) fn tty_read(&mut self, tty: TtyId, who: ProcessId, max: usize) -> Result<Vec<u8>, Errno> {
        let group = self.process(who).group;
        let Some(terminal) = self.terminals.open.get_mut(&tty) else { return Ok(Vec::new()) };
        if group != terminal.foreground && who != terminal.session {
            self.signal(who, Signal::TtyIn);
            return Err(Errno::EAGAIN);
        }
        if terminal.input.is_empty() {
            return if std::mem::take(&mut terminal.ended) { Ok(Vec::new()) } else { Err(Errno::EAGAIN) };
        }
        let line = match terminal.raw {
            true => terminal.input.len(),
            false => terminal
                .input
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(terminal.input.len(), |at| at + 1),
        };
        Ok(terminal.input.drain(..line.min(max)).collect())
    }

    pub(crate) fn tty_has_input(&self, tty: TtyId) -> bool {
        self.terminals.open.get(&tty).is_none_or(|terminal| terminal.ended || !terminal.input.is_empty())
    }

    pub(crate) fn tty_write(&mut self, tty: TtyId, _who: ProcessId, bytes: &[u8]) -> Result<usize, Errno> {
        let terminal = self.terminals.open.get_mut(&tty).ok_or(Errno::EIO)?;
        terminal.echo(bytes);
        self.tty_printed(tty);
        Ok(bytes.len())
    }

    /// The line editor begins or ends: in between, keys come as they are.
    fn tty_raw(&mut self, id: ProcessId, raw: bool) {
        let Some(tty) = self.process(id).tty else { return };
        let Some(terminal) = self.terminals.open.get_mut(&tty) else { return };
        terminal.raw = raw;
        terminal.prompts = raw;
        if !raw {
            // What was typed ahead is for the command that runs now.
            let ahead: Vec<u8> = terminal.input.drain(..).collect();
            self.tty_input(tty, &ahead);
        }
    }

    /// Hands the words of `lab` to the page; false where the process has no terminal.
    pub(crate) fn lab_command(&mut self, id: ProcessId, words: Vec<String>) -> bool {
        let tty = self.process(id).tty.map(|tty| self.page_terminal(tty));
        self.terminals.lab.extend(tty.map(|tty| (tty, words)));
        tty.is_some()
    }
}

/// Terminals of servers: sshd, the kubelet, a container runtime.
impl System {
    /// The terminal of a container's process 1.
    pub(crate) fn pty_of_container(&mut self, process: ProcessId, container: ContainerId) -> TtyId {
        let tty = self.pty_open(process, 80, 24, REMOTE);
        if let Some(terminal) = self.terminals.open.get_mut(&tty) {
            terminal.log = Some(container);
        }
        self.pty_give(tty, process);
        tty
    }

    /// Nothing is on it any more.
    pub(crate) fn pty_forget(&mut self, tty: TtyId) {
        self.terminals.open.remove(&tty);
    }

    /// A new terminal for a session, and nobody on it yet.
    pub(crate) fn pty_open(&mut self, server: ProcessId, columns: u16, rows: u16, typed_from: u32) -> TtyId {
        let tty = TtyId(REMOTE + self.terminals.next_remote);
        self.terminals.next_remote += 1;
        let typed_from = Some(TtyId(typed_from)).filter(|tty| tty.0 < REMOTE);
        self.terminals.open.insert(tty, Terminal::new(columns, rows, server, typed_from));
        tty
    }

    /// A descriptor of that terminal for its server, to hand on.
    pub(crate) fn pty_fd(&mut self, server: ProcessId, tty: TtyId) -> Result<Fd, Errno> {
        let fd = self.free_fd(server, 0)?;
        let flags = OpenFlags { read: true, write: true, ..OpenFlags::default() };
        let file = self.open_kind(OpenKind::Tty(tty), flags, format!("/dev/pts/{}", tty_number(tty)));
        self.install(server, fd, Descriptor { file, close_on_exec: false });
        Ok(fd)
    }

    /// The session's first process takes the terminal over.
    pub(crate) fn pty_give(&mut self, tty: TtyId, session: ProcessId) {
        self.process_mut(session).tty = Some(tty);
        let foreground = self.process(session).group;
        if let Some(terminal) = self.terminals.open.get_mut(&tty) {
            (terminal.session, terminal.foreground) = (session, foreground);
        }
    }

    /// What was printed since last asked.
    pub(crate) fn pty_output(&mut self, tty: TtyId) -> Vec<u8> {
        self.terminals.open.get_mut(&tty).map(|it| std::mem::take(&mut it.output)).unwrap_or_default()
    }

    /// The page's terminal behind that one.
    fn page_terminal(&self, tty: TtyId) -> TtyId {
        self.terminals.open.get(&tty).and_then(|it| it.typed_from).unwrap_or(tty)
    }

    /// The number of the page's terminal that a process is typed on from; [`REMOTE`] where there is none.
    pub(crate) fn typed_on(&self, id: ProcessId) -> u32 {
        self.process(id).tty.map_or(REMOTE, |tty| self.page_terminal(tty).0)
    }
}

/// N of `/dev/pts/N`.
pub(crate) fn tty_number(tty: TtyId) -> u32 {
    tty.0 % REMOTE
}

impl Sys {
    /// Columns and rows of the terminal this process belongs to.
    pub fn terminal_size(&self) -> Syscall<Option<(u16, u16)>> {
        self.ask(|system, id| {
            let terminal = system.terminals.open.get(&system.process(id).tty?)?;
            Some((terminal.columns, terminal.rows))
        })
    }

    /// Keys come one by one, unechoed, to a program that is not the shell; or as lines again.
    pub(crate) fn raw_keys(&self, raw: bool) -> Syscall<()> {
        self.ask(move |system, id| {
            let tty = system.process(id).tty;
            if let Some(terminal) = tty.and_then(|tty| system.terminals.open.get_mut(&tty)) {
                terminal.raw = raw;
            }
        })
    }

    /// Every key comes as it is, for a program at the other end; or as lines again.
    pub fn raw_terminal(&self, raw: bool) -> Syscall<()> {
        self.ask(move |system, id| system.tty_raw(id, raw))
    }

    /// The number by which a server that this program reaches knows the page's terminal.
    pub fn typed_on(&self) -> Syscall<u32> {
        self.ask(|system, id| system.typed_on(id))
    }

    /// A command was entered at the prompt.
    pub(crate) fn tell_entered(&self, line: String) -> Syscall<()> {
        self.ask(move |system, id| {
            let tty = system.process(id).tty.map(|tty| system.page_terminal(tty));
            system.terminals.entered.extend(tty.map(|tty| (tty, line)));
        })
    }
}
