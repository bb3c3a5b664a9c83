//! `uptime`, `dmesg`, `ipvsadm`, `lsmod`, `modprobe`: the machine and its kernel.
//! Source: uptime(1), procps-ng 4.0.2; dmesg(1), util-linux; lsmod(8), modprobe(8), kmod 30.
//! Differs: no load; modules are listed and loaded in name only; the kernel's log holds what the
//! LOG target writes, and in the machine's first namespace only, as without `nf_log_all_netns`.
//! ```transcript
//! host# iptables -A OUTPUT -p icmp -j LOG --log-prefix 'ping: '; ping -c1 127.0.0.1 > f; dmesg | grep -c 'ping: IN='
//! 2
//! ```

use super::getopt::{Found, Getopt, Long, Takes};
use super::{Args, Command, Exit};
use crate::calendar::Date;
use crate::process::ProcessId;
use crate::sys::{Sys, Woke};
use crate::system::System;
use net::netfilter::LogLine;
use std::time::Duration;

pub const UPTIME: Command = Command {
    name: "uptime",
    path: "/usr/bin/uptime",
    man: "uptime(1)",
    run: |sys, args| Box::pin(uptime(sys, args)),
};
pub const DMESG: Command = Command {
    name: "dmesg",
    path: "/usr/bin/dmesg",
    man: "dmesg(1)",
    run: |sys, args| Box::pin(dmesg(sys, args)),
};
pub const IPVSADM: Command = Command {
    name: "ipvsadm",
    path: "/usr/sbin/ipvsadm",
    man: "ipvsadm(8)",
    run: |sys, _| Box::pin(ipvsadm(sys)),
};
pub const LSMOD: Command = Command {
    name: "lsmod",
    path: "/usr/sbin/lsmod",
    man: "lsmod(8)",
    run: |sys, args| Box::pin(lsmod(sys, args)),
};
pub const MODPROBE: Command = Command {
    name: "modprobe",
    path: "/usr/sbin/modprobe",
    man: "modprobe(8)",
    run: |sys, args| Box::pin(modprobe(sys, args)),
};

/// Modules of the simulated kernel: name, size, who uses them.
pub const MODULES: &[(&str, u32, &str)] = &[
    ("br_netfilter", 36_864, ""),
    ("bridge", 409_600, "br_netfilter"),
    ("stp", 12_288, "bridge"),
    ("llc", 16_384, "bridge,stp"),
    ("vxlan", 155_648, ""),
    ("veth", 45_056, ""),
    ("nf_conntrack", 208_896, "nf_nat,xt_MASQUERADE"),
    ("nf_nat", 65_536, "xt_MASQUERADE"),
    ("nf_tables", 393_216, "nft_compat"),
    ("nft_compat", 20_480, ""),
    ("overlay", 217_088, ""),
    ("x_tables", 65_536, "nft_compat,xt_MASQUERADE"),
    ("xt_MASQUERADE", 16_384, ""),
];

/// Built in, so neither listed nor missing.
const BUILT_IN: &[&str] =
    &["dummy", "tun", "ipip", "macvlan", "ipvlan", "8021q", "ip_tables", "iptable_nat", "iptable_filter"];

async fn uptime(sys: Sys, args: Args) -> Exit {
    let now = Date::from_duration(sys.realtime().await);
    let up = sys.now().await.nanos() / 60_000_000_000;
    let (days, hours, minutes) = (up / 1440, up / 60 % 24, up % 60);
    if args.rest().first().is_some_and(|word| word == "-p") {
        let words = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
        let parts: Vec<String> = [(days, "day"), (hours, "hour"), (minutes, "minute")]
            .into_iter()
            .filter(|(count, unit)| *count > 0 || *unit == "minute")
            .map(|(count, unit)| words(count, unit))
            .collect();
        sys.print(format!("up {}\n", parts.join(", "))).await;
        return Exit::OK;
    }
    let mut text = String::new();
    if days > 0 {
        text.push_str(&format!("{days} day{}, ", if days == 1 { "" } else { "s" }));
    }
    match hours {
        0 => text.push_str(&format!("{minutes} min")),
        hours => text.push_str(&format!("{hours:2}:{minutes:02}")),
    }
    let users = sys.ask(|system, id| 1_usize.max(usize::from(system.process(id).tty.is_some()))).await;
    let users = format!("{users:2} user{}", if users == 1 { "" } else { "s" });
    sys.print(format!(" {} up {text}, {users},  load average: 0.00, 0.00, 0.00\n", now.clock())).await;
    Exit::OK
}

/// How often `dmesg -w` looks for new lines.
const FOLLOW: Duration = Duration::from_millis(200);

async fn dmesg(sys: Sys, args: Args) -> Exit {
    const LONG: &[Long] = &[
        ("clear", Takes::Nothing, 'C'),
        ("ctime", Takes::Nothing, 'T'),
        ("follow", Takes::Nothing, 'w'),
        ("follow-new", Takes::Nothing, 'W'),
        ("notime", Takes::Nothing, 't'),
        ("read-clear", Takes::Nothing, 'c'),
    ];
    let mut walk = Getopt::new(args.name(), args.rest(), "CcTtwW", LONG);
    let mut letters = String::new();
    for found in walk.by_ref() {
        match found {
            Found::Option(letter, _) => letters.push(letter),
            Found::Wrong(text) => {
                sys.eprint(format!("{text}Try 'dmesg --help' for more information.\n")).await;
                return Exit::FAILURE;
            }
        }
    }
    if !walk.operands().is_empty() {
        sys.eprint("dmesg: bad usage\nTry 'dmesg --help' for more information.\n").await;
        return Exit::FAILURE;
    }
    if sys.uid().await != 0 {
        sys.eprint("dmesg: read kernel buffer failed: Operation not permitted\n").await;
        return Exit::FAILURE;
    }
    let has = |letter| letters.contains(letter);
    let boot = sys.realtime().await.saturating_sub(sys.now().await.since(sim::Instant::BOOT));
    let stamp = |at: sim::Instant| match (has('t'), has('T')) {
        (true, _) => String::new(),
        (_, true) => {
            let date = Date::from_duration(boot + at.since(sim::Instant::BOOT));
            format!("[{}] ", date.format("%a %b %e %H:%M:%S %Y"))
        }
        _ => format!("[{:5}.{:06}] ", at.nanos() / 1_000_000_000, at.nanos() / 1_000 % 1_000_000),
    };
    let mut shown = if has('W') { Some(sys.now().await) } else { None };
    loop {
        let lines = sys.ask(kernel_log).await;
        let new = lines.iter().filter(|line| shown.is_none_or(|shown| line.at > shown));
        let text: String = new.map(|line| stamp(line.at) + &line.text + "\n").collect();
        shown = lines.last().map(|line| line.at).or(shown);
        if !has('C') && sys.write(1, text.as_bytes()).await.is_err() {
            return Exit::FAILURE;
        }
        if has('C') || has('c') {
            sys.ask(|system, id| {
                let netns = system.host(system.process(id).machine).netns;
                system.net.kernel_log_clear(netns);
            })
            .await;
        }
        if !has('w') && !has('W') || sys.sleep(FOLLOW).await != Woke::Timeout {
            return Exit::OK;
        }
    }
}

fn kernel_log(system: &mut System, id: ProcessId) -> Vec<LogLine> {
    let netns = system.host(system.process(id).machine).netns;
    system.net.kernel_log(netns)
}

/// This kernel has no IPVS, and says what a real one without it says.
async fn ipvsadm(sys: Sys) -> Exit {
    let words = "Can't initialize ipvs: Protocol not available\n\
                 Are you sure that IP Virtual Server is built in the kernel or as module?\n";
    sys.eprint(words).await;
    Exit(2)
}

async fn lsmod(sys: Sys, _: Args) -> Exit {
    let mut text = format!("{:<23} Size  Used by\n", "Module");
    for (name, size, users) in MODULES {
        let count = users.split(',').filter(|it| !it.is_empty()).count();
        let users = if users.is_empty() { String::new() } else { format!(" {users}") };
        text.push_str(&format!("{name:<19} {size:>8}  {count}{users}\n"));
    }
    sys.print(text).await;
    Exit::OK
}

/// `/proc/modules`
pub(super) fn loaded() -> String {
    let row = |(name, size, users): &(&str, u32, &str)| {
        let count = users.split(',').filter(|it| !it.is_empty()).count();
        let users = if users.is_empty() { "-".to_owned() } else { format!("{users},") };
        format!("{name} {size} {count} {users} Live 0x0000000000000000\n")
    };
    MODULES.iter().map(row).collect()
}

async fn modprobe(sys: Sys, args: Args) -> Exit {
    let names: Vec<&String> = args.rest().iter().filter(|word| !word.starts_with('-')).collect();
    if names.is_empty() {
        sys.eprint("modprobe: ERROR: missing parameters. See -h.\n").await;
        return Exit::FAILURE;
    }
    if let Some(option) =
        args.rest().iter().find(|word| word.starts_with('-') && *word != "-a" && *word != "-q")
    {
        sys.eprint(format!("modprobe: {option}: not simulated in vethlab\n")).await;
        return Exit::FAILURE;
    }
    let mut exit = Exit::OK;
    for name in names {
        let known = name.replace('-', "_");
        if !MODULES.iter().any(|(module, ..)| *module == known) && !BUILT_IN.contains(&known.as_str()) {
            let directory = format!("/lib/modules/{}", "6.18.0");
            sys.eprint(format!("modprobe: FATAL: Module {name} not found in directory {directory}\n")).await;
            exit = Exit::FAILURE;
        }
    }
    exit
}
