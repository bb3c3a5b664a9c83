//! Tests of the module they stand in.

use super::*;
use sim::Rng;

/// A DNS query from 10.0.0.1 inside VXLAN 42.
fn query_in_a_tunnel() -> Vec<u8> {
    let mut inner = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    inner.extend([0x45, 0, 0, 53, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    inner.extend([0x9c, 0x45, 0, 53, 0, 33, 0, 0]);
    inner.extend([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    inner.extend(b"\x03www\x03lab\0\0\x01\0\x01");
    let mut outer = vec![2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1, 8, 0];
    let total = 20 + 8 + 8 + inner.len() as u16;
    outer.extend([0x45, 0]);
    outer.extend(total.to_be_bytes());
    outer.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 168, 1, 11, 192, 168, 1, 12, 0xc0, 0, 0x12, 0xb5]);
    outer.extend((total - 20).to_be_bytes());
    outer.extend([0, 0, 8, 0, 0, 0, 0, 0, 42, 0]);
    outer.extend(inner);
    outer
}

fn names(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(|field| field.name.as_str()).collect()
}

#[test]
fn a_tunnel_is_opened_and_the_row_says_what_it_carries() {
    let frame = query_in_a_tunnel();
    let said = summary(&frame, Link::Ethernet);
    assert_eq!((said.protocol, said.depth), (Protocol::Vxlan, 1));
    assert_eq!((&*said.source, &*said.destination), ("192.168.1.11", "192.168.1.12"));
    assert_eq!(said.info, "VNI 42: Standard query 0x1234 A www.lab");
    assert_eq!(said.label, "A www.lab");
    let layers = tree(&frame, Link::Ethernet);
    assert_eq!(names(&layers), ["frame", "eth", "ip", "udp", "vxlan", "eth", "ip", "udp", "dns"]);
}

fn check_ranges(fields: &[Field], length: usize) {
    for field in fields {
        assert!(field.start as usize + field.length as usize <= length, "{field:?}");
        check_ranges(&field.fields, length);
    }
}

#[test]
fn any_bytes_are_taken_apart_without_panic_and_ranges_stay_inside() {
    let good = query_in_a_tunnel();
    let mut rng = Rng::stream(3, "frames");
    for round in 0..20_000 {
        let mut frame = good.clone();
        for _ in 0..rng.below(8) {
            let at = rng.below(frame.len() as u32) as usize;
            frame[at] = rng.next_u32() as u8;
        }
        // Other protocols inside, and frames cut short.
        if round % 3 == 0 {
            frame[23] = [1, 2, 4, 6, 58][rng.below(5) as usize];
        }
        frame.truncate(rng.below(frame.len() as u32 + 1) as usize);
        let layers = tree(&frame, Link::Ethernet);
        check_ranges(&layers, frame.len());
        summary(&frame, Link::Ethernet);
        check_ranges(&tree(&frame, Link::Raw), frame.len());
    }
}

#[test]
fn tags_within_tags_come_to_an_end() {
    let frame: Vec<u8> = [0; 12].into_iter().chain([0x81, 0, 0, 1].repeat(16_000)).collect();
    assert_eq!(summary(&frame, Link::Ethernet).info, "Ethertype 0x8100");
}

#[test]
fn an_option_shorter_than_its_own_head_ends_the_options() {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x9c, 0x45, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
    frame.extend([5, 1, 0, 0]);
    assert_eq!(summary(&frame, Link::Ethernet).info, "40005 → 80 [SYN] Seq=1 Win=64240 Len=0");
}
