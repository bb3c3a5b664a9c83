//! What kube-proxy's rules say to a packet, in whole sentences: Service, backend, rewrite.
//!
//! Always: read from the rule's own text (its chain, its comment, its target), so it is true of what the kernel did, not
//! of what the cluster wishes. Source: kubernetes `pkg/proxy/iptables`.

use api::journey::StopKind;

/// The Service port a rule is about, from kube-proxy's comment: `default/web`, `kube-system/kube-dns:dns`.
pub fn service(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("--comment ")?;
    let comment = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(' ').next()?,
    };
    let port = comment.split(' ').next()?;
    port.contains('/').then_some(port)
}

/// The word after an option.
fn after<'a>(text: &'a str, option: &str) -> Option<&'a str> {
    text.split(option).nth(1)?.split_whitespace().next()
}

/// What a rule of a KUBE chain, or one that leads there, means; `None` for any other.
pub fn rule(chain: &str, text: &str) -> Option<String> {
    let target = after(text, "-j ").unwrap_or_default();
    let name = service(text);
    let of = |words: &str| name.map(|name| format!("{words} Service {name}."));
    Some(match (chain, target) {
        ("KUBE-SERVICES" | "KUBE-NODEPORTS", "REJECT") => {
            format!("Service {} has no endpoints: refused.", name?)
        }
        ("KUBE-SERVICES", "KUBE-NODEPORTS") => "For an address of this node: perhaps a node port.".into(),
        ("KUBE-SERVICES", _) => of("It is for")?,
        ("KUBE-NODEPORTS", _) => of("It is for the node port of")?,
        (_, "KUBE-MARK-MASQ") => "Marked, to be masqueraded when it leaves.".into(),
        (_, "DNAT") if chain.starts_with("KUBE-SEP-") => {
            format!("The backend {} of Service {}.", after(text, "--to-destination ")?, name?)
        }
        (_, sep) if sep.starts_with("KUBE-SEP-") => chance(text, name?),
        (_, svc) if svc.starts_with("KUBE-SVC-") || svc.starts_with("KUBE-SVL-") => of("To the backends of")?,
        (_, "KUBE-SERVICES") => "kube-proxy’s rules come next.".into(),
        ("KUBE-POSTROUTING", "MASQUERADE") => "It was marked: it leaves under this node’s address.".into(),
        ("KUBE-POSTROUTING", "RETURN") => "It was not marked: its source stays.".into(),
        _ => return None,
    })
}

/// One of several backends is drawn; the last one takes what is left.
fn chance(text: &str, service: &str) -> String {
    let share = after(text, "--probability ").and_then(|it| it.parse::<f64>().ok()).filter(|it| *it > 0.0);
    match share {
        Some(share) => format!("Drawn: 1 in {:.0} for this backend of Service {service}.", 1.0 / share),
        None => format!("This backend of Service {service} takes what is left."),
    }
}

/// Who rewrote a packet: the rule before it, where kube-proxy wrote that.
pub fn rewritten_by(before: Option<&StopKind>) -> Option<String> {
    let Some(StopKind::Rule { chain, text, .. }) = before else { return None };
    match service(text) {
        Some(service) if chain.starts_with("KUBE-") => Some(format!("by {chain} of {service}")),
        _ if chain.starts_with("KUBE-") => Some(format!("by {chain}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_to_a_service_are_told_as_its_way() {
        let services = r#"-A KUBE-SERVICES -d 10.96.12.7/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G"#;
        assert_eq!(rule("KUBE-SERVICES", services).as_deref(), Some("It is for Service default/web."));
        let drawn = r#"-A KUBE-SVC-L -m comment --comment "default/web -> 10.244.1.5:80" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-A"#;
        assert_eq!(
            rule("KUBE-SVC-L", drawn).as_deref(),
            Some("Drawn: 1 in 2 for this backend of Service default/web.")
        );
        let last = r#"-A KUBE-SVC-L -m comment --comment "default/web -> 10.244.2.5:80" -j KUBE-SEP-B"#;
        assert_eq!(
            rule("KUBE-SVC-L", last).as_deref(),
            Some("This backend of Service default/web takes what is left.")
        );
        let dnat = "-A KUBE-SEP-A -p tcp -m comment --comment default/web -m tcp -j DNAT --to-destination 10.244.1.5:80";
        assert_eq!(
            rule("KUBE-SEP-A", dnat).as_deref(),
            Some("The backend 10.244.1.5:80 of Service default/web.")
        );
    }

    #[test]
    fn a_service_without_endpoints_is_told_as_such() {
        let text = r#"-A KUBE-SERVICES -d 10.96.1.1/32 -p tcp -m comment --comment "default/web:http has no endpoints" -m tcp --dport 80 -j REJECT"#;
        assert_eq!(
            rule("KUBE-SERVICES", text).as_deref(),
            Some("Service default/web:http has no endpoints: refused.")
        );
    }

    #[test]
    fn a_rewrite_names_its_chain_and_service() {
        let rule = StopKind::Rule {
            hook: "OUTPUT".into(),
            table: "nat".into(),
            chain: "KUBE-SEP-A".into(),
            rule: 2,
            walked: 9,
            text: "-A KUBE-SEP-A -m comment --comment default/web -j DNAT --to-destination 10.244.1.5:80"
                .into(),
        };
        assert_eq!(rewritten_by(Some(&rule)).as_deref(), Some("by KUBE-SEP-A of default/web"));
        assert_eq!(rewritten_by(None), None);
    }

    #[test]
    fn a_learners_own_rule_is_left_as_it_is() {
        assert_eq!(rule("PREROUTING", "-A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4"), None);
        assert_eq!(rule("FORWARD", "-A FORWARD -m comment --comment \"a/b\" -j DROP"), None);
    }
}
