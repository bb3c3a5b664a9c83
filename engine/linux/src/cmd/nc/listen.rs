//! `nc -l`: waits for a connection, or for the first datagram.
//!
//! Always: without -k it serves one peer and ends.

use super::connect::port_of;
use super::options::Options;
use super::{Fatal, addresses, relay, report, wildcard};
use crate::cmd::services::Services;
use crate::socket::Socket;
use crate::sys::Sys;
use net::{Errno, SocketKind, SocketOption};
use std::net::SocketAddr;

pub async fn listen(sys: &Sys, options: &Options) -> Result<(), Fatal> {
    let services = Services::read(sys).await;
    let port = port_of(options.port.as_deref().unwrap_or_default(), options.udp, &services)?;
    let local = match options.host.as_deref() {
        None => vec![wildcard(options, port)],
        Some(host) => addresses(sys, options, host, port)
            .await
            .map_err(|error| Fatal(format!("getaddrinfo: {}", error.text())))?,
    };
    loop {
        let socket = local_listen(sys, options, &local).await?;
        if options.verbose {
            let at = socket.local().await.map_err(plain)?;
            report(sys, options, if options.udp { "Bound" } else { "Listening" }, at).await;
        }
        serve(sys, options, &socket).await?;
        if !options.keep {
            return Ok(());
        }
    }
}

fn plain(errno: Errno) -> Fatal {
    Fatal(errno.to_string())
}

async fn serve(sys: &Sys, options: &Options, socket: &Socket) -> Result<(), Fatal> {
    if options.udp && options.keep {
        relay::relay(sys, options, socket, None).await;
        return Ok(());
    }
    if options.udp {
        let error = |errno| Fatal(format!("recvfrom: {errno}"));
        let Some(first) = socket.recv_from(None).await.map_err(error)? else { return Ok(()) };
        socket.connect(first.from, None).await.map_err(error)?;
        if options.verbose {
            report(sys, options, "Connection received", first.from).await;
        }
        relay::relay(sys, options, socket, Some(first.bytes)).await;
        return Ok(());
    }
    let (connection, peer) = socket.accept().await.map_err(|errno| Fatal(format!("accept: {errno}")))?;
    if options.verbose {
        report(sys, options, "Connection received", peer).await;
    }
    relay::relay(sys, options, &connection, None).await;
    Ok(())
}

/// Binds to the first of the addresses that can be bound to.
async fn local_listen(sys: &Sys, options: &Options, local: &[SocketAddr]) -> Result<Socket, Fatal> {
    let mut error = Errno::EADDRNOTAVAIL;
    for at in local {
        let kind = if options.udp { SocketKind::Udp } else { SocketKind::Tcp };
        let socket = sys.socket(kind).await.map_err(plain)?;
        socket.set(SocketOption::ReuseAddr(true)).await.ok();
        for option in options.socket_options() {
            socket.set(option).await.ok();
        }
        if let Err(errno) = socket.bind(*at).await {
            error = errno;
            continue;
        }
        if !options.udp {
            let listening = socket.call(|net, id| net.listen(id, 1)).await;
            listening.map_err(|errno| Fatal(format!("listen: {errno}")))?;
        }
        return Ok(socket);
    }
    Err(plain(error))
}
