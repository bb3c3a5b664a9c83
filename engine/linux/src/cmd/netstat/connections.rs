//! The connections and the listening sockets.
//!
//! Always: TCP before UDP before raw, and IPv4 before IPv6 in each.
//! Source: net-tools 2.10 netstat.c (`tcp_do_one`, `udp_do_one`, `addr_do_one`).

use super::Options;
use crate::cmd::services::Services;
use crate::resolver;
use crate::sys::Sys;
use net::socket::TimerKind;
use net::{SocketInfo, SocketKind, SocketState};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// What an address and its port may take together unless -W is given.
const ADDRESS_WIDTH: usize = 22;
/// PID/Program name
const PROGRAM_WIDTH: usize = 20;

struct Names {
    services: Services,
    hosts: BTreeMap<IpAddr, String>,
    wide: bool,
}

pub async fn list(sys: &Sys, options: &Options) -> String {
    let mut out = String::new();
    let any = options.any("tuwUSx46");
    let families = options.any("46") && !options.any("tuwUS");
    if !any || families || options.any("tuwUS") {
        out += &internet(sys, options).await;
    }
    if !any || options.has('x') {
        let program =
            if options.has('p') { format!(" {:<PROGRAM_WIDTH$}", "PID/Program name") } else { String::new() };
        out += &format!(
            "Active UNIX domain sockets {}\nProto RefCnt Flags       Type       State         I-Node  {program} Path\n",
            which(options)
        );
    }
    out
}

fn which(options: &Options) -> &'static str {
    match (options.has('a'), options.has('l')) {
        (true, _) => "(servers and established)",
        (false, true) => "(only servers)",
        (false, false) => "(w/o servers)",
    }
}

async fn internet(sys: &Sys, options: &Options) -> String {
    let mut out = format!("Active Internet connections {}\n", which(options));
    out += "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";
    if options.has('e') {
        out += " User       Inode     ";
    }
    if options.has('p') {
        out += &format!(" {:<PROGRAM_WIDTH$}", "PID/Program name");
    }
    if options.has('o') {
        out += " Timer";
    }
    out.push('\n');
    let sockets = sys.net(|net, ns| net.sockets(ns)).await;
    let hosts = match options.any("n!") {
        true => BTreeMap::new(),
        false => hosts(sys, &sockets).await,
    };
    let services = if options.any("n@") { Services::default() } else { Services::read(sys).await };
    let names = Names { services, hosts, wide: options.has('W') };
    let kinds = !options.any("tuwUS");
    for (letter, protocol) in [('t', "tcp"), ('u', "udp"), ('w', "raw")] {
        if !kinds && !options.has(letter) {
            continue;
        }
        for v6 in [false, true] {
            if options.any("46") && !options.has(if v6 { '6' } else { '4' }) {
                continue;
            }
            let fitting = sockets.iter().filter(|it| protocol_of(&it.kind) == Some(protocol) && it.v6 == v6);
            for socket in fitting.filter(|it| takes(it, protocol, options)) {
                out += &row(socket, protocol, options, &names);
            }
        }
    }
    out
}

fn protocol_of(kind: &SocketKind) -> Option<&'static str> {
    match kind {
        SocketKind::Tcp => Some("tcp"),
        SocketKind::Udp => Some("udp"),
        SocketKind::Raw { .. } => Some("raw"),
        _ => None,
    }
}

fn takes(socket: &SocketInfo, protocol: &str, options: &Options) -> bool {
    let connected = match protocol {
        "tcp" => socket.peer.port() != 0,
        _ => !socket.peer.ip().is_unspecified(),
    };
    let unbound = protocol == "tcp" && socket.state == SocketState::Close;
    !unbound && (options.has('a') || connected != options.has('l'))
}

/// Names of the hosts that are shown.
async fn hosts(sys: &Sys, sockets: &[SocketInfo]) -> BTreeMap<IpAddr, String> {
    let mut names = BTreeMap::new();
    for socket in sockets {
        for address in [socket.local.ip(), socket.peer.ip()] {
            let address = address.to_canonical();
            if address.is_unspecified() || names.contains_key(&address) {
                continue;
            }
            let name = resolver::name_of(sys, address).await;
            names.insert(address, name.unwrap_or_else(|| address.to_string()));
        }
    }
    names
}

fn row(socket: &SocketInfo, protocol: &str, options: &Options, names: &Names) -> String {
    let local = address(socket, socket.local, protocol, options, names);
    let peer = address(socket, socket.peer, protocol, options, names);
    let name = format!("{protocol}{}", if socket.v6 { "6" } else { "" });
    let state = match (protocol, socket.state) {
        ("udp", SocketState::Established) => "ESTABLISHED".to_owned(),
        ("udp", _) => String::new(),
        ("raw", _) => "7".to_owned(),
        (_, state) => word(state).to_owned(),
    };
    // A listener's accept queue is in Recv-Q; its backlog is not told.
    let sent = if socket.state == SocketState::Listen { 0 } else { socket.send_queue };
    let mut out =
        format!("{name:<5} {:>6} {sent:>6} {local:<23} {peer:<23} {state:<11}", socket.receive_queue);
    if options.has('e') {
        match (options.any("n#"), socket.owner.uid) {
            (false, 0) => out += &format!(" {:<10} ", "root"),
            (_, uid) => out += &format!(" {uid:<10} "),
        }
        out += &format!("{:<10}", socket.inode);
    }
    if options.has('p') {
        let program: String = match socket.id {
            Some(_) => format!("{}/{}", socket.owner.pid, socket.owner.program),
            None => "-".to_owned(),
        };
        let program: String = program.chars().take(PROGRAM_WIDTH - 1).collect();
        out += &format!(" {program:<PROGRAM_WIDTH$}");
    }
    if options.has('o') {
        out += &timer(socket);
    }
    out.push('\n');
    out
}

fn timer(socket: &SocketInfo) -> String {
    let Some(timer) = &socket.timer else { return " off (0.00/0/0)".to_owned() };
    let kind = match timer.kind {
        TimerKind::On => "on",
        TimerKind::KeepAlive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::Persist => "probe",
    };
    format!(" {kind} ({:.2}/{}/0)", timer.left.as_secs_f64(), timer.retransmits)
}

fn word(state: SocketState) -> &'static str {
    match state {
        SocketState::Established => "ESTABLISHED",
        SocketState::SynSent => "SYN_SENT",
        SocketState::SynRecv => "SYN_RECV",
        SocketState::FinWait1 => "FIN_WAIT1",
        SocketState::FinWait2 => "FIN_WAIT2",
        SocketState::TimeWait => "TIME_WAIT",
        SocketState::Close => "CLOSE",
        SocketState::CloseWait => "CLOSE_WAIT",
        SocketState::LastAck => "LAST_ACK",
        SocketState::Listen => "LISTEN",
        SocketState::Closing => "CLOSING",
    }
}

fn address(socket: &SocketInfo, at: SocketAddr, protocol: &str, options: &Options, names: &Names) -> String {
    let ip = at.ip().to_canonical();
    let host = match names.hosts.get(&ip) {
        Some(name) => name.clone(),
        None if socket.v6 && ip.is_unspecified() => {
            if options.any("n!") {
                "::".to_owned()
            } else {
                "[::]".to_owned()
            }
        }
        None => ip.to_string(),
    };
    let port = match at.port() {
        0 => "*".to_owned(),
        port => names.services.name(port, protocol).map_or_else(|| port.to_string(), str::to_owned),
    };
    if names.wide || host.len() + port.len() <= ADDRESS_WIDTH {
        return format!("{host}:{port}");
    }
    let port: String = port.chars().take(ADDRESS_WIDTH - 4).collect();
    let host: String = host.chars().take(ADDRESS_WIDTH - port.len()).collect();
    format!("{host}:{port}")
}
