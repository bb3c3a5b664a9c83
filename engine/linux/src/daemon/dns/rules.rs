//! What happens to names that the server has no record of: `local=`, `address=` and `server=`.
//!
//! Always: the longest domain that fits decides; an address of the other family leaves it to the next shorter one.
//! Source: dnsmasq 2.90 `src/domain-match.c`.

use crate::dns::{Kind, Name};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `local=/DOMAIN/`: what is not known here does not exist.
    Local,
    /// `address=/DOMAIN/ADDRESS`
    Address(IpAddr),
    /// `address=/DOMAIN/#`: 0.0.0.0 and ::
    Zero,
    /// `address=/DOMAIN/`: nothing there exists.
    Nothing,
    /// `server=/DOMAIN/ADDRESS`
    Server(SocketAddr),
    /// `server=/DOMAIN/#`: the servers that are asked for everything else.
    Standard,
}

/// What is to be done about a question.
pub(super) enum Fate {
    Local,
    Address(IpAddr),
    Nothing,
    Ask(Vec<SocketAddr>),
    /// The servers for everything else, if there are any.
    Standard,
}

#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<(Name, Rule)>);

impl Rules {
    pub fn add(&mut self, domain: Name, rule: Rule) {
        self.0.push((domain, rule));
    }

    /// How dnsmasq tells them as it starts: servers in their order, then what stays here, the last first.
    pub(super) fn told(&self) -> Vec<String> {
        let server = |(domain, rule): &(Name, Rule)| match rule {
            Rule::Server(at) => {
                Some(format!("using nameserver {}#{} for domain {} ", at.ip(), at.port(), domain.relative()))
            }
            Rule::Standard => Some(format!("using standard nameservers for {}", domain.relative())),
            _ => None,
        };
        let here = |(domain, rule): &(Name, Rule)| {
            let local = matches!(rule, Rule::Local | Rule::Nothing);
            local.then(|| format!("using only locally-known addresses for {}", domain.relative()))
        };
        self.0.iter().filter_map(server).chain(self.0.iter().rev().filter_map(here)).collect()
    }

    pub(super) fn fate(&self, name: &Name, kind: Kind) -> Fate {
        let labels = |name: &Name| name.labels().len();
        for length in (0..=labels(name)).rev() {
            let here: Vec<&Rule> = self
                .0
                .iter()
                .filter(|(domain, _)| labels(domain) == length && name.is_within(domain))
                .map(|(_, rule)| rule)
                .collect();
            for rule in &here {
                match (rule, kind) {
                    (Rule::Address(it @ IpAddr::V4(_)), Kind::A)
                    | (Rule::Address(it @ IpAddr::V6(_)), Kind::AAAA) => return Fate::Address(*it),
                    (Rule::Zero, Kind::A) => return Fate::Address(Ipv4Addr::UNSPECIFIED.into()),
                    (Rule::Zero, Kind::AAAA) => return Fate::Address(Ipv6Addr::UNSPECIFIED.into()),
                    _ => {}
                }
            }
            let server = |rule: &&Rule| match rule {
                Rule::Server(at) => Some(*at),
                _ => None,
            };
            let servers: Vec<SocketAddr> = here.iter().filter_map(server).collect();
            match () {
                () if here.contains(&&Rule::Nothing) => return Fate::Nothing,
                () if here.contains(&&Rule::Local) => return Fate::Local,
                () if !servers.is_empty() => return Fate::Ask(servers),
                () if here.contains(&&Rule::Standard) => return Fate::Standard,
                () => {}
            }
        }
        Fate::Standard
    }
}
