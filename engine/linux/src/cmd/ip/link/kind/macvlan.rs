//! `type macvlan`: its mode.

use super::{not_simulated, unknown};
use crate::cmd::iproute2::{Printer, Stop, Words, matches};
use net::rtnetlink::MacvlanMode;

const MODES: [(&str, MacvlanMode); 5] = [
    ("private", MacvlanMode::Private),
    ("vepa", MacvlanMode::Vepa),
    ("bridge", MacvlanMode::Bridge),
    ("passthru", MacvlanMode::Passthru),
    ("source", MacvlanMode::Source),
];

pub fn parse(words: &mut Words<'_>) -> Result<Option<MacvlanMode>, Stop> {
    let mut mode = None;
    while let Some(word) = words.next() {
        if matches(word, "mode") {
            let value = words.value()?;
            let found = MODES.iter().find(|(name, _)| *name == value);
            mode = Some(
                found
                    .ok_or_else(|| {
                        Stop::fail(
                            1,
                            format!(
                                "Error: argument of \"mode\" must be \"private\", \"vepa\", \"bridge\", \
                                 \"passthru\" or \"source\", not \"{value}\"\n"
                            ),
                        )
                    })?
                    .1,
            );
        } else if let Some(option) =
            ["flag", "macaddr", "nopromisc", "nodst", "bcqueuelen"].iter().find(|it| matches(word, it))
        {
            return Err(not_simulated(option));
        } else if matches(word, "help") {
            return Err(unknown(String::new(), "macvlan"));
        } else {
            return Err(unknown(format!("macvlan: unknown option \"{word}\"?\n"), "macvlan"));
        }
    }
    Ok(mode)
}

pub fn print(out: &mut Printer, mode: MacvlanMode) {
    let name = MODES.iter().find(|(_, it)| *it == mode).map_or("unknown", |(name, _)| name);
    out.field("mode", name, format_args!("mode {name} "));
    // The length of the queue for broadcasts, as asked for and as shared by all of that lower device.
    out.field("bcqueuelen", 1000u32, "bcqueuelen 1000 ");
    out.field("usedbcqueuelen", 1000u32, "usedbcqueuelen 1000 ");
    if mode == MacvlanMode::Source {
        out.field("macaddr_count", 0i32, "remotes (0) ");
    }
}
