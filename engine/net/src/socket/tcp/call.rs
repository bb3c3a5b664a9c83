//! The system calls of TCP sockets.
//!
//! Called by `socket/mod.rs`. Always: non-blocking; `connect` says EINPROGRESS and later errors come by SO_ERROR.
//! Sources: tcp(7), connect(2), accept(2), shutdown(2); net/ipv4/tcp.c, af_inet.c.

use super::connection::Connection;
use super::listener::Listener;
use super::{ConnectionId, Filed, Flow, TcpState};
use crate::socket::port::Parity;
use crate::socket::route::{Kind, Way};
use crate::socket::{Readiness, Shutdown, SocketId, SocketKind};
use crate::sysctl::Key;
use crate::{Errno, Network};
use smoltcp::socket::tcp::State;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

impl Network {
    pub(in crate::socket) fn tcp_bind(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let port = self.claim_port(id, local)?;
        self.sockets.get_mut(id)?.port_bound = true;
        self.tcp_set_local(id, SocketAddr::new(local.ip(), port))
    }

    fn tcp_set_local(&mut self, id: SocketId, local: SocketAddr) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        let (ns, before) = (socket.ns, std::mem::replace(&mut socket.local, local));
        let space = self.sockets.spaces.entry(ns).or_default();
        if before.port() != 0 && before.port() != local.port() {
            space.tcp.entry(before.port()).or_default().remove(&id);
        }
        space.tcp.entry(local.port()).or_default().insert(id);
        Ok(())
    }

    pub(in crate::socket) fn tcp_listen(&mut self, id: SocketId, backlog: u32) -> Result<(), Errno> {
        let most = self.netns[self.sockets.get(id)?.ns].sysctl.int(Key::CoreSomaxconn);
        let backlog = backlog.min(u32::try_from(most).unwrap_or(0));
        match self.tcp_state_mut(id)? {
            TcpState::Connection(_) => return Err(Errno::EINVAL),
            TcpState::Listener(books) => {
                books.backlog = backlog;
                return Ok(());
            }
            TcpState::Closed => {}
        }
        let local = self.sockets.get(id)?.local;
        // Two may have bound the same address with SO_REUSEADDR; only one may listen.
        let port = self.claim_port(id, local)?;
        self.tcp_set_local(id, SocketAddr::new(local.ip(), port))?;
        *self.tcp_state_mut(id)? = TcpState::Listener(Listener { backlog, ..Listener::default() });
        let ns = self.sockets.get(id)?.ns;
        self.sockets.spaces.entry(ns).or_default().listeners.entry(port).or_default().insert(0, id);
        Ok(())
    }

    pub(in crate::socket) fn tcp_accept(&mut self, id: SocketId) -> Result<(SocketId, SocketAddr), Errno> {
        let TcpState::Listener(books) = self.tcp_state_mut(id)? else { return Err(Errno::EINVAL) };
        let accepted = books.established.pop_front().ok_or(Errno::EAGAIN)?;
        let listener = self.sockets.get(id)?;
        let (ns, owner, options) = (listener.ns, listener.owner.clone(), listener.options.clone());
        let v6 = listener.v6();
        let connection = self.sockets.tcp.connections.get(accepted).ok_or(Errno::ECONNABORTED)?;
        let flow = connection.flow;
        let new = self.sockets.insert(
            ns,
            SocketKind::Tcp,
            owner,
            super::Body::Tcp(TcpState::Connection(accepted)),
        )?;
        let mapped = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) if v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
            _ => address,
        };
        let socket = self.sockets.get_mut(new)?;
        socket.options = options;
        socket.peer = Some(mapped(flow.remote));
        socket.port_bound = true;
        self.tcp_set_local(new, mapped(flow.local))?;
        let connection = self.sockets.tcp.connections.get_mut(accepted).ok_or(Errno::ECONNABORTED)?;
        connection.socket = Some(new);
        connection.listener = None;
        Ok((new, mapped(flow.remote)))
    }

    pub(in crate::socket) fn tcp_connect(&mut self, id: SocketId, peer: SocketAddr) -> Result<(), Errno> {
        match self.tcp_state(id)? {
            TcpState::Connection(connection) => {
                let state = self.sockets.tcp.connections.get(*connection).map(Connection::state);
                return Err(if state == Some(State::SynSent) { Errno::EALREADY } else { Errno::EISCONN });
            }
            TcpState::Listener(_) => return Err(Errno::EISCONN),
            TcpState::Closed => {}
        }
        let peer = match peer.ip().to_canonical() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), peer.port()),
            ip => SocketAddr::new(ip, peer.port()),
        };
        let way = self.socket_way(id, peer.ip(), None)?;
        if matches!(way.kind, Kind::Broadcast | Kind::Multicast) {
            return Err(Errno::ENETUNREACH);
        }
        let flow = self.tcp_choose_flow(id, peer, &way)?;
        self.tcp_open(id, flow, &way)
    }

    /// The own end: bound, or the route's source and a free port.
    fn tcp_choose_flow(&mut self, id: SocketId, peer: SocketAddr, way: &Way) -> Result<Flow, Errno> {
        let socket = self.sockets.get(id)?;
        let (ns, bound) = (socket.ns, socket.local.port());
        let flow = |port| Flow { ns, local: SocketAddr::new(way.source, port), remote: peer };
        if bound != 0 {
            let flow = flow(bound);
            return self.sockets.tcp.flow_free(&flow).then_some(flow).ok_or(Errno::EADDRNOTAVAIL);
        }
        let fits = |network: &Network, port| {
            let sockets = &network.sockets;
            if !sockets.tcp.flow_free(&flow(port)) {
                return false;
            }
            let holders = sockets.space(ns).and_then(|space| space.tcp.get(&port));
            let bound = |id: &SocketId| sockets.get(*id).is_ok_and(|socket| socket.port_bound);
            !holders.is_some_and(|ids| ids.iter().any(bound))
        };
        self.free_port(ns, Parity::Even, fits).map(flow).ok_or(Errno::EADDRNOTAVAIL)
    }

    fn tcp_open(&mut self, id: SocketId, flow: Flow, way: &Way) -> Result<(), Errno> {
        let random = self.tcp_random(&flow);
        let socket = self.sockets.get(id)?;
        let (options, owner, inode) = (socket.options.clone(), socket.owner.clone(), socket.inode);
        let ttl = options.ttl.unwrap_or_else(|| self.default_ttl(flow.ns));
        let engine = self.sockets.tcp.engine();
        let mut connection = Connection::new(flow, engine, &options, owner, way.mtu, random);
        connection.socket = Some(id);
        connection.ttl = ttl;
        connection.inode = inode;
        let connection = self.sockets.tcp.connections.insert(connection);
        self.sockets.tcp.flows.insert(flow, Filed::Connection(connection));
        *self.tcp_state_mut(id)? = TcpState::Connection(connection);
        self.sockets.get_mut(id)?.peer = Some(flow.remote);
        self.tcp_set_local(id, flow.local)?;
        self.tcp_drive(connection, |connection, now, stack, outbox| {
            if connection.connect(stack) {
                connection.transmit(now, stack, outbox);
            }
        });
        Err(Errno::EINPROGRESS)
    }

    fn tcp_connection(&self, id: SocketId) -> Result<Option<ConnectionId>, Errno> {
        Ok(self.sockets.get(id)?.body.connection())
    }

    pub(in crate::socket) fn tcp_send(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, Errno> {
        let socket = self.sockets.get_mut(id)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        if socket.shut_write {
            return Err(Errno::EPIPE);
        }
        let connection_id = self.tcp_connection(id)?.ok_or(Errno::EPIPE)?;
        let now = self.now;
        let connection = self.sockets.tcp.connections.get_mut(connection_id).ok_or(Errno::EPIPE)?;
        let state = connection.state();
        if matches!(state, State::SynSent | State::SynReceived) {
            return Err(Errno::EAGAIN);
        }
        let engine = connection.engine.socket_mut();
        let taken = engine.send_slice(bytes).map_err(|_| Errno::EPIPE)?;
        if taken == 0 && !bytes.is_empty() {
            return Err(Errno::EAGAIN);
        }
        connection.program_sends(now);
        self.tcp_drive(connection_id, |connection, now, stack, outbox| {
            connection.transmit(now, stack, outbox)
        });
        Ok(taken)
    }

    pub(in crate::socket) fn tcp_recv(&mut self, id: SocketId, max: usize) -> Result<Vec<u8>, Errno> {
        let Some(connection_id) = self.tcp_connection(id)? else {
            let error = self.sockets.get_mut(id)?.error.take();
            return Err(error.unwrap_or(Errno::ENOTCONN));
        };
        let socket = self.sockets.get_mut(id)?;
        let (shut, error) = (socket.shut_read, socket.error);
        let connection = self.sockets.tcp.connections.get_mut(connection_id).ok_or(Errno::ENOTCONN)?;
        let engine = connection.engine.socket_mut();
        let waiting = engine.recv_queue();
        if waiting == 0 {
            let over = shut || connection.fin_received || connection.ended();
            if error.is_some() {
                self.sockets.get_mut(id)?.error = None;
            }
            return match error {
                Some(errno) => Err(errno),
                None if over => Ok(Vec::new()),
                None => Err(Errno::EAGAIN),
            };
        }
        let mut bytes = vec![0; waiting.min(max)];
        let taken = engine.recv_slice(&mut bytes).unwrap_or(0);
        bytes.truncate(taken);
        if connection.wants_window_update() {
            self.tcp_drive(connection_id, |connection, now, stack, outbox| {
                connection.transmit(now, stack, outbox)
            });
        }
        Ok(bytes)
    }

    pub(in crate::socket) fn tcp_shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Errno> {
        if let TcpState::Listener(_) = self.tcp_state(id)? {
            if how != Shutdown::Write {
                self.tcp_stop_listening(id);
            }
            return Ok(());
        }
        let connection = self.tcp_connection(id)?.ok_or(Errno::ENOTCONN)?;
        let state = self.sockets.tcp.connections.get(connection).map(Connection::state);
        if state.is_none_or(|state| state == State::Closed) {
            return Err(Errno::ENOTCONN);
        }
        let socket = self.sockets.get_mut(id)?;
        socket.shut_read |= how != Shutdown::Write;
        let first = how != Shutdown::Read && !std::mem::replace(&mut socket.shut_write, true);
        if first {
            self.tcp_drive(connection, |connection, now, stack, outbox| {
                connection.engine.socket_mut().close();
                connection.transmit(now, stack, outbox);
            });
        }
        self.sockets.wake(id);
        Ok(())
    }

    fn tcp_stop_listening(&mut self, id: SocketId) {
        let Ok(socket) = self.sockets.get(id) else { return };
        let (ns, port) = (socket.ns, socket.local.port());
        let listeners = &mut self.sockets.spaces.entry(ns).or_default().listeners;
        if let Some(ids) = listeners.get_mut(&port) {
            ids.retain(|listener| *listener != id);
            if ids.is_empty() {
                listeners.remove(&port);
            }
        }
        let Ok(state) = self.tcp_state_mut(id) else { return };
        if let TcpState::Listener(books) = std::mem::take(state) {
            self.tcp_close_listener(books);
        }
    }

    /// The program lets go: a FIN, or a reset where it did not read everything.
    pub(in crate::socket) fn tcp_close(&mut self, id: SocketId) {
        if let Ok(TcpState::Listener(_)) = self.tcp_state(id) {
            return self.tcp_stop_listening(id);
        }
        let Ok(Some(connection_id)) = self.tcp_connection(id) else { return };
        let linger_zero = self.sockets.get(id).is_ok_and(|socket| socket.options.linger_zero);
        let Some(connection) = self.sockets.tcp.connections.get_mut(connection_id) else { return };
        connection.socket = None;
        if !connection.linked || connection.state() == State::SynSent {
            return self.tcp_forget(connection_id);
        }
        let unread = connection.engine.socket().recv_queue() > 0;
        if linger_zero || unread {
            self.tcp_drive(connection_id, |connection, now, stack, outbox| {
                connection.engine.socket_mut().abort();
                connection.transmit(now, stack, outbox);
            });
            return self.tcp_forget(connection_id);
        }
        self.tcp_drive(connection_id, |connection, now, stack, outbox| {
            connection.engine.socket_mut().close();
            connection.transmit(now, stack, outbox);
        });
    }

    pub(in crate::socket) fn tcp_readiness(&self, id: SocketId) -> Result<Readiness, Errno> {
        let socket = self.sockets.get(id)?;
        let error = socket.error.is_some();
        Ok(match self.tcp_state(id)? {
            TcpState::Closed => Readiness { readable: error, writable: true, hangup: true, error },
            TcpState::Listener(books) => {
                Readiness { readable: !books.established.is_empty(), ..Readiness::default() }
            }
            TcpState::Connection(connection) => {
                let Some(connection) = self.sockets.tcp.connections.get(*connection) else {
                    return Ok(Readiness { readable: true, writable: true, hangup: true, error });
                };
                let ended = connection.ended();
                let eof = socket.shut_read || connection.fin_received || ended;
                Readiness {
                    readable: error || eof || connection.engine.socket().recv_queue() > 0,
                    writable: error || ended || socket.shut_write || connection.writable(),
                    hangup: ended || (eof && socket.shut_write),
                    error,
                }
            }
        })
    }

    pub(in crate::socket) fn tcp_option_changed(&mut self, id: SocketId) {
        let Ok(Some(connection)) = self.tcp_connection(id) else { return };
        let Ok(options) = self.sockets.get(id).map(|socket| socket.options.clone()) else { return };
        if let Some(connection) = self.sockets.tcp.connections.get_mut(connection) {
            connection.ttl = options.ttl.unwrap_or(connection.ttl);
            connection.options = options;
            connection.options_changed();
            connection.arm(self.now);
        }
        self.tcp_schedule(connection);
    }
}
