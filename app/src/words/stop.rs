//! What happened at a stop of a packet's journey, in whole sentences for the Journey pane.
//!
//! Beside `StopKind::text`, which says the same in a line for terminals and checks.
//! Always: every kind of stop has a sentence; rule text and addresses are given apart, to be set in their own type.

use super::kube;
use api::journey::StopKind;

/// A stop in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The word of the field, set bold: a hook, a verdict.
    pub term: String,
    pub sentence: String,
    /// A rule, a route: set as code.
    pub code: Option<String>,
    /// Before and after a rewrite.
    pub rewrite: Option<(String, String)>,
    /// What the rule is for, where kube-proxy wrote it.
    pub plain: Option<String>,
    /// Hardly worth a look: nothing was decided here.
    pub quiet: bool,
}

fn told(term: &str, sentence: impl Into<String>) -> Told {
    Told { term: term.into(), sentence: sentence.into(), ..Told::default() }
}

fn quiet(sentence: impl Into<String>) -> Told {
    Told { sentence: sentence.into(), quiet: true, ..Told::default() }
}

pub fn tell(kind: &StopKind) -> Told {
    match kind {
        StopKind::Made { by } => told("", format!("Made by {by}.")),
        StopKind::Sent => quiet("Sent."),
        StopKind::Received => quiet("Received."),
        StopKind::BridgeLearn { mac, port } => quiet(format!("The bridge learns: {mac} is behind {port}.")),
        StopKind::BridgeForward { port } => {
            told("bridge", format!("The MAC address is known: out of {port}."))
        }
        StopKind::BridgeFlood { ports } if ports.is_empty() => {
            told("bridge", "Flooded, but there is no other port.")
        }
        StopKind::BridgeFlood { ports } => told(
            "bridge",
            format!("The MAC address is not known, or is for all: out of {}.", ports.join(", ")),
        ),
        StopKind::BridgeLocal => told("bridge", "For the bridge itself: handed up to the machine."),
        StopKind::Rule { hook, table, chain, rule, walked, text } => Told {
            code: Some(text.clone()),
            plain: kube::rule(chain, text),
            ..told(&format!("{hook} {table}"), rule_sentence(hook, chain, *rule, *walked))
        },
        StopKind::Policy { hook, table, chain, walked, policy } => Told {
            quiet: policy == "ACCEPT",
            ..told(&format!("{hook} {table}"), policy_sentence(hook, chain, *walked, policy))
        },
        StopKind::Conntrack { state, tuple } => {
            Told { code: Some(tuple.clone()), quiet: true, ..told("conntrack", conntrack_sentence(state)) }
        }
        StopKind::Nat { kind, before, after } => {
            Told { rewrite: Some((before.clone(), after.clone())), ..told(kind, "") }
        }
        StopKind::Route { to, route } => {
            Told { code: Some(route.clone()), ..told("route", format!("The way to {to}:")) }
        }
        StopKind::Forward { ttl } => {
            told("forwarded", format!("This machine is a router. TTL is now {ttl}."))
        }
        StopKind::NeighbourWait { ip, device } => {
            told("ARP", format!("Waits: who has {ip}? Asked on {device}."))
        }
        StopKind::Neighbour { ip, mac } => quiet(format!("{ip} is at {mac}.")),
        StopKind::Fragment { pieces, mtu } => {
            told("fragments", format!("Too large for the MTU of {mtu}: cut into {pieces}."))
        }
        StopKind::Encapsulate { how, outer } => {
            Told { code: Some(outer.clone()), ..told(how, "Wrapped into another packet:") }
        }
        StopKind::Decapsulate { how, outer } => {
            Told { code: Some(outer.clone()), ..told(how, "Unwrapped from:") }
        }
        StopKind::Retransmit { waited_ms } => {
            told("sent again", format!("No acknowledgement came for {waited_ms} ms."))
        }
        StopKind::Proxy { part, words } => super::proxy::tell(part, words),
        StopKind::Delivered { to } => told("delivered", format!("To {to}.")),
        StopKind::Consumed { by } => told("taken", format!("By {by}.")),
        StopKind::Dropped { reason, detail } => {
            let detail = if detail.is_empty() { String::new() } else { format!(" {detail}") };
            told(reason.name(), format!("{}{detail}", reason.explain()))
        }
    }
}

/// A base chain is called as its hook; only a user chain is worth a name.
fn rule_sentence(hook: &str, chain: &str, rule: u32, walked: u32) -> String {
    let place = if chain == hook { format!("rule {rule}") } else { format!("{chain} rule {rule}") };
    match super::rules_walked(walked) {
        words if words.is_empty() => format!("{place} matches:"),
        words => format!("{place} matches, {words}:"),
    }
}

fn policy_sentence(hook: &str, chain: &str, walked: u32, policy: &str) -> String {
    let chain = if chain == hook { String::new() } else { format!("{chain}: ") };
    match walked {
        0 => format!("{chain}no rules, policy {policy}."),
        1 => format!("{chain}1 rule, no match, policy {policy}."),
        _ => format!("{chain}{walked} rules, none matched, policy {policy}."),
    }
}

fn conntrack_sentence(state: &str) -> String {
    match state {
        "NEW" => "A new flow, remembered from here on:".into(),
        "ESTABLISHED" => "A flow that is known:".into(),
        "RELATED" => "Belongs to another flow:".into(),
        "INVALID" => "Fits no flow:".into(),
        other => format!("State {other}:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::DropReason;

    #[test]
    fn a_rule_is_told_with_its_number_and_what_was_walked() {
        let rule = StopKind::Rule {
            hook: "FORWARD".into(),
            table: "filter".into(),
            chain: "KUBE-FORWARD".into(),
            rule: 2,
            walked: 9,
            text: "-j REJECT".into(),
        };
        let words = tell(&rule);
        assert_eq!(words.term, "FORWARD filter");
        assert_eq!(words.sentence, "KUBE-FORWARD rule 2 matches, 9 rules walked:");
        assert_eq!(words.code.as_deref(), Some("-j REJECT"));
    }

    #[test]
    fn a_drop_names_the_kernels_reason_and_says_it_plainly() {
        let words = tell(&StopKind::Dropped { reason: DropReason::NeighFailed, detail: String::new() });
        assert_eq!(
            (words.term.as_str(), words.sentence.as_str()),
            ("NEIGH_FAILED", DropReason::NeighFailed.explain())
        );
    }

    #[test]
    fn an_accepting_policy_is_hardly_worth_a_look_and_a_dropping_one_is() {
        let policy = |policy: &str| StopKind::Policy {
            hook: "INPUT".into(),
            table: "filter".into(),
            chain: "INPUT".into(),
            walked: 0,
            policy: policy.into(),
        };
        assert!(tell(&policy("ACCEPT")).quiet);
        assert!(!tell(&policy("DROP")).quiet);
        assert_eq!(tell(&policy("DROP")).sentence, "no rules, policy DROP.");
    }
}
