//! One link as `ip link` and `ip address` show it, long and brief.

use super::kind;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Options, Snapshot};
use crate::cmd::iproute2::{Color, Family, Names, Printer, lladdr, prefix};
use net::device::flags;
use net::rtnetlink::{AddressMode, Link, LinkAddress, LinkInfo, LinkType, OperState};

/// The names of flags, in the order in which they are shown.
const FLAGS: &[(u32, &str)] = &[
    (0x8, "LOOPBACK"),
    (0x2, "BROADCAST"),
    (0x10, "POINTOPOINT"),
    (0x1000, "MULTICAST"),
    (0x80, "NOARP"),
    (0x200, "ALLMULTI"),
    (0x100, "PROMISC"),
    (0x400, "MASTER"),
    (0x800, "SLAVE"),
    (0x4, "DEBUG"),
    (0x8000, "DYNAMIC"),
    (0x4000, "AUTOMEDIA"),
    (0x2000, "PORTSEL"),
    (0x20, "NOTRAILERS"),
    (0x1, "UP"),
    (0x1_0000, "LOWER_UP"),
    (0x2_0000, "DORMANT"),
    (0x4_0000, "ECHO"),
];

/// What a listing of links is made with.
#[derive(Clone, Copy)]
pub struct Listing<'a> {
    pub options: &'a Options,
    pub names: &'a Names,
    pub snapshot: &'a Snapshot,
    /// `ip link`, not `ip address`.
    pub links_only: bool,
    /// The family whose dump this row is of: a dump of inet6 says less of a link.
    pub family: Family,
    /// The queue length is shown.
    pub queue: bool,
}

impl Listing<'_> {
    /// The kernel's inet6 dump has no queueing discipline, master, group or link information.
    /// `one_device`: asked for by index, which is always answered in full.
    pub fn is_inet6_dump(&self, one_device: bool) -> bool {
        self.family == Family::Inet6 && !one_device
    }

    /// One link with all its lines; the last one is ended.
    pub fn link(&self, out: &mut Printer, link: &Link, inet6_dump: bool) {
        out.field("ifindex", link.index, format_args!("{}: ", link.index));
        let lower_down = self.name_and_link(out, link, inet6_dump, |name| format!("{name}: "));
        flags_of(out, link.flags, lower_down);
        out.field("mtu", link.mtu, format_args!("mtu {} ", link.mtu));
        if !inet6_dump {
            out.field("qdisc", link.qdisc, format_args!("qdisc {} ", link.qdisc));
            if let Some(master) = link.master {
                let name = self.snapshot.name(master);
                out.field("master", &name, format_args!("master {name} "));
            }
        }
        self.operstate(out, link.operstate);
        if self.links_only {
            out.field("linkmode", "DEFAULT", "mode DEFAULT ");
        }
        if !inet6_dump {
            let group = self.names.text(List::Group, link.group);
            out.field("group", &group, format_args!("group {group} "));
        }
        if self.queue && link.txqlen != 0 {
            out.field("txqlen", link.txqlen, format_args!("qlen {}", link.txqlen));
        }
        if matches!(self.family, Family::Unspec | Family::Packet) || self.options.details {
            self.addresses(out, link);
        }
        if !inet6_dump {
            self.namespace(out, link);
            if self.options.details {
                self.details(out, link);
            }
        }
        self.tail(out, link);
        out.text("\n");
    }

    fn addresses(&self, out: &mut Printer, link: &Link) {
        let kind = match link.link_type {
            LinkType::Ether => "ether",
            LinkType::Loopback if self.names.numeric => "[772]",
            LinkType::Ipip if self.names.numeric => "[768]",
            LinkType::Loopback => "loopback",
            LinkType::Ipip => "ipip",
        };
        out.line();
        out.field("link_type", kind, format_args!("    link/{kind} "));
        let address = address_text(link.address);
        out.field_in(Some(Color::Mac), "address", &address, &address);
        if link.flags & flags::POINTOPOINT != 0 {
            out.text(" peer ");
            out.json("link_pointtopoint", true);
        } else {
            out.text(" brd ");
        }
        let broadcast = address_text(link.broadcast);
        out.field_in(Some(Color::Mac), "broadcast", &broadcast, &broadcast);
    }

    fn namespace(&self, out: &mut Printer, link: &Link) {
        let Some(nsid) = link.link_netnsid else { return };
        out.json("link_netnsid", nsid);
        match self.snapshot.nsid_name(nsid) {
            Some(name) => out.text(format_args!(" link-netns {name}")),
            None if nsid >= 0 => out.text(format_args!(" link-netnsid {nsid}")),
            None => out.text(" link-netnsid unknown"),
        }
    }

    fn details(&self, out: &mut Printer, link: &Link) {
        out.field("promiscuity", link.promiscuity, format_args!(" promiscuity {} ", link.promiscuity));
        out.field("allmulti", link.allmulti, format_args!(" allmulti {} ", link.allmulti));
        out.field("min_mtu", link.min_mtu, format_args!("minmtu {} ", link.min_mtu));
        out.field("max_mtu", link.max_mtu, format_args!("maxmtu {} ", link.max_mtu));
        if link.kind != LinkInfo::None || link.port.is_some() {
            kind::print(out, link, self.snapshot);
        }
        if self.links_only {
            let mode = match link.address_mode {
                AddressMode::Eui64 => "eui64",
                AddressMode::None => "none",
                AddressMode::StableSecret => "stable_secret",
                AddressMode::Random => "random",
            };
            out.field("inet6_addr_gen_mode", mode, format_args!("addrgenmode {mode} "));
        }
        out.field("num_tx_queues", link.tx_queues, format_args!("numtxqueues {} ", link.tx_queues));
        out.field("num_rx_queues", link.rx_queues, format_args!("numrxqueues {} ", link.rx_queues));
        for (json, text, value) in [
            ("gso_max_size", "gso_max_size", 65_536u32),
            ("gso_max_segs", "gso_max_segs", 65_535),
            ("tso_max_size", "tso_max_size", self.tso_max_size(link)),
            ("tso_max_segs", "tso_max_segs", 65_535),
            ("gro_max_size", "gro_max_size", 65_536),
        ] {
            out.field(json, value, format_args!("{text} {value} "));
        }
    }

    fn tail(&self, out: &mut Printer, link: &Link) {
        if (self.links_only || self.options.details)
            && let Some(alias) = &link.alias
        {
            out.line();
            out.text("    ");
            out.field("ifalias", alias, format_args!("alias {alias}"));
        }
        if self.links_only && self.options.stats > 0 {
            out.line();
            super::stats::print(out, self.options, link);
        }
        if !link.altnames.is_empty() {
            out.open_array("altnames");
            for altname in &link.altnames {
                out.line();
                out.text("    altname ");
                out.item(altname, altname);
            }
            out.close_array();
        }
    }

    /// The short form: name, state, and for `ip link` address and flags.
    pub fn brief(&self, out: &mut Printer, link: &Link, inet6_dump: bool) {
        let lower_down = self.name_and_link(out, link, inet6_dump, |name| format!("{name:<16} "));
        let state = link.operstate.name();
        out.field_in(state_color(link.operstate), "operstate", state, format_args!("{state:<14} "));
        if self.family == Family::Packet {
            let address = address_text(link.address);
            out.field_in(Some(Color::Mac), "address", &address, format_args!("{address} "));
            flags_of(out, link.flags, lower_down);
            out.text("\n");
        }
    }

    /// What segmentation offload allows: drivers here 524280; a bridge without ports knows of none.
    fn tso_max_size(&self, link: &Link) -> u32 {
        match &link.kind {
            LinkInfo::Bridge(_) if self.snapshot.links.iter().all(|port| port.master != Some(link.index)) => {
                65_536
            }
            LinkInfo::Dummy | LinkInfo::Ipip { .. } => 65_536,
            _ => 524_280,
        }
    }

    fn operstate(&self, out: &mut Printer, state: OperState) {
        out.json("operstate", state.name());
        out.text("state ");
        out.text_in(state_color(state), format_args!("{} ", state.name()));
    }

    /// `eth0@peer0: `. Dumps of inet6 and of bridges do not tell in which namespace the peer is. True where the device at the other end is here and down.
    pub fn name_and_link(
        &self,
        out: &mut Printer,
        link: &Link,
        inet6_dump: bool,
        shape: impl Fn(&str) -> String,
    ) -> bool {
        let mut lower_down = false;
        let lower = link.link.filter(|lower| !inet6_dump || *lower != link.index);
        let shown = match lower {
            None => link.name.clone(),
            Some(0) if out.is_json() => {
                out.json("link", crate::cmd::iproute2::json::Value::Null);
                link.name.clone()
            }
            Some(0) => format!("{}@NONE", link.name),
            Some(lower) if link.link_netnsid.is_some() && !inet6_dump => {
                out.json("link_index", lower);
                format!("{}@if{lower}", link.name)
            }
            Some(lower) => {
                let name = self.snapshot.name(lower);
                out.json("link", &name);
                lower_down = self.snapshot.link(lower).is_some_and(|lower| lower.flags & flags::UP == 0);
                format!("{}@{name}", link.name)
            }
        };
        let name = if out.is_json() { &link.name } else { &shown };
        out.field_in(Some(Color::Ifname), "ifname", name, shape(name));
        lower_down
    }
}

/// `<BROADCAST,MULTICAST,UP,LOWER_UP> `
pub fn flags_of(out: &mut Printer, flags: u32, lower_down: bool) {
    out.open_array("flags");
    out.text("<");
    let mut left = flags;
    let show = |out: &mut Printer, name: &str, left: u32| {
        let comma = if left != 0 { "," } else { "" };
        out.item(name, format_args!("{name}{comma}"));
    };
    if left & net::device::flags::UP != 0 && left & net::device::flags::RUNNING == 0 {
        show(out, "NO-CARRIER", left);
    }
    left &= !net::device::flags::RUNNING;
    for (bit, name) in FLAGS {
        if left & bit != 0 {
            left &= !bit;
            show(out, name, left);
        }
    }
    if lower_down {
        out.item("M-DOWN", ",M-DOWN");
    }
    out.close_array();
    out.text("> ");
}

fn state_color(state: OperState) -> Option<Color> {
    match state {
        OperState::Up => Some(Color::OperstateUp),
        OperState::Down => Some(Color::OperstateDown),
        _ => None,
    }
}

pub fn address_text(address: LinkAddress) -> String {
    match address {
        LinkAddress::Ether(mac) => lladdr::text(&mac.0),
        LinkAddress::Ipv4(v4) => prefix::text(v4.into()),
    }
}
