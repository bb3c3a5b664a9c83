//! `-m owner`: the user or group of the program that sent the packet.
//!
//! Sources: linux xt_owner.c; libxt_owner.c for the words.

use super::{Match, Matcher, Style, not};
use crate::netfilter::context::Context;
use crate::netfilter::text::number;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};
use std::cell::Cell;
use std::collections::BTreeMap;

/// First, last, inverted.
type Ids = (u32, u32, bool);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub user: Option<Ids>,
    pub group: Option<Ids>,
    /// `--socket-exists`, with whether it is inverted.
    pub socket: Option<bool>,
    pub supplementary: bool,
}

const OPTIONS: &[Opt] = &[
    opt("uid-owner", 0, Takes::Text(0, 0)).invertible(),
    opt("gid-owner", 1, Takes::Text(0, 0)).invertible(),
    opt("socket-exists", 2, Takes::Nothing).invertible(),
    opt("suppl-groups", 3, Takes::Nothing),
];

pub(super) const EXTENSIONS: &[Extension<Match>] =
    &[Extension { name: "owner", family: None, options: OPTIONS, start: |_| Box::new(Owner::default()) }];

/// A name, a number, or `A-B`.
fn read(given: &Given<'_>, names: &BTreeMap<String, u32>, option: &str) -> Result<Ids, Problem> {
    const MAX: u64 = u32::MAX as u64 - 1;
    let text = given.text;
    if let Some(id) = names.get(text) {
        return Ok((*id, *id, given.invert));
    }
    let wrong = |part: &str| bad(format!("owner: Bad value for \"--{option}\" option: \"{part}\""));
    let Some((first, rest)) = number::prefix_within(text, 0, MAX) else { return wrong(text) };
    match rest.strip_prefix(['-', ':']) {
        Some(last) => match number::prefix_within(last, 0, MAX) {
            Some((last, "")) => Ok((first as u32, last as u32, given.invert)),
            _ => wrong(text),
        },
        None if rest.is_empty() => Ok((first as u32, first as u32, given.invert)),
        None => wrong(text),
    }
}

impl Draft<Match> for Owner {
    fn set(&mut self, id: u8, _: &Value, given: &mut Given<'_>) -> Result<(), Problem> {
        match id {
            0 => self.user = Some(read(given, &given.names.users, "uid-owner")?),
            1 => self.group = Some(read(given, &given.names.groups, "gid-owner")?),
            2 => self.socket = Some(given.invert),
            _ if self.group.is_none() => {
                return bad(
                    "owner: Bad value for \"--suppl-groups\" option: \"you need to use --gid-owner first\"",
                );
            }
            _ => self.supplementary = true,
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen {
            0 => bad("owner: At least one of --uid-owner, --gid-owner or --socket-exists is required"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Match {
        Match::Owner(*self)
    }
}

impl Owner {
    fn dump(&self, out: &mut String, words: [&str; 4], name: impl Fn(bool, u32) -> Option<String>) {
        if let Some(invert) = self.socket {
            put!(out, "{} {}", not(invert), words[0]);
        }
        for (is_user, ids) in [(true, self.user), (false, self.group)] {
            let Some((first, last, invert)) = ids else { continue };
            put!(out, "{} {}", not(invert), words[if is_user { 1 } else { 2 }]);
            match name(is_user, first) {
                _ if first != last => put!(out, " {first}-{last}"),
                Some(name) => put!(out, " {name}"),
                None => put!(out, " {first}"),
            }
        }
        if self.supplementary {
            put!(out, " {}", words[3]);
        }
    }
}

impl Matcher for Owner {
    fn name(&self) -> &'static str {
        "owner"
    }

    fn save(&self, out: &mut String) {
        self.dump(out, ["--socket-exists", "--uid-owner", "--gid-owner", "--suppl-groups"], |_, _| None);
    }

    fn print(&self, out: &mut String, style: &Style<'_>) {
        let words = ["owner socket exists", "owner UID match", "owner GID match", "incl. suppl. groups"];
        self.dump(out, words, |is_user, id| match is_user {
            _ if style.numeric => None,
            true => style.names.user_name(id).map(str::to_owned),
            false => style.names.group_name(id).map(str::to_owned),
        });
    }

    fn matches(&self, at: &mut Context<'_>, _: &[Cell<u64>]) -> bool {
        let Some((user, group)) = at.owner() else {
            // What no socket sent matches only where all is inverted.
            return self.user.is_none_or(|(_, _, invert)| invert)
                && self.group.is_none_or(|(_, _, invert)| invert)
                && self.socket.is_none_or(|invert| invert);
        };
        self.socket.is_none_or(|invert| !invert)
            && self.user.is_none_or(|(first, last, invert)| (first..=last).contains(&user) != invert)
            && self.group.is_none_or(|(first, last, invert)| (first..=last).contains(&group) != invert)
    }
}
