//! Probes: questions to a container, asked with real packets from the node or with a program inside.
//!
//! Always: liveness and readiness wait for startup; a verdict changes only after as many equal answers as the probe asks for;
//! a container that fails its liveness or startup probe is stopped, and restarts by the pod's policy.
//! Differs from Kubernetes: no jitter before the first probe; gRPC is asked by connecting only.
//! Source: kubernetes `pkg/kubelet/prober`, `pkg/probe`.

use super::pod::Pod;
use super::sync::{Instance, instance};
use super::{Kubelet, Word, environment, terminate};
use crate::http::Connection;
use crate::object::Value;
use container::runtime::{self, State};
use linux::{OpenFlags, Signal};
use net::{Errno, SocketKind};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Startup,
    Liveness,
    Readiness,
}

/// What probes have found of a container; `None` is not known yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdicts {
    pub started: Option<bool>,
    pub lives: Option<bool>,
    pub ready: Option<bool>,
}

impl Kind {
    fn field(self) -> &'static str {
        match self {
            Kind::Startup => "startupProbe",
            Kind::Liveness => "livenessProbe",
            Kind::Readiness => "readinessProbe",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Kind::Startup => "Startup",
            Kind::Liveness => "Liveness",
            Kind::Readiness => "Readiness",
        }
    }
}

/// Begins to probe an instance of a container, once.
pub fn start(kubelet: &Rc<Kubelet>, pod: &mut Pod, spec: &Value, id: &str) {
    if !pod.probed.insert(id.to_owned()) {
        return;
    }
    for kind in [Kind::Startup, Kind::Liveness, Kind::Readiness] {
        if spec.has(kind.field()) {
            let worker = Worker {
                kubelet: Rc::clone(kubelet),
                uid: pod.uid(),
                pod: pod.object.clone(),
                spec: spec.clone(),
                id: id.to_owned(),
                kind,
            };
            kubelet.crew.add(worker.run());
        }
    }
}

/// Stops a container that its probes have given up.
pub async fn judge(kubelet: &Rc<Kubelet>, pod: &mut Pod, spec: &Value, id: &str) {
    let name = spec.str("name").to_owned();
    let Some(verdicts) = pod.verdicts.get(&name).copied() else { return };
    let failed = match (verdicts.started, verdicts.lives) {
        (Some(false), _) => Kind::Startup,
        (_, Some(false)) => Kind::Liveness,
        _ => return,
    };
    pod.verdicts.remove(&name);
    let words = format!("Container {name} failed {} probe, will be restarted", failed.word().to_lowercase());
    kubelet.event(pod, "Normal", "Killing", &words, &name);
    let seconds = pod.spec().get("terminationGracePeriodSeconds").as_int().unwrap_or(30);
    let grace = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let (kubelet, id) = (Rc::clone(kubelet), id.to_owned());
    kubelet.crew.clone().add(async move {
        for (signal, wait) in [(Signal::Term, grace), (Signal::Kill, Duration::ZERO)] {
            let (machine, id) = (kubelet.machine, id.clone());
            kubelet.sys.ask(move |system, _| runtime::signal_container(system, machine, &id, signal)).await;
            kubelet.sys.sleep(wait).await;
        }
    });
}

/// One probe of one instance.
struct Worker {
    kubelet: Rc<Kubelet>,
    uid: String,
    pod: Value,
    spec: Value,
    id: String,
    kind: Kind,
}

impl Worker {
    async fn run(self) {
        let probe = self.spec.get(self.kind.field()).clone();
        let number = |name: &str, least: i64| u64::try_from(probe.int(name).max(least)).unwrap_or(0);
        let sys = &self.kubelet.sys;
        sys.sleep(Duration::from_secs(number("initialDelaySeconds", 0))).await;
        let (mut same, mut last, mut verdict) = (0, None, None);
        let period = if probe.int("periodSeconds") == 0 { 10 } else { number("periodSeconds", 1) };
        let threshold = |well: bool| match well {
            true => number("successThreshold", 1),
            false if probe.int("failureThreshold") == 0 => 3,
            false => number("failureThreshold", 1),
        };
        loop {
            let found = instance(&self.kubelet, &self.uid, self.spec.str("name")).await;
            let lives = |it: &Instance| it.id == self.id && it.state == State::Running;
            if !found.as_ref().is_some_and(lives) {
                return;
            }
            let is_early =
                self.kind != Kind::Startup && self.spec.has("startupProbe") && !self.started().await;
            if !is_early {
                let outcome = self.ask(&probe, Duration::from_secs(number("timeoutSeconds", 1))).await;
                let well = outcome.is_ok();
                if let Err(why) = outcome {
                    let words = format!("{} probe failed: {why}", self.kind.word());
                    let pod = Pod::new(self.pod.clone());
                    self.kubelet.event(&pod, "Warning", "Unhealthy", &words, self.spec.str("name"));
                }
                same = if last == Some(well) { same + 1 } else { 1 };
                last = Some(well);
                if same >= threshold(well) && verdict != Some(well) {
                    verdict = Some(well);
                    let name = self.spec.str("name").to_owned();
                    self.kubelet.tell(Word::Probed(self.uid.clone(), name, self.kind, well));
                    if self.kind == Kind::Startup {
                        if well {
                            self.kubelet.started.borrow_mut().insert(self.id.clone());
                        }
                        return;
                    }
                }
            }
            sys.sleep(Duration::from_secs(period)).await;
        }
    }

    async fn started(&self) -> bool {
        self.kubelet.started.borrow().contains(&self.id)
    }

    /// Asks once; the error is kubelet's text for the event.
    async fn ask(&self, probe: &Value, patience: Duration) -> Result<(), String> {
        let pod = Pod::new(self.pod.clone());
        let words = probe.at(&["exec", "command"]).items();
        if !words.is_empty() {
            let words = words.iter().map(|it| it.as_str().to_owned()).collect();
            return self.execute(words, patience).await;
        }
        let (field, http) = match (probe.get("httpGet"), probe.get("tcpSocket")) {
            (Value::Null, Value::Null) => (probe.get("grpc"), false),
            (Value::Null, tcp) => (tcp, false),
            (http, _) => (http, true),
        };
        let port = self.port(field.get("port"))?;
        let own = environment::addresses(&self.kubelet, &pod).await;
        let host = match field.str("host") {
            "" => own.first().cloned().unwrap_or_default(),
            host => host.to_owned(),
        };
        let address: IpAddr = host.parse().map_err(|_| format!("dial tcp: lookup {host}: no such host"))?;
        let place = SocketAddr::new(address, port);
        if http { self.http(field, place, patience).await } else { self.tcp(place, patience).await.map(drop) }
    }

    /// A number, or the name of one of the container's ports.
    fn port(&self, port: &Value) -> Result<u16, String> {
        let number = match port.as_str() {
            "" => port.as_int(),
            name => {
                let ports = self.spec.get("ports").items();
                let found = ports.iter().find(|it| it.str("name") == name);
                found.map(|it| it.int("containerPort")).or_else(|| name.parse().ok())
            }
        };
        number.and_then(|it| u16::try_from(it).ok()).ok_or("couldn't find port".to_owned())
    }

    async fn tcp(&self, place: SocketAddr, patience: Duration) -> Result<Connection, String> {
        let failed = |errno| crate::client::said("dial", place, errno);
        let socket = self.kubelet.sys.socket(SocketKind::Tcp).await.map_err(failed)?;
        let deadline = Some(self.kubelet.sys.now().await + patience);
        match socket.connect(place, deadline).await {
            Ok(Some(())) => Ok(Connection::new(socket)),
            Ok(None) => Err(failed(Errno::ETIMEDOUT)),
            Err(errno) => Err(failed(errno)),
        }
    }

    async fn http(&self, field: &Value, place: SocketAddr, patience: Duration) -> Result<(), String> {
        let path = match field.str("path") {
            "" => "/",
            path => path,
        };
        let scheme = if field.str("scheme") == "HTTPS" { "https" } else { "http" };
        let url = format!("Get \"{scheme}://{place}{path}\"");
        let slow =
            || format!("{url}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
        let deadline = Some(self.kubelet.sys.now().await + patience);
        let mut connection = match self.tcp(place, patience).await {
            Ok(connection) => connection,
            Err(why) if why.ends_with("i/o timeout") => return Err(slow()),
            Err(why) => return Err(format!("{url}: {why}")),
        };
        let mut text =
            format!("GET {path} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\n");
        for header in field.get("httpHeaders").items() {
            text += &format!("{}: {}\r\n", header.str("name"), header.str("value"));
        }
        text += "Connection: close\r\n\r\n";
        connection.socket.write(text.as_bytes(), deadline).await.map_err(|_| format!("{url}: EOF"))?;
        let code = match connection.head(deadline).await {
            Ok(Some(head)) => head.code(),
            Err(Errno::ETIMEDOUT) => return Err(slow()),
            _ => return Err(format!("{url}: EOF")),
        };
        if (200..400).contains(&code) {
            Ok(())
        } else {
            Err(format!("HTTP probe failed with statuscode: {code}"))
        }
    }

    async fn execute(&self, words: Vec<String>, patience: Duration) -> Result<(), String> {
        let sys = &self.kubelet.sys;
        let Some(mut start) = terminate::inside(&self.kubelet, &self.id, words).await else {
            return Err("container not found".to_owned());
        };
        let failed = |errno: Errno| errno.to_string();
        let (reader, writer) = sys.pipe().await.map_err(failed)?;
        let null = sys.open("/dev/null", OpenFlags::READ_WRITE).await.map_err(failed)?;
        start.files = Some(vec![(0, null), (1, writer), (2, writer)]);
        let started = sys.spawn(start).await;
        sys.close(writer).await.ok();
        sys.close(null).await.ok();
        let outcome = match started {
            Ok(child) => {
                let deadline = sys.now().await + patience;
                let late = sys.wait_child_until(child, deadline).await;
                let said =
                    if late.is_some() { sys.read_all(reader).await.unwrap_or_default() } else { Vec::new() };
                match late {
                    Some(exit) if exit.0 == 0 => Ok(()),
                    Some(_) => Err(String::from_utf8_lossy(&said).into_owned()),
                    None => {
                        sys.ask(move |system, _| system.signal(child, Signal::Kill)).await;
                        sys.wait_child(child).await;
                        Err(format!("command timed out after {}s", patience.as_secs()))
                    }
                }
            }
            Err(errno) => Err(errno.to_string()),
        };
        sys.close(reader).await.ok();
        outcome
    }
}
