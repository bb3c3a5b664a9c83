//! `netstat`: connections, listening sockets, routes and interfaces. Source: netstat(8), net-tools 2.10.
//! Not simulated: -c -g -M -s -v; unix sockets (there are none).
//!
//! Always: sockets that listen are listed only with -l or -a.

mod connections;

use super::getopt::{Found, Getopt, Long, Takes};
use super::nettools::{interface, routes};
use super::{Args, Command, Exit};
use crate::sys::Sys;
use net::device::flags;
use routes::Columns;

pub const NETSTAT: Command = Command {
    name: "netstat",
    path: "/usr/bin/netstat",
    man: "netstat(8)",
    run: |sys, args| Box::pin(netstat(sys, args)),
};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = include_str!("version.txt");
const SHORT: &str = "A:CFMacdeghilnNoprsStuUvVWw2fx64?Z";
const LONG: &[Long] = &[
    ("version", Takes::Nothing, 'V'),
    ("interfaces", Takes::Nothing, 'i'),
    ("help", Takes::Nothing, 'h'),
    ("route", Takes::Nothing, 'r'),
    ("masquerade", Takes::Nothing, 'M'),
    ("protocol", Takes::Value, 'A'),
    ("tcp", Takes::Nothing, 't'),
    ("sctp", Takes::Nothing, 'S'),
    ("udp", Takes::Nothing, 'u'),
    ("udplite", Takes::Nothing, 'U'),
    ("raw", Takes::Nothing, 'w'),
    ("unix", Takes::Nothing, 'x'),
    ("inet", Takes::Nothing, '4'),
    ("inet6", Takes::Nothing, '6'),
    ("listening", Takes::Nothing, 'l'),
    ("all", Takes::Nothing, 'a'),
    ("timers", Takes::Nothing, 'o'),
    ("continuous", Takes::Nothing, 'c'),
    ("extend", Takes::Nothing, 'e'),
    ("programs", Takes::Nothing, 'p'),
    ("verbose", Takes::Nothing, 'v'),
    ("statistics", Takes::Nothing, 's'),
    ("wide", Takes::Nothing, 'W'),
    ("numeric", Takes::Nothing, 'n'),
    ("numeric-hosts", Takes::Nothing, '!'),
    ("numeric-ports", Takes::Nothing, '@'),
    ("numeric-users", Takes::Nothing, '#'),
    ("symbolic", Takes::Nothing, 'N'),
    ("cache", Takes::Nothing, 'C'),
    ("fib", Takes::Nothing, 'F'),
    ("groups", Takes::Nothing, 'g'),
];

/// The letters that were given; each as often as it was.
#[derive(Default)]
pub struct Options(String);

impl Options {
    fn has(&self, letter: char) -> bool {
        self.0.contains(letter)
    }

    fn count(&self, letter: char) -> usize {
        self.0.matches(letter).count()
    }

    fn any(&self, letters: &str) -> bool {
        letters.chars().any(|letter| self.has(letter))
    }
}

async fn netstat(sys: Sys, args: Args) -> Exit {
    let mut options = Options::default();
    for found in Getopt::new("netstat", args.rest(), SHORT, LONG) {
        match found {
            Found::Option('A', Some(family)) => match family.as_str() {
                "inet" | "ip" | "tcpip" => options.0.push('4'),
                "inet6" | "ipv6" => options.0.push('6'),
                "unix" => options.0.push('x'),
                _ => {
                    sys.eprint(format!("Unknown address family `{family}'.\n")).await;
                    return Exit(1);
                }
            },
            Found::Option(letter, _) => options.0.push(letter),
            Found::Wrong(text) => {
                sys.eprint(format!("{text}{USAGE}")).await;
                return Exit(3);
            }
        }
    }
    if options.has('h') {
        sys.print(USAGE).await;
        return Exit(4);
    }
    if options.has('V') {
        sys.print(VERSION).await;
        return Exit(5);
    }
    if "irMs".chars().filter(|letter| options.has(*letter)).count() > 1 {
        sys.eprint(USAGE).await;
        return Exit(3);
    }
    if let Some(letter) = "cgMs".chars().find(|letter| options.has(*letter)) {
        sys.eprint(format!("netstat: -{letter} is not simulated\n")).await;
        return Exit(1);
    }
    let numeric = options.any("n!");
    if options.has('r') {
        let columns = match options.count('e') {
            0 => Columns::Window,
            1 => Columns::Metric,
            _ => Columns::All,
        };
        sys.print(routes::inet(&sys, columns, numeric).await).await;
        return Exit::OK;
    }
    if options.has('i') {
        sys.print(interfaces(&sys, &options).await).await;
        return Exit::OK;
    }
    sys.print(connections::list(&sys, &options).await).await;
    Exit::OK
}

/// -i
async fn interfaces(sys: &Sys, options: &Options) -> String {
    let (all, long) = (options.has('a'), options.has('e'));
    let rows = sys
        .net(move |net, ns| {
            let names = interface::all_names(net, ns);
            let found = names.iter().filter_map(|name| interface::fetch(net, ns, name).ok());
            let shown = found.filter(|it| all || it.link.flags & flags::UP != 0);
            shown
                .map(|it| if long { interface::long(&it) } else { interface::short(&it) })
                .collect::<String>()
        })
        .await;
    let heading = "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n";
    format!("Kernel Interface table\n{}{rows}", if long { "" } else { heading })
}
