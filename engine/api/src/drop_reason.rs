//! Why a packet ended. Named as in the kernel's `enum skb_drop_reason`, so that it can be searched for.
//!
//! Always: each reason has a kernel-style name and one plain sentence.
//! Sources: linux include/net/dropreason-core.h; bridge and vxlan reasons: include/net/dropreason*.h, vxlan.h.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $name:literal $text:literal)*) => {
        /// Why a packet ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum DropReason { $(#[doc = $text] $variant,)* }

        impl DropReason {
            pub const ALL: &'static [DropReason] = &[$(DropReason::$variant),*];

            /// The kernel's name, without `SKB_DROP_REASON_`.
            pub fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name),* }
            }

            /// One plain sentence for a learner.
            pub fn explain(self) -> &'static str {
                match self { $(DropReason::$variant => $text),* }
            }
        }
    };
}

reasons! {
    NoSocket "NO_SOCKET" "Nobody listens on that port: TCP answers with a reset, UDP with ICMP port unreachable."
    PktTooSmall "PKT_TOO_SMALL" "The packet is shorter than its headers say."
    TcpCsum "TCP_CSUM" "The TCP checksum is wrong."
    UdpCsum "UDP_CSUM" "The UDP checksum is wrong."
    IcmpCsum "ICMP_CSUM" "The ICMP checksum is wrong."
    IpCsum "IP_CSUM" "The IP header checksum is wrong."
    IpInHdr "IP_INHDR" "The IP header is malformed."
    IpRpFilter "IP_RPFILTER" "Reverse path filter: the way back to the sender does not lead out of the interface it came in on."
    IpInvalidSource "IP_INVALID_SOURCE" "The source address cannot be a sender (martian source)."
    IpLocalSource "IP_LOCAL_SOURCE" "The source address is one of this machine's own (martian source)."
    IpInNoRoutes "IP_INNOROUTES" "No route to the destination for a packet that came in."
    IpOutNoRoutes "IP_OUTNOROUTES" "No route to the destination for a packet made here."
    IpForwardingDisabled "IP_FORWARDING_DISABLED" "This machine is not a router: net.ipv4.ip_forward is 0."
    IpBlackhole "IP_BLACKHOLE" "The route is a blackhole: packets are dropped without a word."
    IpUnreachable "IP_UNREACHABLE" "The route says unreachable: the sender is told."
    IpProhibit "IP_PROHIBIT" "The route says prohibit: the sender is told communication is administratively prohibited."
    TtlExceeded "IP_TTL_EXCEEDED" "The time to live reached zero on this router."
    PktTooBig "PKT_TOO_BIG" "Larger than the MTU of the way out, and fragmenting is forbidden."
    FragReasmTimeout "FRAG_REASM_TIMEOUT" "Not all fragments came within 30 seconds."
    FragTooFar "FRAG_TOO_FAR" "Too many fragments are waiting."
    NeighFailed "NEIGH_FAILED" "ARP asked three times and nobody answered."
    NeighQueueFull "NEIGH_QUEUEFULL" "Too many packets wait for the same ARP answer."
    NeighDead "NEIGH_DEAD" "The neighbour entry was removed while the packet waited."
    NetfilterDrop "NETFILTER_DROP" "A netfilter rule or a chain's policy dropped it."
    NetfilterReject "NETFILTER_REJECT" "A netfilter rule rejected it and told the sender."
    ConntrackInvalid "NETFILTER_DROP_INVALID" "Connection tracking could not place it (state INVALID)."
    NatExhausted "NETFILTER_DROP_NAT" "NAT found no free port for the reply direction."
    DevReady "DEV_READY" "The device is down or has no carrier."
    OtherHost "OTHERHOST" "The frame is addressed to another machine's MAC."
    UnhandledProto "UNHANDLED_PROTO" "Nothing here speaks that protocol."
    IpNoProto "IP_NOPROTO" "No transport or raw socket takes that IP protocol."
    BridgeIngressStpState "BRIDGE_INGRESS_STP_STATE" "The bridge port does not forward yet (STP or forward delay)."
    BridgeNoEgressPort "BRIDGE_NO_EGRESS_PORT" "The bridge has no other port to send it out of."
    BridgeHairpin "BRIDGE_HAIRPIN_OFF" "The destination is behind the port it came from, and hairpin is off."
    LocalMac "LOCAL_MAC" "The frame came in with our own source MAC."
    VxlanNoRemote "VXLAN_NO_REMOTE" "The VXLAN FDB names no remote VTEP for that MAC."
    VxlanVniNotFound "VXLAN_VNI_NOT_FOUND" "No VXLAN device here has that VNI."
    VxlanInvalidHdr "VXLAN_INVALID_HDR" "The VXLAN header is malformed."
    VxlanEntryLocal "VXLAN_ENTRY_LOCAL" "The destination VTEP is this machine itself."
    TunnelTxLoop "RECURSION_LIMIT" "The packet went through too many devices at one stroke (a loop)."
    CableLoss "CABLE_LOSS" "The cable lost it, as this lab asks for."
    QdiscDrop "QDISC_DROP" "The queue of the sending device is full."
    SocketFilter "SOCKET_FILTER" "The socket's own filter refused it."
    SocketRcvbuff "SOCKET_RCVBUFF" "The receiving program is too slow: its socket buffer is full."
    TcpFlags "TCP_FLAGS" "The TCP flags make no sense for that connection."
    TcpListenOverflow "TCP_LISTEN_OVERFLOW" "The listener's backlog is full."
    TcpOldSequence "TCP_OLD_SEQUENCE" "A segment that was already received."
    IcmpRateLimit "ICMP_RATELIMIT" "The kernel limits how many ICMP errors it sends."
    ArpNotForUs "ARP_IGNORE" "The ARP request asks for an address this machine does not have."
    UnicastInMulticast "UNICAST_IN_L2_MULTICAST" "A unicast IP packet in a broadcast or multicast frame: not forwarded."
    Ipv6Disabled "IPV6DISABLED" "IPv6 does not carry traffic in this version."
    DeviceGone "DEV_GONE" "The device was removed while the packet was on its way."
}
