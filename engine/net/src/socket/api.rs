//! The words of the socket calls: kinds, options, what is received, what `ss` sees.
//!
//! Called by `linux` (programs' system calls). Plain data; the calls themselves stand in `socket/mod.rs`.
//! Differs from Linux: a socket has no file descriptor here (that is the process's), and no family: an IPv6
//! address in `bind` makes it AF_INET6, and such a listener takes IPv4 too unless `V6Only`.
//! Sources: socket(7), ip(7), tcp(7), udp(7), raw(7), packet(7).

use api::{DeviceId, FrameId, JourneyId};
use sim::Instant;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One socket, for the whole life of a world: never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(crate) u64);

/// What `socket(2)` was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketKind {
    Tcp,
    Udp,
    /// SOCK_DGRAM with IPPROTO_ICMP: echo requests only, the kernel sets the identifier (`ping` without root).
    Icmp,
    /// SOCK_RAW: receives whole IP packets of that protocol; 255 (IPPROTO_RAW) sends headers of its own only.
    Raw {
        protocol: u8,
    },
    /// AF_PACKET, SOCK_RAW: whole frames of one device or of all; `protocol` is an EtherType, 3 is all.
    Packet {
        device: Option<DeviceId>,
        protocol: u16,
    },
}

/// ETH_P_ALL of packet(7).
pub const ALL_PROTOCOLS: u16 = 3;

/// The process that opened a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
    pub program: String,
}

/// `IP_MTU_DISCOVER`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtuDiscover {
    /// Fragments where it must; DF is clear (`ping -M dont`).
    Dont,
    /// TCP: DF set and the MSS follows the path; UDP: DF set while the packet fits, else fragments.
    #[default]
    Want,
    /// DF set; larger than the known path MTU is EMSGSIZE (`ping -M do`).
    Do,
    /// DF set; only the device's MTU counts (`ping -M probe`).
    Probe,
}

/// `setsockopt(2)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// IP_TTL, 1 to 255
    Ttl(u8),
    /// IP_MULTICAST_TTL
    MulticastTtl(u8),
    /// IP_MULTICAST_IF
    MulticastDevice(Option<DeviceId>),
    /// IP_TOS
    Tos(u8),
    /// SO_BROADCAST: without it sending to a broadcast address is EACCES.
    Broadcast(bool),
    /// SO_BINDTODEVICE
    BindToDevice(Option<DeviceId>),
    MtuDiscover(MtuDiscover),
    ReuseAddr(bool),
    ReusePort(bool),
    /// IP_RECVERR: ICMP errors are queued for `recv_error`, and reported by UDP even where they are not fatal.
    RecvErr(bool),
    /// IP_HDRINCL
    HeaderIncluded(bool),
    /// SO_MARK
    Mark(u32),
    /// TCP_NODELAY
    NoDelay(bool),
    /// SO_KEEPALIVE
    KeepAlive(bool),
    /// TCP_KEEPIDLE
    KeepIdle(Duration),
    /// TCP_USER_TIMEOUT
    UserTimeout(Option<Duration>),
    /// IP_TRANSPARENT and IP_FREEBIND: bind to addresses that are not ours.
    Transparent(bool),
    /// SO_DONTROUTE: only to what is on the link.
    DontRoute(bool),
    /// SO_RCVBUF, bytes
    ReceiveBuffer(u32),
    /// SO_SNDBUF, bytes
    SendBuffer(u32),
    /// IPV6_V6ONLY
    V6Only(bool),
    /// Lets the packet socket take part of the frames only.
    Filter(Filter),
    /// ICMP_FILTER of a raw ICMP socket: bit n set blocks type n.
    IcmpFilter(u32),
    /// SO_LINGER with zero seconds: `close` resets.
    LingerZero(bool),
    /// IP_ADD_MEMBERSHIP
    JoinGroup(IpAddr, Option<DeviceId>),
}

/// What a packet socket lets through (SO_ATTACH_FILTER).
#[derive(Clone)]
pub struct Filter(pub std::sync::Arc<dyn Fn(&FrameView) -> bool + Send + Sync>);

/// A frame where it passes a tap.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    /// From the Ethernet header.
    pub bytes: &'a [u8],
    pub device: DeviceId,
    pub kind: FrameKind,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for Filter {}

/// One message of a UDP, ICMP or raw socket, with what `recvmsg` says beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// UDP: the payload; ICMP: from the ICMP header; raw: from the IP header.
    pub bytes: Vec<u8>,
    pub from: SocketAddr,
    /// The address it was sent to (IP_PKTINFO).
    pub to: SocketAddr,
    pub ttl: u8,
    pub tos: u8,
    pub device: Option<DeviceId>,
    pub at: Instant,
}

/// One frame of a packet socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// From the Ethernet header.
    pub bytes: Vec<u8>,
    pub device: DeviceId,
    pub kind: FrameKind,
    pub at: Instant,
    pub frame: Option<FrameId>,
    pub journey: JourneyId,
}

/// `sll_pkttype`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    Host,
    Broadcast,
    Multicast,
    OtherHost,
    Outgoing,
}

/// One entry of the error queue (`IP_RECVERR`, `struct sock_extended_err`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedError {
    pub errno: crate::Errno,
    /// Who sent the ICMP error; `None` for an error of this machine itself (SO_EE_ORIGIN_LOCAL).
    pub offender: Option<IpAddr>,
    pub icmp_type: u8,
    pub icmp_code: u8,
    /// The next hop's MTU for "fragmentation needed" and EMSGSIZE, the new gateway for a redirect.
    pub info: u32,
    /// Where the packet that caused it went.
    pub destination: SocketAddr,
    /// What that packet carried behind its IP header (UDP: behind the UDP header).
    pub payload: Vec<u8>,
    /// How far the ICMP error had come (IP_RECVTTL); 0 for an error of this machine itself.
    pub ttl: u8,
    pub at: Instant,
}

/// `poll(2)`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A call to receive or accept would not say EAGAIN.
    pub readable: bool,
    pub writable: bool,
    /// Both directions are closed.
    pub hangup: bool,
    /// An error waits for `take_error` or in the error queue.
    pub error: bool,
}

/// `shutdown(2)`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    Read,
    Write,
    Both,
}

/// As in net/tcp_states.h; the words are `ss`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketState {
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    /// Shown as UNCONN.
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
}

/// What a TCP socket waits for (`ss -o`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketTimer {
    pub kind: TimerKind,
    pub left: Duration,
    pub retransmits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    On,
    KeepAlive,
    TimeWait,
    Persist,
}

/// One row for `ss` and `netstat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// `None` for a half-open connection of a listener and for TIME-WAIT: no process holds those.
    pub id: Option<SocketId>,
    pub kind: SocketKind,
    /// AF_INET6
    pub v6: bool,
    pub v6_only: bool,
    pub state: SocketState,
    /// Bound to (SO_BINDTODEVICE, or a packet socket's device).
    pub device: Option<DeviceId>,
    /// Unspecified address and port 0 where unbound.
    pub local: SocketAddr,
    pub peer: SocketAddr,
    /// Listener: connections waiting for `accept`; else bytes received and not read.
    pub receive_queue: u32,
    /// Listener: the backlog; else bytes sent and not acknowledged.
    pub send_queue: u32,
    pub inode: u64,
    pub owner: Owner,
    pub timer: Option<SocketTimer>,
    pub mark: u32,
    pub tcp: Option<TcpInfo>,
}

/// `struct tcp_info`, as far as `ss -i` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    pub timestamps: bool,
    pub sack: bool,
    pub send_scale: u8,
    pub receive_scale: u8,
    pub rto: Duration,
    pub rtt: Duration,
    pub rtt_variance: Duration,
    pub mss: u32,
    pub path_mtu: u32,
    pub receive_mss: u32,
    pub advertised_mss: u32,
    pub congestion_window: u32,
    pub slow_start_threshold: Option<u32>,
    pub bytes_sent: u64,
    pub bytes_retransmitted: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub segments_out: u64,
    pub segments_in: u64,
    pub data_segments_out: u64,
    pub data_segments_in: u64,
    pub last_send: Duration,
    pub last_receive: Duration,
    pub last_ack: Duration,
    pub retransmits: u32,
    pub retransmits_total: u32,
    pub unacked: u32,
    pub receive_space: u32,
    pub receive_threshold: u32,
    pub send_window: u32,
}
