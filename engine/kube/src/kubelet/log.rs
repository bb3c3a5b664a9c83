//! What a container printed, as the kubelet tells it: whole, or the end of it, or on and on.
//!
//! Always: a line is told once it is whole, or its container over.
//! Source: kubernetes `pkg/kubelet/kuberuntime/logs`.

use super::Kubelet;
use crate::api::{Request, Response};
use crate::http::Connection;
use crate::object::{Status, Time};
use container::runtime::{Container, Runtime, State};
use linux::{ContainerId, Printed, System, WaitOn, Woke};
use net::Errno;
use std::rc::Rc;
use std::time::Duration;

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

/// What of a log is told.
#[derive(Clone, Copy)]
struct Options {
    stamps: bool,
    /// Seconds since 1970.
    since: Option<u64>,
}

impl Options {
    fn of(request: &Request, now: Duration) -> Options {
        let seconds = request.query("sinceSeconds").parse::<u64>().ok();
        let time = Time::parse(request.query("sinceTime")).and_then(|it| u64::try_from(it.0).ok());
        let since = seconds.map(|it| now.as_secs().saturating_sub(it)).or(time);
        Options { stamps: request.is_true("timestamps"), since }
    }

    fn line(self, system: &System, line: &Printed) -> Option<Vec<u8>> {
        let time = system.realtime(line.at);
        if self.since.is_some_and(|since| time.as_secs() < since) {
            return None;
        }
        let mut bytes = Vec::new();
        if self.stamps {
            let text = Time(i64::try_from(time.as_secs()).unwrap_or(0)).rfc3339();
            let text = format!("{}.{:09}Z ", text.trim_end_matches('Z'), time.subsec_nanos());
            bytes.extend(text.into_bytes());
        }
        bytes.extend_from_slice(&line.text);
        Some(bytes)
    }
}

/// The lines from `from` on, and the number of the first that is not among them.
fn lines(
    system: &System,
    inner: ContainerId,
    from: usize,
    runs: bool,
    options: Options,
) -> Option<(Vec<Vec<u8>>, usize)> {
    let container = system.find_container(inner)?;
    let (all, mut next) = container.log(from);
    let mut all: Vec<&Printed> = all.collect();
    if runs && all.last().is_some_and(|it| !it.text.ends_with(b"\n")) {
        all.pop();
        next -= 1;
    }
    Some((all.into_iter().filter_map(|it| options.line(system, it)).collect(), next))
}

pub async fn logs(
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
    let now = kubelet.sys.ask(|system, _| system.realtime(system.now())).await;
    let options = Options::of(request, now);
    let mut tail = request.query("tailLines").parse::<usize>().ok();
    let mut room = request.query("limitBytes").parse::<usize>().unwrap_or(usize::MAX);
    let mut from = 0;
    loop {
        let runs = find(kubelet, place, previous).await.is_some_and(|it| it.1 && it.0 == inner);
        let read = kubelet.sys.ask(move |system, _| lines(system, inner, from, runs, options)).await;
        let Some((lines, next)) = read else { break };
        let skip = tail.take().map_or(0, |it| lines.len().saturating_sub(it));
        let mut bytes: Vec<u8> = lines.into_iter().skip(skip).flatten().collect();
        bytes.truncate(room);
        room -= bytes.len();
        if !bytes.is_empty() {
            connection.write_chunk(&bytes).await?;
        }
        from = next;
        if !request.is_true("follow") || !runs || room == 0 {
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
