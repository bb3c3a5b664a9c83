//! `etcd`: the ports of the cluster's database. Its contents are the store that the API server works on.
//! Simulated: 2379 and 2380 listen, 2381 answers /health and /metrics; `etcdctl` says that it is not.
//! Differs from etcd: no gRPC, no data directory.

use super::page::{self, BACKLOG};
use linux::daemon::Crew;
use linux::{Args, Command, Exit, Sys};
use std::net::SocketAddr;

pub static ETCD: Command = Command {
    name: "etcd",
    path: "/usr/local/bin/etcd",
    man: "etcd(8)",
    run: |sys, args| Box::pin(etcd(sys, args)),
};

/// It would speak gRPC.
pub static ETCDCTL: Command = Command {
    name: "etcdctl",
    path: "/usr/local/bin/etcdctl",
    man: "etcdctl(1)",
    run: |sys, _| {
        Box::pin(async move {
            sys.eprint(
                "etcdctl: not simulated in vethlab; use kubectl, or curl http://127.0.0.1:2381/health\n",
            )
            .await;
            Exit::FAILURE
        })
    },
};

/// The addresses behind `--listen-client-urls=https://127.0.0.1:2379,https://…`.
fn places(args: &Args, option: &str) -> Vec<SocketAddr> {
    let found = args.rest().iter().find_map(|it| it.strip_prefix(option)?.strip_prefix('='));
    let place = |url: &str| url.split("://").nth(1)?.parse().ok();
    found.unwrap_or_default().split(',').filter_map(place).collect()
}

async fn etcd(sys: Sys, args: Args) -> Exit {
    sys.end_at_signals(Exit::OK).await;
    let crew = Crew::default();
    for option in ["--listen-client-urls", "--listen-peer-urls"] {
        for local in places(&args, option) {
            let Ok(listener) = sys.listen(local, BACKLOG).await else {
                let why = format!("listen tcp {local}: bind: address already in use");
                let line =
                    format!("{{\"level\":\"fatal\",\"msg\":\"discovery failed\",\"error\":\"{why}\"}}\n");
                sys.eprint(line).await;
                return Exit::FAILURE;
            };
            // Nobody speaks gRPC here: who connects is heard and not answered.
            let inner = crew.clone();
            crew.add(inner.serve(listener, |socket, _| async move {
                while socket.read(None).await.is_ok_and(|it| it.is_some_and(|it| !it.is_empty())) {}
            }));
        }
    }
    for local in places(&args, "--listen-metrics-urls") {
        page::serve(&sys, &crew, local, "etcd_server_has_leader 1\n", None).await;
    }
    sys.eprint("{\"level\":\"info\",\"msg\":\"ready to serve client requests\"}\n").await;
    crew.run().await;
    Exit::OK
}
