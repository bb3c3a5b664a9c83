//! A name server as dnsmasq is one: records of its own, and questions passed on, over UDP and TCP.
//!
//! Always: outside its domains, with nobody to ask, it answers REFUSED (extended error 14, Not Ready); inside,
//! NXDOMAIN for what is neither a name nor above one. Answers of its own records carry `aa`; those it fetched keep the
//! server's, and lose it in the cache; all carry `ra`.
//! Started by the command `dnsmasq`, or as a fixture.
//! Differs from dnsmasq 2.90: no DHCP, no zones to transfer, only what exists is cached; all servers of a domain are
//! asked at once, and the first answer counts.
//! Source: dnsmasq(8); how several addresses rotate was measured against 2.90.

mod cache;
mod config;
mod forward;
mod log;
mod names;
mod rules;
mod zones;

pub use config::{Refusal, Settings};
pub use forward::Standard;
pub use log::{Log, To};
pub use rules::{Rule, Rules};
pub use zones::Zones;

use super::crew::Crew;
use super::fixture::Listen;
use crate::resolver::MessageStream;
use crate::socket::Socket;
use crate::sys::Sys;
use forward::Service;
use net::Errno;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// TCP_BACKLOG of dnsmasq
const BACKLOG: u32 = 32;
/// Of a client that says nothing of its own (RFC 1035 §4.2.1), and `edns-packet-max`.
const UDP_BYTES: u16 = 512;
const EDNS_BYTES: u16 = 1232;

#[derive(Clone, Debug)]
pub struct Server {
    pub listen: Vec<SocketAddr>,
    pub zones: Zones,
    pub standard: Standard,
    /// Questions sent to other addresses are not answered; empty: all are.
    pub only: Vec<IpAddr>,
    pub log: Log,
    pub cache_size: usize,
}

/// A server whose sockets are bound.
pub struct Ready {
    crew: Crew,
}

impl Server {
    /// Answers from its own records alone, to whatever address they are sent.
    pub fn new(listen: &[SocketAddr], zones: Zones) -> Server {
        let standard = Standard::These(Vec::new());
        let (listen, log) = (listen.to_vec(), Log::default());
        Server { listen, zones, standard, only: Vec::new(), log, cache_size: 0 }
    }

    /// Binds its sockets; the address that could not be had, and why.
    pub async fn listen(self, sys: &Sys) -> Result<Ready, (IpAddr, Errno)> {
        let crew = Crew::default();
        let places = self.listen.clone();
        let service = Rc::new(Service::new(self));
        for local in places {
            let listen = Listen { local, dual: false, backlog: BACKLOG };
            let fault = |errno| (local.ip(), errno);
            let (datagrams, streams) = match (listen.udp(sys).await, local.is_ipv6()) {
                // A machine without IPv6 is served over IPv4.
                (Err(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL), true) => continue,
                (datagrams, _) => (datagrams.map_err(fault)?, listen.tcp(sys).await.map_err(fault)?),
            };
            crew.add(serve_datagrams(sys.clone(), crew.clone(), Rc::new(datagrams), Rc::clone(&service)));
            let (inner, shared, calls) = (crew.clone(), Rc::clone(&service), sys.clone());
            crew.add(inner.serve(streams, move |connection, peer| {
                let (sys, service) = (calls.clone(), Rc::clone(&shared));
                // The client may hang up at any time; then there is nobody to tell.
                async move { serve_stream(&sys, connection, peer, &service).await.unwrap_or_default() }
            }));
        }
        Ok(Ready { crew })
    }
}

impl Ready {
    pub async fn serve(self) {
        self.crew.run().await;
    }
}

async fn serve_datagrams(sys: Sys, crew: Crew, socket: Rc<Socket>, service: Rc<Service>) {
    loop {
        match socket.recv_from(None).await {
            Ok(Some(datagram)) if service.hears(datagram.to.ip()) => {
                let (sys, socket, service) = (sys.clone(), Rc::clone(&socket), Rc::clone(&service));
                crew.add(async move {
                    let answer = service.answered(&sys, &datagram.bytes, datagram.from, false).await;
                    if let Some(answer) = answer {
                        // An ICMP error about an answer of ours is no reason to end.
                        socket.send_from(answer, datagram.from, datagram.to.ip()).await.ok();
                    }
                });
            }
            // The signals that it catches end it.
            Err(Errno::EBADF | Errno::EINTR) => return,
            _ => {}
        }
    }
}

async fn serve_stream(
    sys: &Sys,
    connection: Socket,
    peer: SocketAddr,
    service: &Service,
) -> Result<(), Errno> {
    if !service.hears(connection.local().await?.ip()) {
        return Ok(());
    }
    let mut stream = MessageStream::new(&connection);
    while let Some(query) = stream.next(None).await? {
        let Some(answer) = service.answered(sys, &query, peer, true).await else { return Ok(()) };
        let mut bytes = (answer.len() as u16).to_be_bytes().to_vec();
        bytes.extend(answer);
        connection.write(&bytes, None).await?;
    }
    Ok(())
}
