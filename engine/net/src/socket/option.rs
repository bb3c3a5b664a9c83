//! What `setsockopt` set on a socket, with Linux's defaults and refusals.
//!
//! Differs from Linux: a socket that joins a group hears what reaches this machine; no device joins for it.
//! Sources: socket(7), ip(7), tcp(7); net/ipv4/ip_sockglue.c for which value is EINVAL and what needs root.

use super::{Filter, MtuDiscover, SocketKind, SocketOption};
use crate::Errno;
use api::{DeviceId, JourneyId};
use std::net::IpAddr;
use std::time::Duration;

/// IP_MAX_MEMBERSHIPS
const MOST_GROUPS: usize = 20;

#[derive(Clone, Debug)]
pub(super) struct Options {
    /// `None` is `net.ipv4.ip_default_ttl`.
    pub ttl: Option<u8>,
    pub multicast_ttl: u8,
    pub multicast_device: Option<DeviceId>,
    pub tos: u8,
    pub broadcast: bool,
    pub device: Option<DeviceId>,
    pub mtu_discover: MtuDiscover,
    pub reuse_addr: bool,
    pub reuse_port: bool,
    pub recv_err: bool,
    pub header_included: bool,
    pub mark: u32,
    pub no_delay: bool,
    pub keep_alive: bool,
    pub keep_idle: Duration,
    pub user_timeout: Option<Duration>,
    pub transparent: bool,
    pub dont_route: bool,
    pub receive_buffer: u32,
    pub send_buffer: u32,
    pub v6_only: bool,
    pub filter: Option<Filter>,
    pub icmp_filter: u32,
    pub linger_zero: bool,
    pub groups: Vec<(IpAddr, Option<DeviceId>)>,
    /// The packet on whose behalf it sends.
    pub cause: Option<JourneyId>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ttl: None,
            multicast_ttl: 1,
            multicast_device: None,
            tos: 0,
            broadcast: false,
            device: None,
            mtu_discover: MtuDiscover::Want,
            reuse_addr: false,
            reuse_port: false,
            recv_err: false,
            header_included: false,
            mark: 0,
            no_delay: false,
            keep_alive: false,
            keep_idle: Duration::from_secs(7200),
            user_timeout: None,
            transparent: false,
            dont_route: false,
            // net.core.rmem_default, wmem_default
            receive_buffer: 212_992,
            send_buffer: 212_992,
            v6_only: false,
            filter: None,
            icmp_filter: 0,
            linger_zero: false,
            groups: Vec::new(),
            cause: None,
        }
    }
}

impl Options {
    pub fn set(&mut self, kind: &SocketKind, uid: u32, option: &SocketOption) -> Result<(), Errno> {
        let packet = matches!(kind, SocketKind::Packet { .. });
        let raw = matches!(kind, SocketKind::Raw { .. });
        let tcp = *kind == SocketKind::Tcp;
        let root = |allowed: bool| if allowed || uid == 0 { Ok(()) } else { Err(Errno::EPERM) };
        match option {
            SocketOption::Ttl(0) => return Err(Errno::EINVAL),
            SocketOption::Ttl(ttl) => self.ttl = Some(*ttl),
            SocketOption::MulticastTtl(ttl) => self.multicast_ttl = *ttl,
            SocketOption::MulticastDevice(device) => self.multicast_device = *device,
            SocketOption::Tos(tos) => self.tos = *tos,
            SocketOption::Broadcast(on) => self.broadcast = *on,
            SocketOption::BindToDevice(device) => self.device = *device,
            SocketOption::MtuDiscover(how) => self.mtu_discover = *how,
            SocketOption::ReuseAddr(on) => self.reuse_addr = *on,
            SocketOption::ReusePort(on) => self.reuse_port = *on,
            SocketOption::RecvErr(on) => self.recv_err = *on,
            SocketOption::HeaderIncluded(on) if raw => self.header_included = *on,
            SocketOption::Mark(mark) => {
                root(false)?;
                self.mark = *mark;
            }
            SocketOption::NoDelay(on) if tcp => self.no_delay = *on,
            SocketOption::KeepAlive(on) => self.keep_alive = *on,
            SocketOption::KeepIdle(idle) if tcp => self.keep_idle = *idle,
            SocketOption::UserTimeout(timeout) if tcp => self.user_timeout = *timeout,
            SocketOption::DontRoute(on) => self.dont_route = *on,
            SocketOption::Transparent(on) => {
                root(!on)?;
                self.transparent = *on;
            }
            // A ring that is shared with the program has no such limit.
            SocketOption::ReceiveBuffer(bytes) if packet => self.receive_buffer = *bytes,
            // The kernel doubles what is asked for, for its own book-keeping.
            SocketOption::ReceiveBuffer(bytes) => self.receive_buffer = doubled(*bytes, 2304),
            SocketOption::SendBuffer(bytes) => self.send_buffer = doubled(*bytes, 4608),
            SocketOption::V6Only(on) => self.v6_only = *on,
            SocketOption::Filter(filter) if packet => self.filter = Some(filter.clone()),
            SocketOption::IcmpFilter(mask) if *kind == (SocketKind::Raw { protocol: 1 }) => {
                self.icmp_filter = *mask
            }
            SocketOption::LingerZero(on) => self.linger_zero = *on,
            SocketOption::JoinGroup(group, device) => self.join(*group, *device)?,
            SocketOption::HeaderIncluded(_)
            | SocketOption::NoDelay(_)
            | SocketOption::KeepIdle(_)
            | SocketOption::UserTimeout(_)
            | SocketOption::Filter(_)
            | SocketOption::IcmpFilter(_) => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    fn join(&mut self, group: IpAddr, device: Option<DeviceId>) -> Result<(), Errno> {
        if !group.is_multicast() {
            return Err(Errno::EINVAL);
        }
        if self.groups.contains(&(group, device)) {
            return Err(Errno::EADDRINUSE);
        }
        if self.groups.len() >= MOST_GROUPS {
            return Err(Errno::ENOBUFS);
        }
        self.groups.push((group, device));
        Ok(())
    }
}

/// `net.core.rmem_max` and `wmem_max` bound it.
fn doubled(bytes: u32, least: u32) -> u32 {
    (bytes.min(212_992) * 2).max(least)
}
