//! `iptables-save`: all rules as text that `iptables-restore` reads. Source: iptables-save(8), 1.8.9.
//!
//! Differs from Linux: `--modprobe` is read and does nothing.

use super::{ask, commands, finish, tool};
use crate::cmd::getopt::{Found, Getopt, Long, Takes};
use crate::cmd::{Args, Command, Exit};
use crate::process::Program;
use crate::sys::Sys;
use net::netfilter::text::SaveOptions;
use net::netfilter::{Backend, Family};

commands! {
    IPTABLES_SAVE "iptables-save" "/usr/sbin/iptables-save" |sys, args| save(sys, args, Family::V4, Backend::Nft);
    IPTABLES_NFT_SAVE "iptables-nft-save" "/usr/sbin/iptables-nft-save"
        |sys, args| save(sys, args, Family::V4, Backend::Nft);
    IPTABLES_LEGACY_SAVE "iptables-legacy-save" "/usr/sbin/iptables-legacy-save"
        |sys, args| save(sys, args, Family::V4, Backend::Legacy);
    IP6TABLES_SAVE "ip6tables-save" "/usr/sbin/ip6tables-save" |sys, args| save(sys, args, Family::V6, Backend::Nft);
    IP6TABLES_LEGACY_SAVE "ip6tables-legacy-save" "/usr/sbin/ip6tables-legacy-save"
        |sys, args| save(sys, args, Family::V6, Backend::Legacy);
}

const LONG: &[Long] = &[
    ("counters", Takes::Nothing, 'c'),
    ("version", Takes::Nothing, 'V'),
    ("dump", Takes::Nothing, 'd'),
    ("table", Takes::Value, 't'),
    ("modprobe", Takes::Value, 'M'),
    ("file", Takes::Value, 'f'),
];

fn save(sys: Sys, args: Args, family: Family, backend: Backend) -> Program {
    Box::pin(async move {
        let tool = tool(&args, family, backend);
        let mut options = SaveOptions::default();
        let mut file = None;
        let mut found = Getopt::new(args.name(), args.rest(), "bcdt:M:f:V", LONG);
        for option in found.by_ref() {
            match option {
                Found::Option('b', _) => sys.eprint("-b/--binary option is not implemented\n").await,
                Found::Option('c', _) => options.counters = true,
                Found::Option('t', table) => options.table = table,
                Found::Option('f', path) => file = path,
                Found::Option('V', _) => {
                    let version = if backend == Backend::Nft { "nf_tables" } else { "legacy" };
                    sys.print(format!("{} v1.8.9 ({version})\n", tool.name)).await;
                    return Exit::OK;
                }
                Found::Option(..) => {}
                Found::Wrong(words) => {
                    sys.eprint(words).await;
                    let name = &tool.name;
                    sys.eprint(format!("Look at manual page `{name}.8' for more information.\n")).await;
                    return Exit::FAILURE;
                }
            }
        }
        if !found.operands().is_empty() {
            sys.eprint("Unknown arguments found on commandline\n").await;
            return Exit::FAILURE;
        }
        let mut output =
            ask(&sys, move |net, ns, caller| net.iptables_save(ns, &tool, &options, caller)).await;
        if let Some(path) = file {
            if let Err(errno) = sys.write_file(&path, output.stdout.as_bytes()).await {
                sys.eprint(format!("Failed to open file, error: {errno}\n")).await;
                return Exit::FAILURE;
            }
            output.stdout.clear();
        }
        finish(&sys, output).await
    })
}
