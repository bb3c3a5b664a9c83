//! The kubelet's server on 10250: logs, exec and port-forward; and its health on 10248.
//!
//! Always: a stream goes on until either side ends. Differs from Kubernetes: in the clear and open to everybody;
//! exec and port-forward are answered by the runtime's own streams.
//! Source: kubernetes `pkg/kubelet/server/server.go`.

use super::Kubelet;
use crate::api::{Request, Response};
use crate::component::page::{self, BACKLOG};
use crate::http::Connection;
use crate::object::{Status, Time};
use container::runtime::{Container, Runtime, State};
use linux::{ContainerId, WaitOn, Woke};
use net::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

/// Adds the servers to the crew; false where a port is taken.
pub async fn serve(kubelet: &Rc<Kubelet>) -> bool {
    let health = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10248);
    if !page::serve(&kubelet.sys, &kubelet.crew, health, "").await {
        return false;
    }
    let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 10250);
    let Ok(listener) = kubelet.sys.listen(local, BACKLOG).await else { return false };
    let (inner, kubelet) = (kubelet.crew.clone(), Rc::clone(kubelet));
    let crew = kubelet.crew.clone();
    crew.add(inner.serve(listener, move |socket, _| {
        let kubelet = Rc::clone(&kubelet);
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            converse(&kubelet, Connection::new(socket)).await.ok();
        }
    }));
    true
}

async fn converse(kubelet: &Rc<Kubelet>, mut connection: Connection) -> Result<(), Errno> {
    while let Some(request) = page::request(&mut connection).await? {
        let words: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match words[..] {
            ["containerLogs", namespace, pod, container] => {
                return logs(kubelet, &connection, &request, (namespace, pod, container)).await;
            }
            ["healthz"] => connection.respond(&Response::text(200, "ok")).await?,
            _ => connection.respond(&Response::text(404, "404 page not found\n")).await?,
        }
    }
    Ok(())
}

/// The instance of a container that is asked about: the newest, or the one before it.
async fn find(kubelet: &Kubelet, place: (&str, &str, &str), previous: bool) -> Option<(ContainerId, bool)> {
    let machine = kubelet.machine;
    let (namespace, pod, name) = (place.0.to_owned(), place.1.to_owned(), place.2.to_owned());
    kubelet
        .sys
        .ask(move |system, _| {
            let runtime = Runtime::of(system, machine)?;
            let is_it =
                |it: &&Container| it.pod.namespace == namespace && it.pod.name == pod && it.name == name;
            let mut all: Vec<&Container> = runtime.containers.values().filter(is_it).collect();
            all.sort_by_key(|it| std::cmp::Reverse((it.created, it.attempt)));
            let found = all.get(usize::from(previous))?;
            Some((found.inner, found.state == State::Running))
        })
        .await
}

async fn logs(
    kubelet: &Rc<Kubelet>,
    connection: &Connection,
    request: &Request,
    place: (&str, &str, &str),
) -> Result<(), Errno> {
    let previous = request.is_true("previous");
    let Some((inner, _)) = find(kubelet, place, previous).await else {
        let (_, pod, name) = place;
        let words = match previous {
            true => format!("previous terminated container \"{name}\" in pod \"{pod}\" not found"),
            false => format!("container \"{name}\" in pod \"{pod}\" is waiting to start: ContainerCreating"),
        };
        let status = Status::bad_request(words);
        return connection.respond(&Response::json(400, &status.to_value())).await;
    };
    connection.begin_stream("text/plain").await?;
    let stamps = request.is_true("timestamps");
    let mut tail = request.query("tailLines").parse::<usize>().ok();
    let since = request.query("sinceSeconds").parse::<u64>().ok();
    let start = kubelet.sys.now().await;
    let mut from = 0;
    loop {
        let read = move |system: &mut linux::System, _| {
            let container = system.find_container(inner)?;
            let (lines, next) = container.log(from);
            let fresh = lines.filter(|it| since.is_none_or(|it_may| start.since(it.at).as_secs() <= it_may));
            let line = |it: &linux::Printed| {
                let mut bytes = Vec::new();
                if stamps {
                    let time = system.realtime(it.at);
                    let text = Time(i64::try_from(time.as_secs()).unwrap_or(0)).rfc3339();
                    let text = format!("{}.{:09}Z ", text.trim_end_matches('Z'), time.subsec_nanos());
                    bytes.extend(text.into_bytes());
                }
                bytes.extend_from_slice(&it.text);
                bytes
            };
            let lines: Vec<Vec<u8>> = fresh.map(line).collect();
            Some((lines, next))
        };
        let Some((lines, next)) = kubelet.sys.ask(read).await else { break };
        let skip = tail.take().map_or(0, |it| lines.len().saturating_sub(it));
        let bytes: Vec<u8> = lines.into_iter().skip(skip).flatten().collect();
        if !bytes.is_empty() {
            connection.write_chunk(&bytes).await?;
        }
        from = next;
        let runs = find(kubelet, place, previous).await.is_some_and(|it| it.1 && it.0 == inner);
        if !request.is_true("follow") || !runs {
            break;
        }
        match kubelet.sys.wait(&[WaitOn::Log(inner), connection.socket.wait_on()], None).await {
            Woke::Ready(0) => {}
            _ => match connection.socket.call(|net, id| net.recv(id, 1)).await {
                Err(Errno::EAGAIN) => {}
                _ => return Ok(()),
            },
        }
    }
    connection.write_chunk(b"").await
}
