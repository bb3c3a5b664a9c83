//! The commands a learner types, one file each; this is their sorted table.
//!
//! Always: a command reads its arguments, asks the system, prints; nothing else.

/// Rows of the table for programs that share a file: the constant, its name, its page, what it runs.
macro_rules! programs {
    ($($row:ident $name:literal $page:literal $run:ident)*) => {
        $(pub const $row: Command = Command {
            name: $name,
            path: concat!("/usr/bin/", $name),
            man: $page,
            run: |sys, args| Box::pin($run(sys, args)),
        };)*
    };
}
use programs;

mod arping;
mod awk;
pub mod bash;
mod brctl;
mod bridge;
mod cat;
pub mod chmod;
mod chown;
mod column;
mod conntrack;
mod cp;
pub mod curl;
mod cut;
mod date;
mod diff;
pub mod dig;
mod digest;
mod dnsmasq;
pub mod echo;
mod env;
mod ethtool;
mod expr;
mod find;
pub mod getent;
pub mod getopt;
mod grep;
mod head;
mod hostname;
pub mod id;
mod input;
mod ip;
pub mod iproute2;
mod ipset;
mod iptables;
mod lab;
mod lines;
mod ln;
mod long;
mod ls;
mod machine;
mod manual;
mod missing;
mod mkdir;
mod mktemp;
mod nc;
mod netstat;
pub mod nettools;
mod nohup;
mod pager;
mod pgrep;
pub mod ping;
mod printenv;
pub mod printf;
mod ps;
mod python3;
mod realpath;
mod rm;
mod sed;
mod seq;
mod services;
mod small;
mod sort;
mod ss;
mod ssh;
mod stat;
mod sudo;
mod sysctl;
mod tail;
mod tar;
pub mod tcpdump;
mod tee;
pub mod test;
mod tool;
mod touch;
mod tr;
mod tracepath;
pub mod traceroute;
mod uname;
mod uniq;
#[cfg(feature = "cluster")]
mod vi;
mod wc;
mod why;
mod xargs;

pub(crate) use services::Services;

use crate::process::Program;
use crate::sys::Sys;

/// A program by its name.
pub struct Command {
    pub name: &'static str,
    /// Where its file lies: `/usr/sbin/ip`.
    pub path: &'static str,
    /// `ip(8)`
    pub man: &'static str,
    pub run: fn(Sys, Args) -> Program,
}

/// An exit status; 128 + n after signal n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    pub const OK: Exit = Exit(0);
    pub const FAILURE: Exit = Exit(1);
}

/// A command's arguments; the name it was called by comes first.
#[derive(Clone, Debug)]
pub struct Args(Vec<String>);

impl Args {
    pub fn new(words: Vec<String>) -> Args {
        Args(words)
    }

    /// `argv[0]`
    pub fn name(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// What follows the name.
    pub fn rest(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }
}

// A static, so that each program is compiled once: of a const every crate that names it makes its own copy.
/// All commands, sorted by name.
#[rustfmt::skip]
pub static ALL: &[&Command] = &[
    &test::BRACKET,
    &missing::APT,
    &missing::APT_GET,
    &nettools::arp::ARP,
    &arping::ARPING,
    &awk::AWK,
    &digest::BASE64,
    &realpath::BASENAME,
    &bash::BASH,
    &brctl::BRCTL,
    &bridge::BRIDGE,
    &cat::CAT,
    &chown::CHGRP,
    &chmod::CHMOD,
    &chown::CHOWN,
    &uname::CLEAR,
    &diff::CMP,
    &column::COLUMN,
    &lines::COMM,
    &conntrack::CONNTRACK,
    &cp::CP,
    &curl::CURL,
    &cut::CUT,
    &date::DATE,
    &missing::DF,
    &diff::DIFF,
    &dig::DIG,
    &realpath::DIRNAME,
    &machine::DMESG,
    &dnsmasq::DNSMASQ,
    &missing::DOCKER,
    &echo::ECHO,
    &grep::EGREP,
    &env::ENV,
    &ethtool::ETHTOOL,
    &expr::EXPR,
    &small::FALSE,
    &grep::FGREP,
    &find::FIND,
    &lines::FOLD,
    &missing::FREE,
    &getent::GETENT,
    &grep::GREP,
    &id::GROUPS,
    &head::HEAD,
    &dig::HOST,
    &hostname::HOSTNAME,
    &id::ID,
    &nettools::ifconfig::IFCONFIG,
    &ip::IP,
    &iptables::IP6TABLES,
    &iptables::IP6TABLES_LEGACY,
    &iptables::IP6TABLES_LEGACY_RESTORE,
    &iptables::IP6TABLES_LEGACY_SAVE,
    &iptables::IP6TABLES_NFT,
    &iptables::IP6TABLES_RESTORE,
    &iptables::IP6TABLES_SAVE,
    &ipset::IPSET,
    &iptables::IPTABLES,
    &iptables::IPTABLES_LEGACY,
    &iptables::IPTABLES_LEGACY_RESTORE,
    &iptables::IPTABLES_LEGACY_SAVE,
    &iptables::IPTABLES_NFT,
    &iptables::IPTABLES_NFT_RESTORE,
    &iptables::IPTABLES_NFT_SAVE,
    &iptables::IPTABLES_RESTORE,
    &iptables::IPTABLES_SAVE,
    &machine::IPVSADM,
    &missing::JOURNALCTL,
    &missing::JQ,
    &pgrep::KILL,
    &pgrep::KILLALL,
    &lab::LAB,
    &pager::LESS,
    &ln::LN,
    &ls::LS,
    &machine::LSMOD,
    &uname::MAN,
    &digest::MD5SUM,
    &mkdir::MKDIR,
    &mktemp::MKTEMP,
    &machine::MODPROBE,
    &pager::MORE,
    &missing::MOUNT,
    &cp::MV,
    &missing::NANO,
    &nc::NC,
    &nc::NETCAT,
    &netstat::NETSTAT,
    &missing::NFT,
    &small::NL,
    &nohup::NOHUP,
    &printenv::NPROC,
    &dig::NSLOOKUP,
    &lines::PASTE,
    &pgrep::PGREP,
    &pgrep::PIDOF,
    &ping::PING,
    &ping::PING4,
    &ping::PING6,
    &pgrep::PKILL,
    &printenv::PRINTENV,
    &printf::PRINTF,
    &ps::PS,
    &python3::PYTHON3,
    &realpath::READLINK,
    &realpath::REALPATH,
    &small::REV,
    &rm::RM,
    &rm::RMDIR,
    &nettools::route::ROUTE,
    &sed::SED,
    &seq::SEQ,
    &missing::SERVICE,
    &sudo::SETPRIV,
    &bash::SH,
    &digest::SHA1SUM,
    &digest::SHA256SUM,
    &digest::SHA512SUM,
    &lines::SHUF,
    &small::SLEEP,
    &sort::SORT,
    &ss::SS,
    &ssh::SSH,
    &stat::STAT,
    &sudo::SU,
    &sudo::SUDO,
    &sysctl::SYSCTL,
    &missing::SYSTEMCTL,
    &cat::TAC,
    &tail::TAIL,
    &tar::TAR,
    &tcpdump::TCPDUMP,
    &tee::TEE,
    &test::TEST,
    &env::TIMEOUT,
    &touch::TOUCH,
    &tr::TR,
    &tracepath::TRACEPATH,
    &traceroute::TRACEROUTE,
    &small::TRUE,
    &missing::UMOUNT,
    &uname::UNAME,
    &uniq::UNIQ,
    &machine::UPTIME,
    #[cfg(not(feature = "cluster"))]
    &missing::VI,
    #[cfg(feature = "cluster")]
    &vi::VI,
    #[cfg(not(feature = "cluster"))]
    &missing::VIM,
    #[cfg(feature = "cluster")]
    &vi::VIM,
    &env::WATCH,
    &wc::WC,
    &uname::WHICH,
    &id::WHOAMI,
    &why::WHY,
    &xargs::XARGS,
    &small::YES,
];

/// What `man NAME` and `help NAME` show: the head of the command's own file.
pub fn manual(name: &str) -> Option<String> {
    ALL.iter().find(|command| command.name == name).and_then(|command| manual::text(command))
}

/// `/proc/modules`
pub(crate) fn loaded_modules() -> String {
    machine::loaded()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_command_once() {
        let names: Vec<_> = ALL.iter().map(|command| command.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}
