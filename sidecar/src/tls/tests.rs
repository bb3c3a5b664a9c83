//! Two sessions talk to each other, as Envoy's two sides would.

use super::failure::Kind;
use super::*;
use crate::config;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

const NOW: u64 = 1_900_000_000;

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

pub(super) fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let pem = params.self_signed(&key).expect("signs itself").pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

/// A certificate and its key in PEM, with names as `dns:…` or a URI.
pub(super) fn leaf(authority: &Authority, names: &[&str]) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    for name in names {
        params.subject_alt_names.push(match name.strip_prefix("dns:") {
            Some(dns) => SanType::DnsName(dns.try_into().expect("a DNS name")),
            None => SanType::URI((*name).try_into().expect("a URI")),
        });
    }
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "Mesh, Inc");
    (params.signed_by(&key, &authority.issuer).expect("signs").pem(), key.serialize_pem())
}

fn block(pem: &str, indent: usize) -> String {
    pem.lines().map(|line| format!("\n{}{line}", " ".repeat(indent))).collect()
}

pub(super) fn common(pair: &(String, String), ca: Option<&str>, more: &str) -> String {
    let (chain, key) = (block(&pair.0, 6), block(&pair.1, 6));
    let mut text = format!(
        "common_tls_context:\n  tls_certificates:\n  - certificate_chain:\n     inline_string: |{chain}\n    \
         private_key:\n     inline_string: |{key}\n"
    );
    if let Some(ca) = ca {
        text.push_str(&format!(
            "  validation_context:\n    trusted_ca:\n      inline_string: |{}\n",
            block(ca, 8)
        ));
    }
    text + more
}

fn load(source: &DataSource) -> Result<Vec<u8>, String> {
    match &source.specifier {
        config::core::DataSourceSpecifier::InlineString(text) => Ok(text.clone().into_bytes()),
        _ => Err("only inline".to_owned()),
    }
}

pub(super) fn clock() -> Clock {
    let clock = Clock::default();
    clock.set(NOW);
    clock
}

fn means(clock: Clock) -> Means {
    Means { clock, chance: Chance::new(1), cryptography: Cryptography::Ring }
}

fn acceptor(yaml: &str, clock: Clock) -> Acceptor {
    acceptor_with(yaml, means(clock))
}

pub(super) fn acceptor_with(yaml: &str, means: Means) -> Acceptor {
    let context = config::message(&config::tree(yaml, false).expect("valid YAML")).expect("a context");
    Acceptor::new(&context, &Sources { load: &load, secret: &|_| None }, means).expect("an acceptor")
}

fn connector(yaml: &str) -> Connector {
    connector_with(yaml, means(clock()))
}

pub(super) fn connector_with(yaml: &str, means: Means) -> Connector {
    let context = config::message(&config::tree(yaml, false).expect("valid YAML")).expect("a context");
    Connector::new(&context, &Sources { load: &load, secret: &|_| None }, means).expect("a connector")
}

/// Lets both talk until neither has anything to say; what each read in plain.
fn talk(client: &mut Session, server: &mut Session) -> (Vec<u8>, Vec<u8>) {
    let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let mut wire = Vec::new();
        client.take_wire(&mut wire);
        let sent = wire.len();
        server.read(&wire, &mut at_server).unwrap_or_default();
        wire.clear();
        server.take_wire(&mut wire);
        client.read(&wire, &mut at_client).unwrap_or_default();
        if sent + wire.len() == 0 {
            break;
        }
    }
    (at_client, at_server)
}

#[test]
fn both_sides_know_each_other_by_their_spiffe_names() {
    let ca = authority("mesh-ca");
    let server = leaf(&ca, &["dns:server.example", "spiffe://cluster.local/ns/default/sa/server"]);
    let client = leaf(&ca, &["spiffe://cluster.local/ns/default/sa/client"]);
    let yaml = common(
        &server,
        Some(&ca.pem),
        "  alpn_protocols: [h2, http/1.1]\nrequire_client_certificate: true\n",
    );
    let acceptor = acceptor(&yaml, clock());
    let sans = "    match_typed_subject_alt_names:\n    - san_type: URI\n      matcher: {prefix: 'spiffe://cluster.local/'}\n";
    let connector = connector(&common(
        &client,
        Some(&ca.pem),
        &format!("{sans}  alpn_protocols: [http/1.1]\nsni: server.example\n"),
    ));
    let (mut near, mut far) = (connector.connect("", None).expect("a session"), acceptor.accept());
    near.write(b"hello");
    let (_, at_server) = talk(&mut near, &mut far);
    assert_eq!(at_server, b"hello");
    far.write(b"and you");
    assert_eq!(talk(&mut near, &mut far).0, b"and you");
    assert_eq!((far.alpn().as_str(), far.version(), far.sni()), ("http/1.1", "TLSv1.2", "server.example"));
    let peer = far.peer().expect("the client's certificate");
    assert_eq!(peer.uri_sans, ["spiffe://cluster.local/ns/default/sa/client"]);
    assert_eq!(peer.subject, r"O=Mesh\, Inc,CN=rcgen self signed cert");
    assert!(peer.is_validated && peer.pem_encoded.starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
    assert_eq!(far.local_uri_sans(), ["spiffe://cluster.local/ns/default/sa/server"]);
    near.close();
    talk(&mut near, &mut far);
    assert!(far.peer_closed());
}

#[test]
fn a_client_without_a_certificate_or_with_a_foreign_one_is_refused() {
    let (ca, evil) = (authority("mesh-ca"), authority("evil-ca"));
    let server = acceptor(
        &common(&leaf(&ca, &["dns:server.example"]), Some(&ca.pem), "require_client_certificate: true\n"),
        clock(),
    );
    let foreign = common(&leaf(&evil, &["spiffe://cluster.local/ns/default/sa/client"]), Some(&ca.pem), "");
    for (yaml, kind) in [("sni: server.example", Kind::VerifyNoCert), (foreign.as_str(), Kind::VerifyError)] {
        let (mut near, mut far) = (connector(yaml).connect("", None).expect("a session"), server.accept());
        talk(&mut near, &mut far);
        assert_eq!(far.failure().map(|it| it.kind), Some(kind), "{:?}", far.failure());
        assert!(near.failure().is_some_and(|it| it.reason.contains("ALERT")), "{:?}", near.failure());
    }
}

#[test]
fn a_server_with_another_name_is_refused() {
    let ca = authority("mesh-ca");
    let server = acceptor(&common(&leaf(&ca, &["dns:*.example"]), None, ""), clock());
    let context = |name: &str| {
        let ca = block(&ca.pem, 8);
        connector(&format!(
            "common_tls_context:\n  validation_context:\n    trusted_ca:\n      inline_string: |{ca}\n    \
             match_typed_subject_alt_names: [{{san_type: DNS, matcher: {{exact: {name}}}}}]\n"
        ))
    };
    let run = |name: &str| {
        let (mut near, mut far) = (context(name).connect("", None).expect("a session"), server.accept());
        talk(&mut near, &mut far);
        near.failure().map(|it| (it.kind, it.reason.clone()))
    };
    assert_eq!(run("server.example"), None);
    let (kind, reason) = run("deep.server.example").expect("refused");
    assert_eq!(kind, Kind::VerifySan);
    assert!(
        reason.starts_with("TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED"),
        "{reason}"
    );
}

#[test]
fn a_certificate_is_expired_when_the_clock_says_so() {
    let ca = authority("mesh-ca");
    let clock = clock();
    let server = acceptor(
        &common(&leaf(&ca, &["dns:s.example"]), Some(&ca.pem), "require_client_certificate: true\n"),
        clock.clone(),
    );
    let client = common(&leaf(&ca, &["spiffe://c"]), None, "");
    for (now, refused) in [(NOW, false), (2_300_000_000, true)] {
        clock.set(now);
        let (mut near, mut far) = (connector(&client).connect("", None).expect("a session"), server.accept());
        talk(&mut near, &mut far);
        let expired = far.failure().is_some_and(|it| it.reason.contains("certificate has expired"));
        assert_eq!(expired, refused, "{:?}", far.failure());
    }
}

#[test]
fn plain_http_is_told_apart() {
    let ca = authority("mesh-ca");
    let server = acceptor(&common(&leaf(&ca, &["dns:s.example"]), None, ""), clock());
    let mut far = server.accept();
    let refused = far.read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &mut Vec::new());
    assert_eq!(
        refused,
        Err("TLS_error:|268435612:SSL routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end".to_owned())
    );
}

#[test]
fn no_protocol_in_common_is_no_protocol() {
    let ca = authority("mesh-ca");
    let server = acceptor(&common(&leaf(&ca, &["dns:s.example"]), None, "  alpn_protocols: [h2]\n"), clock());
    let connector = connector("sni: s.example");
    let (mut near, mut far) =
        (connector.connect("", Some(&["http/1.1"])).expect("a session"), server.accept());
    talk(&mut near, &mut far);
    assert!(far.failure().is_none() && !far.is_handshaking() && far.alpn().is_empty());
}

#[test]
fn a_client_hello_is_read_once_it_is_whole() {
    let connector = connector("sni: web.example\ncommon_tls_context: {alpn_protocols: [istio, h2]}");
    let mut hello = Vec::new();
    connector.connect("", None).expect("a session").take_wire(&mut hello);
    for cut in [0, 1, 5, 60, hello.len() - 1] {
        assert_eq!(inspect(&hello[..cut]), Inspect::More, "{cut}");
    }
    let alpn = vec!["istio".to_owned(), "h2".to_owned()];
    assert_eq!(inspect(&hello), Inspect::Tls { server_name: "web.example".to_owned(), alpn });
    assert_eq!(inspect(b"GET"), Inspect::NotTls);
    assert_eq!(inspect(&[22, 3, 1, 255, 255, 9, 9]), Inspect::NotTls);
}

proptest! {
    #[test]
    fn no_hello_panics(changes in proptest::collection::vec((0usize..600, proptest::num::u8::ANY), 0..6), cut in 0usize..600) {
        let connector = connector("sni: web.example\ncommon_tls_context: {alpn_protocols: [h2]}");
        let mut hello = Vec::new();
        connector.connect("", None).expect("a session").take_wire(&mut hello);
        for (at, byte) in changes {
            if let Some(place) = hello.get_mut(at) {
                *place = byte;
            }
        }
        let cut = cut.min(hello.len());
        let (early, whole) = (inspect(&hello[..cut]), inspect(&hello));
        // More bytes may settle what was open, never change what was settled.
        prop_assert!(early == Inspect::More || early == whole);
    }
}
