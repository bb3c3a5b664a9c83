//! Servers that run on machines: what labs publish, and what recorded scenarios call fixtures.
//!
//! A daemon is a process like any other: it is started with a name, a user and a namespace, listens with real sockets
//! that `ss` shows, and ends by a signal. Those that are real programs (`nginx`, `dnsmasq`, `python3 -m http.server`)
//! are commands too.
//! Always: a daemon listens within the instant it is started, or has ended with exit code 1.
//! Differs from Linux: test servers answer with fixed templates; a template's words are in `fixture.rs`.

mod crew;
pub mod dns;
mod fixture;
mod http;
mod nginx;
pub(crate) mod python;
mod remote;
mod sshd;
mod tcp;
mod udp;

pub use crew::{Crew, seen};
pub use fixture::Fixture;
pub use nginx::Nginx;
pub use remote::{Remote, Turn, Window};

use crate::captured::environment;
use crate::cmd::Exit;
use crate::process::ProcessId;
use crate::sys::Sys;
use crate::system::{Spawn, System};
use api::{MachineId, NetnsId};
use net::Errno;

/// What is wrong with a daemon's options, in words for whoever wrote them.
pub type Complaint = String;

impl System {
    /// Starts a fixture. It listens once the world has been stepped at this instant.
    pub fn fixture_start(
        &mut self,
        machine: MachineId,
        netns: Option<(NetnsId, String)>,
        fixture: Fixture,
    ) -> Result<ProcessId, Errno> {
        let (netns, netns_name) = match netns {
            Some((netns, name)) => (netns, Some(name)),
            None => (self.host(machine).netns, None),
        };
        let spawn = Spawn {
            machine,
            container: None,
            parent: None,
            netns,
            netns_name,
            uid: fixture.uid,
            cwd: "/".to_owned(),
            environment: environment(),
            arguments: vec![fixture.name.clone()],
            group: None,
            tty: None,
        };
        self.spawn_program(spawn, move |sys| Box::pin(fixture.run(sys)))
    }
}

/// The ends of a daemon: it has run until its listener was gone, or could not listen at all.
fn ended(outcome: Result<(), Errno>) -> Exit {
    if outcome.is_ok() { Exit::OK } else { Exit::FAILURE }
}

impl Fixture {
    async fn run(self, sys: Sys) -> Exit {
        use fixture::Kind;
        let crew = Crew::default();
        ended(match self.kind {
            Kind::Http(server) => http::run(sys, crew, server).await,
            Kind::Tcp(server) => tcp::run(sys, crew, server).await,
            Kind::Udp(server) => udp::run(sys, server).await,
            Kind::DnsRcode(server) => udp::run_rcode(sys, server).await,
            Kind::Dns(server) => match server.listen(&sys).await {
                Ok(ready) => {
                    ready.serve().await;
                    Ok(())
                }
                Err((_, errno)) => Err(errno),
            },
            Kind::Nginx(server) => nginx::run(sys, crew, server).await,
        })
    }
}
