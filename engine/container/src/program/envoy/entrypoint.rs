//! `/docker-entrypoint.sh` of the image `envoyproxy/envoy`: puts `envoy` in front of options, and runs as user 101.
//!
//! Simulated: `$loglevel`, `$ENVOY_UID` (0 stays root; another number is taken), arguments that begin with `-`.
//! Differs from the image: a command of ours, not a script; no user is changed in `/etc/passwd`.
//! Source: envoy `ci/docker-entrypoint.sh`.

use linux::{Args, Command, Exit, Start, Sys};
use net::Errno;

pub static ENTRYPOINT: Command = Command {
    name: "envoy-entrypoint",
    path: "/docker-entrypoint.sh",
    man: "https://www.envoyproxy.io/docs/envoy/latest/start/docker",
    run: |sys, args| Box::pin(entrypoint(sys, args)),
};

/// The image's user `envoy`.
const ENVOY: u32 = 101;

async fn entrypoint(sys: Sys, args: Args) -> Exit {
    let mut words = args.rest().to_vec();
    if words.first().is_some_and(|it| it.starts_with('-')) {
        words.insert(0, "envoy".to_owned());
    }
    let level = sys.env("loglevel").await.filter(|it| !it.is_empty());
    if let Some(level) = level.filter(|_| words.first().is_some_and(|it| it == "envoy")) {
        words.extend(["--log-level".to_owned(), level]);
    }
    let Some(program) = words.first().cloned() else { return Exit::OK };
    let asked = sys.env("ENVOY_UID").await.unwrap_or_default();
    let number = asked.parse().unwrap_or(ENVOY);
    let user = (number != 0 && sys.uid().await == 0).then_some(number);
    let errno = sys.exec(Start { uid: user, gid: user, ..Start::new(words) }).await;
    let (why, exit) = match errno {
        Errno::ENOENT => ("not found".to_owned(), Exit(127)),
        errno => (errno.to_string(), Exit(126)),
    };
    sys.eprint_then(format!("/docker-entrypoint.sh: {program}: {why}\n"), exit).await
}
