//! `-j NETMAP`: maps a whole network onto another, host by host.
//!
//! Sources: linux xt_NETMAP.c; libipt_NETMAP.c for the words.

use super::nat::{is_source_hook, translate};
use super::{Action, Outcome, Place, Target};
use crate::netfilter::Hook;
use crate::netfilter::context::Context;
use crate::netfilter::matches::Style;
use crate::netfilter::nat::Range;
use crate::netfilter::rule::{Family, Masked, and};
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::Problem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netmap {
    pub to: Masked,
}

const OPTIONS: &[Opt] = &[opt("to", 0, Takes::HostMask).mandatory()];

pub(super) const EXTENSIONS: &[Extension<Target>] = &[Extension {
    name: "NETMAP",
    family: None,
    options: OPTIONS,
    start: |family: Family| Box::new(Netmap { to: Masked::host(family.any()) }),
}];

impl Draft<Target> for Netmap {
    fn set(&mut self, _: u8, value: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        if let Value::Masked(masked) = value {
            self.to = Masked { address: and(masked.address, masked.mask), mask: masked.mask };
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Netmap(*self)
    }
}

impl Netmap {
    /// Network bits of the target, host bits of the address.
    fn mapped(&self, address: IpAddr) -> IpAddr {
        match (address, self.to.address, self.to.mask) {
            (IpAddr::V4(from), IpAddr::V4(to), IpAddr::V4(mask)) => {
                Ipv4Addr::from(u32::from(to) | (u32::from(from) & !u32::from(mask))).into()
            }
            (IpAddr::V6(from), IpAddr::V6(to), IpAddr::V6(mask)) => {
                Ipv6Addr::from(u128::from(to) | (u128::from(from) & !u128::from(mask))).into()
            }
            _ => address,
        }
    }

    fn text(&self) -> String {
        self.to.to_string()
    }
}

impl Action for Netmap {
    fn name(&self) -> &'static str {
        "NETMAP"
    }

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn save(&self, out: &mut String) {
        put!(out, " --to {}", self.text());
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        put!(out, " to:{}", self.text());
    }

    fn place(&self) -> Place {
        let hooks: &[Hook] = &[Hook::Prerouting, Hook::Output, Hook::Input, Hook::Postrouting];
        Place { table: Some("nat"), hooks: Some(hooks) }
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        let source = is_source_hook(at.hook());
        let address = if source { at.header.source } else { at.header.destination };
        translate(at, &Range::address(self.mapped(address)))
    }
}
