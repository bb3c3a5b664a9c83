//! Calls whose bodies come next.
use crate::rtnetlink::*;
use crate::{Errno, Network};
use api::{DeviceId, MachineId, NetnsId};
use std::time::Duration;

type R<T> = NetlinkResult<T>;

/// One way of a cable; the same both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cable {
    pub latency: Duration,
    /// 0 is without limit.
    pub bits_per_second: u64,
    /// Of a thousand frames, how many are lost.
    pub loss_permille: u16,
}

fn later<T>() -> R<T> {
    Err(Errno::EOPNOTSUPP.into())
}

impl Network {
    /// A machine with its own namespace, whose `lo` is up.
    pub fn machine_add(&mut self, _name: &str, _role: api::topology::Role) -> (MachineId, NetnsId) {
        (MachineId(0), NetnsId(0))
    }
    /// A network card named `name`; its MAC is drawn where none is given.
    pub fn nic_add(&mut self, _ns: NetnsId, _name: &str, _mac: Option<crate::Mac>) -> R<DeviceId> {
        later()
    }
    /// Joins two cards that have no cable yet.
    pub fn cable_connect(&mut self, _a: DeviceId, _b: DeviceId, _cable: Cable) -> R<()> {
        later()
    }
    /// A namespace on that machine; `name` is what the picture shows (`/run/netns/NAME` is the machine's business).
    pub fn netns_add(&mut self, _machine: MachineId, _name: Option<&str>) -> NetnsId {
        NetnsId(0)
    }
    /// Its devices go with it: veth ends are destroyed, network cards go back to the machine's own namespace.
    pub fn netns_delete(&mut self, _ns: NetnsId) -> R<()> {
        later()
    }
    /// `RTM_GETNSID`: the id by which `ns` knows `other`, where it has one (`ip netns list`, `link-netnsid`).
    pub fn netns_id(&self, _ns: NetnsId, _other: NetnsId) -> Option<i32> {
        None
    }
    /// `ip netns set`; `None` takes the lowest free id.
    pub fn netns_id_set(&mut self, _ns: NetnsId, _other: NetnsId, _id: Option<i32>) -> R<()> {
        later()
    }
    /// `ip netns list-id`, in the order of ids.
    pub fn netns_ids(&self, _ns: NetnsId) -> Vec<(i32, NetnsId)> {
        Vec::new()
    }

    /// `RTM_NEWLINK` with CREATE | EXCL: the ids of what was made (a veth's peer too).
    pub fn link_add(&mut self, _ns: NetnsId, _request: &LinkRequest) -> R<DeviceId> {
        later()
    }
    /// `RTM_NEWLINK` without CREATE. Neither index nor name but a `group`: all links of that group.
    pub fn link_set(&mut self, _ns: NetnsId, _request: &LinkRequest) -> R<()> {
        later()
    }
    /// All links of `group` are changed as asked (`ip link set group N …`).
    pub fn link_set_group(&mut self, _ns: NetnsId, _group: u32, _request: &LinkRequest) -> R<()> {
        later()
    }
    pub fn link_delete(&mut self, _ns: NetnsId, _index: u32) -> R<()> {
        later()
    }
    pub fn link_delete_group(&mut self, _ns: NetnsId, _group: u32) -> R<()> {
        later()
    }
    /// `ip link property add dev X altname Y`
    pub fn link_altname_add(&mut self, _ns: NetnsId, _index: u32, _altname: &str) -> R<()> {
        later()
    }
    pub fn link_altname_delete(&mut self, _ns: NetnsId, _index: u32, _altname: &str) -> R<()> {
        later()
    }
    /// A dump, in the order of indexes. (Listing gives ids to namespaces that links point into, as in Linux.)
    pub fn links(&mut self, _ns: NetnsId) -> Vec<Link> {
        Vec::new()
    }
    /// `RTM_GETLINK` of one link by name or altname: ENODEV where there is none. Brings its state up to date.
    pub fn link_by_name(&mut self, _ns: NetnsId, _name: &str) -> R<Link> {
        later()
    }
    pub fn link_by_index(&mut self, _ns: NetnsId, _index: u32) -> R<Link> {
        later()
    }
    /// Name to index and back, without more.
    pub fn device_index(&self, _ns: NetnsId, _name: &str) -> Option<u32> {
        None
    }
    pub fn device_name(&self, _ns: NetnsId, _index: u32) -> Option<&str> {
        None
    }
    pub fn device_id(&self, _ns: NetnsId, _index: u32) -> Option<DeviceId> {
        None
    }

    /// `RTM_NEWADDR`; Mode::Add (EXCL) or Mode::Replace (change).
    pub fn address_add(&mut self, _ns: NetnsId, _request: &AddressRequest, _mode: Mode) -> R<()> {
        later()
    }
    pub fn address_delete(&mut self, _ns: NetnsId, _request: &AddressRequest) -> R<()> {
        later()
    }
    /// IPv4 in the order of links, then IPv6 likewise, as two dumps would come.
    pub fn addresses(&self, _ns: NetnsId, _family: Family) -> Vec<Address> {
        Vec::new()
    }

    pub fn route_add(&mut self, _ns: NetnsId, _request: &RouteRequest) -> R<()> {
        later()
    }
    /// Takes the first route that matches all that was said.
    pub fn route_delete(&mut self, _ns: NetnsId, _request: &RouteRequest) -> R<()> {
        later()
    }
    /// `table` `None` is all tables. A table that was never written to is ENOENT "ipv4: FIB table does not exist".
    pub fn routes(&self, _ns: NetnsId, _family: Family, _table: Option<u32>) -> R<Vec<Route>> {
        later()
    }
    pub fn route_get(&mut self, _ns: NetnsId, _request: &RouteGetRequest) -> R<RouteAnswer> {
        later()
    }
    pub fn rule_add(&mut self, _ns: NetnsId, _request: &RuleRequest) -> R<()> {
        later()
    }
    pub fn rule_delete(&mut self, _ns: NetnsId, _request: &RuleRequest) -> R<()> {
        later()
    }
    pub fn rules(&self, _ns: NetnsId, _family: Family) -> Vec<Rule> {
        Vec::new()
    }

    pub fn neighbour_add(&mut self, _ns: NetnsId, _request: &NeighbourRequest) -> R<()> {
        later()
    }
    pub fn neighbour_delete(&mut self, _ns: NetnsId, _request: &NeighbourRequest) -> R<()> {
        later()
    }
    /// Proxy entries (`ip neigh show proxy`) are apart.
    pub fn neighbours(&self, _ns: NetnsId, _family: Family, _proxy: bool) -> Vec<Neighbour> {
        Vec::new()
    }

    pub fn fdb_add(&mut self, _ns: NetnsId, _request: &FdbRequest) -> R<()> {
        later()
    }
    pub fn fdb_delete(&mut self, _ns: NetnsId, _request: &FdbRequest) -> R<()> {
        later()
    }
    /// All forwarding entries, device by device as the kernel dumps them.
    pub fn fdb(&self, _ns: NetnsId) -> Vec<FdbEntry> {
        Vec::new()
    }
    /// `bridge fdb get MAC br BRIDGE` (`index` is the bridge's, or a port's with SELF for a vxlan).
    pub fn fdb_get(&self, _ns: NetnsId, _index: u32, _mac: crate::Mac, _vlan: Option<u16>) -> R<FdbEntry> {
        later()
    }
    /// `bridge fdb flush dev X`: dynamic entries of a bridge.
    pub fn fdb_flush(&mut self, _ns: NetnsId, _index: u32) -> R<()> {
        later()
    }

    /// Reads `net/ipv4/ip_forward` (a path below /proc/sys) as `cat` would show it, without the line feed. ENOENT.
    pub fn sysctl_get(&self, _ns: NetnsId, _path: &str) -> Result<String, Errno> {
        Err(Errno::ENOENT)
    }
    /// EINVAL where the value is not fit, EACCES where it is read-only.
    pub fn sysctl_set(&mut self, _ns: NetnsId, _path: &str, _value: &str) -> Result<(), Errno> {
        Err(Errno::ENOENT)
    }
    /// Every path below `net/` in this namespace, sorted.
    pub fn sysctl_list(&self, _ns: NetnsId) -> Vec<String> {
        Vec::new()
    }

    /// From now on changes of this namespace's tables are kept for [`Network::take_changes`] (`ip monitor`).
    pub fn monitor(&mut self, _ns: NetnsId, _on: bool) {}
    pub fn take_changes(&mut self, _ns: NetnsId) -> Vec<Change> {
        Vec::new()
    }
}
