//! Answers of CoreDNS: a cluster, a Corefile and a query in; the answer and the log out.
//!
//! Queries and answers go through their wire form. Always: the upstream server is the recording's stub, authoritative
//! for its zones and saying NXDOMAIN to everything else; how a query was sent (transport, EDNS) is read off the log.
//! Differs from the recordings: one query to a fresh server each, so nothing is in its cache yet.

use super::{Says, difference};
use kube::dns::corefile::Surroundings;
use kube::dns::request::Transport;
use kube::dns::server::{Action, Server};
use kube::object::endpointslice::{EndpointSlice, SERVICE_NAME};
use kube::object::service::Service;
use linux::dns::{Class, Compression, Data, Edns, Kind, Message, Name, Rcode, Record, option};
use regex::Regex;
use serde_json::Value;
use sim::Instant;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub const SAYS: &[Says] = &[
    ("answer", "CoreDNS answers", "/expect"),
    ("log", "CoreDNS log", "/logLines"),
    ("errors", "CoreDNS log", "/errorLines"),
];

const UPSTREAM: &str = "192.0.2.53";
const HOSTS: &str = "/etc/coredns/hosts";
const CLOSED_PORT: &str = "10099";
const PORT: u16 = 53;
/// Stands for `<serial>`.
const SERIAL: u32 = 1_234_567_890;
/// Of the API server's own making.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

pub fn judge(root: &Value, case: &Value) -> Vec<Option<String>> {
    match run(root, case) {
        Ok(differences) => differences,
        Err(why) => vec![Some(format!("{why}\n")); SAYS.len()],
    }
}

fn run(root: &Value, case: &Value) -> Result<Vec<Option<String>>, String> {
    let mut dns = Dns::new(root, text(&case["corefile"]))?;
    let (client, transport, query) = query(case)?;
    let expect = &case["expect"];
    let mut reply = dns.ask(client, transport, &query.write(Compression::None))?;
    let is_cut = reply.as_ref().is_some_and(|reply| reply.flags.truncated);
    if is_cut && !texts(&expect["flags"]).contains(&"tc".to_owned()) {
        reply = dns.ask(client, Transport::Tcp, &query.write(Compression::None))?;
    }
    let log = dns.server.take_log();
    let lines = |class: &str| normalised(&log, class);
    let recorded =
        |key: &str| texts(&case[key]).iter().map(|line| hide_ports(line) + "\n").collect::<String>();
    Ok(vec![
        difference(&recorded_answer(expect), &answer(reply.as_ref(), expect)),
        difference(&recorded("logLines"), &lines("[INFO]")),
        difference(&recorded("errorLines"), &lines("[ERROR]")),
    ])
}

/// A server over the recording's cluster, and the stub behind it.
pub struct Dns {
    server: Server,
    zones: Value,
}

struct Files(String);

impl Surroundings for Files {
    fn file(&self, path: &str) -> Option<String> {
        match path {
            "/etc/resolv.conf" => Some(format!("nameserver {UPSTREAM}\n")),
            HOSTS => Some(self.0.clone()),
            _ => None,
        }
    }

    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}

impl Dns {
    pub fn new(root: &Value, corefile: &str) -> Result<Dns, String> {
        let (corefile, hosts) = expand(&texts(&root["corefiles"][corefile]));
        let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let server = Server::start("Corefile", &corefile, &Files(hosts), addresses, 1, Instant::BOOT)?;
        let mut dns = Dns { server, zones: root["upstream"]["zones"].clone() };
        NAMESPACES.iter().for_each(|name| dns.server.cluster(|cluster| cluster.namespace_set(name)));
        for object in root["world"].as_array().into_iter().flatten() {
            dns.add(object)?;
        }
        dns.server.cluster(|cluster| {
            cluster.is_synced = true;
            cluster.modified = SERIAL;
        });
        Ok(dns)
    }

    /// Objects stand in the recording without their `metadata`.
    fn add(&mut self, object: &Value) -> Result<(), String> {
        let (namespace, name) = (text(&object["namespace"]), text(&object["name"]));
        let mut whole = object.clone();
        let labels = serde_json::json!({ SERVICE_NAME: object["service"] });
        whole["metadata"] = serde_json::json!({ "namespace": namespace, "name": name });
        let fault = |error: serde_json::Error| format!("{name}: {error}");
        match text(&object["kind"]) {
            "Namespace" => self.server.cluster(|cluster| cluster.namespace_set(name)),
            "Service" => {
                let service: Service = serde_json::from_value(whole).map_err(fault)?;
                self.server.cluster(|cluster| cluster.service_set(&service));
            }
            "EndpointSlice" => {
                whole["metadata"]["labels"] = labels;
                let slice: EndpointSlice = serde_json::from_value(whole).map_err(fault)?;
                self.server.cluster(|cluster| cluster.slice_set(&slice));
            }
            "Pod" => {
                let ip = text(&object["podIP"]);
                self.server.cluster(|cluster| cluster.pod_set(namespace, name, ip));
            }
            other => return Err(format!("no reader for a {other}")),
        }
        Ok(())
    }

    /// One query to its end.
    pub fn ask(
        &mut self,
        client: SocketAddr,
        via: Transport,
        bytes: &[u8],
    ) -> Result<Option<Message>, String> {
        let now = Instant::BOOT;
        let (query, actions) = self.server.handle(now, client, PORT, via, bytes);
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Answer { query: it, bytes } if it == query => {
                    return Message::read(&bytes).map(Some).map_err(|fault| fault.to_string());
                }
                Action::Silence { query: it } if it == query => return Ok(None),
                Action::Ask(ask) if ask.to.ip().to_string() == UPSTREAM => {
                    let answer = upstream(&self.zones, &ask.bytes)?.write(Compression::Full);
                    actions.extend(self.server.answered(now, ask.id, Ok(answer)));
                }
                Action::Ask(ask) => {
                    let why = format!("read udp {client}->{}: read: connection refused", ask.to);
                    actions.extend(self.server.answered(now, ask.id, Err(why)));
                }
                Action::Exit(why) => return Err(why),
                Action::Answer { .. } | Action::Silence { .. } => {}
            }
        }
        Err("the query never ended".to_owned())
    }
}

/// The recording's shorthand as a Corefile, and the text of its hosts file.
fn expand(lines: &[String]) -> (String, String) {
    let (mut main, mut others, mut hosts) = (String::new(), String::new(), String::new());
    for line in lines {
        let line = line.split("  [").next().unwrap_or_default().replace("UPSTREAM", UPSTREAM);
        let mut line = line.replace("<closed port>", CLOSED_PORT);
        if let Some((before, rest)) = line.clone().split_once("FILE(")
            && let Some((inside, after)) = rest.split_once(')')
        {
            hosts = format!("{inside}\n");
            line = format!("{before}{HOSTS}{after}");
        }
        let other = line.split_once("server block ").and_then(|(_, block)| block.strip_suffix(']'));
        match other {
            Some(block) => others += &stanza(block),
            None => main += &stanza(&line),
        }
    }
    (format!(".:{PORT} {{\n{main}}}\n{others}"), hosts)
}

/// `name { a; b }` on lines of its own.
fn stanza(line: &str) -> String {
    match line.split_once(" { ").and_then(|(head, rest)| Some((head, rest.strip_suffix(" }")?))) {
        Some((head, body)) => format!("{head} {{\n{}\n}}\n", body.replace("; ", "\n")),
        None => format!("{line}\n"),
    }
}

/// The client, how it sends, and what.
fn query(case: &Value) -> Result<(SocketAddr, Transport, Message), String> {
    let given = &case["query"];
    let name = Name::parse(text(&given["name"])).map_err(|fault| fault.to_string())?;
    let kind = Kind::parse(text(&given["type"])).ok_or("no such type")?;
    let mut query = Message::query(1, name, kind);
    query.flags.recursion_desired = given["rd"].as_bool().unwrap_or(true);
    if let (Some(class), Some(question)) = (given["class"].as_str(), query.questions.first_mut()) {
        question.class = Class::parse(class).ok_or("no such class")?;
    }
    let log = texts(&case["logLines"]);
    let asked = log.last().and_then(|line| line.split('"').nth(1)).unwrap_or_default();
    let asked: Vec<&str> = asked.split(' ').collect();
    let number = |index: usize| asked.get(index).and_then(|it| it.parse::<usize>().ok());
    if given["edns"].as_bool().unwrap_or_default() {
        let udp_size = number(6).and_then(|size| u16::try_from(size).ok()).unwrap_or(1232);
        let dnssec_ok = asked.get(5) == Some(&"true");
        query.edns = Some(Edns { version: 0, udp_size, dnssec_ok, options: Vec::new() });
        // A client's cookie, where the message was that much longer.
        if number(4) == Some(query.write(Compression::None).len() + 12)
            && let Some(edns) = &mut query.edns
        {
            edns.options.push((option::COOKIE, vec![7; 8]));
        }
    }
    let is_tcp = asked.get(3) == Some(&"tcp") || text(&given["proto"]) == "tcp";
    let client = given["client"].as_str().and_then(|it| it.split(' ').next()?.parse().ok());
    let client = SocketAddr::new(client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 40_000);
    Ok((client, if is_tcp { Transport::Tcp } else { Transport::Udp }, query))
}

/// What the stub says.
fn upstream(zones: &Value, bytes: &[u8]) -> Result<Message, String> {
    let query = Message::read(bytes).map_err(|fault| fault.to_string())?;
    let question = query.question().ok_or("a query without a question")?;
    let name = question.name.to_string().to_lowercase();
    let mut zones = zones.as_object().into_iter().flatten();
    let within = |zone: &str| name == format!("{zone}.") || name.ends_with(&format!(".{zone}."));
    let Some((zone, held)) = zones.find(|(zone, _)| within(zone)) else {
        let mut reply = Message::reply(&query, Rcode::NXDOMAIN);
        reply.flags.authoritative = true;
        let soa = "a.root-servers.net. nstld.verisign-grs.com. 2026112100 1800 900 604800 86400";
        reply.authorities.push(record(".", Kind::SOA, 86_400, soa)?);
        return Ok(reply);
    };
    let mut reply = Message::reply(&query, Rcode::NOERROR);
    reply.flags.authoritative = true;
    let (apex, mut owner, mut is_there) = (format!("{zone}."), name.clone(), false);
    for row in held["records"].as_array().into_iter().flatten() {
        let row_owner = match text(&row[0]) {
            "@" => apex.clone(),
            label => format!("{label}.{apex}"),
        };
        is_there |= row_owner == name;
    }
    // An alias is followed as often as there are records.
    for _ in held["records"].as_array().into_iter().flatten() {
        let mut next = None;
        for row in held["records"].as_array().into_iter().flatten() {
            let label = text(&row[0]);
            let row_owner = if label == "@" { apex.clone() } else { format!("{label}.{apex}") };
            let kind = Kind::parse(text(&row[1])).ok_or("no such type")?;
            let ttl = row[2].as_u64().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default();
            if row_owner == owner && (kind == question.kind || kind == Kind::CNAME) {
                reply.answers.push(record(&owner, kind, ttl, text(&row[3]))?);
                if kind == Kind::CNAME && question.kind != Kind::CNAME {
                    next = Some(text(&row[3]).to_lowercase());
                }
            }
        }
        match next {
            Some(next) => owner = next,
            None => break,
        }
    }
    let (kind, held) =
        if reply.answers.is_empty() { (Kind::SOA, &held["SOA"]) } else { (Kind::NS, &held["NS"]) };
    let (data, ttl) = text(held).split_once(" (ttl ").ok_or("a record without its ttl")?;
    let ttl = ttl.trim_end_matches(')').parse().map_err(|_| "no number for a ttl")?;
    reply.authorities.push(record(&apex, kind, ttl, data)?);
    if !is_there && reply.answers.is_empty() {
        reply.rcode = Rcode::NXDOMAIN;
    }
    Ok(reply)
}

fn record(name: &str, kind: Kind, ttl: u32, data: &str) -> Result<Record, String> {
    let name = Name::parse(name).map_err(|fault| fault.to_string())?;
    let words: Vec<&str> = data.split(' ').collect();
    let data = Data::parse(kind, &words).ok_or(format!("{data}: no data of {kind}"))?;
    Ok(Record { name, kind, class: Class::IN, ttl, data })
}

/// What the recording says, of what it says anything.
fn recorded_answer(expect: &Value) -> String {
    let Some(rcode) = expect["rcode"].as_str() else { return "no answer\n".to_owned() };
    let mut out = format!("rcode {rcode}\n");
    if expect["flags"].is_array() {
        out += &format!("flags {}\n", texts(&expect["flags"]).join(" "));
    }
    for section in ["answer", "authority", "additional"] {
        let mut records = texts(&expect[section]);
        records.sort();
        records.iter().for_each(|record| out += &format!("{section} {record}\n"));
    }
    out
}

fn answer(reply: Option<&Message>, expect: &Value) -> String {
    let Some(reply) = reply else { return "no answer\n".to_owned() };
    let mut out = format!("rcode {}\n", reply.rcode);
    if expect["flags"].is_array() {
        out += &format!("flags {}\n", reply.flags.names().join(" "));
    }
    let sections =
        [("answer", &reply.answers), ("authority", &reply.authorities), ("additional", &reply.additionals)];
    for (section, records) in sections.into_iter().filter(|(section, _)| expect[*section].is_array()) {
        let show = |it: &Record| format!("{} {} {} {} {}", it.name, it.ttl, it.class, it.kind, it.data);
        let mut records: Vec<String> = records.iter().map(show).collect();
        records.sort();
        for record in records {
            out += &format!("{section} {}\n", record.replace(&SERIAL.to_string(), "<serial>"));
        }
    }
    out
}

/// The lines of a class, with what differs from run to run hidden.
fn normalised(log: &[String], class: &str) -> String {
    let head = Regex::new(r"^\[INFO\] \S+:\d+ - \d+ ").expect("a pattern");
    let tail = Regex::new(r" \S+s$").expect("a pattern");
    let mut out = String::new();
    for line in log.iter().filter(|line| line.starts_with(class)) {
        let line = head.replace(line, "[INFO] <client>:<port> - <id> ");
        let line = if class == "[INFO]" { tail.replace(&line, " <duration>") } else { line };
        out += &format!("{}\n", hide_ports(&line));
    }
    out
}

fn hide_ports(line: &str) -> String {
    Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern").replace_all(line, "127.0.0.1:<port>").into_owned()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|it| text(it).to_owned()).collect()
}
