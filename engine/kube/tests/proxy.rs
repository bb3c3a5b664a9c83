//! kube-proxy in iptables mode, read as transcripts: what is watched, and the lines that follow.

use kube::object::endpointslice::EndpointSlice;
use kube::object::service::Service;
use kube::proxy::conntrack::UdpFlow;
use kube::proxy::iptables::{Config, Proxier, Sync};
use kube::proxy::local::DetectLocal;
use kube::proxy::port::Family;
use serde_json::{Value, json};
use sim::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

fn proxier() -> Proxier {
    Proxier::new(Config {
        family: Family::V4,
        node_name: "worker-1".to_owned(),
        node_ip: [192, 168, 0, 2].into(),
        node_ips: vec![[192, 168, 0, 2].into(), [127, 0, 0, 1].into()],
        topology: BTreeMap::new(),
        masquerade_bit: 14,
        masquerade_all: false,
        detect_local: DetectLocal::Cidr("10.244.0.0/16".parse().expect("a range")),
        localhost_node_ports: true,
        node_port_addresses: Vec::new(),
        nfacct: false,
        conntrack_tcp_liberal: false,
        random_fully: true,
        sync_period: Duration::from_secs(30),
    })
}

fn service(name: &str, ip: &str, spec: Value) -> Service {
    let mut object = json!({
        "metadata": {"namespace": "default", "name": name},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ipFamilies": ["IPv4"],
                 "ports": [{"port": 80, "protocol": "TCP"}]},
    });
    for (key, value) in spec.as_object().expect("an object") {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).expect("a Service")
}

/// Endpoints as (address, node, conditions).
fn slice(service: &str, protocol: &str, endpoints: &[(&str, &str, Value)]) -> EndpointSlice {
    let endpoint = |(ip, node, conditions): &(&str, &str, Value)| json!({"addresses": [ip], "nodeName": node, "conditions": conditions});
    let object = json!({
        "metadata": {"namespace": "default", "name": format!("{service}-1"),
                     "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "", "port": 8080, "protocol": protocol}],
    });
    serde_json::from_value(object).expect("an EndpointSlice")
}

fn ready() -> Value {
    json!({"ready": true})
}

fn seconds(seconds: u64) -> Instant {
    Instant::BOOT + Duration::from_secs(seconds)
}

/// The rules of one chain.
fn chain<'a>(sync: &'a Sync, name: &str) -> Vec<&'a str> {
    let start = format!("-A {name} ");
    sync.restore.lines().filter_map(|line| line.strip_prefix(start.as_str())).collect()
}

fn has_line(sync: &Sync, part: &str) -> bool {
    sync.restore.lines().any(|line| line.contains(part))
}

#[test]
fn a_service_without_endpoints_is_refused_and_gets_none_later() {
    let mut proxier = proxier();
    assert!(proxier.service_set(&service("web", "10.96.0.20", json!({}))));
    let sync = proxier.sync(seconds(1), Some(""));
    assert!(sync.is_full && sync.jumps().len() == 14);
    assert_eq!(
        chain(&sync, "KUBE-SERVICES")[0],
        "-m comment --comment \"default/web has no endpoints\" -m tcp -p tcp -d 10.96.0.20 --dport 80 -j REJECT"
    );
    assert!(proxier.slice_set(slice("web", "TCP", &[("10.244.1.5", "worker-1", ready())])));
    let sync = proxier.sync(seconds(2), Some(""));
    assert!(!sync.is_full && sync.jumps().is_empty());
    assert!(!has_line(&sync, "REJECT") && has_line(&sync, "--to-destination 10.244.1.5:8080"));
}

#[test]
fn a_partial_sync_writes_the_chains_of_what_changed_only() {
    let mut proxier = proxier();
    for (name, ip) in [("a", "10.96.0.1"), ("b", "10.96.0.2")] {
        proxier.service_set(&service(name, ip, json!({})));
        proxier.slice_set(slice(name, "TCP", &[("10.244.1.5", "worker-1", ready())]));
    }
    proxier.sync(seconds(1), Some(""));
    proxier.slice_set(slice("b", "TCP", &[("10.244.1.6", "worker-1", ready())]));
    let sync = proxier.sync(seconds(2), Some(""));
    // Both are entered in the shared chain, but only one has its own chains written.
    assert_eq!(chain(&sync, "KUBE-SERVICES").len(), 3);
    assert!(has_line(&sync, "10.244.1.6:8080") && !has_line(&sync, "10.244.1.5:8080"));
    // The same news twice is none.
    assert!(!proxier.slice_set(slice("b", "TCP", &[("10.244.1.6", "worker-1", ready())])));
    assert!(!proxier.service_set(&service("a", "10.96.0.1", json!({}))));
    // An hour later, and after a failure, everything is written again.
    assert!(proxier.sync(seconds(3_700), Some("")).is_full);
    proxier.failed();
    assert!(proxier.sync(seconds(3_701), Some("")).is_full);
}

#[test]
fn chains_that_nobody_needs_are_deleted() {
    let mut proxier = proxier();
    proxier.service_set(&service("web", "10.96.0.20", json!({})));
    proxier.slice_set(slice("web", "TCP", &[("10.244.1.5", "worker-1", ready())]));
    let before = proxier.sync(seconds(1), Some("")).restore;
    proxier.service_delete("default", "web");
    let sync = proxier.sync(seconds(2), Some(&before));
    let deleted: Vec<&str> = sync.restore.lines().filter_map(|line| line.strip_prefix("-X ")).collect();
    assert_eq!(deleted.len(), 2, "its KUBE-SVC and its KUBE-SEP");
    // The line that names a chain empties it; only then can it be deleted.
    assert!(deleted.iter().all(|chain| has_line(&sync, &format!(":{chain} - [0:0]"))));
    assert!(!has_line(&sync, "-X KUBE-SERVICES"));
}

#[test]
fn an_endpoint_that_shuts_down_serves_while_no_other_is_left() {
    let draining = json!({"ready": false, "serving": true, "terminating": true});
    let mut proxier = proxier();
    proxier.service_set(&service("web", "10.96.0.20", json!({})));
    proxier.slice_set(slice(
        "web",
        "TCP",
        &[("10.244.1.5", "worker-1", draining.clone()), ("10.244.2.5", "worker-2", ready())],
    ));
    let sync = proxier.sync(seconds(1), Some(""));
    assert!(has_line(&sync, "10.244.2.5:8080") && !has_line(&sync, "10.244.1.5:8080"));
    proxier.slice_set(slice("web", "TCP", &[("10.244.1.5", "worker-1", draining)]));
    assert!(has_line(&proxier.sync(seconds(2), Some("")), "--to-destination 10.244.1.5:8080"));
}

#[test]
fn policy_local_drops_what_comes_from_outside_where_no_endpoint_is() {
    let mut proxier = proxier();
    let spec = json!({"type": "NodePort", "externalTrafficPolicy": "Local",
                      "ports": [{"port": 80, "nodePort": 30080}]});
    proxier.service_set(&service("web", "10.96.0.20", spec));
    proxier.slice_set(slice("web", "TCP", &[("10.244.2.5", "worker-2", ready())]));
    let sync = proxier.sync(seconds(1), Some(""));
    assert!(chain(&sync, "KUBE-EXTERNAL-SERVICES")[0].ends_with("--dport 30080 -j DROP"));
    // Pods and the node itself still reach it.
    let external = sync.restore.lines().find(|line| line.starts_with(":KUBE-EXT-")).expect("a chain");
    let external = external.trim_start_matches(':').split(' ').next().expect("a name");
    assert_eq!(chain(&sync, external).len(), 3);
    assert_eq!(sync.counts.no_local_external, 1);
}

#[test]
fn comments_go_when_the_cluster_is_large() {
    let mut proxier = proxier();
    let addresses: Vec<String> = (0..1001).map(|n| format!("10.244.{}.{}", n / 250, n % 250 + 1)).collect();
    let endpoints: Vec<(&str, &str, Value)> =
        addresses.iter().map(|ip| (ip.as_str(), "n", ready())).collect();
    proxier.service_set(&service("web", "10.96.0.20", json!({})));
    proxier.slice_set(slice("web", "TCP", &endpoints));
    let sync = proxier.sync(seconds(1), Some(""));
    assert_eq!(sync.counts.endpoints, 1001);
    assert!(!has_line(&sync, "default/web ->"));
    // Stale chains are looked for once in a sync period.
    assert!(!proxier.wants_saved_nat(seconds(20)) && proxier.wants_saved_nat(seconds(40)));
}

#[test]
fn flows_to_a_udp_endpoint_that_is_gone_are_named() {
    let mut proxier = proxier();
    let spec = json!({"ports": [{"port": 53, "protocol": "UDP"}]});
    proxier.service_set(&service("dns", "10.96.0.10", spec));
    proxier.slice_set(slice("dns", "UDP", &[("10.244.1.5", "n", ready())]));
    proxier.sync(seconds(1), Some(""));
    proxier.slice_set(slice("dns", "UDP", &[("10.244.1.6", "n", ready())]));
    assert!(proxier.sync(seconds(2), Some("")).wants_conntrack_cleanup);
    let flow = |to: &str, from: &str| UdpFlow {
        original_destination: to.parse().expect("an address"),
        reply_source: from.parse().expect("an address"),
    };
    let flows = [
        flow("10.96.0.10:53", "10.244.1.5:8080"),
        flow("10.96.0.10:53", "10.244.1.6:8080"),
        flow("10.96.0.11:53", "10.244.1.5:8080"),
    ];
    assert_eq!(proxier.stale_flows(&flows), [0]);
}

#[test]
fn what_another_proxy_looks_after_is_left_alone() {
    let mut proxier = proxier();
    let mut other = service("web", "10.96.0.20", json!({}));
    other.metadata.labels.insert("service.kubernetes.io/service-proxy-name".to_owned(), "mine".to_owned());
    assert!(!proxier.service_set(&other));
    assert!(!proxier.service_set(&service("headless", "None", json!({}))));
    let alias = json!({"type": "ExternalName", "externalName": "example.com"});
    assert!(!proxier.service_set(&service("alias", "", alias)));
}
