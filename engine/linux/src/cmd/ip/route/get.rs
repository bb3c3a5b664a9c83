//! `ip route get`: which way would such a packet go?

use super::print::{Asked, Row};
use super::usage;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Run, refused};
use crate::cmd::iproute2::{Family, Names, Prefix, Stop, Words, matches, number};
use net::rtnetlink::RouteGetRequest;
use std::net::IpAddr;

/// A question out of its words.
struct Reading<'a> {
    names: &'a Names,
    family: Family,
    request: RouteGetRequest,
    destination: Option<Prefix>,
    input: Option<&'a str>,
    output: Option<&'a str>,
    warnings: String,
}

fn need<T>(value: Option<T>, what: &str, word: &str) -> Result<T, Stop> {
    value.ok_or_else(|| Stop::wrong(what, word))
}

impl<'a> Reading<'a> {
    fn word(&mut self, word: &'a str, words: &mut Words<'a>) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            _ if word == "tos" || is("dsfield") => {
                let value = words.value()?;
                let tos = self.names.number(List::DsField, value).and_then(|tos| u8::try_from(tos).ok());
                self.request.tos = need(tos, "TOS value is invalid\n", value)?;
            }
            _ if is("from") => {
                let from = self.prefix(words.value()?)?;
                self.request.source = from.address;
            }
            _ if is("iif") => self.input = Some(words.value()?),
            _ if is("mark") => {
                let value = words.value()?;
                self.request.mark = need(number::unsigned(value), "invalid mark value", value)?;
            }
            _ if is("oif") || word == "dev" => self.output = Some(words.value()?),
            _ if is("notify") => {}
            _ if is("connected") || word == "as" => {
                return Err(Stop::not_simulated("ip", word, "from ADDRESS"));
            }
            _ if is("vrf") => return Err(Stop::wrong("Invalid VRF\n", words.value()?)),
            _ if is("uid") => {
                let value = words.value()?;
                self.request.uid = need(number::unsigned(value), "invalid UID\n", value)?;
            }
            _ if is("fibmatch") => self.request.fib_match = true,
            _ if is("sport") => {
                let value = words.value()?;
                self.request.source_port = need(number::unsigned(value), "invalid sport\n", value)?;
            }
            _ if is("dport") => {
                let value = words.value()?;
                self.request.destination_port = need(number::unsigned(value), "invalid dport\n", value)?;
            }
            _ if is("ipproto") => {
                let value = words.value()?;
                self.request.protocol = need(ip_protocol(value), "Invalid \"ipproto\" value\n", value)?;
            }
            _ => {
                let value = if word == "to" { words.value()? } else { word };
                self.take_destination(value)?;
            }
        }
        Ok(())
    }

    fn prefix(&mut self, word: &str) -> Result<Prefix, Stop> {
        if matches(word, "help") {
            return Err(usage());
        }
        let prefix = Prefix::parse(word, self.family)?;
        if self.family == Family::Unspec {
            self.family = prefix.family;
        }
        Ok(prefix)
    }

    fn take_destination(&mut self, word: &str) -> Result<(), Stop> {
        let prefix = self.prefix(word)?;
        let bits = if self.family == Family::Inet6 { 128 } else { 32 };
        if prefix.length != bits && self.family != Family::Unspec {
            let length = prefix.length;
            self.warnings +=
                &format!("Warning: /{length} as prefix is invalid, only /{bits} (or none) is supported.\n");
        }
        self.destination = Some(prefix);
        Ok(())
    }
}

pub async fn get(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut reading = Reading {
        names: &run.names,
        family: run.options.family,
        request: RouteGetRequest::new(IpAddr::from([0; 4])),
        destination: None,
        input: None,
        output: None,
        warnings: String::new(),
    };
    reading.request.uid = run.sys.uid().await;
    while let Some(word) = words.next() {
        reading.word(word, &mut words)?;
    }
    let Reading { family, mut request, destination, input, output, warnings, .. } = reading;
    run.sys.eprint(warnings).await;
    let Some(destination) = destination else {
        return Err(Stop::fail(1, "need at least a destination address\n"));
    };
    let snapshot = run.snapshot().await;
    request.iif = input.map(|name| snapshot.device(name)).transpose()?;
    request.oif = output.map(|name| snapshot.device(name)).transpose()?;
    request.destination = match (destination.address, family) {
        (Some(address), _) => address,
        (None, Family::Inet6) => IpAddr::from([0; 16]),
        (None, _) => IpAddr::from([0; 4]),
    };
    let answer =
        run.kernel(move |net, ns| net.route_get(ns, &request)).await.map_err(|error| refused(&error, 2))?;
    let options = run.options.clone();
    let row = Row {
        options: &options,
        names: &run.names,
        snapshot: &snapshot,
        asked: Asked::default(),
        deleted: false,
    };
    run.out.begin();
    row.answer(&mut run.out, &answer);
    run.out.end();
    Ok(())
}

/// `tcp`, `udp`, `icmp` … or a number.
pub fn ip_protocol(word: &str) -> Option<u8> {
    let named = PROTOCOLS.iter().find(|(_, name)| *name == word).map(|(number, _)| *number);
    named.or_else(|| number::unsigned(word))
}

/// The name of an IP protocol, or its number in words of iproute2.
pub fn ip_protocol_name(protocol: u8) -> String {
    match PROTOCOLS.iter().find(|(number, _)| *number == protocol) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("ipproto-{protocol}"),
    }
}

/// Of /etc/protocols, those that a rule is likely to name.
const PROTOCOLS: &[(u8, &str)] = &[
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (17, "udp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (132, "sctp"),
];
