//! The kubelet's server on 10250: logs, exec and port-forward; and its health on 10248.
//!
//! Always: a stream goes on until either side ends.
//! Differs from Kubernetes: in the clear and open to everybody.
//! Source: kubernetes `pkg/kubelet/server/server.go`.

use super::{Kubelet, log, stream};
use crate::api::Response;
use crate::component::page::{self, BACKLOG};
use crate::http::Connection;
use net::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

/// Adds the servers to the crew; false where a port is taken.
pub async fn serve(kubelet: &Rc<Kubelet>) -> bool {
    let health = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10248);
    if !page::serve(&kubelet.sys, &kubelet.crew, health, "", None).await {
        return false;
    }
    let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 10250);
    let Ok(listener) = kubelet.sys.listen(local, BACKLOG).await else { return false };
    let (inner, kubelet) = (kubelet.crew.clone(), Rc::clone(kubelet));
    let crew = kubelet.crew.clone();
    crew.add(inner.serve(listener, move |socket, _| {
        let kubelet = Rc::clone(&kubelet);
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            converse(&kubelet, Connection::new(socket)).await.ok();
        }
    }));
    true
}

async fn converse(kubelet: &Rc<Kubelet>, mut connection: Connection) -> Result<(), Errno> {
    connection.greet(&page::own_certificate(&kubelet.node)).await?;
    while let Some(request) = page::request(&mut connection).await? {
        let words: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match words[..] {
            ["containerLogs", namespace, pod, container] => {
                return log::logs(kubelet, &connection, &request, (namespace, pod, container)).await;
            }
            ["exec" | "attach", namespace, pod, container] => {
                return stream::program(kubelet, connection, &request, (namespace, pod, container)).await;
            }
            ["portForward", namespace, pod] => {
                return stream::port(kubelet, connection, &request, (namespace, pod)).await;
            }
            ["healthz"] => connection.respond(&Response::text(200, "ok")).await?,
            _ => connection.respond(&Response::text(404, "404 page not found\n")).await?,
        }
    }
    Ok(())
}
