//! Sockets of a program: the network's socket calls as things that wait, and that close when dropped.
//!
//! Stands between programs and `net::socket`. Called by the network's commands and daemons.
//! Always: a socket is closed when its handle is dropped or its process ends, whichever comes first.
//! Differs from Linux: a socket has a file descriptor, and is handed to children, only where the shell opened
//! `/dev/tcp/HOST/PORT`.

use crate::fs::{Descriptor, Fd, OpenFlags, OpenKind};
use crate::process::{Process, ProcessId};
use crate::sys::{Sys, Syscall, Woke};
use crate::system::System;
use crate::waiting::WaitOn;
use api::NetnsId;
use net::{Datagram, Errno, Network, Owner, Shutdown, SocketId, SocketKind, SocketOption};
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// Which process holds which sockets.
pub(crate) type Held = BTreeMap<ProcessId, BTreeSet<SocketId>>;

/// The first number that `/proc/PID/fd` shows of a socket.
const FIRST_INODE: u64 = 40_000;

/// What one call of [`Socket::read`] takes at most.
const READ_BYTES: usize = 65_536;

impl System {
    /// Wakes the programs whose sockets have become ready.
    pub(crate) fn wake_sockets(&mut self) {
        for id in self.net.take_woken() {
            self.wake(WaitOn::Socket(id));
        }
    }

    /// A socket for a program that keeps its own books: closed by [`System::socket_close`], or with the process.
    pub fn socket_open(&mut self, holder: ProcessId, kind: SocketKind) -> Result<SocketId, Errno> {
        let process = self.process(holder);
        let (netns, owner) = (process.netns, owner_of(process));
        let id = self.net.socket(netns, kind, owner)?;
        self.hold_socket(holder, id);
        Ok(id)
    }

    /// accept(2), in the same way.
    pub fn socket_accept(
        &mut self,
        holder: ProcessId,
        listener: SocketId,
    ) -> Result<(SocketId, SocketAddr), Errno> {
        let (id, peer) = self.net.accept(listener)?;
        self.hold_socket(holder, id);
        Ok((id, peer))
    }

    fn hold_socket(&mut self, holder: ProcessId, id: SocketId) {
        self.sockets.entry(holder).or_default().insert(id);
    }

    pub fn socket_close(&mut self, holder: ProcessId, id: SocketId) {
        if self.sockets.get_mut(&holder).is_some_and(|held| held.remove(&id)) {
            self.net.close(id).ok();
        }
    }

    /// The process is over.
    pub(crate) fn close_sockets_of(&mut self, holder: ProcessId) {
        for id in self.sockets.remove(&holder).unwrap_or_default() {
            self.net.close(id).ok();
        }
    }
}

fn owner_of(process: &Process) -> Owner {
    Owner { pid: process.pid, uid: process.uid, gid: process.gid, program: process.name.clone() }
}

impl Sys {
    /// socket(2)
    pub async fn socket(&self, kind: SocketKind) -> Result<Socket, Errno> {
        self.new_socket(kind, Network::socket).await
    }

    /// As [`Sys::socket`], of a program whose file carries CAP_NET_RAW: `ping`, `arping`.
    pub async fn socket_capable(&self, kind: SocketKind) -> Result<Socket, Errno> {
        self.new_socket(kind, Network::socket_capable).await
    }

    /// As [`Sys::socket`], in a namespace that the process has entered (setns(2)).
    pub async fn socket_in(&self, netns: NetnsId, kind: SocketKind) -> Result<Socket, Errno> {
        self.new_socket(kind, move |net, _, kind, owner| net.socket(netns, kind, owner)).await
    }

    async fn new_socket(
        &self,
        kind: SocketKind,
        make: impl FnOnce(&mut Network, NetnsId, SocketKind, Owner) -> Result<SocketId, Errno> + 'static,
    ) -> Result<Socket, Errno> {
        let id = self
            .ask(move |system, process| {
                let (holder, netns) = (system.process(process), system.process(process).netns);
                let owner = owner_of(holder);
                let id = make(&mut system.net, netns, kind, owner)?;
                system.hold_socket(process, id);
                Ok(id)
            })
            .await?;
        Ok(Socket { id, sys: self.clone() })
    }

    /// A TCP socket that listens there; the steps of a server, with the first error.
    pub async fn listen(&self, local: SocketAddr, backlog: u32) -> Result<Socket, Errno> {
        let socket = self.socket(SocketKind::Tcp).await?;
        socket.set(SocketOption::ReuseAddr(true)).await?;
        socket.bind(local).await?;
        socket.call(move |net, id| net.listen(id, backlog)).await?;
        Ok(socket)
    }
}

/// What [`Socket::until`] tries.
type Attempt<T> = dyn Fn(&mut Network, SocketId) -> Result<T, Errno>;

/// An open socket.
pub struct Socket {
    id: SocketId,
    sys: Sys,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let id = self.id;
        self.sys.post(move |system, process| system.socket_close(process, id));
    }
}

impl Socket {
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// For [`Sys::wait`].
    pub fn wait_on(&self) -> WaitOn {
        WaitOn::Socket(self.id)
    }

    /// A call that answers at once; `EAGAIN` where it would have to wait.
    pub fn call<T: 'static>(
        &self,
        call: impl FnOnce(&mut Network, SocketId) -> Result<T, Errno> + 'static,
    ) -> Syscall<Result<T, Errno>> {
        let id = self.id;
        self.sys.ask(move |system, _| call(&mut system.net, id))
    }

    /// Tries until it answers or the deadline comes (`None`); a caught signal is `EINTR`, and still there for
    /// [`Sys::wait`].
    pub fn until<T: 'static>(
        &self,
        deadline: Option<Instant>,
        attempt: impl Fn(&mut Network, SocketId) -> Result<T, Errno> + 'static,
    ) -> impl Future<Output = Result<Option<T>, Errno>> {
        self.until_rc(deadline, Rc::new(attempt))
    }

    /// The same, compiled once for each answer.
    async fn until_rc<T: 'static>(
        &self,
        deadline: Option<Instant>,
        attempt: Rc<Attempt<T>>,
    ) -> Result<Option<T>, Errno> {
        loop {
            let attempt = Rc::clone(&attempt);
            match self.call(move |net, id| attempt(net, id)).await {
                Err(Errno::EAGAIN) => {}
                answer => return answer.map(Some),
            }
            match self.sys.wait(&[self.wait_on()], deadline).await {
                Woke::Ready(_) => {}
                Woke::Timeout => return Ok(None),
                Woke::Signal(signal) => {
                    self.sys.ask(move |system, id| system.put_back_signal(id, signal)).await;
                    return Err(Errno::EINTR);
                }
            }
        }
    }

    /// Hands the socket over to a descriptor of this process, which closes it from now on.
    pub(crate) fn into_fd(self) -> Syscall<Result<Fd, Errno>> {
        let id = self.id;
        self.sys.ask(move |system, process| {
            let fd = system.free_fd(process, 0)?;
            if let Some(held) = system.sockets.get_mut(&process) {
                held.remove(&id);
            }
            let flags = OpenFlags { read: true, write: true, ..OpenFlags::default() };
            let path = format!("socket:[{}]", FIRST_INODE + u64::from(fd.unsigned_abs()));
            let file = system.open_kind(OpenKind::Socket(id), flags, path);
            system.install(process, fd, Descriptor { file, close_on_exec: false });
            Ok(fd)
        })
    }

    pub fn set(&self, option: SocketOption) -> Syscall<Result<(), Errno>> {
        self.call(move |net, id| net.set_option(id, option))
    }

    pub fn bind(&self, local: SocketAddr) -> Syscall<Result<(), Errno>> {
        self.call(move |net, id| net.bind(id, local))
    }

    /// Waits for the connection of a TCP socket; `None` at the deadline.
    pub async fn connect(&self, peer: SocketAddr, deadline: Option<Instant>) -> Result<Option<()>, Errno> {
        match self.call(move |net, id| net.connect(id, peer)).await {
            Err(Errno::EINPROGRESS) => self.until(deadline, connected).await,
            answer => answer.map(Some),
        }
    }

    pub async fn accept(&self) -> Result<(Socket, SocketAddr), Errno> {
        let (id, peer) = self.until(None, |net, id| net.accept(id)).await?.ok_or(Errno::EAGAIN)?;
        self.sys.ask(move |system, process| system.hold_socket(process, id)).await;
        Ok((Socket { id, sys: self.sys.clone() }, peer))
    }

    /// Up to [`READ_BYTES`] of a stream; empty at its end, `None` at the deadline.
    pub async fn read(&self, deadline: Option<Instant>) -> Result<Option<Vec<u8>>, Errno> {
        self.until(deadline, |net, id| net.recv(id, READ_BYTES)).await
    }

    /// Sends all of it; `None` where the deadline came first.
    pub async fn write(&self, bytes: &[u8], deadline: Option<Instant>) -> Result<Option<()>, Errno> {
        let bytes = Rc::new(bytes.to_vec());
        let mut done = 0;
        while done < bytes.len() {
            let bytes = Rc::clone(&bytes);
            match self.until(deadline, move |net, id| net.send(id, &bytes[done..])).await? {
                Some(sent) => done += sent,
                None => return Ok(None),
            }
        }
        Ok(Some(()))
    }

    pub fn send_to(&self, bytes: Vec<u8>, to: SocketAddr) -> Syscall<Result<usize, Errno>> {
        self.call(move |net, id| net.send_to(id, &bytes, to))
    }

    /// From that address of this machine, as a server answers from where it was asked.
    pub async fn send_from(&self, bytes: Vec<u8>, to: SocketAddr, source: IpAddr) -> Result<usize, Errno> {
        self.call(move |net, id| net.send_from(id, &bytes, to, source)).await
    }

    /// One datagram of a connected socket.
    pub fn send(&self, bytes: Vec<u8>) -> Syscall<Result<usize, Errno>> {
        self.call(move |net, id| net.send(id, &bytes))
    }

    pub async fn recv_from(&self, deadline: Option<Instant>) -> Result<Option<Datagram>, Errno> {
        self.until(deadline, |net, id| net.recv_from(id)).await
    }

    pub fn shutdown(&self, how: Shutdown) -> Syscall<Result<(), Errno>> {
        self.call(move |net, id| net.shutdown(id, how))
    }

    pub fn local(&self) -> Syscall<Result<SocketAddr, Errno>> {
        self.call(|net, id| net.local_address(id))
    }

    pub fn peer(&self) -> Syscall<Result<SocketAddr, Errno>> {
        self.call(|net, id| net.peer_address(id))
    }
}

/// Has the handshake ended?
pub(crate) fn connected(net: &mut Network, id: SocketId) -> Result<(), Errno> {
    let readiness = net.readiness(id)?;
    match net.take_error(id)? {
        Some(errno) => Err(errno),
        None if readiness.writable => Ok(()),
        None => Err(Errno::EAGAIN),
    }
}
