//! Configurations that Envoy takes and refuses, in the words of Envoy 1.40 but for positions.

use super::*;
use crate::config::bootstrap::Bootstrap;
use crate::config::cluster::{Cluster, DiscoveryType, LbPolicy};
use crate::config::extension::{HttpFilterConfig, NetworkFilter};
use crate::config::listener::FilterConfigType;
use crate::config::route::Action;
use crate::config::route_action::RouteActionClusterSpecifier;
use proptest::prelude::*;
use std::time::Duration;

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/// A whole bootstrap in which a line may be replaced.
fn yaml(replace: &str, with: &str) -> String {
    let text = format!(
        "node: {{id: a, cluster: b}}
static_resources:
  listeners:
  - name: l
    address: {{socket_address: {{address: 127.0.0.1, port_value: 20000}}}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          '@type': {HCM}
          stat_prefix: ingress
          codec_type: AUTO
          route_config:
            name: r
            virtual_hosts:
            - name: v
              domains: ['*']
              routes:
              - match: {{prefix: /}}
                route: {{cluster: a}}
          http_filters:
          - name: router
            typed_config: {{'@type': {ROUTER}}}
  clusters:
  - name: a
    type: STATIC
    connect_timeout: 0.25s
    lb_policy: RANDOM
"
    );
    assert!(text.contains(replace), "{replace}");
    text.replacen(replace, with, 1)
}

fn refused(replace: &str, with: &str) -> String {
    let refused = bootstrap(&yaml(replace, with), false).expect_err("refused");
    // Positions are ours.
    let text = refused.message;
    match text.split_once(", near ") {
        Some((before, after)) => format!("{before}{}", &after[after.find("): ").map_or(0, |it| it + 1)..]),
        None => text,
    }
}

#[test]
fn a_whole_bootstrap_becomes_types() {
    let read = bootstrap(&yaml("node", "node"), false).expect("taken");
    let resources = read.static_resources.expect("static resources");
    let cluster = &resources.clusters[0];
    assert_eq!(
        (cluster.lb_policy, cluster.connect_timeout),
        (LbPolicy::Random, Some(Duration::from_millis(250)))
    );
    let Some(FilterConfigType::TypedConfig(NetworkFilter::HttpConnectionManager(hcm))) =
        &resources.listeners[0].filter_chains[0].filters[0].config_type
    else {
        panic!("an HTTP connection manager");
    };
    assert_eq!(hcm.stat_prefix, "ingress");
    let hcm::HttpConnectionManagerRouteSpecifier::RouteConfig(routes) = &hcm.route_specifier else {
        panic!("a route configuration");
    };
    let Action::Route(action) = &routes.virtual_hosts[0].routes[0].action else { panic!("a route") };
    assert_eq!(action.cluster_specifier, RouteActionClusterSpecifier::Cluster("a".to_owned()));
    let hcm::HttpFilterConfigType::TypedConfig(filter) =
        hcm.http_filters[0].config_type.as_ref().expect("a filter");
    assert!(matches!(filter, HttpFilterConfig::Router(_)));
}

#[test]
fn camel_case_and_single_values_for_lists_are_taken() {
    let text = yaml(
        "lb_policy: RANDOM",
        "lbPolicy: 1\n    commonLbConfig: {healthyPanicThreshold: {value: '12.5'}}",
    );
    let text = text.replace("domains: ['*']", "domains: '*'");
    let read = bootstrap(&text, false).expect("taken");
    let cluster = &read.static_resources.expect("static resources").clusters[0];
    assert_eq!(cluster.lb_policy, LbPolicy::LeastRequest);
    let threshold = cluster.common_lb_config.clone().and_then(|it| it.healthy_panic_threshold);
    assert_eq!(threshold.map(|it| it.value), Some(12.5));
}

#[test]
fn json_says_the_same_as_yaml() {
    let text = r#"{"static_resources": {"clusters": [{"name": "a", "type": "STRICT_DNS", "connect_timeout": "1s"}]}}"#;
    let read = bootstrap(text, true).expect("taken");
    let cluster = &read.static_resources.expect("static resources").clusters[0];
    assert_eq!(
        cluster.cluster_discovery_type.clone().map(|it| match it {
            cluster::ClusterClusterDiscoveryType::Type(it) => it,
        }),
        Some(DiscoveryType::StrictDns)
    );
    let broken = bootstrap("{\"node\": }", true).expect_err("refused");
    assert!(broken.message.contains("line 1 column 10"), "{}", broken.message);
}

#[test]
fn unknown_fields_are_named_with_their_place() {
    assert_eq!(
        refused("  - name: l\n", "  - name: l\n    no_such_field: 1\n"),
        "Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason INVALID_ARGUMENT: invalid JSON in \
         envoy.config.bootstrap.v3.Bootstrap @ static_resources.listeners[0]: message envoy.config.listener.v3.Listener: \
         no such field: 'no_such_field') has unknown fields"
    );
    assert_eq!(
        refused("route: {cluster: a}", "route: {cluster: a, nope: 1}"),
        "Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason INVALID_ARGUMENT: invalid JSON in \
         envoy.config.bootstrap.v3.Bootstrap @ static_resources.listeners[0].filter_chains[0].filters[0].typed_config.<any>\
         .route_config.virtual_hosts[0].routes[0].route: message envoy.config.route.v3.RouteAction: no such field: 'nope') \
         has unknown fields"
    );
    assert_eq!(
        refused("RANDOM", "FASTEST"),
        "Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason INVALID_ARGUMENT: unknown enum value: \
         'FASTEST') has unknown fields"
    );
}

#[test]
fn values_of_the_wrong_kind_are_told_by_protobuf() {
    let place = |field: &str, kind: &str, why: &str| {
        format!(
            "Unable to parse JSON as proto (INVALID_ARGUMENT: invalid JSON in envoy.config.bootstrap.v3.Bootstrap @ \
             static_resources.{field}: {kind}: {why})"
        )
    };
    let hcm = |field: &str| format!("listeners[0].filter_chains[0].filters[0].typed_config.<any>.{field}");
    let port = "listeners[0].address.socket_address.port_value";
    let duration = ("clusters[0].connect_timeout", "message google.protobuf.Duration");
    let rows = [
        ("ingress", "5", place(&hcm("stat_prefix"), "string", "unexpected character: '5'; expected '\"'")),
        ("port_value: 20000", "port_value: abc", place(port, "uint32", "invalid number: 'abc'")),
        ("port_value: 20000", "port_value: -1", place(port, "uint32", "JSON number out of range for int")),
        (
            "port_value: 20000",
            "port_value: 1.5",
            place(port, "uint32", "expected integer, but JSON number had fractional part"),
        ),
        ("0.25s", "250ms", place(duration.0, duration.1, "duration must end with a single 's'")),
        ("0.25s", "1", place(duration.0, duration.1, "unexpected character: '1'; expected '\"'")),
        ("0.25s", "xs", place(duration.0, duration.1, "duration must start with an integer")),
        (
            "codec_type: AUTO",
            "generate_request_id: maybe",
            place(
                &hcm("generate_request_id"),
                "message google.protobuf.BoolValue",
                "expected 'true' or 'false'",
            ),
        ),
        (
            "{prefix: /}",
            "{prefix: /, path: /x}",
            place(
                &hcm("route_config.virtual_hosts[0].routes[0].match.path"),
                "string",
                "'prefix' has already been set (either directly or as part of a oneof)",
            ),
        ),
    ];
    for (replace, with, wanted) in rows {
        assert_eq!(refused(replace, with), wanted);
    }
}

#[test]
fn constraints_are_told_by_protoc_gen_validate() {
    let nested = |parts: &[&str], last: &str| {
        let path: String =
            parts.iter().map(|it| format!("{it}: embedded message failed validation | caused by ")).collect();
        format!("Proto constraint validation failed ({path}{last})")
    };
    let cluster = ["BootstrapValidationError.StaticResources", "StaticResourcesValidationError.Clusters[0]"];
    let host = [
        "HttpConnectionManagerValidationError.RouteConfig",
        "RouteConfigurationValidationError.VirtualHosts[0]",
    ];
    let route = [host[0], host[1], "VirtualHostValidationError.Routes[0]"];
    let rows = [
        (
            "- name: a",
            "- name: ''",
            nested(&cluster, "ClusterValidationError.Name: value length must be at least 1 characters"),
        ),
        (
            "0.25s",
            "0s",
            nested(&cluster, "ClusterValidationError.ConnectTimeout: value must be greater than 0s"),
        ),
        (
            "RANDOM",
            "99",
            nested(&cluster, "ClusterValidationError.LbPolicy: value must be one of the defined enum values"),
        ),
        (
            "stat_prefix: ingress",
            "server_name: x",
            nested(
                &[],
                "HttpConnectionManagerValidationError.StatPrefix: value length must be at least 1 characters",
            ),
        ),
        (
            "domains: ['*']",
            "domains: []",
            nested(&host, "VirtualHostValidationError.Domains: value must contain at least 1 item(s)"),
        ),
        (
            "- match: {prefix: /}",
            "- name: x",
            nested(&route, "RouteValidationError.Match: value is required"),
        ),
        (
            "route: {cluster: a}",
            "direct_response: {status: 700}",
            nested(
                &[route[0], route[1], route[2], "RouteValidationError.DirectResponse"],
                "DirectResponseActionValidationError.Status: value must be inside range [200, 600)",
            ),
        ),
        ("route: {cluster: a}", "name: x", nested(&route, "field: \"action\", reason: is required")),
    ];
    for (replace, with, wanted) in rows {
        assert_eq!(refused(replace, with), wanted);
    }
}

#[test]
fn extensions_are_told_apart() {
    let nope = "type.googleapis.com/envoy.extensions.filters.http.nope.v3.Nope";
    let type_url = format!("'@type': {ROUTER}");
    assert_eq!(
        refused(&type_url, &format!("'@type': {nope}")),
        format!("Unable to parse JSON as proto (INVALID_ARGUMENT: could not find @type '{nope}')")
    );
    assert_eq!(
        refused(&type_url, "'@type': nope"),
        "Unable to parse JSON as proto (INVALID_ARGUMENT: @type must contain at least one / and a nonempty host; got: nope)"
    );
    let lua = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
    let refused_lua = refused(&type_url, &format!("'@type': {lua}"));
    assert!(
        refused_lua.ends_with("envoy.extensions.filters.http.lua.v3.Lua: not simulated in vethlab"),
        "{refused_lua}"
    );
    let tracing = refused("codec_type: AUTO", "tracing: {}");
    assert_eq!(
        tracing,
        "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.tracing: not simulated in vethlab"
    );
}

#[test]
fn what_would_be_without_effect_is_refused_and_may_be_turned_off() {
    let replace = "lb_policy: RANDOM";
    let with = |field: &str| format!("{replace}\n    outlier_detection: {{{field}}}");
    assert_eq!(
        refused(replace, "close_connections_on_host_health_failure: true"),
        "cluster 'a': close_connections_on_host_health_failure: not simulated in vethlab"
    );
    for field in ["enforcing_success_rate: 0", "enforcing_failure_percentage: 50"] {
        bootstrap(&yaml(replace, &with(field)), false).expect("simulated");
    }
}

#[test]
fn parts_that_do_not_go_together_are_refused_in_the_words_of_envoy() {
    let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors";
    let router = format!("- name: router\n            typed_config: {{'@type': {ROUTER}}}");
    let first = format!("{router}\n          - name: c\n            typed_config: {{'@type': {cors}}}");
    let rows = [
        (
            "lb_policy: RANDOM",
            "lb_policy: MAGLEV\n    maglev_lb_config: {table_size: 100}",
            "The table size of maglev must be prime number",
        ),
        ("type: STATIC", "type: EDS", "cannot create an EDS cluster without an EDS config"),
        (
            "type: STATIC",
            "type: ORIGINAL_DST",
            "cluster: LB policy RANDOM is not valid for Cluster type ORIGINAL_DST. Only 'CLUSTER_PROVIDED' is allowed with \
             cluster type 'ORIGINAL_DST'",
        ),
        (
            router.as_str(),
            first.as_str(),
            "Error: terminal filter named router of type envoy.filters.http.router must be the last filter in a http \
             filter chain.",
        ),
        (
            ROUTER,
            cors,
            "Error: non-terminal filter named router of type envoy.filters.http.cors is the last filter in a http filter \
             chain.",
        ),
        (
            router.as_str(),
            "- name: router",
            "Didn't find a registered implementation for 'router' with type URL: ''",
        ),
        ("127.0.0.1", "localhost", "malformed IP address: localhost"),
        (
            "- filters:",
            "- filter_chain_match: {server_names: ['a*']}\n      filters:",
            "error adding listener '127.0.0.1:20000': partial wildcards are not supported in \"server_names\"",
        ),
    ];
    for (replace, with, wanted) in rows {
        assert_eq!(refused(replace, with), wanted);
    }
}

#[test]
fn texts_that_are_no_mapping_are_refused() {
    let refusal = |text: &str| bootstrap(text, false).expect_err("refused").message;
    assert_eq!(refusal(""), "Unable to convert YAML as JSON: ");
    assert_eq!(refusal("a"), "Unable to convert YAML as JSON: a");
    assert!(refusal("node: *x").contains("the referenced anchor is not defined: x"));
    assert!(refusal("node: [a").starts_with("yaml"));
}

#[test]
fn scalars_are_those_of_yaml_cpp() {
    let node = tree("{a: yes, b: 0x10, c: 010, d: 1.5, e: '5', f: ~, g: 5000000000, h: N}", false)
        .expect("valid YAML");
    let json = node.to_json();
    let wanted = serde_json::json!({
        "a": true, "b": 16, "c": 8, "d": "1.5", "e": "5", "f": null, "g": "5000000000", "h": false
    });
    assert_eq!(json, wanted);
}

#[test]
fn discovery_files_hold_resources() {
    let text = "version_info: '2'\nresources:\n- '@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: c\n";
    let read = discovery(text, false).expect("taken");
    let [extension::Resource::Cluster(cluster)] = &read.resources[..] else { panic!("a cluster") };
    assert_eq!((read.version_info.as_str(), cluster.name.as_str()), ("2", "c"));
    let default: Box<Cluster> = Box::default();
    assert_eq!(default.lb_policy, LbPolicy::RoundRobin);
    assert_eq!(Bootstrap::default(), Bootstrap::default());
}

proptest! {
    #[test]
    fn no_text_panics(at in 0usize..1200, length in 0usize..40, with in "[ -~\n]{0,12}", json in proptest::bool::ANY) {
        let mut text = yaml("node", "node").into_bytes();
        let at = at.min(text.len());
        let end = (at + length).min(text.len());
        text.splice(at..end, with.into_bytes());
        let text = String::from_utf8_lossy(&text);
        bootstrap(&text, json).map(|_| ()).unwrap_or_else(|refused| assert!(!refused.message.is_empty()));
    }
}
