//! Settings of bridges, of their ports, and of VXLAN devices.
//!
//! Sources: net/bridge/br_netlink.c (`br_changelink`, `br_setport`), br_stp.c (limits of IEEE 802.1D-1998 table 8-3),
//! drivers/net/vxlan/vxlan_core.c (`vxlan_nl2conf`, `vxlan_config_validate`).

use super::{
    BridgeRequest, LinkRequest, NetlinkError, NetlinkResult, PortRequest, VxlanInfo, VxlanRequest, nud,
};
use crate::device::{
    Kind, PORT_BITS, PortState, Remote, StpTimer, VXLAN_OVERHEAD, Vxlan, VxlanEntry, hundredths,
    port_flags as pf,
};
use crate::{Errno, Mac, Network};
use api::{DeviceId, NetnsId};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

/// Limits of the spanning tree's times, in hundredths of a second.
const FORWARD_DELAY: RangeInclusive<u32> = 200..=3000;
const HELLO_TIME: RangeInclusive<u32> = 100..=1000;
const MAX_AGE: RangeInclusive<u32> = 600..=4000;
/// The port Linux has always used; IANA's is 4789.
const DEFAULT_PORT: u16 = 8472;

fn refuse<T>(errno: Errno, words: &str) -> NetlinkResult<T> {
    Err(NetlinkError::new(errno, words))
}

fn within(value: u32, limits: &RangeInclusive<u32>) -> NetlinkResult<()> {
    if limits.contains(&value) { Ok(()) } else { Err(Errno::ERANGE.into()) }
}

impl Network {
    /// `type bridge …`
    pub(super) fn bridge_change(&mut self, device: DeviceId, request: &BridgeRequest) -> NetlinkResult<()> {
        let stp = self.devices[device].bridge().is_some_and(|br| br.stp != 0);
        if let Some(delay) = request.forward_delay {
            if stp {
                within(delay, &FORWARD_DELAY)?;
            }
            self.bridge_with(device, |br| br.bridge_forward_delay = delay);
        }
        if let Some(hello) = request.hello_time {
            within(hello, &HELLO_TIME)?;
            self.bridge_with(device, |br| br.bridge_hello_time = hello);
        }
        if let Some(age) = request.max_age {
            within(age, &MAX_AGE)?;
            self.bridge_with(device, |br| br.bridge_max_age = age);
        }
        self.bridge_times(device);
        if let Some(ageing) = request.ageing_time {
            self.bridge_with(device, |br| br.ageing_time = ageing);
        }
        if let Some(stp) = request.stp_state {
            if stp > 2 {
                return Err(Errno::EINVAL.into());
            }
            self.bridge_set_stp(device, stp);
        }
        if let Some(priority) = request.priority {
            self.bridge_set_priority(device, priority);
        }
        if let Some(mask) = request.group_fwd_mask {
            // Frames of the tree itself, of pause and of link aggregation are never let through.
            if mask & 7 != 0 {
                return Err(Errno::EINVAL.into());
            }
            self.bridge_with(device, |br| br.group_fwd_mask = mask);
        }
        if let Some(group) = request.group_address {
            if !group.is_link_local() || matches!(group.0[5], 1..=3) {
                return Err(Errno::EINVAL.into());
            }
            self.bridge_with(device, |br| br.group_address = group);
        }
        if request.vlan_filtering == Some(true) {
            return refuse(
                Errno::EOPNOTSUPP,
                "vlan_filtering: not simulated in vethlab; use one bridge a VLAN",
            );
        }
        if let Some(snooping) = request.mcast_snooping {
            let before = self.devices[device].bridge().is_some_and(|br| br.mcast_snooping);
            self.bridge_with(device, |br| br.mcast_snooping = snooping);
            if before != snooping && self.devices[device].is_up() {
                self.bridge_snoop(device, snooping);
            }
        }
        self.bridge_with(device, |br| {
            br.mcast_router = request.mcast_router.unwrap_or(br.mcast_router);
            br.mcast_querier = request.mcast_querier.unwrap_or(br.mcast_querier);
            br.nf_call_iptables = request.nf_call_iptables.unwrap_or(br.nf_call_iptables);
            br.nf_call_ip6tables = request.nf_call_ip6tables.unwrap_or(br.nf_call_ip6tables);
            br.nf_call_arptables = request.nf_call_arptables.unwrap_or(br.nf_call_arptables);
            if request.fdb_flush {
                br.fdb.retain(|entry| entry.fixed || entry.ext_learnt);
            }
        });
        Ok(())
    }

    fn bridge_with(&mut self, device: DeviceId, change: impl FnOnce(&mut crate::device::Bridge)) {
        if let Some(bridge) = self.devices[device].bridge_mut() {
            change(bridge);
        }
    }

    /// A root bridge's own times are the tree's.
    fn bridge_times(&mut self, device: DeviceId) {
        self.bridge_with(device, |br| {
            if br.id == br.designated_root {
                br.forward_delay = br.bridge_forward_delay;
                br.hello_time = br.bridge_hello_time;
                br.max_age = br.bridge_max_age;
            }
        });
    }

    fn bridge_set_stp(&mut self, device: DeviceId, stp: u32) {
        let before = self.devices[device].bridge().map_or(0, |br| br.stp);
        if (before == 0) == (stp == 0) {
            return;
        }
        self.bridge_with(device, |br| {
            br.stp = u32::from(stp != 0);
            if stp != 0 {
                br.bridge_forward_delay =
                    br.bridge_forward_delay.clamp(*FORWARD_DELAY.start(), *FORWARD_DELAY.end());
            }
        });
        self.bridge_times(device);
        if stp != 0 && self.devices[device].is_up() {
            self.stp_select_states(device);
            let hello = self.devices[device].bridge().map_or(200, |br| br.hello_time);
            self.stp_set(device, StpTimer::Hello, hundredths(hello));
        }
    }

    /// `br_stp_set_bridge_priority`
    fn bridge_set_priority(&mut self, device: DeviceId, priority: u16) {
        let was_root = self.devices[device].bridge().is_some_and(|br| br.id == br.designated_root);
        let Some(old) = self.devices[device].bridge().map(|br| br.id) else { return };
        let mut ports = Vec::new();
        self.bridge_with(device, |br| {
            br.id.priority = priority;
            ports = br.ports.clone();
        });
        for port in ports {
            if let Some(port) = self.devices[port].port.as_mut().filter(|port| port.designated_bridge == old)
            {
                port.designated_bridge.priority = priority;
            }
        }
        self.stp_changed(device, was_root);
    }

    fn stp_changed(&mut self, bridge: DeviceId, was_root: bool) {
        self.stp_configuration_update(bridge);
        self.stp_select_states(bridge);
        let root = self.devices[bridge].bridge().is_some_and(|br| br.id == br.designated_root);
        if root && !was_root {
            self.stp_become_root(bridge);
        }
    }

    /// `type bridge_slave …`, `bridge link set`: EOPNOTSUPP where it is no port.
    pub(super) fn port_change(&mut self, device: DeviceId, request: &PortRequest) -> NetlinkResult<()> {
        let Some(bridge) = self.devices[device].master() else { return Err(Errno::EOPNOTSUPP.into()) };
        let switches = [
            (request.hairpin, pf::HAIRPIN),
            (request.guard, pf::GUARD),
            (request.root_block, pf::ROOT_BLOCK),
            (request.fastleave, pf::FASTLEAVE),
            (request.learning, pf::LEARNING),
            (request.flood, pf::FLOOD),
            (request.mcast_flood, pf::MCAST_FLOOD),
            (request.bcast_flood, pf::BCAST_FLOOD),
            (request.mcast_to_unicast, pf::MCAST_TO_UNICAST),
            (request.proxy_arp, pf::PROXY_ARP),
            (request.proxy_arp_wifi, pf::PROXY_ARP_WIFI),
            (request.neigh_suppress, pf::NEIGH_SUPPRESS),
            (request.vlan_tunnel, pf::VLAN_TUNNEL),
            (request.isolated, pf::ISOLATED),
            (request.locked, pf::LOCKED),
        ];
        let was_root = self.devices[bridge].bridge().is_some_and(|br| br.id == br.designated_root);
        let Some(port) = self.devices[device].port.as_deref_mut() else {
            return Err(Errno::EOPNOTSUPP.into());
        };
        for (wanted, flag) in switches {
            match wanted {
                Some(true) => port.flags |= flag,
                Some(false) => port.flags &= !flag,
                None => {}
            }
        }
        port.mcast_router = request.mcast_router.unwrap_or(port.mcast_router);
        port.group_fwd_mask = request.group_fwd_mask.unwrap_or(port.group_fwd_mask);
        if let Some(cost) = request.cost {
            within(cost, &(1..=65535))?;
            port.cost = cost;
            port.flags |= pf::ADMIN_COST;
        }
        if let Some(priority) = request.priority {
            within(priority.into(), &(0..=u32::from(u16::MAX >> PORT_BITS)))?;
            port.priority = priority;
            let id = priority << PORT_BITS | port.number;
            if port.designated_port == port.id {
                port.designated_port = id;
            }
            port.id = id;
        }
        if let Some(state) = request.state {
            self.port_force_state(bridge, device, state)?;
        }
        if request.cost.is_some() || request.priority.is_some() {
            self.stp_changed(bridge, was_root);
        }
        if request.fdb_flush {
            self.fdb_forget_port(bridge, device, false);
        }
        self.generation += 1;
        Ok(())
    }

    /// `br_set_port_state`: a person's word, where the spanning tree does not decide.
    fn port_force_state(&mut self, bridge: DeviceId, device: DeviceId, state: u8) -> NetlinkResult<()> {
        let wanted = match state {
            0 => PortState::Disabled,
            1 => PortState::Listening,
            2 => PortState::Learning,
            3 => PortState::Forwarding,
            4 => PortState::Blocking,
            _ => return Err(Errno::EINVAL.into()),
        };
        if self.devices[bridge].bridge().is_some_and(|br| br.stp != 0) {
            return Err(Errno::EBUSY.into());
        }
        let it = &mut self.devices[device];
        if !it.is_up() || (!it.carrier && wanted != PortState::Disabled) {
            return Err(Errno::ENETDOWN.into());
        }
        if let Some(port) = &mut it.port {
            port.state = wanted;
        }
        self.stp_select_states(bridge);
        Ok(())
    }

    /// What the kernel looks at before it makes one (`vxlan_config_validate`): VNI and lower device.
    fn vxlan_validate(&self, ns: NetnsId, vxlan: &VxlanRequest) -> NetlinkResult<(u32, Option<DeviceId>)> {
        let Some(id) = vxlan.id else {
            return refuse(Errno::EINVAL, "Required attributes not provided to perform the operation");
        };
        if id >= 1 << 24 {
            return refuse(Errno::ERANGE, "VXLAN ID must be lower than 16777216");
        }
        if vxlan.external == Some(true) || vxlan.gbp || vxlan.gpe {
            let words = "vxlan external, gbp, gpe: not simulated in vethlab; use static FDB entries";
            return refuse(Errno::EOPNOTSUPP, words);
        }
        let lower = self.vxlan_lower(ns, vxlan.link)?;
        let group = |it: &Option<IpAddr>| it.is_some_and(|it| it.is_multicast());
        if group(&vxlan.local) {
            return refuse(Errno::EINVAL, "Local address can not be multicast address");
        }
        if group(&vxlan.remote) && lower.is_none() {
            return refuse(Errno::EINVAL, "Multicast destination requires interface to be specified");
        }
        let v6 = |it: &Option<IpAddr>| it.is_some_and(|it| it.is_ipv6());
        if v6(&vxlan.local) || v6(&vxlan.remote) {
            return refuse(
                Errno::EOPNOTSUPP,
                "vxlan over IPv6: not simulated in vethlab; use IPv4 addresses",
            );
        }
        Ok((id, lower))
    }

    /// `dev`, which is looked for where the outer packets live.
    fn vxlan_lower(&self, net: NetnsId, link: Option<u32>) -> NetlinkResult<Option<DeviceId>> {
        let Some(index) = link.filter(|index| *index != 0) else { return Ok(None) };
        match self.device_id(net, index) {
            None => {
                let words = "Specified interface for tunnel endpoint communications not found";
                refuse(Errno::ENODEV, words)
            }
            lower => Ok(lower),
        }
    }

    /// From now on it goes with another lower device.
    fn vxlan_stand_on(&mut self, device: DeviceId, lower: DeviceId) {
        let Some(vxlan) = self.devices[device].vxlan_mut() else { return };
        if let Some(before) = vxlan.lower.replace(lower) {
            self.devices[before].uppers.retain(|upper| *upper != device);
        }
        self.devices[lower].uppers.push(device);
    }

    pub(super) fn vxlan_make(
        &mut self,
        ns: NetnsId,
        to: NetnsId,
        request: &LinkRequest,
        vxlan: &VxlanRequest,
    ) -> NetlinkResult<DeviceId> {
        let (id, lower) = self.vxlan_validate(ns, vxlan)?;
        if let Some(lower) = lower {
            self.may_stand(lower, None)?;
        }
        let info = vxlan_info(id, vxlan);
        if self.vxlan_twin(ns, (info.destination_port, id), None) {
            return refuse(Errno::EEXIST, "A VXLAN device with the specified VNI already exists");
        }
        let remote = vxlan.remote.and_then(address4);
        let port = info.destination_port;
        let device = self.link_bare(
            to,
            request,
            "vxlan",
            Kind::Vxlan(Box::new(Vxlan { info, net: ns, lower, fdb: Default::default() })),
        )?;
        if let Some(lower) = lower {
            let most = self.devices[lower].mtu.saturating_sub(VXLAN_OVERHEAD).max(68);
            self.devices[device].mtu = most;
        }
        if let Err(error) = self.link_mtu(device, request.mtu) {
            self.link_unmake(device);
            return Err(error);
        }
        if let Some(lower) = lower {
            self.devices[lower].uppers.push(device);
        }
        self.device_registered(device);
        if let Some(address) = remote {
            let via = lower.map_or(0, |lower| self.devices[lower].ifindex);
            let entry = VxlanEntry {
                mac: Mac::ZERO,
                state: nud::REACHABLE | nud::PERMANENT,
                flags: 0,
                remotes: vec![Remote { address, port, vni: id, via }],
                used: self.now,
                updated: self.now,
            };
            if let Some(vxlan) = self.devices[device].vxlan_mut() {
                vxlan.fdb.insert(entry);
            }
        }
        Ok(device)
    }

    /// `vxlan_changelink`: VNI, port and the like cannot be changed.
    pub(super) fn vxlan_change(&mut self, device: DeviceId, request: &VxlanRequest) -> NetlinkResult<()> {
        let Some(vxlan) = self.devices[device].vxlan() else { return Err(Errno::EOPNOTSUPP.into()) };
        let (net, before) = (vxlan.net, vxlan.lower);
        let lower = self.vxlan_lower(net, request.link)?.filter(|lower| Some(*lower) != before);
        if let Some(lower) = lower {
            self.may_stand(lower, Some(device))?;
        }
        let now = self.now;
        let Some(vxlan) = self.devices[device].vxlan_mut() else { return Err(Errno::EOPNOTSUPP.into()) };
        let info = &mut vxlan.info;
        if request.id.is_some_and(|id| id != info.id) {
            return refuse(Errno::EOPNOTSUPP, "Cannot change VNI");
        }
        if request.destination_port.is_some_and(|port| port != 0 && port != info.destination_port) {
            return refuse(Errno::EOPNOTSUPP, "Cannot change port");
        }
        if request.source_ports.is_some_and(|ports| ports != info.source_ports) {
            return refuse(Errno::EOPNOTSUPP, "Cannot change port range");
        }
        let switches = [
            (request.proxy, info.proxy, "Cannot change ARP proxy flag"),
            (request.rsc, info.rsc, "Cannot change RSC flag"),
            (request.l2miss, info.l2miss, "Cannot change L2MISS flag"),
            (request.l3miss, info.l3miss, "Cannot change L3MISS flag"),
        ];
        for (wanted, now, words) in switches {
            if wanted.is_some_and(|wanted| wanted != now) {
                return refuse(Errno::EOPNOTSUPP, words);
            }
        }
        info.learning = request.learning.unwrap_or(info.learning);
        info.ttl = request.ttl.unwrap_or(info.ttl);
        info.tos = request.tos.unwrap_or(info.tos);
        info.df = request.df.unwrap_or(info.df);
        info.ageing = request.ageing.unwrap_or(info.ageing);
        info.max_address = request.max_address.unwrap_or(info.max_address);
        info.local = request.local.or(info.local);
        if let Some(address) = request.remote.and_then(address4) {
            vxlan.info.remote = request.remote;
            let (port, vni) = vxlan.key();
            vxlan.fdb.remove(Mac::ZERO);
            let remotes = vec![Remote { address, port, vni, via: 0 }];
            let state = nud::REACHABLE | nud::PERMANENT;
            vxlan.fdb.insert(VxlanEntry {
                mac: Mac::ZERO,
                state,
                flags: 0,
                remotes,
                used: now,
                updated: now,
            });
        }
        if let Some(lower) = lower {
            self.vxlan_stand_on(device, lower);
        }
        Ok(())
    }
}

fn address4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    }
}

fn vxlan_info(id: u32, request: &VxlanRequest) -> VxlanInfo {
    VxlanInfo {
        id,
        remote: request.remote.filter(|it| !it.is_unspecified()),
        local: request.local.filter(|it| !it.is_unspecified()),
        link: 0,
        ttl: request.ttl.unwrap_or(0),
        ttl_inherit: request.ttl_inherit.unwrap_or(false),
        tos: request.tos.unwrap_or(0),
        df: request.df.unwrap_or(0),
        flow_label: request.flow_label.unwrap_or(0),
        destination_port: request.destination_port.filter(|port| *port != 0).unwrap_or(DEFAULT_PORT),
        source_ports: request.source_ports.unwrap_or((0, 0)),
        learning: request.learning.unwrap_or(true),
        proxy: request.proxy.unwrap_or(false),
        rsc: request.rsc.unwrap_or(false),
        l2miss: request.l2miss.unwrap_or(false),
        l3miss: request.l3miss.unwrap_or(false),
        ageing: request.ageing.unwrap_or(300),
        max_address: request.max_address.unwrap_or(0),
        udp_checksum: request.udp_checksum.unwrap_or(true),
        udp6_zero_checksum_tx: request.udp6_zero_checksum_tx.unwrap_or(false),
        udp6_zero_checksum_rx: request.udp6_zero_checksum_rx.unwrap_or(false),
        external: false,
        gbp: false,
        gpe: false,
    }
}
