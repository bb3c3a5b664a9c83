//! `iptables-restore`: loads rules from text, table by table. Source: iptables-restore(8), 1.8.9.
//!
//! Differs from Linux: `--modprobe` is read and does nothing.

use super::{ask, commands, finish, tool};
use crate::cmd::getopt::{Found, Getopt, Long, Takes};
use crate::cmd::{Args, Command, Exit};
use crate::process::Program;
use crate::sys::Sys;
use net::netfilter::text::RestoreOptions;
use net::netfilter::{Backend, Family};

commands! {
    IPTABLES_RESTORE "iptables-restore" "/usr/sbin/iptables-restore"
        |sys, args| restore(sys, args, Family::V4, Backend::Nft);
    IPTABLES_NFT_RESTORE "iptables-nft-restore" "/usr/sbin/iptables-nft-restore"
        |sys, args| restore(sys, args, Family::V4, Backend::Nft);
    IPTABLES_LEGACY_RESTORE "iptables-legacy-restore" "/usr/sbin/iptables-legacy-restore"
        |sys, args| restore(sys, args, Family::V4, Backend::Legacy);
    IP6TABLES_RESTORE "ip6tables-restore" "/usr/sbin/ip6tables-restore"
        |sys, args| restore(sys, args, Family::V6, Backend::Nft);
    IP6TABLES_LEGACY_RESTORE "ip6tables-legacy-restore" "/usr/sbin/ip6tables-legacy-restore"
        |sys, args| restore(sys, args, Family::V6, Backend::Legacy);
}

const LONG: &[Long] = &[
    ("counters", Takes::Nothing, 'c'),
    ("verbose", Takes::Nothing, 'v'),
    ("version", Takes::Nothing, 'V'),
    ("test", Takes::Nothing, 't'),
    ("help", Takes::Nothing, 'h'),
    ("noflush", Takes::Nothing, 'n'),
    ("modprobe", Takes::Value, 'M'),
    ("table", Takes::Value, 'T'),
    ("ipv4", Takes::Nothing, '4'),
    ("ipv6", Takes::Nothing, '6'),
    ("wait", Takes::MayValue, 'w'),
    ("wait-interval", Takes::MayValue, 'W'),
];

fn usage(name: &str) -> String {
    format!(
        "Usage: {name} [-c] [-v] [-V] [-t] [-h] [-n] [-T table] [-M command] [-4] [-6] [file]\n\
         \t   [ --counters ]\n\t   [ --verbose ]\n\t   [ --version]\n\t   [ --test ]\n\t   [ --help ]\n\
         \t   [ --noflush ]\n\t   [ --table=<TABLE> ]\n\t   [ --modprobe=<command> ]\n\t   [ --ipv4 ]\n\
         \t   [ --ipv6 ]\n"
    )
}

/// `-w` may be followed by seconds that stand apart.
fn without_wait(words: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut after_wait = false;
    for word in words {
        let is_seconds = after_wait && !word.starts_with(['-', '!']);
        after_wait = matches!(word.as_str(), "-w" | "-W" | "--wait" | "--wait-interval");
        if !is_seconds {
            kept.push(word.clone());
        }
    }
    kept
}

fn restore(sys: Sys, args: Args, family: Family, backend: Backend) -> Program {
    Box::pin(async move {
        let tool = tool(&args, family, backend);
        let mut options = RestoreOptions::default();
        let mut found = Getopt::new(args.name(), &without_wait(args.rest()), "bcvVthnM:T:wW", LONG);
        for option in found.by_ref() {
            match option {
                Found::Option('b', _) => sys.eprint("-b/--binary option is not implemented\n").await,
                Found::Option('c', _) => options.counters = true,
                Found::Option('v', _) => options.verbose += 1,
                Found::Option('t', _) => options.test = true,
                Found::Option('n', _) => options.no_flush = true,
                Found::Option('T', table) => options.table = table,
                Found::Option('V', _) => {
                    let version = if backend == Backend::Nft { "nf_tables" } else { "legacy" };
                    sys.print(format!("{} v1.8.9 ({version})\n", tool.name)).await;
                    return Exit::OK;
                }
                Found::Option('h', _) => {
                    sys.eprint(usage(&tool.name)).await;
                    return Exit::OK;
                }
                Found::Option('4' | '6', _) => {
                    sys.eprint(format!("Try `{} -h' for more information.\n", tool.name)).await;
                    return Exit::FAILURE;
                }
                Found::Option(..) => {}
                Found::Wrong(words) => {
                    sys.eprint(words).await;
                    sys.eprint(format!("Try `{} -h' for more information.\n", tool.name)).await;
                    return Exit::FAILURE;
                }
            }
        }
        let read = match found.operands().as_slice() {
            [] => sys.read_all(0).await,
            [path] => match sys.read_file(path).await {
                Ok(bytes) => Ok(bytes),
                Err(errno) => {
                    sys.eprint(format!("Can't open {path}: {errno}\n")).await;
                    return Exit::FAILURE;
                }
            },
            _ => {
                sys.eprint("Unknown arguments found on commandline\n").await;
                return Exit::FAILURE;
            }
        };
        let text = String::from_utf8_lossy(&read.unwrap_or_default()).into_owned();
        let output =
            ask(&sys, move |net, ns, caller| net.iptables_restore(ns, &tool, &options, &text, caller)).await;
        finish(&sys, output).await
    })
}
