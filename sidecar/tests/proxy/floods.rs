//! What hostile or slow peers do: they are refused or left waiting, and what is kept for them has a limit.

use crate::lab::{HTTP2, Lab, bootstrap, cluster, http_listener};
use sidecar::proxy::{ConnId, Input};

const HEADERS: u8 = 1;
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field without Huffman coding and without a place in the table.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |it: &str| [&[u8::try_from(it.len()).expect("short")], it.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

fn request(method: &str) -> Vec<u8> {
    [field(":method", method), field(":scheme", "http"), field(":path", "/"), field(":authority", "a")]
        .concat()
}

/// The frames of some bytes: kind, flags, stream, payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        found.push((head[3], head[4], stream, rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    found
}

/// The code of the GOAWAY among some bytes.
fn goaway(bytes: &[u8]) -> Option<u32> {
    let found = frames(bytes).into_iter().find(|it| it.0 == GOAWAY)?;
    Some(u32::from_be_bytes([found.3[4], found.3[5], found.3[6], found.3[7]]))
}

fn lab(more: &str) -> Lab {
    Lab::new(&bootstrap(&http_listener("in", 8080, "a", more), &cluster("a", 21001, ""), ""), &[])
}

/// A client that has said hello on HTTP/2, with settings of its own.
fn client(lab: &mut Lab, settings: &[u8]) -> ConnId {
    let conn = lab.connect(8080);
    lab.send(conn, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    lab.send(conn, &frame(SETTINGS, 0, 0, settings));
    lab.heard(conn);
    conn
}

#[test]
fn a_flood_of_resets_is_told_to_calm_down() {
    let mut lab = lab("");
    let conn = client(&mut lab, &[]);
    let (mut sent, mut heard) = (0, Vec::new());
    for stream in (1..4000).step_by(2) {
        lab.send(conn, &frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET")));
        lab.send(conn, &frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
        sent += 1;
        heard.extend(lab.heard(conn));
        if goaway(&heard).is_some() {
            break;
        }
    }
    assert!(sent <= 501, "{sent}");
    assert_eq!(goaway(&heard), Some(CALM));
    lab.wait_ms(1000);
    assert_eq!(lab.ended.get(&conn), Some(&"closed"));
    assert_eq!(lab.stat("http.in.downstream_rq_active"), 0);
    assert_eq!(lab.stat("cluster.a.upstream_rq_pending_active"), 0);
}

#[test]
fn answers_to_pings_that_nobody_reads_do_not_pile_up() {
    let mut lab = lab("");
    let conn = client(&mut lab, &[]);
    lab.handle(Input::Blocked(conn));
    for _ in 0..1000 {
        lab.send(conn, &frame(PING, 0, 0, &[0; 8]));
    }
    assert!(lab.heard(conn).is_empty() && !lab.ended.contains_key(&conn));
    lab.send(conn, &frame(PING, 0, 0, &[0; 8]));
    assert_eq!(goaway(&lab.heard(conn)), Some(CALM));
    lab.wait_ms(1000);
    assert_eq!(lab.ended.get(&conn), Some(&"closed"));
}

#[test]
fn headers_without_an_end_are_cut_off() {
    let mut lab = lab("");
    let conn = client(&mut lab, &[]);
    lab.send(conn, &frame(HEADERS, 0, 1, &request("GET")));
    let (mut sent, mut heard) = (0, Vec::new());
    while goaway(&heard).is_none() && sent < 1000 {
        lab.send(conn, &frame(CONTINUATION, 0, 1, &field("a", &"x".repeat(120))));
        heard.extend(lab.heard(conn));
        sent += 1;
    }
    assert!(sent < 100, "{sent}");
    assert_eq!(goaway(&heard), Some(CALM));
}

#[test]
fn a_bomb_of_indexed_fields_costs_its_stream_only() {
    let mut lab = lab("");
    let conn = client(&mut lab, &[]);
    // One field of four thousand bytes goes into the table, and is then named by one byte each.
    let value = "x".repeat(3900);
    let length = [0x7f, (3900 - 127) as u8 | 0x80, ((3900 - 127) >> 7) as u8];
    let bomb = [&[0x40, 1, b'b'][..], &length, value.as_bytes(), &[0xbe; 4000]].concat();
    lab.send(conn, &frame(HEADERS, END_STREAM | END_HEADERS, 1, &[request("GET"), bomb].concat()));
    let heard = frames(&lab.heard(conn));
    assert!(heard.iter().any(|it| it.0 == RST_STREAM && it.2 == 1), "{heard:?}");
    assert!(!lab.ended.contains_key(&conn));
}

#[test]
fn empty_frames_are_no_way_to_keep_busy() {
    let mut lab = lab("");
    let conn = client(&mut lab, &[]);
    lab.send(conn, &frame(HEADERS, END_HEADERS, 1, &request("POST")));
    for _ in 0..2 {
        lab.send(conn, &frame(DATA, 0, 1, &[]));
    }
    assert!(goaway(&lab.heard(conn)).is_some());
}

#[test]
fn a_head_that_is_too_large_or_too_slow_is_refused() {
    let mut lab = lab("request_headers_timeout: 1s");
    let large = lab.connect(8080);
    lab.send(large, format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(70_000)).as_bytes());
    assert!(lab.heard_text(large).starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    lab.wait_ms(999);
    assert!(!lab.ended.contains_key(&large), "the client may close first");
    lab.wait_ms(1);
    assert_eq!(lab.ended.get(&large), Some(&"closed"));
    let slow = lab.connect(8080);
    lab.send(slow, b"GET / HTTP/1.1\r\nhost:");
    lab.wait_ms(999);
    assert!(!lab.ended.contains_key(&slow));
    lab.wait_ms(2);
    assert!(lab.heard_text(slow).starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    lab.handle(Input::Ended(slow));
    assert_eq!(lab.ended.get(&slow), Some(&"closed"));
}

#[test]
fn a_client_that_takes_nothing_stops_the_host_and_no_other_client() {
    let mut lab = lab("");
    // An initial window of nought.
    let greedy = client(&mut lab, &[0, 4, 0, 0, 0, 0]);
    lab.send(greedy, &frame(HEADERS, END_STREAM | END_HEADERS, 1, &request("GET")));
    let host = lab.open();
    lab.send(host, b"HTTP/1.1 200 OK\r\ncontent-length: 4194304\r\n\r\n");
    let piece = vec![b'x'; 1 << 16];
    let mut given = 0;
    while lab.paused.get(&host) != Some(&true) && given < 64 {
        lab.send(host, &piece);
        given += 1;
    }
    assert_eq!(given, 16, "a mebibyte waits and no more is read");
    let modest = lab.connect(8080);
    lab.send(modest, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let other = lab.open();
    lab.send(other, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert!(lab.heard_text(modest).ends_with("\r\n\r\nok"));
    for stream in [0, 1] {
        lab.send(greedy, &frame(WINDOW_UPDATE, 0, stream, &(1u32 << 24).to_be_bytes()));
    }
    assert_eq!(lab.paused.get(&host), Some(&false));
    let body: usize = frames(&lab.heard(greedy)).iter().filter(|it| it.0 == DATA).map(|it| it.3.len()).sum();
    assert_eq!(body, 1 << 20);
}

#[test]
fn a_host_that_takes_nothing_stops_its_client_stream_and_no_other() {
    let mut lab =
        Lab::new(&bootstrap(&http_listener("in", 8080, "a", ""), &cluster("a", 21001, HTTP2), ""), &[]);
    let conn = client(&mut lab, &[]);
    lab.send(conn, &frame(HEADERS, END_HEADERS, 1, &request("POST")));
    let host = lab.open();
    lab.send(host, &frame(SETTINGS, 0, 0, &[]));
    lab.heard(host);
    // The proxy opens a window of 16 MiB to its client, and gives none of it back while the host takes nothing.
    let piece = vec![b'x'; 1 << 14];
    for _ in 0..1000 {
        lab.send(conn, &frame(DATA, 0, 1, &piece));
    }
    let returned =
        |heard: &[u8]| frames(heard).iter().filter(|it| it.0 == WINDOW_UPDATE && it.2 == 1).count();
    let heard = lab.heard(conn);
    assert_eq!(returned(&heard), 0);
    assert!(!lab.paused.contains_key(&conn), "other streams of the client go on");
    for stream in [0, 1] {
        lab.send(host, &frame(WINDOW_UPDATE, 0, stream, &(1u32 << 28).to_be_bytes()));
    }
    assert_eq!(returned(&lab.heard(conn)), 1);
}

#[test]
fn connections_that_come_and_go_leave_nothing_behind() {
    let mut lab = lab("");
    for turn in 0..500 {
        let conn = lab.connect(8080);
        match turn % 4 {
            0 => {}
            1 => lab.send(conn, b"GET / HT"),
            2 => lab.send(conn, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf"),
            _ => lab.send(conn, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        }
        lab.handle(Input::Closed { conn, is_reset: turn % 3 == 0 });
    }
    for name in [
        "http.in.downstream_cx_active",
        "http.in.downstream_rq_active",
        "listener.127.0.0.1_8080.downstream_cx_active",
        "cluster.a.upstream_rq_pending_active",
        "cluster.a.upstream_rq_active",
    ] {
        assert_eq!(lab.stat(name), 0, "{name}");
    }
}
