//! Sessions with the seeded cryptography: their bytes can be had again, and ring's sessions understand them.

use super::super::tests::{acceptor_with, authority, clock, common, connector_with, leaf};
use super::super::{Chance, Cryptography, Means, Session};

fn means(seed: u64) -> Means {
    Means { clock: clock(), chance: Chance::new(seed), cryptography: Cryptography::Seeded }
}

fn ring() -> Means {
    Means { cryptography: Cryptography::Ring, ..means(0) }
}

/// All bytes of a handshake and of a message each way.
fn transcript(client: &mut Session, server: &mut Session) -> Vec<Vec<u8>> {
    let (mut wires, mut at_client, mut at_server) = (Vec::new(), Vec::new(), Vec::new());
    client.write(b"who is there?");
    for turn in 0..20 {
        let mut wire = Vec::new();
        if turn % 2 == 0 {
            client.take_wire(&mut wire);
            server.read(&wire, &mut at_server).expect("the server understands");
        } else {
            server.take_wire(&mut wire);
            client.read(&wire, &mut at_client).expect("the client understands");
        }
        wires.push(wire);
        if turn == 9 {
            server.write(b"the sidecar");
        }
    }
    assert_eq!((at_server.as_slice(), at_client.as_slice()), (&b"who is there?"[..], &b"the sidecar"[..]));
    wires
}

/// What a handshake of each version, suite and curve is configured with.
const PARAMETERS: [&str; 8] = [
    "{}",
    "{tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3}",
    "{tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3, ecdh_curves: [P-256]}",
    "{tls_maximum_protocol_version: TLSv1_2}",
    "{tls_maximum_protocol_version: TLSv1_2, ecdh_curves: [P-256]}",
    "{tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ECDHE-ECDSA-AES128-GCM-SHA256]}",
    "{tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ECDHE-ECDSA-AES256-GCM-SHA384]}",
    "{tls_maximum_protocol_version: TLSv1_2, cipher_suites: [ECDHE-ECDSA-CHACHA20-POLY1305]}",
];

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let ca = authority("mesh-ca");
    let (server, client) = (leaf(&ca, &["dns:s.example"]), leaf(&ca, &["spiffe://cluster.local/client"]));
    for parameters in PARAMETERS {
        let more = format!("  tls_params: {parameters}\n");
        let server = common(&server, Some(&ca.pem), &format!("{more}require_client_certificate: true\n"));
        let client = common(&client, Some(&ca.pem), &more);
        let run = |seed: u64| {
            let (near, far) =
                (connector_with(&client, means(seed)), acceptor_with(&server, means(seed + 100)));
            transcript(&mut near.connect("", None).expect("a session"), &mut far.accept())
        };
        assert_eq!(run(7), run(7), "{parameters}");
        assert_ne!(run(7), run(8), "{parameters}");
    }
}

#[test]
fn seeded_and_ring_understand_each_other() {
    let ca = authority("mesh-ca");
    let (server, client) = (leaf(&ca, &["dns:s.example"]), leaf(&ca, &["spiffe://cluster.local/client"]));
    for parameters in PARAMETERS {
        let more = format!("  tls_params: {parameters}\n");
        let server = common(&server, Some(&ca.pem), &format!("{more}require_client_certificate: true\n"));
        let client = common(&client, Some(&ca.pem), &more);
        for (near, far) in [(means(1), ring()), (ring(), means(2))] {
            let (near, far) = (connector_with(&client, near), acceptor_with(&server, far));
            let (mut near, mut far) = (near.connect("", None).expect("a session"), far.accept());
            transcript(&mut near, &mut far);
            assert!(far.peer().is_some_and(|it| it.is_validated));
        }
    }
}

#[test]
fn rsa_keys_sign_and_their_signatures_are_checked() {
    let pem = include_str!("rsa.pem").to_owned();
    let server = (pem.clone(), pem.clone());
    for parameters in ["{}", "{tls_maximum_protocol_version: TLSv1_3}"] {
        let more = format!("  tls_params: {parameters}\n");
        let server = common(&server, None, &more);
        // The certificate signed itself, so it is its own authority, which rustls does not take for a leaf: no CA here.
        let client = format!("common_tls_context:\n{more}");
        for (near, far) in [(means(1), ring()), (ring(), means(2)), (means(3), means(4))] {
            let (near, far) = (connector_with(&client, near), acceptor_with(&server, far));
            transcript(&mut near.connect("", None).expect("a session"), &mut far.accept());
        }
    }
}
