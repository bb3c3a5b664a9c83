//! Connecting sandboxes: which configuration counts, and its chain of plugins (libcni's part of a runtime).
//!
//! Always: the first file by name in `/etc/cni/net.d` counts; ADD runs the plugins in order, each with the result of the
//! one before, DEL in reverse with the final result; a plugin's error text is passed on as it stands.
//! Source: CNI specification 1.1.0; containernetworking/cni `libcni/api.go`.

use linux::{Group, OpenFlags, Start, Sys};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const CONF_DIR: &str = "/etc/cni/net.d";
const BIN_DIR: &str = "/opt/cni/bin";

/// A network configuration list.
pub struct ConfList {
    name: String,
    version: String,
    plugins: Vec<Map<String, Value>>,
}

/// What is attached.
#[derive(Clone, Debug)]
pub struct Attachment {
    pub container: String,
    /// As a path: `/var/run/netns/cni-…`.
    pub netns: String,
    pub interface: String,
    pub namespace: String,
    pub pod: String,
    pub uid: String,
    /// `hostPort` mappings, as the capability `portMappings` wants them.
    pub ports: Value,
}

/// The configuration in force; `None` where there is none that can be read: "cni plugin not initialized".
pub async fn configuration(sys: &Sys) -> Option<ConfList> {
    let mut names: Vec<String> = sys.read_dir(CONF_DIR).await.ok()?.into_iter().map(|it| it.name).collect();
    names.retain(|name| [".conflist", ".conf", ".json"].iter().any(|end| name.ends_with(end)));
    names.sort();
    for name in names {
        let Ok(bytes) = sys.read_file(&format!("{CONF_DIR}/{name}")).await else { continue };
        if let Some(found) = read(&bytes) {
            return Some(found);
        }
    }
    None
}

fn read(bytes: &[u8]) -> Option<ConfList> {
    let Ok(Value::Object(list)) = serde_json::from_slice(bytes) else { return None };
    let text = |name: &str| list.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let plugins = match list.get("plugins") {
        Some(Value::Array(plugins)) => plugins.iter().filter_map(|it| it.as_object().cloned()).collect(),
        _ if list.contains_key("type") => vec![list.clone()],
        _ => Vec::new(),
    };
    let found = ConfList { name: text("name"), version: text("cniVersion"), plugins };
    (!found.name.is_empty() && !found.plugins.is_empty()).then_some(found)
}

impl ConfList {
    /// What containerd attaches every namespace to before all else.
    fn loopback() -> ConfList {
        let plugin = Map::from_iter([("type".to_owned(), json!("loopback"))]);
        ConfList { name: "cni-loopback".to_owned(), version: "0.3.1".to_owned(), plugins: vec![plugin] }
    }

    /// Brings its `lo` up and attaches it; the final result as JSON.
    pub async fn add(&self, sys: &Sys, to: &Attachment) -> Result<String, String> {
        let lo = Attachment { interface: "lo".to_owned(), ports: Value::Null, ..to.clone() };
        ConfList::loopback().add_all(sys, &lo).await?;
        self.add_all(sys, to).await
    }

    async fn add_all(&self, sys: &Sys, to: &Attachment) -> Result<String, String> {
        let mut result = None;
        for plugin in &self.plugins {
            let answer = self.call(sys, "ADD", plugin, to, result.as_ref()).await;
            let said = answer.map_err(|why| self.failed(plugin, "add", &why))?;
            result = Some(serde_json::from_str(&said).map_err(|why| format!("unexpected result: {why}"))?);
        }
        Ok(result.unwrap_or(Value::Null).to_string())
    }

    /// Detaches it; goes on to the end, and says what went wrong first.
    pub async fn delete(&self, sys: &Sys, to: &Attachment, result: &str) -> Result<(), String> {
        let result = serde_json::from_str(result).ok();
        let mut outcome = Ok(());
        for plugin in self.plugins.iter().rev() {
            let answer = self.call(sys, "DEL", plugin, to, result.as_ref()).await;
            if let Err(why) = answer {
                outcome = outcome.and(Err(self.failed(plugin, "delete", &why)));
            }
        }
        outcome
    }

    fn failed(&self, plugin: &Map<String, Value>, verb: &str, why: &str) -> String {
        let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default();
        format!("plugin type=\"{kind}\" name=\"{}\" failed ({verb}): {why}", self.name)
    }

    async fn call(
        &self,
        sys: &Sys,
        verb: &str,
        plugin: &Map<String, Value>,
        to: &Attachment,
        previous: Option<&Value>,
    ) -> Result<String, String> {
        let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default();
        let path = format!("{BIN_DIR}/{kind}");
        if kind.is_empty() || kind.contains('/') || !sys.exists(&path).await {
            return Err(format!("failed to find plugin \"{kind}\" in path [{BIN_DIR}]"));
        }
        let mut config = plugin.clone();
        let capabilities = config.remove("capabilities");
        config.insert("name".to_owned(), json!(self.name));
        config.insert("cniVersion".to_owned(), json!(self.version));
        let maps_ports =
            capabilities.as_ref().and_then(|it| it.get("portMappings")) == Some(&Value::Bool(true));
        if maps_ports && to.ports.as_array().is_some_and(|it| !it.is_empty()) {
            config.insert("runtimeConfig".to_owned(), json!({"portMappings": to.ports}));
        }
        if let Some(previous) = previous {
            config.insert("prevResult".to_owned(), previous.clone());
        }
        let arguments = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE={};K8S_POD_NAME={};K8S_POD_INFRA_CONTAINER_ID={};K8S_POD_UID={}",
            to.namespace, to.pod, to.container, to.uid
        );
        let environment: BTreeMap<String, String> = [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", &to.container),
            ("CNI_NETNS", &to.netns),
            ("CNI_IFNAME", &to.interface),
            ("CNI_ARGS", &arguments),
            ("CNI_PATH", BIN_DIR),
            ("PATH", linux::DEFAULT_PATH),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        execute(sys, &path, environment, Value::Object(config).to_string()).await
    }
}

/// Runs a plugin; what it printed, or the message of its error.
async fn execute(
    sys: &Sys,
    path: &str,
    environment: BTreeMap<String, String>,
    config: String,
) -> Result<String, String> {
    let failed = |errno: net::Errno| errno.to_string();
    let input = sys.open_bytes(config.into_bytes()).await.map_err(failed)?;
    let (reader, writer) = sys.pipe().await.map_err(failed)?;
    let null = sys.open("/dev/null", OpenFlags::READ_WRITE).await.map_err(failed)?;
    let start = Start {
        environment: Some(environment),
        files: Some(vec![(0, input), (1, writer), (2, null)]),
        group: Group::New,
        ..Start::new([path])
    };
    let started = sys.spawn(start).await;
    for fd in [input, writer, null] {
        sys.close(fd).await.ok();
    }
    let outcome = match started {
        Ok(child) => {
            let said = sys.read_all(reader).await.unwrap_or_default();
            Ok((String::from_utf8_lossy(&said).into_owned(), sys.wait_child(child).await))
        }
        Err(errno) => Err(errno.to_string()),
    };
    sys.close(reader).await.ok();
    let (said, exit) = outcome?;
    if exit.0 == 0 {
        return Ok(said);
    }
    let error: Value = serde_json::from_str(&said).unwrap_or_default();
    let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    match (part("msg"), part("details")) {
        ("", _) => {
            Err(format!("netplugin failed: {}", if said.is_empty() { "<nil>" } else { said.trim_end() }))
        }
        (message, "") => Err(message.to_owned()),
        (message, details) => Err(format!("{message}; {details}")),
    }
}

/// The addresses of a result, without their prefix lengths.
pub fn addresses(result: &str) -> Vec<String> {
    let result: Value = serde_json::from_str(result).unwrap_or_default();
    let ips = result.get("ips").and_then(Value::as_array).cloned().unwrap_or_default();
    let plain = |it: &Value| Some(it.get("address")?.as_str()?.split('/').next()?.to_owned());
    ips.iter().filter_map(plain).collect()
}
