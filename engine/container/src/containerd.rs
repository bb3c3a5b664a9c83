//! `containerd`: the daemon that containers are children of.
//!
//! Always: a container's end is noted in [`crate::runtime`] at the instant it comes.
//! Differs from containerd: no shims, so when it ends its containers go on but nobody learns of their end.

use crate::runtime::{self, CHANGED, Runtime};
use linux::{Command, Exit, Signal, Sys, WaitOn, Woke};

pub static CONTAINERD: Command = Command {
    name: "containerd",
    path: "/usr/bin/containerd",
    man: "containerd(8)",
    run: |sys, _| Box::pin(run(sys)),
};

async fn run(sys: Sys) -> Exit {
    sys.catch(Signal::Term).await;
    let id = sys.id;
    let known = sys
        .ask(move |system, id| {
            let machine = system.process(id).machine;
            let runtime = Runtime::of_mut(system, machine).map(|it| it.daemon = Some(id));
            system.wake(WaitOn::Notice(machine, CHANGED));
            runtime.is_some()
        })
        .await;
    if !known {
        sys.eprint("containerd: this machine has no container runtime\n").await;
        return Exit::FAILURE;
    }
    loop {
        sys.ask(|system, id| {
            let machine = system.process(id).machine;
            for (child, exit, signal) in system.reap_children(id) {
                runtime::ended(system, machine, child, exit, signal.map_or(0, Signal::number));
            }
        })
        .await;
        if let Woke::Signal(_) = sys.wait(&[WaitOn::Children(id)], None).await {
            return Exit::OK;
        }
    }
}
