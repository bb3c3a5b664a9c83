//! loopback: brings `lo` up.
//!
//! Always: the interface's name in the environment does not count.
//! Source: containernetworking/plugins 1.1.1 `plugins/main/loopback`.

use super::config::NetConf;
use super::error::{CniError, CniResult};
use super::link::{self, text};
use super::netns::{self, NoNetns};
use super::result::{Address, Attachment, Interface};
use super::skel::Call;
use linux::Sys;
use net::Mac;
use net::rtnetlink::LinkRequest;

const LO: &str = "lo";

async fn parse(call: &Call) -> CniResult<(NetConf, Option<Attachment>)> {
    let net = NetConf::parse(&call.stdin).map_err(|why| format!("failed to parse network config: {why}"))?;
    let previous = match net.previous() {
        Some(value) => {
            let read = Attachment::read(value, &net.version);
            Some(
                read.map_err(|why| format!("failed to parse prevResult: could not parse prevResult: {why}"))?,
            )
        }
        None => None,
    };
    Ok((net, previous))
}

pub async fn add(sys: &Sys, call: &Call) -> CniResult<String> {
    let (net, previous) = parse(call).await?;
    let netns = netns::find(sys, &call.netns).await?;
    let lo = link::by_name(sys, netns, LO).await.ok_or_else(|| CniError::internal("Link not found"))?;
    link::set_up(sys, netns, &lo).await.map_err(|error| text(&error))?;
    let mut held = link::addresses(sys, netns, lo.index).await;
    held.sort_by_key(|it| it.addr().is_ipv6());
    if let Some(wrong) = held.iter().find(|it| !it.addr().is_loopback()) {
        let words = format!("loopback interface found with non-loopback address \"{}\"", wrong.addr());
        return Err(CniError::internal(words));
    }
    if let Some(previous) = previous {
        return Ok(previous.print(&net.version)?);
    }
    held.dedup_by_key(|it| it.addr().is_ipv6());
    let address = |address| Address { interface: Some(0), address, gateway: None };
    let interface =
        Interface { name: LO.to_owned(), mac: Mac::ZERO.to_string(), sandbox: call.netns.clone() };
    let result = Attachment {
        interfaces: vec![interface],
        addresses: held.into_iter().map(address).collect(),
        ..Attachment::default()
    };
    Ok(result.print_current(&net.version)?)
}

pub async fn delete(sys: &Sys, call: &Call) -> CniResult<()> {
    if call.netns.is_empty() {
        return Ok(());
    }
    let netns = match netns::find(sys, &call.netns).await {
        Ok(netns) => netns,
        Err(NoNetns::Gone(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let lo = link::by_name(sys, netns, LO).await.ok_or_else(|| CniError::internal("Link not found"))?;
    let request = LinkRequest { index: Some(lo.index), up: Some(false), ..LinkRequest::default() };
    Ok(link::set(sys, netns, request).await.map_err(|error| text(&error))?)
}

pub async fn check(sys: &Sys, call: &Call) -> CniResult<()> {
    let netns = netns::find(sys, &call.netns).await?;
    match link::by_name(sys, netns, LO).await {
        Some(lo) if lo.is_up() => Ok(()),
        Some(_) => Err(CniError::internal("loopback interface is down")),
        None => Err(CniError::internal("Link not found")),
    }
}
