//! cache: keeps answers for as long as their records may be kept.
//!
//! Always: the time to live of an answer is cut to the cache's own at once, not only when it comes from the cache; an
//! answer of the cache carries what is left of it.
//! Differs from CoreDNS: `prefetch`, `serve_stale` and `keepttl` are not simulated; the oldest entry goes when it is full
//! (there: a random one).
//! Source: CoreDNS 1.14.7 `plugin/cache`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::duration;
use super::super::request::{Outcome, Request};
use super::super::zone::{from_args, matches, normalise};
use linux::dns::{Class, Kind, Message, Name, Rcode, Record};
use sim::Instant;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const MOST_SECONDS: u32 = 3600;
const LEAST_SECONDS: u32 = 5;
const CAPACITY: usize = 10_000;
const MOST_SERVFAIL: Duration = Duration::from_secs(300);

/// Name in lower case, type, class, DO, CD.
type Key = (String, Kind, Class, bool, bool);

#[derive(Clone, Debug)]
struct Item {
    reply: Message,
    stored: Instant,
    seconds: u32,
}

impl Item {
    /// Seconds it may still be used.
    fn left(&self, now: Instant) -> u32 {
        let age = u32::try_from(now.since(self.stored).as_secs()).unwrap_or(u32::MAX);
        self.seconds.saturating_sub(age)
    }
}

/// Answers of one kind.
#[derive(Debug)]
struct Store {
    capacity: usize,
    most: u32,
    least: u32,
    /// Zones whose answers are not kept.
    except: Vec<String>,
    items: BTreeMap<Key, Item>,
    order: VecDeque<Key>,
}

impl Store {
    fn new(most: u32) -> Store {
        let (items, order) = (BTreeMap::new(), VecDeque::new());
        Store { capacity: CAPACITY, most, least: LEAST_SECONDS, except: Vec::new(), items, order }
    }

    fn add(&mut self, key: Key, item: Item) {
        if self.items.insert(key.clone(), item).is_none() {
            self.order.push_back(key);
        }
        while self.items.len() > self.capacity {
            let Some(oldest) = self.order.pop_front() else { break };
            self.items.remove(&oldest);
        }
    }

    fn get(&self, key: &Key, now: Instant) -> Option<&Item> {
        self.items.get(key).filter(|item| item.left(now) > 0)
    }
}

#[derive(Debug)]
pub struct Cache {
    zones: Vec<String>,
    servfail: u32,
    success: RefCell<Store>,
    denial: RefCell<Store>,
}

/// `response.Type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Success,
    Denial,
    Failure,
    /// Not kept.
    Other,
}

impl Cache {
    pub fn parse(at: &mut Dispenser, keys: &[String]) -> Result<Cache, String> {
        let mut cache = None;
        while at.next() {
            if cache.is_some() {
                return Err("this plugin can only be used once per Server Block".to_owned());
            }
            cache = Some(Cache::stanza(at, keys)?);
        }
        cache.ok_or_else(|| at.arg_error())
    }

    fn stanza(at: &mut Dispenser, keys: &[String]) -> Result<Cache, String> {
        let mut args = at.remaining_args();
        let (mut success, mut denial) = (Store::new(MOST_SECONDS), Store::new(MOST_SECONDS / 2));
        if let Some(seconds) = args.first().and_then(|arg| arg.parse::<i64>().ok()) {
            let seconds = positive(seconds)?;
            (success.most, denial.most) = (seconds, seconds);
            args.remove(0);
        }
        let zones = if args.is_empty() { keys.to_vec() } else { from_args(&args) };
        let mut servfail = LEAST_SECONDS;
        while at.next_block() {
            let name = at.value().to_owned();
            let args = if name == "}" { Vec::new() } else { at.remaining_args() };
            match (name.as_str(), args.as_slice()) {
                ("success", [_, ..]) => limits(&mut success, &args)?,
                ("denial", [_, ..]) => limits(&mut denial, &args)?,
                ("servfail", [text]) => {
                    let time = duration::parse(text)?;
                    if time > MOST_SERVFAIL {
                        return Err("caching SERVFAIL responses over 5 minutes is not permitted".to_owned());
                    }
                    servfail = time.as_secs() as u32;
                }
                ("disable", [which, zones @ ..]) => {
                    let all = vec![".".to_owned()];
                    let zones =
                        if zones.is_empty() { all } else { zones.iter().map(|it| normalise(it)).collect() };
                    match which.as_str() {
                        "success" => success.except = zones,
                        "denial" => denial.except = zones,
                        _ => {
                            return Err("cache type for disable must be \"success\" or \"denial\"".to_owned());
                        }
                    }
                }
                ("prefetch" | "serve_stale" | "serve_stale_policy" | "keepttl", _) => {
                    return Err(at.error(&format!("{name}: not simulated in vethlab")));
                }
                _ => return Err(at.arg_error()),
            }
        }
        Ok(Cache { zones, servfail, success: RefCell::new(success), denial: RefCell::new(denial) })
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let name = request.name();
        if matches(&self.zones, &name).is_none() {
            return cx.next("cache", request).await;
        }
        let question = request.question();
        let checks = request.message.flags.checking_disabled;
        let key = (name, question.kind, question.class, request.dnssec_ok(), checks);
        if let Some(reply) = self.kept(cx, &key, &request) {
            return Outcome::written(reply, "cache");
        }
        cx.with(|state| state.metrics.count("coredns_cache_misses_total", &[]));
        let mut outcome = cx.next("cache", request.clone()).await;
        if let Some(reply) = outcome.reply.take() {
            outcome.reply = Some(self.keep(cx, key, &request, reply));
        }
        outcome
    }

    fn kept(&self, cx: &Cx, key: &Key, request: &Request) -> Option<Message> {
        let now = cx.now();
        let (success, denial) = (self.success.borrow(), self.denial.borrow());
        let positive = success.get(key, now);
        // A good answer goes before a failure that came after it.
        let negative =
            denial.get(key, now).filter(|item| item.reply.rcode != Rcode::SERVFAIL || positive.is_none());
        let (item, which) = match (negative, positive) {
            (Some(item), _) => (item, "denial"),
            (None, Some(item)) => (item, "success"),
            (None, None) => return None,
        };
        cx.with(|state| state.metrics.count("coredns_cache_hits_total", &[("type", which)]));
        let mut reply = request.reply(item.reply.rcode);
        reply.flags.authoritative = true;
        reply.flags.recursion_available = item.reply.flags.recursion_available;
        let wants_ad = request.dnssec_ok() || request.message.flags.authentic_data;
        reply.flags.authentic_data = item.reply.flags.authentic_data && wants_ad;
        reply.answers = item.reply.answers.clone();
        reply.authorities = item.reply.authorities.clone();
        reply.additionals = item.reply.additionals.clone();
        set_ttl(&mut reply, item.left(now));
        Some(reply)
    }

    /// Cuts the times of a new answer and keeps it, if it may be kept.
    fn keep(&self, cx: &Cx, key: Key, request: &Request, mut reply: Message) -> Message {
        let sort = sort_of(&reply);
        let mut store =
            if sort == Sort::Success { self.success.borrow_mut() } else { self.denial.borrow_mut() };
        let seconds = match sort {
            Sort::Failure => self.servfail,
            _ => shortest(&reply, sort, store.most).clamp(store.least, store.most.max(store.least)),
        };
        set_ttl(&mut reply, seconds);
        reply.edns = None;
        let has_soa = reply.authorities.iter().any(|record| record.kind == Kind::SOA);
        let is_whole = !reply.flags.truncated && sort != Sort::Other;
        let is_bounded = match sort {
            Sort::Denial if reply.rcode == Rcode::NXDOMAIN => has_soa,
            Sort::Success => reply.answers.is_empty() || answers(&reply),
            _ => true,
        };
        let is_for_it = reply.question().is_some_and(|question| {
            question.name.same(&request.question().name) && question.kind == request.kind()
        });
        let is_excepted = matches(&store.except, &key.0).is_some();
        if is_whole && is_bounded && is_for_it && !is_excepted && seconds > 0 {
            let item = Item { reply: reply.clone(), stored: cx.now(), seconds };
            store.add(key, item);
        }
        reply
    }
}

fn positive(seconds: i64) -> Result<u32, String> {
    let wrong = || format!("cache TTL can not be zero or negative: {seconds}");
    u32::try_from(seconds).ok().filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

/// `CAPACITY [TTL [MINTTL]]`
fn limits(store: &mut Store, args: &[String]) -> Result<(), String> {
    let number = |text: &String| {
        text.parse::<i64>().map_err(|_| format!("strconv.Atoi: parsing \"{text}\": invalid syntax"))
    };
    store.capacity = usize::try_from(number(&args[0])?).unwrap_or(0);
    if let Some(text) = args.get(1) {
        store.most = positive(number(text)?)?;
    }
    if let Some(text) = args.get(2) {
        let least = number(text)?;
        let wrong = || format!("cache min TTL can not be negative: {least}");
        store.least = u32::try_from(least).map_err(|_| wrong())?;
    }
    Ok(())
}

fn sort_of(reply: &Message) -> Sort {
    let has_soa = reply.authorities.iter().any(|record| record.kind == Kind::SOA);
    match reply.rcode {
        Rcode::NOERROR if !reply.answers.is_empty() => {
            if has_soa && !answers(reply) {
                Sort::Denial
            } else {
                Sort::Success
            }
        }
        Rcode::NOERROR if has_soa => Sort::Denial,
        Rcode::NOERROR => Sort::Success,
        Rcode::NXDOMAIN if reply.answers.is_empty() => Sort::Denial,
        Rcode::SERVFAIL | Rcode::NOTIMP => Sort::Failure,
        _ => Sort::Other,
    }
}

/// Whether there is a record of the type that was asked for, at the end of a chain of aliases.
fn answers(reply: &Message) -> bool {
    let Some(question) = reply.question() else { return false };
    let mut name: &Name = &question.name;
    // No chain is longer than the answer.
    for _ in 0..=reply.answers.len() {
        let of = |record: &&Record| record.name.same(name);
        if reply.answers.iter().filter(of).any(|record| record.kind == question.kind) {
            return true;
        }
        let alias = reply.answers.iter().filter(of).find(|record| record.kind == Kind::CNAME);
        let Some(target) = alias.and_then(|record| record.data.name()) else { return false };
        name = target;
    }
    false
}

fn shortest(reply: &Message, sort: Sort, most: u32) -> u32 {
    let records = || reply.answers.iter().chain(&reply.authorities).chain(&reply.additionals);
    if sort == Sort::Other || records().next().is_none() {
        return LEAST_SECONDS;
    }
    records().map(|record| record.ttl).fold(most, u32::min)
}

fn set_ttl(reply: &mut Message, seconds: u32) {
    let sections = [&mut reply.answers, &mut reply.authorities, &mut reply.additionals];
    sections.into_iter().flatten().for_each(|record| record.ttl = seconds);
}
