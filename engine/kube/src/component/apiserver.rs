//! `kube-apiserver`: the API over HTTP on port 6443.
//!
//! Stands between the network and [`crate::api`]. Always: a watch holds its connection and is told of a change at the
//! instant it is written; logs, exec and port-forward go on to the kubelet of the pod's node, a proxy's
//! requests to whom they are for.
//! Differs from Kubernetes: in the clear after TLS's greeting, and without it for those who do not greet (see `http`). Source: apiserver `endpoints/handlers`.

use super::page::{self, BACKLOG};
use super::resource_proxy::{self, Route};
use crate::api::access::{self, User};
use crate::api::path::Path;
use crate::api::{Request, Response};
use crate::client::said;
use crate::cluster::{self, Cluster};
use crate::http::{self, Connection};
use crate::kubelet::TERMINAL;
use crate::object::{Kind, Status, Value};
use crate::store::Store;
use crate::websocket;
use api::MachineId;
use linux::daemon::Crew;
use linux::socket::Socket;
use linux::tls::Certificate;
use linux::{Args, Command, Exit, Sys, System, WaitOn, Woke};
use net::{Errno, SocketKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

pub static KUBE_APISERVER: Command = Command {
    name: "kube-apiserver",
    path: "/usr/local/bin/kube-apiserver",
    man: "kube-apiserver(8)",
    run: |sys, args| Box::pin(apiserver(sys, args)),
};

/// A watch ends after so long where the client names no time (`--min-request-timeout`).
const WATCH: Duration = Duration::from_secs(1800);
/// How long a kubelet may take to be reached.
const DIAL: Duration = Duration::from_secs(30);
/// The kubelet's port.
const KUBELET: u16 = 10250;

async fn apiserver(sys: Sys, args: Args) -> Exit {
    let port =
        args.rest().iter().find_map(|it| it.strip_prefix("--secure-port=")?.parse().ok()).unwrap_or(6443);
    let machine = sys.ask(|system, id| system.process(id).machine).await;
    if !sys.ask(move |system, _| system.attached::<Cluster>(machine).is_some()).await {
        let why = "dial tcp 127.0.0.1:2379: connect: connection refused";
        sys.eprint(format!("Error: context deadline exceeded: error while dialing: {why}\n")).await;
        return Exit::FAILURE;
    }
    sys.end_at_signals(Exit::OK).await;
    let local = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    let listener = match sys.listen(local, BACKLOG).await {
        Ok(listener) => listener,
        Err(errno) => {
            let place = format!("0.0.0.0:{port}");
            let why = format!("listen tcp {place}: bind: {}", errno.to_string().to_lowercase());
            sys.eprint(format!("Error: failed to create listener: failed to listen on {place}: {why}\n"))
                .await;
            return Exit::FAILURE;
        }
    };
    let certificate = Rc::new(certificate(&sys, args.rest()).await);
    let (crew, inner) = (Crew::default(), sys.clone());
    let serving = crew.clone();
    crew.add(serving.serve(listener, move |socket, _| {
        let (sys, certificate) = (inner.clone(), Rc::clone(&certificate));
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            converse(&sys, machine, Connection::new(socket), &certificate).await.ok();
        }
    }));
    crew.run().await;
    Exit::OK
}

/// The names that kubeadm puts into `apiserver.crt`.
async fn certificate(sys: &Sys, words: &[String]) -> Certificate {
    let service = "kubernetes.default.svc.cluster.local";
    let ends = service.char_indices().filter(|(_, it)| *it == '.').map(|(at, _)| at).chain([service.len()]);
    let mut names: Vec<String> =
        ends.map(|at| service[..at].to_owned()).filter(|it| !it.ends_with(".cluster")).collect();
    names.push(sys.hostname().await);
    let value = |name: &str| words.iter().find_map(|it| it.strip_prefix(name));
    let range = value("--service-cluster-ip-range=").and_then(|it| it.parse::<ipnet::Ipv4Net>().ok());
    names.extend(range.and_then(|it| it.hosts().next()).map(|it| it.to_string()));
    names.extend(value("--advertise-address=").map(str::to_owned));
    page::certificate("kube-apiserver", &names)
}

async fn converse(
    sys: &Sys,
    machine: MachineId,
    mut connection: Connection,
    certificate: &Certificate,
) -> Result<(), Errno> {
    connection.greet(certificate).await?;
    while let Some(request) = page::request(&mut connection).await? {
        if request.is_true("watch") && request.method == "GET" {
            return watch(sys, machine, connection, request).await;
        }
        let asked = request.clone();
        let proxied = sys.ask(move |system, _| {
            let path = Path::parse(&asked)?;
            let cluster = system.attached::<Cluster>(machine)?;
            let route = resource_proxy::route(&cluster.api, &asked, &path)?;
            let store = &cluster.api.store;
            let may = User::of(store, &asked).and_then(|user| access::check(store, &user, &asked, &path));
            Some(may.and(route))
        });
        if let Some(route) = proxied.await {
            return proxy(sys, &connection, &request, route).await;
        }
        if let Some(onward) = Onward::of(&request) {
            return relay(sys, machine, &connection, &request, onward).await;
        }
        let asked = request;
        let response = sys.ask(move |system, _| cluster::handle(system, machine, &asked)).await;
        connection.respond(&response).await?;
    }
    Ok(())
}

/// Tells of changes until the client hangs up or its time is over.
async fn watch(sys: &Sys, machine: MachineId, connection: Connection, request: Request) -> Result<(), Errno> {
    let seconds = request.query("timeoutSeconds").parse().map_or(WATCH, Duration::from_secs);
    let deadline = sys.now().await + seconds;
    let open = move |system: &mut System, _| {
        cluster::change(system, machine, |cluster| cluster.api.watch_open(&request))
    };
    let mut watch = match sys.ask(open).await {
        Some(Ok(watch)) => watch,
        Some(Err(response)) => return connection.respond(&response).await,
        None => return Ok(()),
    };
    connection.begin_stream("application/json").await?;
    let changed = WaitOn::Notice(machine, cluster::changed(watch.kind()));
    loop {
        let next = move |system: &mut System, _| {
            let lines = cluster::change(system, machine, |cluster| watch.next(&mut cluster.api).concat());
            (watch, lines.unwrap_or_default())
        };
        let lines;
        (watch, lines) = sys.ask(next).await;
        if !lines.is_empty() {
            connection.write_chunk(lines.as_bytes()).await?;
        }
        if watch.is_over() {
            return connection.write_chunk(b"").await;
        }
        let on = [changed, connection.socket.wait_on()];
        match sys.wait(&on, Some(deadline)).await {
            Woke::Ready(0) => {}
            Woke::Ready(_) => match connection.socket.call(|net, id| net.recv(id, 1)).await {
                Err(Errno::EAGAIN) => {}
                _ => return Ok(()),
            },
            Woke::Timeout => return connection.write_chunk(b"").await,
            Woke::Signal(_) => return Ok(()),
        }
    }
}

/// A request that the pod's kubelet answers.
struct Onward {
    /// The first word of the kubelet's path.
    head: &'static str,
    namespace: String,
    pod: String,
    container: String,
}

impl Onward {
    fn of(request: &Request) -> Option<Onward> {
        let words: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let ["api", "v1", "namespaces", namespace, "pods", pod, part] = words[..] else { return None };
        let head = match part {
            "log" => "containerLogs",
            "exec" => "exec",
            "attach" => "attach",
            "portforward" => "portForward",
            _ => return None,
        };
        let container = request.query("container").to_owned();
        Some(Onward { head, namespace: namespace.to_owned(), pod: pod.to_owned(), container })
    }

    /// May the user do it? Whoever opens a stream by GET has to be allowed to create it too.
    fn check(&self, store: &Store, request: &Request) -> Result<(), Status> {
        let path = Path::parse(request).ok_or_else(Status::no_such_path)?;
        let mut asked = Request { body: String::new(), ..request.clone() };
        let user = User::of(store, request)?;
        if self.head != "containerLogs" {
            // kubectl, refused, would ask by POST and show that answer.
            asked.method = "POST";
            access::check(store, &user, &asked, &path)?;
            asked.method = "GET";
        }
        access::check(store, &user, &asked, &path)
    }

    /// The kubelet, and the container where none was named.
    fn place(&self, api: &crate::api::Api) -> Result<(SocketAddr, String), Status> {
        let pod = api.store.get(Kind::Pod, &self.namespace, &self.pod);
        let pod = pod.ok_or_else(|| Status::not_found(Kind::Pod, &self.pod))?;
        let names = |list: &str| -> Vec<String> {
            pod.at(&["spec", list]).items().iter().map(|it| it.str("name").to_owned()).collect()
        };
        let own = names("containers");
        let known = [own.clone(), names("initContainers"), names("ephemeralContainers")].concat();
        if !self.container.is_empty() && !known.contains(&self.container) {
            let words = format!("container {} is not valid for pod {}", self.container, self.pod);
            return Err(Status::bad_request(words));
        }
        if self.container.is_empty() && own.len() > 1 && self.head != "portForward" {
            let (pod, all) = (&self.pod, own.join(" "));
            let words = format!("a container name must be specified for pod {pod}, choose one of: [{all}]");
            return Err(Status::bad_request(words));
        }
        let node = pod.at(&["spec", "nodeName"]).as_str();
        if node.is_empty() {
            return Err(Status::bad_request(format!("pod {} does not have a host assigned", self.pod)));
        }
        let object =
            api.store.get(Kind::Node, "", node).ok_or_else(|| Status::not_found(Kind::Node, node))?;
        let addresses = object.at(&["status", "addresses"]).items();
        let inner = addresses.iter().find(|it| it.str("type") == "InternalIP").map(|it| it.str("address"));
        let address: Option<IpAddr> = inner.and_then(|it| it.parse().ok());
        let address = address.ok_or_else(|| Status::not_found(Kind::Node, node))?;
        let first = own.into_iter().next().unwrap_or_default();
        let container = if self.container.is_empty() { first } else { self.container.clone() };
        Ok((SocketAddr::new(address, KUBELET), container))
    }

    /// What the kubelet is asked for; it knows the streams by other names than the API.
    fn target(&self, request: &Request, container: &str) -> String {
        let place = format!("/{}/{}/{}", self.head, self.namespace, self.pod);
        let query = match self.head {
            "containerLogs" => request.query.clone(),
            "portForward" => {
                let ports = request.query.iter().filter(|(name, _)| name == "ports");
                return place + &http::query(&ports.cloned().collect::<Vec<_>>());
            }
            _ => {
                let words = request.query.iter().filter(|(name, _)| name == "command").cloned();
                let streams = [("stderr", "error"), ("stdin", "input"), ("stdout", "output"), ("tty", "tty")];
                let asked = streams.iter().filter(|(its, _)| request.is_true(its));
                words.chain(asked.map(|(_, name)| ((*name).to_owned(), "1".to_owned()))).collect()
            }
        };
        format!("{place}/{container}{}", http::query(&query))
    }
}

/// Passes a request on to a kubelet, and bytes both ways from then on.
async fn relay(
    sys: &Sys,
    machine: MachineId,
    near: &Connection,
    request: &Request,
    onward: Onward,
) -> Result<(), Errno> {
    let asked = request.clone();
    let find = move |system: &mut System, _| {
        let gone = "the server is currently unable to handle the request";
        let cluster = system.attached::<Cluster>(machine);
        let cluster = cluster.ok_or_else(|| Status::new(503, "ServiceUnavailable", gone))?;
        onward.check(&cluster.api.store, &asked)?;
        if onward.head != "containerLogs" && !websocket::is_upgrade(&asked) {
            return Err(Status::bad_request(websocket::UPGRADE));
        }
        let place = onward.place(&cluster.api);
        place.map(|(place, container)| (place, onward.target(&asked, &container)))
    };
    let (place, target) = match sys.ask(find).await {
        Ok(found) => found,
        Err(status) => return near.respond(&refusal(&status)).await,
    };
    let far = sys.socket(SocketKind::Tcp).await?;
    let deadline = Some(sys.now().await + DIAL);
    let connected = far.connect(place, deadline).await.and_then(|it| it.ok_or(Errno::ETIMEDOUT));
    if let Err(errno) = connected {
        let why = said("dial", place, errno);
        let words = match websocket::is_upgrade(request) {
            true => format!("error dialing backend: {why}"),
            false => format!("Get \"https://{place}{target}\": {why}"),
        };
        return near.respond(&refusal(&Status::new(500, "", words))).await;
    }
    let mut text = format!("{} {target} HTTP/1.1\r\nHost: {place}\r\n", request.method);
    for (name, value) in &request.headers {
        let lower = name.to_ascii_lowercase();
        if ["upgrade", "connection", TERMINAL].contains(&lower.as_str())
            || lower.starts_with("sec-websocket-")
        {
            text += &format!("{name}: {value}\r\n");
        }
    }
    far.write((text + "\r\n").as_bytes(), None).await?;
    join(sys, &near.socket, &far).await
}

/// Passes a request on to where a Service, Pod or Node is, and bytes both ways from then on.
async fn proxy(
    sys: &Sys,
    near: &Connection,
    request: &Request,
    route: Result<Route, Status>,
) -> Result<(), Errno> {
    let route = match route {
        Ok(route) => route,
        Err(status) => return near.respond(&refusal(&status)).await,
    };
    let far = sys.socket(SocketKind::Tcp).await?;
    let deadline = Some(sys.now().await + DIAL);
    if let Err(errno) = far.connect(route.place, deadline).await.and_then(|it| it.ok_or(Errno::ETIMEDOUT)) {
        let words = format!("error trying to reach service: {}", said("dial", route.place, errno));
        return near.respond(&refusal(&Status::new(503, "ServiceUnavailable", words))).await;
    }
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, route.target);
    for (name, value) in &request.headers {
        // Who asks is for the API server alone.
        if !["authorization", "x-remote-user", "x-remote-group"].contains(&name.to_ascii_lowercase().as_str())
        {
            text += &format!("{name}: {value}\r\n");
        }
    }
    text += &format!("X-Forwarded-Uri: {}\r\n\r\n{}", request.path, request.body);
    far.write(text.as_bytes(), None).await?;
    join(sys, &near.socket, &far).await
}

fn refusal(status: &Status) -> Response {
    let value: Value = status.to_value();
    Response::json(status.code, &value)
}

/// Carries bytes both ways until either side has ended.
pub(crate) async fn join(sys: &Sys, near: &Socket, far: &Socket) -> Result<(), Errno> {
    loop {
        for (from, to) in [(far, near), (near, far)] {
            match from.call(|net, id| net.recv(id, 65_536)).await {
                Ok(bytes) if bytes.is_empty() => return Ok(()),
                Ok(bytes) => drop(to.write(&bytes, None).await?),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
        if let Woke::Signal(_) = sys.wait(&[far.wait_on(), near.wait_on()], None).await {
            return Ok(());
        }
    }
}
