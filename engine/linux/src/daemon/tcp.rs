//! The test TCP servers: echo, sink, close, reset, hang, banner.

use super::crew::Crew;
use super::fixture::Listen;
use super::http::plain;
use crate::socket::Socket;
use crate::sys::Sys;
use net::{Errno, SocketKind, SocketOption};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// How long `hang` keeps a connection that its client has ended.
const HANG: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug)]
pub(super) enum Mode {
    /// Sends back what it gets.
    Echo,
    /// Reads and forgets.
    Sink,
    /// Reads once, then closes.
    Close,
    /// Reads once, then resets.
    Reset,
    /// Reads, never answers.
    Hang,
    /// Says this line, then closes.
    Banner(String),
}

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub listen: Listen,
    pub mode: Mode,
}

impl Listen {
    /// A listening TCP socket.
    pub async fn tcp(&self, sys: &Sys) -> Result<Socket, Errno> {
        let socket = sys.socket(SocketKind::Tcp).await?;
        socket.set(SocketOption::ReuseAddr(true)).await?;
        self.bind(&socket).await?;
        let backlog = self.backlog;
        socket.call(move |net, id| net.listen(id, backlog)).await?;
        Ok(socket)
    }

    /// A bound UDP socket.
    pub async fn udp(&self, sys: &Sys) -> Result<Socket, Errno> {
        let socket = sys.socket(SocketKind::Udp).await?;
        self.bind(&socket).await?;
        Ok(socket)
    }

    async fn bind(&self, socket: &Socket) -> Result<(), Errno> {
        if self.local.is_ipv6() {
            socket.set(SocketOption::V6Only(!self.dual)).await?;
        }
        socket.bind(self.local).await
    }
}

pub(super) async fn run(sys: Sys, crew: Crew, server: Server) -> Result<(), Errno> {
    let listener = server.listen.tcp(&sys).await?;
    let (mode, inner) = (Rc::new(server.mode), crew.clone());
    crew.add(inner.serve(listener, move |connection, peer| {
        let (sys, mode) = (sys.clone(), Rc::clone(&mode));
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            mode.converse(&sys, connection, peer).await.ok();
        }
    }));
    crew.run().await;
    Ok(())
}

impl Mode {
    async fn converse(&self, sys: &Sys, connection: Socket, peer: SocketAddr) -> Result<(), Errno> {
        match self {
            Mode::Banner(text) => {
                let line = text.replace("{peer}", &plain(peer.ip())) + "\n";
                connection.write(line.as_bytes(), None).await?;
            }
            Mode::Close => {
                connection.read(None).await?;
            }
            Mode::Reset => {
                connection.read(None).await?;
                connection.set(SocketOption::LingerZero(true)).await?;
            }
            Mode::Echo | Mode::Sink | Mode::Hang => {
                loop {
                    let bytes = connection.read(None).await?.unwrap_or_default();
                    if bytes.is_empty() {
                        break;
                    }
                    if matches!(self, Mode::Echo) {
                        connection.write(&bytes, None).await?;
                    }
                }
                if matches!(self, Mode::Hang) {
                    sys.sleep(HANG).await;
                }
            }
        }
        Ok(())
    }
}
