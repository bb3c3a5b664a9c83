//! The host of a recording, played by our engine: one machine, commands as root, fixtures as processes on it.
//!
//! Always: a fresh world for each recording, with the files and sysctls that the recorder's host starts with.
//! Differs from the recorder: a command takes no time of its own unless it waits.

use super::golden::FixtureLine;
use super::machine::{Job, Machine, Outcome};
use api::topology::Role;
use api::{MachineId, NetnsId};
use linux::daemon::Fixture;
use linux::{ExecOptions, ProcessId, Signal, Spawn, Sys, System};
use net::Errno;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

const SEED: u64 = 1;
/// Before the first step the host has been up for a while.
const UP: Duration = Duration::from_secs(2);

const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LC_ALL", "C"),
    ("LANG", "C"),
    ("TZ", "UTC"),
    ("USER", "root"),
    ("LOGNAME", "root"),
    ("TERM", "dumb"),
    ("SHELL", "/bin/bash"),
];

const FILES: &[(&str, &str)] = &[
    ("/etc/hosts", "127.0.0.1\tlocalhost\n127.0.1.1\thost\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    ("/etc/resolv.conf", ""),
    (
        "/etc/nsswitch.conf",
        "passwd:         files\ngroup:          files\nshadow:         files\nhosts:          files dns\n\
         networks:       files\nprotocols:      files\nservices:       files\n",
    ),
    ("/etc/hostname", "host\n"),
];

const SET_UP: &str = "mkdir -p /etc/cni/net.d /run/netns; ip link set lo up; sysctl -qw net.ipv4.ip_forward=0 \
     net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.bridge.bridge-nf-call-iptables=1";

pub struct Host {
    system: System,
    machine: MachineId,
    jobs: Vec<Running>,
    fixtures: BTreeMap<String, ProcessId>,
}

#[derive(Default)]
struct Running {
    id: Option<ProcessId>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Host {
    /// A fresh one; what keeps it from being set up is printed and shows in the steps.
    pub fn new() -> Host {
        let mut host = Host::bare();
        for (path, text) in FILES {
            if let Err(why) = host.write(path, text.as_bytes().to_vec(), None) {
                eprintln!("setting up the host: {path}: {why}");
            }
        }
        if let Ok(job) = host.start(SET_UP, None) {
            host.wait(job, UP);
            let outcome = host.take(job);
            eprint!("{}", String::from_utf8_lossy(&outcome.stderr));
        }
        host.advance(UP);
        host
    }

    fn bare() -> Host {
        let plugins = container::cni::COMMANDS.iter().copied().filter(|it| it.name != "cni-flannel");
        let mut system = System::new(SEED, linux::cmd::ALL.iter().copied().chain(plugins));
        let machine = system.machine_add("host", Role::Host);
        Host { system, machine, jobs: Vec::new(), fixtures: BTreeMap::new() }
    }

    fn netns(&self, name: &str) -> Result<Option<(NetnsId, String)>, String> {
        if matches!(name, "" | "-") {
            return Ok(None);
        }
        let netns = self.system.netns_named(self.machine, name).ok_or(format!("no namespace {name}"))?;
        Ok(Some((netns, name.to_owned())))
    }

    /// Writes a file with the folders above it, as root.
    fn write(&mut self, path: &str, bytes: Vec<u8>, mode: Option<u16>) -> Result<(), String> {
        let result = Rc::new(Cell::new(None));
        let (answer, target) = (Rc::clone(&result), path.to_owned());
        let spawn = Spawn {
            machine: self.machine,
            container: None,
            parent: None,
            netns: self.system.host(self.machine).netns,
            netns_name: None,
            uid: 0,
            cwd: "/".to_owned(),
            environment: BTreeMap::new(),
            arguments: vec!["record.py".to_owned()],
            group: None,
            tty: None,
        };
        let program = move |sys: Sys| async move {
            answer.set(Some(write(&sys, &target, &bytes, mode).await));
            linux::Exit::OK
        };
        let started = self.system.spawn_program(spawn, |sys| Box::pin(program(sys)));
        started.map_err(|errno| errno.to_string())?;
        let now = self.system.now();
        while result.get().is_none() && self.system.step(now) {}
        result.get().unwrap_or(Err(Errno::EAGAIN)).map_err(|errno| errno.to_string())
    }

    fn drain(&mut self, job: Job) -> &mut Running {
        let running = &mut self.jobs[job.0 as usize];
        if let Some(id) = running.id {
            let (stdout, stderr) = self.system.take_output(id);
            running.stdout.extend(stdout);
            running.stderr.extend(stderr);
        }
        running
    }

    fn is_over(&self, job: Job) -> bool {
        self.jobs[job.0 as usize].id.is_none_or(|id| self.system.output_is_closed(id))
    }
}

impl Default for Host {
    fn default() -> Self {
        Host::new()
    }
}

fn options() -> ExecOptions {
    let environment = ENVIRONMENT.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    ExecOptions { environment, ..ExecOptions::default() }
}

async fn write(sys: &Sys, path: &str, bytes: &[u8], mode: Option<u16>) -> Result<(), Errno> {
    for (end, _) in path.match_indices('/').skip(1) {
        match sys.mkdir(&path[..end], 0o755).await {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    sys.write_file(path, bytes).await?;
    match mode {
        Some(mode) => sys.chmod(path, mode).await,
        None => Ok(()),
    }
}

impl Machine for Host {
    fn start(&mut self, command: &str, tty: Option<(u16, u16)>) -> Result<Job, String> {
        if tty.is_some() {
            return Err("no terminal in this runner yet\n".to_owned());
        }
        let id = self.system.exec(self.machine, command, options());
        self.jobs.push(Running { id: Some(id), ..Running::default() });
        Ok(Job(self.jobs.len() as u32 - 1))
    }

    fn wait(&mut self, job: Job, limit: Duration) -> bool {
        let until = self.system.now() + limit;
        while !self.is_over(job) && self.system.step(until) {}
        self.is_over(job)
    }

    fn has_ended(&self, job: Job) -> bool {
        self.jobs[job.0 as usize].id.is_none_or(|id| self.system.exit_of(id).is_some())
    }

    fn stderr(&mut self, job: Job) -> &[u8] {
        &self.drain(job).stderr
    }

    fn signal(&mut self, job: Job, name: &str) -> Result<(), String> {
        let signal = Signal::parse(name).ok_or(format!("no signal {name}\n"))?;
        if let Some(id) = self.jobs[job.0 as usize].id {
            self.system.signal_group(id, signal);
        }
        Ok(())
    }

    fn take(&mut self, job: Job) -> Outcome {
        let running = std::mem::take(self.drain(job));
        let exit = running.id.and_then(|id| self.system.exit_of(id));
        if let Some(id) = running.id {
            self.system.forget_output(id);
        }
        let code = exit.map_or(-1, |exit| i32::from(exit.0));
        Outcome { stdout: running.stdout, stderr: running.stderr, code }
    }

    fn advance(&mut self, time: Duration) {
        let until = self.system.now() + time;
        while self.system.step(until) {}
    }

    fn fixture_start(&mut self, fixture: &FixtureLine) -> Result<(), String> {
        if fixture.kind == "file" {
            let text = if fixture.has_payload { fixture.payload.join("\n") + "\n" } else { String::new() };
            let mode = fixture.options.get("mode").and_then(|mode| u16::from_str_radix(mode, 8).ok());
            return self.write(&fixture.id, text.into_bytes(), mode);
        }
        let words = fixture.options.iter().filter(|(name, _)| *name != "ns");
        let words: Vec<_> = words.map(|(name, value)| format!("{name}={value}")).collect();
        let netns = self.netns(fixture.options.get("ns").map_or("", String::as_str))?;
        let server = Fixture::parse(&fixture.kind, &fixture.id, &words, &fixture.payload)?;
        let id = self.system.fixture_start(self.machine, netns, server).map_err(|errno| errno.to_string())?;
        // The recorder goes on once it listens.
        self.advance(Duration::from_millis(50));
        if self.system.find_process(id).is_none_or(|process| process.exit.is_some()) {
            return Err("it ended at once".to_owned());
        }
        self.fixtures.insert(fixture.id.clone(), id);
        Ok(())
    }

    fn fixture_stop(&mut self, id: &str) -> Result<(), String> {
        let process = self.fixtures.remove(id).ok_or(format!("{id} does not run"))?;
        self.system.signal_group(process, Signal::Kill);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_with_its_folders_and_mode() {
        let mut host = Host::bare();
        let write =
            |host: &mut Host, text: &str| host.write("/opt/a/b", text.as_bytes().to_vec(), Some(0o755));
        assert_eq!(write(&mut host, "one\n"), Ok(()));
        assert_eq!(write(&mut host, "two\n"), Ok(()));
        assert!(host.write("/opt/a/b/c", vec![], None).is_err());
    }
}
