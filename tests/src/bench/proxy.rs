//! kube-proxy's rules of few and of many Services: writing them, changing one, and a packet through the last of them.
//!
//! The text is kube-proxy's own, loaded as its `iptables-restore` does, into a router between two hosts.

use super::scale::{Lab, address};
use super::{Outcome, timed};
use kube::object::endpointslice::EndpointSlice;
use kube::object::service::Service;
use kube::proxy::iptables::{Config, Proxier};
use kube::proxy::local::DetectLocal;
use kube::proxy::port::Family;
use net::netfilter::text::RestoreOptions;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Where the last Service's endpoint listens.
const PORT: u16 = 9000;

pub struct Times {
    /// Milliseconds.
    pub full: f64,
    pub partial: f64,
    /// Nanoseconds.
    pub known: f64,
    pub first: f64,
}

fn config() -> Config {
    Config {
        family: Family::V4,
        node_name: "r".to_owned(),
        node_ip: address(0, 1).into(),
        node_ips: vec![address(0, 1).into()],
        topology: BTreeMap::new(),
        masquerade_bit: 14,
        masquerade_all: false,
        detect_local: DetectLocal::None,
        localhost_node_ports: true,
        node_port_addresses: Vec::new(),
        nfacct: false,
        conntrack_tcp_liberal: false,
        random_fully: true,
        sync_period: Duration::from_secs(30),
    }
}

fn cluster_ip(number: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a60_0100 + number as u32)
}

fn service(number: usize) -> Outcome<Service> {
    let ip = cluster_ip(number).to_string();
    Ok(serde_json::from_value(json!({
        "metadata": {"namespace": "default", "name": format!("service-{number}")},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ipFamilies": ["IPv4"],
                 "ports": [{"port": 80, "protocol": "UDP"}]},
    }))?)
}

fn slice(number: usize, endpoint: Ipv4Addr) -> Outcome<EndpointSlice> {
    Ok(serde_json::from_value(json!({
        "metadata": {"namespace": "default", "name": format!("service-{number}-1"),
                     "labels": {"kubernetes.io/service-name": format!("service-{number}")}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [endpoint.to_string()], "nodeName": "r", "conditions": {"ready": true}}],
        "ports": [{"name": "", "port": PORT, "protocol": "UDP"}],
    }))?)
}

pub fn services(count: usize) -> Outcome<Times> {
    let mut lab = Lab::routed()?;
    let mut proxier = Proxier::new(config());
    for number in 1..=count {
        let elsewhere = Ipv4Addr::from(0x0af4_0000 + number as u32);
        proxier.service_set(&service(number)?);
        proxier.slice_set(slice(number, if number == count { address(1, 2) } else { elsewhere })?);
    }
    // As kube-proxy leaves it: what leads to its chains is there first.
    let mut jumps = String::new();
    for (table, from, to) in [
        ("filter", "FORWARD", "KUBE-SERVICES"),
        ("nat", "PREROUTING", "KUBE-SERVICES"),
        ("nat", "POSTROUTING", "KUBE-POSTROUTING"),
    ] {
        jumps += &format!("*{table}\n:{to} -\n-A {from} -j {to}\nCOMMIT\n");
    }
    let options = RestoreOptions { no_flush: true, counters: true, ..RestoreOptions::default() };
    lab.restore_with(&jumps, &options)?;
    let sync = |proxier: &mut Proxier, lab: &mut Lab| -> Outcome<f64> {
        let (now, saved) = (lab.net.now(), proxier.wants_saved_nat(lab.net.now()).then_some(""));
        let (done, time) = timed(|| {
            let sync = proxier.sync(now, saved);
            lab.restore_with(&sync.restore, &options)
        });
        done?;
        Ok(time)
    };
    let full = sync(&mut proxier, &mut lab)?;
    proxier.slice_set(slice(1, if count == 1 { address(1, 2) } else { Ipv4Addr::new(10, 245, 0, 1) })?);
    let partial = sync(&mut proxier, &mut lab)?;
    let to = (cluster_ip(count), 80).into();
    let inbox = (address(1, 2), PORT).into();
    Ok(Times { full, partial, known: lab.known(inbox, to)?, first: lab.first(inbox, to)? })
}
