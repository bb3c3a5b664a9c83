//! One socket as `ss` writes it.
//!
//! Source: iproute2 6.1.0 misc/ss.c (`inet_show_sock`, `tcp_stats_print`).

use super::Names;
use super::options::Options;
use super::table::Row;
use crate::cmd::printf;
use net::socket::{SocketTimer, TcpInfo, TimerKind};
use net::{SocketInfo, SocketKind, SocketState};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Which table of `ss` it stands in, if any.
pub fn database(kind: &SocketKind) -> Option<&'static str> {
    match kind {
        SocketKind::Tcp => Some("tcp"),
        SocketKind::Udp => Some("udp"),
        SocketKind::Raw { .. } => Some("raw"),
        SocketKind::Packet { .. } => Some("p_raw"),
        _ => None,
    }
}

pub fn cells(socket: &SocketInfo, database: &str, options: &Options, names: &Names) -> Row {
    let device = socket.device.and_then(|it| names.devices.get(&it)).map(String::as_str);
    let (local, peer) = match &socket.kind {
        SocketKind::Packet { protocol, .. } => {
            let protocol = if *protocol == 3 { "*".to_owned() } else { format!("{protocol}") };
            ((format!("{protocol}:"), device.unwrap_or("*").to_owned()), (String::new(), "*".to_owned()))
        }
        _ => (
            address(socket, socket.local, device, database, options, names),
            address(socket, socket.peer, None, database, options, names),
        ),
    };
    [
        database.to_owned(),
        state(socket.state).to_owned(),
        format!("{:<6}", socket.receive_queue),
        format!("{:<6}", socket.send_queue),
        local.0,
        local.1,
        peer.0,
        peer.1,
        more(socket, options, names),
    ]
}

fn state(state: SocketState) -> &'static str {
    match state {
        SocketState::Established => "ESTAB",
        SocketState::SynSent => "SYN-SENT",
        SocketState::SynRecv => "SYN-RECV",
        SocketState::FinWait1 => "FIN-WAIT-1",
        SocketState::FinWait2 => "FIN-WAIT-2",
        SocketState::TimeWait => "TIME-WAIT",
        SocketState::Close => "UNCONN",
        SocketState::CloseWait => "CLOSE-WAIT",
        SocketState::LastAck => "LAST-ACK",
        SocketState::Listen => "LISTEN",
        SocketState::Closing => "CLOSING",
    }
}

/// The address with its colon, and the port.
fn address(
    socket: &SocketInfo,
    at: SocketAddr,
    device: Option<&str>,
    database: &str,
    options: &Options,
    names: &Names,
) -> (String, String) {
    let host = match at.ip() {
        IpAddr::V4(v4) if socket.v6 && v4.is_unspecified() => "*".to_owned(),
        IpAddr::V4(v4) if socket.v6 => format!("[::ffff:{v4}]"),
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) if v6.is_unspecified() && !socket.v6_only => "*".to_owned(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    let host = device.map_or(host.clone(), |device| format!("{host}%{device}"));
    let port = match at.port() {
        0 => "*".to_owned(),
        port if options.numeric => port.to_string(),
        port if database == "raw" => protocol(port),
        port if (32_768..=60_999).contains(&port) => port.to_string(),
        port => names.services.name(port, database).map_or_else(|| port.to_string(), str::to_owned),
    };
    (format!("{host}:"), port)
}

fn protocol(number: u16) -> String {
    match number {
        1 => "icmp".to_owned(),
        2 => "igmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "ipv6-icmp".to_owned(),
        89 => "ospf".to_owned(),
        255 => "raw".to_owned(),
        number => number.to_string(),
    }
}

/// What stands in the last column.
fn more(socket: &SocketInfo, options: &Options, names: &Names) -> String {
    let mut out = String::new();
    if let (true, Some(id)) = (options.processes, socket.id) {
        let program: String = socket.owner.program.chars().take(15).collect();
        let fd = names.descriptors.get(&id).copied().unwrap_or(3);
        write!(out, " users:((\"{program}\",pid={},fd={fd}))", socket.owner.pid).ok();
    }
    if let (true, Some(found)) = (options.timers, &socket.timer) {
        out += &timer(found);
    }
    if options.details {
        if socket.owner.uid != 0 {
            write!(out, " uid:{}", socket.owner.uid).ok();
        }
        write!(out, " ino:{} sk:{:x}", socket.inode, socket.inode & 0xfff).ok();
        if socket.mark != 0 {
            write!(out, " fwmark:{:#x}", socket.mark).ok();
        }
        if socket.v6 {
            write!(out, " v6only:{}", u8::from(socket.v6_only)).ok();
        }
        out += " <->";
    }
    if options.memory || (options.info && socket.kind != SocketKind::Udp) {
        out += if options.oneline { " " } else { "\n\t" };
        if let (true, Some(tcp)) = (options.info, &socket.tcp) {
            out += &info(tcp, options.numeric);
        }
    }
    out
}

fn timer(timer: &SocketTimer) -> String {
    let kind = match timer.kind {
        TimerKind::On => "on",
        TimerKind::KeepAlive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::Persist => "persist",
    };
    format!(" timer:({kind},{},{})", time(timer.left), timer.retransmits)
}

/// print_ms_timer()
fn time(left: Duration) -> String {
    let total = left.as_millis();
    let (mut milliseconds, mut seconds, minutes) = (total % 1000, total / 1000 % 60, total / 60_000);
    let mut out = String::new();
    if minutes > 0 {
        milliseconds = 0;
        write!(out, "{minutes}min").ok();
        if minutes > 9 {
            seconds = 0;
        }
    }
    if seconds > 0 {
        if seconds > 9 {
            milliseconds = 0;
        }
        write!(out, "{seconds}{}", if milliseconds > 0 { "." } else { "sec" }).ok();
    }
    if milliseconds > 0 {
        write!(out, "{milliseconds:03}ms").ok();
    }
    out
}

fn general(value: f64) -> String {
    printf::float(value, 'g', 6, false)
}

/// tcp_stats_print()
fn info(tcp: &TcpInfo, numeric: bool) -> String {
    let mut out = String::new();
    let milliseconds = |time: Duration| time.as_micros() as f64 / 1000.0;
    let mut put = |shown: bool, text: String| {
        if shown {
            out.push(' ');
            out += &text;
        }
    };
    put(tcp.timestamps, "ts".to_owned());
    put(tcp.sack, "sack".to_owned());
    put(true, "cubic".to_owned());
    let scaled = tcp.send_scale > 0 || tcp.receive_scale > 0;
    put(scaled, format!("wscale:{},{}", tcp.send_scale, tcp.receive_scale));
    put(!tcp.rto.is_zero(), format!("rto:{}", general(milliseconds(tcp.rto))));
    let (rtt, variance) = (milliseconds(tcp.rtt), milliseconds(tcp.rtt_variance));
    put(rtt > 0.0, format!("rtt:{}/{}", general(rtt), general(variance)));
    for (name, value) in [
        ("mss", u64::from(tcp.mss)),
        ("pmtu", tcp.path_mtu.into()),
        ("rcvmss", tcp.receive_mss.into()),
        ("advmss", tcp.advertised_mss.into()),
        ("cwnd", tcp.congestion_window.into()),
        ("ssthresh", tcp.slow_start_threshold.unwrap_or(0).into()),
        ("bytes_sent", tcp.bytes_sent),
        ("bytes_retrans", tcp.bytes_retransmitted),
        ("bytes_acked", tcp.bytes_acked),
        ("bytes_received", tcp.bytes_received),
        ("segs_out", tcp.segments_out),
        ("segs_in", tcp.segments_in),
        ("data_segs_out", tcp.data_segments_out),
        ("data_segs_in", tcp.data_segments_in),
    ] {
        put(value > 0, format!("{name}:{value}"));
    }
    let rate = match rtt > 0.0 {
        true => f64::from(tcp.congestion_window) * f64::from(tcp.mss) * 8.0 * 1000.0 / rtt,
        false => 0.0,
    };
    put(rate > 0.0, format!("send {}bps", bandwidth(rate, numeric)));
    for (name, value) in
        [("lastsnd", tcp.last_send), ("lastrcv", tcp.last_receive), ("lastack", tcp.last_ack)]
    {
        put(!value.is_zero(), format!("{name}:{}", value.as_millis()));
    }
    put(tcp.unacked > 0, format!("unacked:{}", tcp.unacked));
    let retransmitted = tcp.retransmits > 0 || tcp.retransmits_total > 0;
    put(retransmitted, format!("retrans:{}/{}", tcp.retransmits, tcp.retransmits_total));
    for (name, value) in [
        ("rcv_space", tcp.receive_space),
        ("rcv_ssthresh", tcp.receive_threshold),
        ("snd_wnd", tcp.send_window),
    ] {
        put(value > 0, format!("{name}:{value}"));
    }
    out
}

/// sprint_bw()
fn bandwidth(bits: f64, numeric: bool) -> String {
    if numeric {
        return format!("{bits:.0}");
    }
    let scales = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match scales.into_iter().find(|(scale, _)| bits >= *scale) {
        Some((scale, letter)) => {
            let value = bits / scale;
            let decimals = if value >= 100.0 {
                0
            } else if value >= 10.0 {
                1
            } else {
                2
            };
            let text = format!("{value:.decimals$}");
            let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            format!("{text}{letter}")
        }
        None => general(bits),
    }
}
