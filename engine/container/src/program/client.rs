//! `caller`: asks a URL again and again, as a client of a service does, and prints one line each time.
//!
//! `caller URL [SECONDS]`, or the environment's `URL` and `INTERVAL`; the request is made by `curl`.
//! Ours alone: no image of the real world.

use linux::{Args, Command, Exit, Start, Sys, Woke};
use std::time::Duration;

pub static CALLER: Command = Command {
    name: "caller",
    path: "/caller",
    man: "caller(1)",
    run: |sys, args| Box::pin(caller(sys, args)),
};

async fn caller(sys: Sys, args: Args) -> Exit {
    let word = |at: usize| args.rest().get(at).cloned();
    let (url, interval) = (sys.env("URL").await, sys.env("INTERVAL").await);
    let Some(url) = word(0).or(url) else {
        sys.eprint("usage: caller URL [SECONDS]\n").await;
        return Exit(2);
    };
    let seconds = word(1).or(interval).and_then(|it| it.parse::<f64>().ok()).unwrap_or(1.0);
    let pause =
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(10));
    sys.catch(linux::Signal::Term).await;
    loop {
        let words = [
            "curl",
            "-sS",
            "-m",
            "2",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{remote_ip} %{time_total}\\n",
            &url,
        ];
        if let Ok(child) = sys.spawn(Start::new(words)).await {
            sys.wait_child(child).await;
        }
        if let Woke::Signal(_) = sys.sleep(pause).await {
            return Exit::OK;
        }
    }
}
