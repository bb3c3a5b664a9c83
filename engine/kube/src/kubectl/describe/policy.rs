//! `describe networkpolicy`.

use super::{Text, config};
use crate::kubectl::jsonpath::shown;
use crate::object::selector;
use crate::object::{Time, Value};

pub fn describe(out: &mut Text, object: &Value) {
    let (metadata, spec) = (object.get("metadata"), object.get("spec"));
    let mut head = Text::default();
    config::head(&mut head, object);
    let made = Time::parse(metadata.str("creationTimestamp")).map_or(String::new(), Time::go);
    // When it was made stands between namespace and labels.
    let at = head.text.find("Labels:").unwrap_or(0);
    head.text.insert_str(at, &format!("Created on:\t{made}\n"));
    out.text.push_str(&head.text);
    out.line(0, "Spec:");
    let chosen = selector::shown(spec.get("podSelector"));
    let chosen = if chosen == "<none>" {
        "<none> (Allowing the specific traffic to all pods in this namespace)"
    } else {
        &chosen
    };
    out.line(1, format!("PodSelector:     {chosen}"));
    let types: Vec<&str> = spec.get("policyTypes").items().iter().map(Value::as_str).collect();
    for (word, direction, list, from) in
        [("Ingress", "ingress", "ingress", "From"), ("Egress", "egress", "egress", "To")]
    {
        if types.contains(&word) {
            out.line(1, format!("Allowing {direction} traffic:"));
            rules(out, spec.get(list).items(), direction, from);
        } else {
            out.line(1, format!("Not affecting {direction} traffic"));
        }
    }
    out.line(1, format!("Policy Types: {}", types.join(", ")));
}

fn rules(out: &mut Text, rules: &[Value], direction: &str, from: &str) {
    if rules.is_empty() {
        out.line(2, format!("<none> (Selected pods are isolated for {direction} connectivity)"));
        return;
    }
    for (at, rule) in rules.iter().enumerate() {
        let ports = rule.get("ports").items();
        if ports.is_empty() {
            out.line(2, "To Port: <any> (traffic allowed to all ports)");
        }
        for port in ports {
            let protocol = if port.str("protocol").is_empty() { "TCP" } else { port.str("protocol") };
            match (port.get("port"), port.get("endPort").as_int()) {
                (Value::Null, _) => out.line(2, format!("To Port: <nil>/{protocol}")),
                (from, Some(to)) => out.line(2, format!("To Port Range: {}-{to}/{protocol}", shown(from))),
                (port, None) => out.line(2, format!("To Port: {}/{protocol}", shown(port))),
            }
        }
        let peers = rule.get(if from == "From" { "from" } else { "to" }).items();
        if peers.is_empty() {
            let what = if from == "From" { "by source" } else { "by destination" };
            out.line(2, format!("{from}: <any> (traffic not restricted {what})"));
        }
        for peer in peers {
            out.line(2, format!("{from}:"));
            let block = peer.get("ipBlock");
            if !block.is_null() {
                out.line(3, "IPBlock:");
                out.line(4, format!("CIDR: {}", block.str("cidr")));
                let except: Vec<&str> = block.get("except").items().iter().map(Value::as_str).collect();
                out.line(4, format!("Except: {}", except.join(", ")));
                continue;
            }
            for (name, field) in [("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")]
            {
                if peer.has(field) {
                    out.line(3, format!("{name}: {}", selector::shown(peer.get(field))));
                }
            }
        }
        if at + 1 < rules.len() {
            out.line(2, "----------");
        }
    }
}
