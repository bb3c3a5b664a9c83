//! `getent`: what the name service says. Source: getent(1), glibc 2.36 `nss/getent.c`.
//! Not simulated: -s; aliases, ethers and netgroups, of which no machine here has any.
//!
//! Always: hosts are looked up as every program's look-ups are, by the resolver; the other databases are files.

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::resolver::{self, Hints, HostEntry};
use crate::sys::Sys;
use net::rtnetlink::Family;
use std::net::IpAddr;

pub const GETENT: Command = Command {
    name: "getent",
    path: "/usr/bin/getent",
    man: "getent(1)",
    run: |sys, args| Box::pin(getent(sys, args)),
};

const SEE: &str = "Try `getent --help' or `getent --usage' for more information.\n";
const LONG: &[Long] = &[
    ("no-addrconfig", Takes::Nothing, 'A'),
    ("no-idn", Takes::Nothing, 'i'),
    ("service", Takes::Value, 's'),
    ("help", Takes::Nothing, '?'),
    ("usage", Takes::Nothing, 'U'),
    ("version", Takes::Nothing, 'V'),
];
const USAGE: &str = "Usage: getent [-Ai?V] [-s CONFIG] [--no-addrconfig] [--no-idn]\n            \
                     [--service=CONFIG] [--help] [--usage] [--version]\n            database [key ...]\n";
const NOT_FOUND: Exit = Exit(2);
const NO_LIST: Exit = Exit(3);

async fn getent(sys: Sys, args: Args) -> Exit {
    let mut configured = true;
    let mut options = Getopt::new(args.name(), args.rest(), "+Ais:?V", LONG);
    for found in options.by_ref() {
        match found {
            Found::Option('A', _) => configured = false,
            Found::Option('i', _) => {}
            Found::Option('s', _) => {
                sys.eprint("getent: --service: not simulated in vethlab; use /etc/nsswitch.conf\n").await;
                return Exit(64);
            }
            Found::Option('?', _) => {
                sys.print(include_str!("help.txt")).await;
                return Exit::OK;
            }
            Found::Option('V', _) => {
                sys.print(include_str!("version.txt")).await;
                return Exit::OK;
            }
            Found::Option(_, _) => {
                sys.print(USAGE).await;
                return Exit::OK;
            }
            Found::Wrong(text) => {
                sys.eprint(text + SEE).await;
                return Exit(64);
            }
        }
    }
    let operands = options.operands();
    let Some((database, keys)) = operands.split_first() else {
        sys.eprint("getent: wrong number of arguments\n").await;
        sys.print(SEE).await;
        return Exit::FAILURE;
    };
    look_up(&sys, database, keys, configured).await
}

async fn look_up(sys: &Sys, database: &str, keys: &[String], configured: bool) -> Exit {
    let ahosts = |family, mapped| Hints { family, canonical: true, configured, mapped };
    match database {
        "hosts" => hosts(sys, keys).await,
        "ahosts" | "ahostsv4" | "ahostsv6" if keys.is_empty() => hosts(sys, keys).await,
        "ahosts" => addresses(sys, keys, ahosts(None, true)).await,
        "ahostsv4" => addresses(sys, keys, ahosts(Some(Family::Inet), true)).await,
        "ahostsv6" => addresses(sys, keys, ahosts(Some(Family::Inet6), true)).await,
        "ethers" | "netgroup" | "initgroups" if keys.is_empty() => {
            sys.eprint(format!("Enumeration not supported on {database}\n")).await;
            NO_LIST
        }
        "initgroups" => initgroups(sys, keys).await,
        "aliases" if keys.is_empty() => Exit::OK,
        "aliases" | "ethers" | "netgroup" => NOT_FOUND,
        "passwd" | "group" | "shadow" | "gshadow" => accounts(sys, database, keys).await,
        "services" | "protocols" | "networks" | "rpc" => table(sys, database, keys).await,
        _ => {
            sys.eprint(format!("Unknown database: {database}\n")).await;
            sys.print(SEE).await;
            Exit::FAILURE
        }
    }
}

async fn hosts(sys: &Sys, keys: &[String]) -> Exit {
    if keys.is_empty() {
        for entry in resolver::host_entries(sys).await {
            print_host(sys, &entry).await;
        }
        return Exit::OK;
    }
    let mut exit = Exit::OK;
    for key in keys {
        let found = match key.parse::<IpAddr>() {
            Ok(address) => resolver::gethostbyaddr(sys, address).await,
            Err(_) => match resolver::gethostbyname2(sys, key, Family::Inet6).await {
                Ok(entry) => Some(entry),
                Err(_) => resolver::gethostbyname2(sys, key, Family::Inet).await.ok(),
            },
        };
        match found {
            Some(entry) => print_host(sys, &entry).await,
            None => exit = NOT_FOUND,
        }
    }
    exit
}

async fn print_host(sys: &Sys, entry: &HostEntry) {
    for address in &entry.addresses {
        let names = std::iter::once(&entry.name).chain(&entry.aliases).cloned().collect::<Vec<_>>().join(" ");
        sys.print(format!("{:<15} {names}\n", address.to_string())).await;
    }
}

async fn addresses(sys: &Sys, keys: &[String], hints: Hints) -> Exit {
    let mut exit = Exit::OK;
    for key in keys {
        let Ok(found) = resolver::getaddrinfo(sys, key, hints).await else {
            exit = NOT_FOUND;
            continue;
        };
        for info in found {
            let mut canonical = info.canonical.unwrap_or_default();
            for kind in ["STREAM", "DGRAM", "RAW"] {
                let name = std::mem::take(&mut canonical);
                sys.print(format!("{:<15} {kind:<6} {name}\n", info.address.to_string())).await;
            }
        }
    }
    exit
}

async fn lines(sys: &Sys, path: &str) -> Vec<String> {
    let text = sys.read_file(path).await.unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// Files of lines with colons; a number looks for the third field.
async fn accounts(sys: &Sys, database: &str, keys: &[String]) -> Exit {
    let lines: Vec<String> = lines(sys, &format!("/etc/{database}")).await;
    let lines: Vec<&String> =
        lines.iter().filter(|line| line.contains(':') && !line.starts_with('#')).collect();
    if keys.is_empty() {
        for line in lines {
            sys.print(format!("{line}\n")).await;
        }
        return Exit::OK;
    }
    let numbered = matches!(database, "passwd" | "group");
    let mut exit = Exit::OK;
    for key in keys {
        let number = numbered && key.parse::<u32>().is_ok();
        let fits = |line: &&&String| line.split(':').nth(if number { 2 } else { 0 }) == Some(key.as_str());
        match lines.iter().find(fits) {
            Some(line) => sys.print(format!("{line}\n")).await,
            None => exit = NOT_FOUND,
        }
    }
    exit
}

/// The groups that a user is in besides the own one.
async fn initgroups(sys: &Sys, keys: &[String]) -> Exit {
    let groups = lines(sys, "/etc/group").await;
    for key in keys {
        let mut text = format!("{key:<21}");
        for line in &groups {
            let fields: Vec<_> = line.split(':').collect();
            if let [_, _, number, members] = fields[..]
                && members.split(',').any(|member| member == key)
            {
                text += &format!(" {number}");
            }
        }
        sys.print(text + "\n").await;
    }
    Exit::OK
}

/// Files of words in columns: name, value, aliases.
async fn table(sys: &Sys, database: &str, keys: &[String]) -> Exit {
    let rows: Vec<Vec<String>> = lines(sys, &format!("/etc/{database}"))
        .await
        .iter()
        .map(|line| {
            line.split('#').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        })
        .filter(|row: &Vec<String>| row.len() >= 2)
        .collect();
    if keys.is_empty() {
        for row in &rows {
            sys.print(shown(database, row)).await;
        }
        return Exit::OK;
    }
    let mut exit = Exit::OK;
    for key in keys {
        match rows.iter().find(|row| is_meant(database, row, key)) {
            Some(row) => sys.print(shown(database, row)).await,
            None => exit = NOT_FOUND,
        }
    }
    exit
}

fn shown(database: &str, row: &[String]) -> String {
    let aliases: Vec<_> = row.iter().skip(2).cloned().collect();
    let tail = if aliases.is_empty() { String::new() } else { format!(" {}", aliases.join(" ")) };
    match database {
        // The name is padded, and so is a lack of aliases.
        "rpc" => format!("{:<15} {}{}{tail}\n", row[0], row[1], if tail.is_empty() { "" } else { " " }),
        "networks" => format!("{:<21} {}{tail}\n", row[0], dotted(&row[1])),
        _ => format!("{:<21} {}{tail}\n", row[0], row[1]),
    }
}

/// A network's number with all four parts: `127` is 127.0.0.0.
fn dotted(text: &str) -> String {
    let mut parts: Vec<&str> = text.split('.').collect();
    while parts.len() < 4 {
        parts.push("0");
    }
    parts.join(".")
}

fn is_meant(database: &str, row: &[String], key: &str) -> bool {
    let named = |name: &str| row[0] == name || row.iter().skip(2).any(|alias| alias == name);
    match database {
        "services" => {
            let (name, protocol) = key.split_once('/').map_or((key, None), |(name, it)| (name, Some(it)));
            let (port, its_protocol) = row[1].split_once('/').unwrap_or((&row[1], ""));
            let meant = if name.starts_with(|first: char| first.is_ascii_digit()) {
                port == name
            } else {
                named(name)
            };
            meant && protocol.is_none_or(|protocol| protocol == its_protocol)
        }
        "networks" if key.starts_with(|first: char| first.is_ascii_digit()) => dotted(&row[1]) == dotted(key),
        _ if key.starts_with(|first: char| first.is_ascii_digit()) => row[1] == key,
        _ => named(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn rows_are_shown_in_getents_columns() {
        assert_eq!(shown("services", &row("http 80/tcp www")), "http                  80/tcp www\n");
        assert_eq!(shown("protocols", &row("tcp 6 TCP")), "tcp                   6 TCP\n");
        assert_eq!(shown("networks", &row("loopback 127")), "loopback              127.0.0.0\n");
        assert_eq!(
            shown("rpc", &row("portmapper 100000 portmap sunrpc")),
            "portmapper      100000  portmap sunrpc\n"
        );
    }

    #[test]
    fn a_service_is_known_by_name_alias_or_port() {
        let http = row("http 80/tcp www");
        for key in ["http", "www", "80", "80/tcp", "http/tcp"] {
            assert!(is_meant("services", &http, key), "{key}");
        }
        assert!(!is_meant("services", &http, "80/udp"));
    }
}
