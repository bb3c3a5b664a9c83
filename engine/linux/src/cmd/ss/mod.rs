//! `ss`: lists the sockets of this namespace. Source: ss(8), iproute2 6.1.0.
//! Not simulated: -b -D -E -F -K -M -Z; unix, netlink, SCTP and vsock sockets (there are none).
//!
//! Always: a column is as wide as its widest cell; on a terminal the columns spread over its width.

mod filter;
mod options;
mod row;
mod table;

use super::services::Services;
use super::{Args, Command, Exit};
use crate::sys::Sys;
use api::DeviceId;
use net::{Errno, SocketInfo, SocketKind, SocketState};
use options::{Options, Stop, USAGE};
use std::collections::BTreeMap;

pub const SS: Command =
    Command { name: "ss", path: "/usr/bin/ss", man: "ss(8)", run: |sys, args| Box::pin(ss(sys, args)) };

/// What the rows are written with.
struct Names {
    services: Services,
    devices: BTreeMap<DeviceId, String>,
    /// The first is the descriptor that a process's sockets are numbered from.
    descriptors: BTreeMap<net::SocketId, u32>,
}

async fn ss(sys: Sys, args: Args) -> Exit {
    let services = Services::read(&sys).await;
    let options = match Options::parse(&args, &services) {
        Ok(options) => options,
        Err(Stop::Print(text)) => {
            sys.print(text).await;
            return Exit::OK;
        }
        Err(Stop::Usage(complaint)) => {
            sys.eprint(format!("{complaint}{USAGE}")).await;
            return Exit(255);
        }
        Err(Stop::Fatal(text)) => {
            sys.eprint(text).await;
            return Exit(255);
        }
        Err(Stop::Refused(text)) => {
            sys.eprint(text).await;
            return Exit::FAILURE;
        }
    };
    if let Some(name) = &options.netns {
        match sys.netns_to_enter(name).await {
            Ok(netns) => sys.enter_netns(netns, Some(name)).await,
            Err(errno) => {
                let what = match errno {
                    Errno::EINVAL | Errno::EPERM => {
                        format!("setting the network namespace \"{name}\" failed")
                    }
                    _ => format!("Cannot open network namespace \"{name}\""),
                };
                sys.eprint(format!("{what}: {errno}\n")).await;
                return Exit::FAILURE;
            }
        }
    }
    let sockets = sys.net(|net, ns| net.sockets(ns)).await;
    if options.summary {
        sys.print(summary(&sockets)).await;
        if options.only_summary {
            return Exit::OK;
        }
    }
    let width = match sys.is_tty(1).await {
        true => sys.terminal_size().await.map(|(columns, _)| columns),
        false => None,
    };
    let names = Names { services, devices: devices(&sys).await, descriptors: descriptors(&sockets) };
    let mut table = table::Table::new(&options);
    for database in ["p_dgr", "p_raw", "raw", "udp", "tcp"] {
        if !options.databases.contains(database) {
            continue;
        }
        for socket in sockets.iter().filter(|it| row::database(&it.kind) == Some(database)) {
            if options.takes(socket, &names.devices) {
                table.add(row::cells(socket, database, &options, &names));
            }
        }
    }
    sys.print(table.render(width.map(usize::from))).await;
    Exit::OK
}

async fn devices(sys: &Sys) -> BTreeMap<DeviceId, String> {
    sys.net(|net, ns| net.links(ns).into_iter().map(|link| (link.id, link.name)).collect()).await
}

/// A process's sockets stand behind stdin, stdout and stderr, in the order they were made.
fn descriptors(sockets: &[SocketInfo]) -> BTreeMap<net::SocketId, u32> {
    let mut held: BTreeMap<u32, Vec<net::SocketId>> = BTreeMap::new();
    for socket in sockets {
        if let Some(id) = socket.id {
            held.entry(socket.owner.pid).or_default().push(id);
        }
    }
    let mut numbers = BTreeMap::new();
    for ids in held.values_mut() {
        ids.sort_unstable();
        numbers.extend(ids.iter().zip(3..).map(|(id, fd)| (*id, fd)));
    }
    numbers
}

/// -s
fn summary(sockets: &[SocketInfo]) -> String {
    let count = |v6: bool, fits: &dyn Fn(&SocketInfo) -> bool| {
        sockets.iter().filter(|it| it.v6 == v6 && fits(it)).count()
    };
    let line = |name: &str, (v4, v6): (usize, usize)| format!("{name}\t  {:<9} {v4:<9} {v6:<9}\n", v4 + v6);
    let both = |fits: &dyn Fn(&SocketInfo) -> bool| (count(false, fits), count(true, fits));
    let raw = both(&|it| matches!(it.kind, SocketKind::Raw { .. }));
    let udp = both(&|it| it.kind == SocketKind::Udp);
    let hashed = |it: &SocketInfo| {
        it.kind == SocketKind::Tcp && it.state != SocketState::TimeWait && it.state != SocketState::Close
    };
    let tcp = both(&hashed);
    let all = both(&|it| it.kind == SocketKind::Tcp);
    let waiting = both(&|it| it.state == SocketState::TimeWait);
    let established = both(&|it| it.kind == SocketKind::Tcp && it.state == SocketState::Established);
    let sum = |pair: (usize, usize)| pair.0 + pair.1;
    let total = sockets.iter().filter(|it| it.id.is_some()).count();
    let closed = sum(all) - sum(tcp);
    format!(
        "Total: {total}\nTCP:   {} (estab {}, closed {closed}, orphaned 0, timewait {})\n\n\
         Transport Total     IP        IPv6\n{}{}{}{}{}\n",
        sum(all),
        sum(established),
        sum(waiting),
        line("RAW", raw),
        line("UDP", udp),
        line("TCP", tcp),
        line("INET", (raw.0 + udp.0 + tcp.0, raw.1 + udp.1 + tcp.1)),
        line("FRAG", (0, 0)),
    )
}
