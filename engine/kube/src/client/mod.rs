//! A client of the API server: requests over the simulated network, and informers that list and watch.
//!
//! Used by kubelet, kube-proxy, CoreDNS, the CNI daemon and kubectl. Always: every request has a deadline; a connection is
//! kept for the next request; an error is Go's text for it.
//! Differs from client-go: no TLS, no flow control. Source: client-go `rest/request.go`, Go `net`.

mod informer;

pub use informer::{Informer, News};

use crate::api::{Request, Response};
use crate::http::{Connection, Head, query};
use crate::object::{Kind, Value, json, yaml};
use linux::Sys;
use net::{Errno, SocketKind};
use sim::Instant;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_secs(32);
/// How long a connection may take to be made (client-go's dialer).
const DIAL: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Client {
    pub sys: Sys,
    pub server: SocketAddr,
    headers: Rc<Vec<(String, String)>>,
    idle: Rc<RefCell<Option<Connection>>>,
}

impl Client {
    /// As `user` of `group`, which stand where a client certificate would.
    pub fn new(sys: &Sys, server: SocketAddr, agent: &str, user: &str, group: &str) -> Client {
        let agent = format!("{agent}/v1.36.2 (linux/amd64) kubernetes/vethlab");
        let mut headers = vec![("User-Agent".to_owned(), agent)];
        for (name, value) in [("X-Remote-User", user), ("X-Remote-Group", group)] {
            if !value.is_empty() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        Client { sys: sys.clone(), server, headers: Rc::new(headers), idle: Rc::default() }
    }

    /// The same client with a connection of its own.
    #[must_use]
    pub fn another(&self) -> Client {
        Client { idle: Rc::default(), ..self.clone() }
    }

    /// As a pod's service account, by the environment and the mounted token.
    pub async fn in_pod(sys: &Sys, agent: &str) -> Result<Client, String> {
        let missing = "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined";
        let host = sys.env("KUBERNETES_SERVICE_HOST").await.and_then(|it| it.parse::<IpAddr>().ok());
        let port = sys.env("KUBERNETES_SERVICE_PORT").await.and_then(|it| it.parse::<u16>().ok());
        let (Some(host), Some(port)) = (host, port) else { return Err(missing.to_owned()) };
        let path = "/var/run/secrets/kubernetes.io/serviceaccount/token";
        let token =
            sys.read_file(path).await.map_err(|_| format!("open {path}: no such file or directory"))?;
        let mut client = Client::new(sys, SocketAddr::new(host, port), agent, "", "");
        let bearer = format!("Bearer {}", String::from_utf8_lossy(&token).trim());
        Rc::make_mut(&mut client.headers).push(("Authorization".to_owned(), bearer));
        Ok(client)
    }

    /// The server of a kubeconfig's first cluster.
    pub fn server_of(kubeconfig: &str) -> Option<SocketAddr> {
        let config = yaml::parse(kubeconfig).ok()?;
        let server = config.get("clusters").items().first()?.at(&["cluster", "server"]).as_str().to_owned();
        let place = server.split("://").nth(1)?.trim_end_matches('/');
        place.parse().ok().or_else(|| Some(SocketAddr::new(place.parse().ok()?, 443)))
    }

    /// One request and its answer. An error is the dialer's text.
    pub async fn send(&self, request: Request) -> Result<Response, String> {
        let deadline = Some(self.sys.now().await + PATIENCE);
        let url = self.shown(&request);
        let kept = self.idle.borrow_mut().take();
        if let Some(mut connection) = kept
            && let Ok(response) = self.exchange(&mut connection, &request, deadline).await
        {
            self.idle.borrow_mut().replace(connection);
            return Ok(response);
        }
        let mut connection = self.dial().await.map_err(|why| format!("{url}: {why}"))?;
        match self.exchange(&mut connection, &request, deadline).await {
            Ok(response) => {
                self.idle.borrow_mut().replace(connection);
                Ok(response)
            }
            Err(errno) => Err(format!("{url}: {}", said("read", self.server, errno))),
        }
    }

    /// Sends a request whose answer is a stream: the head of the answer, and the connection to read on from.
    pub async fn open(&self, request: &Request) -> Result<(Head, Connection), String> {
        let deadline = Some(self.sys.now().await + PATIENCE);
        let mut connection = self.dial().await?;
        let failed = |errno| said("read", self.server, errno);
        connection.socket.write(&self.bytes(request), deadline).await.map_err(failed)?;
        let head = connection.head(deadline).await.map_err(failed)?;
        Ok((head.ok_or_else(|| failed(Errno::ECONNRESET))?, connection))
    }

    /// `Get "https://172.18.0.2:6443/api/v1/nodes"`, as Go's errors begin.
    pub fn shown(&self, request: &Request) -> String {
        let (method, path) = (title(request.method), &request.path);
        format!("{method} \"https://{}{path}{}\"", self.server, query(&request.query))
    }

    async fn dial(&self) -> Result<Connection, String> {
        let failed = |errno| said("dial", self.server, errno);
        let socket = self.sys.socket(SocketKind::Tcp).await.map_err(failed)?;
        let deadline = Some(self.sys.now().await + DIAL);
        match socket.connect(self.server, deadline).await {
            Ok(Some(())) => Ok(Connection::new(socket)),
            Ok(None) => Err(failed(Errno::ETIMEDOUT)),
            Err(errno) => Err(failed(errno)),
        }
    }

    fn bytes(&self, request: &Request) -> Vec<u8> {
        let target = format!("{}{}", request.path, query(&request.query));
        let mut text = format!("{} {target} HTTP/1.1\r\nHost: {}\r\n", request.method, self.server);
        let own = self.headers.iter().filter(|(name, _)| request.header(name).is_empty());
        for (name, value) in own.chain(&request.headers) {
            text += &format!("{name}: {value}\r\n");
        }
        if request.method != "GET" || !request.body.is_empty() {
            text += &format!("Content-Length: {}\r\n", request.body.len());
        }
        (text + "\r\n" + &request.body).into_bytes()
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        request: &Request,
        deadline: Option<Instant>,
    ) -> Result<Response, Errno> {
        connection.socket.write(&self.bytes(request), deadline).await?.ok_or(Errno::ETIMEDOUT)?;
        let head = connection.head(deadline).await?.ok_or(Errno::ECONNRESET)?;
        let body = connection.body(&head, deadline).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Response { code: head.code(), headers: head.headers.into_iter().map(bare).collect(), body })
    }

    /// An object; `Err` holds the server's message, or the dialer's.
    pub async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Result<Value, String> {
        read(self.send(Request::new("GET", path_of(kind, namespace, name))).await?)
    }

    pub async fn create(&self, kind: Kind, namespace: &str, object: &Value) -> Result<Value, String> {
        let request = Request::new("POST", path_of(kind, namespace, ""));
        read(self.send(request.with_body("application/json", json::compact(object))).await?)
    }

    /// Takes the place of the object as it was read; `timeout` is what the URL says of the client's patience.
    pub async fn update(&self, kind: Kind, object: &Value, timeout: &str) -> Result<Value, String> {
        let metadata = object.get("metadata");
        let path = path_of(kind, metadata.str("namespace"), metadata.str("name"));
        let request = Request::new("PUT", path).with_query("timeout", timeout);
        read(self.send(request.with_body("application/json", json::compact(object))).await?)
    }

    /// A merge patch of an object, or of its part (`status`).
    pub async fn patch(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        part: &str,
        patch: &Value,
    ) -> Result<Value, String> {
        let path =
            format!("{}{}{part}", path_of(kind, namespace, name), if part.is_empty() { "" } else { "/" });
        let request = Request::new("PATCH", path);
        read(self.send(request.with_body("application/merge-patch+json", json::compact(patch))).await?)
    }
}

/// A warning's bare text, as [`Response::warnings`] gives it.
fn bare((name, value): (String, String)) -> (String, String) {
    let text = value.strip_prefix("299 - \"").and_then(|it| it.strip_suffix('"'));
    match text {
        Some(text) if name == "Warning" => (name, text.replace("\\\"", "\"").replace("\\\\", "\\")),
        _ => (name, value),
    }
}

/// The object of an answer, or the message of its Status.
fn read(response: Response) -> Result<Value, String> {
    match json::parse(&response.body) {
        Ok(object) if response.is_success() => Ok(object),
        Ok(status) => Err(status.str("message").to_owned()),
        Err(why) => Err(why),
    }
}

/// `/api/v1/namespaces/NS/pods/NAME`; an empty name is the collection, an empty namespace all of them.
pub fn path_of(kind: Kind, namespace: &str, name: &str) -> String {
    let resource = kind.resource();
    let mut path = match resource.group {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    if resource.namespaced && !namespace.is_empty() {
        path += &format!("/namespaces/{namespace}");
    }
    path += &format!("/{}", resource.plural);
    if !name.is_empty() {
        path += &format!("/{name}");
    }
    path
}

/// `Get`, as Go's `url.Error` writes a method.
fn title(method: &str) -> String {
    let mut letters = method.chars();
    letters.next().map(|first| first.to_string() + &letters.as_str().to_lowercase()).unwrap_or_default()
}

/// An error of the network as Go says it.
pub(crate) fn said(verb: &str, server: SocketAddr, errno: Errno) -> String {
    let what = match errno {
        Errno::ETIMEDOUT => return format!("{verb} tcp {server}: i/o timeout"),
        Errno::ECONNREFUSED => "connection refused",
        Errno::EHOSTUNREACH => "no route to host",
        Errno::ENETUNREACH => "network is unreachable",
        Errno::ECONNRESET if verb == "read" => return "EOF".to_owned(),
        errno => return format!("{verb} tcp {server}: {}", errno.to_string().to_lowercase()),
    };
    format!("{verb} tcp {server}: connect: {what}")
}
