//! Frames taken apart, for the page: rows, trees, labels.
//!
//! Called by `capture.rs`; calls nothing. Names of fields are those of Wireshark's display filters.
//! Always: every input gives an answer; ranges lie inside the frame; tunnels are opened no deeper than [`DEPTH`].
//! Differs from Wireshark: no state, so sequence numbers are absolute and segments are not put together.
//! Sources: wireshark.org/docs/dfref; the RFCs named in each file.

mod arp;
mod dns;
mod ethernet;
mod field;
mod http;
mod icmp;
mod ip;
mod tcp;
mod udp;

use self::field::Layer;
use api::event::Protocol;
use api::inspect::Field;

/// Tunnels within tunnels that are looked into.
const DEPTH: u8 = 4;

/// What a frame is, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub source: String,
    pub destination: String,
    pub protocol: Protocol,
    /// As Wireshark's Info column.
    pub info: String,
    /// For a packet in the picture: `SYN 10.96.0.20:80`.
    pub label: String,
    /// How many tunnels are around it.
    pub depth: u8,
}

/// A frame as it is being taken apart.
#[derive(Debug)]
struct Dissector {
    layers: Vec<Field>,
    summary: Summary,
    /// Trees cost more than rows: they are built only when asked for.
    trees: bool,
}

impl Dissector {
    fn layer(&mut self, field: impl FnOnce() -> Field) {
        if self.trees {
            self.layers.push(field());
        }
    }

    fn ends(&mut self, source: impl ToString, destination: impl ToString) {
        self.summary.source = source.to_string();
        self.summary.destination = destination.to_string();
    }

    fn say(&mut self, protocol: Protocol, info: impl Into<String>, label: impl Into<String>) {
        self.summary.protocol = protocol;
        self.summary.info = info.into();
        self.summary.label = label.into();
    }
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    /// The IP header: a device without a link-layer header, as an IP tunnel.
    Raw,
}

fn run(frame: &[u8], link: Link, trees: bool) -> Dissector {
    let mut dissector = Dissector {
        layers: Vec::new(),
        summary: Summary {
            source: String::new(),
            destination: String::new(),
            protocol: Protocol::Other,
            info: String::new(),
            label: String::new(),
            depth: 0,
        },
        trees,
    };
    let whole = Layer { bytes: frame, at: 0 };
    dissector.layer(|| {
        whole.field("frame", 0, frame.len(), format!("Frame: {} bytes on wire", frame.len()), frame.len())
    });
    match link {
        Link::Ethernet => ethernet::ethernet(&mut dissector, whole),
        Link::Raw => ip::ipv4(&mut dissector, whole),
    }
    dissector
}

/// The row, the label and the colour of a frame.
pub fn summary(frame: &[u8], link: Link) -> Summary {
    run(frame, link, false).summary
}

/// The tree of a frame.
pub fn tree(frame: &[u8], link: Link) -> Vec<Field> {
    run(frame, link, true).layers
}

#[cfg(test)]
mod tests;
