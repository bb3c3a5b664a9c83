//! Answers that were fetched and may be given again until they expire.
//!
//! Always: as long as the shortest TTL of its records; beyond its size the one that ends first makes room.
//! Differs from dnsmasq 2.90: answers are kept whole, not by record, and only those that hold records.

use crate::dns::{Kind, Message, Name, Rcode};
use sim::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// The types that dnsmasq keeps.
const KEPT: [Kind; 4] = [Kind::A, Kind::AAAA, Kind::PTR, Kind::SRV];

#[derive(Debug)]
struct Entry {
    since: Instant,
    until: Instant,
    answer: Message,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    size: usize,
    entries: BTreeMap<(Name, Kind), Entry>,
}

impl Cache {
    pub fn new(size: usize) -> Cache {
        Cache { size, entries: BTreeMap::new() }
    }

    pub fn keep(&mut self, answer: &Message, now: Instant) {
        let Some(question) = answer.question().filter(|it| KEPT.contains(&it.kind)) else { return };
        let shortest = answer.answers.iter().map(|record| record.ttl).min().unwrap_or(0);
        if answer.rcode != Rcode::NOERROR || shortest == 0 || self.size == 0 {
            return;
        }
        self.entries.retain(|_, entry| entry.until > now);
        if self.entries.len() >= self.size {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.until).map(|(key, _)| key.clone());
            first.and_then(|key| self.entries.remove(&key));
        }
        let until = now + Duration::from_secs(u64::from(shortest));
        let entry = Entry { since: now, until, answer: answer.clone() };
        self.entries.insert((question.name.lowercase(), question.kind), entry);
    }

    /// What is known, with what is left of each TTL.
    pub fn find(&self, query: &Message, now: Instant) -> Option<Message> {
        let question = query.question()?;
        let entry = self.entries.get(&(question.name.lowercase(), question.kind))?;
        if entry.until <= now {
            return None;
        }
        let age = u32::try_from(now.since(entry.since).as_secs()).unwrap_or(u32::MAX);
        let mut answer = Message::reply(query, Rcode::NOERROR);
        answer.answers = entry.answer.answers.clone();
        answer.answers.iter_mut().for_each(|record| record.ttl = record.ttl.saturating_sub(age));
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Class, Data, Record};

    #[test]
    fn an_answer_ages_and_goes() {
        let query = Message::query(1, Name::parse("www.lab").expect("a name"), Kind::A);
        let mut answer = Message::reply(&query, Rcode::NOERROR);
        let data = Data::A(std::net::Ipv4Addr::LOCALHOST);
        let name = query.questions[0].name.clone();
        answer.answers.push(Record { name, kind: Kind::A, class: Class::IN, ttl: 10, data });
        let mut cache = Cache::new(1);
        let at = |seconds| Instant::BOOT + Duration::from_secs(seconds);
        cache.keep(&answer, at(0));
        assert_eq!(cache.find(&query, at(4)).map(|it| it.answers[0].ttl), Some(6));
        assert_eq!(cache.find(&query, at(10)), None);
    }
}
