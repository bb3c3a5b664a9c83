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
mod ip;
mod mac;
mod machine;
mod neighbour;
pub mod netfilter;
mod netns;
mod network;
mod packet;
mod path;
pub mod rtnetlink;
pub mod socket;
mod summary;
mod sysctl;
mod topology;
mod trace;

pub use device::Cable;
pub use errno::Errno;
pub use mac::{Mac, NotAMac};
pub use machine::Machine;
pub use network::Network;
pub use packet::Packet;
pub use path::{FlowKey, RouteResult};
pub use socket::{
    Datagram, Owner, Readiness, Shutdown, SocketId, SocketInfo, SocketKind, SocketOption, SocketState,
};
pub use sysctl::Key as SysctlKey;
pub use trace::{MAX_JOURNEYS, Outline};
