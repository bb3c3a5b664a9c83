//! log: a line for each query and how it was answered.
//!
//! Always: sizes are those of messages without compression, as the real one counts them.
//! Differs from CoreDNS: no metadata labels (`{/…}`).
//! Source: CoreDNS 1.14.7 `plugin/log`, `plugin/pkg/replacer`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};
use super::super::zone::{is_below, normalise};
use linux::dns::{Compression, Kind, Message, Rcode};
use sim::Instant;
use std::net::IpAddr;

const COMMON: &str = "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} {rsize} {duration}";

#[derive(Clone, Debug)]
struct Rule {
    scope: String,
    format: String,
    classes: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Log {
    rules: Vec<Rule>,
}

impl Log {
    pub fn parse(at: &mut Dispenser) -> Result<Log, String> {
        let mut log = Log::default();
        while at.next() {
            let args = at.remaining_args();
            let first = log.rules.len();
            let rule = |scope: &str, format: &str| Rule {
                scope: normalise(scope),
                format: format
                    .replace("{common}", COMMON)
                    .replace("{combined}", &format!("{COMMON} \"{{>opcode}}\"")),
                classes: Vec::new(),
            };
            match args.as_slice() {
                [] => log.rules.push(rule(".", COMMON)),
                [scope] => log.rules.push(rule(scope, COMMON)),
                [scopes @ .., last] if last.contains('{') => {
                    log.rules.extend(scopes.iter().map(|scope| rule(scope, last)));
                }
                scopes => log.rules.extend(scopes.iter().map(|scope| rule(scope, COMMON))),
            }
            let mut classes = Vec::new();
            while at.next_block() {
                match at.value() {
                    "class" => {
                        let args = at.remaining_args();
                        if args.is_empty() {
                            return Err(at.arg_error());
                        }
                        for class in args {
                            if !["all", "success", "denial", "error"].contains(&class.as_str()) {
                                return Err(format!("invalid Class: {class}"));
                            }
                            classes.push(class);
                        }
                    }
                    _ => return Err(at.arg_error()),
                }
            }
            if classes.is_empty() {
                classes.push("all".to_owned());
            }
            log.rules[first..].iter_mut().for_each(|rule| rule.classes.clone_from(&classes));
        }
        Ok(log)
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let name = request.name();
        let Some(rule) = self.rules.iter().find(|rule| is_below(&rule.scope, &name)) else {
            return cx.next("log", request).await;
        };
        let start = cx.now();
        let asked = request.clone();
        let outcome = cx.next("log", request).await;
        let written = match &outcome.reply {
            None if !outcome.is_client_write() => Some(asked.reply(outcome.rcode)),
            reply => reply.clone(),
        };
        let class = written.as_ref().map_or("error", class_of);
        if rule.classes.iter().any(|it| it == "all" || it == class) {
            let seen =
                Seen { request: &asked, reply: written.as_ref(), size: outcome.size, now: cx.now(), start };
            let line = fill(&rule.format, &seen);
            cx.with(|state| state.log.push(format!("[INFO] {line}")));
        }
        outcome
    }
}

/// `response.Classify`
fn class_of(reply: &Message) -> &'static str {
    match reply.rcode {
        Rcode::NOERROR if !reply.answers.is_empty() => "success",
        Rcode::NOERROR if reply.authorities.iter().any(|record| record.kind == Kind::SOA) => "denial",
        Rcode::NOERROR => "success",
        Rcode::NXDOMAIN if reply.answers.is_empty() => "denial",
        _ => "error",
    }
}

/// What a line can tell of.
struct Seen<'a> {
    request: &'a Request,
    reply: Option<&'a Message>,
    /// Of the query, where a plugin changed it: the real one looks at it only now.
    size: Option<usize>,
    now: Instant,
    start: Instant,
}

fn fill(format: &str, seen: &Seen<'_>) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|at| open + at) else { break };
        let label = &rest[open + 1..close];
        out += &rest[..open];
        match seen.value(label) {
            Some(value) => out += &value,
            None => out += &rest[open..=close],
        }
        rest = &rest[close + 1..];
    }
    out + rest
}

impl Seen<'_> {
    fn value(&self, label: &str) -> Option<String> {
        let (request, reply) = (self.request, self.reply);
        let or_dash = |text: Option<String>| Some(text.unwrap_or_else(|| "-".to_owned()));
        let length = |message: &Message| message.write(Compression::None).len().to_string();
        match label {
            "type" => Some(request.kind().to_string()),
            "name" => Some(request.name()),
            "class" => Some(request.question().class.to_string()),
            "proto" => Some(request.transport.name().to_owned()),
            "size" => Some(self.size.unwrap_or_else(|| request.length()).to_string()),
            "remote" => Some(match request.client.ip() {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("[{v6}]"),
            }),
            "port" => Some(request.client.port().to_string()),
            ">id" => Some(request.message.id.to_string()),
            ">opcode" => Some(request.message.opcode.0.to_string()),
            ">do" => Some(request.dnssec_ok().to_string()),
            ">bufsize" => Some(request.size().to_string()),
            "rcode" => or_dash(reply.map(|reply| reply.rcode.to_string())),
            // What was never written has no bytes.
            "rsize" => Some(reply.map_or("0".to_owned(), length)),
            "duration" => Some(format!("{}s", (self.now.since(self.start).as_nanos() as f64) / 1e9)),
            ">rflags" => or_dash(reply.map(|reply| reply.flags.names().join(","))),
            _ => None,
        }
    }
}
