//! One address as `ip address` shows it.

use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Options, Snapshot};
use crate::cmd::iproute2::{Color, Names, Printer, prefix};
use net::rtnetlink::{Address, FOREVER, address_flags as flag};
use std::net::IpAddr;

/// A flag by its keyword. `temporary` is the same bit as `secondary`, spelt so for IPv6.
pub struct Flag {
    pub name: &'static str,
    pub bit: u32,
    /// The kernel sets it; `ip` cannot.
    pub read_only: bool,
    pub ipv6_only: bool,
}

const fn of(name: &'static str, bit: u32, read_only: bool, ipv6_only: bool) -> Flag {
    Flag { name, bit, read_only, ipv6_only }
}

/// In the order in which they are shown.
pub const FLAGS: &[Flag] = &[
    of("secondary", flag::SECONDARY, true, false),
    of("temporary", flag::SECONDARY, true, false),
    of("nodad", flag::NODAD, false, true),
    of("optimistic", flag::OPTIMISTIC, false, true),
    of("dadfailed", flag::DADFAILED, true, true),
    of("home", flag::HOMEADDRESS, false, true),
    of("deprecated", flag::DEPRECATED, true, true),
    of("tentative", flag::TENTATIVE, true, true),
    of("permanent", flag::PERMANENT, true, true),
    of("mngtmpaddr", flag::MANAGETEMPADDR, false, true),
    of("noprefixroute", flag::NOPREFIXROUTE, false, false),
    of("autojoin", flag::MCAUTOJOIN, false, false),
    of("stable-privacy", flag::STABLE_PRIVACY, true, true),
];

pub fn color(address: IpAddr) -> Option<Color> {
    Some(if address.is_ipv4() { Color::Inet } else { Color::Inet6 })
}

/// What a row of addresses is printed with.
pub struct Row<'a> {
    pub options: &'a Options,
    pub names: &'a Names,
    pub snapshot: &'a Snapshot,
    /// The device stands in front: `-oneline`, flushes, `ip monitor`.
    pub with_device: bool,
    pub deleted: bool,
}

impl Row<'_> {
    pub fn print(&self, out: &mut Printer, address: &Address) {
        if self.deleted {
            out.field("deleted", true, "Deleted ");
        }
        if !self.options.brief {
            self.head(out, address);
        }
        let local = prefix::text(address.local);
        out.field_in(color(address.local), "local", &local, &local);
        if address.peer != address.local {
            let peer = prefix::text(address.peer);
            out.text(" peer ");
            out.field_in(color(address.peer), "address", &peer, &peer);
        }
        out.field("prefixlen", address.prefix, format_args!("/{} ", address.prefix));
        if let Some(metric) = address.metric {
            out.field("metric", metric, format_args!("metric {metric} "));
        }
        if self.options.brief {
            return;
        }
        if let Some(broadcast) = address.broadcast {
            let text = broadcast.to_string();
            out.text("brd ");
            out.field_in(Some(Color::Inet), "broadcast", &text, format_args!("{text} "));
        }
        let scope = self.names.text(List::Scope, u32::from(address.scope));
        out.field("scope", &scope, format_args!("scope {scope} "));
        flags(out, address);
        if let Some(label) = &address.label {
            out.field("label", label, label);
        }
        lifetimes(out, address);
        out.text("\n");
    }

    fn head(&self, out: &mut Printer, address: &Address) {
        if self.with_device {
            let name = self.snapshot.name(address.index);
            out.json("index", address.index);
            out.json("dev", &name);
            out.text(format_args!("{}: {name}", address.index));
        }
        let family = if address.local.is_ipv4() { "inet" } else { "inet6" };
        out.field("family", family, format_args!("    {family} "));
    }
}

fn flags(out: &mut Printer, address: &Address) {
    let mut left = address.flags;
    for flag in FLAGS {
        if flag.bit == flag::PERMANENT {
            if left & flag.bit == 0 {
                out.field("dynamic", true, "dynamic ");
            }
        } else if left & flag.bit != 0 {
            let name = match flag.bit {
                flag::SECONDARY if address.local.is_ipv6() => "temporary",
                _ => flag.name,
            };
            out.field(name, true, format_args!("{name} "));
        }
        left &= !flag.bit;
    }
    if left != 0 {
        let text = format!("{left:02x}");
        out.field("ifa_flags", &text, format_args!("flags {text} "));
    }
}

fn lifetimes(out: &mut Printer, address: &Address) {
    let told = |seconds: u32| match seconds {
        FOREVER => "forever".to_owned(),
        seconds => format!("{seconds}sec"),
    };
    out.line();
    out.field("valid_life_time", address.valid, format_args!("       valid_lft {}", told(address.valid)));
    let preferred = format!(" preferred_lft {}", told(address.preferred));
    out.field("preferred_life_time", address.preferred, preferred);
}
