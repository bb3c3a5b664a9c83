//! `iptables --help`.
//!
//! Differs from Linux: the help of extensions is left out; man iptables-extensions(8) has it.
//! Sources: iptables 1.8.9 xshared.c.

use super::Tool;
use crate::netfilter::rule::Family;

pub(super) fn usage(tool: &Tool) -> String {
    let (v4, v6) = match tool.family {
        Family::V4 => ("Nothing", "Error"),
        Family::V6 => ("Error", "Nothing"),
    };
    let fragment = match tool.family {
        Family::V4 => "[!] --fragment\t-f\t\tmatch second or further fragments only\n",
        Family::V6 => "",
    };
    include_str!("usage.txt")
        .replace("{name}", &tool.name)
        .replace("{version}", &tool.version())
        .replace("{v4}", v4)
        .replace("{v6}", v6)
        .replace("{fragment}", fragment)
}
