//! What `ss` and `netstat` see of sockets.
//!
//! Always: every socket of a program once; then connections and TIME-WAITs that no program holds.
//! Sources: sock_diag(7); /proc/net/{tcp,udp,raw,packet}.

use super::table::{ANY, Body, Socket};
use super::{SocketId, SocketInfo, SocketKind, SocketState};
use crate::Network;
use api::NetnsId;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

impl Network {
    /// All sockets of a namespace: listeners and open sockets in the order of their making, then what remains of others.
    pub fn sockets(&self, ns: NetnsId) -> Vec<SocketInfo> {
        let own = self.sockets.ids(ns).filter_map(|id| {
            let socket = self.sockets.get(id).ok()?;
            Some(SocketInfo { id: Some(id), ..self.row(socket) })
        });
        let mut rows: Vec<SocketInfo> = own.collect();
        rows.extend(self.tcp_rows(ns));
        rows.extend(self.vxlan_ports(ns).into_iter().map(kernel_row));
        rows
    }

    /// One socket's row, as `getsockopt(TCP_INFO)` and /proc give it to its own program.
    pub fn socket_info(&self, id: SocketId) -> Result<SocketInfo, crate::Errno> {
        let socket = self.sockets.get(id)?;
        Ok(SocketInfo { id: Some(id), ..self.row(socket) })
    }

    fn row(&self, socket: &Socket) -> SocketInfo {
        let queued = match &socket.body {
            Body::Tcp(state) => return self.tcp_row(socket, state),
            Body::Datagram(queue) => queue.queued(),
            Body::Packet(queue) => queue.queued(),
        };
        let nobody = if socket.v6() { SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0) } else { ANY };
        let connected = socket.peer.is_some();
        let device = match socket.kind {
            SocketKind::Packet { device, .. } => device,
            _ => socket.options.device,
        };
        SocketInfo {
            id: None,
            kind: socket.kind,
            v6: socket.v6(),
            v6_only: socket.options.v6_only,
            state: if connected { SocketState::Established } else { SocketState::Close },
            device,
            local: socket.local,
            peer: socket.peer.unwrap_or(nobody),
            receive_queue: queued,
            send_queue: 0,
            inode: socket.inode,
            owner: socket.owner.clone(),
            timer: None,
            mark: socket.options.mark,
            tcp: None,
        }
    }
}

/// A UDP socket of the kernel's own: a VXLAN port.
fn kernel_row(port: u16) -> SocketInfo {
    SocketInfo {
        id: None,
        kind: SocketKind::Udp,
        v6: false,
        v6_only: false,
        state: SocketState::Close,
        device: None,
        local: SocketAddr::new(ANY.ip(), port),
        peer: ANY,
        receive_queue: 0,
        send_queue: 0,
        inode: 0,
        owner: crate::Owner::default(),
        timer: None,
        mark: 0,
        tcp: None,
    }
}
