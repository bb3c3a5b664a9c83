//! `whoami` of Traefik Labs: tells a client who answered and what was asked.
//! Source: traefik/whoami `app.go`.

use super::http::{Answer, Handler, Request, serve};
use linux::daemon::Crew;
use linux::{Args, Command, Exit, Sys};
use net::rtnetlink::Family;
use std::net::SocketAddr;
use std::rc::Rc;

pub static WHOAMI: Command = Command {
    name: "whoami-server",
    path: "/whoami",
    man: "https://github.com/traefik/whoami",
    run: |sys, args| Box::pin(whoami(sys, args)),
};

async fn whoami(sys: Sys, args: Args) -> Exit {
    let words = args.rest();
    let mut port = sys.env("WHOAMI_PORT_NUMBER").await.and_then(|it| it.parse().ok()).unwrap_or(80);
    for pair in words.windows(2).filter(|it| it[0].trim_start_matches('-') == "port") {
        port = pair[1].parse().unwrap_or(port);
    }
    sys.eprint(format!("Starting up on port {port}\n")).await;
    let inner = sys.clone();
    let handler: Handler = Rc::new(move |request, peer, _| Box::pin(answer(inner.clone(), request, peer)));
    serve(sys, Crew::default(), &[port], handler).await
}

async fn answer(sys: Sys, request: Request, peer: SocketAddr) -> Answer {
    if request.path() == "/health" {
        return Answer::text(200, "");
    }
    let mut text = format!("Hostname: {}\n", sys.hostname().await);
    if let Some(name) = sys.env("WHOAMI_NAME").await {
        text = format!("Name: {name}\n{text}");
    }
    let all = |net: &mut net::Network, netns| {
        let families = [Family::Inet, Family::Inet6];
        families
            .into_iter()
            .flat_map(|it| net.addresses(netns, it))
            .map(|it| it.local.to_string())
            .collect::<Vec<_>>()
    };
    for address in sys.net(all).await {
        text += &format!("IP: {address}\n");
    }
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    text += &format!("RemoteAddr: {peer}\n{} {} {}\n", request.method, request.target, request.version);
    text += &format!("Host: {}\n", request.header("Host"));
    let mut headers: Vec<_> =
        request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")).collect();
    headers.sort();
    for (name, value) in headers {
        text += &format!("{name}: {value}\n");
    }
    Answer::text(200, text + "\n")
}
