//! Numbers that have names: EtherTypes, IP protocols; bits that have letters.
//!
//! Sources: tcpdump 4.99.3, print-ether.c, ipproto.c, util-print.c (`tok2str`, `bittok2str`).

pub(super) type Table = &'static [(u32, &'static str)];

pub(super) fn word(table: Table, value: u32) -> Option<&'static str> {
    table.iter().find(|(number, _)| *number == value).map(|(_, word)| *word)
}

/// The names of all bits that are set, or `none`.
pub(super) fn bits(table: Table, value: u32, none: &str, between: &str) -> String {
    let set: Vec<&str> =
        table.iter().filter(|(bits, _)| value & bits == *bits).map(|(_, word)| *word).collect();
    if set.is_empty() { none.to_string() } else { set.join(between) }
}

pub(super) const ETHERTYPES: Table = &[
    (0x0800, "IPv4"),
    (0x8847, "MPLS unicast"),
    (0x8848, "MPLS multicast"),
    (0x86dd, "IPv6"),
    (0x8100, "802.1Q"),
    (0x9100, "802.1Q-9100"),
    (0x88a8, "802.1Q-QinQ"),
    (0x9200, "802.1Q-9200"),
    (0x88e5, "802.1AE MACsec"),
    (0x0806, "ARP"),
    (0x8035, "Reverse ARP"),
    (0x1000, "Trail"),
    (0x6558, "TEB"),
    (0x809b, "Appletalk"),
    (0x80f3, "Appletalk ARP"),
    (0x8137, "IPX"),
    (0x880b, "PPP"),
    (0x8809, "Slow Protocols"),
    (0x8863, "PPPoE D"),
    (0x8864, "PPPoE S"),
    (0x888e, "EAPOL"),
    (0x8870, "Jumbo"),
    (0x894f, "NSH"),
    (0x9000, "Loopback"),
    (0x8902, "CFM"),
    (0x88cc, "LLDP"),
    (0x88ca, "TIPC"),
    (0x88a2, "AoE"),
    (0x88f7, "PTP"),
];

pub(super) const PROTOCOLS: Table = &[
    (0, "Options"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPIP"),
    (6, "TCP"),
    (8, "EGP"),
    (9, "IGRP"),
    (17, "UDP"),
    (33, "DCCP"),
    (41, "IPv6"),
    (43, "Routing"),
    (44, "Fragment"),
    (46, "RSVP"),
    (47, "GRE"),
    (50, "ESP"),
    (51, "AH"),
    (55, "Mobile IP"),
    (58, "ICMPv6"),
    (62, "Mobile IP (old)"),
    (88, "EIGRP"),
    (89, "OSPF"),
    (103, "PIM"),
    (108, "Compressed IP"),
    (112, "VRRP"),
    (113, "PGM"),
    (132, "SCTP"),
    (135, "Mobility"),
    (143, "Ethernet"),
];

/// /etc/protocols, for `ip-proto-N` without `-n`.
pub(super) const PROTOCOL_NAMES: Table = &[
    (0, "ip"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipencap"),
    (6, "tcp"),
    (8, "egp"),
    (9, "igp"),
    (17, "udp"),
    (41, "ipv6"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (132, "sctp"),
];

/// `2h3m`, as tcpdump prints times to live with `-vvv`.
pub(super) fn relative(mut seconds: u32) -> String {
    if seconds == 0 {
        return "0s".into();
    }
    let mut text = String::new();
    for (unit, letter) in [(31_536_000, 'y'), (604_800, 'w'), (86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')]
    {
        if seconds >= unit {
            text += &format!("{}{letter}", seconds / unit);
            seconds %= unit;
        }
    }
    text
}
