//! `kube-apiserver`: the API over HTTP on port 6443.
//!
//! Stands between the network and [`crate::api`]. Always: a watch holds its connection and is told of a change at the
//! instant it is written; logs, exec and port-forward go on to the kubelet of the pod's node.
//! Differs from Kubernetes: in the clear where the real one speaks TLS (see `http`). Source: apiserver `endpoints/handlers`.

use super::page::{self, BACKLOG};
use crate::api::{Request, Response};
use crate::client::said;
use crate::cluster::{self, Cluster, STORE};
use crate::http::{self, Connection};
use crate::object::{Kind, Status, Value, json};
use api::MachineId;
use linux::daemon::Crew;
use linux::socket::Socket;
use linux::{Args, Command, Exit, Signal, Sys, WaitOn, Woke};
use net::{Errno, SocketKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
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
    sys.catch(Signal::Term).await;
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
    let (crew, inner) = (Crew::default(), sys.clone());
    let serving = crew.clone();
    crew.add(serving.serve(listener, move |socket, _| {
        let sys = inner.clone();
        async move {
            // The client may hang up at any time; then there is nobody to tell.
            converse(&sys, machine, Connection::new(socket)).await.ok();
        }
    }));
    crew.run().await;
    Exit::OK
}

async fn converse(sys: &Sys, machine: MachineId, mut connection: Connection) -> Result<(), Errno> {
    while let Some(request) = page::request(&mut connection).await? {
        if request.is_true("watch") && request.method == "GET" {
            return watch(sys, machine, connection, request).await;
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
async fn watch(
    sys: &Sys,
    machine: MachineId,
    connection: Connection,
    mut request: Request,
) -> Result<(), Errno> {
    let seconds = request.query("timeoutSeconds").parse().map_or(WATCH, Duration::from_secs);
    let deadline = sys.now().await + seconds;
    let mut begun = false;
    loop {
        let asked = request.clone();
        let response = sys.ask(move |system, _| cluster::handle(system, machine, &asked)).await;
        if response.code != 200 {
            if !begun {
                return connection.respond(&response).await;
            }
            let status = json::parse(&response.body).unwrap_or_default();
            let line = json::compact(&crate::object!({"type": "ERROR", "object": status})) + "\n";
            connection.write_chunk(line.as_bytes()).await?;
            return connection.write_chunk(b"").await;
        }
        if !begun {
            connection.begin_stream("application/json").await?;
            begun = true;
        }
        if !response.body.is_empty() {
            connection.write_chunk(response.body.as_bytes()).await?;
        }
        let revision =
            response.headers.iter().find(|(name, _)| name == "X-Revision").map(|(_, it)| it.clone());
        request.query.retain(|(name, _)| name != "resourceVersion");
        request.query.push(("resourceVersion".to_owned(), revision.unwrap_or_default()));
        let on = [WaitOn::Notice(machine, STORE), connection.socket.wait_on()];
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

    /// The kubelet, and the container where none was named.
    fn place(&self, api: &crate::api::Api) -> Result<(SocketAddr, String), Status> {
        let pod = api.store.get(Kind::Pod, &self.namespace, &self.pod);
        let pod = pod.ok_or_else(|| Status::not_found(Kind::Pod, &self.pod))?;
        let names = |list: &str| -> Vec<String> {
            pod.at(&["spec", list]).items().iter().map(|it| it.str("name").to_owned()).collect()
        };
        let own = names("containers");
        let known = [own.clone(), names("initContainers")].concat();
        if !self.container.is_empty() && !known.contains(&self.container) {
            let words = format!("container {} is not valid for pod {}", self.container, self.pod);
            return Err(Status::bad_request(words));
        }
        if self.container.is_empty() && own.len() > 1 && self.head == "containerLogs" {
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
}

/// Passes a request on to a kubelet, and bytes both ways from then on.
async fn relay(
    sys: &Sys,
    machine: MachineId,
    near: &Connection,
    request: &Request,
    onward: Onward,
) -> Result<(), Errno> {
    let (head, namespace, pod) = (onward.head, onward.namespace.clone(), onward.pod.clone());
    let place = sys
        .ask(move |system, _| system.attached::<Cluster>(machine).map(|cluster| onward.place(&cluster.api)))
        .await;
    let (place, container) = match place {
        Some(Ok(found)) => found,
        Some(Err(status)) => return near.respond(&refusal(&status)).await,
        None => return Ok(()),
    };
    let target = format!("/{head}/{namespace}/{pod}/{container}{}", http::query(&request.query));
    let far = sys.socket(SocketKind::Tcp).await?;
    let deadline = Some(sys.now().await + DIAL);
    let connected = far.connect(place, deadline).await.and_then(|it| it.ok_or(Errno::ETIMEDOUT));
    if let Err(errno) = connected {
        let words = format!("Get \"https://{place}{target}\": {}", said("dial", place, errno));
        return near.respond(&refusal(&Status::new(500, "InternalError", words))).await;
    }
    let mut text = format!("{} {target} HTTP/1.1\r\nHost: {place}\r\n", request.method);
    for name in ["Upgrade", "Connection"] {
        if !request.header(name).is_empty() {
            text += &format!("{name}: {}\r\n", request.header(name));
        }
    }
    far.write(format!("{text}Content-Length: 0\r\n\r\n").as_bytes(), None).await?;
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
