//! One probe: sent with its hop limit, and what comes back for it.
//!
//! Source: traceroute 2.1.2 `mod-udp.c`, `mod-icmp.c`, `mod-tcp.c`, `traceroute.c` (parse_icmp_res).

use super::options::{Method, Options};
use crate::socket::Socket;
use crate::sys::Sys;
use net::socket::MtuDiscover;
use net::{Datagram, Errno, SocketKind, SocketOption};
use sim::Instant;
use std::net::{IpAddr, SocketAddr};

/// DEF_START_PORT, and the first sequence number of -I.
const START_PORT: u16 = 33434;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const TCP: u8 = 6;

#[derive(Default)]
pub(super) struct Probe {
    pub done: bool,
    /// It came to where the trace ends.
    pub last: bool,
    pub sent: Option<Instant>,
    pub received: Option<Instant>,
    pub from: Option<IpAddr>,
    pub note: String,
    /// The UDP socket, or the one that holds a TCP probe's port.
    socket: Option<Socket>,
    /// What tells its answer from others': the sequence number, or the own port.
    key: u16,
}

/// An error that ends the program, for perror(3).
pub(super) type Fatal = (&'static str, Errno);

pub(super) struct Prober<'a> {
    pub sys: Sys,
    pub options: &'a Options,
    pub target: IpAddr,
    /// Behind the method's own header.
    data: Vec<u8>,
    /// For -I and -T.
    shared: Option<Socket>,
    source: Option<SocketAddr>,
    ident: u16,
    next: u16,
}

impl<'a> Prober<'a> {
    pub fn new(sys: &Sys, options: &'a Options, target: IpAddr, data: usize) -> Prober<'a> {
        let next = match options.method {
            Method::Rising => options.port.unwrap_or(START_PORT),
            Method::Icmp => options.port.unwrap_or(1),
            Method::Tcp => options.port.unwrap_or(80),
            Method::Udp => options.port.unwrap_or(53),
        };
        let data = (0..data).map(|index| 0x40 + (index & 0x3f) as u8).collect();
        Prober { sys: sys.clone(), options, target, data, shared: None, source: None, ident: 0, next }
    }

    async fn socket(&self, kind: SocketKind) -> Result<Socket, Fatal> {
        let socket = self.sys.socket(kind).await.map_err(|errno| ("socket", errno))?;
        if let Some(name) = self.options.device.clone() {
            let id = self.sys.net(move |net, ns| net.device_id(ns, net.device_index(ns, &name)?)).await;
            let id = id.ok_or(("setsockopt SO_BINDTODEVICE", Errno::ENODEV))?;
            let bound = socket.set(SocketOption::BindToDevice(Some(id))).await;
            bound.map_err(|errno| ("setsockopt SO_BINDTODEVICE", errno))?;
        }
        if let Some(address) = self.options.source.as_ref().and_then(|text| text.parse().ok()) {
            socket.bind(SocketAddr::new(address, 0)).await.map_err(|errno| ("bind", errno))?;
        }
        let discover = if self.options.dont_fragment { MtuDiscover::Do } else { MtuDiscover::Dont };
        socket.set(SocketOption::MtuDiscover(discover)).await.map_err(|errno| ("setsockopt", errno))?;
        if let Some(tos) = self.options.tos {
            socket.set(SocketOption::Tos(tos)).await.map_err(|errno| ("setsockopt", errno))?;
        }
        socket.set(SocketOption::RecvErr(true)).await.map_err(|errno| ("setsockopt", errno))?;
        Ok(socket)
    }

    /// What all probes of -I and -T share.
    pub async fn begin(&mut self) -> Result<(), Fatal> {
        let protocol = match (self.options.method, self.target) {
            (Method::Icmp, IpAddr::V4(_)) => ICMP,
            (Method::Icmp, IpAddr::V6(_)) => ICMP6,
            (Method::Tcp, _) => TCP,
            _ => return Ok(()),
        };
        self.ident = self.sys.pid().await as u16;
        let socket = self.socket(SocketKind::Raw { protocol }).await?;
        socket.connect(SocketAddr::new(self.target, 0), None).await.map_err(|errno| ("connect", errno))?;
        self.source = socket.local().await.ok();
        self.shared = Some(socket);
        Ok(())
    }

    pub async fn send(&mut self, probe: &mut Probe, ttl: u8) -> Result<(), Fatal> {
        let target = SocketAddr::new(self.target, self.next);
        let (bytes, own);
        let socket = match self.options.method {
            Method::Rising | Method::Udp => {
                own = self.socket(SocketKind::Udp).await?;
                own.set(SocketOption::Ttl(ttl)).await.map_err(|errno| ("setsockopt IP_TTL", errno))?;
                own.connect(target, None).await.map_err(|errno| ("connect", errno))?;
                if self.options.method == Method::Rising {
                    self.next = self.next.wrapping_add(1);
                }
                bytes = self.data.clone();
                probe.socket = Some(own);
                probe.socket.as_ref()
            }
            Method::Icmp => {
                probe.key = self.next;
                self.next = self.next.wrapping_add(1);
                bytes = self.echo(probe.key);
                self.shared.as_ref()
            }
            Method::Tcp => {
                // A real socket holds the port, so that nobody else gets it.
                own = self.sys.socket(SocketKind::Tcp).await.map_err(|errno| ("socket", errno))?;
                let any = SocketAddr::new(self.source.map_or(self.target, |source| source.ip()), 0);
                own.bind(any).await.map_err(|errno| ("bind", errno))?;
                probe.key = own.local().await.map_or(0, |local| local.port());
                bytes = self.syn(any.ip(), probe.key).await;
                probe.socket = Some(own);
                self.shared.as_ref()
            }
        };
        let Some(socket) = socket else { return Err(("socket", Errno::EBADF)) };
        socket.set(SocketOption::Ttl(ttl)).await.map_err(|errno| ("setsockopt IP_TTL", errno))?;
        probe.sent = Some(self.sys.now().await);
        match socket.send(bytes).await {
            Ok(_) | Err(Errno::EHOSTUNREACH | Errno::EMSGSIZE | Errno::ENOBUFS | Errno::EAGAIN) => Ok(()),
            Err(errno) => Err(("send", errno)),
        }
    }

    fn echo(&self, sequence: u16) -> Vec<u8> {
        let kind = if self.target.is_ipv4() { 8 } else { 128 };
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(self.ident.to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(&self.data);
        if self.target.is_ipv4() {
            let sum = checksum(&bytes);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    /// A SYN as `traceroute -T` makes it: maximum segment size, SACK, time stamp, window scale.
    async fn syn(&self, source: IpAddr, port: u16) -> Vec<u8> {
        const SEGMENT: u16 = 1460;
        let (sequence, stamp) = self.sys.ask(|system, _| (system.random.next_u64(), system.now())).await;
        let mut bytes = Vec::new();
        bytes.extend(port.to_be_bytes());
        bytes.extend(self.next.to_be_bytes());
        bytes.extend((sequence as u32).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 10 << 4, 2]);
        bytes.extend((4 * SEGMENT).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 2, 4]);
        bytes.extend(SEGMENT.to_be_bytes());
        bytes.extend([4, 2, 8, 10]);
        bytes.extend(((stamp.nanos() / 1_000_000) as u32).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 1, 3, 3, 2]);
        let mut pseudo = Vec::new();
        if let (IpAddr::V4(source), IpAddr::V4(target)) = (source, self.target) {
            pseudo.extend(source.octets());
            pseudo.extend(target.octets());
            pseudo.extend([0, TCP]);
            pseudo.extend((bytes.len() as u16).to_be_bytes());
        }
        pseudo.extend(&bytes);
        let sum = checksum(&pseudo);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// Waits for answers until then, and takes them.
    pub async fn wait(&self, probes: &mut [Probe], until: Option<Instant>) {
        let waits: Vec<_> = match &self.shared {
            Some(socket) => vec![socket.wait_on()],
            None => probes.iter().filter_map(|probe| probe.socket.as_ref()).map(Socket::wait_on).collect(),
        };
        self.sys.wait(&waits, until).await;
        match &self.shared {
            Some(socket) => self.take(socket, probes, None).await,
            None => {
                for index in 0..probes.len() {
                    if let Some(socket) = probes[index].socket.take() {
                        self.take(&socket, probes, Some(index)).await;
                        if !probes[index].done {
                            probes[index].socket = Some(socket);
                        }
                    }
                }
            }
        }
    }

    /// All that this socket has; `owner` where it belongs to one probe.
    async fn take(&self, socket: &Socket, probes: &mut [Probe], owner: Option<usize>) {
        while let Ok(error) = socket.call(|net, id| net.recv_error(id)).await {
            socket.call(|net, id| net.take_error(id)).await.ok();
            let (note, last) = match error.offender {
                None => continue,
                Some(_) => self.meaning(error.icmp_type, error.icmp_code, error.info),
            };
            let key = self.key_of(&error.payload, false);
            if let Some(probe) = owner.or_else(|| find(probes, key?)).and_then(|index| probes.get_mut(index))
            {
                (probe.done, probe.last) = (true, last);
                (probe.received, probe.from, probe.note) = (Some(error.at), error.offender, note);
            }
        }
        while let Ok(datagram) = socket.call(|net, id| net.recv_from(id)).await {
            let key = self.answered(&datagram);
            if let Some(probe) = owner.or_else(|| find(probes, key?)).and_then(|index| probes.get_mut(index))
            {
                (probe.done, probe.last) = (true, true);
                (probe.received, probe.from) = (Some(datagram.at), Some(datagram.from.ip()));
            }
        }
    }

    /// Whose answer this is.
    fn answered(&self, datagram: &Datagram) -> Option<u16> {
        if datagram.from.ip() != self.target {
            return None;
        }
        let header = match self.target {
            IpAddr::V4(_) => usize::from(datagram.bytes.first()? & 0x0f) * 4,
            IpAddr::V6(_) => 0,
        };
        self.key_of(datagram.bytes.get(header..)?, true)
    }

    fn key_of(&self, bytes: &[u8], answer: bool) -> Option<u16> {
        let word = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        match self.options.method {
            Method::Icmp => {
                let reply = matches!(bytes.first()?, 0 | 129);
                (word(4)? == self.ident && (reply || !answer)).then(|| word(6))?
            }
            Method::Tcp if answer => word(2),
            Method::Tcp => word(0),
            _ => None,
        }
    }

    /// The mark behind the time, and whether the trace ends there.
    fn meaning(&self, kind: u8, code: u8, info: u32) -> (String, bool) {
        let text = match (self.target.is_ipv4(), kind, code) {
            (true, 11, 0) | (false, 3, 0) => return (String::new(), false),
            (true, 3, 3) | (false, 1, 4) => "",
            (true, 3, 0 | 6 | 8 | 11) | (false, 1, 0) => "!N",
            (true, 3, 1 | 7 | 12) | (false, 1, 3 | 2) => "!H",
            (true, 3, 2) | (false, 4, 1) => "!P",
            (true, 3, 4) => return (format!("!F-{info}"), true),
            (false, 2, _) => return (format!("!F-{info}"), true),
            (true, 3, 5) => "!S",
            (true, 3, 9 | 10 | 13) | (false, 1, 1) => "!X",
            (true, 3, 14) => "!V",
            (true, 3, 15) => "!C",
            (true, 3, _) => return (format!("!<{code}>"), true),
            _ => return (format!("!<{kind}-{code}>"), true),
        };
        (text.to_owned(), true)
    }
}

fn find(probes: &[Probe], key: u16) -> Option<usize> {
    probes.iter().position(|probe| probe.sent.is_some() && !probe.done && probe.key == key)
}

/// RFC 1071
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
