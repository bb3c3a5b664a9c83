//! getaddrinfo(3): a name to addresses of one family or both, ordered by what can be reached.
//!
//! Always: a numeric address asks nobody; several addresses are sorted, and the first carries the canonical name.
//! Source: glibc 2.36 `sysdeps/posix/getaddrinfo.c`.

use super::nsswitch::{Source, Status};
use super::{Answer, Files, HostEntry, HostError, answer, hosts, is_host_name, numeric, order};
use crate::dns::Kind;
use crate::sys::Sys;
use net::SocketKind;
use net::rtnetlink::Family;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `hints`
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    /// AF_UNSPEC where `None`.
    pub family: Option<Family>,
    /// AI_CANONNAME
    pub canonical: bool,
    /// AI_ADDRCONFIG: families that the machine has an address of.
    pub configured: bool,
    /// AI_V4MAPPED
    pub mapped: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddrInfo {
    pub address: IpAddr,
    /// As written behind `%`.
    pub scope: Option<String>,
    /// On the first only, if asked for.
    pub canonical: Option<String>,
}

/// EAI_*
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaiError {
    AddrFamily,
    Again,
    NoData,
    NoName,
    System,
    Service,
}

impl GaiError {
    /// gai_strerror(3)
    pub fn text(self) -> &'static str {
        match self {
            GaiError::AddrFamily => "Address family for hostname not supported",
            GaiError::Again => "Temporary failure in name resolution",
            GaiError::NoData => "No address associated with hostname",
            GaiError::NoName => "Name or service not known",
            GaiError::System => "System error",
            GaiError::Service => "Servname not supported for ai_socktype",
        }
    }

    /// `EAI_…`
    pub fn code(self) -> i32 {
        match self {
            GaiError::NoName => -2,
            GaiError::Again => -3,
            GaiError::NoData => -5,
            GaiError::Service => -8,
            GaiError::AddrFamily => -9,
            GaiError::System => -11,
        }
    }
}

/// What a look-up that found no address leaves behind (`no_data`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lack {
    Nothing,
    NoData,
    Again,
}

impl From<HostError> for Lack {
    fn from(error: HostError) -> Lack {
        match error {
            HostError::TryAgain => Lack::Again,
            HostError::NoData => Lack::NoData,
            _ => Lack::Nothing,
        }
    }
}

pub async fn getaddrinfo(sys: &Sys, name: &str, mut hints: Hints) -> Result<Vec<AddrInfo>, GaiError> {
    if hints.configured {
        hints.family = configured_family(sys, hints.family).await?;
    }
    if let Some((address, scope)) = numeric::address(name) {
        return numeric_result(name, address, scope, hints).map(|it| vec![it]);
    }
    if name.is_empty() {
        return Err(GaiError::NoName);
    }
    let files = Files::read(sys).await;
    let entry = match (hints.family, hints.canonical) {
        (Some(Family::Inet), false) => simple(sys, name).await?,
        (family, _) => files.addresses(name, family, hints).await?,
    };
    let mut found: Vec<AddrInfo> = sorted(sys, entry.addresses)
        .await
        .into_iter()
        .map(|address| AddrInfo { address, scope: None, canonical: None })
        .collect();
    let canonical = if entry.name.is_empty() { name.to_owned() } else { entry.name };
    match found.first_mut() {
        Some(first) => first.canonical = hints.canonical.then_some(canonical),
        None => return Err(GaiError::NoName),
    }
    Ok(found)
}

fn numeric_result(
    name: &str,
    address: IpAddr,
    scope: Option<&str>,
    hints: Hints,
) -> Result<AddrInfo, GaiError> {
    let address = match (address, hints.family) {
        (IpAddr::V4(v4), Some(Family::Inet6)) if hints.mapped => IpAddr::V6(v4.to_ipv6_mapped()),
        (IpAddr::V6(v6), Some(Family::Inet)) => {
            v6.to_ipv4_mapped().map(IpAddr::V4).ok_or(GaiError::AddrFamily)?
        }
        (IpAddr::V4(_), Some(Family::Inet6)) => return Err(GaiError::AddrFamily),
        (address, _) => address,
    };
    let canonical = hints.canonical.then(|| name.to_owned());
    Ok(AddrInfo { address, scope: scope.map(str::to_owned), canonical })
}

/// Which families AI_ADDRCONFIG leaves; EAI_NONAME where that is none of those asked for.
async fn configured_family(sys: &Sys, family: Option<Family>) -> Result<Option<Family>, GaiError> {
    let has = |family| async move {
        let addresses = sys.net(move |net, ns| net.addresses(ns, family)).await;
        addresses.iter().any(|it| match it.local {
            IpAddr::V4(v4) => v4 != Ipv4Addr::LOCALHOST,
            IpAddr::V6(v6) => !v6.is_loopback(),
        })
    };
    let (v4, v6) = (has(Family::Inet).await, has(Family::Inet6).await);
    match family {
        None if v4 && !v6 => Ok(Some(Family::Inet)),
        None if v6 && !v4 => Ok(Some(Family::Inet6)),
        Some(Family::Inet) if !v4 => Err(GaiError::NoName),
        Some(Family::Inet6) if !v6 => Err(GaiError::NoName),
        family => Ok(family),
    }
}

/// Only IPv4 and no canonical name: gethostbyname2(3) is enough.
async fn simple(sys: &Sys, name: &str) -> Result<HostEntry, GaiError> {
    super::gethostbyname2(sys, name, Family::Inet).await.map_err(|error| match error {
        HostError::HostNotFound => GaiError::NoName,
        HostError::TryAgain => GaiError::Again,
        HostError::Internal => GaiError::System,
        HostError::NoData | HostError::NoRecovery => GaiError::NoData,
    })
}

impl Files<'_> {
    async fn addresses(
        &self,
        name: &str,
        family: Option<Family>,
        hints: Hints,
    ) -> Result<HostEntry, GaiError> {
        let (mut lack, mut lack6) = (Lack::Nothing, Lack::Nothing);
        let mut last = Err((Status::Unavail, HostError::HostNotFound));
        for step in &self.steps {
            let outcome = match family {
                None => {
                    let outcome = self.any(&step.source, name).await;
                    lack = outcome.as_ref().map_or_else(|(_, error)| (*error).into(), |_| Lack::Nothing);
                    lack6 = lack;
                    outcome
                }
                Some(family) => {
                    let outcome = self.one(&step.source, name, family, hints).await;
                    lack = outcome.as_ref().map_or_else(|(_, error)| (*error).into(), |_| Lack::Nothing);
                    lack6 = lack;
                    outcome
                }
            };
            let status = outcome.as_ref().map_or_else(|(status, _)| *status, |_| Status::Success);
            last = outcome;
            if step.ends_at(status) {
                break;
            }
        }
        match last {
            Ok(entry) => Ok(entry),
            Err((Status::TryAgain | Status::Unavail, HostError::Internal)) => Err(GaiError::System),
            Err(_) if lack == Lack::Again && lack6 == Lack::Again => Err(GaiError::Again),
            Err(_) if lack != Lack::Nothing && lack6 != Lack::Nothing => Err(GaiError::NoData),
            Err(_) => Err(GaiError::NoName),
        }
    }

    /// Both families at once; gethostbyname4.
    async fn any(&self, source: &Source, name: &str) -> Answer<HostEntry> {
        match source {
            Source::Files => {
                hosts::by_name_any(&self.hosts, name).ok_or((Status::NotFound, HostError::HostNotFound))
            }
            Source::Dns if !is_host_name(name) => Err((Status::NotFound, HostError::HostNotFound)),
            Source::Dns => {
                let both = [Kind::A, Kind::AAAA];
                let kinds = if self.conf.no_aaaa { &both[..1] } else { &both };
                let found = self.search(kinds).search(name).await;
                answer::hosts(&found.map_err(|failure| (failure.status(), failure.error))?)
            }
            Source::Missing(_) => Err((Status::Unavail, HostError::Internal)),
        }
    }

    /// One family; for IPv6 the IPv4 addresses too, mapped, where that is asked for and there is no other.
    async fn one(&self, source: &Source, name: &str, family: Family, hints: Hints) -> Answer<HostEntry> {
        let outcome = self.by_name(source, name, family, |failure| failure.error).await;
        if family == Family::Inet || !hints.mapped || outcome.is_ok() {
            return outcome;
        }
        let mut entry = self.by_name(source, name, Family::Inet, |failure| failure.error).await?;
        for address in &mut entry.addresses {
            if let IpAddr::V4(v4) = *address {
                *address = IpAddr::V6(v4.to_ipv6_mapped());
            }
        }
        Ok(entry)
    }
}

/// In the order of RFC 3484. The source of each is found as glibc does: a datagram socket is connected, nothing sent.
async fn sorted(sys: &Sys, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    if addresses.len() < 2 {
        return addresses;
    }
    let mut destinations = Vec::new();
    for address in addresses {
        let source = source_for(sys, address).await;
        let prefix = match source {
            Some(source) => prefix_of(sys, source).await,
            None => 0,
        };
        destinations.push(order::Destination { address, source, prefix });
    }
    order::sort(&mut destinations);
    destinations.into_iter().map(|it| it.address).collect()
}

async fn source_for(sys: &Sys, address: IpAddr) -> Option<IpAddr> {
    let socket = sys.socket(SocketKind::Udp).await.ok()?;
    socket.connect(SocketAddr::new(address, 0), None).await.ok()?;
    Some(socket.local().await.ok()?.ip())
}

async fn prefix_of(sys: &Sys, source: IpAddr) -> u8 {
    let addresses = sys.net(move |net, ns| net.addresses(ns, Family::of(source))).await;
    addresses.iter().find(|it| it.local == source).map_or(0, |it| it.prefix)
}
