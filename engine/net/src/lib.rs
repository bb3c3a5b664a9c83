//! Linux's network stack: namespaces, devices, the packet path, netfilter, sockets.
//!
//! Stands on `sim`; `linux` stands on it. One owner: [`Network`] holds all namespaces of all machines.
//!
//! The packet path, top to bottom (the folders stand in this order in the kernel's books too):
//! ```text
//! socket/        a program sends           socket/        a program receives
//!    │                                        ▲
//! path/local_out  route, OUTPUT            path/local_in   INPUT, demultiplex
//!    │                                        ▲
//! path/egress    POSTROUTING, fragment     path/route      for us? ── no ─▶ path/forward (FORWARD)
//!    │                                        ▲
//! neighbour/     which MAC?                path/ingress    taps, bridge, PREROUTING
//!    │                                        ▲
//! device/        veth, bridge, vxlan, nic ────┘
//! ```
//! Beside the path: `netfilter/` (hooks, tables, conntrack, NAT), `ip/` (FIB, rules, ICMP, fragments),
//! `rtnetlink/` (how links, addresses, routes and neighbours are asked for and listed),
//! `trace.rs` and `capture.rs` (what a learner sees of all this).
//!
//! Always: every packet is real bytes with valid checksums and ends exactly once with a verdict.

mod arena;
mod capture;
pub mod device;
pub mod dissect;
mod errno;
mod hash;
mod mac;
pub mod netfilter;
mod network;
mod packet;
pub mod rtnetlink;
pub mod socket;
mod stubs;

pub use errno::Errno;
pub use mac::{Mac, NotAMac};
pub use network::Network;
pub use packet::Packet;
pub use socket::{
    Datagram, Owner, Readiness, Shutdown, SocketId, SocketInfo, SocketKind, SocketOption, SocketState,
};
pub use stubs::Cable;
