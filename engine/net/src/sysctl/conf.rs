//! Settings that each device has its own of: `net/ipv4/conf`, `net/ipv4/neigh`, `net/ipv6/conf`.
//!
//! Always: a device starts with what `default` says; IPv4 values follow `default` until they or an address are set.
//! Differs from Linux: some (bc_forwarding, log_martians, secure_redirects and most of IPv6's) are kept and shown only.
//! Sources: kernel doc ip-sysctl; net/ipv4/devinet.c, net/core/neighbour.c, net/ipv6/addrconf.c.

macro_rules! settings {
    ($(#[$doc:meta])* $enum:ident, $count:ident { $($variant:ident $name:literal $default:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $enum { $($variant,)* }

        pub(crate) const $count: usize = $enum::ALL.len();

        impl $enum {
            pub(crate) const ALL: &'static [$enum] = &[$($enum::$variant,)*];
            pub(crate) const DEFAULTS: [i32; $enum::ALL.len()] = [$($default,)*];

            pub(crate) fn name(self) -> &'static str {
                match self { $($enum::$variant => $name,)* }
            }

            pub(crate) fn named(name: &str) -> Option<$enum> {
                match name { $($name => Some($enum::$variant),)* _ => None }
            }
        }
    };
}

settings! {
    /// `net/ipv4/conf/DEVICE`
    Conf, CONFS {
        AcceptLocal "accept_local" 0,
        AcceptRedirects "accept_redirects" 1,
        AcceptSourceRoute "accept_source_route" 0,
        ArpAccept "arp_accept" 0,
        ArpAnnounce "arp_announce" 0,
        ArpEvictNocarrier "arp_evict_nocarrier" 1,
        ArpFilter "arp_filter" 0,
        ArpIgnore "arp_ignore" 0,
        ArpNotify "arp_notify" 0,
        BcForwarding "bc_forwarding" 0,
        BootpRelay "bootp_relay" 0,
        DisablePolicy "disable_policy" 0,
        DisableXfrm "disable_xfrm" 0,
        DropGratuitousArp "drop_gratuitous_arp" 0,
        DropUnicastInL2Multicast "drop_unicast_in_l2_multicast" 0,
        ForceIgmpVersion "force_igmp_version" 0,
        Forwarding "forwarding" 0,
        Igmpv2UnsolicitedReportInterval "igmpv2_unsolicited_report_interval" 10000,
        Igmpv3UnsolicitedReportInterval "igmpv3_unsolicited_report_interval" 1000,
        IgnoreRoutesWithLinkdown "ignore_routes_with_linkdown" 0,
        LogMartians "log_martians" 0,
        McForwarding "mc_forwarding" 0,
        MediumId "medium_id" 0,
        PromoteSecondaries "promote_secondaries" 0,
        ProxyArp "proxy_arp" 0,
        ProxyArpPvlan "proxy_arp_pvlan" 0,
        RouteLocalnet "route_localnet" 0,
        RpFilter "rp_filter" 0,
        SecureRedirects "secure_redirects" 1,
        SendRedirects "send_redirects" 1,
        SharedMedia "shared_media" 1,
        SrcValidMark "src_valid_mark" 0,
        Tag "tag" 0,
    }
}

settings! {
    /// `net/ipv4/neigh/DEVICE`, times as the files have them.
    NeighConf, NEIGH_CONFS {
        AnycastDelay "anycast_delay" 100,
        AppSolicit "app_solicit" 0,
        BaseReachableTime "base_reachable_time" 30,
        BaseReachableTimeMs "base_reachable_time_ms" 30000,
        DelayFirstProbeTime "delay_first_probe_time" 5,
        GcStaleTime "gc_stale_time" 60,
        IntervalProbeTimeMs "interval_probe_time_ms" 5000,
        Locktime "locktime" 100,
        McastResolicit "mcast_resolicit" 0,
        McastSolicit "mcast_solicit" 3,
        ProxyDelay "proxy_delay" 80,
        ProxyQlen "proxy_qlen" 64,
        RetransTime "retrans_time" 100,
        RetransTimeMs "retrans_time_ms" 1000,
        UcastSolicit "ucast_solicit" 3,
        UnresQlen "unres_qlen" 101,
        UnresQlenBytes "unres_qlen_bytes" 212992,
    }
}

settings! {
    /// `net/ipv6/conf/DEVICE`
    Conf6, CONFS6 {
        AcceptDad "accept_dad" 1,
        AcceptRa "accept_ra" 1,
        AcceptRaDefrtr "accept_ra_defrtr" 1,
        AcceptRaFromLocal "accept_ra_from_local" 0,
        AcceptRaMinHopLimit "accept_ra_min_hop_limit" 1,
        AcceptRaMtu "accept_ra_mtu" 1,
        AcceptRaPinfo "accept_ra_pinfo" 1,
        AcceptRedirects "accept_redirects" 1,
        AcceptSourceRoute "accept_source_route" 0,
        AcceptUntrackedNa "accept_untracked_na" 0,
        AddrGenMode "addr_gen_mode" 0,
        Autoconf "autoconf" 1,
        DadTransmits "dad_transmits" 1,
        DisableIpv6 "disable_ipv6" 0,
        DisablePolicy "disable_policy" 0,
        DropUnicastInL2Multicast "drop_unicast_in_l2_multicast" 0,
        DropUnsolicitedNa "drop_unsolicited_na" 0,
        EnhancedDad "enhanced_dad" 1,
        ForceMldVersion "force_mld_version" 0,
        ForceTllao "force_tllao" 0,
        Forwarding "forwarding" 0,
        HopLimit "hop_limit" 64,
        IgnoreRoutesWithLinkdown "ignore_routes_with_linkdown" 0,
        KeepAddrOnDown "keep_addr_on_down" 0,
        MaxAddresses "max_addresses" 16,
        MaxDesyncFactor "max_desync_factor" 600,
        Mldv1UnsolicitedReportInterval "mldv1_unsolicited_report_interval" 10000,
        Mldv2UnsolicitedReportInterval "mldv2_unsolicited_report_interval" 1000,
        Mtu "mtu" 1280,
        NdiscEvictNocarrier "ndisc_evict_nocarrier" 1,
        NdiscNotify "ndisc_notify" 0,
        NdiscTclass "ndisc_tclass" 0,
        OptimisticDad "optimistic_dad" 0,
        ProxyNdp "proxy_ndp" 0,
        RegenMaxRetry "regen_max_retry" 3,
        RouterSolicitationDelay "router_solicitation_delay" 1,
        RouterSolicitationInterval "router_solicitation_interval" 4,
        RouterSolicitationMaxInterval "router_solicitation_max_interval" 3600,
        RouterSolicitations "router_solicitations" -1,
        SuppressFragNdisc "suppress_frag_ndisc" 1,
        TempPreferedLft "temp_prefered_lft" 86400,
        TempValidLft "temp_valid_lft" 604800,
        UseOifAddrsOnly "use_oif_addrs_only" 0,
        UseOptimistic "use_optimistic" 0,
        UseTempaddr "use_tempaddr" 0,
    }
}

/// IPv4 settings of `all`, of `default` or of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfSet {
    pub values: [i32; CONFS],
    /// Which of them no longer follow `default`.
    pub own: u64,
}

impl Default for ConfSet {
    fn default() -> ConfSet {
        ConfSet { values: Conf::DEFAULTS, own: 0 }
    }
}

impl ConfSet {
    #[inline]
    pub fn get(&self, conf: Conf) -> i32 {
        self.values[conf as usize]
    }

    pub fn set(&mut self, conf: Conf, value: i32) {
        self.values[conf as usize] = value;
        self.own |= 1 << conf as u64;
    }

    pub fn is_own(&self, conf: Conf) -> bool {
        self.own >> conf as u64 & 1 == 1
    }

    /// An address was set: from now on nothing follows `default`.
    pub fn own_all(&mut self) {
        self.own = u64::MAX;
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NeighConfSet(pub [i32; NEIGH_CONFS]);

impl Default for NeighConfSet {
    fn default() -> NeighConfSet {
        NeighConfSet(NeighConf::DEFAULTS)
    }
}

impl NeighConfSet {
    #[inline]
    pub fn get(&self, conf: NeighConf) -> i32 {
        self.0[conf as usize]
    }

    /// The pairs of files for one value in two units are kept together.
    pub fn set(&mut self, conf: NeighConf, value: i32) {
        self.0[conf as usize] = value;
        let (other, value) = match conf {
            NeighConf::BaseReachableTime => (NeighConf::BaseReachableTimeMs, value.saturating_mul(1000)),
            NeighConf::BaseReachableTimeMs => (NeighConf::BaseReachableTime, value / 1000),
            NeighConf::RetransTime => (NeighConf::RetransTimeMs, value.saturating_mul(10)),
            NeighConf::RetransTimeMs => (NeighConf::RetransTime, value / 10),
            NeighConf::UnresQlen => (NeighConf::UnresQlenBytes, value.saturating_mul(PACKET_TRUESIZE)),
            NeighConf::UnresQlenBytes => (NeighConf::UnresQlen, value / PACKET_TRUESIZE),
            _ => return,
        };
        self.0[other as usize] = value;
    }
}

/// What one full-size packet counts for in a neighbour's queue (`SKB_TRUESIZE(ETH_FRAME_LEN)`).
const PACKET_TRUESIZE: i32 = 2304;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conf6Set(pub [i32; CONFS6]);

impl Default for Conf6Set {
    fn default() -> Conf6Set {
        Conf6Set(Conf6::DEFAULTS)
    }
}

impl Conf6Set {
    #[inline]
    pub fn get(&self, conf: Conf6) -> i32 {
        self.0[conf as usize]
    }

    pub fn set(&mut self, conf: Conf6, value: i32) {
        self.0[conf as usize] = value;
    }
}
