//! Ports of this machine that lead to ports of a pod.
//!
//! Always: one stream to the API server for each connection; the first that fails ends all, as with kubectl.
//! Differs from kubectl: see `websocket`; that the pod has gone shows at the next connection.
//! Source: client-go `tools/portforward`.

use super::{clock, streams};
use crate::client::Client;
use crate::component::page::BACKLOG;
use crate::kubectl::Forward;
use crate::kubelet::{DATA, FAULT};
use crate::websocket::{self, WebSocket};
use linux::Sys;
use linux::daemon::Crew;
use linux::socket::Socket;
use net::Errno;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// What one turn takes from a connection.
const BUFFER: usize = 16_384;

/// What the connections share.
struct Shared {
    sys: Sys,
    client: Client,
    forward: Forward,
    fault: RefCell<Option<String>>,
}

pub async fn forward(sys: &Sys, client: &Client, forward: Forward) -> Result<(), String> {
    let (crew, mut listening) = (Crew::default(), 0);
    let shared =
        Rc::new(Shared { sys: sys.clone(), client: client.clone(), forward, fault: RefCell::default() });
    for (local, remote) in shared.forward.ports.clone() {
        let mut faults = Vec::new();
        let mut opened = 0;
        for address in &shared.forward.addresses {
            let place = SocketAddr::new(*address, local);
            let family = if address.is_ipv4() { "tcp4" } else { "tcp6" };
            match sys.listen(place, BACKLOG).await {
                Ok(listener) => {
                    let own = listener.local().await.map_or(place, |it| SocketAddr::new(*address, it.port()));
                    sys.print(format!("Forwarding from {own} -> {remote}\n")).await;
                    opened += 1;
                    let (inner, shared, port) = (crew.clone(), Rc::clone(&shared), own.port());
                    crew.add(inner.serve(listener, move |socket, _| {
                        let shared = Rc::clone(&shared);
                        async move { shared.connection(socket, port, remote).await }
                    }));
                }
                Err(errno) => {
                    let why = errno.to_string().to_lowercase();
                    faults.push(format!(
                        "unable to create listener: Error listen {family} {place}: bind: {why}"
                    ));
                }
            }
        }
        listening += opened;
        if opened == 0 {
            let all = faults.join(" ");
            sys.eprint(format!(
                "Unable to listen on port {local}: Listeners failed to create with the following errors: [{all}]\n"
            ))
            .await;
        }
    }
    if listening == 0 {
        let ports = shared.forward.ports.iter().map(|(local, remote)| format!("{{{local} {remote}}}"));
        let ports = ports.collect::<Vec<_>>().join(" ");
        return Err(format!("unable to listen on any of the requested ports: [{ports}]"));
    }
    let mut run = pin!(crew.run());
    poll_fn(|context| {
        let over = run.as_mut().poll(context);
        match shared.fault.borrow_mut().take() {
            Some(why) => Poll::Ready(Err(why)),
            None => over.map(Ok),
        }
    })
    .await
}

impl Shared {
    async fn connection(&self, near: Socket, local: u16, remote: u16) {
        self.sys.print(format!("Handling connection for {local}\n")).await;
        let request = self.forward.request.clone().with_query("ports", remote.to_string());
        let carried = match WebSocket::open(&self.client, request, websocket::PORTS).await {
            Ok(mut socket) => self.carry(&mut socket, &near).await,
            Err(refused) => Err(streams::refused(refused)),
        };
        if let Err(why) = carried {
            let words = format!("an error occurred forwarding {local} -> {remote}: {why}");
            let time = clock(&self.sys).await.rfc3339();
            let (month, day, clock) = (&time[5..7], &time[8..10], &time[11..19]);
            self.sys
                .eprint(format!(
                    "E{month}{day} {clock}.000000       1 portforward.go:424] \"Unhandled Error\" err={words:?}\n"
                ))
                .await;
            self.fault.replace(Some("lost connection to pod".to_owned()));
        }
    }

    /// Bytes both ways; an error is the other side's.
    async fn carry(&self, socket: &mut WebSocket, near: &Socket) -> Result<(), String> {
        // Each channel begins with the port it is for.
        let mut greeted = [false; 2];
        loop {
            let mut moved = false;
            loop {
                let (channel, bytes) = match socket.receive().await {
                    Ok(Some(message)) => message,
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                };
                moved = true;
                let Some(greeted) = greeted.get_mut(usize::from(channel)) else { continue };
                if !std::mem::replace(greeted, true) {
                    continue;
                }
                match channel {
                    FAULT => return Err(String::from_utf8_lossy(&bytes).into_owned()),
                    // The client may have gone; that shows below.
                    _ => drop(near.write(&bytes, None).await),
                }
            }
            match near.call(|net, id| net.recv(id, BUFFER)).await {
                Err(Errno::EAGAIN) => {}
                Ok(bytes) if !bytes.is_empty() => {
                    moved = true;
                    if socket.send(DATA, &bytes).await.is_err() {
                        return Ok(());
                    }
                }
                // The client has ended.
                _ => return socket.close().await.map_err(|errno| errno.to_string()),
            }
            if !moved {
                self.sys.wait(&[socket.wait_on(), near.wait_on()], None).await;
            }
        }
    }
}
