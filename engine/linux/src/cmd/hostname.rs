//! `hostname`: the machine's name and addresses. Source: hostname(1), 3.23. Not simulated: -F -b -y.
//! ```transcript
//! host# hostname; hostname -s
//! host
//! host
//! ```

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::resolver::{self, Hints};
use crate::sys::Sys;
use net::rtnetlink::Family;
use std::net::IpAddr;

pub const HOSTNAME: Command = Command {
    name: "hostname",
    path: "/usr/bin/hostname",
    man: "hostname(1)",
    run: |sys, args| Box::pin(hostname(sys, args)),
};

const USAGE: &str = include_str!("hostname.txt");
const LONG: &[Long] = &[
    ("alias", Takes::Nothing, 'a'),
    ("all-fqdns", Takes::Nothing, 'A'),
    ("all-ip-addresses", Takes::Nothing, 'I'),
    ("boot", Takes::Nothing, 'b'),
    ("domain", Takes::Nothing, 'd'),
    ("file", Takes::Value, 'F'),
    ("fqdn", Takes::Nothing, 'f'),
    ("help", Takes::Nothing, 'h'),
    ("ip-address", Takes::Nothing, 'i'),
    ("long", Takes::Nothing, 'f'),
    ("nis", Takes::Nothing, 'y'),
    ("short", Takes::Nothing, 's'),
    ("version", Takes::Nothing, 'V'),
    ("yp", Takes::Nothing, 'y'),
];
/// The longest name of a machine (HOST_NAME_MAX).
const LONGEST: usize = 64;

async fn hostname(sys: Sys, args: Args) -> Exit {
    let mut walk = Getopt::new(args.name(), args.rest(), "aAdfbF:h?iIsVy", LONG);
    let mut asked = None;
    for found in walk.by_ref() {
        match found {
            Found::Option('h', _) => {
                sys.print(USAGE).await;
                return Exit::OK;
            }
            Found::Option('V', _) => {
                sys.print("hostname 3.23\n").await;
                return Exit::OK;
            }
            Found::Option(letter @ ('F' | 'b' | 'y'), _) => {
                let words = "not simulated in vethlab; use hostname NAME";
                sys.eprint(format!("hostname: -{letter}: {words}\n")).await;
                return Exit(255);
            }
            Found::Option('?', _) => {
                sys.print(USAGE).await;
                return Exit(255);
            }
            Found::Option(letter, _) => asked = Some(letter),
            Found::Wrong(text) => {
                sys.eprint(text).await;
                sys.print(USAGE).await;
                return Exit(255);
            }
        }
    }
    match (asked, walk.operands().first()) {
        (None, Some(new)) => set(&sys, new).await,
        (None, None) => {
            let name = sys.hostname().await;
            sys.print(name + "\n").await;
            Exit::OK
        }
        (Some(letter), _) => tell(&sys, letter).await,
    }
}

async fn set(sys: &Sys, name: &str) -> Exit {
    if sys.uid().await != 0 {
        sys.eprint("hostname: you must be root to change the host name\n").await;
        return Exit::FAILURE;
    }
    let new = name.trim().to_owned();
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if new.is_empty() || new.len() > LONGEST || !new.chars().all(letters) || new.starts_with(['-', '.']) {
        sys.eprint("hostname: the specified hostname is invalid\n").await;
        return Exit::FAILURE;
    }
    sys.ask(move |system, id| {
        let (machine, container) = (system.process(id).machine, system.process(id).container);
        system.set_hostname(machine, container, &new);
    })
    .await;
    Exit::OK
}

async fn tell(sys: &Sys, letter: char) -> Exit {
    let name = sys.hostname().await;
    let text = match letter {
        's' => name.split('.').next().unwrap_or_default().to_owned(),
        'I' => {
            sys.net(|net, ns| {
                let own = net.addresses(ns, Family::Inet).into_iter().chain(net.addresses(ns, Family::Inet6));
                let shown = own.filter(|it| match it.local {
                    IpAddr::V4(v4) => !v4.is_loopback(),
                    IpAddr::V6(v6) => !v6.is_loopback() && v6.segments()[0] & 0xffc0 != 0xfe80,
                });
                shown.map(|it| format!("{} ", it.local)).collect::<String>()
            })
            .await
        }
        letter => {
            let hints = Hints::default();
            let found = match resolver::getaddrinfo(sys, &name, hints).await {
                Ok(found) => found,
                Err(error) => {
                    sys.eprint(format!("hostname: {}\n", error.text())).await;
                    return Exit::FAILURE;
                }
            };
            let entry = resolver::gethostbyname2(sys, &name, Family::Inet).await.ok();
            let full = entry.as_ref().map_or(name.clone(), |entry| entry.name.clone());
            match letter {
                'i' => found.iter().map(|info| info.address.to_string()).collect::<Vec<_>>().join(" "),
                'd' => match full.split_once('.') {
                    Some((_, domain)) => domain.to_owned(),
                    None => return Exit::OK,
                },
                'a' => entry.map(|entry| entry.aliases.join(" ")).unwrap_or_default(),
                _ => full,
            }
        }
    };
    sys.print(text + "\n").await;
    Exit::OK
}
