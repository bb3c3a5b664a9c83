//! What dnsmasq writes to its log: how it started, and with `log-queries` each question and answer.
//!
//! Differs from dnsmasq: names of hosts files are told as `config`, too; without `log-facility` and -d the lines go
//! to syslog, which is not here.
//! Source: dnsmasq 2.90 `src/cache.c` (log_query), `src/log.c`, as observed.

use super::rules::Rules;
use super::{Settings, Standard};
use crate::calendar::Date;
use crate::dns::{Data, Kind, Message, Name, Rcode};
use crate::sys::Sys;
use std::net::SocketAddr;

/// Where the lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum To {
    #[default]
    Nowhere,
    Stderr,
    File(String),
}

#[derive(Clone, Debug, Default)]
pub struct Log {
    pub to: To,
    pub queries: bool,
}

impl Log {
    pub async fn line(&self, sys: &Sys, text: &str) {
        match &self.to {
            To::Nowhere => {}
            To::Stderr => sys.eprint(format!("dnsmasq: {text}\n")).await,
            To::File(path) => {
                let at = Date::from_duration(sys.realtime().await).format("%b %e %H:%M:%S");
                let line = format!("{at} dnsmasq[{}]: {text}\n", sys.pid().await);
                // A log that cannot be written stops nobody.
                sys.append_file(path, line.as_bytes()).await.ok();
            }
        }
    }

    /// What it says as it starts: version, servers, hosts files.
    pub async fn started(&self, sys: &Sys, settings: &Settings, rules: &Rules) {
        const BUILT: &str = "IPv6 GNU-getopt DBus no-UBus i18n IDN2 DHCP DHCPv6 no-Lua TFTP conntrack ipset nftset \
                             auth cryptohash DNSSEC loop-detect inotify dumpfile";
        let size = settings.cache_size;
        let cache = if size == 0 { "cache disabled".to_owned() } else { format!("cachesize {size}") };
        self.line(sys, &format!("started, version 2.90 {cache}")).await;
        self.line(sys, &format!("compile time options: {BUILT}")).await;
        let told = rules.told();
        let upstream = |line: &String| line.starts_with("using nameserver");
        if settings.no_resolv && settings.servers.is_empty() && !told.iter().any(upstream) {
            self.line(sys, "warning: no upstream servers configured").await;
        }
        if let Standard::File(path, _) = settings.standard() {
            match sys.read_file(&path).await {
                Ok(_) => self.line(sys, &format!("reading {path}")).await,
                Err(errno) => self.line(sys, &format!("failed to access {path}: {}", errno.text())).await,
            }
        }
        for server in settings.standard().servers(sys).await {
            self.line(sys, &format!("using nameserver {}#{}", server.ip(), server.port())).await;
        }
        for line in told {
            self.line(sys, &line).await;
        }
        if settings.read.is_empty() && settings.cache_size > 0 {
            self.line(sys, "cleared cache").await;
        }
        for (path, names) in &settings.read {
            let text = match names {
                Ok(names) => format!("read {path} - {names} names"),
                Err(errno) => format!("failed to load names from {path}: {}", errno.text()),
            };
            self.line(sys, &text).await;
        }
    }

    pub async fn query(&self, sys: &Sys, query: &Message, from: SocketAddr) {
        if let Some(question) = query.questions.first().filter(|_| self.queries) {
            let (kind, name) = (question.kind, question.name.relative());
            self.line(sys, &format!("query[{kind}] {name} from {}", from.ip().to_canonical())).await;
        }
    }

    pub async fn forwarded(&self, sys: &Sys, query: &Message, server: SocketAddr) {
        if let Some(question) = query.questions.first().filter(|_| self.queries) {
            self.line(sys, &format!("forwarded {} to {}", question.name.relative(), server.ip())).await;
        }
    }

    /// `source` is where the answer stems from.
    pub async fn answer(&self, sys: &Sys, answer: &Message, source: &str) {
        let Some(question) = answer.questions.first().filter(|_| self.queries) else { return };
        let name = question.name.relative();
        if !answer.answers.is_empty() {
            for record in &answer.answers {
                let (owner, data) = (record.name.relative(), &record.data);
                let text = match (record.kind, data) {
                    (Kind::A | Kind::AAAA, data) => format!("{owner} is {data}"),
                    (Kind::PTR, Data::Name(target)) => {
                        format!("{} is {}", plain(&record.name), target.relative())
                    }
                    (kind, _) => format!("{owner} is <{kind}>"),
                };
                self.line(sys, &format!("{source} {text}")).await;
            }
            return;
        }
        let text = match (answer.rcode, question.kind) {
            (Rcode::NXDOMAIN, _) => format!("{name} is NXDOMAIN"),
            (Rcode::NOERROR, Kind::A) => format!("{name} is NODATA-IPv4"),
            (Rcode::NOERROR, Kind::AAAA) => format!("{name} is NODATA-IPv6"),
            (Rcode::NOERROR, _) => format!("{name} is NODATA"),
            (Rcode::REFUSED, _) if source == "config" => String::from("error is REFUSED (EDE: not ready)"),
            (rcode, _) => format!("error is {rcode}"),
        };
        self.line(sys, &format!("{source} {text}")).await;
    }
}

/// The address of a reverse name, or the name.
fn plain(name: &Name) -> String {
    let text = name.relative();
    let Some(digits) = text.to_ascii_lowercase().strip_suffix(".in-addr.arpa").map(str::to_owned) else {
        return text;
    };
    let parts: Vec<&str> = digits.rsplit('.').collect();
    if parts.len() == 4 { parts.join(".") } else { text }
}
