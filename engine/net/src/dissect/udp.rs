//! UDP, and VXLAN inside it. Sources: RFC 768, 7348.

use super::field::{Layer, with};
use super::ip::Ends;
use super::{DEPTH, Dissector, dns, ethernet};
use api::event::Protocol;

const HEADER: usize = 8;
const VXLAN_HEADER: usize = 8;
const VXLAN_PORT: u16 = 4789;
/// What Linux takes unless told, and flannel with it.
const VXLAN_LINUX_PORT: u16 = 8472;

pub(super) fn udp(to: &mut Dissector, ends: Ends, udp: Layer) {
    let (Some(src), Some(dst), Some(length)) = (udp.u16(0), udp.u16(2), udp.u16(4)) else {
        return to.say(Protocol::Udp, "Truncated UDP header", "UDP");
    };
    to.layer(|| {
        with(
            udp.field(
                "udp",
                0,
                HEADER,
                format!("User Datagram Protocol, Src Port: {src}, Dst Port: {dst}"),
                "",
            ),
            vec![
                udp.plain("udp.srcport", "Source Port", 0, 2, src),
                udp.plain("udp.dstport", "Destination Port", 2, 2, dst),
                udp.plain("udp.length", "Length", 4, 2, length),
                udp.hex("udp.checksum", "Checksum", 6, 2, udp.u16(6).unwrap_or_default().into()),
            ],
        )
    });
    let payload = udp.first(usize::from(length).max(HEADER)).after(HEADER);
    let length = payload.bytes.len();
    to.say(Protocol::Udp, format!("{src} → {dst} Len={length}"), format!("{length} B to {}:{dst}", ends.dst));
    let vxlan_port = |port| port == VXLAN_PORT || port == VXLAN_LINUX_PORT;
    if vxlan_port(dst) && payload.u8(0).is_some_and(|flags| flags & 0x08 != 0) && to.summary.depth < DEPTH {
        vxlan(to, payload);
    } else if src == 53 || dst == 53 {
        dns::dns(to, payload);
    } else if length > 0 {
        to.layer(|| payload.field("data", 0, length, format!("Data ({length} bytes)"), ""));
    }
}

fn vxlan(to: &mut Dissector, vxlan: Layer) {
    let (Some(flags), Some(word)) = (vxlan.u16(0), vxlan.u32(4)) else { return };
    let vni = word >> 8;
    to.layer(|| {
        with(
            vxlan.field(
                "vxlan",
                0,
                VXLAN_HEADER,
                format!("Virtual eXtensible Local Area Network, VNI: {vni}"),
                "",
            ),
            vec![
                vxlan.hex("vxlan.flags", "Flags", 0, 2, flags.into()),
                vxlan.plain("vxlan.gbp", "Group Policy ID", 2, 2, vxlan.u16(2).unwrap_or_default()),
                vxlan.plain("vxlan.vni", "VXLAN Network Identifier (VNI)", 4, 3, vni),
            ],
        )
    });
    let (source, destination) = (to.summary.source.clone(), to.summary.destination.clone());
    to.summary.depth += 1;
    ethernet::ethernet(to, vxlan.after(VXLAN_HEADER));
    // The row is about the outer packet and says what it carries.
    to.ends(source, destination);
    to.summary.info = format!("VNI {vni}: {}", to.summary.info);
    to.summary.protocol = Protocol::Vxlan;
}
