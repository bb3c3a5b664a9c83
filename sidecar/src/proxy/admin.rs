//! The admin page: what the proxy says of itself, and how it is told to drain.
//!
//! Differs from Envoy: pages about memory, profilers, logging levels and lookups are not simulated, and say so.
//! Source: Envoy's documentation "Administration interface"; compared with Envoy 1.40.

#[cfg(feature = "tls")]
mod certs;
mod clusters;
mod config_dump;
mod stats;

use super::reply::Reply;
use super::slab::Key;
use super::{Output, Proxy};
use crate::config::core::TrafficDirection;
use crate::config::reader::Field;
use crate::matcher::query_value;
use serde_json::{Map, Value, json};

pub(super) use self::config_dump::timestamp;

/// Status, body and kind of a page.
type Page = (u16, String, &'static str);

const TEXT: &str = "text/plain; charset=UTF-8";
const JSON: &str = "application/json";

/// The paths that change something.
const CHANGES: [&str; 14] = [
    "/allocprofiler",
    "/cpuprofiler",
    "/drain_listeners",
    "/healthcheck/fail",
    "/healthcheck/ok",
    "/heapprofiler",
    "/logging",
    "/quitquitquit",
    "/reopen_logs",
    "/reset_counters",
    "/runtime_modify",
    "/stats/recentlookups/clear",
    "/stats/recentlookups/disable",
    "/stats/recentlookups/enable",
];

/// What Envoy has and this proxy has not.
const LACKS: [&str; 14] = [
    "/allocprofiler",
    "/cpuprofiler",
    "/heap_dump",
    "/heapprofiler",
    "/logging",
    "/memory",
    "/memory/tcmalloc",
    "/peak_heap_dump",
    "/quitquitquit",
    "/reopen_logs",
    "/stats/recentlookups",
    "/stats/recentlookups/clear",
    "/stats/recentlookups/disable",
    "/stats/recentlookups/enable",
];

impl Proxy {
    /// Answers a request to the admin page.
    pub(super) fn admin(&mut self, key: Key) {
        let Some(stream) = self.stream(key) else { return };
        let path = stream.request.get(":path").unwrap_or_default().to_vec();
        let method = String::from_utf8_lossy(stream.request.get(":method").unwrap_or_default()).into_owned();
        let bare = String::from_utf8_lossy(crate::route::without_query(&path)).into_owned();
        let (status, body, kind) = if CHANGES.contains(&bare.as_str()) && method != "POST" {
            (405, format!("Method {method} not allowed, POST required."), TEXT)
        } else {
            self.admin_page(&bare, &path)
        };
        let reply = Reply::new(status, &body, "admin_filter_response");
        let reply = reply
            .with("content-type", kind.to_owned())
            .with("cache-control", "no-cache, max-age=0".to_owned());
        self.reply(key, reply.with("x-content-type-options", "nosniff".to_owned()));
    }

    /// The page of a path without its query.
    fn admin_page(&mut self, bare: &str, path: &[u8]) -> Page {
        match bare {
            "/" => (200, home(), "text/html; charset=UTF-8"),
            "/certs" => self.admin_certs(),
            "/clusters" => self.admin_clusters(path),
            "/config_dump" => self.config_dump(path),
            "/contention" => {
                let text = "Mutex contention tracing is not enabled. To enable, run Envoy with flag --enable-mutex-tracing.";
                (200, text.to_owned(), TEXT)
            }
            "/drain_listeners" => self.drain_listeners(path),
            "/healthcheck/fail" => self.fail_checks(true),
            "/healthcheck/ok" => self.fail_checks(false),
            "/help" => (200, format!("admin commands are:\n{}", help()), TEXT),
            "/hot_restart_version" => (200, "disabled\n".to_owned(), TEXT),
            "/init_dump" => (200, "{}\n".to_owned(), JSON),
            "/listeners" => self.admin_listeners(path),
            "/ready" => self.ready(),
            "/reset_counters" => {
                self.stats.reset_counters();
                ok()
            }
            "/runtime" => (200, pretty(&json!({ "entries": {}, "layers": [] })), JSON),
            "/runtime_modify" => (503, "No admin layer specified\n".to_owned(), TEXT),
            "/server_info" => (200, self.server_info(), JSON),
            "/stats" => self.admin_stats(path, false),
            "/stats/prometheus" => self.admin_stats(path, true),
            _ if LACKS.contains(&bare) => not_simulated(bare),
            _ => (404, format!("invalid path. admin commands are:\n{}", help()), TEXT),
        }
    }

    fn state(&self) -> &'static str {
        match () {
            _ if self.is_failing_checks => "DRAINING",
            _ if !self.discovery.is_ready() => "INITIALIZING",
            _ => "LIVE",
        }
    }

    fn ready(&self) -> Page {
        let state = self.state();
        (if state == "LIVE" { 200 } else { 503 }, format!("{state}\n"), TEXT)
    }

    fn fail_checks(&mut self, fails: bool) -> Page {
        self.is_failing_checks = fails;
        ok()
    }

    fn drain_listeners(&mut self, path: &[u8]) -> Page {
        for flag in ["graceful", "skip_exit"] {
            if is_flag(path, flag) {
                return not_simulated(flag);
            }
        }
        let is_inbound_only = is_flag(path, "inboundonly");
        self.is_draining |= !is_inbound_only;
        self.stop_listeners(is_inbound_only);
        for number in 0..self.downs.len() as u32 {
            let at = self.down(number).map(|it| it.listener);
            if at.is_some_and(|at| self.is_drained(at, is_inbound_only)) {
                self.drain_down(number);
            }
        }
        ok()
    }

    /// Whether a drain, of all listeners or of those that face inwards, is meant for this one.
    fn is_drained(&self, at: usize, is_inbound_only: bool) -> bool {
        let Some(Some(listener)) = self.listeners.get(at) else { return false };
        let is_inbound = listener.config.traffic_direction == TrafficDirection::Inbound;
        !listener.is_admin() && (is_inbound || !is_inbound_only)
    }

    /// No listener but that of the admin page listens any longer, or none that faces inwards.
    fn stop_listeners(&mut self, is_inbound_only: bool) {
        for at in 0..self.listeners.len() {
            if self.is_drained(at, is_inbound_only)
                && let Some(Some(listener)) = self.listeners.get_mut(at)
                && std::mem::take(&mut listener.is_bound)
            {
                listener.is_stopped = true;
                self.output.push_back(Output::Unlisten(at as u32));
            }
        }
    }

    fn admin_listeners(&self, path: &[u8]) -> Page {
        let all = self.listeners.iter().flatten().filter(|it| !it.is_admin());
        if unescaped(path, "format").as_deref() == Some("json") {
            let all: Vec<Value> = all
                .map(|it| {
                    let address = config_dump::address(it.address);
                    json!({ "name": it.config.name, "local_address": address })
                })
                .collect();
            let mut fields = Map::new();
            if !all.is_empty() {
                fields.insert("listener_statuses".to_owned(), all.into());
            }
            return (200, pretty(&fields.into()), JSON);
        }
        (200, all.map(|it| format!("{}::{}\n", it.config.name, it.address)).collect(), TEXT)
    }

    #[cfg(not(feature = "tls"))]
    fn admin_certs(&self) -> Page {
        (200, pretty(&json!({ "certificates": [] })), JSON)
    }

    fn server_info(&self) -> String {
        let mut node = self.bootstrap.node.clone().unwrap_or_default().json();
        node["user_agent_name"] = "envoy".into();
        node["user_agent_build_version"] = build_version();
        let uptime = format!("{}s", (self.now - self.started) / super::SECOND);
        pretty(&json!({
            "version": VERSION,
            "state": self.state(),
            "uptime_current_epoch": uptime,
            "uptime_all_epochs": uptime,
            "hot_restart_version": "disabled",
            "command_line_options": { "concurrency": 1, "mode": "Serve", "disable_hot_restart": true },
            "node": node,
        }))
    }
}

/// Revision, version, state of the source, kind of build and TLS library, as Envoy says them.
const VERSION: &str = "vethlab/1.40.0/Clean/RELEASE/rustls";

fn build_version() -> Value {
    json!({
        "version": { "major_number": 1, "minor_number": 40 },
        "metadata": {
            "build.type": "RELEASE",
            "revision.sha": "vethlab",
            "revision.status": "Clean",
            "ssl.version": "rustls",
        },
    })
}

fn ok() -> Page {
    (200, "OK\n".to_owned(), TEXT)
}

fn not_simulated(what: &str) -> Page {
    (501, format!("{what}: not simulated in vethlab\n"), TEXT)
}

/// JSON as protobuf prints it: a blank for each level, and no angle brackets.
fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let blanks = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, blanks);
    // Writing a tree into memory cannot fail.
    serde::Serialize::serialize(value, &mut serializer).unwrap_or_default();
    String::from_utf8_lossy(&out).replace('<', "\\u003c").replace('>', "\\u003e") + "\n"
}

/// The value of a query parameter; empty for one without a value.
fn unescaped(path: &[u8], name: &str) -> Option<String> {
    let bytes = query_value(path, name.as_bytes())?;
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|it| std::str::from_utf8(it).ok());
        let decoded = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        match (byte, decoded) {
            (b'%', Some(it)) => {
                out.push(it);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Whether a query parameter is there.
fn is_flag(path: &[u8], name: &str) -> bool {
    query_value(path, name.as_bytes()).is_some()
}

/// What each path is for, with its parameters.
const COMMANDS: [(&str, &str, &[&str]); 19] = [
    ("/", "Admin home page", &[]),
    ("/certs", "print certs on machine", &[]),
    (
        "/clusters",
        "upstream cluster status",
        &["filter: Regular expression (Google re2) for filtering clusters by name"],
    ),
    (
        "/config_dump",
        "dump current Envoy configs",
        &[
            "resource: The resource to dump",
            "mask: The mask to apply. When both resource and mask are specified, the mask is applied to every element in the desired repeated field so that only a subset of fields are returned. The mask is parsed as a Protobuf::FieldMask",
            "name_regex: Dump only the currently loaded configurations whose names match the specified regex. Can be used with both resource and mask query parameters.",
            "include_eds: Dump currently loaded configuration including EDS. See the response definition for more information",
        ],
    ),
    ("/contention", "dump current Envoy mutex contention stats (if enabled)", &[]),
    (
        "/drain_listeners (POST)",
        "drain listeners",
        &[
            "inboundonly: Drains all inbound listeners. traffic_direction field in envoy_v3_api_msg_config.listener.v3.Listener is used to determine whether a listener is inbound or outbound.",
        ],
    ),
    ("/healthcheck/fail (POST)", "cause the server to fail health checks", &[]),
    ("/healthcheck/ok (POST)", "cause the server to pass health checks", &[]),
    ("/help", "print out list of admin commands", &[]),
    ("/hot_restart_version", "print the hot restart compatibility version", &[]),
    ("/init_dump", "dump current Envoy init manager information (experimental)", &[]),
    ("/listeners", "print listener info", &["format: File format to use; One of (text, json)"]),
    ("/ready", "print server state, return 200 if LIVE, otherwise return 503", &[]),
    ("/reset_counters (POST)", "reset all counters to zero", &[]),
    ("/runtime", "print runtime values", &[]),
    ("/runtime_modify (POST)", "Adds or modifies runtime values as passed in query parameters", &[]),
    ("/server_info", "print server version/status information", &[]),
    (
        "/stats",
        "print server stats",
        &[
            "usedonly: Only include stats that have been written by system since restart",
            "filter: Regular expression (Google re2) for filtering stats",
            "invert_filter: Invert the filter regex",
            "format: Format to use; One of (text, json)",
            "type: Stat types to include.; One of (All, Counters, Histograms, Gauges, TextReadouts)",
        ],
    ),
    (
        "/stats/prometheus",
        "print server stats in prometheus format",
        &[
            "usedonly: Only include stats that have been written by system since restart",
            "filter: Regular expression (Google re2) for filtering stats",
            "invert_filter: Invert the filter regex",
        ],
    ),
];

fn help() -> String {
    let mut text = String::new();
    for (path, what, parameters) in COMMANDS {
        text.push_str(&format!("  {path}: {what}\n"));
        text.extend(parameters.iter().map(|it| format!("      {it}\n")));
    }
    text
}

fn home() -> String {
    let mut rows = String::new();
    for (path, what, _) in COMMANDS {
        let row = match path.strip_suffix(" (POST)") {
            Some(bare) => {
                format!("<form action='{bare}' method='post'><button>{}</button></form>", &bare[1..])
            }
            None => format!("<a href='{path}'>{}</a>", path.trim_start_matches('/')),
        };
        rows.push_str(&format!("    <tr><td>{row}</td><td>{what}</td></tr>\n"));
    }
    format!(
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n  <title>Envoy Admin</title>\n</head>\n<body>\n  <table>\n\
         <thead>\n    <th>Command</th>\n    <th>Description</th>\n  </thead>\n  <tbody>\n{rows}  </tbody>\n  \
         </table>\n</body>\n</html>\n"
    )
}
