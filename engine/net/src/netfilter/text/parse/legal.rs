//! What names, numbers and combinations a command line may hold.
//!
//! Sources: iptables xshared.c (assert_valid_chain_name, parse_rulenumber, commands_v_options), libxtables xtables.c.

use super::MAX_NAME;
use crate::netfilter::rule::Interface;
use crate::netfilter::targets;
use crate::netfilter::text::number;
use crate::netfilter::text::problem::{Problem, bad};

/// `IFNAMSIZ`
const MAX_INTERFACE: usize = 16;

/// Commands, as bits: some go together (`-L -Z`).
pub(crate) mod command {
    pub const INSERT: u32 = 1;
    pub const DELETE: u32 = 1 << 1;
    pub const DELETE_NUMBER: u32 = 1 << 2;
    pub const REPLACE: u32 = 1 << 3;
    pub const APPEND: u32 = 1 << 4;
    pub const LIST: u32 = 1 << 5;
    pub const FLUSH: u32 = 1 << 6;
    pub const ZERO: u32 = 1 << 7;
    pub const NEW_CHAIN: u32 = 1 << 8;
    pub const DELETE_CHAIN: u32 = 1 << 9;
    pub const SET_POLICY: u32 = 1 << 10;
    pub const RENAME_CHAIN: u32 = 1 << 11;
    pub const LIST_RULES: u32 = 1 << 12;
    pub const ZERO_NUMBER: u32 = 1 << 13;
    pub const CHECK: u32 = 1 << 14;
    pub const LETTERS: &[u8; 15] = b"IDDRALFZNXPESZC";
    /// Those that name a rule.
    pub const WITH_RULE: u32 = INSERT | DELETE | REPLACE | APPEND | CHECK;
}

/// Options, as bits in the order of their letters.
pub(crate) mod given {
    pub const NUMERIC: u32 = 1;
    pub const SOURCE: u32 = 1 << 1;
    pub const DESTINATION: u32 = 1 << 2;
    pub const PROTOCOL: u32 = 1 << 3;
    pub const JUMP: u32 = 1 << 4;
    pub const VERBOSE: u32 = 1 << 5;
    pub const EXACT: u32 = 1 << 6;
    pub const INPUT: u32 = 1 << 7;
    pub const OUTPUT: u32 = 1 << 8;
    pub const LINE_NUMBERS: u32 = 1 << 9;
    pub const COUNTERS: u32 = 1 << 10;
    pub const FRAGMENT: u32 = 1 << 11;
    pub const LETTERS: &[u8; 12] = b"nsdpjvxio0cf";
}

pub(super) fn rule_number(text: &str) -> Result<u32, Problem> {
    match number::within(text, 1, i32::MAX as u64) {
        Some(number) => Ok(number as u32),
        None => bad(format!("Invalid rule number `{text}'")),
    }
}

/// `eth0`, `eth+`, with a warning of what no kernel allows.
pub(crate) fn interface(text: &str, invert: bool, warnings: &mut String) -> Result<Interface, Problem> {
    if text.len() + 1 > MAX_INTERFACE {
        return bad(format!("interface name `{text}' must be shorter than IFNAMSIZ ({})", MAX_INTERFACE - 1));
    }
    if text.contains(['/', ' ']) {
        warnings.push_str(&format!(
            "Warning: weird character in interface `{text}' ('/' and ' ' are not allowed by the kernel).\n"
        ));
    }
    Ok(Interface { pattern: text.to_owned(), invert })
}

pub(super) fn target_name(name: &str) -> Result<String, Problem> {
    if name.is_empty() {
        return bad("Invalid target name (too short)");
    }
    if name.len() >= MAX_NAME {
        return bad(format!("Invalid target name `{name}' ({} chars max)", MAX_NAME - 1));
    }
    if name.contains(|c: char| c.is_ascii_whitespace()) {
        return bad(format!("Invalid target name `{name}'"));
    }
    Ok(name.to_owned())
}

/// A name that a new chain may have (`assert_valid_chain_name`).
pub(crate) fn valid_chain_name(name: &str) -> Result<(), Problem> {
    if name.len() >= MAX_NAME {
        return bad(format!("chain name `{name}' too long (must be under {MAX_NAME} chars)"));
    }
    if let Some(first @ ('-' | '!')) = name.chars().next() {
        return bad(format!("chain name not allowed to start with `{first}'"));
    }
    if name.is_empty() || targets::is_known(name) {
        return bad("chain name may not clash with target name");
    }
    if name.contains(|c: char| c.is_ascii_whitespace()) {
        return bad(format!("Invalid chain name `{name}'"));
    }
    Ok(())
}

/// Which options go with which command (`commands_v_options`): a row a command, `x` is illegal.
const LEGAL: [&[u8; 12]; 15] = [
    b"x     x  x  ",
    b"x     x  xx ",
    b"xxxxx xxxxxx",
    b"x     x  x  ",
    b"x     x  x  ",
    b" xxxx  xx xx",
    b"xxxxx xxxxxx",
    b"xxxxx xxxxxx",
    b"xxxxx xxxxxx",
    b"xxxxx xxxxxx",
    b"xxxxx xxxx x",
    b"xxxxx xxxxxx",
    b"xxxxx xxxxxx",
    b"xxxxx xxxxxx",
    b"x     x  xx ",
];

pub(super) fn legal_options(command: u32, options: u32) -> Result<(), Problem> {
    for (at, letter) in given::LETTERS.iter().enumerate().filter(|(at, _)| options & (1 << at) != 0) {
        let mut rows = LEGAL.iter().enumerate().filter(|(row, _)| command & (1 << row) != 0);
        if rows.all(|(_, row)| row[at] == b'x') {
            return bad(format!("Illegal option `-{}' with this command", char::from(*letter)));
        }
    }
    Ok(())
}
