//! `ip maddress`: the multicast addresses that devices listen to, as `/proc/net` tells them.
//!
//! Differs from iproute2: addresses cannot be added by hand.

use super::address::print::color;
use crate::cmd::iproute2::run::Run;
use crate::cmd::iproute2::{Color, Family, Printer, Stop, Words, lladdr, matches, prefix};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn usage() -> Stop {
    Stop::exit(255, include_str!("usage/maddr.txt"))
}

pub async fn maddr(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list(run, words).await };
    if matches(verb, "add") || matches(verb, "delete") {
        Err(Stop::not_simulated("ip", &format!("maddress {verb}"), "ip maddress show"))
    } else if matches(verb, "list") || matches(verb, "show") || matches(verb, "lst") {
        list(run, words).await
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip maddr help\".\n")))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    Link(Vec<u8>),
    Ip(IpAddr),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Membership {
    index: u32,
    device: String,
    group: Group,
    users: u32,
    static_entry: bool,
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// `/proc/net/dev_mcast`: index, device, users, static, address.
fn of_links(text: &str) -> Vec<Membership> {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let (index, device) = (words.next()?.parse().ok()?, words.next()?.to_owned());
        let users = words.next()?.parse().ok()?;
        let static_entry = words.next()? != "0";
        Some(Membership { index, device, group: Group::Link(bytes(words.next()?)?), users, static_entry })
    };
    text.lines().filter_map(row).collect()
}

/// `/proc/net/igmp`: a line for the device, then an indented one for each group, its address in host order.
fn of_igmp(text: &str) -> Vec<Membership> {
    let mut rows = Vec::new();
    let mut device = (0, String::new());
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        if !line.starts_with('\t') {
            device = (first.parse().unwrap_or(0), second.trim_end_matches(':').to_owned());
        } else if let Ok(group) = u32::from_str_radix(first, 16) {
            let group = Group::Ip(Ipv4Addr::from(group.to_le_bytes()).into());
            let users = second.parse().unwrap_or(1);
            let (index, device) = device.clone();
            rows.push(Membership { index, device, group, users, static_entry: false });
        }
    }
    rows
}

/// `/proc/net/igmp6`: index, device, group, users.
fn of_igmp6(text: &str) -> Vec<Membership> {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let (index, device) = (words.next()?.parse().ok()?, words.next()?.to_owned());
        let group: [u8; 16] = bytes(words.next()?)?.try_into().ok()?;
        let users = words.next()?.parse().ok()?;
        let group = Group::Ip(Ipv6Addr::from(group).into());
        Some(Membership { index, device, group, users, static_entry: false })
    };
    text.lines().filter_map(row).collect()
}

async fn list(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut device: Option<String> = None;
    while let Some(word) = words.next() {
        let name = match word {
            "dev" => words.value()?,
            _ if matches(word, "help") => return Err(usage()),
            _ => word,
        };
        if device.is_some() {
            return Err(Stop::garbage("dev", name));
        }
        device = Some(name.to_owned());
    }
    let family = run.options.family;
    let asked = |one| family == Family::Unspec || family == one;
    let mut rows = Vec::new();
    for (one, file, read) in [
        (Family::Packet, "dev_mcast", of_links as fn(&str) -> Vec<Membership>),
        (Family::Inet, "igmp", of_igmp),
        (Family::Inet6, "igmp6", of_igmp6),
    ] {
        if asked(one)
            && let Ok(text) = run.sys.read_file(&format!("/proc/net/{file}")).await
        {
            rows.extend(read(&String::from_utf8_lossy(&text)));
        }
    }
    rows.retain(|row| device.as_ref().is_none_or(|name| row.device == *name));
    rows.sort_by_key(|row| row.index);
    let oneline = run.options.dress.oneline;
    print(&mut run.out, &rows, oneline);
    Ok(())
}

fn print(out: &mut Printer, rows: &[Membership], oneline: bool) {
    out.begin();
    let mut current = 0;
    for row in rows {
        if row.index != current || oneline {
            if current != 0 {
                out.close_array();
                out.close_object();
            }
            out.open_object(None);
            out.field("ifindex", row.index, format_args!("{}:", row.index));
            out.field_in(Some(Color::Ifname), "ifname", &row.device, format_args!("\t{}", row.device));
            out.line();
            current = row.index;
            out.open_array("maddr");
        }
        out.text("\t");
        out.open_object(None);
        match &row.group {
            Group::Link(address) => {
                let text = lladdr::text(address);
                out.text("link  ");
                out.field_in(Some(Color::Mac), "link", &text, &text);
            }
            Group::Ip(address) => {
                let family = if address.is_ipv4() { "inet" } else { "inet6" };
                out.field("family", family, format_args!("{family:<5} "));
                let text = prefix::text(*address);
                out.field_in(color(*address), "address", &text, &text);
            }
        }
        if row.users != 1 {
            out.field("users", row.users, format_args!(" users {}", row.users));
        }
        if row.static_entry {
            out.field("features", "static", " static");
        }
        out.text("\n");
        out.close_object();
    }
    if current != 0 {
        out.close_array();
        out.close_object();
    }
    out.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::iproute2::printer::Dress;

    #[test]
    fn memberships_are_told_device_by_device() {
        let igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
            1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
            2\teth0      :     1      V3\n\t\t\t\t010000E0     2 0:00000000\t\t0\n";
        let igmp6 = "1    lo              ff020000000000000000000000000001     1 0000000C 0\n";
        let mut rows = of_igmp(igmp);
        rows.extend(of_links("2    eth0            1     0     01005e000001\n"));
        rows.extend(of_igmp6(igmp6));
        rows.sort_by_key(|row| row.index);
        let mut out = Printer::new(Dress::default());
        print(&mut out, &rows, false);
        assert_eq!(
            out.take(),
            "1:\tlo\n\tinet  224.0.0.1\n\tinet6 ff02::1\n2:\teth0\n\tinet  224.0.0.1 users 2\n\
             \tlink  01:00:5e:00:00:01\n"
        );
    }
}
