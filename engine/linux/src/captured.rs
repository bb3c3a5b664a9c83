//! A command run from outside: by the world at boot, by tests, by the parity runner; its output kept apart.
//!
//! Always: it runs as `bash -c COMMAND` does for a person, through the same shell and the same files.

use crate::cmd::Exit;
use crate::container::ContainerId;
use crate::fs::{Descriptor, OpenFlags, OpenKind};
use crate::process::ProcessId;
use crate::run::DEFAULT_PATH;
use crate::system::{Spawn, System};
use api::{MachineId, NetnsId, TtyId};
use net::Errno;
use std::collections::BTreeMap;

/// What a captured command has said so far, and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Option<Exit>,
}

/// How [`System::exec`] runs a command.
#[derive(Clone, Debug)]
pub struct ExecOptions {
    pub stdin: Vec<u8>,
    /// A terminal for all three streams; then nothing is captured.
    pub tty: Option<TtyId>,
    pub cwd: String,
    /// What is set besides or instead of the usual.
    pub environment: BTreeMap<String, String>,
    pub uid: u32,
    /// Without it the group has the user's number.
    pub gid: Option<u32>,
    /// Where it runs instead of the machine, with that container's `sh`.
    pub container: Option<ContainerId>,
    pub netns: Option<(NetnsId, Option<String>)>,
    /// Keep the output for [`System::take_output`]; else it goes to `/dev/null`.
    pub capture: bool,
}

impl Default for ExecOptions {
    fn default() -> Self {
        ExecOptions {
            stdin: Vec::new(),
            tty: None,
            cwd: "/root".to_owned(),
            environment: BTreeMap::new(),
            uid: 0,
            gid: None,
            container: None,
            netns: None,
            capture: true,
        }
    }
}

/// The environment of a process that nobody logged in for.
pub(crate) fn environment() -> BTreeMap<String, String> {
    [
        ("HOME", "/root"),
        ("LANG", "C"),
        ("LC_ALL", "C"),
        ("LOGNAME", "root"),
        ("PATH", DEFAULT_PATH),
        ("SHELL", "/bin/bash"),
        ("TERM", "dumb"),
        ("TZ", "UTC"),
        ("USER", "root"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl System {
    /// Runs `bash -c command` on a machine.
    pub fn exec(&mut self, machine: MachineId, command: &str, options: ExecOptions) -> ProcessId {
        let shell = if options.container.is_some() { "sh" } else { "bash" };
        let arguments = [&format!("/bin/{shell}"), "-c", command].map(str::to_owned).to_vec();
        let mut environment = environment();
        environment.extend(options.environment);
        let (netns, netns_name) = options.netns.unwrap_or((self.host(machine).netns, None));
        let spawn = Spawn {
            machine,
            container: options.container,
            parent: None,
            netns,
            netns_name,
            uid: options.uid,
            cwd: options.cwd,
            environment,
            arguments,
            group: None,
            tty: options.tty,
        };
        let bash = self.command(shell).expect("every world has bash");
        let id = self.spawn(bash, spawn).expect("the world itself is not limited in processes");
        self.process_mut(id).gid = options.gid.unwrap_or(options.uid);
        let capture = options.capture && options.tty.is_none();
        let output = |stream| match (options.tty, capture) {
            (Some(tty), _) => OpenKind::Tty(tty),
            (None, true) => OpenKind::Capture(id, stream),
            (None, false) => OpenKind::Device(crate::fs::Device::Null),
        };
        let input = options.tty.map_or(OpenKind::Bytes(options.stdin), OpenKind::Tty);
        let write = OpenFlags { write: true, ..OpenFlags::default() };
        for (fd, kind, flags) in [(0, input, OpenFlags::READ), (1, output(1), write), (2, output(2), write)] {
            let path = if fd == 0 { "/dev/null" } else { "/dev/pts/0" };
            let file = self.open_kind(kind, flags, path.to_owned());
            self.install(id, fd, Descriptor { file, close_on_exec: false });
        }
        if capture {
            self.captured.insert(id, Captured::default());
        }
        id
    }

    /// Starts a program as a child of process 1, with its output at the end of the file `log`.
    pub fn daemon_start(
        &mut self,
        machine: MachineId,
        path: &str,
        arguments: &[&str],
        log: &str,
    ) -> Result<ProcessId, Errno> {
        let view = self.root_view(machine);
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        let (command, arguments) = self.load(&view, path, arguments)?;
        let environment = environment();
        let spawn = Spawn { environment, arguments, ..Spawn::of_root(machine, view.netns, path) };
        let id = self.spawn(command, spawn)?;
        let null = OpenKind::Device(crate::fs::Device::Null);
        let null = self.open_kind(null, OpenFlags::READ, "/dev/null".to_owned());
        self.install(id, 0, Descriptor { file: null, close_on_exec: false });
        for fd in [1, 2] {
            let file = self.open_path(&view, log, OpenFlags::APPEND, 0o640)?;
            self.install(id, fd, Descriptor { file, close_on_exec: false });
        }
        Ok(id)
    }

    /// What a captured command has printed since the last call: stdout, stderr.
    pub fn take_output(&mut self, id: ProcessId) -> (Vec<u8>, Vec<u8>) {
        let Some(captured) = self.captured.get_mut(&id) else { return Default::default() };
        (std::mem::take(&mut captured.stdout), std::mem::take(&mut captured.stderr))
    }

    /// How a captured command ended; `None` while it runs.
    pub fn exit_of(&self, id: ProcessId) -> Option<Exit> {
        self.captured.get(&id).and_then(|captured| captured.exit)
    }

    /// Has a captured command ended, and everything that it left behind with its output open?
    pub fn output_is_closed(&self, id: ProcessId) -> bool {
        self.exit_of(id).is_some() && !self.captures(id)
    }

    /// Forgets a captured command; what it prints from now on is lost.
    pub fn forget_output(&mut self, id: ProcessId) {
        self.captured.remove(&id);
    }

    /// Steps the world until that command has ended, or `limit` has passed; how it ended.
    pub fn run_until_exit(&mut self, id: ProcessId, limit: std::time::Duration) -> Option<Exit> {
        let until = self.now() + limit;
        while self.exit_of(id).is_none() && self.step(until) {}
        self.exit_of(id)
    }

    /// Does anything still hold the output streams of that command (a child behind `&`)?
    pub fn output_is_open(&self, id: ProcessId) -> bool {
        self.open.kinds().any(|kind| matches!(kind, OpenKind::Capture(of, _) if *of == id))
    }

    /// Steps the world for as long as something is due at this very instant.
    pub fn run_until_quiet(&mut self) {
        let now = self.now();
        while self.step(now) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::{Args, Command};
    use crate::run::Start;
    use crate::sys::Sys;
    use crate::{OpenFlags, STDIN};
    use api::topology::Role;
    use std::time::Duration;

    async fn stand_in(sys: Sys, args: Args) -> Exit {
        match args.rest().get(1).map(String::as_str) {
            Some("files") => {
                sys.write_file("/tmp/a", b"one\n").await.expect("/tmp is writable");
                sys.append_file("/tmp/a", b"two\n").await.expect("it is ours");
                let fd = sys.open("/tmp/a", OpenFlags::READ).await.expect("it is there");
                while let Some(line) = sys.read_line(fd).await {
                    sys.print(format!("{line}\n")).await;
                }
                let missing = sys.read_file("/tmp/b").await.expect_err("nobody made it");
                sys.eprint(format!("b: {missing}\n")).await;
                Exit::OK
            }
            Some("stdin") => {
                let bytes = sys.read_all(STDIN).await.expect("stdin is open");
                sys.write(1, &bytes).await.expect("stdout is open");
                Exit(3)
            }
            Some("yes") => loop {
                sys.print("y\n").await;
            },
            Some("pipe") => {
                let (reader, writer) = sys.pipe().await.expect("descriptors are left");
                let files = Some(vec![(1, writer)]);
                let start = Start { files, ..Start::new(["bash", "-c", "yes"]) };
                let child = sys.spawn(start).await.expect("bash is there");
                sys.close(writer).await.expect("it is ours");
                sys.read_line(reader).await.expect("yes says something");
                sys.close(reader).await.expect("it is ours");
                sys.wait_child(child).await
            }
            Some("exec") => {
                sys.exec(Start::new(["bash", "-c", "stdin"])).await;
                Exit(9)
            }
            Some("frob") => match sys.run(["frob"], None).await {
                Ok(exit) => exit,
                Err(errno) => {
                    sys.print(errno.name()).await;
                    Exit(127)
                }
            },
            _ => {
                sys.sleep(Duration::from_secs(60)).await;
                Exit::OK
            }
        }
    }

    const STAND_IN: Command = Command {
        name: "bash",
        path: "/usr/bin/bash",
        man: "bash(1)",
        run: |sys, args| Box::pin(stand_in(sys, args)),
    };

    fn run(command: &str, stdin: &str) -> (String, String, Option<Exit>) {
        let mut system = System::new(1, [&STAND_IN]);
        let machine = system.machine_add("host", Role::Host);
        let options = ExecOptions { stdin: stdin.into(), ..ExecOptions::default() };
        let id = system.exec(machine, command, options);
        let exit = system.run_until_exit(id, Duration::from_secs(10));
        let (stdout, stderr) = system.take_output(id);
        (String::from_utf8_lossy(&stdout).into(), String::from_utf8_lossy(&stderr).into(), exit)
    }

    #[test]
    fn a_captured_command_has_files_stdin_and_an_exit_status() {
        let missing = "b: No such file or directory\n";
        assert_eq!(run("files", ""), ("one\ntwo\n".into(), missing.into(), Some(Exit::OK)));
        assert_eq!(run("stdin", "hello"), ("hello".into(), String::new(), Some(Exit(3))));
        assert_eq!(run("exec", "hello"), ("hello".into(), String::new(), Some(Exit(3))));
        assert_eq!(run("frob", "").0, "ENOENT");
        assert_eq!(run("sleep", ""), (String::new(), String::new(), None));
    }

    #[test]
    fn who_writes_to_a_pipe_that_nobody_reads_is_killed_by_sigpipe() {
        assert_eq!(run("pipe", ""), (String::new(), String::new(), Some(Exit(141))));
    }
}
