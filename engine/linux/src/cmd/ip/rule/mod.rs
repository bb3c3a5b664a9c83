//! `ip rule`: the rules that choose a routing table.
//!
//! Differs from iproute2: no realms, NAT, l3mdev, tunnel ids or interface groups; `save` and `restore` are not
//! simulated.

pub mod print;

use super::route::ip_protocol;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::prefix::same_bits;
use crate::cmd::iproute2::run::Run;
use crate::cmd::iproute2::{Family, Names, Prefix, Stop, Words, matches, number};
use ipnet::IpNet;
use net::Errno;
use net::rtnetlink::{Family as Kernel, NetlinkError, Rule, RuleAction, protocol, table};

pub fn usage() -> Stop {
    Stop::exit(255, include_str!("../usage/rule.txt"))
}

pub async fn rule(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list(run, words, false).await };
    if matches(verb, "list") || matches(verb, "lst") || matches(verb, "show") {
        list(run, words, false).await
    } else if matches(verb, "save") || matches(verb, "restore") {
        if matches(verb, "save") && !words.is_empty() {
            return Err(Stop::fail(1, "\"ip rule save\" does not take any arguments.\n"));
        }
        Err(Stop::not_simulated("ip", &format!("rule {verb}"), "ip rule list"))
    } else if matches(verb, "add") {
        modify(run, words, true).await
    } else if matches(verb, "delete") {
        modify(run, words, false).await
    } else if matches(verb, "flush") {
        list(run, words, true).await
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip rule help\".\n")))
    }
}

fn not_simulated(option: &str) -> Stop {
    Stop::not_simulated("ip", option, "from, to, fwmark, iif, oif or a port")
}

fn kernel_family(family: Family) -> Kernel {
    if family == Family::Inet6 { Kernel::Inet6 } else { Kernel::Inet }
}

/// `1000-2000` or `80`.
fn ports(word: &str, message: &str) -> Result<(u16, u16), Stop> {
    let wrong = || Stop::wrong(message, word);
    let (low, high) = word.split_once('-').unwrap_or((word, word));
    let port = |word: &str| word.parse::<u16>().map_err(|_| wrong());
    Ok((port(low)?, port(high)?))
}

fn uids(word: &str) -> Result<(u32, u32), Stop> {
    let range = word.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    range.ok_or_else(|| Stop::wrong("invalid UID range\n", word))
}

/// Mark and mask; the mask is all ones where none is written.
fn mark(word: &str) -> Result<(u32, Option<u32>), Stop> {
    let (mark, mask) = match word.split_once('/') {
        Some((mark, mask)) => (mark, Some(mask)),
        None => (word, None),
    };
    let value = number::unsigned(mark).ok_or_else(|| Stop::wrong("fwmark value is invalid\n", mark))?;
    let wrong = |mask| Stop::wrong("fwmask value is invalid\n", mask);
    let mask = mask.map(|mask| number::unsigned(mask).ok_or_else(|| wrong(mask))).transpose()?;
    Ok((value, mask))
}

fn byte(names: &Names, list: List, word: &str) -> Option<u8> {
    names.number(list, word).and_then(|number| u8::try_from(number).ok())
}

/// A rule out of its words.
struct Reading<'a> {
    names: &'a Names,
    family: Family,
    rule: Rule,
    table_given: bool,
    /// The kernel takes addresses of the rule's family only; `ip` does not look.
    strange: Option<&'static str>,
}

impl Reading<'_> {
    fn word(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            "not" => self.rule.invert = true,
            "from" | "to" => self.take_prefix(word, words.value()?)?,
            _ if is("preference") || is("order") || is("priority") => {
                let value = words.value()?;
                let wrong = || Stop::wrong("preference value is invalid\n", value);
                self.rule.priority = Some(number::unsigned(value).ok_or_else(wrong)?);
            }
            _ if word == "tos" || is("dsfield") => {
                let value = words.value()?;
                let tos = byte(self.names, List::DsField, value);
                self.rule.tos = tos.ok_or_else(|| Stop::wrong("TOS value is invalid\n", value))?;
            }
            "fwmark" => {
                let (value, mask) = mark(words.value()?)?;
                self.rule.fwmark = value;
                self.rule.fwmask = mask.unwrap_or(if value == 0 { 0 } else { u32::MAX });
            }
            _ if is("realms") => return Err(not_simulated(word)),
            _ if is("protocol") => {
                let value = words.value()?;
                let number = byte(self.names, List::Protocol, value);
                self.rule.protocol =
                    number.ok_or_else(|| Stop::wrong("\"protocol\" value is invalid\n", value))?;
            }
            _ if is("tun_id") => return Err(not_simulated(word)),
            _ if is("table") || word == "lookup" => {
                let value = words.value()?;
                let number = self.names.number(List::Table, value);
                self.rule.table = number.ok_or_else(|| Stop::wrong("invalid table ID\n", value))?;
                self.table_given = true;
            }
            _ => self.rarer_word(word, words)?,
        }
        Ok(())
    }

    fn rarer_word(&mut self, word: &str, words: &mut Words<'_>) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            _ if is("suppress_prefixlength") || word == "sup_pl" => {
                let value = words.value()?;
                let wrong = || Stop::wrong("suppress_prefixlength value is invalid\n", value);
                self.rule.suppress_prefix_length = Some(number::unsigned(value).ok_or_else(wrong)?);
            }
            _ if is("suppress_ifgroup") || matches!(word, "sup_group" | "l3mdev" | "nat") || is("map-to") => {
                return Err(not_simulated(word));
            }
            "dev" | "iif" | "oif" => take_device(&mut self.rule, word, words.value()?)?,
            "uidrange" => self.rule.uids = Some(uids(words.value()?)?),
            "ipproto" => {
                let value = words.value()?;
                let wrong = || Stop::wrong("Invalid \"ipproto\" value\n", value);
                self.rule.ip_protocol = ip_protocol(value).ok_or_else(wrong)?;
            }
            "sport" => self.rule.source_ports = Some(ports(words.value()?, "invalid port range\n")?),
            "dport" => self.rule.destination_ports = Some(ports(words.value()?, "invalid dport range\n")?),
            _ => {
                self.rule.action = action(word, words)?;
                self.table_given = true;
            }
        }
        Ok(())
    }

    fn take_prefix(&mut self, key: &str, value: &str) -> Result<(), Stop> {
        let prefix = Prefix::parse(value, self.family)?;
        let net = prefix.address.and_then(|address| IpNet::new(address, prefix.length).ok());
        if net.is_some_and(|net| net.addr().is_ipv6() != (self.rule.family == Kernel::Inet6)) {
            self.strange = self.strange.or(Some(if key == "from" { "source" } else { "dst" }));
        }
        let side = if key == "from" { &mut self.rule.from } else { &mut self.rule.to };
        *side = net.filter(|net| net.prefix_len() != 0);
        Ok(())
    }
}

async fn modify(run: &mut Run, mut words: Words<'_>, adds: bool) -> Result<(), Stop> {
    if words.is_empty() {
        let verb = if adds { "add" } else { "del" };
        return Err(Stop::fail(1, format!("\"ip rule {verb}\" requires arguments.\n")));
    }
    if run.options.echo {
        return Err(Stop::not_simulated("ip", "-echo", "ip rule list"));
    }
    let family = run.options.family;
    let mut reading = Reading {
        names: &run.names,
        family,
        rule: Rule {
            family: kernel_family(family),
            protocol: protocol::UNSPEC,
            ..Rule::lookup(table::UNSPEC)
        },
        table_given: false,
        strange: None,
    };
    while let Some(word) = words.next() {
        reading.word(word, &mut words)?;
    }
    if let Some(which) = reading.strange {
        let error = NetlinkError::new(Errno::EINVAL, &format!("Invalid {which} address"));
        return Err(crate::cmd::iproute2::run::refused(&error, 2));
    }
    let mut rule = reading.rule;
    if adds && !reading.table_given {
        rule.table = table::MAIN;
    }
    run.request(move |net, ns| if adds { net.rule_add(ns, &rule) } else { net.rule_delete(ns, &rule) }).await
}

fn take_device(rule: &mut Rule, key: &str, name: &str) -> Result<(), Stop> {
    let (slot, shown) = match key {
        "oif" => (&mut rule.oif, "\"oif\""),
        _ => (&mut rule.iif, "\"iif\"/\"dev\""),
    };
    if !super::link::parse::is_ifname(name) {
        return Err(Stop::wrong(&format!("{shown} not a valid ifname"), name));
    }
    *slot = Some(name.to_owned());
    Ok(())
}

fn action(word: &str, words: &mut Words<'_>) -> Result<RuleAction, Stop> {
    let word = if word == "type" { words.value()? } else { word };
    if matches(word, "help") {
        return Err(usage());
    }
    if matches(word, "goto") {
        let value = words.value()?;
        let target = number::unsigned(value);
        return Ok(RuleAction::Goto(target.ok_or_else(|| Stop::wrong("invalid target\n", value))?));
    }
    if matches(word, "nop") {
        return Ok(RuleAction::Nop);
    }
    match Names::route_type_number(word) {
        Some(1) => Ok(RuleAction::Lookup),
        Some(6) => Ok(RuleAction::Blackhole),
        Some(7) => Ok(RuleAction::Unreachable),
        Some(8) => Ok(RuleAction::Prohibit),
        Some(_) => Err(not_simulated(word)),
        None => Err(Stop::wrong("Failed to parse rule type", word)),
    }
}

/// What `ip rule list SELECTOR` and `flush` look for.
#[derive(Debug, Default)]
struct Filter {
    priority: Option<u32>,
    inverted: bool,
    tos: Option<u8>,
    mark: u32,
    mask: u32,
    iif: Option<String>,
    oif: Option<String>,
    uids: Option<(u32, u32)>,
    table: u32,
    from: Option<Prefix>,
    to: Option<Prefix>,
    protocol: Option<u8>,
    ip_protocol: u8,
    sport: Option<(u16, u16)>,
    dport: Option<(u16, u16)>,
}

impl Filter {
    fn read(words: &mut Words<'_>, names: &Names, family: Family) -> Result<Filter, Stop> {
        let mut filter = Filter::default();
        while let Some(word) = words.next() {
            filter.word(word, words, names, family)?;
        }
        Ok(filter)
    }

    fn word(&mut self, word: &str, words: &mut Words<'_>, names: &Names, family: Family) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            _ if is("preference") || is("order") || is("priority") => {
                let value = words.value()?;
                let wrong = || Stop::wrong("preference value is invalid\n", value);
                self.priority = Some(number::unsigned(value).ok_or_else(wrong)?);
            }
            "not" => self.inverted = true,
            "tos" | "dsfield" => {
                let value = words.value()?;
                let tos = byte(names, List::DsField, value);
                self.tos = Some(tos.ok_or_else(|| Stop::wrong("TOS value is invalid\n", value))?);
            }
            "fwmark" => {
                let (value, mask) = mark(words.value()?)?;
                (self.mark, self.mask) = (value, mask.unwrap_or(0));
            }
            "dev" | "iif" | "oif" => {
                let mut rule = Rule::lookup(0);
                take_device(&mut rule, word, words.value()?)?;
                self.iif = rule.iif.or(self.iif.take());
                self.oif = rule.oif.or(self.oif.take());
            }
            "l3mdev" => return Err(not_simulated(word)),
            "uidrange" => self.uids = Some(uids(words.value()?)?),
            _ if is("tun_id") => return Err(not_simulated(word)),
            _ if is("lookup") || is("table") => {
                let value = words.value()?;
                let table = names.number(List::Table, value);
                self.table = table.ok_or_else(|| Stop::wrong("table id value is invalid\n", value))?;
            }
            _ if is("from") || is("src") => self.from = Some(Prefix::parse(words.value()?, family)?),
            _ if is("protocol") => {
                let value = words.value()?;
                self.protocol = byte(names, List::Protocol, value);
                if self.protocol.is_none() && value != "all" {
                    return Err(Stop::wrong("invalid \"protocol\"\n", value));
                }
            }
            "ipproto" => {
                let value = words.value()?;
                let wrong = || Stop::wrong("Invalid \"ipproto\" value\n", value);
                self.ip_protocol = ip_protocol(value).ok_or_else(wrong)?;
            }
            "sport" => self.sport = Some(ports(words.value()?, "invalid port range\n")?),
            "dport" => self.dport = Some(ports(words.value()?, "invalid dport range\n")?),
            _ => {
                let value = if is("dst") || is("to") { words.value()? } else { word };
                self.to = Some(Prefix::parse(value, family)?);
            }
        }
        Ok(())
    }

    fn fits(&self, rule: &Rule) -> bool {
        let within = |wanted: &Option<Prefix>, net: &Option<IpNet>| match (wanted, net) {
            (None, _) => true,
            (Some(wanted), None) => wanted.length == 0,
            (Some(wanted), Some(net)) => {
                wanted.length <= net.prefix_len() && same_bits(wanted.ip(), net.addr(), wanted.length)
            }
        };
        self.priority.is_none_or(|priority| rule.priority == Some(priority))
            && (!self.inverted || rule.invert)
            && within(&self.from, &rule.from)
            && within(&self.to, &rule.to)
            && self.tos.is_none_or(|tos| rule.tos == tos)
            && (self.mark == 0 || rule.fwmark == self.mark)
            && (self.mask == 0 || rule.fwmask == self.mask)
            && self.iif.as_ref().is_none_or(|name| rule.iif.as_ref() == Some(name))
            && self.oif.as_ref().is_none_or(|name| rule.oif.as_ref() == Some(name))
            && self.uids.is_none_or(|uids| rule.uids == Some(uids))
            && (self.ip_protocol == 0 || rule.ip_protocol == self.ip_protocol)
            && self.sport.is_none_or(|ports| rule.source_ports == Some(ports))
            && self.dport.is_none_or(|ports| rule.destination_ports == Some(ports))
            && (self.table == 0 || rule.table == self.table)
    }
}

async fn list(run: &mut Run, mut words: Words<'_>, flush: bool) -> Result<(), Stop> {
    let family = run.options.family;
    let asked = if family == Family::Unspec { Family::Inet } else { family };
    let filter = Filter::read(&mut words, &run.names, asked)?;
    let kernel = kernel_family(asked);
    let mut rules = run.kernel(move |net, ns| net.rules(ns, kernel)).await;
    rules.retain(|rule| filter.fits(rule));
    run.out.begin();
    if flush {
        // The rule of priority 0 is told without its priority, and so stays.
        rules.retain(|rule| {
            rule.priority.unwrap_or(0) != 0
                && filter.protocol.is_none_or(|protocol| rule.protocol == protocol)
        });
        run.request(move |net, ns| rules.iter().try_for_each(|rule| net.rule_delete(ns, rule))).await?;
    } else {
        let options = run.options.clone();
        let row = print::Row { options: &options, names: &run.names, deleted: false };
        rules.iter().for_each(|rule| row.rule(&mut run.out, rule));
    }
    run.out.end();
    Ok(())
}
