//! `ssh`: a shell or a command on another machine. Source: ssh(1), OpenSSH 9.2.
//! Simulated: -4 -6 -l -n -o (BatchMode, ConnectTimeout, StrictHostKeyChecking) -p -q -T -t -V, and the escape `~.`.
//! Differs: behind the banner the two ends speak a protocol of their own, see `ssh.rs`; host keys are known.
//! ```transcript
//! host# ssh -p x node-1 2>&1; echo $?
//! Bad port 'x'
//! 255
//! ```

mod options;
mod session;

use super::{Args, Command, Exit};
use crate::fs::STDIN;
use crate::resolver::{Hints, getaddrinfo};
use crate::socket::Socket;
use crate::ssh::{BANNER, Incoming, Message};
use crate::sys::Sys;
use net::{Errno, SocketKind};
use options::Options;
use session::Session;
use std::net::SocketAddr;

pub const SSH: Command =
    Command { name: "ssh", path: "/usr/bin/ssh", man: "ssh(1)", run: |sys, args| Box::pin(ssh(sys, args)) };

/// The status where ssh itself failed.
const FAILED: Exit = Exit(255);

async fn ssh(sys: Sys, args: Args) -> Exit {
    let options = match options::parse(args.rest()) {
        Ok(options) => options,
        Err(said) => {
            sys.eprint(said.text).await;
            return Exit(said.status);
        }
    };
    let user = match &options.user {
        Some(user) => user.clone(),
        None => super::id::user_name(&sys, sys.uid().await).await,
    };
    let on_terminal = sys.is_tty(STDIN).await && !options.no_input;
    let wants = options.terminal.unwrap_or(options.command.is_none());
    if wants && !on_terminal && !options.quiet && options.terminal != Some(false) {
        sys.eprint("Pseudo-terminal will not be allocated because stdin is not a terminal.\n").await;
    }
    let connection = match connect(&sys, &options).await {
        Ok(connection) => connection,
        Err(words) => {
            sys.eprint(format!("{words}\n")).await;
            return FAILED;
        }
    };
    let mut incoming = Incoming::default();
    if let Err(words) = greet(&connection, &mut incoming, &options).await {
        sys.eprint(words).await;
        return FAILED;
    }
    let mut hello = vec![Message::Login(user.clone())];
    let terminal = wants && on_terminal;
    if terminal {
        let (columns, rows) = sys.terminal_size().await.unwrap_or((80, 24));
        let typed = sys.typed_on().await;
        hello.push(Message::Terminal(columns, rows, typed));
    }
    hello.push(match &options.command {
        Some(command) => Message::Command(command.clone()),
        None => Message::Shell,
    });
    let hello: Vec<u8> = hello.iter().flat_map(Message::encode).collect();
    if connection.write(&hello, None).await.is_err() {
        return lost(&sys, &connection, &options).await;
    }
    let mut session = Session::new(&sys, &connection, incoming, terminal, !options.no_input);
    match session.run().await {
        Ok(Some(exit)) => {
            if terminal && !options.quiet {
                sys.eprint(format!("Connection to {} closed.\n", options.host)).await;
            }
            exit
        }
        Ok(None) => {
            sys.eprint(format!("{user}@{}: Permission denied (publickey).\n", options.host)).await;
            FAILED
        }
        Err(_) => lost(&sys, &connection, &options).await,
    }
}

async fn lost(sys: &Sys, connection: &Socket, options: &Options) -> Exit {
    let peer = connection.peer().await.map_or_else(|_| options.host.clone(), |peer| peer.ip().to_string());
    sys.eprint(format!("Connection to {peer} closed by remote host.\n")).await;
    if !options.quiet {
        sys.eprint(format!("Connection to {} closed.\n", options.host)).await;
    }
    FAILED
}

/// The first of the host's addresses that takes the connection.
async fn connect(sys: &Sys, options: &Options) -> Result<Socket, String> {
    let (host, port) = (&options.host, options.port);
    let hints = Hints { family: options.family, ..Hints::default() };
    let found = getaddrinfo(sys, host, hints)
        .await
        .map_err(|error| format!("ssh: Could not resolve hostname {host}: {}", error.text()))?;
    let mut last = Errno::EHOSTUNREACH;
    for info in found {
        let deadline = match options.timeout {
            Some(timeout) => Some(sys.now().await + timeout),
            None => None,
        };
        let socket = match sys.socket(SocketKind::Tcp).await {
            Ok(socket) => socket,
            Err(errno) => return Err(format!("ssh: socket: {errno}")),
        };
        match socket.connect(SocketAddr::new(info.address, port), deadline).await {
            Ok(Some(())) => return Ok(socket),
            Ok(None) => last = Errno::ETIMEDOUT,
            Err(errno) => last = errno,
        }
    }
    Err(format!("ssh: connect to host {host} port {port}: {last}"))
}

/// The banners, each side's.
async fn greet(connection: &Socket, incoming: &mut Incoming, options: &Options) -> Result<(), String> {
    let peer = connection.peer().await.map_or_else(|_| options.host.clone(), |peer| peer.ip().to_string());
    let port = options.port;
    let closed = format!(
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by {peer} port {port}\n"
    );
    let reset = format!(
        "kex_exchange_identification: read: Connection reset by peer\nConnection reset by {peer} port {port}\n"
    );
    if connection.write(format!("{BANNER}\r\n").as_bytes(), None).await.is_err() {
        return Err(reset);
    }
    loop {
        match incoming.banner() {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => {}
            Err(_) => {
                return Err(format!(
                    "kex_exchange_identification: banner line contains invalid characters\nbanner exchange: Connection to {peer} port {port}: invalid format\n"
                ));
            }
        }
        match connection.read(None).await {
            Ok(Some(bytes)) if !bytes.is_empty() => incoming.feed(&bytes),
            Ok(_) => return Err(closed),
            Err(_) => return Err(reset),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::captured::ExecOptions;
    use crate::system::System;
    use api::topology::Role;
    use api::{MachineId, TtyId};
    use net::Cable;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(200);

    fn run(system: &mut System, machine: MachineId, command: &str) -> (String, u8) {
        let id = system.exec(machine, command, ExecOptions::default());
        let exit = system.run_until_exit(id, PATIENCE).map_or(255, |exit| exit.0);
        let (out, err) = system.take_output(id);
        (String::from_utf8_lossy(&out).into_owned() + &String::from_utf8_lossy(&err), exit)
    }

    /// `client` and `node-1` on one cable; the second lets others in.
    fn two_machines() -> (System, MachineId, MachineId) {
        let mut system = System::new(1, crate::cmd::ALL.iter().copied());
        let machines = ["client", "node-1"].map(|name| system.machine_add(name, Role::Host));
        let cards = machines.map(|machine| {
            let netns = system.host(machine).netns;
            system.net.nic_add(netns, "eth0", None).expect("the name is free")
        });
        let cable =
            Cable { latency: Duration::from_micros(50), bits_per_second: 1_000_000_000, loss_permille: 0 };
        system.net.cable_connect(cards[0], cards[1], cable).expect("both ends are free");
        system.sshd_start(machines[1]).expect("there is room");
        for (machine, last) in machines.into_iter().zip([1, 2]) {
            let command = format!(
                "ip addr add 10.0.0.{last}/24 dev eth0; ip link set eth0 up; echo 10.0.0.2 node-1 >>/etc/hosts"
            );
            assert_eq!(run(&mut system, machine, &command), (String::new(), 0));
        }
        (system, machines[0], machines[1])
    }

    #[test]
    fn a_command_runs_over_there_with_its_streams_and_its_status() {
        let (mut system, client, _) = two_machines();
        let mut said = |command: &str| run(&mut system, client, command);
        assert_eq!(said("ssh node-1 hostname"), ("node-1\n".to_owned(), 0));
        assert_eq!(said("ssh node-1 'echo out; echo err >&2; exit 7' 2>/dev/null"), ("out\n".to_owned(), 7));
        assert_eq!(said("echo one two | ssh root@node-1 wc -w"), ("2\n".to_owned(), 0));
        assert_eq!(said("ssh node-1 'echo $SSH_CLIENT' | cut -d' ' -f1,3"), ("10.0.0.1 22\n".to_owned(), 0));
        assert_eq!(
            said("ssh nobody-here@node-1 true"),
            ("nobody-here@node-1: Permission denied (publickey).\n".to_owned(), 255)
        );
        assert_eq!(
            said("ssh -p 23 node-1 true"),
            ("ssh: connect to host node-1 port 23: Connection refused\n".to_owned(), 255)
        );
        assert_eq!(
            said("ssh -o ConnectTimeout=2 10.0.0.9 true"),
            ("ssh: connect to host 10.0.0.9 port 22: Connection timed out\n".to_owned(), 255)
        );
    }

    #[test]
    fn a_session_with_a_terminal_is_a_shell_over_there_until_exit() {
        let (mut system, client, _) = two_machines();
        let tty = TtyId(0);
        system.tty_open(client, tty, 80, 24);
        let screen = |system: &mut System, keys: &str| {
            system.tty_input(tty, keys.as_bytes());
            let until = system.now() + Duration::from_secs(3);
            while system.step(until) {}
            let shown = system.take_tty_output().into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<_>>();
            String::from_utf8_lossy(&shown).into_owned()
        };
        screen(&mut system, "");
        let shown = screen(&mut system, "ssh node-1\r");
        assert!(shown.ends_with("root@node-1:~# "), "{shown:?}");
        assert!(screen(&mut system, "hostname; tty_cols=1\r").contains("\r\nnode-1\r\n"));
        screen(&mut system, "sleep 100\r");
        let shown = screen(&mut system, "\x03");
        assert!(shown.ends_with("root@node-1:~# "), "{shown:?}");
        let shown = screen(&mut system, "exit\r");
        assert!(shown.contains("logout\r\nConnection to node-1 closed.\r\nroot@client:~# "), "{shown:?}");
        screen(&mut system, "ssh node-1\r");
        let shown = screen(&mut system, "\r~.");
        assert!(shown.contains("Connection to node-1 closed."), "{shown:?}");
    }
}
