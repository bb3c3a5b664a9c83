//! ARP. Source: RFC 826, RFC 5227 (probe, announcement).

use super::Dissector;
use super::field::{Layer, with};
use api::event::Protocol;

const LENGTH: usize = 28;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

pub(super) fn arp(to: &mut Dissector, arp: Layer) {
    let (Some(operation), Some(sender_mac), Some(sender), Some(target_mac), Some(target)) =
        (arp.u16(6), arp.mac(8), arp.ipv4(14), arp.mac(18), arp.ipv4(24))
    else {
        return to.say(Protocol::Arp, "Truncated ARP message", "ARP");
    };
    let (info, label) = match operation {
        REQUEST if sender == target => {
            (format!("Gratuitous ARP for {target} (Request)"), format!("I have {target}"))
        }
        REQUEST if sender.is_unspecified() => {
            (format!("Who has {target}? (ARP Probe)"), format!("who has {target}?"))
        }
        REQUEST => (format!("Who has {target}? Tell {sender}"), format!("who has {target}?")),
        REPLY => (format!("{sender} is at {sender_mac}"), format!("{sender} is at {sender_mac}")),
        other => (format!("Operation {other}"), "ARP".into()),
    };
    to.layer(|| {
        let what = match operation {
            REQUEST => "request",
            REPLY => "reply",
            _ => "unknown",
        };
        with(
            arp.field("arp", 0, LENGTH, format!("Address Resolution Protocol ({what})"), ""),
            vec![
                arp.plain("arp.hw.type", "Hardware type", 0, 2, arp.u16(0).unwrap_or_default()),
                arp.hex("arp.proto.type", "Protocol type", 2, 2, arp.u16(2).unwrap_or_default().into()),
                arp.plain("arp.hw.size", "Hardware size", 4, 1, arp.u8(4).unwrap_or_default()),
                arp.plain("arp.proto.size", "Protocol size", 5, 1, arp.u8(5).unwrap_or_default()),
                arp.field("arp.opcode", 6, 2, format!("Opcode: {what} ({operation})"), operation),
                arp.plain("arp.src.hw_mac", "Sender MAC address", 8, 6, sender_mac),
                arp.plain("arp.src.proto_ipv4", "Sender IP address", 14, 4, sender),
                arp.plain("arp.dst.hw_mac", "Target MAC address", 18, 6, target_mac),
                arp.plain("arp.dst.proto_ipv4", "Target IP address", 24, 4, target),
            ],
        )
    });
    to.say(Protocol::Arp, info, label);
}
