//! How connections end, and what the next one under the same number is spared.

use crate::lab::{Lab, bootstrap, cluster, http_listener};
use sidecar::proxy::Input;

#[test]
fn a_connection_that_timed_out_is_tried_again_though_the_number_is_the_same() {
    let listener = "- name: tcp
  address: {socket_address: {address: 127.0.0.1, port_value: 8000}}
  filter_chains:
  - filters:
    - name: tcp
      typed_config:
        '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
        stat_prefix: tcp
        cluster: up
        max_connect_attempts: 2
";
    let mut lab = Lab::new(&bootstrap(listener, &cluster("up", 9000, ""), ""), &[]);
    let client = lab.connect(8000);
    let first = lab.asked[0].0;
    lab.wait_ms(1000);
    assert_eq!(lab.asked.len(), 1, "asked for again");
    let second = lab.open();
    assert_eq!(first, second);
    lab.send(client, b"hello");
    assert_eq!(lab.heard_text(second), "hello");
}

#[test]
fn an_answer_ahead_of_the_requests_end_says_that_the_connection_ends() {
    let mut lab =
        Lab::new(&bootstrap(&http_listener("in", 8000, "up", ""), &cluster("up", 9000, ""), ""), &[]);
    let client = lab.connect(8000);
    lab.send(client, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
    let host = lab.open();
    lab.send(host, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
    assert!(lab.heard_text(client).contains("connection: close\r\n"));
    assert_eq!(lab.stat("http.in.downstream_rq_response_before_rq_complete"), 1);
}

#[test]
fn a_host_that_breaks_off_in_the_middle_of_an_answer_has_broken_the_protocol() {
    let mut lab =
        Lab::new(&bootstrap(&http_listener("in", 8000, "up", ""), &cluster("up", 9000, ""), ""), &[]);
    let client = lab.connect(8000);
    lab.send(client, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let host = lab.open();
    lab.send(host, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    lab.handle(Input::Closed { conn: host, is_reset: true });
    assert_eq!(lab.stat("cluster.up.upstream_cx_protocol_error"), 1);
    assert_eq!(lab.stat("cluster.up.upstream_cx_destroy_remote_with_active_rq"), 1);
    assert_eq!(lab.stat("http.in.downstream_rq_tx_reset"), 1);
}
