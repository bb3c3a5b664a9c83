//! A name server as dnsmasq is one: zones of its own, answered over UDP and TCP; nothing is forwarded.
//!
//! Always: outside its zones it answers REFUSED (extended error 14, Not Ready); inside, NXDOMAIN for what is neither a
//! name nor above one. Answers of its own records carry `aa`, the others do not; all carry `ra`.
//! Started by the command `dnsmasq`, or as a fixture.
//! Differs from dnsmasq 2.90: no cache, no DHCP, no upstream servers, no zones to transfer.
//! Source: dnsmasq(8); how several addresses rotate was measured against 2.90.

mod config;
mod names;
mod zones;

pub use config::Settings;
pub use zones::Zones;

use super::crew::Crew;
use super::fixture::Listen;
use crate::dns::{Compression, Message};
use crate::resolver::MessageStream;
use crate::socket::Socket;
use crate::sys::Sys;
use net::Errno;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// TCP_BACKLOG of dnsmasq
const BACKLOG: u32 = 32;
/// Of a client that says nothing of its own (RFC 1035 §4.2.1), and `edns-packet-max`.
const UDP_BYTES: u16 = 512;
const EDNS_BYTES: u16 = 1232;

#[derive(Clone, Debug)]
pub struct Server {
    listen: Vec<Listen>,
    zones: Zones,
}

/// A server whose sockets are bound.
pub struct Ready {
    crew: Crew,
}

impl Server {
    pub fn new(listen: &[SocketAddr], zones: Zones) -> Server {
        let listen = listen.iter().map(|local| Listen { local: *local, dual: false, backlog: BACKLOG });
        Server { listen: listen.collect(), zones }
    }

    /// Binds its sockets; the address that could not be had, and why.
    pub async fn listen(self, sys: &Sys) -> Result<Ready, (IpAddr, Errno)> {
        let crew = Crew::default();
        let zones = Rc::new(RefCell::new(self.zones));
        for listen in self.listen {
            let fault = |errno| (listen.local.ip(), errno);
            let datagrams = listen.udp(sys).await.map_err(fault)?;
            let streams = listen.tcp(sys).await.map_err(fault)?;
            crew.add(serve_datagrams(datagrams, Rc::clone(&zones)));
            let (inner, shared) = (crew.clone(), Rc::clone(&zones));
            crew.add(inner.serve(streams, move |connection, _| {
                let zones = Rc::clone(&shared);
                // The client may hang up at any time; then there is nobody to tell.
                async move { serve_stream(connection, &zones).await.unwrap_or_default() }
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

async fn serve_datagrams(socket: Socket, zones: Rc<RefCell<Zones>>) {
    loop {
        match socket.recv_from(None).await {
            Ok(Some(datagram)) => {
                let Some(answer) = answered(&datagram.bytes, &zones, false) else { continue };
                socket.send_to(answer, datagram.from).await.ok();
            }
            Err(Errno::EBADF) => return,
            // An ICMP error about an answer of ours is no reason to end.
            _ => {}
        }
    }
}

async fn serve_stream(connection: Socket, zones: &RefCell<Zones>) -> Result<(), Errno> {
    let mut stream = MessageStream::new(&connection);
    while let Some(query) = stream.next(None).await? {
        let Some(answer) = answered(&query, zones, true) else { return Ok(()) };
        let mut bytes = (answer.len() as u16).to_be_bytes().to_vec();
        bytes.extend(answer);
        connection.write(&bytes, None).await?;
    }
    Ok(())
}

/// Nothing where the bytes are no question.
fn answered(bytes: &[u8], zones: &RefCell<Zones>, stream: bool) -> Option<Vec<u8>> {
    let query = Message::read(bytes).ok().filter(|message| !message.flags.response)?;
    let answer = zones.borrow_mut().answer(&query);
    let asked = query.edns.as_ref().map_or(UDP_BYTES, |edns| edns.udp_size.clamp(UDP_BYTES, EDNS_BYTES));
    let limit = if stream { usize::from(u16::MAX) } else { usize::from(asked) };
    Some(answer.write_within(Compression::Owners, limit))
}
