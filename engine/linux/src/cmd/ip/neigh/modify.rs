//! `ip neigh add`, `change`, `replace` and `delete`.

use super::{state, usage};
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::{Run, refused};
use crate::cmd::iproute2::{Family, Names, Prefix, Stop, Words, lladdr, matches};
use net::rtnetlink::{Mode, NeighbourRequest, NetlinkError, ntf, nud};
use net::{Errno, Mac};

/// An entry out of its words.
struct Reading<'a> {
    names: &'a Names,
    family: Family,
    destination: Option<Prefix>,
    device: Option<&'a str>,
    lladdr: Option<&'a str>,
    state: u16,
    flags: u8,
    protocol: u8,
}

impl<'a> Reading<'a> {
    fn word(&mut self, word: &'a str, words: &mut Words<'a>) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            _ if is("lladdr") => {
                let value = words.value()?;
                if self.lladdr.is_some() {
                    return Err(Stop::second("lladdr", value));
                }
                self.lladdr = Some(value);
            }
            "nud" => {
                let value = words.value()?;
                self.state = state(value).ok_or_else(|| Stop::wrong("nud state is bad", value))?;
            }
            _ if is("proxy") => {
                let value = words.value()?;
                if matches(value, "help") {
                    return Err(usage());
                }
                if self.destination.is_some() {
                    return Err(Stop::second("address", value));
                }
                self.destination = Some(Prefix::address(value, self.family)?);
                self.flags |= ntf::PROXY;
            }
            "router" => self.flags |= ntf::ROUTER,
            "use" => self.flags |= ntf::USE,
            "managed" => return Err(Stop::not_simulated("ip", "managed", "nud permanent")),
            _ if is("extern_learn") => self.flags |= ntf::EXT_LEARNED,
            "dev" => self.device = Some(words.value()?),
            _ if is("protocol") => {
                let value = words.value()?;
                let number = self.names.number(List::Protocol, value).and_then(|it| u8::try_from(it).ok());
                self.protocol =
                    number.ok_or_else(|| Stop::wrong("\"protocol\" value is invalid\n", value))?;
            }
            _ => {
                let mut value = if word == "to" { words.value()? } else { word };
                if matches(value, "help") {
                    value = words.value()?;
                }
                if self.destination.is_some() {
                    return Err(Stop::garbage("to", value));
                }
                self.destination = Some(Prefix::address(value, self.family)?);
            }
        }
        Ok(())
    }
}

pub async fn modify(run: &mut Run, mut words: Words<'_>, mode: Option<Mode>) -> Result<(), Stop> {
    let mut reading = Reading {
        names: &run.names,
        family: run.options.family,
        destination: None,
        device: None,
        lladdr: None,
        state: nud::PERMANENT,
        flags: 0,
        protocol: 0,
    };
    while let Some(word) = words.next() {
        reading.word(word, &mut words)?;
    }
    let Reading { device, state, flags, protocol, .. } = reading;
    let complete = device.is_some() || flags & ntf::PROXY != 0;
    let Some(destination) = reading.destination.and_then(|prefix| prefix.address).filter(|_| complete) else {
        return Err(Stop::exit(255, "Device and destination are required arguments.\n"));
    };
    let mac = match reading.lladdr {
        None | Some("null") => None,
        Some(word) => Some(lladdr::parse(word).map_err(|text| Stop::fail(1, text))?),
    };
    let snapshot = run.snapshot().await;
    let index = device.map(|name| snapshot.device(name)).transpose()?.unwrap_or(0);
    if mac.as_ref().is_some_and(|bytes| bytes.len() != 6) {
        return Err(refused(&NetlinkError::new(Errno::EINVAL, "Invalid link address"), 2));
    }
    let request = NeighbourRequest {
        index,
        destination,
        mac: mac.map(|bytes| Mac::from_slice(&bytes)),
        state,
        flags,
        protocol,
        mode: mode.unwrap_or_default(),
    };
    let done = run
        .request(move |net, ns| match mode {
            Some(_) => net.neighbour_add(ns, &request),
            None => net.neighbour_delete(ns, &request),
        })
        .await;
    done.map_err(|stop| Stop { exits: true, ..stop })
}
