//! Flows as `conntrack` prints them.
//!
//! Sources: libnetfilter_conntrack 1.0.9 src/conntrack/snprintf_default.c.

use net::netfilter::conntrack::{Direction, EventKind, Flow, Protocol, Tuple, status};
use sim::Instant;
use std::fmt::Write;
use std::time::Duration;

/// What `-o` asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub extended: bool,
    pub id: bool,
    pub timestamp: bool,
}

pub const PROTOCOLS: &[(&str, u8)] = &[
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("sctp", 132),
    ("dccp", 33),
    ("gre", 47),
    ("udplite", 136),
    ("icmpv6", 58),
];

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

pub fn state(flow: &Flow) -> Option<&'static str> {
    match &flow.protocol {
        Protocol::Tcp(tcp) => Some(tcp.state.name()),
        _ => None,
    }
}

fn tuple(out: &mut String, flow: &Flow, direction: Direction) -> std::fmt::Result {
    let one: &Tuple = flow.tuple(direction);
    write!(out, "src={} dst={} ", one.source, one.destination)?;
    match one.protocol {
        ICMP | ICMPV6 => {
            let (kind, code) = one.icmp();
            write!(out, "type={kind} code={code} id={} ", one.source_port)?;
        }
        6 | 17 | 132 | 33 | 136 => {
            write!(out, "sport={} dport={} ", one.source_port, one.destination_port)?;
        }
        47 => out.push_str("srckey=0x0 dstkey=0x0 "),
        _ => {}
    }
    if let Some(counters) = &flow.counters {
        let counter = &counters[usize::from(direction == Direction::Reply)];
        write!(out, "packets={} bytes={} ", counter.packets, counter.bytes)?;
    }
    Ok(())
}

fn write_flow(out: &mut String, flow: &Flow, style: Style, now: Instant, event: bool) -> std::fmt::Result {
    if style.extended {
        let (name, number) = if flow.original.source.is_ipv4() { ("ipv4", 2) } else { ("ipv6", 10) };
        write!(out, "{name:<8} {number} ")?;
    }
    let number = flow.original.protocol;
    let name = PROTOCOLS.iter().find(|row| row.1 == number).map_or("unknown", |row| row.0);
    write!(out, "{name:<8} {number} {} ", flow.seconds_left(now))?;
    if let Some(state) = state(flow) {
        write!(out, "{state} ")?;
    }
    tuple(out, flow, Direction::Original)?;
    if !flow.has(status::SEEN_REPLY) {
        out.push_str("[UNREPLIED] ");
    }
    tuple(out, flow, Direction::Reply)?;
    if flow.has(status::ASSURED) {
        out.push_str("[ASSURED] ");
    }
    if !event || flow.mark != 0 {
        write!(out, "mark={} ", flow.mark)?;
    }
    if !event {
        out.push_str("use=1 ");
    }
    if style.id {
        write!(out, "id={} ", flow.serial)?;
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    Ok(())
}

/// A line of `-L`.
pub fn flow(flow: &Flow, style: Style, now: Instant) -> String {
    let mut out = String::new();
    write_flow(&mut out, flow, style, now, false).ok();
    out
}

/// A line of `-E`.
pub fn event(kind: EventKind, flow: &Flow, style: Style, at: Instant, realtime: Duration) -> String {
    let mut out = String::new();
    if style.timestamp {
        out = format!("[{}.{:06}]\t", realtime.as_secs(), realtime.subsec_micros());
    }
    let word = match kind {
        EventKind::New => "[NEW]",
        EventKind::Update => "[UPDATE]",
        EventKind::Destroy => "[DESTROY]",
    };
    out.push_str(&format!("{word:>9} "));
    write_flow(&mut out, flow, style, at, true).ok();
    out
}
