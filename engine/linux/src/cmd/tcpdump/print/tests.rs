//! Tests of the module they stand in.

use super::*;
use sim::Rng;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

const MACS: &str = "020000000002 020000000001";
/// 10.0.0.1 > 10.0.0.2, SYN with Linux's options.
const SYN: &str = "0800 4500003c00074000400626ae 0a000001 0a000002 9c410050 000003e8 00000000 a002fa3c 0000 0000 \
    020405b4 0402080a 00000001 00000000 0103030a";
const ARP: &str = "0806 0001080006040001 020000000001 0a000001 000000000000 0a000002";
/// A? www.lab. from port 40005 with an OPT record.
const QUERY: &str = "0800 4500004c00000000401166a0 0a000001 0a000002 9c450035 00380000 1234 0120 0001 0000 0000 0001 \
    0377777703 6c616200 0001 0001 0000 29 04d0 00000000 000c 000a 0008 3132333435363738";
/// Port unreachable for UDP to port 9.
const UNREACHABLE: &str = "0800 45c0003a00000000400166bf 0a000002 0a000001 0303fbf1 00000000 \
    4500001e00004000401126cd 0a000001 0a000002 9c44 0009 000a 0000 780a";
/// ARP inside VXLAN 42.
const TUNNEL: &str = "0800 4500 004e 0000 0000 4011 f73a c0a8010b c0a8010c c000 12b5 003a 0000 0800000000002a00 \
    ffffffffffff 020000000001 0806 0001080006040001 020000000001 0a000001 000000000000 0a000002";

fn printed(style: Style, frames: &[&str]) -> String {
    let lookup = Lookup { services: Services::parse("http 80/tcp\ndomain 53/udp\n"), ..Lookup::default() };
    let (mut sequences, mut times, mut all) = (Sequences::default(), Times::default(), String::new());
    for (number, frame) in frames.iter().enumerate() {
        let bytes = bytes(&format!("{MACS}{frame}"));
        let at = Duration::new(1_700_000_000, 250_000_000) + Duration::from_secs(number as u64);
        let record = Record { at, bytes: &bytes, length: bytes.len() as u32, number: number as u64 + 1 };
        let (text, after, _) = Printer::new(&style, &lookup, sequences).print(&record, &mut times);
        sequences = after;
        all += &text;
    }
    all
}

fn plain() -> Style {
    Style { numeric: 1, time: 1, ..Style::default() }
}

#[test]
fn one_line_a_packet() {
    let text = printed(plain(), &[SYN, ARP, QUERY, UNREACHABLE, TUNNEL]);
    let expected = "\
IP 10.0.0.1.40001 > 10.0.0.2.80: Flags [S], seq 1000, win 64060, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10], length 0
ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28
IP 10.0.0.1.40005 > 10.0.0.2.53: 4660+ [1au] A? www.lab. (48)
IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 udp port 9 unreachable, length 38
IP 192.168.1.11.49152 > 192.168.1.12.4789: VXLAN, flags [I] (0x08), vni 42
ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28
";
    assert_eq!(text, expected);
}

#[test]
fn verbose_and_link_level_forms() {
    let style = Style { link: true, verbose: 2, ..plain() };
    assert_eq!(
        printed(style, &[ARP, QUERY]),
        "\
02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype ARP (0x0806), length 42: Ethernet (len 6), IPv4 (len 4), Request who-has 10.0.0.2 tell 10.0.0.1, length 28
02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800), length 90: (tos 0x0, ttl 64, id 0, offset 0, flags [none], proto UDP (17), length 76, bad cksum 66a0 (->669f)!)
    10.0.0.1.40005 > 10.0.0.2.53: [no cksum] 4660+ [1au] A? www.lab. ar: . OPT UDPsize=1232 [COOKIE 3132333435363738] (48)
"
    );
}

#[test]
fn names_and_time_stamps() {
    let style = Style { time: 4, ..Style::default() };
    assert_eq!(
        printed(style, &[ARP]),
        "2023-11-14 22:13:20.250000 ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n"
    );
    let text = printed(Style { time: 3, quiet: 1, ..Style::default() }, &[SYN, SYN]);
    assert_eq!(
        text,
        " 00:00:00.000000 IP 10.0.0.1.40001 > 10.0.0.2.http: tcp 0\n 00:00:01.000000 IP 10.0.0.1.40001 > 10.0.0.2.http: tcp 0\n"
    );
}

#[test]
fn hexadecimal_begins_behind_the_link_layer() {
    let style = Style { hex_ascii: 1, ..plain() };
    assert_eq!(
        printed(style, &[ARP]),
        "\
ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28
\t0x0000:  0001 0800 0604 0001 0200 0000 0001 0a00  ................
\t0x0010:  0001 0000 0000 0000 0a00 0002            ............
"
    );
}

#[test]
fn no_bytes_make_it_panic() {
    let mut rng = Rng::stream(2, "packets");
    let lookup = Lookup::default();
    for round in 0..30_000_u32 {
        let frames = [SYN, ARP, QUERY, UNREACHABLE, TUNNEL];
        let mut frame = bytes(&format!("{MACS}{}", frames[rng.below(5) as usize]));
        for _ in 0..rng.below(6) {
            let at = rng.below(frame.len() as u32) as usize;
            frame[at] = rng.next_u32() as u8;
        }
        if round % 2 == 0 {
            let protocols = [1, 2, 4, 6, 17, 41, 47, 58];
            frame[23] = protocols[rng.below(8) as usize];
        }
        let length = frame.len() as u32;
        frame.truncate(rng.below(length + 1).max(1) as usize);
        let verbose = rng.below(4);
        let style =
            Style { verbose, link: round % 3 == 0, hex: rng.below(2), cooked: round % 11 == 0, ..plain() };
        let record = Record { at: Duration::ZERO, bytes: &frame, length, number: 1 };
        Printer::new(&style, &lookup, Sequences::default()).print(&record, &mut Times::default());
    }
}
