//! `kube-controller-manager` and `kube-scheduler`: their ports and, behind them, the controllers and the scheduler.
//!
//! Always: each runs when the store has changed, once its last look is over, or when it asked to be run.
//! Differs from Kubernetes: they use the store directly, without leader election.

use super::page;
use crate::cluster::{self, Cluster, STORE};
use crate::object::{Kind, Time};
use linux::daemon::Crew;
use linux::{Command, Exit, Sys, WaitOn};
use sim::Instant;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

pub static KUBE_CONTROLLER_MANAGER: Command = Command {
    name: "kube-controller-manager",
    path: "/usr/local/bin/kube-controller-manager",
    man: "kube-controller-manager(8)",
    run: |sys, _| Box::pin(run(sys, 10257, Exit(1), |cluster| cluster.run_controllers())),
};

pub static KUBE_SCHEDULER: Command = Command {
    name: "kube-scheduler",
    path: "/usr/local/bin/kube-scheduler",
    man: "kube-scheduler(8)",
    run: |sys, _| Box::pin(run(sys, 10259, Exit::OK, |cluster| cluster.run_scheduler())),
};

/// What a look takes for each Pod there is. All that changes meanwhile is the next look's.
const LOOK: Duration = Duration::from_micros(1);

/// `over` is how it ends when it is told to: the controller manager counts that as a lost lease.
async fn run(sys: Sys, port: u16, over: Exit, step: fn(&mut Cluster) -> Option<Time>) -> Exit {
    sys.end_at_signals(over).await;
    let crew = Crew::default();
    let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let certificate = page::own_certificate("localhost");
    if !page::serve(&sys, &crew, local, "", Some(certificate)).await {
        let place = format!("127.0.0.1:{port}");
        let why = format!("listen tcp {place}: bind: address already in use");
        sys.eprint(format!("Error: failed to create listener: failed to listen on {place}: {why}\n")).await;
        return Exit::FAILURE;
    }
    let inner = sys.clone();
    crew.add(async move {
        let machine = inner.ask(|system, id| system.process(id).machine).await;
        loop {
            let (next, over) = inner
                .ask(move |system, _| {
                    let look = |cluster: &mut Cluster| (step(cluster), cluster.api.store.count(Kind::Pod));
                    let (next, pods) = cluster::change(system, machine, look).unwrap_or_default();
                    let over = system.now() + LOOK * u32::try_from(pods).unwrap_or(u32::MAX);
                    (next.map(|at| instant(system, at)), over)
                })
                .await;
            inner.wait(&[WaitOn::Notice(machine, STORE)], next).await;
            if inner.now().await < over {
                inner.wait(&[], Some(over)).await;
            }
        }
    });
    crew.run().await;
    Exit::OK
}

/// When the wall clock shows that second; never before the next instant.
fn instant(system: &linux::System, at: Time) -> Instant {
    let seconds = u64::try_from(at.0).unwrap_or(0).saturating_sub(linux::BOOT_SECONDS);
    (Instant::BOOT + Duration::from_secs(seconds)).max(system.now() + Duration::from_millis(1))
}
