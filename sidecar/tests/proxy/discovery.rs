//! Discovery by messages: state of the world and delta, acknowledged and refused, in Envoy's order.

use crate::lab::{Lab, bootstrap, cluster, http_listener};
use serde_json::{Value, json};
use sidecar::proxy::Input;

const TYPES: &str = "type.googleapis.com/envoy.";
const CLUSTER: &str = "config.cluster.v3.Cluster";
const ASSIGNMENT: &str = "config.endpoint.v3.ClusterLoadAssignment";
const LISTENER: &str = "config.listener.v3.Listener";
const ROUTES: &str = "config.route.v3.RouteConfiguration";
const SECRET: &str = "extensions.transport_sockets.tls.v3.Secret";

fn lab(api: &str) -> Lab {
    let more = format!(
        "dynamic_resources:
  ads_config: {{api_type: {api}, transport_api_version: V3, set_node_on_first_message_only: true, grpc_services: [{{envoy_grpc: {{cluster_name: xds}}}}]}}
  cds_config: {{ads: {{}}, resource_api_version: V3}}
  lds_config: {{ads: {{}}, resource_api_version: V3}}
"
    );
    Lab::new(&bootstrap(&http_listener("own", 8080, "xds", ""), &cluster("xds", 15010, ""), &more), &[])
}

/// The requests since the last time, as type, version, nonce and names.
fn asked(lab: &mut Lab) -> Vec<String> {
    std::mem::take(&mut lab.requests)
        .iter()
        .map(|it| {
            let it: Value = serde_json::from_str(it).expect("JSON");
            let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
            let kind = text("type_url").rsplit('.').next().unwrap_or_default().to_owned();
            let mut line = format!("{kind} v={} n={}", text("version_info"), text("response_nonce"));
            for (field, mark) in [
                ("resource_names", "names"),
                ("resource_names_subscribe", "+"),
                ("resource_names_unsubscribe", "-"),
                ("initial_resource_versions", "has"),
            ] {
                if !it[field].is_null() {
                    line.push_str(&format!(" {mark}={}", it[field]));
                }
            }
            if let Some(why) = it["error_detail"]["message"].as_str() {
                line.push_str(&format!(" refused: {why}"));
            }
            line
        })
        .collect()
}

fn answer(lab: &mut Lab, kind: &str, version: &str, nonce: &str, resources: &[Value]) {
    let resources: Vec<Value> = resources
        .iter()
        .map(|it| {
            let mut it = it.clone();
            it["@type"] = format!("{TYPES}{kind}").into();
            it
        })
        .collect();
    let type_url = format!("{TYPES}{kind}");
    let text =
        json!({ "version_info": version, "nonce": nonce, "type_url": type_url, "resources": resources });
    lab.handle(Input::Discovery { server: 0, response: Some(&text.to_string()) });
}

fn eds_cluster(name: &str) -> Value {
    json!({ "name": name, "type": "EDS", "connect_timeout": "1s",
            "eds_cluster_config": { "eds_config": { "ads": {} } } })
}

fn assignment(name: &str, port: u16) -> Value {
    let endpoint = json!({ "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } } });
    json!({ "cluster_name": name, "endpoints": [{ "lb_endpoints": [{ "endpoint": endpoint }] }] })
}

fn listener(name: &str, port: u16, table: &str) -> Value {
    json!({
        "name": name,
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": port } },
        "filter_chains": [{ "filters": [{ "name": "hcm", "typed_config": {
            "@type": format!("{TYPES}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": name,
            "rds": { "route_config_name": table, "config_source": { "ads": {} } },
            "http_filters": [{ "name": "router", "typed_config": {
                "@type": format!("{TYPES}extensions.filters.http.router.v3.Router") } }],
        } }] }],
    })
}

fn table(name: &str, cluster: &str) -> Value {
    json!({ "name": name, "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
        { "match": { "prefix": "/" }, "route": { "cluster": cluster } }] }] })
}

/// The status of a request on a new connection; a host that is asked answers with 200.
fn status(lab: &mut Lab, port: u16) -> String {
    let client = lab.connect(port);
    lab.send(client, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    if !lab.asked.is_empty() {
        let host = lab.open();
        lab.send(host, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    lab.heard_text(client)[9..12].to_owned()
}

/// Everything is brought once, and acknowledged.
fn brought(lab: &mut Lab) {
    answer(lab, CLUSTER, "1", "a", &[eds_cluster("web")]);
    answer(lab, ASSIGNMENT, "1", "b", &[assignment("web", 21001)]);
    answer(lab, LISTENER, "1", "c", &[listener("in", 8000, "rt")]);
    answer(lab, ROUTES, "1", "d", &[table("rt", "web")]);
}

#[test]
fn clusters_endpoints_listeners_and_routes_are_asked_for_in_turn() {
    let mut lab = lab("GRPC");
    assert!(lab.requests[0].contains(r#""node":{"id":"sidecar""#), "{}", lab.requests[0]);
    assert_eq!(asked(&mut lab), ["Cluster v=- n=-"]);
    assert!(!lab.listening.keys().any(|it| it.port() == 8080), "listeners wait for clusters");
    answer(&mut lab, CLUSTER, "1", "a", &[eds_cluster("web")]);
    assert_eq!(asked(&mut lab), ["Cluster v=1 n=a", "ClusterLoadAssignment v=- n=- names=[\"web\"]"]);
    answer(&mut lab, ASSIGNMENT, "1", "b", &[assignment("web", 21001)]);
    assert_eq!(asked(&mut lab), ["ClusterLoadAssignment v=1 n=b names=[\"web\"]", "Listener v=- n=-"]);
    answer(&mut lab, LISTENER, "1", "c", &[listener("in", 8000, "rt")]);
    assert_eq!(asked(&mut lab), ["Listener v=1 n=c", "RouteConfiguration v=- n=- names=[\"rt\"]"]);
    assert_eq!(lab.admin("/ready").1, "INITIALIZING\n");
    answer(&mut lab, ROUTES, "1", "d", &[table("rt", "web")]);
    assert_eq!(asked(&mut lab), ["RouteConfiguration v=1 n=d names=[\"rt\"]"]);
    assert_eq!(status(&mut lab, 8000), "200");
    assert_eq!(lab.admin("/ready").1, "LIVE\n");
}

#[test]
fn a_bad_update_is_refused_and_the_one_before_serves_on() {
    let mut lab = lab("GRPC");
    brought(&mut lab);
    asked(&mut lab);
    let mut bad = listener("in", 8000, "rt");
    bad["filter_chains"][0]["filters"][0]["name"] = "hcm".into();
    bad["no_such_field"] = true.into();
    answer(&mut lab, LISTENER, "2", "e", &[bad]);
    let requests = asked(&mut lab);
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("Listener v=1 n=e refused: "), "{}", requests[0]);
    assert!(requests[0].contains("no such field: 'no_such_field'"), "{}", requests[0]);
    answer(&mut lab, ROUTES, "2", "f", &[table("rt", "")]);
    assert!(asked(&mut lab)[0].starts_with("RouteConfiguration v=1 n=f names=[\"rt\"] refused: "));
    assert_eq!(status(&mut lab, 8000), "200");
    assert_eq!(lab.stat("listener_manager.lds.update_rejected"), 1);
    answer(&mut lab, ROUTES, "3", "g", &[table("rt", "nowhere")]);
    assert_eq!(asked(&mut lab), ["RouteConfiguration v=3 n=g names=[\"rt\"]"]);
    assert_eq!(status(&mut lab, 8000), "503");
}

#[test]
fn a_new_cluster_serves_once_its_endpoints_are_there() {
    let mut lab = lab("GRPC");
    brought(&mut lab);
    answer(&mut lab, CLUSTER, "2", "e", &[eds_cluster("web"), eds_cluster("new")]);
    answer(&mut lab, ROUTES, "2", "f", &[table("rt", "new")]);
    assert_eq!(status(&mut lab, 8000), "503");
    assert_eq!(lab.stat("http.in.no_cluster"), 1);
    assert_eq!(lab.stat("cluster_manager.warming_clusters"), 1);
    answer(&mut lab, ASSIGNMENT, "2", "g", &[assignment("new", 21002)]);
    assert_eq!(status(&mut lab, 8000), "200");
    asked(&mut lab);
    // A cluster that changes keeps the endpoints it has; one that goes is asked for no longer.
    let mut changed = eds_cluster("new");
    changed["connect_timeout"] = "2s".into();
    answer(&mut lab, CLUSTER, "3", "h", &[changed]);
    assert_eq!(asked(&mut lab), ["Cluster v=3 n=h", "ClusterLoadAssignment v=2 n=g names=[\"new\"]"]);
    assert_eq!(status(&mut lab, 8000), "200");
}

#[test]
fn what_does_not_come_is_waited_for_a_while() {
    let mut lab = lab("GRPC");
    lab.wait_ms(14_999);
    assert!(!lab.listening.keys().any(|it| it.port() == 8080));
    lab.wait_ms(2);
    assert_eq!(lab.stat("cluster_manager.cds.init_fetch_timeout"), 1);
    lab.wait_ms(15_001);
    assert!(lab.listening.keys().any(|it| it.port() == 8080));
}

#[test]
fn deltas_bring_and_remove_one_thing_at_a_time() {
    let mut lab = lab("DELTA_GRPC");
    assert_eq!(asked(&mut lab), ["Cluster v=- n=-"]);
    let delta = |lab: &mut Lab, kind: &str, nonce: &str, resources: &[(&str, Value)], removed: &[&str]| {
        let resources: Vec<Value> = resources
            .iter()
            .map(|(name, it)| {
                let mut it = it.clone();
                it["@type"] = format!("{TYPES}{kind}").into();
                json!({ "name": name, "version": "1", "resource": it })
            })
            .collect();
        let text = json!({ "system_version_info": "s", "nonce": nonce, "type_url": format!("{TYPES}{kind}"),
                           "resources": resources, "removed_resources": removed });
        lab.handle(Input::Discovery { server: 0, response: Some(&text.to_string()) });
    };
    delta(&mut lab, CLUSTER, "a", &[("web", eds_cluster("web")), ("old", eds_cluster("old"))], &[]);
    assert_eq!(asked(&mut lab), ["Cluster v=- n=a", "ClusterLoadAssignment v=- n=- +=[\"old\",\"web\"]"]);
    let both = [("web", assignment("web", 21001)), ("old", assignment("old", 21002))];
    delta(&mut lab, ASSIGNMENT, "b", &both, &[]);
    assert_eq!(asked(&mut lab), ["ClusterLoadAssignment v=- n=b", "Listener v=- n=-"]);
    delta(&mut lab, LISTENER, "c", &[("in", listener("in", 8000, "rt"))], &[]);
    delta(&mut lab, ROUTES, "d", &[("rt", table("rt", "web"))], &[]);
    assert_eq!(
        asked(&mut lab),
        ["Listener v=- n=c", "RouteConfiguration v=- n=- +=[\"rt\"]", "RouteConfiguration v=- n=d"]
    );
    delta(&mut lab, CLUSTER, "e", &[], &["old"]);
    assert_eq!(asked(&mut lab), ["Cluster v=- n=e", "ClusterLoadAssignment v=- n=b -=[\"old\"]"]);
    assert_eq!(status(&mut lab, 8000), "200");
    // A stream that broke begins anew, and says what is here.
    lab.handle(Input::Discovery { server: 0, response: None });
    assert!(asked(&mut lab).is_empty());
    lab.wait_ms(500);
    let again = asked(&mut lab);
    assert_eq!(again[0], "Cluster v=- n=- has={\"web\":\"1\"}");
    assert_eq!(again[1], "ClusterLoadAssignment v=- n=- +=[\"web\"] has={\"web\":\"1\"}");
}

#[test]
fn a_listener_waits_for_its_secret() {
    let mut lab = lab("GRPC");
    answer(&mut lab, CLUSTER, "1", "a", &[]);
    let secret = json!({ "name": "cert", "sds_config": { "ads": {} } });
    let mut secure = listener("in", 8000, "rt");
    secure["filter_chains"][0]["transport_socket"] = json!({ "name": "tls", "typed_config": {
        "@type": format!("{TYPES}extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
        "common_tls_context": { "tls_certificate_sds_secret_configs": [secret] } } });
    answer(&mut lab, LISTENER, "1", "c", &[secure]);
    answer(&mut lab, ROUTES, "1", "d", &[table("rt", "xds")]);
    assert!(!lab.listening.keys().any(|it| it.port() == 8000));
    assert!(asked(&mut lab).contains(&"Secret v=- n=- names=[\"cert\"]".to_owned()));
    let pem = include_str!("../../src/tls/seeded/rsa.pem");
    let (chain, key) = pem.split_at(pem.find("-----BEGIN PRIVATE KEY").expect("a key"));
    let pair =
        json!({ "certificate_chain": { "inline_string": chain }, "private_key": { "inline_string": key } });
    answer(&mut lab, SECRET, "1", "e", &[json!({ "name": "cert", "tls_certificate": pair })]);
    assert!(lab.listening.keys().any(|it| it.port() == 8000));
    assert_eq!(asked(&mut lab), ["Secret v=1 n=e names=[\"cert\"]"]);
    let (_, certs) = lab.admin("/certs");
    assert!(certs.contains("\"dns\": \"s.example\""), "{certs}");
    let (_, dump) = lab.admin("/config_dump?resource=dynamic_active_secrets");
    assert!(dump.contains("[redacted]") && !dump.contains("PRIVATE"), "{dump}");
}

#[test]
fn sources_that_are_not_simulated_are_refused() {
    let refused = |api: &str, cluster_name: &str| {
        let more = format!(
            "dynamic_resources:\n  cds_config: {{api_config_source: {{api_type: {api}, transport_api_version: V3, \
             grpc_services: [{{envoy_grpc: {{cluster_name: {cluster_name}}}}}]}}}}\n"
        );
        let yaml = bootstrap(&http_listener("own", 8080, "xds", ""), &cluster("xds", 15010, ""), &more);
        Lab::refusal(&yaml)
    };
    assert_eq!(refused("REST", "xds"), "api_type: REST: not simulated in vethlab; use GRPC");
    assert!(refused("GRPC", "none").contains("must have a statically defined non-EDS cluster: 'none'"));
}
