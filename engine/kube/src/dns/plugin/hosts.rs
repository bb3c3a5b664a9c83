//! hosts: answers from a file like /etc/hosts and from lines of the Corefile.
//!
//! Always: a name with an address of the other family only has no records here, but is there.
//! Differs from CoreDNS: the file is read when the server starts and when it reloads, not every 5 s.
//! Source: CoreDNS 1.14.7 `plugin/hosts`.

use super::super::chain::Cx;
use super::super::corefile::Surroundings;
use super::super::dispenser::Dispenser;
use super::super::duration;
use super::super::request::{Outcome, Request, record};
use super::super::zone::{Fallthrough, from_args, matches, normalise, reversed_address};
use linux::dns::{Data, Kind, Name, Rcode};
use std::collections::BTreeMap;
use std::net::IpAddr;

const TTL: u32 = 3600;

#[derive(Clone, Debug)]
pub struct Hosts {
    zones: Vec<String>,
    fallthrough: Fallthrough,
    /// Also for types that it has none of.
    fallthrough_unsupported: bool,
    ttl: u32,
    addresses: BTreeMap<String, Vec<IpAddr>>,
    names: BTreeMap<IpAddr, Vec<String>>,
}

impl Hosts {
    pub fn parse(at: &mut Dispenser, keys: &[String], around: &dyn Surroundings) -> Result<Hosts, String> {
        let mut plugin = None;
        while at.next() {
            if plugin.is_some() {
                return Err("this plugin can only be used once per Server Block".to_owned());
            }
            plugin = Some(Hosts::stanza(at, keys, around)?);
        }
        plugin.ok_or_else(|| at.arg_error())
    }

    fn stanza(at: &mut Dispenser, keys: &[String], around: &dyn Surroundings) -> Result<Hosts, String> {
        let args = at.remaining_args();
        let (path, zones) = match args.split_first() {
            Some((path, zones)) => (path.as_str(), zones),
            None => ("/etc/hosts", args.as_slice()),
        };
        let mut text = around.file(path).unwrap_or_default() + "\n";
        let mut hosts = Hosts {
            zones: if zones.is_empty() { keys.to_vec() } else { from_args(zones) },
            fallthrough: Fallthrough::default(),
            fallthrough_unsupported: false,
            ttl: TTL,
            addresses: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        let mut has_reverse = true;
        let mut has_fallthrough = false;
        while at.next_block() {
            let word = at.value().to_owned();
            let args = at.remaining_args();
            match word.as_str() {
                "fallthrough" => {
                    hosts.fallthrough = Fallthrough::from_args(&args);
                    has_fallthrough = true;
                }
                "fallthrough_unsupported" if args.is_empty() => hosts.fallthrough_unsupported = true,
                "fallthrough_unsupported" => return Err(at.arg_error()),
                "no_reverse" => has_reverse = false,
                "ttl" => hosts.ttl = ttl(at, &args)?,
                "reload" => {
                    let [text] = args.as_slice() else {
                        return Err(at.error("reload needs a duration (zero seconds to disable)"));
                    };
                    let wrong = |_| at.error(&format!("invalid duration for reload '{text}'"));
                    duration::parse(text).map_err(wrong)?;
                }
                _ if !has_fallthrough => text += &format!("{word} {}\n", args.join(" ")),
                _ => return Err(at.error(&format!("unknown property '{word}'"))),
            }
        }
        if hosts.fallthrough_unsupported && !has_fallthrough {
            return Err(at.error("fallthrough_unsupported requires fallthrough"));
        }
        hosts.read(&text, has_reverse);
        Ok(hosts)
    }

    fn read(&mut self, text: &str, has_reverse: bool) {
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(address) = words.next().and_then(|word| word.split('%').next()?.parse::<IpAddr>().ok())
            else {
                continue;
            };
            for name in words.map(normalise).filter(|name| matches(&self.zones, name).is_some()) {
                if has_reverse {
                    self.names.entry(address).or_default().push(name.clone());
                }
                self.addresses.entry(name).or_default().push(address);
            }
        }
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let (name, kind) = (request.name(), request.kind());
        if matches(&self.zones, &name).is_none() && kind != Kind::PTR {
            return cx.next("hosts", request).await;
        }
        let Ok(owner) = Name::parse(&name) else { return cx.next("hosts", request).await };
        let known = self.addresses.get(&name);
        let answer = |data| record(owner.clone(), kind, self.ttl, data);
        let answers: Vec<_> = match kind {
            Kind::PTR => {
                let names = reversed_address(&name).and_then(|address| self.names.get(&address));
                let Some(names) = names else { return cx.next("hosts", request).await };
                names
                    .iter()
                    .filter_map(|name| Name::parse(name).ok())
                    .map(|name| answer(Data::Name(name)))
                    .collect()
            }
            Kind::A | Kind::AAAA => {
                let is_asked = |address: &&IpAddr| address.is_ipv4() == (kind == Kind::A);
                known.into_iter().flatten().filter(is_asked).map(|it| answer(Data::from(*it))).collect()
            }
            _ if self.fallthrough_unsupported && self.fallthrough.is_for(&name) => {
                return cx.next("hosts", request).await;
            }
            _ => Vec::new(),
        };
        if answers.is_empty() && known.is_none() {
            if self.fallthrough.is_for(&name) {
                return cx.next("hosts", request).await;
            }
            return Outcome::failed(Rcode::SERVFAIL, None);
        }
        let mut reply = request.reply(Rcode::NOERROR);
        reply.flags.authoritative = true;
        reply.answers = answers;
        Outcome::written(reply, "hosts")
    }
}

fn ttl(at: &Dispenser, args: &[String]) -> Result<u32, String> {
    let text = args.first().ok_or_else(|| at.error("ttl needs a time in second"))?;
    let number: i64 = text.parse().map_err(|_| at.error("ttl needs a number of second"))?;
    let in_range = u32::try_from(number).ok().filter(|it| (1..=65_535).contains(it));
    in_range.ok_or_else(|| at.error("ttl provided is invalid"))
}
