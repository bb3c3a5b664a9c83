//! `pause`: holds a sandbox's namespaces and does nothing. Source: kubernetes `build/pause/linux/pause.c`.

use linux::{Command, Exit, Signal, Sys, Woke};

pub static PAUSE: Command =
    Command { name: "pause", path: "/pause", man: "pause(2)", run: |sys, _| Box::pin(pause(sys)) };

pub(super) async fn pause(sys: Sys) -> Exit {
    sys.catch(Signal::Int).await;
    sys.catch(Signal::Term).await;
    loop {
        if let Woke::Signal(_) = sys.wait(&[], None).await {
            return Exit::OK;
        }
    }
}
