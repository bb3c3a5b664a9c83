//! `agnhost`: Kubernetes' own test server. Simulated: `netexec` (/hostname, /clientip, /echo, /header, /healthz,
//! /exit; the same words over UDP), `serve-hostname` and `pause`. Source: kubernetes `test/images/agnhost`.
//!
//! Differs from agnhost: /shell, /upload and /dial say that they are not simulated.

use super::http::{Answer, Handler, Request, serve};
use super::pause::pause;
use linux::daemon::Crew;
use linux::{Args, Command, Exit, Sys};
use net::SocketKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

pub static AGNHOST: Command = Command {
    name: "agnhost",
    path: "/agnhost",
    man: "https://github.com/kubernetes/kubernetes/tree/master/test/images/agnhost",
    run: |sys, args| Box::pin(agnhost(sys, args)),
};

/// `--name=value` or `--name value` of a command line.
fn option(words: &[String], name: &str) -> Option<String> {
    let at = words.iter().position(|it| it.trim_start_matches('-').split('=').next() == Some(name))?;
    words[at].split_once('=').map(|(_, value)| value.to_owned()).or_else(|| words.get(at + 1).cloned())
}

async fn agnhost(sys: Sys, args: Args) -> Exit {
    let words = args.rest().to_vec();
    let port = |name: &str, usual: i32| option(&words, name).and_then(|it| it.parse().ok()).unwrap_or(usual);
    match words.first().map(String::as_str) {
        Some("pause") => {
            sys.print("Paused\n").await;
            pause(sys).await
        }
        Some("netexec") => {
            let (http, udp) = (port("http-port", 8080), port("udp-port", 8081));
            sys.eprint(format!("Started HTTP server on port {http}\n")).await;
            let udp = u16::try_from(udp).ok();
            if let Some(udp) = udp {
                sys.eprint(format!("Started UDP server on port  {udp}\n")).await;
            }
            web(sys, http, udp, netexec).await
        }
        Some("serve-hostname") => web(sys, port("port", 9376), None, hostname).await,
        Some(other) => {
            sys.eprint(format!(
                "agnhost: {other}: not simulated in vethlab; use netexec, serve-hostname or pause\n"
            ))
            .await;
            Exit::FAILURE
        }
        None => {
            sys.print("Usage:\n  app [command]\n").await;
            Exit::OK
        }
    }
}

type Later = std::pin::Pin<Box<dyn Future<Output = Answer>>>;
type Answering = fn(Sys, Request, SocketAddr) -> Later;

async fn web(sys: Sys, port: i32, udp: Option<u16>, answer: Answering) -> Exit {
    let (inner, crew) = (sys.clone(), Crew::default());
    if let Some(udp) = udp {
        let sys = sys.clone();
        crew.add(async move { udp_server(sys, udp).await.unwrap_or_default() });
    }
    let handler: Handler = Rc::new(move |request, peer, _| answer(inner.clone(), request, peer));
    serve(sys, crew, &[u16::try_from(port).unwrap_or(8080)], handler).await
}

fn hostname(sys: Sys, _: Request, _: SocketAddr) -> Later {
    Box::pin(async move { Answer::text(200, sys.hostname().await) })
}

fn netexec(sys: Sys, request: Request, peer: SocketAddr) -> Later {
    Box::pin(async move {
        match request.path() {
            "/" => Answer::text(
                200,
                format!("NOW: {}\n", linux::Date::from_duration(sys.realtime().await).http()),
            ),
            "/hostname" | "/hostName" => Answer::text(200, sys.hostname().await),
            "/clientip" => {
                Answer::text(200, SocketAddr::new(peer.ip().to_canonical(), peer.port()).to_string())
            }
            "/echo" => {
                let code = request.query("code").and_then(|it| it.parse().ok()).unwrap_or(200);
                Answer::text(code, request.query("msg").unwrap_or_default())
            }
            "/healthz" => Answer::text(200, ""),
            "/header" => {
                let key = request.query("key").unwrap_or_default();
                Answer::text(200, request.header(&key))
            }
            "/exit" => {
                let code = request.query("code").and_then(|it| it.parse().ok()).unwrap_or(0);
                Answer { exit: Some(code), ..Answer::text(200, "") }
            }
            "/shell" | "/upload" | "/dial" | "/redirect" => {
                Answer::text(500, format!("{}: not simulated in vethlab; use kubectl exec\n", request.path()))
            }
            _ => Answer::text(404, "404 page not found\n"),
        }
    })
}

/// Answers `hostname`, `clientip` and `echo WORDS`.
async fn udp_server(sys: Sys, port: u16) -> Result<(), net::Errno> {
    let socket = sys.socket(SocketKind::Udp).await?;
    socket.bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)).await?;
    while let Some(datagram) = socket.recv_from(None).await? {
        let text = String::from_utf8_lossy(&datagram.bytes).trim_end().to_owned();
        let answer = match text.split_once(' ').unwrap_or((&text, "")) {
            ("hostname", _) => sys.hostname().await,
            ("clientip", _) => datagram.from.to_string(),
            ("echo", words) => words.to_owned(),
            _ => continue,
        };
        socket.send_to(answer.into_bytes(), datagram.from).await?;
    }
    Ok(())
}
