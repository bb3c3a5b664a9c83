//! `kubectl proxy`: the API on an address of this machine, as the user of the context.
//!
//! Always: only requests to `localhost` go on, and none that opens a program in a pod.
//! Source: kubectl `pkg/proxy/proxy_server.go`.

use crate::api::{Request, Response};
use crate::client::Client;
use crate::component::apiserver::join;
use crate::component::page::{self, BACKLOG};
use crate::http::Connection;
use linux::Sys;
use linux::daemon::Crew;
use net::Errno;
use std::net::SocketAddr;
use std::rc::Rc;

/// `--accept-hosts`
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

pub async fn proxy(sys: &Sys, client: &Client, like: Request, local: SocketAddr) -> Result<(), String> {
    let listener = sys
        .listen(local, BACKLOG)
        .await
        .map_err(|errno| format!("listen tcp {local}: bind: {}", errno.to_string().to_lowercase()))?;
    let own = listener.local().await.map_or(local, |it| SocketAddr::new(local.ip(), it.port()));
    sys.print(format!("Starting to serve on {own}\n")).await;
    let (crew, like) = (Crew::default(), Rc::new(like));
    let inner = crew.clone();
    let (sys, client) = (sys.clone(), client.clone());
    crew.add(inner.serve(listener, move |socket, _| {
        let (sys, client, like) = (sys.clone(), client.clone(), Rc::clone(&like));
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            converse(&sys, &client, &like, Connection::new(socket)).await.ok();
        }
    }));
    crew.run().await;
    Ok(())
}

fn is_refused(request: &Request) -> bool {
    let host = request.header("Host");
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|it| it.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    let words: Vec<&str> = request.path.split('/').collect();
    let opens_program = matches!(words[..], ["", "api", .., "pods", _, "exec" | "attach"]);
    !HOSTS.contains(&name) || opens_program
}

async fn converse(sys: &Sys, client: &Client, like: &Request, mut near: Connection) -> Result<(), Errno> {
    while let Some(mut request) = page::request(&mut near).await? {
        if is_refused(&request) {
            near.respond(&Response::text(403, "Forbidden\n")).await?;
            continue;
        }
        request
            .headers
            .retain(|(name, _)| !["host", "content-length"].contains(&name.to_lowercase().as_str()));
        request.headers.extend(like.headers.iter().cloned());
        let (head, mut far) = match client.open(&request).await {
            Ok(opened) => opened,
            Err(why) => {
                near.respond(&Response::text(502, &why)).await?;
                continue;
            }
        };
        let mut text = format!("{}\r\n", head.first);
        for (name, value) in &head.headers {
            text += &format!("{name}: {value}\r\n");
        }
        near.socket.write((text + "\r\n").as_bytes(), None).await?;
        if head.code() == 101 {
            return join(sys, &near.socket, &far.socket).await;
        }
        if head.is_chunked() {
            while let Some(bytes) = far.chunk(None).await? {
                near.write_chunk(&bytes).await?;
            }
            near.write_chunk(b"").await?;
        } else {
            let body = far.body(&head, None).await?;
            near.socket.write(&body, None).await?;
        }
    }
    Ok(())
}
