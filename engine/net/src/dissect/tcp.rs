//! TCP. Sources: RFC 9293, 7323, 2018.

use super::field::{Layer, with};
use super::ip::Ends;
use super::{Dissector, dns, http};
use api::event::Protocol;
use api::inspect::Field;

const LEAST: usize = 20;
const FLAGS: [(u8, &str, &str, &str); 6] = [
    (0x20, "urg", "Urgent", "URG"),
    (0x10, "ack", "Acknowledgment", "ACK"),
    (0x08, "push", "Push", "PSH"),
    (0x04, "reset", "Reset", "RST"),
    (0x02, "syn", "Syn", "SYN"),
    (0x01, "fin", "Fin", "FIN"),
];

pub(super) fn tcp(to: &mut Dissector, ends: Ends, tcp: Layer) {
    let header = usize::from(tcp.u8(12).unwrap_or_default() >> 4) * 4;
    let (Some(src), Some(dst), Some(window)) = (tcp.u16(0), tcp.u16(2), tcp.u16(14)) else {
        return to.say(Protocol::Tcp, "Truncated TCP header", "TCP");
    };
    if header < LEAST || header > tcp.bytes.len() {
        return to.say(Protocol::Tcp, "Malformed TCP header", "TCP");
    }
    let flags = tcp.bytes[13];
    let payload = tcp.after(header);
    let length = payload.bytes.len();
    // Wireshark names the flags from FIN up.
    let names: Vec<&str> =
        FLAGS.iter().rev().filter(|(bit, ..)| flags & bit != 0).map(|flag| flag.3).collect();
    let mut info = format!("{src} → {dst} [{}] Seq={}", names.join(", "), tcp.u32(4).unwrap_or_default());
    if flags & 0x10 != 0 {
        info += &format!(" Ack={}", tcp.u32(8).unwrap_or_default());
    }
    info += &format!(" Win={window} Len={length}");
    let options = options(tcp.first(header).after(LEAST));
    options.iter().for_each(|option| info += &option.1);
    to.layer(|| tree(tcp, header, flags, options.into_iter().map(|option| option.0).collect()));
    let label = label(flags, length, ends, dst);
    to.say(Protocol::Tcp, info, label);
    if length == 0 {
        return;
    }
    if src == 53 || dst == 53 {
        dns::over_tcp(to, payload);
    } else {
        http::http(to, payload);
    }
}

fn label(flags: u8, length: usize, ends: Ends, port: u16) -> String {
    let to = match ends.dst {
        std::net::IpAddr::V4(ip) => format!("{ip}:{port}"),
        std::net::IpAddr::V6(ip) => format!("[{ip}]:{port}"),
    };
    match flags & 0x17 {
        0x02 => format!("SYN {to}"),
        0x12 => format!("SYN ACK {to}"),
        _ if flags & 0x04 != 0 => format!("RST {to}"),
        _ if length > 0 => format!("{length} B to {to}"),
        _ if flags & 0x01 != 0 => format!("FIN {to}"),
        _ => format!("ACK {to}"),
    }
}

fn tree(tcp: Layer, header: usize, flags: u8, options: Vec<Field>) -> Field {
    let (src, dst) = (tcp.u16(0).unwrap_or_default(), tcp.u16(2).unwrap_or_default());
    let length = tcp.bytes.len() - header;
    let (seq, ack) = (tcp.u32(4).unwrap_or_default(), tcp.u32(8).unwrap_or_default());
    let text =
        format!("Transmission Control Protocol, Src Port: {src}, Dst Port: {dst}, Seq: {seq}, Len: {length}");
    let bits = FLAGS
        .iter()
        .map(|(bit, name, label, _)| tcp.bit(&format!("tcp.flags.{name}"), label, 13, 1, flags & bit != 0))
        .collect();
    let mut fields = vec![
        tcp.plain("tcp.srcport", "Source Port", 0, 2, src),
        tcp.plain("tcp.dstport", "Destination Port", 2, 2, dst),
        tcp.field("tcp.len", 0, header, format!("[TCP Segment Len: {length}]"), length),
        tcp.plain("tcp.seq_raw", "Sequence Number (raw)", 4, 4, seq),
        tcp.plain("tcp.ack_raw", "Acknowledgment number (raw)", 8, 4, ack),
        tcp.field("tcp.hdr_len", 12, 1, format!("Header Length: {header} bytes"), header),
        with(tcp.field("tcp.flags", 12, 2, format!("Flags: 0x{flags:03x}"), format!("0x{flags:04x}")), bits),
        tcp.plain("tcp.window_size_value", "Window", 14, 2, tcp.u16(14).unwrap_or_default()),
        tcp.hex("tcp.checksum", "Checksum", 16, 2, tcp.u16(16).unwrap_or_default().into()),
        tcp.plain("tcp.urgent_pointer", "Urgent Pointer", 18, 2, tcp.u16(18).unwrap_or_default()),
    ];
    if !options.is_empty() {
        let text = format!("Options: ({} bytes)", header - LEAST);
        fields.push(with(tcp.field("tcp.options", LEAST, header - LEAST, text, ""), options));
    }
    if length > 0 {
        fields.push(tcp.field("tcp.payload", header, length, format!("TCP payload ({length} bytes)"), ""));
    }
    with(tcp.field("tcp", 0, header, text, ""), fields)
}

/// Each option with what it adds to the Info column.
fn options(options: Layer) -> Vec<(Field, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(kind) = options.u8(at) {
        let length = match kind {
            0 => break,
            1 => 1,
            _ => usize::from(options.u8(at + 1).unwrap_or_default()),
        };
        if (kind > 1 && length < 2) || at + length > options.bytes.len() {
            break;
        }
        let word = |offset| options.u32(at + offset).unwrap_or_default();
        let half = |offset| options.u16(at + offset).unwrap_or_default();
        let option = |name: &str, text: String, value: String| options.field(name, at, length, text, value);
        let entry = match kind {
            1 => Some((
                option("tcp.options.nop", "TCP Option - No-Operation (NOP)".into(), String::new()),
                String::new(),
            )),
            2 => {
                let mss = half(2);
                let text = format!("TCP Option - Maximum segment size: {mss} bytes");
                Some((option("tcp.options.mss_val", text, mss.to_string()), format!(" MSS={mss}")))
            }
            3 => {
                let shift = options.u8(at + 2).unwrap_or_default().min(14);
                let factor = 1u32 << shift;
                let text = format!("TCP Option - Window scale: {shift} (multiply by {factor})");
                Some((option("tcp.options.wscale.shift", text, shift.to_string()), format!(" WS={factor}")))
            }
            4 => {
                let text = "TCP Option - SACK permitted".to_string();
                Some((option("tcp.options.sack_perm", text, "true".into()), " SACK_PERM".into()))
            }
            5 => {
                let blocks: Vec<(u32, u32)> =
                    (0..(length - 2) / 8).map(|block| (word(2 + block * 8), word(6 + block * 8))).collect();
                let said: String =
                    blocks.iter().map(|(left, right)| format!(" SLE={left} SRE={right}")).collect();
                Some((
                    option("tcp.options.sack", format!("TCP Option - SACK{said}"), said.trim().into()),
                    said,
                ))
            }
            8 => {
                let (value, echo) = (word(2), word(6));
                let text = format!("TCP Option - Timestamps: TSval {value}, TSecr {echo}");
                let said = format!(" TSval={value} TSecr={echo}");
                Some((option("tcp.options.timestamp.tsval", text, value.to_string()), said))
            }
            other => Some((
                option("tcp.option_kind", format!("TCP Option - kind {other}"), other.to_string()),
                String::new(),
            )),
        };
        found.extend(entry);
        at += length;
    }
    found
}
