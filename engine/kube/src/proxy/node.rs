//! What kube-proxy wants to know of its own Node before it begins.
//!
//! Always: it waits until the Node is there and has an address; what is seen meanwhile is kept.
//! Source: `pkg/proxy/node.go`, Kubernetes 1.36.

use super::iptables::ZONE;
use crate::feed::{Feed, News};
use crate::object::{Kind, Value};
use ipnet::IpNet;
use std::collections::VecDeque;
use std::net::IpAddr;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// InternalIP first, else ExternalIP.
    pub addresses: Vec<IpAddr>,
    pub pod_cidrs: Vec<IpNet>,
    pub zone: Option<String>,
}

impl Node {
    fn of(object: &Value) -> Node {
        let addresses = object.at(&["status", "addresses"]);
        let of = |kind: &str| -> Vec<IpAddr> {
            let those = addresses.items().iter().filter(|it| it.str("type") == kind);
            those.filter_map(|it| it.str("address").parse().ok()).collect()
        };
        let internal = of("InternalIP");
        let cidrs = object.at(&["spec", "podCIDRs"]);
        let zone = object.at(&["metadata", "labels", ZONE]).as_str().to_owned();
        Node {
            addresses: if internal.is_empty() { of("ExternalIP") } else { internal },
            pod_cidrs: cidrs.items().iter().filter_map(|it| it.as_str().parse().ok()).collect(),
            zone: (!zone.is_empty()).then_some(zone),
        }
    }
}

/// The Node of that name, and all that was seen until it was.
pub async fn find_node(feed: &mut Feed, name: &str) -> (Node, VecDeque<News>) {
    let mut early = VecDeque::new();
    loop {
        let news = feed.next().await;
        let found = match &news {
            News::Set(Kind::Node, object) if object.at(&["metadata", "name"]).as_str() == name => {
                Some(Node::of(object))
            }
            _ => None,
        };
        early.push_back(news);
        match found {
            Some(node) if !node.addresses.is_empty() => return (node, early),
            _ => {}
        }
    }
}
