//! What `ipset create` and `ipset add` may say after the name: how a set is built, what a member carries.
//!
//! Sources: ipset 7.17 lib/args.c, lib/parse.c; ipset(8).

use super::command::{Done, Failure, usage};
use super::element::{read_number, read_port_range, read_span, width};
use super::{Kind, Member, Part, Range, Set, Settings};
use crate::netfilter::rule::Family;
use sim::Instant;

const MAX_TIMEOUT: u64 = 2_147_483;

pub(super) fn read_settings(kind: &'static Kind, options: &[&str]) -> Result<Settings, Failure> {
    let mut settings = Settings {
        kind,
        family: Family::V4,
        hash_size: 1024,
        max: 65536,
        netmask: None,
        range: None,
        timeout: None,
        counters: false,
        comment: false,
        skbinfo: false,
        forceadd: false,
        bucket_size: 12,
        initval: None,
        size: 8,
    };
    let mut range = None;
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let flag = match *word {
            "counters" => &mut settings.counters,
            "comment" => &mut settings.comment,
            "skbinfo" => &mut settings.skbinfo,
            "forceadd" if kind.is_hash() => &mut settings.forceadd,
            "-4" | "-6" if kind.has_family() => {
                settings.family = if *word == "-4" { Family::V4 } else { Family::V6 };
                continue;
            }
            _ => {
                let known = match *word {
                    "family" => kind.has_family(),
                    "hashsize" | "maxelem" | "bucketsize" | "initval" => kind.is_hash(),
                    "netmask" => {
                        matches!(kind.name, "hash:ip" | "bitmap:ip" | "hash:ip,port" | "hash:net,net")
                    }
                    "range" => kind.is_bitmap(),
                    "size" => kind.is_list(),
                    "timeout" => true,
                    _ => false,
                };
                if !known {
                    return Err(usage(format!("Unknown argument: `{word}'")));
                }
                let value = *words
                    .next()
                    .ok_or_else(|| usage(format!("Missing mandatory argument of option `{word}'")))?;
                match *word {
                    "range" => range = Some(value),
                    _ => read_setting(&mut settings, word, value)?,
                }
                continue;
            }
        };
        *flag = true;
    }
    settings.range = read_range(kind, range)?;
    Ok(settings)
}

/// What a bitmap has room for; nothing for other types.
fn read_range(kind: &Kind, text: Option<&str>) -> Result<Option<Range>, Failure> {
    if !kind.is_bitmap() {
        return Ok(None);
    }
    let text = text.ok_or_else(|| usage("Mandatory option `range' is missing"))?;
    if kind.name == "bitmap:port" {
        let (first, last) = read_port_range(text, "tcp")?;
        return Ok(Some(Range::Ports(first, last)));
    }
    let (first, last) = read_span(text, Family::V4)?;
    match last - first > 65535 {
        true => Err("The range you specified exceeds the size limit of the set type".into()),
        false => Ok(Some(Range::Addresses(first, last))),
    }
}

fn read_setting(settings: &mut Settings, word: &str, value: &str) -> Done {
    match word {
        "family" => {
            settings.family = match value {
                "inet" | "ipv4" | "-4" => Family::V4,
                "inet6" | "ipv6" | "-6" => Family::V6,
                _ => return Err(format!("Syntax error: unknown inet family {value}").into()),
            }
        }
        "hashsize" => {
            let size = read_number(value, 0, u32::MAX.into())? as u32;
            settings.hash_size = size.clamp(64, 1 << 30).next_power_of_two();
        }
        "maxelem" => settings.max = read_number(value, 0, u32::MAX.into())? as u32,
        "bucketsize" => settings.bucket_size = (read_number(value, 0, 255)? as u8).clamp(2, 12) & !1,
        "netmask" => {
            let prefix = read_number(value, 1, width(settings.family).into())?;
            settings.netmask = Some(prefix as u8);
        }
        "size" => settings.size = (read_number(value, 0, u32::MAX.into())? as u32).max(4),
        "timeout" => settings.timeout = Some(read_number(value, 0, MAX_TIMEOUT)? as u32),
        _ => settings.initval = Some(read_number(value, 0, u32::MAX.into())? as u32),
    }
    Ok(())
}

type Beside = Option<(bool, String)>;

pub(super) fn read_member(set: &Set, options: &[&str], now: Instant) -> Result<(Member, Beside), Failure> {
    let settings = &set.settings;
    let mut member = Member { expires: set.expiry(None, now), ..Member::default() };
    let mut beside = None;
    let mut words = options.iter();
    while let Some(word) = words.next() {
        if *word == "nomatch" && settings.kind.has_networks() {
            member.nomatch = true;
            continue;
        }
        let known = match *word {
            "timeout" | "packets" | "bytes" | "comment" | "skbmark" | "skbprio" | "skbqueue" => true,
            "before" | "after" => settings.kind.is_list(),
            _ => false,
        };
        if !known {
            return Err(usage(format!("Unknown argument: `{word}'")));
        }
        let value =
            *words.next().ok_or_else(|| usage(format!("Missing mandatory argument of option `{word}'")))?;
        match *word {
            "timeout" => {
                let seconds = read_number(value, 0, MAX_TIMEOUT)? as u32;
                if settings.timeout.is_none() {
                    return Err("Timeout cannot be used: set was created without timeout support".into());
                }
                member.expires = set.expiry(Some(seconds), now);
            }
            "comment" if !settings.comment => {
                return Err("Comment cannot be used: set was created without comment support".into());
            }
            "comment" => member.comment = Some(value.to_owned()),
            "packets" | "bytes" => {
                let number = read_number(value, 0, u64::MAX)?;
                if !settings.counters {
                    return Err(
                        "Packet/byte counters cannot be used: set was created without counter support".into(),
                    );
                }
                *(if *word == "bytes" { &mut member.bytes } else { &mut member.packets }) = number;
            }
            "before" | "after" => beside = Some((*word == "before", value.to_owned())),
            _ if !settings.skbinfo => {
                return Err("Skbinfo mapping cannot be used: set was created without skbinfo support".into());
            }
            other => return Err(format!("{other}: not simulated in vethlab; use counters or comment").into()),
        }
    }
    Ok((member, beside))
}

/// A place in a `list:set` before or after another member.
pub(super) fn make_room(set: &mut Set, before: bool, reference: &str) -> Result<u32, Failure> {
    let key = vec![Part::Set(reference.to_owned())];
    let Some(at) = set.members.get(&key).map(|member| member.place) else {
        return Err("The set to which you referred with 'before' or 'after' is not added to the set.".into());
    };
    let place = if before { at } else { at + 1 };
    set.members.values_mut().filter(|member| member.place >= place).for_each(|member| member.place += 1);
    Ok(place)
}
