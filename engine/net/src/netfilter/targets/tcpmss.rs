//! `-j TCPMSS`: changes the MSS that a SYN announces.
//!
//! Sources: linux xt_TCPMSS.c; libxt_TCPMSS.c for the words.

use super::{Action, Outcome, Place, Target};
use crate::netfilter::Hook;
use crate::netfilter::checksum;
use crate::netfilter::context::Context;
use crate::netfilter::header::{RST, SYN, TCP};
use crate::netfilter::matches::Style;
use crate::netfilter::rule::Family;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcpmss {
    /// `None` clamps to the path MTU.
    pub mss: Option<u16>,
}

const OPTIONS: &[Opt] =
    &[opt("set-mss", 0, Takes::Integer(16, 0, 65515)), opt("clamp-mss-to-pmtu", 1, Takes::Nothing)];

pub(super) const EXTENSIONS: &[Extension<Target>] =
    &[Extension { name: "TCPMSS", family: None, options: OPTIONS, start: |_| Box::new(Tcpmss::default()) }];

impl Draft<Target> for Tcpmss {
    fn set(&mut self, id: u8, value: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        self.mss = (id == 0).then_some(value.number() as u16);
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        if seen == 0 { bad("TCPMSS target: At least one parameter is required") } else { Ok(()) }
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Tcpmss(*self)
    }
}

impl Tcpmss {
    /// What the announcement may be at most; `None` where the way is not known.
    fn wanted(&self, at: &Context<'_>) -> Option<u16> {
        if let Some(mss) = self.mss {
            return Some(mss);
        }
        let header: u32 = if Family::of(at.header.source) == Family::V4 { 40 } else { 60 };
        let back = at.surroundings.path_mtu(at.netns(), at.header.source);
        let out = at.state.output.map(|device| at.surroundings.device_mtu(device));
        let there = at.surroundings.path_mtu(at.netns(), at.header.destination).or(out);
        let mtu = there?.min(back.unwrap_or(u32::MAX));
        u16::try_from(mtu.checked_sub(header)?).ok()
    }

    /// Where the announced MSS stands in the packet, and what it is.
    fn announced(at: &Context<'_>) -> Option<(usize, u16)> {
        let bytes = at.packet.data();
        let tcp = at.header.tcp(bytes)?;
        let upper = at.header.upper(bytes);
        let mut place = 20;
        while place + 4 <= tcp.header_length().min(upper.len()) {
            match upper[place..] {
                [2, 4, high, low, ..] => {
                    return Some((at.header.transport + place + 2, u16::from_be_bytes([high, low])));
                }
                [0, ..] => return None,
                [1, ..] => place += 1,
                [_, length, ..] if length >= 2 => place += usize::from(length),
                _ => return None,
            }
        }
        None
    }
}

impl Action for Tcpmss {
    fn name(&self) -> &'static str {
        "TCPMSS"
    }

    fn save(&self, out: &mut String) {
        match self.mss {
            Some(mss) => put!(out, " --set-mss {mss}"),
            None => out.push_str(" --clamp-mss-to-pmtu"),
        }
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        match self.mss {
            Some(mss) => put!(out, " TCPMSS set {mss}"),
            None => out.push_str(" TCPMSS clamp to PMTU"),
        }
    }

    fn place(&self) -> Place {
        let hooks: &[Hook] = &[Hook::Forward, Hook::Output, Hook::Postrouting];
        Place { table: None, hooks: self.mss.is_none().then_some(hooks) }
    }

    fn fits_protocol(&self, protocol: u8, invert: bool) -> bool {
        protocol == TCP && !invert
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        let opens = at.header.tcp(at.packet.data()).is_some_and(|tcp| tcp.has(SYN) && !tcp.has(RST));
        let (true, Some(wanted)) = (opens, self.wanted(at)) else { return Outcome::Continue };
        let Some((place, announced)) = Tcpmss::announced(at) else { return Outcome::Continue };
        // It is never raised.
        if announced > wanted {
            let checksum_at = at.header.transport + 16;
            let bytes = at.packet.data_mut();
            bytes[place..place + 2].copy_from_slice(&wanted.to_be_bytes());
            mend(bytes, checksum_at, place, announced, wanted, at.header.transport);
        }
        Outcome::Continue
    }
}

/// The checksum goes by words of the segment; a value on an odd place is summed with its bytes swapped.
fn mend(bytes: &mut [u8], checksum_at: usize, place: usize, old: u16, new: u16, start: usize) {
    let swap = |value: u16| if (place - start) % 2 == 1 { value.swap_bytes() } else { value };
    checksum::mend(bytes, checksum_at, &swap(old).to_be_bytes(), &swap(new).to_be_bytes());
}
