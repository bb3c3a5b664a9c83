//! A proxy without sockets: a test is its driver, its clients and its hosts.
//!
//! Always: after every input all outputs are taken; time stands still until the test moves it.

use sidecar::config;
use sidecar::proxy::{ConnId, Input, Output, Proxy};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

const MILLISECOND: u64 = 1_000_000;
/// Some time in 2025.
const NOON: u64 = 1_750_000_000_000 * MILLISECOND;

pub struct Lab {
    pub proxy: Proxy,
    now: u64,
    accepted: u32,
    pub listening: BTreeMap<SocketAddr, u32>,
    /// Connections that were asked for, and to where.
    pub asked: VecDeque<(ConnId, SocketAddr)>,
    sent: BTreeMap<ConnId, Vec<u8>>,
    /// How each connection was ended.
    pub ended: BTreeMap<ConnId, &'static str>,
    pub paused: BTreeMap<ConnId, bool>,
    pub logs: Vec<String>,
    files: Rc<RefCell<BTreeMap<String, String>>>,
    watched: Vec<String>,
    /// What servers of discovery were asked.
    pub requests: Vec<String>,
}

impl Lab {
    /// Why a bootstrap makes no proxy.
    pub fn refusal(yaml: &str) -> String {
        let bootstrap = config::bootstrap(yaml, false).expect("a bootstrap");
        let read = |path: &str| Err(format!("Invalid path: {path}"));
        let made = Proxy::new(bootstrap, Rc::new(read), 7, NOON, IpAddr::V4(Ipv4Addr::LOCALHOST));
        made.err().expect("a refusal")
    }

    /// A proxy of a bootstrap in YAML, which may name files.
    pub fn new(yaml: &str, files: &[(&str, String)]) -> Lab {
        let bootstrap = config::bootstrap(yaml, false).expect("a bootstrap");
        let files: BTreeMap<String, String> =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
        let files = Rc::new(RefCell::new(files));
        let own = files.clone();
        let read = move |path: &str| {
            own.borrow().get(path).map(|it| it.clone().into_bytes()).ok_or(format!("Invalid path: {path}"))
        };
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
        let proxy = Proxy::new(bootstrap, Rc::new(read), 7, NOON, address).expect("a proxy");
        let mut lab = Lab {
            proxy,
            now: NOON,
            accepted: 0,
            listening: BTreeMap::new(),
            asked: VecDeque::new(),
            sent: BTreeMap::new(),
            ended: BTreeMap::new(),
            paused: BTreeMap::new(),
            logs: Vec::new(),
            files,
            watched: Vec::new(),
            requests: Vec::new(),
        };
        lab.poll();
        lab
    }

    fn poll(&mut self) {
        loop {
            match self.proxy.poll() {
                Output::Listen { listener, address } => drop(self.listening.insert(address, listener)),
                Output::Unlisten(listener) => self.listening.retain(|_, it| *it != listener),
                Output::Connect { conn, to, .. } => self.asked.push_back((conn, to)),
                Output::Send(conn, bytes) => self.sent.entry(conn).or_default().extend(bytes),
                Output::End(conn) => drop(self.ended.insert(conn, "half")),
                Output::Close(conn) => self.end(conn, "closed"),
                Output::Reset(conn) => self.end(conn, "reset"),
                Output::Pause(conn) => drop(self.paused.insert(conn, true)),
                Output::Resume(conn) => drop(self.paused.insert(conn, false)),
                Output::Watch(path) => self.watched.push(path),
                Output::Log { line, .. } => {
                    self.logs.push(String::from_utf8_lossy(&line).trim_end().to_owned())
                }
                Output::Discovery { request, .. } => self.requests.push(request),
                Output::Wait(_) if self.watched.is_empty() => return,
                Output::Wait(_) => {
                    let path = self.watched.remove(0);
                    let text = self.files.borrow().get(&path).cloned().unwrap_or_default();
                    self.proxy.handle(self.now, Input::File { path: &path, contents: text.as_bytes() });
                }
                _ => {}
            }
        }
    }

    /// As a driver does it: whatever stands under the number ends, also a connection that is only asked for.
    fn end(&mut self, conn: ConnId, how: &'static str) {
        self.asked.retain(|it| it.0 != conn);
        self.ended.insert(conn, how);
    }

    pub fn handle(&mut self, input: Input<'_>) {
        self.proxy.handle(self.now, input);
        self.poll();
    }

    /// A client connects to a port of the loopback.
    pub fn connect(&mut self, port: u16) -> ConnId {
        let local = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = *self.listening.get(&local).expect("somebody listens");
        let conn = ConnId::accepted(self.accepted);
        self.accepted += 1;
        let remote = SocketAddr::from(([127, 0, 0, 1], 40_000 + self.accepted as u16));
        self.handle(Input::Accepted { conn, listener, local, remote, original_dst: None });
        conn
    }

    pub fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.handle(Input::Data(conn, bytes));
    }

    /// What was sent on a connection since the last time.
    pub fn heard(&mut self, conn: ConnId) -> Vec<u8> {
        self.sent.remove(&conn).unwrap_or_default()
    }

    pub fn heard_text(&mut self, conn: ConnId) -> String {
        String::from_utf8_lossy(&self.heard(conn)).into_owned()
    }

    /// The next connection that was asked for comes about.
    pub fn open(&mut self) -> ConnId {
        let (conn, to) = self.asked.pop_front().expect("a connection was asked for");
        let local = SocketAddr::new(to.ip(), 50_000);
        self.handle(Input::Opened { conn, local });
        conn
    }

    pub fn wait_ms(&mut self, ms: u64) {
        self.now += ms * MILLISECOND;
        self.handle(Input::Time);
    }

    /// A file changes.
    pub fn change(&mut self, path: &str, text: &str) {
        self.files.borrow_mut().insert(path.to_owned(), text.to_owned());
        self.handle(Input::File { path, contents: text.as_bytes() });
    }

    /// A page of the admin page on port 9901: its status and its body.
    pub fn admin(&mut self, path: &str) -> (u16, String) {
        let (method, path) = path.split_once(' ').unwrap_or(("GET", path));
        let conn = self.connect(9901);
        self.send(conn, format!("{method} {path} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes());
        let text = self.heard_text(conn);
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole response");
        (head[9..12].parse().expect("a status"), body.to_owned())
    }

    pub fn stat(&mut self, name: &str) -> u64 {
        let (_, text) = self.admin(&format!("/stats?filter=^{}$", name.replace('.', "\\.")));
        text.trim_end().rsplit_once(": ").map_or(0, |it| it.1.parse().expect("a number"))
    }
}

/// A bootstrap with the admin page on 9901, and what stands in the two lists of its resources.
pub fn bootstrap(listeners: &str, clusters: &str, more: &str) -> String {
    let indent = |text: &str| text.lines().map(|it| format!("  {it}\n")).collect::<String>();
    format!(
        "node: {{id: sidecar, cluster: app}}\nadmin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: \
         9901}}}}}}\nstatic_resources:\n  listeners:\n{}  clusters:\n{}{more}",
        indent(listeners),
        indent(clusters)
    )
}

/// A listener of HTTP whose requests all go to one cluster.
pub fn http_listener(name: &str, port: u16, cluster: &str, more: &str) -> String {
    format!(
        "- name: {name}
  address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: {name}
        {more}
        route_config:
          name: of-{name}
          virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, route: {{cluster: {cluster}}}}}]}}]
        http_filters:
        - name: router
          typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}"
    )
}

/// A cluster of one host on the loopback.
pub fn cluster(name: &str, port: u16, more: &str) -> String {
    format!(
        "- name: {name}
  connect_timeout: 1s
  type: STATIC
  load_assignment: {{cluster_name: {name}, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]}}
  {more}"
    )
}

/// What makes a cluster speak HTTP/2.
pub const HTTP2: &str = "typed_extension_protocol_options: {o: {'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http2_protocol_options: {}}}}";
