//! Pages that every component serves: health and metrics, on a port of its own.

use crate::api::{Request, Response};
use crate::http::{self, Connection};
use linux::Sys;
use linux::daemon::Crew;
use linux::tls::{self, Certificate};
use net::Errno;
use std::net::SocketAddr;
use std::rc::Rc;

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

/// The authority that vouches for a cluster's servers: `/etc/kubernetes/pki/ca.crt`. It is named and signs nothing.
pub const AUTHORITY: &str = include_str!("ca.crt");

/// What the servers of a node show of themselves, as kubeadm and the kubelet make it.
pub fn certificate(subject: &str, names: &[String]) -> Certificate {
    let authority = tls::digest(AUTHORITY.as_bytes());
    Certificate {
        subject: subject.to_owned(),
        issuer: "kubernetes".to_owned(),
        authority,
        names: names.to_vec(),
    }
}

/// One that vouches for itself.
pub fn own_certificate(subject: &str) -> Certificate {
    let (subject, issuer) = (subject.to_owned(), format!("{subject}-ca"));
    Certificate {
        authority: tls::digest(issuer.as_bytes()),
        subject,
        issuer,
        names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    }
}

/// Adds a server of `/healthz`, `/livez`, `/readyz` and `/metrics` to a crew; false where the port is taken.
pub async fn serve(
    sys: &Sys,
    crew: &Crew,
    local: SocketAddr,
    metrics: &'static str,
    certificate: Option<Certificate>,
) -> bool {
    let Ok(listener) = sys.listen(local, BACKLOG).await else { return false };
    let inner = crew.clone();
    let certificate = Rc::new(certificate);
    crew.add(inner.serve(listener, move |socket, _| {
        let certificate = Rc::clone(&certificate);
        async move { answer(Connection::new(socket), certificate.as_ref().as_ref(), metrics).await }
    }));
    true
}

async fn answer(mut connection: Connection, certificate: Option<&Certificate>, metrics: &'static str) {
    if let Some(certificate) = certificate
        && connection.greet(certificate).await.is_err()
    {
        return;
    }
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
}
