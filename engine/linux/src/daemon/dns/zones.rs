//! What the server knows, and how it answers from it.
//!
//! Lines: `zone NAME` (what is not listed in it does not exist; `zone .` is every name) and `NAME TTL TYPE VALUE…`.
//! Always: an address record makes the reverse name too, the first name of an address wins; MX, SRV, TXT and explicit
//! PTR records have TTL 0, and the last listed of them comes first.
//! Source: dnsmasq(8) on `local`, `host-record`, `addn-hosts`, `cname`, `mx-host`, `srv-host`; observed at 2.90.

use super::EDNS_BYTES;
use super::names::Addresses;
use super::rules::{Fate, Rule, Rules};
use crate::daemon::Complaint;
use crate::dns::{Class, Data, Edns, Kind, Message, Name, Opcode, Question, Rcode, Record, option};
use net::rtnetlink::Family;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Names that one answer may follow from alias to alias.
const ALIASES: usize = 16;
/// Extended error "Not Ready": no upstream server to ask.
const NOT_READY: u16 = 14;

#[derive(Clone, Debug, Default)]
pub struct Zones {
    pub rules: Rules,
    /// `domain-needed`: a name without a dot is known here or nowhere.
    pub dots_needed: bool,
    /// `bogus-priv`: reverse names of private addresses are known here or nowhere.
    pub private_here: bool,
    /// By lower-case name.
    addresses: BTreeMap<Name, Addresses>,
    aliases: BTreeMap<Name, (Name, u32)>,
    reverse: BTreeMap<IpAddr, Name>,
    /// PTR, MX, SRV and TXT; the last listed first.
    others: Vec<(Name, Kind, Data)>,
}

impl Zones {
    pub fn parse(lines: &[String]) -> Result<Zones, Complaint> {
        let mut zones = Zones::default();
        let mut hosts: Vec<((Name, u32), Vec<IpAddr>)> = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["zone", name] => zones.rules.add(named(name)?, Rule::Local),
                [name, ttl, kind, value @ ..] => {
                    let name = named(name)?;
                    let ttl: u32 = ttl.parse().map_err(|_| format!("{ttl} is no TTL: {line}"))?;
                    let kind = Kind::parse(kind).ok_or_else(|| format!("unknown type {kind}: {line}"))?;
                    let joined = value.join(" ");
                    let value = if kind == Kind::TXT { &[joined.trim_matches('"')][..] } else { value };
                    let data = Data::parse(kind, value).ok_or_else(|| format!("no right {kind}: {line}"))?;
                    match (kind, &data) {
                        (Kind::A | Kind::AAAA, _) => {
                            let address = data.address().ok_or("an address record has one")?;
                            match hosts.iter_mut().find(|(key, _)| *key == (name.clone(), ttl)) {
                                Some((_, addresses)) => addresses.push(address),
                                None => hosts.push(((name, ttl), vec![address])),
                            }
                        }
                        (Kind::CNAME, Data::Name(target)) => {
                            zones.aliases.insert(name.lowercase(), (target.clone(), ttl));
                        }
                        (Kind::PTR | Kind::MX | Kind::SRV | Kind::TXT, _) => {
                            zones.others.insert(0, (name, kind, data))
                        }
                        _ => return Err(format!("{kind} records are not served: {line}")),
                    }
                }
                _ => return Err(format!("not a zone or record: {line}")),
            }
        }
        zones.file_hosts(hosts);
        Ok(zones)
    }

    /// Single addresses are configuration and keep their TTL; several of a family come from a hosts file, TTL 0,
    /// which is read later.
    fn file_hosts(&mut self, hosts: Vec<((Name, u32), Vec<IpAddr>)>) {
        let several = |addresses: &[IpAddr]| {
            let v4 = addresses.iter().filter(|address| address.is_ipv4()).count();
            v4 > 1 || addresses.len() - v4 > 1
        };
        let (listed, single): (Vec<_>, Vec<_>) =
            hosts.into_iter().partition(|(_, addresses)| several(addresses));
        for ((name, ttl), mut addresses) in single {
            addresses.sort_by_key(IpAddr::is_ipv6);
            addresses.into_iter().for_each(|address| self.file(&name, address, ttl));
        }
        for ((name, _), addresses) in listed {
            addresses.into_iter().for_each(|address| self.file(&name, address, 0));
        }
    }

    pub fn file(&mut self, name: &Name, address: IpAddr, ttl: u32) {
        let key = name.lowercase();
        let reverse = !self.reverse.contains_key(&address);
        if reverse {
            self.reverse.insert(address, name.clone());
        }
        self.addresses.entry(key).or_default().insert(address, ttl, reverse);
    }

    /// A record of PTR, MX, SRV or TXT.
    pub fn other(&mut self, name: Name, kind: Kind, data: Data) {
        self.others.insert(0, (name, kind, data));
    }

    /// The answer, or who is to be asked for it.
    pub(super) fn outcome(&mut self, query: &Message, standard: &[SocketAddr]) -> Outcome {
        let mut answer = match query.questions.as_slice() {
            [question] if query.opcode == Opcode::QUERY => {
                match self.answer_question(query, &question.clone(), standard) {
                    Outcome::Answer(answer) => answer,
                    ask => return ask,
                }
            }
            _ => refusal(query),
        };
        fit_edns(query, &mut answer);
        Outcome::Answer(answer)
    }

    fn answer_question(&mut self, query: &Message, question: &Question, standard: &[SocketAddr]) -> Outcome {
        let mut answer = Message::reply(query, Rcode::NOERROR);
        let mut found = Found { class: question.class, answers: Vec::new(), additionals: Vec::new() };
        match question.class {
            Class::CH => found.chaos(question),
            Class::IN => self.find(question, &mut found),
            _ => {}
        }
        if found.answers.is_empty() {
            let plain = matches!(question.kind, Kind::A | Kind::AAAA) && question.name.labels().len() == 1;
            match self.rules.fate(&question.name, question.kind) {
                Fate::Ask(servers) => return Outcome::Ask(servers),
                Fate::Nothing => return Outcome::Answer(Message::reply(query, Rcode::NXDOMAIN)),
                Fate::Local => return Outcome::Answer(self.negative(query, question)),
                Fate::Standard if self.dots_needed && plain => {
                    return Outcome::Answer(self.negative(query, question));
                }
                Fate::Standard if self.private_here && is_private(&question.name) => {
                    let mut answer = Message::reply(query, Rcode::NXDOMAIN);
                    answer.flags.authoritative = true;
                    return Outcome::Answer(answer);
                }
                Fate::Standard if standard.is_empty() => return Outcome::Answer(refusal(query)),
                Fate::Standard => return Outcome::Ask(standard.to_vec()),
                Fate::Address(address) => found.add(&question.name, question.kind, 0, address.into()),
            }
        }
        answer.flags.authoritative = true;
        answer.answers = found.answers;
        answer.additionals = found.additionals;
        Outcome::Answer(answer)
    }

    fn negative(&self, query: &Message, question: &Question) -> Message {
        let name = &question.name;
        let known = self.addresses.keys().any(|it| it.is_within(name))
            || self.aliases.keys().any(|it| it.is_within(name))
            || self.others.iter().any(|(it, ..)| it.is_within(name))
            || self.reverse.keys().any(|address| Name::reverse(*address).same(name));
        Message::reply(query, if known { Rcode::NOERROR } else { Rcode::NXDOMAIN })
    }

    fn find(&mut self, question: &Question, found: &mut Found) {
        let wants = |kind| question.kind == kind || question.kind == Kind::ANY;
        let mut name = question.name.clone();
        if question.kind == Kind::CNAME {
            if let Some((target, ttl)) = self.aliases.get(&name.lowercase()) {
                found.add(&name, Kind::CNAME, *ttl, Data::Name(target.clone()));
            }
            return;
        }
        for _ in 0..ALIASES {
            let Some((target, ttl)) = self.aliases.get(&name.lowercase()) else { break };
            found.add(&name, Kind::CNAME, *ttl, Data::Name(target.clone()));
            name = target.clone();
        }
        if wants(Kind::TXT) {
            self.add_others(&name, Kind::TXT, found);
        }
        if wants(Kind::PTR) {
            self.add_reverse(&name, found);
        }
        for (kind, family) in [(Kind::A, Family::Inet), (Kind::AAAA, Family::Inet6)] {
            if let Some(addresses) = self.addresses.get_mut(&name.lowercase()).filter(|_| wants(kind)) {
                let all = addresses.find(Some(family));
                all.into_iter().for_each(|(address, ttl)| found.add(&name, kind, ttl, address.into()));
            }
        }
        for kind in [Kind::MX, Kind::SRV] {
            if wants(kind) {
                let targets = self.add_others(&name, kind, found);
                self.add_targets(&targets, found);
            }
        }
    }

    /// The records of that name and type; the names they point to, in the order in which the server keeps them after
    /// this look-up (each look-up of SRV moves the first one to the end).
    fn add_others(&mut self, name: &Name, kind: Kind, found: &mut Found) -> Vec<Name> {
        let fits = |(owner, it, _): &(Name, Kind, Data)| *it == kind && owner.same(name);
        for (_, _, data) in self.others.iter().filter(|other| fits(other)) {
            found.add(name, kind, 0, data.clone());
        }
        if kind == Kind::SRV
            && let Some(first) = self.others.iter().position(fits)
        {
            let moved = self.others.remove(first);
            self.others.push(moved);
        }
        let target = |data: &Data| match data {
            Data::Mx { exchange, .. } => Some(exchange.clone()),
            Data::Srv { target, .. } => Some(target.clone()),
            _ => None,
        };
        self.others.iter().filter(|other| fits(other)).filter_map(|(_, _, data)| target(data)).collect()
    }

    fn add_targets(&mut self, targets: &[Name], found: &mut Found) {
        let mut seen: Vec<&Name> = Vec::new();
        for target in targets {
            if seen.iter().any(|it| it.same(target)) {
                continue;
            }
            seen.push(target);
            let Some(addresses) = self.addresses.get_mut(&target.lowercase()) else { continue };
            for (address, ttl) in addresses.find(None) {
                let kind = if address.is_ipv4() { Kind::A } else { Kind::AAAA };
                let name = target.clone();
                found.additionals.push(Record { name, kind, class: Class::IN, ttl, data: address.into() });
            }
        }
    }

    fn add_reverse(&mut self, name: &Name, found: &mut Found) {
        let before = found.answers.len();
        self.add_others(name, Kind::PTR, found);
        if found.answers.len() > before {
            return;
        }
        let Some((address, host)) =
            self.reverse.iter().find(|(address, _)| Name::reverse(**address).same(name))
        else {
            return;
        };
        let ttl = self.addresses.get(&host.lowercase()).and_then(|it| it.reverse_ttl(*address)).unwrap_or(0);
        found.add(name, Kind::PTR, ttl, Data::Name(host.clone()));
    }
}

/// What a question comes to.
pub(super) enum Outcome {
    Answer(Message),
    /// Those know more.
    Ask(Vec<SocketAddr>),
}

struct Found {
    class: Class,
    answers: Vec<Record>,
    additionals: Vec<Record>,
}

impl Found {
    fn add(&mut self, name: &Name, kind: Kind, ttl: u32, data: Data) {
        self.answers.push(Record { name: name.clone(), kind, class: self.class, ttl, data });
    }

    /// `version.bind` and the like.
    fn chaos(&mut self, question: &Question) {
        let is_version = question.name.lowercase().to_string() == "version.bind.";
        if is_version && matches!(question.kind, Kind::TXT | Kind::ANY) {
            self.add(&question.name, Kind::TXT, 0, Data::Strings(vec![b"dnsmasq-2.90".to_vec()]));
        }
    }
}

/// The reverse name of an address that no public server knows (RFC 6303).
fn is_private(name: &Name) -> bool {
    const ZONES: [&str; 9] = [
        "0.in-addr.arpa",
        "10.in-addr.arpa",
        "127.in-addr.arpa",
        "168.192.in-addr.arpa",
        "254.169.in-addr.arpa",
        "2.0.192.in-addr.arpa",
        "100.51.198.in-addr.arpa",
        "113.0.203.in-addr.arpa",
        "255.255.255.255.in-addr.arpa",
    ];
    let text = name.relative().to_ascii_lowercase();
    let ends =
        |zone: &str| text.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    ZONES.iter().any(|zone| ends(zone)) || (16..32).any(|second| ends(&format!("{second}.172.in-addr.arpa")))
}

fn named(text: &str) -> Result<Name, Complaint> {
    Name::parse(text).map_err(|error| format!("{text} is no name ({error})"))
}

fn empty_edns() -> Edns {
    Edns { version: 0, udp_size: EDNS_BYTES, dnssec_ok: false, options: Vec::new() }
}

/// `ra`, and EDNS where it was asked with.
pub(super) fn fit_edns(query: &Message, answer: &mut Message) {
    answer.flags.recursion_available = true;
    match (&query.edns, &mut answer.edns) {
        (None, edns) => *edns = None,
        (Some(asked), edns) => edns.get_or_insert_with(empty_edns).dnssec_ok = asked.dnssec_ok,
    }
}

fn refusal(query: &Message) -> Message {
    let options = vec![(option::EDE, NOT_READY.to_be_bytes().to_vec())];
    Message { edns: Some(Edns { options, ..empty_edns() }), ..Message::reply(query, Rcode::REFUSED) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Compression;

    const LINES: &str = "zone example.com\nzone 10.in-addr.arpa\nwww.example.com. 300 A 10.0.0.80\n\
                         dual.example.com. 60 A 10.0.0.81\ndual.example.com. 60 AAAA 2001:db8::81\n\
                         a.example.com. 10 CNAME b.example.com.\nb.example.com. 20 CNAME www.example.com.\n\
                         out.example.com. 30 CNAME www.example.org.\nexample.com. 300 MX 10 dual.example.com.\n\
                         example.com. 300 TXT \"hello world\"\n_s._tcp.example.com. 9 SRV 1 2 80 www.example.com.\n\
                         _s._tcp.example.com. 9 SRV 2 2 81 dual.example.com.\n9.0.0.10.in-addr.arpa. 9 PTR p.example.com.";

    fn zones() -> Zones {
        Zones::parse(&LINES.lines().map(str::to_owned).collect::<Vec<_>>()).expect("zones")
    }

    fn ask(zones: &mut Zones, name: &str, kind: Kind) -> (String, Message) {
        let mut query = Message::query(1, Name::parse(name).expect("a name"), kind);
        query.edns = Some(empty_edns());
        let Outcome::Answer(answer) = zones.outcome(&query, &[]) else { panic!("nobody is to be asked") };
        let records: Vec<String> = answer
            .answers
            .iter()
            .map(|it| format!("{} {} {} {}", it.name, it.ttl, it.kind, it.data))
            .collect();
        (format!("{} {}: {}", answer.rcode, answer.flags.names().join(" "), records.join(", ")), answer)
    }

    #[test]
    fn records_of_its_own_are_authoritative_and_the_rest_is_not() {
        let mut zones = zones();
        let mut said = |name, kind| ask(&mut zones, name, kind).0;
        assert_eq!(said("WWW.example.com", Kind::A), "NOERROR qr aa rd ra: WWW.example.com. 300 A 10.0.0.80");
        assert_eq!(said("www.example.com", Kind::AAAA), "NOERROR qr rd ra: ");
        assert_eq!(said("_tcp.example.com", Kind::A), "NOERROR qr rd ra: ");
        assert_eq!(said("nosuch.example.com", Kind::A), "NXDOMAIN qr rd ra: ");
        assert_eq!(said("www.example.org", Kind::A), "REFUSED qr rd ra: ");
        let record = "9.0.0.10.in-addr.arpa. 0 PTR p.example.com.";
        assert_eq!(said("9.0.0.10.in-addr.arpa", Kind::PTR), format!("NOERROR qr aa rd ra: {record}"));
        let record = "81.0.0.10.in-addr.arpa. 60 PTR dual.example.com.";
        assert_eq!(said("81.0.0.10.in-addr.arpa", Kind::PTR), format!("NOERROR qr aa rd ra: {record}"));
    }

    #[test]
    fn aliases_are_followed_inside_and_named_outside() {
        let mut zones = zones();
        let (said, message) = ask(&mut zones, "a.example.com", Kind::A);
        assert!(said.ends_with("b.example.com. 20 CNAME www.example.com., www.example.com. 300 A 10.0.0.80"));
        assert_eq!(message.write(Compression::Owners).len(), 114);
        let (said, message) = ask(&mut zones, "out.example.com", Kind::A);
        assert!(said.ends_with(": out.example.com. 30 CNAME www.example.org."));
        assert_eq!(message.write(Compression::Owners).len(), 73);
    }

    #[test]
    fn services_rotate_and_bring_their_addresses() {
        let mut zones = zones();
        let seen = |zones: &mut Zones| {
            let (said, answer) = ask(zones, "_s._tcp.example.com", Kind::SRV);
            let more: Vec<String> = answer.additionals.iter().map(|it| it.data.to_string()).collect();
            (said.find("81 dual") < said.find("80 www"), more.join(" "))
        };
        assert_eq!(seen(&mut zones), (true, "10.0.0.80 10.0.0.81 2001:db8::81".to_owned()));
        assert_eq!(seen(&mut zones), (false, "2001:db8::81 10.0.0.81 10.0.0.80".to_owned()));
    }

    #[test]
    fn a_wrong_line_is_refused_in_words() {
        let wrong = |line: &str| Zones::parse(&[line.to_owned()]).err().unwrap_or_default();
        assert_eq!(wrong("www 300 A 300.1.1.1"), "no right A: www 300 A 300.1.1.1");
        assert_eq!(wrong("www x A 10.0.0.1"), "x is no TTL: www x A 10.0.0.1");
        assert_eq!(wrong("a..b 1 A 10.0.0.1"), "a..b is no name (empty label)");
        assert_eq!(wrong("www"), "not a zone or record: www");
    }
}
