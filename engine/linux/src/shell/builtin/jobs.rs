//! `jobs`, `fg`, `bg`, `wait`, `kill`, `disown`.

use super::{Flow, Shell};
use crate::process::ProcessId;
use crate::shell::syntax::Dialect;
use crate::signal::Signal;
use crate::system::ChildState;

impl Shell {
    pub(super) async fn jobs_builtin(&mut self, args: &[String]) -> u8 {
        let (mut long, mut pids, mut running, mut stopped) = (false, false, false, false);
        let mut chosen = Vec::new();
        for arg in args {
            match arg.as_str() {
                "-l" => long = true,
                "-p" => pids = true,
                "-r" => running = true,
                "-s" => stopped = true,
                option if option.starts_with('-') => {
                    let usage = "jobs [-lnprs] [jobspec ...] or jobs -x command [args]";
                    return self.usage("jobs", option, usage).await;
                }
                spec => match self.jobs.find(spec) {
                    Some(number) => chosen.push(number),
                    None => return self.builtin_error("jobs", format!("{spec}: no such job")).await,
                },
            }
        }
        self.update_jobs().await;
        let list: Vec<_> = self.jobs.list.iter().filter(|job| !job.foreground).cloned().collect();
        let mut text = String::new();
        for job in &list {
            let state = job.state();
            let wanted = (chosen.is_empty() || chosen.contains(&job.number))
                && (!running || state == ChildState::Running)
                && (!stopped || matches!(state, ChildState::Stopped(_)));
            if wanted && pids {
                text.push_str(&format!("{}\n", job.members.first().map_or(0, |member| member.pid)));
            } else if wanted {
                text.push_str(&self.jobs.line(job, long));
            }
        }
        for job in list {
            if job.is_over() {
                self.jobs.remove(job.number);
            } else if let Some(job) = self.jobs.get(job.number) {
                job.told = true;
            }
        }
        self.put_out("jobs", &text).await
    }

    pub(super) async fn fg_or_bg(&mut self, name: &str, args: &[String]) -> Flow {
        if !self.options.monitor {
            self.status = self.builtin_error(name, "no job control").await;
            return Flow::Next;
        }
        self.update_jobs().await;
        let spec = args.first().map_or("%+", String::as_str);
        let found = self.jobs.find(spec).and_then(|number| self.jobs.get(number).cloned());
        let Some(job) = found.filter(|job| !job.is_over()) else {
            let shown = args.first().map_or("current", String::as_str);
            self.status = self.builtin_error(name, format!("{shown}: no such job")).await;
            return Flow::Next;
        };
        let stopped = job.is_stopped();
        if name == "bg" && !stopped {
            self.builtin_error("bg", format!("job {} already in background", job.number)).await;
            self.status = 0;
            return Flow::Next;
        }
        match name {
            "fg" => self.sys.print(format!("{}\n", job.text)).await,
            _ => {
                let line = self.jobs.line(&job, false);
                let mark = line.chars().nth(format!("[{}]", job.number).len()).unwrap_or(' ');
                self.sys.print(format!("[{}]{mark} {} &\n", job.number, job.text)).await;
            }
        }
        if let Some(job) = self.jobs.get(job.number) {
            for member in &mut job.members {
                if matches!(member.state, ChildState::Stopped(_)) {
                    member.state = ChildState::Running;
                }
            }
        }
        let group = job.group;
        if name == "fg" {
            self.sys.ask(move |system, id| system.tty_foreground(id, Some(group))).await;
        }
        self.sys.ask(move |system, _| system.signal_group(group, Signal::Cont)).await;
        self.status = 0;
        if name == "fg" { self.wait_job(job.number).await } else { Flow::Next }
    }

    pub(super) async fn disown(&mut self, args: &[String]) -> u8 {
        let given = args.iter().find(|arg| !arg.starts_with('-')).map(String::as_str);
        let spec = given.unwrap_or("current");
        match self.jobs.find(given.unwrap_or("%+")) {
            Some(number) => {
                self.jobs.remove(number);
                0
            }
            None => self.builtin_error("disown", format!("{spec}: no such job")).await,
        }
    }

    pub(super) async fn wait(&mut self, args: &[String]) -> u8 {
        const USAGE: &str = "wait [-fn] [-p var] [id ...]";
        let known = |arg: &&String| matches!(arg.as_str(), "-n" | "-f" | "--");
        if let Some(option) = args.iter().find(|arg| arg.starts_with('-') && !known(arg)) {
            return self.usage("wait", option, USAGE).await;
        }
        let args: Vec<&String> = args.iter().filter(|arg| !matches!(arg.as_str(), "--" | "-f")).collect();
        if args.first().is_some_and(|arg| *arg == "-n") {
            return self.wait_next().await;
        }
        if args.is_empty() {
            let all: Vec<ProcessId> =
                self.jobs.own().iter().flat_map(|job| &job.members).map(|member| member.process).collect();
            for process in all {
                if let Err(signal) = self.wait_process(process).await {
                    return 128 + signal.number();
                }
            }
            self.tell_dead().await;
            let over: Vec<usize> =
                self.jobs.list.iter().filter(|job| job.is_over()).map(|job| job.number).collect();
            over.into_iter().for_each(|number| self.jobs.remove(number));
            return 0;
        }
        let mut status = 0;
        for arg in args {
            status = match self.wait_target(arg).await {
                Ok(status) => status,
                Err(status) => return status,
            };
        }
        status
    }

    async fn wait_target(&mut self, arg: &str) -> Result<u8, u8> {
        if arg.starts_with('%') {
            let Some(number) = self.jobs.find(arg) else {
                self.builtin_error("wait", format!("{arg}: no such job")).await;
                return Err(127);
            };
            let processes: Vec<ProcessId> = self
                .jobs
                .get(number)
                .map_or_else(Vec::new, |job| job.members.iter().map(|it| it.process).collect());
            let mut status = 0;
            for process in processes {
                status = self.wait_process(process).await.map_err(|signal| 128 + signal.number())?;
            }
            self.tell_dead().await;
            self.jobs.remove(number);
            return Ok(status);
        }
        let Ok(pid) = arg.parse::<u32>() else {
            self.builtin_error("wait", format!("`{arg}': not a pid or valid job spec")).await;
            return Err(1);
        };
        if let Some(status) = self.jobs.waited(pid) {
            return Ok(status);
        }
        let member =
            self.jobs.own().iter().flat_map(|job| &job.members).find(|member| member.pid == pid).cloned();
        let Some(member) = member else {
            self.builtin_error("wait", format!("pid {pid} is not a child of this shell")).await;
            return Ok(127);
        };
        let status = match member.state {
            ChildState::Exited(exit, _) => exit.0,
            _ => self.wait_process(member.process).await.map_err(|signal| 128 + signal.number())?,
        };
        self.tell_dead().await;
        self.jobs.note_waited(pid, status);
        Ok(status)
    }

    /// `wait -n`: the first job to end.
    async fn wait_next(&mut self) -> u8 {
        loop {
            self.update_jobs().await;
            if let Some(job) = self.jobs.list.iter().find(|job| job.is_over()).cloned() {
                self.jobs.remove(job.number);
                return job.state().status();
            }
            if self.jobs.own().is_empty() {
                return 127;
            }
            let changed = self.sys.ask(|_, id| id).await;
            match self.sys.wait(&[crate::WaitOn::Children(changed)], None).await {
                crate::Woke::Signal(signal) => {
                    self.signalled.push(signal);
                    return 128 + signal.number();
                }
                _ => continue,
            }
        }
    }

    pub(super) async fn kill(&mut self, args: &[String]) -> u8 {
        const USAGE: &str = "kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]";
        let (mut signal, mut rest) = (Some(Signal::Term), args);
        match rest.split_first() {
            Some((first, more)) if first == "-l" || first == "-L" => return self.kill_list(more).await,
            Some((first, more)) if first == "-s" || first == "-n" => {
                let Some((name, more)) = more.split_first() else {
                    return self.builtin_error("kill", format!("{first}: option requires an argument")).await;
                };
                signal = match self.signal_of(name).await {
                    Ok(signal) => signal,
                    Err(status) => return status,
                };
                rest = more;
            }
            Some((first, more)) if first == "--" => rest = more,
            Some((first, more)) if first.starts_with('-') && first.len() > 1 => {
                signal = match self.signal_of(&first[1..]).await {
                    Ok(signal) => signal,
                    Err(status) => return status,
                };
                rest = more;
            }
            _ => {}
        }
        let rest = rest.strip_prefix(&["--".to_owned()]).unwrap_or(rest);
        if rest.is_empty() {
            match self.dialect {
                Dialect::Bash => self.sys.eprint(format!("kill: usage: {USAGE}\n")).await,
                Dialect::Dash => drop(self.builtin_error("kill", "No pid or job specified").await),
            }
            return 2;
        }
        let mut status = 0;
        for target in rest {
            status |= self.kill_one(target, signal).await;
        }
        status
    }

    async fn signal_of(&mut self, name: &str) -> Result<Option<Signal>, u8> {
        if name == "0" {
            return Ok(None);
        }
        match Signal::parse(name) {
            Some(signal) => Ok(Some(signal)),
            None => {
                let words = match self.dialect {
                    Dialect::Bash => format!("{name}: invalid signal specification"),
                    Dialect::Dash => format!("invalid signal number or name: {name}"),
                };
                Err(self.builtin_error("kill", words).await)
            }
        }
    }

    async fn kill_one(&mut self, target: &str, signal: Option<Signal>) -> u8 {
        if target.starts_with('%') {
            self.update_jobs().await;
            let found = self.jobs.find(target).and_then(|number| self.jobs.get(number).cloned());
            let Some(job) = found.filter(|job| !job.is_over()) else {
                return self.builtin_error("kill", format!("{target}: no such job")).await;
            };
            let (group, control) = (job.group, self.options.monitor);
            let members: Vec<ProcessId> = job.members.iter().map(|member| member.process).collect();
            let stopped = job.is_stopped();
            self.sys
                .ask(move |system, _| {
                    if let Some(signal) = signal {
                        match control {
                            true => system.signal_group(group, signal),
                            false => members.into_iter().for_each(|member| system.signal(member, signal)),
                        }
                        // A stopped job is woken, so that it can end.
                        if stopped && matches!(signal, Signal::Term | Signal::Hup) && control {
                            system.signal_group(group, Signal::Cont);
                        }
                    }
                })
                .await;
            return 0;
        }
        let Ok(pid) = target.parse::<i64>() else {
            let words = match self.dialect {
                Dialect::Bash => format!("{target}: arguments must be process or job IDs"),
                Dialect::Dash => format!("Illegal number: {target}"),
            };
            return self.builtin_error("kill", words).await;
        };
        match self.sys.kill(pid, signal).await {
            Ok(()) => 0,
            Err(errno) => {
                let words = match self.dialect {
                    Dialect::Bash => format!("({pid}) - {errno}"),
                    Dialect::Dash => errno.to_string(),
                };
                self.builtin_error("kill", words).await
            }
        }
    }

    async fn kill_list(&mut self, args: &[String]) -> u8 {
        if args.is_empty() {
            return self.list_signals().await;
        }
        let (mut text, mut status) = (String::new(), 0);
        for arg in args {
            match arg.parse::<u32>() {
                Ok(number) => match Signal::from_number(if number > 128 { number - 128 } else { number }) {
                    Some(signal) => text.push_str(&format!("{}\n", signal.name())),
                    None => {
                        status =
                            self.builtin_error("kill", format!("{arg}: invalid signal specification")).await;
                    }
                },
                Err(_) => match Signal::parse(arg) {
                    Some(signal) => text.push_str(&format!("{}\n", signal.number())),
                    None => {
                        status =
                            self.builtin_error("kill", format!("{arg}: invalid signal specification")).await;
                    }
                },
            }
        }
        self.put_out("kill", &text).await | status
    }
}
