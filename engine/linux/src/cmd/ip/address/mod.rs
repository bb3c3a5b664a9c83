//! `ip address`: addresses are added, changed, deleted and listed.
//!
//! Differs from iproute2: `save`, `restore` and `showdump` are not simulated.

pub mod list;
pub mod print;

use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::Run;
use crate::cmd::iproute2::{Family, Prefix, Stop, Words, matches, number};
use net::rtnetlink::{AddressRequest, FOREVER, Mode, address_flags};
use std::net::{IpAddr, Ipv4Addr};

pub fn usage() -> Stop {
    Stop::exit(255, include_str!("../usage/address.txt"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Put(Mode),
    Delete,
}

pub async fn address(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list::addresses(run, words).await };
    if matches(verb, "add") {
        modify(run, words, Verb::Put(Mode::Add)).await
    } else if matches(verb, "change") || verb == "chg" {
        modify(run, words, Verb::Put(Mode::Change)).await
    } else if matches(verb, "replace") {
        modify(run, words, Verb::Put(Mode::Replace)).await
    } else if matches(verb, "delete") {
        modify(run, words, Verb::Delete).await
    } else if matches(verb, "list") || matches(verb, "show") || matches(verb, "lst") {
        list::addresses(run, words).await
    } else if matches(verb, "flush") {
        list::flush(run, words).await
    } else if matches(verb, "save") || matches(verb, "showdump") || matches(verb, "restore") {
        Err(Stop::not_simulated("ip", &format!("address {verb}"), "ip address show"))
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip address help\".\n")))
    }
}

/// How `broadcast` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broadcast {
    /// `+`: all host bits set.
    Ones,
    /// `-`: none set.
    Zeros,
    Of(Ipv4Addr),
}

#[derive(Debug, Default)]
struct Reading {
    family: Family,
    local: Option<(Prefix, String)>,
    peer: Option<Prefix>,
    broadcast: Option<Broadcast>,
    scope: Option<u8>,
    device: Option<String>,
    label: Option<String>,
    metric: Option<u32>,
    valid: Option<u32>,
    preferred: Option<u32>,
    flags: u32,
    warnings: String,
}

impl Reading {
    fn settle(&mut self, family: Family) {
        if self.family == Family::Unspec {
            self.family = family;
        }
    }

    fn words(&mut self, words: &mut Words<'_>, run: &Run) -> Result<(), Stop> {
        while let Some(word) = words.next() {
            self.word(word, words, run)?;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, words: &mut Words<'_>, run: &Run) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            "peer" | "remote" => {
                let value = words.value()?;
                if self.peer.is_some() {
                    return Err(Stop::second("peer", value));
                }
                let peer = Prefix::parse(value, self.family)?;
                self.settle(peer.family);
                self.peer = Some(peer);
            }
            _ if is("broadcast") || word == "brd" => self.take_broadcast(words.value()?)?,
            "anycast" => return Err(Stop::not_simulated("ip", "anycast", "")),
            "scope" => {
                let value = words.value()?;
                let scope = run.names.number(List::Scope, value).and_then(|scope| u8::try_from(scope).ok());
                self.scope = Some(scope.ok_or_else(|| Stop::wrong("invalid scope value.", value))?);
            }
            "dev" => self.device = Some(words.value()?.to_owned()),
            "label" => self.label = Some(words.value()?.to_owned()),
            _ if is("metric") || is("priority") || is("preference") => {
                let value = words.value()?;
                let metric = number::unsigned(value);
                self.metric =
                    Some(metric.ok_or_else(|| Stop::wrong("\"metric\" value is invalid\n", value))?);
            }
            _ if is("valid_lft") => {
                if self.valid.is_some() {
                    return Err(Stop::second("valid_lft", word));
                }
                self.valid = Some(lifetime(words.value()?, "valid_lft value")?);
            }
            _ if is("preferred_lft") => {
                if self.preferred.is_some() {
                    return Err(Stop::second("preferred_lft", word));
                }
                self.preferred = Some(lifetime(words.value()?, "preferred_lft value")?);
            }
            _ => return self.flag_or_local(word, words),
        }
        Ok(())
    }

    fn take_broadcast(&mut self, value: &str) -> Result<(), Stop> {
        if self.broadcast.is_some() {
            return Err(Stop::second("broadcast", value));
        }
        self.broadcast = Some(match value {
            "+" => Broadcast::Ones,
            "-" => Broadcast::Zeros,
            _ => {
                let address = Prefix::address(value, self.family)?;
                self.settle(address.family);
                match address.ip() {
                    IpAddr::V4(v4) => Broadcast::Of(v4),
                    // The kernel takes no notice of a broadcast address of IPv6.
                    IpAddr::V6(_) => return Ok(()),
                }
            }
        });
        Ok(())
    }

    fn flag_or_local(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
        if let Some(flag) = print::FLAGS.iter().find(|flag| flag.name == word) {
            if flag.read_only {
                self.warnings += &format!("Warning: {word} option is not mutable from userspace\n");
            } else if flag.ipv6_only && self.family != Family::Inet6 {
                self.warnings += &format!("Warning: {word} option can be set only for IPv6 addresses\n");
            } else {
                self.flags |= flag.bit;
            }
            return Ok(());
        }
        let value = if word == "local" { words.value()? } else { word };
        if matches(value, "help") {
            return Err(usage());
        }
        if self.local.is_some() {
            return Err(Stop::garbage("local", value));
        }
        let local = Prefix::parse(value, self.family)?;
        self.settle(local.family);
        self.local = Some((local, value.to_owned()));
        Ok(())
    }

    /// The request, once all words are read; it may yet be refused by the kernel.
    fn request(
        &mut self,
        verb: Verb,
        run_device: impl Fn(&str) -> Result<u32, Stop>,
    ) -> Result<AddressRequest, Stop> {
        let Some(device) = self.device.clone() else {
            return Err(Stop::fail(1, "Not enough information: \"dev\" argument is required.\n"));
        };
        // `any` and its like are no address at all.
        let local = self.local.as_ref().map(|(prefix, _)| *prefix).filter(|prefix| prefix.address.is_some());
        let mut wildcard = false;
        if let (None, Some((prefix, word))) = (self.peer, &self.local)
            && verb == Verb::Delete
            && prefix.family == Family::Inet
            && !prefix.length_given
        {
            wildcard = true;
            self.warnings += &format!(
                "Warning: Executing wildcard deletion to stay compatible with old scripts.\n         \
                 Explicitly specify the prefix length ({word}/32) to avoid this warning.\n         \
                 This special behaviour is likely to disappear in further releases,\n         \
                 fix your scripts!\n"
            );
        }
        let length = match self.peer {
            Some(peer) if peer.length != 0 => peer.length,
            _ => local.map_or(0, |local| local.length),
        };
        let broadcast = self.broadcast_address(verb, self.peer.or(local))?;
        let index = run_device(&device)?;
        let (valid, preferred) = (self.valid.unwrap_or(FOREVER), self.preferred.unwrap_or(FOREVER));
        if self.valid.is_some() || self.preferred.is_some() {
            if valid == 0 {
                return Err(Stop::fail(1, "valid_lft is zero\n"));
            }
            if valid < preferred {
                return Err(Stop::fail(1, "preferred_lft is greater than valid_lft\n"));
            }
        }
        let multicast = local.is_some_and(|local| local.ip().is_multicast());
        if self.flags & address_flags::MCAUTOJOIN != 0 && !multicast {
            return Err(Stop::fail(1, "autojoin needs multicast address\n"));
        }
        let loopback = local.is_some_and(|local| matches!(local.ip(), IpAddr::V4(v4) if v4.is_loopback()));
        let default_scope =
            if loopback { net::rtnetlink::scope::HOST } else { net::rtnetlink::scope::UNIVERSE };
        let peer = match (self.peer, local) {
            (Some(peer), _) => Some(peer.ip()),
            (None, Some(local)) if !wildcard => Some(local.ip()),
            _ => None,
        };
        Ok(AddressRequest {
            index,
            local: local.map(|local| local.ip()),
            peer,
            prefix: length,
            broadcast,
            label: self.label.clone(),
            scope: self.scope.unwrap_or(default_scope),
            flags: self.flags,
            metric: self.metric,
            valid,
            preferred,
            protocol: 0,
        })
    }

    fn broadcast_address(&self, verb: Verb, of: Option<Prefix>) -> Result<Option<Ipv4Addr>, Stop> {
        let ones = match self.broadcast {
            None => return Ok(None),
            Some(Broadcast::Of(address)) => return Ok(Some(address)),
            Some(_) if verb == Verb::Delete => return Ok(None),
            Some(Broadcast::Ones) => true,
            Some(Broadcast::Zeros) => false,
        };
        let Some((IpAddr::V4(address), length)) = of.map(|prefix| (prefix.ip(), prefix.length)) else {
            return Err(Stop::fail(1, "Broadcast can be set only for IPv4 addresses\n"));
        };
        let hosts = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
        let bits = address.to_bits();
        let broadcast = if ones { bits | hosts } else { bits & !hosts };
        Ok((length <= 30).then(|| Ipv4Addr::from(broadcast)))
    }
}

fn lifetime(word: &str, message: &str) -> Result<u32, Stop> {
    match word {
        "forever" => Ok(FOREVER),
        _ => number::unsigned(word).ok_or_else(|| Stop::wrong(message, word)),
    }
}

async fn modify(run: &mut Run, mut words: Words<'_>, verb: Verb) -> Result<(), Stop> {
    if run.options.echo {
        return Err(Stop::not_simulated("ip", "-echo", "ip address show"));
    }
    let mut reading = Reading { family: run.options.family, ..Reading::default() };
    let read = reading.words(&mut words, run);
    let request = match read {
        Ok(()) => {
            let snapshot = run.snapshot().await;
            reading.request(verb, |name| snapshot.device(name))
        }
        Err(stop) => Err(stop),
    };
    run.sys.eprint(std::mem::take(&mut reading.warnings)).await;
    let request = request?;
    run.request(move |net, ns| match verb {
        Verb::Put(mode) => net.address_add(ns, &request, mode),
        Verb::Delete => net.address_delete(ns, &request),
    })
    .await
}
