//! Tests of the module they stand in.

use super::*;
use sim::Rng;

fn ethernet(text: &str) -> Result<Compiled, Refusal> {
    let mut names = Names {
        services: "http 80/tcp\ndomain 53/tcp\ndomain 53/udp\nssh 22/tcp\n".into(),
        ..Names::default()
    };
    names.hosts.insert("web".into(), vec![[10, 0, 0, 2].into()]);
    compile(text, LinkType::Ethernet, Some(0xffff_ff00), true, &names)
}

fn refusal(text: &str) -> String {
    ethernet(text).err().map_or_else(|| "accepted".into(), |refusal| refusal.0)
}

/// TCP from 10.0.0.1:40000 to 10.0.0.2:80 with those flags.
fn tcp(flags: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    frame
}

fn arp() -> Vec<u8> {
    let mut frame = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6];
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
    frame
}

fn takes(text: &str, frame: &[u8]) -> bool {
    let compiled = ethernet(text).unwrap_or_else(|refusal| panic!("{text}: {}", refusal.0));
    compiled.matches(&Input { bytes: frame, outgoing: false, ifindex: 2 })
}

#[test]
fn primitives_take_what_they_name() {
    for text in [
        "tcp",
        "host 10.0.0.1",
        "host web",
        "src net 10.0.0.0/24 and dst port http",
        "tcp port 80 or 443",
        "port (22 or 80)",
        "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
        "tcp[13] = 2",
        "ether host 02:00:00:00:00:01 and not broadcast",
        "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) = 0)",
        "portrange 100-10 and len < 60",
        "inbound and ifindex 2",
    ] {
        assert!(takes(text, &tcp(2)), "{text}");
    }
    for text in
        ["udp", "arp", "host 10.0.0.9", "src port 80", "tcp[13] & 16 != 0", "not tcp", "tcp[1000] = 1 or tcp"]
    {
        assert!(!takes(text, &tcp(2)), "{text}");
    }
    assert!(takes("host 10.0.0.2 and arp[6:2] = 1 and broadcast", &arp()));
}

#[test]
fn and_and_or_bind_equally_from_the_left() {
    assert!(!takes("port 80 or port 80 and port 81", &tcp(2)));
    assert!(takes("port 81 and port 80 or port 80", &tcp(2)));
}

#[test]
fn refusals_have_the_words_of_libpcap() {
    let syntax = "can't parse filter expression: syntax error";
    for (text, words) in [
        ("foo", syntax),
        ("10.0.0.1", syntax),
        ("tcp and foo", "syntax error in filter expression"),
        ("port 80 and", syntax),
        ("(port 80", syntax),
        ("ip proto tcp", syntax),
        ("port foo", "unknown port 'foo'"),
        ("port 70000", "illegal port number 70000 > 65535"),
        ("udp port http", "port 'http' is tcp"),
        ("net 10.0.0.1/24", "non-network bits set in \"10.0.0.1/24\""),
        ("host 10.0.0.0/24", "Mask syntax for networks only"),
        ("host 10.0.0.256", "invalid IPv4 address '10.0.0.256'"),
        ("tcp host 1.2.3.4", "'tcp' modifier applied to host"),
        ("tcp[13:3] = 1", "data size must be 1, 2, or 4"),
        ("tcp[13] = 1/0", "division by zero"),
        ("less 09", "number 09 contains non-octal digit"),
        ("arp and ip", "expression rejects all packets"),
        ("tcp and udp", "expression rejects all packets"),
    ] {
        assert_eq!(refusal(text), words, "{text}");
    }
    assert_eq!(
        ethernet("host nobody").err().and_then(|refusal| refusal.wanted().map(str::to_string)),
        Some("nobody".into())
    );
}

#[test]
fn no_expression_and_no_packet_makes_it_panic() {
    let words = [
        "tcp",
        "ip",
        "[",
        "]",
        "(",
        ")",
        "host",
        "port",
        "and",
        "or",
        "not",
        "10.0.0.1",
        "/",
        "8",
        "net",
        "=",
        "&",
        "0x",
        "tcp[",
        "13",
        "len",
        "-",
        "<<",
        "40",
        "/",
        "0",
        "mask",
        "src",
        "dst",
        "vlan",
        "ether",
        "::1",
        "fe80::/10",
        "\\tcp",
        "proto",
        "1:2:3:4:5:6",
        "%",
        "!",
        "less",
        "99999999999",
        "é",
        "portrange",
        "1-2",
        "a-b",
    ];
    let mut rng = Rng::stream(1, "filters");
    let frame = tcp(18);
    for _ in 0..20_000 {
        let count = rng.below(8) + 1;
        let text: Vec<&str> = (0..count).map(|_| words[rng.below(words.len() as u32) as usize]).collect();
        let text = text.join(if rng.below(4) == 0 { "" } else { " " });
        if let Ok(compiled) = ethernet(&text) {
            let cut = rng.below(frame.len() as u32 + 1) as usize;
            compiled.matches(&Input { bytes: &frame[..cut], outgoing: true, ifindex: 1 });
        }
    }
    for deep in ["(", "not ", "tcp[", "- "] {
        assert!(ethernet(&deep.repeat(15_000)).is_err());
    }
    assert!(ethernet(&["port 1"; 5_000].join(" or ")).is_ok());
}
