//! TCP's rows for `ss` and `netstat`.
//!
//! Called by `socket/info.rs`. Sources: tcp_diag; `struct tcp_info`.

use super::connection::Connection;
use super::{Tcp, TcpState};
use crate::Network;
use crate::socket::table::{ANY, Socket};
use crate::socket::{SocketInfo, SocketKind, SocketState, SocketTimer, TcpInfo, TimerKind};
use api::NetnsId;
use sim::Instant;
use smoltcp::socket::tcp::State;
use std::net::IpAddr;

fn state_of(state: State) -> SocketState {
    match state {
        State::Closed => SocketState::Close,
        State::Listen | State::SynReceived => SocketState::SynRecv,
        State::SynSent => SocketState::SynSent,
        State::Established => SocketState::Established,
        State::FinWait1 => SocketState::FinWait1,
        State::FinWait2 => SocketState::FinWait2,
        State::CloseWait => SocketState::CloseWait,
        State::Closing => SocketState::Closing,
        State::LastAck => SocketState::LastAck,
        State::TimeWait => SocketState::TimeWait,
    }
}

impl Connection {
    fn info(&self, now: Instant) -> SocketInfo {
        let engine = self.engine.socket();
        let state = if self.linked { state_of(self.state()) } else { SocketState::Close };
        SocketInfo {
            id: None,
            kind: SocketKind::Tcp,
            v6: false,
            v6_only: false,
            state,
            device: self.options.device,
            local: self.flow.local,
            peer: self.flow.remote,
            receive_queue: engine.recv_queue() as u32 + u32::from(self.fin_received && self.socket.is_some()),
            send_queue: match state {
                SocketState::SynSent => 1,
                SocketState::FinWait1 | SocketState::LastAck | SocketState::Closing => {
                    engine.send_queue() as u32 + 1
                }
                _ => engine.send_queue() as u32,
            },
            inode: self.inode,
            owner: self.owner.clone(),
            timer: self.timer(now),
            mark: self.options.mark,
            tcp: Some(self.tcp_info(now)),
        }
    }

    fn tcp_info(&self, now: Instant) -> TcpInfo {
        let since = |at: Option<Instant>| at.map_or(now.since(Instant::BOOT), |at| now.since(at));
        let own = self.mtu - 40;
        TcpInfo {
            timestamps: self.agreed.timestamps,
            sack: self.agreed.sack,
            send_scale: self.agreed.scale.map_or(0, |(_, theirs)| theirs),
            receive_scale: self.agreed.scale.map_or(0, |(ours, _)| ours),
            rto: self.rto.timeout(),
            rtt: self.rto.smoothed.unwrap_or_default(),
            rtt_variance: self.rto.variance,
            mss: self.mss(),
            path_mtu: self.mtu,
            receive_mss: if self.count.bytes_received > 0 { self.mss().max(536) } else { 536 },
            advertised_mss: own - if self.agreed.timestamps { 12 } else { 0 },
            congestion_window: self.congestion.window,
            slow_start_threshold: self.congestion.threshold,
            last_send: since(self.last_send),
            last_receive: since(self.last_receive),
            last_ack: since(self.last_ack),
            retransmits: self.retransmits.into(),
            unacked: self.outstanding().div_ceil(self.mss()),
            receive_space: 14_600.max(10 * own),
            receive_threshold: 65_535,
            send_window: self.peer_window,
            ..self.count.clone()
        }
    }
}

impl Network {
    /// Rows of connections and TIME-WAITs that no socket of a program stands for.
    pub(in crate::socket) fn tcp_rows(&self, ns: NetnsId) -> Vec<SocketInfo> {
        let tcp: &Tcp = &self.sockets.tcp;
        let orphans = tcp.connections.iter().filter(|connection| {
            connection.flow.ns == ns && connection.socket.is_none() && connection.linked
        });
        let mut rows: Vec<SocketInfo> = orphans
            .map(|connection| {
                let mut row = connection.info(self.now);
                if connection.listener.is_none() || row.state == SocketState::SynRecv {
                    row.owner = Default::default();
                    row.inode = 0;
                }
                row
            })
            .collect();
        let waits = tcp.time_waits.values().filter(|wait| wait.flow.ns == ns);
        rows.extend(waits.map(|wait| SocketInfo {
            id: None,
            kind: SocketKind::Tcp,
            v6: false,
            v6_only: false,
            state: SocketState::TimeWait,
            device: None,
            local: wait.flow.local,
            peer: wait.flow.remote,
            receive_queue: 0,
            send_queue: 0,
            inode: 0,
            owner: Default::default(),
            timer: Some(SocketTimer {
                kind: TimerKind::TimeWait,
                left: wait.until.since(self.now),
                retransmits: 0,
            }),
            mark: wait.mark,
            tcp: None,
        }));
        rows
    }

    pub(in crate::socket) fn tcp_row(&self, socket: &Socket, state: &TcpState) -> SocketInfo {
        let plain = |state, receive_queue, send_queue| SocketInfo {
            id: None,
            kind: SocketKind::Tcp,
            v6: socket.v6(),
            v6_only: socket.options.v6_only,
            state,
            device: socket.options.device,
            local: socket.local,
            peer: match socket.local.ip() {
                IpAddr::V6(_) => "[::]:0".parse().unwrap_or(ANY),
                IpAddr::V4(_) => ANY,
            },
            receive_queue,
            send_queue,
            inode: socket.inode,
            owner: socket.owner.clone(),
            timer: None,
            mark: socket.options.mark,
            tcp: None,
        };
        match state {
            TcpState::Closed => plain(SocketState::Close, 0, 0),
            TcpState::Listener(books) => {
                plain(SocketState::Listen, books.established.len() as u32, books.backlog)
            }
            TcpState::Connection(id) => match self.sockets.tcp.connections.get(*id) {
                None => plain(SocketState::Close, 0, 0),
                Some(connection) => SocketInfo {
                    v6: socket.v6(),
                    v6_only: socket.options.v6_only,
                    local: socket.local,
                    peer: socket.peer.unwrap_or(connection.flow.remote),
                    inode: socket.inode,
                    owner: socket.owner.clone(),
                    ..connection.info(self.now)
                },
            },
        }
    }
}
