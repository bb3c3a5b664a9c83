//! Tables: the columns `kubectl get` shows, made by the server as the real one makes them.
//!
//! Always: a row has a cell for each column; columns of priority 1 show with `-o wide` only.
//! Sources: kubernetes `pkg/printers/internalversion/printers.go`; the printer columns of the Gateway API's CRDs.

mod config;
mod network;
mod node;
mod pod;
mod workload;

use crate::object;
use crate::object::{Kind, Time, Value};

/// Names of columns; those after `|` are wide.
type Columns = &'static str;
type Row = fn(&Value, Time) -> Vec<Value>;

fn layout(kind: Kind) -> (Columns, Row) {
    match kind {
        Kind::Pod => ("Name,Ready,Status,Restarts,Age|IP,Node,Nominated Node,Readiness Gates", pod::row),
        Kind::Service => ("Name,Type,Cluster-IP,External-IP,Port(s),Age|Selector", network::service),
        Kind::Endpoints => ("Name,Endpoints,Age|", network::endpoints),
        Kind::EndpointSlice => ("Name,AddressType,Ports,Endpoints,Age|", network::slice),
        Kind::Ingress => ("Name,Class,Hosts,Address,Ports,Age|", network::ingress),
        Kind::IngressClass => ("Name,Controller,Parameters,Age|", network::class),
        Kind::NetworkPolicy => ("Name,Pod-Selector,Age|", network::policy),
        Kind::Gateway => ("Name,Class,Address,Programmed,Age|", network::gateway),
        Kind::GatewayClass => ("Name,Controller,Accepted,Age|Description", network::gateway_class),
        Kind::HTTPRoute => ("Name,Hostnames,Age|", network::http_route),
        Kind::ServiceCIDR => ("Name,CIDRs,Age|", network::cidr),
        Kind::IPAddress => ("Name,ParentRef|", network::address),
        Kind::Deployment => {
            ("Name,Ready,Up-to-date,Available,Age|Containers,Images,Selector", workload::deployment)
        }
        Kind::ReplicaSet => {
            ("Name,Desired,Current,Ready,Age|Containers,Images,Selector", workload::replica_set)
        }
        Kind::DaemonSet => (
            "Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age|Containers,Images,Selector",
            workload::daemon_set,
        ),
        Kind::StatefulSet => ("Name,Ready,Age|Containers,Images", workload::stateful_set),
        Kind::Job => ("Name,Status,Completions,Duration,Age|Containers,Images,Selector", workload::job),
        Kind::ControllerRevision => ("Name,Controller,Revision,Age|", workload::revision),
        Kind::Node => (
            "Name,Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime",
            node::row,
        ),
        Kind::Namespace => ("Name,Status,Age|", config::namespace),
        Kind::ConfigMap => ("Name,Data,Age|", config::config_map),
        Kind::Secret => ("Name,Type,Data,Age|", config::secret),
        Kind::Lease => ("Name,Holder,Age|", config::lease),
        Kind::Role | Kind::ClusterRole => ("Name,Created At|", config::role),
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            ("Name,Role,Age|Users,Groups,ServiceAccounts", config::binding)
        }
        Kind::Event => {
            ("Last Seen,Type,Reason,Object|Subobject,Source;Message|First Seen,Count,Name", config::event)
        }
        _ => ("Name,Age|", config::plain),
    }
}

/// The table of some objects of one kind.
pub fn of(kind: Kind, objects: &[Value], now: Time, whole: bool) -> Value {
    let (columns, row) = layout(kind);
    let mut table = object!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}});
    table.set("columnDefinitions", definitions(columns));
    let rows = objects.iter().map(|it| {
        let kept = if whole { it.clone() } else { partial(it) };
        object!({"cells": (row(it, now)), "object": kept})
    });
    table.set("rows", rows.collect::<Vec<_>>());
    table
}

fn definitions(columns: Columns) -> Value {
    let mut all = Vec::new();
    for (part, group) in columns.split(';').enumerate() {
        let (plain, wide) = group.split_once('|').unwrap_or((group, ""));
        for (names, priority) in [(plain, 0), (wide, 1)] {
            for name in names.split(',').filter(|it| !it.is_empty()) {
                let format = if name == "Name" && part == 0 { "name" } else { "" };
                all.push(object!({
                    "name": name, "type": "string", "format": format, "description": "", "priority": priority
                }));
            }
        }
    }
    Value::list(all)
}

fn partial(object: &Value) -> Value {
    object!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": (object.get("metadata"))
    })
}

fn name(object: &Value) -> Value {
    object["metadata"].get("name").clone()
}

fn age(object: &Value, now: Time) -> Value {
    Value::from(now.age_of(object["metadata"].str("creationTimestamp")))
}

/// A text, or `<none>` where there is none.
fn or_none(text: &str) -> Value {
    Value::from(if text.is_empty() { "<none>" } else { text })
}
