//! template: makes answers out of the question by patterns.
//!
//! Always: of several templates the first that matches answers; one that does not match ends the query with SERVFAIL
//! unless it falls through.
//! Differs from CoreDNS: of Go's templates, fields (`{{ .Name }}`, `{{ .Group.x }}`, `{{ index .Match 1 }}`) only; `var`,
//! `expr` and metadata are not simulated.
//! Source: CoreDNS 1.14.7 `plugin/template`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};
use super::super::zone::{Fallthrough, from_args, matches};
use linux::dns::{Class, Data, Edns, Kind, Name, Rcode, Record, option};
use regex_lite::{Captures, Regex};

/// `maxRegexpLen`
const LONGEST_PATTERN: usize = 10_000;
const TTL: u32 = 3600;

/// Text with fields in it.
#[derive(Clone, Debug)]
struct Text(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Plain(String),
    /// `.Group.a` is `Group`, `a`; `index .Match 1` is `Match`, `1`.
    Field(Vec<String>),
}

#[derive(Clone, Debug)]
struct Template {
    zones: Vec<String>,
    class: Class,
    kind: Kind,
    rcode: Rcode,
    patterns: Vec<Regex>,
    answer: Vec<Text>,
    additional: Vec<Text>,
    authority: Vec<Text>,
    error: Option<(u16, String)>,
    fallthrough: Fallthrough,
}

#[derive(Clone, Debug, Default)]
pub struct Templates {
    all: Vec<Template>,
}

impl Templates {
    pub fn parse(at: &mut Dispenser, keys: &[String]) -> Result<Templates, String> {
        let mut templates = Templates::default();
        while at.next() {
            if !at.next_arg() {
                return Err(at.arg_error());
            }
            let class = Class::parse(at.value());
            let class = class.ok_or_else(|| at.error(&format!("invalid query class {}", at.value())))?;
            if !at.next_arg() {
                return Err(at.arg_error());
            }
            let kind = Kind::parse(at.value());
            let kind = kind.ok_or_else(|| at.error(&format!("invalid RR class {}", at.value())))?;
            let args = at.remaining_args();
            let mut template = Template {
                zones: if args.is_empty() { keys.to_vec() } else { from_args(&args) },
                class,
                kind,
                rcode: Rcode::NOERROR,
                patterns: Vec::new(),
                answer: Vec::new(),
                additional: Vec::new(),
                authority: Vec::new(),
                error: None,
                fallthrough: Fallthrough::default(),
            };
            while at.next_block() {
                template.property(at)?;
            }
            if template.patterns.is_empty() {
                template.patterns.extend(Regex::new(".*"));
            }
            templates.all.push(template);
        }
        Ok(templates)
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let name = request.name();
        for template in &self.all {
            let Some(zone) = template.is_for(&request) else { continue };
            let found = template.patterns.iter().find_map(|it| Some((it, it.captures(&name)?)));
            let Some((pattern, groups)) = found else {
                if template.fallthrough.is_for(&name) {
                    continue;
                }
                return Outcome::failed(Rcode::SERVFAIL, None);
            };
            if template.rcode == Rcode::SERVFAIL {
                return Outcome::failed(Rcode::SERVFAIL, None);
            }
            let fill = |text: &Text| text.fill(&request, zone, pattern, &groups);
            return template.answer(cx, &request, &fill).await;
        }
        cx.next("template", request).await
    }
}

impl Template {
    fn property(&mut self, at: &mut Dispenser) -> Result<(), String> {
        let name = at.value().to_owned();
        let args = if name == "}" { Vec::new() } else { at.remaining_args() };
        match (name.as_str(), args.as_slice()) {
            ("match", [_, ..]) => {
                for text in &args {
                    if text.len() > LONGEST_PATTERN {
                        let length = text.len();
                        return Err(
                            at.error(&format!("regex pattern too long: {length} > {LONGEST_PATTERN}"))
                        );
                    }
                    let wrong = |why| at.error(&format!("could not parse regex: {text}, {why}"));
                    self.patterns.push(Regex::new(text).map_err(wrong)?);
                }
            }
            ("answer" | "additional" | "authority", [_, ..]) => {
                for text in &args {
                    let wrong = |why| at.error(&format!("could not compile template: {text}, {why}"));
                    let text = Text::parse(text).map_err(wrong)?;
                    match name.as_str() {
                        "answer" => self.answer.push(text),
                        "additional" => self.additional.push(text),
                        _ => self.authority.push(text),
                    }
                }
            }
            ("rcode", [text, ..]) => {
                let rcode = Rcode::parse(text).filter(|_| !text.starts_with("RESERVED"));
                self.rcode = rcode.ok_or_else(|| at.error(&format!("unknown rcode {text}")))?;
            }
            ("ederror", [code, reason @ ..]) if reason.len() < 2 => {
                let wrong = || at.error(&format!("error parsing extended DNS error code {code}"));
                let code = code.parse().map_err(|_| wrong())?;
                self.error = Some((code, reason.first().cloned().unwrap_or_default()));
            }
            ("fallthrough", _) => self.fallthrough = Fallthrough::from_args(&args),
            ("upstream", _) => {}
            ("var" | "expr", _) => return Err(at.error(&format!("{name}: not simulated in vethlab"))),
            _ => return Err(at.arg_error()),
        }
        Ok(())
    }

    /// The zone by which it is about this query.
    fn is_for(&self, request: &Request) -> Option<&str> {
        let question = request.question();
        let is_class =
            self.class == Class::ANY || question.class == self.class || question.class == Class::ANY;
        let is_kind = self.kind == Kind::ANY || question.kind == self.kind || question.kind == Kind::ANY;
        matches(&self.zones, &request.name()).filter(|_| is_class && is_kind)
    }

    async fn answer(
        &self,
        cx: &Cx,
        request: &Request,
        fill: &dyn Fn(&Text) -> Result<Record, String>,
    ) -> Outcome {
        let mut reply = request.reply(self.rcode);
        reply.flags.authoritative = true;
        let all = |texts: &[Text]| texts.iter().map(fill).collect::<Result<Vec<Record>, String>>();
        let made =
            all(&self.answer).and_then(|answer| Ok((answer, all(&self.additional)?, all(&self.authority)?)));
        let (answer, additional, authority) = match made {
            Ok(made) => made,
            Err(why) => return Outcome::failed(Rcode::SERVFAIL, Some(why)),
        };
        let wants_address = matches!(request.kind(), Kind::A | Kind::AAAA);
        for record in answer {
            let target = record.data.name().filter(|_| wants_address && record.kind == Kind::CNAME).cloned();
            reply.answers.push(record);
            if let Some(target) = target {
                let mut next = request.clone();
                next.ask_for(target, request.kind());
                reply.answers.extend(cx.lookup(next).await.into_iter().flat_map(|reply| reply.answers));
            }
        }
        reply.additionals = additional;
        reply.authorities = authority;
        if let Some((code, reason)) = &self.error {
            let text = [code.to_be_bytes().as_slice(), reason.as_bytes()].concat();
            let options = vec![(option::EDE, text)];
            reply.edns = Some(Edns { version: 0, udp_size: 4096, dnssec_ok: true, options });
        }
        Outcome { rcode: self.rcode, ..Outcome::written(reply, "template") }
    }
}

impl Text {
    fn parse(text: &str) -> Result<Text, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((plain, after)) = rest.split_once("{{") {
            parts.push(Part::Plain(plain.to_owned()));
            let (action, after) = after.split_once("}}").ok_or("template: answer:1: unclosed action")?;
            let words: Vec<&str> = action.split_whitespace().collect();
            let field = |path: &str| path.split('.').skip(1).map(str::to_owned).collect::<Vec<_>>();
            parts.push(Part::Field(match words.as_slice() {
                [path] if path.starts_with('.') => field(path),
                ["index", path, index] if path.starts_with('.') => {
                    let mut field = field(path);
                    field.push(index.trim_matches('"').to_owned());
                    field
                }
                _ => return Err(format!("{{{{{action}}}}}: not simulated in vethlab; use fields")),
            }));
            rest = after;
        }
        parts.push(Part::Plain(rest.to_owned()));
        Ok(Text(parts))
    }

    fn fill(
        &self,
        request: &Request,
        zone: &str,
        pattern: &Regex,
        groups: &Captures<'_>,
    ) -> Result<Record, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text += plain,
                Part::Field(path) => text += &value(path, request, zone, pattern, groups)?,
            }
        }
        record_of(&text).ok_or_else(|| format!("dns: not a TTL: \"{text}\""))
    }
}

fn value(
    path: &[String],
    request: &Request,
    zone: &str,
    pattern: &Regex,
    groups: &Captures<'_>,
) -> Result<String, String> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let group = |name: &str| match name.parse::<usize>() {
        Ok(index) => groups.get(index),
        Err(_) => groups.name(name),
    };
    Ok(match path.as_slice() {
        ["Zone"] => zone.to_owned(),
        ["Name"] => request.name(),
        ["Regex"] => pattern.as_str().to_owned(),
        ["Class"] => request.question().class.to_string(),
        ["Type"] => request.kind().to_string(),
        ["Remote"] => request.client.ip().to_string(),
        ["Question", "Name"] => request.question().name.to_string(),
        ["Message", "Id"] => request.message.id.to_string(),
        ["Group" | "Match", name] => group(name).map_or("", |it| it.as_str()).to_owned(),
        other => {
            return Err(format!("can't evaluate field {} in type *template.templateData", other.join(".")));
        }
    })
}

/// A line of a zone file: `name [ttl] [class] type data`.
fn record_of(text: &str) -> Option<Record> {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let name = Name::parse(words.first()?).ok()?;
    let (mut ttl, mut class, mut at) = (TTL, Class::IN, 1);
    let kind = loop {
        let word = words.get(at)?;
        at += 1;
        if let Ok(seconds) = word.parse() {
            ttl = seconds;
        } else if let Some(found) = Class::parse(word).filter(|it| *it != Class::ANY) {
            class = found;
        } else {
            break Kind::parse(word)?;
        }
    };
    Some(Record { name, kind, class, ttl, data: Data::parse(kind, &words[at..])? })
}

/// Split at blanks; what is in quotes is one word.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in text.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}
