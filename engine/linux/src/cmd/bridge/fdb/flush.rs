//! `bridge fdb flush`: many entries of one table at a time.

use crate::cmd::bridge::{no_bridge, unsupported};
use crate::cmd::iproute2::number::atoi;
use crate::cmd::iproute2::run::{Run, refused};
use crate::cmd::iproute2::{Stop, Words};
use net::rtnetlink::{FdbEntry, FdbRequest, LinkInfo, LinkType, Mode, NetlinkError, NetlinkResult, ntf, nud};
use net::{Errno, Network};

/// VLAN ids end here.
const VLANS: i16 = 4096;

/// Which entries go: those whose masked bits are as wanted.
#[derive(Clone, Debug, Default)]
struct Wanted {
    flags: u8,
    flags_mask: u8,
    state: u16,
    state_mask: u16,
    port: Option<u32>,
    vlan: Option<u16>,
}

impl Wanted {
    fn word(&mut self, word: &str) {
        let (on, name) = word.strip_prefix("no").map_or((true, word), |name| (false, name));
        let flag = match name {
            "added_by_user" => ntf::USE,
            "extern_learn" => ntf::EXT_LEARNED,
            "sticky" => ntf::STICKY,
            "offloaded" => ntf::OFFLOADED,
            _ => 0,
        };
        self.flags_mask |= flag;
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
        match word {
            "master" => self.flags |= ntf::MASTER,
            "self" => self.flags |= ntf::SELF,
            "permanent" => self.states(nud::PERMANENT, 0, nud::PERMANENT),
            "nopermanent" => self.states(0, nud::PERMANENT, nud::PERMANENT),
            "static" => self.states(nud::NOARP, 0, nud::NOARP | nud::PERMANENT),
            "nostatic" => self.states(0, nud::NOARP, nud::NOARP),
            "dynamic" => self.states(0, nud::NOARP, nud::NOARP | nud::PERMANENT),
            "nodynamic" => self.states(nud::NOARP, 0, nud::NOARP),
            _ => {}
        }
    }

    fn states(&mut self, set: u16, clear: u16, mask: u16) {
        self.state = self.state & !clear | set;
        self.state_mask |= mask;
    }

    fn fits(&self, entry: &FdbEntry) -> bool {
        let user =
            if entry.state & nud::NOARP != 0 || entry.state & nud::PERMANENT != 0 { ntf::USE } else { 0 };
        let flags = entry.flags | user;
        // A local entry is no more static than it is dynamic.
        let state = entry.state & (nud::PERMANENT | nud::NOARP);
        (state ^ self.state) & self.state_mask == 0
            && (flags ^ self.flags) & self.flags_mask == 0
            && self.vlan.is_none_or(|vlan| entry.vlan.unwrap_or(0) == vlan)
            && self.port.is_none_or(|port| port == entry.index)
    }
}

pub async fn flush(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let mut wanted = Wanted::default();
    let (mut device, mut port, mut vlan) = (None, None, None);
    while let Some(word) = words.next() {
        match word {
            "dev" => device = Some(words.value()?),
            "brport" => {
                if port.is_some() {
                    return Err(Stop::garbage("brport", word));
                }
                port = Some(words.value()?);
            }
            "vlan" => {
                if vlan.is_some() {
                    return Err(Stop::garbage("vlan", word));
                }
                vlan = Some(atoi(words.value()?) as i16).filter(|vlan| *vlan >= 0);
            }
            _ => wanted.word(word),
        }
    }
    let device = device.ok_or_else(|| Stop::fail(255, "Device is a required argument.\n"))?;
    let snapshot = run.snapshot().await;
    let index = snapshot.index(device).ok_or_else(|| no_bridge(device))?;
    if let Some(name) = port {
        let missing = || Stop::fail(255, format!("Cannot find bridge port device \"{name}\"\n"));
        wanted.port = Some(snapshot.index(name).ok_or_else(missing)?);
    }
    if let Some(vlan) = vlan {
        if vlan >= VLANS {
            return Err(Stop::fail(255, format!("Invalid VLAN ID \"{vlan}\"\n")));
        }
        wanted.vlan = Some(vlan as u16);
    }
    if wanted.flags & (ntf::SELF | ntf::MASTER) == 0 {
        wanted.flags |= ntf::SELF;
    }
    let done = run.change(move |net, ns| delete_all(net, ns, index, &wanted)).await;
    done.map_err(|error| refused(&error, 255))
}

fn delete_all(net: &mut Network, ns: api::NetnsId, index: u32, wanted: &Wanted) -> NetlinkResult<()> {
    let link = net.link_by_index(ns, index)?;
    if link.link_type != LinkType::Ether {
        let words = "FDB delete only supported for Ethernet devices";
        return Err(NetlinkError::new(Errno::EINVAL, words));
    }
    // A port's entries are its bridge's; by itself a bridge and a VXLAN device have a table.
    let master = wanted.flags & ntf::MASTER != 0;
    let table = if master { link.master.filter(|_| link.port.is_some()) } else { Some(index) };
    let kind = table.and_then(|table| net.link_by_index(ns, table).ok()).map(|link| link.kind);
    let of_bridge = matches!(kind, Some(LinkInfo::Bridge(_)));
    if !of_bridge && !matches!(kind, Some(LinkInfo::Vxlan(_))) {
        return unsupported();
    }
    for entry in net.fdb(ns) {
        let here = match of_bridge {
            true => entry.master == table && (!master || entry.index == index),
            false => Some(entry.index) == table && entry.flags & ntf::SELF != 0,
        };
        if here && wanted.fits(&entry) {
            net.fdb_delete(ns, &exactly(&entry, of_bridge && Some(entry.index) != table))?;
        }
    }
    Ok(())
}

/// The request that takes away this entry and no other.
fn exactly(entry: &FdbEntry, of_port: bool) -> FdbRequest {
    FdbRequest {
        index: entry.index,
        mac: entry.mac,
        flags: if of_port { ntf::MASTER } else { ntf::SELF },
        state: entry.state,
        vlan: entry.vlan,
        dst: entry.dst,
        port: entry.port,
        vni: entry.vni,
        via: entry.via,
        mode: Mode::default(),
    }
}
