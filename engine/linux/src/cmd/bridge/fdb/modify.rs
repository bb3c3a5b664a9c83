//! `bridge fdb add`, `append`, `replace` and `del`.

use super::{mac, usage};
use crate::cmd::bridge::no_device;
use crate::cmd::iproute2::number::{atoi, integer};
use crate::cmd::iproute2::run::{Run, Snapshot, refused};
use crate::cmd::iproute2::{Family, Prefix, Stop, Words, matches};
use net::rtnetlink::{FdbRequest, Mode, ntf, nud};
use std::net::IpAddr;

/// An entry out of its words.
#[derive(Debug, Default)]
struct Reading<'a> {
    family: Family,
    device: Option<&'a str>,
    address: Option<&'a str>,
    dst: Option<IpAddr>,
    dst_given: bool,
    port: Option<u16>,
    vni: Option<u32>,
    via: Option<u32>,
    vlan: Option<u16>,
    flags: u8,
    state: u16,
}

fn vni(value: &str, message: &str) -> Result<u32, Stop> {
    let number = integer(value).filter(|vni| (0..1 << 24).contains(vni));
    number.map(|vni| vni as u32).ok_or_else(|| Stop::wrong(message, value))
}

impl<'a> Reading<'a> {
    fn word(&mut self, word: &'a str, words: &mut Words<'a>, snapshot: &Snapshot) -> Result<(), Stop> {
        let is = |full| matches(word, full);
        match word {
            "dev" => self.device = Some(words.value()?),
            "dst" => {
                let value = words.value()?;
                if self.dst_given {
                    return Err(Stop::garbage("dst", value));
                }
                self.dst = Prefix::address(value, self.family)?.address;
                self.dst_given = true;
            }
            "nhid" | "src_vni" => return Err(Stop::not_simulated("bridge", word, "dst IPADDR")),
            "port" => {
                let value = words.value()?;
                let number = integer(value).and_then(|port| u16::try_from(port).ok());
                let number = number.ok_or_else(|| Stop::wrong("invalid port\n", value))?;
                self.port = Some(number).filter(|port| *port != 0);
            }
            "vni" => self.vni = Some(vni(words.value()?, "invalid VNI\n")?),
            "via" => {
                let value = words.value()?;
                let index = snapshot.index(value);
                self.via = Some(index.ok_or_else(|| Stop { exits: true, ..no_device(value) })?);
            }
            "self" => self.flags |= ntf::SELF,
            _ if is("master") => self.flags |= ntf::MASTER,
            _ if is("router") => self.flags |= ntf::ROUTER,
            _ if is("local") || is("permanent") => self.state |= nud::PERMANENT,
            _ if is("temp") || is("static") => self.state |= nud::REACHABLE,
            _ if is("dynamic") => self.state = self.state & !nud::NOARP | nud::REACHABLE,
            _ if is("vlan") => {
                if self.vlan.is_some() {
                    return Err(Stop::garbage("vlan", word));
                }
                self.vlan = u16::try_from(atoi(words.value()?) as i16).ok();
            }
            _ if is("use") => self.flags |= ntf::USE,
            _ if is("extern_learn") => self.flags |= ntf::EXT_LEARNED,
            _ if is("sticky") => self.flags |= ntf::STICKY,
            _ => {
                let value = if word == "to" { words.value()? } else { word };
                if matches(value, "help") {
                    return Err(usage());
                }
                if self.address.is_some() {
                    return Err(Stop::garbage("to", value));
                }
                self.address = Some(value);
            }
        }
        Ok(())
    }
}

/// `mode` is none for `del`.
pub async fn modify(run: &mut Run, mut words: Words<'_>, mode: Option<Mode>) -> Result<(), Stop> {
    let snapshot = run.snapshot().await;
    let mut reading = Reading { family: run.options.family, state: nud::NOARP, ..Reading::default() };
    while let Some(word) = words.next() {
        reading.word(word, &mut words, &snapshot)?;
    }
    let (Some(device), Some(address)) = (reading.device, reading.address) else {
        return Err(Stop::fail(255, "Device and address are required arguments.\n"));
    };
    if reading.flags & (ntf::SELF | ntf::MASTER) == 0 {
        reading.flags |= ntf::SELF;
    }
    if reading.state & (nud::PERMANENT | nud::REACHABLE) == 0 {
        reading.state |= nud::PERMANENT;
    }
    let mac = mac(address)?;
    let index = snapshot.index(device).ok_or_else(|| no_device(device))?;
    let request = FdbRequest {
        index,
        mac,
        flags: reading.flags,
        state: reading.state,
        vlan: reading.vlan,
        dst: reading.dst,
        port: reading.port,
        vni: reading.vni,
        via: reading.via,
        mode: mode.unwrap_or_default(),
    };
    let done = run
        .change(move |net, ns| match mode {
            Some(_) => net.fdb_add(ns, &request),
            None => net.fdb_delete(ns, &request),
        })
        .await;
    done.map_err(|error| refused(&error, 255))
}
