//! From DNS answers to host entries: aliases are followed, records of other names left out.
//!
//! Always: an entry that is handed back has at least one address (or, for a reverse look-up, a name).
//! Source: glibc 2.36 `resolv/nss_dns/dns-host.c`.

use super::nsswitch::Status;
use super::send::Answers;
use super::{HostEntry, HostError};
use crate::dns::{Data, Kind, Message, Name};
use std::net::IpAddr;

/// gethostbyname3: the addresses of one type, with the aliases that led there.
pub(super) fn host(answer: &Message, kind: Kind) -> Result<HostEntry, (Status, HostError)> {
    let Some(question) = answer.question() else { return Err((Status::Unavail, HostError::NoRecovery)) };
    let mut name = question.name.clone();
    let mut aliases = Vec::new();
    let mut addresses = Vec::new();
    for record in &answer.answers {
        match &record.data {
            Data::Name(target) if record.kind == Kind::CNAME => {
                aliases.push(record.name.relative());
                name = target.clone();
            }
            data if record.kind == kind && record.name.same(&name) => {
                if let Some(address) = data.address() {
                    name = record.name.clone();
                    addresses.push(address);
                }
            }
            _ => {}
        }
    }
    if addresses.is_empty() {
        let status = if aliases.is_empty() { Status::TryAgain } else { Status::NotFound };
        return Err((status, HostError::NoRecovery));
    }
    Ok(HostEntry { name: name.relative(), aliases, addresses })
}

/// gethostbyname4: both types, in the order in which the answers came.
pub(super) fn hosts(answers: &Answers) -> Result<HostEntry, (Status, HostError)> {
    let mut entry = HostEntry::default();
    let mut canonical: Option<Name> = None;
    let mut outcome = Err((Status::NotFound, HostError::HostNotFound));
    for answer in [&answers.0, &answers.1].into_iter().flatten() {
        let part = slice(answer, &mut canonical, &mut entry.addresses);
        match (&outcome, &part) {
            (Ok(()), _) | (_, Err((Status::NotFound, _))) => {}
            _ => outcome = part,
        }
    }
    entry.name = canonical.map(|name| name.relative()).unwrap_or_default();
    outcome.map(|()| entry)
}

fn slice(
    answer: &Message,
    canonical: &mut Option<Name>,
    addresses: &mut Vec<IpAddr>,
) -> Result<(), (Status, HostError)> {
    let mut target = None;
    let before = addresses.len();
    for record in &answer.answers {
        match &record.data {
            Data::Name(name) if record.kind == Kind::CNAME => target = Some(name.clone()),
            data => {
                if let Some(address) = data.address() {
                    canonical.get_or_insert_with(|| target.clone().unwrap_or_else(|| record.name.clone()));
                    addresses.push(address);
                }
            }
        }
    }
    match addresses.len() > before {
        true => Ok(()),
        false if answer.answers.is_empty() || target.is_some() => {
            Err((Status::NotFound, HostError::HostNotFound))
        }
        false => Err((Status::TryAgain, HostError::Internal)),
    }
}

/// The name an address goes by.
pub(super) fn reverse(answer: &Message, address: IpAddr) -> Option<HostEntry> {
    let mut owner = answer.question()?.name.clone();
    for record in &answer.answers {
        match &record.data {
            Data::Name(target) if record.kind == Kind::CNAME => owner = target.clone(),
            Data::Name(name) if record.kind == Kind::PTR && record.name.same(&owner) => {
                return Some(HostEntry {
                    name: name.relative(),
                    aliases: Vec::new(),
                    addresses: vec![address],
                });
            }
            _ => {}
        }
    }
    None
}
