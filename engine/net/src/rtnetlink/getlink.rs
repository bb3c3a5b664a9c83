//! `RTM_GETLINK`: what `ip link` lists.
//!
//! Sources: net/core/rtnetlink.c (`rtnl_fill_ifinfo`), net/bridge/br_netlink.c (`br_fill_info`,
//! `br_port_fill_attrs`), drivers/net/vxlan/vxlan_core.c (`vxlan_fill_info`).

use super::{BridgeInfo, Link, LinkInfo, NetlinkResult, PortInfo};
use crate::device::{Bridge, Device, Kind, Port, port_flags as pf};
use crate::{Errno, Network};
use api::{DeviceId, NetnsId};

impl Network {
    /// A dump, in the order of indexes. (Listing gives ids to namespaces that links point into, as in Linux.)
    pub fn links(&mut self, ns: NetnsId) -> Vec<Link> {
        let devices: Vec<DeviceId> = self.netns[ns].devices.values().copied().collect();
        devices.into_iter().map(|device| self.link_listed(device)).collect()
    }

    /// As [`Network::links`], but nothing is given an id for being looked at (`/proc/net/dev`, `/sys/class/net`).
    pub fn links_seen(&self, ns: NetnsId) -> Vec<Link> {
        self.netns[ns].devices.values().map(|device| self.link_row(*device)).collect()
    }

    /// One link by name or altname: ENODEV where there is none. Its state is brought up to date.
    pub fn link_by_name(&mut self, ns: NetnsId, name: &str) -> NetlinkResult<Link> {
        let index = self.device_index(ns, name).ok_or(Errno::ENODEV)?;
        self.link_by_index(ns, index)
    }

    pub fn link_by_index(&mut self, ns: NetnsId, index: u32) -> NetlinkResult<Link> {
        let device = self.device_id(ns, index).ok_or(Errno::ENODEV)?;
        self.linkwatch_sync(device);
        Ok(self.link_listed(device))
    }

    fn link_listed(&mut self, device: DeviceId) -> Link {
        self.link_netnsid(device);
        self.link_row(device)
    }

    /// The namespace in which the other end, lower device or outer packets are.
    fn link_net(&self, device: DeviceId) -> NetnsId {
        let it = &self.devices[device];
        match &it.kind {
            Kind::Vxlan(vxlan) => vxlan.net,
            Kind::Ipip(tunnel) => tunnel.net,
            _ => it.lower().and_then(|lower| self.devices.get(lower)).map_or(it.netns, |lower| lower.netns),
        }
    }

    /// Its id here, given if it has none yet; `None` where that is this namespace itself.
    pub(crate) fn link_netnsid(&mut self, device: DeviceId) -> Option<i32> {
        let (here, there) = (self.devices[device].netns, self.link_net(device));
        (here != there).then(|| self.netns_id_alloc(here, there))
    }

    pub(crate) fn link_row(&self, device: DeviceId) -> Link {
        let it = &self.devices[device];
        let there = self.link_net(device);
        let link_netnsid = (there != it.netns).then(|| self.netns_id(it.netns, there)).flatten();
        let iflink = self.iflink(device);
        let (address, broadcast) = it.link_addresses();
        let filters = matches!(it.kind, Kind::Nic(_));
        Link {
            id: device,
            netns: it.netns,
            index: it.ifindex,
            name: it.name.to_string(),
            altnames: it.altnames.clone(),
            link_type: it.link_type(),
            flags: it.shown_flags(),
            operstate: it.shown_operstate(),
            mtu: it.mtu,
            min_mtu: it.min_mtu,
            max_mtu: it.max_mtu,
            qdisc: it.qdisc(),
            txqlen: it.txqlen,
            group: it.group,
            address,
            broadcast,
            link: (link_netnsid.is_some() || iflink != it.ifindex).then_some(iflink),
            link_netnsid,
            master: it.master().map(|bridge| self.devices[bridge].ifindex),
            alias: it.alias.clone(),
            // Further own addresses make a device promiscuous that cannot filter by them.
            promiscuity: it.promiscuity + u32::from(!it.unicast.is_empty() && !filters),
            allmulti: it.allmulti,
            tx_queues: it.tx_queues,
            rx_queues: it.rx_queues,
            carrier: it.carrier,
            carrier_up_count: it.carrier_up_count,
            carrier_down_count: it.carrier_down_count,
            address_mode: it.address_mode,
            stats: it.stats.clone(),
            kind: self.link_info(it),
            port: it.port.as_deref().map(|port| self.port_info(port)),
        }
    }

    fn link_info(&self, it: &Device) -> LinkInfo {
        let index = |id: Option<DeviceId>| id.and_then(|id| self.devices.get(id)).map_or(0, |it| it.ifindex);
        match &it.kind {
            Kind::Loopback | Kind::Nic(_) => LinkInfo::None,
            Kind::Veth { .. } => LinkInfo::Veth,
            Kind::Bridge(bridge) => LinkInfo::Bridge(Box::new(self.bridge_info(bridge))),
            Kind::Vxlan(vxlan) => {
                let mut info = vxlan.info.clone();
                info.link = index(vxlan.lower);
                LinkInfo::Vxlan(Box::new(info))
            }
            Kind::Dummy => LinkInfo::Dummy,
            Kind::Vlan(vlan) => {
                LinkInfo::Vlan { protocol: vlan.protocol, id: vlan.id, reorder_header: vlan.reorder_header }
            }
            Kind::Macvlan(macvlan) => LinkInfo::Macvlan { mode: macvlan.mode },
            Kind::Ipvlan(ipvlan) => LinkInfo::Ipvlan { mode: ipvlan.mode, flag: ipvlan.flag },
            Kind::Ipip(tunnel) => LinkInfo::Ipip {
                local: tunnel.local,
                remote: tunnel.remote,
                link: index(tunnel.link),
                ttl: tunnel.ttl,
                tos: tunnel.tos,
                path_mtu_discovery: tunnel.path_mtu_discovery,
            },
        }
    }

    fn bridge_info(&self, it: &Bridge) -> BridgeInfo {
        let now = self.now;
        let hold = it.hold_time();
        let gc = it.fdb.next_expiry(hold).map_or(hold, |at| at.since(now));
        BridgeInfo {
            forward_delay: it.bridge_forward_delay,
            hello_time: it.bridge_hello_time,
            max_age: it.bridge_max_age,
            root_forward_delay: it.forward_delay,
            root_hello_time: it.hello_time,
            root_max_age: it.max_age,
            ageing_time: it.ageing_time,
            stp_state: it.stp,
            priority: it.id.priority,
            bridge_id: it.id,
            designated_root: it.designated_root,
            root_port: it.root_port,
            root_path_cost: it.root_path_cost,
            topology_change: it.topology_change,
            topology_change_detected: it.topology_change_detected,
            hello_timer: it.hello.left(now),
            tcn_timer: it.tcn.left(now),
            topology_change_timer: it.topology.left(now),
            gc_timer: gc.as_millis() as u64 / 10,
            group_fwd_mask: it.group_fwd_mask,
            group_address: it.group_address,
            vlan_filtering: false,
            mcast_snooping: it.mcast_snooping,
            mcast_router: it.mcast_router,
            mcast_querier: it.mcast_querier,
            nf_call_iptables: it.nf_call_iptables,
            nf_call_ip6tables: it.nf_call_ip6tables,
            nf_call_arptables: it.nf_call_arptables,
            learned: it.fdb.entries(now, hold).iter().filter(|entry| !entry.fixed).count() as u32,
        }
    }

    fn port_info(&self, it: &Port) -> PortInfo {
        let now = self.now;
        PortInfo {
            state: it.state as u8,
            priority: it.priority,
            cost: it.cost,
            hairpin: it.has(pf::HAIRPIN),
            guard: it.has(pf::GUARD),
            root_block: it.has(pf::ROOT_BLOCK),
            fastleave: it.has(pf::FASTLEAVE),
            learning: it.has(pf::LEARNING),
            flood: it.has(pf::FLOOD),
            mcast_flood: it.has(pf::MCAST_FLOOD),
            bcast_flood: it.has(pf::BCAST_FLOOD),
            mcast_router: it.mcast_router,
            mcast_to_unicast: it.has(pf::MCAST_TO_UNICAST),
            proxy_arp: it.has(pf::PROXY_ARP),
            proxy_arp_wifi: it.has(pf::PROXY_ARP_WIFI),
            neigh_suppress: it.has(pf::NEIGH_SUPPRESS),
            vlan_tunnel: it.has(pf::VLAN_TUNNEL),
            isolated: it.has(pf::ISOLATED),
            locked: it.has(pf::LOCKED),
            group_fwd_mask: it.group_fwd_mask,
            port_id: it.id,
            port_no: it.number,
            designated_port: it.designated_port,
            designated_cost: it.designated_cost.min(u32::from(u16::MAX)) as u16,
            designated_bridge: it.designated_bridge,
            designated_root: it.designated_root,
            topology_change_ack: it.topology_change_ack,
            config_pending: it.config_pending,
            message_age_timer: it.message_age.left(now),
            forward_delay_timer: it.forward_delay.left(now),
            hold_timer: it.hold.left(now),
        }
    }
}
