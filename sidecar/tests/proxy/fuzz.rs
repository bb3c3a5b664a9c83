//! Arbitrary input: nothing panics, and how bytes are cut into pieces changes nothing.

use crate::lab::{Lab, bootstrap, cluster, http_listener};
use proptest::prelude::*;
use sidecar::config;
use sidecar::config::protocol::Http2ProtocolOptions;
use sidecar::http1::{Decoder, Limits};
use sidecar::http2::{Codec, Settings};
use sidecar::proxy::{Input, Proxy};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// What a mutated request is made of.
const PIECES: [&[u8]; 24] = [
    b"GET / HTTP/1.1\r\n",
    b"POST /a?b HTTP/1.1\r\n",
    b"HEAD * HTTP/1.0\r\n",
    b"host: a\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"content-length: 5\r\n",
    b"content-length: 5, 5\r\n",
    b"Content-Length: +5\r\n",
    b"transfer-encoding: chunked\r\n",
    b"transfer-encoding: identity\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"5;ext=\"\r\n",
    b"hello",
    b"connection: close\r\n",
    b"upgrade: websocket\r\nconnection: upgrade\r\n",
    b"x\0y: z\r\n",
    b": v\r\n",
    b"n\xff: \xfe\r\n",
    b"expect: 100-continue\r\n",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => (0..PIECES.len()).prop_map(|it| PIECES[it].to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|it| it.concat())
}

/// What a decoder makes of bytes that come in these pieces; data that belongs together is joined.
fn decoded(pieces: &[&[u8]]) -> Vec<String> {
    let mut decoder = Decoder::requests(Limits::default());
    let (mut found, mut data) = (Vec::new(), Vec::new());
    'all: for piece in pieces {
        let mut rest = *piece;
        loop {
            if decoder.is_done() {
                decoder.next_message();
            }
            let before = rest.len();
            match decoder.next(&mut rest) {
                Ok(Some(sidecar::http1::Item::Data(more))) => data.extend_from_slice(more),
                Ok(Some(item)) => {
                    if !data.is_empty() {
                        found.push(format!("{:?}", std::mem::take(&mut data)));
                    }
                    found.push(format!("{item:?}"));
                }
                Ok(None) if rest.is_empty() || rest.len() == before => break,
                Ok(None) => {}
                Err(error) => {
                    found.push(format!("{error:?}"));
                    break 'all;
                }
            }
        }
    }
    found.push(format!("{data:?}"));
    found
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = proptest::collection::vec(any::<u8>(), 0..40);
    (0u8..11, any::<u8>(), 0u32..9, payload).prop_map(|(kind, flags, stream, payload)| {
        let length = payload.len() as u32;
        [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), &payload].concat()
    })
}

const YAML_PIECES: [&str; 16] = [
    "{",
    "}",
    "[",
    "]",
    "- ",
    ": ",
    "\n",
    "  ",
    "&a ",
    "*a",
    "'",
    "\"",
    "!!binary ",
    "name: ",
    "type: 9",
    "\u{0}",
];

fn whole() -> String {
    bootstrap(&http_listener("in", 8080, "a", "codec_type: AUTO"), &cluster("a", 21001, ""), "")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_change_nothing_in_http1(text in text(), cuts in proptest::collection::vec(0usize..200, 0..6)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|it| it.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|it| &text[it[0]..it[1]]).collect();
        prop_assert_eq!(decoded(&pieces), decoded(&[&text]));
    }

    #[test]
    fn no_request_breaks_the_proxy(text in text(), answer in text()) {
        let mut lab = Lab::new(&whole(), &[]);
        let client = lab.connect(8080);
        lab.send(client, &text);
        if !lab.asked.is_empty() {
            let host = lab.open();
            lab.send(host, &answer);
            lab.handle(Input::Closed { conn: host, is_reset: false });
        }
        if !lab.ended.contains_key(&client) {
            lab.handle(Input::Ended(client));
            lab.handle(Input::Closed { conn: client, is_reset: false });
        }
        lab.wait_ms(3_600_000);
        prop_assert_eq!(lab.stat("http.in.downstream_rq_active"), 0);
        prop_assert_eq!(lab.stat("http.in.downstream_cx_active"), 0);
        prop_assert_eq!(lab.stat("cluster.a.upstream_rq_active"), 0);
    }

    #[test]
    fn no_frames_break_http2(frames in proptest::collection::vec(frame(), 0..30), is_server: bool) {
        let settings = Settings::new(&Http2ProtocolOptions::default(), &Limits::default());
        let mut codec = if is_server { Codec::server(settings) } else { Codec::client(settings) };
        if is_server {
            prop_assert!(codec.receive(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").is_ok());
        }
        let mut has_failed = codec.receive(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).is_err();
        for frame in frames {
            let refused = codec.receive(&frame).is_err();
            prop_assert!(refused || !has_failed, "what failed stays so");
            has_failed = refused;
            while codec.poll().is_some() {}
        }
        let mut out = Vec::new();
        codec.take_output(&mut out);
        prop_assert!(out.len() < 1 << 16);
    }

    #[test]
    fn no_configuration_breaks_the_reader(
        edits in proptest::collection::vec((0usize..2000, 0usize..12, 0..YAML_PIECES.len()), 0..5),
        is_json: bool,
    ) {
        let mut text: Vec<char> = whole().chars().collect();
        for (at, gone, piece) in edits {
            let at = at.min(text.len());
            let end = (at + gone).min(text.len());
            text.splice(at..end, YAML_PIECES[piece].chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(read) = config::bootstrap(&text, is_json) {
            let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let read_file = |path: &str| Err(format!("Invalid path: {path}"));
            if let Ok(mut proxy) = Proxy::new(read, Rc::new(read_file), 1, 1, own) {
                proxy.handle(2, Input::Time);
            }
        }
    }
}
