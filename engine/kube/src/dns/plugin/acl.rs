//! acl: who may ask for what.
//!
//! Always: the first policy that is about the client and the type decides; where none is, the query goes on.
//! Source: CoreDNS 1.14.7 `plugin/acl`.

use super::super::chain::Cx;
use super::super::dispenser::Dispenser;
use super::super::request::{Outcome, Request};
use super::super::zone::{from_args, matches};
use ipnet::IpNet;
use linux::dns::{Edns, Kind, Rcode, option};
use std::net::IpAddr;

const UDP_SIZE: u16 = 4096;
/// Extended errors (RFC 8914).
const BLOCKED: u16 = 15;
const FILTERED: u16 = 17;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Allow,
    Block,
    Filter,
    Drop,
}

#[derive(Clone, Debug)]
struct Policy {
    action: Action,
    /// None for all types.
    kinds: Vec<Kind>,
    nets: Vec<IpNet>,
}

#[derive(Clone, Debug)]
struct Rule {
    zones: Vec<String>,
    policies: Vec<Policy>,
}

#[derive(Clone, Debug, Default)]
pub struct Acl {
    rules: Vec<Rule>,
}

impl Acl {
    pub fn parse(at: &mut Dispenser, keys: &[String]) -> Result<Acl, String> {
        let mut acl = Acl::default();
        while at.next() {
            let args = at.remaining_args();
            let zones = if args.is_empty() { keys.to_vec() } else { from_args(&args) };
            let mut policies = Vec::new();
            while at.next_block() {
                policies.push(policy(at)?);
            }
            acl.rules.push(Rule { zones, policies });
        }
        Ok(acl)
    }

    pub async fn serve(&self, cx: &Cx, request: Request) -> Outcome {
        let (name, kind, client) = (request.name(), request.kind(), request.client.ip());
        for rule in self.rules.iter().filter(|rule| matches(&rule.zones, &name).is_some()) {
            let decides = |policy: &&Policy| {
                (policy.kinds.is_empty() || policy.kinds.contains(&kind))
                    && policy.nets.iter().any(|net| net.contains(&client))
            };
            let refuse = |rcode, why: u16| {
                let mut reply = request.reply(rcode);
                let options = vec![(option::EDE, why.to_be_bytes().to_vec())];
                reply.edns = Some(Edns { version: 0, udp_size: UDP_SIZE, dnssec_ok: true, options });
                Outcome::written(reply, "acl")
            };
            match rule.policies.iter().find(decides).map(|policy| policy.action) {
                Some(Action::Drop) => {
                    return Outcome {
                        rcode: Rcode::NOERROR,
                        reply: None,
                        error: None,
                        by: "acl",
                        size: None,
                    };
                }
                Some(Action::Block) => return refuse(Rcode::REFUSED, BLOCKED),
                Some(Action::Filter) => return refuse(Rcode::NOERROR, FILTERED),
                Some(Action::Allow) => break,
                None => {}
            }
        }
        cx.next("acl", request).await
    }
}

fn policy(at: &mut Dispenser) -> Result<Policy, String> {
    let word = at.value().to_ascii_lowercase();
    let action = match word.as_str() {
        "allow" => Action::Allow,
        "block" => Action::Block,
        "filter" => Action::Filter,
        "drop" => Action::Drop,
        _ => {
            return Err(at.error(&format!(
                "unexpected token \"{}\"; expect 'allow', 'block', 'filter' or 'drop'",
                at.value()
            )));
        }
    };
    let mut policy = Policy { action, kinds: Vec::new(), nets: Vec::new() };
    let mut section = String::new();
    for arg in at.remaining_args() {
        if let "type" | "net" = arg.to_ascii_lowercase().as_str() {
            section = arg.to_ascii_lowercase();
            continue;
        }
        match section.as_str() {
            "" => {
                let expects = "expect 'type | net'";
                return Err(at.error(&format!("unexpected token \"{arg}\"; {expects}")));
            }
            _ if arg == "*" => {}
            "type" => {
                let kind = Kind::parse(&arg);
                let wrong = || at.error(&format!("unexpected token \"{arg}\"; expect legal QTYPE"));
                policy.kinds.push(kind.ok_or_else(wrong)?);
            }
            _ => policy
                .nets
                .push(net(&arg).ok_or_else(|| at.error(&format!("illegal CIDR notation \"{arg}\"")))?),
        }
    }
    if policy.nets.is_empty() {
        policy.nets = ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect();
    }
    Ok(policy)
}

/// A range or one address.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
