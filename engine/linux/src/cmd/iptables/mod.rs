//! `iptables` and its kin: rules, on the command line. Source: iptables(8), iptables-extensions(8), 1.8.9.
//!
//! Reads names, hands the words to netfilter's own reader of rule text, prints what it says.
//! Always: a name that has to be looked up is looked up before anything is changed.
//! Differs from Linux: no xtables lock to wait for.
//! ```transcript
//! host$ iptables -A INPUT -p tcp --dport 80 -j ACCEPT
//! host$ iptables -S INPUT
//! -P INPUT ACCEPT
//! -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
//! ```

mod restore;
mod save;

pub use restore::*;
pub use save::*;

use super::{Args, Command, Exit};
use crate::process::Program;
use crate::resolver::{self, Hints};
use crate::sys::Sys;
use net::Network;
use net::netfilter::text::{Caller, Names, Output, Query, Tool};
use net::netfilter::{Backend, Family};
use std::collections::BTreeMap;

macro_rules! commands {
    ($($row:ident $name:literal $path:literal $run:expr;)*) => {
        $(pub const $row: Command = Command { name: $name, path: $path, man: "iptables(8)", run: $run };)*
    };
}
pub(crate) use commands;

commands! {
    IPTABLES "iptables" "/usr/sbin/iptables" |sys, args| rules(sys, args, Family::V4, Backend::Nft);
    IPTABLES_NFT "iptables-nft" "/usr/sbin/iptables-nft" |sys, args| rules(sys, args, Family::V4, Backend::Nft);
    IPTABLES_LEGACY "iptables-legacy" "/usr/sbin/iptables-legacy"
        |sys, args| rules(sys, args, Family::V4, Backend::Legacy);
    IP6TABLES "ip6tables" "/usr/sbin/ip6tables" |sys, args| rules(sys, args, Family::V6, Backend::Nft);
    IP6TABLES_NFT "ip6tables-nft" "/usr/sbin/ip6tables-nft" |sys, args| rules(sys, args, Family::V6, Backend::Nft);
    IP6TABLES_LEGACY "ip6tables-legacy" "/usr/sbin/ip6tables-legacy"
        |sys, args| rules(sys, args, Family::V6, Backend::Legacy);
}

/// As its name stands in messages: legacy names itself without the suffix.
fn tool(args: &Args, family: Family, backend: Backend) -> Tool {
    let name = args.name().rsplit('/').next().unwrap_or_default();
    let name = match backend {
        Backend::Legacy => name.replace("-legacy", ""),
        Backend::Nft => name.to_owned(),
    };
    Tool::new(&name, family, backend)
}

fn rules(sys: Sys, args: Args, family: Family, backend: Backend) -> Program {
    let tool = tool(&args, family, backend);
    let words = args.rest().to_vec();
    Box::pin(async move {
        let output = ask(&sys, move |net, ns, caller| net.iptables(ns, &tool, &words, caller)).await;
        finish(&sys, output).await
    })
}

async fn finish(sys: &Sys, output: Output) -> Exit {
    sys.eprint(&output.stderr).await;
    sys.print(&output.stdout).await;
    Exit(output.code)
}

/// Names and numbers of `/etc/passwd` or `/etc/group`.
async fn numbers(sys: &Sys, path: &str) -> BTreeMap<String, u32> {
    let bytes = sys.read_file(path).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
        })
        .collect()
}

/// Asks netfilter, as often as it misses a name.
async fn ask(
    sys: &Sys,
    question: impl Fn(&mut Network, api::NetnsId, &Caller<'_>) -> Output + Clone + 'static,
) -> Output {
    let mut names = Names {
        users: numbers(sys, "/etc/passwd").await,
        groups: numbers(sys, "/etc/group").await,
        ..Names::default()
    };
    let is_root = sys.uid().await == 0;
    let now = sys.realtime().await.as_secs();
    loop {
        let (question, known) = (question.clone(), names.clone());
        let answer = sys.net(move |net, ns| question(net, ns, &Caller { names: &known, is_root, now })).await;
        match &answer.need {
            None => return answer,
            Some(Query::Host(name)) => {
                let found = resolver::getaddrinfo(sys, name, Hints::default()).await.unwrap_or_default();
                let addresses = found.into_iter().map(|it| it.address).collect();
                names.hosts.insert(name.clone(), addresses);
            }
            Some(Query::Address(address)) => {
                let name = resolver::name_of(sys, *address).await;
                names.addresses.insert(*address, name);
            }
        }
    }
}
