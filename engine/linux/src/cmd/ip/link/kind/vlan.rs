//! `type vlan`: id, protocol and flags.

use super::{not_simulated, unknown};
use crate::cmd::iproute2::{Printer, Stop, Words, matches, number};
use net::rtnetlink::VlanRequest;

pub fn parse(words: &mut Words<'_>, request: &mut VlanRequest) -> Result<(), Stop> {
    while let Some(word) = words.next() {
        if matches(word, "protocol") {
            let value = words.value()?;
            request.protocol = Some(match value.to_ascii_lowercase().as_str() {
                "802.1q" => 0x8100,
                "802.1ad" => 0x88a8,
                _ => number::hexadecimal(value)
                    .and_then(|protocol| u16::try_from(protocol).ok())
                    .ok_or_else(|| Stop::wrong("protocol is invalid", value))?,
            });
        } else if matches(word, "id") {
            let value = words.value()?;
            request.id = Some(number::unsigned(value).ok_or_else(|| Stop::wrong("id is invalid", value))?);
        } else if matches(word, "reorder_hdr") {
            request.reorder_header = Some(words.on_off("reorder_hdr")?);
        } else if matches(word, "gvrp") {
            request.gvrp = Some(words.on_off("gvrp")?);
        } else if matches(word, "mvrp") {
            request.mvrp = Some(words.on_off("mvrp")?);
        } else if matches(word, "loose_binding") {
            request.loose_binding = Some(words.on_off("loose_binding")?);
        } else if matches(word, "bridge_binding") {
            request.bridge_binding = Some(words.on_off("bridge_binding")?);
        } else if let Some(option) =
            ["ingress-qos-map", "egress-qos-map"].iter().find(|option| matches(word, option))
        {
            return Err(not_simulated(option));
        } else if matches(word, "help") {
            return Err(unknown(String::new(), "vlan"));
        } else {
            return Err(unknown(format!("vlan: unknown command \"{word}\"?\n"), "vlan"));
        }
    }
    Ok(())
}

pub fn print(out: &mut Printer, protocol: u16, id: u16, reorder_header: bool) {
    let protocol = match protocol {
        0x8100 => "802.1Q".to_owned(),
        0x88a8 => "802.1ad".to_owned(),
        other => format!("[{other}]"),
    };
    out.field("protocol", &protocol, format_args!("protocol {protocol} "));
    out.field("id", id, format_args!("id {id} "));
    out.open_array("flags");
    out.text("<");
    if reorder_header {
        out.item("REORDER_HDR", "REORDER_HDR");
    }
    out.close_array();
    out.text("> ");
}
