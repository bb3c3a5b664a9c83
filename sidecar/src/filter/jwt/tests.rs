//! Tokens that are signed here, against what Envoy says of such.

use super::*;
use crate::config;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

const NOW: u64 = 1_900_000_000;

struct Signer {
    key: EcdsaKeyPair,
}

impl Signer {
    fn new() -> Signer {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
            .expect("a key");
        Signer { key }
    }

    fn jwks(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"k1","alg":"ES256","x":"{x}","y":"{y}"}}]}}"#)
    }

    fn token(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let mark = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mark.as_ref()))
    }
}

const HEADER: &str = r#"{"alg":"ES256","kid":"k1"}"#;

fn payload(exp: u64) -> String {
    format!(
        r#"{{"iss":"https://issuer.example","aud":"https://web/","exp":{exp},"sub":"me","group":{{"id":7}}}}"#
    )
}

fn jwt(signer: &Signer, more: &str, requires: &str) -> Jwt {
    let yaml = format!(
        "providers:\n  p:\n    issuer: https://issuer.example\n    local_jwks: {{inline_string: '{}'}}\n{more}\n\
         rules: [{{match: {{prefix: /secure}}, requires: {requires}}}]",
        signer.jwks()
    );
    let config = config::message(&config::tree(&yaml, false).expect("valid YAML")).expect("a configuration");
    Jwt::new(&config, &|_| Err("no files".to_owned())).expect("compiles")
}

fn request(path: &str, token: &str) -> HeaderMap {
    let mut headers: HeaderMap =
        [(":method", "GET"), (":scheme", "http"), (":authority", "example.com"), (":path", path)]
            .into_iter()
            .collect();
    if !token.is_empty() {
        headers.append("authorization", format!("Bearer {token}"));
    }
    headers
}

#[test]
fn a_good_token_passes_and_is_taken_out() {
    let signer = Signer::new();
    let more = "    forward_payload_header: x-payload\n    payload_in_metadata: claims\n    \
                claim_to_headers: [{header_name: x-group, claim_name: group.id}]";
    let jwt = jwt(&signer, more, "{provider_name: p}");
    let mut headers = request("/secure", &signer.token(HEADER, &payload(NOW + 60)));
    let metadata = jwt.verify(&mut headers, None, NOW).expect("passes");
    assert!(!headers.contains("authorization"));
    assert_eq!(headers.get("x-payload"), Some(URL_SAFE_NO_PAD.encode(payload(NOW + 60)).as_bytes()));
    assert_eq!(headers.get("x-group"), Some(&b"7"[..]));
    assert_eq!(metadata["claims"]["sub"], "me");
}

#[test]
fn each_bad_token_has_its_own_complaint() {
    let signer = Signer::new();
    let jwt = jwt(&signer, "    audiences: [web]", "{provider_name: p}");
    let good = signer.token(HEADER, &payload(NOW));
    let other = Signer::new().token(HEADER, &payload(NOW));
    let stranger = payload(NOW).replace("issuer.example", "other.example");
    let elsewhere = payload(NOW).replace("web", "app");
    let early = payload(NOW).replace("\"sub\"", &format!("\"nbf\":{},\"sub\"", NOW + 100));
    let rows = [
        (String::new(), "Jwt is missing"),
        ("abc".to_owned(), "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
        ("a.b.c".to_owned(), "Jwt header is an invalid Base64url encoded"),
        ("YWJj.e30.c2ln".to_owned(), "Jwt header is an invalid JSON"),
        (signer.token(r#"{"alg":"none"}"#, "{}"), "Jwt header [alg] is not supported"),
        (other, "Jwt verification fails"),
        (
            signer.token(r#"{"alg":"ES256","kid":"k2"}"#, &payload(NOW)),
            "Jwks doesn't have key to match kid or alg from Jwt",
        ),
        (signer.token(HEADER, &payload(NOW - 61)), "Jwt is expired"),
        (signer.token(HEADER, &early), "Jwt not yet valid"),
        (signer.token(HEADER, &stranger), "Jwt issuer is not configured"),
        (signer.token(HEADER, &elsewhere), "Audiences in Jwt are not allowed"),
    ];
    for (token, body) in rows {
        let denied = jwt.verify(&mut request("/secure", &token), None, NOW).expect_err("refused");
        assert_eq!(denied.body, body, "{token}");
        assert_eq!(denied.status, if body.starts_with("Audiences") { 403 } else { 401 });
        assert_eq!(denied.details, format!("jwt_authn_access_denied{{{}}}", body.replace(' ', "_")));
        let error = if body == MISSING { "" } else { ", error=\"invalid_token\"" };
        let realm = format!("Bearer realm=\"http://example.com/secure\"{error}");
        assert_eq!(denied.www_authenticate, Some(realm));
    }
    assert!(jwt.verify(&mut request("/secure", &good), None, NOW).is_ok());
    assert!(jwt.verify(&mut request("/open", ""), None, NOW).is_ok());
}

#[test]
fn a_missing_token_may_be_allowed_where_a_bad_one_is_not() {
    let signer = Signer::new();
    let bad = Signer::new().token(HEADER, &payload(NOW));
    let either =
        jwt(&signer, "", "{requires_any: {requirements: [{provider_name: p}, {allow_missing: {}}]}}");
    assert!(either.verify(&mut request("/secure", ""), None, NOW).is_ok());
    assert!(either.verify(&mut request("/secure", &bad), None, NOW).is_err());
    let anything = jwt(&signer, "", "{allow_missing_or_failed: {}}");
    assert!(anything.verify(&mut request("/secure", &bad), None, NOW).is_ok());
}

#[test]
fn a_route_may_switch_it_off_or_name_a_requirement_that_is_not() {
    let signer = Signer::new();
    let jwt = jwt(&signer, "", "{provider_name: p}");
    assert!(jwt.verify(&mut request("/secure", ""), Some(&PerRoute::Disabled), NOW).is_ok());
    let unknown = PerRoute::Requirement("nope".to_owned());
    let denied = jwt.verify(&mut request("/", ""), Some(&unknown), NOW).expect_err("refused");
    assert_eq!(denied.status, 403);
}

#[test]
fn tokens_come_from_parameters_too() {
    let signer = Signer::new();
    let jwt = jwt(&signer, "", "{provider_name: p}");
    let path = format!("/secure?access_token={}", signer.token(HEADER, &payload(NOW)));
    assert!(jwt.verify(&mut request(&path, ""), None, NOW).is_ok());
}
