//! The admin page, in the shapes that Envoy 1.40 gave for the same configuration.

use crate::lab::{Lab, bootstrap, cluster, http_listener};
use serde_json::Value;

const FILES: &str = "dynamic_resources:
  cds_config: {path_config_source: {path: /cds.yaml}}
  lds_config: {path_config_source: {path: /lds.yaml}}
";

fn cds(version: u32) -> String {
    format!(
        "version_info: '{version}'
resources:
- '@type': type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: dyn
  connect_timeout: 1s
  type: EDS
  eds_cluster_config: {{service_name: svc, eds_config: {{path_config_source: {{path: /eds.yaml}}}}}}
"
    )
}

const EDS: &str = "version_info: '3'
resources:
- '@type': type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
  cluster_name: svc
  endpoints: [{locality: {region: eu, zone: z}, lb_endpoints: [{load_balancing_weight: 3, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 21003}}}}]}]
";

fn lds(version: u32, chains: &str) -> String {
    format!(
        "version_info: '{version}'
resources:
- '@type': type.googleapis.com/envoy.config.listener.v3.Listener
  name: dl
  address: {{socket_address: {{address: 127.0.0.1, port_value: 20002}}}}
  {chains}
"
    )
}

const TCP: &str = "filter_chains: [{filters: [{name: t, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: dyn}}]}]";

fn lab() -> Lab {
    let yaml = bootstrap(&http_listener("in", 8080, "a", ""), &cluster("a", 21001, ""), FILES);
    Lab::new(&yaml, &[("/cds.yaml", cds(7)), ("/lds.yaml", lds(5, TCP)), ("/eds.yaml", EDS.to_owned())])
}

fn json(page: (u16, String)) -> Value {
    assert_eq!(page.0, 200, "{}", page.1);
    serde_json::from_str(&page.1).expect("JSON")
}

#[test]
fn the_dump_has_every_part_in_order() {
    let mut lab = lab();
    let dump = json(lab.admin("/config_dump"));
    let kinds: Vec<&str> = dump["configs"]
        .as_array()
        .expect("parts")
        .iter()
        .filter_map(|it| it["@type"].as_str()?.rsplit_once('.').map(|it| it.1))
        .collect();
    let all = [
        "BootstrapConfigDump",
        "ClustersConfigDump",
        "ListenersConfigDump",
        "ScopedRoutesConfigDump",
        "RoutesConfigDump",
        "SecretsConfigDump",
    ];
    assert_eq!(kinds, all);
    let clusters = &dump["configs"][1];
    assert_eq!(clusters["version_info"], "7");
    assert_eq!(clusters["static_clusters"][0]["cluster"]["name"], "a");
    assert_eq!(clusters["static_clusters"][0]["cluster"]["connect_timeout"], "1s");
    assert_eq!(clusters["dynamic_active_clusters"][0]["cluster"]["type"], "EDS");
    // Fields stand in the order of their numbers.
    let fields: Vec<&String> =
        clusters["static_clusters"][0]["cluster"].as_object().expect("fields").keys().collect();
    assert_eq!(fields, ["@type", "name", "type", "connect_timeout", "load_assignment"]);
    let listeners = &dump["configs"][2];
    assert_eq!(listeners["dynamic_listeners"][0]["active_state"]["version_info"], "5");
    let routes = &dump["configs"][4]["static_route_configs"][0]["route_config"];
    assert_eq!(routes["virtual_hosts"][0]["routes"][0]["route"]["cluster"], "a");
}

#[test]
fn a_refused_listener_stands_beside_the_one_that_serves() {
    let mut lab = lab();
    lab.change("/lds.yaml", &lds(6, "filter_chains: [{filters: [{name: x}]}]"));
    let dump = json(lab.admin("/config_dump?resource=dynamic_listeners"));
    let listener = &dump["configs"][0];
    assert_eq!(listener["active_state"]["version_info"], "5");
    assert_eq!(listener["error_state"]["version_info"], "6");
    let details = listener["error_state"]["details"].as_str().expect("details");
    assert!(details.contains("Didn't find a registered implementation for 'x'"), "{details}");
    assert_eq!(lab.stat("listener_manager.lds.update_rejected"), 1);
    lab.connect(20002);
}

#[test]
fn endpoints_resource_and_mask_are_heeded() {
    let mut lab = lab();
    let dump = json(lab.admin("/config_dump?include_eds&resource=dynamic_endpoint_configs"));
    let assignment = &dump["configs"][0]["endpoint_config"];
    assert_eq!(assignment["cluster_name"], "svc");
    assert_eq!(assignment["endpoints"][0]["lb_endpoints"][0]["load_balancing_weight"], 3);
    let masked = lab.admin("/config_dump?resource=static_clusters&mask=cluster.name").1;
    let shown = "{
 \"configs\": [
  {
   \"@type\": \"type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster\",
   \"cluster\": {
    \"@type\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\",
    \"name\": \"a\"
   }
  }
 ]
}
";
    assert_eq!(masked, shown);
    assert_eq!(lab.admin("/config_dump?resource=nope"), (404, "nope not found in config dump".to_owned()));
    assert_eq!(
        lab.admin("/config_dump?mask=bogus"),
        (400, "FieldMask bogus could not be successfully applied to any configs.".to_owned())
    );
}

#[test]
fn clusters_show_limits_and_hosts() {
    let mut lab = lab();
    let client = lab.connect(8080);
    lab.send(client, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let host = lab.open();
    lab.send(host, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let (_, text) = lab.admin("/clusters");
    for line in [
        "a::default_priority::max_connections::1024",
        "a::added_via_api::false",
        "a::127.0.0.1:21001::cx_total::1",
        "a::127.0.0.1:21001::rq_success::1",
        "a::127.0.0.1:21001::rq_total::1",
        "a::127.0.0.1:21001::health_flags::healthy",
        "dyn::added_via_api::true",
        "dyn::eds_service_name::svc",
        "dyn::127.0.0.1:21003::weight::3",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    let status = json(lab.admin("/clusters?format=json"));
    assert_eq!(status["cluster_statuses"][0]["host_statuses"][0]["stats"][1]["value"], "1");
    let listeners = json(lab.admin("/listeners?format=json"));
    assert_eq!(listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"], 8080);
}

#[test]
fn stats_are_shown_as_text_json_and_for_prometheus() {
    let mut lab = lab();
    let client = lab.connect(8080);
    lab.send(client, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let host = lab.open();
    lab.send(host, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let used = lab.admin("/stats?usedonly&filter=^http.in.downstream_rq").1;
    assert!(used.contains("http.in.downstream_rq_2xx: 1\n") && !used.contains("_5xx"), "{used}");
    let stats = json(lab.admin("/stats?format=json&filter=^http.in.downstream_rq_2xx$"));
    assert_eq!(stats.to_string(), r#"{"stats":[{"name":"http.in.downstream_rq_2xx","value":1}]}"#);
    let text = lab.admin("/stats/prometheus?filter=upstream_rq_2").1;
    let shown = "# TYPE envoy_cluster_external_upstream_rq counter
envoy_cluster_external_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"a\"} 1
# TYPE envoy_cluster_external_upstream_rq_xx counter
envoy_cluster_external_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"a\"} 1
# TYPE envoy_cluster_upstream_rq counter
envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"a\"} 1
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"a\"} 1
";
    assert_eq!(text, shown);
}

#[test]
fn what_is_not_there_says_so() {
    let mut lab = lab();
    assert_eq!(lab.admin("/memory"), (501, "/memory: not simulated in vethlab\n".to_owned()));
    assert_eq!(lab.admin("/logging"), (405, "Method GET not allowed, POST required.".to_owned()));
    let (status, text) = lab.admin("/nothing");
    assert!(status == 404 && text.starts_with("invalid path. admin commands are:\n  /: Admin home page\n"));
}

#[test]
fn inbound_listeners_are_drained_alone() {
    let inbound = http_listener("inwards", 8081, "a", "") + "\n  traffic_direction: INBOUND";
    let outbound = http_listener("outwards", 8082, "a", "") + "\n  traffic_direction: OUTBOUND";
    let mut lab = Lab::new(&bootstrap(&format!("{inbound}\n{outbound}"), &cluster("a", 1, ""), ""), &[]);
    lab.admin("POST /drain_listeners?inboundonly");
    let ports: Vec<u16> = lab.listening.keys().map(|it| it.port()).collect();
    assert_eq!(ports, [8082, 9901]);
    assert_eq!(lab.admin("/ready"), (200, "LIVE\n".to_owned()));
}
