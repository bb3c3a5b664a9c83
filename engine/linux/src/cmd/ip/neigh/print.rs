//! The rows of `ip neigh`.

use crate::cmd::ip::address::print::color;
use crate::cmd::iproute2::json::Value;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Options, Snapshot};
use crate::cmd::iproute2::{Color, Names, Printer, lladdr, prefix};
use net::rtnetlink::{Neighbour, ntf, nud};

/// States in the order in which they are shown.
const STATES: [(u16, &str); 8] = [
    (nud::INCOMPLETE, "INCOMPLETE"),
    (nud::REACHABLE, "REACHABLE"),
    (nud::STALE, "STALE"),
    (nud::DELAY, "DELAY"),
    (nud::PROBE, "PROBE"),
    (nud::FAILED, "FAILED"),
    (nud::NOARP, "NOARP"),
    (nud::PERMANENT, "PERMANENT"),
];

/// What neighbours are printed with.
pub struct Row<'a> {
    pub options: &'a Options,
    pub names: &'a Names,
    pub snapshot: &'a Snapshot,
    pub device_asked: bool,
    pub deleted: bool,
}

impl Row<'_> {
    pub fn neighbour(&self, out: &mut Printer, entry: &Neighbour) {
        out.open_object(None);
        if self.deleted {
            out.field("deleted", true, "Deleted ");
        }
        let destination = prefix::text(entry.destination);
        let device = Some(self.snapshot.name(entry.index)).filter(|_| !self.device_asked && entry.index != 0);
        let mac = entry.mac.map(|mac| lladdr::text(&mac.0));
        let brief = self.options.brief;
        let text = if brief { format!("{destination:<39} ") } else { format!("{destination} ") };
        out.field_in(color(entry.destination), "dst", &destination, text);
        if let Some(name) = device {
            out.text(if brief { "" } else { "dev " });
            let text = if brief { format!("{name:<16} ") } else { format!("{name} ") };
            out.field_in(Some(Color::Ifname), "dev", &name, text);
        }
        if let Some(mac) = &mac {
            out.text(if brief { "" } else { "lladdr " });
            let text = if brief { mac.clone() } else { format!("{mac} ") };
            out.field_in(Some(Color::Mac), "lladdr", mac, text);
        }
        if !brief {
            self.rest(out, entry);
        }
        out.text("\n");
        out.close_object();
    }

    fn rest(&self, out: &mut Printer, entry: &Neighbour) {
        for (bit, name) in [
            (ntf::ROUTER, "router"),
            (ntf::PROXY, "proxy"),
            (ntf::EXT_LEARNED, "extern_learn"),
            (ntf::OFFLOADED, "offload"),
        ] {
            if entry.flags & bit != 0 {
                out.field(name, Value::Null, format_args!("{name} "));
            }
        }
        if self.options.stats > 0 && entry.flags & ntf::PROXY == 0 {
            if entry.references != 0 {
                out.field("refcnt", entry.references, format_args!(" ref {}", entry.references));
            }
            out.field("used", entry.used, format_args!(" used {}", entry.used));
            out.field("confirmed", entry.confirmed, format_args!("/{}", entry.confirmed));
            out.field("updated", entry.updated, format_args!("/{}", entry.updated));
            out.field("probes", entry.probes, format_args!("probes {} ", entry.probes));
        }
        if entry.state != nud::NONE {
            out.open_array("state");
            for (bit, name) in STATES {
                if entry.state & bit != 0 {
                    out.item(name, format_args!("{name} "));
                }
            }
            out.close_array();
        }
        if entry.protocol != 0 {
            let name = self.names.text(List::Protocol, u32::from(entry.protocol));
            out.field("protocol", &name, format_args!("proto {name} "));
        }
    }
}
