//! Two codecs talk to each other; then raw frames that no honest peer sends.

use super::*;
use proptest::prelude::*;

fn settings() -> Settings {
    Settings::new(&Http2ProtocolOptions::default(), &crate::http1::Limits::default())
}

fn small_windows() -> Settings {
    Settings { stream_window: 65_535, connection_window: 65_535, ..settings() }
}

/// Lets both take what the other sends, until both are silent.
fn talk(a: &mut Codec, b: &mut Codec) {
    loop {
        let (mut to_b, mut to_a) = (Vec::new(), Vec::new());
        a.take_output(&mut to_b);
        b.receive(&to_b).expect("honest");
        b.take_output(&mut to_a);
        a.receive(&to_a).expect("honest");
        if to_a.is_empty() && to_b.is_empty() {
            return;
        }
    }
}

fn pair() -> (Codec, Codec) {
    let (mut client, mut server) = (Codec::client(settings()), Codec::server(settings()));
    talk(&mut client, &mut server);
    (client, server)
}

fn request() -> HeaderMap {
    HeaderMap::from_iter([
        ("x-a", "1"),
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/p"),
        (":authority", "a"),
    ])
}

/// What happened, a line each.
fn told(codec: &mut Codec) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = codec.poll() {
        lines.push(match event {
            Event::Headers { stream, headers, end } => format!("{stream} headers {headers:?} {end}"),
            Event::Data { stream, bytes, end } => format!("{stream} data {} {end}", bytes.len()),
            Event::Trailers { stream, headers } => format!("{stream} trailers {headers:?}"),
            Event::Reset { stream, code, details } => format!("{stream} reset {code} {details}"),
            Event::GoAway { last, code } => format!("goaway {last} {code}"),
            Event::WindowOpen { stream } => format!("{stream} window"),
        });
    }
    lines
}

#[test]
fn a_request_is_answered_with_a_body_and_trailers() {
    let (mut client, mut server) = pair();
    let stream = client.open().expect("room");
    client.send_headers(stream, &request(), true);
    talk(&mut client, &mut server);
    let headers =
        r#"[(":method", "GET"), (":scheme", "http"), (":path", "/p"), (":authority", "a"), ("x-a", "1")]"#;
    assert_eq!(told(&mut server), [format!("1 headers {headers} true")]);
    server.send_headers(1, &HeaderMap::from_iter([(":status", "200")]), false);
    server.send_data(1, b"hello", false);
    server.send_trailers(1, &HeaderMap::from_iter([("grpc-status", "0")]));
    talk(&mut client, &mut server);
    let wanted =
        [r#"1 headers [(":status", "200")] false"#, "1 data 5 false", r#"1 trailers [("grpc-status", "0")]"#];
    assert_eq!(told(&mut client), wanted);
    assert_eq!((client.active(), server.active()), (0, 0));
}

#[test]
fn a_large_body_waits_for_the_reader() {
    let (mut client, mut server) = (Codec::client(settings()), Codec::server(small_windows()));
    talk(&mut client, &mut server);
    let stream = client.open().expect("room");
    client.send_headers(stream, &request(), false);
    client.send_data(stream, &[7; 200_000], true);
    let mut got = 0;
    for _ in 0..100 {
        talk(&mut client, &mut server);
        assert!(client.buffered(stream) + got + 65_535 >= 200_000);
        while let Some(event) = server.poll() {
            if let Event::Data { stream, bytes, .. } = event {
                got += bytes.len();
                server.release(stream, bytes.len() as u32);
            }
        }
    }
    assert_eq!((got, client.buffered(stream)), (200_000, 0));
}

#[test]
fn a_goaway_gives_back_the_streams_that_were_too_late() {
    let (mut client, mut server) = pair();
    let first = client.open().expect("room");
    client.send_headers(first, &request(), true);
    talk(&mut client, &mut server);
    server.goaway(Code::NoError);
    let second = client.open().expect("room");
    client.send_headers(second, &request(), true);
    talk(&mut client, &mut server);
    assert_eq!(told(&mut client), ["3 reset 7 http2.goaway", "goaway 1 0"]);
    assert_eq!((client.open(), client.active()), (None, 1));
}

/// A server that has had the preface and `frames`; what it said of them.
fn after(frames: &[u8]) -> (Codec, Result<(), ConnectionError>) {
    let mut server = Codec::server(settings());
    let mut wire = frame::PREFACE.to_vec();
    frame::put(&mut wire, Kind::Settings, 0, 0, &[]);
    wire.extend_from_slice(frames);
    let outcome = server.receive(&wire);
    (server, outcome)
}

/// `:method: GET, :scheme: http, :path: /` and an authority.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x01, 0x01, b'a'];

fn get(wire: &mut Vec<u8>, stream: u32, more: &[u8]) {
    let block: Vec<u8> = GET.iter().chain(more).copied().collect();
    frame::put(wire, Kind::Headers, frame::END_HEADERS | frame::END_STREAM, stream, &block);
}

fn refused(frames: &[u8]) -> Option<(Code, &'static str)> {
    after(frames).1.err().map(|it| (it.code, it.details))
}

#[test]
fn floods_are_told_to_calm_down() {
    let mut resets = Vec::new();
    for stream in (1..2000).step_by(2) {
        get(&mut resets, stream, &[]);
        frame::put(&mut resets, Kind::RstStream, 0, stream, &[0, 0, 0, 8]);
    }
    assert_eq!(refused(&resets), Some((Code::EnhanceYourCalm, "http2.too_many_premature_resets")));
    let mut pings = Vec::new();
    (0..1001).for_each(|_| frame::put(&mut pings, Kind::Ping, 0, 0, &[0; 8]));
    assert_eq!(refused(&pings), Some((Code::EnhanceYourCalm, "http2.outbound_control_frames_flood")));
    let mut parts = Vec::new();
    frame::put(&mut parts, Kind::Headers, 0, 1, GET);
    (0..20).for_each(|_| frame::put(&mut parts, Kind::Continuation, 0, 1, &[0, 1, b'a', 0]));
    assert_eq!(refused(&parts), Some((Code::EnhanceYourCalm, "http2.too_many_continuations")));
    let mut empty = Vec::new();
    get(&mut empty, 1, &[]);
    frame::put(&mut empty, Kind::Headers, frame::END_HEADERS, 3, GET);
    (0..2).for_each(|_| frame::put(&mut empty, Kind::Data, 0, 3, &[]));
    assert_eq!(refused(&empty), Some((Code::EnhanceYourCalm, "http2.inbound_empty_frames_flood")));
}

#[test]
fn a_header_bomb_resets_its_stream_and_costs_no_memory() {
    let mut wire = Vec::new();
    // One field of 4,000 bytes into the table, then an index to it, 10,000 times.
    let mut bomb = vec![0x40, 0x01, b'b', 0x7f, 0xa1, 0x1e];
    bomb.extend([b'x'; 4000]);
    bomb.extend([0xbe; 10_000]);
    get(&mut wire, 1, &bomb);
    let (mut server, outcome) = after(&wire);
    assert_eq!(outcome, Ok(()));
    assert_eq!(told(&mut server), ["1 reset 2 http2.header_list_size_too_large"]);
}

#[test]
fn messages_against_the_rules_end_the_connection() {
    let upper: &[u8] = &[0x00, 0x01, b'A', 0x01, b'b'];
    let hop: &[u8] = b"\x00\x0aconnection\x05close";
    let late: &[u8] = &[0x00, 0x01, b'a', 0x01, b'b', 0x82];
    let newline: &[u8] = &[0x00, 0x01, b'a', 0x03, b'b', b'\n', b'c'];
    for more in [upper, hop, late, newline] {
        let mut wire = Vec::new();
        get(&mut wire, 1, more);
        assert_eq!(refused(&wire), Some((Code::ProtocolError, "http2.invalid.header.field")), "{more:?}");
    }
    let mut short = Vec::new();
    frame::put(&mut short, Kind::Headers, frame::END_HEADERS | frame::END_STREAM, 1, &[0x82, 0x86]);
    assert_eq!(refused(&short).map(|it| it.0), Some(Code::ProtocolError));
}

#[test]
fn frames_out_of_place_end_the_connection() {
    let one = |kind, flags, stream, payload: &[u8]| {
        let mut wire = Vec::new();
        frame::put(&mut wire, kind, flags, stream, payload);
        refused(&wire).map(|it| it.0)
    };
    assert_eq!(one(Kind::Data, 0, 1, b"x"), Some(Code::ProtocolError));
    assert_eq!(one(Kind::Continuation, 0, 1, b""), Some(Code::ProtocolError));
    assert_eq!(one(Kind::RstStream, 0, 1, &[0; 4]), Some(Code::ProtocolError));
    assert_eq!(one(Kind::WindowUpdate, 0, 0, &[0; 4]), Some(Code::FlowControlError));
    assert_eq!(one(Kind::Settings, 0, 0, &[0; 5]), Some(Code::FrameSizeError));
    assert_eq!(one(Kind::Ping, 0, 1, &[0; 8]), Some(Code::ProtocolError));
    assert_eq!(one(Kind::Headers, frame::END_HEADERS, 2, GET), Some(Code::ProtocolError));
    assert_eq!(one(Kind::Headers, frame::END_HEADERS, 1, &[0x80]), Some(Code::CompressionError));
    assert_eq!(one(Kind::Other, 0, 9, b"x"), None);
}

#[test]
fn a_cookie_in_crumbs_is_one_again_and_host_is_the_authority() {
    let mut wire = Vec::new();
    let block = b"\x82\x86\x84\x00\x04host\x01h\x00\x06cookie\x03a=1\x00\x06cookie\x03b=2";
    frame::put(&mut wire, Kind::Headers, frame::END_HEADERS | frame::END_STREAM, 1, block);
    let (mut server, _) = after(&wire);
    let told = told(&mut server).join("");
    assert!(told.contains(r#"("cookie", "a=1; b=2")"#) && told.contains(r#"(":authority", "h")"#), "{told}");
    assert!(!told.contains("host"), "{told}");
}

proptest! {
    #[test]
    fn the_cuts_of_the_wire_do_not_matter(cuts in proptest::collection::vec(1usize..40, 1..60)) {
        let mut wire = Vec::new();
        let mut client = Codec::client(settings());
        let stream = client.open().expect("room");
        client.send_headers(stream, &request(), false);
        client.send_data(stream, &[1; 300], true);
        client.take_output(&mut wire);
        let (mut whole, mut cut) = (Codec::server(settings()), Codec::server(settings()));
        whole.receive(&wire).expect("honest");
        let mut rest = &wire[..];
        for length in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*length));
            cut.receive(piece).expect("honest");
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(told(&mut whole), told(&mut cut));
    }

    #[test]
    fn no_bytes_panic(
        frames in proptest::collection::vec((0u8..12, proptest::num::u8::ANY, 0u32..6, proptest::collection::vec(proptest::num::u8::ANY, 0..40)), 0..12),
    ) {
        let mut wire = Vec::new();
        for (kind, flags, stream, payload) in frames {
            let length = payload.len() as u8;
            wire.extend([0, 0, length, kind, flags]);
            wire.extend(stream.to_be_bytes());
            wire.extend(payload);
        }
        let (mut server, _) = after(&wire);
        while server.poll().is_some() {}
        let mut client = Codec::client(settings());
        client.open();
        client.receive(&wire).unwrap_or(());
    }
}
