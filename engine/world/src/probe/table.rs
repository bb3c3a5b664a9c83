//! `table`: rows of a kernel table, as the tool that lists it prints them.

use super::quoted;
use crate::World;
use api::Fact;

/// Tables a lesson may ask for, and the command that prints each.
const TABLES: &[(&str, &str)] = &[
    ("addr", "ip addr show"),
    ("conntrack", "conntrack -L"),
    ("fdb", "bridge fdb show"),
    ("iptables", "iptables -S -t"),
    ("link", "ip -d link show"),
    ("neigh", "ip neigh show"),
    ("route", "ip route show"),
    ("rule", "ip rule show"),
    ("socket", "ss -Hanptu"),
    ("sysctl", "sysctl"),
];

pub(super) fn rows(world: &mut World, at: &str, table: &str, argument: &str) -> Result<Fact, String> {
    let command =
        TABLES.iter().find(|(name, _)| *name == table).map(|(_, command)| *command).ok_or_else(|| {
            let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
            format!("there is no table `{table}`: expected one of {}", names.join(", "))
        })?;
    let words: Vec<String> = argument.split_whitespace().map(quoted).collect();
    let ran = world.run(at, &[&[command.to_owned()], &words[..]].concat().join(" "))?;
    Ok(Fact::Rows(ran.out.lines().map(str::to_owned).collect()))
}
