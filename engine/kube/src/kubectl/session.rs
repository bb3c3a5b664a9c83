//! One run of kubectl: which cluster, which user, which namespace, and what is still to be printed.
//!
//! Source: client-go `tools/clientcmd`.

use super::fault::Fault;
use super::flags::Flags;
use super::{Entry, Host, Stream};
use crate::api::{Request, Response};
use crate::object::{Kind, Value, json, yaml};
use std::time::Duration;

/// Discovery is tried so often before a server counts as refused.
const DISCOVERY_TRIES: usize = 5;

pub struct Session<'h> {
    pub host: &'h mut dyn Host,
    pub namespace: String,
    pub config: Value,
    pub server: String,
    /// What `--kubeconfig` said.
    pub config_path: String,
    user: String,
    group: String,
    as_user: String,
    as_groups: Vec<String>,
    token: String,
    pub warned: Vec<String>,
    pending: Vec<(Stream, String)>,
    /// Whether a YAML document was printed, so that the next is parted from it.
    pub printed_yaml: bool,
}

impl<'h> Session<'h> {
    pub fn new(host: &'h mut dyn Host) -> Session<'h> {
        Session {
            host,
            namespace: "default".to_owned(),
            config: Value::Null,
            server: String::new(),
            config_path: String::new(),
            user: String::new(),
            group: String::new(),
            as_user: String::new(),
            as_groups: Vec::new(),
            token: String::new(),
            warned: Vec::new(),
            pending: Vec::new(),
            printed_yaml: false,
        }
    }

    /// Puts text on standard output, at the next flush.
    pub fn print(&mut self, text: &str) {
        self.put(Stream::Out, text);
    }

    /// Puts text on standard error, at the next flush.
    pub fn complain(&mut self, text: &str) {
        self.put(Stream::Err, text);
    }

    fn put(&mut self, to: Stream, text: &str) {
        match self.pending.last_mut() {
            Some((its, before)) if *its == to => before.push_str(text),
            _ => self.pending.push((to, text.to_owned())),
        }
    }

    pub async fn flush(&mut self) {
        for (to, text) in std::mem::take(&mut self.pending) {
            self.host.print(to, text).await;
        }
    }

    pub async fn sleep(&mut self, time: Duration) {
        self.flush().await;
        self.host.sleep(time).await;
    }

    /// Applies the flags that choose cluster, user and namespace.
    pub async fn settle(&mut self, flags: &Flags) -> Result<(), Fault> {
        self.config_path = flags.get("kubeconfig").to_owned();
        let text = self.host.kubeconfig(&self.config_path.clone()).await;
        self.config = yaml::parse(&text).map_err(|why| {
            Fault::Plain(format!("error loading config file: error converting YAML to JSON: {why}"))
        })?;
        let name = flags.or("context", self.config.str("current-context")).to_owned();
        let find = |config: &Value, list: &str, name: &str| {
            config.get(list).items().iter().find(|it| it.str("name") == name).cloned()
        };
        let context = find(&self.config, "contexts", &name);
        if context.is_none() && flags.has("context") && !flags.path.starts_with("kubectl config") {
            return Err(Fault::Plain(format!("context \"{name}\" does not exist")));
        }
        let context = context.unwrap_or_default();
        let context = context.get("context");
        let cluster = find(&self.config, "clusters", flags.or("cluster", context.str("cluster")));
        let cluster = cluster.unwrap_or_default();
        let server = cluster["cluster"].str("server");
        self.server = if server.is_empty() { "http://localhost:8080" } else { server }.to_owned();
        self.user = flags.or("user", context.str("user")).to_owned();
        self.group = "system:masters".to_owned();
        if !context.str("namespace").is_empty() {
            self.namespace = context.str("namespace").to_owned();
        }
        for (flag, place) in [
            ("namespace", &mut self.namespace),
            ("server", &mut self.server),
            ("as", &mut self.as_user),
            ("token", &mut self.token),
        ] {
            if !flags.get(flag).is_empty() {
                *place = flags.get(flag).to_owned();
            }
        }
        self.as_groups = flags.each("as-group").map(str::to_owned).collect();
        Ok(())
    }

    /// The token or client certificate of the user in force.
    pub fn sign(&self, mut request: Request) -> Request {
        request = request.with_header("User-Agent", "kubectl/v1.36.2 (linux/amd64) kubernetes/8f0e6f2");
        let users = self.config.get("users").items();
        let user = users.iter().find(|it| it.str("name") == self.user).map(|it| it.get("user"));
        let own = user.map_or("", |it| it.str("token"));
        let token = if self.token.is_empty() { own } else { &self.token };
        request = if token.is_empty() {
            request
                .with_header("X-Remote-User", self.user.clone())
                .with_header("X-Remote-Group", self.group.clone())
        } else {
            request.with_header("Authorization", format!("Bearer {token}"))
        };
        if !self.as_user.is_empty() {
            request = request.with_header("Impersonate-User", self.as_user.clone());
        }
        for group in &self.as_groups {
            request = request.with_header("Impersonate-Group", group.clone());
        }
        request
    }

    /// Sends as the user of the context; warnings of the answer are printed once each.
    pub async fn send(&mut self, request: Request) -> Result<Response, Fault> {
        let request = self.sign(request);
        let server = self.server.clone();
        let response = match self.host.send(&server, request).await {
            Ok(response) => response,
            Err(why) => return Err(self.unreachable(&why)),
        };
        let fresh: Vec<String> = response
            .warnings()
            .filter(|it| !self.warned.iter().any(|its| its == it))
            .map(str::to_owned)
            .collect();
        for text in fresh {
            self.complain(&format!("Warning: {text}\n"));
            self.warned.push(text);
        }
        if response.is_success() { Ok(response) } else { Err(Fault::of(&response.body)) }
    }

    /// Begins a stream as the user of the context.
    pub async fn open(&mut self, request: Request) -> Result<(), Fault> {
        self.flush().await;
        let (request, server) = (self.sign(request), self.server.clone());
        match self.host.open(&server, request).await {
            Ok(response) if response.is_success() => Ok(()),
            Ok(response) => Err(Fault::of(&response.body)),
            Err(why) => Err(self.unreachable(&why)),
        }
    }

    fn unreachable(&mut self, why: &str) -> Fault {
        let server = self.server.trim_end_matches('/').to_owned();
        let address = server.split("://").last().unwrap_or_default().to_owned();
        let time = self.host.now().rfc3339();
        let (month, day, clock) = (&time[5..7], &time[8..10], &time[11..19]);
        for _ in 0..DISCOVERY_TRIES {
            self.complain(&format!(
                "E{month}{day} {clock}.000000       1 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current \
                 server API group list: Get \\\"{server}/api?timeout=32s\\\": {why}\"\n"
            ));
        }
        if why.ends_with("connection refused") {
            return Fault::Raw(format!(
                "The connection to the server {address} was refused - did you specify the right host or port?\n"
            ));
        }
        Fault::Raw(format!("Unable to connect to the server: {why}\n"))
    }

    pub async fn json(&mut self, request: Request) -> Result<Value, Fault> {
        let response = self.send(request).await?;
        json::parse(&response.body).map_err(Fault::Plain)
    }

    pub async fn fetch(&mut self, kind: Kind, namespace: &str, name: &str) -> Result<Value, Fault> {
        self.json(Request::new("GET", path(kind, namespace, name))).await
    }

    /// The items of a list, each with its kind.
    pub async fn list(
        &mut self,
        kind: Kind,
        namespace: &str,
        selectors: &[(&str, &str)],
    ) -> Result<Vec<Value>, Fault> {
        let mut request = Request::new("GET", path(kind, namespace, ""));
        for (name, value) in selectors.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.with_query(name, *value);
        }
        let list = self.json(request).await?;
        Ok(list.get("items").items().iter().map(|it| typed(kind, it)).collect())
    }

    /// The text of a file, or of standard input.
    pub async fn text(&mut self, path: &str) -> Result<String, Fault> {
        match self.host.read(path).await {
            Ok(Entry::File(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(Entry::Folder(_)) => Err(Fault::Plain(format!("read {path}: is a directory"))),
            Err(why) => Err(Fault::Plain(format!("open {path}: {why}"))),
        }
    }
}

/// Items of a list do not say their kind on the wire; kubectl knows it from the list.
pub fn typed(kind: Kind, item: &Value) -> Value {
    let mut item = item.clone();
    item.set("apiVersion", kind.resource().api_version());
    item.set("kind", kind.name());
    item
}

/// The REST path of a collection or an object.
pub fn path(kind: Kind, namespace: &str, name: &str) -> String {
    let resource = kind.resource();
    let mut path = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
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
