//! One TCP connection: smoltcp's state machine, dressed as Linux's on the wire and paced by Linux's timers.
//!
//! Called by `tcp`; calls `engine`. A segment in is made plain for smoltcp ([`plain`]), a segment out is dressed
//! (options, scale, timestamps, IP header). smoltcp's clock is the world's plus `warp`: when Linux would retransmit,
//! the clock jumps to where smoltcp does.
//! Always: what smoltcp may send is bounded by the peer's window and the congestion window; the received packet's
//! bytes are as before when a call returns.
//! Differs from Linux: a lost tail waits for the retransmission timer; receive buffers do not grow beyond 64 KiB.
//! Sources: RFC 9293; net/ipv4/tcp_input.c, tcp_output.c; ip-sysctl (tcp_retries2, tcp_synack_retries).

use super::congestion::Congestion;
use super::dress::whole;
use super::engine::{BUFFER, Engine, Outbox, Stack};
use super::rto::Rto;
use super::segment::{ACK, HEADER, MOST_HEADER, RST, SYN, Segment, TIMESTAMPS_ALIGNED, before, plain};
use super::{Flow, Owner};
use crate::Errno;
use crate::socket::header::IPV4;
use crate::socket::option::Options;
use crate::socket::{SocketId, TcpInfo};
use sim::Instant;
use smoltcp::socket::tcp::State;
use smoltcp::wire::IpListenEndpoint;
use std::net::IpAddr;
use std::time::Duration;

/// What the kernel chooses for `net.ipv4.tcp_rmem[2]` of 32 MiB.
pub(super) const WINDOW_SCALE: u8 = 10;
/// Half of `net.ipv4.tcp_rmem[1]`.
pub(super) const FIRST_WINDOW: u32 = 65_536;
/// TCP_ATO_MIN
pub(super) const DELAYED_ACK: Duration = Duration::from_millis(40);
/// TCP_MAX_QUICKACKS
const QUICK_ACKS: u8 = 16;
/// `net.ipv4.tcp_min_snd_mss` and room for options.
const LEAST_MTU: u32 = 88;
/// An IPv4 packet is no longer, even on `lo`.
const MOST_MTU: u32 = 65_535;

/// What the two sides agreed on in their SYNs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Agreed {
    pub timestamps: bool,
    /// (ours, theirs)
    pub scale: Option<(u8, u8)>,
    pub sack: bool,
    pub peer_mss: u32,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub flow: Flow,
    pub owner: Owner,
    pub options: Options,
    pub engine: Engine,
    pub inode: u64,
    /// `None` before `accept` and after `close`.
    pub socket: Option<SocketId>,
    /// Whose backlog it stands in.
    pub listener: Option<SocketId>,
    /// The flow's table names it; false once it is over for the network.
    pub linked: bool,
    pub mtu: u32,
    pub warp: Duration,
    pub agreed: Agreed,
    pub(super) timestamp_offset: u32,
    pub(super) timestamp_recent: u32,
    pub(super) ip_id: u16,
    pub ttl: u8,
    pub snd_una: u32,
    pub snd_nxt: u32,
    pub rcv_nxt: u32,
    pub peer_window: u32,
    pub(super) told_window: u16,
    pub rto: Rto,
    pub congestion: Congestion,
    pub retransmits: u8,
    pub probes: u8,
    pub(super) quick_acks: u8,
    ping_pong: bool,
    pub fin_received: bool,
    pub soft_error: Option<Errno>,
    pub deadlines: super::timer::Deadlines,
    pub last_send: Option<Instant>,
    pub last_receive: Option<Instant>,
    pub last_ack: Option<Instant>,
    pub count: TcpInfo,
}

impl Connection {
    pub fn new(
        flow: Flow,
        engine: Engine,
        options: &Options,
        owner: Owner,
        mtu: u32,
        random: u64,
    ) -> Connection {
        let mut connection = Connection {
            flow,
            owner,
            options: options.clone(),
            engine,
            inode: 0,
            socket: None,
            listener: None,
            linked: true,
            mtu: mtu.clamp(LEAST_MTU, MOST_MTU),
            warp: Duration::ZERO,
            agreed: Agreed { timestamps: true, peer_mss: 536, ..Agreed::default() },
            timestamp_offset: random as u32,
            timestamp_recent: 0,
            ip_id: (random >> 32) as u16,
            ttl: 64,
            snd_una: 0,
            snd_nxt: 0,
            rcv_nxt: 0,
            peer_window: 0,
            told_window: 0,
            rto: Rto::default(),
            congestion: Congestion::default(),
            retransmits: 0,
            probes: 0,
            quick_acks: QUICK_ACKS,
            ping_pong: false,
            fin_received: false,
            soft_error: None,
            deadlines: super::timer::Deadlines::default(),
            last_send: None,
            last_receive: None,
            last_ack: None,
            count: TcpInfo::default(),
        };
        connection.options_changed();
        connection
    }

    pub fn options_changed(&mut self) {
        let nagle = !self.options.no_delay;
        let socket = self.engine.socket_mut();
        socket.set_nagle_enabled(nagle);
        socket.set_ack_delay(None);
        socket.set_keep_alive(None);
        socket.set_timeout(None);
    }

    pub fn state(&self) -> State {
        self.engine.socket().state()
    }

    /// The MTU as smoltcp is to see it: our options are not on its bill.
    pub fn stack_mtu(&self) -> u32 {
        self.mtu - if self.agreed.timestamps { TIMESTAMPS_ALIGNED } else { 0 }
    }

    /// Payload of a full segment.
    pub fn mss(&self) -> u32 {
        let options = if self.agreed.timestamps { TIMESTAMPS_ALIGNED } else { 0 };
        let own = self.mtu - (IPV4 + HEADER) as u32;
        own.min(self.agreed.peer_mss).saturating_sub(options).max(1)
    }

    pub fn clock(&self, now: Instant) -> smoltcp::time::Instant {
        let micros = now.since(Instant::BOOT).saturating_add(self.warp).as_micros();
        smoltcp::time::Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Sent and not acknowledged.
    pub fn outstanding(&self) -> u32 {
        self.snd_nxt.wrapping_sub(self.snd_una)
    }

    /// Is the acknowledgement of data put off just now?
    pub fn is_interactive(&self) -> bool {
        self.ping_pong
    }

    pub fn listen(&mut self) -> bool {
        let IpAddr::V4(address) = self.flow.local.ip() else { return false };
        let endpoint = IpListenEndpoint { addr: Some(address.into()), port: self.flow.local.port() };
        self.engine.socket_mut().listen(endpoint).is_ok()
    }

    pub fn connect(&mut self, stack: &mut Stack) -> bool {
        let (IpAddr::V4(local), IpAddr::V4(remote)) = (self.flow.local.ip(), self.flow.remote.ip()) else {
            return false;
        };
        let (local_port, remote_port) = (self.flow.local.port(), self.flow.remote.port());
        let context = stack.interface().context();
        self.engine.socket_mut().connect(context, (remote, remote_port), (local, local_port)).is_ok()
    }

    /// A segment of this connection: `packet` is the whole IP packet, its TCP header `at` bytes in.
    pub fn receive(
        &mut self,
        now: Instant,
        stack: &mut Stack,
        packet: &mut [u8],
        at: usize,
        segment: &Segment,
        outbox: &mut Outbox,
    ) {
        self.count.segments_in += 1;
        self.last_receive = Some(now).filter(|_| segment.payload > 0).or(self.last_receive);
        if segment.has(SYN) {
            self.agree(segment);
        }
        if let Some((value, _)) = segment.timestamps.filter(|_| !before(self.rcv_nxt, segment.seq)) {
            self.timestamp_recent = value;
        }
        let scale = if segment.has(SYN) { 0 } else { self.agreed.scale.map_or(0, |(_, theirs)| theirs) };
        let window = u32::from(segment.window) << scale;
        let again = segment.has(ACK) && !segment.has(RST) && self.take_ack(now, segment, window);
        self.peer_window = window;
        if segment.payload > 0 {
            self.count.data_segments_in += 1;
            self.count.bytes_received += segment.payload as u64;
            self.set_ack_delay();
        }
        let told = self.allowed_window();
        self.feed(now, stack, packet, at, segment.header, told, outbox);
        if again {
            self.feed_duplicates(now, stack, outbox);
        }
        self.fin_received |=
            matches!(self.state(), State::CloseWait | State::LastAck | State::Closing | State::TimeWait);
    }

    /// What smoltcp may have under way.
    fn allowed_window(&self) -> u16 {
        let congestion = self.congestion.window.saturating_mul(self.mss());
        self.peer_window.min(congestion).min(BUFFER as u32) as u16
    }

    fn agree(&mut self, segment: &Segment) {
        let passive = !segment.has(ACK);
        self.agreed = Agreed {
            timestamps: segment.timestamps.is_some(),
            scale: segment.scale.map(|theirs| (WINDOW_SCALE, theirs)),
            sack: segment.sack_permitted,
            peer_mss: u32::from(segment.mss.unwrap_or(536)).max(48),
        };
        if passive {
            self.rcv_nxt = segment.seq.wrapping_add(1);
        }
        self.timestamp_recent = segment.timestamps.map_or(0, |(value, _)| value);
    }

    /// Our own book-keeping of what is acknowledged. True where a hole follows that is to be filled at once.
    fn take_ack(&mut self, now: Instant, segment: &Segment, window: u32) -> bool {
        let ack = segment.ack;
        if before(self.snd_una, ack) && !before(self.snd_nxt, ack) {
            let acked = ack.wrapping_sub(self.snd_una);
            // A window counts as full with less than a segment of room left.
            let limited = self.outstanding() + self.mss() > self.congestion.window.saturating_mul(self.mss());
            self.snd_una = ack;
            self.rto.acked(ack, now);
            self.retransmits = 0;
            self.probes = 0;
            self.soft_error = None;
            self.count.bytes_acked += u64::from(acked);
            self.last_ack = Some(now);
            self.deadlines.retransmit = (self.outstanding() > 0).then(|| now + self.rto.timeout());
            return self.congestion.acked(ack, acked.div_ceil(self.mss()), limited);
        }
        let same = ack == self.snd_una && segment.length() == 0 && window == self.peer_window;
        if same && self.outstanding() > 0 {
            self.congestion.duplicate(self.snd_nxt);
        } else if ack == self.snd_una {
            self.probes = 0;
        }
        false
    }

    /// Hands a packet to smoltcp with the header it understands, and puts the header back as it was.
    #[allow(clippy::too_many_arguments)]
    fn feed(
        &mut self,
        now: Instant,
        stack: &mut Stack,
        packet: &mut [u8],
        at: usize,
        header: usize,
        window: u16,
        outbox: &mut Outbox,
    ) {
        let mut kept = [0; MOST_HEADER];
        kept[..header].copy_from_slice(&packet[at..at + header]);
        let less = if self.agreed.timestamps { TIMESTAMPS_ALIGNED as u16 } else { 0 };
        plain(&mut packet[at..at + header], less, window);
        let clock = self.clock(now);
        stack.ingress(&mut self.engine, clock, packet, outbox);
        packet[at..at + header].copy_from_slice(&kept[..header]);
    }

    /// Three duplicate acknowledgements make smoltcp send the first unacknowledged segment again.
    fn feed_duplicates(&mut self, now: Instant, stack: &mut Stack, outbox: &mut Outbox) {
        for _ in 0..3 {
            self.feed_ack(now, stack, self.allowed_window(), outbox);
        }
    }

    /// An acknowledgement of what is acknowledged already, only to tell smoltcp a window.
    fn feed_ack(&mut self, now: Instant, stack: &mut Stack, window: u16, outbox: &mut Outbox) {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (self.flow.remote.ip(), self.flow.local.ip()) else {
            return;
        };
        let segment = Segment {
            src_port: self.flow.remote.port(),
            dst_port: self.flow.local.port(),
            seq: self.rcv_nxt,
            ack: self.snd_una,
            flags: ACK,
            window,
            ..Segment::default()
        };
        let packet = whole(src, dst, 64, 0, 0, &segment, &[]);
        let clock = self.clock(now);
        stack.ingress(&mut self.engine, clock, packet.data(), outbox);
    }

    /// The first sixteen acknowledgements are immediate, as long as the program does not answer at once itself.
    fn set_ack_delay(&mut self) {
        let quick = self.quick_acks > 0 && !self.ping_pong;
        let delay = smoltcp::time::Duration::from_millis(DELAYED_ACK.as_millis() as u64);
        self.engine.socket_mut().set_ack_delay((!quick).then_some(delay));
    }

    /// After a FIN the acknowledgement waits for the program, which likely closes too.
    pub fn enter_ping_pong(&mut self) {
        self.ping_pong = true;
    }

    /// The program sends: an answer within the delay of an acknowledgement makes the talk interactive.
    pub fn program_sends(&mut self, now: Instant) {
        if self.last_receive.is_some_and(|at| now.since(at) < DELAYED_ACK) {
            self.ping_pong = true;
        }
    }

    /// The delay of an acknowledgement ran out: the program did not answer in time.
    pub fn acknowledge_late(&mut self, now: Instant, stack: &mut Stack, outbox: &mut Outbox) {
        self.transmit(now, stack, outbox);
        if outbox.packets().next().is_some() {
            self.ping_pong = false;
        }
    }

    pub fn transmit(&mut self, now: Instant, stack: &mut Stack, outbox: &mut Outbox) {
        let clock = self.clock(now);
        stack.egress(&mut self.engine, clock, outbox);
    }

    /// The retransmission (or probe) timer ran out: smoltcp's does so too.
    pub fn time_out(&mut self, now: Instant, stack: &mut Stack, outbox: &mut Outbox) {
        self.rto.retransmitted();
        if self.outstanding() > 0 {
            self.congestion.timed_out();
        }
        self.send_again(now, stack, outbox);
    }

    pub fn set_mtu(&mut self, mtu: u32) {
        self.mtu = mtu.clamp(LEAST_MTU, MOST_MTU);
    }

    /// Everything not yet acknowledged, as far as the windows allow.
    pub fn send_again(&mut self, now: Instant, stack: &mut Stack, outbox: &mut Outbox) {
        if self.outstanding() > 0
            && !matches!(self.state(), State::SynSent | State::SynReceived | State::Closed)
        {
            let window = self.allowed_window();
            self.feed_ack(now, stack, window, outbox);
        }
        let clock = self.clock(now);
        if let Some(due) = stack.due(&self.engine, clock).filter(|due| *due > clock) {
            self.warp += Duration::from_micros((due - clock).total_micros());
        }
        self.transmit(now, stack, outbox);
    }

    /// What TIME-WAIT keeps.
    pub fn time_wait(&self, until: Instant) -> super::time_wait::TimeWait {
        super::time_wait::TimeWait {
            flow: self.flow,
            until,
            snd_nxt: self.snd_nxt,
            rcv_nxt: self.rcv_nxt,
            window: self.told_window,
            timestamps: self.agreed.timestamps.then_some((self.timestamp_offset, self.timestamp_recent)),
            mark: self.options.mark,
            tos: self.options.tos,
        }
    }

    /// May `write` be tried? Linux says so while a third of the buffer is free.
    pub fn writable(&self) -> bool {
        let socket = self.engine.socket();
        socket.may_send() && (socket.send_capacity() - socket.send_queue()) * 3 >= socket.send_capacity()
    }

    /// The program read: is there so much more room that the peer should know? (RFC 9293, 3.8.6.2.2)
    pub fn wants_window_update(&self) -> bool {
        let scale = self.agreed.scale.map_or(0, |(ours, _)| ours);
        let told = u32::from(self.told_window) << scale;
        let room = (self.engine.socket().recv_capacity() - self.engine.socket().recv_queue()) as u32;
        room >= 2 * told.max(1) || room >= told + 2 * self.mss()
    }

    pub fn ended(&self) -> bool {
        matches!(self.state(), State::Closed | State::TimeWait)
    }

    pub fn error_after_reset(before: State) -> Errno {
        match before {
            State::SynSent => Errno::ECONNREFUSED,
            State::CloseWait => Errno::EPIPE,
            _ => Errno::ECONNRESET,
        }
    }
}
