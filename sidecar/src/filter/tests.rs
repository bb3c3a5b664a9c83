//! Filters as their configuration has them, against requests that pass and requests that do not.

use super::cors::{Cors, CorsPolicy};
use super::fault::{Abort, Fault, Injected};
use super::health_check::{Answer, HealthCheck, Membership};
use super::ratelimit::{Decision, RateLimit};
use super::rbac::{Facts, NetworkRbac, Rbac};
use crate::config::{self, reader::Message};
use crate::http::connection::{Connection, PeerCertificate};
use crate::http::headers::HeaderMap;
use crate::random::Random;
use std::collections::BTreeMap;

fn read<T: Message>(yaml: &str) -> T {
    config::message(&config::tree(yaml, false).expect("valid YAML")).expect("a message")
}

fn request(method: &str, path: &str, more: &[(&str, &str)]) -> HeaderMap {
    let fields = [(":method", method), (":path", path), (":authority", "example.com"), (":scheme", "http")];
    fields.iter().chain(more).copied().collect()
}

fn connection(peer: Option<&str>) -> Connection {
    let peer = peer.map(|it| PeerCertificate { uri_sans: vec![it.to_owned()], ..PeerCertificate::default() });
    Connection {
        local: "10.0.0.1:8080".parse().expect("an address"),
        direct_remote: "10.0.0.9:4000".parse().expect("an address"),
        remote: "192.168.7.7:4000".parse().expect("an address"),
        id: 1,
        server_name: "web.example".to_owned(),
        alpn: String::new(),
        is_tls: peer.is_some(),
        tls_version: "",
        peer,
        local_uri_sans: Vec::new(),
    }
}

/// Whether a request passes, and the policy that matched.
fn access(rbac: &Rbac, headers: &HeaderMap, connection: &Connection) -> (bool, String) {
    let metadata = BTreeMap::new();
    let facts = Facts { headers, connection, metadata: &metadata };
    let verdict = rbac.decide(&facts).0.expect("there are rules");
    (verdict.allowed, verdict.policy)
}

#[test]
fn allow_needs_a_policy_that_matches_and_deny_one_that_does_not() {
    let rules = |action: &str| {
        let yaml = format!(
            "rules: {{action: {action}, policies: {{read: {{permissions: [{{and_rules: {{rules: [{{url_path: {{path: \
             {{prefix: /public}}}}}}, {{header: {{name: ':method', string_match: {{exact: GET}}}}}}]}}}}], \
             principals: [{{any: true}}]}}}}}}"
        );
        Rbac::new(&read(&yaml)).expect("compiles")
    };
    let plain = connection(None);
    let (get, post) = (request("GET", "/public/x?q=1", &[]), request("POST", "/public/x", &[]));
    assert_eq!(access(&rules("ALLOW"), &get, &plain), (true, "read".to_owned()));
    assert_eq!(access(&rules("ALLOW"), &post, &plain), (false, "none".to_owned()));
    assert_eq!(access(&rules("DENY"), &get, &plain), (false, "read".to_owned()));
    assert_eq!(access(&rules("DENY"), &post, &plain), (true, "none".to_owned()));
}

#[test]
fn a_principal_is_the_name_in_the_certificate() {
    let principal = "authenticated: {principal_name: {exact: 'spiffe://cluster.local/ns/default/sa/client'}}";
    let yaml = format!(
        "rules: {{policies: {{p: {{permissions: [{{any: true}}], principals: [{{{principal}}}]}}}}}}"
    );
    let rbac = Rbac::new(&read(&yaml)).expect("compiles");
    let get = request("GET", "/", &[]);
    assert!(access(&rbac, &get, &connection(Some("spiffe://cluster.local/ns/default/sa/client"))).0);
    assert!(!access(&rbac, &get, &connection(Some("spiffe://cluster.local/ns/default/sa/other"))).0);
    assert!(!access(&rbac, &get, &connection(None)).0);
}

#[test]
fn addresses_and_ports_are_of_the_right_side() {
    let allowed = |permission: &str, principal: &str| {
        let yaml = format!(
            "rules: {{policies: {{p: {{permissions: [{{{permission}}}], principals: [{{{principal}}}]}}}}}}"
        );
        access(&Rbac::new(&read(&yaml)).expect("compiles"), &request("GET", "/", &[]), &connection(None)).0
    };
    assert!(allowed(
        "destination_port: 8080",
        "direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 24}"
    ));
    assert!(!allowed("destination_port: 8081", "any: true"));
    assert!(allowed("destination_port_range: {start: 8080, end: 8081}", "any: true"));
    assert!(allowed(
        "requested_server_name: {suffix: .example}",
        "remote_ip: {address_prefix: 192.168.0.0, prefix_len: 16}"
    ));
    assert!(!allowed("any: true", "not_id: {remote_ip: {address_prefix: 192.168.0.0, prefix_len: 16}}"));
}

#[test]
fn shadow_rules_decide_beside_the_rules_and_no_rules_decide_nothing() {
    let deny = "{action: DENY, policies: {all: {permissions: [{any: true}], principals: [{any: true}]}}}";
    let network =
        NetworkRbac::new(&read(&format!("stat_prefix: s\nshadow_rules: {deny}"))).expect("compiles");
    let (rules, shadow) = network.decide(&connection(None));
    assert_eq!(rules, None);
    let shadow = shadow.expect("there are shadow rules");
    assert_eq!(
        (shadow.allowed, shadow.details()),
        (false, "rbac_access_denied_matched_policy[all]".to_owned())
    );
}

#[test]
fn a_preflight_is_answered_and_a_foreign_origin_goes_on() {
    let policy = "allow_origin_string_match: [{exact: 'https://ok.example'}]\nallow_methods: GET, POST\n\
                  allow_headers: x-custom\nexpose_headers: x-up\nmax_age: '600'\nallow_credentials: true";
    let policy = CorsPolicy::new(&read(policy)).expect("compiles");
    let policies = [&policy];
    let (cors, mut random) = (Cors(&policies), Random::new(1));
    let preflight =
        |origin| request("OPTIONS", "/", &[("origin", origin), ("access-control-request-method", "GET")]);
    let (judged, answer) = cors.request(&preflight("https://ok.example"), &mut random);
    let mut answer = answer.expect("a preflight");
    cors.decorate(&judged, &mut answer);
    let lines: Vec<_> = answer
        .iter()
        .map(|(name, value)| format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
        .collect();
    assert_eq!(
        lines,
        [
            ":status: 200",
            "access-control-allow-origin: https://ok.example",
            "access-control-allow-credentials: true",
            "access-control-allow-methods: GET, POST",
            "access-control-allow-headers: x-custom",
            "access-control-max-age: 600",
            "access-control-expose-headers: x-up",
        ]
    );
    let (judged, answer) = cors.request(&preflight("https://evil.example"), &mut random);
    assert!(answer.is_none() && judged.origin == Some(false) && judged.respond_to.is_none());
    assert_eq!(cors.request(&request("GET", "/", &[]), &mut random).0.origin, None);
}

#[test]
fn faults_fall_by_percentage_and_by_header() {
    let full = "percentage: {numerator: 100}";
    let fault = |yaml: &str| Fault::new(&read(yaml)).expect("compiles");
    let get = request("GET", "/", &[]);
    let mut random = Random::new(3);
    let both = fault(&format!("delay: {{fixed_delay: 0.2s, {full}}}\nabort: {{http_status: 503, {full}}}"));
    let abort = Some(Abort { status: 503, grpc: None });
    assert_eq!(both.decide(&get, "c", &mut random), Injected { delay: Some(200_000_000), abort });
    let third = fault("abort: {http_status: 500, percentage: {numerator: 30}}");
    let count = (0..3000).filter(|_| third.decide(&get, "c", &mut random).abort.is_some()).count();
    assert!((800..1000).contains(&count), "{count}");
    let header = fault(&format!("abort: {{header_abort: {{}}, {full}}}"));
    let asked = request("GET", "/", &[("x-envoy-fault-abort-request", "418")]);
    assert_eq!(header.decide(&asked, "c", &mut random).abort.map(|it| it.status), Some(418));
    assert_eq!(header.decide(&get, "c", &mut random), Injected::default());
    let elsewhere = fault(&format!("upstream_cluster: other\nabort: {{http_status: 500, {full}}}"));
    assert_eq!(elsewhere.decide(&get, "c", &mut random), Injected::default());
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_bucket_is_full_at_first_and_fills_again() {
    let all = "{default_value: {numerator: 100}}";
    let bucket = "token_bucket: {max_tokens: 3, tokens_per_fill: 3, fill_interval: 2s}";
    let limit = RateLimit::new(&read(&format!(
        "stat_prefix: rl\nfilter_enabled: {all}\nfilter_enforced: {all}\n{bucket}"
    )))
    .expect("compiles");
    let mut random = Random::new(1);
    let mut refused = |now| limit.decide(now, &mut random).enforced;
    assert_eq!([1, 2, 3, 4, 5].map(|it| refused(it * 1000)), [false, false, false, true, true]);
    assert_eq!([2, 2, 2, 2].map(|it| refused(it * SECOND + 5000)), [false, false, false, true]);
    assert_eq!(limit.status, 429);
}

#[test]
fn a_limit_that_is_not_switched_on_lets_all_pass() {
    let bucket = "token_bucket: {max_tokens: 1, fill_interval: 1s}";
    let limit = RateLimit::new(&read(&format!("stat_prefix: rl\n{bucket}"))).expect("compiles");
    assert_eq!(limit.decide(0, &mut Random::new(1)), Decision::default());
    let fast = "stat_prefix: rl\ntoken_bucket: {max_tokens: 1, fill_interval: 0.01s}";
    let refused = RateLimit::new(&read(fast)).err();
    assert_eq!(refused.as_deref(), Some("local rate limit token bucket fill timer must be >= 50ms"));
}

#[test]
fn a_health_check_answers_for_the_proxy_and_for_clusters() {
    let yaml = "pass_through_mode: false\nheaders: [{name: ':path', string_match: {exact: /healthz}}]\n\
                cluster_min_healthy_percentages: {a: {value: 50}}";
    let filter = HealthCheck::new(&read(yaml)).expect("compiles");
    assert!(filter.matches(&request("GET", "/healthz", &[])) && !filter.matches(&request("GET", "/", &[])));
    let members = |total, available| move |_: &str| Some(Membership { total, available });
    let answer = |status, details| Some(Answer { status, details });
    assert_eq!(filter.answer(false, members(2, 1)), answer(200, "health_check_ok"));
    assert_eq!(filter.answer(false, members(3, 1)), answer(503, "health_check_failed_cluster_unhealthy"));
    assert_eq!(filter.answer(false, |_| None), answer(503, "health_check_failed_cluster_not_found"));
    assert_eq!(filter.answer(true, members(2, 2)), answer(503, "health_check_failed"));
}
