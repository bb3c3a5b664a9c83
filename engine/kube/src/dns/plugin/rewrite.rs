//! rewrite: asks for something else than the client did, and puts the answer back.
//!
//! Always: the question in the answer is the client's; names in the answer are put back by exact rules and by those that
//! say so (`answer auto`, `answer name`, `answer value`).
//! Differs from CoreDNS: rules for EDNS, class, TTL, rcode and CNAME are not simulated.
//! Source: CoreDNS 1.14.7 `plugin/rewrite`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};
use super::super::zone::normalise;
use linux::dns::{Data, Kind, Message, Name, Question, Rcode, Record};
use regex_lite::Regex;

/// `maxRegexpLen`
const LONGEST_PATTERN: usize = 10_000;

/// Another text for a name, or none where it does not apply.
#[derive(Clone, Debug)]
enum Change {
    Exact(String, String),
    Prefix(String, String),
    Suffix(String, String),
    Substring(String, String),
    Pattern(Regex, String),
    /// A name and everything below it.
    Below(String, String),
}

impl Change {
    fn apply(&self, name: &str) -> Option<String> {
        match self {
            Change::Exact(from, to) => (name == from).then(|| to.clone()),
            Change::Prefix(from, to) => name.strip_prefix(from.as_str()).map(|rest| format!("{to}{rest}")),
            Change::Suffix(from, to) => name.strip_suffix(from.as_str()).map(|rest| format!("{rest}{to}")),
            Change::Substring(from, to) => name.contains(from.as_str()).then(|| name.replace(from, to)),
            Change::Pattern(pattern, to) => {
                let groups = pattern.captures(name)?;
                let mut text = to.clone();
                for (index, group) in groups.iter().enumerate() {
                    text = text.replace(&format!("{{{index}}}"), group.map_or("", |group| group.as_str()));
                }
                Some(text)
            }
            Change::Below(from, to) => match name.strip_suffix(from.as_str()) {
                Some(front) if front.is_empty() || front.ends_with('.') => Some(format!("{front}{to}")),
                _ => None,
            },
        }
    }
}

/// What is done to the records of an answer.
#[derive(Clone, Debug)]
enum Undo {
    Owner(Change),
    Value(Change),
}

#[derive(Clone, Debug)]
enum Rule {
    /// With `auto`, owners and values are put back to the name that was asked for.
    Name {
        change: Change,
        auto: bool,
        undo: Vec<Undo>,
    },
    Kind(Kind, Kind),
}

#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    rules: Vec<(Rule, bool)>,
}

impl Rewrite {
    pub fn parse(at: &mut Dispenser) -> Result<Rewrite, String> {
        let mut rewrite = Rewrite::default();
        while at.next() {
            let mut args = at.remaining_args();
            // `stop {` and `continue {` hold their rules in a block.
            let mut lines = Vec::new();
            while at.next_block() {
                let mut line = vec![at.value().to_owned()];
                line.extend(at.remaining_args());
                lines.push(line);
            }
            let words = lines.concat();
            args.extend(words);
            rewrite.rules.push(rule(&args)?);
        }
        Ok(rewrite)
    }

    pub async fn serve(&self, cx: &Cx, mut request: Request) -> Outcome {
        let original = request.question().clone();
        let mut undo = Vec::new();
        let mut is_changed = false;
        for (rule, goes_on) in &self.rules {
            match self.change(rule, &mut request, &mut undo) {
                Err(why) => return Outcome::failed(Rcode::SERVFAIL, Some(why)),
                Ok(false) => continue,
                Ok(true) => is_changed = true,
            }
            if !goes_on {
                break;
            }
        }
        if !is_changed {
            return cx.next("rewrite", request).await;
        }
        let asked = request.clone();
        let mut outcome = cx.next("rewrite", request).await;
        outcome.size = outcome.size.or(Some(asked.length()));
        if outcome.reply.is_none() && !outcome.is_client_write() {
            outcome.reply = Some(asked.reply(outcome.rcode));
            outcome.rcode = Rcode::NOERROR;
        }
        if let Some(reply) = &mut outcome.reply {
            put_back(reply, &original, &undo);
        }
        outcome
    }

    /// Applies one rule to the question. Did it apply?
    fn change(&self, rule: &Rule, request: &mut Request, undo: &mut Vec<Undo>) -> Result<bool, String> {
        match rule {
            Rule::Kind(from, to) => {
                let (applies, name) = (request.kind() == *from, request.question().name.clone());
                if applies {
                    request.ask_for(name, *to);
                }
                Ok(applies)
            }
            Rule::Name { change, auto, undo: more } => {
                let before = request.name();
                let Some(after) = change.apply(&before) else { return Ok(false) };
                let name = Name::parse(&after).map_err(|_| format!("invalid name after rewrite: {after}"))?;
                let (kind, after) = (request.kind(), normalise(&after));
                request.ask_for(name, kind);
                if *auto {
                    undo.push(Undo::Owner(Change::Below(after.clone(), before.clone())));
                    undo.push(Undo::Value(Change::Below(after, before)));
                }
                undo.extend(more.iter().cloned());
                Ok(true)
            }
        }
    }
}

fn put_back(reply: &mut Message, original: &Question, undo: &[Undo]) {
    match reply.questions.first_mut() {
        Some(question) => *question = original.clone(),
        None => reply.questions.push(original.clone()),
    }
    let sections = [&mut reply.authorities, &mut reply.answers, &mut reply.additionals];
    for record in sections.into_iter().flatten() {
        undo.iter().rev().for_each(|undo| apply(undo, record));
    }
}

fn apply(undo: &Undo, record: &mut Record) {
    let (change, name) = match undo {
        Undo::Owner(change) => (change, Some(&mut record.name)),
        Undo::Value(change) => (change, value(&mut record.data)),
    };
    let Some(name) = name else { return };
    let changed = change.apply(&name.to_string());
    if let Some(Ok(other)) = changed.map(|text| Name::parse(&text)) {
        *name = other;
    }
}

/// The name in a record's data.
fn value(data: &mut Data) -> Option<&mut Name> {
    match data {
        Data::Name(name) => Some(name),
        Data::Srv { target, .. } => Some(target),
        Data::Mx { exchange, .. } => Some(exchange),
        Data::Soa { mname, .. } => Some(mname),
        _ => None,
    }
}

/// A rule, and whether later ones are looked at after it.
fn rule(args: &[String]) -> Result<(Rule, bool), String> {
    let Some(first) = args.first() else { return Err("no rule type specified for rewrite".to_owned()) };
    let (goes_on, args) = match first.to_ascii_lowercase().as_str() {
        mode @ ("continue" | "stop") => (mode == "continue", &args[1..]),
        _ => (false, args),
    };
    let Some((kind, args)) = args.split_first() else {
        return Err(format!("{} rule must begin with a rule type", first.to_ascii_lowercase()));
    };
    match kind.to_ascii_lowercase().as_str() {
        "answer" => Err("response rewrites must begin with a name rule".to_owned()),
        "name" => Ok((name_rule(args)?, goes_on)),
        "type" => {
            let [from, to] = args else {
                return Err("type rules must have exactly two arguments".to_owned());
            };
            let parse = |text: &String| Kind::parse(text).ok_or_else(|| format!("invalid type \"{text}\""));
            Ok((Rule::Kind(parse(from)?, parse(to)?), goes_on))
        }
        other @ ("class" | "edns0" | "ttl" | "cname" | "rcode") => {
            Err(format!("{other} rules: not simulated in vethlab; use name or type"))
        }
        other => Err(format!("invalid rule type \"{other}\"")),
    }
}

fn name_rule(args: &[String]) -> Result<Rule, String> {
    let (sort, from, to, rest) = match args {
        [] | [_] => return Err("too few arguments for a name rule".to_owned()),
        [from, to] => ("exact".to_owned(), from, to, &args[2..]),
        [sort, from, to, ..] => (sort.to_ascii_lowercase(), from, to, &args[3..]),
    };
    let (auto, undo) = if rest.is_empty() { (false, Vec::new()) } else { answer_rules(&sort, rest)? };
    let (a, b) = (normalise(from), normalise(to));
    Ok(match sort.as_str() {
        "exact" => Rule::Name { change: Change::Exact(a, b), auto: true, undo },
        "prefix" => {
            let change = Change::Prefix(from.to_ascii_lowercase(), to.to_ascii_lowercase());
            Rule::Name { change, auto, undo }
        }
        "suffix" => {
            let mut all = Vec::new();
            if auto {
                let back = Change::Suffix(b.clone(), a.clone());
                all = vec![Undo::Owner(back.clone()), Undo::Value(back)];
            }
            all.extend(undo);
            Rule::Name { change: Change::Suffix(a, b), auto: false, undo: all }
        }
        "substring" => {
            let change = Change::Substring(from.to_ascii_lowercase(), to.to_ascii_lowercase());
            Rule::Name { change, auto, undo }
        }
        "regex" => Rule::Name { change: Change::Pattern(pattern(from)?, b), auto, undo },
        _ => {
            return Err(format!(
                "name rule supports only exact, prefix, suffix, substring, and regex name matching, received: {sort}"
            ));
        }
    })
}

/// `answer auto`, `answer name FROM TO`, `answer value FROM TO`, one after the other.
fn answer_rules(sort: &str, args: &[String]) -> Result<(bool, Vec<Undo>), String> {
    if args.len() < 2 {
        return Err(format!("invalid arguments for {sort} rule"));
    }
    let (mut auto, mut undo) = (false, Vec::new());
    let mut rest = args;
    while let Some((word, after)) = rest.split_first() {
        if word != "answer" {
            return Err(format!(
                "exceeded the number of arguments for a non-answer rule argument for {sort} rule"
            ));
        }
        let Some((what, after)) = after.split_first() else {
            return Err(format!("type missing for answer rule for {sort} rule"));
        };
        rest = match (what.as_str(), after) {
            ("auto", after) => {
                auto = true;
                after
            }
            ("name" | "value", [from, to, after @ ..]) => {
                let change = Change::Pattern(pattern(from)?, normalise(to));
                undo.push(if what == "name" { Undo::Owner(change) } else { Undo::Value(change) });
                after
            }
            ("name" | "value", _) => {
                return Err(format!("{what} answer rule for {sort} rule: 2 arguments required"));
            }
            _ => return Err(format!("invalid type \"{what}\" for answer rule for {sort} rule")),
        };
    }
    Ok((auto, undo))
}

fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > LONGEST_PATTERN {
        return Err(format!("regex pattern too long: {} > {LONGEST_PATTERN}", text.len()));
    }
    Regex::new(text).map_err(|why| format!("invalid regex pattern in a rewrite rule: {text}: {why}"))
}
