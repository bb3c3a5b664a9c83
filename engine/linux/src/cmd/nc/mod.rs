//! `nc`: opens TCP and UDP connections, listens, and tells which ports answer. Source: nc(1), OpenBSD 1.219.
//! Not simulated: -F -P -U -V -X -x -Z.
//!
//! Always: it ends with 1 only if no connection was made; with -z nothing is sent over TCP.
//! Differs from nc: -D -I -m -O -S -t are taken and change nothing.

mod connect;
mod listen;
mod options;
mod relay;

use super::{Args, Command, Exit};
use crate::resolver::{self, GaiError, Hints};
use crate::sys::Sys;
use net::rtnetlink::Family;
use options::{Options, SUMMARY, Stop, USAGE};
use std::net::SocketAddr;

pub const NC: Command =
    Command { name: "nc", path: "/usr/bin/nc", man: "nc(1)", run: |sys, args| Box::pin(nc(sys, args)) };
pub const NETCAT: Command = Command {
    name: "netcat",
    path: "/usr/bin/netcat",
    man: "nc(1)",
    run: |sys, args| Box::pin(nc(sys, args)),
};

/// The words of an error that ends the program, without `nc: `.
struct Fatal(String);

async fn nc(sys: Sys, args: Args) -> Exit {
    let options = match Options::parse(&args) {
        Ok(options) => options,
        Err(Stop::Help) => {
            let version = "OpenBSD netcat (Debian patchlevel 1.219-1)\n";
            sys.eprint(format!("{version}{USAGE}{SUMMARY}")).await;
            return Exit::OK;
        }
        Err(Stop::Usage(complaint)) => {
            sys.eprint(format!("{complaint}{USAGE}")).await;
            return Exit(1);
        }
        Err(Stop::Fatal(text)) => {
            sys.eprint(format!("nc: {text}\n")).await;
            return Exit(1);
        }
    };
    let done = match options.listen {
        true => listen::listen(&sys, &options).await.map(|()| true),
        false => connect::connect_all(&sys, &options).await,
    };
    match done {
        Ok(true) => Exit::OK,
        Ok(false) => Exit(1),
        Err(Fatal(text)) => {
            sys.eprint(format!("nc: {text}\n")).await;
            Exit(1)
        }
    }
}

/// The addresses of a host, in the order to be tried.
async fn addresses(sys: &Sys, options: &Options, host: &str, port: u16) -> Result<Vec<SocketAddr>, GaiError> {
    if options.numeric && host.parse::<std::net::IpAddr>().is_err() && resolver::inet_aton(host).is_none() {
        return Err(GaiError::NoName);
    }
    let hints = Hints { family: options.family, ..Hints::default() };
    let found = resolver::getaddrinfo(sys, host, hints).await?;
    Ok(found.iter().map(|it| SocketAddr::new(it.address, port)).collect())
}

/// The wildcard address that is listened on, or bound to, where none was given.
fn wildcard(options: &Options, port: u16) -> SocketAddr {
    match options.family {
        Some(Family::Inet6) => (std::net::Ipv6Addr::UNSPECIFIED, port).into(),
        _ => (std::net::Ipv4Addr::UNSPECIFIED, port).into(),
    }
}

/// `Listening on …`, `Connection received on …`.
async fn report(sys: &Sys, options: &Options, what: &str, at: SocketAddr) {
    let name = match options.numeric {
        true => Ok(at.ip().to_string()),
        false => resolver::getnameinfo(sys, at.ip()).await,
    };
    match name {
        Ok(name) => sys.eprint(format!("{what} on {name} {}\n", at.port())).await,
        Err(error) => sys.eprint(format!("nc: getnameinfo: {}\n", error.text())).await,
    }
}
