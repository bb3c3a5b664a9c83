//! Pages that every component serves: health and metrics, on a port of its own.

use crate::api::{Request, Response};
use crate::http::{self, Connection};
use linux::Sys;
use linux::daemon::Crew;
use net::Errno;
use std::net::SocketAddr;

/// SOMAXCONN, which Go passes to listen(2).
pub const BACKLOG: u32 = 4096;

/// Reads a whole request; `None` where the client has ended.
pub async fn request(connection: &mut Connection) -> Result<Option<Request>, Errno> {
    let Some(head) = connection.head(None).await? else { return Ok(None) };
    let body = connection.body(&head, None).await?;
    let mut words = head.first.split(' ');
    let method = http::method(words.next().unwrap_or_default()).ok_or(Errno::EINVAL)?;
    let (path, query) = http::target(words.next().unwrap_or_default());
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Request { method, path, query, headers: head.headers, body }))
}

/// Adds a server of `/healthz`, `/livez`, `/readyz` and `/metrics` to a crew; false where the port is taken.
pub async fn serve(sys: &Sys, crew: &Crew, local: SocketAddr, metrics: &'static str) -> bool {
    let Ok(listener) = sys.listen(local, BACKLOG).await else { return false };
    let inner = crew.clone();
    crew.add(inner.serve(listener, move |socket, _| async move {
        let mut connection = Connection::new(socket);
        while let Ok(Some(request)) = request(&mut connection).await {
            let response = match request.path.as_str() {
                "/healthz" | "/livez" | "/readyz" | "/health" => Response::text(200, "ok"),
                "/metrics" => Response::text(200, metrics),
                _ => Response::text(404, "404 page not found\n"),
            };
            if connection.respond(&response).await.is_err() {
                return;
            }
        }
    }));
    true
}
